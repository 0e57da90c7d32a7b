//! What people lose for good: found, guarded, parked or recorded.

use std::collections::{BTreeMap, BTreeSet};

use super::Ground;
use super::assess::Assessed;
use crate::domain::Result;
use crate::domain::event::Cause;
use crate::domain::guard::{WINDOW, admitted};
use crate::domain::id::{DirectoryId, MembershipId};
use crate::domain::origin::{Kind, Origin, Target};
use crate::domain::run::RunKind;
use crate::service::change::Change;
use crate::service::mapping::parked;
use crate::store::guard;
use crate::store::origins::{self, Placed};

/// What a membership loses: the target, and one of the origins that spoke for it last.
pub(crate) type Losses = BTreeMap<(MembershipId, Target), Origin>;

/// The targets that lose their last reason, manual ones included, if `target` replaces `stored`.
pub(crate) fn find(seen: &Assessed, stored: &BTreeSet<Placed>, target: &BTreeSet<Placed>) -> Losses {
    let grants = |origin: &Origin| origin.kind != Kind::Exclude;
    let mut losses = Losses::new();
    for (membership, origin) in stored.difference(target).filter(|(_, origin)| grants(origin)) {
        losses.entry((*membership, origin.target)).or_insert(*origin);
    }
    for (membership, origin) in target.iter().filter(|(_, origin)| grants(origin)) {
        losses.remove(&(*membership, origin.target));
    }
    // Origins of others, and manual ones.
    for (membership, origins) in &seen.stored {
        for origin in origins.iter().filter(|origin| grants(origin)) {
            if !stored.contains(&(*membership, *origin)) {
                losses.remove(&(*membership, origin.target));
            }
        }
    }
    losses
}

/// What the guard holds back of these losses: origins to hold it with, and rows for somebody to decide about.
///
/// Only what an identity provider's request takes away is guarded, at once or by the run that the rest was left to. Of
/// rules that a run is still bringing into effect, and of directories that are being removed, an admin saw the losses
/// in a plan; and whatever were held for a directory that is gone, nobody could decide about. So somebody whom two
/// directories gave the same, while the run that removes one of them is under way, loses it unguarded if the other one
/// drops them at that moment.
pub(super) async fn park(
    change: &mut Change<'_>,
    ground: &Ground,
    seen: &Assessed,
    losses: &Losses,
) -> Result<BTreeSet<Placed>> {
    let mut held = BTreeSet::new();
    let by_request = match change.cause {
        Cause::Scim { .. } => true,
        Cause::Run { name, .. } => name == RunKind::Remainder.as_str(),
        Cause::Hand { .. } | Cause::System => false,
    };
    if !by_request {
        return Ok(held);
    }
    let mut by_directory: BTreeMap<DirectoryId, Losses> = BTreeMap::new();
    for ((membership, target), origin) in losses {
        let guarded = matches!(origin.kind, Kind::Rule | Kind::Frozen)
            && origin.rule.is_some_and(|rule| ground.known(rule).is_some() && !ground.settling.contains(&rule));
        let directory = origin.directory_user.and_then(|user| seen.directory_of(user));
        let stays = |directory: &DirectoryId| ground.directory(*directory).leaving.is_none();
        if let Some(directory) = directory.filter(stays).filter(|_| guarded) {
            by_directory.entry(directory).or_default().insert((*membership, *target), *origin);
        }
    }
    for (directory, losses) in by_directory {
        let passes = verdict(change, ground, directory, &losses).await?;
        let (gone, parked): (Losses, Losses) =
            losses.into_iter().partition(|((membership, _), _)| passes.contains(membership));
        let losers: BTreeSet<MembershipId> = gone.keys().map(|(membership, _)| *membership).collect();
        guard::record(change.tx, change.organization, directory, losers, change.now).await?;
        park_rows(change, directory, &parked).await?;
        change.trace.parked += i64::try_from(parked.len()).unwrap_or(i64::MAX);
        let hold = |origin: Origin| Origin { kind: Kind::Held, ..origin };
        held.extend(parked.into_iter().map(|((membership, _), origin)| (membership, hold(origin))));
    }
    Ok(held)
}

/// Which memberships may lose what they lose.
async fn verdict(
    change: &mut Change<'_>,
    ground: &Ground,
    directory: DirectoryId,
    losses: &Losses,
) -> Result<BTreeSet<MembershipId>> {
    let losing: BTreeSet<MembershipId> = losses.keys().map(|(membership, _)| *membership).collect();
    let limit = ground.directory(directory).guard;
    let since = change.now - WINDOW;
    let recent = guard::recent(change.tx, change.organization, directory, since).await?;
    let spent = usize::try_from(recent).unwrap_or(usize::MAX);
    if limit.surely_allows(spent.saturating_add(losing.len())) {
        return Ok(losing);
    }
    let counted = guard::recent_among(change.tx, change.organization, directory, since, &losing).await?;
    let mapped = guard::mapped_members(change.tx, change.organization, directory).await?;
    let passes = admitted(&losing, &counted, recent, limit.allowance(mapped));
    Ok(passes.into_iter().filter(|(_, passes)| *passes).map(|(membership, _)| membership).collect())
}

/// Keeps why each of these was lost, but for what is held.
pub(super) async fn record(change: &mut Change<'_>, losses: &Losses, held: &BTreeSet<Placed>) -> Result<()> {
    let held: BTreeSet<(MembershipId, Target)> = held.iter().map(|(id, origin)| (*id, origin.target)).collect();
    let lost: Vec<Placed> = losses
        .iter()
        .filter(|(key, _)| !held.contains(key))
        .map(|((membership, _), origin)| (*membership, *origin))
        .collect();
    let cause = change.cause.context().to_string();
    let since = change.position();
    origins::record_ended(change.tx, change.organization, &lost, &cause, since, change.now).await
}

/// What was parked and came back waits no longer.
pub(super) async fn unpark(change: &mut Change<'_>, returned: Vec<(MembershipId, Target)>) -> Result<()> {
    parked::vanish(change, &returned).await
}

async fn park_rows(change: &mut Change<'_>, directory: DirectoryId, parked: &Losses) -> Result<()> {
    if parked.is_empty() {
        return Ok(());
    }
    let rows: Vec<Placed> = parked.iter().map(|((membership, _), origin)| (*membership, *origin)).collect();
    parked::park(change, directory, &rows).await.map(drop)
}
