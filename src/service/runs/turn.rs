//! A worker's turn at a run: claimed, taken further chunk by chunk, given back.

use std::sync::Arc;

use chrono::Duration;
use futures::future::BoxFuture;

use crate::app::App;
use crate::domain::id::OrganizationId;
use crate::domain::run::{ClaimId, Run, RunKind, RunState};
use crate::domain::{Error, Result};
use crate::service::change::Change;
use crate::service::mapping::parked;
use crate::store::{Lane, Tx, rules, runs};

/// How long a claim holds without a chunk that renews it; then others may take the run over.
pub const LEASE: Duration = Duration::seconds(30);
/// How many waiting runs are looked at.
const CANDIDATES: i64 = 20;

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    More,
    /// The run is over, was cancelled, or is somebody else's now.
    Over,
}

/// A run that this worker has claimed.
#[derive(Debug)]
pub struct Turn {
    run: Run,
    claim: ClaimId,
}

impl Turn {
    /// Claims a run that is to go on and that nobody works on; `None` if there is none. An organization has one
    /// run at a time, the oldest first.
    pub async fn take(app: &App) -> Result<Option<Turn>> {
        let waiting = runs::waiting(&mut app.db.read().await?, app.clock.now(), CANDIDATES).await?;
        for (organization, id) in waiting {
            let now = app.clock.now();
            let claim = ClaimId::mint(now);
            let claimed = in_lane(app, organization, move |tx| {
                Box::pin(async move { runs::claim(tx, organization, id, claim, now, now + LEASE).await })
            });
            if let Some(run) = claimed.await? {
                return Ok(Some(Turn { run, claim }));
            }
        }
        Ok(None)
    }

    /// The turn at a run that was claimed otherwise, e.g. in the transaction that began it.
    pub fn of(run: Run, claim: ClaimId) -> Turn {
        Turn { run, claim }
    }

    /// The run, as it was after its last chunk.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Does a chunk and notes in the same transaction how far the run is: both, or neither.
    ///
    /// `work` changes native state, moves `position` and `progress` on, and calls [`Run::finish`] with the last
    /// chunk. It does not run if the claim was lost or somebody cancelled the run.
    pub async fn chunk<F>(&mut self, app: &App, work: F) -> Result<Step>
    where
        F: for<'c> Fn(&'c mut Change<'_>, &'c mut Run) -> BoxFuture<'c, Result<()>> + Send + Sync + 'static,
    {
        let (before, claim, now) = (Arc::new(self.run.clone()), self.claim, app.clock.now());
        let work = Arc::new(work);
        let after = in_lane(app, self.run.organization, move |tx| {
            let (before, work) = (Arc::clone(&before), Arc::clone(&work));
            Box::pin(async move {
                let Some(mut run) = runs::held(tx, &before, claim).await? else { return Ok(None) };
                // For benchmarks: the transaction that the lane tells of next is that of a chunk.
                tracing::trace!(target: "muster::lane", chunk_of = run.kind.as_str());
                let cause = run.cause_of_chunks();
                let mut change = Change::begin(tx, run.organization, now, &cause).await?;
                if run.cancelling {
                    stop(&mut change, &mut run).await?;
                } else {
                    work(&mut change, &mut run).await?;
                }
                run.count(change.trace.told.iter().map(|(name, count)| (*name, *count)));
                change.finish().await?;
                runs::save(tx, &run, Some(now + LEASE), now).await?;
                Ok(Some(run))
            })
        });
        let Some(after) = after.await? else {
            tracing::warn!(run = %self.run.id, "another worker took a run over");
            return Ok(Step::Over);
        };
        self.run = after;
        if self.run.state == RunState::Running {
            return Ok(Step::More);
        }
        tracing::info!(run = %self.run.id, state = self.run.state.as_str(), done = self.run.progress.done, "a run is over");
        Ok(Step::Over)
    }

    /// Notes that the run cannot go on. What its chunks did stays.
    pub async fn fail(self, app: &App, error: &Error) -> Result<()> {
        tracing::error!(run = %self.run.id, error = %error, "a run failed");
        let problem = match error {
            // Nothing of the inside leaves the program but to its log.
            Error::Internal(_) => "the server failed; its log says more".to_owned(),
            error => error.to_string(),
        };
        let (before, claim, now) = (Arc::new(self.run), self.claim, app.clock.now());
        in_lane(app, before.organization, move |tx| {
            let (before, problem) = (Arc::clone(&before), problem.clone());
            Box::pin(async move {
                let Some(mut run) = runs::held(tx, &before, claim).await? else { return Ok(()) };
                run.problem = Some(problem);
                run.finish(RunState::Failed, now);
                rules::settled(tx, run.organization, run.id).await?;
                runs::save(tx, &run, None, now).await
            })
        })
        .await
    }

    /// Gives the run back, for others to go on with at once.
    pub async fn release(self, app: &App) -> Result<()> {
        let (run, claim) = (Arc::new(self.run), self.claim);
        in_lane(app, run.organization, move |tx| {
            let run = Arc::clone(&run);
            Box::pin(async move { runs::release(tx, &run, claim).await })
        })
        .await
    }
}

/// Stops a run that somebody cancelled. What a guard parked goes on waiting for a decision.
pub(super) async fn stop(change: &mut Change<'_>, run: &mut Run) -> Result<()> {
    if run.kind == RunKind::Guard {
        return parked::close(change, run, RunState::Cancelled).await;
    }
    run.finish(RunState::Cancelled, change.now);
    // What it has not brought into effect is drift from now on, for a verification to see.
    rules::settled(change.tx, change.organization, run.id).await
}

async fn in_lane<T, F>(app: &App, organization: OrganizationId, work: F) -> Result<T>
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
{
    app.db.write(Lane::Organization(organization), work).await
}
