//! Mapping rules: `/mapping_rules`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::directories::ending;
use crate::app::App;
use crate::domain::Result;
use crate::domain::clock::timestamp;
use crate::domain::id::{OrganizationId, RuleId};
use crate::domain::rule::document;
use crate::domain::scope::OrganizationScope;
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{at_revision, created, list_of, ok};
use crate::http::workos::body::{Fields, required};
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::change::Outcome;
use crate::service::mapping::rules::{self, RuleFields};
use crate::service::mapping::{lint, order};
use crate::store::rules::{RuleVersion, StoredRule};

/// `POST /mapping_rules`
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let organization: OrganizationId = required("organization_id", body.id("organization_id")?)?;
    let scope = access.organization(organization)?;
    let key = body.required_text("key")?;
    let apply = body.flag("apply")?.unwrap_or_default();
    let done = rules::create(&app, &access, scope, key, document_fields(&body), apply).await?;
    Ok(at_revision(created(saved_json(&app, scope, &done.value).await), done.revision))
}

/// `GET /mapping_rules?organization_id=…`, by position. There are few, so there is one page.
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let organization = required("organization_id", query.id("organization_id")?.or(access.only()))?;
    let all = rules::list(&app, access.organization(organization)?).await?;
    let data: Vec<Value> = all.iter().map(|rule| rule_json(organization, rule)).collect();
    Ok(ok(json!({"object": "list", "data": data, "list_metadata": {"before": null, "after": null}})))
}

/// `GET /mapping_rules/{rule}`, with `?version=…` as that version says.
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(rule): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let rule = match query.number("version")? {
        Some(version) => rules::get_version(&app, scope, rule, version).await?,
        None => rules::get(&app, scope, rule).await?,
    };
    Ok(ok(rule_json(scope.organization(), &rule)))
}

/// `GET /mapping_rules/{rule}/versions`, newest first. The cursor is the number of a version.
pub async fn versions(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(rule): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let limit = query.limit()?;
    let (rule, mut versions) = rules::versions(&app, scope, rule, query.number("after")?, limit + 1).await?;
    let more = usize::try_from(limit).is_ok_and(|limit| versions.len() > limit);
    if more {
        versions.pop();
    }
    let after = versions.last().filter(|_| more).map(|version| version.version.to_string());
    let data: Vec<Value> = versions.iter().map(|version| version_json(&rule, version)).collect();
    Ok(ok(json!({"object": "list", "data": data, "list_metadata": {"before": null, "after": after}})))
}

/// `POST /mapping_rules/reorder`
pub async fn reorder(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let organization: OrganizationId = required("organization_id", body.id("organization_id")?)?;
    let scope = access.organization(organization)?;
    let names = body.texts("rules")?;
    let apply = body.flag("apply")?.unwrap_or_default();
    let done = order::reorder(&app, &access, scope, names, apply).await?;
    let list = list_of(done.value.iter().map(|rule| rule_json(organization, rule)));
    Ok(at_revision(list, done.revision))
}

/// `PATCH /mapping_rules/{rule}`
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(rule): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let fields = RuleFields {
        key: body.text("key")?,
        document: document_fields(&body),
        version: body.number("version")?,
        apply: body.flag("apply")?.unwrap_or_default(),
    };
    let Outcome { value, revision } = rules::update(&app, &access, scope, rule, fields).await?;
    Ok(at_revision(ok(saved_json(&app, scope, &value).await), revision))
}

/// `DELETE /mapping_rules/{rule}?origins=retract|hand_over`: 202 with the run where it goes on as one.
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(rule): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let done = rules::delete(&app, &access, scope, rule, ending(&query)?).await?;
    let answer = if done.value.state.is_finished() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        (StatusCode::ACCEPTED, Json(done.value.json(app.clock.now()))).into_response()
    };
    Ok(at_revision(answer, done.revision))
}

/// The fields of the document that were sent.
pub(super) fn document_fields(body: &Fields) -> Map<String, Value> {
    document::FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), body.raw(name)?.clone()))).collect()
}

/// A rule that was just saved, with what is odd about it; null if that could not be found out, since the rule is
/// saved all the same.
async fn saved_json(app: &App, scope: OrganizationScope, rule: &StoredRule) -> Value {
    let warnings = lint::warnings(app, scope, rule).await;
    let mut json = rule_json(scope.organization(), rule);
    json["warnings"] = match warnings {
        Ok(warnings) => json!(warnings),
        Err(error) => {
            tracing::warn!(%error, rule = %rule.id, "a saved rule could not be looked at for warnings");
            Value::Null
        }
    };
    json
}

fn version_json(rule: &StoredRule, version: &RuleVersion) -> Value {
    json!({
        "object": "mapping_rule_version",
        "rule_id": rule.id,
        "version": version.version,
        "applied": rule.applied_version == Some(version.version),
        "directory_id": version.document.directory_id,
        "position": version.document.position,
        "state": version.document.state,
        "when": version.document.when,
        "then": version.document.then,
        "created_at": timestamp(version.created_at),
    })
}

fn rule_json(organization: OrganizationId, rule: &StoredRule) -> Value {
    json!({
        "object": "mapping_rule",
        "id": rule.id,
        "organization_id": organization,
        "directory_id": rule.document.directory_id,
        "key": rule.key,
        "position": rule.document.position,
        "state": rule.document.state,
        "when": rule.document.when,
        "then": rule.document.then,
        "version": rule.version,
        "applied_version": rule.applied_version,
        "run_id": rule.run_id,
        "created_at": timestamp(rule.created_at),
        "updated_at": timestamp(rule.updated_at),
    })
}
