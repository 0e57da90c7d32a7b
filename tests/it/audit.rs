//! The audit log: what keys and operators change is written down with it, and nobody can change that unseen.

use muster::domain::id::OrganizationId;
use muster::store::sql;
use serde_json::{Value, json};

use super::support::console::Console;
use super::support::receiver::Receiver;
use super::support::server::{Answer, ROOT_KEY, TestServer, client, on_each_server};

const NONE: Value = Value::Null;

/// The newest entries that a key sees.
async fn entries(server: &TestServer, key: &str, query: &str) -> Vec<Value> {
    let page = server.api_with(key, "GET", &format!("/audit_events?limit=100{query}"), NONE).await.expect(200);
    page.body["data"].as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

fn rule(organization: &str, key: &str) -> Value {
    json!({"organization_id": organization, "key": key, "when": {"group": "displayName pr"},
        "then": [{"mirror_group": {}}], "note_with_secret": "hunter2"})
}

#[tokio::test]
async fn what_a_key_changes_is_written_down_with_the_request_and_without_secrets() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let key = server.organization_key(&organization, "admin").await;
        let made = server.api_with(&key, "POST", "/mapping_rules", rule(&organization, "eng")).await.expect(201);
        let found = entries(&server, &key, "&action=createMappingRule").await;
        let [entry] = &found[..] else { panic!("one entry: {found:?}") };
        assert_eq!(entry["request_id"], made.headers["x-request-id"].to_str().unwrap());
        assert_eq!((&entry["target"], &entry["organization_id"]), (&json!("/mapping_rules"), &json!(organization)));
        assert_eq!((&entry["actor"]["name"], &entry["actor"]["source"]), (&json!("Test key"), &json!("api")));
        assert_eq!((&entry["detail"]["key"], &entry["address"]), (&json!("eng"), &json!("127.0.0.1")));
        assert!(!entry.to_string().contains("hunter2") && !entry.to_string().contains(&key), "{entry}");
        let by_actor = format!("&actor={}", entry["actor"]["id"].as_str().unwrap());
        assert_eq!(actions(&entries(&server, ROOT_KEY, &by_actor).await), ["createMappingRule"]);
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_or_only_read_leaves_no_entry() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let reader = server.organization_key(&organization, "read").await;
        let before = entries(&server, ROOT_KEY, "").await.len();
        server.api_with(&reader, "POST", "/mapping_rules", rule(&organization, "eng")).await.expect(403);
        server.api_with("sk_nobody", "POST", "/mapping_rules", rule(&organization, "eng")).await.expect(401);
        server.api("POST", "/mapping_rules", json!({"organization_id": organization, "key": "x"})).await.expect(422);
        server.api("DELETE", "/api_keys/key_01ARZ3NDEKTSV4RRFFQ69G5FAV", NONE).await.expect(404);
        server.api("GET", "/mapping_rules", NONE).await.expect(422);
        server.api("POST", "/mapping_rules/lint", rule(&organization, "eng")).await.expect(200);
        assert_eq!(entries(&server, ROOT_KEY, "").await.len(), before);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_request_is_written_down_once() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let url = format!("{}/organizations/{organization}/groups", server.server.url());
        for _ in 0..2 {
            let request = client().post(&url).bearer_auth(ROOT_KEY).header("idempotency-key", "once");
            let request = request.header("content-type", "application/json").body(r#"{"name": "Eng"}"#);
            assert_eq!(request.send().await.unwrap().status().as_u16(), 201);
        }
        assert_eq!(entries(&server, ROOT_KEY, "&action=createGroup").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn each_face_names_what_was_done_in_the_chain_of_its_organization() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let key = server.organization_key(&organization, "owner").await;
        let role = json!({"role_name": "Editor", "permissions": []});
        server.api_with(&key, "POST", "/v1/organization/roles", role).await.expect(200);
        let endpoint = server.endpoint(Some(&organization), &Receiver::start().await.url).await;
        let disabled = json!({"status": "disabled"});
        server.api("PATCH", &format!("/webhook_endpoints/{}", endpoint.id), disabled).await.expect(200);
        server.api("POST", "/portal/generate_link", json!({"organization": organization})).await.expect(201);
        let found = entries(&server, &key, "").await;
        let expected = [
            "generatePortalLink",
            "updateWebhookEndpoint",
            "createWebhookEndpoint",
            actions(&found)[3],
            "createApiKey",
        ];
        assert_eq!(actions(&found), expected, "{found:#?}");
        assert!(expected[3].to_lowercase().contains("role"), "{}", expected[3]);
        let positions: Vec<_> = found.iter().rev().map(|entry| entry["position"].as_i64().unwrap()).collect();
        assert_eq!(positions, [1, 2, 3, 4, 5]);
    })
    .await;
}

async fn check(server: &TestServer, organization: &str) -> Answer {
    server.api("GET", &format!("/audit_events/check?organization_id={organization}"), NONE).await.expect(200)
}

#[tokio::test]
async fn a_chain_is_whole_until_somebody_changes_or_removes_an_entry() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        for what in [
            "UPDATE audit_events SET detail = '{}'",
            "UPDATE audit_events SET actor_id = actor_id, address = 'x'",
            "DELETE FROM audit_events",
        ] {
            let organization = server.organization("Acme").await;
            for name in ["A", "B", "C"] {
                let path = format!("/organizations/{organization}/groups");
                server.api("POST", &path, json!({"name": name})).await.expect(201);
            }
            let whole = check(&server, &organization).await;
            assert_eq!((whole.at("/state"), whole.at("/entries")), (&json!("whole"), &json!(3)));
            let page = format!("/console/{organization}/audit?check=yes");
            assert!(owner.get(&page).await.expect(200).shows("The chain is whole"));
            let id: OrganizationId = organization.parse().unwrap();
            let forged = sql(format!("{what} WHERE organization_id = $1 AND position = 2")).bind(id);
            server.store(id, vec![forged]).await;
            let broken = check(&server, &organization).await;
            assert_eq!((broken.at("/state"), broken.at("/position")), (&json!("broken"), &json!(2)), "{what}");
            assert!(owner.get(&page).await.expect(200).shows("The chain is broken at entry 2"));
        }
        let organization = server.organization("Acme").await;
        server.api("POST", &format!("/organizations/{organization}/groups"), json!({"name": "A"})).await.expect(201);
        let id: OrganizationId = organization.parse().unwrap();
        server.store(id, vec![sql("DELETE FROM audit_events WHERE organization_id = $1").bind(id)]).await;
        assert_eq!(check(&server, &organization).await.at("/state"), "broken", "the end was cut off");
    })
    .await;
}

#[tokio::test]
async fn a_key_of_an_organization_sees_its_own_entries_only() {
    on_each_server(|server| async move {
        let (mine, theirs) = (server.organization("Mine").await, server.organization("Theirs").await);
        let key = server.organization_key(&mine, "read").await;
        server.api("POST", &format!("/organizations/{theirs}/groups"), json!({"name": "A"})).await.expect(201);
        assert_eq!(actions(&entries(&server, &key, "").await), ["createApiKey"]);
        for path in ["/audit_events", "/audit_events/check"] {
            server.api_with(&key, "GET", &format!("{path}?organization_id={theirs}"), NONE).await.expect(404);
        }
        let own = server.api_with(&key, "GET", "/audit_events/check", NONE).await.expect(200);
        assert_eq!((own.at("/organization_id"), own.at("/entries")), (&json!(mine), &json!(1)));
        let environment = actions(&entries(&server, ROOT_KEY, "").await).len();
        assert!(environment >= 4, "{environment}");
    })
    .await;
}

#[tokio::test]
async fn an_export_holds_no_formulas_and_what_the_filter_asks_for() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let organization = server.organization("Acme").await;
        let new = json!({"name": "=HYPERLINK(\"x\")", "organization_id": organization, "role": "admin"});
        let key = server.api("POST", "/api_keys", new).await.expect(201).text("/key");
        server
            .api_with(&key, "POST", &format!("/organizations/{organization}/groups"), json!({"name": "+1,\"x\""}))
            .await
            .expect(201);
        let csv = owner.get(&format!("/console/{organization}/audit.csv")).await.expect(200).text;
        let lines: Vec<&str> =
            csv.trim_start_matches('\u{feff}').split("\r\n").filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 3, "{csv}");
        assert!(lines[0].starts_with("created_at,actor,actor_id,"), "{}", lines[0]);
        assert!(lines[1].contains(r#""'=HYPERLINK(""x"")""#), "{}", lines[1]);
        let filtered = owner.get(&format!("/console/{organization}/audit.csv?action=createApiKey")).await.expect(200);
        assert!(filtered.shows("createApiKey") && !filtered.shows("createGroup"));
        let guest = Console::guest(&server, &owner, &organization).await;
        for page in ["audit", "audit.csv"] {
            guest.get(&format!("/console/{organization}/{page}")).await.expect(403);
        }
    })
    .await;
}

#[tokio::test]
async fn a_portal_link_is_for_directories_and_leads_back_to_the_web_only() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let post = async |body: Value| server.api("POST", "/portal/generate_link", body).await;
        let link = post(json!({"organization": organization, "intent": "dsync"})).await.expect(201).text("/link");
        assert!(link.starts_with(&format!("{}/portal/portal_", server.server.url())), "{link}");
        let refused = post(json!({"organization": organization, "intent": "sso"})).await.expect(422);
        assert!(refused.text("/message").contains("dsync"), "{}", refused.body);
        post(json!({"organization": organization, "return_url": "javascript:alert(1)"})).await.expect(422);
        post(json!({})).await.expect(422);
        post(json!({"organization": "org_01ARZ3NDEKTSV4RRFFQ69G5FAV"})).await.expect(404);
        let reader = server.organization_key(&organization, "read").await;
        let body = json!({"organization": organization});
        server.api_with(&reader, "POST", "/portal/generate_link", body.clone()).await.expect(403);
        let other = server.organization("Other").await;
        let key = server.organization_key(&other, "admin").await;
        server.api_with(&key, "POST", "/portal/generate_link", body).await.expect(404);
    })
    .await;
}
