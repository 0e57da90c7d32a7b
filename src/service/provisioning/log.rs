//! What the request log says of a request: what came, how far it got, what it did.
//!
//! An entry's steps are `received`, `stored`, `linked`, `mapped` and `applied`, each with counts of what happened
//! and absent where nothing did. A refused request has `stopped` instead of what it did, which was undone.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::Call;
use crate::domain::directory::LogBodies;
use crate::domain::id::RunId;
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::redact::{self, redacted};
use crate::service::change::{Change, Trace};
use crate::service::keys::ScimAccess;
use crate::store::requests::RequestEntry;

/// A step of a request, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Step {
    /// It was read and understood.
    #[default]
    Received,
    /// Its facts are stored.
    Stored,
    /// The people it is about are linked to accounts.
    Linked,
    /// Rules gave or took.
    Mapped,
    /// Native rows changed.
    Applied,
}

impl Step {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Received => "received",
            Step::Stored => "stored",
            Step::Linked => "linked",
            Step::Mapped => "mapped",
            Step::Applied => "applied",
        }
    }

    /// The step that a change has come to.
    pub(super) fn of(trace: &Trace) -> Self {
        if trace.parked > 0 || trace.told.keys().any(|name| is_native(name)) {
            Step::Applied
        } else if trace.origins_added + trace.origins_ended > 0 {
            Step::Mapped
        } else if trace.linked.is_empty() {
            Step::Stored
        } else {
            Step::Linked
        }
    }
}

/// Whether an event is about the native side, and not about what the directory says.
fn is_native(event: &str) -> bool {
    !event.starts_with("dsync.")
}

/// What is noted of a request while it runs, for its entry in the log.
#[derive(Debug, Default)]
pub struct Noted {
    body: OnceLock<Vec<u8>>,
    operations: OnceLock<usize>,
    reached: OnceLock<Step>,
    left_to: OnceLock<RunId>,
}

impl Noted {
    /// Notes the body as it was sent, as far as the directory's settings let the log keep any.
    pub fn sent(&self, access: &ScimAccess, body: &[u8]) {
        if access.directory.settings.log_bodies != LogBodies::None {
            // One byte more than is ever read tells that it was too large.
            let _ = self.body.set(body.get(..=redact::MAX_READ).unwrap_or(body).to_vec());
        }
    }

    /// Notes how many operations a PATCH has.
    pub fn has_operations(&self, count: usize) {
        let _ = self.operations.set(count);
    }

    /// Notes the run that brings the rest of the request into effect.
    pub(super) fn left_to(&self, run: RunId) {
        let _ = self.left_to.set(run);
    }

    /// The run that brings the rest of the request into effect, if there is one.
    pub fn run(&self) -> Option<RunId> {
        self.left_to.get().copied()
    }

    /// Notes the step at which the request failed.
    pub(super) fn reached(&self, step: Step) {
        let _ = self.reached.set(step);
    }

    /// The body as the log keeps it: without secrets, cut, or not at all.
    pub fn kept_body(&self, access: &ScimAccess, refused: bool) -> Option<String> {
        let kept = match access.directory.settings.log_bodies {
            LogBodies::None => false,
            LogBodies::Errors => refused,
            LogBodies::All => true,
        };
        let body = self.body.get().filter(|body| kept && !body.is_empty())?;
        Some(redacted(body, &access.catalogue))
    }

    /// The steps of a request that was refused: where it stopped, and why.
    pub fn stopped(&self, why: &str) -> String {
        let at = self.reached.get().copied().unwrap_or_default();
        json!({"received": self.received(None), "stopped": {"at": at.as_str(), "why": why}}).to_string()
    }

    fn received(&self, tolerances: Option<usize>) -> Value {
        let mut received = Map::new();
        if let Some(count) = tolerances.filter(|count| *count > 0) {
            received.insert("tolerances".to_owned(), count.into());
        }
        if let Some(count) = self.operations.get() {
            received.insert("operations".to_owned(), (*count).into());
        }
        Value::Object(received)
    }
}

/// What the log is to say of a write.
#[derive(Debug, Default)]
pub struct Log {
    /// What had to be tolerated.
    pub tolerances: Tolerances,
    /// The resource that it was about.
    pub resource: Option<String>,
}

/// The entry of a write that is about to be committed, with all that it did.
pub(super) fn committed(call: &Call, log: &Log, change: &Change<'_>, body: Option<String>) -> RequestEntry {
    RequestEntry {
        id: call.access.request,
        organization: call.access.scope.organization(),
        directory: call.access.scope.directory(),
        token: call.access.token,
        method: call.method.to_owned(),
        path: call.path.clone(),
        status: call.status,
        scim_type: None,
        detail: None,
        tolerances: tolerance_names(&log.tolerances),
        resource: log.resource.clone(),
        user_agent: call.user_agent.clone(),
        steps: Some(steps(&call.access.noted, log, &change.trace).to_string()),
        body,
        events: change.emitted(),
        last_position: Some(change.position()),
        created_at: change.now,
    }
}

/// The steps of a write, each with what happened.
fn steps(noted: &Noted, log: &Log, trace: &Trace) -> Value {
    let mut mapped = Map::new();
    for (name, count) in [("origins_added", trace.origins_added), ("origins_ended", trace.origins_ended)] {
        if count > 0 {
            mapped.insert(name.to_owned(), count.into());
        }
    }
    let mut applied: Map<String, Value> =
        trace.told.iter().filter(|(name, _)| is_native(name)).map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
    if trace.parked > 0 {
        applied.insert("parked".to_owned(), trace.parked.into());
    }
    let mut steps = json!({"received": noted.received(Some(log.tolerances.iter().count()))});
    let done = [("stored", json!(trace.stored)), ("linked", json!(trace.linked))];
    for (step, counts) in done.into_iter().chain([("mapped", mapped.into()), ("applied", applied.into())]) {
        if counts.as_object().is_some_and(|counts| !counts.is_empty()) {
            steps[step] = counts;
        }
    }
    steps
}

/// The names of tolerances as the log keeps them: a JSON array.
pub fn tolerance_names(tolerances: &Tolerances) -> String {
    let names: Vec<&str> = tolerances.iter().map(Tolerance::as_str).collect();
    Value::from(names).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_say_what_happened_and_no_more() {
        let mut trace = Trace::default();
        trace.stored("users", 1);
        trace.told.insert("dsync.user.created", 1);
        let shown = |trace: &Trace| steps(&Noted::default(), &Log::default(), trace);
        assert_eq!(shown(&trace), json!({"received": {}, "stored": {"users": 1}}));
        assert_eq!(Step::of(&trace), Step::Stored);
        trace.linked.insert("new_account", 1);
        assert_eq!(Step::of(&trace), Step::Linked);
        trace.origins_added = 2;
        assert_eq!(Step::of(&trace), Step::Mapped);
        trace.told.insert("group.member_added", 1);
        trace.parked = 3;
        assert_eq!(
            shown(&trace),
            json!({"received": {}, "stored": {"users": 1}, "linked": {"new_account": 1},
                "mapped": {"origins_added": 2}, "applied": {"group.member_added": 1, "parked": 3}})
        );
        assert_eq!(Step::of(&trace), Step::Applied);
    }
}
