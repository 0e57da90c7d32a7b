//! What is kept for a while only: what is due to go, and its going, a batch at a time.

use chrono::{DateTime, Utc};

use super::Tx;
use super::statement::sql;
use crate::domain::Result;
use crate::domain::directory::{DirectorySettings, LogDays};
use crate::domain::id::{DirectoryId, OrganizationId, PlanId, RequestId};

/// A directory and how long it keeps its log.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The organization.
    pub organization: OrganizationId,
    /// The directory.
    pub directory: DirectoryId,
    /// Its setting.
    pub days: LogDays,
}

/// The next directories of the environment in the order of their ids, removed ones included.
pub async fn directories(tx: &mut Tx, after: DirectoryId, limit: i64) -> Result<Vec<Kept>> {
    let stmt = sql("SELECT organization_id, id, settings FROM directories WHERE id > $1 ORDER BY id LIMIT $2");
    let rows: Vec<(OrganizationId, DirectoryId, String)> = tx.fetch_all(stmt.bind(after).bind(limit)).await?;
    let days = |settings: &str| {
        let settings: DirectorySettings = serde_json::from_str(settings).unwrap_or_default();
        settings.log_days
    };
    let kept = rows.into_iter();
    Ok(kept.map(|(organization, directory, text)| Kept { organization, directory, days: days(&text) }).collect())
}

/// The newest write of a directory. It stays whatever its age, so that a silence can be told from a beginning.
pub async fn last_write(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
) -> Result<Option<RequestId>> {
    let stmt = sql("SELECT r.id FROM requests r WHERE r.organization_id = $1 AND r.directory_id = $2
         AND r.last_position IS NOT NULL ORDER BY r.id DESC LIMIT 1");
    let row: Option<(RequestId,)> = tx.fetch_optional(stmt.bind(organization).bind(directory)).await?;
    Ok(row.map(|(id,)| id))
}

/// The oldest requests of a directory that came before `bound`, but for `spared` once its body is gone.
pub async fn old_requests(
    tx: &mut Tx,
    kept: &Kept,
    bound: RequestId,
    spared: RequestId,
    limit: i64,
) -> Result<Vec<RequestId>> {
    let stmt = sql("SELECT r.id FROM requests r WHERE r.organization_id = $1 AND r.directory_id = $2 AND r.id < $3
         AND (r.id <> $4 OR r.body IS NOT NULL) ORDER BY r.id LIMIT $5");
    let stmt = stmt.bind(kept.organization).bind(kept.directory).bind(bound).bind(spared).bind(limit);
    let rows: Vec<(RequestId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Removes the requests of a directory up to `last`, but for `spared`, whose body goes.
pub async fn delete_requests(tx: &mut Tx, kept: &Kept, last: RequestId, spared: RequestId) -> Result<u64> {
    let bodies = sql("UPDATE requests SET body = NULL WHERE organization_id = $1 AND id = $2 AND id <= $3
         AND body IS NOT NULL");
    tx.execute(bodies.bind(kept.organization).bind(spared).bind(last)).await?;
    let stmt = sql("DELETE FROM requests WHERE organization_id = $1 AND directory_id = $2 AND id <= $3 AND id <> $4");
    tx.execute(stmt.bind(kept.organization).bind(kept.directory).bind(last).bind(spared)).await
}

/// Removes losses that the guard counts no more: those before `bound`, up to `limit` of them.
pub async fn delete_losses(tx: &mut Tx, kept: &Kept, bound: DateTime<Utc>, limit: i64) -> Result<u64> {
    let stmt = sql("DELETE FROM guard_losses WHERE organization_id = $1 AND directory_id = $2 AND membership_id IN (
            SELECT g.membership_id FROM guard_losses g WHERE g.organization_id = $1 AND g.directory_id = $2
            AND g.lost_at < $3 ORDER BY g.lost_at LIMIT $4)");
    tx.execute(stmt.bind(kept.organization).bind(kept.directory).bind(bound).bind(limit)).await
}

/// Whether a directory has losses from before `bound`.
pub async fn has_losses(tx: &mut Tx, kept: &Kept, bound: DateTime<Utc>) -> Result<bool> {
    let stmt = sql("SELECT g.membership_id FROM guard_losses g WHERE g.organization_id = $1 AND g.directory_id = $2
         AND g.lost_at < $3 LIMIT 1");
    let row: Option<(uuid::Uuid,)> =
        tx.fetch_optional(stmt.bind(kept.organization).bind(kept.directory).bind(bound)).await?;
    Ok(row.is_some())
}

/// Plans of the environment that expired before `now`, oldest first; not those that a run still works through.
pub async fn expired_plans(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<(OrganizationId, PlanId)>> {
    let stmt = sql("SELECT p.organization_id, p.id FROM mapping_plans p WHERE p.expires_at < $1
         AND NOT EXISTS (SELECT 1 FROM sync_runs s WHERE s.organization_id = p.organization_id AND s.id = p.run_id
            AND s.state IN ('running', 'awaiting_approval'))
         ORDER BY p.expires_at LIMIT $2");
    tx.fetch_all(stmt.bind(now).bind(limit)).await
}

/// Removes a plan whose effects are gone.
pub async fn delete_plan(tx: &mut Tx, organization: OrganizationId, plan: PlanId) -> Result<()> {
    let stmt = sql("DELETE FROM mapping_plans WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(plan)).await.map(drop)
}
