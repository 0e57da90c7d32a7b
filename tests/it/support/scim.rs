//! Bodies, reads and checks that tests of the SCIM surface share.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};
use muster::domain::id::OrganizationId;
use muster::store::events;
use serde_json::{Value, json};

use super::server::{Answer, TestDirectory, TestServer, answer};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
pub const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A user's body: `more` over a `userName`.
pub fn user(user_name: &str, more: Value) -> Value {
    over(json!({"schemas": [USER], "userName": user_name}), more)
}

/// A group's body with these members.
pub fn group(display_name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|value| json!({"value": value})).collect();
    json!({"schemas": [GROUP], "displayName": display_name, "members": members})
}

/// `base` with the keys of `more` written over it.
#[allow(clippy::needless_pass_by_value, reason = "literals read better without &")]
pub fn over(mut base: Value, more: Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    base.as_object_mut().expect("an object").extend(more);
    base
}

/// A path with a query, whose values are encoded.
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{path}?{query}")
}

impl Answer {
    /// Demands a SCIM error with this status and `scimType` (empty: none).
    #[track_caller]
    pub fn refused(&self, status: u16, scim_type: &str, what: &str) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{what}: {}", self.body);
        assert_eq!(self.at("/scimType").as_str().unwrap_or_default(), scim_type, "{what}: {}", self.body);
        assert_eq!(self.at("/schemas"), &json!([ERROR]), "{what}: {}", self.body);
        assert_eq!(self.at("/status"), &json!(status.to_string()), "{what}: {}", self.body);
        assert!(!self.text("/detail").is_empty(), "{what}");
        assert_eq!(self.header("content-type"), "application/scim+json", "{what}");
        self
    }

    /// A header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("it is text")).unwrap_or_default()
    }

    /// The resources of a list.
    #[track_caller]
    pub fn resources(&self) -> &[Value] {
        self.at("/Resources").as_array().unwrap_or_else(|| panic!("no list: {}", self.body))
    }

    /// A string of each resource of a list, in order.
    #[track_caller]
    pub fn column(&self, pointer: &str) -> Vec<String> {
        let text = |resource: &Value| resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.resources().iter().map(text).collect()
    }
}

impl TestDirectory {
    /// GET below the base URL.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    /// A request with more headers; a null body is none.
    pub async fn with_headers(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        answer(request).await
    }

    /// A request whose body is these bytes.
    pub async fn bytes(&self, method: &str, path: &str, media_type: &str, body: Vec<u8>) -> Answer {
        answer(self.request(method, path).header("content-type", media_type).body(body)).await
    }

    /// Creates users `prefix0`, `prefix1` …; answers their ids in that order.
    pub async fn users(&self, prefix: &str, count: usize) -> Vec<String> {
        let create = |n: usize| async move {
            self.scim("POST", "/Users", user(&format!("{prefix}{n}"), json!({}))).await.expect(201).text("/id")
        };
        stream::iter(0..count).map(create).buffered(32).collect().await
    }

    /// The `value`s of a group's members, in order of their text.
    pub async fn members(&self, group: &str) -> BTreeSet<String> {
        let found = self.get(&format!("/Groups/{group}")).await.expect(200);
        let members = found.at("/members").as_array().cloned().unwrap_or_default();
        let values: BTreeSet<String> =
            members.iter().map(|member| member["value"].as_str().expect("a value").to_owned()).collect();
        assert_eq!(values.len(), members.len(), "no member is there twice");
        values
    }
}

impl TestServer {
    /// How many events an organization has had.
    pub async fn events(&self, organization: &str) -> usize {
        self.event_names(organization).await.len()
    }

    /// The names of all events of an organization, in order.
    pub async fn event_names(&self, organization: &str) -> Vec<String> {
        let organization: OrganizationId = organization.parse().expect("an id");
        let mut tx = self.server.app.db.read().await.expect("the database answers");
        let all = events::after(&mut tx, organization, 0, 1_000_000).await.expect("the events are read");
        all.into_iter().map(|event| event.event).collect()
    }

    /// All that a directory holds, and how many events there were, to compare with later.
    pub async fn state(&self, directory: &TestDirectory) -> String {
        let users = directory.get("/Users?count=1000&sortBy=id").await.expect(200).body;
        let groups = directory.get("/Groups?count=1000&sortBy=id").await.expect(200).body;
        assert!(users["totalResults"].as_u64() <= Some(1_000), "all are on one page");
        format!("{users}\n{groups}\n{} events", self.events(&directory.organization).await)
    }
}
