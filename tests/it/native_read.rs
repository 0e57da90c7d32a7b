//! The native side as an application reads it: pages, filters, shapes, and what is not there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

const NONE: Value = Value::Null;

/// The ids of the rows of a page.
fn ids(page: &Answer) -> Vec<String> {
    let rows = page.at("/data").as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Follows one cursor of a list until it is null; answers the pages.
async fn walk(server: &TestServer, list: &str, cursor: &str, from: Option<&str>) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut at = from.map(str::to_owned);
    loop {
        let bound = at.map_or_else(String::new, |id| format!("&{cursor}={id}"));
        let page = server.api("GET", &format!("{list}{bound}"), NONE).await.expect(200);
        assert_eq!(page.text("/object"), "list");
        pages.push(ids(&page));
        assert!(pages.len() < 20, "the walk ends");
        match page.at(&format!("/list_metadata/{cursor}")).as_str() {
            Some(id) => at = Some(id.to_owned()),
            None => return pages,
        }
    }
}

/// Groups of an organization, oldest first by their ids.
async fn some_groups(server: &TestServer, organization: &str, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..count {
        let body = json!({"name": format!("Group {number}")});
        let group = server.api("POST", &format!("/organizations/{organization}/groups"), body).await.expect(201);
        made.push(group.text("/id"));
    }
    made.sort();
    made
}

#[tokio::test]
async fn pages_lead_forward_and_back_in_every_order() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let oldest_first = some_groups(&server, &organization, 7).await;
        let newest_first: Vec<String> = oldest_first.iter().rev().cloned().collect();
        let list = |query: &str| format!("/organizations/{organization}/groups?limit=3&{query}");
        for (order, expected) in [("desc", &newest_first), ("asc", &oldest_first)] {
            let list = list(&format!("order={order}"));
            let forward = walk(&server, &list, "after", None).await;
            assert_eq!(forward.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1], "{order}");
            assert_eq!(&forward.concat(), expected, "{order}");
            // Back from the last row: the nearest rows first, each page still in list order.
            let mut back = walk(&server, &list, "before", Some(&expected[6])).await;
            assert_eq!(back[0], expected[3..6], "{order}");
            back.reverse();
            assert_eq!(back.concat(), expected[..6], "{order}");
        }
        // `normal` is newest first, and `before` leads to older rows.
        let normal = list("order=normal");
        assert_eq!(walk(&server, &normal, "before", None).await.concat(), newest_first);
        let mut newer = walk(&server, &normal, "after", Some(&newest_first[6])).await;
        newer.reverse();
        assert_eq!(newer.concat(), newest_first[..6]);
        // The default is ten, newest first; between two cursors lies what is between them.
        let all = server.api("GET", &format!("/organizations/{organization}/groups"), NONE).await.expect(200);
        assert_eq!(ids(&all), newest_first);
        assert_eq!(*all.at("/list_metadata"), json!({"before": null, "after": null}));
        let between = list(&format!("after={}&before={}", newest_first[0], newest_first[3]));
        assert_eq!(ids(&server.api("GET", &between, NONE).await.expect(200)), newest_first[1..3]);
    })
    .await;
}

#[tokio::test]
async fn the_cursor_of_a_deleted_row_keeps_its_place() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        for number in 0..6 {
            directory.user(&format!("user{number}@acme.example")).await;
        }
        let list = format!("/directory_users?directory={}&limit=2", directory.id);
        let all = walk(&server, &list, "after", None).await.concat();
        directory.scim("DELETE", &format!("/Users/{}", all[1]), NONE).await.expect(204);
        let after = server.api("GET", &format!("{list}&after={}", all[1]), NONE).await.expect(200);
        assert_eq!(ids(&after), all[2..4]);
        let before = server.api("GET", &format!("{list}&before={}", all[1]), NONE).await.expect(200);
        assert_eq!(ids(&before), all[..1]);
        assert_eq!(*before.at("/list_metadata/before"), Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let directory = server.directory_in(&organization, json!({})).await;
        let lists = [
            "/organizations?".to_owned(),
            format!("/organizations/{organization}/groups?"),
            format!("/user_management/organization_memberships?organization_id={organization}&"),
            "/user_management/users?".to_owned(),
            "/directories?".to_owned(),
            format!("/directory_users?directory={}&", directory.id),
            format!("/directory_groups?directory={}&", directory.id),
            format!("/directories/{}/tokens?", directory.id),
            format!("/directories/{}/requests?", directory.id),
            "/api_keys?".to_owned(),
        ];
        for list in lists {
            server.api("GET", &format!("{list}limit=100&order=asc&unknown=1"), NONE).await.expect(200);
            for wrong in ["limit=0", "limit=101", "limit=ten", "order=up"] {
                let refused = server.api("GET", &format!("{list}{wrong}"), NONE).await.expect(422);
                let field = wrong.split('=').next().unwrap();
                assert_eq!(refused.text("/errors/0/field"), field, "{list}{wrong}");
                assert!(refused.at("/errors/0/code").is_string() && refused.at("/message").is_string());
            }
            for wrong in ["after=garbage", "before=event_01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
                let refused = server.api("GET", &format!("{list}{wrong}"), NONE).await.expect(400);
                assert_eq!(refused.text("/code"), "bad_request", "{list}{wrong}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_404_whatever_its_id_looks_like() {
    on_each_server(|server| async move {
        let mine = server.organization("Mine").await;
        let other = server.organization("Other").await;
        let group = some_groups(&server, &other, 1).await.remove(0);
        let ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for path in [
            format!("/organizations/org_{ulid}"),
            "/organizations/nonsense".to_owned(),
            "/organizations/a%00b".to_owned(),
            "/organizations/%ff".to_owned(),
            "/organizations/external_id/nobody%2Fhas%20this".to_owned(),
            "/organizations/external_id/%00".to_owned(),
            format!("/organizations/org_{ulid}/groups"),
            format!("/organizations/org_{ulid}/roles"),
            format!("/organizations/{mine}/groups/{group}"),
            format!("/organizations/{mine}/groups/{group}/organization-memberships"),
            format!("/organizations/{mine}/groups/group_{}", ulid.to_lowercase()),
            format!("/user_management/organization_memberships/om_{ulid}"),
            format!("/user_management/organization_memberships/om_{ulid}/groups"),
            format!("/user_management/organization_memberships?organization_id=org_{ulid}"),
            "/user_management/organization_memberships?user_id=om_1".to_owned(),
            format!("/user_management/users/user_{ulid}"),
            "/user_management/users/external_id/nobody".to_owned(),
            format!("/user_management/users?organization_id=org_{ulid}"),
            format!("/directories/directory_{ulid}"),
            format!("/directories?organization_id=org_{ulid}"),
            format!("/directories/directory_{ulid}/tokens"),
            format!("/directories/directory_{ulid}/requests"),
            format!("/directory_users/directory_user_{ulid}"),
            format!("/directory_users?directory=directory_{ulid}"),
            format!("/directory_users?group=directory_group_{ulid}"),
            format!("/directory_groups/directory_group_{ulid}"),
            format!("/directory_groups?directory=directory_{ulid}"),
            format!("/directory_groups?user=directory_user_{ulid}"),
        ] {
            let missing = server.api("GET", &path, NONE).await;
            assert_eq!(missing.status, 404, "{path}: {}", missing.body);
            assert_eq!(missing.text("/code"), "entity_not_found", "{path}");
            assert!(missing.at("/message").is_string(), "{path}");
        }
        let missing = server.api("POST", &format!("/organizations/org_{ulid}/groups"), json!({"name": "x"})).await;
        assert_eq!(missing.expect(404).text("/code"), "entity_not_found");
    })
    .await;
}

#[tokio::test]
async fn every_answer_is_a_json_object_with_a_request_id() {
    on_each_server(|server| async move {
        for (method, path, status) in [
            ("GET", "/organizations", 200),
            ("POST", "/organizations", 422),
            ("GET", "/organizations/org_x", 404),
            ("GET", "/no/such/path", 404),
            ("PATCH", "/organizations", 405),
            ("PUT", "/directories", 405),
        ] {
            let answer = server.api(method, path, NONE).await.expect(status);
            assert!(answer.body.is_object(), "{method} {path}");
            assert!(answer.headers.contains_key("x-request-id"), "{method} {path}");
            assert_eq!(answer.headers["content-type"], "application/json", "{method} {path}");
            if status == 405 {
                let allowed = answer.headers["allow"].to_str().unwrap();
                assert!(allowed.contains("GET") && allowed.contains("POST"), "{method} {path}: {allowed}");
                assert_eq!(answer.text("/code"), "method_not_allowed");
            }
        }
        assert_eq!(server.api("GET", "/no/such/path", NONE).await.text("/code"), "not_found");
    })
    .await;
}

/// A directory with two people in a group "Staff", of whom one is inactive, and a rule that mirrors it.
async fn staff(server: &TestServer) -> (TestDirectory, String, [String; 2]) {
    let directory = server.directory().await;
    let when = json!({"group": "displayName eq \"Staff\""});
    server.rule(&directory.organization, "staff", when, json!([{"mirror_group": {}}])).await;
    let ada = directory.user("ada@acme.example").await;
    let bob = directory.user("bob@acme.example").await;
    let group = directory.group("Staff", &[&ada, &bob]).await;
    let leave = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "bob@acme.example", "active": false,
        "emails": [{"value": "bob@acme.example", "type": "work", "primary": true}],
    });
    directory.scim("PUT", &format!("/Users/{bob}"), leave).await.expect(200);
    (directory, group, [ada, bob])
}

#[tokio::test]
async fn groups_show_their_members_and_members_their_groups() {
    on_each_server(|server| async move {
        let (directory, _, _) = staff(&server).await;
        let organization = &directory.organization;
        let groups = server.api("GET", &format!("/organizations/{organization}/groups?search=STAF"), NONE).await;
        let group = groups.text("/data/0/id");
        let members = format!("/organizations/{organization}/groups/{group}/organization-memberships");
        let members = server.api("GET", &members, NONE).await.expect(200);
        assert_eq!(ids(&members).len(), 1, "the suspended one is not in effect: {}", members.body);
        assert_eq!(members.text("/data/0/user/email"), "ada@acme.example");
        for key in ["first_name", "last_name", "profile_picture_url", "last_sign_in_at", "external_id"] {
            assert_eq!(members.body["data"][0]["user"].get(key), Some(&Value::Null), "{key} is there, and null");
        }
        assert_eq!(members.body["data"][0].get("roles"), None);
        assert_eq!(*members.at("/data/0/directory_managed"), json!(true));

        let membership = members.text("/data/0/id");
        let one = format!("/user_management/organization_memberships/{membership}");
        let one = server.api("GET", &one, NONE).await.expect(200);
        assert_eq!(one.text("/role/slug"), "member");
        assert_eq!(*one.at("/roles"), json!([{"slug": "member"}]));
        assert_eq!(one.text("/organization_name"), "Test organization");
        let of_member = format!("/user_management/organization_memberships/{membership}/groups");
        assert_eq!(ids(&server.api("GET", &of_member, NONE).await.expect(200)), [group]);
    })
    .await;
}

#[tokio::test]
async fn memberships_are_found_by_organization_user_and_status() {
    on_each_server(|server| async move {
        let (directory, _, _) = staff(&server).await;
        let organization = &directory.organization;
        let list = async |query: &str| {
            let path = format!("/user_management/organization_memberships?{query}");
            server.api("GET", &path, NONE).await.expect(200)
        };
        let of = async |query: &str| {
            let page = list(&format!("organization_id={organization}{query}")).await;
            let rows = page.at("/data").as_array().cloned().unwrap();
            rows.iter().map(|row| row["user"]["email"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        let (ada, bob) = ("ada@acme.example".to_owned(), "bob@acme.example".to_owned());
        assert_eq!(of("").await, [ada.clone()].into(), "active ones by default");
        assert_eq!(of("&statuses=inactive").await, [bob.clone()].into());
        for both in [
            "&statuses=active,inactive",
            "&statuses=active&statuses=inactive",
            "&statuses[]=active&statuses[]=inactive",
        ] {
            assert_eq!(of(both).await, [ada.clone(), bob.clone()].into(), "{both}");
        }
        assert_eq!(of("&statuses=pending").await, BTreeSet::new());

        let users = server.api("GET", "/user_management/users?email=ADA@acme.example", NONE).await.expect(200);
        let user = users.text("/data/0/id");
        assert_eq!(ids(&users).len(), 1);
        assert_eq!(ids(&list(&format!("user_id={user}")).await).len(), 1);
        let elsewhere = server.organization("Elsewhere").await;
        assert!(ids(&list(&format!("user_id={user}&organization_id={elsewhere}")).await).is_empty());

        let path = "/user_management/organization_memberships";
        let refused = server.api("GET", path, NONE).await.expect(400);
        assert_eq!(refused.text("/code"), "missing_user_id_or_organization_id");
        let path = format!("{path}?organization_id={organization}&statuses=gone");
        assert_eq!(server.api("GET", &path, NONE).await.expect(422).text("/errors/0/field"), "statuses");

        let one = server.api("GET", &format!("/user_management/users/{user}"), NONE).await.expect(200);
        assert_eq!(one.text("/email"), "ada@acme.example");
        let in_organization = format!("/user_management/users?organization_id={organization}");
        assert_eq!(ids(&server.api("GET", &in_organization, NONE).await.expect(200)).len(), 2);
        let in_other = format!("/user_management/users?organization_id={elsewhere}");
        assert!(ids(&server.api("GET", &in_other, NONE).await.expect(200)).is_empty());
    })
    .await;
}

#[tokio::test]
async fn directory_people_and_groups_are_found_by_what_they_are_in() {
    on_each_server(|server| async move {
        let (directory, group, [ada, bob]) = staff(&server).await;
        let other = server.directory_in(&directory.organization, json!({})).await;
        other.user("ada@acme.example").await;
        let carl = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "carl", "externalId": "e-1", "title": "Engineer",
            "name": {"givenName": "Carl", "familyName": "Gauss"},
            "emails": [{"value": "Carl@acme.example", "type": "home"}, {"value": "cg@acme.example", "type": "work"}],
        });
        let carl = directory.scim("POST", "/Users", carl).await.expect(201).text("/id");
        let list = async |query: &str| {
            let page = server.api("GET", &format!("/directory_users?{query}"), NONE).await.expect(200);
            ids(&page).into_iter().collect::<BTreeSet<_>>()
        };
        let here = format!("directory={}", directory.id);
        assert_eq!(list(&here).await, [ada.clone(), bob.clone(), carl.clone()].into());
        assert_eq!(list("").await.len(), 4, "a key of the environment sees all directories");
        assert_eq!(list(&format!("group={group}")).await, [ada.clone(), bob.clone()].into());
        assert_eq!(list(&format!("group={group}&directory={}", other.id)).await, BTreeSet::new());
        for query in ["email=ADA@ACME.example", "idp_id=ada@acme.example"] {
            assert_eq!(list(&format!("{here}&{query}")).await, [ada.clone()].into(), "{query}");
        }
        for query in ["email=carl@acme.example", "email=cg@acme.example", "idp_id=e-1"] {
            assert_eq!(list(&format!("{here}&{query}")).await, [carl.clone()].into(), "{query}");
        }
        for query in ["email=nobody@acme.example", "idp_id=carl", "idp_id=E-1", "email="] {
            assert_eq!(list(&format!("{here}&{query}")).await, BTreeSet::new(), "{query}");
        }
        for query in ["email=ada@acme.example", "idp_id=e-1"] {
            let refused = server.api("GET", &format!("/directory_users?{query}"), NONE).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), "directory");
        }

        let one = server.api("GET", &format!("/directory_users/{carl}"), NONE).await.expect(200);
        assert_eq!(one.text("/idp_id"), "e-1");
        assert_eq!(one.text("/email"), "cg@acme.example");
        assert_eq!(one.text("/first_name"), "Carl");
        assert_eq!(one.text("/organization_id"), directory.organization);
        assert_eq!(*one.at("/groups"), json!([]));
        assert_eq!(one.text("/raw_attributes/userName"), "carl");
        assert_eq!(one.text("/custom_attributes/job_title"), "Engineer");
        let gone = server.api("GET", &format!("/directory_users/{bob}"), NONE).await.expect(200);
        assert_eq!(gone.text("/state"), "inactive");

        let groups =
            async |query: &str| ids(&server.api("GET", &format!("/directory_groups?{query}"), NONE).await.expect(200));
        assert_eq!(groups(&here).await, [group.as_str()]);
        assert_eq!(groups(&format!("user={ada}")).await, [group.as_str()]);
        assert!(groups(&format!("user={carl}")).await.is_empty());
        assert!(groups(&format!("user={ada}&directory={}", other.id)).await.is_empty());
        let one = server.api("GET", &format!("/directory_groups/{group}"), NONE).await.expect(200);
        assert_eq!((one.text("/name"), one.text("/idp_id")), ("Staff".to_owned(), "Staff".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn pages_of_members_and_of_groups_lead_on() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName sw \"Team\""});
        server.rule(organization, "teams", when, json!([{"mirror_group": {}}])).await;
        let mut people = Vec::new();
        for number in 0..5 {
            people.push(directory.user(&format!("user{number}@acme.example")).await);
        }
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        for number in 0..5 {
            directory.group(&format!("Team {number}"), &people).await;
        }
        let groups = walk(&server, &format!("/organizations/{organization}/groups?limit=2"), "after", None).await;
        assert_eq!(groups.concat().len(), 5);
        let members = format!("/organizations/{organization}/groups/{}/organization-memberships?limit=2", groups[0][0]);
        let members = walk(&server, &members, "after", None).await.concat();
        assert_eq!(members.len(), 5);
        let of_member = format!("/user_management/organization_memberships/{}/groups?limit=2", members[0]);
        assert_eq!(walk(&server, &of_member, "after", None).await, groups);
        let source = server.api("GET", &format!("/directory_groups?directory={}", directory.id), NONE).await;
        for (list, count) in [
            (format!("/directory_users?group={}&limit=2", ids(&source)[0]), 5),
            (format!("/directory_groups?user={}&limit=2&order=asc", people[0]), 5),
            (format!("/user_management/users?organization_id={organization}&limit=2"), 5),
            (format!("/user_management/organization_memberships?organization_id={organization}&limit=2"), 5),
        ] {
            let rows = walk(&server, &list, "after", None).await.concat();
            assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), count, "{list}");
            let mut back = walk(&server, &list, "before", rows.last().map(String::as_str)).await;
            back.reverse();
            assert_eq!(back.concat(), rows[..count - 1], "{list}");
        }
    })
    .await;
}
