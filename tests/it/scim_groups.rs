//! Groups and their members (RFC 7643 section 4.2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::scim::{GROUP, group, over, user};
use super::support::server::{TestDirectory, on_each_server};

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

/// `displayName type` of a user's groups.
async fn groups_of(directory: &TestDirectory, user: &str) -> BTreeSet<String> {
    let found = directory.get(&format!("/Users/{user}")).await.expect(200);
    let groups = found.at("/groups").as_array().cloned().unwrap_or_default();
    groups
        .iter()
        .map(|group| {
            let id = group["value"].as_str().expect("a value");
            assert_eq!(group["$ref"], format!("{}/Groups/{id}", directory.base_url));
            format!("{} {}", group["display"].as_str().unwrap(), group["type"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn members_are_users_and_groups_each_once_with_type_and_ref() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@x.example").await;
        let inner = directory.group("Inner", &[&ada]).await;
        let sent = json!({
            "schemas": [GROUP], "displayName": "Outer", "externalId": "o",
            "members": [
                {"value": ada, "display": "Root", "type": "Group", "$ref": "https://evil.example"},
                {"value": inner}, {"value": ada}, inner,
            ],
        });
        let made = directory.scim("POST", "/Groups", sent).await.expect(201);
        assert_eq!(made.text("/meta/location"), format!("{}/Groups/{}", directory.base_url, made.text("/id")));
        assert_eq!(made.text("/meta/resourceType"), "Group");
        let expected = json!([
            {"value": ada, "type": "User", "$ref": format!("{}/Users/{ada}", directory.base_url)},
            {"value": inner, "type": "Group", "$ref": format!("{}/Groups/{inner}", directory.base_url)},
        ]);
        assert_eq!(made.at("/members"), &expected);
        let read = directory.get(&format!("/Groups/{}", made.text("/id"))).await.expect(200);
        assert_eq!(read.body, made.body);
        let listed = directory.search("Groups", "displayName eq \"outer\"").await.expect(200);
        assert_eq!(listed.at("/Resources/0"), &made.body);
        assert_eq!(groups_of(&directory, &ada).await, set(&["Inner direct", "Outer direct"]));
    })
    .await;
}

#[tokio::test]
async fn people_are_indirectly_in_the_groups_around_theirs_also_in_a_circle() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@x.example").await;
        let inner = directory.group("Inner", &[&ada]).await;
        let middle = directory.group("Middle", &[&inner]).await;
        let outer = directory.group("Outer", &[&middle]).await;
        let around = set(&["Inner direct", "Middle indirect", "Outer indirect"]);
        assert_eq!(groups_of(&directory, &ada).await, around);
        for (path, member) in [(&inner, &outer), (&outer, &outer)] {
            let add = json!([{"op": "add", "path": "members", "value": [{"value": member}]}]);
            directory.patch(&format!("/Groups/{path}"), add).await.expect(204);
        }
        assert_eq!(groups_of(&directory, &ada).await, around);
        assert_eq!(directory.members(&outer).await, set(&[&middle, &outer]));
        directory.scim("DELETE", &format!("/Groups/{middle}"), Value::Null).await.expect(204);
        assert_eq!(groups_of(&directory, &ada).await, set(&["Inner direct"]));
        assert_eq!(directory.members(&outer).await, set(&[&outer]));
        directory.scim("DELETE", &format!("/Groups/{outer}"), Value::Null).await.expect(204);
        assert_eq!(directory.members(&inner).await, set(&[&ada]));
    })
    .await;
}

#[tokio::test]
async fn a_member_that_is_not_known_waits_until_it_arrives() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let made = directory.scim("POST", "/Groups", group("Eng", &["x-1", "g-1", "never"])).await.expect(201);
        let path = format!("/Groups/{}", made.text("/id"));
        assert_eq!(made.at("/members").as_array().unwrap().len(), 3);
        for member in made.at("/members").as_array().unwrap() {
            assert_eq!(member.as_object().unwrap().len(), 1, "nothing is known of it: {member}");
        }

        let ada = directory.scim("POST", "/Users", user("ada", json!({"externalId": "x-1"}))).await.expect(201);
        let after_user = directory.get(&path).await;
        assert_ne!(after_user.header("etag"), made.header("etag"), "the members changed");
        let inner = directory.scim("POST", "/Groups", over(group("Inner", &[]), json!({"externalId": "g-1"}))).await;
        let (ada, inner) = (ada.text("/id"), inner.expect(201).text("/id"));
        let found = directory.get(&path).await.expect(200);
        let expected = json!([
            {"value": "x-1", "type": "User", "$ref": format!("{}/Users/{ada}", directory.base_url)},
            {"value": "g-1", "type": "Group", "$ref": format!("{}/Groups/{inner}", directory.base_url)},
            {"value": "never"},
        ]);
        assert_eq!(found.at("/members"), &expected, "the values stay as they were sent");
        assert_eq!(groups_of(&directory, &ada).await, set(&["Eng direct"]));

        // Resolved is resolved: neither another holder of the externalId nor the loss of it changes that.
        directory.scim("POST", "/Users", user("bob", json!({"externalId": "x-1"}))).await.expect(201);
        directory.scim("PUT", &format!("/Users/{ada}"), user("ada", json!({}))).await.expect(200);
        assert_eq!(groups_of(&directory, &ada).await, set(&["Eng direct"]));
        // Also an externalId that is given later resolves, and one that exists at once.
        let cid = directory.user("cid").await;
        let give = json!([{"op": "add", "path": "externalId", "value": "never"}]);
        directory.patch(&format!("/Users/{cid}"), give).await.expect(200);
        assert_eq!(groups_of(&directory, &cid).await, set(&["Eng direct"]));
        directory.scim("POST", "/Groups", group("Second", &["never"])).await.expect(201);
        assert_eq!(groups_of(&directory, &cid).await, set(&["Eng direct", "Second direct"]));
        // By the value that was sent and by the id alike, a member can be taken out.
        directory.patch(&path, json!([{"op": "remove", "path": format!("members[value eq \"{ada}\"]")}])).await;
        directory.patch(&path, json!([{"op": "remove", "path": "members", "value": [{"value": "g-1"}]}])).await;
        assert_eq!(directory.members(found.at("/id").as_str().unwrap()).await, set(&["never"]));
    })
    .await;
}

#[tokio::test]
async fn a_member_added_by_id_and_by_external_id_is_one() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada =
            directory.scim("POST", "/Users", user("ada", json!({"externalId": "x"}))).await.expect(201).text("/id");
        let made = directory.scim("POST", "/Groups", group("Eng", &[&ada, "x", "late"])).await.expect(201);
        assert_eq!(made.at("/members").as_array().unwrap().len(), 2, "{}", made.body);
        let give = json!([{"op": "replace", "path": "externalId", "value": "late"}]);
        directory.patch(&format!("/Users/{ada}"), give).await.expect(200);
        let members = directory.members(&made.text("/id")).await;
        assert_eq!(members.len(), 1, "the waiting double is no second membership: {members:?}");
        assert_eq!(groups_of(&directory, &ada).await, set(&["Eng direct"]));
    })
    .await;
}

#[tokio::test]
async fn put_without_members_keeps_them_and_an_empty_list_empties() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let (ada, bob) = (directory.user("ada").await, directory.user("bob").await);
        let id = directory.group("Eng", &[&ada, &bob, "pending"]).await;
        let path = format!("/Groups/{id}");
        let all = set(&[&ada, &bob, "pending"]);
        for body in [
            json!({"schemas": [GROUP], "displayName": "Eng"}),
            json!({"schemas": [GROUP], "displayName": "Engineering", "members": null}),
        ] {
            let put = directory.scim("PUT", &path, body).await.expect(200);
            assert_eq!(put.at("/members").as_array().unwrap().len(), 3, "the answer shows them: {}", put.body);
            assert_eq!(directory.members(&id).await, all);
        }
        let tag = directory.get(&path).await.header("etag").to_owned();
        let put = directory.scim("PUT", &path, group("Engineering", &[&ada, &bob, "pending"])).await.expect(200);
        assert_eq!(put.header("etag"), tag, "the same members again change nothing");
        let put = directory.scim("PUT", &path, group("Engineering", &[&bob, "other"])).await.expect(200);
        assert_ne!(put.header("etag"), tag);
        assert_eq!(directory.members(&id).await, set(&[&bob, "other"]));
        let put = directory.scim("PUT", &path, group("Engineering", &[])).await.expect(200);
        assert!(put.body.get("members").is_none());
        assert!(directory.members(&id).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_patch_of_members_does_exactly_what_it_says() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ids = directory.users("u", 5).await;
        let (a, b, c) = (ids[0].as_str(), ids[1].as_str(), ids[2].as_str());
        let (late, last) = (ids[3].as_str(), ids[4].as_str());
        let id = directory.group("Eng", &[a, b, c]).await;
        let path = format!("/Groups/{id}");
        let one = |value: &str| json!([{"value": value}]);
        for (operations, expected) in [
            (json!([{"op": "Add", "path": "members", "value": one(late)}]), vec![a, b, c, late]),
            (json!([{"op": "add", "path": "members", "value": one(late)}]), vec![a, b, c, late]),
            (json!([{"op": "add", "value": {"members": one(last)}}]), vec![a, b, c, late, last]),
            (
                json!([{"op": "remove", "path": "members", "value": [{"value": a}, {"value": "nobody"}]}]),
                vec![b, c, late, last],
            ),
            (json!([{"op": "remove", "path": format!("members[value eq \"{b}\"]")}]), vec![c, late, last]),
            (
                json!([{"op": "remove", "path": format!("members[value eq \"{c}\" or value eq \"{late}\"]")}]),
                vec![last],
            ),
            (json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}]), vec![last]),
            (json!([{"op": "replace", "path": "members", "value": [{"value": a}, {"value": b}]}]), vec![a, b]),
            (
                json!([
                    {"op": "remove", "path": "members"},
                    {"op": "add", "path": "members", "value": one(c)},
                    {"op": "add", "path": "members", "value": one(late)},
                    {"op": "remove", "path": format!("members[value eq \"{c}\"]")},
                ]),
                vec![late],
            ),
            (json!([{"op": "replace", "value": {"displayName": "E2", "members": one(a)}}]), vec![a]),
            (json!([{"op": "replace", "path": "displayName", "value": "E3"}]), vec![a]),
            (json!([{"op": "replace", "path": "members", "value": []}]), vec![]),
            (json!([{"op": "add", "path": "members", "value": [{"value": a}, {"value": b}]}]), vec![a, b]),
            (json!([{"op": "remove", "path": "members"}]), vec![]),
        ] {
            let answer = directory.patch(&path, operations.clone()).await.expect(204);
            assert_eq!(answer.body, Value::Null);
            assert_eq!(directory.members(&id).await, set(&expected), "{operations}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_patch_of_members_that_is_not_understood_changes_nobody() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada").await;
        let id = directory.group("Eng", &[&ada]).await;
        let path = format!("/Groups/{id}");
        let before = server.state(&directory).await;
        for value in
            [json!(7), json!(true), json!([7]), json!([null]), json!([""]), json!([{"value": " "}]), json!([{}])]
        {
            for op in ["add", "replace", "remove"] {
                let bad = json!({"op": op, "path": "members", "value": value});
                let good = json!({"op": "add", "path": "members", "value": [{"value": "x"}]});
                directory.patch(&path, json!([good, bad])).await.refused(400, "invalidValue", &bad.to_string());
            }
        }
        for (bad, scim_type) in [
            (json!({"op": "replace", "path": "members.value", "value": "x"}), "mutability"),
            (json!({"op": "remove", "path": "members[type eq \"Group\"]"}), "noTarget"),
            (json!({"op": "remove", "path": "members[nothing eq \"x\"]"}), "invalidPath"),
            (json!({"op": "remove", "path": "members["}), "invalidPath"),
            (json!({"op": "remove", "path": "displayName"}), "mutability"),
            (json!({"op": "replace", "path": "members", "value": ""}), "invalidValue"),
        ] {
            directory.patch(&path, json!([bad])).await.refused(400, scim_type, &bad.to_string());
        }
        assert_eq!(server.state(&directory).await, before);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_deleted_leaves_every_group_with_one_event_each() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let (ada, bob) = (directory.user("ada").await, directory.user("bob").await);
        let one = directory.group("One", &[&ada, &bob]).await;
        let two = directory.group("Two", &[&ada, &one]).await;
        let tag = directory.get(&format!("/Groups/{one}")).await.header("etag").to_owned();
        let before = server.events(&directory.organization).await;
        directory.scim("DELETE", &format!("/Users/{ada}"), Value::Null).await.expect(204);
        assert_eq!(directory.members(&one).await, set(&[&bob]));
        assert_eq!(directory.members(&two).await, set(&[&one]));
        assert_ne!(directory.get(&format!("/Groups/{one}")).await.header("etag"), tag);
        let mut names = server.event_names(&directory.organization).await.split_off(before);
        names.sort();
        assert_eq!(names, ["dsync.group.user_removed", "dsync.group.user_removed", "dsync.user.deleted"]);

        let before = server.events(&directory.organization).await;
        directory.scim("DELETE", &format!("/Groups/{one}"), Value::Null).await.expect(204);
        assert!(directory.members(&two).await.is_empty());
        assert!(groups_of(&directory, &bob).await.is_empty());
        assert_eq!(server.event_names(&directory.organization).await.split_off(before), ["dsync.group.deleted"]);
        let again = directory.group("One", &[]).await;
        assert_ne!(again, one);
        assert!(directory.members(&two).await.is_empty(), "a new group of the old name is no member");
    })
    .await;
}
