//! The invariants of DESIGN section 6, each as a property of whatever happens in whatever order.
//!
//! Without further ado the same histories are tried each time, so that a change is judged by itself;
//! `MUSTER_CASES` sets how many each property tries on each database, and makes them new ones.

use std::env;

use muster::app::App;
use muster::store::Db;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::reference::coverage::Coverage;
use super::reference::generate::{Theme, history};
use super::reference::operations::{NATIVE_NAMES, Operation};
use super::reference::orders::{Canonical, canonical, shuffled_twice};
use super::reference::stage::{Stage, app, clock};
use super::reference::steps::{self, Judge};
use super::support::database::on_each_database;

/// After how many steps everything is converged again: it costs as much as a step.
const RECONVERGE: usize = 6;

/// Runs `test` on values of `strategy` until one fails, and shrinks that one.
fn check<S: Strategy>(url: &str, usual: [u32; 2], strategy: &S, test: impl Fn(S::Value) -> Result<(), String>) {
    let asked: Option<u32> = env::var("MUSTER_CASES").ok().and_then(|text| text.parse().ok());
    let usual = usual[usize::from(!url.starts_with("sqlite:"))];
    let config =
        Config { cases: asked.unwrap_or(usual), failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
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

async fn lives_through(
    app: &App,
    history: &[Operation],
    (judge, thorough): (Judge, bool),
    seen: &Coverage,
) -> Result<(), String> {
    let mut stage = Stage::new(app).await;
    for (at, operation) in history.iter().enumerate() {
        let step = stage.perform(operation).await.map_err(|error| format!("step {at}: {error}"))?;
        seen.note(&step);
        let found = judge(&stage, &step);
        if !found.is_empty() {
            return Err(format!("step {at}, after {operation:?}\n{}", found.join("\n")));
        }
        if thorough && at % RECONVERGE == 0 {
            stage.reconverge().await.map_err(|error| format!("step {at}, after {operation:?}: {error}"))?;
        }
    }
    if thorough {
        stage.verify().await.map_err(|error| format!("in the end: {error}"))?;
        stage.reconverge().await.map_err(|error| format!("in the end: {error}"))?;
    }
    Ok(())
}

/// Lets `cases` histories, on SQLite and on PostgreSQL, happen under the eyes of a judge. Each must meet, somewhere,
/// all of `expected`.
async fn holds(cases: [u32; 2], theme: Theme, length: usize, judge: (Judge, bool), expected: &[&str]) {
    let seen = Coverage::default();
    on_each_database(|url| {
        let seen = &seen;
        async move {
            let app = app(Db::open(&url).await.expect("the database opens"), clock());
            check(&url, cases, &history(theme, length), |operations| {
                wait(lives_through(&app, &operations, judge, seen))
            });
            app.db.close().await;
        }
    })
    .await;
    seen.expect(expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_1_effective_exactly_if_a_manual_or_other_live_origin_not_excluded_and_the_membership_is_active() {
    holds(
        [150, 30],
        Theme::Trust,
        8,
        (steps::effective, false),
        &["manual origins", "exclusions", "frozen origins", "held origins", "events"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_2_the_engine_ends_only_origins_it_wrote() {
    holds([150, 30], Theme::Facts, 8, (steps::only_its_own, false), &["manual origins", "handed over", "removals"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_3_incremental_is_full_whatever_facts_and_rules_do() {
    holds(
        [220, 60],
        Theme::Facts,
        10,
        (steps::as_recomputed, true),
        &["parked mirrors", "adopted groups", "applied plans"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_3_incremental_is_full_with_freezes_guards_pauses_removals_and_damages() {
    holds(
        [320, 80],
        Theme::Trust,
        12,
        (steps::as_recomputed, true),
        &[
            "frozen origins",
            "held origins",
            "held origins that vanish",
            "ended mirrors",
            "origins that wait",
            "approvals",
            "damages",
            "removals",
        ],
    )
    .await;
}

/// The state after these operations, without ids. Two native groups are there from the beginning.
async fn outcome(app: &App, operations: &[Operation]) -> Result<Canonical, String> {
    let mut stage = Stage::new(app).await;
    for name in [NATIVE_NAMES.len() - 2, NATIVE_NAMES.len() - 1] {
        stage.rush(&[Operation::CreateNativeGroup { name }]).await?;
    }
    stage.rush(operations).await?;
    Ok(canonical(&stage.world, &stage.directories()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_4_any_order_of_the_same_operations_ends_in_the_same_native_state() {
    on_each_database(|url| async move {
        let app = app(Db::open(&url).await.expect("the database opens"), clock());
        check(&url, [150, 40], &shuffled_twice(), |[one, other]| {
            let (first, second) = (wait(outcome(&app, &one))?, wait(outcome(&app, &other))?);
            if first == second { Ok(()) } else { Err(first.difference(&second).join("\n")) }
        });
        app.db.close().await;
    })
    .await;
}

async fn repeats(app: &App, history: &[Operation]) -> Result<(), String> {
    let mut stage = Stage::new(app).await;
    for (at, operation) in history.iter().enumerate() {
        stage.perform(operation).await.map_err(|error| format!("step {at}: {error}"))?;
        let found = stage.repeat(operation).await?;
        if !found.is_empty() {
            return Err(format!("step {at}, after {operation:?}\n{}", found.join("\n")));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_5_a_repeated_request_changes_nothing_and_emits_nothing() {
    on_each_database(|url| async move {
        let app = app(Db::open(&url).await.expect("the database opens"), clock());
        check(&url, [150, 40], &history(Theme::Names, 8), |operations| wait(repeats(&app, &operations)));
        app.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_7_a_rename_that_changes_no_match_moves_nobody() {
    holds([150, 30], Theme::Names, 8, (steps::renames_move_nobody, false), &["renames"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_8_an_applied_plan_did_what_it_said_or_was_refused() {
    holds(
        [220, 60],
        Theme::Plans,
        8,
        (steps::plans_do_what_they_say, false),
        &["applied plans", "stale plans", "approved plans", "rejected plans", "handed over"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_9_one_event_per_effective_change_without_gaps_in_order_with_its_cause() {
    holds([150, 30], Theme::Trust, 8, (steps::events_tell_all, false), &["events", "damages", "removals", "approvals"])
        .await;
}
