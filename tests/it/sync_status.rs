//! How a directory stands: counts, freshness, dialect, what wants attention, and group by group what rules made of it.

use chrono::{DateTime, Duration, TimeZone as _, Utc};
use muster::domain::Clock;
use muster::domain::id::{DirectoryId, OrganizationId, ParkedId, RunId};
use muster::store::sql;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::scim::{group, user};
use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

const NONE: Value = Value::Null;

async fn status(server: &TestServer, directory: &TestDirectory) -> Answer {
    server.api("GET", &format!("/directories/{}/sync_status", directory.id), NONE).await.expect(200)
}

async fn groups(server: &TestServer, directory: &TestDirectory, query: &str) -> Vec<Value> {
    let path = format!("/directories/{}/groups_status?order=asc&{query}", directory.id);
    server.api("GET", &path, NONE).await.expect(200).body["data"].as_array().unwrap().clone()
}

/// The codes of what wants attention, in order.
fn attention(status: &Answer) -> Vec<&str> {
    status.at("/attention").as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_status_counts_what_a_directory_holds_and_what_became_of_it() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        // A neighbour, whose people and groups must not be counted.
        let neighbour = server.directory_in(organization, json!({})).await;
        let other = neighbour.user("zoe@acme.example").await;
        neighbour.group("theirs", &[&other, "unknown"]).await;

        let everybody = json!([{"ensure_membership": {}}]);
        server.rule(organization, "everybody", json!({"user": "userName pr"}), everybody).await;
        server.api("POST", &format!("/organizations/{organization}/groups"), json!({"name": "Taken"})).await.expect(201);
        let when = json!({"group": "displayName sw \"eng\" or displayName eq \"taken\"", "except_group": "displayName eq \"out\""});
        server.rule(organization, "mirror", when, json!([{"mirror_group": {}}])).await;

        let ada = directory.user("ada@acme.example").await;
        let off = json!({"active": false, "emails": [{"value": "bo@acme.example"}]});
        directory.scim("POST", "/Users", user("bo", off)).await.expect(201);
        directory.scim("POST", "/Users", user("no address", json!({}))).await.expect(201);
        for (name, members) in [("eng", vec![ada.as_str(), "late-1"]), ("Taken", vec![&ada]), ("out", vec![]), ("sales", vec!["late-2"])] {
            directory.group(name, &members).await;
        }
        let found = status(&server, &directory).await;
        let expected = json!({
            "object": "sync_status",
            "directory_id": directory.id,
            "state": "linked",
            "paused_at": null,
            "backlog": 0,
            "users": {"total": 3, "active": 2, "inactive": 1},
            "groups": {"total": 4, "bound": 2, "excepted": 1, "unmatched": 1},
            "edges": 4,
            "pending_edges": 2,
            "unlinked": {"pending": 1, "refused": 0, "by_reason": {"no_email": 1}},
            "parked_effects": 0,
            "parked_run_id": null,
            "mirrors": {"made": 1, "adopted": 0, "parked": 1},
            "frozen_origins": 0,
            "running_runs": [],
            "drift": null,
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&found.body[key], value, "{key} of {}", found.body);
        }
        assert_eq!(found.at("/tokens"), &json!({"count": 1, "valid": 1, "next_expiry": null}));
        assert_eq!(found.at("/freshness/verdict"), &json!("fresh"));
        assert_eq!(attention(&found), ["links_pending", "mirrors_parked", "members_pending", "groups_unmatched"]);
        assert_eq!(found.at("/attention/1/link"), &json!(format!("/directories/{}/groups_status?state=parked", directory.id)));
        let metadata = server.api("GET", &format!("/directories/{}", directory.id), NONE).await.expect(200);
        assert_eq!(metadata.at("/metadata"), &json!({"users": {"active": 2, "inactive": 1}, "groups": 4}));
    })
    .await;
}

#[tokio::test]
async fn silence_is_told_from_the_usual_rhythm() {
    on_each_database(|url| async move {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 1, 31, 8, 0, 0).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let directory = server.directory().await;
        let found = status(&server, &directory).await;
        let never = json!({"last_request_at": null, "last_write_at": null, "usual_gap_seconds": null,
            "silent_for_seconds": null, "verdict": "never", "sentence": "Nothing has arrived yet."});
        assert_eq!((found.at("/freshness"), found.at("/state")), (&never, &json!("validating")));
        assert_eq!(attention(&found), ["never_connected"]);

        for n in 0..6 {
            clock.advance(Duration::minutes(40));
            // Two in one minute count once.
            directory.scim("POST", "/Users", user(&format!("a{n}"), json!({}))).await.expect(201);
            directory.scim("POST", "/Users", user(&format!("b{n}"), json!({}))).await.expect(201);
        }
        clock.advance(Duration::minutes(2));
        let found = status(&server, &directory).await;
        assert_eq!(found.at("/freshness/usual_gap_seconds"), &json!(2_400));
        assert_eq!(found.at("/freshness/silent_for_seconds"), &json!(120));
        assert_eq!(found.at("/freshness/last_write_at"), &json!("2026-01-31T12:00:00.000Z"));
        assert_eq!(
            found.at("/freshness/sentence"),
            &json!("The last write came 2 min ago (usually one every 40 min).")
        );
        clock.advance(Duration::hours(2));
        let found = status(&server, &directory).await;
        assert_eq!((found.at("/freshness/verdict"), attention(&found)), (&json!("quiet"), vec!["quiet"]));
        clock.advance(Duration::hours(5));
        let found = status(&server, &directory).await;
        assert_eq!((found.at("/freshness/verdict"), attention(&found)), (&json!("silent"), vec!["silent"]));
        assert_eq!(found.at("/attention/0/severity"), &json!("medium"));
        server.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_harms_most_comes_first() {
    on_each_database(|url| async move {
        let start: DateTime<Utc> = Utc.with_ymd_and_hms(2026, 1, 31, 8, 0, 0).unwrap();
        let clock = Clock::manual(start);
        let server = TestServer::start_at(&url, clock.clone()).await;
        let directory = server.directory().await;
        directory.group("unmatched", &["nobody"]).await;
        for _ in 0..6 {
            directory.scim("POST", "/Groups", json!({"displayName": "x"})).await.expect(400);
            directory.group("again", &[]).await;
        }
        let token = json!({"name": "short", "expires_at": "2026-02-02T08:00:00Z"});
        server.api("POST", &format!("/directories/{}/tokens", directory.id), token).await.expect(201);

        let organization: OrganizationId = directory.organization.parse().unwrap();
        let id: DirectoryId = directory.id.parse().unwrap();
        let (guard, running, failed) = (RunId::mint(start), RunId::mint(start), RunId::mint(start));
        let run = |run: RunId, kind: &str, state: &str, of: Option<DirectoryId>| {
            sql("INSERT INTO sync_runs (organization_id, id, kind, state, directory_id, work, progress, done, total, effects,
                    cause, cancelling, created_at, finished_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, '{}', '{}', 0, 0, '{}', '{}', false, $6, $6, $6)")
            .bind(organization)
            .bind(run)
            .bind(kind)
            .bind(state)
            .bind(of)
            .bind(start)
        };
        let parked = sql("INSERT INTO parked_effects (organization_id, id, run_id, directory_id, state, membership_id, target,
                target_id, rule_id, directory_group_id, directory_user_id, person, cause, created_at)
             VALUES ($1, $2, $3, $4, 'parked', $2, 'group', $2, $2, $2, $2, 'ada', 'request_1', $5)")
        .bind(organization)
        .bind(ParkedId::mint(start))
        .bind(guard)
        .bind(id)
        .bind(start);
        let verified = sql("INSERT INTO verifications (organization_id, run_id, drift, stored_checksum, desired_checksum,
                left_out, revision, verified_at) VALUES ($1, $2, 3, '', '', '[]', 1, $3)")
        .bind(organization)
        .bind(running)
        .bind(start);
        let paused = sql("UPDATE directories SET paused_at = $2, backlog = 7 WHERE id = $1").bind(id).bind(start);
        let statements = vec![
            run(guard, "guard", "awaiting_approval", Some(id)),
            run(running, "verify", "running", None),
            run(failed, "reconcile", "failed", None),
            parked,
            verified,
            paused,
        ];
        server.store(organization, statements).await;
        // Refusals are logged a moment later.
        let mut found = status(&server, &directory).await;
        for _ in 0..200 {
            if found.at("/errors/refused") == &json!(6) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            found = status(&server, &directory).await;
        }
        assert_eq!(found.at("/errors"), &json!({"window_hours": 24, "requests": 13, "refused": 6, "rate": 0.4615}));
        assert_eq!(
            attention(&found),
            [
                "drift", "removals_parked", "runs_failed", "token_expires", // high
                "many_refused", "paused", // medium
                "members_pending", "groups_unmatched", // low
            ]
        );
        assert_eq!((found.at("/state"), found.at("/backlog")), (&json!("paused"), &json!(7)));
        assert_eq!(found.at("/parked_run_id"), &json!(guard));
        assert_eq!(found.at("/running_runs"), &json!([running]));
        assert_eq!(found.at("/attention/1/link"), &json!(format!("/sync_runs/{guard}/effects")));
        assert_eq!(found.at("/drift"), &json!({"rows": 3, "run_id": running, "verified_at": "2026-01-31T08:00:00.000Z", "left_out": []}));
        assert_eq!(found.at("/tokens/next_expiry"), &json!("2026-02-02T08:00:00.000Z"));

        let metrics = super::support::server::client().get(format!("{}/metrics", server.server.url()));
        let metrics = super::support::server::answer(metrics).await.expect(200);
        let text = metrics.body.as_str().unwrap();
        for line in [
            "muster_drift_rows 3".to_owned(),
            format!("muster_organization_drift_rows{{organization=\"{organization}\"}} 3"),
            format!("muster_verify_last_success_timestamp_seconds {}.0", start.timestamp()),
            "muster_parked_effects 1".to_owned(),
            "muster_runs_running 1".to_owned(),
            "muster_runs_failed 1".to_owned(),
            format!("muster_token_expiry_seconds{{directory=\"{id}\"}} 172800"),
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        server.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_dialect_is_told_by_name_and_by_habits() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@acme.example").await;
        let patch = json!([{"op": "Replace", "path": "title", "value": "Dr"}]);
        directory.patch(&format!("/Users/{ada}"), patch).await.expect(200);
        let found = status(&server, &directory).await;
        assert_eq!(
            found.at("/dialect"),
            &json!({"verdict": "entra", "evidence": {"tolerances": {"op_case": 1}, "user_agents": {}}})
        );
        let agent = [("user-agent", "Okta SCIM Client 1.0.0")];
        directory.with_headers("POST", "/Users", &agent, user("bo@acme.example", json!({}))).await.expect(201);
        let found = status(&server, &directory).await;
        assert_eq!(found.at("/dialect/verdict"), &json!("okta"));
        assert_eq!(found.at("/dialect/evidence/user_agents"), &json!({"Okta SCIM Client 1.0.0": 1}));
    })
    .await;
}

#[tokio::test]
async fn each_group_says_what_became_of_it_or_what_keeps_it_out() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let native = |name: &'static str| {
            let path = format!("/organizations/{organization}/groups");
            let server = &server;
            async move { server.api("POST", &path, json!({"name": name})).await.expect(201).text("/id") }
        };
        let (everybody, sales, _taken) = (native("Everybody").await, native("Sales").await, native("eng-taken").await);
        let when = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>[a-z]+)$", "except_group": "displayName eq \"legal\""});
        let then = json!([{"mirror_group": {}}, {"into_group": {"group_id": everybody}}]);
        let rule = server.rule(organization, "teams", when, then).await.text("/id");
        server.rule(organization, "people", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;

        let ada = directory.user("ada@acme.example").await;
        let names = ["eng-mobile", "eng-taken", "legal", "SALES", "enh-typo", "eng-42", "ops.a", "OPS.b", "ops.c", "alone"];
        for name in names {
            directory.scim("POST", "/Groups", group(name, &[&ada])).await.expect(201);
        }
        let all = groups(&server, &directory, "limit=100").await;
        let of = |name: &str| {
            all.iter().find(|one| one["directory_group"]["name"] == name).unwrap_or_else(|| panic!("{name}: {all:?}"))
        };
        let states: Vec<&str> = names.iter().map(|name| of(name)["state"].as_str().unwrap()).collect();
        assert_eq!(states[..3], ["bound", "parked", "excepted"]);
        assert!(states[3..].iter().all(|state| *state == "unmatched"), "{states:?}");

        let mobile = of("eng-mobile");
        assert_eq!(mobile["directory_group"]["members"], json!(1));
        assert_eq!(mobile["rules"][0]["rule"], json!({"id": rule, "key": "teams"}));
        assert_eq!(mobile["rules"][0]["mirror"]["state"], json!("made"));
        let native: Vec<&Value> = mobile["native_groups"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(native, ["Everybody", "eng-mobile"]);
        assert_eq!((&mobile["suggestion"], &mobile["kept_out_by"]), (&NONE, &json!([])));
        assert_eq!(of("eng-taken")["rules"][0]["mirror"], json!({"state": "parked", "group_id": null, "name": "eng-taken"}));
        assert_eq!(of("legal")["rules"][0]["excepted"], json!(true));

        let into = &of("SALES")["suggestion"];
        assert_eq!((&into["type"], &into["group_id"]), (&json!("into_group"), &json!(sales)));
        let slip = &of("enh-typo")["suggestion"];
        assert_eq!((&slip["type"], &slip["wanted"], &slip["rule"]["key"]), (&json!("edit_rule"), &json!("eng-"), &json!("teams")));
        let pattern = &of("OPS.b")["suggestion"];
        assert_eq!((&pattern["filter"], &pattern["groups"]), (&json!("displayName sw \"OPS.\""), &json!(3)));
        assert_eq!(of("alone")["suggestion"], NONE);

        let out = |name: &str| {
            let out = of(name)["kept_out_by"].as_array().unwrap();
            out.iter().map(|one| format!("{} {}", one["rule"]["key"].as_str().unwrap(), one["clause"].as_str().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(out("alone"), ["teams when.group", "people when.user"]);
        assert_eq!(out("eng-42"), ["teams when.capture", "people when.user"]);
        assert_eq!(of("eng-42")["kept_out_by"][0]["written"], json!("^eng-(?<team>[a-z]+)$"));
    })
    .await;
}

#[tokio::test]
async fn groups_are_listed_by_state_and_name_in_pages() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        server
            .rule(
                &directory.organization,
                "eng",
                json!({"group": "displayName sw \"eng\""}),
                json!([{"mirror_group": {}}]),
            )
            .await;
        for n in 0..5 {
            directory.group(&format!("eng {n}"), &[]).await;
            directory.group(&format!("Ops {n}"), &[]).await;
        }
        let names = |rows: Vec<Value>| {
            rows.iter().map(|row| row["directory_group"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(groups(&server, &directory, "state=bound&limit=2").await), ["eng 0", "eng 1"]);
        assert_eq!(groups(&server, &directory, "state=unmatched").await.len(), 5);
        assert_eq!(groups(&server, &directory, "state=parked").await.len(), 0);
        assert_eq!(names(groups(&server, &directory, "search=OPS%203").await), ["Ops 3"]);
        let base = format!("/directories/{}/groups_status", directory.id);
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page =
                server.api("GET", &format!("{base}?state=unmatched&order=asc&limit=2{after}"), NONE).await.expect(200);
            seen.extend(names(page.body["data"].as_array().unwrap().clone()));
            match page.at("/list_metadata/after").as_str() {
                Some(cursor) => after = format!("&after={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, ["Ops 0", "Ops 1", "Ops 2", "Ops 3", "Ops 4"]);
        server.api("GET", &format!("{base}?state=lost"), NONE).await.expect(422);

        let stranger = server.directory().await;
        let key = json!({"name": "Theirs", "organization_id": stranger.organization, "role": "read"});
        let key = server.api("POST", "/api_keys", key).await.expect(201).text("/key");
        for path in [base, format!("/directories/{}/sync_status", directory.id)] {
            server.api_with(&key, "GET", &path, NONE).await.expect(404);
            let own = path.replace(&directory.id, &stranger.id);
            server.api_with(&key, "GET", &own, NONE).await.expect(200);
        }
    })
    .await;
}
