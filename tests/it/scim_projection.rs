//! `attributes` and `excludedAttributes`, on every request that answers resources (RFC 7644 section 3.9).

use serde_json::{Value, json};

use super::support::scim::{ENTERPRISE, PATCH, SEARCH, USER, group, over, user, with_query};
use super::support::server::{Answer, TestDirectory, on_each_server};

fn ada() -> Value {
    user(
        "ada@x.example",
        json!({
            "schemas": [USER, ENTERPRISE],
            "name": {"givenName": "Ada", "familyName": "Byron"},
            "title": "Countess",
            "emails": [{"value": "ada@x.example", "type": "work"}, {"value": "ada@home.example"}],
            ENTERPRISE: {"department": "Engines", "costCenter": "7"},
        }),
    )
}

/// The resource in every answer that has one, with this query.
async fn shown_everywhere(directory: &TestDirectory, path: &str, query: &[(&str, &str)]) -> Vec<Value> {
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "Countess"}]});
    let at_id = with_query(path, query);
    let id = path.rsplit_once('/').unwrap().1;
    let filter = format!("id eq \"{id}\"");
    let with_filter = [query, &[("filter", filter.as_str())]].concat();
    let mut search = json!({"schemas": [SEARCH], "filter": filter});
    for (name, value) in query {
        search[name] = value.split(',').collect();
    }
    let one = |answer: Answer| answer.expect(200).body;
    let listed = |answer: Answer| {
        let answer = answer.expect(200);
        assert_eq!(answer.resources().len(), 1, "{}", answer.body);
        answer.resources()[0].clone()
    };
    vec![
        one(directory.get(&at_id).await),
        one(directory.scim("PUT", &at_id, ada()).await),
        one(directory.scim("PATCH", &at_id, patch).await),
        listed(directory.get(&with_query("/Users", &with_filter)).await),
        listed(directory.get(&with_query("", &with_filter)).await),
        listed(directory.scim("POST", "/Users/.search", search.clone()).await),
        listed(directory.scim("POST", "/.search", search).await),
    ]
}

#[tokio::test]
async fn attributes_show_only_what_is_named_beside_id_and_schemas() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let made = directory.scim("POST", "/Users?attributes=userName", ada()).await.expect(201);
        let id = made.text("/id");
        let bare = json!({"id": id, "schemas": [USER, ENTERPRISE]});
        assert_eq!(made.body, over(bare.clone(), json!({"userName": "ada@x.example"})));
        assert_eq!(made.header("etag"), "W/\"1\"", "headers do not depend on what is shown");
        for (names, rest) in [
            ("userName", json!({"userName": "ada@x.example"})),
            (" USERNAME , title ", json!({"userName": "ada@x.example", "title": "Countess"})),
            ("id", json!({})),
            ("password,nothing", json!({})),
            ("name.givenName", json!({"name": {"givenName": "Ada"}})),
            ("emails.value", json!({"emails": [{"value": "ada@x.example"}, {"value": "ada@home.example"}]})),
            ("meta.resourceType", json!({"meta": {"resourceType": "User"}})),
            (&format!("{USER}:title"), json!({"title": "Countess"})),
            (&format!("{ENTERPRISE}:department"), json!({ENTERPRISE: {"department": "Engines"}})),
            (ENTERPRISE, json!({ENTERPRISE: {"department": "Engines", "costCenter": "7"}})),
        ] {
            for shown in shown_everywhere(&directory, &format!("/Users/{id}"), &[("attributes", names)]).await {
                assert_eq!(shown, over(bare.clone(), rest.clone()), "{names}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn excluded_attributes_are_left_out_but_never_id_and_schemas() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let id = directory.scim("POST", "/Users", ada()).await.expect(201).text("/id");
        let path = format!("/Users/{id}");
        directory.group("Eng", &[&id]).await;
        let excluded = format!("id,schemas,META,groups,emails.type,name,{ENTERPRISE}:costCenter");
        for shown in shown_everywhere(&directory, &path, &[("excludedAttributes", &excluded)]).await {
            let expected = json!({
                "id": id, "schemas": [USER, ENTERPRISE], "userName": "ada@x.example", "title": "Countess",
                "active": true,
                "emails": [{"value": "ada@x.example"}, {"value": "ada@home.example"}],
                ENTERPRISE: {"department": "Engines"},
            });
            assert_eq!(shown, expected);
        }
        for shown in shown_everywhere(&directory, &path, &[("excludedAttributes", "title")]).await {
            assert_eq!(shown["groups"][0]["display"], "Eng");
            assert!(shown.get("title").is_none() && shown.get("meta").is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn both_parameters_at_once_are_refused_before_anything_is_done() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let id = directory.scim("POST", "/Users", ada()).await.expect(201).text("/id");
        let before = server.state(&directory).await;
        let both = "attributes=userName&excludedAttributes=title";
        let patch = json!({"schemas": [PATCH], "Operations": [{"op": "remove", "path": "title"}]});
        for (method, path, body) in [
            ("GET", format!("/Users/{id}"), Value::Null),
            ("GET", "/Users".to_owned(), Value::Null),
            ("GET", String::new(), Value::Null),
            ("POST", "/Users".to_owned(), user("bob@x.example", json!({}))),
            ("PUT", format!("/Users/{id}"), user("ada@x.example", json!({}))),
            ("PATCH", format!("/Users/{id}"), patch),
        ] {
            let answer = directory.scim(method, &format!("{path}?{both}"), body).await;
            answer.refused(400, "invalidSyntax", &format!("{method} {path}"));
        }
        for path in ["/Users/.search", "/.search"] {
            let search = json!({"schemas": [SEARCH], "attributes": ["id"], "excludedAttributes": ["title"]});
            directory.scim("POST", path, search).await.refused(400, "invalidSyntax", path);
        }
        assert_eq!(server.state(&directory).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_group_shows_its_members_unless_they_are_left_out() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@x.example").await;
        let made =
            directory.scim("POST", "/Groups?excludedAttributes=members", group("Eng", &[&ada])).await.expect(201);
        assert!(made.body.get("members").is_none());
        let path = format!("/Groups/{}", made.text("/id"));
        for query in ["?excludedAttributes=members", "?attributes=displayName", "?excludedAttributes=meta,members"] {
            let one = directory.get(&format!("{path}{query}")).await.expect(200);
            assert!(one.body.get("members").is_none(), "{query}: {}", one.body);
            let list = directory.get(&format!("/Groups{query}")).await.expect(200);
            assert!(list.at("/Resources/0").get("members").is_none(), "{query}: {}", list.body);
            assert_eq!(list.at("/Resources/0/displayName"), "Eng");
        }
        for query in ["?attributes=members.value", "?attributes=members", "?excludedAttributes=members.type", ""] {
            for document in [
                directory.get(&format!("{path}{query}")).await.expect(200).body,
                directory.get(&format!("/Groups{query}")).await.expect(200).at("/Resources/0").clone(),
            ] {
                assert_eq!(document["members"][0]["value"], ada.as_str(), "{query}");
                let typed = document["members"][0].get("type").is_some();
                assert_eq!(typed, query.is_empty() || query == "?attributes=members", "{query}");
            }
        }
    })
    .await;
}
