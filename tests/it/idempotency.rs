//! `Idempotency-Key`: a repeated POST has no second effect, and gets the first answer again.

use chrono::{Duration, TimeZone as _, Utc};
use muster::domain::Clock;
use muster::service::retention;
use muster::store::{Lane, sql};
use serde_json::{Value, json};

use crate::support::database::on_each_database;
use crate::support::server::{Answer, ROOT_KEY, TestServer, answer, client, on_each_server};

async fn post(server: &TestServer, idempotency_key: &str, path: &str, body: &Value) -> Answer {
    post_with(server, ROOT_KEY, idempotency_key, path, body).await
}

async fn post_with(server: &TestServer, key: &str, idempotency_key: &str, path: &str, body: &Value) -> Answer {
    let request = client().post(format!("{}{path}", server.server.url())).bearer_auth(key);
    let request = request.header("idempotency-key", idempotency_key).header("content-type", "application/json");
    answer(request.body(body.to_string())).await
}

fn is_replay(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

async fn organizations(server: &TestServer) -> usize {
    let all = server.api("GET", "/organizations?limit=100", Value::Null).await.expect(200);
    all.at("/data").as_array().unwrap().len()
}

/// All that is kept, as text.
async fn kept(server: &TestServer) -> Vec<(String, String)> {
    let mut tx = server.server.app.db.read().await.unwrap();
    let stmt = sql("SELECT state, COALESCE(body, '') FROM idempotency_keys ORDER BY claimed_at, id");
    tx.fetch_all(stmt).await.unwrap()
}

#[tokio::test]
async fn a_repeated_post_gets_the_first_answer_and_changes_nothing() {
    on_each_server(|server| async move {
        let body = json!({"name": "Acme"});
        let first = post(&server, "one", "/organizations", &body).await.expect(201);
        let second = post(&server, "one", "/organizations", &body).await.expect(201);
        assert!(!is_replay(&first) && is_replay(&second));
        assert_eq!(first.body, second.body);
        assert_eq!(first.headers["muster-revision"], second.headers["muster-revision"]);
        assert_ne!(first.headers["x-request-id"], second.headers["x-request-id"], "they are two requests");
        assert_eq!(organizations(&server).await, 1);

        let groups = format!("/organizations/{}/groups", first.text("/id"));
        let made = post(&server, "one", &groups, &json!({"name": "Ops"})).await.expect(201);
        assert!(!is_replay(&made), "the same key for another path is another request");
        assert!(is_replay(&post(&server, "one", &groups, &json!({"name": "Ops"})).await.expect(201)));
        post(&server, "two", "/organizations", &body).await.expect(201);
        assert_eq!(organizations(&server).await, 2, "another key is another request");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_comes_with_something_else_is_refused() {
    on_each_server(|server| async move {
        post(&server, "one", "/organizations", &json!({"name": "Acme"})).await.expect(201);
        let other = post(&server, "one", "/organizations", &json!({"name": "Other"})).await.expect(422);
        assert_eq!(other.text("/code"), "idempotency_key_reused");
        let query = post(&server, "one", "/organizations?x=1", &json!({"name": "Acme"})).await.expect(422);
        assert_eq!(query.text("/code"), "idempotency_key_reused");
        assert_eq!(organizations(&server).await, 1);

        for bad in [String::new(), "x".repeat(256), "t\tb".to_owned()] {
            post(&server, &bad, "/organizations", &json!({"name": "Acme"})).await.expect(400);
        }
        let twice = client().post(format!("{}/organizations", server.server.url())).bearer_auth(ROOT_KEY);
        let twice = twice.header("idempotency-key", "a").header("idempotency-key", "b").body("{\"name\": \"Acme\"}");
        answer(twice).await.expect(400);
        assert_eq!(organizations(&server).await, 1);
    })
    .await;
}

#[tokio::test]
async fn twenty_at_once_have_one_effect_and_one_answer() {
    on_each_server(|server| async move {
        let body = json!({"name": "Acme"});
        let all = (0..20).map(|_| post(&server, "one", "/organizations", &body));
        let all: Vec<Answer> = futures::future::join_all(all).await.into_iter().map(|a| a.expect(201)).collect();
        assert!(all.iter().all(|answer| answer.body == all[0].body));
        assert_eq!(all.iter().filter(|answer| !is_replay(answer)).count(), 1);
        assert_eq!(organizations(&server).await, 1);

        let groups = format!("/organizations/{}/groups", all[0].text("/id"));
        let group = json!({"name": "Ops"});
        let all = futures::future::join_all((0..20).map(|_| post(&server, "two", &groups, &group))).await;
        assert!(all.iter().all(|answer| answer.status == 201 && answer.body == all[0].body));
        let made = server.api("GET", &groups, Value::Null).await.expect(200);
        assert_eq!(made.at("/data").as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_was_refused_can_be_corrected_under_its_key() {
    on_each_server(|server| async move {
        post(&server, "one", "/organizations", &json!({})).await.expect(422);
        let long = json!({"name": "x".repeat(300)});
        post(&server, "one", "/organizations", &long).await.expect(422);
        post(&server, "one", "/organizations", &json!({"name": "Acme", "external_id": "a"})).await.expect(201);
        post(&server, "two", "/organizations", &json!({"name": "Two", "external_id": "a"})).await.expect(400);
        let two = post(&server, "two", "/organizations", &json!({"name": "Two", "external_id": "b"})).await.expect(201);
        assert!(!is_replay(&two), "what the database refused claimed nothing");
        assert_eq!(organizations(&server).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_who_must_still_be_let_in() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let made = |role: &str| json!({"name": role, "organization_id": organization, "role": role});
        let first = server.api("POST", "/api_keys", made("admin")).await.expect(201);
        let second = server.organization_key(&organization, "admin").await;
        let groups = format!("/organizations/{organization}/groups");
        let body = json!({"name": "Ops"});
        let one = post_with(&server, &first.text("/key"), "one", &groups, &body).await.expect(201);
        let other = post_with(&server, &second, "one", &groups, &body).await.expect(201);
        assert_ne!(one.text("/id"), other.text("/id"));

        let revoke = format!("/api_keys/{}", first.text("/id"));
        server.api("DELETE", &revoke, Value::Null).await.expect(204);
        post_with(&server, &first.text("/key"), "one", &groups, &body).await.expect(401);
        let reader = server.organization_key(&organization, "read").await;
        post_with(&server, &reader, "one", &groups, &body).await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn what_shows_a_secret_is_neither_kept_nor_done_again() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let tokens = format!("/directories/{}/tokens", directory.id);
        let token = post(&server, "one", &tokens, &json!({"name": "Okta"})).await.expect(201).text("/token");
        let key = post(&server, "one", "/api_keys", &json!({"name": "Backend"})).await.expect(201).text("/key");
        let kept = kept(&server).await;
        assert_eq!(kept.len(), 2);
        for (state, body) in kept {
            assert_eq!(state, "withheld");
            assert!(!body.contains(&token) && !body.contains(&key) && body.is_empty(), "{body}");
        }
        for (path, body) in [(tokens.as_str(), json!({"name": "Okta"})), ("/api_keys", json!({"name": "Backend"}))] {
            let again = post(&server, "one", path, &body).await.expect(409);
            assert_eq!(again.text("/code"), "idempotency_not_repeatable");
        }
        let listed = server.api("GET", &tokens, Value::Null).await.expect(200);
        assert_eq!(listed.at("/data").as_array().unwrap().len(), 2, "the one of the test and this one");
    })
    .await;
}

#[tokio::test]
async fn an_effect_whose_answer_was_lost_is_not_repeated() {
    on_each_server(|server| async move {
        let body = json!({"name": "Acme"});
        post(&server, "one", "/organizations", &body).await.expect(201);
        // As if the program had died between the commit and the answer.
        let lose = "UPDATE idempotency_keys SET state = 'claimed', status = NULL, body = NULL, claimed_at = $1";
        let long_ago = server.server.app.clock.now() - Duration::hours(1);
        let lost =
            server.server.app.db.write(Lane::Environment, move |tx| {
                Box::pin(async move { tx.execute(sql(lose).bind(long_ago)).await })
            });
        assert_eq!(lost.await.unwrap(), 1);
        let again = post(&server, "one", "/organizations", &body).await.expect(409);
        assert_eq!(again.text("/code"), "idempotency_outcome_unknown");
        assert_eq!(organizations(&server).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_restart_forgets_no_key_and_a_day_forgets_all() {
    on_each_database(|url| async move {
        let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 1, 31, 8, 0, 0).unwrap());
        let server = TestServer::start_at(&url, clock.clone()).await;
        let body = json!({"name": "Acme"});
        let first = post(&server, "one", "/organizations", &body).await.expect(201);
        server.server.stop().await;

        let server = TestServer::start_at(&url, clock.clone()).await;
        let again = post(&server, "one", "/organizations", &body).await.expect(201);
        assert!(is_replay(&again));
        assert_eq!(again.body, first.body);
        // The server prunes by itself, too, so that what is pruned here is not counted.
        clock.advance(Duration::hours(24));
        retention::prune(&server.server.app).await.unwrap();
        assert!(is_replay(&post(&server, "one", "/organizations", &body).await.expect(201)));
        clock.advance(Duration::seconds(1));
        retention::prune(&server.server.app).await.unwrap();
        let anew = post(&server, "one", "/organizations", &body).await.expect(201);
        assert_ne!(anew.text("/id"), first.text("/id"));
    })
    .await;
}

#[tokio::test]
async fn only_effects_are_kept_and_only_those_of_a_post() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let draft = json!({"organization_id": organization, "key": "a"});
        for _ in 0..2 {
            let looked = post(&server, "one", "/mapping_rules/lint", &draft).await.expect(200);
            assert!(!is_replay(&looked), "looking at a draft is no effect");
        }
        let url = format!("{}/organizations/{organization}", server.server.url());
        for name in ["One", "Two"] {
            let put = client().put(&url).bearer_auth(ROOT_KEY).header("idempotency-key", "one");
            let put = put.header("content-type", "application/json").body(json!({"name": name}).to_string());
            assert_eq!(answer(put).await.expect(200).text("/name"), name);
        }
        assert!(kept(&server).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn work_that_goes_on_as_several_writes_is_repeated_as_one() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        directory.group("Engineering", &[]).await;
        let changes =
            json!([{"save": {"key": "all", "when": {"group": "displayName pr"}, "then": [{"mirror_group": {}}]}}]);
        let body = json!({"organization_id": directory.organization, "changes": changes});
        let plan = post(&server, "one", "/mapping_plans", &body).await.expect(201);
        assert_eq!(post(&server, "one", "/mapping_plans", &body).await.expect(201).body, plan.body);
        let apply = format!("/mapping_plans/{}/apply", plan.text("/id"));
        let run = post(&server, "one", &apply, &json!({})).await.expect(200);
        let again = post(&server, "one", &apply, &json!({})).await.expect(200);
        assert!(is_replay(&again), "without the key this would be 409: {}", again.body);
        assert_eq!(again.body, run.body);
        server.api("POST", &apply, json!({})).await.expect(409);
    })
    .await;
}
