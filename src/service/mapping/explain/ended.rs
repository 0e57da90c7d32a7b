//! What spoke for it last, and the event that told of its end.

use serde_json::Value;

use super::facts::Facts;
use crate::domain::clock::timestamp;
use crate::domain::explanation::{Ended, EventRef, Named, TargetRef};
use crate::domain::id::MembershipId;
use crate::domain::{Error, Result};
use crate::store::Tx;
use crate::store::explain::reasons::{self, ToldEvent};

/// The last reason that ended, if one did.
pub(super) async fn ended(tx: &mut Tx, facts: &Facts) -> Result<Vec<Ended>> {
    let Some(subject) = &facts.subject else { return Ok(Vec::new()) };
    let target = &facts.wanted.target;
    let Some(row) = reasons::ended(tx, facts.organization, subject.id, target.target()).await? else {
        return Ok(Vec::new());
    };
    let events = reasons::leavings(tx, facts.organization, subject.id, row.since_position, row.ended_at).await?;
    let event = events.into_iter().find(|event| tells(event, subject.id, target)).map(|event| EventRef {
        id: event.id,
        position: event.position,
        event: event.event,
        created_at: timestamp(event.created_at),
    });
    let cause: Value = serde_json::from_str(&row.cause)
        .map_err(|error| Error::internal(format!("an ended origin has a corrupt cause: {error}")))?;
    let rule = row.rule_id.non_nil();
    let (group, user) = (row.directory_group_id.non_nil(), row.directory_user_id.non_nil());
    Ok(vec![Ended {
        kind: row.kind,
        rule: rule.map(|id| facts.rule_ref(id, row.rule_version, row.rule_key.as_deref())),
        directory_group: group.map(|id| Named { id, name: row.directory_group }),
        directory_user: user.map(|id| facts.user_ref(id, row.user_name.as_deref())),
        began_at: timestamp(row.began_at),
        ended_at: timestamp(row.ended_at),
        cause,
        event,
    }])
}

/// Whether an event says that the membership lost the target.
fn tells(event: &ToldEvent, membership: MembershipId, target: &TargetRef) -> bool {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let is = |field: &str, id: String| data.get(field).and_then(Value::as_str) == Some(id.as_str());
    match (target, event.event.as_str()) {
        (TargetRef::Group { id, .. }, "group.member_removed") => {
            is("group_id", id.to_string()) && is("organization_membership_id", membership.to_string())
        }
        (TargetRef::Group { .. }, _) | (_, "group.member_removed") => false,
        (_, "organization_membership.deleted") => is("id", membership.to_string()),
        (TargetRef::Membership {}, _) => is("id", membership.to_string()) && is("status", "inactive".to_owned()),
        (TargetRef::Role { slug, .. }, _) => {
            let roles = data.get("roles").and_then(Value::as_array).into_iter().flatten();
            let held = roles.filter_map(|role| role.get("slug").and_then(Value::as_str)).any(|held| held == slug);
            is("id", membership.to_string()) && !held
        }
    }
}
