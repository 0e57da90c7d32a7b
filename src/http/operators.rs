//! The endpoints that load balancers, monitors and developers ask, with their descriptions.

use super::openapi::schema::any_object;
use super::openapi::{Endpoints, Operation, page, serve, tags};
use super::{health, metrics};

/// Every one of them.
pub fn routes() -> Endpoints {
    Endpoints::of(&tags::OPERATION)
        .get("/healthz", health::alive, |op| {
            op.id("alive").summary("Does the process answer?").answers_as(200, "It does.", "text/plain")
        })
        .get("/readyz", health::ready, |op| {
            op.id("ready")
                .summary("Does the database answer?")
                .answers_as(200, "It does, and its schema is up to date.", "text/plain")
                .answers_nothing(503, "It does not.")
        })
        .get("/metrics", metrics::scrape, |op| {
            op.id("metrics")
                .summary("Metrics for Prometheus")
                .about("Open, unless the server was started with a key for it.")
                .answers_as(200, "The metrics.", "text/plain")
                .fails(401, "The server was started with a metrics key, and the request does not have it.")
        })
        .get("/openapi.json", serve::openapi, |op| {
            cached(op.id("openapi").summary("This document").answers(200, "OpenAPI 3.1.", any_object()))
        })
        .get("/docs", page::page, |op| {
            cached(op.id("docs").summary("This document, for people").answers_as(
                200,
                "A page without scripts.",
                "text/html",
            ))
        })
        .get("/docs/style.css", page::style, |op| {
            cached(op.id("docsStyle").summary("The style sheet of that page").answers_as(
                200,
                "The style sheet.",
                "text/css",
            ))
        })
}

/// What clients may keep: they ask whether theirs is still the newest.
fn cached(op: Operation) -> Operation {
    op.header("If-None-Match", "The version that the client has.")
        .with_headers(200, &["ETag"])
        .answers_nothing(304, "The client has it already.")
}
