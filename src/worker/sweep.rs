//! Lets go of what is no longer needed, in memory and in the database.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::service::retention;

/// How often the database is gone through, in minutes; for the first time at the start.
const PRUNE_EVERY: u32 = 60;

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_mins(1));
    let mut minutes = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => app.forget_quiet_callers(),
            () = stop.cancelled() => return,
        }
        if minutes % PRUNE_EVERY == 0 {
            // A batch that has begun is finished all the same.
            tokio::select! {
                () = prune(&app) => {},
                () = stop.cancelled() => return,
            }
        }
        minutes += 1;
    }
}

async fn prune(app: &App) {
    match retention::prune(app).await {
        Ok(gone) if gone == retention::Pruned::default() => {}
        Ok(gone) => {
            let retention::Pruned { requests, losses, plans, deliveries, keys } = gone;
            tracing::info!(requests, losses, plans, deliveries, keys, "pruned");
        }
        Err(error) => {
            tracing::warn!(error = %error, "old entries could not be removed; they are tried again in an hour");
        }
    }
}
