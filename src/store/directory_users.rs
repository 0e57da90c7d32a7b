//! Directory users: people as identity providers described them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::statement::{Column, Rows, cell, sql};
use super::{Tx, object};
use crate::domain::directory::{DirectoryUser, linking_email};
use crate::domain::id::{DirectoryId, DirectoryUserId, OrganizationId};
use crate::domain::scope::DirectoryScope;
use crate::domain::{Error, Result};
use crate::scim::text::fold;

pub(super) const COLUMNS: &str = "u.id, u.directory_id, u.active, u.document, u.version, u.created_at, u.updated_at";

#[derive(sqlx::FromRow)]
pub(super) struct UserRow {
    id: DirectoryUserId,
    directory_id: DirectoryId,
    active: bool,
    document: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<UserRow> for DirectoryUser {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self> {
        Ok(DirectoryUser {
            id: row.id,
            directory: row.directory_id,
            active: row.active,
            document: object(&row.document)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The columns that are searched, derived from the document.
struct Derived {
    user_name: String,
    external_id: Option<String>,
    display_name_key: Option<String>,
    email: Option<String>,
}

fn derived(document: &Map<String, Value>) -> Derived {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    Derived {
        user_name: text("userName").unwrap_or_default().to_owned(),
        external_id: text("externalId").map(str::to_owned),
        display_name_key: text("displayName").map(fold),
        email: linking_email(document).map(str::to_owned),
    }
}

/// Stores a new user. Fails with a unique violation if the directory has one of this `userName`.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, user: &DirectoryUser) -> Result<()> {
    let columns = derived(&user.document);
    let stmt = sql("INSERT INTO directory_users (organization_id, id, directory_id, user_name, user_name_key,
            external_id, display_name_key, email, active, document, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
    .bind(organization)
    .bind(user.id)
    .bind(user.directory)
    .bind(&columns.user_name)
    .bind(fold(&columns.user_name))
    .bind(columns.external_id)
    .bind(columns.display_name_key)
    .bind(columns.email)
    .bind(user.active)
    .bind(Value::Object(user.document.clone()).to_string())
    .bind(user.version)
    .bind(user.created_at)
    .bind(user.updated_at);
    tx.execute(stmt).await?;
    insert_emails(tx, organization, user).await
}

/// Stores what changed. Fails with a unique violation if the new `userName` is another's.
pub async fn update(tx: &mut Tx, organization: OrganizationId, user: &DirectoryUser, emails: bool) -> Result<()> {
    let columns = derived(&user.document);
    let stmt = sql("UPDATE directory_users SET user_name = $3, user_name_key = $4, external_id = $5,
            display_name_key = $6, email = $7, active = $8, document = $9, version = $10, updated_at = $11
         WHERE organization_id = $1 AND id = $2")
    .bind(organization)
    .bind(user.id)
    .bind(&columns.user_name)
    .bind(fold(&columns.user_name))
    .bind(columns.external_id)
    .bind(columns.display_name_key)
    .bind(columns.email)
    .bind(user.active)
    .bind(Value::Object(user.document.clone()).to_string())
    .bind(user.version)
    .bind(user.updated_at);
    tx.execute(stmt).await?;
    if emails {
        let stmt = sql("DELETE FROM directory_user_emails WHERE organization_id = $1 AND directory_user_id = $2");
        tx.execute(stmt.bind(organization).bind(user.id)).await?;
        insert_emails(tx, organization, user).await?;
    }
    Ok(())
}

async fn insert_emails(tx: &mut Tx, organization: OrganizationId, user: &DirectoryUser) -> Result<()> {
    let emails = user.document.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let keys: BTreeSet<String> = emails.iter().filter_map(|e| e.get("value")?.as_str().map(fold)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for key in keys {
        rows.push([cell(key)]);
    }
    let text = format!(
        "INSERT INTO directory_user_emails (organization_id, directory_id, directory_user_id, value_key)
         SELECT $2, $3, $4, r.value_key FROM {} AS r",
        tx.rows(1, &[("value_key", Column::Text)])
    );
    tx.execute(sql(text).bind(rows).bind(organization).bind(user.directory).bind(user.id)).await.map(drop)
}

/// Removes a user, whose edges and links have ended before.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: DirectoryUserId) -> Result<()> {
    let stmt = sql("DELETE FROM directory_users WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id)).await.map(drop)
}

/// The user with this id, if the directory has it.
pub async fn find(tx: &mut Tx, scope: DirectoryScope, id: DirectoryUserId) -> Result<Option<DirectoryUser>> {
    let text = format!(
        "SELECT {COLUMNS} FROM directory_users u
         WHERE u.organization_id = $1 AND u.id = $2 AND u.directory_id = $3"
    );
    let stmt = sql(text).bind(scope.organization()).bind(id).bind(scope.directory());
    let row: Option<UserRow> = tx.fetch_optional(stmt).await?;
    row.map(DirectoryUser::try_from).transpose()
}

/// The id of the user with this `userName`, for the message that it is taken.
pub async fn id_by_user_name(tx: &mut Tx, scope: DirectoryScope, user_name: &str) -> Result<Option<DirectoryUserId>> {
    let stmt = sql("SELECT id FROM directory_users
         WHERE organization_id = $1 AND directory_id = $2 AND user_name_key = $3")
    .bind(scope.organization())
    .bind(scope.directory())
    .bind(fold(user_name));
    let row: Option<(DirectoryUserId,)> = tx.fetch_optional(stmt).await?;
    Ok(row.map(|(id,)| id))
}

/// Those of these users that exist, of whatever directory of the organization.
pub async fn by_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = DirectoryUserId>,
) -> Result<Vec<DirectoryUser>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} AS r JOIN directory_users u ON u.organization_id = $2 AND u.id = r.id",
        tx.rows(1, &[("id", Column::Id)])
    );
    let rows: Vec<UserRow> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    rows.into_iter().map(DirectoryUser::try_from).collect()
}

/// The ids of all users of a directory, or of the organization.
pub async fn all_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: Option<DirectoryId>,
) -> Result<BTreeSet<DirectoryUserId>> {
    let stmt = match directory {
        Some(directory) => sql("SELECT id FROM directory_users WHERE organization_id = $1 AND directory_id = $2")
            .bind(organization)
            .bind(directory),
        None => sql("SELECT id FROM directory_users WHERE organization_id = $1").bind(organization),
    };
    let rows: Vec<(DirectoryUserId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
