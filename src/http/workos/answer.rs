//! Answers: an object, and the revision of what was written.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::http::headers;
use crate::http::idempotency::ShownOnce;

/// 201 with the new object.
pub fn created(object: Value) -> Response {
    (StatusCode::CREATED, Json(object)).into_response()
}

/// 200 with the object.
pub fn ok(object: Value) -> Response {
    Json(object).into_response()
}

/// 200 with a list that is one page.
pub fn list_of(objects: impl Iterator<Item = Value>) -> Response {
    ok(json!({"object": "list", "data": objects.collect::<Vec<_>>(), "list_metadata": {"before": null, "after": null}}))
}

/// Says that the answer shows a secret that is shown here only, so that nothing keeps it.
pub fn shown_once(mut response: Response) -> Response {
    response.extensions_mut().insert(ShownOnce);
    response
}

/// Adds the organization's event position after the write that is answered.
pub fn at_revision(mut response: Response, revision: i64) -> Response {
    headers::set_revision(&mut response, revision);
    response
}
