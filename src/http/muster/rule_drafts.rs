//! Drafts of mapping rules, looked at while they are written: `/mapping_rules/lint`, `/mapping_rules/preview`.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::rules::document_fields;
use crate::app::App;
use crate::domain::Result;
use crate::domain::directory::DirectoryUser;
use crate::domain::lint::groups::ShownGroup;
use crate::domain::scope::OrganizationScope;
use crate::http::caller::ApiCaller;
use crate::http::workos::answer::ok;
use crate::http::workos::body::{Fields, required};
use crate::http::workos::error::ApiFailure;
use crate::service::access::Access;
use crate::service::mapping::lint::{self, Draft};
use crate::service::mapping::preview;

/// `POST /mapping_rules/lint`
pub async fn lint(State(app): State<App>, ApiCaller(access): ApiCaller, body: Fields) -> Result<Response, ApiFailure> {
    let (scope, draft) = draft(&access, &body)?;
    let report = lint::lint(&app, scope, draft).await?;
    Ok(ok(json!({"object": "mapping_lint", "errors": report.errors, "warnings": report.warnings})))
}

/// `POST /mapping_rules/preview`
pub async fn preview(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let (scope, draft) = draft(&access, &body)?;
    let preview = preview::preview(&app, scope, draft).await?;
    Ok(ok(json!({
        "object": "mapping_preview",
        "groups": {
            "looked_at": preview.groups_seen,
            "matched": preview.groups_matched,
            "complete": preview.groups_complete,
            "data": preview.groups.iter().map(group_json).collect::<Vec<_>>(),
        },
        "people": {
            "looked_at": preview.people_seen,
            "matched": preview.people_matched,
            "complete": preview.people_complete,
            "data": preview.people.iter().map(person_json).collect::<Vec<_>>(),
        },
    })))
}

fn draft(access: &Access, body: &Fields) -> Result<(OrganizationScope, Draft)> {
    let organization = required("organization_id", body.id("organization_id")?.or(access.only()))?;
    let scope = access.organization(organization)?;
    Ok((scope, Draft { key: body.text("key")?, document: document_fields(body) }))
}

fn group_json(group: &ShownGroup) -> Value {
    let mirror = group.mirror.as_ref();
    json!({
        "id": group.id,
        "directory_id": group.directory,
        "display_name": group.display_name,
        "excepted": group.excepted,
        "mirror_name": mirror.and_then(|mirror| mirror.as_ref().ok()),
        "mirror_problem": mirror.and_then(|mirror| mirror.as_ref().err()),
    })
}

fn person_json(user: &DirectoryUser) -> Value {
    json!({
        "id": user.id,
        "directory_id": user.directory,
        "user_name": user.text("userName"),
        "email": user.email(),
        "active": user.active,
    })
}
