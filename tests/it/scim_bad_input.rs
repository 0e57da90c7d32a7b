//! Requests that cannot be meant: each is refused with a SCIM error that says why, and changes nothing
//! (SECURITY sections 4.2 to 4.5).

use serde_json::{Value, json};

use super::support::scim::{ENTERPRISE, GROUP, PATCH, SEARCH, USER, group, over, user, with_query};
use super::support::server::{TestDirectory, TestServer, answer, on_each_server};

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// A server with somebody in a group, to see that they stay as they are.
struct Scene {
    directory: TestDirectory,
    user: String,
    group: String,
    before: String,
}

impl Scene {
    async fn set(server: &TestServer) -> Self {
        let directory = server.directory().await;
        let user = directory.user("ada@x.example").await;
        let group = directory.group("Eng", &[&user]).await;
        let before = server.state(&directory).await;
        Scene { directory, user: format!("/Users/{user}"), group: format!("/Groups/{group}"), before }
    }

    /// Every request that takes a body.
    fn writes(&self) -> [(&'static str, &str); 9] {
        [
            ("POST", "/Users"),
            ("PUT", &self.user),
            ("PATCH", &self.user),
            ("POST", "/Groups"),
            ("PUT", &self.group),
            ("PATCH", &self.group),
            ("POST", "/Users/.search"),
            ("POST", "/.search"),
            ("POST", "/Bulk"),
        ]
    }

    async fn unchanged(&self, server: &TestServer, what: &str) {
        assert_eq!(server.state(&self.directory).await, self.before, "{what}");
    }
}

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

#[tokio::test]
async fn long_texts_that_do_not_compress_fit_or_are_refused_on_every_database() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        // Ideographs in no order: three bytes each, and nothing that an index could press together.
        let noise = |length: usize| -> String {
            let next = |seed: u64| seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::iter::successors(Some(next(length as u64)), |seed| Some(next(*seed)))
                .map(|seed| char::from_u32(0x4E00 + u32::try_from((seed >> 33) % 0x4000).unwrap()).unwrap())
                .take(length)
                .collect()
        };
        // One character that compatibility turns into eighteen.
        let ligatures = "\u{FDFA}".repeat(500);
        for (n, length) in [100_usize, 500, 512, 900, 1_024, 4_000, 20_000].into_iter().enumerate() {
            let text = noise(length);
            let members = json!([{"value": text}]);
            for (path, body) in [
                ("/Users", user(&text, json!({}))),
                ("/Users", user(&format!("{n}{}", &ligatures[..3 * length.min(500)]), json!({"title": text}))),
                ("/Users", user(&format!("a{n}"), json!({"externalId": text}))),
                ("/Users", user(&format!("b{n}"), json!({"displayName": text}))),
                ("/Users", user(&format!("c{n}"), json!({"emails": [{"value": text}]}))),
                ("/Users", user(&format!("d{n}"), json!({ENTERPRISE: {"department": text, "other": text}}))),
                ("/Groups", group(&text, &[])),
                ("/Groups", group(&format!("{n}{}", &ligatures[..3 * length.min(500)]), &[])),
                ("/Groups", over(group("a", &[]), json!({"externalId": text}))),
                ("/Groups", over(group("b", &[]), json!({"members": members}))),
            ] {
                let made = directory.scim("POST", path, body.clone()).await;
                let what = format!("{length} characters: {}", body.to_string().chars().take(100).collect::<String>());
                if made.status == 201 {
                    let id = made.text("/id");
                    let read = directory.get(&format!("{path}/{id}")).await.expect(200);
                    assert_eq!(read.body, made.body, "{what}");
                } else {
                    made.refused(400, "invalidValue", &what);
                }
                assert!(length > 500 || made.status == 201, "what is not long is taken: {what}: {}", made.body);
            }
            let filter = format!("displayName eq \"{text}\" or externalId eq \"{text}\" or emails.value co \"{text}\"");
            let search = json!({"schemas": [SEARCH], "filter": filter});
            for path in ["/Users/.search", "/Groups/.search"] {
                let found = directory.scim("POST", path, search.clone()).await;
                if found.status != 200 {
                    found.refused(400, "invalidFilter", &format!("{path} with {length} characters"));
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn only_json_in_utf_8_is_read() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        let body = user("new@x.example", json!({})).to_string().into_bytes();
        for media_type in [
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/scim+json; charset=utf-16",
            "application/json;charset=iso-8859-1",
            "application/scim+jsonx",
            "application/octet-stream",
            "*/*",
            &format!("text/{}", "x".repeat(5_000)),
        ] {
            for (method, path) in scene.writes() {
                let refused = scene.directory.bytes(method, path, media_type, body.clone()).await;
                refused.refused(415, "", &format!("{method} {path} {media_type:.50}"));
            }
        }
        scene.unchanged(&server, "after all of these").await;
        for (n, media_type) in [
            "application/scim+json",
            "application/json",
            "APPLICATION/JSON",
            "application/json; charset=utf-8",
            "application/scim+json;charset=\"UTF-8\"",
            "application/scim+json; charset=UTF8; q=1",
        ]
        .into_iter()
        .enumerate()
        {
            let body = user(&format!("u{n}"), json!({})).to_string().into_bytes();
            scene.directory.bytes("POST", "/Users", media_type, body).await.expect(201);
        }
        let without = scene.directory.request("POST", "/Users").body(user("u", json!({})).to_string());
        answer(without).await.expect(201);
        for (accept, expected) in [
            ("application/json", "application/json"),
            ("application/scim+json", "application/scim+json"),
            ("application/json, application/scim+json", "application/scim+json"),
            ("*/*", "application/scim+json"),
            ("text/html", "application/scim+json"),
        ] {
            let found = scene.directory.with_headers("GET", "/Users", &[("accept", accept)], Value::Null).await;
            assert_eq!(found.expect(200).header("content-type"), expected, "{accept}");
        }
    })
    .await;
}

#[tokio::test]
async fn broken_queries_and_paths_are_refused() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        for query in ["filter=%zz", "filter=%", "filter=%4", "filter=%ff", "filter=a%00b", "%ff=1", "attributes=%c3%28"]
        {
            for path in ["", "/Users", "/Groups", scene.user.as_str(), scene.group.as_str()] {
                let refused = scene.directory.get(&format!("{path}?{query}")).await;
                refused.refused(400, "invalidValue", &format!("{path}?{query}"));
            }
        }
        let long = with_query("/Users", &[("filter", &"x".repeat(20_000))]);
        scene.directory.get(&long).await.refused(414, "", "a long query");
        let names = with_query("/Users", &[("attributes", &"a,".repeat(5_000))]);
        assert!(matches!(scene.directory.get(&names).await.status.as_u16(), 200 | 400 | 414));
        for id in [
            "1",
            "-1",
            "0",
            "null",
            "undefined",
            "'%20OR%20'1'='1",
            "%00",
            "%ff",
            "%F0%9F%98%80",
            "..%2f..%2fetc",
            "directory_user_",
            "directory_user_01M883W820W5K81MZW5E4AJ68Y",
            "DIRECTORY_USER_01M883W820W5K81MZW5E4AJ68Y",
            "directory_user_81M883W820W5K81MZW5E4AJ68Y",
            &"x".repeat(7_000),
            scene.group.rsplit('/').next().unwrap(),
        ] {
            let path = format!("/Users/{id}");
            let patch = json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]});
            for (method, body) in
                [("GET", Value::Null), ("PUT", user("new", json!({}))), ("PATCH", patch), ("DELETE", Value::Null)]
            {
                let refused = scene.directory.scim(method, &path, body).await;
                refused.refused(404, "", &format!("{method} {path:.80}"));
            }
        }
        for parens in [60, 1_000, 100_000] {
            for open in ["(", "not ("] {
                let filter = format!("{}title pr{}", open.repeat(parens), ")".repeat(parens));
                let search = json!({"schemas": [SEARCH], "filter": filter});
                for path in ["/Users/.search", "/Groups/.search", "/.search"] {
                    let refused = scene.directory.scim("POST", path, search.clone()).await;
                    refused.refused(400, "invalidFilter", &format!("{parens} × {open}"));
                }
            }
        }
        for path in
            ["emails[".repeat(140), "(".repeat(1_000), "a.".repeat(10_000), "x".repeat(100_000), "__proto__".into()]
        {
            let patch = json!([{"op": "replace", "path": path, "value": "x"}]);
            scene.directory.patch(&scene.user, patch).await.refused(400, "invalidPath", &format!("{path:.40}"));
        }
        scene.unchanged(&server, "after all of these").await;
    })
    .await;
}

#[tokio::test]
async fn strange_texts_are_stored_as_they_are() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        for (n, text) in [
            "<script>alert(1)</script>",
            "{{7*7}} ${jndi:ldap://x} `id` $(id)",
            "=cmd|' /C calc'!A0",
            "'; DROP TABLE directory_users; --",
            "%s%n%x",
            "\\u0000 \\x00",
            "a\r\nSet-Cookie: x=y",
            "\u{1F469}\u{200D}\u{1F4BB}",
            "مرحبا \u{200F}",
            "Z\u{335}a\u{335}l",
            "\u{FFFF}\u{10FFFF}",
            "e\u{301} vs é",
            " lead and trail ",
            "аdmin",
        ]
        .into_iter()
        .enumerate()
        {
            let body = user(
                &format!("{n}{text}"),
                json!({
                    "displayName": text, "externalId": text, "title": text, "emails": [{"value": text, "type": text}],
                    ENTERPRISE: {"department": text, text: text},
                }),
            );
            let made = directory.scim("POST", "/Users", body.clone()).await.expect(201);
            for (key, value) in body.as_object().unwrap() {
                if key != "schemas" {
                    assert_eq!(&made.body[key], value, "{key}: {text}");
                }
            }
            let found = directory.search("Users", &format!("externalId eq {}", json!(text))).await.expect(200);
            assert_eq!(found.at("/totalResults"), 1, "{text}");
            assert_eq!(found.at("/Resources/0"), &made.body, "{text}");
            let eng = directory.scim("POST", "/Groups", group(text, &[text])).await.expect(201);
            assert_eq!(eng.at("/members/0/value"), text);
            assert_eq!(eng.header("x-content-type-options"), "nosniff");
        }
    })
    .await;
}
