//! A person as rules see them: the membership, its links, the groups that they are in, and what these are bound to.

use crate::domain::Result;
use crate::domain::directory::Directory;
use crate::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, OrganizationId, RoleId, RuleId,
};
use crate::domain::verdict::Bound;
use crate::scim::text::fold;
use crate::store::Tx;
use crate::store::directories::{self, DirectoryRow};
use crate::store::statement::{Column, Rows, sql};

/// A membership and whose it is.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Subject {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The membership.
    pub id: MembershipId,
    /// `active` or `inactive`.
    pub status: String,
    /// Somebody deactivated it by API.
    pub deactivated: bool,
    /// The primary role.
    pub role_id: RoleId,
    /// The address of the account.
    pub email: String,
    /// The first name of the account.
    pub first_name: Option<String>,
    /// The last name of the account.
    pub last_name: Option<String>,
}

/// The membership with this id; of the organization, if one is given.
pub async fn subject(tx: &mut Tx, organization: Option<OrganizationId>, id: MembershipId) -> Result<Option<Subject>> {
    let text = "SELECT m.organization_id, m.id, m.status, m.deactivated, m.role_id, n.email, n.first_name, n.last_name
         FROM organization_memberships m JOIN users n ON n.id = m.user_id WHERE m.id = $1";
    let stmt = match organization {
        Some(organization) => sql(format!("{text} AND m.organization_id = $2")).bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    tx.fetch_optional(stmt).await
}

/// All directories of the organization, those that were removed included: what they gave may still be on record.
pub async fn directories_of(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<Directory>> {
    let text = format!("SELECT {} FROM directories d WHERE d.organization_id = $1", directories::COLUMNS);
    let rows: Vec<DirectoryRow> = tx.fetch_all(sql(text).bind(organization)).await?;
    rows.into_iter().map(Directory::try_from).collect()
}

/// The link of a directory user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PersonLink {
    /// The directory user; may be gone, if the link has ended.
    pub directory_user_id: DirectoryUserId,
    /// Their directory.
    pub directory_id: DirectoryId,
    /// The membership, if it is or was linked to one.
    pub membership_id: Option<MembershipId>,
    /// `linked`, `pending`, `refused` or `ended`.
    pub state: String,
    /// The rung of the ladder, or the reason for waiting.
    pub method: String,
    /// Whether the directory user was active when the native side last looked.
    pub active: bool,
}

const LINK: &str = "l.directory_user_id, l.directory_id, l.membership_id, l.state, l.method, l.active";

/// The links of a membership, and those that wait or were refused of people with the address of its account. Oldest
/// people first.
pub async fn links(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    email: &str,
) -> Result<Vec<PersonLink>> {
    let join = tx.join();
    let text = format!(
        "SELECT {LINK} FROM identity_links l WHERE l.organization_id = $1 AND l.membership_id = $2
         UNION
         SELECT {LINK} FROM directories d
            {join} directory_user_emails e
                ON e.organization_id = $1 AND e.directory_id = d.id AND e.value_key = $3
            {join} identity_links l ON l.organization_id = $1 AND l.directory_user_id = e.directory_user_id
         WHERE d.organization_id = $1 AND l.state IN ('pending', 'refused')"
    );
    let stmt = sql(text).bind(organization).bind(membership).bind(fold(email));
    // Sorted here: SQLite would walk through all links of the organization to have them in order.
    let mut links: Vec<PersonLink> = tx.fetch_all(stmt).await?;
    links.sort_by_key(|link| link.directory_user_id);
    Ok(links)
}

/// The link of a directory user, if there ever was one.
pub async fn link_of(tx: &mut Tx, organization: OrganizationId, id: DirectoryUserId) -> Result<Option<PersonLink>> {
    let text = format!("SELECT {LINK} FROM identity_links l WHERE l.organization_id = $1 AND l.directory_user_id = $2");
    tx.fetch_optional(sql(text).bind(organization).bind(id)).await
}

/// The edges between these groups, of which every group around one of them is one: pairs of a group and a group
/// within it.
pub async fn edges_between(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<Vec<(DirectoryGroupId, DirectoryGroupId)>> {
    let text = format!(
        "SELECT e.group_id, e.subgroup_id FROM {} directory_edges e ON e.organization_id = $2 AND e.subgroup_id = r.id
         ORDER BY e.group_id, e.subgroup_id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await
}

#[derive(sqlx::FromRow)]
struct BoundRow {
    rule_id: RuleId,
    directory_group_id: DirectoryGroupId,
    matched: bool,
    excepted: bool,
    mirror_group_id: Option<GroupId>,
    mirror_name: Option<String>,
    mirror_name_key: Option<String>,
    holder_id: Option<GroupId>,
    holder_name: Option<String>,
}

impl From<BoundRow> for Bound {
    fn from(row: BoundRow) -> Self {
        Bound {
            rule: row.rule_id,
            group: row.directory_group_id,
            matched: row.matched,
            excepted: row.excepted,
            mirror: row.mirror_group_id,
            mirror_name: row.mirror_name,
            mirror_name_key: row.mirror_name_key,
            taken_by: row.holder_id.zip(row.holder_name),
        }
    }
}

/// The bindings of these groups, each with the oldest native group that has the name which its mirror waits for.
pub async fn bindings(
    tx: &mut Tx,
    organization: OrganizationId,
    groups: impl IntoIterator<Item = DirectoryGroupId>,
) -> Result<Vec<Bound>> {
    let text = format!(
        "SELECT b.rule_id, b.directory_group_id, b.matched, b.excepted, b.mirror_group_id, b.mirror_name,
            b.mirror_name_key, h.id AS holder_id, h.name AS holder_name
         FROM {} bindings b ON b.organization_id = $2 AND b.directory_group_id = r.id
         LEFT JOIN groups h ON h.organization_id = $2 AND h.id =
            (SELECT x.id FROM groups x WHERE x.organization_id = $2 AND x.name_key = b.mirror_name_key
                AND b.mirror_group_id IS NULL ORDER BY x.id LIMIT 1)",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<BoundRow> = tx.fetch_all(sql(text).bind(Rows::ids(groups)).bind(organization)).await?;
    Ok(rows.into_iter().map(Bound::from).collect())
}

/// A directory group that a rule matches.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Source {
    /// The rule.
    pub rule_id: RuleId,
    /// The directory group.
    pub directory_group_id: DirectoryGroupId,
    /// Its `displayName`; `None` if it is gone.
    pub name: Option<String>,
}

/// The first few directory groups that each of these rules matches.
pub async fn sources_of_rules(
    tx: &mut Tx,
    organization: OrganizationId,
    rules: impl IntoIterator<Item = RuleId>,
    limit: i64,
) -> Result<Vec<Source>> {
    let text = format!(
        "SELECT b.rule_id, b.directory_group_id, g.display_name AS name
         FROM {} bindings b ON b.organization_id = $2 AND b.rule_id = r.id AND b.directory_group_id IN
            (SELECT x.directory_group_id FROM bindings x WHERE x.organization_id = $2 AND x.rule_id = r.id
                AND x.matched ORDER BY x.directory_group_id LIMIT $3)
         LEFT JOIN directory_groups g ON g.organization_id = $2 AND g.id = b.directory_group_id
         ORDER BY b.directory_group_id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(rules)).bind(organization).bind(limit)).await
}

/// The directory groups that a native group mirrors, and those whose mirrors wait for its name; the first few.
pub async fn sources_of_mirror(
    tx: &mut Tx,
    organization: OrganizationId,
    group: GroupId,
    name_key: &str,
    limit: i64,
) -> Result<Vec<Source>> {
    let stmt = sql("SELECT b.rule_id, b.directory_group_id, g.display_name AS name FROM
            (SELECT rule_id, directory_group_id FROM bindings
                WHERE organization_id = $1 AND mirror_group_id = $2 AND matched
             UNION
             SELECT rule_id, directory_group_id FROM bindings
                WHERE organization_id = $1 AND mirror_name_key = $3 AND matched AND mirror_group_id IS NULL) b
         LEFT JOIN directory_groups g ON g.organization_id = $1 AND g.id = b.directory_group_id
         ORDER BY b.directory_group_id LIMIT $4");
    tx.fetch_all(stmt.bind(organization).bind(group).bind(name_key).bind(limit)).await
}
