//! Headers that are alike on every surface.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument as _;

use crate::app::App;
use crate::domain::id::RequestId;

/// The organization's event position after the write that is answered.
pub const REVISION: HeaderName = HeaderName::from_static("muster-revision");
/// The run that brings the rest of a large request into effect.
pub const RUN: HeaderName = HeaderName::from_static("muster-run");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every answer has a request id, by which the log and the events name the request, and is never sniffed or cached.
pub async fn on_every_answer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::mint(app.clock.now());
    request.extensions_mut().insert(id);
    let mut response = next.run(request).instrument(tracing::info_span!("request", %id)).await;
    if !response.headers().contains_key(REQUEST_ID) {
        set_request_id(&mut response, &id.to_string());
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Names the request by the id under which it is logged.
pub fn set_request_id(response: &mut Response, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
}

/// Notes the run that brings the rest of a large request into effect.
pub fn set_run(response: &mut Response, run: &str) {
    if let Ok(run) = HeaderValue::from_str(run) {
        response.headers_mut().insert(RUN, run);
    }
}

/// Notes the revision on an answer.
pub fn set_revision(response: &mut Response, revision: i64) {
    response.headers_mut().insert(REVISION, HeaderValue::from(revision));
}

/// A panic is our defect; the client learns no more than that.
pub fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> HttpResponse<Body> {
    tracing::error!("a handler panicked");
    let body = axum::Json(serde_json::json!({"message": "internal error", "code": "internal_error"}));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}
