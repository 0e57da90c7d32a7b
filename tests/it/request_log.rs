//! The request log: what each request did, step by step, what was sent, and for how long that is kept.

use std::time::Duration as Real;

use chrono::{Duration, TimeZone as _, Utc};
use muster::domain::Clock;
use muster::domain::id::{DirectoryId, EffectId, MembershipId, OrganizationId, PlanId, RunId};
use muster::service::retention;
use muster::store::sql;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::scim::{BULK, group, user};
use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

const NONE: Value = Value::Null;

/// One entry with all that a list leaves out.
async fn entry(server: &TestServer, directory: &TestDirectory, id: &str) -> Value {
    server.api("GET", &format!("/directories/{}/requests/{id}", directory.id), NONE).await.expect(200).body
}

/// The id under which a request is logged.
fn id_of(answer: &Answer) -> String {
    answer.header("x-request-id").to_owned()
}

/// The entry of an answer that no write committed, which is written a moment later.
async fn eventually(server: &TestServer, directory: &TestDirectory, id: &str) -> Value {
    for _ in 0..200 {
        let path = format!("/directories/{}/requests/{id}", directory.id);
        let found = server.api("GET", &path, NONE).await;
        if found.status.as_u16() == 200 {
            return found.body;
        }
        tokio::time::sleep(Real::from_millis(25)).await;
    }
    panic!("{id} was never logged");
}

async fn log(server: &TestServer, directory: &TestDirectory, query: &str) -> Vec<Value> {
    let path = format!("/directories/{}/requests?limit=100&order=asc&{query}", directory.id);
    server.api("GET", &path, NONE).await.expect(200).body["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_entry_tells_what_the_request_did_step_by_step() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        server
            .rule(&directory.organization, "eng", json!({"group": "displayName sw \"eng\""}), json!([{"mirror_group": {}}]))
            .await;
        let ada = directory.scim("POST", "/Users", user("ada@acme.example", json!({}))).await.expect(201);
        let steps = entry(&server, &directory, &id_of(&ada)).await["steps"].clone();
        assert_eq!(steps["stored"], json!({"users": 1}), "{steps}");
        assert_eq!(steps["received"], json!({}));
        let ada = ada.text("/id");

        let made = directory.scim("POST", "/Groups", group("eng", &[&ada, "late-1"])).await.expect(201);
        let whole = entry(&server, &directory, &id_of(&made)).await;
        assert_eq!(whole["steps"]["stored"], json!({"groups": 1, "edges_added": 2, "pending": 1}), "{whole}");
        assert_eq!(whole["steps"]["linked"], json!({"new_account": 1}), "{whole}");
        // A membership of the organization and one of the group.
        assert_eq!(whole["steps"]["mapped"], json!({"origins_added": 2}), "{whole}");
        let applied = &whole["steps"]["applied"];
        assert_eq!((&applied["group.created"], &applied["group.member_added"]), (&json!(1), &json!(1)), "{whole}");
        let caused: Vec<&str> =
            whole["caused"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(json!(caused.len()), whole["events"]);
        assert_eq!(caused[..2], ["dsync.group.created", "dsync.group.user_added"]);
        assert!(caused.contains(&"group.member_added"));

        // The pending member arrives, and is in the group at once.
        let late = directory.scim("POST", "/Users", user("late@acme.example", json!({"externalId": "late-1"})));
        let late = entry(&server, &directory, &id_of(&late.await.expect(201))).await;
        assert_eq!(late["steps"]["stored"], json!({"users": 1, "edges_resolved": 1}), "{late}");

        let path = format!("/Groups/{}", made.text("/id"));
        let patched = directory
            .patch(
                &path,
                json!([{"op": "Remove", "path": "members", "value": [{"value": ada}]}, {"op": "Replace", "path": "displayName", "value": "eng 2"}]),
            )
            .await
            .expect(204);
        let steps = entry(&server, &directory, &id_of(&patched)).await["steps"].clone();
        assert_eq!(steps["received"], json!({"operations": 2, "tolerances": 2}), "{steps}");
        assert_eq!(steps["stored"], json!({"groups_changed": 1, "edges_removed": 1}), "{steps}");
        assert_eq!(steps["applied"]["group.member_removed"], json!(1), "{steps}");

        // Again: nothing happens, and nothing is said to.
        let again = directory.patch(&path, json!([{"op": "replace", "path": "displayName", "value": "eng 2"}]));
        let again = entry(&server, &directory, &id_of(&again.await.expect(204))).await;
        assert_eq!(again["steps"], json!({"received": {"operations": 1}}), "{again}");
        assert_eq!((&again["events"], &again["caused"]), (&json!(0), &json!([])));

        let gone = directory.scim("DELETE", &format!("/Users/{ada}"), NONE).await.expect(204);
        let steps = entry(&server, &directory, &id_of(&gone)).await["steps"].clone();
        assert_eq!(steps["stored"], json!({"users": -1}), "{steps}");
        let listed = log(&server, &directory, "method=delete").await;
        assert_eq!(listed[0]["steps"], steps, "a list shows the steps too");
        assert_eq!(listed[0].get("body"), None, "but not the body");
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_says_where_it_stopped_and_why() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        directory.user("ada@acme.example").await;
        let unread = directory.scim("POST", "/Users", json!({"schemas": 7})).await.expect(400);
        let unread = eventually(&server, &directory, &id_of(&unread)).await;
        assert_eq!(unread["steps"]["stopped"]["at"], json!("received"), "{unread}");
        assert_eq!(unread["steps"]["stopped"]["why"], unread["detail"]);
        assert_eq!(unread["body"], json!("{\"schemas\":7}"));

        let taken = directory.scim("POST", "/Users", user("ADA@acme.example", json!({}))).await.expect(409);
        let taken = eventually(&server, &directory, &id_of(&taken)).await;
        assert_eq!(taken["steps"]["stopped"]["at"], json!("stored"), "{taken}");
        assert_eq!((&taken["events"], &taken["caused"]), (&json!(0), &json!([])));

        // Of a bulk request, each operation has an entry, the refused ones too.
        let operation =
            json!({"method": "POST", "path": "/Users", "bulkId": "q", "data": user("ada@acme.example", json!({}))});
        let bulk = directory.scim("POST", "/Bulk", json!({"schemas": [BULK], "Operations": [operation]}));
        eventually(&server, &directory, &id_of(&bulk.await.expect(200))).await;
        let refused = log(&server, &directory, "status=409").await;
        assert_eq!(refused[1]["path"], json!("/Bulk/Users"), "{refused:?}");
        assert_eq!(refused[1]["steps"]["stopped"]["at"], json!("stored"));

        let found = directory.get("/Users").await.expect(200);
        let found = eventually(&server, &directory, &id_of(&found)).await;
        assert_eq!((&found["steps"], &found["body"]), (&NONE, &NONE), "a read has no steps");
    })
    .await;
}

#[tokio::test]
async fn bodies_are_kept_as_the_directory_says_and_never_with_a_secret() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let secret = json!({"password": "hunter2", "title": "Dr"});
        for (setting, kept_of_success, kept_of_refusal) in
            [("none", false, false), ("errors", false, true), ("all", true, true)]
        {
            let directory = server.directory_in(&organization, json!({"log_bodies": setting})).await;
            let made = directory.scim("POST", "/Users", user("ada@acme.example", secret.clone())).await.expect(201);
            let again = directory.scim("POST", "/Users", user("ada@acme.example", secret.clone())).await.expect(409);
            let operations = json!([{"op": "replace", "path": "password", "value": "hunter2"}]);
            let patched = directory.patch(&format!("/Users/{}", made.text("/id")), operations).await.expect(200);
            for (answer, kept) in [(made, kept_of_success), (again, kept_of_refusal), (patched, kept_of_success)] {
                let entry = eventually(&server, &directory, &id_of(&answer)).await;
                assert_eq!(entry["body"].is_string(), kept, "{setting}: {entry}");
                assert!(!entry.to_string().contains("hunter2"), "{entry}");
                if kept {
                    assert!(entry["body"].as_str().unwrap().contains("[redacted]"), "{entry}");
                }
            }
        }
        let directory = server.directory_in(&organization, json!({})).await;
        let long = "ä".repeat(60_000);
        let long = directory.scim("POST", "/Users", json!({"displayName": long})).await.expect(400);
        let long = eventually(&server, &directory, &id_of(&long)).await;
        assert!((8_000..=8_192).contains(&long["body"].as_str().unwrap().len()), "cut, and whole characters");
        let broken = directory.bytes("POST", "/Users", "application/scim+json", b"{\"password\": \"hunter2\"".to_vec());
        let broken = eventually(&server, &directory, &id_of(&broken.await.expect(400))).await;
        assert_eq!(broken["body"], json!("(22 bytes that are not JSON)"));
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_found_by_those_who_reach_its_directory_only() {
    on_each_server(|server| async move {
        let (ours, theirs) = (server.directory().await, server.directory().await);
        let made = ours.scim("POST", "/Users", user("ada@acme.example", json!({}))).await.expect(201);
        let key = json!({"name": "Theirs", "organization_id": theirs.organization, "role": "read"});
        let key = server.api("POST", "/api_keys", key).await.expect(201).text("/key");
        let path = format!("/directories/{}/requests/{}", ours.id, id_of(&made));
        server.api_with(&key, "GET", &path, NONE).await.expect(404);
        let path = format!("/directories/{}/requests/{}", theirs.id, id_of(&made));
        server.api_with(&key, "GET", &path, NONE).await.expect(404);
        server.api("GET", &path, NONE).await.expect(404);
        server.api("GET", &format!("/directories/{}/requests/nonsense", ours.id), NONE).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn old_entries_go_by_the_directorys_setting_and_the_last_write_stays() {
    on_each_database(|url| async move {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 1, 31, 8, 0, 0).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let organization = server.organization("Acme").await;
        let short = server.directory_in(&organization, json!({"log_days": 2, "log_bodies": "all"})).await;
        let long = server.directory_in(&organization, json!({})).await;
        for directory in [&short, &long] {
            for name in ["ada", "bo", "cy"] {
                directory.scim("POST", "/Users", user(name, json!({}))).await.expect(201);
            }
        }
        let app = &server.server.app;
        assert_eq!(retention::prune(app).await.unwrap().requests, 0);
        clock.advance(Duration::days(2) + Duration::seconds(1));
        assert_eq!(retention::prune(app).await.unwrap().requests, 2, "two of the three of the one");
        let left = log(&server, &short, "").await;
        assert_eq!((left.len(), &left[0]["path"]), (1, &json!("/Users")));
        let left = entry(&server, &short, left[0]["id"].as_str().unwrap()).await;
        assert_eq!(left["body"], NONE, "the one that stays has no body any more");
        assert_eq!(log(&server, &long, "").await.len(), 3);

        // A newer write lets the older one go.
        short.scim("POST", "/Users", user("di", json!({}))).await.expect(201);
        clock.advance(Duration::days(30));
        assert_eq!(retention::prune(app).await.unwrap().requests, 3);
        assert_eq!(retention::prune(app).await.unwrap(), retention::Pruned::default());
        assert_eq!((log(&server, &short, "").await.len(), log(&server, &long, "").await.len()), (1, 1));

        for days in [json!(0), json!(366), json!("30"), json!(1.5)] {
            let change = json!({"settings": {"log_days": days}});
            let refused = server.api("PATCH", &format!("/directories/{}", short.id), change).await.expect(422);
            assert_eq!(refused.at("/errors/0/field"), &json!("settings.log_days"));
        }
        server.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn expired_plans_and_old_losses_go_with_what_belongs_to_them() {
    on_each_database(|url| async move {
        let start = Utc.with_ymd_and_hms(2026, 1, 31, 8, 0, 0).unwrap();
        let clock = Clock::manual(start);
        let server = TestServer::start_at(&url, clock.clone()).await;
        let directory = server.directory().await;
        let organization: OrganizationId = directory.organization.parse().unwrap();
        let id: DirectoryId = directory.id.parse().unwrap();
        let (expired, lasting, running) = (PlanId::mint(start), PlanId::mint(start), PlanId::mint(start));
        let run = RunId::mint(start);
        let plan = |plan: PlanId, hours: i64, run: Option<RunId>| {
            sql("INSERT INTO mapping_plans (organization_id, id, state, changes, totals, guard, digest, revision, run_id,
                    cause, created_at, expires_at) VALUES ($1, $2, 'ready', '[]', '{}', '{}', '', 1, $3, '{}', $4, $5)")
            .bind(organization)
            .bind(plan)
            .bind(run)
            .bind(start)
            .bind(start + Duration::hours(hours))
        };
        let mut statements = vec![plan(expired, 1, None), plan(lasting, 72, None), plan(running, 1, Some(run))];
        statements.push(
            sql("INSERT INTO sync_runs (organization_id, id, kind, state, plan_id, work, progress, done, total, effects,
                    cause, cancelling, created_at, updated_at)
                 VALUES ($1, $2, 'apply', 'running', $3, '{}', '{}', 0, 0, '{}', '{}', false, $4, $4)")
            .bind(organization)
            .bind(run)
            .bind(running)
            .bind(start),
        );
        // More effects than go in one batch.
        for plan in std::iter::repeat_n(expired, 601).chain([lasting, running]) {
            let effect = sql("INSERT INTO mapping_effects (organization_id, source_id, id, kind, subject, data)
                 VALUES ($1, $2, $3, 'member_added', '', '{}')");
            statements.push(effect.bind(organization).bind(plan).bind(EffectId::mint(start)));
        }
        for hours in [0, 25] {
            let loss = sql("INSERT INTO guard_losses (organization_id, directory_id, membership_id, lost_at)
                 VALUES ($1, $2, $3, $4)");
            let lost_at = start + Duration::hours(hours);
            statements.push(loss.bind(organization).bind(id).bind(MembershipId::mint(start)).bind(lost_at));
        }
        server.store(organization, statements).await;

        clock.advance(Duration::hours(26));
        let pruned = retention::prune(&server.server.app).await.unwrap();
        assert_eq!((pruned.plans, pruned.losses), (1, 1));
        let mut tx = server.server.app.db.read().await.unwrap();
        for (table, left) in [("mapping_plans", 2), ("mapping_effects", 2), ("guard_losses", 1)] {
            let (count,): (i64,) = tx.fetch_one(sql(format!("SELECT COUNT(*) FROM {table}"))).await.unwrap();
            assert_eq!(count, left, "{table}");
        }
        drop(tx);
        server.server.stop().await;
    })
    .await;
}
