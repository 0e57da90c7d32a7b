//! Extractors: who calls for which organization, and the other parts of a request, with the errors of this API.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;

use super::error::Failure;
use crate::app::App;
use crate::domain::id::OrganizationId;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::http::caller::ApiCaller;
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::id;
use crate::service::access::Access;

/// The header by which a key of the environment names the organization.
const ORGANIZATION: &str = "OpenAI-Organization";

/// Somebody with a valid key, and the organization that they mean.
pub struct Caller {
    /// The key's reach.
    pub access: Access,
    /// The organization.
    pub scope: OrganizationScope,
}

/// The same, with a key that may change things.
pub struct Writer {
    /// The key's reach.
    pub access: Access,
    /// The organization.
    pub scope: OrganizationScope,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let ApiCaller(access) = ApiCaller::from_request_parts(parts, app).await?;
        let id = named(parts)?.or(access.only()).ok_or_else(|| {
            let message = format!(
                "a key of the environment reaches every organization: name one by the header {ORGANIZATION}: org_…, or use \
                 a key of the organization"
            );
            Error::invalid(ORGANIZATION, "missing_organization", message)
        })?;
        Ok(Caller { scope: access.organization(id)?, access })
    }
}

impl FromRequestParts<App> for Writer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Caller { access, scope } = Caller::from_request_parts(parts, app).await?;
        access.writes()?;
        Ok(Writer { access, scope })
    }
}

/// The organization that the header names; an empty one is as good as absent, as some clients send it.
fn named(parts: &Parts) -> Result<Option<OrganizationId>> {
    let mut values = parts.headers.get_all(ORGANIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::invalid(ORGANIZATION, "invalid_header", format!("there are two {ORGANIZATION} headers")));
    }
    let text = first.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
    text.filter(|text| !text.is_empty()).map(|text| id(&text)).transpose()
}

/// An extractor of the API at the root, with the errors of this one.
pub struct Face<T>(pub T);

impl<T> FromRequestParts<App> for Face<T>
where
    T: FromRequestParts<App, Rejection = ApiFailure>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        Ok(Face(T::from_request_parts(parts, app).await?))
    }
}

impl FromRequest<App> for Face<Fields> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        Ok(Face(Fields::from_request(request, app).await?))
    }
}
