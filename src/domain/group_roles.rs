//! Roles that native groups have: whoever is in the group holds the role. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{GroupId, RoleId};
use super::origin::Target;

/// Which roles the groups of an organization have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupRoles(BTreeMap<GroupId, BTreeSet<RoleId>>);

impl GroupRoles {
    /// The roles of a group.
    pub fn of(&self, group: GroupId) -> impl Iterator<Item = RoleId> {
        self.0.get(&group).into_iter().flatten().copied()
    }

    /// The roles that come with these groups.
    pub fn of_all<'a>(&self, groups: impl IntoIterator<Item = &'a GroupId>) -> BTreeSet<RoleId> {
        groups.into_iter().flat_map(|group| self.of(*group)).collect()
    }

    /// Whether a group has the role.
    pub fn has(&self, group: GroupId, role: RoleId) -> bool {
        self.0.get(&group).is_some_and(|roles| roles.contains(&role))
    }

    /// Whether what speaks for `given` speaks for `asked`: they are the same, or the one is a group that has the other,
    /// a role.
    pub fn gives(&self, given: Target, asked: Target) -> bool {
        given == asked || matches!((given, asked), (Target::Group(group), Target::Role(role)) if self.has(group, role))
    }

    /// Whether what speaks for `given` speaks for any role.
    pub fn gives_a_role(&self, given: Target) -> bool {
        match given {
            Target::Role(_) => true,
            Target::Group(group) => self.0.contains_key(&group),
            Target::Membership => false,
        }
    }
}

impl FromIterator<(GroupId, RoleId)> for GroupRoles {
    fn from_iter<T: IntoIterator<Item = (GroupId, RoleId)>>(pairs: T) -> Self {
        let mut roles: BTreeMap<GroupId, BTreeSet<RoleId>> = BTreeMap::new();
        for (group, role) in pairs {
            roles.entry(group).or_default().insert(role);
        }
        GroupRoles(roles)
    }
}
