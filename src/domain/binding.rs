//! Rules × a person's groups → the origins that the person should have. A pure function.

use std::collections::{BTreeMap, BTreeSet};

use super::directory::DirectoryUser;
use super::id::{DirectoryGroupId, GroupId, RoleId, RuleId};
use super::origin::{Kind, Origin, Target, excluded};
use super::policy::{Policy, Rest};
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
fn desired(
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

/// A person as the rules see them.
pub struct Subject<'a> {
    /// Their record; `None` if it, or its directory, is gone.
    pub user: Option<&'a DirectoryUser>,
    /// Their directory is being removed.
    pub leaving: bool,
    /// Their directory is being removed, and what it gave becomes manual.
    pub handed_over: bool,
    /// The bindings of the groups that they are in.
    pub bindings: &'a [Binding],
    /// The origins in their name.
    pub stored: &'a [Origin],
    /// All origins of their membership.
    pub of_membership: &'a [Origin],
    /// Directory groups that are gone, of those that their frozen origins name.
    pub groups_gone: &'a BTreeSet<DirectoryGroupId>,
}

/// The origins that should be there in a person's name: what the active rules give, what frozen rules gave, what
/// is handed over, and what is held although no rule gives it any more.
pub fn wanted(subject: &Subject<'_>, policy: &Policy) -> BTreeSet<Origin> {
    let mut origins = BTreeSet::new();
    if subject.handed_over {
        origins.extend(handed_over(subject, |_| true));
        return origins;
    }
    if let Some(user) = subject.user {
        origins = desired(user, &policy.rules, subject.bindings, &policy.role_ids);
        for (id, resting) in &policy.resting {
            match resting.rest {
                Rest::Frozen => origins.extend(frozen(subject, &resting.rule)),
                Rest::HandedOver => origins.extend(handed_over(subject, |origin| origin.rule == Some(*id))),
            }
        }
    }
    if subject.leaving {
        return origins;
    }
    let granted: BTreeSet<Target> = origins.iter().filter(|o| o.kind != Kind::Exclude).map(|o| o.target).collect();
    let held = subject.stored.iter().filter(|o| o.kind == Kind::Held);
    let counts = |o: &&Origin| !granted.contains(&o.target) && o.rule.is_some_and(|rule| policy.holds_for(rule));
    origins.extend(held.filter(counts));
    origins
}

/// What a frozen rule gave survives the loss of the edge; it ends with the person or the directory group.
fn frozen<'a>(subject: &'a Subject<'_>, rule: &'a Rule) -> impl Iterator<Item = Origin> + 'a {
    let lives = |o: &Origin| o.directory_group.is_none_or(|group| !subject.groups_gone.contains(&group));
    let kept = move |o: &&Origin| {
        o.rule == Some(rule.id) && matches!(o.kind, Kind::Rule | Kind::Frozen | Kind::Exclude) && lives(o)
    };
    // The membership that a group or role implies ends with the last of them.
    let ensures = rule.document.then.iter().any(|action| matches!(action, Action::EnsureMembership {}));
    let grants = subject.stored.iter().filter(kept).any(|o| o.target != Target::Membership);
    subject.stored.iter().filter(kept).filter(move |o| o.target != Target::Membership || ensures || grants).map(|o| {
        let kind = if o.kind == Kind::Exclude { Kind::Exclude } else { Kind::Frozen };
        Origin { kind, ..*o }
    })
}

/// What was given becomes manual. What an exclusion takes away stays away: a manual origin would bring it back.
fn handed_over<'a>(
    subject: &'a Subject<'_>,
    which: impl Fn(&Origin) -> bool + 'a,
) -> impl Iterator<Item = Origin> + 'a {
    let given = subject.stored.iter().filter(|o| matches!(o.kind, Kind::Rule | Kind::Frozen | Kind::Held));
    given.filter(move |o| which(o)).filter(|o| !excluded(subject.of_membership, o.target)).map(|o| Origin {
        target: o.target,
        kind: Kind::Manual,
        rule: None,
        directory_group: None,
        directory_user: None,
    })
}

/// Whether these origins give anything after their exclusions: only then is an account made for somebody.
pub fn grants_anything(origins: &BTreeSet<Origin>) -> bool {
    let all: Vec<Origin> = origins.iter().copied().collect();
    all.iter().any(|o| o.kind != Kind::Exclude && !excluded(&all, o.target))
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
