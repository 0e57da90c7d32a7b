//! Goes on with deleting organizations that are large, or that another process left behind.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::service::organizations::removal;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(5);

/// Runs until `stop`. A stretch that has begun is finished all the same.
pub async fn run(app: App, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let gone_on = tokio::select! {
            gone_on = removal::go_on(&app) => gone_on,
            () = stop.cancelled() => return,
        };
        if let Err(error) = gone_on {
            tracing::warn!(%error, "a deleted organization could not be emptied; it is tried again");
        }
    }
}
