//! Resource types that a directory's settings define, served like the built-in ones.

use serde_json::{Value, json};

use super::support::scim::{BULK, SEARCH, USER, user, with_query};
use super::support::server::{TestDirectory, TestServer, on_each_server};

const DEVICE: &str = "urn:example:params:acme:1.0:Device";
const LEASE: &str = "urn:example:params:acme:1.0:Lease";

/// Devices, some of whose attributes are called like those of users and groups.
fn settings() -> Value {
    json!({"custom": {
        "schemas": [
            {"id": DEVICE, "name": "Device", "attributes": [
                {"name": "serial", "type": "string", "required": true, "caseExact": true, "uniqueness": "server"},
                {"name": "userName", "type": "string"},
                {"name": "displayName", "type": "string", "caseExact": true},
                {"name": "active", "type": "boolean"},
                {"name": "emails", "type": "string", "multiValued": true},
                {"name": "size", "type": "integer"},
            ]},
            {"id": LEASE, "name": "Lease", "attributes": [{"name": "ends", "type": "dateTime", "required": true}]},
        ],
        "resource_types": [{
            "name": "Device", "endpoint": "/Devices", "schema": DEVICE, "description": "A thing",
            "extensions": [{"schema": LEASE, "required": true}],
        }],
    }})
}

async fn directory(server: &TestServer) -> TestDirectory {
    let organization = server.organization("Acme").await;
    server.directory_in(&organization, settings()).await
}

fn device(serial: &str, more: Value) -> Value {
    let base = json!({
        "schemas": [DEVICE, LEASE], "serial": serial, LEASE: {"ends": "2030-01-01T00:00:00Z"},
    });
    super::support::scim::over(base, more)
}

#[tokio::test]
async fn a_resource_of_a_custom_type_lives_like_any_other() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let types = directory.get("/ResourceTypes/Device").await.expect(200);
        assert_eq!(types.at("/endpoint"), "/Devices");
        assert_eq!(types.at("/schemaExtensions"), &json!([{"schema": LEASE, "required": true}]));
        assert_eq!(directory.get("/Schemas").await.expect(200).resources().len(), 5);

        let sent = device("S-1", json!({"id": "mine", "externalId": "e", "displayName": "Laptop", "unknown": 1}));
        let made = directory.scim("POST", "/Devices", sent).await.expect(201);
        let path = format!("/Devices/{}", made.text("/id"));
        assert_eq!(made.header("location"), format!("{}{path}", directory.base_url));
        assert_eq!(made.text("/meta/resourceType"), "Device");
        assert_eq!((made.at("/externalId"), made.at("/displayName")), (&json!("e"), &json!("Laptop")));
        assert!(made.body.get("unknown").is_none());
        assert_eq!(directory.get(&path).await.expect(200).body, made.body);

        let same = directory.scim("PUT", &path, made.body.clone()).await.expect(200);
        assert_eq!(same.body, made.body, "no change keeps version and time");
        let put = directory.scim("PUT", &path, device("S-1", json!({"size": 3}))).await.expect(200);
        assert!(put.body.get("displayName").is_none() && put.body.get("externalId").is_none());
        assert_ne!(put.header("etag"), made.header("etag"));
        let rename = json!([{"op": "replace", "path": "displayName", "value": "New"}, {"op": "add", "path": "emails", "value": ["a"]}]);
        let patched = directory.patch(&path, rename).await.expect(200);
        assert_eq!((patched.at("/displayName"), patched.at("/emails"), patched.at("/size")), (&json!("New"), &json!(["a"]), &json!(3)));
        let stale = [("if-match", made.header("etag"))];
        directory.with_headers("DELETE", &path, &stale, Value::Null).await.refused(412, "", "a stale tag");
        let current = [("if-none-match", patched.header("etag"))];
        directory.with_headers("GET", &path, &current, Value::Null).await.expect(304);
        directory.scim("DELETE", &path, Value::Null).await.expect(204);
        for method in ["GET", "DELETE"] {
            directory.scim(method, &path, Value::Null).await.refused(404, "", method);
        }
        directory.scim("PUT", &path, device("S-1", json!({}))).await.refused(404, "", "PUT");
        directory.scim("POST", "/Devices", device("S-1", json!({}))).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn what_a_custom_type_requires_and_keeps_unique_is_enforced() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        directory.scim("POST", "/Devices", device("S-1", json!({}))).await.expect(201);
        let made = directory.scim("POST", "/Devices", device("s-1", json!({}))).await.expect(201);
        let path = format!("/Devices/{}", made.text("/id"));
        let total = async || directory.get("/Devices").await.expect(200).at("/totalResults").clone();
        for (bad, status, scim_type) in [
            (device("S-1", json!({})), 409, "uniqueness"),
            (device("", json!({})), 400, "invalidValue"),
            (device(" ", json!({})), 400, "invalidValue"),
            (device("x", json!({"serial": null})), 400, "invalidValue"),
            (device("x", json!({LEASE: {}})), 400, "invalidValue"),
            (device("x", json!({LEASE: null})), 400, "invalidValue"),
            (device("x", json!({LEASE: {"ends": "soon"}})), 400, "invalidValue"),
            (device("x", json!({"size": 1.5})), 400, "invalidValue"),
            (device("x", json!({"schemas": [USER]})), 400, "invalidSyntax"),
            (device(&"x".repeat(3_000), json!({})), 400, "invalidValue"),
        ] {
            directory.scim("POST", "/Devices", bad.clone()).await.refused(status, scim_type, &bad.to_string());
            directory.scim("PUT", &path, bad.clone()).await.refused(status, scim_type, &bad.to_string());
        }
        for (operation, status, scim_type) in [
            (json!({"op": "replace", "path": "serial", "value": "S-1"}), 409, "uniqueness"),
            (json!({"op": "remove", "path": "serial"}), 400, "mutability"),
            (json!({"op": "replace", "path": "serial", "value": ""}), 400, "invalidValue"),
            (json!({"op": "remove", "path": format!("{LEASE}:ends")}), 400, "mutability"),
            (json!({"op": "remove", "path": LEASE}), 400, "invalidValue"),
        ] {
            let refused = directory.patch(&path, json!([operation])).await;
            refused.refused(status, scim_type, &operation.to_string());
        }
        assert_eq!(directory.get(&path).await.body, made.body);
        assert_eq!(total().await, 2);
        let creations = (0..10).map(|_| directory.scim("POST", "/Devices", device("S-2", json!({}))));
        let mut statuses: Vec<u16> =
            futures::future::join_all(creations).await.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [[201].as_slice(), &[409; 9]].concat());
    })
    .await;
}

#[tokio::test]
async fn resources_of_a_custom_type_are_found_sorted_and_paged() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let mut ids = Vec::new();
        for n in 0..12_usize {
            let more = json!({
                "externalId": format!("e{}", n % 3), "userName": format!("U{n:02}"), "displayName": format!("D{}", n % 2),
                "active": n % 2 == 0, "emails": [format!("Mail{n}"), "all"], "size": 12 - n,
            });
            ids.push(directory.scim("POST", "/Devices", device(&format!("S{n}"), more)).await.expect(201).text("/id"));
        }
        directory.scim("POST", "/Users", user("u00", json!({"externalId": "e0", "displayName": "D0"}))).await.expect(201);
        let expect = |test: &dyn Fn(usize) -> bool| -> Vec<String> { (0..12).filter(|n| test(*n)).map(|n| ids[n].clone()).collect() };
        for (filter, expected) in [
            ("serial eq \"S3\"".to_owned(), expect(&|n| n == 3)),
            ("serial eq \"s3\"".to_owned(), vec![]),
            ("userName eq \"u03\"".to_owned(), expect(&|n| n == 3)),
            ("userName sw \"U1\"".to_owned(), expect(&|n| n > 9)),
            ("displayName eq \"D1\"".to_owned(), expect(&|n| n % 2 == 1)),
            ("displayName eq \"d1\"".to_owned(), vec![]),
            ("externalId eq \"e1\"".to_owned(), expect(&|n| n % 3 == 1)),
            ("active eq true".to_owned(), expect(&|n| n % 2 == 0)),
            ("emails eq \"MAIL5\"".to_owned(), expect(&|n| n == 5)),
            ("emails.value eq \"mail5\"".to_owned(), expect(&|n| n == 5)),
            (format!("id eq \"{}\"", ids[7]), expect(&|n| n == 7)),
            ("size gt 6 and active eq true".to_owned(), expect(&|n| n < 6 && n % 2 == 0)),
            (format!("{DEVICE}:size le 2"), expect(&|n| n > 9)),
            (format!("{LEASE}:ends gt \"2026-01-01T00:00:00Z\""), expect(&|_| true)),
            ("meta.created gt \"2020-01-01T00:00:00Z\"".to_owned(), expect(&|_| true)),
            ("meta.resourceType eq \"User\"".to_owned(), vec![]),
        ] {
            assert_eq!(directory.search("Devices", &filter).await.expect(200).column("/id"), expected, "{filter}");
            let same = format!("not (not ({filter}))");
            assert_eq!(directory.search("Devices", &same).await.expect(200).column("/id"), expected, "{same}");
        }
        directory.search("Devices", "title pr").await.refused(400, "invalidFilter", "an attribute of users");
        let by_size = directory.get("/Devices?sortBy=size&count=3&attributes=size").await.expect(200);
        assert_eq!(by_size.column("/id"), [ids[11].as_str(), &ids[10], &ids[9]]);
        let first = directory.get("/Devices?cursor=&count=5").await.expect(200);
        let next = with_query("/Devices", &[("cursor", &first.text("/nextCursor")), ("count", "5")]);
        assert_eq!(directory.get(&next).await.expect(200).column("/id"), ids[5..10]);
        let other = with_query("/Users", &[("cursor", &first.text("/nextCursor"))]);
        directory.get(&other).await.refused(400, "invalidCursor", "of another type");
        let search = json!({"schemas": [SEARCH], "filter": "externalId eq \"e0\"", "attributes": ["externalId"]});
        assert_eq!(directory.scim("POST", "/.search", search.clone()).await.expect(200).at("/totalResults"), 5);
        assert_eq!(directory.scim("POST", "/Devices/.search", search).await.expect(200).at("/totalResults"), 4);
    })
    .await;
}

#[tokio::test]
async fn bulk_reaches_custom_types_and_no_other_directory_has_them() {
    on_each_server(|server| async move {
        let directory = directory(&server).await;
        let operations = json!([
            {"method": "POST", "path": "/Devices", "bulkId": "d", "data": device("S-1", json!({}))},
            {"method": "PUT", "path": "/Devices/bulkId:d", "data": device("S-1", json!({"displayName": "bulkId:d"}))},
            {"method": "POST", "path": "/Devices", "bulkId": "e", "data": device("S-1", json!({}))},
        ]);
        let bulk =
            directory.scim("POST", "/Bulk", json!({"schemas": [BULK], "Operations": operations})).await.expect(200);
        let statuses: Vec<&str> = bulk
            .at("/Operations")
            .as_array()
            .unwrap()
            .iter()
            .map(|operation| operation["status"].as_str().unwrap())
            .collect();
        assert_eq!(statuses, ["201", "200", "409"], "{}", bulk.body);
        let id = bulk.text("/Operations/0/location").rsplit('/').next().unwrap().to_owned();

        let same_settings = server.directory_in(&directory.organization, settings()).await;
        same_settings.get(&format!("/Devices/{id}")).await.refused(404, "", "the same type elsewhere");
        assert_eq!(same_settings.get("/Devices").await.expect(200).at("/totalResults"), 0);
        same_settings.scim("POST", "/Devices", device("S-1", json!({}))).await.expect(201);
        let without = server.directory().await;
        without.get("/Devices").await.refused(404, "", "a directory without");
        directory.get(&format!("/Users/{id}")).await.refused(404, "", "not a user");
        assert_eq!(directory.get("/Devices").await.expect(200).at("/totalResults"), 1);
    })
    .await;
}
