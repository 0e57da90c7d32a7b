//! `/organizations/{organization}/groups`, and the groups of a membership.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::{at_revision, created, ok};
use super::body::Fields;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::GroupLabel;
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::service::native::groups::{self, GroupChange, NewGroup};

/// `POST /organizations/{organization}/groups`
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(organization): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let new = NewGroup { name: body.required_text("name")?, description: body.text("description")? };
    let done = groups::create(&app, &access, scope, new).await?;
    Ok(at_revision(created(done.value.json()), done.revision))
}

/// `GET /organizations/{organization}/groups`
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(organization): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let paging = query.paging::<GroupLabel>()?;
    let page = groups::list(&app, scope, query.search("search")?, &paging.request).await?;
    Ok(ok(paging.envelope(page, |group| group.json())))
}

/// `GET /organizations/{organization}/groups/{group}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments((organization, group)): Segments<(String, String)>,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    Ok(ok(groups::get(&app, scope, id(&group)?).await?.json()))
}

/// `PATCH /organizations/{organization}/groups/{group}`: fields that are not sent stay as they are.
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((organization, group)): Segments<(String, String)>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let fields = GroupChange { name: body.text("name")?, description: body.clearable_text("description")? };
    let done = groups::update(&app, &access, scope, id(&group)?, fields).await?;
    Ok(at_revision(ok(done.value.json()), done.revision))
}

/// `DELETE /organizations/{organization}/groups/{group}`
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((organization, group)): Segments<(String, String)>,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let revision = groups::delete(&app, &access, scope, id(&group)?).await?;
    Ok(at_revision(StatusCode::NO_CONTENT.into_response(), revision))
}

/// `GET /user_management/organization_memberships/{membership}/groups`
pub async fn list_of_membership(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(membership): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let paging = query.paging::<GroupLabel>()?;
    let page = groups::list_of_membership(&app, &access, id(&membership)?, &paging.request).await?;
    Ok(ok(paging.envelope(page, |group| group.json())))
}
