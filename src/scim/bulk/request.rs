//! The body of `POST /Bulk` (RFC 7644 section 3.7).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{PREFIX, REQUEST_URN};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::json::take;
use crate::scim::list::require_schema;
use crate::scim::schema::Catalogue;

/// The most characters of a `bulkId`.
const MAX_BULK_ID: usize = 256;

/// What a bulk request may be (`maxOperations`, `maxPayloadSize` of the service provider configuration).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most operations.
    pub max_operations: usize,
    /// The most bytes of the body.
    pub max_payload_size: usize,
}

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// After how many errors the rest is not tried; `None` for "try all".
    pub fail_on_errors: Option<u64>,
    /// The operations, in the order they were sent.
    pub entries: Vec<Entry>,
}

/// One operation as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The method as it was sent, which the response repeats.
    pub method: String,
    /// The `bulkId`, which the response repeats.
    pub bulk_id: Option<String>,
    /// The operation, or what is wrong with it. A faulty one fails alone.
    pub operation: Result<Operation, ScimError>,
}

/// An operation that can be tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What is done.
    pub method: Method,
    /// To what.
    pub target: Target,
    /// The entity tag that the resource must have (`If-Match`).
    pub version: Option<String>,
    /// The body; null for DELETE.
    pub data: Value,
}

/// What a bulk operation can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Modify.
    Patch,
    /// Delete.
    Delete,
}

/// The path of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The resource type's endpoint in its own spelling, e.g. `/Users`.
    pub endpoint: String,
    /// The resource; `None` exactly for POST.
    pub subject: Option<Subject>,
}

/// Which resource an operation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The one with this id.
    Id(String),
    /// The one that the operation with this `bulkId` creates.
    BulkId(String),
}

/// Refuses a body of too many bytes, before it is parsed.
pub fn check_size(size: usize, limits: &Limits) -> Result<(), ScimError> {
    if size <= limits.max_payload_size {
        return Ok(());
    }
    let limit = limits.max_payload_size;
    Err(too_many(format!("the bulk request has {size} bytes, more than maxPayloadSize ({limit}); send it in parts")))
}

fn too_many(detail: String) -> ScimError {
    ScimError { status: 413, scim_type: Some(ScimType::TooMany), detail }
}

impl Request {
    /// The operations of a body. An error here is the whole request's, and nothing was tried.
    pub fn parse(body: Value, catalogue: &Catalogue, limits: &Limits) -> Result<Self, ScimError> {
        let Value::Object(mut body) = body else {
            return Err(ScimError::invalid_syntax("the body is not an object; send a BulkRequest"));
        };
        require_schema(&body, REQUEST_URN)?;
        let fail_on_errors = fail_on_errors(take(&mut body, "failOnErrors")?)?;
        let Some(Value::Array(operations)) = take(&mut body, "Operations")? else {
            return Err(ScimError::invalid_syntax("Operations is not an array; send the operations in one"));
        };
        let (count, limit) = (operations.len(), limits.max_operations);
        if count > limit {
            let detail =
                format!("the bulk request has {count} operations, more than maxOperations ({limit}); send it in parts");
            return Err(too_many(detail));
        }
        if operations.is_empty() {
            return Err(ScimError::invalid_syntax("Operations is empty; send at least one operation"));
        }
        let entries: Vec<Entry> = operations.into_iter().map(|operation| Entry::parse(operation, catalogue)).collect();
        let mut seen = HashSet::new();
        for bulk_id in entries.iter().filter_map(|entry| entry.bulk_id.as_deref()) {
            if !seen.insert(bulk_id) {
                let detail = format!("two operations have the bulkId {bulk_id:?}; give each its own");
                return Err(ScimError::invalid_value(detail));
            }
        }
        Ok(Request { fail_on_errors, entries })
    }

    /// Whether the rest is not tried any more after `errors` errors.
    pub fn stops_after(&self, errors: usize) -> bool {
        self.fail_on_errors.is_some_and(|limit| errors as u64 >= limit)
    }
}

/// `failOnErrors`: a whole number from 1 up.
fn fail_on_errors(value: Option<Value>) -> Result<Option<u64>, ScimError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(limit @ 1..) => Ok(Some(limit)),
            _ => {
                Err(ScimError::invalid_value("failOnErrors is not a whole number from 1 up; send one, or leave it out"))
            }
        },
    }
}

impl Entry {
    fn parse(value: Value, catalogue: &Catalogue) -> Self {
        let Value::Object(mut parts) = value else {
            let error = ScimError::invalid_syntax("an operation is not an object; send method, path and data in one");
            return Entry { method: String::new(), bulk_id: None, operation: Err(error) };
        };
        let method = take_text(&mut parts, "method");
        let bulk_id = take_text(&mut parts, "bulkId");
        let repeated = method.clone().unwrap_or_default().unwrap_or_default();
        let known_id = bulk_id.clone().unwrap_or_default();
        let operation = method.and_then(|method| {
            let bulk_id = bulk_id?;
            operation(method.as_deref(), bulk_id.as_deref(), parts, catalogue)
        });
        Entry { method: repeated.chars().take(16).collect(), bulk_id: known_id, operation }
    }
}

fn operation(
    method: Option<&str>,
    bulk_id: Option<&str>,
    mut parts: Map<String, Value>,
    catalogue: &Catalogue,
) -> Result<Operation, ScimError> {
    let method = method.and_then(Method::parse).ok_or_else(|| {
        ScimError::invalid_syntax("method is none that a bulk request can have; send POST, PUT, PATCH or DELETE")
    })?;
    if let Some(bulk_id) = bulk_id
        && (bulk_id.is_empty() || bulk_id.chars().count() > MAX_BULK_ID)
    {
        let detail = format!("bulkId is empty or longer than {MAX_BULK_ID} characters; send a shorter one");
        return Err(ScimError::invalid_value(detail));
    }
    if method == Method::Post && bulk_id.is_none() {
        return Err(ScimError::invalid_value(
            "bulkId is missing, which POST requires; send one, unique in the request",
        ));
    }
    let path = take_text(&mut parts, "path")?
        .ok_or_else(|| ScimError::invalid_syntax("path is missing; send one such as /Users"))?;
    let target = Target::parse(&path, method, catalogue)?;
    let version = take_text(&mut parts, "version")?;
    let data = match (method, take(&mut parts, "data")?) {
        (Method::Delete, _) => Value::Null,
        (_, Some(data @ Value::Object(_))) => data,
        _ => return Err(ScimError::invalid_syntax("data is not an object; send the body of the operation there")),
    };
    Ok(Operation { method, target, version, data })
}

impl Method {
    fn parse(text: &str) -> Option<Self> {
        let all = [Method::Post, Method::Put, Method::Patch, Method::Delete];
        all.into_iter().find(|method| text.eq_ignore_ascii_case(method.as_str()))
    }

    /// The name of the HTTP method.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

impl Target {
    /// `/<endpoint>` for POST, `/<endpoint>/<id>` for the others.
    fn parse(path: &str, method: Method, catalogue: &Catalogue) -> Result<Self, ScimError> {
        let refused = |why: &str| {
            let path: String = path.chars().take(200).collect();
            Err(ScimError::invalid_syntax(format!("path {path:?} {why}")))
        };
        let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
        let endpoint = format!("/{}", segments.next().unwrap_or_default());
        let (id, more) = (segments.next().filter(|id| !id.is_empty()), segments.next());
        let Some(definition) = catalogue.by_endpoint(&endpoint) else {
            return refused("is not that of a resource; begin with an endpoint of /ResourceTypes, such as /Users");
        };
        if more.is_some() || id.is_some_and(|id| id.contains(['?', '#'])) {
            return refused("has more than an endpoint and an id; leave the rest out");
        }
        let subject = match (method, id) {
            (Method::Post, None) => None,
            (Method::Post, Some(_)) => return refused("names a resource, but POST creates one; leave its id out"),
            (_, None) => return refused("does not name a resource; put its id behind"),
            (_, Some(id)) => Some(match id.strip_prefix(PREFIX) {
                Some("") => return refused("has an empty bulkId; name one"),
                Some(bulk_id) => Subject::BulkId(bulk_id.to_owned()),
                None => Subject::Id(id.to_owned()),
            }),
        };
        Ok(Target { endpoint: definition.endpoint.clone(), subject })
    }
}

/// The member called `name` as text; null is absent.
fn take_text(parts: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    match take(parts, name)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ScimError::invalid_syntax(format!("{name} is not a string; send one"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIMITS: Limits = Limits { max_operations: 3, max_payload_size: 1_000 };

    fn parse(mut body: Value) -> Result<Request, ScimError> {
        body["schemas"] = json!([REQUEST_URN]);
        Request::parse(body, &Catalogue::built_in(), &LIMITS)
    }

    #[allow(clippy::needless_pass_by_value, reason = "literals read better without &")]
    fn one(operation: Value) -> Result<Operation, ScimError> {
        let mut request = parse(json!({"Operations": [operation]})).expect("the request itself is fine");
        request.entries.remove(0).operation
    }

    #[test]
    fn operations_are_read_with_their_targets() {
        let post = one(json!({"method": "post", "path": "/users", "bulkId": "q", "data": {"userName": "ada"}}));
        let target = Target { endpoint: "/Users".to_owned(), subject: None };
        let data = json!({"userName": "ada"});
        assert_eq!(post, Ok(Operation { method: Method::Post, target, version: None, data }));

        let delete =
            one(json!({"method": "DELETE", "path": "/Groups/7", "version": "W/\"1\"", "data": {}})).expect("fine");
        assert_eq!(delete.target.subject, Some(Subject::Id("7".to_owned())));
        assert_eq!((delete.version.as_deref(), delete.data), (Some("W/\"1\""), Value::Null));

        let patch = one(json!({"method": "PATCH", "path": "/Users/bulkId:q", "data": {}})).expect("it is fine");
        assert_eq!(patch.target.subject, Some(Subject::BulkId("q".to_owned())));
    }

    #[test]
    fn a_faulty_operation_fails_alone() {
        for bad in [
            json!(7),
            json!({"method": "GET", "path": "/Users/1"}),
            json!({"method": null, "path": "/Users/1"}),
            json!({"method": 7, "path": "/Users/1"}),
            json!({"method": "POST", "path": "/Users", "data": {}}),
            json!({"method": "POST", "path": "/Users", "bulkId": "", "data": {}}),
            json!({"method": "POST", "path": "/Users", "bulkId": 7, "data": {}}),
            json!({"method": "POST", "path": "/Users/1", "bulkId": "q", "data": {}}),
            json!({"method": "POST", "path": "/Users", "bulkId": "q"}),
            json!({"method": "POST", "path": "/Users", "bulkId": "q", "data": []}),
            json!({"method": "DELETE", "path": "/Users"}),
            json!({"method": "DELETE", "path": "/Users/"}),
            json!({"method": "DELETE", "path": "/Users/bulkId:"}),
            json!({"method": "DELETE", "path": "/Users/../Groups/x"}),
            json!({"method": "DELETE", "path": "/Users/1?attributes=id"}),
            json!({"method": "DELETE", "path": "http://evil.example/Users/1"}),
            json!({"method": "DELETE", "path": null}),
            json!({"method": "POST", "path": "/Bulk", "bulkId": "q", "data": {}}),
        ] {
            let error = one(bad.clone()).expect_err(&bad.to_string());
            assert_eq!(error.status, 400, "{bad}");
        }
    }

    #[test]
    fn a_faulty_request_is_refused_whole() {
        let delete = json!({"method": "DELETE", "path": "/Users/1"});
        for bad in [
            json!({}),
            json!({"Operations": []}),
            json!({"Operations": {}}),
            json!({"Operations": [delete], "failOnErrors": 0}),
            json!({"Operations": [delete], "failOnErrors": "1"}),
        ] {
            assert_eq!(parse(bad.clone()).expect_err(&bad.to_string()).status, 400);
        }
        let twice = json!({"method": "POST", "path": "/Users", "bulkId": "q", "data": {}});
        assert!(parse(json!({"Operations": [twice, twice]})).is_err());
        let no_schemas = Request::parse(json!({"Operations": [delete]}), &Catalogue::built_in(), &LIMITS);
        assert!(no_schemas.is_err());
    }

    #[test]
    fn limits_are_named_when_they_are_passed() {
        let delete = json!({"method": "DELETE", "path": "/Users/1"});
        let error = parse(json!({"Operations": [delete, delete, delete, delete]})).expect_err("there are too many");
        assert_eq!((error.status, error.scim_type), (413, Some(ScimType::TooMany)));
        assert!(error.detail.contains("maxOperations (3)"));
        let error = check_size(1_001, &LIMITS).expect_err("it is too big");
        assert!(error.status == 413 && error.detail.contains("maxPayloadSize (1000)"));
        assert_eq!(check_size(1_000, &LIMITS), Ok(()));
    }

    #[test]
    fn it_stops_after_as_many_errors_as_it_says() {
        let delete = json!({"method": "DELETE", "path": "/Users/1"});
        let request = parse(json!({"Operations": [delete], "failOnErrors": 2})).expect("it is fine");
        assert!(!request.stops_after(1) && request.stops_after(2));
        assert!(!parse(json!({"Operations": [delete]})).expect("it is fine").stops_after(9));
    }
}
