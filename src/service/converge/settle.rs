//! Origins → effective rows, and one event per effective change.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Ground;
use crate::domain::Result;
use crate::domain::id::{GroupId, MembershipId, RoleId};
use crate::domain::native::Membership;
use crate::domain::origin::{Effective, Standing, effective};
use crate::service::change::Change;
use crate::store::memberships::StoredMembership;
use crate::store::{groups, links, memberships, origins};

/// What is written at the end, collected over all memberships.
#[derive(Default)]
struct Writes {
    updated: Vec<StoredMembership>,
    added_roles: Vec<(MembershipId, RoleId)>,
    removed_roles: Vec<(MembershipId, RoleId)>,
    added_groups: Vec<(GroupId, MembershipId)>,
    removed_groups: Vec<(GroupId, MembershipId)>,
}

/// Brings what these memberships effectively have up to date; `true` marks those that were just made.
pub(super) async fn settle(
    change: &mut Change<'_>,
    ground: &Ground,
    touched: BTreeMap<MembershipId, bool>,
) -> Result<()> {
    if touched.is_empty() {
        return Ok(());
    }
    let organization = change.organization;
    let ids: Vec<MembershipId> = touched.keys().copied().collect();
    let stored = memberships::by_ids(change.tx, organization, ids.iter().copied()).await?;
    let mut origins = origins::of_memberships(change.tx, organization, ids.iter().copied()).await?;
    let standings = links::standings(change.tx, organization, ids.iter().copied()).await?;
    let mut held = memberships::roles_of(change.tx, organization, ids.iter().copied()).await?;
    let mut in_groups = groups::of_memberships(change.tx, organization, ids.iter().copied()).await?;

    let mut writes = Writes::default();
    let mut news = Vec::new();
    for membership in stored {
        let mut standing = standings.get(&membership.id).copied().unwrap_or_default();
        standing.deactivated = membership.deactivated;
        let origins = origins.remove(&membership.id).unwrap_or_default();
        let has = effective(&origins, standing, &ground.roles, |rule| ground.rank(rule));
        let before = Before {
            roles: held.remove(&membership.id).unwrap_or_default().into_iter().collect(),
            groups: in_groups.remove(&membership.id).unwrap_or_default(),
            is_new: touched.get(&membership.id).copied().unwrap_or_default(),
            standing,
        };
        news.extend(difference(change, ground, membership, &before, &has, &mut writes));
    }
    memberships::update(change.tx, organization, &writes.updated).await?;
    memberships::remove_roles(change.tx, organization, &writes.removed_roles).await?;
    memberships::add_roles(change.tx, organization, &writes.added_roles).await?;
    groups::remove_members(change.tx, organization, &writes.removed_groups).await?;
    groups::add_members(change.tx, organization, &writes.added_groups).await?;
    for (name, data) in news {
        change.emit(name, data);
    }
    Ok(())
}

/// What a membership had.
struct Before {
    roles: BTreeSet<RoleId>,
    groups: BTreeSet<GroupId>,
    is_new: bool,
    standing: Standing,
}

/// Notes what differs, and answers the events: leaving groups, the membership itself, joining groups.
fn difference(
    change: &Change<'_>,
    ground: &Ground,
    mut membership: StoredMembership,
    before: &Before,
    has: &Effective,
    writes: &mut Writes,
) -> Vec<(&'static str, serde_json::Value)> {
    let id = membership.id;
    let roles: BTreeSet<RoleId> = has.roles.iter().copied().collect();
    writes.removed_roles.extend(before.roles.difference(&roles).map(|role| (id, *role)));
    writes.added_roles.extend(roles.difference(&before.roles).map(|role| (id, *role)));

    let mut news = Vec::new();
    for group in before.groups.difference(&has.groups) {
        writes.removed_groups.push((*group, id));
        news.push(("group.member_removed", member_json(*group, id)));
    }
    let primary = has.roles.first().copied().unwrap_or(membership.role_id);
    let status = if has.active { "active" } else { "inactive" };
    let changed = membership.status != status || membership.role_id != primary || before.roles != roles;
    if changed {
        status.clone_into(&mut membership.status);
        membership.role_id = primary;
        membership.updated_at = change.now;
    }
    if changed || before.is_new {
        let name = if before.is_new { "organization_membership.created" } else { "organization_membership.updated" };
        news.push((name, rendered(change, ground, &membership, has, before.standing).json()));
    }
    if changed {
        writes.updated.push(membership);
    }
    for group in has.groups.difference(&before.groups) {
        writes.added_groups.push((*group, id));
        news.push(("group.member_added", member_json(*group, id)));
    }
    news
}

pub(super) fn member_json(group: GroupId, membership: MembershipId) -> serde_json::Value {
    serde_json::json!({"group_id": group, "organization_membership_id": membership})
}

fn rendered(
    change: &Change<'_>,
    ground: &Ground,
    membership: &StoredMembership,
    has: &Effective,
    standing: Standing,
) -> Membership {
    let slugs: HashMap<RoleId, &str> = ground.roles.iter().map(|role| (role.id, role.slug.as_str())).collect();
    let slug = |role: &RoleId| slugs.get(role).map(|slug| (*slug).to_owned());
    Membership {
        id: membership.id,
        organization: change.organization,
        user: membership.user_id,
        active: has.active,
        directory_managed: standing.present > 0,
        role: slug(&membership.role_id).unwrap_or_default(),
        roles: has.roles.iter().filter_map(slug).collect(),
        created_at: membership.created_at,
        updated_at: membership.updated_at,
    }
}
