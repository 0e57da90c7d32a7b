//! `/v1/organization/roles`, and roles as the lists of groups and users show them.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::caller::{Caller, Face, Writer};
use super::error::Failure;
use super::page::{THOUSAND, by_id, envelope};
use super::{ok, written};
use crate::app::App;
use crate::domain::id::RoleLabel;
use crate::domain::native::Role;
use crate::domain::{Error, Result};
use crate::http::workos::body::{Fields, required};
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::native::roles::{self, NewRole, RoleChange};
use crate::store::Order;

/// `GET /v1/organization/roles`
pub async fn list(State(app): State<App>, caller: Caller, Face(query): Face<Query>) -> Result<Response, Failure> {
    let page = by_id::<RoleLabel>(&query, THOUSAND, Order::Ascending)?;
    let page = roles::list(&app, caller.scope, &page).await?;
    Ok(ok(envelope(page, |role| role.id.to_string(), |role| json(&role))))
}

/// `POST /v1/organization/roles`
pub async fn create(State(app): State<App>, caller: Writer, Face(body): Face<Fields>) -> Result<Response, Failure> {
    let new = NewRole {
        name: body.required_text("role_name")?,
        description: body.text("description")?,
        permissions: required("permissions", permissions(&body)?)?,
    };
    let done = roles::create(&app, &caller.access, caller.scope, new).await.map_err(in_our_words)?;
    Ok(written(json(&done.value), done.revision))
}

/// `GET /v1/organization/roles/{role}`
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Face(Segments(role)): Face<Segments<String>>,
) -> Result<Response, Failure> {
    Ok(ok(json(&roles::get(&app, caller.scope, id(&role)?).await?)))
}

/// `POST /v1/organization/roles/{role}`: what is not there stays, and a null takes the description away.
pub async fn update(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(role)): Face<Segments<String>>,
    Face(body): Face<Fields>,
) -> Result<Response, Failure> {
    let change = RoleChange {
        name: body.text("role_name")?,
        description: body.clearable_text("description")?,
        permissions: permissions(&body)?,
    };
    let done = roles::update(&app, &caller.access, caller.scope, id(&role)?, change).await.map_err(in_our_words)?;
    Ok(written(json(&done.value), done.revision))
}

/// `DELETE /v1/organization/roles/{role}`
pub async fn delete(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(role)): Face<Segments<String>>,
) -> Result<Response, Failure> {
    let role = id(&role)?;
    let revision = roles::delete(&app, &caller.access, caller.scope, role).await?;
    Ok(written(json!({"object": "role.deleted", "id": role, "deleted": true}), revision))
}

/// The permissions in a body, if they are there.
fn permissions(body: &Fields) -> Result<Option<Vec<String>>> {
    let there = body.raw("permissions").is_some_and(|value| !value.is_null());
    there.then(|| body.texts("permissions")).transpose()
}

/// An error about the name, which this API calls `role_name`.
fn in_our_words(error: Error) -> Error {
    match error {
        Error::Invalid { field, code, message } if field == "name" => Error::invalid("role_name", code, message),
        other => other,
    }
}

/// The `role` object.
pub(super) fn json(role: &Role) -> Value {
    json!({
        "object": "role",
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "permissions": role.permissions,
        "resource_type": "api.organization",
        "predefined_role": role.is_predefined(),
    })
}

/// A role that was assigned; `sources` are the principals that it comes with, if it comes with others.
pub(super) fn assigned(role: &Role, sources: Option<&Value>) -> Value {
    json!({
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "permissions": role.permissions,
        "resource_type": "api.organization",
        "predefined_role": role.is_predefined(),
        "created_at": role.created_at.timestamp(),
        "updated_at": role.updated_at.timestamp(),
        "created_by": role.created_by,
        "created_by_user_obj": null,
        "metadata": null,
        "assignment_sources": sources,
    })
}
