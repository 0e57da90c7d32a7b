//! The command line as an admin and as a script have it: organizations, directories, tokens, keys, links, groups.

use serde_json::{Value, json};

use super::support::desk::{Desk, command};
use super::support::native::native;
use super::support::server::{ROOT_KEY, on_each_server};

/// The id of what a command made.
fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("no id: {made}")).to_owned()
}

#[tokio::test]
async fn an_organization_is_made_seen_and_deleted_only_when_somebody_is_sure() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let made = desk.muster("organizations create Acme --external-id acme-7 --domain acme.example --json").await;
        let acme = id(&made.expect(0).json());
        desk.muster("organizations list --search Acm").await.expect(0).says(&acme).says("acme.example (pending)");
        let listed = desk.muster("organizations list --limit 1 --json").await.expect(0).json();
        assert_eq!(listed.as_array().map(Vec::len), Some(1));
        desk.muster("organizations list --limit 0").await.expect(64);
        let shown = desk.muster("organizations show acme-7").await.expect(0);
        shown.says("muster-domain-verification.acme.example: ").says(&acme);
        desk.muster("organizations show").await.expect(0).says("Test organization");

        desk.muster("directories create Okta --organization acme-7").await.expect(0);
        let refused = desk.muster("organizations delete acme-7").await.expect(1);
        refused.says("directory Okta: 0 people, 0 groups").says("nothing was done").says("--yes");
        desk.muster("organizations show acme-7").await.expect(0);
        let gone = desk.muster("organizations delete acme-7 --yes --json").await.expect(0).json();
        assert_eq!(gone, json!({"id": acme, "deleted": true}));
        desk.muster("organizations show acme-7").await.expect(1).says("404");
        desk.muster("organizations delete nobody --yes").await.expect(1).says("404");
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_made_with_its_token_and_shown_with_where_to_connect() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let made =
            desk.muster("directories create Entra --type azure --settings {\"log_bodies\":\"all\"} --token T --json");
        let made = made.await.expect(0).json();
        let (base, token) = (made["directory"]["scim_base_url"].as_str(), made["token"]["token"].as_str());
        let answer =
            super::support::server::client().get(format!("{}/Users", base.unwrap())).bearer_auth(token.unwrap());
        assert_eq!(answer.send().await.unwrap().status(), 200, "what is printed is what the identity provider needs");
        let shown = desk.muster("directories show Entra").await.expect(0);
        shown.says(base.unwrap()).says("0 people, 0 groups").says("linked").says("scim_token_");
        let shown = desk.muster("directories show Entra --json").await.expect(0).json();
        assert_eq!(shown["directory"]["settings"]["log_bodies"], "all");
        assert!(!shown.to_string().contains(token.unwrap()), "the token is shown once");
        desk.muster("directories list").await.expect(0).says("Entra").says("Test directory");
        desk.muster("directories show Nowhere").await.expect(1).says("no directory \"Nowhere\"");
        desk.muster("directories create Bad --settings {").await.expect(1).says("--settings is not JSON");
        desk.muster("directories create Entra").await.expect(0);
        desk.muster("directories show Entra")
            .await
            .expect(1)
            .says("2 directories are called \"Entra\"")
            .says("directory_");
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_paused_and_resumed_by_a_plan_that_is_looked_at() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let when = json!({"group": "displayName sw \"eng-\""});
        server.rule(&desk.directory.organization, "teams", when, json!([{"mirror_group": {}}])).await;
        let id = desk.directory.id.clone();
        desk.muster(&format!("directories pause {id}")).await.expect(0).says("is paused since");
        desk.muster(&format!("directories resume {id}")).await.expect(0).says("is resumed");
        desk.muster(&format!("directories pause {id}")).await.expect(0);
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.group("eng-ios", &[&ada]).await;
        desk.muster(&format!("directories show {id}")).await.expect(0).says("linked, paused").says("2 writes wait");

        let plan = desk.muster(&format!("directories resume {id}")).await.expect(2);
        let plan = plan.says("+ ada@acme.example  group \"eng-ios\"  (teams)").says("is resumed");
        assert!(native(&server, &desk.directory.organization).await.groups().is_empty(), "{}", plan.out);
        let plan = desk.muster(&format!("directories resume {id} --json")).await.expect(2).json();
        assert_eq!(plan["plan"]["object"], "mapping_plan");
        desk.muster(&format!("directories resume {id} --yes --wait")).await.expect(0).says("(apply): succeeded");
        assert_eq!(native(&server, &desk.directory.organization).await.groups(), ["eng-ios: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn removing_a_directory_shows_whom_it_would_take_something_from() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({"guard": {"minimum": 0, "percent": 0}})).await;
        let when = json!({"group": "displayName sw \"eng-\""});
        server.rule(&desk.directory.organization, "teams", when, json!([{"mirror_group": {}}])).await;
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.group("eng-ios", &[&ada]).await;
        let id = desk.directory.id.clone();
        let asked = desk.muster(&format!("directories remove {id}")).await.expect(1);
        asked.says("1 person, 1 group. What it gave to people ends.").says("nothing was done");
        let plan = desk.muster(&format!("directories remove {id} --yes")).await.expect(3);
        let plan = plan.says("- ada@acme.example  group \"eng-ios\"").says("an approval is needed");
        assert_eq!(native(&server, &desk.directory.organization).await.groups().len(), 1, "{}", plan.out);
        let planned = desk.muster(&format!("directories remove {id} --yes --json")).await.expect(3).json();
        assert_eq!(planned["plan"]["guard"]["verdict"], "would_park");

        desk.muster("directories create Spare").await.expect(0);
        let run = desk.muster("directories remove Spare --yes --wait --json").await.expect(0).json();
        assert_eq!(run["state"], "succeeded");
        desk.muster("directories show Spare").await.expect(1);
        desk.muster(&format!("directories remove {id} --origins nothing")).await.expect(64);
    })
    .await;
}

#[tokio::test]
async fn tokens_are_made_rotated_and_revoked_by_name_or_id() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let id = desk.directory.id.clone();
        let made = desk.muster(&format!("tokens create {id} Okta --expires 90d --allow 127.0.0.0/8 --json")).await;
        let made = made.expect(0).json();
        assert_eq!(made["allowed_ips"], json!(["127.0.0.0/8"]));
        assert!(made["expires_at"].is_string());
        let rotated = desk.muster(&format!("tokens rotate {id} Okta --overlap 2d")).await.expect(0);
        let rotated = rotated.says("shown this once").says("The old one works on for 48 hours at the most.");
        let token = rotated.out.lines().find_map(|line| line.trim().strip_prefix("scim_")).unwrap().to_owned();
        let ask = super::support::server::client().get(format!("{}/Users", desk.directory.base_url));
        let answer = ask.bearer_auth(format!("scim_{token}")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let listed = desk.muster(&format!("tokens list {id} --json")).await.expect(0).json();
        assert_eq!(listed.as_array().map(Vec::len), Some(3));
        let old = made["id"].as_str().unwrap();
        // Both have the name now. What is rotated again is the newest, what is revoked must be clear.
        desk.muster(&format!("tokens rotate {id} Okta --json")).await.expect(0);
        desk.muster(&format!("tokens rotate {id} {old}"))
            .await
            .expect(1)
            .says("was rotated already")
            .says("scim_token_");
        let newest = desk.muster(&format!("tokens list {id} --json")).await.expect(0).json();
        let newest =
            newest.as_array().unwrap().iter().find(|one| one["name"] == "Okta" && one["replaced_by"].is_null());
        let newest = newest.unwrap()["id"].as_str().unwrap().to_owned();
        desk.muster(&format!("tokens revoke {id} Okta")).await.expect(1).says("3 tokens are called").says(old);
        desk.muster(&format!("tokens revoke {id} {old}")).await.expect(0).says("is revoked");
        desk.muster(&format!("tokens revoke {id} {old}")).await.expect(1).says("404");
        desk.muster(&format!("tokens revoke {id} {newest} --json")).await.expect(0).says("\"deleted\": true");
        desk.muster(&format!("tokens rotate {id} Okta")).await.expect(1).says("create a new token");
        desk.muster(&format!("tokens revoke {id} Okta")).await.expect(0).says("is revoked");
        desk.muster(&format!("tokens list {id}")).await.expect(0).says("test");
        for wrong in ["--overlap 90m", "--overlap x", "--expires yesterday"] {
            desk.muster(&format!("tokens rotate {id} test {wrong}")).await.expect(64);
        }
        desk.muster(&format!("tokens rotate {id} test --overlap 31d")).await.expect(1).says("from 0 to 720");
    })
    .await;
}

#[tokio::test]
async fn keys_reach_one_organization_unless_somebody_says_more() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let made = desk.muster("keys create App --role read --json").await.expect(0).json();
        assert_eq!(made["organization_id"].as_str(), Some(desk.directory.organization.as_str()));
        let key = made["key"].as_str().unwrap();
        desk.muster(&format!("directories list --key {key}")).await.expect(0).says("Test directory");
        desk.muster(&format!("directories create X --key {key}")).await.expect(1).says("may only read");
        desk.muster("keys create Everything --environment").await.expect(0).says("Reaches every organization");
        let listed = desk.muster("keys list").await.expect(0).says("App");
        assert!(!listed.out.contains("Everything"), "{}", listed.out);
        desk.muster("keys list --environment").await.expect(0).says("App").says("every organization");
        desk.muster("keys list --organization nobody").await.expect(1).says("404");
        desk.muster("keys list --organization org_01ARZ3NDEKTSV4RRFFQ69G5FAV").await.expect(1).says("404");
        let id = made["id"].as_str().unwrap();
        desk.muster(&format!("keys revoke {id}")).await.expect(0);
        desk.muster(&format!("directories list --key {key}")).await.expect(1).says("401");
        desk.muster("keys create X --role king").await.expect(64);
        let told = desk.muster("keys list").await.expect(0);
        assert!(!told.out.contains(key) && !told.out.contains(ROOT_KEY));
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_for_a_link_is_listed_and_decided_about() {
    on_each_server(|server| async move {
        let theirs = server.directory().await;
        let everybody = json!({"user": "active eq true"});
        server.rule(&theirs.organization, "all", everybody.clone(), json!([{"ensure_membership": {}}])).await;
        theirs.user("ada@acme.example").await;
        theirs.user("bo@acme.example").await;
        let desk = Desk::set(&server, json!({})).await;
        server.rule(&desk.directory.organization, "all", everybody, json!([{"ensure_membership": {}}])).await;
        // Accounts of other organizations: nobody gets them unasked.
        let ada = desk.directory.user("ada@acme.example").await;
        let bo = desk.directory.user("bo@acme.example").await;
        desk.muster("links list").await.expect(0).says(&ada).says("an account has the address");
        desk.muster(&format!("links confirm {ada}")).await.expect(0).says("ada@acme.example is linked: user_");
        desk.muster(&format!("links refuse {bo} --json")).await.expect(0).says("\"state\": \"refused\"");
        desk.muster("links list").await.expect(0).says("There is no such link.");
        let all = desk.muster("links list --state all --json").await.expect(0).json();
        assert_eq!(all.as_array().map(Vec::len), Some(2));
        desk.muster("links list --state odd").await.expect(64);

        let people = native(&server, &desk.directory.organization).await.people();
        assert_eq!(people, ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn native_groups_are_listed_with_their_members() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let when = json!({"group": "displayName sw \"eng-\""});
        server.rule(&desk.directory.organization, "teams", when, json!([{"mirror_group": {}}])).await;
        let ada = desk.directory.user("ada@acme.example").await;
        desk.directory.group("eng-ios", &[&ada]).await;
        server.group_named(&desk.directory.organization, "Empty").await;
        desk.muster("groups list").await.expect(0).says("eng-ios").says("Empty");
        desk.muster("groups members eng-ios").await.expect(0).says("ada@acme.example").says("a directory");
        desk.muster("groups members Empty").await.expect(0).says("Nobody is in Empty.");
        let members = desk.muster("groups members eng-ios --json").await.expect(0).json();
        assert_eq!((&members["members"][0]["status"], &members["more_members"]), (&json!("active"), &json!(false)));
        server.group_named(&desk.directory.organization, "\u{1b}[31mred").await;
        let told = desk.muster("groups list").await.expect(0).says("[31mred");
        assert!(!told.out.contains('\u{1b}'), "a name cannot steer a terminal");
        desk.muster("groups members Nowhere").await.expect(1).says("no group \"Nowhere\"");
    })
    .await;
}

#[tokio::test]
async fn a_portal_link_is_asked_for_as_the_endpoint_is_documented() {
    use axum::Json;
    use axum::routing::{get, post};
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Value::Null));
    let seen = asked.clone();
    let generate = post(move |Json(body): Json<Value>| async move {
        *seen.lock().unwrap() = body;
        Json(json!({"link": "https://scim.example.com/portal/abc"}))
    });
    let organization = get(|| async { Json(json!({"id": "org_1"})) });
    let routes = axum::Router::new()
        .route("/portal/generate_link", generate)
        .route("/organizations/external_id/acme", organization);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let told = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(folder.path(), &url, "acme");
        command.args(["portal", "link", "--return-url", "https://app.example/done"]).output().unwrap()
    });
    let told = told.await.unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), "https://scim.example.com/portal/abc\n");
    let body = json!({"organization": "org_1", "intent": "dsync", "return_url": "https://app.example/done"});
    assert_eq!(*asked.lock().unwrap(), body);
    serving.abort();
}

#[tokio::test]
async fn people_see_the_first_rows_of_a_list_and_scripts_see_all() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        for at in 0..103 {
            server.group_named(&desk.directory.organization, &format!("group {at}")).await;
        }
        let count = async |words: &str| {
            let told = desk.muster(&format!("groups list --json {words}")).await.expect(0).json();
            told.as_array().map(Vec::len)
        };
        assert_eq!((count("").await, count("--limit 101").await), (Some(103), Some(101)));
        let told = desk.muster("groups list").await.expect(0).says("… and more; --limit shows them");
        assert_eq!(told.out.matches("group_").count(), 100);
    })
    .await;
}
