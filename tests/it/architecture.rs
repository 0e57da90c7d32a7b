//! The rooms of the house and who may enter which, as the sources themselves say it.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The longest file, in lines.
const LONGEST: usize = 600;

/// What the sources below a folder must not mention, and why.
const FORBIDDEN: [(&str, &[&str], &str); 4] = [
    (
        "src/scim/",
        &[
            "crate::domain",
            "crate::store",
            "crate::service",
            "crate::http",
            "crate::app",
            "axum::",
            "sqlx::",
            "tokio::",
            "reqwest::",
        ],
        "the protocol knows no tenant, no database and no framework",
    ),
    (
        "src/domain/",
        &["crate::store", "crate::service", "crate::http", "crate::app", "axum::", "sqlx::", "tokio::", "reqwest::"],
        "decisions are pure",
    ),
    ("src/store/", &["crate::service", "crate::http", "crate::app", "axum::"], "no room is entered from below"),
    ("src/service/", &["crate::http", "axum::", "sqlx::"], "use cases speak neither HTTP nor SQL"),
];

/// A source file with the comments taken out.
struct Source {
    path: String,
    text: String,
    code: String,
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 50, "the sources are where they are looked for");
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            Source { path, text, code }
        })
        .collect()
}

/// Panics with every complaint at once.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn no_room_is_entered_from_below() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (room, words, reason) in FORBIDDEN {
            let mentioned = words.iter().filter(|word| source.path.starts_with(room) && source.code.contains(**word));
            complaints.extend(mentioned.map(|word| format!("{} mentions {word}: {reason}", source.path)));
        }
    }
    none(&complaints);
}

#[test]
fn what_is_dangerous_is_in_one_place() {
    /// A pattern, the only paths where it may be, and why.
    const ONLY: [(&str, &[&str], &str); 5] = [
        (r"\bsqlx::", &["src/store/"], "the store is the only SQL"),
        (r"\bUtc::now\b", &["src/domain/clock.rs"], "time is passed in, so that tests can state it"),
        (
            r"\b(Organization|Directory)Scope::authenticated\b",
            &["src/service/access.rs", "src/service/keys.rs", "src/worker/"],
            "only authentication and the program's own workers make scopes",
        ),
        (
            r"\.route\(",
            &["src/http/openapi/mod.rs", "src/http/console/pages.rs"],
            "a route and its description, or its audience, are one",
        ),
        (r"\bAssertSqlSafe\b", &["src/store/db.rs"], "statements are run in one place"),
    ];
    let mut complaints = Vec::new();
    for (pattern, places, reason) in ONLY {
        let pattern = Regex::new(pattern).expect("a pattern");
        let elsewhere =
            sources().into_iter().filter(|source| !places.iter().any(|place| source.path.starts_with(place)));
        let found = elsewhere.filter(|source| pattern.is_match(&source.code));
        complaints.extend(found.map(|source| format!("{} mentions {pattern}: {reason}", source.path)));
    }
    none(&complaints);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let lengths = sources().into_iter().map(|source| (source.path, source.text.lines().count()));
    let long = lengths.filter(|(_, lines)| *lines > LONGEST);
    none(
        &long
            .map(|(path, lines)| format!("{path} has {lines} lines; split it by what it is about"))
            .collect::<Vec<_>>(),
    );
}

/// The tables whose rows belong to an organization, as the migrations declare them.
fn tenant_tables() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let create = Regex::new(r"(?s)CREATE TABLE (\w+) \((.*?)\n\);").expect("a pattern");
    let mut tables = Vec::new();
    for entry in fs::read_dir(folder).expect("the migrations") {
        let path = entry.expect("an entry").path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let owned = |body: &str| body.lines().any(|line| line.trim_start().starts_with("organization_id "));
        tables.extend(create.captures_iter(&text).filter(|c| owned(&c[2])).map(|c| c[1].to_owned()));
    }
    assert!(tables.len() > 10 && tables.contains(&"directory_users".to_owned()), "{tables:?}");
    tables
}

/// Statements on tenant tables that do not name the organization: file, part of the text, reason.
const WITHOUT_ORGANIZATION: [(&str, &str, &str); 24] = [
    (
        "src/store/audit.rs",
        "FROM audit_events WHERE 1 = 1",
        "for keys of the environment; the organization is added for others",
    ),
    ("src/store/operators.rs", "FROM entry_links", "whoever has the secret, or is the operator, is known by that"),
    ("src/store/sessions.rs", "console_sessions", "sessions are found by their secrets, or are an operator's"),
    ("src/store/sessions.rs", "DELETE FROM entry_links", "what is over goes wherever it was"),
    ("src/store/events/feed.rs", "WHERE e.id = $1 UNION ALL", "the feed of the environment"),
    ("src/store/events/feed.rs", "SELECT e.commit_order FROM events e WHERE e.id", "the feed of the environment"),
    (
        "src/store/webhooks/mod.rs",
        "WHERE w.id = $1",
        "for keys of the environment; the organization is added for others",
    ),
    ("src/store/webhooks/mod.rs", "WHERE 1 = 1", "for keys of the environment; the organization is added for others"),
    ("src/store/webhooks/mod.rs", "LIKE 'sealed:%'", "whether any secret can be opened"),
    (
        "src/store/directories.rs",
        "WHERE d.id = $1",
        "for keys of the environment; the organization is added for others",
    ),
    (
        "src/store/directories.rs",
        "WHERE d.deleted_at IS NULL",
        "for keys of the environment; the organization is added for others",
    ),
    ("src/store/keys.rs", "FROM api_keys WHERE digest = $1", "who calls is only known afterwards"),
    ("src/store/domains.rs", "WHERE d.id = $1", "for keys of the environment; the organization is added for others"),
    (
        "src/store/keys.rs",
        "FROM api_keys WHERE 1 = 1",
        "for keys of the environment; the organization is added for others",
    ),
    ("src/store/keys.rs", "SELECT {KEY} FROM api_keys WHERE id = $1", "the organization is added for keys of one"),
    ("src/store/keys.rs", "DELETE FROM api_keys WHERE id = $1", "for keys of the environment; another text for others"),
    ("src/store/keys.rs", "SET last_used_at = $2 WHERE id = $1", "the caller has proved to have the key"),
    ("src/store/metrics.rs", "FROM parked_effects p", "the operator counts over the whole environment"),
    ("src/store/metrics.rs", "SUM(v.drift)", "the operator counts over the whole environment"),
    ("src/store/memberships.rs", "WHERE 1 = 1", "for keys of the environment; the organization is added for others"),
    (
        "src/store/memberships.rs",
        "WHERE m.id = $1",
        "for keys of the environment; the organization is added for others",
    ),
    ("src/store/links.rs", "SET user_id = NULL WHERE user_id = $1", "a user of the environment is deleted"),
    ("src/store/runs.rs", "WHERE s.id = $1", "for keys of the environment; the organization is added for others"),
    ("src/store/runs.rs", "WHERE 1 = 1", "for keys of the environment; the organization is added for others"),
];

#[test]
fn statements_on_tenant_tables_name_the_organization() {
    let literal = Regex::new(r#"(?s)"((?:[^"\\]|\\.)*)""#).expect("a pattern");
    let table = Regex::new(&format!(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+({})\b", tenant_tables().join("|")));
    let table = table.expect("a pattern");
    let mut complaints = Vec::new();
    let mut used = vec![false; WITHOUT_ORGANIZATION.len()];
    for source in sources().into_iter().filter(|source| source.path.starts_with("src/store/")) {
        for found in literal.captures_iter(&source.code) {
            let text = found[1].split_whitespace().collect::<Vec<_>>().join(" ");
            let Some(tenant) = table.captures(&text).filter(|_| !text.contains("organization_id")) else { continue };
            let allowed =
                WITHOUT_ORGANIZATION.iter().position(|(path, part, _)| *path == source.path && text.contains(part));
            match allowed {
                Some(at) => used[at] = true,
                None => complaints.push(format!("{}: {} without organization_id: {text}", source.path, &tenant[1])),
            }
        }
    }
    let unused = WITHOUT_ORGANIZATION.iter().zip(used).filter(|(_, used)| !used);
    complaints.extend(unused.map(|((path, part, _), _)| format!("{path}: no statement like '{part}' any more")));
    none(&complaints);
}
