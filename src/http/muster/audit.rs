//! The audit log.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::app::App;
use crate::domain::id::{AuditEventLabel, OrganizationLabel};
use crate::http::caller::ApiCaller;
use crate::http::workos::answer::ok;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::query::Query;
use crate::service::audit::{self, Check, Search};

/// `GET /audit_events`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let word = |name: &str| query.search(name).map(|text| text.map(str::to_owned));
    let search = Search {
        organization: query.id::<OrganizationLabel>("organization_id")?,
        actor: word("actor")?,
        action: word("action")?,
    };
    let paging = query.paging::<AuditEventLabel>()?;
    let page = audit::list(&app, &access, search, &paging.request).await?;
    Ok(ok(paging.envelope(page, |event| event.json())))
}

/// `GET /audit_events/check`: whether every entry fits to the one before.
pub async fn check(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let organization = query.id::<OrganizationLabel>("organization_id")?.or(access.only());
    let (state, entries, position) = match audit::check(&app, &access, organization).await? {
        Check::Whole { entries } => ("whole", Some(entries), None),
        Check::Broken { position } => ("broken", None, Some(position)),
    };
    Ok(ok(json!({
        "object": "audit_check",
        "organization_id": organization,
        "state": state,
        "entries": entries,
        "position": position,
    })))
}
