//! `muster plan`: what the rules of a file would change.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::difference::{Difference, difference};
use super::{Loaded, load};
use crate::cli::browse::Limit;
use crate::cli::client::{Client, Connection, text};
use crate::cli::output::{DIFFERS, PARKED, at, counted, ended, print, print_json, table};
use crate::cli::rules::difference::current;
use crate::domain::effect_line;

/// Shows what the rules of a file would change, by name; changes nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits with 0 if there is nothing to do, 2 if there are changes, 3 if the guard would park some of them, 1 if there was an error."
)]
pub struct PlanArgs {
    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    limit: Limit,
}

/// The rules that are wanted.
#[derive(Debug, Clone, clap::Args)]
pub struct Wanted {
    /// The file with the rules
    #[arg(short, long, default_value = "rules.toml", value_name = "FILE")]
    pub file: PathBuf,

    /// Delete rules in force that the file does not have; what they gave ends
    #[arg(long)]
    pub prune: bool,
}

/// A plan, or why there is none.
pub struct Planned {
    /// What differs between the file and the server.
    pub difference: Difference,
    /// The `mapping_plan` object; `None` if nothing differs.
    pub plan: Option<Value>,
}

/// Plans and prints.
pub async fn run(args: PlanArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let planned = make(&client, &organization, &args.wanted).await?;
    let (shown, more) = match &planned.plan {
        Some(plan) => first_effects(&client, plan, args.limit.rows(args.connection.json)).await?,
        None => (Vec::new(), false),
    };
    let written = if args.connection.json {
        let difference = &planned.difference;
        print_json(&json!({
            "plan": planned.plan, "effects": shown, "more_effects": more,
            "unmanaged": difference.unmanaged, "never_applied": difference.never_applied,
        }))
    } else {
        print(&report(&planned, &shown, more))
    };
    ended(written, planned.code())
}

/// Makes the plan of a file on the server.
pub async fn make(client: &Client, organization: &str, wanted: &Wanted) -> anyhow::Result<Planned> {
    let loaded = load(client, organization, &wanted.file).await?;
    let difference = difference(&loaded.named(), &current(client, organization).await?, wanted.prune)?;
    if difference.changes.is_empty() {
        return Ok(Planned { difference, plan: None });
    }
    let body = json!({"organization_id": organization, "changes": difference.changes});
    let plan = client.post("/mapping_plans", &body).await.map_err(|error| loaded.placed(error, &difference))?;
    Ok(Planned { difference, plan: Some(plan) })
}

impl Planned {
    fn code(&self) -> u8 {
        self.plan.as_ref().map_or(0, verdict)
    }

    /// Whether anything would change.
    pub fn has_effects(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| effects_of(plan).any(|(_, count)| count > 0))
    }

    /// What the plan comes to, in lines.
    pub fn summary(&self) -> String {
        let mut out = String::new();
        for line in self.difference.lines() {
            out.push_str(&line);
            out.push('\n');
        }
        match &self.plan {
            Some(plan) => out.push_str(&totals(plan)),
            None => out.push_str("Nothing to do: the rules in force are those of the file.\n"),
        }
        out
    }
}

/// The kinds of effects of a `mapping_plan` object, with how many there are of each.
fn effects_of(plan: &Value) -> impl Iterator<Item = (&String, i64)> {
    let counts = plan["totals"].as_object().into_iter().flatten().filter(|(kind, _)| *kind != "people");
    counts.filter_map(|(kind, count)| Some((kind, count.as_i64()?)))
}

/// The exit code for a plan: whether somebody would have to approve, or anything would change.
pub fn verdict(plan: &Value) -> u8 {
    if at(plan, "/guard/verdict") == "would_park" {
        PARKED
    } else if effects_of(plan).any(|(_, count)| count > 0) {
        DIFFERS
    } else {
        0
    }
}

/// What a plan comes to: effects by their kind, people, and what the guard says to it.
pub fn totals(plan: &Value) -> String {
    let mut totals = table(&["effect", "count"]);
    for (kind, count) in effects_of(plan) {
        totals.add_row([kind.replace('_', " "), count.to_string()]);
    }
    let people = counted(plan["totals"]["people"].as_i64().unwrap_or(0), "person", "people");
    let mut out = format!("\n{totals}\n{people} concerned.\n");
    for directory in plan["guard"]["directories"].as_array().into_iter().flatten() {
        let (losing, allowance) = (directory["losing"].as_i64().unwrap_or(0), &directory["allowance"]);
        let verdict = if losing > allowance.as_i64().unwrap_or(0) { "an approval is needed" } else { "passes" };
        let _ = writeln!(
            out,
            "Guard of {}: {} something, {allowance} may: {verdict}.",
            at(directory, "/directory_id"),
            counted(losing, "membership loses", "memberships lose"),
        );
    }
    out
}

/// The first effects of a plan, and whether there are more.
pub async fn first_effects(client: &Client, plan: &Value, limit: usize) -> anyhow::Result<(Vec<Value>, bool)> {
    client.list(&format!("/mapping_plans/{}/effects", text(plan, "id")?), &[("order", "asc")], limit).await
}

/// Effects by name, and how to bring them about.
pub fn by_name(plan: &Value, shown: &[Value], more: bool) -> String {
    let mut out = String::from("\n");
    for effect in shown {
        out.push_str(&effect_line::line(effect).to_string());
        out.push('\n');
    }
    if more {
        let all: i64 = effects_of(plan).map(|(_, count)| count).sum();
        let _ = writeln!(out, "… {} of {all} shown; --limit shows more", shown.len());
    }
    let _ = writeln!(out, "\nTo apply exactly this: muster apply {}", at(plan, "/id"));
    out
}

fn report(planned: &Planned, shown: &[Value], more: bool) -> String {
    let mut out = planned.summary();
    if let Some(plan) = &planned.plan {
        out.push_str(&by_name(plan, shown, more));
    }
    out
}

impl Loaded {
    /// An error of the server with the places in the file that it is about.
    pub fn placed(&self, error: anyhow::Error, difference: &Difference) -> anyhow::Error {
        self.with_places(error, |field| {
            let (at, rest) = field.strip_prefix("changes[")?.split_once(']')?;
            let rule = (*difference.of.get(at.parse::<usize>().ok()?)?)?;
            let rest = rest.trim_start_matches('.');
            Some((rule, rest.strip_prefix("save.").unwrap_or(rest).to_owned()))
        })
    }
}
