//! x
pub mod error;
use axum::Router;
use crate::app::App;
pub fn routes() -> Router<App> { Router::new() }
pub async fn no_such_route() {}
pub async fn method_not_allowed() {}
