//! Directories in the console: connected by the guide, looked after, removed; their people and groups.

use serde_json::{Value, json};

use super::support::console::{Console, escaped};
use super::support::scim::{group, user};
use super::support::server::{TestDirectory, on_each_server};

const NONE: Value = Value::Null;
const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&amp;";

/// The first word of the text that begins so.
fn word(text: &str, beginning: &str) -> String {
    let at = text.find(beginning).unwrap_or_else(|| panic!("no {beginning} in {text}"));
    text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "_:/.".contains(*c)).collect()
}

#[tokio::test]
async fn the_guide_leads_from_a_new_directory_to_the_first_people() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let owner = Console::owner(&server).await;
        let new = format!("/console/{organization}/directories/new");
        assert!(owner.get(&new).await.expect(200).shows("Microsoft Entra ID"));
        let unknown = owner.post(&new, &[("idp", "nobody"), ("name", "X")]).await.expect(422);
        assert!(unknown.shows("Choose the identity provider."), "{}", unknown.text);

        let made = owner.post(&new, &[("idp", "okta"), ("name", "Okta of Acme")]).await.expect(200);
        let (id, token) = (word(&made.text, "directory_"), word(&made.text, "scim_"));
        let stored = server.api("GET", &format!("/directories/{id}"), NONE).await.expect(200);
        assert_eq!((stored.text("/name"), stored.text("/type")), ("Okta of Acme".into(), "okta scim v2.0".into()));
        assert!(made.shows(&stored.text("/scim_base_url")) && made.shows("Unique identifier field for users"));

        let guide = format!("/console/{organization}/directories/{id}/setup");
        let waiting = owner.get(&guide).await.expect(200);
        assert!(waiting.shows("Waiting for the first request"));
        assert!(!waiting.shows(&token), "the token is shown once");
        assert!(owner.get(&format!("{guide}?idp=entra")).await.expect(200).shows("Tenant URL"));

        let directory = TestDirectory {
            organization: organization.clone(),
            base_url: stored.text("/scim_base_url"),
            token,
            http: super::support::server::client(),
            id: id.clone(),
        };
        let ada = directory.user("ada@acme.example").await;
        for name in ["eng-a", "eng-b", "eng-c"] {
            directory.group(name, &[&ada]).await;
        }
        let arrived = owner.get(&guide).await.expect(200);
        assert!(arrived.shows("The first request is here") && arrived.shows("ada@acme.example"), "{}", arrived.text);
        assert!(arrived.shows("3 groups begin alike"), "{}", arrived.text);
        assert!(arrived.shows("group=displayName+sw+%22eng-%22"), "{}", arrived.text);
    })
    .await;
}

#[tokio::test]
async fn settings_are_saved_and_a_mistake_is_named_beside_what_was_typed() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let owner = Console::owner(&server).await;
        let page = format!("/console/{}/directories/{}/settings", directory.organization, directory.id);
        let mut fields = vec![
            ("name", "Renamed"),
            ("type", "azure scim v2.0"),
            ("guard.enabled", "yes"),
            ("guard.minimum", "5"),
            ("guard.percent", "2"),
            ("log_bodies", "all"),
            ("log_days", "400"),
            ("bare_token", "yes"),
        ];
        let refused = owner.post(&page, &fields).await.expect(422);
        assert!(refused.shows("from 1 to 365") && refused.shows("value=\"Renamed\""), "{}", refused.text);
        fields[6].1 = "7";
        assert!(owner.post(&page, &fields).await.expect(303).location.ends_with("/settings?said=saved"));
        let stored = server.api("GET", &format!("/directories/{}", directory.id), NONE).await.expect(200);
        assert_eq!(stored.text("/name"), "Renamed");
        let settings = stored.at("/settings");
        assert_eq!(settings["guard"], json!({"enabled": true, "minimum": 5, "percent": 2}));
        assert_eq!((&settings["log_bodies"], &settings["log_days"]), (&json!("all"), &json!(7)));
        assert_eq!((&settings["bare_token"], &settings["lenient_filters"]), (&json!(true), &json!(false)));
        let wrong =
            owner.post(&page, &[("custom", "{"), ("log_days", "7"), ("guard.minimum", "1"), ("guard.percent", "1")]);
        assert!(wrong.await.expect(422).shows("is no JSON"));
    })
    .await;
}

#[tokio::test]
async fn tokens_are_shown_once_and_revoked_at_once() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let owner = Console::owner(&server).await;
        let page = format!("/console/{}/directories/{}", directory.organization, directory.id);
        let tokens = format!("{page}/tokens");
        let refused = owner.post(&tokens, &[("name", "Bad"), ("networks", "nowhere")]).await.expect(422);
        assert!(refused.shows("203.0.113.0/24") && refused.shows("value=\"nowhere\""), "{}", refused.text);
        let refused = owner.post(&tokens, &[("name", "Bad"), ("expires", "2020-01-31")]).await.expect(422);
        assert!(refused.shows("The last day is over"), "{}", refused.text);
        let made = owner.post(&tokens, &[("name", "Second"), ("expires", "2999-12-31")]).await.expect(200);
        let secret = word(&made.text.replace("scim/v2", ""), "scim_");
        assert_eq!(secret.len(), directory.token.len());
        let list = server.api("GET", &format!("/directories/{}/tokens", directory.id), NONE).await.expect(200);
        let second =
            list.at("/data").as_array().unwrap().iter().find(|token| token["name"] == "Second").unwrap().clone();
        assert_eq!(second["expires_at"], "3000-01-01T00:00:00.000Z");
        assert!(!owner.get(&page).await.expect(200).shows(&secret));

        let id = second["id"].as_str().unwrap();
        assert!(
            owner
                .post(&format!("{tokens}/revoke"), &[("which", id)])
                .await
                .expect(303)
                .location
                .contains("said=revoked")
        );
        owner.post(&format!("{tokens}/revoke"), &[("which", id)]).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_paused_resumed_and_removed_by_forms() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        directory.user("ada@acme.example").await;
        let owner = Console::owner(&server).await;
        let page = format!("/console/{}/directories/{}", directory.organization, directory.id);
        owner.post(&format!("{page}/pause"), &[]).await.expect(303);
        assert!(owner.get(&page).await.expect(200).shows("The directory is paused"));
        let resumed = owner.post(&format!("{page}/resume"), &[]).await.expect(303);
        assert!(resumed.location.ends_with("?said=resumed"), "{}", resumed.location);

        let removal = format!("{page}/remove");
        assert!(owner.get(&removal).await.expect(200).shows("Remove 1 person and 0 groups"));
        owner.post(&removal, &[("origins", "neither")]).await.expect(422);
        let plan = owner.post(&format!("{removal}/plan"), &[("origins", "retract")]).await.expect(303);
        assert!(plan.location.contains("/plans/plan_"), "{}", plan.location);
        let run = owner.post(&removal, &[("origins", "hand_over")]).await.expect(303);
        assert!(run.location.contains("/runs/run_"), "{}", run.location);
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_takes_from_many_leads_to_its_plan() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let settings = json!({"guard": {"minimum": 1, "percent": 0}});
        let directory = server.directory_in(&organization, settings).await;
        let then = json!([{"ensure_membership": {}}]);
        server.rule(&organization, "all", json!({"user": "active eq true"}), then).await;
        directory.user("ada@acme.example").await;
        directory.user("bob@acme.example").await;
        let owner = Console::owner(&server).await;
        let removal = format!("/console/{organization}/directories/{}/remove", directory.id);
        let refused = owner.post(&removal, &[("origins", "retract")]).await.expect(409);
        assert!(refused.shows(&format!("/console/{organization}/plans/plan_")), "{}", refused.text);
        assert!(refused.shows("Remove 2 people and 0 groups"));
    })
    .await;
}

#[tokio::test]
async fn people_are_found_and_narrowed_by_their_link() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let then = json!([{"ensure_membership": {}}]);
        server.rule(&directory.organization, "all", json!({"user": "title eq \"Linked\""}), then).await;
        let linked = json!({"title": "Linked", "displayName": "Ada Lovelace"});
        directory.scim("POST", "/Users", user("ada@acme.example", linked)).await.expect(201);
        let idle = json!({"active": false, "emails": [{"value": "bob@work.example"}]});
        let bob = directory.scim("POST", "/Users", user("bob", idle)).await.expect(201).text("/id");
        directory.scim("POST", "/Users", user("nobody", json!({"title": "Linked"}))).await.expect(201);

        let owner = Console::owner(&server).await;
        let page = format!("/console/{}/directories/{}/users", directory.organization, directory.id);
        let shown = |query: &'static str| {
            let (owner, page) = (&owner, &page);
            async move {
                let seen = owner.get(&format!("{page}{query}")).await.expect(200);
                ["ada@acme.example</a>", "bob</a>", "nobody</a>"].map(|name| seen.shows(&format!(">{name}")))
            }
        };
        assert_eq!(shown("").await, [true, true, true]);
        assert_eq!(shown("?q=LOVELACE").await, [true, false, false]);
        assert_eq!(shown("?q=bob@work").await, [false, true, false]);
        assert_eq!(shown("?link=linked").await, [true, false, false]);
        assert_eq!(shown("?link=pending").await, [false, false, true]);
        assert_eq!(shown("?link=pending&active=no").await, [false, false, false]);
        assert_eq!(shown("?active=no").await, [false, true, false]);
        assert_eq!(shown("?q=%25").await, [false, false, false], "a wildcard is a letter");

        let pending = owner.get(&format!("{page}?link=pending")).await.expect(200);
        let nobody = word(&pending.text, "directory_user_");
        let refused = owner.post(&format!("{page}/{nobody}/refuse"), &[]).await.expect(303);
        assert!(refused.location.ends_with("?said=decided"));
        assert_eq!(shown("?link=refused").await, [false, false, true]);
        let conflict = owner.post(&format!("{page}/{nobody}/unlink"), &[]).await.expect(409);
        assert!(conflict.shows("there is none in force to end"), "{}", conflict.text);
        let one = owner.get(&format!("{page}/{bob}")).await.expect(200);
        assert!(one.shows(&escaped("\"userName\": \"bob\"")), "{}", one.text);
    })
    .await;
}

#[tokio::test]
async fn groups_say_what_became_of_them_and_a_taken_name_is_decided() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.api("POST", &format!("/organizations/{organization}/groups"), json!({"name": "eng"})).await.expect(201);
        server
            .rule(organization, "mirror", json!({"group": "displayName eq \"eng\""}), json!([{"mirror_group": {}}]))
            .await;
        let ada = directory.user("ada@acme.example").await;
        let taken = directory.scim("POST", "/Groups", group("eng", &[&ada, "late-1"])).await.expect(201).text("/id");
        directory.group("lonely", &[]).await;

        let owner = Console::owner(&server).await;
        let page = format!("/console/{organization}/directories/{}/groups", directory.id);
        for (query, has) in [("parked", true), ("pending", true), ("unmatched", false), ("excepted", false)] {
            let seen = owner.get(&format!("{page}?state={query}")).await.expect(200);
            assert_eq!(seen.shows(">eng</a>"), has, "{query}");
            assert_eq!(seen.shows(">lonely</a>"), query == "unmatched", "{query}");
        }
        let one = owner.get(&format!("{page}/{taken}")).await.expect(200);
        assert!(one.shows("The name is taken") && one.shows("late-1") && one.shows("ada@acme.example"), "{}", one.text);
        let rule = word(&one.text, "rule_");
        let bad = [("rule", rule.as_str()), ("choice", "name"), ("name", "eng")];
        owner.post(&format!("{page}/{taken}/resolve"), &bad).await.expect(409);
        let adopt = [("rule", rule.as_str()), ("choice", "adopt")];
        owner.post(&format!("{page}/{taken}/resolve"), &adopt).await.expect(303);
        let one = owner.get(&format!("{page}/{taken}")).await.expect(200);
        assert!(one.shows(">mapped<") && !one.shows("The name is taken"), "{}", one.text);
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_seen_in_its_own_organization_only() {
    on_each_server(|server| async move {
        let (mine, other) = (server.directory().await, server.directory().await);
        let theirs = other.user("eve@other.example").await;
        let their_group = other.group("secret", &[&theirs]).await;
        let owner = Console::owner(&server).await;
        let guest = Console::guest(&server, &owner, &mine.organization).await;
        let pages = [
            String::new(),
            "/settings".to_owned(),
            "/remove".to_owned(),
            "/setup".to_owned(),
            "/users".to_owned(),
            format!("/users/{theirs}"),
            "/groups".to_owned(),
            format!("/groups/{their_group}"),
        ];
        for page in &pages {
            let through_mine = format!("/console/{}/directories/{}{page}", mine.organization, other.id);
            owner.get(&through_mine).await.expect(404);
            guest.get(&through_mine).await.expect(404);
            guest.get(&format!("/console/{}/directories/{}{page}", other.organization, other.id)).await.expect(404);
        }
        for (kind, id) in [("users", &theirs), ("groups", &their_group)] {
            owner.get(&format!("/console/{}/directories/{}/{kind}/{id}", mine.organization, mine.id)).await.expect(404);
        }
        for (kind, id) in [("users", &theirs), ("groups", &their_group)] {
            guest.get(&format!("/console/{}/directory-{kind}/{id}", mine.organization)).await.expect(404);
            owner.get(&format!("/console/{}/directory-{kind}/{id}", mine.organization)).await.expect(404);
            let own = owner.get(&format!("/console/{}/directory-{kind}/{id}", other.organization)).await.expect(303);
            let page = format!("/console/{}/directories/{}/{kind}/{id}", other.organization, other.id);
            assert_eq!(own.location, page);
        }
        for form in ["/pause", "/tokens", "/remove", "/settings"] {
            let path = format!("/console/{}/directories/{}{form}", mine.organization, other.id);
            owner.post(&path, &[("name", "x"), ("origins", "retract")]).await.expect(404);
            guest.post(&path, &[("name", "x"), ("origins", "retract")]).await.expect(404);
        }
        // Their own they look after.
        let own = format!("/console/{}/directories/{}", mine.organization, mine.id);
        guest.get(&own).await.expect(200);
        guest.post(&format!("{own}/pause"), &[]).await.expect(303);
    })
    .await;
}

#[tokio::test]
async fn hostile_names_are_shown_as_text() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let renamed = json!({"name": HOSTILE});
        server.api("PATCH", &format!("/directories/{}", directory.id), renamed).await.expect(200);
        let mallory =
            directory.scim("POST", "/Users", user(HOSTILE, json!({"displayName": HOSTILE}))).await.expect(201);
        let mallory = mallory.text("/id");
        let group =
            directory.scim("POST", "/Groups", group(HOSTILE, &[&mallory, HOSTILE])).await.expect(201).text("/id");
        let token = json!({"name": HOSTILE});
        server.api("POST", &format!("/directories/{}/tokens", directory.id), token).await.expect(201);
        let owner = Console::owner(&server).await;
        let all = format!("/console/{}/directories", directory.organization);
        let one = format!("{all}/{}", directory.id);
        for page in [
            all.clone(),
            one.clone(),
            format!("{one}/settings"),
            format!("{one}/setup"),
            format!("{one}/remove"),
            format!("{one}/users"),
            format!("{one}/users/{mallory}"),
            format!("{one}/groups"),
            format!("{one}/groups/{group}"),
        ] {
            let seen = owner.get(&page).await.expect(200);
            assert!(seen.shows(&escaped(HOSTILE)), "{page}: {}", seen.text);
            assert!(!seen.shows("<img src=x"), "{page}: {}", seen.text);
        }
    })
    .await;
}
