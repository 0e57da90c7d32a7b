//! `muster requests`: what identity providers asked, as the log has it.

mod conversation;
mod export;
mod tail;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use serde_json::Value;

use super::client::{Connection, Refusal, segment};
use super::output::{at, tell};
use super::{lookup, time};

/// What identity providers asked: follow, look, export.
#[derive(Debug, Subcommand)]
pub enum RequestsCommand {
    /// Follow the log
    Tail(tail::TailArgs),
    /// Show one request: its steps, its body where it was kept, what it caused
    Show(ShowArgs),
    /// Write the log to a file: as JSON lines, or as a conversation that `muster replay` plays
    Export(export::ExportArgs),
}

/// Which requests.
#[derive(Debug, Clone, clap::Args)]
pub struct Selection {
    /// Only of this directory, by id or name; without it, of all of the organization
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<String>,

    /// Only those since then: a time, or so long ago, e.g. `2h`
    #[arg(long, value_name = "WHEN", value_parser = time::past)]
    since: Option<String>,

    /// Only with this status or class, e.g. `404` or `4xx`; may be repeated
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,

    /// Only with this method, e.g. `PATCH`; may be repeated
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    method: Vec<String>,
}

/// Which request.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id, as events and the answer's `X-Request-Id` have it
    #[arg(value_name = "REQUEST")]
    request: String,

    /// The directory that it came to, by id or name; without it, all of the organization are asked
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<String>,
}

/// Runs one of the commands.
pub async fn run(command: RequestsCommand) -> anyhow::Result<ExitCode> {
    match command {
        RequestsCommand::Tail(args) => tail::run(args).await,
        RequestsCommand::Show(args) => show(args).await,
        RequestsCommand::Export(args) => export::run(args).await,
    }
}

impl Selection {
    /// The parameters of the log that choose these.
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        query.extend(self.since.iter().map(|since| ("since", since.clone())));
        if !self.status.is_empty() {
            query.push(("status", self.status.join(",")));
        }
        if !self.method.is_empty() {
            query.push(("method", self.method.join(",")));
        }
        query
    }
}

/// Parameters as a client takes them.
fn borrowed<'q>(query: &'q [(&'static str, String)]) -> Vec<(&'static str, &'q str)> {
    query.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Where the log of a directory is.
fn log_of(directory: &Value) -> String {
    format!("/directories/{}/requests", segment(at(directory, "/id")))
}

async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    for directory in lookup::directories(&args.connection, &client, args.directory.as_deref()).await? {
        match client.get(&format!("{}/{}", log_of(&directory), segment(&args.request)), &[]).await {
            Ok(request) => return tell(args.connection.json, &request, || described(&directory, &request)),
            Err(error) if error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.status == 404) => {}
            Err(error) => return Err(error),
        }
    }
    bail!("no directory's log has the request {}; it may be older than what is kept", args.request)
}

/// A request in a line: `2026-11-25T09:00:00.000Z  PATCH  /Groups/01J…  204  Okta  3 events`.
fn line(directory: &Value, request: &Value) -> String {
    let events = match request["events"].as_i64() {
        None | Some(0) => String::new(),
        Some(1) => "  1 event".to_owned(),
        Some(many) => format!("  {many} events"),
    };
    let mut out = format!(
        "{}  {:6} {}  {}  {}{events}  {}",
        at(request, "/created_at"),
        at(request, "/method"),
        at(request, "/path"),
        request["status"],
        at(directory, "/name"),
        at(request, "/id"),
    );
    if let Some(detail) = request["detail"].as_str() {
        let _ = write!(out, "\n    {detail}");
    }
    out
}

fn described(directory: &Value, request: &Value) -> String {
    let mut out = format!("{}\n", line(directory, request));
    if let Some(resource) = request["resource_id"].as_str() {
        let _ = writeln!(out, "  resource    {resource}");
    }
    if let Some(agent) = request["user_agent"].as_str() {
        let _ = writeln!(out, "  user agent  {agent}");
    }
    let tolerances: Vec<&str> =
        request["tolerances"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !tolerances.is_empty() {
        let _ = writeln!(out, "  tolerances  {}", tolerances.join(", "));
    }
    for (step, what) in request["steps"].as_object().into_iter().flatten() {
        let _ = writeln!(out, "  {step:10}  {what}");
    }
    for event in request["caused"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "  caused      {}  {}", at(event, "/event"), at(event, "/id"));
    }
    match request["body"].as_str() {
        Some(body) => {
            let pretty =
                serde_json::from_str::<Value>(body).ok().and_then(|body| serde_json::to_string_pretty(&body).ok());
            let _ = writeln!(out, "\n{}", pretty.as_deref().unwrap_or(body));
        }
        None => out.push_str("  body        not kept\n"),
    }
    out
}
