//! Who comes into the console, and what they may do there: every page and form, for everybody there is.

use chrono::Duration;
use muster::domain::Clock;
use muster::http::console::{Audience, PageInfo, table};
use serde_json::Value;

use crate::support::console::{Console, Origin};
use crate::support::database::on_each_database;
use crate::support::server::{TestServer, on_each_server};

/// Every page and form.
fn pages(server: &TestServer) -> Vec<PageInfo> {
    table(&server.server.app).list().to_vec()
}

/// The path of a page of this organization; what else it names is not there.
fn path(page: PageInfo, organization: &str) -> String {
    let parts = page.path.split('/').map(|part| match part {
        "{organization}" => organization.to_owned(),
        part if part.starts_with('{') => "nothing".to_owned(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn method(page: PageInfo) -> &'static str {
    if page.action.is_some() { "POST" } else { "GET" }
}

#[tokio::test]
async fn every_page_asks_who_is_there() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let nobody = Console::nobody(&server);
        let mut asked = 0;
        for page in pages(&server).into_iter().filter(|page| page.audience != Audience::Everybody) {
            let (status, location) = nobody.status(method(page), &path(page, &organization), Origin::Same).await;
            assert_eq!(status, 303, "{page:?}");
            assert!(location.starts_with("/console/sign-in"), "{page:?} {location}");
            asked += 1;
        }
        assert!(asked > 50, "{asked}");
    })
    .await;
}

#[tokio::test]
async fn no_form_is_taken_from_another_site() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let owner = Console::owner(&server).await;
        let elsewhere = [
            Origin::Site("cross-site"),
            Origin::Site("same-site"),
            Origin::Site("none"),
            Origin::Named("https://evil.example"),
            Origin::Named("null"),
            Origin::Unsaid,
        ];
        for page in pages(&server).into_iter().filter(|page| page.action.is_some()) {
            for origin in elsewhere {
                let (status, _) = owner.status("POST", &path(page, &organization), origin).await;
                assert_eq!(status, 403, "{page:?} {origin:?}");
            }
        }
        // A browser without fetch metadata names the origin instead.
        let own = server.server.url();
        let (status, _) = owner.status("POST", "/console/sign-out", Origin::Named(&own)).await;
        assert_eq!(status, 303);
    })
    .await;
}

#[tokio::test]
async fn guests_of_the_portal_see_their_organization_and_nothing_else() {
    on_each_server(|server| async move {
        let (organization, other) = (server.organization("Acme").await, server.organization("Other").await);
        let owner = Console::owner(&server).await;
        let guest = Console::guest(&server, &owner, &organization).await;
        for page in pages(&server) {
            let (status, _) = match page.audience {
                Audience::Everybody => continue,
                _ if matches!(page.action, Some("signOut")) => continue,
                _ => guest.status(method(page), &path(page, &organization), Origin::Same).await,
            };
            match page.audience {
                Audience::Operators => assert_eq!(status, 403, "{page:?}"),
                // Not a list of organizations, but the way home.
                _ if page.path == "/console" => assert_eq!(status, 303, "{page:?}"),
                _ => assert!(status != 403 && status < 500, "{page:?} {status}"),
            }
            if page.audience == Audience::SignedIn && page.path.contains("{organization}") {
                let (status, _) = guest.status(method(page), &path(page, &other), Origin::Same).await;
                assert_eq!(status, 404, "{page:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_may_only_read_changes_nothing() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let owner = Console::owner(&server).await;
        let reader = Console::invited(&server, &owner, "reader@example.com", "read").await;
        for page in pages(&server).into_iter().filter(|page| page.audience != Audience::Everybody) {
            let own = matches!(page.action, Some("signOut" | "changePassword" | "endSessions"));
            if own {
                continue;
            }
            let (status, _) = reader.status(method(page), &path(page, &organization), Origin::Same).await;
            match page.action {
                Some(_) => assert_eq!(status, 403, "{page:?}"),
                None => assert!(status != 403 && status < 500, "{page:?} {status}"),
            }
        }
        reader.get(&format!("/console/{organization}")).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn the_link_of_the_first_owner_makes_one_owner() {
    on_each_server(|server| async move {
        let link = server.server.first_owner.clone().expect("a link");
        let path = link.strip_prefix(&server.server.app.config.public_url).expect("of this server").to_owned();
        // Looking does not use it up: previews and scanners look.
        let nobody = Console::nobody(&server);
        nobody.get(&path).await.expect(200);
        let fields = |email: &'static str| {
            [("email", email), ("password", "correct horse battery"), ("password_again", "correct horse battery")]
        };
        let (one, two) = (fields("one@example.com"), fields("two@example.com"));
        let (one, two) = tokio::join!(nobody.post(&path, &one), nobody.post(&path, &two));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 401]);
        nobody.get(&path).await.expect(401);
        let one = nobody.sign_in("one@example.com", "correct horse battery").await.status;
        let two = nobody.sign_in("two@example.com", "correct horse battery").await.status;
        assert_eq!([one, two].iter().filter(|status| **status == 303).count(), 1, "there is one owner");
    })
    .await;
}

#[tokio::test]
async fn a_password_must_be_long_and_its_wrong_ones_are_told_nothing() {
    on_each_server(|server| async move {
        let link = server.server.first_owner.clone().expect("a link");
        let path = link.strip_prefix(&server.server.app.config.public_url).expect("of this server").to_owned();
        let nobody = Console::nobody(&server);
        for (password, again, said) in [
            ("short", "short", "12 characters at least"),
            ("correct horse battery", "correct horse", "differ"),
            ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "easy to guess"),
        ] {
            let fields = [("email", "a@example.com"), ("password", password), ("password_again", again)];
            let page = nobody.post(&path, &fields).await.expect(422);
            assert!(page.shows(said), "{}", page.text);
            assert!(page.shows("a@example.com"), "what was typed is still there");
        }
        Console::owner(&server).await;
        let unknown = nobody.sign_in("nobody@example.com", "correct horse battery").await.expect(401);
        let wrong = nobody.sign_in("owner@example.com", "wrong horse battery").await.expect(401);
        assert_eq!(unknown.text.replace("nobody@example.com", "owner@example.com"), wrong.text);
        nobody.sign_in("OWNER@example.com", "correct horse battery").await.expect(303);
    })
    .await;
}

/// A server whose time stands still until it is moved.
async fn standing_still(test: impl AsyncFn(TestServer, Clock)) {
    let test = &test;
    on_each_database(|url| async move {
        let clock = Clock::manual("2026-11-25T12:00:00Z".parse().expect("a time"));
        test(TestServer::start_at(&url, clock.clone()).await, clock).await;
    })
    .await;
}

#[tokio::test]
async fn guessing_is_held_off_for_the_account_and_for_the_address() {
    standing_still(async |server, clock| {
        Console::owner(&server).await;
        let nobody = Console::nobody(&server);
        for _ in 0..5 {
            nobody.sign_in("owner@example.com", "wrong horse battery").await.expect(401);
        }
        let held = nobody.sign_in("owner@example.com", "correct horse battery").await.expect(429);
        assert!(held.shows("Wait 30 seconds"), "{}", held.text);
        clock.advance(Duration::seconds(31));
        nobody.sign_in("owner@example.com", "correct horse battery").await.expect(303);
        // The right password makes up for the wrong ones.
        nobody.sign_in("owner@example.com", "wrong horse battery").await.expect(401);
        nobody.sign_in("owner@example.com", "correct horse battery").await.expect(303);
    })
    .await;
}

#[tokio::test]
async fn sessions_end_by_idleness_by_age_and_by_decision() {
    standing_still(async |server, clock| {
        let owner = Console::owner(&server).await;
        for _ in 0..20 {
            clock.advance(Duration::minutes(29));
            owner.get("/console").await.expect(200);
        }
        clock.advance(Duration::minutes(31));
        owner.get("/console").await.expect(303);
        let nobody = Console::nobody(&server);
        let one = nobody.signed_in("owner@example.com", "correct horse battery").await;
        let two = nobody.signed_in("owner@example.com", "correct horse battery").await;
        for _ in 0..24 {
            clock.advance(Duration::minutes(29));
            one.get("/console").await.expect(200);
            two.get("/console").await.expect(200);
        }
        clock.advance(Duration::minutes(25));
        one.get("/console").await.expect(303);
        let one = nobody.signed_in("owner@example.com", "correct horse battery").await;
        let two = nobody.signed_in("owner@example.com", "correct horse battery").await;
        let change = [
            ("old_password", "correct horse battery"),
            ("password", "another horse battery"),
            ("password_again", "another horse battery"),
        ];
        one.post("/console/account/password", &change).await.expect(303);
        one.get("/console").await.expect(200);
        two.get("/console").await.expect(303);
        one.post("/console/sign-out", &[]).await.expect(303);
        one.get("/console").await.expect(303);
    })
    .await;
}

#[tokio::test]
async fn a_link_to_the_portal_works_once_and_for_five_minutes() {
    standing_still(async |server, clock| {
        let organization = server.organization("Acme").await;
        let owner = Console::owner(&server).await;
        let path = owner.portal_link(&organization).await;
        let nobody = Console::nobody(&server);
        assert!(nobody.get(&path).await.expect(200).shows("Acme"));
        nobody.get(&path).await.expect(200);
        nobody.post(&path, &[]).await.expect(303);
        nobody.post(&path, &[]).await.expect(401);
        let late = owner.portal_link(&organization).await;
        clock.advance(Duration::minutes(6));
        nobody.get(&late).await.expect(401);
        nobody.post(&late, &[]).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn what_forms_do_is_written_down_without_passwords() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        owner.post("/console", &[("name", "Globex")]).await.expect(303);
        let log = server.api("GET", "/audit_events?limit=100", Value::Null).await.expect(200);
        let entries = log.at("/data").as_array().cloned().unwrap_or_default();
        let made = entries.iter().find(|entry| entry["detail"]["name"] == "Globex").expect("an entry");
        assert_eq!(made["action"], "createOrganization");
        assert_eq!(made["actor"]["name"], "Olga Owner");
        assert_eq!(made["actor"]["source"], "dashboard");
        assert!(entries.iter().any(|entry| entry["action"] == "becomeFirstOwner"));
        assert!(!log.body.to_string().contains("horse"));
        // Refused, so nothing happened that could be written down.
        owner.post("/console", &[("name", "")]).await.expect(422);
        let after = server.api("GET", "/audit_events?limit=100", Value::Null).await.expect(200);
        assert_eq!(after.at("/data").as_array().map(Vec::len), Some(entries.len()));
    })
    .await;
}
