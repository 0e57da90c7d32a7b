//! The OpenAI-shaped API below `/v1/organization`: groups, who is in them, their roles, roles and users, as that vendor's
//! SDKs expect them.
//!
//! The organization is the one of the key, or the one that the header `OpenAI-Organization` names. Each handler extracts,
//! calls one function of `service`, and shapes the answer.

mod caller;
mod error;
mod group_roles;
mod group_users;
mod groups;
mod page;
mod roles;
mod routes;
mod users;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::domain::Error;
use crate::domain::id::RunId;
use crate::http::headers;
use crate::scim::error::ScimError;
pub(in crate::http) use error::Failure;
pub use routes::routes;

async fn no_such_route() -> Failure {
    Failure(Error::Scim(ScimError::status(404, "there is no such endpoint; see /v1/organization/groups")))
}

async fn method_not_allowed() -> Failure {
    Failure(Error::Scim(ScimError::status(405, "the endpoint does not know this method; see the Allow header")))
}

/// 200 with an object: this API knows no other success.
fn ok(object: Value) -> Response {
    Json(object).into_response()
}

/// The same after a write, with the organization's event position.
fn written(object: Value, revision: i64) -> Response {
    let mut response = ok(object);
    headers::set_revision(&mut response, revision);
    response
}

/// The same, with the run that brings the rest into effect, if there is one.
fn left_to(mut response: Response, run: Option<RunId>) -> Response {
    if let Some(run) = run {
        headers::set_run(&mut response, &run.to_string());
    }
    response
}
