//! What can be said of filters without asking them of a resource: that one can never match, and that one asks
//! for no less than another.
//!
//! Both answers are sound and neither is complete: where nothing can be said, nothing is.

use serde_json::{Map, Value, json};

use super::ast::{Filter, Op, Place};
use super::error::FilterError;
use super::resolved::{Operand, ResolvedFilter, ResolvedTest, Target};

/// How many pairs of parts are compared before [`implies`] gives up: bounds the work of filters that nest.
const FUEL: u32 = 10_000;

/// Why the filter can never match, and where, if that can be seen. `resolved` is what `filter` resolved to.
pub fn contradiction(filter: &Filter, resolved: &ResolvedFilter) -> Option<FilterError> {
    match (filter, resolved) {
        (Filter::And(parts), ResolvedFilter::And(tests)) => {
            let within = parts.iter().zip(tests).find_map(|(part, test)| contradiction(part, test));
            within.or_else(|| clash(parts, tests))
        }
        (Filter::Or(parts), ResolvedFilter::Or(tests)) => {
            let all: Option<Vec<_>> = parts.iter().zip(tests).map(|(part, test)| contradiction(part, test)).collect();
            all?.into_iter().next()
        }
        (Filter::ValuePath { filter, tail: None, .. }, ResolvedFilter::AnyValue(_, inner)) => {
            contradiction(filter, inner)
        }
        _ => None,
    }
}

/// Two parts that cannot both be true; the later one is told.
fn clash(parts: &[Filter], tests: &[ResolvedFilter]) -> Option<FilterError> {
    tests.iter().enumerate().find_map(|(at, test)| {
        let other = tests.iter().enumerate().position(|(i, other)| i != at && excludes(test, other))?;
        let (first, second) = (&parts[at.min(other)], &parts[at.max(other)]);
        Some(FilterError::at(place(second), format!("{second} can never be true together with {first}")))
    })
}

/// Whether no resource passes both tests.
fn excludes(test: &ResolvedFilter, other: &ResolvedFilter) -> bool {
    if let Some((target, only)) = pinned(test) {
        return is_only_about(other, target) && !other.matches(&only);
    }
    match (text_test(test), text_test(other)) {
        (Some((target, Op::StartsWith, a)), Some((other, Op::StartsWith, b))) if target == other => {
            !target.multi_valued && !a.starts_with(b) && !b.starts_with(a)
        }
        (Some((target, Op::EndsWith, a)), Some((other, Op::EndsWith, b))) if target == other => {
            !target.multi_valued && !a.ends_with(b) && !b.ends_with(a)
        }
        _ => false,
    }
}

/// Whether every resource that `narrow` matches is matched by `wide` too, as far as can be seen.
pub fn implies(narrow: &ResolvedFilter, wide: &ResolvedFilter) -> bool {
    implied(narrow, wide, &mut FUEL.clone())
}

fn implied(narrow: &ResolvedFilter, wide: &ResolvedFilter, fuel: &mut u32) -> bool {
    if *fuel == 0 {
        return false;
    }
    *fuel -= 1;
    match (narrow, wide) {
        _ if narrow == wide => true,
        (ResolvedFilter::Or(parts), _) => parts.iter().all(|part| implied(part, wide, fuel)),
        (_, ResolvedFilter::And(parts)) => parts.iter().all(|part| implied(narrow, part, fuel)),
        (ResolvedFilter::And(parts), _) if parts.iter().any(|part| implied(part, wide, fuel)) => true,
        (_, ResolvedFilter::Or(parts)) => parts.iter().any(|part| implied(narrow, part, fuel)),
        _ => test_implies(narrow, wide),
    }
}

/// [`implies`] of tests that have no parts.
fn test_implies(narrow: &ResolvedFilter, wide: &ResolvedFilter) -> bool {
    if let Some((target, only)) = pinned(narrow)
        && is_only_about(wide, target)
    {
        return wide.matches(&only);
    }
    let Some((target, op, text)) = text_test(narrow) else { return false };
    match wide {
        ResolvedFilter::Is(other, ResolvedTest::Present) => target == other && !text.is_empty(),
        _ => text_test(wide).is_some_and(|(other, wide_op, part)| {
            let within = match wide_op {
                Op::StartsWith => matches!(op, Op::Equal | Op::StartsWith) && text.starts_with(part),
                Op::EndsWith => matches!(op, Op::Equal | Op::EndsWith) && text.ends_with(part),
                Op::Contains => text.contains(part),
                _ => false,
            };
            target == other && within
        }),
    }
}

/// The target of a test by `eq` on an attribute of one value, and a resource that has just what it asks for:
/// any test on that target alone is true of all resources that pass, or of none.
pub fn pinned(test: &ResolvedFilter) -> Option<(&Target, Map<String, Value>)> {
    let ResolvedFilter::Is(target, ResolvedTest::Compare(Op::Equal, operand)) = test else { return None };
    if target.multi_valued {
        return None;
    }
    let value = match operand {
        Operand::Null => return Some((target, Map::new())),
        Operand::Boolean(value) => json!(value),
        Operand::Number(value) => json!(value),
        Operand::Text { raw, .. } => json!(raw),
        Operand::Instant(at) => json!(at.to_rfc3339()),
    };
    let value = match &target.sub {
        Some(sub) => json!({ sub: value }),
        None => value,
    };
    let document = Map::from_iter([(target.name.clone(), value)]);
    Some(match &target.extension {
        Some(urn) => (target, Map::from_iter([(urn.clone(), Value::Object(document))])),
        None => (target, document),
    })
}

fn is_only_about(filter: &ResolvedFilter, target: &Target) -> bool {
    filter.targets().iter().all(|other| *other == target)
}

/// A test that a text be equal to, begin with, end in or contain another, with that as it is compared.
fn text_test(filter: &ResolvedFilter) -> Option<(&Target, Op, &str)> {
    match filter {
        ResolvedFilter::Is(target, ResolvedTest::Compare(op, Operand::Text { key, .. }))
            if *op == Op::Equal || op.is_substring() =>
        {
            Some((target, *op, key))
        }
        _ => None,
    }
}

/// Where a filter begins, as near as is known: at the first attribute that it names.
fn place(filter: &Filter) -> Place {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.first().map(place).unwrap_or_default(),
        Filter::Not(inner) => place(inner),
        Filter::Present(path) | Filter::Compare(path, ..) | Filter::ValuePath { path, .. } => path.place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::dialect::{Strictness, Tolerances};
    use crate::scim::filter::{parse, resolve};
    use crate::scim::schema::Catalogue;

    fn user(text: &str) -> (Filter, ResolvedFilter) {
        let catalogue = Catalogue::built_in();
        let definition = catalogue.resource("User").unwrap();
        let mut tolerances = Tolerances::default();
        let filter = parse(text, Strictness::default(), &mut tolerances).unwrap();
        let resolved = resolve(&filter, definition, &mut tolerances).unwrap();
        (filter, resolved)
    }

    #[test]
    fn filters_that_can_never_match_are_seen_with_their_place() {
        let cases = [
            (r#"title eq "a" and title eq "b""#, 18),
            (r#"title eq "a" and userName pr and title sw "b""#, 34),
            (r#"title eq "a" and (title eq "b" or title eq "c")"#, 19),
            (r#"title eq "a" and not (title pr)"#, 23),
            ("title pr and title eq null", 14),
            (r#"title sw "a" and title sw "b""#, 18),
            ("active eq true and active eq false", 20),
            (r#"name.familyName eq "a" and name.familyName ne "A""#, 28),
            (r#"emails[type eq "work" and type eq "home"]"#, 27),
            (r#"(title eq "a" and title eq "b") or (active eq true and active ne true)"#, 19),
        ];
        for (text, column) in cases {
            let (filter, resolved) = user(text);
            assert_eq!(contradiction(&filter, &resolved).map(|error| error.column), Some(column), "{text}");
        }
        for text in [
            r#"title eq "a" and title eq "A""#,
            r#"title eq "ab" and title sw "a""#,
            r#"title sw "a" and title sw "ab""#,
            r#"emails.value eq "a@x" and emails.value eq "b@x""#,
            r#"title eq "a" and (title eq "b" or userName eq "c")"#,
            r#"(title eq "a" and title eq "b") or active eq true"#,
            r#"title eq "a" or title eq "b""#,
        ] {
            let (filter, resolved) = user(text);
            assert_eq!(contradiction(&filter, &resolved), None, "{text}");
        }
    }

    #[test]
    fn a_narrower_filter_implies_a_wider_one() {
        let holds = |narrow: &str, wide: &str| implies(&user(narrow).1, &user(wide).1);
        for (narrow, wide) in [
            (r#"title eq "eng-ios""#, r#"title sw "ENG-""#),
            (r#"title sw "eng-i""#, r#"title sw "eng-""#),
            (r#"title ew "lead""#, r#"title co "ea""#),
            (r#"title sw "eng-""#, "title pr"),
            (r#"title eq "a" and active eq true"#, "active eq true"),
            (r#"title eq "a" and active eq true"#, r#"active eq true and title eq "A""#),
            (r#"title eq "a""#, r#"title eq "a" or title eq "b""#),
            (r#"title eq "a" or title eq "b""#, r#"not (title eq "c")"#),
        ] {
            assert!(holds(narrow, wide), "{narrow} implies {wide}");
            assert!(!holds(wide, narrow) || narrow.len() == wide.len(), "{wide} does not imply {narrow}");
        }
        assert!(!holds(r#"title eq "a""#, r#"userName eq "a""#));
    }

    #[test]
    fn filters_that_nest_deeply_take_bounded_work() {
        let nested = |leaf: &str| {
            let mut text = format!(r#"title eq "{leaf}""#);
            for level in 0..14 {
                text = format!(r#"({text} or userName eq "u{level}") and (nickName eq "n{leaf}" or locale pr)"#);
            }
            user(&text).1
        };
        let mut fuel = FUEL;
        assert!(!implied(&nested("a"), &nested("b"), &mut fuel));
        assert!(implies(&nested("a"), &nested("a")));
    }
}
