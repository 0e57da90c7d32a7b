//! `muster links`: who of a directory is whom in the application, and who waits for a decision about that.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::browse::Limit;
use super::client::{Connection, segment};
use super::lookup;
use super::output::{Listing, at, cells, tell};

/// Identity links: list, confirm, refuse.
#[derive(Debug, Subcommand)]
pub enum LinksCommand {
    /// List them; without --state those that wait
    List(ListArgs),
    /// Link a directory user to an account
    Confirm(ConfirmArgs),
    /// Refuse to link a directory user
    Refuse(OneArgs),
}

/// Which links.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    connection: Connection,

    /// Only those that stand so
    #[arg(long, value_name = "STATE", default_value = "pending",
        value_parser = ["pending", "refused", "linked", "ended", "all"])]
    state: String,

    /// Only people of this directory, by id or name
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<String>,

    /// Part of the `userName` or address
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    #[command(flatten)]
    limit: Limit,
}

/// Which link, and to whom.
#[derive(Debug, clap::Args)]
pub struct ConfirmArgs {
    #[command(flatten)]
    one: OneArgs,

    /// The account; without it, the one that has the person's address
    #[arg(long, value_name = "ID")]
    user: Option<String>,
}

/// Which link.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    #[command(flatten)]
    connection: Connection,

    /// The directory user's id
    #[arg(value_name = "DIRECTORY_USER")]
    person: String,
}

/// Runs one of the commands.
pub async fn run(command: LinksCommand) -> anyhow::Result<ExitCode> {
    match command {
        LinksCommand::List(args) => list(args).await,
        LinksCommand::Confirm(args) => decide(&args.one, "confirm", json!({"user_id": args.user})).await,
        LinksCommand::Refuse(args) => decide(&args, "refuse", json!({})).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let mut query = vec![("organization_id", organization.as_str())];
    if args.state != "all" {
        query.push(("state", args.state.as_str()));
    }
    let directory = match &args.directory {
        Some(directory) => Some(lookup::directory(&args.connection, &client, directory).await?),
        None => None,
    };
    query.extend(directory.iter().map(|directory| ("directory_id", at(directory, "/id"))));
    query.extend(args.search.iter().map(|text| ("search", text.as_str())));
    let row = |link: &Value| {
        let candidate = if link["candidate"].is_object() { "an account has the address" } else { "–" };
        let mut row = cells(link, &["/id", "/directory_user/user_name", "/directory_user/email", "/state"]);
        row.extend(cells(link, &["/method", "/reason", "/user_id"]));
        row.push(candidate.to_owned());
        row
    };
    let headings = ["directory user", "userName", "e-mail", "state", "method", "reason", "account", "candidate"];
    let listing = Listing { none: "There is no such link.", headings: &headings, row: &row };
    args.limit.show(&args.connection, &client, ("/identity_links", &query), &listing).await
}

async fn decide(one: &OneArgs, verb: &str, body: Value) -> anyhow::Result<ExitCode> {
    let path = format!("/identity_links/{}/{verb}", segment(&one.person));
    let link = one.connection.client()?.post(&path, &body).await?;
    tell(one.connection.json, &link, || {
        format!("{} is {}: {}", at(&link, "/directory_user/user_name"), at(&link, "/state"), at(&link, "/user_id"))
    })
}
