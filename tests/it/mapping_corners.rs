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

#[tokio::test]
async fn a_mirror_that_had_to_keep_its_old_name_takes_the_new_one_once_it_is_free() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        let red = directory.group("Red", &[]).await;
        let blue = directory.group("Blue", &[]).await;
        let rename = async |id: &str, name: &str| {
            let replace = json!([{"op": "replace", "path": "displayName", "value": name}]);
            directory.patch(&format!("/Groups/{id}"), replace).await.expect(204);
            native(&server, organization).await.groups()
        };
        assert_eq!(rename(&red, "Blue").await, ["Blue: ", "Red: "], "the name is taken");
        assert_eq!(rename(&blue, "Green").await, ["Blue: ", "Green: "], "the mirror of Red has it now");
    })
    .await;
}

#[tokio::test]
async fn two_mirrors_never_adopt_one_group() {
    on_each_server(|server| async move {
        let (one, organization) = {
            let directory = server.directory().await;
            (directory.clone(), directory.organization)
        };
        let two = server.directory_in(&organization, json!({})).await;
        by_hand(&server, &organization, "Admins").await;
        let (ada, bo) = (one.user("ada@acme.example").await, two.user("bo@acme.example").await);
        one.group("Admins", &[&ada]).await;
        two.group("Admins", &[&bo]).await;
        let adopt = json!([{"mirror_group": {"on_collision": "adopt"}}]);
        server.rule(&organization, "admins", named("Admins"), adopt).await;
        let groups = native(&server, &organization).await.groups();
        assert!(groups.len() == 1 && !groups[0].contains(','), "one adopts, the other waits: {groups:?}");
    })
    .await;
}

#[tokio::test]
async fn an_adopted_group_takes_the_spelling_at_once_and_stays_when_its_mirror_ends() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        by_hand(&server, organization, "ADMINS").await;
        let adopt = json!([{"mirror_group": {"on_collision": "adopt"}}]);
        server.rule(organization, "admins", named("Admins"), adopt).await;
        let ada = directory.user("ada@acme.example").await;
        let group = directory.group("Admins", &[&ada]).await;
        assert_eq!(native(&server, organization).await.groups(), ["Admins: ada@acme.example"]);
        directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Admins: "], "it was there before the rule");
    })
    .await;
}

#[tokio::test]
async fn a_mirror_that_waits_adopts_a_group_that_another_rule_lets_go() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let keep = json!([{"mirror_group": {"name": "Staff", "on_delete": "keep"}}]);
        server.rule(organization, "red", named("Red"), keep).await;
        let adopt = json!([{"mirror_group": {"name": "Staff", "on_collision": "adopt"}}]);
        server.rule(organization, "blue", named("Blue"), adopt).await;
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        let red = directory.group("Red", &[&ada]).await;
        directory.group("Blue", &[&bo]).await;
        assert_eq!(native(&server, organization).await.groups(), ["Staff: ada@acme.example"]);
        directory.scim("DELETE", &format!("/Groups/{red}"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Staff: bo@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_mirror_with_a_number_follows_a_rename_to_a_name_that_is_free() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let suffix = json!([{"mirror_group": {"on_collision": "suffix"}}]);
        server.rule(organization, "all", json!({"group": "displayName pr"}), suffix).await;
        let group = directory.group("Red (2)", &[]).await;
        let replace = json!([{"op": "replace", "path": "displayName", "value": "Red"}]);
        directory.patch(&format!("/Groups/{group}"), replace).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Red: "]);
    })
    .await;
}

#[tokio::test]
async fn a_group_that_an_exclusion_names_outlives_its_mirror() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "red", named("Red"), json!([{"mirror_group": {}}])).await;
        let red = directory.group("Red", &[]).await;
        let mirror = native(&server, organization).await.group_ids()[0].to_owned();
        let exclude = json!([{"exclude": {"group_id": mirror}}]);
        server.rule(organization, "nobody", json!({"user": "active eq true"}), exclude).await;
        directory.scim("DELETE", &format!("/Groups/{red}"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Red: "], "a rule in force names it");
    })
    .await;
}

#[tokio::test]
async fn handing_a_rule_over_gives_nobody_what_an_exclusion_took_away() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let rule = server.rule(organization, "red", named("Red"), json!([{"mirror_group": {}}])).await.text("/id");
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        directory.group("Red", &[&ada, &bo]).await;
        let contractors = json!({"user": "userName sw \"bo\""});
        server.rule(organization, "contractors", contractors, json!([{"exclude": {}}])).await;
        assert_eq!(native(&server, organization).await.groups(), ["Red: ada@acme.example"]);
        server.api("DELETE", &format!("/mapping_rules/{rule}?origins=hand_over"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Red: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_version_whose_group_has_gone_is_refused_when_it_is_applied() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "red", named("Red"), json!([{"mirror_group": {}}])).await;
        let red = directory.group("Red", &[]).await;
        directory.user("ada@acme.example").await;
        let mirror = native(&server, organization).await.group_ids()[0].to_owned();
        let body = json!({
            "organization_id": organization, "key": "staff", "when": {"user": "active eq true"},
            "then": [{"into_group": {"group_id": mirror}}],
        });
        let rule = server.api("POST", "/mapping_rules", body).await.expect(201).text("/id");
        directory.scim("DELETE", &format!("/Groups/{red}"), Value::Null).await.expect(204);
        let refused = server.api("PATCH", &format!("/mapping_rules/{rule}"), json!({"apply": true})).await;
        assert!(refused.status.is_client_error(), "{refused:?}");
        assert!(refused.body.to_string().contains("unknown_group"), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn an_account_of_two_directories_follows_the_older_user_and_then_the_one_who_is_left() {
    on_each_server(|server| async move {
        let one = server.directory().await;
        let two = server.directory_in(&one.organization, json!({})).await;
        let everybody = json!({"user": "active eq true"});
        server.rule(&one.organization, "all", everybody, json!([{"ensure_membership": {}}])).await;
        let body = |given: &str| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": "ada@acme.example", "name": {"givenName": given},
            })
        };
        let first = one.scim("POST", "/Users", body("Ada")).await.expect(201).text("/id");
        let second = two.scim("POST", "/Users", body("Augusta")).await.expect(201).text("/id");
        let given = async || {
            let account = native(&server, &one.organization).await.user_ids()[0].to_owned();
            server.api("GET", &format!("/user_management/users/{account}"), Value::Null).await.text("/first_name")
        };
        assert_eq!(given().await, "Ada");
        two.scim("PUT", &format!("/Users/{second}"), body("Augusta Ada")).await.expect(200);
        assert_eq!(given().await, "Ada");
        one.scim("DELETE", &format!("/Users/{first}"), Value::Null).await.expect(204);
        assert_eq!(given().await, "Augusta Ada");
    })
    .await;
}

#[tokio::test]
async fn who_returns_does_not_take_the_account_that_somebody_else_holds_by_now() {
    on_each_server(|server| async move {
        let one = server.directory().await;
        let organization = &one.organization;
        let everybody = json!({"user": "active eq true"});
        server.rule(organization, "all", everybody, json!([{"ensure_membership": {}}])).await;
        let deleting = server.directory_in(organization, json!({"deleted_people": "delete"})).await;
        let body = |user_name: &str| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": user_name, "externalId": "e-1",
            })
        };
        let first = deleting.scim("POST", "/Users", body("ada@acme.example")).await.expect(201).text("/id");
        deleting.scim("DELETE", &format!("/Users/{first}"), Value::Null).await.expect(204);
        one.user("ada@acme.example").await;
        deleting.scim("POST", "/Users", body("bo@acme.example")).await.expect(201);
        let people = native(&server, organization).await.people();
        assert_eq!(people, ["ada@acme.example active member", "bo@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_sends_back_the_members_it_read_changes_nobody() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let user = |external_id: &str| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": "ada", "externalId": external_id,
            })
        };
        let ada = directory.scim("POST", "/Users", user("e-1")).await.expect(201).text("/id");
        let group = directory.group("Red", &["e-1"]).await;
        let path = format!("/Groups/{group}");
        directory.scim("PUT", &format!("/Users/{ada}"), user("e-2")).await.expect(200);
        let read = directory.scim("GET", &path, Value::Null).await.expect(200).body;
        assert_eq!(read["members"][0]["value"], "e-1", "as it was sent");
        directory.scim("PUT", &path, read).await.expect(200);
        let after = directory.scim("GET", &path, Value::Null).await.expect(200).body;
        assert_eq!(after["members"][0]["type"], "User", "still the same person, and not pending: {after}");
    })
    .await;
}

#[tokio::test]
async fn who_was_there_all_along_is_not_somebody_else_returned() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let everybody = json!({"user": "active eq true"});
        server.rule(organization, "all", everybody, json!([{"ensure_membership": {}}])).await;
        let body = |user_name: &str, title: &str| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": user_name, "externalId": "e-1", "title": title,
            })
        };
        let create = async |user_name: &str| {
            directory.scim("POST", "/Users", body(user_name, "Clerk")).await.expect(201).text("/id")
        };
        let ada = create("ada@acme.example").await;
        // Without an address, and therefore without an account.
        let bo = create("bo").await;
        directory.scim("DELETE", &format!("/Users/{ada}"), Value::Null).await.expect(204);
        directory.scim("PUT", &format!("/Users/{bo}"), body("bo", "Lead")).await.expect(200);
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example inactive member"]);
    })
    .await;
}
