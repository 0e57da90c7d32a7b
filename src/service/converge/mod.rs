//! `converge(scope)`: the one function that makes native state agree with facts, links, rules and decisions.
//!
//! It computes the desired native rows within a scope, compares them with the stored ones, writes the
//! difference and emits one event per effective change. Only the scope differs between its callers: a SCIM
//! request touches a few people, an applied rule many, a reconcile everybody.
//!
//! The steps, each in a file: `bind` and `mirror` (rules × directory groups → bindings and native groups, in a
//! `draft`), `assess` (what people have and should have), `people` (the difference in origins, with the accounts
//! that they need; what they lose is for `losses`), `settle` (origins → effective rows and events). `assess` and
//! the draft write nothing: plans and verifications evaluate with them (`service::mapping::survey`).

mod accounts;
pub(crate) mod assess;
pub(crate) mod bind;
pub(crate) mod draft;
mod ground;
mod losses;
mod mirror;
pub(crate) mod people;
pub(crate) mod settle;

use std::collections::BTreeSet;

pub(crate) use accounts::climb;
pub(crate) use ground::Ground;
pub(crate) use losses::find as find_losses;

use self::bind::{Bound, Ended, Leaving};
use self::draft::Draft;
use super::change::Change;
use super::runs::effect;
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, GroupId, MembershipId};
use crate::store::{bindings, directory_users, edges, memberships, origins};

/// How many people are converged at a time: bounds the memory of a large scope.
const CHUNK: usize = 500;

/// What may have changed. Converging too much costs time and changes nothing; too little is a defect.
#[derive(Debug, Default, Clone)]
pub struct Scope {
    /// Directory users whose facts, groups or links changed, those that were just removed included.
    pub users: BTreeSet<DirectoryUserId>,
    /// Directory groups that are new or whose attributes changed, or that have bindings and are gone.
    pub groups: BTreeSet<DirectoryGroupId>,
    /// Directory groups that are about to be removed: their bindings end now, their rows after.
    pub removed_groups: BTreeSet<DirectoryGroupId>,
    /// Memberships whose manual origins or decisions changed.
    pub memberships: BTreeSet<MembershipId>,
    /// Names of native groups (as they collide) that became free.
    pub freed_names: BTreeSet<String>,
}

/// Makes native state agree, within `scope`, in the transaction of `change`.
pub async fn converge(change: &mut Change<'_>, scope: Scope) -> Result<()> {
    let Scope { mut users, mut groups, removed_groups, memberships, mut freed_names } = scope;
    let ground = Ground::load(change.tx, change.organization).await?;
    if !removed_groups.is_empty() && !ground.resting.is_empty() {
        users.extend(origins::frozen_by_groups(change.tx, change.organization, removed_groups.iter().copied()).await?);
    }
    // Each round may free names that mirrors wait for, groups that they may adopt, or addresses that people wait
    // for; a round without any is the last. A name changes hands once per round and is never freed by taking it,
    // and an account changes its address only to that of its person, so this ends.
    let mut removed = removed_groups.clone();
    loop {
        if !freed_names.is_empty() {
            groups.extend(bindings::waiting_for_names(change.tx, change.organization, freed_names).await?);
        }
        let bound = bind_groups(change, &ground, &std::mem::take(&mut groups), &removed, Leaving::Now).await?;
        removed.clear();
        if !bound.changed.is_empty() {
            users.extend(edges::people_of(change.tx, change.organization, bound.changed).await?);
        }
        let rest = users.len() > change.budget;
        if rest {
            leave_to_a_run(change, &mut users).await?;
        }
        let scope: Vec<DirectoryUserId> = std::mem::take(&mut users).into_iter().collect();
        for chunk in scope.chunks(CHUNK) {
            let touched = people::converge(change, &ground, chunk, &removed_groups).await?;
            settle::settle(change, &ground, touched).await?;
            change.flush_if_large().await?;
        }
        freed_names = bound.freed_names;
        for (group, ended) in bound.ended {
            if rest {
                // Its people leave later, and so does it.
                bindings::put(change.tx, change.organization, &[ended.marked()]).await?;
            } else {
                freed_names.extend(let_go(change, &ground, group, ended).await?);
            }
        }
        let freed_addresses = std::mem::take(&mut change.freed_addresses);
        if !freed_addresses.is_empty() {
            users.extend(directory_users::with_addresses(change.tx, change.organization, freed_addresses).await?);
        }
        if freed_names.is_empty() && users.is_empty() {
            break;
        }
    }
    settle_all(change, &ground, memberships).await
}

/// Leaves people to a run: they are too many for one transaction.
async fn leave_to_a_run(change: &mut Change<'_>, people: &mut BTreeSet<DirectoryUserId>) -> Result<()> {
    let run = effect::begin_remainder(change, people).await?;
    change.left_to = Some(run);
    people.clear();
    Ok(())
}

/// Brings the bindings of directory groups up to date; their people follow in later chunks of a run, and then
/// [`finish`].
pub(crate) async fn bind(change: &mut Change<'_>, groups: &BTreeSet<DirectoryGroupId>) -> Result<BTreeSet<String>> {
    let ground = Ground::load(change.tx, change.organization).await?;
    let bound = bind_groups(change, &ground, groups, &BTreeSet::new(), Leaving::Later).await?;
    Ok(bound.freed_names)
}

/// Lets go of native groups of mirrors that ended and whose people have left, up to `limit`. Answers the directory
/// groups that waited for a name that is free now, whose bindings are to be brought up to date, and whether that
/// was all.
pub(crate) async fn finish(
    change: &mut Change<'_>,
    mut freed_names: BTreeSet<String>,
    limit: i64,
) -> Result<(BTreeSet<DirectoryGroupId>, bool)> {
    let ground = Ground::load(change.tx, change.organization).await?;
    let ended = bindings::ended(change.tx, change.organization, limit).await?;
    let over = i64::try_from(ended.len()).is_ok_and(|count| count < limit);
    for mut binding in ended {
        let key = (binding.rule_id, binding.directory_group_id);
        let goes = binding.mirror_state.as_deref() == Some("ended");
        let group = binding.mirror_group_id.take();
        binding.mirror_state = None;
        let mut draft = Draft::default();
        draft.bind(key, Some(binding).filter(|binding| binding.matched || binding.excepted));
        draft.write(change).await?;
        if let Some(group) = group {
            freed_names.extend(let_go_now(change, &ground, group, goes).await?);
        }
        change.flush_if_large().await?;
    }
    if freed_names.is_empty() {
        return Ok((BTreeSet::new(), over));
    }
    let waiting = bindings::waiting_for_names(change.tx, change.organization, freed_names).await?;
    Ok((waiting.into_iter().collect(), over))
}

async fn bind_groups(
    change: &mut Change<'_>,
    ground: &Ground,
    groups: &BTreeSet<DirectoryGroupId>,
    removed: &BTreeSet<DirectoryGroupId>,
    leaving: Leaving,
) -> Result<Bound> {
    let mut all = Bound::default();
    let groups: Vec<DirectoryGroupId> = groups.union(removed).copied().collect();
    for chunk in groups.chunks(bind::CHUNK) {
        let mut draft = Draft::default();
        let chunk = chunk.iter().copied().collect();
        let bound = bind::groups(change.tx, ground, &mut draft, &chunk, removed, (leaving, change.now)).await?;
        draft.write(change).await?;
        all.changed.extend(bound.changed);
        all.ended.extend(bound.ended);
        all.freed_names.extend(bound.freed_names);
    }
    Ok(all)
}

/// Deletes or releases a native group whose mirror ended. Answers its name, if it is free now. One that is to go
/// and whose people are held waits until somebody has decided.
async fn let_go(change: &mut Change<'_>, ground: &Ground, group: GroupId, ended: Ended) -> Result<Option<String>> {
    if ended.goes && origins::is_held(change.tx, change.organization, group).await? {
        bindings::put(change.tx, change.organization, &[ended.marked()]).await?;
        return Ok(None);
    }
    let_go_now(change, ground, group, ended.goes).await
}

async fn let_go_now(change: &mut Change<'_>, ground: &Ground, group: GroupId, goes: bool) -> Result<Option<String>> {
    let spoken_for = goes && origins::speak_for_group(change.tx, change.organization, group).await?;
    let mut draft = Draft::default();
    let freed = bind::let_go(change.tx, ground, &mut draft, group, goes, spoken_for).await?;
    draft.write(change).await?;
    Ok(freed)
}

/// Ends a membership that nothing speaks for any more: no origin, no link in force. Otherwise it stays.
pub async fn leave(change: &mut Change<'_>, id: MembershipId) -> Result<()> {
    let organization = change.organization;
    let spoken_for = !origins::of_memberships(change.tx, organization, [id]).await?.is_empty();
    let found = memberships::find(change.tx, Some(organization), id).await?;
    let Some((membership, _)) = found.filter(|(membership, _)| !spoken_for && !membership.directory_managed) else {
        return Ok(());
    };
    memberships::delete(change.tx, organization, id).await?;
    change.emit("organization_membership.deleted", membership.json());
    Ok(())
}

async fn settle_all(change: &mut Change<'_>, ground: &Ground, memberships: BTreeSet<MembershipId>) -> Result<()> {
    let memberships: Vec<MembershipId> = memberships.into_iter().collect();
    for chunk in memberships.chunks(CHUNK) {
        settle::settle(change, ground, chunk.iter().map(|id| (*id, false)).collect()).await?;
        change.flush_if_large().await?;
    }
    Ok(())
}
