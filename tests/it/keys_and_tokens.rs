//! Who may come in, how far, and until when.

use chrono::{Duration, TimeZone as _, Utc};
use muster::domain::Clock;
use muster::domain::clock::timestamp;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::server::{Answer, ROOT_KEY, TestServer, answer, client, on_each_server, send};

const NONE: Value = Value::Null;

/// Runs `test` on each database against a server whose time the test moves.
async fn on_each_server_with_a_clock<F, Fut>(test: F)
where
    F: Fn(TestServer, Clock) -> Fut,
    Fut: Future<Output = ()>,
{
    let test = &test;
    on_each_database(|url| async move {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 1, 15, 12, 0, 0).unwrap());
        test(TestServer::start_at(&url, clock.clone()).await, clock).await;
    })
    .await;
}

/// Asks a directory for its users with a token.
async fn users(server: &TestServer, directory: &str, token: &str) -> Answer {
    let url = format!("{}/scim/v2/{directory}/Users", server.server.url());
    send(&client(), "GET", &url, token, "application/scim+json", NONE).await
}

async fn key(server: &TestServer, body: Value) -> String {
    server.api("POST", "/api_keys", body).await.expect(201).text("/key")
}

#[tokio::test]
async fn without_a_key_nothing_is_told() {
    on_each_server(|server| async move {
        let url = format!("{}/organizations", server.server.url());
        let http = client();
        for request in [
            http.get(&url),
            http.get(&url).bearer_auth("sk_wrong"),
            http.get(&url).bearer_auth(""),
            http.get(&url).header("authorization", ROOT_KEY),
            http.get(&url).basic_auth("x", Some(ROOT_KEY)),
            http.get(format!("{url}/org_x")),
            http.post(&url).body("not read"),
        ] {
            let refused = answer(request).await.expect(401);
            assert_eq!(refused.text("/message"), "Unauthorized");
            assert_eq!(refused.headers["www-authenticate"], "Bearer");
        }
        let twice = http.get(&url).header("authorization", "Bearer a").header("authorization", "Bearer b");
        answer(twice).await.expect(400);
    })
    .await;
}

#[tokio::test]
async fn a_key_of_an_organization_reaches_nothing_else() {
    on_each_server(|server| async move {
        let mine = server.directory().await;
        let theirs = server.directory().await;
        for directory in [&mine, &theirs] {
            let then = json!([{"ensure_membership": {}}]);
            server.rule(&directory.organization, "all", json!({"user": "active eq true"}), then).await;
        }
        mine.user("ada@mine.example").await;
        let stranger = theirs.user("eve@theirs.example").await;
        let their_group = theirs.group("Staff", &[&stranger]).await;
        let body = json!({"name": "App", "organization_id": mine.organization});
        let key = key(&server, body).await;
        let get = async |path: &str| server.api_with(&key, "GET", path, NONE).await;

        for (list, count) in [
            ("/organizations", 1),
            ("/directories", 1),
            ("/directory_users", 1),
            ("/directory_groups", 0),
            ("/user_management/users", 1),
            ("/user_management/users?email=eve@theirs.example", 0),
            ("/api_keys", 1),
        ] {
            let page = get(list).await.expect(200);
            assert_eq!(page.at("/data").as_array().unwrap().len(), count, "{list}: {}", page.body);
        }
        assert_eq!(get("/organizations").await.text("/data/0/id"), mine.organization);
        let native =
            server.api("GET", "/user_management/users?email=eve@theirs.example", NONE).await.text("/data/0/id");
        let of_theirs = format!("/user_management/organization_memberships?organization_id={}", theirs.organization);
        let membership = server.api("GET", &of_theirs, NONE).await.text("/data/0/id");
        let unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for (foreign, missing) in [
            (format!("/organizations/{}", theirs.organization), format!("/organizations/org_{unknown}")),
            (format!("/organizations/{}/groups", theirs.organization), format!("/organizations/org_{unknown}/groups")),
            (of_theirs, format!("/user_management/organization_memberships?organization_id=org_{unknown}")),
            (
                format!("/user_management/organization_memberships/{membership}"),
                format!("/user_management/organization_memberships/om_{unknown}"),
            ),
            (
                format!("/user_management/organization_memberships/{membership}/groups"),
                format!("/user_management/organization_memberships/om_{unknown}/groups"),
            ),
            (format!("/user_management/users/{native}"), format!("/user_management/users/user_{unknown}")),
            (format!("/directories/{}", theirs.id), format!("/directories/directory_{unknown}")),
            (format!("/directories/{}/tokens", theirs.id), format!("/directories/directory_{unknown}/tokens")),
            (format!("/directories/{}/requests", theirs.id), format!("/directories/directory_{unknown}/requests")),
            (format!("/directory_users/{stranger}"), format!("/directory_users/directory_user_{unknown}")),
            (
                format!("/directory_users?directory={}", theirs.id),
                format!("/directory_users?directory=directory_{unknown}"),
            ),
            (
                format!("/directory_users?group={their_group}"),
                format!("/directory_users?group=directory_group_{unknown}"),
            ),
            (format!("/directory_groups/{their_group}"), format!("/directory_groups/directory_group_{unknown}")),
            (format!("/directory_groups?user={stranger}"), format!("/directory_groups?user=directory_user_{unknown}")),
        ] {
            let id = |path: &str| path.rsplit(['=', '/']).find(|part| part.contains("_0")).unwrap().to_owned();
            let (seen, unseen) = (get(&foreign).await.expect(404), get(&missing).await.expect(404));
            let hidden = unseen.body.to_string().replace(&id(&missing), &id(&foreign));
            assert_eq!(seen.body.to_string(), hidden, "no difference between foreign and missing");
        }
        let by_user = format!("/user_management/organization_memberships?user_id={native}");
        assert_eq!(*get(&by_user).await.expect(200).at("/data"), json!([]));

        let post = async |path: &str, body: Value| server.api_with(&key, "POST", path, body).await;
        post("/organizations", json!({"name": "x"})).await.expect(403);
        post(&format!("/organizations/{}/groups", theirs.organization), json!({"name": "x"})).await.expect(404);
        post(&format!("/organizations/{}/groups", mine.organization), json!({"name": "x"})).await.expect(201);
        post("/directories", json!({"organization_id": theirs.organization, "name": "x"})).await.expect(404);
        let own = post("/directories", json!({"name": "x"})).await.expect(201);
        assert_eq!(own.text("/organization_id"), mine.organization);
        post(&format!("/directories/{}/tokens", theirs.id), json!({"name": "x"})).await.expect(404);
        post("/api_keys", json!({"name": "x", "organization_id": theirs.organization})).await.expect(404);
        let second = post("/api_keys", json!({"name": "x"})).await.expect(201);
        assert_eq!(second.text("/organization_id"), mine.organization, "never a key of the environment");
    })
    .await;
}

#[tokio::test]
async fn roles_of_keys_bound_what_they_may_do() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let reader = key(&server, json!({"name": "Reader", "role": "read"})).await;
        server.api_with(&reader, "GET", "/organizations", NONE).await.expect(200);
        let token = server.api("GET", &format!("/directories/{}/tokens", directory.id), NONE).await.text("/data/0/id");
        for (method, path) in [
            ("POST", "/organizations".to_owned()),
            ("POST", format!("/organizations/{}/groups", directory.organization)),
            ("POST", "/directories".to_owned()),
            ("PATCH", format!("/directories/{}", directory.id)),
            ("POST", format!("/directories/{}/tokens", directory.id)),
            ("DELETE", format!("/directories/{}/tokens/{token}", directory.id)),
            ("POST", "/api_keys".to_owned()),
            ("DELETE", "/api_keys/key_01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned()),
        ] {
            let refused = server.api_with(&reader, method, &path, json!({"name": "x"})).await;
            assert_eq!(refused.status, 403, "{method} {path}");
            assert_eq!(refused.text("/code"), "forbidden", "{method} {path}");
        }

        let admin = server.api("POST", "/api_keys", json!({"name": "Admin"})).await.expect(201);
        assert_eq!(admin.text("/role"), "admin");
        let admin = admin.text("/key");
        let owner = server.api("POST", "/api_keys", json!({"name": "Owner", "role": "owner"})).await.expect(201);
        let body = json!({"name": "x", "role": "owner"});
        server.api_with(&admin, "POST", "/api_keys", body.clone()).await.expect(403);
        server.api_with(&admin, "DELETE", &format!("/api_keys/{}", owner.text("/id")), NONE).await.expect(403);
        let spare = server.api_with(&owner.text("/key"), "POST", "/api_keys", body).await.expect(201);
        let spare = format!("/api_keys/{}", spare.text("/id"));
        server.api_with(&owner.text("/key"), "DELETE", &spare, NONE).await.expect(204);
        server.api_with(&owner.text("/key"), "DELETE", &spare, NONE).await.expect(404);
        server.api("POST", "/api_keys", json!({"name": "x", "role": "king"})).await.expect(422);
        server.api("POST", "/api_keys", json!({"role": "read"})).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn keys_are_shown_once_expire_and_are_revoked() {
    on_each_server_with_a_clock(|server, clock| async move {
        let until = timestamp(clock.now() + Duration::hours(1));
        let made = server.api("POST", "/api_keys", json!({"name": "App", "expires_at": until})).await.expect(201);
        let (id, secret) = (made.text("/id"), made.text("/key"));
        assert!(secret.starts_with("sk_") && secret.starts_with(&made.text("/key_prefix")));
        assert_eq!(made.text("/expires_at"), until);
        assert_eq!(*made.at("/last_used_at"), NONE);
        server.api_with(&secret, "GET", "/organizations", NONE).await.expect(200);
        let listed = server.api("GET", "/api_keys", NONE).await.expect(200);
        assert!(!listed.body.to_string().contains(&secret));
        assert_eq!(listed.text("/data/0/last_used_at"), timestamp(clock.now()));
        clock.advance(Duration::minutes(59));
        server.api_with(&secret, "GET", "/organizations", NONE).await.expect(200);
        clock.advance(Duration::minutes(1));
        let expired = server.api_with(&secret, "GET", "/organizations", NONE).await.expect(401);
        assert_eq!(expired.text("/code"), "unauthorized");

        let second = server.api("POST", "/api_keys", json!({"name": "Second"})).await.expect(201);
        server
            .api_with(&second.text("/key"), "DELETE", &format!("/api_keys/{}", second.text("/id")), NONE)
            .await
            .expect(204);
        server.api_with(&second.text("/key"), "GET", "/organizations", NONE).await.expect(401);
        assert_ne!(id, second.text("/id"));
        for wrong in
            [json!(timestamp(clock.now())), json!("tomorrow"), json!(1_800_000_000), json!("+20000-01-01T00:00:00Z")]
        {
            let refused = server.api("POST", "/api_keys", json!({"name": "x", "expires_at": wrong})).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), "expires_at");
        }
    })
    .await;
}

#[tokio::test]
async fn several_tokens_open_a_directory_until_each_ends() {
    on_each_server_with_a_clock(|server, clock| async move {
        let directory = server.directory().await;
        let tokens = format!("/directories/{}/tokens", directory.id);
        let until = clock.now() + Duration::days(1);
        // Written with an offset, answered in UTC.
        let body = json!({"name": "New", "expires_at": until.to_rfc3339()});
        let made = server.api("POST", &tokens, body).await.expect(201);
        let second = made.text("/token");
        assert_eq!(made.text("/object"), "scim_token");
        assert!(second.starts_with("scim_") && second.starts_with(&made.text("/token_prefix")));
        assert_eq!(made.text("/expires_at"), timestamp(until));
        for token in [&directory.token, &second] {
            users(&server, &directory.id, token).await.expect(200);
        }
        let listed = server.api("GET", &tokens, NONE).await.expect(200);
        assert_eq!(listed.at("/data").as_array().unwrap().len(), 2);
        for row in listed.at("/data").as_array().unwrap() {
            assert_eq!(row.get("token"), None);
            assert_eq!(row["last_used_at"], json!(timestamp(clock.now())));
        }
        // To the minute: a use within it is not noted again.
        let first_use = clock.now();
        clock.advance(Duration::seconds(59));
        users(&server, &directory.id, &second).await.expect(200);
        let used = async || {
            let rows = server.api("GET", &tokens, NONE).await.expect(200).body["data"].clone();
            rows.as_array().unwrap().iter().find(|row| row["name"] == "New").unwrap()["last_used_at"].clone()
        };
        assert_eq!(used().await, json!(timestamp(first_use)));
        clock.advance(Duration::seconds(1));
        users(&server, &directory.id, &second).await.expect(200);
        assert_eq!(used().await, json!(timestamp(clock.now())));

        clock.advance(Duration::days(1));
        let expired = users(&server, &directory.id, &second).await.expect(401);
        assert!(expired.text("/detail").contains("expired"));
        let all = listed.at("/data").as_array().unwrap();
        let first = all.iter().find(|row| row["name"] == "test").unwrap()["id"].as_str().unwrap();
        users(&server, &directory.id, &directory.token).await.expect(200);
        server.api("DELETE", &format!("{tokens}/{first}"), NONE).await.expect(204);
        server.api("DELETE", &format!("{tokens}/{first}"), NONE).await.expect(404);
        users(&server, &directory.id, &directory.token).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_token_opens_its_own_directory_and_tells_nothing_of_others() {
    on_each_server(|server| async move {
        let mine = server.directory().await;
        let other = server.directory_in(&mine.organization, json!({})).await;
        let refusals = [
            users(&server, &other.id, &mine.token).await,
            users(&server, "directory_01ARZ3NDEKTSV4RRFFQ69G5FAV", &mine.token).await,
            users(&server, "nonsense", &mine.token).await,
            users(&server, &mine.id, "scim_wrong").await,
            users(&server, &mine.id, ROOT_KEY).await,
        ];
        for refused in refusals {
            assert_eq!(refused.status, 401);
            assert_eq!(refused.text("/status"), "401");
            assert_eq!(refused.text("/detail"), "the bearer token is missing or not valid for this SCIM base URL");
        }
        // A token of one directory is not revoked through another.
        let token = server.api("GET", &format!("/directories/{}/tokens", mine.id), NONE).await.text("/data/0/id");
        server.api("DELETE", &format!("/directories/{}/tokens/{token}", other.id), NONE).await.expect(404);
        users(&server, &mine.id, &mine.token).await.expect(200);
        // Nor does it open the native side.
        server.api_with(&mine.token, "GET", "/organizations", NONE).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_token_may_be_tied_to_networks() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let tokens = format!("/directories/{}/tokens", directory.id);
        for (networks, status) in [
            (json!(["127.0.0.1"]), 200),
            (json!(["203.0.113.9", "127.9.9.9/8"]), 200),
            (json!([]), 200),
            (json!(null), 200),
            (json!(["203.0.113.0/24", "2001:db8::/32"]), 401),
        ] {
            let made = server.api("POST", &tokens, json!({"name": "x", "allowed_ips": networks})).await.expect(201);
            assert_eq!(users(&server, &directory.id, &made.text("/token")).await.status, status, "{networks}");
        }
        let shown = server.api("GET", &tokens, NONE).await.expect(200);
        assert_eq!(*shown.at("/data/0/allowed_ips"), json!(["203.0.113.0/24", "2001:db8::/32"]));
        for (networks, field) in [
            (json!("127.0.0.1"), "allowed_ips"),
            (json!([1]), "allowed_ips"),
            (json!(["127.0.0.1", "home"]), "allowed_ips[1]"),
            (json!(["127.0.0.1/33"]), "allowed_ips[0]"),
        ] {
            let refused = server.api("POST", &tokens, json!({"name": "x", "allowed_ips": networks})).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), field, "{networks}");
        }
        server.api("POST", &tokens, json!({})).await.expect(422);
        let past = json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"});
        assert_eq!(server.api("POST", &tokens, past).await.expect(422).text("/errors/0/field"), "expires_at");
    })
    .await;
}

#[tokio::test]
async fn the_request_log_is_searched() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let start = timestamp(Utc.timestamp_opt(0, 0).unwrap());
        let ada = directory.user("ada@acme.example").await;
        let again = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@acme.example"});
        directory.scim("POST", "/Users", again).await.expect(409);
        directory.scim("GET", "/Users/nobody", NONE).await.expect(404);
        let log = async |query: &str| {
            let path = format!("/directories/{}/requests?{query}", directory.id);
            server.api("GET", &path, NONE).await.expect(200).body["data"].as_array().unwrap().clone()
        };
        // Reads and failures are written a moment later.
        let mut entries = log("").await;
        for _ in 0..100 {
            if entries.len() >= 3 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            entries = log("").await;
        }
        assert_eq!(entries.len(), 3, "{entries:?}");
        let paths = |entries: Vec<Value>| {
            entries
                .iter()
                .map(|e| format!("{} {} {}", e["method"], e["path"], e["status"]).replace('"', ""))
                .collect::<Vec<_>>()
        };
        let (made, taken, missing) = ("POST /Users 201", "POST /Users 409", "GET /Users/nobody 404");
        assert_eq!(paths(log("order=asc").await), [made, taken, missing]);
        assert_eq!(paths(log("status=409").await), [taken]);
        assert_eq!(paths(log("status=4xx").await), [missing, taken]);
        assert_eq!(paths(log("status=201,404&method=post").await), [made]);
        assert_eq!(paths(log("method=get,put").await), [missing]);
        assert_eq!(paths(log(&format!("resource_id={ada}")).await), [made]);
        assert_eq!(paths(log(&format!("since={start}")).await).len(), 3);
        assert_eq!(paths(log("since=2100-01-01T00:00:00%2B01:00").await).len(), 0);
        assert_eq!(paths(log("since=2100-01-01T00:00:00+01:00").await).len(), 0);
        let since = log("order=asc").await[1]["created_at"].as_str().unwrap().to_owned();
        assert!(paths(log(&format!("since={since}")).await).contains(&taken.to_owned()));
        let first = log("order=asc").await[0].clone();
        assert_eq!((&first["object"], &first["resource_id"]), (&json!("scim_request"), &json!(ada)));
        assert!(first["events"].as_i64().unwrap() >= 1 && first["tolerances"].is_array());
        for wrong in ["status=4x", "since=yesterday"] {
            server.api("GET", &format!("/directories/{}/requests?{wrong}", directory.id), NONE).await.expect(422);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_is_asked_to_wait_and_nobody_else_is() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let url = format!("{}/Users", directory.base_url);
        let http = super::support::server::client();
        let mut last = None;
        for _ in 0..1_200 {
            let guess = http.get(&url).bearer_auth("scim_0000");
            let refused = super::support::server::answer(guess).await;
            if refused.status.as_u16() == 429 {
                last = Some(refused);
                break;
            }
            assert_eq!(refused.status.as_u16(), 401);
        }
        let last = last.expect("guessing was stopped");
        assert_eq!(last.text("/status"), "429");
        assert!(last.headers.contains_key("retry-after"));
        directory.scim("GET", "/Users", Value::Null).await.expect(200);
    })
    .await;
}
