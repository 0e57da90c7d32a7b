//! Groups at the sizes where clients and servers count in batches, and under parallel writes.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};

use super::support::scim::{group, user};
use super::support::server::on_each_server;

fn references(values: &[&str]) -> Vec<Value> {
    values.iter().map(|value| json!({"value": value})).collect()
}

#[tokio::test]
async fn whatever_the_size_one_added_or_removed_leaves_everybody_else() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let people = directory.users("u", 1_001).await;
        let extra = people[1_000].as_str();
        for size in [99_usize, 100, 101, 1_000] {
            let mut expected: BTreeSet<String> = people[..size].iter().cloned().collect();
            let members: Vec<&str> = people[..size].iter().map(String::as_str).collect();
            let id = directory.group(&format!("Of {size}"), &members).await;
            let path = format!("/Groups/{id}");
            assert_eq!(directory.members(&id).await, expected, "created with {size}");

            let tag = directory.get(&path).await.header("etag").to_owned();
            let before = server.events(&directory.organization).await;
            let put = directory.scim("PUT", &path, group(&format!("Of {size}"), &members)).await.expect(200);
            assert_eq!(put.header("etag"), tag, "the same {size} again");
            assert_eq!(put.at("/members").as_array().unwrap().len(), size);
            assert_eq!(server.events(&directory.organization).await, before);

            let add = json!([{"op": "add", "path": "members", "value": references(&[extra])}]);
            directory.patch(&path, add).await.expect(204);
            expected.insert(extra.to_owned());
            assert_eq!(directory.members(&id).await, expected, "one more than {size}");
            let gone = people[size / 2].as_str();
            let remove = json!([{"op": "remove", "path": format!("members[value eq \"{gone}\"]")}]);
            directory.patch(&path, remove).await.expect(204);
            expected.remove(gone);
            assert_eq!(directory.members(&id).await, expected, "one of {size} gone");
            let events = server.event_names(&directory.organization).await.split_off(before);
            assert_eq!(events, ["dsync.group.user_added", "dsync.group.user_removed"]);

            // By list: half of them, and one that is no member.
            let half: Vec<&str> = members.iter().copied().step_by(2).chain(["nobody"]).collect();
            let remove = json!([{"op": "remove", "path": "members", "value": references(&half)}]);
            directory.patch(&path, remove).await.expect(204);
            expected.retain(|id| !half.contains(&id.as_str()));
            assert_eq!(directory.members(&id).await, expected, "half of {size} gone");

            // A larger, a smaller and a disjoint set.
            let (front, back) = members.split_at(size / 2);
            for wanted in [members.as_slice(), front, back, front, &[extra], &[]] {
                let before = directory.members(&id).await;
                let seen = server.events(&directory.organization).await;
                let replace = json!([{"op": "replace", "path": "members", "value": references(wanted)}]);
                directory.patch(&path, replace).await.expect(204);
                let now: BTreeSet<String> = wanted.iter().map(|&id| id.to_owned()).collect();
                assert_eq!(directory.members(&id).await, now, "{} of {size}", wanted.len());
                let changed = before.symmetric_difference(&now).count();
                assert_eq!(server.events(&directory.organization).await - seen, changed, "one event per real change");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_thousand_unknown_members_wait_and_all_are_shown() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let names: Vec<String> = (0..1_000).map(|n| format!("unknown-{n}")).collect();
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        let id = directory.group("Waiting", &members).await;
        let mut expected: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(directory.members(&id).await, expected);
        let body = user("late", json!({"externalId": "unknown-500"}));
        let late = directory.scim("POST", "/Users", body).await.expect(201).text("/id");
        let found = directory.get(&format!("/Groups/{id}")).await.expect(200);
        let known: Vec<&Value> =
            found.at("/members").as_array().unwrap().iter().filter(|member| member.get("type").is_some()).collect();
        let reference = format!("{}/Users/{late}", directory.base_url);
        assert_eq!(known, [&json!({"value": "unknown-500", "type": "User", "$ref": reference})]);
        assert_eq!(directory.members(&id).await, expected);
        let remove = json!([{"op": "remove", "path": "members", "value": references(&["unknown-1", &late])}]);
        directory.patch(&format!("/Groups/{id}"), remove).await.expect(204);
        expected.remove("unknown-1");
        expected.remove("unknown-500");
        assert_eq!(directory.members(&id).await, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_parallel_additions_to_one_group_are_all_there() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let people = directory.users("u", 40).await;
        let id = directory.group("Eng", &people[20..].iter().map(String::as_str).collect::<Vec<_>>()).await;
        let path = format!("/Groups/{id}");
        let writes = (0..40).map(|n| {
            let (directory, path, person) = (&directory, &path, people[n].as_str());
            // The first twenty are added, the others taken out, all at once.
            let operation = if n < 20 {
                json!({"op": "add", "path": "members", "value": references(&[person])})
            } else {
                json!({"op": "remove", "path": format!("members[value eq \"{person}\"]")})
            };
            async move { directory.patch(path, json!([operation])).await.expect(204) }
        });
        join_all(writes).await;
        assert_eq!(directory.members(&id).await, people[..20].iter().cloned().collect());
        let names = server.event_names(&directory.organization).await;
        let count = |name: &str| names.iter().filter(|event| *event == name).count();
        assert_eq!((count("dsync.group.user_added"), count("dsync.group.user_removed")), (40, 20));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_parallel_creations_of_one_name_one_succeeds() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let creations = (0..20).map(|n| {
            let directory = &directory;
            let name = if n % 2 == 0 { "ÅSA@x.example" } else { "åsa@X.example" };
            async move { directory.scim("POST", "/Users", user(name, json!({}))).await }
        });
        let answers = join_all(creations).await;
        let made: Vec<String> =
            answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.text("/id")).collect();
        assert_eq!(made.len(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "uniqueness", "a double");
            assert!(answer.text("/detail").contains(&made[0]), "{}", answer.body);
        }
        assert_eq!(directory.get("/Users").await.at("/totalResults"), 1);
        let names = server.event_names(&directory.organization).await;
        assert_eq!(names.iter().filter(|name| *name == "dsync.user.created").count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_is_deleted_while_being_added_leaves_no_trace() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let people = directory.users("u", 10).await;
        let id = directory.group("Eng", &[]).await;
        let path = format!("/Groups/{id}");
        let writes = people.iter().flat_map(|person| {
            let (directory, path) = (&directory, &path);
            let add = json!([{"op": "add", "path": "members", "value": references(&[person])}]);
            let add = Box::pin(async move { directory.patch(path, add).await.expect(204) });
            let delete = Box::pin(async move {
                directory.scim("DELETE", &format!("/Users/{person}"), Value::Null).await.expect(204)
            });
            [add as futures::future::BoxFuture<'_, _>, delete]
        });
        join_all(writes).await;
        // Whoever was deleted first was an unknown member when added: kept as one, resolved to nobody.
        let found = directory.get(&path).await.expect(200);
        let members = found.at("/members").as_array().cloned().unwrap_or_default();
        assert!(members.iter().all(|member| member.get("type").is_none()), "{}", found.body);
        assert_eq!(directory.get("/Users").await.at("/totalResults"), 0);
    })
    .await;
}
