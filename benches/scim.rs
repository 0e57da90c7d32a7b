//! How the cost of SCIM requests depends on the size of what they touch.
//!
//! `cargo bench --bench scim` runs against an embedded database; with `BENCH_DATABASE_URL=postgres://…`
//! against that (empty) database. Every figure of one run comes from the same machine under the same load:
//! read the ratios. `BENCH_PEOPLE` sets the number of directory users (default 100,000).

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use muster::cli::serve::{OidcArgs, ServeArgs, Server};
use muster::domain::Clock;
use muster::domain::directory::{DirectoryGroup, DirectoryUser};
use muster::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, OrganizationId};
use muster::store::edges::{self, Member, NewEdge};
use muster::store::{Lane, directory_groups, directory_users};
use serde_json::{Value, json};

const KEY: &str = "sk_benchmark_root_key_of_a_server_for_one_run";
const ROUNDS: usize = 40;

struct Bench {
    server: Server,
    http: reqwest::Client,
    organization: OrganizationId,
    directory: DirectoryId,
    base_url: String,
    token: String,
}

/// The median time and the statements of one request.
struct Figure {
    median: Duration,
    statements: u64,
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let people: usize = std::env::var("BENCH_PEOPLE").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir()?;
    let url = std::env::var("BENCH_DATABASE_URL")
        .unwrap_or_else(|_| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let bench = Bench::start(&url).await?;
    let began = Instant::now();
    // One more than the largest group, so that somebody is left to join it.
    let users = bench.seed_users(people + 1).await?;
    println!("{people} directory users and one more in {:.1} s\n", began.elapsed().as_secs_f64());

    bench.lookups(&users).await?;
    bench.rule().await?;
    bench.one_member(&users).await?;
    bench.put_ten_thousand(&users).await?;
    bench.get_large_group(&users).await?;
    bench.server.stop().await;
    Ok(())
}

impl Bench {
    async fn start(url: &str) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let args = ServeArgs {
            listen: "127.0.0.1:0".parse()?,
            database_url: url.to_owned(),
            public_url: None,
            root_api_key: Some(KEY.to_owned()),
            requests_per_second: u32::MAX,
            max_body: muster::app::Config::MAX_BODY,
            converge_budget: muster::app::Config::CONVERGE_BUDGET,
            verify_hours: 0,
            metrics_key: None,
            secrets_key: None,
            webhooks_allow_private: false,
            webhook_retry_seconds: muster::app::Config::WEBHOOK_RETRY_SECONDS,
            oidc: OidcArgs::default(),
        };
        let server = Server::start(args, Clock::System).await?;
        let http = reqwest::Client::new();
        let post = async |path: String, body: Value| -> anyhow::Result<Value> {
            let url = format!("{}{path}", server.url());
            Ok(http.post(url).bearer_auth(KEY).json(&body).send().await?.error_for_status()?.json().await?)
        };
        let organization = post("/organizations".into(), json!({"name": "Bench"})).await?;
        let organization = organization["id"].as_str().unwrap_or_default().to_owned();
        let directory = post("/directories".into(), json!({"organization_id": organization, "name": "Bench"})).await?;
        let id = directory["id"].as_str().unwrap_or_default().to_owned();
        let token = post(format!("/directories/{id}/tokens"), json!({"name": "bench"})).await?;
        Ok(Bench {
            organization: organization.parse()?,
            directory: id.parse()?,
            base_url: directory["scim_base_url"].as_str().unwrap_or_default().to_owned(),
            token: token["token"].as_str().unwrap_or_default().to_owned(),
            server,
            http,
        })
    }

    /// Stores people without going through HTTP, which is not what is measured.
    async fn seed_users(&self, count: usize) -> anyhow::Result<Vec<DirectoryUserId>> {
        let (organization, directory) = (self.organization, self.directory);
        let now = self.server.app.clock.now();
        let mut ids = Vec::with_capacity(count);
        for chunk in (0..count).collect::<Vec<_>>().chunks(5_000) {
            let users: Vec<DirectoryUser> = chunk.iter().map(|n| person(directory, *n, now)).collect();
            ids.extend(users.iter().map(|user| user.id));
            self.server
                .app
                .db
                .write(Lane::Organization(organization), move |tx| {
                    let users = users.clone();
                    Box::pin(async move {
                        for user in &users {
                            directory_users::insert(tx, organization, user).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
        }
        Ok(ids)
    }

    /// Stores a group without going through HTTP, mapped to nothing.
    async fn seed_group(&self, name: &str, members: &[DirectoryUserId]) -> anyhow::Result<DirectoryGroupId> {
        let (organization, directory) = (self.organization, self.directory);
        let now = self.server.app.clock.now();
        let document = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name});
        let group = DirectoryGroup {
            id: DirectoryGroupId::mint(now),
            directory,
            document: document.as_object().cloned().unwrap_or_default(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let edges: Vec<NewEdge> =
            members.iter().map(|id| NewEdge { member: Some(Member::User(*id)), value: None }).collect();
        let id = group.id;
        self.server
            .app
            .db
            .write(Lane::Organization(organization), move |tx| {
                let (group, edges) = (group.clone(), edges.clone());
                Box::pin(async move {
                    directory_groups::insert(tx, organization, &group).await?;
                    edges::add(tx, organization, group.id, edges).await.map(drop)
                })
            })
            .await?;
        Ok(id)
    }

    async fn rule(&self) -> anyhow::Result<()> {
        let body = json!({
            "organization_id": self.organization, "key": "bench", "apply": true,
            "when": {"group": "displayName sw \"mapped-\""}, "then": [{"mirror_group": {}}],
        });
        let url = format!("{}/mapping_rules", self.server.url());
        self.http.post(url).bearer_auth(KEY).json(&body).send().await?.error_for_status()?;
        Ok(())
    }

    async fn scim(&self, method: reqwest::Method, path: &str, body: &Value) -> anyhow::Result<usize> {
        let mut request = self.http.request(method, format!("{}{path}", self.base_url)).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        Ok(request.send().await?.error_for_status()?.bytes().await?.len())
    }

    /// Times requests of one kind; `make` gives the request of each round.
    async fn time(&self, make: impl Fn(usize) -> (reqwest::Method, String, Value)) -> anyhow::Result<Figure> {
        let mut times = Vec::with_capacity(ROUNDS);
        let mut statements = 0;
        for round in 0..ROUNDS {
            let (method, path, body) = make(round);
            let before = self.server.app.db.statements();
            let began = Instant::now();
            self.scim(method, &path, &body).await?;
            times.push(began.elapsed());
            statements = statements.max(self.server.app.db.statements() - before);
        }
        times.sort();
        Ok(Figure { median: times[ROUNDS / 2], statements })
    }

    async fn lookups(&self, users: &[DirectoryUserId]) -> anyhow::Result<()> {
        println!(
            "lookup among {} users                median      statements (2 of them check the token)",
            users.len()
        );
        let filters = [
            ("userName", "userName eq \"user{n}@bench.example\""),
            ("externalId", "externalId eq \"ext-{n}\""),
            ("displayName", "displayName eq \"User {n}\""),
            ("emails.value", "emails.value eq \"user{n}@bench.example\""),
        ];
        for (name, filter) in filters {
            let figure = self
                .time(|round| {
                    let n = (round * 7_919) % users.len();
                    let filter = filter.replace("{n}", &n.to_string());
                    let query: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
                    (reqwest::Method::GET, format!("/Users?filter={query}&excludedAttributes=groups"), Value::Null)
                })
                .await?;
            println!("  {name:38} {:>8.2} ms  {:>4}", milliseconds(figure.median), figure.statements);
        }
        println!();
        Ok(())
    }

    /// PATCH that adds and removes one member: the cost must not depend on the size of the group.
    async fn one_member(&self, users: &[DirectoryUserId]) -> anyhow::Result<()> {
        println!("PATCH of one member, unmapped group     median      ratio  statements");
        let mut first = None;
        for size in [10, 1_000, 10_000, 100_000] {
            if size >= users.len() && size > 10 {
                continue;
            }
            let group = self.seed_group(&format!("plain-{size}"), &users[..size]).await?;
            self.print_patch(size, group, users, &mut first).await?;
        }
        println!("\nPATCH of one member, mirrored group     median      ratio  statements");
        let mut first = None;
        for size in [10, 1_000, 10_000] {
            if size >= users.len() && size > 10 {
                continue;
            }
            let members: Vec<Value> = users[..size].iter().map(|id| json!({"value": id})).collect();
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "displayName": format!("mapped-{size}"), "members": members,
            });
            let url = format!("{}/Groups?attributes=displayName", self.base_url);
            let made: Value = self
                .http
                .post(url)
                .bearer_auth(&self.token)
                .json(&body)
                .send()
                .await?
                .error_for_status()?
                .json()
                .await?;
            let group = made["id"].as_str().unwrap_or_default().parse()?;
            self.print_patch(size, group, users, &mut first).await?;
        }
        println!();
        Ok(())
    }

    async fn print_patch(
        &self,
        size: usize,
        group: DirectoryGroupId,
        users: &[DirectoryUserId],
        first: &mut Option<Duration>,
    ) -> anyhow::Result<()> {
        let stranger = users[users.len() - 1];
        let figure = self
            .time(|round| {
                let operation = if round % 2 == 0 {
                    json!({"op": "add", "path": "members", "value": [{"value": stranger}]})
                } else {
                    json!({"op": "remove", "path": format!("members[value eq \"{stranger}\"]")})
                };
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation],
                });
                (reqwest::Method::PATCH, format!("/Groups/{group}"), body)
            })
            .await?;
        let base = *first.get_or_insert(figure.median);
        println!(
            "  of {size:<35} {:>8.2} ms  {:>5.2}  {:>4}",
            milliseconds(figure.median),
            figure.median.as_secs_f64() / base.as_secs_f64(),
            figure.statements
        );
        Ok(())
    }

    /// PUT of 10,000 members of whom one changes each time.
    async fn put_ten_thousand(&self, users: &[DirectoryUserId]) -> anyhow::Result<()> {
        let size = 10_000.min(users.len() - ROUNDS - 1);
        let group = self.seed_group("put", &users[..size]).await?;
        let figure = self
            .time(|round| {
                let members: Vec<Value> =
                    users[round + 1..=round + size].iter().map(|id| json!({"value": id})).collect();
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "put", "members": members,
                });
                (reqwest::Method::PUT, format!("/Groups/{group}?excludedAttributes=members"), body)
            })
            .await?;
        println!(
            "PUT of {size} members, one changed:         {:>8.2} ms         {:>4} statements\n",
            milliseconds(figure.median),
            figure.statements
        );
        Ok(())
    }

    /// GET of a large group streams; without members it costs what an empty group does.
    async fn get_large_group(&self, users: &[DirectoryUserId]) -> anyhow::Result<()> {
        let large = self.seed_group("large", users).await?;
        let empty = self.seed_group("empty", &[]).await?;
        let get = |group: DirectoryGroupId| {
            move |_| (reqwest::Method::GET, format!("/Groups/{group}?excludedAttributes=members"), Value::Null)
        };
        let (without, of_empty) = (self.time(get(large)).await?, self.time(get(empty)).await?);
        println!("GET without members, {} members:      {:>8.2} ms", users.len(), milliseconds(without.median));
        println!(
            "GET without members, empty group:         {:>8.2} ms  ratio {:.2}",
            milliseconds(of_empty.median),
            without.median.as_secs_f64() / of_empty.median.as_secs_f64()
        );
        let before = resident_kib();
        let began = Instant::now();
        let url = format!("{}/Groups/{large}", self.base_url);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await?.error_for_status()?;
        let (mut bytes, mut first, mut peak) = (0, None, before);
        let mut stream = answer.bytes_stream();
        while let Some(part) = stream.next().await {
            bytes += part?.len();
            first.get_or_insert_with(|| began.elapsed());
            peak = peak.max(resident_kib());
        }
        println!(
            "GET of {} members: {:.1} MB in {:.0} ms, first bytes after {:.1} ms, memory grew by {:.1} MB",
            users.len(),
            bytes as f64 / 1e6,
            milliseconds(began.elapsed()),
            milliseconds(first.unwrap_or_default()),
            (peak.saturating_sub(before)) as f64 / 1e3
        );
        Ok(())
    }
}

fn person(directory: DirectoryId, n: usize, now: chrono::DateTime<chrono::Utc>) -> DirectoryUser {
    let document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("user{n}@bench.example"),
        "externalId": format!("ext-{n}"),
        "displayName": format!("User {n}"),
        "name": {"givenName": "User", "familyName": n.to_string()},
        "emails": [{"value": format!("user{n}@bench.example"), "type": "work", "primary": true}],
        "active": true,
    });
    DirectoryUser {
        id: DirectoryUserId::mint(now),
        directory,
        active: true,
        document: document.as_object().cloned().unwrap_or_default(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The memory of this process that is in RAM, in KiB; 0 where the system does not tell.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
