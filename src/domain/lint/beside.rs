//! What can be said of a rule beside the others: grants that are never seen, grants that are there already.

use crate::domain::finding::Finding;
use crate::domain::rule::Rule;
use crate::scim::filter;

/// What is odd about a rule's grants, given the organization's `others` that act.
pub fn beside(rule: &Rule, others: &[Rule]) -> Vec<Finding> {
    let wider: Vec<&Rule> = others.iter().filter(|other| other.id != rule.id && is_as_wide(other, rule)).collect();
    let mut found = Vec::new();
    for (at, role) in rule.document.granted_roles() {
        let grants = |other: &Rule, slug: &str| other.document.granted_roles().any(|(_, granted)| granted == slug);
        let field = format!("then[{at}].role");
        if let Some(other) = wider.iter().find(|other| grants(other, role)) {
            let message =
                format!("the rule '{}' grants '{role}' already, to everybody whom this rule is about", other.key);
            found.push(Finding::warning(field, "duplicate_grant", message));
            continue;
        }
        let shadowing = wider.iter().filter(|other| comes_before(other, rule));
        let shadowing = shadowing.filter_map(|other| Some((other, other.document.granted_roles().next()?.1)));
        if let Some((other, primary)) = shadowing.min_by_key(|(other, _)| (other.document.position, other.id)) {
            let message = format!(
                "'{role}' is never the primary role of anybody by this rule: the rule '{}' (position {}) comes before \
                 it and grants '{primary}' to everybody whom this rule is about",
                other.key, other.document.position
            );
            found.push(Finding::warning(field, "shadowed_role", message));
        }
    }
    found
}

fn comes_before(other: &Rule, rule: &Rule) -> bool {
    (other.document.position, other.id) < (rule.document.position, rule.id)
}

/// Whether `wide` is about everybody whom `narrow` is about, as far as can be seen.
fn is_as_wide(wide: &Rule, narrow: &Rule) -> bool {
    let (w, n) = (&wide.document, &narrow.document);
    let directory = w.directory_id.is_none() || w.directory_id == n.directory_id;
    let user = match (narrow.user_filter(), wide.user_filter()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => filter::implies(narrow, wide),
    };
    let excepted = match (narrow.except_filter(), wide.except_filter()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => filter::implies(wide, narrow),
    };
    directory && user && excepted && takes_the_groups_of(wide, narrow)
}

/// Whether `wide` takes every group that `narrow` takes. A rule by people alone needs no group.
fn takes_the_groups_of(wide: &Rule, narrow: &Rule) -> bool {
    if !wide.is_by_group() {
        return true;
    }
    let (w, n) = (&wide.document.when, &narrow.document.when);
    let capture = w.capture.is_none() || w.capture == n.capture;
    let filter = match (narrow.group_filter(), wide.group_filter()) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(narrow), Some(wide)) => filter::implies(narrow, wide),
    };
    let pinned = n.group_ids.iter().all(|id| w.group_ids.contains(id));
    narrow.is_by_group() && capture && filter && pinned
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::rule;
    use super::*;

    fn grants(role: &str) -> Value {
        json!([{"grant_role": {"role": role}}])
    }

    fn codes(rule: &Rule, others: &[Rule]) -> Vec<&'static str> {
        beside(rule, others).into_iter().map(|found| found.code).collect()
    }

    #[test]
    fn a_role_behind_a_wider_rule_is_never_primary() {
        let all = rule("all", 10, json!({"group": "displayName sw \"eng-\""}), grants("admin"));
        let narrow = json!({"group": "displayName eq \"eng-ios\"", "user": "title pr"});
        let later = rule("ios", 20, narrow.clone(), grants("member"));
        let found = beside(&later, std::slice::from_ref(&all));
        assert_eq!((found[0].code, found[0].field.as_str()), ("shadowed_role", "then[0].role"));
        assert!(found[0].message.contains("'all' (position 10)"), "{}", found[0].message);
        let earlier = rule("ios", 5, narrow, grants("member"));
        assert!(codes(&earlier, std::slice::from_ref(&all)).is_empty(), "it comes first");
        assert!(codes(&all, &[earlier]).is_empty(), "the other one is narrower");
    }

    #[test]
    fn a_role_that_is_granted_already_is_a_duplicate() {
        let when = json!({"group": "displayName sw \"eng-\"", "user": "active eq true and title pr"});
        let first = rule("first", 10, when.clone(), grants("admin"));
        let second = rule("second", 20, when, grants("admin"));
        assert_eq!(codes(&second, std::slice::from_ref(&first)), ["duplicate_grant"]);
        assert_eq!(codes(&first, std::slice::from_ref(&second)), ["duplicate_grant"]);
        assert!(codes(&first, std::slice::from_ref(&first)).is_empty(), "not of itself");
    }

    #[test]
    fn a_rule_that_leaves_some_out_is_not_as_wide() {
        let narrow = rule("n", 20, json!({"group": "displayName sw \"eng-\""}), grants("member"));
        for when in [
            json!({"group": "displayName sw \"eng-\"", "except_group": "displayName eq \"out\""}),
            json!({"group": "displayName sw \"eng-\"", "user": "title pr"}),
            json!({"group": "displayName sw \"eng-\"", "capture": "^eng-"}),
            json!({"group": "displayName sw \"eng-i\""}),
        ] {
            let other = rule("w", 10, when.clone(), grants("admin"));
            assert!(codes(&narrow, &[other]).is_empty(), "{when}");
        }
        let everybody = rule("w", 10, json!({"user": "userName pr"}), grants("admin"));
        let people = rule("n", 20, json!({"group": "displayName pr", "user": "userName eq \"a\""}), grants("member"));
        assert_eq!(codes(&people, &[everybody]), ["shadowed_role"]);
    }
}
