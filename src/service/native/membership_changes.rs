//! Organization memberships changed by hand: made, given roles, deactivated, reactivated, deleted.
//!
//! What is decided here is stored as manual origins, or as the decision to deactivate; convergence makes native state
//! agree with it. What a directory decides about its people is refused here.

use std::collections::BTreeSet;

use futures::future::BoxFuture;

use super::by_hand;
use super::memberships::{Listed, listed};
use crate::app::App;
use crate::domain::id::{MembershipId, OrganizationId, RoleId, UserId};
use crate::domain::origin::{Kind, Target};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::scim::text::fold;
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Ground, Scope, converge, expunge};
use crate::store::memberships::{self, StoredMembership};
use crate::store::{Lane, Tx, links, origins, roles, users};

/// Roles given to a membership at once, at the most.
const MAX_ROLES: usize = 100;
/// Roles that a refusal names.
const SHOWN_ROLES: usize = 10;

/// What a new membership is to be.
#[derive(Debug, Clone)]
pub struct NewMembership {
    /// The person.
    pub user: UserId,
    /// The roles given by hand, the primary one first; the default role when empty.
    pub roles: Vec<RoleId>,
}

/// The roles with these slugs.
///
/// # Errors
///
/// [`Error::Invalid`] `invalid_role` for one that the organization does not have.
pub async fn roles_by_slug(app: &App, scope: OrganizationScope, slugs: &[String]) -> Result<Vec<RoleId>> {
    if slugs.len() > MAX_ROLES {
        let message = format!("role_slugs has {MAX_ROLES} entries at most");
        return Err(Error::invalid("role_slugs", "too_many", message));
    }
    let all = roles::all(&mut app.db.read().await?, scope.organization()).await?;
    let find = |slug: &String| {
        all.iter().find(|role| role.slug == *slug).map(|role| role.id).ok_or_else(|| {
            let known: Vec<&str> = all.iter().take(SHOWN_ROLES).map(|role| role.slug.as_str()).collect();
            let more = if all.len() > SHOWN_ROLES { " and others" } else { "" };
            let slug: String = slug.chars().take(80).collect();
            let message = format!("there is no role '{slug}'; this organization has {}{more}", known.join(", "));
            Error::invalid("role_slug", "invalid_role", message)
        })
    };
    let mut found = Vec::new();
    for slug in slugs {
        let role = find(slug)?;
        if !found.contains(&role) {
            found.push(role);
        }
    }
    Ok(found)
}

/// The scope of the organization that has this membership, if the caller reaches it.
pub async fn scope_of(app: &App, access: &Access, id: MembershipId) -> Result<OrganizationScope> {
    let mut tx = app.db.read().await?;
    let organization = memberships::organization_of(&mut tx, access.only(), id).await?;
    access.organization(organization.ok_or_else(|| missing(id))?)
}

fn missing(id: MembershipId) -> Error {
    Error::not_found("organization membership", id)
}

/// Makes somebody a member. An inactive membership of theirs is activated instead, with the given roles.
///
/// # Errors
///
/// [`Error::Conflict`] `user_already_organization_member`; [`Error::Invalid`]
/// `organization_membership_directory_managed` for somebody whom their directory suspends; [`Error::NotFound`] for a
/// user whom the caller does not reach.
pub async fn create(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    new: NewMembership,
) -> Result<Outcome<Listed>> {
    let (organization, now, cause, only) = (scope.organization(), app.clock.now(), access.cause(), access.only());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (new, cause) = (new.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let user = users::find_and_keep(change.tx, only, new.user).await?;
                let user = user.ok_or_else(|| Error::not_found("user", new.user))?;
                let (id, is_new) = join(&mut change, new.user).await?;
                replace_roles(&mut change, id, &new.roles).await?;
                by_hand::give(&mut change, [(id, Target::Membership)]).await?;
                converge(&mut change, Scope { memberships: [(id, is_new)].into(), ..Scope::default() }).await?;
                // Whoever waits with this address may be linked to a member, now that there is one.
                change.freed_addresses.insert(fold(&user.email));
                converge(&mut change, Scope::default()).await?;
                require_active(&mut change, id).await?;
                answer(change, id).await
            })
        })
        .await
}

/// The membership of a user, made if there is none, and whether it is new. One that is there must be inactive.
async fn join(change: &mut Change<'_>, user: UserId) -> Result<(MembershipId, bool)> {
    let organization = change.organization;
    let known = memberships::ids_by_users(change.tx, organization, [user]).await?.remove(&user);
    let Some(id) = known else {
        let role = Ground::load(change.tx, organization).await?.default_role()?;
        let new = StoredMembership::new(user, role, change.now);
        memberships::insert(change.tx, organization, std::slice::from_ref(&new)).await?;
        return Ok((new.id, true));
    };
    let mut stored = require(change, id).await?;
    if stored.status == "active" {
        let message = format!("the user {user} is a member of the organization already, by {id}");
        return Err(Error::conflict("user_already_organization_member", message));
    }
    stored.deactivated = false;
    memberships::update(change.tx, organization, &[stored]).await?;
    Ok((id, false))
}

/// Gives a membership these roles by hand, instead of those that it was given by hand before. What rules grant stays.
pub async fn set_roles(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: MembershipId,
    roles: Vec<RoleId>,
) -> Result<Outcome<Listed>> {
    decide(app, access, scope, id, move |change, _| {
        let roles = roles.clone();
        Box::pin(async move { replace_roles(change, id, &roles).await })
    })
    .await
}

async fn replace_roles(change: &mut Change<'_>, id: MembershipId, roles: &[RoleId]) -> Result<()> {
    let ground = Ground::load(change.tx, change.organization).await?;
    let known: BTreeSet<RoleId> = ground.roles.iter().map(|role| role.id).collect();
    if let Some(role) = roles.iter().find(|role| !known.contains(role)) {
        return Err(Error::not_found("role", role));
    }
    by_hand::take(change, &[id], |target| matches!(target, Target::Role(role) if !roles.contains(&role))).await?;
    by_hand::give(change, roles.iter().map(|role| (id, Target::Role(*role)))).await
}

/// Puts a membership out of force until somebody reactivates it, whatever directories and rules say.
pub async fn deactivate(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: MembershipId,
) -> Result<Outcome<Listed>> {
    decide(app, access, scope, id, |change, stored| Box::pin(set_deactivated(change, stored, true))).await
}

/// Lifts a deactivation.
///
/// # Errors
///
/// [`Error::Invalid`] `organization_membership_directory_managed` for somebody whom their directory suspends.
pub async fn reactivate(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: MembershipId,
) -> Result<Outcome<Listed>> {
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let stored = require(&mut change, id).await?;
                set_deactivated(&mut change, stored, false).await?;
                converge(&mut change, Scope::of_memberships([id])).await?;
                require_active(&mut change, id).await?;
                answer(change, id).await
            })
        })
        .await
}

async fn set_deactivated(change: &mut Change<'_>, mut stored: StoredMembership, deactivated: bool) -> Result<()> {
    if stored.deactivated == deactivated {
        return Ok(());
    }
    stored.deactivated = deactivated;
    memberships::update(change.tx, change.organization, &[stored]).await
}

/// Ends a membership that was made by hand: the person leaves their groups, then the organization.
///
/// Answers the revision.
///
/// # Errors
///
/// [`Error::Invalid`] `organization_membership_directory_managed` while a directory or a rule speaks for it.
pub async fn delete(app: &App, access: &Access, scope: OrganizationScope, id: MembershipId) -> Result<i64> {
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                require(&mut change, id).await?;
                refuse_if_managed(change.tx, organization, id).await?;
                expunge(&mut change, &[id]).await?;
                change.finish().await
            })
        })
        .await
}

/// Refuses to delete a membership that a directory or a rule speaks for: it would come back.
pub(super) async fn refuse_if_managed(tx: &mut Tx, organization: OrganizationId, id: MembershipId) -> Result<()> {
    let linked = links::of_memberships(tx, organization, [id]).await?;
    let given = origins::of_memberships(tx, organization, [id]).await?.remove(&id).unwrap_or_default();
    if given.iter().all(|origin| origin.kind == Kind::Manual) && !linked.iter().any(links::Link::is_linked) {
        return Ok(());
    }
    let message = format!(
        "a directory speaks for the membership {id}: take the person out at the identity provider or by a rule, or \
         deactivate the membership"
    );
    Err(Error::invalid("", "organization_membership_directory_managed", message))
}

async fn require(change: &mut Change<'_>, id: MembershipId) -> Result<StoredMembership> {
    let found = memberships::by_ids(change.tx, change.organization, [id]).await?;
    found.into_iter().next().ok_or_else(|| missing(id))
}

/// Refuses what did not put the membership into force.
async fn require_active(change: &mut Change<'_>, id: MembershipId) -> Result<()> {
    if require(change, id).await?.status == "active" {
        return Ok(());
    }
    let standing = links::standings(change.tx, change.organization, [id]).await?.remove(&id).unwrap_or_default();
    let message = if standing.linked > 0 && standing.active == 0 {
        format!("the membership {id} is suspended by its directory: activate the person at the identity provider")
    } else {
        format!("nothing speaks for the membership {id} any more: create it anew for the user")
    };
    Err(Error::invalid("", "organization_membership_directory_managed", message))
}

/// Takes a decision about a membership, and makes native state agree with it.
async fn decide<F>(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: MembershipId,
    decision: F,
) -> Result<Outcome<Listed>>
where
    F: for<'c> Fn(&'c mut Change<'_>, StoredMembership) -> BoxFuture<'c, Result<()>> + Send + Sync + 'static,
{
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    let decision = std::sync::Arc::new(decision);
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (decision, cause) = (std::sync::Arc::clone(&decision), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let stored = require(&mut change, id).await?;
                decision(&mut change, stored).await?;
                converge(&mut change, Scope::of_memberships([id])).await?;
                answer(change, id).await
            })
        })
        .await
}

async fn answer(change: Change<'_>, id: MembershipId) -> Result<Outcome<Listed>> {
    let found = memberships::find(change.tx, Some(change.organization), id).await?;
    let value = listed(change.tx, found.into_iter().collect()).await?.pop().ok_or_else(|| missing(id))?;
    Ok(Outcome { value, revision: change.finish().await? })
}
