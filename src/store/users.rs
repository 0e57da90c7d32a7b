//! Native users: of the environment, not of an organization.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::statement::{Column, Param, Rows, cell, sql};
use super::{Page, PageRequest, Stmt, Tx, object};
use crate::domain::id::{OrganizationId, UserId};
use crate::domain::native::User;
use crate::domain::{Error, Result};
use crate::scim::text::fold;

const COLUMNS: &str = "n.id, n.email, n.email_verified, n.first_name, n.last_name, n.external_id, n.metadata,
                       n.made_by_organization, n.created_at, n.updated_at";

#[derive(sqlx::FromRow)]
struct UserRow {
    id: UserId,
    email: String,
    email_verified: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    external_id: Option<String>,
    metadata: String,
    made_by_organization: Option<OrganizationId>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self> {
        Ok(User {
            id: row.id,
            email: row.email,
            email_verified: row.email_verified,
            first_name: row.first_name,
            last_name: row.last_name,
            external_id: row.external_id,
            metadata: object(&row.metadata)?,
            made_by_organization: row.made_by_organization,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Stores new users. Those whose e-mail somebody took in the meantime are left out; answers the stored ones.
pub async fn insert(tx: &mut Tx, users: &[User]) -> Result<HashSet<UserId>> {
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let mut rows = Rows::default();
    for user in users {
        rows.push([
            cell(user.id),
            cell(user.email.as_str()),
            cell(fold(&user.email)),
            cell(user.email_verified),
            cell(user.first_name.as_deref()),
            cell(user.last_name.as_deref()),
            cell(user.external_id.as_deref()),
            cell(Value::Object(user.metadata.clone()).to_string()),
            cell(user.made_by_organization),
            cell(user.created_at),
            cell(user.updated_at),
        ]);
    }
    let columns = [
        ("id", Column::Id),
        ("email", Column::Text),
        ("email_key", Column::Text),
        ("email_verified", Column::Bool),
        ("first_name", Column::Text),
        ("last_name", Column::Text),
        ("external_id", Column::Text),
        ("metadata", Column::Text),
        ("made_by_organization", Column::Id),
        ("created_at", Column::Time),
        ("updated_at", Column::Time),
    ];
    let text = format!(
        "INSERT INTO users (id, email, email_key, email_verified, first_name, last_name, external_id, metadata,
            made_by_organization, created_at, updated_at)
         SELECT r.id, r.email, r.email_key, r.email_verified, r.first_name, r.last_name, r.external_id,
            r.metadata, r.made_by_organization, r.created_at, r.updated_at FROM {} AS r WHERE true
         ORDER BY r.email_key
         ON CONFLICT (email_key) DO NOTHING RETURNING id",
        tx.rows(1, &columns)
    );
    let stored: Vec<(UserId,)> = tx.fetch_all(sql(text).bind(rows)).await?;
    Ok(stored.into_iter().map(|(id,)| id).collect())
}

/// The users with these ids.
pub async fn by_ids(tx: &mut Tx, ids: impl IntoIterator<Item = UserId>) -> Result<HashMap<UserId, User>> {
    let text = format!("SELECT {COLUMNS} FROM {} users n ON n.id = r.id", tx.driving(1, &[("id", Column::Id)]));
    let rows: Vec<UserRow> = tx.fetch_all(sql(text).bind(Rows::ids(ids))).await?;
    rows.into_iter().map(|row| Ok((row.id, User::try_from(row)?))).collect()
}

/// What the link ladder needs to know of the account with an e-mail.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AccountByEmail {
    /// The folded e-mail.
    pub email_key: String,
    /// The account.
    pub id: UserId,
    /// Whose directory made it, if one did.
    pub made_by_organization: Option<OrganizationId>,
    /// Whether it has a membership of another organization.
    pub member_elsewhere: bool,
    /// Whether it has a membership of this organization.
    pub member_here: bool,
}

/// The accounts with these folded e-mails, as seen from `organization`.
pub async fn by_emails(
    tx: &mut Tx,
    organization: OrganizationId,
    email_keys: impl IntoIterator<Item = String>,
) -> Result<HashMap<String, AccountByEmail>> {
    let text = format!(
        "SELECT n.email_key, n.id, n.made_by_organization,
            EXISTS (SELECT 1 FROM organization_memberships m WHERE m.user_id = n.id AND m.organization_id <> $2)
                AS member_elsewhere,
            EXISTS (SELECT 1 FROM organization_memberships m WHERE m.user_id = n.id AND m.organization_id = $2)
                AS member_here
         FROM {} users n ON n.email_key = r.email_key",
        tx.driving(1, &[("email_key", Column::Text)])
    );
    let stmt = sql(text).bind(Rows::texts(email_keys)).bind(organization);
    let rows: Vec<AccountByEmail> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|row| (row.email_key.clone(), row)).collect())
}

/// Stores a changed name or e-mail. Fails with a unique violation if the e-mail is another's.
pub async fn update_profile(tx: &mut Tx, user: &User) -> Result<()> {
    let stmt = sql("UPDATE users SET email = $2, email_key = $3, first_name = $4, last_name = $5, updated_at = $6
         WHERE id = $1")
    .bind(user.id)
    .bind(&user.email)
    .bind(fold(&user.email))
    .bind(user.first_name.clone())
    .bind(user.last_name.clone())
    .bind(user.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Stores what the application keeps with a user. Fails with a unique violation if the external id is another's.
pub async fn update_kept(tx: &mut Tx, user: &User) -> Result<()> {
    let stmt =
        sql("UPDATE users SET email_verified = $2, external_id = $3, metadata = $4, updated_at = $5 WHERE id = $1")
            .bind(user.id)
            .bind(user.email_verified)
            .bind(user.external_id.clone())
            .bind(Value::Object(user.metadata.clone()).to_string())
            .bind(user.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Removes a user who is no member anywhere and whom no link names.
pub async fn delete(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.execute(sql("DELETE FROM users WHERE id = $1").bind(id)).await.map(drop)
}

/// Whether a directory leads the account: somebody of the organization that made it is linked to it.
pub async fn is_led(tx: &mut Tx, id: UserId) -> Result<bool> {
    let stmt = sql("SELECT n.id FROM users n JOIN identity_links l ON l.user_id = n.id
            AND l.organization_id = n.made_by_organization AND l.state = 'linked'
         WHERE n.id = $1 LIMIT 1");
    let row: Option<(UserId,)> = tx.fetch_optional(stmt.bind(id)).await?;
    Ok(row.is_some())
}

/// The user with this e-mail, without case.
pub async fn find_by_email(tx: &mut Tx, email: &str) -> Result<Option<UserId>> {
    let stmt = sql("SELECT id FROM users WHERE email_key = $1").bind(fold(email));
    let row: Option<(UserId,)> = tx.fetch_optional(stmt).await?;
    Ok(row.map(|(id,)| id))
}

/// Which users a list is about.
#[derive(Debug, Default)]
pub struct Search {
    /// Only those with a membership of this organization, active or not.
    pub organization: Option<OrganizationId>,
    /// Only the one with this e-mail, without case.
    pub email: Option<String>,
}

/// A page of users.
pub async fn list(tx: &mut Tx, search: &Search, page: &PageRequest) -> Result<Page<User>> {
    let mut params: Vec<Param> = Vec::new();
    let (mut text, key) = match search.organization {
        Some(organization) => {
            params.push(organization.into());
            let text = format!(
                "SELECT {COLUMNS} FROM organization_memberships m JOIN users n ON n.id = m.user_id
                 WHERE m.organization_id = $1"
            );
            (text, "m.user_id")
        }
        None => (format!("SELECT {COLUMNS} FROM users n WHERE 1 = 1"), "n.id"),
    };
    if let Some(email) = &search.email {
        params.push(fold(email).into());
        text.push_str(&format!(" AND n.email_key = ${}", params.len()));
    }
    let rows: Vec<UserRow> = tx.fetch_all(page.complete(&text, params, key)).await?;
    page.page(rows).try_map(User::try_from)
}

/// The user with this id; a member of the organization, if one is given.
pub async fn find(tx: &mut Tx, organization: Option<OrganizationId>, id: UserId) -> Result<Option<User>> {
    one(tx, organization, "n.id = $1", id.into()).await
}

/// As [`find`], and nobody else deletes the user before the transaction is over.
pub async fn find_and_keep(tx: &mut Tx, organization: Option<OrganizationId>, id: UserId) -> Result<Option<User>> {
    let lock = format!("SELECT id FROM users WHERE id = $1{}", tx.keep());
    let _: Option<(UserId,)> = tx.fetch_optional(sql(lock).bind(id)).await?;
    find(tx, organization, id).await
}

/// The user with this id, whom nobody else changes or makes a member before the transaction is over.
pub async fn find_and_lock(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    let lock = format!("SELECT id FROM users WHERE id = $1{}", tx.lock());
    let _: Option<(UserId,)> = tx.fetch_optional(sql(lock).bind(id)).await?;
    find(tx, None, id).await
}

/// The user with this external id; a member of the organization, if one is given.
pub async fn find_by_external_id(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    external_id: &str,
) -> Result<Option<User>> {
    one(tx, organization, "n.external_id = $1", external_id.into()).await
}

async fn one(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    condition: &'static str,
    value: Param,
) -> Result<Option<User>> {
    let text = format!("SELECT {COLUMNS} FROM users n WHERE {condition}");
    let stmt: Stmt = match organization {
        Some(organization) => {
            let member = " AND EXISTS (SELECT 1 FROM organization_memberships m
                WHERE m.organization_id = $2 AND m.user_id = n.id)";
            sql(text + member).bind(value).bind(organization)
        }
        None => sql(text).bind(value),
    };
    let row: Option<UserRow> = tx.fetch_optional(stmt).await?;
    row.map(User::try_from).transpose()
}
