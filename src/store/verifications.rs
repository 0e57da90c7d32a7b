//! The last verification of each organization.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Tx;
use super::statement::sql;
use crate::domain::id::{OrganizationId, RunId};
use crate::domain::{Error, Result};

/// What a verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The run that verified.
    pub run: RunId,
    /// How many differences there are; 0 is as it should be.
    pub drift: i64,
    /// The checksum of what is stored.
    pub stored_checksum: String,
    /// The checksum of what a recomputation makes.
    pub desired_checksum: String,
    /// What was not looked at: rules that a run is still bringing into effect, paused directories.
    pub left_out: Value,
    /// The event position that it is true of.
    pub revision: i64,
    /// When it was made.
    pub verified_at: DateTime<Utc>,
}

/// Stores the last verification.
pub async fn put(tx: &mut Tx, organization: OrganizationId, made: &Verification) -> Result<()> {
    let stmt = sql("INSERT INTO verifications (organization_id, run_id, drift, stored_checksum, desired_checksum,
            left_out, revision, verified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (organization_id) DO UPDATE SET run_id = excluded.run_id, drift = excluded.drift,
            stored_checksum = excluded.stored_checksum, desired_checksum = excluded.desired_checksum,
            left_out = excluded.left_out, revision = excluded.revision, verified_at = excluded.verified_at")
    .bind(organization)
    .bind(made.run)
    .bind(made.drift)
    .bind(&made.stored_checksum)
    .bind(&made.desired_checksum)
    .bind(made.left_out.to_string())
    .bind(made.revision)
    .bind(made.verified_at);
    tx.execute(stmt).await.map(drop)
}

/// The last verification of an organization.
pub async fn find(tx: &mut Tx, organization: OrganizationId) -> Result<Option<Verification>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        run_id: RunId,
        drift: i64,
        stored_checksum: String,
        desired_checksum: String,
        left_out: String,
        revision: i64,
        verified_at: DateTime<Utc>,
    }
    let stmt = sql("SELECT run_id, drift, stored_checksum, desired_checksum, left_out, revision, verified_at
         FROM verifications WHERE organization_id = $1");
    let row: Option<Row> = tx.fetch_optional(stmt.bind(organization)).await?;
    row.map(|row| {
        Ok(Verification {
            run: row.run_id,
            drift: row.drift,
            stored_checksum: row.stored_checksum,
            desired_checksum: row.desired_checksum,
            left_out: serde_json::from_str(&row.left_out).map_err(|error| Error::Internal(Box::new(error)))?,
            revision: row.revision,
            verified_at: row.verified_at,
        })
    })
    .transpose()
}

/// Up to `limit` organizations that have rules in force and were not verified since `since`.
pub async fn due(tx: &mut Tx, since: DateTime<Utc>, limit: i64) -> Result<Vec<OrganizationId>> {
    let stmt = sql("SELECT DISTINCT m.organization_id FROM mapping_rules m
         LEFT JOIN verifications v ON v.organization_id = m.organization_id
         WHERE m.applied_version IS NOT NULL AND (v.verified_at IS NULL OR v.verified_at < $1)
         ORDER BY m.organization_id LIMIT $2");
    let rows: Vec<(OrganizationId,)> = tx.fetch_all(stmt.bind(since).bind(limit)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
