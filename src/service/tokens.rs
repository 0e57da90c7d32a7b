//! The SCIM tokens of a directory: made, listed, rotated, revoked. Who presents one is for `keys`.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::{Value, json};

use super::access::Access;
use super::change::Change;
use super::keys::{require_future, require_name};
use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::{DirectoryId, ScimTokenId};
use crate::domain::scope::OrganizationScope;
use crate::domain::secret::Secret;
use crate::domain::{Error, Result};
use crate::store::keys::{self, ScimToken};
use crate::store::{Lane, Page, PageRequest, Tx, directories};

/// Hours for which a rotated token goes on working, if nobody says otherwise.
const OVERLAP: i64 = 24;
/// The most that somebody may say: 30 days.
const LONGEST_OVERLAP: i64 = 720;
/// The last moment that can be written as a time.
const LAST_DAY: NaiveDateTime = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap().and_time(NaiveTime::MIN);

/// What a new SCIM token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The name for people.
    pub name: String,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// Networks that it may be used from; everywhere when empty.
    pub allowed_ips: Vec<ipnet::IpNet>,
}

/// Makes a SCIM token for a directory. The secret is in this answer only.
pub async fn create_token(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    directory: DirectoryId,
    new: NewToken,
) -> Result<(ScimToken, Secret)> {
    let now = app.clock.now();
    require_name(&new.name)?;
    require_future(new.expires_at, now)?;
    let secret = Secret::mint("scim_");
    let token = minted(scope, directory, new, &secret, now);
    let (stored, digest, cause) = (token.clone(), secret.digest(), access.cause());
    app.db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (token, digest, cause) = (stored.clone(), digest.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, token.organization, now, &cause).await?;
                let found = directories::find(change.tx, Some(token.organization), token.directory).await?;
                found.ok_or_else(|| Error::not_found("directory", token.directory))?;
                keys::insert_token(change.tx, &token, &digest).await?;
                change.emit("dsync.token.created", told(&token));
                change.finish().await.map(drop)
            })
        })
        .await?;
    Ok((token, secret))
}

/// A token that is not stored yet.
fn minted(
    scope: OrganizationScope,
    directory: DirectoryId,
    new: NewToken,
    secret: &Secret,
    now: DateTime<Utc>,
) -> ScimToken {
    ScimToken {
        id: ScimTokenId::mint(now),
        organization: scope.organization(),
        directory,
        name: new.name,
        hint: secret.hint(),
        suffix: secret.suffix(),
        allowed_ips: new.allowed_ips,
        expires_at: new.expires_at,
        replaced_by: None,
        last_used_at: None,
        created_at: now,
    }
}

/// How a token is replaced.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation {
    /// For how many hours the old token goes on working, from 0 to 720; 24 if absent.
    pub overlap_hours: Option<i64>,
    /// When the new token stops working; if absent it lives as long as the old one was made for.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What came of a rotation.
#[derive(Debug)]
pub struct Rotated {
    /// The new token.
    pub token: ScimToken,
    /// Its secret.
    pub secret: Secret,
    /// When the old one stops working.
    pub old_ends_at: DateTime<Utc>,
}

/// Replaces a token by a new one of the same name and networks. The old one stops working when the overlap is over,
/// or at its own end, whichever is first. The secret is in this answer only.
///
/// # Errors
///
/// [`Error::Invalid`] for an overlap that is not from 0 to 720 hours, or an expiry that is over; [`Error::NotFound`]; 409
/// `token_replaced` for one that was rotated already: its successor is the one to rotate, if that was not revoked.
pub async fn rotate_token(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    directory: DirectoryId,
    id: ScimTokenId,
    rotation: Rotation,
) -> Result<Rotated> {
    let now = app.clock.now();
    let hours = rotation.overlap_hours.unwrap_or(OVERLAP);
    if !(0..=LONGEST_OVERLAP).contains(&hours) {
        let message = format!("overlap_hours must be from 0 to {LONGEST_OVERLAP}");
        return Err(Error::invalid("overlap_hours", "invalid_number", message));
    }
    require_future(rotation.expires_at, now)?;
    let secret = Secret::mint("scim_");
    let (fresh, cause) = (secret.clone(), access.cause());
    let (token, old_ends_at) = app
        .db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (secret, cause) = (fresh.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, scope.organization(), now, &cause).await?;
                let old = keys::find_token(change.tx, scope.organization(), directory, id).await?;
                let old = old.ok_or_else(|| Error::not_found("SCIM token", id))?;
                if let Some(successor) = old.replaced_by {
                    return Err(already_replaced(change.tx, &old, successor).await?);
                }
                let lifetime = old.expires_at.map(|end| (now + (end - old.created_at)).min(LAST_DAY.and_utc()));
                let expires_at = rotation.expires_at.or(lifetime);
                let new = NewToken { name: old.name, expires_at, allowed_ips: old.allowed_ips };
                let token = minted(scope, directory, new, &secret, now);
                keys::insert_token(change.tx, &token, &secret.digest()).await?;
                let end = now + Duration::hours(hours);
                let end = old.expires_at.map_or(end, |own| own.min(end));
                keys::replace_token(change.tx, scope.organization(), id, token.id, end).await?;
                change.emit("dsync.token.created", told(&token));
                change.finish().await?;
                Ok((token, end))
            })
        })
        .await?;
    Ok(Rotated { token, secret, old_ends_at })
}

/// The refusal to rotate a token again, which says what to do instead.
async fn already_replaced(tx: &mut Tx, old: &ScimToken, successor: ScimTokenId) -> Result<Error> {
    let found = keys::find_token(tx, old.organization, old.directory, successor).await?;
    let instead = match found {
        Some(_) => format!("rotate {successor}, which took its place"),
        None => "what took its place was revoked; create a new token".to_owned(),
    };
    Ok(Error::conflict("token_replaced", format!("the token {} was rotated already: {instead}", old.id)))
}

/// A page of the tokens of a directory.
pub async fn list_tokens(
    app: &App,
    scope: OrganizationScope,
    directory: DirectoryId,
    page: &PageRequest,
) -> Result<Page<ScimToken>> {
    let mut tx = app.db.read().await?;
    let found = directories::find(&mut tx, Some(scope.organization()), directory).await?;
    found.ok_or_else(|| Error::not_found("directory", directory))?;
    keys::tokens(&mut tx, scope.organization(), directory, page).await
}

/// The `directory_token` object of events.
fn told(token: &ScimToken) -> Value {
    json!({
        "object": "directory_token",
        "id": token.id,
        "directory_id": token.directory,
        "organization_id": token.organization,
        "token_suffix": token.suffix,
        "created_at": timestamp(token.created_at),
    })
}

/// Revokes a SCIM token; it stops working at once.
pub async fn revoke_token(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    directory: DirectoryId,
    id: ScimTokenId,
) -> Result<()> {
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let gone = keys::delete_token(change.tx, organization, directory, id).await?;
                let gone = gone.ok_or_else(|| Error::not_found("SCIM token", id))?;
                change.emit("dsync.token.revoked", told(&gone));
                change.finish().await.map(drop)
            })
        })
        .await
}
