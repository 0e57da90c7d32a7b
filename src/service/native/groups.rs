//! Native groups: made, changed and deleted by hand, found, listed. Who is in them is for `group_members`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, json};

use super::{by_hand, naming};
use crate::app::App;
use crate::domain::id::{GroupId, MembershipId, OrganizationId};
use crate::domain::native::{Group, name_key};
use crate::domain::origin::Target;
use crate::domain::rule::Action;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Scope, converge};
use crate::service::organizations;
use crate::store::{Lane, Page, PageRequest, Tx, collisions, groups, memberships};

/// The longest name, in characters.
const MAX_NAME: usize = 256;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 150;

/// What a new group is to be.
#[derive(Debug, Clone, Default)]
pub struct NewGroup {
    /// The name; others may have it too.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
}

/// Makes a group, empty and unmanaged. A mirror that waits for the name goes on waiting.
///
/// # Errors
///
/// [`Error::Invalid`] for a name or description that is empty or too long; [`Error::NotFound`] for an
/// organization that does not exist.
pub async fn create(app: &App, access: &Access, scope: OrganizationScope, new: NewGroup) -> Result<Outcome<Group>> {
    check_name(&new.name)?;
    check_description(new.description.as_deref())?;
    let now = app.clock.now();
    let group = Group {
        id: GroupId::mint(now),
        organization: scope.organization(),
        name: new.name,
        description: new.description,
        created_at: now,
        updated_at: now,
    };
    let cause = access.cause();
    app.db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (group, cause) = (group.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, group.organization, now, &cause).await?;
                groups::insert(change.tx, &group).await?;
                change.emit("group.created", group.json());
                Ok(Outcome { revision: change.finish().await?, value: group })
            })
        })
        .await
}

/// What of a group is to be otherwise. What is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    /// The name.
    pub name: Option<String>,
    /// The sentence about it; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
}

/// Changes the fields that are given. A mirror that waits for the old name may take it.
///
/// # Errors
///
/// [`Error::Invalid`] for a bad name or description; [`Error::Refused`] `group_managed` for another name of a group
/// that a rule mirrors; [`Error::NotFound`].
pub async fn update(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: GroupId,
    fields: GroupChange,
) -> Result<Outcome<Group>> {
    fields.name.as_deref().map(check_name).transpose()?;
    check_description(fields.description.as_ref().and_then(Option::as_deref))?;
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (fields, cause) = (fields.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let before = require(change.tx, organization, id).await?;
                let mut group = before.clone();
                if let Some(name) = fields.name.filter(|name| *name != before.name) {
                    refuse_if_managed(&mut change, &before, "its name is that of the directory group").await?;
                    group.name = name;
                }
                if let Some(description) = fields.description {
                    group.description = description;
                }
                if group != before {
                    group.updated_at = now;
                    groups::update(change.tx, &group).await?;
                    change.emit("group.updated", group.json());
                }
                let freed = name_key(&before.name);
                if freed != name_key(&group.name) {
                    converge(&mut change, Scope { freed_names: [freed].into(), ..Scope::default() }).await?;
                }
                Ok(Outcome { value: group, revision: change.finish().await? })
            })
        })
        .await
}

/// Deletes a group: its people leave it first. A mirror that waits for the name may take it. Answers the revision.
///
/// # Errors
///
/// [`Error::Refused`] `group_managed` for a group that a rule mirrors, `group_in_use` for one that a rule
/// names; [`Error::NotFound`].
pub async fn delete(app: &App, access: &Access, scope: OrganizationScope, id: GroupId) -> Result<i64> {
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let group = require(change.tx, organization, id).await?;
                refuse_if_managed(&mut change, &group, "it goes with the directory group").await?;
                let what = format!("the group '{}'", group.name);
                let names = |action: &Action| action.names().0 == Some(id);
                naming::refuse_if_named(change.tx, organization, "group_in_use", &what, names).await?;
                // Also what a guard holds, and what waits with a paused directory.
                let people = by_hand::end_all(&mut change, Target::Group(id)).await?;
                converge(&mut change, Scope::of_memberships(people)).await?;
                groups::delete(change.tx, organization, id).await?;
                change.emit("group.deleted", group.json());
                let freed = BTreeSet::from([name_key(&group.name)]);
                converge(&mut change, Scope { freed_names: freed, ..Scope::default() }).await?;
                change.finish().await
            })
        })
        .await
}

/// The group with this id; 404 if there is none.
pub(super) async fn require(tx: &mut Tx, organization: OrganizationId, id: GroupId) -> Result<Group> {
    groups::find(tx, organization, id).await?.ok_or_else(|| Error::not_found("group", id))
}

/// Refuses what only the identity provider decides about a mirrored group; `since` says why that is so.
pub(super) async fn refuse_if_managed(change: &mut Change<'_>, group: &Group, since: &str) -> Result<()> {
    let mirrors = collisions::mirrored_by(change.tx, change.organization, [group.id]).await?;
    let Some((rule, key)) = mirrors.into_values().next() else { return Ok(()) };
    let message = format!(
        "the group '{}' mirrors a directory group by the rule '{key}' ({rule}), and {since}: change the group at the \
         identity provider, or freeze or delete the rule",
        group.name
    );
    let details = Map::from_iter([("rule_id".to_owned(), json!(rule)), ("rule_key".to_owned(), json!(key))]);
    Err(Error::refused("group_managed", message, details))
}

/// Refuses a name that is empty or too long.
pub(in crate::service) fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "required", "name must not be empty"));
    }
    if name.chars().count() > MAX_NAME {
        let message = format!("name has {MAX_NAME} characters at most");
        return Err(Error::invalid("name", "too_long", message));
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

/// The group with this id.
pub async fn get(app: &App, scope: OrganizationScope, id: GroupId) -> Result<Group> {
    require(&mut app.db.read().await?, scope.organization(), id).await
}

/// A page of the organization's groups; `search` is part of a name, or an id.
pub async fn list(
    app: &App,
    scope: OrganizationScope,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Group>> {
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    groups::list(&mut tx, scope.organization(), search, page).await
}

/// The groups of this name (as names collide), the oldest first.
pub async fn of_name(app: &App, scope: OrganizationScope, name: &str) -> Result<Vec<GroupId>> {
    groups::holders_of_name(&mut app.db.read().await?, scope.organization(), &name_key(name)).await
}

/// The names of these groups, as far as they are there.
pub async fn names(app: &App, scope: OrganizationScope, ids: BTreeSet<GroupId>) -> Result<BTreeMap<GroupId, String>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(groups::names(&mut app.db.read().await?, scope.organization(), ids).await?.into_iter().collect())
}

/// A page of the groups that a membership is in, if the caller reaches it.
pub async fn list_of_membership(
    app: &App,
    access: &Access,
    id: MembershipId,
    page: &PageRequest,
) -> Result<Page<Group>> {
    let mut tx = app.db.read().await?;
    let organization = memberships::organization_of(&mut tx, access.only(), id).await?;
    let organization = organization.ok_or_else(|| Error::not_found("organization membership", id))?;
    groups::list_of_membership(&mut tx, organization, id, page).await
}
