//! Why a filter does not hold: the first part of it that is false, and what the resource has there.
//!
//! What is never returned cannot be named in a filter ([`super::resolve`] refuses it), so it is never shown here.

use serde_json::{Map, Value};

use super::ast::{Filter, Place};
use super::evaluate::each;
use super::parse::parse;
use super::resolved::{ResolvedFilter, Target};
use crate::scim::dialect::{Strictness, Tolerances};

/// Attributes that are shown at the most.
const MAX_ATTRIBUTES: usize = 10;
/// Values of one attribute that are shown at the most.
const MAX_VALUES: usize = 5;
/// Characters of a value that are shown at the most.
const MAX_CHARACTERS: usize = 100;

/// A part of a filter that is false.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmet {
    /// The part, as text.
    pub text: String,
    /// Where it begins in the filter's text: characters from the start, counted from 1.
    pub column: usize,
    /// What the resource has where the part looks.
    pub seen: Vec<Seen>,
}

/// A value that a resource has.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Seen {
    /// The attribute, as a filter would name it.
    pub attribute: String,
    /// The value, cut short if it is long; null if the attribute is absent.
    pub value: Value,
}

impl Unmet {
    /// What was seen, as a sentence without its full stop: `userType is "Contractor"`.
    pub fn message(&self) -> String {
        let mut sentences: Vec<String> = Vec::new();
        let mut last = None;
        for Seen { attribute, value } in &self.seen {
            match sentences.last_mut() {
                Some(sentence) if last == Some(attribute) => sentence.push_str(&format!(" and {value}")),
                _ if value.is_null() => sentences.push(format!("{attribute} is absent")),
                _ => sentences.push(format!("{attribute} is {value}")),
            }
            last = Some(attribute);
        }
        sentences.join(", ")
    }
}

impl ResolvedFilter {
    /// The first of the parts that must all be true that is not, for a filter that was read from `text` by the
    /// strict grammar. `None` if the filter matches. Names in `document` must have the schema's spelling.
    pub fn unmet(&self, text: &str, document: &Map<String, Value>) -> Option<Unmet> {
        let conjuncts = self.conjuncts();
        let at = conjuncts.iter().position(|part| !part.matches(document))?;
        let part = conjuncts.get(at)?;
        let (text, column) = written(text, at, conjuncts.len()).unwrap_or_else(|| (text.to_owned(), 1));
        Some(Unmet { text, column, seen: seen(part, document) })
    }
}

/// The text and the column of conjunct `at` of `count`. Resolving keeps the conjuncts in their places.
fn written(text: &str, at: usize, count: usize) -> Option<(String, usize)> {
    let filter = parse(text, Strictness::default(), &mut Tolerances::default()).ok()?;
    let parts = match &filter {
        Filter::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let part = parts.get(at).filter(|_| parts.len() == count)?;
    Some((part.to_string(), column(text, part)?))
}

/// Where a part begins: at its first attribute, or at the `not` before it.
fn column(text: &str, part: &Filter) -> Option<usize> {
    let (place, negations) = first_word(part, 0)?;
    let mut before = text.get(..place.offset)?;
    for _ in 0..negations {
        before = before.trim_end_matches(|c: char| c == '(' || c.is_whitespace());
        before = before.get(..before.len().checked_sub("not".len())?)?;
    }
    Some(before.chars().count() + 1)
}

/// The place of the first attribute in a part, and how many negations stand before it.
fn first_word(part: &Filter, negations: usize) -> Option<(Place, usize)> {
    match part {
        Filter::And(parts) | Filter::Or(parts) => first_word(parts.first()?, negations),
        Filter::Not(inner) => first_word(inner, negations + 1),
        Filter::Present(path) | Filter::Compare(path, ..) | Filter::ValuePath { path, .. } => {
            Some((path.place, negations))
        }
    }
}

/// What `document` has at each attribute that `part` names.
fn seen(part: &ResolvedFilter, document: &Map<String, Value>) -> Vec<Seen> {
    let mut looked_at: Vec<(&Target, Vec<&str>)> = Vec::new();
    named(part, &mut looked_at);
    looked_at.truncate(MAX_ATTRIBUTES);
    let mut seen = Vec::new();
    for (target, parts) in looked_at {
        let attribute = name(target);
        let values = values(target, &parts, document);
        if values.is_empty() {
            seen.push(Seen { attribute, value: Value::Null });
        } else {
            seen.extend(values.into_iter().map(|value| Seen { attribute: attribute.clone(), value }));
        }
    }
    seen
}

/// The attributes that a filter names, each once; with the parts of its values that stand in brackets behind it.
fn named<'f>(filter: &'f ResolvedFilter, found: &mut Vec<(&'f Target, Vec<&'f str>)>) {
    match filter {
        ResolvedFilter::And(parts) | ResolvedFilter::Or(parts) => parts.iter().for_each(|part| named(part, found)),
        ResolvedFilter::Not(inner) => named(inner, found),
        ResolvedFilter::Is(target, _) => {
            if !found.iter().any(|(other, parts)| *other == target && parts.is_empty()) {
                found.push((target, Vec::new()));
            }
        }
        ResolvedFilter::AnyValue(target, inner) => {
            let mut parts: Vec<&str> = inner.targets().iter().map(|part| part.name.as_str()).collect();
            parts.sort_unstable();
            parts.dedup();
            if !found.iter().any(|(other, known)| *other == target && *known == parts) {
                found.push((target, parts));
            }
        }
    }
}

/// The name of an attribute as a filter writes it.
fn name(target: &Target) -> String {
    let urn = target.extension.as_ref().map(|urn| format!("{urn}:")).unwrap_or_default();
    let sub = target.sub.as_ref().map(|sub| format!(".{sub}")).unwrap_or_default();
    format!("{urn}{}{sub}", target.name)
}

/// The first few values of an attribute; of those with parts, the named `parts`.
fn values(target: &Target, parts: &[&str], document: &Map<String, Value>) -> Vec<Value> {
    let holder = match &target.extension {
        None => Some(document),
        Some(urn) => document.get(urn).and_then(Value::as_object),
    };
    let Some(found) = holder.and_then(|holder| holder.get(&target.name)) else { return Vec::new() };
    let leaves = each(found).flat_map(|value| match &target.sub {
        None => std::slice::from_ref(value).iter(),
        Some(sub) => value.get(sub).map(each).unwrap_or_default(),
    });
    let shown = leaves.filter(|value| !value.is_null()).map(|value| match value {
        Value::Object(object) if !parts.is_empty() => {
            let named = parts.iter().filter_map(|part| Some(((*part).to_owned(), short(object.get(*part)?))));
            Value::Object(named.collect())
        }
        other => short(other),
    });
    shown.take(MAX_VALUES).collect()
}

/// A value that fits into a line. One that has parts which nobody named is only said to be there.
fn short(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > MAX_CHARACTERS => {
            let start: String = text.chars().take(MAX_CHARACTERS - 1).collect();
            Value::String(format!("{start}…"))
        }
        Value::Object(_) => Value::String("{…}".to_owned()),
        Value::Array(_) => Value::String("[…]".to_owned()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::filter::resolve;
    use crate::scim::schema::Catalogue;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn unmet(text: &str, document: &Value) -> Option<Unmet> {
        let catalogue = Catalogue::built_in();
        let mut tolerances = Tolerances::default();
        let filter = parse(text, Strictness::default(), &mut tolerances).unwrap();
        let filter = resolve(&filter, catalogue.resource("User").unwrap(), &mut tolerances).unwrap();
        filter.unmet(text, document.as_object().unwrap())
    }

    #[track_caller]
    fn says(text: &str, document: &Value, part: &str, column: usize, message: &str) {
        let unmet = unmet(text, document).unwrap_or_else(|| panic!("{text} holds"));
        assert_eq!((unmet.text.as_str(), unmet.column), (part, column), "{text}");
        assert_eq!(unmet.message(), message, "{text}");
    }

    #[test]
    fn the_first_false_conjunct_is_told_with_its_place_and_what_was_seen() {
        let jane = json!({"userName": "jane", "userType": "Contractor", "active": true});
        let text = "active eq true and userType ne \"Contractor\" and title pr";
        says(text, &jane, "userType ne \"Contractor\"", 20, "userType is \"Contractor\"");
        says("title pr", &jane, "title pr", 1, "title is absent");
        assert_eq!(unmet("active eq true", &jane), None);
    }

    #[test]
    fn a_negation_begins_at_its_not_and_a_choice_shows_all_it_looks_at() {
        let jane = json!({"userName": "jäne", "userType": "Contractor"});
        says("userName pr and not ( userName sw \"j\")", &jane, "not (userName sw \"j\")", 17, "userName is \"jäne\"");
        let twice = "userName eq \"jäne\" and NOT(not (title pr))";
        says(twice, &jane, "not (not (title pr))", 24, "title is absent");
        let choice = "(userName eq \"x\" or title eq \"Lead\") and userType pr";
        says(choice, &jane, "userName eq \"x\" or title eq \"Lead\"", 2, "userName is \"jäne\", title is absent");
    }

    #[test]
    fn values_of_extensions_and_of_brackets_are_shown_as_far_as_they_are_named() {
        let mut jane = json!({"userName": "jane", "emails": [
            {"value": "jane@home.example", "type": "home", "display": "not asked for"},
            {"value": "jane@acme.example", "type": "other"}]});
        jane[ENTERPRISE] = json!({"department": "Sales"});
        let department = format!("{ENTERPRISE}:department eq \"Engineering\"");
        says(&department, &jane, &department, 1, &format!("{ENTERPRISE}:department is \"Sales\""));
        let work = unmet("emails[type eq \"work\" and value pr]", &jane).unwrap();
        let expected = json!([
            {"attribute": "emails", "value": {"type": "home", "value": "jane@home.example"}},
            {"attribute": "emails", "value": {"type": "other", "value": "jane@acme.example"}}]);
        assert_eq!(serde_json::to_value(&work.seen).unwrap(), expected);
        says("emails.type eq \"work\"", &jane, "emails.type eq \"work\"", 1, "emails.type is \"home\" and \"other\"");
        says("not (emails pr)", &jane, "not (emails pr)", 1, "emails is \"{…}\" and \"{…}\"");
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let emails: Vec<Value> = (0..50).map(|n| json!({"value": format!("{n}{}", "x".repeat(500))})).collect();
        let seen = unmet("emails.value eq \"a\"", &json!({"emails": emails})).unwrap().seen;
        assert_eq!(seen.len(), MAX_VALUES);
        assert!(seen.iter().all(|seen| seen.value.as_str().unwrap().chars().count() == MAX_CHARACTERS));
    }
}
