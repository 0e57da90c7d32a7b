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
mod users;

use axum::Json;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::Value;

use crate::app::App;
use crate::domain::Error;
use crate::domain::id::RunId;
use crate::http::headers;
use crate::scim::error::ScimError;
use error::Failure;

/// Every route of the API.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/organization/groups", get(groups::list).post(groups::create))
        .route("/v1/organization/groups/{group}", get(groups::get).post(groups::update).delete(groups::delete))
        .route("/v1/organization/groups/{group}/users", get(group_users::list).post(group_users::add))
        .route("/v1/organization/groups/{group}/users/{user}", get(group_users::get).delete(group_users::remove))
        .route("/v1/organization/groups/{group}/roles", get(group_roles::list).post(group_roles::assign))
        .route("/v1/organization/groups/{group}/roles/{role}", get(group_roles::get).delete(group_roles::unassign))
        .route("/v1/organization/roles", get(roles::list).post(roles::create))
        .route("/v1/organization/roles/{role}", get(roles::get).post(roles::update).delete(roles::delete))
        .route("/v1/organization/users", get(users::list))
        .route("/v1/organization/users/{user}", get(users::get).post(users::update).delete(users::delete))
        .route("/v1/organization/users/{user}/roles", get(users::roles).post(users::assign_role))
        .route("/v1/organization/users/{user}/roles/{role}", get(users::role).delete(users::unassign_role))
        .route("/v1", any(no_such_route))
        .route("/v1/{*rest}", any(no_such_route))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(error::panicked))
}

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
