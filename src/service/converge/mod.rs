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

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use accounts::climb;
pub(crate) use ground::Ground;
pub(crate) use losses::find as find_losses;

use self::bind::Bound;
use self::draft::Draft;
use super::change::Change;
use super::runs::effect;
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, MembershipId};
use crate::store::{bindings, directory_users, edges, groups, links, memberships, origins};

/// How many people are converged at a time: bounds the memory of a large scope.
const CHUNK: usize = 500;

/// How many mirrors that ended go at a time.
const ENDED: i64 = 500;

/// What may have changed. Converging too much costs time and changes nothing; too little is a defect.
#[derive(Debug, Default, Clone)]
pub struct Scope {
    /// Directory users whose facts, groups or links changed, those that were just removed included.
    pub users: BTreeSet<DirectoryUserId>,
    /// Directory groups that are new or whose attributes changed, or that have bindings and are gone.
    pub groups: BTreeSet<DirectoryGroupId>,
    /// Directory groups that are about to be removed: their bindings end now, their rows after.
    pub removed_groups: BTreeSet<DirectoryGroupId>,
    /// Memberships whose manual origins or decisions changed; `true` for those that were just made.
    pub memberships: BTreeMap<MembershipId, bool>,
    /// Names of native groups (as they collide) that became free.
    pub freed_names: BTreeSet<String>,
}

impl Scope {
    /// Memberships whose manual origins or decisions changed.
    pub fn of_memberships(ids: impl IntoIterator<Item = MembershipId>) -> Self {
        Scope { memberships: ids.into_iter().map(|id| (id, false)).collect(), ..Scope::default() }
    }
}

/// Makes native state agree, within `scope`, in the transaction of `change`.
pub async fn converge(change: &mut Change<'_>, scope: Scope) -> Result<()> {
    let Scope { mut users, mut groups, removed_groups, memberships, mut freed_names } = scope;
    let ground = Ground::load(change.tx, change.organization).await?;
    if !removed_groups.is_empty() && !ground.resting.is_empty() {
        users.extend(origins::kept_by_groups(change.tx, change.organization, removed_groups.iter().copied()).await?);
    }
    // Each round may free names that mirrors wait for, groups that they may adopt, addresses that people wait for, or
    // accounts that follow somebody else now; a round without any is the last. A name changes hands once per round
    // and is never freed by taking it, an account changes its address only to that of its person, and people leave
    // once, so this ends.
    groups.extend(&removed_groups);
    let mut vanished = change.trace.vanished;
    loop {
        if !freed_names.is_empty() {
            groups.extend(bindings::waiting_for_names(change.tx, change.organization, freed_names).await?);
        }
        let bound = bind_groups(change, &ground, &std::mem::take(&mut groups), &removed_groups).await?;
        if !bound.changed.is_empty() {
            users.extend(edges::people_of(change.tx, change.organization, bound.changed).await?);
        }
        if users.len() > change.budget {
            leave_to_a_run(change, &mut users).await?;
        }
        let scope: Vec<DirectoryUserId> = std::mem::take(&mut users).into_iter().collect();
        for chunk in scope.chunks(CHUNK) {
            let touched = people::converge(change, &ground, chunk, &removed_groups).await?;
            settle::settle(change, &ground, touched).await?;
            change.flush_if_large().await?;
        }
        freed_names = bound.freed_names;
        let freed_addresses = std::mem::take(&mut change.freed_addresses);
        if !freed_addresses.is_empty() {
            users.extend(directory_users::with_addresses(change.tx, change.organization, freed_addresses).await?);
        }
        let left = std::mem::take(&mut change.left_memberships);
        if !left.is_empty() {
            users.extend(links::people_of_memberships(change.tx, change.organization, left).await?);
        }
        // Mirrors that ended may have waited for what was held.
        if bound.leavers || change.trace.vanished > vanished {
            vanished = change.trace.vanished;
            while !let_leavers_go(change, &ground, ENDED, &mut freed_names).await? {}
        }
        if freed_names.is_empty() && users.is_empty() && groups.is_empty() {
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
pub(crate) async fn bind(change: &mut Change<'_>, groups: &BTreeSet<DirectoryGroupId>) -> Result<Bound> {
    let ground = Ground::load(change.tx, change.organization).await?;
    bind_groups(change, &ground, groups, &BTreeSet::new()).await
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
    let over = let_leavers_go(change, &ground, limit, &mut freed_names).await?;
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
) -> Result<Bound> {
    let mut all = Bound::default();
    let groups: Vec<DirectoryGroupId> = groups.iter().copied().collect();
    for chunk in groups.chunks(bind::CHUNK) {
        let mut draft = Draft::default();
        let chunk = chunk.iter().copied().collect();
        let bound = bind::groups(change.tx, ground, &mut draft, &chunk, removed, change.now).await?;
        draft.write(change, ground).await?;
        all.changed.extend(bound.changed);
        all.ended.extend(bound.ended);
        all.leavers |= bound.leavers;
        all.took_over.extend(bound.took_over);
        all.freed_names.extend(bound.freed_names);
    }
    Ok(all)
}

/// Lets go of native groups whose mirrors ended and whose people have left, up to `limit`: they are deleted, or stay
/// as ordinary ones. Adds the names that become free; answers whether that was all.
async fn let_leavers_go(
    change: &mut Change<'_>,
    ground: &Ground,
    limit: i64,
    freed_names: &mut BTreeSet<String>,
) -> Result<bool> {
    let ended = bindings::ended(change.tx, change.organization, limit).await?;
    let over = i64::try_from(ended.len()).is_ok_and(|count| count < limit);
    for binding in ended {
        let Some(group) = binding.mirror_group_id else { continue };
        let spoken_for = binding.goes() && origins::speak_for_group(change.tx, change.organization, group).await?;
        let mut draft = Draft::default();
        freed_names.extend(bind::let_go(change.tx, ground, &mut draft, binding, spoken_for).await?);
        draft.write(change, ground).await?;
        change.flush_if_large().await?;
    }
    Ok(over)
}

/// Ends a membership that nothing speaks for any more: no origin, no link in force. Otherwise it stays.
pub async fn leave(change: &mut Change<'_>, id: MembershipId) -> Result<()> {
    let organization = change.organization;
    let spoken_for = !origins::of_memberships(change.tx, organization, [id]).await?.is_empty();
    let found = memberships::find(change.tx, Some(organization), id).await?;
    match found {
        Some((membership, _)) if !spoken_for && !membership.directory_managed => expunge(change, &[id]).await,
        _ => Ok(()),
    }
}

/// Removes memberships with all that rests on them, whatever speaks for them: their people leave their groups, then
/// the organization.
pub(crate) async fn expunge(change: &mut Change<'_>, ids: &[MembershipId]) -> Result<()> {
    let organization = change.organization;
    let mut in_groups = groups::of_memberships(change.tx, organization, ids.iter().copied()).await?;
    let going = memberships::with_ids(change.tx, organization, ids.iter().copied()).await?;
    memberships::delete(change.tx, organization, ids).await?;
    for membership in going {
        for group in in_groups.remove(&membership.id).unwrap_or_default() {
            change.emit("group.member_removed", settle::member_json(group, membership.id));
        }
        change.emit("organization_membership.deleted", membership.json());
        change.flush_if_large().await?;
    }
    Ok(())
}

async fn settle_all(change: &mut Change<'_>, ground: &Ground, memberships: BTreeMap<MembershipId, bool>) -> Result<()> {
    let memberships: Vec<(MembershipId, bool)> = memberships.into_iter().collect();
    for chunk in memberships.chunks(CHUNK) {
        settle::settle(change, ground, chunk.iter().copied().collect()).await?;
        change.flush_if_large().await?;
    }
    Ok(())
}
