//! What people do with runs: begin one, look, cancel.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::{NewRun, begin, turn};
use crate::app::App;
use crate::domain::event::Cause;
use crate::domain::id::{OrganizationId, RunId};
use crate::domain::run::{Run, RunKind, RunState};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::organizations;
use crate::store::runs::{self, Search};
use crate::store::{Lane, Page, PageRequest, Tx, verifications, walk};

/// How many verifications that are due are begun at a time.
const DUE_AT_ONCE: i64 = 20;

/// The kinds that can be begun on demand.
pub const ON_DEMAND: [RunKind; 2] = [RunKind::Reconcile, RunKind::Verify];

/// Begins a run of a kind that goes through the whole organization.
///
/// # Errors
///
/// [`Error::Invalid`] if the kind is not one of [`ON_DEMAND`]; [`Error::Conflict`] `run_in_progress` if there is
/// an unfinished one of the same kind.
pub async fn create(app: &App, access: &Access, scope: OrganizationScope, kind: RunKind) -> Result<Outcome<Run>> {
    if !ON_DEMAND.contains(&kind) {
        let known = ON_DEMAND.map(RunKind::as_str).join(", ");
        let message = format!("a run of the kind '{}' cannot be begun by hand; kind is one of: {known}", kind.as_str());
        return Err(Error::invalid("kind", "invalid_kind", message));
    }
    let (organization, now, cause) = (scope.organization(), app.clock.now(), Arc::new(access.cause()));
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    let total = walk::length(&mut tx, organization).await?;
    drop(tx);
    let begun = app
        .db
        .write(Lane::Organization(organization), move |tx| {
            let cause = Arc::clone(&cause);
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                if let Some(other) = runs::unfinished(change.tx, organization, kind).await? {
                    let message = format!("{other} is of the same kind and not finished; wait for it, or cancel it");
                    return Err(Error::conflict("run_in_progress", message));
                }
                let work = json!({});
                let new = NewRun { kind, directory: None, plan: None, work, total, awaits_approval: false };
                let run = begin(&mut change, new).await?;
                Ok(Outcome { value: run, revision: change.finish().await? })
            })
        })
        .await?;
    app.wake.notify_one();
    Ok(begun)
}

/// Begins verifications of organizations whose last one is too long ago, some at a time. Answers how many.
pub async fn begin_due_verifications(app: &App) -> Result<usize> {
    let now = app.clock.now();
    let since = now - Duration::hours(i64::from(app.config.verify_hours));
    let due = verifications::due(&mut app.db.read().await?, since, DUE_AT_ONCE).await?;
    let mut begun = 0;
    for organization in due {
        let new = app.db.write(Lane::Organization(organization), move |tx| {
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &Cause::System).await?;
                // Another replica may have begun it.
                if runs::unfinished(change.tx, organization, RunKind::Verify).await?.is_some() {
                    return Ok(false);
                }
                let kind = RunKind::Verify;
                let new =
                    NewRun { kind, directory: None, plan: None, work: json!({}), total: 0, awaits_approval: false };
                begin(&mut change, new).await?;
                change.finish().await?;
                Ok(true)
            })
        });
        begun += usize::from(new.await?);
    }
    if begun > 0 {
        app.wake.notify_one();
    }
    Ok(begun)
}

/// The run with this id, if the caller reaches it.
pub async fn get(app: &App, access: &Access, id: RunId) -> Result<Run> {
    found(&mut app.db.read().await?, access.only(), id).await
}

/// A page of the runs that the caller reaches.
pub async fn list(app: &App, access: &Access, search: Search, page: &PageRequest) -> Result<Page<Run>> {
    let organization = search.organization.or(access.only());
    runs::list(&mut app.db.read().await?, &Search { organization, ..search }, page).await
}

/// Cancels a run: at once if nobody works on it, otherwise after its chunk. What its chunks did stays.
///
/// # Errors
///
/// [`Error::Conflict`]: `run_finished` if it is over, `run_awaits_decision` if it holds parked effects, which are
/// to be approved or rejected.
pub async fn cancel(app: &App, access: &Access, id: RunId) -> Result<Outcome<Run>> {
    let organization = get(app, access, id).await?.organization;
    let (now, cause) = (app.clock.now(), Arc::new(access.cause()));
    let cancelled = app
        .db
        .write(Lane::Organization(organization), move |tx| {
            let cause = Arc::clone(&cause);
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let mut run = found(change.tx, Some(organization), id).await?;
                request_stop(&mut change, &mut run).await?;
                runs::save(change.tx, &run, None, now).await?;
                Ok(Outcome { value: run, revision: change.finish().await? })
            })
        })
        .await?;
    let run = &cancelled.value;
    tracing::info!(run = %id, state = run.state.as_str(), by = access.key(), "a run was cancelled");
    Ok(cancelled)
}

async fn request_stop(change: &mut Change<'_>, run: &mut Run) -> Result<()> {
    match (run.state, run.kind) {
        (RunState::Succeeded | RunState::Failed | RunState::Cancelled, _) => {
            let message = format!("the run is over: it {}", over(run.state));
            return Err(Error::conflict("run_finished", message));
        }
        (RunState::AwaitingApproval, RunKind::Guard) => {
            let message = "the run holds removals that wait for a decision; approve or reject them";
            return Err(Error::conflict("run_awaits_decision", message));
        }
        (RunState::AwaitingApproval, _) => run.finish(RunState::Cancelled, change.now),
        (RunState::Running, _) if is_worked_on(change.tx, run, change.now).await? => run.cancelling = true,
        (RunState::Running, _) => turn::stop(change, run).await?,
    }
    Ok(())
}

async fn is_worked_on(tx: &mut Tx, run: &Run, now: DateTime<Utc>) -> Result<bool> {
    Ok(runs::claimed_until(tx, run.organization, run.id).await?.is_some_and(|until| until > now))
}

/// How a finished run ended, in a sentence.
pub fn over(state: RunState) -> &'static str {
    match state {
        RunState::AwaitingApproval | RunState::Running => "goes on",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Cancelled => "was cancelled",
    }
}

/// The run with this id, of the organization if one is given.
pub async fn found(tx: &mut Tx, organization: Option<OrganizationId>, id: RunId) -> Result<Run> {
    runs::find(tx, organization, id).await?.ok_or_else(|| Error::not_found("run", id))
}
