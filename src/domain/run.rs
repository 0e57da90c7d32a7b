//! Runs: convergence that goes on in the background, chunk by chunk.
//!
//! What lives here: what a run is, how far it is, and what of it an admin reads. What does not: what the chunks
//! of each kind do (that is `service::runs`), and who works on it (that is `worker::runs`).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::clock::timestamp;
use super::event::Cause;
use super::id::{DirectoryId, Id, Identified, OrganizationId, PlanId, RunId};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunKind {
    /// Applies a plan.
    Apply,
    /// Converges everybody of an organization.
    Reconcile,
    /// Compares what is stored with a recomputation, and repairs nothing.
    Verify,
    /// Converges what a request left over because it touched too much.
    Remainder,
    /// Gathers the removals that a directory's guard parked, and carries out those that are approved.
    Guard,
}

impl RunKind {
    const ALL: [RunKind; 5] = [RunKind::Apply, RunKind::Reconcile, RunKind::Verify, RunKind::Remainder, RunKind::Guard];

    /// The word in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            RunKind::Apply => "apply",
            RunKind::Reconcile => "reconcile",
            RunKind::Verify => "verify",
            RunKind::Remainder => "remainder",
            RunKind::Guard => "guard",
        }
    }

    /// The kind with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunState {
    /// Somebody must approve it first.
    AwaitingApproval,
    /// It is being worked on, or waits for a worker.
    Running,
    /// It did what it had to.
    Succeeded,
    /// It could not go on; `problem` says why. What its chunks did stays.
    Failed,
    /// Somebody stopped it. What its chunks did stays.
    Cancelled,
}

impl RunState {
    const ALL: [RunState; 5] =
        [RunState::AwaitingApproval, RunState::Running, RunState::Succeeded, RunState::Failed, RunState::Cancelled];

    /// The word in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::AwaitingApproval => "awaiting_approval",
            RunState::Running => "running",
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether it is over.
    pub fn is_finished(self) -> bool {
        !matches!(self, RunState::AwaitingApproval | RunState::Running)
    }
}

/// What a [`ClaimId`] is the id of: one worker's turn at a run.
#[derive(Debug)]
pub enum ClaimLabel {}

impl Identified for ClaimLabel {
    const PREFIX: &'static str = "claim_";
    const KIND: &'static str = "claim";
}

/// A worker's claim to a run. Each turn has a new one, so that a worker that was thought dead cannot go on with
/// what another one took over.
pub type ClaimId = Id<ClaimLabel>;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// How many people it has looked at; with `guard`, how many removals were decided.
    pub done: i64,
    /// What there was to look at when it began; more or fewer may turn out to be there.
    pub total: i64,
}

impl Progress {
    /// How many it does in a second, between `started` and `now`; `None` before there is anything to tell by.
    pub fn rate_per_second(self, started: DateTime<Utc>, now: DateTime<Utc>) -> Option<f64> {
        let milliseconds = (now - started).num_milliseconds();
        (milliseconds > 0 && self.done > 0).then(|| self.done as f64 * 1_000.0 / milliseconds as f64)
    }

    /// How many more seconds it takes at this rate.
    pub fn remaining_seconds(self, rate: Option<f64>) -> Option<f64> {
        let left = (self.total - self.done).max(0) as f64;
        if left == 0.0 { Some(0.0) } else { rate.map(|rate| (left / rate).ceil()) }
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The organization.
    pub organization: OrganizationId,
    /// What it does.
    pub kind: RunKind,
    /// Where it stands.
    pub state: RunState,
    /// The directory whose guard it belongs to.
    pub directory: Option<DirectoryId>,
    /// The plan that it applies.
    pub plan: Option<PlanId>,
    /// What is to be done, in the words of its kind.
    pub work: Value,
    /// Where to go on, in the words of its kind; null at the beginning.
    pub position: Value,
    /// How far it is.
    pub progress: Progress,
    /// How many events of each name it caused.
    pub effects: BTreeMap<String, i64>,
    /// Why it failed.
    pub problem: Option<String>,
    /// Who or what began it, as in the context of an event.
    pub cause: Value,
    /// Somebody asked it to stop after its chunk.
    pub cancelling: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was first worked on.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Run {
    /// The cause of what its chunks change.
    pub fn cause_of_chunks(&self) -> Cause {
        // Whoever approved it is closer to what happens than whoever made it necessary.
        let by = self.work.pointer("/approved_by").or(self.cause.pointer("/actor/id")).and_then(Value::as_str);
        Cause::Run { run: self.id, name: self.kind.as_str().to_owned(), began_by: by.unwrap_or("muster").to_owned() }
    }

    /// Counts effects.
    pub fn count<'a>(&mut self, effects: impl IntoIterator<Item = (&'a str, i64)>) {
        for (name, count) in effects {
            *self.effects.entry(name.to_owned()).or_default() += count;
        }
    }

    /// Ends it.
    pub fn finish(&mut self, state: RunState, now: DateTime<Utc>) {
        self.state = state;
        self.cancelling = false;
        self.finished_at = Some(now);
    }

    /// The `sync_run` object, with its rate as of `now`.
    pub fn json(&self, now: DateTime<Utc>) -> Value {
        let until = self.finished_at.unwrap_or(now);
        let rate = self.started_at.and_then(|started| self.progress.rate_per_second(started, until));
        let remaining = match self.state {
            RunState::Running => self.progress.remaining_seconds(rate),
            RunState::AwaitingApproval => None,
            RunState::Succeeded | RunState::Failed | RunState::Cancelled => Some(0.0),
        };
        json!({
            "object": "sync_run",
            "id": self.id,
            "organization_id": self.organization,
            "kind": self.kind.as_str(),
            "state": self.state.as_str(),
            "directory_id": self.directory,
            "plan_id": self.plan,
            "progress": {
                "done": self.progress.done,
                "total": self.progress.total,
                "rate_per_second": rate.map(|rate| (rate * 10.0).round() / 10.0),
                "remaining_seconds": remaining,
            },
            "effects": self.effects,
            "problem": self.problem,
            "cause": self.cause,
            "cancelling": self.cancelling,
            "created_at": timestamp(self.created_at),
            "started_at": self.started_at.map(timestamp),
            "finished_at": self.finished_at.map(timestamp),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(milliseconds).unwrap()
    }

    #[test]
    fn every_word_names_one_kind_and_one_state() {
        for kind in RunKind::ALL {
            assert_eq!(RunKind::from_word(kind.as_str()), Some(kind));
        }
        for state in RunState::ALL {
            assert_eq!(RunState::from_word(state.as_str()), Some(state));
        }
        assert_eq!((RunKind::from_word("repair"), RunState::from_word("planned")), (None, None));
    }

    #[test]
    fn the_rate_is_what_was_done_since_it_started_and_tells_what_remains() {
        let half = Progress { done: 500, total: 1_000 };
        let rate = half.rate_per_second(at(0), at(2_000));
        assert_eq!(rate, Some(250.0));
        assert_eq!(half.remaining_seconds(rate), Some(2.0));
        assert_eq!(half.rate_per_second(at(0), at(0)), None, "no time has passed");
        assert_eq!(Progress { done: 0, total: 9 }.rate_per_second(at(0), at(1_000)), None);
        assert_eq!(Progress { done: 0, total: 9 }.remaining_seconds(None), None);
        assert_eq!(Progress { done: 10, total: 9 }.remaining_seconds(None), Some(0.0), "people may have come since");
    }
}
