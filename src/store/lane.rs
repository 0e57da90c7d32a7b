//! The writer lanes: writes of one organization are serial, and those that wait share a commit.
//!
//! On SQLite there is one lane, since the file has one writer. On PostgreSQL each organization has its
//! own, and replicas meet at the organization's row, which the first statement of a batch locks. A lane
//! is a task of its own: it opens the transaction, runs each waiting closure in a savepoint, commits,
//! and only then answers.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::audit::Pending;
use super::db::{Conn, Pools, Shared, Tx, is_transient};
use super::idempotency::Claim;
use super::statement::sql;
use crate::domain::id::OrganizationId;
use crate::domain::{Error, Result};

/// How many writes share a commit at the most. PostgreSQL keeps 64 subtransactions cheaply.
const BATCH: usize = 32;
/// How often a write that lost its transaction is tried again by itself.
const ATTEMPTS: u32 = 5;
/// How long a lane without work stays.
const IDLE: Duration = Duration::from_secs(30);

/// What a write must be serial with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Every other write of this organization.
    Organization(OrganizationId),
    /// Nothing of an organization's: keys of the environment, native users, new organizations.
    Environment,
}

type Work = Arc<dyn for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<()>> + Send + Sync>;

struct Job {
    work: Work,
    done: oneshot::Sender<Result<()>>,
}

/// All lanes of one database.
pub(super) struct Lanes {
    pools: Pools,
    shared: Arc<Shared>,
    open: Mutex<HashMap<Lane, mpsc::UnboundedSender<Job>>>,
}

impl Lanes {
    pub(super) fn new(pools: Pools, shared: Arc<Shared>) -> Self {
        Lanes { pools, shared, open: Mutex::default() }
    }

    pub(super) async fn write<T, F>(self: &Arc<Self>, lane: Lane, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let filled = Arc::clone(&slot);
        let (claim, note) = (Claim::to_store(), Pending::to_store());
        let (work, to_store) = (Arc::new(work), (claim.clone(), note.clone()));
        let work: Work = Arc::new(move |tx| {
            let (slot, work, (claim, note)) = (Arc::clone(&filled), Arc::clone(&work), to_store.clone());
            Box::pin(async move {
                if let Some(claim) = claim {
                    claim.store(tx).await?;
                }
                if let Some(note) = note {
                    note.store(tx, lane).await?;
                }
                let value = work(tx).await?;
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
                Ok(())
            })
        });
        let (done, answer) = oneshot::channel();
        self.submit(lane, Job { work, done });
        answer.await.map_err(|_| Error::internal("the writer went away before it answered"))??;
        if let Some(claim) = claim {
            claim.hold();
        }
        if let Some(note) = note {
            note.hold();
        }
        let value = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| Error::internal("a committed write left no answer"))
    }

    /// Hands the job to its lane, opening the lane if need be.
    fn submit(self: &Arc<Self>, lane: Lane, job: Job) {
        let lane = match self.pools {
            Pools::Sqlite { .. } => Lane::Environment,
            Pools::Postgres(_) => lane,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match open.get(&lane) {
            Some(sender) => match sender.send(job) {
                Ok(()) => return,
                Err(refused) => refused.0,
            },
            None => job,
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        // A lane that was just made holds its receiver, so this cannot fail.
        let _ = sender.send(job);
        open.insert(lane, sender);
        tokio::spawn(Arc::clone(self).run(lane, receiver));
    }

    /// The life of a lane: batches until it has been idle for a while.
    async fn run(self: Arc<Self>, lane: Lane, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            let Ok(first) = tokio::time::timeout(IDLE, jobs.recv()).await else {
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                // Jobs are sent under the same lock: an empty queue now stays empty.
                if jobs.is_empty() {
                    open.remove(&lane);
                    return;
                }
                continue;
            };
            let Some(first) = first else { return };
            let mut batch = vec![first];
            while batch.len() < BATCH {
                match jobs.try_recv() {
                    Ok(job) => batch.push(job),
                    Err(_) => break,
                }
            }
            self.commit_batch(lane, batch).await;
        }
    }

    /// Runs a batch in one transaction; if that is lost as a whole, each member by itself.
    async fn commit_batch(&self, lane: Lane, batch: Vec<Job>) {
        match self.try_batch(lane, &batch).await {
            Ok(results) => {
                for (job, result) in batch.into_iter().zip(results) {
                    // A receiver that is gone belongs to a client that is gone.
                    let _ = job.done.send(result);
                }
            }
            Err(lost) => {
                tracing::warn!(error = %lost, members = batch.len(), "a write batch was lost; its members run alone");
                for job in batch {
                    let result = self.run_alone(lane, &job.work).await;
                    let _ = job.done.send(result);
                }
            }
        }
    }

    /// One result per job, or the failure of the transaction as a whole.
    async fn try_batch(&self, lane: Lane, batch: &[Job]) -> Result<Vec<Result<()>>> {
        if let [job] = batch {
            return self.attempt(lane, &job.work).await.map(|result| vec![result]);
        }
        let mut tx = self.begin(lane).await?;
        let began = Instant::now();
        let mut results = Vec::with_capacity(batch.len());
        for job in batch {
            tx.command("SAVEPOINT member").await?;
            let result = contained(&job.work, &mut tx).await;
            match &result {
                Ok(()) => tx.command("RELEASE SAVEPOINT member").await?,
                Err(error) if is_transient(error) => return Err(Error::internal(error.to_string())),
                Err(_) => {
                    tx.command("ROLLBACK TO SAVEPOINT member").await?;
                    tx.command("RELEASE SAVEPOINT member").await?;
                }
            }
            results.push(result);
        }
        let committed = tx.commit().await;
        note_held(began, batch.len());
        match committed {
            Ok(()) => Ok(results),
            Err(error) => match lost_commit(error) {
                Error::Busy { .. } => Ok(batch.iter().map(|_| Err(unknown_outcome())).collect()),
                error => Err(error),
            },
        }
    }

    /// One job in a transaction of its own: its result, or the failure of the transaction as a whole.
    async fn attempt(&self, lane: Lane, work: &Work) -> Result<Result<()>> {
        let mut tx = self.begin(lane).await?;
        let began = Instant::now();
        match contained(work, &mut tx).await {
            Ok(()) => {
                let committed = tx.commit().await;
                note_held(began, 1);
                match committed.map_err(lost_commit) {
                    Ok(()) => Ok(Ok(())),
                    Err(error @ Error::Busy { .. }) => Ok(Err(error)),
                    Err(error) => Err(error),
                }
            }
            Err(error) if is_transient(&error) => Err(error),
            // Dropping the transaction rolls it back.
            Err(error) => Ok(Err(error)),
        }
    }

    async fn run_alone(&self, lane: Lane, work: &Work) -> Result<()> {
        let mut attempt = 1;
        loop {
            match self.attempt(lane, work).await {
                Ok(result) => return result,
                Err(error) if attempt >= ATTEMPTS || !is_transient(&error) => {
                    tracing::error!(error = %error, attempt, "a write was given up");
                    return Err(Error::Busy {
                        message: "the database could not take the write; send it again".to_owned(),
                        retry_after: 1,
                    });
                }
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
                    attempt += 1;
                }
            }
        }
    }

    async fn begin(&self, lane: Lane) -> Result<Tx> {
        let begun = match &self.pools {
            Pools::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Conn::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Conn::Postgres),
        };
        let conn = begun.map_err(|error| Error::Internal(Box::new(error)))?;
        let mut tx = Tx::new(conn, Arc::clone(&self.shared));
        if let (Pools::Postgres(_), Lane::Organization(organization)) = (&self.pools, lane) {
            let lock = sql("SELECT id FROM organizations WHERE id = $1 FOR UPDATE").bind(organization);
            let _: Option<(OrganizationId,)> = tx.fetch_optional(lock).await?;
        }
        Ok(tx)
    }
}

/// Tells whoever traces `muster::lane` how long a transaction held its lane, commit included.
fn note_held(began: Instant, members: usize) {
    let held = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::trace!(target: "muster::lane", held_micros = held, members);
}

/// What a failed COMMIT means: one that the database refused changed nothing and may be tried again;
/// one whose answer was lost may have happened, and must not be done twice.
fn lost_commit(error: sqlx::Error) -> Error {
    if matches!(error, sqlx::Error::Database(_)) { Error::Internal(Box::new(error)) } else { unknown_outcome() }
}

fn unknown_outcome() -> Error {
    Error::Busy {
        message: "the connection to the database broke at the commit; look whether the write took effect".to_owned(),
        retry_after: 1,
    }
}

/// Runs the closure; a panic in it is a failure of that closure, not of the lane.
async fn contained(work: &Work, tx: &mut Tx) -> Result<()> {
    match AssertUnwindSafe(work(tx)).catch_unwind().await {
        Ok(result) => result,
        Err(_) => Err(Error::internal("a write panicked")),
    }
}
