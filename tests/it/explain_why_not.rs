//! "Why does Jane not have this?", over HTTP: each rule that could give it, and the first clause that failed.

use serde_json::{Value, json};

use super::support::explain::{by_hand, explain, membership, names, pause, person, why};
use super::support::scim::user;
use super::support::server::on_each_server;

#[tokio::test]
async fn no_because_of_who_they_are() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let staff = by_hand(&server, organization, "Staff").await;
        let into = json!([{"into_group": {"group_id": staff}}]);
        let when = json!({"group": "displayName eq \"eng\"", "user": "active eq true and userType ne \"Contractor\""});
        let rule = server.rule(organization, "staff", when, into).await;
        let body = person("ada@acme.example", json!({"userType": "Contractor"}));
        let ada = directory.scim("POST", "/Users", body).await.expect(201).text("/id");
        directory.group("eng", &[&ada]).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let answer = why(&server, &membership, "group_id", &staff).await;
        assert_eq!(answer.at("/verdict"), "no");
        let expected = json!([{
            "rule": {"id": rule.text("/id"), "key": "staff", "version": 1, "position": 20},
            "directory_user": {"id": ada, "user_name": "ada@acme.example"},
            "clause": "when.user",
            "text": "userType ne \"Contractor\"",
            "column": 20,
            "seen": [{"attribute": "userType", "value": "Contractor"}],
            "message": "userType is \"Contractor\"",
        }]);
        assert_eq!(answer.at("/why_not"), &expected);
        let sentence = "ada@acme.example is not in the group \"Staff\": the rule staff could give it, but userType is \
                        \"Contractor\".";
        assert_eq!(answer.text("/sentence"), sentence);
    })
    .await;
}

#[tokio::test]
async fn no_because_they_are_in_no_group_that_matches() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let when = json!({"group": "displayName sw \"eng-\"", "capture": "^eng-[a-z]+$"});
        server.rule(organization, "admins", when, json!([{"grant_role": {"role": "admin"}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let alone = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!(alone.at("/why_not/0/message"), "they are in no directory group");

        for name in ["eng-mobile", "eng-web"] {
            directory.group(name, &[]).await;
        }
        directory.group("Sales", &[&ada]).await;
        let other = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!((other.at("/verdict"), other.at("/why_not/0/clause")), (&json!("no"), &json!("when.group")));
        assert_eq!(names(other.at("/why_not/0/matching_groups")), ["eng-mobile", "eng-web"]);
        let own = other.at("/why_not/0/own_groups/0");
        assert_eq!((&own["name"], &own["clause"], &own["column"]), (&json!("Sales"), &json!("when.group"), &json!(1)));
        assert_eq!(own["message"], "displayName is \"Sales\"");
        let sentence = "ada@acme.example does not hold the role admin: the rule admins could give it, but they are in no \
                        directory group that the rule matches; \"eng-mobile\" or \"eng-web\" would do.";
        assert_eq!(other.text("/sentence"), sentence);

        directory.group("eng-42", &[&ada]).await;
        let near = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!(near.at("/why_not/0/clause"), "when.capture");
        assert_eq!(near.at("/why_not/0/text"), "^eng-[a-z]+$");
        assert_eq!(near.at("/why_not/0/own_groups/1/message"), "the pattern does not match \"eng-42\"");
    })
    .await;
}

#[tokio::test]
async fn rules_for_other_directories_and_exceptions_say_so() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let second = server.directory_in(organization, json!({})).await;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let admin = json!([{"grant_role": {"role": "admin"}}]);
        let elsewhere = json!({"organization_id": organization, "key": "elsewhere", "directory_id": second.id,
            "when": {"user": "active eq true"}, "then": admin, "apply": true});
        server.api("POST", "/mapping_rules", elsewhere).await.expect(201);
        let when = json!({"user": "active eq true", "except_group": "displayName eq \"contractors\""});
        server.rule(organization, "employees", when, admin).await;
        let ada = directory.user("ada@acme.example").await;
        let inner = directory.group("freelancers", &[&ada]).await;
        let outer = directory.group("contractors", &[&inner]).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let answer = why(&server, &membership, "role_slug", "admin").await;
        let clauses: Vec<&Value> = answer.at("/why_not").as_array().unwrap().iter().map(|not| &not["clause"]).collect();
        assert_eq!(clauses, ["directory_id", "when.except_group"]);
        assert_eq!(answer.text("/why_not/0/text"), second.id);
        let not = answer.at("/why_not/1");
        assert_eq!(not["message"], "they are in \"contractors\", whose people the rule leaves out");
        assert_eq!(not["directory_group"], json!({"id": outer, "name": "contractors"}));
        assert_eq!(names(&not["path"]), ["contractors", "freelancers"]);
    })
    .await;
}

#[tokio::test]
async fn an_exclusion_is_named_with_its_rule_and_group() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let everybody = json!({"user": "active eq true"});
        let staff = by_hand(&server, organization, "Staff").await;
        server.rule(organization, "staff", everybody, json!([{"into_group": {"group_id": staff}}])).await;
        let banned = json!({"group": "displayName eq \"banned\""});
        let rule = server.rule(organization, "banned", banned, json!([{"exclude": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let group = directory.group("banned", &[&ada]).await;
        for (name, value) in [("group_id", staff.as_str()), ("membership", "true")] {
            let answer = why(&server, &membership, name, value).await;
            assert_eq!(answer.at("/verdict"), "excluded", "{}", answer.body);
            assert!(
                answer
                    .text("/sentence")
                    .contains("but the rule banned (version 1) excludes them by the directory group")
            );
            let kinds: Vec<&Value> = answer.at("/why").as_array().unwrap().iter().map(|why| &why["kind"]).collect();
            assert_eq!(kinds, ["rule", "exclude"]);
            assert_eq!(answer.at("/why/1/directory_group"), &json!({"id": group, "name": "banned"}));
            let not = answer.at("/why_not/0");
            assert_eq!((&not["clause"], &not["rule"]["key"]), (&json!("exclusion"), &json!("staff")));
            assert_eq!(
                (&not["excluded_by"]["id"], &not["directory_group"]["name"]),
                (rule.at("/id"), &json!("banned"))
            );
            assert_eq!(not["message"], "the rule banned excludes them, because they are in \"banned\"");
        }
        // Somebody who was excluded before they were ever linked has no origins to read it from.
        let body = person("bo@acme.example", json!({"active": false}));
        let bo = directory.scim("POST", "/Users", body).await.expect(201).text("/id");
        let add = json!([{"op": "add", "path": "members", "value": [{"value": bo}]}]);
        directory.patch(&format!("/Groups/{group}"), add).await.expect(204);
        let active = json!([{"op": "replace", "path": "active", "value": true}]);
        directory.patch(&format!("/Users/{bo}"), active).await.expect(200);
        let answer = explain(&server, &[("directory_user_id", &bo), ("membership", "true")]).await.expect(200);
        assert_eq!(answer.at("/organization_membership"), &Value::Null, "{}", answer.body);
        assert_eq!((answer.at("/verdict"), answer.at("/why_not/0/clause")), (&json!("no"), &json!("exclusion")));
        assert_eq!(answer.at("/why_not/0/excluded_by/key"), "banned");
    })
    .await;
}

#[tokio::test]
async fn a_link_that_waits_or_was_never_made_is_the_reason() {
    on_each_server(|server| async move {
        // The account belongs to the first organization.
        let first = server.directory().await;
        let everybody = || json!({"user": "active eq true"});
        let member = json!([{"ensure_membership": {}}]);
        server.rule(&first.organization, "all", everybody(), member.clone()).await;
        first.user("ada@acme.example").await;
        let directory = server.directory().await;
        let organization = &directory.organization;
        let ada = directory.user("ada@acme.example").await;
        let bare = directory.scim("POST", "/Users", user("bo", json!({}))).await.expect(201).text("/id");
        let none = explain(&server, &[("directory_user_id", &ada), ("membership", "true")]).await.expect(200);
        assert_eq!((none.at("/verdict"), none.at("/why_not")), (&json!("no"), &json!([])));

        server.rule(organization, "all", everybody(), member).await;
        for (user, message) in [
            (&ada, "their address belongs to an account that the organization does not own"),
            (&bare, "they have no e-mail address"),
        ] {
            let answer = explain(&server, &[("directory_user_id", user), ("membership", "true")]).await.expect(200);
            assert_eq!((answer.at("/verdict"), answer.at("/why_not/0/clause")), (&json!("no"), &json!("link")));
            assert!(answer.text("/why_not/0/message").starts_with(message), "{}", answer.body);
            assert_eq!(answer.at("/organization_membership"), &Value::Null);
            assert_eq!(answer.text("/directory_user/id"), *user);
        }
        let body = person("cy@acme.example", json!({"active": false}));
        let cy = directory.scim("POST", "/Users", body).await.expect(201).text("/id");
        let answer = explain(&server, &[("directory_user_id", &cy), ("role_slug", "member")]).await.expect(200);
        assert_eq!(answer.at("/verdict"), "no");
        let answer = explain(&server, &[("directory_user_id", &cy), ("membership", "true")]).await.expect(200);
        assert_eq!(answer.at("/why_not/0/seen"), &json!([{"attribute": "active", "value": false}]));
    })
    .await;
}

#[tokio::test]
async fn a_mirror_that_waits_for_a_name_says_who_has_it() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let admins = by_hand(&server, organization, "Admins").await;
        server.rule(organization, "mirror", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        let eve = directory.user("eve@acme.example").await;
        let source = directory.group("ADMINS ", &[&eve]).await;
        let membership = membership(&server, organization, "eve@acme.example").await;
        let answer = why(&server, &membership, "group_id", &admins).await;
        assert_eq!((answer.at("/verdict"), answer.at("/why_not/0/clause")), (&json!("no"), &json!("mirror_group")));
        assert_eq!(answer.at("/why_not/0/taken_by"), &json!({"id": admins, "name": "Admins"}));
        assert_eq!(answer.text("/why_not/0/directory_group/id"), source);
    })
    .await;
}

#[tokio::test]
async fn a_person_in_two_directories_is_asked_about_in_both() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let second = server.directory_in(organization, json!({})).await;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let when = json!({"group": "displayName eq \"eng\""});
        server.rule(organization, "eng", when, json!([{"grant_role": {"role": "admin"}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let twin = second.user("ada@acme.example").await;
        directory.group("eng", &[&ada]).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        let answer = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!((answer.at("/verdict"), answer.at("/why_total")), (&json!("yes"), &json!(1)));
        assert_eq!(answer.text("/why/0/directory_user/id"), ada);
        let not = answer.at("/why_not").as_array().unwrap();
        assert_eq!((not.len(), &not[0]["directory_user"]["id"]), (1, &json!(twin)), "{}", answer.body);
    })
    .await;
}

#[tokio::test]
async fn the_number_of_statements_does_not_grow_with_rules_groups_and_people() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let ada = directory.user("ada@acme.example").await;
        directory.group("eng", &[&ada]).await;
        let id = membership(&server, organization, "ada@acme.example").await;
        let statements = async || {
            let mut least = u64::MAX;
            for _ in 0..5 {
                let before = server.server.app.db.statements();
                why(&server, &id, "role_slug", "admin").await;
                // The worker looks for runs now and then.
                least = least.min(server.server.app.db.statements() - before);
            }
            least
        };
        let few = statements().await;
        for n in 0..12 {
            let when = json!({"group": format!("displayName eq \"none-{n}\"")});
            let then = json!([{"grant_role": {"role": "admin"}}]);
            server.rule(organization, &format!("rule-{n}"), when, then).await;
            let inner = directory.group(&format!("inner-{n}"), &[&ada]).await;
            directory.group(&format!("outer-{n}"), &[&inner]).await;
        }
        assert_eq!(statements().await, few);
        let answer = why(&server, &id, "role_slug", "admin").await;
        assert_eq!(answer.at("/why_not").as_array().unwrap().len(), 12);
        assert_eq!(answer.at("/why_not/0/own_groups").as_array().unwrap().len(), 10);
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_a_paused_directory_says_so() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let when = json!({"group": "displayName eq \"IT\""});
        server.rule(organization, "admins", when, json!([{"grant_role": {"role": "admin"}}])).await;
        let ada = directory.user("ada@acme.example").await;
        let group = directory.group("IT", &[]).await;
        let membership = membership(&server, organization, "ada@acme.example").await;
        pause(&server, organization, &directory.id).await;
        let add = json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]);
        directory.patch(&format!("/Groups/{group}"), add).await.expect(204);
        let answer = why(&server, &membership, "role_slug", "admin").await;
        assert_eq!((answer.at("/verdict"), answer.at("/why_not/0/clause")), (&json!("no"), &json!("waiting")));
        assert_eq!(answer.at("/why_not/0/message"), "every clause holds, but their directory is paused");
    })
    .await;
}
