//! How a person is in a directory group: the shortest way through groups within groups. Pure.

use std::collections::BTreeMap;

use super::id::DirectoryGroupId;

/// Every group that one person is in, nearest first, and by which way.
#[derive(Debug, Clone, Default)]
pub struct Nesting {
    /// The groups in the order in which a walk up from the person reaches them.
    nearest: Vec<DirectoryGroupId>,
    /// The group within by which the person is in a group; `None` where they are a member themselves.
    within: BTreeMap<DirectoryGroupId, Option<DirectoryGroupId>>,
}

impl Nesting {
    /// Walks up from the groups that have the person as a member themselves. `edges` are pairs of a group and a
    /// group within it; circles are legal and end, since each group is reached once.
    pub fn new(
        direct: impl IntoIterator<Item = DirectoryGroupId>,
        edges: &[(DirectoryGroupId, DirectoryGroupId)],
    ) -> Self {
        let mut outward: BTreeMap<DirectoryGroupId, Vec<DirectoryGroupId>> = BTreeMap::new();
        for (outer, inner) in edges {
            outward.entry(*inner).or_default().push(*outer);
        }
        let mut nesting = Nesting::default();
        for group in direct {
            nesting.reach(group, None);
        }
        let mut at = 0;
        while let Some(group) = nesting.nearest.get(at).copied() {
            at += 1;
            for outer in outward.get(&group).into_iter().flatten() {
                nesting.reach(*outer, Some(group));
            }
        }
        nesting
    }

    fn reach(&mut self, group: DirectoryGroupId, within: Option<DirectoryGroupId>) {
        self.within.entry(group).or_insert_with(|| {
            self.nearest.push(group);
            within
        });
    }

    /// The groups, nearest first.
    pub fn nearest(&self) -> &[DirectoryGroupId] {
        &self.nearest
    }

    /// The shortest way from `group` down to a group that has the person as a member, both included. Empty if the
    /// person is not in `group`.
    pub fn path(&self, group: DirectoryGroupId) -> Vec<DirectoryGroupId> {
        let mut path = Vec::new();
        let mut next = self.within.contains_key(&group).then_some(group);
        while let Some(group) = next {
            path.push(group);
            next = self.within.get(&group).copied().flatten();
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> DirectoryGroupId {
        DirectoryGroupId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn numbers(path: &[DirectoryGroupId]) -> Vec<u128> {
        path.iter().map(|id| id.uuid().as_u128()).collect()
    }

    #[test]
    fn the_shortest_way_is_found_and_circles_end() {
        // 5 > 4 > 3 > 2 > 1, a short cut 4 > 1, and the circle 1 > 5.
        let edges = [(5, 4), (4, 3), (3, 2), (2, 1), (4, 1), (1, 5)].map(|(outer, inner)| (id(outer), id(inner)));
        let nesting = Nesting::new([id(1)], &edges);
        assert_eq!(numbers(&nesting.path(id(5))), [5, 4, 1]);
        assert_eq!(numbers(&nesting.path(id(1))), [1]);
        assert_eq!(numbers(&nesting.path(id(9))), [0_u128; 0]);
        assert_eq!(numbers(nesting.nearest()), [1, 2, 4, 3, 5]);
    }

    #[test]
    fn a_long_chain_is_no_deep_call() {
        let edges: Vec<_> = (1..20_000).map(|n| (id(n + 1), id(n))).collect();
        assert_eq!(Nesting::new([id(1)], &edges).path(id(20_000)).len(), 20_000);
    }
}
