//! How a directory is resumed and removed: what takes something away from people is shown before it happens.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::ask::Asking;
use crate::cli::client::{Client, Connection, Refusal, segment, text};
use crate::cli::lookup;
use crate::cli::organizations::holds;
use crate::cli::output::{at, ended, print, print_json, tell};
use crate::cli::rules::{apply, plan};
use crate::cli::runs::wait;

/// How many effects of a plan are shown by name.
const SHOWN: usize = 100;

/// Which directory to resume.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits with 0 if it is resumed, 2 if a plan is shown that somebody has to apply first, 3 if the guard would park some of it or the run waits for an approval, 1 if there was an error."
)]
pub struct ResumeArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id or name
    #[arg(value_name = "DIRECTORY")]
    directory: String,

    /// Apply the plan at once, without showing it first
    #[arg(long)]
    yes: bool,

    /// Wait until it is done
    #[arg(long)]
    wait: bool,
}

/// Which directory to remove.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits with 0 if it is removed or the run has begun, 3 if the guard would park some of it: then the plan is shown that somebody has to apply. 1 if there was an error."
)]
pub struct RemoveArgs {
    #[command(flatten)]
    connection: Connection,

    /// Its id or name
    #[arg(value_name = "DIRECTORY")]
    directory: String,

    /// What becomes of what it gave to people: it ends, or stays as if given by hand
    #[arg(long, value_name = "ENDING", default_value = "retract", value_parser = ["retract", "hand_over"])]
    origins: String,

    #[command(flatten)]
    asking: Asking,

    /// Wait until it is done
    #[arg(long)]
    wait: bool,
}

/// Resumes, or shows the plan that does.
pub async fn resume(args: ResumeArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let directory = lookup::directory(&args.connection, &client, &args.directory).await?;
    let path = format!("/directories/{}/resume", segment(&text(&directory, "id")?));
    let answer = client.post(&path, &json!({})).await?;
    if at(&answer, "/object") != "mapping_plan" {
        return tell(args.connection.json, &answer, || format!("{} is resumed.", at(&answer, "/name")));
    }
    if !args.yes {
        return show(args.connection.json, &client, &answer).await;
    }
    let plan = text(&answer, "id")?;
    let run = client.post(&format!("/mapping_plans/{}/apply", segment(&plan)), &json!({})).await?;
    let run = if args.wait { over(&client, run).await? } else { run };
    let document = json!({"plan": plan, "run": run});
    let written = if args.connection.json { print_json(&document) } else { print(&apply::told(&run)) };
    ended(written, apply::code(&run))
}

/// Removes, or shows the plan that does.
pub async fn remove(args: RemoveArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.client()?;
    let directory = lookup::directory(&args.connection, &client, &args.directory).await?;
    let (id, name) = (text(&directory, "id")?, text(&directory, "name")?);
    let given = if args.origins == "retract" { "ends" } else { "stays, as if given by hand" };
    let goes = format!("{name} ({id}) goes with its tokens and {}. What it gave to people {given}.", holds(&directory));
    args.asking.sure(&goes, &name)?;
    let removed = client.delete(&format!("/directories/{}", segment(&id)), &[("origins", &args.origins)]).await;
    let run = match removed {
        Ok(run) => run,
        Err(error) => match Refusal::with_code(&error, "guard_would_park") {
            Some(refusal) => return show(args.connection.json, &client, &refusal.body["plan"]).await,
            None => return Err(error),
        },
    };
    let run = if args.wait { over(&client, run).await? } else { run };
    let written = if args.connection.json { print_json(&run) } else { print(&apply::told(&run)) };
    ended(written, apply::code(&run))
}

async fn over(client: &Client, run: Value) -> anyhow::Result<Value> {
    if at(&run, "/state") == "running" { wait(client, &text(&run, "id")?).await } else { Ok(run) }
}

async fn show(json: bool, client: &Client, planned: &Value) -> anyhow::Result<ExitCode> {
    let (effects, more) = plan::first_effects(client, planned, SHOWN).await?;
    let written = if json {
        print_json(&json!({"plan": planned, "effects": effects, "more_effects": more}))
    } else {
        print(&format!("{}{}", plan::totals(planned), plan::by_name(planned, &effects, more)))
    };
    ended(written, plan::verdict(planned))
}
