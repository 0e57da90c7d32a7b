//! What an admin decides about runs that wait: approved or rejected, whole or in part.
//!
//! A guard's run is decided effect by effect, any other as a whole. A rejected effect stays held, and can be
//! approved later.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::parked::{carry_out, close, count};
use crate::app::App;
use crate::domain::id::{ParkedId, RunId};
use crate::domain::parked::{ParkedEffect, ParkedState};
use crate::domain::run::{Run, RunKind, RunState};
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::runs::PEOPLE;
use crate::service::runs::control::{found, over};
use crate::store::parked::{self as stored, Waiting};
use crate::store::{Lane, runs};

/// What of a run is decided about.
#[derive(Debug, Clone)]
pub enum Which {
    /// All that waits.
    All {
        /// What somebody saw who decides; others than these are not decided about unseen.
        seen: Option<Waiting>,
    },
    /// These effects.
    These(Vec<ParkedId>),
}

/// Approves a run: for a guard's these effects, or all that wait; for another kind the run as a whole.
///
/// Few effects are carried out at once, many by the worker.
///
/// # Errors
///
/// [`Error::NotFound`] for an effect that the run does not have; [`Error::Conflict`] if nothing waits.
pub async fn approve(app: &App, access: &Access, id: RunId, effects: Which) -> Result<Outcome<Run>> {
    let done = decide(app, access, id, move |change, run| {
        let effects = effects.clone();
        Box::pin(async move {
            if run.kind != RunKind::Guard {
                require_awaiting(run, matches!(effects, Which::These(_)))?;
                run.work["approved_by"] = Value::String(change.cause.actor());
                return start(change, run).await;
            }
            as_seen(change, run, &effects).await?;
            match effects {
                Which::These(ids) => approve_some(change, run, ids).await,
                Which::All { .. } => approve_all(change, run).await,
            }
        })
    })
    .await?;
    if done.value.state == RunState::Running {
        app.wake.notify_one();
    }
    Ok(done)
}

/// Refuses a decision about all that waits if it is not as many any more as somebody saw.
async fn as_seen(change: &mut Change<'_>, run: &Run, effects: &Which) -> Result<()> {
    let Which::All { seen: Some(seen) } = effects else { return Ok(()) };
    let waiting = stored::waiting(change.tx, change.organization, run.id).await?;
    if waiting == *seen {
        return Ok(());
    }
    let message = if waiting.count == seen.count {
        "other removals wait by now than those that you saw; look at them, and decide again".to_owned()
    } else {
        format!("{} removals wait by now, not {}; look at them, and decide again", waiting.count, seen.count)
    };
    Err(Error::conflict("others_wait", message))
}

async fn approve_all(change: &mut Change<'_>, run: &mut Run) -> Result<()> {
    if run.state == RunState::Running {
        return if run.work["approve"] == "all" { Ok(()) } else { Err(carries_out_others()) };
    }
    let limit = count(PEOPLE as u64);
    let first = stored::next(change.tx, change.organization, run.id, ParkedId::nil(), limit + 1).await?;
    if first.is_empty() {
        return Err(nothing_waits(run));
    }
    if first.len() <= PEOPLE {
        carry_out(change, run, first).await?;
        return close(change, run, RunState::Succeeded).await;
    }
    run.work = json!({"approve": "all", "approved_by": change.cause.actor()});
    start(change, run).await
}

async fn approve_some(change: &mut Change<'_>, run: &mut Run, ids: Vec<ParkedId>) -> Result<()> {
    let effects = named(change, run, &ids).await?;
    if effects.len() <= PEOPLE {
        carry_out(change, run, effects).await?;
        return after_some(change, run).await;
    }
    if run.state == RunState::Running {
        return Err(carries_out_others());
    }
    let ids: Vec<ParkedId> = effects.iter().map(|effect| effect.id).collect();
    run.work = json!({"approve": ids, "approved_by": change.cause.actor()});
    start(change, run).await
}

/// Rejects a run: for a guard's these effects, or all that wait; another kind is cancelled.
///
/// # Errors
///
/// As [`approve`]; and [`Error::Conflict`] `effect_approved` for an effect that was carried out.
pub async fn reject(app: &App, access: &Access, id: RunId, effects: Which) -> Result<Outcome<Run>> {
    decide(app, access, id, move |change, run| {
        let effects = effects.clone();
        Box::pin(async move {
            if run.kind != RunKind::Guard {
                require_awaiting(run, matches!(effects, Which::These(_)))?;
                run.finish(RunState::Cancelled, change.now);
                return Ok(());
            }
            as_seen(change, run, &effects).await?;
            let (by, organization) = (change.cause.actor(), change.organization);
            let rejected = match effects {
                Which::These(ids) => {
                    let effects = named(change, run, &ids).await?;
                    if let Some(done) = effects.iter().find(|effect| effect.state == ParkedState::Approved) {
                        let message =
                            format!("{} was approved and carried out; it cannot be rejected any more", done.id);
                        return Err(Error::conflict("effect_approved", message));
                    }
                    let parked = effects.iter().filter(|effect| effect.state == ParkedState::Parked);
                    let ids: Vec<ParkedId> = parked.map(|effect| effect.id).collect();
                    let rejected = ids.len() as u64;
                    stored::decide(change.tx, organization, ids, ParkedState::Rejected, &by, change.now).await?;
                    rejected
                }
                Which::All { .. } => {
                    match stored::reject_all(change.tx, organization, run.id, &by, change.now).await? {
                        0 => return Err(nothing_waits(run)),
                        rejected => rejected,
                    }
                }
            };
            run.progress.done += count(rejected);
            tracing::info!(run = %run.id, rejected, by, "parked removals were rejected");
            after_some(change, run).await
        })
    })
    .await
}

/// Makes a decision about a run in one transaction of its organization.
async fn decide<F>(app: &App, access: &Access, id: RunId, work: F) -> Result<Outcome<Run>>
where
    F: for<'c> Fn(&'c mut Change<'_>, &'c mut Run) -> BoxFuture<'c, Result<()>> + Send + Sync + 'static,
{
    let organization = found(&mut app.db.read().await?, access.only(), id).await?.organization;
    let (now, shared) = (app.clock.now(), Arc::new((access.cause(), work)));
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (cause, work) = &*shared;
                let mut change = Change::begin(tx, organization, now, cause).await?;
                let mut run = found(change.tx, Some(organization), id).await?;
                work(&mut change, &mut run).await?;
                run.count(change.trace.told.iter().map(|(name, count)| (*name, *count)));
                runs::save(change.tx, &run, None, now).await?;
                Ok(Outcome { value: run, revision: change.finish().await? })
            })
        })
        .await
}

/// Lets the worker go on with a run that waited.
async fn start(change: &mut Change<'_>, run: &mut Run) -> Result<()> {
    run.state = RunState::Running;
    run.position = Value::Null;
    run.started_at = None;
    run.problem = None;
    run.finished_at = None;
    runs::set_work(change.tx, run).await
}

/// A run that waited is over when its last effect is decided. One that is worked on finds out by itself, and one
/// that was over stays so.
async fn after_some(change: &mut Change<'_>, run: &mut Run) -> Result<()> {
    if run.state == RunState::AwaitingApproval { close(change, run, RunState::Succeeded).await } else { Ok(()) }
}

/// These effects of the run, each of which must be there.
async fn named(change: &mut Change<'_>, run: &Run, ids: &[ParkedId]) -> Result<Vec<ParkedEffect>> {
    let wanted: BTreeSet<ParkedId> = ids.iter().copied().collect();
    let effects = stored::by_ids(change.tx, change.organization, run.id, wanted.iter().copied()).await?;
    let known: BTreeSet<ParkedId> = effects.iter().map(|effect| effect.id).collect();
    match wanted.difference(&known).next() {
        Some(missing) => Err(Error::not_found("parked effect", missing)),
        None => Ok(effects),
    }
}

fn require_awaiting(run: &Run, named_effects: bool) -> Result<()> {
    if named_effects {
        let message = "only the effects of a guard's run are decided one by one; leave effects out";
        return Err(Error::invalid("effects", "not_supported", message));
    }
    if run.state == RunState::AwaitingApproval { Ok(()) } else { Err(nothing_waits(run)) }
}

fn carries_out_others() -> Error {
    let message = format!("the run carries out others right now; wait for it, or send {PEOPLE} effects at the most");
    Error::conflict("run_in_progress", message)
}

fn nothing_waits(run: &Run) -> Error {
    Error::conflict("nothing_to_decide", format!("nothing of the run waits for a decision: it {}", over(run.state)))
}
