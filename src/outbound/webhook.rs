//! Sending events to receivers that strangers name: public addresses only, no redirects, and little patience.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;

use crate::domain::address::is_public;
use crate::domain::webhook::target;

/// How long a receiver may take, from the look-up of its name to the end of its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How much of an answer is read, in bytes. A receiver has said what matters with its status.
const READ: usize = 64 << 10;
/// How much of it is kept for people, in bytes.
const KEPT: usize = 1 << 10;

/// The header with the signature.
pub const SIGNATURE: &str = "workos-signature";
/// The header with the signature by the secret before, for some time after a rotation.
pub const PREVIOUS_SIGNATURE: &str = "muster-previous-signature";

/// Something to send.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where to.
    pub url: String,
    /// The value of [`SIGNATURE`].
    pub signature: String,
    /// The value of [`PREVIOUS_SIGNATURE`], if there is one.
    pub previous_signature: Option<String>,
    /// The bytes that were signed.
    pub body: Vec<u8>,
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// For how long it asks to be left alone, in seconds.
    pub retry_after: Option<i64>,
    /// What its body began with.
    pub excerpt: String,
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The answer, or a sentence that says why there is none.
    pub reply: Result<Reply, String>,
    /// How long it took.
    pub took: Duration,
}

/// Sends messages. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    private: bool,
    patience: Duration,
    client: Arc<OnceLock<Result<reqwest::Client, String>>>,
}

impl Sender {
    /// A sender; `private` allows targets that are not public and plain HTTP, for tests.
    pub fn new(private: bool) -> Self {
        Sender { private, patience: PATIENCE, client: Arc::default() }
    }

    /// Sends a message once.
    pub async fn send(&self, message: Message) -> Sent {
        let began = Instant::now();
        let reply = self.attempt(message, began + self.patience).await;
        Sent { reply, took: began.elapsed() }
    }

    async fn attempt(&self, message: Message, until: Instant) -> Result<Reply, String> {
        // Looked at again: it may have been saved under other rules, and a literal address meets no resolver.
        let url = target(&message.url, self.private).map_err(|error| error.to_string())?;
        let client = self.client.get_or_init(|| client(self.private)).as_ref().map_err(Clone::clone)?;
        let mut request = client.post(url).header("content-type", "application/json").body(message.body);
        request = request.header(SIGNATURE, message.signature);
        if let Some(signature) = message.previous_signature {
            request = request.header(PREVIOUS_SIGNATURE, signature);
        }
        let response = tokio::time::timeout_at(until.into(), request.send()).await;
        let response = response.map_err(|_| format!("no answer within {} s", self.patience.as_secs()))?;
        let response = response.map_err(|error| causes(&error))?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
        let mut kept = Vec::new();
        // A body that breaks off, or is too long or too slow, changes nothing about what the status said.
        let _ = tokio::time::timeout_at(until.into(), read(response, &mut kept)).await;
        Ok(Reply { status, retry_after, excerpt: excerpt(&kept) })
    }
}

/// Reads the body to its end or to [`READ`] bytes, and keeps its beginning.
async fn read(mut response: reqwest::Response, kept: &mut Vec<u8>) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        kept.extend(chunk.iter().take(KEPT.saturating_sub(kept.len())));
        if read >= READ {
            return;
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("private", &self.private).finish_non_exhaustive()
    }
}

/// Each message has a connection of its own, so that the address of each is looked at.
fn client(private: bool) -> Result<reqwest::Client, String> {
    // Fails only if one is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("Muster/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .http1_only();
    if !private {
        builder = builder.dns_resolver(Arc::new(PublicOnly));
    }
    builder.build().map_err(|error| format!("no HTTP client: {}", causes(&error)))
}

/// The resolver of the operating system, without the addresses that are not public. Asked with every connection, so
/// that a name that was public when it was saved leads nowhere else later.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = public(found);
            if public.is_empty() {
                return Err("the name leads to no public address".into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

fn public(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    found.filter(|address| is_public(address.ip())).collect()
}

/// `Retry-After` in seconds; a date is not worth a second clock's opinion.
fn retry_after(headers: &HeaderMap<HeaderValue>) -> Option<i64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().filter(|seconds| *seconds >= 0)
}

/// Text for people: no bytes that are not text, and nothing that a database refuses.
fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}").trim().to_owned()
}

/// An error with what caused it: reqwest itself says only what it was about to do. Its URL is left out.
fn causes(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the request failed"
    };
    let mut text = kind.to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_name_leads_to_only_public_addresses_are_kept() {
        let found = ["127.0.0.1:0", "8.8.8.8:0", "[::1]:0", "[::ffff:10.0.0.1]:0", "[2606:4700::1]:0"];
        let kept = public(found.iter().map(|address| address.parse().unwrap()));
        assert_eq!(kept.iter().map(ToString::to_string).collect::<Vec<_>>(), ["8.8.8.8:0", "[2606:4700::1]:0"]);
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_when_the_connection_is_made() {
        let refused = PublicOnly.resolve("localhost".parse().unwrap()).await;
        let error = refused.err().expect("no address").to_string();
        assert!(error.contains("no public address"), "{error}");
    }

    #[tokio::test]
    async fn a_private_target_that_was_saved_otherwise_is_refused_when_it_is_sent_to() {
        for url in ["http://127.0.0.1:9/", "https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://localhost/"] {
            let message = Message {
                url: url.to_owned(),
                signature: "t=1, v1=0".to_owned(),
                previous_signature: None,
                body: Vec::new(),
            };
            let sent = Sender::new(false).send(message).await;
            assert!(sent.reply.clone().is_err_and(|error| error.contains("endpoint_url must")), "{url}: {sent:?}");
        }
    }

    /// Sends to a receiver that writes `answer` over and over, and never closes the connection.
    async fn sent_to(answer: &'static [u8], again: bool) -> Sent {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let receiver = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // The request first: an answer to nothing would be refused.
            while stream.try_read(&mut [0; 4_096]).is_err() {
                stream.readable().await.unwrap();
            }
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n";
            let mut next: &[u8] = if again { head } else { b"" };
            loop {
                stream.writable().await.unwrap();
                match stream.try_write(next) {
                    Ok(written) if written < next.len() => next = &next[written..],
                    Ok(_) if again => next = answer,
                    Ok(_) => std::future::pending().await,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        });
        let message = Message { url, signature: "t=1, v1=0".to_owned(), previous_signature: None, body: Vec::new() };
        let sender = Sender { patience: Duration::from_secs(1), ..Sender::new(true) };
        let sent = sender.send(message).await;
        receiver.abort();
        sent
    }

    #[tokio::test]
    async fn of_an_endless_answer_a_little_is_kept_and_the_status_counts() {
        let reply = sent_to(&[b'a'; 4_096], true).await.reply.expect("a status came");
        assert_eq!((reply.status, reply.excerpt.len()), (200, KEPT));
    }

    #[tokio::test]
    async fn a_receiver_that_says_nothing_is_not_waited_for() {
        let sent = sent_to(b"", false).await;
        assert!(sent.reply.is_err_and(|problem| problem.contains("no answer within")));
        assert!(sent.took < Duration::from_secs(5));
    }

    #[test]
    fn waiting_is_asked_for_in_whole_seconds() {
        let header = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!((header("120"), header("-1"), header("soon")), (Some(120), None, None));
    }
}
