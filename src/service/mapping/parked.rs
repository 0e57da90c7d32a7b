//! Parked effects as they come and go: parked by a guard, carried out, vanished when the person returns.
//!
//! A `held` origin keeps what a parked or rejected effect would remove. Carrying one out ends that origin and
//! converges. What the guard counts, and when it parks, is not here; what an admin decides is `decide`.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::app::App;
use crate::domain::Result;
use crate::domain::directory::DeletedPeople;
use crate::domain::id::{DirectoryId, MembershipId, ParkedId};
use crate::domain::origin::{Kind, Origin, Target};
use crate::domain::parked::{ParkedEffect, ParkedState};
use crate::domain::run::{Run, RunKind, RunState};
use crate::service::change::Change;
use crate::service::converge::{Scope, converge, finish, leave};
use crate::service::runs::control::found;
use crate::service::runs::{NewRun, begin};
use crate::store::origins::Placed;
use crate::store::parked::{self as stored, Waiting};
use crate::store::{Page, PageRequest, directories, links, origins, runs};

/// How many mirrors that ended may go with one decision.
const MIRRORS: i64 = 1_000;

/// Parks what a directory's guard holds back, in the run that gathers it: for each membership and target, one of
/// the origins that spoke for it last. The caller places the `held` origins.
pub async fn park(change: &mut Change<'_>, directory: DirectoryId, losses: &[Placed]) -> Result<Run> {
    let mut run = gathering(change, directory).await?;
    let mut last = None;
    let mut effects = Vec::with_capacity(losses.len());
    for loss in losses {
        let id = ParkedId::mint_after(change.now, last);
        last = Some(id);
        effects.push((id, *loss));
    }
    let cause = change.cause.id();
    let origin = stored::Parked { run: run.id, directory, cause: &cause, at: change.now };
    let new = stored::park(change.tx, change.organization, &effects, &origin).await?;
    run.progress.total += count(new);
    runs::save(change.tx, &run, None, change.now).await?;
    tracing::warn!(run = %run.id, %directory, parked = new, "a guard parked removals");
    Ok(run)
}

/// The run that gathers what the directory's guard parks; begun if there is none.
async fn gathering(change: &mut Change<'_>, directory: DirectoryId) -> Result<Run> {
    if let Some(run) = runs::gathering(change.tx, change.organization, directory).await? {
        return Ok(run);
    }
    let new = NewRun {
        kind: RunKind::Guard,
        directory: Some(directory),
        plan: None,
        work: json!({}),
        total: 0,
        awaits_approval: true,
    };
    begin(change, new).await
}

/// Lets what is held for these memberships and targets vanish, since there is nothing to remove any more. The
/// caller ends the `held` origins. A run of which nothing waits any more is over.
pub async fn vanish(change: &mut Change<'_>, targets: &[(MembershipId, Target)]) -> Result<()> {
    let vanished = stored::vanish(change.tx, change.organization, targets, change.now).await?;
    for (id, count) in vanished {
        let mut run = found(change.tx, Some(change.organization), id).await?;
        run.progress.done += count;
        if run.state == RunState::AwaitingApproval {
            close(change, &mut run, RunState::Succeeded).await?;
        }
        runs::save(change.tx, &run, None, change.now).await?;
        tracing::info!(run = %id, count, "parked removals vanished");
    }
    Ok(())
}

/// What becomes of a guard's run after a decision: `state` if nothing of it waits any more. Otherwise what waits
/// goes to the run that has been gathering since, or the run goes back to awaiting approval.
pub async fn close(change: &mut Change<'_>, run: &mut Run, state: RunState) -> Result<()> {
    let organization = change.organization;
    if !stored::any_waits(change.tx, organization, run.id).await? {
        run.finish(state, change.now);
        return Ok(());
    }
    let other = match run.directory {
        Some(directory) => runs::gathering(change.tx, organization, directory).await?,
        None => None,
    };
    if let Some(mut other) = other.filter(|other| other.id != run.id) {
        let moved = count(stored::move_parked(change.tx, organization, run.id, other.id).await?);
        run.progress.total -= moved;
        other.progress.total += moved;
        runs::save(change.tx, &other, None, change.now).await?;
        run.finish(state, change.now);
    } else {
        run.state = RunState::AwaitingApproval;
        run.cancelling = false;
        run.finished_at = None;
    }
    Ok(())
}

/// Carries out effects that were approved: ends what holds them, and makes native state agree. Those that have
/// vanished or were carried out before are left out.
pub async fn carry_out(change: &mut Change<'_>, run: &mut Run, effects: Vec<ParkedEffect>) -> Result<()> {
    let organization = change.organization;
    let effects: Vec<ParkedEffect> = effects.into_iter().filter(|effect| effect.state.is_held()).collect();
    let ids = effects.iter().map(|effect| effect.id);
    let by = change.cause.actor();
    stored::decide(change.tx, organization, ids, ParkedState::Approved, &by, change.now).await?;
    run.progress.done += waiting(&effects);

    let targets: BTreeSet<(MembershipId, Target)> =
        effects.iter().map(|effect| (effect.loss.membership, effect.loss.target)).collect();
    let holders: BTreeSet<MembershipId> = targets.iter().map(|(membership, _)| *membership).collect();
    end_held(change, &holders, &targets).await?;
    // Converging may let other effects of this very run vanish, or add to it.
    runs::save(change.tx, run, None, change.now).await?;
    converge(change, Scope::of_memberships(holders)).await?;
    // Mirrors whose last people have left go now, and others may take their names.
    let (groups, _) = finish(change, BTreeSet::new(), MIRRORS).await?;
    converge(change, Scope { groups, ..Scope::default() }).await?;
    *run = found(change.tx, Some(organization), run.id).await?;
    see_off(change, &effects).await?;
    tracing::info!(run = %run.id, approved = effects.len(), by, "parked removals were approved");
    Ok(())
}

/// Ends the origins that hold these targets, and keeps why each was lost of which nothing else speaks for.
async fn end_held(
    change: &mut Change<'_>,
    memberships: &BTreeSet<MembershipId>,
    targets: &BTreeSet<(MembershipId, Target)>,
) -> Result<()> {
    let organization = change.organization;
    let there = origins::of_memberships(change.tx, organization, memberships.iter().copied()).await?;
    let (mut ended, mut lost): (Vec<Placed>, BTreeMap<(MembershipId, Target), Placed>) = Default::default();
    for (membership, origins) in there {
        let holds = |origin: &Origin| origin.kind == Kind::Held && targets.contains(&(membership, origin.target));
        for origin in origins.iter().filter(|origin| holds(origin)) {
            ended.push((membership, *origin));
            let speaks = |other: &Origin| other.target == origin.target && other.kind != Kind::Exclude && !holds(other);
            if !origins.iter().any(speaks) {
                lost.insert((membership, origin.target), (membership, *origin));
            }
        }
    }
    let (cause, since) = (change.cause.context().to_string(), change.position());
    let lost: Vec<Placed> = lost.into_values().collect();
    origins::record_ended(change.tx, organization, &lost, &cause, since, change.now).await?;
    origins::delete(change.tx, organization, &ended).await
}

/// Ends the memberships of people who are gone, where their directory is set to delete those.
async fn see_off(change: &mut Change<'_>, effects: &[ParkedEffect]) -> Result<()> {
    let mut deletes: BTreeMap<DirectoryId, bool> = BTreeMap::new();
    for effect in effects {
        if let Entry::Vacant(unknown) = deletes.entry(effect.directory) {
            let found = directories::find(change.tx, Some(change.organization), effect.directory).await?;
            unknown.insert(found.is_some_and(|found| found.settings.deleted_people == DeletedPeople::Delete));
        }
    }
    let leaving: BTreeSet<MembershipId> = effects
        .iter()
        .filter(|effect| deletes.get(&effect.directory).copied().unwrap_or_default())
        .map(|effect| effect.loss.membership)
        .collect();
    if leaving.is_empty() {
        return Ok(());
    }
    let standings = links::standings(change.tx, change.organization, leaving.iter().copied()).await?;
    for membership in leaving {
        if standings.get(&membership).is_some_and(|standing| standing.linked > 0 && standing.present == 0) {
            leave(change, membership).await?;
        }
    }
    Ok(())
}

/// A page of what a guard's run gathered; nothing for runs of other kinds.
pub async fn list(app: &App, run: &Run, states: &[ParkedState], page: &PageRequest) -> Result<Page<ParkedEffect>> {
    stored::list(&mut app.db.read().await?, run.organization, run.id, states, page).await
}

/// How many of these were not decided before.
fn waiting(effects: &[ParkedEffect]) -> i64 {
    count(effects.iter().filter(|effect| effect.state == ParkedState::Parked).count() as u64)
}

pub(super) fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// How much of what a run gathered waits for a decision.
pub async fn what_waits(app: &App, run: &Run) -> Result<Waiting> {
    stored::waiting(&mut app.db.read().await?, run.organization, run.id).await
}
