//! Incremental = full: whatever happens, in whatever order, native state is what a recomputation from facts
//! and decisions would make of it.
//!
//! Without further ado the same histories are tried each time, so that a change is judged by itself;
//! `MUSTER_CASES` sets how many are tried on each database, and makes them new ones.

use std::env;

use muster::app::App;
use muster::store::Db;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::reference::operations::{NATIVE_NAMES, Operation, history};
use super::reference::orders::{Canonical, canonical, shuffled_twice};
use super::reference::stage::{Stage, app, clock};
use super::support::database::on_each_database;

/// How many histories are tried unless `MUSTER_CASES` says otherwise.
const CASES: u32 = 64;

/// After how many steps everything is converged again: it costs as much as a step.
const RECONVERGE: usize = 4;

/// Runs `test` on values of `strategy` until one fails, and shrinks that one. One in `share` of the usual
/// number is tried.
fn check<S: Strategy>(share: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), String>) {
    let asked: Option<u32> = env::var("MUSTER_CASES").ok().and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(CASES).div_ceil(share);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 1_000, ..Config::default() };
    let mut runner = match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::default())),
    };
    let outcome = runner.run(strategy, |value| test(value).map_err(TestCaseError::fail));
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
        if at % RECONVERGE == 0 {
            stage.reconverge().await.map_err(|error| format!("step {at}, after {operation:?}: {error}"))?;
        }
    }
    stage.reconverge().await.map_err(|error| format!("in the end: {error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_state_is_what_facts_and_decisions_make_of_it_after_every_step() {
    on_each_database(|url| async move {
        let app = app(Db::open(&url).await.expect("the database opens"), clock());
        check(1, &history(), |operations| wait(lives_through(&app, &operations)));
        app.db.close().await;
    })
    .await;
}

/// The state after these operations, without ids. Two native groups are there from the beginning.
async fn outcome(app: &App, operations: &[Operation]) -> Result<Canonical, String> {
    let mut stage = Stage::new(app).await;
    for name in [NATIVE_NAMES.len() - 2, NATIVE_NAMES.len() - 1] {
        stage.perform(&Operation::CreateNativeGroup { name }).await?;
    }
    for operation in operations {
        stage.perform(operation).await?;
    }
    Ok(canonical(&stage.world, &stage.directories()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_facts_end_in_the_same_state_whatever_their_order() {
    on_each_database(|url| async move {
        let app = app(Db::open(&url).await.expect("the database opens"), clock());
        check(4, &shuffled_twice(), |[one, other]| {
            let (first, second) = (wait(outcome(&app, &one))?, wait(outcome(&app, &other))?);
            if first == second { Ok(()) } else { Err(first.difference(&second).join("\n")) }
        });
        app.db.close().await;
    })
    .await;
}
