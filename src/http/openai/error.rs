//! The OpenAI-shaped face of errors: one table from meanings to statuses and bodies.
//!
//! Its SDKs send a request again after 408, 409, 429 and 5xx. So what contradicts the state is no 409 here, and every
//! refusal says in `x-should-retry` that sending it again does not help.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::Error;
use crate::http::workos::error::ApiFailure;

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Codes of refusals that have to do with who decides, as this API words them.
const MANAGED: [(&str, &str); 2] =
    [("group_managed", "group_scim_managed"), ("organization_membership_directory_managed", "user_scim_managed")];

/// An [`Error`] on its way to an application; `?` converts.
#[derive(Debug)]
pub struct Failure(pub Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.into())
    }
}

impl From<ApiFailure> for Failure {
    fn from(failure: ApiFailure) -> Self {
        Failure(failure.0)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, body) = face(&self.0);
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match &self.0 {
            Error::Unauthorized(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Error::TooManyRequests { retry_after } | Error::Busy { retry_after, .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
            }
            _ => {}
        }
        if status.is_client_error() && ![StatusCode::TOO_MANY_REQUESTS, StatusCode::CONFLICT].contains(&status) {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response
    }
}

/// The error object: all four keys are always there.
fn object(kind: &str, code: &str, param: Option<&str>, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

fn face(error: &Error) -> (StatusCode, Value) {
    let said = error.to_string();
    let refused = |status: StatusCode, code: &str| (status, object("invalid_request_error", code, None, &said));
    match error {
        Error::NotFound { .. } => refused(StatusCode::NOT_FOUND, "not_found"),
        Error::Unauthorized(_) => {
            let message = format!("{said}: send the key of an organization, or of the environment, as bearer token");
            (StatusCode::UNAUTHORIZED, object("invalid_request_error", "invalid_api_key", None, &message))
        }
        Error::Forbidden(_) => refused(StatusCode::FORBIDDEN, "insufficient_permissions"),
        Error::Invalid { code, .. } | Error::Conflict { code, .. } | Error::Refused { code, .. }
            if managed(code).is_some() =>
        {
            refused(StatusCode::FORBIDDEN, managed(code).unwrap_or(code))
        }
        Error::Invalid { field, code, .. } => {
            let param = Some(field.as_str()).filter(|field| !field.is_empty());
            (StatusCode::BAD_REQUEST, object("invalid_request_error", code, param, &said))
        }
        // The one conflict that is over when the request comes again.
        Error::Conflict { code: code @ "idempotency_in_progress", .. } => refused(StatusCode::CONFLICT, code),
        Error::Conflict { code, .. } | Error::Refused { code, .. } => refused(StatusCode::BAD_REQUEST, code),
        Error::Stale { .. } => refused(StatusCode::PRECONDITION_FAILED, "stale"),
        Error::Scim(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, object("invalid_request_error", protocol_code(status), None, &error.detail))
        }
        Error::TooManyRequests { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, object("rate_limit_error", "rate_limit_exceeded", None, &said))
        }
        Error::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, object("server_error", "busy", None, &said)),
        Error::Internal(source) => {
            tracing::error!(error = %source, "an API request failed");
            let body = object("server_error", "internal_error", None, "the server failed");
            (StatusCode::INTERNAL_SERVER_ERROR, body)
        }
    }
}

/// The code of a refusal that has to do with who decides.
fn managed(code: &str) -> Option<&'static str> {
    MANAGED.iter().find(|(ours, _)| *ours == code).map(|(_, theirs)| *theirs)
}

/// The code of a failure that has nothing to do with what was asked for, only with how.
fn protocol_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "unknown_url",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "payload_too_large",
        StatusCode::URI_TOO_LONG => "uri_too_long",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        _ => "bad_request",
    }
}

/// A panic is our defect; the client learns no more than that.
pub fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> HttpResponse<Body> {
    tracing::error!("a handler panicked");
    let body = object("server_error", "internal_error", None, "the server failed");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_retry_cannot_help_is_answered_so_that_it_is_tried_again() {
        let refusals = [
            Error::invalid("name", "required", "name is required"),
            Error::conflict("role_predefined", "no"),
            Error::refused("group_managed", "no", serde_json::Map::new()),
            Error::not_found("group", "x"),
            Error::Forbidden("no".to_owned()),
            Error::Unauthorized("no"),
        ];
        for refusal in refusals {
            let said = refusal.to_string();
            let response = Failure(refusal).into_response();
            assert!(![408, 409, 422, 429].contains(&response.status().as_u16()), "{said}");
            assert!(response.status().is_client_error());
            assert_eq!(response.headers()["x-should-retry"], "false", "{said}");
        }
        for later in [
            Error::TooManyRequests { retry_after: 1 },
            Error::Busy { message: "wait".to_owned(), retry_after: 1 },
            Error::internal("x"),
        ] {
            assert!(!Failure(later).into_response().headers().contains_key("x-should-retry"));
        }
    }

    #[test]
    fn what_somebody_else_decides_is_forbidden_in_the_words_of_this_api() {
        let of = |error: Error| {
            let (status, body) = face(&error);
            (status.as_u16(), body["error"]["code"].as_str().unwrap_or_default().to_owned())
        };
        let group = Error::refused("group_managed", "no", serde_json::Map::new());
        assert_eq!(of(group), (403, "group_scim_managed".to_owned()));
        let person = Error::invalid("", "organization_membership_directory_managed", "no");
        assert_eq!(of(person), (403, "user_scim_managed".to_owned()));
    }
}
