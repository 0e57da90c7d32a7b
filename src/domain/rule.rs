//! Mapping rules: when → then, versioned, ordered by position.
//!
//! What lives here: the document that an admin writes, its checks, and its compiled form. How rules meet
//! people and groups is `binding`; how they are applied is `service::converge`.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::directory::{DirectoryGroup, DirectoryUser};
use super::id::{DirectoryGroupId, DirectoryId, GroupId, RuleId};
use super::template;
use super::{Error, Result};
use crate::scim::dialect::{Strictness, Tolerances};
use crate::scim::filter::{self, Op, Operand, ResolvedFilter, ResolvedTest};
use crate::scim::schema::Catalogue;

/// The whole text of a capture pattern, at the most.
const MAX_PATTERN: usize = 1_000;

/// What a rule says: one saved version of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDocument {
    /// The directory it is for; all of the organization's when absent.
    #[serde(default)]
    pub directory_id: Option<DirectoryId>,
    /// Its place among the rules; lower ones come first.
    pub position: i64,
    /// Whether it acts.
    #[serde(default)]
    pub state: RuleState,
    /// Which groups and people.
    pub when: When,
    /// What they get.
    pub then: Vec<Action>,
}

impl RuleDocument {
    /// The `mirror_group` action, if there is one: name, collisions, what becomes of the group.
    pub fn mirror(&self) -> Option<(Option<&str>, OnCollision, OnDelete)> {
        self.then.iter().find_map(|action| match action {
            Action::MirrorGroup { name, on_collision, on_delete } => Some((name.as_deref(), *on_collision, *on_delete)),
            _ => None,
        })
    }
}

/// Whether a rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleState {
    /// Saved, but never applied.
    Draft,
    /// In force.
    #[default]
    Active,
    /// What it granted stays, nothing new.
    Frozen,
}

/// Which directory groups and people a rule is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// A SCIM filter over the directory group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Exact directory groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_ids: Vec<DirectoryGroupId>,
    /// A regular expression with named groups over `displayName`; a group that it does not match is out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<String>,
    /// A SCIM filter over the directory user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A SCIM filter over directory groups whose people are out, for this rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub except_group: Option<String>,
}

/// What a rule does for the people it is about. A closed set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// They belong to the organization.
    EnsureMembership {},
    /// Each matched directory group becomes a native group of its own.
    MirrorGroup {
        /// The template of its name; the directory group's `displayName` when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// What to do when another group has the name.
        #[serde(default)]
        on_collision: OnCollision,
        /// What becomes of the native group when the directory group goes.
        #[serde(default)]
        on_delete: OnDelete,
    },
    /// They join an existing native group.
    IntoGroup {
        /// The native group.
        group_id: GroupId,
    },
    /// They hold a role.
    GrantRole {
        /// The slug of the role.
        role: String,
    },
    /// Every rule origin in reach ends, never a manual one. Without fields: everything.
    Exclude {
        /// Only belonging to this native group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group_id: Option<GroupId>,
        /// Only holding this role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    },
}

/// What a mirror does when another group has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCollision {
    /// Wait: the binding is kept, nothing is made until the name is free or an admin decides.
    #[default]
    Park,
    /// Take the name with a number behind it.
    Suffix,
    /// Take the group over, unless another rule has it.
    Adopt,
}

/// What becomes of a mirrored group when its directory group goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// It is emptied and deleted.
    #[default]
    Delete,
    /// It is emptied of what the rule brought, and stays as an ordinary group.
    Keep,
}

/// A rule in force, ready to be evaluated.
#[derive(Debug)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// The admin's handle.
    pub key: String,
    /// The version in force.
    pub version: i64,
    /// What it says.
    pub document: RuleDocument,
    group: Option<ResolvedFilter>,
    capture: Option<Regex>,
    user: Option<ResolvedFilter>,
    except_group: Option<ResolvedFilter>,
}

/// How a rule sees a directory group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupMatch {
    /// The group is one of the rule's sources.
    pub matched: bool,
    /// The group's people are out, for this rule.
    pub excepted: bool,
    /// The name of the native group that mirrors it, where the rule mirrors and the name can be rendered.
    pub mirror_name: Option<String>,
}

impl Rule {
    /// Checks and compiles a document against the schemas of the directories it is for.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the field and, in a filter, the column.
    pub fn compile(id: RuleId, key: &str, version: i64, document: RuleDocument, catalogue: &Catalogue) -> Result<Self> {
        if document.then.is_empty() {
            let message = "a rule does something: give at least one action in `then`";
            return Err(Error::invalid("then", "no_action", message));
        }
        let when = &document.when;
        if when.group.is_none() && when.group_ids.is_empty() && when.user.is_none() {
            let message = "a rule is about somebody: give `when.group`, `when.group_ids` or `when.user`";
            return Err(Error::invalid("when", "no_condition", message));
        }
        let by_group = when.group.is_some() || !when.group_ids.is_empty();
        let rule = Rule {
            group: compile_filter("when.group", when.group.as_deref(), "Group", catalogue)?,
            user: compile_filter("when.user", when.user.as_deref(), "User", catalogue)?,
            except_group: compile_filter("when.except_group", when.except_group.as_deref(), "Group", catalogue)?,
            capture: when.capture.as_deref().map(compile_capture).transpose()?,
            id,
            key: key.to_owned(),
            version,
            document,
        };
        rule.check_actions(by_group)?;
        Ok(rule)
    }

    fn check_actions(&self, by_group: bool) -> Result<()> {
        if self.capture.is_some() && !by_group {
            let message = "`capture` reads the name of a group; give `when.group` or `when.group_ids` too";
            return Err(Error::invalid("when.capture", "capture_without_group", message));
        }
        let mut mirrors = 0;
        for (at, action) in self.document.then.iter().enumerate() {
            let Action::MirrorGroup { name, .. } = action else { continue };
            mirrors += 1;
            if !by_group {
                let message = "`mirror_group` mirrors directory groups; give `when.group` or `when.group_ids`";
                return Err(Error::invalid(format!("then[{at}]"), "mirror_without_group", message));
            }
            if let Some(name) = name {
                let field = format!("then[{at}].mirror_group.name");
                template::check(name, self.capture_names())
                    .map_err(|error| Error::invalid(field, "invalid_template", error.0))?;
            }
        }
        if mirrors > 1 {
            let message = "a rule mirrors a group once; write a second rule for a second mirror";
            return Err(Error::invalid("then", "several_mirrors", message));
        }
        Ok(())
    }

    /// The names that the capture pattern gives.
    fn capture_names(&self) -> impl Iterator<Item = &str> {
        self.capture.iter().flat_map(|pattern| pattern.capture_names().flatten())
    }

    /// Whether the rule acts on groups at all, or on people only.
    pub fn is_by_group(&self) -> bool {
        self.document.when.group.is_some() || !self.document.when.group_ids.is_empty()
    }

    /// Whether the rule is in force for this directory.
    pub fn covers(&self, directory: DirectoryId) -> bool {
        self.document.directory_id.is_none_or(|only| only == directory)
    }

    /// The rule's `mirror_group` action, if it has one.
    pub fn mirror(&self) -> Option<(Option<&str>, OnCollision, OnDelete)> {
        self.document.mirror()
    }

    /// Whether `when.group_ids` or `when.group` selects `group`, whatever `capture` says.
    pub fn selects(&self, group: &DirectoryGroup) -> bool {
        self.selects_document(group.id, &with_id(&group.document, &group.id.to_string()))
    }

    fn selects_document(&self, id: DirectoryGroupId, document: &Map<String, Value>) -> bool {
        self.document.when.group_ids.contains(&id) || self.group.as_ref().is_some_and(|filter| filter.matches(document))
    }

    /// The names that `when.group` wants a group to have or to begin with, folded, and whether it must be all of it.
    pub fn wanted_names(&self) -> Vec<(&str, bool)> {
        let test = |filter| match filter {
            &ResolvedFilter::Is(ref target, ResolvedTest::Compare(op, Operand::Text { ref key, .. }))
                if target.name == "displayName" && target.extension.is_none() =>
            {
                matches!(op, Op::Equal | Op::StartsWith).then_some((key.as_str(), op == Op::Equal))
            }
            _ => None,
        };
        let parts = self.group.iter().flat_map(ResolvedFilter::disjuncts).flat_map(ResolvedFilter::conjuncts);
        parts.filter_map(test).collect()
    }

    /// How the rule sees `group`.
    pub fn sees_group(&self, group: &DirectoryGroup) -> GroupMatch {
        if !self.covers(group.directory) {
            return GroupMatch::default();
        }
        let document = with_id(&group.document, &group.id.to_string());
        let excepted = self.except_group.as_ref().is_some_and(|filter| filter.matches(&document));
        let selected = self.selects_document(group.id, &document);
        let captures = match (&self.capture, selected) {
            (_, false) => None,
            (None, true) => Some(BTreeMap::new()),
            (Some(pattern), true) => captures(pattern, group.text("displayName").unwrap_or_default()),
        };
        let mirror_name = match (&captures, self.mirror()) {
            (Some(captures), Some((name, ..))) => {
                template::render(name.unwrap_or("{{ group.displayName }}"), captures, group).ok()
            }
            _ => None,
        };
        GroupMatch { matched: captures.is_some(), excepted, mirror_name }
    }

    /// Whether the rule's condition on people holds for `user`.
    pub fn sees_user(&self, user: &DirectoryUser) -> bool {
        self.covers(user.directory)
            && self.user.as_ref().is_none_or(|filter| {
                let mut document = with_id(&user.document, &user.id.to_string());
                document.insert("active".to_owned(), Value::Bool(user.active));
                filter.matches(&document)
            })
    }
}

fn with_id(document: &Map<String, Value>, id: &str) -> Map<String, Value> {
    let mut document = document.clone();
    document.insert("id".to_owned(), Value::String(id.to_owned()));
    document
}

/// The named groups that took part in the match; `None` if the pattern does not match.
fn captures(pattern: &Regex, name: &str) -> Option<BTreeMap<String, String>> {
    let found = pattern.captures(name)?;
    let named = pattern.capture_names().flatten();
    Some(named.filter_map(|n| found.name(n).map(|part| (n.to_owned(), part.as_str().to_owned()))).collect())
}

fn compile_capture(pattern: &str) -> Result<Regex> {
    if pattern.len() > MAX_PATTERN {
        let message = format!("a capture pattern has {MAX_PATTERN} bytes at most");
        return Err(Error::invalid("when.capture", "pattern_too_long", message));
    }
    RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| Error::invalid("when.capture", "invalid_pattern", error.to_string()))
}

fn compile_filter(
    field: &str,
    text: Option<&str>,
    resource: &'static str,
    catalogue: &Catalogue,
) -> Result<Option<ResolvedFilter>> {
    let Some(text) = text else { return Ok(None) };
    let definition =
        catalogue.resource(resource).ok_or_else(|| Error::internal("a built-in resource type is missing"))?;
    let mut tolerances = Tolerances::default();
    let filter = filter::parse(text, Strictness::default(), &mut tolerances)
        .and_then(|filter| filter::resolve(&filter, definition, &mut tolerances))
        .map_err(|error| Error::invalid(field, "invalid_filter", error.to_string()))?;
    for computed in ["members", "groups", "meta"] {
        if filter.mentions(computed) {
            let message = format!("a rule cannot look at `{computed}`, which follows from other resources");
            return Err(Error::invalid(field, "computed_attribute", message));
        }
    }
    Ok(Some(filter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;
    use chrono::DateTime;
    use serde_json::json;

    fn rule(document: Value) -> Result<Rule> {
        let document: RuleDocument = serde_json::from_value(document).unwrap();
        Rule::compile(Id::nil(), "test", 1, document, &Catalogue::built_in())
    }

    fn group(name: &str) -> DirectoryGroup {
        DirectoryGroup {
            id: Id::nil(),
            directory: Id::nil(),
            document: json!({"displayName": name}).as_object().unwrap().clone(),
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_rule_sees_groups_by_filter_and_capture_and_names_their_mirrors() {
        let teams = rule(json!({"position": 1,
            "when": {"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>[a-z]+)$"},
            "then": [{"mirror_group": {"name": "Team {{ team | title }}"}}]}))
        .unwrap();
        let seen = teams.sees_group(&group("eng-mobile"));
        assert!(seen.matched && !seen.excepted);
        assert_eq!(seen.mirror_name.as_deref(), Some("Team Mobile"));
        assert!(!teams.sees_group(&group("eng-42")).matched, "the capture does not match");
        assert!(!teams.sees_group(&group("sales")).matched);
    }

    #[test]
    fn a_mistake_names_its_field() {
        let cases = [
            (json!({"position": 1, "when": {}, "then": [{"ensure_membership": {}}]}), "when"),
            (json!({"position": 1, "when": {"user": "active eq true"}, "then": []}), "then"),
            (
                json!({"position": 1, "when": {"group": "displayNam eq \"x\""}, "then": [{"ensure_membership": {}}]}),
                "when.group",
            ),
            (json!({"position": 1, "when": {"user": "active eq true"}, "then": [{"mirror_group": {}}]}), "then[0]"),
            (
                json!({"position": 1, "when": {"group": "displayName pr", "capture": "("}, "then": [{"mirror_group": {}}]}),
                "when.capture",
            ),
            (
                json!({"position": 1, "when": {"group": "members pr"}, "then": [{"ensure_membership": {}}]}),
                "when.group",
            ),
        ];
        for (document, expected) in cases {
            match rule(document.clone()) {
                Err(Error::Invalid { field, .. }) => assert_eq!(field, expected, "{document}"),
                other => panic!("{document}: {other:?}"),
            }
        }
    }
}
