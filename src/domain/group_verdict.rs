//! Why a rule does not act on a directory group: the first of its clauses that keeps the group out.

use super::directory::DirectoryGroup;
use super::rule::Rule;

/// A clause of a rule that a directory group does not satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOut {
    /// Where it stands in the rule: `directory_id`, `when.group`, `when.group_ids`, `when.capture`, or `when.user`
    /// for a rule that is not about groups at all.
    pub clause: &'static str,
    /// The clause as it is written; empty where it is an id.
    pub written: String,
    /// A sentence that names what was seen.
    pub message: String,
}

/// The first clause of `rule` that keeps `group` out; `None` if the group is one of its sources.
pub fn kept_out(rule: &Rule, group: &DirectoryGroup) -> Option<KeptOut> {
    let when = &rule.document.when;
    let name = group.text("displayName").unwrap_or_default();
    let out = |clause, written: &str, message: String| Some(KeptOut { clause, written: written.to_owned(), message });
    if !rule.covers(group.directory) {
        return out("directory_id", "", "the rule is for another directory".to_owned());
    }
    if !rule.is_by_group() {
        let written = when.user.as_deref().unwrap_or_default();
        return out("when.user", written, "the rule is about people whatever their groups".to_owned());
    }
    let view = rule.views_group(group);
    if !view.selected {
        return match when.group.as_deref() {
            Some(filter) => out("when.group", filter, format!("the filter is not true of the group '{name}'")),
            None => out("when.group_ids", "", "the group is not one of those that the rule names".to_owned()),
        };
    }
    if !view.matched {
        let pattern = when.capture.as_deref().unwrap_or_default();
        return out("when.capture", pattern, format!("the pattern does not match the name '{name}'"));
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Id;
    use crate::domain::id::DirectoryId;
    use crate::domain::rule::RuleDocument;
    use crate::scim::schema::Catalogue;

    fn first_clause(when: &Value, directory: Option<DirectoryId>, name: &str) -> Option<&'static str> {
        let document =
            json!({"position": 1, "directory_id": directory, "when": when, "then": [{"ensure_membership": {}}]});
        let document: RuleDocument = serde_json::from_value(document).unwrap();
        let rule = Rule::compile(Id::nil(), "test", 1, document, &Catalogue::built_in()).unwrap();
        let group = DirectoryGroup {
            id: Id::nil(),
            directory: Id::nil(),
            document: json!({"displayName": name}).as_object().unwrap().clone(),
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        kept_out(&rule, &group).map(|out| out.clause)
    }

    #[test]
    fn the_first_clause_that_fails_is_named() {
        let teams = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>[a-z]+)$"});
        let elsewhere = Some(DirectoryId::mint(DateTime::UNIX_EPOCH));
        assert_eq!(first_clause(&teams, None, "eng-mobile"), None);
        assert_eq!(first_clause(&teams, elsewhere, "eng-mobile"), Some("directory_id"));
        assert_eq!(first_clause(&teams, None, "sales"), Some("when.group"));
        assert_eq!(first_clause(&teams, None, "eng-42"), Some("when.capture"));
        let pinned = json!({"group_ids": ["directory_group_01ARZ3NDEKTSV4RRFFQ69G5FAV"]});
        assert_eq!(first_clause(&pinned, None, "sales"), Some("when.group_ids"));
        assert_eq!(first_clause(&json!({"user": "active eq true"}), None, "sales"), Some("when.user"));
    }
}
