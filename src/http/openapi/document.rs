//! The document: all descriptions as one OpenAPI 3.1 object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::operation::Operation;
use super::schema::{NAME, SCHEMA};
use super::{parameters, tags};

/// What the document says about the whole.
const ABOUT: &str = "\
Muster takes what identity providers push by SCIM and makes native groups, roles and memberships of it, by rules.

**Keys.** `Authorization: Bearer sk_…`. A key of the environment reaches everything, a key of an organization only that; \
whatever a key does not reach does not exist for it (404).

**Lists** have the envelope `{object: \"list\", data, list_metadata: {before, after}}`; give `after` again until it is null.

**Errors** have a `message` for people and a `code` for programs.

**Retries.** Every POST takes an `Idempotency-Key`, and a repeated one has no second effect.

**Unknown fields** in bodies are ignored, and answers may get new ones.";

/// An OpenAPI document.
pub struct Document(Value);

impl Document {
    /// Puts the descriptions together. `server` is the URL under which clients reach the server.
    pub fn of(operations: &[Operation], server: &str) -> Self {
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for operation in operations {
            let (path, method) = operation.place();
            used.insert(operation.tag().name);
            paths.entry(path).or_default().insert(method.to_owned(), operation.document());
        }
        let mut paths = json!(paths);
        let mut schemas = BTreeMap::new();
        lift(&mut paths, &mut schemas);
        Document(json!({
            "openapi": "3.1.1",
            "info": {
                "title": "Muster",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": server}],
            "tags": tags::ALL.iter().filter(|tag| used.contains(tag.name)).map(|tag| json!({
                "name": tag.name, "description": tag.about,
            })).collect::<Vec<_>>(),
            "x-tagGroups": callers(&used),
            "paths": paths,
            "components": {
                "schemas": schemas,
                "parameters": parameters::components(),
                "headers": parameters::headers(),
                "securitySchemes": {
                    "api_key": {"type": "http", "scheme": "bearer", "description": "An API key, `sk_…`."},
                    "scim_token": {"type": "http", "scheme": "bearer", "description": "A SCIM token of the directory, `scim_…`."},
                },
            },
        }))
    }

    /// The JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

/// The groups of endpoints by who calls them, in their order.
fn callers(used: &BTreeSet<&str>) -> Vec<Value> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for tag in tags::ALL.iter().filter(|tag| used.contains(tag.name)) {
        match groups.iter_mut().find(|(caller, _)| *caller == tag.caller) {
            Some((_, names)) => names.push(tag.name),
            None => groups.push((tag.caller, vec![tag.name])),
        }
    }
    groups.into_iter().map(|(caller, names)| json!({"name": caller, "tags": names})).collect()
}

/// Takes named schemas out into `components`, and leaves references.
fn lift(value: &mut Value, components: &mut BTreeMap<String, Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| lift(item, components)),
        Value::Object(fields) => {
            if let (Some(Value::String(name)), Some(mut schema)) = (fields.remove(NAME), fields.remove(SCHEMA)) {
                lift(&mut schema, components);
                fields.insert("$ref".to_owned(), format!("#/components/schemas/{name}").into());
                let known = components.entry(name.clone()).or_insert_with(|| schema.clone());
                debug_assert_eq!(*known, schema, "two schemas are called {name}");
            }
            fields.values_mut().for_each(|inner| lift(inner, components));
        }
        _ => {}
    }
}
