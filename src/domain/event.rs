//! Everything that can have happened, and why.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::actor::Actor;
use super::clock::timestamp;
use super::id::{DirectoryId, EventId, OrganizationId, RequestId, RuleId, RunId};

/// Something that happened, as applications will read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The name, e.g. `dsync.user.created`.
    pub name: &'static str,
    /// The object that it is about, as it was at that moment.
    pub data: Value,
    /// The rules by which it came about; none where no rule did.
    pub rules: Vec<RuleAtWork>,
}

/// A rule that gave something, or took it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RuleAtWork {
    /// The rule.
    pub id: RuleId,
    /// The version in force when it did; absent for a rule that is not in force any more.
    pub version: Option<i64>,
}

/// An event as it stands in the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    /// Its id, the same wherever it is told.
    pub id: EventId,
    /// The organization that it is of; `None` if it is about a native user.
    pub organization: Option<OrganizationId>,
    /// Its place within the organization: 1, 2, 3 … without gaps.
    pub position: Option<i64>,
    /// The name.
    pub name: String,
    /// The object that it is about.
    pub data: Value,
    /// The cause.
    pub context: Value,
    /// The time of the change.
    pub created_at: DateTime<Utc>,
}

impl FeedEvent {
    /// The event object; what is delivered and what is read are the same.
    pub fn json(&self) -> Value {
        let mut object = json!({
            "object": "event",
            "id": self.id,
            "event": self.name,
            "data": self.data,
            "context": self.context,
            "created_at": timestamp(self.created_at),
        });
        if let (Some(organization), Some(position)) = (self.organization, self.position) {
            object["organization_id"] = json!(organization);
            object["position"] = json!(position);
        }
        object
    }
}

/// Who or what caused a change; the `context` of its events.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// An identity provider's request.
    Scim {
        /// The directory that it came to.
        directory: DirectoryId,
        /// The directory's name.
        name: String,
        /// The request.
        request: RequestId,
    },
    /// Somebody with a key of the APIs, or in the console or the portal.
    Hand {
        /// Who.
        actor: Actor,
        /// The request, as its answer names it.
        request: Option<RequestId>,
    },
    /// A run, in a chunk of its own.
    Run {
        /// The run.
        run: RunId,
        /// What it does, e.g. `reconcile`.
        name: String,
        /// Who began it: the id of a key or a directory.
        began_by: String,
    },
    /// The program itself.
    System,
}

impl Cause {
    /// The `context` object. The SDKs want all three keys of an actor.
    pub fn context(&self) -> Value {
        match self {
            Cause::Scim { directory, name, request } => json!({
                "actor": {"id": directory, "source": "system", "name": name},
                "request_id": request,
            }),
            Cause::Hand { actor, request } => {
                let mut context = json!({"actor": actor});
                if let Some(request) = request {
                    context["request_id"] = json!(request);
                }
                context
            }
            Cause::Run { run, name, began_by } => json!({
                "actor": {"id": run, "source": "system", "name": name},
                "run_id": run,
                "began_by": began_by,
            }),
            Cause::System => json!({"actor": {"id": "muster", "source": "system", "name": "Muster"}}),
        }
    }

    /// The `context` object of an event that came about by rules.
    pub fn context_of(&self, event: &Event) -> Value {
        let mut context = self.context();
        if !event.rules.is_empty() {
            context["rules"] = json!(event.rules);
        }
        context
    }

    /// The id of what caused it: a request, a run or a key.
    pub fn id(&self) -> String {
        match self {
            Cause::Scim { request, .. } => request.to_string(),
            Cause::Hand { actor, .. } => actor.id.clone(),
            Cause::Run { run, .. } => run.to_string(),
            Cause::System => "muster".to_owned(),
        }
    }

    /// The actor of a manual origin.
    pub fn actor(&self) -> String {
        match self {
            Cause::Scim { directory, .. } => directory.to_string(),
            Cause::Hand { actor, .. } => actor.id.clone(),
            Cause::Run { began_by, .. } => began_by.clone(),
            Cause::System => "muster".to_owned(),
        }
    }
}
