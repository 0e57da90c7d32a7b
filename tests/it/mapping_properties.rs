//! Incremental = full: whatever happens, in whatever order, native state is what a recomputation from facts
//! and decisions would make of it.
//!
//! `MUSTER_CASES` sets how many histories are tried on each database.

use std::env;

use muster::app::App;
use muster::store::Db;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::reference::operations::{Operation, history};
use super::reference::stage::{Stage, app};
use super::support::database::on_each_database;

/// How many histories are tried unless `MUSTER_CASES` says otherwise.
const CASES: u32 = 64;

/// Runs `test` on values of `strategy` until one fails, and shrinks that one.
fn check<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), String>) {
    let cases = env::var("MUSTER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let outcome = TestRunner::new(config).run(strategy, |value| test(value).map_err(TestCaseError::fail));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Waits for a future within the closure of a property.
fn wait<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}

async fn lives_through(app: &App, history: &[Operation]) -> Result<(), String> {
    let mut stage = Stage::new(app).await;
    for (at, operation) in history.iter().enumerate() {
        stage.perform(operation).await.map_err(|error| format!("step {at}: {error}"))?;
        stage.reconverge().await.map_err(|error| format!("step {at}, after {operation:?}: {error}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_state_is_what_facts_and_decisions_make_of_it_after_every_step() {
    on_each_database(|url| async move {
        let app = app(Db::open(&url).await.expect("the database opens"));
        check(&history(), |operations| wait(lives_through(&app, &operations)));
        app.db.close().await;
    })
    .await;
}
