//! Does an answer look as expected?

use serde_json::Value;

use super::format::Expectation;
use super::report::{Difference, brief};
use super::template::{self, TemplateError, Variables};

/// An answer, as far as expectations look at it.
pub(super) struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// `None` when there is no body. A body that is not JSON is a string.
    pub body: Option<Value>,
}

/// What is not as expected, nothing if all is. `strict` accepts no `status_elsewhere`.
pub(super) fn differences(
    expect: &Expectation,
    answer: &Answer,
    variables: &Variables,
    strict: bool,
) -> Result<Vec<Difference>, TemplateError> {
    let mut found = Vec::new();
    let elsewhere = !strict && expect.status_elsewhere.contains(&answer.status);
    if !expect.status.contains(&answer.status) && !elsewhere {
        // The body of a refusal says why; that of a success would only be noise.
        let got = match &answer.body {
            Some(body) if answer.status >= 400 => format!("{} {}", answer.status, brief(Some(body))),
            _ => answer.status.to_string(),
        };
        found.push(Difference::new("status", one_of(&expect.status), got));
        return Ok(found);
    }
    for (name, start) in &expect.headers {
        let value = answer.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let start = template::fill(start, variables)?;
        if !value.is_some_and(|value| value.to_lowercase().starts_with(&start.to_lowercase())) {
            let got = value.map_or_else(|| "no such header".to_owned(), |value| format!("`{value}`"));
            found.push(Difference::new(format!("header {name}"), format!("`{start}…`"), got));
        }
    }
    // Where another server answers without a body, there is nothing to look at.
    if elsewhere && answer.body.is_none() {
        return Ok(found);
    }
    found.extend(body_differences(expect, answer.body.as_ref(), variables)?);
    Ok(found)
}

fn one_of(statuses: &[u16]) -> String {
    let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
    statuses.join(" or ")
}

fn body_differences(
    expect: &Expectation,
    body: Option<&Value>,
    variables: &Variables,
) -> Result<Vec<Difference>, TemplateError> {
    let mut found = Vec::new();
    if let Some(contains) = &expect.contains {
        subset(&template::fill_value(contains, variables)?, body, "body", &mut found);
    }
    for (path, length) in &expect.length {
        let value = lookup(body, path);
        if value.and_then(Value::as_array).map(Vec::len) != Some(*length) {
            found.push(Difference::new(format!("body {path}"), elements(*length), brief(value)));
        }
    }
    for (path, length) in &expect.length_or_absent {
        let have = match lookup(body, path) {
            None | Some(Value::Null) => Some(0),
            Some(value) => value.as_array().map(Vec::len),
        };
        if have != Some(*length) {
            found.push(Difference::new(format!("body {path}"), elements(*length), brief(lookup(body, path))));
        }
    }
    for path in &expect.absent {
        if let Some(value) = lookup(body, path) {
            found.push(Difference::new(format!("body {path}"), "nothing", brief(Some(value))));
        }
    }
    for key in &expect.absent_keys {
        if let Some(value) = body.and_then(|body| body.get(key)) {
            found.push(Difference::new(format!("body member `{key}`"), "nothing", brief(Some(value))));
        }
    }
    for (path, unwanted) in &expect.not_equal {
        let unwanted = template::fill_value(unwanted, variables)?;
        if lookup(body, path).is_some_and(|value| equal(&unwanted, value)) {
            found.push(Difference::new(format!("body {path}"), "another value", brief(Some(&unwanted))));
        }
    }
    Ok(found)
}

fn elements(length: usize) -> String {
    if length == 1 { "1 element".to_owned() } else { format!("{length} elements") }
}

/// Collects where `actual` lacks something of `expected`.
fn subset(expected: &Value, actual: Option<&Value>, at: &str, found: &mut Vec<Difference>) {
    match (expected, actual) {
        (Value::Object(members), Some(Value::Object(have))) => {
            for (name, member) in members {
                let at = if at == "body" { format!("body {name}") } else { format!("{at}.{name}") };
                subset(member, have.get(name), &at, found);
            }
        }
        (Value::Array(elements), Some(Value::Array(have))) => {
            for element in elements {
                if !have.iter().any(|candidate| matches(element, candidate)) {
                    let expected = format!("an element like {}", brief(Some(element)));
                    found.push(Difference::new(at, expected, brief(actual)));
                }
            }
        }
        (expected, Some(actual)) if equal(expected, actual) => {}
        (expected, actual) => found.push(Difference::new(at, brief(Some(expected)), brief(actual))),
    }
}

fn matches(expected: &Value, actual: &Value) -> bool {
    let mut found = Vec::new();
    subset(expected, Some(actual), "", &mut found);
    found.is_empty()
}

/// Equal as JSON: `1` and `1.0` are the same number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// The value at a dotted path: names of members and indices of lists.
///
/// A URN holds dots itself (`urn:…:enterprise:2.0:User.manager.value`), so that a member whose name is
/// the longest beginning of the path goes first.
pub(super) fn lookup<'v>(value: Option<&'v Value>, path: &str) -> Option<&'v Value> {
    let value = value?;
    if let Some(found) = step(value, path) {
        return Some(found);
    }
    path.rmatch_indices('.').find_map(|(dot, _)| {
        let (first, rest) = (&path[..dot], &path[dot + 1..]);
        lookup(Some(step(value, first)?), rest)
    })
}

fn step<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(key),
        Value::Array(elements) => elements.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(expect: Value, status: u16, body: Option<Value>) -> Vec<String> {
        let expect: Expectation = serde_json::from_value(expect).unwrap();
        let answer = Answer { status, headers: vec![("location".to_owned(), "/Users/1".to_owned())], body };
        let variables = Variables::from([("u".to_owned(), "1".to_owned())]);
        let found = differences(&expect, &answer, &variables, false).unwrap();
        found.iter().map(Difference::to_string).collect()
    }

    #[track_caller]
    fn fits(expect: Value, body: Value) {
        assert_eq!(check(expect, 200, Some(body)), Vec::<String>::new());
    }

    #[track_caller]
    fn differs(expect: Value, body: Value, as_: &str) {
        assert_eq!(check(expect, 200, Some(body)), [as_]);
    }

    #[test]
    fn objects_match_as_subsets() {
        fits(
            json!({"status": [200], "contains": {"id": "{{u}}", "name": {"givenName": "Ada"}, "n": 1}}),
            json!({"id": "1", "name": {"givenName": "Ada", "familyName": "Byron"}, "n": 1.0, "active": true}),
        );
        differs(
            json!({"status": [200], "contains": {"name": {"givenName": "Ada"}}}),
            json!({"name": {"givenName": "Bo"}}),
            r#"body name.givenName: expected "Ada", got "Bo""#,
        );
        differs(
            json!({"status": [200], "contains": {"active": false}}),
            json!({"active": "False"}),
            r#"body active: expected false, got "False""#,
        );
    }

    #[test]
    fn each_element_of_a_list_matches_some_element() {
        let emails =
            json!({"emails": [{"value": "a", "type": "home"}, {"value": "b", "type": "work", "primary": true}]});
        fits(json!({"status": [200], "contains": {"emails": [{"value": "b"}, {"value": "a"}]}}), emails.clone());
        differs(
            json!({"status": [200], "contains": {"emails": [{"value": "a", "type": "work"}]}}),
            emails.clone(),
            &format!(
                r#"body emails: expected an element like {{"type":"work","value":"a"}}, got {}"#,
                emails["emails"]
            ),
        );
    }

    #[test]
    fn lengths_are_exact_and_absence_may_count_as_none() {
        fits(json!({"status": [200], "length": {"members": 1}}), json!({"members": [{}]}));
        differs(
            json!({"status": [200], "length": {"members": 0}}),
            json!({}),
            "body members: expected 0 elements, got nothing",
        );
        fits(json!({"status": [200], "length_or_absent": {"members": 0}}), json!({}));
        fits(json!({"status": [200], "length_or_absent": {"members": 0}}), json!({"members": []}));
        differs(
            json!({"status": [200], "length_or_absent": {"members": 0}}),
            json!({"members": [1]}),
            "body members: expected 0 elements, got [1]",
        );
    }

    #[test]
    fn paths_go_through_lists_and_urns() {
        let user = json!({"Resources": [{"urn:x:2.0:User": {"manager": {"value": "7"}}}], "name.givenName": "odd"});
        let at = |path| lookup(Some(&user), path);
        assert_eq!(at("Resources.0.urn:x:2.0:User.manager.value"), Some(&json!("7")));
        assert_eq!(at("Resources.1"), None);
        assert_eq!(at("name.givenName"), Some(&json!("odd")));
        assert_eq!(at("name"), None);
    }

    #[test]
    fn what_must_not_be_there() {
        let body = json!({"password": null, "name.givenName": "x", "id": "1"});
        differs(
            json!({"status": [200], "absent": ["password", "nickName"]}),
            body.clone(),
            "body password: expected nothing, got null",
        );
        differs(
            json!({"status": [200], "absent_keys": ["name.givenName"]}),
            body.clone(),
            r#"body member `name.givenName`: expected nothing, got "x""#,
        );
        differs(
            json!({"status": [200], "not_equal": {"id": "{{u}}"}}),
            body,
            r#"body id: expected another value, got "1""#,
        );
    }

    #[test]
    fn a_refusal_shows_its_reason() {
        let found = check(json!({"status": [200, 204]}), 400, Some(json!({"detail": "no"})));
        assert_eq!(found, [r#"status: expected 200 or 204, got 400 {"detail":"no"}"#]);
        assert_eq!(check(json!({"status": [409]}), 201, Some(json!({"id": "1"}))), ["status: expected 409, got 201"]);
    }

    #[test]
    fn other_servers_may_answer_without_a_body_unless_played_strictly() {
        let expect = json!({"status": [200], "status_elsewhere": [204], "contains": {"active": false}});
        assert_eq!(check(expect.clone(), 204, None), Vec::<String>::new());
        let answer = Answer { status: 204, headers: vec![], body: None };
        let expect: Expectation = serde_json::from_value(expect).unwrap();
        assert_eq!(differences(&expect, &answer, &Variables::new(), true).unwrap().len(), 1);
    }

    #[test]
    fn headers_begin_as_expected() {
        assert_eq!(
            check(json!({"status": [200], "headers": {"Location": "/USERS/{{u}}"}}), 200, None),
            Vec::<String>::new()
        );
        assert_eq!(
            check(json!({"status": [200], "headers": {"etag": "W/"}}), 200, None),
            ["header etag: expected `W/…`, got no such header"]
        );
    }
}
