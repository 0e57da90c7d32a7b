//! What `db.write` promises: serial in a lane, shared commits, whole or not at all, answered after the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::DateTime;
use futures::future::join_all;
use muster::domain::event::Cause;
use muster::domain::id::{OrganizationId, RoleId};
use muster::domain::native::{Organization, Role};
use muster::domain::{Error, Result};
use muster::service::change::Change;
use muster::store::{Db, Lane, Tx, events, organizations, roles};
use serde_json::json;

use super::support::database::on_each_database;

async fn organization(db: &Db) -> OrganizationId {
    let now = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
    let id = OrganizationId::mint(now);
    let organization = Organization {
        id,
        name: "Acme".into(),
        external_id: None,
        stripe_customer_id: None,
        allow_profiles_outside_organization: false,
        metadata: serde_json::Map::new(),
        domains: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    db.write(Lane::Environment, move |tx| {
        let organization = organization.clone();
        Box::pin(async move { organizations::insert(tx, &organization).await })
    })
    .await
    .unwrap();
    id
}

/// A write that makes one role and one event, and then fails if asked to.
async fn role_and_event(tx: &mut Tx, organization: OrganizationId, n: u32, fails: bool) -> Result<i64> {
    let now = DateTime::from_timestamp_millis(1_700_000_000_000 + i64::from(n)).unwrap();
    let mut change = Change::begin(tx, organization, now, &Cause::System).await?;
    let role = Role::new(RoleId::mint(now), format!("role-{n}"), "R", now);
    roles::insert(change.tx, organization, &role).await?;
    change.emit("role.created", json!({"n": n}));
    let revision = change.finish().await?;
    if fails { Err(Error::Forbidden("on purpose".into())) } else { Ok(revision) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_write_in_a_batch_takes_nothing_else_along_and_leaves_no_gap() {
    on_each_database(|url| async move {
        let db = Db::open(&url).await.unwrap();
        let id = organization(&db).await;
        let writes = (0..60_u32)
            .map(|n| db.write(Lane::Organization(id), move |tx| Box::pin(role_and_event(tx, id, n, n % 5 == 0))));
        let results = join_all(writes).await;
        let succeeded = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(succeeded, 48);
        let mut tx = db.read().await.unwrap();
        assert_eq!(roles::all(&mut tx, id).await.unwrap().len(), 48);
        let stored = events::after(&mut tx, id, 0, 100).await.unwrap();
        let positions: Vec<i64> = stored.iter().map(|event| event.position).collect();
        assert_eq!(positions, (1..=48).collect::<Vec<i64>>());
        assert!(stored.windows(2).all(|pair| pair[0].id < pair[1].id), "ids increase with positions");
        let mut answered: Vec<i64> = results.into_iter().flatten().collect();
        answered.sort_unstable();
        assert_eq!(answered, positions, "each write was told its own position");
        drop(tx);
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_caller_goes_away_is_finished_all_the_same() {
    on_each_database(|url| async move {
        let db = Db::open(&url).await.unwrap();
        let id = organization(&db).await;
        let started = Arc::new(AtomicU32::new(0));
        let (flag, writer) = (Arc::clone(&started), db.clone());
        let caller = tokio::spawn(async move {
            let work = writer.write(Lane::Organization(id), move |tx| {
                let flag = Arc::clone(&flag);
                Box::pin(async move {
                    flag.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    role_and_event(tx, id, 1, false).await
                })
            });
            work.await
        });
        while started.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        caller.abort();
        // The next write of the lane comes after it.
        db.write(Lane::Organization(id), move |tx| Box::pin(role_and_event(tx, id, 2, false))).await.unwrap();
        let stored = roles::all(&mut db.read().await.unwrap(), id).await.unwrap();
        assert_eq!(stored.len(), 2);
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_write_is_that_write_s_failure_and_the_lane_goes_on() {
    on_each_database(|url| async move {
        let db = Db::open(&url).await.unwrap();
        let id = organization(&db).await;
        let panics = db.write(Lane::Organization(id), move |tx| {
            Box::pin(async move {
                role_and_event(tx, id, 1, false).await?;
                assert!(tx.rows(1, &[]).len() >= 1_000, "on purpose");
                Ok(())
            })
        });
        assert!(panics.await.is_err());
        db.write(Lane::Organization(id), move |tx| Box::pin(role_and_event(tx, id, 2, false))).await.unwrap();
        assert_eq!(roles::all(&mut db.read().await.unwrap(), id).await.unwrap().len(), 1);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_is_found_again_as_it_was_left() {
    on_each_database(|url| async move {
        let db = Db::open(&url).await.unwrap();
        let id = organization(&db).await;
        db.close().await;
        let db = Db::open(&url).await.unwrap();
        let found = organizations::find(&mut db.read().await.unwrap(), id).await.unwrap();
        assert_eq!(found.unwrap().name, "Acme");
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_url_of_another_kind_is_refused_with_what_to_do() {
    let error = Db::open("mysql://localhost/x").await.err().unwrap();
    assert!(error.to_string().contains("sqlite://"), "{error}");
}
