//! `/directory_users`

use axum::extract::State;
use axum::response::Response;

use super::answer::ok;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::DirectoryUserLabel;
use crate::http::caller::ApiCaller;
use crate::service::native::directory_users;

/// `GET /directory_users`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let paging = query.paging::<DirectoryUserLabel>()?;
    let wanted = directory_users::Query {
        directory: query.id("directory")?,
        group: query.id("group")?,
        idp_id: query.one("idp_id").map(str::to_owned),
        email: query.one("email").map(str::to_owned),
    };
    let page = directory_users::list(&app, &access, wanted, &paging.request).await?;
    Ok(ok(paging.envelope(page, |user| user.value.json(user.organization))))
}

/// `GET /directory_users/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(user): Segments<String>,
) -> Result<Response, ApiFailure> {
    let user = directory_users::get(&app, &access, id(&user)?).await?;
    Ok(ok(user.value.json(user.organization)))
}
