//! Muster's own API, for the commands that use one.

use anyhow::{Context as _, bail};
use reqwest::Method;
use serde_json::Value;

/// A server and a key for it.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    key: String,
}

impl Client {
    /// A client of the server at `base_url`.
    pub fn new(base_url: &str, key: &str) -> anyhow::Result<Self> {
        // Somebody else in the process may have installed it; then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Client { http, base_url: base_url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// Sends a JSON body and reads the JSON answer; an error says what the server said.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(&Method::POST, path, body).await
    }

    async fn send(&self, method: &Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base_url);
        let request = self.http.request(method.clone(), url).bearer_auth(&self.key).json(body);
        let response = request.send().await.with_context(|| format!("{method} {path}: no answer"))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("{method} {path}: the answer broke off"))?;
        let answer: Value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or_default() };
        if !status.is_success() {
            let message = answer.get("message").and_then(Value::as_str).unwrap_or(&text);
            bail!("{method} {path}: {status}: {message}");
        }
        Ok(answer)
    }
}
