//! What the product promises about bodies; see the module's own description.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::dialect::{Strictness, Tolerance, Tolerances};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::schema::{Catalogue, CustomSchemas, ENTERPRISE_URN, GROUP_URN, USER_URN};

fn try_as(kind: &str, body: Value) -> Result<(Normalised, Vec<Tolerance>), ScimError> {
    let catalogue = Catalogue::built_in();
    let mut tolerances = Tolerances::default();
    let def = catalogue.resource(kind).expect("it is built in");
    normalise(body, def, Strictness::default(), &mut tolerances).map(|result| (result, tolerances.iter().collect()))
}

/// A user with the given attributes beside `schemas` and `userName`.
fn with(attributes: Value) -> Value {
    let mut body = json!({"schemas": [USER_URN], "userName": "ada"});
    let Value::Object(attributes) = attributes else { unreachable!() };
    body.as_object_mut().expect("it is an object").extend(attributes);
    body
}

#[track_caller]
fn user(attributes: Value) -> Map<String, Value> {
    let shown = attributes.to_string();
    let mut document = try_as("User", with(attributes)).expect(&shown).0.document;
    document.remove("userName");
    document.remove("schemas");
    document
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "literals read better without &")]
fn becomes(attributes: Value, stored: Value) {
    let shown = attributes.to_string();
    assert_eq!(Value::Object(user(attributes)), stored, "{shown}");
}

#[track_caller]
fn tolerated(attributes: Value, tolerance: Tolerance) {
    let shown = attributes.to_string();
    let (_, used) = try_as("User", with(attributes)).expect(&shown);
    assert!(used.contains(&tolerance), "{shown} used {used:?}");
}

#[track_caller]
fn refused(attributes: Value, scim_type: ScimType) -> String {
    let shown = attributes.to_string();
    let error = try_as("User", with(attributes)).expect_err(&shown);
    assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{shown}: {error}");
    error.detail
}

#[test]
fn a_conformant_body_is_stored_as_it_is_without_any_tolerance() {
    let body = json!({
        "schemas": [USER_URN, ENTERPRISE_URN],
        "externalId": "nick-1",
        "userName": "Cleo@contoso.example",
        "active": true,
        "name": {"givenName": "Cleo", "familyName": "Vance"},
        "emails": [{"primary": true, "type": "work", "value": "cleo@contoso.example"}],
        "addresses": [{"type": "work", "primary": false, "formatted": "1 Quay"}],
        "photos": [{"value": "https://img.example/p.png"}],
        "x509Certificates": [{"value": "MIIB"}],
        ENTERPRISE_URN: {"department": "R&D", "manager": {"value": "boss"}},
    });
    let (result, used) = try_as("User", body.clone()).expect("it is conformant");
    assert_eq!(Value::Object(result.document), body);
    assert_eq!(used, []);
}

#[test]
fn names_get_the_spelling_of_the_schema() {
    becomes(
        json!({"ACTIVE": true, "Name": {"GIVENNAME": "Ada"}, "emails": [{"Value": "a@x.example", "Primary": true}]}),
        json!({"active": true, "name": {"givenName": "Ada"}, "emails": [{"value": "a@x.example", "primary": true}]}),
    );
    becomes(
        json!({ENTERPRISE_URN.to_uppercase(): {"Department": "Ops"}}),
        json!({ENTERPRISE_URN: {"department": "Ops"}}),
    );
    tolerated(json!({"Title": "Captain"}), Tolerance::NameCase);
}

#[test]
fn two_spellings_of_one_name_are_refused() {
    for body in [
        json!({"title": "a", "Title": "b"}),
        json!({"name": {"givenName": "a", "givenname": "b"}}),
        json!({"shoeSize": 1, "ShoeSize": 2}),
        json!({ENTERPRISE_URN: {"department": "a", "Department": "b"}}),
        json!({ENTERPRISE_URN: {"department": "a"}, ENTERPRISE_URN.to_uppercase(): {"department": "b"}}),
        json!({ENTERPRISE_URN: {"department": "a"}, format!("{ENTERPRISE_URN}:department"): "b"}),
        json!({"Schemas": [USER_URN]}),
    ] {
        refused(body, ScimType::InvalidSyntax);
    }
}

#[test]
fn what_only_the_server_writes_is_ignored_and_secrets_are_never_stored() {
    becomes(
        json!({
            "id": 7, "meta": {"resourceType": "User"}, "groups": [{"value": "admins"}], "password": "Xk7!okta",
            ENTERPRISE_URN: {"manager": {"value": "boss", "displayName": "The Boss"}, "Password": "s3cret"},
            "urn:example:other": {"password": "s3cret"},
        }),
        json!({ENTERPRISE_URN: {"manager": {"value": "boss"}}}),
    );
}

#[test]
fn null_the_empty_list_and_the_empty_string_are_unassigned() {
    becomes(
        json!({
            "externalId": null, "addresses": null, "phoneNumbers": [], "title": "", "profileUrl": "",
            "name": {"givenName": null, "familyName": ""},
            "emails": [{"type": "work", "value": ""}, null],
            "roles": "",
            ENTERPRISE_URN: {"manager": null, "department": ""},
        }),
        json!({}),
    );
    for manager in [json!(""), json!([]), json!({"value": ""}), json!({}), json!(null)] {
        becomes(json!({ENTERPRISE_URN: {"manager": manager}}), json!({}));
    }
    tolerated(json!({"title": ""}), Tolerance::EmptyString);
}

#[test]
fn an_omitted_active_or_members_is_told_from_an_emptied_one() {
    let sent = |body: Value| try_as("User", with(body)).expect("it is fine").0.active;
    assert_eq!(sent(json!({})), Sent::Omitted);
    assert_eq!(sent(json!({"active": null})), Sent::Omitted);
    assert_eq!(sent(json!({"active": false})), Sent::Given);

    let sent = |members: Value| {
        let body = json!({"schemas": [GROUP_URN], "displayName": "Eng", "members": members});
        try_as("Group", body).expect("it is fine").0.members
    };
    assert_eq!(sent(json!(null)), Sent::Omitted);
    assert_eq!(sent(json!([])), Sent::Empty);
    assert_eq!(sent(json!([{"value": "a"}])), Sent::Given);
}

#[test]
fn a_put_keeps_an_omitted_active_and_clears_the_rest() {
    let catalogue = Catalogue::built_in();
    let def = catalogue.resource("User").expect("it is built in");
    let stored = with(json!({"active": false, "title": "Captain", ENTERPRISE_URN: {"department": "Ops"}}));
    let stored = stored.as_object().expect("it is an object");
    let put = |body: Value, keep| {
        let mut new = try_as("User", with(body)).expect("it is fine").0;
        new.keep_omitted(stored, keep, def);
        Value::Object(new.document)
    };
    assert_eq!(put(json!({}), false), with(json!({"active": false})));
    assert_eq!(put(json!({"active": true}), false), with(json!({"active": true})));
    let mut kept = with(json!({"active": false, ENTERPRISE_URN: {"department": "Ops"}}));
    kept["schemas"] = json!([USER_URN, ENTERPRISE_URN]);
    assert_eq!(put(json!({}), true), kept);
    assert_eq!(put(json!({ENTERPRISE_URN: {}}), true), with(json!({"active": false})), "named, so it is cleared");
}

#[test]
fn booleans_are_understood_as_strings_and_only_where_booleans_are_due() {
    for (sent, stored) in
        [(json!("True"), true), (json!("FALSE"), false), (json!("true"), true), (json!([false]), false)]
    {
        becomes(json!({"active": sent}), json!({"active": stored}));
    }
    for sent in [json!("yes"), json!(2), json!([]), json!(""), json!([true, false]), json!({"value": true})] {
        refused(json!({"active": sent}), ScimType::InvalidValue);
    }
    becomes(json!({"title": "True"}), json!({"title": "True"}));
    tolerated(json!({"active": "False"}), Tolerance::BooleanString);
}

#[test]
fn scalars_and_arrays_stand_in_for_each_other() {
    let email = json!({"value": "a@x.example", "type": "work"});
    becomes(json!({"emails": email}), json!({"emails": [email]}));
    becomes(json!({"emails": "a@x.example"}), json!({"emails": [{"value": "a@x.example"}]}));
    becomes(json!({"emails": ["a@x.example"]}), json!({"emails": [{"value": "a@x.example"}]}));
    becomes(json!({"title": ["Captain"]}), json!({"title": "Captain"}));
    let manager = json!({ENTERPRISE_URN: {"manager": {"value": "boss"}}});
    becomes(json!({ENTERPRISE_URN: {"manager": "boss"}}), manager.clone());
    becomes(json!({ENTERPRISE_URN: {"manager": [{"$ref": null, "value": "boss"}]}}), manager);
    tolerated(json!({"emails": email}), Tolerance::ScalarForArray);
    tolerated(json!({"title": ["Captain"]}), Tolerance::ArrayForScalar);
    tolerated(json!({ENTERPRISE_URN: {"manager": "boss"}}), Tolerance::StringForComplex);
}

#[test]
fn values_of_the_wrong_type_are_refused_and_never_echoed() {
    for body in [
        json!({"title": 7}),
        json!({"title": ["a", "b"]}),
        json!({"name": "s3cret"}),
        json!({"name": {"givenName": ["s3cret", "s3cret"]}}),
        json!({"emails": [["s3cret"]]}),
        json!({"emails": [7]}),
        json!({"profileUrl": "not a uri s3cret"}),
        json!({"profileUrl": "https://x.example/%zz"}),
        json!({"x509Certificates": [{"value": "s3cret!"}]}),
        json!({"emails": [{"value": "a", "primary": "s3cret"}]}),
        json!({"title": "a\u{0}b"}),
        json!({"title": "x".repeat(MAX_STRING + 1)}),
        json!({"displayName": "x".repeat(MAX_NAME + 1)}),
        json!({"emails": (0..=MAX_VALUES).map(|n| json!({"value": n.to_string()})).collect::<Vec<_>>()}),
        json!({ENTERPRISE_URN: "s3cret"}),
        json!({ENTERPRISE_URN: {"shoeSize": "a\u{0}b"}}),
        json!({"urn:example:other": (0..=1_000).map(|n| (n.to_string(), json!(n))).collect::<Map<_, _>>()}),
        Value::Object((0..=100).map(|n| (format!("urn:example:{n}"), json!({"a": n}))).collect()),
    ] {
        let detail = refused(body, ScimType::InvalidValue);
        assert!(!detail.contains("s3cret"), "{detail}");
    }
    assert_eq!(refused(json!({"title": 7}), ScimType::InvalidValue), "title is a number; send a string");
}

#[test]
fn a_user_name_is_a_short_text_that_reads_one_way() {
    let too_long = "x".repeat(MAX_NAME + 1);
    for name in [
        json!(7),
        json!(true),
        json!([]),
        json!(["a", "b"]),
        json!(null),
        json!(""),
        json!(" \t"),
        json!({}),
        json!(too_long),
        json!("ada\u{202e}nimda"),
        json!("a\u{2066}b"),
    ] {
        refused(json!({"userName": name}), ScimType::InvalidValue);
    }
    let missing = try_as("User", json!({"schemas": [USER_URN]})).expect_err("it is required");
    assert_eq!(missing.detail, "userName is required; send a value for it");
    let stored = try_as("User", with(json!({"userName": "é".repeat(MAX_NAME)})));
    assert!(stored.is_ok(), "the limit is in characters");
}

#[test]
fn a_group_needs_a_name_and_its_members_are_references() {
    let group = |body: Value| {
        let mut all = json!({"schemas": [GROUP_URN]});
        all.as_object_mut().expect("it is an object").extend(body.as_object().expect("it is an object").clone());
        try_as("Group", all)
    };
    for bad in
        [json!({}), json!({"displayName": 7}), json!({"displayName": " "}), json!({"displayName": "x".repeat(513)})]
    {
        assert!(group(bad).is_err());
    }
    for bad in [json!(7), json!([{"value": 7}]), json!([{"display": "x"}]), json!([null]), json!([{"value": ""}])] {
        assert!(group(json!({"displayName": "Eng", "members": bad})).is_err(), "{bad}");
    }
    let sent =
        json!([{"value": "a", "display": "A", "$ref": null}, {"value": "a"}, {"value": "b", "type": "Group"}, "c"]);
    let mut document = group(json!({"displayName": "Eng", "members": sent})).expect("it is fine").0.document;
    assert_eq!(document["members"], json!([{"value": "a"}, {"value": "b", "type": "Group"}, {"value": "c"}]));
    let members = take_members(&mut document).expect("it has members");
    assert_eq!(members[1], Member { value: "b".to_owned(), kind: Some(MemberKind::Group) });
    assert!(take_members(&mut document).is_none());
}

#[test]
fn a_changed_document_is_brought_into_order() {
    let catalogue = Catalogue::built_in();
    let def = catalogue.resource("User").expect("it is built in");
    let finished = |document: Value| {
        let Value::Object(mut document) = document else { unreachable!() };
        finish(&mut document, def).map(|()| Value::Object(document))
    };
    let changed = json!({
        "schemas": [USER_URN], "userName": "ada", "name": {}, "emails": [], "title": null,
        ENTERPRISE_URN: {"department": "Ops"}, "urn:example:other": {"badge": null},
    });
    let stored = json!({
        "schemas": [USER_URN, ENTERPRISE_URN], "userName": "ada", ENTERPRISE_URN: {"department": "Ops"},
    });
    assert_eq!(finished(changed), Ok(stored));
    for bad in [
        json!({"title": "Countess"}),
        json!({"userName": "ada", "roles": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
    ] {
        assert_eq!(finished(bad).expect_err("it is out of order").scim_type, Some(ScimType::InvalidValue));
    }
}

#[test]
fn only_one_value_is_primary_and_duplicates_are_one() {
    refused(
        json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
        ScimType::InvalidValue,
    );
    becomes(
        json!({"emails": [
            {"value": "A@x.example", "type": "work"},
            {"value": "a@x.example", "type": "Work", "primary": true, "display": "Ada"},
            {"value": "a@x.example", "type": "home"},
        ]}),
        json!({"emails": [
            {"value": "A@x.example", "type": "work", "primary": true, "display": "Ada"},
            {"value": "a@x.example", "type": "home"},
        ]}),
    );
}

#[test]
fn unknown_attributes_are_ignored_or_kept_or_refused() {
    let custom = "urn:example:params:scim:schemas:acme:1.0:User";
    let body = json!({
        "isAdmin": true, "__proto__": {"x": 1}, "shoeSize": null,
        "name": {"givenName": "Ada", "spirit": "x"},
        ENTERPRISE_URN: {"building": {"floor": 3}},
        custom: {"badge": "7", "nothing": null},
        "urn:example:empty": {},
    });
    becomes(
        body.clone(),
        json!({"name": {"givenName": "Ada"}, ENTERPRISE_URN: {"building": {"floor": 3}}, custom: {"badge": "7"}}),
    );
    let (result, used) = try_as("User", with(body)).expect("it is fine");
    assert_eq!(result.document["schemas"], json!([USER_URN, ENTERPRISE_URN, custom]));
    assert!(used.contains(&Tolerance::UnknownAttribute));

    let catalogue = Catalogue::built_in();
    let def = catalogue.resource("User").expect("it is built in");
    let strict = Strictness { reject_unknown_attributes: true, ..Strictness::default() };
    for body in [json!({"isAdmin": true}), json!({ENTERPRISE_URN: {"building": 1}}), json!({custom: {"badge": "7"}})] {
        let error = normalise(with(body), def, strict, &mut Tolerances::default()).expect_err("it is unknown");
        assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
    }
}

#[test]
fn schemas_must_be_there_and_name_the_type() {
    for schemas in
        [json!(null), json!("x"), json!([7]), json!({}), json!([]), json!([GROUP_URN]), json!(["urn:example:x"])]
    {
        refused(json!({"schemas": schemas}), ScimType::InvalidSyntax);
    }
    let error = try_as("User", json!({"userName": "ada"})).expect_err("schemas is missing");
    assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
    for schemas in [
        json!(["urn:scim:schemas:core:2.0", "urn:scim:schemas:extension:enterprise:2.0"]),
        json!(["urn:scim:schemas:core:1.0"]),
        json!([ENTERPRISE_URN]),
        json!([USER_URN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"]),
    ] {
        becomes(json!({"schemas": schemas}), json!({}));
    }
    tolerated(json!({"schemas": [USER_URN, "urn:example:unknown"]}), Tolerance::UnknownSchema);
}

#[test]
fn extensions_are_understood_under_old_urns_and_as_prefixed_keys() {
    let stored = json!({ENTERPRISE_URN: {"department": "Ops"}});
    for urn in [
        "urn:scim:schemas:extension:enterprise:1.0",
        "urn:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0User",
    ] {
        becomes(json!({urn: {"department": "Ops"}}), stored.clone());
        tolerated(json!({urn: {"department": "Ops"}}), Tolerance::LegacyUrn);
    }
    becomes(json!({format!("{ENTERPRISE_URN}:department"): "Ops"}), stored);
    tolerated(json!({format!("{ENTERPRISE_URN}:department"): "Ops"}), Tolerance::PathKey);
    becomes(json!({USER_URN: {"title": "Captain"}}), json!({"title": "Captain"}));
}

/// A resource type of its own, with every kind and the characteristics that the built-in ones lack.
fn device() -> std::sync::Arc<Catalogue> {
    let custom: CustomSchemas = serde_json::from_value(json!({
        "schemas": [{"id": "urn:example:device", "name": "Device", "attributes": [
            {"name": "serial", "required": true, "mutability": "immutable", "uniqueness": "server"},
            {"name": "tag", "uniqueness": "global", "caseExact": true, "multiValued": true},
            {"name": "ports", "type": "integer"},
            {"name": "weight", "type": "decimal"},
            {"name": "bought", "type": "dateTime"},
            {"name": "place", "type": "complex", "subAttributes": [
                {"name": "room", "required": true, "mutability": "immutable"}, {"name": "desk"}]},
        ]}],
        "resource_types": [{"name": "Device", "endpoint": "/Devices", "schema": "urn:example:device"}],
    }))
    .expect("it is well-formed");
    Catalogue::with_custom(&custom).expect("it is valid")
}

fn as_device(mut body: Value) -> Result<Map<String, Value>, ScimError> {
    body["schemas"] = json!(["urn:example:device"]);
    let catalogue = device();
    let def = catalogue.resource("Device").expect("it is defined");
    normalise(body, def, Strictness::default(), &mut Tolerances::default()).map(|result| result.document)
}

#[test]
fn numbers_and_dates_are_exact() {
    let with = |name: &str, value: Value| as_device(json!({"serial": "1", name: value}));
    for good in [json!(0), json!(-7), json!(i64::MAX)] {
        assert!(with("ports", good).is_ok());
    }
    for bad in [json!(1.0), json!(1e3), json!(u64::MAX), json!("7"), json!(true), json!("")] {
        assert!(with("ports", bad.clone()).is_err(), "{bad}");
    }
    assert!(with("weight", json!(1.5)).is_ok());
    assert!(with("bought", json!("2026-01-31T08:00:00Z")).is_ok());
    assert!(with("bought", json!("2026-01-31")).is_err());
    assert!(with("place", json!({"desk": "4"})).is_err(), "room is required");
}

#[test]
fn what_is_immutable_must_be_repeated() {
    let catalogue = device();
    let def = catalogue.resource("Device").expect("it is defined");
    let old = as_device(json!({"serial": "Ab", "place": {"room": "1", "desk": "2"}})).expect("it is fine");
    let check = |body: Value| check_immutable(&old, body.as_object().expect("it is an object"), def);
    assert_eq!(check(json!({"serial": "aB", "place": {"room": "1"}})), Ok(()), "it compares without case");
    assert_eq!(check(json!({"serial": "Ab"})), Ok(()), "a whole value may go");
    for bad in [json!({"serial": "other"}), json!({}), json!({"serial": "Ab", "place": {"room": "2"}})] {
        let error = check(bad).expect_err("it changes what is immutable");
        assert_eq!(error.scim_type, Some(ScimType::Mutability));
    }
}

#[test]
fn unique_values_have_keys() {
    let catalogue = device();
    let def = catalogue.resource("Device").expect("it is defined");
    let document = as_device(json!({"serial": "Straße", "tag": ["B", "a"]})).expect("it is fine");
    let key = |path: &str, key: &str| (path.to_owned(), key.to_owned());
    assert_eq!(unique_keys(&document, def), [key("serial", "strasse"), key("tag", "B"), key("tag", "a")]);
}

/// JSON of any shape, with names and texts that mean something here.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec!["", "True", "work", "a@x.example", "A@X.example", "MIIB", " "]).prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "value",
        "Value",
        "type",
        "primary",
        "display",
        "$ref",
        "givenName",
        "familyName",
        "emails",
        "active",
        "roles",
        "name",
        "title",
        "photos",
        "addresses",
        "department",
        "manager",
        "members",
        "badge",
        "x509Certificates",
    ]);
    leaf.prop_recursive(4, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_normalised_document_normalises_to_itself(
        body in prop::collection::btree_map(
            prop::sample::select(vec![
                "emails", "active", "roles", "name", "title", "photos", "addresses", "x509Certificates", "Title",
                ENTERPRISE_URN, "urn:example:other", "urn:scim:schemas:extension:enterprise:1.0",
            ]),
            json_value(),
            0..6,
        ),
    ) {
        let body: Map<String, Value> = body.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Ok((once, _)) = try_as("User", with(Value::Object(body))) {
            let (twice, used) = try_as("User", Value::Object(once.document.clone())).expect("it is canonical");
            prop_assert_eq!(&twice.document, &once.document);
            prop_assert!(used.is_empty(), "{:?}", used);
        }
    }
}
