//! `muster serve`: the server, and how it starts and stops for everybody who runs one.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Config};
use crate::domain::Clock;
use crate::domain::sealed::Vault;
use crate::domain::secret::{Secret, digest};
use crate::http::{router, server};
use crate::outbound::dns::{self, Dns};
use crate::outbound::oidc;
use crate::service::{keys, sessions, webhooks};
use crate::store::{Db, Lane, keys as stored_keys};
use crate::worker;

/// Runs the server until it is told to stop.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, env = "MUSTER_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// `sqlite://FILE`, made if missing, or `postgres://…`
    #[arg(
        long,
        env = "MUSTER_DATABASE_URL",
        default_value = "sqlite://muster.db",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_url: String,

    /// Where clients reach the server, e.g. `https://scim.example.com`; where it listens, if not given
    #[arg(long, env = "MUSTER_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// A key of the environment, for automation; at least 32 characters
    #[arg(long, env = "MUSTER_ROOT_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub root_api_key: Option<String>,

    /// Requests per second and directory or key before 429
    #[arg(long, env = "MUSTER_REQUESTS_PER_SECOND", default_value_t = Config::REQUESTS_PER_SECOND, value_name = "N")]
    pub requests_per_second: u32,

    /// The largest request body, in bytes
    #[arg(long, env = "MUSTER_MAX_BODY", default_value_t = Config::MAX_BODY, value_name = "BYTES")]
    pub max_body: usize,

    /// People that one SCIM request may converge before the rest is left to a run
    #[arg(long, env = "MUSTER_CONVERGE_BUDGET", default_value_t = Config::CONVERGE_BUDGET, value_name = "N")]
    pub converge_budget: usize,

    /// Hours between two verifications of an organization; 0 for never
    #[arg(long, env = "MUSTER_VERIFY_HOURS", default_value_t = Config::VERIFY_HOURS, value_name = "HOURS")]
    pub verify_hours: u32,

    /// A key that `/metrics` asks for as a bearer token; without one it is open
    #[arg(long, env = "MUSTER_METRICS_KEY", hide_env_values = true, value_name = "KEY")]
    pub metrics_key: Option<String>,

    /// Seals the secrets that sign webhooks where they are stored: 64 hexadecimal digits
    #[arg(long, env = "MUSTER_SECRETS_KEY", hide_env_values = true, value_name = "KEY")]
    pub secrets_key: Option<String>,

    /// Lets webhooks go to private addresses and over plain HTTP: for tests
    #[arg(long, env = "MUSTER_WEBHOOKS_ALLOW_PRIVATE", value_parser = clap::builder::FalseyValueParser::new())]
    pub webhooks_allow_private: bool,

    /// Seconds before the second attempt at a webhook
    #[arg(long, env = "MUSTER_WEBHOOK_RETRY_SECONDS", default_value_t = Config::WEBHOOK_RETRY_SECONDS, hide = true)]
    pub webhook_retry_seconds: u32,

    /// The OpenID provider that operators may sign in with
    #[command(flatten)]
    pub oidc: OidcArgs,
}

/// The OpenID provider that operators may sign in with; none if no issuer is given.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OidcArgs {
    /// The issuer of an OpenID provider that operators may sign in with, as its tokens name it
    #[arg(long = "oidc-issuer", env = "MUSTER_OIDC_ISSUER", value_name = "URL")]
    pub issuer: Option<String>,

    /// The id of this server at the provider
    #[arg(long = "oidc-client-id", env = "MUSTER_OIDC_CLIENT_ID", value_name = "ID")]
    pub client_id: Option<String>,

    /// The secret of this server at the provider
    #[arg(
        long = "oidc-client-secret",
        env = "MUSTER_OIDC_CLIENT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub client_secret: Option<String>,

    /// What people call the provider
    #[arg(long = "oidc-label", env = "MUSTER_OIDC_LABEL", value_name = "NAME")]
    pub label: Option<String>,
}

impl OidcArgs {
    /// A client of the provider, if one is named.
    fn client(self) -> anyhow::Result<Option<oidc::Client>> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let Some(issuer) = given(self.issuer) else { return Ok(None) };
        let settings = oidc::Settings {
            issuer,
            client_id: given(self.client_id).context("MUSTER_OIDC_CLIENT_ID is needed with MUSTER_OIDC_ISSUER")?,
            client_secret: given(self.client_secret)
                .context("MUSTER_OIDC_CLIENT_SECRET is needed with MUSTER_OIDC_ISSUER")?,
            label: given(self.label).unwrap_or_else(|| "single sign-on".to_owned()),
        };
        let client = oidc::Client::new(settings).map_err(|problem| anyhow::anyhow!("MUSTER_OIDC_ISSUER: {problem}"))?;
        Ok(Some(client))
    }
}

/// A server that runs.
pub struct Server {
    /// What it shares with whoever started it.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    /// The first key of an empty database: shown once, by whoever started the server.
    pub first_key: Option<Secret>,
    /// Opens the console to the first owner, while there is none: shown by whoever started the server.
    pub first_owner: Option<String>,
    stop: CancellationToken,
    listener: JoinSet<()>,
    workers: JoinSet<()>,
}

impl Server {
    /// Opens the database, brings its schema up to date, and listens.
    pub async fn start(args: ServeArgs, clock: Clock) -> anyhow::Result<Self> {
        Self::start_with(args, clock, dns::system()).await
    }

    /// As [`Server::start`], with a resolver of one's own.
    pub async fn start_with(args: ServeArgs, clock: Clock, dns: Dns) -> anyhow::Result<Self> {
        if args.root_api_key.as_ref().is_some_and(|key| key.len() < 32) {
            anyhow::bail!("MUSTER_ROOT_API_KEY has fewer than 32 characters; make one with: openssl rand -hex 32");
        }
        let db = Db::open(&args.database_url).await.context("the database cannot be opened")?;
        let listener =
            TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
        let address = listener.local_addr()?;
        let public_url = args.public_url.unwrap_or_else(|| format!("http://{address}"));
        let config = Config {
            public_url: public_url.trim_end_matches('/').to_owned(),
            root_key_digest: args.root_api_key.as_deref().map(digest),
            cursor_key: cursor_key(&db).await?,
            requests_per_second: args.requests_per_second,
            max_body: args.max_body,
            converge_budget: args.converge_budget,
            verify_hours: args.verify_hours,
            metrics_key_digest: args.metrics_key.as_deref().filter(|key| !key.is_empty()).map(digest),
            vault: vault(args.secrets_key.as_deref())?,
            webhooks_allow_private: args.webhooks_allow_private,
            webhook_retry: chrono::Duration::seconds(args.webhook_retry_seconds.into()),
            oidc: args.oidc.client()?,
        };
        let (app, entries) = App::new(db, clock, config);
        let app = app.with_dns(dns);
        webhooks::check_vault(&app).await?;
        let first_key = keys::bootstrap_key(&app).await?;
        let first_owner = sessions::first_owner_link(&app).await?;
        let first_owner = first_owner.map(|link| format!("{}/console/enter/{}", app.config.public_url, link.reveal()));
        let stop = app.stopping.clone();
        let mut workers = JoinSet::new();
        // Stopped after the listener, so that the last requests are logged.
        let last = CancellationToken::new();
        workers.spawn(worker::requests::run(app.clone(), entries, last.clone()));
        workers.spawn(worker::sweep::run(app.clone(), last.clone()));
        workers.spawn(worker::runs::run(app.clone(), stop.clone()));
        workers.spawn(worker::verify::run(app.clone(), stop.clone()));
        workers.spawn(worker::removals::run(app.clone(), stop.clone()));
        workers.spawn(worker::deliver::run(app.clone(), stop.clone()));
        let mut serving = JoinSet::new();
        let (routes, stopped) = (router(&app), stop.clone());
        serving.spawn(async move {
            server::serve(listener, routes, stopped).await;
            last.cancel();
        });
        Ok(Server { app, address, first_key, first_owner, stop, listener: serving, workers })
    }

    /// The base URL of the server itself.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, finishes what runs, writes the log, closes the database.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.listener.join_next().await.is_some() {}
        while self.workers.join_next().await.is_some() {}
        self.app.db.close().await;
    }
}

/// What seals secrets, with this key; without one, or with an empty one, they are stored as text.
fn vault(key: Option<&str>) -> anyhow::Result<Vault> {
    match key.filter(|key| !key.is_empty()) {
        Some(key) => Vault::with_key(key).context("MUSTER_SECRETS_KEY"),
        None => Ok(Vault::default()),
    }
}

/// The key that signs cursors: kept in the database, so that replicas understand each other's.
async fn cursor_key(db: &Db) -> anyhow::Result<Vec<u8>> {
    let fresh = Secret::mint("").reveal().to_owned();
    let key = db
        .write(Lane::Environment, move |tx| {
            let fresh = fresh.clone();
            Box::pin(async move { stored_keys::shared_secret(tx, "cursor", &fresh).await })
        })
        .await?;
    Ok(key.into_bytes())
}

/// Serves until SIGINT or SIGTERM.
pub async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let server = Server::start(args, Clock::System).await?;
    tracing::info!(address = %server.address, public_url = %server.app.config.public_url, "muster is listening");
    if let Some(key) = &server.first_key {
        eprintln!("The first API key of this database, shown this once:\n\n    {}\n", key.reveal());
    }
    if let Some(link) = &server.first_owner {
        eprintln!("The console has no owner yet. This link makes one; it works once, for an hour:\n\n    {link}\n");
    }
    interrupted().await?;
    tracing::info!("stopping: finishing what runs");
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGINT or SIGTERM.
pub async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
