//! `muster portal`: links by which a customer's admin comes in.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Connection;
use super::output::{at, tell};

/// Links by which a customer's admin comes in.
#[derive(Debug, Subcommand)]
pub enum PortalCommand {
    /// Make a link of short life that opens the pages of one organization
    Link(LinkArgs),
}

/// What the link is for.
#[derive(Debug, clap::Args)]
pub struct LinkArgs {
    #[command(flatten)]
    connection: Connection,

    /// Where the pages lead back to when the admin is done
    #[arg(long, value_name = "URL")]
    return_url: Option<String>,
}

/// Runs the command.
pub async fn run(command: PortalCommand) -> anyhow::Result<ExitCode> {
    let PortalCommand::Link(args) = command;
    let client = args.connection.client()?;
    let mut body = json!({"organization": args.connection.organization(&client).await?, "intent": "dsync"});
    if let Some(url) = args.return_url {
        body["return_url"] = Value::from(url);
    }
    let made = client.post("/portal/generate_link", &body).await?;
    tell(args.connection.json, &made, || at(&made, "/link").to_owned())
}
