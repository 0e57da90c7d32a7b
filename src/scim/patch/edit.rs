//! One operation on one attribute that a schema has (RFC 7644 sections 3.5.2.1 to 3.5.2.3).
//!
//! Where the RFC leaves room:
//! - `replace` of a complex value writes the parts it is given and keeps the others, as section 3.5.2.3 has
//!   it; but a reference (a value with `value`) that now refers to something else keeps nothing of the old.
//! - `add` of nothing changes nothing; `replace` by nothing (null, `[]`, `""`) unassigns.
//! - `remove` of what is not there succeeds: retries are common.

use serde_json::{Map, Value};

use super::values::Values;
use super::{Operation, Verb, mutability};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::error::ScimError;
use crate::scim::path::AttributePath;
use crate::scim::resource::{comparable, normalise_value};
use crate::scim::schema::{Attribute, Kind, Mutability};

/// One operation on one known attribute.
pub(super) struct Edit<'a, 'd> {
    pub attribute: &'d Attribute,
    pub part: Option<&'d Attribute>,
    pub path: &'a AttributePath,
    pub tolerances: &'a mut Tolerances,
}

impl Edit<'_, '_> {
    /// Does it, in the document or in the extension that holds the attribute.
    pub(super) fn apply(mut self, document: &mut Map<String, Value>, operation: &Operation) -> Result<(), ScimError> {
        let Some(urn) = &self.path.extension else { return self.apply_in(document, operation) };
        let mut data = match document.remove(urn) {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        let result = self.apply_in(&mut data, operation);
        if !data.is_empty() {
            document.insert(urn.clone(), Value::Object(data));
        }
        result
    }

    /// In the object that holds the attribute: the document, or an extension in it.
    fn apply_in(&mut self, holder: &mut Map<String, Value>, operation: &Operation) -> Result<(), ScimError> {
        let held = holder.remove(&self.attribute.name);
        let outcome = if self.attribute.multi_valued {
            Values::of(self, held).apply(operation)?
        } else {
            self.single(held, operation)?
        };
        match outcome {
            Some(value) => {
                holder.insert(self.attribute.name.clone(), value);
            }
            None => self.may_be_unassigned(self.attribute, operation)?,
        }
        Ok(())
    }

    /// Refuses the removal of what is required (RFC 7644 section 3.5.2.2). That a replacement by nothing
    /// leaves something required out is found when the document is finished.
    pub(super) fn may_be_unassigned(&self, attribute: &Attribute, operation: &Operation) -> Result<(), ScimError> {
        if attribute.required && operation.verb == Verb::Remove {
            return Err(mutability(format!("{} is required; replace it instead", self.path)));
        }
        Ok(())
    }

    /// The new value of a single-valued attribute.
    fn single(&mut self, held: Option<Value>, operation: &Operation) -> Result<Option<Value>, ScimError> {
        if let Some(part) = self.part {
            let parts = match held {
                Some(Value::Object(parts)) => parts,
                _ => Map::new(),
            };
            let parts = self.write_part(parts, part, operation)?;
            return Ok((!parts.is_empty()).then_some(Value::Object(parts)));
        }
        match (operation.verb, &operation.value) {
            (Verb::Remove, value) => {
                self.note_ignored(value.as_ref());
                Ok(None)
            }
            (verb, Some(value)) => self.write_single(held, verb, value),
            (_, None) => Ok(held),
        }
    }

    /// A value on the removal of a single target says nothing.
    pub(super) fn note_ignored(&mut self, value: Option<&Value>) {
        if value.is_some_and(|value| !value.is_null()) {
            self.tolerances.note(Tolerance::RemoveValueIgnored);
        }
    }

    fn write_single(&mut self, held: Option<Value>, verb: Verb, sent: &Value) -> Result<Option<Value>, ScimError> {
        let new = normalise_value(self.attribute, &self.path.to_string(), sent.clone(), self.tolerances)?;
        match (held, new) {
            (Some(Value::Object(held)), Some(Value::Object(new))) => {
                let merged = self.merged(held, new, verb, sent);
                Ok((!merged.is_empty()).then_some(Value::Object(merged)))
            }
            (_, Some(new)) => Ok(Some(new)),
            // Parts that are sent empty, or are no parts, are not the whole: `{"givenName": null}`.
            (Some(Value::Object(held)), None) if !unassigns(sent) => {
                let merged = self.merged(held, Map::new(), verb, sent);
                Ok((!merged.is_empty()).then_some(Value::Object(merged)))
            }
            (held, None) if verb == Verb::Add => Ok(held),
            (_, None) => Ok(None),
        }
    }

    /// The parts held, with those sent written over them.
    fn merged(
        &self,
        mut held: Map<String, Value>,
        new: Map<String, Value>,
        verb: Verb,
        sent: &Value,
    ) -> Map<String, Value> {
        if self.refers_elsewhere(&held, &new) {
            return new;
        }
        if verb == Verb::Replace {
            let emptied = |name: &String| !new.contains_key(name);
            for name in self.names_sent(sent).filter(emptied) {
                held.remove(&name);
            }
        }
        held.extend(new);
        held
    }

    fn refers_elsewhere(&self, held: &Map<String, Value>, new: &Map<String, Value>) -> bool {
        let part = self.attribute.sub_attribute("value");
        match (held.get("value"), new.get("value"), part) {
            (Some(held), Some(new), Some(part)) => comparable(part, held) != comparable(part, new),
            _ => false,
        }
    }

    /// The parts that a client may write and did name, in the schema's spelling.
    fn names_sent(&self, sent: &Value) -> impl Iterator<Item = String> {
        let writable = |key: &String| {
            self.attribute
                .sub_attribute(key)
                .filter(|part| part.mutability != Mutability::ReadOnly)
                .map(|p| p.name.clone())
        };
        let names: Vec<String> =
            parts_sent(sent).map(|parts| parts.keys().filter_map(writable).collect()).unwrap_or_default();
        names.into_iter()
    }

    /// The parts of one complex value after the operation on one of them.
    pub(super) fn write_part(
        &mut self,
        mut parts: Map<String, Value>,
        part: &Attribute,
        operation: &Operation,
    ) -> Result<Map<String, Value>, ScimError> {
        let sent = match (operation.verb, &operation.value) {
            (Verb::Remove, value) => {
                self.note_ignored(value.as_ref());
                None
            }
            (_, Some(sent)) => normalise_value(part, &self.path.to_string(), sent.clone(), self.tolerances)?,
            (_, None) => None,
        };
        let immutable = part.mutability == Mutability::Immutable;
        match sent {
            Some(new) => {
                let new = match parts.remove(&part.name) {
                    Some(held) if immutable && comparable(part, &held) != comparable(part, &new) => {
                        return Err(self.set_once());
                    }
                    Some(held) if operation.verb == Verb::Add => with_added(held, new),
                    _ => new,
                };
                parts.insert(part.name.clone(), new);
            }
            None if operation.verb == Verb::Add => {}
            None => {
                self.may_be_unassigned(part, operation)?;
                let had = parts.remove(&part.name).is_some();
                if had && immutable {
                    return Err(self.set_once());
                }
                if had && only_labels(&parts, part) {
                    parts.clear();
                }
            }
        }
        Ok(parts)
    }

    fn set_once(&self) -> ScimError {
        mutability(format!("{} cannot change once it is set", self.path))
    }
}

/// Whether a complex value that normalises to nothing unassigns the whole attribute: null, `""`, `[]`,
/// or, where the attribute is a reference, one that refers to nothing: `{"value": ""}`.
fn unassigns(sent: &Value) -> bool {
    let Some(parts) = parts_sent(sent) else { return true };
    parts.keys().any(|key| key.eq_ignore_ascii_case("value"))
}

/// The object that was sent for a complex value, perhaps in an array of one.
fn parts_sent(sent: &Value) -> Option<&Map<String, Value>> {
    match sent {
        Value::Object(parts) => Some(parts),
        Value::Array(items) if items.len() == 1 => items[0].as_object(),
        _ => None,
    }
}

/// A multi-valued part with what is added to it; any other is replaced.
fn with_added(held: Value, new: Value) -> Value {
    match (held, new) {
        (Value::Array(mut held), Value::Array(new)) => {
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

/// Whether what is left without `removed` only says of which kind the value was.
fn only_labels(parts: &Map<String, Value>, removed: &Attribute) -> bool {
    let is_label = |name: &String| {
        name == "type" || name == "primary" || (removed.name == "value" && (name == "display" || name == "$ref"))
    };
    !is_label(&removed.name) && parts.keys().all(is_label)
}

/// Whether the attribute's values have parts.
pub(super) fn is_complex(attribute: &Attribute) -> bool {
    attribute.kind == Kind::Complex
}
