//! Manual origins: what somebody decided by hand or by API. Convergence makes native state agree with them; nothing
//! here writes native rows.

use std::collections::BTreeSet;

use crate::domain::Result;
use crate::domain::id::MembershipId;
use crate::domain::origin::{Kind, Origin, Target};
use crate::service::change::Change;
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
    let (cause, since) = (change.cause.context().to_string(), change.position());
    origins::record_ended(change.tx, change.organization, &lost, &cause, since, change.now).await?;
    origins::delete(change.tx, change.organization, &ended).await
}
