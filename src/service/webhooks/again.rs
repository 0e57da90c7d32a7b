//! What somebody asks for again: one event, or everything from one on.

use chrono::{DateTime, Utc};

use super::super::audit;
use super::super::events::cursor;
use super::{change, find, get, selection, try_at_once};
use crate::app::App;
use crate::domain::event_names::emitted;
use crate::domain::id::{EventId, WebhookEndpointId};
use crate::domain::webhook::{Delivery, DeliveryState, WebhookEndpoint};
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::store::events::feed::{self, Part, Place, Selection};
use crate::store::webhooks::{self as stored, deliveries};
use crate::store::{Lane, Order, Tx};

/// Where a replay begins.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// With what follows this event.
    After(EventId),
    /// With this event.
    From(EventId),
}

/// Has one event sent again, once, beside those that follow in order. One that is being retried is tried at once.
///
/// # Errors
///
/// [`Error::NotFound`] for an endpoint out of reach, or an event that is not in its feed; [`Error::Conflict`] with
/// `delivery_pending` for one whose turn has not come.
pub async fn redeliver(app: &App, access: &Access, id: WebhookEndpointId, event: EventId) -> Result<Delivery> {
    let (only, now) = (access.only(), app.clock.now());
    let organization = get(app, access, id).await?.organization;
    audit::about(organization);
    let queued = app.db.write(Lane::Environment, move |tx| {
        Box::pin(async move {
            stored::lock(tx, id, organization).await?;
            let endpoint = find(tx, only, id).await?;
            let reach = selection(&endpoint).reach;
            let told = feed::find(tx, reach, event).await?.ok_or_else(|| Error::not_found("event", event))?;
            let known = deliveries::find(tx, &endpoint, event).await?;
            // An event that the endpoint does not get any more is not being tried, nor has a turn to come.
            let gets = endpoint.events.contains(&told.name);
            if let Some(known) = known.clone().filter(|known| gets && known.state == DeliveryState::Retrying) {
                stored::try_now(tx, &endpoint).await?;
                return Ok(Delivery { next_attempt_at: None, ..known });
            }
            if known.is_none() && gets && is_ahead(tx, &endpoint, event).await? {
                let message = "this event has not had its turn yet; it will be sent in order";
                return Err(Error::conflict("delivery_pending", message));
            }
            let delivery = known.unwrap_or_else(|| asked(told.id, told.name.clone(), now));
            let delivery =
                Delivery { state: DeliveryState::Queued, next_attempt_at: None, updated_at: now, ..delivery };
            deliveries::queue(tx, &endpoint, &delivery).await?;
            stored::want(tx, &endpoint).await?;
            Ok(delivery)
        })
    });
    let queued = queued.await?;
    app.deliver.notify_one();
    Ok(queued)
}

fn asked(event: EventId, name: String, now: DateTime<Utc>) -> Delivery {
    Delivery {
        event,
        name,
        state: DeliveryState::Queued,
        attempts: 0,
        status: None,
        error: None,
        response: None,
        duration: None,
        next_attempt_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// Sends everything again from an event on, in order: the cursor goes back.
///
/// # Errors
///
/// [`Error::Invalid`] with `bad_request` for an event that is not in the endpoint's feed, or that has not had its
/// turn; [`Error::NotFound`] for an endpoint out of reach.
pub async fn replay(app: &App, access: &Access, id: WebhookEndpointId, start: Start) -> Result<WebhookEndpoint> {
    let endpoint = get(app, access, id).await?;
    let mut tx = app.db.read().await?;
    let (field, event) = match start {
        Start::After(event) => ("after", event),
        Start::From(event) => ("from", event),
    };
    let place = cursor(&mut tx, selection(&endpoint).reach, field, Some(event)).await?;
    if is_ahead(&mut tx, &endpoint, event).await? {
        let message = format!("{field}: this event has not had its turn yet; it will be sent in order");
        return Err(Error::invalid(field, "bad_request", message));
    }
    let last_event = match start {
        Start::After(event) => Some(event),
        Start::From(_) => before(&mut tx, &endpoint, place).await?,
    };
    drop(tx);
    change(app, access, id, move |endpoint, now| {
        endpoint.last_event = last_event;
        try_at_once(endpoint);
        endpoint.updated_at = now;
        Ok(true)
    })
    .await
}

/// The event of the endpoint's feed that comes right before a place.
async fn before(tx: &mut Tx, endpoint: &WebhookEndpoint, place: Option<Place>) -> Result<Option<EventId>> {
    let part = Part { after: None, before: place, limit: 1, order: Order::Ascending };
    // Of any name: the endpoint may get others before it is there again.
    let all = Selection { names: emitted().collect(), ..selection(endpoint) };
    let page = feed::page(tx, &all, &part).await?;
    Ok(page.rows.first().map(|event| event.id))
}

/// Whether an event comes after everything that the endpoint has got.
async fn is_ahead(tx: &mut Tx, endpoint: &WebhookEndpoint, event: EventId) -> Result<bool> {
    let reach = selection(endpoint).reach;
    let here = match endpoint.last_event {
        Some(last) => feed::place(tx, reach, last).await?,
        None => None,
    };
    Ok(feed::place(tx, reach, event).await? > here)
}
