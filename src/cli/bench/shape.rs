//! The organization that `muster bench seed` makes, on paper: who there is, who is in which group, by which rules.
//! The same size gives the same organization. Nothing here stores anything.

use serde_json::{Map, Value, json};

use crate::domain::id::GroupId;

/// What the names of groups begin with; a twentieth of the groups each.
const PREFIXES: [&str; 20] = [
    "eng", "sales", "ops", "legal", "hr", "finance", "design", "data", "support", "security", "emea", "apac", "amer",
    "project", "vpn", "app", "license", "office", "list", "guild",
];
/// How many departments people are in.
const DEPARTMENTS: usize = 40;
/// Every how many groups one contains others, and how many.
const DIVISION: (usize, usize) = (25, 3);
/// The most members that one request may bring.
const LARGEST_GROUP: usize = 100_000;

/// How large the organization is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Directory users.
    pub people: usize,
    /// Directory groups.
    pub groups: usize,
    /// Member edges, of people and of groups within groups. Fewer, if people cannot be in so many groups.
    pub edges: usize,
    /// Mapping rules.
    pub rules: usize,
}

/// The members of one group, by their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// People.
    pub people: Vec<u32>,
    /// Groups; always some that come before this one and have none themselves.
    pub groups: Vec<usize>,
}

/// The body of the SCIM request that makes the `n`th person.
pub fn person(n: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": format!("person{n}@bench.example"),
        "externalId": format!("person-{n}"),
        "displayName": format!("Person {n}"),
        "name": {"givenName": "Person", "familyName": n.to_string()},
        "emails": [{"value": format!("person{n}@bench.example"), "type": "work", "primary": true}],
        "active": n % 50 != 49,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": department(n)},
    })
}

fn department(n: usize) -> String {
    format!("Department {}", n % DEPARTMENTS)
}

/// The `displayName` of the `n`th group. The first one has everybody.
pub fn group_name(n: usize) -> String {
    if n == 0 { "all-staff".to_owned() } else { format!("{}-{n:04}", PREFIXES[n % PREFIXES.len()]) }
}

fn is_division(n: usize) -> bool {
    n % DIVISION.0 == DIVISION.0 - 1
}

/// Who is in which group: everybody in the first; a few groups of groups; the rest of the edges spread over people
/// evenly and over groups unevenly, as they are in life: a few large groups and many small ones.
pub fn members(size: &Size) -> Vec<Members> {
    let mut members = vec![Members::default(); size.groups];
    for n in (DIVISION.1 + 1..size.groups).filter(|n| is_division(*n)) {
        members[n].groups = (n - DIVISION.1..n).collect();
    }
    let nested: usize = members.iter().map(|members| members.groups.len()).sum();
    let staff = size.people.min(LARGEST_GROUP).min(size.edges.saturating_sub(nested));
    let everybody = (0..).take(staff);
    if let Some(first) = members.first_mut() {
        first.people = everybody.collect();
    }
    let left = size.edges.saturating_sub(nested + staff);
    let others = size.groups.saturating_sub(1);
    let mut random = Random(1);
    for (person, n) in (0_u32..).zip(0..size.people) {
        // Half of the groups at the most, so that finding one that is left does not take long.
        let wanted = (left / size.people + usize::from(n < left % size.people)).min(others / 2);
        let mut mine: Vec<usize> = Vec::with_capacity(wanted);
        while mine.len() < wanted {
            let group = 1 + random.small(others);
            if !mine.contains(&group) && members[group].people.len() < LARGEST_GROUP {
                mine.push(group);
                members[group].people.push(person);
            }
        }
    }
    members
}

/// The rules, with their keys. Each fifth of them is of one sort: mirrors by prefix, people into a native group by
/// prefix, a role for one group, people by department, and a mix: a membership for everybody, an exclusion, an
/// `except_group`, groups and people together.
///
/// `native` are groups for people to come into; at least one.
pub fn rules(size: &Size, native: &[GroupId]) -> Vec<(String, Map<String, Value>)> {
    (0..size.rules).map(|n| (format!("bench-{n:03}"), rule(n, size, native))).collect()
}

fn rule(n: usize, size: &Size, native: &[GroupId]) -> Map<String, Value> {
    let round = n / 5;
    let half = PREFIXES.len() / 2;
    let mirrored = PREFIXES[round % half];
    let joined = PREFIXES[half + round % half];
    let group = native[round % native.len()];
    let one = group_name((round * 97 + 3) % size.groups.max(1));
    let people =
        format!("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"{}\"", department(round));
    let by_prefix = |prefix: &str| format!("displayName sw \"{prefix}-\"");
    let (when, then) = match (n % 5, round) {
        (0, _) => (json!({"group": by_prefix(mirrored)}), json!({"mirror_group": {}})),
        (1, _) => (json!({"group": by_prefix(joined)}), json!({"into_group": {"group_id": group}})),
        (2, _) => (json!({"group": format!("displayName eq \"{one}\"")}), json!({"grant_role": {"role": "admin"}})),
        (3, _) => (json!({"user": people}), json!({"into_group": {"group_id": group}})),
        (_, 0) => (json!({"user": "active eq true"}), json!({"ensure_membership": {}})),
        (_, 1) => (json!({"group": format!("displayName eq \"{one}\"")}), json!({"exclude": {"group_id": native[0]}})),
        (_, 2) => (
            json!({"group": by_prefix(joined), "except_group": format!("displayName eq \"{one}\"")}),
            json!({"mirror_group": {"name": "Without contractors: {{ group.displayName }}"}}),
        ),
        _ => (json!({"group": by_prefix(joined), "user": people}), json!({"into_group": {"group_id": group}})),
    };
    Map::from_iter([("when".to_owned(), when), ("then".to_owned(), json!([then]))])
}

/// Numbers that look random and are the same each time (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of `0..below`, small ones more often: the square of an even one.
    fn small(&mut self, below: usize) -> usize {
        let even = u128::from(self.next() >> 33);
        let scaled = (even * even * below as u128) >> 62;
        usize::try_from(scaled).unwrap_or_default().min(below.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_organization_has_the_edges_that_were_asked_for_each_once() {
        let size = Size { people: 1_000, groups: 100, edges: 10_000, rules: 50 };
        let members = members(&size);
        let edges: usize = members.iter().map(|members| members.people.len() + members.groups.len()).sum();
        assert_eq!(edges, size.edges);
        assert_eq!(members[0].people.len(), size.people, "the first group has everybody");
        for members in &members {
            let distinct: BTreeSet<u32> = members.people.iter().copied().collect();
            assert_eq!(distinct.len(), members.people.len());
        }
        assert!(members.iter().any(|members| !members.groups.is_empty()), "some groups contain groups");
        assert_eq!(members, super::members(&size), "and it is the same each time");
    }

    #[test]
    fn small_sizes_are_possible() {
        for size in [
            Size { people: 0, groups: 0, edges: 0, rules: 0 },
            Size { people: 1, groups: 1, edges: 1_000, rules: 1 },
            Size { people: 3, groups: 30, edges: 2, rules: 50 },
        ] {
            let edges: usize = members(&size).iter().map(|m| m.people.len() + m.groups.len()).sum();
            assert!(edges <= size.edges.max(DIVISION.1));
            assert_eq!(rules(&size, &[GroupId::nil()]).len(), size.rules);
        }
    }
}
