//! "Why does Jane have this?" and "why no longer?", over HTTP.

use muster::domain::id::{MembershipId, OrganizationId};
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
            "ada@acme.example is in the group \"eng\" because it is given by the rule teams (version 1) by the directory \
             group \"eng\" of \"Test directory\", in which they are through \"eng-ios\" and 1 more between."
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
        set_cause(&server, organization, &request).await;
        let group = native_group(&server, organization, "eng").await;
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!(answer.text("/why/0/cause/id"), request, "{}", answer.body);
        assert_eq!(answer.text("/why/0/cause/request_id"), request);
        assert_eq!(answer.at("/why/0/cause/method"), "PATCH");
        assert_eq!(answer.text("/why/0/cause/path"), format!("/Groups/{eng}"));
        assert!(answer.at("/why/0/cause/created_at").is_string());

        set_cause(&server, organization, "request_01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!(answer.at("/why/0/cause"), &json!({"id": "request_01ARZ3NDEKTSV4RRFFQ69G5FAV"}));
    })
    .await;
}

/// Says of all origins of an organization what made them.
async fn set_cause(server: &TestServer, organization: &str, cause: &str) {
    let organization: OrganizationId = organization.parse().unwrap();
    let cause = cause.to_owned();
    in_change(server, organization, move |change| {
        let stmt = sql("UPDATE origins SET cause = $2 WHERE organization_id = $1").bind(organization).bind(&cause);
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

/// Stores what ended as the engine does.
async fn store_ended(server: &TestServer, organization: &str, membership: &str, target: Target, ended: [&str; 3]) {
    let organization: OrganizationId = organization.parse().unwrap();
    let membership: MembershipId = membership.parse().unwrap();
    let [rule, group, user] = ended.map(str::to_owned);
    in_change(server, organization, move |change| {
        let (word, id) = match target {
            Target::Group(id) => ("group", id),
            Target::Membership | Target::Role(_) => ("membership", muster::domain::Id::nil()),
        };
        let cause = json!({"actor": {"id": "directory_1", "source": "system", "name": "Test directory"}}).to_string();
        let stmt = sql("INSERT INTO ended_origins (organization_id, membership_id, target, target_id, kind, rule_id,
                rule_version, directory_group_id, directory_user_id, began_at, cause, since_position, ended_at)
             VALUES ($1, $2, $3, $4, 'rule', $5, 1, $6, $7, $8, $9, 0, $8)
             ON CONFLICT (organization_id, membership_id, target, target_id) DO UPDATE SET ended_at = excluded.ended_at")
        .bind(organization)
        .bind(membership)
        .bind(word)
        .bind(id)
        .bind(rule.parse::<muster::domain::id::RuleId>().unwrap())
        .bind(group.parse::<muster::domain::id::DirectoryGroupId>().unwrap())
        .bind(user.parse::<muster::domain::id::DirectoryUserId>().unwrap())
        .bind(change.now)
        .bind(cause);
        Box::pin(async move { change.tx.execute(stmt).await.map(drop) })
    })
    .await;
}

#[tokio::test]
async fn why_no_longer_names_what_ended_and_the_event_that_told() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName eq \"eng\""});
        let rule = server.rule(organization, "eng", when, json!([{"mirror_group": {}}])).await;
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        let eng = directory.group("eng", &[&ada, &bo]).await;
        let group = native_group(&server, organization, "eng").await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        for user in [&bo, &ada] {
            let remove = json!([{"op": "remove", "path": format!("members[value eq \"{user}\"]")}]);
            directory.patch(&format!("/Groups/{eng}"), remove).await.expect(204);
        }
        let target = Target::Group(group.parse().unwrap());
        for target in [target, Target::Membership] {
            store_ended(&server, organization, &membership, target, [&rule.text("/id"), &eng, &ada]).await;
        }
        let answer = why(&server, &membership, "group_id", &group).await;
        assert_eq!((answer.at("/verdict"), answer.at("/why")), (&json!("no"), &json!([])));
        let ended = answer.at("/ended/0");
        assert_eq!((&ended["rule"]["key"], &ended["directory_group"]["name"]), (&json!("eng"), &json!("eng")));
        assert_eq!(ended["cause"]["actor"]["name"], "Test directory");
        assert_eq!(ended["event"]["event"], "group.member_removed");
        let told = ended["event"]["position"].as_u64().unwrap();
        let names = server.event_names(organization).await;
        assert_eq!(names[usize::try_from(told).unwrap() - 1], "group.member_removed");
        assert!(
            answer.text("/sentence").contains("is not in the group \"eng\" any more: what the rule eng gave by the")
        );

        let member = why(&server, &membership, "membership", "true").await;
        assert_eq!(member.at("/ended/0/event/event"), "organization_membership.updated", "{}", member.body);
        // The directory group may be gone.
        directory.scim("DELETE", &format!("/Groups/{eng}"), Value::Null).await.expect(204);
        let later = why(&server, &membership, "membership", "true").await;
        assert_eq!(later.at("/ended/0/directory_group"), &json!({"id": eng, "name": null}));
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
