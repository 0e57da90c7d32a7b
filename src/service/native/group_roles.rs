//! Roles of native groups: assigned and taken away by hand, whether the group is managed or not. Whoever is in the group
//! holds them: converge sees to it.

use crate::app::App;
use crate::domain::id::{GroupId, RoleId, RunId};
use crate::domain::native::{Group, Role};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Scope, converge};
use crate::service::native::groups::require as require_group;
use crate::service::native::roles::find as find_role;
use crate::service::runs::effect;
use crate::store::{Lane, Page, PageRequest, bindings, group_roles, groups};

/// A role that was assigned to a group.
#[derive(Debug, Clone)]
pub struct Assigned {
    /// The group.
    pub group: Group,
    /// Whether a mapping rule manages the group.
    pub managed: bool,
    /// The role.
    pub role: Role,
    /// The run that gives it to the people in the group, if they are too many for one transaction.
    pub run: Option<RunId>,
}

/// Gives a group a role: everybody in it holds it from now on, or when the run is over. One that it has stays.
///
/// # Errors
///
/// [`Error::NotFound`] for a group or role that the organization does not have.
pub async fn assign(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    group: GroupId,
    role: RoleId,
) -> Result<Outcome<Assigned>> {
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    let at_once = app.config.converge_budget;
    let done = app
        .db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let (id, group) = (group, require_group(change.tx, organization, group).await?);
                let role = find_role(change.tx, organization, role).await?;
                let new = group_roles::insert(change.tx, organization, (id, role.id), &cause.actor(), now).await?;
                let run = if new { settle_members(&mut change, id, at_once).await? } else { None };
                let managed = !bindings::of_mirror(change.tx, organization, id).await?.is_empty();
                Ok(Outcome { revision: change.finish().await?, value: Assigned { group, managed, role, run } })
            })
        })
        .await?;
    tell(app, done.value.run);
    Ok(done)
}

/// Takes a role from a group: whoever held it by that group alone holds it no more, or when the run is over that is
/// answered.
///
/// # Errors
///
/// [`Error::NotFound`] for a group that does not exist or a role that it does not have.
pub async fn unassign(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    group: GroupId,
    role: RoleId,
) -> Result<Outcome<Option<RunId>>> {
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    let at_once = app.config.converge_budget;
    let done = app
        .db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                require_group(change.tx, organization, group).await?;
                if !group_roles::delete(change.tx, organization, group, role).await? {
                    return Err(Error::not_found("role of the group", role));
                }
                let run = settle_members(&mut change, group, at_once).await?;
                Ok(Outcome { revision: change.finish().await?, value: run })
            })
        })
        .await?;
    tell(app, done.value);
    Ok(done)
}

/// Brings the roles of everybody in the group up to date, by a run if they are more than `at_once`.
async fn settle_members(change: &mut Change<'_>, group: GroupId, at_once: usize) -> Result<Option<RunId>> {
    let members = groups::members(change.tx, change.organization, group).await?;
    if members.len() > at_once {
        return effect::begin_members(change, &members).await.map(Some);
    }
    converge(change, Scope::of_memberships(members)).await.map(|()| None)
}

/// Tells the worker of a run. After the commit.
fn tell(app: &App, run: Option<RunId>) {
    if run.is_some() {
        app.wake.notify_one();
    }
}

/// A page of the roles that a group has.
pub async fn list(app: &App, scope: OrganizationScope, group: GroupId, page: &PageRequest) -> Result<Page<Role>> {
    let mut tx = app.db.read().await?;
    require_group(&mut tx, scope.organization(), group).await?;
    group_roles::list(&mut tx, scope.organization(), group, page).await
}

/// A role that a group has.
pub async fn get(app: &App, scope: OrganizationScope, group: GroupId, role: RoleId) -> Result<Role> {
    let (mut tx, organization) = (app.db.read().await?, scope.organization());
    require_group(&mut tx, organization, group).await?;
    if !group_roles::has(&mut tx, organization, group, role).await? {
        return Err(Error::not_found("role of the group", role));
    }
    find_role(&mut tx, organization, role).await
}
