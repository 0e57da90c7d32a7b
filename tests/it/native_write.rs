//! Organizations, groups and directories as an application or an admin makes them.

use serde_json::{Value, json};

use super::support::server::{ROOT_KEY, answer, client, on_each_server};

const NONE: Value = Value::Null;

#[tokio::test]
async fn an_organization_is_found_by_everything_it_was_made_with() {
    on_each_server(|server| async move {
        let body = json!({
            "name": "Åkerö 100%", "external_id": "crm/7 a", "metadata": {"tier": "gold"}, "unknown": [1],
            "domain_data": [{"domain": "acme.example", "state": "verified"}, {"domain": "b.example", "state": "pending"}],
            "domains": ["B.example", "c.example"],
        });
        let made = server.api("POST", "/organizations", body).await.expect(201);
        assert_eq!(made.headers["muster-revision"], "5", "one event for it, one for each domain, one for the verified one");
        let domains = made.at("/domains").as_array().unwrap().iter();
        let states: Vec<_> = domains.map(|d| (d["domain"].as_str().unwrap(), d["state"].as_str().unwrap())).collect();
        assert_eq!(states, [("acme.example", "verified"), ("b.example", "pending"), ("c.example", "pending")]);
        assert_eq!(*made.at("/metadata"), json!({"tier": "gold"}));
        let id = made.text("/id");
        server.organization("Plain").await;
        for path in [
            format!("/organizations/{id}"),
            "/organizations/external_id/crm%2F7%20a".to_owned(),
        ] {
            assert_eq!(server.api("GET", &path, NONE).await.expect(200).body, made.body, "{path}");
        }
        for query in [
            "search=%C3%A5ker%C3%B6", "search=%C3%85KER", "search=100%25", "domains=acme.example",
            "domains=nobody.example,ACME.example", "domains[]=b.example", "domains=x.example&domains=c.example",
        ] {
            let found = server.api("GET", &format!("/organizations?{query}"), NONE).await.expect(200);
            assert_eq!(found.at("/data").as_array().unwrap().len(), 1, "{query}");
            assert_eq!(found.text("/data/0/id"), id, "{query}");
        }
        let none = server.api("GET", "/organizations?search=1_0&domains=acme.example", NONE).await.expect(200);
        assert_eq!(*none.at("/data"), json!([]), "% and _ stand for themselves");

        let plain = server.api("GET", "/organizations?search=plain", NONE).await.expect(200).body["data"][0].clone();
        assert_eq!(plain["external_id"], NONE);
        assert_eq!((&plain["domains"], &plain["metadata"]), (&json!([]), &json!({})));
        let roles = server.api("GET", &format!("/organizations/{id}/roles"), NONE).await.expect(200);
        let slugs: Vec<&Value> = roles.at("/data").as_array().unwrap().iter().map(|role| &role["slug"]).collect();
        assert_eq!(slugs, ["member", "admin"]);
    })
    .await;
}

#[tokio::test]
async fn what_must_be_unique_is_refused_the_second_time() {
    on_each_server(|server| async move {
        let create = async |body: Value| server.api("POST", "/organizations", body).await;
        create(json!({"name": "A", "external_id": "x"})).await.expect(201);
        let second = create(json!({"name": "B", "external_id": "x"})).await.expect(400);
        assert_eq!(second.text("/code"), "external_id_already_used");

        let domain = |state: &str| json!([{"domain": "acme.example", "state": state}]);
        create(json!({"name": "C", "domain_data": domain("pending")})).await.expect(201);
        create(json!({"name": "D", "domain_data": domain("verified")})).await.expect(201);
        let taken =
            create(json!({"name": "E", "external_id": "y", "domain_data": domain("verified")})).await.expect(409);
        assert_eq!(taken.text("/code"), "domain_already_exists");
        create(json!({"name": "F", "domain_data": domain("pending")})).await.expect(201);
        // What was refused left nothing behind.
        create(json!({"name": "G", "external_id": "y"})).await.expect(201);
        let twice = json!([{"domain": "t.example"}, {"domain": "T.example"}]);
        create(json!({"name": "H", "domain_data": twice})).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn values_of_the_wrong_kind_are_named() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let organizations = "/organizations".to_owned();
        let groups = format!("/organizations/{organization}/groups");
        for (path, body, status, field) in [
            (&organizations, json!({}), 422, "name"),
            (&organizations, json!({"name": null}), 422, "name"),
            (&organizations, json!({"name": 7}), 422, "name"),
            (&organizations, json!({"name": "  "}), 422, "name"),
            (&organizations, json!({"name": "x".repeat(257)}), 422, "name"),
            (&organizations, json!({"name": "x", "external_id": "é"}), 422, "external_id"),
            (&organizations, json!({"name": "x", "external_id": {}}), 422, "external_id"),
            (&organizations, json!({"name": "x", "metadata": []}), 422, "metadata"),
            (&organizations, json!({"name": "x", "metadata": {"a": 1}}), 400, ""),
            (&organizations, json!({"name": "x", "domains": [1]}), 422, "domains"),
            (&organizations, json!({"name": "x", "domain_data": [{}]}), 422, "domain_data[0].domain"),
            (&organizations, json!({"name": "x", "domain_data": ["a.example"]}), 422, "domain_data[0].domain"),
            (
                &organizations,
                json!({"name": "x", "domain_data": [{"domain": "a.b", "state": "failed"}]}),
                422,
                "domain_data[0].state",
            ),
            (&organizations, json!({"name": "x", "domain_data": [{"domain": "a b"}]}), 422, "domain_data"),
            (
                &organizations,
                json!({"name": "x", "allow_profiles_outside_organization": "yes"}),
                422,
                "allow_profiles_outside_organization",
            ),
            (&organizations, json!([]), 422, ""),
            (&groups, json!({}), 422, "name"),
            (&groups, json!({"name": ["x"]}), 422, "name"),
            (&groups, json!({"name": "é".repeat(257)}), 422, "name"),
            (&groups, json!({"name": "x", "description": 1}), 422, "description"),
            (&groups, json!({"name": "x", "description": "é".repeat(151)}), 422, "description"),
        ] {
            let refused = server.api("POST", path, body.clone()).await;
            assert_eq!(refused.status, status, "{path} {body}: {}", refused.body);
            assert!(refused.at("/message").is_string() && refused.at("/code").is_string());
            if status == 422 {
                assert_eq!(refused.text("/errors/0/field"), field, "{path} {body}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_is_read_strictly_but_asked_for_only_where_it_matters() {
    on_each_server(|server| async move {
        let url = format!("{}/organizations", server.server.url());
        let http = client();
        let post = async |kind: &str, body: Vec<u8>| {
            answer(http.post(&url).bearer_auth(ROOT_KEY).header("content-type", kind).body(body)).await
        };
        let json = "application/json";
        for (kind, body, status) in [
            (json, b"".to_vec(), 422),
            (json, b" ".to_vec(), 422),
            ("text/plain", b"".to_vec(), 422),
            (json, b"{".to_vec(), 400),
            (json, b"\xff".to_vec(), 400),
            (json, br#"{"name": "a", "name": "b"}"#.to_vec(), 400),
            (json, br#"{"name": "a\u0000"}"#.to_vec(), 400),
            ("text/plain", br#"{"name": "a"}"#.to_vec(), 415),
            ("application/x-www-form-urlencoded", b"name=a".to_vec(), 415),
            (json, format!(r#"{{"name": "{}"}}"#, "x".repeat(2 << 20)).into_bytes(), 413),
            (json, [vec![b'['; 100], vec![b']'; 100]].concat(), 400),
            ("application/json; charset=utf-8", br#"{"name": "a"}"#.to_vec(), 201),
            ("Application/JSON", br#"{"name": "a"}"#.to_vec(), 201),
        ] {
            let shown = String::from_utf8_lossy(&body).chars().take(40).collect::<String>();
            let answer = post(kind, body).await;
            assert_eq!(answer.status, status, "{kind} {shown}: {}", answer.body);
            assert!(answer.at("/message").is_string() || status == 201, "{kind} {shown}");
        }
        // Where nothing is required, nothing need be sent, as the SDKs do.
        let directory = server.directory().await;
        let nothing = format!("{}/directories/{}", server.server.url(), directory.id);
        answer(http.patch(&nothing).bearer_auth(ROOT_KEY).header("content-type", json)).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_new_group_is_there_at_once_and_says_so() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let groups = format!("/organizations/{organization}/groups");
        let first = server.api("POST", &groups, json!({"name": "Ops"})).await.expect(201);
        assert_eq!(first.body.get("description"), Some(&NONE), "nullable keys are there");
        assert_eq!(first.text("/object"), "group");
        assert_eq!(first.text("/organization_id"), organization);
        assert_eq!(first.headers["muster-revision"], "2", "after organization.created");
        let second = server.api("POST", &groups, json!({"name": "Ops", "description": "On call"})).await.expect(201);
        assert_eq!(second.headers["muster-revision"], "3", "names need not be unique");
        let id = second.text("/id");
        assert_eq!(server.api("GET", &format!("{groups}/{id}"), NONE).await.expect(200).body, second.body);
        let by_id = server.api("GET", &format!("{groups}?search={id}"), NONE).await.expect(200);
        assert_eq!((by_id.at("/data").as_array().unwrap().len(), by_id.text("/data/0/id")), (1, id));
        let long = "x".repeat(257);
        server.api("GET", &format!("{groups}?search={long}"), NONE).await.expect(422);
        let empty = format!("{groups}/{}/organization-memberships", first.text("/id"));
        assert_eq!(*server.api("GET", &empty, NONE).await.expect(200).at("/data"), json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_directory_keeps_the_settings_that_are_not_named() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let body = json!({"organization_id": organization, "name": "Okta", "settings": {"unique_group_names": true}});
        let made = server.api("POST", "/directories", body).await.expect(201);
        assert!(made.headers.contains_key("muster-revision"));
        assert_eq!(made.text("/type"), "generic scim v2.0");
        assert_eq!(made.text("/state"), "validating");
        let id = made.text("/id");
        let base = format!("{}/scim/v2/{id}", server.server.url());
        assert_eq!(made.text("/scim_base_url"), base);
        let path = format!("/directories/{id}");

        let change = json!({"name": "Entra", "type": "azure scim v2.0", "settings": {"lenient_filters": true}});
        let changed = server.api("PATCH", &path, change).await.expect(200);
        assert_eq!((changed.text("/name"), changed.text("/type")), ("Entra".to_owned(), "azure scim v2.0".to_owned()));
        assert_eq!(*changed.at("/settings/unique_group_names"), json!(true));
        assert_eq!(*changed.at("/settings/lenient_filters"), json!(true));
        let reset = server.api("PATCH", &path, json!({"settings": {"unique_group_names": null}})).await.expect(200);
        assert_eq!(*reset.at("/settings/unique_group_names"), json!(false));
        assert_eq!(*reset.at("/settings/lenient_filters"), json!(true));
        for (settings, field) in [
            (json!({"lenient_filter": true}), "settings"),
            (json!({"lenient_filter": null}), "settings"),
            (json!({"lenient_filters": "yes"}), "settings.lenient_filters"),
            (json!({"pending_members": "maybe"}), "settings.pending_members"),
        ] {
            let refused = server.api("PATCH", &path, json!({"settings": settings})).await.expect(422);
            assert!(refused.text("/errors/0/field").starts_with(field), "{}", refused.body);
        }
        for (body, field) in [
            (json!({"organization_id": organization}), "name"),
            (json!({"name": "x"}), "organization_id"),
            (json!({"organization_id": organization, "name": ""}), "name"),
            (json!({"organization_id": organization, "name": "x", "settings": []}), "settings"),
        ] {
            let refused = server.api("POST", "/directories", body).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), field, "{}", refused.body);
        }
        let nowhere = json!({"organization_id": "org_01ARZ3NDEKTSV4RRFFQ69G5FAV", "name": "x"});
        server.api("POST", "/directories", nowhere).await.expect(404);
        let found = server.api("GET", &format!("/directories?search=entr&organization_id={organization}"), NONE).await;
        assert_eq!((found.text("/data/0/id"), found.text("/data/0/scim_base_url")), (id, base));
    })
    .await;
}

#[tokio::test]
async fn a_directory_counts_what_it_holds_and_is_linked_once_reached() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@acme.example").await;
        directory.user("bob@acme.example").await;
        directory.group("Staff", &[&ada]).await;
        let leave = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "ada@acme.example", "active": false,
        });
        directory.scim("PUT", &format!("/Users/{ada}"), leave).await.expect(200);
        let one = server.api("GET", &format!("/directories/{}", directory.id), NONE).await.expect(200);
        assert_eq!(one.text("/state"), "linked");
        assert_eq!(*one.at("/metadata"), json!({"users": {"active": 1, "inactive": 1}, "groups": 1}));
    })
    .await;
}
