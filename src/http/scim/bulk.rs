//! `/Bulk` (RFC 7644 section 3.7): each operation is one request of its own, in an order that lets references
//! by `bulkId` be resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;

use super::error::{ScimFailure, problem};
use super::resources::{Exchange, Written, definition};
use super::{Answered, answer, body, discovery, note, user_agent};
use crate::app::App;
use crate::domain::Result;
use crate::domain::id::RequestId;
use crate::http::caller::ScimCaller;
use crate::http::headers;
use crate::scim::bulk::{self, Entry, Ids, Method, Operation, Outcome, Request, Step};
use crate::scim::error::ScimError;
use crate::scim::json;
use crate::scim::projection::Projection;
use crate::service::keys::ScimAccess;
use crate::service::provisioning::{Precondition, etag};

/// `POST /Bulk`
pub async fn run(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    _: Uri,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ScimFailure> {
    let limits = discovery::limits(&app);
    let limits = bulk::Limits { max_operations: limits.max_operations, max_payload_size: limits.max_payload_size };
    let bytes = body::read_bytes(&access, &headers, sent, limits.max_payload_size).await?;
    bulk::check_size(bytes.len(), &limits)?;
    let request = Request::parse(json::parse(&bytes)?, &access.catalogue, &limits)?;
    let mut run = Run {
        app,
        access,
        user_agent: user_agent(&headers),
        ids: Ids::new(),
        outcomes: BTreeMap::new(),
        kept: BTreeMap::new(),
        revision: None,
    };
    run.all(&request).await;
    // Operations that were never tried, after too many errors, are left out.
    let mut response = answer::json(StatusCode::OK, &bulk::response(run.outcomes.into_values().collect()));
    if let Some(revision) = run.revision {
        headers::set_revision(&mut response, revision);
    }
    Ok(response)
}

/// A bulk request under way.
struct Run {
    app: App,
    access: ScimAccess,
    user_agent: Option<String>,
    /// What the `bulkId`s of created resources came to.
    ids: Ids,
    /// By the place of the operation in the request.
    outcomes: BTreeMap<usize, Outcome>,
    /// PATCH bodies that complete resources of a circle, and the ids of these resources.
    kept: BTreeMap<usize, (String, Value)>,
    /// The organization's event position after the last write.
    revision: Option<i64>,
}

impl Run {
    async fn all(&mut self, request: &Request) {
        for step in bulk::plan(&request.entries) {
            let errors = self.outcomes.values().filter(|outcome| outcome.is_error()).count();
            if request.stops_after(errors) {
                return;
            }
            let index = match &step {
                Step::Run { index, .. } | Step::Complete { index } => *index,
            };
            let Some(entry) = request.entries.get(index) else { continue };
            let outcome = match step {
                Step::Run { deferred, .. } => self.first(index, entry, &deferred).await,
                Step::Complete { .. } => match self.complete(index, entry).await {
                    Some(outcome) => outcome,
                    None => continue,
                },
            };
            self.outcomes.insert(index, outcome);
        }
    }

    async fn first(&mut self, index: usize, entry: &Entry, deferred: &std::collections::BTreeSet<String>) -> Outcome {
        let operation = match &entry.operation {
            Ok(operation) => operation,
            Err(error) => return Outcome::failed(entry, error, None),
        };
        let mut data = operation.data.clone();
        let later = if deferred.is_empty() { None } else { bulk::defer(&mut data, deferred) };
        match self.operate(operation, data).await {
            Ok((exchange, written)) => {
                if let Some(bulk_id) = &entry.bulk_id {
                    self.ids.insert(bulk_id.clone(), written.id.clone());
                }
                self.revision = Some(written.revision);
                if let Some(later) = later {
                    self.kept.insert(index, (written.id.clone(), later));
                }
                succeeded(entry, operation, &exchange, &written)
            }
            Err(error) => {
                let location = self.location(operation);
                Outcome::failed(entry, &error, location)
            }
        }
    }

    /// Adds to a resource what could not be referred to when it was made.
    async fn complete(&mut self, index: usize, entry: &Entry) -> Option<Outcome> {
        let (id, mut body) = self.kept.remove(&index)?;
        let operation = entry.operation.as_ref().ok()?;
        let done = match bulk::substitute(&mut body, &self.ids) {
            Ok(()) => self.send(operation, Method::Patch, &id, body).await,
            Err(error) => Err(error),
        };
        Some(match done {
            Ok((exchange, written)) => {
                self.revision = Some(written.revision);
                succeeded(entry, operation, &exchange, &written)
            }
            Err(error) => {
                let base_url = self.app.config.scim_base_url(self.access.directory.id);
                let location = format!("{base_url}{}/{id}", operation.target.endpoint);
                Outcome::failed(entry, &error, Some(location))
            }
        })
    }

    async fn operate(&self, operation: &Operation, mut data: Value) -> Result<(Exchange, Written), ScimError> {
        bulk::substitute(&mut data, &self.ids)?;
        let subject = match &operation.target.subject {
            Some(subject) => subject.resolve(&self.ids)?,
            None => "",
        };
        self.send(operation, operation.method, subject, data).await
    }

    /// Does one operation. One that is refused is noted in the log here, one that succeeds with its commit.
    async fn send(
        &self,
        operation: &Operation,
        method: Method,
        subject: &str,
        data: Value,
    ) -> Result<(Exchange, Written), ScimError> {
        let exchange = self.exchange(operation, &data).map_err(|error| problem(&error))?;
        let (name, written) = match method {
            Method::Post => ("POST", exchange.create(data).await),
            Method::Put => ("PUT", exchange.replace(subject, data).await),
            Method::Patch => ("PATCH", exchange.patch(subject, data).await),
            Method::Delete => ("DELETE", exchange.delete(subject).await),
        };
        match written {
            Ok(written) => Ok((exchange, written)),
            Err(error) => {
                let problem = problem(&error);
                let answered = Answered { status: problem.status, problem: Some(&problem), tolerances: None };
                let (path, agent) = (exchange.path.clone(), exchange.user_agent.clone());
                note(&self.app, &exchange.access, name, path, agent, &answered);
                Err(problem)
            }
        }
    }

    /// Each operation is a request of its own in the log, under an id of its own.
    fn exchange(&self, operation: &Operation, data: &Value) -> Result<Exchange> {
        let definition = definition(&self.access, operation.target.endpoint.trim_start_matches('/'))?;
        let precondition = match &operation.version {
            None => Precondition::None,
            Some(tag) => Precondition::Versions(body::version(tag).into_iter().collect()),
        };
        let request = RequestId::mint(self.app.clock.now());
        let access = ScimAccess { request, noted: Arc::default(), ..self.access.clone() };
        if !data.is_null() {
            access.noted.sent(&access, data.to_string().as_bytes());
        }
        Ok(Exchange {
            app: self.app.clone(),
            access,
            projection: Projection::default_for(&definition),
            path: format!("/Bulk{}", definition.endpoint),
            definition,
            user_agent: self.user_agent.clone(),
            precondition,
        })
    }

    fn location(&self, operation: &Operation) -> Option<String> {
        let id = operation.target.subject.as_ref()?.resolve(&self.ids).ok()?;
        let base_url = self.app.config.scim_base_url(self.access.directory.id);
        Some(format!("{base_url}{}/{id}", operation.target.endpoint))
    }
}

fn succeeded(entry: &Entry, operation: &Operation, exchange: &Exchange, written: &Written) -> Outcome {
    let base_url = exchange.app.config.scim_base_url(exchange.access.directory.id);
    let status = match operation.method {
        Method::Post => 201,
        Method::Delete => 204,
        Method::Put | Method::Patch => 200,
    };
    Outcome {
        method: entry.method.clone(),
        bulk_id: entry.bulk_id.clone(),
        location: Some(format!("{base_url}{}/{}", operation.target.endpoint, written.id)),
        version: written.version.map(etag),
        status,
        response: None,
    }
}
