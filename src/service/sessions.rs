//! Signing in and out: passwords, sessions, links that let somebody in once.
//!
//! What lives here: who comes in. What does not: who there is (`service::operators`), cookies (`http::console`).

use std::sync::LazyLock;

use argon2::password_hash::PasswordHasher as _;
use argon2::{Argon2, PasswordHash, PasswordVerifier as _};
use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use tokio::sync::Semaphore;

use super::access::{Access, TOUCH_AFTER};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::audit::AuditNote;
use crate::domain::id::{OperatorId, SessionId};
use crate::domain::operator::{
    Holder, LONGEST_PASSWORD, MISTAKES_OF_ACCOUNT, MISTAKES_OF_ADDRESS, Operator, SHORTEST_PASSWORD, Session,
    sign_in_delay,
};
use crate::domain::secret::{Secret, digest};
use crate::domain::{Error, Result};
use crate::scim::text::fold;
use crate::store::operators::{EntryLink, Purpose};
use crate::store::{Lane, Tx, audit, idempotency, operators, sessions};

/// How long an operator stays signed in at the most.
const LONGEST: Duration = Duration::hours(12);
/// How long a guest of the portal stays at the most.
const LONGEST_OF_GUEST: Duration = Duration::hours(2);
/// How long the link of the first owner lasts; every start of the server makes a new one.
const FIRST_OWNER_LINK: Duration = Duration::hours(1);
/// Characters of a browser's name that are kept.
const AGENT: usize = 200;
/// Passwords are dear to check, by intent; so many at once, and no more.
static HASHING: Semaphore = Semaphore::const_new(2);
/// What is checked where there is nothing to check, so that the answer takes as long.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hashed(Secret::mint("").reveal()).unwrap_or_default());

/// Where somebody comes from who wants to sign in.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The network address.
    pub address: Option<String>,
    /// The browser, as it names itself.
    pub agent: String,
}

/// A session that was just begun, with the secret of its cookie.
pub struct Begun {
    /// The session.
    pub session: Session,
    /// The cookie's value.
    pub cookie: Secret,
}

/// Signs in with a password.
///
/// # Errors
///
/// [`Error::Unauthorized`], the same whether the address or the password is wrong; [`Error::TooManyRequests`] after too
/// many mistakes.
pub async fn sign_in(app: &App, email: &str, password: &str, visitor: Visitor) -> Result<Begun> {
    let now = app.clock.now();
    let counted = counted(email, &visitor);
    let mut tx = app.db.read().await?;
    for (id, _) in &counted {
        let until = sessions::failures(&mut tx, id).await?.and_then(|failures| failures.retry_at);
        if let Some(wait) = until.map(|until| until - now).filter(|wait| *wait > Duration::zero()) {
            let retry_after = u32::try_from(wait.num_seconds()).unwrap_or(u32::MAX).max(1);
            return Err(Error::TooManyRequests { retry_after });
        }
    }
    let operator = operators::by_email(&mut tx, email).await?;
    let stored = match &operator {
        Some(operator) => operators::password(&mut tx, operator.id).await?,
        None => None,
    };
    drop(tx);
    let fits = verify(password.to_owned(), stored).await?;
    let Some(operator) = operator.filter(|_| fits) else {
        fail(app, counted, now).await?;
        return Err(Error::Unauthorized("the e-mail or the password is wrong"));
    };
    // What was wrong before is forgiven the account; the address may go on with another one.
    let account = counted.into_iter().next().map(|(id, _)| id);
    begin(app, Holder::Operator(operator), visitor, account, "signIn").await
}

/// Under which ids the mistakes of this attempt count, and how many are free: the account that was named, and the network
/// address.
fn counted(email: &str, visitor: &Visitor) -> Vec<(String, i64)> {
    let account = (digest(&format!("email\n{}", fold(email))), MISTAKES_OF_ACCOUNT);
    let address = visitor.address.as_ref().map(|address| digest(&format!("address\n{address}")));
    std::iter::once(account).chain(address.map(|id| (id, MISTAKES_OF_ADDRESS))).collect()
}

async fn fail(app: &App, counted: Vec<(String, i64)>, now: DateTime<Utc>) -> Result<()> {
    app.db
        .write(Lane::Environment, move |tx| {
            let counted = counted.clone();
            Box::pin(async move {
                for (id, free) in counted {
                    let failures = sessions::count_failure(tx, &id, now).await?;
                    if let Some(delay) = sign_in_delay(failures, free) {
                        sessions::hold_off(tx, &id, now + delay).await?;
                    }
                }
                Ok(())
            })
        })
        .await
}

/// Begins a session of somebody who proved who they are. `forgiven` is under which id their mistakes counted.
pub async fn begin(
    app: &App,
    holder: Holder,
    visitor: Visitor,
    forgiven: Option<String>,
    action: &'static str,
) -> Result<Begun> {
    let (session, cookie) = mint(app, holder, &visitor);
    let (stored, digest) = (session.clone(), cookie.digest());
    app.db
        .write(Lane::Environment, move |tx| {
            let (session, digest, forgiven, visitor) =
                (stored.clone(), digest.clone(), forgiven.clone(), visitor.clone());
            Box::pin(async move {
                if let Some(id) = forgiven {
                    sessions::forget_failures(tx, &id).await?;
                }
                open(tx, &session, &digest, &visitor, action).await
            })
        })
        .await?;
    Ok(Begun { session, cookie })
}

fn mint(app: &App, holder: Holder, visitor: &Visitor) -> (Session, Secret) {
    let now = app.clock.now();
    let longest = if matches!(holder, Holder::Operator(_)) { LONGEST } else { LONGEST_OF_GUEST };
    let session = Session {
        id: SessionId::mint(now),
        holder,
        agent: visitor.agent.chars().take(AGENT).collect(),
        created_at: now,
        seen_at: now,
        expires_at: now + longest,
    };
    (session, Secret::mint("session_"))
}

/// Stores a session, and that somebody came in.
async fn open(tx: &mut Tx, session: &Session, digest: &str, visitor: &Visitor, action: &str) -> Result<()> {
    sessions::insert(tx, session, digest).await?;
    if let Holder::Operator(operator) = &session.holder {
        operators::signed_in(tx, operator.id, session.created_at).await?;
    }
    let organization = match &session.holder {
        Holder::Guest { organization, .. } => Some(*organization),
        Holder::Operator(_) => None,
    };
    let note = AuditNote {
        action: action.to_owned(),
        target: "/console".to_owned(),
        actor: access_of(session).actor().clone(),
        request: None,
        detail: json!({"session": session.id}),
        address: visitor.address.clone(),
        at: session.created_at,
    };
    audit::append(tx, organization, &note).await
}

/// What the holder of a session may do.
pub fn access_of(session: &Session) -> Access {
    match &session.holder {
        Holder::Operator(operator) => Access::of_operator(operator),
        Holder::Guest { organization, .. } => Access::of_guest(session.id, *organization),
    }
}

/// The session whose cookie this is. `alive` notes that its holder did something.
///
/// # Errors
///
/// [`Error::Unauthorized`] if there is none, or if it is over.
pub async fn resume(app: &App, cookie: &str, alive: bool) -> Result<Session> {
    let now = app.clock.now();
    let found = sessions::by_digest(&mut app.db.read().await?, &digest(cookie)).await?;
    let session = found.filter(|session| session.lives(now));
    let session = session.ok_or(Error::Unauthorized("you are not signed in, or were signed out after a while"))?;
    if alive && now - session.seen_at >= TOUCH_AFTER {
        let id = session.id;
        let touch = app.db.write(Lane::Environment, move |tx| Box::pin(sessions::touch(tx, id, now)));
        audit::aside(idempotency::aside(touch)).await?;
    }
    Ok(session)
}

/// Ends the session.
pub async fn sign_out(app: &App, id: SessionId) -> Result<()> {
    app.db.write(Lane::Environment, move |tx| Box::pin(async move { sessions::end(tx, id).await.map(drop) })).await
}

/// The sessions of an operator.
pub async fn of_operator(app: &App, operator: &Operator) -> Result<Vec<Session>> {
    let now = app.clock.now();
    let all = sessions::of_operator(&mut app.db.read().await?, operator).await?;
    Ok(all.into_iter().filter(|session| session.lives(now)).collect())
}

/// Ends one of an operator's own sessions, or all but the one in use.
pub async fn revoke(app: &App, operator: &Operator, which: Option<SessionId>, but: SessionId) -> Result<()> {
    let own = of_operator(app, operator).await?;
    if let Some(id) = which.filter(|id| !own.iter().any(|session| session.id == *id)) {
        return Err(Error::not_found("session", id));
    }
    let operator = operator.id;
    app.db
        .write(Lane::Environment, move |tx| {
            Box::pin(async move {
                match which {
                    Some(id) => sessions::end(tx, id).await.map(drop),
                    None => sessions::end_of_operator(tx, operator, Some(but)).await.map(drop),
                }
            })
        })
        .await
}

/// Makes the link by which somebody becomes the first owner; `None` if there is an operator.
pub async fn first_owner_link(app: &App) -> Result<Option<Secret>> {
    let (now, secret) = (app.clock.now(), Secret::mint("enter_"));
    let link = EntryLink {
        purpose: Purpose::FirstOwner,
        made_by: Actor::muster().id,
        created_at: now,
        expires_at: now + FIRST_OWNER_LINK,
    };
    let digest = secret.digest();
    let made = app
        .db
        .write(Lane::Environment, move |tx| {
            let (digest, link) = (digest.clone(), link.clone());
            Box::pin(async move {
                if operators::any(tx).await? {
                    return Ok(false);
                }
                operators::insert_link(tx, &digest, &link).await?;
                Ok(true)
            })
        })
        .await?;
    Ok(made.then_some(secret))
}

/// Whether there is no operator yet.
pub async fn nobody_yet(app: &App) -> Result<bool> {
    Ok(!operators::any(&mut app.db.read().await?).await?)
}

/// What the link with this secret is for; `None` if it was used, has ended or never was.
pub async fn look_at_link(app: &App, secret: &str) -> Result<Option<EntryLink>> {
    let found = operators::link(&mut app.db.read().await?, &digest(secret)).await?;
    Ok(found.filter(|link| link.expires_at > app.clock.now()))
}

/// Who comes in by a link that has them choose a password.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// Their address; only of the first owner, others have one.
    pub email: String,
    /// Their name; only of the first owner.
    pub name: String,
    /// The password that they chose.
    pub password: String,
}

/// Comes in by a link: as the first owner, or with a new password. The link works once.
///
/// # Errors
///
/// [`Error::Unauthorized`] if the link works no more; [`Error::Invalid`] for an unfit address or password.
pub async fn enter(app: &App, secret: &str, newcomer: Newcomer, visitor: Visitor) -> Result<Begun> {
    let link = look_at_link(app, secret).await?.ok_or_else(used_up)?;
    let now = app.clock.now();
    let operator = match link.purpose {
        Purpose::FirstOwner => {
            super::operators::new(now, &newcomer.email, &newcomer.name, crate::domain::actor::Rank::Owner)?
        }
        Purpose::Password(id) => found(&mut app.db.read().await?, id).await?,
        Purpose::Portal { .. } => return Err(used_up()),
    };
    check_password(&newcomer.password, &operator)?;
    let password = hash(newcomer.password).await?;
    let first = link.purpose == Purpose::FirstOwner;
    let (session, cookie) = mint(app, Holder::Operator(operator.clone()), &visitor);
    let (stored, of_link, of_cookie) = (session.clone(), digest(secret), cookie.digest());
    app.db
        .write(Lane::Environment, move |tx| {
            let (session, of_link, of_cookie, visitor, operator, password) = (
                stored.clone(),
                of_link.clone(),
                of_cookie.clone(),
                visitor.clone(),
                operator.clone(),
                password.clone(),
            );
            Box::pin(async move {
                operators::take_link(tx, &of_link).await?.ok_or_else(used_up)?;
                if first {
                    operators::claim_first(tx).await?.then_some(()).ok_or_else(used_up)?;
                    operators::insert(tx, &operator, Some(&password)).await?;
                    operators::remove_first_owner_links(tx).await?;
                } else {
                    operators::set_password(tx, operator.id, &password).await?;
                    operators::remove_password_links(tx, operator.id).await?;
                    sessions::end_of_operator(tx, operator.id, None).await?;
                }
                open(tx, &session, &of_cookie, &visitor, if first { "becomeFirstOwner" } else { "choosePassword" })
                    .await
            })
        })
        .await?;
    Ok(Begun { session, cookie })
}

/// Changes an operator's own password; their other sessions end.
///
/// # Errors
///
/// [`Error::Invalid`] if the old password is wrong, or the new one unfit.
pub async fn change_password(app: &App, operator: &Operator, old: String, new: String, but: SessionId) -> Result<()> {
    let stored = operators::password(&mut app.db.read().await?, operator.id).await?;
    if !verify(old, stored).await? {
        return Err(Error::invalid("old_password", "wrong_password", "the password is not the one that you have now"));
    }
    check_password(&new, operator)?;
    let (id, password) = (operator.id, hash(new).await?);
    app.db
        .write(Lane::Environment, move |tx| {
            let password = password.clone();
            Box::pin(async move {
                operators::set_password(tx, id, &password).await?;
                sessions::end_of_operator(tx, id, Some(but)).await.map(drop)
            })
        })
        .await
}

/// Forgets sessions and links that are over.
pub async fn forget(app: &App) -> Result<()> {
    let now = app.clock.now();
    app.db.write(Lane::Environment, move |tx| Box::pin(sessions::forget(tx, now, now - Session::IDLE))).await
}

/// What somebody is told whose link works no more.
pub fn used_up() -> Error {
    Error::Unauthorized("this link was used already, or has expired; ask for a new one")
}

async fn found(tx: &mut Tx, id: OperatorId) -> Result<Operator> {
    operators::find(tx, id).await?.ok_or_else(used_up)
}

fn check_password(password: &str, operator: &Operator) -> Result<()> {
    let wrong = |code, message: String| Err(Error::invalid("password", code, message));
    let length = password.chars().count();
    if length < SHORTEST_PASSWORD {
        return wrong("too_short", format!("a password has {SHORTEST_PASSWORD} characters at least"));
    }
    if length > LONGEST_PASSWORD {
        return wrong("too_long", format!("a password has {LONGEST_PASSWORD} characters at most"));
    }
    if fold(password) == fold(&operator.email) || password.chars().all(|c| password.starts_with(c)) {
        return wrong("too_simple", "this password is too easy to guess; take several words".to_owned());
    }
    Ok(())
}

fn hashed(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| Error::internal(format!("a password cannot be hashed: {error}")))
}

/// The form in which a password is stored.
async fn hash(password: String) -> Result<String> {
    dear(move || hashed(&password)).await?
}

/// Whether the password is the stored one. Takes as long where nothing is stored.
async fn verify(password: String, stored: Option<String>) -> Result<bool> {
    let fits = dear(move || {
        let nothing = stored.is_none();
        let stored = stored.unwrap_or_else(|| NOBODYS.clone());
        let parsed = PasswordHash::new(&stored);
        let fits = parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && !nothing
    });
    fits.await
}

/// Does dear work aside, a few at once.
async fn dear<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _place = HASHING.acquire().await.map_err(|error| Error::Internal(Box::new(error)))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(Box::new(error)))
}
