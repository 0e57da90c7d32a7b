//! Whom a rule concerns. Too many cost time; too few are a defect.

use std::collections::BTreeSet;

use crate::domain::Result;
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, OrganizationId, RuleId};
use crate::domain::rule::RuleDocument;
use crate::store::{Tx, bindings, directory_groups, directory_users, edges, origins};

/// Whom changes concern.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Directory groups whose bindings may change.
    pub(crate) groups: BTreeSet<DirectoryGroupId>,
    /// People who may have something else; those of groups whose bindings change come on top.
    pub(crate) people: BTreeSet<DirectoryUserId>,
}

/// Everybody whom the version in force concerns: those to whom the rule gives something, and those of the groups
/// that it is bound to.
pub(super) async fn of_rule(tx: &mut Tx, organization: OrganizationId, rule: RuleId, reach: &mut Reach) -> Result<()> {
    reach.people.extend(origins::people_of_rule(tx, organization, rule).await?);
    let bound = bindings::groups_of_rule(tx, organization, rule).await?;
    reach.people.extend(edges::people_of(tx, organization, bound.iter().copied()).await?);
    reach.groups.extend(bound);
    Ok(())
}

/// The groups that a version of a rule may come to match; and the people of a rule that looks at no groups.
pub(super) async fn of_document(
    tx: &mut Tx,
    organization: OrganizationId,
    document: &RuleDocument,
    reach: &mut Reach,
) -> Result<()> {
    reach.groups.extend(directory_groups::all_ids(tx, organization, document.directory_id).await?);
    if document.when.group.is_none() && document.when.group_ids.is_empty() {
        reach.people.extend(directory_users::all_ids(tx, organization, document.directory_id).await?);
    }
    Ok(())
}
