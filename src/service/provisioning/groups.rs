//! Groups: RFC 7644 sections 3.3 to 3.6 over RFC 7643 section 4.2. Members are rows, written as deltas, so
//! that adding one costs the same in a group of ten and of a million.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::members::{self, MemberChanges};
use super::users::{taken, taken_by_another};
use super::{Call, Log, Outcome, definition, write};
use crate::app::App;
use crate::domain::directory::{DirectoryGroup, OmittedExtension, previous_attributes};
use crate::domain::id::DirectoryGroupId;
use crate::domain::{Error, Result};
use crate::scim::patch::{self, Operation};
use crate::scim::resource::{self, Member as Reference, Normalised, Sent, take_members};
use crate::service::change::Change;
use crate::service::converge::{Scope, converge};
use crate::service::keys::ScimAccess;
use crate::store::edges::{self, Member};
use crate::store::{custom, directory_groups};

/// Creates a group with its members (RFC 7644 section 3.3).
pub async fn create(app: &App, call: Call, body: Normalised) -> Result<Outcome<DirectoryGroup>> {
    let access = call.access.clone();
    write(app, call, move |change, log| {
        let (access, mut document) = (access.clone(), body.document.clone());
        Box::pin(async move {
            let references = take_members(&mut document).unwrap_or_default();
            insert(change, log, &access, document, &references).await
        })
    })
    .await
}

async fn insert(
    change: &mut Change<'_>,
    log: &mut Log,
    access: &ScimAccess,
    document: Map<String, Value>,
    references: &[Reference],
) -> Result<DirectoryGroup> {
    let group = DirectoryGroup {
        id: DirectoryGroupId::mint(change.now),
        directory: access.scope.directory(),
        document,
        version: 1,
        created_at: change.now,
        updated_at: change.now,
    };
    log.resource = Some(group.id.to_string());
    check_name(change, access, &group).await?;
    directory_groups::insert(change.tx, change.organization, &group).await?;
    keep_unique_values(change, access, &group).await?;
    change.trace.stored("groups", 1);
    change.emit("dsync.group.created", group.json(change.organization));
    let mut changes = MemberChanges::default();
    members::add(change, access, group.id, references, &mut changes).await?;
    members::emit(change, &group, &changes).await?;
    join_waiting_groups(change, access, &group).await?;
    // The people of groups within are concerned too, and so are those of groups that waited for this one:
    // all of them are people of this group.
    let users = edges::people_of(change.tx, change.organization, [group.id]).await?;
    converge(change, Scope { users, groups: [group.id].into(), ..Scope::default() }).await?;
    Ok(group)
}

/// Replaces a group (RFC 7644 section 3.5.1). Omitted members stay as they are, `[]` empties.
pub async fn replace(app: &App, call: Call, id: DirectoryGroupId, body: Normalised) -> Result<Outcome<DirectoryGroup>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    write(app, call, move |change, log| {
        let (access, precondition, mut body) = (access.clone(), precondition.clone(), body.clone());
        Box::pin(async move {
            let stored = found(change, &access, id).await?;
            precondition.check(stored.version)?;
            let definition = definition(&access, "Group")?;
            let keep = access.directory.settings.put_omitted_extension == OmittedExtension::Keep;
            body.keep_omitted(&stored.document, keep, &definition);
            let references = take_members(&mut body.document).unwrap_or_default();
            resource::check_immutable(&stored.document, &body.document, &definition)?;
            let mut changes = MemberChanges::default();
            if body.members != Sent::Omitted {
                take_external_id(change, &stored, &body.document).await?;
                members::replace(change, &access, id, &references, &mut changes).await?;
            }
            save(change, log, &access, stored, body.document, &changes).await
        })
    })
    .await
}

/// Changes a group (RFC 7644 section 3.5.2): all operations or none.
pub async fn patch(
    app: &App,
    call: Call,
    id: DirectoryGroupId,
    operations: Vec<Operation>,
) -> Result<Outcome<DirectoryGroup>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    let operations = Arc::new(operations);
    write(app, call, move |change, log| {
        let (access, precondition, operations) = (access.clone(), precondition.clone(), Arc::clone(&operations));
        Box::pin(async move {
            let stored = found(change, &access, id).await?;
            precondition.check(stored.version)?;
            let definition = definition(&access, "Group")?;
            let text = id.to_string();
            let patched = patch::apply(&stored.document, &definition, &text, &operations, &mut log.tolerances)?;
            let mut changes = MemberChanges::default();
            if !patched.members.is_empty() {
                take_external_id(change, &stored, &patched.document).await?;
            }
            members::apply(change, &access, id, &patched.members, &mut changes).await?;
            save(change, log, &access, stored, patched.document, &changes).await
        })
    })
    .await
}

/// Gives the group its new `externalId` before its members are resolved: it may be among them itself.
async fn take_external_id(
    change: &mut Change<'_>,
    stored: &DirectoryGroup,
    document: &Map<String, Value>,
) -> Result<()> {
    if stored.document.get("externalId") == document.get("externalId") {
        return Ok(());
    }
    let group = DirectoryGroup { document: document.clone(), ..stored.clone() };
    directory_groups::update(change.tx, change.organization, &group).await
}

/// Stores a changed document and what follows from it and from changed members; if neither changed, nothing.
async fn save(
    change: &mut Change<'_>,
    log: &mut Log,
    access: &ScimAccess,
    stored: DirectoryGroup,
    document: Map<String, Value>,
    changes: &MemberChanges,
) -> Result<DirectoryGroup> {
    log.resource = Some(stored.id.to_string());
    let edited = stored.document != document;
    if !edited && changes.is_empty() {
        return Ok(stored);
    }
    let before = stored.json(change.organization);
    let renamed = stored.document.get("displayName") != document.get("displayName");
    let external_id = stored.document.get("externalId") != document.get("externalId");
    let mut group = stored;
    group.document = document;
    group.version += 1;
    group.updated_at = change.now;
    if renamed {
        check_name(change, access, &group).await?;
    }
    directory_groups::update(change.tx, change.organization, &group).await?;
    let mut scope = Scope { users: changes.changed_users(), ..Scope::default() };
    if edited {
        keep_unique_values(change, access, &group).await?;
        change.trace.stored("groups_changed", 1);
        let mut data = group.json(change.organization);
        data["previous_attributes"] = previous_attributes(&before, &data);
        change.emit("dsync.group.updated", data);
        scope.groups.insert(group.id);
    }
    members::emit(change, &group, changes).await?;
    let mut people_of = changes.subgroups();
    if external_id && !join_waiting_groups(change, access, &group).await?.is_empty() {
        people_of.insert(group.id);
    }
    if !people_of.is_empty() {
        scope.users.extend(edges::people_of(change.tx, change.organization, people_of).await?);
    }
    converge(change, scope).await?;
    Ok(group)
}

/// Deletes a group (RFC 7644 section 3.6) with its edges, bindings and what they gave.
pub async fn delete(app: &App, call: Call, id: DirectoryGroupId) -> Result<Outcome<()>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    write(app, call, move |change, log| {
        let (access, precondition) = (access.clone(), precondition.clone());
        Box::pin(async move {
            let group = found(change, &access, id).await?;
            precondition.check(group.version)?;
            log.resource = Some(id.to_string());
            remove(change, &access, &group).await
        })
    })
    .await
}

async fn remove(change: &mut Change<'_>, access: &ScimAccess, group: &DirectoryGroup) -> Result<()> {
    let organization = change.organization;
    let users = edges::people_of(change.tx, organization, [group.id]).await?;
    let members = edges::clear(change.tx, organization, group.id).await?;
    let parents = edges::remove_member(change.tx, organization, Member::Group(group.id)).await?;
    change.trace.stored("edges_removed", members.len() + parents.len());
    change.trace.removed("groups");
    directory_groups::touch(change.tx, organization, parents, change.now).await?;
    custom::set_unique_values(change.tx, access.scope, "Group", group.id.uuid(), &[]).await?;
    // The vendor's rule: the deletion of a group stands for the leaving of its people.
    change.emit("dsync.group.deleted", group.json(organization));
    converge(change, Scope { users, removed_groups: [group.id].into(), ..Scope::default() }).await?;
    directory_groups::delete(change.tx, organization, group.id).await
}

/// The group, or 404.
async fn found(change: &mut Change<'_>, access: &ScimAccess, id: DirectoryGroupId) -> Result<DirectoryGroup> {
    directory_groups::find(change.tx, access.scope, id).await?.ok_or_else(|| Error::not_found("Group", id))
}

/// The setting `unique_group_names`; by default names may double.
async fn check_name(change: &mut Change<'_>, access: &ScimAccess, group: &DirectoryGroup) -> Result<()> {
    if !access.directory.settings.unique_group_names {
        return Ok(());
    }
    let name = group.text("displayName").unwrap_or_default();
    match directory_groups::id_by_display_name(change.tx, access.scope, name, group.id).await? {
        Some(holder) => Err(taken("displayName", &holder.to_string())),
        None => Ok(()),
    }
}

/// Holds the values of custom attributes that must be unique.
async fn keep_unique_values(change: &mut Change<'_>, access: &ScimAccess, group: &DirectoryGroup) -> Result<()> {
    if access.directory.settings.custom.is_none() {
        return Ok(());
    }
    let definition = definition(access, "Group")?;
    let keys = resource::unique_keys(&group.document, &definition);
    custom::hold_unique_values(change.tx, access.scope, "Group", group.id.uuid(), &keys)
        .await?
        .map_or(Ok(()), |attribute| Err(taken_by_another(&attribute)))
}

/// Resolves the pending edges that waited for this group. Answers the groups that gained it.
async fn join_waiting_groups(
    change: &mut Change<'_>,
    access: &ScimAccess,
    group: &DirectoryGroup,
) -> Result<Vec<DirectoryGroupId>> {
    let mut names = vec![group.id.to_string()];
    names.extend(group.text("externalId").map(str::to_owned));
    let parents = edges::resolve(change.tx, access.scope, Member::Group(group.id), names).await?;
    directory_groups::touch(change.tx, change.organization, parents.iter().copied(), change.now).await?;
    change.trace.stored("edges_resolved", parents.len());
    Ok(parents)
}
