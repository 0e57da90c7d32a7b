//! `muster requests tail`: the log as it grows.

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use super::{Selection, borrowed, line, log_of};
use crate::cli::client::{Client, Connection, Patience};
use crate::cli::lookup;
use crate::cli::output::{at, ended, print, print_json_line};
use crate::cli::serve::interrupted;
use crate::domain::clock::timestamp;

/// How long to wait between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Entries of reads and failures are written a moment after the answer: so far back each look goes, in seconds.
const LATE: i64 = 10;

/// Follows the log, until Ctrl-C.
#[derive(Debug, clap::Args)]
pub struct TailArgs {
    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    selection: Selection,

    /// How many requests to show before those that come; with --since, all since then
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    lines: usize,

    /// End after those that are there
    #[arg(long)]
    no_follow: bool,
}

/// The log of one directory, as far as it was shown.
struct Log {
    directory: Value,
    path: String,
    /// What was shown lately: the id, and when it was answered.
    shown: HashMap<String, String>,
    /// When the newest of these was answered.
    newest: Option<String>,
}

/// Follows.
pub async fn run(args: TailArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let directories = lookup::directories(&args.connection, &client, args.selection.directory.as_deref()).await?;
    let mut logs: Vec<Log> = directories.into_iter().map(Log::of).collect();
    let written = tokio::select! {
        written = follow(&client, &args, &mut logs) => written?,
        interrupted = interrupted() => { interrupted?; Ok(()) }
    };
    ended(written, 0)
}

async fn follow(client: &Client, args: &TailArgs, logs: &mut [Log]) -> anyhow::Result<io::Result<()>> {
    let mut news = first(client, args, logs).await?;
    let mut patience = Patience::default();
    loop {
        if let Err(error) = show(args.connection.json, logs, news) {
            return Ok(Err(error));
        }
        if args.no_follow {
            return Ok(Ok(()));
        }
        tokio::time::sleep(LOOK).await;
        news = Vec::new();
        // What one log has is shown also if the next one cannot be read.
        patience.bear(look(client, args, logs, &mut news).await)?;
    }
}

/// What is shown first: the last few of all directories together, or all since a time.
async fn first(client: &Client, args: &TailArgs, logs: &mut [Log]) -> anyhow::Result<Vec<(usize, Value)>> {
    let mut first = Vec::new();
    for (at, log) in logs.iter_mut().enumerate() {
        first.extend(log.begin(client, args).await?.into_iter().map(|request| (at, request)));
    }
    in_order(&mut first);
    if args.selection.since.is_none() {
        first.drain(..first.len().saturating_sub(args.lines));
    }
    Ok(first)
}

fn in_order(requests: &mut [(usize, Value)]) {
    requests.sort_by(|(_, one), (_, other)| at(one, "/created_at").cmp(at(other, "/created_at")));
}

/// Adds what is new, of all directories.
async fn look(
    client: &Client,
    args: &TailArgs,
    logs: &mut [Log],
    news: &mut Vec<(usize, Value)>,
) -> anyhow::Result<()> {
    for (at, log) in logs.iter_mut().enumerate() {
        news.extend(log.go_on(client, args).await?.into_iter().map(|request| (at, request)));
    }
    Ok(())
}

fn show(json: bool, logs: &[Log], mut news: Vec<(usize, Value)>) -> io::Result<()> {
    in_order(&mut news);
    for (of, request) in &news {
        if json {
            print_json_line(request)?;
        } else if let Some(log) = logs.get(*of) {
            print(&line(&log.directory, request))?;
        }
    }
    Ok(())
}

impl Log {
    fn of(directory: Value) -> Self {
        Log { path: log_of(&directory), directory, shown: HashMap::new(), newest: None }
    }

    /// The last few, or all since a time. What the first look afterwards would find again counts as shown.
    async fn begin(&mut self, client: &Client, args: &TailArgs) -> anyhow::Result<Vec<Value>> {
        if !args.no_follow {
            let (newest, _) = client.page(&self.path, &[], None, 1).await?;
            self.newest = newest.first().map(|request| at(request, "/created_at").to_owned());
            if self.newest.is_some() {
                self.go_on(client, args).await?;
            }
        }
        let query = args.selection.query();
        let rows = match (&args.selection.since, args.lines) {
            (Some(_), _) => client.all(&self.path, &borrowed(&query)).await?,
            (None, 0) => Vec::new(),
            (None, lines) => client.list(&self.path, &borrowed(&query), lines).await?.0,
        };
        self.note(&rows)?;
        Ok(rows)
    }

    /// What came since.
    async fn go_on(&mut self, client: &Client, args: &TailArgs) -> anyhow::Result<Vec<Value>> {
        let mut query = args.selection.query();
        if let Some(newest) = &self.newest {
            let since = DateTime::parse_from_rfc3339(newest).context("the log has a time that is none")?;
            query.retain(|(name, _)| *name != "since");
            query.push(("since", timestamp(since.to_utc() - TimeDelta::seconds(LATE))));
        }
        query.push(("order", "asc".to_owned()));
        let mut rows = client.all(&self.path, &borrowed(&query)).await?;
        rows.retain(|row| !self.shown.contains_key(at(row, "/id")));
        self.note(&rows)?;
        Ok(rows)
    }

    /// Notes what was shown, and forgets what is too old to be read again.
    fn note(&mut self, rows: &[Value]) -> anyhow::Result<()> {
        for row in rows {
            let answered = at(row, "/created_at").to_owned();
            if self.newest.as_ref().is_none_or(|newest| *newest < answered) {
                self.newest = Some(answered.clone());
            }
            self.shown.insert(at(row, "/id").to_owned(), answered);
        }
        if let Some(newest) = &self.newest {
            let newest = DateTime::parse_from_rfc3339(newest).context("the log has a time that is none")?;
            let bound = timestamp(newest.to_utc() - TimeDelta::seconds(2 * LATE));
            self.shown.retain(|_, answered| *answered >= bound);
        }
        Ok(())
    }
}
