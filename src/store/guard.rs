//! The guard's window: who lost something by a directory, and when.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Tx;
use super::statement::{Column, Rows, sql};
use crate::domain::Result;
use crate::domain::id::{DirectoryId, MembershipId, OrganizationId};

/// Notes that these memberships lost something.
pub async fn record(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    losers: BTreeSet<MembershipId>,
    now: DateTime<Utc>,
) -> Result<()> {
    if losers.is_empty() {
        return Ok(());
    }
    let text = format!(
        "INSERT INTO guard_losses (organization_id, directory_id, membership_id, lost_at)
         SELECT $2, $3, r.id, $4 FROM {} AS r WHERE true
         ON CONFLICT (organization_id, directory_id, membership_id) DO UPDATE SET lost_at = excluded.lost_at",
        tx.rows(1, &[("id", Column::Id)])
    );
    tx.execute(sql(text).bind(Rows::ids(losers)).bind(organization).bind(directory).bind(now)).await.map(drop)
}

/// How many memberships lost something after `since`.
pub async fn recent(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    since: DateTime<Utc>,
) -> Result<i64> {
    let stmt = sql("SELECT COUNT(*) FROM guard_losses
         WHERE organization_id = $1 AND directory_id = $2 AND lost_at > $3");
    let (count,): (i64,) = tx.fetch_one(stmt.bind(organization).bind(directory).bind(since)).await?;
    Ok(count)
}

/// Those of `memberships` that lost something after `since`.
pub async fn recent_among(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    since: DateTime<Utc>,
    memberships: &BTreeSet<MembershipId>,
) -> Result<BTreeSet<MembershipId>> {
    let text = format!(
        "SELECT r.id FROM {} guard_losses g ON g.organization_id = $2 AND g.directory_id = $3
            AND g.membership_id = r.id AND g.lost_at > $4",
        tx.driving(1, &[("id", Column::Id)])
    );
    let ids = Rows::ids(memberships.iter().copied());
    let stmt = sql(text).bind(ids).bind(organization).bind(directory).bind(since);
    let rows: Vec<(MembershipId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// How many people of a directory are linked to a membership.
pub async fn mapped_members(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<i64> {
    let stmt = sql("SELECT COUNT(*) FROM identity_links
         WHERE organization_id = $1 AND directory_id = $2 AND state = 'linked'");
    let (count,): (i64,) = tx.fetch_one(stmt.bind(organization).bind(directory)).await?;
    Ok(count)
}
