//! Rules × a person's groups → the origins that the person should have. A pure function.

use std::collections::{BTreeMap, BTreeSet};

use super::directory::DirectoryUser;
use super::id::{DirectoryGroupId, GroupId, RoleId, RuleId};
use super::origin::{Kind, Origin, Target};
use super::rule::{Action, Rule};

/// A rule's binding to a directory group that the person is in, directly or through nested groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The rule.
    pub rule: RuleId,
    /// The directory group.
    pub group: DirectoryGroupId,
    /// The group is one of the rule's sources.
    pub matched: bool,
    /// The group's people are out, for this rule.
    pub excepted: bool,
    /// The native group that mirrors it; `None` while the name is contested.
    pub mirror: Option<GroupId>,
}

/// The origins that `user` should have by `rules`, given the bindings of the groups they are in.
///
/// `roles` maps slugs to ids; a role that does not exist grants nothing. Each origin in a group or of a
/// role implies one for the membership, by the same rule.
pub fn desired(
    user: &DirectoryUser,
    rules: &[Rule],
    bindings: &[Binding],
    roles: &BTreeMap<String, RoleId>,
) -> BTreeSet<Origin> {
    let mut origins = BTreeSet::new();
    for rule in rules {
        let of_rule = || bindings.iter().filter(|b| b.rule == rule.id);
        if of_rule().any(|b| b.excepted) || !rule.sees_user(user) {
            continue;
        }
        if rule.is_by_group() {
            for binding in of_rule().filter(|b| b.matched) {
                apply(rule, Some(binding), user, roles, &mut origins);
            }
        } else {
            apply(rule, None, user, roles, &mut origins);
        }
    }
    origins
}

/// Whether these origins give anything after their exclusions: only then is an account made for somebody.
pub fn grants_anything(origins: &BTreeSet<Origin>) -> bool {
    let out = |target: Target| {
        origins.iter().any(|o| o.kind == Kind::Exclude && (o.target == Target::Membership || o.target == target))
    };
    origins.iter().any(|o| o.kind != Kind::Exclude && !out(o.target))
}

fn apply(
    rule: &Rule,
    binding: Option<&Binding>,
    user: &DirectoryUser,
    roles: &BTreeMap<String, RoleId>,
    origins: &mut BTreeSet<Origin>,
) {
    let origin = |target: Target, kind: Kind, directory_group: Option<DirectoryGroupId>| Origin {
        target,
        kind,
        rule: Some(rule.id),
        directory_group,
        directory_user: Some(user.id),
    };
    let source = binding.map(|b| b.group);
    for action in &rule.document.then {
        let granted = match action {
            Action::EnsureMembership {} => Some(Target::Membership),
            Action::MirrorGroup { .. } => binding.and_then(|b| b.mirror).map(Target::Group),
            Action::IntoGroup { group_id } => Some(Target::Group(*group_id)),
            Action::GrantRole { role } => roles.get(role).copied().map(Target::Role),
            Action::Exclude { group_id, role } => {
                let mut reach: Vec<Target> = group_id.map(Target::Group).into_iter().collect();
                reach.extend(role.as_ref().and_then(|slug| roles.get(slug)).copied().map(Target::Role));
                if group_id.is_none() && role.is_none() {
                    reach.push(Target::Membership);
                }
                origins.extend(reach.into_iter().map(|target| origin(target, Kind::Exclude, source)));
                None
            }
        };
        let Some(target) = granted else { continue };
        if target != Target::Membership {
            origins.insert(origin(target, Kind::Rule, source));
        }
        // One per rule and person, whatever the number of groups: the groups' own origins name them.
        origins.insert(origin(Target::Membership, Kind::Rule, None));
    }
}
