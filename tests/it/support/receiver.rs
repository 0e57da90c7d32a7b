//! A receiver of webhooks as an application would have it, that answers as a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::events::eventually;
use super::server::TestServer;

/// What it answers once.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    status: u16,
    header: Option<(&'static str, String)>,
    delay: Duration,
}

/// A reply of this status.
pub fn status(status: u16) -> Reply {
    Reply { status, ..Reply::default() }
}

impl Reply {
    /// With this header.
    pub fn header(self, name: &'static str, value: &str) -> Reply {
        Reply { header: Some((name, value.to_owned())), ..self }
    }

    /// After this time.
    pub fn after(self, delay: Duration) -> Reply {
        Reply { delay, ..self }
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// The headers.
    pub headers: HeaderMap,
    /// The bytes.
    pub body: Bytes,
}

impl Received {
    /// The event.
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The name in the event's data.
    pub fn name(&self) -> String {
        self.event()["data"]["name"].as_str().expect("an event of a group").to_owned()
    }

    /// Whether a header holds the signature of the body by this secret, as its form is documented.
    pub fn is_signed(&self, header: &str, secret: &str) -> bool {
        let Some(value) = self.headers.get(header) else { return false };
        let (time, hex) = value.to_str().unwrap().split_once(", ").expect("two parts, a comma and a space between");
        let time = time.strip_prefix("t=").expect("the time first");
        assert!(time.len() == 13 && time.bytes().all(|digit| digit.is_ascii_digit()), "milliseconds: {time}");
        let signed = [time.as_bytes(), b".", &self.body].concat();
        hex.strip_prefix("v1=") == Some(&hmac_sha256(secret.as_bytes(), &signed))
    }
}

/// HMAC as RFC 2104 writes it down, without the library that the program uses.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |with: u8| block.map(|byte| byte ^ with).to_vec();
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    format!("{:02x?}", outer.as_slice()).chars().filter(char::is_ascii_hexdigit).collect()
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    replies: Mutex<VecDeque<Reply>>,
    always: Mutex<Option<Reply>>,
}

/// The receiver. It answers 200 unless told otherwise, and ends with the test.
pub struct Receiver {
    /// Where it is.
    pub url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let next = shared.replies.lock().unwrap().pop_front();
    let reply = next.or_else(|| shared.always.lock().unwrap().clone()).unwrap_or_else(|| status(200));
    shared.received.lock().unwrap().push(Received { headers, body });
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(reply.status);
    if let Some((name, value)) = reply.header {
        response = response.header(name, value);
    }
    response.body(Body::from("thank you")).unwrap()
}

impl Receiver {
    /// A receiver that listens.
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum_serve(listener, router).await });
        Receiver { url, shared, task }
    }

    /// Has it answer so once, after what it was told before.
    pub fn reply(&self, reply: Reply) {
        self.shared.replies.lock().unwrap().push_back(reply);
    }

    /// Has it answer so whenever it was told nothing else.
    pub fn always(&self, reply: Reply) {
        *self.shared.always.lock().unwrap() = Some(reply);
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The names in what came so far.
    pub fn names(&self) -> Vec<String> {
        self.received().iter().map(Received::name).collect()
    }

    /// Waits until so many requests came.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let what = format!("{count} webhooks");
        eventually(&what, || async { Some(self.received()).filter(|received| received.len() >= count) }).await
    }
}

/// Serves without the feature of axum that the program does without.
async fn axum_serve(listener: TcpListener, router: Router) {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::conn::auto::Builder;
    use hyper_util::service::TowerToHyperService;
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An endpoint that a test made.
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl TestServer {
    /// Makes an endpoint for `group.created`; of an organization, or of the environment.
    pub async fn endpoint(&self, organization: Option<&str>, url: &str) -> Endpoint {
        let body = json!({"endpoint_url": url, "events": ["group.created"], "organization_id": organization});
        let made = self.api("POST", "/webhook_endpoints", body).await.expect(201);
        Endpoint { id: made.text("/id"), secret: made.text("/secret") }
    }

    /// The deliveries of an endpoint, newest first, once `enough` is true of them.
    pub async fn deliveries(&self, endpoint: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let path = format!("/webhook_endpoints/{endpoint}/deliveries?limit=100");
        eventually("deliveries", || async {
            let page = self.api("GET", &path, Value::Null).await.expect(200);
            Some(page.body["data"].as_array().unwrap().clone()).filter(|deliveries| enough(deliveries))
        })
        .await
    }
}
