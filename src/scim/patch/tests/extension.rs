//! Operations within extensions, known and unknown (RFC 7643 section 3.3).

use super::*;

fn manager(document: Value, op: &str, value: Value) -> Done {
    let path = format!("{ENTERPRISE_URN}:manager");
    user(document, json!([{"op": op, "path": path, "value": value}])).expect("a manager")
}

#[test]
fn a_manager_may_come_in_many_shapes() {
    for value in [json!("m2"), json!({"value": "m2"}), json!([{"$ref": null, "value": "m2"}]), json!([{"value": "m2"}])]
    {
        for op in ["Add", "Replace"] {
            let done = manager(bare(), op, value.clone());
            assert_eq!(done.document[ENTERPRISE_URN], json!({"manager": {"value": "m2"}}), "{op} {value}");
            let done = manager(ada(), op, value.clone());
            let data = json!({"department": "Engines", "manager": {"value": "m2"}});
            assert_eq!(done.document[ENTERPRISE_URN], data, "nothing of the old manager stays: {op} {value}");
        }
    }
}

#[test]
fn an_empty_manager_is_none() {
    for value in
        [json!(""), json!(null), json!({"value": ""}), json!({"value": null}), json!([]), json!([{"value": ""}])]
    {
        let done = manager(ada(), "Replace", value.clone());
        assert_eq!(done.document[ENTERPRISE_URN], json!({"department": "Engines"}), "{value}");
    }
    let done = manager(ada(), "Remove", json!(""));
    assert_eq!(done.document[ENTERPRISE_URN], json!({"department": "Engines"}));
}

#[test]
fn the_container_and_its_schema_come_and_go_with_the_data() {
    let path = format!("{ENTERPRISE_URN}:department");
    let done = user(bare(), json!([{"op": "Add", "path": path, "value": "Retail"}])).expect("added");
    assert_eq!(done.document["schemas"], json!([USER_URN, ENTERPRISE_URN]));
    let done = user(done.document, json!([{"op": "remove", "path": path}])).expect("removed");
    assert_eq!(done.document, json!({"schemas": [USER_URN], "userName": "dan"}));
    let done = patched(json!([{"op": "remove", "path": ENTERPRISE_URN}]));
    assert_eq!((done.document.get(ENTERPRISE_URN), &done.document["schemas"]), (None, &json!([USER_URN])));
    let done = patched(json!([{"op": "replace", "value": {ENTERPRISE_URN: null}}]));
    assert_eq!(done.document.get(ENTERPRISE_URN), None);
}

#[test]
fn keys_without_a_path_are_paths() {
    let done = patched(json!([{"op": "replace", "value": {
        "displayName": "Eve B",
        "name.givenName": "Evelyn",
        "emails[type eq \"work\"].value": "eve@x.example",
        format!("{ENTERPRISE_URN}:employeeNumber"): "9",
        ENTERPRISE_URN: {"DEPARTMENT": "Legal", "manager.value": "m9"},
    }}]));
    assert_eq!(done.document["displayName"], "Eve B");
    assert_eq!(done.document["name"], json!({"givenName": "Evelyn", "familyName": "Byron"}));
    assert_eq!(done.document["emails"][0]["value"], "eve@x.example");
    let data = json!({"department": "Legal", "employeeNumber": "9", "manager": {"value": "m9", "$ref": "../Users/m1"}});
    assert_eq!(done.document[ENTERPRISE_URN], data);
    assert_eq!(done.tolerances, [Tolerance::PathKey, Tolerance::NameCase]);
    refused(ada(), json!([{"op": "add", "value": {"emails[type eq": "x"}}]), ScimType::InvalidPath);
}

#[test]
fn an_extension_as_a_path_is_merged() {
    let done = patched(json!([{"op": "replace", "path": ENTERPRISE_URN, "value": {"department": "Legal"}}]));
    assert_eq!(done.document[ENTERPRISE_URN]["department"], "Legal");
    assert_eq!(done.document[ENTERPRISE_URN]["manager"]["value"], "m1");
    let done = patched(json!([{"op": "add", "path": USER_URN, "value": {"title": "Dr"}}]));
    assert_eq!(done.document["title"], "Dr");
    refused(ada(), json!([{"op": "add", "path": ENTERPRISE_URN, "value": "x"}]), ScimType::InvalidValue);
}

#[test]
fn legacy_urns_are_understood() {
    let path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department";
    let done = patched(json!([{"op": "replace", "path": path, "value": "Legal"}]));
    assert_eq!(done.document[ENTERPRISE_URN]["department"], "Legal");
    assert_eq!(done.tolerances, [Tolerance::LegacyUrn]);
}

#[test]
fn what_no_schema_has_is_kept_under_its_urn() {
    const ACME: &str = "urn:acme:scim:1.0:User";
    let done = user(bare(), json!([{"op": "add", "value": {ACME: {"badge": 7, "password": "x"}}}])).expect("kept");
    assert_eq!(done.document[ACME], json!({"badge": 7}));
    assert_eq!(done.document["schemas"], json!([USER_URN, ACME]));
    let done = user(
        done.document,
        json!([
            {"op": "replace", "path": format!("{ACME}:BADGE"), "value": 8},
            {"op": "add", "path": format!("{ACME}:seats"), "value": ["a"]},
            {"op": "add", "path": format!("{ACME}:seats"), "value": ["a", "b"]},
            {"op": "add", "path": format!("{ACME}:car.plate"), "value": "X1"},
            {"op": "add", "path": ACME, "value": {"room": "r"}}
        ]),
    )
    .expect("kept");
    assert_eq!(done.document[ACME], json!({"badge": 8, "seats": ["a", "b"], "car": {"plate": "X1"}, "room": "r"}));
    let done = user(done.document, json!([{"op": "remove", "path": ACME}])).expect("gone");
    assert_eq!(done.document, json!({"schemas": [USER_URN], "userName": "dan"}));
    let done = user(bare(), json!([{"op": "add", "path": ACME, "value": {"badge": 7}}])).expect("kept");
    assert_eq!(done.document[ACME], json!({"badge": 7}));
    let done = patched(json!([{"op": "add", "path": format!("{ENTERPRISE_URN}:badge"), "value": 7}]));
    assert_eq!(done.document[ENTERPRISE_URN]["badge"], 7);
    let done = patched(json!([{"op": "remove", "path": format!("{ACME}:nothing")}]));
    assert!(!done.changed);
}
