//! Whatever requests and rule changes interleave on whatever replicas: once all are done, native state equals a
//! full recomputation, and the events tell one story without gaps.

use futures::future::join_all;
use muster::store::Db;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::reference::checks::assert_agrees;
use super::reference::operations::{Operation, Theme, history};
use super::reference::stage::{Stage, app, clock};
use super::support::database::on_each_database;

/// How many organizations are tried on each database.
const ROUNDS: usize = 6;
/// How many clients each replica has.
const CLIENTS: usize = 3;

fn any_history(runner: &mut TestRunner) -> Vec<Operation> {
    history(Theme::Facts, 20).new_tree(runner).expect("a history").current()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_at_once_end_in_what_facts_and_decisions_make_of_it() {
    on_each_database(|url| async move {
        let clock = clock();
        let mut replicas = Vec::new();
        for _ in 0..2 {
            replicas.push(app(Db::open(&url).await.expect("the database opens"), clock.clone()));
        }
        let mut runner = TestRunner::deterministic();
        for _ in 0..ROUNDS {
            let mut stage = Stage::new(&replicas[0]).await;
            let work: Vec<_> = (0..2 * CLIENTS)
                .map(|client| {
                    let (mut stage, operations) = (stage.through(&replicas[client % 2]), any_history(&mut runner));
                    tokio::spawn(async move { stage.rush(&operations).await })
                })
                .collect();
            for outcome in join_all(work).await {
                assert_eq!(outcome.expect("a client that does not panic"), Ok(()));
            }
            stage.look().await;
            // What was news is no longer.
            stage.look().await;
            assert_agrees(&stage.world, &stage.replay);
            assert_eq!(stage.reconverge().await, Ok(()));
        }
        for replica in replicas {
            replica.db.close().await;
        }
    })
    .await;
}
