//! Directory groups: groups as identity providers described them. Their members are in `edges`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::statement::{Column, Param, Rows, sql};
use super::{Owned, Page, PageRequest, Tx, object};
use crate::domain::directory::DirectoryGroup;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, OrganizationId};
use crate::domain::scope::DirectoryScope;
use crate::domain::{Error, Result};
use crate::scim::text::fold;

pub(super) const COLUMNS: &str = "g.id, g.directory_id, g.document, g.version, g.created_at, g.updated_at";

#[derive(sqlx::FromRow)]
pub(super) struct GroupRow {
    id: DirectoryGroupId,
    directory_id: DirectoryId,
    document: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<GroupRow> for DirectoryGroup {
    type Error = Error;

    fn try_from(row: GroupRow) -> Result<Self> {
        Ok(DirectoryGroup {
            id: row.id,
            directory: row.directory_id,
            document: object(&row.document)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Stores a new group.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, group: &DirectoryGroup) -> Result<()> {
    let name = group.text("displayName").unwrap_or_default();
    let stmt = sql("INSERT INTO directory_groups (organization_id, id, directory_id, display_name, display_name_key,
            external_id, document, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
    .bind(organization)
    .bind(group.id)
    .bind(group.directory)
    .bind(name)
    .bind(fold(name))
    .bind(group.text("externalId"))
    .bind(Value::Object(group.document.clone()).to_string())
    .bind(group.version)
    .bind(group.created_at)
    .bind(group.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Stores what changed.
pub async fn update(tx: &mut Tx, organization: OrganizationId, group: &DirectoryGroup) -> Result<()> {
    let name = group.text("displayName").unwrap_or_default();
    let stmt = sql("UPDATE directory_groups SET display_name = $3, display_name_key = $4, external_id = $5,
            document = $6, version = $7, updated_at = $8
         WHERE organization_id = $1 AND id = $2")
    .bind(organization)
    .bind(group.id)
    .bind(name)
    .bind(fold(name))
    .bind(group.text("externalId"))
    .bind(Value::Object(group.document.clone()).to_string())
    .bind(group.version)
    .bind(group.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Counts the version of groups up whose members changed through another resource.
pub async fn touch(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let rows = Rows::ids(groups);
    if rows.is_empty() {
        return Ok(());
    }
    let text = format!(
        "UPDATE directory_groups SET version = version + 1, updated_at = $3
         WHERE organization_id = $2 AND id IN (SELECT id FROM {} AS r)",
        tx.rows(1, &[("id", Column::Id)])
    );
    tx.execute(sql(text).bind(rows).bind(organization).bind(now)).await.map(drop)
}

/// Removes a group, whose edges and bindings have ended before.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: DirectoryGroupId) -> Result<()> {
    let stmt = sql("DELETE FROM directory_groups WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id)).await.map(drop)
}

/// The group with this id, if the directory has it.
pub async fn find(tx: &mut Tx, scope: DirectoryScope, id: DirectoryGroupId) -> Result<Option<DirectoryGroup>> {
    let text = format!(
        "SELECT {COLUMNS} FROM directory_groups g
         WHERE g.organization_id = $1 AND g.id = $2 AND g.directory_id = $3"
    );
    let stmt = sql(text).bind(scope.organization()).bind(id).bind(scope.directory());
    let row: Option<GroupRow> = tx.fetch_optional(stmt).await?;
    row.map(DirectoryGroup::try_from).transpose()
}

/// Another group of the directory with this `displayName`, for the setting `unique_group_names`.
pub async fn id_by_display_name(
    tx: &mut Tx,
    scope: DirectoryScope,
    name: &str,
    except: DirectoryGroupId,
) -> Result<Option<DirectoryGroupId>> {
    let stmt = sql("SELECT id FROM directory_groups
         WHERE organization_id = $1 AND directory_id = $2 AND display_name_key = $3 AND id <> $4 LIMIT 1")
    .bind(scope.organization())
    .bind(scope.directory())
    .bind(fold(name))
    .bind(except);
    let row: Option<(DirectoryGroupId,)> = tx.fetch_optional(stmt).await?;
    Ok(row.map(|(id,)| id))
}

/// Those of these groups that exist, of whatever directory of the organization.
pub async fn by_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<Vec<DirectoryGroup>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} directory_groups g ON g.organization_id = $2 AND g.id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<GroupRow> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    rows.into_iter().map(DirectoryGroup::try_from).collect()
}

/// The ids of all groups of a directory, or of the organization.
pub async fn all_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: Option<DirectoryId>,
) -> Result<BTreeSet<DirectoryGroupId>> {
    let stmt = match directory {
        Some(directory) => sql("SELECT id FROM directory_groups WHERE organization_id = $1 AND directory_id = $2")
            .bind(organization)
            .bind(directory),
        None => sql("SELECT id FROM directory_groups WHERE organization_id = $1").bind(organization),
    };
    let rows: Vec<(DirectoryGroupId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

#[derive(sqlx::FromRow)]
struct OwnedRow {
    organization_id: OrganizationId,
    #[sqlx(flatten)]
    group: GroupRow,
}

impl TryFrom<OwnedRow> for Owned<DirectoryGroup> {
    type Error = Error;

    fn try_from(row: OwnedRow) -> Result<Self> {
        Ok(Owned { organization: row.organization_id, value: row.group.try_into()? })
    }
}

/// The group with this id, of whatever directory; of the organization, if one is given.
pub async fn find_in(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    id: DirectoryGroupId,
) -> Result<Option<Owned<DirectoryGroup>>> {
    let text = format!("SELECT g.organization_id, {COLUMNS} FROM directory_groups g WHERE g.id = $1");
    let stmt = match organization {
        Some(organization) => sql(text + " AND g.organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<OwnedRow> = tx.fetch_optional(stmt).await?;
    row.map(Owned::try_from).transpose()
}

/// Which groups a list is about. Without an organization: those of the whole environment.
#[derive(Debug, Default)]
pub struct Search {
    /// Only of this organization; the other fields need it.
    pub organization: Option<OrganizationId>,
    /// Only of this directory.
    pub directory: Option<DirectoryId>,
    /// Only those that this person is a member of, not groups around these.
    pub user: Option<DirectoryUserId>,
}

/// A page of groups.
pub async fn list(tx: &mut Tx, search: &Search, page: &PageRequest) -> Result<Page<Owned<DirectoryGroup>>> {
    let mut text = format!("SELECT g.organization_id, {COLUMNS} FROM directory_groups g WHERE 1 = 1");
    let mut params: Vec<Param> = Vec::new();
    let mut key = "g.id";
    if let Some(organization) = search.organization {
        params.push(organization.into());
        if let Some(user) = search.user {
            text = format!(
                "SELECT g.organization_id, {COLUMNS} FROM directory_edges e
                 JOIN directory_groups g ON g.organization_id = e.organization_id AND g.id = e.group_id
                 WHERE e.organization_id = $1 AND e.user_id = $2"
            );
            params.push(user.into());
            key = "e.group_id";
        } else {
            text.push_str(" AND g.organization_id = $1");
        }
        if let Some(directory) = search.directory {
            params.push(directory.into());
            text.push_str(&format!(" AND g.directory_id = ${}", params.len()));
        }
    }
    let rows: Vec<OwnedRow> = tx.fetch_all(page.complete(&text, params, key)).await?;
    page.page(rows).try_map(Owned::try_from)
}
