//! Rules × directory groups → bindings.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::draft::{Draft, Key};
use super::{Ground, mirror};
use crate::domain::Result;
use crate::domain::directory::DirectoryGroup;
use crate::domain::id::{DirectoryGroupId, GroupId};
use crate::domain::native::name_key;
use crate::domain::origin::Ending;
use crate::domain::policy::Rest;
use crate::domain::rule::{Action, GroupMatch, OnDelete, Rule};
use crate::store::bindings::StoredBinding;
use crate::store::{Tx, directory_groups};

/// How many directory groups are bound at a time. Who gets a contested name depends on it: everybody uses the same.
pub(crate) const CHUNK: usize = 100;

/// When the people of an ended mirror leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// In this convergence.
    Now,
    /// In later chunks of a run: the binding stays, marked, until they have.
    Later,
}

/// What binding did.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// Directory groups whose bindings changed in a way that concerns their people.
    pub(crate) changed: BTreeSet<DirectoryGroupId>,
    /// Native groups whose mirrors ended: they go or stay, once their people have left.
    pub(crate) ended: BTreeMap<GroupId, Ended>,
    /// Names that became free by renaming.
    pub(crate) freed_names: BTreeSet<String>,
}

/// A mirror that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The binding as it is from now on, with the mirror that it had.
    pub(crate) binding: StoredBinding,
    /// Whether the native group goes.
    pub(crate) goes: bool,
}

impl Ended {
    /// The binding as it is kept until the people have left.
    pub(crate) fn marked(self) -> StoredBinding {
        let state = if self.goes { "ended" } else { "released" };
        StoredBinding { mirror_state: Some(state.to_owned()), ..self.binding }
    }
}

/// Decides the bindings of these directory groups. Those that are `removed`, about to go, lose theirs.
pub(crate) async fn groups(
    tx: &mut Tx,
    ground: &Ground,
    draft: &mut Draft,
    ids: &BTreeSet<DirectoryGroupId>,
    removed: &BTreeSet<DirectoryGroupId>,
    (leaving, now): (Leaving, DateTime<Utc>),
) -> Result<Bound> {
    let mut bound = Bound::default();
    if ids.is_empty() {
        return Ok(bound);
    }
    let mut stored = draft.bindings_of(tx, ground.organization, ids).await?;
    // What a paused directory has waits; what a frozen rule is bound to stays as it is.
    stored.retain(|_, binding| !ground.directory(binding.directory_id).paused);
    let mut existing = directory_groups::by_ids(tx, ground.organization, ids.iter().copied()).await?;
    existing.retain(|group| {
        let directory = ground.directory(group.directory);
        !removed.contains(&group.id) && !directory.paused && directory.leaving.is_none()
    });
    let there: BTreeSet<DirectoryGroupId> = existing.iter().map(|group| group.id).collect();
    stored.retain(|(rule, group), _| !(ground.is_frozen(*rule) && there.contains(group)));

    let mut wanted: Vec<(&Rule, &DirectoryGroup, GroupMatch, Option<StoredBinding>)> = Vec::new();
    for rule in &ground.rules {
        for group in &existing {
            let seen = rule.sees_group(group);
            if seen.matched || seen.excepted {
                let before = stored.remove(&(rule.id, group.id));
                wanted.push((rule, group, seen, before));
            }
        }
    }
    // What is left over matched once and matches no more: it ends first, since it may free names.
    for (key, binding) in stored {
        end(ground, draft, key, binding, leaving, &mut bound);
    }
    for (rule, group, seen, before) in wanted {
        let after =
            mirror::binding(tx, ground, draft, (rule, group, &seen), before.as_ref(), (leaving, now), &mut bound)
                .await?;
        if before.as_ref() != Some(&after) {
            let concerns = |b: &StoredBinding| (b.matched, b.excepted, b.mirror_group_id);
            if before.as_ref().map(concerns) != Some(concerns(&after)) {
                bound.changed.insert(group.id);
            }
            draft.bind((rule.id, group.id), Some(after));
        }
    }
    Ok(bound)
}

/// Ends a binding. One with a mirror may have to wait until its people have left.
fn end(ground: &Ground, draft: &mut Draft, key: Key, binding: StoredBinding, leaving: Leaving, bound: &mut Bound) {
    let ended_before = matches!(binding.mirror_state.as_deref(), Some("ended" | "released"));
    if ended_before {
        return;
    }
    bound.changed.insert(binding.directory_group_id);
    let Some(group) = binding.mirror_group_id else {
        draft.bind(key, None);
        return;
    };
    let goes = !stays(ground, &binding);
    let ended = Ended { goes, binding: StoredBinding { matched: false, excepted: false, ..binding } };
    match leaving {
        Leaving::Now => {
            draft.bind(key, None);
            bound.ended.insert(group, ended);
        }
        Leaving::Later => draft.bind(key, Some(ended.marked())),
    }
}

/// Whether the native group of an ended mirror stays: its rule says (or said last) so, what the rule gave is handed
/// over, or the group was adopted, and so was there before the rule.
pub(super) fn stays(ground: &Ground, binding: &StoredBinding) -> bool {
    let handed_over = ground.resting.get(&binding.rule_id).is_some_and(|resting| resting.rest == Rest::HandedOver)
        || ground.directory(binding.directory_id).leaving == Some(Ending::HandOver);
    let keep = match ground.known(binding.rule_id).and_then(Rule::mirror) {
        Some((_, _, on_delete)) => on_delete == OnDelete::Keep,
        None => binding.mirror_keep,
    };
    handed_over || keep || matches!(binding.mirror_state.as_deref(), Some("adopted" | "released"))
}

/// Lets go of a native group whose mirror ended and whose people have left. It is deleted if it `goes` and nothing
/// else speaks for it: no origin (`spoken_for`: people added by hand), no other mirror, no rule that names it.
/// Otherwise it stays, as an ordinary one.
///
/// Answers its name, as names collide: it is free now, or the group is free to be adopted.
pub(crate) async fn let_go(
    tx: &mut Tx,
    ground: &Ground,
    draft: &mut Draft,
    id: GroupId,
    goes: bool,
    spoken_for: bool,
) -> Result<Option<String>> {
    // One that is handed over goes, and names nothing any more.
    let frozen = ground.resting.values().filter(|resting| resting.rest == Rest::Frozen);
    let resting = frozen.map(|resting| &resting.rule);
    let named_by_rule =
        ground.rules.iter().chain(resting).flat_map(|rule| &rule.document.then).any(|action| match action {
            Action::IntoGroup { group_id } => *group_id == id,
            Action::Exclude { group_id, .. } => *group_id == Some(id),
            _ => false,
        });
    if draft.is_mirror(tx, ground.organization, id).await? {
        return Ok(None);
    }
    let Some(group) = draft.group(tx, ground.organization, id).await? else { return Ok(None) };
    let key = name_key(&group.name);
    if goes && !named_by_rule && !spoken_for {
        draft.gone.insert(id, group);
    }
    Ok(Some(key))
}
