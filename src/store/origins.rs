//! Origins: why native facts are there.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::Tx;
use super::statement::{Column, Rows, cell, sql};
use crate::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, OrganizationId, RoleId, RuleId,
};
use crate::domain::origin::{Kind, Origin, Target};
use crate::domain::{Error, Id, Result};

/// A row that [`COLUMNS`] select.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct OriginRow {
    membership_id: MembershipId,
    target: String,
    target_id: GroupId,
    kind: String,
    rule_id: RuleId,
    directory_group_id: DirectoryGroupId,
    directory_user_id: DirectoryUserId,
}

impl OriginRow {
    /// The origin.
    pub(in crate::store) fn origin(&self) -> Result<Origin> {
        Ok(Origin {
            target: target_of(&self.target, self.target_id)?,
            kind: kind_of(&self.kind)?,
            rule: self.rule_id.non_nil(),
            directory_group: self.directory_group_id.non_nil(),
            directory_user: self.directory_user_id.non_nil(),
        })
    }
}

/// The columns of an origin.
pub(in crate::store) const COLUMNS: &str =
    "o.membership_id, o.target, o.target_id, o.kind, o.rule_id, o.directory_group_id, o.directory_user_id";

/// An origin and whose it is.
pub type Placed = (MembershipId, Origin);

/// All origins of these memberships.
pub async fn of_memberships(
    tx: &mut Tx,
    organization: OrganizationId,
    memberships: impl IntoIterator<Item = MembershipId>,
) -> Result<HashMap<MembershipId, Vec<Origin>>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} origins o ON o.organization_id = $2 AND o.membership_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<OriginRow> = tx.fetch_all(sql(text).bind(Rows::ids(memberships)).bind(organization)).await?;
    let mut origins: HashMap<MembershipId, Vec<Origin>> = HashMap::new();
    for row in rows {
        origins.entry(row.membership_id).or_default().push(row.origin()?);
    }
    Ok(origins)
}

/// Whether anything speaks for somebody's belonging to a group.
pub async fn speak_for_group(tx: &mut Tx, organization: OrganizationId, group: GroupId) -> Result<bool> {
    let stmt = sql("SELECT membership_id FROM origins
         WHERE organization_id = $1 AND target_id = $2 AND target = 'group' LIMIT 1");
    let row: Option<(MembershipId,)> = tx.fetch_optional(stmt.bind(organization).bind(group)).await?;
    Ok(row.is_some())
}

/// All origins of a target, in no order.
pub async fn of_target(tx: &mut Tx, organization: OrganizationId, target: Target) -> Result<Vec<Placed>> {
    let (word, id) = target_cells(target);
    // Selecting what no index covers lets SQLite look among the target's origins, and not among all.
    let text = format!(
        "SELECT {COLUMNS}, o.rule_version FROM origins o
         WHERE o.organization_id = $1 AND o.target_id = $2 AND o.target = $3"
    );
    let rows: Vec<OriginRow> = tx.fetch_all(sql(text).bind(organization).bind(id).bind(word)).await?;
    rows.iter().map(|row| Ok((row.membership_id, row.origin()?))).collect()
}

/// Whether somebody's belonging to a group is held.
pub async fn is_held(tx: &mut Tx, organization: OrganizationId, group: GroupId) -> Result<bool> {
    let stmt = sql("SELECT membership_id FROM origins
         WHERE organization_id = $1 AND target_id = $2 AND target = 'group' AND kind = 'held' LIMIT 1");
    let row: Option<(MembershipId,)> = tx.fetch_optional(stmt.bind(organization).bind(group)).await?;
    Ok(row.is_some())
}

/// Who puts people into a native group: each way once.
#[derive(Debug, sqlx::FromRow)]
pub struct Giver {
    /// The kind of the origins.
    pub kind: String,
    /// Their rule; zero where no rule made them.
    pub rule_id: RuleId,
    /// The directory of the people in whose names they are.
    pub directory_id: Option<DirectoryId>,
    /// Whether an exclusion takes the people out again.
    pub excluded: bool,
}

/// The ways in which people got into a native group.
pub async fn givers_of_group(tx: &mut Tx, organization: OrganizationId, group: GroupId) -> Result<Vec<Giver>> {
    let stmt = sql("SELECT DISTINCT o.kind, o.rule_id, l.directory_id,
            EXISTS (SELECT 1 FROM origins x WHERE x.organization_id = $1 AND x.membership_id = o.membership_id
                AND x.kind = 'exclude' AND (x.target = 'membership' OR x.target_id = $2)) AS excluded
         FROM origins o
         LEFT JOIN identity_links l ON l.organization_id = $1 AND l.directory_user_id = o.directory_user_id
         WHERE o.organization_id = $1 AND o.target_id = $2 AND o.target = 'group'");
    tx.fetch_all(stmt.bind(organization).bind(group)).await
}

/// Those who have something by a directory group, or must not have it, perhaps by a frozen rule: it stays with them
/// without their being in the group.
pub async fn kept_by_groups(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<BTreeSet<DirectoryUserId>> {
    let text = format!(
        "SELECT DISTINCT o.directory_user_id FROM {} origins o ON o.organization_id = $2
            AND o.directory_group_id = r.id AND o.kind IN ('frozen', 'exclude')",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(DirectoryUserId,)> = tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Those in whose names a rule gives or gave something.
pub async fn people_of_rule(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: RuleId,
) -> Result<BTreeSet<DirectoryUserId>> {
    let stmt = sql("SELECT DISTINCT directory_user_id FROM origins WHERE organization_id = $1 AND rule_id = $2");
    let rows: Vec<(DirectoryUserId,)> = tx.fetch_all(stmt.bind(organization).bind(rule)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The target with this word and id.
pub(super) fn target_of(word: &str, id: GroupId) -> Result<Target> {
    match word {
        "membership" => Ok(Target::Membership),
        "group" => Ok(Target::Group(id)),
        "role" => Ok(Target::Role(RoleId::from_uuid(id.uuid()))),
        other => Err(Error::internal(format!("an origin has the unknown target '{other}'"))),
    }
}

fn kind_of(word: &str) -> Result<Kind> {
    Kind::from_word(word).ok_or_else(|| Error::internal(format!("an origin has the unknown kind '{word}'")))
}

/// The word and the id of a target.
pub(super) fn target_cells(target: Target) -> (&'static str, GroupId) {
    match target {
        Target::Membership => ("membership", Id::nil()),
        Target::Group(group) => ("group", group),
        Target::Role(role) => ("role", Id::from_uuid(role.uuid())),
    }
}

const KEY: [(&str, Column); 7] = [
    ("membership_id", Column::Id),
    ("target", Column::Text),
    ("target_id", Column::Id),
    ("kind", Column::Text),
    ("rule_id", Column::Id),
    ("directory_group_id", Column::Id),
    ("directory_user_id", Column::Id),
];

fn key_cells(membership: MembershipId, origin: &Origin) -> Vec<serde_json::Value> {
    let (target, target_id) = target_cells(origin.target);
    vec![
        cell(membership),
        cell(target),
        cell(target_id),
        cell(origin.kind.as_str()),
        cell(origin.rule.unwrap_or_else(Id::nil)),
        cell(origin.directory_group.unwrap_or_else(Id::nil)),
        cell(origin.directory_user.unwrap_or_else(Id::nil)),
    ]
}

/// How origins came about.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// The request, run or key that made them.
    pub cause: Option<&'a str>,
    /// Who is named as the maker of manual ones.
    pub actor: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// Stores origins; one that is there already stays as it is. `version` tells the version in force of a rule.
pub async fn insert(
    tx: &mut Tx,
    organization: OrganizationId,
    origins: &[Placed],
    version: impl Fn(RuleId) -> i64,
    made: &Made<'_>,
) -> Result<()> {
    if origins.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for (membership, origin) in origins {
        let mut cells = key_cells(*membership, origin);
        cells.push(cell(origin.rule.map_or(0, &version)));
        cells.push(cell((origin.kind == Kind::Manual).then_some(made.actor)));
        rows.push(cells);
    }
    let mut columns = KEY.to_vec();
    columns.extend([("rule_version", Column::Int), ("actor", Column::Text)]);
    let text = format!(
        "INSERT INTO origins (organization_id, membership_id, target, target_id, kind, rule_id,
            directory_group_id, directory_user_id, rule_version, actor, cause, created_at)
         SELECT $2, r.membership_id, r.target, r.target_id, r.kind, r.rule_id, r.directory_group_id,
            r.directory_user_id, r.rule_version, r.actor, $3, $4 FROM {} AS r WHERE true
         ON CONFLICT DO NOTHING",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(organization).bind(made.cause).bind(made.at)).await.map(drop)
}

/// Keeps, for each membership and target, the origin that ended last: who or what ended it (`cause`, the context of
/// an event), and after which event position.
pub async fn record_ended(
    tx: &mut Tx,
    organization: OrganizationId,
    lost: &[Placed],
    cause: &str,
    since_position: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    if lost.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for (membership, origin) in lost {
        rows.push(key_cells(*membership, origin));
    }
    let text = format!(
        "INSERT INTO ended_origins (organization_id, membership_id, target, target_id, kind, rule_id, rule_version,
            directory_group_id, directory_user_id, began_at, cause, since_position, ended_at)
         SELECT $2, r.membership_id, r.target, r.target_id, r.kind, r.rule_id, o.rule_version,
            r.directory_group_id, r.directory_user_id, o.created_at, $3, $4, $5
         FROM {} origins o ON o.organization_id = $2 AND o.membership_id = r.membership_id AND o.target = r.target
            AND o.target_id = r.target_id AND o.kind = r.kind AND o.rule_id = r.rule_id
            AND o.directory_group_id = r.directory_group_id AND o.directory_user_id = r.directory_user_id
         WHERE true
         ON CONFLICT (organization_id, membership_id, target, target_id) DO UPDATE SET kind = excluded.kind,
            rule_id = excluded.rule_id, rule_version = excluded.rule_version,
            directory_group_id = excluded.directory_group_id, directory_user_id = excluded.directory_user_id,
            began_at = excluded.began_at, cause = excluded.cause, since_position = excluded.since_position,
            ended_at = excluded.ended_at",
        tx.driving(1, &KEY)
    );
    let stmt = sql(text).bind(rows).bind(organization).bind(cause).bind(since_position).bind(now);
    tx.execute(stmt).await.map(drop)
}

/// Ends origins.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, origins: &[Placed]) -> Result<()> {
    if origins.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for (membership, origin) in origins {
        rows.push(key_cells(*membership, origin));
    }
    let names = KEY.map(|(name, _)| name).join(", ");
    let text = format!(
        "DELETE FROM origins WHERE organization_id = $2 AND ({names}) IN (SELECT {names} FROM {} AS r)",
        tx.rows(1, &KEY)
    );
    tx.execute(sql(text).bind(rows).bind(organization)).await.map(drop)
}

/// An origin in words.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Reason {
    /// Whose it is.
    pub membership_id: MembershipId,
    /// The person's address.
    pub email: String,
    /// Whether the membership is in force.
    pub status: String,
    /// `membership`, `group` or `role`.
    pub target: String,
    /// The name of the group, or the slug of the role.
    pub target_name: Option<String>,
    /// The kind of reason.
    pub kind: String,
    /// The rule's handle.
    pub rule_key: Option<String>,
    /// The version of the rule that made it.
    pub rule_version: i64,
    /// The directory group that the rule matched.
    pub directory_group: Option<String>,
    /// The directory of the person in whose name the rule acts.
    pub directory: Option<String>,
    /// Who made it, for manual ones.
    pub actor: Option<String>,
}

/// Every origin of the organization in words, by person and target; up to `limit`.
pub async fn reasons(tx: &mut Tx, organization: OrganizationId, limit: i64) -> Result<Vec<Reason>> {
    let stmt =
        sql("SELECT o.membership_id, n.email, m.status, o.target, COALESCE(g.name, x.slug) AS target_name, o.kind,
            r.key AS rule_key, o.rule_version, dg.display_name AS directory_group, d.name AS directory, o.actor
         FROM origins o
         JOIN organization_memberships m ON m.organization_id = o.organization_id AND m.id = o.membership_id
         JOIN users n ON n.id = m.user_id
         LEFT JOIN groups g ON g.organization_id = o.organization_id AND g.id = o.target_id AND o.target = 'group'
         LEFT JOIN roles x ON x.organization_id = o.organization_id AND x.id = o.target_id AND o.target = 'role'
         LEFT JOIN mapping_rules r ON r.organization_id = o.organization_id AND r.id = o.rule_id
         LEFT JOIN directory_groups dg ON dg.organization_id = o.organization_id AND dg.id = o.directory_group_id
         LEFT JOIN directory_users du ON du.organization_id = o.organization_id AND du.id = o.directory_user_id
         LEFT JOIN directories d ON d.organization_id = o.organization_id AND d.id = du.directory_id
         WHERE o.organization_id = $1 ORDER BY n.email_key, o.target, target_name, rule_key, directory_group LIMIT $2");
    tx.fetch_all(stmt.bind(organization).bind(limit)).await
}

/// Why somebody is in a group.
#[derive(Debug, Clone)]
pub struct GroupReason {
    /// The kind of reason.
    pub kind: Kind,
    /// The rule, if one is.
    pub rule: Option<RuleId>,
    /// Its handle, while it is there.
    pub rule_key: Option<String>,
    /// Who put them in, if it was by hand.
    pub actor: Option<String>,
}

#[derive(sqlx::FromRow)]
struct GroupReasonRow {
    membership_id: MembershipId,
    kind: String,
    rule_id: RuleId,
    rule_key: Option<String>,
    actor: Option<String>,
}

/// Why these people are in a group, exclusions from it included.
pub async fn in_group(
    tx: &mut Tx,
    organization: OrganizationId,
    group: GroupId,
    members: impl IntoIterator<Item = MembershipId>,
) -> Result<HashMap<MembershipId, Vec<GroupReason>>> {
    let text = format!(
        "SELECT o.membership_id, o.kind, o.rule_id, m.key AS rule_key, o.actor FROM {} origins o
            ON o.organization_id = $2 AND o.membership_id = r.id AND o.target = 'group' AND o.target_id = $3
         LEFT JOIN mapping_rules m ON m.organization_id = o.organization_id AND m.id = o.rule_id
         ORDER BY o.membership_id, o.kind, o.rule_id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let stmt = sql(text).bind(Rows::ids(members)).bind(organization).bind(group);
    let rows: Vec<GroupReasonRow> = tx.fetch_all(stmt).await?;
    let mut reasons: HashMap<MembershipId, Vec<GroupReason>> = HashMap::new();
    for row in rows {
        let kind = kind_of(&row.kind)?;
        let (of, rule) = (reasons.entry(row.membership_id).or_default(), row.rule_id.non_nil());
        // A rule that brings somebody in by several directory groups is one reason.
        if rule.is_none() || !of.iter().any(|known| known.kind == kind && known.rule == rule) {
            of.push(GroupReason { kind, rule, rule_key: row.rule_key, actor: row.actor });
        }
    }
    Ok(reasons)
}
