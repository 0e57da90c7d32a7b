//! `/organization_domains`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::{at_revision, created, ok};
use super::body::Fields;
use super::error::ApiFailure;
use super::path::{Segments, id};
use crate::app::App;
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::service::domains::{self, Verification};

/// `POST /organization_domains`. `state` is Muster's own: `verified` if an environment key vouches for it.
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization_or_own(body.id("organization_id")?)?;
    let domain = body.required_text("domain")?;
    let verified = match body.text("state")?.as_deref() {
        None | Some("pending") => false,
        Some("verified") => true,
        Some(_) => return Err(Error::invalid("state", "invalid_state", "state must be pending or verified").into()),
    };
    let done = domains::create(&app, &access, scope, domain, verified).await?;
    Ok(at_revision(created(done.value.json()), done.revision))
}

/// `GET /organization_domains/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(domain): Segments<String>,
) -> Result<Response, ApiFailure> {
    Ok(ok(domains::get(&app, &access, id(&domain)?).await?.json()))
}

/// `POST /organization_domains/{id}/verify`: 201 with the domain, as the vendor answers. One that the DNS does
/// not prove is still `pending` there, and `verification_error` says what to do.
pub async fn verify(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(domain): Segments<String>,
) -> Result<Response, ApiFailure> {
    let done = domains::verify(&app, &access, id(&domain)?).await?;
    let object = match done.value {
        Verification::Verified(domain) => domain.json(),
        Verification::Unproved(domain, problem) => {
            let mut object = domain.json();
            object["verification_error"] = json!({"code": problem.as_str(), "message": problem.message(&domain)});
            object
        }
        Verification::Elsewhere => return Err(domains::elsewhere().into()),
    };
    Ok(at_revision(created(object), done.revision))
}

/// `DELETE /organization_domains/{id}`
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(domain): Segments<String>,
) -> Result<Response, ApiFailure> {
    let revision = domains::delete(&app, &access, id(&domain)?).await?;
    Ok(at_revision(StatusCode::NO_CONTENT.into_response(), revision))
}
