//! Roles of native groups: whoever is effectively in the group holds them, and nobody else by it.

use muster::domain::Clock;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::explain::{by_hand, membership, native_group, why};
use super::support::native::native;
use super::support::openai::{Desk, refusal};
use super::support::scim::user;
use super::support::server::{TestDirectory, TestServer, on_each_server};

const NONE: Value = Value::Null;

/// A directory with everybody a member by the rule `all`, and the group `ops` of it in the native group "Ops".
async fn scene(server: &TestServer) -> (TestDirectory, String) {
    let directory = server.directory().await;
    let organization = directory.organization.clone();
    server.rule(&organization, "all", json!({"user": "userName pr"}), json!([{"ensure_membership": {}}])).await;
    let group = by_hand(server, &organization, "Ops").await;
    let into = json!([{"into_group": {"group_id": group}}]);
    server.rule(&organization, "ops", json!({"group": "displayName eq \"ops\""}), into).await;
    (directory, group)
}

async fn people(server: &TestServer, directory: &TestDirectory) -> Vec<String> {
    native(server, &directory.organization).await.people()
}

#[tokio::test]
async fn whoever_is_in_a_group_holds_its_roles_while_they_are_in_it() {
    on_each_server(|server| async move {
        let (directory, group) = scene(&server).await;
        let desk = Desk::of(&server, &directory.organization).await;
        let ada = directory.user("ada@acme.example").await;
        let bo = directory.user("bo@acme.example").await;
        let ops = directory.group("ops", &[&ada]).await;
        let role = desk.role("Deployer").await;
        let before = desk.get("/roles").await;
        assert!(!before.headers.contains_key("muster-revision"));

        let path = format!("/groups/{group}/roles");
        let assigned = desk.post(&path, json!({"role_id": role})).await;
        assert_eq!(
            people(&server, &directory).await,
            ["ada@acme.example active deployer", "bo@acme.example active member"]
        );
        // Again: nothing changes and nothing is told.
        let again = desk.post(&path, json!({"role_id": role})).await;
        assert_eq!(
            (&again.body, &again.headers["muster-revision"]),
            (&assigned.body, &assigned.headers["muster-revision"])
        );

        let join = json!([{"op": "add", "path": "members", "value": [{"value": bo}]},
            {"op": "remove", "path": format!("members[value eq \"{ada}\"]")}]);
        directory.patch(&format!("/Groups/{ops}"), join).await.expect(204);
        assert_eq!(
            people(&server, &directory).await,
            ["ada@acme.example active member", "bo@acme.example active deployer"]
        );
        assert_eq!(desk.drift().await, json!({}));

        let gone = desk.delete(&format!("{path}/{role}")).await;
        assert_eq!(gone.body, json!({"object": "group.role.deleted", "deleted": true}));
        assert_eq!(
            people(&server, &directory).await,
            ["ada@acme.example active member", "bo@acme.example active member"]
        );
        assert_eq!(refusal(&desk.call("DELETE", &format!("{path}/{role}"), NONE).await, 404), "not_found");
        assert_eq!(desk.drift().await, json!({}));
    })
    .await;
}

#[tokio::test]
async fn one_event_tells_each_member_of_the_role_and_none_tells_anybody_else() {
    on_each_server(|server| async move {
        let (directory, group) = scene(&server).await;
        let desk = Desk::of(&server, &directory.organization).await;
        let mut members = Vec::new();
        for n in 0..4 {
            members.push(directory.user(&format!("p{n}@acme.example")).await);
        }
        let members: Vec<&str> = members.iter().take(3).map(String::as_str).collect();
        directory.group("ops", &members).await;
        let role = desk.role("Deployer").await;
        let revision = |answer: &super::support::server::Answer| -> i64 {
            answer.headers["muster-revision"].to_str().unwrap().parse().unwrap()
        };
        let made = desk.post("/roles", json!({"role_name": "Other", "permissions": []})).await;
        let assigned = desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        assert_eq!(revision(&assigned) - revision(&made), 3, "one per member");
        let other = made.text("/id");
        let second = desk.post(&format!("/groups/{group}/roles"), json!({"role_id": other})).await;
        assert_eq!(revision(&second) - revision(&assigned), 3);
        let first_gone = desk.delete(&format!("/groups/{group}/roles/{role}")).await;
        assert_eq!(revision(&first_gone) - revision(&second), 3);
    })
    .await;
}

#[tokio::test]
async fn a_suspended_person_is_in_no_group_and_has_no_role_by_one() {
    on_each_server(|server| async move {
        let (directory, group) = scene(&server).await;
        let desk = Desk::of(&server, &directory.organization).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("ops", &[&ada]).await;
        let role = desk.role("Deployer").await;
        desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        let emails = json!([{"value": "ada@acme.example", "primary": true}]);
        for (active, expected) in
            [(false, "ada@acme.example inactive member"), (true, "ada@acme.example active deployer")]
        {
            let body = user("ada@acme.example", json!({"active": active, "emails": emails}));
            directory.scim("PUT", &format!("/Users/{ada}"), body).await.expect(200);
            assert_eq!(people(&server, &directory).await, [expected]);
            assert_eq!(desk.drift().await, json!({}));
        }
    })
    .await;
}

#[tokio::test]
async fn a_mirror_has_roles_like_any_group_and_takes_them_along_when_it_goes() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "userName pr"}), json!([{"ensure_membership": {}}])).await;
        server.rule(organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        let desk = Desk::of(&server, organization).await;
        let ada = directory.user("ada@acme.example").await;
        let source = directory.group("Platform", &[&ada]).await;
        let group = native_group(&server, organization, "Platform").await;
        let role = desk.role("Deployer").await;
        let assigned = desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        assert_eq!(*assigned.at("/group/scim_managed"), json!(true));
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active deployer"]);
        assert_eq!(desk.drift().await, json!({}));

        directory.scim("DELETE", &format!("/Groups/{source}"), NONE).await.expect(204);
        assert_eq!(native(&server, organization).await.groups(), [""; 0]);
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active member"]);
        assert_eq!(desk.drift().await, json!({}));
        // Nothing refers to the role any more.
        desk.delete(&format!("/roles/{role}")).await;
    })
    .await;
}

#[tokio::test]
async fn an_exclusion_takes_the_role_with_the_group_and_not_by_itself() {
    on_each_server(|server| async move {
        let (directory, group) = scene(&server).await;
        let organization = &directory.organization;
        let desk = Desk::of(&server, organization).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("ops", &[&ada]).await;
        let role = desk.role("Deployer").await;
        desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        let when = || json!({"user": "userName sw \"ada\""});
        let out = server.rule(organization, "out", when(), json!([{"exclude": {"role": "deployer"}}])).await.text("/id");
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active deployer"], "a role by a group stays");
        let then = json!({"then": [{"exclude": {"group_id": group}}], "apply": true});
        server.api("PATCH", &format!("/mapping_rules/{out}"), then).await.expect(200);
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active member"]);
        let id = membership(&server, organization, "ada@acme.example").await;
        let answer = why(&server, &id, "role_slug", "deployer").await;
        assert_eq!(answer.at("/verdict"), "excluded");
        assert_eq!(
            answer.text("/sentence"),
            "ada@acme.example does not hold the role deployer: something gives it, but the rule out (version 2) excludes \
             them."
        );
        assert_eq!(desk.drift().await, json!({}));
    })
    .await;
}

#[tokio::test]
async fn a_plan_tells_who_gains_and_loses_a_role_with_a_group() {
    on_each_server(|server| async move {
        let (directory, group) = scene(&server).await;
        let organization = &directory.organization;
        let desk = Desk::of(&server, organization).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("dev", &[&ada]).await;
        let role = desk.role("Deployer").await;
        desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        let then = json!([{"into_group": {"group_id": group}}]);
        let save = json!({"save": {"key": "dev", "when": {"group": "displayName eq \"dev\""}, "then": then}});
        let body = json!({"organization_id": organization, "changes": [save]});
        let plan = server.api("POST", "/mapping_plans", body).await.expect(201);
        let totals = plan.at("/totals");
        let counts = (&totals["member_added"], &totals["role_added"], &totals["role_removed"]);
        assert_eq!(counts, (&json!(1), &json!(1), &json!(1)), "the default role is held no more: {totals}");
        let path = format!("{}?kind=role_added", plan.text("/effects_url"));
        let effects = server.api("GET", &path, NONE).await.expect(200);
        assert_eq!(effects.at("/data/0/target/slug"), "deployer");
        assert_eq!(effects.at("/data/0/rules/0/key"), "dev", "by the rule that puts them into the group");
        server.api("POST", &format!("/mapping_plans/{}/apply", plan.text("/id")), NONE).await.expect(200);
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active deployer"]);
        assert_eq!(desk.drift().await, json!({}));
    })
    .await;
}

#[tokio::test]
async fn an_explanation_names_the_group_that_a_role_comes_with() {
    on_each_server(|server| async move {
        let (directory, group) = scene(&server).await;
        let organization = &directory.organization;
        let desk = Desk::of(&server, organization).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("ops", &[&ada]).await;
        let role = desk.role("Deployer").await;
        desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        let id = membership(&server, organization, "ada@acme.example").await;
        let answer = why(&server, &id, "role_slug", "deployer").await;
        assert_eq!((answer.at("/verdict"), answer.at("/why_total")), (&json!("yes"), &json!(1)), "{}", answer.body);
        assert_eq!(answer.at("/why/0/kind"), "group");
        assert_eq!(answer.at("/why/0/group"), &json!({"id": group, "name": "Ops"}));
        assert_eq!((answer.at("/why/0/rule/key"), answer.at("/why/0/directory_group/name")), (&json!("ops"), &json!("ops")));
        let primary = json!({"primary": true, "slug": "deployer", "decided_by": "group", "rule": null});
        assert_eq!(answer.at("/primary_role"), &primary);
        assert_eq!(
            answer.text("/sentence"),
            "ada@acme.example holds the role deployer because the group \"Ops\" has it, in which the rule ops (version 1) \
             puts them by the directory group \"ops\" of \"Test directory\"."
        );
        let default = why(&server, &id, "role_slug", "member").await;
        assert_eq!((default.at("/verdict"), default.at("/why")), (&json!("no"), &json!([])));
        assert_eq!(default.at("/primary_role/decided_by"), "group");

        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@acme.example", "active": false});
        directory.scim("PUT", &format!("/Users/{ada}"), body).await.expect(200);
        let answer = why(&server, &id, "role_slug", "deployer").await;
        assert_eq!((answer.at("/verdict"), answer.at("/primary_role/decided_by")), (&json!("suspended"), &json!("default")));
    })
    .await;
}

#[tokio::test]
async fn a_role_by_hand_goes_before_one_by_a_group_and_both_are_held() {
    on_each_server(|server| async move {
        let (directory, group) = scene(&server).await;
        let desk = Desk::of(&server, &directory.organization).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("ops", &[&ada]).await;
        let (deployer, auditor) = (desk.role("Deployer").await, desk.role("Auditor").await);
        for role in [&deployer, &auditor] {
            desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        }
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active deployer,auditor"], "by their ids");
        let id = desk.user("ada@acme.example").await;
        desk.post(&format!("/users/{id}/roles"), json!({"role_id": auditor})).await;
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active auditor,deployer"]);
        desk.delete(&format!("/groups/{group}/roles/{auditor}")).await;
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active auditor,deployer"], "by hand, still");
        desk.delete(&format!("/users/{id}/roles/{auditor}")).await;
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active deployer"]);
        assert_eq!(desk.drift().await, json!({}));
    })
    .await;
}

#[tokio::test]
async fn a_role_of_a_group_that_is_too_large_for_one_commit_comes_and_goes_by_a_run() {
    on_each_database(|url| async move {
        let server = TestServer::start_with(&url, Clock::System, |args| args.converge_budget = 3).await;
        let (directory, group) = scene(&server).await;
        let desk = Desk::of(&server, &directory.organization).await;
        let crowd = directory.crowd(5).await;
        let ops = directory.group("ops", &[]).await;
        for person in &crowd {
            let join = json!([{"op": "add", "path": "members", "value": [{"value": person}]}]);
            directory.patch(&format!("/Groups/{ops}"), join).await.expect(204);
        }
        let role = desk.role("Deployer").await;
        let path = format!("/groups/{group}/roles");
        let assigned = desk.post(&path, json!({"role_id": role})).await;
        let run = assigned.headers["muster-run"].to_str().unwrap();
        let over = server.run_in(run, "succeeded").await;
        let progress = (over.at("/progress/done"), over.at("/progress/total"));
        assert_eq!((over.at("/kind"), progress), (&json!("remainder"), (&json!(5), &json!(5))));
        let all = |role: &str| (0..5).map(|n| format!("p{n}@acme.example active {role}")).collect::<Vec<_>>();
        assert_eq!(people(&server, &directory).await, all("deployer"));
        assert_eq!(desk.drift().await, json!({}));
        let gone = desk.delete(&format!("{path}/{role}")).await;
        server.run_in(gone.headers["muster-run"].to_str().unwrap(), "succeeded").await;
        assert_eq!(people(&server, &directory).await, all("member"));
        assert_eq!(desk.drift().await, json!({}));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_group_takes_its_roles_along_and_its_name_does_not_bring_them_back() {
    on_each_server(|server| async move {
        let (directory, _) = scene(&server).await;
        let organization = &directory.organization;
        let desk = Desk::of(&server, organization).await;
        directory.user("ada@acme.example").await;
        let ada = desk.user("ada@acme.example").await;
        let (role, group) = (desk.role("Deployer").await, desk.group("Own").await);
        desk.post(&format!("/groups/{group}/users"), json!({"user_id": ada})).await;
        desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active deployer"]);
        desk.delete(&format!("/groups/{group}")).await;
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active member"]);
        let namesake = desk.group("Own").await;
        desk.post(&format!("/groups/{namesake}/users"), json!({"user_id": ada})).await;
        assert_eq!(people(&server, &directory).await, ["ada@acme.example active member"]);
        assert_eq!(desk.drift().await, json!({}));
        // An organization goes with the roles of its groups.
        desk.post(&format!("/groups/{namesake}/roles"), json!({"role_id": role})).await;
        let gone = server.api("DELETE", &format!("/organizations/{organization}"), NONE).await;
        assert!(gone.status.is_success(), "{}", gone.body);
        server.api("GET", &format!("/organizations/{organization}"), NONE).await.expect(404);
        assert_eq!(refusal(&desk.call("GET", "/groups", NONE).await, 401), "invalid_api_key");
    })
    .await;
}
