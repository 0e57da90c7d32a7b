//! Native groups and their effective members.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::statement::{Column, Param, Rows, cell, sql};
use super::{Page, PageRequest, Tx, containing, group_roles};
use crate::domain::Result;
use crate::domain::id::{GroupId, MembershipId, OrganizationId, RuleId};
use crate::domain::native::{Group, name_key};

pub(super) const COLUMNS: &str = "g.id, g.organization_id, g.name, g.description, g.created_at, g.updated_at";

#[derive(sqlx::FromRow)]
pub(super) struct GroupRow {
    id: GroupId,
    organization_id: OrganizationId,
    name: String,
    description: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        Group {
            id: row.id,
            organization: row.organization_id,
            name: row.name,
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Stores a new group.
pub async fn insert(tx: &mut Tx, group: &Group) -> Result<()> {
    let stmt = sql("INSERT INTO groups (organization_id, id, name, name_key, description, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(group.organization)
    .bind(group.id)
    .bind(&group.name)
    .bind(name_key(&group.name))
    .bind(group.description.clone())
    .bind(group.created_at)
    .bind(group.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Stores a changed name or description.
pub async fn update(tx: &mut Tx, group: &Group) -> Result<()> {
    let stmt = sql("UPDATE groups SET name = $3, name_key = $4, description = $5, updated_at = $6
         WHERE organization_id = $1 AND id = $2")
    .bind(group.organization)
    .bind(group.id)
    .bind(&group.name)
    .bind(name_key(&group.name))
    .bind(group.description.clone())
    .bind(group.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Removes a group that nobody is in any more, with the roles that it has.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: GroupId) -> Result<()> {
    group_roles::delete_of_group(tx, organization, id).await?;
    let stmt = sql("DELETE FROM groups WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id)).await.map(drop)
}

/// The group with this id.
pub async fn find(tx: &mut Tx, organization: OrganizationId, id: GroupId) -> Result<Option<Group>> {
    let text = format!("SELECT {COLUMNS} FROM groups g WHERE g.organization_id = $1 AND g.id = $2");
    let row: Option<GroupRow> = tx.fetch_optional(sql(text).bind(organization).bind(id)).await?;
    Ok(row.map(Group::from))
}

/// The groups with these ids.
pub async fn by_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = GroupId>,
) -> Result<HashMap<GroupId, Group>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} groups g ON g.organization_id = $2 AND g.id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<GroupRow> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    Ok(rows.into_iter().map(|row| (row.id, Group::from(row))).collect())
}

/// The names of these groups, as far as they are there.
pub async fn names(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = GroupId>,
) -> Result<HashMap<GroupId, String>> {
    let text = format!(
        "SELECT g.id, g.name FROM {} groups g ON g.organization_id = $2 AND g.id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(GroupId, String)> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    Ok(rows.into_iter().collect())
}

/// The groups of this name (as names collide), the oldest first.
pub async fn holders_of_name(tx: &mut Tx, organization: OrganizationId, key: &str) -> Result<Vec<GroupId>> {
    let stmt = sql("SELECT id FROM groups WHERE organization_id = $1 AND name_key = $2 ORDER BY id");
    let rows: Vec<(GroupId,)> = tx.fetch_all(stmt.bind(organization).bind(key)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Which of these names (as names collide) a group has, with its own spelling. Groups that mirror directory groups
/// by the rule `except` do not count.
pub async fn taken_names(
    tx: &mut Tx,
    organization: OrganizationId,
    keys: impl IntoIterator<Item = String>,
    except: RuleId,
) -> Result<HashMap<String, String>> {
    let text = format!(
        "SELECT g.name_key, g.name FROM {} groups g ON g.organization_id = $2 AND g.name_key = r.name_key
         WHERE NOT EXISTS (SELECT 1 FROM bindings b
            WHERE b.organization_id = $2 AND b.mirror_group_id = g.id AND b.rule_id = $3)",
        tx.driving(1, &[("name_key", Column::Text)])
    );
    let stmt = sql(text).bind(Rows::texts(keys)).bind(organization).bind(except);
    let rows: Vec<(String, String)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().collect())
}

/// A page of the organization's groups; `search` is part of a name, or an id.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Group>> {
    let mut text = format!("SELECT {COLUMNS} FROM groups g WHERE g.organization_id = $1");
    let mut params: Vec<Param> = vec![organization.into()];
    if let Some(search) = search {
        params.push(containing(search).into());
        params.push(search.parse().unwrap_or_else(|_| GroupId::nil()).into());
        text.push_str(" AND (g.name_key LIKE $2 ESCAPE '\\' OR g.id = $3)");
    }
    let rows: Vec<GroupRow> = tx.fetch_all(page.complete(&text, params, "g.id")).await?;
    Ok(page.page(rows).map(Group::from))
}

/// A page of the groups that a membership is in.
pub async fn list_of_membership(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    page: &PageRequest,
) -> Result<Page<Group>> {
    let text = format!(
        "SELECT {COLUMNS} FROM group_memberships e
         JOIN groups g ON g.organization_id = e.organization_id AND g.id = e.group_id
         WHERE e.organization_id = $1 AND e.membership_id = $2"
    );
    let stmt = page.complete(&text, vec![organization.into(), membership.into()], "e.group_id");
    let rows: Vec<GroupRow> = tx.fetch_all(stmt).await?;
    Ok(page.page(rows).map(Group::from))
}

/// The effective groups of these memberships.
pub async fn of_memberships(
    tx: &mut Tx,
    organization: OrganizationId,
    memberships: impl IntoIterator<Item = MembershipId>,
) -> Result<HashMap<MembershipId, BTreeSet<GroupId>>> {
    let text = format!(
        "SELECT e.membership_id, e.group_id FROM {} group_memberships e ON e.organization_id = $2 AND e.membership_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let stmt = sql(text).bind(Rows::ids(memberships)).bind(organization);
    let rows: Vec<(MembershipId, GroupId)> = tx.fetch_all(stmt).await?;
    let mut groups: HashMap<MembershipId, BTreeSet<GroupId>> = HashMap::new();
    for (membership, group) in rows {
        groups.entry(membership).or_default().insert(group);
    }
    Ok(groups)
}

/// The effective members of a group, all of them.
pub async fn members(tx: &mut Tx, organization: OrganizationId, group: GroupId) -> Result<BTreeSet<MembershipId>> {
    let stmt = sql("SELECT membership_id FROM group_memberships WHERE organization_id = $1 AND group_id = $2");
    let rows: Vec<(MembershipId,)> = tx.fetch_all(stmt.bind(organization).bind(group)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Stores effective members.
pub async fn add_members(tx: &mut Tx, organization: OrganizationId, pairs: &[(GroupId, MembershipId)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let text = format!(
        "INSERT INTO group_memberships (organization_id, group_id, membership_id)
         SELECT $2, r.group_id, r.membership_id FROM {} AS r",
        tx.rows(1, &PAIR)
    );
    tx.execute(sql(text).bind(pair_rows(pairs)).bind(organization)).await.map(drop)
}

/// Removes effective members.
pub async fn remove_members(
    tx: &mut Tx,
    organization: OrganizationId,
    pairs: &[(GroupId, MembershipId)],
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let text = format!(
        "DELETE FROM group_memberships WHERE organization_id = $2
         AND (group_id, membership_id) IN (SELECT group_id, membership_id FROM {} AS r)",
        tx.rows(1, &PAIR)
    );
    tx.execute(sql(text).bind(pair_rows(pairs)).bind(organization)).await.map(drop)
}

const PAIR: [(&str, Column); 2] = [("group_id", Column::Id), ("membership_id", Column::Id)];

fn pair_rows(pairs: &[(GroupId, MembershipId)]) -> Rows {
    let mut rows = Rows::default();
    for (group, membership) in pairs {
        rows.push([cell(*group), cell(*membership)]);
    }
    rows
}
