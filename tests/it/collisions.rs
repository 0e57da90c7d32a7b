//! Mirrors whose name somebody else has: shown, and decided by an admin.

use serde_json::{Value, json};

use super::support::native::native;
use super::support::server::{Answer, TestDirectory, TestServer, on_each_server};

const NONE: Value = Value::Null;

/// An organization with a native group "Admins" of its own, and a directory group of that name that waits.
struct Parked {
    directory: TestDirectory,
    rule: String,
    group: String,
    by_hand: String,
}

impl Parked {
    async fn set(server: &TestServer) -> Self {
        let directory = server.directory().await;
        let organization = &directory.organization;
        let path = format!("/organizations/{organization}/groups");
        let by_hand = server.api("POST", &path, json!({"name": "ADMINS"})).await.expect(201).text("/id");
        let when = json!({"group": "displayName pr"});
        let rule = server.rule(organization, "all", when, json!([{"mirror_group": {}}])).await.text("/id");
        let (ada, bo) = (directory.user("ada@acme.example").await, directory.user("bo@acme.example").await);
        let inner = directory.group("inner", &[&ada, &bo]).await;
        let group = directory.group("Admins", &[&ada, &inner]).await;
        Parked { directory, rule, group, by_hand }
    }

    async fn resolve(&self, server: &TestServer, body: Value) -> Answer {
        let path = format!("/mapping_rules/{}/bindings/{}/resolve", self.rule, self.group);
        server.api("POST", &path, body).await
    }

    async fn list(&self, server: &TestServer, query: &str) -> Vec<Value> {
        let path = format!("/mapping_rules/{}/bindings?order=asc&{query}", self.rule);
        server.api("GET", &path, NONE).await.expect(200).at("/data").as_array().unwrap().clone()
    }

    async fn groups(&self, server: &TestServer) -> Vec<String> {
        native(server, &self.directory.organization).await.groups()
    }

    async fn rename(&self, group: &str, name: &str) {
        let replace = json!([{"op": "replace", "path": "displayName", "value": name}]);
        self.directory.patch(&format!("/Groups/{group}"), replace).await.expect(204);
    }
}

#[tokio::test]
async fn a_parked_mirror_is_shown_with_who_has_its_name_and_how_many_people_wait() {
    on_each_server(|server| async move {
        let parked = Parked::set(&server).await;
        let waiting = parked.list(&server, "state=parked").await;
        assert_eq!(waiting.len(), 1);
        let binding = &waiting[0];
        assert_eq!((&binding["object"], &binding["id"]), (&json!("mapping_binding"), &json!(parked.group)));
        assert_eq!(binding["directory_group"]["name"], "Admins");
        assert_eq!((&binding["wanted_name"], &binding["state"]), (&json!("Admins"), &json!("parked")));
        assert_eq!((&binding["group"], &binding["chosen"]), (&NONE, &NONE));
        assert_eq!(binding["holder"], json!({"id": parked.by_hand, "name": "ADMINS", "mirrored_by": null}));
        assert_eq!(binding["people"], 2, "those of nested groups too, each once");

        let made = parked.list(&server, "state=made").await;
        assert_eq!((made.len(), &made[0]["group"]["name"], &made[0]["holder"]), (1, &json!("inner"), &NONE));
        assert!(parked.list(&server, "state=adopted").await.is_empty());
        assert!(parked.list(&server, "state=unmirrored").await.is_empty());
        assert_eq!(parked.list(&server, "").await.len(), 2);
        assert_eq!(parked.list(&server, "limit=1").await, made);
        let path = format!("/mapping_rules/{}/bindings?state=odd", parked.rule);
        server.api("GET", &path, NONE).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn an_admin_lets_a_parked_mirror_adopt_the_group_in_its_way() {
    on_each_server(|server| async move {
        let parked = Parked::set(&server).await;
        assert_eq!(parked.groups(&server).await, ["ADMINS: ", "inner: ada@acme.example, bo@acme.example"]);
        let adopted = parked.resolve(&server, json!({"adopt": true})).await.expect(200);
        assert_eq!((adopted.text("/state"), adopted.text("/group/id")), ("adopted".to_owned(), parked.by_hand.clone()));
        assert_eq!(adopted.text("/chosen/group_id"), parked.by_hand);
        assert_eq!(adopted.at("/holder"), &NONE);
        let both = "ada@acme.example, bo@acme.example";
        assert_eq!(parked.groups(&server).await, [format!("Admins: {both}"), format!("inner: {both}")]);
        let again = parked.resolve(&server, json!({"adopt": true})).await.expect(409);
        assert_eq!(again.text("/code"), "not_parked");

        // It was there before the rule, and stays when its directory group goes.
        parked.directory.scim("DELETE", &format!("/Groups/{}", parked.group), NONE).await.expect(204);
        assert_eq!(parked.groups(&server).await, ["Admins: ".to_owned(), format!("inner: {both}")]);
    })
    .await;
}

#[tokio::test]
async fn a_group_that_mirrors_something_already_is_not_adopted() {
    on_each_server(|server| async move {
        let parked = Parked::set(&server).await;
        let other = server.directory_in(&parked.directory.organization, json!({})).await;
        let second = other.group("inner", &[]).await;
        let path = format!("/mapping_rules/{}/bindings/{second}/resolve", parked.rule);
        let refused = server.api("POST", &path, json!({"adopt": true})).await.expect(409);
        assert_eq!(refused.text("/code"), "group_managed");
        assert!(refused.text("/message").contains(&parked.rule), "names the rule: {}", refused.body);
        let shown = parked.list(&server, "state=parked").await;
        let holder = &shown.iter().find(|binding| binding["id"] == second).unwrap()["holder"];
        assert_eq!(holder["mirrored_by"], json!({"id": parked.rule, "key": "all"}));
    })
    .await;
}

#[tokio::test]
async fn an_admin_gives_a_mirror_a_name_that_survives_renames_and_new_versions_of_the_rule() {
    on_each_server(|server| async move {
        let parked = Parked::set(&server).await;
        let both = "ada@acme.example, bo@acme.example";
        let named = parked.resolve(&server, json!({"name": " Directory admins "})).await.expect(200);
        assert_eq!(
            (named.text("/state"), named.text("/wanted_name")),
            ("made".to_owned(), "Directory admins".to_owned())
        );
        assert_eq!(named.text("/chosen/name"), "Directory admins");
        let id = named.text("/group/id");
        let expected = ["ADMINS: ".to_owned(), format!("Directory admins: {both}"), format!("inner: {both}")];
        assert_eq!(parked.groups(&server).await, expected);

        parked.rename(&parked.group, "Chiefs").await;
        let then = json!({"then": [{"mirror_group": {"name": "{{ group.displayName | upper }}"}}], "apply": true});
        server.api("PATCH", &format!("/mapping_rules/{}", parked.rule), then).await.expect(200);
        let expected = ["ADMINS: ".to_owned(), format!("Directory admins: {both}"), format!("INNER: {both}")];
        assert_eq!(parked.groups(&server).await, expected);

        let cleared = parked.resolve(&server, json!({"clear": true})).await.expect(200);
        assert_eq!((cleared.text("/group/name"), cleared.at("/chosen")), ("CHIEFS".to_owned(), &NONE));
        assert_eq!(cleared.text("/group/id"), id, "the same group under the rule's name");
    })
    .await;
}

#[tokio::test]
async fn a_cleared_name_that_is_taken_waits_as_it_did_and_nobody_loses_anything() {
    on_each_server(|server| async move {
        let parked = Parked::set(&server).await;
        parked.resolve(&server, json!({"name": "Directory admins"})).await.expect(200);
        let cleared = parked.resolve(&server, json!({"clear": true})).await.expect(200);
        assert_eq!((cleared.text("/state"), cleared.text("/group/name")), ("made".into(), "Directory admins".into()));
        assert_eq!(cleared.text("/wanted_name"), "Admins");
        assert_eq!(cleared.text("/holder/id"), parked.by_hand);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_taken_or_bad_is_refused_and_exactly_one_decision_is_taken() {
    on_each_server(|server| async move {
        let parked = Parked::set(&server).await;
        let taken = parked.resolve(&server, json!({"name": "INNER "})).await.expect(409);
        assert_eq!(taken.text("/code"), "name_taken");
        for bad in [json!({"name": ""}), json!({"name": "  "}), json!({"name": "x".repeat(257)}), json!({"name": 7})] {
            assert_eq!(parked.resolve(&server, bad.clone()).await.expect(422).text("/errors/0/field"), "name", "{bad}");
        }
        for bad in [
            json!({}),
            json!({"adopt": false}),
            json!({"adopt": true, "name": "x"}),
            json!({"clear": true, "name": "x"}),
            json!({"adopt": true, "clear": true}),
            json!({"adopt": "yes"}),
        ] {
            parked.resolve(&server, bad.clone()).await.expect(422);
        }
        assert_eq!(parked.list(&server, "state=parked").await.len(), 1, "nothing was decided");
    })
    .await;
}

#[tokio::test]
async fn there_is_nothing_to_decide_where_a_rule_does_not_mirror() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let when = json!({"group": "displayName sw \"eng\"", "except_group": "displayName eq \"banned\""});
        let rule =
            server.rule(&directory.organization, "eng", when, json!([{"ensure_membership": {}}])).await.text("/id");
        let (eng, banned) = (directory.group("eng", &[]).await, directory.group("banned", &[]).await);
        let other = directory.group("other", &[]).await;
        let resolve = async |group: &str| {
            let path = format!("/mapping_rules/{rule}/bindings/{group}/resolve");
            server.api("POST", &path, json!({"name": "x"})).await
        };
        for group in [&eng, &banned] {
            assert_eq!(resolve(group).await.expect(422).text("/errors/0/code"), "not_mirrored");
        }
        resolve(&other).await.expect(404);
        let path = format!("/mapping_rules/{rule}/bindings?state=unmirrored&order=asc");
        let listed = server.api("GET", &path, NONE).await.expect(200);
        let flags = |at: usize| {
            (listed.at(&format!("/data/{at}/matched")).clone(), listed.at(&format!("/data/{at}/excepted")).clone())
        };
        assert_eq!((flags(0), flags(1)), ((json!(true), json!(false)), (json!(false), json!(true))));
    })
    .await;
}

#[tokio::test]
async fn bindings_of_others_do_not_exist_and_readers_decide_nothing() {
    on_each_server(|server| async move {
        let parked = Parked::set(&server).await;
        let stranger = server.organization("Elsewhere").await;
        let stranger = server.organization_key(&stranger, "admin").await;
        let reader = server.organization_key(&parked.directory.organization, "read").await;
        let list = format!("/mapping_rules/{}/bindings", parked.rule);
        let resolve = format!("{list}/{}/resolve", parked.group);
        server.api_with(&stranger, "GET", &list, NONE).await.expect(404);
        server.api_with(&stranger, "POST", &resolve, json!({"adopt": true})).await.expect(404);
        server.api_with(&reader, "GET", &list, NONE).await.expect(200);
        server.api_with(&reader, "POST", &resolve, json!({"adopt": true})).await.expect(403);
        server.api("POST", &format!("{list}/nothing/resolve"), json!({"adopt": true})).await.expect(404);
    })
    .await;
}
