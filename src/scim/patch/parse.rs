//! The body of a PATCH request (RFC 7644 section 3.5.2, figure 4).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{MAX_OPERATIONS, Operation, PATCH_URN, Target, Verb, in_operation, no_target};
use crate::scim::dialect::{Strictness, Tolerance, Tolerances};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::filter::closest_attribute;
use crate::scim::json::take;
use crate::scim::path::{AttributePath, Path, UnknownPath};
use crate::scim::resource::is_urn;
use crate::scim::schema::ResourceDefinition;

/// Reads the body of a PATCH request and looks up its paths.
///
/// A value without path is taken apart: each of its keys is a path (RFC 7644 sections 3.5.2.1 and
/// 3.5.2.3), be it an attribute, `name.givenName`, `urn:…:User:department` or an extension's URN.
pub fn parse(
    body: Value,
    definition: &ResourceDefinition,
    strictness: Strictness,
    tolerances: &mut Tolerances,
) -> Result<Vec<Operation>, ScimError> {
    let Value::Object(mut body) = body else {
        return Err(ScimError::invalid_syntax("the body is not an object; send schemas and Operations in one"));
    };
    check_schemas(take(&mut body, "schemas")?)?;
    let Some(Value::Array(sent)) = take(&mut body, "Operations")? else {
        return Err(ScimError::invalid_syntax("Operations is missing or not an array; send an array of operations"));
    };
    if sent.is_empty() {
        return Err(ScimError::invalid_syntax("Operations is empty; send at least one operation"));
    }
    if sent.len() > MAX_OPERATIONS {
        let detail = format!("{} operations are too many; send at most {MAX_OPERATIONS} at once", sent.len());
        return Err(ScimError { status: 413, scim_type: Some(ScimType::TooMany), detail });
    }
    let mut operations = Vec::with_capacity(sent.len());
    for (position, operation) in sent.into_iter().enumerate() {
        let mut reader = Reader { definition, strictness, tolerances, position, operations: &mut operations };
        reader.operation(operation).map_err(|error| in_operation(position, error))?;
    }
    Ok(operations)
}

/// Refuses a name that is there twice, in different case: nobody can tell which value is meant.
fn check_names(values: &Map<String, Value>) -> Result<(), ScimError> {
    let mut seen = HashSet::with_capacity(values.len());
    match values.keys().find(|key| !seen.insert(key.to_ascii_lowercase())) {
        None => Ok(()),
        Some(key) => {
            let key: String = key.chars().take(200).collect();
            Err(ScimError::invalid_syntax(format!("{key} is there twice, in different case; send it once")))
        }
    }
}

fn check_schemas(schemas: Option<Value>) -> Result<(), ScimError> {
    let named = |urn: &Value| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(PATCH_URN));
    match schemas {
        Some(Value::Array(urns)) if urns.iter().any(named) => Ok(()),
        _ => Err(ScimError::invalid_syntax(format!(
            "schemas does not name a PATCH; send \"schemas\": [\"{PATCH_URN}\"]"
        ))),
    }
}

/// Reads one operation of the request.
struct Reader<'a> {
    definition: &'a ResourceDefinition,
    strictness: Strictness,
    tolerances: &'a mut Tolerances,
    position: usize,
    operations: &'a mut Vec<Operation>,
}

impl Reader<'_> {
    fn operation(&mut self, operation: Value) -> Result<(), ScimError> {
        let Value::Object(mut operation) = operation else {
            return Err(ScimError::invalid_syntax("an operation is an object with op, path and value"));
        };
        let verb = self.verb(take(&mut operation, "op")?)?;
        let path = match take(&mut operation, "path")? {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(path),
            Some(_) => return Err(ScimError::bad(ScimType::InvalidPath, "path is not a string")),
        };
        let value = take(&mut operation, "value")?;
        match (path, verb, value) {
            (None, Verb::Remove, _) => Err(no_target("remove needs a path; name the attribute that is to go")),
            (Some(path), Verb::Remove, value) => self.remove(&path, value),
            (_, _, None) => Err(ScimError::invalid_value("value is missing; send what is to be written")),
            (Some(path), _, Some(value)) => self.write(verb, &path, value),
            (None, _, Some(Value::Object(values))) => self.keys(verb, values),
            (None, _, Some(_)) => {
                Err(ScimError::invalid_value("without a path, value must be an object whose keys are attributes"))
            }
        }
    }

    fn verb(&mut self, op: Option<Value>) -> Result<Verb, ScimError> {
        let Some(Value::String(op)) = op else {
            return Err(ScimError::invalid_syntax("op is missing or not a string; send add, replace or remove"));
        };
        let verb = match op.to_ascii_lowercase().as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            _ => {
                let op: String = op.chars().take(20).collect();
                return Err(ScimError::invalid_syntax(format!("op is {op:?}; send add, replace or remove")));
            }
        };
        if op.bytes().any(|b| b.is_ascii_uppercase()) {
            self.tolerances.note(Tolerance::OpCase);
        }
        Ok(verb)
    }

    fn path(&mut self, text: &str) -> Result<Path, ScimError> {
        Path::parse(text, self.definition, self.strictness, self.tolerances)
    }

    fn push(&mut self, verb: Verb, target: Target, value: Option<Value>, keyed: bool) {
        self.operations.push(Operation { verb, target, value, position: self.position, keyed });
    }

    fn remove(&mut self, path: &str, value: Option<Value>) -> Result<(), ScimError> {
        let target = match self.path(path)? {
            Path::Attribute(path) => Target::Attribute(path),
            Path::Unknown(path) => Target::Unknown(path),
            Path::Schema { extension: Some(urn) } => Target::Extension(urn),
            Path::Schema { extension: None } => {
                return Err(no_target("remove needs an attribute; the core schema as a whole cannot go"));
            }
        };
        self.push(Verb::Remove, target, value, false);
        Ok(())
    }

    fn write(&mut self, verb: Verb, path: &str, value: Value) -> Result<(), ScimError> {
        match (self.path(path)?, value) {
            (Path::Attribute(path), value) => self.push(verb, Target::Attribute(path), Some(value), false),
            (Path::Unknown(path), value) => self.push(verb, Target::Unknown(path), Some(value), false),
            (Path::Schema { extension: Some(urn) }, value) => return self.extension(verb, &urn, value),
            (Path::Schema { extension: None }, Value::Object(values)) => return self.keys(verb, values),
            (Path::Schema { extension: None }, _) => {
                return Err(ScimError::invalid_value(format!("the value at {path} must be an object of attributes")));
            }
        }
        Ok(())
    }

    /// A value without path: each key is one.
    fn keys(&mut self, verb: Verb, values: Map<String, Value>) -> Result<(), ScimError> {
        check_names(&values)?;
        values.into_iter().try_for_each(|(key, value)| self.key(verb, &key, value))
    }

    fn key(&mut self, verb: Verb, key: &str, value: Value) -> Result<(), ScimError> {
        if let Some(located) = self.definition.locate(None, key) {
            if located.attribute.name != key {
                self.tolerances.note(Tolerance::NameCase);
            }
            let name = located.attribute.name.clone();
            if name == "meta" {
                // The client merely returns what it read; as a target of its own, `meta` is refused.
                self.tolerances.note(Tolerance::MetaInPatch);
                return Ok(());
            }
            let path = AttributePath { extension: None, name, filter: None, sub: None };
            self.push(verb, Target::Attribute(path), Some(value), true);
            return Ok(());
        }
        if let Some(found) = self.definition.qualified(key).filter(|found| found.rest.is_empty()) {
            let tolerance = if found.legacy { Tolerance::LegacyUrn } else { Tolerance::NameCase };
            let (id, extension) = (found.schema.id.clone(), found.extension);
            if key != id {
                self.tolerances.note(tolerance);
            }
            return match value {
                value if extension => self.extension(verb, &id, value),
                Value::Object(values) => {
                    self.tolerances.note(Tolerance::PathKey);
                    self.keys(verb, values)
                }
                _ => Err(ScimError::invalid_value(format!("the value of {id} must be an object of attributes"))),
            };
        }
        match value {
            // An extension that nobody here knows, as in the body of a POST.
            Value::Object(data) if is_urn(key) && self.definition.qualified(key).is_none() => {
                self.unknown_extension(verb, key, data)
            }
            value => self.path_key(verb, key, value),
        }
    }

    /// `name.givenName`, `urn:…:User:department` or `emails[type eq "work"].value` as a key
    fn path_key(&mut self, verb: Verb, key: &str, value: Value) -> Result<(), ScimError> {
        let target = match self.path(key) {
            Ok(Path::Attribute(path)) => Target::Attribute(path),
            Ok(Path::Unknown(path)) => Target::Unknown(path),
            // A filter is no name that happens to be unknown: something was meant by it.
            Err(error) if key.contains('[') || self.strictness.reject_unknown_attributes => return Err(error),
            Ok(Path::Schema { .. }) | Err(_) => {
                self.tolerances.note(Tolerance::UnknownAttribute);
                return Ok(());
            }
        };
        self.tolerances.note(Tolerance::PathKey);
        self.push(verb, target, Some(value), true);
        Ok(())
    }

    /// The attributes of an extension of this resource type.
    fn extension(&mut self, verb: Verb, urn: &str, value: Value) -> Result<(), ScimError> {
        let values = match value {
            Value::Object(values) => values,
            // null is "unassigned" (RFC 7643 section 2.5): of an extension, all of it.
            Value::Null if verb == Verb::Replace => {
                self.push(Verb::Remove, Target::Extension(urn.to_owned()), None, true);
                return Ok(());
            }
            Value::Null => return Ok(()),
            _ => return Err(ScimError::invalid_value(format!("the value of {urn} must be an object of attributes"))),
        };
        check_names(&values)?;
        for (key, value) in values {
            let target = match self.path(&format!("{urn}:{key}")) {
                Ok(Path::Attribute(path)) => {
                    if path.sub.is_some() || path.filter.is_some() {
                        self.tolerances.note(Tolerance::PathKey);
                    }
                    Target::Attribute(path)
                }
                Err(error) if key.contains('[') => return Err(error),
                _ => self.unknown(urn, &key)?,
            };
            self.push(verb, target, Some(value), true);
        }
        Ok(())
    }

    fn unknown_extension(&mut self, verb: Verb, urn: &str, data: Map<String, Value>) -> Result<(), ScimError> {
        check_names(&data)?;
        for (key, value) in data {
            let target = self.unknown(urn, &key)?;
            self.push(verb, target, Some(value), true);
        }
        Ok(())
    }

    /// The attribute `name`, which no schema has, in an extension.
    fn unknown(&self, urn: &str, name: &str) -> Result<Target, ScimError> {
        if self.strictness.reject_unknown_attributes {
            let hint = closest_attribute(self.definition, name);
            let name: String = name.chars().take(200).collect();
            let detail = format!("{} has no attribute {urn}:{name}{hint}", self.definition.name);
            return Err(ScimError::bad(ScimType::InvalidPath, detail));
        }
        let (urn, name) = (urn.to_owned(), name.to_owned());
        Ok(Target::Unknown(UnknownPath { whole: urn.clone(), urn, name, sub: None, known_urn: true }))
    }
}
