//! Something by a few letters of its name, across an organization: what the search of the console finds.
//!
//! Names are looked through in the indexes that end in them, so that a large organization costs no more than a read of
//! its names.

use std::collections::HashMap;

use sqlx::FromRow;

use super::statement::{Column, Rows, sql};
use super::{Tx, containing, object};
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, MembershipId, OrganizationId, RequestId};
use crate::scim::text::fold;

/// A person of a directory, and the membership that they are linked to.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundPerson {
    /// The directory user.
    pub id: DirectoryUserId,
    /// Their directory.
    pub directory: DirectoryId,
    /// The directory's name.
    pub directory_name: String,
    /// The name by which people know them: `displayName`, or else `userName`.
    pub name: String,
    /// Their `userName`.
    pub user_name: String,
    /// Whether they are active there.
    pub active: bool,
    /// The membership that they are linked to.
    pub membership: Option<MembershipId>,
}

#[derive(FromRow)]
struct PersonRow {
    id: DirectoryUserId,
    directory_id: DirectoryId,
    directory_name: String,
    user_name: String,
    document: String,
    active: bool,
    membership_id: Option<MembershipId>,
}

/// People of directories with these letters in their name or their `userName`, or with exactly this address.
pub async fn people(tx: &mut Tx, organization: OrganizationId, text: &str, limit: i64) -> Result<Vec<FoundPerson>> {
    // The directories are read first, so that each part walks through an index that begins with the directory and ends in
    // what is looked for; only what was found in it is read as a whole. A join would leave the order to the planner.
    let part = |key: &str| {
        format!(
            "SELECT * FROM (SELECT x.id FROM (
                SELECT d.id AS directory_id, u.{key} AS found FROM directories d CROSS JOIN directory_users u
                WHERE d.organization_id = $1 AND u.organization_id = d.organization_id AND u.directory_id = d.id
                    AND u.{key} IS NOT NULL AND u.{key} LIKE $2 ESCAPE '\\' LIMIT $3) AS f
                CROSS JOIN directory_users x
                WHERE x.organization_id = $1 AND x.directory_id = f.directory_id AND x.{key} = f.found LIMIT $3) AS of_{key}"
        )
    };
    let statement = format!(
        "SELECT u.id, u.directory_id, d.name AS directory_name, u.user_name, u.document, u.active, l.membership_id
         FROM ({} UNION {} UNION SELECT * FROM (
            SELECT e.directory_user_id AS id FROM directories d CROSS JOIN directory_user_emails e
            WHERE d.organization_id = $1 AND e.organization_id = d.organization_id AND e.directory_id = d.id
                AND e.value_key = $4 LIMIT $3) AS of_emails) AS k
         CROSS JOIN directory_users u
         CROSS JOIN directories d
         LEFT JOIN identity_links l ON l.organization_id = $1 AND l.directory_user_id = u.id AND l.state = 'linked'
         WHERE u.organization_id = $1 AND u.id = k.id AND d.organization_id = $1 AND d.id = u.directory_id
         ORDER BY u.user_name_key, u.id LIMIT $3",
        part("display_name_key"),
        part("user_name_key"),
    );
    let stmt = sql(statement).bind(organization).bind(containing(text)).bind(limit).bind(fold(text.trim()));
    let rows: Vec<PersonRow> = tx.fetch_all(stmt).await?;
    let person = |row: PersonRow| {
        let document = object(&row.document)?;
        let shown = document.get("displayName").and_then(|name| name.as_str()).filter(|name| !name.is_empty());
        Ok(FoundPerson {
            id: row.id,
            directory: row.directory_id,
            directory_name: row.directory_name,
            name: shown.unwrap_or(&row.user_name).to_owned(),
            user_name: row.user_name,
            active: row.active,
            membership: row.membership_id,
        })
    };
    rows.into_iter().map(person).collect()
}

/// The membership of the account with this address.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FoundAccount {
    /// The membership.
    pub membership_id: MembershipId,
    /// The account's address.
    pub email: String,
    /// The account's first name.
    pub first_name: Option<String>,
    /// The account's last name.
    pub last_name: Option<String>,
    /// `active` or `inactive`.
    pub status: String,
}

/// The account with exactly this address, if it is a member.
pub async fn account(tx: &mut Tx, organization: OrganizationId, email: &str) -> Result<Option<FoundAccount>> {
    let stmt = sql("SELECT m.id AS membership_id, n.email, n.first_name, n.last_name, m.status FROM users n
         JOIN organization_memberships m ON m.organization_id = $1 AND m.user_id = n.id WHERE n.email_key = $2");
    tx.fetch_optional(stmt.bind(organization).bind(fold(email))).await
}

/// A directory group.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FoundGroup {
    /// The group.
    pub id: DirectoryGroupId,
    /// Its directory.
    pub directory_id: DirectoryId,
    /// The directory's name.
    pub directory_name: String,
    /// The group's name.
    pub name: String,
}

/// Directory groups with these letters in their name.
pub async fn directory_groups(
    tx: &mut Tx,
    organization: OrganizationId,
    text: &str,
    limit: i64,
) -> Result<Vec<FoundGroup>> {
    let stmt = sql("SELECT g.id, g.directory_id, d.name AS directory_name, g.display_name AS name FROM directories d
         CROSS JOIN directory_groups g
         WHERE d.organization_id = $1 AND g.organization_id = d.organization_id AND g.directory_id = d.id
            AND g.display_name_key LIKE $2 ESCAPE '\\' ORDER BY g.display_name_key, g.id LIMIT $3");
    tx.fetch_all(stmt.bind(organization).bind(containing(text)).bind(limit)).await
}

/// Whether the log of an organization's directories has this request.
pub async fn is_logged(tx: &mut Tx, organization: OrganizationId, id: RequestId) -> Result<bool> {
    let stmt = sql("SELECT id FROM requests WHERE organization_id = $1 AND id = $2");
    let row: Option<(RequestId,)> = tx.fetch_optional(stmt.bind(organization).bind(id)).await?;
    Ok(row.is_some())
}

/// The addresses of the people with these memberships, as far as they exist.
pub async fn membership_names(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = MembershipId>,
) -> Result<HashMap<MembershipId, String>> {
    let text = format!(
        "SELECT m.id, n.email FROM {} organization_memberships m ON m.organization_id = $2 AND m.id = r.id
         JOIN users n ON n.id = m.user_id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(MembershipId, String)> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await?;
    Ok(rows.into_iter().collect())
}
