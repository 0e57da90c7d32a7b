//! A server of its own for a test, over real HTTP, with the calls that tests make most.

use std::sync::{Arc, OnceLock};

use muster::cli::serve::{OidcArgs, ServeArgs, Server};
use muster::domain::Clock;
use muster::domain::id::OrganizationId;
use muster::outbound::dns::{Dns, Stated};
use muster::store::{Lane, Stmt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::database::on_each_database;
use super::described;

/// The root key of every test server.
pub const ROOT_KEY: &str = "sk_test_root_key_of_a_server_that_lives_for_one_test";

/// A server that runs for one test.
pub struct TestServer {
    /// The running server.
    pub server: Server,
    /// Its database.
    pub database_url: String,
    http: reqwest::Client,
}

/// A directory of a test server with a token for it.
#[derive(Clone)]
pub struct TestDirectory {
    /// The organization.
    pub organization: String,
    /// The directory.
    pub id: String,
    /// Its SCIM base URL.
    pub base_url: String,
    /// A token that opens it.
    pub token: String,
    /// What it is asked by.
    pub http: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body; null if empty.
    pub body: Value,
}

impl Answer {
    /// The value at a JSON pointer; null if there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The string at a JSON pointer.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> String {
        let found = self.at(pointer).as_str();
        found.unwrap_or_else(|| panic!("no string at {pointer}: {}", self.body)).to_owned()
    }

    /// Demands a status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }
}

/// Runs `test` against a fresh server on each database.
pub async fn on_each_server<F, Fut>(test: F)
where
    F: Fn(TestServer) -> Fut,
    Fut: Future<Output = ()>,
{
    let test = &test;
    on_each_database(|url| async move { test(TestServer::start(&url).await).await }).await;
}

impl TestServer {
    /// A server on an empty database.
    pub async fn start(database_url: &str) -> Self {
        Self::start_at(database_url, Clock::System).await
    }

    /// A server on an empty database that finds these records in the DNS, and no others.
    pub async fn start_with_dns(database_url: &str, dns: Dns) -> Self {
        Self::launch(database_url, Clock::System, dns, |_| ()).await
    }

    /// A server on an empty database that goes by this clock.
    pub async fn start_at(database_url: &str, clock: Clock) -> Self {
        Self::launch(database_url, clock, Arc::new(Stated::default()), |_| ()).await
    }

    /// The same, with other arguments.
    pub async fn start_with(database_url: &str, clock: Clock, change: impl FnOnce(&mut ServeArgs)) -> Self {
        Self::launch(database_url, clock, Arc::new(Stated::default()), change).await
    }

    /// What a test server is started with.
    pub fn args(database_url: &str, change: impl FnOnce(&mut ServeArgs)) -> ServeArgs {
        let mut args = ServeArgs {
            listen: "127.0.0.1:0".parse().unwrap(),
            database_url: database_url.to_owned(),
            public_url: None,
            root_api_key: Some(ROOT_KEY.to_owned()),
            requests_per_second: 100_000,
            max_body: muster::app::Config::MAX_BODY,
            converge_budget: muster::app::Config::CONVERGE_BUDGET,
            verify_hours: 0,
            metrics_key: None,
            secrets_key: None,
            webhooks_allow_private: true,
            webhook_retry_seconds: 0,
            oidc: OidcArgs::default(),
        };
        change(&mut args);
        args
    }

    async fn launch(database_url: &str, clock: Clock, dns: Dns, change: impl FnOnce(&mut ServeArgs)) -> Self {
        let args = Self::args(database_url, change);
        let server = Server::start_with(args, clock, dns).await.expect("the server starts");
        described::learn(&server);
        TestServer { server, database_url: database_url.to_owned(), http: client() }
    }

    /// Calls the native API with the root key.
    pub async fn api(&self, method: &str, path: &str, body: Value) -> Answer {
        self.api_with(ROOT_KEY, method, path, body).await
    }

    /// Calls the native API with a key.
    pub async fn api_with(&self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        let url = format!("{}{path}", self.server.url());
        send(&self.http, method, &url, key, "application/json", body).await
    }

    /// Makes an organization.
    pub async fn organization(&self, name: &str) -> String {
        self.api("POST", "/organizations", json!({"name": name})).await.expect(201).text("/id")
    }

    /// Makes a key that reaches one organization; answers its secret.
    pub async fn organization_key(&self, organization: &str, role: &str) -> String {
        let body = json!({"name": "Test key", "organization_id": organization, "role": role});
        self.api("POST", "/api_keys", body).await.expect(201).text("/key")
    }

    /// Makes a directory in an organization, and a token for it.
    pub async fn directory_in(&self, organization: &str, settings: Value) -> TestDirectory {
        let body = json!({"organization_id": organization, "name": "Test directory", "settings": settings});
        let made = self.api("POST", "/directories", body).await.expect(201);
        let id = made.text("/id");
        let token = self.api("POST", &format!("/directories/{id}/tokens"), json!({"name": "test"})).await.expect(201);
        TestDirectory {
            organization: organization.to_owned(),
            base_url: made.text("/scim_base_url"),
            token: token.text("/token"),
            id,
            http: self.http.clone(),
        }
    }

    /// Makes an organization with one directory of default settings.
    pub async fn directory(&self) -> TestDirectory {
        let organization = self.organization("Test organization").await;
        self.directory_in(&organization, json!({})).await
    }

    /// Runs statements in the lane of an organization: what the program itself would only store much later.
    pub async fn store(&self, organization: OrganizationId, statements: Vec<Stmt>) {
        let written = self.server.app.db.write(Lane::Organization(organization), move |tx| {
            let statements = statements.clone();
            Box::pin(async move {
                for statement in statements {
                    tx.execute(statement).await?;
                }
                Ok(())
            })
        });
        written.await.expect("the statements run");
    }

    /// Saves and applies a mapping rule.
    pub async fn rule(&self, organization: &str, key: &str, when: Value, then: Value) -> Answer {
        let body = json!({"organization_id": organization, "key": key, "when": when, "then": then, "apply": true});
        self.api("POST", "/mapping_rules", body).await.expect(201)
    }
}

impl TestDirectory {
    /// Sends a SCIM request; `path` is below the base URL.
    pub async fn scim(&self, method: &str, path: &str, body: Value) -> Answer {
        let url = format!("{}{path}", self.base_url);
        send(&self.http, method, &url, &self.token, "application/scim+json", body).await
    }

    /// A request with the token, to be completed by hand; `path` is below the base URL.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.token)
    }

    /// A request without the token.
    pub fn anonymous(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method: Method = method.parse().expect("a method");
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    /// Asks for resources by a filter.
    pub async fn search(&self, endpoint: &str, filter: &str) -> Answer {
        let encoded: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        self.scim("GET", &format!("/{endpoint}?filter={encoded}"), Value::Null).await
    }

    /// Creates a user of this `userName`, with an address of the same text; answers the id.
    pub async fn user(&self, user_name: &str) -> String {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": user_name,
            "emails": [{"value": user_name, "type": "work", "primary": true}],
            "active": true,
        });
        self.scim("POST", "/Users", body).await.expect(201).text("/id")
    }

    /// Creates a group with members; answers the id.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            "members": members,
        });
        self.scim("POST", "/Groups", body).await.expect(201).text("/id")
    }

    /// Sends PATCH operations.
    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.scim("PATCH", path, body).await
    }
}

/// Sends a request; a null body is none.
pub async fn send(
    http: &reqwest::Client,
    method: &str,
    url: &str,
    token: &str,
    media_type: &str,
    body: Value,
) -> Answer {
    let method: Method = method.parse().expect("a method");
    let mut request = http.request(method, url).bearer_auth(token);
    if !body.is_null() {
        request = request.header("content-type", media_type).body(body.to_string());
    }
    answer(request).await
}

/// Sends a request that was made by hand. What is answered must be as `/openapi.json` describes it.
pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.expect("a request");
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("the body arrives");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    described::check(&method, &path, status, &body);
    Answer { status, headers, body }
}

/// An HTTP client.
pub fn client() -> reqwest::Client {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        rustls::crypto::ring::default_provider().install_default().ok();
    });
    reqwest::Client::builder().no_proxy().build().expect("a client")
}
