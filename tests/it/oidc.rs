//! Signing in by an OpenID provider: whoever it vouches for and an owner has invited comes in, and nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use muster::cli::serve::OidcArgs;
use muster::domain::Clock;
use reqwest::Url;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::support::console::Console;
use super::support::database::on_each_database;
use super::support::server::{TestServer, client};

const EMAIL: &str = "olga@example.com";

/// A provider that answers as a test tells it to, and notes what it was asked.
struct Provider {
    url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    url: Mutex<String>,
    /// Claims beside the usual ones, or instead of them; null takes one away.
    claims: Mutex<HashMap<String, Value>>,
    /// The nonce and the code challenge that the browser brought.
    brought: Mutex<(String, String)>,
    /// Why codes that were exchanged were wrong.
    complaints: Mutex<Vec<String>>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = shared.url.lock().unwrap().clone();
    Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
    }))
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Json<Value> {
    let fields: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let (nonce, challenge) = shared.brought.lock().unwrap().clone();
    let verified = URL_SAFE_NO_PAD.encode(Sha256::digest(fields["code_verifier"].as_bytes())) == challenge;
    let basic = format!("Basic {}", STANDARD.encode("muster:s%26cret"));
    let checks = [
        ("PKCE", verified),
        ("the secret", headers.get("authorization").is_some_and(|given| given == basic.as_str())),
        ("the code", fields["code"] == "good" && fields["grant_type"] == "authorization_code"),
        ("the redirect URI", fields["redirect_uri"].ends_with("/console/oidc/callback")),
    ];
    let wrong = checks.iter().filter(|(_, right)| !right).map(|(what, _)| (*what).to_owned());
    shared.complaints.lock().unwrap().extend(wrong);
    let now = Clock::System.now().timestamp();
    let mut claims = json!({
        "iss": *shared.url.lock().unwrap(), "aud": "muster", "sub": "1", "nonce": nonce, "iat": now, "exp": now + 300,
        "email": EMAIL, "email_verified": true,
    });
    for (name, value) in &*shared.claims.lock().unwrap() {
        claims[name] = value.clone();
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    Json(
        json!({"id_token": format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(&claims)), "token_type": "Bearer"}),
    )
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        shared.url.lock().unwrap().clone_from(&url);
        let router = Router::new()
            .route("/.well-known/openid-configuration", axum::routing::get(discovery))
            .route("/token", axum::routing::post(token))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Provider { url, shared, task }
    }

    /// Tokens say this, too, or instead.
    fn claims(&self, claims: &[(&str, Value)]) {
        *self.shared.claims.lock().unwrap() =
            claims.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    }
}

/// A browser at the door.
struct Browser {
    http: reqwest::Client,
    url: String,
    cookie: String,
}

/// What the browser was answered: the status, where it is sent, its new session, the page.
struct Answered {
    status: u16,
    location: String,
    session: Option<String>,
    text: String,
}

impl Browser {
    fn at(server: &TestServer) -> Self {
        drop(client());
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Browser { http, url: server.server.url(), cookie: String::new() }
    }

    async fn get(&mut self, path: &str) -> Answered {
        let request = self.http.get(format!("{}{path}", self.url)).header(COOKIE, &self.cookie);
        let answer = request.send().await.unwrap();
        let mut session = None;
        for line in answer.headers().get_all(SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
            if pair.starts_with("muster-oidc=") {
                self.cookie = pair;
            } else {
                session = Some(pair);
            }
        }
        let location = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
        Answered { status: answer.status().as_u16(), location, session, text: answer.text().await.unwrap() }
    }

    /// Goes to the provider, which notes what the browser brings; answers the state.
    async fn leave(&mut self, provider: &Provider) -> String {
        let begun = self.get("/console/oidc?next=/console/account").await;
        assert_eq!(begun.status, 303, "{}", begun.text);
        let to = Url::parse(&begun.location).unwrap();
        assert!(begun.location.starts_with(&format!("{}/authorize?", provider.url)), "{to}");
        let brought: HashMap<String, String> = to.query_pairs().into_owned().collect();
        assert_eq!((brought["response_type"].as_str(), brought["client_id"].as_str()), ("code", "muster"));
        assert_eq!(
            (brought["code_challenge_method"].as_str(), brought["scope"].as_str()),
            ("S256", "openid email profile")
        );
        *provider.shared.brought.lock().unwrap() = (brought["nonce"].clone(), brought["code_challenge"].clone());
        brought["state"].clone()
    }

    async fn come_back(&mut self, state: &str) -> Answered {
        self.get(&format!("/console/oidc/callback?code=good&state={state}")).await
    }
}

/// A server with a provider, and an operator whom it knows.
async fn with_provider<F, Fut>(test: F)
where
    F: Fn(TestServer, Provider) -> Fut,
    Fut: Future<Output = ()>,
{
    let test = &test;
    on_each_database(|url| async move {
        let provider = Provider::start().await;
        let oidc = OidcArgs {
            issuer: Some(provider.url.clone()),
            client_id: Some("muster".to_owned()),
            client_secret: Some("s&cret".to_owned()),
            label: Some("Acme <ID>".to_owned()),
        };
        let server = TestServer::start_with(&url, Clock::System, |args| args.oidc = oidc).await;
        let owner = Console::owner(&server).await;
        owner.post("/console/operators", &[("email", EMAIL), ("role", "admin")]).await.expect(200);
        test(server, provider).await;
    })
    .await;
}

#[tokio::test]
async fn whoever_was_invited_comes_in_by_the_provider_without_a_password() {
    with_provider(|server, provider| async move {
        let mut browser = Browser::at(&server);
        let page = browser.get("/console/sign-in?next=/console/account").await;
        assert!(page.text.contains("Sign in with Acme &#60;ID&#62;"), "{}", page.text);
        let state = browser.leave(&provider).await;
        let back = browser.come_back(&state).await;
        assert_eq!((back.status, back.location.as_str()), (303, "/console/account"), "{}", back.text);
        assert_eq!(*provider.shared.complaints.lock().unwrap(), Vec::<String>::new());
        assert_eq!(browser.cookie, "muster-oidc=", "the cookie of the sign-in is taken away");
        browser.cookie = back.session.unwrap();
        let account = browser.get("/console/account").await;
        assert!(account.status == 200 && account.text.contains(EMAIL));
        let audit = server.api("GET", "/audit_events?action=signInByOidc", Value::Null).await.expect(200);
        assert_eq!(audit.at("/data/0/actor/name"), EMAIL);
    })
    .await;
}

#[tokio::test]
async fn tokens_that_do_not_vouch_for_an_operator_let_nobody_in() {
    with_provider(|server, provider| async move {
        for claims in [
            ("nonce", json!("another")),
            ("iss", json!("https://evil.example")),
            ("aud", json!("another-application")),
            ("exp", json!(1)),
            ("email_verified", json!(false)),
            ("email_verified", json!(null)),
            ("email", json!("stranger@example.com")),
            ("email", json!(null)),
        ] {
            provider.claims(std::slice::from_ref(&claims));
            let mut browser = Browser::at(&server);
            let state = browser.leave(&provider).await;
            let back = browser.come_back(&state).await;
            assert_eq!((back.status, back.session), (403, None), "{claims:?}");
            assert!(back.text.contains("role=\"alert\""), "{claims:?}: {}", back.text);
        }
        provider.claims(&[("email", json!("<script>alert(1)</script>@example.com"))]);
        let mut browser = Browser::at(&server);
        let state = browser.leave(&provider).await;
        assert!(!browser.come_back(&state).await.text.contains("<script>alert"));
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_ends_once_and_in_the_browser_that_began_it() {
    with_provider(|server, provider| async move {
        let mut browser = Browser::at(&server);
        let state = browser.leave(&provider).await;
        let cookie = browser.cookie.clone();
        assert_eq!(browser.come_back(&state).await.status, 303);
        browser.cookie = cookie;
        assert_eq!(browser.come_back(&state).await.status, 403, "the state is used up");

        let state = browser.leave(&provider).await;
        let mut other = Browser::at(&server);
        let stolen = other.come_back(&state).await;
        assert_eq!((stolen.status, stolen.session), (403, None), "without the cookie");
        assert_eq!(browser.come_back(&state).await.status, 403, "a stolen state is used up, too");

        let first = browser.leave(&provider).await;
        let mut other = Browser::at(&server);
        other.leave(&provider).await;
        assert_eq!(other.come_back(&first).await.status, 403, "with the cookie of another sign-in");

        for query in ["", "?state=", "?state=x&code=good", "?code=good"] {
            assert_eq!(browser.get(&format!("/console/oidc/callback{query}")).await.status, 403, "{query}");
        }
        let state = browser.leave(&provider).await;
        let refused = browser.get(&format!("/console/oidc/callback?state={state}&error=access_denied")).await;
        assert!(refused.status == 403 && refused.text.contains("did not sign you in"));
        let state = browser.leave(&provider).await;
        let mixed = format!("/console/oidc/callback?state={state}&code=good&iss=https%3A%2F%2Fevil.example");
        assert_eq!(browser.get(&mixed).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_led_elsewhere_by_the_provider() {
    with_provider(|server, provider| async move {
        let mut browser = Browser::at(&server);
        let begun = browser.get("/console/oidc?next=https%3A%2F%2Fevil.example").await;
        let to = Url::parse(&begun.location).unwrap();
        let brought: HashMap<String, String> = to.query_pairs().into_owned().collect();
        *provider.shared.brought.lock().unwrap() = (brought["nonce"].clone(), brought["code_challenge"].clone());
        assert_eq!(browser.come_back(&brought["state"]).await.location, "/console");
    })
    .await;
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_sign_in_and_one_that_is_down_is_said_to_be() {
    on_each_database(|url| async move {
        let server = TestServer::start(&url).await;
        let mut browser = Browser::at(&server);
        assert_eq!(browser.get("/console/oidc").await.status, 404);
        assert_eq!(browser.get("/console/oidc/callback?state=x&code=y").await.status, 404);
        assert!(!browser.get("/console/sign-in").await.text.contains("/console/oidc"));
    })
    .await;
    with_provider(|server, provider| async move {
        drop(provider);
        let mut browser = Browser::at(&server);
        // What is down is no longer listened to as soon as its task has ended.
        let down = super::support::events::eventually("the provider is down", || {
            let mut browser = Browser::at(&server);
            async move { Some(browser.get("/console/oidc").await).filter(|answered| answered.status == 503) }
        });
        let down = down.await;
        assert!(down.text.contains("did not answer as it should") && down.text.contains("Password"));
        assert_eq!(browser.get("/console/sign-in").await.status, 200);
    })
    .await;
}
