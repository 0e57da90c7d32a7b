//! The people of an organization by their user ids: whoever has a membership in force. Others are no users of it.

use super::group_members::{self, MemberChange};
use super::groups::require as require_group;
use super::membership_changes;
use crate::app::App;
use crate::domain::id::{GroupId, MembershipId, OrganizationId, UserId};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::organizations;
use crate::store::memberships::{self, WithUser};
use crate::store::people::{self, GroupMember};
use crate::store::{Page, PageRequest, Tx};

/// A page of the people, in the order of their user ids; of those with these addresses, if there are any.
pub async fn list(
    app: &App,
    scope: OrganizationScope,
    emails: &[String],
    page: &PageRequest,
) -> Result<Page<WithUser>> {
    let mut tx = app.db.snapshot().await?;
    organizations::require(&mut tx, scope).await?;
    people::list(&mut tx, scope.organization(), emails, page).await
}

/// The person with this user id.
pub async fn get(app: &App, scope: OrganizationScope, user: UserId) -> Result<WithUser> {
    find(&mut app.db.snapshot().await?, scope.organization(), user).await
}

/// The person with this user id, or 404.
pub(super) async fn find(tx: &mut Tx, organization: OrganizationId, user: UserId) -> Result<WithUser> {
    people::find(tx, organization, user).await?.ok_or_else(|| Error::not_found("user", user))
}

/// Where a page of members begins.
#[derive(Debug, Clone, Copy)]
pub enum After {
    /// Behind this membership, which need not exist any more.
    Membership(MembershipId),
    /// Behind this user, who must have a membership of the organization.
    User(UserId),
}

/// A page of the effective members of a group, in the order of their memberships.
///
/// # Errors
///
/// [`Error::NotFound`] for a group that does not exist; [`Error::Invalid`] for a page that begins behind somebody who
/// has no membership any more, since nobody knows where that was.
pub async fn members(
    app: &App,
    scope: OrganizationScope,
    group: GroupId,
    after: Option<After>,
    page: PageRequest,
) -> Result<Page<GroupMember>> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    require_group(&mut tx, organization, group).await?;
    let after = match after {
        None => None,
        Some(After::Membership(id)) => Some(id),
        Some(After::User(user)) => {
            let found = memberships::ids_by_users(&mut tx, organization, [user]).await?.remove(&user);
            Some(found.ok_or_else(|| {
                let message = format!("after: {user} has left the organization; begin anew, or go by 'next'");
                Error::invalid("after", "invalid_cursor", message)
            })?)
        }
    };
    let page = PageRequest { after: after.map(MembershipId::uuid), ..page };
    people::members(&mut tx, organization, group, &page).await
}

/// The effective member of a group who is this user.
pub async fn member(app: &App, scope: OrganizationScope, group: GroupId, user: UserId) -> Result<GroupMember> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    require_group(&mut tx, organization, group).await?;
    let membership = memberships::ids_by_users(&mut tx, organization, [user]).await?.remove(&user);
    let found = match membership {
        Some(membership) => people::member(&mut tx, organization, group, membership).await?,
        None => None,
    };
    found.ok_or_else(|| Error::not_found("user of the group", user))
}

/// Puts a person into a group by hand. Answers the revision.
///
/// # Errors
///
/// As `group_members::change`, and [`Error::NotFound`] for a user that the organization does not have.
pub async fn join(app: &App, access: &Access, scope: OrganizationScope, group: GroupId, user: UserId) -> Result<i64> {
    let (membership, _) = get(app, scope, user).await?;
    let change = MemberChange { add: vec![membership.id], ..MemberChange::default() };
    group_members::change(app, access, scope, group, change).await.map(|done| done.revision)
}

/// Takes a person out of a group that they were put into by hand; whoever is not in it stays out. Answers the revision.
///
/// # Errors
///
/// As [`join`].
pub async fn quit(app: &App, access: &Access, scope: OrganizationScope, group: GroupId, user: UserId) -> Result<i64> {
    let (membership, _) = get(app, scope, user).await?;
    let change = MemberChange { remove: vec![membership.id], ..MemberChange::default() };
    group_members::change(app, access, scope, group, change).await.map(|done| done.revision)
}

/// Ends a person's membership of the organization. Answers the revision.
///
/// # Errors
///
/// As `membership_changes::delete`, and [`Error::NotFound`] for a user that the organization does not have.
pub async fn expel(app: &App, access: &Access, scope: OrganizationScope, user: UserId) -> Result<i64> {
    let (membership, _) = get(app, scope, user).await?;
    membership_changes::delete(app, access, scope, membership.id).await
}
