//! `/v1/organization/groups/{group}/roles`: what everybody in a group holds.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::caller::{Caller, Face, Writer};
use super::error::Failure;
use super::page::{THOUSAND, by_id, envelope};
use super::roles;
use super::{left_to, ok, written};
use crate::app::App;
use crate::domain::id::RoleLabel;
use crate::http::workos::body::{Fields, required};
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::native::group_roles;
use crate::store::Order;

/// `GET /v1/organization/groups/{group}/roles`
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Face(Segments(group)): Face<Segments<String>>,
    Face(query): Face<Query>,
) -> Result<Response, Failure> {
    let page = by_id::<RoleLabel>(&query, THOUSAND, Order::Ascending)?;
    let page = group_roles::list(&app, caller.scope, id(&group)?, &page).await?;
    Ok(ok(envelope(page, |role| role.id.to_string(), |role| roles::assigned(&role, None))))
}

/// `POST /v1/organization/groups/{group}/roles`
pub async fn assign(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(group)): Face<Segments<String>>,
    Face(body): Face<Fields>,
) -> Result<Response, Failure> {
    let (group, role) = (id(&group)?, required("role_id", body.id::<RoleLabel>("role_id")?)?);
    let done = group_roles::assign(&app, &caller.access, caller.scope, group, role).await?;
    let (group, managed) = (&done.value.group, done.value.managed);
    // The vendor says `scim_managed` here, and `is_scim_managed` elsewhere.
    let group = json!({
        "object": "group",
        "id": group.id,
        "name": group.name,
        "created_at": group.created_at.timestamp(),
        "scim_managed": managed,
    });
    let object = json!({"object": "group.role", "group": group, "role": roles::json(&done.value.role)});
    Ok(left_to(written(object, done.revision), done.value.run))
}

/// `GET /v1/organization/groups/{group}/roles/{role}`
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Face(Segments((group, role))): Face<Segments<(String, String)>>,
) -> Result<Response, Failure> {
    let role = group_roles::get(&app, caller.scope, id(&group)?, id(&role)?).await?;
    Ok(ok(roles::assigned(&role, None)))
}

/// `DELETE /v1/organization/groups/{group}/roles/{role}`
pub async fn unassign(
    State(app): State<App>,
    caller: Writer,
    Face(Segments((group, role))): Face<Segments<(String, String)>>,
) -> Result<Response, Failure> {
    let done = group_roles::unassign(&app, &caller.access, caller.scope, id(&group)?, id(&role)?).await?;
    let response = written(json!({"object": "group.role.deleted", "deleted": true}), done.revision);
    Ok(left_to(response, done.value))
}
