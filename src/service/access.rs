//! Who changes and asks, and how far they reach: applications with a key, operators who are signed in, guests of the
//! portal. The only maker of scopes of organizations.

use chrono::Duration;

use crate::app::App;
use crate::domain::actor::{Actor, Rank, Source};
use crate::domain::event::Cause;
use crate::domain::id::{OrganizationId, RequestId, SessionId};
use crate::domain::operator::Operator;
use crate::domain::scope::OrganizationScope;
use crate::domain::secret::digest;
use crate::domain::{Error, Result};
use crate::store::{Lane, idempotency, keys};

/// How exact "last used" is.
pub const TOUCH_AFTER: Duration = Duration::seconds(60);

/// Somebody whose credential was checked.
#[derive(Debug, Clone)]
pub struct Access {
    /// The organization that they are limited to; `None` reaches the whole environment.
    only: Option<OrganizationId>,
    /// What they may do.
    rank: Rank,
    /// Who they are.
    actor: Actor,
    /// The request that is answered, if it is one.
    request: Option<RequestId>,
}

impl Access {
    /// An operator who is signed in: of the whole environment.
    pub fn of_operator(operator: &Operator) -> Self {
        let actor =
            Actor { id: operator.id.to_string(), name: operator.shown_name().to_owned(), source: Source::Dashboard };
        Access { only: None, rank: operator.role, actor, request: None }
    }

    /// A guest of the portal: of one organization, where they may do what its admins do.
    pub fn of_guest(session: SessionId, organization: OrganizationId) -> Self {
        let actor = Actor { id: session.to_string(), name: "Portal guest".to_owned(), source: Source::AdminPortal };
        Access { only: Some(organization), rank: Rank::Admin, actor, request: None }
    }

    /// The same reach, for this request: what it changes names it.
    #[must_use]
    pub fn in_request(self, request: RequestId) -> Self {
        Access { request: Some(request), ..self }
    }

    /// The same person, looking at one organization only.
    #[must_use]
    pub fn limited_to(self, organization: OrganizationScope) -> Self {
        Access { only: Some(organization.organization()), ..self }
    }

    /// The scope of this organization, if the key reaches it. One that it does not reach does not exist.
    pub fn organization(&self, id: OrganizationId) -> Result<OrganizationScope> {
        match self.only {
            Some(only) if only != id => Err(Error::not_found("organization", id)),
            _ => Ok(OrganizationScope::authenticated(id)),
        }
    }

    /// The id of the key, operator or session; the root key is `root`.
    pub fn key(&self) -> &str {
        &self.actor.id
    }

    /// Who they are.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The request that is answered.
    pub fn request(&self) -> Option<RequestId> {
        self.request
    }

    /// What they may do.
    pub fn rank(&self) -> Rank {
        self.rank
    }

    /// The organization that they are limited to.
    pub fn only(&self) -> Option<OrganizationId> {
        self.only
    }

    /// Refuses those who are limited to an organization.
    pub fn environment(&self) -> Result<()> {
        match self.only {
            None => Ok(()),
            Some(_) => Err(Error::Forbidden("this needs a key of the environment, not of an organization".to_owned())),
        }
    }

    /// The scope of the organization that is named, or else of the only one that the key reaches.
    pub fn organization_or_own(&self, named: Option<OrganizationId>) -> Result<OrganizationScope> {
        let id = named.or(self.only).ok_or_else(|| {
            Error::invalid("organization_id", "required", "organization_id is required for a key of the environment")
        })?;
        self.organization(id)
    }

    /// Refuses those who may only read.
    pub fn writes(&self) -> Result<()> {
        if self.rank >= Rank::Admin {
            return Ok(());
        }
        let who = if self.actor.source == Source::Api { "this key" } else { "your role" };
        Err(Error::Forbidden(format!("{who} may only read")))
    }

    /// Refuses everybody but owners, who alone do `what`.
    pub fn owns(&self, what: &str) -> Result<()> {
        if self.rank >= Rank::Owner {
            return Ok(());
        }
        Err(Error::Forbidden(format!("only an owner {what}")))
    }

    /// The cause of what the caller changes.
    pub fn cause(&self) -> Cause {
        Cause::Hand { actor: self.actor.clone(), request: self.request }
    }
}

/// Checks a key of the native APIs. `header` is the whole `Authorization` header.
pub async fn authenticate_api(app: &App, header: Option<&str>) -> Result<Access> {
    let refused = || Error::Unauthorized("Unauthorized");
    let presented = header
        .and_then(|header| header.trim().split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim())
        .ok_or_else(refused)?;
    let digest = digest(presented);
    if app.config.root_key_digest.as_ref() == Some(&digest) {
        return Ok(Access { only: None, rank: Rank::Owner, actor: Actor::key("root", "Root key"), request: None });
    }
    let mut tx = app.db.read().await?;
    let key = keys::key_by_digest(&mut tx, &digest).await?.ok_or_else(refused)?;
    drop(tx);
    let now = app.clock.now();
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::Unauthorized("the API key has expired"));
    }
    if key.last_used_at.is_none_or(|at| now - at >= TOUCH_AFTER) {
        let id = key.id;
        let touch = app.db.write(Lane::Environment, move |tx| Box::pin(keys::touch_key(tx, id, now)));
        idempotency::aside(touch).await?;
    }
    Ok(Access {
        only: key.organization_id,
        rank: Rank::from_word(&key.role).unwrap_or(Rank::Read),
        actor: Actor::key(key.id.to_string(), key.name),
        request: None,
    })
}
