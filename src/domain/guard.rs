//! The guard: how much a directory may take away at once before somebody has to look.
//!
//! What counts is destructive and reaches the native side: a membership that loses its last reason for a group, a
//! role or itself. A suspension is no loss: it is reversible, and never waits.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::id::MembershipId;

/// How far back the guard looks.
pub const WINDOW: Duration = Duration::hours(1);

/// A directory's guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// Whether anything is ever parked.
    pub enabled: bool,
    /// So many memberships may always lose something within the window.
    pub minimum: u32,
    /// So many percent of the directory's mapped members may.
    pub percent: u8,
}

impl Default for Guard {
    fn default() -> Self {
        Guard { enabled: true, minimum: 20, percent: 10 }
    }
}

impl Guard {
    /// How many memberships may lose something within the window, of `mapped` members.
    pub fn allowance(self, mapped: i64) -> i64 {
        if !self.enabled {
            return i64::MAX;
        }
        i64::from(self.minimum).max(mapped.saturating_mul(i64::from(self.percent)) / 100)
    }

    /// Whether so many distinct losses can pass without knowing how many members there are.
    pub fn surely_allows(self, losses: usize) -> bool {
        !self.enabled || u32::try_from(losses).is_ok_and(|losses| losses <= self.minimum)
    }
}

/// Who of those who are about to lose something loses it, in the order of membership ids; the others are parked.
///
/// `spent` memberships lost something within the window; those of them that are in `recent` are counted already.
pub fn admitted(
    losing: &BTreeSet<MembershipId>,
    recent: &BTreeSet<MembershipId>,
    mut spent: i64,
    allowance: i64,
) -> BTreeMap<MembershipId, bool> {
    losing
        .iter()
        .map(|membership| {
            let counted = recent.contains(membership);
            let passes = counted || spent < allowance;
            if passes && !counted {
                spent += 1;
            }
            (*membership, passes)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;

    fn members(ids: impl IntoIterator<Item = u128>) -> BTreeSet<MembershipId> {
        ids.into_iter().map(|id| Id::from_uuid(uuid::Uuid::from_u128(id))).collect()
    }

    #[test]
    fn the_allowance_is_the_greater_of_a_number_and_a_share() {
        let guard = Guard::default();
        assert_eq!(guard.allowance(0), 20);
        assert_eq!(guard.allowance(199), 20);
        assert_eq!(guard.allowance(5_000), 500);
        assert_eq!(Guard { enabled: false, ..guard }.allowance(10), i64::MAX);
    }

    #[test]
    fn the_excess_is_parked_in_the_order_of_membership_ids() {
        let verdict = admitted(&members(1..=5), &members([4]), 2, 4);
        let passed: Vec<bool> = verdict.into_values().collect();
        // Two of four are spent; 4 is one of them.
        assert_eq!(passed, [true, true, false, true, false]);
    }
}
