//! Directory groups with what the rules in force made of them.

use super::statement::{Column, Param, Rows, sql};
use super::{Page, PageRequest, Tx, containing};
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryId, GroupId, OrganizationId, RuleId};

/// Which groups a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A rule matched them.
    Bound,
    /// No rule has to do with them.
    Unmatched,
    /// Their mirror waits for a name.
    Parked,
    /// A rule keeps their people out.
    Excepted,
    /// Some of their members are not known.
    Pending,
}

const BINDING: &str = "EXISTS (SELECT 1 FROM bindings b WHERE b.organization_id = $1 AND b.directory_group_id = g.id";

/// The members of a group that are not known.
const PENDING: &str = "FROM directory_edges p WHERE p.organization_id = $1 AND p.group_id = g.id
    AND p.user_id IS NULL AND p.subgroup_id IS NULL";

impl Standing {
    fn condition(self) -> String {
        match self {
            Standing::Bound => format!("{BINDING} AND b.matched)"),
            Standing::Unmatched => format!("NOT {BINDING} AND (b.matched OR b.excepted))"),
            Standing::Parked => format!("{BINDING} AND b.mirror_state = 'parked')"),
            Standing::Excepted => format!("{BINDING} AND b.excepted)"),
            Standing::Pending => format!("EXISTS (SELECT 1 {PENDING})"),
        }
    }
}

/// A directory group in a list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedGroup {
    /// Its id.
    pub id: DirectoryGroupId,
    /// Its `displayName`.
    pub display_name: String,
    /// How many members it has, people and groups.
    pub members: i64,
    /// How many of them are not known.
    pub pending: i64,
}

fn listed() -> String {
    format!(
        "SELECT g.id, g.display_name, (SELECT COUNT(*) FROM directory_edges e
            WHERE e.organization_id = $1 AND e.group_id = g.id) AS members, (SELECT COUNT(*) {PENDING}) AS pending
         FROM directory_groups g WHERE g.organization_id = $1"
    )
}

/// One group.
pub async fn find(tx: &mut Tx, organization: OrganizationId, id: DirectoryGroupId) -> Result<Option<ListedGroup>> {
    tx.fetch_optional(sql(listed() + " AND g.id = $2").bind(organization).bind(id)).await
}

/// A page of a directory's groups; `search` is part of a name.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    standing: Option<Standing>,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<ListedGroup>> {
    let mut text = listed() + " AND g.directory_id = $2";
    let mut params: Vec<Param> = vec![organization.into(), directory.into()];
    if let Some(standing) = standing {
        text.push_str(&format!(" AND {}", standing.condition()));
    }
    if let Some(search) = search {
        params.push(containing(search).into());
        text.push_str(&format!(" AND g.display_name_key LIKE ${} ESCAPE '\\'", params.len()));
    }
    Ok(page.page(tx.fetch_all(page.complete(&text, params, "g.id")).await?))
}

/// A binding with the names that belong to it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NamedBinding {
    /// The directory group.
    pub directory_group_id: DirectoryGroupId,
    /// The rule.
    pub rule_id: RuleId,
    /// The rule's key.
    pub rule_key: String,
    /// The group is one of the rule's sources.
    pub matched: bool,
    /// The group's people are out, for this rule.
    pub excepted: bool,
    /// `made`, `adopted`, `parked` or `ended`, where the rule mirrors.
    pub mirror_state: Option<String>,
    /// The native group that it became.
    pub mirror_group_id: Option<GroupId>,
    /// The name of that; else the one that it wants.
    pub mirror_name: Option<String>,
}

/// The bindings of these groups, in the order of groups and rules.
pub async fn bindings(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<Vec<NamedBinding>> {
    let text = format!(
        "SELECT b.directory_group_id, b.rule_id, m.key AS rule_key, b.matched, b.excepted, b.mirror_state,
            b.mirror_group_id, COALESCE(n.name, b.mirror_name) AS mirror_name
         FROM {} bindings b ON b.organization_id = $2 AND b.directory_group_id = r.id
         JOIN mapping_rules m ON m.organization_id = b.organization_id AND m.id = b.rule_id
         LEFT JOIN groups n ON n.organization_id = b.organization_id AND n.id = b.mirror_group_id
         ORDER BY b.directory_group_id, b.rule_id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await
}

/// Native groups by name, as names collide: the oldest of each name that no rule mirrors into.
pub async fn namesakes(
    tx: &mut Tx,
    organization: OrganizationId,
    keys: impl IntoIterator<Item = String>,
) -> Result<Vec<(String, GroupId, String)>> {
    let text = format!(
        "SELECT g.name_key, g.id, g.name FROM {} groups g ON g.organization_id = $2 AND g.name_key = r.name_key
         WHERE NOT EXISTS (SELECT 1 FROM bindings b WHERE b.organization_id = $2 AND b.mirror_group_id = g.id)
         ORDER BY g.name_key, g.id DESC",
        tx.driving(1, &[("name_key", Column::Text)])
    );
    tx.fetch_all(sql(text).bind(Rows::texts(keys)).bind(organization)).await
}

/// The names of groups that no rule has to do with, up to `limit` of them.
pub async fn unmatched_names(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    limit: i64,
) -> Result<Vec<String>> {
    let text = format!(
        "SELECT g.display_name FROM directory_groups g WHERE g.organization_id = $1 AND g.directory_id = $2
         AND {} LIMIT $3",
        Standing::Unmatched.condition()
    );
    let rows: Vec<(String,)> = tx.fetch_all(sql(text).bind(organization).bind(directory).bind(limit)).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}
