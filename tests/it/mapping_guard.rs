//! The guard: a slip in the directory cannot empty a company. Leavers never wait.

use muster::domain::origin::Ending;
use muster::store::directories;
use serde_json::{Value, json};

use super::support::native::native;
use super::support::runs::{change, fine};
use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

/// A directory that may take something away from two memberships an hour, with five people in a mirrored group.
async fn scene(server: &TestServer) -> (TestDirectory, Vec<String>, String) {
    let organization = server.organization("Acme").await;
    let settings = json!({"guard": {"minimum": 2, "percent": 10}});
    let directory = server.directory_in(&organization, settings).await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "carl", "dora", "eve"] {
        people.push(directory.user(&format!("{name}@x.example")).await);
    }
    let members: Vec<&str> = people.iter().map(String::as_str).collect();
    let group = directory.group("Eng", &members).await;
    server.rule(&organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
    (directory, people, group)
}

async fn parked(server: &TestServer, directory: &TestDirectory) -> Option<Answer> {
    let path = format!("/sync_runs?organization_id={}&kind=guard&state=awaiting_approval", directory.organization);
    let runs = server.api("GET", &path, Value::Null).await.expect(200);
    let id = runs.body["data"].get(0)?["id"].as_str()?.to_owned();
    Some(server.api("GET", &format!("/sync_runs/{id}/effects?limit=100"), Value::Null).await.expect(200))
}

fn persons(effects: &Answer) -> Vec<String> {
    let mut all: Vec<String> =
        effects.body["data"].as_array().unwrap().iter().map(|e| e["person"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

#[tokio::test]
async fn above_the_allowance_removals_are_parked_by_name_and_the_provider_keeps_its_2xx() {
    on_each_server(|server| async move {
        let (directory, _, group) = scene(&server).await;
        directory.patch(&format!("/Groups/{group}"), json!([{"op": "remove", "path": "members"}])).await.expect(204);
        // Two pass, in the order of memberships; three wait. The facts are what was sent.
        let read = directory.scim("GET", &format!("/Groups/{group}"), Value::Null).await.expect(200);
        assert_eq!(read.body.get("members"), None);
        let waiting = parked(&server, &directory).await.expect("a run that waits");
        assert_eq!(persons(&waiting).len(), 3);
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), [format!("Eng: {}", persons(&waiting).join(", "))]);
        assert_eq!(waiting.text("/data/0/rules/0/key"), "teams");
        assert!(waiting.text("/data/0/cause").starts_with("request_"));
    })
    .await;
}

#[tokio::test]
async fn a_storm_of_single_removals_counts_as_one() {
    on_each_server(|server| async move {
        let (directory, people, group) = scene(&server).await;
        for person in &people {
            let remove = json!([{"op": "remove", "path": format!("members[value eq \"{person}\"]")}]);
            directory.patch(&format!("/Groups/{group}"), remove).await.expect(204);
        }
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), ["Eng: carl@x.example, dora@x.example, eve@x.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_parked_removal_vanishes_when_the_person_is_added_again() {
    on_each_server(|server| async move {
        let (directory, people, group) = scene(&server).await;
        directory.patch(&format!("/Groups/{group}"), json!([{"op": "remove", "path": "members"}])).await.expect(204);
        let back: Vec<Value> = people.iter().map(|id| json!({"value": id})).collect();
        let add = json!([{"op": "add", "path": "members", "value": back}]);
        directory.patch(&format!("/Groups/{group}"), add).await.expect(204);
        assert!(parked(&server, &directory).await.is_none());
        let after = native(&server, &directory.organization).await;
        assert_eq!(
            after.groups(),
            ["Eng: ann@x.example, bob@x.example, carl@x.example, dora@x.example, eve@x.example"]
        );
    })
    .await;
}

#[tokio::test]
async fn approved_removals_happen_and_rejected_ones_stay_held() {
    on_each_server(|server| async move {
        let (directory, _, group) = scene(&server).await;
        directory.patch(&format!("/Groups/{group}"), json!([{"op": "remove", "path": "members"}])).await.expect(204);
        let waiting = parked(&server, &directory).await.expect("a run that waits");
        let run = waiting.text("/data/0/run_id");
        let of = |person: &str| -> Vec<Value> {
            let all = waiting.body["data"].as_array().unwrap().iter();
            all.filter(|effect| effect["person"] == person).map(|effect| effect["id"].clone()).collect()
        };
        let persons = persons(&waiting);
        let [approved, rejected, last] = persons.as_slice() else { panic!("three wait: {persons:?}") };
        let body = json!({"effects": of(approved)});
        server.api("POST", &format!("/sync_runs/{run}/approve"), body).await.expect(200);
        let body = json!({"effects": of(rejected)});
        server.api("POST", &format!("/sync_runs/{run}/reject"), body).await.expect(200);
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), [format!("Eng: {rejected}, {last}")]);
        server.api("POST", &format!("/sync_runs/{run}/approve"), Value::Null).await.expect(200);
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), [format!("Eng: {rejected}")]);
        assert!(after.people().contains(&format!("{rejected} active member")));
        assert!(after.people().contains(&format!("{last} inactive member")));
    })
    .await;
}

#[tokio::test]
async fn leavers_never_wait() {
    on_each_server(|server| async move {
        let (directory, people, _) = scene(&server).await;
        for person in &people {
            let off = json!([{"op": "replace", "path": "active", "value": false}]);
            directory.patch(&format!("/Users/{person}"), off).await.expect(200);
        }
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), ["Eng: "]);
        assert!(after.people().iter().all(|person| person.contains(" inactive ")));
        assert!(parked(&server, &directory).await.is_none(), "a suspension is no loss");
    })
    .await;
}

#[tokio::test]
async fn the_deleted_are_suspended_at_once_and_only_the_end_of_what_they_had_waits() {
    on_each_server(|server| async move {
        let (directory, people, _) = scene(&server).await;
        for person in &people {
            directory.scim("DELETE", &format!("/Users/{person}"), Value::Null).await.expect(204);
        }
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), ["Eng: "]);
        assert!(after.people().iter().all(|person| person.contains(" inactive ")));
        let waiting = parked(&server, &directory).await.expect("a run that waits");
        assert_eq!(persons(&waiting).len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_group_counts_its_members_and_its_mirror_goes_once_all_is_approved() {
    on_each_server(|server| async move {
        let (directory, _, group) = scene(&server).await;
        directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        let waiting = parked(&server, &directory).await.expect("a run that waits");
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), [format!("Eng: {}", persons(&waiting).join(", "))]);
        // Somebody else cannot take the name meanwhile.
        directory.group("Eng", &[]).await;
        assert_eq!(native(&server, &directory.organization).await.groups().len(), 1);
        let run = waiting.text("/data/0/run_id");
        server.api("POST", &format!("/sync_runs/{run}/approve"), Value::Null).await.expect(200);
        assert_eq!(native(&server, &directory.organization).await.groups(), ["Eng: "], "the new one");
    })
    .await;
}

#[tokio::test]
async fn what_a_plan_takes_from_many_waits_for_an_approval_and_then_happens() {
    on_each_server(|server| async move {
        let (directory, _, _) = scene(&server).await;
        let organization = &directory.organization;
        let rules = server.api("GET", &format!("/mapping_rules?organization_id={organization}"), Value::Null).await;
        let rule = rules.text("/data/0/id");
        let refused = server.api("DELETE", &format!("/mapping_rules/{rule}"), Value::Null).await.expect(409);
        assert_eq!(refused.text("/code"), "guard_would_park");
        assert_eq!(refused.at("/plan/guard/directories/0/losing"), 5);
        assert_eq!(refused.at("/plan/guard/directories/0/allowance"), 2);
        let plan = refused.text("/plan/id");
        let run = server.api("POST", &format!("/mapping_plans/{plan}/apply"), Value::Null).await.expect(200);
        assert_eq!(run.text("/state"), "awaiting_approval");
        assert_eq!(native(&server, organization).await.groups().len(), 1);
        let run = run.text("/id");
        server.api("POST", &format!("/sync_runs/{run}/approve"), Value::Null).await.expect(200);
        server.run_in(&run, "succeeded").await;
        let after = native(&server, organization).await;
        assert_eq!(after.groups(), Vec::<String>::new());
        assert!(after.people().iter().all(|person| person.contains(" inactive ")), "{:?}", after.people());
        let rules = server.api("GET", &format!("/mapping_rules?organization_id={organization}"), Value::Null).await;
        assert_eq!(rules.at("/data"), &json!([]));
    })
    .await;
}

#[tokio::test]
async fn what_a_directory_that_is_being_removed_gave_is_not_held_by_requests_of_another() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let strict = json!({"guard": {"minimum": 0, "percent": 0}});
        let leaving = server.directory_in(&organization, strict).await;
        let members = [leaving.user("ann@x.example").await, leaving.user("bob@x.example").await];
        leaving.group("Eng", &[&members[0], &members[1]]).await;
        server.rule(&organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        let staying = server.directory_in(&organization, json!({})).await;
        let ann = staying.user("ann@x.example").await;
        staying.group("Design", &[&ann]).await;

        // Its removal is in force, and the run that brings it into effect has not come to anybody yet.
        let id = leaving.id.parse().unwrap();
        let marked = change(&server.server.app, &organization, move |change| {
            Box::pin(async move {
                let mut directory = directories::find(change.tx, Some(change.organization), id).await?.unwrap();
                directory.leaving = Some(Ending::Retract);
                directories::update(change.tx, &directory).await
            })
        });
        fine(marked.await);
        staying.scim("DELETE", &format!("/Users/{ann}"), Value::Null).await.expect(204);
        assert!(parked(&server, &leaving).await.is_none());
        assert_eq!(native(&server, &organization).await.groups()[..], ["Design: ", "Eng: bob@x.example"]);
    })
    .await;
}
