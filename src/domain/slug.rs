//! Handles of roles, made of their names. Pure.

use crate::scim::text::fold;

/// The longest handle that is made of a name, in characters.
const MAX: usize = 60;

/// The handle for a name: `Group Manager` becomes `group-manager`. It has a number behind it if it is `taken`.
pub fn slug(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let folded = fold(name);
    let words = folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined: String = words.collect::<Vec<_>>().join("-").chars().take(MAX).collect();
    let stem = match joined.trim_end_matches('-') {
        "" => "role",
        stem => stem,
    };
    if !taken(stem) {
        return stem.to_owned();
    }
    let numbered = (2_u64..).map(|number| format!("{stem}-{number}"));
    numbered.into_iter().find(|candidate| !taken(candidate)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_short_plain_and_free() {
        let free = |name: &str| slug(name, |_| false);
        assert_eq!(free("Group Manager"), "group-manager");
        assert_eq!(free("  R&D -- (Lead) "), "r-d-lead");
        assert_eq!(free("管理者"), "role");
        assert_eq!(free(&"x".repeat(300)).len(), 60);
        assert_eq!(free(&format!("{} y", "x".repeat(59))), "x".repeat(59), "no hyphen at the end");
        let taken = ["admin", "admin-2"];
        assert_eq!(slug("Admin", |slug| taken.contains(&slug)), "admin-3");
    }
}
