//! What would have to change on a server for its rules to be those of a file.

use std::collections::HashMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::cli::client::{Client, text};
use crate::domain::rule::RuleDocument;
use crate::domain::rule::document::FIELDS;

/// A rule of a server.
#[derive(Debug, Clone)]
pub struct Current {
    /// Its handle.
    pub key: String,
    /// The number of the newest saved version.
    pub version: i64,
    /// The number of the version in force.
    pub applied_version: Option<i64>,
    /// The newest saved version.
    pub newest: RuleDocument,
    /// The version in force.
    pub in_force: Option<RuleDocument>,
}

/// All rules of an organization, by position.
pub async fn current(client: &Client, organization: &str) -> anyhow::Result<Vec<Current>> {
    let mut rules = Vec::new();
    for row in client.all("/mapping_rules", &[("organization_id", organization)]).await? {
        let newest = document(&row)?;
        let version = row["version"].as_i64().context("the answer has no version")?;
        let applied_version = row["applied_version"].as_i64();
        let in_force = match applied_version {
            Some(applied) if applied != version => {
                let path = format!("/mapping_rules/{}", text(&row, "id")?);
                Some(document(&client.get(&path, &[("version", &applied.to_string())]).await?)?)
            }
            Some(_) => Some(newest.clone()),
            None => None,
        };
        rules.push(Current { key: text(&row, "key")?, version, applied_version, newest, in_force });
    }
    Ok(rules)
}

fn document(row: &Value) -> anyhow::Result<RuleDocument> {
    let fields = FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), row.get(name)?.clone())));
    RuleDocument::parse(fields.collect()).map_err(|mistakes| {
        let why: Vec<&str> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
        let key = row["key"].as_str().unwrap_or_default();
        anyhow::anyhow!("the server's rule \"{key}\" cannot be read by this version of muster: {}", why.join("; "))
    })
}

/// The changes, and what they do to whom.
#[derive(Debug, Default)]
pub struct Difference {
    /// As a plan takes them.
    pub changes: Vec<Value>,
    /// For each change, the place of its rule in the file; `None` for deletions.
    pub of: Vec<Option<usize>>,
    /// Keys of rules that are new.
    pub added: Vec<String>,
    /// Keys of rules that are edited.
    pub changed: Vec<String>,
    /// Keys of rules that go.
    pub deleted: Vec<String>,
    /// Keys of rules in force that are not in the file and stay.
    pub unmanaged: Vec<String>,
    /// Keys of rules that are not in the file and not in force either.
    pub never_applied: Vec<String>,
}

/// Compares the file's rules with those in force. With `prune`, rules in force that the file does not have go.
pub fn difference(file: &[(String, RuleDocument)], current: &[Current], prune: bool) -> anyhow::Result<Difference> {
    let mut found = Difference::default();
    let by_key: HashMap<&str, &Current> = current.iter().map(|rule| (rule.key.as_str(), rule)).collect();
    for (at, (key, document)) in file.iter().enumerate() {
        let known = by_key.get(key.as_str());
        if known.is_some_and(|rule| rule.in_force.as_ref() == Some(document)) {
            continue;
        }
        let change = if known.is_some_and(|rule| rule.newest == *document) {
            json!({"apply": {"rule": key}})
        } else {
            let mut fields = document.fields()?;
            fields.insert("key".to_owned(), key.as_str().into());
            json!({"save": fields})
        };
        found.changes.push(change);
        found.of.push(Some(at));
        let kind = if known.is_some() { &mut found.changed } else { &mut found.added };
        kind.push(key.clone());
    }
    for rule in current.iter().filter(|rule| !file.iter().any(|(key, _)| *key == rule.key)) {
        if rule.in_force.is_none() {
            found.never_applied.push(rule.key.clone());
        } else if prune {
            found.changes.push(json!({"delete": {"rule": rule.key, "origins": "retract"}}));
            found.of.push(None);
            found.deleted.push(rule.key.clone());
        } else {
            found.unmanaged.push(rule.key.clone());
        }
    }
    Ok(found)
}

impl Difference {
    /// The rules that are concerned, for people.
    pub fn lines(&self) -> Vec<String> {
        let told = [
            (&self.added, "+", "new"),
            (&self.changed, "~", "changed"),
            (&self.deleted, "-", "not in the file: goes, and what it gave ends"),
            (&self.unmanaged, " ", "not in the file: left alone (--prune deletes it)"),
            (&self.never_applied, " ", "saved and never applied: left alone"),
        ];
        let width = told.iter().flat_map(|(keys, ..)| keys.iter()).map(|key| key.chars().count()).max().unwrap_or(0);
        let lines = told
            .iter()
            .flat_map(|(keys, sign, what)| keys.iter().map(move |key| format!("{sign} {key:width$}  {what}")));
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(group: &str) -> RuleDocument {
        let fields = json!({"position": 10, "when": {"group": group}, "then": [{"mirror_group": {}}]});
        RuleDocument::parse(fields.as_object().unwrap().clone()).unwrap()
    }

    fn current(key: &str, newest: &str, in_force: Option<&str>) -> Current {
        let applied_version = in_force.map(|group| if group == newest { 2 } else { 1 });
        Current { key: key.to_owned(), version: 2, applied_version, newest: rule(newest), in_force: in_force.map(rule) }
    }

    #[test]
    fn what_is_in_force_decides_and_drafts_are_left_alone() {
        let server = [
            current("same", "a", Some("a")),
            current("edited", "draft", Some("a")),
            current("draft-wanted", "b", Some("a")),
            current("old", "a", Some("a")),
            current("idea", "a", None),
        ];
        let file: Vec<(String, RuleDocument)> = [("same", "a"), ("edited", "a"), ("draft-wanted", "b"), ("new", "n")]
            .map(|(k, g)| (k.to_owned(), rule(g)))
            .into();
        let found = difference(&file, &server, false).unwrap();
        assert_eq!(found.changes[0], json!({"apply": {"rule": "draft-wanted"}}));
        assert_eq!(found.changes[1]["save"]["key"], "new");
        assert_eq!((found.changes.len(), found.of.as_slice()), (2, [Some(2), Some(3)].as_slice()));
        assert_eq!((found.unmanaged, found.never_applied), (vec!["old".to_owned()], vec!["idea".to_owned()]));
        let pruned = difference(&file, &server, true).unwrap();
        assert_eq!(pruned.changes[2], json!({"delete": {"rule": "old", "origins": "retract"}}));
        assert_eq!((pruned.deleted.len(), pruned.unmanaged.len(), pruned.of[2]), (1, 0, None));
    }
}
