//! The house and its rooms: no room is entered from below, and what may be said in one place only is.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file below `folder`, with its text without test modules.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            found.push((path, code));
        }
    }
}

/// The lines of code (no comments) in which one of `words` stands.
fn mentions(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        for (at, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn never(folder: &str, words: &[&str]) {
    let found = mentions(folder, words);
    assert!(found.is_empty(), "{folder} must not say {words:?}:\n{}", found.join("\n"));
}

#[test]
fn the_protocol_knows_nobody() {
    let rooms = ["crate::domain", "crate::store", "crate::service", "crate::http", "crate::cli", "crate::app"];
    never("src/scim", &rooms);
    never("src/scim", &["axum", "sqlx", "tokio", "reqwest", "Clock"]);
}

#[test]
fn the_vocabulary_knows_only_the_protocol() {
    never("src/domain", &["crate::store", "crate::service", "crate::http", "crate::cli", "crate::app"]);
    never("src/domain", &["axum", "sqlx", "tokio", "reqwest"]);
}

#[test]
fn the_store_is_below_the_services_and_the_only_room_with_sql() {
    never("src/store", &["crate::service", "crate::http", "crate::cli", "axum", "reqwest"]);
    for folder in ["src/service", "src/http", "src/cli", "src/worker", "src/replay"] {
        never(folder, &["sqlx", "SELECT ", "INSERT INTO", "DELETE FROM"]);
    }
}

#[test]
fn services_know_neither_the_web_nor_the_command_line() {
    never("src/service", &["axum", "crate::http", "crate::cli", "reqwest"]);
}

#[test]
fn scopes_are_made_by_authentication_alone() {
    let made: Vec<String> = mentions("src", &["Scope::authenticated("])
        .into_iter()
        // `demo` looks at the organization that it made itself, in the server that it runs itself.
        .filter(|line| !line.contains("service/keys.rs") && !line.contains("cli/demo.rs"))
        .collect();
    assert!(made.is_empty(), "{}", made.join("\n"));
}

#[test]
fn every_statement_on_a_table_of_an_organization_names_the_organization() {
    const TABLES: [&str; 17] = [
        "scim_tokens",
        "directory_users",
        "directory_user_emails",
        "directory_groups",
        "directory_edges",
        "directory_resources",
        "directory_unique_values",
        "roles",
        "organization_memberships",
        "groups",
        "group_memberships",
        "membership_roles",
        "identity_links",
        "mapping_rules",
        "bindings",
        "origins",
        "events",
    ];
    /// What looks a row up by a key that is unique everywhere, and by what right.
    const BY_OTHER_KEYS: [&str; 3] = [
        "FROM scim_tokens t",       // by digest: who calls is not known before
        "FROM mapping_rules WHERE", // which organization has this rule; the caller's reach is checked then
        "m.user_id",                // the memberships of a native user, who belongs to no organization
    ];
    let (mut loose, mut checked) = (Vec::new(), 0);
    for (path, text) in sources("src/store") {
        for literal in text.split('"').skip(1).step_by(2) {
            let verb =
                ["SELECT ", "UPDATE ", "DELETE ", "INSERT "].iter().any(|verb| literal.trim_start().starts_with(verb));
            let words: Vec<&str> = literal.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
            let tenant = TABLES.iter().any(|table| words.contains(table));
            let excused = BY_OTHER_KEYS.iter().any(|key| literal.contains(key));
            // A text that ends in `m.id = $1` or in a bare WHERE is completed by a scope; see the function.
            let completed = literal.trim_end().ends_with("= $1") || literal.trim_end().ends_with("1 = 1");
            checked += usize::from(verb && tenant);
            if verb && tenant && !excused && !completed && !literal.contains("organization_id") {
                loose.push(format!("{}: {literal}", path.display()));
            }
        }
    }
    assert!(checked > 60, "the statements were found: {checked}");
    assert!(loose.is_empty(), "{}", loose.join("\n\n"));
}

#[test]
fn files_stay_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"] {
        collect(&root.join(folder), &mut found);
    }
    for (path, _) in found {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines; it wants rooms of its own", path.display());
    }
}
