//! Assertions about people: "Jane has this group and not that role". Pure.
//!
//! What lives here: what an assertion says, what a person would have by name, and the verdict in sentences. How
//! that is computed is `service::mapping::trial`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::native::name_key;

/// How many assertions can be looked at in one call.
pub const MAX_ASSERTIONS: usize = 1_000;

/// What somebody has, or has not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// Native groups, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Roles, by slug.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Whether they are a member in force. Under `lacks`, `true` says that they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<bool>,
}

impl Claims {
    fn says_nothing(&self) -> bool {
        self.groups.is_empty() && self.roles.is_empty() && self.member.is_none()
    }
}

/// One assertion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// What it is called in reports.
    #[serde(default)]
    pub name: Option<String>,
    /// Whom it is about: an e-mail of a directory user.
    pub person: String,
    /// What they must have.
    #[serde(default)]
    pub has: Claims,
    /// What they must not have.
    #[serde(default)]
    pub lacks: Claims,
}

/// What somebody would have, by name, each with the reasons for it in words: keys of rules, `by hand`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prospect {
    /// Whether the membership would be in force.
    pub active: bool,
    /// Why there would be a membership.
    pub member_by: Vec<String>,
    /// The groups.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The roles, by slug.
    pub roles: BTreeMap<String, Vec<String>>,
    /// Groups and roles for which something speaks and that they would not have, each with why not. The keys are
    /// `group NAME` and `role SLUG`, as names compare.
    pub withheld: BTreeMap<String, String>,
}

impl Assertion {
    /// Whether it asserts nothing at all, and so could never fail.
    pub fn says_nothing(&self) -> bool {
        self.has.says_nothing() && self.lacks.says_nothing()
    }

    /// What is wrong, in sentences without their full stop; nothing if the assertion holds.
    ///
    /// `known` is whether there is such a person; `prospects` what their memberships would have, none if they
    /// would have no membership.
    pub fn failures(&self, known: bool, prospects: &[Prospect]) -> Vec<String> {
        if !known {
            return vec![format!(
                "no directory of the organization has a person with the e-mail {}; is the address right, and was \
                 the person pushed?",
                self.person
            )];
        }
        let mut failures = self.about_membership(prospects);
        failures.extend(about("group", (&self.has.groups, &self.lacks.groups), prospects, |p| &p.groups));
        failures.extend(about("role", (&self.has.roles, &self.lacks.roles), prospects, |p| &p.roles));
        failures
    }

    fn about_membership(&self, prospects: &[Prospect]) -> Vec<String> {
        let member = prospects.iter().any(|prospect| prospect.active);
        let wanted = [self.has.member, self.lacks.member.map(|lacks| !lacks)];
        let wrong = wanted.into_iter().flatten().find(|wanted| *wanted != member);
        wrong
            .map(|_| {
                if member {
                    because("is a member", prospects.iter().flat_map(|p| &p.member_by))
                } else {
                    no_member(prospects)
                }
            })
            .into_iter()
            .collect()
    }
}

fn no_member(prospects: &[Prospect]) -> String {
    if prospects.iter().any(|prospect| !prospect.member_by.is_empty()) {
        return "is not an active member: the membership is suspended, or an exclusion takes it".to_owned();
    }
    "is not a member: no rule that is in force would give them anything".to_owned()
}

fn about<'a>(
    kind: &str,
    (has, lacks): (&[String], &[String]),
    prospects: &'a [Prospect],
    of: impl Fn(&'a Prospect) -> &'a BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let held: BTreeMap<&String, &Vec<String>> = prospects.iter().filter(|p| p.active).flat_map(&of).collect();
    let find = |name: &String| held.iter().find(|(held, _)| name_key(held) == name_key(name));
    let verb = if kind == "role" { "has" } else { "is in" };
    let missing = has.iter().filter(|name| find(name).is_none()).map(|name| {
        let withheld =
            prospects.iter().find_map(|prospect| prospect.withheld.get(&name_key(&format!("{kind} {name}"))));
        let why = withheld.map_or_else(|| instead(kind, held.keys().copied()), |why| format!(": {why}"));
        let lack = if kind == "role" { "does not have the role" } else { "is not in the group" };
        format!("{lack} \"{name}\"{why}")
    });
    let extra = lacks
        .iter()
        .filter_map(find)
        .map(|(name, reasons)| because(&format!("{verb} the {kind} \"{name}\""), reasons.iter()));
    missing.chain(extra).collect()
}

fn instead<'a>(kind: &str, held: impl Iterator<Item = &'a String>) -> String {
    const NAMED: usize = 10;
    let held: Vec<String> = held.map(|name| format!("\"{name}\"")).collect();
    match held.len() {
        0 => format!("; no {kind} at all"),
        count if count > NAMED => format!("; but {}, and {} more", held[..NAMED].join(", "), count - NAMED),
        _ => format!("; but {}", held.join(", ")),
    }
}

fn because<'a>(what: &str, reasons: impl Iterator<Item = &'a String>) -> String {
    let mut reasons: Vec<&str> = reasons.map(String::as_str).collect();
    reasons.sort_unstable();
    reasons.dedup();
    if reasons.is_empty() { what.to_owned() } else { format!("{what}: {}", reasons.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn assertion(has: &serde_json::Value, lacks: &serde_json::Value) -> Assertion {
        serde_json::from_value(json!({"person": "jane@acme.com", "has": has, "lacks": lacks})).unwrap()
    }

    fn jane() -> Prospect {
        Prospect {
            active: true,
            member_by: vec!["rule teams".to_owned()],
            groups: BTreeMap::from([("Design".to_owned(), vec!["rule teams".to_owned(), "by hand".to_owned()])]),
            roles: BTreeMap::from([("member".to_owned(), vec!["the default role".to_owned()])]),
            withheld: BTreeMap::from([("role admin".to_owned(), "the rule banned excludes them".to_owned())]),
        }
    }

    #[test]
    fn what_holds_has_no_failures() {
        let holds = assertion(
            &json!({"groups": ["design "], "roles": ["member"], "member": true}),
            &json!({"groups": ["Sales"], "roles": ["admin"]}),
        );
        assert_eq!(holds.failures(true, &[jane()]), Vec::<String>::new());
        assert_eq!(assertion(&json!({}), &json!({"member": true})).failures(true, &[]), Vec::<String>::new());
    }

    #[test]
    fn a_failure_says_what_is_missing_or_too_much_and_why() {
        let fails = assertion(
            &json!({"groups": ["Sales"], "roles": ["admin"], "member": false}),
            &json!({"groups": ["Design"]}),
        );
        assert_eq!(
            fails.failures(true, &[jane()]),
            [
                "is a member: rule teams",
                "is not in the group \"Sales\"; but \"Design\"",
                "is in the group \"Design\": by hand, rule teams",
                "does not have the role \"admin\": the rule banned excludes them",
            ]
        );
        let unknown = fails.failures(false, &[]);
        assert!(unknown.len() == 1 && unknown[0].contains("jane@acme.com"), "{unknown:?}");
    }

    #[test]
    fn a_suspended_person_has_nothing() {
        let suspended = Prospect { active: false, ..jane() };
        let failures =
            assertion(&json!({"groups": ["Design"], "member": true}), &json!({})).failures(true, &[suspended]);
        assert!(failures[0].starts_with("is not an active member"), "{failures:?}");
        assert_eq!(failures[1], "is not in the group \"Design\"; no group at all");
    }

    #[test]
    fn an_assertion_without_claims_says_nothing() {
        assert!(assertion(&json!({}), &json!({})).says_nothing());
        assert!(!assertion(&json!({}), &json!({"member": true})).says_nothing());
    }
}
