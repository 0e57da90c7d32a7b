//! Muster's own API, for the commands that use one.

use std::time::Duration;

use anyhow::{Context as _, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

/// How many rows a page has: the most that the API gives.
const PAGE: usize = 100;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer that only reads may take.
const READING: Duration = Duration::from_mins(2);
/// How long an answer that does something may take: a plan for everybody of a large organization takes a minute.
const DOING: Duration = Duration::from_mins(15);
/// The longest text of something else than Muster that is repeated, in bytes.
const REPEATED: usize = 300;

/// Which server to talk to, as whom, about which organization.
#[derive(Debug, Clone, clap::Args)]
pub struct Connection {
    /// The server's address
    #[arg(long, env = "MUSTER_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub server: String,

    /// An API key; better in the environment, where no list of processes shows it
    #[arg(long, env = "MUSTER_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,

    /// The organization: `org_…` or its external id; not needed if the key reaches only one
    #[arg(long, env = "MUSTER_ORGANIZATION", value_name = "ID")]
    pub organization: Option<String>,

    /// Print JSON instead of text: one document; of commands that go on, one a line
    #[arg(long)]
    pub json: bool,
}

impl Connection {
    /// A client; says what to do if there is no key.
    pub fn client(&self) -> anyhow::Result<Client> {
        let Some(key) = self.key.as_deref().map(str::trim).filter(|key| !key.is_empty()) else {
            bail!("no API key; set MUSTER_API_KEY, or give --key");
        };
        Client::new(&self.server, key)
    }

    /// The id of the organization, only if one is named.
    pub async fn named_organization(&self, client: &Client) -> anyhow::Result<Option<String>> {
        match &self.organization {
            Some(_) => self.organization(client).await.map(Some),
            None => Ok(None),
        }
    }

    /// The id of the organization that is meant.
    pub async fn organization(&self, client: &Client) -> anyhow::Result<String> {
        match self.organization.as_deref() {
            Some(id) if id.starts_with("org_") => Ok(id.to_owned()),
            Some(external) => {
                let path = format!("/organizations/external_id/{}", encoded(external));
                text(&client.get(&path, &[]).await?, "id")
            }
            None => {
                let found = client.get("/organizations", &[("limit", "2")]).await?;
                match found["data"].as_array().map(Vec::as_slice) {
                    Some([only]) => text(only, "id"),
                    Some([]) => bail!("the server has no organization yet"),
                    _ => {
                        bail!("the key reaches several organizations; set MUSTER_ORGANIZATION, or give --organization")
                    }
                }
            }
        }
    }
}

/// A server and a key for it.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    key: String,
}

/// An answer that is no success.
#[derive(Debug, thiserror::Error)]
#[error("{message} ({method} {path}: {status})")]
pub struct Refusal {
    /// The method that was used.
    pub method: Method,
    /// The path without its query.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The server's word for it; empty if it gave none.
    pub code: String,
    /// The server's sentence.
    pub message: String,
    /// The whole answer.
    pub body: Value,
}

impl Refusal {
    /// Whether an error may pass by itself: nobody answered, or the server could not take it now.
    pub fn passes(error: &anyhow::Error) -> bool {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return refusal.status >= 500 || refusal.status == 429;
        }
        let of_http = error.chain().find_map(|cause| cause.downcast_ref::<reqwest::Error>());
        of_http.is_some_and(|error| !error.is_builder())
    }

    /// The refusal behind an error, if it is one with this code.
    pub fn with_code<'e>(error: &'e anyhow::Error, code: &str) -> Option<&'e Refusal> {
        error.downcast_ref::<Refusal>().filter(|refusal| refusal.code == code)
    }
}

/// Somebody who goes on through failures that pass, and says so once for each time that it goes wrong.
#[derive(Debug, Default)]
pub struct Patience {
    told: bool,
}

impl Patience {
    /// What succeeded; `None` for what failed and may succeed later: the server may be starting again.
    pub fn bear<T>(&mut self, outcome: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        match outcome {
            Ok(value) => {
                self.told = false;
                Ok(Some(value))
            }
            Err(error) if Refusal::passes(&error) => {
                if !std::mem::replace(&mut self.told, true) {
                    eprintln!("muster: {error:#}; trying again");
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Client {
    /// A client of the server at `base_url`.
    pub fn new(base_url: &str, key: &str) -> anyhow::Result<Self> {
        let url = Url::parse(base_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if url.is_none_or(|url| !url.has_host()) {
            bail!("'{base_url}' is no address of a server; it is written as https://scim.example.com");
        }
        // Somebody else in the process may have installed it; then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT).build()?;
        Ok(Client { http, base_url: base_url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// The address of the server.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Reads; the parameters are encoded here.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.send(&Method::GET, path, query, None).await
    }

    /// Sends a JSON body and reads the JSON answer; an error says what the server said.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(&Method::POST, path, &[], Some(body)).await
    }

    /// Deletes; the parameters are encoded here.
    pub async fn delete(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.send(&Method::DELETE, path, query, None).await
    }

    /// Reads an answer that goes on for as long as somebody listens.
    pub async fn stream(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<reqwest::Response> {
        let response = self.ask(&Method::GET, path, query, None, None).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(&Method::GET, path, response).await?.into())
    }

    /// A page of a list, of `size` rows at the most, and where the next one begins.
    pub async fn page(
        &self,
        path: &str,
        query: &[(&str, &str)],
        after: Option<&str>,
        size: usize,
    ) -> anyhow::Result<(Vec<Value>, Option<String>)> {
        let size = PAGE.min(size).max(1).to_string();
        let mut query = query.to_vec();
        query.push(("limit", &size));
        query.extend(after.map(|after| ("after", after)));
        let mut page = self.get(path, &query).await?;
        let next = page["list_metadata"]["after"].as_str().map(str::to_owned);
        let rows = page["data"].as_array_mut().with_context(|| format!("GET {path}: the answer is no list"))?;
        Ok((std::mem::take(rows), next))
    }

    /// The first rows of a list, up to `limit`, and whether there are more.
    pub async fn list(&self, path: &str, query: &[(&str, &str)], limit: usize) -> anyhow::Result<(Vec<Value>, bool)> {
        let mut rows: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (mut found, next) = self.page(path, query, after.as_deref(), limit - rows.len()).await?;
            rows.append(&mut found);
            after = next;
            if after.is_none() || rows.len() >= limit {
                return Ok((rows, after.is_some()));
            }
        }
    }

    /// All rows of a list.
    pub async fn all(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
        Ok(self.list(path, query, usize::MAX).await?.0)
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let within = if *method == Method::GET { READING } else { DOING };
        let response = self.ask(method, path, query, body, Some(within)).await?;
        if !response.status().is_success() {
            return Err(refusal(method, path, response).await?.into());
        }
        let text = response.text().await.with_context(|| broke_off(method, path))?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| {
            format!("{method} {path}: what answered at {} is no Muster: its answer is no JSON", self.base_url)
        })
    }

    async fn ask(
        &self,
        method: &Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        within: Option<Duration>,
    ) -> anyhow::Result<reqwest::Response> {
        let parameters: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let sign = if parameters.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{sign}{}", self.base_url, parameters.join("&"));
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(within) = within {
            request = request.timeout(within);
        }
        let no_answer = || format!("{method} {path}: no answer from {}; is the server running there?", self.base_url);
        request.send().await.with_context(no_answer)
    }
}

/// What the server refused, and why.
async fn refusal(method: &Method, path: &str, response: reqwest::Response) -> anyhow::Result<Refusal> {
    let status = response.status();
    let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
    let text = response.text().await.with_context(|| broke_off(method, path))?;
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let of_answer = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(Refusal {
        method: method.clone(),
        path: path.to_owned(),
        status: status.as_u16(),
        code: of_answer("code").unwrap_or_default(),
        message: of_answer("message").unwrap_or_else(|| without_message(status, location.as_deref(), &text)),
        body: answer,
    })
}

/// What to say of an answer that has no message, and so hardly comes from Muster.
fn without_message(status: StatusCode, location: Option<&str>, text: &str) -> String {
    let text = text.trim();
    match location {
        Some(to) if status.is_redirection() => format!("the server sends to {to}; give --server its address"),
        _ if !text.is_empty() && text.len() <= REPEATED && !text.starts_with('<') => text.to_owned(),
        _ => {
            "no reason was given; does something else than Muster answer at this address, or in front of it?".to_owned()
        }
    }
}

fn broke_off(method: &Method, path: &str) -> String {
    format!("{method} {path}: the answer broke off")
}

/// Text as one segment of a path. Ids stay as they are.
pub fn segment(text: &str) -> String {
    const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Text as a part of a URL.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A string of an answer that must be there.
pub fn text(object: &Value, key: &str) -> anyhow::Result<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("the answer has no {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_whatever_it_is() {
        assert_eq!(encoded("a+b@x.example?&=ü"), "a%2Bb%40x%2Eexample%3F%26%3D%C3%BC");
    }

    #[test]
    fn an_answer_of_something_else_than_muster_is_told_in_a_sentence() {
        let told = |text: &str| without_message(StatusCode::BAD_GATEWAY, None, text);
        assert_eq!(told(" upstream is down\n"), "upstream is down");
        for nothing in ["", "<html><body>502</body></html>", &"x".repeat(400)] {
            assert!(told(nothing).starts_with("no reason was given"), "{nothing}");
        }
        let sent = without_message(StatusCode::MOVED_PERMANENTLY, Some("https://muster.example/"), "<html>");
        assert!(sent.contains("https://muster.example/"), "{sent}");
    }

    #[tokio::test]
    async fn only_what_may_pass_is_tried_again() {
        let refused = |status| Refusal {
            method: Method::GET,
            path: "/x".to_owned(),
            status,
            code: String::new(),
            message: String::new(),
            body: Value::Null,
        };
        for (status, passes) in [(503, true), (429, true), (404, false), (301, false)] {
            assert_eq!(Refusal::passes(&refused(status).into()), passes, "{status}");
        }
        let nobody = Client::new("http://127.0.0.1:1", "k").unwrap().get("/x", &[]).await.unwrap_err();
        assert!(Refusal::passes(&nobody));
        for wrong in ["muster.example", "ftp://muster.example", "http:/x y", ""] {
            assert!(Client::new(wrong, "k").unwrap_err().to_string().contains("no address"), "{wrong}");
        }
        assert!(!Refusal::passes(&anyhow::anyhow!("the answer is no list")));
    }

    #[test]
    fn without_a_key_the_error_says_how_to_give_one() {
        let connection =
            Connection { server: String::new(), key: Some(" ".to_owned()), organization: None, json: false };
        assert!(connection.client().unwrap_err().to_string().contains("MUSTER_API_KEY"));
    }
}
