//! x
pub mod error;
use crate::app::App;
use axum::Router;
pub fn routes() -> Router<App> {
    Router::new()
}
pub async fn no_such_route() {}
pub async fn method_not_allowed() {}
