//! Webhook endpoints: their settings, how far each is in its feed, and who serves it.
//!
//! An endpoint of the environment has the nil id for an organization. Progress is written beside the lanes of
//! organizations: it is no part of native state and must not wait for requests, nor they for it.

pub mod deliveries;

use chrono::{DateTime, Utc};

use super::statement::{Param, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::id::{EventId, OrganizationId, WebhookEndpointId};
use crate::domain::run::ClaimId;
use crate::domain::webhook::WebhookEndpoint;
use crate::domain::{Error, Result};

#[derive(sqlx::FromRow)]
struct EndpointRow {
    organization_id: OrganizationId,
    id: WebhookEndpointId,
    endpoint_url: String,
    events: String,
    enabled: bool,
    disabled_reason: Option<String>,
    secret: String,
    previous_secret: Option<String>,
    previous_until: Option<DateTime<Utc>>,
    last_event_id: Option<EventId>,
    attempts: i64,
    next_attempt_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<EndpointRow> for WebhookEndpoint {
    type Error = Error;

    fn try_from(row: EndpointRow) -> Result<Self> {
        let events = serde_json::from_str(&row.events)
            .map_err(|_| Error::internal(format!("the webhook endpoint {} has corrupt events", row.id)))?;
        Ok(WebhookEndpoint {
            id: row.id,
            organization: row.organization_id.non_nil(),
            url: row.endpoint_url,
            events,
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            secret: row.secret,
            previous: row.previous_secret.zip(row.previous_until),
            last_event: row.last_event_id,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const ENDPOINT: &str = "w.organization_id, w.id, w.endpoint_url, w.events, w.enabled, w.disabled_reason, w.secret,
    w.previous_secret, w.previous_until, w.last_event_id, w.attempts, w.next_attempt_at, w.created_at, w.updated_at";

/// The id that stands for the owner of an endpoint in keys.
pub fn owner(organization: Option<OrganizationId>) -> OrganizationId {
    organization.unwrap_or_else(OrganizationId::nil)
}

/// Stores a new endpoint. Fails with a unique violation if its owner has one of this URL.
pub async fn insert(tx: &mut Tx, endpoint: &WebhookEndpoint, url_key: &str) -> Result<()> {
    let stmt =
        sql("INSERT INTO webhook_endpoints (organization_id, id, endpoint_url, url_key, events, enabled, secret,
            last_event_id, looked_to, attempts, wanted, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9, $9)")
        .bind(owner(endpoint.organization))
        .bind(endpoint.id)
        .bind(&endpoint.url)
        .bind(url_key)
        .bind(events_text(endpoint)?)
        .bind(endpoint.enabled)
        .bind(&endpoint.secret)
        .bind(endpoint.last_event)
        .bind(endpoint.created_at);
    tx.execute(stmt).await.map(drop)
}

fn events_text(endpoint: &WebhookEndpoint) -> Result<String> {
    serde_json::to_string(&endpoint.events).map_err(|error| Error::Internal(Box::new(error)))
}

/// How many endpoints an owner has.
pub async fn count(tx: &mut Tx, organization: Option<OrganizationId>) -> Result<i64> {
    let stmt = sql("SELECT COUNT(*) FROM webhook_endpoints WHERE organization_id = $1").bind(owner(organization));
    let (count,): (i64,) = tx.fetch_one(stmt).await?;
    Ok(count)
}

/// The endpoint with this id; of the organization, if one is given.
pub async fn find(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    id: WebhookEndpointId,
) -> Result<Option<WebhookEndpoint>> {
    let text = format!("SELECT {ENDPOINT} FROM webhook_endpoints w WHERE w.id = $1");
    let stmt = match organization {
        Some(organization) => sql(text + " AND w.organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<EndpointRow> = tx.fetch_optional(stmt).await?;
    row.map(WebhookEndpoint::try_from).transpose()
}

/// A page of endpoints; of the organization, if one is given.
pub async fn list(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    page: &PageRequest,
) -> Result<Page<WebhookEndpoint>> {
    let mut text = format!("SELECT {ENDPOINT} FROM webhook_endpoints w WHERE 1 = 1");
    let mut params: Vec<Param> = Vec::new();
    if let Some(organization) = organization {
        params.push(organization.into());
        text.push_str(" AND w.organization_id = $1");
    }
    let rows: Vec<EndpointRow> = tx.fetch_all(page.complete(&text, params, "w.id")).await?;
    page.page(rows).try_map(WebhookEndpoint::try_from)
}

/// Stores an endpoint that somebody changed: settings, secrets, and where it goes on. Whoever serves it just now
/// loses the claim if `breaks`, so that what was sent to the old target or place counts no more.
///
/// Fails with a unique violation if its owner has another one of this URL.
pub async fn update(tx: &mut Tx, endpoint: &WebhookEndpoint, url_key: &str, breaks: bool) -> Result<()> {
    let (previous, until) = endpoint.previous.clone().unzip();
    let stmt = sql("UPDATE webhook_endpoints SET endpoint_url = $3, url_key = $4, events = $5, enabled = $6,
            disabled_reason = $7, secret = $8, previous_secret = $9, previous_until = $10,
            last_event_id = $11, attempts = $12, next_attempt_at = $13, updated_at = $14, looked_to = 0,
            claimed_by = CASE WHEN $15 THEN NULL ELSE claimed_by END,
            claimed_until = CASE WHEN $15 THEN NULL ELSE claimed_until END
         WHERE organization_id = $1 AND id = $2")
    .bind(owner(endpoint.organization))
    .bind(endpoint.id)
    .bind(&endpoint.url)
    .bind(url_key)
    .bind(events_text(endpoint)?)
    .bind(endpoint.enabled)
    .bind(endpoint.disabled_reason.clone())
    .bind(&endpoint.secret)
    .bind(previous)
    .bind(until)
    .bind(endpoint.last_event)
    .bind(endpoint.attempts)
    .bind(endpoint.next_attempt_at)
    .bind(endpoint.updated_at)
    .bind(breaks);
    tx.execute(stmt).await.map(drop)
}

/// Notes that something was asked for again.
pub async fn want(tx: &mut Tx, endpoint: &WebhookEndpoint) -> Result<()> {
    let stmt = sql("UPDATE webhook_endpoints SET wanted = wanted + 1 WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(owner(endpoint.organization)).bind(endpoint.id)).await.map(drop)
}

/// Locks an endpoint, so that what is read of it stays true until the commit.
pub async fn lock(tx: &mut Tx, id: WebhookEndpointId, organization: Option<OrganizationId>) -> Result<()> {
    let stmt = sql("UPDATE webhook_endpoints SET wanted = wanted WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(owner(organization)).bind(id)).await.map(drop)
}

/// Has the event that failed tried at once.
pub async fn try_now(tx: &mut Tx, endpoint: &WebhookEndpoint) -> Result<()> {
    let stmt = sql("UPDATE webhook_endpoints SET next_attempt_at = NULL WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(owner(endpoint.organization)).bind(endpoint.id)).await.map(drop)
}

/// Notes that an endpoint that nobody has changed or served since it was read has nothing to get up to a position.
pub async fn nothing_up_to(tx: &mut Tx, endpoint: &WebhookEndpoint, position: i64) -> Result<()> {
    let stmt = sql("UPDATE webhook_endpoints SET looked_to = $3
         WHERE organization_id = $1 AND id = $2 AND updated_at = $4 AND looked_to < $3");
    let stmt = stmt.bind(owner(endpoint.organization)).bind(endpoint.id).bind(position).bind(endpoint.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Removes an endpoint; its deliveries are gone already, or go with it.
pub async fn delete(tx: &mut Tx, endpoint: &WebhookEndpoint) -> Result<()> {
    let stmt = sql("DELETE FROM webhook_endpoints WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(owner(endpoint.organization)).bind(endpoint.id)).await.map(drop)
}

/// Endpoints of organizations that were deleted. Nothing is sent to them any more.
pub async fn orphaned(tx: &mut Tx, limit: i64) -> Result<Vec<WebhookEndpoint>> {
    let text = format!(
        "SELECT {ENDPOINT} FROM webhook_endpoints w JOIN organizations o ON o.id = w.organization_id
         WHERE o.deleted_at IS NOT NULL ORDER BY w.organization_id, w.id LIMIT $1"
    );
    let rows: Vec<EndpointRow> = tx.fetch_all(sql(text).bind(limit)).await?;
    rows.into_iter().map(WebhookEndpoint::try_from).collect()
}

/// Any endpoint, to see whether its secret can be opened.
pub async fn any_sealed(tx: &mut Tx) -> Result<Option<WebhookEndpoint>> {
    let text =
        format!("SELECT {ENDPOINT} FROM webhook_endpoints w WHERE w.secret LIKE 'sealed:%' ORDER BY w.id LIMIT 1");
    let row: Option<EndpointRow> = tx.fetch_optional(sql(text)).await?;
    row.map(WebhookEndpoint::try_from).transpose()
}

/// An endpoint that may have something to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Candidate {
    /// Its owner: an organization, or the nil id.
    pub organization_id: OrganizationId,
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whether that is certain; otherwise its feed must be looked at first.
    pub certain: bool,
}

/// Endpoints that nobody serves and that may have something to send, those that wait longest first.
pub async fn candidates(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<Candidate>> {
    let stmt = sql("SELECT w.organization_id, w.id, (w.wanted > 0 OR w.attempts > 0) AS certain
         FROM webhook_endpoints w LEFT JOIN organizations o ON o.id = w.organization_id
         WHERE w.enabled AND (w.organization_id = $2 OR o.deleted_at IS NULL)
            AND (w.claimed_until IS NULL OR w.claimed_until <= $1)
            AND (w.wanted > 0 OR ((w.next_attempt_at IS NULL OR w.next_attempt_at <= $1)
                AND (w.attempts > 0 OR w.organization_id = $2 OR o.event_position > w.looked_to)))
         ORDER BY COALESCE(w.next_attempt_at, w.updated_at) LIMIT $3");
    tx.fetch_all(stmt.bind(now).bind(OrganizationId::nil()).bind(limit)).await
}

/// Claims an endpoint that nobody serves; `None` if somebody was faster, or it is not to be served any more.
pub async fn claim(
    tx: &mut Tx,
    candidate: Candidate,
    claim: ClaimId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<WebhookEndpoint>> {
    let stmt = sql("UPDATE webhook_endpoints SET claimed_by = $3, claimed_until = $5
         WHERE organization_id = $1 AND id = $2 AND enabled AND (claimed_until IS NULL OR claimed_until <= $4)");
    let stmt = stmt.bind(candidate.organization_id).bind(candidate.id).bind(claim).bind(now).bind(until);
    if tx.execute(stmt).await? == 0 { Ok(None) } else { find(tx, None, candidate.id).await }
}

/// The endpoint as it is now, if the claim still holds, and how often something was asked for again. Locks it.
pub async fn held(
    tx: &mut Tx,
    endpoint: &WebhookEndpoint,
    claim: ClaimId,
    until: DateTime<Utc>,
) -> Result<Option<(WebhookEndpoint, i64)>> {
    let stmt = sql("UPDATE webhook_endpoints SET claimed_until = $4
         WHERE organization_id = $1 AND id = $2 AND claimed_by = $3 AND enabled");
    let stmt = stmt.bind(owner(endpoint.organization)).bind(endpoint.id).bind(claim).bind(until);
    if tx.execute(stmt).await? == 0 {
        return Ok(None);
    }
    let wanted = sql("SELECT wanted FROM webhook_endpoints WHERE organization_id = $1 AND id = $2");
    let wanted: Option<(i64,)> = tx.fetch_optional(wanted.bind(owner(endpoint.organization)).bind(endpoint.id)).await?;
    Ok(find(tx, None, endpoint.id).await?.zip(wanted.map(|(wanted,)| wanted)))
}

/// How far an endpoint is, as a worker stores it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Nothing up to this position of the organization is left to send, if that is known.
    pub looked_to: Option<i64>,
    /// What was asked for again up to this count is done.
    pub done_wanted: Option<i64>,
    /// Whether the claim is given back.
    pub releases: bool,
}

/// Stores how far an endpoint is whose claim holds: its place, its attempts, and whether it is still enabled.
pub async fn save(tx: &mut Tx, endpoint: &WebhookEndpoint, progress: &Progress) -> Result<()> {
    let stmt = sql("UPDATE webhook_endpoints SET last_event_id = $3, attempts = $4, next_attempt_at = $5,
            enabled = $6, disabled_reason = $7,
            looked_to = COALESCE($8, looked_to),
            wanted = CASE WHEN wanted = $9 THEN 0 ELSE wanted END,
            claimed_by = CASE WHEN $10 THEN NULL ELSE claimed_by END,
            claimed_until = CASE WHEN $10 THEN NULL ELSE claimed_until END
         WHERE organization_id = $1 AND id = $2")
    .bind(owner(endpoint.organization))
    .bind(endpoint.id)
    .bind(endpoint.last_event)
    .bind(endpoint.attempts)
    .bind(endpoint.next_attempt_at)
    .bind(endpoint.enabled)
    .bind(endpoint.disabled_reason.clone())
    .bind(progress.looked_to)
    .bind(progress.done_wanted)
    .bind(progress.releases);
    tx.execute(stmt).await.map(drop)
}
