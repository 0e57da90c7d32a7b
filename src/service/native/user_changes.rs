//! Native users changed by hand: made, changed, deleted. They are of the environment, so a key of the environment does it.
//!
//! Muster signs nobody in: it keeps no passwords.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::membership_changes;
use crate::app::App;
use crate::domain::event::{Cause, Event};
use crate::domain::id::{MembershipId, OrganizationId, UserId};
use crate::domain::metadata;
use crate::domain::native::User;
use crate::domain::{Error, Result};
use crate::scim::text::fold;
use crate::service::access::Access;
use crate::service::change::Change;
use crate::service::converge::{Scope, converge, expunge};
use crate::store::{Lane, Tx, events, is_unique_violation, links, memberships, users};

/// The longest e-mail address (RFC 5321 section 4.5.3.1.3).
const MAX_EMAIL: usize = 254;
/// The longest name, in characters.
const MAX_NAME: usize = 256;

/// What of a user is to be otherwise. What is `None` stays; `Some(None)` takes a value away.
#[derive(Debug, Clone, Default)]
pub struct UserFields {
    /// The address.
    pub email: Option<String>,
    /// Whether the application vouches for it.
    pub email_verified: Option<bool>,
    /// Given name.
    pub first_name: Option<Option<String>>,
    /// Family name.
    pub last_name: Option<Option<String>>,
    /// The application's own id.
    pub external_id: Option<Option<String>>,
    /// Free strings, merged key by key.
    pub metadata: Option<Map<String, Value>>,
}

/// Makes a user.
///
/// # Errors
///
/// [`Error::Invalid`] `user_creation_error` for an address that another user has, `external_id_already_used`, and for
/// values that are not fit; [`Error::Forbidden`] without a key of the environment.
pub async fn create(app: &App, access: &Access, fields: UserFields) -> Result<User> {
    access.environment()?;
    let now = app.clock.now();
    let mut user = User {
        id: UserId::mint(now),
        email: String::new(),
        email_verified: false,
        first_name: None,
        last_name: None,
        external_id: None,
        metadata: Map::new(),
        made_by_organization: None,
        created_at: now,
        updated_at: now,
    };
    assign(&mut user, fields)?;
    let cause = access.cause();
    app.db
        .write(Lane::Environment, move |tx| {
            let (user, cause) = (user.clone(), cause.clone());
            Box::pin(async move {
                if let Some(external_id) = &user.external_id {
                    check_external_id_is_free(tx, user.id, external_id).await?;
                }
                let stored = users::insert(tx, std::slice::from_ref(&user)).await.map_err(faster)?;
                if !stored.contains(&user.id) {
                    let message = format!("another user has the address {}", user.email);
                    return Err(Error::invalid("email", "user_creation_error", message));
                }
                tell(tx, "user.created", &user, &cause, now).await?;
                Ok(user)
            })
        })
        .await
}

/// Changes the fields that are given. Where a directory leads the account, its names and its address are those of the
/// directory user.
///
/// # Errors
///
/// [`Error::Invalid`] `user_directory_managed` for what a directory leads, `email_not_available`,
/// `external_id_already_used`, and for values that are not fit; [`Error::NotFound`]; [`Error::Forbidden`] without a
/// key of the environment.
pub async fn update(app: &App, access: &Access, id: UserId, fields: UserFields) -> Result<User> {
    access.environment()?;
    let (now, cause, sent_email) = (app.clock.now(), access.cause(), fields.email.is_some());
    let (before, user) = app
        .db
        .write(Lane::Environment, move |tx| {
            let (fields, cause) = (fields.clone(), cause.clone());
            Box::pin(async move {
                let before = users::find_and_lock(tx, id).await?.ok_or_else(|| Error::not_found("user", id))?;
                let mut user = before.clone();
                assign(&mut user, fields)?;
                if user != before {
                    user.updated_at = now;
                    store(tx, &before, &user).await?;
                    tell(tx, "user.updated", &user, &cause, now).await?;
                }
                Ok((before, user))
            })
        })
        .await?;
    if sent_email {
        // Also when it is the same: the first attempt may have broken off here.
        let organizations = memberships_of(app, id).await?.into_iter().map(|(organization, _)| organization);
        look_again(app, access, organizations.collect(), [fold(&before.email), fold(&user.email)]).await?;
    }
    Ok(user)
}

async fn store(tx: &mut Tx, before: &User, user: &User) -> Result<()> {
    let led = (&user.email, &user.first_name, &user.last_name)
        != (&before.email, &before.first_name, &before.last_name)
        && users::is_led(tx, user.id).await?;
    if led {
        let message = "a directory leads this account: its names and its address are those of the directory user; \
                       change them at the identity provider";
        return Err(Error::invalid("", "user_directory_managed", message));
    }
    if let Some(external_id) = user.external_id.as_ref().filter(|_| user.external_id != before.external_id) {
        check_external_id_is_free(tx, user.id, external_id).await?;
    }
    if users::find_by_email(tx, &user.email).await?.is_some_and(|other| other != user.id) {
        return Err(taken(&user.email));
    }
    users::update_profile(tx, user).await.map_err(faster)?;
    users::update_kept(tx, user).await.map_err(faster)
}

/// Lets organizations look again at whoever waits with one of these addresses.
async fn look_again<const N: usize>(
    app: &App,
    access: &Access,
    organizations: Vec<OrganizationId>,
    addresses: [String; N],
) -> Result<()> {
    for organization in organizations {
        let (now, cause, addresses) = (app.clock.now(), access.cause(), addresses.clone());
        let looked = app.db.write(Lane::Organization(organization), move |tx| {
            let (cause, addresses) = (cause.clone(), addresses.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                change.freed_addresses.extend(addresses);
                converge(&mut change, Scope::default()).await?;
                change.finish().await.map(drop)
            })
        });
        gone_is_fine(looked.await)?;
    }
    Ok(())
}

/// Deletes a user, after their memberships.
///
/// # Errors
///
/// [`Error::Conflict`] `user_deletion_not_allowed` while a directory or a rule speaks for one of the memberships;
/// [`Error::NotFound`]; [`Error::Forbidden`] without a key of the environment.
pub async fn delete(app: &App, access: &Access, id: UserId) -> Result<()> {
    access.environment()?;
    let known = users::find(&mut app.db.read().await?, None, id).await?;
    let known = known.ok_or_else(|| Error::not_found("user", id))?;
    let all = memberships_of(app, id).await?;
    // Looked at before anything goes, so that a refusal leaves everything as it was.
    let mut tx = app.db.read().await?;
    for (organization, membership) in &all {
        membership_changes::refuse_if_managed(&mut tx, *organization, *membership).await.map_err(|e| refused(id, e))?;
    }
    drop(tx);
    let organizations = all.iter().map(|(organization, _)| *organization).collect();
    for (organization, membership) in all {
        let (now, cause) = (app.clock.now(), access.cause());
        let left = app.db.write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let managed = membership_changes::refuse_if_managed(change.tx, organization, membership).await;
                managed.map_err(|error| refused(id, error))?;
                expunge(&mut change, &[membership]).await?;
                change.finish().await.map(drop)
            })
        });
        gone_is_fine(left.await)?;
    }
    let (now, cause) = (app.clock.now(), access.cause());
    app.db
        .write(Lane::Environment, move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let user = users::find_and_lock(tx, id).await?.ok_or_else(|| Error::not_found("user", id))?;
                if !memberships::of_user(tx, id).await?.is_empty() {
                    return Err(managed(id));
                }
                links::forget_user(tx, id).await?;
                users::delete(tx, id).await?;
                tell(tx, "user.deleted", &user, &cause, now).await
            })
        })
        .await?;
    look_again(app, access, organizations, [fold(&known.email)]).await
}

/// What a refusal about a membership means for the user; other failures stay what they are, for a retry to help.
fn refused(id: UserId, error: Error) -> Error {
    if matches!(error, Error::Invalid { .. }) { managed(id) } else { error }
}

fn managed(id: UserId) -> Error {
    let message = format!(
        "a directory speaks for a membership of the user {id}: take the person out at the identity provider first"
    );
    Error::conflict("user_deletion_not_allowed", message)
}

async fn memberships_of(app: &App, id: UserId) -> Result<Vec<(OrganizationId, MembershipId)>> {
    memberships::of_user(&mut app.db.read().await?, id).await
}

/// An organization that was deleted in the meantime is as good as done.
fn gone_is_fine(done: Result<()>) -> Result<()> {
    match done {
        Err(Error::NotFound { .. }) => Ok(()),
        done => done,
    }
}

async fn tell(tx: &mut Tx, name: &'static str, user: &User, cause: &Cause, now: DateTime<Utc>) -> Result<()> {
    let event = Event { name, data: user.json(), rules: Vec::new() };
    events::insert_of_users(tx, vec![(user.id, event)], &cause.context().to_string(), now).await
}

fn assign(user: &mut User, fields: UserFields) -> Result<()> {
    if let Some(email) = fields.email {
        check_email(&email)?;
        user.email = email;
    }
    user.email_verified = fields.email_verified.unwrap_or(user.email_verified);
    for (field, given, name) in
        [("first_name", fields.first_name, &mut user.first_name), ("last_name", fields.last_name, &mut user.last_name)]
    {
        let Some(given) = given else { continue };
        if given.as_ref().is_some_and(|text| text.chars().count() > MAX_NAME) {
            return Err(Error::invalid(field, "too_long", format!("{field} has {MAX_NAME} characters at most")));
        }
        *name = given;
    }
    if let Some(external_id) = fields.external_id {
        check_external_id(external_id.as_deref())?;
        user.external_id = external_id;
    }
    if let Some(given) = fields.metadata {
        user.metadata = metadata::merged(&user.metadata, given)?;
    }
    Ok(())
}

/// What has the shape of an address; whether mail arrives there is not Muster's to know.
pub(in crate::service) fn check_email(email: &str) -> Result<()> {
    let fine = email.len() <= MAX_EMAIL
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email
            .split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if fine { Ok(()) } else { Err(Error::invalid("email", "invalid_email", "email must be an e-mail address")) }
}

/// Refuses an `external_id` that is empty, long or no ASCII.
pub(in crate::service) fn check_external_id(external_id: Option<&str>) -> Result<()> {
    match external_id {
        Some(id) if id.is_empty() || id.len() > 128 || !id.is_ascii() => {
            Err(Error::invalid("external_id", "invalid_external_id", "external_id has 1 to 128 ASCII characters"))
        }
        _ => Ok(()),
    }
}

async fn check_external_id_is_free(tx: &mut Tx, id: UserId, external_id: &str) -> Result<()> {
    match users::find_by_external_id(tx, None, external_id).await? {
        Some(other) if other.id != id => Err(external_id_taken()),
        _ => Ok(()),
    }
}

fn external_id_taken() -> Error {
    Error::invalid("external_id", "external_id_already_used", "another user has this external_id")
}

fn taken(email: &str) -> Error {
    Error::invalid("email", "email_not_available", format!("another user has the address {email}"))
}

/// Another replica stored the address or the external id a moment ago.
fn faster(error: Error) -> Error {
    if !is_unique_violation(&error) {
        return error;
    }
    Error::invalid("", "bad_request", "another user got this address or external_id a moment ago; look and try again")
}
