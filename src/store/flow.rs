//! How people flow: from directory groups by rules to what they have. Counted, not listed.

use sqlx::FromRow;

use super::Tx;
use super::statement::sql;
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, GroupId, OrganizationId, RuleId};

/// How many people have something by a rule and a directory group.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Stream {
    /// The rule.
    pub rule_id: RuleId,
    /// The directory group; zero for a rule that looks at people alone.
    pub directory_group_id: DirectoryGroupId,
    /// Its `displayName`, while it is there.
    pub directory_group: Option<String>,
    /// `membership`, `group` or `role`.
    pub target: String,
    /// The group or role; zero for the membership.
    pub target_id: GroupId,
    /// The name of the group, or the slug of the role.
    pub target_name: Option<String>,
    /// How many people.
    pub people: i64,
}

/// All streams of an organization, the widest first; up to `limit`.
pub async fn streams(tx: &mut Tx, organization: OrganizationId, limit: i64) -> Result<Vec<Stream>> {
    // Counted first and named afterwards: there are few streams and many origins.
    let stmt = sql("WITH counted AS (
            SELECT o.rule_id, o.directory_group_id, o.target, o.target_id, COUNT(DISTINCT o.membership_id) AS people
            FROM origins o WHERE o.organization_id = $1 AND o.kind IN ('rule', 'frozen')
            GROUP BY o.rule_id, o.directory_group_id, o.target, o.target_id
            ORDER BY people DESC, o.rule_id, o.directory_group_id, o.target, o.target_id LIMIT $2)
         SELECT c.rule_id, c.directory_group_id, d.display_name AS directory_group, c.target, c.target_id,
            COALESCE(g.name, r.slug) AS target_name, c.people
         FROM counted c
         LEFT JOIN directory_groups d ON d.organization_id = $1 AND d.id = c.directory_group_id
         LEFT JOIN groups g ON g.organization_id = $1 AND g.id = c.target_id AND c.target = 'group'
         LEFT JOIN roles r ON r.organization_id = $1 AND r.id = c.target_id AND c.target = 'role'
         ORDER BY c.people DESC, c.rule_id, c.directory_group_id, c.target, c.target_id");
    tx.fetch_all(stmt.bind(organization).bind(limit)).await
}
