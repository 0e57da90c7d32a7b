//! Each event says why it happened: the request, the actor, and the rules with their versions.

use serde_json::{Value, json};

use super::support::explain::membership;
use super::support::server::{TestServer, on_each_server};

/// The context of the last event of this name.
async fn cause(server: &TestServer, organization: &str, name: &str) -> Value {
    let mut tx = server.server.app.db.read().await.unwrap();
    let told = muster::store::events::after(&mut tx, organization.parse().unwrap(), 0, 1_000).await.unwrap();
    let last = told.into_iter().rfind(|event| event.event == name).unwrap_or_else(|| panic!("no {name}"));
    serde_json::from_str(&last.context).unwrap()
}

#[tokio::test]
async fn what_rules_bring_about_names_them_with_their_versions() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName sw \"Eng\""});
        let rule = server.rule(organization, "eng", when, json!([{"mirror_group": {}}])).await.text("/id");
        let ada = directory.user("ada@acme.example").await;
        let group = directory.group("Eng", &[&ada]).await;
        let first = json!([{"id": rule, "version": 1}]);
        for name in ["group.created", "group.member_added", "organization_membership.created"] {
            let cause = cause(&server, organization, name).await;
            assert_eq!(cause["rules"], first, "{name}");
            assert_eq!(cause["actor"]["id"], json!(directory.id), "{name}");
            assert!(cause["request_id"].as_str().unwrap().starts_with("request_"), "{name}");
        }
        let then = json!({"then": [{"mirror_group": {}}, {"grant_role": {"role": "admin"}}], "apply": true});
        server.api("PATCH", &format!("/mapping_rules/{rule}"), then).await.expect(200);
        let second = json!([{"id": rule, "version": 2}]);
        let promoted = cause(&server, organization, "organization_membership.updated").await;
        assert_eq!((&promoted["rules"], &promoted["actor"]["source"]), (&second, &json!("api")));

        let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ada}\"]")}]);
        directory.patch(&format!("/Groups/{group}"), remove).await.expect(204);
        for name in ["group.member_removed", "organization_membership.updated"] {
            assert_eq!(cause(&server, organization, name).await["rules"], second, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_happens_by_hand_names_the_key_and_no_rule() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let everybody = json!([{"ensure_membership": {}}]);
        server.rule(organization, "all", json!({"user": "userName pr"}), everybody).await;
        let ada = directory.user("ada@acme.example").await;
        let member = membership(&server, organization, "ada@acme.example").await;
        let groups = format!("/organizations/{organization}/groups");
        let group = server.api("POST", &groups, json!({"name": "Staff"})).await.expect(201).text("/id");
        let add = json!({"organization_membership_id": member});
        let members = format!("{groups}/{group}/organization-memberships");
        let answer = server.api("POST", &members, add).await.expect(200);
        let request = answer.headers["x-request-id"].to_str().unwrap();
        let added = cause(&server, organization, "group.member_added").await;
        let root = json!({"id": "root", "source": "api", "name": "Root key"});
        assert_eq!(added, json!({"actor": root, "request_id": request}));
        // Suspended by the directory: the request did it, and no rule.
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        directory.patch(&format!("/Users/{ada}"), off).await.expect(200);
        let removed = cause(&server, organization, "group.member_removed").await;
        assert_eq!((removed.get("rules"), &removed["actor"]["id"]), (None, &json!(directory.id)));
    })
    .await;
}

#[tokio::test]
async fn whom_an_exclusion_takes_out_is_told_by_which() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server
            .rule(organization, "all", json!({"group": "displayName eq \"Eng\""}), json!([{"mirror_group": {}}]))
            .await;
        let out = json!({"group": "displayName eq \"legal-hold\""});
        let exclude = server.rule(organization, "hold", out, json!([{"exclude": {}}])).await.text("/id");
        let ada = directory.user("ada@acme.example").await;
        directory.group("Eng", &[&ada]).await;
        directory.group("legal-hold", &[&ada]).await;
        let removed = cause(&server, organization, "group.member_removed").await;
        assert_eq!(removed["rules"], json!([{"id": exclude, "version": 1}]));
    })
    .await;
}
