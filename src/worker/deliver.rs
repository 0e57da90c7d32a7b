//! Sends events to webhook endpoints: looks which ones have news, and serves each in a task of its own, so that a
//! slow or dead receiver slows nobody else.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::id::{OrganizationId, WebhookEndpointId};
use crate::service::webhooks::turn::{self, Candidate};

/// How many endpoints a process serves at a time.
const AT_ONCE: usize = 512;
/// How many of them may belong to one organization, or to the environment itself.
const OF_ONE_OWNER: usize = 32;
/// How many candidates are looked at together.
const CANDIDATES: i64 = 2_000;
/// How often it looks for what other processes wrote, and for attempts that are due.
const LOOK: Duration = Duration::from_secs(1);
/// How long news gather before it is looked whom they concern; at least four times as long as looking takes.
const GATHER: Duration = Duration::from_millis(20);
/// How often it is stored at the most that an endpoint has nothing to get. In between it is looked at again.
const NOTE: Duration = Duration::from_secs(5);

/// How long it is known when an endpoint was taken up.
const FORGET: Duration = Duration::from_mins(10);

/// The endpoints being served, by who owns them.
#[derive(Default)]
struct Serving {
    tasks: JoinSet<(WebhookEndpointId, bool)>,
    owners: HashMap<WebhookEndpointId, OrganizationId>,
    /// Whether an endpoint was passed over for want of room.
    passed_over: bool,
    /// When each endpoint was last looked at by a task that might store that there was nothing.
    noted: HashMap<WebhookEndpointId, Instant>,
    /// When each endpoint was last taken up: whoever waited longest comes first.
    taken: HashMap<WebhookEndpointId, Instant>,
    /// When there was last a reason to look at everybody.
    round: Option<Instant>,
}

/// Runs until `stop`, then finishes the attempts that are under way and gives the endpoints back.
pub async fn run(app: App, stop: CancellationToken) {
    let mut told = app.db.told();
    let mut serving = Serving::default();
    let mut look = true;
    let mut gather = GATHER;
    loop {
        if look {
            told.mark_unchanged();
            let began = Instant::now();
            serving.take_what_waits(&app).await;
            gather = GATHER.max(began.elapsed() * 4).min(LOOK);
        }
        look = tokio::select! {
            () = stop.cancelled() => break,
            changed = told.changed() => {
                if changed.is_ok() { sleep(gather).await } else { sleep(LOOK).await }
                serving.begin_round()
            }
            () = app.deliver.notified() => serving.begin_round(),
            Some(Ok((id, worked))) = serving.tasks.join_next(), if !serving.tasks.is_empty() => serving.ended(id, worked),
            () = sleep(LOOK) => serving.begin_round(),
        };
    }
    while serving.tasks.join_next().await.is_some() {}
}

impl Serving {
    /// There is a reason to look at everybody again.
    fn begin_round(&mut self) -> bool {
        self.round = Some(Instant::now());
        true
    }

    async fn take_what_waits(&mut self, app: &App) {
        let mut candidates = match turn::candidates(app, CANDIDATES).await {
            Ok(candidates) => candidates,
            Err(error) => {
                tracing::warn!(error = %error, "it is not known who waits for events; looking again soon");
                return;
            }
        };
        self.passed_over = false;
        let now = Instant::now();
        self.noted.retain(|_, at| now.duration_since(*at) < NOTE);
        self.taken.retain(|_, at| now.duration_since(*at) < FORGET);
        candidates.sort_by_key(|candidate| self.taken.get(&candidate.id).copied());
        for candidate in candidates {
            // Looked at in this round already: others are to have the places.
            let looked_at =
                self.taken.get(&candidate.id).is_some_and(|at| self.round.is_some_and(|round| *at >= round));
            if self.owners.contains_key(&candidate.id) || (looked_at && !candidate.certain) {
                continue;
            }
            let of_owner = self.owners.values().filter(|owner| **owner == candidate.organization_id).count();
            if self.owners.len() >= AT_ONCE || of_owner >= OF_ONE_OWNER {
                self.passed_over = true;
                continue;
            }
            self.owners.insert(candidate.id, candidate.organization_id);
            self.taken.insert(candidate.id, now);
            let notes = !self.noted.contains_key(&candidate.id);
            self.noted.entry(candidate.id).or_insert(now);
            self.tasks.spawn(serve(app.clone(), candidate, notes));
        }
    }

    /// Notes that a task ended; answers whether it is time to look again: news may have come during its last steps.
    fn ended(&mut self, id: WebhookEndpointId, worked: bool) -> bool {
        self.owners.remove(&id);
        worked || self.passed_over
    }
}

async fn serve(app: App, candidate: Candidate, notes: bool) -> (WebhookEndpointId, bool) {
    let id = candidate.id;
    let worked = match AssertUnwindSafe(turn::serve(&app, candidate, notes)).catch_unwind().await {
        Ok(Ok(worked)) => worked,
        Ok(Err(error)) => {
            tracing::warn!(endpoint = %id, error = %error, "an endpoint could not be served; it is taken up again");
            false
        }
        Err(_) => {
            tracing::error!(endpoint = %id, "serving an endpoint panicked; it is taken up again");
            false
        }
    };
    (id, worked)
}
