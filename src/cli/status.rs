//! `muster status`: how the directories stand, for people and for monitors.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, Connection, Refusal, text};
use super::output::{DIFFERS, PARKED, STALE, at, ended, print, print_json, print_json_line, table};
use super::serve::interrupted;
use super::time;
use crate::domain::Clock;
use crate::domain::clock::timestamp;

/// Shows how each directory of the organization stands.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits with 0 if all is well, 2 if a directory is stale, 3 if removals wait for an approval, 4 if what is stored differs from a recomputation; the highest of those that hold. 1 if there was an error."
)]
pub struct StatusArgs {
    #[command(flatten)]
    connection: Connection,

    /// A directory is stale if its last request is older than this, e.g. `2h`; without it, if it is silent by its own rhythm
    #[arg(long, value_name = "AGE", value_parser = time::age)]
    max_age: Option<i64>,

    /// Look again and again, until Ctrl-C: draws anew on a terminal; with --json a line for each look
    #[arg(long)]
    watch: bool,

    /// How long to wait between two looks
    #[arg(long, value_name = "LENGTH", default_value = "5s", value_parser = time::age, requires = "watch")]
    interval: i64,
}

/// How the directories of an organization stand.
struct Standing {
    organization: String,
    directories: Vec<Value>,
    code: u8,
}

/// Shows, once or again and again.
pub async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    if !args.watch {
        let standing = look(&client, &organization, args.max_age).await?;
        return ended(show(&args, &standing), standing.code);
    }
    tokio::select! {
        watched = watch(&args, &client, &organization) => watched,
        interrupted = interrupted() => { interrupted?; Ok(ExitCode::SUCCESS) }
    }
}

async fn look(client: &Client, organization: &str, max_age: Option<i64>) -> anyhow::Result<Standing> {
    let mut directories = Vec::new();
    for directory in client.all("/directories", &[("organization_id", organization)]).await? {
        let mut status = client.get(&format!("/directories/{}/sync_status", text(&directory, "id")?), &[]).await?;
        status["name"] = directory["name"].clone();
        directories.push(status);
    }
    let code = directories.iter().map(|status| verdict(status, max_age)).max().unwrap_or(0);
    Ok(Standing { organization: organization.to_owned(), directories, code })
}

impl Standing {
    fn json(&self) -> Value {
        json!({"organization_id": self.organization, "directories": self.directories})
    }

    fn told(&self, max_age: Option<i64>) -> String {
        if self.directories.is_empty() {
            return "The organization has no directory.".to_owned();
        }
        told(&self.directories, max_age)
    }
}

fn show(args: &StatusArgs, standing: &Standing) -> io::Result<()> {
    if args.connection.json { print_json(&standing.json()) } else { print(&standing.told(args.max_age)) }
}

/// Looks until somebody interrupts or the reader has gone.
async fn watch(args: &StatusArgs, client: &Client, organization: &str) -> anyhow::Result<ExitCode> {
    let pause = Duration::from_secs(args.interval.unsigned_abs());
    loop {
        let written = match look(client, organization, args.max_age).await {
            Ok(standing) if args.connection.json => {
                let mut line = standing.json();
                line["exit_code"] = standing.code.into();
                line["looked_at"] = timestamp(Clock::System.now()).into();
                print_json_line(&line)
            }
            Ok(standing) => draw(&standing.told(args.max_age)),
            // The server may be starting again: whoever watches wants to see that, too.
            Err(error) if Refusal::passes(&error) => {
                if args.connection.json {
                    eprintln!("muster: {error:#}");
                    Ok(())
                } else {
                    draw(&format!("{error:#}"))
                }
            }
            Err(error) => return Err(error),
        };
        if written.is_err() {
            return ended(written, 0);
        }
        tokio::time::sleep(pause).await;
    }
}

/// Draws a screen: over the last one on a terminal, below it elsewhere.
fn draw(told: &str) -> io::Result<()> {
    let now = timestamp(Clock::System.now());
    if io::stdout().is_terminal() {
        // Clears the screen, and goes to its beginning.
        io::stdout().lock().write_all(b"\x1b[2J\x1b[H")?;
    }
    print(&format!("{now}\n{told}\n"))
}

/// The exit code for one directory.
fn verdict(status: &Value, max_age: Option<i64>) -> u8 {
    let count = |pointer: &str| status.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let silent_for = status.pointer("/freshness/silent_for_seconds").and_then(Value::as_i64);
    let stale = match max_age {
        // Whoever was never heard of is older than anything.
        Some(limit) => silent_for.is_none_or(|silent| silent > limit),
        None => at(status, "/freshness/verdict") == "silent",
    };
    // A paused directory is accounted for: somebody paused it.
    let stale = stale && status["paused_at"].is_null();
    if count("/drift/rows") > 0 {
        STALE
    } else if count("/parked_effects") > 0 {
        PARKED
    } else if stale {
        DIFFERS
    } else {
        0
    }
}

fn told(statuses: &[Value], max_age: Option<i64>) -> String {
    let mut rows = table(&[
        "directory",
        "state",
        "last request",
        "users",
        "groups bound",
        "pending",
        "unlinked",
        "parked",
        "drift",
    ]);
    let mut notes = Vec::new();
    for status in statuses {
        let number = |pointer: &str| status.pointer(pointer).map_or_else(|| "–".to_owned(), ToString::to_string);
        let mark = match verdict(status, max_age) {
            0 => "",
            DIFFERS => " (stale)",
            _ => " (!)",
        };
        let drift = status.pointer("/drift/rows").map_or_else(|| "not verified".to_owned(), ToString::to_string);
        rows.add_row([
            at(status, "/name").to_owned(),
            format!("{}{mark}", at(status, "/state")),
            at(status, "/freshness/last_request_at").to_owned(),
            number("/users/total"),
            format!("{} of {}", number("/groups/bound"), number("/groups/total")),
            number("/pending_edges"),
            number("/unlinked/pending"),
            number("/parked_effects"),
            drift,
        ]);
        for note in status["attention"].as_array().into_iter().flatten() {
            notes.push(format!("  {} ({}): {}", at(status, "/name"), at(note, "/severity"), at(note, "/message")));
        }
    }
    if !notes.is_empty() {
        notes.insert(0, "\nNeeds attention:".to_owned());
    }
    format!("{rows}\n{}", notes.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_weighs_more_than_what_is_parked_and_that_more_than_silence() {
        let fresh = json!({"paused_at": null, "freshness": {"verdict": "fresh", "silent_for_seconds": 60},
            "parked_effects": 0, "drift": {"rows": 0}});
        assert_eq!(verdict(&fresh, None), 0);
        assert_eq!((verdict(&fresh, Some(60)), verdict(&fresh, Some(59))), (0, DIFFERS));
        let mut silent = fresh.clone();
        silent["freshness"] = json!({"verdict": "silent", "silent_for_seconds": null});
        assert_eq!((verdict(&silent, None), verdict(&silent, Some(60))), (DIFFERS, DIFFERS));
        silent["paused_at"] = "2026-11-25T09:00:00.000Z".into();
        assert_eq!(verdict(&silent, None), 0);
        silent["parked_effects"] = 3.into();
        assert_eq!(verdict(&silent, None), PARKED);
        silent["drift"]["rows"] = 1.into();
        assert_eq!(verdict(&silent, None), STALE);
    }
}
