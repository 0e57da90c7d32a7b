//! An application that knows nothing but the events: what it believes must be what there is.

use std::collections::{BTreeMap, BTreeSet};

use muster::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, EventId, GroupId, MembershipId};
use muster::store::events::StoredEvent;
use serde_json::Value;

use super::world::World;

/// What the events so far tell.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// The position of the last event.
    pub position: i64,
    last: Option<EventId>,
    groups: BTreeMap<GroupId, String>,
    members: BTreeSet<(GroupId, MembershipId)>,
    memberships: BTreeMap<MembershipId, Believed>,
    users: BTreeSet<DirectoryUserId>,
    sources: BTreeSet<DirectoryGroupId>,
    edges: BTreeSet<(DirectoryGroupId, DirectoryUserId)>,
    /// The directory of each user and group that ever was.
    homes: BTreeMap<uuid::Uuid, DirectoryId>,
    /// Memberships with news since the last look and since somebody was deleted.
    fresh: BTreeSet<MembershipId>,
    faults: Vec<String>,
}

/// A membership as its last event described it.
#[derive(Debug, Clone, PartialEq)]
struct Believed {
    status: String,
    role: String,
    roles: BTreeSet<String>,
    managed: bool,
}

impl Believed {
    fn read(data: &Value) -> Self {
        let slug = |role: &Value| role["slug"].as_str().expect("a slug").to_owned();
        Believed {
            status: data["status"].as_str().expect("a status").to_owned(),
            role: slug(&data["role"]),
            roles: data["roles"].as_array().expect("roles").iter().map(slug).collect(),
            managed: data["directory_managed"].as_bool().expect("a flag"),
        }
    }
}

/// The id at a pointer.
fn id<T: serde::de::DeserializeOwned>(data: &Value, pointer: &str) -> T {
    let found = data.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {data}"));
    serde_json::from_value(found.clone()).unwrap_or_else(|error| panic!("{pointer} in {data}: {error}"))
}

impl Replay {
    /// Takes in events, oldest first.
    pub fn take(&mut self, events: &[StoredEvent]) {
        self.fresh.clear();
        for event in events {
            if event.position != self.position + 1 {
                self.faults.push(format!("event {} follows {}", event.position, self.position));
            }
            if self.last.is_some_and(|last| event.id <= last) {
                self.faults.push(format!("the id of event {} is not greater than the one before", event.position));
            }
            self.position = event.position;
            self.last = Some(event.id);
            let data: Value = serde_json::from_str(&event.data).expect("event data is JSON");
            let sensible = self.directory(&event.event, &data) && self.native(&event.event, &data);
            if !sensible {
                let fault = format!("event {} makes no sense here: {} {data}", event.position, event.event);
                self.faults.push(fault);
            }
        }
    }

    /// Takes for granted what there is, without having been told.
    pub fn believe(&mut self, world: &World) {
        self.members.clone_from(&world.native.members);
        for (id, mut stored) in believed(world) {
            stored.managed = self.memberships.get(&id).map_or(stored.managed, |told| told.managed);
            self.memberships.insert(id, stored);
        }
    }

    /// What happened in the directories; whether it could happen.
    fn directory(&mut self, name: &str, data: &Value) -> bool {
        match name {
            "dsync.user.created" => {
                let user: DirectoryUserId = id(data, "/id");
                self.homes.insert(user.uuid(), id(data, "/directory_id"));
                self.users.insert(user)
            }
            "dsync.user.updated" => self.users.contains(&id(data, "/id")),
            "dsync.user.deleted" => {
                let user = id(data, "/id");
                self.fresh.clear();
                self.users.remove(&user) && self.edges.iter().all(|(_, member)| *member != user)
            }
            "dsync.group.created" => {
                let group: DirectoryGroupId = id(data, "/id");
                self.homes.insert(group.uuid(), id(data, "/directory_id"));
                self.sources.insert(group)
            }
            "dsync.group.updated" => self.sources.contains(&id(data, "/id")),
            "dsync.group.deleted" => {
                let source = id(data, "/id");
                // The vendor's rule: it stands for the leaving of the group's people.
                self.edges.retain(|(group, _)| *group != source);
                self.sources.remove(&source)
            }
            "dsync.group.user_added" => {
                let (group, user) = (id(data, "/group/id"), id(data, "/user/id"));
                self.sources.contains(&group) && self.users.contains(&user) && self.edges.insert((group, user))
            }
            // It stands for the going of all that the directory had.
            "dsync.deleted" => {
                let directory: DirectoryId = id(data, "/id");
                self.fresh.clear();
                self.users.retain(|user| self.homes.get(&user.uuid()) != Some(&directory));
                self.sources.retain(|group| self.homes.get(&group.uuid()) != Some(&directory));
                self.edges.retain(|(group, _)| self.homes.get(&group.uuid()) != Some(&directory));
                true
            }
            "dsync.group.user_removed" => self.edges.remove(&(id(data, "/group/id"), id(data, "/user/id"))),
            _ => true,
        }
    }

    /// What happened natively; whether it could happen.
    fn native(&mut self, name: &str, data: &Value) -> bool {
        let name_of = |data: &Value| data["name"].as_str().expect("a name").to_owned();
        match name {
            "group.created" => self.groups.insert(id(data, "/id"), name_of(data)).is_none(),
            "group.updated" => self.groups.insert(id(data, "/id"), name_of(data)).is_some_and(|n| n != name_of(data)),
            "group.deleted" => {
                let group: GroupId = id(data, "/id");
                self.groups.remove(&group).is_some() && self.members.iter().all(|(of, _)| *of != group)
            }
            "group.member_added" => {
                let (group, membership) = (id(data, "/group_id"), id(data, "/organization_membership_id"));
                let active = self.memberships.get(&membership).is_some_and(|m| m.status == "active");
                self.groups.contains_key(&group) && active && self.members.insert((group, membership))
            }
            "group.member_removed" => {
                self.members.remove(&(id(data, "/group_id"), id(data, "/organization_membership_id")))
            }
            "organization_membership.created" => {
                self.fresh.insert(id(data, "/id"));
                self.memberships.insert(id(data, "/id"), Believed::read(data)).is_none()
            }
            "organization_membership.updated" => {
                let now = Believed::read(data);
                self.fresh.insert(id(data, "/id"));
                self.memberships.insert(id(data, "/id"), now.clone()).is_some_and(|before| before != now)
            }
            "organization_membership.deleted" => {
                let membership: MembershipId = id(data, "/id");
                self.memberships.remove(&membership).is_some() && self.members.iter().all(|(_, m)| *m != membership)
            }
            _ => true,
        }
    }

    /// Where the events tell another story than the database.
    pub fn disagreements(&self, world: &World) -> Vec<String> {
        let mut found = self.faults.clone();
        if self.position != world.position {
            found.push(format!("{} events, but the head is at {}", self.position, world.position));
        }
        let edges = world.facts.edges.iter().filter_map(|(group, edge)| match edge {
            super::model::Edge::User(user) => Some((*group, *user)),
            _ => None,
        });
        let mut compare = |what: &str, told: String, stored: String| {
            if told != stored {
                found.push(format!("events tell other {what}:\n  told   {told}\n  stored {stored}"));
            }
        };
        let show = |set: &BTreeSet<(DirectoryGroupId, DirectoryUserId)>| format!("{set:?}");
        compare("edges", show(&self.edges), show(&edges.collect()));
        compare("groups", format!("{:?}", self.groups), format!("{:?}", world.groups));
        compare("members", format!("{:?}", self.members), format!("{:?}", world.native.members));
        // Whether a directory manages somebody is no effect, and so has no event of its own.
        let mut stored = believed(world);
        for (membership, believed) in &mut stored {
            if let Some(told) = self.memberships.get(membership).filter(|_| !self.fresh.contains(membership)) {
                believed.managed = told.managed;
            }
        }
        compare("memberships", format!("{:?}", self.memberships), format!("{stored:?}"));
        compare(
            "people",
            format!("{:?}", self.users),
            format!("{:?}", world.facts.users.keys().collect::<BTreeSet<_>>()),
        );
        found
    }
}

/// What an application should believe of the memberships that there are.
fn believed(world: &World) -> BTreeMap<MembershipId, Believed> {
    let slug = |role| world.decisions.roles.get(role).expect("a role that there is").slug.clone();
    let is_managed = |id| {
        let mut links = world.decisions.links.values();
        links.any(|link| link.membership == Some(id) && link.state == "linked")
    };
    world
        .native
        .memberships
        .iter()
        .map(|(id, standing)| {
            let believed = Believed {
                status: if standing.active { "active" } else { "inactive" }.to_owned(),
                role: slug(&standing.primary),
                roles: standing.roles.iter().map(slug).collect(),
                managed: is_managed(*id),
            };
            (*id, believed)
        })
        .collect()
}
