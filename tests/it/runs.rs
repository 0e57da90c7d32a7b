//! Runs: large work in the background, chunk by chunk, whatever happens to the process that does it.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration};
use futures::future::join_all;
use muster::domain::id::DirectoryUserId;
use muster::domain::id::{OrganizationId, RunId};
use muster::domain::run::{ClaimId, RunKind, RunState};
use muster::domain::{Clock, Error};
use muster::service::runs::effect::begin_remainder;
use muster::service::runs::{self, LEASE, NewRun, PEOPLE, Step, Turn, step};
use muster::store::{self, Db, events, sql};
use serde_json::{Value, json};

use super::reference::stage::app;
use super::support::database::on_each_database;
use super::support::native::native;
use super::support::runs::{change, fine};
use super::support::server::{TestDirectory, TestServer, on_each_server};

fn clock() -> Clock {
    Clock::manual(DateTime::from_timestamp_millis(1_800_000_000_000).unwrap())
}

/// A directory whose people all get a membership, a role and a native group.
async fn mapped(server: &TestServer, people: usize) -> (TestDirectory, Vec<String>) {
    let directory = server.directory().await;
    let everybody = json!([{"ensure_membership": {}}, {"grant_role": {"role": "admin"}}]);
    server.rule(&directory.organization, "everybody", json!({"user": "active eq true"}), everybody).await;
    let crowd = directory.crowd(people).await;
    (directory, crowd)
}

/// Loses, behind the program's back, what rules gave.
async fn damage(server: &TestServer, organization: &str) {
    let damaged = change(&server.server.app, organization, |change| {
        Box::pin(async move {
            for table in ["membership_roles", "group_memberships", "origins"] {
                let lost = sql(format!("DELETE FROM {table} WHERE organization_id = $1"));
                change.tx.execute(lost.bind(change.organization)).await?;
            }
            Ok(())
        })
    });
    fine(damaged.await);
}

/// Begins a run that the test works on itself: the server's worker never sees it unclaimed.
async fn begin_and_take(server: &TestServer, organization: &str, people: BTreeSet<DirectoryUserId>) -> Turn {
    let begun = change(&server.server.app, organization, move |change| {
        let people = people.clone();
        Box::pin(async move {
            let id = begin_remainder(change, &people).await?;
            let claim = ClaimId::mint(change.now);
            let (organization, now) = (change.organization, change.now);
            let claimed = store::runs::claim(change.tx, organization, id, claim, now, now + LEASE).await?;
            Ok(Turn::of(claimed.expect("nobody else knows of it"), claim))
        })
    });
    fine(begun.await)
}

fn users(crowd: &[String]) -> BTreeSet<DirectoryUserId> {
    crowd.iter().map(|id| id.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_reconcile_repairs_what_was_lost_and_says_what_it_did() {
    on_each_server(|server| async move {
        let (directory, crowd) = mapped(&server, 5).await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName sw \"eng\""});
        server.rule(organization, "teams", when, json!([{"mirror_group": {}}])).await;
        directory.group("eng-ios", &[&crowd[0], &crowd[1]]).await;
        let before = native(&server, organization).await;
        damage(&server, organization).await;
        assert_eq!(native(&server, organization).await.groups(), ["eng-ios: "]);

        let run = server.begin_run(organization, "reconcile").await;
        let done = server.run_in(&run, "succeeded").await;
        let after = native(&server, organization).await;
        assert_eq!((after.groups(), after.people()), (before.groups(), before.people()));
        assert_eq!(done.at("/effects/group.member_added"), &json!(2), "{}", done.body);
        // Five people.
        assert_eq!((done.at("/progress/done"), done.at("/progress/total")), (&json!(5), &json!(5)));
        assert_eq!(done.at("/progress/remaining_seconds"), &json!(0.0));
        assert_eq!((done.at("/problem"), done.at("/kind")), (&Value::Null, &json!("reconcile")));
        assert_eq!(done.text("/cause/actor/source"), "api");
        assert!(done.text("/started_at") <= done.text("/finished_at"));

        let organization: OrganizationId = organization.parse().unwrap();
        let mut tx = server.server.app.db.read().await.unwrap();
        let all = fine(events::after(&mut tx, organization, 0, 1_000).await);
        let context: Value = serde_json::from_str(&all.last().unwrap().context).unwrap();
        assert_eq!(context["run_id"], json!(run));
        assert_eq!(context["actor"], json!({"id": run, "source": "system", "name": "reconcile"}));
    })
    .await;
}

#[tokio::test]
async fn a_reconcile_of_what_agrees_changes_nothing() {
    on_each_server(|server| async move {
        let (directory, _) = mapped(&server, 3).await;
        let before = server.events(&directory.organization).await;
        let run = server.begin_run(&directory.organization, "reconcile").await;
        assert_eq!(server.run_in(&run, "succeeded").await.at("/effects"), &json!({}));
        assert_eq!(server.events(&directory.organization).await, before);
        // An organization with nobody in it has nothing to look at.
        let empty = server.organization("Empty").await;
        let run = server.begin_run(&empty, "reconcile").await;
        assert_eq!(server.run_in(&run, "succeeded").await.at("/progress/total"), &json!(0));
    })
    .await;
}

#[tokio::test]
async fn scim_writes_go_on_between_the_chunks_of_a_run() {
    on_each_server(|server| async move {
        let (directory, crowd) = mapped(&server, 2 * PEOPLE + 50).await;
        damage(&server, &directory.organization).await;
        let mut turn = begin_and_take(&server, &directory.organization, users(&crowd)).await;
        let id = turn.run().id.to_string();
        let mut chunks = 0;
        loop {
            let came = fine(step(&server.server.app, &mut turn).await);
            chunks += 1;
            if came == Step::Over {
                break;
            }
            let run = server.run(&id).await;
            assert_eq!((run.at("/state"), run.at("/progress/done")), (&json!("running"), &json!(PEOPLE * chunks)));
            // Nothing is locked now: a write is answered although the run goes on.
            directory.user(&format!("late{chunks}@acme.example")).await;
        }
        assert_eq!(chunks, 3);
        let run = server.run_in(&id, "succeeded").await;
        assert_eq!(
            run.at("/progress"),
            &json!({"done": crowd.len(), "total": crowd.len(), "rate_per_second":
            run.at("/progress/rate_per_second"), "remaining_seconds": 0.0})
        );
        assert_eq!(run.at("/effects/organization_membership.updated"), &json!(crowd.len()), "{}", run.body);
        let path = format!("/user_management/organization_memberships?organization_id={}", directory.organization);
        let newest = server.api("GET", &format!("{path}&limit=2"), Value::Null).await.expect(200);
        assert_eq!(newest.text("/data/0/user/email"), "late2@acme.example");
        assert_eq!(newest.text("/data/1/role/slug"), "admin");
    })
    .await;
}

#[tokio::test]
async fn a_run_is_cancelled_between_chunks_and_keeps_what_it_did() {
    on_each_server(|server| async move {
        let (directory, crowd) = mapped(&server, PEOPLE + 50).await;
        damage(&server, &directory.organization).await;
        let mut turn = begin_and_take(&server, &directory.organization, users(&crowd)).await;
        let id = turn.run().id.to_string();
        assert_eq!(fine(step(&server.server.app, &mut turn).await), Step::More);
        let path = format!("/sync_runs/{id}/cancel");
        let asked = server.api("POST", &path, Value::Null).await.expect(200);
        assert_eq!((asked.at("/state"), asked.at("/cancelling")), (&json!("running"), &json!(true)));
        server.api("POST", &path, Value::Null).await.expect(200);
        assert_eq!(fine(step(&server.server.app, &mut turn).await), Step::Over);
        let run = server.run(&id).await;
        assert_eq!((run.at("/state"), run.at("/progress/done")), (&json!("cancelled"), &json!(PEOPLE)));
        assert_eq!(run.at("/effects/organization_membership.updated"), &json!(PEOPLE));
        assert_eq!(run.at("/cancelling"), &json!(false));
        assert_eq!(server.api("POST", &path, Value::Null).await.expect(409).text("/code"), "run_finished");
    })
    .await;
}

#[tokio::test]
async fn a_run_that_nobody_works_on_is_cancelled_at_once() {
    on_each_server(|server| async move {
        let (directory, crowd) = mapped(&server, 1).await;
        // While this one is worked on, the next of the organization waits.
        let first = begin_and_take(&server, &directory.organization, users(&crowd)).await;
        let second = server.begin_run(&directory.organization, "reconcile").await;
        let body = json!({"organization_id": directory.organization, "kind": "reconcile"});
        let third = server.api("POST", "/sync_runs", body).await.expect(409);
        assert_eq!(third.text("/code"), "run_in_progress");
        assert!(third.text("/message").contains(&second), "{}", third.body);
        let path = format!("/sync_runs/{second}/cancel");
        assert_eq!(server.api("POST", &path, Value::Null).await.expect(200).text("/state"), "cancelled");
        assert_eq!(server.run(&second).await.at("/started_at"), &Value::Null);
        fine(first.release(&server.server.app).await);
    })
    .await;
}

#[tokio::test]
async fn another_replica_takes_over_what_a_dead_one_had_claimed() {
    on_each_database(|url| async move {
        let clock = clock();
        let one = TestServer::start_at(&url, clock.clone()).await;
        let (directory, crowd) = mapped(&one, 250).await;
        damage(&one, &directory.organization).await;
        let mut turn = begin_and_take(&one, &directory.organization, users(&crowd)).await;
        let id = turn.run().id.to_string();
        assert_eq!(fine(step(&one.server.app, &mut turn).await), Step::More);
        // The replica dies with the run in its hands: nothing is given back.
        drop(one);
        let two = TestServer::start_at(&url, clock.clone()).await;
        assert!(fine(Turn::take(&two.server.app).await).is_none(), "the claim holds");
        clock.advance(LEASE);
        two.run_in(&id, "succeeded").await;
        let run = two.run(&id).await;
        assert_eq!(run.at("/effects/organization_membership.updated"), &json!(crowd.len()), "{}", run.body);
        // Were the dead one only slow, it would find out that the run is no longer its own.
        assert_eq!(fine(step(&two.server.app, &mut turn).await), Step::Over);
        assert_eq!(two.run(&id).await.body, run.body);
        two.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_run_survives_a_restart_of_the_server() {
    on_each_database(|url| async move {
        // The clock stands still: were the claim not given back, nobody could go on.
        let clock = clock();
        let before = TestServer::start_at(&url, clock.clone()).await;
        let (directory, _) = mapped(&before, 600).await;
        damage(&before, &directory.organization).await;
        let id = before.begin_run(&directory.organization, "reconcile").await;
        before.server.stop().await;
        let after = TestServer::start_at(&url, clock).await;
        let run = after.run_in(&id, "succeeded").await;
        assert_eq!((run.at("/progress/done"), run.at("/progress/total")), (&json!(600), &json!(600)));
        assert_eq!(run.at("/effects/organization_membership.updated"), &json!(600));
        after.server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_workers_one_gets_a_run_and_an_organization_has_one_at_a_time() {
    on_each_database(|url| async move {
        let server = TestServer::start(&url).await;
        let organizations = [server.organization("Red").await, server.organization("Blue").await];
        server.server.stop().await;

        let clock = clock();
        let mut replicas = Vec::new();
        for _ in 0..2 {
            replicas.push(app(Db::open(&url).await.unwrap(), clock.clone()));
        }
        for organization in &organizations {
            for _ in 0..3 {
                fine(
                    change(&replicas[0], organization, |change| {
                        Box::pin(async move { begin_remainder(change, &BTreeSet::new()).await.map(drop) })
                    })
                    .await,
                );
            }
        }
        let race = async || {
            let taken = join_all((0..8).map(|n| Turn::take(&replicas[n % 2]))).await;
            taken.into_iter().filter_map(fine).collect::<Vec<Turn>>()
        };
        let mut seen: Vec<RunId> = Vec::new();
        for round in 0..3 {
            let mut turns = race().await;
            assert_eq!(turns.len(), 2, "one of each organization in round {round}");
            assert_ne!(turns[0].run().organization, turns[1].run().organization);
            for turn in &mut turns {
                seen.push(turn.run().id);
                assert_eq!(fine(step(&replicas[1], turn).await), Step::Over);
            }
        }
        assert!(race().await.is_empty());
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 6, "each run was taken once");
        for replica in replicas {
            replica.db.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_that_cannot_go_on_fails_and_says_so() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let begun = change(&server.server.app, &organization, |change| {
            let new = NewRun {
                kind: RunKind::Remainder,
                directory: None,
                plan: None,
                work: json!({"people": ["nobody"]}),
                total: 1,
                awaits_approval: false,
            };
            Box::pin(async move { runs::begin(change, new).await })
        });
        let run = fine(begun.await);
        server.server.app.wake.notify_one();
        let failed = server.run_in(&run.id.to_string(), "failed").await;
        assert_eq!(failed.text("/problem"), "the server failed; its log says more");
        assert!(failed.at("/finished_at").is_string());
        // The worker is well and goes on with the next.
        let next = server.begin_run(&organization, "reconcile").await;
        server.run_in(&next, "succeeded").await;
    })
    .await;
}

#[tokio::test]
async fn a_run_that_awaits_approval_goes_on_when_it_is_approved_and_ends_when_it_is_rejected() {
    on_each_server(|server| async move {
        let (directory, crowd) = mapped(&server, 1).await;
        damage(&server, &directory.organization).await;
        let begin = async || {
            let work = json!({"people": users(&crowd)});
            let begun = change(&server.server.app, &directory.organization, move |change| {
                let new = NewRun {
                    kind: RunKind::Remainder,
                    directory: None,
                    plan: None,
                    work: work.clone(),
                    total: 1,
                    awaits_approval: true,
                };
                Box::pin(async move { runs::begin(change, new).await })
            });
            fine(begun.await).id.to_string()
        };
        let (yes, no, never) = (begin().await, begin().await, begin().await);
        assert_eq!(server.run(&yes).await.text("/state"), RunState::AwaitingApproval.as_str());
        let post = |run: &str, what: &str, body: Value| {
            let path = format!("/sync_runs/{run}/{what}");
            let server = &server;
            async move { server.api("POST", &path, body).await }
        };
        let some = json!({"effects": []});
        assert_eq!(post(&yes, "approve", some).await.expect(422).text("/errors/0/field"), "effects");
        assert_eq!(post(&yes, "approve", Value::Null).await.expect(200).text("/state"), "running");
        server.run_in(&yes, "succeeded").await;
        assert_eq!(native(&server, &directory.organization).await.people(), ["p0@acme.example active admin"]);
        assert_eq!(post(&no, "reject", Value::Null).await.expect(200).text("/state"), "cancelled");
        assert_eq!(post(&never, "cancel", Value::Null).await.expect(200).text("/state"), "cancelled");
        for what in ["approve", "reject"] {
            assert_eq!(post(&no, what, Value::Null).await.expect(409).text("/code"), "nothing_to_decide");
        }
    })
    .await;
}

#[tokio::test]
async fn runs_are_listed_and_seen_only_by_those_who_reach_them() {
    on_each_server(|server| async move {
        let (acme, other) = (server.organization("Acme").await, server.organization("Other").await);
        let run = server.begin_run(&acme, "reconcile").await;
        server.run_in(&run, "succeeded").await;
        let second = server.begin_run(&acme, "reconcile").await;
        let theirs = server.begin_run(&other, "reconcile").await;
        for id in [&second, &theirs] {
            server.run_in(id, "succeeded").await;
        }
        let list = |query: String| {
            let server = &server;
            async move {
                let found = server.api("GET", &format!("/sync_runs?{query}"), Value::Null).await.expect(200);
                let ids: Vec<String> =
                    found.body["data"].as_array().unwrap().iter().map(|run| run["id"].to_string()).collect();
                ids.iter().map(|id| id.trim_matches('"').to_owned()).collect::<Vec<_>>()
            }
        };
        assert_eq!(list(format!("organization_id={acme}")).await, [second.clone(), run.clone()]);
        assert_eq!(list(format!("organization_id={acme}&after={second}")).await, std::slice::from_ref(&run));
        assert_eq!(list(format!("organization_id={acme}&state=succeeded&kind=reconcile,guard")).await.len(), 2);
        assert!(list("state=failed".to_owned()).await.is_empty());
        assert!(list("kind=guard".to_owned()).await.is_empty());
        assert_eq!(list(String::new()).await.len(), 3);
        for bad in ["state=planned", "kind=repair"] {
            server.api("GET", &format!("/sync_runs?{bad}"), Value::Null).await.expect(422);
        }

        let key = async |role: &str| {
            let body = json!({"name": "Other's", "organization_id": other, "role": role});
            server.api("POST", "/api_keys", body).await.expect(201).text("/key")
        };
        let (admin, reader) = (key("admin").await, key("read").await);
        let body = json!({"organization_id": acme, "kind": "reconcile"});
        server.api_with(&admin, "POST", "/sync_runs", body).await.expect(404);
        for (method, path) in
            [("GET", ""), ("GET", "/effects"), ("POST", "/cancel"), ("POST", "/approve"), ("POST", "/reject")]
        {
            let path = format!("/sync_runs/{run}{path}");
            server.api_with(&admin, method, &path, Value::Null).await.expect(404);
        }
        assert_eq!(
            server.api_with(&admin, "GET", "/sync_runs", Value::Null).await.expect(200).text("/data/0/id"),
            theirs
        );
        server.api_with(&reader, "GET", &format!("/sync_runs/{theirs}"), Value::Null).await.expect(200);
        server.api_with(&reader, "POST", "/sync_runs", json!({"kind": "reconcile"})).await.expect(403);
        server.api_with(&reader, "POST", &format!("/sync_runs/{theirs}/cancel"), Value::Null).await.expect(403);

        for kind in ["guard", "everything"] {
            let body = json!({"organization_id": acme, "kind": kind});
            let refused = server.api("POST", "/sync_runs", body).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), "kind");
        }
        server.api("POST", "/sync_runs", json!({"organization_id": acme})).await.expect(422);
        server.api("GET", "/sync_runs/run_1", Value::Null).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_chunk_that_fails_leaves_the_run_where_it_was() {
    on_each_server(|server| async move {
        let (directory, crowd) = mapped(&server, 1).await;
        let mut turn = begin_and_take(&server, &directory.organization, users(&crowd)).await;
        let before = turn.run().clone();
        let came = turn.chunk(&server.server.app, |change, run| {
            Box::pin(async move {
                run.progress.done = 7;
                change.emit("group.created", json!({}));
                Err(Error::Forbidden("on purpose".to_owned()))
            })
        });
        assert!(matches!(came.await, Err(Error::Forbidden(_))));
        assert_eq!(turn.run(), &before);
        assert_eq!(server.run(&before.id.to_string()).await.at("/progress/done"), &json!(0));
        assert_eq!(fine(step(&server.server.app, &mut turn).await), Step::Over);
    })
    .await;
}

#[tokio::test]
async fn the_rate_is_told_by_the_clock() {
    on_each_database(|url| async move {
        let clock = clock();
        let server = TestServer::start_at(&url, clock.clone()).await;
        let (directory, crowd) = mapped(&server, PEOPLE + 50).await;
        let mut turn = begin_and_take(&server, &directory.organization, users(&crowd)).await;
        assert_eq!(fine(step(&server.server.app, &mut turn).await), Step::More);
        clock.advance(Duration::seconds(4));
        let run = server.run(&turn.run().id.to_string()).await;
        let rate = f64::from(u32::try_from(PEOPLE).unwrap()) / 4.0;
        let (total, remaining) = (PEOPLE + 50, (50.0 / rate).ceil());
        let progress = json!({"done": PEOPLE, "total": total, "rate_per_second": rate, "remaining_seconds": remaining});
        assert_eq!(run.at("/progress"), &progress);
        assert_eq!(fine(step(&server.server.app, &mut turn).await), Step::Over);
        server.server.stop().await;
    })
    .await;
}
