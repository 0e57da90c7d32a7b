//! `{{name}}` in paths and bodies, repeated list elements, and percent-encoding.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// The variable that sets the names of one run apart from those of another.
pub(super) const RANDOM: &str = "random";

/// The variable that counts the turns of a repeated step or list element, from 1.
pub(super) const COUNTER: &str = "i";

/// The member that marks a list element which stands for many.
const REPEAT: &str = "$repeat";

/// The member that holds what is repeated.
const ITEM: &str = "$item";

/// The characters of a path template that may not stand in a URL as they are.
const LITERAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b']')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The characters of a variable's value that may not: all but the unreserved ones of RFC 3986 section 2.3.
const INSERTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The values of variables.
pub(super) type Variables = BTreeMap<String, String>;

/// A template that cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    /// No step has saved it.
    #[error("the variable `{0}` has no value")]
    Unknown(String),
    /// `{{` without `}}`.
    #[error("`{{{{` is never closed in `{0}`")]
    Unclosed(String),
    /// `$repeat` or `$item` without the other, or of another type.
    #[error("a repeated element is {{\"$repeat\": number, \"$item\": element}}")]
    Repeat,
}

/// A template cut into what is said and what is filled in.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Literal(&'t str),
    /// The text between the braces, which may hold placeholders itself: `{{member_{{i}}}}`.
    Variable(&'t str),
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        let (literal, opened) = rest.split_at(start);
        let inner = opened.get(2..).unwrap_or_default();
        let end = closing(inner).ok_or_else(|| TemplateError::Unclosed(template.to_owned()))?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        pieces.push(Piece::Variable(&inner[..end]));
        rest = &inner[end + 2..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Ok(pieces)
}

/// Where the braces close that were opened before `inner`.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = inner.get(at..) {
        let next = rest.find(['{', '}'])?;
        at += next;
        match inner.get(at..at + 2) {
            Some("{{") => {
                depth += 1;
                at += 2;
            }
            Some("}}") if depth == 0 => return Some(at),
            Some("}}") => {
                depth -= 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    None
}

/// The variables of a template, each as it is written.
pub(super) fn variables(template: &str) -> Result<Vec<&str>, TemplateError> {
    let named = pieces(template)?.into_iter().filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        Piece::Literal(_) => None,
    });
    Ok(named.collect())
}

/// `template` with its variables replaced.
pub(super) fn fill(template: &str, variables: &Variables) -> Result<String, TemplateError> {
    fill_with(template, variables, &str::to_owned, &str::to_owned)
}

/// `template` as the path and query of a URL.
///
/// A template that holds a `+` or a `%` is the client's own encoding, under test, and is sent as it
/// stands. Elsewhere what a URL cannot hold is percent-encoded. What replaces a variable always is.
pub(super) fn fill_path(template: &str, variables: &Variables) -> Result<String, TemplateError> {
    let verbatim = template.contains(['+', '%']);
    let literal = |text: &str| if verbatim { text.to_owned() } else { utf8_percent_encode(text, LITERAL).to_string() };
    let inserted = |text: &str| utf8_percent_encode(text, INSERTED).to_string();
    fill_with(template, variables, &literal, &inserted)
}

fn fill_with(
    template: &str,
    variables: &Variables,
    literal: &dyn Fn(&str) -> String,
    inserted: &dyn Fn(&str) -> String,
) -> Result<String, TemplateError> {
    let mut filled = String::new();
    for piece in pieces(template)? {
        match piece {
            Piece::Literal(text) => filled += &literal(text),
            Piece::Variable(name) => {
                let name = fill(name, variables)?;
                let value = variables.get(&name).ok_or(TemplateError::Unknown(name))?;
                filled += &inserted(value);
            }
        }
    }
    Ok(filled)
}

/// `value` with the variables of its strings replaced, and its repeated list elements written out.
pub(super) fn fill_value(value: &Value, variables: &Variables) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) => Value::String(fill(text, variables)?),
        Value::Array(elements) => {
            let mut filled = Vec::with_capacity(elements.len());
            for element in elements {
                match repeated(element)? {
                    Some((times, item)) => {
                        let mut variables = variables.clone();
                        for turn in 1..=times {
                            variables.insert(COUNTER.to_owned(), turn.to_string());
                            filled.push(fill_value(item, &variables)?);
                        }
                    }
                    None => filled.push(fill_value(element, variables)?),
                }
            }
            Value::Array(filled)
        }
        Value::Object(members) => {
            let mut filled = Map::with_capacity(members.len());
            for (name, member) in members {
                filled.insert(fill(name, variables)?, fill_value(member, variables)?);
            }
            Value::Object(filled)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// How often and what, if `element` stands for many.
fn repeated(element: &Value) -> Result<Option<(u64, &Value)>, TemplateError> {
    let Some(members) = element.as_object() else { return Ok(None) };
    match (members.get(REPEAT), members.get(ITEM)) {
        (None, None) => Ok(None),
        (Some(times), Some(item)) if members.len() == 2 => {
            Ok(Some((times.as_u64().ok_or(TemplateError::Repeat)?, item)))
        }
        _ => Err(TemplateError::Repeat),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variables_of(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn path(template: &str, as_: &str) {
        let variables = variables_of(&[("u", "a b/c%"), ("random", "x1"), ("i", "2"), ("u2", "second")]);
        assert_eq!(fill_path(template, &variables), Ok(as_.to_owned()));
    }

    #[test]
    fn what_a_url_cannot_hold_is_encoded() {
        path(r#"/Users?filter=userName eq "ada@x.example""#, "/Users?filter=userName%20eq%20%22ada@x.example%22");
        path(
            r#"/Groups?filter=members[value eq "1"]&attributes=id"#,
            "/Groups?filter=members%5Bvalue%20eq%20%221%22%5D&attributes=id",
        );
        path(r#"/Users?filter=userName eq "a#EXT#@é""#, "/Users?filter=userName%20eq%20%22a%23EXT%23@%C3%A9%22");
    }

    #[test]
    fn an_encoded_template_is_sent_as_it_stands() {
        path("/Users?filter=userName+eq+%22a%22&", "/Users?filter=userName+eq+%22a%22&");
        path("/Users/{{random}}?", "/Users/x1?");
    }

    #[test]
    fn what_replaces_a_variable_stays_one_segment() {
        path("/Users/{{u}}", "/Users/a%20b%2Fc%25");
        path("/Users?filter=id+eq+%22{{u}}%22", "/Users?filter=id+eq+%22a%20b%2Fc%25%22");
    }

    #[test]
    fn a_variable_may_be_named_by_another() {
        path("/Users/{{u{{i}}}}", "/Users/second");
        assert_eq!(variables("{{u{{i}}}} and {{random}}"), Ok(vec!["u{{i}}", "random"]));
    }

    #[test]
    fn a_value_is_not_read_again() {
        let variables = variables_of(&[("a", "{{b}}"), ("b", "no")]);
        assert_eq!(fill("<{{a}}>", &variables), Ok("<{{b}}>".to_owned()));
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        assert_eq!(fill("{{nobody}}", &Variables::new()), Err(TemplateError::Unknown("nobody".to_owned())));
        assert_eq!(fill("{{open", &Variables::new()), Err(TemplateError::Unclosed("{{open".to_owned())));
        assert_eq!(fill("a } b { c", &Variables::new()), Ok("a } b { c".to_owned()));
    }

    #[test]
    fn repeated_elements_are_written_out() {
        let body = json!({"members": [{"$repeat": 2, "$item": {"value": "{{u{{i}}}}"}}, {"value": "z"}]});
        let variables = variables_of(&[("u1", "a"), ("u2", "b")]);
        let filled = json!({"members": [{"value": "a"}, {"value": "b"}, {"value": "z"}]});
        assert_eq!(fill_value(&body, &variables), Ok(filled));
        assert_eq!(fill_value(&json!([{"$repeat": 2}]), &variables), Err(TemplateError::Repeat));
    }
}
