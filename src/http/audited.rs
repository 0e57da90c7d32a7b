//! What keys change is written down: around the endpoints of the APIs, in the words of the API reference.
//!
//! What lives here: making the note of a request. It is stored by the request's first write, in the same transaction;
//! a request that changes nothing leaves none.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Map, Value};

use super::caller::{ApiCaller, peer};
use super::openapi::Operation;
use super::workos::body;
use crate::app::App;
use crate::domain::{Error, Result};
use crate::service::audit::{self, Pending};

/// What the middleware needs.
#[derive(Clone)]
pub struct Audited {
    app: App,
    /// What the endpoints that change something are called, by path and method in small letters.
    actions: Arc<HashMap<(&'static str, &'static str), &'static str>>,
    /// The face of a failure.
    fail: fn(Error) -> Response,
}

impl Audited {
    /// For these endpoints.
    pub fn new(app: &App, operations: &[Operation], fail: fn(Error) -> Response) -> Self {
        let actions = operations.iter().filter_map(|operation| Some((operation.place(), operation.action()?)));
        Audited { app: app.clone(), actions: Arc::new(actions.collect()), fail }
    }

    /// What the request does; `None` for one that changes nothing.
    fn action(&self, request: &Request) -> Option<&'static str> {
        if request.method() == Method::GET {
            return None;
        }
        let path = request.extensions().get::<MatchedPath>()?;
        self.actions.get(&(path.as_str(), request.method().as_str().to_ascii_lowercase().as_str())).copied()
    }
}

/// Around the endpoints of an API: what a request changes is written down with it. Reads cost nothing.
pub async fn note(State(audited): State<Audited>, request: Request, next: Next) -> Response {
    let Some(action) = audited.action(&request) else { return next.run(request).await };
    match prepare(&audited.app, action, request).await {
        Ok((note, request)) => note.over(next.run(request)).await,
        Err(error) => (audited.fail)(error),
    }
}

/// The note of a request, and the request as it was.
async fn prepare(app: &App, action: &'static str, request: Request) -> Result<(Arc<Pending>, Request)> {
    let (mut parts, sent) = request.into_parts();
    let ApiCaller(access) = ApiCaller::from_request_parts(&mut parts, app).await.map_err(|failure| failure.0)?;
    parts.extensions.insert(access.clone());
    let bytes = body::read_within(&parts.headers, sent, app).await?;
    let address = peer(&parts).map(|address| address.to_string());
    let note = audit::note(app, &access, action, parts.uri.path(), asked(&parts, &bytes), address);
    Ok((note, Request::from_parts(parts, Body::from(bytes))))
}

/// What was asked for: the body, or the query of a request without one. What cannot be read is refused by the handler.
fn asked(parts: &Parts, bytes: &[u8]) -> Value {
    if !bytes.is_empty() {
        return serde_json::from_slice(bytes).unwrap_or_default();
    }
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let asked = query.into_owned().map(|(name, value)| (name, Value::from(value))).collect::<Map<_, _>>();
    if asked.is_empty() { Value::Null } else { asked.into() }
}
