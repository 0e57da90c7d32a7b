//! Directories.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::statement::{Column, Param, Rows, sql};
use super::{Page, PageRequest, Tx, containing, policies};
use crate::domain::directory::{Directory, DirectorySettings};
use crate::domain::id::{DirectoryId, OrganizationId};
use crate::domain::native::name_key;
use crate::domain::origin::Ending;
use crate::domain::{Error, Result};

#[derive(sqlx::FromRow)]
pub(super) struct DirectoryRow {
    organization_id: OrganizationId,
    id: DirectoryId,
    name: String,
    #[sqlx(rename = "type")]
    kind: String,
    state: String,
    paused_at: Option<DateTime<Utc>>,
    backlog: i64,
    leaving: Option<String>,
    settings: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<DirectoryRow> for Directory {
    type Error = Error;

    fn try_from(row: DirectoryRow) -> Result<Self> {
        let settings = serde_json::from_str(&row.settings)
            .map_err(|error| Error::internal(format!("{} has corrupt settings: {error}", row.id)))?;
        Ok(Directory {
            id: row.id,
            organization: row.organization_id,
            name: row.name,
            kind: row.kind,
            state: row.state,
            paused_at: row.paused_at,
            backlog: row.backlog,
            leaving: row.leaving.as_deref().and_then(Ending::from_word),
            settings,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(super) const COLUMNS: &str =
    "d.organization_id, d.id, d.name, d.type, d.state, d.paused_at, d.backlog, d.leaving, d.settings, d.created_at,
     d.updated_at";

fn settings_text(settings: &DirectorySettings) -> Result<String> {
    serde_json::to_string(settings).map_err(|error| Error::Internal(Box::new(error)))
}

/// Stores a new directory.
pub async fn insert(tx: &mut Tx, directory: &Directory) -> Result<()> {
    let stmt = sql("INSERT INTO directories (organization_id, id, name, name_key, type, state, settings,
            created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(directory.organization)
    .bind(directory.id)
    .bind(&directory.name)
    .bind(name_key(&directory.name))
    .bind(&directory.kind)
    .bind(&directory.state)
    .bind(settings_text(&directory.settings)?)
    .bind(directory.created_at)
    .bind(directory.updated_at);
    tx.execute(stmt).await?;
    policies::renew(tx, directory.organization).await
}

/// Stores what changed.
pub async fn update(tx: &mut Tx, directory: &Directory) -> Result<()> {
    let stmt =
        sql("UPDATE directories SET name = $3, name_key = $4, type = $5, state = $6, settings = $7, updated_at = $8,
            paused_at = $9, leaving = $10
         WHERE organization_id = $1 AND id = $2")
        .bind(directory.organization)
        .bind(directory.id)
        .bind(&directory.name)
        .bind(name_key(&directory.name))
        .bind(&directory.kind)
        .bind(&directory.state)
        .bind(settings_text(&directory.settings)?)
        .bind(directory.updated_at)
        .bind(directory.paused_at)
        .bind(directory.leaving.map(Ending::as_str));
    tx.execute(stmt).await?;
    policies::renew(tx, directory.organization).await
}

/// Notes that an identity provider has reached the directory.
pub async fn set_linked(
    tx: &mut Tx,
    organization: OrganizationId,
    id: DirectoryId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let stmt = sql("UPDATE directories SET state = 'linked', updated_at = $3
         WHERE organization_id = $1 AND id = $2 AND state = 'validating'");
    Ok(tx.execute(stmt.bind(organization).bind(id).bind(now)).await? > 0)
}

/// The directory with this id; of the organization, if one is given.
pub async fn find(tx: &mut Tx, organization: Option<OrganizationId>, id: DirectoryId) -> Result<Option<Directory>> {
    let text = format!("SELECT {COLUMNS} FROM directories d WHERE d.id = $1 AND d.deleted_at IS NULL");
    let stmt = match organization {
        Some(organization) => sql(text + " AND d.organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<DirectoryRow> = tx.fetch_optional(stmt).await?;
    row.map(Directory::try_from).transpose()
}

/// All directories of an organization.
pub async fn all(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<Directory>> {
    let text = format!(
        "SELECT {COLUMNS} FROM directories d WHERE d.organization_id = $1 AND d.deleted_at IS NULL ORDER BY d.id"
    );
    let rows: Vec<DirectoryRow> = tx.fetch_all(sql(text).bind(organization)).await?;
    rows.into_iter().map(Directory::try_from).collect()
}

/// The names of these directories, as far as they are there.
pub async fn names(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = DirectoryId>,
) -> Result<HashMap<DirectoryId, String>> {
    let text = format!(
        "SELECT d.id, d.name FROM {} directories d ON d.organization_id = $2 AND d.id = r.id
         WHERE d.deleted_at IS NULL",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(DirectoryId, String)> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    Ok(rows.into_iter().collect())
}

/// Counts a write that waits for a paused directory to be resumed.
pub async fn count_backlog(tx: &mut Tx, organization: OrganizationId, id: DirectoryId) -> Result<()> {
    let stmt = sql("UPDATE directories SET backlog = backlog + 1 WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id)).await.map(drop)
}

/// Makes a tombstone of a directory: its events refer to it.
pub async fn bury(tx: &mut Tx, organization: OrganizationId, id: DirectoryId, now: DateTime<Utc>) -> Result<()> {
    let stmt = sql("UPDATE directories SET deleted_at = $3, updated_at = $3 WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id).bind(now)).await?;
    policies::renew(tx, organization).await
}

/// Forgets the backlog: it was caught up with.
pub async fn clear_backlog(tx: &mut Tx, organization: OrganizationId, id: DirectoryId) -> Result<()> {
    let stmt = sql("UPDATE directories SET backlog = 0 WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id)).await.map(drop)
}

/// A page of directories; `search` is part of a name.
pub async fn list(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Directory>> {
    let mut text = format!("SELECT {COLUMNS} FROM directories d WHERE d.deleted_at IS NULL");
    let mut params: Vec<Param> = Vec::new();
    if let Some(organization) = organization {
        params.push(organization.into());
        text.push_str(&format!(" AND d.organization_id = ${}", params.len()));
    }
    if let Some(search) = search {
        params.push(containing(search).into());
        text.push_str(&format!(" AND d.name_key LIKE ${} ESCAPE '\\'", params.len()));
    }
    let rows: Vec<DirectoryRow> = tx.fetch_all(page.complete(&text, params, "d.id")).await?;
    page.page(rows).try_map(Directory::try_from)
}

/// How many people and groups a directory holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// People who are active.
    pub active_users: i64,
    /// People who are not.
    pub inactive_users: i64,
    /// Groups.
    pub groups: i64,
}

/// Counts what a directory holds, by indexes alone.
pub async fn counts(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<Counts> {
    let stmt = sql("SELECT
            (SELECT COUNT(*) FROM directory_users WHERE organization_id = $1 AND directory_id = $2),
            (SELECT COUNT(*) FROM directory_users WHERE organization_id = $1 AND directory_id = $2 AND active = false),
            (SELECT COUNT(*) FROM directory_groups WHERE organization_id = $1 AND directory_id = $2)");
    let (all, inactive_users, groups): (i64, i64, i64) = tx.fetch_one(stmt.bind(organization).bind(directory)).await?;
    Ok(Counts { active_users: all - inactive_users, inactive_users, groups })
}

/// A directory in a list: what it holds, and when it was last heard of.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Summary {
    /// The directory.
    pub directory_id: DirectoryId,
    /// Its people, active or not.
    pub people: i64,
    /// Its groups.
    pub groups: i64,
    /// When one of its tokens was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Sums up these directories of an organization, by indexes alone.
pub async fn summaries(
    tx: &mut Tx,
    organization: OrganizationId,
    directories: impl IntoIterator<Item = DirectoryId>,
) -> Result<Vec<Summary>> {
    let text = format!(
        "SELECT d.id AS directory_id,
            (SELECT COUNT(*) FROM directory_users u WHERE u.organization_id = $2 AND u.directory_id = d.id) AS people,
            (SELECT COUNT(*) FROM directory_groups g WHERE g.organization_id = $2 AND g.directory_id = d.id) AS groups,
            (SELECT MAX(t.last_used_at) FROM scim_tokens t WHERE t.organization_id = $2 AND t.directory_id = d.id)
                AS last_used_at
         FROM {} directories d ON d.organization_id = $2 AND d.id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(directories)).bind(organization)).await
}
