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

use crate::domain::Error;
use crate::scim::error::ScimError;
use error::ApiFailure;
pub use routes::routes;

/// A path that nothing answers to.
pub async fn no_such_route() -> ApiFailure {
    ApiFailure(Error::Scim(ScimError::status(404, "there is no such endpoint")))
}

/// A method that the path does not know; the router adds `Allow`.
pub async fn method_not_allowed() -> ApiFailure {
    ApiFailure(Error::Scim(ScimError::status(405, "the endpoint does not know this method; see the Allow header")))
}
