//! Whether somebody has something, by its origins and the status of the membership. Pure.
//!
//! It tells apart what `origin::effective` only answers with no: suspended, excluded, or nothing speaks for it.

use serde::Serialize;

use super::group_roles::GroupRoles;
use super::origin::{Kind, Origin, Target, excluded};

/// Whether somebody has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They have it.
    Yes,
    /// Nothing speaks for it.
    No,
    /// Something speaks for it, but the membership is inactive.
    Suspended,
    /// Something speaks for it, but an exclusion takes it.
    Excluded,
}

/// Whether the person of a membership has `target`, given all origins that speak for it, for the membership, for
/// other roles and for groups that have roles; `active` is the membership's status, `is_default` says that the target
/// is the default role.
pub fn outcome(
    target: Target,
    origins: &[Origin],
    group_roles: &GroupRoles,
    active: bool,
    is_default: bool,
) -> Outcome {
    let gives = |o: &Origin, target: Target| group_roles.gives(o.target, target);
    let speaks = |target: Target| origins.iter().any(|o| o.kind != Kind::Exclude && gives(o, target));
    let lives = |o: &&Origin| o.kind == Kind::Manual || (o.kind != Kind::Exclude && !excluded(origins, o.target));
    let live = |target: Target| origins.iter().filter(lives).any(|o| gives(o, target));
    // Nobody who is suspended is in a group.
    let counts = |o: &Origin| active || !matches!(o.target, Target::Group(_));
    let other_role = origins.iter().filter(lives).any(|o| counts(o) && group_roles.gives_a_role(o.target));
    let by_default = is_default && !other_role;

    if !by_default && !speaks(target) {
        Outcome::No
    } else if !by_default && !live(target) {
        Outcome::Excluded
    } else if active {
        Outcome::Yes
    } else if live(Target::Membership) {
        Outcome::Suspended
    } else if speaks(Target::Membership) {
        Outcome::Excluded
    } else {
        Outcome::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{GroupId, RoleId};

    fn origin(target: Target, kind: Kind) -> Origin {
        Origin { target, kind, rule: None, directory_group: None, directory_user: None }
    }

    #[test]
    fn the_outcome_follows_from_origins_exclusions_and_status() {
        let group = Target::Group(GroupId::nil());
        let member = origin(Target::Membership, Kind::Rule);
        let in_group = origin(group, Kind::Rule);
        let out = origin(Target::Membership, Kind::Exclude);
        let of = |origins: &[Origin], active| outcome(group, origins, &GroupRoles::default(), active, false);
        assert_eq!(of(&[member, in_group], true), Outcome::Yes);
        assert_eq!(of(&[member, in_group], false), Outcome::Suspended);
        assert_eq!(of(&[member], true), Outcome::No);
        assert_eq!(of(&[member, in_group, out], false), Outcome::Excluded);
        assert_eq!(of(&[member, in_group, origin(group, Kind::Exclude)], true), Outcome::Excluded);
        let by_hand = origin(group, Kind::Manual);
        assert_eq!(of(&[member, by_hand, origin(group, Kind::Exclude)], true), Outcome::Yes);
        assert_eq!(of(&[member, by_hand, out], false), Outcome::Excluded, "the membership went");
        assert_eq!(of(&[by_hand], false), Outcome::No, "nothing speaks for the membership");
    }

    #[test]
    fn the_default_role_is_held_while_no_other_is() {
        let (default, other) = (Target::Role(RoleId::nil()), Target::Role(RoleId::from_uuid(uuid::Uuid::max())));
        let member = origin(Target::Membership, Kind::Rule);
        let of = |target, origins: &[Origin], active, is_default| {
            outcome(target, origins, &GroupRoles::default(), active, is_default)
        };
        assert_eq!(of(default, &[member], true, true), Outcome::Yes);
        assert_eq!(of(default, &[member], false, true), Outcome::Suspended);
        assert_eq!(of(default, &[], false, true), Outcome::No);
        assert_eq!(of(default, &[member, origin(other, Kind::Rule)], true, true), Outcome::No);
        assert_eq!(of(other, &[member], true, false), Outcome::No);
    }

    #[test]
    fn a_role_by_a_group_goes_with_the_group() {
        let (group, id) = (GroupId::nil(), RoleId::from_uuid(uuid::Uuid::max()));
        let (default, role) = (Target::Role(RoleId::nil()), Target::Role(id));
        let of_groups: GroupRoles = [(group, id)].into_iter().collect();
        let of = |target, origins: &[Origin], active| outcome(target, origins, &of_groups, active, target == default);
        let member = origin(Target::Membership, Kind::Rule);
        let in_group = [member, origin(Target::Group(group), Kind::Rule)];
        assert_eq!(of(role, &in_group, true), Outcome::Yes);
        assert_eq!(of(default, &in_group, true), Outcome::No);
        assert_eq!(of(role, &in_group, false), Outcome::Suspended);
        assert_eq!(of(role, &[member], true), Outcome::No);
        let out = [member, in_group[1], origin(Target::Group(group), Kind::Exclude)];
        assert_eq!(of(role, &out, true), Outcome::Excluded);
        assert_eq!(of(default, &out, true), Outcome::Yes);
    }
}
