//! The answer to "why does Jane have this?", "why not?" and "why no longer?". Pure.
//!
//! What lives here: the shape of the answer. How it is found out is `service::mapping::explain`; what follows from
//! origins is `outcome`, the one sentence `sentence`.

use serde::Serialize;
use serde_json::Value;

use super::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, EventId, GroupId, MembershipId, OrganizationId, ParkedId,
    RequestId, RoleId, RuleId, RunId,
};
use super::origin::Target;
use super::outcome::Outcome;
use crate::scim::filter::Seen;

/// The whole answer, for one person and one thing that they have or have not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The membership; `None` for somebody who was never linked.
    pub organization_membership: Option<Member>,
    /// The directory user, if it was asked about one.
    pub directory_user: Option<UserRef>,
    /// What they have or have not.
    pub target: TargetRef,
    /// Whether they have it.
    pub verdict: Outcome,
    /// Why the membership is inactive, if that is why: `directory` or `deactivated` (by API).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_by: Option<&'static str>,
    /// For `directory`: the directory users who are inactive or gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inactive_directory_users: Vec<InactiveUser>,
    /// For a role: whether it is the primary one, and what decided that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_role: Option<PrimaryRole>,
    /// Every live reason, the exclusions in reach included; up to 50.
    pub why: Vec<Why>,
    /// How many reasons there are.
    pub why_total: usize,
    /// Every rule that could give it and does not, once per directory user of the person.
    pub why_not: Vec<WhyNot>,
    /// The last reason that ended, if one did.
    pub ended: Vec<Ended>,
    /// All of it in one sentence.
    pub sentence: String,
}

/// A membership and whose it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Its id.
    pub id: MembershipId,
    /// `active` or `inactive`.
    pub status: String,
    /// The address of the account.
    pub email: String,
    /// The name of the account, if it has one.
    pub name: Option<String>,
}

/// What somebody has or has not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TargetRef {
    /// Belonging to a native group.
    Group {
        /// The group.
        id: GroupId,
        /// Its name.
        name: String,
    },
    /// Holding a role.
    Role {
        /// The role.
        id: RoleId,
        /// Its handle.
        slug: String,
        /// Its name.
        name: String,
    },
    /// The membership of the organization.
    Membership {},
}

impl TargetRef {
    /// What origins speak for.
    pub fn target(&self) -> Target {
        match self {
            TargetRef::Group { id, .. } => Target::Group(*id),
            TargetRef::Role { id, .. } => Target::Role(*id),
            TargetRef::Membership {} => Target::Membership,
        }
    }
}

/// Something with a name, which may be gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named<I> {
    /// Its id.
    pub id: I,
    /// Its name; `None` if it is gone.
    pub name: Option<String>,
}

/// A rule at one of its versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleRef {
    /// The rule.
    pub id: RuleId,
    /// Its handle; `None` if it is gone.
    pub key: Option<String>,
    /// The version that acted, or would act.
    pub version: i64,
    /// Its place among the rules in force; `None` if it is not in force.
    pub position: Option<i64>,
}

/// A directory user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserRef {
    /// The id.
    pub id: DirectoryUserId,
    /// The `userName`; `None` if they are gone.
    pub user_name: Option<String>,
}

/// A directory user who does not keep the membership active.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InactiveUser {
    /// The id.
    pub id: DirectoryUserId,
    /// The `userName`; `None` if they are gone.
    pub user_name: Option<String>,
    /// Their directory.
    pub directory: Named<DirectoryId>,
    /// `inactive` or `deleted`.
    pub state: &'static str,
}

/// Whether a role is the primary one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrimaryRole {
    /// Whether it is.
    pub primary: bool,
    /// The handle of the role that is.
    pub slug: String,
    /// What decided: `manual`, `rule` (the one with the lowest position), `group` or `default`.
    pub decided_by: &'static str,
    /// The rule that decided.
    pub rule: Option<RuleRef>,
}

/// Who or what made an origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CauseRef {
    /// The id of a request, a run or a key, or the word for another actor.
    pub id: String,
    /// The request, while it is in the log.
    #[serde(flatten)]
    pub request: Option<RequestRef>,
}

/// A request of an identity provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestRef {
    /// The request.
    pub request_id: RequestId,
    /// Its HTTP method.
    pub method: String,
    /// Its path below the base URL.
    pub path: String,
    /// When it came.
    pub created_at: String,
}

/// A live reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// `manual`, `rule`, `frozen`, `held`, `exclude`, `group` for a role that comes with a native group, or `default`
    /// for the role that is held when no other is.
    pub kind: &'static str,
    /// For `group`: the native group. What follows tells why they are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Named<GroupId>>,
    /// The rule, at the version that made it.
    pub rule: Option<RuleRef>,
    /// The directory.
    pub directory: Option<Named<DirectoryId>>,
    /// The directory group by which the rule gives it.
    pub directory_group: Option<Named<DirectoryGroupId>>,
    /// The groups from that one down to one that has the person as a member; empty if they are in it no more.
    pub path: Vec<Named<DirectoryGroupId>>,
    /// The directory user in whose name the rule acts.
    pub directory_user: Option<UserRef>,
    /// What made it.
    pub cause: Option<CauseRef>,
    /// Who made it, if it was made by hand.
    pub actor: Option<String>,
    /// For `held`: the removal that waits or was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkedRef>,
    /// Since when.
    pub since: Option<String>,
}

/// A removal that waits for approval, or was rejected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParkedRef {
    /// The parked effect.
    pub id: ParkedId,
    /// The run that gathers it.
    pub run_id: RunId,
    /// `parked` or `rejected`.
    pub state: String,
}

/// A rule that could give it and does not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhyNot {
    /// The rule, at the version in force.
    pub rule: RuleRef,
    /// The directory user whom it was asked of; `None` if none is linked.
    pub directory_user: Option<UserRef>,
    /// The first clause that failed.
    pub clause: &'static str,
    /// What the clause says, as far as it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where that begins in the filter: characters from the start, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The values that were seen.
    pub seen: Vec<Seen>,
    /// Why, as a sentence without its full stop.
    pub message: String,
    /// The directory group that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_group: Option<Named<DirectoryGroupId>>,
    /// How the person is in that group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Named<DirectoryGroupId>>,
    /// Some directory groups that would do; up to 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matching_groups: Vec<Named<DirectoryGroupId>>,
    /// The groups that the person is in, and why none of them does; up to 10, nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own_groups: Vec<OwnGroup>,
    /// The native group that has the name which the mirror waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<Named<GroupId>>,
    /// The rule that excludes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded_by: Option<RuleRef>,
}

/// A group that the person is in and that a rule does not match.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnGroup {
    /// The directory group.
    pub id: DirectoryGroupId,
    /// Its name.
    pub name: Option<String>,
    /// The clause that keeps it out.
    pub clause: &'static str,
    /// The part of the filter that is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where that begins in the filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The values that were seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Seen>,
    /// Why, as a sentence without its full stop.
    pub message: String,
}

/// A reason that ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ended {
    /// The kind of reason.
    pub kind: String,
    /// The rule, at the version that had made it.
    pub rule: Option<RuleRef>,
    /// The directory group by which the rule gave it.
    pub directory_group: Option<Named<DirectoryGroupId>>,
    /// The directory user in whose name the rule acted.
    pub directory_user: Option<UserRef>,
    /// When it had begun.
    pub began_at: String,
    /// When it ended.
    pub ended_at: String,
    /// Who or what ended it, as in the context of an event.
    pub cause: Value,
    /// The event that told it; `None` if nothing effective changed by it, or it lies too far back.
    pub event: Option<EventRef>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRef {
    /// Its id.
    pub id: EventId,
    /// Its place among the events of the organization.
    pub position: i64,
    /// Its name.
    pub event: String,
    /// When it was committed.
    pub created_at: String,
}
