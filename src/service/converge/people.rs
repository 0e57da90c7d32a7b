//! Bindings × directory users → origins, and the memberships that hold them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Context, accounts};
use crate::domain::Result;
use crate::domain::binding::{Binding, desired, grants_anything};
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryUserId, MembershipId};
use crate::domain::origin::{Kind, Origin};
use crate::service::change::Change;
use crate::store::origins::Placed;
use crate::store::{directory_users, edges, links, origins};

/// Brings the rule origins of these people up to date. Answers the memberships to settle; `true` for new ones.
pub(super) async fn converge(
    change: &mut Change<'_>,
    context: &Context,
    ids: &[DirectoryUserId],
) -> Result<BTreeMap<MembershipId, bool>> {
    let mut links = links::of_users(change.tx, change.organization, ids.iter().copied()).await?;
    let mut touched = BTreeMap::new();
    if context.rules.is_empty() && links.is_empty() {
        // Nothing is mapped, and nobody of these ever was.
        return Ok(touched);
    }
    let users = directory_users::by_ids(change.tx, change.organization, ids.iter().copied()).await?;
    let wanted = wanted_origins(change, context, &users).await?;

    // People who are to get something and have no account in force yet.
    let unlinked: Vec<&DirectoryUser> = users
        .iter()
        .filter(|user| user.active && wanted.get(&user.id).is_some_and(grants_anything))
        .filter(|user| !links.get(&user.id).is_some_and(links::Link::is_linked))
        .collect();
    if !unlinked.is_empty() {
        let made = accounts::link(change, context, &unlinked, &links).await?;
        touched.extend(made.new_memberships.into_iter().map(|id| (id, true)));
        links.extend(made.links.into_iter().map(|link| (link.directory_user_id, link)));
    }
    accounts::follow_profiles(change, &users, &links).await?;

    let holders: HashMap<DirectoryUserId, MembershipId> =
        links.values().filter_map(|link| Some((link.directory_user_id, link.membership_id?))).collect();
    for membership in holders.values() {
        touched.entry(*membership).or_insert(false);
    }
    let in_force = |user: DirectoryUserId| links.get(&user).is_some_and(links::Link::is_linked);
    let target: BTreeSet<Placed> = wanted
        .into_iter()
        .filter(|(user, _)| in_force(*user))
        .filter_map(|(user, origins)| Some((*holders.get(&user)?, origins)))
        .flat_map(|(membership, origins)| origins.into_iter().map(move |origin| (membership, origin)))
        .collect();
    write_difference(change, context, ids, touched.keys().copied().collect(), target).await?;
    Ok(touched)
}

/// What the rules give to each of these people.
async fn wanted_origins(
    change: &mut Change<'_>,
    context: &Context,
    users: &[DirectoryUser],
) -> Result<HashMap<DirectoryUserId, BTreeSet<Origin>>> {
    if context.rules.is_empty() || users.is_empty() {
        return Ok(HashMap::new());
    }
    let mut bindings: HashMap<DirectoryUserId, Vec<Binding>> = HashMap::new();
    for (user, binding) in edges::bindings_of(change.tx, change.organization, users.iter().map(|u| u.id)).await? {
        bindings.entry(user).or_default().push(binding);
    }
    let none = Vec::new();
    Ok(users
        .iter()
        .map(|user| {
            let bindings = bindings.get(&user.id).unwrap_or(&none);
            (user.id, desired(user, &context.rules, bindings, &context.role_ids))
        })
        .collect())
}

/// Ends the rule origins of these people that are not wanted and stores those that are missing.
async fn write_difference(
    change: &mut Change<'_>,
    context: &Context,
    people: &[DirectoryUserId],
    memberships: Vec<MembershipId>,
    target: BTreeSet<Placed>,
) -> Result<()> {
    if memberships.is_empty() {
        return Ok(());
    }
    let people: BTreeSet<DirectoryUserId> = people.iter().copied().collect();
    let theirs = |origin: &Origin| {
        matches!(origin.kind, Kind::Rule | Kind::Exclude)
            && origin.directory_user.is_some_and(|user| people.contains(&user))
    };
    let stored: BTreeSet<Placed> = origins::of_memberships(change.tx, change.organization, memberships)
        .await?
        .into_iter()
        .flat_map(|(membership, origins)| origins.into_iter().map(move |origin| (membership, origin)))
        .filter(|(_, origin)| theirs(origin))
        .collect();
    let ended: Vec<Placed> = stored.difference(&target).copied().collect();
    let new: Vec<Placed> = target.difference(&stored).copied().collect();
    origins::delete(change.tx, change.organization, &ended).await?;
    origins::insert(change.tx, change.organization, &new, |rule| context.version(rule), None, change.now).await
}
