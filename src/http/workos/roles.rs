//! `/organizations/{organization}/roles`; the newer SDKs ask below `/authorization`.

use axum::extract::State;
use axum::response::Response;

use super::answer::list_of;
use super::error::ApiFailure;
use super::path::{Segments, id};
use crate::app::App;
use crate::domain::native::Role;
use crate::http::caller::ApiCaller;
use crate::service::native::roles;

/// `GET /organizations/{organization}/roles`, `GET /authorization/organizations/{organization}/roles`: all on one page, since the SDKs do
/// not page here.
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(organization): Segments<String>,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let roles = roles::all(&app, scope).await?;
    Ok(list_of(roles.iter().map(Role::json)))
}
