//! Asking a filter of a resource (RFC 7644 section 3.4.2.2).
//!
//! Where the RFC leaves room:
//! - A test of a multi-valued attribute is true if any value passes it.
//! - `ne` is exactly `not (… eq …)`: it is true of an absent attribute, and of a multi-valued one only if
//!   *no* value is equal. "Some value other than" is said with brackets: `emails[type ne "work"]`.
//! - `eq null` asks for absence and `ne null` for presence, as `null` and absent are one (RFC 7643 section 2.5).
//! - Texts compare by their folded form unless the attribute is `caseExact`, and order by code point.
//! - Whole numbers compare exactly, also with fractions; times compare as instants.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::ast::Op;
use super::resolved::{Operand, ResolvedFilter, ResolvedTest, Target};
use crate::scim::text::{fold, instant};

impl ResolvedFilter {
    /// Whether the resource matches. Names in `document` must have the schema's spelling.
    pub fn matches(&self, document: &Map<String, Value>) -> bool {
        self.holds(Scope::Object(document))
    }

    /// Whether one value of a multi-valued attribute matches a filter made by a PATCH path's brackets.
    pub fn matches_value(&self, value: &Value) -> bool {
        self.holds(value.as_object().map_or(Scope::Bare(value), Scope::Object))
    }

    fn holds(&self, scope: Scope<'_>) -> bool {
        match self {
            ResolvedFilter::And(parts) => parts.iter().all(|part| part.holds(scope)),
            ResolvedFilter::Or(parts) => parts.iter().any(|part| part.holds(scope)),
            ResolvedFilter::Not(inner) => !inner.holds(scope),
            ResolvedFilter::Is(target, test) => test.holds(target, scope),
            ResolvedFilter::AnyValue(target, filter) => scope.any(target, |value| filter.matches_value(value)),
        }
    }
}

/// Where names are looked up.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// A resource, or one value with sub-attributes.
    Object(&'a Map<String, Value>),
    /// One value without sub-attributes, called `value` in filters (RFC 7643 section 2.4).
    Bare(&'a Value),
}

impl<'a> Scope<'a> {
    /// Whether any value of the target passes `test`.
    fn any(self, target: &Target, test: impl Fn(&Value) -> bool) -> bool {
        let Some(found) = self.find(target) else { return false };
        each(found).any(|value| match (&target.sub, value) {
            (None, value) => test(value),
            (Some(sub), Value::Object(object)) => object.get(sub).is_some_and(|inner| each(inner).any(&test)),
            (Some(_), _) => false,
        })
    }

    fn find(self, target: &Target) -> Option<&'a Value> {
        match (self, &target.extension) {
            (Scope::Object(object), None) => object.get(&target.name),
            (Scope::Object(object), Some(urn)) => object.get(urn)?.get(&target.name),
            (Scope::Bare(value), _) => (target.name == "value").then_some(value),
        }
    }
}

/// The values that an attribute holds, be it one or an array.
pub(super) fn each(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(values) => values.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

impl ResolvedTest {
    fn holds(&self, target: &Target, scope: Scope<'_>) -> bool {
        match self {
            ResolvedTest::Present | ResolvedTest::Compare(Op::NotEqual, Operand::Null) => scope.any(target, is_present),
            ResolvedTest::Compare(_, Operand::Null) => !scope.any(target, is_present),
            ResolvedTest::Compare(Op::NotEqual, operand) => {
                !scope.any(target, |value| compare(value, Op::Equal, operand, target))
            }
            ResolvedTest::Compare(op, operand) => scope.any(target, |value| compare(value, *op, operand, target)),
        }
    }
}

/// Whether there is something: not null, not empty, and not made of such (RFC 7644 table 3, `pr`).
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(is_present),
        Value::Object(parts) => parts.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Whether one value compares to the operand as `op` says. A value of another type never does.
fn compare(value: &Value, op: Op, operand: &Operand, target: &Target) -> bool {
    match (value, operand) {
        (Value::String(text), Operand::Text { key, .. }) if target.case_exact => compare_texts(text, op, key),
        (Value::String(text), Operand::Text { key, .. }) => compare_texts(&fold(text), op, key),
        (Value::String(text), Operand::Instant(at)) => instant(text).is_some_and(|found| accepts(op, found.cmp(at))),
        (Value::Bool(found), Operand::Boolean(wanted)) => accepts(op, found.cmp(wanted)),
        (Value::Number(found), Operand::Number(wanted)) => accepts(op, compare_numbers(found, wanted)),
        _ => false,
    }
}

fn compare_texts(found: &str, op: Op, wanted: &str) -> bool {
    match op {
        Op::Contains => found.contains(wanted),
        Op::StartsWith => found.starts_with(wanted),
        Op::EndsWith => found.ends_with(wanted),
        _ => accepts(op, found.cmp(wanted)),
    }
}

/// Whether `op` is true of two things in this order.
fn accepts(op: Op, order: Ordering) -> bool {
    match op {
        Op::Equal => order.is_eq(),
        Op::NotEqual => order.is_ne(),
        Op::Greater => order.is_gt(),
        Op::GreaterOrEqual => order.is_ge(),
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Contains | Op::StartsWith | Op::EndsWith => false,
    }
}

/// The exact order of two JSON numbers: 64-bit integers do not pass through floating point.
fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => compare_mixed(a, fraction(b)),
        (None, Some(b)) => compare_mixed(b, fraction(a)).reverse(),
        // JSON has neither NaN nor infinities, so any two of its numbers have an order.
        (None, None) => fraction(a).partial_cmp(&fraction(b)).unwrap_or(Ordering::Equal),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn fraction(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default()
}

/// The order of a 64-bit integer and a float, by their whole parts and then by the fraction.
fn compare_mixed(integer: i128, float: f64) -> Ordering {
    // The cast saturates far beyond 64 bits, where the order is already decided.
    #[expect(clippy::cast_possible_truncation)]
    let whole = float.trunc() as i128;
    let by_fraction = if float.fract() > 0.0 {
        Ordering::Less
    } else if float.fract() < 0.0 {
        Ordering::Greater
    } else {
        Ordering::Equal
    };
    integer.cmp(&whole).then(by_fraction)
}
