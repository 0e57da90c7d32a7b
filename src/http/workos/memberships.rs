//! `/user_management/organization_memberships`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::{at_revision, created, ok};
use super::body::{Fields, required};
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::{MembershipId, MembershipLabel, RoleId};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::service::access::Access;
use crate::service::native::membership_changes::{self as changes, NewMembership};
use crate::service::native::memberships::{self, Listed};

/// `GET /user_management/organization_memberships`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let organization = query.id("organization_id")?.map(|id| access.organization(id)).transpose()?;
    let paging = query.paging::<MembershipLabel>()?;
    let wanted = memberships::Query { organization, user: query.id("user_id")?, statuses: statuses(&query)? };
    let page = memberships::list(&app, &access, wanted, &paging.request).await?;
    Ok(ok(paging.envelope(page, |listed| json(&listed))))
}

/// The active ones, unless others are asked for.
fn statuses(query: &Query) -> Result<Vec<String>> {
    let statuses = query.many("statuses");
    if statuses.iter().any(|status| !matches!(status.as_str(), "active" | "inactive" | "pending")) {
        let message = "statuses are active, inactive and pending";
        return Err(Error::invalid("statuses", "invalid_status", message));
    }
    Ok(if statuses.is_empty() { vec!["active".to_owned()] } else { statuses })
}

/// `GET /user_management/organization_memberships/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(membership): Segments<String>,
) -> Result<Response, ApiFailure> {
    Ok(ok(json(&memberships::get(&app, &access, id(&membership)?).await?)))
}

/// The object with the person and the organization's name.
fn json(listed: &Listed) -> Value {
    let mut object = listed.membership.json();
    object["user"] = listed.user.json();
    object["organization_name"] = listed.organization_name.as_str().into();
    object
}

/// `POST /user_management/organization_memberships`
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let user = required("user_id", body.id("user_id")?)?;
    let scope = access.organization_or_own(body.id("organization_id")?)?;
    let roles = roles(&app, scope, &body).await?.unwrap_or_default();
    let done = changes::create(&app, &access, scope, NewMembership { user, roles }).await?;
    Ok(at_revision(created(json(&done.value)), done.revision))
}

/// `PUT /user_management/organization_memberships/{id}`: its roles, if any are sent.
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(membership): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let (membership, scope) = named(&app, &access, &membership).await?;
    match roles(&app, scope, &body).await? {
        Some(roles) => {
            let done = changes::set_roles(&app, &access, scope, membership, roles).await?;
            Ok(at_revision(ok(json(&done.value)), done.revision))
        }
        None => Ok(ok(json(&memberships::get(&app, &access, membership).await?))),
    }
}

/// The membership that a path names, and the scope of its organization.
async fn named(app: &App, access: &Access, segment: &str) -> Result<(MembershipId, OrganizationScope)> {
    let membership = id(segment)?;
    Ok((membership, changes::scope_of(app, access, membership).await?))
}

/// `role_slug` or `role_slugs`, whichever is sent.
async fn roles(app: &App, scope: OrganizationScope, body: &Fields) -> Result<Option<Vec<RoleId>>> {
    let one = body.text("role_slug")?;
    let several = body.raw("role_slugs").filter(|value| !value.is_null()).map(|_| body.texts("role_slugs"));
    let slugs = match (one, several.transpose()?) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid("role_slugs", "ambiguous", "send role_slug or role_slugs, not both"));
        }
        (Some(slug), None) => vec![slug],
        (None, Some(slugs)) => slugs,
        (None, None) => return Ok(None),
    };
    changes::roles_by_slug(app, scope, &slugs).await.map(Some)
}

/// `DELETE /user_management/organization_memberships/{id}`
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(membership): Segments<String>,
) -> Result<Response, ApiFailure> {
    let (membership, scope) = named(&app, &access, &membership).await?;
    let revision = changes::delete(&app, &access, scope, membership).await?;
    Ok(at_revision(StatusCode::OK.into_response(), revision))
}

/// `PUT /user_management/organization_memberships/{id}/deactivate`
pub async fn deactivate(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(membership): Segments<String>,
) -> Result<Response, ApiFailure> {
    let (membership, scope) = named(&app, &access, &membership).await?;
    let done = changes::deactivate(&app, &access, scope, membership).await?;
    Ok(at_revision(ok(json(&done.value)), done.revision))
}

/// `PUT /user_management/organization_memberships/{id}/reactivate`
pub async fn reactivate(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(membership): Segments<String>,
) -> Result<Response, ApiFailure> {
    let (membership, scope) = named(&app, &access, &membership).await?;
    let done = changes::reactivate(&app, &access, scope, membership).await?;
    Ok(at_revision(ok(json(&done.value)), done.revision))
}
