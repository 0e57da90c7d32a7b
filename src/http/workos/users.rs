//! `/user_management/users`

use axum::extract::State;
use axum::response::Response;

use super::answer::ok;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::UserLabel;
use crate::http::caller::ApiCaller;
use crate::service::native::users;

/// `GET /user_management/users`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    // The second name is the deprecated one.
    let organization = query.id("organization_id")?.or(query.id("organization")?);
    let organization = organization.map(|id| access.organization(id)).transpose()?;
    let email = query.one("email").map(str::to_owned);
    let paging = query.paging::<UserLabel>()?;
    let page = users::list(&app, &access, organization, email, &paging.request).await?;
    Ok(ok(paging.envelope(page, |user| user.json())))
}

/// `GET /user_management/users/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(user): Segments<String>,
) -> Result<Response, ApiFailure> {
    Ok(ok(users::get(&app, &access, id(&user)?).await?.json()))
}

/// `GET /user_management/users/external_id/{external_id}`
pub async fn get_by_external_id(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(external_id): Segments<String>,
) -> Result<Response, ApiFailure> {
    Ok(ok(users::get_by_external_id(&app, &access, &external_id).await?.json()))
}
