//! Runs: what is too large for one transaction, done in the background chunk by chunk.
//!
//! A run is a row. It says what is to be done (`work`) and where to go on (`position`), so that any process can
//! take it over at any time. Between chunks nothing is locked: requests go on, and see each chunk as the change
//! of its own that it is.
//!
//! `control` is what people do with runs, `turn` how a worker goes through one. Each further file is a kind: a
//! function `step` that looks, without locks, for what comes next, and does it by [`Turn::chunk`]. To add a kind,
//! add its file and its arm in [`step`].

pub mod control;
pub mod effect;
mod guard;
mod turn;
pub mod verify;

use serde_json::Value;

pub use turn::{LEASE, Step, Turn};

use super::change::Change;
use crate::app::App;
use crate::domain::Result;
use crate::domain::id::{DirectoryId, PlanId, RunId};
use crate::domain::run::{Progress, Run, RunKind, RunState};
use crate::store::runs;

/// How many people a chunk converges at the most: it holds the organization's lock for a moment only.
pub const PEOPLE: usize = 120;
/// How many directory groups a chunk binds at the most.
pub const GROUPS: usize = 100;

/// A run to begin.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What it does.
    pub kind: RunKind,
    /// The directory whose guard it belongs to.
    pub directory: Option<DirectoryId>,
    /// The plan that it applies.
    pub plan: Option<PlanId>,
    /// What is to be done, in the words of its kind.
    pub work: Value,
    /// How much there is to look at.
    pub total: i64,
    /// Whether somebody must approve it before it goes on.
    pub awaits_approval: bool,
}

/// Begins a run in the transaction of `change`, whose cause becomes the run's.
///
/// After the commit, tell this process's worker by `app.wake.notify_one()`; otherwise the run waits for the next
/// look that a worker takes, 2 seconds at the most.
pub async fn begin(change: &mut Change<'_>, new: NewRun) -> Result<Run> {
    let run = Run {
        id: RunId::mint(change.now),
        organization: change.organization,
        kind: new.kind,
        state: if new.awaits_approval { RunState::AwaitingApproval } else { RunState::Running },
        directory: new.directory,
        plan: new.plan,
        work: new.work,
        position: Value::Null,
        progress: Progress { done: 0, total: new.total },
        effects: std::collections::BTreeMap::new(),
        problem: None,
        cause: change.cause.context(),
        cancelling: false,
        created_at: change.now,
        started_at: None,
        finished_at: None,
    };
    runs::insert(change.tx, &run).await?;
    tracing::info!(run = %run.id, organization = %run.organization, kind = run.kind.as_str(), "a run begins");
    Ok(run)
}

/// Does the next chunk of a run.
///
/// # Errors
///
/// [`Error::Busy`], or what `store::is_transient` knows, if the same chunk may succeed later. Any other error is
/// for good: the run cannot go on.
pub async fn step(app: &App, turn: &mut Turn) -> Result<Step> {
    match turn.run().kind {
        RunKind::Apply | RunKind::Reconcile | RunKind::Remainder => effect::step(app, turn).await,
        RunKind::Guard => guard::step(app, turn).await,
        RunKind::Verify => verify::step(app, turn).await,
    }
}

/// A number of rows, as the database counts.
fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
