//! A key of one organization can neither read, write nor detect anything of another: on every endpoint that
//! `/openapi.json` describes, an id of another organization is answered exactly as one that nobody has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::support::explain::membership;
use super::support::receiver::Receiver;
use super::support::server::{TestServer, on_each_server};

const NONE: Value = Value::Null;

/// Something of every kind in an organization, by the names that parameters have for it.
async fn full(server: &TestServer) -> BTreeMap<&'static str, String> {
    let directory = server.directory().await;
    let organization = directory.organization.clone();
    let rule = server.rule(&organization, "eng", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}]));
    let rule = rule.await.text("/id");
    let person = directory.user("eve@theirs.example").await;
    let group = directory.group("Eng", &[&person]).await;
    let member = membership(server, &organization, "eve@theirs.example").await;
    let user = format!("/user_management/organization_memberships/{member}");
    let user = server.api("GET", &user, NONE).await.expect(200).text("/user_id");
    let first = async |path: String| server.api("GET", &path, NONE).await.expect(200).text("/data/0/id");
    let plan = json!({"organization_id": organization, "changes": [{"delete": {"rule": rule}}]});
    let plan = server.api("POST", "/mapping_plans", plan).await.expect(201).text("/id");
    let domain = json!({"organization_id": organization, "domain": "theirs.example"});
    let endpoint = server.endpoint(Some(&organization), &Receiver::start().await.url).await;
    let key = json!({"name": "Theirs", "organization_id": organization});
    BTreeMap::from([
        ("domain", server.api("POST", "/organization_domains", domain).await.expect(201).text("/id")),
        ("group", first(format!("/organizations/{organization}/groups")).await),
        ("role", first(format!("/organizations/{organization}/roles")).await),
        ("request", first(format!("/directories/{}/requests", directory.id)).await),
        ("token", first(format!("/directories/{}/tokens", directory.id)).await),
        ("run", server.begin_run(&organization, "reconcile").await),
        ("event", first(format!("/events?events=group.created&organization_id={organization}")).await),
        ("key", server.api("POST", "/api_keys", key).await.expect(201).text("/id")),
        ("webhook_endpoint", endpoint.id),
        ("plan", plan),
        ("membership", member),
        ("user", user),
        ("directory_user", person.clone()),
        ("person", person),
        ("directory_group", group),
        ("directory", directory.id.clone()),
        ("rule", rule),
        ("organization", organization),
    ])
}

/// An id of the same kind that nobody has.
fn nobodys(id: &str) -> String {
    let prefix = id.rfind('_').map_or("", |at| &id[..=at]);
    format!("{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV")
}

/// What is told, with the id and the request's own id left out.
fn told(answer: &super::support::server::Answer, ids: &[&String]) -> String {
    let mut text = format!("{} {}", answer.status, answer.body);
    for id in ids {
        text = text.replace(id.as_str(), "…");
    }
    text
}

#[tokio::test]
async fn ids_of_another_organization_are_as_good_as_ids_that_nobody_has() {
    on_each_server(|server| async move {
        let theirs = full(&server).await;
        let mine = server.organization("Mine").await;
        let key = server.organization_key(&mine, "owner").await;
        let document = server.api("GET", "/openapi.json", NONE).await.expect(200).body;
        let before = server.api("GET", &format!("/organizations/{}", theirs["organization"]), NONE).await.expect(200);
        let mut tried = 0;
        let mut complaints = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            if path.starts_with("/scim") || !path.contains('{') || path.contains("{external_id}") {
                continue;
            }
            let names: Vec<&str> = path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}')).collect();
            let Some(ids) = names.iter().map(|name| theirs.get(name)).collect::<Option<Vec<&String>>>() else {
                complaints.push(format!("{path}: the test has no {names:?}"));
                continue;
            };
            let nobody: Vec<String> = ids.iter().map(|id| nobodys(id)).collect();
            let fill = |ids: &[&String]| {
                names.iter().zip(ids).fold(path.clone(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
            };
            for method in methods.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                let body = if method == "GET" || method == "DELETE" { NONE } else { json!({}) };
                let of_theirs = server.api_with(&key, &method, &fill(&ids), body.clone()).await;
                let of_nobody = server.api_with(&key, &method, &fill(&nobody.iter().collect::<Vec<_>>()), body).await;
                let (a, b) = (told(&of_theirs, &ids), told(&of_nobody, &nobody.iter().collect::<Vec<_>>()));
                // What is wrong with the body, or that only the environment may, is told before anything is looked for.
                if a != b || ![400, 403, 404, 422].contains(&of_theirs.status.as_u16()) {
                    complaints.push(format!("{method} {path}: {a}, but {b}"));
                }
                tried += 1;
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
        assert!(tried > 60, "{tried} endpoints");
        let after = server.api("GET", &format!("/organizations/{}", theirs["organization"]), NONE).await.expect(200);
        assert_eq!(after.body, before.body);
    })
    .await;
}

#[tokio::test]
async fn lists_that_name_another_organizations_things_find_nothing_to_list() {
    on_each_server(|server| async move {
        let theirs = full(&server).await;
        let mine = server.organization("Mine").await;
        let key = server.organization_key(&mine, "read").await;
        for (path, name, parameter) in [
            ("/events?events=group.created", "organization", "organization_id"),
            ("/events/stream?events=group.created", "organization", "organization_id"),
            ("/webhook_endpoints?limit=1", "organization", "organization_id"),
            ("/directories?limit=1", "organization", "organization_id"),
            ("/directory_users?limit=1", "directory", "directory"),
            ("/directory_users?limit=1", "directory_group", "group"),
            ("/directory_groups?limit=1", "directory", "directory"),
            ("/directory_groups?limit=1", "directory_user", "user"),
            ("/user_management/organization_memberships?limit=1", "organization", "organization_id"),
            ("/user_management/users?limit=1", "organization", "organization_id"),
            ("/mapping_rules?limit=1", "organization", "organization_id"),
            ("/sync_runs?limit=1", "organization", "organization_id"),
            ("/identity_links?limit=1", "organization", "organization_id"),
            ("/audit_events?limit=1", "organization", "organization_id"),
            ("/audit_events/check?x=1", "organization", "organization_id"),
        ] {
            let ask = async |id: &str| server.api_with(&key, "GET", &format!("{path}&{parameter}={id}"), NONE).await;
            let (id, nobody) = (&theirs[name], nobodys(&theirs[name]));
            let (of_theirs, of_nobody) = (ask(id).await.expect(404), ask(&nobody).await.expect(404));
            assert_eq!(told(&of_theirs, &[id]), told(&of_nobody, &[&nobody]), "{path} {parameter}");
        }
        let by_user = format!("/user_management/organization_memberships?user_id={}", theirs["user"]);
        let none = server.api_with(&key, "GET", &by_user, NONE).await.expect(200);
        assert_eq!(*none.at("/data"), json!([]));
    })
    .await;
}
