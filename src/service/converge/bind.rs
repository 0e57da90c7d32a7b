//! Rules × directory groups → bindings, and the native groups that mirror them.

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::domain::Result;
use crate::domain::directory::DirectoryGroup;
use crate::domain::id::{DirectoryGroupId, GroupId, RuleId};
use crate::domain::native::{Group, name_key};
use crate::domain::rule::{Action, GroupMatch, OnCollision, OnDelete, Rule};
use crate::domain::template::MAX_NAME;
use crate::service::change::Change;
use crate::store::bindings::{self, StoredBinding};
use crate::store::{directory_groups, groups, origins};

/// What binding did.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// Directory groups whose bindings changed in a way that concerns their people.
    pub(super) changed: BTreeSet<DirectoryGroupId>,
    /// Native groups whose mirrors ended and that go, once their people have left.
    pub(super) retired: BTreeSet<GroupId>,
    /// Native groups whose mirrors ended and that stay: others may adopt them now.
    pub(super) released: BTreeSet<GroupId>,
    /// Names that became free by renaming.
    pub(super) freed_names: BTreeSet<String>,
    /// Native groups that became mirrors just now, before their bindings are stored.
    taken: BTreeSet<GroupId>,
}

/// Brings the bindings of these directory groups up to date. Those that are about to go lose theirs.
pub(super) async fn groups(
    change: &mut Change<'_>,
    context: &Context,
    ids: &BTreeSet<DirectoryGroupId>,
    removed: &BTreeSet<DirectoryGroupId>,
) -> Result<Bound> {
    let mut bound = Bound::default();
    let all = ids.union(removed).copied().collect::<BTreeSet<_>>();
    if all.is_empty() {
        return Ok(bound);
    }
    let existing = ids.difference(removed).copied();
    let existing = directory_groups::by_ids(change.tx, change.organization, existing).await?;
    let mut stored: BTreeMap<(RuleId, DirectoryGroupId), StoredBinding> =
        bindings::of_groups(change.tx, change.organization, all)
            .await?
            .into_iter()
            .map(|binding| ((binding.rule_id, binding.directory_group_id), binding))
            .collect();

    let mut kept: Vec<StoredBinding> = Vec::new();
    let mut wanted: Vec<(&Rule, &DirectoryGroup, GroupMatch, Option<StoredBinding>)> = Vec::new();
    for rule in &context.rules {
        for group in &existing {
            let seen = rule.sees_group(group);
            if seen.matched || seen.excepted {
                let before = stored.remove(&(rule.id, group.id));
                wanted.push((rule, group, seen, before));
            }
        }
    }
    // What is left over matched once and matches no more: it ends first, since it may free names.
    let ended: Vec<StoredBinding> = stored.into_values().collect();
    bindings::delete(change.tx, change.organization, ended.iter().map(|b| (b.rule_id, b.directory_group_id))).await?;
    for binding in ended {
        bound.changed.insert(binding.directory_group_id);
        if binding.mirror_state.as_deref() != Some("parked") {
            end_mirror(context, &binding, &mut bound);
        }
    }
    for (rule, group, seen, before) in wanted {
        let after = mirrored(change, context, rule, group, &seen, before.as_ref(), &mut bound).await?;
        if before.as_ref() != Some(&after) {
            let same_for_people = before.as_ref().is_some_and(|b| {
                (b.matched, b.excepted, b.mirror_group_id) == (after.matched, after.excepted, after.mirror_group_id)
            });
            if !same_for_people {
                bound.changed.insert(group.id);
            }
            kept.push(after);
        }
    }
    bindings::put(change.tx, change.organization, &kept).await?;
    Ok(bound)
}

/// The native group of an ended mirror goes, unless the rule says (or said last) that it stays. One that was
/// adopted was there before the rule, and stays in any case.
fn end_mirror(context: &Context, binding: &StoredBinding, bound: &mut Bound) {
    let Some(group) = binding.mirror_group_id else { return };
    let keep = match context.rule(binding.rule_id).and_then(Rule::mirror) {
        Some((_, _, on_delete)) => on_delete == OnDelete::Keep,
        None => context.keeping.contains(&binding.rule_id),
    };
    let adopted = binding.mirror_state.as_deref() == Some("adopted");
    if keep || adopted {
        bound.released.insert(group)
    } else {
        bound.retired.insert(group)
    };
}

/// The binding as it should be, its native group made, adopted or renamed.
async fn mirrored(
    change: &mut Change<'_>,
    context: &Context,
    rule: &Rule,
    source: &DirectoryGroup,
    seen: &GroupMatch,
    before: Option<&StoredBinding>,
    bound: &mut Bound,
) -> Result<StoredBinding> {
    let mut binding = StoredBinding {
        rule_id: rule.id,
        directory_group_id: source.id,
        matched: seen.matched,
        excepted: seen.excepted,
        mirror_name: None,
        mirror_state: None,
        mirror_group_id: None,
        mirror_keep: rule.mirror().is_some_and(|(_, _, on_delete)| on_delete == OnDelete::Keep),
        chosen_name: before.and_then(|before| before.chosen_name.clone()),
        chosen_group_id: before.and_then(|before| before.chosen_group_id),
    };
    let existing = before.filter(|b| b.mirror_group_id.is_some());
    let Some((_, on_collision, _)) = rule.mirror().filter(|_| seen.matched) else {
        if let Some(before) = existing {
            end_mirror(context, before, bound);
        }
        return Ok(binding);
    };
    match (existing, &seen.mirror_name) {
        (None, None) => {}
        (None, Some(name)) => {
            binding.mirror_name = Some(name.clone());
            make_or_park(change, &mut binding, name, on_collision, bound).await?;
            bound.taken.extend(binding.mirror_group_id);
        }
        (Some(before), name) => {
            binding.mirror_state.clone_from(&before.mirror_state);
            binding.mirror_group_id = before.mirror_group_id;
            // A new name that cannot be rendered takes nothing away: the group keeps the one it has.
            binding.mirror_name = name.clone().or_else(|| before.mirror_name.clone());
            if let (Some(id), Some(name)) = (before.mirror_group_id, name) {
                let renamed = before.mirror_name.as_ref() != Some(name);
                follow_name(change, id, name, renamed, on_collision, bound).await?;
            }
        }
    }
    Ok(binding)
}

/// A new mirror: makes the native group, adopts one, or waits for the name.
async fn make_or_park(
    change: &mut Change<'_>,
    binding: &mut StoredBinding,
    name: &str,
    on_collision: OnCollision,
    bound: &mut Bound,
) -> Result<()> {
    let holder = groups::holder_of_name(change.tx, change.organization, &name_key(name), None).await?;
    let name = match (holder, on_collision) {
        (None, _) => name.to_owned(),
        (Some(_), OnCollision::Suffix) => free_name(change, name, None).await?,
        (Some(holder), OnCollision::Adopt)
            if !bound.taken.contains(&holder)
                && bindings::of_mirror(change.tx, change.organization, holder).await?.is_none() =>
        {
            binding.mirror_group_id = Some(holder);
            binding.mirror_state = Some("adopted".to_owned());
            // At once, and not at the next occasion: the spelling may differ.
            return follow_name(change, holder, name, true, on_collision, bound).await;
        }
        (Some(_), OnCollision::Adopt | OnCollision::Park) => {
            binding.mirror_state = Some("parked".to_owned());
            return Ok(());
        }
    };
    let group = Group {
        id: GroupId::mint(change.now),
        organization: change.organization,
        name,
        description: None,
        created_at: change.now,
        updated_at: change.now,
    };
    groups::insert(change.tx, &group).await?;
    change.emit("group.created", group.json());
    binding.mirror_group_id = Some(group.id);
    binding.mirror_state = Some("made".to_owned());
    Ok(())
}

/// A mirror that is there follows its name; where somebody else has the new one, it keeps the old. One that
/// had to take a number keeps it until it is `renamed`.
async fn follow_name(
    change: &mut Change<'_>,
    id: GroupId,
    name: &str,
    renamed: bool,
    on_collision: OnCollision,
    bound: &mut Bound,
) -> Result<()> {
    let Some(mut group) = groups::find(change.tx, change.organization, id).await? else { return Ok(()) };
    let same_key = name_key(&group.name) == name_key(name);
    let suffixed = on_collision == OnCollision::Suffix && !renamed && is_suffixed(&group.name, name);
    if group.name == name || suffixed {
        return Ok(());
    }
    let holder = groups::holder_of_name(change.tx, change.organization, &name_key(name), Some(id)).await?;
    let name = match (holder, on_collision) {
        (None, _) => name.to_owned(),
        (Some(_), OnCollision::Suffix) => free_name(change, name, Some(id)).await?,
        // The people keep what they have; the wanted name is on record for the status page.
        (Some(_), OnCollision::Park | OnCollision::Adopt) => return Ok(()),
    };
    if !same_key {
        bound.freed_names.insert(name_key(&group.name));
    }
    group.name = name;
    group.updated_at = change.now;
    groups::update(change.tx, &group).await?;
    change.emit("group.updated", group.json());
    Ok(())
}

/// Whether `name` is `wanted` with a number behind it, as [`free_name`] makes it.
fn is_suffixed(name: &str, wanted: &str) -> bool {
    let number = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (")).map(|(_, number)| number);
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && name == numbered(wanted, number)
    })
}

/// `name (2)`, the name cut short if the whole would be too long.
fn numbered(name: &str, number: &str) -> String {
    let suffix = format!(" ({number})");
    let stem: String = name.chars().take(MAX_NAME - suffix.len()).collect();
    stem + &suffix
}

/// `name (2)`, or the first number that nobody has.
async fn free_name(change: &mut Change<'_>, name: &str, except: Option<GroupId>) -> Result<String> {
    let mut number = 2_u32;
    loop {
        let candidate = numbered(name, &number.to_string());
        let holder = groups::holder_of_name(change.tx, change.organization, &name_key(&candidate), except).await?;
        if holder.is_none() {
            return Ok(candidate);
        }
        number += 1;
    }
}

/// Deletes a native group whose mirror ended and that nothing else speaks for: no origin (people added by
/// hand), no other mirror, no rule in force that names it. Otherwise it stays, as an ordinary one.
///
/// Answers its name, as names collide: it is free now, or the group is free to be adopted.
pub(super) async fn retire(change: &mut Change<'_>, context: &Context, id: GroupId) -> Result<Option<String>> {
    let named_by_rule = context.rules.iter().flat_map(|rule| &rule.document.then).any(|action| match action {
        Action::IntoGroup { group_id } => *group_id == id,
        Action::Exclude { group_id, .. } => *group_id == Some(id),
        _ => false,
    });
    if named_by_rule || origins::speak_for_group(change.tx, change.organization, id).await? {
        return release(change, id).await;
    }
    let Some(group) = unmirrored(change, id).await? else { return Ok(None) };
    groups::delete(change.tx, change.organization, id).await?;
    change.emit("group.deleted", group.json());
    Ok(Some(name_key(&group.name)))
}

/// The name of a native group whose mirror ended and that stays, as names collide.
pub(super) async fn release(change: &mut Change<'_>, id: GroupId) -> Result<Option<String>> {
    Ok(unmirrored(change, id).await?.map(|group| name_key(&group.name)))
}

/// The group, unless another binding mirrors it by now.
async fn unmirrored(change: &mut Change<'_>, id: GroupId) -> Result<Option<Group>> {
    if bindings::of_mirror(change.tx, change.organization, id).await?.is_some() {
        return Ok(None);
    }
    groups::find(change.tx, change.organization, id).await
}
