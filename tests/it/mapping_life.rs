//! The life of a person, row by row of its table in the design: each test bears the name of its row.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::scim::user;
use super::support::server::{TestDirectory, TestServer, on_each_server};

const NONE: Value = Value::Null;

/// Makes a native group by hand; answers its id.
async fn by_hand(server: &TestServer, organization: &str, name: &str) -> String {
    let path = format!("/organizations/{organization}/groups");
    server.api("POST", &path, json!({"name": name})).await.expect(201).text("/id")
}

/// A directory whose active people are in "Staff" and hold `admin` by a rule, and who were put into "Chess" by a
/// rule that was then handed over: as if by hand.
async fn staff_and_chess(server: &TestServer, settings: Value) -> (TestDirectory, String) {
    let organization = server.organization("Acme").await;
    let directory = server.directory_in(&organization, settings).await;
    let staff = by_hand(server, &organization, "Staff").await;
    let chess = by_hand(server, &organization, "Chess").await;
    let everybody = json!({"user": "userName pr"});
    let then = json!([{"into_group": {"group_id": staff}}, {"grant_role": {"role": "admin"}}]);
    server.rule(&organization, "staff", everybody.clone(), then).await;
    let ada = directory.user("ada@acme.example").await;
    let into = json!([{"into_group": {"group_id": chess}}]);
    let rule = server.rule(&organization, "chess", everybody, into).await.text("/id");
    server.api("DELETE", &format!("/mapping_rules/{rule}?origins=hand_over"), NONE).await.expect(204);
    let all = native(server, &organization).await;
    assert_eq!(all.groups(), ["Chess: ada@acme.example", "Staff: ada@acme.example"]);
    assert_eq!(all.people(), ["ada@acme.example active admin"]);
    (directory, ada)
}

async fn set_active(directory: &TestDirectory, user: &str, flag: bool) {
    let replace = json!([{"op": "replace", "value": {"active": flag}}]);
    directory.patch(&format!("/Users/{user}"), replace).await.expect(200);
}

async fn everybody_is_a_member(server: &TestServer, organization: &str) {
    server.rule(organization, "all", json!({"user": "userName pr"}), json!([{"ensure_membership": {}}])).await;
}

#[tokio::test]
async fn first_seen_with_an_email_on_a_domain_that_this_organization_has_verified_is_the_account_that_has_it() {
    on_each_server(|server| async move {
        let elsewhere = server.directory().await;
        everybody_is_a_member(&server, &elsewhere.organization).await;
        elsewhere.user("ada@acme.example").await;
        let body = json!({"name": "Acme", "domain_data": [{"domain": "acme.example", "state": "verified"}]});
        let acme = server.api("POST", "/organizations", body).await.expect(201).text("/id");
        let directory = server.directory_in(&acme, json!({})).await;
        everybody_is_a_member(&server, &acme).await;
        directory.user("ada@acme.example").await;
        let (here, there) = (native(&server, &acme).await, native(&server, &elsewhere.organization).await);
        assert_eq!(here.user_ids(), there.user_ids());
    })
    .await;
}

#[tokio::test]
async fn first_seen_with_an_email_that_nobody_has_is_a_new_user() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        everybody_is_a_member(&server, &directory.organization).await;
        directory.user("ada@acme.example").await;
        let made = native(&server, &directory.organization).await;
        assert_eq!(made.people(), ["ada@acme.example active member"]);
        let links = format!("/identity_links?organization_id={}", directory.organization);
        let link = server.api("GET", &links, NONE).await.expect(200);
        assert_eq!(link.text("/data/0/method"), "new_account");
        assert_eq!(link.text("/data/0/user_id"), made.user_ids()[0]);
    })
    .await;
}

#[tokio::test]
async fn first_seen_otherwise_waits_for_confirmation_and_never_lands_on_an_account_the_organization_does_not_own() {
    on_each_server(|server| async move {
        let (theirs, ours) = (server.directory().await, server.directory().await);
        everybody_is_a_member(&server, &theirs.organization).await;
        everybody_is_a_member(&server, &ours.organization).await;
        let name = json!({"displayName": "Ada Byron", "externalId": "ada-1"});
        theirs.scim("POST", "/Users", user("ada@acme.example", name)).await.expect(201);
        let account = native(&server, &theirs.organization).await.user_ids()[0].to_owned();
        ours.user("ADA@acme.example").await;
        // The display name, and an id that the identity provider chose: neither links anybody.
        let copy = json!({"displayName": "Ada Byron", "externalId": "ada-1"});
        ours.scim("POST", "/Users", user("ada", copy)).await.expect(201);
        let copy = json!({"externalId": account});
        ours.scim("POST", "/Users", user(&account, copy)).await.expect(201);
        assert!(native(&server, &ours.organization).await.people().is_empty());
        let links = format!("/identity_links?organization_id={}&order=asc", ours.organization);
        let links = server.api("GET", &links, NONE).await.expect(200);
        let all = links.at("/data").as_array().unwrap();
        let words: Vec<(&str, &str)> =
            all.iter().map(|link| (link["state"].as_str().unwrap(), link["method"].as_str().unwrap())).collect();
        assert_eq!(words, [("pending", "foreign_account"), ("pending", "no_email"), ("pending", "no_email")]);
        assert_eq!(native(&server, &theirs.organization).await.people(), ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn active_false_membership_inactive_at_once_every_effect_of_it_suspended_nothing_forgotten() {
    on_each_server(|server| async move {
        let (directory, ada) = staff_and_chess(&server, json!({})).await;
        set_active(&directory, &ada, false).await;
        let gone = native(&server, &directory.organization).await;
        assert_eq!(gone.people(), ["ada@acme.example inactive admin"], "the role is on record");
        assert_eq!(gone.groups(), ["Chess: ", "Staff: "]);
        set_active(&directory, &ada, true).await;
        let back = native(&server, &directory.organization).await;
        assert_eq!(back.people(), ["ada@acme.example active admin"]);
        assert_eq!(back.groups(), ["Chess: ada@acme.example", "Staff: ada@acme.example"]);
    })
    .await;
}

#[tokio::test]
async fn reactivated_recomputed_from_todays_facts_and_rules_manual_origins_return() {
    on_each_server(|server| async move {
        let (directory, ada) = staff_and_chess(&server, json!({})).await;
        let organization = &directory.organization;
        set_active(&directory, &ada, false).await;
        // Meanwhile one rule goes, another comes, and she gets a title.
        let rules =
            server.api("GET", &format!("/mapping_rules?organization_id={organization}"), NONE).await.expect(200);
        let staff = rules.text("/data/0/id");
        server.api("DELETE", &format!("/mapping_rules/{staff}"), NONE).await.expect(204);
        let board = by_hand(&server, organization, "Board").await;
        let countesses = json!({"user": "title eq \"Countess\""});
        server.rule(organization, "board", countesses, json!([{"into_group": {"group_id": board}}])).await;
        let title = json!([{"op": "replace", "path": "title", "value": "Countess"}]);
        directory.patch(&format!("/Users/{ada}"), title).await.expect(200);
        assert_eq!(native(&server, organization).await.groups(), ["Board: ", "Chess: ", "Staff: "]);

        set_active(&directory, &ada, true).await;
        let back = native(&server, organization).await;
        assert_eq!(back.groups(), ["Board: ada@acme.example", "Chess: ada@acme.example", "Staff: "]);
        assert_eq!(back.people(), ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn deleted_rule_origins_end_membership_inactive_manual_origins_stay_on_record() {
    on_each_server(|server| async move {
        let (directory, ada) = staff_and_chess(&server, json!({})).await;
        let organization = &directory.organization;
        directory.scim("DELETE", &format!("/Users/{ada}"), NONE).await.expect(204);
        let gone = native(&server, organization).await;
        assert_eq!(gone.people(), ["ada@acme.example inactive member"]);
        assert_eq!(gone.groups(), ["Chess: ", "Staff: "]);
        // Only another directory that has her shows what is on record; it maps nobody by rules.
        let rules =
            server.api("GET", &format!("/mapping_rules?organization_id={organization}"), NONE).await.expect(200);
        server.api("DELETE", &format!("/mapping_rules/{}", rules.text("/data/0/id")), NONE).await.expect(204);
        let other = server.directory_in(organization, json!({})).await;
        everybody_is_a_member(&server, organization).await;
        other.user("ada@acme.example").await;
        let back = native(&server, organization).await;
        assert_eq!(back.groups(), ["Chess: ada@acme.example", "Staff: "]);
    })
    .await;
}

#[tokio::test]
async fn deleted_with_delete_by_directory_setting_the_membership_goes_if_nothing_else_speaks_for_it() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let directory = server.directory_in(&organization, json!({"deleted_people": "delete"})).await;
        everybody_is_a_member(&server, &organization).await;
        let ada = directory.user("ada@acme.example").await;
        assert_eq!(native(&server, &organization).await.people().len(), 1);
        directory.scim("DELETE", &format!("/Users/{ada}"), NONE).await.expect(204);
        assert!(native(&server, &organization).await.people().is_empty());
    })
    .await;
    on_each_server(|server| async move {
        let (by_hand, ada) = staff_and_chess(&server, json!({"deleted_people": "delete"})).await;
        by_hand.scim("DELETE", &format!("/Users/{ada}"), NONE).await.expect(204);
        assert_eq!(native(&server, &by_hand.organization).await.people(), ["ada@acme.example inactive member"]);
    })
    .await;
}

#[tokio::test]
async fn email_or_user_name_changed_record_changes_link_stays_native_email_follows_only_onto_a_verified_domain() {
    on_each_server(|server| async move {
        let body = json!({"name": "Acme", "domain_data": [{"domain": "acme.example", "state": "verified"}]});
        let organization = server.api("POST", "/organizations", body).await.expect(201).text("/id");
        let directory = server.directory_in(&organization, json!({})).await;
        everybody_is_a_member(&server, &organization).await;
        let ada = directory.user("ada@acme.example").await;
        let account = native(&server, &organization).await.user_ids()[0].to_owned();
        let become_ = async |user_name: &str, email: &str| {
            let body = user(user_name, json!({"emails": [{"value": email, "primary": true}]}));
            directory.scim("PUT", &format!("/Users/{ada}"), body).await.expect(200);
            let record = server.api("GET", &format!("/directory_users/{ada}"), NONE).await.expect(200);
            assert_eq!((record.text("/username"), record.text("/email")), (user_name.to_owned(), email.to_owned()));
            let now = native(&server, &organization).await;
            assert_eq!(now.user_ids(), [account.as_str()], "the link stays");
            now.people()
        };
        let people = become_("ada@acme.example", "ada@private.example").await;
        assert_eq!(people, ["ada@acme.example active member"], "not onto a domain that is not verified");
        let people = become_("ada.byron", "ada.byron@acme.example").await;
        assert_eq!(people, ["ada.byron@acme.example active member"]);
        let people = become_("countess", "ada.byron@acme.example").await;
        assert_eq!(people, ["ada.byron@acme.example active member"], "a userName alone moves nobody");
    })
    .await;
}

#[tokio::test]
async fn in_two_directories_claims_are_counted_active_while_any_is() {
    on_each_server(|server| async move {
        let one = server.directory().await;
        let two = server.directory_in(&one.organization, json!({})).await;
        let organization = &one.organization;
        let (left, right) =
            (by_hand(&server, organization, "Left").await, by_hand(&server, organization, "Right").await);
        for (directory, group) in [(&one, left), (&two, right)] {
            let body = json!({
                "organization_id": organization, "key": group, "directory_id": directory.id, "apply": true,
                "when": {"user": "userName pr"}, "then": [{"into_group": {"group_id": group}}],
            });
            server.api("POST", "/mapping_rules", body).await.expect(201);
        }
        let (ada_one, ada_two) = (one.user("ada@acme.example").await, two.user("ada@acme.example").await);
        let everything = ["Left: ada@acme.example", "Right: ada@acme.example"];
        assert_eq!(native(&server, organization).await.groups(), everything);
        set_active(&one, &ada_one, false).await;
        let still = native(&server, organization).await;
        assert_eq!(still.people(), ["ada@acme.example active member"], "the other directory claims her");
        set_active(&two, &ada_two, false).await;
        let gone = native(&server, organization).await;
        assert_eq!(
            (gone.people(), gone.groups()),
            (vec!["ada@acme.example inactive member".to_owned()], vec!["Left: ".to_owned(), "Right: ".to_owned()])
        );
        set_active(&one, &ada_one, true).await;
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example active member"]);
        one.scim("DELETE", &format!("/Users/{ada_one}"), NONE).await.expect(204);
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example inactive member"]);
    })
    .await;
}
