//! `muster rules export`: the rules in force, as `rules.toml`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::difference::{Current, current};
use super::document::implied_after;
use crate::cli::client::{Client, Connection, text};
use crate::cli::output::{at, ended, print, print_json};
use crate::domain::Clock;
use crate::domain::clock::timestamp;
use crate::domain::id::{DirectoryGroupId, DirectoryId, GroupId};
use crate::domain::rule::{Action, OnCollision, OnDelete, RuleDocument, RuleState};

/// Writes the rules that are in force as a TOML file.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    #[command(flatten)]
    connection: Connection,

    /// Write to this file instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Exports.
pub async fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let rules = current(&client, &organization).await?;
    let names = Names::load(&client, &organization, &rules).await?;
    let head = head(&client, &organization).await?;
    let document = format!("{head}{}", body(&rules, &names)?);
    if let Some(path) = &args.output {
        std::fs::write(path, &document).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("{} rules in {}", rules.iter().filter(|rule| rule.in_force.is_some()).count(), path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let written = if args.connection.json { print_json(&json!({"rules_toml": document})) } else { print(&document) };
    ended(written, 0)
}

async fn head(client: &Client, organization: &str) -> anyhow::Result<String> {
    let found = client.get(&format!("/organizations/{organization}"), &[]).await?;
    // A name with a line break would end the comment.
    let name = at(&found, "/name").split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(format!(
        "# The mapping rules of {name} ({organization}),\n# exported from {} at {}.\n# Change this file, then see what \
         it would do: muster plan -f FILE\n",
        client.base_url(),
        timestamp(Clock::System.now()),
    ))
}

fn body(rules: &[Current], names: &Names) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut position = 0;
    for rule in rules {
        let Some(document) = &rule.in_force else {
            writeln!(out, "\n# The rule {} was saved and never applied; it is not here.", rule.key)?;
            continue;
        };
        out.push('\n');
        if rule.applied_version != Some(rule.version) {
            let applied = rule.applied_version.unwrap_or_default();
            writeln!(
                out,
                "# Version {applied}, which is in force. Version {} is saved and not in force.",
                rule.version
            )?;
        }
        write_rule(&mut out, &rule.key, document, implied_after(position), names)?;
        position = document.position;
    }
    Ok(out)
}

fn write_rule(
    out: &mut String,
    key: &str,
    document: &RuleDocument,
    implied: i64,
    names: &Names,
) -> Result<(), std::fmt::Error> {
    writeln!(out, "[[rule]]\nkey = {}", quoted(key))?;
    if let Some(directory) = document.directory_id {
        writeln!(out, "directory = {}", quoted(&names.directory(directory)))?;
    }
    if document.position != implied {
        writeln!(out, "position = {}", document.position)?;
    }
    match document.state {
        RuleState::Active => {}
        RuleState::Draft => writeln!(out, "state = \"draft\"")?,
        RuleState::Frozen => writeln!(out, "state = \"frozen\"")?,
    }
    writeln!(out, "\n[rule.when]")?;
    let when = &document.when;
    if let Some(group) = &when.group {
        writeln!(out, "group = {}", quoted(group))?;
    }
    if !when.group_ids.is_empty() {
        writeln!(out, "group_ids = [")?;
        for id in &when.group_ids {
            writeln!(out, "  {},{}", quoted(&id.to_string()), names.comment(*id))?;
        }
        writeln!(out, "]")?;
    }
    let others = [("capture", &when.capture), ("user", &when.user), ("except_group", &when.except_group)];
    for (name, text) in others {
        if let Some(text) = text {
            writeln!(out, "{name} = {}", quoted(text))?;
        }
    }
    for action in &document.then {
        writeln!(out, "\n[[rule.then]]\n{}", written(action, names))?;
    }
    Ok(())
}

fn written(action: &Action, names: &Names) -> String {
    let (name, fields) = match action {
        Action::EnsureMembership {} => ("ensure_membership", vec![]),
        Action::MirrorGroup { name, on_collision, on_delete } => {
            let collision = match on_collision {
                OnCollision::Park => None,
                OnCollision::Suffix => Some("suffix".to_owned()),
                OnCollision::Adopt => Some("adopt".to_owned()),
            };
            let keep = (*on_delete == OnDelete::Keep).then(|| "keep".to_owned());
            ("mirror_group", vec![("name", name.clone()), ("on_collision", collision), ("on_delete", keep)])
        }
        Action::IntoGroup { group_id } => ("into_group", vec![("group", Some(names.group(*group_id)))]),
        Action::GrantRole { role } => ("grant_role", vec![("role", Some(role.clone()))]),
        Action::Exclude { group_id, role } => {
            ("exclude", vec![("group", group_id.map(|id| names.group(id))), ("role", role.clone())])
        }
    };
    let fields: Vec<String> =
        fields.into_iter().filter_map(|(name, text)| Some(format!("{name} = {}", quoted(&text?)))).collect();
    if fields.is_empty() { format!("{name} = {{}}") } else { format!("{name} = {{ {} }}", fields.join(", ")) }
}

/// A TOML string: a literal one where that saves escapes.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What ids are called, where that is unambiguous.
#[derive(Default)]
struct Names {
    directories: HashMap<String, String>,
    groups: HashMap<GroupId, String>,
    directory_groups: HashMap<DirectoryGroupId, String>,
}

impl Names {
    async fn load(client: &Client, organization: &str, rules: &[Current]) -> anyhow::Result<Self> {
        let mut names = Names::default();
        let documents = || rules.iter().filter_map(|rule| rule.in_force.as_ref());
        if documents().any(|document| document.directory_id.is_some()) {
            let rows = client.all("/directories", &[("organization_id", organization)]).await?;
            for row in &rows {
                let name = text(row, "name")?;
                if rows.iter().filter(|other| at(other, "/name") == name).count() == 1 && !name.is_empty() {
                    names.directories.insert(text(row, "id")?, name);
                }
            }
        }
        for id in documents().flat_map(|document| &document.then).filter_map(native_group) {
            let path = format!("/organizations/{organization}/groups");
            let Ok(group) = client.get(&format!("{path}/{id}"), &[]).await else { continue };
            let name = text(&group, "name")?;
            // Names may be searched for up to a length, and need not be unique.
            let same =
                if name.chars().count() > 200 { vec![] } else { client.all(&path, &[("search", &name)]).await? };
            let unique = same.iter().filter(|other| at(other, "/name") == name).count() == 1;
            if unique && name.parse::<GroupId>().is_err() {
                names.groups.insert(id, name);
            }
        }
        for id in documents().flat_map(|document| &document.when.group_ids) {
            if let Ok(group) = client.get(&format!("/directory_groups/{id}"), &[]).await {
                names
                    .directory_groups
                    .insert(*id, at(&group, "/name").split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
        Ok(names)
    }

    fn directory(&self, id: DirectoryId) -> String {
        self.directories.get(&id.to_string()).cloned().unwrap_or_else(|| id.to_string())
    }

    fn group(&self, id: GroupId) -> String {
        self.groups.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn comment(&self, id: DirectoryGroupId) -> String {
        self.directory_groups.get(&id).map_or_else(String::new, |name| format!(" # {name}"))
    }
}

fn native_group(action: &Action) -> Option<GroupId> {
    match action {
        Action::IntoGroup { group_id } => Some(*group_id),
        Action::Exclude { group_id, .. } => *group_id,
        _ => None,
    }
}
