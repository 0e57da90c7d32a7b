//! `muster keys`: API keys.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::browse::Limit;
use super::client::{Connection, segment};
use super::output::{Listing, at, cells, tell};
use super::time;

/// API keys: list, make, revoke.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List those of the organization, or all that your key may see
    List(ListArgs),
    /// Make one; it is shown this once
    Create(CreateArgs),
    /// Revoke one; it works no more at once
    Revoke(RevokeArgs),
}

/// Which keys to list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    connection: Connection,

    /// All that your key may see, also those that reach every organization, whatever --organization says
    #[arg(long)]
    environment: bool,

    #[command(flatten)]
    limit: Limit,
}

/// What a new key is to be.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its name
    #[arg(value_name = "NAME")]
    name: String,

    /// What it may do: `read` changes nothing, `owner` also makes keys of owners
    #[arg(long, value_name = "ROLE", default_value = "admin", value_parser = ["owner", "admin", "read"])]
    role: String,

    /// Reach every organization; otherwise only that of --organization
    #[arg(long)]
    environment: bool,

    /// When it stops working: a time, or a length of time such as `90d`; never, if absent
    #[arg(long, value_name = "WHEN", value_parser = time::future)]
    expires: Option<String>,
}

/// Which key.
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id
    #[arg(value_name = "KEY_ID")]
    id: String,
}

/// Runs one of the commands.
pub async fn run(command: KeysCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::List(args) => list(args).await,
        KeysCommand::Create(args) => create(args).await,
        KeysCommand::Revoke(args) => {
            args.connection.client()?.delete(&format!("/api_keys/{}", segment(&args.id)), &[]).await?;
            let told = || format!("{} is revoked.", args.id);
            tell(args.connection.json, &json!({"id": args.id, "deleted": true}), told)
        }
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = if args.environment { None } else { args.connection.named_organization(&client).await? };
    let query: Vec<(&str, &str)> = organization.iter().map(|id| ("organization_id", id.as_str())).collect();
    let row = |key: &Value| {
        let reach = key["organization_id"].as_str().unwrap_or("every organization").to_owned();
        let mut row = cells(key, &["/id", "/name", "/role"]);
        row.push(reach);
        row.extend(cells(key, &["/key_prefix", "/last_used_at", "/expires_at"]));
        row
    };
    let headings = ["key", "name", "role", "reaches", "begins with", "last used", "expires"];
    let listing = Listing { none: "There is no key.", headings: &headings, row: &row };
    args.limit.show(&args.connection, &client, ("/api_keys", &query), &listing).await
}

async fn create(args: CreateArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = if args.environment { None } else { Some(args.connection.organization(&client).await?) };
    let body = json!({
        "name": args.name, "role": args.role, "organization_id": organization, "expires_at": args.expires,
    });
    let key = client.post("/api_keys", &body).await?;
    tell(args.connection.json, &key, || {
        let reach = key["organization_id"].as_str().unwrap_or("every organization");
        format!(
            "The key {} ({}), shown this once:\n\n    {}\n\nRole: {}. Reaches {reach}. Expires: {}",
            at(&key, "/name"),
            at(&key, "/id"),
            at(&key, "/key"),
            at(&key, "/role"),
            key["expires_at"].as_str().unwrap_or("never"),
        )
    })
}
