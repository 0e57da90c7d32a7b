//! Webhook endpoints and what is sent to them: every event, in order, at least once.

use std::time::Duration;

use muster::domain::Clock;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::events::eventually;
use super::support::receiver::{Received, Receiver, status};
use super::support::server::{TestServer, on_each_server};

#[tokio::test]
async fn an_endpoint_is_made_read_changed_and_removed() {
    on_each_server(|server| async move {
        let body = json!({"endpoint_url": "http://127.0.0.1:4000/hook", "events": ["user.created", "group.updated"]});
        let made = server.api("POST", "/webhook_endpoints", body.clone()).await.expect(201);
        assert_eq!(made.at("/object"), "webhook_endpoint");
        assert_eq!(made.at("/endpoint_url"), "http://127.0.0.1:4000/hook");
        assert_eq!(made.at("/status"), "enabled");
        assert_eq!(made.at("/events"), &json!(["user.created", "group.updated"]));
        assert!(made.text("/id").starts_with("we_01") && made.text("/secret").starts_with("whsec_"));
        assert!(made.text("/created_at").ends_with('Z') && made.text("/updated_at").ends_with('Z'));
        let path = format!("/webhook_endpoints/{}", made.text("/id"));
        assert_eq!(server.api("GET", &path, Value::Null).await.expect(200).body, made.body);
        let list = server.api("GET", "/webhook_endpoints", Value::Null).await.expect(200);
        assert_eq!(list.at("/data/0"), &made.body);

        assert_eq!(server.api("POST", "/webhook_endpoints", body).await.expect(409).at("/code"), "duplicate_endpoint");
        let changed = server.api("PATCH", &path, json!({"events": ["group.created"], "status": "disabled"})).await;
        assert_eq!(changed.expect(200).at("/events"), &json!(["group.created"]));
        let read = server.api("GET", &path, Value::Null).await.expect(200);
        assert_eq!((read.at("/status"), read.text("/secret")), (&json!("disabled"), made.text("/secret")));
        server.api("PATCH", &path, json!({"status": "asleep"})).await.expect(422);
        server.api("DELETE", &path, Value::Null).await.expect(204);
        for method in ["GET", "PATCH", "DELETE"] {
            assert_eq!(server.api(method, &path, Value::Null).await.expect(404).at("/code"), "entity_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_is_refused_with_the_reason() {
    on_each_database(|url| async move {
        let server = TestServer::start_with(&url, Clock::System, |args| args.webhooks_allow_private = false).await;
        let post = async |url: &str, events: Value| {
            server.api("POST", "/webhook_endpoints", json!({"endpoint_url": url, "events": events})).await.expect(422)
        };
        for url in ["http://example.com/", "https://127.1/", "https://169.254.169.254/", "https://localhost/", "x"] {
            assert_eq!(post(url, json!(["group.created"])).await.at("/code"), "invalid_url", "{url}");
        }
        let unknown = post("https://example.com/", json!(["group.created", "group.exploded"])).await;
        assert_eq!(unknown.at("/code"), "invalid_request_parameters");
        assert_eq!(unknown.at("/errors/0/code"), "unknown_event_type");
        assert!(unknown.text("/errors/0/message").contains("group.exploded"));
        for events in [json!([]), Value::Null, json!("group.created"), json!([1])] {
            post("https://example.com/", events).await;
        }
        let body = json!({"endpoint_url": "https://example.com/", "events": ["group.created"]});
        let made = server.api("POST", "/webhook_endpoints", body).await.expect(201);
        let path = format!("/webhook_endpoints/{}", made.text("/id"));
        let moved = server.api("PATCH", &path, json!({"endpoint_url": "https://10.0.0.1/"})).await.expect(422);
        assert_eq!(moved.at("/code"), "invalid_url");
        let same = json!({"endpoint_url": "https://EXAMPLE.com:443", "events": ["group.created"]});
        assert_eq!(server.api("POST", "/webhook_endpoints", same).await.expect(409).at("/code"), "duplicate_endpoint");
    })
    .await;
}

#[tokio::test]
async fn events_arrive_in_order_signed_and_as_the_feed_has_them() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        server.group_named(&organization, "before").await;
        server.feed("events=group.created", 1).await;
        let endpoint = server.endpoint(None, &receiver.url).await;
        let own = Receiver::start().await;
        server.endpoint(Some(&organization), &own.url).await;
        for n in 0..25 {
            server.group_named(&organization, &format!("g{n}")).await;
        }
        let expected: Vec<String> = (0..25).map(|n| format!("g{n}")).collect();
        for received in [receiver.wait_for(25).await, own.wait_for(25).await] {
            let names: Vec<String> = received.iter().map(Received::name).collect();
            assert_eq!(names, expected, "it begins with the present and keeps the order");
        }
        let received = receiver.received();
        let feed = server.feed("events=group.created", 26).await;
        for (received, event) in received.iter().zip(&feed[1..]) {
            assert_eq!(&received.event(), event);
            assert_eq!(received.headers["content-type"], "application/json");
            assert!(received.is_signed("workos-signature", &endpoint.secret));
            assert!(!received.is_signed("workos-signature", "whsec_other"));
            assert!(!received.headers.contains_key("muster-previous-signature"));
        }
        let deliveries = server.deliveries(&endpoint.id, |all| all.len() == 25).await;
        assert_eq!(deliveries[0]["event_id"], feed[25]["id"], "newest first");
        for delivery in &deliveries {
            assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("delivered"), &json!(1)));
            assert_eq!((&delivery["last_status"], &delivery["last_response"]), (&json!(200), &json!("thank you")));
        }
    })
    .await;
}

#[tokio::test]
async fn what_fails_is_tried_again_and_what_follows_waits_for_it() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        receiver.reply(status(500));
        receiver.reply(status(302).header("location", "http://127.0.0.1:1/"));
        for name in ["a", "b", "c"] {
            server.group_named(&organization, name).await;
        }
        receiver.wait_for(5).await;
        assert_eq!(receiver.names(), ["a", "a", "a", "b", "c"], "and no redirect was followed");
        let received = receiver.received();
        assert_eq!(received[0].event()["id"], received[2].event()["id"], "the id stays");
        let all = server.deliveries(&endpoint.id, |all| all.len() == 3 && all[0]["state"] == "delivered").await;
        assert_eq!((&all[2]["attempts"], &all[2]["last_error"]), (&json!(3), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_waits_says_why_and_can_be_hurried() {
    on_each_database(|url| async move {
        let server = TestServer::start_with(&url, Clock::System, |args| args.webhook_retry_seconds = 3_600).await;
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        receiver.reply(status(301));
        server.group_named(&organization, "a").await;
        server.group_named(&organization, "b").await;
        let waiting = server.deliveries(&endpoint.id, |all| all.len() == 1).await;
        assert_eq!((&waiting[0]["state"], &waiting[0]["last_status"]), (&json!("retrying"), &json!(301)));
        assert!(waiting[0]["last_error"].as_str().unwrap().contains("redirects are not followed"));
        assert!(waiting[0]["next_attempt_at"].is_string());
        assert_eq!(receiver.names(), ["a"], "what follows waits");
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        assert_eq!(server.api("GET", &path, Value::Null).await.expect(200).at("/failed_attempts"), &json!(1));
        let event = waiting[0]["event_id"].as_str().unwrap();
        server.api("POST", &format!("{path}/deliveries/{event}/redeliver"), Value::Null).await.expect(200);
        receiver.wait_for(3).await;
        assert_eq!(receiver.names(), ["a", "a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_is_on_record_and_can_be_sent_again() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        let attempts = usize::try_from(muster::domain::webhook::ATTEMPTS).unwrap();
        for _ in 0..attempts {
            receiver.reply(status(500));
        }
        server.group_named(&organization, "lost").await;
        server.group_named(&organization, "next").await;
        receiver.wait_for(attempts + 1).await;
        assert_eq!(receiver.names().last().unwrap(), "next", "the endpoint goes on");
        let path = format!("/webhook_endpoints/{}/deliveries", endpoint.id);
        let dead = server.deliveries(&endpoint.id, |all| all.len() == 2).await.pop().unwrap();
        assert_eq!((&dead["state"], &dead["attempts"]), (&json!("dead"), &json!(attempts)));
        let listed = server.api("GET", &format!("{path}?state=dead"), Value::Null).await.expect(200);
        assert_eq!(listed.at("/data"), &json!([dead]));
        server.api("GET", &format!("{path}?state=lost"), Value::Null).await.expect(422);
        let event = dead["event_id"].as_str().unwrap();
        let queued = server.api("POST", &format!("{path}/{event}/redeliver"), Value::Null).await.expect(200);
        assert_eq!(queued.at("/state"), "queued");
        receiver.wait_for(attempts + 2).await;
        assert_eq!(receiver.names().last().unwrap(), "lost");
        let all = server.deliveries(&endpoint.id, |all| all.iter().all(|one| one["state"] == "delivered")).await;
        assert_eq!(all[1]["attempts"], json!(attempts + 1));
        receiver.reply(status(500));
        server.api("POST", &format!("{path}/{event}/redeliver"), Value::Null).await.expect(200);
        let again = server.deliveries(&endpoint.id, |all| all[1]["state"] == "dead").await;
        assert_eq!(again[1]["last_status"], 500, "what is asked for again is tried once");
        let foreign = "event_01JZZZZZZZZZZZZZZZZZZZZZZZ";
        server.api("POST", &format!("{path}/{foreign}/redeliver"), Value::Null).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_replay_sends_everything_again_from_an_event_on() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        for scope in [None, Some(organization.as_str())] {
            let endpoint = server.endpoint(scope, &receiver.url).await;
            let before = receiver.received().len();
            for name in ["a", "b", "c"] {
                server.group_named(&organization, name).await;
            }
            let received = receiver.wait_for(before + 3).await;
            let ids: Vec<String> =
                received[before..].iter().map(|one| one.event()["id"].as_str().unwrap().to_owned()).collect();
            let path = format!("/webhook_endpoints/{}/replay", endpoint.id);
            server.deliveries(&endpoint.id, |all| all.len() == 3).await;
            server.api("POST", &path, json!({"after": ids[0]})).await.expect(200);
            receiver.wait_for(before + 5).await;
            server.deliveries(&endpoint.id, |all| all[0]["attempts"] == 2).await;
            server.api("POST", &path, json!({"from": ids[0]})).await.expect(200);
            receiver.wait_for(before + 8).await;
            assert_eq!(receiver.names()[before..], ["a", "b", "c", "b", "c", "a", "b", "c"]);
            server.deliveries(&endpoint.id, |all| all[0]["attempts"] == 3).await;
            for body in [json!({}), json!({"after": ids[0], "from": ids[0]})] {
                server.api("POST", &path, body).await.expect(422);
            }
            for id in ["event_01JZZZZZZZZZZZZZZZZZZZZZZZ", "group_x"] {
                server.api("POST", &path, json!({"after": id})).await.expect(400);
            }
            let own = format!("/webhook_endpoints/{}", endpoint.id);
            server.api("DELETE", &own, Value::Null).await.expect(204);
        }
    })
    .await;
}

#[tokio::test]
async fn a_disabled_endpoint_gets_nothing_and_then_what_it_missed() {
    on_each_server(|server| async move {
        let (receiver, beside) = (Receiver::start().await, Receiver::start().await);
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        server.endpoint(Some(&organization), &beside.url).await;
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        server.api("PATCH", &path, json!({"status": "disabled"})).await.expect(200);
        server.group_named(&organization, "a").await;
        beside.wait_for(1).await;
        assert!(receiver.received().is_empty());
        server.api("PATCH", &path, json!({"status": "enabled"})).await.expect(200);
        receiver.wait_for(1).await;
        assert_eq!(receiver.names(), ["a"]);

        receiver.reply(status(410));
        server.group_named(&organization, "b").await;
        let gone = eventually("the endpoint is disabled", || async {
            let found = server.api("GET", &path, Value::Null).await.expect(200);
            (found.at("/status") == "disabled").then_some(found)
        })
        .await;
        assert_eq!(gone.text("/disabled_reason"), "the receiver answered 410 Gone");
        server.group_named(&organization, "c").await;
        beside.wait_for(3).await;
        assert_eq!(receiver.names(), ["a", "b"]);
        server.api("PATCH", &path, json!({"status": "enabled"})).await.expect(200);
        receiver.wait_for(4).await;
        assert_eq!(receiver.names(), ["a", "b", "b", "c"]);
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        receiver.reply(status(429).header("retry-after", "600"));
        server.group_named(&organization, "a").await;
        let waiting = server.deliveries(&endpoint.id, |all| all.len() == 1).await;
        let at = |field: &str| chrono::DateTime::parse_from_rfc3339(waiting[0][field].as_str().unwrap()).unwrap();
        let wait = at("next_attempt_at") - at("updated_at");
        assert_eq!(wait.num_seconds(), 600, "although without it there would be no wait here");
        assert_eq!(receiver.received().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_slow_or_dead_receiver_slows_nobody_else() {
    on_each_server(|server| async move {
        let (slow, quick) = (Receiver::start().await, Receiver::start().await);
        slow.always(status(200).after(Duration::from_mins(1)));
        let organization = server.organization("Acme").await;
        server.endpoint(Some(&organization), &slow.url).await;
        server.endpoint(Some(&organization), "http://127.0.0.1:1/dead").await;
        server.endpoint(Some(&organization), &quick.url).await;
        for n in 0..10 {
            server.group_named(&organization, &format!("g{n}")).await;
        }
        quick.wait_for(10).await;
        slow.wait_for(1).await;
        assert!(slow.names().iter().all(|name| name == "g0"), "one event at a time: {:?}", slow.names());
    })
    .await;
}
