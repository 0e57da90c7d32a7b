//! Passwords: accepted, never answered, and kept nowhere.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::support::scim::{ENTERPRISE, USER, over, user, with_query};
use super::support::server::on_each_server;

const SECRET: &str = "correct-horse-battery-staple";

#[tokio::test]
async fn a_password_is_never_answered_and_kept_nowhere() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let made =
            directory.scim("POST", "/Users", user("ada@x.example", json!({"password": SECRET}))).await.expect(201);
        let path = format!("/Users/{}", made.text("/id"));
        let mut answers = vec![made];
        for body in [
            json!({"PassWord": SECRET}),
            json!({format!("{USER}:password"): SECRET}),
            json!({USER: {"password": SECRET}}),
            json!({ENTERPRISE: {"password": SECRET, "department": "x"}}),
            json!({"urn:acme:1.0:User": {"Password": SECRET, "badge": 7}}),
        ] {
            answers.push(directory.scim("PUT", &path, user("ada@x.example", body)).await.expect(200));
        }
        for operation in [
            json!({"op": "replace", "path": "password", "value": SECRET}),
            json!({"op": "add", "value": {"password": SECRET}}),
            json!({"op": "replace", "path": format!("{USER}:password"), "value": SECRET}),
            json!({"op": "add", "path": "urn:acme:1.0:User:password", "value": SECRET}),
            json!({"op": "add", "value": {"urn:acme:1.0:User": {"password": SECRET}}}),
            json!({"op": "add", "value": {ENTERPRISE: {"password": SECRET}}}),
        ] {
            answers.push(directory.patch(&path, json!([operation])).await.expect(200));
        }
        // Refused requests must not leave it in the log either.
        let mistaken = user("ada@x.example", json!({"password": {"value": SECRET}, "active": "maybe"}));
        answers.push(directory.scim("PUT", &path, mistaken).await.expect(400));
        let twice = over(user("bob@x.example", json!({"password": SECRET})), json!({"PASSWORD": SECRET}));
        answers.push(directory.scim("POST", "/Users", twice).await.expect(400));
        for query in [("attributes", "password"), ("attributes", "userName,password"), ("sortBy", "password")] {
            answers.push(directory.get(&with_query("/Users", &[query])).await.expect(200));
            answers.push(directory.get(&with_query(&path, &[query])).await.expect(200));
        }
        for filter in ["password pr", "password eq \"x\"", &format!("{USER}:password sw \"c\"")] {
            directory.search("Users", filter).await.refused(400, "invalidFilter", filter);
        }
        for answer in &answers {
            assert!(!answer.body.to_string().contains(SECRET), "{}", answer.body);
            assert_eq!(answer.body.get("password"), None);
        }

        let url = server.database_url.clone();
        server.server.stop().await; // so that the log is written, too
        let stored = everything_in(&url).await;
        let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("ada@x.example"), "this really is the database");
        assert!(!holds(SECRET));
    })
    .await;
}

/// The bytes of a database: the files of SQLite, the rows of PostgreSQL as text.
async fn everything_in(url: &str) -> Vec<u8> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let file = |suffix: &str| std::fs::read(format!("{path}{suffix}")).unwrap_or_default();
        return [file(""), file("-wal")].concat();
    }
    let mut connection = PgConnection::connect(url).await.unwrap();
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    let mut all = Vec::new();
    for table in tables {
        let rows = AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" t"));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
        all.extend(rows.concat().into_bytes());
    }
    all
}
