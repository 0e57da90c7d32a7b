//! Plans: made on a snapshot, kept with every effect. Applying them is `apply`.

use chrono::Duration;
use serde_json::{Value, json};

use super::changes;
use super::computation::Computation;
use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::{EffectId, PlanId};
use crate::domain::plan::{Effect, GuardVerdict, MAX_CHANGES, PlanChange, Totals};
use crate::domain::run::Run;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::audit;
use crate::store::plans::{self, Search, StoredEffect, StoredPlan, of_plan, of_run};
use crate::store::{Lane, Page, PageRequest};

/// How long a plan is kept.
const KEPT: Duration = Duration::days(7);
/// Makes a plan of these changes.
///
/// # Errors
///
/// [`Error::Invalid`] naming the change; [`Error::Conflict`] where a run is not done yet.
pub async fn create(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    wanted: Vec<PlanChange>,
) -> Result<StoredPlan> {
    check_count(&wanted)?;
    // The plan is written outside its lane.
    audit::about(Some(scope.organization()));
    let (organization, now) = (scope.organization(), app.clock.now());
    let mut plan = StoredPlan {
        id: PlanId::mint(now),
        organization,
        state: "computing".to_owned(),
        changes: wanted,
        totals: Totals::default(),
        guard: GuardVerdict::default(),
        digest: String::new(),
        revision: 0,
        run: None,
        cause: access.cause().context(),
        created_at: now,
        expires_at: now + KEPT,
    };
    let mut tx = app.db.snapshot().await?;
    let resolved = changes::resolve(&mut tx, organization, &plan.changes, now).await?;
    let mut computation = Computation::begin(&mut tx, &resolved, now, false).await?;
    store(app, &plan).await?;
    let mut last = None;
    while let Some(effects) = computation.next(&mut tx).await? {
        last = store_effects(app, &plan, effects, last).await?;
    }
    let summary = computation.finish(&mut tx, &resolved, now).await?;
    "ready".clone_into(&mut plan.state);
    plan.digest = summary.digest.text();
    plan.totals = summary.totals;
    plan.guard = summary.guard;
    plan.revision = summary.revision;
    store(app, &plan).await?;
    Ok(plan)
}

fn check_count(wanted: &[PlanChange]) -> Result<()> {
    if wanted.is_empty() {
        return Err(Error::invalid("changes", "required", "a plan needs at least one change"));
    }
    if wanted.len() > MAX_CHANGES {
        let message = format!("a plan has {MAX_CHANGES} changes at most; make several");
        return Err(Error::invalid("changes", "too_many", message));
    }
    Ok(())
}

// Plans are written outside the organization's lane, so that requests need not wait for them.
async fn store(app: &App, plan: &StoredPlan) -> Result<()> {
    let plan = plan.clone();
    app.db
        .write(Lane::Environment, move |tx| {
            let plan = plan.clone();
            Box::pin(async move { plans::put(tx, &plan).await })
        })
        .await
}

async fn store_effects(
    app: &App,
    plan: &StoredPlan,
    effects: Vec<Effect>,
    last: Option<EffectId>,
) -> Result<Option<EffectId>> {
    let (organization, source, now) = (plan.organization, of_plan(plan.id), plan.created_at);
    if effects.is_empty() {
        return Ok(last);
    }
    app.db
        .write(Lane::Environment, move |tx| {
            let effects = effects.clone();
            Box::pin(async move { plans::insert_effects(tx, organization, source, &effects, last, now).await })
        })
        .await
}

/// The plan with this id, if the caller reaches it.
pub async fn get(app: &App, access: &Access, id: PlanId) -> Result<StoredPlan> {
    let found = plans::find(&mut app.db.read().await?, access.only(), id).await?;
    let now = app.clock.now();
    found.filter(|plan| plan.expires_at > now).ok_or_else(|| Error::not_found("mapping plan", id))
}

/// A page of a plan's effects.
pub async fn effects(app: &App, plan: &StoredPlan, search: &Search, page: &PageRequest) -> Result<Page<StoredEffect>> {
    plans::effects(&mut app.db.read().await?, plan.organization, of_plan(plan.id), search, page).await
}

/// A page of the effects of the plan that a run applies, or of the differences that a verification found.
pub async fn effects_of_run(app: &App, run: &Run, search: &Search, page: &PageRequest) -> Result<Page<StoredEffect>> {
    let source = run.plan.map_or_else(|| of_run(run.id), of_plan);
    plans::effects(&mut app.db.read().await?, run.organization, source, search, page).await
}

/// The `mapping_plan` object.
pub fn json(plan: &StoredPlan) -> Value {
    json!({
        "object": "mapping_plan",
        "id": plan.id,
        "organization_id": plan.organization,
        "state": plan.state,
        "changes": plan.changes,
        "totals": plan.totals,
        "guard": plan.guard.json(),
        "revision": plan.revision,
        "effects_url": format!("/mapping_plans/{}/effects", plan.id),
        "run_id": plan.run,
        "cause": plan.cause,
        "created_at": timestamp(plan.created_at),
        "expires_at": timestamp(plan.expires_at),
    })
}

/// What changes would come to, without a plan.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// How many effects of each kind there would be.
    pub totals: Totals,
    /// What the guard would say.
    pub guard: GuardVerdict,
}

/// What these changes would come to, for an editor to show while they are written; `None` if more than `most` people
/// would have to be looked at. Nothing is kept.
///
/// # Errors
///
/// As [`create`].
pub async fn estimate(
    app: &App,
    scope: OrganizationScope,
    wanted: &[PlanChange],
    most: usize,
) -> Result<Option<Estimate>> {
    check_count(wanted)?;
    let now = app.clock.now();
    let mut tx = app.db.snapshot().await?;
    let resolved = changes::resolve(&mut tx, scope.organization(), wanted, now).await?;
    let computation = Computation::begin(&mut tx, &resolved, now, false).await?;
    if computation.people() > most {
        return Ok(None);
    }
    let summary = computation.run(&mut tx, &resolved, now).await?;
    Ok(Some(Estimate { totals: summary.totals, guard: summary.guard }))
}
