//! The command line: one binary that is the server and its tools.

mod ask;
pub mod bench;
mod browse;
mod client;
pub mod config;
pub mod demo;
mod directories;
mod events;
mod explain;
mod groups;
mod keys;
mod links;
mod lookup;
mod manual;
mod organizations;
mod output;
mod portal;
pub mod replay;
mod requests;
mod rules;
mod runs;
pub mod serve;
mod source;
mod status;
mod time;
mod tokens;
mod verify;
mod webhooks;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::harmless;

/// A SCIM 2.0 bridge: what identity providers push becomes native groups, roles and memberships, by rules.
#[derive(Debug, Parser)]
#[command(name = "muster", version, about, propagate_version = true)]
#[command(
    after_help = "A command exits with 0 if it did what was asked, 1 if there was an error, and 64 if the command line makes \
    no sense; those that answer questions have further codes, which their own help tells."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The settings of the server, and where each comes from; of commands that have them.
    #[arg(skip)]
    settings: Vec<config::Setting>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(config::Configured),
    /// Show what the server would be started with, and where each setting comes from
    Config(config::ConfigArgs),
    /// See what Muster does: a tour with real traffic on an embedded database
    Demo(demo::DemoArgs),
    /// Make large organizations to measure on
    Bench(bench::BenchArgs),
    /// Play recorded conversations of identity providers against a SCIM server
    Replay(replay::ReplayArgs),
    /// Customers: list, make, look, delete
    #[command(subcommand)]
    Organizations(organizations::OrganizationsCommand),
    /// SCIM connections of an organization: list, make, look, pause, resume, remove
    #[command(subcommand)]
    Directories(directories::DirectoriesCommand),
    /// Tokens of a directory: list, make, rotate, revoke
    #[command(subcommand)]
    Tokens(tokens::TokensCommand),
    /// API keys: list, make, revoke
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Links by which a customer's admin comes in
    #[command(subcommand)]
    Portal(portal::PortalCommand),
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
    /// Identity links: who waits to be linked to an account
    #[command(subcommand)]
    Links(links::LinksCommand),
    /// Native groups and who is in them
    #[command(subcommand)]
    Groups(groups::GroupsCommand),
    /// What identity providers asked: follow, look, export
    #[command(subcommand)]
    Requests(requests::RequestsCommand),
    /// What changed and why: follow
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Webhook endpoints and what became of events there
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
    /// Show how the directories stand
    Status(status::StatusArgs),
    /// Compare what is stored with a recomputation
    Verify(verify::VerifyArgs),
    /// Print the completions of a shell
    Completions(manual::CompletionsArgs),
    /// Print a page of the manual, or write all of them into a folder
    Man(manual::ManArgs),
}

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve::run(args.serve).await,
        Command::Config(args) => config::run(&args, &cli.settings),
        Command::Demo(args) => demo::run(args).await,
        Command::Bench(args) => bench::run(args).await,
        // 1 says that an answer was not as expected, so what kept it from playing needs another.
        Command::Replay(args) => replay::run(args).await.or_else(|error| {
            eprintln!("muster: {}", harmless(&format!("{error:#}")));
            Ok(ExitCode::from(2))
        }),
        Command::Organizations(command) => organizations::run(command).await,
        Command::Directories(command) => directories::run(command).await,
        Command::Tokens(command) => tokens::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Portal(command) => portal::run(command).await,
        Command::Rules(command) => rules::run(command).await,
        Command::Plan(args) => rules::plan::run(args).await,
        Command::Apply(args) => rules::apply::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Runs(command) => runs::run(command).await,
        Command::Links(command) => links::run(command).await,
        Command::Groups(command) => groups::run(command).await,
        Command::Requests(command) => requests::run(command).await,
        Command::Events(command) => events::run(command).await,
        Command::Webhooks(command) => webhooks::run(command).await,
        Command::Status(args) => status::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    }
}
