//! Directory users: people as identity providers described them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::statement::{Column, Param, Rows, cell, sql};
use super::{Owned, Page, PageRequest, Tx, object};
use crate::domain::directory::{DirectoryUser, linking_email};
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, OrganizationId};
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
        "SELECT {COLUMNS} FROM {} directory_users u ON u.organization_id = $2 AND u.id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<UserRow> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    rows.into_iter().map(DirectoryUser::try_from).collect()
}

/// The directories of those of these users that exist.
pub async fn directories_of(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = DirectoryUserId>,
) -> Result<Vec<(DirectoryUserId, DirectoryId)>> {
    let text = format!(
        "SELECT u.id, u.directory_id FROM {} directory_users u ON u.organization_id = $2 AND u.id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await
}

/// The people of the organization who have these folded e-mails: any of theirs, or the `userName` that serves as one.
/// Each with the e-mail that was asked for.
pub async fn ids_by_emails(
    tx: &mut Tx,
    organization: OrganizationId,
    email_keys: &[String],
) -> Result<Vec<(String, DirectoryUserId)>> {
    let driving = tx.driving(1, &[("email_key", Column::Text)]);
    // Directory by directory, in the way of the indexes.
    let by_email = format!(
        "SELECT r.email_key, x.directory_user_id FROM {driving} directories d ON d.organization_id = $2
         JOIN directory_user_emails x
            ON x.organization_id = d.organization_id AND x.directory_id = d.id AND x.value_key = r.email_key"
    );
    let by_name = format!(
        "SELECT r.email_key, x.id FROM {driving} directories d ON d.organization_id = $2
         JOIN directory_users x
            ON x.organization_id = d.organization_id AND x.directory_id = d.id AND x.user_name_key = r.email_key
         WHERE x.email = x.user_name"
    );
    let mut found: Vec<(String, DirectoryUserId)> = Vec::new();
    for text in [by_email, by_name] {
        let rows = Rows::texts(email_keys.iter().map(String::as_str));
        found.extend(tx.fetch_all::<(String, DirectoryUserId)>(sql(text).bind(rows).bind(organization)).await?);
    }
    found.sort();
    found.dedup();
    Ok(found)
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

/// How many people a directory holds, or the organization.
pub async fn count(tx: &mut Tx, organization: OrganizationId, directory: Option<DirectoryId>) -> Result<i64> {
    let stmt = match directory {
        Some(directory) => sql("SELECT COUNT(*) FROM directory_users WHERE organization_id = $1 AND directory_id = $2")
            .bind(organization)
            .bind(directory),
        None => sql("SELECT COUNT(*) FROM directory_users WHERE organization_id = $1").bind(organization),
    };
    let (count,) = tx.fetch_one(stmt).await?;
    Ok(count)
}

/// Everybody who has one of these addresses (folded), as an e-mail or as their `userName`.
pub async fn with_addresses(
    tx: &mut Tx,
    organization: OrganizationId,
    keys: impl IntoIterator<Item = String>,
) -> Result<BTreeSet<DirectoryUserId>> {
    let (rows, join) = (tx.driving(1, &[("address", Column::Text)]), tx.join());
    // In the way of the indexes, which begin with the directory.
    let text = format!(
        "SELECT e.directory_user_id AS id FROM {rows} directories d ON d.organization_id = $2
            {join} directory_user_emails e ON e.organization_id = $2 AND e.directory_id = d.id
            AND e.value_key = r.address
         UNION SELECT u.id FROM {rows} directories d ON d.organization_id = $2
            {join} directory_users u ON u.organization_id = $2 AND u.directory_id = d.id
            AND u.user_name_key = r.address"
    );
    let found: Vec<(DirectoryUserId,)> = tx.fetch_all(sql(text).bind(Rows::texts(keys)).bind(organization)).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

#[derive(sqlx::FromRow)]
struct OwnedRow {
    organization_id: OrganizationId,
    #[sqlx(flatten)]
    user: UserRow,
}

impl TryFrom<OwnedRow> for Owned<DirectoryUser> {
    type Error = Error;

    fn try_from(row: OwnedRow) -> Result<Self> {
        Ok(Owned { organization: row.organization_id, value: row.user.try_into()? })
    }
}

/// The user with this id, of whatever directory; of the organization, if one is given.
pub async fn find_in(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    id: DirectoryUserId,
) -> Result<Option<Owned<DirectoryUser>>> {
    let text = format!("SELECT u.organization_id, {COLUMNS} FROM directory_users u WHERE u.id = $1");
    let stmt = match organization {
        Some(organization) => sql(text + " AND u.organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<OwnedRow> = tx.fetch_optional(stmt).await?;
    row.map(Owned::try_from).transpose()
}

/// Which people a list is about. Without an organization: those of the whole environment.
#[derive(Debug, Default)]
pub struct Search {
    /// Only of this organization; the other fields need it.
    pub organization: Option<OrganizationId>,
    /// Only of this directory.
    pub directory: Option<DirectoryId>,
    /// Only members of this group, not of groups within.
    pub group: Option<DirectoryGroupId>,
    /// Only the one whom the identity provider calls so: by `externalId`, or for want of one by `userName`.
    pub idp_id: Option<String>,
    /// Only those with this e-mail, without case: any of their e-mails, or the `userName` that serves as one.
    pub email: Option<String>,
}

/// A page of people.
pub async fn list(tx: &mut Tx, search: &Search, page: &PageRequest) -> Result<Page<Owned<DirectoryUser>>> {
    let mut text = format!("SELECT u.organization_id, {COLUMNS} FROM directory_users u WHERE 1 = 1");
    let mut params: Vec<Param> = Vec::new();
    let mut key = "u.id";
    if let Some(organization) = search.organization {
        params.push(organization.into());
        if let Some(group) = search.group {
            // Read from the group's side, so that a page costs the same wherever it lies.
            text = format!(
                "SELECT u.organization_id, {COLUMNS} FROM directory_edges e
                 JOIN directory_users u ON u.organization_id = e.organization_id AND u.id = e.user_id
                 WHERE e.organization_id = $1 AND e.group_id = $2 AND e.user_id IS NOT NULL"
            );
            params.push(group.into());
            key = "e.user_id";
        } else {
            text.push_str(" AND u.organization_id = $1");
        }
        narrow(search, &mut text, &mut params);
    }
    let rows: Vec<OwnedRow> = tx.fetch_all(page.complete(&text, params, key)).await?;
    page.page(rows).try_map(Owned::try_from)
}

/// The conditions of a search within the organization, which is `$1`.
fn narrow(search: &Search, text: &mut String, params: &mut Vec<Param>) {
    if let Some(directory) = search.directory {
        params.push(directory.into());
        text.push_str(&format!(" AND u.directory_id = ${}", params.len()));
    }
    // In the ways of the indexes, which begin with the directory.
    let same_directory =
        search.directory.map_or_else(String::new, |_| format!(" AND x.directory_id = ${}", params.len()));
    if let Some(idp_id) = &search.idp_id {
        params.extend([idp_id.into(), fold(idp_id).into()]);
        let (exact, folded) = (params.len() - 1, params.len());
        text.push_str(&format!(
            " AND u.id IN (
                SELECT x.id FROM directory_users x
                WHERE x.organization_id = $1{same_directory} AND x.external_id = ${exact}
                UNION SELECT x.id FROM directory_users x
                WHERE x.organization_id = $1{same_directory} AND x.user_name_key = ${folded}
                    AND x.user_name = ${exact} AND x.external_id IS NULL)"
        ));
    }
    if let Some(email) = &search.email {
        params.push(fold(email).into());
        let folded = params.len();
        text.push_str(&format!(
            " AND u.id IN (
                SELECT x.directory_user_id FROM directory_user_emails x
                WHERE x.organization_id = $1{same_directory} AND x.value_key = ${folded}
                UNION SELECT x.id FROM directory_users x
                WHERE x.organization_id = $1{same_directory} AND x.user_name_key = ${folded}
                    AND x.email = x.user_name)"
        ));
    }
}
