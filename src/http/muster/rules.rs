//! Mapping rules: `/mapping_rules`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::{OrganizationId, RuleId};
use crate::domain::origin::Ending;
use crate::domain::rule::RuleDocument;
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{at_revision, created, ok};
use crate::http::workos::body::{Fields, required};
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::change::Outcome;
use crate::service::mapping::rules::{self, RuleFields};
use crate::store::rules::StoredRule;

/// The fields of a rule's document.
const DOCUMENT: [&str; 5] = ["directory_id", "position", "state", "when", "then"];

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
    let mut document = document_fields(&body);
    if !document.contains_key("position") {
        document.insert("position".to_owned(), rules::next_position(&app, scope).await?.into());
    }
    let done = rules::create(&app, &access, scope, key, parse(document)?, apply).await?;
    Ok(at_revision(created(rule_json(organization, &done.value)), done.revision))
}

/// `GET /mapping_rules?organization_id=…`, by position. There are few, so there is one page.
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let organization = required("organization_id", query.id("organization_id")?.or(access.only()))?;
    let all = rules::list(&app, access.organization(organization)?).await?;
    let data: Vec<Value> = all.iter().map(|rule| rule_json(organization, rule)).collect();
    Ok(ok(json!({"object": "list", "data": data, "list_metadata": {"before": null, "after": null}})))
}

/// `GET /mapping_rules/{rule}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(rule): Segments<String>,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let rule = rules::get(&app, scope, rule).await?;
    Ok(ok(rule_json(scope.organization(), &rule)))
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
    let key = body.text("key")?;
    let apply = body.flag("apply")?.unwrap_or_default();
    let changed = document_fields(&body);
    let document = if changed.is_empty() {
        None
    } else {
        let stored = rules::get(&app, scope, rule).await?;
        let whole = serde_json::to_value(&stored.document).map_err(|error| Error::Internal(Box::new(error)))?;
        let mut whole = whole.as_object().cloned().unwrap_or_default();
        whole.extend(changed);
        Some(parse(whole)?)
    };
    let Outcome { value, revision } =
        rules::update(&app, &access, scope, rule, RuleFields { key, document, apply }).await?;
    Ok(at_revision(ok(rule_json(scope.organization(), &value)), revision))
}

/// `DELETE /mapping_rules/{rule}?origins=retract|hand_over`
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(rule): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let ending = match query.one("origins") {
        None => Ending::default(),
        Some(word) => Ending::from_word(word).ok_or_else(|| {
            let message = "origins must be retract (what the rule gave ends) or hand_over (it stays, as manual)";
            Error::invalid("origins", "invalid_origins", message)
        })?,
    };
    let revision = rules::delete(&app, &access, scope, rule, ending).await?;
    Ok(at_revision(StatusCode::NO_CONTENT.into_response(), revision))
}

/// The fields of the document that were sent.
fn document_fields(body: &Fields) -> Map<String, Value> {
    DOCUMENT.iter().filter_map(|name| Some(((*name).to_owned(), body.raw(name)?.clone()))).collect()
}

fn parse(document: Map<String, Value>) -> Result<RuleDocument> {
    serde_path_to_error::deserialize(Value::Object(document)).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        Error::invalid(field, "invalid_rule", error.inner().to_string())
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
        "created_at": timestamp(rule.created_at),
        "updated_at": timestamp(rule.updated_at),
    })
}
