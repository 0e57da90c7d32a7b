//! How a directory stands: counts and times, each read by an index that holds what is counted.

use chrono::{DateTime, Utc};

use super::statement::{Column, Rows, cell, sql};
use super::{Tx, keys};
use crate::domain::Result;
use crate::domain::id::{DirectoryId, OrganizationId, RequestId, RunId};

/// How many of the latest writes make the rhythm.
const RHYTHM: i64 = 200;
/// How many of the latest requests show the dialect.
const DIALECT: i64 = 500;
/// How many requests of the window are counted at the most.
const COUNTED: i64 = 100_000;

/// When the last request came.
pub async fn last_request(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
) -> Result<Option<DateTime<Utc>>> {
    let stmt = sql("SELECT r.created_at FROM requests r WHERE r.organization_id = $1 AND r.directory_id = $2
         ORDER BY r.id DESC LIMIT 1");
    let row: Option<(DateTime<Utc>,)> = tx.fetch_optional(stmt.bind(organization).bind(directory)).await?;
    Ok(row.map(|(at,)| at))
}

/// The times of the latest writes, newest first.
pub async fn last_writes(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
) -> Result<Vec<DateTime<Utc>>> {
    let stmt = sql("SELECT r.created_at FROM requests r WHERE r.organization_id = $1 AND r.directory_id = $2
         AND r.last_position IS NOT NULL ORDER BY r.id DESC LIMIT $3");
    let rows: Vec<(DateTime<Utc>,)> = tx.fetch_all(stmt.bind(organization).bind(directory).bind(RHYTHM)).await?;
    Ok(rows.into_iter().map(|(at,)| at).collect())
}

/// The tolerances (a JSON array) and the `User-Agent` of the latest requests.
pub async fn manners(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
) -> Result<Vec<(String, Option<String>)>> {
    let stmt = sql("SELECT r.tolerances, r.user_agent FROM requests r WHERE r.organization_id = $1
         AND r.directory_id = $2 ORDER BY r.id DESC LIMIT $3");
    tx.fetch_all(stmt.bind(organization).bind(directory).bind(DIALECT)).await
}

/// How many requests came since `from`, and how many of them were refused; of the latest 100,000 at the most.
pub async fn refusals(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    from: RequestId,
) -> Result<(i64, i64)> {
    let stmt = sql("SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN l.status >= 400 THEN 1 ELSE 0 END), 0) AS BIGINT)
         FROM (SELECT r.status FROM requests r WHERE r.organization_id = $1 AND r.directory_id = $2 AND r.id >= $3
            ORDER BY r.id DESC LIMIT $4) AS l");
    tx.fetch_one(stmt.bind(organization).bind(directory).bind(from).bind(COUNTED)).await
}

/// The groups of a directory by what rules made of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Groups {
    /// All.
    pub total: i64,
    /// Those that a rule in force matched.
    pub bound: i64,
    /// Those that no rule matched, but one keeps the people of out.
    pub excepted: i64,
}

/// Counts the groups of a directory.
pub async fn groups(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<Groups> {
    let bound = "EXISTS (SELECT 1 FROM bindings b WHERE b.organization_id = $1 AND b.directory_group_id = g.id AND";
    let text = format!(
        "SELECT COUNT(*) AS total, CAST(COALESCE(SUM(s.bound), 0) AS BIGINT) AS bound,
            CAST(COALESCE(SUM(s.excepted), 0) AS BIGINT) AS excepted
         FROM (SELECT CASE WHEN {bound} b.matched) THEN 1 ELSE 0 END AS bound,
                CASE WHEN {bound} b.excepted) AND NOT {bound} b.matched) THEN 1 ELSE 0 END AS excepted
            FROM directory_groups g WHERE g.organization_id = $1 AND g.directory_id = $2) AS s"
    );
    tx.fetch_one(sql(text).bind(organization).bind(directory)).await
}

/// How many mirrors of a directory's groups there are, by their states.
pub async fn mirrors(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<Vec<(String, i64)>> {
    let text = format!(
        "SELECT b.mirror_state, COUNT(*) FROM directory_groups g {} bindings b
            ON b.organization_id = g.organization_id AND b.directory_group_id = g.id
         WHERE g.organization_id = $1 AND g.directory_id = $2 AND b.mirror_state IS NOT NULL GROUP BY b.mirror_state",
        tx.join()
    );
    tx.fetch_all(sql(text).bind(organization).bind(directory)).await
}

/// How many members the groups of a directory have, all together, and how many of those are not known.
pub async fn edges(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<(i64, i64)> {
    let join = tx.join();
    let text = format!(
        "SELECT
            (SELECT COUNT(*) FROM directory_groups g {join} directory_edges e
                ON e.organization_id = g.organization_id AND e.group_id = g.id
             WHERE g.organization_id = $1 AND g.directory_id = $2),
            (SELECT COUNT(*) FROM directory_edges e {join} directory_groups g
                ON g.organization_id = e.organization_id AND g.directory_id = $2 AND g.id = e.group_id
             WHERE e.organization_id = $1 AND e.user_id IS NULL AND e.subgroup_id IS NULL)"
    );
    tx.fetch_one(sql(text).bind(organization).bind(directory)).await
}

/// People without a link in force: state, reason, how many.
pub async fn unlinked(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
) -> Result<Vec<(String, String, i64)>> {
    let stmt = sql("SELECT l.state, l.method, COUNT(*) FROM identity_links l
         WHERE l.organization_id = $1 AND l.directory_id = $2 AND l.state IN ('pending', 'refused')
         GROUP BY l.state, l.method");
    tx.fetch_all(stmt.bind(organization).bind(directory)).await
}

/// How many removals wait for approval, and the run that gathers them.
pub async fn parked(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<(i64, Option<RunId>)> {
    let stmt = sql("SELECT
            (SELECT COUNT(*) FROM parked_effects p WHERE p.organization_id = $1 AND p.directory_id = $2
                AND p.state = 'parked'),
            (SELECT s.id FROM sync_runs s WHERE s.organization_id = $1 AND s.directory_id = $2 AND s.kind = 'guard'
                AND s.state = 'awaiting_approval')");
    tx.fetch_one(stmt.bind(organization).bind(directory)).await
}

/// How many things people of a directory keep by frozen rules.
pub async fn frozen(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<i64> {
    let text = format!(
        "SELECT COUNT(*) FROM origins o {} directory_users u
            ON u.organization_id = o.organization_id AND u.directory_id = $2 AND u.id = o.directory_user_id
         WHERE o.organization_id = $1 AND o.kind = 'frozen'",
        tx.join()
    );
    let (count,): (i64,) = tx.fetch_one(sql(text).bind(organization).bind(directory)).await?;
    Ok(count)
}

/// The runs of the organization that are under way, oldest first, and how many failed since `from`.
pub async fn runs(tx: &mut Tx, organization: OrganizationId, from: DateTime<Utc>) -> Result<(Vec<RunId>, i64)> {
    let stmt = sql("SELECT s.id FROM sync_runs s WHERE s.state IN ('running', 'awaiting_approval')
         AND s.state = 'running' AND s.organization_id = $1 ORDER BY s.id");
    let running: Vec<(RunId,)> = tx.fetch_all(stmt.bind(organization)).await?;
    let stmt = sql("SELECT COUNT(*) FROM sync_runs s WHERE s.state = 'failed' AND s.finished_at >= $2
         AND s.organization_id = $1");
    let (failed,): (i64,) = tx.fetch_one(stmt.bind(organization).bind(from)).await?;
    Ok((running.into_iter().map(|(id,)| id).collect(), failed))
}

/// The tokens of a directory.
#[derive(Debug, Clone, Copy, Default, sqlx::FromRow)]
pub struct Tokens {
    /// How many there are.
    pub total: i64,
    /// How many of them have not expired.
    pub living: i64,
    /// When the first of those expires, if any does. One whose successor is in use is expected to.
    pub next_expiry: Option<DateTime<Utc>>,
    /// Whether that one was rotated: its successor is not in use yet, or is gone.
    pub next_is_replaced: bool,
    /// Whether its successor is there.
    pub next_has_successor: bool,
    /// When one was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct TokenTimes {
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    replaced: bool,
    /// The token that took its place lives.
    succeeded: bool,
    /// The identity provider has gone over to the token that took its place.
    over: bool,
}

/// Counts the tokens of a directory.
pub async fn tokens(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    now: DateTime<Utc>,
) -> Result<Tokens> {
    let text = format!(
        "SELECT t.expires_at, t.last_used_at, t.replaced_by IS NOT NULL AS replaced, s.id IS NOT NULL AS succeeded,
            s.last_used_at IS NOT NULL AS over
         FROM scim_tokens t LEFT JOIN scim_tokens s ON {}
         WHERE t.organization_id = $1 AND t.directory_id = $2",
        keys::successor("$3")
    );
    let rows: Vec<TokenTimes> = tx.fetch_all(sql(text).bind(organization).bind(directory).bind(now)).await?;
    let living = || rows.iter().filter(|token| token.expires_at.is_none_or(|at| at > now));
    let next = living().filter(|token| !token.over && token.expires_at.is_some()).min_by_key(|token| token.expires_at);
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(Tokens {
        total: count(rows.len()),
        living: count(living().count()),
        next_expiry: next.and_then(|token| token.expires_at),
        next_is_replaced: next.is_some_and(|token| token.replaced),
        next_has_successor: next.is_some_and(|token| token.succeeded),
        last_used_at: rows.iter().filter_map(|token| token.last_used_at).max(),
    })
}

/// Requests of an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Hour {
    /// Which hour, counted from 0, the oldest.
    pub hour: i64,
    /// How many requests there were.
    pub requests: i64,
    /// How many of them were refused.
    pub refused: i64,
}

/// The requests of a directory in each of these stretches of time; those without any are left out.
pub async fn by_hour(
    tx: &mut Tx,
    organization: OrganizationId,
    directory: DirectoryId,
    bounds: &[(DateTime<Utc>, DateTime<Utc>)],
) -> Result<Vec<Hour>> {
    let mut rows = Rows::default();
    for (hour, (from, until)) in bounds.iter().enumerate() {
        let hour = i64::try_from(hour).unwrap_or(i64::MAX);
        rows.push([cell(hour), cell(RequestId::first_at(*from)), cell(RequestId::first_at(*until))]);
    }
    let text = format!(
        "SELECT r.hour, COUNT(*) AS requests,
            CAST(COALESCE(SUM(CASE WHEN q.status >= 400 THEN 1 ELSE 0 END), 0) AS BIGINT) AS refused
         FROM {} requests q ON q.organization_id = $2 AND q.directory_id = $3 AND q.id >= r.first AND q.id < r.last
         GROUP BY r.hour ORDER BY r.hour",
        tx.driving(1, &[("hour", Column::Int), ("first", Column::Id), ("last", Column::Id)])
    );
    tx.fetch_all(sql(text).bind(rows).bind(organization).bind(directory)).await
}
