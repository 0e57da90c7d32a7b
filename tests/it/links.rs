//! Identity links as people decide them: listed, confirmed, refused, reopened, ended; and that identity
//! providers notice none of it.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::scim::{USER, user};
use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

const NONE: Value = Value::Null;

/// An organization whose directory pushes `ada@acme.example`, whose account is another organization's.
struct Waiting {
    theirs: TestDirectory,
    ours: TestDirectory,
    ada: String,
}

async fn everybody_is_a_member(server: &TestServer, organization: &str) {
    server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
}

impl Waiting {
    async fn set(server: &TestServer) -> Self {
        let (theirs, ours) = (server.directory().await, server.directory().await);
        everybody_is_a_member(server, &theirs.organization).await;
        everybody_is_a_member(server, &ours.organization).await;
        theirs.user("ada@acme.example").await;
        let ada = ours.user("ada@acme.example").await;
        Waiting { theirs, ours, ada }
    }

    /// The account of the other organization.
    async fn account(&self, server: &TestServer) -> String {
        native(server, &self.theirs.organization).await.user_ids()[0].to_owned()
    }

    async fn people(&self, server: &TestServer) -> Vec<String> {
        native(server, &self.ours.organization).await.people()
    }
}

/// Takes a decision with the root key.
async fn decide(server: &TestServer, person: &str, decision: &str, body: Value) -> Answer {
    server.api("POST", &format!("/identity_links/{person}/{decision}"), body).await
}

/// The one link of a person, as the list shows it.
async fn link(server: &TestServer, directory: &TestDirectory, user_name: &str) -> Value {
    let path = format!("/identity_links?organization_id={}&search={user_name}", directory.organization);
    let found = server.api("GET", &path, NONE).await.expect(200);
    let all = found.at("/data").as_array().unwrap();
    assert_eq!(all.len(), 1, "{}", found.body);
    all[0].clone()
}

#[tokio::test]
async fn a_link_that_waits_is_listed_with_its_reason_and_its_candidate() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let account = waiting.account(&server).await;
        let shown = link(&server, &waiting.ours, "ADA@acme").await;
        assert_eq!(shown["object"], "identity_link");
        assert_eq!(shown["directory_user"]["id"], waiting.ada);
        assert_eq!(shown["directory_user"]["user_name"], "ada@acme.example");
        assert_eq!(shown["directory_user"]["directory_id"], waiting.ours.id);
        assert_eq!((&shown["state"], &shown["method"]), (&json!("pending"), &json!("foreign_account")));
        assert!(shown["reason"].as_str().unwrap().contains("verify the domain"), "{shown}");
        assert_eq!(shown["candidate"], json!({"user_id": account, "email": "ada@acme.example"}));
        assert_eq!((&shown["user_id"], &shown["organization_membership_id"]), (&NONE, &NONE));

        let key = server.organization_key(&waiting.ours.organization, "read").await;
        let seen = server.api_with(&key, "GET", "/identity_links?state=pending", NONE).await.expect(200);
        assert_eq!(seen.at("/data/0/candidate"), &json!({"user_id": null, "email": "ada@acme.example"}));
        assert!(!seen.body.to_string().contains(&account), "the id is another organization's to know");
    })
    .await;
}

#[tokio::test]
async fn links_are_listed_by_state_directory_and_text_in_pages() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let organization = waiting.ours.organization.clone();
        let second = server.directory_in(&organization, json!({})).await;
        let mut made = vec![waiting.ada.clone()];
        for n in 0..4 {
            made.push(waiting.ours.user(&format!("p{n}@acme.example")).await);
        }
        made.push(second.user("zoe@acme.example").await);
        let nameless =
            second.scim("POST", "/Users", json!({"schemas": [USER], "userName": "nobody"})).await.expect(201);
        made.push(nameless.text("/id"));
        waiting.ours.scim("DELETE", &format!("/Users/{}", made[1]), NONE).await.expect(204);
        decide(&server, &made[2], "unlink", NONE).await.expect(200);

        let list = async |query: &str| {
            let path = format!("/identity_links?organization_id={organization}&order=asc&{query}");
            let page = server.api("GET", &path, NONE).await.expect(200);
            let ids = page.at("/data").as_array().unwrap().iter().map(|link| link["id"].as_str().unwrap().to_owned());
            (ids.collect::<Vec<_>>(), page)
        };
        let only = async |query: &str| list(query).await.0;
        assert_eq!(only("").await, made);
        assert_eq!(only("state=pending").await, [made[0].clone(), made[6].clone()]);
        assert_eq!(only("state=ended").await, [made[1].clone()]);
        assert_eq!(only("state=refused").await, [made[2].clone()]);
        assert_eq!(only("state=linked").await, made[3..6]);
        assert_eq!(only(&format!("directory_id={}", second.id)).await, made[5..]);
        assert_eq!(only("search=P3%40").await, [made[4].clone()]);
        assert_eq!(only("search=nobody").await, [made[6].clone()]);
        assert!(only("search=%25").await.is_empty(), "no character stands for others");

        let (first, page) = list("limit=3").await;
        assert_eq!((first.as_slice(), page.at("/list_metadata/before")), (&made[..3], &NONE));
        let (rest, last) = list(&format!("limit=10&after={}", page.text("/list_metadata/after"))).await;
        assert_eq!((rest.as_slice(), last.at("/list_metadata/after")), (&made[3..], &NONE));

        let path = format!("/identity_links?organization_id={organization}&state=odd");
        assert_eq!(server.api("GET", &path, NONE).await.expect(422).text("/errors/0/code"), "invalid_state");
        server.api("GET", "/identity_links", NONE).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn confirming_links_the_person_and_gives_what_the_rules_say_at_once() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let account = waiting.account(&server).await;
        let before = server.event_names(&waiting.ours.organization).await.len();
        let confirmed = decide(&server, &waiting.ada, "confirm", NONE).await.expect(200);
        assert_eq!(
            (confirmed.text("/state"), confirmed.text("/method")),
            ("linked".to_owned(), "confirmed".to_owned())
        );
        assert_eq!(confirmed.text("/user_id"), account);
        assert_eq!(confirmed.at("/candidate"), &NONE);
        assert_eq!(waiting.people(&server).await, ["ada@acme.example active member"]);
        assert_eq!(native(&server, &waiting.ours.organization).await.user_ids(), [account.as_str()]);
        let events = server.event_names(&waiting.ours.organization).await;
        assert_eq!(events[before..], ["organization_membership.created"]);

        let again = decide(&server, &waiting.ada, "confirm", json!({"user_id": account})).await.expect(200);
        assert_eq!(again.header("muster-revision"), confirmed.header("muster-revision"), "nothing to do");
        let other = waiting.theirs.user("bo@acme.example").await;
        let bo = link(&server, &waiting.theirs, "bo@").await["user_id"].clone();
        assert_eq!(link(&server, &waiting.theirs, "bo@").await["id"], other);
        let refused = decide(&server, &waiting.ada, "confirm", json!({"user_id": bo})).await.expect(409);
        assert_eq!(refused.text("/code"), "already_linked");
        assert!(refused.text("/message").contains(&account), "says to whom: {}", refused.body);
        decide(&server, &waiting.ada, "refuse", NONE).await.expect(409);
        decide(&server, &waiting.ada, "reopen", NONE).await.expect(409);
    })
    .await;
}

#[tokio::test]
async fn an_organization_confirms_only_accounts_that_it_owns() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let account = waiting.account(&server).await;
        let key = server.organization_key(&waiting.ours.organization, "admin").await;
        let confirm = async |body: Value| {
            let path = format!("/identity_links/{}/confirm", waiting.ada);
            server.api_with(&key, "POST", &path, body).await
        };
        let refused = confirm(NONE).await.expect(403);
        let message = refused.text("/message");
        assert!(message.contains("verify the domain") && message.contains("operator"), "says what to do: {message}");
        let foreign = confirm(json!({"user_id": account})).await.expect(422);
        let missing = confirm(json!({"user_id": "user_01ARZ3NDEKTSV4RRFFQ69G5FAV"})).await.expect(422);
        let hidden = missing.body.to_string().replace("user_01ARZ3NDEKTSV4RRFFQ69G5FAV", &account);
        assert_eq!(foreign.body.to_string(), hidden, "no difference between foreign and missing");
        assert!(waiting.people(&server).await.is_empty());

        waiting.ours.user("bo@acme.example").await;
        let member = link(&server, &waiting.ours, "bo@").await["user_id"].clone();
        let confirmed = confirm(json!({"user_id": member})).await.expect(200);
        assert_eq!(confirmed.at("/user_id"), &member, "an account of a member may be named");
        assert_eq!(waiting.people(&server).await, ["bo@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn somebody_without_an_address_is_confirmed_by_naming_the_account() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        everybody_is_a_member(&server, &directory.organization).await;
        directory.user("ada@acme.example").await;
        let account = link(&server, &directory, "ada@").await["user_id"].clone();
        let jane = directory.scim("POST", "/Users", json!({"schemas": [USER], "userName": "jane"})).await.expect(201);
        let jane = jane.text("/id");
        let shown = link(&server, &directory, "jane").await;
        assert_eq!((&shown["method"], &shown["candidate"]), (&json!("no_email"), &NONE));
        let refused = decide(&server, &jane, "confirm", NONE).await.expect(422);
        assert_eq!(
            (refused.text("/errors/0/field"), refused.text("/errors/0/code")),
            ("user_id".into(), "required".into())
        );
        for bad in ["user_01ARZ3NDEKTSV4RRFFQ69G5FAV", "group_01ARZ3NDEKTSV4RRFFQ69G5FAV", ""] {
            let refused = decide(&server, &jane, "confirm", json!({"user_id": bad})).await;
            assert!(refused.status.is_client_error(), "{bad}: {refused:?}");
        }
        decide(&server, &jane, "confirm", json!({"user_id": 7})).await.expect(422);
        let confirmed = decide(&server, &jane, "confirm", json!({"user_id": account})).await.expect(200);
        assert_eq!(confirmed.at("/user_id"), &account);
        assert_eq!(native(&server, &directory.organization).await.people(), ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn a_confirmation_waits_for_the_person_to_be_given_something() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let account = waiting.account(&server).await;
        let active = async |flag: bool| {
            let replace = json!([{"op": "replace", "path": "active", "value": flag}]);
            waiting.ours.patch(&format!("/Users/{}", waiting.ada), replace).await.expect(200);
        };
        active(false).await;
        let confirmed = decide(&server, &waiting.ada, "confirm", NONE).await.expect(200);
        assert_eq!(
            (confirmed.text("/state"), confirmed.text("/method")),
            ("pending".to_owned(), "confirmed".to_owned())
        );
        assert_eq!(confirmed.text("/user_id"), account);
        assert!(waiting.people(&server).await.is_empty());
        active(true).await;
        assert_eq!(link(&server, &waiting.ours, "ada@").await["state"], "linked");
        assert_eq!(waiting.people(&server).await, ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_person_stays_unlinked_whatever_rules_and_domains_say_until_reopened() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let refused = decide(&server, &waiting.ada, "refuse", NONE).await.expect(200);
        assert_eq!(refused.text("/state"), "refused");
        let again = decide(&server, &waiting.ada, "refuse", NONE).await.expect(200);
        assert_eq!(again.header("muster-revision"), refused.header("muster-revision"));

        let body = json!({"organization_id": waiting.ours.organization, "domain": "acme.example", "state": "verified"});
        server.api("POST", "/organization_domains", body).await.expect(201);
        let staff = json!({"user": "userName pr"});
        server.rule(&waiting.ours.organization, "staff", staff, json!([{"grant_role": {"role": "admin"}}])).await;
        let title = json!([{"op": "replace", "path": "title", "value": "Countess"}]);
        waiting.ours.patch(&format!("/Users/{}", waiting.ada), title).await.expect(200);
        assert!(waiting.people(&server).await.is_empty());
        assert_eq!(link(&server, &waiting.ours, "ada@").await["state"], "refused");

        let reopened = decide(&server, &waiting.ada, "reopen", NONE).await.expect(200);
        assert_eq!(
            (reopened.text("/state"), reopened.text("/method")),
            ("linked".to_owned(), "verified_domain".to_owned())
        );
        assert_eq!(waiting.people(&server).await, ["ada@acme.example active admin"]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_person_can_be_confirmed() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        decide(&server, &waiting.ada, "refuse", NONE).await.expect(200);
        let confirmed = decide(&server, &waiting.ada, "confirm", NONE).await.expect(200);
        assert_eq!(confirmed.text("/state"), "linked");
        assert_eq!(waiting.people(&server).await, ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn a_refused_person_who_is_deleted_and_made_again_climbs_anew() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        everybody_is_a_member(&server, &directory.organization).await;
        let create = async |user_name: &str| {
            let body = user(user_name, json!({"externalId": "e-1"}));
            directory.scim("POST", "/Users", body).await.expect(201).text("/id")
        };
        let delete = async |id: &str| {
            directory.scim("DELETE", &format!("/Users/{id}"), NONE).await.expect(204);
        };
        // Returned once to the account that turns out to be wrong.
        delete(&create("ada@acme.example").await).await;
        let second = create("bo@acme.example").await;
        let wrong = link(&server, &directory, "bo@").await;
        assert_eq!(wrong["method"], "returned_by_external_id");
        decide(&server, &second, "unlink", NONE).await.expect(200);
        delete(&second).await;
        let third = create("bo@acme.example").await;
        let anew = link(&server, &directory, "bo@").await;
        assert_eq!((&anew["id"], &anew["method"]), (&json!(third), &json!("new_account")));
        assert_ne!(anew["user_id"], wrong["user_id"]);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_link_is_ended_by_hand_and_what_the_rules_gave_by_it_ends() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let when = json!({"group": "displayName eq \"Staff\""});
        server
            .rule(organization, "staff", when, json!([{"mirror_group": {}}, {"grant_role": {"role": "admin"}}]))
            .await;
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        directory.group("Staff", &[&ada, &bo]).await;
        assert_eq!(native(&server, organization).await.groups(), ["Staff: ada@acme.example, bo@acme.example"]);
        let account = link(&server, &directory, "ada@").await["user_id"].clone();

        let unlinked = decide(&server, &ada, "unlink", NONE).await.expect(200);
        assert_eq!((unlinked.text("/state"), unlinked.at("/user_id")), ("refused".to_owned(), &NONE));
        assert_eq!(unlinked.at("/candidate/user_id"), &account);
        let after = native(&server, organization).await;
        assert_eq!(after.groups(), ["Staff: bo@acme.example"]);
        assert_eq!(after.people(), ["ada@acme.example inactive member", "bo@acme.example active admin"]);
        assert_eq!(decide(&server, &ada, "unlink", NONE).await.expect(409).text("/code"), "not_linked");

        decide(&server, &ada, "reopen", NONE).await.expect(200);
        let back = native(&server, organization).await;
        assert_eq!(back.groups(), ["Staff: ada@acme.example, bo@acme.example"]);
        assert_eq!(link(&server, &directory, "ada@").await["user_id"], account);
    })
    .await;
}

#[tokio::test]
async fn ending_one_of_two_links_leaves_what_the_other_gives() {
    on_each_server(|server| async move {
        let one = server.directory().await;
        let two = server.directory_in(&one.organization, json!({})).await;
        everybody_is_a_member(&server, &one.organization).await;
        let first = one.user("ada@acme.example").await;
        two.user("ada@acme.example").await;
        decide(&server, &first, "unlink", NONE).await.expect(200);
        assert_eq!(native(&server, &one.organization).await.people(), ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_becomes_free_goes_to_whom_it_was_denied() {
    on_each_server(|server| async move {
        let body = json!({"name": "Acme", "domain_data": [{"domain": "acme.example", "state": "verified"}]});
        let organization = server.api("POST", "/organizations", body).await.expect(201).text("/id");
        let directory = server.directory_in(&organization, json!({})).await;
        everybody_is_a_member(&server, &organization).await;
        let person =
            |user_name: &str, email: &str| user(user_name, json!({"emails": [{"value": email, "primary": true}]}));
        let put = async |id: &str, user_name: &str, email: &str| {
            directory.scim("PUT", &format!("/Users/{id}"), person(user_name, email)).await.expect(200);
        };
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        put(&bo, "bo@acme.example", "ada@acme.example").await;
        let people = native(&server, &organization).await.people();
        assert_eq!(people, ["ada@acme.example active member", "bo@acme.example active member"], "it is taken");
        put(&ada, "ada@acme.example", "ada.byron@acme.example").await;
        let people = native(&server, &organization).await.people();
        assert_eq!(people, ["ada.byron@acme.example active member", "ada@acme.example active member"]);
        assert_eq!(link(&server, &directory, "bo@").await["method"], "new_account");
    })
    .await;
}

#[tokio::test]
async fn an_identity_provider_notices_nothing_of_links() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let path = format!("/Users/{}", waiting.ada);
        let dialogue = async || {
            let read = waiting.ours.scim("GET", &path, NONE).await.expect(200);
            let body = user("ada@acme.example", json!({"emails": read.at("/emails"), "active": true}));
            let answers = [
                read,
                waiting.ours.search("Users", "userName eq \"ada@acme.example\"").await,
                waiting.ours.scim("PUT", &path, body.clone()).await,
                waiting.ours.patch(&path, json!([{"op": "replace", "path": "active", "value": true}])).await,
                waiting.ours.scim("POST", "/Users", body).await,
            ];
            let told = answers.iter().map(|answer| {
                let names: Vec<&str> = answer.headers.keys().map(reqwest::header::HeaderName::as_str).collect();
                format!("{} {names:?} {}", answer.status, answer.body)
            });
            told.collect::<Vec<_>>()
        };
        let pending = dialogue().await;
        assert_eq!(link(&server, &waiting.ours, "ada@").await["state"], "pending");
        for (decision, state) in
            [("refuse", "refused"), ("confirm", "linked"), ("unlink", "refused"), ("reopen", "linked")]
        {
            decide(&server, &waiting.ada, decision, NONE).await.expect(200);
            assert_eq!(link(&server, &waiting.ours, "ada@").await["state"], state);
            assert_eq!(dialogue().await, pending, "after {decision}");
        }
    })
    .await;
}

#[tokio::test]
async fn links_of_others_do_not_exist_and_readers_decide_nothing() {
    on_each_server(|server| async move {
        let waiting = Waiting::set(&server).await;
        let stranger = server.organization_key(&waiting.theirs.organization, "admin").await;
        let reader = server.organization_key(&waiting.ours.organization, "read").await;
        for decision in ["confirm", "refuse", "reopen", "unlink"] {
            let path = format!("/identity_links/{}/{decision}", waiting.ada);
            let unknown = format!("/identity_links/directory_user_01ARZ3NDEKTSV4RRFFQ69G5FAV/{decision}");
            let seen = server.api_with(&stranger, "POST", &path, NONE).await.expect(404);
            let unseen = server.api_with(&stranger, "POST", &unknown, NONE).await.expect(404);
            assert_eq!(seen.text("/code"), unseen.text("/code"));
            server.api_with(&reader, "POST", &path, NONE).await.expect(403);
            server.api("POST", &format!("/identity_links/nobody/{decision}"), NONE).await.expect(404);
        }
        let list = format!("/identity_links?organization_id={}", waiting.ours.organization);
        server.api_with(&stranger, "GET", &list, NONE).await.expect(404);
        // Somebody whom no rule ever gave anything has no link to decide about.
        let idle = server.directory().await;
        let nobody = idle.user("eve@acme.example").await;
        decide(&server, &nobody, "refuse", NONE).await.expect(404);
    })
    .await;
}
