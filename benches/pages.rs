//! What a page of 100 costs at the beginning and at the end of each list, over HTTP.
//!
//! `cargo bench --bench pages` makes an organization of 20,000 people in an embedded database and, if
//! `TEST_POSTGRES_URL` names an empty PostgreSQL database (`scripts/with-postgres`), another there.
//! `BENCH_PEOPLE=100000` makes it larger.
//!
//! Every figure of one run comes from the same machine under the same load: read the ratios. A list is as it should be
//! if its last page costs what its first does.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use muster::cli::bench::seed::{self, finished};
use muster::cli::bench::server;
use muster::cli::bench::shape::Size;
use muster::cli::serve::Server;
use muster::service::access;
use muster::service::runs::control;
use serde_json::{Value, json};

const KEY: &str = "sk_benchmark_root_key_of_a_server_for_one_run";
/// How often each page is asked for; the median counts.
const TIMES: usize = 25;

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let people = std::env::var("BENCH_PEOPLE").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let size = Size { people, groups: people / 20, edges: people * 5, rules: 10 };
    let folder = tempfile::tempdir()?;
    let embedded = format!("sqlite://{}", folder.path().join("bench.db").display());
    for url in std::iter::once(embedded).chain(std::env::var("TEST_POSTGRES_URL")) {
        println!("\n== {}, {people} people ==\n", if url.starts_with("sqlite") { "SQLite" } else { "PostgreSQL" });
        let server = server(&url, Some(KEY.to_owned())).await?;
        let measured = measure(&server, &size).await;
        server.stop().await;
        measured?;
    }
    Ok(())
}

async fn measure(server: &Server, size: &Size) -> anyhow::Result<()> {
    let app = &server.app;
    let access = access::authenticate_api(app, Some(&format!("Bearer {KEY}"))).await?;
    let seeded = seed::fill(app, &access, size, |_| ()).await?;
    let client = Client { http: reqwest::Client::new(), base: server.url() };
    let (organization, directory) = (seeded.organization, seeded.directory);

    let groups = format!("/organizations/{organization}/groups");
    let everybody = client.post(&groups, json!({"name": "Everybody"})).await?;
    let everybody = text(&everybody, "/id")?;
    let rule = json!({
        "organization_id": organization, "key": "everybody", "when": {"user": "userName pr"},
        "then": [{"into_group": {"group_id": everybody}}], "apply": true,
    });
    let rule = client.post("/mapping_rules", rule).await?;
    if let Some(run) = rule.pointer("/run_id").and_then(Value::as_str) {
        let run = control::get(app, &access, run.parse()?).await?;
        finished(app, &access, run).await?;
    }

    let memberships = format!("/user_management/organization_memberships?organization_id={organization}");
    let someone = client.get(&format!("/directory_users?directory={directory}&limit=1")).await?;
    let largest = seeded.groups.first().context("there are groups")?;
    println!("{:<52} {:>9} {:>9} {:>7}", "list", "first", "last", "ratio");
    for (what, list) in [
        ("memberships of an organization", memberships.clone()),
        ("memberships of any status", format!("{memberships}&statuses=active,inactive")),
        ("members of a native group", format!("{groups}/{everybody}/organization-memberships?")),
        ("native groups", format!("{groups}?")),
        ("users", "/user_management/users?".to_owned()),
        ("users of an organization", format!("/user_management/users?organization_id={organization}")),
        ("directory users", format!("/directory_users?directory={directory}")),
        ("directory users of a directory group", format!("/directory_users?group={largest}")),
        ("directory groups", format!("/directory_groups?directory={directory}")),
        ("directory groups of a person", format!("/directory_groups?user={}", text(&someone, "/data/0/id")?)),
        ("events of an organization", format!("/events?organization_id={organization}&events={EVENTS}")),
        ("events of one kind", format!("/events?organization_id={organization}&events=dsync.user.created")),
        ("events of the environment", format!("/events?events={EVENTS}")),
        ("events of the environment, of one kind", "/events?events=group.member_added".to_owned()),
    ] {
        let (first, last) = client.ends(&list).await.with_context(|| list.clone())?;
        let ratio = last.as_secs_f64() / first.as_secs_f64();
        println!("{what:<52} {:>6.2} ms {:>6.2} ms {ratio:>7.2}", ms(first), ms(last));
    }
    Ok(())
}

/// What happens most in an organization that is provisioned.
const EVENTS: &str = "dsync.user.created,dsync.group.created,dsync.group.user_added,group.created,group.member_added,\
                      organization_membership.created,organization_membership.updated,user.created";

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

fn text(object: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = object.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no {pointer} in {object}"))
}

struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.base)).bearer_auth(KEY).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY).json(&body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// What the first and the last page of 100 take, newest first.
    async fn ends(&self, list: &str) -> anyhow::Result<(Duration, Duration)> {
        let separator = if list.ends_with('?') { "" } else { "&" };
        let list = format!("{list}{separator}limit=100");
        let oldest = self.get(&format!("{list}&order=asc")).await?;
        // The page that ends with the oldest begins behind the one that the next page leads to.
        let first = format!("{list}&order=desc");
        let last = match oldest.pointer("/list_metadata/after").and_then(Value::as_str) {
            Some(cursor) => format!("{first}&after={cursor}"),
            None => first.clone(),
        };
        // In turns, so that both see the same load.
        let (mut at_first, mut at_last) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            for (path, took) in [(&first, &mut at_first), (&last, &mut at_last)] {
                let began = Instant::now();
                self.get(path).await?;
                took.push(began.elapsed());
            }
        }
        at_first.sort_unstable();
        at_last.sort_unstable();
        Ok((at_first[TIMES / 2], at_last[TIMES / 2]))
    }
}
