//! API keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::{ApiKeyLabel, OrganizationLabel};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{created, ok, shown_once};
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::keys::{self, NewKey};
use crate::service::organizations;
use crate::store::keys::ApiKey;

/// The role of a key when the caller does not say.
const DEFAULT_ROLE: &str = "admin";

/// `POST /api_keys`: the only answer that shows the key.
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let new = NewKey {
        name: body.required_text("name")?,
        organization: body.id("organization_id")?,
        role: body.text("role")?.unwrap_or_else(|| DEFAULT_ROLE.to_owned()),
        expires_at: body.time("expires_at")?,
    };
    let (key, secret) = keys::issue_key(&app, &access, new).await?;
    let mut object = json(&key);
    object["key"] = secret.reveal().into();
    Ok(shown_once(created(object)))
}

/// `GET /api_keys`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let paging = query.paging::<ApiKeyLabel>()?;
    let access = match query.id::<OrganizationLabel>("organization_id")? {
        Some(organization) => {
            let scope = access.organization(organization)?;
            organizations::get(&app, scope).await?;
            access.limited_to(scope)
        }
        None => access,
    };
    let page = keys::list_keys(&app, &access, &paging.request).await?;
    Ok(ok(paging.envelope(page, |key| json(&key))))
}

/// `DELETE /api_keys/{id}`
pub async fn revoke(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(key): Segments<String>,
) -> Result<StatusCode, ApiFailure> {
    keys::revoke_key(&app, &access, id(&key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn json(key: &ApiKey) -> Value {
    json!({
        "object": "api_key",
        "id": key.id,
        "organization_id": key.organization_id,
        "name": key.name,
        "role": key.role,
        "key_prefix": key.hint,
        "expires_at": key.expires_at.map(timestamp),
        "last_used_at": key.last_used_at.map(timestamp),
        "created_at": timestamp(key.created_at),
    })
}
