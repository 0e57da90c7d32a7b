//! What an identity provider asks: users, groups and custom resources, written and read.
//!
//! What lives here: the order of steps of each request, in one transaction with everything that follows
//! from it. What does not: the protocol (`scim`), the HTTP forms (`http::scim`), the native side
//! (`service::converge`).

pub mod custom;
pub mod groups;
mod members;
pub mod reading;
pub mod users;

pub use members::member_value;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::change::Change;
pub use super::change::Outcome;
use super::converge::Ground;
use super::keys::ScimAccess;
use crate::app::App;
use crate::domain::{Error, Result};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::schema::ResourceDefinition;
use crate::store::Lane;
use crate::store::requests::{self, RequestEntry};

/// A request that writes, as far as every one is alike.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who sent it, and how far they reach.
    pub access: ScimAccess,
    /// The HTTP method.
    pub method: &'static str,
    /// The path below the base URL.
    pub path: String,
    /// Who they say they are.
    pub user_agent: Option<String>,
    /// What had to be tolerated so far.
    pub tolerances: Tolerances,
    /// The status that the answer will have, for the log.
    pub status: u16,
    /// The state that the client wants to change.
    pub precondition: Precondition,
}

/// An `If-Match` header (RFC 7644 section 3.14, RFC 9110 section 13.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// None was sent.
    #[default]
    None,
    /// `*`: the resource must be there.
    Any,
    /// One of these versions. A tag that is none of ours is left out and so matches nothing.
    Versions(Vec<i64>),
}

impl Precondition {
    /// Refuses a resource that has changed since the client saw it.
    pub fn check(&self, version: i64) -> Result<()> {
        match self {
            Precondition::Versions(wanted) if !wanted.contains(&version) => {
                Err(Error::Stale { current: etag(version) })
            }
            _ => Ok(()),
        }
    }
}

/// The weak entity tag of a version.
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// What the log is to say of a write.
#[derive(Debug, Default)]
pub struct Log {
    /// What had to be tolerated.
    pub tolerances: Tolerances,
    /// The resource that it was about.
    pub resource: Option<String>,
}

/// Runs a request's work in the organization's lane, with its log entry and events in the same commit.
async fn write<T, F>(app: &App, call: Call, work: F) -> Result<Outcome<T>>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut Change<'_>, &'c mut Log) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
{
    let now = app.clock.now();
    let organization = call.access.scope.organization();
    let shared = Arc::new((call, work));
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (call, work) = &*shared;
                let cause = call.access.cause();
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                // Its token was good when the request came; the directory may have been removed since.
                let there = Ground::load(change.tx, organization)
                    .await?
                    .directories
                    .get(&call.access.scope.directory())
                    .copied();
                if there.is_none_or(|directory| directory.leaving.is_some()) {
                    return Err(Error::Unauthorized("the directory of this SCIM base URL has been removed"));
                }
                let mut log = Log { tolerances: call.tolerances.clone(), ..Log::default() };
                let value = work(&mut change, &mut log).await?;
                let entry = entry(call, &log, change.emitted(), now);
                requests::insert(change.tx, &[entry]).await?;
                Ok(Outcome { value, revision: change.finish().await? })
            })
        })
        .await
}

fn entry(call: &Call, log: &Log, events: i64, now: DateTime<Utc>) -> RequestEntry {
    RequestEntry {
        id: call.access.request,
        organization: call.access.scope.organization(),
        directory: call.access.scope.directory(),
        token: call.access.token,
        method: call.method.to_owned(),
        path: call.path.clone(),
        status: call.status,
        scim_type: None,
        detail: None,
        tolerances: tolerance_names(&log.tolerances),
        resource: log.resource.clone(),
        user_agent: call.user_agent.clone(),
        events,
        created_at: now,
    }
}

/// The names of tolerances as the log keeps them: a JSON array.
pub fn tolerance_names(tolerances: &Tolerances) -> String {
    let names: Vec<&str> = tolerances.iter().map(Tolerance::as_str).collect();
    serde_json::Value::from(names).to_string()
}

/// The definition of a resource type that the catalogue has.
fn definition(access: &ScimAccess, name: &str) -> Result<Arc<ResourceDefinition>> {
    let found = access.catalogue.resource(name).cloned();
    found.ok_or_else(|| Error::internal(format!("the catalogue has no {name}")))
}
