//! Idempotency keys: which requests had their effect, and what they were answered.
//!
//! What lives here: the rows, and the claim that a request carries to its first write. The lane stores the claim in the
//! same transaction as the write, so that there is never one without the other. What a repetition is told is decided
//! elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::db::Tx;
use super::statement::sql;
use crate::domain::{Error, Result};

tokio::task_local! {
    /// The claim of the request that this task answers, if it has a key.
    static CURRENT: Option<Arc<Claim>>;
}

/// What a request with a key claims before its first effect.
#[derive(Debug)]
pub struct Claim {
    /// Who asks for what under which key, as a digest.
    pub id: String,
    /// What exactly was asked for, as a digest.
    pub fingerprint: String,
    /// When.
    pub at: DateTime<Utc>,
    held: AtomicBool,
    taken: AtomicBool,
}

impl Claim {
    /// A claim that is not stored yet.
    pub fn new(id: String, fingerprint: String, at: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Claim { id, fingerprint, at, held: AtomicBool::default(), taken: AtomicBool::default() })
    }

    /// Whether the request had an effect, which is committed.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Whether another request has the claim, so that this one could have no effect.
    pub fn is_taken(&self) -> bool {
        self.taken.load(Ordering::SeqCst)
    }

    /// Does `work` under this claim: its first write stores the claim.
    pub async fn over<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        CURRENT.scope(Some(self), work).await
    }

    /// The claim that a write must store: none if there is none, or if it is stored already.
    pub(super) fn to_store() -> Option<Arc<Self>> {
        CURRENT.try_with(Clone::clone).ok().flatten().filter(|claim| !claim.is_held())
    }

    /// Stores the claim.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if another request has it; then [`Claim::is_taken`].
    pub(super) async fn store(&self, tx: &mut Tx) -> Result<()> {
        let stmt =
            sql("INSERT INTO idempotency_keys (id, fingerprint, state, claimed_at) VALUES ($1, $2, 'claimed', $3)
             ON CONFLICT (id) DO NOTHING");
        if tx.execute(stmt.bind(self.id.clone()).bind(self.fingerprint.clone()).bind(self.at)).await? > 0 {
            return Ok(());
        }
        self.taken.store(true, Ordering::SeqCst);
        Err(Error::conflict("idempotency_in_progress", "a request with this Idempotency-Key is under way"))
    }

    /// Notes that the write that stored it is committed.
    pub(super) fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }
}

/// Does work that is no effect of the request, such as noting that a key was used.
pub async fn aside<F: Future>(work: F) -> F::Output {
    CURRENT.scope(None, work).await
}

/// What is kept of a request.
#[derive(Debug, Clone, FromRow)]
pub struct Kept {
    /// What was asked for.
    pub fingerprint: String,
    /// `claimed`, `answered`, `withheld` or `unknown`.
    pub state: String,
    /// The status of the answer.
    pub status: Option<i64>,
    /// Its body.
    pub body: Option<String>,
    /// Its revision.
    pub revision: Option<i64>,
    /// The run that goes on with it.
    pub run: Option<String>,
    /// When it had its effect.
    pub claimed_at: DateTime<Utc>,
}

/// An answer that is to be kept.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `answered`, `withheld` or `unknown`.
    pub state: &'static str,
    /// The status; `None` unless answered.
    pub status: Option<i64>,
    /// The body, if there is one.
    pub body: Option<String>,
    /// The revision, if there is one.
    pub revision: Option<i64>,
    /// The run that goes on with it, if there is one.
    pub run: Option<String>,
}

/// What is kept under this id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<Kept>> {
    let stmt =
        sql("SELECT fingerprint, state, status, body, revision, run, claimed_at FROM idempotency_keys WHERE id = $1");
    tx.fetch_optional(stmt.bind(id.to_owned())).await
}

/// Keeps the answer of a request.
pub async fn answer(tx: &mut Tx, id: &str, answer: &Answer) -> Result<()> {
    let stmt =
        sql("UPDATE idempotency_keys SET state = $2, status = $3, body = $4, revision = $5, run = $6 WHERE id = $1");
    let stmt = stmt.bind(id.to_owned()).bind(answer.state.to_owned()).bind(answer.status);
    tx.execute(stmt.bind(answer.body.clone()).bind(answer.revision).bind(answer.run.clone())).await.map(drop)
}

/// Forgets keys that were claimed before `bound`, up to `limit` of them; answers how many.
pub async fn forget(tx: &mut Tx, bound: DateTime<Utc>, limit: i64) -> Result<u64> {
    let stmt = sql("DELETE FROM idempotency_keys WHERE id IN (
            SELECT k.id FROM idempotency_keys k WHERE k.claimed_at < $1 ORDER BY k.claimed_at LIMIT $2)");
    tx.execute(stmt.bind(bound).bind(limit)).await
}
