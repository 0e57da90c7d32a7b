//! An explanation in one plain English sentence. Pure.

use super::explanation::{Ended, Explanation, TargetRef, Why, WhyNot};
use super::outcome::Outcome;

/// The sentence of an explanation whose other parts are complete.
pub fn sentence(explanation: &Explanation) -> String {
    let who = who(explanation);
    let has = has(&explanation.target);
    match explanation.verdict {
        Outcome::Yes => match explanation.why.iter().find(|why| why.kind != "exclude") {
            Some(why) => format!("{who} {has} because {}{}.", reason(why), and_more(explanation)),
            None => format!("{who} {has}."),
        },
        Outcome::Suspended => {
            let by = match explanation.suspended_by {
                Some("deactivated") => "somebody deactivated the membership by API".to_owned(),
                _ => inactive(explanation),
            };
            let reason = explanation.why.iter().find(|why| why.kind != "exclude").map(reason);
            let reason = reason.map(|reason| format!("; what speaks for it stays on record: {reason}"));
            format!("{who} would {} but {by}{}.", would(&explanation.target), reason.unwrap_or_default())
        }
        Outcome::Excluded => {
            let exclusion = explanation.why.iter().find(|why| why.kind == "exclude");
            let by = exclusion.map_or_else(
                || "an exclusion takes it".to_owned(),
                |why| format!("{} excludes them{}", rule(why), by_group(why)),
            );
            format!("{who} {}: something gives it, but {by}.", has_not(explanation, false))
        }
        Outcome::No => no(explanation, &who),
    }
}

fn no(explanation: &Explanation, who: &str) -> String {
    if let Some(ended) = explanation.ended.first() {
        return format!("{who} {}: {}{}.", has_not(explanation, true), ended_reason(ended), now(explanation));
    }
    if !explanation.why.is_empty() {
        let reason =
            "nothing speaks for the membership of the organization any more, without which nothing is in force";
        return format!("{who} {}: {reason}.", has_not(explanation, false));
    }
    match nearest(&explanation.why_not) {
        Some(nearest) => {
            let rules: std::collections::BTreeSet<_> = explanation.why_not.iter().map(|not| not.rule.id).collect();
            let others = match rules.len() - 1 {
                0 => String::new(),
                1 => "; one other rule could give it too, and does not either".to_owned(),
                n => format!("; {n} other rules could give it too, and do not either"),
            };
            let key = nearest.rule.key.as_deref().unwrap_or_default();
            format!(
                "{who} {}: the rule {key} could give it, but {}{others}.",
                has_not(explanation, false),
                nearest.message
            )
        }
        None => {
            format!("{who} {}: no rule in force gives it, and nobody gave it by hand.", has_not(explanation, false))
        }
    }
}

/// The rule that came nearest to giving it: whose failure is the last in the order of clauses.
fn nearest(why_not: &[WhyNot]) -> Option<&WhyNot> {
    let place = |not: &WhyNot| match not.clause {
        "directory_id" => 0,
        "state" => 1,
        "when.group" | "when.group_ids" | "when.capture" => 2,
        "when.except_group" => 3,
        "when.user" => 4,
        "link" => 5,
        "mirror_group" => 6,
        _ => 7,
    };
    // The first of equals, which is the one with the lowest position.
    why_not.iter().rev().max_by_key(|not| place(not))
}

/// Why not now, after what ended.
fn now(explanation: &Explanation) -> String {
    let same_rule = |not: &&WhyNot| {
        let ended = explanation.ended.first().and_then(|ended| ended.rule.as_ref());
        ended.is_some_and(|rule| rule.id == not.rule.id)
    };
    let not = explanation.why_not.iter().find(same_rule);
    not.map(|not| format!("; now {}", not.message)).unwrap_or_default()
}

fn who(explanation: &Explanation) -> String {
    let member = explanation.organization_membership.as_ref();
    let name = member.map(|member| member.name.clone().unwrap_or_else(|| member.email.clone()));
    let user = || explanation.directory_user.as_ref().and_then(|user| user.user_name.clone());
    name.or_else(user).unwrap_or_else(|| "This person".to_owned())
}

fn has(target: &TargetRef) -> String {
    match target {
        TargetRef::Group { name, .. } => format!("is in the group \"{name}\""),
        TargetRef::Role { slug, .. } => format!("holds the role {slug}"),
        TargetRef::Membership {} => "is a member of the organization".to_owned(),
    }
}

fn would(target: &TargetRef) -> String {
    match target {
        TargetRef::Group { name, .. } => format!("be in the group \"{name}\","),
        TargetRef::Role { slug, .. } => format!("hold the role {slug},"),
        TargetRef::Membership {} => "be a member of the organization,".to_owned(),
    }
}

fn has_not(explanation: &Explanation, any_more: bool) -> String {
    let any_more = if any_more { " any more" } else { "" };
    match &explanation.target {
        TargetRef::Group { name, .. } => format!("is not in the group \"{name}\"{any_more}"),
        TargetRef::Role { slug, .. } => format!("does not hold the role {slug}{any_more}"),
        TargetRef::Membership {} => format!("is not a member of the organization{any_more}"),
    }
}

/// A live reason as a clause behind "because".
fn reason(why: &Why) -> String {
    match why.kind {
        "manual" => match &why.actor {
            Some(actor) => format!("{actor} gave it by hand"),
            None => "somebody gave it by hand".to_owned(),
        },
        "group" => format!("{} has it, in which {}", native_group(why), place(why)),
        "default" => "it is the default role and no other is held".to_owned(),
        "frozen" => format!("{} gave it{} before it was frozen", rule(why), by_group(why)),
        "held" => format!("the guard holds its removal: {} gave it{}", rule(why), by_group(why)),
        _ => format!("{} gives it{}", rule(why), by_group(why)),
    }
}

/// `the group "Ops"`
fn native_group(why: &Why) -> String {
    let name = why.group.as_ref().and_then(|group| group.name.as_deref());
    format!("the group \"{}\"", name.unwrap_or("a group that is gone"))
}

/// Why somebody is in a native group.
fn place(why: &Why) -> String {
    match (&why.rule, &why.actor) {
        (Some(_), _) => format!("{} puts them{}", rule(why), by_group(why)),
        (None, Some(actor)) => format!("{actor} put them by hand"),
        (None, None) => "somebody put them by hand".to_owned(),
    }
}

/// `the rule teams (version 2)`
fn rule(why: &Why) -> String {
    let Some(rule) = &why.rule else { return "a rule".to_owned() };
    let key = rule.key.clone().unwrap_or_else(|| rule.id.to_string());
    format!("the rule {key} (version {})", rule.version)
}

/// ` by the directory group "eng-mobile" of "Okta", in which they are through "eng-ios"`
fn by_group(why: &Why) -> String {
    let Some(group) = &why.directory_group else { return String::new() };
    let quoted = |name: &Option<String>| format!("\"{}\"", name.as_deref().unwrap_or("a group that is gone"));
    let mut text = format!(" by the directory group {}", quoted(&group.name));
    if let Some(directory) = why.directory.as_ref().and_then(|directory| directory.name.as_ref()) {
        text.push_str(&format!(" of \"{directory}\""));
    }
    if let Some((last, outer)) = why.path.split_last().filter(|(_, outer)| !outer.is_empty()) {
        text.push_str(&format!(", in which they are through {}", quoted(&last.name)));
        if outer.len() > 1 {
            text.push_str(&format!(" and {} more between", outer.len() - 1));
        }
    }
    text
}

fn and_more(explanation: &Explanation) -> String {
    let reasons = explanation.why.iter().filter(|why| why.kind != "exclude").count();
    let left_out = explanation.why_total - explanation.why.len();
    match reasons + left_out - 1 {
        0 => String::new(),
        1 => ", and for one more reason".to_owned(),
        n => format!(", and for {n} more reasons"),
    }
}

fn inactive(explanation: &Explanation) -> String {
    let states: Vec<String> = explanation
        .inactive_directory_users
        .iter()
        .map(|user| {
            let directory = user.directory.name.as_deref().unwrap_or_default();
            match user.state {
                "deleted" => format!("the directory \"{directory}\" has removed them"),
                _ => format!("they are inactive in the directory \"{directory}\""),
            }
        })
        .collect();
    if states.is_empty() { "the membership is inactive".to_owned() } else { states.join(" and ") }
}

fn ended_reason(ended: &Ended) -> String {
    let by = match (&ended.rule, ended.kind.as_str()) {
        (_, "manual") => "what was given by hand".to_owned(),
        (Some(rule), _) => format!("what the rule {} gave", rule.key.clone().unwrap_or_else(|| rule.id.to_string())),
        (None, _) => "the last reason".to_owned(),
    };
    let group = ended.directory_group.as_ref().map(|group| match &group.name {
        Some(name) => format!(" by the directory group \"{name}\""),
        None => " by a directory group that is gone".to_owned(),
    });
    format!("{by}{} ended at {}", group.unwrap_or_default(), ended.ended_at)
}
