//! Resources of types that directories' settings define, and values that custom schemas want unique.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::statement::{Column, Rows, cell, sql};
use super::{Tx, object};
use crate::domain::id::DirectoryResourceId;
use crate::domain::scope::DirectoryScope;
use crate::domain::{Error, Result};

/// A resource of a custom type.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomResource {
    /// Its id.
    pub id: DirectoryResourceId,
    /// The SCIM document, without `id` and `meta`.
    pub document: Map<String, Value>,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
pub(super) struct ResourceRow {
    id: DirectoryResourceId,
    document: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<ResourceRow> for CustomResource {
    type Error = Error;

    fn try_from(row: ResourceRow) -> Result<Self> {
        Ok(CustomResource {
            id: row.id,
            document: object(&row.document)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(super) const COLUMNS: &str = "x.id, x.document, x.version, x.created_at, x.updated_at";

/// Stores a new resource.
pub async fn insert(tx: &mut Tx, scope: DirectoryScope, kind: &str, resource: &CustomResource) -> Result<()> {
    let stmt = sql("INSERT INTO directory_resources (organization_id, id, directory_id, resource_type, external_id,
            document, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(scope.organization())
    .bind(resource.id)
    .bind(scope.directory())
    .bind(kind)
    .bind(resource.document.get("externalId").and_then(Value::as_str))
    .bind(Value::Object(resource.document.clone()).to_string())
    .bind(resource.version)
    .bind(resource.created_at)
    .bind(resource.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Stores what changed.
pub async fn update(tx: &mut Tx, scope: DirectoryScope, resource: &CustomResource) -> Result<()> {
    let stmt = sql("UPDATE directory_resources SET external_id = $3, document = $4, version = $5, updated_at = $6
         WHERE organization_id = $1 AND id = $2")
    .bind(scope.organization())
    .bind(resource.id)
    .bind(resource.document.get("externalId").and_then(Value::as_str))
    .bind(Value::Object(resource.document.clone()).to_string())
    .bind(resource.version)
    .bind(resource.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Removes a resource.
pub async fn delete(tx: &mut Tx, scope: DirectoryScope, id: DirectoryResourceId) -> Result<()> {
    let stmt = sql("DELETE FROM directory_resources WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(scope.organization()).bind(id)).await.map(drop)
}

/// The resource with this id, if the directory has it under this type.
pub async fn find(
    tx: &mut Tx,
    scope: DirectoryScope,
    kind: &str,
    id: DirectoryResourceId,
) -> Result<Option<CustomResource>> {
    let text = format!(
        "SELECT {COLUMNS} FROM directory_resources x
         WHERE x.organization_id = $1 AND x.id = $2 AND x.directory_id = $3 AND x.resource_type = $4"
    );
    let stmt = sql(text).bind(scope.organization()).bind(id).bind(scope.directory()).bind(kind);
    let row: Option<ResourceRow> = tx.fetch_optional(stmt).await?;
    row.map(CustomResource::try_from).transpose()
}

/// Holds exactly these values for a resource, unless another one has one of them: then answers whose
/// attribute it is, and changes nothing.
pub async fn hold_unique_values(
    tx: &mut Tx,
    scope: DirectoryScope,
    kind: &str,
    resource: Uuid,
    keys: &[(String, String)],
) -> Result<Option<String>> {
    let mut rows = Rows::default();
    for (attribute, key) in keys {
        rows.push([cell(attribute), cell(key)]);
    }
    let text = format!(
        "SELECT v.attribute FROM {} directory_unique_values v
         ON v.organization_id = $2 AND v.directory_id = $3 AND v.resource_type = $4
            AND v.attribute = r.attribute AND v.value_key = r.value_key AND v.resource_id <> $5 LIMIT 1",
        tx.driving(1, &[("attribute", Column::Text), ("value_key", Column::Text)])
    );
    let stmt = sql(text)
        .bind(rows)
        .bind(scope.organization())
        .bind(scope.directory())
        .bind(kind)
        .bind(DirectoryResourceId::from_uuid(resource));
    let taken: Option<(String,)> = tx.fetch_optional(stmt).await?;
    if let Some((attribute,)) = taken {
        return Ok(Some(attribute));
    }
    set_unique_values(tx, scope, kind, resource, keys).await.map(|()| None)
}

/// Replaces the values that a resource holds.
pub async fn set_unique_values(
    tx: &mut Tx,
    scope: DirectoryScope,
    kind: &str,
    resource: Uuid,
    keys: &[(String, String)],
) -> Result<()> {
    let resource = DirectoryResourceId::from_uuid(resource);
    let stmt = sql("DELETE FROM directory_unique_values WHERE organization_id = $1 AND resource_id = $2");
    tx.execute(stmt.bind(scope.organization()).bind(resource)).await?;
    if keys.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for (attribute, key) in keys {
        rows.push([cell(attribute), cell(key)]);
    }
    let text = format!(
        "INSERT INTO directory_unique_values (organization_id, directory_id, resource_type, attribute, value_key,
            resource_id) SELECT $2, $3, $4, r.attribute, r.value_key, $5 FROM {} AS r WHERE true
         ON CONFLICT DO NOTHING",
        tx.rows(1, &[("attribute", Column::Text), ("value_key", Column::Text)])
    );
    let stmt = sql(text).bind(rows).bind(scope.organization()).bind(scope.directory()).bind(kind).bind(resource);
    tx.execute(stmt).await.map(drop)
}
