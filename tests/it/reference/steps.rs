//! What must hold between the state before and after one operation.

use std::collections::BTreeSet;

use muster::domain::id::{MembershipId, RuleId};
use serde_json::Value;

use super::checks::{departures, disagreements};
use super::model::{Reason, Target};
use super::operations::Operation;
use super::stage::{Stage, Step};
use super::world::World;

/// Judges a step; answers what is wrong.
pub type Judge = fn(&Stage, &Step) -> Vec<String>;

/// Invariant 1, from the rows that are stored.
pub fn effective(_: &Stage, step: &Step) -> Vec<String> {
    let World { native, decisions, .. } = &step.after;
    let mut found = Vec::new();
    for (id, standing) in &native.memberships {
        let reasons: Vec<&Reason> =
            native.reasons.iter().filter(|(of, _)| of == id).map(|(_, reason)| reason).collect();
        let is = |target: Target| {
            let by_hand = reasons.iter().any(|r| r.kind == "manual" && r.target == target);
            let excluded =
                reasons.iter().any(|r| r.kind == "exclude" && (r.target == Target::Membership || r.target == target));
            let given = reasons.iter().any(|r| ["rule", "frozen", "held"].contains(&r.kind) && r.target == target);
            by_hand || (given && !excluded)
        };
        let links: Vec<_> = decisions
            .links
            .values()
            .filter(|link| link.membership == Some(*id) && ["linked", "ended"].contains(&link.state.as_str()))
            .collect();
        let suspended = !links.is_empty() && !links.iter().any(|link| link.state == "linked" && link.active);
        let active = is(Target::Membership) && !suspended && !decisions.memberships[id];
        if active != standing.active {
            found.push(format!("{id} is active: {}, but should be: {active}", standing.active));
        }
        for group in step.after.groups.keys() {
            let (is, stored) = (active && is(Target::Group(*group)), native.members.contains(&(*group, *id)));
            if is != stored {
                found.push(format!("{id} is in {group}: {stored}, but should be: {is}"));
            }
        }
        let granted: BTreeSet<_> = decisions.roles.keys().copied().filter(|role| is(Target::Role(*role))).collect();
        let default = decisions.roles.iter().filter(|(_, role)| role.is_default).map(|(id, _)| *id);
        let roles = if granted.is_empty() { default.collect() } else { granted };
        if roles != standing.roles || !roles.contains(&standing.primary) {
            found.push(format!("{id} holds {:?}, but should hold {roles:?}", standing.roles));
        }
    }
    found
}

/// Invariant 2: what was given by hand goes by hand only, and comes by hand or by being handed over.
pub fn only_its_own(_: &Stage, step: &Step) -> Vec<String> {
    let (before, after) = (&step.before.decisions.manual, &step.after.decisions.manual);
    let mut found = Vec::new();
    let by_hand =
        |operation: &Operation| matches!(operation, Operation::GiveByHand { .. } | Operation::TakeByHand { .. });
    let meanwhile = match &step.operation {
        Operation::Plan { meanwhile: Some(operation), .. } => by_hand(operation),
        operation => by_hand(operation),
    };
    if meanwhile {
        return found;
    }
    found.extend(before.difference(after).map(|one| format!("a manual origin ended: {one:?}")));
    let given = |(membership, target): &&(MembershipId, Target)| {
        let was = |reason: &Reason| reason.target == *target && ["rule", "frozen", "held"].contains(&reason.kind);
        let known = |world: &World| world.native.reasons.iter().any(|(of, reason)| of == membership && was(reason));
        !step.done.handed_over.is_empty() && (known(&step.before) || matches!(step.operation, Operation::Plan { .. }))
    };
    found
        .extend(after.difference(before).filter(|one| !given(one)).map(|one| format!("a manual origin came: {one:?}")));
    for (id, deactivated) in &step.before.decisions.memberships {
        let now = step.after.decisions.memberships.get(id);
        let decided =
            matches!(step.operation, Operation::Deactivate { .. } | Operation::Plan { meanwhile: Some(_), .. });
        if !decided && now.is_some_and(|now| now != deactivated) {
            found.push(format!("the decision to deactivate {id} changed"));
        }
    }
    found
}

/// Invariant 3, with how groups went, what is frozen, held and paused.
pub fn as_recomputed(stage: &Stage, step: &Step) -> Vec<String> {
    let mut found = disagreements(&step.after, &stage.replay);
    found.extend(step.done.faults.iter().cloned());
    let composed = matches!(step.operation, Operation::Plan { .. });
    if !composed {
        found.extend(departures(&step.before, &step.after, &stage.handed_over));
        found.extend(held(step));
        found.extend(paused(step));
    }
    found.extend(frozen(step));
    if step.after.unfinished > 0 {
        found.push(format!("{} runs are not over", step.after.unfinished));
    }
    found
}

/// Nothing new by a frozen rule; what it gave goes only with the person, the directory or the directory group.
fn frozen(step: &Step) -> Vec<String> {
    let (before, after) = (&step.before, &step.after);
    let mut found = Vec::new();
    let of = |world: &World, rule: RuleId| -> BTreeSet<(MembershipId, Reason)> {
        let given = |reason: &Reason| reason.rule == Some(rule) && ["rule", "frozen", "exclude"].contains(&reason.kind);
        let all = world.native.reasons.iter().filter(|(_, reason)| given(reason)).copied();
        all.map(|(id, reason)| {
            (id, Reason { kind: if reason.kind == "exclude" { "exclude" } else { "frozen" }, ..reason })
        })
        .collect()
    };
    for rule in after.decisions.frozen.keys().filter(|rule| before.decisions.frozen.contains_key(rule)) {
        let (then, now) = (of(before, *rule), of(after, *rule));
        found.extend(now.difference(&then).map(|one| format!("a frozen rule gave {one:?}")));
        let lives = |(membership, reason): &&(MembershipId, Reason)| {
            let user = reason.user.expect("a reason of a rule names the person");
            after.facts.users.contains_key(&user)
                && reason.group.is_none_or(|group| after.facts.groups.contains_key(&group))
                && after.decisions.links.get(&user).is_some_and(|link| link.membership == Some(*membership))
                && reason.target != Target::Membership
        };
        found.extend(then.difference(&now).filter(lives).map(|one| format!("what a frozen rule gave went: {one:?}")));
    }
    found
}

/// Held reasons come by requests of identity providers alone; they go when a rule gives the same again, by approval,
/// or with their rule or directory.
fn held(step: &Step) -> Vec<String> {
    let (before, after) = (&step.before, &step.after);
    let of = |world: &World| -> BTreeSet<(MembershipId, Reason)> {
        world.native.reasons.iter().filter(|(_, reason)| reason.kind == "held").copied().collect()
    };
    let (then, now) = (of(before), of(after));
    let mut found = Vec::new();
    if !step.operation.is_scim() {
        found.extend(now.difference(&then).map(|one| format!("held without a request: {one:?}")));
    }
    for one @ (membership, reason) in then.difference(&now) {
        let rule = reason.rule.expect("a held reason names its rule");
        let again = after.native.reasons.iter().any(|(of, other)| {
            of == membership && other.target == reason.target && ["rule", "frozen", "manual"].contains(&other.kind)
        });
        let known = after.decisions.rules.contains_key(&rule) || after.decisions.frozen.contains_key(&rule);
        let directory = reason.user.and_then(|user| before.decisions.links.get(&user)).map(|link| link.directory);
        let removed = matches!(step.operation, Operation::RemoveDirectory { .. }) && directory.is_some();
        if !(again || step.done.approved || !known || removed) {
            found.push(format!("nobody let go of what was held: {one:?}"));
        }
    }
    found
}

/// Requests of paused directories change nothing of what their people have.
fn paused(step: &Step) -> Vec<String> {
    let (before, after) = (&step.before, &step.after);
    if !step.operation.is_scim() {
        return Vec::new();
    }
    let waits = |user| {
        let directory = before.decisions.links.get(&user).map(|link| link.directory);
        directory.is_some_and(|directory| before.decisions.paused.contains(&directory))
    };
    let of = |world: &World| -> BTreeSet<(MembershipId, Reason)> {
        world.native.reasons.iter().filter(|(_, reason)| reason.user.is_some_and(waits)).copied().collect()
    };
    let mut found: Vec<String> =
        of(before).symmetric_difference(&of(after)).map(|one| format!("paused, and yet changed: {one:?}")).collect();
    for (user, link) in before.decisions.links.iter().filter(|(user, _)| waits(**user)) {
        if after.decisions.links.get(user) != Some(link) {
            found.push(format!("the link of {user} changed, though their directory is paused"));
        }
    }
    found
}

/// Invariant 7: a rename that changes no match moves nobody.
pub fn renames_move_nobody(_: &Stage, step: &Step) -> Vec<String> {
    let (before, after) = (&step.before, &step.after);
    if !matches!(step.operation, Operation::ReplaceGroup { members: None, .. }) {
        return Vec::new();
    }
    let matches = |world: &World| -> Vec<_> {
        world.native.bindings.iter().map(|(key, binding)| (*key, binding.matched, binding.excepted)).collect()
    };
    let mirrors = |world: &World| -> Vec<_> {
        world.decisions.mirrors.iter().map(|(key, mirror)| (*key, mirror.group)).collect()
    };
    let mut found = Vec::new();
    let unmoved = matches(before) == matches(after) && before.facts.edges == after.facts.edges;
    // A name that became free may let a mirror come into being: it had none, and takes nobody's away.
    let had: BTreeSet<_> = mirrors(before).into_iter().filter(|(_, group)| group.is_some()).collect();
    let has: BTreeSet<_> = mirrors(after).into_iter().filter(|(_, group)| group.is_some()).collect();
    if unmoved && !had.is_subset(&has) {
        found.push(format!("a rename took mirrors away: {:?}", had.difference(&has).collect::<Vec<_>>()));
    }
    if unmoved
        && had == has
        && (before.native.reasons != after.native.reasons || before.native.members != after.native.members)
    {
        found.push("a rename that changes no match moved somebody".to_owned());
    }
    found
}

/// Invariant 8: what is wrong with plans.
pub fn plans_do_what_they_say(_: &Stage, step: &Step) -> Vec<String> {
    step.done.faults.clone()
}

/// Invariant 9: events without gaps that tell all and nothing else, each with its cause.
pub fn events_tell_all(stage: &Stage, step: &Step) -> Vec<String> {
    let mut found = stage.replay.disagreements(&step.after);
    for event in &step.news {
        let context: Value = serde_json::from_str(&event.context).expect("a context is JSON");
        let actor = ["id", "source", "name"].iter().all(|key| context["actor"][key].is_string());
        let text = |key: &str| context[key].as_str().unwrap_or_default().to_owned();
        let id = context["actor"]["id"].as_str().unwrap_or_default();
        let cause = if id.starts_with("directory_") {
            text("request_id").starts_with("request_")
        } else if id.starts_with("run_") {
            text("run_id") == id && context["began_by"].is_string()
        } else {
            context.get("request_id").is_none() && context.get("run_id").is_none()
        };
        if !actor || !cause {
            found.push(format!("the event {} has no cause: {context}", event.position));
        }
        let scim = step.operation.is_scim();
        if scim && !id.starts_with("directory_") {
            found.push(format!("a request caused the event {}, but {id} is said to be its cause", event.position));
        }
    }
    found
}
