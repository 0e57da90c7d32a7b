//! What a directory's settings change about the protocol.

use serde_json::{Value, json};

use super::support::scim::{ENTERPRISE, GROUP, USER, group, user, with_query};
use super::support::server::on_each_server;

#[tokio::test]
async fn unknown_members_are_dropped_if_the_directory_says_so() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let directory = server.directory_in(&organization, json!({"pending_members": "drop"})).await;
        let ada = directory.user("ada").await;
        let made = directory.scim("POST", "/Groups", group("Eng", &["x-1", &ada])).await.expect(201);
        let (id, path) = (made.text("/id"), format!("/Groups/{}", made.text("/id")));
        assert_eq!(made.at("/members").as_array().unwrap().len(), 1);
        let add = json!([{"op": "add", "path": "members", "value": [{"value": "x-2"}]}]);
        directory.patch(&path, add).await.expect(204);
        directory.scim("PUT", &path, group("Eng", &[&ada, "x-3"])).await.expect(200);
        directory.scim("POST", "/Users", user("late", json!({"externalId": "x-1"}))).await.expect(201);
        assert_eq!(directory.members(&id).await, [ada].into());
    })
    .await;
}

#[tokio::test]
async fn unknown_members_are_refused_if_the_directory_says_so() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let directory = server.directory_in(&organization, json!({"pending_members": "reject"})).await;
        let ada = directory.user("ada").await;
        let id = directory.group("Eng", &[&ada]).await;
        let path = format!("/Groups/{id}");
        let before = server.state(&directory).await;
        let add = json!([
            {"op": "replace", "path": "displayName", "value": "New"},
            {"op": "add", "path": "members", "value": [{"value": ada}, {"value": "nobody-7"}]},
        ]);
        for refused in [
            directory.scim("POST", "/Groups", group("Other", &[&ada, "nobody-7"])).await,
            directory.scim("PUT", &path, group("New", &["nobody-7"])).await,
            directory.patch(&path, add).await,
        ] {
            refused.refused(400, "invalidValue", "an unknown member");
            assert!(refused.text("/detail").contains("nobody-7"), "{}", refused.body);
        }
        assert_eq!(server.state(&directory).await, before);
    })
    .await;
}

#[tokio::test]
async fn group_names_double_unless_the_directory_says_otherwise() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let lax = server.directory_in(&organization, json!({})).await;
        assert_ne!(lax.group("Eng", &[]).await, lax.group("eng", &[]).await);

        let strict = server.directory_in(&organization, json!({"unique_group_names": true})).await;
        let holder = strict.group("Åsa", &[]).await;
        let other = strict.group("Other", &[]).await;
        let before = server.state(&strict).await;
        let rename = json!([{"op": "replace", "path": "displayName", "value": "ÅSA"}]);
        for refused in [
            strict.scim("POST", "/Groups", group("åSA", &[])).await,
            strict.scim("PUT", &format!("/Groups/{other}"), group("åsa", &[])).await,
            strict.patch(&format!("/Groups/{other}"), rename.clone()).await,
        ] {
            refused.refused(409, "uniqueness", "a double");
            assert!(refused.text("/detail").contains(&holder), "{}", refused.body);
        }
        assert_eq!(server.state(&strict).await, before);
        strict.patch(&format!("/Groups/{holder}"), rename).await.expect(204);
        strict.scim("DELETE", &format!("/Groups/{holder}"), Value::Null).await.expect(204);
        strict.group("åsa", &[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_patch_answers_with_a_body_or_without_as_the_directory_says() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        for (setting, of_user, of_group) in [("default", 200, 204), ("body", 200, 200), ("none", 204, 204)] {
            let directory = server.directory_in(&organization, json!({"patch_response": setting})).await;
            let user = format!("/Users/{}", directory.user("ada").await);
            let group = format!("/Groups/{}", directory.group("Eng", &["x"]).await);
            for (path, status) in [(&user, of_user), (&group, of_group)] {
                let rename = json!([{"op": "replace", "path": "displayName", "value": "New"}]);
                let answer = directory.patch(path, rename.clone()).await.expect(status);
                assert_eq!(answer.body.is_null(), status == 204, "{setting}");
                assert_eq!(answer.header("etag"), "W/\"2\"", "{setting}");
                for query in [("attributes", "displayName"), ("excludedAttributes", "meta,members,emails")] {
                    let answer = directory.patch(&with_query(path, &[query]), rename.clone()).await;
                    let shown = answer.expect(200);
                    assert_eq!(shown.at("/displayName"), "New");
                    assert!(shown.body.get("meta").is_none() && shown.body.get("members").is_none(), "{}", shown.body);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_put_keeps_an_omitted_extension_if_the_directory_says_so() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        for (setting, kept) in [("clear", false), ("keep", true)] {
            let directory = server.directory_in(&organization, json!({"put_omitted_extension": setting})).await;
            let full = user("ada", json!({ENTERPRISE: {"department": "Ops"}, "urn:acme:1.0:User": {"badge": 7}}));
            let id = directory.scim("POST", "/Users", full).await.expect(201).text("/id");
            let put = directory.scim("PUT", &format!("/Users/{id}"), user("ada", json!({}))).await.expect(200);
            for urn in [ENTERPRISE, "urn:acme:1.0:User"] {
                assert_eq!(put.body.get(urn).is_some(), kept, "{setting}: {}", put.body);
                assert_eq!(put.at("/schemas").as_array().unwrap().contains(&json!(urn)), kept, "{}", put.body);
            }
            let emptied = user("ada", json!({ENTERPRISE: {}, "urn:acme:1.0:User": {}}));
            let put = directory.scim("PUT", &format!("/Users/{id}"), emptied).await.expect(200);
            assert_eq!(put.at("/schemas"), &json!([USER]), "what is sent empty is emptied: {setting}");
        }
    })
    .await;
}

#[tokio::test]
async fn unknown_attributes_are_ignored_or_refused_as_the_directory_says() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let lax = server.directory().await;
        let strict = server.directory_in(&organization, json!({"unknown_attributes": "reject"})).await;
        let known = strict.user("known").await;
        let before = server.state(&strict).await;
        for (n, unknown) in [
            json!({"shoeSize": 44}),
            json!({ENTERPRISE: {"building": "7"}}),
            json!({"urn:acme:1.0:User": {"badge": 7}}),
        ]
        .into_iter()
        .enumerate()
        {
            let body = user(&format!("u{n}"), unknown.clone());
            let made = lax.scim("POST", "/Users", body.clone()).await.expect(201);
            assert!(made.body.get("shoeSize").is_none(), "the top level keeps nothing unknown");
            for key in [ENTERPRISE, "urn:acme:1.0:User"] {
                assert_eq!(made.body.get(key), unknown.get(key), "an extension keeps what it has");
            }
            strict.scim("POST", "/Users", body.clone()).await.refused(400, "invalidSyntax", &unknown.to_string());
            let path = format!("/Users/{known}");
            strict.scim("PUT", &path, body).await.refused(400, "invalidSyntax", &unknown.to_string());
            let patched = strict.patch(&path, json!([{"op": "add", "value": unknown}])).await;
            patched.refused(400, "invalidPath", &unknown.to_string());
        }
        let typo = json!({"schemas": [GROUP], "displayName": "Eng", "dispalyName": "x"});
        strict.scim("POST", "/Groups", typo).await.refused(400, "invalidSyntax", "a typo");
        assert_eq!(server.state(&strict).await, before);
    })
    .await;
}

#[tokio::test]
async fn unquoted_literals_are_read_only_where_the_directory_is_lenient() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let strict = server.directory_in(&organization, json!({})).await;
        let lenient = server.directory_in(&organization, json!({"lenient_filters": true})).await;
        strict.user("ada").await;
        lenient.user("ada").await;
        strict.search("Users", "userName eq ada").await.refused(400, "invalidFilter", "unquoted");
        assert_eq!(lenient.search("Users", "userName eq ada").await.expect(200).at("/totalResults"), 1);
        assert_eq!(lenient.search("Users", "userName eq \"ada\"").await.expect(200).at("/totalResults"), 1);
    })
    .await;
}
