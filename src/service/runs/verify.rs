//! The kind `verify`: compares what is stored with a recomputation of everything, and repairs nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Step, Turn, limit};
use crate::app::App;
use crate::domain::id::{DirectoryId, EffectId, RuleId};
use crate::domain::plan::{Effect, PlanChange, Totals};
use crate::domain::run::RunState;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Id, Result};
use crate::service::mapping::changes;
use crate::service::mapping::computation::Computation;
use crate::store::plans::{self, of_run};
use crate::store::verifications::{self, Verification};
use crate::store::walk;

/// How many differences are kept by name; all are counted.
const NAMED: usize = 10_000;
/// How many memberships without people are looked at at a time.
const LOOK: i64 = 500;
/// After how many batches the claim is renewed and the progress shown.
const RENEW: usize = 5;

/// The whole verification is one step, since it must see one state: a snapshot, which locks nothing.
pub(super) async fn step(app: &App, turn: &mut Turn) -> Result<Step> {
    let organization = turn.run().organization;
    let (now, run) = (app.clock.now(), turn.run().id);
    let mut tx = app.db.snapshot().await?;
    let resolved = changes::resolve(&mut tx, organization, &[PlanChange::Reconcile {}], now).await?;
    let ground = resolved.ground(&mut tx).await?;
    let under_way: BTreeSet<RuleId> = ground.settling.clone();
    let paused: Vec<DirectoryId> =
        ground.directories.iter().filter(|(_, directory)| directory.paused).map(|(id, _)| *id).collect();
    let mut computation = Computation::begin(&mut tx, &resolved, now, true).await?;
    let total = limit(computation.people());
    let (mut found, mut totals, mut drift, mut batch) = (Vec::new(), Totals::default(), 0_i64, 0);
    loop {
        let Some(effects) = computation.next(&mut tx).await? else { break };
        take(left_over(effects, &under_way), &mut found, &mut totals, &mut drift);
        batch += 1;
        if batch % RENEW == 0 && renewed(app, turn, computation.looked_at(), total).await? == Step::Over {
            return Ok(Step::Over);
        }
    }
    // Memberships that no directory speaks for.
    let mut after = Id::nil();
    loop {
        let ids = walk::memberships(&mut tx, organization, after, LOOK).await?;
        let Some(last) = ids.last() else { break };
        after = *last;
        let effects = computation.memberships(&mut tx, ids).await?;
        take(left_over(effects, &under_way), &mut found, &mut totals, &mut drift);
    }
    let (stored, desired) = computation.checksums();
    drop(tx);
    let left_out = json!({"rules_under_way": under_way, "paused_directories": paused});
    let verification = Verification {
        run,
        drift,
        stored_checksum: stored,
        desired_checksum: desired,
        left_out: if under_way.is_empty() && paused.is_empty() { json!({}) } else { left_out },
        revision: computation.revision(),
        verified_at: now,
    };
    if drift > 0 {
        tracing::error!(%organization, %run, drift, "native state differs from what facts, rules and decisions make of it");
    }
    turn.chunk(app, move |change, run| {
        let (found, totals, verification) = (found.clone(), totals.clone(), verification.clone());
        Box::pin(async move {
            let mut last: Option<EffectId> = None;
            for some in found.chunks(500) {
                last = plans::insert_effects(change.tx, change.organization, of_run(run.id), some, last, change.now)
                    .await?;
            }
            // Of earlier verifications, the count is enough.
            if let Some(earlier) = verifications::find(change.tx, change.organization).await? {
                plans::remove_effects(change.tx, change.organization, of_run(earlier.run), limit(NAMED)).await?;
            }
            verifications::put(change.tx, change.organization, &verification).await?;
            run.effects = totals.0;
            run.progress.total = total;
            run.progress.done = total;
            run.finish(RunState::Succeeded, change.now);
            Ok(())
        })
    })
    .await
}

async fn renewed(app: &App, turn: &mut Turn, done: usize, total: i64) -> Result<Step> {
    turn.chunk(app, move |_, run| {
        Box::pin(async move {
            run.progress.total = total;
            run.progress.done = limit(done);
            Ok::<(), Error>(())
        })
    })
    .await
}

fn take(effects: Vec<Effect>, found: &mut Vec<Effect>, totals: &mut Totals, drift: &mut i64) {
    for effect in effects {
        *drift += 1;
        totals.add(effect.kind);
        if found.len() < NAMED {
            found.push(effect);
        }
    }
}

/// The effects but for those on people and bindings that a run is still bringing into effect.
fn left_over(effects: Vec<Effect>, under_way: &BTreeSet<RuleId>) -> Vec<Effect> {
    if under_way.is_empty() {
        return effects;
    }
    let names = |value: &Value| {
        value.get("id").and_then(Value::as_str).is_some_and(|id| under_way.iter().any(|rule| rule.to_string() == id))
    };
    let concerned = |effect: &Effect| {
        effect.data.get("rule").is_some_and(names)
            || effect.data.get("rules").and_then(Value::as_array).is_some_and(|rules| rules.iter().any(names))
    };
    let who = |effect: &Effect| effect.subject.split(' ').next().unwrap_or_default().to_owned();
    let touched: BTreeSet<String> = effects.iter().filter(|effect| concerned(effect)).map(who).collect();
    effects.into_iter().filter(|effect| !touched.contains(&who(effect))).collect()
}

/// The last verification of an organization.
pub async fn last(app: &App, scope: OrganizationScope) -> Result<Option<Verification>> {
    verifications::find(&mut app.db.read().await?, scope.organization()).await
}
