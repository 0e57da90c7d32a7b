//! Characteristics that only custom attributes have (RFC 7643 section 7).

use super::*;

/// `User` with an extension that has an attribute of each unusual kind.
fn definition() -> Arc<ResourceDefinition> {
    let custom = json!({
        "schemas": [{
            "id": "urn:acme:scim:1.0:Extra", "name": "Extra", "description": "Extra",
            "attributes": [
                {"name": "badge", "type": "integer", "mutability": "immutable"},
                {"name": "tags", "multiValued": true},
                {"name": "rank", "type": "integer", "mutability": "readOnly"},
                {"name": "seats", "type": "complex", "multiValued": true, "subAttributes": [
                    {"name": "value", "mutability": "immutable"}, {"name": "floor", "type": "integer"}
                ]}
            ]
        }],
        "extensions": [{"resource_type": "User", "schema": "urn:acme:scim:1.0:Extra"}]
    });
    let custom = serde_json::from_value(custom).expect("settings");
    let catalogue = Catalogue::with_custom(&custom).expect("a catalogue");
    Arc::clone(catalogue.resource("User").expect("it is built in"))
}

const EXTRA: &str = "urn:acme:scim:1.0:Extra";

fn extra(data: Value, operations: Value) -> Result<Value, ScimError> {
    let document = json!({"schemas": [USER_URN], "userName": "dan", EXTRA: data});
    run(&definition(), document, operations).map(|done| done.document[EXTRA].clone())
}

#[test]
fn immutable_values_are_set_once() {
    let set = |value: Value| json!([{"op": "replace", "path": format!("{EXTRA}:badge"), "value": value}]);
    assert_eq!(extra(json!({}), set(json!(7))), Ok(json!({"badge": 7})));
    assert_eq!(extra(json!({"badge": 7}), set(json!(7))), Ok(json!({"badge": 7})));
    for operations in [
        set(json!(8)),
        set(json!(null)),
        json!([{"op": "remove", "path": format!("{EXTRA}:badge")}]),
        json!([{"op": "remove", "path": EXTRA}]),
    ] {
        let error = extra(json!({"badge": 7}), operations.clone()).expect_err(&operations.to_string());
        assert_eq!(error.scim_type, Some(ScimType::Mutability), "{operations}");
    }
    let error =
        extra(json!({}), json!([{"op": "add", "path": format!("{EXTRA}:rank"), "value": 1}])).expect_err("readOnly");
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
}

#[test]
fn immutable_parts_of_a_value_stay_while_values_come_and_go() {
    let seats = json!({"seats": [{"value": "a", "floor": 1}]});
    let write =
        |path: &str, value: Value| json!([{"op": "replace", "path": format!("{EXTRA}:{path}"), "value": value}]);
    assert_eq!(
        extra(seats.clone(), write("seats[value eq \"a\"].floor", json!(2))).expect("floors may change"),
        json!({"seats": [{"value": "a", "floor": 2}]})
    );
    for operations in [
        write("seats[value eq \"a\"].value", json!("b")),
        write("seats[value eq \"a\"].value", json!(null)),
        write("seats[value eq \"a\"]", json!({"value": "b"})),
    ] {
        let error = extra(seats.clone(), operations.clone()).expect_err(&operations.to_string());
        assert_eq!(error.scim_type, Some(ScimType::Mutability), "{operations}");
    }
    assert_eq!(extra(seats, write("seats", json!([{"value": "b"}]))), Ok(json!({"seats": [{"value": "b"}]})));
}

#[test]
fn values_without_parts_are_their_own_value() {
    let tags = json!({"tags": ["a", "b"]});
    let one =
        |op: &str, path: &str, value: Value| json!([{"op": op, "path": format!("{EXTRA}:{path}"), "value": value}]);
    assert_eq!(extra(tags.clone(), one("add", "tags", json!(["A", "c"]))), Ok(json!({"tags": ["a", "b", "c"]})));
    assert_eq!(extra(tags.clone(), one("remove", "tags", json!(["B"]))), Ok(json!({"tags": ["a"]})));
    assert_eq!(extra(tags.clone(), one("remove", "tags[value eq \"a\"]", json!(null))), Ok(json!({"tags": ["b"]})));
    assert_eq!(
        extra(tags.clone(), one("replace", "tags[value eq \"a\"]", json!("x"))),
        Ok(json!({"tags": ["x", "b"]}))
    );
    assert_eq!(extra(tags, one("add", "tags[value eq \"z\"]", json!("z"))), Ok(json!({"tags": ["a", "b", "z"]})));
}
