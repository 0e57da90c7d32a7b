//! Operations on single values and their parts (RFC 7644 sections 3.5.2.1 to 3.5.2.3).

use super::*;

#[test]
fn values_are_added_replaced_and_removed_in_order() {
    let done = patched(json!([
        {"op": "remove", "path": "displayName"},
        {"op": "add", "path": "displayName", "value": "x1"},
        {"op": "replace", "path": "displayName", "value": "x2"},
        {"op": "add", "path": "nickName", "value": "Countess"},
        {"op": "replace", "path": "title", "value": "Dr"}
    ]));
    assert_eq!(done.document["displayName"], "x2");
    assert_eq!(done.document["nickName"], "Countess");
    assert_eq!(done.document["title"], "Dr");
    assert!(done.changed);
}

#[test]
fn what_changes_nothing_is_no_change() {
    for operations in [
        json!([{"op": "replace", "path": "displayName", "value": "Ada"}]),
        json!([{"op": "replace", "value": {"active": "True", "name": {"givenName": "Ada"}}}]),
        json!([{"op": "add", "path": "emails", "value": [{"value": "ADA@home.example", "type": "HOME"}]}]),
        json!([{"op": "add", "path": "emails", "value": []}, {"op": "remove", "path": "title"}]),
        json!([{"op": "add", "path": "title", "value": "x"}, {"op": "remove", "path": "title"}]),
        json!([{"op": "add", "path": "title", "value": null}]),
        json!([{"op": "remove", "path": "phoneNumbers[type eq \"work\"].value"}]),
        json!([{"op": "replace", "value": {}}]),
        json!([{"op": "replace", "value": {"password": "Qw9!sync"}}]),
        json!([{"op": "replace", "path": "password", "value": "Qw9!sync"}]),
    ] {
        let expected = Value::Object(canonical(&definition("User"), ada()));
        let done = patched(operations.clone());
        assert!(!done.changed && done.document == expected, "{operations}: {}", done.document);
    }
}

#[test]
fn null_and_empty_unassign() {
    for value in [json!(null), json!(""), json!([])] {
        let done = patched(json!([{"op": "replace", "path": "displayName", "value": value}]));
        assert_eq!(done.document.get("displayName"), None, "{value}");
        let done = patched(json!([{"op": "replace", "value": {"emails": value}}]));
        assert_eq!(done.document.get("emails"), None, "{value}");
    }
    let done = patched(json!([{"op": "remove", "path": "active"}]));
    assert_eq!(done.document.get("active"), None);
}

#[test]
fn booleans_may_be_strings_or_wrapped() {
    for value in [json!(false), json!("False"), json!("false"), json!([false]), json!(["False"])] {
        let done = patched(json!([{"op": "Replace", "path": "active", "value": value}]));
        assert_eq!(done.document["active"], false, "{value}");
    }
    refused(ada(), json!([{"op": "replace", "path": "active", "value": "no"}]), ScimType::InvalidValue);
    refused(ada(), json!([{"op": "replace", "path": "active", "value": [true, false]}]), ScimType::InvalidValue);
}

#[test]
fn wrong_types_are_refused() {
    refused(ada(), json!([{"op": "replace", "path": "userName", "value": 7}]), ScimType::InvalidValue);
    refused(ada(), json!([{"op": "replace", "path": "name", "value": "Ada"}]), ScimType::InvalidValue);
    refused(ada(), json!([{"op": "add", "path": "emails", "value": 7}]), ScimType::InvalidValue);
}

#[test]
fn complex_values_are_merged_and_parts_can_be_unassigned() {
    let done =
        patched(json!([{"op": "replace", "path": "name", "value": {"givenName": "Augusta", "familyName": null}}]));
    assert_eq!(done.document["name"], json!({"givenName": "Augusta"}));
    let done = patched(json!([{"op": "add", "value": {"name": {"middleName": "King"}}}]));
    assert_eq!(done.document["name"], json!({"givenName": "Ada", "familyName": "Byron", "middleName": "King"}));
    let done = patched(json!([{"op": "replace", "path": "name", "value": {"familyName": ""}}]));
    assert_eq!(done.document["name"], json!({"givenName": "Ada"}));
    let done =
        patched(json!([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}]));
    assert_eq!(done.document.get("name"), None);
    let done = user(bare(), json!([{"op": "replace", "path": "name.givenName", "value": "Dan"}])).expect("created");
    assert_eq!(done.document["name"], json!({"givenName": "Dan"}));
}

#[test]
fn what_is_required_or_the_servers_cannot_be_touched() {
    for operation in [
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "remove", "path": "schemas"}),
        json!({"op": "replace", "path": "id", "value": "own-id"}),
        json!({"op": "replace", "value": {"id": "another"}}),
        json!({"op": "add", "path": "groups", "value": [{"value": "g"}]}),
        json!({"op": "remove", "path": "groups[value eq \"g\"]"}),
        json!({"op": "replace", "path": "meta.created", "value": "2026-01-31T08:00:00Z"}),
        json!({"op": "replace", "path": format!("{ENTERPRISE_URN}:manager.displayName"), "value": "x"}),
    ] {
        refused(ada(), json!([operation]), ScimType::Mutability);
    }
    for blank in [json!(null), json!(""), json!([])] {
        refused(ada(), json!([{"op": "replace", "path": "userName", "value": blank}]), ScimType::InvalidValue);
    }
}

#[test]
fn all_or_nothing() {
    refused(
        ada(),
        json!([
            {"op": "replace", "path": "displayName", "value": "x"},
            {"op": "add", "path": "title", "value": "x"},
            {"op": "replace", "path": "active", "value": 7}
        ]),
        ScimType::InvalidValue,
    );
}

#[test]
fn nothing_that_is_named_can_leave_the_schema() {
    for path in ["__proto__", "constructor.prototype", "toString.x", "userNme"] {
        refused(ada(), json!([{"op": "add", "path": path, "value": "x"}]), ScimType::InvalidPath);
        let done = patched(json!([{"op": "add", "value": {path: "x", "title": "Dr"}}]));
        assert_eq!((done.document.get(path), &done.document["title"]), (None, &json!("Dr")), "{path}");
        assert_eq!(done.tolerances, [Tolerance::UnknownAttribute], "{path}");
    }
    let strict = Strictness { reject_unknown_attributes: true, ..Strictness::default() };
    for value in [json!({"nick": "x"}), json!({"urn:acme:1.0:User": {"a": 1}}), json!({ENTERPRISE_URN: {"a": 1}})] {
        let body = json!({"schemas": [PATCH_URN], "Operations": [{"op": "add", "value": value}]});
        assert!(parse(body, &definition("User"), strict, &mut Tolerances::default()).is_err(), "{value}");
    }
}
