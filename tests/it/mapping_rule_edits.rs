//! Editing mapping rules: fields that are merged, versions, the order; what several admins do at once.

use futures::future::join_all;
use serde_json::{Value, json};

use super::support::native::native;
use super::support::server::{Answer, TestServer, on_each_server};

/// Saves a rule without applying it; answers its path.
async fn saved(server: &TestServer, organization: &str, key: &str) -> String {
    let body = json!({
        "organization_id": organization, "key": key,
        "when": {"group": "displayName sw \"eng-\""}, "then": [{"mirror_group": {}}],
    });
    format!("/mapping_rules/{}", server.api("POST", "/mapping_rules", body).await.expect(201).text("/id"))
}

/// `key position` of each rule of a list.
fn order(list: &Answer) -> Vec<String> {
    let rules = list.at("/data").as_array().unwrap();
    rules.iter().map(|rule| format!("{} {}", rule["key"].as_str().unwrap(), rule["position"])).collect()
}

async fn listed(server: &TestServer, organization: &str) -> Answer {
    server.api("GET", &format!("/mapping_rules?organization_id={organization}"), Value::Null).await.expect(200)
}

#[tokio::test]
async fn edits_of_different_fields_at_the_same_time_both_survive() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let path = saved(&server, &organization, "teams").await;
        for round in 1..=10 {
            let changes = [
                json!({"position": 1000 + round}),
                json!({"when": {"group": format!("displayName sw \"eng-{round}\"")}}),
                json!({"then": [{"mirror_group": {"name": format!("Team {round}")}}]}),
            ];
            let edits = join_all(changes.iter().map(|change| server.api("PATCH", &path, change.clone()))).await;
            for edit in edits {
                edit.expect(200);
            }
            let rule = server.api("GET", &path, Value::Null).await.expect(200);
            assert_eq!(rule.at("/position"), &json!(1000 + round));
            assert_eq!(rule.text("/when/group"), format!("displayName sw \"eng-{round}\""));
            assert_eq!(rule.text("/then/0/mirror_group/name"), format!("Team {round}"));
            assert_eq!(rule.at("/version"), &json!(1 + 3 * round));
        }
    })
    .await;
}

#[tokio::test]
async fn rules_made_at_the_same_time_have_places_of_their_own() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        join_all(["a", "b", "c", "d", "e"].iter().map(|key| saved(&server, &organization, key))).await;
        let list = listed(&server, &organization).await;
        let positions: Vec<i64> =
            list.at("/data").as_array().unwrap().iter().map(|rule| rule["position"].as_i64().unwrap()).collect();
        assert_eq!(positions, [10, 20, 30, 40, 50]);
    })
    .await;
}

#[tokio::test]
async fn an_edit_of_an_older_version_is_refused() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let path = saved(&server, &organization, "teams").await;
        let first = server.api("PATCH", &path, json!({"version": 1, "position": 7})).await.expect(200);
        assert_eq!(first.at("/version"), &json!(2));
        let late = server.api("PATCH", &path, json!({"version": 1, "position": 8})).await.expect(409);
        assert_eq!(late.text("/code"), "version_conflict");
        assert!(late.text("/message").contains("is 2, not 1"), "{}", late.body);
        let wrong = server.api("PATCH", &path, json!({"version": "1"})).await.expect(422);
        assert_eq!(wrong.text("/errors/0/field"), "version");
        let rule = server.api("GET", &path, Value::Null).await.expect(200);
        assert_eq!((rule.at("/position"), rule.at("/version")), (&json!(7), &json!(2)));
        let same = server.api("PATCH", &path, json!({"version": 2, "position": 7})).await.expect(200);
        assert_eq!(same.at("/version"), &json!(2), "what says the same makes no version");
    })
    .await;
}

#[tokio::test]
async fn a_rule_can_be_saved_as_frozen() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let path = saved(&server, &organization, "teams").await;
        let frozen = server.api("PATCH", &path, json!({"state": "frozen"})).await.expect(200);
        assert_eq!((frozen.text("/state"), frozen.at("/applied_version")), ("frozen".to_owned(), &Value::Null));
        let wrong = server.api("PATCH", &path, json!({"state": "cold"})).await.expect(422);
        assert_eq!(wrong.text("/errors/0/field"), "state");
    })
    .await;
}

#[tokio::test]
async fn every_saved_version_can_be_read() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let path = saved(&server, &organization, "teams").await;
        server.api("PATCH", &path, json!({"apply": true, "position": 20})).await.expect(200);
        for position in [30, 40, 50] {
            server.api("PATCH", &path, json!({"position": position})).await.expect(200);
        }
        let first = server.api("GET", &format!("{path}/versions?limit=2"), Value::Null).await.expect(200);
        assert_eq!((first.at("/data/0/version"), first.at("/data/1/version")), (&json!(5), &json!(4)));
        assert_eq!(first.text("/list_metadata/after"), "4");
        let rest = server.api("GET", &format!("{path}/versions?after=4"), Value::Null).await.expect(200);
        let rest_of = |pointer: &str| -> Vec<&Value> {
            rest.at("/data").as_array().unwrap().iter().map(|version| version.pointer(pointer).unwrap()).collect()
        };
        assert_eq!(rest_of("/version"), [&json!(3), &json!(2), &json!(1)]);
        assert_eq!(rest_of("/applied"), [&json!(false), &json!(true), &json!(false)]);
        assert_eq!(rest_of("/position"), [&json!(30), &json!(20), &json!(10)]);
        assert_eq!(rest.at("/list_metadata/after"), &Value::Null);

        let third = server.api("GET", &format!("{path}?version=3"), Value::Null).await.expect(200);
        assert_eq!((third.at("/version"), third.at("/position")), (&json!(3), &json!(30)));
        assert_eq!(third.at("/applied_version"), &json!(2));
        for missing in ["6", "9223372036854775807"] {
            server.api("GET", &format!("{path}?version={missing}"), Value::Null).await.expect(404);
        }
        for wrong in ["0", "-1", "x", "9223372036854775808"] {
            server.api("GET", &format!("{path}?version={wrong}"), Value::Null).await.expect(422);
            server.api("GET", &format!("{path}/versions?after={wrong}"), Value::Null).await.expect(422);
        }
        server.api("GET", &format!("{path}/versions?limit=0"), Value::Null).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn the_order_of_all_rules_is_set_in_one_call() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let mut paths = Vec::new();
        for key in ["a", "b", "c"] {
            paths.push(saved(&server, &organization, key).await);
        }
        let id = paths[2].rsplit('/').next().unwrap();
        let body = json!({"organization_id": organization, "rules": [id, "b", "a"]});
        let done = server.api("POST", "/mapping_rules/reorder", body).await.expect(200);
        assert_eq!(order(&done), ["c 10", "b 20", "a 30"]);
        assert_eq!(order(&listed(&server, &organization).await), ["c 10", "b 20", "a 30"]);
        assert_eq!(done.at("/data/1/version"), &json!(1), "its place is the same");
        assert_eq!((done.at("/data/0/version"), done.at("/data/2/version")), (&json!(2), &json!(2)));

        let body = json!({"organization_id": organization, "rules": ["a", "a", "x", id]});
        let refused = server.api("POST", "/mapping_rules/reorder", body).await.expect(422);
        assert_eq!(refused.text("/errors/0/field"), "rules");
        let message = refused.text("/message");
        assert!(message.ends_with("missing: b; named twice: a; unknown: x"), "{message}");
        let body = json!({"organization_id": organization, "rules": "a"});
        server.api("POST", "/mapping_rules/reorder", body).await.expect(422);
        assert_eq!(order(&listed(&server, &organization).await), ["c 10", "b 20", "a 30"]);
    })
    .await;
}

#[tokio::test]
async fn a_new_order_is_put_in_force_without_other_edits() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let ada = directory.user("ada@acme.example").await;
        directory.group("eng-ios", &[&ada]).await;
        let when = json!({"group": "displayName sw \"eng-\""});
        let grant = |role: &str| json!([{"grant_role": {"role": role}}]);
        server.rule(organization, "admins", when.clone(), grant("admin")).await;
        let members = server.rule(organization, "members", when, grant("member")).await.text("/id");
        let draft = saved(&server, organization, "draft").await;
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example active admin,member"]);

        let reorder = |apply: bool| {
            json!({"organization_id": organization, "apply": apply,
            "rules": ["members", "draft", "admins"]})
        };
        let saved_only = server.api("POST", "/mapping_rules/reorder", reorder(false)).await.expect(200);
        assert_eq!(saved_only.at("/data/2/applied_version"), &json!(1));
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example active admin,member"]);
        let path = format!("/mapping_rules/{members}");
        server.api("PATCH", &path, json!({"when": {"user": "active eq true"}})).await.expect(200);
        let refused = server.api("POST", "/mapping_rules/reorder", reorder(true)).await.expect(409);
        assert_eq!(refused.text("/code"), "unapplied_edits");
        assert!(refused.text("/message").contains("'members'"), "{}", refused.body);
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example active admin,member"]);

        let undo = json!({"when": {"group": "displayName sw \"eng-\""}});
        server.api("PATCH", &path, undo).await.expect(200);
        let done = server.api("POST", "/mapping_rules/reorder", reorder(true)).await.expect(200);
        assert_eq!(order(&done), ["members 10", "draft 20", "admins 30"]);
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example active member,admin"]);
        assert_eq!(done.at("/data/0/version"), done.at("/data/0/applied_version"));
        let draft = server.api("GET", &draft, Value::Null).await.expect(200);
        assert_eq!(draft.at("/applied_version"), &Value::Null, "what was not in force is not put in force");
    })
    .await;
}
