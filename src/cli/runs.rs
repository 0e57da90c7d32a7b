//! `muster runs`: what goes on in the background, and what waits for a decision.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::browse::Limit;
use super::client::{Client, Connection, text};
use super::output::{Listing, at, cells, ended, print, print_json};
use crate::domain::effect_line;

/// How long to wait between two looks at a run.
const LOOK: Duration = Duration::from_millis(300);
/// How many effects `show` lists.
const SHOWN: usize = 100;

/// Runs: list, look, decide.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List the organization's runs, newest first
    List(ListArgs),
    /// Show a run, with what it parked
    Show(OneArgs),
    /// Approve a run that waits: all of it, or some of its effects
    Approve(DecideArgs),
    /// Reject a run that waits: all of it, or some of its effects
    Reject(DecideArgs),
    /// Stop a run after its chunk
    Cancel(OneArgs),
}

/// Which runs to list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    connection: Connection,

    /// Only in this state: `awaiting_approval`, `running`, `succeeded`, `failed` or `cancelled`
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,

    /// Only of this kind: `apply`, `reconcile`, `verify`, `remainder` or `guard`
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,

    #[command(flatten)]
    limit: Limit,
}

/// Which run.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id
    #[arg(value_name = "RUN")]
    run: String,
}

/// Which run, and what of it.
#[derive(Debug, clap::Args)]
pub struct DecideArgs {
    #[command(flatten)]
    one: OneArgs,

    /// Only these effects, `parked_…`; without any, all that wait
    #[arg(long = "effect", value_name = "ID")]
    effects: Vec<String>,

    /// Wait until it is done
    #[arg(long)]
    wait: bool,
}

/// Runs one of the commands.
pub async fn run(command: RunsCommand) -> anyhow::Result<ExitCode> {
    match command {
        RunsCommand::List(args) => list(args).await,
        RunsCommand::Show(args) => show(args).await,
        RunsCommand::Approve(args) => decide(args, "approve").await,
        RunsCommand::Reject(args) => decide(args, "reject").await,
        RunsCommand::Cancel(args) => {
            let run = args.connection.client()?.post(&format!("/sync_runs/{}/cancel", args.run), &json!({})).await?;
            tell(&args.connection, &run)
        }
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let (states, kinds) = (args.state.join(","), args.kind.join(","));
    let mut query = vec![("organization_id", organization.as_str())];
    query.extend(
        [("state", states.as_str()), ("kind", kinds.as_str())].into_iter().filter(|(_, words)| !words.is_empty()),
    );
    let row = |run: &Value| {
        let mut row = cells(run, &["/id", "/kind", "/state"]);
        row.extend([progress(run), at(run, "/created_at").to_owned(), cause(run).to_owned()]);
        row
    };
    let headings = ["run", "kind", "state", "progress", "begun", "by"];
    let listing = Listing { none: "There is no such run.", headings: &headings, row: &row };
    args.limit.show(&args.connection, &client, ("/sync_runs", &query), &listing).await
}

async fn show(args: OneArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let path = format!("/sync_runs/{}", args.run);
    let run = client.get(&path, &[]).await?;
    let limit = if args.connection.json { usize::MAX } else { SHOWN };
    let (effects, more) = client.list(&format!("{path}/effects"), &[("order", "asc")], limit).await?;
    if args.connection.json {
        return ended(print_json(&json!({"run": run, "effects": effects, "more_effects": more})), 0);
    }
    let mut out = described(&run);
    for effect in &effects {
        let state =
            effect["state"].as_str().map_or_else(String::new, |state| format!("  {state}  {}", at(effect, "/id")));
        let _ = writeln!(out, "  {}{state}", effect_line::line(effect));
    }
    if more {
        let _ = writeln!(out, "  … the first {SHOWN}");
    }
    ended(print(&out), 0)
}

async fn decide(args: DecideArgs, verb: &str) -> anyhow::Result<ExitCode> {
    let (connection, id) = (&args.one.connection, &args.one.run);
    let client = connection.client()?;
    let body = if args.effects.is_empty() { json!({}) } else { json!({"effects": args.effects}) };
    let mut run = client.post(&format!("/sync_runs/{id}/{verb}"), &body).await?;
    if args.wait && at(&run, "/state") == "running" {
        run = wait(&client, id).await?;
    }
    tell(connection, &run)
}

fn tell(connection: &Connection, run: &Value) -> anyhow::Result<ExitCode> {
    let written = if connection.json { print_json(run) } else { print(&described(run)) };
    ended(written, u8::from(at(run, "/state") == "failed"))
}

/// Waits until a run is over or waits for a decision, with a progress bar for whoever watches.
pub async fn wait(client: &Client, id: &str) -> anyhow::Result<Value> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("  {prefix:9} {bar:32} {pos:>7}/{len}  {wide_msg:.dim}")?);
    loop {
        let run = client.get(&format!("/sync_runs/{id}"), &[]).await?;
        if at(&run, "/state") != "running" {
            bar.finish_and_clear();
            return Ok(run);
        }
        bar.set_prefix(text(&run, "kind")?);
        bar.set_length(run["progress"]["total"].as_u64().unwrap_or(0));
        bar.set_position(run["progress"]["done"].as_u64().unwrap_or(0));
        let remaining = run["progress"]["remaining_seconds"].as_f64();
        bar.set_message(remaining.map_or_else(String::new, |seconds| format!("about {seconds:.0} s more")));
        tokio::time::sleep(LOOK).await;
    }
}

/// A run in a few lines.
pub fn described(run: &Value) -> String {
    let mut out = format!(
        "{} ({}): {}, {}\n",
        at(run, "/id"),
        at(run, "/kind"),
        at(run, "/state").replace('_', " "),
        progress(run)
    );
    if let Some(problem) = run["problem"].as_str() {
        let _ = writeln!(out, "  problem: {problem}");
    }
    for (name, count) in run["effects"].as_object().into_iter().flatten() {
        let _ = writeln!(out, "  {count:>7}  {name}");
    }
    out
}

fn progress(run: &Value) -> String {
    format!("{} of {}", run["progress"]["done"], run["progress"]["total"])
}

fn cause(run: &Value) -> &str {
    let actor = run.pointer("/cause/actor");
    actor.and_then(|actor| actor["name"].as_str().or(actor["id"].as_str())).unwrap_or("–")
}
