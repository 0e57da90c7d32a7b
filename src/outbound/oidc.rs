//! The OpenID provider that operators may sign in with: what it says about itself, and codes exchanged for tokens.
//!
//! What lives here: the requests, with their limits. What a token must say is `domain::oidc`.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Host, Url};

/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest answer, in bytes.
const LARGEST: usize = 256 << 10;
/// How long what the provider says about itself is believed.
const FRESH: Duration = Duration::from_mins(10);
/// How long it is believed that it says nothing: whoever comes meanwhile need not wait for it too.
const STALE: Duration = Duration::from_secs(5);

/// How the provider knows this server.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The issuer, as its tokens name it: a URL.
    pub issuer: String,
    /// The id of this server there.
    pub client_id: String,
    /// The secret of this server there.
    pub client_secret: String,
    /// What people call the provider.
    pub label: String,
}

impl fmt::Debug for Settings {
    /// Without the secret, which is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// What a provider says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Where people sign in.
    pub authorization: Url,
    /// Where codes are exchanged.
    token: Url,
    /// Whether the client's secret goes into the body, not into a header.
    secret_in_body: bool,
}

/// What a provider said about itself, or why it did not.
type Discovered = Result<Provider, String>;

/// A client of the provider. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    /// How the provider knows this server.
    pub settings: Arc<Settings>,
    http: Arc<OnceLock<Result<reqwest::Client, String>>>,
    known: Arc<Mutex<Option<(Instant, Discovered)>>>,
}

impl Client {
    /// A client of this provider.
    ///
    /// # Errors
    ///
    /// A sentence, if the issuer cannot be one.
    pub fn new(settings: Settings) -> Result<Self, String> {
        safe(&settings.issuer).map_err(|problem| format!("the issuer {problem}"))?;
        Ok(Client { settings: Arc::new(settings), http: Arc::default(), known: Arc::default() })
    }

    /// What the provider says about itself (OpenID Connect Discovery 1.0).
    ///
    /// # Errors
    ///
    /// A sentence for the log, that says what failed.
    pub async fn provider(&self) -> Result<Provider, String> {
        // Held while it is asked, so that many who come at once ask once.
        let mut known = self.known.lock().await;
        let fresh = |found: &Discovered| if found.is_ok() { FRESH } else { STALE };
        if let Some((_, found)) = known.as_ref().filter(|(at, found)| at.elapsed() < fresh(found)) {
            return found.clone();
        }
        let found = self.discover().await;
        *known = Some((Instant::now(), found.clone()));
        found
    }

    async fn discover(&self) -> Discovered {
        let url = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let (status, document) = answer(self.http()?.get(url)).await?;
        if status != StatusCode::OK {
            return Err(format!("the discovery document was answered {status}"));
        }
        read(&self.settings.issuer, &document)
    }

    /// Exchanges a code; answers the claims of the ID token.
    ///
    /// # Errors
    ///
    /// A sentence for the log, that says what failed.
    pub async fn exchange(&self, code: &str, redirect_uri: &str, verifier: &str) -> Result<Value, String> {
        let provider = self.provider().await?;
        let Settings { client_id, client_secret, .. } = &*self.settings;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut request = self.http()?.post(provider.token);
        if provider.secret_in_body {
            fields.extend([("client_id", client_id.as_str()), ("client_secret", client_secret.as_str())]);
        } else {
            // Both are form-encoded first (RFC 6749 section 2.3.1).
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let both = STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(client_secret)));
            request = request.header(header::AUTHORIZATION, format!("Basic {both}"));
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        let (status, tokens) = answer(request).await?;
        if status != StatusCode::OK {
            let error = tokens.get("error").and_then(Value::as_str).unwrap_or("no reason given");
            return Err(format!("the code was answered {status}: {}", error.chars().take(100).collect::<String>()));
        }
        let token = tokens.get("id_token").and_then(Value::as_str).ok_or("the answer has no ID token")?;
        claims(token).ok_or_else(|| "the ID token cannot be read".to_owned())
    }

    fn http(&self) -> Result<&reqwest::Client, String> {
        let client = || {
            // Fails only if one is installed already.
            rustls::crypto::ring::default_provider().install_default().ok();
            let builder = reqwest::Client::builder()
                .user_agent(concat!("Muster/", env!("CARGO_PKG_VERSION")))
                .no_proxy()
                .redirect(Policy::none())
                .connect_timeout(CONNECT)
                .timeout(PATIENCE);
            builder.build().map_err(|error| format!("no HTTP client: {error}"))
        };
        self.http.get_or_init(client).as_ref().map_err(Clone::clone)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The claims of an ID token.
///
/// Its signature is not checked, and need not be: the token came from the token endpoint itself, over TLS, in answer to
/// our own request with our own secret (OpenID Connect Core 1.0, section 3.1.3.7, point 6). Never use this for a token
/// that came another way.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok().filter(|claims: &Value| parts.next().is_none() && claims.is_object())
}

/// Reads a discovery document. It must be of this very issuer, or somebody else could answer for it.
fn read(issuer: &str, document: &Value) -> Result<Provider, String> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if text("issuer") != Some(issuer) {
        let other: String = text("issuer").unwrap_or("none").chars().take(200).collect();
        return Err(format!(
            "the discovery document is of the issuer {other}; MUSTER_OIDC_ISSUER must be the same, letter by letter"
        ));
    }
    let endpoint = |name: &str| {
        let url = text(name).ok_or_else(|| format!("the discovery document has no {name}"))?;
        safe(url).map_err(|problem| format!("{name} {problem}"))
    };
    let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let knows = |method: &str| methods.is_some_and(|all| all.iter().any(|known| known == method));
    // Without a list it is the header.
    let secret_in_body = methods.is_some() && !knows("client_secret_basic");
    if secret_in_body && !knows("client_secret_post") {
        return Err("the provider takes the secret of a client neither in a header nor in a body".to_owned());
    }
    Ok(Provider {
        authorization: endpoint("authorization_endpoint")?,
        token: endpoint("token_endpoint")?,
        secret_in_body,
    })
}

/// A URL that secrets may go to: over TLS, or on this machine.
fn safe(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err("must begin with https://".to_owned()),
    }
}

/// The status and the JSON of an answer, if it is not too large.
async fn answer(request: RequestBuilder) -> Result<(StatusCode, Value), String> {
    // Without the URL, which may hold what is nobody's business.
    let failed = |error: reqwest::Error| error.without_url().to_string();
    let mut response = request.header(header::ACCEPT, "application/json").send().await.map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend(chunk);
        if bytes.len() > LARGEST {
            return Err(format!("the answer has more than {LARGEST} bytes"));
        }
    }
    Ok((response.status(), serde_json::from_slice(&bytes).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_go_nowhere_without_tls_but_on_this_machine() {
        for good in ["https://id.example", "http://127.0.0.1:9000/realm", "http://localhost:1", "http://[::1]:1"] {
            assert!(safe(good).is_ok(), "{good}");
        }
        for bad in ["http://id.example", "http://localhost.evil.example", "ftp://127.0.0.1", "id.example", ""] {
            assert!(safe(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_discovery_document_is_believed_of_its_own_issuer_only() {
        let document = json!({
            "issuer": "https://id.example", "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token",
        });
        assert!(!read("https://id.example", &document).unwrap().secret_in_body);
        assert!(read("https://id.example/", &document).is_err());
        let with = |name: &str, value: Value| {
            let mut changed = document.clone();
            changed[name] = value;
            read("https://id.example", &changed)
        };
        let methods = "token_endpoint_auth_methods_supported";
        assert!(with(methods, json!(["client_secret_post"])).unwrap().secret_in_body);
        assert!(!with(methods, json!(["client_secret_post", "client_secret_basic"])).unwrap().secret_in_body);
        assert!(with(methods, json!(["private_key_jwt"])).is_err());
        assert!(with("token_endpoint", json!("http://id.example/token")).is_err());
        assert!(with("authorization_endpoint", json!(null)).is_err());
    }

    #[test]
    fn claims_are_read_of_whole_tokens_only() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"iss":"x"}"#);
        assert_eq!(claims(&format!("h.{payload}.s")), Some(json!({"iss": "x"})));
        for bad in
            [String::new(), "h.!.s".to_owned(), payload.clone(), format!("h.{payload}"), format!("h.{payload}.s.t")]
        {
            assert_eq!(claims(&bad), None, "{bad}");
        }
    }
}
