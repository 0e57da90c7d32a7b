//! PATCH by example: the RFC's cases written anew, and every quirk that identity providers are known for
//! (RFC 7644 section 3.5.2).

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

mod request {
    use super::*;

    fn read(body: Value) -> Result<Vec<Operation>, ScimError> {
        parse(body, &definition("User"), Strictness::default(), &mut Tolerances::default())
    }

    #[test]
    fn must_name_the_patch_schema_and_have_operations() {
        let operation = json!({"op": "add", "path": "title", "value": "x"});
        for body in [
            json!(null),
            json!([operation]),
            json!({"Operations": [operation]}),
            json!({"schemas": [], "Operations": [operation]}),
            json!({"schemas": [USER_URN], "Operations": [operation]}),
            json!({"schemas": PATCH_URN, "Operations": [operation]}),
            json!({"schemas": [PATCH_URN]}),
            json!({"schemas": [PATCH_URN], "Operations": []}),
            json!({"schemas": [PATCH_URN], "Operations": null}),
            json!({"schemas": [PATCH_URN], "Operations": operation}),
            json!({"schemas": [PATCH_URN], "Operations": ["add"]}),
        ] {
            let error = read(body.clone()).expect_err(&body.to_string());
            assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax), "{body}");
        }
        let other_case = json!({"Schemas": [PATCH_URN.to_uppercase()], "operations": [{"OP": "add", "Path": "title", "VALUE": "x"}]});
        assert_eq!(read(other_case).map(|operations| operations.len()), Ok(1));
    }

    #[test]
    fn is_bounded() {
        let many = |n: usize| vec![json!({"op": "replace", "path": "title", "value": "x"}); n];
        assert!(read(json!({"schemas": [PATCH_URN], "Operations": many(MAX_OPERATIONS)})).is_ok());
        for n in [MAX_OPERATIONS + 1, 10_000] {
            let error = read(json!({"schemas": [PATCH_URN], "Operations": many(n)})).expect_err("too many");
            assert_eq!((error.status, error.scim_type), (413, Some(ScimType::TooMany)));
        }
    }

    #[test]
    fn says_which_operation_is_wrong() {
        let error =
            user(ada(), json!([{"op": "add", "path": "title", "value": "x"}, {"op": "add", "path": "x", "value": 1}]));
        let detail = error.expect_err("no such attribute").detail;
        assert!(detail.starts_with("Operations[1]: path error at column 1: User has no attribute x"), "{detail}");
    }

    #[test]
    fn knows_three_operations_in_any_case() {
        for op in [json!("move"), json!(null), json!(7), json!(""), json!("test")] {
            refused(ada(), json!([{"op": op, "path": "title", "value": "x"}]), ScimType::InvalidSyntax);
        }
        let done = patched(json!([{"op": "Add", "path": "title", "value": "x", "name": "addTitle"}]));
        assert_eq!(done.document["title"], "x");
        assert_eq!(done.tolerances, [Tolerance::OpCase]);
        assert_eq!(patched(json!([{"op": "add", "path": "title", "value": "x"}])).tolerances, []);
    }

    #[test]
    fn must_have_a_value_to_write_and_a_path_to_remove() {
        refused(ada(), json!([{"op": "add", "path": "title"}]), ScimType::InvalidValue);
        refused(ada(), json!([{"op": "replace"}]), ScimType::InvalidValue);
        refused(ada(), json!([{"op": "replace", "value": "x"}]), ScimType::InvalidValue);
        refused(ada(), json!([{"op": "remove"}]), ScimType::NoTarget);
        refused(ada(), json!([{"op": "remove", "value": {"title": "x"}}]), ScimType::NoTarget);
        refused(ada(), json!([{"op": "remove", "path": USER_URN}]), ScimType::NoTarget);
        refused(ada(), json!([{"op": "add", "path": 7, "value": "x"}]), ScimType::InvalidPath);
        refused(ada(), json!([{"op": "add", "path": "", "value": "x"}]), ScimType::InvalidPath);
    }
}

mod single {
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
}

mod multi {
    use super::*;

    #[test]
    fn add_appends_what_is_not_there() {
        let done = patched(json!([{"op": "add", "path": "emails", "value": [
            {"value": "ada@work.example", "type": "work", "display": "Work"},
            {"value": "third@x.example", "type": "other"}
        ]}]));
        assert_eq!(
            done.document["emails"],
            json!([
                {"value": "ada@work.example", "type": "work", "primary": true, "display": "Work"},
                {"value": "ada@home.example", "type": "home"},
                {"value": "third@x.example", "type": "other"}
            ])
        );
        let done = patched(json!([{"op": "replace", "path": "emails", "value": {"value": "only@x.example"}}]));
        assert_eq!(done.document["emails"], json!([{"value": "only@x.example"}]));
        assert_eq!(done.tolerances, [Tolerance::ScalarForArray]);
    }

    #[test]
    fn a_new_primary_takes_the_mark_from_the_old() {
        let done =
            patched(json!([{"op": "add", "path": "emails", "value": [{"value": "p@x.example", "primary": true}]}]));
        let primaries: Vec<&Value> =
            done.document["emails"].as_array().expect("a list").iter().map(|e| &e["primary"]).collect();
        assert_eq!(primaries, [&json!(false), &Value::Null, &json!(true)]);
        let done = patched(json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}]));
        assert_eq!(done.document["emails"][0]["primary"], false);
        assert_eq!(done.document["emails"][1]["primary"], true);
        let both = json!([{"value": "a@x.example", "primary": true}, {"value": "b@x.example", "primary": true}]);
        refused(ada(), json!([{"op": "add", "path": "emails", "value": both}]), ScimType::InvalidValue);
    }

    #[test]
    fn a_filter_selects_what_is_written_and_removed() {
        let done =
            patched(json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@work.example"}]));
        assert_eq!(done.document["emails"][0], json!({"value": "new@work.example", "type": "work", "primary": true}));
        let done = patched(
            json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "new@work.example"}}]),
        );
        assert_eq!(done.document["emails"][0], json!({"value": "new@work.example", "type": "work"}));
        let done = patched(json!([{"op": "add", "path": "emails[type eq \"work\"]", "value": {"display": "Work"}}]));
        assert_eq!(done.document["emails"][0]["display"], "Work");
        assert_eq!(done.document["emails"][0]["value"], "ada@work.example");
        let done = patched(json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": "new@work.example"}]));
        assert_eq!(done.document["emails"][0], json!({"value": "new@work.example", "type": "work", "primary": true}));
        let done = patched(json!([{"op": "remove", "path": "emails[type eq \"work\" and value ew \".example\"]"}]));
        assert_eq!(done.document["emails"], json!([{"value": "ada@home.example", "type": "home"}]));
        let done = patched(json!([{"op": "remove", "path": "emails[value pr]"}]));
        assert_eq!(done.document.get("emails"), None);
        let done = patched(json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": null}]));
        assert_eq!(done.document["emails"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn removing_what_a_value_is_about_removes_the_value() {
        let done =
            patched(json!([{"op": "Remove", "path": "emails[type eq \"work\"].value", "value": "whatever@x.example"}]));
        assert_eq!(done.document["emails"], json!([{"value": "ada@home.example", "type": "home"}]));
        assert_eq!(done.tolerances, [Tolerance::OpCase, Tolerance::RemoveValueIgnored]);
        let done = patched(json!([{"op": "remove", "path": "emails[type eq \"work\"].primary"}]));
        assert_eq!(done.document["emails"][0], json!({"value": "ada@work.example", "type": "work"}));
    }

    #[test]
    fn add_onto_a_missing_value_creates_it_from_the_filter() {
        let done =
            user(bare(), json!([{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "dan@x.example"}]));
        assert_eq!(done.expect("created").document["emails"], json!([{"type": "work", "value": "dan@x.example"}]));
        let operations = json!([{"op": "add", "path": "emails[type eq \"WORK\" and primary eq true].value", "value": "dan@x.example"}]);
        let done = user(bare(), operations).expect("created");
        assert_eq!(done.document["emails"], json!([{"type": "work", "primary": true, "value": "dan@x.example"}]));
        let done =
            user(bare(), json!([{"op": "add", "path": "addresses[type eq \"home\"]", "value": {"country": "SE"}}]));
        assert_eq!(done.expect("created").document["addresses"], json!([{"type": "home", "country": "SE"}]));
        for path in [
            "emails[type ne \"work\"].value",
            "emails[type eq \"a\" or type eq \"b\"].value",
            "emails[value pr].type",
            "emails[type eq \"a\" and type eq \"b\"].value",
        ] {
            refused(bare(), json!([{"op": "add", "path": path, "value": "x"}]), ScimType::NoTarget);
        }
        let done = user(bare(), json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": ""}]))
            .expect("nothing");
        assert!(!done.changed);
    }

    #[test]
    fn replace_on_a_missing_value_creates_it_only_for_a_canonical_type() {
        let done = user(
            bare(),
            json!([{"op": "Replace", "path": "addresses[type eq \"work\"].formatted", "value": "18/2111"}]),
        )
        .expect("created");
        assert_eq!(done.document["addresses"], json!([{"type": "work", "formatted": "18/2111"}]));
        assert_eq!(done.tolerances, [Tolerance::OpCase, Tolerance::ReplaceCreates]);
        for path in [
            "addresses[type eq \"nonexistent\"].formatted",
            "addresses[type eq \"work\" and primary eq true].formatted",
            "addresses[formatted eq \"work\"].formatted",
            "emails[value eq \"nobody@x.example\"].type",
            "emails[type eq \"nonexistent\"]",
        ] {
            let value = if path.ends_with(']') { json!({"value": "x"}) } else { json!("x") };
            refused(ada(), json!([{"op": "replace", "path": path, "value": value}]), ScimType::NoTarget);
        }
    }

    #[test]
    fn three_adds_behind_primary_eq_true_land_on_one_role() {
        let done = user(
            bare(),
            json!([
                {"op": "Add", "path": "roles[primary eq \"True\"].display", "value": "Admin"},
                {"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "admin"},
                {"op": "Add", "path": "roles[primary eq \"True\"].type", "value": "app"}
            ]),
        )
        .expect("one role");
        assert_eq!(
            done.document["roles"],
            json!([{"primary": true, "display": "Admin", "value": "admin", "type": "app"}])
        );
        assert!(done.tolerances.contains(&Tolerance::BooleanFilterString));
    }

    #[test]
    fn remove_with_a_list_removes_what_is_listed() {
        for value in [
            json!([{"value": "ADA@work.example"}]),
            json!({"value": "ada@work.example", "type": "work"}),
            json!("ada@work.example"),
            json!(["ada@work.example", "unknown@x.example"]),
        ] {
            let done = patched(json!([{"op": "remove", "path": "emails", "value": value}]));
            assert_eq!(done.document["emails"], json!([{"value": "ada@home.example", "type": "home"}]), "{value}");
            assert!(done.tolerances.contains(&Tolerance::RemoveByValue));
        }
        assert!(!patched(json!([{"op": "remove", "path": "emails", "value": []}])).changed);
        assert!(
            !patched(
                json!([{"op": "remove", "path": "emails", "value": [{"value": "ada@work.example", "type": "home"}]}])
            )
            .changed
        );
        for value in [json!(7), json!([null]), json!([""]), json!([[]]), json!([{}]), json!(true)] {
            refused(ada(), json!([{"op": "remove", "path": "emails", "value": value}]), ScimType::InvalidValue);
        }
        assert_eq!(patched(json!([{"op": "remove", "path": "emails"}])).document.get("emails"), None);
    }

    #[test]
    fn a_part_without_a_filter_is_that_of_every_value() {
        let done = patched(json!([{"op": "replace", "path": "emails.type", "value": "other"}]));
        assert!(done.document["emails"].as_array().expect("a list").iter().all(|email| email["type"] == "other"));
        let done =
            user(bare(), json!([{"op": "add", "path": "emails.value", "value": "dan@x.example"}])).expect("created");
        assert_eq!(done.document["emails"], json!([{"value": "dan@x.example"}]));
    }
}

mod extension {
    use super::*;

    fn manager(document: Value, op: &str, value: Value) -> Done {
        let path = format!("{ENTERPRISE_URN}:manager");
        user(document, json!([{"op": op, "path": path, "value": value}])).expect("a manager")
    }

    #[test]
    fn a_manager_may_come_in_many_shapes() {
        for value in
            [json!("m2"), json!({"value": "m2"}), json!([{"$ref": null, "value": "m2"}]), json!([{"value": "m2"}])]
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
        let data =
            json!({"department": "Legal", "employeeNumber": "9", "manager": {"value": "m9", "$ref": "../Users/m1"}});
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
}

mod groups {
    use super::*;

    #[test]
    fn members_come_and_go_as_steps_in_order() {
        let steps = deltas(json!([
            {"op": "remove", "path": "members[value eq \"a\"]"},
            {"op": "add", "path": "members", "value": [{"value": "b", "display": "B", "$ref": null}, {"value": "b"}]},
            {"op": "replace", "path": "members", "value": [{"value": "c", "type": "Group"}]},
            {"op": "remove", "path": "members"}
        ]));
        let c = Member { value: "c".to_owned(), kind: Some(MemberKind::Group) };
        assert_eq!(
            steps,
            [
                MemberDelta::Remove(vec!["a".to_owned()]),
                MemberDelta::Add(vec![member("b")]),
                MemberDelta::Replace(vec![c]),
                MemberDelta::Clear
            ]
        );
    }

    #[test]
    fn a_rename_with_the_groups_own_id_leaves_members_alone() {
        let done = group(json!([{"op": "replace", "value": {"id": "own-id", "displayName": "Engineering"}}]))
            .expect("renamed");
        assert_eq!((&done.document["displayName"], done.members), (&json!("Engineering"), vec![]));
        assert_eq!(done.tolerances, [Tolerance::IdInPatch]);
        let error =
            group(json!([{"op": "replace", "value": {"id": "other", "displayName": "x"}}])).expect_err("another id");
        assert_eq!(error.scim_type, Some(ScimType::Mutability));
        assert_eq!(group(json!([{"op": "replace", "value": {"members": null}}])).expect("unchanged").members, []);
    }

    #[test]
    fn members_may_stand_in_a_value_without_path() {
        assert_eq!(
            deltas(json!([{"op": "add", "value": {"members": [{"value": "a"}]}}])),
            [MemberDelta::Add(vec![member("a")])]
        );
        assert_eq!(
            deltas(json!([{"op": "add", "path": "members", "value": "a"}])),
            [MemberDelta::Add(vec![member("a")])]
        );
        assert_eq!(
            deltas(json!([{"op": "add", "path": "Members", "value": {"value": "a"}}])),
            [MemberDelta::Add(vec![member("a")])]
        );
        assert_eq!(deltas(json!([{"op": "add", "path": "members", "value": []}])), []);
    }

    #[test]
    fn an_empty_replacement_empties_the_group() {
        for value in [json!([]), json!(null)] {
            assert_eq!(deltas(json!([{"op": "replace", "path": "members", "value": value}])), [MemberDelta::Clear]);
        }
        assert_eq!(
            deltas(json!([{"op": "replace", "value": {"displayName": "x", "members": []}}])),
            [MemberDelta::Clear]
        );
    }

    #[test]
    fn remove_with_a_value_removes_only_the_listed() {
        let gone = |values: &[&str]| vec![MemberDelta::Remove(values.iter().map(|&v| v.to_owned()).collect())];
        let remove = |value: Value| deltas(json!([{"op": "Remove", "path": "members", "value": value}]));
        assert_eq!(remove(json!([{"$ref": null, "value": "a"}, {"value": "b"}])), gone(&["a", "b"]));
        assert_eq!(remove(json!(["a", "b"])), gone(&["a", "b"]));
        assert_eq!(remove(json!({"value": "a"})), gone(&["a"]));
        assert_eq!(remove(json!("a")), gone(&["a"]));
        assert_eq!(remove(json!([])), []);
    }

    #[test]
    fn remove_with_a_value_that_is_no_list_of_members_never_empties_the_group() {
        for value in [
            json!(null),
            json!(7),
            json!(true),
            json!(""),
            json!("  "),
            json!({}),
            json!({"members": [{"value": "a"}]}),
            json!({"value": null}),
            json!([null]),
            json!([[]]),
            json!([{}]),
            json!([{"value": "a"}, {"display": "b"}]),
            json!([7]),
        ] {
            let error =
                group(json!([{"op": "remove", "path": "members", "value": value}])).expect_err(&value.to_string());
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{value}");
        }
    }

    #[test]
    fn filters_on_members_are_values_or_stay_filters() {
        let gone = |values: &[&str]| MemberDelta::Remove(values.iter().map(|&v| v.to_owned()).collect());
        let remove = |filter: &str| deltas(json!([{"op": "remove", "path": format!("members[{filter}]")}]));
        assert_eq!(remove("value eq \"a\""), [gone(&["a"])]);
        assert_eq!(remove("value eq \"a\" or value eq \"B\" or (value eq \"c\")"), [gone(&["a", "B", "c"])]);
        for filter in [
            "type eq \"User\"",
            "value ne \"a\"",
            "value sw \"a\"",
            "value eq \"a\" and type eq \"User\"",
            "not (value eq \"a\")",
        ] {
            let steps = remove(filter);
            let [MemberDelta::RemoveWhere(resolved)] = steps.as_slice() else { panic!("{filter}: {steps:?}") };
            let user = Member { value: "ab".to_owned(), kind: Some(MemberKind::User) };
            let matches = ["type", "value ne", "value sw", "not"].iter().any(|start| filter.starts_with(start));
            assert_eq!(resolved.matches_value(&user.to_value()), matches, "{filter}");
        }
    }

    #[test]
    fn members_are_refused_if_one_is_no_member_or_would_change() {
        for value in [
            json!(7),
            json!(""),
            json!([7]),
            json!([null]),
            json!([""]),
            json!([{"value": ""}]),
            json!([{"value": 7}]),
            json!([{}]),
        ] {
            for op in ["add", "replace"] {
                let error =
                    group(json!([{"op": op, "path": "members", "value": value}])).expect_err(&value.to_string());
                assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{value}");
            }
        }
        for path in [
            "members.value",
            "members[value eq \"a\"].display",
            "members[value eq \"a\"].value",
            "members[value eq \"a\"]",
        ] {
            let error = group(json!([{"op": "replace", "path": path, "value": "b"}])).expect_err(path);
            assert!(matches!(error.scim_type, Some(ScimType::Mutability | ScimType::InvalidPath)), "{path}: {error}");
        }
        let error = group(json!([{"op": "remove", "path": "displayName"}])).expect_err("required");
        assert_eq!(error.scim_type, Some(ScimType::Mutability));
    }

    #[test]
    fn the_same_member_a_thousand_times_is_one() {
        let thousand = vec![json!({"value": "a"}); 1_000];
        assert_eq!(
            deltas(json!([{"op": "add", "path": "members", "value": thousand}])),
            [MemberDelta::Add(vec![member("a")])]
        );
    }

    #[test]
    fn too_many_members_are_refused() {
        let many: Vec<Value> = (0..=MAX_MEMBERS).map(|n| json!({"value": n.to_string()})).collect();
        let error = group(json!([{"op": "add", "path": "members", "value": many}])).expect_err("too many");
        assert_eq!((error.status, error.scim_type), (413, Some(ScimType::TooMany)));
    }
}

mod custom {
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
        let error = extra(json!({}), json!([{"op": "add", "path": format!("{EXTRA}:rank"), "value": 1}]))
            .expect_err("readOnly");
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
        for operations in
            [write("seats[value eq \"a\"].value", json!("b")), write("seats[value eq \"a\"]", json!({"value": "b"}))]
        {
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
}
