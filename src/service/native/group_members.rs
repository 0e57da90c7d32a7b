//! Who is in a native group by hand: added, removed, several at a time.

use std::collections::BTreeSet;

use serde_json::{Map, json};

use super::{by_hand, groups};
use crate::app::App;
use crate::domain::id::{GroupId, MembershipId, RuleId};
use crate::domain::native::Group;
use crate::domain::origin::{Kind, Target, excluded};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Scope, converge};
use crate::store::{Lane, memberships, origins, rules};

/// How many people are changed by one request.
const MAX_AT_ONCE: usize = 100;

/// Who joins a group and who leaves it.
#[derive(Debug, Clone, Default)]
pub struct MemberChange {
    /// Those who join; whoever is in the group already stays in it.
    pub add: Vec<MembershipId>,
    /// Those who leave; whoever is not in the group is passed over.
    pub remove: Vec<MembershipId>,
}

/// Changes who is in a group by hand, all of it or nothing. Somebody whose membership is inactive is in the group as
/// soon as it is active.
///
/// # Errors
///
/// [`Error::Refused`] `group_managed` for a group that a rule mirrors, `member_by_rule` for somebody whom only a rule
/// brings into the group; [`Error::Invalid`] `group_membership_update_overlap` for somebody who is to join and to
/// leave; [`Error::NotFound`] for a group or membership that the organization does not have.
pub async fn change(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    group: GroupId,
    members: MemberChange,
) -> Result<Outcome<Group>> {
    check(&members)?;
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (members, cause) = (members.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let group = groups::require(change.tx, organization, group).await?;
                groups::refuse_if_managed(&mut change, &group, "its people are those of the directory group").await?;
                require_all(&mut change, &members).await?;
                refuse_if_by_rule(&mut change, &group, &members.remove).await?;
                let target = Target::Group(group.id);
                by_hand::take(&mut change, &members.remove, |given| given == target).await?;
                by_hand::give(&mut change, members.add.iter().map(|member| (*member, target))).await?;
                converge(&mut change, Scope::of_memberships(members.add.into_iter().chain(members.remove))).await?;
                Ok(Outcome { value: group, revision: change.finish().await? })
            })
        })
        .await
}

fn check(members: &MemberChange) -> Result<()> {
    let count = members.add.len() + members.remove.len();
    if !(1..=MAX_AT_ONCE).contains(&count) {
        let message = format!("add and remove have 1 to {MAX_AT_ONCE} entries together");
        return Err(Error::invalid("add", "invalid_count", message));
    }
    match members.add.iter().find(|id| members.remove.contains(id)) {
        Some(both) => {
            let message = format!("{both} is in add and in remove; leave it in one of them");
            Err(Error::invalid("add", "group_membership_update_overlap", message))
        }
        None => Ok(()),
    }
}

async fn require_all(change: &mut Change<'_>, members: &MemberChange) -> Result<()> {
    let named: BTreeSet<MembershipId> = members.add.iter().chain(&members.remove).copied().collect();
    let found = memberships::by_ids(change.tx, change.organization, named.iter().copied()).await?;
    let found: BTreeSet<MembershipId> = found.into_iter().map(|membership| membership.id).collect();
    match named.difference(&found).next() {
        Some(missing) => Err(Error::not_found("organization membership", missing)),
        None => Ok(()),
    }
}

/// Refuses to remove somebody whom a rule brings into the group: they would still be in it afterwards.
async fn refuse_if_by_rule(change: &mut Change<'_>, group: &Group, leaving: &[MembershipId]) -> Result<()> {
    let target = Target::Group(group.id);
    let stored = origins::of_memberships(change.tx, change.organization, leaving.iter().copied()).await?;
    for member in leaving {
        let Some(all) = stored.get(member) else { continue };
        let by_rule = all.iter().find(|o| o.target == target && !matches!(o.kind, Kind::Manual | Kind::Exclude));
        let Some(origin) = by_rule.filter(|_| !excluded(all, target)) else { continue };
        let keys = rules::keys(change.tx, change.organization).await?;
        let key = |rule: RuleId| keys.get(&rule).map_or_else(|| rule.to_string(), |key| format!("'{key}' ({rule})"));
        let message = format!(
            "{member} is in the group '{}' by the rule {}: change the rule, exclude the person by one, or take them out \
             of the group at the identity provider",
            group.name,
            origin.rule.map_or_else(|| "that was in force".to_owned(), key)
        );
        let details = Map::from_iter([
            ("organization_membership_id".to_owned(), json!(member)),
            ("rule_id".to_owned(), json!(origin.rule)),
        ]);
        return Err(Error::refused("member_by_rule", message, details));
    }
    Ok(())
}
