//! Users: RFC 7644 sections 3.3 to 3.6 over RFC 7643 section 4.1.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Call, Log, Outcome, definition, write};
use crate::app::App;
use crate::domain::directory::{DeletedPeople, DirectoryUser, OmittedExtension, previous_attributes};
use crate::domain::id::{DirectoryGroupId, DirectoryUserId};
use crate::domain::{Error, Result};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::patch::{self, Operation};
use crate::scim::resource::{self, Normalised};
use crate::scim::text::fold;
use crate::service::change::Change;
use crate::service::converge::{Scope, converge, leave};
use crate::service::keys::ScimAccess;
use crate::store::edges::{self, Member};
use crate::store::{custom, directory_groups, directory_users, links};

/// Creates a user (RFC 7644 section 3.3).
///
/// # Errors
///
/// 409 `uniqueness` if the directory has somebody of this `userName`, naming the existing id.
pub async fn create(app: &App, call: Call, body: Normalised) -> Result<Outcome<DirectoryUser>> {
    let access = call.access.clone();
    write(app, call, move |change, log| {
        let (access, document) = (access.clone(), body.document.clone());
        Box::pin(async move { insert(change, log, &access, document).await })
    })
    .await
}

async fn insert(
    change: &mut Change<'_>,
    log: &mut Log,
    access: &ScimAccess,
    mut document: Map<String, Value>,
) -> Result<DirectoryUser> {
    // The default that clients expect to read back; whoever removes it later reads nothing.
    document.entry("active").or_insert(Value::Bool(true));
    let user = DirectoryUser {
        id: DirectoryUserId::mint(change.now),
        directory: access.scope.directory(),
        active: document.get("active") != Some(&Value::Bool(false)),
        document,
        version: 1,
        created_at: change.now,
        updated_at: change.now,
    };
    log.resource = Some(user.id.to_string());
    check_user_name(change, access, &user, None).await?;
    directory_users::insert(change.tx, change.organization, &user).await?;
    keep_unique_values(change, access, &user).await?;
    change.trace.stored("users", 1);
    change.emit("dsync.user.created", user.json(change.organization));
    join_waiting_groups(change, access, &user).await?;
    converge(change, Scope { users: [user.id].into(), ..Scope::default() }).await?;
    Ok(user)
}

/// Replaces a user (RFC 7644 section 3.5.1). An omitted `active` stays as it is.
pub async fn replace(app: &App, call: Call, id: DirectoryUserId, body: Normalised) -> Result<Outcome<DirectoryUser>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    write(app, call, move |change, log| {
        let (access, precondition, mut body) = (access.clone(), precondition.clone(), body.clone());
        Box::pin(async move {
            let stored = found(change, &access, id).await?;
            precondition.check(stored.version)?;
            let definition = definition(&access, "User")?;
            let keep = access.directory.settings.put_omitted_extension == OmittedExtension::Keep;
            body.keep_omitted(&stored.document, keep, &definition);
            resource::check_immutable(&stored.document, &body.document, &definition)?;
            save(change, log, &access, stored, body.document).await
        })
    })
    .await
}

/// Changes a user (RFC 7644 section 3.5.2): all operations or none.
pub async fn patch(
    app: &App,
    call: Call,
    id: DirectoryUserId,
    operations: Vec<Operation>,
) -> Result<Outcome<DirectoryUser>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    let operations = Arc::new(operations);
    write(app, call, move |change, log| {
        let (access, precondition, operations) = (access.clone(), precondition.clone(), Arc::clone(&operations));
        Box::pin(async move {
            let stored = found(change, &access, id).await?;
            precondition.check(stored.version)?;
            let definition = definition(&access, "User")?;
            let text = id.to_string();
            let patched = patch::apply(&stored.document, &definition, &text, &operations, &mut log.tolerances)?;
            save(change, log, &access, stored, patched.document).await
        })
    })
    .await
}

/// Stores a changed document with all that follows; an unchanged one changes nothing.
async fn save(
    change: &mut Change<'_>,
    log: &mut Log,
    access: &ScimAccess,
    stored: DirectoryUser,
    document: Map<String, Value>,
) -> Result<DirectoryUser> {
    log.resource = Some(stored.id.to_string());
    if stored.document == document {
        return Ok(stored);
    }
    let before = stored.json(change.organization);
    let emails = stored.document.get("emails") != document.get("emails");
    let renamed = stored.text("userName").map(fold) != document.get("userName").and_then(Value::as_str).map(fold);
    let external_id = stored.document.get("externalId") != document.get("externalId");
    let mut user = stored;
    // Absent means unchanged: an omission must not re-enable a leaver.
    if let Some(active) = document.get("active").and_then(Value::as_bool) {
        user.active = active;
    }
    user.document = document;
    user.version += 1;
    user.updated_at = change.now;
    if renamed {
        check_user_name(change, access, &user, Some(user.id)).await?;
    }
    directory_users::update(change.tx, change.organization, &user, emails).await?;
    keep_unique_values(change, access, &user).await?;
    change.trace.stored("users_changed", 1);
    let mut data = user.json(change.organization);
    data["previous_attributes"] = previous_attributes(&before, &data);
    change.emit("dsync.user.updated", data);
    if external_id {
        join_waiting_groups(change, access, &user).await?;
    }
    converge(change, Scope { users: [user.id].into(), ..Scope::default() }).await?;
    Ok(user)
}

/// Deletes a user (RFC 7644 section 3.6). Their edges and rule origins end; their membership becomes
/// inactive, or goes where the directory's settings say so; other directories keep their claims.
pub async fn delete(app: &App, call: Call, id: DirectoryUserId) -> Result<Outcome<()>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    write(app, call, move |change, log| {
        let (access, precondition) = (access.clone(), precondition.clone());
        Box::pin(async move {
            let user = found(change, &access, id).await?;
            precondition.check(user.version)?;
            log.resource = Some(id.to_string());
            remove(change, &access, &user).await
        })
    })
    .await
}

async fn remove(change: &mut Change<'_>, access: &ScimAccess, user: &DirectoryUser) -> Result<()> {
    let organization = change.organization;
    let groups = edges::remove_member(change.tx, organization, Member::User(user.id)).await?;
    directory_groups::touch(change.tx, organization, groups.iter().copied(), change.now).await?;
    change.trace.stored("edges_removed", groups.len());
    change.trace.removed("users");
    emit_for_groups(change, "dsync.group.user_removed", user, &groups).await?;
    let link = links::of_users(change.tx, organization, [user.id]).await?.remove(&user.id);
    if link.is_some() {
        links::keep_external_id(change.tx, organization, user.id, user.text("externalId")).await?;
    }
    custom::set_unique_values(change.tx, access.scope, "User", user.id.uuid(), &[]).await?;
    directory_users::delete(change.tx, organization, user.id).await?;
    change.emit("dsync.user.deleted", user.json(organization));
    converge(change, Scope { users: [user.id].into(), ..Scope::default() }).await?;
    let goes = access.directory.settings.deleted_people == DeletedPeople::Delete;
    if let Some(membership) = link.and_then(|link| link.membership_id).filter(|_| goes) {
        leave(change, membership).await?;
    }
    Ok(())
}

/// The user, or 404.
async fn found(change: &mut Change<'_>, access: &ScimAccess, id: DirectoryUserId) -> Result<DirectoryUser> {
    directory_users::find(change.tx, access.scope, id).await?.ok_or_else(|| Error::not_found("User", id))
}

async fn check_user_name(
    change: &mut Change<'_>,
    access: &ScimAccess,
    user: &DirectoryUser,
    except: Option<DirectoryUserId>,
) -> Result<()> {
    let name = user.text("userName").unwrap_or_default();
    match directory_users::id_by_user_name(change.tx, access.scope, name).await? {
        Some(holder) if Some(holder) != except => Err(taken("userName", &holder.to_string())),
        _ => Ok(()),
    }
}

/// 409 `uniqueness` that names the resource that has the value.
pub(super) fn taken(attribute: &str, holder: &str) -> Error {
    ScimError {
        status: 409,
        scim_type: Some(ScimType::Uniqueness),
        detail: format!("{attribute} is taken by the resource {holder} of this directory; update that one instead"),
    }
    .into()
}

/// 409 `uniqueness` for a custom attribute, whose holder may be of any type.
pub(super) fn taken_by_another(attribute: &str) -> Error {
    let detail = format!("{attribute} is taken by another resource of this directory");
    ScimError { status: 409, scim_type: Some(ScimType::Uniqueness), detail }.into()
}

/// Holds the values of custom attributes that must be unique.
async fn keep_unique_values(change: &mut Change<'_>, access: &ScimAccess, user: &DirectoryUser) -> Result<()> {
    if access.directory.settings.custom.is_none() {
        return Ok(());
    }
    let definition = definition(access, "User")?;
    let keys = resource::unique_keys(&user.document, &definition);
    custom::hold_unique_values(change.tx, access.scope, "User", user.id.uuid(), &keys)
        .await?
        .map_or(Ok(()), |attribute| Err(taken_by_another(&attribute)))
}

/// Resolves the pending edges that waited for this person.
async fn join_waiting_groups(change: &mut Change<'_>, access: &ScimAccess, user: &DirectoryUser) -> Result<()> {
    let mut names = vec![user.id.to_string()];
    names.extend(user.text("externalId").map(str::to_owned));
    let groups = edges::resolve(change.tx, access.scope, Member::User(user.id), names).await?;
    directory_groups::touch(change.tx, change.organization, groups.iter().copied(), change.now).await?;
    change.trace.stored("edges_resolved", groups.len());
    emit_for_groups(change, "dsync.group.user_added", user, &groups).await
}

/// One event per group that a person joined or left.
async fn emit_for_groups(
    change: &mut Change<'_>,
    name: &'static str,
    user: &DirectoryUser,
    groups: &[DirectoryGroupId],
) -> Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let groups = directory_groups::by_ids(change.tx, change.organization, groups.iter().copied()).await?;
    let person = user.json(change.organization);
    for group in groups {
        let data = json!({
            "directory_id": group.directory,
            "user": person,
            "group": group.json(change.organization),
        });
        change.emit(name, data);
    }
    Ok(())
}
