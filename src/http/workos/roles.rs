//! `/organizations/{organization}/roles`; the newer SDKs ask below `/authorization`.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::list_of;
use super::error::ApiFailure;
use super::path::{Segments, id};
use crate::app::App;
use crate::domain::clock::timestamp;
use crate::http::caller::ApiCaller;
use crate::service::native::roles;
use crate::store::roles::ListedRole;

/// `GET /organizations/{organization}/roles`, `GET /authorization/organizations/{organization}/roles`: all on one page, since the SDKs do
/// not page here.
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(organization): Segments<String>,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let roles = roles::list(&app, scope).await?;
    Ok(list_of(roles.iter().map(json)))
}

fn json(role: &ListedRole) -> Value {
    json!({
        "object": "role",
        "id": role.id,
        "slug": role.slug,
        "name": role.name,
        "description": role.description,
        "permissions": serde_json::from_str::<Value>(&role.permissions).unwrap_or_else(|_| json!([])),
        "type": "OrganizationRole",
        "resource_type_slug": "organization",
        "created_at": timestamp(role.created_at),
        "updated_at": timestamp(role.updated_at),
    })
}
