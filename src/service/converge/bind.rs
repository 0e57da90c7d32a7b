//! Rules × directory groups → bindings.

use std::collections::BTreeSet;

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
use crate::store::{Tx, directory_groups, origins};

/// How many directory groups are bound at a time. Who gets a contested name depends on it: everybody uses the same.
pub(crate) const CHUNK: usize = 100;

/// What binding did.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// Directory groups whose bindings changed in a way that concerns their people.
    pub(crate) changed: BTreeSet<DirectoryGroupId>,
    /// Native groups whose mirrors ended: they go or stay, once their people have left.
    pub(crate) ended: BTreeSet<GroupId>,
    /// Mirrors that ended, now or before, may be let go of now.
    pub(crate) leavers: bool,
    /// Of `changed`: those whose mirrors took over a native group from one that ended.
    pub(crate) took_over: BTreeSet<DirectoryGroupId>,
    /// Names that became free by renaming.
    pub(crate) freed_names: BTreeSet<String>,
}

impl Bound {
    /// Ends the mirror of `before`: `after` as it is until the people have left.
    pub(super) fn end(&mut self, before: &StoredBinding, after: StoredBinding, stays: bool) -> StoredBinding {
        let after = after.on_its_way_out(stays);
        self.leavers |= after.mirror_state != before.mirror_state;
        self.ended.extend(before.mirror_group_id.filter(|_| !before.is_on_its_way_out()));
        after
    }
}

/// Decides the bindings of these directory groups. Those that are `removed`, about to go, lose theirs.
///
/// A mirror that ends stays bound, on its way out, until its people have left: see [`let_go`].
pub(crate) async fn groups(
    tx: &mut Tx,
    ground: &Ground,
    draft: &mut Draft,
    ids: &BTreeSet<DirectoryGroupId>,
    removed: &BTreeSet<DirectoryGroupId>,
    now: DateTime<Utc>,
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
        end(ground, draft, key, &binding, &mut bound);
    }
    for (rule, group, seen, before) in wanted {
        let after = mirror::binding(tx, ground, draft, (rule, group, &seen), before.as_ref(), now, &mut bound).await?;
        if before.as_ref() != Some(&after) {
            let concerns = |b: &StoredBinding| (b.matched, b.excepted, b.mirror_group_id, b.is_on_its_way_out());
            if before.as_ref().map(concerns) != Some(concerns(&after)) {
                bound.changed.insert(group.id);
            }
            draft.bind((rule.id, group.id), Some(after));
        }
    }
    Ok(bound)
}

/// Ends a binding. One with a mirror waits until its people have left.
fn end(ground: &Ground, draft: &mut Draft, key: Key, binding: &StoredBinding, bound: &mut Bound) {
    let after = StoredBinding { matched: false, excepted: false, ..binding.clone() };
    let after = after.mirror_group_id.is_some().then(|| bound.end(binding, after, stays(ground, binding)));
    if after.as_ref() != Some(binding) {
        bound.changed.insert(binding.directory_group_id);
        draft.bind(key, after);
    }
}

/// Whether the native group of an ended mirror stays: its rule says (or said last) so or names the group, what the
/// rule gave is handed over, or the group was adopted, and so was there before the rule.
pub(super) fn stays(ground: &Ground, binding: &StoredBinding) -> bool {
    let handed_over = ground.resting.get(&binding.rule_id).is_some_and(|resting| resting.rest == Rest::HandedOver)
        || ground.directory(binding.directory_id).leaving == Some(Ending::HandOver);
    let keep = match ground.known(binding.rule_id).and_then(Rule::mirror) {
        Some((_, _, on_delete)) => on_delete == OnDelete::Keep,
        None => binding.mirror_keep,
    };
    // By the same rule: its people never leave. By other rules: see `let_go`.
    let named = binding
        .mirror_group_id
        .is_some_and(|group| ground.known(binding.rule_id).is_some_and(|rule| names(rule, group)));
    handed_over || keep || named || matches!(binding.mirror_state.as_deref(), Some("adopted" | "released"))
}

/// Whether a rule names a native group.
fn names(rule: &Rule, id: GroupId) -> bool {
    rule.document.then.iter().any(|action| match action {
        Action::IntoGroup { group_id } => *group_id == id,
        Action::Exclude { group_id, .. } => *group_id == Some(id),
        _ => false,
    })
}

/// Whether a native group cannot be adopted: it is a mirror, or was one and its people are held, or wait.
pub(super) async fn is_taken(tx: &mut Tx, ground: &Ground, draft: &Draft, id: GroupId) -> Result<bool> {
    let mirrors = draft.mirrors_of(tx, ground.organization, id).await?;
    let waits = |one: &StoredBinding| ground.directory(one.directory_id).paused || ground.is_frozen(one.rule_id);
    if mirrors.iter().any(|one| !one.is_on_its_way_out() || waits(one)) {
        return Ok(true);
    }
    Ok(!mirrors.is_empty() && origins::is_held(tx, ground.organization, id).await?)
}

/// Lets go of a native group whose mirror ended and whose people have left. It is deleted if the binding says so and
/// nothing else speaks for it: no origin (`spoken_for`: people added by hand), no other mirror, no rule that names
/// it. Otherwise it stays, as an ordinary one.
///
/// Answers its name, as names collide: it is free now, or the group is free to be adopted.
pub(crate) async fn let_go(
    tx: &mut Tx,
    ground: &Ground,
    draft: &mut Draft,
    binding: StoredBinding,
    spoken_for: bool,
) -> Result<Option<String>> {
    let Some(id) = binding.mirror_group_id else { return Ok(None) };
    let goes = binding.goes();
    let rest = binding.without_mirror();
    draft.bind((rest.rule_id, rest.directory_group_id), Some(rest).filter(|rest| rest.matched || rest.excepted));
    if !draft.mirrors_of(tx, ground.organization, id).await?.is_empty() {
        return Ok(None);
    }
    let Some(group) = draft.group(tx, ground.organization, id).await? else { return Ok(None) };
    let key = name_key(&group.name);
    // A rule that is handed over goes, and names nothing any more.
    let frozen = ground.resting.values().filter(|resting| resting.rest == Rest::Frozen).map(|resting| &resting.rule);
    let named = ground.rules.iter().chain(frozen).any(|rule| names(rule, id));
    if goes && !named && !spoken_for {
        draft.gone.insert(id, group);
    }
    Ok(Some(key))
}
