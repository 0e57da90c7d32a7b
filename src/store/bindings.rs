//! Bindings: which directory groups the applied rules matched, and what mirrors became of them.

use std::collections::BTreeSet;

use super::Tx;
use super::statement::{Column, Rows, cell, sql};
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryId, GroupId, OrganizationId, RuleId};
use crate::domain::native::name_key;

/// A binding as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredBinding {
    /// The rule.
    pub rule_id: RuleId,
    /// The directory group.
    pub directory_group_id: DirectoryGroupId,
    /// Its directory.
    pub directory_id: DirectoryId,
    /// The group is one of the rule's sources.
    pub matched: bool,
    /// The group's people are out, for this rule.
    pub excepted: bool,
    /// The name that the mirror has or wants.
    pub mirror_name: Option<String>,
    /// `made`, `adopted`, `parked`; `ended` or `released` while its people are leaving and it is to go or to stay.
    pub mirror_state: Option<String>,
    /// The native group that it became.
    pub mirror_group_id: Option<GroupId>,
    /// The native group stays when the mirror ends.
    pub mirror_keep: bool,
    /// The name that an admin chose where the rule's was taken.
    pub chosen_name: Option<String>,
    /// The native group that an admin let it adopt.
    pub chosen_group_id: Option<GroupId>,
}

impl StoredBinding {
    /// The mirror has ended, and its people have not left yet.
    pub fn is_on_its_way_out(&self) -> bool {
        matches!(self.mirror_state.as_deref(), Some("ended" | "released"))
    }

    /// The mirror has ended, and the native group goes with its last people.
    pub fn goes(&self) -> bool {
        self.mirror_state.as_deref() == Some("ended")
    }

    /// The binding, its mirror ended; whether the native group `stays` once its people have left.
    #[must_use]
    pub fn on_its_way_out(self, stays: bool) -> Self {
        let state = if stays { "released" } else { "ended" };
        StoredBinding { mirror_state: Some(state.to_owned()), ..self }
    }

    /// The binding when the mirror is gone.
    #[must_use]
    pub fn without_mirror(self) -> Self {
        StoredBinding { mirror_name: None, mirror_state: None, mirror_group_id: None, mirror_keep: false, ..self }
    }
}

const COLUMNS: &str =
    "b.rule_id, b.directory_group_id, b.directory_id, b.matched, b.excepted, b.mirror_name, b.mirror_state,
                       b.mirror_group_id, b.mirror_keep, b.chosen_name, b.chosen_group_id";

/// The bindings of these directory groups.
pub async fn of_groups(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<Vec<StoredBinding>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} bindings b ON b.organization_id = $2 AND b.directory_group_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await
}

/// The directory groups that a rule is bound to.
pub async fn groups_of_rule(tx: &mut Tx, organization: OrganizationId, rule: RuleId) -> Result<Vec<DirectoryGroupId>> {
    let stmt = sql("SELECT directory_group_id FROM bindings WHERE organization_id = $1 AND rule_id = $2");
    let rows: Vec<(DirectoryGroupId,)> = tx.fetch_all(stmt.bind(organization).bind(rule)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The directory groups whose mirrors wait for one of these names: those that are parked, and those that
/// were renamed and had to keep their old name.
pub async fn waiting_for_names(
    tx: &mut Tx,
    organization: OrganizationId,
    keys: impl IntoIterator<Item = String>,
) -> Result<Vec<DirectoryGroupId>> {
    let text = format!(
        "SELECT DISTINCT b.directory_group_id FROM {}
            bindings b ON b.organization_id = $2 AND b.mirror_name_key = r.name_key
         LEFT JOIN groups g ON g.organization_id = $2 AND g.id = b.mirror_group_id
         WHERE b.mirror_state = 'parked' OR (b.mirror_state IN ('made', 'adopted') AND g.name <> b.mirror_name)",
        tx.driving(1, &[("name_key", Column::Text)])
    );
    let rows: Vec<(DirectoryGroupId,)> = tx.fetch_all(sql(text).bind(Rows::texts(keys)).bind(organization)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The bindings by which a native group is mirrored: with any, it is managed.
pub async fn of_mirror(tx: &mut Tx, organization: OrganizationId, group: GroupId) -> Result<Vec<StoredBinding>> {
    let text = format!("SELECT {COLUMNS} FROM bindings b WHERE b.organization_id = $1 AND b.mirror_group_id = $2");
    tx.fetch_all(sql(text).bind(organization).bind(group)).await
}

/// Bindings whose mirrors have ended and whose native groups are to go or to stay now, up to `limit`. One that goes
/// waits for its people: those who are still to leave in later chunks of a run, and those who are held until somebody
/// has decided. Those of paused directories wait too.
pub async fn ended(tx: &mut Tx, organization: OrganizationId, limit: i64) -> Result<Vec<StoredBinding>> {
    // Selecting what no index covers lets SQLite look among the group's origins, and not among all.
    let text = format!(
        "SELECT {COLUMNS} FROM bindings b
         WHERE b.organization_id = $1 AND b.mirror_state IN ('ended', 'released')
            AND (b.mirror_state = 'released' OR NOT EXISTS (SELECT 1 FROM origins o WHERE o.organization_id = $1
                AND o.target_id = b.mirror_group_id AND o.target = 'group' AND o.kind = 'held'))
            AND (b.mirror_state = 'released' OR NOT EXISTS (SELECT o.rule_version FROM origins o WHERE o.organization_id = $1
                AND o.target_id = b.mirror_group_id AND o.target = 'group' AND o.kind IN ('rule', 'frozen')
                AND o.rule_id = b.rule_id AND o.directory_group_id = b.directory_group_id))
            AND NOT EXISTS (SELECT 1 FROM directories d
                WHERE d.organization_id = $1 AND d.id = b.directory_id AND d.paused_at IS NOT NULL)
         LIMIT $2"
    );
    tx.fetch_all(sql(text).bind(organization).bind(limit)).await
}

/// Bindings whose mirrors have ended and whose native groups are still there, since their people are held or still to
/// leave.
pub async fn on_the_way_out(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<StoredBinding>> {
    let text = format!(
        "SELECT {COLUMNS} FROM bindings b WHERE b.organization_id = $1 AND b.mirror_state IN ('ended', 'released')"
    );
    tx.fetch_all(sql(text).bind(organization)).await
}

/// The directory groups, which may be gone, of a directory's bindings, or of all bindings of the organization.
pub async fn groups_of_directory(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: Option<DirectoryId>,
) -> Result<BTreeSet<DirectoryGroupId>> {
    let text = "SELECT DISTINCT directory_group_id FROM bindings WHERE organization_id = $1";
    let stmt = match directory {
        Some(directory) => sql(format!("{text} AND directory_id = $2")).bind(organization).bind(directory),
        None => sql(text).bind(organization),
    };
    let rows: Vec<(DirectoryGroupId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Stores bindings, replacing those of the same rule and group.
pub async fn put(tx: &mut Tx, organization: OrganizationId, bindings: &[StoredBinding]) -> Result<()> {
    if bindings.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for binding in bindings {
        rows.push([
            cell(binding.rule_id),
            cell(binding.directory_group_id),
            cell(binding.directory_id),
            cell(binding.matched),
            cell(binding.excepted),
            cell(binding.mirror_name.as_deref()),
            cell(binding.mirror_name.as_deref().map(name_key)),
            cell(binding.mirror_state.as_deref()),
            cell(binding.mirror_group_id),
            cell(binding.mirror_keep),
            cell(binding.chosen_name.as_deref()),
            cell(binding.chosen_group_id),
        ]);
    }
    let columns = [
        ("rule_id", Column::Id),
        ("directory_group_id", Column::Id),
        ("directory_id", Column::Id),
        ("matched", Column::Bool),
        ("excepted", Column::Bool),
        ("mirror_name", Column::Text),
        ("mirror_name_key", Column::Text),
        ("mirror_state", Column::Text),
        ("mirror_group_id", Column::Id),
        ("mirror_keep", Column::Bool),
        ("chosen_name", Column::Text),
        ("chosen_group_id", Column::Id),
    ];
    let text = format!(
        "INSERT INTO bindings (organization_id, rule_id, directory_group_id, directory_id, matched, excepted,
            mirror_name, mirror_name_key, mirror_state, mirror_group_id, mirror_keep, chosen_name, chosen_group_id)
         SELECT $2, r.rule_id, r.directory_group_id, r.directory_id, r.matched, r.excepted, r.mirror_name,
            r.mirror_name_key, r.mirror_state, r.mirror_group_id, r.mirror_keep, r.chosen_name, r.chosen_group_id FROM {} AS r WHERE true
         ON CONFLICT (organization_id, rule_id, directory_group_id) DO UPDATE SET matched = excluded.matched,
            excepted = excluded.excepted, mirror_name = excluded.mirror_name,
            mirror_name_key = excluded.mirror_name_key, mirror_state = excluded.mirror_state,
            mirror_group_id = excluded.mirror_group_id, mirror_keep = excluded.mirror_keep,
            chosen_name = excluded.chosen_name, chosen_group_id = excluded.chosen_group_id",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(organization)).await.map(drop)
}

/// Ends bindings.
pub async fn delete(
    tx: &mut Tx,
    organization: OrganizationId,
    keys: impl IntoIterator<Item = (RuleId, DirectoryGroupId)>,
) -> Result<()> {
    let mut rows = Rows::default();
    for (rule, group) in keys {
        rows.push([cell(rule), cell(group)]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    let text = format!(
        "DELETE FROM bindings WHERE organization_id = $2
         AND (rule_id, directory_group_id) IN (SELECT rule_id, directory_group_id FROM {} AS r)",
        tx.rows(1, &[("rule_id", Column::Id), ("directory_group_id", Column::Id)])
    );
    tx.execute(sql(text).bind(rows).bind(organization)).await.map(drop)
}

/// A directory group and what became of it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MappedGroup {
    /// The directory.
    pub directory: String,
    /// The directory group's `displayName`.
    pub directory_group: String,
    /// How many edges it has.
    pub members: i64,
    /// The rule that is bound to it, if one is.
    pub rule_key: Option<String>,
    /// Whether the rule keeps the group's people out, rather than mapping them.
    pub excepted: bool,
    /// `made`, `adopted` or `parked`, where the rule mirrors.
    pub mirror_state: Option<String>,
    /// The native group that mirrors it.
    pub mirror: Option<String>,
    /// How many effective members the native group has.
    pub mirror_members: i64,
}

/// Every directory group of the organization with the rules that are bound to it.
pub async fn mapped_groups(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<MappedGroup>> {
    let stmt = sql("SELECT d.name AS directory, g.display_name AS directory_group,
            (SELECT COUNT(*) FROM directory_edges e WHERE e.organization_id = g.organization_id AND e.group_id = g.id)
                AS members,
            r.key AS rule_key, COALESCE(b.excepted, FALSE) AS excepted, b.mirror_state, n.name AS mirror,
            (SELECT COUNT(*) FROM group_memberships e WHERE e.organization_id = g.organization_id
                AND e.group_id = b.mirror_group_id) AS mirror_members
         FROM directory_groups g
         JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id
         LEFT JOIN bindings b ON b.organization_id = g.organization_id AND b.directory_group_id = g.id
         LEFT JOIN mapping_rules r ON r.organization_id = g.organization_id AND r.id = b.rule_id
         LEFT JOIN groups n ON n.organization_id = g.organization_id AND n.id = b.mirror_group_id
         WHERE g.organization_id = $1 ORDER BY d.id, g.display_name_key, rule_key");
    tx.fetch_all(stmt.bind(organization)).await
}
