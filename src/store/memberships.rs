//! Organization memberships and the roles that they hold.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::statement::{Column, Param, Rows, cell, sql};
use super::{Page, PageRequest, Stmt, Tx, users};
use crate::domain::id::{GroupId, MembershipId, OrganizationId, RoleId, UserId};
use crate::domain::native::{Membership, User};
use crate::domain::{Error, Result};

/// A membership as converge sees it: with ids instead of slugs.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct StoredMembership {
    /// Its id.
    pub id: MembershipId,
    /// The person.
    pub user_id: UserId,
    /// `active` or `inactive`.
    pub status: String,
    /// Somebody deactivated it by API.
    pub deactivated: bool,
    /// The primary role.
    pub role_id: RoleId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl StoredMembership {
    /// One that is not in force yet: convergence puts it into force.
    pub fn new(user_id: UserId, role_id: RoleId, now: DateTime<Utc>) -> Self {
        StoredMembership {
            id: MembershipId::mint(now),
            user_id,
            status: "inactive".to_owned(),
            deactivated: false,
            role_id,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Stores new memberships.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, new: &[StoredMembership]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for membership in new {
        rows.push([
            cell(membership.id),
            cell(membership.user_id),
            cell(membership.status.as_str()),
            cell(membership.deactivated),
            cell(membership.role_id),
            cell(membership.created_at),
        ]);
    }
    let columns = [
        ("id", Column::Id),
        ("user_id", Column::Id),
        ("status", Column::Text),
        ("deactivated", Column::Bool),
        ("role_id", Column::Id),
        ("created_at", Column::Time),
    ];
    let text = format!(
        "INSERT INTO organization_memberships (organization_id, id, user_id, status, deactivated, role_id,
            created_at, updated_at)
         SELECT $2, r.id, r.user_id, r.status, r.deactivated, r.role_id, r.created_at, r.created_at FROM {} AS r",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(organization)).await.map(drop)
}

/// Stores changed statuses, primary roles and decisions.
pub async fn update(tx: &mut Tx, organization: OrganizationId, changed: &[StoredMembership]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for membership in changed {
        rows.push([
            cell(membership.id),
            cell(membership.status.as_str()),
            cell(membership.deactivated),
            cell(membership.role_id),
            cell(membership.updated_at),
        ]);
    }
    let columns = [
        ("id", Column::Id),
        ("status", Column::Text),
        ("deactivated", Column::Bool),
        ("role_id", Column::Id),
        ("updated_at", Column::Time),
    ];
    let text = format!(
        "UPDATE organization_memberships SET status = r.status, deactivated = r.deactivated, role_id = r.role_id,
            updated_at = r.updated_at FROM {} AS r
         WHERE organization_memberships.organization_id = $2 AND organization_memberships.id = r.id",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(organization)).await.map(drop)
}

/// Removes memberships with their origins, groups and roles. Ended links keep the account, so that somebody who comes
/// back gets it again.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, ids: &[MembershipId]) -> Result<()> {
    let rows = tx.rows(2, &[("id", Column::Id)]);
    for (statement, key) in [
        ("UPDATE identity_links SET membership_id = NULL WHERE organization_id = $1", "membership_id"),
        ("DELETE FROM origins WHERE organization_id = $1", "membership_id"),
        ("DELETE FROM group_memberships WHERE organization_id = $1", "membership_id"),
        ("DELETE FROM membership_roles WHERE organization_id = $1", "membership_id"),
        ("DELETE FROM organization_memberships WHERE organization_id = $1", "id"),
    ] {
        let text = format!("{statement} AND {key} IN (SELECT id FROM {rows} AS r)");
        tx.execute(sql(text).bind(organization).bind(Rows::ids(ids.iter().copied()))).await?;
    }
    Ok(())
}

const STORED: &str = "m.id, m.user_id, m.status, m.deactivated, m.role_id, m.created_at, m.updated_at";

/// The memberships with these ids.
pub async fn by_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = MembershipId>,
) -> Result<Vec<StoredMembership>> {
    let text = format!(
        "SELECT {STORED} FROM {} organization_memberships m ON m.organization_id = $2 AND m.id = r.id ORDER BY m.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await
}

/// The memberships of these users in the organization.
pub async fn ids_by_users(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, MembershipId>> {
    let text = format!(
        "SELECT m.user_id, m.id FROM {} organization_memberships m ON m.organization_id = $2 AND m.user_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(UserId, MembershipId)> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    Ok(rows.into_iter().collect())
}

/// The memberships of a user, in every organization.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<(OrganizationId, MembershipId)>> {
    let stmt =
        sql("SELECT organization_id, id FROM organization_memberships WHERE user_id = $1 ORDER BY organization_id");
    tx.fetch_all(stmt.bind(user)).await
}

/// The roles that these memberships hold, in no order.
pub async fn roles_of(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = MembershipId>,
) -> Result<HashMap<MembershipId, Vec<RoleId>>> {
    let text = format!(
        "SELECT h.membership_id, h.role_id FROM {} membership_roles h ON h.organization_id = $2 AND h.membership_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(MembershipId, RoleId)> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    let mut roles: HashMap<MembershipId, Vec<RoleId>> = HashMap::new();
    for (membership, role) in rows {
        roles.entry(membership).or_default().push(role);
    }
    Ok(roles)
}

const HELD: [(&str, Column); 2] = [("membership_id", Column::Id), ("role_id", Column::Id)];

fn held_rows(pairs: &[(MembershipId, RoleId)]) -> Rows {
    let mut rows = Rows::default();
    for (membership, role) in pairs {
        rows.push([cell(*membership), cell(*role)]);
    }
    rows
}

/// Stores held roles.
pub async fn add_roles(tx: &mut Tx, organization: OrganizationId, pairs: &[(MembershipId, RoleId)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let text = format!(
        "INSERT INTO membership_roles (organization_id, membership_id, role_id)
         SELECT $2, r.membership_id, r.role_id FROM {} AS r",
        tx.rows(1, &HELD)
    );
    tx.execute(sql(text).bind(held_rows(pairs)).bind(organization)).await.map(drop)
}

/// Removes held roles.
pub async fn remove_roles(tx: &mut Tx, organization: OrganizationId, pairs: &[(MembershipId, RoleId)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let text = format!(
        "DELETE FROM membership_roles WHERE organization_id = $2
         AND (membership_id, role_id) IN (SELECT membership_id, role_id FROM {} AS r)",
        tx.rows(1, &HELD)
    );
    tx.execute(sql(text).bind(held_rows(pairs)).bind(organization)).await.map(drop)
}

#[derive(sqlx::FromRow)]
pub(super) struct MembershipRow {
    id: MembershipId,
    organization_id: OrganizationId,
    user_id: UserId,
    status: String,
    role_id: RoleId,
    directory_managed: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub(super) const COLUMNS: &str = "m.id, m.organization_id, m.user_id, m.status, m.role_id, m.created_at, m.updated_at,
    EXISTS (SELECT 1 FROM identity_links l WHERE l.organization_id = m.organization_id
        AND l.membership_id = m.id AND l.state = 'linked') AS directory_managed";

/// A membership and the person that it is of.
pub type WithUser = (Membership, User);

/// Which memberships a list is about.
#[derive(Debug, Default)]
pub struct Search {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only effective members of this native group; needs the organization.
    pub group: Option<GroupId>,
    /// Only with one of these statuses; all when empty.
    pub statuses: Vec<String>,
}

/// A page of memberships.
pub async fn list(tx: &mut Tx, search: &Search, page: &PageRequest) -> Result<Page<WithUser>> {
    let mut params: Vec<Param> = Vec::new();
    let mut text = format!("SELECT {COLUMNS} FROM organization_memberships m WHERE 1 = 1");
    let mut key = "m.id";
    if let (Some(group), Some(organization)) = (search.group, search.organization) {
        // Read from the group's side, so that a page costs the same wherever it lies.
        text = format!(
            "SELECT {COLUMNS} FROM group_memberships e
             JOIN organization_memberships m ON m.organization_id = e.organization_id AND m.id = e.membership_id
             WHERE e.organization_id = $1 AND e.group_id = $2"
        );
        params = vec![organization.into(), group.into()];
        key = "e.membership_id";
    } else if let Some(organization) = search.organization {
        params.push(organization.into());
        text.push_str(&format!(" AND m.organization_id = ${}", params.len()));
    }
    if let Some(user) = search.user {
        params.push(user.into());
        text.push_str(&format!(" AND m.user_id = ${}", params.len()));
    }
    if !search.statuses.is_empty() {
        params.push(Rows::texts(search.statuses.iter().cloned()).into());
        let wanted = tx.rows(params.len(), &[("status", Column::Text)]);
        text.push_str(&format!(" AND m.status IN (SELECT status FROM {wanted} AS w)"));
    }
    let rows: Vec<MembershipRow> = tx.fetch_all(page.complete(&text, params, key)).await?;
    let page = page.page(rows);
    let (has_before, has_after) = (page.has_before, page.has_after);
    Ok(Page { rows: complete(tx, page.rows).await?, has_before, has_after })
}

/// The membership with this id; of the organization, if one is given.
pub async fn find(tx: &mut Tx, organization: Option<OrganizationId>, id: MembershipId) -> Result<Option<WithUser>> {
    let text = format!("SELECT {COLUMNS} FROM organization_memberships m WHERE m.id = $1");
    let stmt: Stmt = match organization {
        Some(organization) => sql(text + " AND m.organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<MembershipRow> = tx.fetch_optional(stmt).await?;
    Ok(complete(tx, row.into_iter().collect()).await?.into_iter().next())
}

/// The memberships with these ids, oldest first.
pub async fn with_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = MembershipId>,
) -> Result<Vec<Membership>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} organization_memberships m ON m.organization_id = $2 AND m.id = r.id ORDER BY m.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<MembershipRow> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    Ok(complete(tx, rows).await?.into_iter().map(|(membership, _)| membership).collect())
}

/// The organization of the membership with this id; only that one, if one is given.
pub async fn organization_of(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    id: MembershipId,
) -> Result<Option<OrganizationId>> {
    let text = "SELECT m.organization_id FROM organization_memberships m WHERE m.id = $1";
    let stmt = match organization {
        Some(organization) => sql(format!("{text} AND m.organization_id = $2")).bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<(OrganizationId,)> = tx.fetch_optional(stmt).await?;
    Ok(row.map(|(organization,)| organization))
}

/// Adds roles and people to rows.
pub(super) async fn complete(tx: &mut Tx, rows: Vec<MembershipRow>) -> Result<Vec<WithUser>> {
    #[derive(sqlx::FromRow)]
    struct Held {
        membership_id: MembershipId,
        role_id: RoleId,
        slug: String,
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let people = users::by_ids(tx, rows.iter().map(|row| row.user_id)).await?;
    let mut keys = Rows::default();
    for row in &rows {
        keys.push([cell(row.organization_id), cell(row.id), cell(row.role_id)]);
    }
    let columns = [("organization_id", Column::Id), ("membership_id", Column::Id), ("role_id", Column::Id)];
    let text = format!(
        "SELECT r.membership_id, x.id AS role_id, x.slug FROM {} roles x ON x.organization_id = r.organization_id AND (x.id = r.role_id OR x.id IN
            (SELECT h.role_id FROM membership_roles h
             WHERE h.organization_id = r.organization_id AND h.membership_id = r.membership_id))
         ORDER BY x.id",
        tx.driving(1, &columns)
    );
    let held: Vec<Held> = tx.fetch_all(sql(text).bind(keys)).await?;
    let mut slugs: HashMap<MembershipId, Vec<(RoleId, String)>> = HashMap::new();
    for row in held {
        slugs.entry(row.membership_id).or_default().push((row.role_id, row.slug));
    }
    rows.into_iter()
        .map(|row| {
            let user = people.get(&row.user_id).cloned();
            let user = user.ok_or_else(|| Error::internal(format!("membership {} has no user", row.id)))?;
            let mut roles = slugs.remove(&row.id).unwrap_or_default();
            roles.sort_by_key(|(id, _)| (*id != row.role_id, *id));
            let roles: Vec<String> = roles.into_iter().map(|(_, slug)| slug).collect();
            let membership = Membership {
                id: row.id,
                organization: row.organization_id,
                user: row.user_id,
                active: row.status == "active",
                directory_managed: row.directory_managed,
                role: roles.first().cloned().unwrap_or_default(),
                roles,
                created_at: row.created_at,
                updated_at: row.updated_at,
            };
            Ok((membership, user))
        })
        .collect()
}
