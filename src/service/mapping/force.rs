//! Putting rules in force and out of it, with all that follows, in one transaction: for what is small enough.

use std::collections::BTreeSet;

use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, OrganizationId, RuleId};
use crate::domain::origin::Ending;
use crate::domain::rule::RuleDocument;
use crate::service::change::Change;
use crate::service::converge::{Scope, converge};
use crate::store::rules::{self, StoredRule};
use crate::store::{Tx, bindings, directory_groups, directory_users, edges, origins};

/// Puts the newest version in force and makes native state agree, for everybody it concerned or concerns.
pub async fn put_in_force(change: &mut Change<'_>, rule: &mut StoredRule) -> Result<()> {
    let organization = change.organization;
    let mut scope = Scope { users: people(change.tx, organization, rule.id).await?, ..Scope::default() };
    let in_force = rules::applied(change.tx, organization).await?.into_iter().find(|applied| applied.id == rule.id);
    for document in in_force.iter().map(|applied| &applied.document).chain([&rule.document]) {
        let (groups, users) = reach(change.tx, organization, document).await?;
        scope.groups.extend(groups);
        scope.users.extend(users);
    }
    rules::set_applied(change.tx, organization, rule.id, rule.version, None, change.now).await?;
    rule.applied_version = Some(rule.version);
    converge(change, scope).await
}

/// Deletes a rule; what it gave ends, or is handed over.
pub async fn delete(change: &mut Change<'_>, rule: &StoredRule, ending: Ending) -> Result<()> {
    let organization = change.organization;
    let users = people(change.tx, organization, rule.id).await?;
    let groups = bindings::groups_of_rule(change.tx, organization, rule.id).await?.into_iter().collect();
    rules::set_leaving(change.tx, organization, rule.id, ending, None, change.now).await?;
    converge(change, Scope { users, groups, ..Scope::default() }).await?;
    rules::delete(change.tx, organization, rule.id).await
}

/// Everybody whom the version in force concerns: those to whom the rule gives something, and those of the groups
/// that it is bound to.
pub(crate) async fn people(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: RuleId,
) -> Result<BTreeSet<DirectoryUserId>> {
    let mut people = origins::people_of_rule(tx, organization, rule).await?;
    let bound = bindings::groups_of_rule(tx, organization, rule).await?;
    people.extend(edges::people_of(tx, organization, bound).await?);
    Ok(people)
}

/// The groups that a version of a rule may match, whose people follow where it does; and the people of a rule that
/// looks at no groups.
pub(crate) async fn reach(
    tx: &mut Tx,
    organization: OrganizationId,
    document: &RuleDocument,
) -> Result<(BTreeSet<DirectoryGroupId>, BTreeSet<DirectoryUserId>)> {
    let groups = directory_groups::all_ids(tx, organization, document.directory_id).await?;
    let by_group = document.when.group.is_some() || !document.when.group_ids.is_empty();
    let users = if by_group {
        BTreeSet::new()
    } else {
        directory_users::all_ids(tx, organization, document.directory_id).await?
    };
    Ok((groups, users))
}
