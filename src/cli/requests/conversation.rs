//! Requests of the log as a conversation that `muster replay` plays against another directory.
//!
//! Ids that the log's directory gave are of no use elsewhere: each becomes a variable that the step saves which made the
//! resource, and later steps use it.

use std::collections::BTreeMap;

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use crate::cli::output::at;

/// What an id of a resource looks like.
const ID: &str = r"\b[0-9a-z_]+_[0-9A-HJKMNP-TV-Z]{26}\b";

/// A conversation that grows.
pub struct Conversation {
    directory: Value,
    steps: Vec<Value>,
    /// The variable that stands for an id.
    saved: BTreeMap<String, String>,
    id: Option<Regex>,
    left_out: u64,
}

impl Conversation {
    /// An empty one, of what was asked of this directory.
    pub fn of(directory: &Value) -> Self {
        Conversation {
            directory: directory.clone(),
            steps: Vec::new(),
            saved: BTreeMap::new(),
            id: Regex::new(ID).ok(),
            left_out: 0,
        }
    }

    /// Takes a request up, if it can be played again.
    pub fn add(&mut self, request: &Value) {
        match self.step(request) {
            Some(step) => self.steps.push(step),
            None => self.left_out += 1,
        }
    }

    /// Whether no request could be taken up.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many requests were left out.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The document.
    pub fn document(&self) -> Value {
        json!({
            "conversation": format!("log-of-{}", at(&self.directory, "/id")),
            "identity_provider": at(&self.directory, "/type"),
            "summary": format!("What the log of {} has, for an empty directory.", at(&self.directory, "/name")),
            "settings": self.directory["settings"],
            "headers": {"Content-Type": "application/scim+json"},
            "steps": self.steps,
        })
    }

    fn step(&mut self, request: &Value) -> Option<Value> {
        let (method, path) = (request["method"].as_str()?, request["path"].as_str()?);
        let has_body = match method {
            "POST" | "PUT" | "PATCH" => true,
            "DELETE" => false,
            // The log has no queries, so a read cannot be asked again.
            _ => return None,
        };
        // The operations of a bulk request have entries of their own, beside that of the whole.
        if path.starts_with("/Bulk/") || path.contains("{{") {
            return None;
        }
        // What is about something that was made before cannot be found elsewhere.
        let known = |path: &str| self.ids(path).iter().all(|id| self.saved.contains_key(id));
        if !known(path) {
            return None;
        }
        let mut step = Map::from_iter([
            ("name".to_owned(), request["id"].clone()),
            ("grade".to_owned(), "wire".into()),
            ("method".to_owned(), method.into()),
            ("path".to_owned(), self.with_variables(path).into()),
            ("expect".to_owned(), json!({"status": [request["status"]]})),
        ]);
        if has_body {
            // What is too long to be kept whole is no JSON any more.
            let body: Value = serde_json::from_str(request["body"].as_str()?).ok()?;
            if body.to_string().contains("{{") {
                return None;
            }
            step.insert("body".to_owned(), self.replaced(body));
        }
        let resource = request["resource_id"].as_str().filter(|_| request["status"] == 201);
        if let Some(resource) = resource {
            let variable = format!("made_{}", self.saved.len() + 1);
            step.insert("save".to_owned(), json!({variable.as_str(): "id"}));
            self.saved.insert(resource.to_owned(), variable);
        }
        Some(step.into())
    }

    fn ids(&self, text: &str) -> Vec<String> {
        self.id.iter().flat_map(|id| id.find_iter(text)).map(|id| id.as_str().to_owned()).collect()
    }

    fn with_variables(&self, text: &str) -> String {
        let variable = |found: &Captures<'_>| match self.saved.get(&found[0]) {
            Some(variable) => format!("{{{{{variable}}}}}"),
            None => found[0].to_owned(),
        };
        self.id.as_ref().map_or_else(|| text.to_owned(), |id| id.replace_all(text, variable).into_owned())
    }

    fn replaced(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.with_variables(&text).into(),
            Value::Array(all) => all.into_iter().map(|one| self.replaced(one)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| (name, self.replaced(value))).collect::<Map<_, _>>().into()
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay;

    const ADA: &str = "directory_user_01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn request(id: &str, method: &str, path: &str, status: u16, body: &Value) -> Value {
        let body = if body.is_null() { Value::Null } else { body.to_string().into() };
        let resource = if status == 201 { ADA.into() } else { Value::Null };
        json!({"id": id, "method": method, "path": path, "status": status, "body": body, "resource_id": resource})
    }

    #[test]
    fn ids_become_variables_of_the_step_that_made_them() {
        let directory = json!({"id": "directory_1", "name": "Okta", "type": "okta scim v2.0", "settings": {}});
        let mut conversation = Conversation::of(&directory);
        conversation.add(&request("r0", "PATCH", &format!("/Users/{ADA}"), 200, &json!({"a": 1})));
        conversation.add(&request("r1", "GET", "/Users", 200, &Value::Null));
        conversation.add(&request("r2", "POST", "/Users", 201, &json!({"userName": "ada"})));
        conversation.add(&request("r3", "POST", "/Users", 409, &Value::Null));
        conversation.add(&request("r4", "POST", "/Groups", 400, &json!({"displayName": "{{ team }}"})));
        let path = format!("members[value eq \"{ADA}\"]");
        conversation.add(&request("r5", "PATCH", &format!("/Users/{ADA}"), 204, &json!({"path": path})));
        conversation.add(&request("r6", "DELETE", &format!("/Users/{ADA}"), 204, &Value::Null));
        assert_eq!(conversation.left_out(), 4);
        let document = conversation.document();
        assert_eq!(document["steps"][0]["save"], json!({"made_1": "id"}));
        assert_eq!(document["steps"][1]["path"], "/Users/{{made_1}}");
        assert_eq!(document["steps"][1]["body"]["path"], "members[value eq \"{{made_1}}\"]");
        assert_eq!(document["steps"][2]["method"], "DELETE");
        let played = replay::Conversation::parse(&document.to_string()).unwrap();
        assert_eq!(played.steps.len(), 3);
    }
}
