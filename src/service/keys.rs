//! Keys: made, listed, revoked; and the identity providers that call with a token. Tokens are made in `tokens`.

use std::net::IpAddr;
use std::sync::Arc;

use super::access::{Access, TOUCH_AFTER};
use super::change::Change;
use super::provisioning::Noted;
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::event::Cause;
use crate::domain::id::{ApiKeyId, DirectoryId, OrganizationId, RequestId, ScimTokenId};
use crate::domain::scope::DirectoryScope;
use crate::domain::secret::{Secret, digest};
use crate::domain::{Error, Result};
use crate::scim::schema::Catalogue;
use crate::store::keys::{self, ApiKey, ScimToken};
use crate::store::{Lane, Page, PageRequest, directories};
use chrono::{DateTime, Utc};

/// An identity provider whose token was checked.
#[derive(Debug, Clone)]
pub struct ScimAccess {
    /// How far it reaches.
    pub scope: DirectoryScope,
    /// The directory and its settings.
    pub directory: Arc<Directory>,
    /// What the directory speaks.
    pub catalogue: Arc<Catalogue>,
    /// The token that was used.
    pub token: ScimTokenId,
    /// The id of this request.
    pub request: RequestId,
    /// What is noted of it for the log; shared by all copies.
    pub noted: Arc<Noted>,
}

impl ScimAccess {
    /// The cause of what the request changes.
    pub fn cause(&self) -> Cause {
        Cause::Scim { directory: self.directory.id, name: self.directory.name.clone(), request: self.request }
    }
}

/// Checks the token of an identity provider.
///
/// `header` is the whole `Authorization` header. Every failure is the same 401, so that nobody learns
/// which directories exist; only an expired token of the right directory is told that it has expired.
pub async fn authenticate_scim(
    app: &App,
    directory: &str,
    header: Option<&str>,
    from: Option<IpAddr>,
) -> Result<ScimAccess> {
    let refused = || Error::Unauthorized("the bearer token is missing or not valid for this SCIM base URL");
    let header = header.ok_or_else(refused)?.trim();
    let bearer = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let presented = bearer.map_or(header, |(_, token)| token.trim());
    let directory_id: DirectoryId = directory.parse().map_err(|_| refused())?;
    let mut tx = app.db.read().await?;
    let found = keys::token_by_digest(&mut tx, &digest(presented)).await?;
    drop(tx);
    let (token, directory) = found.filter(|(_, directory)| directory.id == directory_id).ok_or_else(refused)?;
    if bearer.is_none() && !directory.settings.bare_token {
        return Err(Error::Unauthorized("the Authorization header must be 'Bearer' and the token"));
    }
    let now = app.clock.now();
    if token.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::Unauthorized("the bearer token has expired; make a new one for this directory"));
    }
    let network_allowed = token.allowed_ips.is_empty()
        || from.is_some_and(|ip| token.allowed_ips.iter().any(|network| network.contains(&ip.to_canonical())));
    if !network_allowed {
        return Err(Error::Unauthorized("the bearer token may not be used from this address"));
    }
    let catalogue = directory.catalogue()?;
    let access = ScimAccess {
        scope: DirectoryScope::authenticated(token.organization, directory.id),
        catalogue,
        token: token.id,
        request: RequestId::mint(now),
        directory: Arc::new(directory),
        noted: Arc::default(),
    };
    note_use_of_token(app, &access, &token, now).await?;
    Ok(access)
}

/// Notes the use, and that the directory is linked once somebody has reached it.
async fn note_use_of_token(app: &App, access: &ScimAccess, token: &ScimToken, now: DateTime<Utc>) -> Result<()> {
    let stale = token.last_used_at.is_none_or(|at| now - at >= TOUCH_AFTER);
    if !stale {
        return Ok(());
    }
    let access = access.clone();
    let organization = token.organization;
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let access = access.clone();
            Box::pin(async move {
                let cause = access.cause();
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                keys::touch_token(change.tx, organization, access.token, now).await?;
                if directories::set_linked(change.tx, organization, access.directory.id, now).await? {
                    let mut directory = (*access.directory).clone();
                    "active".clone_into(&mut directory.state);
                    let mut data = directory.json();
                    data["domains"] = serde_json::json!([]);
                    change.emit("dsync.activated", data);
                }
                change.finish().await.map(drop)
            })
        })
        .await
}

/// What a new API key is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The name for people.
    pub name: String,
    /// The organization that it is limited to; `None` for the whole environment.
    pub organization: Option<OrganizationId>,
    /// `owner`, `admin` or `read`.
    pub role: String,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Makes an API key at the request of somebody who has one: within the caller's reach, and of an owner only
/// by an owner. An organization's own key makes keys of its organization.
pub async fn issue_key(app: &App, access: &Access, mut new: NewKey) -> Result<(ApiKey, Secret)> {
    if let Some(organization) = new.organization {
        access.organization(organization)?;
    }
    new.organization = new.organization.or(access.only());
    if new.role == "owner" {
        access.owns("makes and revokes keys of owners")?;
    }
    create_key(app, new).await
}

/// Makes an API key. The secret is in this answer only.
pub async fn create_key(app: &App, new: NewKey) -> Result<(ApiKey, Secret)> {
    require_name(&new.name)?;
    if !matches!(new.role.as_str(), "owner" | "admin" | "read") {
        return Err(Error::invalid("role", "invalid_role", "role must be owner, admin or read"));
    }
    require_future(new.expires_at, app.clock.now())?;
    let (key, secret) = mint_key(app, new);
    let (stored, digest) = (key.clone(), secret.digest());
    app.db
        .write(lane(key.organization_id), move |tx| {
            let (key, digest) = (stored.clone(), digest.clone());
            Box::pin(async move {
                if let Some(id) = key.organization_id {
                    let found = crate::store::organizations::find(tx, id).await?;
                    found.ok_or_else(|| Error::not_found("organization", id))?;
                }
                keys::insert_key(tx, &key, &digest).await
            })
        })
        .await?;
    Ok((key, secret))
}

/// A key that is not stored yet.
fn mint_key(app: &App, new: NewKey) -> (ApiKey, Secret) {
    let now = app.clock.now();
    let secret = Secret::mint("sk_");
    let key = ApiKey {
        id: ApiKeyId::mint(now),
        organization_id: new.organization,
        name: new.name,
        role: new.role,
        hint: secret.hint(),
        expires_at: new.expires_at,
        last_used_at: None,
        created_at: now,
    };
    (key, secret)
}

/// A page of the keys that the caller may see.
pub async fn list_keys(app: &App, access: &Access, page: &PageRequest) -> Result<Page<ApiKey>> {
    let mut tx = app.db.read().await?;
    keys::keys(&mut tx, access.only(), page).await
}

/// A page of the keys of the environment itself, for callers of the environment.
pub async fn list_keys_of_environment(app: &App, access: &Access, page: &PageRequest) -> Result<Page<ApiKey>> {
    access.environment()?;
    keys::keys_of_environment(&mut app.db.read().await?, page).await
}

/// Revokes a key that the caller may see; it stops working at once.
pub async fn revoke_key(app: &App, access: &Access, id: ApiKeyId) -> Result<()> {
    let (only, access) = (access.only(), access.clone());
    let missing = move || Error::not_found("API key", id);
    let organization = keys::find_key(&mut app.db.read().await?, only, id).await?.ok_or_else(missing)?.organization_id;
    app.db
        .write(lane(organization), move |tx| {
            let access = access.clone();
            Box::pin(async move {
                let key = keys::find_key(tx, only, id).await?.ok_or_else(missing)?;
                if key.role == "owner" {
                    access.owns("makes and revokes keys of owners")?;
                }
                if keys::delete_key(tx, only, id).await? { Ok(()) } else { Err(missing()) }
            })
        })
        .await
}

/// The lane of a key's owner: in whose part of the audit log it is told what happens to it.
fn lane(organization: Option<OrganizationId>) -> Lane {
    organization.map_or(Lane::Environment, Lane::Organization)
}

/// Makes the first key of an empty environment, for the operator who starts the server. `None` if there is
/// one, or if another replica makes it at this moment.
pub async fn bootstrap_key(app: &App) -> Result<Option<Secret>> {
    if app.config.root_key_digest.is_some() || keys::has_environment_key(&mut app.db.read().await?).await? {
        return Ok(None);
    }
    let new = NewKey { name: "First key".to_owned(), organization: None, role: "owner".to_owned(), expires_at: None };
    let (key, secret) = mint_key(app, new);
    let digest = secret.digest();
    let made = app
        .db
        .write(Lane::Environment, move |tx| {
            let (key, digest) = (key.clone(), digest.clone());
            Box::pin(async move {
                let first = keys::claim(tx, "first_key", &key.id.to_string()).await?;
                if first {
                    keys::insert_key(tx, &key, &digest).await?;
                }
                Ok(first)
            })
        })
        .await?;
    Ok(made.then_some(secret))
}

/// Refuses a name for people that is empty or too long.
pub(super) fn require_name(name: &str) -> Result<()> {
    match name.trim().chars().count() {
        0 => Err(Error::invalid("name", "required", "name must not be empty")),
        1..=256 => Ok(()),
        _ => Err(Error::invalid("name", "too_long", "name has 256 characters at most")),
    }
}

/// Refuses an expiry that is over.
pub(super) fn require_future(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<()> {
    match expires_at {
        Some(at) if at <= now => Err(Error::invalid("expires_at", "in_the_past", "expires_at must be in the future")),
        _ => Ok(()),
    }
}
