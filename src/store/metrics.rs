//! What the operator of the whole environment watches: a few counts over all organizations, each by an index that
//! holds only what is counted.

use chrono::{DateTime, Utc};

use super::statement::sql;
use super::{Tx, keys};
use crate::domain::Result;
use crate::domain::id::{DirectoryId, OrganizationId};

/// Counts over everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Totals {
    /// Removals that wait for approval.
    pub parked_effects: i64,
    /// Members that name nobody known.
    pub pending_edges: i64,
    /// People whose link waits for confirmation.
    pub unlinked_people: i64,
    /// Runs under way.
    pub runs_running: i64,
    /// Runs that failed since the time that was asked for.
    pub runs_failed: i64,
    /// Webhook endpoints whose next event has failed at least once.
    pub webhooks_failing: i64,
    /// Events that were given up for an endpoint and are still on record.
    pub webhooks_dead: i64,
}

/// Counts everything; failed runs since `from`.
pub async fn totals(tx: &mut Tx, from: DateTime<Utc>) -> Result<Totals> {
    // The conditions repeat those of the indexes word for word, which is how SQLite knows them.
    let stmt = sql("SELECT
            (SELECT COUNT(*) FROM parked_effects p WHERE p.state = 'parked') AS parked_effects,
            (SELECT COUNT(*) FROM directory_edges e WHERE e.user_id IS NULL AND e.subgroup_id IS NULL) AS pending_edges,
            (SELECT COUNT(*) FROM identity_links l WHERE l.state IN ('pending', 'refused') AND l.state = 'pending')
                AS unlinked_people,
            (SELECT COUNT(*) FROM sync_runs s WHERE s.state IN ('running', 'awaiting_approval')
                AND s.state = 'running') AS runs_running,
            (SELECT COUNT(*) FROM sync_runs s WHERE s.state = 'failed' AND s.finished_at >= $1) AS runs_failed,
            (SELECT COUNT(*) FROM webhook_endpoints w WHERE w.enabled AND w.attempts > 0) AS webhooks_failing,
            (SELECT COUNT(*) FROM webhook_deliveries d WHERE d.state = 'dead') AS webhooks_dead");
    tx.fetch_one(stmt.bind(from)).await
}

/// Differences that the last verifications found, all together, and when the oldest of them was.
pub async fn drift(tx: &mut Tx) -> Result<(i64, Option<DateTime<Utc>>)> {
    let stmt = sql("SELECT CAST(COALESCE(SUM(v.drift), 0) AS BIGINT), MIN(v.verified_at) FROM verifications v");
    tx.fetch_one(stmt).await
}

/// The organizations with the most differences, up to `limit` of them.
pub async fn drifting(tx: &mut Tx, limit: i64) -> Result<Vec<(OrganizationId, i64)>> {
    let stmt = sql("SELECT v.organization_id, v.drift FROM verifications v WHERE v.drift > 0
         ORDER BY v.drift DESC, v.organization_id LIMIT $1");
    tx.fetch_all(stmt.bind(limit)).await
}

/// The time of the last write of each directory that is there and had one.
pub async fn last_writes(tx: &mut Tx) -> Result<Vec<(DirectoryId, DateTime<Utc>)>> {
    let stmt = sql("SELECT w.id, w.at FROM (SELECT d.id, (SELECT r.created_at FROM requests r
                WHERE r.organization_id = d.organization_id AND r.directory_id = d.id
                AND r.last_position IS NOT NULL ORDER BY r.id DESC LIMIT 1) AS at
            FROM directories d WHERE d.deleted_at IS NULL) AS w
         WHERE w.at IS NOT NULL");
    tx.fetch_all(stmt).await
}

/// When the next token of each directory that is there expires; where none is left, when the last one did.
/// Directories with only tokens that never expire are left out, and tokens whose successors are in use.
pub async fn token_expiries(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<(DirectoryId, DateTime<Utc>)>> {
    let text = format!(
        "SELECT t.directory_id, COALESCE(MIN(CASE WHEN t.expires_at > $1 THEN t.expires_at END),
            MAX(t.expires_at))
         FROM scim_tokens t JOIN directories d ON d.organization_id = t.organization_id AND d.id = t.directory_id
         WHERE d.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM scim_tokens s WHERE {} AND s.last_used_at IS NOT NULL)
         GROUP BY t.directory_id
         HAVING MAX(t.expires_at) IS NOT NULL
            AND (COUNT(*) = COUNT(t.expires_at) OR MAX(t.expires_at) > $1)",
        keys::successor("$1")
    );
    tx.fetch_all(sql(text).bind(now)).await
}
