//! The native side of an organization as a test reads it: through the API, in words.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::server::TestServer;

/// Groups with their members, and people with their roles.
#[derive(Debug)]
pub struct Native {
    groups: BTreeMap<String, (String, Vec<String>)>,
    people: BTreeMap<String, (String, String)>,
}

/// Reads the native side.
pub async fn native(server: &TestServer, organization: &str) -> Native {
    let mut groups = BTreeMap::new();
    for group in all(server, &format!("/organizations/{organization}/groups?limit=100")).await {
        let id = text(&group, "/id");
        let path = format!("/organizations/{organization}/groups/{id}/organization-memberships?limit=100");
        let mut members: Vec<String> =
            all(server, &path).await.iter().map(|member| text(member, "/user/email")).collect();
        members.sort();
        groups.insert(text(&group, "/name"), (id, members));
    }
    let mut people = BTreeMap::new();
    let path = format!(
        "/user_management/organization_memberships?organization_id={organization}&statuses=active,inactive&limit=100"
    );
    for membership in all(server, &path).await {
        let roles: Vec<String> =
            membership["roles"].as_array().unwrap().iter().map(|role| text(role, "/slug")).collect();
        let words = format!("{} {}", text(&membership, "/status"), roles.join(","));
        people.insert(text(&membership, "/user/email"), (text(&membership, "/user_id"), words));
    }
    Native { groups, people }
}

async fn all(server: &TestServer, path: &str) -> Vec<Value> {
    let answer = server.api("GET", path, json!(null)).await.expect(200);
    assert_eq!(answer.at("/list_metadata/after"), &Value::Null, "one page is enough for a test");
    answer.body["data"].as_array().unwrap().clone()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}")).to_owned()
}

impl Native {
    /// `name: member, member` by name.
    pub fn groups(&self) -> Vec<String> {
        self.groups.iter().map(|(name, (_, members))| format!("{name}: {}", members.join(", "))).collect()
    }

    /// The ids of the groups, by name.
    pub fn group_ids(&self) -> Vec<&str> {
        self.groups.values().map(|(id, _)| id.as_str()).collect()
    }

    /// `email status role,role` by e-mail, the primary role first.
    pub fn people(&self) -> Vec<String> {
        self.people.iter().map(|(email, (_, words))| format!("{email} {words}")).collect()
    }

    /// The ids of the native users, by e-mail.
    pub fn user_ids(&self) -> Vec<&str> {
        self.people.values().map(|(id, _)| id.as_str()).collect()
    }
}
