//! `GET /events`: what it selects, how it is paged, and who reads what.

use chrono::DateTime;
use muster::domain::Clock;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::events::group_names;
use super::support::server::{ROOT_KEY, TestServer, on_each_server};

#[tokio::test]
async fn events_are_read_oldest_first_page_by_page_and_back() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        for n in 1..=7 {
            server.group_named(&organization, &format!("g{n}")).await;
        }
        for scope in [String::new(), format!("&organization_id={organization}")] {
            server.feed(&format!("events=group.created{scope}"), 7).await;
            let list = async |rest: &str| {
                let path = format!("/events?events=group.created&limit=3{scope}{rest}");
                server.api("GET", &path, Value::Null).await.expect(200).body
            };
            let first = list("").await;
            assert_eq!(first["object"], "list");
            assert_eq!(group_names(first["data"].as_array().unwrap()), ["g1", "g2", "g3"]);
            assert_eq!(first["list_metadata"]["before"], Value::Null);
            let second = list(&format!("&after={}", first["list_metadata"]["after"].as_str().unwrap())).await;
            assert_eq!(group_names(second["data"].as_array().unwrap()), ["g4", "g5", "g6"]);
            let last = list(&format!("&after={}", second["list_metadata"]["after"].as_str().unwrap())).await;
            assert_eq!(group_names(last["data"].as_array().unwrap()), ["g7"]);
            assert_eq!(last["list_metadata"]["after"], Value::Null, "this is the end");
            let back = list(&format!("&before={}", last["list_metadata"]["before"].as_str().unwrap())).await;
            assert_eq!(back["data"], second["data"]);
            let newest = list("&order=desc").await;
            assert_eq!(group_names(newest["data"].as_array().unwrap()), ["g7", "g6", "g5"]);
            let older = list(&format!("&order=desc&after={}", newest["data"][2]["id"].as_str().unwrap())).await;
            assert_eq!(group_names(older["data"].as_array().unwrap()), ["g4", "g3", "g2"]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_says_what_happened_to_what_and_who_did_it() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let group = server.group_named(&organization, "Everybody").await;
        let events = server.feed("events=group.created", 1).await;
        let event = &events[0];
        assert_eq!(event["object"], "event");
        assert_eq!(event["event"], "group.created");
        assert!(event["id"].as_str().unwrap().starts_with("event_01"));
        assert_eq!(event["data"]["id"], json!(group));
        assert_eq!(event["context"]["actor"], json!({"id": "root", "source": "api", "name": "Root key"}));
        assert_eq!(event["organization_id"], json!(organization));
        assert_eq!(event["position"], 2, "the organization itself was the first");
        assert!(event["created_at"].as_str().unwrap().ends_with('Z'));
    })
    .await;
}

#[tokio::test]
async fn names_are_taken_in_all_three_forms_and_must_be_known() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        server.group_named(&organization, "Everybody").await;
        for query in [
            "events=organization.created,group.created",
            "events=organization.created&events=group.created",
            "events[]=organization.created&events%5B%5D=group.created&events[]=session.created",
        ] {
            assert_eq!(server.feed(query, 2).await.len(), 2, "{query}");
        }
        assert!(server.feed_with(ROOT_KEY, "events=authentication.sso_failed").await.is_empty());
        let missing = server.api("GET", "/events", Value::Null).await.expect(422);
        assert_eq!(missing.at("/code"), "invalid_request_parameters");
        assert_eq!(missing.at("/errors/0/code"), "required");
        assert_eq!(missing.at("/errors/0/field"), "events");
        for unknown in ["*", "group.exploded", "GROUP.CREATED"] {
            let path = format!("/events?events=group.created,{unknown}");
            let refused = server.api("GET", &path, Value::Null).await.expect(422);
            assert_eq!(refused.at("/errors/0/code"), "unknown_event_type");
            assert!(refused.text("/message").contains(unknown));
        }
    })
    .await;
}

#[tokio::test]
async fn a_cursor_that_names_no_event_is_refused() {
    on_each_server(|server| async move {
        let (one, other) = (server.organization("One").await, server.organization("Other").await);
        let foreign = server.feed(&format!("events=organization.created&organization_id={other}"), 1).await;
        let foreign = foreign[0]["id"].as_str().unwrap();
        let key = server.organization_key(&one, "read").await;
        for cursor in ["event_01JZZZZZZZZZZZZZZZZZZZZZZZ", "group_01JZZZZZZZZZZZZZZZZZZZZZZZ", "x", foreign] {
            for side in ["after", "before"] {
                let path = format!("/events?events=group.created&{side}={cursor}");
                server.api_with(&key, "GET", &path, Value::Null).await.expect(400);
            }
        }
        let path = format!("/events?events=group.created&after={foreign}");
        server.api("GET", &path, Value::Null).await.expect(200);
        for wrong in ["limit=0", "limit=101", "order=up"] {
            server.api("GET", &format!("/events?events=group.created&{wrong}"), Value::Null).await.expect(422);
        }
    })
    .await;
}

#[tokio::test]
async fn a_range_has_the_events_of_a_time() {
    on_each_database(|url| async move {
        let clock = Clock::manual(DateTime::from_timestamp_millis(1_800_000_000_000).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let organization = server.organization("Acme").await;
        let mut times = Vec::new();
        for n in 0..6 {
            times.push(clock.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
            server.group_named(&organization, &format!("g{n}")).await;
            clock.advance(chrono::Duration::hours(1));
        }
        for scope in [String::new(), format!("&organization_id={organization}")] {
            server.feed(&format!("events=group.created{scope}"), 6).await;
            let range = async |start: usize, end: usize| {
                let query = format!("events=group.created&range_start={}&range_end={}", times[start], times[end]);
                server.feed_with(ROOT_KEY, &format!("{query}{scope}")).await.len()
            };
            assert_eq!(range(0, 5).await, 6);
            assert_eq!(range(2, 3).await, 2, "both ends belong to it");
            assert_eq!(range(5, 5).await, 1);
            assert_eq!(range(5, 0).await, 0);
        }
        let get =
            async |rest: &str| server.api("GET", &format!("/events?events=group.created&{rest}"), json!(null)).await;
        for wrong in ["2026-01-15T12:00:00.000%2B00:00", "2026-01-15", "yesterdayZ"] {
            get(&format!("range_start={wrong}")).await.expect(422);
        }
        let first = server.feed("events=group.created", 6).await[0]["id"].as_str().unwrap().to_owned();
        let both = get(&format!("after={first}&range_start={}", times[0])).await.expect(422);
        assert_eq!(both.at("/errors/0/code"), "mutually_exclusive");
        get(&format!("after={first}&range_end={}", times[0])).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_key_of_an_organization_reads_its_own_events_and_no_users() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let other = server.organization("Other").await;
        server.group_named(&other, "Theirs").await;
        server
            .rule(&directory.organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}]))
            .await;
        directory.user("ada@acme.example").await;
        let names = "events=user.created,organization_membership.created,group.created,organization.created";
        let key = server.organization_key(&directory.organization, "read").await;
        for query in [names.to_owned(), format!("{names}&organization_id={}", directory.organization)] {
            let own = server.feed_with(&key, &query).await;
            let told: Vec<&str> = own.iter().map(|event| event["event"].as_str().unwrap()).collect();
            assert_eq!(told, ["organization.created", "organization_membership.created"]);
        }
        let path = format!("/events?{names}&organization_id={other}");
        server.api_with(&key, "GET", &path, Value::Null).await.expect(404);
        let nowhere = format!("/events?{names}&organization_id=org_01JZZZZZZZZZZZZZZZZZZZZZZZ");
        server.api("GET", &nowhere, Value::Null).await.expect(404);
        let all = server.feed(names, 5).await;
        let user = all.iter().find(|event| event["event"] == "user.created").expect("an environment key reads users");
        assert_eq!(user["data"]["email"], "ada@acme.example");
        assert_eq!(user["organization_id"], Value::Null);
        server.api_with("sk_wrong", "GET", &format!("/events?{names}"), Value::Null).await.expect(401);
    })
    .await;
}
