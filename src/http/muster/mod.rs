//! Muster's own API: directories, SCIM tokens, mapping rules and their bindings, plans, explanations, runs, identity
//! links, API keys, the request log. In the style of the WorkOS-shaped one, whose bodies, queries and errors it shares.

mod collisions;
mod directories;
mod explain;
mod keys;
mod links;
mod plans;
mod requests;
mod rule_drafts;
mod rule_tests;
mod rules;
mod runs;
mod status;
mod tokens;

use axum::Router;
use axum::routing::{delete, get, patch, post};

use crate::app::App;

/// Every route of the API. Directories are read through `workos::directories`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/directories", post(directories::create))
        .route("/directories/{directory}", patch(directories::update).delete(directories::remove))
        .route("/directories/{directory}/pause", post(directories::pause))
        .route("/directories/{directory}/resume", post(directories::resume))
        .route("/directories/{directory}/tokens", get(tokens::list).post(tokens::create))
        .route("/directories/{directory}/tokens/{token}", delete(tokens::revoke))
        .route("/directories/{directory}/sync_status", get(status::sync_status))
        .route("/directories/{directory}/groups_status", get(status::groups_status))
        .route("/directories/{directory}/requests", get(requests::list))
        .route("/directories/{directory}/requests/{request}", get(requests::get))
        .route("/mapping_rules", get(rules::list).post(rules::create))
        .route("/mapping_rules/lint", post(rule_drafts::lint))
        .route("/mapping_rules/preview", post(rule_drafts::preview))
        .route("/mapping_rules/test", post(rule_tests::test))
        .route("/mapping_rules/reorder", post(rules::reorder))
        .route("/mapping_rules/{rule}/versions", get(rules::versions))
        .route("/mapping_rules/{rule}", get(rules::get).patch(rules::update).delete(rules::delete))
        .route("/explain", get(explain::get))
        .route("/sync_runs", get(runs::list).post(runs::create))
        .route("/sync_runs/{run}", get(runs::get))
        .route("/sync_runs/{run}/effects", get(runs::effects))
        .route("/sync_runs/{run}/approve", post(runs::approve))
        .route("/sync_runs/{run}/reject", post(runs::reject))
        .route("/sync_runs/{run}/cancel", post(runs::cancel))
        .route("/mapping_plans", post(plans::create))
        .route("/mapping_plans/{plan}", get(plans::get))
        .route("/mapping_plans/{plan}/effects", get(plans::effects))
        .route("/mapping_plans/{plan}/apply", post(plans::apply))
        .route("/api_keys", get(keys::list).post(keys::create))
        .route("/api_keys/{key}", delete(keys::revoke))
        .merge(decisions())
}

/// What people decide about links and about mirrors.
fn decisions() -> Router<App> {
    Router::new()
        .route("/identity_links", get(links::list))
        .route("/identity_links/{person}/confirm", post(links::confirm))
        .route("/identity_links/{person}/refuse", post(links::refuse))
        .route("/identity_links/{person}/reopen", post(links::reopen))
        .route("/identity_links/{person}/unlink", post(links::unlink))
        .route("/mapping_rules/{rule}/bindings", get(collisions::list))
        .route("/mapping_rules/{rule}/bindings/{group}/resolve", post(collisions::resolve))
}
