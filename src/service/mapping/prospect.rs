//! What a person would have, in words: a [`Shift`] with names for groups, roles and reasons.

use std::collections::{BTreeMap, BTreeSet};

use super::narrate::{Narrator, Shift};
use crate::domain::assertion::Prospect;
use crate::domain::id::{GroupId, RoleId};
use crate::domain::native::name_key;
use crate::domain::origin::{Kind, Origin, Target};
use crate::service::converge::Ground;

/// The names of what the membership would have; `name` knows those of groups.
pub(super) fn of(shift: &Shift, ground: &Ground, narrator: &Narrator, name: impl Fn(GroupId) -> String) -> Prospect {
    let slug = |id: RoleId| {
        let role = ground.roles.iter().find(|role| role.id == id);
        role.map_or_else(|| id.to_string(), |role| role.slug.clone())
    };
    let reasons = |target: Target| -> Vec<String> {
        let origins = shift.after.iter().filter(|origin| origin.target == target && origin.kind != Kind::Exclude);
        let mut words: Vec<String> = origins.map(|origin| reason(origin, narrator)).collect();
        if let Target::Role(role) = target {
            let by_groups = shift.has.groups.iter().filter(|group| ground.group_roles.has(**group, role));
            words.extend(by_groups.map(|group| format!("the group {}", name(*group))));
            if words.is_empty() {
                words.push("the default role".to_owned());
            }
        }
        words
    };
    let has = &shift.has;
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in &has.groups {
        groups.entry(name(*id)).or_default().extend(reasons(Target::Group(*id)));
    }
    let roles = has.roles.iter().map(|id| (slug(*id), reasons(Target::Role(*id)))).collect();
    let mut withheld = BTreeMap::new();
    for target in shift.after.iter().filter(|origin| origin.kind != Kind::Exclude).map(|origin| origin.target) {
        let what = match target {
            Target::Group(id) if !has.groups.contains(&id) => format!("group {}", name(id)),
            Target::Role(id) if !has.roles.contains(&id) => format!("role {}", slug(id)),
            _ => continue,
        };
        withheld.insert(name_key(&what), why_not(shift, target, narrator));
    }
    Prospect { active: has.active, member_by: reasons(Target::Membership), groups, roles, withheld }
}

fn reason(origin: &Origin, narrator: &Narrator) -> String {
    let rule =
        origin.rule.map_or_else(|| "a rule that is gone".to_owned(), |rule| format!("rule {}", narrator.key(rule)));
    match origin.kind {
        Kind::Manual => "by hand".to_owned(),
        Kind::Rule => rule,
        Kind::Frozen => format!("{rule} (frozen)"),
        Kind::Held => "held by the guard".to_owned(),
        Kind::Exclude => format!("{rule} (exclusion)"),
    }
}

/// Why something that an origin speaks for is not there.
fn why_not(shift: &Shift, target: Target, narrator: &Narrator) -> String {
    let in_reach = |origin: &&Origin| {
        origin.kind == Kind::Exclude && (origin.target == Target::Membership || origin.target == target)
    };
    let rules: BTreeSet<String> =
        shift.after.iter().filter(in_reach).filter_map(|origin| Some(narrator.key(origin.rule?))).collect();
    if rules.is_empty() {
        return "the membership would be suspended".to_owned();
    }
    let rules: Vec<String> = rules.into_iter().collect();
    format!("excluded by the rule {}", rules.join(" and the rule "))
}
