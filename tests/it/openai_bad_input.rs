//! The OpenAI-shaped API under input that is wrong: always its own error object, never 409, never 5xx, nothing half done.

use serde_json::{Value, json};

use super::support::openai::{Desk, refusal};
use super::support::server::{answer, client, on_each_server};

const NONE: Value = Value::Null;
const ULID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

#[tokio::test]
async fn fields_of_the_wrong_kind_are_named() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let (group, role) = (desk.group("Ops").await, desk.role("Deployer").await);
        let one = |kind: &str, id: &str| format!("/{kind}/{id}");
        let before = (desk.get("/groups").await.body, desk.get("/roles").await.body);
        for (path, body, param) in [
            ("/groups".to_owned(), json!({}), Some("name")),
            ("/groups".to_owned(), NONE, Some("name")),
            ("/groups".to_owned(), json!({"name": null}), Some("name")),
            ("/groups".to_owned(), json!({"name": 7}), Some("name")),
            ("/groups".to_owned(), json!({"name": " "}), Some("name")),
            ("/groups".to_owned(), json!({"name": "é".repeat(256)}), Some("name")),
            ("/groups".to_owned(), json!([]), None),
            ("/groups".to_owned(), json!("x"), None),
            (one("groups", &group), json!({}), Some("name")),
            (one("groups", &group), json!({"name": ["x"]}), Some("name")),
            (one("groups", &group), json!({"name": "x".repeat(256)}), Some("name")),
            (format!("/groups/{group}/users"), json!({}), Some("user_id")),
            (format!("/groups/{group}/users"), json!({"user_id": 1}), Some("user_id")),
            (format!("/groups/{group}/roles"), json!({}), Some("role_id")),
            (format!("/groups/{group}/roles"), json!({"role_id": {}}), Some("role_id")),
            ("/roles".to_owned(), json!({"permissions": []}), Some("role_name")),
            ("/roles".to_owned(), json!({"role_name": "", "permissions": []}), Some("role_name")),
            ("/roles".to_owned(), json!({"role_name": "x".repeat(256), "permissions": []}), Some("role_name")),
            ("/roles".to_owned(), json!({"role_name": "x"}), Some("permissions")),
            ("/roles".to_owned(), json!({"role_name": "x", "permissions": null}), Some("permissions")),
            ("/roles".to_owned(), json!({"role_name": "x", "permissions": "read"}), Some("permissions")),
            ("/roles".to_owned(), json!({"role_name": "x", "permissions": [1]}), Some("permissions")),
            ("/roles".to_owned(), json!({"role_name": "x", "permissions": [""]}), Some("permissions")),
            ("/roles".to_owned(), json!({"role_name": "x", "permissions": ["x".repeat(256)]}), Some("permissions")),
            ("/roles".to_owned(), json!({"role_name": "x", "permissions": [], "description": 1}), Some("description")),
            (one("roles", &role), json!({"role_name": ""}), Some("role_name")),
            (one("roles", &role), json!({"permissions": {}}), Some("permissions")),
            (one("roles", &role), json!({"description": "x".repeat(1_001)}), Some("description")),
        ] {
            let refused = desk.call("POST", &path, body.clone()).await;
            refusal(&refused, 400);
            assert_eq!(refused.at("/error/type"), "invalid_request_error", "{path} {body}");
            assert_eq!(refused.at("/error/param").as_str(), param, "{path} {body}: {}", refused.body);
        }
        assert_eq!((desk.get("/groups").await.body, desk.get("/roles").await.body), before, "nothing was done");
    })
    .await;
}

#[tokio::test]
async fn pages_that_cannot_be_are_refused() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let group = desk.group("Ops").await;
        let lists = [
            "/groups".to_owned(),
            "/roles".to_owned(),
            format!("/groups/{group}/users"),
            format!("/groups/{group}/roles"),
        ];
        for list in &lists {
            desk.get(&format!("{list}?limit=1000&order=desc&unknown=1")).await;
            for (wrong, param) in [
                ("limit=1001", "limit"),
                ("limit=-1", "limit"),
                ("limit=ten", "limit"),
                ("limit=", "limit"),
                ("limit=99999999999999999999", "limit"),
                ("order=up", "order"),
                ("order=", "order"),
                ("after=garbage", "after"),
                ("after=org_01ARZ3NDEKTSV4RRFFQ69G5FAV", "after"),
                ("after=om_garbage", "after"),
            ] {
                let refused = desk.call("GET", &format!("{list}?{wrong}"), NONE).await;
                refusal(&refused, 400);
                assert_eq!(refused.at("/error/param"), param, "{list}?{wrong}");
            }
        }
        for (wrong, param) in [("limit=0", "limit"), ("limit=101", "limit"), ("after=group_x", "after")] {
            let refused = desk.call("GET", &format!("/users?{wrong}"), NONE).await;
            refusal(&refused, 400);
            assert_eq!(refused.at("/error/param"), param, "{wrong}");
        }
        refusal(&desk.call("GET", "/groups?after=%00", NONE).await, 400);
        desk.get(&format!("/users?after=user_{ULID}&limit=100")).await;
        let nowhere = format!("/groups/{group}/users?after=user_{ULID}");
        assert_eq!(refusal(&desk.call("GET", &nowhere, NONE).await, 400), "invalid_cursor");
        desk.get(&format!("/groups/{group}/users?after=om_{ULID}")).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_404_whatever_its_id_looks_like_and_whosever_it_is() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let elsewhere = server.organization("Other").await;
        let other = Desk::of(&server, &elsewhere).await;
        let (group, role) = (desk.group("Ops").await, desk.role("Deployer").await);
        let (their_group, their_role) = (other.group("Ops").await, other.role("Deployer").await);
        let body = json!({"email": "eve@other.example"});
        let eve = server.api("POST", "/user_management/users", body).await.expect(201).text("/id");
        let body = json!({"user_id": eve, "organization_id": elsewhere});
        server.api("POST", "/user_management/organization_memberships", body).await.expect(201);
        other.get(&format!("/users/{eve}")).await;

        let nowhere = [
            format!("group_{ULID}"),
            their_group,
            "nonsense".to_owned(),
            "%ff".to_owned(),
            "a%00b".to_owned(),
            role.clone(),
        ];
        for id in nowhere {
            for (method, path, body) in [
                ("GET", format!("/groups/{id}"), NONE),
                ("POST", format!("/groups/{id}"), json!({"name": "x"})),
                ("DELETE", format!("/groups/{id}"), NONE),
                ("GET", format!("/groups/{id}/users"), NONE),
                ("POST", format!("/groups/{id}/users"), json!({"user_id": eve})),
                ("GET", format!("/groups/{id}/users/{eve}"), NONE),
                ("DELETE", format!("/groups/{id}/users/{eve}"), NONE),
                ("GET", format!("/groups/{id}/roles"), NONE),
                ("POST", format!("/groups/{id}/roles"), json!({"role_id": role})),
                ("GET", format!("/groups/{id}/roles/{role}"), NONE),
                ("DELETE", format!("/groups/{id}/roles/{role}"), NONE),
            ] {
                assert_eq!(refusal(&desk.call(method, &path, body).await, 404), "not_found", "{method} {path}");
            }
        }
        for id in [format!("role_{ULID}"), their_role, "nonsense".to_owned(), group.clone()] {
            for (method, path, body) in [
                ("GET", format!("/roles/{id}"), NONE),
                ("POST", format!("/roles/{id}"), json!({"role_name": "x"})),
                ("DELETE", format!("/roles/{id}"), NONE),
                ("POST", format!("/groups/{group}/roles"), json!({"role_id": id})),
                ("DELETE", format!("/groups/{group}/roles/{id}"), NONE),
            ] {
                assert_eq!(refusal(&desk.call(method, &path, body).await, 404), "not_found", "{method} {path}");
            }
        }
        for id in [format!("user_{ULID}"), eve, "nonsense".to_owned(), group.clone()] {
            for (method, path, body) in [
                ("GET", format!("/users/{id}"), NONE),
                ("POST", format!("/users/{id}"), json!({"role": "owner"})),
                ("POST", format!("/users/{id}"), json!({})),
                ("DELETE", format!("/users/{id}"), NONE),
                ("GET", format!("/users/{id}/roles"), NONE),
                ("POST", format!("/users/{id}/roles"), json!({"role_id": role})),
                ("GET", format!("/users/{id}/roles/{role}"), NONE),
                ("DELETE", format!("/users/{id}/roles/{role}"), NONE),
                ("POST", format!("/groups/{group}/users"), json!({"user_id": id})),
                ("GET", format!("/groups/{group}/users/{id}"), NONE),
                ("DELETE", format!("/groups/{group}/users/{id}"), NONE),
            ] {
                assert_eq!(refusal(&desk.call(method, &path, body).await, 404), "not_found", "{method} {path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_face_of_errors_is_the_same_wherever_they_arise() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let key = server.organization_key(&organization, "admin").await;
        let url = |path: &str| format!("{}/v1{path}", server.server.url());
        let http = client();
        for path in
            ["", "/", "/models", "/organization", "/organization/projects", "/organization/groups/x/y/z", "/%ff"]
        {
            for method in ["GET", "POST", "DELETE"] {
                let request = http.request(method.parse().unwrap(), url(path)).bearer_auth(&key);
                assert_eq!(refusal(&answer(request).await, 404), "unknown_url", "{method} {path}");
            }
        }
        let patch = answer(http.patch(url("/organization/groups")).bearer_auth(&key)).await;
        assert_eq!(refusal(&patch, 405), "method_not_allowed");
        assert_eq!(patch.headers["allow"], "GET,HEAD,POST");

        let post = async |kind: &str, body: Vec<u8>| {
            let request = http.post(url("/organization/groups")).bearer_auth(&key).header("content-type", kind);
            answer(request.body(body)).await
        };
        let json = "application/json";
        for (kind, body, status, code) in [
            (json, b"{".to_vec(), 400, "bad_request"),
            (json, b"\xff".to_vec(), 400, "bad_request"),
            (json, br#"{"name": "a", "name": "b"}"#.to_vec(), 400, "bad_request"),
            (json, br#"{"name": "a\u0000"}"#.to_vec(), 400, "bad_request"),
            (json, [vec![b'['; 100], vec![b']'; 100]].concat(), 400, "bad_request"),
            ("text/plain", br#"{"name": "a"}"#.to_vec(), 415, "unsupported_media_type"),
            (json, format!(r#"{{"name": "{}"}}"#, "x".repeat(2 << 20)).into_bytes(), 413, "payload_too_large"),
        ] {
            assert_eq!(refusal(&post(kind, body).await, status), code, "{kind}");
        }
        let two = http.get(url("/organization/groups")).bearer_auth(&key).header("authorization", "Bearer x");
        assert_eq!(refusal(&answer(two).await, 400), "invalid_header");
        let two = http.get(url("/organization/groups")).bearer_auth(&key);
        let two = two.header("openai-organization", &organization).header("openai-organization", &organization);
        assert_eq!(refusal(&answer(two).await, 400), "invalid_header");
        let refused =
            answer(http.post(url("/organization/users/user_x")).bearer_auth(&key).json(&json!({"role": "boss"}))).await;
        refusal(&refused, 404);
    })
    .await;
}
