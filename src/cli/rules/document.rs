//! `rules.toml`: its schema, and the places of its parts.
//!
//! What lives here: reading the file, which refuses every key that it does not know. What does not: turning the names
//! in it into ids (`names`), and comparing it with a server (`difference`).

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::cli::source::{Mistakes, Source};
use crate::domain::rule::{OnCollision, OnDelete, RuleState};

/// How far apart positions are that the file leaves out.
const STEP: i64 = 10;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Entry>>,
}

/// A `[[rule]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The rule's handle.
    pub key: Spanned<String>,
    /// A directory, by name or id; all of the organization's when absent.
    pub directory: Option<Spanned<String>>,
    /// Its place; when absent, behind the rule before it in the file.
    pub position: Option<Spanned<i64>>,
    /// Whether it acts; active when absent.
    pub state: Option<Spanned<RuleState>>,
    /// Which groups and people.
    pub when: Spanned<Conditions>,
    /// What they get.
    pub then: Vec<Spanned<Act>>,
}

/// `[rule.when]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// A filter over directory groups.
    pub group: Option<Spanned<String>>,
    /// Exact directory groups, by id.
    #[serde(default)]
    pub group_ids: Vec<Spanned<String>>,
    /// Exact directory groups, by the name that they have when the file is used.
    #[serde(default)]
    pub groups: Vec<Spanned<String>>,
    /// A pattern over their names.
    pub capture: Option<Spanned<String>>,
    /// A filter over people.
    pub user: Option<Spanned<String>>,
    /// A filter over directory groups whose people are out.
    pub except_group: Option<Spanned<String>>,
}

/// A `[[rule.then]]`: one key.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// They are members.
    EnsureMembership {},
    /// Each directory group becomes a native group.
    MirrorGroup {
        /// The template of its name.
        name: Option<String>,
        /// When the name is taken.
        #[serde(default)]
        on_collision: OnCollision,
        /// When the directory group goes.
        #[serde(default)]
        on_delete: OnDelete,
    },
    /// They join a native group.
    IntoGroup {
        /// Its name or id.
        group: Spanned<String>,
    },
    /// They hold a role.
    GrantRole {
        /// Its slug.
        role: String,
    },
    /// What rules give them ends.
    Exclude {
        /// Only of this native group, by name or id.
        group: Option<Spanned<String>>,
        /// Only of this role.
        role: Option<String>,
    },
}

/// A rule of the file with its place and position.
#[derive(Debug, Clone)]
pub struct Placed {
    /// What is written.
    pub entry: Entry,
    /// Where it begins.
    pub span: Range<usize>,
    /// Its position, as written or implied.
    pub position: i64,
}

/// Reads the rules of a file.
///
/// # Errors
///
/// [`Mistakes`] if it is no TOML, has a key that is not known or lacks one, or has two rules of one key.
pub fn read(source: &Source) -> Result<Vec<Placed>, Mistakes> {
    let file: File = source.parse()?;
    let mut position = 0;
    let mut keys: HashMap<String, String> = HashMap::new();
    let mut mistakes = Mistakes::default();
    let mut rules = Vec::new();
    for spanned in file.rule {
        let (span, entry) = (spanned.span(), spanned.into_inner());
        let place = source.place(&entry.key.span());
        if let Some(first) = keys.insert(entry.key.get_ref().clone(), place) {
            let message = format!("the key \"{}\" is taken by the rule at {first}", entry.key.get_ref());
            mistakes.0.push(source.mistake(entry.key.span(), &message));
        }
        position = entry.position.as_ref().map_or(position + STEP, |given| *given.get_ref());
        rules.push(Placed { entry, span, position });
    }
    if mistakes.0.is_empty() { Ok(rules) } else { Err(mistakes) }
}

/// The position that the rule after this one has if the file does not say.
pub fn implied_after(position: i64) -> i64 {
    position.saturating_add(STEP)
}

impl Placed {
    /// The handle.
    pub fn key(&self) -> &str {
        self.entry.key.get_ref()
    }

    /// Where a field is written, by the server's name for it, such as `when.group` or `then[1].grant_role.role`.
    pub fn place_of(&self, field: &str) -> Range<usize> {
        let entry = &self.entry;
        let when = entry.when.get_ref();
        let written = match field.split(['.', '[']).next().unwrap_or_default() {
            "key" => Some(entry.key.span()),
            "directory_id" => entry.directory.as_ref().map(Spanned::span),
            "position" => entry.position.as_ref().map(Spanned::span),
            "state" => entry.state.as_ref().map(Spanned::span),
            "when" => {
                let condition = match field.strip_prefix("when.").unwrap_or_default() {
                    "group" => when.group.as_ref().map(Spanned::span),
                    "capture" => when.capture.as_ref().map(Spanned::span),
                    "user" => when.user.as_ref().map(Spanned::span),
                    "except_group" => when.except_group.as_ref().map(Spanned::span),
                    ids if ids.starts_with("group_ids") => {
                        when.group_ids.first().or(when.groups.first()).map(Spanned::span)
                    }
                    _ => None,
                };
                Some(condition.unwrap_or_else(|| entry.when.span()))
            }
            "then" => {
                let at = field.strip_prefix("then[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
                at.and_then(|at| entry.then.get(at)).map(Spanned::span)
            }
            _ => None,
        };
        written.unwrap_or_else(|| self.span.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[rule]]
key = "teams"
[rule.when]
group = 'displayName sw "eng-"'
[[rule.then]]
mirror_group = { name = "{{ group.displayName }}" }
[[rule.then]]
grant_role = { role = "admin" }

[[rule]]
key = "banned"
position = 35
when = { user = "active eq true" }
then = [{ exclude = {} }]

[[rule]]
key = "last"
when = { user = "active eq true" }
then = [{ ensure_membership = {} }]
"#;

    fn wrong(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        read(&Source::of("rules.toml", &GOOD.replacen(from, to, 1))).unwrap_err().to_string()
    }

    #[test]
    fn positions_follow_the_file_where_it_gives_none() {
        let rules = read(&Source::of("rules.toml", GOOD)).unwrap();
        let positions: Vec<(&str, i64)> = rules.iter().map(|rule| (rule.key(), rule.position)).collect();
        assert_eq!(positions, [("teams", 10), ("banned", 35), ("last", 45)]);
    }

    #[test]
    fn fields_are_found_where_they_are_written() {
        let source = Source::of("rules.toml", GOOD);
        let rules = read(&source).unwrap();
        let place = |field| source.place(&rules[0].place_of(field));
        assert_eq!(place("when.group"), "rules.toml:5:9");
        assert_eq!(place("then[1].grant_role.role"), "rules.toml:8:1");
        assert_eq!(place("when.user"), "rules.toml:4:1");
        assert_eq!(place("position"), "rules.toml:2:1");
        assert_eq!(place("key"), "rules.toml:3:7");
    }

    #[test]
    fn the_documented_example_can_be_read() {
        let page = include_str!("../../../docs/rules-as-code.md");
        let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let rules = read(&Source::of("rules.toml", example)).unwrap();
        let keys: Vec<&str> = rules.iter().map(Placed::key).collect();
        assert_eq!(keys, ["engineering-teams", "finance-admins", "everybody", "banned"]);
    }

    #[test]
    fn a_key_that_is_not_known_is_refused_with_its_place() {
        assert!(wrong("group = ", "gruop = ").starts_with("rules.toml:5:1: unknown field `gruop`"));
        assert!(wrong("role = \"admin\"", "rle = \"admin\"").starts_with("rules.toml:9:16: "));
        let other = read(&Source::of("rules.toml", "\n[[rules]]\nkey = \"teams\"\n")).unwrap_err().to_string();
        assert!(other.starts_with("rules.toml:2:3: unknown field `rules`"), "{other}");
        assert!(wrong("grant_role", "grant").starts_with("rules.toml:9:1: unknown variant `grant`"));
        assert!(wrong("key = \"teams\"", "").starts_with("rules.toml:2:1: missing field `key`"));
        assert!(wrong("position = 35", "position = \"x\"").starts_with("rules.toml:13:12: invalid type"));
        assert!(wrong("\"banned\"", "\"teams\"").contains("taken by the rule at rules.toml:3:7"));
    }
}
