//! Calls of the OpenAI-shaped API.

use serde_json::{Value, json};

use super::server::{Answer, TestServer};

/// An organization as an application sees it through the OpenAI-shaped API.
pub struct Desk<'a> {
    server: &'a TestServer,
    /// The organization.
    pub organization: String,
    key: String,
}

impl<'a> Desk<'a> {
    /// A desk with a key of the organization that may change things.
    pub async fn of(server: &'a TestServer, organization: &str) -> Self {
        let key = server.organization_key(organization, "admin").await;
        Desk { server, organization: organization.to_owned(), key }
    }

    /// Calls the API; `path` is below `/v1/organization`.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.server.api_with(&self.key, method, &format!("/v1/organization{path}"), body).await
    }

    /// Reads something that is there.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await.expect(200)
    }

    /// Makes or changes something.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, body).await.expect(200)
    }

    /// Deletes something.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, Value::Null).await.expect(200)
    }

    /// Makes a role without permissions; answers its id.
    pub async fn role(&self, name: &str) -> String {
        self.post("/roles", json!({"role_name": name, "permissions": []})).await.text("/id")
    }

    /// Makes a group; answers its id.
    pub async fn group(&self, name: &str) -> String {
        self.post("/groups", json!({"name": name})).await.text("/id")
    }

    /// The id of the user with this address.
    pub async fn user(&self, email: &str) -> String {
        self.get(&format!("/users?emails={email}")).await.text("/data/0/id")
    }

    /// Verifies the organization; answers how many differences there are.
    pub async fn drift(&self) -> Value {
        let run = self.server.begin_run(&self.organization, "verify").await;
        self.server.run_in(&run, "succeeded").await.at("/effects").clone()
    }
}

/// Demands a refusal in the shape of the API; answers its code.
#[track_caller]
pub fn refusal(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    let error = answer.at("/error").as_object().unwrap_or_else(|| panic!("no error object: {}", answer.body));
    let keys: Vec<&String> = error.keys().collect();
    assert_eq!(keys, ["code", "message", "param", "type"], "{}", answer.body);
    assert!(error["message"].is_string() && error["type"].is_string() && error["code"].is_string());
    assert!(error["param"].is_string() || error["param"].is_null());
    assert_eq!(
        answer.headers.get("x-should-retry").map(reqwest::header::HeaderValue::as_bytes),
        Some(b"false".as_slice())
    );
    answer.text("/error/code")
}
