//! One resource: create, read, replace, patch, delete (RFC 7644 sections 3.3 to 3.6), for every type alike.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Map, Value};

use super::answer;
use super::body;
use super::error::ScimFailure;
use super::{path_below_base, user_agent};
use crate::app::App;
use crate::domain::directory::PatchResponse;
use crate::domain::{Error, Result};
use crate::http::caller::{ScimCaller, ScimPath};
use crate::scim::dialect::Tolerances;
use crate::scim::error::ScimError;
use crate::scim::patch;
use crate::scim::projection::Projection;
use crate::scim::resource::normalise;
use crate::scim::schema::ResourceDefinition;
use crate::service::keys::ScimAccess;
use crate::service::provisioning::reading::{Kind, Reading};
use crate::service::provisioning::{Call, Precondition, custom, groups, users};
use crate::store::search::Table;

/// A request about resources of one type.
pub(super) struct Exchange {
    pub(super) app: App,
    pub(super) access: ScimAccess,
    pub(super) definition: Arc<ResourceDefinition>,
    pub(super) path: String,
    pub(super) user_agent: Option<String>,
    pub(super) precondition: Precondition,
    pub(super) projection: Projection,
}

/// What a write answers.
pub(super) struct Written {
    /// The id of the resource.
    pub(super) id: String,
    /// Its version; `None` once it is deleted.
    pub(super) version: Option<i64>,
    /// The organization's event position.
    pub(super) revision: i64,
}

impl Exchange {
    fn new(app: App, caller: ScimCaller, endpoint: &str, uri: &Uri, headers: &HeaderMap) -> Result<Self> {
        let access = caller.0;
        let definition = definition(&access, endpoint)?;
        let parameters = body::query(uri)?;
        let named =
            |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        let projection = Projection::parse(named("attributes"), named("excludedAttributes"), &definition)?;
        Ok(Exchange {
            app,
            access,
            definition,
            path: path_below_base(uri.path()),
            user_agent: user_agent(headers),
            precondition: body::precondition(headers),
            projection,
        })
    }

    fn call(&self, method: &'static str, status: StatusCode, tolerances: Tolerances) -> Call {
        Call {
            access: self.access.clone(),
            method,
            path: self.path.clone(),
            user_agent: self.user_agent.clone(),
            tolerances,
            status: status.as_u16(),
            precondition: self.precondition.clone(),
        }
    }

    pub(super) async fn create(&self, body: Value) -> Result<Written> {
        let mut tolerances = Tolerances::default();
        let strictness = self.access.directory.settings.strictness();
        let body = normalise(body, &self.definition, strictness, &mut tolerances)?;
        let (app, call) = (&self.app, self.call("POST", StatusCode::CREATED, tolerances));
        Ok(match Kind::of(&self.definition).0 {
            Table::Users => {
                let done = users::create(app, call, body).await?;
                Written { id: done.value.id.to_string(), version: Some(1), revision: done.revision }
            }
            Table::Groups => {
                let done = groups::create(app, call, body).await?;
                Written { id: done.value.id.to_string(), version: Some(1), revision: done.revision }
            }
            Table::Custom => {
                let done = custom::create(app, call, Arc::clone(&self.definition), body).await?;
                Written { id: done.value.id.to_string(), version: Some(1), revision: done.revision }
            }
        })
    }

    pub(super) async fn replace(&self, id: &str, body: Value) -> Result<Written> {
        let mut tolerances = Tolerances::default();
        let strictness = self.access.directory.settings.strictness();
        let body = normalise(body, &self.definition, strictness, &mut tolerances)?;
        let (app, call) = (&self.app, self.call("PUT", StatusCode::OK, tolerances));
        let (version, revision) = match Kind::of(&self.definition).0 {
            Table::Users => {
                let done = users::replace(app, call, self.id(id)?, body).await?;
                (done.value.version, done.revision)
            }
            Table::Groups => {
                let done = groups::replace(app, call, self.id(id)?, body).await?;
                (done.value.version, done.revision)
            }
            Table::Custom => {
                let done = custom::replace(app, call, Arc::clone(&self.definition), self.id(id)?, body).await?;
                (done.value.version, done.revision)
            }
        };
        Ok(Written { id: id.to_owned(), version: Some(version), revision })
    }

    pub(super) async fn patch(&self, id: &str, body: Value) -> Result<Written> {
        let mut tolerances = Tolerances::default();
        let strictness = self.access.directory.settings.strictness();
        let operations = patch::parse(body, &self.definition, strictness, &mut tolerances)?;
        self.access.noted.has_operations(operations.len());
        let (app, call) = (
            &self.app,
            self.call("PATCH", if self.shows_patched() { StatusCode::OK } else { StatusCode::NO_CONTENT }, tolerances),
        );
        let (version, revision) = match Kind::of(&self.definition).0 {
            Table::Users => {
                let done = users::patch(app, call, self.id(id)?, operations).await?;
                (done.value.version, done.revision)
            }
            Table::Groups => {
                let done = groups::patch(app, call, self.id(id)?, operations).await?;
                (done.value.version, done.revision)
            }
            Table::Custom => {
                let done = custom::patch(app, call, Arc::clone(&self.definition), self.id(id)?, operations).await?;
                (done.value.version, done.revision)
            }
        };
        Ok(Written { id: id.to_owned(), version: Some(version), revision })
    }

    pub(super) async fn delete(&self, id: &str) -> Result<Written> {
        let (app, call) = (&self.app, self.call("DELETE", StatusCode::NO_CONTENT, Tolerances::default()));
        let revision = match Kind::of(&self.definition).0 {
            Table::Users => users::delete(app, call, self.id(id)?).await?.revision,
            Table::Groups => groups::delete(app, call, self.id(id)?).await?.revision,
            Table::Custom => custom::delete(app, call, Arc::clone(&self.definition), self.id(id)?).await?.revision,
        };
        Ok(Written { id: id.to_owned(), version: None, revision })
    }

    /// A text that is no id of this type names a resource that does not exist.
    fn id<T: std::str::FromStr>(&self, text: &str) -> Result<T> {
        let kind = match Kind::of(&self.definition).0 {
            Table::Users => "User",
            Table::Groups => "Group",
            Table::Custom => "Resource",
        };
        text.parse().map_err(|_| Error::not_found(kind, text.chars().take(100).collect::<String>()))
    }

    /// Whether a PATCH answers the resource. A group would echo every member, so it does only when asked to.
    fn shows_patched(&self) -> bool {
        match self.access.directory.settings.patch_response {
            PatchResponse::Body => true,
            PatchResponse::None => !self.projection.is_default(),
            PatchResponse::Default => !self.definition.is_group() || !self.projection.is_default(),
        }
    }

    /// The resource as it is now, projected.
    async fn current(&self, id: &str) -> Result<(Map<String, Value>, i64)> {
        Reading::new(&self.app, &self.access, &self.definition).one(id, &self.projection).await
    }

    /// The answer of a write that shows the resource.
    async fn shown(&self, status: StatusCode, written: &Written) -> Result<Response> {
        let mut response = self.resource(&written.id, None).await?;
        *response.status_mut() = status;
        Ok(answer::committed(response, written.revision))
    }

    /// The resource as it is now, or 304 for a client that has it already.
    async fn resource(&self, id: &str, conditions: Option<&HeaderMap>) -> Result<Response> {
        let whole_group = self.definition.is_group() && self.projection.is_default();
        let (document, version) = if whole_group {
            let without_members = Projection::parse(None, Some("members"), &self.definition)?;
            Reading::new(&self.app, &self.access, &self.definition).one(id, &without_members).await?
        } else {
            self.current(id).await?
        };
        if conditions.is_some_and(|headers| body::has_already(headers, version)) {
            return Ok(answer::not_modified(version));
        }
        let mut response = if whole_group {
            let base_url = self.app.config.scim_base_url(self.access.directory.id);
            answer::streamed_group(&self.app.db, &self.access, self.id(id)?, &document, base_url).await?
        } else {
            answer::json(StatusCode::OK, &document)
        };
        answer::with_resource_headers(&mut response, &document, version);
        Ok(response)
    }
}

/// The resource type at an endpoint of the path.
pub(super) fn definition(access: &ScimAccess, endpoint: &str) -> Result<Arc<ResourceDefinition>> {
    access.catalogue.by_endpoint(&format!("/{endpoint}")).cloned().ok_or_else(|| {
        let known: Vec<&str> = access.catalogue.resources.iter().map(|r| r.endpoint.as_str()).collect();
        let detail = format!("there is no such resource type; this directory has {}", known.join(", "));
        ScimError::status(404, detail).into()
    })
}

/// `POST /Users`
pub async fn create(
    State(app): State<App>,
    caller: ScimCaller,
    ScimPath((_, endpoint)): ScimPath<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ScimFailure> {
    let exchange = Exchange::new(app, caller, &endpoint, &uri, &headers)?;
    let sent = body::read(&exchange.access, &headers, sent, exchange.app.config.max_body).await?;
    let written = exchange.create(sent).await?;
    Ok(exchange.shown(StatusCode::CREATED, &written).await?)
}

/// `GET /Users/{id}`
pub async fn read(
    State(app): State<App>,
    caller: ScimCaller,
    ScimPath((_, endpoint, id)): ScimPath<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ScimFailure> {
    let exchange = Exchange::new(app, caller, &endpoint, &uri, &headers)?;
    Ok(exchange.resource(&id, Some(&headers)).await?)
}

/// `PUT /Users/{id}`
pub async fn replace(
    State(app): State<App>,
    caller: ScimCaller,
    ScimPath((_, endpoint, id)): ScimPath<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ScimFailure> {
    let exchange = Exchange::new(app, caller, &endpoint, &uri, &headers)?;
    let sent = body::read(&exchange.access, &headers, sent, exchange.app.config.max_body).await?;
    let written = exchange.replace(&id, sent).await?;
    Ok(exchange.shown(StatusCode::OK, &written).await?)
}

/// `PATCH /Users/{id}`
pub async fn patch(
    State(app): State<App>,
    caller: ScimCaller,
    ScimPath((_, endpoint, id)): ScimPath<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ScimFailure> {
    let exchange = Exchange::new(app, caller, &endpoint, &uri, &headers)?;
    let sent = body::read(&exchange.access, &headers, sent, exchange.app.config.max_body).await?;
    let written = exchange.patch(&id, sent).await?;
    if exchange.shows_patched() {
        return Ok(exchange.shown(StatusCode::OK, &written).await?);
    }
    let mut response = answer::nothing();
    if let Some(version) = written.version {
        answer::with_resource_headers(&mut response, &Map::new(), version);
    }
    Ok(answer::committed(response, written.revision))
}

/// `DELETE /Users/{id}`
pub async fn delete(
    State(app): State<App>,
    caller: ScimCaller,
    ScimPath((_, endpoint, id)): ScimPath<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ScimFailure> {
    let exchange = Exchange::new(app, caller, &endpoint, &uri, &headers)?;
    let written = exchange.delete(&id).await?;
    Ok(answer::committed(answer::nothing(), written.revision))
}
