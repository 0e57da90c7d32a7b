//! `converge(scope)`: the one function that makes native state agree with facts, links, rules and decisions.
//!
//! It computes the desired native rows within a scope, compares them with the stored ones, writes the
//! difference and emits one event per effective change. Only the scope differs between its callers: a SCIM
//! request touches a few people, an applied rule many, a reconcile everybody.
//!
//! The steps, each in a file: `bind` (rules × directory groups → bindings and mirrors), `people`
//! (bindings × directory users → origins, with the accounts that they need), `settle` (origins → effective
//! rows and events).

mod accounts;
mod bind;
mod people;
mod settle;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use super::change::Change;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, MembershipId, RuleId};
use crate::domain::policy::Policy;
use crate::domain::rule::{Rule, RuleState};
use crate::domain::{Error, Result};
use crate::scim::schema::Catalogue;
use crate::store::rules::{self, StoredRule};
use crate::store::{bindings, directories, edges, memberships, origins, policies, roles};

/// How many people are converged at a time: bounds the memory of a large scope.
const CHUNK: usize = 500;

/// What may have changed. Converging too much costs time and changes nothing; too little is a defect.
#[derive(Debug, Default, Clone)]
pub struct Scope {
    /// Directory users whose facts, groups or links changed, those that were just removed included.
    pub users: BTreeSet<DirectoryUserId>,
    /// Directory groups that are new or whose attributes changed.
    pub groups: BTreeSet<DirectoryGroupId>,
    /// Directory groups that are about to be removed: their bindings end now, their rows after.
    pub removed_groups: BTreeSet<DirectoryGroupId>,
    /// Memberships whose manual origins or decisions changed.
    pub memberships: BTreeSet<MembershipId>,
    /// Names of native groups (as they collide) that became free.
    pub freed_names: BTreeSet<String>,
    /// Rules whose mirrored groups stay when their mirrors end and the rule in force says nothing of mirrors:
    /// those that kept them until now, and those that are handed over.
    pub keeping: BTreeSet<RuleId>,
}

/// What stays the same throughout one convergence.
pub(super) struct Context {
    policy: Arc<Policy>,
    keeping: BTreeSet<RuleId>,
}

impl Context {
    async fn load(change: &mut Change<'_>, keeping: BTreeSet<RuleId>) -> Result<Self> {
        let (stamp, kept) = policies::current(change.tx, change.organization).await?;
        let policy = if let Some(policy) = kept {
            policy
        } else {
            let policy = Arc::new(policy(change).await?);
            policies::keep(change.tx, change.organization, stamp, &policy);
            policy
        };
        Ok(Context { policy, keeping })
    }
}

impl Deref for Context {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.policy
    }
}

/// The organization's policy, from the database.
async fn policy(change: &mut Change<'_>) -> Result<Policy> {
    let roles = roles::all(change.tx, change.organization).await?;
    let mut rules = Vec::new();
    for stored in rules::applied(change.tx, change.organization).await? {
        let Some(version) = stored.applied_version else { continue };
        if stored.document.state == RuleState::Active {
            rules.push(compiled(change, stored, version).await?);
        }
    }
    Ok(Policy::new(rules, roles))
}

/// A rule that was checked when it was saved; one for a directory with schemas of its own needs those.
async fn compiled(change: &mut Change<'_>, stored: StoredRule, version: i64) -> Result<Rule> {
    let StoredRule { id, key, document, .. } = stored;
    match (Rule::compile(id, &key, version, document.clone(), &Catalogue::built_in()), document.directory_id) {
        (Err(_), Some(directory)) => {
            let directory = directories::find(change.tx, Some(change.organization), directory).await?;
            let directory = directory.ok_or_else(|| Error::internal(format!("rule {id} is for no directory")))?;
            Rule::compile(id, &key, version, document, &*directory.catalogue()?)
        }
        (rule, _) => rule,
    }
}

/// Makes native state agree, within `scope`, in the transaction of `change`.
pub async fn converge(change: &mut Change<'_>, scope: Scope) -> Result<()> {
    let Scope { mut users, mut groups, mut removed_groups, memberships, mut freed_names, keeping } = scope;
    let context = Context::load(change, keeping).await?;
    // Each round may free names that mirrors wait for, or groups that they may adopt; a round without any is
    // the last. A name changes hands once per round and is never freed by taking it, so this ends.
    loop {
        if !freed_names.is_empty() {
            groups.extend(bindings::waiting_for_names(change.tx, change.organization, freed_names).await?);
        }
        let removed = std::mem::take(&mut removed_groups);
        let bound = bind::groups(change, &context, &std::mem::take(&mut groups), &removed).await?;
        if !bound.changed.is_empty() {
            users.extend(edges::people_of(change.tx, change.organization, bound.changed).await?);
        }
        let scope: Vec<DirectoryUserId> = std::mem::take(&mut users).into_iter().collect();
        for chunk in scope.chunks(CHUNK) {
            let touched = people::converge(change, &context, chunk).await?;
            settle::settle(change, &context, touched).await?;
            change.flush_if_large().await?;
        }
        freed_names = bound.freed_names;
        for group in bound.retired {
            freed_names.extend(bind::retire(change, &context, group).await?);
        }
        for group in bound.released {
            freed_names.extend(bind::release(change, group).await?);
        }
        if freed_names.is_empty() {
            break;
        }
    }
    settle_all(change, &context, memberships).await
}

/// Ends a membership that nothing speaks for any more: no origin, no link in force. Otherwise it stays.
pub async fn leave(change: &mut Change<'_>, id: MembershipId) -> Result<()> {
    let organization = change.organization;
    let spoken_for = !origins::of_memberships(change.tx, organization, [id]).await?.is_empty();
    let found = memberships::find(change.tx, Some(organization), id).await?;
    let Some((membership, _)) = found.filter(|(membership, _)| !spoken_for && !membership.directory_managed) else {
        return Ok(());
    };
    memberships::delete(change.tx, organization, id).await?;
    change.emit("organization_membership.deleted", membership.json());
    Ok(())
}

async fn settle_all(change: &mut Change<'_>, context: &Context, memberships: BTreeSet<MembershipId>) -> Result<()> {
    let memberships: Vec<MembershipId> = memberships.into_iter().collect();
    for chunk in memberships.chunks(CHUNK) {
        settle::settle(change, context, chunk.iter().map(|id| (*id, false)).collect()).await?;
        change.flush_if_large().await?;
    }
    Ok(())
}
