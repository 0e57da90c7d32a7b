//! The body of a PATCH request (RFC 7644 section 3.5.2).

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
    let other_case =
        json!({"Schemas": [PATCH_URN.to_uppercase()], "operations": [{"OP": "add", "Path": "title", "VALUE": "x"}]});
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
