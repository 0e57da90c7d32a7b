//! Groups, their members and memberships as an application changes them.

use serde_json::{Value, json};

use super::support::explain::membership;
use super::support::native::native;
use super::support::server::{TestServer, on_each_server};

const NONE: Value = Value::Null;

/// Makes a user and their membership; answers both ids.
async fn member(server: &TestServer, organization: &str, email: &str) -> (String, String) {
    let user = server.api("POST", "/user_management/users", json!({"email": email})).await.expect(201).text("/id");
    let body = json!({"organization_id": organization, "user_id": user});
    let made = server.api("POST", "/user_management/organization_memberships", body).await.expect(201);
    (user, made.text("/id"))
}

/// The names of the events of an organization, oldest first.
async fn events(server: &TestServer, organization: &str) -> Vec<String> {
    let organization = organization.parse().unwrap();
    let mut tx = server.server.app.db.read().await.unwrap();
    let stored = muster::store::events::after(&mut tx, organization, 0, 1_000).await.unwrap();
    stored.into_iter().map(|event| event.event).collect()
}

#[tokio::test]
async fn a_group_takes_the_fields_that_are_sent_and_keeps_the_others() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let groups = format!("/organizations/{organization}/groups");
        let made = server.api("POST", &groups, json!({"name": "Eng", "description": "Makers"})).await.expect(201);
        let path = format!("{groups}/{}", made.text("/id"));
        for (body, name, description) in [
            (json!({"name": "Engineering"}), "Engineering", json!("Makers")),
            (json!({"description": "All of them"}), "Engineering", json!("All of them")),
            (json!({"name": "Eng", "description": null}), "Eng", NONE),
            (json!({"unknown": 1}), "Eng", NONE),
        ] {
            let changed = server.api("PATCH", &path, body.clone()).await.expect(200);
            assert_eq!((changed.text("/name"), changed.at("/description")), (name.to_owned(), &description), "{body}");
        }
        assert_eq!(
            events(&server, &organization).await[1..],
            ["group.created", "group.updated", "group.updated", "group.updated"]
        );
        for (body, status) in
            [(json!({"name": ""}), 422), (json!({"name": 7}), 422), (json!({"description": "é".repeat(151)}), 422)]
        {
            server.api("PATCH", &path, body).await.expect(status);
        }
        let deleted = server.api("DELETE", &path, NONE).await.expect(204);
        assert_eq!(deleted.headers["muster-revision"], "6");
        server.api("GET", &path, NONE).await.expect(404);
        server.api("DELETE", &path, NONE).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn people_join_and_leave_a_group_by_hand_with_an_event_for_each() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let (_, ada) = member(&server, &organization, "ada@acme.example").await;
        let (_, bob) = member(&server, &organization, "bob@acme.example").await;
        let groups = format!("/organizations/{organization}/groups");
        let group = server.api("POST", &groups, json!({"name": "Eng"})).await.expect(201);
        let members = format!("{groups}/{}/organization-memberships", group.text("/id"));
        let before = events(&server, &organization).await.len();

        let add = json!({"organization_membership_id": ada});
        let added = server.api("POST", &members, add.clone()).await.expect(200);
        assert_eq!(added.body, group.body, "the group is answered, and members do not touch it");
        server.api("POST", &members, add).await.expect(200);
        server.api("PATCH", &members, json!({"add": [bob, ada], "remove": []})).await.expect(204);
        server.api("PATCH", &members, json!({"remove": [ada]})).await.expect(204);
        server.api("DELETE", &format!("{members}/{ada}"), NONE).await.expect(204);
        assert_eq!(native(&server, &organization).await.groups(), ["Eng: bob@acme.example"]);
        server.api("DELETE", &format!("{members}/{bob}"), NONE).await.expect(204);
        assert_eq!(
            events(&server, &organization).await[before..],
            ["group.member_added", "group.member_added", "group.member_removed", "group.member_removed"]
        );

        for (body, status, code) in [
            (json!({}), 422, "invalid_request_parameters"),
            (json!({"add": [ada], "remove": [ada]}), 400, "group_membership_update_overlap"),
            (json!({"add": vec![&ada; 101]}), 422, "invalid_request_parameters"),
            (json!({"add": ["om_01ARZ3NDEKTSV4RRFFQ69G5FAV", ada]}), 404, "entity_not_found"),
            (json!({"add": ["x"]}), 404, "entity_not_found"),
            (json!({"add": ada}), 422, "invalid_request_parameters"),
        ] {
            let refused = server.api("PATCH", &members, body.clone()).await.expect(status);
            assert_eq!(refused.text("/code"), code, "{body}");
        }
        server.api("POST", &members, json!({})).await.expect(422);
        let elsewhere = server.organization("Other").await;
        let (_, stranger) = member(&server, &elsewhere, "eve@other.example").await;
        server.api("POST", &members, json!({"organization_membership_id": stranger})).await.expect(404);
        assert_eq!(native(&server, &organization).await.groups(), ["Eng: "], "nothing of what was refused happened");
    })
    .await;
}

#[tokio::test]
async fn what_a_rule_decides_is_refused_by_name() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let groups = format!("/organizations/{organization}/groups");
        let staff = server.api("POST", &groups, json!({"name": "Staff"})).await.expect(201).text("/id");
        let then = json!([{"mirror_group": {}}, {"into_group": {"group_id": staff}}]);
        server.rule(organization, "all", json!({"group": "displayName pr"}), then).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("Eng", &[&ada]).await;
        let ada = membership(&server, organization, "ada@acme.example").await;
        let listed = server.api("GET", &format!("{groups}?search=Eng"), NONE).await.expect(200);
        let mirror = format!("{groups}/{}", listed.text("/data/0/id"));
        let staff = format!("{groups}/{staff}");
        let add = json!({"organization_membership_id": ada});
        for (method, path, body, code) in [
            ("PATCH", mirror.clone(), json!({"name": "X"}), "group_managed"),
            ("DELETE", mirror.clone(), NONE, "group_managed"),
            ("POST", format!("{mirror}/organization-memberships"), add, "group_managed"),
            ("DELETE", format!("{mirror}/organization-memberships/{ada}"), NONE, "group_managed"),
            ("DELETE", staff.clone(), NONE, "group_in_use"),
            ("DELETE", format!("{staff}/organization-memberships/{ada}"), NONE, "member_by_rule"),
        ] {
            let refused = server.api(method, &path, body).await.expect(409);
            assert_eq!(refused.text("/code"), code, "{method} {path}");
            assert!(refused.text("/message").contains("'all'"), "the rule is named: {}", refused.body);
        }
        server.api("PATCH", &mirror, json!({"description": "Free to say"})).await.expect(200);
        let path = format!("/user_management/organization_memberships/{ada}");
        let refused = server.api("DELETE", &path, NONE).await.expect(422);
        assert_eq!(refused.text("/code"), "organization_membership_directory_managed");
        let user = server.api("GET", &path, NONE).await.expect(200).text("/user_id");
        let refused = server.api("DELETE", &format!("/user_management/users/{user}"), NONE).await.expect(409);
        assert_eq!(refused.text("/code"), "user_deletion_not_allowed");
        let led = server.api("PUT", &format!("/user_management/users/{user}"), json!({"first_name": "X"})).await;
        assert_eq!(led.expect(422).text("/code"), "user_directory_managed");
        let kept = json!({"external_id": "crm-7", "metadata": {"a": "b"}, "email_verified": true});
        server.api("PUT", &format!("/user_management/users/{user}"), kept).await.expect(200);
        assert_eq!(native(&server, organization).await.groups(), ["Eng: ada@acme.example", "Staff: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_becomes_free_goes_to_the_mirror_that_waits_for_it() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let groups = format!("/organizations/{organization}/groups");
        let mut held = Vec::new();
        for name in ["Red", "Blue"] {
            held.push(server.api("POST", &groups, json!({"name": name})).await.expect(201).text("/id"));
        }
        server.rule(organization, "all", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        directory.group("Red", &[]).await;
        directory.group("Blue", &[]).await;
        assert_eq!(native(&server, organization).await.groups().len(), 2, "both mirrors wait");
        server.api("PATCH", &format!("{groups}/{}", held[0]), json!({"name": "Old red"})).await.expect(200);
        assert_eq!(native(&server, organization).await.groups(), ["Blue: ", "Old red: ", "Red: "]);
        server.api("DELETE", &format!("{groups}/{}", held[1]), NONE).await.expect(204);
        let now = native(&server, organization).await;
        assert_eq!(now.groups(), ["Blue: ", "Old red: ", "Red: "]);
        assert!(!now.group_ids().contains(&held[1].as_str()), "Blue is the mirror now");
    })
    .await;
}

#[tokio::test]
async fn a_deleted_group_lets_its_people_go_first() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let (_, ada) = member(&server, &organization, "ada@acme.example").await;
        let groups = format!("/organizations/{organization}/groups");
        let group = server.api("POST", &groups, json!({"name": "Eng"})).await.expect(201).text("/id");
        let members = format!("{groups}/{group}/organization-memberships");
        server.api("POST", &members, json!({"organization_membership_id": ada})).await.expect(200);
        server.api("DELETE", &format!("{groups}/{group}"), NONE).await.expect(204);
        let told = events(&server, &organization).await;
        assert_eq!(told[told.len() - 2..], ["group.member_removed", "group.deleted"]);
        let of_ada = format!("/user_management/organization_memberships/{ada}/groups");
        assert_eq!(*server.api("GET", &of_ada, NONE).await.expect(200).at("/data"), json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_membership_is_made_changed_and_ended_by_hand() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let all = "/user_management/organization_memberships";
        let user = server.api("POST", "/user_management/users", json!({"email": "ada@acme.example"})).await;
        let user = user.expect(201).text("/id");
        let body = json!({"organization_id": organization, "user_id": user, "role_slug": "admin"});
        let made = server.api("POST", all, body.clone()).await.expect(201);
        assert_eq!(
            (made.at("/status"), made.at("/role/slug"), made.at("/roles"), made.at("/directory_managed")),
            (&json!("active"), &json!("admin"), &json!([{"slug": "admin"}]), &json!(false))
        );
        assert_eq!(
            (made.text("/user/email"), made.text("/organization_name")),
            ("ada@acme.example".into(), "Acme".into())
        );
        let again = server.api("POST", all, body).await.expect(409);
        assert_eq!(again.text("/code"), "user_already_organization_member");
        let path = format!("{all}/{}", made.text("/id"));
        let told = events(&server, &organization).await.len();

        let roles =
            |answer: &Value| answer["roles"].as_array().unwrap().iter().map(|r| r["slug"].clone()).collect::<Vec<_>>();
        let both = server.api("PUT", &path, json!({"role_slugs": ["member", "admin"]})).await.expect(200);
        assert_eq!(roles(&both.body).len(), 2);
        let one = server.api("PUT", &path, json!({"role_slug": "member"})).await.expect(200);
        assert_eq!(roles(&one.body), ["member"]);
        server.api("PUT", &path, json!({})).await.expect(200);
        server.api("PUT", &path, Value::Null).await.expect(200);

        let off = server.api("PUT", &format!("{path}/deactivate"), NONE).await.expect(200);
        assert_eq!(off.at("/status"), "inactive");
        server.api("PUT", &format!("{path}/deactivate"), json!({})).await.expect(200);
        let on = server.api("PUT", &format!("{path}/reactivate"), json!({})).await.expect(200);
        assert_eq!((on.at("/status"), roles(&on.body)), (&json!("active"), vec![json!("member")]));
        server.api("PUT", &format!("{path}/reactivate"), NONE).await.expect(200);
        assert_eq!(events(&server, &organization).await[told..], ["organization_membership.updated"; 4]);

        // Made again while it is inactive, it is in force again with the roles that were asked for.
        server.api("PUT", &format!("{path}/deactivate"), NONE).await.expect(200);
        let body = json!({"organization_id": organization, "user_id": user, "role_slugs": ["admin"]});
        let back = server.api("POST", all, body).await.expect(201);
        assert_eq!((back.at("/id"), back.at("/status")), (made.at("/id"), &json!("active")));
        assert_eq!(roles(&back.body), ["admin"]);

        server.api("DELETE", &path, NONE).await.expect(200);
        server.api("GET", &path, NONE).await.expect(404);
        assert_eq!(events(&server, &organization).await.last().unwrap(), "organization_membership.deleted");
        for (body, status) in [
            (json!({"organization_id": organization}), 422),
            (json!({"organization_id": organization, "user_id": "user_01ARZ3NDEKTSV4RRFFQ69G5FAV"}), 404),
            (json!({"organization_id": "org_01ARZ3NDEKTSV4RRFFQ69G5FAV", "user_id": user}), 404),
            (json!({"organization_id": organization, "user_id": user, "role_slug": "king"}), 422),
            (json!({"organization_id": organization, "user_id": user, "role_slug": "member", "role_slugs": []}), 422),
        ] {
            server.api("POST", all, body.clone()).await.expect(status);
        }
    })
    .await;
}

#[tokio::test]
async fn whom_a_directory_suspends_nobody_activates_by_hand() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let ensure = json!([{"ensure_membership": {}}]);
        server.rule(organization, "all", json!({"user": "userName pr"}), ensure).await;
        let ada = directory.user("ada@acme.example").await;
        let id = membership(&server, organization, "ada@acme.example").await;
        let path = format!("/user_management/organization_memberships/{id}");
        let user = server.api("GET", &path, NONE).await.expect(200).text("/user_id");
        server.api("PUT", &format!("{path}/deactivate"), NONE).await.expect(200);
        let active = |value: bool| json!([{"op": "replace", "path": "active", "value": value}]);
        directory.patch(&format!("/Users/{ada}"), active(false)).await.expect(200);
        for (method, path, body) in [
            ("PUT", format!("{path}/reactivate"), NONE),
            (
                "POST",
                "/user_management/organization_memberships".to_owned(),
                json!({"organization_id": organization, "user_id": user}),
            ),
        ] {
            let refused = server.api(method, &path, body).await.expect(422);
            assert_eq!(refused.text("/code"), "organization_membership_directory_managed", "{path}");
        }
        directory.patch(&format!("/Users/{ada}"), active(true)).await.expect(200);
        let still = server.api("GET", &path, NONE).await.expect(200);
        assert_eq!(still.at("/status"), "inactive", "what was decided by API stays");
        let back = server.api("PUT", &format!("{path}/reactivate"), NONE).await.expect(200);
        assert_eq!(back.at("/status"), "active");
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_for_an_account_gets_it_when_it_becomes_a_member() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let user = server.api("POST", "/user_management/users", json!({"email": "Ada@acme.example"})).await;
        let user = user.expect(201).text("/id");
        let ensure = json!([{"ensure_membership": {}}]);
        server.rule(organization, "all", json!({"user": "userName pr"}), ensure).await;
        directory.user("ada@acme.example").await;
        assert!(native(&server, organization).await.people().is_empty(), "an account of others is nobody's to take");
        let body = json!({"organization_id": organization, "user_id": user});
        let made = server.api("POST", "/user_management/organization_memberships", body).await.expect(201);
        let now = server
            .api("GET", &format!("/user_management/organization_memberships/{}", made.text("/id")), NONE)
            .await
            .expect(200);
        assert_eq!(now.at("/directory_managed"), &json!(true), "the person is linked to the member");
        let told = events(&server, organization).await;
        let first = told.iter().find(|name| name.starts_with("organization_membership"));
        assert_eq!(first.unwrap(), "organization_membership.created");
    })
    .await;
}

#[tokio::test]
async fn a_group_goes_also_while_a_paused_directory_keeps_somebody_in_it() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let groups = format!("/organizations/{organization}/groups");
        let staff = server.api("POST", &groups, json!({"name": "Staff"})).await.expect(201).text("/id");
        let into = json!([{"into_group": {"group_id": staff}}]);
        let rule = server.rule(organization, "staff", json!({"user": "userName pr"}), into).await.text("/id");
        directory.user("ada@acme.example").await;
        assert_eq!(native(&server, organization).await.groups(), ["Staff: ada@acme.example"]);
        server.api("POST", &format!("/directories/{}/pause", directory.id), NONE).await.expect(200);
        let otherwise = json!({"then": [{"ensure_membership": {}}], "apply": true});
        server.api("PATCH", &format!("/mapping_rules/{rule}"), otherwise).await.expect(200);
        assert_eq!(native(&server, organization).await.groups(), ["Staff: ada@acme.example"], "the native side waits");

        server.api("DELETE", &format!("{groups}/{staff}"), NONE).await.expect(204);
        assert!(native(&server, organization).await.groups().is_empty());
        let told = events(&server, organization).await;
        assert_eq!(told[told.len() - 2..], ["group.member_removed", "group.deleted"]);
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_was_only_saved_keeps_its_group_too() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let groups = format!("/organizations/{organization}/groups");
        let staff = server.api("POST", &groups, json!({"name": "Staff"})).await.expect(201).text("/id");
        let body = json!({
            "organization_id": organization, "key": "later", "when": {"user": "userName pr"}, "position": 1,
            "then": [{"into_group": {"group_id": staff}}],
        });
        server.api("POST", "/mapping_rules", body).await.expect(201);
        let refused = server.api("DELETE", &format!("{groups}/{staff}"), NONE).await.expect(409);
        assert_eq!(refused.text("/code"), "group_in_use");
    })
    .await;
}
