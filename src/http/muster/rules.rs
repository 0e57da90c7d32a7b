//! Mapping rules: `/mapping_rules`.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::{OrganizationId, RuleId};
use crate::domain::rule::RuleDocument;
use crate::domain::{Error, Result};
use crate::http::caller::ApiCaller;
use crate::http::headers;
use crate::http::workos::body::{self, Object};
use crate::http::workos::error::ApiFailure;
use crate::http::workos::page::Parameters;
use crate::service::mapping::rules::{self, Origins, RuleFields, SavedRule};
use crate::store::rules::StoredRule;

/// The fields of a rule's document.
const DOCUMENT: [&str; 5] = ["directory_id", "position", "state", "when", "then"];

/// `POST /mapping_rules`
pub async fn create(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ApiFailure> {
    access.writes()?;
    let mut sent = body::object(&app, &headers, sent).await?;
    let organization: OrganizationId = sent.required_id("organization_id")?;
    let scope = access.organization(organization)?;
    let key = sent.required_text("key")?;
    let apply = sent.flag("apply")?.unwrap_or_default();
    let mut document = document_fields(&mut sent);
    if document.get("position").is_none() {
        document["position"] = rules::next_position(&app, scope).await?.into();
    }
    let document = parse(document)?;
    let saved = rules::create(&app, &access, scope, key, document, apply).await?;
    Ok(answer(StatusCode::CREATED, organization, &saved))
}

/// `GET /mapping_rules?organization_id=…`, by position. There are few, so there is one page.
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    uri: Uri,
) -> Result<Json<Value>, ApiFailure> {
    let parameters = Parameters::of(&uri)?;
    let organization = match parameters.id::<OrganizationId>("organization_id")?.or(access.only()) {
        Some(organization) => organization,
        None => return Err(Error::invalid("organization_id", "required", "organization_id is required").into()),
    };
    let all = rules::list(&app, access.organization(organization)?).await?;
    let data: Vec<Value> = all.iter().map(|rule| rule_json(organization, rule)).collect();
    Ok(Json(json!({"object": "list", "data": data, "list_metadata": {"before": null, "after": null}})))
}

/// `GET /mapping_rules/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiFailure> {
    let id = rule_id(&id)?;
    let scope = rules::organization_of(&app, &access, id).await?;
    let rule = rules::get(&app, scope, id).await?;
    Ok(Json(rule_json(scope.organization(), &rule)))
}

/// `PATCH /mapping_rules/{id}`
pub async fn update(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ApiFailure> {
    access.writes()?;
    let id = rule_id(&id)?;
    let scope = rules::organization_of(&app, &access, id).await?;
    let mut sent = body::object(&app, &headers, sent).await?;
    let key = sent.text("key")?;
    let apply = sent.flag("apply")?.unwrap_or_default();
    let changed = document_fields(&mut sent);
    let document = match changed.as_object().is_some_and(|fields| !fields.is_empty()) {
        false => None,
        true => {
            let stored = rules::get(&app, scope, id).await?;
            let mut whole = serde_json::to_value(&stored.document).map_err(|error| Error::Internal(Box::new(error)))?;
            if let (Some(whole), Value::Object(changed)) = (whole.as_object_mut(), changed) {
                whole.extend(changed);
            }
            Some(parse(whole)?)
        }
    };
    let saved = rules::update(&app, &access, scope, id, RuleFields { key, document, apply }).await?;
    Ok(answer(StatusCode::OK, scope.organization(), &saved))
}

/// `DELETE /mapping_rules/{id}?origins=retract|hand_over`
pub async fn delete(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, ApiFailure> {
    access.writes()?;
    let id = rule_id(&id)?;
    let scope = rules::organization_of(&app, &access, id).await?;
    let origins = match Parameters::of(&uri)?.text("origins").as_deref() {
        None | Some("retract") => Origins::Retract,
        Some("hand_over") => Origins::HandOver,
        Some(_) => {
            let message = "origins must be retract (what the rule gave ends) or hand_over (it stays, as manual)";
            return Err(Error::invalid("origins", "invalid_origins", message).into());
        }
    };
    let revision = rules::delete(&app, &access, scope, id, origins).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    headers::set_revision(&mut response, revision);
    Ok(response)
}

fn rule_id(text: &str) -> Result<RuleId> {
    text.parse().map_err(|_| Error::not_found("mapping rule", text.chars().take(100).collect::<String>()))
}

/// The fields of the document that were sent.
fn document_fields(sent: &mut Object) -> Value {
    let given = DOCUMENT.iter().filter_map(|name| Some(((*name).to_owned(), sent.take(name)?)));
    Value::Object(given.collect())
}

fn parse(document: Value) -> Result<RuleDocument> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let field = error.path().to_string();
        Error::invalid(if field == "." { String::new() } else { field }, "invalid_rule", error.inner().to_string())
    })
}

fn answer(status: StatusCode, organization: OrganizationId, saved: &SavedRule) -> Response {
    let mut response = (status, Json(rule_json(organization, &saved.rule))).into_response();
    headers::set_revision(&mut response, saved.revision);
    response
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
