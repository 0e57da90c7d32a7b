//! SCIM tokens and API keys: found by digest, never stored as text.

use chrono::{DateTime, Utc};

use super::directories::{self, DirectoryRow};
use super::statement::{Param, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::directory::Directory;
use crate::domain::id::{ApiKeyId, DirectoryId, OrganizationId, ScimTokenId};
use crate::domain::{Error, Result};

/// A SCIM token as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ScimToken {
    /// Its id.
    pub id: ScimTokenId,
    /// The organization.
    pub organization: OrganizationId,
    /// The directory that it opens.
    pub directory: DirectoryId,
    /// The name for people.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// Its last characters; empty for tokens from before they were kept.
    pub suffix: String,
    /// Networks that it may be used from; everywhere when empty.
    pub allowed_ips: Vec<ipnet::IpNet>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// The token that took its place, if it was rotated. That one may have been revoked since.
    pub replaced_by: Option<ScimTokenId>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: ScimTokenId,
    organization_id: OrganizationId,
    directory_id: DirectoryId,
    name: String,
    hint: String,
    suffix: String,
    allowed_ips: String,
    expires_at: Option<DateTime<Utc>>,
    replaced_by: Option<ScimTokenId>,
    last_used_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<TokenRow> for ScimToken {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self> {
        Ok(ScimToken {
            id: row.id,
            organization: row.organization_id,
            directory: row.directory_id,
            name: row.name,
            hint: row.hint,
            suffix: row.suffix,
            allowed_ips: serde_json::from_str(&row.allowed_ips)
                .map_err(|error| Error::internal(format!("{} has corrupt networks: {error}", row.id)))?,
            expires_at: row.expires_at,
            replaced_by: row.replaced_by,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
        })
    }
}

const TOKEN: &str = "id, organization_id, directory_id, name, hint, suffix, allowed_ips, expires_at, replaced_by,
    last_used_at, created_at";

/// Stores a new token.
pub async fn insert_token(tx: &mut Tx, token: &ScimToken, digest: &str) -> Result<()> {
    let networks = serde_json::to_string(&token.allowed_ips).map_err(|error| Error::Internal(Box::new(error)))?;
    let stmt = sql("INSERT INTO scim_tokens (organization_id, directory_id, id, name, digest, hint, suffix,
            allowed_ips, expires_at, last_used_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, $10)")
    .bind(token.organization)
    .bind(token.directory)
    .bind(token.id)
    .bind(&token.name)
    .bind(digest)
    .bind(&token.hint)
    .bind(&token.suffix)
    .bind(networks)
    .bind(token.expires_at)
    .bind(token.created_at);
    tx.execute(stmt).await.map(drop)
}

#[derive(sqlx::FromRow)]
struct PresentedRow {
    token_id: ScimTokenId,
    token_name: String,
    token_hint: String,
    token_suffix: String,
    allowed_ips: String,
    expires_at: Option<DateTime<Utc>>,
    replaced_by: Option<ScimTokenId>,
    last_used_at: Option<DateTime<Utc>>,
    token_created_at: DateTime<Utc>,
    #[sqlx(flatten)]
    directory: DirectoryRow,
}

/// The token with this digest, and the directory that it opens.
pub async fn token_by_digest(tx: &mut Tx, digest: &str) -> Result<Option<(ScimToken, Directory)>> {
    let text = format!(
        "SELECT t.id AS token_id, t.name AS token_name, t.hint AS token_hint, t.suffix AS token_suffix, t.allowed_ips, t.expires_at,
            t.replaced_by, t.last_used_at, t.created_at AS token_created_at, {}
         FROM scim_tokens t
         JOIN directories d ON d.organization_id = t.organization_id AND d.id = t.directory_id
         WHERE t.digest = $1",
        directories::COLUMNS
    );
    let row: Option<PresentedRow> = tx.fetch_optional(sql(text).bind(digest)).await?;
    row.map(|row| {
        let directory = Directory::try_from(row.directory)?;
        let token = ScimToken::try_from(TokenRow {
            id: row.token_id,
            organization_id: directory.organization,
            directory_id: directory.id,
            name: row.token_name,
            hint: row.token_hint,
            suffix: row.token_suffix,
            allowed_ips: row.allowed_ips,
            expires_at: row.expires_at,
            replaced_by: row.replaced_by,
            last_used_at: row.last_used_at,
            created_at: row.token_created_at,
        })?;
        Ok((token, directory))
    })
    .transpose()
}

/// A page of the tokens of a directory.
pub async fn tokens(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    page: &PageRequest,
) -> Result<Page<ScimToken>> {
    let text = format!("SELECT {TOKEN} FROM scim_tokens WHERE organization_id = $1 AND directory_id = $2");
    let stmt = page.complete(&text, vec![organization.into(), directory.into()], "id");
    let rows: Vec<TokenRow> = tx.fetch_all(stmt).await?;
    page.page(rows).try_map(ScimToken::try_from)
}

/// The token of a directory with this id.
pub async fn find_token(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    id: ScimTokenId,
) -> Result<Option<ScimToken>> {
    let text = format!("SELECT {TOKEN} FROM scim_tokens WHERE organization_id = $1 AND directory_id = $2 AND id = $3");
    let row: Option<TokenRow> = tx.fetch_optional(sql(text).bind(organization).bind(directory).bind(id)).await?;
    row.map(ScimToken::try_from).transpose()
}

/// As SQL, whether `s` has taken the place of the token `t` and lives at the parameter `now`.
pub(super) fn successor(now: &str) -> String {
    format!(
        "s.organization_id = t.organization_id AND s.id = t.replaced_by
            AND (s.expires_at IS NULL OR s.expires_at > {now})"
    )
}

/// Says which token takes the place of another, and of those before it, and when that one stops working.
pub async fn replace_token(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ScimTokenId,
    by: ScimTokenId,
    end: DateTime<Utc>,
) -> Result<()> {
    let before = sql("UPDATE scim_tokens SET replaced_by = $3 WHERE organization_id = $1 AND replaced_by = $2");
    tx.execute(before.bind(organization).bind(id).bind(by)).await?;
    let stmt = sql("UPDATE scim_tokens SET replaced_by = $3, expires_at = $4 WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id).bind(by).bind(end)).await.map(drop)
}

/// Removes a token; answers the one that there was.
pub async fn delete_token(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    id: ScimTokenId,
) -> Result<Option<ScimToken>> {
    let text = format!(
        "DELETE FROM scim_tokens WHERE organization_id = $1 AND directory_id = $2 AND id = $3 RETURNING {TOKEN}"
    );
    let row: Option<TokenRow> = tx.fetch_optional(sql(text).bind(organization).bind(directory).bind(id)).await?;
    row.map(ScimToken::try_from).transpose()
}

/// Revokes every token of a directory.
pub async fn remove_tokens_of(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<()> {
    let stmt = sql("DELETE FROM scim_tokens WHERE organization_id = $1 AND directory_id = $2");
    tx.execute(stmt.bind(organization).bind(directory)).await.map(drop)
}

/// Notes when a token was used.
pub async fn touch_token(tx: &mut Tx, organization: OrganizationId, id: ScimTokenId, now: DateTime<Utc>) -> Result<()> {
    let stmt = sql("UPDATE scim_tokens SET last_used_at = $3 WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id).bind(now)).await.map(drop)
}

/// An API key as it is stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The organization that it is limited to, if it is.
    pub organization_id: Option<OrganizationId>,
    /// The name for people.
    pub name: String,
    /// `owner`, `admin` or `read`.
    pub role: String,
    /// Its first characters.
    pub hint: String,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

const KEY: &str = "id, organization_id, name, role, hint, expires_at, last_used_at, created_at";

/// Stores a new key.
pub async fn insert_key(tx: &mut Tx, key: &ApiKey, digest: &str) -> Result<()> {
    let stmt = sql("INSERT INTO api_keys (id, organization_id, name, role, digest, hint, expires_at, last_used_at,
            created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8)")
    .bind(key.id)
    .bind(key.organization_id)
    .bind(&key.name)
    .bind(&key.role)
    .bind(digest)
    .bind(&key.hint)
    .bind(key.expires_at)
    .bind(key.created_at);
    tx.execute(stmt).await.map(drop)
}

/// The key with this digest.
pub async fn key_by_digest(tx: &mut Tx, digest: &str) -> Result<Option<ApiKey>> {
    tx.fetch_optional(sql(format!("SELECT {KEY} FROM api_keys WHERE digest = $1")).bind(digest)).await
}

/// A page of keys: of the organization, or all.
pub async fn keys(tx: &mut Tx, organization: Option<OrganizationId>, page: &PageRequest) -> Result<Page<ApiKey>> {
    let mut text = format!("SELECT {KEY} FROM api_keys WHERE 1 = 1");
    let mut params: Vec<Param> = Vec::new();
    if let Some(organization) = organization {
        params.push(organization.into());
        text.push_str(" AND organization_id = $1");
    }
    Ok(page.page(tx.fetch_all(page.complete(&text, params, "id")).await?))
}

/// A page of the keys of the environment itself.
pub async fn keys_of_environment(tx: &mut Tx, page: &PageRequest) -> Result<Page<ApiKey>> {
    let text = format!("SELECT {KEY} FROM api_keys WHERE organization_id IS NULL");
    Ok(page.page(tx.fetch_all(page.complete(&text, Vec::<Param>::new(), "id")).await?))
}

/// The key with this id; of the organization, if one is given.
pub async fn find_key(tx: &mut Tx, organization: Option<OrganizationId>, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let text = format!("SELECT {KEY} FROM api_keys WHERE id = $1");
    let stmt = match organization {
        Some(organization) => sql(text + " AND organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    tx.fetch_optional(stmt).await
}

/// Whether there is any key of the environment.
pub async fn has_environment_key(tx: &mut Tx) -> Result<bool> {
    let row: Option<(ApiKeyId,)> =
        tx.fetch_optional(sql("SELECT id FROM api_keys WHERE organization_id IS NULL LIMIT 1")).await?;
    Ok(row.is_some())
}

/// Removes a key; answers whether there was one that the scope may see.
pub async fn delete_key(tx: &mut Tx, organization: Option<OrganizationId>, id: ApiKeyId) -> Result<bool> {
    let stmt = match organization {
        Some(organization) => {
            sql("DELETE FROM api_keys WHERE id = $1 AND organization_id = $2").bind(id).bind(organization)
        }
        None => sql("DELETE FROM api_keys WHERE id = $1").bind(id),
    };
    Ok(tx.execute(stmt).await? > 0)
}

/// Notes when a key was used.
pub async fn touch_key(tx: &mut Tx, id: ApiKeyId, now: DateTime<Utc>) -> Result<()> {
    tx.execute(sql("UPDATE api_keys SET last_used_at = $2 WHERE id = $1").bind(id).bind(now)).await.map(drop)
}

/// Claims a name that only one replica may have; answers whether it was free.
pub async fn claim(tx: &mut Tx, name: &str, value: &str) -> Result<bool> {
    let stmt = sql("INSERT INTO environment_secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    Ok(tx.execute(stmt.bind(name).bind(value)).await? > 0)
}

/// The secret of this name that replicas share; `fresh` becomes it if there is none yet.
pub async fn shared_secret(tx: &mut Tx, name: &str, fresh: &str) -> Result<String> {
    claim(tx, name, fresh).await?;
    let row: (String,) = tx.fetch_one(sql("SELECT value FROM environment_secrets WHERE name = $1").bind(name)).await?;
    Ok(row.0)
}
