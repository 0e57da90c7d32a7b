//! Signing in and out: passwords, sessions, links that let somebody in once.
//!
//! What lives here: who comes in. What does not: who there is (`service::operators`), cookies (`http::console`).

use std::sync::LazyLock;

use argon2::password_hash::PasswordHasher as _;
use argon2::{Argon2, PasswordHash, PasswordVerifier as _};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::access::{Access, TOUCH_AFTER};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::address::is_public;
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
/// Passwords are dear to check, by intent; so many at once, and no more. A place is held until the work is over, also
/// when nobody waits for it any more.
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
    let counted = counted(email, &visitor);
    // Looked at again by whoever had to wait: those before may have used up what is forgiven.
    held_off(app, &counted).await?;
    let place = place().await?;
    held_off(app, &counted).await?;
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let operator = operators::by_email(&mut tx, email).await?;
    let stored = match &operator {
        Some(operator) => operators::password(&mut tx, operator.id).await?,
        None => None,
    };
    drop(tx);
    let (fits, _place) = verify(place, password.to_owned(), stored.clone()).await?;
    let (Some(operator), Some(password)) = (operator.filter(|_| fits), stored) else {
        fail(app, counted.into(), now).await?;
        return Err(wrong());
    };
    // What was wrong before is forgiven the account; the address may go on with another one.
    let proof = Proof::Password { account: counted.account, password };
    begin(app, Holder::Operator(operator), visitor, proof, "signIn").await
}

fn wrong() -> Error {
    Error::Unauthorized("the e-mail or the password is wrong")
}

/// Under which ids the mistakes of an attempt count.
struct Counted {
    /// Of the account that was named.
    account: String,
    /// Of the network address, if it tells people apart: behind a proxy, all come from the proxy's, and one who guesses
    /// would keep everybody out.
    address: Option<String>,
}

fn counted(email: &str, visitor: &Visitor) -> Counted {
    let public = |text: &&String| text.parse().is_ok_and(is_public);
    let address = visitor.address.as_ref().filter(public);
    Counted {
        account: digest(&format!("email\n{}", fold(email))),
        address: address.map(|address| digest(&format!("address\n{address}"))),
    }
}

impl From<Counted> for Vec<(String, i64)> {
    /// The ids, and how many mistakes each is forgiven.
    fn from(counted: Counted) -> Self {
        let account = std::iter::once((counted.account, MISTAKES_OF_ACCOUNT));
        account.chain(counted.address.map(|id| (id, MISTAKES_OF_ADDRESS))).collect()
    }
}

/// Refuses whoever has to wait after too many mistakes.
async fn held_off(app: &App, counted: &Counted) -> Result<()> {
    let (mut tx, now) = (app.db.read().await?, app.clock.now());
    for id in std::iter::once(&counted.account).chain(&counted.address) {
        let until = sessions::failures(&mut tx, id).await?.and_then(|failures| failures.retry_at);
        if let Some(wait) = until.map(|until| until - now).filter(|wait| *wait > Duration::zero()) {
            let retry_after = u32::try_from(wait.num_seconds()).unwrap_or(u32::MAX).max(1);
            return Err(Error::TooManyRequests { retry_after });
        }
    }
    Ok(())
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

/// By what somebody proved who they are.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A password.
    Password {
        /// Under which id the mistakes of the account count: they are forgiven.
        account: String,
        /// The password as it was stored when it was looked at. If another was chosen meanwhile, it opens nothing.
        password: String,
    },
    /// The word of an OpenID provider.
    Provider,
    /// The link with this digest, which works once.
    Link(String),
}

/// Begins a session of somebody who proved who they are.
///
/// # Errors
///
/// [`Error::Unauthorized`] if the proof is none any more.
pub async fn begin(app: &App, holder: Holder, visitor: Visitor, proof: Proof, action: &'static str) -> Result<Begun> {
    let (session, cookie) = mint(app, holder, &visitor);
    let (stored, digest) = (session.clone(), cookie.digest());
    app.db
        .write(Lane::Environment, move |tx| {
            let (session, digest, proof, visitor) = (stored.clone(), digest.clone(), proof.clone(), visitor.clone());
            Box::pin(async move {
                let detail = use_up(tx, &session.holder, &proof).await?;
                open(tx, &session, &digest, &visitor, action, detail).await
            })
        })
        .await?;
    Ok(Begun { session, cookie })
}

/// Refuses a proof that is none any more, and uses up one that works once. Answers what is written down of it.
async fn use_up(tx: &mut Tx, holder: &Holder, proof: &Proof) -> Result<Value> {
    match (proof, holder) {
        (Proof::Password { account, password }, Holder::Operator(operator)) => {
            let now = operators::password(tx, operator.id).await?;
            now.filter(|now| now == password).ok_or_else(wrong)?;
            sessions::forget_failures(tx, account).await?;
            Ok(json!({}))
        }
        (Proof::Link(digest), _) => {
            let link = operators::take_link(tx, digest).await?.ok_or_else(used_up)?;
            Ok(json!({"link_made_by": link.made_by}))
        }
        (Proof::Provider, _) => Ok(json!({})),
        (Proof::Password { .. }, Holder::Guest { .. }) => Err(wrong()),
    }
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
async fn open(
    tx: &mut Tx,
    session: &Session,
    digest: &str,
    visitor: &Visitor,
    action: &str,
    mut detail: Value,
) -> Result<()> {
    detail["session"] = json!(session.id);
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
        detail,
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
    let password = hash(place().await?, newcomer.password).await?;
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
                let action = if first { "becomeFirstOwner" } else { "choosePassword" };
                open(tx, &session, &of_cookie, &visitor, action, json!({})).await
            })
        })
        .await?;
    Ok(Begun { session, cookie })
}

/// Changes an operator's own password; their other sessions end.
///
/// # Errors
///
/// [`Error::Invalid`] if the old password is wrong, or the new one unfit; 409 `password_changed` if somebody was faster, by
/// a link for example, whose password must not be lost.
pub async fn change_password(app: &App, operator: &Operator, old: String, new: String, but: SessionId) -> Result<()> {
    let stored = operators::password(&mut app.db.read().await?, operator.id).await?;
    let (fits, place) = verify(place().await?, old, stored.clone()).await?;
    if !fits {
        return Err(Error::invalid("old_password", "wrong_password", "the password is not the one that you have now"));
    }
    check_password(&new, operator)?;
    let (id, operator, password) = (operator.id, operator.clone(), hash(place, new).await?);
    app.db
        .write(Lane::Environment, move |tx| {
            let (operator, password, stored) = (operator.clone(), password.clone(), stored.clone());
            Box::pin(async move {
                let signed_in = sessions::of_operator(tx, &operator).await?.iter().any(|session| session.id == but);
                if !signed_in {
                    return Err(Error::Unauthorized("you are not signed in any more"));
                }
                if operators::password(tx, id).await? != stored {
                    let message = "the password was changed meanwhile; sign in with the new one";
                    return Err(Error::conflict("password_changed", message));
                }
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
async fn hash(place: Place, password: String) -> Result<String> {
    dear(place, move || hashed(&password)).await?.0
}

/// Whether the password is the stored one. Takes as long where nothing is stored.
async fn verify(place: Place, password: String, stored: Option<String>) -> Result<(bool, Place)> {
    let fits = dear(place, move || {
        let nothing = stored.is_none();
        let stored = stored.unwrap_or_else(|| NOBODYS.clone());
        let parsed = PasswordHash::new(&stored);
        let fits = parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && !nothing
    });
    fits.await
}

/// A place among the few whose passwords are worked on.
type Place = SemaphorePermit<'static>;

async fn place() -> Result<Place> {
    HASHING.acquire().await.map_err(|error| Error::Internal(Box::new(error)))
}

/// Does dear work aside. The work holds the place, not whoever waits for it.
async fn dear<T: Send + 'static>(place: Place, work: impl FnOnce() -> T + Send + 'static) -> Result<(T, Place)> {
    let done = tokio::task::spawn_blocking(move || (work(), place));
    done.await.map_err(|error| Error::Internal(Box::new(error)))
}
