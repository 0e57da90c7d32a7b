//! Writes the request log's entries of reads and failures, in batches: they are no part of state.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::id::OrganizationId;
use crate::store::Lane;
use crate::store::requests::{self, RequestEntry};

/// How many entries are written at a time.
const BATCH: usize = 500;
/// How long entries gather before they are written.
const GATHER: Duration = Duration::from_millis(500);

/// Runs until `stop`, then writes what is left.
pub async fn run(app: App, mut entries: Receiver<RequestEntry>, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            received = entries.recv_many(&mut batch, BATCH) => if received == 0 { return },
            () = stop.cancelled() => {
                while let Ok(entry) = entries.try_recv() {
                    batch.push(entry);
                }
                write(&app, batch).await;
                return;
            }
        }
        if batch.len() < BATCH {
            tokio::select! { () = sleep(GATHER) => {}, () = stop.cancelled() => {} }
            while batch.len() < BATCH {
                let Ok(entry) = entries.try_recv() else { break };
                batch.push(entry);
            }
        }
        write(&app, std::mem::take(&mut batch)).await;
    }
}

async fn write(app: &App, batch: Vec<RequestEntry>) {
    let mut by_organization: BTreeMap<OrganizationId, Vec<RequestEntry>> = BTreeMap::new();
    for entry in batch {
        by_organization.entry(entry.organization).or_default().push(entry);
    }
    for (organization, entries) in by_organization {
        let count = entries.len();
        let written = app
            .db
            .write(Lane::Organization(organization), move |tx| {
                let entries = entries.clone();
                Box::pin(async move { requests::insert(tx, &entries).await })
            })
            .await;
        if let Err(error) = written {
            tracing::warn!(error = %error, count, "entries of the request log were lost");
        }
    }
}
