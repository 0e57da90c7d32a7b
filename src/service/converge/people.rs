//! Bindings × directory users → origins, with the accounts and memberships that they need.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::assess::{Assessed, assess};
use super::draft::Draft;
use super::{Ground, accounts, losses};
use crate::domain::Result;
use crate::domain::binding::grants_anything;
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, MembershipId};
use crate::domain::origin::{Kind, Origin};
use crate::service::change::Change;
use crate::store::links::{self, Link};
use crate::store::origins::{self, Placed};

/// Brings the origins in the names of these people up to date. Answers the memberships to settle; `true` for new ones.
pub(super) async fn converge(
    change: &mut Change<'_>,
    ground: &Ground,
    ids: &[DirectoryUserId],
    removed: &BTreeSet<DirectoryGroupId>,
) -> Result<BTreeMap<MembershipId, bool>> {
    let mut touched = BTreeMap::new();
    let mut seen = assess(change.tx, ground, &Draft::default(), ids, removed).await?;
    touched.extend(seen.waiting.values().map(|membership| (*membership, false)));
    if seen.wanted.is_empty() {
        return Ok(touched);
    }
    // Also those whose links end here: their memberships stand otherwise now.
    let holders: HashMap<DirectoryUserId, MembershipId> = holders(&seen.links);
    follow_facts(change, ground, &mut seen).await?;

    let unlinked: Vec<&DirectoryUser> = unlinked(&seen).collect();
    if !unlinked.is_empty() {
        let made = accounts::link(change, ground, &unlinked, &seen.links).await?;
        touched.extend(made.new_memberships.into_iter().map(|id| (id, true)));
        let joined = made.links.iter().filter_map(|link| link.membership_id);
        let unread: BTreeSet<MembershipId> = joined.filter(|id| !seen.stored.contains_key(id)).collect();
        if !unread.is_empty() {
            seen.stored.extend(origins::of_memberships(change.tx, change.organization, unread).await?);
        }
        seen.links.extend(made.links.into_iter().map(|link| (link.directory_user_id, link)));
    }
    accounts::follow_profiles(change, &seen.users, &seen.links).await?;

    let mut holders = holders;
    holders.extend(self::holders(&seen.links));
    for membership in holders.values() {
        touched.entry(*membership).or_insert(false);
    }
    let target = target(&seen, &holders);
    write_difference(change, ground, &seen, target).await?;
    Ok(touched)
}

fn holders(links: &HashMap<DirectoryUserId, Link>) -> HashMap<DirectoryUserId, MembershipId> {
    links.values().filter_map(|link| Some((link.directory_user_id, link.membership_id?))).collect()
}

/// People who are to get something and have no account in force yet. Whom somebody refused stays without.
pub(crate) fn unlinked(seen: &Assessed) -> impl Iterator<Item = &DirectoryUser> {
    let lacks =
        |user: &&DirectoryUser| !seen.links.get(&user.id).is_some_and(|link| link.is_linked() || link.is_refused());
    let entitled = |user: &&DirectoryUser| user.active && seen.wanted.get(&user.id).is_some_and(grants_anything);
    seen.users.iter().filter(entitled).filter(lacks)
}

/// The origins that should be there, placed. Whoever is there and has no link in force has none.
pub(crate) fn target(seen: &Assessed, holders: &HashMap<DirectoryUserId, MembershipId>) -> BTreeSet<Placed> {
    let in_force =
        |user: &DirectoryUserId| seen.gone.contains(user) || seen.links.get(user).is_some_and(Link::is_linked);
    seen.wanted
        .iter()
        .filter(|(user, _)| in_force(user))
        .filter_map(|(user, origins)| Some((*holders.get(user)?, origins)))
        .flat_map(|(membership, origins)| origins.iter().map(move |origin| (membership, *origin)))
        .collect()
}

/// The links as the facts have them now: active or not; ended for those who are gone. A directory that is removed
/// speaks for nobody any more, but whom it had suspended stays suspended.
pub(crate) fn links_that_follow(ground: &Ground, seen: &Assessed) -> (Vec<Link>, Vec<DirectoryUserId>) {
    let (mut changed, mut removed) = (Vec::new(), Vec::new());
    for user in &seen.users {
        if let Some(link) = seen.links.get(&user.id) {
            let external_id = user.text("externalId").map(str::to_owned);
            let followed = Link { active: user.active, external_id, ..link.clone() };
            if followed != *link {
                changed.push(followed);
            }
        }
    }
    for id in &seen.gone {
        let Some(link) = seen.links.get(id) else { continue };
        if ground.directory(link.directory_id).leaving.is_some() && (link.active || !link.is_linked()) {
            removed.push(*id);
        } else if link.state != "ended" {
            changed.push(Link { state: "ended".to_owned(), ..link.clone() });
        }
    }
    (changed, removed)
}

async fn follow_facts(change: &mut Change<'_>, ground: &Ground, seen: &mut Assessed) -> Result<()> {
    let (changed, removed) = links_that_follow(ground, seen);
    let ended = changed.iter().filter(|link| link.state == "ended").map(|link| link.directory_user_id);
    let left = ended.chain(removed.iter().copied()).filter_map(|id| seen.links.get(&id)?.membership_id);
    change.left_memberships.extend(left);
    links::put(change.tx, change.organization, &changed, change.now).await?;
    links::remove(change.tx, change.organization, &removed).await?;
    for link in changed {
        seen.links.insert(link.directory_user_id, link);
    }
    Ok(())
}

/// Ends the origins of these people that are not wanted and stores those that are missing; what the guard parks
/// is held.
async fn write_difference(
    change: &mut Change<'_>,
    ground: &Ground,
    seen: &Assessed,
    mut target: BTreeSet<Placed>,
) -> Result<()> {
    let stored = seen.stored_in_their_names();
    if stored == target {
        return Ok(());
    }
    let lost = losses::find(seen, &stored, &target);
    let held = losses::park(change, ground, seen, &lost).await?;
    target.extend(held.iter().copied());
    let ended: Vec<Placed> = stored.difference(&target).copied().collect();
    let new: Vec<Placed> = target.difference(&stored).copied().collect();
    for (membership, origin) in ended.iter().filter(|(_, origin)| origin.kind != Kind::Exclude) {
        let of_target = change.lost_by.entry((*membership, origin.target)).or_default();
        of_target.extend(origin.rule.map(|rule| ground.at_work(rule)));
    }
    losses::record(change, &lost, &held).await?;
    let returned = ended.iter().filter(|(_, origin)| origin.kind == Kind::Held);
    let returned: Vec<_> = returned.map(|(membership, origin)| (*membership, origin.target)).collect();
    change.trace.vanished += i64::try_from(returned.len()).unwrap_or(i64::MAX);
    losses::unpark(change, returned).await?;
    origins::delete(change.tx, change.organization, &ended).await?;
    change.trace.origins_ended += count(&ended);
    change.trace.origins_added += count(&new);
    let (cause, actor) = (change.cause.id(), change.cause.actor());
    let made = origins::Made { cause: Some(&cause), actor: &actor, at: change.now };
    origins::insert(change.tx, change.organization, &new, |rule| ground.version(rule), &made).await
}

fn count(origins: &[Placed]) -> i64 {
    i64::try_from(origins.iter().filter(|(_, origin): &&(MembershipId, Origin)| origin.kind != Kind::Held).count())
        .unwrap_or(i64::MAX)
}
