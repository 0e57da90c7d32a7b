//! "Why does Jane have this?" and "why no longer?", over HTTP.

use muster::domain::id::OrganizationId;
use muster::domain::origin::Target;
use muster::store::sql;
use serde_json::{Value, json};

use super::support::explain::{
    by_hand, deactivate, explain, give, in_change, membership, names, native_group, person, why,
};
use super::support::scim::with_query;
use super::support::server::{TestDirectory, TestServer, on_each_server};

#[tokio::test]
async fn yes_by_a_rule_through_nested_groups() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let then = json!([{"mirror_group": {}}]);
        let rule = server.rule(organization, "teams", json!({"group": "displayName eq \"eng\""}), then).await;
        let ada = directory.user("ada@acme.example").await;
        let inner = directory.group("eng-ios", &[&ada]).await;
        let middle = directory.group("eng-mobile", &[&inner]).await;
        let outer = directory.group("eng", &[&middle]).await;
        // A circle, and a longer way, neither of which is the shortest.
        let back = json!([{"op": "add", "path": "members", "value": [{"value": outer}]}]);
        directory.patch(&format!("/Groups/{inner}"), back).await.expect(204);

        let membership = membership(&server, organization, "ada@acme.example").await;
        let group = native_group(&server, organization, "eng").await;
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!(answer.at("/object"), "explanation");
        assert_eq!(answer.at("/verdict"), "yes");
        assert_eq!(answer.at("/target"), &json!({"type": "group", "id": group, "name": "eng"}));
        assert_eq!(answer.at("/organization_membership/email"), "ada@acme.example");
        assert_eq!(answer.at("/why").as_array().unwrap().len(), 1, "{}", answer.body);
        assert_eq!(answer.at("/why/0/kind"), "rule");
        let expected = json!({"id": rule.text("/id"), "key": "teams", "version": 1, "position": 10});
        assert_eq!(answer.at("/why/0/rule"), &expected);
        assert_eq!(answer.at("/why/0/directory"), &json!({"id": directory.id, "name": "Test directory"}));
        assert_eq!(answer.at("/why/0/directory_group"), &json!({"id": outer, "name": "eng"}));
        assert_eq!(names(answer.at("/why/0/path")), ["eng", "eng-mobile", "eng-ios"]);
        assert_eq!(answer.at("/why/0/directory_user"), &json!({"id": ada, "user_name": "ada@acme.example"}));
        assert_eq!(answer.at("/why_not"), &json!([]));
        assert_eq!(
            answer.text("/sentence"),
            "ada@acme.example is in the group \"eng\" because the rule teams (version 1) gives it by the directory group \
             \"eng\" of \"Test directory\", in which they are through \"eng-ios\" and 1 more between."
        );
        // The membership itself names the nearest group of the rule.
        let member = why(&server, &membership, "membership", "true").await;
        assert_eq!((member.at("/verdict"), member.at("/target")), (&json!("yes"), &json!({"type": "membership"})));
        assert_eq!(names(member.at("/why/0/path")), ["eng", "eng-mobile", "eng-ios"]);
        // And it may be asked of the directory user.
        let by_user = explain(&server, &[("directory_user_id", &ada), ("group_id", &group)]).await.expect(200);
        assert_eq!((by_user.at("/why"), by_user.at("/verdict")), (answer.at("/why"), &json!("yes")));
    })
    .await;
}

/// The request that gave somebody a group.
async fn causing_request(server: &TestServer, directory: &TestDirectory) -> String {
    let path = format!("/directories/{}/requests?method=PATCH", directory.id);
    server.api("GET", &path, Value::Null).await.expect(200).text("/data/0/id")
}

#[tokio::test]
async fn the_request_that_caused_it_is_named_while_it_is_in_the_log() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server
            .rule(organization, "eng", json!({"group": "displayName eq \"eng\""}), json!([{"mirror_group": {}}]))
            .await;
        let ada = directory.user("ada@acme.example").await;
        let eng = directory.group("eng", &[]).await;
        let add = json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]);
        directory.patch(&format!("/Groups/{eng}"), add).await.expect(204);
        let request = causing_request(&server, &directory).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let group = native_group(&server, organization, "eng").await;
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!(answer.text("/why/0/cause/id"), request, "{}", answer.body);
        assert_eq!(answer.text("/why/0/cause/request_id"), request);
        assert_eq!(answer.at("/why/0/cause/method"), "PATCH");
        assert_eq!(answer.text("/why/0/cause/path"), format!("/Groups/{eng}"));
        assert!(answer.at("/why/0/cause/created_at").is_string());

        // A request that the log has forgotten is still named.
        forget_requests(&server, organization).await;
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!(answer.at("/why/0/cause"), &json!({"id": request}));
    })
    .await;
}

/// Empties the log of an organization.
async fn forget_requests(server: &TestServer, organization: &str) {
    let organization: OrganizationId = organization.parse().unwrap();
    in_change(server, organization, move |change| {
        let stmt = sql("DELETE FROM requests WHERE organization_id = $1").bind(organization);
        Box::pin(async move { change.tx.execute(stmt).await.map(drop) })
    })
    .await;
}

#[tokio::test]
async fn yes_by_hand_and_nothing_that_could() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let body = person("ada@acme.example", json!({"name": {"givenName": "Ada", "familyName": "Byron"}}));
        directory.scim("POST", "/Users", body).await.expect(201);
        let membership = membership(&server, organization, "ada@acme.example").await;
        let staff = by_hand(&server, organization, "Staff").await;
        let before = why(&server, &membership, "group_id", &staff).await;
        assert_eq!(before.at("/verdict"), "no");
        assert_eq!((before.at("/why"), before.at("/why_not")), (&json!([]), &json!([])));
        let sentence =
            "Ada Byron is not in the group \"Staff\": no rule in force gives it, and nobody gave it by hand.";
        assert_eq!(before.text("/sentence"), sentence);

        give(&server, organization, &membership, Target::Group(staff.parse().unwrap())).await;
        let after = why(&server, &membership, "group_id", &staff).await;
        assert_eq!((after.at("/verdict"), after.at("/why/0/kind")), (&json!("yes"), &json!("manual")));
        assert_eq!((after.at("/why/0/actor"), after.at("/why/0/rule")), (&json!("key_of_the_test"), &Value::Null));
        let sentence = "Ada Byron is in the group \"Staff\" because key_of_the_test gave it by hand.";
        assert_eq!(after.text("/sentence"), sentence);

        deactivate(&server, organization, &membership).await;
        let suspended = why(&server, &membership, "group_id", &staff).await;
        assert_eq!(suspended.at("/verdict"), "suspended");
        assert_eq!(suspended.at("/suspended_by"), "deactivated");
        assert_eq!(suspended.at("/inactive_directory_users"), &Value::Null);
    })
    .await;
}

#[tokio::test]
async fn suspended_names_the_directory_users_who_are_inactive() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName eq \"eng\""});
        server.rule(organization, "eng", when, json!([{"mirror_group": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("eng", &[&ada]).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let group = native_group(&server, organization, "eng").await;
        let inactive = json!([{"op": "replace", "path": "active", "value": false}]);
        directory.patch(&format!("/Users/{ada}"), inactive).await.expect(200);
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!((answer.at("/verdict"), answer.at("/suspended_by")), (&json!("suspended"), &json!("directory")));
        let expected = json!([{"id": ada, "user_name": "ada@acme.example", "state": "inactive",
            "directory": {"id": directory.id, "name": "Test directory"}}]);
        assert_eq!(answer.at("/inactive_directory_users"), &expected);
        assert_eq!(answer.at("/why/0/kind"), "rule", "nothing is forgotten");
        assert!(answer.text("/sentence").contains("they are inactive in the directory \"Test directory\""));
    })
    .await;
}

#[tokio::test]
async fn roles_say_whether_they_are_the_primary_one_and_what_decided() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let default = why(&server, &membership, "role_slug", "member").await;
        assert_eq!((default.at("/verdict"), default.at("/why/0/kind")), (&json!("yes"), &json!("default")));
        let primary = json!({"primary": true, "slug": "member", "decided_by": "default", "rule": null});
        assert_eq!(default.at("/primary_role"), &primary);
        let sentence = "ada@acme.example holds the role member because it is the default role and no other is held.";
        assert_eq!(default.text("/sentence"), sentence);

        let when = json!({"group": "displayName eq \"IT\""});
        server.rule(organization, "admins", when, json!([{"grant_role": {"role": "admin"}}])).await;
        directory.group("IT", &[&ada]).await;
        let admin = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!(
            (admin.at("/primary_role/decided_by"), admin.at("/primary_role/primary")),
            (&json!("rule"), &json!(true))
        );
        assert_eq!(admin.at("/primary_role/rule/key"), "admins");
        assert_eq!(admin.at("/primary_role/rule/position"), &json!(20));
        let member = why(&server, &membership, "role_slug", "member").await;
        assert_eq!((member.at("/verdict"), member.at("/primary_role/primary")), (&json!("no"), &json!(false)));
        assert_eq!(member.at("/primary_role/slug"), "admin");
    })
    .await;
}

#[tokio::test]
async fn why_no_longer_names_what_ended_and_the_event_that_told() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName eq \"eng\""});
        server.rule(organization, "eng", when, json!([{"mirror_group": {}}])).await;
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        let eng = directory.group("eng", &[&ada, &bo]).await;
        let group = native_group(&server, organization, "eng").await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        for user in [&bo, &ada] {
            let remove = json!([{"op": "remove", "path": format!("members[value eq \"{user}\"]")}]);
            directory.patch(&format!("/Groups/{eng}"), remove).await.expect(204);
        }
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!((answer.at("/verdict"), answer.at("/why")), (&json!("no"), &json!([])));
        let ended = answer.at("/ended/0");
        assert_eq!((&ended["rule"]["key"], &ended["directory_group"]["name"]), (&json!("eng"), &json!("eng")));
        assert_eq!(ended["cause"]["actor"]["name"], "Test directory");
        assert_eq!(ended["cause"]["request_id"], causing_request(&server, &directory).await);
        assert_eq!(ended["event"]["event"], "group.member_removed");
        let told = ended["event"]["position"].as_u64().unwrap();
        let names = server.event_names(organization).await;
        assert_eq!(names[usize::try_from(told).unwrap() - 1], "group.member_removed");
        assert!(
            answer.text("/sentence").contains("is not in the group \"eng\" any more: what the rule eng gave by the")
        );

        let member = why(&server, &membership, "membership", "true").await;
        assert_eq!(member.at("/ended/0/event/event"), "organization_membership.updated", "{}", member.body);
    })
    .await;
}

#[tokio::test]
async fn bad_parameters_and_strangers_are_refused() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        directory.user("ada@acme.example").await;
        let id = membership(&server, organization, "ada@acme.example").await;
        let group = by_hand(&server, organization, "Staff").await;
        let who = ("organization_membership_id", id.as_str());
        let refused: [(&[(&str, &str)], &str); 6] = [
            (&[], "organization_membership_id|directory_user_id"),
            (&[who], "group_id|role_slug|membership"),
            (&[who, ("group_id", &group), ("membership", "true")], "membership"),
            (&[who, ("group_id", &group), ("role_slug", "member")], "role_slug"),
            (&[who, ("directory_user_id", "directory_user_x"), ("membership", "true")], "directory_user_id"),
            (&[who, ("membership", "false")], "membership"),
        ];
        for (parameters, field) in refused {
            let answer = explain(&server, parameters).await.expect(422);
            assert_eq!(answer.at("/errors/0/field"), field, "{parameters:?}");
        }
        let strange_group = by_hand(&server, &server.organization("Other").await, "Theirs").await;
        let unknown: [&[(&str, &str)]; 6] = [
            &[("organization_membership_id", "om_01ARZ3NDEKTSV4RRFFQ69G5FAV"), ("membership", "true")],
            &[("organization_membership_id", "no id"), ("membership", "true")],
            &[("directory_user_id", "directory_user_01ARZ3NDEKTSV4RRFFQ69G5FAV"), ("membership", "true")],
            &[who, ("group_id", &strange_group)],
            &[who, ("group_id", "group_1")],
            &[who, ("role_slug", "emperor")],
        ];
        for parameters in unknown {
            explain(&server, parameters).await.expect(404);
        }
        let other = server.organization("Strangers").await;
        let body = json!({"name": "theirs", "organization_id": other});
        let key = server.api("POST", "/api_keys", body).await.expect(201).text("/key");
        let path = with_query("/explain", &[who, ("membership", "true")]);
        server.api_with(&key, "GET", &path, Value::Null).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_role_that_went_with_the_person_names_the_event_of_the_membership() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let when = json!({"group": "displayName eq \"IT\""});
        let rule = server.rule(organization, "admins", when, json!([{"grant_role": {"role": "admin"}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let group = directory.group("IT", &[&ada]).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        directory.scim("DELETE", &format!("/Groups/{group}"), Value::Null).await.expect(204);
        let answer = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!(answer.at("/ended/0/directory_group"), &json!({"id": group, "name": null}));
        assert_eq!(answer.at("/ended/0/rule/key"), "admins");
        assert!(answer.text("/sentence").contains("by a directory group that is gone ended at"), "{}", answer.body);

        let group = directory.group("IT", &[&ada]).await;
        // The rule goes by API.
        server.api("DELETE", &format!("/mapping_rules/{}", rule.text("/id")), Value::Null).await.expect(204);
        let answer = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!((answer.at("/verdict"), answer.at("/why_not")), (&json!("no"), &json!([])));
        let ended = answer.at("/ended/0");
        let expected = json!({"id": rule.text("/id"), "key": null, "version": 1, "position": null});
        assert_eq!(ended["rule"], expected, "the rule is gone");
        assert_eq!(ended["directory_group"], json!({"id": group, "name": "IT"}));
        assert_eq!(ended["event"]["event"], "organization_membership.updated");
        assert_eq!(ended["cause"]["actor"]["source"], "api");
        assert_eq!(answer.at("/primary_role/decided_by"), "default");
    })
    .await;
}

#[tokio::test]
async fn what_a_frozen_rule_gave_stays_and_it_gives_nothing_new() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let staff = by_hand(&server, organization, "Staff").await;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let (when, then) = (json!({"group": "displayName eq \"eng\""}), json!([{"into_group": {"group_id": staff}}]));
        let rule = server.rule(organization, "staff", when, then).await.text("/id");
        let ada = directory.user("ada@acme.example").await;
        let eng = directory.group("eng", &[&ada]).await;
        let freeze = json!({"state": "frozen", "apply": true});
        server.api("PATCH", &format!("/mapping_rules/{rule}"), freeze).await.expect(200);
        let bo = directory.user("bo@acme.example").await;
        let swap = json!([{"op": "replace", "path": "members", "value": [{"value": bo}]}]);
        directory.patch(&format!("/Groups/{eng}"), swap).await.expect(204);

        let kept = membership(&server, organization, "ada@acme.example").await;
        let kept = why(&server, &kept, "group_id", &staff).await;
        assert_eq!((kept.at("/verdict"), kept.at("/why/0/kind")), (&json!("yes"), &json!("frozen")));
        assert_eq!(kept.at("/why/0/directory_group"), &json!({"id": eng, "name": "eng"}));
        assert_eq!((kept.at("/why/0/path"), kept.at("/why_not")), (&json!([]), &json!([])), "they are in it no more");
        let late = membership(&server, organization, "bo@acme.example").await;
        let late = why(&server, &late, "group_id", &staff).await;
        assert_eq!((late.at("/verdict"), late.at("/why_not/0/clause")), (&json!("no"), &json!("state")));
    })
    .await;
}

#[tokio::test]
async fn what_the_guard_holds_says_so_and_which_clause_failed() {
    on_each_server(|server| async move {
        let organization = &server.organization("Guarded").await;
        let settings = json!({"guard": {"minimum": 0, "percent": 0}});
        let directory = server.directory_in(organization, settings).await;
        let when = json!({"group": "displayName eq \"eng\""});
        server.rule(organization, "eng", when, json!([{"mirror_group": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let eng = directory.group("eng", &[&ada]).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let group = native_group(&server, organization, "eng").await;
        let remove = json!([{"op": "remove", "path": "members"}]);
        directory.patch(&format!("/Groups/{eng}"), remove).await.expect(204);
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!(
            (answer.at("/verdict"), answer.at("/why/0/kind")),
            (&json!("yes"), &json!("held")),
            "{}",
            answer.body
        );
        assert_eq!(answer.at("/why/0/rule/key"), "eng");
        assert_eq!(answer.at("/why/0/parked/state"), "parked");
        let run = server.api("GET", &format!("/sync_runs/{}", answer.text("/why/0/parked/run_id")), Value::Null).await;
        assert_eq!(run.expect(200).at("/kind"), "guard");
        assert_eq!(answer.at("/why_not/0/message"), "they are in no directory group; \"eng\" would do");
        assert!(
            answer.text("/sentence").contains("because the guard holds its removal: the rule eng (version 1) gave it"),
            "{}",
            answer.body
        );
    })
    .await;
}
