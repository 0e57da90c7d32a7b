//! Filters by example: grammar, errors, resolution and evaluation (RFC 7644 section 3.4.2.2).

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::*;
use crate::scim::dialect::{Strictness, Tolerance, Tolerances};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::schema::{Catalogue, ResourceDefinition};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn read(text: &str) -> Result<Filter, FilterError> {
    parse(text, Strictness::default(), &mut Tolerances::default())
}

/// Parsed, then printed with every grouping made visible; and what is printed parses to the same again.
#[track_caller]
fn shows(text: &str, as_: &str) {
    let filter = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(format!("{filter:#}"), as_, "{text}");
    assert_eq!(read(&filter.to_string()).as_ref(), Ok(&filter), "{text}");
    assert_eq!(read(as_).as_ref(), Ok(&filter), "{text}");
}

/// Refused at a column, with a message that has `part` in it.
#[track_caller]
fn refused(text: &str, column: usize, part: &str) {
    let error = read(text).expect_err(text);
    assert_eq!(error.column, column, "{text}: {error}");
    assert!(error.to_string().contains(part), "{text}: {error}");
    assert_eq!(ScimError::from(error).scim_type, Some(ScimType::InvalidFilter));
}

#[test]
fn and_binds_tighter_than_or() {
    shows("a eq 1 or b eq 2 and c eq 3", "(a eq 1 or (b eq 2 and c eq 3))");
    shows("a eq 1 and b eq 2 or c eq 3", "((a eq 1 and b eq 2) or c eq 3)");
    shows("(a eq 1 or b eq 2) and c pr", "((a eq 1 or b eq 2) and c pr)");
}

#[test]
fn not_binds_tightest_and_needs_its_parenthesis() {
    shows("not (a pr) and b pr", "(not (a pr) and b pr)");
    shows("NOT(a pr or b pr)", "not (a pr or b pr)");
    shows("not (not (a pr))", "not (not (a pr))");
    shows("not pr", "not pr"); // an attribute may be called `not`
    refused("not a pr", 5, "expected an operator");
}

#[test]
fn chains_and_needless_parentheses_are_flat() {
    shows("a pr and b pr and c pr", "(a pr and b pr and c pr)");
    shows("(((a pr)) and (b pr and c pr))", "(a pr and b pr and c pr)");
    shows("a pr or (b pr or c pr)", "(a pr or b pr or c pr)");
}

#[test]
fn value_paths_hold_filters_and_may_have_a_tail() {
    shows("emails[type eq \"work\"]", "emails[type eq \"work\"]");
    shows("emails[ type eq \"work\" and ( value co \"x\" ) ]", "emails[(type eq \"work\" and value co \"x\")]");
    shows("emails[not (type pr)] or b pr", "(emails[not (type pr)] or b pr)");
    shows("emails[type eq \"work\"].value eq \"x\"", "emails[type eq \"work\"].value eq \"x\"");
    shows("emails[primary eq true].value pr and b pr", "(emails[primary eq true].value pr and b pr)");
}

#[test]
fn operators_and_keywords_have_no_case_and_spaces_may_abound() {
    shows("  a   EQ \t 1  AND\n b  Pr ", "(a eq 1 and b pr)");
    shows("(a pr)  Or(b pr)", "(a pr or b pr)");
    for op in Op::ALL {
        shows(&format!("a {} \"x\"", op.as_str().to_uppercase()), &format!("a {op} \"x\""));
    }
}

#[test]
fn names_may_have_sub_attributes_and_urns_with_colons_and_dots() {
    let path = |text: &str| match read(text).expect(text) {
        Filter::Present(path) => (path.urn, path.name, path.sub),
        other => panic!("{other}"),
    };
    let owned = |text: &str| Some(text.to_owned());
    assert_eq!(path("name.familyName pr"), (None, "name".to_owned(), owned("familyName")));
    assert_eq!(path("members.$ref pr"), (None, "members".to_owned(), owned("$ref")));
    assert_eq!(
        path(&format!("{ENTERPRISE}:manager.value pr")),
        (owned(ENTERPRISE), "manager".to_owned(), owned("value"))
    );
    refused("name..x pr", 1, "expected an attribute's name");
    refused("name.a.b.c pr", 1, "expected an attribute's name");
    refused("urn:x: pr", 1, "expected an attribute's name");
    refused("1a pr", 1, "expected an attribute's name");
}

#[test]
fn literals_are_those_of_json() {
    let literal = |text: &str| match read(&format!("a eq {text}")) {
        Ok(Filter::Compare(_, _, literal)) => literal,
        other => panic!("{text}: {other:?}"),
    };
    let text = |text: &str| Literal::String(text.to_owned());
    assert_eq!(literal(r#""a \"b\" \\ \/ \n \u00e5""#), text("a \"b\" \\ / \n å"));
    assert_eq!(literal(r#""\ud83d\ude00""#), text("😀"));
    assert_eq!(literal("\"😀 åäö ) and ( ] [\""), text("😀 åäö ) and ( ] ["));
    assert_eq!(literal("\"\""), text(""));
    for (written, number) in [("7", 7), ("-7", -7), ("0", 0), ("-0", 0), ("9223372036854775807", i64::MAX)] {
        assert_eq!(literal(written), Literal::Number(number.into()));
    }
    assert_eq!(literal("18446744073709551615"), Literal::Number(u64::MAX.into()));
    assert_eq!(literal("1.5e3"), Literal::Number(serde_json::Number::from_f64(1500.0).expect("finite")));
    assert_eq!(
        (literal("true"), literal("False"), literal("null")),
        (Literal::Boolean(true), Literal::Boolean(false), Literal::Null)
    );
    for bad in
        ["01", "1.", "+1", ".5", "18446744073709551616", "-9223372036854775809", "1e400", "0x1", "NaN", "'x'", "x"]
    {
        refused(&format!("a eq {bad}"), 6, "expected a value");
    }
}

#[test]
fn strings_that_are_no_text_are_refused() {
    for bad in [r#""\ud83d""#, r#""\ude00 x""#, r#""\x""#, "\"a\tb\"", "\"a\u{0}b\""] {
        refused(&format!("a eq {bad}"), 6, "not a JSON string");
    }
    refused(r#"a eq "a\u0000b""#, 6, "NUL");
    refused("a eq \"open", 6, "closing");
    refused(r#"a eq "open\""#, 6, "closing");
}

#[test]
fn errors_say_where_and_what_was_expected() {
    refused("", 1, "expected an attribute's name, e.g. userName or emails.value; found the end");
    refused("userName", 9, "expected an operator (eq, ne");
    refused("userName equals \"x\"", 10, "found `equals \\\"x\\\"`");
    refused("userName eq", 12, "expected a space and a value");
    refused("userName eq \"x\" userName pr", 17, "expected `and`, `or` or the end of the filter");
    refused("å eq 1", 1, "found `å eq 1`");
    refused("a eq \"å\" and å", 14, "found `å`");
    refused("(a pr", 6, "or `)`");
    refused("a pr)", 5, "the end of the filter");
    refused("emails[type eq \"work\"", 22, "or `]`");
    refused("emails[]", 8, "expected an attribute's name");
    refused("emails[a[b pr]]", 9, "brackets within brackets");
    refused("a pr and", 9, "expected an attribute's name, e.g. userName or emails.value; found the end");
    refused("a pr and or b pr", 13, "expected an operator");
    refused("a eq 1and b pr", 6, "expected a value");
    refused("a prb pr", 3, "expected an operator");
    let error = read("userName equals 1").expect_err("no such operator");
    assert!(error.to_string().starts_with("filter error at column 10: expected an operator"), "{error}");
}

#[test]
fn unquoted_literals_need_the_directorys_permission() {
    refused("userName eq pi@corp.example", 13, "text in double quotes");
    let lenient = Strictness { lenient_filters: true, ..Strictness::default() };
    let mut tolerances = Tolerances::default();
    let filter = parse("(userName eq pi@corp.example)", lenient, &mut tolerances).expect("allowed");
    assert_eq!(filter.to_string(), "userName eq \"pi@corp.example\"");
    assert_eq!(tolerances.iter().collect::<Vec<_>>(), [Tolerance::UnquotedLiteral]);
}

#[test]
fn depth_length_and_number_of_clauses_are_bounded_and_refusal_is_quick() {
    let started = Instant::now();
    let nested = |open: &str, n: usize, close: &str| format!("{}a pr{}", open.repeat(n), close.repeat(n));
    for open in ["(", "not (", "NOT("] {
        assert!(read(&nested(open, MAX_DEPTH, ")")).is_ok());
        for n in [MAX_DEPTH + 1, 60, 1_000, 100_000] {
            assert!(read(&nested(open, n, ")")).is_err(), "{open} {n}");
            assert!(read(&open.repeat(n)).is_err(), "{open} {n}, unclosed");
            assert!(read(&format!("{} junk", nested(open, n.min(MAX_DEPTH), ")"))).is_err());
        }
    }
    assert!(read(&nested("a[", 1_000, "]")).is_err());
    let chain = |n: usize| vec!["a pr"; n].join(" and ");
    assert!(read(&chain(MAX_CLAUSES)).is_ok(), "long is not deep");
    refused(&chain(MAX_CLAUSES + 1), MAX_CLAUSES * 9 + 1, "too many comparisons");
    assert!(read(&chain(10_000)).is_err());
    assert!(read(&format!("a eq \"{}\"", "x".repeat(MAX_LITERAL))).is_ok());
    refused(&format!("a eq \"{}\"", "x".repeat(MAX_LITERAL + 1)), 6, "too long");
    refused(&format!("a eq {}", "\"x\"".repeat(60_000)), 1, "limit is 8192 bytes");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

fn definition(name: &str) -> Arc<ResourceDefinition> {
    Arc::clone(Catalogue::built_in().resource(name).expect("it is built in"))
}

fn resolved(name: &str, text: &str, tolerances: &mut Tolerances) -> Result<ResolvedFilter, FilterError> {
    resolve(&read(text)?, &definition(name), tolerances)
}

/// Refused when its names and literals are looked up, with a message that has `part` in it.
#[track_caller]
fn unresolved(text: &str, column: usize, part: &str) {
    let error = resolved("User", text, &mut Tolerances::default()).expect_err(text);
    assert!(error.column == column && error.message.contains(part), "{text}: {error}");
}

#[test]
fn unknown_attributes_are_named_with_a_suggestion() {
    unresolved("userNme eq \"x\"", 1, "User has no attribute userNme; did you mean userName?");
    unresolved("active eq true and depratment eq \"x\"", 20, &format!("did you mean {ENTERPRISE}:department?"));
    unresolved("name.famName eq \"x\"", 1, "name has no sub-attribute famName; it has formatted, familyName");
    unresolved("emails[typ eq \"x\"]", 8, "emails has no sub-attribute typ; it has value");
    unresolved("emails[name.x eq \"x\"]", 8, "emails has no sub-attribute name.x");
    unresolved("title.value eq \"x\"", 1, "title has no sub-attribute value; it has no sub-attributes");
    unresolved("name.givenName[value eq \"x\"]", 1, "no parts that a filter in brackets could name");
    unresolved("urn:example:none:1.0:x eq \"x\"", 1, "User has no attribute urn:example:none:1.0:x");
    unresolved(&format!("{ENTERPRISE} pr"), 1, "is a schema, not an attribute");
    unresolved("members eq \"x\"", 1, "User has no attribute members");
}

#[test]
fn what_is_never_returned_does_not_exist_in_filters() {
    for text in ["password eq \"x\"", "password pr", "not (password sw \"a\")", "PASSWORD ne null"] {
        let error = resolved("User", text, &mut Tolerances::default()).expect_err(text);
        assert!(error.message.contains("has no attribute") && !error.message.contains("mean password"), "{error}");
    }
    unresolved("passwrd pr", 1, "User has no attribute passwrd");
}

#[test]
fn operators_and_literals_must_fit_the_type() {
    unresolved("active gt true", 1, "active has no order; gt cannot be used");
    unresolved("x509Certificates.value le \"AAAA\"", 1, "has no order");
    unresolved("active co \"tr\"", 1, "active is no text");
    unresolved("meta.created sw \"2026\"", 1, "meta.created is no text");
    unresolved("active eq \"yes\"", 1, "active cannot be compared with \"yes\"; expected true or false");
    unresolved("userName eq 7", 1, "userName cannot be compared with 7; expected a text in double quotes");
    unresolved("userName eq true", 1, "expected a text");
    unresolved("meta.created gt \"yesterday\"", 1, "expected a date and time");
    unresolved("meta.created gt \"2026-02-30T00:00:00Z\"", 1, "expected a date and time");
    unresolved("userName gt null", 1, "null can only be compared with eq and ne");
    unresolved("name eq \"x\"", 1, "name has parts and cannot be compared; it has formatted");
}

#[test]
fn names_take_the_schemas_spelling_and_tolerances_are_noted() {
    let notes = |name: &str, text: &str| {
        let mut tolerances = Tolerances::default();
        let filter = resolved(name, text, &mut tolerances).unwrap_or_else(|error| panic!("{text}: {error}"));
        let path = filter.targets().first().map(|target| {
            let urn = target.extension.as_deref().map_or(String::new(), |_| "E:".to_owned());
            format!("{urn}{}{}", target.name, target.sub.as_deref().map_or(String::new(), |sub| format!(".{sub}")))
        });
        (path.expect("there is a target"), tolerances.iter().collect::<Vec<_>>())
    };
    let gives = |path: &str, tolerances: &[Tolerance]| (path.to_owned(), tolerances.to_vec());
    assert_eq!(notes("User", "userName pr"), gives("userName", &[]));
    assert_eq!(notes("User", "USERNAME pr"), gives("userName", &[Tolerance::NameCase]));
    assert_eq!(notes("User", "Name.FamilyName pr"), gives("name.familyName", &[Tolerance::NameCase]));
    assert_eq!(notes("User", "urn:ietf:params:scim:schemas:core:2.0:User:userName pr"), gives("userName", &[]));
    assert_eq!(notes("User", &format!("{ENTERPRISE}:manager.value pr")), gives("E:manager.value", &[]));
    assert_eq!(
        notes("User", "urn:scim:schemas:extension:enterprise:1.0:department pr"),
        gives("E:department", &[Tolerance::LegacyUrn])
    );
    assert_eq!(
        notes("User", "manager eq \"x\""),
        gives("E:manager.value", &[Tolerance::ComplexComparison, Tolerance::MissingUrn])
    );
    assert_eq!(notes("Group", "members eq \"x\""), gives("members.value", &[Tolerance::ComplexComparison]));
    assert_eq!(notes("User", "active eq \"True\""), gives("active", &[Tolerance::BooleanFilterString]));
    assert_eq!(notes("User", "schemas eq \"urn:x\""), gives("schemas", &[]));
}

#[test]
fn what_a_filter_mentions_is_found_wherever_it_stands() {
    let filter = |text| resolved("Group", text, &mut Tolerances::default()).expect(text);
    assert!(filter("id eq \"g\" and members eq \"u\"").mentions("members"));
    assert!(filter("not (displayName pr or members[value eq \"u\"])").mentions("members"));
    assert!(!filter("displayName eq \"members\"").mentions("members"));
    let both = filter("id eq \"g\" and members eq \"u\"");
    let [id, members] = both.conjuncts() else { panic!("two conjuncts") };
    assert_eq!(id.text_equality().map(|(target, text)| (target.name.as_str(), text)), Some(("id", "g")));
    assert_eq!(members.conjuncts(), std::slice::from_ref(members));
}

fn ada() -> Map<String, Value> {
    let ada = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": "u1",
        "externalId": "Ext-1",
        "userName": "Ada.Straße@Corp.example",
        "name": {"familyName": "Byron", "givenName": "Ada"},
        "active": true,
        "emails": [
            {"value": "ada@corp.example", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"}
        ],
        "meta": {"created": "2026-01-31T08:00:00+01:00"},
        ENTERPRISE: {"department": "R&D", "manager": {"value": "u2"}}
    });
    match ada {
        Value::Object(ada) => ada,
        _ => Map::new(),
    }
}

#[track_caller]
fn ada_matches(text: &str, expected: bool) {
    let filter = resolved("User", text, &mut Tolerances::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(filter.matches(&ada()), expected, "{text}");
}

#[test]
fn texts_compare_folded_unless_they_are_case_exact() {
    for text in [
        "userName eq \"ADA.STRASSE@CORP.EXAMPLE\"",
        "userName sw \"ada.\"",
        "userName co \"SSE@\"",
        "userName ew \".EXAMPLE\"",
        "userName gt \"AD\" and userName lt \"b\" and userName ge \"ada.strasse@corp.example\"",
        "externalId eq \"Ext-1\"",
        "title eq null and userName ne null",
    ] {
        ada_matches(text, true);
    }
    for text in ["externalId eq \"ext-1\"", "userName gt \"b\"", "title co \"\"", "userName eq \"ada\"", "id sw \"U\""]
    {
        ada_matches(text, false);
    }
}

#[test]
fn any_value_may_match_but_brackets_ask_for_one_that_matches_all() {
    ada_matches("emails.type eq \"home\" and emails.value co \"corp\"", true);
    ada_matches("emails[type eq \"home\" and value co \"corp\"]", false);
    ada_matches("emails[type eq \"work\" and value co \"corp\"]", true);
    ada_matches("emails[type eq \"work\"].value eq \"ADA@corp.example\"", true);
    ada_matches("emails[type eq \"home\"].value eq \"ada@corp.example\"", false);
    ada_matches("emails[primary eq \"True\"].value ew \"corp.example\"", true);
    ada_matches("emails[not (type eq \"work\")]", true);
    ada_matches("emails[type eq \"other\"]", false);
    ada_matches("emails eq \"ada@home.example\"", true);
    ada_matches("schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"", true);
    ada_matches(&format!("schemas[value eq \"{ENTERPRISE}\"]"), true);
    ada_matches("schemas.value eq \"urn:x\"", false);
}

#[test]
fn ne_is_not_eq_also_of_absent_and_of_several_values() {
    ada_matches("title ne \"x\"", true);
    ada_matches("emails.type ne \"work\"", false);
    ada_matches("emails[type ne \"work\"]", true);
    ada_matches("emails.type ne \"other\"", true);
    ada_matches("phoneNumbers.type ne \"work\"", true);
}

#[test]
fn presence_times_and_extensions() {
    ada_matches("name pr and emails pr and active pr and meta.created pr", true);
    ada_matches("title pr or phoneNumbers pr or name.middleName pr", false);
    ada_matches("meta.created eq \"2026-01-31T07:00:00Z\"", true);
    ada_matches("meta.created gt \"2026-01-31T07:30:00Z\"", false);
    ada_matches(&format!("{ENTERPRISE}:department eq \"r&d\" and manager eq \"u2\""), true);
    ada_matches("active eq \"False\"", false);
    ada_matches("active ne false", true);
}

#[test]
fn whole_numbers_compare_exactly() {
    let catalogue = Catalogue::built_in();
    let mut definition = ResourceDefinition::clone(catalogue.resource("User").expect("it is built in"));
    let mut core = (*definition.core).clone();
    for (name, kind) in [("n", "integer"), ("d", "decimal")] {
        core.attributes.push(serde_json::from_value(json!({"name": name, "type": kind})).expect("an attribute"));
    }
    definition.core = Arc::new(core);
    let holds = |value: Value, text: &str| {
        let filter = resolve(&read(text).expect(text), &definition, &mut Tolerances::default()).expect(text);
        filter.matches(&Map::from_iter([("n".to_owned(), value.clone()), ("d".to_owned(), value)]))
    };
    assert!(!holds(json!(9_007_199_254_740_993_i64), "n eq 9007199254740992"));
    assert!(holds(json!(9_007_199_254_740_993_i64), "n gt 9007199254740992.0 and d ge 9007199254740993"));
    assert!(holds(json!(7), "n eq 7.0 and n lt 7.5 and n gt 6.5 and d le 1e300 and d gt -1e300"));
    assert!(holds(json!(-7), "n gt -7.5 and n lt -6.5"));
    assert!(holds(json!(1.5), "d eq 1.50 and d ne 1 and d lt 2 and not (d gt 18446744073709551615)"));
    assert!(resolve(&read("n eq \"7\"").expect("it parses"), &definition, &mut Tolerances::default()).is_err());
}
