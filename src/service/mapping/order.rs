//! The order of an organization's rules, set in one call.

use std::collections::{BTreeSet, HashMap};

use super::apply;
use super::rules::{STEP, in_change};
use crate::app::App;
use crate::domain::id::RuleId;
use crate::domain::plan::PlanChange;
use crate::domain::rule::RuleDocument;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::store::rules::{self, StoredRule};

/// Puts all rules of the organization in the order of `names` (ids or keys), the first one first, and answers
/// them so. With `apply` the new order is in force when it is done.
///
/// # Errors
///
/// [`Error::Invalid`] unless every rule is named exactly once; [`Error::Conflict`] if the order cannot be put in force
/// without putting other edits of a rule in force with it.
pub async fn reorder(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    names: Vec<String>,
    apply: bool,
) -> Result<Outcome<Vec<StoredRule>>> {
    let saved = in_change(app, access, scope, move |change| {
        let names = names.clone();
        Box::pin(async move {
            let rules = save_order(change, &names).await?;
            let moved = if apply { to_put_in_force(change, &rules).await? } else { Vec::new() };
            Ok((rules, moved))
        })
    });
    let Outcome { value: (rules, moved), revision } = saved.await?;
    if moved.is_empty() {
        return Ok(Outcome { value: rules, revision });
    }
    let changes = moved.into_iter().map(|rule| PlanChange::Apply { rule: rule.to_string() }).collect();
    let revision = apply::apply_at_once(app, access, scope, changes).await?.revision;
    Ok(Outcome { value: super::rules::list(app, scope).await?, revision })
}

/// Saves the order: positions 10, 20, …, with a further version of each rule whose position changes. Rules that are
/// being deleted have no place in it.
///
/// # Errors
///
/// [`Error::Invalid`] unless every rule is named exactly once.
pub(in crate::service) async fn save_order(change: &mut Change<'_>, names: &[String]) -> Result<Vec<StoredRule>> {
    let all = rules::all(change.tx, change.organization).await?;
    let staying = all.into_iter().filter(|rule| rule.leaving.is_none()).collect();
    let mut ordered = in_order(staying, names)?;
    let mut moved = Vec::new();
    for (rule, position) in ordered.iter_mut().zip((1..).map(|place| place * STEP)) {
        if rule.document.position != position {
            rule.document.position = position;
            rule.version += 1;
            rule.updated_at = change.now;
            moved.push(rule.clone());
        }
    }
    rules::update_all(change.tx, change.organization, &moved, change.now).await?;
    Ok(ordered)
}

/// The rules as they are named; every one exactly once.
fn in_order(all: Vec<StoredRule>, names: &[String]) -> Result<Vec<StoredRule>> {
    let mut by_id: HashMap<RuleId, StoredRule> = all.into_iter().map(|rule| (rule.id, rule)).collect();
    let ids: HashMap<String, RuleId> =
        by_id.values().flat_map(|rule| [(rule.key.clone(), rule.id), (rule.id.to_string(), rule.id)]).collect();
    let (mut ordered, mut seen) = (Vec::new(), BTreeSet::new());
    let (mut unknown, mut twice) = (Vec::new(), Vec::new());
    for name in names {
        match ids.get(name) {
            None => unknown.push(name.chars().take(100).collect()),
            Some(id) if !seen.insert(*id) => twice.push(name.clone()),
            Some(id) => ordered.extend(by_id.remove(id)),
        }
    }
    let mut missing: Vec<String> = by_id.into_values().map(|rule| rule.key).collect();
    missing.sort_unstable();
    let wrong: Vec<String> = [("missing", missing), ("named twice", twice), ("unknown", unknown)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect();
    if wrong.is_empty() {
        return Ok(ordered);
    }
    let message = format!("rules must name every rule of the organization exactly once; {}", wrong.join("; "));
    Err(Error::invalid("rules", "not_every_rule_once", message))
}

/// The rules that are in force in another place than they are to have.
///
/// # Errors
///
/// [`Error::Conflict`] if one has edits that would come into force with its place.
async fn to_put_in_force(change: &mut Change<'_>, rules: &[StoredRule]) -> Result<Vec<RuleId>> {
    let in_force = rules::applied(change.tx, change.organization).await?;
    let in_force: HashMap<RuleId, RuleDocument> = in_force.into_iter().map(|rule| (rule.id, rule.document)).collect();
    let is_moved = |rule: &&StoredRule| in_force.get(&rule.id).is_some_and(|d| d.position != rule.document.position);
    let moved: Vec<&StoredRule> = rules.iter().filter(is_moved).collect();
    for rule in &moved {
        let position = rule.document.position;
        let only_moved = in_force.get(&rule.id).map(|document| RuleDocument { position, ..document.clone() });
        if only_moved.as_ref() != Some(&rule.document) {
            let message = format!(
                "the rule '{}' has saved edits that are not in force yet, and they would come into force with the \
                 order; apply or undo them first, or leave `apply` out",
                rule.key
            );
            return Err(Error::conflict("unapplied_edits", message));
        }
    }
    Ok(moved.into_iter().map(|rule| rule.id).collect())
}
