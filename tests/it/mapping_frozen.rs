//! Rules frozen, thawed, deleted and handed over.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::server::{TestDirectory, TestServer, on_each_server};

async fn scene(server: &TestServer) -> (TestDirectory, String, String, String) {
    let directory = server.directory().await;
    let ann = directory.user("ann@x.example").await;
    let group = directory.group("Eng", &[&ann]).await;
    let then = json!([{"mirror_group": {}}, {"grant_role": {"role": "admin"}}]);
    let rule =
        server.rule(&directory.organization, "teams", json!({"group": "displayName pr"}), then).await.text("/id");
    (directory, ann, group, rule)
}

async fn set_state(server: &TestServer, rule: &str, state: &str) {
    let body = json!({"state": state, "apply": true});
    server.api("PATCH", &format!("/mapping_rules/{rule}"), body).await.expect(200);
}

#[tokio::test]
async fn what_a_frozen_rule_gave_survives_the_edge_and_nothing_new_is_given() {
    on_each_server(|server| async move {
        let (directory, ann, group, rule) = scene(&server).await;
        set_state(&server, &rule, "frozen").await;
        let before = native(&server, &directory.organization).await;
        assert_eq!(
            (before.groups(), before.people()),
            (vec!["Eng: ann@x.example".into()], vec!["ann@x.example active admin".into()])
        );
        let bob = directory.user("bob@x.example").await;
        let swap = json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")},
            {"op": "add", "path": "members", "value": [{"value": bob}]}]);
        directory.patch(&format!("/Groups/{group}"), swap).await.expect(204);
        directory.group("Design", &[&bob]).await;
        let after = native(&server, &directory.organization).await;
        assert_eq!((after.groups(), after.people()), (before.groups(), before.people()));
        // Thawed, it says again what the directory says.
        set_state(&server, &rule, "active").await;
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), ["Design: bob@x.example", "Eng: bob@x.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_suspension_and_a_deletion_reach_what_is_frozen() {
    on_each_server(|server| async move {
        let (directory, ann, group, rule) = scene(&server).await;
        let bob = directory.user("bob@x.example").await;
        let add = json!([{"op": "add", "path": "members", "value": [{"value": bob}]}]);
        directory.patch(&format!("/Groups/{group}"), add).await.expect(204);
        set_state(&server, &rule, "frozen").await;
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        directory.patch(&format!("/Users/{ann}"), off).await.expect(200);
        assert_eq!(native(&server, &directory.organization).await.groups(), ["Eng: bob@x.example"]);
        directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), Vec::<String>::new());
        // The role was given by that group as well, and with it the membership.
        assert!(after.people().iter().all(|person| person.contains(" inactive ")), "{:?}", after.people());
    })
    .await;
}

#[tokio::test]
async fn freezing_and_thawing_without_news_changes_nothing_that_applications_see() {
    on_each_server(|server| async move {
        let (directory, _, _, rule) = scene(&server).await;
        let before = native(&server, &directory.organization).await;
        let events = server.events(&directory.organization).await;
        set_state(&server, &rule, "frozen").await;
        set_state(&server, &rule, "active").await;
        let after = native(&server, &directory.organization).await;
        assert_eq!(
            (after.groups(), after.group_ids(), after.people()),
            (before.groups(), before.group_ids(), before.people())
        );
        assert_eq!(server.events(&directory.organization).await, events);
    })
    .await;
}

#[tokio::test]
async fn what_a_deleted_rule_gave_can_be_handed_over() {
    on_each_server(|server| async move {
        let (directory, ann, group, rule) = scene(&server).await;
        let before = native(&server, &directory.organization).await;
        server.api("DELETE", &format!("/mapping_rules/{rule}?origins=hand_over"), Value::Null).await.expect(204);
        let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")}]);
        directory.patch(&format!("/Groups/{group}"), remove).await.expect(204);
        directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        let after = native(&server, &directory.organization).await;
        assert_eq!((after.groups(), after.people()), (before.groups(), before.people()));
    })
    .await;
}
