//! The order of a list (RFC 7644 section 3.4.2.3).

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::schema::{Attribute, Kind, ResourceDefinition, Returned};
use super::text::{fold, instant};

/// The direction of `sortOrder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The default.
    #[default]
    Ascending,
    /// From the greatest to the least.
    Descending,
}

impl Order {
    /// The direction called `text`, without case.
    pub fn parse(text: &str) -> Option<Self> {
        [Order::Ascending, Order::Descending].into_iter().find(|order| text.eq_ignore_ascii_case(order.as_str()))
    }

    /// The spelling of the RFC.
    pub fn as_str(self) -> &'static str {
        match self {
            Order::Ascending => "ascending",
            Order::Descending => "descending",
        }
    }
}

/// What resources are sorted by.
#[derive(Debug, Clone, PartialEq)]
pub struct SortBy<'d> {
    /// The URN of the extension that holds the attribute.
    pub extension: Option<&'d str>,
    /// The attribute.
    pub attribute: &'d Attribute,
    /// The sub-attribute, which is `value` where the client names only a complex attribute.
    pub part: Option<&'d Attribute>,
    /// The direction.
    pub order: Order,
}

/// A resource's place in the order. Keys of one [`SortBy`] compare with each other only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// `false` before `true`.
    Boolean(bool),
    /// By value.
    Integer(i64),
    /// By value: the number's bits, so arranged that they sort as the number does.
    Decimal(i64),
    /// By instant, whatever the offset.
    Time(DateTime<Utc>),
    /// By code points, folded unless the attribute is case-exact.
    Text(String),
}

impl<'d> SortBy<'d> {
    /// What `sort_by` names. `None` if nothing can be sorted by it, and the parameter is ignored: an
    /// attribute that no schema has, one that is never returned, or a complex one without `value`.
    pub fn resolve(sort_by: &str, order: Order, def: &'d ResourceDefinition) -> Option<Self> {
        let (urn, name) = match def.qualified(sort_by) {
            Some(found) => (Some(found.schema.id.as_str()), found.rest),
            None => (None, sort_by),
        };
        let (name, part) = name.split_once('.').map_or((name, None), |(name, part)| (name, Some(part)));
        let found = def.locate(urn, name)?;
        let part = match (found.attribute.kind, part) {
            (Kind::Complex, part) => Some(found.attribute.sub_attribute(part.unwrap_or("value"))?),
            (_, Some(_)) => return None,
            (_, None) => None,
        };
        let never = |attribute: &Attribute| attribute.returned == Returned::Never;
        if never(found.attribute) || part.is_some_and(never) {
            return None;
        }
        Some(SortBy { extension: found.extension, attribute: found.attribute, part, order })
    }

    /// The canonical path, such as `name.familyName` or `urn:…:User:department`.
    pub fn path(&self) -> String {
        let urn = self.extension.map(|urn| format!("{urn}:")).unwrap_or_default();
        let part = self.part.map(|part| format!(".{}", part.name)).unwrap_or_default();
        format!("{urn}{}{part}", self.attribute.name)
    }

    /// The place of a resource; `None` if it has no value. Of several values the primary one counts,
    /// otherwise the first.
    pub fn key(&self, document: &Map<String, Value>) -> Option<SortKey> {
        let container = match self.extension {
            Some(urn) => document.get(urn)?.as_object()?,
            None => document,
        };
        let value = preferred(container.get(&self.attribute.name)?)?;
        match self.part {
            Some(part) => simple_key(part, preferred(value.get(&part.name)?)?),
            None => simple_key(self.attribute, value),
        }
    }

    /// How two places compare: those without value come last in ascending order, first in descending.
    pub fn compare(&self, one: Option<&SortKey>, other: Option<&SortKey>) -> Ordering {
        let ascending = match (one, other) {
            (Some(one), Some(other)) => one.cmp(other),
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
        };
        match self.order {
            Order::Ascending => ascending,
            Order::Descending => ascending.reverse(),
        }
    }
}

/// The primary value of an array, otherwise its first; any other value itself.
fn preferred(value: &Value) -> Option<&Value> {
    let Value::Array(items) = value else { return Some(value) };
    items.iter().find(|item| item.get("primary") == Some(&Value::Bool(true))).or_else(|| items.first())
}

fn simple_key(attribute: &Attribute, value: &Value) -> Option<SortKey> {
    match (attribute.kind, value) {
        (Kind::Boolean, Value::Bool(value)) => Some(SortKey::Boolean(*value)),
        (Kind::Integer, Value::Number(number)) => number.as_i64().map(SortKey::Integer),
        (Kind::Decimal, Value::Number(number)) => number.as_f64().map(decimal_key),
        (Kind::DateTime, Value::String(text)) => instant(text).map(SortKey::Time),
        (_, Value::String(text)) if attribute.case_exact => Some(SortKey::Text(text.clone())),
        (_, Value::String(text)) => Some(SortKey::Text(fold(text))),
        _ => None,
    }
}

/// The arrangement of `f64::total_cmp`, with both zeros alike.
fn decimal_key(number: f64) -> SortKey {
    let bits = i64::from_ne_bytes((number + 0.0).to_ne_bytes());
    SortKey::Decimal(if bits < 0 { bits ^ i64::MAX } else { bits })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::schema::{Catalogue, ENTERPRISE_URN, USER_URN};

    /// The `n` of each user in the order of `sort_by`.
    fn sorted(sort_by: &str, order: Order, users: Value) -> Vec<Value> {
        let catalogue = Catalogue::built_in();
        let def = catalogue.resource("User").expect("it is built in");
        let by = SortBy::resolve(sort_by, order, def).expect("it can be sorted by");
        let Value::Array(mut users) = users else { unreachable!() };
        users.sort_by(|a, b| {
            let key = |user: &Value| by.key(user.as_object().expect("it is an object"));
            by.compare(key(a).as_ref(), key(b).as_ref())
        });
        users.into_iter().map(|user| user["n"].clone()).collect()
    }

    #[test]
    fn names_sort_without_case_and_what_has_none_comes_last_or_first() {
        let users = json!([{"n": 1}, {"n": 2, "title": "beta"}, {"n": 3, "title": "Alpha"}, {"n": 4, "title": "Zeta"}]);
        assert_eq!(sorted("title", Order::Ascending, users.clone()), [3, 2, 4, 1]);
        assert_eq!(sorted("TITLE", Order::Descending, users.clone()), [1, 4, 2, 3]);
        assert_eq!(sorted(&format!("{USER_URN}:title"), Order::Ascending, users), [3, 2, 4, 1]);
    }

    #[test]
    fn identifiers_sort_with_case() {
        let users = json!([{"n": 1, "externalId": "a"}, {"n": 2, "externalId": "B"}]);
        assert_eq!(sorted("externalId", Order::Ascending, users), [2, 1]);
    }

    #[test]
    fn of_several_values_the_primary_counts_otherwise_the_first() {
        let users = json!([
            {"n": 1, "emails": [{"value": "a"}, {"value": "z", "primary": true}]},
            {"n": 2, "emails": [{"value": "m"}, {"value": "b"}]},
        ]);
        for by in ["emails", "emails.value"] {
            assert_eq!(sorted(by, Order::Ascending, users.clone()), [2, 1]);
        }
    }

    #[test]
    fn times_and_extensions_sort_too() {
        let users = json!([
            {"n": 1, "meta": {"created": "2026-01-01T02:00:00+02:00"}, ENTERPRISE_URN: {"department": "b"}},
            {"n": 2, "meta": {"created": "2026-01-01T01:00:00Z"}, ENTERPRISE_URN: {"department": "a"}},
        ]);
        assert_eq!(sorted("meta.created", Order::Ascending, users.clone()), [1, 2]);
        assert_eq!(sorted(&format!("{ENTERPRISE_URN}:department"), Order::Ascending, users), [2, 1]);
    }

    #[test]
    fn what_cannot_be_sorted_by_is_ignored() {
        let catalogue = Catalogue::built_in();
        let def = catalogue.resource("User").expect("it is built in");
        for by in ["", "nothing", "password", "name", "title.x", "emails.nothing", "; DROP TABLE", ENTERPRISE_URN] {
            assert!(SortBy::resolve(by, Order::Ascending, def).is_none(), "{by}");
        }
        let manager = format!("{ENTERPRISE_URN}:manager");
        let by = SortBy::resolve(&manager, Order::Ascending, def).expect("it has a value");
        assert_eq!(by.path(), format!("{manager}.value"));
    }

    #[test]
    fn decimals_sort_by_value() {
        let numbers = [-1e9, -1.5, -0.0, 0.0, 1e-9, 2.0, 1e9];
        assert!(numbers.windows(2).all(|pair| decimal_key(pair[0]) <= decimal_key(pair[1])));
        assert_eq!(decimal_key(-0.0), decimal_key(0.0));
    }
}
