//! PATCH by property: no request crashes it, and whatever it leaves is a canonical document.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::scim::dialect::{Strictness, Tolerances};
use crate::scim::resource::{normalise, take_members};
use crate::scim::schema::{Catalogue, ENTERPRISE_URN, GROUP_URN, ResourceDefinition, USER_URN};

fn definition(name: &str) -> Arc<ResourceDefinition> {
    Arc::clone(Catalogue::built_in().resource(name).expect("it is built in"))
}

fn any_path() -> impl Strategy<Value = String> {
    let attribute = prop::sample::select(vec![
        "userName",
        "displayName",
        "active",
        "name",
        "emails",
        "roles",
        "members",
        "addresses",
        "externalId",
        "id",
        "schemas",
        "password",
        "x509Certificates",
        "meta",
    ]);
    let filter = prop::sample::select(vec![
        "",
        "",
        "",
        "[type eq \"work\"]",
        "[type eq \"home\" and primary eq true]",
        "[value eq \"a\"]",
        "[value pr]",
        "[not (type pr)]",
        "[primary eq \"True\"]",
        "[type eq \"x\" or value sw \"a\"]",
        "[",
    ]);
    let sub = prop::sample::select(vec!["", "", ".value", ".type", ".primary", ".givenName", ".formatted", ".x"]);
    let urn =
        prop::sample::select(vec![String::new(), String::new(), format!("{USER_URN}:"), format!("{ENTERPRISE_URN}:")]);
    let composed =
        (urn, attribute, filter, sub).prop_map(|(urn, name, filter, sub)| format!("{urn}{name}{filter}{sub}"));
    let whole = prop::sample::select(vec![
        ENTERPRISE_URN.to_owned(),
        USER_URN.to_owned(),
        format!("{ENTERPRISE_URN}:manager"),
        format!("{ENTERPRISE_URN}:manager.value"),
        format!("{ENTERPRISE_URN}:department"),
        "urn:acme:1.0:User".to_owned(),
        "urn:acme:1.0:User:badge".to_owned(),
        "urn:acme:1.0:User:badge.no".to_owned(),
        "__proto__".to_owned(),
    ]);
    prop_oneof![4 => composed, 1 => whole]
}

fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        Just(json!("True")),
        any::<i8>().prop_map(Value::from),
        prop::sample::select(vec!["", " ", "a", "A", "b", "work", "home", "AAAA", "\u{0}", "å"]).prop_map(Value::from),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    any_leaf().prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            3 => prop::sample::select(vec!["value", "type", "primary", "display", "Value", "$ref", "givenName", "id"]).prop_map(str::to_owned),
            1 => any_path(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..4).prop_map(|parts| Value::Object(parts.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_operation() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["add", "replace", "remove", "Add", "Replace", "Remove"]);
    (op, prop::option::weighted(0.8, any_path()), prop::option::weighted(0.9, any_value())).prop_map(
        |(op, path, value)| {
            let mut operation = json!({"op": op});
            if let Some(path) = path {
                operation["path"] = path.into();
            }
            if let Some(value) = value {
                operation["value"] = value;
            }
            operation
        },
    )
}

fn document(name: &str) -> Map<String, Value> {
    let body = match name {
        "User" => json!({
            "schemas": [USER_URN], "userName": "ada", "active": true, "name": {"givenName": "Ada"},
            "emails": [{"value": "a", "type": "work", "primary": true}, {"value": "b"}],
            "roles": [{"value": "r"}],
            ENTERPRISE_URN: {"manager": {"value": "m"}}, "urn:acme:1.0:User": {"badge": 7}
        }),
        _ => json!({"schemas": [GROUP_URN], "displayName": "Eng"}),
    };
    normalise(body, &definition(name), Strictness::default(), &mut Tolerances::default()).expect("a resource").document
}

/// Each operation alone and in turn: a document that one leaves is where the next begins.
fn run(name: &str, operations: &[Value], strictness: Strictness) -> Result<(), TestCaseError> {
    let def = definition(name);
    let mut document = document(name);
    for operation in operations {
        let body = json!({"schemas": [PATCH_URN], "Operations": [operation]});
        let Ok(parsed) = parse(body, &def, strictness, &mut Tolerances::default()) else { continue };
        let Ok(patched) = apply(&document, &def, "own-id", &parsed, &mut Tolerances::default()) else { continue };
        let mut again =
            normalise(Value::Object(patched.document.clone()), &def, Strictness::default(), &mut Tolerances::default())
                .map_err(|error| TestCaseError::fail(format!("{operation}: {error}\n{:?}", patched.document)))?
                .document;
        take_members(&mut again);
        prop_assert_eq!(&again, &patched.document, "{}", operation);
        prop_assert_eq!(patched.changed, patched.document != document);
        prop_assert!(!patched.document.contains_key("members") && !patched.document.contains_key("password"));
        let twice = apply(&patched.document, &def, "own-id", &parsed, &mut Tolerances::default());
        // Retries change nothing, unless what an operation selected is there no longer.
        if let Ok(twice) = twice {
            prop_assert!(!twice.changed, "{}: {:?} {:?}", operation, patched.document, twice.document);
        }
        document = patched.document;
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_a_patch_leaves_is_canonical_and_a_retry_changes_nothing(
        operations in prop::collection::vec(any_operation(), 1..8),
        group: bool,
        reject_unknown_attributes: bool,
    ) {
        let strictness = Strictness { reject_unknown_attributes, ..Strictness::default() };
        run(if group { "Group" } else { "User" }, &operations, strictness)?;
    }

    #[test]
    fn any_body_is_read_or_refused(body in any_value(), operations in any_value()) {
        let def = definition("User");
        let wrapped = json!({"schemas": [PATCH_URN], "Operations": operations});
        for body in [body, wrapped] {
            if let Ok(operations) = parse(body, &def, Strictness::default(), &mut Tolerances::default()) {
                let _ = apply(&document("User"), &def, "own-id", &operations, &mut Tolerances::default());
            }
        }
    }
}

#[test]
fn the_largest_requests_take_no_time() {
    let def = definition("User");
    let email = |n: usize| json!({"value": format!("{n}@x.example"), "type": "work"});
    let operations: Vec<Value> =
        (0..MAX_OPERATIONS).map(|n| json!({"op": "add", "path": "emails", "value": [email(n)]})).collect();
    let body = json!({"schemas": [PATCH_URN], "Operations": operations});
    let started = Instant::now();
    let operations = parse(body, &def, Strictness::default(), &mut Tolerances::default()).expect("operations");
    let _ = apply(&document("User"), &def, "own-id", &operations, &mut Tolerances::default());
    assert!(started.elapsed() < Duration::from_secs(20));
}
