//! What the server can do (RFC 7644 section 4), and `/Me`, which it cannot.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

use super::error::ScimFailure;
use super::{answer, body};
use crate::app::App;
use crate::domain::Error;
use crate::http::caller::{ScimCaller, ScimPath};
use crate::scim::discovery::{self, Limits};
use crate::scim::error::ScimError;
use crate::scim::list::Paging;
use crate::service::provisioning::reading::CURSOR_TIMEOUT;

/// The most operations of a bulk request.
pub const MAX_OPERATIONS: usize = 1_000;

/// The limits that are published and enforced.
pub fn limits(app: &App) -> Limits {
    Limits {
        max_operations: MAX_OPERATIONS,
        max_payload_size: app.config.max_body,
        paging: Paging::default(),
        cursor_timeout: CURSOR_TIMEOUT.as_secs(),
    }
}

/// A filter on discovery endpoints is refused (RFC 7644 section 4); other parameters are ignored.
fn refuse_filter(uri: &Uri) -> Result<(), ScimFailure> {
    if body::query(uri)?.iter().any(|(name, _)| name.eq_ignore_ascii_case("filter")) {
        let detail = "discovery endpoints cannot be filtered; leave the filter out";
        return Err(ScimError::status(403, detail).into());
    }
    Ok(())
}

fn found(document: Option<impl Serialize>, kind: &'static str, id: &str) -> Result<Response, ScimFailure> {
    let document = document.ok_or_else(|| Error::not_found(kind, id))?;
    Ok(answer::json(StatusCode::OK, &document))
}

/// `GET /ServiceProviderConfig`
pub async fn service_provider_config(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    uri: Uri,
) -> Result<Response, ScimFailure> {
    refuse_filter(&uri)?;
    let base_url = app.config.scim_base_url(access.directory.id);
    Ok(answer::json(StatusCode::OK, &discovery::service_provider_config(&base_url, &limits(&app))))
}

/// `GET /ResourceTypes`
pub async fn resource_types(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    uri: Uri,
) -> Result<Response, ScimFailure> {
    refuse_filter(&uri)?;
    let base_url = app.config.scim_base_url(access.directory.id);
    Ok(answer::json(StatusCode::OK, &discovery::resource_types(&base_url, &access.catalogue)))
}

/// `GET /ResourceTypes/{name}`
pub async fn resource_type(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    ScimPath((_, name)): ScimPath<(String, String)>,
    uri: Uri,
) -> Result<Response, ScimFailure> {
    refuse_filter(&uri)?;
    let base_url = app.config.scim_base_url(access.directory.id);
    found(discovery::resource_type(&base_url, &access.catalogue, &name), "ResourceType", &name)
}

/// `GET /Schemas`
pub async fn schemas(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    uri: Uri,
) -> Result<Response, ScimFailure> {
    refuse_filter(&uri)?;
    let base_url = app.config.scim_base_url(access.directory.id);
    Ok(answer::json(StatusCode::OK, &discovery::schemas(&base_url, &access.catalogue)))
}

/// `GET /Schemas/{urn}`
pub async fn schema(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    ScimPath((_, urn)): ScimPath<(String, String)>,
    uri: Uri,
) -> Result<Response, ScimFailure> {
    refuse_filter(&uri)?;
    let base_url = app.config.scim_base_url(access.directory.id);
    found(discovery::schema(&base_url, &access.catalogue, &urn), "Schema", &urn)
}

/// `/Me`: a bearer token of a directory is nobody in particular (RFC 7644 section 3.11).
pub async fn me(_: ScimCaller) -> ScimFailure {
    ScimError::status(501, "/Me is not supported: the token belongs to a directory, not to a person").into()
}
