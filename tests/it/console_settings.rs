//! Pages about who and what is let in and told: keys, operators, webhooks, events, and the search.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::support::console::{Console, escaped};
use super::support::events::eventually;
use super::support::explain::membership;
use super::support::receiver::{Receiver, status};
use super::support::server::on_each_server;

const NONE: Value = Value::Null;
/// A name that wants to be more than text.
const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// The secret with this prefix that a page shows.
fn secret(page: &str, prefix: &str) -> String {
    let at = page.find(prefix).unwrap_or_else(|| panic!("no {prefix} on the page"));
    page[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[tokio::test]
async fn keys_are_made_shown_once_and_revoked() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let organization = server.organization("Acme").await;
        for (pages, reaches_all) in [(format!("/console/{organization}/keys"), false), ("/console/keys".into(), true)] {
            let made = owner.post(&pages, &[("name", HOSTILE), ("role", "read"), ("days", "30")]).await.expect(200);
            assert!(made.shows(&escaped(HOSTILE)) && !made.shows("<script>alert"));
            let key = secret(&made.text, "sk_");
            let seen = server.api_with(&key, "GET", "/organizations", NONE).await;
            assert_eq!(seen.status, if reaches_all { StatusCode::OK } else { seen.status });
            let group = json!({"name": "Eng"});
            server.api_with(&key, "POST", &format!("/organizations/{organization}/groups"), group).await.expect(403);
            let list = owner.get(&pages).await.expect(200);
            assert!(list.shows(&escaped(HOSTILE)) && !list.shows(&key));
            let id = secret(&list.text, "key_");
            let revoked = owner.post(&format!("{pages}/{id}/revoke"), &[]).await.expect(303);
            assert_eq!(revoked.location, format!("{pages}?said=revoked"));
            server.api_with(&key, "GET", "/api_keys", NONE).await.expect(401);
        }
        let refused = owner.post("/console/keys", &[("name", ""), ("role", "admin")]).await.expect(422);
        assert!(refused.shows("Name must not be empty."));
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_an_organization_hold_nothing_of_another() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let (mine, theirs) = (server.organization("Mine").await, server.organization("Theirs").await);
        let key = json!({"name": "Their key", "organization_id": theirs});
        let key = server.api("POST", "/api_keys", key).await.expect(201).text("/id");
        let endpoint = server.endpoint(Some(&theirs), &Receiver::start().await.url).await;
        assert!(!owner.get(&format!("/console/{mine}/keys")).await.expect(200).shows("Their key"));
        assert!(!owner.get("/console/keys").await.expect(200).shows("Their key"));
        owner.post(&format!("/console/{mine}/keys/{key}/revoke"), &[]).await.expect(404);
        for pages in [format!("/console/{mine}/webhooks"), "/console/webhooks".to_owned()] {
            assert!(!owner.get(&pages).await.expect(200).shows(&endpoint.id));
            owner.get(&format!("{pages}/{}", endpoint.id)).await.expect(404);
            owner.post(&format!("{pages}/{}/delete", endpoint.id), &[]).await.expect(404);
            owner.post(&format!("{pages}/{}/rotate", endpoint.id), &[]).await.expect(404);
        }
        server.api("GET", &format!("/webhook_endpoints/{}", endpoint.id), NONE).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn guests_come_to_the_search_and_to_no_page_of_operators() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let organization = server.organization("Acme").await;
        let guest = Console::guest(&server, &owner, &organization).await;
        for page in ["events", "webhooks", "webhooks/new", "keys", "audit"] {
            guest.get(&format!("/console/{organization}/{page}")).await.expect(403);
        }
        for page in ["operators", "keys", "webhooks", "audit"] {
            guest.get(&format!("/console/{page}")).await.expect(403);
        }
        guest.post(&format!("/console/{organization}/keys"), &[("name", "x"), ("role", "admin")]).await.expect(403);
        guest.post("/console/operators", &[("email", "x@example.com"), ("role", "owner")]).await.expect(403);
        guest.get(&format!("/console/{organization}/search?q=ada")).await.expect(200);
        let other = server.organization("Other").await;
        guest.get(&format!("/console/{other}/search?q=ada")).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn owners_invite_change_and_remove_and_the_last_owner_stays() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let invitation = [("email", "ada@example.com"), ("name", HOSTILE), ("role", "read")];
        let invited = owner.post("/console/operators", &invitation).await.expect(200);
        let link = format!("/console/enter/{}", secret(&invited.text, "enter_"));
        assert!(invited.shows(&link));
        let again = owner.post("/console/operators", &invitation).await.expect(422);
        assert!(again.shows("is an operator already") && !again.shows("<script>alert"));
        let password = [("password", "a long enough one"), ("password_again", "a long enough one")];
        let reader = Console::enter(&server, &link, &password).await;
        let seen = reader.get("/console/operators").await.expect(200);
        assert!(seen.shows("Only owners invite") && !seen.shows("/remove\""));
        reader.post("/console/operators", &invitation).await.expect(403);

        let list = owner.get("/console/operators").await.expect(200);
        let ids: Vec<&str> = list.text.split("change-operator_").skip(1).map(|part| &part[..26]).collect();
        let (ada, olga) = (format!("operator_{}", ids[0]), format!("operator_{}", ids[1]));
        let change = format!("/console/operators/{olga}/role");
        let refused = owner.post(&change, &[("role", "read")]).await.expect(409);
        assert!(refused.shows("This is the only owner"));
        owner.post(&format!("/console/operators/{olga}/remove"), &[]).await.expect(409);
        owner.post(&format!("/console/operators/{ada}/role"), &[("role", "owner")]).await.expect(303);
        reader.post("/console/operators", &[("email", "bob@example.com"), ("role", "admin")]).await.expect(200);
        owner.post(&format!("/console/operators/{ada}/remove"), &[]).await.expect(303);
        assert!(reader.get("/console/operators").await.expect(303).location.starts_with("/console/sign-in"));
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_is_added_followed_and_mended_in_the_console() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let organization = server.organization("Acme").await;
        let pages = format!("/console/{organization}/webhooks");
        let receiver = Receiver::start().await;
        receiver.reply(status(500));
        let refused = owner.post(&pages, &[("url", "ftp://x"), ("all", "yes")]).await.expect(422);
        assert!(refused.shows("The URL must begin with"));
        let nothing = owner.post(&pages, &[("url", &receiver.url)]).await.expect(422);
        assert!(nothing.shows("Choose at least one event"));
        let fields = [("url", receiver.url.as_str()), ("events", "group.created"), ("events", "group.deleted")];
        let made = owner.post(&pages, &fields).await.expect(200);
        let (signs, id) = (secret(&made.text, "whsec_"), secret(&made.text, "we_"));
        let page = format!("{pages}/{id}");
        server.api("POST", &format!("/organizations/{organization}/groups"), json!({"name": "Eng"})).await.expect(201);
        let delivered = server.deliveries(&id, |all| all.iter().any(|one| one["state"] == "delivered")).await;
        assert!(receiver.received().iter().any(|request| request.is_signed("workos-signature", &signs)));
        let seen = owner.get(&page).await.expect(200);
        assert!(seen.shows("group.created") && seen.shows("delivered") && !seen.shows(&signs));
        assert!(owner.get(&format!("{page}?state=dead")).await.expect(200).shows("No delivery stands so."));

        let event = delivered[0]["event_id"].as_str().unwrap();
        let before = receiver.received().len();
        owner.post(&format!("{page}/deliveries/{event}/redeliver"), &[]).await.expect(303);
        eventually("a redelivery", || async { Some(()).filter(|()| receiver.received().len() > before) }).await;
        owner.post(&format!("{page}/replay"), &[("from", "event_x")]).await.expect(422);
        let before = receiver.received().len();
        owner.post(&format!("{page}/replay"), &[("from", event)]).await.expect(303);
        eventually("a replay", || async { Some(()).filter(|()| receiver.received().len() > before) }).await;

        let rotated = owner.post(&format!("{page}/rotate"), &[("overlap_hours", "24")]).await.expect(200);
        assert_ne!(secret(&rotated.text, "whsec_"), signs);
        owner.post(&format!("{page}/state"), &[("state", "disabled")]).await.expect(303);
        let read = server.api("GET", &format!("/webhook_endpoints/{id}"), NONE).await.expect(200);
        assert_eq!(read.at("/status"), "disabled");
        assert!(owner.get(&page).await.expect(200).shows("Nothing is sent."));
        owner.post(&page, &[("url", &receiver.url), ("all", "yes")]).await.expect(303);
        let read = server.api("GET", &format!("/webhook_endpoints/{id}"), NONE).await.expect(200);
        assert!(read.at("/events").as_array().unwrap().len() > 30);
        owner.post(&format!("{page}/delete"), &[]).await.expect(303);
        server.api("GET", &format!("/webhook_endpoints/{id}"), NONE).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn events_tell_what_they_are_about_and_what_brought_them_about() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let directory = server.directory().await;
        let organization = directory.organization.clone();
        let pages = format!("/console/{organization}/events");
        let groups = format!("/organizations/{organization}/groups");
        let made = server.api("POST", &groups, json!({"name": HOSTILE})).await.expect(201);
        let request = made.headers["x-request-id"].to_str().unwrap();
        directory.user("ada@acme.example").await;
        let seen = owner.get(&pages).await.expect(200);
        assert!(seen.shows(&escaped(HOSTILE)) && !seen.shows("<script>alert"));
        assert!(seen.shows("ada@acme.example") && seen.shows(&format!("/console/{organization}/activity/request_")));
        assert!(seen.shows(&format!("{pages}?request={request}")) && seen.shows("Root key"));
        let of_request = owner.get(&format!("{pages}?request={request}")).await.expect(200);
        assert!(of_request.shows(&escaped(HOSTILE)) && !of_request.shows("ada@acme.example"));
        let named = owner.get(&format!("{pages}?name=dsync.user.created")).await.expect(200);
        assert!(named.shows("ada@acme.example") && !named.shows(&escaped(HOSTILE)));
        owner.get(&format!("{pages}?name=no.such")).await.expect(422);
        owner.get(&format!("{pages}?request=x")).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn the_search_finds_by_letters_and_goes_to_what_has_an_id() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let directory = server.directory().await;
        let organization = directory.organization.clone();
        let user = directory.user("Ada.Lovelace@acme.example").await;
        let group = directory.group("Analysts 100%", &[&user]).await;
        let when = json!({"group": "displayName sw \"Analysts\""});
        let rule = server.rule(&organization, "analysts", when, json!([{"mirror_group": {}}])).await;
        let member = membership(&server, &organization, "Ada.Lovelace@acme.example").await;
        let search = async |text: &str| {
            let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            owner.get(&format!("/console/{organization}/search?q={text}")).await
        };
        let found = search("LOVELACE").await.expect(200);
        assert!(found.shows(&format!("/people/{member}")) && found.shows("lace@acme.example"), "{}", found.text);
        let found = search("nalys").await.expect(200);
        assert!(found.shows(&format!("/rules/{}", rule.text("/id"))));
        assert!(found.shows(&format!("/directories/{}/groups/{group}", directory.id)));
        assert!(search("100%").await.expect(200).shows("Analysts 100%"), "signs of patterns are letters");
        for nothing in ["a%c", "nobody here", HOSTILE, "request_01ARZ3NDEKTSV4RRFFQ69G5FA"] {
            let found = search(nothing).await.expect(200);
            assert!(found.shows("Nothing here has this in its name") && !found.shows("<script>alert"), "{nothing}");
        }
        search(&"x".repeat(300)).await.expect(200);
        let to = async |id: &str| search(id).await.expect(303).location;
        let path = |page: &str| format!("/console/{organization}{page}");
        assert_eq!(to(&user).await, path(&format!("/directory-users/{user}")));
        let there = owner.get(&path(&format!("/directory-users/{user}"))).await.expect(303).location;
        assert_eq!(there, path(&format!("/directories/{}/users/{user}", directory.id)));
        assert_eq!(to(&group).await, path(&format!("/directory-groups/{group}")));
        let there = owner.get(&path(&format!("/directory-groups/{group}"))).await.expect(303).location;
        assert_eq!(there, path(&format!("/directories/{}/groups/{group}", directory.id)));
        assert_eq!(to(&member).await, path(&format!("/people/{member}")));
        let requests = server.api("GET", &format!("/directories/{}/requests", directory.id), NONE).await.expect(200);
        let request = requests.text("/data/0/id");
        assert_eq!(to(&request).await, path(&format!("/activity/{request}")));

        let account = json!({"email": "manual@acme.example"});
        let account = server.api("POST", "/user_management/users", account).await.expect(201).text("/id");
        let joined = json!({"user_id": account, "organization_id": organization});
        server.api("POST", "/user_management/organization_memberships", joined).await.expect(201);
        assert!(search("Manual@acme.example").await.expect(200).shows("an account of the application"));
    })
    .await;
}
