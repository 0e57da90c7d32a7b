//! `/v1/organization/users`: whoever has a membership of the organization in force, and their roles.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::caller::{Caller, Face, Writer};
use super::error::Failure;
use super::page::{THOUSAND, USERS, by_id, envelope};
use super::{ok, roles, written};
use crate::app::App;
use crate::domain::id::{RoleId, RoleLabel, UserId, UserLabel};
use crate::domain::native::{ADMIN, MEMBER};
use crate::domain::{Error, Result};
use crate::http::workos::body::{Fields, required};
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::native::people;
use crate::service::native::user_roles::{self, HeldRole, Wanted};
use crate::store::Order;
use crate::store::memberships::WithUser;

/// How many addresses one request may ask for.
const MAX_EMAILS: usize = 1_000;

/// `GET /v1/organization/users`. The envelope has the ids of the first and last user, by which the SDKs page here.
pub async fn list(State(app): State<App>, caller: Caller, Face(query): Face<Query>) -> Result<Response, Failure> {
    let page = by_id::<UserLabel>(&query, USERS, Order::Ascending)?;
    let emails = query.many("emails");
    if emails.len() > MAX_EMAILS {
        let message = format!("emails has {MAX_EMAILS} addresses at most");
        return Err(Error::invalid("emails", "too_many", message).into());
    }
    let page = people::list(&app, caller.scope, &emails, &page).await?;
    let has_more = page.has_after;
    let data: Vec<Value> = page.rows.iter().map(json).collect();
    let id = |row: Option<&Value>| row.map(|row| row["id"].clone());
    let (first, last) = (id(data.first()), id(data.last()));
    Ok(ok(json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more})))
}

/// `GET /v1/organization/users/{user}`
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Face(Segments(user)): Face<Segments<String>>,
) -> Result<Response, Failure> {
    Ok(ok(json(&people::get(&app, caller.scope, id(&user)?).await?)))
}

/// `POST /v1/organization/users/{user}`: gives the one role by hand, instead of those that were given so before.
pub async fn update(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(user)): Face<Segments<String>>,
    Face(body): Face<Fields>,
) -> Result<Response, Failure> {
    let user: UserId = id(&user)?;
    let Some(wanted) = wanted(&body)? else {
        return Ok(ok(json(&people::get(&app, caller.scope, user).await?)));
    };
    let done = user_roles::set(&app, &caller.access, caller.scope, user, wanted).await?;
    Ok(written(json(&done.value), done.revision))
}

/// The role in a body: `role_id`, or `role` in this API's own two words.
fn wanted(body: &Fields) -> Result<Option<Wanted>> {
    let by_id: Option<RoleId> = body.id::<RoleLabel>("role_id")?;
    let slug = match body.text("role")?.as_deref() {
        None => None,
        Some("owner") => Some(ADMIN),
        Some("reader") => Some(MEMBER),
        Some(_) => {
            let message = "role must be owner or reader; give any other role by its role_id";
            return Err(Error::invalid("role", "invalid_role", message));
        }
    };
    match (by_id, slug) {
        (Some(_), Some(_)) => Err(Error::invalid("role_id", "ambiguous", "give role or role_id, not both")),
        (Some(id), None) => Ok(Some(Wanted::Id(id))),
        (None, Some(slug)) => Ok(Some(Wanted::Slug(slug))),
        (None, None) => Ok(None),
    }
}

/// `DELETE /v1/organization/users/{user}`: ends the membership of the organization; the account stays.
pub async fn delete(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(user)): Face<Segments<String>>,
) -> Result<Response, Failure> {
    let user: UserId = id(&user)?;
    let revision = people::expel(&app, &caller.access, caller.scope, user).await?;
    Ok(written(json!({"object": "organization.user.deleted", "id": user, "deleted": true}), revision))
}

/// `GET /v1/organization/users/{user}/roles`
pub async fn roles(
    State(app): State<App>,
    caller: Caller,
    Face(Segments(user)): Face<Segments<String>>,
    Face(query): Face<Query>,
) -> Result<Response, Failure> {
    let page = by_id::<RoleLabel>(&query, THOUSAND, Order::Ascending)?;
    let user = id(&user)?;
    let page = user_roles::list(&app, caller.scope, user, &page).await?;
    Ok(ok(envelope(page, |held| held.role.id.to_string(), |held| assigned(user, &held))))
}

/// `POST /v1/organization/users/{user}/roles`
pub async fn assign_role(
    State(app): State<App>,
    caller: Writer,
    Face(Segments(user)): Face<Segments<String>>,
    Face(body): Face<Fields>,
) -> Result<Response, Failure> {
    let (user, role) = (id(&user)?, required("role_id", body.id::<RoleLabel>("role_id")?)?);
    let done = user_roles::assign(&app, &caller.access, caller.scope, user, role).await?;
    let (person, role) = &done.value;
    let object = json!({"object": "user.role", "user": json(person), "role": roles::json(role)});
    Ok(written(object, done.revision))
}

/// `GET /v1/organization/users/{user}/roles/{role}`
pub async fn role(
    State(app): State<App>,
    caller: Caller,
    Face(Segments((user, role))): Face<Segments<(String, String)>>,
) -> Result<Response, Failure> {
    let user = id(&user)?;
    let held = user_roles::get(&app, caller.scope, user, id(&role)?).await?;
    Ok(ok(assigned(user, &held)))
}

/// `DELETE /v1/organization/users/{user}/roles/{role}`
pub async fn unassign_role(
    State(app): State<App>,
    caller: Writer,
    Face(Segments((user, role))): Face<Segments<(String, String)>>,
) -> Result<Response, Failure> {
    let revision = user_roles::unassign(&app, &caller.access, caller.scope, id(&user)?, id(&role)?).await?;
    Ok(written(json!({"object": "user.role.deleted", "deleted": true}), revision))
}

/// A role with the principals that it comes with: the groups, and the user beside them if it is theirs anyway. `null`
/// where it is theirs alone.
fn assigned(user: UserId, held: &HeldRole) -> Value {
    let group = |id| json!({"principal_id": id, "principal_type": "group"});
    let own = json!({"principal_id": user, "principal_type": "user"});
    let sources = (!held.groups.is_empty()).then(|| {
        let own = Some(own).filter(|_| held.direct);
        own.into_iter().chain(held.groups.iter().map(group)).collect::<Value>()
    });
    roles::assigned(&held.role, sources.as_ref())
}

/// The `organization.user` object.
fn json((membership, user): &WithUser) -> Value {
    let owner = membership.roles.iter().any(|role| role == ADMIN);
    json!({
        "object": "organization.user",
        "id": user.id,
        "name": name(user.first_name.as_deref(), user.last_name.as_deref(), &user.email),
        "email": user.email,
        "role": if owner { "owner" } else { "reader" },
        "added_at": membership.created_at.timestamp(),
        "is_scim_managed": membership.directory_managed,
        "is_service_account": false,
    })
}

/// The name of an account; its address if it has none.
pub(super) fn name(first: Option<&str>, last: Option<&str>, email: &str) -> String {
    let parts: Vec<&str> = [first, last].into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
    if parts.is_empty() { email.to_owned() } else { parts.join(" ") }
}
