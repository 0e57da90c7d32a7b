//! Runs as tests begin them, wait for them and go through them step by step.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use muster::app::App;
use muster::domain::event::Cause;
use muster::domain::id::OrganizationId;
use muster::domain::{Error, Result};
use muster::service::change::Change;
use muster::store::Lane;
use serde_json::{Value, json};

use super::scim::user;
use super::server::{Answer, TestDirectory, TestServer};

/// A write of the test's own, in the organization's lane.
pub async fn change<T, F>(app: &App, organization: &str, work: F) -> Result<T>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut Change<'_>) -> BoxFuture<'c, Result<T>> + Send + Sync + Clone + 'static,
{
    let organization: OrganizationId = organization.parse().expect("an id");
    let now = app.clock.now();
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let work = work.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &Cause::System).await?;
                let done = work(&mut change).await?;
                change.finish().await?;
                Ok(done)
            })
        })
        .await
}

impl TestServer {
    /// Begins a run.
    pub async fn begin_run(&self, organization: &str, kind: &str) -> String {
        let body = json!({"organization_id": organization, "kind": kind});
        self.api("POST", "/sync_runs", body).await.expect(201).text("/id")
    }

    /// The run as it is now.
    pub async fn run(&self, id: &str) -> Answer {
        self.api("GET", &format!("/sync_runs/{id}"), Value::Null).await.expect(200)
    }

    /// Waits until the run is in this state.
    pub async fn run_in(&self, id: &str, state: &str) -> Answer {
        let reached = async {
            loop {
                let run = self.run(id).await;
                if run.at("/state") == state {
                    return run;
                }
                let waits = ["running", "awaiting_approval"].contains(&run.text("/state").as_str());
                assert!(waits, "it never becomes {state}: {}", run.body);
            }
        };
        tokio::time::timeout(Duration::from_mins(1), reached).await.unwrap_or_else(|_| panic!("not {state} in time"))
    }
}

impl TestDirectory {
    /// Creates people `p0@acme.example` and so on; answers their ids in that order.
    pub async fn crowd(&self, count: usize) -> Vec<String> {
        let create = |n: usize| async move {
            let address = format!("p{n}@acme.example");
            let emails = json!({"emails": [{"value": address, "primary": true}]});
            self.scim("POST", "/Users", user(&address, emails)).await.expect(201).text("/id")
        };
        stream::iter(0..count).map(create).buffered(16).collect().await
    }
}

/// An error that must not be one.
pub fn fine<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
