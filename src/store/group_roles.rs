//! Roles that native groups have.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::statement::sql;
use super::{Page, PageRequest, Tx, policies, roles};
use crate::domain::Result;
use crate::domain::group_roles::GroupRoles;
use crate::domain::id::{GroupId, MembershipId, OrganizationId, RoleId};
use crate::domain::native::Role;

/// A role that a group has.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GroupRole {
    /// The group.
    pub group_id: GroupId,
    /// The role.
    pub role_id: RoleId,
    /// The name of the group.
    pub group_name: String,
    /// Who assigned it.
    pub created_by: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

const COLUMNS: &str = "a.group_id, a.role_id, g.name AS group_name, a.created_by, a.created_at";

/// Gives a group a role. Answers whether it is new.
pub async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    (group, role): (GroupId, RoleId),
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let stmt = sql("INSERT INTO group_roles (organization_id, group_id, role_id, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, group_id, role_id) DO NOTHING")
    .bind(organization)
    .bind(group)
    .bind(role)
    .bind(by)
    .bind(now);
    let new = tx.execute(stmt).await? > 0;
    if new {
        policies::renew(tx, organization).await?;
    }
    Ok(new)
}

/// Takes a role from a group. Answers whether it had it.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, group: GroupId, role: RoleId) -> Result<bool> {
    let stmt = sql("DELETE FROM group_roles WHERE organization_id = $1 AND group_id = $2 AND role_id = $3");
    let had = tx.execute(stmt.bind(organization).bind(group).bind(role)).await? > 0;
    if had {
        policies::renew(tx, organization).await?;
    }
    Ok(had)
}

/// Takes all roles from a group, which goes.
pub(super) async fn delete_of_group(tx: &mut Tx, organization: OrganizationId, group: GroupId) -> Result<()> {
    let stmt = sql("DELETE FROM group_roles WHERE organization_id = $1 AND group_id = $2");
    if tx.execute(stmt.bind(organization).bind(group)).await? > 0 {
        policies::renew(tx, organization).await?;
    }
    Ok(())
}

/// Takes a role, which goes, from all groups.
pub async fn delete_of_role(tx: &mut Tx, organization: OrganizationId, role: RoleId) -> Result<()> {
    let stmt = sql("DELETE FROM group_roles WHERE organization_id = $1 AND role_id = $2");
    if tx.execute(stmt.bind(organization).bind(role)).await? > 0 {
        policies::renew(tx, organization).await?;
    }
    Ok(())
}

/// Which roles the groups of the organization have. There are few.
pub async fn all(tx: &mut Tx, organization: OrganizationId) -> Result<GroupRoles> {
    let stmt = sql("SELECT group_id, role_id FROM group_roles WHERE organization_id = $1");
    let rows: Vec<(GroupId, RoleId)> = tx.fetch_all(stmt.bind(organization)).await?;
    Ok(rows.into_iter().collect())
}

/// The groups that have a role, by id.
pub async fn of_role(tx: &mut Tx, organization: OrganizationId, role: RoleId) -> Result<Vec<GroupRole>> {
    let text = format!(
        "SELECT {COLUMNS} FROM group_roles a
         JOIN groups g ON g.organization_id = a.organization_id AND g.id = a.group_id
         WHERE a.organization_id = $1 AND a.role_id = $2 ORDER BY a.group_id"
    );
    tx.fetch_all(sql(text).bind(organization).bind(role)).await
}

/// A page of the roles that a group has.
pub async fn list(tx: &mut Tx, organization: OrganizationId, group: GroupId, page: &PageRequest) -> Result<Page<Role>> {
    let text = format!(
        "SELECT {} FROM group_roles a
         JOIN roles x ON x.organization_id = a.organization_id AND x.id = a.role_id
         WHERE a.organization_id = $1 AND a.group_id = $2",
        roles::COLUMNS
    );
    let stmt = page.complete(&text, vec![organization.into(), group.into()], "a.role_id");
    let rows: Vec<roles::RoleRow> = tx.fetch_all(stmt).await?;
    page.page(rows).try_map(Role::try_from)
}

/// Whether a group has a role.
pub async fn has(tx: &mut Tx, organization: OrganizationId, group: GroupId, role: RoleId) -> Result<bool> {
    let stmt = sql("SELECT role_id FROM group_roles WHERE organization_id = $1 AND group_id = $2 AND role_id = $3");
    let row: Option<(RoleId,)> = tx.fetch_optional(stmt.bind(organization).bind(group).bind(role)).await?;
    Ok(row.is_some())
}

/// The roles of the groups that a membership is effectively in, each with its group.
pub async fn of_membership(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
) -> Result<BTreeSet<(RoleId, GroupId)>> {
    let text = format!(
        "SELECT a.role_id, a.group_id FROM group_memberships e
         {} group_roles a ON a.organization_id = e.organization_id AND a.group_id = e.group_id
         WHERE e.organization_id = $1 AND e.membership_id = $2",
        tx.join()
    );
    let rows: Vec<(RoleId, GroupId)> = tx.fetch_all(sql(text).bind(organization).bind(membership)).await?;
    Ok(rows.into_iter().collect())
}
