//! Roles of an organization.

use chrono::{DateTime, Utc};

use super::statement::sql;
use super::{Tx, policies};
use crate::domain::Result;
use crate::domain::id::{OrganizationId, RoleId};
use crate::domain::native::Role;

#[derive(sqlx::FromRow)]
struct RoleRow {
    id: RoleId,
    slug: String,
    name: String,
    is_default: bool,
}

/// Stores a new role. Fails with a unique violation if the slug is taken.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, role: &Role, now: DateTime<Utc>) -> Result<()> {
    let stmt = sql("INSERT INTO roles (organization_id, id, slug, name, description, permissions, is_default,
            created_at, updated_at) VALUES ($1, $2, $3, $4, NULL, '[]', $5, $6, $6)")
    .bind(organization)
    .bind(role.id)
    .bind(&role.slug)
    .bind(&role.name)
    .bind(role.is_default)
    .bind(now);
    tx.execute(stmt).await?;
    policies::renew(tx, organization).await
}

/// All roles of the organization, oldest first.
pub async fn all(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<Role>> {
    let stmt = sql("SELECT id, slug, name, is_default FROM roles WHERE organization_id = $1 ORDER BY id");
    let rows: Vec<RoleRow> = tx.fetch_all(stmt.bind(organization)).await?;
    Ok(rows
        .into_iter()
        .map(|row| Role { id: row.id, slug: row.slug, name: row.name, is_default: row.is_default })
        .collect())
}

/// A role as a list shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedRole {
    /// Its id.
    pub id: RoleId,
    /// The handle.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What it permits, as a JSON array of strings.
    pub permissions: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// All roles of the organization as a list shows them, oldest first. There are few.
pub async fn list(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<ListedRole>> {
    let stmt = sql("SELECT id, slug, name, description, permissions, created_at, updated_at
         FROM roles WHERE organization_id = $1 ORDER BY id");
    tx.fetch_all(stmt.bind(organization)).await
}
