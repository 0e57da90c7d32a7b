//! Identity links: which account a directory user is.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::statement::{Column, Param, Rows, cell, sql};
use super::{Page, PageRequest, Tx, containing};
use crate::domain::Result;
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryId, DirectoryUserId, MembershipId, OrganizationId, UserId};
use crate::domain::link::LinkState;
use crate::domain::origin::Standing;

/// A link as it is stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Link {
    /// The directory user; may be gone, if the link has ended.
    pub directory_user_id: DirectoryUserId,
    /// Their directory.
    pub directory_id: DirectoryId,
    /// The account, unless pending.
    pub user_id: Option<UserId>,
    /// The account's membership of the organization, unless pending.
    pub membership_id: Option<MembershipId>,
    /// `linked`, `pending`, `refused` or `ended`.
    pub state: String,
    /// The rung of the ladder, or the reason for waiting.
    pub method: String,
    /// The directory user's `externalId` when the link was made or ended.
    pub external_id: Option<String>,
    /// Whether the directory user was active when the native side last looked.
    pub active: bool,
}

impl Link {
    /// Whether it is in force.
    pub fn is_linked(&self) -> bool {
        self.state == "linked"
    }

    /// How the person stands at their directory: there, and active; `None` if they never were linked.
    pub fn stands(&self) -> Option<(bool, bool)> {
        match self.state.as_str() {
            "linked" => Some((true, self.active)),
            "ended" => Some((false, false)),
            _ => None,
        }
    }

    /// Whether somebody decided that the person gets no account.
    pub fn is_refused(&self) -> bool {
        self.state == "refused"
    }

    /// The account that somebody confirmed, where the link is not in force yet.
    pub fn confirmed_account(&self) -> Option<UserId> {
        self.user_id.filter(|_| self.state == "pending" && self.method == "confirmed")
    }
}

const COLUMNS: &str =
    "l.directory_user_id, l.directory_id, l.user_id, l.membership_id, l.state, l.method, l.external_id, l.active";

/// The links of these directory users.
pub async fn of_users(
    tx: &mut Tx,
    organization: OrganizationId,
    users: impl IntoIterator<Item = DirectoryUserId>,
) -> Result<HashMap<DirectoryUserId, Link>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} identity_links l ON l.organization_id = $2 AND l.directory_user_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<Link> = tx.fetch_all(sql(text).bind(Rows::ids(users)).bind(organization)).await?;
    Ok(rows.into_iter().map(|link| (link.directory_user_id, link)).collect())
}

/// Stores links, replacing those of the same directory users.
pub async fn put(tx: &mut Tx, organization: OrganizationId, links: &[Link], now: DateTime<Utc>) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for link in links {
        rows.push([
            cell(link.directory_user_id),
            cell(link.directory_id),
            cell(link.user_id),
            cell(link.membership_id),
            cell(link.state.as_str()),
            cell(link.method.as_str()),
            cell(link.external_id.as_deref()),
            cell(link.active),
        ]);
    }
    let columns = [
        ("directory_user_id", Column::Id),
        ("directory_id", Column::Id),
        ("user_id", Column::Id),
        ("membership_id", Column::Id),
        ("state", Column::Text),
        ("method", Column::Text),
        ("external_id", Column::Text),
        ("active", Column::Bool),
    ];
    let text = format!(
        "INSERT INTO identity_links (organization_id, directory_user_id, directory_id, user_id, membership_id,
            state, method, external_id, active, created_at, updated_at)
         SELECT $2, r.directory_user_id, r.directory_id, r.user_id, r.membership_id, r.state, r.method,
            r.external_id, r.active, $3, $3 FROM {} AS r WHERE true
         ON CONFLICT (organization_id, directory_user_id) DO UPDATE SET user_id = excluded.user_id,
            membership_id = excluded.membership_id, state = excluded.state, method = excluded.method,
            external_id = excluded.external_id, active = excluded.active, updated_at = excluded.updated_at",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(organization).bind(now)).await.map(drop)
}

/// Removes links: of people whose directory is removed.
pub async fn remove(tx: &mut Tx, organization: OrganizationId, people: &[DirectoryUserId]) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let text = format!(
        "DELETE FROM identity_links WHERE organization_id = $2 AND directory_user_id IN (SELECT id FROM {} AS r)",
        tx.rows(1, &[("id", Column::Id)])
    );
    tx.execute(sql(text).bind(Rows::ids(people.iter().copied())).bind(organization)).await.map(drop)
}

/// Lets links forget a user who is being deleted: nobody comes back to that account.
pub async fn forget_user(tx: &mut Tx, user: UserId) -> Result<()> {
    tx.execute(sql("UPDATE identity_links SET user_id = NULL WHERE user_id = $1").bind(user)).await.map(drop)
}

/// Keeps the last `externalId` of somebody who is being deleted: they are known again by it.
pub async fn keep_external_id(
    tx: &mut Tx,
    organization: OrganizationId,
    person: DirectoryUserId,
    external_id: Option<&str>,
) -> Result<()> {
    let stmt = sql("UPDATE identity_links SET external_id = $3 WHERE organization_id = $1 AND directory_user_id = $2");
    tx.execute(stmt.bind(organization).bind(person).bind(external_id)).await.map(drop)
}

/// The accounts of people who were deleted before these came, in the same directory and with the same
/// `externalId`; the latest where there are several. Somebody who was there beside the deleted person is not
/// that person returned. Accounts that a live directory user of the organization holds are left out.
pub async fn ended_by_external_id(
    tx: &mut Tx,
    organization: OrganizationId,
    people: impl IntoIterator<Item = &DirectoryUser>,
) -> Result<HashMap<DirectoryUserId, UserId>> {
    let mut rows = Rows::default();
    for person in people {
        if let Some(external_id) = person.text("externalId") {
            rows.push([cell(person.id), cell(person.directory), cell(external_id), cell(person.created_at)]);
        }
    }
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let columns =
        [("id", Column::Id), ("directory_id", Column::Id), ("external_id", Column::Text), ("created_at", Column::Time)];
    let text = format!(
        "SELECT r.id, l.user_id FROM {}
            identity_links l ON l.organization_id = $2 AND l.directory_id = r.directory_id
            AND l.external_id = r.external_id AND l.state = 'ended' AND l.user_id IS NOT NULL
            AND l.updated_at <= r.created_at
         WHERE NOT EXISTS (SELECT 1 FROM organization_memberships m
            JOIN identity_links other ON other.organization_id = $2 AND other.membership_id = m.id
                AND other.state = 'linked'
            WHERE m.organization_id = $2 AND m.user_id = l.user_id)
         ORDER BY l.updated_at, l.directory_user_id",
        tx.driving(1, &columns)
    );
    let found: Vec<(DirectoryUserId, UserId)> = tx.fetch_all(sql(text).bind(rows).bind(organization)).await?;
    Ok(found.into_iter().collect())
}

/// The directory users who are linked to a membership, the oldest first.
pub async fn people_of_membership(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
) -> Result<Vec<DirectoryUserId>> {
    let stmt = sql("SELECT directory_user_id FROM identity_links
         WHERE organization_id = $1 AND membership_id = $2 AND state = 'linked' ORDER BY directory_user_id");
    let rows: Vec<(DirectoryUserId,)> = tx.fetch_all(stmt.bind(organization).bind(membership)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The directory users who are linked to one of these memberships.
pub async fn people_of_memberships(
    tx: &mut Tx,
    organization: OrganizationId,
    memberships: impl IntoIterator<Item = MembershipId>,
) -> Result<Vec<DirectoryUserId>> {
    let text = format!(
        "SELECT l.directory_user_id FROM {} identity_links l
            ON l.organization_id = $2 AND l.membership_id = r.id WHERE l.state = 'linked'",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<(DirectoryUserId,)> = tx.fetch_all(sql(text).bind(Rows::ids(memberships)).bind(organization)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// All links to these memberships, whatever their state.
pub async fn of_memberships(
    tx: &mut Tx,
    organization: OrganizationId,
    memberships: impl IntoIterator<Item = MembershipId>,
) -> Result<Vec<Link>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} identity_links l ON l.organization_id = $2 AND l.membership_id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(memberships)).bind(organization)).await
}

/// How the people of these memberships stand at their directories. Memberships without links are left out.
pub async fn standings(
    tx: &mut Tx,
    organization: OrganizationId,
    memberships: impl IntoIterator<Item = MembershipId>,
) -> Result<HashMap<MembershipId, Standing>> {
    let mut by_membership: HashMap<MembershipId, Vec<Link>> = HashMap::new();
    for link in of_memberships(tx, organization, memberships).await? {
        if let Some(membership) = link.membership_id {
            by_membership.entry(membership).or_default().push(link);
        }
    }
    Ok(by_membership.into_iter().map(|(id, links)| (id, Standing::of(links.iter().map(Link::stands)))).collect())
}

/// Everybody of a directory, or of the organization: those who are there, and those who have a link still.
pub async fn everybody(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: Option<DirectoryId>,
) -> Result<BTreeSet<DirectoryUserId>> {
    let own = if directory.is_some() { "AND directory_id = $2" } else { "" };
    let text = format!(
        "SELECT id FROM directory_users WHERE organization_id = $1 {own}
         UNION SELECT directory_user_id FROM identity_links WHERE organization_id = $1 {own}"
    );
    let mut stmt = sql(text).bind(organization);
    if let Some(directory) = directory {
        stmt = stmt.bind(directory);
    }
    let rows: Vec<(DirectoryUserId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// A link as a list shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedLink {
    /// The link.
    #[sqlx(flatten)]
    pub link: Link,
    /// The person's `userName`; `None` if the directory deleted them.
    pub user_name: Option<String>,
    /// The address that links them, if they have one.
    pub email: Option<String>,
    /// When the person was first to be linked.
    pub created_at: DateTime<Utc>,
    /// When the link last changed.
    pub updated_at: DateTime<Utc>,
}

const LISTED: &str = "u.user_name, u.email, l.created_at, l.updated_at";

/// Which links a list is about.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Only those that stand so.
    pub state: Option<LinkState>,
    /// Only people of this directory.
    pub directory: Option<DirectoryId>,
    /// Part of a `userName` or of any address, without case.
    pub text: Option<String>,
}

/// A page of links, in the order of directory users.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    search: &Search,
    page: &PageRequest,
) -> Result<Page<ListedLink>> {
    let mut text = format!(
        "SELECT {COLUMNS}, {LISTED} FROM identity_links l
         LEFT JOIN directory_users u ON u.organization_id = l.organization_id AND u.id = l.directory_user_id
         WHERE l.organization_id = $1"
    );
    let mut params: Vec<Param> = vec![organization.into()];
    if let Some(state) = search.state {
        text.push_str(&format!(" AND l.state = '{}'", state.as_str()));
        if state != LinkState::Linked {
            // In the words of the index of those that wait, which SQLite takes only by its own words.
            text.push_str(" AND l.state <> 'linked'");
        }
    }
    if let Some(directory) = search.directory {
        params.push(directory.into());
        text.push_str(&format!(" AND l.directory_id = ${}", params.len()));
    }
    if let Some(part) = &search.text {
        params.push(containing(part).into());
        let n = params.len();
        text.push_str(&format!(
            " AND (u.user_name_key LIKE ${n} ESCAPE '\\' OR EXISTS (SELECT 1 FROM directory_user_emails e
                WHERE e.organization_id = l.organization_id AND e.directory_user_id = l.directory_user_id
                AND e.value_key LIKE ${n} ESCAPE '\\'))"
        ));
    }
    let rows: Vec<ListedLink> = tx.fetch_all(page.complete(&text, params, "l.directory_user_id")).await?;
    Ok(page.page(rows))
}

/// The link of this directory user, as a list shows it.
pub async fn find(tx: &mut Tx, organization: OrganizationId, user: DirectoryUserId) -> Result<Option<ListedLink>> {
    let text = format!(
        "SELECT {COLUMNS}, {LISTED} FROM identity_links l
         LEFT JOIN directory_users u ON u.organization_id = l.organization_id AND u.id = l.directory_user_id
         WHERE l.organization_id = $1 AND l.directory_user_id = $2"
    );
    tx.fetch_optional(sql(text).bind(organization).bind(user)).await
}

/// Everybody who waits to be linked and has an address, with the address.
pub async fn waiting_with_addresses(
    tx: &mut Tx,
    organization: OrganizationId,
) -> Result<Vec<(DirectoryUserId, String)>> {
    let text = format!(
        "SELECT l.directory_user_id, u.email FROM identity_links l
         {} directory_users u ON u.organization_id = $1 AND u.id = l.directory_user_id
         WHERE l.organization_id = $1 AND l.state = 'pending' AND l.state <> 'linked' AND u.email IS NOT NULL",
        tx.join()
    );
    tx.fetch_all(sql(text).bind(organization)).await
}

/// Everybody whose account has another address than they have, and might follow them, with their address: the
/// account was made by a directory of the organization. Reads all links of the organization.
pub async fn behind_their_addresses(
    tx: &mut Tx,
    organization: OrganizationId,
) -> Result<Vec<(DirectoryUserId, String)>> {
    let join = tx.join();
    let text = format!(
        "SELECT l.directory_user_id, u.email FROM identity_links l
         {join} directory_users u ON u.organization_id = $1 AND u.id = l.directory_user_id
         {join} users n ON n.id = l.user_id AND n.made_by_organization = $1 AND n.email <> u.email
         WHERE l.organization_id = $1 AND l.state = 'linked'"
    );
    tx.fetch_all(sql(text).bind(organization)).await
}

/// Forgets that people of this directory who had this `externalId` were this account, so that nobody is taken
/// for one of them returned.
pub async fn forget_returned(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    external_id: &str,
    user: UserId,
) -> Result<()> {
    let stmt = sql("UPDATE identity_links SET user_id = NULL WHERE organization_id = $1 AND directory_id = $2
         AND external_id = $3 AND user_id = $4 AND state = 'ended'");
    tx.execute(stmt.bind(organization).bind(directory).bind(external_id).bind(user)).await.map(drop)
}
