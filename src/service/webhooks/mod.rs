//! Webhook endpoints as people handle them: made, changed, removed, their secrets rotated, deliveries asked for again.
//!
//! An endpoint reads the feed of its organization, or of the environment, from a cursor on. A new one begins at the
//! present. Who serves it is in `turn`.

pub mod again;
pub mod turn;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use super::audit;
use super::events::{self, Reach, Selection};
use crate::app::App;
use crate::domain::event_names::known;
use crate::domain::id::{EventId, OrganizationId, WebhookEndpointId};
use crate::domain::scope::OrganizationScope;
use crate::domain::secret::{Secret, hint};
use crate::domain::webhook::{Delivery, DeliveryState, WebhookEndpoint, target};
use crate::domain::{Error, Result};
use crate::service::access::Access;
pub use crate::store::webhooks::deliveries::Attempted;
use crate::store::webhooks::{self as stored, deliveries};
use crate::store::{Lane, Page, PageRequest, Tx, is_unique_violation, organizations};

/// How many endpoints an organization, or the environment itself, may have.
const MOST: i64 = 100;
/// How long a rotated secret goes on signing, unless asked for otherwise, in hours.
const OVERLAP: i64 = 24;
/// How long it may do so at the most.
const LONGEST_OVERLAP: i64 = 168;
/// How many deliveries are removed in one transaction.
const BATCH: i64 = 2_000;

/// What a new endpoint is to be.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Whose events it gets; those of the environment, if not an organization's.
    pub organization: Option<OrganizationId>,
    /// Where it is.
    pub url: String,
    /// The names of the events that it gets.
    pub events: Vec<String>,
}

/// What is to change of an endpoint; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct EndpointChange {
    /// Where it is. Another target gets another secret.
    pub url: Option<String>,
    /// The names of the events that it gets.
    pub events: Option<Vec<String>>,
    /// Whether anything is sent to it.
    pub enabled: Option<bool>,
}

/// Makes an endpoint. A key of an organization makes those of its organization only.
///
/// # Errors
///
/// [`Error::Invalid`] with `invalid_url`, `required` or `unknown_event_type`; [`Error::Conflict`] with
/// `duplicate_endpoint`, or `too_many_webhook_endpoints`; [`Error::NotFound`] for an organization out of reach.
pub async fn create(app: &App, access: &Access, new: NewEndpoint) -> Result<WebhookEndpoint> {
    let organization = new.organization.or(access.only());
    let organization = organization.map(|id| access.organization(id)).transpose()?.map(OrganizationScope::organization);
    let url_key = target(&new.url, app.config.webhooks_allow_private)?.to_string();
    let names = events::names("events", &new.events)?;
    let last_event = events::head(app, reach(organization)).await?;
    let now = app.clock.now();
    let id = WebhookEndpointId::mint(now);
    let endpoint = WebhookEndpoint {
        id,
        organization,
        url: new.url.trim().to_owned(),
        events: names.into_iter().map(str::to_owned).collect(),
        enabled: true,
        disabled_reason: None,
        secret: fresh_secret(app, id),
        previous: None,
        last_event,
        attempts: 0,
        next_attempt_at: None,
        created_at: now,
        updated_at: now,
    };
    app.db
        .write(lane(organization), move |tx| {
            let (endpoint, url_key) = (endpoint.clone(), url_key.clone());
            Box::pin(async move {
                if let Some(organization) = endpoint.organization {
                    organizations::exists(tx, organization)
                        .await?
                        .then_some(())
                        .ok_or_else(|| Error::not_found("organization", organization))?;
                }
                if stored::count(tx, endpoint.organization).await? >= MOST {
                    let message = format!("there are {MOST} webhook endpoints already; remove one first");
                    return Err(Error::conflict("too_many_webhook_endpoints", message));
                }
                stored::insert(tx, &endpoint, &url_key).await.map_err(duplicate)?;
                Ok(endpoint)
            })
        })
        .await
}

fn duplicate(error: Error) -> Error {
    if is_unique_violation(&error) {
        return Error::conflict("duplicate_endpoint", "there is a webhook endpoint with this endpoint_url already");
    }
    error
}

/// The endpoint, if the key reaches it.
pub async fn get(app: &App, access: &Access, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    find(&mut app.db.read().await?, access.only(), id).await
}

/// A page of the endpoints that the key reaches; only the organization's, if one is given.
pub async fn list(
    app: &App,
    access: &Access,
    organization: Option<OrganizationId>,
    page: &PageRequest,
) -> Result<Page<WebhookEndpoint>> {
    let organization = organization.or(access.only());
    let organization = organization.map(|id| access.organization(id)).transpose()?.map(OrganizationScope::organization);
    let mut tx = app.db.read().await?;
    if let Some(organization) = organization
        && !organizations::exists(&mut tx, organization).await?
    {
        return Err(Error::not_found("organization", organization));
    }
    stored::list(&mut tx, organization, page).await
}

/// A page of the environment's own endpoints, for callers of the environment.
pub async fn list_of_environment(app: &App, access: &Access, page: &PageRequest) -> Result<Page<WebhookEndpoint>> {
    access.environment()?;
    stored::list(&mut app.db.read().await?, Some(stored::owner(None)), page).await
}

/// Changes an endpoint. One that is disabled keeps its place, and goes on from there when it is enabled again.
///
/// # Errors
///
/// As [`create`]; [`Error::NotFound`] for an endpoint out of reach.
pub async fn update(
    app: &App,
    access: &Access,
    id: WebhookEndpointId,
    wanted: EndpointChange,
) -> Result<WebhookEndpoint> {
    let private = app.config.webhooks_allow_private;
    if let Some(url) = &wanted.url {
        target(url, private)?;
    }
    let names = wanted.events.as_deref().map(|given| events::names("events", given)).transpose()?;
    let fresh = fresh_secret(app, id);
    let before = get(app, access, id).await?;
    let adds = names.iter().flatten().any(|name| !before.events.iter().any(|known| known == name));
    let present = if adds { present(app, &before).await? } else { None };
    change(app, access, id, move |endpoint, now| {
        let mut breaks = false;
        if let Some(url) = &wanted.url {
            let moved = url_key(&endpoint.url) != url_key(url);
            url.trim().clone_into(&mut endpoint.url);
            if moved {
                // Whoever listens there must not be able to sign what the former target believes.
                endpoint.secret.clone_from(&fresh);
                endpoint.previous = None;
                try_at_once(endpoint);
                breaks = true;
            }
        }
        if let Some(names) = &names {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            if names != endpoint.events {
                // What is new to it begins at the present, unless something old waits.
                if (endpoint.last_event, &endpoint.events) == (before.last_event, &before.events) {
                    endpoint.last_event = present.or(endpoint.last_event);
                }
                endpoint.events = names;
                // The event that is being tried may be none of them.
                try_at_once(endpoint);
                breaks = true;
            }
        }
        if let Some(enabled) = wanted.enabled.filter(|enabled| *enabled != endpoint.enabled) {
            endpoint.enabled = enabled;
            endpoint.disabled_reason = None;
            try_at_once(endpoint);
            breaks = true;
        }
        endpoint.updated_at = now;
        Ok(breaks)
    })
    .await
}

/// The last event of the feed, if nothing waits for the endpoint.
async fn present(app: &App, endpoint: &WebhookEndpoint) -> Result<Option<EventId>> {
    let head = events::head(app, reach(endpoint.organization)).await?;
    Ok(if turn::unsent(app, endpoint, 1).await?.is_empty() { head } else { None })
}

fn try_at_once(endpoint: &mut WebhookEndpoint) {
    endpoint.attempts = 0;
    endpoint.next_attempt_at = None;
}

/// Gives an endpoint a new secret, which signs at once. The one before signs a header of its own for some hours.
///
/// # Errors
///
/// [`Error::Invalid`] for an overlap that is not from 0 to 168 hours; [`Error::NotFound`].
pub async fn rotate(
    app: &App,
    access: &Access,
    id: WebhookEndpointId,
    overlap_hours: Option<i64>,
) -> Result<WebhookEndpoint> {
    let hours = overlap_hours.unwrap_or(OVERLAP);
    if !(0..=LONGEST_OVERLAP).contains(&hours) {
        let message = format!("overlap_hours must be from 0 to {LONGEST_OVERLAP}");
        return Err(Error::invalid("overlap_hours", "invalid_number", message));
    }
    let fresh = fresh_secret(app, id);
    change(app, access, id, move |endpoint, now| {
        let former = std::mem::replace(&mut endpoint.secret, fresh.clone());
        endpoint.previous = (hours > 0).then(|| (former, now + Duration::hours(hours)));
        endpoint.updated_at = now;
        Ok(false)
    })
    .await
}

/// Removes an endpoint and what is known of its deliveries.
pub async fn delete(app: &App, access: &Access, id: WebhookEndpointId) -> Result<()> {
    let disabled = EndpointChange { enabled: Some(false), ..EndpointChange::default() };
    let endpoint = update(app, access, id, disabled).await?;
    remove(app, &endpoint).await
}

/// Removes what is left of organizations that were deleted; answers how many endpoints that were.
pub async fn remove_orphaned(app: &App) -> Result<u64> {
    let mut gone = 0;
    loop {
        let orphaned = stored::orphaned(&mut app.db.read().await?, MOST).await?;
        if orphaned.is_empty() {
            return Ok(gone);
        }
        for endpoint in orphaned {
            remove(app, &endpoint).await?;
            gone += 1;
        }
    }
}

/// Removes an endpoint and its deliveries, in batches, so that nobody waits long.
async fn remove(app: &App, endpoint: &WebhookEndpoint) -> Result<()> {
    loop {
        let gone = endpoint.clone();
        let removed = app.db.write(Lane::Environment, move |tx| {
            let gone = gone.clone();
            Box::pin(async move {
                let removed = deliveries::delete_some(tx, &gone, BATCH).await?;
                if removed < BATCH.unsigned_abs() {
                    stored::delete(tx, &gone).await?;
                }
                Ok(removed)
            })
        });
        if removed.await? < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

/// A page of what became of the events at an endpoint, newest first unless asked otherwise.
pub async fn list_deliveries(
    app: &App,
    access: &Access,
    id: WebhookEndpointId,
    state: Option<DeliveryState>,
    page: &PageRequest,
) -> Result<Page<Delivery>> {
    let mut tx = app.db.read().await?;
    let endpoint = find(&mut tx, access.only(), id).await?;
    deliveries::list(&mut tx, &endpoint, state, page).await
}

/// How many deliveries a picture of the last day counts at the most.
pub const COUNTED: i64 = 5_000;

/// What became of the last day's events at an endpoint, newest first, up to [`COUNTED`] of them.
pub async fn last_day(app: &App, access: &Access, id: WebhookEndpointId) -> Result<Vec<Attempted>> {
    let mut tx = app.db.read().await?;
    let endpoint = find(&mut tx, access.only(), id).await?;
    let since = EventId::first_at(app.clock.now() - Duration::hours(24));
    deliveries::since(&mut tx, &endpoint, since, COUNTED).await
}

/// How the secret of an endpoint begins; empty if it cannot be read.
pub fn secret_hint(app: &App, endpoint: &WebhookEndpoint) -> String {
    let opened = app.config.vault.open(&endpoint.secret, &endpoint.id.to_string());
    opened.map(|secret| hint(&secret)).unwrap_or_default()
}

/// The object of the API. Who may only read sees how the secret begins: with all of it they could sign.
pub fn object(app: &App, access: &Access, endpoint: &WebhookEndpoint) -> Result<Value> {
    let opened = app.config.vault.open(&endpoint.secret, &endpoint.id.to_string());
    // One that cannot be read keeps nobody from the others, nor from giving it another.
    let secret = opened.unwrap_or_else(|error| {
        tracing::error!(endpoint = %endpoint.id, %error, "the secret of a webhook endpoint cannot be read; rotate it");
        String::new()
    });
    Ok(endpoint.json(&if access.writes().is_ok() { secret } else { format!("{}…", hint(&secret)) }))
}

/// Whether the stored secrets can be opened, as far as one of them tells.
///
/// # Errors
///
/// A sentence for whoever starts the server.
pub async fn check_vault(app: &App) -> Result<()> {
    let Some(endpoint) = stored::any_sealed(&mut app.db.read().await?).await? else { return Ok(()) };
    let opened = app.config.vault.open(&endpoint.secret, &endpoint.id.to_string());
    opened
        .map(drop)
        .map_err(|error| Error::internal(format!("the secret of webhook endpoint {}: {error}", endpoint.id)))
}

/// What of the feed an endpoint gets.
fn selection(endpoint: &WebhookEndpoint) -> Selection {
    let names = endpoint.events.iter().filter_map(|name| known(name)).collect();
    Selection { reach: reach(endpoint.organization), names, from: None, until: None }
}

fn reach(organization: Option<OrganizationId>) -> Reach {
    organization.map_or(Reach::Environment, Reach::Organization)
}

fn lane(organization: Option<OrganizationId>) -> Lane {
    organization.map_or(Lane::Environment, Lane::Organization)
}

fn fresh_secret(app: &App, id: WebhookEndpointId) -> String {
    app.config.vault.seal(Secret::mint("whsec_").reveal(), &id.to_string())
}

/// The normal form of a URL that was accepted before, under whatever rules.
fn url_key(url: &str) -> String {
    target(url, true).map_or_else(|_| url.to_owned(), |url| url.to_string())
}

async fn find(tx: &mut Tx, only: Option<OrganizationId>, id: WebhookEndpointId) -> Result<WebhookEndpoint> {
    stored::find(tx, only, id).await?.ok_or_else(|| Error::not_found("webhook endpoint", id))
}

/// Changes an endpoint in one transaction; `work` says whether whoever serves it must begin anew.
async fn change<F>(app: &App, access: &Access, id: WebhookEndpointId, work: F) -> Result<WebhookEndpoint>
where
    F: Fn(&mut WebhookEndpoint, DateTime<Utc>) -> Result<bool> + Clone + Send + Sync + 'static,
{
    let (only, now) = (access.only(), app.clock.now());
    let organization = get(app, access, id).await?.organization;
    audit::about(organization);
    // In the lane of deliveries, so that neither waits for the other with a row in hand.
    let changed = app.db.write(Lane::Environment, move |tx| {
        let work = work.clone();
        Box::pin(async move {
            stored::lock(tx, id, organization).await?;
            let mut endpoint = find(tx, only, id).await?;
            let breaks = work(&mut endpoint, now)?;
            stored::update(tx, &endpoint, &url_key(&endpoint.url), breaks).await.map_err(duplicate)?;
            Ok(endpoint)
        })
    });
    let changed = changed.await?;
    app.deliver.notify_one();
    Ok(changed)
}
