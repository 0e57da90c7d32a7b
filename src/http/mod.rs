//! The route table of the whole program, grouped by who calls it.
//!
//! What lives here: translation between HTTP and use cases. Handlers extract, call one function of
//! `service`, and shape the answer. What does not: decisions, SQL, the protocol itself.

mod audited;
mod caller;
pub mod console;
mod headers;
mod health;
pub mod idempotency;
mod metrics;
mod muster;
mod openai;
pub mod openapi;
mod operators;
mod scim;
pub mod server;
mod unread;
mod workos;

use std::sync::Arc;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::domain::Error;
use audited::Audited;
use idempotency::Keyed;
use openapi::Endpoints;
use openapi::serve::Described;
use workos::error::ApiFailure;

/// Every route, and the document that describes them.
pub fn router(app: &App) -> Router {
    let (routes, operations) = endpoints(app).into_parts();
    let described: Arc<Described> = Described::new(operations, &app.config.public_url);
    routes
        .merge(console::routes(app))
        .fallback(workos::no_such_route)
        .method_not_allowed_fallback(workos::method_not_allowed)
        .layer(Extension(described))
        .layer(CatchPanicLayer::custom(headers::panicked))
        .layer(from_fn_with_state(app.clone(), headers::on_every_answer))
        .layer(from_fn(unread::read_to_its_end))
        .with_state(app.clone())
}

/// Every endpoint, by who calls it.
fn endpoints(app: &App) -> Endpoints {
    identity_providers(app).merge(applications_and_admins(app)).merge(operators::routes())
}

/// SCIM 2.0, one base URL per directory.
fn identity_providers(app: &App) -> Endpoints {
    let logged = from_fn_with_state(app.clone(), scim::logged);
    scim::routes().within(|routes| {
        routes
            .method_not_allowed_fallback(scim::method_not_allowed)
            .layer(CatchPanicLayer::custom(scim::panicked))
            .layer(logged)
    })
}

/// The WorkOS-shaped API, and Muster's own in the same style; the OpenAI-shaped one, which tells otherwise that
/// something failed. In all of them a repeated POST is done once, and what is done is written down.
fn applications_and_admins(app: &App) -> Endpoints {
    let natives = workos::routes().merge(muster::routes());
    let natives = accounted_for(app, natives, |error| ApiFailure(error).into_response());
    natives.merge(accounted_for(app, openai::routes(), |error| openai::Failure(error).into_response()))
}

/// The audit log is written below the idempotency keys: what is only answered again is not done again.
fn accounted_for(app: &App, endpoints: Endpoints, fail: fn(Error) -> Response) -> Endpoints {
    let audited = from_fn_with_state(Audited::new(app, endpoints.operations(), fail), audited::note);
    let once = from_fn_with_state(Keyed { app: app.clone(), fail }, idempotency::once);
    endpoints.within(|routes| routes.layer(audited).layer(once))
}
