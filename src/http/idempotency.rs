//! `Idempotency-Key` on POST: a repeated request has no second effect and gets the first answer again.
//!
//! SDKs send a random key with every POST and repeat it when they retry. What lives here: reading the request, and
//! answering again what was answered. What is kept and decided is `service::idempotency`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use tracing::Instrument as _;

use super::caller::ApiCaller;
use super::headers;
use super::workos::body;
use crate::app::App;
use crate::domain::{Error, Result};
use crate::service::idempotency::{self, Claim, Kept, Outcome};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Headers that change what a request means: the organization that an OpenAI-shaped request is about.
const MEANINGFUL: [HeaderName; 1] = [HeaderName::from_static("openai-organization")];
/// The largest answer that is kept, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Marks an answer that shows a secret, and so must not be kept.
#[derive(Debug, Clone, Copy)]
pub struct ShownOnce;

/// What the middleware needs: the program, and how the API in question tells that something failed.
#[derive(Clone)]
pub struct Keyed {
    /// The program.
    pub app: App,
    /// The face of a failure.
    pub fail: fn(Error) -> Response,
}

/// Around the endpoints of an API: a POST with a key is done once. Costs others nothing.
pub async fn once(State(keyed): State<Keyed>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match attempt(&keyed, request, next).await {
        Ok(response) => response,
        Err(error) => (keyed.fail)(error),
    }
}

async fn attempt(keyed: &Keyed, request: Request, next: Next) -> Result<Response> {
    let app = &keyed.app;
    let (mut parts, sent) = request.into_parts();
    let mut keys = parts.headers.get_all(KEY).iter();
    let (key, more) = (keys.next().map(HeaderValue::as_bytes).unwrap_or_default(), keys.next().is_some());
    if more {
        return Err(Error::invalid("Idempotency-Key", "invalid_header", "there are two Idempotency-Key headers"));
    }
    let key = idempotency::check_key(key)?.to_owned();
    // Before anything is told of an earlier answer.
    let ApiCaller(access) = ApiCaller::from_request_parts(&mut parts, app).await.map_err(|failure| failure.0)?;
    let caller = access.key().to_owned();
    parts.extensions.insert(access);
    let bytes = body::read_within(&parts.headers, sent, app).await?;
    let place = format!("{} {}", parts.method, parts.uri.path());
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let meaningful = |name| parts.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut content = vec![query, &bytes[..]];
    content.extend(MEANINGFUL.iter().map(meaningful));
    let claim = idempotency::claim(app, &caller, &key, &place, &content);
    if let Some(kept) = idempotency::answered(app, &claim).await? {
        return Ok(again(kept));
    }
    let request = Request::from_parts(parts, Body::from(bytes));
    let done = tokio::spawn(done(app.clone(), Arc::clone(&claim), request, next).in_current_span());
    // A client that hangs up changes nothing: the answer is kept for when it comes back.
    let response = match done.await {
        Ok(response) => response,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => return Err(Error::Internal(Box::new(error))),
    };
    if !claim.is_taken() {
        return Ok(response);
    }
    let kept = idempotency::answered(app, &claim).await?;
    kept.map(again).ok_or_else(idempotency::in_progress)
}

/// Answers the request, and keeps the answer if it had an effect.
async fn done(app: App, claim: Arc<Claim>, request: Request, next: Next) -> Response {
    let response = Arc::clone(&claim).over(next.run(request)).await;
    if !claim.is_held() {
        return response;
    }
    let (response, outcome) = outcome(response).await;
    if let Err(error) = idempotency::keep(&app, &claim, outcome).await {
        tracing::warn!(%error, "an answer could not be kept; repetitions of the request are refused");
    }
    response
}

/// What is to be kept of an answer, and the answer.
async fn outcome(response: Response) -> (Response, Outcome) {
    if response.status().is_server_error() {
        return (response, Outcome::Unknown);
    }
    if response.extensions().get::<ShownOnce>().is_some() {
        return (response, Outcome::Withheld);
    }
    let (parts, body) = response.into_parts();
    let bytes = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return (ended_early(&error), Outcome::Unknown),
    };
    let revision = parts.headers.get(headers::REVISION).and_then(|value| value.to_str().ok()?.parse().ok());
    let run = parts.headers.get(headers::RUN).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let outcome = match std::str::from_utf8(&bytes) {
        Ok(body) if body.len() <= MAX_ANSWER => {
            Outcome::Kept { status: parts.status.as_u16(), body: body.to_owned(), revision, run }
        }
        _ => Outcome::Unknown,
    };
    (Response::from_parts(parts, Body::from(bytes)), outcome)
}

fn ended_early(error: &axum::Error) -> Response {
    tracing::error!(%error, "an answer broke off");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// The answer that was kept.
fn again(kept: Kept) -> Response {
    let status = kept.status.and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    let mut response = match kept.body {
        Some(body) => (status, [(header::CONTENT_TYPE, "application/json")], Bytes::from(body)).into_response(),
        None => status.into_response(),
    };
    if let Some(revision) = kept.revision {
        headers::set_revision(&mut response, revision);
    }
    if let Some(run) = &kept.run {
        headers::set_run(&mut response, run);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
