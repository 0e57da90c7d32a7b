//! One attribute's value (RFC 7643 sections 2.3, 2.4 and 2.5).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::member::members;
use super::{member, scalar};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::error::ScimError;
use crate::scim::schema::{Attribute, Kind, Mutability, Returned};
use crate::scim::text::fold;

/// The most values of a multi-valued attribute other than `members`.
pub const MAX_VALUES: usize = 1_000;

/// The whole value of `attribute` as it is stored; `None` if it is unassigned, which null, an empty
/// array, an empty optional string and an object without parts are (RFC 7643 section 2.5).
///
/// `path` names the place for errors. Values of attributes that are never returned are discarded.
/// Read-only parts of a complex value are dropped; whether `attribute` itself may be written is not
/// asked here, nor whether it is required: see [`super::finish`].
pub fn normalise_value(
    attribute: &Attribute,
    path: &str,
    value: Value,
    tolerances: &mut Tolerances,
) -> Result<Option<Value>, ScimError> {
    if attribute.returned == Returned::Never {
        Ok(None)
    } else if attribute.multi_valued {
        many(attribute, path, value, tolerances)
    } else {
        single(attribute, path, value, tolerances)
    }
}

/// One element of a multi-valued `attribute` as it is stored; `None` if nothing is left of it.
pub fn normalise_element(
    attribute: &Attribute,
    path: &str,
    value: Value,
    tolerances: &mut Tolerances,
) -> Result<Option<Value>, ScimError> {
    if attribute.returned == Returned::Never {
        return Ok(None);
    }
    if super::members_attribute(attribute) {
        return member(&value, tolerances).map(|member| Some(member.to_value()));
    }
    match value {
        Value::Array(_) => Err(mismatch(attribute, path, &value)),
        value => plain(attribute, path, value, tolerances),
    }
}

/// An array of values, without duplicates.
fn many(
    attribute: &Attribute,
    path: &str,
    value: Value,
    tolerances: &mut Tolerances,
) -> Result<Option<Value>, ScimError> {
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        Value::String(text) if text.is_empty() => {
            tolerances.note(Tolerance::EmptyString);
            return Ok(None);
        }
        other => {
            tolerances.note(Tolerance::ScalarForArray);
            vec![other]
        }
    };
    if super::members_attribute(attribute) {
        return members(&items, tolerances);
    }
    if items.len() > MAX_VALUES {
        let detail = format!("{path} has {} values; at most {MAX_VALUES} are possible", items.len());
        return Err(ScimError::invalid_value(detail));
    }
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        values.extend(normalise_element(attribute, path, item, tolerances)?);
    }
    let values = collapse(attribute, values);
    super::check::single_primary(path, &values)?;
    Ok((!values.is_empty()).then_some(Value::Array(values)))
}

/// A value of a single-valued attribute, which some clients wrap in an array.
fn single(
    attribute: &Attribute,
    path: &str,
    value: Value,
    tolerances: &mut Tolerances,
) -> Result<Option<Value>, ScimError> {
    match value {
        Value::Array(mut items) => match items.pop() {
            Some(item) if items.is_empty() && !item.is_array() => {
                tolerances.note(Tolerance::ArrayForScalar);
                plain(attribute, path, item, tolerances)
            }
            // An explicit nothing unassigns what can be empty; it must not decide a boolean or a number.
            None if !matches!(attribute.kind, Kind::Boolean | Kind::Integer | Kind::Decimal) => {
                tolerances.note(Tolerance::ArrayForScalar);
                Ok(None)
            }
            _ => {
                let expected = expected(attribute);
                Err(ScimError::invalid_value(format!("{path} takes one value, not an array; send {expected}")))
            }
        },
        value => plain(attribute, path, value, tolerances),
    }
}

/// A value that is no array.
fn plain(
    attribute: &Attribute,
    path: &str,
    value: Value,
    tolerances: &mut Tolerances,
) -> Result<Option<Value>, ScimError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() && takes_text(attribute) => {
            tolerances.note(Tolerance::EmptyString);
            Ok(None)
        }
        value if attribute.kind != Kind::Complex => scalar::check(attribute, path, value, tolerances).map(Some),
        Value::Object(parts) => complex(attribute, path, parts, tolerances),
        Value::String(text) if attribute.sub_attribute("value").is_some() => {
            tolerances.note(Tolerance::StringForComplex);
            let parts = Map::from_iter([("value".to_owned(), Value::String(text))]);
            complex(attribute, path, parts, tolerances)
        }
        value => Err(mismatch(attribute, path, &value)),
    }
}

/// Whether an empty string can stand for "unassigned".
fn takes_text(attribute: &Attribute) -> bool {
    !matches!(attribute.kind, Kind::Boolean | Kind::Integer | Kind::Decimal)
}

/// The parts of a complex value.
fn complex(
    attribute: &Attribute,
    path: &str,
    parts: Map<String, Value>,
    tolerances: &mut Tolerances,
) -> Result<Option<Value>, ScimError> {
    let mut kept = Map::new();
    let mut seen = Vec::with_capacity(parts.len());
    let mut value_is_unassigned = false;
    for (key, value) in parts {
        let Some(part) = attribute.sub_attribute(&key) else {
            tolerances.note(Tolerance::UnknownAttribute);
            continue;
        };
        note_case(&key, &part.name, tolerances);
        if seen.contains(&part.name.as_str()) {
            return Err(ScimError::invalid_syntax(format!("{path}.{} is there twice, in different case", part.name)));
        }
        seen.push(part.name.as_str());
        if part.mutability == Mutability::ReadOnly && attribute.mutability != Mutability::ReadOnly {
            continue;
        }
        match normalise_value(part, &format!("{path}.{}", part.name), value, tolerances)? {
            Some(value) => {
                kept.insert(part.name.clone(), value);
            }
            None => value_is_unassigned |= part.name == "value",
        }
    }
    // `{"type": "work", "value": ""}` says that there is no such value.
    let labels_only = kept.keys().all(|name| ["type", "primary", "display"].contains(&name.as_str()));
    let unassigned = kept.is_empty() || (value_is_unassigned && labels_only);
    Ok((!unassigned).then_some(Value::Object(kept)))
}

/// Notes a name in another case than the schema's.
pub(super) fn note_case(sent: &str, name: &str, tolerances: &mut Tolerances) {
    if sent != name {
        tolerances.note(Tolerance::NameCase);
    }
}

/// Values with the same `type` and `value` are one (RFC 7643 section 2.4): the first, with what only
/// later ones say.
fn collapse(attribute: &Attribute, values: Vec<Value>) -> Vec<Value> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(values.len());
    let mut kept: Vec<Value> = Vec::with_capacity(values.len());
    for value in values {
        match places.entry(identity(attribute, &value)) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(kept.len());
                kept.push(value);
            }
            std::collections::hash_map::Entry::Occupied(entry) => {
                if let (Value::Object(first), Value::Object(later)) = (&mut kept[*entry.get()], value) {
                    merge(first, later);
                }
            }
        }
    }
    kept
}

fn merge(first: &mut Map<String, Value>, later: Map<String, Value>) {
    for (name, value) in later {
        if name == "primary" && value == Value::Bool(true) {
            first.insert(name, value);
        } else {
            first.entry(name).or_insert(value);
        }
    }
}

/// What makes two values of an attribute the same one.
pub(in crate::scim) fn identity(attribute: &Attribute, value: &Value) -> String {
    match value {
        Value::Object(parts) if parts.contains_key("value") => {
            let key = |name: &str| match (parts.get(name), attribute.sub_attribute(name)) {
                (Some(part), Some(definition)) => comparable(definition, part),
                _ => String::new(),
            };
            // NUL is refused in strings, so it can part them.
            format!("{}\0{}", key("type"), key("value"))
        }
        Value::Object(parts) => Value::Object(parts.clone()).to_string(),
        value => comparable(attribute, value),
    }
}

/// A simple value as text that is equal for equal values, heeding `caseExact`.
pub(in crate::scim) fn comparable(attribute: &Attribute, value: &Value) -> String {
    match value {
        Value::String(text) if attribute.case_exact || attribute.kind != Kind::String => text.clone(),
        Value::String(text) => fold(text),
        other => other.to_string(),
    }
}

/// The error for a value of the wrong type. It names the type that was sent, never the value.
pub(super) fn mismatch(attribute: &Attribute, path: &str, value: &Value) -> ScimError {
    let sent = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ScimError::invalid_value(format!("{path} is {sent}; send {}", expected(attribute)))
}

/// What one value of the attribute looks like.
pub(super) fn expected(attribute: &Attribute) -> &'static str {
    match attribute.kind {
        Kind::String => "a string",
        Kind::Boolean => "true or false",
        Kind::Decimal => "a number",
        Kind::Integer => "a whole number without fraction or exponent, within 64 bits",
        Kind::DateTime => "a date with time, such as \"2026-01-31T08:00:00Z\"",
        Kind::Binary => "base64",
        Kind::Reference => "a URI",
        Kind::Complex => "an object",
    }
}
