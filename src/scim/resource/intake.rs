//! The body of a POST or PUT (RFC 7643 sections 2.1, 2.5, 3 and 3.3, RFC 7644 sections 3.3 and 3.5.1).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::value::{normalise_value, note_case};
use super::{Normalised, Sent, check, scalar};
use crate::scim::dialect::{Strictness, Tolerance, Tolerances};
use crate::scim::error::ScimError;
use crate::scim::schema::{Attribute, Mutability, ResourceDefinition};

/// The canonical document of a client's POST or PUT body.
///
/// - Names get the schema's own spelling; two that differ only in case are refused.
/// - What only the server writes is ignored; what is never returned is discarded.
/// - null, `[]` and an empty optional string are all "unassigned", and absent from the document.
/// - An attribute that no schema has is ignored at the top level (refused if `strictness` says so) and
///   kept within an extension; an unknown extension is kept as it is.
/// - `schemas` is recomputed from what the document holds.
///
/// A normalised document normalises to itself.
pub fn normalise(
    body: Value,
    def: &ResourceDefinition,
    strictness: Strictness,
    tolerances: &mut Tolerances,
) -> Result<Normalised, ScimError> {
    let Value::Object(body) = body else {
        return Err(ScimError::invalid_syntax(format!("the body is not an object; send a {}", def.name)));
    };
    let mut intake = Intake { def, strictness, tolerances, seen: HashSet::new(), result: Normalised::default() };
    intake.schemas(&body)?;
    for (key, value) in body {
        intake.entry(key, value)?;
    }
    let mut result = intake.result;
    check::finish(&mut result.document, def)?;
    Ok(result)
}

/// Whether a key has the form of a schema URI, and so names an extension.
pub fn is_urn(key: &str) -> bool {
    let begins = |scheme: &str| key.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    key.len() <= 1_024 && ["urn:", "http://", "https://"].into_iter().any(begins)
}

struct Intake<'a> {
    def: &'a ResourceDefinition,
    strictness: Strictness,
    tolerances: &'a mut Tolerances,
    /// The paths that had a value, to notice two spellings of one name.
    seen: HashSet<String>,
    result: Normalised,
}

impl Intake<'_> {
    /// `schemas` must be there and name this resource type, or at least something that belongs to it.
    fn schemas(&mut self, body: &Map<String, Value>) -> Result<(), ScimError> {
        let core = &self.def.core.id;
        let mut found = body.iter().filter(|(key, _)| key.eq_ignore_ascii_case("schemas"));
        let (key, value) = found.next().map_or(("schemas", &Value::Null), |(key, value)| (key.as_str(), value));
        if found.next().is_some() {
            return Err(ScimError::invalid_syntax("schemas is there twice, in different case; send it once"));
        }
        note_case(key, "schemas", self.tolerances);
        let urns = match value {
            Value::Null => {
                return Err(ScimError::invalid_syntax(format!("schemas is missing; send \"schemas\": [\"{core}\"]")));
            }
            Value::Array(items) => items.iter().map(Value::as_str).collect::<Option<Vec<&str>>>(),
            _ => None,
        };
        let Some(urns) = urns else {
            let detail = format!("schemas is not an array of strings; send \"schemas\": [\"{core}\"]");
            return Err(ScimError::invalid_syntax(detail));
        };
        let mut known = false;
        for urn in urns {
            match self.def.qualified(urn).filter(|found| found.rest.is_empty()) {
                Some(found) => {
                    known = true;
                    if found.legacy {
                        self.tolerances.note(Tolerance::LegacyUrn);
                    } else {
                        note_case(urn, &found.schema.id, self.tolerances);
                    }
                }
                None if !body.contains_key(urn) => self.tolerances.note(Tolerance::UnknownSchema),
                None => {}
            }
        }
        if known {
            return Ok(());
        }
        Err(ScimError::invalid_syntax(format!("schemas does not name the type of the resource; add \"{core}\" to it")))
    }

    /// One member of the body's object.
    fn entry(&mut self, key: String, value: Value) -> Result<(), ScimError> {
        let def = self.def;
        if key.eq_ignore_ascii_case("schemas") {
            return Ok(());
        }
        if let Some(found) = def.locate(None, &key) {
            return self.known(None, found.attribute, &key, value);
        }
        if let Some(found) = def.qualified(&key) {
            if found.legacy {
                self.tolerances.note(Tolerance::LegacyUrn);
            } else if !key.starts_with(&found.schema.id) {
                self.tolerances.note(Tolerance::NameCase);
            }
            let urn = found.extension.then_some(found.schema.id.as_str());
            if !found.rest.is_empty() {
                // `urn:…:User:department` as a key, where the container belongs.
                self.tolerances.note(Tolerance::PathKey);
                return self.within(urn, found.rest, value);
            }
            if urn.is_none() {
                self.tolerances.note(Tolerance::PathKey);
            }
            return self.container(urn, &found.schema.id, value);
        }
        match value {
            Value::Object(data) if is_urn(&key) => self.unknown_container(key, data),
            _ => self.unknown(&key),
        }
    }

    /// The attributes under the URN of one of the type's schemas.
    fn container(&mut self, urn: Option<&str>, id: &str, value: Value) -> Result<(), ScimError> {
        self.result.containers.extend(urn.map(str::to_owned));
        match value {
            Value::Null => Ok(()),
            Value::Object(data) => data.into_iter().try_for_each(|(name, value)| self.within(urn, &name, value)),
            _ => Err(ScimError::invalid_value(format!("{id} is not an object; send its attributes in one"))),
        }
    }

    /// An attribute of the schema `urn`, or of the core if `None`.
    fn within(&mut self, urn: Option<&str>, name: &str, value: Value) -> Result<(), ScimError> {
        self.result.containers.extend(urn.map(str::to_owned));
        match (self.def.locate(urn, name), urn) {
            (Some(found), _) => self.known(urn, found.attribute, name, value),
            (None, Some(urn)) if !self.strictness.reject_unknown_attributes => {
                self.once(&format!("{urn}:{name}"))?;
                self.keep(urn, name, value)
            }
            (None, Some(urn)) => self.unknown(&format!("{urn}:{name}")),
            (None, None) => self.unknown(name),
        }
    }

    /// An attribute that the schema `urn` (or the core) has.
    fn known(&mut self, urn: Option<&str>, attribute: &Attribute, name: &str, value: Value) -> Result<(), ScimError> {
        note_case(name, &attribute.name, self.tolerances);
        let path = urn.map_or_else(|| attribute.name.clone(), |urn| format!("{urn}:{}", attribute.name));
        self.once(&path)?;
        if attribute.mutability == Mutability::ReadOnly {
            return Ok(());
        }
        let emptied = matches!(&value, Value::Array(items) if items.is_empty());
        let value = normalise_value(attribute, &path, value, self.tolerances)?;
        if urn.is_none() {
            self.note_sent(&attribute.name, emptied, value.is_some());
        }
        let Some(value) = value else { return Ok(()) };
        match urn {
            None => {
                self.result.document.insert(attribute.name.clone(), value);
            }
            Some(urn) => insert_within(&mut self.result.document, urn, &attribute.name, value),
        }
        Ok(())
    }

    fn note_sent(&mut self, name: &str, emptied: bool, given: bool) {
        let sent = match (given, emptied) {
            (true, _) => Sent::Given,
            (false, true) => Sent::Empty,
            (false, false) => Sent::Omitted,
        };
        match name {
            "active" => self.result.active = sent,
            "members" => self.result.members = sent,
            _ => {}
        }
    }

    /// An extension that nobody here knows.
    fn unknown_container(&mut self, urn: String, data: Map<String, Value>) -> Result<(), ScimError> {
        if self.strictness.reject_unknown_attributes && !data.is_empty() {
            return self.unknown(&urn);
        }
        self.once(&urn)?;
        for (name, value) in data {
            self.keep(&urn, &name, value)?;
        }
        self.result.containers.insert(urn);
        Ok(())
    }

    /// Keeps an attribute that no schema has, unless it calls itself a password: none is ever stored.
    fn keep(&mut self, urn: &str, name: &str, value: Value) -> Result<(), ScimError> {
        if !name.eq_ignore_ascii_case("password") {
            scalar::check_text(urn, name)?;
            check_unknown(&format!("{urn}:{name}"), &value)?;
            insert_within(&mut self.result.document, urn, name, value);
        }
        Ok(())
    }

    /// An attribute that no schema has, and no place to keep it.
    fn unknown(&mut self, name: &str) -> Result<(), ScimError> {
        if self.strictness.reject_unknown_attributes {
            let name: String = name.chars().take(200).collect();
            let detail =
                format!("{} has no attribute {name:?}; remove it, or see /Schemas for those there are", self.def.name);
            return Err(ScimError::invalid_syntax(detail));
        }
        self.tolerances.note(Tolerance::UnknownAttribute);
        self.once(name)
    }

    /// Refuses a second spelling of a name that was there already.
    fn once(&mut self, path: &str) -> Result<(), ScimError> {
        if self.seen.insert(path.to_ascii_lowercase()) {
            return Ok(());
        }
        let path: String = path.chars().take(200).collect();
        Err(ScimError::invalid_syntax(format!("{path} is there twice, in different spellings; send it once")))
    }
}

fn insert_within(document: &mut Map<String, Value>, urn: &str, name: &str, value: Value) {
    let container = document.entry(urn).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(data) = container {
        data.insert(name.to_owned(), value);
    }
}

/// What holds for every text also holds for those that no schema describes. The depth of `value` is
/// bounded by the parser.
pub(in crate::scim) fn check_unknown(path: &str, value: &Value) -> Result<(), ScimError> {
    match value {
        Value::String(text) => scalar::check_text(path, text),
        Value::Array(items) => items.iter().try_for_each(|item| check_unknown(path, item)),
        Value::Object(parts) => parts.iter().try_for_each(|(name, part)| {
            scalar::check_text(path, name)?;
            check_unknown(path, part)
        }),
        _ => Ok(()),
    }
}
