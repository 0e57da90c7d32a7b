//! What speaks for what somebody has, who or what caused it, and what spoke for it last.

use chrono::{DateTime, Utc};

use crate::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, EventId, GroupId, MembershipId, OrganizationId, ParkedId,
    RequestId, RuleId, RunId,
};
use crate::domain::origin::{Origin, Target};
use crate::domain::{Error, Id, Result};
use crate::store::Tx;
use crate::store::origins::{COLUMNS, OriginRow};
use crate::store::statement::{Column, Rows, sql};

/// Positions that are looked through for the event that told of an end.
const MAX_EVENTS: i64 = 5_000;

/// An origin with the words for it.
#[derive(Debug, Clone)]
pub struct Reason {
    /// The origin.
    pub origin: Origin,
    /// The version of the rule that made it.
    pub rule_version: i64,
    /// The handle of the rule, if it is still there.
    pub rule_key: Option<String>,
    /// The `displayName` of the directory group, if it is still there.
    pub directory_group: Option<String>,
    /// The `userName` of the directory user, if they are still there.
    pub user_name: Option<String>,
    /// The directory of the group or user.
    pub directory: Option<DirectoryId>,
    /// Who made it, if it was made by hand.
    pub actor: Option<String>,
    /// The id of what made it.
    pub cause: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct ReasonRow {
    #[sqlx(flatten)]
    origin: OriginRow,
    rule_version: i64,
    actor: Option<String>,
    cause: Option<String>,
    created_at: DateTime<Utc>,
    rule_key: Option<String>,
    directory_group: Option<String>,
    user_name: Option<String>,
    directory_id: Option<DirectoryId>,
}

impl TryFrom<ReasonRow> for Reason {
    type Error = Error;

    fn try_from(row: ReasonRow) -> Result<Self> {
        Ok(Reason {
            origin: row.origin.origin()?,
            rule_version: row.rule_version,
            rule_key: row.rule_key,
            directory_group: row.directory_group,
            user_name: row.user_name,
            directory: row.directory_id,
            actor: row.actor,
            cause: row.cause,
            created_at: row.created_at,
        })
    }
}

/// The words for origins, and those of a membership.
const REASONS: &str = "o.rule_version, o.actor, o.cause, o.created_at, m.key AS rule_key,
            g.display_name AS directory_group, u.user_name, COALESCE(g.directory_id, u.directory_id) AS directory_id
         FROM origins o
         LEFT JOIN mapping_rules m ON m.organization_id = $1 AND m.id = o.rule_id
         LEFT JOIN directory_groups g ON g.organization_id = $1 AND g.id = o.directory_group_id
         LEFT JOIN directory_users u ON u.organization_id = $1 AND u.id = o.directory_user_id
         WHERE o.organization_id = $1 AND o.membership_id = $2";
const BY_AGE: &str = "ORDER BY o.created_at, o.kind, o.rule_id, o.directory_group_id, o.directory_user_id";

/// Every origin of a membership, oldest first.
pub async fn all(tx: &mut Tx, organization: OrganizationId, membership: MembershipId) -> Result<Vec<Reason>> {
    let stmt = sql(format!("SELECT {COLUMNS}, {REASONS} {BY_AGE}")).bind(organization).bind(membership);
    let rows: Vec<ReasonRow> = tx.fetch_all(stmt).await?;
    rows.into_iter().map(Reason::try_from).collect()
}

/// The origins of a membership that speak for it, for its roles, for groups that have roles and for `group`, and all its
/// exclusions; oldest first.
pub async fn reasons(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    group: Option<GroupId>,
) -> Result<Vec<Reason>> {
    let text = format!(
        "SELECT {COLUMNS}, {REASONS} AND (o.target <> 'group' OR o.target_id = $3 OR o.kind = 'exclude' OR EXISTS
                (SELECT 1 FROM group_roles a WHERE a.organization_id = $1 AND a.group_id = o.target_id))
         {BY_AGE}"
    );
    let stmt = sql(text).bind(organization).bind(membership).bind(group.unwrap_or_else(GroupId::nil));
    let rows: Vec<ReasonRow> = tx.fetch_all(stmt).await?;
    rows.into_iter().map(Reason::try_from).collect()
}

/// A request that made an origin.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CausingRequest {
    /// The request.
    pub id: RequestId,
    /// The HTTP method.
    pub method: String,
    /// The path below the base URL.
    pub path: String,
    /// When it came.
    pub created_at: DateTime<Utc>,
}

/// Those of these requests that are still in the log.
pub async fn requests(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = RequestId>,
) -> Result<Vec<CausingRequest>> {
    let text = format!(
        "SELECT q.id, q.method, q.path, q.created_at FROM {} requests q ON q.organization_id = $2 AND q.id = r.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization)).await
}

/// The word and the id of a target in key columns; zero for the membership itself.
fn target_cells(target: Target) -> (&'static str, GroupId) {
    match target {
        Target::Membership => ("membership", Id::nil()),
        Target::Group(group) => ("group", group),
        Target::Role(role) => ("role", Id::from_uuid(role.uuid())),
    }
}

/// A removal that waits for approval or was rejected.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ParkedRow {
    /// The parked effect.
    pub id: ParkedId,
    /// The run that gathers it.
    pub run_id: RunId,
    /// `parked` or `rejected`.
    pub state: String,
}

/// The removal of a target that the guard holds back, if there is one.
pub async fn parked(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    target: Target,
) -> Result<Option<ParkedRow>> {
    let (word, id) = target_cells(target);
    let stmt = sql("SELECT id, run_id, state FROM parked_effects WHERE organization_id = $1 AND membership_id = $2
            AND target = $3 AND target_id = $4 AND state IN ('parked', 'rejected')");
    tx.fetch_optional(stmt.bind(organization).bind(membership).bind(word).bind(id)).await
}

/// The last origin of a target that ended.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EndedRow {
    /// Its kind.
    pub kind: String,
    /// Its rule; zero where no rule made it.
    pub rule_id: RuleId,
    /// The version of the rule that had made it.
    pub rule_version: i64,
    /// The handle of the rule, if it is still there.
    pub rule_key: Option<String>,
    /// The directory group; zero where there was none.
    pub directory_group_id: DirectoryGroupId,
    /// The `displayName` of the directory group, if it is still there.
    pub directory_group: Option<String>,
    /// The directory user; zero where there was none.
    pub directory_user_id: DirectoryUserId,
    /// The `userName` of the directory user, if they are still there.
    pub user_name: Option<String>,
    /// When it had begun.
    pub began_at: DateTime<Utc>,
    /// Who or what ended it: JSON, as in the context of an event.
    pub cause: String,
    /// The events of the change that ended it come after this position.
    pub since_position: i64,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

/// The last origin that ended for a target of a membership, if one did.
pub async fn ended(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    target: Target,
) -> Result<Option<EndedRow>> {
    let (word, id) = target_cells(target);
    let stmt = sql("SELECT e.kind, e.rule_id, e.rule_version, m.key AS rule_key, e.directory_group_id,
            g.display_name AS directory_group, e.directory_user_id, u.user_name, e.began_at, e.cause,
            e.since_position, e.ended_at
         FROM ended_origins e
         LEFT JOIN mapping_rules m ON m.organization_id = $1 AND m.id = e.rule_id
         LEFT JOIN directory_groups g ON g.organization_id = $1 AND g.id = e.directory_group_id
         LEFT JOIN directory_users u ON u.organization_id = $1 AND u.id = e.directory_user_id
         WHERE e.organization_id = $1 AND e.membership_id = $2 AND e.target = $3 AND e.target_id = $4");
    tx.fetch_optional(stmt.bind(organization).bind(membership).bind(word).bind(id)).await
}

/// An event that may have told of an end.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ToldEvent {
    /// Its id.
    pub id: EventId,
    /// Its place.
    pub position: i64,
    /// Its name.
    pub event: String,
    /// Its object, as JSON text.
    pub data: String,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
}

/// The events about a membership's leaving, right after `since` and up to a time; oldest first. They are looked for
/// among a bounded number of events.
pub async fn leavings(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    since: i64,
    until: DateTime<Utc>,
) -> Result<Vec<ToldEvent>> {
    // The pattern only narrows, its underscore included; whoever reads the events compares the ids.
    let stmt = sql("SELECT id, position, event, data, created_at FROM events
         WHERE organization_id = $1 AND position > $2 AND position <= $3 AND created_at <= $4
            AND event IN ('group.member_removed', 'organization_membership.updated', 'organization_membership.deleted')
            AND data LIKE $5
         ORDER BY position LIMIT 100");
    let stmt = stmt.bind(organization).bind(since).bind(since.saturating_add(MAX_EVENTS)).bind(until);
    tx.fetch_all(stmt.bind(format!("%\"{membership}\"%"))).await
}
