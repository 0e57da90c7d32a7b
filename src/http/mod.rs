//! The route table of the whole program, grouped by who calls it.
//!
//! What lives here: translation between HTTP and use cases. Handlers extract, call one function of
//! `service`, and shape the answer. What does not: decisions, SQL, the protocol itself.

mod caller;
mod headers;
mod health;
mod metrics;
mod muster;
mod openai;
mod scim;
pub mod server;
mod workos;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::app::App;

/// Every route.
pub fn router(app: &App) -> Router {
    Router::new()
        .merge(identity_providers(app))
        .merge(applications())
        .merge(openai::routes())
        .merge(operators())
        .fallback(workos::no_such_route)
        .method_not_allowed_fallback(workos::method_not_allowed)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(headers::panicked))
        .layer(from_fn(headers::on_every_answer))
        .with_state(app.clone())
}

/// SCIM 2.0, one base URL per directory.
fn identity_providers(app: &App) -> Router<App> {
    let discovery = |handler| get(handler);
    Router::new()
        .route("/scim/v2/{directory}/ServiceProviderConfig", get(scim::discovery::service_provider_config))
        .route("/scim/v2/{directory}/ResourceTypes", get(scim::discovery::resource_types))
        .route("/scim/v2/{directory}/ResourceTypes/{name}", discovery(scim::discovery::resource_type))
        .route("/scim/v2/{directory}/Schemas", get(scim::discovery::schemas))
        .route("/scim/v2/{directory}/Schemas/{urn}", get(scim::discovery::schema))
        .route("/scim/v2/{directory}/Me", axum::routing::any(scim::discovery::me))
        .route("/scim/v2/{directory}/Bulk", post(scim::bulk::run))
        .route("/scim/v2/{directory}", get(scim::search::over_all))
        .route("/scim/v2/{directory}/.search", post(scim::search::post_over_all))
        .route("/scim/v2/{directory}/{endpoint}", get(scim::search::over_one).post(scim::resources::create))
        .route("/scim/v2/{directory}/{endpoint}/.search", post(scim::search::post_over_one))
        .route(
            "/scim/v2/{directory}/{endpoint}/{id}",
            get(scim::resources::read)
                .put(scim::resources::replace)
                .patch(scim::resources::patch)
                .delete(scim::resources::delete),
        )
        .route("/scim/{*rest}", axum::routing::any(scim::no_such_route))
        .method_not_allowed_fallback(scim::method_not_allowed)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(scim::panicked))
        .layer(from_fn_with_state(app.clone(), scim::logged))
}

/// The WorkOS-shaped API.
fn applications() -> Router<App> {
    workos::routes()
}

/// Muster's own API, in the same style, and what a load balancer and a monitor ask.
fn operators() -> Router<App> {
    muster::routes()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::scrape))
}
