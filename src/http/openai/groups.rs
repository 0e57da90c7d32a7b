//! `/v1/organization/groups`

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::caller::{Caller, Face, Writer};
use super::error::Failure;
use super::page::{HUNDRED, by_id, envelope};
use super::{ok, written};
use crate::app::App;
use crate::domain::id::GroupLabel;
use crate::domain::native::Group;
use crate::domain::{Error, Result};
use crate::http::workos::body::Fields;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::native::groups::{self, GroupChange, NewGroup};
use crate::service::native::managed_groups;
use crate::store::Order;

/// The longest name that this API takes, in characters.
const MAX_NAME: usize = 255;

/// `GET /v1/organization/groups`
pub async fn list(State(app): State<App>, caller: Caller, Face(query): Face<Query>) -> Result<Response, Failure> {
    let page = by_id::<GroupLabel>(&query, HUNDRED, Order::Ascending)?;
    let page = managed_groups::list(&app, caller.scope, None, &page).await?;
    Ok(ok(envelope(page, |(group, _)| group.id.to_string(), |(group, managed)| json(&group, managed))))
}

/// `POST /v1/organization/groups`
pub async fn create(State(app): State<App>, caller: Writer, Face(body): Face<Fields>) -> Result<Response, Failure> {
    let new = NewGroup { name: name(&body)?, description: None };
    let done = groups::create(&app, &caller.access, caller.scope, new).await?;
    Ok(written(json(&done.value, false), done.revision))
}

/// `GET /v1/organization/groups/{group}`
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Face(Segments(group)): Face<Segments<String>>,
) -> Result<Response, Failure> {
    let (group, managed) = managed_groups::get(&app, caller.scope, id(&group)?).await?;
    Ok(ok(json(&group, managed)))
}

/// `POST /v1/organization/groups/{group}`
pub async fn update(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(group)): Face<Segments<String>>,
    Face(body): Face<Fields>,
) -> Result<Response, Failure> {
    let group = id(&group)?;
    let change = GroupChange { name: Some(name(&body)?), ..GroupChange::default() };
    let done = groups::update(&app, &caller.access, caller.scope, group, change).await?;
    // Renamed, it is managed by nobody, unless a rule adopted it this moment; it may also be gone by now.
    let managed = managed_groups::get(&app, caller.scope, group).await.is_ok_and(|(_, managed)| managed);
    Ok(written(json(&done.value, managed), done.revision))
}

/// `DELETE /v1/organization/groups/{group}`
pub async fn delete(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(group)): Face<Segments<String>>,
) -> Result<Response, Failure> {
    let group = id(&group)?;
    let revision = groups::delete(&app, &caller.access, caller.scope, group).await?;
    Ok(written(json!({"object": "group.deleted", "id": group, "deleted": true}), revision))
}

/// The name in a body.
fn name(body: &Fields) -> Result<String> {
    let name = body.required_text("name")?;
    if name.chars().count() > MAX_NAME {
        return Err(Error::invalid("name", "too_long", format!("name has {MAX_NAME} characters at most")));
    }
    Ok(name)
}

/// The `group` object.
fn json(group: &Group, managed: bool) -> Value {
    json!({
        "object": "group",
        "id": group.id,
        "name": group.name,
        "created_at": group.created_at.timestamp(),
        "is_scim_managed": managed,
        "group_type": "group",
    })
}
