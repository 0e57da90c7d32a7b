//! Native users: found, listed. An organization's own key sees those with a membership of it.

use crate::app::App;
use crate::domain::id::UserId;
use crate::domain::native::User;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::organizations;
use crate::store::users::{self, Search};
use crate::store::{Page, PageRequest};

/// A page of the users that the caller reaches.
pub async fn list(
    app: &App,
    access: &Access,
    organization: Option<OrganizationScope>,
    email: Option<String>,
    page: &PageRequest,
) -> Result<Page<User>> {
    let mut tx = app.db.read().await?;
    if let Some(scope) = organization {
        organizations::require(&mut tx, scope).await?;
    }
    let organization = organization.map(OrganizationScope::organization).or(access.only());
    users::list(&mut tx, &Search { organization, email }, page).await
}

/// The user with this id, if the caller reaches them.
pub async fn get(app: &App, access: &Access, id: UserId) -> Result<User> {
    let mut tx = app.db.read().await?;
    users::find(&mut tx, access.only(), id).await?.ok_or_else(|| Error::not_found("user", id))
}

/// The user with this external id, if the caller reaches them.
pub async fn get_by_external_id(app: &App, access: &Access, external_id: &str) -> Result<User> {
    let mut tx = app.db.read().await?;
    let found = users::find_by_external_id(&mut tx, access.only(), external_id).await?;
    found.ok_or_else(|| Error::not_found("user", external_id))
}
