//! Operations on multi-valued attributes (RFC 7644 section 3.5.2, RFC 7643 section 2.4).

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
    let done = patched(json!([{"op": "add", "path": "emails", "value": [{"value": "p@x.example", "primary": true}]}]));
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
    let done =
        patched(json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "new@work.example"}}]));
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
    let done = user(bare(), json!([{"op": "Add", "path": "emails[type eq \"work\"].value", "value": "dan@x.example"}]));
    assert_eq!(done.expect("created").document["emails"], json!([{"type": "work", "value": "dan@x.example"}]));
    let operations =
        json!([{"op": "add", "path": "emails[type eq \"WORK\" and primary eq true].value", "value": "dan@x.example"}]);
    let done = user(bare(), operations).expect("created");
    assert_eq!(done.document["emails"], json!([{"type": "work", "primary": true, "value": "dan@x.example"}]));
    let done = user(bare(), json!([{"op": "add", "path": "addresses[type eq \"home\"]", "value": {"country": "SE"}}]));
    assert_eq!(done.expect("created").document["addresses"], json!([{"type": "home", "country": "SE"}]));
    for path in [
        "emails[type ne \"work\"].value",
        "emails[type eq \"a\" or type eq \"b\"].value",
        "emails[value pr].type",
        "emails[type eq \"a\" and type eq \"b\"].value",
    ] {
        refused(bare(), json!([{"op": "add", "path": path, "value": "x"}]), ScimType::NoTarget);
    }
    let done =
        user(bare(), json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": ""}])).expect("nothing");
    assert!(!done.changed);
}

#[test]
fn replace_on_a_missing_value_creates_it_only_for_a_canonical_type() {
    let done =
        user(bare(), json!([{"op": "Replace", "path": "addresses[type eq \"work\"].formatted", "value": "18/2111"}]))
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
    assert_eq!(done.document["roles"], json!([{"primary": true, "display": "Admin", "value": "admin", "type": "app"}]));
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
        !patched(json!([{"op": "remove", "path": "emails", "value": [{"value": "ada@work.example", "type": "home"}]}]))
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
    let done = user(bare(), json!([{"op": "add", "path": "emails.value", "value": "dan@x.example"}])).expect("created");
    assert_eq!(done.document["emails"], json!([{"value": "dan@x.example"}]));
}
