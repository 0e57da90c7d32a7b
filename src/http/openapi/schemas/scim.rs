//! SCIM bodies, coarsely: `/Schemas` of the directory tells each attribute.

use serde_json::{Value, json};

use crate::http::openapi::schema::{
    any_object, anything, count, list_of, may, must, named, object, such_as, text, time, whole_from, with, word, words,
};

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// A resource.
pub fn resource() -> Value {
    let meta = object([
        must("resourceType", text(), "`User`, `Group` or one of the directory's own."),
        may("created", time(), "When it was made."),
        may("lastModified", time(), "When it last changed."),
        may("location", text(), "Its URL."),
        may("version", text(), "The version, for `If-Match`."),
    ]);
    let resource = object([
        must("schemas", list_of(text()), "The URNs of the schemas that it has attributes of."),
        may("id", text(), "The id."),
        may("meta", meta, "What the server says about it."),
    ]);
    named("ScimResource", resource)
}

/// A resource as it is sent.
pub fn sent_resource() -> Value {
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jane@acme.example", "active": true});
    let body = object([
        may("schemas", list_of(text()), "The URNs of the schemas that it has attributes of."),
        may("externalId", text(), "The client's own id."),
        may("userName", text(), "Of a user: required there."),
        may("displayName", text(), "Of a group: required there."),
    ]);
    with(body, "examples", json!([user]))
}

/// A list response.
pub fn list() -> Value {
    let list = object([
        must("schemas", list_of(word(LIST)), ""),
        must("totalResults", count(), "How many there are."),
        may("itemsPerPage", count(), "How many are on this page."),
        may("startIndex", whole_from(1), "The place of the first one."),
        may("nextCursor", text(), "For the next page, with cursor paging."),
        may("previousCursor", text(), "For the page before."),
        may("Resources", list_of(any_object()), "The page."),
    ]);
    named("ScimList", list)
}

/// A document of discovery.
pub fn discovery() -> Value {
    object([must("schemas", list_of(text()), "What it is.")])
}

/// A PATCH.
pub fn patch() -> Value {
    let operation = object([
        must("op", such_as(text(), "add".into()), "`add`, `replace` or `remove`."),
        may("path", text(), "What it is about."),
        may("value", anything(), "What it becomes."),
    ]);
    let example = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": false}]});
    let body = object([
        may("schemas", list_of(text()), "The URN of a PATCH."),
        must("Operations", list_of(operation), "All are done, or none."),
    ]);
    with(body, "examples", json!([example]))
}

/// A search.
pub fn search() -> Value {
    let example = json!({"schemas": [SEARCH], "filter": "userName sw \"j\"", "count": 10});
    let body = object([
        may("schemas", list_of(text()), "The URN of a search."),
        may("filter", text(), "Which resources."),
        may("attributes", list_of(text()), "Only these attributes."),
        may("excludedAttributes", list_of(text()), "All but these."),
        may("sortBy", text(), "The attribute to sort by."),
        may("sortOrder", words(&["ascending", "descending"]), "The direction."),
        may("startIndex", json!({"type": "integer"}), "The place of the first one, from 1."),
        may("count", json!({"type": "integer"}), "How many at the most."),
        may("cursor", text(), "Where to go on."),
    ]);
    with(body, "examples", json!([example]))
}

/// A bulk request.
pub fn bulk() -> Value {
    let operation = object([
        must("method", text(), "`POST`, `PUT`, `PATCH` or `DELETE`."),
        must("path", text(), "Below the base URL."),
        may("bulkId", text(), "A name for others to refer to it."),
        may("version", text(), "The version that it must have."),
        may("data", any_object(), "The body."),
    ]);
    let user = json!({"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "jane@acme.example"}});
    let body = object([
        may("schemas", list_of(text()), "The URN of a bulk request."),
        may("failOnErrors", whole_from(0), "After how many errors to stop."),
        must("Operations", list_of(operation), "Each is a request of its own."),
    ]);
    with(body, "examples", json!([{"schemas": [BULK_REQUEST], "Operations": [user]}]))
}

/// A bulk response.
pub fn bulk_response() -> Value {
    let outcome = object([
        must("method", text(), "As in the request."),
        may("bulkId", text(), "As in the request."),
        may("location", text(), "The resource."),
        may("version", text(), "Its version."),
        must("status", text(), "The status, as text."),
        may("response", any_object(), "The error, if it failed."),
    ]);
    object([
        must("schemas", list_of(word(BULK_RESPONSE)), ""),
        must("Operations", list_of(outcome), "What came of each that was tried."),
    ])
}
