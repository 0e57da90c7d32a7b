//! Roles of an organization: made, changed, removed, listed. Who holds one is decided elsewhere: by rules, by
//! `group_roles` and by `user_roles`.

use std::collections::BTreeSet;

use super::{by_hand, naming};
use crate::app::App;
use crate::domain::id::{MembershipId, OrganizationId, RoleId};
use crate::domain::native::Role;
use crate::domain::origin::Target;
use crate::domain::rule::Action;
use crate::domain::scope::OrganizationScope;
use crate::domain::slug::slug;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Scope, converge};
use crate::service::organizations;
use crate::store::{Lane, Page, PageRequest, Tx, group_roles, roles};

/// The longest name, in characters.
const MAX_NAME: usize = 255;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1_000;
/// How many permissions a role has at the most.
const MAX_PERMISSIONS: usize = 1_000;
/// The longest permission, in characters.
const MAX_PERMISSION: usize = 255;
/// How many roles an organization has at the most: all of them are kept in memory.
const MAX_ROLES: usize = 1_000;

/// What a new role is to be.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// The name for people. The handle is made of it.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What it permits; what is there twice is kept once.
    pub permissions: Vec<String>,
}

/// What is to be changed of a role. `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct RoleChange {
    /// The name. The handle stays, since rules and applications use it.
    pub name: Option<String>,
    /// A sentence about it; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// What it permits, as a whole.
    pub permissions: Option<Vec<String>>,
}

/// All roles of the organization, oldest first.
pub async fn all(app: &App, scope: OrganizationScope) -> Result<Vec<Role>> {
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    roles::all(&mut tx, scope.organization()).await
}

/// A page of the organization's roles.
pub async fn list(app: &App, scope: OrganizationScope, page: &PageRequest) -> Result<Page<Role>> {
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    roles::list(&mut tx, scope.organization(), page).await
}

/// The role with this id.
pub async fn get(app: &App, scope: OrganizationScope, id: RoleId) -> Result<Role> {
    find(&mut app.db.read().await?, scope.organization(), id).await
}

/// The role with this id, or 404.
pub(super) async fn find(tx: &mut Tx, organization: OrganizationId, id: RoleId) -> Result<Role> {
    roles::find(tx, organization, id).await?.ok_or_else(|| Error::not_found("role", id))
}

/// Makes a role, which nobody holds yet.
///
/// # Errors
///
/// [`Error::Invalid`] for a name, description or permissions that are empty or too long; [`Error::NotFound`] for an
/// organization that does not exist; [`Error::Conflict`] if there are too many roles.
pub async fn create(app: &App, access: &Access, scope: OrganizationScope, new: NewRole) -> Result<Outcome<Role>> {
    check_name(&new.name)?;
    check_description(new.description.as_deref())?;
    let permissions = checked(new.permissions)?;
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    let id = RoleId::mint(now);
    let role = Role {
        description: new.description,
        permissions,
        created_by: Some(cause.actor()),
        ..Role::new(id, "", new.name, now)
    };
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (mut role, cause) = (role.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let others = roles::all(change.tx, organization).await?;
                if others.len() >= MAX_ROLES {
                    let message = format!("an organization has {MAX_ROLES} roles at most; remove one first");
                    return Err(Error::conflict("role_limit_exceeded", message));
                }
                role.slug = slug(&role.name, |slug| others.iter().any(|other| other.slug == slug));
                roles::insert(change.tx, organization, &role).await?;
                change.emit("role.created", role.json());
                Ok(Outcome { revision: change.finish().await?, value: role })
            })
        })
        .await
}

/// Changes a role. What says what it says already changes nothing and emits nothing.
///
/// # Errors
///
/// As [`create`]; [`Error::Conflict`] for a role that every organization has.
pub async fn update(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: RoleId,
    mut wanted: RoleChange,
) -> Result<Outcome<Role>> {
    wanted.name.as_deref().map(check_name).transpose()?;
    check_description(wanted.description.as_ref().and_then(Option::as_deref))?;
    wanted.permissions = wanted.permissions.map(checked).transpose()?;
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (wanted, cause) = (wanted.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let before = custom(change.tx, organization, id, "changed").await?;
                let mut role = before.clone();
                role.name = wanted.name.unwrap_or(role.name);
                role.description = wanted.description.unwrap_or(role.description);
                role.permissions = wanted.permissions.unwrap_or(role.permissions);
                if role != before {
                    role.updated_at = now;
                    roles::update(change.tx, organization, &role).await?;
                    change.emit("role.updated", role.json());
                }
                Ok(Outcome { revision: change.finish().await?, value: role })
            })
        })
        .await
}

/// Removes a role: groups have it no more, and whoever held it holds it no more. Answers the revision.
///
/// # Errors
///
/// [`Error::Conflict`] for a role that every organization has; [`Error::Refused`] while a mapping rule names it.
pub async fn delete(app: &App, access: &Access, scope: OrganizationScope, id: RoleId) -> Result<i64> {
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let role = custom(change.tx, organization, id, "deleted").await?;
                let what = format!("the role '{}'", role.slug);
                let names = |action: &Action| action.names().1 == Some(role.slug.as_str());
                naming::refuse_if_named(change.tx, organization, "role_in_use", &what, names).await?;
                let mut holders: BTreeSet<MembershipId> =
                    roles::holders(change.tx, organization, id).await?.into_iter().collect();
                holders.extend(by_hand::end_all(&mut change, Target::Role(id)).await?);
                group_roles::delete_of_role(change.tx, organization, id).await?;
                converge(&mut change, Scope::of_memberships(holders)).await?;
                roles::delete(change.tx, organization, id).await?;
                change.emit("role.deleted", role.json());
                change.finish().await
            })
        })
        .await
}

/// The role, if it may be changed.
async fn custom(tx: &mut Tx, organization: OrganizationId, id: RoleId, what: &str) -> Result<Role> {
    let role = find(tx, organization, id).await?;
    if role.is_predefined() {
        let message = format!("the role {} is predefined: it cannot be {what}", role.slug);
        return Err(Error::conflict("role_predefined", message));
    }
    Ok(role)
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "required", "the name must not be empty"));
    }
    if name.chars().count() > MAX_NAME {
        return Err(Error::invalid("name", "too_long", format!("the name has {MAX_NAME} characters at most")));
    }
    Ok(())
}

fn check_description(description: Option<&str>) -> Result<()> {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message = format!("description has {MAX_DESCRIPTION} characters at most");
        return Err(Error::invalid("description", "too_long", message));
    }
    Ok(())
}

/// Permissions in their order, each once.
fn checked(permissions: Vec<String>) -> Result<Vec<String>> {
    let wrong = |message: String| Err(Error::invalid("permissions", "invalid_permission", message));
    if permissions.len() > MAX_PERMISSIONS {
        return wrong(format!("a role has {MAX_PERMISSIONS} permissions at most"));
    }
    if permissions.iter().any(|one| one.trim().is_empty() || one.chars().count() > MAX_PERMISSION) {
        return wrong(format!("each permission has 1 to {MAX_PERMISSION} characters"));
    }
    let mut seen = BTreeSet::new();
    Ok(permissions.into_iter().filter(|one| seen.insert(one.clone())).collect())
}
