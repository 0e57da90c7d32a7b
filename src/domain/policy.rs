//! What an organization has decided, ready to be evaluated: its rules, its roles, what its directories may do.

use std::collections::{BTreeMap, BTreeSet};

use super::event::RuleAtWork;
use super::group_roles::GroupRoles;
use super::guard::Guard;
use super::id::{DirectoryId, RoleId, RuleId};
use super::native::Role;
use super::origin::{Effective, Ending, Origin, Standing, effective};
use super::rule::Rule;
use super::{Error, Result};

/// How a rule that grants nothing new still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// What it gave stays.
    Frozen,
    /// It is being deleted, and what it gave becomes manual.
    HandedOver,
}

/// A rule at rest.
#[derive(Debug)]
pub struct Resting {
    /// The rule.
    pub rule: Rule,
    /// How it rests.
    pub rest: Rest,
}

/// What a directory may do to the native side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectoryPolicy {
    /// The native side waits.
    pub paused: bool,
    /// It is being removed: its people and groups count as gone.
    pub leaving: Option<Ending>,
    /// How much it may take away at once.
    pub guard: Guard,
}

/// The rules, in the order of their positions, the roles, those of groups, and the directories.
#[derive(Debug, Default)]
pub struct Policy {
    /// The rules that are active.
    pub rules: Vec<Rule>,
    /// The rules that are frozen or handed over.
    pub resting: BTreeMap<RuleId, Resting>,
    /// Rules that a run is still bringing into effect: their removals were seen in a plan, and the guard lets them be.
    pub settling: BTreeSet<RuleId>,
    /// The roles, oldest first.
    pub roles: Vec<Role>,
    /// The roles by slug.
    pub role_ids: BTreeMap<String, RoleId>,
    /// The roles that native groups have.
    pub group_roles: GroupRoles,
    /// The directories.
    pub directories: BTreeMap<DirectoryId, DirectoryPolicy>,
}

impl Policy {
    /// A policy of these roles, without rules yet.
    pub fn new(roles: Vec<Role>, group_roles: GroupRoles, directories: BTreeMap<DirectoryId, DirectoryPolicy>) -> Self {
        let role_ids = roles.iter().map(|role| (role.slug.clone(), role.id)).collect();
        Policy { roles, role_ids, group_roles, directories, ..Policy::default() }
    }

    /// Adds an active rule, in its place.
    pub fn add(&mut self, rule: Rule) {
        let place = |rule: &Rule| (rule.document.position, rule.id);
        let at = self.rules.partition_point(|other| place(other) < place(&rule));
        self.rules.insert(at, rule);
    }

    /// Whether no rule gives, keeps or hands over anything.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.resting.is_empty()
    }

    /// The rule `id`, if it is active.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The rule `id`, active or resting.
    pub fn known(&self, id: RuleId) -> Option<&Rule> {
        self.rule(id).or_else(|| self.resting.get(&id).map(|resting| &resting.rule))
    }

    /// Whether the rule is frozen.
    pub fn is_frozen(&self, id: RuleId) -> bool {
        self.resting.get(&id).is_some_and(|resting| resting.rest == Rest::Frozen)
    }

    /// Whether what the rule gave, and a guard holds, goes on to be held: one that ends takes it along.
    pub fn holds_for(&self, id: RuleId) -> bool {
        self.rule(id).is_some() || self.is_frozen(id)
    }

    /// What a directory may do; one that is not known may do everything.
    pub fn directory(&self, id: DirectoryId) -> DirectoryPolicy {
        self.directories.get(&id).copied().unwrap_or_default()
    }

    /// The position of a rule; one that is not in force comes last.
    pub fn rank(&self, rule: Option<RuleId>) -> i64 {
        let in_force = rule.filter(|id| self.holds_for(*id));
        in_force.and_then(|id| self.known(id)).map_or(i64::MAX, |rule| rule.document.position)
    }

    /// What a membership has by these origins: see [`effective`].
    pub fn effective(&self, origins: &[Origin], standing: Standing) -> Effective {
        effective(origins, standing, &self.roles, &self.group_roles, |rule| self.rank(rule))
    }

    /// The version in force of a rule; 0 of one that is not.
    pub fn version(&self, rule: RuleId) -> i64 {
        self.known(rule).map_or(0, |rule| rule.version)
    }

    /// A rule as events name it.
    pub fn at_work(&self, rule: RuleId) -> RuleAtWork {
        RuleAtWork { id: rule, version: self.known(rule).map(|rule| rule.version) }
    }

    /// The role that is held when no other is.
    pub fn default_role(&self) -> Result<RoleId> {
        let role = self.roles.iter().find(|role| role.is_default).or(self.roles.first());
        role.map(|role| role.id).ok_or_else(|| Error::internal("the organization has no role"))
    }
}
