//! What mapping costs in a large organization: plans, runs, verifications, and SCIM requests meanwhile.
//!
//! `cargo bench --bench organization` makes one of 20,000 people in an embedded database and, if `TEST_POSTGRES_URL`
//! names an empty PostgreSQL database (`scripts/with-postgres`), another there. `MUSTER_BENCH_FULL=1` makes 100,000
//! people, 5,000 groups and 1,000,000 edges; `BENCH_PEOPLE`, `BENCH_GROUPS`, `BENCH_EDGES` and `BENCH_RULES` say it one
//! by one. With `BENCH_DATABASE_URL` it works on that database only, and on the organization that is there, if
//! `muster bench seed` made one; the rules that it adds stay.
//!
//! Every figure of one run comes from the same machine under the same load: read the ratios.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use muster::cli::bench::seed::{self, finished};
use muster::cli::bench::server;
use muster::cli::bench::shape::{self, Size};
use muster::cli::serve::Server;
use muster::domain::Id;
use muster::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId};
use muster::domain::plan::PlanChange;
use muster::domain::run::{Run, RunKind};
use muster::domain::scope::OrganizationScope;
use muster::domain::secret::Secret;
use muster::service::access::{self, Access};
use muster::service::mapping::explain::{What, Whom, explain};
use muster::service::mapping::{apply, plans};
use muster::service::native::groups::{self, NewGroup};
use muster::service::runs::control;
use muster::service::tokens::{self, NewToken};
use muster::service::{directories, organizations, status};
use muster::store::{Order, PageRequest, walk};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

const KEY: &str = "sk_benchmark_root_key_of_a_server_for_one_run";
/// Requests that are timed while nothing else goes on.
const IDLE_REQUESTS: usize = 200;

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lane = LaneTimes::default();
    tracing_subscriber::registry().with(lane.clone()).init();
    let full = std::env::var("MUSTER_BENCH_FULL").is_ok_and(|full| full == "1");
    let number = |name: &str, small: usize, large: usize| {
        let given = std::env::var(name).ok().and_then(|n| n.parse().ok());
        given.unwrap_or(if full { large } else { small })
    };
    let size = Size {
        people: number("BENCH_PEOPLE", 20_000, 100_000),
        groups: number("BENCH_GROUPS", 1_000, 5_000),
        edges: number("BENCH_EDGES", 200_000, 1_000_000),
        rules: number("BENCH_RULES", 50, 50),
    };
    let folder = tempfile::tempdir()?;
    let embedded = format!("sqlite://{}", folder.path().join("bench.db").display());
    let urls = match std::env::var("BENCH_DATABASE_URL") {
        Ok(url) => vec![url],
        Err(_) => std::iter::once(embedded).chain(std::env::var("TEST_POSTGRES_URL")).collect(),
    };
    for url in urls {
        println!("\n== {} ==\n", if url.starts_with("sqlite") { "SQLite" } else { "PostgreSQL" });
        let bench = Bench::start(&url, &size, lane.clone()).await?;
        let measured = bench.measure().await;
        bench.server.stop().await;
        measured?;
    }
    Ok(())
}

struct Bench {
    server: Server,
    access: Access,
    scope: OrganizationScope,
    directory: DirectoryId,
    token: Secret,
    users: Vec<DirectoryUserId>,
    groups: Vec<DirectoryGroupId>,
    http: reqwest::Client,
    lane: LaneTimes,
}

impl Bench {
    async fn start(url: &str, size: &Size, lane: LaneTimes) -> anyhow::Result<Self> {
        let server = server(url, Some(KEY.to_owned())).await?;
        let app = &server.app;
        let access = access::authenticate_api(app, Some(&format!("Bearer {KEY}"))).await?;
        let page = PageRequest { after: None, before: None, limit: 1, order: Order::Ascending };
        let there = organizations::list(app, &access, None, Vec::new(), &page).await?.rows.pop();
        let (organization, directory, token, users, groups) = if let Some(organization) = there {
            let within = Some(access.organization(organization.id)?);
            let directories = directories::list(app, &access, within, None, &page).await?.rows;
            let directory = directories.first().context("the organization has no directory")?.id;
            let new = NewToken { name: "Bench".to_owned(), expires_at: None, allowed_ips: Vec::new() };
            let (_, token) =
                tokens::create_token(app, &access, access.organization(organization.id)?, directory, new).await?;
            let mut tx = app.db.read().await?;
            let users = walk::people(&mut tx, organization.id, Id::nil(), i64::MAX).await?;
            let groups = walk::groups(&mut tx, organization.id, Id::nil(), i64::MAX).await?;
            (organization.id, directory, token, users, groups)
        } else {
            reset_peak();
            let seeded = seed::fill(app, &access, size, |stage| {
                println!("{:>9} {:<44} {:>9.1} s", stage.count, stage.what, stage.took.as_secs_f64());
            })
            .await?;
            println!("          memory at the most {:>34} MB", peak_mb());
            (seeded.organization, seeded.directory, seeded.token, seeded.users, seeded.groups)
        };
        println!("{} people, {} directory groups; {} MB now\n", users.len(), groups.len(), resident_mb());
        let scope = access.organization(organization)?;
        let http = reqwest::Client::new();
        Ok(Bench { server, access, scope, directory, token, users, groups, http, lane })
    }

    async fn measure(&self) -> anyhow::Result<()> {
        let everybody = self.native_group("Everybody").await?;
        let narrow = self.native_group("A few").await?;
        let one = format!("displayName eq \"{}\"", shape::group_name(self.groups.len() / 2));
        self.plan("one group", rule("narrow", &json!({"group": one}), narrow)).await?;
        let wide = self.plan("everybody", rule("wide", &json!({"user": "userName pr"}), everybody)).await?;

        let idle = self.patches(|done| done < IDLE_REQUESTS).await?;
        self.apply(wide, &idle).await?;
        self.verify().await?;
        self.reads(everybody).await
    }

    async fn native_group(&self, name: &str) -> anyhow::Result<GroupId> {
        let new = NewGroup { name: name.to_owned(), description: None };
        Ok(groups::create(&self.server.app, &self.access, self.scope, new).await?.value.id)
    }

    async fn plan(&self, of: &str, change: PlanChange) -> anyhow::Result<muster::store::plans::StoredPlan> {
        let (before, began) = (reset_peak(), Instant::now());
        let plan = plans::create(&self.server.app, &self.access, self.scope, vec![change]).await?;
        let (took, effects) = (began.elapsed(), plan.totals.0.iter().filter(|(kind, _)| *kind != "people"));
        let effects: i64 = effects.map(|(_, count)| count).sum();
        println!("plan for {of:<24} {:>9.2} s, {effects} effects, {} MB more", took.as_secs_f64(), grown(before));
        Ok(plan)
    }

    /// Applies a plan while an identity provider sends one request after the other.
    async fn apply(&self, plan: muster::store::plans::StoredPlan, idle: &Latencies) -> anyhow::Result<()> {
        let app = &self.server.app;
        let people = plan.totals.0.get("people").copied().unwrap_or_default();
        let before = reset_peak();
        self.lane.clear();
        let began = Instant::now();
        let run = apply::apply(app, &self.access, plan).await?;
        let checked = began.elapsed();
        println!("apply: the plan holds            {:>9.2} s, and the rule is in force", checked.as_secs_f64());
        let over = AtomicBool::new(false);
        let running = async {
            let run = finished(app, &self.access, run).await;
            over.store(true, Ordering::Relaxed);
            run
        };
        let (run, busy) = tokio::join!(running, self.patches(|_| !over.load(Ordering::Relaxed)));
        let (run, busy, took) = (run?, busy?, began.elapsed().saturating_sub(checked));
        println!(
            "apply: the run                   {:>9.2} s, {:.0} people a second, {} MB more",
            took.as_secs_f64(),
            people as f64 / took.as_secs_f64(),
            grown(before)
        );
        self.lane.print();
        print_patches(idle, &busy);
        println!("effects: {}", serde_json::to_string(&run.effects)?);
        Ok(())
    }

    async fn verify(&self) -> anyhow::Result<()> {
        let (app, before, began) = (&self.server.app, reset_peak(), Instant::now());
        let run = control::create(app, &self.access, self.scope, RunKind::Verify).await?.value;
        let run: Run = finished(app, &self.access, run).await?;
        println!(
            "verify                           {:>9.2} s, {} differences, {} MB more",
            began.elapsed().as_secs_f64(),
            run.effects.values().sum::<i64>(),
            grown(before)
        );
        Ok(())
    }

    async fn reads(&self, group: GroupId) -> anyhow::Result<()> {
        let app = &self.server.app;
        let mut times = Latencies::default();
        for round in 0..100 {
            let person = self.users[(round * 7_919) % self.users.len()];
            times.time(explain(app, &self.access, Whom::DirectoryUser(person), What::Group(group))).await?;
        }
        times.print("explain: person and group");
        let mut times = Latencies::default();
        for round in 0..100 {
            let person = self.users[(round * 7_919) % self.users.len()];
            times.time(explain(app, &self.access, Whom::DirectoryUser(person), What::Membership)).await?;
        }
        times.print("explain: membership");
        let mut times = Latencies::default();
        for _ in 0..10 {
            times.time(status::of_directory(app, &self.access, self.directory)).await?;
        }
        times.print("sync status");
        Ok(())
    }

    /// Requests that add and remove one member of one group in turn, over HTTP, one after the other.
    async fn patches(&self, go_on: impl Fn(usize) -> bool) -> anyhow::Result<Latencies> {
        let base = self.server.app.config.scim_base_url(self.directory);
        let url = format!("{base}/Groups/{}", self.groups[self.groups.len() / 3]);
        let mut times = Latencies::default();
        while go_on(times.0.len()) {
            let round = times.0.len();
            let person = self.users[(round / 2 * 7_919) % self.users.len()];
            let operation = if round.is_multiple_of(2) {
                json!({"op": "add", "path": "members", "value": [{"value": person}]})
            } else {
                json!({"op": "remove", "path": format!("members[value eq \"{person}\"]")})
            };
            let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
            let request = self.http.patch(&url).bearer_auth(self.token.reveal()).json(&body).send();
            times.time(async { request.await?.error_for_status() }).await?;
        }
        Ok(times)
    }
}

fn rule(key: &str, when: &Value, group: GroupId) -> PlanChange {
    let fields = json!({"key": key, "when": when, "then": [{"into_group": {"group_id": group}}]});
    PlanChange::Save(if let Value::Object(fields) = fields { fields } else { Map::new() })
}

fn print_patches(idle: &Latencies, busy: &Latencies) {
    let ratio = |at: f64| busy.at(at).as_secs_f64() / idle.at(at).as_secs_f64();
    idle.print("PATCH, nothing else going on");
    busy.print("PATCH, while the run goes on");
    println!("{:<32} {:>9.1} times    {:>9.1} times", "", ratio(0.5), ratio(0.99));
}

/// How long things took.
#[derive(Debug, Default, Clone)]
struct Latencies(Vec<Duration>);

impl Latencies {
    async fn time<T, E: Into<anyhow::Error>>(&mut self, work: impl Future<Output = Result<T, E>>) -> anyhow::Result<T> {
        let began = Instant::now();
        let done = work.await.map_err(Into::into)?;
        self.0.push(began.elapsed());
        Ok(done)
    }

    fn at(&self, part: f64) -> Duration {
        let mut times = self.0.clone();
        times.sort();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let place = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default()
    }

    fn print(&self, what: &str) {
        let ms = |at| self.at(at).as_secs_f64() * 1e3;
        println!(
            "{what:<32} {:>9.2} ms p50, {:>9.2} ms p99, {:.2} ms at the most ({})",
            ms(0.5),
            ms(0.99),
            ms(1.0),
            self.0.len()
        );
    }
}

/// How long transactions held the organization's lane, as the store tells those who trace `muster::lane`: from the lock
/// to the end of the commit. Chunks of runs apart; requests that shared a chunk's commit count to it.
#[derive(Clone, Default)]
struct LaneTimes(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    is_chunk: bool,
    chunks: Latencies,
    others: Latencies,
}

impl LaneTimes {
    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Held::default();
    }

    fn print(&self) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.chunks.print("lock held by chunks");
        held.others.print("lock held by other writes");
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for LaneTimes {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "muster::lane"
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        event.record(&mut *held);
    }
}

impl Visit for Held {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "held_micros" {
            let times = if std::mem::take(&mut self.is_chunk) { &mut self.chunks } else { &mut self.others };
            times.0.push(Duration::from_micros(value));
        }
    }

    fn record_str(&mut self, field: &Field, _: &str) {
        self.is_chunk |= field.name() == "chunk_of";
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// A line of `/proc/self/status` in MB; 0 where the system does not tell.
fn status_mb(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    found.and_then(|text| text.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

fn resident_mb() -> u64 {
    status_mb("VmRSS:")
}

fn peak_mb() -> u64 {
    status_mb("VmHWM:")
}

/// Forgets the peak so far, where the system lets us; answers what is in memory now, in MB.
fn reset_peak() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    resident_mb()
}

fn grown(before: u64) -> u64 {
    peak_mb().saturating_sub(before)
}
