//! Why a rule gives somebody nothing: its clauses in order, and the first that fails. Pure.
//!
//! What lives here: one rule against one person. What a rule means when all of it holds is `rule` and `binding`;
//! the two must agree, and share the rule's filters. What makes a sentence of many verdicts is `explanation`.

use std::collections::HashMap;

use super::directory::{DirectoryGroup, DirectoryUser};
use super::id::{DirectoryGroupId, GroupId, RuleId};
use super::rule::{Action, Rule, RuleDocument, RuleState, group_document, user_document};
use crate::scim::filter::{Seen, Unmet};

/// What somebody has or has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The membership of the organization.
    Membership,
    /// Belonging to a native group.
    Group {
        /// The group.
        id: GroupId,
        /// Its name as names collide.
        name_key: String,
    },
    /// Holding a role.
    Role {
        /// The slug of the role.
        slug: String,
    },
}

/// How a rule would give what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By an action that names it.
    Named,
    /// Only by the mirrors of the directory groups that it matches.
    Mirror,
}

/// A binding of a directory group that the person is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The rule.
    pub rule: RuleId,
    /// The directory group.
    pub group: DirectoryGroupId,
    /// The group is one of the rule's sources.
    pub matched: bool,
    /// The group's people are out, for this rule.
    pub excepted: bool,
    /// The native group that mirrors it.
    pub mirror: Option<GroupId>,
    /// The name that its mirror has or wants.
    pub mirror_name: Option<String>,
    /// The same as names collide.
    pub mirror_name_key: Option<String>,
    /// While the mirror waits: the native group that has the name.
    pub taken_by: Option<(GroupId, String)>,
}

/// What is known of the account of a directory user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Linked to an account.
    Linked,
    /// Nobody tried yet.
    Never,
    /// Waits for somebody to confirm it: the address belongs to somebody else's account.
    Pending,
    /// Waits for somebody to confirm it: there is no address.
    PendingWithoutEmail,
    /// Somebody refused it.
    Refused,
    /// The directory has removed the person.
    Ended,
}

/// A person with all that rules look at.
#[derive(Debug)]
pub struct Person<'a> {
    /// The directory user.
    pub user: &'a DirectoryUser,
    /// Their link.
    pub link: LinkState,
    /// The groups they are in, nearest first; not necessarily all.
    pub groups: Vec<&'a DirectoryGroup>,
    /// The bindings of all groups they are in, nearest first.
    pub bindings: Vec<&'a Bound>,
    /// The names of all groups they are in.
    pub names: &'a HashMap<DirectoryGroupId, String>,
}

/// A clause of a rule that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failure {
    /// The clause: `state`, `directory_id`, `when.group`, `when.group_ids`, `when.capture`, `when.except_group`,
    /// `when.user`, `link` or `mirror_group`.
    pub clause: &'static str,
    /// What the clause says, as far as it failed.
    pub text: Option<String>,
    /// Where that begins in the filter: characters from the start, counted from 1.
    pub column: Option<usize>,
    /// What was seen instead.
    pub seen: Vec<Seen>,
    /// Why it failed, as a sentence without its full stop.
    pub message: String,
    /// The directory group that it is about.
    pub group: Option<DirectoryGroupId>,
    /// The groups that the person is in, and why each of them is none of the rule's.
    pub misses: Vec<Miss>,
    /// The native group that has the name which a mirror waits for.
    pub taken_by: Option<(GroupId, String)>,
}

/// A group that the person is in and that a rule does not match.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    /// The group.
    pub group: DirectoryGroupId,
    /// The clause that keeps it out: `when.group`, `when.group_ids`, `when.capture` or `mirror_group`.
    pub clause: &'static str,
    /// The part of the filter that is false of it.
    pub unmet: Option<Unmet>,
    /// Why, as a sentence without its full stop.
    pub message: String,
}

/// How a rule would give what is asked for, if it could. `mirrors_it` says that the group in question is, or bears
/// the name of, a mirror of this rule.
pub fn way(document: &RuleDocument, asked: &Asked, mirrors_it: bool) -> Option<Way> {
    let named = |action: &Action| match (action, asked) {
        (Action::EnsureMembership {} | Action::IntoGroup { .. } | Action::GrantRole { .. }, Asked::Membership) => true,
        (Action::IntoGroup { group_id }, Asked::Group { id, .. }) => group_id == id,
        (Action::GrantRole { role }, Asked::Role { slug }) => role == slug,
        _ => false,
    };
    if document.then.iter().any(named) {
        return Some(Way::Named);
    }
    let mirrors = match asked {
        Asked::Membership => true,
        Asked::Group { .. } => mirrors_it,
        Asked::Role { .. } => false,
    };
    (mirrors && document.mirror().is_some()).then_some(Way::Mirror)
}

/// Whether a rule takes away what is asked for from those whom it is about.
pub fn excludes(document: &RuleDocument, asked: &Asked) -> bool {
    document.then.iter().any(|action| match (action, asked) {
        (Action::Exclude { group_id: None, role: None }, _) => true,
        (Action::Exclude { group_id, .. }, Asked::Group { id, .. }) => group_id.as_ref() == Some(id),
        (Action::Exclude { role, .. }, Asked::Role { slug }) => role.as_ref() == Some(slug),
        _ => false,
    })
}

/// The first clause by which `rule` does not give `asked` to `person`. `None` if every clause holds: then the
/// person has it from the rule, or an exclusion takes it, or a run has not come to it yet.
pub fn first_failure(rule: &Rule, way: Way, asked: &Asked, person: &Person<'_>) -> Option<Failure> {
    state(rule)
        .or_else(|| directory(rule, person))
        .or_else(|| groups(rule, way, asked, person))
        .or_else(|| exception(rule, person))
        .or_else(|| condition(rule, person))
        .or_else(|| link(person))
        .or_else(|| mirror(rule, way, asked, person))
}

/// Whether everybody whom `rule` is about is somebody like `person`: groups, exceptions and the condition on people.
pub fn is_about(rule: &Rule, person: &Person<'_>) -> bool {
    let by_group = || !rule.is_by_group() || of_rule(rule, person).any(|bound| bound.matched);
    state(rule).is_none() && rule.sees_user(person.user) && by_group() && exception(rule, person).is_none()
}

fn of_rule<'p>(rule: &Rule, person: &'p Person<'_>) -> impl Iterator<Item = &'p Bound> {
    let id = rule.id;
    person.bindings.iter().copied().filter(move |bound| bound.rule == id)
}

fn state(rule: &Rule) -> Option<Failure> {
    let message = match rule.document.state {
        RuleState::Active => return None,
        RuleState::Frozen => "the rule is frozen: what it gave stays, and it gives nothing new",
        RuleState::Draft => "the rule is a draft and gives nothing",
    };
    Some(Failure { clause: "state", message: message.to_owned(), ..Failure::default() })
}

fn directory(rule: &Rule, person: &Person<'_>) -> Option<Failure> {
    let message = "the rule is for another directory".to_owned();
    (!rule.covers(person.user.directory)).then(|| Failure {
        clause: "directory_id",
        text: rule.document.directory_id.map(|id| id.to_string()),
        message,
        ..Failure::default()
    })
}

/// The bindings by which the rule would give what is asked for, as far as groups decide.
fn sources<'p>(rule: &Rule, way: Way, asked: &Asked, person: &'p Person<'_>) -> Vec<&'p Bound> {
    let leads_there = |bound: &&Bound| match (way, asked) {
        (Way::Mirror, Asked::Group { id, name_key }) => match bound.mirror {
            Some(mirror) => mirror == *id,
            None => bound.mirror_name_key.as_ref() == Some(name_key),
        },
        _ => true,
    };
    of_rule(rule, person).filter(|bound| bound.matched).filter(leads_there).collect()
}

fn groups(rule: &Rule, way: Way, asked: &Asked, person: &Person<'_>) -> Option<Failure> {
    if !rule.is_by_group() || !sources(rule, way, asked, person).is_empty() {
        return None;
    }
    let misses: Vec<Miss> = person.groups.iter().map(|group| miss(rule, group, person)).collect();
    let clause = match misses.iter().find(|miss| miss.clause == "when.capture") {
        Some(_) => "when.capture",
        None if rule.document.when.group.is_some() => "when.group",
        None => "when.group_ids",
    };
    let text = match clause {
        "when.capture" => rule.document.when.capture.clone(),
        "when.group" => rule.document.when.group.clone(),
        _ => None,
    };
    let message = if misses.is_empty() {
        "they are in no directory group"
    } else if way == Way::Mirror && matches!(asked, Asked::Group { .. }) {
        "they are in no directory group that this group mirrors"
    } else {
        "they are in no directory group that the rule matches"
    };
    Some(Failure { clause, text, message: message.to_owned(), misses, ..Failure::default() })
}

/// Why a group that the person is in is none of the rule's.
fn miss(rule: &Rule, group: &DirectoryGroup, person: &Person<'_>) -> Miss {
    let name = group.text("displayName").unwrap_or_default();
    let made = |clause, unmet, message| Miss { group: group.id, clause, unmet, message };
    if of_rule(rule, person).any(|bound| bound.group == group.id && bound.matched) {
        return made("mirror_group", None, format!("\"{name}\" becomes another group by this rule"));
    }
    let when = &rule.document.when;
    if !when.group_ids.contains(&group.id) {
        let Some((text, filter)) = when.group.as_ref().zip(rule.group_filter()) else {
            return made("when.group_ids", None, format!("\"{name}\" is not listed"));
        };
        if let Some(unmet) = filter.unmet(text, &group_document(group)) {
            let message = unmet.message();
            return made("when.group", Some(unmet), message);
        }
    }
    if rule.views_group(group).matched {
        return made("waiting", None, format!("\"{name}\" matches, but this is not in force yet"));
    }
    made("when.capture", None, format!("the pattern does not match \"{name}\""))
}

fn exception(rule: &Rule, person: &Person<'_>) -> Option<Failure> {
    let bound = of_rule(rule, person).find(|bound| bound.excepted)?;
    let name = person.names.get(&bound.group).map_or("", String::as_str);
    Some(Failure {
        clause: "when.except_group",
        text: rule.document.when.except_group.clone(),
        message: format!("they are in \"{name}\", whose people the rule leaves out"),
        group: Some(bound.group),
        ..Failure::default()
    })
}

fn condition(rule: &Rule, person: &Person<'_>) -> Option<Failure> {
    let (text, filter) = rule.document.when.user.as_ref().zip(rule.user_filter())?;
    let unmet = filter.unmet(text, &user_document(person.user))?;
    Some(Failure {
        clause: "when.user",
        message: unmet.message(),
        text: Some(unmet.text),
        column: Some(unmet.column),
        seen: unmet.seen,
        ..Failure::default()
    })
}

fn link(person: &Person<'_>) -> Option<Failure> {
    let message = match person.link {
        LinkState::Linked => return None,
        LinkState::Never if person.user.active => return None,
        LinkState::Never => "they are inactive and were never active here, so they have no account yet",
        LinkState::PendingWithoutEmail => {
            "they have no e-mail address, so the link to an account waits for somebody to confirm it"
        }
        LinkState::Pending => {
            "their address belongs to an account that the organization does not own; the link waits for somebody to \
             confirm it"
        }
        LinkState::Refused => "somebody refused to link them to an account",
        LinkState::Ended => "the directory has removed this person",
    };
    Some(Failure { clause: "link", message: message.to_owned(), ..Failure::default() })
}

fn mirror(rule: &Rule, way: Way, asked: &Asked, person: &Person<'_>) -> Option<Failure> {
    let sources = sources(rule, way, asked, person);
    if way == Way::Named || sources.iter().any(|bound| bound.mirror.is_some()) {
        return None;
    }
    let bound = sources.first()?;
    let group = person.names.get(&bound.group).map_or("", String::as_str);
    let message = match (&bound.mirror_name, &bound.taken_by) {
        (Some(name), Some((holder, _))) => {
            format!("the mirror of \"{group}\" waits for the name \"{name}\", which the group {holder} has")
        }
        (Some(name), None) => format!("the mirror of \"{group}\" waits for the name \"{name}\""),
        (None, _) => format!("the name of the mirror cannot be rendered for \"{group}\""),
    };
    Some(Failure {
        clause: "mirror_group",
        text: bound.mirror_name.clone(),
        message,
        group: Some(bound.group),
        taken_by: bound.taken_by.clone(),
        ..Failure::default()
    })
}

#[cfg(test)]
mod tests;
