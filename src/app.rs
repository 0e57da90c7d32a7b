//! What every part of the running program shares, built once.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::domain::id::DirectoryId;
use crate::domain::sealed::Vault;
use crate::domain::{Clock, Error, Result};
use crate::outbound::dns::{self, Dns};
use crate::outbound::oidc;
use crate::outbound::webhook::Sender;
use crate::service::mapping::flow::Streams;
use crate::service::status::Holdings;
use crate::service::streams;
use crate::store::Db;
use crate::store::requests::RequestEntry;
use crate::telemetry::metrics::{Metrics, Scraped};

/// How many refused credentials per second an address may go on with, once its allowance is used up.
const REFUSALS: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// How many it may send at once.
const REFUSALS_AT_ONCE: NonZeroU32 = NonZeroU32::new(1_000).expect("not zero");

/// The program's shared parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// How it was started.
    pub config: Arc<Config>,
    /// Who answers for TXT records.
    pub dns: Dns,
    /// Entries of the request log that wait to be written: reads and failures, no part of state.
    pub request_log: mpsc::Sender<RequestEntry>,
    /// What is counted in this process.
    pub metrics: Arc<Metrics>,
    /// What a scrape read of the database, for the scrapes that follow at once.
    pub scraped: Arc<Mutex<Option<Scraped>>>,
    /// Told when a run was begun or approved here, so that this process's worker looks at once. After the commit.
    pub wake: Arc<Notify>,
    /// Who sends webhooks.
    pub sender: Sender,
    /// The OpenID provider that operators may sign in with, if there is one.
    pub oidc: Option<oidc::Client>,
    /// Told when a webhook endpoint was changed here, or something asked for again. After the commit.
    pub deliver: Arc<Notify>,
    /// Who flows where, as it was last counted.
    pub flows: Arc<Streams>,
    /// How much directories hold, as it was last counted.
    pub held: Arc<Holdings>,
    /// Places for streams of events.
    pub streams: Arc<streams::Streams>,
    /// Cancelled when the server is told to stop: answers that would go on for ever end then.
    pub stopping: CancellationToken,
    limiter: Arc<DefaultKeyedRateLimiter<String>>,
    refusals: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl App {
    /// Puts the parts together. The receiver is for the worker that writes the request log.
    pub fn new(db: Db, clock: Clock, config: Config) -> (Self, mpsc::Receiver<RequestEntry>) {
        let (request_log, entries) = mpsc::channel(10_000);
        let rate = NonZeroU32::new(config.requests_per_second).unwrap_or(NonZeroU32::MAX);
        let limiter = Arc::new(RateLimiter::keyed(Quota::per_second(rate)));
        let refusals = Arc::new(RateLimiter::keyed(Quota::per_second(REFUSALS).allow_burst(REFUSALS_AT_ONCE)));
        let app = App {
            db,
            clock,
            sender: Sender::new(config.webhooks_allow_private),
            oidc: config.oidc.clone(),
            deliver: Arc::default(),
            config: Arc::new(config),
            dns: dns::system(),
            request_log,
            wake: Arc::default(),
            flows: Arc::default(),
            held: Arc::default(),
            streams: Arc::default(),
            stopping: CancellationToken::new(),
            metrics: Arc::default(),
            scraped: Arc::default(),
            limiter,
            refusals,
        };
        (app, entries)
    }

    /// The same parts, with another resolver.
    #[must_use]
    pub fn with_dns(self, dns: Dns) -> Self {
        App { dns, ..self }
    }

    /// Counts a request of `caller` (a directory or a key) against its share.
    pub fn admit(&self, caller: &str) -> Result<()> {
        self.limiter.check_key(&caller.to_owned()).map_err(|until| too_many(&until))
    }

    /// What somebody is told whose credential was refused: after many refusals in a short time, to wait. Only
    /// refused requests count and only they are held off, so that nobody else at the address is touched.
    pub fn refuse(&self, from: Option<IpAddr>, error: Error) -> Error {
        match (&error, from) {
            (Error::Unauthorized(_), Some(from)) => {
                self.refusals.check_key(&from).map_or_else(|until| too_many(&until), |()| error)
            }
            _ => error,
        }
    }

    /// Forgets callers that have been quiet.
    pub fn forget_quiet_callers(&self) {
        self.limiter.retain_recent();
        self.refusals.retain_recent();
    }
}

fn too_many(until: &NotUntil<QuantaInstant>) -> Error {
    let wait = until.wait_time_from(DefaultClock::default().now());
    Error::TooManyRequests { retry_after: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1) }
}

/// What a server needs to know from its flags and environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// The URL under which clients reach the server, without a trailing slash.
    pub public_url: String,
    /// The digest of the root key of the environment, if one was given.
    pub root_key_digest: Option<String>,
    /// The key that signs cursors; replicas share it.
    pub cursor_key: Vec<u8>,
    /// Requests per second and directory or key before 429.
    pub requests_per_second: u32,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// How many people one SCIM request may converge before the rest is left to a run.
    pub converge_budget: usize,
    /// Every how many hours each organization is verified; 0 for never.
    pub verify_hours: u32,
    /// The digest of the key that `/metrics` asks for, if it does.
    pub metrics_key_digest: Option<String>,
    /// Seals secrets that must be read again.
    pub vault: Vault,
    /// Whether webhooks may go to private addresses and over plain HTTP.
    pub webhooks_allow_private: bool,
    /// The wait before the second attempt at a webhook; later ones wait longer.
    pub webhook_retry: chrono::Duration,
    /// The OpenID provider that operators may sign in with, if there is one.
    pub oidc: Option<oidc::Client>,
}

impl Config {
    /// The default of [`Config::requests_per_second`]: never touches an honest client.
    pub const REQUESTS_PER_SECOND: u32 = 5_000;
    /// The default of [`Config::max_body`]: 100,000 members with room to spare.
    pub const MAX_BODY: usize = 16 << 20;

    /// The default of [`Config::converge_budget`]: a few seconds' work.
    pub const CONVERGE_BUDGET: usize = 10_000;
    /// The default of [`Config::webhook_retry`], in seconds.
    pub const WEBHOOK_RETRY_SECONDS: u32 = 5;
    /// The default of [`Config::verify_hours`].
    pub const VERIFY_HOURS: u32 = 24;

    /// The SCIM base URL of a directory.
    pub fn scim_base_url(&self, directory: DirectoryId) -> String {
        format!("{}/scim/v2/{directory}", self.public_url)
    }
}
