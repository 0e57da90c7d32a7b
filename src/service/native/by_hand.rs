//! Manual origins: what somebody decided by hand or by API, and the end of every origin of what is deleted. Convergence makes native state agree with them; nothing
//! here writes native rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Result;
use crate::domain::id::MembershipId;
use crate::domain::origin::{Kind, Origin, Target};
use crate::service::change::Change;
use crate::service::mapping::parked;
use crate::store::origins::{self, Made, Placed};

/// The one manual origin of a target.
fn manual(target: Target) -> Origin {
    Origin { target, kind: Kind::Manual, rule: None, directory_group: None, directory_user: None }
}

/// Gives memberships what is named. What was given by hand before stays as it is.
pub(super) async fn give(
    change: &mut Change<'_>,
    what: impl IntoIterator<Item = (MembershipId, Target)>,
) -> Result<()> {
    let new: Vec<Placed> = what.into_iter().map(|(membership, target)| (membership, manual(target))).collect();
    let (cause, actor) = (change.cause.id(), change.cause.actor());
    let made = Made { cause: Some(&cause), actor: &actor, at: change.now };
    // No rule made them, so there is no version to tell.
    origins::insert(change.tx, change.organization, &new, |_| 0, &made).await
}

/// Takes away what was given by hand, of these people and these targets. What a rule gives stays.
pub(super) async fn take(
    change: &mut Change<'_>,
    people: &[MembershipId],
    which: impl Fn(Target) -> bool,
) -> Result<()> {
    let stored = origins::of_memberships(change.tx, change.organization, people.iter().copied()).await?;
    let (mut ended, mut lost) = (Vec::new(), Vec::new());
    for (membership, all) in stored {
        let stays: BTreeSet<Target> =
            all.iter().filter(|o| !matches!(o.kind, Kind::Manual | Kind::Exclude)).map(|o| o.target).collect();
        for origin in all.into_iter().filter(|o| o.kind == Kind::Manual && which(o.target)) {
            ended.push((membership, origin));
            if !stays.contains(&origin.target) {
                lost.push((membership, origin));
            }
        }
    }
    record(change, &lost).await?;
    origins::delete(change.tx, change.organization, &ended).await
}

/// Ends everything that speaks for a target that is about to go: manual origins, those that a guard holds, and those that
/// wait with a paused directory. Answers whose they were.
pub(super) async fn end_all(change: &mut Change<'_>, target: Target) -> Result<BTreeSet<MembershipId>> {
    let stored = origins::of_target(change.tx, change.organization, target).await?;
    let held = stored.iter().filter(|(_, origin)| origin.kind == Kind::Held);
    let held: Vec<_> = held.map(|(membership, origin)| (*membership, origin.target)).collect();
    if !held.is_empty() {
        parked::vanish(change, &held).await?;
    }
    // Of several reasons that somebody had, one is kept.
    let lost: BTreeMap<MembershipId, Origin> =
        stored.iter().filter(|(_, origin)| origin.kind != Kind::Exclude).copied().collect();
    record(change, &lost.into_iter().collect::<Vec<_>>()).await?;
    origins::delete(change.tx, change.organization, &stored).await?;
    Ok(stored.into_iter().map(|(membership, _)| membership).collect())
}

/// Keeps why these were lost.
async fn record(change: &mut Change<'_>, lost: &[Placed]) -> Result<()> {
    let (cause, since) = (change.cause.context().to_string(), change.position());
    origins::record_ended(change.tx, change.organization, lost, &cause, since, change.now).await
}
