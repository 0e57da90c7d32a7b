//! The bindings of one rule as an admin looks at them: what each mirror wants, has, and who is in the way.

use std::collections::HashMap;

use super::bindings::StoredBinding;
use super::statement::{Column, Param, Rows, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, GroupId, OrganizationId, RuleId};

/// How a mirror stands, to list bindings by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorState {
    /// The native group was made for it.
    Made,
    /// The native group was there before.
    Adopted,
    /// Somebody else has the name: it waits.
    Parked,
    /// There is none: the rule does not mirror the group, or has no name for it.
    Unmirrored,
}

impl MirrorState {
    /// The state with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        match text {
            "made" => Some(MirrorState::Made),
            "adopted" => Some(MirrorState::Adopted),
            "parked" => Some(MirrorState::Parked),
            "unmirrored" => Some(MirrorState::Unmirrored),
            _ => None,
        }
    }

    fn condition(self) -> &'static str {
        match self {
            MirrorState::Made => " AND b.mirror_state = 'made'",
            MirrorState::Adopted => " AND b.mirror_state = 'adopted'",
            MirrorState::Parked => " AND b.mirror_state = 'parked'",
            MirrorState::Unmirrored => " AND b.mirror_state IS NULL",
        }
    }
}

/// A binding with the directory group that it is of, and the group that has its name.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedBinding {
    /// The binding.
    #[sqlx(flatten)]
    pub binding: StoredBinding,
    /// The directory group's `displayName`; `None` if it is gone.
    pub directory_group: Option<String>,
    /// The oldest other native group that has the name which the mirror has or wants.
    pub holder_id: Option<GroupId>,
}

const LISTED: &str = "SELECT b.rule_id, b.directory_group_id, b.directory_id, b.matched, b.excepted, b.mirror_name,
        b.mirror_state, b.mirror_group_id, b.mirror_keep, b.chosen_name, b.chosen_group_id, g.display_name AS directory_group,
        (SELECT h.id FROM groups h WHERE h.organization_id = b.organization_id AND h.name_key = b.mirror_name_key
            AND (b.mirror_group_id IS NULL OR h.id <> b.mirror_group_id) ORDER BY h.id LIMIT 1) AS holder_id
     FROM bindings b
     LEFT JOIN directory_groups g ON g.organization_id = b.organization_id AND g.id = b.directory_group_id
     WHERE b.organization_id = $1 AND b.rule_id = $2";

/// A page of a rule's bindings, in the order of directory groups.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: RuleId,
    state: Option<MirrorState>,
    page: &PageRequest,
) -> Result<Page<ListedBinding>> {
    let text = format!("{LISTED}{}", state.map_or("", MirrorState::condition));
    let params: Vec<Param> = vec![organization.into(), rule.into()];
    let rows: Vec<ListedBinding> = tx.fetch_all(page.complete(&text, params, "b.directory_group_id")).await?;
    Ok(page.page(rows))
}

/// The binding of a rule to a directory group, if there is one.
pub async fn find(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: RuleId,
    group: DirectoryGroupId,
) -> Result<Option<ListedBinding>> {
    let stmt = sql(format!("{LISTED} AND b.directory_group_id = $3")).bind(organization).bind(rule).bind(group);
    tx.fetch_optional(stmt).await
}

/// Which of these native groups mirror something, and by which rule: its id and key.
pub async fn mirrored_by(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = GroupId>,
) -> Result<HashMap<GroupId, (RuleId, String)>> {
    let text = format!(
        "SELECT b.mirror_group_id, m.id, m.key
         FROM {} bindings b ON b.organization_id = $2 AND b.mirror_group_id = r.id
         JOIN mapping_rules m ON m.organization_id = $2 AND m.id = b.rule_id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(GroupId, RuleId, String)> =
        tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await?;
    Ok(rows.into_iter().map(|(group, rule, key)| (group, (rule, key))).collect())
}
