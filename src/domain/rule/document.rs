//! The document of a rule: what an admin writes, one saved version of it.
//!
//! What lives here: its fields, and reading them from JSON so that every mistake is told. What the fields mean
//! together is checked by [`super::Rule::check`].

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::finding::Finding;
use crate::domain::id::{DirectoryGroupId, DirectoryId, GroupId};
use crate::domain::{Error, Result};

/// The fields of a document.
pub const FIELDS: [&str; 5] = ["directory_id", "position", "state", "when", "then"];

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

    /// Whether the rule looks at groups at all, or at people only.
    pub fn is_by_group(&self) -> bool {
        self.when.group.is_some() || !self.when.group_ids.is_empty()
    }

    /// The slugs of the roles that the rule grants, each with its place in `then`.
    pub fn granted_roles(&self) -> impl Iterator<Item = (usize, &str)> {
        self.then.iter().enumerate().filter_map(|(at, action)| match action {
            Action::GrantRole { role } => Some((at, role.as_str())),
            _ => None,
        })
    }

    /// Reads a whole document.
    ///
    /// # Errors
    ///
    /// Every field, condition and action that cannot be read, each named by its path.
    pub fn parse(mut fields: Map<String, Value>) -> Result<Self, Vec<Finding>> {
        let mut mistakes = Vec::new();
        let directory_id = fields.remove("directory_id").map(|value| read("directory_id", value, &mut mistakes));
        let position = required("position", fields.remove("position"), &mut mistakes);
        let state = fields.remove("state").map(|value| read("state", value, &mut mistakes));
        let when = required("when", fields.remove("when"), &mut mistakes);
        let when = when.and_then(|when: Value| conditions(when, &mut mistakes));
        let then = required("then", fields.remove("then"), &mut mistakes);
        let then = then.and_then(|then: Value| actions(then, &mut mistakes));
        for unknown in fields.keys() {
            let message = format!("a rule has no field {unknown}; it has {}", FIELDS.join(", "));
            mistakes.push(Finding::error(unknown, "invalid_rule", message));
        }
        match (position, when, then) {
            (Some(position), Some(when), Some(then)) if mistakes.is_empty() => Ok(RuleDocument {
                directory_id: directory_id.flatten().flatten(),
                position,
                state: state.flatten().unwrap_or_default(),
                when,
                then,
            }),
            _ => Err(mistakes),
        }
    }

    /// The document with some of its fields set anew. `when` and `then` are replaced as a whole.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the first field that cannot be read.
    pub fn with(&self, changes: Map<String, Value>) -> Result<Self> {
        let mut fields = self.fields()?;
        fields.extend(changes);
        Self::parse(fields).map_err(Finding::first)
    }

    /// The document as the fields that it is written with.
    pub fn fields(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Error::internal("a rule document is no object")),
            Err(error) => Err(Error::Internal(Box::new(error))),
        }
    }
}

/// Reads one field; what cannot be read is a mistake at its path.
fn read<T: DeserializeOwned>(field: &str, value: Value, mistakes: &mut Vec<Finding>) -> Option<T> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| {
            let path = match error.path().to_string() {
                inner if inner == "." => field.to_owned(),
                inner => format!("{field}.{inner}"),
            };
            mistakes.push(Finding::error(path, "invalid_rule", error.inner().to_string()));
        })
        .ok()
}

fn required<T: DeserializeOwned>(field: &str, value: Option<Value>, mistakes: &mut Vec<Finding>) -> Option<T> {
    let Some(value) = value else {
        mistakes.push(Finding::error(field, "required", format!("a rule needs `{field}`")));
        return None;
    };
    read(field, value, mistakes)
}

/// The conditions, each read by itself, so that a mistake in one hides none in another.
fn conditions(when: Value, mistakes: &mut Vec<Finding>) -> Option<When> {
    let before = mistakes.len();
    if let Value::Object(given) = &when {
        for (name, value) in given {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            read::<When>("when", Value::Object(alone), mistakes);
        }
    }
    if mistakes.len() > before { None } else { read("when", when, mistakes) }
}

/// The actions, each read by itself.
fn actions(then: Value, mistakes: &mut Vec<Finding>) -> Option<Vec<Action>> {
    let Value::Array(actions) = then else { return read("then", then, mistakes) };
    let read = |(at, action)| read(&format!("then[{at}]"), action, mistakes);
    let actions: Vec<Option<Action>> = actions.into_iter().enumerate().map(read).collect();
    actions.into_iter().collect()
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

impl Action {
    /// The native group and the slug of the role that it names.
    pub fn names(&self) -> (Option<GroupId>, Option<&str>) {
        match self {
            Action::IntoGroup { group_id } => (Some(*group_id), None),
            Action::GrantRole { role } => (None, Some(role)),
            Action::Exclude { group_id, role } => (*group_id, role.as_deref()),
            Action::EnsureMembership {} | Action::MirrorGroup { .. } => (None, None),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(document: &Value) -> Map<String, Value> {
        document.as_object().unwrap().clone()
    }

    #[test]
    fn every_field_that_cannot_be_read_is_named() {
        let document = json!({"position": "first", "state": "on", "colour": "red",
            "when": {"usr": "x", "group": 7, "user": "active eq true"}, "then": [{"mirror_group": {}}, {"grant": {}}]});
        let mistakes = RuleDocument::parse(fields(&document)).unwrap_err();
        let mut named: Vec<&str> = mistakes.iter().map(|mistake| mistake.field.as_str()).collect();
        named.sort_unstable();
        assert_eq!(named, ["colour", "position", "state", "then[1]", "when.group", "when.usr"]);
        let empty = RuleDocument::parse(Map::new()).unwrap_err();
        assert!(empty.iter().all(|mistake| mistake.code == "required") && empty.len() == 3, "{empty:?}");
    }

    #[test]
    fn a_document_changes_by_whole_fields() {
        let before = json!({"position": 10, "when": {"group": "displayName pr", "user": "active eq true"},
            "then": [{"mirror_group": {}}]});
        let before = RuleDocument::parse(fields(&before)).unwrap();
        let after = before.with(fields(&json!({"when": {"user": "title pr"}, "state": "frozen"}))).unwrap();
        assert_eq!((after.position, after.state, after.then), (10, RuleState::Frozen, before.then.clone()));
        assert_eq!(after.when, When { user: Some("title pr".to_owned()), ..When::default() });
        assert_eq!(before.with(Map::new()).unwrap(), before);
    }
}
