//! Putting versions of rules in force, and taking rules out of force: native state agrees when it is done.
//!
//! What lives here: which people and groups a version may concern, and converging them. Saving is `rules`.

use crate::domain::id::RuleId;
use crate::domain::rule::{OnDelete, RuleDocument, RuleState};
use crate::domain::{Error, Result};
use crate::service::change::Change;
use crate::service::converge::{Scope, converge};
use crate::store::rules::{self, StoredRule};
use crate::store::{bindings, directory_groups, directory_users, edges, origins};

/// What becomes of what a deleted rule gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origins {
    /// It ends.
    #[default]
    Retract,
    /// It stays, as if somebody had given it by hand.
    HandOver,
}

/// Puts the newest versions in force, all at once, and makes native state agree, for everybody whom they
/// concerned or concern.
///
/// # Errors
///
/// [`Error::Invalid`] for a frozen version.
pub(super) async fn put_in_force(change: &mut Change<'_>, rules: &mut [StoredRule]) -> Result<()> {
    let mut scope = Scope::default();
    for rule in rules.iter() {
        refuse_frozen(rule)?;
        include(&mut scope, reach_in_force(change, rule).await?);
        include(&mut scope, reach(change, rule, &rule.document).await?);
    }
    for rule in rules {
        rules::set_applied(change.tx, change.organization, rule.id, Some(rule.version), change.now).await?;
        rule.applied_version = Some(rule.version);
    }
    converge(change, scope).await
}

/// Takes a rule out of force and deletes it; what it gave ends, or is handed over.
pub(super) async fn delete(change: &mut Change<'_>, rule: &StoredRule, origins: Origins) -> Result<()> {
    let id: RuleId = rule.id;
    if origins == Origins::HandOver {
        let actor = change.cause.actor();
        origins::hand_over(change.tx, change.organization, id, &actor, change.now).await?;
    }
    let mut before = reach_in_force(change, rule).await?;
    if origins == Origins::HandOver {
        before.keeping.insert(id);
    }
    rules::set_applied(change.tx, change.organization, id, None, change.now).await?;
    converge(change, before).await?;
    rules::delete(change.tx, change.organization, id).await
}

fn refuse_frozen(rule: &StoredRule) -> Result<()> {
    if rule.document.state == RuleState::Frozen {
        let message = format!("the rule '{}' is frozen, and a frozen version cannot be put in force yet", rule.key);
        return Err(Error::invalid("state", "not_supported", message));
    }
    Ok(())
}

fn include(scope: &mut Scope, more: Scope) {
    scope.users.extend(more.users);
    scope.groups.extend(more.groups);
    scope.keeping.extend(more.keeping);
}

/// What the version in force concerns, which need not be the newest; nothing if there is none.
async fn reach_in_force(change: &mut Change<'_>, rule: &StoredRule) -> Result<Scope> {
    let in_force = rules::applied(change.tx, change.organization).await?;
    let Some(applied) = in_force.into_iter().find(|applied| applied.id == rule.id) else { return Ok(Scope::default()) };
    let mut scope = reach(change, rule, &applied.document).await?;
    if applied.document.mirror().is_some_and(|(_, _, on_delete)| on_delete == OnDelete::Keep) {
        scope.keeping.insert(rule.id);
    }
    Ok(scope)
}

/// Everybody and every group that a version of a rule may concern. Groups that it comes to match or stops
/// matching bring their people themselves; the people of those that it matches throughout are named here.
async fn reach(change: &mut Change<'_>, rule: &StoredRule, document: &RuleDocument) -> Result<Scope> {
    let organization = change.organization;
    let groups = directory_groups::all_ids(change.tx, organization, document.directory_id).await?;
    let users = if document.is_by_group() {
        let bound = bindings::groups_of_rule(change.tx, organization, rule.id).await?;
        edges::people_of(change.tx, organization, bound).await?
    } else {
        directory_users::all_ids(change.tx, organization, document.directory_id).await?
    };
    Ok(Scope { users, groups, ..Scope::default() })
}
