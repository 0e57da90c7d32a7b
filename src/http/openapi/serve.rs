//! `/openapi.json`.

use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Document, Operation};
use crate::app::App;
use crate::domain::Result;
use crate::domain::secret::digest;

/// What was described, rendered when somebody asks for the first time.
pub struct Described {
    operations: Vec<Operation>,
    server: String,
    document: OnceLock<Document>,
    json: OnceLock<Cached>,
    page: OnceLock<Cached>,
}

/// Bytes that do not change while the program runs.
#[derive(Clone)]
pub struct Cached {
    bytes: Bytes,
    etag: HeaderValue,
    media: &'static str,
}

impl Described {
    /// Of these endpoints, under this URL.
    pub fn new(operations: Vec<Operation>, server: &str) -> Arc<Self> {
        let server = server.to_owned();
        Arc::new(Described {
            operations,
            server,
            document: OnceLock::new(),
            json: OnceLock::new(),
            page: OnceLock::new(),
        })
    }

    /// Of every endpoint of the program.
    pub fn of(app: &App) -> Arc<Self> {
        Self::new(crate::http::endpoints(app).into_parts().1, &app.config.public_url)
    }

    /// What can be done by a key, as the audit log calls it.
    pub fn actions(&self) -> impl Iterator<Item = &'static str> {
        self.operations.iter().filter_map(Operation::action)
    }

    /// The document.
    pub fn document(&self) -> &Document {
        self.document.get_or_init(|| Document::of(&self.operations, &self.server))
    }

    /// The page for people, made by `render` when somebody asks for the first time.
    pub fn page(&self, render: impl FnOnce(&Document) -> Result<Cached>) -> Result<&Cached> {
        if let Some(page) = self.page.get() {
            return Ok(page);
        }
        let page = render(self.document())?;
        Ok(self.page.get_or_init(|| page))
    }
}

impl Cached {
    /// This text.
    pub fn new(text: String, media: &'static str) -> Self {
        let etag = HeaderValue::from_str(&format!("\"{}\"", digest(&text)));
        // Hexadecimal digits are a header's value.
        let etag = etag.unwrap_or(HeaderValue::from_static("\"\""));
        Cached { bytes: text.into(), etag, media }
    }

    /// The bytes, or 304 for a client that has them.
    pub fn answer(&self, headers: &HeaderMap) -> Response {
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let known = known.flat_map(|line| line.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
        let fresh = known.into_iter().any(|tag| tag == "*" || tag.as_bytes() == self.etag.as_bytes());
        let common = [(header::ETAG, self.etag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if fresh {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        (common, [(header::CONTENT_TYPE, self.media)], self.bytes.clone()).into_response()
    }
}

/// `GET /openapi.json`
pub async fn openapi(Extension(described): Extension<Arc<Described>>, headers: HeaderMap) -> Response {
    let json = described.json.get_or_init(|| Cached::new(described.document().value().to_string(), "application/json"));
    json.answer(&headers)
}
