//! Whether the program lives, and whether it can work.

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;

/// `GET /healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers and its schema is up to date (it is, once the server listens).
pub async fn ready(State(app): State<App>) -> Result<&'static str, StatusCode> {
    match app.db.ping().await {
        Ok(()) => Ok("ready\n"),
        Err(error) => {
            tracing::error!(error = %error, "the database does not answer");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
