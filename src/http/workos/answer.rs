//! Answers: an object, and the revision of what was written.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::http::headers;

/// 201 with the new object.
pub fn created(object: Value) -> Response {
    (StatusCode::CREATED, Json(object)).into_response()
}

/// 200 with the object.
pub fn ok(object: Value) -> Response {
    Json(object).into_response()
}

/// Adds the organization's event position after the write that is answered.
pub fn at_revision(mut response: Response, revision: i64) -> Response {
    headers::set_revision(&mut response, revision);
    response
}
