//! Origins → effective rows, and one event per effective change.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Ground;
use crate::domain::Result;
use crate::domain::event::RuleAtWork;
use crate::domain::id::{GroupId, MembershipId, RoleId};
use crate::domain::native::Membership;
use crate::domain::origin::{Effective, Kind, Origin, Standing, Target};
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
        let has = ground.effective(&origins, standing);
        let before = Before {
            roles: held.remove(&membership.id).unwrap_or_default().into_iter().collect(),
            groups: in_groups.remove(&membership.id).unwrap_or_default(),
            is_new: touched.get(&membership.id).copied().unwrap_or_default(),
            standing,
            origins,
        };
        news.extend(difference(change, ground, membership, &before, &has, &mut writes));
    }
    memberships::update(change.tx, organization, &writes.updated).await?;
    memberships::remove_roles(change.tx, organization, &writes.removed_roles).await?;
    memberships::add_roles(change.tx, organization, &writes.added_roles).await?;
    groups::remove_members(change.tx, organization, &writes.removed_groups).await?;
    groups::add_members(change.tx, organization, &writes.added_groups).await?;
    for (name, data, rules) in news {
        change.emit_by(name, data, rules);
    }
    change.lost_by.clear();
    Ok(())
}

/// What a membership had.
struct Before {
    roles: BTreeSet<RoleId>,
    groups: BTreeSet<GroupId>,
    is_new: bool,
    standing: Standing,
    /// Why it has what it has now.
    origins: Vec<Origin>,
}

/// A name, an object, and the rules by which it came about.
type News = (&'static str, serde_json::Value, Vec<RuleAtWork>);

/// Notes what differs, and answers the events: leaving groups, the membership itself, joining groups.
fn difference(
    change: &Change<'_>,
    ground: &Ground,
    mut membership: StoredMembership,
    before: &Before,
    has: &Effective,
    writes: &mut Writes,
) -> Vec<News> {
    let id = membership.id;
    let roles: BTreeSet<RoleId> = has.roles.iter().copied().collect();
    writes.removed_roles.extend(before.roles.difference(&roles).map(|role| (id, *role)));
    writes.added_roles.extend(roles.difference(&before.roles).map(|role| (id, *role)));

    let mut news = Vec::new();
    for group in before.groups.difference(&has.groups) {
        writes.removed_groups.push((*group, id));
        let lost = taking(change, ground, &before.origins, id, |target| target == Target::Group(*group));
        news.push(("group.member_removed", member_json(*group, id), lost));
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
        let concerned = |target| !matches!(target, Target::Group(_)) || ground.group_roles.gives_a_role(target);
        let mut rules = giving(ground, &before.origins, concerned);
        rules.extend(taking(change, ground, &before.origins, id, concerned));
        rules.sort_unstable();
        rules.dedup();
        news.push((name, rendered(change, ground, &membership, has, before.standing).json(), rules));
    }
    if changed {
        writes.updated.push(membership);
    }
    for group in has.groups.difference(&before.groups) {
        writes.added_groups.push((*group, id));
        let gives = giving(ground, &before.origins, |target| target == Target::Group(*group));
        news.push(("group.member_added", member_json(*group, id), gives));
    }
    news
}

/// The rules that give something.
fn giving(ground: &Ground, origins: &[Origin], what: impl Fn(Target) -> bool) -> Vec<RuleAtWork> {
    let gives = origins.iter().filter(|o| o.kind != Kind::Exclude && what(o.target));
    let rules: BTreeSet<RuleAtWork> = gives.filter_map(|o| o.rule).map(|rule| ground.at_work(rule)).collect();
    rules.into_iter().collect()
}

/// The rules that gave something and do so no more, and those that keep somebody out of it.
fn taking(
    change: &Change<'_>,
    ground: &Ground,
    origins: &[Origin],
    membership: MembershipId,
    what: impl Fn(Target) -> bool,
) -> Vec<RuleAtWork> {
    let of_membership =
        change.lost_by.range((membership, Target::Membership)..).take_while(|((id, _), _)| *id == membership);
    let gave = of_membership.filter(|((_, target), _)| what(*target)).flat_map(|(_, rules)| rules.iter().copied());
    let excludes =
        origins.iter().filter(|o| o.kind == Kind::Exclude && (o.target == Target::Membership || what(o.target)));
    let rules: BTreeSet<RuleAtWork> =
        gave.chain(excludes.filter_map(|o| o.rule).map(|rule| ground.at_work(rule))).collect();
    rules.into_iter().collect()
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
