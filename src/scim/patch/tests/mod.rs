//! PATCH by example: the RFC's cases written anew, and every quirk that identity providers are known for
//! (RFC 7644 section 3.5.2).

#![expect(clippy::needless_pass_by_value, reason = "json! stands at the call, where a reference would be noise")]

mod custom;
mod extension;
mod groups;
mod multi;
mod request;
mod single;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::scim::dialect::{Strictness, Tolerance, Tolerances};
use crate::scim::resource::{Member, MemberKind, normalise, take_members};
use crate::scim::schema::{Catalogue, ENTERPRISE_URN, GROUP_URN, ResourceDefinition, USER_URN};

/// What a PATCH did, with the tolerances it used.
#[derive(Debug)]
struct Done {
    document: Value,
    changed: bool,
    members: Vec<MemberDelta>,
    tolerances: Vec<Tolerance>,
}

fn definition(name: &str) -> Arc<ResourceDefinition> {
    Arc::clone(Catalogue::built_in().resource(name).expect("it is built in"))
}

fn canonical(def: &ResourceDefinition, body: Value) -> Map<String, Value> {
    let normalised = normalise(body, def, Strictness::default(), &mut Tolerances::default());
    normalised.expect("the fixture is a resource").document
}

fn run(def: &ResourceDefinition, document: Value, operations: Value) -> Result<Done, ScimError> {
    let mut document = canonical(def, document);
    take_members(&mut document);
    let mut tolerances = Tolerances::default();
    let body = json!({"schemas": [PATCH_URN], "Operations": operations});
    let operations = parse(body, def, Strictness::default(), &mut tolerances)?;
    let patched = apply(&document, def, "own-id", &operations, &mut tolerances)?;
    let again =
        normalise(Value::Object(patched.document.clone()), def, Strictness::default(), &mut Tolerances::default());
    assert_eq!(again.expect("what PATCH leaves is a resource").document, patched.document);
    assert_eq!(patched.changed, patched.document != document);
    Ok(Done {
        document: Value::Object(patched.document),
        changed: patched.changed,
        members: patched.members,
        tolerances: tolerances.iter().collect(),
    })
}

fn ada() -> Value {
    json!({
        "schemas": [USER_URN, ENTERPRISE_URN],
        "userName": "ada",
        "displayName": "Ada",
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "active": true,
        "emails": [
            {"value": "ada@work.example", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"}
        ],
        ENTERPRISE_URN: {"department": "Engines", "manager": {"value": "m1", "$ref": "../Users/m1"}}
    })
}

fn bare() -> Value {
    json!({"schemas": [USER_URN], "userName": "dan"})
}

fn user(document: Value, operations: Value) -> Result<Done, ScimError> {
    run(&definition("User"), document, operations)
}

/// The user Ada after the operations.
#[track_caller]
fn patched(operations: Value) -> Done {
    user(ada(), operations.clone()).unwrap_or_else(|error| panic!("{operations}: {error}"))
}

#[track_caller]
fn refused(document: Value, operations: Value, scim_type: ScimType) {
    let error = user(document, operations.clone()).expect_err(&operations.to_string());
    assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{operations}: {error}");
}

fn group(operations: Value) -> Result<Done, ScimError> {
    run(&definition("Group"), json!({"schemas": [GROUP_URN], "displayName": "Eng", "externalId": "e"}), operations)
}

fn member(value: &str) -> Member {
    Member { value: value.to_owned(), kind: None }
}

fn deltas(operations: Value) -> Vec<MemberDelta> {
    group(operations.clone()).unwrap_or_else(|error| panic!("{operations}: {error}")).members
}
