//! Operators: who may sign in to the console, and what they may do. Only owners decide about it.

use chrono::{DateTime, Duration, Utc};

use super::access::Access;
use super::native::user_changes::check_email;
use crate::app::App;
use crate::domain::actor::Rank;
use crate::domain::id::OperatorId;
use crate::domain::operator::Operator;
use crate::domain::secret::Secret;
use crate::domain::{Error, Result};
use crate::store::operators::{self, EntryLink, Purpose};
use crate::store::{Lane, Page, PageRequest, Tx, sessions};

/// How long an invitation lasts.
const INVITATION: Duration = Duration::days(3);
/// The longest name, in characters.
const LONGEST_NAME: usize = 256;

/// An operator who is not stored yet.
///
/// # Errors
///
/// [`Error::Invalid`] for an address that is none, or a name that is too long.
pub fn new(now: DateTime<Utc>, email: &str, name: &str, role: Rank) -> Result<Operator> {
    let (email, name) = (email.trim(), name.trim());
    check_email(email)?;
    if name.chars().count() > LONGEST_NAME {
        return Err(Error::invalid("name", "too_long", format!("a name has {LONGEST_NAME} characters at most")));
    }
    Ok(Operator {
        id: OperatorId::mint(now),
        email: email.to_owned(),
        name: name.to_owned(),
        role,
        has_password: false,
        created_at: now,
        last_sign_in_at: None,
    })
}

/// Invites somebody: they choose a password by the link with this secret, which works once.
pub async fn invite(app: &App, access: &Access, email: &str, name: &str, role: Rank) -> Result<(Operator, Secret)> {
    authorized(access)?;
    let operator = new(app.clock.now(), email, name, role)?;
    let (secret, link) = password_link(app, access, operator.id);
    let (stored, digest) = (operator.clone(), secret.digest());
    app.db
        .write(Lane::Environment, move |tx| {
            let (operator, digest, link) = (stored.clone(), digest.clone(), link.clone());
            Box::pin(async move {
                operators::insert(tx, &operator, None).await?;
                operators::insert_link(tx, &digest, &link).await
            })
        })
        .await?;
    Ok((operator, secret))
}

/// A new link by which an operator chooses a password; earlier ones work no more.
pub async fn renew(app: &App, access: &Access, id: OperatorId) -> Result<Secret> {
    authorized(access)?;
    let (secret, link) = password_link(app, access, id);
    let digest = secret.digest();
    app.db
        .write(Lane::Environment, move |tx| {
            let (digest, link) = (digest.clone(), link.clone());
            Box::pin(async move {
                found(tx, id).await?;
                operators::remove_password_links(tx, id).await?;
                operators::insert_link(tx, &digest, &link).await
            })
        })
        .await?;
    Ok(secret)
}

fn password_link(app: &App, access: &Access, id: OperatorId) -> (Secret, EntryLink) {
    let now = app.clock.now();
    let link = EntryLink {
        purpose: Purpose::Password(id),
        made_by: access.key().to_owned(),
        created_at: now,
        expires_at: now + INVITATION,
    };
    (Secret::mint("enter_"), link)
}

/// Gives an operator another role. It holds from their next request on.
///
/// # Errors
///
/// [`Error::Conflict`] `last_owner` if nobody would be left who decides who comes in.
pub async fn set_role(app: &App, access: &Access, id: OperatorId, role: Rank) -> Result<Operator> {
    authorized(access)?;
    app.db
        .write(Lane::Environment, move |tx| {
            Box::pin(async move {
                if role != Rank::Owner {
                    keep_an_owner(tx, id).await?;
                }
                operators::set_role(tx, id, role).await?;
                found(tx, id).await
            })
        })
        .await
}

/// Removes an operator; they are signed out at once.
///
/// # Errors
///
/// As [`set_role`].
pub async fn remove(app: &App, access: &Access, id: OperatorId) -> Result<()> {
    authorized(access)?;
    app.db
        .write(Lane::Environment, move |tx| {
            Box::pin(async move {
                keep_an_owner(tx, id).await?;
                found(tx, id).await?;
                sessions::end_of_operator(tx, id, None).await?;
                operators::delete(tx, id).await
            })
        })
        .await
}

/// A page of operators.
pub async fn list(app: &App, access: &Access, page: &PageRequest) -> Result<Page<Operator>> {
    access.environment()?;
    operators::list(&mut app.db.read().await?, page).await
}

fn authorized(access: &Access) -> Result<()> {
    access.environment()?;
    access.owns("decides who may sign in")
}

async fn found(tx: &mut Tx, id: OperatorId) -> Result<Operator> {
    operators::find(tx, id).await?.ok_or_else(|| Error::not_found("operator", id))
}

/// Refuses a change after which no owner would be left.
async fn keep_an_owner(tx: &mut Tx, leaving: OperatorId) -> Result<()> {
    let owners = operators::owners(tx).await?;
    if owners.contains(&leaving) && owners.len() == 1 {
        let message = "this is the only owner: make somebody else one first";
        return Err(Error::conflict("last_owner", message));
    }
    Ok(())
}
