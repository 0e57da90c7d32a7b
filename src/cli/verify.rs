//! `muster verify`: whether what is stored is what a recomputation makes of facts, rules and decisions.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use super::client::{Connection, text};
use super::output::{DIFFERS, at, counted, ended, print, print_json};
use super::runs::wait;
use crate::domain::effect_line;

/// How many differences are shown.
const SHOWN: usize = 100;

/// Recomputes an organization and compares; repairs nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exits with 0 if both are equal, 2 if something differs, 1 if there was an error.")]
pub struct VerifyArgs {
    #[command(flatten)]
    connection: Connection,
}

/// Verifies.
pub async fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let organization = args.connection.organization(&client).await?;
    let begun = client.post("/sync_runs", &json!({"organization_id": organization, "kind": "verify"})).await?;
    let id = text(&begun, "id")?;
    let run = wait(&client, &id).await?;
    if at(&run, "/state") != "succeeded" {
        bail!("the run {id} is {}: {}", at(&run, "/state"), run["problem"].as_str().unwrap_or("no reason is given"));
    }
    let drift: i64 = run["effects"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_i64()).sum();
    let (differences, more) = client.list(&format!("/sync_runs/{id}/effects"), &[("order", "asc")], SHOWN).await?;
    let code = if drift == 0 { 0 } else { DIFFERS };
    if args.connection.json {
        let document = json!({"drift": drift, "run": run, "differences": differences, "more_differences": more});
        return ended(print_json(&document), code);
    }
    ended(print(&told(drift, &run, &differences, more)), code)
}

fn told(drift: i64, run: &Value, differences: &[Value], more: bool) -> String {
    let people = counted(run["progress"]["total"].as_i64().unwrap_or(0), "person", "people");
    if drift == 0 {
        return format!("Equal: what is stored is what facts, rules and decisions make of {people}.\n");
    }
    let mut out = format!("{}:\n", counted(drift, "difference", "differences"));
    for difference in differences {
        let _ = writeln!(out, "  {}", effect_line::line(difference));
    }
    if more {
        let _ = writeln!(out, "  … the first {SHOWN}");
    }
    out.push_str("Nothing was repaired. A plan with the change {\"reconcile\": {}} does that.\n");
    out
}
