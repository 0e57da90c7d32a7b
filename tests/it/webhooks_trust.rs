//! Webhooks and who may trust what: secrets, tenants, private targets, replicas and restarts.

use chrono::DateTime;
use muster::cli::serve::Server;
use muster::domain::Clock;
use muster::domain::id::OrganizationId;
use muster::domain::run::ClaimId;
use muster::service::retention::prune;
use muster::store::webhooks::{self, Candidate};
use muster::store::{Lane, sql};
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::receiver::{Received, Receiver, status};
use super::support::server::{TestServer, on_each_server};

#[tokio::test]
async fn a_rotated_secret_signs_at_once_and_the_former_one_beside_it() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        let rotated = server.api("POST", &format!("{path}/rotate_secret"), Value::Null).await.expect(200);
        let second = rotated.text("/secret");
        assert_ne!(second, endpoint.secret);
        server.group_named(&organization, "a").await;
        let received = receiver.wait_for(1).await;
        assert!(received[0].is_signed("workos-signature", &second));
        assert!(received[0].is_signed("muster-previous-signature", &endpoint.secret));
        let at_once = server.api("POST", &format!("{path}/rotate_secret"), json!({"overlap_hours": 0})).await;
        let third = at_once.expect(200).text("/secret");
        server.group_named(&organization, "b").await;
        let received = receiver.wait_for(2).await;
        assert!(received[1].is_signed("workos-signature", &third));
        assert!(!received[1].headers.contains_key("muster-previous-signature"));
        for wrong in [-1, 169] {
            let body = json!({"overlap_hours": wrong});
            server.api("POST", &format!("{path}/rotate_secret"), body).await.expect(422);
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_target_never_sees_a_signature_by_the_old_secret() {
    on_each_server(|server| async move {
        let (old, new) = (Receiver::start().await, Receiver::start().await);
        old.always(status(500));
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &old.url).await;
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        server.api("POST", &format!("{path}/rotate_secret"), Value::Null).await.expect(200);
        server.group_named(&organization, "a").await;
        old.wait_for(1).await;
        let moved = server.api("PATCH", &path, json!({"endpoint_url": new.url})).await.expect(200);
        let received = new.wait_for(1).await;
        assert!(received[0].is_signed("workos-signature", &moved.text("/secret")));
        assert!(!received[0].is_signed("workos-signature", &endpoint.secret));
        assert!(!received[0].headers.contains_key("muster-previous-signature"));
        assert_eq!(new.names(), ["a"], "what the former target did not take goes to the new one");
        let same = server.api("PATCH", &path, json!({"endpoint_url": new.url})).await.expect(200);
        assert_eq!(same.text("/secret"), moved.text("/secret"), "the same target keeps its secret");
    })
    .await;
}

#[tokio::test]
async fn an_organization_s_endpoint_is_its_own_and_sees_its_own_events() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let (one, other) = (server.organization("One").await, server.organization("Other").await);
        let (key, foreign) =
            (server.organization_key(&one, "admin").await, server.organization_key(&other, "owner").await);
        let body = json!({"endpoint_url": receiver.url, "events": ["group.created", "user.created"]});
        let made = server.api_with(&key, "POST", "/webhook_endpoints", body.clone()).await.expect(201);
        assert_eq!(made.text("/organization_id"), one);
        // The same address for somebody else is no duplicate, and tells nothing.
        let theirs = server.api_with(&foreign, "POST", "/webhook_endpoints", body.clone()).await.expect(201);
        let path = format!("/webhook_endpoints/{}", made.text("/id"));
        for (method, below) in
            [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/rotate_secret")]
        {
            server.api_with(&foreign, method, &format!("{path}{below}"), Value::Null).await.expect(404);
        }
        let mut stolen = body.clone();
        stolen["organization_id"] = json!(one);
        server.api_with(&foreign, "POST", "/webhook_endpoints", stolen).await.expect(404);
        let listed = server.api_with(&foreign, "GET", "/webhook_endpoints", Value::Null).await.expect(200);
        assert_eq!(listed.at("/data"), &json!([theirs.body]));
        let path = format!("/webhook_endpoints/{}", theirs.text("/id"));
        server.api_with(&foreign, "DELETE", &path, Value::Null).await.expect(204);
        server.group_named(&other, "theirs").await;
        server.group_named(&one, "ours").await;
        receiver.wait_for(1).await;
        assert_eq!(receiver.names(), ["ours"]);
        let reader = server.organization_key(&one, "read").await;
        let seen = server.api_with(&reader, "GET", "/webhook_endpoints", Value::Null).await.expect(200);
        assert!(seen.text("/data/0/secret").len() < 20, "who may only read cannot sign");
        server.api_with(&reader, "POST", "/webhook_endpoints", body).await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn a_private_target_is_refused_with_every_attempt() {
    on_each_database(|url| async move {
        let receiver = Receiver::start().await;
        let server = TestServer::start(&url).await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        server.server.stop().await;
        let server = TestServer::start_with(&url, Clock::System, |args| {
            args.webhooks_allow_private = false;
            args.webhook_retry_seconds = 3_600;
        })
        .await;
        server.group_named(&organization, "a").await;
        let all = server.deliveries(&endpoint.id, |all| all.len() == 1).await;
        assert_eq!((&all[0]["state"], &all[0]["last_status"]), (&json!("retrying"), &Value::Null));
        assert!(all[0]["last_error"].as_str().unwrap().contains("endpoint_url must"), "{}", all[0]);
        assert!(receiver.received().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    on_each_database(|url| async move {
        let receiver = Receiver::start().await;
        let server = TestServer::start_with(&url, Clock::System, |args| args.webhook_retry_seconds = 3_600).await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        server.group_named(&organization, "a").await;
        receiver.wait_for(1).await;
        server.deliveries(&endpoint.id, |all| all.len() == 1).await;
        receiver.reply(status(503));
        server.group_named(&organization, "b").await;
        server.group_named(&organization, "c").await;
        let all = server.deliveries(&endpoint.id, |all| all.len() == 2).await;
        let failed = all[0]["event_id"].as_str().unwrap().to_owned();
        server.server.stop().await;
        let server = TestServer::start(&url).await;
        let path = format!("/webhook_endpoints/{}/deliveries/{failed}/redeliver", endpoint.id);
        server.api("POST", &path, Value::Null).await.expect(200);
        receiver.wait_for(4).await;
        assert_eq!(receiver.names(), ["a", "b", "b", "c"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_share_the_work_and_send_each_event_once() {
    const ORGANIZATIONS: usize = 4;
    const EACH: usize = 12;
    on_each_database(|url| async move {
        if url.starts_with("sqlite:") {
            // A file has one server.
            return;
        }
        let servers = [TestServer::start(&url).await, TestServer::start(&url).await];
        let mut receivers = Vec::new();
        let everything = Receiver::start().await;
        servers[0].endpoint(None, &everything.url).await;
        for n in 0..ORGANIZATIONS {
            let organization = servers[n % 2].organization(&format!("Organization {n}")).await;
            let receiver = Receiver::start().await;
            servers[n % 2].endpoint(Some(&organization), &receiver.url).await;
            receivers.push((organization, receiver));
        }
        for n in 0..EACH {
            let writes = receivers.iter().enumerate().map(|(at, (organization, _))| {
                let server = &servers[(at + n) % 2];
                async move { server.group_named(organization, &format!("g{n:02}")).await }
            });
            futures::future::join_all(writes).await;
        }
        let expected: Vec<String> = (0..EACH).map(|n| format!("g{n:02}")).collect();
        for (_, receiver) in &receivers {
            receiver.wait_for(EACH).await;
            assert_eq!(receiver.names(), expected);
        }
        let all = everything.wait_for(EACH * ORGANIZATIONS).await;
        for (organization, _) in &receivers {
            let own: Vec<String> = all
                .iter()
                .filter(|one| one.event()["organization_id"] == organization.as_str())
                .map(Received::name)
                .collect();
            assert_eq!(own, expected, "in order, and once");
        }
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_whose_worker_died_is_taken_over_when_its_claim_runs_out() {
    on_each_database(|url| async move {
        let clock = Clock::manual(DateTime::from_timestamp_millis(1_800_000_000_000).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let (receiver, beside) = (Receiver::start().await, Receiver::start().await);
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        server.endpoint(Some(&organization), &beside.url).await;
        // As a process would leave it that was killed during an attempt.
        let candidate = Candidate {
            organization_id: organization.parse().unwrap(),
            id: endpoint.id.parse().unwrap(),
            certain: true,
        };
        let (now, claim) = (clock.now(), ClaimId::mint(clock.now()));
        let until = now + chrono::Duration::seconds(30);
        let claimed = server.server.app.db.write(Lane::Environment, move |tx| {
            Box::pin(async move { webhooks::claim(tx, candidate, claim, now, until).await })
        });
        assert!(claimed.await.unwrap().is_some());
        server.group_named(&organization, "a").await;
        beside.wait_for(1).await;
        assert!(receiver.received().is_empty(), "somebody else may be sending it");
        clock.advance(chrono::Duration::seconds(31));
        receiver.wait_for(1).await;
        assert_eq!(receiver.names(), ["a"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_known_of_old_deliveries_goes_and_so_does_what_belonged_to_nobody() {
    on_each_database(|url| async move {
        let clock = Clock::manual(DateTime::from_timestamp_millis(1_800_000_000_000).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        server.group_named(&organization, "taken").await;
        let taken = server.deliveries(&endpoint.id, |all| all.len() == 1).await;
        receiver.reply(status(500));
        server.group_named(&organization, "again").await;
        server.deliveries(&endpoint.id, |all| all.len() == 2 && all[0]["state"] == "delivered").await;
        let event = taken[0]["event_id"].as_str().unwrap();
        receiver.reply(status(500));
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        server.api("POST", &format!("{path}/deliveries/{event}/redeliver"), Value::Null).await.expect(200);
        server.deliveries(&endpoint.id, |all| all[1]["state"] == "dead").await;
        let app = &server.server.app;
        clock.advance(chrono::Duration::days(31));
        assert_eq!(prune(app).await.unwrap().deliveries, 1);
        let left = server.deliveries(&endpoint.id, |all| all.len() == 1).await;
        assert_eq!(left[0]["state"], "dead", "which is kept for longer");
        clock.advance(chrono::Duration::days(60));
        assert_eq!(prune(app).await.unwrap().deliveries, 1);
        let gone = sql("UPDATE organizations SET deleted_at = created_at WHERE id = $1");
        let id: OrganizationId = organization.parse().unwrap();
        server.store(id, vec![gone.bind(id)]).await;
        prune(app).await.unwrap();
        server.api("GET", &path, Value::Null).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn secrets_are_sealed_at_rest_if_there_is_a_key_and_the_server_needs_it_from_then_on() {
    on_each_database(|url| async move {
        let key = "0123456789abcdef".repeat(4);
        let receiver = Receiver::start().await;
        let server = TestServer::start_with(&url, Clock::System, |args| args.secrets_key = Some(key.clone())).await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        server.group_named(&organization, "a").await;
        assert!(receiver.wait_for(1).await[0].is_signed("workos-signature", &endpoint.secret));
        let id = endpoint.id.parse().unwrap();
        let mut tx = server.server.app.db.read().await.unwrap();
        let stored = muster::store::webhooks::find(&mut tx, None, id).await.unwrap().unwrap();
        drop(tx);
        assert!(stored.secret.starts_with("sealed:") && !stored.secret.contains(&endpoint.secret));
        server.server.stop().await;
        for wrong in [None, Some("f".repeat(64)), Some("short".to_owned())] {
            let args = TestServer::args(&url, |args| args.secrets_key = wrong);
            let problem = Server::start(args, Clock::System).await.err().expect("no start without the key");
            assert!(format!("{problem:#}").contains("MUSTER_SECRETS_KEY"), "{problem:#}");
        }
        let server = TestServer::start_with(&url, Clock::System, |args| args.secrets_key = Some(key.clone())).await;
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        assert_eq!(server.api("GET", &path, Value::Null).await.expect(200).text("/secret"), endpoint.secret);
    })
    .await;
}
