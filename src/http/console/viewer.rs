//! Who looks, and at which organization.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use super::asked::Asked;
use super::failure::PageFailure;
use super::frame::{Frame, Section};
use crate::app::App;
use crate::domain::actor::Source;
use crate::domain::id::{Id, Identified, OrganizationId};
use crate::domain::native::Organization;
use crate::domain::operator::{Holder, Operator, Session};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::http::workos::path::id;
use crate::service::access::Access;
use crate::service::organizations;

/// Somebody who is signed in. The gate has checked them.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The session.
    pub session: Session,
    /// What they may do.
    pub access: Access,
}

impl Viewer {
    /// Whether they are a guest of the portal.
    pub fn is_guest(&self) -> bool {
        self.access.actor().source == Source::AdminPortal
    }

    /// The operator that they are.
    pub fn operator(&self) -> Result<&Operator> {
        match &self.session.holder {
            Holder::Operator(operator) => Ok(operator),
            Holder::Guest { .. } => Err(Error::Forbidden("this page is not part of the portal".to_owned())),
        }
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = PageFailure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, PageFailure> {
        let viewer = parts.extensions.get::<Viewer>().cloned();
        viewer.ok_or_else(|| Error::Unauthorized("you are not signed in").into())
    }
}

/// Somebody who looks at an organization that they may see: the `{organization}` of the path.
#[derive(Debug, Clone)]
pub struct Place {
    /// Who looks.
    pub viewer: Viewer,
    /// What they may do here: in this organization only, so that nothing of another is found whatever its id. Decisions
    /// that only the environment makes take the viewer's.
    pub access: Access,
    /// The organization.
    pub organization: Organization,
    /// Its scope.
    pub scope: OrganizationScope,
    segments: Vec<(String, String)>,
    query: Asked,
}

impl Place {
    /// The id that is this segment of the path.
    pub fn id<T: Identified>(&self, segment: &str) -> Result<Id<T>> {
        let found = self.segments.iter().find(|(name, _)| name == segment);
        id(found.map(|(_, value)| value.as_str()).unwrap_or_default())
    }

    /// A parameter of the query; empty if it is absent.
    pub fn asked(&self, name: &str) -> &str {
        self.query.text(name)
    }

    /// The path of a page of the organization; `page` begins with a slash, or is empty for its overview.
    pub fn path(&self, page: &str) -> String {
        format!("/console/{}{page}", self.organization.id)
    }

    /// Goes to a page of the organization, which says what was done; a word of [`super::frame::said`].
    pub fn go(&self, page: &str, said: &str) -> Response {
        let sign = if page.contains('?') { '&' } else { '?' };
        Redirect::to(&format!("{}{sign}said={said}", self.path(page))).into_response()
    }

    /// The frame around a page of the organization.
    pub fn frame(&self, app: &App, section: Section, title: impl Into<String>) -> Frame {
        Frame::of(app, Some(&self.viewer), Some(&self.organization), section, title.into(), self.asked("said"))
    }
}

impl FromRequestParts<App> for Place {
    type Rejection = PageFailure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageFailure> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        let path = parts.uri.path().to_owned();
        let missing = || Error::not_found("path", &path);
        if path.contains("%00") {
            return Err(missing().into());
        }
        let Ok(query) = Asked::from_request_parts(parts, app).await;
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| missing())?;
        let segments: Vec<(String, String)> =
            params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let named = segments.iter().find(|(name, _)| name == "organization").ok_or_else(missing)?;
        let organization: OrganizationId = id(&named.1)?;
        let scope = viewer.access.organization(organization)?;
        let organization = organizations::get(app, scope).await?;
        Ok(Place { access: viewer.access.clone().limited_to(scope), viewer, organization, scope, segments, query })
    }
}
