//! Organization memberships: found, listed. Changing them is for `membership_changes`.

use std::collections::{BTreeSet, HashMap};

use super::groups::require as require_group;
use crate::app::App;
use crate::domain::id::{GroupId, MembershipId, UserId};
use crate::domain::native::{Membership, User};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::organizations::require;
use crate::store::memberships::{self, Search, WithUser};
use crate::store::{Page, PageRequest, Tx, organizations};

/// A membership as an application reads it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The membership.
    pub membership: Membership,
    /// The person.
    pub user: User,
    /// The name of the organization.
    pub organization_name: String,
}

/// Which memberships a list is about.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Of this organization.
    pub organization: Option<OrganizationScope>,
    /// Of this user.
    pub user: Option<UserId>,
    /// With one of these statuses.
    pub statuses: Vec<String>,
}

/// A page of the memberships that the caller reaches.
///
/// # Errors
///
/// [`Error::Invalid`] if neither an organization nor a user is named.
pub async fn list(app: &App, access: &Access, query: Query, page: &PageRequest) -> Result<Page<Listed>> {
    if query.organization.is_none() && query.user.is_none() {
        let message = "give organization_id or user_id, or both";
        return Err(Error::invalid("organization_id", "missing_user_id_or_organization_id", message));
    }
    let mut tx = app.db.snapshot().await?;
    if let Some(scope) = query.organization {
        require(&mut tx, scope).await?;
    }
    let organization = query.organization.map(OrganizationScope::organization).or(access.only());
    let search = Search { organization, user: query.user, group: None, statuses: query.statuses };
    let page = memberships::list(&mut tx, &search, page).await?;
    let (has_before, has_after) = (page.has_before, page.has_after);
    Ok(Page { rows: listed(&mut tx, page.rows).await?, has_before, has_after })
}

/// The membership with this id, if the caller reaches it.
pub async fn get(app: &App, access: &Access, id: MembershipId) -> Result<Listed> {
    let mut tx = app.db.snapshot().await?;
    let found = memberships::find(&mut tx, access.only(), id).await?;
    let mut found = listed(&mut tx, found.into_iter().collect()).await?;
    found.pop().ok_or_else(|| Error::not_found("organization membership", id))
}

/// A page of the effective members of a native group.
pub async fn list_of_group(
    app: &App,
    scope: OrganizationScope,
    group: GroupId,
    page: &PageRequest,
) -> Result<Page<WithUser>> {
    let organization = scope.organization();
    let mut tx = app.db.snapshot().await?;
    require_group(&mut tx, organization, group).await?;
    let search = Search { organization: Some(organization), group: Some(group), ..Search::default() };
    memberships::list(&mut tx, &search, page).await
}

/// Adds the organizations' names.
pub(super) async fn listed(tx: &mut Tx, rows: Vec<WithUser>) -> Result<Vec<Listed>> {
    let ids: BTreeSet<_> = rows.iter().map(|(membership, _)| membership.organization).collect();
    let names = if ids.is_empty() { HashMap::new() } else { organizations::names(tx, ids).await? };
    let named = |(membership, user): WithUser| {
        let organization_name = names.get(&membership.organization).cloned().unwrap_or_default();
        Listed { membership, user, organization_name }
    };
    Ok(rows.into_iter().map(named).collect())
}
