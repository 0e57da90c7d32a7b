//! `/user_management/organization_memberships`, and the members of a group.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::answer::ok;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::MembershipLabel;
use crate::domain::{Error, Result};
use crate::http::caller::ApiCaller;
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

/// `GET /organizations/{organization}/groups/{group}/organization-memberships`: rows without roles.
pub async fn list_of_group(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments((organization, group)): Segments<(String, String)>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let paging = query.paging::<MembershipLabel>()?;
    let page = memberships::list_of_group(&app, scope, id(&group)?, &paging.request).await?;
    Ok(ok(paging.envelope(page, |(membership, user)| {
        let mut row = membership.base_json();
        row["user"] = user.json();
        row
    })))
}
