//! `muster explain`: why somebody has something, why not, and why no longer.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::Value;

use super::client::{Client, Connection, text};
use super::lookup;
use super::output::{DIFFERS, at, ended, print, print_json};

/// Tells why somebody has a group, a role or a membership, or why not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exits with 0 if they have it, 2 if they do not, 1 if there was an error.")]
pub struct ExplainArgs {
    #[command(flatten)]
    connection: Connection,

    /// The person, by e-mail
    #[arg(value_name = "EMAIL")]
    person: String,

    #[command(flatten)]
    what: What,

    /// Also tell, rule by rule, what else could give it and does not
    #[arg(long)]
    why_not: bool,
}

/// What they have or have not.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A native group, by name or id
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// A role, by its slug
    #[arg(long, value_name = "SLUG")]
    role: Option<String>,

    /// The membership of the organization
    #[arg(long)]
    member: bool,
}

/// Explains.
pub async fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let (whom, id) = person(&client, &organization, &args.person).await?;
    let (what, which) = match (&args.what.group, &args.what.role) {
        (Some(group), _) => ("group_id", text(&lookup::group(&client, &organization, group).await?, "id")?),
        (None, Some(role)) => ("role_slug", role.clone()),
        (None, None) => ("membership", "true".to_owned()),
    };
    let explanation = client.get("/explain", &[(whom, &id), (what, &which)]).await?;
    let yes = at(&explanation, "/verdict") == "yes";
    let written =
        if args.connection.json { print_json(&explanation) } else { print(&told(&explanation, args.why_not || !yes)) };
    ended(written, if yes { 0 } else { DIFFERS })
}

/// The person as `/explain` is asked: by their membership, or else by their directory user.
async fn person(client: &Client, organization: &str, email: &str) -> anyhow::Result<(&'static str, String)> {
    let users = client.all("/user_management/users", &[("organization_id", organization), ("email", email)]).await?;
    if let Some(user) = users.first() {
        let user = text(user, "id")?;
        let query = [("organization_id", organization), ("user_id", &user), ("statuses", "active,inactive,pending")];
        if let Some(membership) = client.all("/user_management/organization_memberships", &query).await?.first() {
            return Ok(("organization_membership_id", text(membership, "id")?));
        }
    }
    for directory in client.all("/directories", &[("organization_id", organization)]).await? {
        let query = [("directory", at(&directory, "/id")), ("email", email)];
        if let Some(found) = client.all("/directory_users", &query).await?.first() {
            return Ok(("directory_user_id", text(found, "id")?));
        }
    }
    bail!("the organization has nobody with the e-mail {email}: no member, and no person of its directories")
}

fn told(explanation: &Value, why_not: bool) -> String {
    let mut out = format!("{}\n", at(explanation, "/sentence"));
    for why in explanation["why"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "\n  {}", reason(why));
        let path: Vec<&str> = why["path"].as_array().into_iter().flatten().map(|step| at(step, "/name")).collect();
        if !path.is_empty() {
            let _ = writeln!(
                out,
                "    {} \"{}\" ← {}",
                at(why, "/directory/name"),
                path.join("\" ← \""),
                at(why, "/directory_user/user_name")
            );
        }
        if let Some(cause) = why.get("cause").filter(|cause| cause["method"].is_string()) {
            let (method, path) = (at(cause, "/method"), at(cause, "/path"));
            let _ = writeln!(out, "    {method} {path}, {}, {}", at(cause, "/request_id"), at(cause, "/created_at"));
        } else if let Some(cause) = why.pointer("/cause/id").and_then(Value::as_str) {
            let _ = writeln!(out, "    {cause}, {}", at(why, "/since"));
        }
    }
    for ended in explanation["ended"].as_array().into_iter().flatten() {
        let rule = ended.pointer("/rule/key").and_then(Value::as_str).unwrap_or_else(|| at(ended, "/kind"));
        let _ = writeln!(out, "\n  no longer: {rule}, from {} to {}", at(ended, "/began_at"), at(ended, "/ended_at"));
    }
    if why_not {
        for not in explanation["why_not"].as_array().into_iter().flatten() {
            let _ = writeln!(
                out,
                "\n  not by rule {} ({}): {}",
                at(not, "/rule/key"),
                at(not, "/clause"),
                at(not, "/message")
            );
        }
    }
    out
}

fn reason(why: &Value) -> String {
    let rule = format!("rule {} (version {})", at(why, "/rule/key"), why["rule"]["version"]);
    match at(why, "/kind") {
        "rule" => format!("by {rule}"),
        "manual" => format!("by hand, {}", at(why, "/actor")),
        "group" if why["rule"].is_object() => format!("with the group {}, by {rule}", at(why, "/group/name")),
        "group" => format!("with the group {}, by hand, {}", at(why, "/group/name"), at(why, "/actor")),
        "default" => "the default role, held when no other is".to_owned(),
        kind if why["rule"].is_object() => format!("{kind}: {rule}"),
        kind => kind.to_owned(),
    }
}
