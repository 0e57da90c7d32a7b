//! A directory's token is replaced without an hour in which nothing works.

use chrono::{Duration, TimeZone as _, Utc};
use muster::domain::Clock;
use muster::domain::clock::timestamp;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::server::{Answer, TestDirectory, TestServer, client, on_each_server, send};

const NONE: Value = Value::Null;

/// Asks a directory for its users with a token; answers the status.
async fn opens(server: &TestServer, directory: &str, token: &str) -> u16 {
    let url = format!("{}/scim/v2/{directory}/Users", server.server.url());
    send(&client(), "GET", &url, token, "application/scim+json", NONE).await.status.as_u16()
}

/// The row of a token in the list of its directory.
async fn listed(server: &TestServer, tokens: &str, id: &str) -> Value {
    let rows = server.api("GET", tokens, NONE).await.expect(200).body["data"].clone();
    rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
}

async fn rotate(server: &TestServer, token: &str, body: Value) -> Answer {
    server.api("POST", &format!("{token}/rotate"), body).await
}

/// A server whose clock stands still, with a directory, and where its tokens are.
async fn scene(url: &str) -> (Clock, TestServer, TestDirectory, String) {
    let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 1, 15, 12, 0, 0).unwrap());
    let server = TestServer::start_at(url, clock.clone()).await;
    let directory = server.directory().await;
    let tokens = format!("/directories/{}/tokens", directory.id);
    (clock, server, directory, tokens)
}

#[tokio::test]
async fn the_old_token_works_until_the_overlap_is_over() {
    on_each_database(|url| async move {
        let (clock, server, directory, tokens) = scene(&url).await;
        let body = json!({"name": "Okta", "allowed_ips": ["127.0.0.0/8"]});
        let old = server.api("POST", &tokens, body).await.expect(201);
        let of_old = format!("{tokens}/{}", old.text("/id"));

        let new = rotate(&server, &of_old, json!({"overlap_hours": 2})).await.expect(201);
        assert_eq!((new.text("/name"), new.at("/allowed_ips")), ("Okta".to_owned(), old.at("/allowed_ips")));
        assert_eq!(*new.at("/expires_at"), NONE, "the old one was made for ever");
        assert_ne!(new.text("/token"), old.text("/token"));
        let ending = listed(&server, &tokens, &old.text("/id")).await;
        assert_eq!(ending["expires_at"], json!(timestamp(clock.now() + Duration::hours(2))));
        let both = async || {
            (
                opens(&server, &directory.id, &old.text("/token")).await,
                opens(&server, &directory.id, &new.text("/token")).await,
            )
        };
        assert_eq!(both().await, (200, 200));
        clock.advance(Duration::minutes(119));
        assert_eq!(both().await, (200, 200));
        clock.advance(Duration::minutes(1));
        assert_eq!(both().await, (401, 200));

        // A day, if nobody says otherwise; at once, if they say so.
        let of_new = format!("{tokens}/{}", new.text("/id"));
        let third = rotate(&server, &of_new, NONE).await.expect(201);
        let ending = listed(&server, &tokens, &new.text("/id")).await;
        assert_eq!(ending["expires_at"], json!(timestamp(clock.now() + Duration::hours(24))));
        let of_third = format!("{tokens}/{}", third.text("/id"));
        rotate(&server, &of_third, json!({"overlap_hours": 0})).await.expect(201);
        assert_eq!(opens(&server, &directory.id, &third.text("/token")).await, 401);
        // Two by hand, three by rotation.
        let query = format!("events=dsync.token.created&organization_id={}", directory.organization);
        assert_eq!(server.feed(&query, 5).await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_token_never_lives_longer_for_being_rotated() {
    on_each_database(|url| async move {
        let (clock, server, _, tokens) = scene(&url).await;
        let end = timestamp(clock.now() + Duration::days(90));
        let old = server.api("POST", &tokens, json!({"name": "Okta", "expires_at": end})).await.expect(201);
        let of_old = format!("{tokens}/{}", old.text("/id"));
        clock.advance(Duration::days(89));
        let new = rotate(&server, &of_old, json!({"overlap_hours": 720})).await.expect(201);
        assert_eq!(listed(&server, &tokens, &old.text("/id")).await["expires_at"], json!(end));
        assert_eq!(new.text("/expires_at"), timestamp(clock.now() + Duration::days(90)), "as long as the old one");
        let until = timestamp(clock.now() + Duration::days(3));
        let of_new = format!("{tokens}/{}", new.text("/id"));
        let said = rotate(&server, &of_new, json!({"expires_at": until})).await.expect(201);
        assert_eq!(said.text("/expires_at"), until);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_rotated_once_and_its_successor_after_it() {
    on_each_database(|url| async move {
        let (clock, server, directory, tokens) = scene(&url).await;
        let end = timestamp(clock.now() + Duration::days(90));
        let old = server.api("POST", &tokens, json!({"name": "Okta", "expires_at": end})).await.expect(201);
        assert_eq!(*old.at("/replaced_by"), NONE);
        let of_old = format!("{tokens}/{}", old.text("/id"));
        let new = rotate(&server, &of_old, NONE).await.expect(201);
        assert_eq!(listed(&server, &tokens, &old.text("/id")).await["replaced_by"], *new.at("/id"));
        // Until the identity provider has the new one, the end of the old one is the directory's.
        let status = format!("/directories/{}/sync_status", directory.id);
        let next = async || server.api("GET", &status, NONE).await.expect(200).text("/tokens/next_expiry");
        let over = timestamp(clock.now() + Duration::hours(24));
        assert_eq!(next().await, over);
        let waits = server.api("GET", &status, NONE).await.body["attention"].to_string();
        assert!(waits.contains("nobody has used the new one yet"), "{waits}");
        assert_eq!(opens(&server, &directory.id, &new.text("/token")).await, 200);
        assert_eq!(next().await, end);

        // Its own life was cut short, so it says nothing about how long the next one should live.
        let again = rotate(&server, &of_old, NONE).await.expect(409);
        assert_eq!(again.text("/code"), "token_replaced");
        assert!(again.text("/message").contains(&new.text("/id")), "{}", again.body);
        let of_new = format!("{tokens}/{}", new.text("/id"));
        server.api("DELETE", &of_new, NONE).await.expect(204);
        let again = rotate(&server, &of_old, NONE).await.expect(409);
        assert!(again.text("/message").contains("create a new token"), "{}", again.body);
        // Without a successor its end is the directory's.
        assert_eq!(next().await, over);
        let gone = server.api("GET", &status, NONE).await.body["attention"].to_string();
        assert!(gone.contains("what took its place is gone"), "{gone}");

        let far = server.api("POST", &tokens, json!({"name": "far", "expires_at": "9999-12-31T23:00:00Z"})).await;
        clock.advance(Duration::days(1));
        let of_far = format!("{tokens}/{}", far.expect(201).text("/id"));
        assert_eq!(rotate(&server, &of_far, NONE).await.expect(201).text("/expires_at"), "9999-12-31T00:00:00.000Z");
    })
    .await;
}

#[tokio::test]
async fn who_went_over_twice_is_warned_of_nothing() {
    on_each_database(|url| async move {
        let (_, server, directory, tokens) = scene(&url).await;
        let first = server.api("POST", &tokens, json!({"name": "Okta"})).await.expect(201);
        let of = |token: &Answer| format!("{tokens}/{}", token.text("/id"));
        let second = rotate(&server, &of(&first), json!({"overlap_hours": 168})).await.expect(201);
        assert_eq!(opens(&server, &directory.id, &second.text("/token")).await, 200);
        let third = rotate(&server, &of(&second), json!({"overlap_hours": 0})).await.expect(201);
        assert_eq!(listed(&server, &tokens, &first.text("/id")).await["replaced_by"], *third.at("/id"));
        assert_eq!(opens(&server, &directory.id, &third.text("/token")).await, 200);
        let status = format!("/directories/{}/sync_status", directory.id);
        assert_eq!(*server.api("GET", &status, NONE).await.expect(200).at("/tokens/next_expiry"), NONE);
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_makes_no_sense_changes_nothing() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let other = server.directory_in(&directory.organization, json!({})).await;
        let tokens = format!("/directories/{}/tokens", directory.id);
        let id = server.api("GET", &tokens, NONE).await.text("/data/0/id");
        let token = format!("{tokens}/{id}");
        for (body, field) in [
            (json!({"overlap_hours": -1}), "overlap_hours"),
            (json!({"overlap_hours": 721}), "overlap_hours"),
            (json!({"overlap_hours": "24"}), "overlap_hours"),
            (json!({"overlap_hours": 1.5}), "overlap_hours"),
            (json!({"expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        ] {
            assert_eq!(rotate(&server, &token, body).await.expect(422).text("/errors/0/field"), field);
        }
        // Not through another directory, not what nobody has, not by a key that may only read.
        rotate(&server, &format!("/directories/{}/tokens/{id}", other.id), json!({})).await.expect(404);
        rotate(&server, &format!("{tokens}/scim_token_01ARZ3NDEKTSV4RRFFQ69G5FAV"), json!({})).await.expect(404);
        let reader = server.organization_key(&directory.organization, "read").await;
        server.api_with(&reader, "POST", &format!("{token}/rotate"), json!({})).await.expect(403);
        let rows = server.api("GET", &tokens, NONE).await.expect(200).body["data"].clone();
        assert_eq!((rows.as_array().unwrap().len(), &rows[0]["expires_at"]), (1, &NONE));
        assert_eq!(opens(&server, &directory.id, &directory.token).await, 200);
    })
    .await;
}
