//! Operations on what no schema has, which is kept under its URN (RFC 7643 section 3.3).

use serde_json::{Map, Value};

use super::{Operation, Verb};
use crate::scim::error::ScimError;
use crate::scim::path::UnknownPath;
use crate::scim::resource::check_unknown;
use crate::scim::schema::ResourceDefinition;

/// Applies an operation whose path no schema explains.
pub(super) fn apply(
    document: &mut Map<String, Value>,
    definition: &ResourceDefinition,
    path: &UnknownPath,
    operation: &Operation,
) -> Result<(), ScimError> {
    if !path.known_urn && is_container(document, definition, path) {
        let urn = spelled(document, &path.whole);
        return container(document, &urn, operation);
    }
    let urn = spelled(document, &path.urn);
    let mut data = match document.remove(&urn) {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    let outcome = write(&mut data, path, operation);
    if !data.is_empty() {
        document.insert(urn, Value::Object(data));
    }
    outcome
}

/// Whether the path is an extension as a whole: because the document has such a one, or because its last
/// segment looks like the end of a schema's URN, which is a resource type or a version.
fn is_container(document: &Map<String, Value>, definition: &ResourceDefinition, path: &UnknownPath) -> bool {
    let held = |urn: &str| document.keys().any(|key| key.eq_ignore_ascii_case(urn));
    if held(&path.whole) || held(&path.urn) {
        return held(&path.whole);
    }
    path.name.eq_ignore_ascii_case(&definition.name)
        || path.name.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// The key as the object has it already, in whatever case.
fn spelled(object: &Map<String, Value>, name: &str) -> String {
    object.keys().find(|key| key.eq_ignore_ascii_case(name)).map_or_else(|| name.to_owned(), Clone::clone)
}

fn container(document: &mut Map<String, Value>, urn: &str, operation: &Operation) -> Result<(), ScimError> {
    let sent = match (operation.verb, &operation.value) {
        (Verb::Remove, _) | (Verb::Replace, Some(Value::Null)) => {
            document.remove(urn);
            return Ok(());
        }
        (_, Some(Value::Object(sent))) => sent,
        (_, None | Some(Value::Null)) => return Ok(()),
        _ => return Err(ScimError::invalid_value(format!("the value of {urn} must be an object of attributes"))),
    };
    let mut data = match document.remove(urn) {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    for (name, value) in sent {
        put(&mut data, urn, name, Some(value), operation.verb)?;
    }
    if !data.is_empty() {
        document.insert(urn.to_owned(), Value::Object(data));
    }
    Ok(())
}

fn write(data: &mut Map<String, Value>, path: &UnknownPath, operation: &Operation) -> Result<(), ScimError> {
    if is_password(&path.name) {
        return Ok(());
    }
    let Some(sub) = &path.sub else {
        return put(data, &path.urn, &path.name, operation.value.as_ref(), operation.verb);
    };
    let name = spelled(data, &path.name);
    let mut parts = match data.remove(&name) {
        Some(Value::Object(parts)) => parts,
        _ => Map::new(),
    };
    let outcome = put(&mut parts, &path.urn, sub, operation.value.as_ref(), operation.verb);
    if !parts.is_empty() {
        data.insert(name, Value::Object(parts));
    }
    outcome
}

/// Writes one value, or takes it out.
fn put(
    data: &mut Map<String, Value>,
    urn: &str,
    name: &str,
    value: Option<&Value>,
    verb: Verb,
) -> Result<(), ScimError> {
    if is_password(name) {
        return Ok(());
    }
    let name = spelled(data, name);
    match (verb, value) {
        (Verb::Remove, _) | (_, None) => {
            data.remove(&name);
        }
        (Verb::Add, Some(value)) if is_unassigned(value) => {}
        (_, Some(value)) if is_unassigned(value) => {
            data.remove(&name);
        }
        (verb, Some(value)) => {
            check_unknown(urn, &Value::from(name.as_str()))?;
            check_unknown(&format!("{urn}:{name}"), value)?;
            let held = data.remove(&name).filter(|_| verb == Verb::Add);
            data.insert(name, with_added(held, value.clone()));
        }
    }
    Ok(())
}

/// No password is ever stored, under whatever URN.
fn is_password(name: &str) -> bool {
    name.eq_ignore_ascii_case("password")
}

fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(parts) => parts.is_empty(),
        _ => false,
    }
}

/// Without a schema, two arrays are taken for values of one attribute; anything else is replaced.
fn with_added(held: Option<Value>, new: Value) -> Value {
    match (held, new) {
        (Some(Value::Array(mut held)), Value::Array(new)) => {
            for value in new {
                if !held.contains(&value) {
                    held.push(value);
                }
            }
            Value::Array(held)
        }
        (_, new) => new,
    }
}
