//! Order and pages of lists, and searches over several types (RFC 7644 sections 3.4.2 and 3.4.3, RFC 9865).

use std::cmp::Ordering;

use chrono::{Duration, TimeZone as _, Utc};
use muster::domain::Clock;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::people::{PEOPLE, Person, people};
use super::support::scim::{ENTERPRISE, LIST, SEARCH, group, user, with_query};
use super::support::server::{TestDirectory, TestServer, on_each_server};

/// The `userName`s of a list, in order.
async fn names(directory: &TestDirectory, path: &str, query: &[(&str, &str)]) -> Vec<String> {
    directory.get(&with_query(path, query)).await.expect(200).column("/userName")
}

/// Order by a key, those without last, and equal ones as they were created.
fn sorted<K: Ord>(all: &[Person], descending: bool, key: impl Fn(&Person) -> Option<K>) -> Vec<String> {
    let mut all: Vec<&Person> = all.iter().collect();
    all.sort_by(|one, other| {
        let order = match (key(one), key(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
        };
        if descending { order.reverse() } else { order }
    });
    all.into_iter().map(|person| person.user_name.clone()).collect()
}

#[tokio::test]
async fn lists_are_sorted_as_asked_and_those_without_value_come_last() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let all = people(&directory).await;
        let lower = |text: &str| text.to_lowercase();
        let email = |p: &Person| {
            let primary = p.emails.iter().find(|(_, _, primary)| *primary).or(p.emails.first());
            primary.map(|(value, _, _)| value.to_lowercase())
        };
        for (order, descending) in [("", false), ("ascending", false), ("DESCENDING", true)] {
            for (by, expected) in [
                ("userName", sorted(&all, descending, |p| Some(lower(&p.user_name)))),
                ("USERNAME", sorted(&all, descending, |p| Some(lower(&p.user_name)))),
                ("title", sorted(&all, descending, |p| p.title.map(lower))),
                ("externalId", sorted(&all, descending, |p| p.external_id.clone())),
                ("active", sorted(&all, descending, |p| p.active)),
                ("name.familyName", sorted(&all, descending, |p| p.family_name.map(lower))),
                ("emails", sorted(&all, descending, email)),
                ("emails.value", sorted(&all, descending, email)),
                ("meta.created", sorted(&all, descending, |p| Some(p.created.clone()))),
                ("id", sorted(&all, descending, |p| Some(p.id.clone()))),
                (&format!("{ENTERPRISE}:department"), sorted(&all, descending, |p| p.department.map(lower))),
                ("nothing", sorted(&all, false, |_| None::<bool>)),
                ("name", sorted(&all, false, |_| None::<bool>)),
                ("password", sorted(&all, false, |_| None::<bool>)),
                ("'; DROP TABLE users", sorted(&all, false, |_| None::<bool>)),
            ] {
                let query = [("sortBy", by), ("sortOrder", order)];
                assert_eq!(names(&directory, "/Users", &query).await, expected, "{by} {order}");
                let pages = [("1", "10"), ("11", "10"), ("21", "10")];
                let mut paged = Vec::new();
                for (start, count) in pages {
                    let query = [query.as_slice(), &[("startIndex", start), ("count", count)]].concat();
                    paged.extend(names(&directory, "/Users", &query).await);
                }
                assert_eq!(paged, expected, "{by} {order} in pages");
            }
        }
        let query = [("filter", "active eq true"), ("sortBy", "title"), ("sortOrder", "descending"), ("count", "3")];
        let active: Vec<Person> = all.iter().filter(|p| p.active == Some(true)).cloned().collect();
        let expected = sorted(&active, true, |p| p.title.map(str::to_lowercase));
        assert_eq!(names(&directory, "/Users", &query).await, expected[..3]);
        directory.get("/Users?sortBy=title&sortOrder=sideways").await.refused(400, "invalidValue", "sideways");
    })
    .await;
}

#[tokio::test]
async fn pages_by_index_take_whatever_numbers_clients_send() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let all: Vec<String> = people(&directory).await.into_iter().map(|person| person.user_name).collect();
        let huge = "9223372036854775807";
        for (start, count, shown_start, expected) in [
            ("", "", 1, 0..30),
            ("1", "10", 1, 0..10),
            ("11", "10", 11, 10..20),
            ("30", "10", 30, 29..30),
            ("31", "10", 31, 30..30),
            ("0", "2", 1, 0..2),
            ("-5", "2", 1, 0..2),
            ("1", "0", 1, 0..0),
            ("1", "-1", 1, 0..0),
            ("1", huge, 1, 0..30),
            ("1", "99999999999999999999999", 1, 0..30),
            ("1000000", "10", 1_000_000, 30..30),
            (huge, huge, 9_223_372_036_854_775_807_i64, 30..30),
        ] {
            for more in [vec![], vec![("filter", "userName pr")], vec![("sortBy", "id")]] {
                let query = [vec![("startIndex", start), ("count", count)], more].concat();
                let page = directory.get(&with_query("/Users", &query)).await.expect(200);
                assert_eq!(page.at("/schemas"), &json!([LIST]));
                assert_eq!(page.at("/totalResults"), PEOPLE, "{query:?}");
                assert_eq!(page.at("/startIndex"), shown_start, "{query:?}");
                assert_eq!(page.at("/itemsPerPage"), expected.len(), "{query:?}");
                assert_eq!(page.column("/userName"), all[expected.clone()], "{query:?}");
            }
        }
        for query in ["startIndex=abc", "count=abc", "count=1.5", "startIndex=1e3", "count=0x1"] {
            directory.get(&format!("/Users?{query}")).await.refused(400, "invalidValue", query);
        }
        for query in ["count=1&count=2", "filter=title+pr&FILTER=title+pr"] {
            directory.get(&format!("/Users?{query}")).await.refused(400, "invalidSyntax", query);
        }
        let unknown = directory.get("/Users?count=1&_=123&foo=bar&foo=baz").await.expect(200);
        assert_eq!(unknown.resources().len(), 1, "unknown parameters are ignored");
    })
    .await;
}

/// All `userName`s by cursor, and how many pages there were.
async fn walk(directory: &TestDirectory, query: &[(&str, &str)]) -> (Vec<String>, usize) {
    let (mut all, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let query = [query, &[("cursor", cursor.as_str())]].concat();
        let page = directory.get(&with_query("/Users", &query)).await.expect(200);
        assert!(page.body.get("startIndex").is_none(), "{}", page.body);
        all.extend(page.column("/userName"));
        pages += 1;
        match page.body.get("nextCursor") {
            Some(next) => next.as_str().expect("a string").clone_into(&mut cursor),
            None => return (all, pages),
        }
        assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "{cursor}");
    }
}

#[tokio::test]
async fn a_cursor_leads_through_all_pages() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        people(&directory).await;
        for query in [
            vec![],
            vec![("filter", "userName co \"a\"")],
            vec![("filter", "active eq true")],
            vec![("sortBy", "title")],
            vec![("filter", "title pr"), ("sortBy", "userName"), ("sortOrder", "descending")],
        ] {
            let expected = names(&directory, "/Users", &query).await;
            for (count, pages) in [("7", expected.len().div_ceil(7)), ("1000", 1), ("1", expected.len())] {
                let found = walk(&directory, &[query.as_slice(), &[("count", count)]].concat()).await;
                assert_eq!(found, (expected.clone(), pages), "{query:?} by {count}");
            }
        }
        let none = directory.get("/Users?cursor=&count=0").await.expect(200);
        assert_eq!((none.at("/totalResults"), none.resources().len()), (&json!(PEOPLE), 0));
        assert!(none.body.get("nextCursor").is_none());
        for count in ["-1", "abc", "1.5"] {
            directory.get(&format!("/Users?cursor=&count={count}")).await.refused(400, "invalidCount", count);
        }
        let search = json!({"schemas": [SEARCH], "cursor": "", "count": 7, "attributes": ["userName"]});
        let first = directory.scim("POST", "/Users/.search", search).await.expect(200);
        let next = first.text("/nextCursor");
        let search = json!({"schemas": [SEARCH], "cursor": next, "count": 23, "attributes": ["userName"]});
        let rest = directory.scim("POST", "/Users/.search", search).await.expect(200);
        assert_eq!(rest.resources().len(), 23);
        assert!(rest.body.get("nextCursor").is_none());
    })
    .await;
}

#[tokio::test]
async fn pages_by_cursor_neither_skip_nor_repeat_while_others_come_and_go() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let all = people(&directory).await;
        let first = directory.get("/Users?cursor=&count=10").await.expect(200);
        for gone in [2, 9, 15] {
            directory.scim("DELETE", &format!("/Users/{}", all[gone].id), Value::Null).await.expect(204);
        }
        directory.user("late").await;
        let next = with_query("/Users", &[("cursor", &first.text("/nextCursor")), ("count", "100")]);
        let rest = directory.get(&next).await.expect(200).column("/userName");
        let mut expected: Vec<&str> = all[10..].iter().map(|person| person.user_name.as_str()).collect();
        expected.retain(|name| *name != all[15].user_name);
        expected.push("late");
        assert_eq!(rest, expected);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_is_good_only_for_its_query_its_directory_and_an_hour() {
    on_each_database(|url| async move {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 1, 31, 8, 0, 0).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let directory = server.directory().await;
        let neighbour = server.directory_in(&directory.organization, json!({})).await;
        people(&directory).await;
        neighbour.users("n", 5).await;
        let cursor = directory.get("/Users?cursor=&count=2").await.expect(200).text("/nextCursor");
        let mut changed = cursor.clone().into_bytes();
        let middle = changed.len() / 2;
        changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let path = |endpoint: &str, more: &[(&str, &str)]| with_query(endpoint, more);
        for refused in [
            path("/Users", &[("cursor", "garbage")]),
            path("/Users", &[("cursor", &changed)]),
            path("/Users", &[("cursor", &cursor[1..])]),
            path("/Users", &[("cursor", &cursor), ("filter", "title pr")]),
            path("/Users", &[("cursor", &cursor), ("sortBy", "title")]),
            path("/Groups", &[("cursor", &cursor)]),
        ] {
            directory.get(&refused).await.refused(400, "invalidCursor", &refused);
        }
        let foreign = path("/Users", &[("cursor", &cursor)]);
        neighbour.get(&foreign).await.refused(400, "invalidCursor", "that of another directory");
        directory.get(&path("", &[("cursor", &cursor)])).await.refused(400, "invalidCursor", "over all types");

        clock.advance(Duration::minutes(60));
        assert_eq!(directory.get(&foreign).await.expect(200).resources().len(), 28);
        clock.advance(Duration::seconds(1));
        directory.get(&foreign).await.refused(400, "expiredCursor", "an hour later");
    })
    .await;
}

#[tokio::test]
async fn a_search_by_post_is_the_query_by_get() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        people(&directory).await;
        let query = [
            ("filter", "title pr"),
            ("sortBy", "userName"),
            ("sortOrder", "descending"),
            ("startIndex", "3"),
            ("count", "5"),
            ("attributes", "userName,emails.value"),
        ];
        let by_get = directory.get(&with_query("/Users", &query)).await.expect(200);
        let search = json!({
            "schemas": [SEARCH], "filter": "title pr", "sortBy": "userName", "sortOrder": "descending",
            "startIndex": 3, "count": 5, "attributes": ["userName", "emails.value"],
        });
        let by_post = directory.scim("POST", "/Users/.search", search).await.expect(200);
        assert_eq!(by_post.body, by_get.body);
        assert_eq!(by_get.resources().len(), 5);
        let all = directory.scim("POST", "/Users/.search", json!({"schemas": [SEARCH]})).await.expect(200);
        assert_eq!(all.body, directory.get("/Users").await.body);
        for (bad, scim_type) in [
            (json!({"filter": "title pr"}), "invalidSyntax"),
            (json!([]), "invalidSyntax"),
            (json!({"schemas": [SEARCH], "filter": 7}), "invalidValue"),
            (json!({"schemas": [SEARCH], "count": "5"}), "invalidValue"),
            (json!({"schemas": [SEARCH], "count": 1.5}), "invalidValue"),
            (json!({"schemas": [SEARCH], "attributes": [7]}), "invalidValue"),
            (json!({"schemas": [SEARCH], "filter": "title pr", "Filter": "title pr"}), "invalidSyntax"),
        ] {
            let answer = directory.scim("POST", "/Users/.search", bad.clone()).await;
            answer.refused(400, scim_type, &bad.to_string());
        }
    })
    .await;
}

#[tokio::test]
async fn a_query_at_the_root_is_over_every_type() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.scim("POST", "/Users", user("ada", json!({"displayName": "Eng"}))).await.expect(201);
        let eng = directory.scim("POST", "/Groups", group("Eng", &[&ada.text("/id")])).await.expect(201);
        directory.user("bob").await;
        let ids = async |query: &[(&str, &str)]| directory.get(&with_query("", query)).await.expect(200).column("/id");
        let (ada, eng) = (ada.text("/id"), eng.text("/id"));
        assert_eq!(ids(&[]).await.len(), 3);
        assert_eq!(ids(&[("filter", "displayName eq \"eng\"")]).await, [ada.clone(), eng.clone()]);
        assert_eq!(ids(&[("filter", "userName eq \"ada\"")]).await, std::slice::from_ref(&ada));
        assert_eq!(ids(&[("filter", "members pr")]).await, std::slice::from_ref(&eng));
        assert_eq!(ids(&[("filter", "meta.resourceType eq \"Group\"")]).await, std::slice::from_ref(&eng));
        assert_eq!(ids(&[("filter", &format!("id eq \"{eng}\" or userName eq \"ada\""))]).await.len(), 1);
        let page = directory.get("?startIndex=2&count=1").await.expect(200);
        assert_eq!((page.at("/totalResults"), page.at("/startIndex")), (&json!(3), &json!(2)));
        assert_eq!(page.resources().len(), 1);
        directory.get(&with_query("", &[("filter", "nothing pr")])).await.refused(400, "invalidFilter", "unknown");
        let search = json!({"schemas": [SEARCH], "filter": "displayName pr", "attributes": ["displayName"]});
        let found = directory.scim("POST", "/.search", search).await.expect(200);
        assert_eq!(found.column("/displayName"), ["Eng", "Eng"]);
        for resource in found.resources() {
            assert_eq!(resource.as_object().unwrap().len(), 3, "id, schemas and what was asked for: {resource}");
            assert!(resource["schemas"].is_array());
        }
    })
    .await;
}
