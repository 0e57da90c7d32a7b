//! What might be done about a directory group that no rule matches. Suggestions only: an admin decides.

use std::collections::BTreeMap;

use super::id::{GroupId, RuleId};
use super::rule::Rule;
use crate::scim::filter::{Op, Operand, ResolvedFilter, ResolvedTest};
use crate::scim::text::{distance, fold};

/// So many groups make a naming pattern.
const PATTERN: i64 = 3;
/// Characters that end the prefix of a name.
const SEPARATORS: [char; 8] = ['-', '_', '.', ':', '/', '|', '\\', ' '];

/// What might be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suggestion {
    /// A native group has the same name: its people could join that.
    IntoGroup {
        /// The native group.
        group: GroupId,
        /// Its name.
        name: String,
    },
    /// A rule almost matches the group: a name in its filter may be misspelt.
    EditRule {
        /// The rule.
        rule: RuleId,
        /// Its key.
        key: String,
        /// The name, or beginning of one, that its filter wants.
        wanted: String,
    },
    /// Several unmatched groups begin alike: one rule could mirror them all.
    MirrorGroup {
        /// The filter of such a rule.
        filter: String,
        /// How many unmatched groups it matches.
        groups: i64,
    },
}

/// How many of `names` begin alike, by the beginning, folded.
pub fn prefixes<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, i64> {
    let mut prefixes = BTreeMap::new();
    for prefix in names.into_iter().filter_map(prefix) {
        *prefixes.entry(fold(prefix)).or_default() += 1;
    }
    prefixes
}

/// The beginning of a name up to its first separator, which must come after two characters at least.
fn prefix(name: &str) -> Option<&str> {
    let (at, separator) = name.char_indices().find(|(_, c)| SEPARATORS.contains(c))?;
    let end = at + separator.len_utf8();
    (name[..at].chars().count() >= 2 && end < name.len()).then(|| &name[..end])
}

/// What might be done about a group of this name: join a native group of the same name, mend a rule, or mirror the
/// groups that begin alike; the first of these that applies.
pub fn suggest(
    name: &str,
    namesake: Option<(GroupId, String)>,
    rules: &[Rule],
    prefixes: &BTreeMap<String, i64>,
) -> Option<Suggestion> {
    if let Some((group, name)) = namesake {
        return Some(Suggestion::IntoGroup { group, name });
    }
    let key = fold(name);
    for rule in rules {
        if let Some((wanted, _)) = wanted_names(rule).into_iter().find(|(wanted, whole)| is_near(&key, wanted, *whole))
        {
            return Some(Suggestion::EditRule { rule: rule.id, key: rule.key.clone(), wanted: wanted.to_owned() });
        }
    }
    let prefix = prefix(name)?;
    let groups = prefixes.get(&fold(prefix)).copied().filter(|groups| *groups >= PATTERN)?;
    // A JSON string is what a filter's literal is.
    let literal = serde_json::Value::from(prefix).to_string();
    Some(Suggestion::MirrorGroup { filter: format!("displayName sw {literal}"), groups })
}

/// The names that `when.group` wants a group to have or to begin with, folded, and whether it must be all of it.
fn wanted_names(rule: &Rule) -> Vec<(&str, bool)> {
    let test = |filter| match filter {
        &ResolvedFilter::Is(ref target, ResolvedTest::Compare(op, Operand::Text { ref key, .. }))
            if target.name == "displayName" && target.extension.is_none() =>
        {
            matches!(op, Op::Equal | Op::StartsWith).then_some((key.as_str(), op == Op::Equal))
        }
        _ => None,
    };
    let parts = rule.group_filter().into_iter().flat_map(ResolvedFilter::disjuncts).flat_map(ResolvedFilter::conjuncts);
    parts.filter_map(test).collect()
}

/// Whether a name misses what a filter wants by a slip or two.
fn is_near(key: &str, wanted: &str, whole: bool) -> bool {
    let length = wanted.chars().count();
    let seen: String = if whole { key.to_owned() } else { key.chars().take(length).collect() };
    let slips = if length >= 8 { 2 } else { 1 };
    length >= 4 && (1..=slips).contains(&distance(&seen, wanted))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Id;
    use crate::scim::schema::Catalogue;

    fn rule(filter: &str) -> Rule {
        let document = json!({"position": 1, "when": {"group": filter}, "then": [{"ensure_membership": {}}]});
        let document = serde_json::from_value(document).unwrap();
        Rule::compile(Id::nil(), "near", 1, document, &Catalogue::built_in()).unwrap()
    }

    #[test]
    fn a_native_namesake_goes_before_a_slip_and_a_slip_before_a_pattern() {
        let prefixes = prefixes(["Eng-a", "eng-b", "ENG-c", "x-y", "plain", "-dash"]);
        assert_eq!(prefixes, BTreeMap::from([("eng-".to_owned(), 3)]));
        let rules = [rule("displayName sw \"ent-\" or displayName eq \"engineering\"")];
        let namesake = Some((Id::nil(), "eng-a".to_owned()));
        let suggested = |name: &str, namesake, rules: &[Rule]| suggest(name, namesake, rules, &prefixes);
        assert!(matches!(suggested("Eng-a", namesake, &rules), Some(Suggestion::IntoGroup { .. })));
        let near = |wanted: &str| {
            Some(Suggestion::EditRule { rule: Id::nil(), key: "near".to_owned(), wanted: wanted.to_owned() })
        };
        assert_eq!(suggested("Eng-a", None, &rules), near("ent-"));
        assert_eq!(suggested("Enginering", None, &rules), near("engineering"));
        let pattern = Suggestion::MirrorGroup { filter: "displayName sw \"Eng-\"".to_owned(), groups: 3 };
        assert_eq!(suggested("Eng-a", None, &[rule("displayName sw \"sales-\"")]), Some(pattern));
        assert_eq!(suggested("plain", None, &rules), None);
    }
}
