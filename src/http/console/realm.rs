//! An organization or the environment: pages that both have, such as keys and webhooks, are the same for both.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

use super::asked::Asked;
use super::failure::PageFailure;
use super::frame::{Frame, Section};
use super::paging;
use super::viewer::{Place, Viewer};
use crate::app::App;
use crate::domain::id::{Id, Identified, OrganizationId};
use crate::domain::native::Organization;
use crate::domain::{Error, Result};
use crate::http::workos::path::id;
use crate::service::access::Access;
use crate::store::{Order, PageRequest};

/// Somebody who looks at an organization, the `{organization}` of the path, or at the environment.
#[derive(Debug, Clone)]
pub struct Realm {
    /// Who looks.
    pub viewer: Viewer,
    /// What they may do here: of an organization's pages, in that organization only.
    pub access: Access,
    /// The organization; `None` for the environment.
    pub organization: Option<Organization>,
    segments: Vec<(String, String)>,
    query: Asked,
}

impl Realm {
    /// The id of the organization.
    pub fn organization_id(&self) -> Option<OrganizationId> {
        self.organization.as_ref().map(|organization| organization.id)
    }

    /// The id that is this segment of the path.
    pub fn id<T: Identified>(&self, segment: &str) -> Result<Id<T>> {
        let found = self.segments.iter().find(|(name, _)| name == segment);
        id(found.map(|(_, value)| value.as_str()).unwrap_or_default())
    }

    /// A parameter of the query; empty if it is absent.
    pub fn asked(&self, name: &str) -> &str {
        self.query.text(name)
    }

    /// A parameter of the query that was filled in.
    pub fn filled(&self, name: &str) -> Option<String> {
        Some(self.asked(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Which page of a list of `T` the address asks for, newest first.
    pub fn page_of<T: Identified>(&self) -> PageRequest {
        paging::of::<T>(self.asked("after"), self.asked("before"), Order::Descending)
    }

    /// The path of a page; `page` begins with a slash.
    pub fn path(&self, page: &str) -> String {
        match &self.organization {
            Some(organization) => format!("/console/{}{page}", organization.id),
            None => format!("/console{page}"),
        }
    }

    /// The path of a page with those parameters of this one's query that are filled in.
    pub fn path_with(&self, page: &str, kept: &[&str]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in kept {
            if let Some(value) = self.filled(name) {
                query.append_pair(name, &value);
            }
        }
        let query = query.finish();
        if query.is_empty() { self.path(page) } else { format!("{}?{query}", self.path(page)) }
    }

    /// Goes to a page, which says what was done; a word of [`super::frame::said`].
    pub fn go(&self, page: &str, said: &str) -> Response {
        Redirect::to(&format!("{}?said={said}", self.path(page))).into_response()
    }

    /// The frame around a page.
    pub fn frame(&self, app: &App, section: Section, title: impl Into<String>) -> Frame {
        let organization = self.organization.as_ref();
        Frame::of(app, Some(&self.viewer), organization, section, title.into(), self.asked("said"))
    }
}

impl FromRequestParts<App> for Realm {
    type Rejection = PageFailure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageFailure> {
        let missing = Error::not_found("path", parts.uri.path());
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| missing)?;
        let segments: Vec<(String, String)> =
            params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let Ok(query) = Asked::from_request_parts(parts, app).await;
        if segments.iter().any(|(name, _)| name == "organization") {
            let place = Place::from_request_parts(parts, app).await?;
            return Ok(Realm {
                access: place.access,
                viewer: place.viewer,
                organization: Some(place.organization),
                segments,
                query,
            });
        }
        let viewer = Viewer::from_request_parts(parts, app).await?;
        viewer.access.environment()?;
        Ok(Realm { access: viewer.access.clone(), viewer, organization: None, segments, query })
    }
}
