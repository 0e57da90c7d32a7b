//! Roles of an organization.

use chrono::{DateTime, Utc};

use super::statement::sql;
use super::{Page, PageRequest, Tx, policies};
use crate::domain::id::{MembershipId, OrganizationId, RoleId};
use crate::domain::native::Role;
use crate::domain::{Error, Result};

pub(super) const COLUMNS: &str =
    "x.id, x.slug, x.name, x.description, x.permissions, x.is_default, x.created_by, x.created_at, x.updated_at";

#[derive(sqlx::FromRow)]
pub(super) struct RoleRow {
    id: RoleId,
    slug: String,
    name: String,
    description: Option<String>,
    permissions: String,
    is_default: bool,
    created_by: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<RoleRow> for Role {
    type Error = Error;

    fn try_from(row: RoleRow) -> Result<Self> {
        let corrupt = |error| Error::internal(format!("role {} has corrupt permissions: {error}", row.id));
        Ok(Role {
            id: row.id,
            slug: row.slug,
            name: row.name,
            description: row.description,
            permissions: serde_json::from_str(&row.permissions).map_err(corrupt)?,
            is_default: row.is_default,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Stores a new role. Fails with a unique violation if the slug is taken.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, role: &Role) -> Result<()> {
    let stmt = sql("INSERT INTO roles (organization_id, id, slug, name, description, permissions, is_default,
            created_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
    .bind(organization)
    .bind(role.id)
    .bind(&role.slug)
    .bind(&role.name)
    .bind(role.description.clone())
    .bind(permissions(role))
    .bind(role.is_default)
    .bind(role.created_by.clone())
    .bind(role.created_at)
    .bind(role.updated_at);
    tx.execute(stmt).await?;
    policies::renew(tx, organization).await
}

/// Stores a changed name, description or permissions.
pub async fn update(tx: &mut Tx, organization: OrganizationId, role: &Role) -> Result<()> {
    let stmt = sql("UPDATE roles SET name = $3, description = $4, permissions = $5, updated_at = $6
         WHERE organization_id = $1 AND id = $2")
    .bind(organization)
    .bind(role.id)
    .bind(&role.name)
    .bind(role.description.clone())
    .bind(permissions(role))
    .bind(role.updated_at);
    tx.execute(stmt).await?;
    policies::renew(tx, organization).await
}

/// Removes a role that nobody holds and no group has any more.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: RoleId) -> Result<()> {
    let stmt = sql("DELETE FROM roles WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id)).await?;
    policies::renew(tx, organization).await
}

fn permissions(role: &Role) -> String {
    serde_json::Value::from(role.permissions.clone()).to_string()
}

/// All roles of the organization, oldest first. There are few.
pub async fn all(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<Role>> {
    let text = format!("SELECT {COLUMNS} FROM roles x WHERE x.organization_id = $1 ORDER BY x.id");
    let rows: Vec<RoleRow> = tx.fetch_all(sql(text).bind(organization)).await?;
    rows.into_iter().map(Role::try_from).collect()
}

/// The role with this id.
pub async fn find(tx: &mut Tx, organization: OrganizationId, id: RoleId) -> Result<Option<Role>> {
    let text = format!("SELECT {COLUMNS} FROM roles x WHERE x.organization_id = $1 AND x.id = $2");
    let row: Option<RoleRow> = tx.fetch_optional(sql(text).bind(organization).bind(id)).await?;
    row.map(Role::try_from).transpose()
}

/// A page of the organization's roles.
pub async fn list(tx: &mut Tx, organization: OrganizationId, page: &PageRequest) -> Result<Page<Role>> {
    let text = format!("SELECT {COLUMNS} FROM roles x WHERE x.organization_id = $1");
    let rows: Vec<RoleRow> = tx.fetch_all(page.complete(&text, vec![organization.into()], "x.id")).await?;
    page.page(rows).try_map(Role::try_from)
}

/// A page of the roles that a membership holds.
pub async fn list_of_membership(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    page: &PageRequest,
) -> Result<Page<Role>> {
    let text = format!(
        "SELECT {COLUMNS} FROM membership_roles h
         JOIN roles x ON x.organization_id = h.organization_id AND x.id = h.role_id
         WHERE h.organization_id = $1 AND h.membership_id = $2"
    );
    let stmt = page.complete(&text, vec![organization.into(), membership.into()], "h.role_id");
    let rows: Vec<RoleRow> = tx.fetch_all(stmt).await?;
    page.page(rows).try_map(Role::try_from)
}

/// The memberships that hold a role, in force or not.
pub async fn holders(tx: &mut Tx, organization: OrganizationId, role: RoleId) -> Result<Vec<MembershipId>> {
    let stmt = sql("SELECT membership_id FROM membership_roles WHERE organization_id = $1 AND role_id = $2");
    let rows: Vec<(MembershipId,)> = tx.fetch_all(stmt.bind(organization).bind(role)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
