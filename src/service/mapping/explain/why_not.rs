//! Every rule that could give it and does not, with the first clause that failed.

use super::facts::{Candidate, Facts, Known};
use crate::domain::explanation::{Named, OwnGroup, WhyNot};
use crate::domain::id::{DirectoryGroupId, RuleId};
use crate::domain::origin::{Kind, Origin, Target};
use crate::domain::verdict::{Failure, LinkState, Miss, first_failure, is_about};

/// One entry per rule that could give it and directory user of the person to whom it does not; by position.
pub(super) fn all(facts: &Facts) -> Vec<WhyNot> {
    let givers = facts.candidates.iter().filter(|candidate| candidate.way.is_some());
    givers.flat_map(|candidate| of_rule(facts, candidate)).collect()
}

fn of_rule(facts: &Facts, candidate: &Candidate) -> Vec<WhyNot> {
    if facts.people.is_empty() {
        let message = "no directory user is linked to this membership".to_owned();
        return vec![entry(facts, candidate, None, Failure { clause: "link", message, ..Failure::default() }, None)];
    }
    let failed = facts.people.iter().filter_map(|known| {
        let (failure, excluded_by) = failure(facts, candidate, known)?;
        Some(entry(facts, candidate, Some(known), failure, excluded_by))
    });
    failed.collect()
}

/// Why the rule gives nothing to this directory user; with the rule that excludes them, if that is why. `None` if it
/// gives it.
fn failure(facts: &Facts, candidate: &Candidate, known: &Known) -> Option<(Failure, Option<Exclusion>)> {
    let exclusion = exclusion(facts, known);
    if gives(facts, candidate, known) {
        return exclusion.map(|exclusion| (excluded(facts, &exclusion), Some(exclusion)));
    }
    let plain =
        |clause, message: &str| Some((Failure { clause, message: message.to_owned(), ..Failure::default() }, None));
    let Some(person) = facts.person(known) else { return plain("link", "the directory has removed this person") };
    let directory = facts.directory(person.user.directory);
    if candidate.leaving {
        return plain("state", "the rule is being deleted");
    }
    if directory.is_some_and(|directory| directory.leaving.is_some()) {
        return plain("link", "their directory is being removed");
    }
    if let Some(failure) =
        candidate.way.and_then(|way| first_failure(&candidate.rule, way, &facts.wanted.asked, &person))
    {
        return Some((failure, None));
    }
    if let Some(exclusion) = exclusion {
        return Some((excluded(facts, &exclusion), Some(exclusion)));
    }
    if directory.is_some_and(|directory| directory.paused_at.is_some()) {
        return plain("waiting", "every clause holds, but their directory is paused");
    }
    if let Some(run) = candidate.run {
        return plain("waiting", &format!("every clause holds, but the run {run} has not come to them yet"));
    }
    match known.link {
        LinkState::Never => plain("link", "every clause holds, but they are not linked to an account yet"),
        _ => plain("waiting", "every clause holds, but this is not in force yet"),
    }
}

/// Whether there is an origin by which the rule gives it.
fn gives(facts: &Facts, candidate: &Candidate, known: &Known) -> bool {
    let target = facts.wanted.target.target();
    facts.reasons.iter().map(|reason| reason.origin).any(|origin| {
        matches!(origin.kind, Kind::Rule | Kind::Frozen)
            && origin.target == target
            && origin.rule == Some(candidate.rule.id)
            && origin.directory_user == Some(known.id)
    })
}

/// A rule that takes it away.
#[derive(Debug, Clone, Copy)]
struct Exclusion {
    rule: RuleId,
    version: i64,
    group: Option<DirectoryGroupId>,
}

/// The exclusion in reach: as it is recorded, or for somebody without a membership as the rules have it.
fn exclusion(facts: &Facts, known: &Known) -> Option<Exclusion> {
    let target = facts.wanted.target.target();
    let in_reach =
        |origin: Origin| origin.kind == Kind::Exclude && [Target::Membership, target].contains(&origin.target);
    let recorded = facts.reasons.iter().find(|reason| in_reach(reason.origin));
    if let Some(reason) = recorded {
        let rule = reason.origin.rule?;
        return Some(Exclusion { rule, version: reason.rule_version, group: reason.origin.directory_group });
    }
    let person = facts.person(known).filter(|_| facts.subject.is_none())?;
    let excluding = facts.candidates.iter().filter(|candidate| candidate.excludes && !candidate.leaving);
    let rule = excluding.map(|candidate| &candidate.rule).find(|rule| is_about(rule, &person))?;
    Some(Exclusion { rule: rule.id, version: rule.version, group: facts.nearest_source(known.id, rule.id) })
}

fn excluded(facts: &Facts, exclusion: &Exclusion) -> Failure {
    let rule = facts.rule_ref(exclusion.rule, exclusion.version, None);
    let key = rule.key.unwrap_or_else(|| exclusion.rule.to_string());
    let group = exclusion.group.map(|id| facts.group_ref(id).name.unwrap_or_else(|| id.to_string()));
    let because = group.map(|group| format!(", because they are in \"{group}\"")).unwrap_or_default();
    let message = format!("the rule {key} excludes them{because}");
    Failure { clause: "exclusion", message, group: exclusion.group, ..Failure::default() }
}

fn entry(
    facts: &Facts,
    candidate: &Candidate,
    known: Option<&Known>,
    failure: Failure,
    excluded_by: Option<Exclusion>,
) -> WhyNot {
    let by_group = matches!(failure.clause, "when.group" | "when.group_ids" | "when.capture");
    let matching: Vec<Named<DirectoryGroupId>> = candidate
        .sources
        .iter()
        .filter(|_| by_group)
        .map(|source| Named { id: source.directory_group_id, name: source.name.clone() })
        .collect();
    let path = known.zip(failure.group).map(|(known, group)| facts.path(known.id, group)).unwrap_or_default();
    WhyNot {
        rule: facts.rule_ref(candidate.rule.id, candidate.rule.version, Some(&candidate.rule.key)),
        directory_user: known.map(|known| facts.user_ref(known.id, None)),
        clause: failure.clause,
        text: failure.text,
        column: failure.column,
        seen: failure.seen,
        message: failure.message + &would_do(&matching),
        directory_group: failure.group.map(|id| facts.group_ref(id)),
        path,
        matching_groups: matching,
        own_groups: failure.misses.into_iter().map(|miss| own_group(facts, miss)).collect(),
        taken_by: failure.taken_by.map(|(id, name)| Named { id, name: Some(name) }),
        excluded_by: excluded_by.map(|exclusion| facts.rule_ref(exclusion.rule, exclusion.version, None)),
    }
}

/// `; "eng-mobile" or "eng-web" would do`
fn would_do(matching: &[Named<DirectoryGroupId>]) -> String {
    let names: Vec<String> =
        matching.iter().filter_map(|group| Some(format!("\"{}\"", group.name.as_ref()?))).collect();
    if names.is_empty() { String::new() } else { format!("; {} would do", names.join(" or ")) }
}

fn own_group(facts: &Facts, miss: Miss) -> OwnGroup {
    let Named { id, name } = facts.group_ref(miss.group);
    let (text, column, seen) = match miss.unmet {
        Some(unmet) => (Some(unmet.text), Some(unmet.column), unmet.seen),
        None => (None, None, Vec::new()),
    };
    OwnGroup { id, name, clause: miss.clause, text, column, seen, message: miss.message }
}
