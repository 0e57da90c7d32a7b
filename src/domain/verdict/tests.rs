//! Clauses in their order, mirrors, and the reach of exclusions.

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::domain::Id;
use crate::scim::schema::Catalogue;

const STAFF: u128 = 7;

fn id<T>(n: u128) -> Id<T> {
    Id::from_uuid(uuid::Uuid::from_u128(n))
}

fn rule(when: &Value, then: &Value) -> Rule {
    let document = serde_json::from_value(json!({"position": 1, "when": when, "then": then})).unwrap();
    Rule::compile(id(1), "test", 1, document, &Catalogue::built_in()).unwrap()
}

fn group(n: u128, name: &str) -> DirectoryGroup {
    DirectoryGroup {
        id: id(n),
        directory: id(9),
        document: json!({"displayName": name}).as_object().unwrap().clone(),
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn bound(n: u128, matched: bool, excepted: bool, mirror: Option<u128>) -> Bound {
    let name = Some("Staff".to_owned());
    let taken_by = mirror.is_none().then(|| (id(STAFF), "Staff".to_owned()));
    let name_key = Some("staff".to_owned());
    Bound {
        rule: id(1),
        group: id(n),
        matched,
        excepted,
        mirror: mirror.map(id),
        mirror_name: name,
        mirror_name_key: name_key,
        taken_by,
    }
}

fn staff() -> Asked {
    Asked::Group { id: id(STAFF), name_key: "staff".to_owned() }
}

/// The first clause that fails for somebody in `eng` and `contractors`.
fn clause(rule: &Rule, asked: &Asked, link: LinkState, bindings: &[Bound]) -> Option<Failure> {
    let user = DirectoryUser {
        id: id(3),
        directory: id(9),
        active: true,
        document: json!({"userName": "jane", "userType": "Contractor"}).as_object().unwrap().clone(),
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    };
    let groups = [group(4, "eng"), group(5, "contractors")];
    let names = groups.iter().map(|g| (g.id, g.text("displayName").unwrap().to_owned())).collect();
    let (groups, bindings) = (groups.iter().collect(), bindings.iter().collect());
    let person = Person { user: &user, link, groups, bindings, names: &names };
    first_failure(rule, way(&rule.document, asked, true).unwrap(), asked, &person)
}

#[test]
fn the_clauses_are_asked_in_their_order() {
    let when = json!({"group": "displayName sw \"eng\"", "except_group": "displayName eq \"contractors\"",
        "user": "userType ne \"Contractor\""});
    let rule_of =
        |when: &Value| rule(when, &json!([{"into_group": {"group_id": id::<crate::domain::id::GroupLabel>(STAFF)}}]));
    let of = |when: &Value, link, bindings: &[Bound]| {
        clause(&rule_of(when), &staff(), link, bindings).map(|failure| failure.clause)
    };
    let (matched, excepted) = (bound(4, true, false, None), bound(5, false, true, None));
    let both = [matched.clone(), excepted];
    assert_eq!(of(&when, LinkState::Pending, &both[1..]), Some("when.group"));
    assert_eq!(of(&when, LinkState::Pending, &both), Some("when.except_group"));
    assert_eq!(of(&when, LinkState::Pending, &both[..1]), Some("when.user"));
    let when = json!({"group": "displayName sw \"eng\""});
    assert_eq!(of(&when, LinkState::Pending, &both[..1]), Some("link"));
    assert_eq!(of(&when, LinkState::Refused, &both[..1]), Some("link"));
    assert_eq!(of(&when, LinkState::Linked, &both[..1]), None);
    assert_eq!(of(&when, LinkState::Never, &both[..1]), None, "an account is made when it is given something");
}

#[test]
fn a_mirror_gives_the_group_that_it_became_and_nothing_while_it_waits() {
    let mirrors = rule(&json!({"group": "displayName pr"}), &json!([{"mirror_group": {}}]));
    let of = |asked: &Asked, bound: Bound| clause(&mirrors, asked, LinkState::Linked, &[bound]);
    assert_eq!(of(&staff(), bound(4, true, false, Some(STAFF))), None);
    let elsewhere = of(&staff(), bound(4, true, false, Some(8))).unwrap();
    assert_eq!((elsewhere.clause, elsewhere.misses[0].clause), ("when.group", "mirror_group"));
    for asked in [staff(), Asked::Membership] {
        let waits = of(&asked, bound(4, true, false, None)).unwrap();
        assert_eq!((waits.clause, waits.taken_by.unwrap().1.as_str()), ("mirror_group", "Staff"));
    }
    assert_eq!(way(&mirrors.document, &Asked::Role { slug: "admin".to_owned() }, true), None);
}

#[test]
fn the_reach_of_an_exclusion_is_everything_or_what_it_names() {
    let document = |then: Value| rule(&json!({"user": "active eq true"}), &json!([then])).document;
    let admin = Asked::Role { slug: "admin".to_owned() };
    let everything = document(json!({"exclude": {}}));
    assert!([staff(), admin.clone(), Asked::Membership].iter().all(|asked| excludes(&everything, asked)));
    let role = document(json!({"exclude": {"role": "admin"}}));
    assert!(excludes(&role, &admin) && !excludes(&role, &staff()) && !excludes(&role, &Asked::Membership));
    assert_eq!(way(&role, &admin, false), None, "an exclusion gives nothing");
}
