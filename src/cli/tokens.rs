//! `muster tokens`: the bearer tokens by which an identity provider reaches a directory.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::browse::Limit;
use super::client::{Client, Connection, segment, text};
use super::lookup::{self, only};
use super::output::{Listing, at, cells, tell};
use super::time;

/// The tokens of a directory: list, make, rotate, revoke.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// List them
    List(ListArgs),
    /// Make one; it is shown this once
    Create(CreateArgs),
    /// Replace one by a new one, which is shown this once; the old one works on for a while
    Rotate(RotateArgs),
    /// Revoke one; it works no more at once
    Revoke(OneArgs),
}

/// Which directory.
#[derive(Debug, clap::Args)]
pub struct OfDirectory {
    #[command(flatten)]
    connection: Connection,

    /// The directory's id or name
    #[arg(value_name = "DIRECTORY")]
    directory: String,
}

/// Whose tokens to list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    of: OfDirectory,

    #[command(flatten)]
    limit: Limit,
}

/// What a new token is to be.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    #[command(flatten)]
    of: OfDirectory,

    /// Its name
    #[arg(value_name = "NAME")]
    name: String,

    /// When it stops working: a time, or a length of time such as `90d`; never, if absent
    #[arg(long, value_name = "WHEN", value_parser = time::future)]
    expires: Option<String>,

    /// An address or network that it may be used from; may be repeated
    #[arg(long = "allow", value_name = "NETWORK")]
    allowed_ips: Vec<String>,
}

/// Which token, and how it is replaced.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    #[command(flatten)]
    one: OneArgs,

    /// For how long the old token works on: whole hours such as `24h` or `7d`, or 0
    #[arg(long, value_name = "LENGTH", default_value = "24h", value_parser = time::hours)]
    overlap: i64,

    /// When the new token stops working; if absent it lives as long as the old one was made for
    #[arg(long, value_name = "WHEN", value_parser = time::future)]
    expires: Option<String>,
}

/// Which token.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    #[command(flatten)]
    of: OfDirectory,

    /// The token's id or name
    #[arg(value_name = "TOKEN")]
    token: String,
}

/// How tokens are listed.
pub const LISTING: Listing<'static> = Listing {
    none: "The directory has no token.",
    headings: &["token", "name", "begins with", "last used", "expires", "made"],
    row: &|token| cells(token, &["/id", "/name", "/token_prefix", "/last_used_at", "/expires_at", "/created_at"]),
};

/// Runs one of the commands.
pub async fn run(command: TokensCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokensCommand::List(args) => {
            let (client, tokens) = args.of.tokens().await?;
            args.limit.show(&args.of.connection, &client, (&tokens, &[]), &LISTING).await
        }
        TokensCommand::Create(args) => {
            let (client, tokens) = args.of.tokens().await?;
            let body = json!({"name": args.name, "expires_at": args.expires, "allowed_ips": args.allowed_ips});
            let token = client.post(&tokens, &body).await?;
            tell(args.of.connection.json, &token, || shown(&token))
        }
        TokensCommand::Rotate(args) => {
            // A name goes on with the token that took the place of another.
            let (client, path) = args.one.path(|token| token["replaced_by"].is_null()).await?;
            let body = json!({"overlap_hours": args.overlap, "expires_at": args.expires});
            let token = client.post(&format!("{path}/rotate"), &body).await?;
            let old = if args.overlap == 0 {
                "The old one works no more.".to_owned()
            } else {
                format!("The old one works on for {} hours at the most.", args.overlap)
            };
            tell(args.one.of.connection.json, &token, || format!("{}{old}\n", shown(&token)))
        }
        TokensCommand::Revoke(args) => {
            let (client, path) = args.path(|_| true).await?;
            client.delete(&path, &[]).await?;
            let id = path.rsplit('/').next().unwrap_or_default();
            let told = || format!("{id} is revoked.");
            tell(args.of.connection.json, &json!({"id": id, "deleted": true}), told)
        }
    }
}

impl OfDirectory {
    /// Where its tokens are.
    async fn tokens(&self) -> anyhow::Result<(Client, String)> {
        let client = self.connection.client()?;
        let directory = lookup::directory(&self.connection, &client, &self.directory).await?;
        let path = format!("/directories/{}/tokens", segment(&text(&directory, "id")?));
        Ok((client, path))
    }
}

impl OneArgs {
    /// Where the token is. A name is that of one of those that `may` be meant.
    async fn path(&self, may: impl Fn(&Value) -> bool) -> anyhow::Result<(Client, String)> {
        let (client, tokens) = self.of.tokens().await?;
        if self.token.starts_with("scim_token_") {
            return Ok((client, format!("{tokens}/{}", segment(&self.token))));
        }
        let all = client.all(&tokens, &[]).await?;
        let meant: Vec<Value> =
            all.iter().filter(|token| at(token, "/name") == self.token && may(token)).cloned().collect();
        // Where there is none, the server says what is the matter with the one that there is.
        let found = only(if meant.is_empty() { all } else { meant }, &self.token, "token", "tokens")?;
        Ok((client, format!("{tokens}/{}", segment(&text(&found, "id")?))))
    }
}

/// A token in the only answer that shows it.
pub fn shown(token: &Value) -> String {
    format!(
        "\nThe token {} ({}), shown this once:\n\n    {}\n\nExpires: {}\n",
        at(token, "/name"),
        at(token, "/id"),
        at(token, "/token"),
        token["expires_at"].as_str().unwrap_or("never")
    )
}
