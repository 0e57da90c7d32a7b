//! Operations on the members of a group (RFC 7644 section 3.5.2, RFC 7643 section 4.2).

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
    let done =
        group(json!([{"op": "replace", "value": {"id": "own-id", "displayName": "Engineering"}}])).expect("renamed");
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
    assert_eq!(deltas(json!([{"op": "add", "path": "members", "value": "a"}])), [MemberDelta::Add(vec![member("a")])]);
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
    assert_eq!(deltas(json!([{"op": "replace", "value": {"displayName": "x", "members": []}}])), [MemberDelta::Clear]);
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
        let error = group(json!([{"op": "remove", "path": "members", "value": value}])).expect_err(&value.to_string());
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
            let error = group(json!([{"op": op, "path": "members", "value": value}])).expect_err(&value.to_string());
            assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{value}");
        }
    }
    for path in
        ["members.value", "members[value eq \"a\"].display", "members[value eq \"a\"].value", "members[value eq \"a\"]"]
    {
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
