//! The SCIM face of errors: one table from meanings to statuses (RFC 7644 section 3.12).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answer::SCIM_JSON;
use crate::domain::Error;
use crate::scim::error::{ScimError, ScimType};

/// An [`Error`] on its way to a SCIM client; `?` converts.
#[derive(Debug)]
pub struct ScimFailure(pub Error);

/// What the client was told, for the log.
#[derive(Debug, Clone)]
pub struct Problem(pub ScimError);

impl<E: Into<Error>> From<E> for ScimFailure {
    fn from(error: E) -> Self {
        ScimFailure(error.into())
    }
}

/// What a SCIM client is told.
pub fn problem(error: &Error) -> ScimError {
    match error {
        Error::Scim(error) => error.clone(),
        Error::NotFound { .. } => ScimError::status(404, error.to_string()),
        Error::Unauthorized(detail) => ScimError::status(401, *detail),
        Error::Forbidden(detail) => ScimError::status(403, detail.as_str()),
        Error::Invalid { message, .. } => ScimError::bad(ScimType::InvalidValue, message.as_str()),
        Error::Refused { message, .. } | Error::Conflict { message, .. } => {
            ScimError { status: 409, scim_type: Some(ScimType::Uniqueness), detail: message.clone() }
        }
        Error::Stale { .. } => ScimError::status(412, error.to_string()),
        Error::TooManyRequests { .. } => ScimError::status(429, error.to_string()),
        Error::Busy { message, .. } => ScimError::status(503, message.as_str()),
        Error::Internal(source) => {
            tracing::error!(error = %source, "a SCIM request failed");
            ScimError::status(500, "the server failed; read the resource to see whether the change took effect")
        }
    }
}

impl IntoResponse for ScimFailure {
    fn into_response(self) -> Response {
        let problem = problem(&self.0);
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, problem.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, SCIM_JSON);
        match &self.0 {
            Error::Unauthorized(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"SCIM\""));
            }
            Error::TooManyRequests { retry_after } | Error::Busy { retry_after, .. } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
            }
            _ => {}
        }
        response.extensions_mut().insert(Problem(problem));
        response
    }
}
