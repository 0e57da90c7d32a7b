//! The main job: what a directory pushes becomes native groups, roles and memberships, by rules, in the same
//! request.

use serde_json::{Value, json};

use super::support::native::{Native, native};
use super::support::server::on_each_server;

#[tokio::test]
async fn a_matching_group_becomes_a_native_group_with_its_members() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let then = json!([{"mirror_group": {"name": "Team {{ team | title }}"}}]);
        let when = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>.+)$"});
        server.rule(&directory.organization, "teams", when, then).await;
        let ada = directory.user("ada@acme.example").await;
        let bo = directory.user("bo@acme.example").await;
        directory.group("eng-mobile", &[&ada, &bo]).await;
        directory.group("Sales", &[&ada]).await;
        let native = native(&server, &directory.organization).await;
        assert_eq!(native.groups(), ["Team Mobile: ada@acme.example, bo@acme.example"]);
        assert_eq!(native.people(), ["ada@acme.example active member", "bo@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn nobody_becomes_a_member_without_a_rule() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("eng-mobile", &[&ada]).await;
        let native = native(&server, &directory.organization).await;
        assert_eq!((native.groups(), native.people()), (vec![], vec![]));
    })
    .await;
}

#[tokio::test]
async fn a_rule_applied_later_maps_what_is_there_already() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("eng-mobile", &[&ada]).await;
        let when = json!({"group": "displayName sw \"eng-\""});
        server.rule(&directory.organization, "teams", when, json!([{"mirror_group": {}}])).await;
        assert_eq!(native(&server, &directory.organization).await.groups(), ["eng-mobile: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn saving_a_rule_without_applying_it_changes_nothing() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("eng-mobile", &[&ada]).await;
        let body = json!({
            "organization_id": directory.organization, "key": "teams",
            "when": {"group": "displayName sw \"eng-\""}, "then": [{"mirror_group": {}}],
        });
        let rule = server.api("POST", "/mapping_rules", body).await.expect(201);
        assert_eq!((rule.at("/version"), rule.at("/applied_version")), (&json!(1), &Value::Null));
        assert!(native(&server, &directory.organization).await.groups().is_empty());
        let path = format!("/mapping_rules/{}", rule.text("/id"));
        server.api("PATCH", &path, json!({"apply": true})).await.expect(200);
        assert_eq!(native(&server, &directory.organization).await.groups(), ["eng-mobile: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn members_come_and_go_with_the_directory() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let when = json!({"group": "displayName eq \"Design\""});
        server.rule(&directory.organization, "design", when, json!([{"mirror_group": {}}])).await;
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        let design = directory.group("Design", &[&ada]).await;
        let path = format!("/Groups/{design}");
        directory.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": bo}]}])).await.expect(204);
        let now = async || native(&server, &directory.organization).await.groups();
        assert_eq!(now().await, ["Design: ada@acme.example, bo@acme.example"]);
        let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ada}\"]")}]);
        directory.patch(&path, remove).await.expect(204);
        assert_eq!(now().await, ["Design: bo@acme.example"]);
        let people = native(&server, &directory.organization).await.people();
        assert_eq!(people, ["ada@acme.example inactive member", "bo@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn nested_groups_are_flattened_and_cycles_end() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let when = json!({"group": "displayName eq \"Outer\""});
        server.rule(&directory.organization, "outer", when, json!([{"mirror_group": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let inner = directory.group("Inner", &[&ada]).await;
        let outer = directory.group("Outer", &[&inner]).await;
        let now = async || native(&server, &directory.organization).await.groups();
        assert_eq!(now().await, ["Outer: ada@acme.example"]);
        let back = json!([{"op": "add", "path": "members", "value": [{"value": outer}]}]);
        directory.patch(&format!("/Groups/{inner}"), back).await.expect(204);
        assert_eq!(now().await, ["Outer: ada@acme.example"]);
        let bo = directory.user("bo@acme.example").await;
        let add = json!([{"op": "add", "path": "members", "value": [{"value": bo}]}]);
        directory.patch(&format!("/Groups/{inner}"), add).await.expect(204);
        assert_eq!(now().await, ["Outer: ada@acme.example, bo@acme.example"]);
        directory.scim("DELETE", &format!("/Groups/{inner}"), Value::Null).await.expect(204);
        assert_eq!(now().await, ["Outer: "]);
    })
    .await;
}

#[tokio::test]
async fn a_mirror_follows_renames_and_ends_with_its_directory_group() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let when = json!({"group": "displayName sw \"eng-\""});
        server.rule(&directory.organization, "teams", when, json!([{"mirror_group": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let group = directory.group("eng-ios", &[&ada]).await;
        let before = native(&server, &directory.organization).await;
        let rename = json!([{"op": "replace", "path": "displayName", "value": "eng-mobile"}]);
        directory.patch(&format!("/Groups/{group}"), rename).await.expect(204);
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), ["eng-mobile: ada@acme.example"]);
        assert_eq!(after.group_ids(), before.group_ids(), "the group is the same one");
        directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        assert!(native(&server, &directory.organization).await.groups().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_group_that_matches_no_more_loses_its_mirror() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let when = json!({"group": "displayName sw \"eng-\""});
        server.rule(&directory.organization, "teams", when, json!([{"mirror_group": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let group = directory.group("eng-ios", &[&ada]).await;
        let rename = json!([{"op": "replace", "path": "displayName", "value": "Sales"}]);
        directory.patch(&format!("/Groups/{group}"), rename).await.expect(204);
        let native = native(&server, &directory.organization).await;
        assert_eq!((native.groups(), native.people()), (vec![], vec!["ada@acme.example inactive member".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn a_name_that_somebody_has_parks_the_mirror_until_it_is_free() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let path = format!("/organizations/{organization}/groups");
        server.api("POST", &path, json!({"name": "Admins"})).await.expect(201);
        let when = json!({"group": "displayName pr"});
        server.rule(organization, "all", when, json!([{"mirror_group": {}}])).await;
        let eve = directory.user("eve@acme.example").await;
        directory.group("ADMINS ", &[&eve]).await;
        let native_side = native(&server, organization).await;
        assert_eq!(native_side.groups(), ["Admins: "], "a group called like it gains nothing");
        assert!(native_side.people().is_empty());

        // Two directory groups of one name: the first has it, the second waits until the first goes.
        let first = directory.group("Team", &[&eve]).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("team", &[&ada]).await;
        assert_eq!(native(&server, organization).await.groups(), ["Admins: ", "Team: eve@acme.example"]);
        directory.scim("DELETE", &format!("/Groups/{first}"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Admins: ", "team: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn collisions_can_be_suffixed_or_adopted() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let path = format!("/organizations/{organization}/groups");
        for name in ["Red", "Blue"] {
            server.api("POST", &path, json!({"name": name})).await.expect(201);
        }
        let suffix = json!([{"mirror_group": {"on_collision": "suffix"}}]);
        server.rule(organization, "red", json!({"group": "displayName eq \"Red\""}), suffix).await;
        let adopt = json!([{"mirror_group": {"on_collision": "adopt"}}]);
        server.rule(organization, "blue", json!({"group": "displayName eq \"Blue\""}), adopt).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("Red", &[&ada]).await;
        directory.group("Blue", &[&ada]).await;
        let groups = native(&server, organization).await.groups();
        assert_eq!(groups, ["Blue: ada@acme.example", "Red: ", "Red (2): ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn roles_are_granted_and_the_first_rule_names_the_primary_one() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let everybody = json!({"user": "active eq true"});
        server.rule(organization, "everybody", everybody, json!([{"grant_role": {"role": "member"}}])).await;
        let when = json!({"group": "displayName eq \"IT\""});
        let admins = server.rule(organization, "it", when, json!([{"grant_role": {"role": "admin"}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let it = directory.group("IT", &[&ada]).await;
        let now = async || native(&server, organization).await.people();
        assert_eq!(now().await, ["ada@acme.example active member,admin"]);
        let first = json!({"position": 1, "apply": true});
        server.api("PATCH", &format!("/mapping_rules/{}", admins.text("/id")), first).await.expect(200);
        assert_eq!(now().await, ["ada@acme.example active admin,member"]);
        directory.patch(&format!("/Groups/{it}"), json!([{"op": "remove", "path": "members"}])).await.expect(204);
        assert_eq!(now().await, ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn exclude_and_except_group_keep_people_out() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName sw \"eng-\"", "except_group": "displayName eq \"contractors\""});
        server.rule(organization, "teams", when, json!([{"mirror_group": {}}])).await;
        let banned = json!({"group": "displayName eq \"banned\""});
        server.rule(organization, "banned", banned, json!([{"exclude": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let bo = directory.user("bo@acme.example").await;
        let cy = directory.user("cy@acme.example").await;
        directory.group("eng-mobile", &[&ada, &bo, &cy]).await;
        let now = async || native(&server, organization).await;
        assert_eq!(now().await.groups(), ["eng-mobile: ada@acme.example, bo@acme.example, cy@acme.example"]);
        let contractors = directory.group("contractors", &[&bo]).await;
        let banned = directory.group("banned", &[&cy]).await;
        assert_eq!(now().await.groups(), ["eng-mobile: ada@acme.example"]);
        assert_eq!(now().await.people()[2], "cy@acme.example inactive member");
        for group in [contractors, banned] {
            directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        }
        assert_eq!(now().await.groups(), ["eng-mobile: ada@acme.example, bo@acme.example, cy@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn two_rules_into_one_group_make_a_union() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let path = format!("/organizations/{organization}/groups");
        let group = server.api("POST", &path, json!({"name": "Everybody"})).await.expect(201).text("/id");
        let into = json!([{"into_group": {"group_id": group}}]);
        let ada = directory.user("ada@acme.example").await;
        let red = directory.group("Red", &[&ada]).await;
        let blue = directory.group("Blue", &[&ada]).await;
        for (key, name) in [("red", "Red"), ("blue", "Blue")] {
            let when = json!({"group": format!("displayName eq \"{name}\"")});
            server.rule(organization, key, when, into.clone()).await;
        }
        let now = async || native(&server, organization).await.groups();
        directory.scim("DELETE", &format!("/Groups/{red}"), Value::Null).await.expect(204);
        assert_eq!(now().await, ["Everybody: ada@acme.example"]);
        directory.scim("DELETE", &format!("/Groups/{blue}"), Value::Null).await.expect(204);
        assert_eq!(now().await, ["Everybody: "]);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_rule_retracts_or_hands_over() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let ada = directory.user("ada@acme.example").await;
        directory.group("Red", &[&ada]).await;
        let (when, then) = (json!({"group": "displayName eq \"Red\""}), json!([{"mirror_group": {}}]));
        let rule = server.rule(organization, "red", when.clone(), then.clone()).await.text("/id");
        let path = format!("/mapping_rules/{rule}?origins=hand_over");
        server.api("DELETE", &path, Value::Null).await.expect(204);
        let kept: Native = native(&server, organization).await;
        assert_eq!(kept.groups(), ["Red: ada@acme.example"]);
        assert_eq!(kept.people(), ["ada@acme.example active member"]);

        let suffix = json!([{"mirror_group": {"on_collision": "suffix"}}]);
        let rule = server.rule(organization, "red", when, suffix).await.text("/id");
        assert_eq!(native(&server, organization).await.groups().len(), 2);
        server.api("DELETE", &format!("/mapping_rules/{rule}"), Value::Null).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), ["Red: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_mistake_in_a_rule_says_where_it_is() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let cases = [
            (json!({"group": "displayNam sw \"eng\""}), json!([{"mirror_group": {}}]), "when.group", "column 1"),
            (json!({"group": "displayName pr"}), json!([{"grant_role": {"role": "king"}}]), "then[0].role", "king"),
            (
                json!({"group": "displayName pr"}),
                json!([{"mirror_group": {"name": "{{ x"}}]),
                "then[0].mirror_group.name",
                "",
            ),
            (json!({"usr": "active eq true"}), json!([{"mirror_group": {}}]), "when.usr", "usr"),
            (json!({"group": "displayName pr"}), json!([{"delete_everything": {}}]), "then[0]", "delete_everything"),
        ];
        for (when, then, field, word) in cases {
            let body = json!({"organization_id": organization, "key": "x", "when": when, "then": then});
            let refused = server.api("POST", "/mapping_rules", body).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), field);
            assert!(refused.text("/message").contains(word), "{}", refused.body);
        }
        let foreign = server.directory().await;
        let body = json!({
            "organization_id": organization, "key": "x", "directory_id": foreign.id,
            "when": {"group": "displayName pr"}, "then": [{"mirror_group": {}}],
        });
        server.api("POST", "/mapping_rules", body).await.expect(422);
    })
    .await;
}
