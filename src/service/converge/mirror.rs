//! The native group that mirrors a directory group: made, adopted, parked, renamed.

use chrono::{DateTime, Utc};

use super::Ground;
use super::bind::{Bound, is_taken, stays};
use super::draft::Draft;
use crate::domain::Result;
use crate::domain::directory::DirectoryGroup;
use crate::domain::id::GroupId;
use crate::domain::native::{Group, name_key};
use crate::domain::rule::{GroupMatch, OnCollision, OnDelete, Rule};
use crate::domain::template::MAX_NAME;
use crate::store::Tx;
use crate::store::bindings::StoredBinding;

/// The binding as it should be, its native group made, adopted or renamed in the draft.
pub(super) async fn binding(
    tx: &mut Tx,
    ground: &Ground,
    draft: &mut Draft,
    (rule, source, seen): (&Rule, &DirectoryGroup, &GroupMatch),
    before: Option<&StoredBinding>,
    now: DateTime<Utc>,
    bound: &mut Bound,
) -> Result<StoredBinding> {
    let mirrors = rule.mirror().filter(|_| seen.matched);
    let mut binding = StoredBinding {
        rule_id: rule.id,
        directory_group_id: source.id,
        directory_id: source.directory,
        matched: seen.matched,
        excepted: seen.excepted,
        mirror_name: None,
        mirror_state: None,
        mirror_group_id: None,
        mirror_keep: mirrors.is_some_and(|(_, _, on_delete)| on_delete == OnDelete::Keep),
        chosen_name: before.and_then(|before| before.chosen_name.clone()),
        chosen_group_id: before.and_then(|before| before.chosen_group_id),
    };
    let existing = before.filter(|b| b.mirror_group_id.is_some());
    let Some((_, on_collision, _)) = mirrors else {
        let Some(before) = existing else { return Ok(binding) };
        // Whether the rule looks at the group goes on to count.
        let binding = StoredBinding { matched: seen.matched, excepted: seen.excepted, ..before.clone() };
        return Ok(bound.end(before, binding, stays(ground, before)));
    };
    let wanted = binding.chosen_name.as_ref().or(seen.mirror_name.as_ref());
    let mut naming = Naming { tx, ground, draft, on_collision, now, bound };
    match (existing, wanted.cloned()) {
        (None, None) => {}
        (None, Some(name)) => {
            binding.mirror_name = Some(name.clone());
            naming.make_or_park(&mut binding, &name).await?;
        }
        (Some(before), name) => {
            // One whose people were about to leave goes on.
            binding.mirror_state = match before.mirror_state.as_deref() {
                Some("ended") => Some("made".to_owned()),
                Some("released") => Some("adopted".to_owned()),
                _ => before.mirror_state.clone(),
            };
            binding.mirror_group_id = before.mirror_group_id;
            // A new name that cannot be rendered takes nothing away: the group keeps the one it has.
            binding.mirror_name = name.clone().or_else(|| before.mirror_name.clone());
            if let (Some(id), Some(name)) = (before.mirror_group_id, name) {
                let renamed = before.mirror_name.as_ref() != Some(&name);
                naming.follow(id, &name, renamed).await?;
            }
        }
    }
    Ok(binding)
}

/// Finding a name for a mirror.
struct Naming<'a> {
    tx: &'a mut Tx,
    ground: &'a Ground,
    draft: &'a mut Draft,
    on_collision: OnCollision,
    now: DateTime<Utc>,
    bound: &'a mut Bound,
}

impl Naming<'_> {
    async fn holder(&mut self, name: &str, except: Option<GroupId>) -> Result<Option<GroupId>> {
        self.draft.holder_of_name(self.tx, self.ground.organization, &name_key(name), except).await
    }

    /// A new mirror: makes the native group, adopts one, or waits for the name.
    async fn make_or_park(&mut self, binding: &mut StoredBinding, name: &str) -> Result<()> {
        let organization = self.ground.organization;
        let holder = self.holder(name, None).await?;
        // Whom an admin chose, before whom the rule would take.
        let adopts = binding.chosen_group_id.or(holder.filter(|_| self.on_collision == OnCollision::Adopt));
        if let Some(group) = adopts
            && self.draft.group(self.tx, organization, group).await?.is_some()
            && !is_taken(self.tx, self.ground, self.draft, group).await?
        {
            if self.draft.take_over(self.tx, organization, group).await? {
                self.bound.took_over.insert(binding.directory_group_id);
            }
            binding.mirror_group_id = Some(group);
            binding.mirror_state = Some("adopted".to_owned());
            // At once, and not at the next occasion: the spelling may differ.
            return self.follow(group, name, true).await;
        }
        let name = match (holder, self.on_collision) {
            (None, _) => name.to_owned(),
            (Some(_), OnCollision::Suffix) => self.free_name(name, None).await?,
            (Some(_), OnCollision::Adopt | OnCollision::Park) => {
                binding.mirror_state = Some("parked".to_owned());
                return Ok(());
            }
        };
        let id = GroupId::mint(self.now);
        let (created_at, updated_at) = (self.now, self.now);
        self.draft.make(Group { id, organization, name, description: None, created_at, updated_at });
        binding.mirror_group_id = Some(id);
        binding.mirror_state = Some("made".to_owned());
        Ok(())
    }

    /// A mirror that is there follows its name; where somebody else has the new one, it keeps the old. One that
    /// had to take a number keeps it until it is `renamed`.
    async fn follow(&mut self, id: GroupId, name: &str, renamed: bool) -> Result<()> {
        let Some(group) = self.draft.group(self.tx, self.ground.organization, id).await? else { return Ok(()) };
        let same_key = name_key(&group.name) == name_key(name);
        let suffixed = self.on_collision == OnCollision::Suffix && !renamed && is_suffixed(&group.name, name);
        if group.name == name || suffixed {
            return Ok(());
        }
        let name = match (self.holder(name, Some(id)).await?, self.on_collision) {
            (None, _) => name.to_owned(),
            (Some(_), OnCollision::Suffix) => self.free_name(name, Some(id)).await?,
            // The people keep what they have; the wanted name is on record for the status page.
            (Some(_), OnCollision::Park | OnCollision::Adopt) => return Ok(()),
        };
        if !same_key {
            self.bound.freed_names.insert(name_key(&group.name));
        }
        self.draft.rename(group, name);
        Ok(())
    }

    /// `name (2)`, or the first number that nobody has.
    async fn free_name(&mut self, name: &str, except: Option<GroupId>) -> Result<String> {
        let mut number = 2_u32;
        loop {
            let candidate = numbered(name, &number.to_string());
            if self.holder(&candidate, except).await?.is_none() {
                return Ok(candidate);
            }
            number += 1;
        }
    }
}

/// Whether `name` is `wanted` with a number behind it, as [`Naming::free_name`] makes it.
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
