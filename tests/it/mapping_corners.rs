//! Corners of mapping that generated histories found: each was once a defect.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::server::{TestServer, on_each_server};

/// Makes a native group by hand; answers its id.
async fn by_hand(server: &TestServer, organization: &str, name: &str) -> String {
    let path = format!("/organizations/{organization}/groups");
    server.api("POST", &path, json!({"name": name})).await.expect(201).text("/id")
}

/// A condition on the name of a directory group.
fn named(name: &str) -> Value {
    json!({"group": format!("displayName eq \"{name}\"")})
}

#[tokio::test]
async fn a_deleted_rule_leaves_the_groups_that_it_keeps() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let keep = json!([{"mirror_group": {"on_delete": "keep"}}]);
        let rule = server.rule(organization, "red", named("Red"), keep).await.text("/id");
        let ada = directory.user("ada@acme.example").await;
        directory.group("Red", &[&ada]).await;
        server.api("DELETE", &format!("/mapping_rules/{rule}"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Red: "]);
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_stops_mirroring_leaves_the_groups_that_it_kept() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let keep = json!([{"mirror_group": {"on_delete": "keep"}}]);
        let rule = server.rule(organization, "red", named("Red"), keep).await.text("/id");
        directory.group("Red", &[]).await;
        let to = json!({"then": [{"ensure_membership": {}}], "apply": true});
        server.api("PATCH", &format!("/mapping_rules/{rule}"), to).await.expect(200);
        assert_eq!(native(&server, organization).await.groups(), ["Red: "]);
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_is_handed_over_leaves_its_empty_groups_too() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let rule = server.rule(organization, "all", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}]));
        let rule = rule.await.text("/id");
        let ada = directory.user("ada@acme.example").await;
        directory.group("Red", &[&ada]).await;
        directory.group("Blue", &[]).await;
        server.api("DELETE", &format!("/mapping_rules/{rule}?origins=hand_over"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Blue: ", "Red: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn deleting_a_rule_ends_what_its_version_in_force_gave_and_not_what_the_newest_would_have() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let into = by_hand(&server, organization, "Staff").await;
        let then = json!([{"into_group": {"group_id": into}}]);
        let rule = server.rule(organization, "staff", json!({"user": "active eq true"}), then).await.text("/id");
        directory.user("ada@acme.example").await;
        assert_eq!(native(&server, organization).await.groups(), ["Staff: ada@acme.example"]);
        // Saved and not applied: a version that is about groups, of which there is none.
        let path = format!("/mapping_rules/{rule}");
        server.api("PATCH", &path, json!({"when": named("Red")})).await.expect(200);
        server.api("DELETE", &path, Value::Null).await.expect(204);
        let native = native(&server, organization).await;
        assert_eq!(
            (native.groups(), native.people()),
            (vec!["Staff: ".to_owned()], vec!["ada@acme.example inactive member".to_owned()])
        );
    })
    .await;
}
