//! `/metrics`: what Prometheus reads, and who may.

use chrono::{Duration, TimeZone as _, Utc};
use muster::domain::Clock;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::scim::group;
use super::support::server::{Answer, TestServer, answer, client};

async fn scrape(server: &TestServer, key: Option<&str>) -> Answer {
    let request = client().get(format!("{}/metrics", server.server.url()));
    answer(match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    })
    .await
}

/// The value of a metric, by all that stands before it.
#[track_caller]
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn prometheus_reads_requests_and_what_is_not_as_it_should_be() {
    on_each_database(|url| async move {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 1, 31, 8, 0, 0).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let directory = server.directory().await;
        let expires = json!({"name": "short", "expires_at": "2026-01-31T10:00:00Z"});
        server.api("POST", &format!("/directories/{}/tokens", directory.id), expires).await.expect(201);
        let ada = directory.user("ada@acme.example").await;
        directory.scim("POST", "/Groups", group("eng", &[&ada, "late-1", "late-2"])).await.expect(201);
        directory.scim("GET", "/Users/nobody", Value::Null).await.expect(404);

        let scraped = scrape(&server, None).await.expect(200);
        assert!(scraped.header("content-type").starts_with("text/plain; version=0.0.4"));
        let text = scraped.body.as_str().unwrap();
        assert!(value(text, "muster_build_info{version=\"0.1.0\"}") > 0.0);
        for (name, expected) in [
            ("scim_requests_total{method=\"POST\",status=\"201\"}", 2.0),
            ("scim_requests_total{method=\"GET\",status=\"404\"}", 1.0),
            ("scim_request_seconds_count", 3.0),
            ("muster_pending_edges", 2.0),
            ("muster_drift_rows", 0.0),
            ("muster_parked_effects", 0.0),
            ("muster_unlinked_people", 0.0),
            ("muster_runs_running", 0.0),
            ("muster_runs_failed", 0.0),
            (&format!("muster_directory_seconds_since_last_write{{directory=\"{}\"}}", directory.id), 0.0),
            (&format!("muster_token_expiry_seconds{{directory=\"{}\"}}", directory.id), 7_200.0),
        ] {
            assert!((value(text, name) - expected).abs() < 0.1, "{name}: {text}");
        }

        // What was read of the database serves for ten seconds; what is counted here is always new.
        directory.user("late@acme.example").await;
        directory.group("ops", &["late-3"]).await;
        let soon = scrape(&server, None).await.expect(200).body.as_str().unwrap().to_owned();
        assert!((value(&soon, "muster_pending_edges") - 2.0).abs() < 0.1);
        assert!((value(&soon, "scim_requests_total{method=\"POST\",status=\"201\"}") - 4.0).abs() < 0.1);
        clock.advance(Duration::seconds(10));
        let later = scrape(&server, None).await.expect(200).body.as_str().unwrap().to_owned();
        assert!((value(&later, "muster_pending_edges") - 3.0).abs() < 0.1);
        let since = format!("muster_directory_seconds_since_last_write{{directory=\"{}\"}}", directory.id);
        assert!((value(&later, &since) - 10.0).abs() < 0.1);
        server.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn metrics_ask_for_their_key_where_one_is_set() {
    on_each_database(|url| async move {
        const KEY: &str = "a key that only the monitor has";
        let server = TestServer::start_with(&url, Clock::System, |args| args.metrics_key = Some(KEY.to_owned())).await;
        for key in [None, Some("another key"), Some(super::support::server::ROOT_KEY)] {
            let refused = scrape(&server, key).await.expect(401);
            assert_eq!(refused.text("/code"), "unauthorized");
            assert!(!refused.body.to_string().contains("scim_requests"));
        }
        let scraped = scrape(&server, Some(KEY)).await.expect(200);
        assert!(scraped.body.as_str().unwrap().contains("muster_build_info"));
        server.server.stop().await;
    })
    .await;
}
