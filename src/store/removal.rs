//! The records of a directory that is removed: taken out a stretch at a time, once nothing native rests on them.

use super::Tx;
use super::statement::{Column, Rows, sql};
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, OrganizationId};

/// How many groups go at a time: each may have many members.
const GROUPS: i64 = 20;

/// Removes up to `limit` records of a directory. Answers whether none are left.
pub async fn some_records(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    limit: i64,
) -> Result<bool> {
    let of_directory = |text: &str, limit: i64| sql(text.to_owned()).bind(organization).bind(directory).bind(limit);
    let groups = of_directory(
        "SELECT id FROM directory_groups WHERE organization_id = $1 AND directory_id = $2 LIMIT $3",
        GROUPS,
    );
    let groups: Vec<(DirectoryGroupId,)> = tx.fetch_all(groups).await?;
    if !groups.is_empty() {
        let ids = || Rows::ids(groups.iter().map(|(id,)| *id));
        let rows = tx.rows(2, &[("id", Column::Id)]);
        for column in ["group_id", "subgroup_id"] {
            let text = format!(
                "DELETE FROM directory_edges WHERE organization_id = $1 AND {column} IN (SELECT id FROM {rows} AS r)"
            );
            tx.execute(sql(text).bind(organization).bind(ids())).await?;
        }
        let text =
            format!("DELETE FROM directory_groups WHERE organization_id = $1 AND id IN (SELECT id FROM {rows} AS r)");
        tx.execute(sql(text).bind(organization).bind(ids())).await?;
        return Ok(false);
    }
    let users =
        of_directory("SELECT id FROM directory_users WHERE organization_id = $1 AND directory_id = $2 LIMIT $3", limit);
    let users: Vec<(DirectoryUserId,)> = tx.fetch_all(users).await?;
    if !users.is_empty() {
        let ids = || Rows::ids(users.iter().map(|(id,)| *id));
        let rows = tx.rows(2, &[("id", Column::Id)]);
        for (table, column) in [("directory_user_emails", "directory_user_id"), ("directory_users", "id")] {
            let text =
                format!("DELETE FROM {table} WHERE organization_id = $1 AND {column} IN (SELECT id FROM {rows} AS r)");
            tx.execute(sql(text).bind(organization).bind(ids())).await?;
        }
        return Ok(false);
    }
    for table in ["directory_resources", "directory_unique_values", "guard_losses"] {
        let text = format!("DELETE FROM {table} WHERE organization_id = $1 AND directory_id = $2");
        tx.execute(sql(text).bind(organization).bind(directory)).await?;
    }
    Ok(true)
}
