//! The command line: one binary that is the server and its tools.

pub mod bench;
mod client;
pub mod demo;
mod explain;
mod output;
pub mod replay;
mod rules;
mod runs;
pub mod serve;
mod source;
mod status;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A SCIM 2.0 bridge: what identity providers push becomes native groups, roles and memberships, by rules.
#[derive(Debug, Parser)]
#[command(name = "muster", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// See what Muster does: a tour with real traffic on an embedded database
    Demo(demo::DemoArgs),
    /// Make large organizations to measure on
    Bench(bench::BenchArgs),
    /// Play recorded conversations of identity providers against a SCIM server
    Replay(replay::ReplayArgs),
    /// Rules in files: export, check and test them
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Show what the rules of a file would change
    Plan(rules::plan::PlanArgs),
    /// Bring a plan into effect, or the rules of a file
    Apply(rules::apply::ApplyArgs),
    /// Tell why somebody has something, or why not
    Explain(explain::ExplainArgs),
    /// Runs: list, look, decide
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    /// Show how the directories stand
    Status(status::StatusArgs),
    /// Compare what is stored with a recomputation
    Verify(verify::VerifyArgs),
}

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Bench(args) => bench::run(args).await,
        // 1 says that an answer was not as expected, so what kept it from playing needs another.
        Command::Replay(args) => replay::run(args).await.or_else(|error| {
            eprintln!("muster: {error:#}");
            Ok(ExitCode::from(2))
        }),
        Command::Rules(command) => rules::run(command).await,
        Command::Plan(args) => rules::plan::run(args).await,
        Command::Apply(args) => rules::apply::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Runs(command) => runs::run(command).await,
        Command::Status(args) => status::run(args).await,
        Command::Verify(args) => verify::run(args).await,
    }
}
