//! Bodies that cannot be meant: each is refused with a SCIM error that says why, and changes nothing
//! (SECURITY sections 4.2 to 4.4).

use serde_json::json;

use super::support::scene::Scene;
use super::support::scim::{BULK, ENTERPRISE, GROUP, PATCH, SEARCH, USER, group, over, user};
use super::support::server::on_each_server;

#[tokio::test]
async fn what_is_no_json_object_is_refused_by_every_request_that_takes_one() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)).into_bytes();
        let with = |value: &str| {
            format!(r#"{{"schemas":["{USER}","{GROUP}","{PATCH}","{SEARCH}","{BULK}"],"x":{value}}}"#).into_bytes()
        };
        for (body, scim_type) in [
            (b"".to_vec(), "invalidSyntax"),
            (b" \n ".to_vec(), "invalidSyntax"),
            (b"{".to_vec(), "invalidSyntax"),
            (b"{}x".to_vec(), "invalidSyntax"),
            (b"[]".to_vec(), "invalidSyntax"),
            (b"null".to_vec(), "invalidSyntax"),
            (b"7".to_vec(), "invalidSyntax"),
            (b"\"{}\"".to_vec(), "invalidSyntax"),
            (b"{}".to_vec(), "invalidSyntax"),
            (b"{'a':1}".to_vec(), "invalidSyntax"),
            (b"userName=ada&active=true".to_vec(), "invalidSyntax"),
            ([b"\xef\xbb\xbf".to_vec(), with("1")].concat(), "invalidSyntax"),
            ("{\"x\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect(), "invalidSyntax"),
            ([&with("1")[..5], b"\xff".as_slice(), &with("1")[5..]].concat(), "invalidSyntax"),
            (with("\"\u{1}\""), "invalidSyntax"),
            ([b"{\"x\":\"".as_slice(), b"\xc0\xaf", b"\"}"].concat(), "invalidSyntax"),
            ([b"{\"x\":\"".as_slice(), b"\xed\xa0\x80", b"\"}"].concat(), "invalidSyntax"),
            (with(r#""\ud800""#), "invalidSyntax"),
            (with(r#""\udc00\ud800""#), "invalidSyntax"),
            (with("1,\"x\":2"), "invalidSyntax"),
            (with("{\"a\":1,\"a\":1}"), "invalidSyntax"),
            (with("[{\"b\":[{\"a\":1,\"\\u0061\":1}]}]"), "invalidSyntax"),
            (with(r#""a\u0000b""#), "invalidValue"),
            (with(r#"{"a\u0000b":1}"#), "invalidValue"),
            (with("NaN"), "invalidSyntax"),
            (with("-Infinity"), "invalidSyntax"),
            (with("0123"), "invalidSyntax"),
            (with("1e999"), "invalidSyntax"),
            (with(&"9".repeat(400)), "invalidSyntax"),
            (nested(200_000), "invalidSyntax"),
            (vec![b'['; 200_000], "invalidSyntax"),
            (objects(20_000), "invalidSyntax"),
            (with(&String::from_utf8(nested(40)).unwrap()), "invalidSyntax"),
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(150)]).into_owned();
            for (method, path) in scene.writes() {
                let refused = scene.directory.bytes(method, path, "application/scim+json", body.clone()).await;
                refused.refused(400, scim_type, &format!("{method} {path} {shown}"));
            }
            scene.unchanged(&server, &shown).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_twice_in_other_case_is_refused() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        let title = json!({"op": "add", "path": "title", "value": "x"});
        for (method, path, body) in [
            ("POST", "/Users", user("new", json!({"USERNAME": "other"}))),
            ("POST", "/Users", user("new", json!({"title": "a", "Title": "a"}))),
            ("POST", "/Users", user("new", json!({"name": {"givenName": "a", "GIVENNAME": "b"}}))),
            ("POST", "/Users", user("new", json!({"emails": [{"value": "a", "Value": "b"}]}))),
            ("POST", "/Users", user("new", json!({"Schemas": [USER]}))),
            (
                "POST",
                "/Users",
                user("new", json!({ENTERPRISE: {"department": "a"}, ENTERPRISE.to_uppercase(): {"DEPARTMENT": "b"}})),
            ),
            ("POST", "/Groups", over(group("new", &["a"]), json!({"Members": [{"value": "b"}]}))),
            (
                "POST",
                "/Groups",
                json!({"schemas": [GROUP], "displayName": "new", "members": [{"value": "a", "VALUE": "b"}]}),
            ),
            ("PATCH", &scene.user, json!({"schemas": [PATCH], "Operations": [title], "operations": [title]})),
            (
                "PATCH",
                &scene.user,
                json!({"schemas": [PATCH], "Operations": [over(title.clone(), json!({"OP": "remove"}))]}),
            ),
            (
                "PATCH",
                &scene.user,
                json!({"schemas": [PATCH], "Operations": [over(title.clone(), json!({"Value": "y"}))]}),
            ),
            (
                "PATCH",
                &scene.user,
                json!({"schemas": [PATCH], "Operations": [over(title.clone(), json!({"Path": "active"}))]}),
            ),
            (
                "PATCH",
                &scene.group,
                json!({"schemas": [PATCH], "Operations": [
                {"op": "remove", "path": "members", "value": [{"value": "a", "VALUE": "b"}]}]}),
            ),
            (
                "POST",
                "/Bulk",
                json!({"schemas": [BULK], "Operations": [{"method": "DELETE", "path": scene.user}], "operations": []}),
            ),
        ] {
            let refused = scene.directory.scim(method, path, body.clone()).await;
            refused.refused(400, "invalidSyntax", &body.to_string());
            scene.unchanged(&server, &body.to_string()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn values_of_the_wrong_kind_are_refused_wherever_they_are_written() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        for bad in [
            json!({"userName": 7}),
            json!({"userName": true}),
            json!({"userName": ["a", "b"]}),
            json!({"userName": {}}),
            json!({"userName": null}),
            json!({"userName": ""}),
            json!({"userName": " \t"}),
            json!({"userName": []}),
            json!({"userName": "x".repeat(513)}),
            json!({"userName": "a\u{202e}b"}),
            json!({"userName": "\u{2066}a"}),
            json!({"active": "yes"}),
            json!({"active": 2}),
            json!({"active": 1}),
            json!({"active": []}),
            json!({"active": ""}),
            json!({"active": {}}),
            json!({"active": [true, false]}),
            json!({"emails": 7}),
            json!({"emails": [7]}),
            json!({"emails": [[]]}),
            json!({"emails": [{"value": 7}]}),
            json!({"emails": [{"value": "a@x", "primary": "maybe"}]}),
            json!({"emails": [{"value": ["a", "b"]}]}),
            json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            json!({"name": "Ada"}),
            json!({"name": 7}),
            json!({"name": {"givenName": {}}}),
            json!({"name": [{}, {}]}),
            json!({"displayName": {"x": 1}}),
            json!({"title": 7}),
            json!({"externalId": 7}),
            json!({"externalId": {}}),
            json!({"profileUrl": "http://x y"}),
            json!({"x509Certificates": [{"value": "!!"}]}),
            json!({"photos": [{"value": "http://a b"}]}),
            json!({"title": "x".repeat(1 << 20)}),
            json!({"emails": vec![json!({"value": "a"}); 10_000]}),
            json!({ENTERPRISE: 7}),
            json!({ENTERPRISE: []}),
            json!({ENTERPRISE: {"department": {}}}),
            json!({ENTERPRISE: {"manager": 7}}),
            json!({ENTERPRISE: {"manager": {"value": 7}}}),
            json!({ENTERPRISE: {"unknown": "x".repeat(100_000)}}),
            json!({"urn:acme:1.0:U": {"x": "y".repeat(100_000)}}),
        ] {
            let shown: String = bad.to_string().chars().take(150).collect();
            let body = user("new@x.example", bad.clone());
            scene.directory.scim("POST", "/Users", body.clone()).await.refused(400, "invalidValue", &shown);
            scene.directory.scim("PUT", &scene.user, body).await.refused(400, "invalidValue", &shown);
            let patch = json!([{"op": "add", "path": "title", "value": "x"}, {"op": "replace", "value": bad}]);
            scene.directory.patch(&scene.user, patch).await.refused(400, "invalidValue", &shown);
        }
        for bad in [
            json!({"displayName": null}),
            json!({"displayName": ""}),
            json!({"displayName": " "}),
            json!({"displayName": 7}),
            json!({"displayName": ["a", "b"]}),
            json!({"displayName": "x".repeat(100_000)}),
            json!({"members": 7}),
            json!({"members": [7]}),
            json!({"members": [null]}),
            json!({"members": [[]]}),
            json!({"members": [{}]}),
            json!({"members": [{"value": null}]}),
            json!({"members": [{"value": 7}]}),
            json!({"members": [{"value": ""}]}),
            json!({"members": [{"value": " "}]}),
            json!({"members": [{"value": ["a"]}]}),
            json!({"members": [{"display": "Ada"}]}),
            json!({"members": [{"value": "x".repeat(1_025)}]}),
            json!({"members": [{"value": "fine"}, {"value": 7}]}),
        ] {
            let shown: String = bad.to_string().chars().take(150).collect();
            let body = over(group("New", &[]), bad.clone());
            scene.directory.scim("POST", "/Groups", body.clone()).await.refused(400, "invalidValue", &shown);
            scene.directory.scim("PUT", &scene.group, body).await.refused(400, "invalidValue", &shown);
            let patch = json!([{"op": "replace", "value": bad}]);
            scene.directory.patch(&scene.group, patch).await.refused(400, "invalidValue", &shown);
        }
        let missing = json!({"schemas": [USER], "active": true});
        scene.directory.scim("POST", "/Users", missing.clone()).await.refused(400, "invalidValue", "no userName");
        scene.directory.scim("PUT", &scene.user, missing).await.refused(400, "invalidValue", "no userName");
        let missing = json!({"schemas": [GROUP]});
        scene.directory.scim("POST", "/Groups", missing).await.refused(400, "invalidValue", "no displayName");
        for schemas in
            [json!(null), json!([]), json!("x"), json!([7]), json!([GROUP]), json!(["urn:acme:1.0:User"]), json!(USER)]
        {
            let body = user("new@x.example", json!({"schemas": schemas}));
            scene.directory.scim("POST", "/Users", body).await.refused(400, "invalidSyntax", &schemas.to_string());
        }
        scene.unchanged(&server, "after all of these").await;
    })
    .await;
}
