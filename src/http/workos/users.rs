//! `/user_management/users`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::{created, ok};
use super::body::{Fields, required};
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::Error;
use crate::domain::id::UserLabel;
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::service::native::user_changes::{self, UserFields};
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

/// `POST /user_management/users`. Passwords are not kept: Muster signs nobody in.
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let fields = fields(&body)?;
    required("email", fields.email.as_ref())?;
    Ok(created(user_changes::create(&app, &access, fields).await?.json()))
}

/// `PUT /user_management/users/{id}`: fields that are not sent stay as they are.
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(user): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    Ok(ok(user_changes::update(&app, &access, id(&user)?, fields(&body)?).await?.json()))
}

/// `DELETE /user_management/users/{id}`
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(user): Segments<String>,
) -> Result<Response, ApiFailure> {
    user_changes::delete(&app, &access, id(&user)?).await?;
    Ok(StatusCode::OK.into_response())
}

fn fields(body: &Fields) -> Result<UserFields, Error> {
    Ok(UserFields {
        email: body.text("email")?,
        email_verified: body.flag("email_verified")?,
        first_name: body.clearable_text("first_name")?,
        last_name: body.clearable_text("last_name")?,
        external_id: body.clearable_text("external_id")?,
        metadata: body.metadata()?,
    })
}
