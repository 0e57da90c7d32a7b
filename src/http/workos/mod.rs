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
mod users;
mod webhook_endpoints;

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::app::App;
use crate::domain::Error;
use crate::scim::error::ScimError;
use error::ApiFailure;

/// Every route of the API.
pub fn routes() -> Router<App> {
    Router::new().merge(organizations_and_groups()).merge(people()).merge(directory_sync()).merge(happenings())
}

fn organizations_and_groups() -> Router<App> {
    Router::new()
        .route("/organizations", get(organizations::list).post(organizations::create))
        .route("/organizations/external_id/{external_id}", get(organizations::get_by_external_id))
        .route(
            "/organizations/{organization}",
            get(organizations::get).put(organizations::update).delete(organizations::delete),
        )
        .route("/organization_domains", post(organization_domains::create))
        .route("/organization_domains/{domain}", get(organization_domains::get).delete(organization_domains::delete))
        .route("/organization_domains/{domain}/verify", post(organization_domains::verify))
        .route("/organizations/{organization}/groups", get(groups::list).post(groups::create))
        .route(
            "/organizations/{organization}/groups/{group}",
            get(groups::get).patch(groups::update).delete(groups::delete),
        )
        .route(
            "/organizations/{organization}/groups/{group}/organization-memberships",
            get(group_members::list).post(group_members::add).patch(group_members::update),
        )
        .route(
            "/organizations/{organization}/groups/{group}/organization-memberships/{membership}",
            delete(group_members::remove),
        )
        .route("/organizations/{organization}/roles", get(roles::list))
        .route("/authorization/organizations/{organization}/roles", get(roles::list))
}

fn people() -> Router<App> {
    Router::new()
        .route("/user_management/organization_memberships", get(memberships::list).post(memberships::create))
        .route(
            "/user_management/organization_memberships/{membership}",
            get(memberships::get).put(memberships::update).delete(memberships::delete),
        )
        .route("/user_management/organization_memberships/{membership}/deactivate", put(memberships::deactivate))
        .route("/user_management/organization_memberships/{membership}/reactivate", put(memberships::reactivate))
        .route("/user_management/organization_memberships/{membership}/groups", get(groups::list_of_membership))
        .route("/user_management/users", get(users::list).post(users::create))
        .route("/user_management/users/external_id/{external_id}", get(users::get_by_external_id))
        .route("/user_management/users/{user}", get(users::get).put(users::update).delete(users::delete))
}

fn directory_sync() -> Router<App> {
    Router::new()
        .route("/directories", get(directories::list))
        .route("/directories/{directory}", get(directories::get))
        .route("/directory_users", get(directory_users::list))
        .route("/directory_users/{user}", get(directory_users::get))
        .route("/directory_groups", get(directory_groups::list))
        .route("/directory_groups/{group}", get(directory_groups::get))
}

fn happenings() -> Router<App> {
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
