//! The keys under which values must be unique (RFC 7643 section 7, `uniqueness`).

use serde_json::{Map, Value};

use super::value::comparable;
use crate::scim::schema::{Attribute, ResourceDefinition, Uniqueness};

/// The unique values of a document as (attribute path, key), `id` and `userName` apart, which have
/// columns of their own. Keys are folded unless the attribute is case-exact.
pub fn unique_keys(document: &Map<String, Value>, def: &ResourceDefinition) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    let core = def.core.attributes.iter().filter(|attribute| attribute.name != "userName");
    for attribute in core {
        collect(attribute, &attribute.name, document, &mut keys);
    }
    for schema in def.extensions.iter().map(|extension| &extension.schema) {
        let Some(Value::Object(data)) = document.get(&schema.id) else { continue };
        for attribute in &schema.attributes {
            collect(attribute, &format!("{}:{}", schema.id, attribute.name), data, &mut keys);
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

fn collect(attribute: &Attribute, path: &str, values: &Map<String, Value>, keys: &mut Vec<(String, String)>) {
    let items = match values.get(&attribute.name) {
        Some(Value::Array(items)) => items.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => return,
    };
    for item in items {
        match item {
            Value::Object(parts) => {
                for part in attribute.sub_attributes.iter().filter(|part| part.uniqueness != Uniqueness::None) {
                    collect(part, &format!("{path}.{}", part.name), parts, keys);
                }
            }
            simple if attribute.uniqueness != Uniqueness::None => {
                keys.push((path.to_owned(), comparable(attribute, simple)));
            }
            _ => {}
        }
    }
}
