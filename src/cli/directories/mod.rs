//! `muster directories`: the SCIM connections of an organization. How one rests and leaves is in `leave`.

mod leave;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use super::browse::Limit;
use super::client::{Client, Connection, segment, text};
use super::lookup;
use super::organizations::holds;
use super::output::{Listing, at, cells, tell};
use super::tokens;

/// The SCIM connections of an organization: list, make, look, pause, resume, remove.
#[derive(Debug, Subcommand)]
pub enum DirectoriesCommand {
    /// List them
    List(ListArgs),
    /// Make one
    Create(CreateArgs),
    /// Show one: where its identity provider connects, how it stands, its tokens
    Show(OneArgs),
    /// Let the native side wait; facts are still taken in, leavers still suspended at once
    Pause(OneArgs),
    /// Let the native side catch up, or show the plan that does
    Resume(leave::ResumeArgs),
    /// Remove one with its people and groups, or show the plan that does
    Remove(leave::RemoveArgs),
}

/// Which directories to list.
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

/// What a new directory is to be.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its name
    #[arg(value_name = "NAME")]
    name: String,

    /// The kind of identity provider, e.g. `okta scim v2.0`: a label for people
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,

    /// Settings that differ from the defaults
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,

    /// Also make a token of this name, and show it this once
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
}

/// Which directory.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id or name
    #[arg(value_name = "DIRECTORY")]
    directory: String,
}

/// Runs one of the commands.
pub async fn run(command: DirectoriesCommand) -> anyhow::Result<ExitCode> {
    match command {
        DirectoriesCommand::List(args) => list(args).await,
        DirectoriesCommand::Create(args) => create(args).await,
        DirectoriesCommand::Show(args) => show(args).await,
        DirectoriesCommand::Pause(args) => {
            let client = args.connection.client()?;
            let directory = lookup::directory(&args.connection, &client, &args.directory).await?;
            let paused = client.post(&format!("/directories/{}/pause", at(&directory, "/id")), &json!({})).await?;
            tell(args.connection.json, &paused, || {
                format!("{} is paused since {}.", at(&paused, "/name"), at(&paused, "/paused_at"))
            })
        }
        DirectoriesCommand::Resume(args) => leave::resume(args).await,
        DirectoriesCommand::Remove(args) => leave::remove(args).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let mut query = vec![("organization_id", organization.as_str())];
    query.extend(args.search.iter().map(|text| ("search", text.as_str())));
    let row = |directory: &Value| {
        let mut row = cells(directory, &["/id", "/name", "/type"]);
        row.extend([state(directory), at(directory, "/created_at").to_owned()]);
        row
    };
    let headings = ["directory", "name", "type", "state", "made"];
    let listing = Listing { none: "There is no such directory.", headings: &headings, row: &row };
    args.limit.show(&args.connection, &client, ("/directories", &query), &listing).await
}

async fn create(args: CreateArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let settings = args.settings.as_deref().map(serde_json::from_str::<Value>).transpose();
    let body = json!({
        "organization_id": organization,
        "name": args.name,
        "type": args.kind,
        "settings": settings.context("--settings is not JSON")?,
    });
    let made = client.post("/directories", &body).await?;
    let Some(name) = args.token else {
        return tell(args.connection.json, &made, || described(&made));
    };
    let path = format!("/directories/{}/tokens", text(&made, "id")?);
    let token = client
        .post(&path, &json!({"name": name}))
        .await
        .with_context(|| format!("the directory {} is made, but it has no token yet", at(&made, "/id")))?;
    let document = json!({"directory": made, "token": token});
    tell(args.connection.json, &document, || format!("{}{}", described(&made), tokens::shown(&token)))
}

async fn show(args: OneArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let directory = lookup::directory(&args.connection, &client, &args.directory).await?;
    let tokens = tokens_of(&client, &directory).await?;
    let document = json!({"directory": directory, "tokens": tokens});
    tell(args.connection.json, &document, || format!("{}{}\n", described(&directory), tokens::LISTING.table(&tokens)))
}

async fn tokens_of(client: &Client, directory: &Value) -> anyhow::Result<Vec<Value>> {
    client.all(&format!("/directories/{}/tokens", segment(&text(directory, "id")?)), &[]).await
}

/// The state, with the pause.
fn state(directory: &Value) -> String {
    let paused = if directory["paused_at"].is_null() { "" } else { ", paused" };
    format!("{}{paused}", at(directory, "/state"))
}

fn described(directory: &Value) -> String {
    let mut out = format!("{} ({})\n", at(directory, "/name"), at(directory, "/id"));
    for (name, value) in [
        ("SCIM base URL", at(directory, "/scim_base_url").to_owned()),
        ("type", at(directory, "/type").to_owned()),
        ("state", state(directory)),
    ] {
        let _ = writeln!(out, "  {name:13}  {value}");
    }
    if directory["metadata"].is_object() {
        let _ = writeln!(out, "  {:13}  {}", "holds", holds(directory));
    }
    if directory["paused_at"].is_string() {
        let since = at(directory, "/paused_at");
        let _ = writeln!(out, "  {:13}  since {since}; {} writes wait", "paused", directory["backlog"]);
    }
    out
}
