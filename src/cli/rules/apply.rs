//! `muster apply`: brings a plan into effect, or the rules of a file.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::plan::{self, Wanted};
use crate::cli::client::{Connection, Refusal, text};
use crate::cli::output::{PARKED, STALE, at, ended, print, print_json};
use crate::cli::runs::{described, wait};
use crate::domain::effect_line;

/// Applies a plan exactly as it was shown, or plans the rules of a file and applies that.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits with 0 if it was done or begun, 3 if somebody has to approve the run first, 4 if the plan is stale, 1 if there was an error."
)]
pub struct ApplyArgs {
    #[command(flatten)]
    connection: Connection,

    /// A plan that `muster plan` showed
    #[arg(value_name = "PLAN", conflicts_with_all = ["file", "prune"])]
    plan: Option<String>,

    /// The file with the rules, to plan and apply at once
    #[arg(short, long, required_unless_present = "plan", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Delete rules in force that the file does not have; what they gave ends
    #[arg(long, requires = "file")]
    prune: bool,

    /// Wait until it is done
    #[arg(long)]
    wait: bool,
}

/// Applies.
pub async fn run(args: ApplyArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let mut summary = String::new();
    let plan = match (args.plan, args.file) {
        (Some(plan), _) => plan,
        (None, file) => {
            let organization = args.connection.organization(&client).await?;
            let wanted = Wanted { file: file.unwrap_or_else(|| "rules.toml".into()), prune: args.prune };
            let planned = plan::make(&client, &organization, &wanted).await?;
            summary = planned.summary();
            match planned.plan.as_ref().filter(|_| planned.has_effects()) {
                Some(plan) => text(plan, "id")?,
                None if args.connection.json => return ended(print_json(&json!({"plan": null, "run": null})), 0),
                None => return ended(print(&summary), 0),
            }
        }
    };
    let applied = client.post(&format!("/mapping_plans/{plan}/apply"), &json!({})).await;
    let mut run = match applied {
        Ok(run) => run,
        Err(error) => match Refusal::with_code(&error, "plan_stale") {
            Some(refusal) if args.connection.json => return ended(print_json(&refusal.body), STALE),
            Some(refusal) => return ended(print(&stale(&refusal.body)), STALE),
            None => return Err(error),
        },
    };
    if args.wait && at(&run, "/state") == "running" {
        run = wait(&client, &text(&run, "id")?).await?;
    }
    if args.connection.json {
        return ended(print_json(&json!({"plan": plan, "run": run})), code(&run));
    }
    ended(print(&format!("{summary}{}", told(&run))), code(&run))
}

/// The exit code for the run that applies a plan.
pub fn code(run: &Value) -> u8 {
    match at(run, "/state") {
        "awaiting_approval" => PARKED,
        "failed" | "cancelled" => 1,
        _ => 0,
    }
}

/// The run that applies a plan, with what is next.
pub fn told(run: &Value) -> String {
    let id = at(run, "/id");
    let next = match at(run, "/state") {
        "awaiting_approval" => format!("The guard asks for an approval: muster runs approve {id} --wait\n"),
        "running" => format!("It goes on in the background: muster runs show {id}\n"),
        _ => String::new(),
    };
    format!("{}{next}", described(run))
}

fn stale(answer: &Value) -> String {
    let mut out = format!("{}\n", at(answer, "/message"));
    for (list, what) in
        [("appeared", "Would happen now, and was not planned:"), ("vanished", "Was planned, and would not happen now:")]
    {
        let effects = answer[list].as_array().map(Vec::as_slice).unwrap_or_default();
        if !effects.is_empty() {
            let _ = writeln!(out, "\n{what}");
        }
        for effect in effects {
            let _ = writeln!(out, "  {}", effect_line::line(effect));
        }
    }
    out
}
