//! What is in a deleted organization: shut at once, taken out a stretch at a time.

use chrono::{DateTime, Utc};

use super::Tx;
use super::groups::{self, GroupRow};
use super::statement::sql;
use crate::domain::Result;
use crate::domain::id::OrganizationId;
use crate::domain::native::Group;

/// Revokes every key and token of an organization, and stops its runs.
pub async fn shut(tx: &mut Tx, organization: OrganizationId, now: DateTime<Utc>) -> Result<()> {
    for text in [
        "DELETE FROM api_keys WHERE organization_id = $1",
        "DELETE FROM scim_tokens WHERE organization_id = $1",
        // Their mirrors, which keep no group from going.
        "DELETE FROM bindings WHERE organization_id = $1",
    ] {
        tx.execute(sql(text).bind(organization)).await?;
    }
    let runs =
        sql("UPDATE sync_runs SET state = 'cancelled', finished_at = $2, claimed_by = NULL, claimed_until = NULL
         WHERE organization_id = $1 AND state IN ('running', 'awaiting_approval')");
    tx.execute(runs.bind(organization).bind(now)).await.map(drop)
}

/// Some native groups.
pub async fn some_groups(tx: &mut Tx, organization: OrganizationId, limit: i64) -> Result<Vec<Group>> {
    let text = format!("SELECT {} FROM groups g WHERE g.organization_id = $1 ORDER BY g.id LIMIT $2", groups::COLUMNS);
    let rows: Vec<GroupRow> = tx.fetch_all(sql(text).bind(organization).bind(limit)).await?;
    Ok(rows.into_iter().map(Group::from).collect())
}

/// The tables that are left once people, groups and the records of directories are gone, each with the column by which
/// its rows are taken out; those that others point at come after them.
const LEFT: [(&str, &str); 15] = [
    ("webhook_deliveries", "event_id"),
    ("webhook_endpoints", "id"),
    ("requests", "id"),
    ("identity_links", "directory_user_id"),
    ("parked_effects", "id"),
    ("mapping_effects", "id"),
    ("mapping_plans", "id"),
    ("sync_runs", "id"),
    ("ended_origins", "membership_id"),
    ("guard_losses", "membership_id"),
    ("mapping_rule_versions", "rule_id"),
    ("mapping_rules", "id"),
    ("directories", "id"),
    ("verifications", "run_id"),
    ("roles", "id"),
];

/// Removes up to `limit` rows, or the rows of as many things. Answers whether none are left.
pub async fn some_records(tx: &mut Tx, organization: OrganizationId, limit: i64) -> Result<bool> {
    for (table, key) in LEFT {
        let text = format!(
            "DELETE FROM {table} WHERE organization_id = $1
             AND {key} IN (SELECT {key} FROM {table} WHERE organization_id = $1 LIMIT $2)"
        );
        if tx.execute(sql(text).bind(organization).bind(limit)).await? > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
