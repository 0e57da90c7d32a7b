//! The life of a person beyond the rows of `mapping_life`: re-created, late, inactive from the start, repeated.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::server::{TestDirectory, TestServer, on_each_server};

/// A directory in which everybody active is mapped into a mirrored group "All".
async fn everybody_in_all(server: &TestServer) -> (TestDirectory, String) {
    let directory = server.directory().await;
    let when = json!({"group": "displayName eq \"All\""});
    server.rule(&directory.organization, "all", when, json!([{"mirror_group": {}}])).await;
    let group = directory.group("All", &[]).await;
    (directory, group)
}

async fn join(directory: &TestDirectory, group: &str, user: &str) {
    let add = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
    directory.patch(&format!("/Groups/{group}"), add).await.expect(204);
}

#[tokio::test]
async fn a_deleted_person_who_returns_with_the_same_external_id_is_the_same_account() {
    on_each_server(|server| async move {
        let (directory, group) = everybody_in_all(&server).await;
        let create = async |user_name: &str| {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": user_name, "externalId": "ext-1", "active": true,
            });
            directory.scim("POST", "/Users", body).await.expect(201).text("/id")
        };
        let first = create("ada@acme.example").await;
        join(&directory, &group, &first).await;
        let before = native(&server, &directory.organization).await;
        directory.scim("DELETE", &format!("/Users/{first}"), Value::Null).await.expect(204);
        let deleted = native(&server, &directory.organization).await;
        assert_eq!(deleted.people(), ["ada@acme.example inactive member"]);
        let second = create("ada.byron@acme.example").await;
        assert_ne!(first, second, "ids are never used again");
        join(&directory, &group, &second).await;
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.user_ids(), before.user_ids());
        assert_eq!(after.people(), ["ada@acme.example active member"], "the address of an unverified domain stays");
    })
    .await;
}

#[tokio::test]
async fn a_pending_member_joins_when_it_arrives() {
    on_each_server(|server| async move {
        let (directory, group) = everybody_in_all(&server).await;
        join(&directory, &group, "ext-7").await;
        assert_eq!(native(&server, &directory.organization).await.groups(), ["All: "]);
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "late@acme.example", "externalId": "ext-7",
        });
        directory.scim("POST", "/Users", body).await.expect(201);
        assert_eq!(native(&server, &directory.organization).await.groups(), ["All: late@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_changes_nothing_and_emits_nothing() {
    on_each_server(|server| async move {
        let (directory, group) = everybody_in_all(&server).await;
        let ada = directory.user("ada@acme.example").await;
        let path = format!("/Groups/{group}");
        let add = json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]);
        let first = directory.patch(&path, add.clone()).await.expect(204);
        let again = directory.patch(&path, add).await.expect(204);
        let header = |name: &str, answer: &super::support::server::Answer| {
            answer.headers.get(name).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(header("muster-revision", &first), header("muster-revision", &again));
        assert_eq!(header("etag", &first), header("etag", &again));
    })
    .await;
}

#[tokio::test]
async fn an_inactive_newcomer_gets_no_account_until_they_are_active() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let when = json!({"user": "userName pr"});
        server.rule(&directory.organization, "all", when, json!([{"ensure_membership": {}}])).await;
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "ada@acme.example", "active": false,
        });
        let ada = directory.scim("POST", "/Users", body).await.expect(201).text("/id");
        assert!(native(&server, &directory.organization).await.people().is_empty());
        let activate = json!([{"op": "replace", "path": "active", "value": "True"}]);
        directory.patch(&format!("/Users/{ada}"), activate).await.expect(200);
        assert_eq!(native(&server, &directory.organization).await.people(), ["ada@acme.example active member"]);
    })
    .await;
}
