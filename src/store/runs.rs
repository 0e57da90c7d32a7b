//! Runs: what is to be done in the background, how far it is, and who works on it.
//!
//! A claim is taken, and a run is changed, in the lane of its organization. So of several replicas one wins.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::statement::{Param, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::id::{DirectoryId, OrganizationId, PlanId, RunId};
use crate::domain::run::{ClaimId, Progress, Run, RunKind, RunState};
use crate::domain::{Error, Result};

#[derive(sqlx::FromRow)]
struct RunRow {
    organization_id: OrganizationId,
    id: RunId,
    kind: String,
    state: String,
    directory_id: Option<DirectoryId>,
    plan_id: Option<PlanId>,
    work: String,
    progress: String,
    done: i64,
    total: i64,
    effects: String,
    problem: Option<String>,
    cause: String,
    cancelling: bool,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<RunRow> for Run {
    type Error = Error;

    fn try_from(row: RunRow) -> Result<Self> {
        let corrupt = |what: &str| Error::internal(format!("the run {} has a corrupt {what}", row.id));
        let json = |what: &str, text: &str| serde_json::from_str::<Value>(text).map_err(|_| corrupt(what));
        let effects: BTreeMap<String, i64> =
            serde_json::from_str(&row.effects).map_err(|_| corrupt("count of effects"))?;
        Ok(Run {
            id: row.id,
            organization: row.organization_id,
            kind: RunKind::from_word(&row.kind).ok_or_else(|| corrupt("kind"))?,
            state: RunState::from_word(&row.state).ok_or_else(|| corrupt("state"))?,
            directory: row.directory_id,
            plan: row.plan_id,
            work: json("work", &row.work)?,
            position: json("progress", &row.progress)?,
            progress: Progress { done: row.done, total: row.total },
            effects,
            problem: row.problem,
            cause: json("cause", &row.cause)?,
            cancelling: row.cancelling,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

/// Every column but the work, which may be long.
const HEAD: &str = "s.organization_id, s.id, s.kind, s.state, s.directory_id, s.plan_id, s.progress, s.done, s.total,
    s.effects, s.problem, s.cause, s.cancelling, s.created_at, s.started_at, s.finished_at";

/// What the index of unfinished runs is about; in this form SQLite's planner recognises it.
const UNFINISHED: &str = "s.state IN ('running', 'awaiting_approval')";

/// Stores a new run, which nobody works on.
pub async fn insert(tx: &mut Tx, run: &Run) -> Result<()> {
    let stmt = sql("INSERT INTO sync_runs (organization_id, id, kind, state, directory_id, plan_id, work, progress,
            done, total, effects, problem, cause, cancelling, created_at, started_at, finished_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $15)")
    .bind(run.organization)
    .bind(run.id)
    .bind(run.kind.as_str())
    .bind(run.state.as_str())
    .bind(run.directory)
    .bind(run.plan)
    .bind(run.work.to_string())
    .bind(run.position.to_string())
    .bind(run.progress.done)
    .bind(run.progress.total)
    .bind(effects_text(run)?)
    .bind(run.problem.clone())
    .bind(run.cause.to_string())
    .bind(run.cancelling)
    .bind(run.created_at)
    .bind(run.started_at)
    .bind(run.finished_at);
    tx.execute(stmt).await.map(drop)
}

fn effects_text(run: &Run) -> Result<String> {
    serde_json::to_string(&run.effects).map_err(|error| Error::Internal(Box::new(error)))
}

/// The run with this id; of the organization, if one is given.
pub async fn find(tx: &mut Tx, organization: Option<OrganizationId>, id: RunId) -> Result<Option<Run>> {
    let text = format!("SELECT {HEAD}, s.work FROM sync_runs s WHERE s.id = $1");
    let stmt = match organization {
        Some(organization) => sql(text + " AND s.organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<RunRow> = tx.fetch_optional(stmt).await?;
    row.map(Run::try_from).transpose()
}

/// Which runs a list is about.
#[derive(Debug, Default)]
pub struct Search {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only in one of these states; all when empty.
    pub states: Vec<RunState>,
    /// Only of one of these kinds; all when empty.
    pub kinds: Vec<RunKind>,
    /// Only of this directory's guard.
    pub directory: Option<DirectoryId>,
}

/// A page of runs, without their work.
pub async fn list(tx: &mut Tx, search: &Search, page: &PageRequest) -> Result<Page<Run>> {
    // Words of closed enums, which are not long and hold no quote.
    let one_of = |column: &str, words: Vec<&str>| {
        if words.is_empty() { String::new() } else { format!(" AND s.{column} IN ('{}')", words.join("', '")) }
    };
    let mut text = format!("SELECT {HEAD}, 'null' AS work FROM sync_runs s WHERE 1 = 1");
    text.push_str(&one_of("state", search.states.iter().map(|state| state.as_str()).collect()));
    text.push_str(&one_of("kind", search.kinds.iter().map(|kind| kind.as_str()).collect()));
    let mut params: Vec<Param> = Vec::new();
    if let Some(organization) = search.organization {
        params.push(organization.into());
        text.push_str(&format!(" AND s.organization_id = ${}", params.len()));
    }
    if let Some(directory) = search.directory {
        params.push(directory.into());
        text.push_str(&format!(" AND s.directory_id = ${}", params.len()));
    }
    let rows: Vec<RunRow> = tx.fetch_all(page.complete(&text, params, "s.id")).await?;
    page.page(rows).try_map(Run::try_from)
}

/// An unfinished run of this kind, if the organization has one.
pub async fn unfinished(tx: &mut Tx, organization: OrganizationId, kind: RunKind) -> Result<Option<RunId>> {
    let text =
        format!("SELECT s.id FROM sync_runs s WHERE {UNFINISHED} AND s.organization_id = $1 AND s.kind = $2 LIMIT 1");
    let row: Option<(RunId,)> = tx.fetch_optional(sql(text).bind(organization).bind(kind.as_str())).await?;
    Ok(row.map(|(id,)| id))
}

/// The run that gathers what this directory's guard parks, if there is one that awaits approval.
pub async fn gathering(tx: &mut Tx, organization: OrganizationId, directory: DirectoryId) -> Result<Option<Run>> {
    let text = format!(
        "SELECT {HEAD}, s.work FROM sync_runs s WHERE s.organization_id = $1 AND s.directory_id = $2
         AND s.kind = 'guard' AND s.state = 'awaiting_approval'"
    );
    let row: Option<RunRow> = tx.fetch_optional(sql(text).bind(organization).bind(directory)).await?;
    row.map(Run::try_from).transpose()
}

/// Runs that nobody works on, the oldest first, of organizations none of whose runs is being worked on.
pub async fn waiting(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<(OrganizationId, RunId)>> {
    let text = format!(
        "SELECT s.organization_id, s.id FROM sync_runs s
         WHERE {UNFINISHED} AND s.state = 'running' AND (s.claimed_until IS NULL OR s.claimed_until <= $1)
            AND s.organization_id NOT IN ({})
         ORDER BY s.id LIMIT $2",
        claimed_organizations("$1")
    );
    tx.fetch_all(sql(text).bind(now).bind(limit)).await
}

/// The organizations one of whose runs is being worked on: few, since workers are few.
fn claimed_organizations(now: &str) -> String {
    format!(
        "SELECT s.organization_id FROM sync_runs s WHERE {UNFINISHED} AND s.state = 'running' AND s.claimed_until > {now}"
    )
}

/// Claims a run that is to go on and that nobody works on; `None` if somebody was faster.
pub async fn claim(
    tx: &mut Tx,
    organization: OrganizationId,
    id: RunId,
    claim: ClaimId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Run>> {
    let text = format!(
        "UPDATE sync_runs SET claimed_by = $3, claimed_until = $5, started_at = COALESCE(started_at, $4),
            updated_at = $4
         WHERE organization_id = $1 AND id = $2 AND state = 'running'
            AND (claimed_until IS NULL OR claimed_until <= $4) AND organization_id NOT IN ({})",
        claimed_organizations("$4")
    );
    let stmt = sql(text).bind(organization).bind(id).bind(claim).bind(now).bind(until);
    if tx.execute(stmt).await? == 0 { Ok(None) } else { find(tx, Some(organization), id).await }
}

/// The run as it is now, if the claim still holds. Its work, which does not change meanwhile, is that of `run`.
pub async fn held(tx: &mut Tx, run: &Run, claim: ClaimId) -> Result<Option<Run>> {
    let text = format!(
        "SELECT {HEAD}, 'null' AS work FROM sync_runs s
         WHERE s.organization_id = $1 AND s.id = $2 AND s.state = 'running' AND s.claimed_by = $3"
    );
    let row: Option<RunRow> = tx.fetch_optional(sql(text).bind(run.organization).bind(run.id).bind(claim)).await?;
    let now = row.map(Run::try_from).transpose()?;
    Ok(now.map(|now| Run { work: run.work.clone(), ..now }))
}

/// Stores where a run stands; one that does not go on is nobody's any more. `lease` renews the claim.
pub async fn save(tx: &mut Tx, run: &Run, lease: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<()> {
    let stmt = sql("UPDATE sync_runs SET state = $3, progress = $4, done = $5, total = $6, effects = $7, problem = $8,
            cancelling = $9, started_at = $14, finished_at = $10, updated_at = $11,
            claimed_by = CASE WHEN $12 THEN claimed_by END,
            claimed_until = CASE WHEN $12 THEN COALESCE($13, claimed_until) END
         WHERE organization_id = $1 AND id = $2")
    .bind(run.organization)
    .bind(run.id)
    .bind(run.state.as_str())
    .bind(run.position.to_string())
    .bind(run.progress.done)
    .bind(run.progress.total)
    .bind(effects_text(run)?)
    .bind(run.problem.clone())
    .bind(run.cancelling)
    .bind(run.finished_at)
    .bind(now)
    .bind(run.state == RunState::Running)
    .bind(lease)
    .bind(run.started_at);
    tx.execute(stmt).await.map(drop)
}

/// Gives a run that is not being worked on new work.
pub async fn set_work(tx: &mut Tx, run: &Run) -> Result<()> {
    let stmt = sql("UPDATE sync_runs SET work = $3 WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(run.organization).bind(run.id).bind(run.work.to_string())).await.map(drop)
}

/// Gives a claim back, so that others need not wait until it runs out.
pub async fn release(tx: &mut Tx, run: &Run, claim: ClaimId) -> Result<()> {
    let stmt = sql("UPDATE sync_runs SET claimed_by = NULL, claimed_until = NULL
         WHERE organization_id = $1 AND id = $2 AND claimed_by = $3");
    tx.execute(stmt.bind(run.organization).bind(run.id).bind(claim)).await.map(drop)
}

/// Until when somebody has claimed the run.
pub async fn claimed_until(tx: &mut Tx, organization: OrganizationId, id: RunId) -> Result<Option<DateTime<Utc>>> {
    let stmt = sql("SELECT claimed_until FROM sync_runs WHERE organization_id = $1 AND id = $2");
    let row: Option<(Option<DateTime<Utc>>,)> = tx.fetch_optional(stmt.bind(organization).bind(id)).await?;
    Ok(row.and_then(|(until,)| until))
}
