//! `/organizations/{organization}/groups/{group}/organization-memberships`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::{at_revision, ok};
use super::body::{Fields, required};
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::MembershipLabel;
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::service::native::group_members::{self, MemberChange};
use crate::service::native::memberships;

/// `GET …/organization-memberships`: rows without roles.
pub async fn list(
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

/// `POST …/organization-memberships`: answers the group. Somebody who is in it already stays in it.
pub async fn add(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((organization, group)): Segments<(String, String)>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let member = required("organization_membership_id", body.id("organization_membership_id")?)?;
    let members = MemberChange { add: vec![member], ..MemberChange::default() };
    let done = group_members::change(&app, &access, scope, id(&group)?, members).await?;
    Ok(at_revision(ok(done.value.json()), done.revision))
}

/// `PATCH …/organization-memberships`: `add` and `remove`, all of it or nothing.
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((organization, group)): Segments<(String, String)>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let members = MemberChange { add: body.ids("add")?, remove: body.ids("remove")? };
    let done = group_members::change(&app, &access, scope, id(&group)?, members).await?;
    Ok(at_revision(StatusCode::NO_CONTENT.into_response(), done.revision))
}

/// `DELETE …/organization-memberships/{membership}`: somebody who is not in the group is passed over.
pub async fn remove(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((organization, group, member)): Segments<(String, String, String)>,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let members = MemberChange { remove: vec![id(&member)?], ..MemberChange::default() };
    let done = group_members::change(&app, &access, scope, id(&group)?, members).await?;
    Ok(at_revision(StatusCode::NO_CONTENT.into_response(), done.revision))
}
