//! What some people are and what they should have: read, never written. Convergence and plans both begin here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Ground;
use super::draft::Draft;
use crate::domain::Result;
use crate::domain::binding::{Binding, Subject, wanted};
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, MembershipId};
use crate::domain::origin::{Ending, Kind, Origin};
use crate::store::bindings::StoredBinding;
use crate::store::links::{self, Link};
use crate::store::origins::Placed;
use crate::store::{Tx, directory_groups, directory_users, edges, origins};

/// Some people at one moment. Those of paused directories are left out.
#[derive(Default)]
pub(crate) struct Assessed {
    /// Those who are there.
    pub(crate) users: Vec<DirectoryUser>,
    /// The links of all of them, as they are stored.
    pub(crate) links: HashMap<DirectoryUserId, Link>,
    /// Those whose record or directory is gone, and that have a link.
    pub(crate) gone: BTreeSet<DirectoryUserId>,
    /// Memberships of people of paused directories: why they have what they have stays as it is, but how rules rank
    /// may have changed.
    pub(crate) waiting: BTreeMap<DirectoryUserId, MembershipId>,
    /// All origins of the memberships that they are linked to.
    pub(crate) stored: HashMap<MembershipId, Vec<Origin>>,
    /// What each should have.
    pub(crate) wanted: BTreeMap<DirectoryUserId, BTreeSet<Origin>>,
}

impl Assessed {
    /// The directory of a person.
    pub(crate) fn directory_of(&self, person: DirectoryUserId) -> Option<DirectoryId> {
        let user = self.users.iter().find(|user| user.id == person).map(|user| user.directory);
        user.or_else(|| self.links.get(&person).map(|link| link.directory_id))
    }

    /// The stored origins in the name of these people, of their memberships.
    pub(crate) fn stored_in_their_names(&self) -> BTreeSet<Placed> {
        let theirs = |origin: &Origin| {
            origin.kind.is_the_engines() && origin.directory_user.is_some_and(|user| self.wanted.contains_key(&user))
        };
        let all = self.stored.iter().flat_map(|(id, origins)| origins.iter().map(move |origin| (*id, *origin)));
        all.filter(|(_, origin)| theirs(origin)).collect()
    }
}

/// Looks at people: with the bindings of the draft, and without groups that are about to go.
pub(crate) async fn assess(
    tx: &mut Tx,
    ground: &Ground,
    draft: &Draft,
    ids: &[DirectoryUserId],
    removed: &BTreeSet<DirectoryGroupId>,
) -> Result<Assessed> {
    let organization = ground.organization;
    let mut seen =
        Assessed { links: links::of_users(tx, organization, ids.iter().copied()).await?, ..Assessed::default() };
    if ground.is_empty() && seen.links.is_empty() {
        // Nothing is mapped, and nobody of these ever was.
        return Ok(seen);
    }
    seen.users = directory_users::by_ids(tx, organization, ids.iter().copied()).await?;
    let waits = |directory: DirectoryId| ground.directory(directory).paused;
    let waiting = seen.links.values().filter(|link| waits(link.directory_id));
    seen.waiting = waiting.filter_map(|link| Some((link.directory_user_id, link.membership_id?))).collect();
    seen.links.retain(|_, link| !waits(link.directory_id));
    seen.users.retain(|user| !waits(user.directory));
    // Also those whose record is gone, and for whom something is held.
    let directories = seen.users.iter().map(|user| (user.id, user.directory));
    let directories = directories.chain(seen.links.values().map(|link| (link.directory_user_id, link.directory_id)));
    let leaving: HashMap<DirectoryUserId, Ending> =
        directories.filter_map(|(user, directory)| Some((user, ground.directory(directory).leaving?))).collect();
    seen.users.retain(|user| !leaving.contains_key(&user.id));
    let present: BTreeSet<DirectoryUserId> = seen.users.iter().map(|user| user.id).collect();
    seen.gone = seen.links.keys().filter(|id| !present.contains(id)).copied().collect();

    let memberships = seen.links.values().filter_map(|link| link.membership_id);
    let memberships: BTreeSet<MembershipId> = memberships.chain(seen.waiting.values().copied()).collect();
    seen.stored = origins::of_memberships(tx, organization, memberships).await?;
    let bindings = bindings_of(tx, ground, draft, &present).await?;
    let groups_gone = groups_gone(tx, ground, &seen, removed).await?;

    let none = Vec::new();
    let by_id: HashMap<DirectoryUserId, &DirectoryUser> = seen.users.iter().map(|user| (user.id, user)).collect();
    let mut all = BTreeMap::new();
    let people: BTreeSet<DirectoryUserId> = present.union(&seen.gone).copied().collect();
    for id in people {
        let of_membership = seen.links.get(&id).and_then(|link| seen.stored.get(&link.membership_id?)).unwrap_or(&none);
        let stored: Vec<Origin> = of_membership.iter().filter(|o| o.directory_user == Some(id)).copied().collect();
        let subject = Subject {
            user: by_id.get(&id).copied(),
            handed_over: leaving.get(&id) == Some(&Ending::HandOver),
            leaving: leaving.contains_key(&id),
            bindings: bindings.get(&id).map_or(&[], Vec::as_slice),
            stored: &stored,
            of_membership,
            groups_gone: &groups_gone,
        };
        all.insert(id, wanted(&subject, ground));
    }
    seen.wanted = all;
    Ok(seen)
}

/// The bindings of the groups that these people are in.
async fn bindings_of(
    tx: &mut Tx,
    ground: &Ground,
    draft: &Draft,
    people: &BTreeSet<DirectoryUserId>,
) -> Result<HashMap<DirectoryUserId, Vec<Binding>>> {
    let mut bindings: HashMap<DirectoryUserId, Vec<Binding>> = HashMap::new();
    if ground.rules.is_empty() || people.is_empty() {
        return Ok(bindings);
    }
    for (user, binding) in edges::bindings_of(tx, ground.organization, people.iter().copied()).await? {
        if !draft.bindings().contains_key(&(binding.rule, binding.group)) {
            bindings.entry(user).or_default().push(binding);
        }
    }
    let drafted: BTreeSet<DirectoryGroupId> =
        draft.bindings().iter().filter(|(_, binding)| binding.is_some()).map(|((_, group), _)| *group).collect();
    if drafted.is_empty() {
        return Ok(bindings);
    }
    let mut by_group: HashMap<DirectoryGroupId, Vec<Binding>> = HashMap::new();
    for binding in draft.bindings().values().flatten() {
        by_group.entry(binding.directory_group_id).or_default().push(in_force(binding));
    }
    for (user, group) in edges::groups_among(tx, ground.organization, people.iter().copied(), drafted).await? {
        bindings.entry(user).or_default().extend(by_group.get(&group).into_iter().flatten().copied());
    }
    Ok(bindings)
}

fn in_force(binding: &StoredBinding) -> Binding {
    Binding {
        rule: binding.rule_id,
        group: binding.directory_group_id,
        matched: binding.matched,
        excepted: binding.excepted,
        mirror: binding.mirror_group_id,
    }
}

/// Of the directory groups that origins of frozen rules name: those that are gone.
async fn groups_gone(
    tx: &mut Tx,
    ground: &Ground,
    seen: &Assessed,
    removed: &BTreeSet<DirectoryGroupId>,
) -> Result<BTreeSet<DirectoryGroupId>> {
    let frozen = |o: &&Origin| o.kind != Kind::Held && o.rule.is_some_and(|rule| ground.is_frozen(rule));
    let named: BTreeSet<DirectoryGroupId> =
        seen.stored.values().flatten().filter(frozen).filter_map(|o| o.directory_group).collect();
    if named.is_empty() {
        return Ok(named);
    }
    let mut there = directory_groups::by_ids(tx, ground.organization, named.iter().copied()).await?;
    there.retain(|group| !removed.contains(&group.id) && ground.directory(group.directory).leaving.is_none());
    let there: BTreeSet<DirectoryGroupId> = there.into_iter().map(|group| group.id).collect();
    Ok(named.difference(&there).copied().collect())
}
