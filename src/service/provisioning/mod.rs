//! What an identity provider asks: users, groups and custom resources, written and read.
//!
//! What lives here: the order of steps of each request, in one transaction with everything that follows
//! from it. What does not: the protocol (`scim`), the HTTP forms (`http::scim`), the native side
//! (`service::converge`).

pub mod custom;
pub mod groups;
mod log;
mod members;
pub mod reading;
pub mod users;

use log::{Log, Step};
pub use log::{Noted, tolerance_names};
pub use members::member_value;

use std::sync::Arc;

use futures::future::BoxFuture;

use super::change::Change;
pub use super::change::Outcome;
use super::keys::ScimAccess;
use crate::app::App;
use crate::domain::{Error, Result};
use crate::scim::dialect::Tolerances;
use crate::scim::schema::ResourceDefinition;
use crate::store::{Lane, directories, requests};

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

/// Runs a request's work in the organization's lane, with its log entry and events in the same commit.
async fn write<T, F>(app: &App, call: Call, work: F) -> Result<Outcome<T>>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut Change<'_>, &'c mut Log) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
{
    let now = app.clock.now();
    let organization = call.access.scope.organization();
    let body = call.access.noted.kept_body(&call.access, false);
    let budget = app.config.converge_budget;
    let access = call.access.clone();
    let shared = Arc::new((call, work, body));
    let (outcome, left_to) = app
        .db
        .write(Lane::Organization(organization), move |tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (call, work, body) = &*shared;
                let cause = call.access.cause();
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                change.budget = budget;
                let mut log = Log { tolerances: call.tolerances.clone(), ..Log::default() };
                let value = work(&mut change, &mut log).await.inspect_err(|_| {
                    call.access.noted.reached(Step::of(&change.trace));
                })?;
                let entry = log::committed(call, &log, &change, body.clone());
                requests::insert(change.tx, &[entry]).await?;
                if call.access.directory.paused_at.is_some() && change.emitted() > 0 {
                    directories::count_backlog(change.tx, organization, call.access.directory.id).await?;
                }
                let left_to = change.left_to;
                Ok((Outcome { value, revision: change.finish().await? }, left_to))
            })
        })
        .await?;
    if let Some(run) = left_to {
        access.noted.left_to(run);
        app.wake.notify_one();
    }
    Ok(outcome)
}

/// The definition of a resource type that the catalogue has.
fn definition(access: &ScimAccess, name: &str) -> Result<Arc<ResourceDefinition>> {
    let found = access.catalogue.resource(name).cloned();
    found.ok_or_else(|| Error::internal(format!("the catalogue has no {name}")))
}
