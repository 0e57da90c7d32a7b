//! What holds for a whole document: `schemas`, required attributes, one primary value, and what may not
//! change any more (RFC 7643 sections 2.2, 2.4 and 3.3, RFC 7644 section 3.5.1).

use serde_json::{Map, Value};

use super::MAX_KEY;
use super::intake::is_urn;
use super::keys::unique_keys;
use super::value::comparable;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::schema::{Attribute, Kind, Mutability, ResourceDefinition, Schema};
use crate::scim::text::fold;

/// The most attributes of one extension, known or not.
const MAX_EXTENSION_ATTRIBUTES: usize = 1_000;
/// The most extensions of one resource, known or not.
const MAX_EXTENSIONS: usize = 100;

/// Brings a document into order after any change: drops what became unassigned, recomputes `schemas`, and
/// checks that nothing required is missing, that no attribute has two primary values and that extensions
/// stay within bounds.
pub fn finish(document: &mut Map<String, Value>, def: &ResourceDefinition) -> Result<(), ScimError> {
    drop_unassigned(document);
    list_schemas(document, def);
    check_extensions(document)?;
    check_keys(document, def)?;
    check_all("", &def.core.attributes, document)?;
    for extension in &def.extensions {
        let urn = &extension.schema.id;
        match document.get(urn) {
            Some(Value::Object(data)) => check_all(&format!("{urn}:"), &extension.schema.attributes, data)?,
            _ if extension.required => {
                let detail = format!("the extension {urn} is required; send its attributes under that key");
                return Err(ScimError::invalid_value(detail));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Drops null, empty arrays and empty objects, at the top and within extensions (RFC 7643 section 2.5).
fn drop_unassigned(document: &mut Map<String, Value>) {
    let assigned = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(parts) => !parts.is_empty(),
        _ => true,
    };
    document.retain(|key, value| {
        if let Value::Object(data) = value
            && is_urn(key)
        {
            data.retain(|_, value| assigned(value));
        }
        assigned(value)
    });
}

/// What resources are found by must fit an index.
fn check_keys(document: &Map<String, Value>, def: &ResourceDefinition) -> Result<(), ScimError> {
    for name in ["userName", "displayName", "externalId"] {
        if let Some(Value::String(text)) = document.get(name) {
            check_key(name, &fold(text))?;
        }
    }
    let emails = document.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for address in emails.iter().filter_map(|email| email.get("value")?.as_str()) {
        check_key("emails.value", &fold(address))?;
    }
    unique_keys(document, def).iter().try_for_each(|(path, key)| check_key(path, key))
}

pub(super) fn check_key(path: &str, key: &str) -> Result<(), ScimError> {
    if key.len() <= MAX_KEY {
        return Ok(());
    }
    let detail = format!("{path} has {} bytes; at most {MAX_KEY} are possible, as it is looked up by", key.len());
    Err(ScimError::invalid_value(detail))
}

fn check_extensions(document: &Map<String, Value>) -> Result<(), ScimError> {
    let mut count = 0;
    for (urn, data) in document.iter().filter(|(key, _)| is_urn(key)) {
        count += 1;
        let attributes = data.as_object().map_or(0, Map::len);
        if attributes > MAX_EXTENSION_ATTRIBUTES {
            let detail = format!("{urn} has {attributes} attributes; at most {MAX_EXTENSION_ATTRIBUTES} are possible");
            return Err(ScimError::invalid_value(detail));
        }
    }
    if count > MAX_EXTENSIONS {
        let detail = format!("there are {count} extensions; at most {MAX_EXTENSIONS} are possible");
        return Err(ScimError::invalid_value(detail));
    }
    Ok(())
}

/// Recomputes `schemas`: the core URN, and that of each extension with data. Empty extensions go.
pub(super) fn list_schemas(document: &mut Map<String, Value>, def: &ResourceDefinition) {
    document.retain(|key, value| !is_urn(key) || value.as_object().is_some_and(|data| !data.is_empty()));
    let known =
        def.schemas().map(|schema| &schema.id).filter(|urn| **urn == def.core.id || document.contains_key(*urn));
    let unknown = document.keys().filter(|key| is_urn(key) && def.extension(key).is_none());
    let schemas = known.chain(unknown).map(|urn| Value::String(urn.clone())).collect();
    document.insert("schemas".to_owned(), Value::Array(schemas));
}

fn check_all(prefix: &str, attributes: &[Attribute], values: &Map<String, Value>) -> Result<(), ScimError> {
    for attribute in attributes {
        let path = || format!("{prefix}{}", attribute.name);
        match values.get(&attribute.name) {
            None if attribute.required => {
                return Err(ScimError::invalid_value(format!("{} is required; send a value for it", path())));
            }
            Some(Value::Array(items)) => {
                single_primary(&path(), items)?;
                items.iter().try_for_each(|item| check_parts(&path, attribute, item))?;
            }
            Some(value) => check_parts(&path, attribute, value)?,
            None => {}
        }
    }
    Ok(())
}

/// The required parts of a complex value.
fn check_parts(path: &impl Fn() -> String, attribute: &Attribute, value: &Value) -> Result<(), ScimError> {
    let Value::Object(parts) = value else { return Ok(()) };
    match attribute.sub_attributes.iter().find(|part| part.required && !parts.contains_key(&part.name)) {
        None => Ok(()),
        Some(part) => {
            let detail = format!("{}.{} is required; send a value for it", path(), part.name);
            Err(ScimError::invalid_value(detail))
        }
    }
}

/// `primary: true` at most once (RFC 7643 section 2.4).
pub(super) fn single_primary(path: &str, values: &[Value]) -> Result<(), ScimError> {
    let primaries = values.iter().filter(|value| value.get("primary") == Some(&Value::Bool(true))).count();
    if primaries <= 1 {
        return Ok(());
    }
    Err(ScimError::invalid_value(format!("{primaries} values of {path} are primary; only one can be")))
}

/// Immutable attributes keep the value that they have (RFC 7644 section 3.5.1): `new` must repeat it.
///
/// For the documents before and after a PUT or a PATCH. The elements of a multi-valued attribute may
/// come and go as long as the attribute itself is not immutable.
pub fn check_immutable(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    def: &ResourceDefinition,
) -> Result<(), ScimError> {
    compare_all("", &def.core.attributes, old, new)?;
    let nothing = Map::new();
    let held = |document: &'_ Map<String, Value>, schema: &Schema| match document.get(&schema.id) {
        Some(Value::Object(data)) => data.clone(),
        _ => nothing.clone(),
    };
    for schema in def.extensions.iter().map(|extension| &extension.schema) {
        if schema.attributes.iter().any(has_immutable) {
            compare_all(&format!("{}:", schema.id), &schema.attributes, &held(old, schema), &held(new, schema))?;
        }
    }
    Ok(())
}

fn has_immutable(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::Immutable || attribute.sub_attributes.iter().any(has_immutable)
}

fn compare_all(
    prefix: &str,
    attributes: &[Attribute],
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<(), ScimError> {
    for attribute in attributes.iter().filter(|attribute| has_immutable(attribute)) {
        let Some(before) = old.get(&attribute.name) else { continue };
        let after = new.get(&attribute.name);
        let path = format!("{prefix}{}", attribute.name);
        if attribute.mutability == Mutability::Immutable {
            if !after.is_some_and(|after| same(attribute, before, after)) {
                let detail = format!("{path} cannot change once it is set; send the value that it has");
                return Err(ScimError::bad(ScimType::Mutability, detail));
            }
        } else if let Value::Object(before) = before {
            // A complex value that goes away takes its parts along, be they immutable or not.
            if let Some(Value::Object(after)) = after {
                compare_all(&format!("{path}."), &attribute.sub_attributes, before, after)?;
            }
        }
    }
    Ok(())
}

/// Whether two values of an attribute are equal, heeding `caseExact`; lists compare as sets.
fn same(attribute: &Attribute, one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            let within = |all: &[Value], item: &Value| all.iter().any(|value| same(attribute, value, item));
            one.len() == other.len() && one.iter().all(|item| within(other, item))
        }
        (Value::Object(one), Value::Object(other)) => {
            let equal = |name: &String, value: &Value| match (other.get(name), attribute.sub_attribute(name)) {
                (Some(other), Some(part)) => same(part, value, other),
                (found, _) => found == Some(value),
            };
            one.len() == other.len() && one.iter().all(|(name, value)| equal(name, value))
        }
        _ if attribute.kind == Kind::Complex => one == other,
        _ => comparable(attribute, one) == comparable(attribute, other),
    }
}
