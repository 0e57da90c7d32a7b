//! Directories paused, resumed and removed; requests that are too large for one transaction; verification.

use muster::store::{events, sql};
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::native::native;
use super::support::server::{TestDirectory, TestServer, on_each_server};
use muster::domain::Clock;

async fn scene(server: &TestServer) -> (TestDirectory, String, String) {
    let directory = server.directory().await;
    let ann = directory.user("ann@x.example").await;
    let group = directory.group("Eng", &[&ann]).await;
    server
        .rule(&directory.organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}]))
        .await;
    (directory, ann, group)
}

#[tokio::test]
async fn while_a_directory_is_paused_facts_go_on_and_the_native_side_waits() {
    on_each_server(|server| async move {
        let (directory, ann, group) = scene(&server).await;
        let before = native(&server, &directory.organization).await;
        let path = format!("/directories/{}", directory.id);
        let paused = server.api("POST", &format!("{path}/pause"), Value::Null).await.expect(200);
        assert!(paused.at("/paused_at").is_string());
        server.api("POST", &format!("{path}/pause"), Value::Null).await.expect(200);

        let bob = directory.user("bob@x.example").await;
        let add = json!([{"op": "add", "path": "members", "value": [{"value": bob}]}]);
        directory.patch(&format!("/Groups/{group}"), add).await.expect(204);
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        directory.patch(&format!("/Users/{ann}"), off).await.expect(200);
        directory.group("Design", &[&bob]).await;
        let after = native(&server, &directory.organization).await;
        assert_eq!((after.groups(), after.people()), (before.groups(), before.people()));
        let waiting = server.api("GET", &path, Value::Null).await.expect(200);
        assert_eq!(waiting.at("/backlog"), 4);

        // Resuming shows what would happen, and applying that does it.
        let plan = server.api("POST", &format!("{path}/resume"), Value::Null).await.expect(200);
        assert_eq!(plan.text("/object"), "mapping_plan");
        assert_eq!(
            (plan.at("/totals/group_created"), plan.at("/totals/membership_deactivated")),
            (&json!(1), &json!(1))
        );
        let run = server.api("POST", &format!("/mapping_plans/{}/apply", plan.text("/id")), Value::Null).await;
        server.run_in(&run.expect(200).text("/id"), "succeeded").await;
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), ["Design: bob@x.example", "Eng: bob@x.example"]);
        assert_eq!(after.people(), ["ann@x.example inactive member", "bob@x.example active member"]);
        let resumed = server.api("GET", &path, Value::Null).await.expect(200);
        assert_eq!((resumed.at("/paused_at"), resumed.at("/backlog")), (&Value::Null, &json!(0)));
    })
    .await;
}

#[tokio::test]
async fn what_was_deleted_while_paused_ends_on_resuming() {
    on_each_server(|server| async move {
        let (directory, ann, group) = scene(&server).await;
        let path = format!("/directories/{}", directory.id);
        server.api("POST", &format!("{path}/pause"), Value::Null).await.expect(200);
        directory.scim("DELETE", &format!("/Users/{ann}"), Value::Null).await.expect(204);
        directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        assert_eq!(native(&server, &directory.organization).await.groups(), ["Eng: ann@x.example"]);
        let plan = server.api("POST", &format!("{path}/resume"), Value::Null).await.expect(200);
        assert_eq!((plan.at("/totals/group_deleted"), plan.at("/totals/member_removed")), (&json!(1), &json!(1)));
        let run = server.api("POST", &format!("/mapping_plans/{}/apply", plan.text("/id")), Value::Null).await;
        server.run_in(&run.expect(200).text("/id"), "succeeded").await;
        let after = native(&server, &directory.organization).await;
        assert_eq!((after.groups(), after.people()), (vec![], vec!["ann@x.example inactive member".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn a_pause_without_news_is_resumed_at_once() {
    on_each_server(|server| async move {
        let (directory, _, _) = scene(&server).await;
        let path = format!("/directories/{}", directory.id);
        server.api("POST", &format!("{path}/pause"), Value::Null).await.expect(200);
        let resumed = server.api("POST", &format!("{path}/resume"), Value::Null).await.expect(200);
        assert_eq!((resumed.text("/object"), resumed.at("/paused_at")), ("directory".to_owned(), &Value::Null));
        server.api("POST", &format!("{path}/resume"), Value::Null).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn a_removed_directory_takes_what_it_gave_and_leaves_other_claims() {
    on_each_server(|server| async move {
        let (directory, _, _) = scene(&server).await;
        let organization = &directory.organization;
        let second = server.directory_in(organization, json!({})).await;
        let also = second.user("ann@x.example").await;
        second.group("Design", &[&also]).await;
        assert_eq!(native(&server, organization).await.groups(), ["Design: ann@x.example", "Eng: ann@x.example"]);

        let run = server.api("DELETE", &format!("/directories/{}", directory.id), Value::Null).await.expect(202);
        server.run_in(&run.text("/id"), "succeeded").await;
        directory.scim("GET", "/Users", Value::Null).await.expect(401);
        server.api("GET", &format!("/directories/{}", directory.id), Value::Null).await.expect(404);
        let after = native(&server, organization).await;
        assert_eq!(
            (after.groups(), after.people()),
            (vec!["Design: ann@x.example".into()], vec!["ann@x.example active member".to_owned()])
        );
        let mut tx = server.server.app.db.read().await.unwrap();
        let events = events::after(&mut tx, organization.parse().unwrap(), 0, 1_000).await.unwrap();
        assert_eq!(events.iter().filter(|event| event.event == "dsync.deleted").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_a_removed_directory_gave_can_be_handed_over() {
    on_each_server(|server| async move {
        let (directory, _, _) = scene(&server).await;
        let before = native(&server, &directory.organization).await;
        let path = format!("/directories/{}?origins=hand_over", directory.id);
        let run = server.api("DELETE", &path, Value::Null).await.expect(202);
        server.run_in(&run.text("/id"), "succeeded").await;
        let after = native(&server, &directory.organization).await;
        assert_eq!((after.groups(), after.people()), (before.groups(), before.people()));
    })
    .await;
}

#[tokio::test]
async fn a_request_over_the_budget_commits_its_facts_and_names_the_run_that_does_the_rest() {
    on_each_database(|url| async move {
        let server = TestServer::start_with(&url, Clock::System, |args| args.converge_budget = 10).await;
        let directory = server.directory_in(&server.organization("Acme").await, json!({"guard": {"enabled": false}})).await;
        server.rule(&directory.organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        let crowd = directory.crowd(25).await;
        let members: Vec<Value> = crowd.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "All", "members": members});
        let made = directory.request("POST", "/Groups").json(&body).send().await.unwrap();
        assert_eq!(made.status(), 201);
        let run = made.headers()["muster-run"].to_str().unwrap().to_owned();
        let group: Value = made.json().await.unwrap();
        let group = group["id"].as_str().unwrap().to_owned();
        let done = server.run_in(&run, "succeeded").await;
        assert_eq!((done.text("/kind"), done.at("/progress/done")), ("remainder".to_owned(), &json!(25)));
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups().concat().matches('@').count(), 25);

        let gone = directory.request("DELETE", &format!("/Groups/{group}")).send().await.unwrap();
        assert_eq!(gone.status(), 204);
        let run = gone.headers()["muster-run"].to_str().unwrap().to_owned();
        server.run_in(&run, "succeeded").await;
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), Vec::<String>::new());
        server.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_large_request_is_guarded_like_a_small_one() {
    on_each_database(|url| async move {
        let server = TestServer::start_with(&url, Clock::System, |args| args.converge_budget = 10).await;
        let directory = server
            .directory_in(&server.organization("Acme").await, json!({"guard": {"minimum": 5, "percent": 0}}))
            .await;
        server
            .rule(&directory.organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}]))
            .await;
        let crowd = directory.crowd(25).await;
        let members: Vec<&str> = crowd.iter().map(String::as_str).collect();
        let group = directory.group("All", &members).await;
        let wait = async || {
            let path = format!("/sync_runs?organization_id={}&kind=remainder", directory.organization);
            let runs = server.api("GET", &path, Value::Null).await.expect(200);
            server.run_in(&runs.text("/data/0/id"), "succeeded").await;
        };
        wait().await;
        directory.patch(&format!("/Groups/{group}"), json!([{"op": "remove", "path": "members"}])).await.expect(204);
        wait().await;
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups().concat().matches('@').count(), 20, "five may go, the others wait");
        server.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_verification_finds_nothing_where_all_agrees_and_lists_every_difference() {
    on_each_server(|server| async move {
        let (directory, _, _) = scene(&server).await;
        let organization = &directory.organization;
        let verify = async || {
            let run = server.begin_run(organization, "verify").await;
            server.run_in(&run, "succeeded").await;
            let effects =
                server.api("GET", &format!("/sync_runs/{run}/effects?limit=100"), Value::Null).await.expect(200);
            let mut kinds: Vec<String> = effects.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|effect| effect["kind"].as_str().unwrap().to_owned())
                .collect();
            kinds.sort();
            let status = server.api("GET", &format!("/directories/{}/sync_status", directory.id), Value::Null).await;
            (kinds, status.expect(200).at("/drift/rows").clone())
        };
        assert_eq!(verify().await, (vec![], json!(0)));
        let id = organization.parse().unwrap();
        server.store(id, vec![sql("DELETE FROM group_memberships WHERE organization_id = $1").bind(id)]).await;
        assert_eq!(verify().await, (vec!["member_added".to_owned()], json!(1)));
        assert_eq!(native(&server, organization).await.groups(), ["Eng: "], "nothing is repaired unasked");

        let body = json!({"organization_id": organization, "changes": [{"reconcile": {}}]});
        let plan = server.api("POST", "/mapping_plans", body).await.expect(201);
        assert_eq!(plan.at("/totals/member_added"), 1);
        let run = server.api("POST", &format!("/mapping_plans/{}/apply", plan.text("/id")), Value::Null).await;
        server.run_in(&run.expect(200).text("/id"), "succeeded").await;
        assert_eq!(native(&server, organization).await.groups(), ["Eng: ann@x.example"]);
        server.store(id, vec![sql("DELETE FROM origins WHERE organization_id = $1").bind(id)]).await;
        let (kinds, drift) = verify().await;
        assert_eq!(kinds, ["origin_missing", "origin_missing"]);
        assert_eq!(drift, json!(2));
    })
    .await;
}
