//! What can happen to an organization, as values that proptest makes and shrinks.
//!
//! Whom an operation is about is an index into what there is at that moment, so that a sequence that was
//! shortened still makes sense.

use muster::domain::id::{DirectoryGroupId, DirectoryId, GroupId};
use muster::domain::rule::{Action, OnCollision, OnDelete, RuleDocument, RuleState, When};

/// The pools are small, so that names, addresses and references meet.
pub const USER_NAMES: [&str; 6] = ["ada", "bo", "cy", "di", "eve", "flo"];
pub(super) const TITLES: [&str; 3] = ["Lead", "Lead Engineer", "Clerk"];
pub(super) const USER_TYPES: [&str; 2] = ["Employee", "Contractor"];
/// Names of directory groups.
pub const GROUP_NAMES: [&str; 7] = ["eng-web", "eng-mobile", "Sales", "sales", "admins", "legal-hold", "Team Web"];
/// Names of native groups that are made by hand.
pub const NATIVE_NAMES: [&str; 7] = ["Sales", "Team Web", "ADMINS", "eng-web", "Everybody", "Staff", "Guests"];

pub(super) const GROUP_FILTERS: [&str; 4] =
    ["displayName sw \"eng-\"", "displayName eq \"Sales\"", "displayName pr", "externalId eq \"x1\""];
pub(super) const USER_FILTERS: [&str; 3] = ["active eq true", "userType ne \"Contractor\"", "title co \"Lead\""];
pub(super) const EXCEPTIONS: [&str; 2] = ["displayName eq \"legal-hold\"", "externalId pr"];
pub(super) const CAPTURES: [&str; 2] = ["^eng-(?<team>[a-z]+)$", "^(?<team>[a-zA-Z]+)"];
pub(super) const TEMPLATES: [&str; 3] = ["Team {{ team | title }}", "Everybody", "{{ group.displayName | upper }}"];
pub(super) const ROLES: [&str; 2] = ["member", "admin"];

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Operation {
    CreateUser {
        second: bool,
        person: PersonSpec,
    },
    ReplaceUser {
        user: usize,
        person: PersonSpec,
    },
    DeleteUser {
        user: usize,
    },
    CreateGroup {
        second: bool,
        name: usize,
        external: Option<usize>,
        members: Vec<Reference>,
    },
    ReplaceGroup {
        group: usize,
        name: usize,
        external: Option<usize>,
        members: Option<Vec<Reference>>,
    },
    PatchMembers {
        group: usize,
        add: Vec<Reference>,
        remove: Vec<Reference>,
    },
    DeleteGroup {
        group: usize,
    },
    CreateRule {
        rule: RuleSpec,
        apply: bool,
    },
    UpdateRule {
        rule: usize,
        to: RuleSpec,
        apply: bool,
    },
    /// The same condition, other actions.
    RetargetRule {
        rule: usize,
        to: RuleSpec,
    },
    ApplyRule {
        rule: usize,
    },
    DeleteRule {
        rule: usize,
        hand_over: bool,
    },
    CreateNativeGroup {
        name: usize,
    },
    GiveByHand {
        membership: usize,
        what: Gift,
    },
    TakeByHand {
        gift: usize,
    },
    Deactivate {
        membership: usize,
    },
    /// Freezes a rule, or activates it.
    Freeze {
        rule: usize,
        frozen: bool,
    },
    /// A guard that lets hardly any membership lose something, or the usual one.
    Guard {
        second: bool,
        tiny: bool,
    },
    Pause {
        second: bool,
    },
    Resume {
        second: bool,
    },
    RemoveDirectory {
        second: bool,
        hand_over: bool,
    },
    /// Approves or rejects what a guard parked: all of it, or one effect.
    Decide {
        approve: bool,
        only: Option<usize>,
    },
    /// A plan, what happens before it is applied, and its application.
    Plan {
        changes: Vec<ChangeSpec>,
        meanwhile: Option<Box<Operation>>,
        approve: bool,
    },
    Reconcile,
    /// Somebody damages a row behind the engine's back; a verification finds it, and a reconcile repairs it.
    Damage {
        what: usize,
        at: usize,
    },
}

/// A change of a plan.
#[derive(Debug, Clone)]
pub enum ChangeSpec {
    Save(RuleSpec),
    Edit {
        rule: usize,
        to: RuleSpec,
    },
    Apply {
        rule: usize,
    },
    State {
        rule: usize,
        state: RuleState,
    },
    Delete {
        rule: usize,
        hand_over: bool,
    },
    /// All rules, beginning with this one.
    Reorder {
        first: usize,
    },
    Resume {
        second: bool,
    },
    Remove {
        second: bool,
        hand_over: bool,
    },
    Reconcile,
}

impl Operation {
    /// Whether an identity provider does it.
    pub fn is_scim(&self) -> bool {
        matches!(
            self,
            Operation::CreateUser { .. }
                | Operation::ReplaceUser { .. }
                | Operation::DeleteUser { .. }
                | Operation::CreateGroup { .. }
                | Operation::ReplaceGroup { .. }
                | Operation::PatchMembers { .. }
                | Operation::DeleteGroup { .. }
        )
    }
}

/// What can be given by hand.
#[derive(Debug, Clone)]
pub enum Gift {
    Membership,
    Group(usize),
    Role(usize),
}

/// What is sent of a user.
#[derive(Debug, Clone)]
pub struct PersonSpec {
    pub name: usize,
    pub given: usize,
    pub email: Option<usize>,
    pub active: Option<bool>,
    pub title: Option<usize>,
    pub user_type: Option<usize>,
    pub external: Option<usize>,
}

impl PersonSpec {
    pub fn title(&self) -> Option<&'static str> {
        self.title.map(|at| TITLES[at])
    }

    pub fn user_type(&self) -> Option<&'static str> {
        self.user_type.map(|at| USER_TYPES[at])
    }
}

/// How a member is named.
#[derive(Debug, Clone)]
pub enum Reference {
    User(usize),
    Group(usize),
    External(usize),
    /// A user of whatever directory, by id: one of another directory is just unknown.
    Elsewhere(usize),
}

/// The text of an `externalId`; users and groups share the pool.
pub fn external_id(at: usize) -> String {
    format!("x{at}")
}

/// A rule, with indices where it will have ids.
#[derive(Debug, Clone)]
pub struct RuleSpec {
    pub(super) directory: Option<bool>,
    pub(super) position: i64,
    pub(super) draft: bool,
    pub(super) group: Option<usize>,
    pub(super) pinned: Option<usize>,
    pub(super) capture: Option<usize>,
    pub(super) user: Option<usize>,
    pub(super) except: Option<usize>,
    pub(super) then: Vec<ActionSpec>,
}

#[derive(Debug, Clone)]
pub(super) enum ActionSpec {
    Ensure,
    Mirror { name: Option<usize>, on_collision: OnCollision, on_delete: OnDelete },
    Into(usize),
    Grant(usize),
    Exclude { group: Option<usize>, role: Option<usize> },
}

/// The `at`th of a list that goes round; `None` of an empty one.
pub fn nth<T: Copy>(list: &[T], at: usize) -> Option<T> {
    list.get(at.checked_rem(list.len())?).copied()
}

impl RuleSpec {
    /// Whether the rule takes anything away.
    pub fn excludes(&self) -> bool {
        self.then.iter().any(|action| matches!(action, ActionSpec::Exclude { .. }))
    }

    /// The document for what there is now.
    pub fn document(
        &self,
        directories: [DirectoryId; 2],
        sources: &[DirectoryGroupId],
        natives: &[GroupId],
    ) -> RuleDocument {
        let pinned = self.pinned.and_then(|at| nth(sources, at));
        let by_group = self.group.is_some() || pinned.is_some();
        let mut when = When {
            group: self.group.map(|at| GROUP_FILTERS[at].to_owned()),
            group_ids: pinned.into_iter().collect(),
            capture: self.capture.filter(|_| by_group).map(|at| CAPTURES[at].to_owned()),
            user: self.user.map(|at| USER_FILTERS[at].to_owned()),
            except_group: self.except.map(|at| EXCEPTIONS[at].to_owned()),
        };
        if !by_group && when.user.is_none() {
            when.user = Some(USER_FILTERS[0].to_owned());
        }
        let mut mirrors = 0;
        let mut then: Vec<Action> = Vec::new();
        for action in &self.then {
            let action = action.action(natives);
            mirrors += usize::from(matches!(action, Action::MirrorGroup { .. }));
            if !matches!(action, Action::MirrorGroup { .. }) || (by_group && mirrors == 1) {
                then.push(action);
            }
        }
        if then.is_empty() {
            then.push(Action::EnsureMembership {});
        }
        RuleDocument {
            directory_id: self.directory.map(|second| directories[usize::from(second)]),
            position: self.position,
            state: if self.draft { RuleState::Draft } else { RuleState::Active },
            when,
            then,
        }
    }
}

impl ActionSpec {
    fn action(&self, natives: &[GroupId]) -> Action {
        match self {
            ActionSpec::Ensure => Action::EnsureMembership {},
            ActionSpec::Mirror { name, on_collision, on_delete } => Action::MirrorGroup {
                name: name.map(|at| TEMPLATES[at].to_owned()),
                on_collision: *on_collision,
                on_delete: *on_delete,
            },
            ActionSpec::Into(at) => {
                nth(natives, *at).map_or(Action::EnsureMembership {}, |group_id| Action::IntoGroup { group_id })
            }
            ActionSpec::Grant(at) => Action::GrantRole { role: ROLES[*at].to_owned() },
            ActionSpec::Exclude { group, role } => Action::Exclude {
                group_id: group.and_then(|at| nth(natives, at)),
                role: role.map(|at| ROLES[at].to_owned()),
            },
        }
    }
}
