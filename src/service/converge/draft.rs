//! Native groups and bindings as they are about to be: what is stored, overlaid by what is decided and not written.
//!
//! A convergence writes its draft at once; a plan never does.

use std::collections::{BTreeMap, BTreeSet};

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
    pub(crate) groups: Vec<Drafted>,
    /// Groups that go.
    pub(crate) gone: BTreeMap<GroupId, Group>,
    /// Bindings that are new or changed; `None` for those that end.
    pub(crate) bindings: BTreeMap<Key, Option<StoredBinding>>,
}

impl Draft {
    fn drafted(&self, id: GroupId) -> Option<&Drafted> {
        self.groups.iter().find(|drafted| drafted.group.id == id)
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
        let drafted = self.groups.iter().filter(|d| name_key(&d.group.name) == key).map(|d| d.group.id);
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

    /// Whether a binding mirrors this group.
    pub(crate) async fn is_mirror(&self, tx: &mut Tx, organization: OrganizationId, id: GroupId) -> Result<bool> {
        if self.bindings.values().flatten().any(|binding| binding.mirror_group_id == Some(id)) {
            return Ok(true);
        }
        let stored = bindings::of_mirror(tx, organization, id).await?;
        Ok(stored.iter().any(|binding| !self.bindings.contains_key(&(binding.rule_id, binding.directory_group_id))))
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

    /// Makes a native group.
    pub(crate) fn make(&mut self, group: Group) {
        self.groups.push(Drafted { group, before: None });
    }

    /// Gives a native group, as [`Draft::group`] answered it, another name.
    pub(crate) fn rename(&mut self, group: Group, name: String) {
        let renamed = Group { name, ..group.clone() };
        match self.groups.iter_mut().find(|drafted| drafted.group.id == group.id) {
            Some(drafted) => drafted.group = renamed,
            None => self.groups.push(Drafted { group: renamed, before: Some(group) }),
        }
    }

    /// Writes everything, with an event for each native group that is made, renamed or deleted.
    pub(crate) async fn write(&mut self, change: &mut Change<'_>) -> Result<()> {
        let Draft { groups, gone, bindings } = std::mem::take(self);
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
            change.emit(name, group.json());
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
