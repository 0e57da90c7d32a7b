//! Who may call, on which routes, by which methods (SECURITY section 4.1).

use serde_json::{Value, json};

use super::support::scene::Scene;
use super::support::scim::{GROUP, PATCH, USER, group, user};
use super::support::server::{Answer, TestDirectory, answer, client, on_each_server};

/// Every route, with a method that it knows.
fn routes(scene: &Scene) -> Vec<(&'static str, String)> {
    let fixed = |method: &'static str, path: &str| (method, path.to_owned());
    let mut routes = vec![
        fixed("GET", "/ServiceProviderConfig"),
        fixed("GET", "/ResourceTypes"),
        fixed("GET", "/ResourceTypes/User"),
        fixed("GET", "/Schemas"),
        fixed("GET", &format!("/Schemas/{USER}")),
        fixed("GET", "/Me"),
        fixed("PATCH", "/Me"),
        fixed("POST", "/Bulk"),
        fixed("GET", ""),
        fixed("POST", "/.search"),
        fixed("GET", "/nothing/at/all/here"),
        fixed("GET", "/Nothing"),
        fixed("PUT", "/Users"),
    ];
    for (endpoint, one) in [("/Users", &scene.user), ("/Groups", &scene.group)] {
        routes.extend([fixed("GET", endpoint), fixed("POST", endpoint), fixed("POST", &format!("{endpoint}/.search"))]);
        routes.extend(["GET", "PUT", "PATCH", "DELETE"].map(|method| (method, one.clone())));
    }
    routes
}

async fn call(directory: &TestDirectory, method: &str, path: &str, authorization: Option<&str>) -> Answer {
    let mut request = directory.anonymous(method, path);
    if let Some(text) = authorization {
        request = request.header("authorization", text);
    }
    answer(request.header("content-type", "application/scim+json").body("{}")).await
}

#[tokio::test]
async fn no_route_is_open_to_anybody_without_a_valid_token_of_the_directory() {
    on_each_server(|server| async move {
        let mut scene = Scene::set(&server).await;
        let directory = scene.directory.clone();
        let directory = &directory;
        let neighbour = server.directory_in(&directory.organization, json!({})).await;
        let stranger = server.directory().await;
        let tokens = format!("/directories/{}/tokens", directory.id);
        let made = server.api("POST", &tokens, json!({"name": "old"})).await.expect(201);
        let revoked = made.text("/token");
        let mut old = directory.clone();
        old.token.clone_from(&revoked);
        old.get("/Users").await.expect(200);
        server.api("DELETE", &format!("{tokens}/{}", made.text("/id")), Value::Null).await.expect(204);
        // Tokens that are made and revoked are told of.
        scene.remember(&server).await;
        let token = &directory.token;
        let refused: Vec<Option<String>> = vec![
            None,
            Some(String::new()),
            Some("Bearer".to_owned()),
            Some("Bearer  ".to_owned()),
            Some(format!("Basic {token}")),
            Some(token.clone()),
            Some(format!("Bearer {}", &token[..token.len() - 1])),
            Some(format!("Bearer {token}x")),
            Some(format!("Bearer {}", token.to_uppercase())),
            Some(format!("Bearer {token} {token}")),
            Some(format!("Bearer \"{token}\"")),
            Some(format!("Bearer {}", neighbour.token)),
            Some(format!("Bearer {}", stranger.token)),
            Some(format!("Bearer {revoked}")),
            Some(format!("Bearer {}", super::support::server::ROOT_KEY)),
            Some("Bearer null".to_owned()),
        ];
        for (method, path) in routes(&scene) {
            for authorization in &refused {
                let what = format!("{method} {path} with {authorization:?}");
                let answer = call(directory, method, &path, authorization.as_deref()).await;
                answer.refused(401, "", &what);
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
                assert!(!answer.body.to_string().contains(token.as_str()), "{what}");
            }
            if method != "DELETE" {
                let answer = call(directory, method, &path, Some(&format!("bearer {token}"))).await;
                assert_ne!(answer.status, 401, "the scheme's case does not matter: {method} {path}");
                assert_ne!(answer.status, 500, "{method} {path}: {}", answer.body);
            }
        }
        scene.unchanged(&server, "after all of these").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_is_taken_from_one_authorization_header_and_from_nowhere_else() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        let (directory, token) = (&scene.directory, &scene.directory.token);
        let url = format!("{}/Users", directory.base_url);
        for path in
            [format!("/Users?access_token={token}"), format!("/Users?token={token}&authorization=Bearer+{token}")]
        {
            call(directory, "GET", &path, None).await.refused(401, "", &path);
        }
        let cookie = client().get(&url).header("cookie", format!("token={token}; access_token={token}"));
        answer(cookie).await.refused(401, "", "a cookie");
        let form = client()
            .post(&url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("access_token={token}"));
        answer(form).await.refused(401, "", "a form");
        let twice = client().get(&url).bearer_auth(token).header("authorization", format!("Bearer {token}"));
        let twice = answer(twice).await;
        assert!(matches!(twice.status.as_u16(), 400 | 401), "{}", twice.body);
        // One connection, first with a token and then without.
        let client = client();
        answer(client.get(&url).bearer_auth(token)).await.expect(200);
        answer(client.get(&url)).await.refused(401, "", "the next request");
        for path in ["/scim/v2/", "/scim/v2", "/scim/v2/directory_01M883W820W5K81MZW5E4AJ68Y/Users", "/scim/v2//Users"]
        {
            let request = client.get(format!("{}{path}", server.server.url())).bearer_auth(token);
            answer(request).await.refused(401, "", path);
        }
        for path in ["/%55sers", "//Users", "/Users/", "/Users;x=1", "/Users/..%2f..", "/Users%00"] {
            let found = call(directory, "GET", path, None).await;
            assert!(matches!(found.status.as_u16(), 400 | 401 | 404), "{path}: {}", found.body);
        }
        scene.unchanged(&server, "after all of these").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_expires_and_two_may_live_side_by_side() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let tokens = format!("/directories/{}/tokens", directory.id);
        let soon = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) + chrono::Duration::seconds(1);
        let body = json!({"name": "short", "expires_at": soon.to_rfc3339()});
        let made = server.api("POST", &tokens, body).await.expect(201);
        let mut short = directory.clone();
        short.token = made.text("/token");
        short.get("/Users").await.expect(200);
        directory.get("/Users").await.expect(200);
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        short.get("/Users").await.refused(401, "", "an expired token");
        directory.get("/Users").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_cannot_be_done_is_405() {
    on_each_server(|server| async move {
        let scene = Scene::set(&server).await;
        let directory = &scene.directory;
        let bodies = [user("new", json!({})), group("new", &[]), json!({"schemas": [PATCH], "Operations": []})];
        for path in
            ["/Nothing", "/users/x/y", "/Nothing/1", "/Schemas/urn:nothing", "/ResourceTypes/Nothing", "/.search/x"]
        {
            directory.get(path).await.refused(404, "", path);
        }
        for (method, path, allowed) in [
            ("POST", "/ServiceProviderConfig", "GET"),
            ("PUT", "/ServiceProviderConfig", "GET"),
            ("DELETE", "/Schemas", "GET"),
            ("PATCH", "/Schemas", "GET"),
            ("POST", "/ResourceTypes", "GET"),
            ("PUT", "/ResourceTypes/User", "GET"),
            ("DELETE", "/ResourceTypes/User", "GET"),
            ("PATCH", &format!("/Schemas/{GROUP}"), "GET"),
            ("DELETE", "/Users", "GET,POST"),
            ("PUT", "/Groups", "GET,POST"),
            ("PATCH", "/Users", "GET,POST"),
            ("GET", "/Bulk", "POST"),
            ("GET", "/Users/.search", "POST"),
            ("PUT", "/.search", "POST"),
            ("POST", scene.user.as_str(), "DELETE,GET,PATCH,PUT"),
            ("POST", "", "GET"),
        ] {
            for body in &bodies {
                let refused = directory.scim(method, path, body.clone()).await;
                let what = format!("{method} {path}");
                refused.refused(405, "", &what);
                let mut allow: Vec<&str> =
                    refused.header("allow").split([',', ' ']).filter(|m| !m.is_empty()).collect();
                allow.retain(|method| *method != "HEAD");
                allow.sort_unstable();
                assert_eq!(allow.join(","), allowed, "{what}");
            }
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            directory.scim(method, "/Me", bodies[0].clone()).await.refused(501, "", method);
        }
        for method in ["TRACE", "PROPFIND", "FOO", "OPTIONS"] {
            let refused = directory.scim(method, &scene.user, Value::Null).await;
            assert!(matches!(refused.status.as_u16(), 405 | 501), "{method}: {}", refused.body);
        }
        let overridden = [("x-http-method-override", "DELETE"), ("x-method-override", "DELETE")];
        directory.with_headers("GET", &scene.user, &overridden, Value::Null).await.expect(200);
        let forged =
            [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example"), ("x-forwarded-proto", "gopher")];
        let found = directory.with_headers("GET", &scene.user, &forged, Value::Null).await.expect(200);
        assert_eq!(found.text("/meta/location"), format!("{}{}", directory.base_url, scene.user));
        scene.unchanged(&server, "after all of these").await;
    })
    .await;
}

#[tokio::test]
async fn discovery_cannot_be_filtered_and_ignores_other_parameters() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        for path in
            ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", &format!("/Schemas/{USER}")]
        {
            let whole = directory.get(path).await.expect(200);
            for filter in ["filter=id+pr", "FILTER=", "count=1&filter=x"] {
                directory.get(&format!("{path}?{filter}")).await.refused(403, "", path);
            }
            let ignored = directory.get(&format!("{path}?count=0&startIndex=7&sortBy=id&attributes=id")).await;
            assert_eq!(ignored.expect(200).body, whole.body, "{path}");
        }
    })
    .await;
}
