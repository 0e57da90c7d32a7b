//! The OpenAI-shaped API: every endpoint's answers to the letter, and paging.

use serde_json::{Value, json};

use super::support::explain::{give, membership, native_group};
use super::support::openai::{Desk, refusal};
use super::support::server::{Answer, ROOT_KEY, TestServer, answer, client, on_each_server};
use muster::domain::origin::Target;

const NONE: Value = Value::Null;

/// Makes somebody with an account who is a member of the organization by hand; answers the user's id.
async fn person(server: &TestServer, organization: &str, email: &str, first_name: Option<&str>) -> String {
    let body = json!({"email": email, "first_name": first_name, "last_name": first_name.map(|_| "Byron")});
    let user = server.api("POST", "/user_management/users", body).await.expect(201).text("/id");
    let body = json!({"user_id": user, "organization_id": organization});
    server.api("POST", "/user_management/organization_memberships", body).await.expect(201);
    user
}

/// Takes a whole number of seconds out of an object, so that the rest can be compared.
#[track_caller]
fn take_seconds(body: &mut Value, pointer: &str) -> i64 {
    let seconds = body.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")).take();
    let seconds = seconds.as_i64().unwrap_or_else(|| panic!("{pointer} is no whole number: {seconds}"));
    assert!((1_700_000_000..9_000_000_000).contains(&seconds), "seconds, not milliseconds: {seconds}");
    seconds
}

fn ids(page: &Answer) -> Vec<String> {
    page.at("/data").as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows a list as the SDKs do, until there is no more; answers the pages.
async fn walk(desk: &Desk<'_>, list: &str) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("{list}{after}")).await;
        assert_eq!(page.at("/object"), "list");
        pages.push(ids(&page));
        assert!(pages.len() < 20, "the walk ends");
        let next = page.at("/next").as_str();
        assert_eq!(page.at("/has_more"), &json!(next.is_some()));
        let Some(next) = next else { return pages };
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn a_group_is_made_read_renamed_and_deleted() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let made = desk.post("/groups", json!({"name": "Support Team", "unknown": [1]})).await;
        assert!(made.headers.contains_key("muster-revision") && made.headers.contains_key("x-request-id"));
        let id = made.text("/id");
        let mut body = made.body.clone();
        take_seconds(&mut body, "/created_at");
        let expected = json!({"object": "group", "id": id, "name": "Support Team", "created_at": null,
            "is_scim_managed": false, "group_type": "group"});
        assert_eq!(body, expected);
        assert_eq!(desk.get(&format!("/groups/{id}")).await.body, made.body);
        let listed = desk.get("/groups").await;
        assert_eq!(listed.body, json!({"object": "list", "data": [made.body], "has_more": false, "next": null}));

        let renamed = desk.post(&format!("/groups/{id}"), json!({"name": "Help"})).await;
        assert_eq!((renamed.at("/name"), renamed.at("/created_at")), (&json!("Help"), made.at("/created_at")));
        assert_eq!(desk.get(&format!("/groups/{id}")).await.body, renamed.body);
        // The same group, seen by the other API.
        let other = server.api("GET", &format!("/organizations/{organization}/groups/{id}"), NONE).await.expect(200);
        assert_eq!(other.at("/name"), "Help");

        let gone = desk.delete(&format!("/groups/{id}")).await;
        assert_eq!(gone.body, json!({"object": "group.deleted", "id": id, "deleted": true}));
        assert_eq!(refusal(&desk.call("GET", &format!("/groups/{id}"), NONE).await, 404), "not_found");
    })
    .await;
}

#[tokio::test]
async fn people_are_put_into_a_group_and_taken_out_again() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let ada = person(&server, &organization, "ada@acme.example", Some("Ada")).await;
        let bo = person(&server, &organization, "bo@acme.example", None).await;
        let group = desk.group("Ops").await;
        let path = format!("/groups/{group}/users");
        let added = desk.post(&path, json!({"user_id": ada})).await;
        assert_eq!(added.body, json!({"object": "group.user", "user_id": ada, "group_id": group}));
        desk.post(&path, json!({"user_id": ada})).await;
        desk.post(&path, json!({"user_id": bo})).await;
        let row = |id: &str, name: &str, email: &str| json!({"id": id, "name": name, "email": email});
        let (first, second) =
            (row(&ada, "Ada Byron", "ada@acme.example"), row(&bo, "bo@acme.example", "bo@acme.example"));
        let oldest_first = desk.get(&format!("{path}?order=asc")).await;
        assert_eq!(
            oldest_first.body,
            json!({"object": "list", "data": [first, second], "has_more": false, "next": null})
        );
        assert_eq!(ids(&desk.get(&path).await), [bo.clone(), ada.clone()], "newest first unless asked otherwise");
        let one = desk.get(&format!("{path}/{ada}")).await;
        let expected = json!({"id": ada, "name": "Ada Byron", "email": "ada@acme.example", "picture": null,
            "is_service_account": false, "user_type": "user"});
        assert_eq!(one.body, expected);

        let gone = desk.delete(&format!("{path}/{ada}")).await;
        assert_eq!(gone.body, json!({"object": "group.user.deleted", "deleted": true}));
        assert_eq!(refusal(&desk.call("GET", &format!("{path}/{ada}"), NONE).await, 404), "not_found");
        let again = desk.delete(&format!("{path}/{ada}")).await;
        assert_eq!(again.headers["muster-revision"], gone.headers["muster-revision"], "nothing happened");
        assert_eq!(ids(&desk.get(&path).await), [bo]);
    })
    .await;
}

#[tokio::test]
async fn a_managed_group_says_who_decides_and_that_trying_again_is_no_use() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        let ann = directory.user("ann@acme.example").await;
        directory.group("Platform", &[&ann]).await;
        let desk = Desk::of(&server, organization).await;
        let group = native_group(&server, organization, "Platform").await;
        let user = desk.user("ann@acme.example").await;
        let bo = person(&server, organization, "bo@acme.example", None).await;
        let before = desk.get(&format!("/groups/{group}")).await;
        assert_eq!(*before.at("/is_scim_managed"), json!(true));
        for (method, path, body) in [
            ("POST", format!("/groups/{group}"), json!({"name": "Mine"})),
            ("DELETE", format!("/groups/{group}"), NONE),
            ("POST", format!("/groups/{group}/users"), json!({"user_id": user})),
            ("POST", format!("/groups/{group}/users"), json!({"user_id": bo})),
            ("DELETE", format!("/groups/{group}/users/{user}"), NONE),
            ("DELETE", format!("/groups/{group}/users/{bo}"), NONE),
        ] {
            let refused = desk.call(method, &path, body).await;
            assert_eq!(refusal(&refused, 403), "group_scim_managed", "{method} {path}");
            assert!(refused.text("/error/message").contains("teams"), "it names the rule: {}", refused.body);
        }
        assert_eq!(desk.get(&format!("/groups/{group}")).await.body, before.body);
        assert_eq!(ids(&desk.get(&format!("/groups/{group}/users")).await), std::slice::from_ref(&user));

        // Likewise a person.
        let shown = desk.get(&format!("/users/{user}")).await;
        assert_eq!(*shown.at("/is_scim_managed"), json!(true));
        let refused = desk.call("DELETE", &format!("/users/{user}"), NONE).await;
        assert_eq!(refusal(&refused, 403), "user_scim_managed");
        // Whom only a rule holds in a group of one's own, one does not take out by hand.
        let own = desk.group("Own").await;
        let into = json!([{"into_group": {"group_id": own}}]);
        server.rule(organization, "own", json!({"group": "displayName eq \"Platform\""}), into).await;
        let refused = desk.call("DELETE", &format!("/groups/{own}/users/{user}"), NONE).await;
        assert_eq!(refusal(&refused, 400), "member_by_rule");
    })
    .await;
}

#[tokio::test]
async fn a_role_is_made_read_changed_and_deleted_with_an_event_for_each() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let predefined = desk.get("/roles").await;
        let role = |id: &Value, name: &str| {
            json!({"object": "role", "id": id, "name": name, "description": null, "permissions": [],
                "resource_type": "api.organization", "predefined_role": true})
        };
        let expected = [role(predefined.at("/data/0/id"), "Member"), role(predefined.at("/data/1/id"), "Admin")];
        assert_eq!(predefined.body, json!({"object": "list", "data": expected, "has_more": false, "next": null}));

        let body = json!({"role_name": "API Group Manager", "description": "Manages groups",
            "permissions": ["api.groups.read", "api.groups.write", "api.groups.read"]});
        let made = desk.post("/roles", body).await;
        let id = made.text("/id");
        let expected = json!({"object": "role", "id": id, "name": "API Group Manager", "description": "Manages groups",
            "permissions": ["api.groups.read", "api.groups.write"], "resource_type": "api.organization",
            "predefined_role": false});
        assert_eq!(made.body, expected);
        assert_eq!(desk.get(&format!("/roles/{id}")).await.body, expected);
        let second = desk.role("API group manager!").await;
        let roles = server.api("GET", &format!("/organizations/{organization}/roles"), NONE).await.expect(200);
        let slugs: Vec<&Value> = roles.at("/data").as_array().unwrap().iter().map(|role| &role["slug"]).collect();
        assert_eq!(slugs, ["member", "admin", "api-group-manager", "api-group-manager-2"]);
        assert_eq!(*roles.at("/data/2/permissions"), json!(["api.groups.read", "api.groups.write"]));

        let changed = desk.post(&format!("/roles/{id}"), json!({"role_name": "Groups", "description": null})).await;
        let expected =
            json!({"name": "Groups", "description": null, "permissions": ["api.groups.read", "api.groups.write"]});
        for field in ["name", "description", "permissions"] {
            assert_eq!(changed.at(&format!("/{field}")), &expected[field]);
        }
        let same = desk.post(&format!("/roles/{id}"), json!({"role_name": "Groups"})).await;
        assert_eq!(same.headers["muster-revision"], changed.headers["muster-revision"], "nothing changed");
        let gone = desk.delete(&format!("/roles/{id}")).await;
        assert_eq!(gone.body, json!({"object": "role.deleted", "id": id, "deleted": true}));
        assert_eq!(refusal(&desk.call("GET", &format!("/roles/{id}"), NONE).await, 404), "not_found");
        desk.delete(&format!("/roles/{second}")).await;
        assert_eq!(ids(&desk.get("/roles").await), ids(&predefined));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_role_leaves_everybody_who_held_it() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let ada = person(&server, &organization, "ada@acme.example", None).await;
        let bo = person(&server, &organization, "bo@acme.example", None).await;
        let (role, group) = (desk.role("Deployer").await, desk.group("Ops").await);
        desk.post(&format!("/groups/{group}/users"), json!({"user_id": bo})).await;
        desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        desk.post(&format!("/users/{ada}"), json!({"role_id": role})).await;
        // A rule that names it holds it.
        let when = json!({"user": "userName eq \"nobody\""});
        let rule = server.rule(&organization, "deployers", when, json!([{"grant_role": {"role": "deployer"}}])).await;
        let refused = desk.call("DELETE", &format!("/roles/{role}"), NONE).await;
        assert_eq!(refusal(&refused, 400), "role_in_use");
        assert!(refused.text("/error/message").contains("deployers"), "{}", refused.body);
        server.api("DELETE", &format!("/mapping_rules/{}?apply=true", rule.text("/id")), NONE).await;
        let all = server.api("GET", &format!("/mapping_rules?organization_id={organization}"), NONE).await.expect(200);
        assert_eq!(*all.at("/data"), json!([]));

        desk.delete(&format!("/roles/{role}")).await;
        for user in [&ada, &bo] {
            let roles = desk.get(&format!("/users/{user}/roles")).await;
            let names: Vec<&Value> = roles.at("/data").as_array().unwrap().iter().map(|role| &role["name"]).collect();
            assert_eq!(names, ["Member"]);
        }
        assert_eq!(*desk.get(&format!("/groups/{group}/roles")).await.at("/data"), json!([]));
        assert_eq!(desk.drift().await, json!({}));
        let admin = desk.get("/roles").await.text("/data/1/id");
        for (method, body) in [("DELETE", NONE), ("POST", json!({"role_name": "Boss"}))] {
            assert_eq!(refusal(&desk.call(method, &format!("/roles/{admin}"), body).await, 400), "role_predefined");
        }
    })
    .await;
}

#[tokio::test]
async fn a_role_of_a_group_is_answered_with_both_of_them() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let group = desk.group("Ops").await;
        let role = desk.post("/roles", json!({"role_name": "Deployer", "permissions": ["deploy"]})).await;
        let id = role.text("/id");
        let path = format!("/groups/{group}/roles");
        let mut done = desk.post(&path, json!({"role_id": id})).await.body;
        take_seconds(&mut done, "/group/created_at");
        let of_group =
            json!({"object": "group", "id": group, "name": "Ops", "created_at": null, "scim_managed": false});
        assert_eq!(done, json!({"object": "group.role", "group": of_group, "role": role.body}));

        let one = desk.get(&format!("{path}/{id}")).await;
        assert_eq!(
            desk.get(&path).await.body,
            json!({"object": "list", "data": [one.body], "has_more": false, "next": null})
        );
        let mut one = one.body;
        assert_eq!(take_seconds(&mut one, "/created_at"), take_seconds(&mut one, "/updated_at"));
        assert!(one["created_by"].as_str().unwrap().starts_with("key_"));
        one["created_by"] = NONE;
        let expected = json!({"id": id, "name": "Deployer", "description": null, "permissions": ["deploy"],
            "resource_type": "api.organization", "predefined_role": false, "created_at": null, "updated_at": null,
            "created_by": null, "created_by_user_obj": null, "metadata": null, "assignment_sources": null});
        assert_eq!(one, expected);
        desk.delete(&format!("{path}/{id}")).await;
        assert_eq!(refusal(&desk.call("GET", &format!("{path}/{id}"), NONE).await, 404), "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_user_is_an_owner_exactly_while_they_hold_admin() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let ada = person(&server, &organization, "ada@acme.example", Some("Ada")).await;
        let mut shown = desk.get(&format!("/users/{ada}")).await.body;
        take_seconds(&mut shown, "/added_at");
        let expected = json!({"object": "organization.user", "id": ada, "name": "Ada Byron", "email": "ada@acme.example",
            "role": "reader", "added_at": null, "is_scim_managed": false, "is_service_account": false});
        assert_eq!(shown, expected);
        let path = format!("/users/{ada}");
        let same = desk.post(&path, json!({"technical_level": "high"})).await;
        assert_eq!(*same.at("/role"), json!("reader"), "nothing that this server knows of");
        for (body, role, slug) in [
            (json!({"role": "owner"}), "owner", "admin"),
            (json!({"role": "reader"}), "reader", "member"),
            (json!({"role_id": desk.get("/roles").await.text("/data/1/id")}), "owner", "admin"),
        ] {
            assert_eq!(*desk.post(&path, body).await.at("/role"), json!(role));
            assert_eq!(*desk.get(&path).await.at("/role"), json!(role));
            let id = membership(&server, &organization, "ada@acme.example").await;
            let path = format!("/user_management/organization_memberships/{id}");
            let other = server.api("GET", &path, NONE).await.expect(200);
            assert_eq!(*other.at("/roles"), json!([{"slug": slug}]));
        }
        let gone = desk.delete(&path).await;
        assert_eq!(gone.body, json!({"object": "organization.user.deleted", "id": ada, "deleted": true}));
        assert_eq!(refusal(&desk.call("GET", &path, NONE).await, 404), "not_found");
        server.api("GET", &format!("/user_management/users/{ada}"), NONE).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn the_roles_of_a_user_say_what_they_come_with() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let ada = person(&server, &organization, "ada@acme.example", None).await;
        let group = desk.group("Ops").await;
        let (by_group, by_both) = (desk.role("A").await, desk.role("B").await);
        desk.post(&format!("/groups/{group}/users"), json!({"user_id": ada})).await;
        for role in [&by_group, &by_both] {
            desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
        }
        let path = format!("/users/{ada}/roles");
        let done = desk.post(&path, json!({"role_id": by_both})).await;
        assert_eq!(done.at("/object"), "user.role");
        assert_eq!((done.at("/user/id"), done.at("/role/id")), (&json!(ada), &json!(by_both)));

        let source = json!({"principal_id": group, "principal_type": "group"});
        let own = json!({"principal_id": ada, "principal_type": "user"});
        let held = desk.get(&path).await;
        assert_eq!(ids(&held), [by_group.clone(), by_both.clone()], "and the default role no more");
        assert_eq!(*held.at("/data/0/assignment_sources"), json!([source]));
        assert_eq!(*held.at("/data/1/assignment_sources"), json!([own, source]));
        assert_eq!(desk.get(&format!("{path}/{by_both}")).await.body, *held.at("/data/1"));

        let refused = desk.call("DELETE", &format!("{path}/{by_group}"), NONE).await;
        assert_eq!(refusal(&refused, 400), "role_not_assigned_directly");
        assert!(refused.text("/error/message").contains(&group), "{}", refused.body);
        let gone = desk.delete(&format!("{path}/{by_both}")).await;
        assert_eq!(gone.body, json!({"object": "user.role.deleted", "deleted": true}));
        assert_eq!(*desk.get(&format!("{path}/{by_both}")).await.at("/assignment_sources"), json!([source]));
        for role in [&by_group, &by_both] {
            desk.delete(&format!("/groups/{group}/roles/{role}")).await;
        }
        assert_eq!(refusal(&desk.call("DELETE", &format!("{path}/{by_both}"), NONE).await, 404), "not_found");
        // What is left is theirs by itself, and yet nobody gave it.
        let member = desk.get("/roles").await.text("/data/0/id");
        let held = desk.get(&path).await;
        assert_eq!((ids(&held), held.at("/data/0/assignment_sources")), (vec![member.clone()], &NONE));
        let refused = desk.call("DELETE", &format!("{path}/{member}"), NONE).await;
        assert_eq!(refusal(&refused, 400), "role_not_assigned_directly");
    })
    .await;
}

#[tokio::test]
async fn pages_lead_on_in_both_orders_and_a_cursor_keeps_its_place() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let (mut groups, mut users, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..5 {
            groups.push(desk.group(&format!("Group {n}")).await);
            users.push(person(&server, &organization, &format!("p{n}@acme.example"), None).await);
            roles.push(desk.role(&format!("Role {n}")).await);
        }
        let group = &groups[0];
        // Into the group in another order than they came to be.
        for n in [3, 0, 4, 1, 2] {
            desk.post(&format!("/groups/{group}/users"), json!({"user_id": users[n]})).await;
            desk.post(&format!("/groups/{group}/roles"), json!({"role_id": roles[n]})).await;
        }
        let reversed = |ids: &[String]| ids.iter().rev().cloned().collect::<Vec<_>>();
        for (list, all, default_is_descending) in [
            ("/groups".to_owned(), &groups, false),
            (format!("/groups/{group}/users"), &users, true),
            (format!("/groups/{group}/roles"), &roles, false),
        ] {
            for (order, expected) in [("&order=asc", all.clone()), ("&order=desc", reversed(all))] {
                let pages = walk(&desk, &format!("{list}?limit=2{order}")).await;
                assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1], "{list}{order}");
                assert_eq!(pages.concat(), expected, "{list}{order}");
            }
            let default = if default_is_descending { reversed(all) } else { all.clone() };
            assert_eq!(ids(&desk.get(&list).await), default, "{list}");
            let after = desk.get(&format!("{list}?order=asc&after={}", all[2])).await;
            assert_eq!(ids(&after), all[3..], "{list}");
            let none = desk.get(&format!("{list}?limit=0")).await;
            assert_eq!(none.body, json!({"object": "list", "data": [], "has_more": true, "next": null}), "{list}");
            desk.get(&format!("{list}?limit=1000&after=")).await;
        }
        assert_eq!(walk(&desk, "/roles?limit=4").await.concat()[2..], roles);

        // Users page by the last id.
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = desk.get(&format!("/users?limit=2{after}")).await;
            let (rows, last) = (ids(&page), page.at("/last_id").clone());
            assert_eq!((page.at("/first_id"), &last), (&json!(rows[0]), &json!(rows[rows.len() - 1])));
            found.extend(rows);
            if page.at("/has_more") == &json!(false) {
                break;
            }
            after = format!("&after={}", last.as_str().unwrap());
        }
        assert_eq!(found, users);
        let some = desk.get("/users?emails=P1@acme.example,nobody@acme.example&emails[]=p3@acme.example").await;
        assert_eq!(ids(&some), [users[1].clone(), users[3].clone()]);
        let nobody = desk.get("/users?emails=nobody@acme.example").await;
        assert_eq!(
            nobody.body,
            json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false})
        );

        // Somebody leaves in the middle of a walk.
        let first = desk.get(&format!("/groups/{group}/users?order=asc&limit=2")).await;
        desk.delete(&format!("/users/{}", users[1])).await;
        let rest = desk.get(&format!("/groups/{group}/users?order=asc&after={}", first.text("/next"))).await;
        assert_eq!(ids(&rest), users[2..]);
        let lost = desk.call("GET", &format!("/groups/{group}/users?after={}", users[1]), NONE).await;
        assert_eq!(refusal(&lost, 400), "invalid_cursor");
        let rest = desk.get(&format!("/users?after={}", users[1])).await;
        assert_eq!(ids(&rest), users[2..]);
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_membership_in_force_is_no_user_here() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let desk = Desk::of(&server, &organization).await;
        let ada = person(&server, &organization, "ada@acme.example", None).await;
        let group = desk.group("Ops").await;
        desk.post(&format!("/groups/{group}/users"), json!({"user_id": ada})).await;
        let id = membership(&server, &organization, "ada@acme.example").await;
        give(&server, &organization, &id, Target::Group(group.parse().unwrap())).await;
        let path = format!("/user_management/organization_memberships/{id}");
        server.api("PUT", &format!("{path}/deactivate"), NONE).await.expect(200);
        assert_eq!(*desk.get("/users").await.at("/data"), json!([]));
        assert_eq!(*desk.get(&format!("/groups/{group}/users")).await.at("/data"), json!([]));
        for (method, path) in [
            ("GET", format!("/users/{ada}")),
            ("DELETE", format!("/users/{ada}")),
            ("GET", format!("/users/{ada}/roles")),
            ("GET", format!("/groups/{group}/users/{ada}")),
            ("DELETE", format!("/groups/{group}/users/{ada}")),
        ] {
            assert_eq!(refusal(&desk.call(method, &path, NONE).await, 404), "not_found", "{method} {path}");
        }
        server.api("PUT", &format!("{path}/reactivate"), NONE).await.expect(200);
        assert_eq!(ids(&desk.get(&format!("/groups/{group}/users")).await), [ada]);
    })
    .await;
}

#[tokio::test]
async fn the_organization_is_that_of_the_key_or_the_one_that_a_header_names() {
    on_each_server(|server| async move {
        let mine = server.organization("Mine").await;
        let other = server.organization("Other").await;
        let (own, reader) =
            (server.organization_key(&mine, "admin").await, server.organization_key(&mine, "read").await);
        let url = format!("{}/v1/organization/groups", server.server.url());
        let http = client();
        let ask = async |key: &str, organization: Option<&str>| {
            let request = http.get(&url).bearer_auth(key);
            let named = organization.map(|id| request.try_clone().unwrap().header("OpenAI-Organization", id));
            answer(named.unwrap_or(request)).await
        };
        for (key, organization, status, code) in [
            (own.as_str(), None, 200, ""),
            (&own, Some(mine.as_str()), 200, ""),
            (&own, Some(other.as_str()), 404, "not_found"),
            (&own, Some("org-of-another-vendor"), 404, "not_found"),
            (ROOT_KEY, Some(other.as_str()), 200, ""),
            (ROOT_KEY, None, 400, "missing_organization"),
            (ROOT_KEY, Some(""), 400, "missing_organization"),
            (ROOT_KEY, Some("org_01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404, "not_found"),
            ("sk_nobody", None, 401, "invalid_api_key"),
        ] {
            let said = ask(key, organization).await;
            if status == 200 {
                said.expect(200);
            } else {
                assert_eq!(refusal(&said, status), code, "{organization:?}");
            }
        }
        let create = http.post(&url).bearer_auth(&reader).json(&json!({"name": "x"}));
        assert_eq!(refusal(&answer(create).await, 403), "insufficient_permissions");
        assert_eq!(refusal(&answer(http.get(&url)).await, 401), "invalid_api_key");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_with_its_key_is_done_once() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let key = server.organization_key(&organization, "admin").await;
        let url = format!("{}/v1/organization/groups", server.server.url());
        let http = client();
        let post = async |name: &str| {
            let request = http.post(&url).bearer_auth(&key).header("idempotency-key", "once");
            answer(request.json(&json!({"name": name}))).await
        };
        let first = post("Ops").await.expect(200);
        let again = post("Ops").await.expect(200);
        assert_eq!((&again.body, &again.headers["idempotent-replayed"]), (&first.body, &"true".parse().unwrap()));
        assert_eq!(refusal(&post("Other").await, 400), "idempotency_key_reused");
        let all = answer(http.get(&url).bearer_auth(&key)).await.expect(200);
        assert_eq!(*all.at("/data"), json!([first.body]));
    })
    .await;
}
