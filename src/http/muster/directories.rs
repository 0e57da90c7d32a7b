//! Directories: made and changed.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::domain::Result;
use crate::http::caller::ApiWriter;
use crate::http::workos::answer::{at_revision, created, ok};
use crate::http::workos::body::Fields;
use crate::http::workos::directories::object;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::service::directories::{self, DirectoryFields};

/// `POST /directories`
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization_or_own(body.id("organization_id")?)?;
    let fields = DirectoryFields { name: Some(body.required_text("name")?), ..fields(&body)? };
    let done = directories::create(&app, &access, scope, fields).await?;
    Ok(at_revision(created(object(&app, &done.value)), done.revision))
}

/// `PATCH /directories/{id}`
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(directory): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let done = directories::update(&app, &access, id(&directory)?, fields(&body)?).await?;
    Ok(at_revision(ok(object(&app, &done.value)), done.revision))
}

fn fields(body: &Fields) -> Result<DirectoryFields> {
    Ok(DirectoryFields { name: body.text("name")?, kind: body.text("type")?, settings: body.object("settings")? })
}
