//! `muster bench`: large organizations to measure on. What is measured lives in `benches/`.

pub mod seed;
pub mod shape;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::serve::{OidcArgs, ServeArgs, Server};
use crate::app::Config;
use crate::domain::Clock;
use crate::service::access;
use shape::Size;

/// Makes large organizations to measure on.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Fill an empty database with a large organization
    Seed(SeedArgs),
}

/// Fills an empty database with a large organization, as an identity provider and an admin would: people, groups with
/// their members, then rules, which a run brings into effect. The same numbers give the same organization.
#[derive(Debug, clap::Args)]
pub struct SeedArgs {
    /// An empty database: `sqlite://FILE`, made if missing, or `postgres://…`
    #[arg(long, env = "MUSTER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: String,

    /// Directory users
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub people: usize,

    /// Directory groups
    #[arg(long, default_value_t = 5_000, value_name = "N")]
    pub groups: usize,

    /// Member edges of all groups
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub edges: usize,

    /// Mapping rules
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub rules: usize,
}

/// Does what was asked for.
pub async fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        BenchCommand::Seed(args) => seed(args).await,
    }
}

/// A server for one measurement: on a port of its own, with its workers, and without limits or verifications that
/// begin by themselves. Its budget is so large that a request leaves nobody to a run.
///
/// # Errors
///
/// As [`Server::start`].
pub async fn server(database_url: &str, root_api_key: Option<String>) -> anyhow::Result<Server> {
    let args = ServeArgs {
        listen: ([127, 0, 0, 1], 0).into(),
        database_url: database_url.to_owned(),
        public_url: None,
        root_api_key,
        requests_per_second: u32::MAX,
        max_body: Config::MAX_BODY,
        converge_budget: usize::MAX,
        verify_hours: 0,
        metrics_key: None,
        secrets_key: None,
        webhooks_allow_private: false,
        webhook_retry_seconds: Config::WEBHOOK_RETRY_SECONDS,
        oidc: OidcArgs::default(),
    };
    Server::start(args, Clock::System).await
}

async fn seed(args: SeedArgs) -> anyhow::Result<ExitCode> {
    if args.groups == 0 && args.edges > 0 {
        bail!("--edges {} needs groups to lead to; give --groups, or --edges 0", args.edges);
    }
    let size = Size { people: args.people, groups: args.groups, edges: args.edges, rules: args.rules };
    let server = server(&args.database_url, None).await?;
    let filled = fill(&server, &size).await;
    server.stop().await;
    filled.map(|()| ExitCode::SUCCESS)
}

async fn fill(server: &Server, size: &Size) -> anyhow::Result<()> {
    let key = server.first_key.as_ref().context("the database has keys already; give an empty one")?;
    let access = access::authenticate_api(&server.app, Some(&format!("Bearer {}", key.reveal()))).await?;
    let seeded = seed::fill(&server.app, &access, size, |stage| {
        println!("{:>9} {:<40} {:>8.1} s", stage.count, stage.what, stage.took.as_secs_f64());
    })
    .await?;
    println!();
    println!("organization  {}", seeded.organization);
    println!("directory     {}", seeded.directory);
    println!("SCIM token    {}", seeded.token.reveal());
    println!("API key       {}", key.reveal());
    println!("effects       {}", serde_json::to_string(&seeded.run.effects)?);
    Ok(())
}
