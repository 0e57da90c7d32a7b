//! Plans: what a set of changes would do, effect by effect, and whether it still would.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::id::{DirectoryId, GroupId, MembershipId};
use super::origin::Ending;
use super::rule::RuleState;

/// How many changes a plan has at the most.
pub const MAX_CHANGES: usize = 200;

/// One change of a plan, as an admin writes it: an object with one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlanChange {
    /// A rule is made, or the one with this key is edited; and put in force.
    Save(Map<String, Value>),
    /// The newest saved version of a rule is put in force.
    Apply {
        /// Its id or key.
        rule: String,
    },
    /// A rule is activated, frozen or withdrawn.
    State {
        /// Its id or key.
        rule: String,
        /// The new state.
        state: RuleState,
    },
    /// A rule is deleted.
    Delete {
        /// Its id or key.
        rule: String,
        /// What becomes of what it gave.
        #[serde(default)]
        origins: Ending,
    },
    /// All rules are put into this order.
    Reorder {
        /// Their ids or keys, the first one first.
        rules: Vec<String>,
    },
    /// The native side catches up with a paused directory.
    ResumeDirectory {
        /// The directory.
        directory_id: DirectoryId,
    },
    /// A directory is removed.
    RemoveDirectory {
        /// The directory.
        directory_id: DirectoryId,
        /// What becomes of what it gave.
        #[serde(default)]
        origins: Ending,
    },
    /// Everything is computed anew: the repair of a drift.
    Reconcile {},
}

/// The kind of an effect. The words are those of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    /// A version of a rule is saved.
    RuleSaved,
    /// Another version of a rule is in force.
    RuleApplied,
    /// A rule goes.
    RuleDeleted,
    /// A directory is resumed.
    DirectoryResumed,
    /// A directory is removed.
    DirectoryRemoved,
    /// A native group is made for a directory group.
    GroupCreated,
    /// A native group that was there becomes a mirror.
    GroupAdopted,
    /// A native group follows a name.
    GroupRenamed,
    /// A native group goes with its mirror.
    GroupDeleted,
    /// A native group's mirror ends, and the group stays.
    GroupKept,
    /// A mirror waits, since somebody else has its name.
    MirrorParked,
    /// A person becomes a member of the organization for the first time.
    MembershipCreated,
    /// A membership comes into force.
    MembershipActivated,
    /// A membership is in force no more.
    MembershipDeactivated,
    /// Somebody joins a native group.
    MemberAdded,
    /// Somebody leaves a native group.
    MemberRemoved,
    /// Somebody gets a role.
    RoleAdded,
    /// Somebody loses a role.
    RoleRemoved,
    /// Another of somebody's roles is the primary one.
    PrimaryRoleChanged,
    /// What was given by a rule or directory is manual from now on.
    OriginHandedOver,
    /// A reason should be on record and is not. Of verifications only.
    OriginMissing,
    /// A reason is on record and should not be. Of verifications only.
    OriginUnfounded,
    /// A directory group is bound otherwise than it should be. Of verifications only.
    BindingDiffers,
}

impl EffectKind {
    /// All of them.
    pub const ALL: [EffectKind; 23] = [
        EffectKind::RuleSaved,
        EffectKind::RuleApplied,
        EffectKind::RuleDeleted,
        EffectKind::DirectoryResumed,
        EffectKind::DirectoryRemoved,
        EffectKind::GroupCreated,
        EffectKind::GroupAdopted,
        EffectKind::GroupRenamed,
        EffectKind::GroupDeleted,
        EffectKind::GroupKept,
        EffectKind::MirrorParked,
        EffectKind::MembershipCreated,
        EffectKind::MembershipActivated,
        EffectKind::MembershipDeactivated,
        EffectKind::MemberAdded,
        EffectKind::MemberRemoved,
        EffectKind::RoleAdded,
        EffectKind::RoleRemoved,
        EffectKind::PrimaryRoleChanged,
        EffectKind::OriginHandedOver,
        EffectKind::OriginMissing,
        EffectKind::OriginUnfounded,
        EffectKind::BindingDiffers,
    ];

    /// Whether it is about what applications see, and not about rules, directories or reasons.
    pub fn is_native(self) -> bool {
        !matches!(
            self,
            EffectKind::RuleSaved
                | EffectKind::RuleApplied
                | EffectKind::RuleDeleted
                | EffectKind::DirectoryResumed
                | EffectKind::DirectoryRemoved
        )
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            EffectKind::RuleSaved => "rule_saved",
            EffectKind::RuleApplied => "rule_applied",
            EffectKind::RuleDeleted => "rule_deleted",
            EffectKind::DirectoryResumed => "directory_resumed",
            EffectKind::DirectoryRemoved => "directory_removed",
            EffectKind::GroupCreated => "group_created",
            EffectKind::GroupAdopted => "group_adopted",
            EffectKind::GroupRenamed => "group_renamed",
            EffectKind::GroupDeleted => "group_deleted",
            EffectKind::GroupKept => "group_kept",
            EffectKind::MirrorParked => "mirror_parked",
            EffectKind::MembershipCreated => "membership_created",
            EffectKind::MembershipActivated => "membership_activated",
            EffectKind::MembershipDeactivated => "membership_deactivated",
            EffectKind::MemberAdded => "member_added",
            EffectKind::MemberRemoved => "member_removed",
            EffectKind::RoleAdded => "role_added",
            EffectKind::RoleRemoved => "role_removed",
            EffectKind::PrimaryRoleChanged => "primary_role_changed",
            EffectKind::OriginHandedOver => "origin_handed_over",
            EffectKind::OriginMissing => "origin_missing",
            EffectKind::OriginUnfounded => "origin_unfounded",
            EffectKind::BindingDiffers => "binding_differs",
        }
    }
}

/// One effect of a plan, or one difference that a verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// What happens.
    pub kind: EffectKind,
    /// Whom it happens to, if they have a membership already.
    pub membership: Option<MembershipId>,
    /// The native group, if it is there already.
    pub group: Option<GroupId>,
    /// Whom or what it is about: equal effects have equal kinds and subjects, whenever they are computed.
    pub subject: String,
    /// Names and reasons, for people.
    pub data: Map<String, Value>,
}

/// What a set of effects is, whatever their order: equal exactly if the sets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EffectsDigest {
    sum: u128,
    count: u64,
}

impl EffectsDigest {
    /// Takes an effect in.
    pub fn add(&mut self, effect: &Effect) {
        let hash = Sha256::digest(format!("{} {}", effect.kind.as_str(), effect.subject));
        let mut half = [0_u8; 16];
        half.copy_from_slice(&hash[..16]);
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(half));
        self.count += 1;
    }

    /// How many effects there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The text that is stored.
    pub fn text(&self) -> String {
        format!("{}-{:032x}", self.count, self.sum)
    }
}

/// How many memberships a plan takes something away from for good, and how many may lose something unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardCount {
    /// The directory.
    pub directory_id: DirectoryId,
    /// Memberships that lose the last reason for something.
    pub losing: i64,
    /// How many may.
    pub allowance: i64,
}

/// The guard's verdict on a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuardVerdict {
    /// Per directory that takes something away.
    pub directories: Vec<GuardCount>,
}

impl GuardVerdict {
    /// Whether somebody has to approve.
    pub fn would_park(&self) -> bool {
        self.directories.iter().any(|count| count.losing > count.allowance)
    }

    /// The `guard` object.
    pub fn json(&self) -> Value {
        let verdict = if self.would_park() { "would_park" } else { "pass" };
        json!({"verdict": verdict, "directories": self.directories})
    }
}

/// How many of each kind, and how many people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals(pub BTreeMap<String, i64>);

impl Totals {
    /// Counts an effect.
    pub fn add(&mut self, kind: EffectKind) {
        *self.0.entry(kind.as_str().to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(kind: EffectKind, subject: &str) -> Effect {
        Effect { kind, membership: None, group: None, subject: subject.to_owned(), data: Map::new() }
    }

    fn digest(effects: &[Effect]) -> String {
        let mut digest = EffectsDigest::default();
        for effect in effects {
            digest.add(effect);
        }
        digest.text()
    }

    #[test]
    fn a_digest_does_not_depend_on_order_and_sees_every_difference() {
        let (one, two) = (effect(EffectKind::MemberAdded, "a"), effect(EffectKind::MemberAdded, "b"));
        let removed = effect(EffectKind::MemberRemoved, "a");
        assert_eq!(digest(&[one.clone(), two.clone()]), digest(&[two.clone(), one.clone()]));
        assert_ne!(digest(&[one.clone(), two.clone()]), digest(std::slice::from_ref(&one)));
        assert_ne!(digest(&[one.clone(), two]), digest(&[one, removed]));
    }

    #[test]
    fn a_change_is_an_object_with_one_key() {
        let change: PlanChange =
            serde_json::from_value(json!({"delete": {"rule": "a", "origins": "hand_over"}})).unwrap();
        assert_eq!(change, PlanChange::Delete { rule: "a".to_owned(), origins: Ending::HandOver });
        assert!(serde_json::from_value::<PlanChange>(json!({"delete": {"rule": "a", "extra": 1}})).is_err());
        assert!(serde_json::from_value::<PlanChange>(json!({"reconcile": {}})).is_ok());
    }

    #[test]
    fn the_guard_would_park_what_exceeds_an_allowance() {
        let count = |losing| GuardCount { directory_id: crate::domain::Id::nil(), losing, allowance: 20 };
        assert!(!GuardVerdict { directories: vec![count(20)] }.would_park());
        assert!(GuardVerdict { directories: vec![count(3), count(21)] }.would_park());
    }
}
