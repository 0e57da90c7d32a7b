//! What is odd about a rule that could be saved: warnings and remarks, never mistakes.
//!
//! What lives here: the judgements, pure. [`alone`] looks at the rule itself, [`beside`] at the rules around it,
//! [`directory`] at the one it is for,
//! [`groups::Look`] and [`people::Look`] at what is there now. Mistakes are `rule::Rule::check`; reading what is there is
//! `service::mapping::lint`.

mod alone;
mod beside;
pub mod directory;
pub mod groups;
pub mod people;

pub use alone::alone;
pub use beside::beside;

/// How many names a message lists.
const NAMED: usize = 5;

/// Up to [`NAMED`] names in quotes, and how many more there are.
fn named<S: AsRef<str>>(names: &[S], total: usize) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("'{}'", name.as_ref())).collect();
    match total.saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 directory group`, `2 directory groups`.
fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// `1 person`, `2 people`.
fn count_people(number: usize) -> String {
    if number == 1 { "1 person".to_owned() } else { format!("{number} people") }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Id;
    use crate::domain::id::RuleId;
    use crate::domain::rule::{Rule, RuleDocument};
    use crate::scim::schema::Catalogue;

    /// A rule of this key and position.
    pub(super) fn rule(key: &str, position: i64, when: Value, then: Value) -> Rule {
        let fields = [("position", json!(position)), ("when", when), ("then", then)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        let document = RuleDocument::parse(fields.into_iter().collect()).unwrap();
        let id = RuleId::mint(chrono::DateTime::UNIX_EPOCH);
        Rule::compile(id, key, 1, document, &Catalogue::built_in()).unwrap()
    }

    /// A directory group of this name, with no other attribute.
    pub(super) fn group(name: &str) -> crate::domain::directory::DirectoryGroup {
        crate::domain::directory::DirectoryGroup {
            id: Id::mint(chrono::DateTime::UNIX_EPOCH),
            directory: Id::nil(),
            document: json!({"displayName": name}).as_object().unwrap().clone(),
            version: 1,
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_list_of_names_ends() {
        assert_eq!(named(&["a", "b"], 2), "'a', 'b'");
        assert_eq!(named(&["a", "b", "c", "d", "e", "f"], 9), "'a', 'b', 'c', 'd', 'e' and 4 more");
    }
}
