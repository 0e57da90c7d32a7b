//! What can be said of a rule without looking at anything else: conditions that never hold, roles that matter.

use regex::RegexBuilder;
use regex_syntax::hir::Look;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use serde_json::{Map, Value};

use crate::domain::finding::Finding;
use crate::domain::native::ADMIN;
use crate::domain::rule::{Action, Rule};
use crate::scim::dialect::{Strictness, Tolerances};
use crate::scim::filter::{self, Op, Operand, ResolvedFilter, ResolvedTest};

/// What is odd about a rule by itself.
pub fn alone(rule: &Rule) -> Vec<Finding> {
    let when = &rule.document.when;
    let mut found = Vec::new();
    for (field, text, resolved) in [
        ("when.group", &when.group, rule.group_filter()),
        ("when.user", &when.user, rule.user_filter()),
        ("when.except_group", &when.except_group, rule.except_filter()),
    ] {
        found.extend(text.as_deref().zip(resolved).and_then(|(text, resolved)| never(field, text, resolved)));
    }
    found.extend(capture_never_matches(rule));
    found.extend(excepts_itself(rule));
    found.extend(only_inactive(rule));
    for (at, role) in rule.document.granted_roles().filter(|(_, role)| *role == ADMIN) {
        let message = format!("the rule grants '{role}', which can do everything: be sure of whom it is about");
        found.push(Finding::info(format!("then[{at}].role"), "role_is_privileged", message));
    }
    found
}

/// A filter whose parts contradict each other.
fn never(field: &str, text: &str, resolved: &ResolvedFilter) -> Option<Finding> {
    let parsed = filter::parse(text, Strictness::default(), &mut Tolerances::default()).ok()?;
    let error = filter::contradiction(&parsed, resolved)?;
    let message = format!("{} (column {}): this matches nothing, ever", error.message, error.column);
    Some(Finding::warning(field, "unreachable", message).at(error.column))
}

/// A pattern that fits no name that the filter lets through. Pinned groups may have any name.
fn capture_never_matches(rule: &Rule) -> Option<Finding> {
    let pattern = rule.document.when.capture.as_deref()?;
    let filter = rule.group_filter().filter(|_| rule.document.when.group_ids.is_empty())?;
    let excluded: Option<Vec<String>> = filter.disjuncts().iter().map(|part| excluding(pattern, part)).collect();
    let demand = excluded?.into_iter().next()?;
    let message =
        format!("the pattern fits no name that `when.group` lets through: that asks for displayName {demand}");
    Some(Finding::warning("when.capture", "unreachable", message))
}

/// The first condition on the name under which the pattern cannot match: `eq "x"`, `sw "x"`.
fn excluding(pattern: &str, filter: &ResolvedFilter) -> Option<String> {
    filter.conjuncts().iter().find_map(|part| {
        let ResolvedFilter::Is(target, ResolvedTest::Compare(op, Operand::Text { raw, .. })) = part else {
            return None;
        };
        // Filters compare without case in every script, patterns do not: only for ASCII both are simple.
        let is_name = target.extension.is_none() && target.name == "displayName" && target.sub.is_none();
        if !is_name || !raw.is_ascii() || !pattern.is_ascii() {
            return None;
        }
        let fits = match op {
            Op::Equal => RegexBuilder::new(pattern).case_insensitive(true).build().ok()?.is_match(raw),
            Op::StartsWith => {
                let start = raw.to_ascii_lowercase();
                beginnings(pattern)?.iter().any(|b| b.starts_with(&start) || start.starts_with(b.as_str()))
            }
            _ => return None,
        };
        (!fits).then(|| format!("{} \"{raw}\"", op.as_str()))
    })
}

/// What every text begins with that an anchored pattern matches, in lower case; `None` if there is no telling.
fn beginnings(pattern: &str) -> Option<Vec<String>> {
    let parsed = regex_syntax::parse(pattern).ok()?;
    if !parsed.properties().look_set_prefix().contains(Look::Start) {
        return None;
    }
    let found = Extractor::new().kind(ExtractKind::Prefix).extract(&parsed);
    let literals = found.literals()?;
    Some(literals.iter().map(|text| String::from_utf8_lossy(text.as_bytes()).to_ascii_lowercase()).collect())
}

/// A rule whose exception is as wide as its filter.
fn excepts_itself(rule: &Rule) -> Option<Finding> {
    let (group, except) = (rule.group_filter()?, rule.except_filter()?);
    let by_filter_alone = rule.document.when.group_ids.is_empty();
    (by_filter_alone && filter::implies(group, except)).then(|| {
        let message = "every group that `when.group` takes is excepted: the rule is about nobody";
        Finding::warning("when.except_group", "unreachable", message)
    })
}

/// A condition on people that only the inactive meet, who get nothing while they are.
fn only_inactive(rule: &Rule) -> Option<Finding> {
    let gives = rule.document.then.iter().any(|action| !matches!(action, Action::Exclude { .. }));
    let active = Map::from_iter([("active".to_owned(), Value::Bool(true))]);
    let refuses_active = |part: &ResolvedFilter| {
        let only_active = part.targets().iter().all(|target| target.extension.is_none() && target.name == "active");
        only_active && !part.matches(&active)
    };
    (gives && rule.user_filter()?.conjuncts().iter().any(refuses_active)).then(|| {
        let message = "only inactive people meet this, and inactive people have nothing in effect";
        Finding::warning("when.user", "unreachable", message)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::rule;
    use super::*;

    fn codes(when: Value, then: Value) -> Vec<(String, &'static str, Option<usize>)> {
        alone(&rule("x", 1, when, then)).into_iter().map(|found| (found.field, found.code, found.column)).collect()
    }

    fn mirror() -> Value {
        json!([{"mirror_group": {}}])
    }

    #[test]
    fn a_rule_that_can_never_act_is_unreachable() {
        let cases = [
            (json!({"group": "displayName eq \"a\" and displayName eq \"b\""}), ("when.group", Some(24))),
            (json!({"group": "displayName pr", "except_group": "displayName pr"}), ("when.except_group", None)),
            (
                json!({"group": "displayName sw \"eng-i\"", "except_group": "displayName sw \"eng-\""}),
                ("when.except_group", None),
            ),
            (json!({"group": "displayName pr", "user": "active eq false and title pr"}), ("when.user", None)),
            (json!({"group": "displayName sw \"eng-\"", "capture": "^team-(?<t>.+)$"}), ("when.capture", None)),
            (json!({"group": "displayName eq \"eng\"", "capture": "^eng-(?<t>.+)$"}), ("when.capture", None)),
            (
                json!({"group": "displayName sw \"eng-\" or displayName eq \"ops\"", "capture": "^(a|b)-"}),
                ("when.capture", None),
            ),
        ];
        for (when, (field, column)) in cases {
            assert_eq!(codes(when.clone(), mirror()), [(field.to_owned(), "unreachable", column)], "{when}");
        }
    }

    #[test]
    fn a_rule_that_can_act_is_left_alone() {
        for when in [
            json!({"group": "displayName sw \"eng-\"", "capture": "^ENG-(?<t>.+)$"}),
            json!({"group": "displayName sw \"eng-\"", "capture": "(?<t>[0-9]+)"}),
            json!({"group": "displayName sw \"eng-\"", "capture": "^[a-z]+-(?<t>.+)$"}),
            json!({"group": "displayName sw \"eng-\"", "capture": "^(eng|ops)-(?<t>.+)$"}),
            json!({"group": "displayName sw \"e\" or displayName sw \"ops-\"", "capture": "^ops-"}),
            json!({"group": "displayName sw \"eng-\"", "except_group": "displayName sw \"eng-i\""}),
            json!({"group": "displayName pr", "user": "active eq true"}),
        ] {
            assert_eq!(codes(when.clone(), mirror()), [], "{when}");
        }
        let exclude = json!([{"exclude": {}}]);
        assert_eq!(codes(json!({"user": "active eq false"}), exclude), []);
    }

    #[test]
    fn a_privileged_role_is_remarked() {
        let then = json!([{"grant_role": {"role": "member"}}, {"grant_role": {"role": "admin"}}]);
        assert_eq!(codes(json!({"user": "title pr"}), then), [("then[1].role".to_owned(), "role_is_privileged", None)]);
    }
}
