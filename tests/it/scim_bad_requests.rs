//! Requests whose media type, query, path or sheer length is wrong, and strange ones that are right
//! (SECURITY sections 4.1 to 4.5).

use serde_json::{Value, json};

use super::support::scene::Scene;
use super::support::scim::{ENTERPRISE, PATCH, SEARCH, group, over, user, with_query};
use super::support::server::{answer, on_each_server};

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
                assert!(
                    length > 500 || made.status == 201 || body.to_string().contains('\u{FDFA}'),
                    "what is not long is taken: {what}: {}",
                    made.body
                );
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
