//! Native groups and bindings as they are about to be: what is stored, overlaid by what is decided and not written.
//!
//! A convergence writes its draft at once; a plan never does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Ground;
use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, GroupId, OrganizationId, RuleId};
use crate::domain::native::{Group, name_key};
use crate::service::change::Change;
use crate::store::bindings::{self, StoredBinding};
use crate::store::{Tx, groups};

/// What a binding is kept under.
pub(crate) type Key = (RuleId, DirectoryGroupId);

/// A native group that is made or renamed.
#[derive(Debug, Clone)]
pub(crate) struct Drafted {
    /// As it will be.
    pub(crate) group: Group,
    /// As it is; `None` for a new one.
    pub(crate) before: Option<Group>,
}

/// The overlay.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// Groups that are made or renamed, in the order in which it was decided.
    groups: Vec<Drafted>,
    places: HashMap<GroupId, usize>,
    by_name: HashMap<String, BTreeSet<GroupId>>,
    /// Groups that go.
    pub(crate) gone: BTreeMap<GroupId, Group>,
    /// Bindings that are new or changed; `None` for those that end.
    bindings: BTreeMap<Key, Option<StoredBinding>>,
    mirrors: HashMap<GroupId, BTreeSet<Key>>,
}

impl Draft {
    /// The groups that are made or renamed.
    pub(crate) fn groups(&self) -> &[Drafted] {
        &self.groups
    }

    /// The bindings that are new or changed; `None` for those that end.
    pub(crate) fn bindings(&self) -> &BTreeMap<Key, Option<StoredBinding>> {
        &self.bindings
    }

    /// The group, if it is made or renamed.
    pub(crate) fn drafted(&self, id: GroupId) -> Option<&Drafted> {
        self.places.get(&id).and_then(|place| self.groups.get(*place))
    }

    /// The binding by which a group is a mirror, of those that are new or changed.
    pub(crate) fn mirrored_by(&self, id: GroupId) -> Option<Key> {
        self.mirrors.get(&id).and_then(|keys| keys.first()).copied()
    }

    /// Stores a binding, or ends it.
    pub(crate) fn bind(&mut self, key: Key, binding: Option<StoredBinding>) {
        let before = self.bindings.get(&key).and_then(|before| before.as_ref()?.mirror_group_id);
        if let Some(keys) = before.and_then(|group| self.mirrors.get_mut(&group)) {
            keys.remove(&key);
        }
        if let Some(group) = binding.as_ref().and_then(|binding| binding.mirror_group_id) {
            self.mirrors.entry(group).or_default().insert(key);
        }
        self.bindings.insert(key, binding);
    }

    /// The oldest group of this name (as names collide) other than `except`.
    pub(crate) async fn holder_of_name(
        &self,
        tx: &mut Tx,
        organization: OrganizationId,
        key: &str,
        except: Option<GroupId>,
    ) -> Result<Option<GroupId>> {
        let stored = groups::holders_of_name(tx, organization, key).await?;
        let stored = stored.into_iter().filter(|id| self.drafted(*id).is_none());
        let drafted = self.by_name.get(key).into_iter().flatten().copied();
        Ok(stored.chain(drafted).filter(|id| Some(*id) != except && !self.gone.contains_key(id)).min())
    }

    /// The group with this id.
    pub(crate) async fn group(&self, tx: &mut Tx, organization: OrganizationId, id: GroupId) -> Result<Option<Group>> {
        if self.gone.contains_key(&id) {
            return Ok(None);
        }
        match self.drafted(id) {
            Some(drafted) => Ok(Some(drafted.group.clone())),
            None => groups::find(tx, organization, id).await,
        }
    }

    /// The bindings by which this group is a mirror, or was one until its people have left.
    pub(crate) async fn mirrors_of(
        &self,
        tx: &mut Tx,
        organization: OrganizationId,
        id: GroupId,
    ) -> Result<Vec<StoredBinding>> {
        let drafted = self.mirrors.get(&id).into_iter().flatten().filter_map(|key| self.bindings.get(key)?.clone());
        let stored = bindings::of_mirror(tx, organization, id).await?;
        Ok(drafted.chain(stored.into_iter().filter(|binding| !self.has(binding))).collect())
    }

    /// Whether the draft says what becomes of a stored binding.
    fn has(&self, stored: &StoredBinding) -> bool {
        self.bindings.contains_key(&(stored.rule_id, stored.directory_group_id))
    }

    /// Makes a group free for another mirror: those whose people are about to leave it have none any more. Answers
    /// whether there were any.
    pub(crate) async fn take_over(&mut self, tx: &mut Tx, organization: OrganizationId, id: GroupId) -> Result<bool> {
        let ended = self.mirrors_of(tx, organization, id).await?;
        let any = !ended.is_empty();
        for before in ended {
            let rest = before.without_mirror();
            self.bind((rest.rule_id, rest.directory_group_id), Some(rest).filter(|rest| rest.matched || rest.excepted));
        }
        Ok(any)
    }

    /// The bindings whose mirrors have ended and whose people have not left yet.
    pub(crate) async fn on_the_way_out(&self, tx: &mut Tx, organization: OrganizationId) -> Result<Vec<StoredBinding>> {
        let stored = bindings::on_the_way_out(tx, organization).await?.into_iter().filter(|one| !self.has(one));
        let drafted = self.bindings.values().flatten().filter(|one| one.is_on_its_way_out()).cloned();
        Ok(stored.chain(drafted).collect())
    }

    /// The bindings of these directory groups.
    pub(crate) async fn bindings_of(
        &self,
        tx: &mut Tx,
        organization: OrganizationId,
        groups: &BTreeSet<DirectoryGroupId>,
    ) -> Result<BTreeMap<Key, StoredBinding>> {
        let stored = bindings::of_groups(tx, organization, groups.iter().copied()).await?;
        let mut all: BTreeMap<Key, StoredBinding> =
            stored.into_iter().map(|b| ((b.rule_id, b.directory_group_id), b)).collect();
        for (key, binding) in self.bindings.iter().filter(|((_, group), _)| groups.contains(group)) {
            match binding {
                Some(binding) => drop(all.insert(*key, binding.clone())),
                None => drop(all.remove(key)),
            }
        }
        Ok(all)
    }

    /// The directory groups whose mirrors wait for one of these names, of those in the draft.
    pub(crate) fn waiting_for_names(&self, freed: &BTreeSet<String>) -> BTreeSet<DirectoryGroupId> {
        let waits = |binding: &&StoredBinding| {
            let wanted = binding.mirror_name.as_deref();
            let keeps_another = binding
                .mirror_group_id
                .and_then(|id| self.drafted(id))
                .is_some_and(|drafted| Some(drafted.group.name.as_str()) != wanted);
            let parked = binding.mirror_state.as_deref() == Some("parked");
            !binding.is_on_its_way_out()
                && (parked || keeps_another)
                && wanted.is_some_and(|name| freed.contains(&name_key(name)))
        };
        self.bindings.values().flatten().filter(waits).map(|binding| binding.directory_group_id).collect()
    }

    /// Makes a native group.
    pub(crate) fn make(&mut self, group: Group) {
        self.by_name.entry(name_key(&group.name)).or_default().insert(group.id);
        self.places.insert(group.id, self.groups.len());
        self.groups.push(Drafted { group, before: None });
    }

    /// Gives a native group, as [`Draft::group`] answered it, another name.
    pub(crate) fn rename(&mut self, group: Group, name: String) {
        if let Some(of_name) = self.by_name.get_mut(&name_key(&group.name)) {
            of_name.remove(&group.id);
        }
        self.by_name.entry(name_key(&name)).or_default().insert(group.id);
        let renamed = Group { name, ..group.clone() };
        if let Some(drafted) = self.places.get(&group.id).and_then(|place| self.groups.get_mut(*place)) {
            drafted.group = renamed;
        } else {
            self.places.insert(group.id, self.groups.len());
            self.groups.push(Drafted { group: renamed, before: Some(group) });
        }
    }

    /// Writes everything, with an event for each native group that is made, renamed or deleted.
    pub(crate) async fn write(&mut self, change: &mut Change<'_>, ground: &Ground) -> Result<()> {
        let Draft { groups, gone, bindings, .. } = std::mem::take(self);
        let mirrors = bindings.values().flatten().filter_map(|one| Some((one.mirror_group_id?, one.rule_id)));
        let mirrors: HashMap<GroupId, RuleId> = mirrors.collect();
        let ended = bindings.iter().filter(|(_, binding)| binding.is_none()).map(|(key, _)| *key);
        bindings::delete(change.tx, change.organization, ended).await?;
        for Drafted { mut group, before } in groups {
            group.updated_at = change.now;
            let name = if before.is_none() {
                groups::insert(change.tx, &group).await?;
                "group.created"
            } else {
                groups::update(change.tx, &group).await?;
                "group.updated"
            };
            let by = mirrors.get(&group.id).map(|rule| ground.at_work(*rule));
            change.emit_by(name, group.json(), by.into_iter().collect());
        }
        let kept: Vec<StoredBinding> = bindings.into_values().flatten().collect();
        bindings::put(change.tx, change.organization, &kept).await?;
        for (id, group) in gone {
            groups::delete(change.tx, change.organization, id).await?;
            change.emit("group.deleted", group.json());
        }
        Ok(())
    }
}
