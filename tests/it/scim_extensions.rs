//! Extension schemas that a directory's settings define: published, stored, validated and found, with every
//! characteristic of RFC 7643 section 2.2 end to end.

use serde_json::{Value, json};

use super::support::scim::{BULK, PATCH, USER, over, user, with_query};
use super::support::server::{TestDirectory, TestServer, on_each_server};

const ACME: &str = "urn:example:params:acme:1.0:User";

fn settings() -> Value {
    json!({"custom": {
        "schemas": [{"id": ACME, "name": "Acme", "description": "What Acme adds", "attributes": [
            {"name": "badge", "type": "string", "uniqueness": "server"},
            {"name": "code", "type": "string", "uniqueness": "global", "caseExact": true},
            {"name": "secret", "type": "string", "mutability": "writeOnly", "returned": "never"},
            {"name": "hidden", "type": "string", "returned": "never"},
            {"name": "always", "type": "string", "returned": "always"},
            {"name": "onRequest", "type": "string", "returned": "request"},
            {"name": "hired", "type": "dateTime", "mutability": "immutable"},
            {"name": "system", "type": "string", "mutability": "readOnly"},
            {"name": "level", "type": "integer"},
            {"name": "rate", "type": "decimal"},
            {"name": "key", "type": "binary"},
            {"name": "site", "type": "reference", "referenceTypes": ["external"]},
            {"name": "remote", "type": "boolean"},
            {"name": "colour", "type": "string", "canonicalValues": ["red", "green"]},
            {"name": "flags", "type": "string", "multiValued": true},
            {"name": "numbers", "type": "integer", "multiValued": true},
            {"name": "desks", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string", "required": true},
                {"name": "type", "type": "string", "canonicalValues": ["quiet", "loud"]},
                {"name": "floor", "type": "integer"},
                {"name": "note", "type": "string", "returned": "request"},
                {"name": "primary", "type": "boolean"},
            ]},
        ]}],
        "extensions": [{"resource_type": "User", "schema": ACME}],
    }})
}

async fn directory(server: &TestServer) -> TestDirectory {
    let organization = server.organization("Acme").await;
    server.directory_in(&organization, settings()).await
}

/// Creates a user with these attributes of the extension.
async fn make(directory: &TestDirectory, name: &str, acme: Value) -> String {
    directory.scim("POST", "/Users", user(name, json!({ACME: acme}))).await.expect(201).text("/id")
}

#[tokio::test]
async fn an_extension_is_published_as_it_was_defined() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let types = directory.get("/ResourceTypes/User").await.expect(200);
        assert_eq!(types.at("/schemaExtensions/1"), &json!({"schema": ACME, "required": false}));
        let schema = directory.get(&format!("/Schemas/{}", ACME.to_uppercase())).await.expect(200);
        assert_eq!(schema.at("/id"), ACME);
        let defined = settings();
        let defined = defined["custom"]["schemas"][0]["attributes"].as_array().unwrap();
        let published = schema.at("/attributes").as_array().unwrap();
        assert_eq!(published.len(), defined.len());
        for (published, defined) in published.iter().zip(defined) {
            for (key, value) in defined.as_object().unwrap().iter().filter(|(key, _)| *key != "subAttributes") {
                assert_eq!(&published[key], value, "{published}");
            }
        }
        let other = server.directory().await;
        other.get(&format!("/Schemas/{ACME}")).await.refused(404, "", "another directory has none of it");
        other.search("Users", &format!("{ACME}:badge pr")).await.refused(400, "invalidFilter", "nor there");
    })
    .await;
}

#[tokio::test]
async fn values_of_every_type_come_back_as_they_were_sent_and_others_are_refused() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let id = make(&directory, "ada", json!({"badge": "1"})).await;
        let path = format!("/Users/{id}");
        for good in [
            json!({"level": 0}),
            json!({"level": i64::MAX}),
            json!({"level": i64::MIN}),
            json!({"level": 9_007_199_254_740_993_i64}),
            json!({"rate": 1.5}),
            json!({"rate": -0.25}),
            json!({"rate": 7}),
            json!({"rate": 1e-9}),
            json!({"hired": "2026-01-31T08:00:00Z"}),
            json!({"key": "AAEC/w=="}),
            json!({"key": "AAEC_w"}),
            json!({"site": "https://x.example/a?b=c#d"}),
            json!({"site": "../relative"}),
            json!({"remote": false}),
            json!({"colour": "red"}),
            json!({"colour": "a canonical value is a suggestion"}),
            json!({"flags": ["a", "b"]}),
            json!({"numbers": [3, 1, 2]}),
            json!({"desks": [{"value": "d1", "type": "quiet", "floor": 3, "primary": true}, {"value": "d2"}]}),
        ] {
            let made =
                directory.scim("POST", "/Users", user(&format!("new {good}"), json!({ACME: good}))).await.expect(201);
            assert_eq!(made.body[ACME], good);
            assert_eq!(made.at("/schemas"), &json!([USER, ACME]));
            let read = directory.get(&format!("/Users/{}", made.text("/id"))).await.expect(200);
            assert_eq!(read.body[ACME], good);
        }
        let before = server.state(&directory).await;
        let bad = [
            r#"{"level": 1.5}"#,
            r#"{"level": 1.0}"#,
            r#"{"level": 1e2}"#,
            r#"{"level": 18446744073709551616}"#,
            r#"{"level": 18446744073709551615}"#,
            r#"{"level": 9223372036854775808}"#,
            r#"{"level": -9223372036854775809}"#,
            r#"{"level": "1"}"#,
            r#"{"level": true}"#,
            r#"{"level": [1, 2]}"#,
            r#"{"rate": "1.5"}"#,
            r#"{"rate": {}}"#,
            r#"{"hired": "2026-01-31"}"#,
            r#"{"hired": "yesterday"}"#,
            r#"{"hired": 1706688000}"#,
            r#"{"hired": "2026-02-30T00:00:00Z"}"#,
            r#"{"key": "!"}"#,
            r#"{"key": "A"}"#,
            r#"{"key": 1}"#,
            r#"{"site": "a b"}"#,
            r#"{"site": 7}"#,
            r#"{"remote": "perhaps"}"#,
            r#"{"remote": 0}"#,
            r#"{"flags": [1]}"#,
            r#"{"flags": [["a"]]}"#,
            r#"{"flags": {"a": 1}}"#,
            r#"{"numbers": ["1"]}"#,
            r#"{"numbers": [1, 2.5]}"#,
            r#"{"desks": [{"floor": 1}]}"#,
            r#"{"desks": [{"value": "a", "floor": "1"}]}"#,
            r#"{"desks": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}"#,
            r#"{"desks": 7}"#,
        ];
        for bad in bad {
            let body = format!(r#"{{"schemas": ["{USER}", "{ACME}"], "userName": "bad", "{ACME}": {bad}}}"#);
            let send = |method, path: &str, body: String| {
                let (directory, path) = (directory.clone(), path.to_owned());
                async move { directory.bytes(method, &path, "application/scim+json", body.into_bytes()).await }
            };
            send("POST", "/Users", body.clone()).await.refused(400, "invalidValue", bad);
            send("PUT", &path, body).await.refused(400, "invalidValue", bad);
            for value in [format!(r#""path": "{ACME}", "value": {bad}"#), format!(r#""value": {{"{ACME}": {bad}}}"#)] {
                let patch = format!(r#"{{"schemas": ["{PATCH}"], "Operations": [{{"op": "replace", {value}}}]}}"#);
                send("PATCH", &path, patch).await.refused(400, "invalidValue", bad);
            }
        }
        assert_eq!(server.state(&directory).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_unique_value_is_refused_a_second_time_by_every_write() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let first = make(&directory, "first", json!({"badge": "ÅB-1", "code": "x"})).await;
        let second = make(&directory, "second", json!({"badge": "2", "code": "X"})).await;
        let path = format!("/Users/{second}");
        let before = server.state(&directory).await;
        for double in [json!({"badge": "åb-1"}), json!({"code": "x", "badge": "3"})] {
            let body = user("second", json!({ACME: double}));
            let third = user("third", json!({ACME: double}));
            directory.scim("POST", "/Users", third.clone()).await.refused(409, "uniqueness", &double.to_string());
            directory.scim("PUT", &path, body).await.refused(409, "uniqueness", &double.to_string());
            let patch = json!([{"op": "replace", "path": "title", "value": "x"}, {"op": "replace", "path": ACME, "value": double}]);
            directory.patch(&path, patch).await.refused(409, "uniqueness", &double.to_string());
            let operation = json!({"method": "POST", "path": "/Users", "bulkId": "q", "data": third});
            let bulk = directory.scim("POST", "/Bulk", json!({"schemas": [BULK], "Operations": [operation]})).await;
            assert_eq!(bulk.expect(200).at("/Operations/0/status"), "409");
        }
        assert_eq!(server.state(&directory).await, before);

        // A value is free once nobody has it: changed, removed, replaced without it, or deleted.
        let own = json!([{"op": "replace", "path": format!("{ACME}:badge"), "value": "åB-1"}]);
        directory.patch(&format!("/Users/{first}"), own).await.expect(200);
        let gone = json!([{"op": "remove", "path": format!("{ACME}:badge")}]);
        directory.patch(&format!("/Users/{first}"), gone).await.expect(200);
        let taken = json!([{"op": "replace", "path": format!("{ACME}:badge"), "value": "ÅB-1"}]);
        directory.patch(&path, taken).await.expect(200);
        directory.scim("PUT", &path, user("second", json!({}))).await.expect(200);
        let third = make(&directory, "third", json!({"badge": "ÅB-1", "code": "X"})).await;
        directory.scim("DELETE", &format!("/Users/{third}"), Value::Null).await.expect(204);
        make(&directory, "fourth", json!({"badge": "ÅB-1", "code": "X"})).await;
        // What is unique in one directory is nothing to another.
        let other = server.directory_in(&directory.organization, settings()).await;
        make(&other, "fifth", json!({"badge": "ÅB-1", "code": "X"})).await;
    })
    .await;
}

#[tokio::test]
async fn what_may_be_written_once_or_never_is_not_written_again() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let at = "2026-01-31T08:00:00Z";
        let made = directory
            .scim(
                "POST",
                "/Users",
                user("ada", json!({ACME: {"hired": at, "system": "mine", "secret": "s", "level": 1}})),
            )
            .await
            .expect(201);
        let path = format!("/Users/{}", made.text("/id"));
        assert_eq!(made.body[ACME], json!({"hired": at, "level": 1}), "what only the server writes is ignored");
        let put = |acme: Value| directory.scim("PUT", &path, user("ada", json!({ACME: acme})));
        assert_eq!(put(json!({"hired": at, "system": "x"})).await.expect(200).body[ACME], json!({"hired": at}));
        let before = server.state(&directory).await;
        for changed in [json!({"hired": "2027-01-31T08:00:00Z"}), json!({"level": 2}), json!({})] {
            put(changed.clone()).await.refused(400, "mutability", &changed.to_string());
        }
        for operation in [
            json!({"op": "replace", "path": format!("{ACME}:hired"), "value": "2027-01-31T08:00:00Z"}),
            json!({"op": "add", "value": {ACME: {"hired": "2027-01-31T08:00:00Z"}}}),
            json!({"op": "remove", "path": format!("{ACME}:hired")}),
            json!({"op": "remove", "path": ACME}),
            json!({"op": "replace", "path": format!("{ACME}:system"), "value": "x"}),
            json!({"op": "add", "value": {ACME: {"system": "x"}}}),
            json!({"op": "remove", "path": format!("{ACME}:system")}),
        ] {
            let answer = directory.patch(&path, json!([operation])).await;
            answer.refused(400, "mutability", &operation.to_string());
        }
        assert_eq!(server.state(&directory).await, before);
        let same = json!([{"op": "replace", "path": format!("{ACME}:hired"), "value": at}]);
        directory.patch(&path, same).await.expect(200);
        assert_eq!(server.state(&directory).await, before, "the value that it has is no change");
        let later = make(&directory, "bob", json!({"level": 1})).await;
        let once = json!([{"op": "add", "path": format!("{ACME}:hired"), "value": at}]);
        let patched = directory.patch(&format!("/Users/{later}"), once).await.expect(200);
        assert_eq!(patched.body[ACME]["hired"], at, "what is not set yet can be set");
    })
    .await;
}

#[tokio::test]
async fn values_are_returned_always_never_by_default_or_on_request() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let desks = json!([{"value": "d", "floor": 1, "note": "n"}]);
        let acme = json!({"always": "a", "onRequest": "r", "hidden": "h", "secret": "s", "level": 1, "desks": desks});
        let id = make(&directory, "ada", acme).await;
        let shown = async |query: &[(&str, &str)]| {
            let path = format!("/Users/{id}");
            let one = directory.get(&with_query(&path, query)).await.expect(200).body;
            let listed = directory.get(&with_query("/Users", query)).await.expect(200);
            assert_eq!(listed.at("/Resources/0"), &one);
            one.get(ACME).cloned().unwrap_or_default()
        };
        let usual = json!({"always": "a", "level": 1, "desks": [{"value": "d", "floor": 1}]});
        assert_eq!(shown(&[]).await, usual);
        let names = |names: &[&str]| names.iter().map(|name| format!("{ACME}:{name}")).collect::<Vec<_>>().join(",");
        for (named, expected) in [
            ("userName".to_owned(), json!({"always": "a"})),
            (names(&["hidden", "secret"]), json!({"always": "a"})),
            (names(&["onRequest"]), json!({"always": "a", "onRequest": "r"})),
            (names(&["desks.note", "level"]), json!({"always": "a", "level": 1, "desks": [{"note": "n"}]})),
            (ACME.to_owned(), usual.clone()),
        ] {
            assert_eq!(shown(&[("attributes", &named)]).await, expected, "{named}");
        }
        for (named, expected) in [
            (ACME.to_owned(), json!({"always": "a"})),
            (names(&["always", "level"]), json!({"always": "a", "desks": [{"value": "d", "floor": 1}]})),
            ("userName".to_owned(), usual.clone()),
        ] {
            assert_eq!(shown(&[("excludedAttributes", &named)]).await, expected, "{named}");
        }
        for name in ["hidden", "secret"] {
            let filter = format!("{ACME}:{name} pr");
            directory.search("Users", &filter).await.refused(400, "invalidFilter", &filter);
        }
        let found = directory.search("Users", &format!("{ACME}:onRequest eq \"r\"")).await.expect(200);
        assert_eq!(found.at("/totalResults"), 1, "what is returned on request can be filtered by");
    })
    .await;
}

#[tokio::test]
async fn filters_and_orders_go_by_the_type_of_an_attribute() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let big = 9_007_199_254_740_993_i64;
        for (name, acme) in [
            ("a", json!({"level": big, "rate": 0.5, "hired": "2026-01-31T08:00:00Z", "code": "x", "flags": ["one", "TWO"]})),
            ("b", json!({"level": big - 1, "rate": 10, "hired": "2026-01-31T10:00:00+02:00", "code": "X", "numbers": [1, 20]})),
            ("c", json!({"level": 9, "rate": 9.5, "hired": "2026-01-31T07:59:59.999Z", "key": "AAEC", "remote": true})),
            ("d", json!({"desks": [{"value": "d1", "type": "Quiet", "floor": 3}, {"value": "d2", "type": "loud", "floor": 9}]})),
        ] {
            make(&directory, name, acme).await;
        }
        let found = async |filter: &str| {
            let filter = filter.replace('@', &format!("{ACME}:"));
            let found = directory.search("Users", &filter).await.expect(200).column("/userName").concat();
            let again = directory.search("Users", &format!("not (not ({filter}))")).await.expect(200);
            assert_eq!(again.column("/userName").concat(), found, "{filter}");
            found
        };
        for (filter, expected) in [
            ("@level eq 9007199254740993", "a"), ("@level eq 9007199254740992", "b"), ("@level gt 9", "ab"),
            ("@level ge 9", "abc"), ("@level lt 9.5", "c"), ("@level pr", "abc"), ("not (@level eq 9)", "abd"),
            ("@rate gt 9", "bc"), ("@rate eq 10.0", "b"), ("@rate le 0.5", "a"),
            ("@hired eq \"2026-01-31T08:00:00Z\"", "ab"), ("@hired lt \"2026-01-31T08:00:00Z\"", "c"),
            ("@hired ge \"2026-01-31T09:00:00+01:00\"", "ab"),
            ("@code eq \"x\"", "a"), ("@code eq \"X\"", "b"), ("@code sw \"x\"", "a"),
            ("@flags eq \"two\"", "a"), ("@flags co \"ON\"", "a"), ("@numbers gt 10", "b"), ("@numbers eq 2", ""),
            ("@key eq \"AAEC\"", "c"), ("@key eq \"aaec\"", ""), ("@remote eq true", "c"),
            ("@desks[type eq \"quiet\" and floor gt 2]", "d"), ("@desks[type eq \"quiet\" and floor gt 3]", ""),
            ("@desks.floor gt 8", "d"), ("@desks eq \"D1\"", "d"),
            ("@level gt 9 and @rate lt 1 or @desks pr", "ad"),
        ] {
            assert_eq!(found(filter).await, expected, "{filter}");
        }
        for filter in [
            "@level eq \"9\"", "@level co 9", "@level eq true", "@rate sw 1", "@hired eq \"soon\"", "@hired co \"2026\"",
            "@key gt \"AA\"", "@key co \"AA\"", "@remote gt false", "@desks[nothing pr]", "@nothing pr", "@level eq 18446744073709551616",
        ] {
            let filter = filter.replace('@', &format!("{ACME}:"));
            directory.search("Users", &filter).await.refused(400, "invalidFilter", &filter);
        }
        for (by, ascending, descending) in
            [("level", "cbad", "dabc"), ("rate", "acbd", "dbca"), ("hired", "cabd", "dabc"), ("code", "bacd", "cdab"), ("desks.floor", "dabc", "abcd")]
        {
            let by = format!("{ACME}:{by}");
            let order = async |order: &str| {
                let query = [("sortBy", by.as_str()), ("sortOrder", order)];
                directory.get(&with_query("/Users", &query)).await.expect(200).column("/userName").concat()
            };
            assert_eq!((order("ascending").await.as_str(), order("descending").await.as_str()), (ascending, descending), "{by}");
        }
    })
    .await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_with_their_place() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let directory = server.directory_in(&organization, json!({})).await;
        let schema = |attribute: Value| {
            json!({"custom": {
                "schemas": [{"id": ACME, "name": "Acme", "attributes": [over(json!({"name": "x"}), attribute)]}],
                "extensions": [{"resource_type": "User", "schema": ACME}],
            }})
        };
        for (settings, place) in [
            (
                json!({"custom": {"schemas": [{"id": "acme", "name": "A", "attributes": [{"name": "x"}]}]}}),
                "schemas[0].id",
            ),
            (
                json!({"custom": {"schemas": [{"id": USER, "name": "A", "attributes": [{"name": "x"}]}]}}),
                "schemas[0].id",
            ),
            (schema(json!({"name": "1x"})), "attributes[0].name"),
            (schema(json!({"name": "members"})), "attributes[0].name"),
            (schema(json!({"type": "complex"})), "subAttributes"),
            (schema(json!({"mutability": "writeOnly"})), "attributes[0].returned"),
            (schema(json!({"uniqueness": "server", "returned": "never"})), "uniqueness"),
            (json!({"custom": {"extensions": [{"resource_type": "User", "schema": ACME}]}}), "extensions[0].schema"),
        ] {
            let body = json!({"organization_id": organization, "name": "X", "settings": settings});
            for answer in [
                server.api("POST", "/directories", body).await,
                server.api("PATCH", &format!("/directories/{}", directory.id), json!({"settings": settings})).await,
            ] {
                assert_eq!(answer.status, 422, "{settings}: {}", answer.body);
                assert!(answer.body.to_string().contains(place), "{settings}: {}", answer.body);
            }
        }
        directory.get(&format!("/Schemas/{ACME}")).await.expect(404);
        let path = format!("/directories/{}", directory.id);
        server.api("PATCH", &path, json!({"settings": settings()})).await.expect(200);
        directory.get(&format!("/Schemas/{ACME}")).await.expect(200);
        make(&directory, "ada", json!({"level": 7})).await;
    })
    .await;
}
