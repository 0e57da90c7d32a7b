//! An empty database for each test, on each engine.

use std::any::Any;
use std::env;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Once;

use futures::FutureExt as _;
use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Runs `test` on SQLite and on PostgreSQL, each time with the URL of an empty database of its own.
///
/// SQLite gets a file and not `:memory:`: only a file has the write-ahead log, the locks and the several
/// connections of production. PostgreSQL is the server at `TEST_POSTGRES_URL`, which
/// `scripts/with-postgres` starts; without one the test runs on SQLite alone and says so, or fails if
/// `REQUIRE_POSTGRES=1`, so that nobody who meant to test both forgets one.
///
/// # Panics
///
/// As `test` does, after naming the database on which it did.
pub async fn on_each_database<F, Fut>(test: F)
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = ()>,
{
    on_sqlite(&test).await;
    match postgres_url() {
        Some(server) => on_postgres(&server, &test).await,
        None => say_that_postgres_is_missing(),
    }
}

async fn on_sqlite<F: Fn(String) -> Fut, Fut: Future<Output = ()>>(test: &F) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let outcome = AssertUnwindSafe(test(url)).catch_unwind().await;
    report("SQLite", outcome);
}

async fn on_postgres<F: Fn(String) -> Fut, Fut: Future<Output = ()>>(server: &str, test: &F) {
    let name = format!("test_{}", ulid::Ulid::generate()).to_lowercase();
    let mut url = Url::parse(server).expect("TEST_POSTGRES_URL is a URL");
    url.set_path(&name);
    run(server, &format!("CREATE DATABASE {name}")).await;
    let outcome = AssertUnwindSafe(test(url.to_string())).catch_unwind().await;
    // By force: a test that panicked has not closed its pool.
    run(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    report("PostgreSQL", outcome);
}

/// Runs a statement that concerns whole databases, on a connection of its own.
async fn run(server: &str, statement: &str) {
    let mut connection = PgConnection::connect(server).await.expect("the server at TEST_POSTGRES_URL answers");
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.ok();
}

/// Lets a panic go on, but says first where it happened.
fn report(engine: &str, outcome: Result<(), Box<dyn Any + Send>>) {
    if let Err(panic) = outcome {
        eprintln!("the test failed on {engine}");
        resume_unwind(panic);
    }
}

/// The server to test with. `None` if there is none and none is demanded.
fn postgres_url() -> Option<String> {
    let url = env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
    let demanded = env::var("REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
    assert!(
        url.is_some() || !demanded,
        "REQUIRE_POSTGRES=1, but TEST_POSTGRES_URL is not set: run scripts/with-postgres cargo test"
    );
    url
}

fn say_that_postgres_is_missing() {
    static ONCE: Once = Once::new();
    // Written past the harness, which keeps what a passing test prints to itself.
    ONCE.call_once(|| {
        let line = "*** NOT TESTED ON POSTGRESQL: TEST_POSTGRES_URL is not set; see scripts/with-postgres ***";
        writeln!(std::io::stderr(), "\n{line}").ok();
    });
}

#[tokio::test]
async fn every_test_has_an_empty_database_of_its_own() {
    // Twice: what the first run leaves behind must not be there in the second.
    for _ in 0..2 {
        on_each_database(async |url: String| {
            if let Some(path) = url.strip_prefix("sqlite://") {
                assert!(!std::path::Path::new(path).exists());
                std::fs::write(path, "").unwrap();
                return;
            }
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
            let count: i64 = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();
            assert_eq!(count, 0);
            sqlx::raw_sql("CREATE TABLE left_behind (id BIGINT)").execute(&mut connection).await.unwrap();
        })
        .await;
    }
}

#[tokio::test]
#[should_panic(expected = "on purpose")]
async fn a_panic_goes_on() {
    on_each_database(async |url| assert!(url.is_empty(), "on purpose")).await;
}
