//! What somebody sees when something is not as they asked: what was wrong, and where to go on.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use crate::domain::Error;

/// An [`Error`] on its way to a person; `?` converts.
#[derive(Debug)]
pub struct PageFailure(pub Error);

impl<E: Into<Error>> From<E> for PageFailure {
    fn from(error: E) -> Self {
        PageFailure(error.into())
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Error::Internal(Box::new(error))
    }
}

#[derive(Template)]
#[template(path = "console/failure.html")]
struct Failure {
    version: &'static str,
    heading: &'static str,
    message: String,
    status: u16,
}

impl PageFailure {
    /// The page.
    pub fn answer(self) -> Response {
        let (status, heading) = face(&self.0);
        let message = match &self.0 {
            Error::Internal(source) => {
                tracing::error!(error = %source, "a page failed");
                "The server failed. What you did has not happened. Try again; if it fails again, the log of the server \
                 names the reason under the request id of this answer."
                    .to_owned()
            }
            Error::TooManyRequests { retry_after } => format!("Too many attempts. Wait {retry_after} seconds."),
            error => super::view::sentence(&error.to_string()),
        };
        let page = Failure { version: assets::version(), heading, message, status: status.as_u16() };
        let html = page.render().unwrap_or_else(|_| "The server failed.".to_owned());
        let mut response = (status, Html(html)).into_response();
        if let Error::TooManyRequests { retry_after } | Error::Busy { retry_after, .. } = &self.0 {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        response
    }
}

impl IntoResponse for PageFailure {
    fn into_response(self) -> Response {
        self.answer()
    }
}

fn face(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "There is nothing here"),
        Error::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "You are not signed in"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "You may not do this"),
        Error::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "That cannot be done as written"),
        Error::Conflict { .. } | Error::Refused { .. } => (StatusCode::CONFLICT, "That cannot be done now"),
        Error::Stale { .. } => (StatusCode::PRECONDITION_FAILED, "Somebody changed it meanwhile"),
        Error::TooManyRequests { .. } => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts"),
        Error::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "The server is busy"),
        Error::Scim(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, "That cannot be done as written")
        }
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "The server failed"),
    }
}
