//! Members of a group: references resolved, edges written as deltas, events for the net effect.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::directory::{DirectoryGroup, PendingMembers};
use crate::domain::id::{DirectoryGroupId, DirectoryUserId};
use crate::domain::{Error, Result};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::filter::ResolvedFilter;
use crate::scim::patch::MemberDelta;
use crate::scim::resource::Member as Reference;
use crate::service::change::{Change, Trace};
use crate::service::keys::ScimAccess;
use crate::store::directory_users;
use crate::store::edges::{self, EdgeRow, Member, NewEdge};

/// The most members in one request. A group may have any number.
pub(super) const MAX_MEMBERS: usize = 100_000;

/// Edges in the order in which they are compared: what it resolves to, or the text that is pending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Known(Member),
    Pending(String),
}

fn identity(row: &EdgeRow) -> Identity {
    match (row.user_id, row.subgroup_id) {
        (Some(user), _) => Identity::Known(Member::User(user)),
        (None, Some(group)) => Identity::Known(Member::Group(group)),
        (None, None) => Identity::Pending(row.value.clone().unwrap_or_default()),
    }
}

/// The net effect of a request on the members of one group.
#[derive(Debug, Default)]
pub(super) struct MemberChanges(BTreeMap<Identity, i8>);

impl MemberChanges {
    /// Whether nothing is different in the end.
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|net| *net == 0)
    }

    fn came(&mut self, rows: &[EdgeRow]) {
        for row in rows {
            *self.0.entry(identity(row)).or_default() += 1;
        }
    }

    fn went(&mut self, rows: &[EdgeRow]) {
        for row in rows {
            *self.0.entry(identity(row)).or_default() -= 1;
        }
    }

    fn users(&self, net: i8) -> BTreeSet<DirectoryUserId> {
        let wanted = self.0.iter().filter(|(_, n)| **n == net);
        wanted
            .filter_map(|(who, _)| if let Identity::Known(Member::User(id)) = who { Some(*id) } else { None })
            .collect()
    }

    /// The groups within that came or went: their people are concerned too.
    pub(super) fn subgroups(&self) -> BTreeSet<DirectoryGroupId> {
        let changed = self.0.iter().filter(|(_, n)| **n != 0);
        changed
            .filter_map(|(who, _)| if let Identity::Known(Member::Group(id)) = who { Some(*id) } else { None })
            .collect()
    }

    /// Notes what came and went for the log.
    fn count(&self, trace: &mut Trace) {
        let net = |wanted: i8| self.0.iter().filter(move |(_, net)| **net == wanted);
        trace.stored("edges_added", net(1).count());
        trace.stored("pending", net(1).filter(|(who, _)| matches!(who, Identity::Pending(_))).count());
        trace.stored("edges_removed", net(-1).count());
    }

    /// The users who came or went.
    pub(super) fn changed_users(&self) -> BTreeSet<DirectoryUserId> {
        let mut users = self.users(1);
        users.extend(self.users(-1));
        users
    }
}

/// What references mean: edges to store, each distinct, in the order in which they were sent.
async fn resolved(
    change: &mut Change<'_>,
    access: &ScimAccess,
    group: DirectoryGroupId,
    references: &[Reference],
) -> Result<Vec<NewEdge>> {
    let as_id = |value: &str| -> Option<Member> {
        let user = value.parse().ok().map(Member::User);
        user.or_else(|| value.parse().ok().map(Member::Group))
    };
    let candidates: BTreeSet<Member> = references.iter().filter_map(|r| as_id(&r.value)).collect();
    let known = edges::known_ids(change.tx, access.scope, candidates).await?;
    let is_known = |value: &str| as_id(value).filter(|member| known.contains(member));
    let others: BTreeSet<&str> =
        references.iter().map(|r| r.value.as_str()).filter(|value| is_known(value).is_none()).collect();
    let others = others.into_iter().map(str::to_owned).collect();
    let by_external_id: BTreeMap<String, Member> =
        edges::by_external_ids(change.tx, access.scope, group, others).await?.into_iter().collect();
    Ok(references
        .iter()
        .map(|reference| match is_known(&reference.value) {
            Some(member) => NewEdge { member: Some(member), value: None },
            None => {
                NewEdge { member: by_external_id.get(&reference.value).copied(), value: Some(reference.value.clone()) }
            }
        })
        .collect())
}

/// The directory's way with members that are not known.
fn admitted(access: &ScimAccess, edges: Vec<NewEdge>) -> Result<Vec<NewEdge>> {
    match access.directory.settings.pending_members {
        PendingMembers::Keep => Ok(edges),
        PendingMembers::Drop => Ok(edges.into_iter().filter(|edge| edge.member.is_some()).collect()),
        PendingMembers::Reject => match edges.iter().find(|edge| edge.member.is_none()) {
            None => Ok(edges),
            Some(unknown) => {
                let value: String = unknown.value.iter().flat_map(|value| value.chars()).take(80).collect();
                let detail = format!(
                    "members: '{value}' names neither a user nor a group of this directory; push that resource first"
                );
                Err(ScimError::bad(ScimType::InvalidValue, detail).into())
            }
        },
    }
}

fn check_count(count: usize) -> Result<()> {
    if count <= MAX_MEMBERS {
        return Ok(());
    }
    let detail =
        format!("members: {count} in one request; send {MAX_MEMBERS} at most and the rest in further requests");
    Err(Error::Scim(ScimError { status: 413, scim_type: Some(ScimType::TooMany), detail }))
}

/// Adds members.
pub(super) async fn add(
    change: &mut Change<'_>,
    access: &ScimAccess,
    group: DirectoryGroupId,
    references: &[Reference],
    changes: &mut MemberChanges,
) -> Result<()> {
    check_count(references.len())?;
    let edges = admitted(access, resolved(change, access, group, references).await?)?;
    let came = edges::add(change.tx, change.organization, group, edges).await?;
    changes.came(&came);
    Ok(())
}

/// Makes these the only members.
pub(super) async fn replace(
    change: &mut Change<'_>,
    access: &ScimAccess,
    group: DirectoryGroupId,
    references: &[Reference],
    changes: &mut MemberChanges,
) -> Result<()> {
    check_count(references.len())?;
    if references.is_empty() {
        return clear(change, group, changes).await;
    }
    let wanted = admitted(access, resolved(change, access, group, references).await?)?;
    let members = wanted.iter().filter_map(|edge| edge.member).collect();
    let pending = wanted.iter().filter(|edge| edge.member.is_none()).filter_map(|edge| edge.value.clone());
    let went = edges::retain(change.tx, change.organization, group, &members, pending).await?;
    changes.went(&went);
    let came = edges::add(change.tx, change.organization, group, wanted).await?;
    changes.came(&came);
    Ok(())
}

async fn remove_identities(
    change: &mut Change<'_>,
    group: DirectoryGroupId,
    gone: impl IntoIterator<Item = Identity>,
    changes: &mut MemberChanges,
) -> Result<()> {
    let (mut members, mut values) = (BTreeSet::new(), Vec::new());
    for who in gone {
        match who {
            Identity::Known(member) => {
                members.insert(member);
            }
            Identity::Pending(value) => values.push(value),
        }
    }
    let went = edges::remove(change.tx, change.organization, group, &members, &values).await?;
    changes.went(&went);
    Ok(())
}

/// Removes the members that these references name; others stay. A reference that names nobody is ignored:
/// retries make that common.
async fn remove(
    change: &mut Change<'_>,
    access: &ScimAccess,
    group: DirectoryGroupId,
    values: &[String],
    changes: &mut MemberChanges,
) -> Result<()> {
    check_count(values.len())?;
    let references: Vec<Reference> =
        values.iter().map(|value| Reference { value: value.clone(), kind: None }).collect();
    let resolved = resolved(change, access, group, &references).await?;
    let members = resolved.iter().filter_map(|edge| edge.member).collect();
    let went = edges::remove(change.tx, change.organization, group, &members, values).await?;
    changes.went(&went);
    Ok(())
}

/// Removes every member.
pub(super) async fn clear(change: &mut Change<'_>, group: DirectoryGroupId, changes: &mut MemberChanges) -> Result<()> {
    let went = edges::clear(change.tx, change.organization, group).await?;
    changes.went(&went);
    Ok(())
}

/// Removes the members that a value filter selects.
async fn remove_where(
    change: &mut Change<'_>,
    group: DirectoryGroupId,
    filter: &ResolvedFilter,
    changes: &mut MemberChanges,
) -> Result<()> {
    let stored = edges::all(change.tx, change.organization, group).await?;
    let selected: Vec<Identity> =
        stored.iter().filter(|row| filter.matches_value(&member_value(row, ""))).map(identity).collect();
    if selected.is_empty() {
        let detail = "the value filter selects no member of the group; nothing was changed";
        return Err(ScimError::bad(ScimType::NoTarget, detail).into());
    }
    remove_identities(change, group, selected, changes).await
}

/// Applies the member operations of a PATCH in their order.
pub(super) async fn apply(
    change: &mut Change<'_>,
    access: &ScimAccess,
    group: DirectoryGroupId,
    deltas: &[MemberDelta],
    changes: &mut MemberChanges,
) -> Result<()> {
    for delta in deltas {
        match delta {
            MemberDelta::Add(references) => add(change, access, group, references, changes).await?,
            MemberDelta::Remove(values) => remove(change, access, group, values, changes).await?,
            MemberDelta::RemoveWhere(filter) => remove_where(change, group, filter, changes).await?,
            MemberDelta::Replace(references) => replace(change, access, group, references, changes).await?,
            MemberDelta::Clear => clear(change, group, changes).await?,
        }
    }
    Ok(())
}

/// One event per person who joined or left the group itself: those who left first.
pub(super) async fn emit(change: &mut Change<'_>, group: &DirectoryGroup, changes: &MemberChanges) -> Result<()> {
    changes.count(&mut change.trace);
    let (left, joined) = (changes.users(-1), changes.users(1));
    let people: Vec<(&'static str, DirectoryUserId)> = left
        .into_iter()
        .map(|id| ("dsync.group.user_removed", id))
        .chain(joined.into_iter().map(|id| ("dsync.group.user_added", id)))
        .collect();
    for chunk in people.chunks(1_000) {
        let users = directory_users::by_ids(change.tx, change.organization, chunk.iter().map(|(_, id)| *id)).await?;
        let users: BTreeMap<DirectoryUserId, _> = users.into_iter().map(|user| (user.id, user)).collect();
        for (name, id) in chunk {
            let Some(user) = users.get(id) else { continue };
            let data = json!({
                "directory_id": group.directory,
                "user": user.json(change.organization),
                "group": group.json(change.organization),
            });
            change.emit(name, data);
        }
        change.flush_if_large().await?;
    }
    Ok(())
}

/// A member as a resource shows it: `value` as it was sent, `type` and `$ref` where it is known.
pub fn member_value(row: &EdgeRow, base_url: &str) -> Value {
    let (id, kind, endpoint) = match (row.user_id, row.subgroup_id) {
        (Some(id), _) => (id.to_string(), "User", "Users"),
        (None, Some(id)) => (id.to_string(), "Group", "Groups"),
        (None, None) => return json!({"value": row.value}),
    };
    let reference = format!("{base_url}/{endpoint}/{id}");
    json!({"value": row.value.as_ref().unwrap_or(&id), "type": kind, "$ref": reference})
}
