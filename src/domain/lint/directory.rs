//! What is odd about a rule and the directory that it is for.

use super::named;
use crate::domain::directory::{Directory, DirectoryGroup};
use crate::domain::finding::Finding;
use crate::domain::rule::Rule;

/// Why nothing comes from the directory that the rule is for, if nothing does.
pub fn inactive(directory: &Directory) -> Option<Finding> {
    let why = if directory.leaving.is_some() {
        "is being removed"
    } else if directory.paused_at.is_some() {
        "is paused: the rule changes nothing until it is resumed"
    } else if directory.state != "linked" {
        "has not been reached by an identity provider yet"
    } else {
        return None;
    };
    let message = format!("the directory '{}' {why}", directory.name);
    Some(Finding::warning("directory_id", "inactive_directory", message))
}

/// Pinned groups that the rule cannot see, being for another directory; `pinned` are all of `when.group_ids`.
pub fn pinned_elsewhere(rule: &Rule, pinned: &[DirectoryGroup]) -> Option<Finding> {
    let elsewhere = pinned.iter().filter(|group| !rule.covers(group.directory));
    let names: Vec<&str> = elsewhere.map(|group| group.text("displayName").unwrap_or_default()).collect();
    (!names.is_empty()).then(|| {
        let message =
            format!("of another directory than `directory_id`, and never matched: {}", named(&names, names.len()));
        Finding::warning("when.group_ids", "unreachable", message)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{group, rule};
    use super::*;
    use crate::domain::Id;

    #[test]
    fn pinned_groups_of_another_directory_are_named() {
        let (here, mut there) = (group("Here"), group("There"));
        there.directory = Id::mint(chrono::DateTime::UNIX_EPOCH);
        let when = json!({"group_ids": [here.id, there.id]});
        let mut rule = rule("x", 1, when, json!([{"mirror_group": {}}]));
        assert_eq!(pinned_elsewhere(&rule, &[here.clone(), there.clone()]), None, "it is for all directories");
        rule.document.directory_id = Some(here.directory);
        let found = pinned_elsewhere(&rule, &[here, there]).unwrap();
        assert_eq!((found.field.as_str(), found.code), ("when.group_ids", "unreachable"));
        assert!(found.message.ends_with(": 'There'"), "{}", found.message);
    }
}
