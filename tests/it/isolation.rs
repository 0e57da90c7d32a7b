//! A token of one directory can neither read nor write nor detect anything of another, be it of the same
//! organization or of another one.

use serde_json::{Value, json};

use super::support::scim::{PATCH, SEARCH, group, over, user, with_query};
use super::support::server::{Answer, TestDirectory, on_each_server};

/// All that a client sees of an answer but what differs between any two: ids and times.
fn seen(answer: &Answer, id: &str) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    format!("{}\n{}\n{}", answer.status, headers.join("\n"), answer.body).replace(id, "<id>")
}

/// Every request that names a resource.
async fn attempts(directory: &TestDirectory, endpoint: &str, id: &str) -> Vec<String> {
    let path = format!("/{endpoint}/{id}");
    let body = if endpoint == "Users" { user("mine", json!({})) } else { group("Mine", &[]) };
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "Mine"}]});
    let if_match = [("if-match", "W/\"1\"")];
    let none_match = [("if-none-match", "*")];
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "DELETE", "path": path}, {"method": "PATCH", "path": path, "data": patch},
            {"method": "PUT", "path": path, "data": body, "version": "W/\"1\""},
        ],
    });
    let filter = format!("id eq \"{id}\" or externalId eq \"{id}\"");
    let answers = [
        directory.get(&path).await,
        directory.with_headers("GET", &path, &none_match, Value::Null).await,
        directory.scim("PUT", &path, body.clone()).await,
        directory.with_headers("PUT", &path, &if_match, body).await,
        directory.scim("PATCH", &path, patch.clone()).await,
        directory.with_headers("PATCH", &path, &if_match, patch).await,
        directory.scim("DELETE", &path, Value::Null).await,
        directory.with_headers("DELETE", &path, &if_match, Value::Null).await,
        directory.scim("POST", "/Bulk", bulk).await,
        directory.search(endpoint, &filter).await,
        directory.get(&with_query("", &[("filter", &filter)])).await,
        directory.scim("POST", "/.search", json!({"schemas": [SEARCH], "filter": filter})).await,
        directory.search("Groups", &format!("members eq \"{id}\"")).await,
        directory.search("Users", &format!("groups eq \"{id}\"")).await,
    ];
    answers.iter().map(|answer| seen(answer, id)).collect()
}

#[tokio::test]
async fn what_belongs_to_another_directory_looks_exactly_as_if_it_did_not_exist() {
    on_each_server(|server| async move {
        let mine = server.directory().await;
        let others = [
            server.directory_in(&mine.organization, json!({})).await,
            server.directory_in(&server.organization("Other").await, json!({})).await,
        ];
        mine.user("somebody").await;
        for other in &others {
            let body = user("theirs@x.example", json!({"externalId": "x-1", "displayName": "Theirs"}));
            let user = other.scim("POST", "/Users", body).await.expect(201).text("/id");
            let group = other.group("Theirs", &[&user]).await;
            let (before, own) = (server.state(other).await, server.state(&mine).await);
            let missing = ["directory_user_01M883W820W5K81MZW5E4AJ68Y", "directory_group_01M883W820W5K81MZW5E4AJ68Y"];
            for (endpoint, foreign, missing) in [("Users", &user, missing[0]), ("Groups", &group, missing[1])] {
                let expected = attempts(&mine, endpoint, missing).await;
                assert_eq!(attempts(&mine, endpoint, foreign).await, expected);
                assert!(expected[0].starts_with("404") && expected[9].contains("\"totalResults\":0"));
            }
            for filter in
                ["userName eq \"theirs@x.example\"", "externalId eq \"x-1\"", "displayName co \"heirs\"", "id pr"]
            {
                let found = mine.search("Users", filter).await.expect(200);
                assert!(!found.body.to_string().contains("heirs"), "{filter}");
            }
            assert_eq!(server.state(other).await, before);
            assert_eq!(server.state(&mine).await, own);
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_people_and_groups_live_in_every_directory_apart() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let directories = [
            server.directory_in(&organization, json!({"unique_group_names": true})).await,
            server.directory_in(&organization, json!({"unique_group_names": true})).await,
            server.directory_in(&server.organization("Other").await, json!({"unique_group_names": true})).await,
        ];
        let mut ids = Vec::new();
        for (n, directory) in directories.iter().enumerate() {
            let body = user("jane@x.example", json!({"externalId": "00u1", "displayName": format!("Jane of {n}")}));
            let jane = directory.scim("POST", "/Users", body).await.expect(201).text("/id");
            let body = over(group("Eng", &["00u1", "late"]), json!({"externalId": "00g1"}));
            let eng = directory.scim("POST", "/Groups", body).await.expect(201).text("/id");
            ids.push((jane, eng));
        }
        for (n, directory) in directories.iter().enumerate() {
            let (jane, eng) = &ids[n];
            let found = directory.search("Users", "userName eq \"JANE@x.example\" and externalId eq \"00u1\"").await;
            assert_eq!(found.expect(200).column("/id"), std::slice::from_ref(jane));
            let found = directory.get(&format!("/Users/{jane}")).await.expect(200);
            assert_eq!(found.at("/groups/0/value"), eng.as_str());
            assert_eq!(found.at("/groups").as_array().unwrap().len(), 1, "{}", found.body);
            assert_eq!(
                directory.search("Groups", "externalId eq \"00g1\"").await.column("/id"),
                std::slice::from_ref(eng)
            );
        }
        // Somebody who arrives, changes or leaves in one directory is nobody to the others.
        let [first, second, third] = &directories;
        let others = [server.state(second).await, server.state(third).await];
        let members = async |directory: &TestDirectory, group: &str| {
            directory.get(&format!("/Groups/{group}")).await.expect(200).body["members"].clone()
        };
        let waiting = members(second, &ids[1].1).await;
        let late = first.scim("POST", "/Users", user("late", json!({"externalId": "late"}))).await.expect(201);
        assert_eq!(members(first, &ids[0].1).await[1]["type"], "User");
        assert_eq!(members(second, &ids[1].1).await, waiting);
        let path = format!("/Users/{}", late.text("/id"));
        first.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).await.expect(200);
        first.scim("DELETE", &path, Value::Null).await.expect(204);
        first.scim("DELETE", &format!("/Users/{}", ids[0].0), Value::Null).await.expect(204);
        first.scim("DELETE", &format!("/Groups/{}", ids[0].1), Value::Null).await.expect(204);
        let without_events = |state: &str| state.rsplit_once('\n').unwrap().0.to_owned();
        assert_eq!(without_events(&server.state(second).await), without_events(&others[0]));
        assert_eq!(server.state(third).await, others[1]);
    })
    .await;
}

#[tokio::test]
async fn an_id_of_another_directory_is_an_unknown_member_and_stays_one() {
    on_each_server(|server| async move {
        let mine = server.directory().await;
        for other in [
            server.directory_in(&mine.organization, json!({})).await,
            server.directory_in(&server.organization("Other").await, json!({})).await,
        ] {
            let theirs = other.user("theirs").await;
            let their_group = other.group("Theirs", &[&theirs]).await;
            let made = mine.scim("POST", "/Groups", group("Mine", &[&theirs, &their_group])).await.expect(201);
            let path = format!("/Groups/{}", made.text("/id"));
            let add = json!([{"op": "add", "path": "members", "value": [{"value": theirs}]}]);
            mine.patch(&path, add).await.expect(204);
            let found = mine.get(&path).await.expect(200);
            let members = found.at("/members").as_array().unwrap();
            assert_eq!(members.len(), 2);
            assert!(members.iter().all(|member| member.as_object().unwrap().len() == 1), "{}", found.body);
            let person = other.get(&format!("/Users/{theirs}")).await.expect(200);
            assert_eq!(person.at("/groups").as_array().unwrap().len(), 1, "only their own: {}", person.body);
            let tag = found.header("etag").to_owned();
            other
                .scim("PUT", &format!("/Users/{theirs}"), user("theirs", json!({"externalId": theirs})))
                .await
                .expect(200);
            other.scim("DELETE", &format!("/Users/{theirs}"), Value::Null).await.expect(204);
            assert_eq!(mine.get(&path).await.header("etag"), tag, "what happens there does not show here");
        }
    })
    .await;
}

/// Tries on another directory's resources what a client could try, in an order that a number decides.
async fn probe(mine: &TestDirectory, known: &[(&str, String)], unknown: &[(&str, String)], seed: usize) {
    let at = seed % known.len();
    let ((endpoint, foreign), (_, missing)) = (&known[at], &unknown[at]);
    let crossed = if seed.is_multiple_of(2) { *endpoint } else { known[(at + 1) % known.len()].0 };
    let attempt = async |id: &str| {
        let path = format!("/{crossed}/{id}");
        let answer = match seed / 2 % 7 {
            0 => mine.get(&path).await,
            1 => mine.scim("DELETE", &path, Value::Null).await,
            2 => mine.scim("PUT", &path, user("mine", json!({"displayName": "Mine"}))).await,
            3 => mine.patch(&path, json!([{"op": "add", "path": "displayName", "value": id}])).await,
            4 => mine.search(crossed, &format!("id eq \"{id}\" or externalId eq \"{id}\"")).await,
            5 => mine.search("Groups", &format!("members.value eq \"{id}\"")).await,
            _ => mine.with_headers("GET", &path, &[("if-none-match", "W/\"1\"")], Value::Null).await,
        };
        seen(&answer, id)
    };
    assert_eq!(attempt(foreign).await, attempt(missing).await, "{seed}: {crossed} {foreign}");
}

#[tokio::test]
async fn invariant_6_a_token_of_one_directory_can_neither_read_write_nor_detect_anything_of_another() {
    on_each_server(|server| async move {
        let mine = server.directory().await;
        let other = server.directory_in(&mine.organization, json!({})).await;
        let stranger = server.directory_in(&server.organization("Other").await, json!({})).await;
        mine.user("somebody").await;
        let mut known: Vec<(&str, String)> = Vec::new();
        for directory in [&other, &stranger] {
            let body = user("theirs@x.example", json!({"externalId": "x-1", "displayName": "Theirs"}));
            let user = directory.scim("POST", "/Users", body).await.expect(201).text("/id");
            let group = directory.group("Theirs", &[&user]).await;
            known.extend([("Users", user), ("Groups", group)]);
        }
        let unknown: Vec<(&str, String)> = known
            .iter()
            .map(|(endpoint, _)| match *endpoint {
                "Users" => ("Users", "directory_user_01M883W820W5K81MZW5E4AJ68Y".to_owned()),
                _ => ("Groups", "directory_group_01M883W820W5K81MZW5E4AJ68Y".to_owned()),
            })
            .collect();
        let before = [server.state(&mine).await, server.state(&other).await, server.state(&stranger).await];
        for seed in 0..200 {
            probe(&mine, &known, &unknown, seed * 7_919 % 997).await;
        }
        assert_eq!([server.state(&mine).await, server.state(&other).await, server.state(&stranger).await], before);
        // The token opens its own base URL alone, be the other one there or not.
        let mut answers = Vec::new();
        for directory in [other.id.clone(), stranger.id.clone(), "directory_01M883W820W5K81MZW5E4AJ68Y".to_owned()] {
            let elsewhere = TestDirectory { base_url: mine.base_url.replace(&mine.id, &directory), ..mine.clone() };
            answers.push(seen(&elsewhere.get("/Users").await.expect(401), &directory));
        }
        assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:#?}");
    })
    .await;
}
