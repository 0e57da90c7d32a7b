//! Who is signed in, and who failed to.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::Tx;
use super::operators::{OPERATOR, OperatorRow};
use super::statement::sql;
use crate::domain::id::{OperatorId, OrganizationId, SessionId};
use crate::domain::operator::{Holder, Operator, Session};
use crate::domain::{Error, Result};

/// Stores a new session under the digest of its cookie.
pub async fn insert(tx: &mut Tx, session: &Session, digest: &str) -> Result<()> {
    let (operator, organization, return_url) = match &session.holder {
        Holder::Operator(operator) => (Some(operator.id), None, None),
        Holder::Guest { organization, return_url } => (None, Some(*organization), return_url.clone()),
    };
    let stmt = sql("INSERT INTO console_sessions (id, digest, operator_id, organization_id, return_url, agent,
            created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(session.id)
    .bind(digest)
    .bind(operator)
    .bind(organization)
    .bind(return_url)
    .bind(&session.agent)
    .bind(session.created_at)
    .bind(session.seen_at)
    .bind(session.expires_at);
    tx.execute(stmt).await.map(drop)
}

#[derive(FromRow)]
struct SessionRow {
    id: SessionId,
    operator_id: Option<OperatorId>,
    organization_id: Option<OrganizationId>,
    return_url: Option<String>,
    agent: String,
    created_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

const SESSION: &str = "id, operator_id, organization_id, return_url, agent, created_at, seen_at, expires_at";

impl SessionRow {
    async fn complete(self, tx: &mut Tx) -> Result<Session> {
        let holder = match (self.operator_id, self.organization_id) {
            (Some(operator), None) => {
                let text = format!("SELECT {OPERATOR} FROM operators o WHERE o.id = $1");
                let row: OperatorRow = tx.fetch_one(sql(text).bind(operator)).await?;
                Holder::Operator(Operator::try_from(row)?)
            }
            (None, Some(organization)) => Holder::Guest { organization, return_url: self.return_url },
            _ => return Err(Error::internal(format!("{} is neither of an operator nor of a guest", self.id))),
        };
        Ok(Session {
            id: self.id,
            holder,
            agent: self.agent,
            created_at: self.created_at,
            seen_at: self.seen_at,
            expires_at: self.expires_at,
        })
    }
}

/// The session whose cookie has this digest. Whether it is over is for the caller to see.
pub async fn by_digest(tx: &mut Tx, digest: &str) -> Result<Option<Session>> {
    let text = format!("SELECT {SESSION} FROM console_sessions WHERE digest = $1");
    let row: Option<SessionRow> = tx.fetch_optional(sql(text).bind(digest)).await?;
    match row {
        Some(row) => row.complete(tx).await.map(Some),
        None => Ok(None),
    }
}

/// Every session of an operator, newest first.
pub async fn of_operator(tx: &mut Tx, operator: &Operator) -> Result<Vec<Session>> {
    let text = format!("SELECT {SESSION} FROM console_sessions WHERE operator_id = $1 ORDER BY id DESC");
    let rows: Vec<SessionRow> = tx.fetch_all(sql(text).bind(operator.id)).await?;
    let complete = |row: SessionRow| Session {
        id: row.id,
        holder: Holder::Operator(operator.clone()),
        agent: row.agent,
        created_at: row.created_at,
        seen_at: row.seen_at,
        expires_at: row.expires_at,
    };
    Ok(rows.into_iter().map(complete).collect())
}

/// Notes a sign of life.
pub async fn touch(tx: &mut Tx, id: SessionId, now: DateTime<Utc>) -> Result<()> {
    tx.execute(sql("UPDATE console_sessions SET seen_at = $2 WHERE id = $1").bind(id).bind(now)).await.map(drop)
}

/// Ends a session; answers whether there was one.
pub async fn end(tx: &mut Tx, id: SessionId) -> Result<bool> {
    Ok(tx.execute(sql("DELETE FROM console_sessions WHERE id = $1").bind(id)).await? > 0)
}

/// Ends every session of an operator, but one.
pub async fn end_of_operator(tx: &mut Tx, operator: OperatorId, but: Option<SessionId>) -> Result<u64> {
    let stmt = sql("DELETE FROM console_sessions WHERE operator_id = $1 AND id <> $2");
    tx.execute(stmt.bind(operator).bind(but.unwrap_or(SessionId::nil()))).await
}

/// Shows the guests of an organization out, and lets no more in.
pub async fn end_of_guests(tx: &mut Tx, organization: OrganizationId) -> Result<()> {
    tx.execute(sql("DELETE FROM entry_links WHERE organization_id = $1").bind(organization)).await?;
    tx.execute(sql("DELETE FROM console_sessions WHERE organization_id = $1").bind(organization)).await.map(drop)
}

/// Forgets sessions and links that are over, and failures that are long past.
pub async fn forget(tx: &mut Tx, now: DateTime<Utc>, idle_since: DateTime<Utc>) -> Result<()> {
    let stmt = sql("DELETE FROM console_sessions WHERE expires_at <= $1 OR seen_at <= $2");
    tx.execute(stmt.bind(now).bind(idle_since)).await?;
    tx.execute(sql("DELETE FROM entry_links WHERE expires_at <= $1").bind(now)).await?;
    let stmt = sql("DELETE FROM sign_in_failures WHERE updated_at <= $1");
    tx.execute(stmt.bind(now - chrono::Duration::days(1))).await.map(drop)
}

/// How often somebody failed to sign in.
#[derive(Debug, Clone, FromRow)]
pub struct Failures {
    /// How often in a row.
    pub failures: i64,
    /// When they may try again.
    pub retry_at: Option<DateTime<Utc>>,
}

/// The failures under this id.
pub async fn failures(tx: &mut Tx, id: &str) -> Result<Option<Failures>> {
    tx.fetch_optional(sql("SELECT failures, retry_at FROM sign_in_failures WHERE id = $1").bind(id)).await
}

/// Counts one more failure; answers how many there are now.
pub async fn count_failure(tx: &mut Tx, id: &str, now: DateTime<Utc>) -> Result<i64> {
    let stmt = sql("INSERT INTO sign_in_failures (id, failures, updated_at) VALUES ($1, 1, $2)
         ON CONFLICT (id) DO UPDATE SET failures = sign_in_failures.failures + 1, updated_at = $2 RETURNING failures");
    let row: (i64,) = tx.fetch_one(stmt.bind(id).bind(now)).await?;
    Ok(row.0)
}

/// Says when somebody may try again.
pub async fn hold_off(tx: &mut Tx, id: &str, until: DateTime<Utc>) -> Result<()> {
    tx.execute(sql("UPDATE sign_in_failures SET retry_at = $2 WHERE id = $1").bind(id).bind(until)).await.map(drop)
}

/// Forgets the failures under this id.
pub async fn forget_failures(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute(sql("DELETE FROM sign_in_failures WHERE id = $1").bind(id)).await.map(drop)
}
