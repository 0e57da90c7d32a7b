//! Operations on multi-valued attributes, with and without a value filter (RFC 7644 section 3.5.2).
//!
//! Where the RFC leaves room:
//! - `add` behind a filter that matches nothing creates the value that the filter describes, if it is a
//!   conjunction of `eq` (Entra ID); `replace` does so only for one `type eq` with a canonical type.
//! - `replace` of a whole value that a filter selected keeps what the filter asked for, where the new value
//!   does not say otherwise: `emails[type eq "work"]` stays a work address.
//! - A new primary value takes the mark from the old one (RFC 7643 section 2.4).

use serde_json::{Map, Value};

use super::edit::{Edit, is_complex};
use super::{Operation, Verb, mutability, no_target};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::error::ScimError;
use crate::scim::filter::{Op, Operand, ResolvedFilter, ResolvedTest};
use crate::scim::resource::{comparable, identity, normalise_element, normalise_value};
use crate::scim::schema::{Attribute, Mutability};

/// The values of one attribute while an operation works on them.
pub(super) struct Values<'e, 'a, 'd> {
    edit: &'e mut Edit<'a, 'd>,
    items: Vec<Value>,
    /// The places of values that the operation wrote.
    written: Vec<usize>,
}

impl<'e, 'a, 'd> Values<'e, 'a, 'd> {
    pub(super) fn of(edit: &'e mut Edit<'a, 'd>, held: Option<Value>) -> Self {
        let items = match held {
            Some(Value::Array(items)) => items,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        Values { edit, items, written: Vec::new() }
    }

    /// The values after the operation, in order; `None` if there are none left.
    pub(super) fn apply(mut self, operation: &Operation) -> Result<Option<Value>, ScimError> {
        let path = self.edit.path;
        match (&path.filter, self.edit.part, &operation.value) {
            (None, None, value) => match (operation.verb, value) {
                (Verb::Remove, None | Some(Value::Null)) => self.items.clear(),
                (Verb::Remove, Some(value)) => self.remove_listed(value)?,
                (Verb::Add, Some(value)) => self.add(value)?,
                (Verb::Replace, Some(value)) => return self.replace(value),
                (_, None) => {}
            },
            (None, Some(part), _) => self.write_all(part, operation)?,
            (Some(filter), part, _) => self.write_selected(filter, part, operation)?,
        }
        self.one_primary();
        self.settled()
    }

    /// In order again: no value twice, not too many, one primary.
    fn settled(self) -> Result<Option<Value>, ScimError> {
        let path = self.edit.path.to_string();
        normalise_value(self.edit.attribute, &path, Value::Array(self.items), &mut Tolerances::default())
    }

    fn sent(&mut self, value: &Value) -> Result<Option<Value>, ScimError> {
        normalise_value(self.edit.attribute, &self.edit.path.to_string(), value.clone(), self.edit.tolerances)
    }

    fn element(&mut self, value: Value) -> Result<Option<Value>, ScimError> {
        normalise_element(self.edit.attribute, &self.edit.path.to_string(), value, self.edit.tolerances)
    }

    /// One element as it was sent, perhaps in an array of one.
    fn one_sent(&mut self, sent: &Value) -> Result<Option<Value>, ScimError> {
        match sent {
            Value::Array(items) if items.len() == 1 => {
                self.edit.tolerances.note(Tolerance::ArrayForScalar);
                self.element(items[0].clone())
            }
            one => self.element(one.clone()),
        }
    }

    fn replace(&mut self, value: &Value) -> Result<Option<Value>, ScimError> {
        self.sent(value)
    }

    /// Adds values, unless they are there; one with the same `type` and `value` takes over the rest.
    fn add(&mut self, value: &Value) -> Result<(), ScimError> {
        let Some(Value::Array(new)) = self.sent(value)? else { return Ok(()) };
        let mut held: std::collections::HashMap<String, usize> =
            self.items.iter().enumerate().map(|(at, item)| (identity(self.edit.attribute, item), at)).collect();
        for item in new {
            let at = *held.entry(identity(self.edit.attribute, &item)).or_insert(self.items.len());
            match (self.items.get_mut(at), item) {
                (Some(Value::Object(held)), Value::Object(new)) => held.extend(news(self.edit.attribute, held, new)),
                (Some(_), _) => {}
                (None, item) => self.items.push(item),
            }
            self.written.push(at);
        }
        Ok(())
    }

    /// `remove` with a list of what is to go (Entra ID, JumpCloud). What cannot be understood removes nothing.
    fn remove_listed(&mut self, value: &Value) -> Result<(), ScimError> {
        let listed = match value {
            Value::Array(listed) => listed.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in listed {
            let Some(wanted) = self.element(value.clone())? else {
                let detail = format!("a value to remove from {} is empty; send the value itself", self.edit.path);
                return Err(ScimError::invalid_value(detail));
            };
            let attribute = self.edit.attribute;
            self.items.retain(|item| !is_meant(attribute, &wanted, item));
        }
        self.edit.tolerances.note(Tolerance::RemoveByValue);
        Ok(())
    }

    /// One part of every value.
    fn write_all(&mut self, part: &Attribute, operation: &Operation) -> Result<(), ScimError> {
        if self.items.is_empty() && operation.verb != Verb::Remove {
            self.items.push(Value::Object(Map::new()));
        }
        for at in 0..self.items.len() {
            self.write_part(at, part, operation)?;
        }
        self.drop_empty();
        Ok(())
    }

    fn write_part(&mut self, at: usize, part: &Attribute, operation: &Operation) -> Result<(), ScimError> {
        let parts = match self.items[at].take() {
            Value::Object(parts) => parts,
            _ => Map::new(),
        };
        self.items[at] = Value::Object(self.edit.write_part(parts, part, operation)?);
        self.written.push(at);
        Ok(())
    }

    /// What a filter in brackets selected.
    fn write_selected(
        &mut self,
        filter: &ResolvedFilter,
        part: Option<&Attribute>,
        operation: &Operation,
    ) -> Result<(), ScimError> {
        let selected: Vec<usize> = (0..self.items.len()).filter(|at| filter.matches_value(&self.items[*at])).collect();
        if operation.verb == Verb::Remove && part.is_none() {
            self.edit.note_ignored(operation.value.as_ref());
            self.items.retain(|item| !filter.matches_value(item));
            return Ok(());
        }
        if selected.is_empty() && operation.verb != Verb::Remove {
            return self.create(filter, part, operation);
        }
        for at in selected {
            match part {
                Some(part) => self.write_part(at, part, operation)?,
                None => self.write_whole(at, filter, operation)?,
            }
        }
        self.drop_empty();
        Ok(())
    }

    /// The whole of one selected value.
    fn write_whole(&mut self, at: usize, filter: &ResolvedFilter, operation: &Operation) -> Result<(), ScimError> {
        let Some(sent) = &operation.value else { return Ok(()) };
        let held = self.items[at].take();
        let new = self.one_sent(sent)?;
        self.items[at] = match (operation.verb, held, new) {
            (Verb::Add, held, None) => held,
            (_, _, None) => Value::Null,
            (verb, Value::Object(held), Some(Value::Object(new))) => {
                self.check_immutable_parts(&held, &new)?;
                let mut parts = match verb {
                    Verb::Replace if !sent.is_string() => self.described(filter).unwrap_or_default(),
                    // A bare string is the `value`, and says nothing of the other parts.
                    _ => held,
                };
                parts.extend(new);
                Value::Object(parts)
            }
            (_, _, Some(new)) => new,
        };
        self.written.push(at);
        Ok(())
    }

    fn check_immutable_parts(&self, held: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), ScimError> {
        let immutable = |part: &&Attribute| part.mutability == Mutability::Immutable;
        let changed = self.edit.attribute.sub_attributes.iter().filter(immutable).find(|part| {
            let name = part.name.as_str();
            held.get(name).zip(new.get(name)).is_some_and(|(held, new)| comparable(part, held) != comparable(part, new))
        });
        match changed {
            Some(part) => Err(mutability(format!("{}.{} cannot change once it is set", self.edit.path, part.name))),
            None => Ok(()),
        }
    }

    /// A filter matched nothing: the value that it describes, if that may be made.
    fn create(
        &mut self,
        filter: &ResolvedFilter,
        part: Option<&Attribute>,
        operation: &Operation,
    ) -> Result<(), ScimError> {
        let may_create = operation.verb == Verb::Add || self.is_one_canonical_type(filter);
        let described = if may_create { self.describe(filter) } else { None };
        let Some(described) = described else { return Err(self.nothing_selected()) };
        let created = match (part, described, &operation.value) {
            (Some(part), Value::Object(parts), _) => {
                let before = parts.len();
                let parts = self.edit.write_part(parts, part, operation)?;
                // The part was sent empty: there is nothing to make a value of.
                (parts.len() > before || parts.contains_key(&part.name)).then_some(Value::Object(parts))
            }
            (_, described, Some(sent)) => match (described, self.one_sent(sent)?) {
                (Value::Object(mut parts), Some(Value::Object(new))) => {
                    parts.extend(new);
                    Some(Value::Object(parts))
                }
                (_, new) => new,
            },
            (_, _, None) => None,
        };
        let Some(created) = created else { return Ok(()) };
        // What the filter's literals became must be as valid as what is sent.
        let Some(created) = self.element(created)? else { return Ok(()) };
        if !filter.matches_value(&created) {
            return Err(self.nothing_selected());
        }
        if operation.verb == Verb::Replace {
            self.edit.tolerances.note(Tolerance::ReplaceCreates);
        }
        self.written.push(self.items.len());
        self.items.push(created);
        Ok(())
    }

    fn nothing_selected(&self) -> ScimError {
        no_target(format!("no value of {} matches the filter in {}", self.edit.attribute.name, self.edit.path))
    }

    /// `type eq "work"`, where `work` is a canonical type of the attribute.
    fn is_one_canonical_type(&self, filter: &ResolvedFilter) -> bool {
        let Some((target, text)) = filter.text_equality() else { return false };
        let canonical = self.edit.attribute.sub_attribute("type").map_or(&[][..], |part| &part.canonical_values);
        target.name == "type" && canonical.iter().any(|value| value.eq_ignore_ascii_case(text))
    }

    fn described(&self, filter: &ResolvedFilter) -> Option<Map<String, Value>> {
        match self.describe(filter)? {
            Value::Object(parts) => Some(parts),
            _ => None,
        }
    }

    /// The value that a conjunction of `eq` describes.
    fn describe(&self, filter: &ResolvedFilter) -> Option<Value> {
        let attribute = self.edit.attribute;
        let mut parts = Map::new();
        for conjunct in filter.conjuncts() {
            let ResolvedFilter::Is(target, ResolvedTest::Compare(Op::Equal, operand)) = conjunct else { return None };
            let value = literal(attribute.sub_attribute(&target.name), operand)?;
            if !is_complex(attribute) {
                return (filter.conjuncts().len() == 1).then_some(value);
            }
            let before = parts.insert(target.name.clone(), value.clone());
            // `type eq "work" and type eq "home"` describes no value.
            if before.is_some_and(|before| before != value) {
                return None;
            }
        }
        Some(Value::Object(parts))
    }

    fn drop_empty(&mut self) {
        let is_empty = |item: &Value| item.is_null() || item.as_object().is_some_and(Map::is_empty);
        if !self.items.iter().any(is_empty) {
            return;
        }
        let written = std::mem::take(&mut self.written);
        let mut kept = Vec::with_capacity(self.items.len());
        for (at, item) in std::mem::take(&mut self.items).into_iter().enumerate() {
            if is_empty(&item) {
                continue;
            }
            if written.contains(&at) {
                self.written.push(kept.len());
            }
            kept.push(item);
        }
        self.items = kept;
    }

    /// If a value that was written is primary, the others are no longer.
    fn one_primary(&mut self) {
        let is_primary = |item: &Value| item.get("primary") == Some(&Value::Bool(true));
        let newly: std::collections::HashSet<usize> =
            self.written.iter().copied().filter(|at| self.items.get(*at).is_some_and(is_primary)).collect();
        if newly.is_empty() {
            return;
        }
        for (at, item) in self.items.iter_mut().enumerate() {
            if is_primary(item) && !newly.contains(&at) {
                item["primary"] = Value::Bool(false);
            }
        }
    }
}

/// The parts that say something new: another spelling of an equal value does not.
fn news(attribute: &Attribute, held: &Map<String, Value>, mut new: Map<String, Value>) -> Map<String, Value> {
    new.retain(|name, value| match (attribute.sub_attribute(name), held.get(name)) {
        (Some(part), Some(held)) => comparable(part, held) != comparable(part, value),
        _ => true,
    });
    new
}

/// The JSON value of a filter's literal, a canonical text in its canonical spelling.
fn literal(part: Option<&Attribute>, operand: &Operand) -> Option<Value> {
    Some(match operand {
        Operand::Null => return None,
        Operand::Boolean(boolean) => Value::Bool(*boolean),
        Operand::Number(number) => Value::Number(number.clone()),
        Operand::Instant(at) => Value::String(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        Operand::Text { raw, .. } => {
            let exact = part.is_none_or(|part| part.case_exact);
            let canonical = part.map_or(&[][..], |part| &part.canonical_values);
            let canonical = canonical.iter().find(|value| !exact && value.eq_ignore_ascii_case(raw));
            Value::String(canonical.unwrap_or(raw).clone())
        }
    })
}

/// Whether `item` is what a client means by `wanted`: the same `value`, and the same `type` if it gives one;
/// without a `value`, everything that it gives.
fn is_meant(attribute: &Attribute, wanted: &Value, item: &Value) -> bool {
    let (Value::Object(wanted), Value::Object(item)) = (wanted, item) else {
        return comparable(attribute, wanted) == comparable(attribute, item);
    };
    let by_value = wanted.contains_key("value");
    let decides = |name: &String| !by_value || name == "value" || name == "type";
    wanted.iter().filter(|(name, _)| decides(name)).all(|(name, value)| {
        match (attribute.sub_attribute(name), item.get(name)) {
            (Some(part), Some(found)) => comparable(part, value) == comparable(part, found),
            _ => false,
        }
    })
}
