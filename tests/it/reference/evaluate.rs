//! Facts × decisions → native state, by loops over everything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use muster::domain::directory::DirectoryGroup;
use muster::domain::id::{DirectoryGroupId, DirectoryUserId, MembershipId, RoleId, RuleId};
use muster::domain::rule::{Action, OnCollision, RuleDocument};
use muster::domain::template;
use muster::scim::dialect::{Strictness, Tolerances};
use muster::scim::filter;
use muster::scim::schema::Catalogue;
use regex::Regex;
use serde_json::{Map, Value};

use super::model::{Binding, Decisions, Edge, Facts, Native, Person, Reason, Source, Standing, Target};

/// What native state should be.
pub fn evaluate(facts: &Facts, decisions: &Decisions) -> Native {
    let bindings = bindings(facts, decisions);
    let mut reasons: BTreeSet<(MembershipId, Reason)> = BTreeSet::new();
    for (membership, target) in &decisions.manual {
        let reason = Reason { target: *target, kind: "manual", rule: None, group: None, user: None };
        reasons.insert((*membership, reason));
    }
    for (id, link) in &decisions.links {
        let in_force = link.state == "linked" && !decisions.paused.contains(&link.directory);
        let Some(membership) = link.membership.filter(|_| in_force) else { continue };
        for reason in reasons_of(*id, facts, decisions, &bindings) {
            reasons.insert((membership, reason));
        }
    }
    kept(facts, decisions, &mut reasons);
    let mut native = Native { bindings, reasons, ..Native::default() };
    for membership in decisions.memberships.keys() {
        settle(*membership, decisions, &mut native);
    }
    native
}

/// Active people to whom the rules give something, whom the engine must therefore have tried to link.
pub fn entitled(facts: &Facts, decisions: &Decisions) -> BTreeSet<DirectoryUserId> {
    let bindings = bindings(facts, decisions);
    let gets_something = |id: DirectoryUserId| {
        let reasons = reasons_of(id, facts, decisions, &bindings);
        reasons.iter().any(|reason| reason.kind == "rule" && !excluded(reason.target, reasons.iter()))
    };
    let may = |person: &Person| person.active && !decisions.paused.contains(&person.directory);
    facts.users.iter().filter(|(id, person)| may(person) && gets_something(**id)).map(|(id, _)| *id).collect()
}

/// Adds the reasons that are decisions, as far as what they rest on is still there.
fn kept(facts: &Facts, decisions: &Decisions, reasons: &mut BTreeSet<(MembershipId, Reason)>) {
    let waits = |user: DirectoryUserId| {
        decisions.links.get(&user).is_some_and(|link| decisions.paused.contains(&link.directory))
    };
    let (waiting, rest): (Vec<_>, Vec<_>) =
        decisions.kept.iter().partition(|(_, reason)| reason.user.is_some_and(waits));
    reasons.extend(waiting);
    let (held, frozen): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, reason)| reason.kind == "held");
    let is_there = |reason: &Reason| {
        let linked = reason.user.and_then(|user| decisions.links.get(&user)).is_some_and(|l| l.state == "linked");
        linked
            && reason.user.is_some_and(|user| facts.users.contains_key(&user))
            && reason.group.is_none_or(|group| facts.groups.contains_key(&group))
    };
    let frozen: Vec<_> = frozen.into_iter().filter(|(_, reason)| is_there(reason)).collect();
    for (membership, reason) in &frozen {
        // The membership that groups and roles imply goes with the last of them.
        let rule = &decisions.frozen[&reason.rule.expect("a frozen reason has a rule")];
        let ensures = rule.then.iter().any(|action| matches!(action, Action::EnsureMembership {}));
        let others = frozen.iter().any(|(of, other)| {
            (of, other.rule, other.user) == (membership, reason.rule, reason.user) && other.target != Target::Membership
        });
        if reason.target != Target::Membership || ensures || others {
            reasons.insert((*membership, *reason));
        }
    }
    let known = |rule| decisions.rules.contains_key(&rule) || decisions.frozen.contains_key(&rule);
    let given = |membership: MembershipId, held: &Reason| {
        reasons.iter().any(|(of, reason)| {
            *of == membership
                && reason.target == held.target
                && ["rule", "frozen"].contains(&reason.kind)
                && reason.user == held.user
        })
    };
    let held: Vec<_> = held
        .into_iter()
        .filter(|(membership, reason)| reason.rule.is_some_and(known) && !given(*membership, reason))
        .collect();
    reasons.extend(held);
}

/// The filter asked of a resource. A rule in force has filters that parse: they were checked when it was saved.
fn matches(text: &str, resource: &str, document: &Map<String, Value>) -> bool {
    let catalogue = Catalogue::built_in();
    let definition = catalogue.resource(resource).expect("a built-in type");
    let mut tolerances = Tolerances::default();
    let parsed = filter::parse(text, Strictness::default(), &mut tolerances).expect("a filter of a saved rule");
    filter::resolve(&parsed, definition, &mut tolerances).expect("a filter of a saved rule").matches(document)
}

/// The named parts of the group's name; none at all if the rule's pattern does not match it.
fn captures(rule: &RuleDocument, source: &Source) -> Option<BTreeMap<String, String>> {
    let Some(pattern) = &rule.when.capture else { return Some(BTreeMap::new()) };
    let pattern = Regex::new(pattern).expect("a pattern of a saved rule");
    let found = pattern.captures(source.document.get("displayName").and_then(Value::as_str).unwrap_or_default())?;
    let mut named = BTreeMap::new();
    for name in pattern.capture_names().flatten() {
        if let Some(part) = found.name(name) {
            named.insert(name.to_owned(), part.as_str().to_owned());
        }
    }
    Some(named)
}

/// The `mirror_group` action of a rule, and what it says about collisions.
pub fn mirror_of(rule: &RuleDocument) -> Option<(Option<&String>, OnCollision)> {
    for action in &rule.then {
        if let Action::MirrorGroup { name, on_collision, .. } = action {
            return Some((name.as_ref(), *on_collision));
        }
    }
    None
}

fn bindings(facts: &Facts, decisions: &Decisions) -> BTreeMap<(RuleId, DirectoryGroupId), Binding> {
    let mut bindings = decisions.kept_bindings.clone();
    let ended = |key: &(RuleId, DirectoryGroupId)| decisions.mirrors[key].state.as_deref() == Some("ended");
    for (key, binding) in bindings.iter_mut().filter(|(key, _)| ended(key)) {
        if decisions.rules.contains_key(&key.0) && !decisions.paused.contains(&decisions.mirrors[key].directory) {
            (binding.matched, binding.excepted) = (false, false);
        }
    }
    for (rule_id, rule) in &decisions.rules {
        for (group_id, source) in &facts.groups {
            let waits = decisions.paused.contains(&source.directory);
            if waits || rule.directory_id.is_some_and(|only| only != source.directory) {
                continue;
            }
            let mut document = source.document.clone();
            document.insert("id".to_owned(), group_id.to_string().into());
            let asked = |text: &String| matches(text, "Group", &document);
            let excepted = rule.when.except_group.as_ref().is_some_and(asked);
            let selected = rule.when.group.as_ref().is_some_and(asked) || rule.when.group_ids.contains(group_id);
            let captured = if selected { captures(rule, source) } else { None };
            if captured.is_none() && !excepted {
                continue;
            }
            let key = (*rule_id, *group_id);
            let mirror_name = match (&captured, mirror_of(rule)) {
                (Some(captured), Some((name, _))) => render(name, captured, *group_id, source).or_else(|| {
                    // A name that cannot be rendered takes nothing away: a group that is there keeps its own.
                    let mirror = decisions.mirrors.get(&key).filter(|mirror| mirror.group.is_some());
                    mirror.and_then(|mirror| mirror.name.clone())
                }),
                // The name of a mirror whose people are held.
                _ => decisions.kept_bindings.get(&key).and_then(|kept| kept.mirror_name.clone()),
            };
            bindings.insert(key, Binding { matched: captured.is_some(), excepted, mirror_name });
        }
    }
    bindings
}

fn render(
    name: Option<&String>,
    captured: &BTreeMap<String, String>,
    id: DirectoryGroupId,
    source: &Source,
) -> Option<String> {
    let group = DirectoryGroup {
        id,
        directory: source.directory,
        document: source.document.clone(),
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    template::render(name.map_or("{{ group.displayName }}", String::as_str), captured, &group).ok()
}

/// Every directory group that a user is in, directly or through groups within. Grows until it stops growing.
fn groups_of(user: DirectoryUserId, facts: &Facts) -> BTreeSet<DirectoryGroupId> {
    let mut groups = BTreeSet::new();
    loop {
        let before = groups.len();
        for (group, edge) in &facts.edges {
            let inside = match edge {
                Edge::User(member) => *member == user,
                Edge::Group(member) => groups.contains(member),
                Edge::Pending(_) => false,
            };
            if inside {
                groups.insert(*group);
            }
        }
        if groups.len() == before {
            return groups;
        }
    }
}

fn is_about(rule: &RuleDocument, id: DirectoryUserId, person: &Person) -> bool {
    if rule.directory_id.is_some_and(|only| only != person.directory) {
        return false;
    }
    let mut document = person.document.clone();
    document.insert("id".to_owned(), id.to_string().into());
    document.insert("active".to_owned(), person.active.into());
    rule.when.user.as_ref().is_none_or(|text| matches(text, "User", &document))
}

/// Why a person should have something, or must not have it.
fn reasons_of(
    id: DirectoryUserId,
    facts: &Facts,
    decisions: &Decisions,
    bindings: &BTreeMap<(RuleId, DirectoryGroupId), Binding>,
) -> BTreeSet<Reason> {
    let mut reasons = BTreeSet::new();
    let Some(person) = facts.users.get(&id) else { return reasons };
    let groups = groups_of(id, facts);
    for (rule_id, rule) in &decisions.rules {
        let bound = |group: &&DirectoryGroupId| bindings.get(&(*rule_id, **group));
        let excepted = groups.iter().any(|group| bound(&group).is_some_and(|binding| binding.excepted));
        if excepted || !is_about(rule, id, person) {
            continue;
        }
        let by_group = rule.when.group.is_some() || !rule.when.group_ids.is_empty();
        let mut sources: Vec<Option<DirectoryGroupId>> = Vec::new();
        if by_group {
            let matched = groups.iter().filter(|group| bound(group).is_some_and(|binding| binding.matched));
            sources.extend(matched.map(|group| Some(*group)));
        } else {
            sources.push(None);
        }
        for source in sources {
            for action in &rule.then {
                act(*rule_id, action, source, id, decisions, &mut reasons);
            }
        }
    }
    reasons
}

/// What one action gives to one person on behalf of one directory group.
fn act(
    rule: RuleId,
    action: &Action,
    group: Option<DirectoryGroupId>,
    user: DirectoryUserId,
    decisions: &Decisions,
    reasons: &mut BTreeSet<Reason>,
) {
    let role = |slug: &String| decisions.roles.iter().find(|(_, role)| role.slug == *slug).map(|(id, _)| *id);
    let reason = |target, kind, group| Reason { target, kind, rule: Some(rule), group, user: Some(user) };
    let mut grants: Vec<Target> = Vec::new();
    match action {
        Action::EnsureMembership {} => grants.push(Target::Membership),
        Action::MirrorGroup { .. } => {
            let mirror = group.and_then(|group| decisions.mirrors.get(&(rule, group)));
            grants.extend(mirror.and_then(|mirror| mirror.group).map(Target::Group));
        }
        Action::IntoGroup { group_id } => grants.push(Target::Group(*group_id)),
        Action::GrantRole { role: slug } => grants.extend(role(slug).map(Target::Role)),
        Action::Exclude { group_id: None, role: None } => {
            reasons.insert(reason(Target::Membership, "exclude", group));
        }
        Action::Exclude { group_id, role: slug } => {
            let reach = group_id.map(Target::Group).into_iter();
            for target in reach.chain(slug.as_ref().and_then(role).map(Target::Role)) {
                reasons.insert(reason(target, "exclude", group));
            }
        }
    }
    for target in grants {
        if target != Target::Membership {
            reasons.insert(reason(target, "rule", group));
        }
        // Whatever a rule gives implies the membership.
        reasons.insert(reason(Target::Membership, "rule", None));
    }
}

fn excluded<'r>(target: Target, mut reasons: impl Iterator<Item = &'r Reason>) -> bool {
    reasons.any(|r| r.kind == "exclude" && (r.target == Target::Membership || r.target == target))
}

/// Invariant 1: effective ⇔ (manual ∨ rule, frozen or held ∧ not excluded) ∧ membership active.
fn settle(id: MembershipId, decisions: &Decisions, native: &mut Native) {
    let reasons: Vec<&Reason> = native.reasons.iter().filter(|(m, _)| *m == id).map(|(_, reason)| reason).collect();
    let counts = |reason: &&&Reason| match reason.kind {
        "manual" => true,
        "rule" | "frozen" | "held" => !excluded(reason.target, reasons.iter().copied()),
        _ => false,
    };
    let live: Vec<&Reason> = reasons.iter().filter(counts).copied().collect();

    let links = decisions.links.iter().filter(|(_, link)| link.membership == Some(id) && link.state != "pending");
    let links = links.filter(|(_, link)| link.state != "refused");
    let people: Vec<bool> = links.map(|(_, link)| link.state == "linked" && link.active).collect();
    let suspended = decisions.memberships[&id] || (!people.is_empty() && !people.contains(&true));
    let active = !suspended && live.iter().any(|reason| reason.target == Target::Membership);

    let rank = |reason: &Reason| match reason.rule {
        None => i64::MIN,
        Some(rule) => decisions.rules.get(&rule).or(decisions.frozen.get(&rule)).map_or(i64::MAX, |rule| rule.position),
    };
    let mut granted: Vec<(i64, RoleId)> = Vec::new();
    for reason in &live {
        if let Target::Role(role) = reason.target {
            granted.push((rank(reason), role));
        }
    }
    if granted.is_empty() {
        let default = decisions.roles.iter().find(|(_, role)| role.is_default).expect("a default role");
        granted.push((0, *default.0));
    }
    let primary = granted.iter().min().expect("at least one role").1;
    let roles = granted.iter().map(|(_, role)| *role).collect();
    let members: Vec<_> = live
        .iter()
        .filter_map(|reason| if let Target::Group(group) = reason.target { Some((group, id)) } else { None })
        .collect();
    native.memberships.insert(id, Standing { active, primary, roles });
    if active {
        native.members.extend(members);
    }
}
