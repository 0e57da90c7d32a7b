//! A worker's turn at an endpoint: claimed, its events sent one by one in order, given back.
//!
//! At least once: an event whose answer was lost, or whose sender died, is sent again. One request at a time: the
//! next event waits until the one before was taken or given up.

use std::collections::VecDeque;
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};

use super::selection;
use crate::app::App;
use crate::domain::Result;
use crate::domain::event::FeedEvent;
use crate::domain::id::EventId;
use crate::domain::run::ClaimId;
use crate::domain::webhook::{ATTEMPTS, Delivery, DeliveryState, WebhookEndpoint, signature, wait};
use crate::outbound::webhook::{Message, Reply, Sent};
use crate::service::events;
use crate::store::events::feed;
use crate::store::webhooks::{self as stored, Progress, deliveries};
use crate::store::{Lane, Order, PageRequest, Tx, organizations};

pub use crate::store::webhooks::Candidate;

/// How long a claim holds without an attempt that renews it; then others may take the endpoint over. Longer than an
/// attempt can take.
const LEASE: Duration = Duration::seconds(30);
/// How many events are read at a time.
const CHUNK: i64 = 20;

/// Endpoints that may have something to send and that nobody serves.
pub async fn candidates(app: &App, limit: i64) -> Result<Vec<Candidate>> {
    stored::candidates(&mut app.db.read().await?, app.clock.now(), limit).await
}

/// Serves an endpoint until nothing is left, an event has failed, or the server stops. Answers whether there was
/// anything to do; if there was not, and it `notes` so, the endpoint is not looked at again until there are new events.
pub async fn serve(app: &App, candidate: Candidate, notes: bool) -> Result<bool> {
    if !candidate.certain && !has_news(app, candidate, notes).await? {
        return Ok(false);
    }
    let now = app.clock.now();
    let claim = ClaimId::mint(now);
    let claimed = app.db.write(Lane::Environment, move |tx| {
        Box::pin(async move { stored::claim(tx, candidate, claim, now, now + LEASE).await })
    });
    let Some(endpoint) = claimed.await? else { return Ok(false) };
    let mut turn = Turn { app: app.clone(), endpoint, claim, ready: VecDeque::new(), asked: true };
    if let Err(error) = turn.go().await {
        // Others need not wait until the claim runs out. If that fails too, they do.
        let _ = turn.release(None).await;
        return Err(error);
    }
    Ok(true)
}

/// Whether the feed has something for the endpoint. If not, that is stored where it `notes` so: each time would cost
/// a write for every event of the organization that is not for the endpoint.
async fn has_news(app: &App, candidate: Candidate, notes: bool) -> Result<bool> {
    let mut tx = app.db.read().await?;
    let Some(endpoint) = stored::find(&mut tx, None, candidate.id).await? else { return Ok(false) };
    let position = position(&mut tx, &endpoint).await?;
    drop(tx);
    if !unsent(app, &endpoint, 1).await?.is_empty() {
        return Ok(true);
    }
    if let Some(position) = position.filter(|_| notes) {
        let nothing = app.db.write(Lane::Environment, move |tx| {
            let endpoint = endpoint.clone();
            Box::pin(async move { stored::nothing_up_to(tx, &endpoint, position).await })
        });
        nothing.await?;
    }
    Ok(false)
}

/// How far the events of the endpoint's organization have come; `None` for the environment.
async fn position(tx: &mut Tx, endpoint: &WebhookEndpoint) -> Result<Option<i64>> {
    match endpoint.organization {
        Some(organization) => {
            Ok(organizations::event_head(tx, organization, false).await?.map(|(position, _)| position))
        }
        None => Ok(None),
    }
}

/// What follows the endpoint's cursor.
pub(super) async fn unsent(app: &App, endpoint: &WebhookEndpoint, limit: i64) -> Result<Vec<FeedEvent>> {
    let after = endpoint.last_event.map(EventId::uuid);
    let request = PageRequest { after, before: None, limit, order: Order::Ascending };
    Ok(events::page(app, &selection(endpoint), &request).await?.rows)
}

/// Why an event is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// It is the next one.
    Next,
    /// Somebody asked for it again.
    Asked,
}

/// How long a turn lasts at the most, but for the events that were read: a receiver that is slow and has much to get gives
/// its place to others.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30);

struct Turn {
    app: App,
    endpoint: WebhookEndpoint,
    claim: ClaimId,
    ready: VecDeque<(Reason, FeedEvent)>,
    /// Whether somebody may have asked for something again.
    asked: bool,
}

impl Turn {
    async fn go(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            if self.ready.is_empty() && began.elapsed() > LONGEST {
                // Others wait for the place.
                return self.release(None).await;
            }
            if self.ready.is_empty() && !self.refill().await? {
                return Ok(());
            }
            let Some((reason, event)) = self.ready.pop_front() else { continue };
            if self.app.stopping.is_cancelled() {
                return self.release(None).await;
            }
            let sent = self.send(&event).await;
            if !self.record(reason, event, sent).await? {
                return Ok(());
            }
        }
    }

    /// Reads what is to be sent. With nothing, the endpoint is given back: `false`.
    async fn refill(&mut self) -> Result<bool> {
        if std::mem::take(&mut self.asked) && !self.refill_asked().await? {
            return Ok(false);
        }
        if !self.ready.is_empty() {
            return Ok(true);
        }
        let now = self.app.clock.now();
        if self.endpoint.next_attempt_at.is_some_and(|at| at > now) {
            self.release(None).await?;
            return Ok(false);
        }
        let position = position(&mut self.app.db.read().await?, &self.endpoint).await?;
        let events = unsent(&self.app, &self.endpoint, CHUNK).await?;
        if events.is_empty() {
            self.release(position).await?;
            return Ok(false);
        }
        self.ready = events.into_iter().map(|event| (Reason::Next, event)).collect();
        Ok(true)
    }

    /// Reads what somebody asked for again; if that is nothing, notes so. `false` if the claim was lost.
    async fn refill_asked(&mut self) -> Result<bool> {
        let (endpoint, claim, until) = (self.endpoint.clone(), self.claim, self.app.clock.now() + LEASE);
        let found = self.app.db.write(Lane::Environment, move |tx| {
            let endpoint = endpoint.clone();
            Box::pin(async move {
                let Some((endpoint, wanted)) = stored::held(tx, &endpoint, claim, until).await? else {
                    return Ok(None);
                };
                let ids = if wanted > 0 { deliveries::queued(tx, &endpoint, CHUNK).await? } else { Vec::new() };
                let reach = selection(&endpoint).reach;
                let mut events = Vec::with_capacity(ids.len());
                for id in &ids {
                    match feed::find(tx, reach, *id).await? {
                        Some(event) => events.push(event),
                        None => deliveries::remove(tx, &endpoint, *id).await?,
                    }
                }
                if ids.is_empty() && wanted > 0 {
                    let progress = Progress { done_wanted: Some(wanted), ..Progress::default() };
                    stored::save(tx, &endpoint, &progress).await?;
                }
                Ok(Some((endpoint, events, !ids.is_empty())))
            })
        });
        let Some((endpoint, events, again)) = found.await? else { return Ok(false) };
        self.endpoint = endpoint;
        self.asked = again;
        self.ready.extend(events.into_iter().map(|event| (Reason::Asked, event)));
        Ok(true)
    }

    async fn send(&self, event: &FeedEvent) -> Sent {
        match self.message(event) {
            Ok(message) => self.app.sender.send(message).await,
            Err(problem) => Sent { reply: Err(problem), took: std::time::Duration::ZERO },
        }
    }

    fn message(&self, event: &FeedEvent) -> std::result::Result<Message, String> {
        let (endpoint, now) = (&self.endpoint, self.app.clock.now());
        let open = |stored: &str| {
            let opened = self.app.config.vault.open(stored, &endpoint.id.to_string());
            opened.map_err(|error| format!("the secret that signs cannot be read: {error}"))
        };
        let body = event.json().to_string().into_bytes();
        let previous = endpoint.previous.as_ref().filter(|(_, until)| *until > now);
        let previous = previous.map(|(stored, _)| open(stored)).transpose()?;
        Ok(Message {
            url: endpoint.url.clone(),
            signature: signature(&open(&endpoint.secret)?, now, &body),
            previous_signature: previous.map(|secret| signature(&secret, now, &body)),
            body,
        })
    }

    /// Notes what came of an attempt: the delivery, and how far the endpoint is. `false` if the turn is over.
    async fn record(&mut self, reason: Reason, event: FeedEvent, sent: Sent) -> Result<bool> {
        let (claim, now) = (self.claim, self.app.clock.now());
        self.app.metrics.delivered(sent.reply.as_ref().is_ok_and(taken), sent.took);
        let outcome = Outcome {
            reason,
            event: event.id,
            name: event.name,
            position: event.position,
            sent,
            now,
            base: self.app.config.webhook_retry,
            dice: claim.uuid().as_bytes().last().copied().unwrap_or_default(),
        };
        let before = self.endpoint.clone();
        let updated_at = before.updated_at;
        let recorded = self.app.db.write(Lane::Environment, move |tx| {
            let (before, outcome) = (before.clone(), outcome.clone());
            Box::pin(async move {
                let Some((mut endpoint, wanted)) = stored::held(tx, &before, claim, now + LEASE).await? else {
                    return Ok(None);
                };
                let (delivery, looked_to) = outcome.judge(&mut endpoint);
                let over = !endpoint.enabled || endpoint.next_attempt_at.is_some_and(|at| at > now);
                let progress = Progress { looked_to, done_wanted: None, releases: over };
                stored::save(tx, &endpoint, &progress).await?;
                deliveries::record(tx, &endpoint, &delivery).await?;
                Ok(Some((endpoint, wanted, over)))
            })
        });
        let Some((endpoint, wanted, over)) = recorded.await? else {
            tracing::debug!(endpoint = %self.endpoint.id, "an endpoint was changed, or taken over, during an attempt");
            return Ok(false);
        };
        self.asked |= wanted > 0;
        if endpoint.updated_at != updated_at || endpoint.attempts > 0 || wanted > 0 {
            // Read again: by new names, from the event that failed, or with what was asked for.
            self.ready.clear();
        }
        self.endpoint = endpoint;
        Ok(!over)
    }

    /// Gives the endpoint back. `looked_to`: nothing is left up to this position.
    async fn release(&mut self, looked_to: Option<i64>) -> Result<()> {
        let (before, claim, now) = (self.endpoint.clone(), self.claim, self.app.clock.now());
        let released = self.app.db.write(Lane::Environment, move |tx| {
            let before = before.clone();
            Box::pin(async move {
                let Some((endpoint, _)) = stored::held(tx, &before, claim, now).await? else { return Ok(()) };
                let unchanged = endpoint.updated_at == before.updated_at;
                let looked_to = looked_to.filter(|_| unchanged);
                stored::save(tx, &endpoint, &Progress { looked_to, done_wanted: None, releases: true }).await
            })
        });
        released.await
    }
}

fn taken(reply: &Reply) -> bool {
    (200..300).contains(&reply.status)
}

/// An attempt and what came of it.
#[derive(Debug, Clone)]
struct Outcome {
    reason: Reason,
    event: EventId,
    name: String,
    position: Option<i64>,
    sent: Sent,
    now: DateTime<Utc>,
    base: Duration,
    dice: u8,
}

impl Outcome {
    /// Moves the endpoint on; answers what is noted of the delivery, and up to which position nothing is left.
    fn judge(&self, endpoint: &mut WebhookEndpoint) -> (Delivery, Option<i64>) {
        let reply = self.sent.reply.as_ref();
        let delivered = reply.is_ok_and(taken);
        if reply.is_ok_and(|reply| reply.status == 410) {
            endpoint.enabled = false;
            endpoint.disabled_reason = Some("the receiver answered 410 Gone".to_owned());
        }
        let state = match self.reason {
            _ if delivered => DeliveryState::Delivered,
            // What was asked for again is tried once: it must not hold up what is new.
            Reason::Asked => DeliveryState::Dead,
            Reason::Next if endpoint.attempts + 1 >= ATTEMPTS => DeliveryState::Dead,
            Reason::Next => DeliveryState::Retrying,
        };
        let mut next_attempt_at = None;
        let mut looked_to = None;
        if self.reason == Reason::Next {
            if state == DeliveryState::Retrying {
                endpoint.attempts += 1;
                let asked = reply.ok().filter(|reply| matches!(reply.status, 429 | 503));
                let asked = asked.and_then(|reply| reply.retry_after).and_then(Duration::try_seconds);
                let wait = wait(endpoint.attempts, self.base, self.dice, asked);
                next_attempt_at = endpoint.enabled.then(|| self.now + wait);
            } else {
                endpoint.attempts = 0;
                endpoint.last_event = Some(self.event);
                looked_to = self.position;
            }
            endpoint.next_attempt_at = next_attempt_at;
        }
        let delivery = Delivery {
            event: self.event,
            name: self.name.clone(),
            state,
            attempts: 1,
            status: reply.ok().map(|reply| i64::from(reply.status)),
            error: if delivered { None } else { Some(problem(&self.sent.reply)) },
            response: reply.ok().map(|reply| reply.excerpt.clone()).filter(|text| !text.is_empty()),
            duration: i64::try_from(self.sent.took.as_millis()).ok(),
            next_attempt_at,
            created_at: self.now,
            updated_at: self.now,
        };
        (delivery, looked_to)
    }
}

/// A sentence about an attempt that failed.
fn problem(reply: &std::result::Result<Reply, String>) -> String {
    match reply {
        Err(problem) => problem.clone(),
        Ok(Reply { status: status @ 300..=399, .. }) => {
            format!("the receiver answered {status}; redirects are not followed: set endpoint_url to where it leads")
        }
        Ok(Reply { status, .. }) => format!("the receiver answered {status}"),
    }
}
