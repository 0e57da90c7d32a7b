//! Whatever requests, rule changes, plans, runs and decisions interleave on whatever replicas: once all are done,
//! native state equals a full recomputation, and the events tell one story without gaps.

use std::time::Duration;

use futures::future::join_all;
use muster::store::Db;
use muster::worker::runs;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tokio_util::sync::CancellationToken;

use super::reference::checks::assert_agrees;
use super::reference::generate::{Theme, history};
use super::reference::operations::Operation;
use super::reference::stage::{Stage, app, clock};
use super::support::database::on_each_database;

/// How many organizations are tried on each database.
const ROUNDS: usize = 9;
/// How many clients each replica has.
const CLIENTS: usize = 3;

fn any_history(runner: &mut TestRunner, theme: Theme) -> Vec<Operation> {
    history(theme, 20).new_tree(runner).expect("a history").current()
}

/// Waits until no run goes on; those that wait for somebody are rejected, as nobody will decide any more.
async fn settled(stage: &mut Stage) {
    let quiet = async {
        loop {
            stage.look().await;
            if stage.world.unfinished == 0 {
                return;
            }
            stage.reject_what_waits().await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), quiet).await.expect("the runs come to an end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_at_once_end_in_what_facts_and_decisions_make_of_it() {
    on_each_database(|url| async move {
        let clock = clock();
        let stop = CancellationToken::new();
        let (mut replicas, mut workers) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let replica = app(Db::open(&url).await.expect("the database opens"), clock.clone());
            workers.push(tokio::spawn(runs::run(replica.clone(), stop.clone())));
            replicas.push(replica);
        }
        let mut runner = TestRunner::deterministic();
        for round in 0..ROUNDS {
            let theme = [Theme::Facts, Theme::Plans, Theme::Trust][round % 3];
            let mut stage = Stage::new(&replicas[0]).await;
            let work: Vec<_> = (0..2 * CLIENTS)
                .map(|client| {
                    let (mut stage, operations) =
                        (stage.through(&replicas[client % 2]), any_history(&mut runner, theme));
                    tokio::spawn(async move { stage.rush(&operations).await })
                })
                .collect();
            for outcome in join_all(work).await {
                assert_eq!(outcome.expect("a client that does not panic"), Ok(()));
            }
            settled(&mut stage).await;
            // What was news is no longer.
            stage.look().await;
            assert_agrees(&stage.world, &stage.replay);
            assert_eq!(stage.reconverge().await, Ok(()));
            stage.racing = true;
            stage.verify_by_worker().await;
        }
        stop.cancel();
        for worker in join_all(workers).await {
            worker.expect("a worker that does not panic");
        }
        for replica in replicas {
            replica.db.close().await;
        }
    })
    .await;
}
