//! Mapping rules: when → then, versioned, ordered by position.
//!
//! What lives here: the document that an admin writes ([`document`]), its checks, and its compiled form. How rules
//! meet people and groups is `binding`; what is odd about a rule that could be saved is `lint`; how rules are applied
//! is `service::converge`.

mod compile;
pub mod document;

pub use document::{Action, OnCollision, OnDelete, RuleDocument, RuleState, When};

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::Result;
use super::directory::{DirectoryGroup, DirectoryUser};
use super::finding::Finding;
use super::id::{DirectoryId, RuleId};
use super::template::{self, TemplateError};
use crate::scim::filter::ResolvedFilter;
use crate::scim::schema::Catalogue;

/// The name of a mirror where the rule gives no template.
const DEFAULT_NAME: &str = "{{ group.displayName }}";

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

/// As [`GroupMatch`], with the reasons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupView {
    /// `when.group` or `when.group_ids` takes it, whatever `when.capture` says.
    pub selected: bool,
    /// The group is one of the rule's sources.
    pub matched: bool,
    /// The group's people are out, for this rule.
    pub excepted: bool,
    /// The name of the native group that mirrors it, or why there is none; where the rule mirrors.
    pub mirror: Option<Result<String, TemplateError>>,
}

impl Rule {
    /// Checks and compiles a document against the schemas of the directories it is for.
    ///
    /// # Errors
    ///
    /// [`super::Error::Invalid`] naming the first field that is wrong and, in a text, the column.
    pub fn compile(id: RuleId, key: &str, version: i64, document: RuleDocument, catalogue: &Catalogue) -> Result<Self> {
        Self::check(id, key, version, document, catalogue).map_err(Finding::first)
    }

    /// As [`Rule::compile`], with every mistake rather than the first.
    ///
    /// # Errors
    ///
    /// The mistakes, in the order of the fields.
    pub fn check(
        id: RuleId,
        key: &str,
        version: i64,
        document: RuleDocument,
        catalogue: &Catalogue,
    ) -> Result<Self, Vec<Finding>> {
        let mut mistakes = missing_parts(&document);
        let mut filter = |field: &str, text: Option<&str>, resource: &str| {
            text.and_then(|text| compile::filter(field, text, resource, catalogue).map_err(|e| mistakes.push(e)).ok())
        };
        let when = &document.when;
        let group = filter("when.group", when.group.as_deref(), "Group");
        let user = filter("when.user", when.user.as_deref(), "User");
        let except_group = filter("when.except_group", when.except_group.as_deref(), "Group");
        let capture = when.capture.as_deref();
        let capture = capture.and_then(|text| compile::capture(text).map_err(|e| mistakes.push(e)).ok());
        let rule = Rule { id, key: key.to_owned(), version, document, group, capture, user, except_group };
        rule.check_actions(&mut mistakes);
        if mistakes.is_empty() { Ok(rule) } else { Err(mistakes) }
    }

    fn check_actions(&self, mistakes: &mut Vec<Finding>) {
        let when = &self.document.when;
        if when.capture.is_some() && !self.is_by_group() {
            let message = "`capture` reads the name of a group; give `when.group` or `when.group_ids` too";
            mistakes.push(Finding::error("when.capture", "capture_without_group", message));
        }
        let mut mirrors = 0;
        for (at, action) in self.document.then.iter().enumerate() {
            let Action::MirrorGroup { name, .. } = action else { continue };
            mirrors += 1;
            if !self.is_by_group() {
                let message = "`mirror_group` mirrors directory groups; give `when.group` or `when.group_ids`";
                mistakes.push(Finding::error(format!("then[{at}]"), "mirror_without_group", message));
            }
            // What a pattern that cannot be read would have named is not known.
            let names_are_known = self.capture.is_some() || when.capture.is_none();
            if let Some(name) = name.as_deref().filter(|_| names_are_known)
                && let Err(TemplateError { message, column, .. }) = template::check(name, self.capture_names())
            {
                let field = format!("then[{at}].mirror_group.name");
                mistakes.push(Finding::error(field, "invalid_template", message).at(column));
            }
        }
        if mirrors > 1 {
            let message = "a rule mirrors a group once; write a second rule for a second mirror";
            mistakes.push(Finding::error("then", "several_mirrors", message));
        }
    }

    /// The names that the capture pattern gives.
    fn capture_names(&self) -> impl Iterator<Item = &str> {
        self.capture.iter().flat_map(|pattern| pattern.capture_names().flatten())
    }

    /// Whether the rule acts on groups at all, or on people only.
    pub fn is_by_group(&self) -> bool {
        self.document.is_by_group()
    }

    /// Whether the rule is in force for this directory.
    pub fn covers(&self, directory: DirectoryId) -> bool {
        self.document.directory_id.is_none_or(|only| only == directory)
    }

    /// The rule's `mirror_group` action, if it has one.
    pub fn mirror(&self) -> Option<(Option<&str>, OnCollision, OnDelete)> {
        self.document.mirror()
    }

    /// The compiled `when.group`.
    pub fn group_filter(&self) -> Option<&ResolvedFilter> {
        self.group.as_ref()
    }

    /// The compiled `when.user`.
    pub fn user_filter(&self) -> Option<&ResolvedFilter> {
        self.user.as_ref()
    }

    /// The compiled `when.except_group`.
    pub fn except_filter(&self) -> Option<&ResolvedFilter> {
        self.except_group.as_ref()
    }

    /// How the rule sees `group`.
    pub fn sees_group(&self, group: &DirectoryGroup) -> GroupMatch {
        let view = self.views_group(group);
        GroupMatch { matched: view.matched, excepted: view.excepted, mirror_name: view.mirror.and_then(Result::ok) }
    }

    /// How the rule sees `group`, with what an admin needs to know beside.
    pub fn views_group(&self, group: &DirectoryGroup) -> GroupView {
        if !self.covers(group.directory) {
            return GroupView::default();
        }
        let document = group_document(group);
        let excepted = self.except_group.as_ref().is_some_and(|filter| filter.matches(&document));
        let selected = self.document.when.group_ids.contains(&group.id)
            || self.group.as_ref().is_some_and(|filter| filter.matches(&document));
        let captures = match (&self.capture, selected) {
            (_, false) => None,
            (None, true) => Some(BTreeMap::new()),
            (Some(pattern), true) => captures(pattern, group.text("displayName").unwrap_or_default()),
        };
        let mirror = match (&captures, self.mirror()) {
            (Some(captures), Some((name, ..))) => Some(template::render(name.unwrap_or(DEFAULT_NAME), captures, group)),
            _ => None,
        };
        GroupView { selected, matched: captures.is_some(), excepted, mirror }
    }

    /// Whether the rule's condition on people holds for `user`.
    pub fn sees_user(&self, user: &DirectoryUser) -> bool {
        self.covers(user.directory) && self.user.as_ref().is_none_or(|filter| filter.matches(&user_document(user)))
    }
}

/// What a rule cannot do without.
fn missing_parts(document: &RuleDocument) -> Vec<Finding> {
    let mut mistakes = Vec::new();
    if document.then.is_empty() {
        let message = "a rule does something: give at least one action in `then`";
        mistakes.push(Finding::error("then", "no_action", message));
    }
    if !document.is_by_group() && document.when.user.is_none() {
        let message = "a rule is about somebody: give `when.group`, `when.group_ids` or `when.user`";
        mistakes.push(Finding::error("when", "no_condition", message));
    }
    mistakes
}

/// A directory group as filters see it.
pub(super) fn group_document(group: &DirectoryGroup) -> Map<String, Value> {
    with_id(&group.document, &group.id.to_string())
}

/// A directory user as filters see them.
pub(super) fn user_document(user: &DirectoryUser) -> Map<String, Value> {
    let mut document = with_id(&user.document, &user.id.to_string());
    document.insert("active".to_owned(), Value::Bool(user.active));
    document
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Error, Id};
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

    #[test]
    fn every_mistake_is_told_with_its_column() {
        let document = json!({"position": 1,
            "when": {"group": "displayName sw \"a\" and nam eq \"x\"", "capture": "^(a", "user": "active eq"},
            "then": [{"mirror_group": {}}, {"mirror_group": {}}]});
        let document = RuleDocument::parse(document.as_object().unwrap().clone()).unwrap();
        let mistakes = Rule::check(Id::nil(), "test", 1, document, &Catalogue::built_in()).unwrap_err();
        let told: Vec<_> = mistakes.iter().map(|m| (m.field.as_str(), m.code, m.column)).collect();
        assert_eq!(
            told,
            [
                ("when.group", "invalid_filter", Some(24)),
                ("when.user", "invalid_filter", Some(10)),
                ("when.capture", "invalid_pattern", Some(2)),
                ("then", "several_mirrors", None),
            ]
        );
    }
}
