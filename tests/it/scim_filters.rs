//! Filters on users and groups (RFC 7644 section 3.4.2.2): what they find is what the test says they find,
//! and it is the same whether SQL narrows the search or the evaluator alone decides.

use std::collections::BTreeSet;

use serde_json::json;

use super::support::people::{Person, people};
use super::support::scim::{ENTERPRISE, SEARCH, USER, group, over};
use super::support::server::{TestDirectory, on_each_server};

/// The ids that a filter finds, and that `totalResults` agrees.
async fn found(directory: &TestDirectory, endpoint: &str, filter: &str) -> BTreeSet<String> {
    let search = json!({"schemas": [SEARCH], "filter": filter, "attributes": ["id"], "count": 1000});
    let answer = directory.scim("POST", &format!("/{endpoint}/.search"), search).await;
    assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
    let ids = answer.column("/id");
    assert_eq!(answer.at("/totalResults"), ids.len(), "{filter}");
    assert_eq!(answer.at("/itemsPerPage"), ids.len(), "{filter}");
    let set: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(set.len(), ids.len(), "{filter}: each once");
    set
}

/// Demands that a filter finds exactly these, in whatever form the server goes about it.
async fn finds(directory: &TestDirectory, endpoint: &str, filter: &str, expected: &BTreeSet<String>) {
    assert_eq!(&found(directory, endpoint, filter).await, expected, "{filter}");
    let by_get = directory.search(endpoint, filter).await.expect(200);
    assert_eq!(by_get.column("/id").into_iter().collect::<BTreeSet<_>>(), *expected, "GET {filter}");
    let counted = directory.search(endpoint, &format!("({filter})")).await.expect(200);
    assert_eq!(counted.at("/totalResults"), expected.len(), "({filter})");
    // Under `not` nothing is narrowed; beside `or` and `and` parts are.
    for same in [
        format!("not (not ({filter}))"),
        format!("({filter}) and id pr"),
        format!("({filter}) and not (id eq \"nobody\")"),
        format!("id eq \"nobody\" or ({filter})"),
        format!("({filter}) and ({filter})"),
        format!("not (id pr) or ({filter})"),
    ] {
        assert_eq!(&found(directory, endpoint, &same).await, expected, "{same}");
    }
    let everybody = found(directory, endpoint, "id pr").await;
    let others = found(directory, endpoint, &format!("not ({filter})")).await;
    assert_eq!(others, everybody.difference(expected).cloned().collect(), "not ({filter})");
}

fn is(value: Option<&str>, wanted: &str) -> bool {
    value.is_some_and(|value| value.to_lowercase() == wanted.to_lowercase())
}

fn has(value: Option<&str>, test: impl Fn(&str) -> bool) -> bool {
    value.is_some_and(|value| test(&value.to_lowercase()))
}

type Case = (String, Box<dyn Fn(&Person) -> bool>);

fn case(filter: impl Into<String>, test: impl Fn(&Person) -> bool + 'static) -> Case {
    (filter.into(), Box::new(test))
}

/// What SQL can narrow by, and every operator.
fn simple() -> Vec<Case> {
    vec![
        case("userName eq \"ADA-00\"", |p| p.n == 0),
        case("USERNAME Eq \"çELIK-02\"", |p| p.n == 2),
        case("userName ne \"ada-00\"", |p| p.n != 0),
        case("userName sw \"ada\"", |p| p.n % 6 == 0),
        case("userName sw \"ÇE\"", |p| p.n % 6 == 2),
        case("userName ew \"9\"", |p| p.n % 10 == 9),
        case("userName co \"ELI\"", |p| p.n % 6 == 2),
        case("userName co \"0%\"", |p| p.n % 6 == 3),
        case("userName co \"r_s\"", |p| p.n % 6 == 4),
        case("userName co \"k\\\\s\"", |p| p.n % 6 == 5),
        case("userName sw \"%\"", |_| false),
        case("userName sw \"_\"", |_| false),
        case("userName gt \"c\"", |p| p.user_name.to_lowercase().as_str() > "c"),
        case("userName lt \"ada-06\"", |p| p.user_name.to_lowercase().as_str() < "ada-06"),
        case("userName le \"ada-06\"", |p| p.user_name.to_lowercase().as_str() <= "ada-06"),
        case("userName ge \"ÇELIK-08\"", |p| p.user_name.to_lowercase().as_str() >= "çelik-08"),
        case("userName eq \"' OR '1'='1\"", |_| false),
        case("userName eq \"\"", |_| false),
        case("userName pr", |_| true),
        case("externalId eq \"X0\"", |p| p.n == 0),
        case("externalId eq \"x0\"", |p| p.n == 3),
        case("externalId sw \"x\"", |p| p.n % 6 == 3),
        case("externalId pr", |p| p.n % 3 == 0),
        case("externalId eq null", |p| p.n % 3 != 0),
        case("externalId ne null", |p| p.n % 3 == 0),
        case("externalId ne \"X0\"", |p| p.n != 0),
        case("active eq true", |p| p.active == Some(true)),
        case("active eq false", |p| p.active == Some(false)),
        case("active ne true", |p| p.active != Some(true)),
        case("active pr", |p| p.active.is_some()),
        case("active eq null", |p| p.active.is_none()),
        case("title eq \"engineer\"", |p| is(p.title, "engineer")),
        case("title sw \"ENG\"", |p| has(p.title, |t| t.starts_with("eng"))),
        case("title co \"\\\"café\"", |p| has(p.title, |t| t.contains("\"café"))),
        case("title ew \"\\u00c9\\\"\"", |p| has(p.title, |t| t.ends_with("é\""))),
        case("title pr", |p| p.title.is_some()),
        case("name.familyName eq \"BYRON\"", |p| is(p.family_name, "byron")),
        case("name.familyName eq \"ØST\"", |p| is(p.family_name, "øst")),
        case("name pr", |p| p.given_name.is_some() || p.family_name.is_some()),
        case("meta.resourceType eq \"User\"", |_| true),
        case("nickName pr", |_| false),
        case("schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"", |_| true),
        case(format!("schemas eq \"{ENTERPRISE}\""), |p| p.department.is_some() || p.manager.is_some()),
    ]
}

/// Multi-valued and qualified attributes, and how operators bind.
fn compound() -> Vec<Case> {
    let email = |p: &Person, test: &dyn Fn(&(String, &str, bool)) -> bool| p.emails.iter().any(test);
    vec![
        case("emails.value eq \"p4@work.EXAMPLE\"", |p| p.n == 4),
        case("emails eq \"p4@work.example\"", |p| p.n == 4),
        case("emails co \"home\"", |p| p.n % 3 == 2),
        case("emails pr", |p| p.n % 3 != 0),
        case("not (emails pr)", |p| p.n % 3 == 0),
        case("emails.type eq \"home\"", |p| p.n % 3 == 2),
        case("emails.type ne \"home\"", |p| p.n % 3 != 2),
        case("emails[type ne \"home\"]", |p| p.n % 3 != 0),
        case("emails.primary eq true", |p| p.n % 3 != 0),
        case("emails[type eq \"work\" and primary eq true]", |p| p.n % 3 == 1),
        case("emails.type eq \"work\" and emails.primary eq true", |p| p.n % 3 != 0),
        case("emails[value eq \"P5@work.example\" and type eq \"home\"]", |_| false),
        case("emails[value eq \"P5@work.example\" or type eq \"home\"]", |p| p.n % 3 == 2),
        case("emails[type eq \"work\" and not (value co \"5\")]", move |p| {
            email(p, &|(value, kind, _)| *kind == "work" && !value.contains('5'))
        }),
        case("emails[value eq \"p5@home.example\"]", |p| p.n == 5),
        case("emails[type eq \"work\"].value eq \"p5@work.example\"", |p| p.n == 5),
        case(format!("{USER}:userName eq \"ada-00\""), |p| p.n == 0),
        case(format!("{}:name.givenName pr", USER.to_uppercase()), |p| p.given_name.is_some()),
        case(format!("{ENTERPRISE}:department eq \"OPS\""), |p| p.n % 4 == 0),
        case(format!("{ENTERPRISE}:department co \"&\""), |p| p.n % 4 == 1),
        case(format!("{ENTERPRISE}:manager.value eq \"boss\""), |p| p.manager.is_some()),
        case(format!("{ENTERPRISE}:manager eq \"boss\""), |p| p.manager.is_some()),
        case(format!("not ({ENTERPRISE}:department pr)"), |p| p.department.is_none()),
        case("title pr and active eq true or userName ew \"3\"", |p| {
            (p.title.is_some() && p.active == Some(true)) || p.n % 10 == 3
        }),
        case("userName ew \"3\" or title pr and active eq true", |p| {
            p.n % 10 == 3 || (p.title.is_some() && p.active == Some(true))
        }),
        case("(userName ew \"3\" or title pr) and active eq true", |p| {
            (p.n % 10 == 3 || p.title.is_some()) && p.active == Some(true)
        }),
        case("not (title pr) and active eq true", |p| p.title.is_none() && p.active == Some(true)),
        case("not (title pr and active eq true)", |p| !(p.title.is_some() && p.active == Some(true))),
        case("userName sw \"ada\" AND NOT (externalId eq \"X0\")", |p| p.n % 6 == 0 && p.n != 0),
        case("userName eq \"ada-00\" and active eq false", |_| false),
        case("userName eq \"ada-00\" or externalId eq \"x0\" or emails.value eq \"p4@work.example\"", |p| {
            [0, 3, 4].contains(&p.n)
        }),
        case("(userName eq \"ada-00\" or title eq \"countess\") and active eq true", |p| {
            (p.n == 0 || is(p.title, "countess")) && p.active == Some(true)
        }),
    ]
}

#[tokio::test]
async fn every_filter_on_users_finds_exactly_those_it_describes() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        // Others in the same organization must never be found.
        let neighbour = server.directory_in(&directory.organization, json!({})).await;
        people(&neighbour).await;
        let all = people(&directory).await;
        for (filter, expected) in simple().iter().chain(&compound()) {
            let expected = all.iter().filter(|person| expected(person)).map(|person| person.id.clone()).collect();
            finds(&directory, "Users", filter, &expected).await;
        }
    })
    .await;
}

#[tokio::test]
async fn ids_and_times_are_found_exactly() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let all = people(&directory).await;
        let expect = |test: &dyn Fn(&Person) -> bool| -> BTreeSet<String> {
            all.iter().filter(|person| test(person)).map(|person| person.id.clone()).collect()
        };
        let (id, lower) = (all[7].id.as_str(), all[7].id.to_lowercase());
        finds(&directory, "Users", &format!("id eq \"{id}\""), &expect(&|p| p.n == 7)).await;
        finds(&directory, "Users", &format!("id eq \"{lower}\""), &expect(&|_| false)).await;
        finds(&directory, "Users", &format!("id eq \"{}\"", &id[15..]), &expect(&|_| false)).await;
        finds(&directory, "Users", &format!("id ge \"{id}\""), &expect(&|p| p.id.as_str() >= id)).await;
        finds(
            &directory,
            "Users",
            &format!("id eq \"{id}\" or id eq \"{}\"", all[9].id),
            &expect(&|p| p.n == 7 || p.n == 9),
        )
        .await;
        // One instant in three spellings.
        let created = all[12].created.clone();
        let later = created.replace('Z', "+00:00");
        for spelling in [&created, &later, &created.replace('Z', "")] {
            for (op, test) in [
                ("eq", (|a, b| a == b) as fn(&str, &str) -> bool),
                ("ne", |a, b| a != b),
                ("gt", |a, b| a > b),
                ("ge", |a, b| a >= b),
                ("lt", |a, b| a < b),
                ("le", |a, b| a <= b),
            ] {
                let expected = expect(&|p| test(&p.created, &created));
                finds(&directory, "Users", &format!("meta.created {op} \"{spelling}\""), &expected).await;
                let expected = expect(&|p| test(&p.modified, &created));
                finds(&directory, "Users", &format!("meta.lastModified {op} \"{spelling}\""), &expected).await;
            }
        }
        finds(&directory, "Users", "meta.created gt \"2100-01-01T00:00:00Z\"", &expect(&|_| false)).await;
        let location = format!("meta.location ew \"{id}\"");
        finds(&directory, "Users", &location, &expect(&|p| p.n == 7)).await;
    })
    .await;
}

#[tokio::test]
async fn every_filter_on_groups_finds_exactly_those_it_describes() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let all = people(&directory).await;
        let (ada, bob) = (all[0].id.as_str(), all[1].id.as_str());
        let mut ids = vec![
            directory.group("Eng", &[ada, bob]).await,
            directory.group("eng-ops", &[ada]).await,
            directory.group("Sales_1", &["pending-1"]).await,
            directory.group("Empty", &[]).await,
        ];
        let outer = over(group("Outer ÅÄ", &[&ids[0], "X0"]), json!({"externalId": "G-1"}));
        ids.push(directory.scim("POST", "/Groups", outer).await.expect(201).text("/id"));
        let set = |places: &[usize]| -> BTreeSet<String> { places.iter().map(|&place| ids[place].clone()).collect() };
        let eng = &ids[0];
        for (filter, places) in [
            ("displayName eq \"ENG\"".to_owned(), [0].as_slice()),
            ("displayName sw \"eng\"".to_owned(), &[0, 1]),
            ("displayName co \"s_1\"".to_owned(), &[2]),
            ("displayName ew \"åä\"".to_owned(), &[4]),
            ("externalId eq \"G-1\"".to_owned(), &[4]),
            ("externalId eq \"g-1\"".to_owned(), &[]),
            ("members pr".to_owned(), &[0, 1, 2, 4]),
            ("not (members pr)".to_owned(), &[3]),
            (format!("members eq \"{bob}\""), &[0]),
            (format!("members.value eq \"{bob}\""), &[0]),
            (format!("members[value eq \"{bob}\"]"), &[0]),
            (format!("members[value eq \"{bob}\" and type eq \"User\"]"), &[0]),
            (format!("members[value eq \"{bob}\" and type eq \"Group\"]"), &[]),
            (format!("members[value eq \"{eng}\" and type eq \"Group\"]"), &[4]),
            ("members.type eq \"Group\"".to_owned(), &[4]),
            ("members.value eq \"pending-1\"".to_owned(), &[2]),
            ("members.value eq \"X0\"".to_owned(), &[4]),
            (format!("members.value eq \"{ada}\""), &[0, 1, 4]),
            (format!("members.value eq \"{}\"", ada.to_lowercase()), &[]),
            (format!("id eq \"{eng}\" and members eq \"{bob}\""), &[0]),
            (format!("id eq \"{eng}\" and members eq \"nobody\""), &[]),
            (format!("id eq \"{}\" and members eq \"{bob}\"", ids[1]), &[]),
            (format!("displayName eq \"eng\" or members eq \"{eng}\""), &[0, 4]),
            ("meta.resourceType eq \"Group\" and displayName pr".to_owned(), &[0, 1, 2, 3, 4]),
        ] {
            finds(&directory, "Groups", &filter, &set(places)).await;
        }

        let people_set = |people: &[usize]| -> BTreeSet<String> { people.iter().map(|&n| all[n].id.clone()).collect() };
        for (filter, people) in [
            (format!("groups eq \"{eng}\""), [0, 1].as_slice()),
            (format!("groups.value eq \"{}\"", ids[4]), &[0, 1]),
            ("groups.display eq \"eng-OPS\"".to_owned(), &[0]),
            (format!("groups[value eq \"{}\" and type eq \"indirect\"]", ids[4]), &[1]),
            (format!("groups[value eq \"{}\" and type eq \"direct\"]", ids[4]), &[0]),
            (format!("groups.value eq \"{eng}\" and userName sw \"b\""), &[1]),
        ] {
            finds(&directory, "Users", &filter, &people_set(people)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_filter_that_cannot_mean_anything_is_refused() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        people(&directory).await;
        let deep = format!("{}title pr{}", "(".repeat(100), ")".repeat(100));
        let long = vec!["title pr"; 201].join(" or ");
        for filter in [
            "userName",
            "userName eq",
            "userName eq \"a",
            "userName eq a",
            "userName eq 'a'",
            "userName = \"a\"",
            "userName like \"a\"",
            "eq \"a\"",
            "(userName pr",
            "userName pr)",
            "userName pr and",
            "and userName pr",
            "userName pr or or title pr",
            "not userName pr",
            "not ()",
            "()",
            "userName eq \"a\" userName pr",
            "nothing eq \"a\"",
            "name.nothing pr",
            "userName.value eq \"a\"",
            "name eq \"Ada\"",
            "emails[nothing pr]",
            "emails[type eq \"work\"",
            "emails[]",
            "emails[emails[type pr]]",
            "urn:nothing:1.0:User:x pr",
            USER,
            "active gt true",
            "active co \"t\"",
            "active eq 1",
            "active eq \"maybe\"",
            "userName eq 5",
            "userName eq true",
            "userName gt null",
            "meta.created gt \"yesterday\"",
            "meta.created gt 5",
            "meta.created co \"2026\"",
            "userName eq \"\\x\"",
            "userName eq \"\\ud800\"",
            "userName eq \"\\u0000\"",
            "userName eq \"a\tb\"",
            "password eq \"x\"",
            "x509Certificates.value gt \"AA\"",
            "userName pr ; DROP TABLE users",
            "$where eq 1",
            "__proto__ pr",
            "emails.value.x pr",
            ".userName pr",
            "userName. pr",
            deep.as_str(),
            long.as_str(),
        ] {
            directory.search("Users", filter).await.refused(400, "invalidFilter", filter);
            let search = json!({"schemas": [SEARCH], "filter": filter});
            let by_body = directory.scim("POST", "/Users/.search", search.clone()).await;
            by_body.refused(400, "invalidFilter", filter);
            directory.scim("POST", "/.search", search).await.refused(400, "invalidFilter", filter);
        }
        let typo = directory.search("Users", "usrName eq \"a\"").await;
        assert!(typo.text("/detail").contains("userName"), "it suggests the right name: {}", typo.body);
        let ok = format!("{}title pr{}", "(".repeat(30), ")".repeat(30));
        assert_eq!(directory.search("Users", &ok).await.expect(200).at("/totalResults"), 24);
        let ok = vec!["title pr"; 200].join(" or ");
        assert_eq!(directory.search("Users", &ok).await.expect(200).at("/totalResults"), 24);
        assert_eq!(directory.search("Users", " ").await.expect(200).at("/totalResults"), 30, "blank is none");
    })
    .await;
}
