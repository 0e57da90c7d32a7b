//! Which identity provider speaks, judged by how it speaks: by its name in `User-Agent`, else by the deviations
//! that only it is known for (`fixtures/README.md`), else by what the admin said.

use std::collections::BTreeMap;

/// Names that stand in a `User-Agent`, or in a directory's type, in lower case.
const NAMES: [(&str, &str); 11] = [
    ("okta", "okta"),
    ("azure", "entra"),
    ("entra", "entra"),
    ("aad", "entra"),
    ("microsoft", "entra"),
    ("onelogin", "onelogin"),
    ("jumpcloud", "jumpcloud"),
    ("google", "google"),
    ("pingone", "ping"),
    ("pingfederate", "ping"),
    ("ping", "ping"),
];

/// Tolerances that one identity provider alone is known to need.
const HABITS: [(&str, &str); 7] = [
    ("op_case", "entra"),
    ("path_key", "entra"),
    ("boolean_filter_string", "entra"),
    ("replace_creates", "entra"),
    ("string_for_complex", "entra"),
    ("scalar_for_array", "onelogin"),
    ("unquoted_literal", "ping"),
];

/// The identity provider, or `unknown`. `agents` and `tolerances` count how often each was seen.
pub fn recognised(kind: &str, agents: &BTreeMap<String, i64>, tolerances: &BTreeMap<String, i64>) -> &'static str {
    let mut votes: BTreeMap<&str, i64> = BTreeMap::new();
    for (agent, count) in agents {
        if let Some(name) = named(agent) {
            *votes.entry(name).or_default() += count;
        }
    }
    if votes.is_empty() {
        for (habit, name) in HABITS {
            *votes.entry(name).or_default() += tolerances.get(habit).copied().unwrap_or(0);
        }
    }
    let most = votes.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0);
    let name = most.map(|(name, _)| name).or_else(|| named(kind)).unwrap_or("unknown");
    // The same text with the lifetime of the program.
    NAMES.iter().find(|(_, known)| *known == name).map_or("unknown", |(_, known)| known)
}

/// The identity provider whose name a text holds as a word's beginning.
fn named(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    NAMES.iter().find(|(name, _)| words.iter().any(|word| word.starts_with(name))).map(|(_, known)| *known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn a_name_goes_before_habits_and_habits_before_what_the_admin_said() {
        let none = BTreeMap::new();
        let okta = counts(&[("Okta SCIM Client 1.0.0", 3), ("curl/8", 900)]);
        assert_eq!(recognised("azure scim v2.0", &okta, &counts(&[("op_case", 9)])), "okta");
        assert_eq!(recognised("okta scim v2.0", &none, &counts(&[("op_case", 9), ("scalar_for_array", 2)])), "entra");
        assert_eq!(recognised("azure scim v2.0", &none, &none), "entra");
        assert_eq!(recognised("generic scim v2.0", &counts(&[("shipping/1", 2)]), &none), "unknown");
        assert_eq!(recognised("x", &counts(&[("Google-Auto-Provisioning", 1)]), &none), "google");
    }
}
