//! Plans: what changes would do, by name; applied exactly, or refused as stale.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

async fn plan(server: &TestServer, directory: &TestDirectory, changes: Value) -> Answer {
    let body = json!({"organization_id": directory.organization, "changes": changes});
    server.api("POST", "/mapping_plans", body).await.expect(201)
}

/// The effects of a plan as `kind who what`, sorted.
async fn effects(server: &TestServer, plan: &Answer) -> Vec<String> {
    let path = format!("{}?limit=100", plan.text("/effects_url"));
    let page = server.api("GET", &path, Value::Null).await.expect(200);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> = page.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| {
            let target = &effect["target"];
            let what = [&effect["name"], &target["name"], &target["slug"]].into_iter().find(|v| v.is_string());
            let told = [word(&effect["kind"]), word(&effect["person"]["email"]), what.map(word).unwrap_or_default()];
            told.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    all.sort();
    all
}

async fn rules(server: &TestServer, directory: &TestDirectory) -> Answer {
    let path = format!("/mapping_rules?organization_id={}", directory.organization);
    server.api("GET", &path, Value::Null).await.expect(200)
}

async fn apply(server: &TestServer, plan: &Answer) -> Answer {
    server.api("POST", &format!("/mapping_plans/{}/apply", plan.text("/id")), Value::Null).await
}

fn teams(name: &str) -> Value {
    json!({"save": {"key": "teams", "when": {"group": "displayName sw \"eng-\""}, "then": [{"mirror_group": {"name": name}}]}})
}

#[tokio::test]
async fn a_plan_names_who_gains_what_and_changes_nothing_until_it_is_applied() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let (ann, bob) = (directory.user("ann@x.example").await, directory.user("bob@x.example").await);
        directory.group("eng-ios", &[&ann]).await;
        directory.group("eng-web", &[&ann, &bob]).await;

        let plan = plan(&server, &directory, json!([teams("{{ group.displayName | upper }}")])).await;
        assert_eq!(plan.at("/totals/group_created"), 2);
        assert_eq!(plan.at("/totals/member_added"), 3);
        assert_eq!(plan.at("/totals/people"), 2);
        assert_eq!(plan.at("/guard/verdict"), "pass");
        let expected = [
            "group_created ENG-IOS",
            "group_created ENG-WEB",
            "member_added ann@x.example ENG-IOS",
            "member_added ann@x.example ENG-WEB",
            "member_added bob@x.example ENG-WEB",
            "membership_created ann@x.example",
            "membership_created bob@x.example",
            "role_added ann@x.example member",
            "role_added bob@x.example member",
            "rule_applied",
            "rule_saved",
        ];
        assert_eq!(effects(&server, &plan).await, expected);
        assert_eq!(native(&server, &directory.organization).await.people(), Vec::<String>::new());

        let run = apply(&server, &plan).await.expect(200);
        assert_eq!((run.text("/state"), run.text("/plan_id")), ("succeeded".to_owned(), plan.text("/id")));
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.groups(), ["ENG-IOS: ann@x.example", "ENG-WEB: ann@x.example, bob@x.example"]);
        assert_eq!(apply(&server, &plan).await.expect(409).text("/code"), "plan_applied");
    })
    .await;
}

#[tokio::test]
async fn a_plan_names_losses_with_the_rules_that_gave_them() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ann = directory.user("ann@x.example").await;
        directory.group("eng-ios", &[&ann]).await;
        let first = plan(&server, &directory, json!([teams("{{ group.displayName }}")])).await;
        apply(&server, &first).await.expect(200);

        let plan = plan(&server, &directory, json!([{"delete": {"rule": "teams"}}])).await;
        let expected = [
            "group_deleted eng-ios",
            "member_removed ann@x.example eng-ios",
            "membership_deactivated ann@x.example",
            "rule_deleted",
        ];
        assert_eq!(effects(&server, &plan).await, expected);
        let path = format!("{}?kind=member_removed", plan.text("/effects_url"));
        let removed = server.api("GET", &path, Value::Null).await.expect(200);
        assert_eq!(removed.text("/data/0/rules/0/key"), "teams");
        apply(&server, &plan).await.expect(200);
        let after = native(&server, &directory.organization).await;
        assert_eq!((after.groups(), after.people()), (vec![], vec!["ann@x.example inactive member".to_owned()]));
        let rules = rules(&server, &directory).await;
        assert_eq!(rules.at("/data"), &json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_plan_whose_effects_have_moved_is_refused_and_says_what_moved() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let (ann, bob) = (directory.user("ann@x.example").await, directory.user("bob@x.example").await);
        let group = directory.group("eng-ios", &[&ann]).await;
        let plan = plan(&server, &directory, json!([teams("{{ group.displayName }}")])).await;
        let swap = json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")},
            {"op": "add", "path": "members", "value": [{"value": bob}]}]);
        directory.patch(&format!("/Groups/{group}"), swap).await.expect(204);

        let refused = apply(&server, &plan).await.expect(409);
        assert_eq!(refused.text("/code"), "plan_stale");
        let emails = |list: &str| -> Vec<String> {
            let all = refused.at(list).as_array().unwrap();
            let mut all: Vec<String> =
                all.iter().filter_map(|effect| effect["person"]["email"].as_str().map(str::to_owned)).collect();
            all.dedup();
            all
        };
        assert_eq!(
            (emails("/appeared"), emails("/vanished")),
            (vec!["bob@x.example".into()], vec!["ann@x.example".into()])
        );
        assert_eq!(native(&server, &directory.organization).await.people(), Vec::<String>::new());
        let rules = rules(&server, &directory).await;
        assert_eq!(rules.at("/data"), &json!([]));
    })
    .await;
}

#[tokio::test]
async fn what_moves_without_changing_the_effects_leaves_a_plan_good() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ann = directory.user("ann@x.example").await;
        directory.group("eng-ios", &[&ann]).await;
        let plan = plan(&server, &directory, json!([teams("{{ group.displayName }}")])).await;
        directory.user("carl@x.example").await;
        apply(&server, &plan).await.expect(200);
        assert_eq!(native(&server, &directory.organization).await.groups(), ["eng-ios: ann@x.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_plan_of_nothing_has_no_effects() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ann = directory.user("ann@x.example").await;
        directory.group("eng-ios", &[&ann]).await;
        let made = plan(&server, &directory, json!([teams("{{ group.displayName }}")])).await;
        apply(&server, &made).await.expect(200);
        for changes in [json!([teams("{{ group.displayName }}")]), json!([{"reconcile": {}}])] {
            let plan = plan(&server, &directory, changes).await;
            assert_eq!(plan.at("/totals"), &json!({"people": 0}));
        }
    })
    .await;
}

#[tokio::test]
async fn several_changes_are_planned_together_and_applied_in_one() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ann = directory.user("ann@x.example").await;
        directory.group("eng-ios", &[&ann]).await;
        let admin = json!({"save": {"key": "admins", "when": {"user": "userName sw \"ann\""}, "then": [{"grant_role": {"role": "admin"}}]}});
        let changes = json!([teams("{{ group.displayName }}"), admin, {"reorder": {"rules": ["admins", "teams"]}}]);
        let plan = plan(&server, &directory, changes).await;
        assert_eq!(plan.at("/totals/role_added"), 1);
        apply(&server, &plan).await.expect(200);
        let after = native(&server, &directory.organization).await;
        assert_eq!(after.people(), ["ann@x.example active admin"]);
        let rules = rules(&server, &directory).await;
        assert_eq!((rules.text("/data/0/key"), rules.text("/data/1/key")), ("admins".to_owned(), "teams".to_owned()));
        assert_eq!(rules.at("/data/0/applied_version"), rules.at("/data/0/version"));
    })
    .await;
}

#[tokio::test]
async fn a_mistake_in_a_change_names_its_place() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let other = server.directory().await;
        let there = server
            .rule(&other.organization, "theirs", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}]))
            .await;
        let cases = [
            (json!([]), "changes"),
            (json!([{"nonsense": {}}]), "changes[0]"),
            (json!([{"reconcile": {}}, {"apply": {"rule": "nobody"}}]), "changes[1]"),
            (json!([{"apply": {"rule": there.text("/id")}}]), "changes[0]"),
            (
                json!([{"save": {"key": "k", "when": {"user": "nope eq 1"}, "then": [{"ensure_membership": {}}]}}]),
                "changes[0].when.user",
            ),
            (json!([{"remove_directory": {"directory_id": other.id}}]), "changes[0]"),
            (json!([{"resume_directory": {"directory_id": directory.id}}]), "changes[0].resume_directory.directory_id"),
        ];
        for (changes, field) in cases {
            let body = json!({"organization_id": directory.organization, "changes": changes});
            let refused = server.api("POST", "/mapping_plans", body).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), field, "{changes}");
        }
        server.api("GET", "/mapping_plans/plan_01J0000000000000000000000A", Value::Null).await.expect(404);
    })
    .await;
}
