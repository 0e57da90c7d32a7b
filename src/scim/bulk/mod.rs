//! Bulk requests and responses (RFC 7644 section 3.7).
//!
//! A bulk request is parsed into operations, each of which may be faulty by itself; [`plan`] puts them
//! into an order in which every `bulkId` is known before it is used; the caller runs them one by one.

mod plan;
mod request;

pub use plan::{Ids, Step, defer, plan, references, substitute};
pub use request::{Entry, Limits, Method, Operation, Request, Subject, Target, check_size};

use serde_json::{Map, Value, json};

use super::error::ScimError;

/// The URN of a bulk request.
pub const REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The URN of a bulk response.
pub const RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// What stands before a `bulkId` where it is referred to.
pub const PREFIX: &str = "bulkId:";

/// How one operation ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// The method as it was sent.
    pub method: String,
    /// The `bulkId` that was sent.
    pub bulk_id: Option<String>,
    /// The URL of the resource; absent only where a POST failed.
    pub location: Option<String>,
    /// The entity tag of the resource.
    pub version: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// The body that a single request would have been answered with; required for errors.
    pub response: Option<Value>,
}

impl Outcome {
    /// A failure of the operation in `entry`, on the resource at `location` if there is one.
    pub fn failed(entry: &Entry, error: &ScimError, location: Option<String>) -> Self {
        Outcome {
            method: entry.method.clone(),
            bulk_id: entry.bulk_id.clone(),
            location,
            version: None,
            status: error.status,
            response: Some(error.body()),
        }
    }

    /// Whether it counts for `failOnErrors`.
    pub fn is_error(&self) -> bool {
        self.status >= 400
    }

    fn body(self) -> Value {
        let mut body = Map::new();
        let texts = [
            ("method", Some(self.method)),
            ("bulkId", self.bulk_id),
            ("location", self.location),
            ("version", self.version),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                body.insert(name.to_owned(), Value::String(text));
            }
        }
        body.insert("status".to_owned(), Value::String(self.status.to_string()));
        if let Some(response) = self.response {
            body.insert("response".to_owned(), response);
        }
        Value::Object(body)
    }
}

/// The body of the answer.
pub fn response(outcomes: Vec<Outcome>) -> Value {
    let operations: Vec<Value> = outcomes.into_iter().map(Outcome::body).collect();
    json!({"schemas": [RESPONSE_URN], "Operations": operations})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_a_status_that_is_a_string_and_errors_a_body() {
        let created = Outcome {
            method: "POST".to_owned(),
            bulk_id: Some("q".to_owned()),
            location: Some("https://x.example/Users/1".to_owned()),
            version: Some("W/\"1\"".to_owned()),
            status: 201,
            response: None,
        };
        let faulty = Entry {
            method: "GET".to_owned(),
            bulk_id: None,
            operation: Err(ScimError::invalid_syntax("no such method")),
        };
        let error = ScimError::invalid_syntax("no such method");
        let failed = Outcome::failed(&faulty, &error, None);
        assert!(failed.is_error() && !created.is_error());
        assert_eq!(
            response(vec![created, failed]),
            json!({"schemas": [RESPONSE_URN], "Operations": [
                {"method": "POST", "bulkId": "q", "location": "https://x.example/Users/1", "version": "W/\"1\"", "status": "201"},
                {"method": "GET", "status": "400", "response": error.body()},
            ]})
        );
    }
}
