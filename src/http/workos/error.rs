//! The WorkOS-shaped face of errors: one table from meanings to statuses and bodies.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::Error;

/// An [`Error`] on its way to an application; `?` converts.
#[derive(Debug)]
pub struct ApiFailure(pub Error);

impl<E: Into<Error>> From<E> for ApiFailure {
    fn from(error: E) -> Self {
        ApiFailure(error.into())
    }
}

/// Codes of [`Error::Invalid`] that the vendor answers with 400 rather than 422.
const BAD_REQUEST: [&str; 11] = [
    "external_id_already_used",
    "stripe_customer_id_already_used",
    "invalid_metadata",
    "invalid_header",
    "missing_user_id_or_organization_id",
    "group_membership_update_overlap",
    "user_creation_error",
    "email_not_available",
    "invalid_email",
    "bad_request",
    "domain_already_verified",
];

/// Codes of [`Error::Invalid`] that stand at the top of a 422, as the vendor has them, rather than in its `errors`.
const ON_TOP: [&str; 5] = [
    "organization_membership_directory_managed",
    "user_directory_managed",
    "invalid_role",
    "invalid_url",
    "idempotency_key_reused",
];

impl IntoResponse for ApiFailure {
    fn into_response(self) -> Response {
        let (status, body) = face(&self.0);
        let mut response = (status, Json(body)).into_response();
        match &self.0 {
            Error::Unauthorized(_) => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Error::TooManyRequests { retry_after } | Error::Busy { retry_after, .. } => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
            }
            _ => {}
        }
        response
    }
}

fn face(error: &Error) -> (StatusCode, Value) {
    let plain = |code: &str| json!({"message": error.to_string(), "code": code});
    match error {
        Error::NotFound { id, .. } => {
            let body = json!({"message": error.to_string(), "code": "entity_not_found", "entity_id": id});
            (StatusCode::NOT_FOUND, body)
        }
        Error::Unauthorized(_) => (StatusCode::UNAUTHORIZED, plain("unauthorized")),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, plain("forbidden")),
        Error::Invalid { field, code, message } if BAD_REQUEST.contains(code) => {
            // With `errors`, by which the vendor's SDKs know a bad request.
            let errors = json!([{"field": field, "code": code, "message": message}]);
            (StatusCode::BAD_REQUEST, json!({"message": message, "code": code, "errors": errors}))
        }
        Error::Invalid { field, code, message } => {
            let body = json!({
                "message": message,
                "code": if ON_TOP.contains(code) { code } else { "invalid_request_parameters" },
                "errors": [{"field": field, "code": code, "message": message}],
            });
            (StatusCode::UNPROCESSABLE_ENTITY, body)
        }
        Error::Conflict { code, .. } => (StatusCode::CONFLICT, plain(code)),
        Error::Refused { code, details, .. } => {
            let mut body = plain(code);
            if let Value::Object(body) = &mut body {
                body.extend(details.clone());
            }
            (StatusCode::CONFLICT, body)
        }
        Error::Stale { .. } => (StatusCode::PRECONDITION_FAILED, plain("stale")),
        Error::TooManyRequests { .. } => (StatusCode::TOO_MANY_REQUESTS, plain("rate_limit_exceeded")),
        Error::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, plain("busy")),
        Error::Scim(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, json!({"message": error.detail, "code": protocol_code(status)}))
        }
        Error::Internal(source) => {
            tracing::error!(error = %source, "an API request failed");
            (StatusCode::INTERNAL_SERVER_ERROR, json!({"message": "the server failed", "code": "internal_error"}))
        }
    }
}

/// The code of a failure that has nothing to do with what was asked for, only with how.
fn protocol_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "payload_too_large",
        StatusCode::URI_TOO_LONG => "uri_too_long",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        _ => "bad_request",
    }
}
