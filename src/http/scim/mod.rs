//! The SCIM surface: bodies, media types, errors and the request log around the protocol (RFC 7644).

pub mod answer;
pub mod body;
pub mod bulk;
pub mod discovery;
pub mod error;
pub mod resources;
mod routes;
pub mod search;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::{CallerSlot, ScimCaller};
use super::headers;
use crate::app::App;
use crate::domain::Error;
use crate::scim::error::ScimError;
use crate::service::keys::ScimAccess;
use crate::store::requests::RequestEntry;
use error::{Problem, ScimFailure};
pub use routes::routes;

/// How long a request may take before it is answered 503: what identity providers wait for at the most. A
/// write that has begun is finished all the same.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(55);

/// Marks an answer whose log entry was committed with the write that it answers.
#[derive(Debug, Clone, Copy)]
pub struct Committed;

/// The names of tolerances that a read used, for the log.
#[derive(Debug, Clone)]
pub struct Tolerated(pub String);

/// Around every SCIM request: the media type that the client wants, its id, and the entry in the log.
pub async fn logged(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let slot = CallerSlot::default();
    request.extensions_mut().insert(Arc::clone(&slot));
    let method = request.method().to_string();
    let path = path_below_base(request.uri().path());
    let user_agent = user_agent(request.headers());
    let plain_json = wants_plain_json(request.headers());
    let mut response = match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => too_slow().into_response(),
    };
    if plain_json && response.headers().get(header::CONTENT_TYPE) == Some(&answer::SCIM_JSON) {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(access) = slot.get() {
        headers::set_request_id(&mut response, &access.request.to_string());
        if let Some(run) = access.noted.run() {
            headers::set_run(&mut response, &run.to_string());
        }
        if response.extensions().get::<Committed>().is_none() {
            note(&app, access, &method, path, user_agent, &Answered::of(&response));
        }
    }
    app.metrics.answered(&method, response.status().as_u16(), began.elapsed());
    response
}

/// What the log says of an answer that no write committed.
pub(super) struct Answered<'a> {
    pub(super) status: u16,
    pub(super) problem: Option<&'a ScimError>,
    pub(super) tolerances: Option<&'a str>,
}

impl<'a> Answered<'a> {
    fn of(response: &'a Response) -> Self {
        Answered {
            status: response.status().as_u16(),
            problem: response.extensions().get::<Problem>().map(|problem| &problem.0),
            tolerances: response.extensions().get::<Tolerated>().map(|tolerated| tolerated.0.as_str()),
        }
    }
}

/// Hands an entry to the log. A full log loses entries rather than slowing requests; state never depends on it.
pub(super) fn note(
    app: &App,
    access: &ScimAccess,
    method: &str,
    path: String,
    user_agent: Option<String>,
    answered: &Answered<'_>,
) {
    let detail: Option<String> = answered.problem.map(|problem| problem.detail.chars().take(1_000).collect());
    let entry = RequestEntry {
        id: access.request,
        organization: access.scope.organization(),
        directory: access.scope.directory(),
        token: access.token,
        method: method.to_owned(),
        path,
        status: answered.status,
        scim_type: answered.problem.and_then(|problem| problem.scim_type).map(|t| t.as_str().to_owned()),
        steps: detail.as_deref().map(|why| access.noted.stopped(why)),
        body: access.noted.kept_body(access, answered.status >= 400),
        detail,
        tolerances: answered.tolerances.unwrap_or("[]").to_owned(),
        resource: None,
        user_agent,
        events: 0,
        last_position: None,
        created_at: app.clock.now(),
    };
    if app.request_log.try_send(entry).is_err() {
        tracing::warn!("the request log is full; an entry was dropped");
    }
}

/// `/Users/…` of `/scim/v2/{directory}/Users/…`, cut to what a log should hold.
pub fn path_below_base(path: &str) -> String {
    let below = path.strip_prefix("/scim/v2/").and_then(|rest| rest.split_once('/')).map_or("", |(_, rest)| rest);
    format!("/{}", below.chars().take(200).collect::<String>())
}

/// The `User-Agent`, cut to what a log should hold.
pub fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(USER_AGENT)?.to_str().ok()?.trim();
    (!text.is_empty()).then(|| text.chars().take(200).collect())
}

/// Whether the client accepts `application/json` and neither SCIM's own type nor anything at all.
fn wants_plain_json(headers: &HeaderMap) -> bool {
    let accepted: Vec<String> =
        headers.get_all(ACCEPT).iter().filter_map(|value| Some(value.to_str().ok()?.to_ascii_lowercase())).collect();
    let names = |wanted: &str| {
        accepted
            .iter()
            .flat_map(|line| line.split(','))
            .any(|kind| kind.split(';').next().map(str::trim) == Some(wanted))
    };
    names("application/json") && !names("application/scim+json") && !names("*/*") && !names("application/*")
}

fn too_slow() -> ScimFailure {
    let message = "the request took too long; read the resource to see whether it took effect, then send it again";
    ScimFailure(Error::Busy { message: message.to_owned(), retry_after: 5 })
}

/// A panic is our defect; the client learns no more than that.
pub fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> axum::http::Response<axum::body::Body> {
    ScimFailure(Error::internal("a SCIM handler panicked")).into_response()
}

/// A path that no resource type has.
pub async fn no_such_route(_: ScimCaller) -> ScimFailure {
    ScimFailure(Error::Scim(ScimError::status(404, "there is no such endpoint below the SCIM base URL")))
}

/// A method that the path does not know; the router adds `Allow`.
pub async fn method_not_allowed(_: ScimCaller) -> ScimFailure {
    ScimFailure(Error::Scim(ScimError::status(405, "the endpoint does not know this method; see the Allow header")))
}
