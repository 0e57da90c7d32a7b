//! Directories: made, changed, paused, resumed, removed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::domain::origin::Ending;
use crate::domain::{Error, Result};
use crate::http::caller::ApiWriter;
use crate::http::workos::answer::{at_revision, created, ok};
use crate::http::workos::body::Fields;
use crate::http::workos::directories::object;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::directories::lifecycle::{self, Resumed};
use crate::service::directories::{self, DirectoryFields};
use crate::service::mapping::plans;

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

/// `POST /directories/{id}/pause`
pub async fn pause(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(directory): Segments<String>,
) -> Result<Response, ApiFailure> {
    let done = lifecycle::pause(&app, &access, id(&directory)?).await?;
    Ok(at_revision(ok(object(&app, &done.value)), done.revision))
}

/// `POST /directories/{id}/resume`: the directory, or the plan that somebody has to look at and apply.
pub async fn resume(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(directory): Segments<String>,
) -> Result<Response, ApiFailure> {
    Ok(match lifecycle::resume(&app, &access, id(&directory)?).await? {
        Resumed::Done(directory) => ok(object(&app, &directory)),
        Resumed::Plan(plan) => ok(plans::json(&plan)),
    })
}

/// `DELETE /directories/{id}?origins=retract|hand_over`: goes on as a run, which it answers.
pub async fn remove(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(directory): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let run = lifecycle::remove(&app, &access, id(&directory)?, ending(&query)?).await?;
    Ok((StatusCode::ACCEPTED, Json(run.json(app.clock.now()))).into_response())
}

/// What becomes of what a rule or directory gave, as a query says it.
pub fn ending(query: &Query) -> Result<Ending> {
    match query.one("origins") {
        None => Ok(Ending::default()),
        Some(word) => Ending::from_word(word).ok_or_else(|| {
            let message = "origins must be retract (what was given ends) or hand_over (it stays, as manual)";
            Error::invalid("origins", "invalid_origins", message)
        }),
    }
}

fn fields(body: &Fields) -> Result<DirectoryFields> {
    Ok(DirectoryFields { name: body.text("name")?, kind: body.text("type")?, settings: body.object("settings")? })
}
