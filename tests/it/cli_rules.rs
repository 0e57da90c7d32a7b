//! Rules as code: the real binary, against a real server.

use serde_json::{Value, json};

use super::support::desk::Desk;
use super::support::native::native;
use super::support::server::on_each_server;

const TEAMS: &str = r#"
[[rule]]
key = "teams"

[rule.when]
group = 'displayName sw "eng-"'
capture = '^eng-(?<team>.+)$'

[[rule.then]]
mirror_group = { name = "{{ team | title }}" }
"#;

#[tokio::test]
async fn what_is_exported_is_what_is_in_force() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let organization = &desk.directory.organization;
        let path = format!("/organizations/{organization}/groups");
        let finance = server.api("POST", &path, json!({"name": "Finance \"F\""})).await.expect(201).text("/id");
        let pinned = desk.directory.group("Pinned", &[]).await;
        let when = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>.+)$",
            "user": "userType ne \"it's\"", "except_group": "displayName eq \"legal\\\\hold\""});
        let then = json!([{"mirror_group": {"name": "{{ team | title }}", "on_collision": "adopt", "on_delete": "keep"}},
            {"into_group": {"group_id": finance}}, {"grant_role": {"role": "admin"}}]);
        server.rule(organization, "everything", when, then).await;
        let made = server.api("POST", "/mapping_rules", json!({
            "organization_id": organization, "key": "pinned", "apply": true, "position": 3, "state": "frozen",
            "directory_id": desk.directory.id, "when": {"group_ids": [pinned]},
            "then": [{"exclude": {"group_id": finance}}, {"exclude": {}}, {"ensure_membership": {}}],
        }));
        let rule = made.await.expect(201).text("/id");
        // Saved and not in force: neither of it is what the export is about.
        server.api("PATCH", &format!("/mapping_rules/{rule}"), json!({"state": "active"})).await.expect(200);
        let idea = json!({"organization_id": organization, "key": "idea", "when": {"user": "title pr"}, "then": [{"ensure_membership": {}}]});
        server.api("POST", "/mapping_rules", idea).await.expect(201);

        desk.muster("rules export -o rules.toml").await.expect(0).says("2 rules in rules.toml");
        let written = std::fs::read_to_string(desk.path("rules.toml")).unwrap();
        assert!(written.starts_with("# The mapping rules of Test organization (org_"), "{written}");
        assert!(written.contains("directory = \"Test directory\"") && written.contains("# Pinned"), "{written}");
        assert!(written.contains("group = 'Finance \"F\"'"), "{written}");
        desk.muster("plan -f rules.toml").await.expect(0).says("Nothing to do");
        desk.muster("plan --prune").await.expect(0).says("idea  saved and never applied");
        let plan = desk.muster("plan --json").await.expect(0).json();
        assert_eq!((&plan["plan"], &plan["never_applied"]), (&Value::Null, &json!(["idea"])));
        desk.muster("rules lint").await.expect(0).says("2 rules, 0 errors");
    })
    .await;
}

#[tokio::test]
async fn a_plan_tells_by_its_exit_code_what_there_is_to_do() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({"guard": {"minimum": 1, "percent": 0}})).await;
        let people = [desk.directory.user("ada@acme.example").await, desk.directory.user("bo@acme.example").await];
        desk.directory.group("eng-ios", &[&people[0], &people[1]]).await;
        desk.write("rules.toml", TEAMS);
        let plan = desk.muster("plan").await.expect(2).says("+ teams  new").says("group \"Ios\"  is made");
        let plan = plan.says("+ ada@acme.example  group \"Ios\"  (teams)").says("2 people concerned");
        assert!(native(&server, &desk.directory.organization).await.groups().is_empty(), "{}", plan.out);
        let id = plan.out.rsplit("muster apply ").next().unwrap().trim().to_owned();
        desk.muster(&format!("apply {id}")).await.expect(0).says("succeeded");
        let groups = || async { native(&server, &desk.directory.organization).await.groups() };
        assert_eq!(groups().await, ["Ios: ada@acme.example, bo@acme.example"]);
        desk.muster("plan").await.expect(0);
        desk.muster("apply -f rules.toml").await.expect(0).says("Nothing to do");
        desk.muster(&format!("apply {id}")).await.expect(1).says("applied already");

        // Two people would lose something, and one may.
        desk.write("rules.toml", &TEAMS.replace("sw \"eng-\"", "sw \"team-\""));
        desk.muster("plan").await.expect(3).says("an approval is needed").says("- bo@acme.example  group \"Ios\"");
        let run =
            desk.muster("apply -f rules.toml --json").await.expect(3).json()["run"]["id"].as_str().unwrap().to_owned();
        desk.muster("runs list --state awaiting_approval").await.expect(0).says(&run);
        assert_eq!(groups().await.len(), 1);
        desk.muster(&format!("runs approve {run} --wait")).await.expect(0).says("succeeded");
        desk.muster(&format!("runs show {run}")).await.expect(0).says("(apply): succeeded");
        assert!(groups().await.is_empty());
        desk.muster(&format!("runs cancel {run}")).await.expect(1).says("the run is over");
    })
    .await;
}

#[tokio::test]
async fn rules_that_the_file_does_not_have_go_only_when_asked_to() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.group("Design", &[&ada]).await;
        let when = json!({"group": "displayName eq \"Design\""});
        server.rule(&desk.directory.organization, "by-hand", when, json!([{"mirror_group": {}}])).await;
        desk.write("rules.toml", "# none\n");
        desk.muster("plan").await.expect(0).says("by-hand  not in the file: left alone");
        desk.muster("plan --prune").await.expect(2).says("- by-hand").says("- group \"Design\"  goes");
        desk.muster("apply -f rules.toml --prune --wait").await.expect(0);
        assert!(native(&server, &desk.directory.organization).await.groups().is_empty());
        desk.muster("plan --prune").await.expect(0);
    })
    .await;
}

#[tokio::test]
async fn a_plan_is_stale_when_facts_have_moved() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.group("eng-ios", &[&ada]).await;
        desk.write("rules.toml", TEAMS);
        let plan = desk.muster("plan --json").await.expect(2).json()["plan"]["id"].as_str().unwrap().to_owned();
        let bo = desk.directory.user("bo@acme.example").await;
        desk.directory.group("eng-web", &[&bo]).await;
        let told = desk.muster(&format!("apply {plan}")).await.expect(4).says("was not planned");
        told.says("+ bo@acme.example  group \"Web\"  (teams)");
        assert!(native(&server, &desk.directory.organization).await.groups().is_empty());
        let told = desk.muster(&format!("apply {plan} --json")).await.expect(4).json();
        assert_eq!(told["code"], "plan_stale");
        desk.muster("apply -f rules.toml").await.expect(0);
    })
    .await;
}

#[tokio::test]
async fn a_mistake_is_told_with_its_line() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        desk.write("rules.toml", &TEAMS.replace("capture =", "captur ="));
        desk.muster("rules lint").await.expect(1).says("rules.toml:7:1: unknown field `captur`");
        desk.write("rules.toml", &TEAMS.replace("displayName sw", "displayNam sw"));
        desk.muster("rules lint").await.expect(1).says("rules.toml:6:10: error: teams: ").says("[invalid_filter]");
        desk.muster("plan").await.expect(1).says("rules.toml:6:9: teams: ").says("did you mean displayName?");
        desk.write("rules.toml", &format!("{TEAMS}\n[[rule.then]]\ninto_group = {{ group = \"Nowhere\" }}\n"));
        desk.muster("plan").await.expect(1).says("rules.toml:13:24: there is no native group \"Nowhere\"");
        let path = format!("/organizations/{}/groups", desk.directory.organization);
        for _ in 0..2 {
            server.api("POST", &path, json!({"name": "Nowhere"})).await.expect(201);
        }
        desk.muster("plan").await.expect(1).says("2 native groups are called \"Nowhere\"").says("group_");
        desk.write("rules.toml", &TEAMS.replace("group = '", "groups = [\"eng-x\"]\ndummy = '"));
        desk.muster("plan").await.expect(1).says("rules.toml:7:1: unknown field `dummy`");
        desk.muster("plan -f nowhere.toml").await.expect(1).says("cannot read nowhere.toml");
        desk.muster("plan --colour").await.expect(64);
        desk.write("rules.toml", TEAMS);
        desk.muster("plan --key wrong").await.expect(1).says("401");
    })
    .await;
}

#[tokio::test]
async fn names_of_directory_groups_become_ids() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.group("Design", &[&ada]).await;
        let rules = "[[rule]]\nkey = \"pinned\"\ndirectory = \"Test directory\"\nwhen = { groups = [\"Design\"] }\n\
                     then = [{ mirror_group = {} }]\n";
        desk.write("rules.toml", rules);
        desk.muster("apply -f rules.toml").await.expect(0);
        assert_eq!(native(&server, &desk.directory.organization).await.groups(), ["Design: ada@acme.example"]);
        desk.muster("plan").await.expect(0);
        desk.directory.group("Design", &[]).await;
        desk.muster("plan").await.expect(1).says("rules.toml:4:20: 2 directory groups are called \"Design\"");
    })
    .await;
}

#[tokio::test]
async fn tests_of_rules_tell_what_people_would_have_and_write_nothing() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.user("bo@acme.example").await;
        desk.directory.group("eng-ios", &[&ada]).await;
        desk.write("rules.toml", TEAMS);
        desk.write(
            "rules_test.toml",
            "[[test]]\nname = \"Ada is in Ios\"\nperson = \"Ada@acme.example\"\n\
             has = { groups = [\"Ios\"], roles = [\"member\"], member = true }\nlacks = { roles = [\"admin\"] }\n\n\
             [[test]]\nperson = \"bo@acme.example\"\nhas = { member = false }\n",
        );
        desk.muster("rules test --rules rules.toml").await.expect(0).says("✓ Ada is in Ios").says("2 passed, 0 failed");
        let told = desk.muster("rules test").await.expect(1).says("1 passed, 1 failed");
        told.says("rules_test.toml:1:1: Ada@acme.example is not a member")
            .says("is not in the group \"Ios\"; no group at all");
        assert!(native(&server, &desk.directory.organization).await.people().is_empty());

        desk.muster("apply -f rules.toml").await.expect(0);
        desk.muster("rules test").await.expect(0);
        let banned = "\n[[rule]]\nkey = \"banned\"\nwhen = { user = 'userName eq \"ada@acme.example\"' }\n\
                      then = [{ exclude = {} }]\n";
        desk.write("rules.toml", &format!("{TEAMS}{banned}"));
        let told = desk.muster("rules test --rules rules.toml --json").await.expect(1).json();
        let failures = told["results"][0]["failures"].to_string();
        assert!(failures.contains("excluded by the rule banned"), "{failures}");
        desk.write("rules_test.toml", "[[test]]\nperson = \"cy@acme.example\"\nlacks = { groups = [\"Ios\"] }\n");
        desk.muster("rules test").await.expect(1).says("no directory of the organization has a person with the e-mail");
        desk.write("rules_test.toml", "[[test]]\nperson = \"ada@acme.example\"\n");
        desk.muster("rules test").await.expect(2).says("rules_test.toml:1:1: the test says nothing");
        desk.write("rules_test.toml", "[[test]]\nperson = \"ada@acme.example\"\nhas = { group = [\"Ios\"] }\n");
        desk.muster("rules test").await.expect(2).says("rules_test.toml:3:9: unknown field `group`");
        desk.muster("rules test -f nowhere.toml").await.expect(2);
    })
    .await;
}

#[tokio::test]
async fn assertions_that_cannot_be_judged_are_refused() {
    on_each_server(|server| async move {
        let organization = server.directory().await.organization;
        let test = async |body: Value| {
            server.api("POST", "/mapping_rules/test", body).await.expect(422).text("/errors/0/field")
        };
        let with = |assertions: Value| json!({"organization_id": organization, "assertions": assertions});
        assert_eq!(test(with(json!([]))).await, "assertions");
        assert_eq!(test(with(json!([{"has": {"member": true}}]))).await, "assertions[0]");
        let good = json!({"person": "a@x.example", "has": {"member": true}});
        assert_eq!(test(with(json!([good, {"person": "a@x.example"}]))).await, "assertions[1]");
        assert_eq!(
            test(with(json!([good, {"person": "a", "has": {"groups": [7]}}]))).await,
            "assertions[1].has.groups[0]"
        );
        assert_eq!(test(with(Value::Array(vec![good.clone(); 1_001]))).await, "assertions");
        let mut changed = with(json!([good]));
        changed["changes"] = json!([{"apply": {"rule": "nobody"}}]);
        assert_eq!(test(changed).await, "changes[0]");
    })
    .await;
}

#[tokio::test]
async fn somebody_is_explained_by_e_mail() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.user("bo@acme.example").await;
        desk.directory.group("eng-ios", &[&ada]).await;
        desk.write("rules.toml", TEAMS);
        desk.muster("apply -f rules.toml").await.expect(0);
        let told = desk.muster("explain ada@acme.example --group Ios").await.expect(0);
        told.says("because the rule teams").says("by rule teams (version 1)").says("\"eng-ios\" ← ada@acme.example");
        desk.muster("explain ada@acme.example --role admin").await.expect(2);
        desk.muster("explain bo@acme.example --group Ios").await.expect(2).says("not by rule teams");
        desk.muster("explain ada@acme.example --member --json").await.expect(0).says("\"verdict\": \"yes\"");
        desk.muster("explain nobody@acme.example --member").await.expect(1).says("nobody with the e-mail");
        desk.muster("explain ada@acme.example --group Nowhere").await.expect(1).says("no group \"Nowhere\"");
        desk.muster("explain ada@acme.example").await.expect(64);
    })
    .await;
}

#[tokio::test]
async fn status_and_verify_answer_monitors() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({"guard": {"minimum": 0, "percent": 0}})).await;
        desk.muster("status").await.expect(0).says("Test directory");
        desk.muster("status --max-age 2h").await.expect(2).says("(stale)");
        let ada = desk.directory.user("ada@acme.example").await;
        let group = desk.directory.group("eng-ios", &[&ada]).await;
        desk.muster("status --max-age 2h").await.expect(0);
        desk.write("rules.toml", TEAMS);
        desk.muster("apply -f rules.toml").await.expect(0);
        desk.muster("verify").await.expect(0).says("Equal");

        let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ada}\"]")}]);
        desk.directory.patch(&format!("/Groups/{group}"), remove).await.expect(204);
        let status = desk.muster("status --json").await.expect(3).json();
        assert_eq!(status["directories"][0]["name"], "Test directory");
        let run = status["directories"][0]["parked_run_id"].as_str().unwrap().to_owned();
        desk.muster(&format!("runs show {run}"))
            .await
            .expect(0)
            .says("- ada@acme.example  Ios  (teams)")
            .says("parked_");
        desk.muster(&format!("runs reject {run}")).await.expect(0);
        desk.muster("verify --json").await.expect(0).says("\"drift\": 0");
    })
    .await;
}
