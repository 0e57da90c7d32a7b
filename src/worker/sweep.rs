//! Lets go of what is no longer needed in memory.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_mins(1));
    loop {
        tokio::select! {
            _ = ticks.tick() => app.forget_quiet_callers(),
            () = stop.cancelled() => return,
        }
    }
}
