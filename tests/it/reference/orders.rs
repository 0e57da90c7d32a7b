//! The same facts in different orders: how they are made up, and what of a state has nothing to do with ids.

use std::collections::{BTreeMap, BTreeSet};

use muster::domain::id::{DirectoryId, MembershipId, RuleId};
use proptest::prelude::*;

use super::generate::{peaceful_rules, person};
use super::model::{Edge, Target};
use super::operations::{Operation, Reference, RuleSpec};
use super::world::World;

/// Names in the pool that do not collide with each other.
const NAMES: [usize; 5] = [0, 1, 2, 4, 5];
const USERS: usize = 6;

/// What a group is called from outside, so that it can be referred to before it is there.
fn of_group(at: usize) -> usize {
    USERS + at
}

/// Creations of people, groups and rules that are independent of each other's order, and two orders.
pub fn shuffled_twice() -> impl Strategy<Value = [Vec<Operation>; 2]> {
    let people = proptest::collection::vec((any::<bool>(), person()), 1..=USERS);
    let members = proptest::collection::vec(0..USERS + NAMES.len(), 0..5);
    let groups = proptest::collection::vec((any::<bool>(), members), 1..=NAMES.len());
    (people, groups, peaceful_rules())
        .prop_map(|(people, groups, rules)| {
            let mut operations = Vec::new();
            let excludes = rules.iter().any(RuleSpec::excludes);
            for (at, (second, mut person)) in people.into_iter().enumerate() {
                person.name = at;
                person.external = Some(at);
                if excludes {
                    // Whether somebody who is only excluded was ever linked is a decision that depends on the
                    // order; it matters where another directory user has the same account.
                    person.email = person.email.map(|_| at);
                }
                operations.push(Operation::CreateUser { second, person });
            }
            for (at, (second, members)) in groups.into_iter().enumerate() {
                let members = members.into_iter().map(Reference::External).collect();
                let external = Some(of_group(at));
                operations.push(Operation::CreateGroup { second, name: NAMES[at], external, members });
            }
            operations.extend(rules.into_iter().map(|rule| Operation::CreateRule { rule, apply: true }));
            operations
        })
        .prop_flat_map(|operations| [Just(operations.clone()).prop_shuffle(), Just(operations).prop_shuffle()])
}

/// What is effective, in names alone. People who lost everything leave traces or leave none, as they had
/// something first or not: links are decisions.
#[derive(Debug, PartialEq, Eq)]
pub struct Canonical(BTreeSet<String>);

struct Names<'w> {
    world: &'w World,
    directories: BTreeMap<DirectoryId, usize>,
}

/// What is left of the state when every id is replaced by a name.
pub fn canonical(world: &World, directories: &[DirectoryId]) -> Canonical {
    let directories = directories.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let names = Names { world, directories };
    let mut lines = BTreeSet::new();
    for (group, edge) in &world.facts.edges {
        let member = match edge {
            Edge::User(user) => names.user(user),
            Edge::Group(group) => names.source(group),
            Edge::Pending(text) => format!("pending {text}"),
        };
        lines.insert(format!("{} has {member}", names.source(group)));
    }
    for ((rule, source), binding) in &world.native.bindings {
        lines.insert(format!("rule {} sees {}: {binding:?}", names.rule(rule), names.source(source)));
    }
    let in_force = |membership: &MembershipId| world.native.memberships[membership].active;
    for (membership, reason) in world.native.reasons.iter().filter(|(membership, _)| in_force(membership)) {
        let rule = reason.rule.map(|rule| names.rule(&rule));
        let group = reason.group.map(|group| names.source(&group));
        let user = reason.user.map(|user| names.user(&user));
        let (who, what) = (names.membership(membership), names.target(reason.target));
        lines.insert(format!("{who}: {what} by {} {rule:?} {group:?} {user:?}", reason.kind));
    }
    for (membership, standing) in world.native.memberships.iter().filter(|(membership, _)| in_force(membership)) {
        let roles: BTreeSet<String> = standing.roles.iter().map(|role| names.target(Target::Role(*role))).collect();
        let primary = names.target(Target::Role(standing.primary));
        lines.insert(format!("{}: {primary} {roles:?}", names.membership(membership)));
    }
    for (group, membership) in &world.native.members {
        lines.insert(format!("{} is in {}", names.membership(membership), names.target(Target::Group(*group))));
    }
    lines.extend(world.groups.values().map(|name| format!("there is {name}")));
    Canonical(lines)
}

impl Canonical {
    /// What one has and the other lacks.
    pub fn difference(&self, other: &Canonical) -> Vec<String> {
        let here = self.0.difference(&other.0).map(|line| format!("only in the first order: {line}"));
        here.chain(other.0.difference(&self.0).map(|line| format!("only in the second order: {line}"))).collect()
    }
}

impl Names<'_> {
    fn user(&self, id: &muster::domain::id::DirectoryUserId) -> String {
        let person = &self.world.facts.users[id];
        format!("{}:{}", self.directories[&person.directory], person.document["userName"])
    }

    fn source(&self, id: &muster::domain::id::DirectoryGroupId) -> String {
        let source = &self.world.facts.groups[id];
        format!("{}:{}", self.directories[&source.directory], source.document["displayName"])
    }

    fn rule(&self, id: &RuleId) -> i64 {
        self.world.decisions.rules[id].position
    }

    /// A membership is called by the address of the people who are linked to it.
    fn membership(&self, id: &MembershipId) -> String {
        let mut linked = self.world.decisions.links.iter().filter(|(_, link)| link.membership == Some(*id));
        let (user, _) = linked.next().expect("nobody was given anything by hand");
        let email = self.world.facts.users[user].document["emails"][0]["value"].as_str().expect("an address");
        email.split('@').next().unwrap_or_default().to_owned()
    }

    fn target(&self, target: Target) -> String {
        match target {
            Target::Membership => "membership".to_owned(),
            Target::Group(group) => self.world.groups[&group].clone(),
            Target::Role(role) => self.world.decisions.roles[&role].slug.clone(),
        }
    }
}
