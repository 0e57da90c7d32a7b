//! What a survey found, as named effects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::domain::Result;
use crate::domain::id::{
    DirectoryGroupId, DirectoryUserId, GroupId, MembershipId, OrganizationId, RoleId, RuleId, UserId,
};
use crate::domain::native::{Group, User};
use crate::domain::origin::{Effective, Kind, Origin, Target};
use crate::domain::plan::{Effect, EffectKind};
use crate::service::converge::Ground;
use crate::service::converge::assess::Assessed;
use crate::service::converge::draft::{Draft, Key};
use crate::store::bindings::{self, StoredBinding};
use crate::store::memberships::StoredMembership;
use crate::store::{Tx, directory_groups, groups, rules, users};

/// What a membership has and would have.
pub(crate) struct Shift {
    /// The membership; for a newcomer's, one that is only supposed.
    pub(crate) membership: MembershipId,
    /// The person who would get it.
    pub(crate) newcomer: Option<DirectoryUserId>,
    /// As it is stored.
    pub(crate) was: Option<StoredMembership>,
    /// The roles that it holds.
    pub(crate) roles: BTreeSet<RoleId>,
    /// The groups that it is in.
    pub(crate) groups: BTreeSet<GroupId>,
    /// The reasons on record.
    pub(crate) before: Vec<Origin>,
    /// The reasons that there should be.
    pub(crate) after: Vec<Origin>,
    /// What it would have by them.
    pub(crate) has: Effective,
}

/// Knows the names.
pub(crate) struct Narrator {
    keys: HashMap<RuleId, String>,
    /// Those that are there; others are only supposed, and have no id yet.
    saved: BTreeSet<RuleId>,
    strict: bool,
}

/// The people and groups that some effects are about.
struct Names<'a> {
    draft: &'a Draft,
    ground: &'a Ground,
    users: HashMap<UserId, User>,
    groups: HashMap<GroupId, Group>,
    found: &'a Assessed,
}

impl Narrator {
    /// A narrator who knows the rules, also those that are only supposed.
    pub(crate) async fn new(tx: &mut Tx, ground: &Ground, strict: bool) -> Result<Self> {
        let mut keys = rules::keys(tx, ground.organization).await?;
        let saved = keys.keys().copied().collect();
        let resting = ground.resting.values().map(|resting| &resting.rule);
        keys.extend(ground.rules.iter().chain(resting).map(|rule| (rule.id, rule.key.clone())));
        Ok(Narrator { keys, saved, strict })
    }

    /// The handle of a rule.
    pub(crate) fn key(&self, rule: RuleId) -> String {
        self.keys.get(&rule).cloned().unwrap_or_else(|| rule.to_string())
    }

    fn rule(&self, ground: &Ground, rule: RuleId) -> Value {
        let id = self.saved.contains(&rule).then_some(rule);
        json!({"id": id, "key": self.key(rule), "version": ground.known(rule).map(|rule| rule.version)})
    }

    /// A binding by names that are the same whenever it is computed: a supposed rule has no lasting id.
    fn source(&self, (rule, group): Key) -> String {
        format!("{}/{group}", self.key(rule))
    }

    /// The effects on native groups.
    pub(crate) async fn groups(
        &self,
        tx: &mut Tx,
        ground: &Ground,
        draft: &Draft,
        kept: &BTreeSet<GroupId>,
    ) -> Result<Vec<Effect>> {
        let organization = ground.organization;
        let sources = draft.bindings().keys().map(|(_, group)| *group);
        let sources: BTreeMap<DirectoryGroupId, String> = directory_groups::by_ids(tx, organization, sources)
            .await?
            .into_iter()
            .map(|group| (group.id, group.text("displayName").unwrap_or_default().to_owned()))
            .collect();
        let source = |(rule, group): Key| {
            json!({"rule": self.rule(ground, rule),
                "directory_group": {"id": group, "name": sources.get(&group)}})
        };
        let mut effects = Vec::new();
        for drafted in draft.groups() {
            let group = &drafted.group;
            if let Some(before) = &drafted.before {
                let subject = format!("{} {}", group.id, group.name);
                let data = json!({"from": before.name, "name": group.name});
                effects.push(effect(EffectKind::GroupRenamed, Some(group.id), subject, data));
            } else if let Some(key) = draft.mirrored_by(group.id) {
                let mut data = source(key);
                data["name"] = group.name.as_str().into();
                let subject = format!("{} {}", self.source(key), group.name);
                effects.push(effect(EffectKind::GroupCreated, None, subject, data));
            }
        }
        for (id, group) in &draft.gone {
            effects.push(effect(EffectKind::GroupDeleted, Some(*id), id.to_string(), json!({"name": group.name})));
        }
        for id in kept {
            let name = draft.group(tx, organization, *id).await?.map(|group| group.name);
            effects.push(effect(EffectKind::GroupKept, Some(*id), id.to_string(), json!({"name": name})));
        }
        effects.extend(self.bindings(tx, organization, draft, source).await?);
        Ok(effects)
    }

    /// The effects on bindings: mirrors that adopt a group or wait for a name; in a verification, all differences.
    async fn bindings(
        &self,
        tx: &mut Tx,
        organization: OrganizationId,
        draft: &Draft,
        source: impl Fn(Key) -> Value,
    ) -> Result<Vec<Effect>> {
        let changed = draft.bindings().keys().map(|(_, group)| *group).collect::<BTreeSet<_>>();
        let stored: HashMap<Key, StoredBinding> = bindings::of_groups(tx, organization, changed)
            .await?
            .into_iter()
            .map(|binding| ((binding.rule_id, binding.directory_group_id), binding))
            .collect();
        let mut effects = Vec::new();
        for (key, binding) in draft.bindings() {
            if self.strict {
                effects.push(effect(EffectKind::BindingDiffers, None, self.source(*key), source(*key)));
            }
            let Some(binding) = binding else { continue };
            let was = stored.get(key).filter(|was| was.mirror_state == binding.mirror_state);
            let kind = match binding.mirror_state.as_deref() {
                Some("parked") if was.is_none_or(|was| was.mirror_name != binding.mirror_name) => {
                    EffectKind::MirrorParked
                }
                Some("adopted") if was.is_none_or(|was| was.mirror_group_id != binding.mirror_group_id) => {
                    EffectKind::GroupAdopted
                }
                _ => continue,
            };
            let mut data = source(*key);
            data["name"] = json!(binding.mirror_name);
            effects.push(effect(kind, binding.mirror_group_id, self.source(*key), data));
        }
        Ok(effects)
    }

    /// The effects on people.
    pub(crate) async fn people(
        &self,
        tx: &mut Tx,
        ground: &Ground,
        draft: &Draft,
        found: &Assessed,
        shifts: Vec<Shift>,
    ) -> Result<Vec<Effect>> {
        let mut shifts = shifts;
        shifts.retain(|shift| shift.is_one() || (self.strict && shift.reasons_differ()));
        let accounts = shifts.iter().filter_map(|shift| Some(shift.was.as_ref()?.user_id));
        let users = users::by_ids(tx, accounts.collect::<BTreeSet<_>>()).await?;
        let named = shifts.iter().flat_map(Shift::groups_named).collect::<BTreeSet<_>>();
        let groups = groups::by_ids(tx, ground.organization, named).await?;
        let names = Names { draft, ground, users, groups, found };
        Ok(shifts.iter().flat_map(|shift| self.person(&names, shift)).collect())
    }

    fn person(&self, names: &Names<'_>, shift: &Shift) -> Vec<Effect> {
        let mut effects = Vec::new();
        let who = shift.newcomer.map_or_else(|| shift.membership.to_string(), |person| person.to_string());
        let person = names.person(shift);
        let group_roles = &names.ground.group_roles;
        let mut tell = |kind: EffectKind, target: Option<Target>, because: &[Origin]| {
            let (about, json) = target.map_or((String::new(), Value::Null), |target| names.target(self, target));
            let subject = format!("{who} {about}");
            let rules: BTreeSet<RuleId> = because
                .iter()
                .filter(|origin| origin.kind != Kind::Exclude)
                .filter(|origin| group_roles.gives(origin.target, target.unwrap_or(Target::Membership)))
                .filter_map(|origin| origin.rule)
                .collect();
            let rules: Vec<Value> = rules.into_iter().map(|rule| self.rule(names.ground, rule)).collect();
            let group = match target {
                Some(Target::Group(group)) if names.groups.contains_key(&group) => Some(group),
                _ => None,
            };
            let mut told = effect(kind, group, subject, json!({"person": person, "target": json, "rules": rules}));
            told.membership = shift.was.as_ref().map(|_| shift.membership);
            effects.push(told);
        };
        let active = shift.was.as_ref().map(|was| was.status == "active");
        match (active, shift.has.active) {
            (None, _) => tell(EffectKind::MembershipCreated, None, &shift.after),
            (Some(false), true) => tell(EffectKind::MembershipActivated, None, &shift.after),
            (Some(true), false) => tell(EffectKind::MembershipDeactivated, None, &shift.before),
            _ => {}
        }
        for group in shift.has.groups.difference(&shift.groups) {
            tell(EffectKind::MemberAdded, Some(Target::Group(*group)), &shift.after);
        }
        for group in shift.groups.difference(&shift.has.groups) {
            tell(EffectKind::MemberRemoved, Some(Target::Group(*group)), &shift.before);
        }
        let roles: BTreeSet<RoleId> = shift.has.roles.iter().copied().collect();
        for role in roles.difference(&shift.roles) {
            tell(EffectKind::RoleAdded, Some(Target::Role(*role)), &shift.after);
        }
        for role in shift.roles.difference(&roles) {
            tell(EffectKind::RoleRemoved, Some(Target::Role(*role)), &shift.before);
        }
        if let (Some(was), Some(primary)) = (&shift.was, shift.has.roles.first())
            && was.role_id != *primary
        {
            tell(EffectKind::PrimaryRoleChanged, Some(Target::Role(*primary)), &shift.after);
        }
        let handed_over = shift.after.iter().filter(|o| o.kind == Kind::Manual && !shift.before.contains(o));
        for origin in handed_over {
            tell(EffectKind::OriginHandedOver, Some(origin.target), &shift.before);
        }
        if self.strict {
            effects.extend(self.reasons(names, shift, &who, &person));
        }
        effects
    }

    /// Reasons that are missing, or should not be there.
    fn reasons(&self, names: &Names<'_>, shift: &Shift, who: &str, person: &Value) -> Vec<Effect> {
        let missing = shift.after.iter().filter(|o| !shift.before.contains(o)).map(|o| (EffectKind::OriginMissing, o));
        let extra = shift.before.iter().filter(|o| !shift.after.contains(o)).map(|o| (EffectKind::OriginUnfounded, o));
        let tell = |(kind, origin): (EffectKind, &Origin)| {
            let (about, target) = names.target(self, origin.target);
            let rule = origin.rule.map(|rule| self.rule(names.ground, rule));
            let subject =
                format!("{who} {about} {} {:?} {:?}", origin.kind.as_str(), origin.rule, origin.directory_group);
            let data = json!({"person": person, "target": target, "reason": origin.kind.as_str(),
                "rules": rule.into_iter().collect::<Vec<_>>(), "directory_group_id": origin.directory_group});
            let mut told = effect(kind, None, subject, data);
            told.membership = shift.was.as_ref().map(|_| shift.membership);
            told
        };
        missing.chain(extra).map(tell).collect()
    }
}

impl Shift {
    /// Whether anything that the person has changes, or becomes manual.
    fn is_one(&self) -> bool {
        let roles: BTreeSet<RoleId> = self.has.roles.iter().copied().collect();
        let same = self.was.as_ref().is_some_and(|was| {
            (was.status == "active") == self.has.active && self.has.roles.first() == Some(&was.role_id)
        });
        let handed_over = self.after.iter().any(|o| o.kind == Kind::Manual && !self.before.contains(o));
        !same || self.groups != self.has.groups || self.roles != roles || handed_over
    }

    /// Hashes of what the membership has and should have.
    pub(crate) fn hashes(&self) -> (u128, u128) {
        let hash = |active: bool, primary: Option<RoleId>, roles: &BTreeSet<RoleId>, groups: &BTreeSet<GroupId>| {
            let text = json!([self.membership, active, primary, roles, groups]).to_string();
            let mut half = [0_u8; 16];
            half.copy_from_slice(&Sha256::digest(text)[..16]);
            u128::from_be_bytes(half)
        };
        let roles: BTreeSet<RoleId> = self.has.roles.iter().copied().collect();
        let stored = self
            .was
            .as_ref()
            .map_or(0, |was| hash(was.status == "active", Some(was.role_id), &self.roles, &self.groups));
        (stored, hash(self.has.active, self.has.roles.first().copied(), &roles, &self.has.groups))
    }

    fn reasons_differ(&self) -> bool {
        self.before.iter().collect::<BTreeSet<_>>() != self.after.iter().collect::<BTreeSet<_>>()
    }

    /// Every native group that it has to do with, before or after.
    pub(crate) fn groups_named(&self) -> impl Iterator<Item = GroupId> {
        let of_origins = self.before.iter().chain(&self.after).filter_map(|origin| match origin.target {
            Target::Group(group) => Some(group),
            _ => None,
        });
        self.groups.iter().chain(&self.has.groups).copied().chain(of_origins)
    }
}

impl Names<'_> {
    fn person(&self, shift: &Shift) -> Value {
        if let Some(user) = shift.was.as_ref().and_then(|was| self.users.get(&was.user_id)) {
            return json!({"email": user.email, "first_name": user.first_name, "last_name": user.last_name});
        }
        let found = shift.newcomer.and_then(|id| self.found.users.iter().find(|user| user.id == id));
        json!({
            "directory_user_id": shift.newcomer,
            "email": found.and_then(|user| user.email()),
            "first_name": found.and_then(|user| user.name_part("givenName")),
            "last_name": found.and_then(|user| user.name_part("familyName")),
        })
    }

    /// A target by a name that lasts, and for people.
    fn target(&self, narrator: &Narrator, target: Target) -> (String, Value) {
        match target {
            Target::Membership => ("membership".to_owned(), json!({"type": "membership"})),
            Target::Role(id) => {
                let slug = self.ground.roles.iter().find(|role| role.id == id).map(|role| role.slug.as_str());
                (id.to_string(), json!({"type": "role", "id": id, "slug": slug}))
            }
            Target::Group(id) => {
                if let Some(group) = self.groups.get(&id) {
                    return (id.to_string(), json!({"type": "group", "id": id, "name": group.name}));
                }
                let name = self.draft.drafted(id).map(|drafted| drafted.group.name.as_str());
                let about = self.draft.mirrored_by(id).map_or_else(|| id.to_string(), |key| narrator.source(key));
                (about, json!({"type": "group", "id": null, "name": name}))
            }
        }
    }
}

fn effect(kind: EffectKind, group: Option<GroupId>, subject: String, data: Value) -> Effect {
    let data = if let Value::Object(data) = data { data } else { Map::new() };
    Effect { kind, membership: None, group, subject, data }
}
