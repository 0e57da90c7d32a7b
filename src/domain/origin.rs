//! Why a native fact is there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::group_roles::GroupRoles;
use super::id::{DirectoryGroupId, DirectoryUserId, GroupId, RoleId, RuleId};
use super::native::Role;

/// What an origin speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// The membership of the organization itself; for an exclusion: everything.
    Membership,
    /// Belonging to a native group.
    Group(GroupId),
    /// Holding a role.
    Role(RoleId),
}

/// The kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody did it by hand or by API. Never ended by the engine.
    Manual,
    /// A rule grants it.
    Rule,
    /// A rule takes it away: ends every rule origin in its reach, never a manual one.
    Exclude,
    /// A rule granted it and was then disabled.
    Frozen,
    /// Its removal is parked, or was rejected.
    Held,
}

impl Kind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Manual => "manual",
            Kind::Rule => "rule",
            Kind::Exclude => "exclude",
            Kind::Frozen => "frozen",
            Kind::Held => "held",
        }
    }

    /// The kind with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        let all = [Kind::Manual, Kind::Rule, Kind::Exclude, Kind::Frozen, Kind::Held];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Kind {
    /// Whether the engine may end it: it wrote it.
    pub fn is_the_engines(self) -> bool {
        self != Kind::Manual
    }
}

/// What becomes of what a rule or a directory gave when it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It ends.
    #[default]
    Retract,
    /// It stays, as if somebody had given it by hand.
    HandOver,
}

impl Ending {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Retract => "retract",
            Ending::HandOver => "hand_over",
        }
    }

    /// The ending with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        [Ending::Retract, Ending::HandOver].into_iter().find(|ending| ending.as_str() == text)
    }
}

/// One reason. The membership that it concerns is known from where it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// What it speaks for.
    pub target: Target,
    /// The kind of reason.
    pub kind: Kind,
    /// The rule, for `Rule`, `Exclude` and `Frozen`.
    pub rule: Option<RuleId>,
    /// The directory group that the rule matched, if it matched by a group.
    pub directory_group: Option<DirectoryGroupId>,
    /// The person in whose name the rule acts.
    pub directory_user: Option<DirectoryUserId>,
}

/// Whether these origins take `target` away by an exclusion.
pub fn excluded(origins: &[Origin], target: Target) -> bool {
    origins.iter().any(|o| o.kind == Kind::Exclude && (o.target == Target::Membership || o.target == target))
}

/// What a membership has by all its origins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effective {
    /// Whether the membership is in force.
    pub active: bool,
    /// The groups it is in; none while inactive.
    pub groups: BTreeSet<GroupId>,
    /// The roles it holds, the primary one first; never empty where a default role exists.
    pub roles: Vec<RoleId>,
}

/// The standing of a person at the directories that are linked to the membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// How many directory users are or were linked.
    pub linked: usize,
    /// How many of them are there.
    pub present: usize,
    /// How many of them are there and active.
    pub active: usize,
    /// Whether somebody deactivated the membership by API.
    pub deactivated: bool,
}

impl Standing {
    /// Of how each linked person stands: there, and active; whoever never was linked is `None`.
    pub fn of(people: impl IntoIterator<Item = Option<(bool, bool)>>) -> Self {
        let mut standing = Standing::default();
        for (present, active) in people.into_iter().flatten() {
            standing.linked += 1;
            standing.present += usize::from(present);
            standing.active += usize::from(present && active);
        }
        standing
    }
}

/// Invariant 1: a target is effective exactly if it has a manual origin, or another live origin and no
/// exclusion in reach; and the membership is active.
///
/// Whoever is in a group also holds the roles that the group has, by `group_roles`: they come and go with the group, so
/// that an exclusion takes them by taking the group, and one of a role takes only what rules grant.
///
/// `rank` gives the position of a rule; a manual role outranks every rule as the primary one, and every rule a group.
pub fn effective(
    origins: &[Origin],
    standing: Standing,
    roles: &[Role],
    group_roles: &GroupRoles,
    rank: impl Fn(Option<RuleId>) -> i64,
) -> Effective {
    let counts = |o: &Origin| match o.kind {
        Kind::Manual => true,
        Kind::Exclude => false,
        Kind::Rule | Kind::Frozen | Kind::Held => !excluded(origins, o.target),
    };
    let live: Vec<&Origin> = origins.iter().filter(|o| counts(o)).collect();

    let member = live.iter().any(|o| o.target == Target::Membership);
    let suspended = standing.deactivated || (standing.linked > 0 && standing.active == 0);
    let active = member && !suspended;

    let mut granted: Vec<(i64, RoleId)> = live
        .iter()
        .filter_map(|o| match o.target {
            Target::Role(role) => Some((if o.kind == Kind::Manual { i64::MIN } else { rank(o.rule) }, role)),
            _ => None,
        })
        .collect();
    granted.sort_unstable();
    let mut held: Vec<RoleId> = Vec::new();
    for (_, role) in granted {
        if !held.contains(&role) {
            held.push(role);
        }
    }
    let groups: BTreeSet<GroupId> = live
        .iter()
        .filter_map(|o| match o.target {
            Target::Group(group) if active => Some(group),
            _ => None,
        })
        .collect();
    held.extend(group_roles.of_all(&groups).into_iter().filter(|role| !held.contains(role)).collect::<Vec<_>>());
    if held.is_empty() {
        held.extend(roles.iter().find(|role| role.is_default).map(|role| role.id));
    }
    Effective { active, groups, roles: held }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<T>(n: u128) -> super::super::Id<T> {
        super::super::Id::from_uuid(uuid::Uuid::from_u128(n))
    }
    fn origin(target: Target, kind: Kind, rule: u128) -> Origin {
        Origin { target, kind, rule: (rule > 0).then(|| id(rule)), directory_group: None, directory_user: None }
    }
    const HERE: Standing = Standing { linked: 1, present: 1, active: 1, deactivated: false };

    fn rank(rule: Option<RuleId>) -> i64 {
        rule.map_or(i64::MAX, |rule| i64::try_from(rule.uuid().as_u128()).unwrap())
    }

    fn roles() -> [Role; 1] {
        let at = chrono::DateTime::from_timestamp_millis(0).unwrap();
        [Role { is_default: true, ..Role::new(id(7), "member", "Member", at) }]
    }

    #[test]
    fn an_exclusion_ends_rule_origins_and_never_manual_ones() {
        let (one, two) = (Target::Group(id(1)), Target::Group(id(2)));
        let origins = [
            origin(Target::Membership, Kind::Manual, 0),
            origin(one, Kind::Rule, 5),
            origin(two, Kind::Manual, 0),
            origin(Target::Membership, Kind::Exclude, 6),
        ];
        let has = effective(&origins, HERE, &[], &GroupRoles::default(), rank);
        assert!(has.active);
        assert_eq!(has.groups.into_iter().collect::<Vec<_>>(), vec![id(2)]);
    }

    #[test]
    fn a_suspended_person_is_in_no_group_and_keeps_their_roles_on_record() {
        let origins = [
            origin(Target::Membership, Kind::Rule, 5),
            origin(Target::Group(id(1)), Kind::Rule, 5),
            origin(Target::Role(id(9)), Kind::Rule, 5),
        ];
        for standing in [Standing { active: 0, ..HERE }, Standing { deactivated: true, ..HERE }] {
            let has = effective(&origins, standing, &[], &GroupRoles::default(), rank);
            assert!(!has.active && has.groups.is_empty());
            assert_eq!(has.roles, vec![id(9)]);
        }
    }

    #[test]
    fn the_primary_role_is_manual_before_the_first_rule_and_default_only_alone() {
        let (roles, none) = (roles(), GroupRoles::default());
        let member = origin(Target::Membership, Kind::Rule, 1);
        assert_eq!(effective(&[member], HERE, &roles, &none, rank).roles, vec![id(7)]);
        let by_rules =
            [member, origin(Target::Role(id(3)), Kind::Rule, 30), origin(Target::Role(id(4)), Kind::Rule, 10)];
        assert_eq!(effective(&by_rules, HERE, &roles, &none, rank).roles, vec![id(4), id(3)]);
        let by_hand = [by_rules.as_slice(), &[origin(Target::Role(id(5)), Kind::Manual, 0)]].concat();
        assert_eq!(effective(&by_hand, HERE, &roles, &none, rank).roles, vec![id(5), id(4), id(3)]);
    }

    #[test]
    fn the_roles_of_a_group_are_held_by_whoever_is_in_it() {
        let of_groups: GroupRoles = [(id(1), id(9)), (id(1), id(8)), (id(2), id(6))].into_iter().collect();
        let roles = roles();
        let member = origin(Target::Membership, Kind::Rule, 1);
        let (one, two) = (origin(Target::Group(id(1)), Kind::Rule, 2), origin(Target::Group(id(2)), Kind::Manual, 0));
        let of = |origins: &[Origin], standing| effective(origins, standing, &roles, &of_groups, rank).roles;
        assert_eq!(of(&[member], HERE), vec![id(7)], "outside of them, the default role");
        assert_eq!(of(&[member, one], HERE), vec![id(8), id(9)], "by their ids, and the default role no more");
        assert_eq!(of(&[member, one, two], HERE), vec![id(6), id(8), id(9)]);
        assert_eq!(of(&[member, one], Standing { active: 0, ..HERE }), vec![id(7)], "suspended: in no group");
        assert_eq!(of(&[one], HERE), vec![id(7)], "no member: in no group");
    }

    #[test]
    fn a_role_by_a_group_ranks_last_and_is_held_once() {
        let of_groups: GroupRoles = [(id(1), id(3)), (id(1), id(4))].into_iter().collect();
        let member = origin(Target::Membership, Kind::Rule, 1);
        let in_group = origin(Target::Group(id(1)), Kind::Rule, 1);
        let by_rule = origin(Target::Role(id(5)), Kind::Rule, 30);
        let by_both = origin(Target::Role(id(4)), Kind::Rule, 40);
        let has = effective(&[member, in_group, by_rule, by_both], HERE, &roles(), &of_groups, rank);
        assert_eq!(has.roles, vec![id(5), id(4), id(3)]);
    }

    #[test]
    fn excluding_the_group_takes_its_roles_and_excluding_a_role_takes_only_what_rules_grant() {
        let of_groups: GroupRoles = [(id(1), id(9))].into_iter().collect();
        let given = [
            origin(Target::Membership, Kind::Manual, 0),
            origin(Target::Group(id(1)), Kind::Rule, 2),
            origin(Target::Role(id(9)), Kind::Rule, 2),
        ];
        let without = |target: Target| {
            let origins = [given.as_slice(), &[origin(target, Kind::Exclude, 3)]].concat();
            effective(&origins, HERE, &roles(), &of_groups, rank)
        };
        assert_eq!(without(Target::Role(id(9))).roles, vec![id(9)], "by the group, still");
        assert_eq!(without(Target::Membership).roles, vec![id(7)]);
        let out = without(Target::Group(id(1)));
        assert!(out.groups.is_empty());
        assert_eq!(out.roles, vec![id(9)], "by the rule, still");
        let only_by_group = [given[0], given[1], origin(Target::Group(id(1)), Kind::Exclude, 3)];
        assert_eq!(effective(&only_by_group, HERE, &roles(), &of_groups, rank).roles, vec![id(7)]);
    }
}
