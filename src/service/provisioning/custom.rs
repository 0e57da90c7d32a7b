//! Resources of the types that a directory's settings define: stored, validated and found like the built-in
//! ones, and mapped to nothing.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::users::taken_by_another;
use super::{Call, Outcome, write};
use crate::app::App;
use crate::domain::directory::OmittedExtension;
use crate::domain::id::DirectoryResourceId;
use crate::domain::{Error, Result};
use crate::scim::patch::{self, Operation};
use crate::scim::resource::{self, Normalised};
use crate::scim::schema::ResourceDefinition;
use crate::service::change::Change;
use crate::service::keys::ScimAccess;
use crate::store::custom::{self, CustomResource};

/// Creates a resource (RFC 7644 section 3.3).
pub async fn create(
    app: &App,
    call: Call,
    definition: Arc<ResourceDefinition>,
    body: Normalised,
) -> Result<Outcome<CustomResource>> {
    let access = call.access.clone();
    write(app, call, move |change, log| {
        let (access, definition, document) = (access.clone(), Arc::clone(&definition), body.document.clone());
        Box::pin(async move {
            let resource = CustomResource {
                id: DirectoryResourceId::mint(change.now),
                document,
                version: 1,
                created_at: change.now,
                updated_at: change.now,
            };
            log.resource = Some(resource.id.to_string());
            hold(change, &access, &definition, &resource).await?;
            custom::insert(change.tx, access.scope, &definition.name, &resource).await?;
            change.trace.stored("resources", 1);
            Ok(resource)
        })
    })
    .await
}

/// Replaces a resource (RFC 7644 section 3.5.1).
pub async fn replace(
    app: &App,
    call: Call,
    definition: Arc<ResourceDefinition>,
    id: DirectoryResourceId,
    body: Normalised,
) -> Result<Outcome<CustomResource>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    write(app, call, move |change, log| {
        let (access, definition) = (access.clone(), Arc::clone(&definition));
        let (precondition, mut body) = (precondition.clone(), body.clone());
        Box::pin(async move {
            let stored = found(change, &access, &definition, id).await?;
            precondition.check(stored.version)?;
            let keep = access.directory.settings.put_omitted_extension == OmittedExtension::Keep;
            body.keep_omitted(&stored.document, keep, &definition);
            resource::check_immutable(&stored.document, &body.document, &definition)?;
            log.resource = Some(id.to_string());
            save(change, &access, &definition, stored, body.document).await
        })
    })
    .await
}

/// Changes a resource (RFC 7644 section 3.5.2).
pub async fn patch(
    app: &App,
    call: Call,
    definition: Arc<ResourceDefinition>,
    id: DirectoryResourceId,
    operations: Vec<Operation>,
) -> Result<Outcome<CustomResource>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    let operations = Arc::new(operations);
    write(app, call, move |change, log| {
        let (access, definition) = (access.clone(), Arc::clone(&definition));
        let (precondition, operations) = (precondition.clone(), Arc::clone(&operations));
        Box::pin(async move {
            let stored = found(change, &access, &definition, id).await?;
            precondition.check(stored.version)?;
            let text = id.to_string();
            let patched = patch::apply(&stored.document, &definition, &text, &operations, &mut log.tolerances)?;
            log.resource = Some(text);
            save(change, &access, &definition, stored, patched.document).await
        })
    })
    .await
}

/// Deletes a resource (RFC 7644 section 3.6).
pub async fn delete(
    app: &App,
    call: Call,
    definition: Arc<ResourceDefinition>,
    id: DirectoryResourceId,
) -> Result<Outcome<()>> {
    let (access, precondition) = (call.access.clone(), call.precondition.clone());
    write(app, call, move |change, log| {
        let (access, definition, precondition) = (access.clone(), Arc::clone(&definition), precondition.clone());
        Box::pin(async move {
            let stored = found(change, &access, &definition, id).await?;
            precondition.check(stored.version)?;
            log.resource = Some(id.to_string());
            custom::set_unique_values(change.tx, access.scope, &definition.name, id.uuid(), &[]).await?;
            change.trace.removed("resources");
            custom::delete(change.tx, access.scope, id).await
        })
    })
    .await
}

async fn save(
    change: &mut Change<'_>,
    access: &ScimAccess,
    definition: &ResourceDefinition,
    mut stored: CustomResource,
    document: Map<String, Value>,
) -> Result<CustomResource> {
    if stored.document == document {
        return Ok(stored);
    }
    stored.document = document;
    stored.version += 1;
    stored.updated_at = change.now;
    hold(change, access, definition, &stored).await?;
    change.trace.stored("resources_changed", 1);
    custom::update(change.tx, access.scope, &stored).await?;
    Ok(stored)
}

async fn hold(
    change: &mut Change<'_>,
    access: &ScimAccess,
    definition: &ResourceDefinition,
    resource: &CustomResource,
) -> Result<()> {
    let keys = resource::unique_keys(&resource.document, definition);
    custom::hold_unique_values(change.tx, access.scope, &definition.name, resource.id.uuid(), &keys)
        .await?
        .map_or(Ok(()), |attribute| Err(taken_by_another(&attribute)))
}

async fn found(
    change: &mut Change<'_>,
    access: &ScimAccess,
    definition: &ResourceDefinition,
    id: DirectoryResourceId,
) -> Result<CustomResource> {
    let found = custom::find(change.tx, access.scope, &definition.name, id).await?;
    found.ok_or_else(|| Error::not_found("Resource", id))
}
