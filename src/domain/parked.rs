//! Parked effects: removals that a directory's guard holds back until somebody decides.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::clock::timestamp;
use super::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, MembershipId, ParkedId, RuleId, RunId};
use super::origin::Target;

/// What became of a parked effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ParkedState {
    /// It waits.
    Parked,
    /// Somebody let it happen.
    Approved,
    /// Somebody refused it; it can still be approved.
    Rejected,
    /// There is nothing to remove any more: the person came back.
    Vanished,
}

impl ParkedState {
    /// The word in the database and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ParkedState::Parked => "parked",
            ParkedState::Approved => "approved",
            ParkedState::Rejected => "rejected",
            ParkedState::Vanished => "vanished",
        }
    }

    /// The state with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        let all = [ParkedState::Parked, ParkedState::Approved, ParkedState::Rejected, ParkedState::Vanished];
        all.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether a `held` origin keeps what the effect would remove.
    pub fn is_held(self) -> bool {
        matches!(self, ParkedState::Parked | ParkedState::Rejected)
    }
}

/// Something that a membership would lose, with copies of the names that tell an admin what it is: those who bore
/// them may be gone by the time that somebody looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// Who would lose it.
    pub membership: MembershipId,
    /// What they would lose.
    pub target: Target,
    /// The rule of the last origin.
    pub rule: Option<RuleId>,
    /// The directory group of the last origin.
    pub directory_group: Option<DirectoryGroupId>,
    /// The directory user of the last origin.
    pub directory_user: Option<DirectoryUserId>,
    /// The person's address.
    pub person: String,
    /// The group's name, or the role's slug.
    pub target_name: Option<String>,
    /// The rule's handle.
    pub rule_key: Option<String>,
    /// The directory group's name.
    pub directory_group_name: Option<String>,
}

/// A loss that is parked, or was.
#[derive(Debug, Clone, PartialEq)]
pub struct ParkedEffect {
    /// Its id.
    pub id: ParkedId,
    /// The run that gathers it.
    pub run: RunId,
    /// The directory whose guard parked it.
    pub directory: DirectoryId,
    /// What became of it.
    pub state: ParkedState,
    /// What would be lost, and by whom.
    pub loss: Loss,
    /// What caused it: the id of a request, a run or a key.
    pub cause: String,
    /// When it was parked.
    pub created_at: DateTime<Utc>,
    /// When somebody decided, or when it vanished.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who decided: the id of a key; nobody for one that vanished.
    pub decided_by: Option<String>,
}

impl ParkedEffect {
    /// The `parked_effect` object. Its `kind` is the word that a plan has for the same effect.
    pub fn json(&self) -> Value {
        let loss = &self.loss;
        let (kind, group, role) = match loss.target {
            Target::Membership => ("membership_deactivated", None, None),
            Target::Group(group) => ("member_removed", Some(group), None),
            Target::Role(role) => ("role_removed", None, Some(role)),
        };
        let rules: Vec<Value> = loss.rule.iter().map(|rule| json!({"id": rule, "key": loss.rule_key})).collect();
        json!({
            "object": "parked_effect",
            "id": self.id,
            "run_id": self.run,
            "directory_id": self.directory,
            "state": self.state.as_str(),
            "kind": kind,
            "organization_membership_id": loss.membership,
            "group_id": group,
            "role_id": role,
            "person": loss.person,
            "target": loss.target_name,
            "rules": rules,
            "directory_group_id": loss.directory_group,
            "directory_group": loss.directory_group_name,
            "directory_user_id": loss.directory_user,
            "cause": self.cause,
            "created_at": timestamp(self.created_at),
            "decided_at": self.decided_at.map(timestamp),
            "decided_by": self.decided_by,
        })
    }
}
