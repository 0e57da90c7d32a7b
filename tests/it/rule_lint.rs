//! What a rule's author is told: every mistake at once, what is odd about a rule, and what it would be about.

use serde_json::{Value, json};

use super::support::server::{Answer, ROOT_KEY, TestDirectory, TestServer, on_each_server};

fn body(organization: &str, when: &Value, then: &Value) -> Value {
    json!({"organization_id": organization, "key": "draft", "when": when, "then": then})
}

async fn lint(server: &TestServer, organization: &str, when: Value, then: Value) -> Answer {
    server.api("POST", "/mapping_rules/lint", body(organization, &when, &then)).await.expect(200)
}

/// `field code` of each finding, in the order of the list.
fn told(answer: &Answer, list: &str) -> Vec<String> {
    let findings = answer.at(list).as_array().unwrap_or_else(|| panic!("no {list}: {}", answer.body));
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings.iter().map(|finding| format!("{} {}", word(finding, "field"), word(finding, "code"))).collect()
}

fn mirror() -> Value {
    json!([{"mirror_group": {}}])
}

/// A directory with some groups, that an identity provider has reached.
async fn directory_with(server: &TestServer, names: &[&str]) -> TestDirectory {
    let directory = server.directory().await;
    let ada = directory.user("ada@acme.example").await;
    for name in names {
        directory.group(name, &[&ada]).await;
    }
    directory
}

#[tokio::test]
async fn every_mistake_is_told_at_once_with_its_column() {
    on_each_server(|server| async move {
        let directory = directory_with(&server, &[]).await;
        let when = json!({
            "group": "displayName sw \"eng-\" and displayNam eq \"x\"", "capture": "^eng-(?<team>.+",
            "user": "active eq yes", "group_ids": ["directory_group_01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        });
        let then = json!([
            {"grant_role": {"role": "king"}},
            {"into_group": {"group_id": "group_01ARZ3NDEKTSV4RRFFQ69G5FAV"}},
        ]);
        let report = lint(&server, &directory.organization, when, then).await;
        assert_eq!(
            told(&report, "/errors"),
            [
                "when.group invalid_filter",
                "when.user invalid_filter",
                "when.capture invalid_pattern",
                "when.group_ids unknown_group",
                "then[0].role unknown_role",
                "then[1].group_id unknown_group",
            ]
        );
        let columns: Vec<&Value> = (0..4).map(|at| report.at(&format!("/errors/{at}/column"))).collect();
        assert_eq!(columns, [&json!(27), &json!(11), &json!(6), &Value::Null]);
        assert_eq!((report.at("/warnings"), report.at("/errors/0/severity")), (&json!([]), &json!("error")));

        let template = json!([{"mirror_group": {"name": "Team {{ taem }}"}}, {"fly": {}}, {"mirror_group": 7}]);
        let report = lint(&server, &directory.organization, json!({"usr": 1, "group": 2}), template).await;
        let mut errors = told(&report, "/errors");
        errors.sort_unstable();
        let words = [
            "then[1] invalid_rule",
            "then[2].mirror_group invalid_rule",
            "when.group invalid_rule",
            "when.usr invalid_rule",
        ];
        assert_eq!(errors, words);
        let template = json!([{"mirror_group": {"name": "Team {{ taem }}"}}]);
        let report = lint(&server, &directory.organization, json!({"group": "displayName pr"}), template).await;
        assert_eq!(told(&report, "/errors"), ["then[0].mirror_group.name invalid_template"]);
        assert_eq!(report.at("/errors/0/column"), &json!(9));
        let nothing = json!({"organization_id": directory.organization});
        let report = server.api("POST", "/mapping_rules/lint", nothing).await.expect(200);
        assert_eq!(told(&report, "/errors"), ["when required", "then required"]);
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_matches_nothing_is_told_when_it_is_saved() {
    on_each_server(|server| async move {
        let directory = directory_with(&server, &["Engineering", "Sales"]).await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName eq \"Enginering\"", "user": "title eq \"CEO\""});
        let saved = server.api("POST", "/mapping_rules", body(organization, &when, &mirror())).await.expect(201);
        assert_eq!(told(&saved, "/warnings"), ["when.group matches_nothing", "when.user matches_nothing"]);
        let message = saved.text("/warnings/0/message");
        assert!(message.contains("of 2 directory groups; nearest to 'Enginering' is 'Engineering'"), "{message}");
        assert!(saved.text("/warnings/1/message").ends_with("of 1 person"), "{}", saved.body);
        let path = format!("/mapping_rules/{}", saved.text("/id"));
        let mended = json!({"when": {"group": "displayName eq \"Engineering\""}});
        let saved = server.api("PATCH", &path, mended).await.expect(200);
        assert_eq!(saved.at("/warnings"), &json!([]));
        assert_eq!(server.api("GET", &path, Value::Null).await.expect(200).body.get("warnings"), None);
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_can_never_act_is_told() {
    on_each_server(|server| async move {
        let directory = directory_with(&server, &["eng-ios", "Sales"]).await;
        let organization = &directory.organization;
        let cases = [
            (json!({"group": "displayName eq \"a\" and displayName eq \"b\""}), "when.group unreachable"),
            (json!({"group": "displayName sw \"eng-\"", "capture": "^ops-(?<t>.+)$"}), "when.capture unreachable"),
            (json!({"group": "displayName pr", "except_group": "displayName pr"}), "when.except_group unreachable"),
            (json!({"group": "displayName pr", "user": "active eq false"}), "when.user unreachable"),
        ];
        for (when, expected) in cases {
            let report = lint(&server, organization, when.clone(), mirror()).await;
            assert_eq!(
                (told(&report, "/errors"), told(&report, "/warnings")),
                (vec![], vec![expected.to_owned()]),
                "{when}"
            );
        }
        let report =
            lint(&server, organization, json!({"group": "displayName eq \"a\" and displayName eq \"b\""}), mirror())
                .await;
        assert_eq!(report.at("/warnings/0/column"), &json!(24));

        let other = server.directory_in(organization, json!({})).await;
        let elsewhere = directory.group("Elsewhere", &[]).await;
        let mut draft = body(organization, &json!({"group_ids": [elsewhere]}), &mirror());
        draft["directory_id"] = json!(other.id);
        let report = server.api("POST", "/mapping_rules/lint", draft).await.expect(200);
        assert_eq!(told(&report, "/warnings"), ["directory_id inactive_directory", "when.group_ids unreachable"]);
        assert!(report.text("/warnings/1/message").contains("'Elsewhere'"), "{}", report.body);
    })
    .await;
}

#[tokio::test]
async fn grants_that_are_never_seen_are_told() {
    on_each_server(|server| async move {
        let directory = directory_with(&server, &["eng-ios"]).await;
        let organization = &directory.organization;
        let wide = json!({"group": "displayName sw \"eng-\""});
        let narrow = json!({"group": "displayName eq \"eng-ios\""});
        let admin = json!([{"grant_role": {"role": "admin"}}]);
        let member = json!([{"grant_role": {"role": "member"}}]);
        let first = server.rule(organization, "first", wide.clone(), admin.clone()).await;
        assert_eq!(told(&first, "/warnings"), ["then[0].role role_is_privileged"]);
        assert_eq!(first.text("/warnings/0/severity"), "info");
        let report = lint(&server, organization, narrow.clone(), member.clone()).await;
        assert_eq!(told(&report, "/warnings"), ["then[0].role shadowed_role"]);
        assert!(report.text("/warnings/0/message").contains("'first' (position 10)"), "{}", report.body);
        let mut before = body(organization, &narrow, &member);
        before["position"] = json!(5);
        let report = server.api("POST", "/mapping_rules/lint", before).await.expect(200);
        assert_eq!(report.at("/warnings"), &json!([]), "it comes first");
        let report = lint(&server, organization, wide.clone(), admin.clone()).await;
        assert_eq!(told(&report, "/warnings"), ["then[0].role role_is_privileged", "then[0].role duplicate_grant"]);
        let mut edit = body(organization, &wide, &admin);
        edit["key"] = json!("first");
        let report = server.api("POST", "/mapping_rules/lint", edit).await.expect(200);
        assert_eq!(told(&report, "/warnings"), ["then[0].role role_is_privileged"], "not beside itself");
    })
    .await;
}

#[tokio::test]
async fn names_that_mirrors_cannot_have_are_told() {
    on_each_server(|server| async move {
        let long = format!("t-{}", "x".repeat(300));
        let directory = directory_with(&server, &["t-", "t-red", "T-Red", "t-blue", &long]).await;
        let organization = &directory.organization;
        let path = format!("/organizations/{organization}/groups");
        server.api("POST", &path, json!({"name": "BLUE"})).await.expect(201);
        let when = json!({"group": "displayName sw \"t-\"", "capture": "^[tT]-(?<team>.*)$"});
        let then = json!([{"mirror_group": {"name": "{{ team }}"}}]);
        let report = lint(&server, organization, when.clone(), then.clone()).await;
        let name = "then[0].mirror_group.name";
        let expected = ["template_empty", "template_too_long", "template_collides", "template_collides"];
        assert_eq!(told(&report, "/warnings"), expected.map(|code| format!("{name} {code}")));
        let message = |at: usize| report.text(&format!("/warnings/{at}/message"));
        assert!(message(0).starts_with("1 directory group ") && message(0).ends_with("'t-'"), "{}", message(0));
        assert!(message(2).contains("'t-blue'") && message(2).contains("'BLUE'"), "{}", message(2));
        assert!(message(3).contains("'t-red', 'T-Red'"), "{}", message(3));

        // Its own mirrors are not in its way, another rule's are.
        let sales = json!({"group": "displayName eq \"Sales\""});
        directory.group("Sales", &[]).await;
        server.rule(organization, "sales", sales.clone(), mirror()).await;
        let mut draft = body(organization, &sales, &mirror());
        let report = server.api("POST", "/mapping_rules/lint", draft.clone()).await.expect(200);
        assert_eq!(told(&report, "/warnings"), ["then[0].mirror_group template_collides"]);
        draft["key"] = json!("sales");
        let report = server.api("POST", "/mapping_rules/lint", draft).await.expect(200);
        assert_eq!(report.at("/warnings"), &json!([]));
        let only = json!({"group": "externalId pr", "capture": "x"});
        assert_eq!(
            told(&lint(&server, organization, only, mirror()).await, "/warnings"),
            ["when.group matches_nothing"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_preview_shows_some_groups_and_people() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let ada = directory.user("ada@acme.example").await;
        let bo = directory.user("bo@acme.example").await;
        directory.user("cy@acme.example").await;
        let inner = directory.group("inner", &[&bo]).await;
        directory.group("eng-ios", &[&ada, &inner]).await;
        directory.group("eng-", &[&ada]).await;
        directory.group("out", &[&bo]).await;
        let preview = async |when: Value| {
            let then = json!([{"mirror_group": {"name": "{{ team | title }}"}}]);
            let when = body(organization, &when, &then);
            server.api("POST", "/mapping_rules/preview", when).await
        };
        let people = |answer: &Answer| -> Vec<String> {
            let shown = answer.at("/people/data").as_array().unwrap();
            shown.iter().map(|person| person["user_name"].as_str().unwrap().to_owned()).collect()
        };
        let when = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>.*)$"});
        let seen = preview(when).await.expect(200);
        assert_eq!((seen.at("/groups/looked_at"), seen.at("/groups/matched")), (&json!(4), &json!(2)));
        assert_eq!(seen.text("/groups/data/0/mirror_name"), "Ios");
        assert_eq!(seen.at("/groups/data/1/mirror_name"), &Value::Null);
        assert!(seen.text("/groups/data/1/mirror_problem").contains("empty"), "{}", seen.body);
        assert_eq!(people(&seen), ["ada@acme.example", "bo@acme.example"]);
        assert_eq!(seen.at("/people/complete"), &json!(true));

        let when = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>.*)$",
            "except_group": "displayName eq \"out\""});
        assert_eq!(people(&preview(when).await.expect(200)), ["ada@acme.example"]);
        let by_people = json!({"organization_id": organization, "when": {"user": "userName co \"@acme\"",
            "except_group": "displayName eq \"out\""}, "then": [{"ensure_membership": {}}]});
        let seen = server.api("POST", "/mapping_rules/preview", by_people).await.expect(200);
        assert_eq!(people(&seen), ["ada@acme.example", "cy@acme.example"]);
        assert_eq!((seen.at("/people/looked_at"), seen.at("/people/matched")), (&json!(3), &json!(2)));
        let refused = preview(json!({"group": "displayNam pr"})).await.expect(422);
        assert_eq!(refused.text("/errors/0/field"), "when.group");
        assert!(
            server
                .api("GET", &format!("/mapping_rules?organization_id={organization}"), Value::Null)
                .await
                .expect(200)
                .at("/data")
                .as_array()
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn drafts_are_looked_at_within_the_callers_reach() {
    on_each_server(|server| async move {
        let (own, other) = (server.organization("Own").await, server.organization("Other").await);
        let key = json!({"name": "reader", "organization_id": own, "role": "read"});
        let key = server.api_with(ROOT_KEY, "POST", "/api_keys", key).await.expect(201).text("/key");
        let when = json!({"group": "displayName pr"});
        for path in ["/mapping_rules/lint", "/mapping_rules/preview"] {
            server.api_with(&key, "POST", path, body(&own, &when, &mirror())).await.expect(200);
            server.api_with(&key, "POST", path, body(&other, &when, &mirror())).await.expect(404);
        }
        let order = json!({"organization_id": own, "rules": []});
        server.api_with(&key, "POST", "/mapping_rules/reorder", order).await.expect(403);
        let gone = "org_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        server.api("POST", "/mapping_rules/lint", body(gone, &when, &mirror())).await.expect(404);
    })
    .await;
}
