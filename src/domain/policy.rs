//! What an organization has decided, ready to be evaluated: its rules in force and its roles.

use std::collections::BTreeMap;

use super::id::{RoleId, RuleId};
use super::native::Role;
use super::rule::Rule;
use super::{Error, Result};

/// The rules in force, in the order of their positions, and the roles.
#[derive(Debug)]
pub struct Policy {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The roles, oldest first.
    pub roles: Vec<Role>,
    /// The roles by slug.
    pub role_ids: BTreeMap<String, RoleId>,
}

impl Policy {
    /// The policy of these rules and roles.
    pub fn new(mut rules: Vec<Rule>, roles: Vec<Role>) -> Self {
        rules.sort_by_key(|rule| (rule.document.position, rule.id));
        let role_ids = roles.iter().map(|role| (role.slug.clone(), role.id)).collect();
        Policy { rules, roles, role_ids }
    }

    /// The rule `id`, if it is in force.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The position of a rule; one that is not in force comes last.
    pub fn rank(&self, rule: Option<RuleId>) -> i64 {
        rule.and_then(|id| self.rule(id)).map_or(i64::MAX, |rule| rule.document.position)
    }

    /// The version in force of a rule; 0 of one that is not.
    pub fn version(&self, rule: RuleId) -> i64 {
        self.rule(rule).map_or(0, |rule| rule.version)
    }

    /// The role that is held when no other is.
    pub fn default_role(&self) -> Result<RoleId> {
        let role = self.roles.iter().find(|role| role.is_default).or(self.roles.first());
        role.map(|role| role.id).ok_or_else(|| Error::internal("the organization has no role"))
    }
}
