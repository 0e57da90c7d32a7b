//! Whether somebody has something, by its origins and the status of the membership. Pure.
//!
//! It tells apart what `origin::effective` only answers with no: suspended, excluded, or nothing speaks for it.

use serde::Serialize;

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

/// Whether the person of a membership has `target`, given all origins that speak for it, for the membership, and
/// for other roles; `active` is the membership's status, `is_default` says that the target is the default role.
pub fn outcome(target: Target, origins: &[Origin], active: bool, is_default: bool) -> Outcome {
    let speaks = |target: Target| origins.iter().any(|o| o.kind != Kind::Exclude && o.target == target);
    let lives = |o: &&Origin| o.kind == Kind::Manual || (o.kind != Kind::Exclude && !excluded(origins, o.target));
    let live = |target: Target| origins.iter().filter(lives).any(|o| o.target == target);
    let other_role = origins.iter().filter(lives).any(|o| matches!(o.target, Target::Role(_)));
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
        let of = |origins: &[Origin], active| outcome(group, origins, active, false);
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
        assert_eq!(outcome(default, &[member], true, true), Outcome::Yes);
        assert_eq!(outcome(default, &[member], false, true), Outcome::Suspended);
        assert_eq!(outcome(default, &[], false, true), Outcome::No);
        assert_eq!(outcome(default, &[member, origin(other, Kind::Rule)], true, true), Outcome::No);
        assert_eq!(outcome(other, &[member], true, false), Outcome::No);
    }
}
