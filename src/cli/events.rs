//! `muster events`: the feed as it grows.

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use eventsource_stream::Eventsource as _;
use futures::{Stream, StreamExt as _, stream};
use reqwest::Response;
use serde_json::Value;

use super::client::{Client, Connection, Patience};
use super::output::{at, ended, print, print_json_line};
use super::serve::interrupted;
use super::time;
use crate::domain::{event_line, event_names};

/// How long to wait before connecting again.
const AGAIN: Duration = Duration::from_secs(1);
/// The server says every 15 seconds that it is still there.
const SILENCE: Duration = Duration::from_secs(45);
/// Before everything: what an empty feed is followed from.
const BEGINNING: &str = "1970-01-01T00:00:00.000Z";

/// The feed of what changed and why.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Follow it; an interrupted connection is taken up where it broke off
    Tail(TailArgs),
}

/// Which events.
#[derive(Debug, clap::Args)]
pub struct TailArgs {
    #[command(flatten)]
    connection: Connection,

    /// Go on after this event; without it and --since, from now on
    #[arg(long, value_name = "EVENT", conflicts_with = "since")]
    after: Option<String>,

    /// Begin with what happened then: a time, or so long ago, e.g. `2h`
    #[arg(long, value_name = "WHEN", value_parser = time::past)]
    since: Option<String>,

    /// Only events of this name, e.g. `group.member_added`; may be repeated
    #[arg(long = "event", value_name = "NAME", value_delimiter = ',')]
    events: Vec<String>,

    /// End after so many
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,

    /// End after those that are there
    #[arg(long)]
    no_follow: bool,
}

/// Runs the command.
pub async fn run(command: EventsCommand) -> anyhow::Result<ExitCode> {
    let EventsCommand::Tail(args) = command;
    let client = args.connection.client()?;
    let organization = args.connection.named_organization(&client).await?;
    let names = if args.events.is_empty() {
        event_names::emitted().collect::<Vec<_>>().join(",")
    } else {
        args.events.join(",")
    };
    let mut query = vec![("events".to_owned(), names)];
    query.extend(organization.map(|id| ("organization_id".to_owned(), id)));
    let mut tail = Tail {
        client,
        query,
        json: args.connection.json,
        after: args.after.clone(),
        since: args.since.clone(),
        left: args.count,
    };
    let written = tokio::select! {
        written = async { if args.no_follow { tail.pages().await } else { tail.follow().await } } => written?,
        interrupted = interrupted() => { interrupted?; Ok(()) }
    };
    ended(written, 0)
}

/// A reader of the feed.
struct Tail {
    client: Client,
    query: Vec<(String, String)>,
    json: bool,
    /// The last event that was shown.
    after: Option<String>,
    since: Option<String>,
    /// How many are still to be shown, if that is bounded.
    left: Option<u64>,
}

/// Whether to go on.
enum Shown {
    GoOn,
    Enough,
    Failed(io::Error),
}

impl Tail {
    /// Everything that is there, and no more.
    async fn pages(&mut self) -> anyhow::Result<io::Result<()>> {
        if self.after.is_none() && self.since.is_none() {
            self.since = Some(BEGINNING.to_owned());
        }
        loop {
            let mut query = self.borrowed();
            if let Some(since) = self.since.as_deref().filter(|_| self.after.is_none()) {
                query.push(("range_start", since));
            }
            let (rows, next) = self.client.page("/events", &query, self.after.as_deref(), usize::MAX).await?;
            for event in &rows {
                match self.show(event) {
                    Shown::GoOn => {}
                    Shown::Enough => return Ok(Ok(())),
                    Shown::Failed(error) => return Ok(Err(error)),
                }
            }
            if next.is_none() {
                return Ok(Ok(()));
            }
        }
    }

    /// Everything that comes, over as many connections as that takes.
    async fn follow(&mut self) -> anyhow::Result<io::Result<()>> {
        self.begin().await?;
        let mut patience = Patience::default();
        loop {
            match patience.bear(self.connection().await)? {
                None | Some(Shown::GoOn) => {}
                Some(Shown::Enough) => return Ok(Ok(())),
                Some(Shown::Failed(error)) => return Ok(Err(error)),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Fixes where "now" is, so that nothing is lost if the first connection breaks before its first event.
    async fn begin(&mut self) -> anyhow::Result<()> {
        if self.after.is_some() || self.since.is_some() {
            return Ok(());
        }
        let mut query = self.borrowed();
        query.push(("order", "desc"));
        let (rows, _) = self.client.page("/events", &query, None, 1).await?;
        match rows.first() {
            Some(last) => self.after = Some(at(last, "/id").to_owned()),
            None => self.since = Some(BEGINNING.to_owned()),
        }
        Ok(())
    }

    /// What comes over one connection, which the server ends now and then.
    async fn connection(&mut self) -> anyhow::Result<Shown> {
        let mut query = self.borrowed();
        match (self.after.as_deref(), self.since.as_deref()) {
            (Some(after), _) => query.push(("after", after)),
            (None, Some(since)) => query.push(("range_start", since)),
            (None, None) => {}
        }
        let response = self.client.stream("/events/stream", &query).await?;
        let mut messages = Box::pin(bytes(response)).eventsource();
        while let Some(message) = messages.next().await {
            // A connection that breaks is taken up again.
            let Ok(message) = message else { break };
            let Ok(event) = serde_json::from_str::<Value>(&message.data) else { continue };
            match self.show(&event) {
                Shown::GoOn => {}
                end => return Ok(end),
            }
        }
        Ok(Shown::GoOn)
    }

    fn show(&mut self, event: &Value) -> Shown {
        if self.left == Some(0) {
            return Shown::Enough;
        }
        if let Err(error) = if self.json { print_json_line(event) } else { print(&line(event)) } {
            return Shown::Failed(error);
        }
        self.after = Some(at(event, "/id").to_owned());
        self.left = self.left.map(|left| left - 1);
        if self.left == Some(0) { Shown::Enough } else { Shown::GoOn }
    }

    fn borrowed(&self) -> Vec<(&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// The bytes of a stream, until it ends, breaks, or is silent for longer than the server ever is.
fn bytes(response: Response) -> impl Stream<Item = Result<Vec<u8>, Infallible>> {
    stream::unfold(response, |mut response| async {
        let read = tokio::time::timeout(SILENCE, response.chunk()).await;
        let chunk = read.ok()?.ok()??;
        Some((Ok(chunk.to_vec()), response))
    })
}

/// An event in a line: when, what, about whom or what, and who or which rule brought it about.
fn line(event: &Value) -> String {
    let actor = event.pointer("/context/actor/name").or(event.pointer("/context/actor/id")).and_then(Value::as_str);
    let rules = event.pointer("/context/rules").and_then(Value::as_array).into_iter().flatten();
    let mut why = vec![actor.unwrap_or("–").to_owned()];
    why.extend(rules.map(|rule| format!("{} version {}", at(rule, "/id"), rule["version"])));
    format!(
        "{}  {:33} {}  ({})  {}",
        at(event, "/created_at"),
        at(event, "/event"),
        event_line::subject(&event["data"]),
        why.join(", "),
        at(event, "/id"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_told_with_its_reason() {
        let event = json!({"id": "event_1", "event": "group.member_added", "created_at": "2026-11-25T09:00:00.000Z",
            "data": {"group_id": "group_1", "organization_membership_id": "om_1"},
            "context": {"actor": {"name": "Okta"}, "rules": [{"id": "rule_1", "version": 2}]}});
        let told = line(&event);
        assert!(told.starts_with("2026-11-25T09:00:00.000Z  group.member_added "), "{told}");
        assert!(told.ends_with(" om_1 · group_1  (Okta, rule_1 version 2)  event_1"), "{told}");
        assert!(line(&json!({})).contains('–'));
    }
}
