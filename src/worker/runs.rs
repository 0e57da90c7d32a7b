//! Works on runs of any organization: takes one that waits, goes through its chunks, looks for the next.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::{Error, Result};
use crate::service::runs::{Step, Turn, step};
use crate::store::is_transient;

/// How many runs a process works on at a time, of one organization each.
const AT_ONCE: usize = 2;
/// How often it looks for runs that other processes began or left behind.
const LOOK: Duration = Duration::from_secs(2);
/// How long it waits after a chunk that the database could not take, at first and at the most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Runs until `stop`, then finishes the chunks that are under way and gives the runs back.
pub async fn run(app: App, stop: CancellationToken) {
    let mut working = JoinSet::new();
    loop {
        take_what_waits(&app, &mut working, &stop).await;
        tokio::select! {
            () = stop.cancelled() => break,
            () = app.wake.notified() => {}
            Some(_) = working.join_next(), if !working.is_empty() => {}
            () = sleep(LOOK) => {}
        }
    }
    while working.join_next().await.is_some() {}
}

async fn take_what_waits(app: &App, working: &mut JoinSet<()>, stop: &CancellationToken) {
    while working.len() < AT_ONCE && !stop.is_cancelled() {
        match Turn::take(app).await {
            Ok(Some(turn)) => {
                working.spawn(go_through(app.clone(), turn, stop.clone()));
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = %error, "no run could be taken; looking again soon");
                return;
            }
        }
    }
}

/// Goes through a run until it is over, or until the process stops.
async fn go_through(app: App, mut turn: Turn, stop: CancellationToken) {
    let run = turn.run().id;
    let mut wait = BACKOFF.0;
    let ended = loop {
        if stop.is_cancelled() {
            break turn.release(&app).await;
        }
        match contained(&app, &mut turn).await {
            Ok(Step::More) => wait = BACKOFF.0,
            Ok(Step::Over) => return,
            Err(error) if may_succeed_later(&error) => {
                tracing::warn!(%run, error = %error, "a chunk has to be tried again");
                tokio::select! { () = sleep(wait) => {}, () = stop.cancelled() => {} }
                wait = (wait * 2).min(BACKOFF.1);
            }
            Err(error) => break turn.fail(&app, &error).await,
        }
    };
    if let Err(error) = ended {
        tracing::warn!(%run, error = %error, "a run could not be given back; it is taken over when its claim runs out");
    }
}

/// A step; a panic in it is a failure of the run, not of the worker.
async fn contained(app: &App, turn: &mut Turn) -> Result<Step> {
    AssertUnwindSafe(step(app, turn)).catch_unwind().await.unwrap_or_else(|_| Err(Error::internal("a step panicked")))
}

fn may_succeed_later(error: &Error) -> bool {
    matches!(error, Error::Busy { .. } | Error::TooManyRequests { .. }) || is_transient(error)
}
