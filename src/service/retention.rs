//! Lets go of what is kept for a while only: the request log by each directory's `log_days`, plans that expired, and
//! losses that the guard counts no more, deliveries of webhooks, idempotency keys, and sessions. In batches, so that nobody waits
//! long.

use chrono::Duration;

use crate::app::App;
use crate::domain::Result;
use crate::domain::id::{DirectoryId, RequestId};
use crate::domain::webhook::DeliveryState;
use crate::store::retention::{self, Kept};
use crate::store::{Lane, idempotency, plans, webhooks};

/// For how many hours a request can be repeated under its key.
const KEY_HOURS: i64 = 24;
/// How many rows go in one transaction.
const BATCH: i64 = 500;
/// How many directories or plans are looked at together.
const LOOK: i64 = 500;

/// How long it is known what became of an event at a webhook endpoint, in days.
const KEPT_DELIVERIES: [(DeliveryState, i64); 4] = [
    (DeliveryState::Delivered, 30),
    (DeliveryState::Dead, 90),
    (DeliveryState::Retrying, 90),
    (DeliveryState::Queued, 90),
];

/// How much went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries of the request log.
    pub requests: u64,
    /// Losses of the guard's window.
    pub losses: u64,
    /// Plans.
    pub plans: u64,
    /// What became of events at webhook endpoints.
    pub deliveries: u64,
    /// Idempotency keys with their answers.
    pub keys: u64,
}

/// Goes through everything once. Replicas may do so at the same time.
pub async fn prune(app: &App) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    let mut last = DirectoryId::nil();
    loop {
        let directories = retention::directories(&mut app.db.read().await?, last, LOOK).await?;
        let Some(next) = directories.last() else { break };
        last = next.directory;
        for kept in &directories {
            pruned.requests += requests(app, kept).await?;
            pruned.losses += losses(app, kept).await?;
        }
    }
    pruned.plans = plans(app).await?;
    pruned.deliveries = deliveries(app).await?;
    super::webhooks::remove_orphaned(app).await?;
    pruned.keys = keys(app).await?;
    super::sessions::forget(app).await?;
    Ok(pruned)
}

async fn deliveries(app: &App) -> Result<u64> {
    let mut gone = 0;
    for (state, days) in KEPT_DELIVERIES {
        let bound = app.clock.now() - Duration::days(days);
        loop {
            let deleted = app.db.write(Lane::Environment, move |tx| {
                Box::pin(webhooks::deliveries::delete_old(tx, state, bound, BATCH))
            });
            let deleted = deleted.await?;
            gone += deleted;
            if deleted < BATCH.unsigned_abs() {
                break;
            }
        }
    }
    Ok(gone)
}

async fn requests(app: &App, kept: &Kept) -> Result<u64> {
    let bound = RequestId::first_at(app.clock.now() - Duration::days(kept.days.get()));
    let mut gone = 0;
    loop {
        let mut tx = app.db.read().await?;
        let spared = retention::last_write(&mut tx, kept.organization, kept.directory).await?;
        let spared = spared.unwrap_or_else(RequestId::nil);
        let old = retention::old_requests(&mut tx, kept, bound, spared, BATCH).await?;
        drop(tx);
        let Some(last) = old.last().copied() else { return Ok(gone) };
        let kept = kept.clone();
        gone += app
            .db
            .write(Lane::Organization(kept.organization), move |tx| {
                let kept = kept.clone();
                Box::pin(async move { retention::delete_requests(tx, &kept, last, spared).await })
            })
            .await?;
    }
}

async fn losses(app: &App, kept: &Kept) -> Result<u64> {
    let bound = app.clock.now() - Duration::days(1);
    let mut gone = 0;
    while retention::has_losses(&mut app.db.read().await?, kept, bound).await? {
        let kept = kept.clone();
        gone += app
            .db
            .write(Lane::Organization(kept.organization), move |tx| {
                let kept = kept.clone();
                Box::pin(async move { retention::delete_losses(tx, &kept, bound, BATCH).await })
            })
            .await?;
    }
    Ok(gone)
}

async fn keys(app: &App) -> Result<u64> {
    let bound = app.clock.now() - Duration::hours(KEY_HOURS);
    let mut gone = 0;
    loop {
        let forget = app.db.write(Lane::Environment, move |tx| Box::pin(idempotency::forget(tx, bound, BATCH)));
        let forgotten = forget.await?;
        gone += forgotten;
        if forgotten == 0 {
            return Ok(gone);
        }
    }
}

async fn plans(app: &App) -> Result<u64> {
    let mut gone = 0;
    loop {
        let expired = retention::expired_plans(&mut app.db.read().await?, app.clock.now(), LOOK).await?;
        if expired.is_empty() {
            return Ok(gone);
        }
        for (organization, plan) in expired {
            let delete = || {
                app.db.write(Lane::Organization(organization), move |tx| {
                    Box::pin(async move {
                        let gone = plans::remove_effects(tx, organization, plans::of_plan(plan), BATCH).await?;
                        if gone == 0 {
                            retention::delete_plan(tx, organization, plan).await?;
                        }
                        Ok(gone)
                    })
                })
            };
            while delete().await? > 0 {}
            gone += 1;
        }
    }
}
