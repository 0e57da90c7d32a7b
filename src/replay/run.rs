//! Makes the requests of a conversation, one after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::format::{Authorization, Conversation, Step};
use super::matcher::{self, Answer};
use super::report::{Difference, Outcome, Report, StepReport};
use super::template::{self, Variables};

/// How long a request may take, as long as Okta waits.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Letters of the random suffix: those that nobody mistakes for another, all of one case.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// What happens while a conversation is played.
#[derive(Debug)]
pub enum Event<'a> {
    /// A request is about to be made.
    Started {
        /// Which of the steps, counted from 0.
        index: usize,
        /// The step.
        step: &'a Step,
    },
    /// A step is over.
    Finished {
        /// Which of the steps, counted from 0.
        index: usize,
        /// The step.
        step: &'a Step,
        /// What came of it.
        report: &'a StepReport,
    },
}

/// Plays conversations against one directory.
#[derive(Debug, Clone)]
pub struct Player {
    client: reqwest::Client,
    base_url: String,
    token: String,
    random: String,
    strict: bool,
}

impl Player {
    /// A player for the SCIM server at `base_url`, who identifies himself by `token`.
    ///
    /// # Errors
    ///
    /// When the operating system has no certificates to check an `https` server by.
    pub fn new(base_url: &str, token: &str) -> Result<Self, reqwest::Error> {
        // The provider is the process's; an error means that another part has installed it before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT).no_proxy();
        if !base_url.starts_with("https:") {
            // Nothing to check, so that a machine without root certificates can play, too.
            client = client.tls_certs_only([]);
        }
        Ok(Player {
            client: client.build()?,
            base_url: base_url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            random: random_suffix(),
            strict: false,
        })
    }

    /// Sets `{{random}}`, so that the same requests are made as in another run.
    #[must_use]
    pub fn with_random(mut self, random: &str) -> Self {
        random.clone_into(&mut self.random);
        self
    }

    /// Accepts no other answer: an optional step must succeed, too, and `status_elsewhere` counts for nothing.
    #[must_use]
    pub fn strictly(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Plays `conversation` from its first step to its last, telling `observe` on the way.
    ///
    /// A step that fails does not end the run; those that need what it should have given are left out.
    pub async fn play(&self, conversation: &Conversation, mut observe: impl FnMut(Event<'_>)) -> Report {
        let mut variables = Variables::from([(template::RANDOM.to_owned(), self.random.clone())]);
        let mut steps = Vec::with_capacity(conversation.steps.len());
        for (index, step) in conversation.steps.iter().enumerate() {
            observe(Event::Started { index, step });
            let report = self.take(conversation, step, &mut variables).await;
            observe(Event::Finished { index, step, report: &report });
            steps.push(report);
        }
        Report {
            conversation: conversation.name.clone(),
            identity_provider: conversation.identity_provider.clone(),
            random: self.random.clone(),
            steps,
        }
    }

    /// Takes all turns of a step, up to the first that fails.
    async fn take(&self, conversation: &Conversation, step: &Step, variables: &mut Variables) -> StepReport {
        let started = Instant::now();
        let mut report = StepReport {
            name: step.name.clone(),
            method: step.method,
            path: step.path.clone(),
            status: None,
            elapsed: Duration::ZERO,
            outcome: Outcome::Passed,
            note: step.note.clone(),
        };
        for turn in 1..=step.repeat {
            variables.insert(template::COUNTER.to_owned(), turn.to_string());
            report.outcome = self.turn(conversation, step, variables, &mut report).await;
            if report.outcome != Outcome::Passed {
                break;
            }
        }
        variables.remove(template::COUNTER);
        report.elapsed = started.elapsed();
        report
    }

    async fn turn(
        &self,
        conversation: &Conversation,
        step: &Step,
        variables: &mut Variables,
        report: &mut StepReport,
    ) -> Outcome {
        let filled = template::fill_path(&step.path, variables).and_then(|path| {
            let body = step.body.as_ref().map(|body| template::fill_value(body, variables)).transpose()?;
            Ok((path, body))
        });
        let (path, body) = match filled {
            Ok(filled) => filled,
            Err(error) => return Outcome::Skipped { because: error.to_string() },
        };
        report.path.clone_from(&path);
        report.status = None;
        let answer = match self.request(conversation, step, &path, body).await {
            Ok(answer) => answer,
            Err(error) => {
                return Outcome::Failed { differences: vec![Difference::new("request", "an answer", error)] };
            }
        };
        report.status = Some(answer.status);
        let differences = match matcher::differences(&step.expect, &answer, variables, self.strict) {
            Ok(mut differences) => {
                differences.extend(save(step, &answer, variables));
                differences
            }
            Err(error) => return Outcome::Skipped { because: error.to_string() },
        };
        if differences.is_empty() {
            Outcome::Passed
        } else if step.optional && !self.strict && answer.status < 500 {
            Outcome::Tolerated { differences }
        } else {
            Outcome::Failed { differences }
        }
    }

    /// Makes one request; the error is for people.
    async fn request(
        &self,
        conversation: &Conversation,
        step: &Step,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, String> {
        let method = reqwest::Method::from_bytes(step.method.as_str().as_bytes()).map_err(|error| error.to_string())?;
        let mut headers = HeaderMap::new();
        set(&mut headers, &conversation.headers)?;
        set(&mut headers, &step.headers)?;
        if let Some(credentials) = self.credentials(step.authorization) {
            let mut value = HeaderValue::from_str(&credentials).map_err(|error| format!("the token: {error}"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut request = self.client.request(method, format!("{}{path}", self.base_url));
        match body {
            Some(body) => request = request.body(body.to_string()),
            // Clients name a content type only where there is content.
            None => drop(headers.remove(reqwest::header::CONTENT_TYPE)),
        }
        let response = request.headers(headers).send().await.map_err(|error| causes(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let bytes = response.bytes().await.map_err(|error| causes(&error))?;
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = (!bytes.is_empty()).then(|| serde_json::from_slice(&bytes).unwrap_or_else(|_| text()));
        Ok(Answer { status, headers, body })
    }

    fn credentials(&self, authorization: Authorization) -> Option<String> {
        match authorization {
            Authorization::Bearer => Some(format!("Bearer {}", self.token)),
            Authorization::BareToken => Some(self.token.clone()),
            Authorization::WrongToken => Some("Bearer not-a-token".to_owned()),
            Authorization::None => None,
        }
    }
}

/// Adds `from` to `headers`; what is `null` there goes.
fn set(headers: &mut HeaderMap, from: &BTreeMap<String, Option<String>>) -> Result<(), String> {
    for (name, value) in from {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|error| format!("header {name}: {error}"))?;
        match value {
            Some(value) => {
                let value = HeaderValue::from_str(value).map_err(|error| format!("header {name}: {error}"))?;
                headers.insert(header, value);
            }
            None => drop(headers.remove(header)),
        }
    }
    Ok(())
}

/// Keeps what later steps need of `answer`. An answer that should have it and has not is a difference.
fn save(step: &Step, answer: &Answer, variables: &mut Variables) -> Vec<Difference> {
    let mut missing = Vec::new();
    for (name, path) in &step.save {
        let value = match matcher::lookup(answer.body.as_ref(), path) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        };
        match (template::fill(name, variables), value) {
            (Ok(name), Some(value)) if answer.status < 300 => drop(variables.insert(name, value)),
            // The status says enough about a refusal.
            _ if answer.status >= 300 => {}
            _ => missing.push(Difference::new(format!("body {path}"), "a value to save", "nothing")),
        }
    }
    missing
}

/// An error with what caused it: reqwest itself says only what it was about to do.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Eight letters: enough that two runs never meet, few enough to read.
fn random_suffix() -> String {
    use rand::seq::IndexedRandom as _;
    let mut random = rand::rng();
    (0..8).filter_map(|_| ALPHABET.choose(&mut random)).map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::{Request, State};
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};

    use super::*;

    /// What the stub was asked: request line, `Authorization`, `User-Agent` and body.
    type Seen = Arc<Mutex<Vec<(String, String, String, String)>>>;

    /// A server with three answers, on a port of its own.
    async fn stub() -> (String, Seen) {
        async fn answer(State(seen): State<Seen>, request: Request) -> Response {
            let (parts, body) = request.into_parts();
            let header = |name| parts.headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
            let line = format!("{} {}", parts.method, parts.uri);
            let (authorization, agent) = (header("authorization"), header("user-agent"));
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let response = match line.split(' ').next() {
                Some("POST") => (StatusCode::CREATED, r#"{"id":"u/1","active":true}"#).into_response(),
                Some("PATCH") => (StatusCode::OK, r#"{"id":"u/1","active":"False"}"#).into_response(),
                _ => (StatusCode::NOT_FOUND, r#"{"detail":"gone"}"#).into_response(),
            };
            seen.lock().unwrap().push((line, authorization, agent, body));
            response
        }
        let seen = Seen::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scim/v2/", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(seen.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, seen)
    }

    const CONVERSATION: &str = r#"{
        "conversation": "c", "identity_provider": "okta", "summary": "s",
        "headers": {"User-Agent": "Okta SCIM Client 1.0.0", "Content-Type": "application/scim+json"},
        "steps": [
            {"name": "create", "grade": "wire", "method": "POST", "path": "/Users", "body": {"userName": "ada.{{random}}"},
             "expect": {"status": [201], "contains": {"active": true}}, "save": {"u": "id"}},
            {"name": "disable", "grade": "wire", "method": "PATCH", "path": "/Users/{{u}}", "body": {"active": false},
             "expect": {"status": [200], "contains": {"active": false}}},
            {"name": "read", "grade": "wire", "method": "GET", "path": "/Users?filter=id eq \"{{u}}\"", "optional": true,
             "headers": {"User-Agent": null}, "authorization": "wrong_token",
             "expect": {"status": [200]}, "save": {"again": "id"}},
            {"name": "read-again", "grade": "wire", "method": "GET", "path": "/Users/{{again}}", "expect": {"status": [200]}}
        ]}"#;

    #[tokio::test]
    async fn a_failing_expectation_is_reported_precisely() {
        let (url, seen) = stub().await;
        let conversation = Conversation::parse(CONVERSATION).unwrap();
        let player = Player::new(&url, "scim_t").unwrap().with_random("x1");

        let mut finished = Vec::new();
        let report = player
            .play(&conversation, |event| {
                if let Event::Finished { report, .. } = event {
                    finished.push(report.name.clone());
                }
            })
            .await;

        assert_eq!(finished, ["create", "disable", "read", "read-again"]);
        assert!(!report.passed());
        let outcomes: Vec<&Outcome> = report.steps.iter().map(|step| &step.outcome).collect();
        let wrong = Difference::new("body active", "false", r#""False""#);
        assert_eq!(outcomes[0], &Outcome::Passed);
        assert_eq!(outcomes[1], &Outcome::Failed { differences: vec![wrong] });
        assert!(matches!(outcomes[2], Outcome::Tolerated { .. }));
        assert_eq!(outcomes[3], &Outcome::Skipped { because: "the variable `again` has no value".to_owned() });

        let seen = seen.lock().unwrap();
        let agent = "Okta SCIM Client 1.0.0";
        let expected = [
            ("POST /scim/v2/Users", "Bearer scim_t", agent, r#"{"userName":"ada.x1"}"#),
            ("PATCH /scim/v2/Users/u%2F1", "Bearer scim_t", agent, r#"{"active":false}"#),
            ("GET /scim/v2/Users?filter=id%20eq%20%22u%2F1%22", "Bearer not-a-token", "-", ""),
        ];
        let seen: Vec<_> = seen.iter().map(|(a, b, c, d)| (a.as_str(), b.as_str(), c.as_str(), d.as_str())).collect();
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn playing_strictly_an_optional_step_must_succeed() {
        let (url, _) = stub().await;
        let conversation = Conversation::parse(CONVERSATION).unwrap();
        let report = Player::new(&url, "scim_t").unwrap().strictly().play(&conversation, |_| ()).await;
        let failed: Vec<&str> = report.failures().map(|step| step.name.as_str()).collect();
        assert_eq!(failed, ["disable", "read"]);
    }

    #[tokio::test]
    async fn nobody_at_home_is_a_failure_with_its_cause() {
        let conversation = Conversation::parse(CONVERSATION).unwrap();
        // Port 9 (discard) of the loopback: nothing listens there.
        let report = Player::new("http://127.0.0.1:9", "t").unwrap().play(&conversation, |_| ()).await;
        assert!(report.to_string().contains("Connection refused"), "{report}");
    }

    #[test]
    fn two_runs_never_meet() {
        assert_eq!(random_suffix().len(), 8);
        assert_ne!(random_suffix(), random_suffix());
    }
}
