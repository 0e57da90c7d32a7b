//! The people of a directory as an admin looks through them: each with how they are linked.

use chrono::{DateTime, Utc};

use super::statement::Param;
use super::{Page, PageRequest, Tx, containing};
use crate::domain::Result;
use crate::domain::id::{DirectoryId, DirectoryUserId, MembershipId, OrganizationId};
use crate::domain::link::LinkState;

/// Somebody in a list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedPerson {
    /// The directory user.
    pub id: DirectoryUserId,
    /// Their `userName`.
    pub user_name: String,
    /// The address that links them, if they have one.
    pub email: Option<String>,
    /// Whether the directory says that they are active.
    pub active: bool,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
    /// How their link stands; `None` for somebody who never was to be linked.
    pub link_state: Option<String>,
    /// The rung of the ladder, or the reason for waiting.
    pub link_method: Option<String>,
    /// The membership that they are linked to.
    pub membership_id: Option<MembershipId>,
    /// The address of the account that they are linked to.
    pub account: Option<String>,
}

/// Which people a list is about.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Only those whose link stands so.
    pub link: Option<LinkState>,
    /// Only those who are active, or who are not.
    pub active: Option<bool>,
    /// Part of the `userName`, of any address or of the `displayName`, without case.
    pub text: Option<String>,
}

const COLUMNS: &str = "u.id, u.user_name, u.email, u.active, u.updated_at, l.state AS link_state,
    l.method AS link_method, l.membership_id, n.email AS account";

/// A page of the people of a directory, in the order of their ids.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    search: &Search,
    page: &PageRequest,
) -> Result<Page<ListedPerson>> {
    let mut params: Vec<Param> = vec![organization.into(), directory.into()];
    let (mut text, key) = match search.link {
        // Few are linked otherwise: their index leads.
        Some(state) if state != LinkState::Linked => (
            format!(
                "SELECT {COLUMNS} FROM identity_links l
                 {} directory_users u ON u.organization_id = l.organization_id AND u.id = l.directory_user_id
                 LEFT JOIN users n ON n.id = l.user_id
                 WHERE l.organization_id = $1 AND l.directory_id = $2 AND l.state = '{}' AND l.state <> 'linked'",
                tx.join(),
                state.as_str()
            ),
            "l.directory_user_id",
        ),
        linked => (
            format!(
                "SELECT {COLUMNS} FROM directory_users u
                 LEFT JOIN identity_links l ON l.organization_id = u.organization_id AND l.directory_user_id = u.id
                 LEFT JOIN users n ON n.id = l.user_id
                 WHERE u.organization_id = $1 AND u.directory_id = $2{}",
                if linked.is_some() { " AND l.state = 'linked'" } else { "" }
            ),
            "u.id",
        ),
    };
    match search.active {
        Some(true) => text.push_str(" AND u.active = true"),
        // In the words of the index of those.
        Some(false) => text.push_str(" AND u.active = false"),
        None => {}
    }
    if let Some(part) = &search.text {
        params.push(containing(part).into());
        let n = params.len();
        // Indexes that hold the folded texts are read, not the people themselves.
        text.push_str(&format!(
            " AND u.id IN (
                SELECT x.id FROM directory_users x WHERE x.organization_id = $1 AND x.directory_id = $2
                    AND x.user_name_key LIKE ${n} ESCAPE '\\'
                UNION SELECT x.id FROM directory_users x WHERE x.organization_id = $1 AND x.directory_id = $2
                    AND x.display_name_key IS NOT NULL AND x.display_name_key LIKE ${n} ESCAPE '\\'
                UNION SELECT e.directory_user_id FROM directory_user_emails e
                    WHERE e.organization_id = $1 AND e.directory_id = $2 AND e.value_key LIKE ${n} ESCAPE '\\')"
        ));
    }
    Ok(page.page(tx.fetch_all(page.complete(&text, params, key)).await?))
}
