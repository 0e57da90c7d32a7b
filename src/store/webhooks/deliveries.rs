//! What became of each event at each endpoint.

use chrono::{DateTime, Utc};

use super::super::statement::{Param, sql};
use super::super::{Page, PageRequest, Tx};
use super::owner;
use crate::domain::id::EventId;
use crate::domain::webhook::{Delivery, DeliveryState, WebhookEndpoint};
use crate::domain::{Error, Result};

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    event_id: EventId,
    event: String,
    state: String,
    attempts: i64,
    last_status: Option<i64>,
    last_error: Option<String>,
    response: Option<String>,
    duration_ms: Option<i64>,
    next_attempt_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Error;

    fn try_from(row: DeliveryRow) -> Result<Self> {
        let corrupt = || Error::internal(format!("the delivery of {} has a corrupt state", row.event_id));
        Ok(Delivery {
            event: row.event_id,
            state: DeliveryState::from_word(&row.state).ok_or_else(corrupt)?,
            name: row.event,
            attempts: row.attempts,
            status: row.last_status,
            error: row.last_error,
            response: row.response,
            duration: row.duration_ms,
            next_attempt_at: row.next_attempt_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const DELIVERY: &str = "d.event_id, d.event, d.state, d.attempts, d.last_status, d.last_error, d.response,
    d.duration_ms, d.next_attempt_at, d.created_at, d.updated_at";

/// Stores what became of an attempt. `delivery.attempts` is added to those before.
pub async fn record(tx: &mut Tx, endpoint: &WebhookEndpoint, delivery: &Delivery) -> Result<()> {
    let stmt = sql("INSERT INTO webhook_deliveries (organization_id, endpoint_id, event_id, event, state, attempts,
            last_status, last_error, response, duration_ms, next_attempt_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (organization_id, endpoint_id, event_id) DO UPDATE SET state = excluded.state,
            attempts = webhook_deliveries.attempts + excluded.attempts, last_status = excluded.last_status,
            last_error = excluded.last_error, response = excluded.response, duration_ms = excluded.duration_ms,
            next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at")
    .bind(owner(endpoint.organization))
    .bind(endpoint.id)
    .bind(delivery.event)
    .bind(&delivery.name)
    .bind(delivery.state.as_str())
    .bind(delivery.attempts)
    .bind(delivery.status)
    .bind(delivery.error.clone())
    .bind(delivery.response.clone())
    .bind(delivery.duration)
    .bind(delivery.next_attempt_at)
    .bind(delivery.created_at)
    .bind(delivery.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Notes that an event is to be sent again, keeping what is known of its last attempt.
pub async fn queue(tx: &mut Tx, endpoint: &WebhookEndpoint, delivery: &Delivery) -> Result<()> {
    let stmt = sql("INSERT INTO webhook_deliveries (organization_id, endpoint_id, event_id, event, state, attempts,
            created_at, updated_at)
         VALUES ($1, $2, $3, $4, 'queued', 0, $5, $5)
         ON CONFLICT (organization_id, endpoint_id, event_id) DO UPDATE SET state = excluded.state,
            next_attempt_at = NULL, updated_at = excluded.updated_at")
    .bind(owner(endpoint.organization))
    .bind(endpoint.id)
    .bind(delivery.event)
    .bind(&delivery.name)
    .bind(delivery.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// The delivery of this event, if there was one.
pub async fn find(tx: &mut Tx, endpoint: &WebhookEndpoint, event: EventId) -> Result<Option<Delivery>> {
    let text = format!(
        "SELECT {DELIVERY} FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.endpoint_id = $2
         AND d.event_id = $3"
    );
    let stmt = sql(text).bind(owner(endpoint.organization)).bind(endpoint.id).bind(event);
    let row: Option<DeliveryRow> = tx.fetch_optional(stmt).await?;
    row.map(Delivery::try_from).transpose()
}

/// A page of an endpoint's deliveries, in the order of their events' ids.
pub async fn list(
    tx: &mut Tx,
    endpoint: &WebhookEndpoint,
    state: Option<DeliveryState>,
    page: &PageRequest,
) -> Result<Page<Delivery>> {
    let mut text =
        format!("SELECT {DELIVERY} FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.endpoint_id = $2");
    let mut params: Vec<Param> = vec![owner(endpoint.organization).into(), endpoint.id.into()];
    if let Some(state) = state {
        params.push(state.as_str().into());
        text.push_str(" AND d.state = $3");
    }
    let rows: Vec<DeliveryRow> = tx.fetch_all(page.complete(&text, params, "d.event_id")).await?;
    page.page(rows).try_map(Delivery::try_from)
}

/// One event at an endpoint, as pictures count it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Attempted {
    /// The event.
    pub event_id: EventId,
    /// How far its delivery is, in a word.
    pub state: String,
    /// When it was tried last, or asked for again.
    pub updated_at: DateTime<Utc>,
}

/// What became of the events from this id on, newest first.
pub async fn since(tx: &mut Tx, endpoint: &WebhookEndpoint, first: EventId, limit: i64) -> Result<Vec<Attempted>> {
    let stmt = sql("SELECT d.event_id, d.state, d.updated_at FROM webhook_deliveries d
         WHERE d.organization_id = $1 AND d.endpoint_id = $2 AND d.event_id >= $3 ORDER BY d.event_id DESC LIMIT $4");
    tx.fetch_all(stmt.bind(owner(endpoint.organization)).bind(endpoint.id).bind(first).bind(limit)).await
}

/// The next events that were asked for again.
pub async fn queued(tx: &mut Tx, endpoint: &WebhookEndpoint, limit: i64) -> Result<Vec<EventId>> {
    let stmt = sql("SELECT d.event_id FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.endpoint_id = $2
         AND d.state = 'queued' ORDER BY d.event_id LIMIT $3");
    let stmt = stmt.bind(owner(endpoint.organization)).bind(endpoint.id).bind(limit);
    let rows: Vec<(EventId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Removes one delivery, whose event is no more.
pub async fn remove(tx: &mut Tx, endpoint: &WebhookEndpoint, event: EventId) -> Result<()> {
    let stmt = sql("DELETE FROM webhook_deliveries WHERE organization_id = $1 AND endpoint_id = $2 AND event_id = $3");
    tx.execute(stmt.bind(owner(endpoint.organization)).bind(endpoint.id).bind(event)).await.map(drop)
}

/// Removes deliveries of an endpoint, up to `limit` of them; answers how many.
pub async fn delete_some(tx: &mut Tx, endpoint: &WebhookEndpoint, limit: i64) -> Result<u64> {
    let stmt = sql("DELETE FROM webhook_deliveries WHERE organization_id = $1 AND endpoint_id = $2 AND event_id IN (
            SELECT d.event_id FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.endpoint_id = $2 LIMIT $3)");
    tx.execute(stmt.bind(owner(endpoint.organization)).bind(endpoint.id).bind(limit)).await
}

/// Removes deliveries of all endpoints that have been in this state since before `bound`, up to `limit` of them.
pub async fn delete_old(tx: &mut Tx, state: DeliveryState, bound: DateTime<Utc>, limit: i64) -> Result<u64> {
    let stmt = sql("DELETE FROM webhook_deliveries WHERE (organization_id, endpoint_id, event_id) IN (
            SELECT d.organization_id, d.endpoint_id, d.event_id FROM webhook_deliveries d
            WHERE d.state = $1 AND d.updated_at < $2 ORDER BY d.updated_at LIMIT $3)");
    tx.execute(stmt.bind(state.as_str()).bind(bound).bind(limit)).await
}
