//! Parked effects: removals that wait for a decision, are approved, rejected, or vanish.

use std::collections::BTreeSet;

use muster::domain::Id;
use muster::domain::id::{DirectoryId, GroupId, MembershipId, OrganizationId, RunId};
use muster::domain::origin::{Kind, Origin, Target};
use muster::domain::run::{ClaimId, Run, RunState};
use muster::service::converge::{Scope, converge};
use muster::service::mapping::parked;
use muster::service::runs::{LEASE, PEOPLE, Step, Turn, step};
use muster::store::origins::{self, Made};
use muster::store::{self, walk};
use serde_json::{Value, json};

use super::support::native::native;
use super::support::runs::{change, fine};
use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

/// More than a chunk carries out.
const MANY: usize = PEOPLE + 30;

/// People whose membership of a native group is held by a guard, and by nothing else.
struct Held<'a> {
    server: &'a TestServer,
    directory: TestDirectory,
    memberships: Vec<MembershipId>,
    group: GroupId,
}

impl<'a> Held<'a> {
    async fn scene(server: &'a TestServer, people: usize, settings: Value) -> Held<'a> {
        let organization = server.organization("Acme").await;
        let directory = server.directory_in(&organization, settings).await;
        let everybody = json!([{"ensure_membership": {}}]);
        server.rule(&organization, "everybody", json!({"user": "active eq true"}), everybody).await;
        let path = format!("/organizations/{organization}/groups");
        let group = server.api("POST", &path, json!({"name": "Lab"})).await.expect(201).text("/id").parse().unwrap();
        directory.crowd(people).await;
        let id: OrganizationId = organization.parse().unwrap();
        let mut tx = server.server.app.db.read().await.unwrap();
        let memberships = fine(walk::memberships(&mut tx, id, Id::nil(), 10_000).await);
        Held { server, directory, memberships, group }
    }

    /// Does what a guard does: holds what would be lost, and parks it.
    async fn park(&self, memberships: &[MembershipId], targets: &[Target]) -> Run {
        let directory: DirectoryId = self.directory.id.parse().unwrap();
        let both: Vec<(MembershipId, Target)> =
            memberships.iter().flat_map(|membership| targets.iter().map(|target| (*membership, *target))).collect();
        let placed: Vec<origins::Placed> =
            both.iter().map(|(membership, target)| (*membership, held(*target))).collect();
        let scope = Scope::of_memberships(memberships.iter().copied());
        let parked = change(&self.server.server.app, &self.directory.organization, move |change| {
            let (placed, scope) = (placed.clone(), scope.clone());
            Box::pin(async move {
                let made = Made { cause: None, actor: "test", at: change.now };
                origins::insert(change.tx, change.organization, &placed, |_| 0, &made).await?;
                let run = parked::park(change, directory, &placed).await?;
                converge(change, scope).await?;
                Ok(run)
            })
        });
        fine(parked.await)
    }

    async fn park_all(&self) -> String {
        self.park(&self.memberships, &[Target::Group(self.group)]).await.id.to_string()
    }

    /// Approves all of a run for the test to work on, so that the server's worker never sees it unclaimed.
    async fn approve_and_take(&self, run: RunId) -> Turn {
        let (app, organization) = (&self.server.server.app, self.directory.organization.as_str());
        let now = app.clock.now();
        let begun = change(app, organization, move |change| {
            Box::pin(async move {
                let organization = change.organization;
                let mut found = store::runs::find(change.tx, Some(organization), run).await?.expect("it is there");
                found.state = RunState::Running;
                found.work = json!({"approve": "all", "approved_by": "key_of_an_admin"});
                store::runs::set_work(change.tx, &found).await?;
                store::runs::save(change.tx, &found, None, now).await?;
                let claim = ClaimId::mint(now);
                let claimed = store::runs::claim(change.tx, organization, run, claim, now, now + LEASE).await?;
                Ok(Turn::of(claimed.expect("nobody else has it"), claim))
            })
        });
        fine(begun.await)
    }

    async fn decide(&self, run: &str, what: &str, body: Value) -> Answer {
        self.server.api("POST", &format!("/sync_runs/{run}/{what}"), body).await
    }

    /// The ids of what a run gathered in a state, in the order in which it was parked.
    async fn effects(&self, run: &str, state: &str) -> Vec<String> {
        let path = format!("/sync_runs/{run}/effects?state={state}&order=asc&limit=100");
        let found = self.server.api("GET", &path, Value::Null).await.expect(200);
        found.body["data"].as_array().unwrap().iter().map(|effect| effect["id"].as_str().unwrap().to_owned()).collect()
    }

    async fn members(&self) -> i64 {
        let organization: OrganizationId = self.directory.organization.parse().unwrap();
        let mut tx = self.server.server.app.db.read().await.unwrap();
        let stmt = store::sql("SELECT COUNT(*) FROM group_memberships WHERE organization_id = $1 AND group_id = $2");
        let (count,): (i64,) = fine(tx.fetch_one(stmt.bind(organization).bind(self.group)).await);
        count
    }
}

fn held(target: Target) -> Origin {
    Origin { target, kind: Kind::Held, rule: None, directory_group: None, directory_user: None }
}

#[tokio::test]
async fn parked_removals_wait_with_names_until_somebody_approves_them() {
    on_each_server(|server| async move {
        let held = Held::scene(&server, 3, json!({})).await;
        let run = held.park_all().await;
        let seen = server.run(&run).await;
        assert_eq!((seen.text("/kind"), seen.text("/state")), ("guard".to_owned(), "awaiting_approval".to_owned()));
        assert_eq!(seen.text("/directory_id"), held.directory.id);
        assert_eq!((seen.at("/progress/done"), seen.at("/progress/total")), (&json!(0), &json!(3)));
        assert_eq!(held.members().await, 3, "nobody has left");

        let page =
            server.api("GET", &format!("/sync_runs/{run}/effects?limit=2&order=asc"), Value::Null).await.expect(200);
        let first = page.at("/data/0");
        assert_eq!((&first["object"], &first["kind"]), (&json!("parked_effect"), &json!("member_removed")));
        assert_eq!((&first["group_id"], &first["target"]), (&json!(held.group), &json!("Lab")));
        let person = first["person"].as_str().unwrap();
        assert!(person.starts_with('p') && person.ends_with("@acme.example"), "{first}");
        assert_eq!((&first["run_id"], &first["state"]), (&json!(run), &json!("parked")));
        assert_eq!(page.at("/data").as_array().unwrap().len(), 2);
        assert!(page.at("/list_metadata/after").is_string());

        let before = server.events(&held.directory.organization).await;
        let approved = held.decide(&run, "approve", Value::Null).await.expect(200);
        assert_eq!(approved.text("/state"), "succeeded");
        assert_eq!(approved.at("/effects"), &json!({"group.member_removed": 3}));
        assert_eq!((approved.at("/progress/done"), approved.at("/progress/total")), (&json!(3), &json!(3)));
        assert!(approved.headers.contains_key("muster-revision"));
        assert_eq!(held.members().await, 0);
        assert_eq!(server.event_names(&held.directory.organization).await[before..], ["group.member_removed"; 3]);
        let decided = server.api("GET", &format!("/sync_runs/{run}/effects"), Value::Null).await.expect(200);
        assert_eq!(
            (decided.text("/data/0/state"), decided.text("/data/0/decided_by")),
            ("approved".into(), "root".into())
        );
        assert_eq!(held.decide(&run, "approve", Value::Null).await.expect(409).text("/code"), "nothing_to_decide");
    })
    .await;
}

#[tokio::test]
async fn what_a_request_takes_from_too_many_is_parked_and_vanishes_when_it_is_given_back() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName sw \"eng-\""});
        server.rule(organization, "teams", when, json!([{"ensure_membership": {}}, {"mirror_group": {}}])).await;
        let people = directory.crowd(25).await;
        let members: Vec<&str> = people.iter().map(String::as_str).collect();
        let group = directory.group("eng-lab", &members).await;
        let path = format!("/Groups/{group}");
        directory.patch(&path, json!([{"op": "remove", "path": "members"}])).await.expect(204);
        let in_group = async || {
            let groups = native(&server, organization).await.groups();
            groups[0].matches('@').count()
        };
        assert_eq!(in_group().await, 5, "20 may go in an hour");
        let waiting = server.api("GET", "/sync_runs?state=awaiting_approval", Value::Null).await.expect(200);
        let run = waiting.text("/data/0/id");
        assert_eq!(waiting.text("/data/0/directory_id"), directory.id);
        let list = format!("/sync_runs/{run}/effects?state=parked&limit=100");
        let parked = server.api("GET", &list, Value::Null).await.expect(200);
        let first = parked.at("/data").as_array().unwrap().iter().find(|e| e["kind"] == "member_removed").unwrap();
        assert_eq!((&first["target"], &first["directory_group"]), (&json!("eng-lab"), &json!("eng-lab")));
        assert_eq!((&first["rules"][0]["key"], &first["directory_group_id"]), (&json!("teams"), &json!(group)));
        assert!(first["cause"].as_str().unwrap().starts_with("request_"), "{first}");

        let back = json!([{"op": "add", "path": "members", "value": [{"value": first["directory_user_id"]}]}]);
        directory.patch(&path, back).await.expect(204);
        let vanished = server.api("GET", &format!("/sync_runs/{run}/effects?state=vanished"), Value::Null).await;
        let mut kinds: Vec<String> =
            vanished.at("/data").as_array().unwrap().iter().map(|e| e["kind"].to_string()).collect();
        kinds.sort();
        assert_eq!(kinds, ["\"member_removed\"", "\"membership_deactivated\""]);
        assert!(vanished.at("/data/0/decided_by").is_null());

        let approved = server.api("POST", &format!("/sync_runs/{run}/approve"), Value::Null).await.expect(200);
        assert_eq!(
            (approved.text("/state"), approved.at("/effects/group.member_removed")),
            ("succeeded".into(), &json!(4))
        );
        assert_eq!((approved.at("/progress/done"), approved.at("/progress/total")), (&json!(10), &json!(10)));
        assert_eq!(in_group().await, 1, "the one who came back stays");
        // Why they no longer have it is on record, with who approved it.
        let id: OrganizationId = organization.parse().unwrap();
        let mut tx = server.server.app.db.read().await.unwrap();
        let stmt = store::sql("SELECT cause FROM ended_origins WHERE organization_id = $1 AND kind = 'held'");
        let causes: Vec<(String,)> = fine(tx.fetch_all(stmt.bind(id)).await);
        assert_eq!(causes.len(), 8, "a group and a membership each");
        assert!(causes.iter().all(|(cause,)| cause.contains("\"root\"")), "{causes:?}");
        let people = native(&server, organization).await.people();
        assert_eq!(people.iter().filter(|person| person.contains(" active ")).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_part_is_approved_another_rejected_and_a_rejected_one_approved_later() {
    on_each_server(|server| async move {
        let held = Held::scene(&server, 3, json!({})).await;
        let run = held.park_all().await;
        let ids = held.effects(&run, "parked").await;
        let none = held.decide(&run, "approve", json!({"effects": []})).await.expect(200);
        assert_eq!((none.text("/state"), held.members().await), ("awaiting_approval".to_owned(), 3));

        let some = held.decide(&run, "approve", json!({"effects": [ids[0]]})).await.expect(200);
        assert_eq!((some.text("/state"), some.at("/progress/done")), ("awaiting_approval".to_owned(), &json!(1)));
        assert_eq!(held.members().await, 2);
        let again = held.decide(&run, "approve", json!({"effects": [ids[0]]})).await.expect(200);
        assert_eq!(again.at("/progress/done"), &json!(1), "what was carried out is not carried out again");

        let rejected = held.decide(&run, "reject", json!({"effects": [ids[0]]})).await.expect(409);
        assert_eq!(rejected.text("/code"), "effect_approved");
        let rejected = held.decide(&run, "reject", Value::Null).await.expect(200);
        assert_eq!((rejected.text("/state"), rejected.at("/progress/done")), ("succeeded".to_owned(), &json!(3)));
        assert_eq!(held.effects(&run, "rejected").await, ids[1..]);
        assert_eq!(held.members().await, 2, "who was rejected stays");

        let later = held.decide(&run, "approve", json!({"effects": [ids[2]]})).await.expect(200);
        assert_eq!((later.text("/state"), later.at("/progress/done")), ("succeeded".to_owned(), &json!(3)));
        assert_eq!((held.members().await, held.effects(&run, "rejected").await), (1, vec![ids[1].clone()]));
        assert_eq!(held.decide(&run, "reject", Value::Null).await.expect(409).text("/code"), "nothing_to_decide");
    })
    .await;
}

#[tokio::test]
async fn many_are_carried_out_by_the_worker_in_chunks() {
    on_each_server(|server| async move {
        let held = Held::scene(&server, MANY, json!({})).await;
        let run = held.park_all().await;
        let going = held.decide(&run, "approve", Value::Null).await.expect(200);
        assert_eq!(going.text("/state"), "running");
        let done = server.run_in(&run, "succeeded").await;
        assert_eq!(done.at("/effects"), &json!({"group.member_removed": MANY}));
        assert_eq!((done.at("/progress/done"), held.members().await), (&json!(MANY), 0));

        // The same by naming them all, after they were rejected.
        let run = held.park_all().await;
        held.decide(&run, "reject", Value::Null).await.expect(200);
        let mut ids = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/sync_runs/{run}/effects?limit=100&after={after}");
            let page = server.api("GET", &path, Value::Null).await.expect(200);
            ids.extend(page.body["data"].as_array().unwrap().iter().map(|effect| effect["id"].clone()));
            match page.at("/list_metadata/after").as_str() {
                Some(next) => next.clone_into(&mut after),
                None => break,
            }
        }
        assert_eq!(ids.len(), MANY);
        assert_eq!(json!(held.members().await), json!(MANY));
        assert_eq!(held.decide(&run, "approve", json!({"effects": ids})).await.expect(200).text("/state"), "running");
        server.run_in(&run, "succeeded").await;
        assert_eq!(held.members().await, 0);
    })
    .await;
}

#[tokio::test]
async fn cancelling_a_large_approval_lets_the_rest_wait_again() {
    on_each_server(|server| async move {
        let held = Held::scene(&server, MANY, json!({})).await;
        let (app, first) = (&server.server.app, &held.memberships[..1]);
        let run = held.park(&held.memberships, &[Target::Group(held.group)]).await.id;
        let mut turn = held.approve_and_take(run).await;
        assert_eq!(fine(step(app, &mut turn).await), Step::More);
        assert_eq!(held.members().await, 30);
        let run = run.to_string();
        let asked = held.decide(&run, "cancel", Value::Null).await.expect(200);
        assert_eq!((asked.text("/state"), asked.at("/cancelling")), ("running".to_owned(), &json!(true)));
        assert_eq!(fine(step(app, &mut turn).await), Step::Over);
        let waits = server.run(&run).await;
        assert_eq!(
            (waits.text("/state"), waits.at("/progress/done")),
            ("awaiting_approval".to_owned(), &json!(PEOPLE))
        );
        assert_eq!((held.members().await, held.effects(&run, "parked").await.len()), (30, 30));
        assert_eq!(held.decide(&run, "cancel", Value::Null).await.expect(409).text("/code"), "run_awaits_decision");
        let by = server.api("GET", &format!("/sync_runs/{run}/effects?state=approved&limit=1"), Value::Null).await;
        assert_eq!(by.text("/data/0/decided_by"), "key_of_an_admin");

        // What a guard parks from now on comes to the same run.
        let more = held.park(first, &[Target::Group(held.group)]).await;
        let total = i64::try_from(MANY).unwrap() + 1;
        assert_eq!((more.id.to_string(), more.progress.total), (run, total));
    })
    .await;
}

#[tokio::test]
async fn what_is_parked_during_a_large_approval_is_not_approved_with_it() {
    on_each_server(|server| async move {
        let held = Held::scene(&server, MANY, json!({})).await;
        let lab = Target::Group(held.group);
        let first = held.park(&held.memberships[1..], &[lab]).await;
        let app = &server.server.app;
        let mut turn = held.approve_and_take(first.id).await;
        let second = held.park(&held.memberships[..1], &[lab]).await;
        assert_ne!(second.id, first.id);
        assert_eq!(fine(step(app, &mut turn).await), Step::More);
        // Cancelled now, what is left of the first goes to the run that gathers.
        held.decide(&first.id.to_string(), "cancel", Value::Null).await.expect(200);
        assert_eq!(fine(step(app, &mut turn).await), Step::Over);
        assert_eq!(server.run(&first.id.to_string()).await.text("/state"), "cancelled");
        let second = server.run(&second.id.to_string()).await;
        assert_eq!((second.text("/state"), second.at("/progress/total")), ("awaiting_approval".to_owned(), &json!(30)));
        assert_eq!(held.effects(&second.text("/id"), "parked").await.len(), 30);
    })
    .await;
}

#[tokio::test]
async fn a_parked_removal_vanishes_and_its_run_ends_with_the_last() {
    on_each_server(|server| async move {
        let held = Held::scene(&server, 2, json!({})).await;
        let lab = Target::Group(held.group);
        let run = held.park_all().await;
        assert_eq!(held.park(&held.memberships, &[lab]).await.progress.total, 2, "what waits is not parked twice");
        let ids = held.effects(&run, "parked").await;
        held.decide(&run, "reject", json!({"effects": [ids[0]]})).await.expect(200);
        let vanish = async |targets: Vec<(MembershipId, Target)>| {
            let vanished = change(&server.server.app, &held.directory.organization, move |change| {
                let targets = targets.clone();
                Box::pin(async move { parked::vanish(change, &targets).await })
            });
            fine(vanished.await);
        };
        vanish(vec![(held.memberships[0], lab), (held.memberships[0], Target::Membership)]).await;
        assert_eq!(server.run(&run).await.text("/state"), "awaiting_approval", "the other one waits");
        vanish(vec![(held.memberships[1], lab)]).await;
        let over = server.run(&run).await;
        assert_eq!((over.text("/state"), over.at("/progress/done")), ("succeeded".to_owned(), &json!(2)));
        assert_eq!(held.effects(&run, "vanished").await, ids);
        // There is nothing to approve in what has vanished, and the next removal begins a run of its own.
        held.decide(&run, "approve", json!({"effects": ids})).await.expect(200);
        assert_eq!(held.members().await, 2);
        assert_ne!(held.park_all().await, run);
    })
    .await;
}

/// Somebody is deleted while all that they have is held; answers how many memberships are left after the approval.
async fn left_after_a_deletion(server: &TestServer, settings: Value) -> usize {
    let held = Held::scene(server, 2, settings).await;
    let gone = held.memberships[0];
    let run = held.park(&[gone], &[Target::Group(held.group), Target::Membership]).await.id.to_string();
    let effects = server.api("GET", &format!("/sync_runs/{run}/effects"), Value::Null).await.expect(200);
    let kinds: BTreeSet<String> = (0..2).map(|at| effects.text(&format!("/data/{at}/kind"))).collect();
    assert_eq!(kinds, BTreeSet::from(["member_removed".to_owned(), "membership_deactivated".to_owned()]));

    let path = format!("/user_management/organization_memberships/{gone}");
    let email = server.api("GET", &path, Value::Null).await.expect(200).text("/user/email");
    let found = held.directory.search("Users", &format!("userName eq \"{email}\"")).await.expect(200);
    let person = found.text("/Resources/0/id");
    held.directory.scim("DELETE", &format!("/Users/{person}"), Value::Null).await.expect(204);
    let people = async || native(server, &held.directory.organization).await.people();
    assert_eq!(people().await.len(), 2, "the membership is held, if not active");
    assert_eq!(held.decide(&run, "approve", Value::Null).await.expect(200).text("/state"), "succeeded");
    people().await.len()
}

#[tokio::test]
async fn the_membership_of_a_deleted_person_goes_when_its_parked_end_is_approved() {
    on_each_server(|server| async move {
        assert_eq!(left_after_a_deletion(&server, json!({"deleted_people": "delete"})).await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_membership_of_a_deleted_person_stays_where_the_directory_only_deactivates() {
    on_each_server(|server| async move {
        assert_eq!(left_after_a_deletion(&server, json!({})).await, 2);
    })
    .await;
}

#[tokio::test]
async fn effects_are_decided_only_in_their_own_run_and_organization() {
    on_each_server(|server| async move {
        let held = Held::scene(&server, 2, json!({})).await;
        let run = held.park_all().await;
        let effect = &held.effects(&run, "parked").await[0];
        let other = server.organization("Other").await;
        let key = async |organization: &str, role: &str| {
            let body = json!({"name": "Key", "organization_id": organization, "role": role});
            server.api("POST", "/api_keys", body).await.expect(201).text("/key")
        };
        let (foreign, reader) = (key(&other, "admin").await, key(&held.directory.organization, "read").await);
        let path = format!("/sync_runs/{run}/approve");
        server.api_with(&foreign, "POST", &path, Value::Null).await.expect(404);
        server.api_with(&reader, "POST", &path, Value::Null).await.expect(403);
        let read = format!("/sync_runs/{run}/effects");
        assert_eq!(server.api_with(&reader, "GET", &read, Value::Null).await.expect(200).text("/data/1/id"), *effect);

        let reconcile = server.begin_run(&held.directory.organization, "reconcile").await;
        server.run_in(&reconcile, "succeeded").await;
        let body = json!({"effects": [effect]});
        assert_eq!(held.decide(&reconcile, "approve", body).await.expect(422).text("/errors/0/field"), "effects");
        let gathered = server.api("GET", &format!("/sync_runs/{reconcile}/effects"), Value::Null).await.expect(200);
        assert_eq!(gathered.at("/data"), &json!([]));
        for unknown in ["parked_01ARZ3NDEKTSV4RRFFQ69G5FAV", "group_01ARZ3NDEKTSV4RRFFQ69G5FAV", ""] {
            let body = json!({"effects": [effect, unknown]});
            assert_eq!(held.decide(&run, "approve", body).await.expect(404).text("/entity_id"), unknown);
        }
        held.decide(&run, "approve", json!({"effects": effect})).await.expect(422);
        server.api("GET", &format!("{read}?state=held"), Value::Null).await.expect(422);
        assert_eq!((held.members().await, held.effects(&run, "parked").await.len()), (2, 2), "nothing was decided");
    })
    .await;
}
