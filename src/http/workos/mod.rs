//! The WorkOS-shaped API, at the root: paths, objects, paging and errors as that vendor's SDKs expect them.
//!
//! Each handler extracts, calls one function of `service`, and shapes the answer.

pub mod answer;
pub mod body;
pub mod directories;
mod directory_groups;
mod directory_users;
pub mod error;
mod events;
mod group_members;
mod groups;
mod memberships;
mod organization_domains;
mod organizations;
pub mod path;
pub mod query;
mod roles;
mod routes;
mod users;
mod webhook_endpoints;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::domain::Error;
use crate::scim::error::ScimError;
use error::ApiFailure;
pub use routes::routes;

/// Events and webhooks, not described yet.
pub fn happenings() -> Router<App> {
    Router::new()
        .route("/events", get(events::list))
        .route("/events/stream", get(events::stream))
        .route("/webhook_endpoints", get(webhook_endpoints::list).post(webhook_endpoints::create))
        .route(
            "/webhook_endpoints/{endpoint}",
            get(webhook_endpoints::get).patch(webhook_endpoints::update).delete(webhook_endpoints::delete),
        )
        .route("/webhook_endpoints/{endpoint}/rotate_secret", post(webhook_endpoints::rotate_secret))
        .route("/webhook_endpoints/{endpoint}/replay", post(webhook_endpoints::replay))
        .route("/webhook_endpoints/{endpoint}/deliveries", get(webhook_endpoints::list_deliveries))
        .route("/webhook_endpoints/{endpoint}/deliveries/{event}/redeliver", post(webhook_endpoints::redeliver))
}

/// A path that nothing answers to.
pub async fn no_such_route() -> ApiFailure {
    ApiFailure(Error::Scim(ScimError::status(404, "there is no such endpoint")))
}

/// A method that the path does not know; the router adds `Allow`.
pub async fn method_not_allowed() -> ApiFailure {
    ApiFailure(Error::Scim(ScimError::status(405, "the endpoint does not know this method; see the Allow header")))
}
