//! `/v1/organization/groups/{group}/users`: who is in a group.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::caller::{Caller, Face, Writer};
use super::error::Failure;
use super::page::{HUNDRED, after, envelope, paging};
use super::users::name;
use super::{ok, written};
use crate::app::App;
use crate::domain::Result;
use crate::domain::id::{Identified, MembershipLabel, UserLabel};
use crate::http::workos::body::{Fields, required};
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::native::people::{self, After};
use crate::store::Order;
use crate::store::people::GroupMember;

/// `GET /v1/organization/groups/{group}/users`
///
/// `next` names the membership and not the user: it keeps its place when the person leaves the organization in the
/// middle of a walk. `after` takes the one as well as the other.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Face(Segments(group)): Face<Segments<String>>,
    Face(query): Face<Query>,
) -> Result<Response, Failure> {
    let page = paging(&query, HUNDRED, Order::Descending)?;
    let by_membership = query.one("after").is_some_and(|text| text.starts_with(MembershipLabel::PREFIX));
    let after = if by_membership {
        after::<MembershipLabel>(&query)?.map(After::Membership)
    } else {
        after::<UserLabel>(&query)?.map(After::User)
    };
    let page = people::members(&app, caller.scope, id(&group)?, after, page).await?;
    Ok(ok(envelope(page, |member| member.membership_id.to_string(), |member| row(&member))))
}

/// `POST /v1/organization/groups/{group}/users`
pub async fn add(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(group)): Face<Segments<String>>,
    Face(body): Face<Fields>,
) -> Result<Response, Failure> {
    let (group, user) = (id(&group)?, required("user_id", body.id::<UserLabel>("user_id")?)?);
    let revision = people::join(&app, &caller.access, caller.scope, group, user).await?;
    Ok(written(json!({"object": "group.user", "user_id": user, "group_id": group}), revision))
}

/// `GET /v1/organization/groups/{group}/users/{user}`
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Face(Segments((group, user))): Face<Segments<(String, String)>>,
) -> Result<Response, Failure> {
    let member = people::member(&app, caller.scope, id(&group)?, id(&user)?).await?;
    let mut object = row(&member);
    object["picture"] = Value::Null;
    object["is_service_account"] = false.into();
    object["user_type"] = "user".into();
    Ok(ok(object))
}

/// `DELETE /v1/organization/groups/{group}/users/{user}`
pub async fn remove(
    State(app): State<App>,
    caller: Writer,
    Face(Segments((group, user))): Face<Segments<(String, String)>>,
) -> Result<Response, Failure> {
    let revision = people::quit(&app, &caller.access, caller.scope, id(&group)?, id(&user)?).await?;
    Ok(written(json!({"object": "group.user.deleted", "deleted": true}), revision))
}

fn row(member: &GroupMember) -> Value {
    let name = name(member.first_name.as_deref(), member.last_name.as_deref(), &member.email);
    json!({"id": member.user_id, "name": name, "email": member.email})
}
