//! `/metrics`, for Prometheus.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::workos::error::ApiFailure;
use crate::app::App;
use crate::service::metrics;
use crate::telemetry::metrics::CONTENT_TYPE;

/// `GET /metrics`: open, unless the server was started with a key for it.
pub async fn scrape(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiFailure> {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let text = metrics::scrape(&app, key).await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
