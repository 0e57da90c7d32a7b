//! Begins the verifications that are due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::service::runs::control;

/// How often it looks whose verification is due.
const LOOK: Duration = Duration::from_mins(10);

/// Runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    if app.config.verify_hours == 0 {
        return;
    }
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        match control::begin_due_verifications(&app).await {
            Ok(0) => {}
            Ok(begun) => tracing::info!(begun, "verifications begin"),
            Err(error) => tracing::warn!(error = %error, "verifications that are due were not begun"),
        }
    }
}
