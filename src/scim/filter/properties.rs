//! Filters by property: printing and parsing are inverse, nothing crashes, and the evaluator agrees with
//! a naive one that shares no code with it (RFC 7644 section 3.4.2.2).

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::scim::dialect::{Strictness, Tolerances};
use crate::scim::schema::{Catalogue, ResourceDefinition};

fn user() -> Arc<ResourceDefinition> {
    Arc::clone(Catalogue::built_in().resource("User").expect("it is built in"))
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z_$][a-zA-Z0-9_$-]{0,8}", Just("not".to_owned()), Just("and".to_owned()), Just("pr".to_owned())]
}

fn any_path() -> impl Strategy<Value = AttrPath> {
    let urn = prop::option::of("urn(:[a-zA-Z0-9.-]{1,6}){1,4}");
    (urn, any_name(), prop::option::of(any_name()))
        .prop_map(|(urn, name, sub)| AttrPath::new(urn.as_deref(), &name, sub.as_deref()))
}

fn any_literal() -> impl Strategy<Value = Literal> {
    let finite = prop::num::f64::NORMAL.prop_filter_map("finite", serde_json::Number::from_f64);
    prop_oneof![
        any::<String>().prop_map(|text| Literal::String(text.replace('\0', ""))),
        any::<i64>().prop_map(|n| Literal::Number(n.into())),
        any::<u64>().prop_map(|n| Literal::Number(n.into())),
        finite.prop_map(Literal::Number),
        any::<bool>().prop_map(Literal::Boolean),
        Just(Literal::Null),
    ]
}

fn any_test() -> impl Strategy<Value = Test> {
    let compare = (prop::sample::select(&Op::ALL[..]), any_literal()).prop_map(|(op, l)| Test::Compare(op, l));
    prop_oneof![Just(Test::Present), compare]
}

fn any_clause() -> impl Strategy<Value = Filter> {
    (any_path(), any_test()).prop_map(|(path, test)| match test {
        Test::Present => Filter::Present(path),
        Test::Compare(op, literal) => Filter::Compare(path, op, literal),
    })
}

fn combined(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::and),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let tail = prop::option::of((any_name(), any_test()).prop_map(|(sub, test)| Tail { sub, test }));
    let value_path = (any_path(), combined(any_clause()), tail).prop_map(|(path, filter, tail)| Filter::ValuePath {
        path,
        filter: Box::new(filter),
        tail,
    });
    combined(prop_oneof![3 => any_clause(), 1 => value_path])
}

/// Words that filters are made of, so that random texts get far into the grammar.
fn almost_a_filter() -> impl Strategy<Value = String> {
    let words = [
        "userName", "emails", "emails[", "]", "].value", "(", ")", "not (", "not", "and", "or", "eq", "pr", "co", "gt",
        "\"x\"", "\"", "\\", "true", "null", "1", "-1.5e3", "urn:a:b", ":", ".", " ", "  ", "å", "\u{0}", "type",
        "active",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..24)
        .prop_flat_map(|words| prop_oneof![Just(words.join(" ")), Just(words.concat())])
}

/// A filter over a few attributes that knows by itself what it means: the naive evaluator.
#[derive(Debug, Clone)]
enum Model {
    Title(TextTest),
    TitleIsNot(&'static str),
    Email(&'static str, TextTest),
    OneEmail(TextTest, TextTest),
    Active(bool),
    Both(Box<Model>, Box<Model>),
    Either(Box<Model>, Box<Model>),
    Not(Box<Model>),
}

/// An operator's name and a word.
type TextTest = (&'static str, &'static str);

const WORDS: [&str; 5] = ["a", "A", "ab", "b", ""];

fn passes((op, word): TextTest, found: &Value) -> bool {
    let Some(found) = found.as_str().map(str::to_lowercase) else { return false };
    let wanted = word.to_lowercase();
    match op {
        "eq" => found == wanted,
        "co" => found.contains(&wanted),
        "sw" => found.starts_with(&wanted),
        "ew" => found.ends_with(&wanted),
        "gt" => found > wanted,
        "ge" => found >= wanted,
        "lt" => found < wanted,
        _ => found <= wanted,
    }
}

impl Model {
    fn text(&self) -> String {
        match self {
            Model::Title((op, word)) => format!("title {op} \"{word}\""),
            Model::TitleIsNot(word) => format!("title ne \"{word}\""),
            Model::Email(part, (op, word)) => format!("emails.{part} {op} \"{word}\""),
            Model::OneEmail((op, kind), (other, word)) => {
                format!("emails[type {op} \"{kind}\" and value {other} \"{word}\"]")
            }
            Model::Active(wanted) => format!("active eq {wanted}"),
            Model::Both(a, b) => format!("({}) and ({})", a.text(), b.text()),
            Model::Either(a, b) => format!("({}) or ({})", a.text(), b.text()),
            Model::Not(inner) => format!("not ({})", inner.text()),
        }
    }

    fn holds(&self, doc: &Value) -> bool {
        let emails = doc["emails"].as_array().cloned().unwrap_or_default();
        match self {
            Model::Title(test) => passes(*test, &doc["title"]),
            Model::TitleIsNot(word) => !passes(("eq", word), &doc["title"]),
            Model::Email(part, test) => emails.iter().any(|email| passes(*test, &email[*part])),
            Model::OneEmail(kind, value) => {
                emails.iter().any(|email| passes(*kind, &email["type"]) && passes(*value, &email["value"]))
            }
            Model::Active(wanted) => doc["active"].as_bool() == Some(*wanted),
            Model::Both(a, b) => a.holds(doc) && b.holds(doc),
            Model::Either(a, b) => a.holds(doc) || b.holds(doc),
            Model::Not(inner) => !inner.holds(doc),
        }
    }
}

fn any_model() -> impl Strategy<Value = Model> {
    let word = || prop::sample::select(&WORDS[..]);
    let test = || (prop::sample::select(vec!["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"]), word());
    let clause = prop_oneof![
        test().prop_map(Model::Title),
        word().prop_map(Model::TitleIsNot),
        (prop::sample::select(vec!["value", "type"]), test()).prop_map(|(part, test)| Model::Email(part, test)),
        (test(), test()).prop_map(|(kind, value)| Model::OneEmail(kind, value)),
        any::<bool>().prop_map(Model::Active),
    ];
    clause.prop_recursive(4, 16, 2, |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            two().prop_map(|(a, b)| Model::Both(Box::new(a), Box::new(b))),
            two().prop_map(|(a, b)| Model::Either(Box::new(a), Box::new(b))),
            inner.clone().prop_map(|inner| Model::Not(Box::new(inner))),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    let word = || prop::option::of(prop::sample::select(WORDS.to_vec()));
    let emails = prop::collection::vec(
        (word(), word()).prop_map(|(value, kind)| without_nulls(json!({"value": value, "type": kind}))),
        0..3,
    );
    (word(), emails, prop::option::of(any::<bool>()))
        .prop_map(|(title, emails, active)| without_nulls(json!({"title": title, "emails": emails, "active": active})))
}

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(parts) = &mut value {
        parts.retain(|_, part| !part.is_null());
    }
    value
}

proptest! {
    #[test]
    fn a_printed_filter_parses_to_itself(filter in any_filter()) {
        for text in [filter.to_string(), format!("{filter:#}")] {
            let parsed = parse(&text, Strictness::default(), &mut Tolerances::default());
            prop_assert_eq!(parsed, Ok(filter.clone()), "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), almost_a_filter()], lenient_filters: bool) {
        let strictness = Strictness { lenient_filters, ..Strictness::default() };
        match parse(&text, strictness, &mut Tolerances::default()) {
            Ok(filter) => {
                prop_assert_eq!(parse(&filter.to_string(), strictness, &mut Tolerances::default()), Ok(filter.clone()));
                if let Ok(resolved) = resolve(&filter, &user(), &mut Tolerances::default()) {
                    resolved.matches(&Map::new());
                }
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset));
                prop_assert_eq!(text[..error.offset].chars().count() + 1, error.column);
            }
        }
    }

    #[test]
    fn the_evaluator_agrees_with_a_naive_one(model in any_model(), document in document()) {
        let text = model.text();
        let filter = parse(&text, Strictness::default(), &mut Tolerances::default()).expect("it is a filter");
        let resolved = resolve(&filter, &user(), &mut Tolerances::default()).expect("its names are known");
        let Value::Object(parts) = &document else { return Ok(()) };
        prop_assert_eq!(resolved.matches(parts), model.holds(&document), "{} on {}", text, document);
    }
}
