//! The console: pages for admins, rendered here, complete without script. The portal is the same pages for guests of
//! one organization.
//!
//! What lives here: forms to calls of `service`, and what it answers to pages. What does not: decisions, SQL, what a
//! page shows that the APIs could not tell.
//!
//! A page is a struct with an askama template of the same name in `templates/console`; its handler makes the one of what
//! `service` answers. The route table below says who may come, and what each form does in the words of the audit log.

mod account;
mod activity;
mod asked;
pub mod assets;
mod audit;
mod charts;
mod cookie;
mod csv;
mod directories;
mod entry;
mod events;
mod failure;
mod filters;
mod flow;
mod form;
mod frame;
mod gate;
mod groups;
mod keys;
mod live;
mod oidc;
mod operators;
mod organizations;
mod overview;
mod pages;
mod paging;
mod people;
mod plans;
mod realm;
mod request;
mod rules;
mod runs;
mod search;
mod view;
mod viewer;
mod webhook;
mod webhooks;
mod who;

use axum::Router;

use crate::app::App;
pub use pages::{Audience, PageInfo, Pages};

/// The routes of the console and the portal.
pub fn routes(app: &App) -> Router<App> {
    table(app).into_router()
}

/// Every page and form.
pub fn table(app: &App) -> Pages {
    coming_and_going(app)
        .merge(environment(app))
        .merge(organization(app))
        .merge(organization_of_operators(app))
        .merge(directories::pages(app))
}

fn coming_and_going(app: &App) -> Pages {
    Pages::for_(app, Audience::Everybody)
        .page("/console/assets/{name}", assets::get)
        .page("/console/sign-in", entry::sign_in_page)
        .form("/console/sign-in", "signIn", entry::sign_in)
        .page("/console/oidc", oidc::begin)
        .page("/console/oidc/callback", oidc::finish)
        .page("/console/enter/{secret}", entry::enter_page)
        .form("/console/enter/{secret}", "enter", entry::enter)
        .page("/portal/{secret}", entry::portal_page)
        .form("/portal/{secret}", "enterPortal", entry::portal)
        .merge(Pages::for_(app, Audience::SignedIn).page("/console", organizations::list).form(
            "/console/sign-out",
            "signOut",
            entry::sign_out,
        ))
}

/// What the environment has and each organization has: keys, the audit log, webhook endpoints.
macro_rules! of_realm {
    ($pages:expr, $at:literal) => {
        $pages
            .page(concat!($at, "/keys"), keys::list)
            .form(concat!($at, "/keys"), "createApiKey", keys::create)
            .form(concat!($at, "/keys/{key}/revoke"), "revokeApiKey", keys::revoke)
            .page(concat!($at, "/audit"), audit::list)
            .page(concat!($at, "/audit.csv"), audit::export)
            .page(concat!($at, "/webhooks"), webhooks::list)
            .page(concat!($at, "/webhooks/new"), webhooks::new)
            .form(concat!($at, "/webhooks"), "createWebhookEndpoint", webhooks::create)
            .page(concat!($at, "/webhooks/{endpoint}"), webhook::show)
            .form(concat!($at, "/webhooks/{endpoint}"), "updateWebhookEndpoint", webhook::update)
            .form(concat!($at, "/webhooks/{endpoint}/state"), "updateWebhookEndpoint", webhook::set_state)
            .form(concat!($at, "/webhooks/{endpoint}/rotate"), "rotateWebhookSecret", webhook::rotate)
            .form(concat!($at, "/webhooks/{endpoint}/delete"), "deleteWebhookEndpoint", webhook::delete)
            .form(concat!($at, "/webhooks/{endpoint}/replay"), "replayWebhookEvents", webhook::replay)
            .form(
                concat!($at, "/webhooks/{endpoint}/deliveries/{event}/redeliver"),
                "redeliverWebhookEvent",
                webhook::redeliver,
            )
    };
}

/// What is of no organization.
fn environment(app: &App) -> Pages {
    of_realm!(Pages::for_(app, Audience::Operators), "/console")
        .form("/console", "createOrganization", organizations::create)
        .page("/console/account", account::show)
        .form("/console/account/password", "changePassword", account::password)
        .form("/console/account/sessions", "endSessions", account::end)
        .page("/console/operators", operators::list)
        .form("/console/operators", "inviteOperator", operators::invite)
        .form("/console/operators/{operator}/link", "renewOperatorLink", operators::renew)
        .form("/console/operators/{operator}/role", "setOperatorRole", operators::set_role)
        .form("/console/operators/{operator}/remove", "removeOperator", operators::remove)
}

/// What guests of the portal see, too.
fn organization(app: &App) -> Pages {
    Pages::for_(app, Audience::SignedIn)
        .page("/console/{organization}", overview::show)
        .page("/console/{organization}/live", live::stream)
        .page("/console/{organization}/rules", rules::list)
        .page("/console/{organization}/rules/flow", rules::flow_page)
        .page("/console/{organization}/rules/new", rules::editor::new)
        .form("/console/{organization}/rules/preview", "previewMappingRule", rules::editor::preview)
        .form("/console/{organization}/rules/save", "saveMappingRule", rules::editor::save)
        .page("/console/{organization}/rules/{rule}", rules::editor::show)
        .form("/console/{organization}/rules/{rule}/move", "createMappingPlan", rules::shift)
        .form("/console/{organization}/rules/{rule}/state", "createMappingPlan", rules::state)
        .form("/console/{organization}/rules/{rule}/apply", "createMappingPlan", rules::apply)
        .form("/console/{organization}/rules/{rule}/delete", "createMappingPlan", rules::delete)
        .page("/console/{organization}/plans/{plan}", plans::show)
        .form("/console/{organization}/plans/{plan}/apply", "applyMappingPlan", plans::apply)
        .form("/console/{organization}/plans/{plan}/again", "createMappingPlan", plans::again)
        .page("/console/{organization}/runs", runs::list)
        .form("/console/{organization}/runs", "createSyncRun", runs::begin)
        .page("/console/{organization}/runs/{run}", runs::show)
        .form("/console/{organization}/runs/{run}/decide", "decideSyncRun", runs::decide)
        .form("/console/{organization}/runs/{run}/cancel", "cancelSyncRun", runs::cancel)
        .page("/console/{organization}/verification", runs::verification)
        .page("/console/{organization}/groups", groups::list)
        .page("/console/{organization}/groups/{group}", groups::show)
        .form("/console/{organization}/groups/{group}/remove", "removeGroupMember", groups::remove)
        .form("/console/{organization}/groups/{group}/roles", "setGroupRole", groups::set_role)
        .page("/console/{organization}/people", people::list)
        .page("/console/{organization}/people/{membership}", people::show)
        .form("/console/{organization}/verification/repair", "createMappingPlan", runs::repair)
        .page("/console/{organization}/search", search::show)
        .page("/console/{organization}/activity", activity::list)
        .page("/console/{organization}/activity/{request}", request::show)
}

/// What only operators see.
fn organization_of_operators(app: &App) -> Pages {
    of_realm!(Pages::for_(app, Audience::Operators), "/console/{organization}")
        .form("/console/{organization}/portal-link", "generatePortalLink", overview::portal_link)
        .page("/console/{organization}/events", events::list)
}
