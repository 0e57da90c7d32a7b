//! Where the stored state is not what the reference says, or contradicts itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use muster::domain::id::{DirectoryId, GroupId, MembershipId, RuleId};
use muster::domain::native::name_key;
use muster::domain::rule::{Action, OnCollision, OnDelete, RuleDocument};

use serde_json::{Map, Value};

use super::evaluate::{entitled, evaluate, mirror_of};
use super::model::{Edge, Facts, Link, Mirror, Target};
use super::replay::Replay;
use super::world::World;

/// Panics unless the state is what it should be.
#[track_caller]
pub fn assert_agrees(world: &World, replay: &Replay) {
    let found = disagreements(world, replay);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Everything that is wrong with the state.
pub fn disagreements(world: &World, replay: &Replay) -> Vec<String> {
    let wanted = evaluate(&world.facts, &world.decisions);
    let mut found = Vec::new();
    maps("binding", &wanted.bindings, &world.native.bindings, &mut found);
    sets("origin", &wanted.reasons, &world.native.reasons, &mut found);
    maps("membership", &wanted.memberships, &world.native.memberships, &mut found);
    for (id, standing) in &world.native.memberships {
        if wanted.memberships.get(id) != Some(standing) {
            let reasons: Vec<_> = world.native.reasons.iter().filter(|(of, _)| of == id).map(|(_, one)| one).collect();
            let positions: Vec<_> = world.decisions.rules.iter().map(|(id, rule)| (id, rule.position)).collect();
            found.push(format!(
                "  {id} has {reasons:#?}; rules are at {positions:?}, some in {:?}",
                world.decisions.frozen
            ));
        }
    }
    sets("effective member", &wanted.members, &world.native.members, &mut found);
    pending(&world.facts, &mut found);
    links(world, &mut found);
    parked(world, &mut found);
    dangling(world, &mut found);
    mirrors(world, &mut found);
    found.extend(replay.disagreements(world));
    found
}

fn sets<T: Ord + Debug>(what: &str, wanted: &BTreeSet<T>, stored: &BTreeSet<T>, found: &mut Vec<String>) {
    found.extend(wanted.difference(stored).map(|one| format!("missing {what}: {one:?}")));
    found.extend(stored.difference(wanted).map(|one| format!("{what} that should not be: {one:?}")));
}

fn maps<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    wanted: &BTreeMap<K, V>,
    stored: &BTreeMap<K, V>,
    found: &mut Vec<String>,
) {
    for key in wanted.keys().chain(stored.keys()).collect::<BTreeSet<_>>() {
        let (wanted, stored) = (wanted.get(key), stored.get(key));
        if wanted != stored {
            found.push(format!("{what} {key:?}\n  should be {wanted:?}\n  is        {stored:?}"));
        }
    }
}

/// Nobody who is there is waited for.
fn pending(facts: &Facts, found: &mut Vec<String>) {
    for (group, edge) in &facts.edges {
        let Edge::Pending(text) = edge else { continue };
        let directory = facts.groups[group].directory;
        let is_meant = |id: String, of: DirectoryId, document: &Map<String, Value>| {
            of == directory && (id == *text || document.get("externalId").and_then(Value::as_str) == Some(text))
        };
        let known = facts.users.iter().any(|(id, user)| is_meant(id.to_string(), user.directory, &user.document))
            || facts.groups.iter().any(|(id, group)| is_meant(id.to_string(), group.directory, &group.document));
        if known {
            found.push(format!("{group} waits for '{text}', who is there"));
        }
    }
}

/// Whoever is entitled to something is linked, or waits for a reason.
fn links(world: &World, found: &mut Vec<String>) {
    for user in entitled(&world.facts, &world.decisions) {
        match world.decisions.links.get(&user) {
            Some(link) if link.state == "linked" && link.membership.is_some() => {}
            Some(link) if link.state == "pending" && link.method == "no_email" => {
                if world.facts.users[&user].document.contains_key("emails") {
                    found.push(format!("{user} waits for an e-mail that is there"));
                }
            }
            other => found.push(format!("{user} should have an account: {other:?}")),
        }
    }
    for (user, link) in &world.decisions.links {
        let person = world.facts.users.get(user);
        let stale = person.is_some_and(|person| person.active != link.active) && !waits(world, link);
        if stale {
            found.push(format!("the link of {user} does not follow"));
        }
        let is_gone = person.is_none() && !waits(world, link);
        if (is_gone && link.state != "ended") || (person.is_some() && link.state == "ended") {
            found.push(format!("the link of {user} is {}", link.state));
        }
        let account = link.membership.and_then(|membership| world.accounts.get(&membership));
        if link.membership.is_some() && account != link.user.as_ref() {
            found.push(format!("the link of {user} is to a membership of somebody else: {link:?}"));
        }
    }
}

fn waits(world: &World, link: &Link) -> bool {
    world.decisions.paused.contains(&link.directory)
}

/// Held reasons and what waits for a decision are two sides of one thing.
fn parked(world: &World, found: &mut Vec<String>) {
    let held = world.native.reasons.iter().filter(|(_, reason)| reason.kind == "held");
    let held: BTreeSet<(MembershipId, Target)> =
        held.map(|(membership, reason)| (*membership, reason.target)).collect();
    for (membership, reason) in world.native.reasons.iter().filter(|(_, reason)| reason.kind == "held") {
        if reason.user.is_none_or(|user| !world.decisions.links.contains_key(&user)) {
            found.push(format!("what is held for {membership} has nobody to be about: {reason:?}"));
        }
    }
    sets("held reason", &world.decisions.parked.keys().copied().collect(), &held, found);
}

/// Rows that refer to nothing. What foreign keys hold needs no check.
fn dangling(world: &World, found: &mut Vec<String>) {
    for (membership, reason) in &world.native.reasons {
        // What is held, or of a paused directory, outlives those who gave it.
        let outlives = reason.kind == "held"
            || reason.user.and_then(|user| world.decisions.links.get(&user)).is_some_and(|link| waits(world, link));
        let in_force = |rule| world.decisions.rules.contains_key(&rule) || world.decisions.frozen.contains_key(&rule);
        let known = world.accounts.contains_key(membership)
            && (outlives || reason.rule.is_none_or(in_force))
            && (outlives || reason.group.is_none_or(|group| world.facts.groups.contains_key(&group)))
            && (outlives || reason.user.is_none_or(|user| world.facts.users.contains_key(&user)))
            && match reason.target {
                Target::Membership => true,
                Target::Group(group) => world.groups.contains_key(&group),
                Target::Role(role) => world.decisions.roles.contains_key(&role),
            };
        if !known {
            found.push(format!("an origin refers to nothing: {membership} {reason:?}"));
        }
    }
}

/// Whether each outcome of a mirror is one that the rule and the names allow.
fn mirrors(world: &World, found: &mut Vec<String>) {
    let mut mirrored: BTreeMap<GroupId, usize> = BTreeMap::new();
    for group in world.decisions.mirrors.values().filter_map(|mirror| mirror.group) {
        *mirrored.entry(group).or_default() += 1;
    }
    found.extend(mirrored.iter().filter(|(_, n)| **n > 1).map(|(group, n)| format!("{n} mirrors are {group}")));
    for ((rule, source), mirror) in &world.decisions.mirrors {
        let ended = matches!(mirror.state.as_deref(), Some("ended" | "released"));
        if ended || world.decisions.paused.contains(&mirror.directory) {
            if mirror.group.is_none_or(|group| !world.groups.contains_key(&group)) && ended {
                found.push(format!("the ended mirror of {source} by {rule} is nothing: {mirror:?}"));
            }
            continue;
        }
        let Some(document) = world.decisions.rules.get(rule) else { continue };
        let collision = mirror_of(document).map(|(_, on_collision)| on_collision);
        if let Some(complaint) = complaint(world, mirror, collision, &mirrored) {
            found.push(format!("the mirror of {source} by {rule} {complaint}: {mirror:?}"));
        }
    }
}

fn complaint(
    world: &World,
    mirror: &Mirror,
    collision: Option<OnCollision>,
    mirrored: &BTreeMap<GroupId, usize>,
) -> Option<&'static str> {
    let Some(wanted) = &mirror.name else {
        return (mirror.state.is_some() || mirror.group.is_some()).then_some("has no name");
    };
    // The oldest other group with the name.
    let holder =
        world.groups.iter().find(|(id, name)| name_key(name) == name_key(wanted) && Some(**id) != mirror.group);
    let holder = holder.map(|(id, _)| *id);
    match (mirror.state.as_deref(), mirror.group) {
        (Some("parked"), None) => match (collision, holder) {
            (_, None) => Some("waits for a name that nobody has"),
            (Some(OnCollision::Suffix), _) => Some("waits, though it could take a number"),
            (Some(OnCollision::Adopt), Some(holder)) if !mirrored.contains_key(&holder) => {
                Some("waits, though it could adopt")
            }
            _ => None,
        },
        (Some("made" | "adopted"), Some(group)) => {
            let Some(name) = world.groups.get(&group) else { return Some("is a group that does not exist") };
            let numbered = collision == Some(OnCollision::Suffix) && name.starts_with(wanted.as_str());
            (name != wanted && !numbered && holder.is_none()).then_some("does not follow a name that is free")
        }
        _ => Some("is neither here nor there"),
    }
}

/// Whether a rule in force names the group.
fn is_named(rules: &BTreeMap<RuleId, RuleDocument>, group: GroupId) -> bool {
    rules.values().flat_map(|rule| &rule.then).any(|action| match action {
        Action::IntoGroup { group_id } => *group_id == group,
        Action::Exclude { group_id, .. } => *group_id == Some(group),
        _ => false,
    })
}

fn keeps(rule: &RuleDocument) -> Option<bool> {
    rule.then.iter().find_map(|action| match action {
        Action::MirrorGroup { on_delete, .. } => Some(*on_delete == OnDelete::Keep),
        _ => None,
    })
}

/// What can be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Giver {
    Rule(RuleId),
    Directory(DirectoryId),
}

/// What is wrong with how groups went between two states: those that a mirror made go with it, unless the
/// rule keeps them or something else speaks for them; no other group ever goes. What a rule that was handed
/// over made stays.
pub fn departures(before: &World, after: &World, handed_over: &BTreeSet<Giver>) -> Vec<String> {
    let mut found = Vec::new();
    let mirrors = |world: &World, group: GroupId| {
        world.decisions.mirrors.iter().find(|(_, mirror)| mirror.group == Some(group)).map(|(key, _)| *key)
    };
    for group in before.groups.keys() {
        let goes = match mirrors(before, *group) {
            None => false,
            Some(_) if mirrors(after, *group).is_some() => false,
            Some((rule, source)) => {
                let document = |world: &World| {
                    let known = world.decisions.rules.get(&rule).or(world.decisions.frozen.get(&rule));
                    known.and_then(keeps)
                };
                let mirror = &before.decisions.mirrors[&(rule, source)];
                let kept = match mirror.state.as_deref() {
                    Some("adopted" | "released") => true,
                    Some("ended") => false,
                    _ => document(after).or_else(|| document(before)).unwrap_or_default(),
                };
                let spoken_for = after.native.reasons.iter().any(|(_, reason)| reason.target == Target::Group(*group));
                let named = is_named(&after.decisions.rules, *group) || is_named(&after.decisions.frozen, *group);
                let handed = handed_over.contains(&Giver::Rule(rule))
                    || handed_over.contains(&Giver::Directory(mirror.directory));
                !(kept || spoken_for || named || handed)
            }
        };
        match (goes, after.groups.contains_key(group)) {
            (true, true) => found.push(format!("{group} should have gone with its mirror")),
            (false, false) => found.push(format!("{group} should not have gone")),
            _ => {}
        }
    }
    found
}
