//! Users: create, replace, patch, delete (RFC 7644 sections 3.3 to 3.6).

use serde_json::{Value, json};

use super::support::scim::{ENTERPRISE, PATCH, USER, over, user};
use super::support::server::on_each_server;

/// A full user; the answer to it repeats every one of these.
fn ada() -> Value {
    user(
        "Ada.Byron@x.example",
        json!({
            "schemas": [USER, ENTERPRISE],
            "externalId": "ada-1",
            "name": {"givenName": "Ada", "familyName": "Byron"},
            "displayName": "Ada Byron 👩‍💻 أدا",
            "active": true,
            "emails": [{"value": "ada@x.example", "type": "work", "primary": true}, {"value": "ada@home.example"}],
            ENTERPRISE: {"department": "Engines", "manager": {"value": "boss"}},
        }),
    )
}

#[tokio::test]
async fn a_created_user_is_answered_as_it_is_stored_and_ignores_what_only_the_server_writes() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let sent = over(
            ada(),
            json!({
                "id": "mine",
                "meta": {"created": "2001-01-01T00:00:00Z", "version": "W/\"9\"", "location": "https://evil.example"},
                "groups": [{"value": "admins"}],
                "isAdmin": true, "tenantId": "other", "__proto__": {"x": 1},
            }),
        );
        let made = directory.scim("POST", "/Users", sent).await.expect(201);
        let (id, location) = (made.text("/id"), made.text("/meta/location"));
        assert_ne!(id, "mine");
        assert_eq!(location, format!("{}/Users/{id}", directory.base_url));
        assert_eq!((made.header("location"), made.header("content-location")), (location.as_str(), location.as_str()));
        assert_eq!(made.header("etag"), made.text("/meta/version"));
        assert_eq!(made.header("content-type"), "application/scim+json");
        assert_eq!(made.text("/meta/resourceType"), "User");
        assert_eq!(made.text("/meta/created"), made.text("/meta/lastModified"));
        assert!(made.text("/meta/created").as_str() > "2026" && made.text("/meta/created").ends_with('Z'));
        let mut rest = made.body.clone();
        for key in ["id", "meta"] {
            rest.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(rest, ada());
        let read = directory.get(&format!("/Users/{id}")).await.expect(200);
        assert_eq!(read.body, made.body);
        assert_eq!(read.header("etag"), made.header("etag"));
    })
    .await;
}

#[tokio::test]
async fn names_are_unique_whatever_their_case_and_the_refusal_names_the_holder() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let other = directory.user("somebody@x.example").await;
        for (one, double) in [
            ("jane@x.example", "JANE@X.example"),
            ("ÅSA@x.example", "åsa@x.example"),
            ("straße", "STRASSE"),
            ("ＡＤＡ", "ada"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ] {
            let holder = directory.user(one).await;
            let before = server.state(&directory).await;
            let refused = directory.scim("POST", "/Users", user(double, json!({}))).await;
            refused.refused(409, "uniqueness", double);
            assert!(refused.text("/detail").contains(&holder), "{}", refused.body);
            let path = format!("/Users/{other}");
            directory.scim("PUT", &path, user(double, json!({}))).await.refused(409, "uniqueness", double);
            let rename = json!([{"op": "replace", "path": "userName", "value": double}]);
            directory.patch(&path, rename).await.refused(409, "uniqueness", double);
            assert_eq!(server.state(&directory).await, before);
            let own_name = directory.scim("PUT", &format!("/Users/{holder}"), user(double, json!({}))).await;
            assert_eq!(own_name.expect(200).text("/userName"), double, "one's own name may change its case");
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_external_id_twice_is_two_people() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let first = directory.scim("POST", "/Users", user("a", json!({"externalId": "1"}))).await.expect(201);
        let second = directory.scim("POST", "/Users", user("b", json!({"externalId": "1"}))).await.expect(201);
        assert_ne!(first.text("/id"), second.text("/id"));
        let third = user("c", json!({"externalId": first.text("/id")}));
        directory.scim("POST", "/Users", third).await.expect(201);
        let both = directory.search("Users", "externalId eq \"1\"").await.expect(200);
        assert_eq!(both.at("/totalResults"), 2);
        let found = directory.get(&format!("/Users/{}", first.text("/id"))).await.expect(200);
        assert_eq!(found.text("/userName"), "a");
    })
    .await;
}

#[tokio::test]
async fn put_replaces_but_leaves_active_and_what_only_the_server_writes() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let made = directory.scim("POST", "/Users", over(ada(), json!({"active": false}))).await.expect(201);
        let path = format!("/Users/{}", made.text("/id"));
        let group = directory.group("G", &[&made.text("/id")]).await;
        let body = user(
            "Ada.Byron@x.example",
            json!({
                "id": "other", "groups": [], "meta": {"version": "W/\"7\"", "created": "2001-01-01T00:00:00Z"},
                "title": "Countess", "active": null,
            }),
        );
        let put = directory.scim("PUT", &path, body).await.expect(200);
        assert_eq!(put.at("/id"), made.at("/id"));
        assert_eq!(put.at("/meta/created"), made.at("/meta/created"));
        assert_eq!(put.at("/active"), false, "an omission must not let a leaver in");
        assert_eq!(put.at("/title"), "Countess");
        assert_eq!(put.at("/groups/0/value"), group.as_str());
        for gone in ["externalId", "name", "displayName", "emails", ENTERPRISE] {
            assert!(put.body.get(gone).is_none(), "{gone}");
        }
        assert_eq!(put.at("/schemas"), &json!([USER]), "an extension without values is not listed");
        assert_ne!(put.header("etag"), made.header("etag"));

        for missing in ["/Users/nobody", "/Users/directory_user_01M883W820W5K81MZW5E4AJ68Y"] {
            directory.scim("PUT", missing, user("new@x.example", json!({}))).await.refused(404, "", missing);
        }
        assert_eq!(directory.search("Users", "userName eq \"new@x.example\"").await.at("/totalResults"), 0);
    })
    .await;
}

#[tokio::test]
async fn what_changes_nothing_keeps_version_and_time_and_tells_nobody() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let made = directory.scim("POST", "/Users", ada()).await.expect(201);
        let path = format!("/Users/{}", made.text("/id"));
        let before = server.state(&directory).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;

        let put = directory.scim("PUT", &path, ada()).await.expect(200);
        assert_eq!(put.body, made.body);
        assert_eq!(put.header("etag"), made.header("etag"));
        let returned = directory.scim("PUT", &path, made.body.clone()).await.expect(200);
        assert_eq!(returned.body, made.body, "what GET answers can be sent back");
        for operations in [
            json!([{"op": "replace", "path": "displayName", "value": ada()["displayName"]}]),
            json!([{"op": "add", "value": {"active": true, "name": {"givenName": "Ada"}}}]),
            json!([{"op": "add", "path": "emails", "value": [{"value": "ADA@x.example", "type": "work"}]}]),
            json!([{"op": "remove", "path": "nickName"}]),
            json!([{"op": "add", "path": "title", "value": "x"}, {"op": "remove", "path": "title"}]),
        ] {
            let patched = directory.patch(&path, operations.clone()).await.expect(200);
            assert_eq!(patched.body, made.body, "{operations}");
            assert_eq!(patched.header("etag"), made.header("etag"), "{operations}");
        }
        assert_eq!(server.state(&directory).await, before);
    })
    .await;
}

#[tokio::test]
async fn patch_answers_the_changed_user_and_is_done_whole_or_not_at_all() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let made = directory.scim("POST", "/Users", ada()).await.expect(201);
        let path = format!("/Users/{}", made.text("/id"));
        let patched = directory
            .patch(
                &path,
                json!([
                    {"op": "replace", "path": "name.familyName", "value": "King"},
                    {"op": "add", "path": "emails", "value": [{"value": "k@x.example", "primary": true}]},
                    {"op": "remove", "path": "emails[type eq \"work\"]"},
                    {"op": "add", "path": "urn:acme:1.0:User:badge", "value": "7"},
                    {"op": "remove", "path": ENTERPRISE},
                ]),
            )
            .await
            .expect(200);
        assert_eq!(patched.at("/name"), &json!({"givenName": "Ada", "familyName": "King"}));
        assert_eq!(
            patched.at("/emails"),
            &json!([{"value": "ada@home.example"}, {"value": "k@x.example", "primary": true}])
        );
        assert_eq!(patched.at("/schemas"), &json!([USER, "urn:acme:1.0:User"]));
        assert_eq!(patched.body["urn:acme:1.0:User"], json!({"badge": "7"}));
        assert_ne!(patched.header("etag"), made.header("etag"));
        assert_eq!(directory.get(&path).await.body, patched.body);

        let before = server.state(&directory).await;
        let good = json!({"op": "replace", "path": "title", "value": "Countess"});
        for (bad, scim_type) in [
            (json!({"op": "move", "path": "title", "value": "x"}), "invalidSyntax"),
            (json!({"op": "replace", "path": "nothing", "value": "x"}), "invalidPath"),
            (json!({"op": "replace", "path": "emails[type", "value": "x"}), "invalidPath"),
            (json!({"op": "remove"}), "noTarget"),
            (json!({"op": "remove", "path": "userName"}), "mutability"),
            (json!({"op": "replace", "path": "userName", "value": " "}), "invalidValue"),
            (json!({"op": "replace", "path": "userName", "value": null}), "invalidValue"),
            (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
            (json!({"op": "replace", "path": "groups", "value": []}), "mutability"),
            (json!({"op": "add", "path": "emails", "value": [7]}), "invalidValue"),
            (json!({"op": "replace", "path": "active", "value": "yes"}), "invalidValue"),
            (json!({"op": "replace", "path": "emails[value eq \"none\"].type", "value": "home"}), "noTarget"),
        ] {
            let answer = directory.patch(&path, json!([good, good, bad])).await;
            answer.refused(400, scim_type, &bad.to_string());
            assert!(answer.text("/detail").contains("Operations[2]") || bad["value"] == json!(null), "{}", answer.body);
            assert_eq!(server.state(&directory).await, before, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_patch_without_schemas_or_operations_is_refused() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let path = format!("/Users/{}", directory.user("ada@x.example").await);
        let before = server.state(&directory).await;
        let operation = json!({"op": "replace", "path": "title", "value": "x"});
        for body in [
            json!({"Operations": [operation]}),
            json!({"schemas": [USER], "Operations": [operation]}),
            json!({"schemas": [PATCH]}),
            json!({"schemas": [PATCH], "Operations": []}),
            json!({"schemas": [PATCH], "Operations": operation}),
            json!({"schemas": [PATCH], "Operations": ["replace"]}),
            json!([]),
            json!("x"),
        ] {
            directory.scim("PATCH", &path, body.clone()).await.refused(400, "invalidSyntax", &body.to_string());
        }
        let many = vec![operation; 1_001];
        directory.patch(&path, json!(many)).await.refused(413, "tooMany", "1001 operations");
        assert_eq!(server.state(&directory).await, before);
    })
    .await;
}

#[tokio::test]
async fn active_is_a_boolean_also_where_a_text_was_sent() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        for (n, (sent, stored)) in
            [(json!("False"), false), (json!("false"), false), (json!("TRUE"), true), (json!(["False"]), false)]
                .into_iter()
                .enumerate()
        {
            let made = directory.scim("POST", "/Users", user(&format!("u{n}"), json!({"active": sent}))).await;
            assert_eq!(made.expect(201).at("/active"), stored, "{sent}");
            let path = format!("/Users/{}", directory.user(&format!("v{n}")).await);
            let put = directory.scim("PUT", &path, user(&format!("v{n}"), json!({"active": sent}))).await;
            assert_eq!(put.expect(200).at("/active"), stored, "{sent}");
            directory.patch(&path, json!([{"op": "replace", "path": "active", "value": !stored}])).await.expect(200);
            for operation in [
                json!({"op": "Replace", "path": "active", "value": sent}),
                json!({"op": "replace", "value": {"active": sent}}),
            ] {
                let patched = directory.patch(&path, json!([operation])).await.expect(200);
                assert_eq!(patched.at("/active"), stored, "{operation}");
            }
        }
        let inactive = directory.search("Users", "active eq false").await.expect(200);
        assert_eq!(inactive.at("/totalResults"), 6);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_user_is_gone_for_every_method_and_the_name_is_free() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let made = directory.scim("POST", "/Users", ada()).await.expect(201);
        let id = made.text("/id");
        let path = format!("/Users/{id}");
        let group = directory.group("G", &[&id]).await;
        let deleted = directory.scim("DELETE", &path, Value::Null).await.expect(204);
        assert_eq!(deleted.body, Value::Null);
        let before = server.state(&directory).await;

        for (method, body) in [
            ("GET", Value::Null),
            ("DELETE", Value::Null),
            ("PUT", ada()),
            ("PATCH", json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]})),
        ] {
            directory.scim(method, &path, body).await.refused(404, "", method);
        }
        for filter in [format!("id eq \"{id}\""), "userName eq \"ada.byron@x.example\"".to_owned(), "id pr".to_owned()]
        {
            assert_eq!(directory.search("Users", &filter).await.expect(200).at("/totalResults"), 0, "{filter}");
        }
        assert!(directory.members(&group).await.is_empty());
        assert_eq!(server.state(&directory).await, before, "nothing of this changed anything");
        let deletions = server.event_names(&directory.organization).await;
        assert_eq!(deletions.iter().filter(|name| *name == "dsync.user.deleted").count(), 1);

        let again = directory.scim("POST", "/Users", ada()).await.expect(201);
        assert_ne!(again.text("/id"), id, "an id is never used again");
        assert!(again.body.get("groups").is_none(), "nobody inherits a membership");
    })
    .await;
}
