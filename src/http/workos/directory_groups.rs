//! `/directory_groups`

use axum::extract::State;
use axum::response::Response;

use super::answer::ok;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::DirectoryGroupLabel;
use crate::http::caller::ApiCaller;
use crate::service::native::directory_groups;

/// `GET /directory_groups`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let paging = query.paging::<DirectoryGroupLabel>()?;
    let wanted = directory_groups::Query { directory: query.id("directory")?, user: query.id("user")? };
    let page = directory_groups::list(&app, &access, wanted, &paging.request).await?;
    Ok(ok(paging.envelope(page, |group| group.value.json(group.organization))))
}

/// `GET /directory_groups/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(group): Segments<String>,
) -> Result<Response, ApiFailure> {
    let group = directory_groups::get(&app, &access, id(&group)?).await?;
    Ok(ok(group.value.json(group.organization)))
}
