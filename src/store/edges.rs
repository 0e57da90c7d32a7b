//! Member edges of directory groups: resolved to a user or a group, or pending.
//!
//! An edge keeps the reference as it was sent only where it is not the member's own id.

use std::collections::{BTreeSet, HashMap};

use super::Tx;
use super::statement::{Column, Rows, cell, sql};
use crate::domain::binding::Binding;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, GroupId, RuleId};
use crate::domain::scope::DirectoryScope;
use crate::domain::{Result, id::OrganizationId};

/// What a reference names, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Member {
    /// A user of the directory.
    User(DirectoryUserId),
    /// A group of the directory.
    Group(DirectoryGroupId),
}

/// An edge, as a list of members shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EdgeRow {
    /// The user, if it is one.
    pub user_id: Option<DirectoryUserId>,
    /// The group, if it is one.
    pub subgroup_id: Option<DirectoryGroupId>,
    /// The reference as sent, where it is not the member's own id.
    pub value: Option<String>,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: DirectoryUserId,
}
#[derive(sqlx::FromRow)]
struct GroupRow {
    id: DirectoryGroupId,
}
#[derive(sqlx::FromRow)]
struct ResolvedRow {
    value: String,
    user_id: Option<DirectoryUserId>,
    subgroup_id: Option<DirectoryGroupId>,
    stored_user_id: Option<DirectoryUserId>,
    stored_subgroup_id: Option<DirectoryGroupId>,
}

/// Resolves references of a group that are no ids: what the same reference resolved to when it was stored,
/// else by `externalId` within the directory the oldest user, else the oldest group.
/// References that are ids are resolved by [`known_ids`].
pub async fn by_external_ids(
    tx: &mut Tx,
    scope: DirectoryScope,
    group: DirectoryGroupId,
    values: Vec<String>,
) -> Result<Vec<(String, Member)>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let oldest = |table: &str| {
        format!(
            "(SELECT x.id FROM {table} x WHERE x.organization_id = $2 AND x.directory_id = $3
              AND x.external_id = r.value ORDER BY x.id LIMIT 1)"
        )
    };
    let text = format!(
        "SELECT r.value AS value, {} AS user_id, {} AS subgroup_id, e.user_id AS stored_user_id,
            e.subgroup_id AS stored_subgroup_id
         FROM {} AS r LEFT JOIN directory_edges e
            ON e.organization_id = $2 AND e.value = r.value AND e.group_id = $4",
        oldest("directory_users"),
        oldest("directory_groups"),
        tx.rows(1, &[("value", Column::Text)])
    );
    let stmt = sql(text).bind(Rows::texts(values)).bind(scope.organization()).bind(scope.directory()).bind(group);
    let found: Vec<ResolvedRow> = tx.fetch_all(stmt).await?;
    Ok(found
        .into_iter()
        .filter_map(|row| {
            let stored = row.stored_user_id.map(Member::User).or(row.stored_subgroup_id.map(Member::Group));
            let found = row.user_id.map(Member::User).or(row.subgroup_id.map(Member::Group));
            Some((row.value, stored.or(found)?))
        })
        .collect())
}

/// Which of these exist in the directory.
pub async fn known_ids(
    tx: &mut Tx,
    scope: DirectoryScope,
    members: impl IntoIterator<Item = Member>,
) -> Result<BTreeSet<Member>> {
    let (mut users, mut groups) = (Rows::default(), Rows::default());
    for member in members {
        match member {
            Member::User(id) => users.push([cell(id)]),
            Member::Group(id) => groups.push([cell(id)]),
        }
    }
    let ids = tx.driving(1, &[("id", Column::Id)]);
    let text = |table: &str| {
        format!(
            "SELECT x.id FROM {ids} {table} x
             ON x.organization_id = $2 AND x.id = r.id AND x.directory_id = $3"
        )
    };
    let mut known = BTreeSet::new();
    if !users.is_empty() {
        let stmt = sql(text("directory_users")).bind(users).bind(scope.organization()).bind(scope.directory());
        known.extend(tx.fetch_all::<UserRow>(stmt).await?.into_iter().map(|row| Member::User(row.id)));
    }
    if !groups.is_empty() {
        let stmt = sql(text("directory_groups")).bind(groups).bind(scope.organization()).bind(scope.directory());
        known.extend(tx.fetch_all::<GroupRow>(stmt).await?.into_iter().map(|row| Member::Group(row.id)));
    }
    Ok(known)
}

/// A reference to be stored: what it resolves to, if anything, and its text where that is not the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEdge {
    /// `None` for a pending one.
    pub member: Option<Member>,
    /// The reference as sent; `None` where it is the member's own id.
    pub value: Option<String>,
}

/// Adds edges to a group; those that are there already stay as they are. Answers the new ones.
pub async fn add(
    tx: &mut Tx,
    organization: OrganizationId,
    group: DirectoryGroupId,
    edges: Vec<NewEdge>,
) -> Result<Vec<EdgeRow>> {
    if edges.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Rows::default();
    for edge in edges {
        let (user, subgroup) = match edge.member {
            Some(Member::User(id)) => (Some(id), None),
            Some(Member::Group(id)) => (None, Some(id)),
            None => (None, None),
        };
        rows.push([cell(user), cell(subgroup), cell(edge.value)]);
    }
    let columns = [("user_id", Column::Id), ("subgroup_id", Column::Id), ("value", Column::Text)];
    let text = format!(
        "INSERT INTO directory_edges (organization_id, group_id, user_id, subgroup_id, value)
         SELECT $2, $3, r.user_id, r.subgroup_id, r.value FROM {} AS r WHERE true
         ON CONFLICT DO NOTHING RETURNING user_id, subgroup_id, value",
        tx.rows(1, &columns)
    );
    tx.fetch_all(sql(text).bind(rows).bind(organization).bind(group)).await
}

/// Removes the edges of a group that resolve to one of `members` or were sent as one of `values`.
/// Answers those that were there.
pub async fn remove(
    tx: &mut Tx,
    organization: OrganizationId,
    group: DirectoryGroupId,
    members: &BTreeSet<Member>,
    values: &[String],
) -> Result<Vec<EdgeRow>> {
    let ids = tx.rows(3, &[("id", Column::Id)]);
    let texts = tx.rows(3, &[("value", Column::Text)]);
    let removal = |condition: &str, rows: Rows| {
        sql(format!(
            "DELETE FROM directory_edges WHERE organization_id = $1 AND group_id = $2 AND {condition}
             RETURNING user_id, subgroup_id, value"
        ))
        .bind(organization)
        .bind(group)
        .bind(rows)
    };
    let users = Rows::ids(members.iter().filter_map(|m| if let Member::User(id) = m { Some(*id) } else { None }));
    let groups = Rows::ids(members.iter().filter_map(|m| if let Member::Group(id) = m { Some(*id) } else { None }));
    let mut gone: Vec<EdgeRow> = Vec::new();
    if !users.is_empty() {
        gone.extend(tx.fetch_all(removal(&format!("user_id IN (SELECT id FROM {ids} AS r)"), users)).await?);
    }
    if !groups.is_empty() {
        gone.extend(tx.fetch_all(removal(&format!("subgroup_id IN (SELECT id FROM {ids} AS r)"), groups)).await?);
    }
    if !values.is_empty() {
        let condition = format!("value IN (SELECT value FROM {texts} AS r)");
        gone.extend(tx.fetch_all(removal(&condition, Rows::texts(values.iter().cloned()))).await?);
    }
    Ok(gone)
}

/// Removes the edges of a group that neither resolve to one of `members` nor are pending as one of `values`.
/// Answers those that went.
pub async fn retain(
    tx: &mut Tx,
    organization: OrganizationId,
    group: DirectoryGroupId,
    members: &BTreeSet<Member>,
    values: impl IntoIterator<Item = String>,
) -> Result<Vec<EdgeRow>> {
    let users = Rows::ids(members.iter().filter_map(|m| if let Member::User(id) = m { Some(*id) } else { None }));
    let groups = Rows::ids(members.iter().filter_map(|m| if let Member::Group(id) = m { Some(*id) } else { None }));
    let text = format!(
        "DELETE FROM directory_edges WHERE organization_id = $1 AND group_id = $2
            AND (user_id IS NULL OR user_id NOT IN (SELECT id FROM {} AS r))
            AND (subgroup_id IS NULL OR subgroup_id NOT IN (SELECT id FROM {} AS s))
            AND (user_id IS NOT NULL OR subgroup_id IS NOT NULL OR value NOT IN (SELECT value FROM {} AS v))
         RETURNING user_id, subgroup_id, value",
        tx.rows(3, &[("id", Column::Id)]),
        tx.rows(4, &[("id", Column::Id)]),
        tx.rows(5, &[("value", Column::Text)])
    );
    let stmt = sql(text).bind(organization).bind(group).bind(users).bind(groups).bind(Rows::texts(values));
    tx.fetch_all(stmt).await
}

/// Removes every edge of a group. Answers those that were there.
pub async fn clear(tx: &mut Tx, organization: OrganizationId, group: DirectoryGroupId) -> Result<Vec<EdgeRow>> {
    let stmt = sql("DELETE FROM directory_edges WHERE organization_id = $1 AND group_id = $2
         RETURNING user_id, subgroup_id, value");
    tx.fetch_all(stmt.bind(organization).bind(group)).await
}

/// The edges of a group, all of them: for a value filter over members. Reading goes by [`users_page`].
pub async fn all(tx: &mut Tx, organization: OrganizationId, group: DirectoryGroupId) -> Result<Vec<EdgeRow>> {
    let stmt = sql("SELECT user_id, subgroup_id, value FROM directory_edges
         WHERE organization_id = $1 AND group_id = $2");
    tx.fetch_all(stmt.bind(organization).bind(group)).await
}

/// Up to `limit` user edges of a group after `after`, by id.
pub async fn users_page(
    tx: &mut Tx,
    organization: OrganizationId,
    group: DirectoryGroupId,
    after: DirectoryUserId,
    limit: i64,
) -> Result<Vec<EdgeRow>> {
    let stmt = sql("SELECT user_id, subgroup_id, value FROM directory_edges
         WHERE organization_id = $1 AND group_id = $2 AND user_id > $3 ORDER BY user_id LIMIT $4");
    tx.fetch_all(stmt.bind(organization).bind(group).bind(after).bind(limit)).await
}

/// The edges of a group that name a group, then those that are pending. Rarely many.
pub async fn others(tx: &mut Tx, organization: OrganizationId, group: DirectoryGroupId) -> Result<Vec<EdgeRow>> {
    let stmt = sql("SELECT user_id, subgroup_id, value FROM directory_edges
         WHERE organization_id = $1 AND group_id = $2 AND subgroup_id IS NOT NULL
         UNION ALL
         SELECT user_id, subgroup_id, value FROM directory_edges
         WHERE organization_id = $1 AND group_id = $2 AND value IS NOT NULL AND user_id IS NULL AND subgroup_id IS NULL");
    let mut rows: Vec<EdgeRow> = tx.fetch_all(stmt.bind(organization).bind(group)).await?;
    rows.sort_by(|one, other| place(one).cmp(&place(other)));
    Ok(rows)
}

/// References of a group to members who are not known, up to `limit` of them, in no order.
pub async fn pending_references(
    tx: &mut Tx,
    organization: OrganizationId,
    group: DirectoryGroupId,
    limit: i64,
) -> Result<Vec<String>> {
    let stmt = sql("SELECT value FROM directory_edges WHERE organization_id = $1 AND group_id = $2
         AND user_id IS NULL AND subgroup_id IS NULL AND value IS NOT NULL LIMIT $3");
    let rows: Vec<(String,)> = tx.fetch_all(stmt.bind(organization).bind(group).bind(limit)).await?;
    Ok(rows.into_iter().map(|(value,)| value).collect())
}

/// The groups that are members of a group, with their names, up to `limit` of them, by id.
pub async fn subgroups(
    tx: &mut Tx,
    organization: OrganizationId,
    group: DirectoryGroupId,
    limit: i64,
) -> Result<Vec<(DirectoryGroupId, String)>> {
    let text = format!(
        "SELECT g.id, g.display_name FROM directory_edges e
            {} directory_groups g ON g.organization_id = $1 AND g.id = e.subgroup_id
         WHERE e.organization_id = $1 AND e.group_id = $2 AND e.subgroup_id IS NOT NULL ORDER BY e.subgroup_id LIMIT $3",
        tx.join()
    );
    tx.fetch_all(sql(text).bind(organization).bind(group).bind(limit)).await
}

/// Where a member stands in a list: users by id, then groups by id, then pending ones by their text.
/// Sorted here, because the engines disagree on where NULLs and which texts come first.
fn place(row: &EdgeRow) -> (bool, Option<DirectoryUserId>, bool, Option<DirectoryGroupId>, Option<&str>) {
    (row.user_id.is_none(), row.user_id, row.subgroup_id.is_none(), row.subgroup_id, row.value.as_deref())
}

#[derive(sqlx::FromRow)]
struct EdgeOfGroup {
    group_id: DirectoryGroupId,
    #[sqlx(flatten)]
    edge: EdgeRow,
}

/// The edges of several groups, each with its group, in the order in which one group is read.
pub async fn of_groups(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<Vec<(DirectoryGroupId, EdgeRow)>> {
    let text = format!(
        "SELECT e.group_id, e.user_id, e.subgroup_id, e.value FROM {} directory_edges e
            ON e.organization_id = $2 AND e.group_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<EdgeOfGroup> = tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await?;
    let mut edges: Vec<_> = rows.into_iter().map(|row| (row.group_id, row.edge)).collect();
    edges.sort_by(|(one_group, one), (other_group, other)| {
        one_group.cmp(other_group).then_with(|| place(one).cmp(&place(other)))
    });
    Ok(edges)
}

/// A pending edge that was just resolved.
#[derive(Debug, sqlx::FromRow)]
pub struct ResolvedEdge {
    /// The group that has the member.
    pub group_id: DirectoryGroupId,
}

/// Resolves the pending edges of the directory that name `member` by one of `values` (its id or its
/// externalId). A group that has the member already loses the pending double. Answers the groups that gained it.
pub async fn resolve(
    tx: &mut Tx,
    scope: DirectoryScope,
    member: Member,
    values: Vec<String>,
) -> Result<Vec<DirectoryGroupId>> {
    let (user, subgroup, own) = match member {
        Member::User(id) => (Some(id), None, id.to_string()),
        Member::Group(id) => (None, Some(id), id.to_string()),
    };
    let select = format!(
        "SELECT DISTINCT e.group_id FROM {} directory_edges e ON e.organization_id = $2 AND e.value = r.value
            AND e.user_id IS NULL AND e.subgroup_id IS NULL
         JOIN directory_groups g ON g.organization_id = $2 AND g.id = e.group_id AND g.directory_id = $3",
        tx.driving(1, &[("value", Column::Text)])
    );
    let stmt = sql(select).bind(Rows::texts(values.iter().cloned())).bind(scope.organization()).bind(scope.directory());
    let groups: Vec<ResolvedEdge> = tx.fetch_all(stmt).await?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || Rows::ids(groups.iter().map(|row| row.group_id));
    let texts = tx.rows(1, &[("value", Column::Text)]);
    let groups_rows = tx.rows(2, &[("id", Column::Id)]);
    let removal = format!(
        "DELETE FROM directory_edges WHERE organization_id = $3 AND user_id IS NULL AND subgroup_id IS NULL
         AND value IN (SELECT value FROM {texts} AS r) AND group_id IN (SELECT id FROM {groups_rows} AS s)
         RETURNING group_id, value"
    );
    let stmt = sql(removal).bind(Rows::texts(values)).bind(ids()).bind(scope.organization());
    let removed: Vec<(DirectoryGroupId, Option<String>)> = tx.fetch_all(stmt).await?;
    let mut edges = Rows::default();
    let mut seen = BTreeSet::new();
    for (group, value) in removed {
        if seen.insert(group) {
            edges.push([cell(group), cell(value.filter(|value| *value != own))]);
        }
    }
    let text = format!(
        "INSERT INTO directory_edges (organization_id, group_id, user_id, subgroup_id, value)
         SELECT $2, r.group_id, $3, $4, r.value FROM {} AS r WHERE true
         ON CONFLICT DO NOTHING RETURNING group_id",
        tx.rows(1, &[("group_id", Column::Id), ("value", Column::Text)])
    );
    let stmt = sql(text).bind(edges).bind(scope.organization()).bind(user).bind(subgroup);
    let gained: Vec<ResolvedEdge> = tx.fetch_all(stmt).await?;
    Ok(gained.into_iter().map(|row| row.group_id).collect())
}

/// Removes every edge to a member that is going. Answers the groups that had it.
pub async fn remove_member(tx: &mut Tx, organization: OrganizationId, member: Member) -> Result<Vec<DirectoryGroupId>> {
    let stmt = match member {
        Member::User(id) => {
            sql("DELETE FROM directory_edges WHERE organization_id = $1 AND user_id = $2 RETURNING group_id")
                .bind(organization)
                .bind(id)
        }
        Member::Group(id) => {
            sql("DELETE FROM directory_edges WHERE organization_id = $1 AND subgroup_id = $2 RETURNING group_id")
                .bind(organization)
                .bind(id)
        }
    };
    let rows: Vec<ResolvedEdge> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|row| row.group_id).collect())
}

/// The people who are in these groups, directly or through nested groups. Cycles are legal input: UNION
/// keeps each group once, so the walk ends.
pub async fn people_of(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<BTreeSet<DirectoryUserId>> {
    let text = format!("{} SELECT DISTINCT e.user_id AS id {}", downward(tx), people_down(tx));
    let rows: Vec<UserRow> = tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// As [`people_of`], of whom only some: those that the first `limit` edges lead to, in no order.
pub async fn some_people_of(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
    limit: i64,
) -> Result<BTreeSet<DirectoryUserId>> {
    let text = format!("{} SELECT e.user_id AS id {} LIMIT $3", downward(tx), people_down(tx));
    let stmt = sql(text).bind(Rows::ids(groups)).bind(organization).bind(limit);
    let rows: Vec<UserRow> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The walk from groups down to every group within.
fn downward(tx: &Tx) -> String {
    let (groups, join) = (tx.rows(1, &[("id", Column::Id)]), tx.join());
    format!(
        "WITH RECURSIVE down(group_id) AS (
            SELECT r.id FROM {groups} AS r
            UNION
            SELECT e.subgroup_id FROM down {join} directory_edges e
                ON e.organization_id = $2 AND e.group_id = down.group_id AND e.subgroup_id IS NOT NULL)"
    )
}

/// The edges to people of the groups that were walked down to.
fn people_down(tx: &Tx) -> String {
    format!(
        "FROM down {} directory_edges e
            ON e.organization_id = $2 AND e.group_id = down.group_id AND e.user_id IS NOT NULL",
        tx.join()
    )
}

/// How many people are in each of these groups, directly or through nested groups. Groups without are left out.
pub async fn people_counts(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<HashMap<DirectoryGroupId, i64>> {
    let join = tx.join();
    let text = format!(
        "WITH RECURSIVE down(root, group_id) AS (
            SELECT r.id, r.id FROM {} AS r
            UNION
            SELECT down.root, e.subgroup_id FROM down {join} directory_edges e
                ON e.organization_id = $2 AND e.group_id = down.group_id AND e.subgroup_id IS NOT NULL)
         SELECT down.root, COUNT(DISTINCT e.user_id) AS people FROM down {join} directory_edges e
            ON e.organization_id = $2 AND e.group_id = down.group_id AND e.user_id IS NOT NULL
         GROUP BY down.root",
        tx.rows(1, &[("id", Column::Id)])
    );
    let rows: Vec<(DirectoryGroupId, i64)> = tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await?;
    Ok(rows.into_iter().collect())
}

/// The start of a walk from people up to every group they are in, directly or not.
fn upward(tx: &Tx) -> String {
    let (people, join) = (tx.driving(1, &[("id", Column::Id)]), tx.join());
    format!(
        "WITH RECURSIVE up(user_id, group_id) AS (
            SELECT e.user_id, e.group_id FROM {people} directory_edges e ON e.organization_id = $2 AND e.user_id = r.id
            UNION
            SELECT up.user_id, e.group_id FROM up
            {join} directory_edges e ON e.organization_id = $2 AND e.subgroup_id = up.group_id)"
    )
}

/// A group that a user is in.
#[derive(Debug, sqlx::FromRow)]
pub struct GroupOfUser {
    /// The user.
    pub user_id: DirectoryUserId,
    /// The group.
    pub group_id: DirectoryGroupId,
    /// Its `displayName`.
    pub display_name: String,
    /// Whether the user is a member itself, or only of a group within.
    pub direct: bool,
}

/// Every group that these users are in.
pub async fn groups_of(
    tx: &mut Tx,
    organization: OrganizationId,
    users: impl IntoIterator<Item = DirectoryUserId>,
) -> Result<Vec<GroupOfUser>> {
    let text = format!(
        "{} SELECT up.user_id, up.group_id, g.display_name,
            EXISTS (SELECT 1 FROM directory_edges d WHERE d.organization_id = $2 AND d.group_id = up.group_id
                AND d.user_id = up.user_id) AS direct
         FROM up {} directory_groups g ON g.organization_id = $2 AND g.id = up.group_id
         ORDER BY up.user_id, up.group_id",
        upward(tx),
        tx.join()
    );
    tx.fetch_all(sql(text).bind(Rows::ids(users)).bind(organization)).await
}

/// Which of `groups` these users are in, directly or not.
pub async fn groups_among(
    tx: &mut Tx,
    organization: OrganizationId,
    users: impl IntoIterator<Item = DirectoryUserId>,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<Vec<(DirectoryUserId, DirectoryGroupId)>> {
    let text = format!(
        "{} SELECT up.user_id, up.group_id FROM up WHERE up.group_id IN (SELECT id FROM {} AS g)",
        upward(tx),
        tx.rows(3, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(users)).bind(organization).bind(Rows::ids(groups))).await
}

/// A binding of a group that a user is in.
#[derive(Debug, sqlx::FromRow)]
struct BindingOfUser {
    user_id: DirectoryUserId,
    rule_id: RuleId,
    directory_group_id: DirectoryGroupId,
    matched: bool,
    excepted: bool,
    mirror_group_id: Option<GroupId>,
}

/// The bindings of every group that these users are in.
pub async fn bindings_of(
    tx: &mut Tx,
    organization: OrganizationId,
    users: impl IntoIterator<Item = DirectoryUserId>,
) -> Result<Vec<(DirectoryUserId, Binding)>> {
    let text = format!(
        "{} SELECT up.user_id, b.rule_id, b.directory_group_id, b.matched, b.excepted, b.mirror_group_id
         FROM up {} bindings b ON b.organization_id = $2 AND b.directory_group_id = up.group_id",
        upward(tx),
        tx.join()
    );
    let rows: Vec<BindingOfUser> = tx.fetch_all(sql(text).bind(Rows::ids(users)).bind(organization)).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let binding = Binding {
                rule: row.rule_id,
                group: row.directory_group_id,
                matched: row.matched,
                excepted: row.excepted,
                mirror: row.mirror_group_id,
            };
            (row.user_id, binding)
        })
        .collect())
}
