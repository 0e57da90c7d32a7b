//! What is odd about what was seen of the directory groups.

use std::collections::HashMap;

use super::super::{count, named};
use super::{Look, Wanted};
use crate::domain::finding::Finding;
use crate::domain::rule::{Action, OnCollision};
use crate::domain::template::Fault;

/// How many collisions are told one by one.
const TOLD: usize = 5;

impl Look<'_> {
    /// What is odd about all this. `taken` are the native groups that have one of the wanted names and are no
    /// mirrors by this rule: their names, by key.
    pub fn findings(&self, taken: &HashMap<String, String>) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.rule.is_by_group() {
            found.extend(self.no_match());
        }
        if self.rule.except_filter().is_some() {
            found.extend(self.exceptions());
        }
        for (fault, (number, names, why)) in &self.nameless {
            found.push(self.nameless(*fault, *number, names, why));
        }
        found.extend(self.collisions(taken));
        found
    }

    /// `of the 12 directory groups`, and that there are more if there are.
    fn of_all(&self) -> String {
        let all = count(self.seen, "directory group");
        if self.complete { format!("of {all}") } else { format!("of the first {all}; there are more") }
    }

    fn no_match(&self) -> Option<Finding> {
        if self.matched > 0 {
            return None;
        }
        let when = &self.rule.document.when;
        let field = if when.group.is_some() { "when.group" } else { "when.group_ids" };
        if self.seen == 0 {
            let message = "there is no directory group yet, so the rule matches none";
            return Some(Finding::warning(field, "matches_nothing", message));
        }
        if self.selected > 0 {
            let taken = count(self.selected, "directory group");
            let message = format!("the pattern fits the name of none of the {taken} that the rule would take now");
            return Some(Finding::warning("when.capture", "matches_nothing", message));
        }
        let near = self.asked_for.iter().filter_map(|(asked, nearest)| {
            let (far, name) = nearest.as_ref()?;
            (*far <= asked.chars().count() / 2).then(|| format!("; nearest to '{asked}' is '{name}'"))
        });
        let message = format!("no directory group matches now, {}{}", self.of_all(), near.collect::<String>());
        Some(Finding::warning(field, "matches_nothing", message))
    }

    fn exceptions(&self) -> Option<Finding> {
        let field = "when.except_group";
        if self.excepting.is_empty() && self.seen > 0 {
            let message = format!("no directory group matches now, {}: nobody is kept out", self.of_all());
            return Some(Finding::warning(field, "matches_nothing", message));
        }
        (self.matched > 0 && self.matched == self.matched_and_excepted).then(|| {
            let all = count(self.matched, "directory group");
            let message = format!("the rule takes {all} now, and all are excepted: it is about nobody");
            Finding::warning(field, "matches_nothing", message)
        })
    }

    fn nameless(&self, fault: Fault, number: usize, names: &[String], why: &str) -> Finding {
        let code = match fault {
            Fault::Empty => "template_empty",
            Fault::TooLong => "template_too_long",
            Fault::Broken => "template_fails",
        };
        let groups = count(number, "directory group");
        let message = format!("{groups} would get no mirror ({why}): {}", named(names, number));
        Finding::warning(self.name_field(), code, message)
    }

    fn collisions(&self, taken: &HashMap<String, String>) -> Vec<Finding> {
        let mut clashing: Vec<(&String, &Wanted)> =
            self.wanted.iter().filter(|(key, wanted)| wanted.count > 1 || taken.contains_key(*key)).collect();
        clashing.sort_by_key(|(key, _)| *key);
        let all = clashing.len();
        let told = clashing.into_iter().take(TOLD).map(|(key, wanted)| {
            let sources = named(&wanted.sources, wanted.count);
            let what = match taken.get(key) {
                Some(native) => format!("{sources} would be called '{}' like the group '{native}'", wanted.name),
                None => format!("{sources} would all be called '{}'", wanted.name),
            };
            Finding::warning(
                self.name_field(),
                "template_collides",
                format!("{what}; {}", self.outcome(taken.get(key))),
            )
        });
        let mut found: Vec<Finding> = told.collect();
        if all > TOLD {
            let message = format!("{} more names collide", all - TOLD);
            found.push(Finding::warning(self.name_field(), "template_collides", message));
        }
        found
    }

    /// What becomes of a collision.
    fn outcome(&self, native: Option<&String>) -> &'static str {
        match (self.rule.mirror().map(|(_, on_collision, _)| on_collision), native) {
            (Some(OnCollision::Suffix), _) => "they get numbers (`on_collision` is suffix)",
            (Some(OnCollision::Adopt), Some(_)) => "the first takes it over (`on_collision` is adopt)",
            _ => "those that come later wait until the name is free",
        }
    }

    /// The field that names mirrors; the action where the rule gives no name of its own.
    fn name_field(&self) -> String {
        let actions = &self.rule.document.then;
        let at = actions.iter().position(|a| matches!(a, Action::MirrorGroup { .. }));
        let at = at.unwrap_or_default();
        match self.rule.mirror() {
            Some((Some(_), ..)) => format!("then[{at}].mirror_group.name"),
            _ => format!("then[{at}].mirror_group"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::tests::{group, rule};
    use super::*;
    use crate::domain::native::name_key;

    fn found(when: Value, then: Value, names: &[&str], taken: &[&str]) -> Vec<(String, &'static str, String)> {
        let rule = rule("x", 1, when, then);
        let mut look = Look::new(&rule);
        for name in names {
            look.at(&group(name));
        }
        let taken = taken.iter().map(|name| (name_key(name), (*name).to_owned())).collect();
        look.findings(&taken).into_iter().map(|found| (found.field, found.code, found.message)).collect()
    }

    fn mirror(name: &str) -> Value {
        json!([{"ensure_membership": {}}, {"mirror_group": {"name": name}}])
    }

    #[test]
    fn a_rule_that_matches_nothing_names_the_nearest() {
        let when = json!({"group": "displayName eq \"Enginering\""});
        let told = found(when, json!([{"mirror_group": {}}]), &["Engineering", "Sales"], &[]);
        let message = "no directory group matches now, of 2 directory groups; nearest to 'Enginering' is 'Engineering'";
        assert_eq!(told, [("when.group".to_owned(), "matches_nothing", message.to_owned())]);
        let when = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-(?<t>[0-9]+)$"});
        let told = found(when.clone(), json!([{"mirror_group": {}}]), &["eng-ios", "Sales"], &[]);
        assert_eq!((told[0].0.as_str(), told[0].1), ("when.capture", "matches_nothing"));
        assert!(found(when, json!([{"mirror_group": {}}]), &["eng-7"], &[]).is_empty());
    }

    #[test]
    fn exceptions_are_looked_at_too() {
        let when = json!({"group": "displayName sw \"eng-\"", "except_group": "displayName eq \"eng-ios\""});
        let told = found(when.clone(), json!([{"ensure_membership": {}}]), &["eng-web"], &[]);
        assert_eq!((told[0].0.as_str(), told[0].1), ("when.except_group", "matches_nothing"));
        let told = found(when.clone(), json!([{"ensure_membership": {}}]), &["eng-ios"], &[]);
        assert_eq!((told[0].0.as_str(), told[0].1), ("when.except_group", "matches_nothing"));
        assert!(told[0].2.contains("1 directory group now, and all are excepted"), "{}", told[0].2);
        assert!(found(when, json!([{"ensure_membership": {}}]), &["eng-ios", "eng-web"], &[]).is_empty());
    }

    #[test]
    fn names_that_cannot_be_rendered_are_counted_by_what_is_wrong() {
        let long = format!("t-{}", "x".repeat(300));
        let names = ["t-", "t-a", long.as_str(), "t- "];
        let when = json!({"group": "displayName sw \"t-\"", "capture": "^t-(?<team>.*)$"});
        let told = found(when, mirror("{{ team }}"), &names, &[]);
        assert_eq!(told.iter().map(|(_, code, _)| *code).collect::<Vec<_>>(), ["template_empty", "template_too_long"]);
        assert!(told[0].2.starts_with("2 directory groups") && told[0].2.ends_with("'t-', 't- '"), "{}", told[0].2);
        assert_eq!(told[0].0, "then[1].mirror_group.name");
        let optional = json!({"group": "displayName sw \"t-\"", "capture": "^t-(?<team>[a-z]+)?"});
        let told = found(optional, mirror("{{ team }}"), &["t-7"], &[]);
        assert_eq!(told[0].1, "template_fails");
    }

    #[test]
    fn names_that_collide_are_named() {
        let when = json!({"group": "displayName pr"});
        let told = found(when, mirror("{{ group.displayName | title }}"), &["a-b", "A_B", "c", "d"], &["C "]);
        assert_eq!(told.iter().map(|(_, code, _)| *code).collect::<Vec<_>>(), ["template_collides"; 2]);
        assert!(told[0].2.contains("'a-b', 'A_B' would all be called 'A B'"), "{}", told[0].2);
        assert!(told[1].2.contains("'c' would be called 'C' like the group 'C '"), "{}", told[1].2);
    }
}
