//! Users and organizations as an application changes and deletes them.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::server::{TestServer, on_each_server};

const NONE: Value = Value::Null;
const USERS: &str = "/user_management/users";

#[tokio::test]
async fn a_user_is_made_changed_and_deleted_by_a_key_of_the_environment() {
    on_each_server(|server| async move {
        let body = json!({
            "email": "Ada@acme.example", "first_name": "Ada", "last_name": null, "email_verified": true,
            "external_id": "crm 7", "metadata": {"tier": "gold"}, "password": "kept nowhere",
        });
        let made = server.api("POST", USERS, body).await.expect(201);
        assert_eq!(
            (made.at("/email"), made.at("/first_name"), made.at("/last_name"), made.at("/email_verified")),
            (&json!("Ada@acme.example"), &json!("Ada"), &NONE, &json!(true))
        );
        assert!(!made.body.to_string().contains("kept nowhere"));
        let path = format!("{USERS}/{}", made.text("/id"));
        assert_eq!(server.api("GET", &format!("{USERS}/external_id/crm%207"), NONE).await.expect(200).body, made.body);
        let changed = json!({"last_name": "Byron", "first_name": null, "metadata": {"tier": null, "a": "b"}});
        let changed = server.api("PUT", &path, changed).await.expect(200);
        assert_eq!(
            (changed.at("/first_name"), changed.at("/last_name"), changed.at("/metadata"), changed.at("/external_id")),
            (&NONE, &json!("Byron"), &json!({"a": "b"}), &json!("crm 7"))
        );
        server.api("POST", USERS, json!({"email": "bob@acme.example"})).await.expect(201);
        for (method, path, body, status, code) in [
            ("POST", USERS, json!({"email": "ADA@ACME.example"}), 400, "user_creation_error"),
            ("POST", USERS, json!({"email": "eve@x.example", "external_id": "crm 7"}), 400, "external_id_already_used"),
            ("POST", USERS, json!({"email": "eve@x.example", "metadata": {"a": 1}}), 400, "invalid_metadata"),
            ("POST", USERS, json!({"email": "no address"}), 400, "invalid_email"),
            ("POST", USERS, json!({}), 422, "invalid_request_parameters"),
            ("PUT", &path, json!({"email": "bob@acme.example"}), 400, "email_not_available"),
            ("PUT", &path, json!({"external_id": ""}), 422, "invalid_request_parameters"),
            ("PUT", "/user_management/users/user_01ARZ3NDEKTSV4RRFFQ69G5FAV", json!({}), 404, "entity_not_found"),
        ] {
            let refused = server.api(method, path, body.clone()).await.expect(status);
            assert_eq!(refused.text("/code"), code, "{method} {path} {body}");
            assert_eq!(refused.at("/errors").is_array(), [400, 422].contains(&status), "{}", refused.body);
        }
        server.api("PUT", &path, json!({"email": "ada@elsewhere.example"})).await.expect(200);

        let organization = server.organization("Acme").await;
        let member = json!({"organization_id": organization, "user_id": made.text("/id")});
        server.api("POST", "/user_management/organization_memberships", member).await.expect(201);
        let key = server.organization_key(&organization, "owner").await;
        for (method, path) in [("POST", USERS), ("PUT", path.as_str()), ("DELETE", path.as_str())] {
            server.api_with(&key, method, path, json!({"email": "x@x.example"})).await.expect(403);
        }
        server.api("DELETE", &path, NONE).await.expect(200);
        server.api("GET", &path, NONE).await.expect(404);
        server.api("DELETE", &path, NONE).await.expect(404);
        assert!(native(&server, &organization).await.people().is_empty(), "the membership went with the user");
    })
    .await;
}

#[tokio::test]
async fn an_organization_takes_the_fields_that_are_sent_and_keeps_the_others() {
    on_each_server(|server| async move {
        let body = json!({
            "name": "Acme", "external_id": "crm-1", "metadata": {"tier": "gold", "region": "eu"},
            "domain_data": [{"domain": "acme.example", "state": "verified"}, {"domain": "old.example"}],
        });
        let made = server.api("POST", "/organizations", body).await.expect(201);
        let path = format!("/organizations/{}", made.text("/id"));
        let put = async |body: Value| server.api("PUT", &path, body).await;
        let renamed = put(json!({"name": "Acme Inc", "stripe_customer_id": "cus_1"})).await.expect(200);
        assert_eq!(
            (renamed.at("/name"), renamed.at("/external_id"), renamed.at("/stripe_customer_id"), renamed.at("/metadata")),
            (&json!("Acme Inc"), &json!("crm-1"), &json!("cus_1"), made.at("/metadata"))
        );
        assert_eq!(renamed.at("/domains"), made.at("/domains"));
        assert_eq!(*put(json!({"metadata": {"tier": null, "a": "b"}})).await.expect(200).at("/metadata"), json!({"region": "eu", "a": "b"}));
        assert_eq!(*put(json!({"metadata": {}})).await.expect(200).at("/metadata"), json!({}));
        let cleared = put(json!({"external_id": null, "stripe_customer_id": null})).await.expect(200);
        assert_eq!((cleared.at("/external_id"), cleared.at("/stripe_customer_id")), (&NONE, &NONE));
        assert!(put(json!({"allow_profiles_outside_organization": true})).await.expect(200).body["allow_profiles_outside_organization"] == true);

        // Domains that stay keep their ids, whatever the spelling; others go and come.
        let set = json!({"domain_data": [{"domain": "ACME.example"}, {"domain": "new.example", "state": "verified"}]});
        let set = put(set).await.expect(200);
        let domains: Vec<_> = set.at("/domains").as_array().unwrap().iter().map(|d| (d["domain"].as_str().unwrap(), d["state"].as_str().unwrap())).collect();
        assert_eq!(domains, [("acme.example", "verified"), ("new.example", "verified")]);
        assert_eq!(set.at("/domains/0/id"), made.at("/domains/0/id"));

        server.api("POST", "/organizations", json!({"name": "B", "external_id": "crm-2"})).await.expect(201);
        let other = server.api("POST", "/organizations", json!({"name": "C"})).await.expect(201).text("/id");
        let other = format!("/organizations/{other}");
        server.api("PUT", &other, json!({"stripe_customer_id": "cus_9"})).await.expect(200);
        for (body, status, code) in [
            (json!({"external_id": "crm-2"}), 400, "external_id_already_used"),
            (json!({"stripe_customer_id": "cus_9"}), 400, "stripe_customer_id_already_used"),
            (json!({"metadata": {"a": 1}}), 400, "invalid_metadata"),
            (json!({"name": " "}), 422, "invalid_request_parameters"),
            (json!({"name": 1}), 422, "invalid_request_parameters"),
            (json!({"domain_data": [{"domain": "a b"}]}), 422, "invalid_request_parameters"),
            (json!({"domains": (0..101).map(|n| format!("d{n}.example")).collect::<Vec<_>>()}), 422, "invalid_request_parameters"),
        ] {
            assert_eq!(put(body.clone()).await.expect(status).text("/code"), code, "{body}");
        }
        let taken = json!({"domain_data": [{"domain": "acme.example", "state": "verified"}]});
        assert_eq!(server.api("PUT", &other, taken).await.expect(409).text("/code"), "domain_already_exists");
        let key = server.organization_key(&made.text("/id"), "admin").await;
        let repeated = json!({"domain_data": [{"domain": "acme.example", "state": "verified"}]});
        server.api_with(&key, "PUT", &path, repeated).await.expect(200);
        let vouching = json!({"domain_data": [{"domain": "mine.example", "state": "verified"}]});
        server.api_with(&key, "PUT", &path, vouching).await.expect(403);
        server.api_with(&key, "PUT", &other, json!({"name": "Mine"})).await.expect(404);
        server.api("PUT", "/organizations/org_01ARZ3NDEKTSV4RRFFQ69G5FAV", json!({"name": "x"})).await.expect(404);
    })
    .await;
}

/// An organization with a directory, a mirror, people by rule and by hand, and a run that waits.
async fn full(server: &TestServer) -> (String, String, String) {
    let directory = server.directory().await;
    let organization = directory.organization.clone();
    let groups = format!("/organizations/{organization}/groups");
    let by_hand = server.api("POST", &groups, json!({"name": "By hand"})).await.expect(201).text("/id");
    server.rule(&organization, "all", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
    let ada = directory.user("ada@acme.example").await;
    directory.group("Eng", &[&ada, "not-yet-known"]).await;
    let user = server.api("POST", USERS, json!({"email": "bob@acme.example"})).await.expect(201).text("/id");
    let member = json!({"organization_id": organization, "user_id": user});
    let member = server.api("POST", "/user_management/organization_memberships", member).await.expect(201).text("/id");
    let add = json!({"organization_membership_id": member});
    server.api("POST", &format!("{groups}/{by_hand}/organization-memberships"), add).await.expect(200);
    server
        .api("POST", "/organization_domains", json!({"organization_id": organization, "domain": "acme.example"}))
        .await
        .expect(201);
    let key = server.organization_key(&organization, "admin").await;
    let status = directory.scim("GET", "/Users", NONE).await.status;
    assert_eq!(status, 200);
    (organization, key, directory.base_url.clone() + " " + &directory.token)
}

#[tokio::test]
async fn a_deleted_organization_leaves_nothing_but_its_events() {
    on_each_server(|server| async move {
        let (organization, key, directory) = full(&server).await;
        let stays = full_of_another(&server).await;
        let path = format!("/organizations/{organization}");
        server.api_with(&key, "DELETE", &path, NONE).await.expect(403);
        server.api("DELETE", &path, NONE).await.expect(200);

        for path in [path.clone(), format!("{path}/groups"), format!("{path}/roles")] {
            server.api("GET", &path, NONE).await.expect(404);
        }
        server.api("DELETE", &path, NONE).await.expect(404);
        server.api("PUT", &path, json!({"name": "x"})).await.expect(404);
        server.api_with(&key, "GET", &path, NONE).await.expect(401);
        let (base_url, token) = directory.split_once(' ').unwrap();
        let url = format!("{base_url}/Users");
        let http = super::support::server::client();
        let scim = super::support::server::send(&http, "GET", &url, token, "application/scim+json", NONE).await;
        assert_eq!(scim.status, 401);

        let id = organization.parse().unwrap();
        let mut tx = server.server.app.db.read().await.unwrap();
        let told = muster::store::events::after(&mut tx, id, 0, 1_000).await.unwrap();
        let positions: Vec<i64> = told.iter().map(|event| event.position).collect();
        assert_eq!(positions, (1..=i64::try_from(told.len()).unwrap()).collect::<Vec<_>>(), "without gaps");
        let gone: Vec<&str> = told
            .iter()
            .map(|event| event.event.as_str())
            .filter(|name| name.contains("delete") || name.contains("removed"))
            .collect();
        assert_eq!(
            gone,
            [
                "group.member_removed",
                "organization_membership.deleted",
                "group.member_removed",
                "organization_membership.deleted",
                "group.deleted",
                "group.deleted",
                "dsync.deleted",
                "organization_domain.deleted",
                "organization.deleted",
            ]
        );
        drop(tx);
        assert_eq!(rows_of(&server, &organization).await, Vec::<String>::new());
        assert!(!rows_of(&server, &stays).await.is_empty(), "others are not touched");
        assert_eq!(native(&server, &stays).await.groups(), ["Eng: ada@other.example"]);
    })
    .await;
}

async fn full_of_another(server: &TestServer) -> String {
    let directory = server.directory().await;
    server
        .rule(&directory.organization, "all", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}]))
        .await;
    let ada = directory.user("ada@other.example").await;
    directory.group("Eng", &[&ada]).await;
    directory.organization
}

/// The tables that have rows of an organization, apart from its own row and its events.
async fn rows_of(server: &TestServer, organization: &str) -> Vec<String> {
    let id: muster::domain::id::OrganizationId = organization.parse().unwrap();
    let mut tx = server.server.app.db.read().await.unwrap();
    let mut found = Vec::new();
    for table in [
        "organization_domains",
        "api_keys",
        "directories",
        "scim_tokens",
        "directory_users",
        "directory_user_emails",
        "directory_groups",
        "directory_edges",
        "directory_resources",
        "directory_unique_values",
        "roles",
        "organization_memberships",
        "groups",
        "group_memberships",
        "membership_roles",
        "identity_links",
        "mapping_rules",
        "mapping_rule_versions",
        "bindings",
        "origins",
        "requests",
        "ended_origins",
        "sync_runs",
        "parked_effects",
        "guard_losses",
        "mapping_plans",
        "mapping_effects",
        "verifications",
        "webhook_endpoints",
        "webhook_deliveries",
    ] {
        let text = format!("SELECT COUNT(*) FROM {table} WHERE organization_id = $1");
        let (count,): (i64,) = tx.fetch_one(muster::store::sql(text).bind(id)).await.unwrap();
        if count > 0 {
            found.push(table.to_owned());
        }
    }
    found
}

#[tokio::test]
async fn a_worker_goes_on_with_an_organization_that_was_left_half_deleted() {
    on_each_server(|server| async move {
        let (organization, ..) = full(&server).await;
        let id: muster::domain::id::OrganizationId = organization.parse().unwrap();
        // What the first transaction of a deletion does, after which the process dies.
        let now = server.server.app.clock.now();
        let buried = server.server.app.db.write(muster::store::Lane::Organization(id), move |tx| {
            Box::pin(async move {
                muster::store::organizations::bury(
                    tx,
                    id,
                    r#"{"key": "root", "name": "Root key", "request": null}"#,
                    now,
                )
                .await?;
                muster::store::emptying::shut(tx, id, now).await
            })
        });
        buried.await.unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !rows_of(&server, &organization).await.is_empty() {
            assert!(std::time::Instant::now() < deadline, "{:?} are left", rows_of(&server, &organization).await);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let mut tx = server.server.app.db.read().await.unwrap();
        let told = muster::store::events::after(&mut tx, id, 0, 1_000).await.unwrap();
        let last = told.last().unwrap();
        assert_eq!(last.event, "organization.deleted");
        assert!(last.context.contains("Root key"), "whoever began it is named: {}", last.context);
    })
    .await;
}
