//! The life of a person: first seen, deactivated, reactivated, deleted, re-created, in two directories.

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
async fn a_leaver_is_suspended_at_once_and_returns_as_they_were() {
    on_each_server(|server| async move {
        let (directory, group) = everybody_in_all(&server).await;
        let ada = directory.user("ada@acme.example").await;
        join(&directory, &group, &ada).await;
        let active = async |flag: bool| {
            let replace = json!([{"op": "replace", "value": {"active": flag}}]);
            directory.patch(&format!("/Users/{ada}"), replace).await.expect(200);
            native(&server, &directory.organization).await
        };
        let gone = active(false).await;
        assert_eq!(gone.people(), ["ada@acme.example inactive member"]);
        assert_eq!(gone.groups(), ["All: "]);
        let back = active(true).await;
        assert_eq!(back.people(), ["ada@acme.example active member"]);
        assert_eq!(back.groups(), ["All: ada@acme.example"]);
    })
    .await;
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
async fn somebody_in_two_directories_stays_while_one_of_them_is_active() {
    on_each_server(|server| async move {
        let (one, group) = everybody_in_all(&server).await;
        let other = server.directory_in(&one.organization, json!({})).await;
        let ada_one = one.user("ada@acme.example").await;
        join(&one, &group, &ada_one).await;
        let ada_other = other.user("ada@acme.example").await;
        let everybody = json!({"user": "userName pr"});
        server.rule(&one.organization, "everybody", everybody, json!([{"ensure_membership": {}}])).await;
        assert_eq!(native(&server, &one.organization).await.people(), ["ada@acme.example active member"]);

        let leave = json!([{"op": "replace", "value": {"active": false}}]);
        one.patch(&format!("/Users/{ada_one}"), leave.clone()).await.expect(200);
        let still = native(&server, &one.organization).await;
        assert_eq!(still.people(), ["ada@acme.example active member"], "the other directory claims her");
        other.patch(&format!("/Users/{ada_other}"), leave).await.expect(200);
        assert_eq!(native(&server, &one.organization).await.people(), ["ada@acme.example inactive member"]);
    })
    .await;
}

#[tokio::test]
async fn an_account_of_another_organization_is_never_taken_over() {
    on_each_server(|server| async move {
        let (theirs, their_group) = everybody_in_all(&server).await;
        let ada = theirs.user("ada@acme.example").await;
        join(&theirs, &their_group, &ada).await;
        let (ours, our_group) = everybody_in_all(&server).await;
        let impostor = ours.user("ADA@acme.example").await;
        join(&ours, &our_group, &impostor).await;
        let native_side = native(&server, &ours.organization).await;
        assert_eq!((native_side.people(), native_side.groups()), (vec![], vec!["All: ".to_owned()]));
        assert_eq!(native(&server, &theirs.organization).await.people(), ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn a_verified_domain_links_people_to_accounts_that_exist() {
    on_each_server(|server| async move {
        let (elsewhere, group) = everybody_in_all(&server).await;
        let ada = elsewhere.user("ada@acme.example").await;
        join(&elsewhere, &group, &ada).await;
        let body = json!({"name": "Acme", "domain_data": [{"domain": "acme.example", "state": "verified"}]});
        let acme = server.api("POST", "/organizations", body).await.expect(201).text("/id");
        let directory = server.directory_in(&acme, json!({})).await;
        server.rule(&acme, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        directory.user("ada@acme.example").await;
        let (here, there) = (native(&server, &acme).await, native(&server, &elsewhere.organization).await);
        assert_eq!(here.user_ids(), there.user_ids());
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

#[tokio::test]
async fn deleting_people_can_delete_their_memberships() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let directory = server.directory_in(&organization, json!({"deleted_people": "delete"})).await;
        server.rule(&organization, "all", json!({"user": "userName pr"}), json!([{"ensure_membership": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        assert_eq!(native(&server, &organization).await.people().len(), 1);
        directory.scim("DELETE", &format!("/Users/{ada}"), Value::Null).await.expect(204);
        assert!(native(&server, &organization).await.people().is_empty());
    })
    .await;
}
