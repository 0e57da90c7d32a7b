//! `muster groups`: native groups and who is in them. They are looked at here; rules and applications change them.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::browse::Limit;
use super::client::{Connection, segment};
use super::lookup;
use super::output::{Listing, at, cells, ended, print, print_json};

/// Native groups: list, look.
#[derive(Debug, Subcommand)]
pub enum GroupsCommand {
    /// List the organization's groups
    List(ListArgs),
    /// List who is in a group
    Members(MembersArgs),
}

/// Which groups.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    connection: Connection,

    /// Part of the name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    #[command(flatten)]
    limit: Limit,
}

/// Which group.
#[derive(Debug, clap::Args)]
pub struct MembersArgs {
    #[command(flatten)]
    connection: Connection,

    /// The group's id or name
    #[arg(value_name = "GROUP")]
    group: String,

    #[command(flatten)]
    limit: Limit,
}

/// Runs one of the commands.
pub async fn run(command: GroupsCommand) -> anyhow::Result<ExitCode> {
    match command {
        GroupsCommand::List(args) => list(args).await,
        GroupsCommand::Members(args) => members(args).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let query: Vec<(&str, &str)> = args.search.iter().map(|text| ("search", text.as_str())).collect();
    let path = format!("/organizations/{}/groups", segment(&organization));
    let row = |group: &Value| cells(group, &["/id", "/name", "/description", "/created_at"]);
    let headings = ["group", "name", "description", "made"];
    let listing = Listing { none: "There is no such group.", headings: &headings, row: &row };
    args.limit.show(&args.connection, &client, (&path, &query), &listing).await
}

async fn members(args: MembersArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let group = lookup::group(&client, &organization, &args.group).await?;
    let path = format!(
        "/organizations/{}/groups/{}/organization-memberships",
        segment(&organization),
        segment(at(&group, "/id"))
    );
    let (rows, more) = client.list(&path, &[], args.limit.rows(args.connection.json)).await?;
    if args.connection.json {
        return ended(print_json(&json!({"group": group, "members": rows, "more_members": more})), 0);
    }
    if rows.is_empty() {
        return ended(print(&format!("Nobody is in {}.", at(&group, "/name"))), 0);
    }
    let row = |member: &Value| {
        let mut row = cells(member, &["/id", "/user/email"]);
        let names = ["/user/first_name", "/user/last_name"].map(|name| member.pointer(name).and_then(Value::as_str));
        let leads = if member["directory_managed"] == true { "a directory" } else { "hand" };
        row.extend([names.into_iter().flatten().collect::<Vec<_>>().join(" "), leads.to_owned()]);
        row.extend(cells(member, &["/status"]));
        row
    };
    let headings = ["membership", "e-mail", "name", "led by", "status"];
    Listing { none: "", headings: &headings, row: &row }.show(false, &rows, more)
}
