//! What the reference takes and what it answers: plain values in ordered maps.

use std::collections::{BTreeMap, BTreeSet};

use muster::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, RoleId, RuleId, UserId,
};
use muster::domain::rule::RuleDocument;
use serde_json::{Map, Value};

/// What identity providers said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The people that there are.
    pub users: BTreeMap<DirectoryUserId, Person>,
    /// The groups that there are.
    pub groups: BTreeMap<DirectoryGroupId, Source>,
    /// Who is in which group, as far as is known.
    pub edges: BTreeSet<(DirectoryGroupId, Edge)>,
}

/// A directory user.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Where they come from.
    pub directory: DirectoryId,
    /// Whether they are active in effect.
    pub active: bool,
    /// The SCIM document.
    pub document: Map<String, Value>,
}

/// A directory group.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Where it comes from.
    pub directory: DirectoryId,
    /// The SCIM document.
    pub document: Map<String, Value>,
}

/// A member of a directory group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    /// A user.
    User(DirectoryUserId),
    /// A group within.
    Group(DirectoryGroupId),
    /// Somebody not yet known.
    Pending(String),
}

/// Outcomes that depend on history, and what people decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decisions {
    /// The active rules in force.
    pub rules: BTreeMap<RuleId, RuleDocument>,
    /// The frozen rules: nothing new, and what they gave stays.
    pub frozen: BTreeMap<RuleId, RuleDocument>,
    /// Directories for which the native side waits.
    pub paused: BTreeSet<DirectoryId>,
    /// Reasons that are decisions: frozen ones and their exclusions, held ones, those of paused directories.
    pub kept: BTreeSet<(MembershipId, Reason)>,
    /// Bindings that are decisions: of frozen rules, of paused directories, and those whose people are held.
    pub kept_bindings: BTreeMap<(RuleId, DirectoryGroupId), Binding>,
    /// What guards parked and nobody has let go of: `parked` or `rejected`.
    pub parked: BTreeMap<(MembershipId, Target), String>,
    /// Which account each directory user is or was.
    pub links: BTreeMap<DirectoryUserId, Link>,
    /// The memberships that were ever made, and whether somebody deactivated them.
    pub memberships: BTreeMap<MembershipId, bool>,
    /// What was given by hand.
    pub manual: BTreeSet<(MembershipId, Target)>,
    /// What became of the mirror of each rule and directory group.
    pub mirrors: BTreeMap<(RuleId, DirectoryGroupId), Mirror>,
    /// The roles.
    pub roles: BTreeMap<RoleId, Role>,
}

/// An identity link.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The directory.
    pub directory: DirectoryId,
    /// Whether the person was active when the native side last looked.
    pub active: bool,
    /// The account.
    pub user: Option<UserId>,
    /// Its membership of the organization.
    pub membership: Option<MembershipId>,
    /// `linked`, `pending`, `refused` or `ended`.
    pub state: String,
    /// Which rung of the ladder decided.
    pub method: String,
}

/// The outcome of a mirror.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    /// The directory of the group.
    pub directory: DirectoryId,
    /// The name that was wanted last.
    pub name: Option<String>,
    /// `made`, `adopted` or `parked`; `ended` or `released` while its people are held.
    pub state: Option<String>,
    /// The native group that it became.
    pub group: Option<GroupId>,
}

/// A role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The handle that rules use.
    pub slug: String,
    /// Whether it is held when no other is.
    pub is_default: bool,
}

/// What a reason speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The membership; for an exclusion: everything.
    Membership,
    /// Belonging to a native group.
    Group(GroupId),
    /// Holding a role.
    Role(RoleId),
}

/// A reason why a membership has, or must not have, something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// What it speaks for.
    pub target: Target,
    /// `manual`, `rule`, `exclude`, `frozen` or `held`.
    pub kind: &'static str,
    /// The rule, unless manual.
    pub rule: Option<RuleId>,
    /// The directory group that the rule matched, if by a group.
    pub group: Option<DirectoryGroupId>,
    /// The person in whose name, unless manual.
    pub user: Option<DirectoryUserId>,
}

/// Native state, as far as it follows from facts and decisions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Native {
    /// Which rule matched which directory group.
    pub bindings: BTreeMap<(RuleId, DirectoryGroupId), Binding>,
    /// Why memberships have what they have.
    pub reasons: BTreeSet<(MembershipId, Reason)>,
    /// The memberships.
    pub memberships: BTreeMap<MembershipId, Standing>,
    /// Who effectively is in which group.
    pub members: BTreeSet<(GroupId, MembershipId)>,
}

/// A rule matched a directory group.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// By `when.group` or `when.group_ids`.
    pub matched: bool,
    /// By `when.except_group`.
    pub excepted: bool,
    /// The name that its mirror has or wants.
    pub mirror_name: Option<String>,
}

/// What a membership is.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Whether it is in force.
    pub active: bool,
    /// The primary role.
    pub primary: RoleId,
    /// All roles.
    pub roles: BTreeSet<RoleId>,
}
