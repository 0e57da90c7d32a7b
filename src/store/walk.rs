//! Walks through everything of an organization, in the order of ids, a stretch at a time.

use super::Tx;
use super::statement::sql;
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, MembershipId, OrganizationId};

/// How many directory groups, people and memberships there are, as the walks below meet them.
pub async fn length(tx: &mut Tx, organization: OrganizationId) -> Result<i64> {
    let stmt = sql("SELECT (SELECT COUNT(*) FROM directory_groups WHERE organization_id = $1)
            + (SELECT COUNT(*) FROM (SELECT id FROM directory_users WHERE organization_id = $1
                UNION SELECT directory_user_id FROM identity_links WHERE organization_id = $1) AS p)
            + (SELECT COUNT(*) FROM organization_memberships WHERE organization_id = $1)");
    let (length,): (i64,) = tx.fetch_one(stmt.bind(organization)).await?;
    Ok(length)
}

/// How many people there are, as the walk below meets them.
pub async fn count_people(tx: &mut Tx, organization: OrganizationId) -> Result<i64> {
    let stmt = sql("SELECT COUNT(*) FROM (SELECT id FROM directory_users WHERE organization_id = $1
            UNION SELECT directory_user_id FROM identity_links WHERE organization_id = $1) AS p");
    let (count,): (i64,) = tx.fetch_one(stmt.bind(organization)).await?;
    Ok(count)
}

/// The directory groups after `after`, up to `limit`: those that are there, and those that are gone and left bindings.
pub async fn groups(
    tx: &mut Tx,
    organization: OrganizationId,
    after: DirectoryGroupId,
    limit: i64,
) -> Result<Vec<DirectoryGroupId>> {
    let stmt = sql("SELECT id FROM (SELECT id FROM directory_groups
                WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS here
         UNION SELECT id FROM (SELECT DISTINCT directory_group_id AS id FROM bindings
                WHERE organization_id = $1 AND directory_group_id > $2 ORDER BY directory_group_id LIMIT $3) AS bound
         ORDER BY id LIMIT $3");
    let rows: Vec<(DirectoryGroupId,)> = tx.fetch_all(stmt.bind(organization).bind(after).bind(limit)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The directory users after `after`, up to `limit`: those who are there, and those who are gone and left a link.
pub async fn people(
    tx: &mut Tx,
    organization: OrganizationId,
    after: DirectoryUserId,
    limit: i64,
) -> Result<Vec<DirectoryUserId>> {
    let stmt = sql("SELECT id FROM (SELECT id FROM directory_users
                WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS here
         UNION SELECT id FROM (SELECT directory_user_id AS id FROM identity_links
                WHERE organization_id = $1 AND directory_user_id > $2 ORDER BY directory_user_id LIMIT $3) AS linked
         ORDER BY id LIMIT $3");
    let rows: Vec<(DirectoryUserId,)> = tx.fetch_all(stmt.bind(organization).bind(after).bind(limit)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The memberships after `after`, up to `limit`.
pub async fn memberships(
    tx: &mut Tx,
    organization: OrganizationId,
    after: MembershipId,
    limit: i64,
) -> Result<Vec<MembershipId>> {
    let stmt =
        sql("SELECT id FROM organization_memberships WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    let rows: Vec<(MembershipId,)> = tx.fetch_all(stmt.bind(organization).bind(after).bind(limit)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
