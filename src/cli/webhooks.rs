//! `muster webhooks`: endpoints of applications, and what became of events there.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::ask::Asking;
use super::browse::Limit;
use super::client::{Client, Connection, segment};
use super::output::{Listing, at, cells, tell};
use super::time;
use crate::domain::event_names;

/// Endpoints of applications that events are sent to.
#[derive(Debug, Subcommand)]
pub enum WebhooksCommand {
    /// List them
    List(ListArgs),
    /// Make one; it gets what happens from now on
    Create(CreateArgs),
    /// Show one, with the secret that signs
    Show(OneArgs),
    /// Give one another secret; the old one signs too for a while
    Rotate(RotateArgs),
    /// Delete one
    Delete(DeleteArgs),
    /// List what became of events at one
    Deliveries(DeliveriesArgs),
    /// Send one event again, beside the order
    Redeliver(RedeliverArgs),
    /// Send everything from an event on again, in order
    Replay(ReplayArgs),
}

/// Whose endpoints to list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    limit: Limit,
}

/// What a new endpoint is to be.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    #[command(flatten)]
    connection: Connection,

    /// Where events are to be sent: https, and public
    #[arg(value_name = "URL")]
    url: String,

    /// The names of the events that it gets; may be repeated; all, if absent
    #[arg(long = "event", value_name = "NAME", value_delimiter = ',')]
    events: Vec<String>,
}

/// Which endpoint.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
}

/// Which endpoint, and for how long the old secret signs.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    #[command(flatten)]
    one: OneArgs,

    /// For how long the old secret signs too: whole hours such as `24h` or `7d`, or 0
    #[arg(long, value_name = "LENGTH", default_value = "24h", value_parser = time::hours)]
    overlap: i64,
}

/// Which endpoint to delete.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    one: OneArgs,

    #[command(flatten)]
    asking: Asking,
}

/// Which deliveries.
#[derive(Debug, clap::Args)]
pub struct DeliveriesArgs {
    #[command(flatten)]
    one: OneArgs,

    /// Only those in this state
    #[arg(long, value_name = "STATE", value_parser = ["delivered", "retrying", "dead", "queued"])]
    state: Option<String>,

    #[command(flatten)]
    limit: Limit,
}

/// Which event to send again.
#[derive(Debug, clap::Args)]
pub struct RedeliverArgs {
    #[command(flatten)]
    one: OneArgs,

    /// The event's id
    #[arg(value_name = "EVENT")]
    event: String,
}

/// From where on to send again.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    one: OneArgs,

    #[command(flatten)]
    start: Start,
}

/// Where it begins.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Start {
    /// The first event to be sent again
    #[arg(long, value_name = "EVENT")]
    from: Option<String>,

    /// The last event that is not to be sent again
    #[arg(long, value_name = "EVENT")]
    after: Option<String>,
}

/// Runs one of the commands.
pub async fn run(command: WebhooksCommand) -> anyhow::Result<ExitCode> {
    match command {
        WebhooksCommand::List(args) => list(args).await,
        WebhooksCommand::Create(args) => create(args).await,
        WebhooksCommand::Show(args) => {
            let endpoint = args.client()?.get(&args.path(), &[]).await?;
            tell(args.connection.json, &endpoint, || described(&endpoint))
        }
        WebhooksCommand::Rotate(args) => {
            let body = json!({"overlap_hours": args.overlap});
            let endpoint = args.one.client()?.post(&format!("{}/rotate_secret", args.one.path()), &body).await?;
            tell(args.one.connection.json, &endpoint, || described(&endpoint))
        }
        WebhooksCommand::Delete(args) => {
            let client = args.one.client()?;
            let endpoint = client.get(&args.one.path(), &[]).await?;
            let (id, url) = (at(&endpoint, "/id"), at(&endpoint, "/endpoint_url"));
            args.asking
                .sure(&format!("{url} ({id}) gets no events any more, and its record of deliveries goes."), id)?;
            client.delete(&args.one.path(), &[]).await?;
            tell(args.one.connection.json, &json!({"id": id, "deleted": true}), || format!("{id} is deleted."))
        }
        WebhooksCommand::Deliveries(args) => deliveries(args).await,
        WebhooksCommand::Redeliver(args) => {
            let path = format!("{}/deliveries/{}/redeliver", args.one.path(), segment(&args.event));
            let delivery = args.one.client()?.post(&path, &json!({})).await?;
            tell(args.one.connection.json, &delivery, || DELIVERIES.table(std::slice::from_ref(&delivery)).to_string())
        }
        WebhooksCommand::Replay(args) => {
            let body = match (args.start.from, args.start.after) {
                (Some(from), _) => json!({"from": from}),
                (None, after) => json!({"after": after}),
            };
            let endpoint = args.one.client()?.post(&format!("{}/replay", args.one.path()), &body).await?;
            tell(args.one.connection.json, &endpoint, || {
                format!("{} gets everything from there on again, in order.", at(&endpoint, "/endpoint_url"))
            })
        }
    }
}

impl OneArgs {
    fn client(&self) -> anyhow::Result<Client> {
        self.connection.client()
    }

    fn path(&self) -> String {
        format!("/webhook_endpoints/{}", segment(&self.endpoint))
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.named_organization(&client).await?;
    let query: Vec<(&str, &str)> = organization.iter().map(|id| ("organization_id", id.as_str())).collect();
    let row = |endpoint: &Value| {
        let mut row = cells(endpoint, &["/id", "/endpoint_url", "/organization_id"]);
        row.extend([standing(endpoint), at(endpoint, "/last_event_id").to_owned()]);
        row
    };
    let headings = ["endpoint", "url", "organization", "state", "last event"];
    let listing = Listing { none: "There is no webhook endpoint.", headings: &headings, row: &row };
    args.limit.show(&args.connection, &client, ("/webhook_endpoints", &query), &listing).await
}

async fn create(args: CreateArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.named_organization(&client).await?;
    let all = || event_names::emitted().map(str::to_owned).collect();
    let events: Vec<String> = if args.events.is_empty() { all() } else { args.events };
    let body = json!({"endpoint_url": args.url, "events": events, "organization_id": organization});
    let endpoint = client.post("/webhook_endpoints", &body).await?;
    tell(args.connection.json, &endpoint, || described(&endpoint))
}

/// How deliveries are listed.
const DELIVERIES: Listing<'static> = Listing {
    none: "There is no such delivery.",
    headings: &["event", "name", "state", "attempts", "last answer", "next attempt", "last tried"],
    row: &|delivery| {
        let answer = delivery["last_status"].as_u64().map_or_else(
            || at(delivery, "/last_error").to_owned(),
            |status| format!("{status}, {} ms", delivery["last_duration_ms"].as_u64().unwrap_or(0)),
        );
        let mut row = cells(delivery, &["/event_id", "/event", "/state"]);
        row.extend([delivery["attempts"].to_string(), answer]);
        row.extend(cells(delivery, &["/next_attempt_at", "/updated_at"]));
        row
    },
};

async fn deliveries(args: DeliveriesArgs) -> anyhow::Result<ExitCode> {
    let client = args.one.client()?;
    let query: Vec<(&str, &str)> = args.state.iter().map(|state| ("state", state.as_str())).collect();
    let path = format!("{}/deliveries", args.one.path());
    args.limit.show(&args.one.connection, &client, (&path, &query), &DELIVERIES).await
}

/// The state, with what goes wrong.
fn standing(endpoint: &Value) -> String {
    let failed = endpoint["failed_attempts"].as_u64().unwrap_or(0);
    match endpoint["disabled_reason"].as_str() {
        Some(reason) => format!("{}: {reason}", at(endpoint, "/status")),
        None if failed > 0 => format!("{}, {failed} failed", at(endpoint, "/status")),
        None => at(endpoint, "/status").to_owned(),
    }
}

fn described(endpoint: &Value) -> String {
    let mut out = format!("{} ({})\n", at(endpoint, "/endpoint_url"), at(endpoint, "/id"));
    let events: Vec<&str> = endpoint["events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, value) in [
        ("organization", at(endpoint, "/organization_id").to_owned()),
        ("state", standing(endpoint)),
        ("secret", at(endpoint, "/secret").to_owned()),
        ("last event", at(endpoint, "/last_event_id").to_owned()),
        ("next attempt", at(endpoint, "/next_attempt_at").to_owned()),
        ("events", events.join(", ")),
    ] {
        let _ = writeln!(out, "  {name:12}  {value}");
    }
    out
}
