//! Applying changes: exactly those effects that a plan showed, or a refusal that says what has moved.
//!
//! What is small is converged in the transaction that puts the changes in force. What is large is put in force at
//! once, so that requests follow it, and a run brings it into effect.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::changes::{self, Resolved};
use super::computation::Computation;
use super::plans;
use super::reach::Reach;
use crate::app::App;
use crate::domain::event::Cause;
use crate::domain::id::{OrganizationId, PlanId};
use crate::domain::plan::PlanChange;
use crate::domain::run::{Progress, Run, RunKind, RunState};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Id, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Scope, converge};
use crate::service::runs::{self, NewRun};
use crate::store::plans::{self as stored_plans, StoredEffect, StoredPlan, of_plan};
use crate::store::{Lane, runs as stored_runs};

/// How many people or groups can be converged in one transaction without stalling requests.
const AT_ONCE: usize = 500;
/// How many effects a refusal names.
const NAMED: usize = 20;

/// Applies a plan: at once where little is to be done, by a run otherwise; after an approval where the guard would park.
///
/// # Errors
///
/// 409 `plan_stale` if its effects are others by now, naming some of them; `plan_applied`.
pub async fn apply(app: &App, access: &Access, plan: StoredPlan) -> Result<Run> {
    if plan.state == "applied" {
        let run = plan.run.map_or_else(String::new, |run| run.to_string());
        let message = format!("the plan {} was applied already, by the run {run}", plan.id);
        return Err(Error::conflict("plan_applied", message));
    }
    let cause = access.cause();
    if plan.guard.would_park() {
        return await_approval(app, cause, plan).await;
    }
    let people = plan.totals.0.get("people").copied().unwrap_or_default();
    let changes = plan.changes.clone();
    let applying = Applying { organization: plan.organization, plan: Some(plan.clone()), changes, people };
    match put_in_force(app, cause, applying).await? {
        Applied::Done(run) => Ok(run.value),
        Applied::Stale => Err(stale(app, &plan).await?),
    }
}

/// Puts changes in force in one call, without a plan to look at before: refused where the guard would park.
///
/// # Errors
///
/// 409 `guard_would_park`, with the plan that somebody can approve.
pub async fn apply_at_once(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    wanted: Vec<PlanChange>,
) -> Result<Outcome<Run>> {
    let organization = scope.organization();
    let mut tx = app.db.snapshot().await?;
    let now = app.clock.now();
    let resolved = changes::resolve(&mut tx, organization, &wanted, now).await?;
    let computation = Computation::begin(&mut tx, &resolved, now, false).await?;
    let people = i64::try_from(computation.people()).unwrap_or(i64::MAX);
    let summary = computation.run(&mut tx, &resolved, now).await?;
    drop(tx);
    if summary.guard.would_park() {
        let plan = plans::create(app, access, scope, wanted).await?;
        let message = format!(
            "this would take something away from more people than the directory's guard lets pass; look at the plan \
             {}, apply it, and approve its run",
            plan.id
        );
        let details = Map::from_iter([("plan".to_owned(), plans::json(&plan))]);
        return Err(Error::refused("guard_would_park", message, details));
    }
    let applying = Applying { organization, plan: None, changes: wanted, people };
    match put_in_force(app, access.cause(), applying).await? {
        Applied::Done(run) => Ok(*run),
        Applied::Stale => Err(Error::internal("changes without a plan cannot be stale")),
    }
}

/// What is to be applied.
#[derive(Clone)]
pub(crate) struct Applying {
    pub(crate) organization: OrganizationId,
    /// The plan whose effects these must be.
    pub(crate) plan: Option<StoredPlan>,
    pub(crate) changes: Vec<PlanChange>,
    /// How many people they are about.
    pub(crate) people: i64,
}

/// What came of it.
pub(crate) enum Applied {
    Done(Box<Outcome<Run>>),
    /// The effects are not those of the plan any more.
    Stale,
}

/// Checks that the effects are still those of the plan, and puts the changes in force: at once, or by a run.
async fn put_in_force(app: &App, cause: Cause, applying: Applying) -> Result<Applied> {
    let now = app.clock.now();
    let mut tx = app.db.snapshot().await?;
    let resolved = changes::resolve(&mut tx, applying.organization, &applying.changes, now).await?;
    let computation = Computation::begin(&mut tx, &resolved, now, false).await?;
    let small = computation.looks_at() <= AT_ONCE && resolved.removed_directories().is_empty();
    if !small
        && let Some(plan) = &applying.plan
        && computation.run(&mut tx, &resolved, now).await?.digest.text() != plan.digest
    {
        return Ok(Applied::Stale);
    }
    let stamp = resolved.stamp();
    drop(tx);
    let organization = applying.organization;
    let shared = Arc::new((cause, applying, stamp));
    let applied = app
        .db
        .write(Lane::Organization(organization), move |tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (cause, applying, stamp) = &*shared;
                let mut change = Change::begin(tx, organization, now, cause).await?;
                let resolved = changes::resolve(change.tx, organization, &applying.changes, now).await?;
                if !small && resolved.stamp() != *stamp {
                    let message = "rules or directories were changed at the same moment; apply again".to_owned();
                    return Err(Error::Busy { message, retry_after: 1 });
                }
                let Some(run) = enforce(&mut change, &resolved, applying, small).await? else {
                    return Ok(Applied::Stale);
                };
                Ok(Applied::Done(Box::new(Outcome { value: run, revision: change.finish().await? })))
            })
        })
        .await?;
    app.wake.notify_one();
    Ok(applied)
}

/// Writes the changes. A small reach is converged in the same transaction, if the effects are those of the plan;
/// otherwise `None`, and nothing may be committed.
async fn enforce(
    change: &mut Change<'_>,
    resolved: &Resolved,
    applying: &Applying,
    small: bool,
) -> Result<Option<Run>> {
    let plan = applying.plan.as_ref();
    if small && let Some(plan) = plan {
        let computation = Computation::begin(change.tx, resolved, change.now, false).await?;
        if computation.run(change.tx, resolved, change.now).await?.digest.text() != plan.digest {
            return Ok(None);
        }
    }
    let reach = if small { resolved.reach(change.tx).await? } else { Reach::default() };
    let new = NewRun {
        kind: RunKind::Apply,
        directory: None,
        plan: plan.map(|plan| plan.id),
        work: resolved.work(),
        total: 0,
        awaits_approval: false,
    };
    let mut run = runs::begin(change, new).await?;
    resolved.write(change, (!small).then_some(run.id)).await?;
    if small {
        converge(change, Scope { users: reach.people, groups: reach.groups, ..Scope::default() }).await?;
        changes::conclude(change, None).await?;
        run.started_at = Some(change.now);
        run.progress = Progress { done: applying.people, total: applying.people };
        run.count(change.trace.told.iter().map(|(name, count)| (*name, *count)));
        run.finish(RunState::Succeeded, change.now);
        stored_runs::save(change.tx, &run, None, change.now).await?;
    }
    if let Some(plan) = plan {
        let applied = StoredPlan { state: "applied".to_owned(), run: Some(run.id), ..plan.clone() };
        stored_plans::put(change.tx, &applied).await?;
    }
    Ok(Some(run))
}

/// A run that waits for somebody to approve what the guard would park.
async fn await_approval(app: &App, cause: Cause, plan: StoredPlan) -> Result<Run> {
    let (organization, now) = (plan.organization, app.clock.now());
    let shared = Arc::new((cause, plan));
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (cause, plan) = &*shared;
                let mut change = Change::begin(tx, organization, now, cause).await?;
                let new = NewRun {
                    kind: RunKind::Apply,
                    directory: None,
                    plan: Some(plan.id),
                    work: json!({}),
                    total: 0,
                    awaits_approval: true,
                };
                let run = runs::begin(&mut change, new).await?;
                let applied = StoredPlan { state: "applied".to_owned(), run: Some(run.id), ..plan.clone() };
                stored_plans::put(change.tx, &applied).await?;
                change.finish().await?;
                Ok(run)
            })
        })
        .await
}

/// Puts an approved plan in force, within the first chunk of its run.
pub(crate) async fn begin_approved(change: &mut Change<'_>, run: &mut Run) -> Result<()> {
    let missing = || Error::conflict("plan_gone", "the plan was forgotten before its run was approved; make it again");
    let id = run.plan.ok_or_else(missing)?;
    let plan = stored_plans::find(change.tx, Some(change.organization), id).await?.ok_or_else(missing)?;
    let resolved = changes::resolve(change.tx, change.organization, &plan.changes, change.now).await?;
    resolved.write(change, Some(run.id)).await?;
    let approved_by = run.work["approved_by"].take();
    run.work = resolved.work();
    run.work["approved_by"] = approved_by;
    Ok(())
}

/// Whether the effects of a plan are still what they were.
pub(crate) async fn still_holds(app: &App, organization: OrganizationId, id: PlanId) -> Result<bool> {
    let now = app.clock.now();
    let mut tx = app.db.snapshot().await?;
    let Some(plan) = stored_plans::find(&mut tx, Some(organization), id).await? else { return Ok(false) };
    let resolved = changes::resolve(&mut tx, organization, &plan.changes, now).await?;
    let computation = Computation::begin(&mut tx, &resolved, now, false).await?;
    Ok(computation.run(&mut tx, &resolved, now).await?.digest.text() == plan.digest)
}

/// The refusal of a plan whose effects are others by now: which appeared, and which vanished.
async fn stale(app: &App, plan: &StoredPlan) -> Result<Error> {
    let identity = |kind: &str, subject: &str| format!("{kind} {subject}");
    let mut tx = app.db.snapshot().await?;
    let mut planned: HashSet<String> = HashSet::new();
    let mut after = Id::nil();
    loop {
        let stored = stored_plans::after(&mut tx, plan.organization, of_plan(plan.id), after, 1_000).await?;
        let Some(last) = stored.last() else { break };
        after = last.id;
        planned.extend(stored.iter().map(|effect| identity(&effect.kind, &effect.subject)));
    }
    let now = app.clock.now();
    let resolved = changes::resolve(&mut tx, plan.organization, &plan.changes, now).await?;
    let mut computation = Computation::begin(&mut tx, &resolved, now, false).await?;
    let mut appeared: Vec<Value> = Vec::new();
    while let Some(effects) = computation.next(&mut tx).await? {
        for effect in effects {
            if !planned.remove(&identity(effect.kind.as_str(), &effect.subject)) && appeared.len() < NAMED {
                let mut told = effect.data;
                told.insert("kind".to_owned(), effect.kind.as_str().into());
                appeared.push(Value::Object(told));
            }
        }
    }
    let mut vanished: Vec<Value> = Vec::new();
    let mut after = Id::nil();
    while vanished.len() < NAMED.min(planned.len()) {
        let stored = stored_plans::after(&mut tx, plan.organization, of_plan(plan.id), after, 1_000).await?;
        let Some(last) = stored.last() else { break };
        after = last.id;
        let gone = stored.iter().filter(|effect| planned.contains(&identity(&effect.kind, &effect.subject)));
        vanished.extend(gone.take(NAMED - vanished.len()).map(StoredEffect::json));
    }
    let message = format!(
        "facts or rules have moved since the plan {} was made, and it would do something else now; make a new one",
        plan.id
    );
    let details = Map::from_iter([
        ("appeared".to_owned(), Value::Array(appeared)),
        ("vanished".to_owned(), Value::Array(vanished)),
    ]);
    Ok(Error::refused("plan_stale", message, details))
}
