//! `/organizations/{organization}/roles`

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::ok;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::RoleLabel;
use crate::http::caller::ApiCaller;
use crate::service::native::roles;
use crate::store::roles::ListedRole;

/// `GET /organizations/{organization}/roles`
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(organization): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let paging = query.paging::<RoleLabel>()?;
    let page = roles::list(&app, scope, &paging.request).await?;
    Ok(ok(paging.envelope(page, |role| json(&role))))
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
