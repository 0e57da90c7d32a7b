//! The people of an organization: users with a membership in force, found by their own ids.

use super::memberships::{COLUMNS, MembershipRow, WithUser, complete};
use super::statement::{Column, Param, Rows, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::Result;
use crate::domain::id::{GroupId, MembershipId, OrganizationId, UserId};
use crate::scim::text::fold;

/// A page of the people, in the order of their user ids; of those with these addresses, if there are any.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    emails: &[String],
    page: &PageRequest,
) -> Result<Page<WithUser>> {
    let mut params: Vec<Param> = vec![organization.into()];
    let mut text = format!("SELECT {COLUMNS} FROM organization_memberships m WHERE m.organization_id = $1");
    if !emails.is_empty() {
        params.push(Rows::texts(emails.iter().map(|email| fold(email))).into());
        // Read from the side of the addresses, of which there are few.
        text = format!(
            "SELECT {COLUMNS} FROM {} users n ON n.email_key = r.email_key
             JOIN organization_memberships m ON m.organization_id = $1 AND m.user_id = n.id WHERE 1 = 1",
            tx.driving(2, &[("email_key", Column::Text)])
        );
    }
    text.push_str(" AND m.status = 'active'");
    let rows: Vec<MembershipRow> = tx.fetch_all(page.complete(&text, params, "m.user_id")).await?;
    let page = page.page(rows);
    let (has_before, has_after) = (page.has_before, page.has_after);
    Ok(Page { rows: complete(tx, page.rows).await?, has_before, has_after })
}

/// The person with this user id.
pub async fn find(tx: &mut Tx, organization: OrganizationId, user: UserId) -> Result<Option<WithUser>> {
    let text = format!(
        "SELECT {COLUMNS} FROM organization_memberships m
         WHERE m.organization_id = $1 AND m.user_id = $2 AND m.status = 'active'"
    );
    let row: Option<MembershipRow> = tx.fetch_optional(sql(text).bind(organization).bind(user)).await?;
    Ok(complete(tx, row.into_iter().collect()).await?.pop())
}

/// A member of a native group.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GroupMember {
    /// Their membership of the organization.
    pub membership_id: MembershipId,
    /// The account.
    pub user_id: UserId,
    /// The address.
    pub email: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
}

const MEMBER: &str = "SELECT e.membership_id, n.id AS user_id, n.email, n.first_name, n.last_name
     FROM group_memberships e
     JOIN organization_memberships m ON m.organization_id = e.organization_id AND m.id = e.membership_id
     JOIN users n ON n.id = m.user_id
     WHERE e.organization_id = $1 AND e.group_id = $2";

/// A page of the effective members of a group, in the order of their memberships.
pub async fn members(
    tx: &mut Tx,
    organization: OrganizationId,
    group: GroupId,
    page: &PageRequest,
) -> Result<Page<GroupMember>> {
    let params = vec![organization.into(), group.into()];
    let rows: Vec<GroupMember> = tx.fetch_all(page.complete(MEMBER, params, "e.membership_id")).await?;
    Ok(page.page(rows))
}

/// The effective member of a group who has this membership.
pub async fn member(
    tx: &mut Tx,
    organization: OrganizationId,
    group: GroupId,
    membership: MembershipId,
) -> Result<Option<GroupMember>> {
    let stmt = sql(format!("{MEMBER} AND e.membership_id = $3"));
    tx.fetch_optional(stmt.bind(organization).bind(group).bind(membership)).await
}
