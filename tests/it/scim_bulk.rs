//! Bulk requests (RFC 7644 section 3.7).

use serde_json::{Value, json};

use super::support::scene::Scene;
use super::support::scim::{BULK, ENTERPRISE, ERROR, PATCH, group, over, user};
use super::support::server::{Answer, TestDirectory, on_each_server};

async fn bulk(directory: &TestDirectory, operations: Value) -> Answer {
    directory.scim("POST", "/Bulk", json!({"schemas": [BULK], "Operations": operations})).await
}

#[allow(clippy::needless_pass_by_value, reason = "literals read better without &")]
fn post(bulk_id: &str, path: &str, data: Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

/// The statuses of the operations, in order.
fn statuses(answer: &Answer) -> Vec<&str> {
    let operations = answer.at("/Operations").as_array().unwrap_or_else(|| panic!("{}", answer.body));
    operations.iter().map(|operation| operation["status"].as_str().expect("a string")).collect()
}

/// The id of what an operation made.
fn id(answer: &Answer, place: usize) -> String {
    answer.text(&format!("/Operations/{place}/location")).rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn each_operation_is_answered_with_status_location_and_version() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let (ada, bob, cid) = (directory.user("ada").await, directory.user("bob").await, directory.user("cid").await);
        let patch = json!({"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]});
        let answer = bulk(
            &directory,
            json!([
                post("q", "/Users", user("new", json!({}))),
                {"method": "put", "path": format!("/Users/{ada}"), "data": user("ada", json!({"title": "x"}))},
                {"method": "PATCH", "path": format!("Users/{bob}"), "data": patch, "bulkId": "p"},
                {"method": "DELETE", "path": format!("/Users/{cid}")},
            ]),
        )
        .await
        .expect(200);
        assert_eq!(answer.at("/schemas"), &json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
        assert_eq!(statuses(&answer), ["201", "200", "200", "204"]);
        let base = format!("{}/Users", directory.base_url);
        assert_eq!(
            answer.at("/Operations/0"),
            &json!({"method": "POST", "bulkId": "q", "status": "201", "version": "W/\"1\"",
                "location": format!("{base}/{}", id(&answer, 0))})
        );
        assert_eq!(answer.at("/Operations/1/location"), &json!(format!("{base}/{ada}")));
        assert_eq!(answer.at("/Operations/1/version"), "W/\"2\"");
        assert_eq!(answer.at("/Operations/2/bulkId"), "p");
        assert_eq!(answer.at("/Operations/2/version"), "W/\"2\"");
        assert_eq!(answer.at("/Operations/3/location"), &json!(format!("{base}/{cid}")));
        assert!(answer.at("/Operations/3").get("version").is_none());
        for place in 0..4 {
            assert!(answer.at(&format!("/Operations/{place}")).get("response").is_none(), "successes have no body");
        }
        assert_eq!(directory.get(&format!("/Users/{}", id(&answer, 0))).await.expect(200).text("/userName"), "new");
        assert_eq!(directory.get(&format!("/Users/{ada}")).await.text("/title"), "x");
        assert_eq!(directory.get(&format!("/Users/{bob}")).await.text("/title"), "x");
        directory.get(&format!("/Users/{cid}")).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn operations_refer_to_each_other_forward_and_back_in_data_and_path() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let manager = json!({ENTERPRISE: {"manager": {"value": "bulkId:boss"}}});
        let add = json!({"schemas": [PATCH], "Operations": [
            {"op": "add", "path": "members", "value": [{"value": "bulkId:boss"}]}]});
        let answer = bulk(
            &directory,
            json!([
                post("eng", "/Groups", group("Eng", &["bulkId:ada", "bulkId:inner"])),
                post("ada", "/Users", user("ada", manager)),
                post("boss", "/Users", user("boss", json!({}))),
                post("inner", "/Groups", group("Inner", &["bulkId:ada"])),
                {"method": "PATCH", "path": "/Groups/bulkId:inner", "data": add},
                {"method": "PUT", "path": "/Users/bulkId:boss", "data": user("boss", json!({"title": "Boss"}))},
                post("gone", "/Users", user("gone", json!({}))),
                {"method": "DELETE", "path": "/Users/bulkId:gone"},
            ]),
        )
        .await
        .expect(200);
        assert_eq!(statuses(&answer), ["201", "201", "201", "201", "200", "200", "201", "204"], "{}", answer.body);
        let [eng, ada, boss, inner] = [0, 1, 2, 3].map(|place| id(&answer, place));
        assert_eq!(directory.members(&eng).await, [ada.clone(), inner.clone()].into());
        assert_eq!(directory.members(&inner).await, [ada.clone(), boss.clone()].into());
        let found = directory.get(&format!("/Users/{ada}")).await.expect(200);
        assert_eq!(found.body[ENTERPRISE]["manager"]["value"], boss.as_str());
        assert_eq!(directory.get(&format!("/Users/{boss}")).await.text("/title"), "Boss");
        assert_eq!(directory.get("/Users").await.at("/totalResults"), 2);
    })
    .await;
}

#[tokio::test]
async fn circles_of_references_are_closed() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let manager = |of: &str| json!({ENTERPRISE: {"manager": {"value": format!("bulkId:{of}")}}});
        let answer = bulk(
            &directory,
            json!([
                post("a", "/Groups", group("A", &["bulkId:b", "x"])),
                post("b", "/Groups", group("B", &["bulkId:c"])),
                post("c", "/Groups", group("C", &["bulkId:a"])),
                post("self", "/Groups", group("Self", &["bulkId:self"])),
                post("u", "/Users", user("u", manager("v"))),
                post("v", "/Users", user("v", manager("u"))),
            ]),
        )
        .await
        .expect(200);
        assert_eq!(statuses(&answer), ["201"; 6], "{}", answer.body);
        let [first, second, third, own, boss, deputy] = [0, 1, 2, 3, 4, 5].map(|place| id(&answer, place));
        assert_eq!(directory.members(&first).await, [second.clone(), "x".to_owned()].into());
        assert_eq!(directory.members(&second).await, [third.clone()].into());
        assert_eq!(directory.members(&third).await, [first.clone()].into());
        assert_eq!(directory.members(&own).await, [own.clone()].into());
        for (one, other) in [(&boss, &deputy), (&deputy, &boss)] {
            let found = directory.get(&format!("/Users/{one}")).await.expect(200);
            assert_eq!(found.body[ENTERPRISE]["manager"]["value"], other.as_str());
        }
        for (place, path) in ["Groups", "Groups", "Groups", "Groups", "Users", "Users"].iter().enumerate() {
            let found = directory.get(&format!("/{path}/{}", id(&answer, place))).await.expect(200);
            assert_eq!(found.at("/meta/version"), answer.at(&format!("/Operations/{place}/version")), "{place}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_bad_operation_fails_alone_with_an_error_of_its_own() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        let directory = &scene.directory;
        let patch = json!({"schemas": [PATCH], "Operations": [
            {"op": "add", "path": "title", "value": "x"}, {"op": "add", "path": "nothing", "value": "x"}]});
        let bad = json!([
            {"method": "GET", "path": scene.user},
            {"method": "DELETE", "path": "/Users/nobody"},
            {"method": "DELETE", "path": "/Users/bulkId:nobody"},
            {"method": "DELETE", "path": "/Users"},
            {"method": "DELETE", "path": "/Bulk"},
            {"method": "DELETE", "path": format!("http://evil.example{}", scene.user)},
            {"method": "DELETE", "path": format!("/Users/..{}", scene.user)},
            {"method": "DELETE", "path": format!("{}?x=1", scene.user)},
            {"method": "PATCH", "path": scene.user, "data": patch},
            {"method": "PUT", "path": scene.user, "data": user("", json!({}))},
            {"method": "PUT", "path": scene.user},
            {"method": "PUT", "path": scene.user, "version": "W/\"99\"", "data": user("ada@x.example", json!({"title": "x"}))},
            {"method": "DELETE", "path": scene.user, "version": "W/\"99\""},
            post("double", "/Users", user("ADA@x.example", json!({}))),
            post("typed", "/Users", user("new", json!({"emails": 7}))),
            {"method": "POST", "path": "/Users", "data": user("without bulkId", json!({}))},
            post("member", "/Groups", group("New", &["bulkId:double"])),
            post("unknown", "/Groups", group("New", &["bulkId:nobody"])),
            post("config", "/Schemas", json!({})),
            7,
        ]);
        let answer = bulk(directory, bad.clone()).await.expect(200);
        let expected = [
            "400", "404", "409", "400", "400", "400", "400", "400", "400", "400", "400", "412", "412", "409", "400", "400",
            "409", "409", "400", "400",
        ];
        for (place, status) in expected.iter().enumerate() {
            let operation = answer.at(&format!("/Operations/{place}"));
            assert_eq!(operation["status"], *status, "{}: {operation}", bad[place]);
            assert_eq!(operation["response"]["status"], *status, "{operation}");
            assert_eq!(operation["response"]["schemas"], json!([ERROR]), "{operation}");
            assert!(operation["response"]["detail"].is_string(), "{operation}");
        }
        assert_eq!(statuses(&answer).len(), expected.len());
        assert_eq!(answer.at("/Operations/8/response/scimType"), "invalidPath");
        assert_eq!(answer.at("/Operations/13/response/scimType"), "uniqueness");
        assert_eq!(answer.at("/Operations/8/location"), &json!(format!("{}{}", directory.base_url, scene.user)));
        scene.unchanged(&server, "after all of these").await;
        let mixed = bulk(directory, json!([bad[0], post("q", "/Users", user("new", json!({}))), bad[1]])).await;
        assert_eq!(statuses(&mixed.expect(200)), ["400", "201", "404"]);
    })
    .await;
}

#[tokio::test]
async fn after_as_many_errors_as_it_says_a_request_stops() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let missing = json!({"method": "DELETE", "path": "/Users/nobody"});
        for (limit, expected) in [
            (1, vec!["201", "404"]),
            (2, vec!["201", "404", "201", "404"]),
            (9, vec!["201", "404", "201", "404", "201"]),
        ] {
            let new = |n: &str| post(n, "/Users", user(&format!("{n} of {limit}"), json!({})));
            let operations = json!([new("a"), missing, new("b"), missing, new("c")]);
            let body = json!({"schemas": [BULK], "failOnErrors": limit, "Operations": operations});
            let answer = directory.scim("POST", "/Bulk", body).await.expect(200);
            assert_eq!(statuses(&answer), expected, "failOnErrors {limit}");
            let made = directory.search("Users", &format!("userName ew \" of {limit}\"")).await;
            let expected = expected.iter().filter(|status| **status == "201").count();
            assert_eq!(made.at("/totalResults"), expected, "what is not answered is not done");
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_faulty_as_a_whole_does_nothing() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        let directory = &scene.directory;
        let delete = json!({"method": "DELETE", "path": scene.user});
        for (body, scim_type) in [
            (json!({"Operations": [delete]}), "invalidSyntax"),
            (json!({"schemas": [PATCH], "Operations": [delete]}), "invalidSyntax"),
            (json!({"schemas": [BULK]}), "invalidSyntax"),
            (json!({"schemas": [BULK], "Operations": []}), "invalidSyntax"),
            (json!({"schemas": [BULK], "Operations": delete}), "invalidSyntax"),
            (json!({"schemas": [BULK], "Operations": [delete], "failOnErrors": 0}), "invalidValue"),
            (json!({"schemas": [BULK], "Operations": [delete], "failOnErrors": "1"}), "invalidValue"),
            (
                json!({"schemas": [BULK], "Operations": [
                post("q", "/Users", user("a", json!({}))), post("q", "/Users", user("b", json!({}))), delete]}),
                "invalidValue",
            ),
        ] {
            directory.scim("POST", "/Bulk", body.clone()).await.refused(400, scim_type, &body.to_string());
        }
        let config = directory.get("/ServiceProviderConfig").await.expect(200);
        let limit = usize::try_from(config.at("/bulk/maxOperations").as_u64().unwrap()).unwrap();
        let too_many = bulk(directory, json!(vec![delete.clone(); limit + 1])).await;
        too_many.refused(413, "tooMany", "one operation too many");
        assert!(too_many.text("/detail").contains("maxOperations"), "{}", too_many.body);
        let limit = usize::try_from(config.at("/bulk/maxPayloadSize").as_u64().unwrap()).unwrap();
        let filler = json!({"schemas": [BULK], "Operations": [delete], "x": "y".repeat(limit)});
        let too_big = directory.bytes("POST", "/Bulk", "application/json", filler.to_string().into_bytes()).await;
        too_big.refused(413, "tooMany", "too many bytes");
        assert!(too_big.text("/detail").contains(&limit.to_string()), "{}", too_big.body);
        let too_big = over(user("new", json!({})), json!({"x": "y".repeat(limit)}));
        directory.scim("POST", "/Users", too_big).await.refused(413, "tooMany", "too many bytes");
        scene.unchanged(&server, "after all of these").await;
    })
    .await;
}

#[tokio::test]
async fn a_thousand_operations_are_done_in_one_request() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let mut operations: Vec<Value> =
            (0..999).map(|n| post(&format!("u{n}"), "/Users", user(&format!("user {n}"), json!({})))).collect();
        let members: Vec<String> = (0..999).map(|n| format!("bulkId:u{n}")).collect();
        operations
            .insert(0, post("g", "/Groups", group("All", &members.iter().map(String::as_str).collect::<Vec<_>>())));
        let answer = bulk(&directory, json!(operations)).await.expect(200);
        assert_eq!(statuses(&answer), ["201"; 1_000]);
        assert_eq!(directory.members(&id(&answer, 0)).await, (1..1_000).map(|place| id(&answer, place)).collect());
    })
    .await;
}
