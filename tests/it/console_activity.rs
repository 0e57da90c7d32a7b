//! What identity providers send, as the console shows it.

use serde_json::json;

use super::support::console::{Console, Seen, escaped};
use super::support::events::eventually;
use super::support::scim::user;
use super::support::server::on_each_server;

#[tokio::test]
async fn requests_are_listed_narrowed_and_opened() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let done = directory.scim("POST", "/Users", user("ada@acme.example", json!({}))).await.expect(201);
        let refused = directory.scim("POST", "/Users", user("ADA@acme.example", json!({}))).await.expect(409);
        let (done_id, refused_id) = (done.header("x-request-id").to_owned(), refused.header("x-request-id").to_owned());

        let owner = Console::owner(&server).await;
        let page = format!("/console/{}/activity", directory.organization);
        let logged = |query: String| {
            let (owner, page) = (&owner, &page);
            async move { owner.get(&format!("{page}{query}")).await.expect(200) }
        };
        // What was refused is written a moment later.
        eventually("the refused request is logged", || async {
            Some(logged(String::new()).await).filter(|seen| seen.shows(&refused_id))
        })
        .await;
        let both = |seen: &Seen| (seen.shows(&done_id), seen.shows(&refused_id));
        assert_eq!(both(&logged(String::new()).await), (true, true));
        for (query, has) in [
            ("?status=refused", (false, true)),
            ("?status=4xx", (false, true)),
            ("?status=5xx", (false, false)),
            ("?status=done", (true, false)),
            ("?method=POST", (true, true)),
            ("?method=DELETE", (false, false)),
            ("?q=IS+TAKEN", (false, true)),
            ("?q=%25", (false, false)),
        ] {
            assert_eq!(both(&logged(query.to_owned()).await), has, "{query}");
        }
        let of_person = logged(format!("?q={}", done.text("/id"))).await;
        assert!(of_person.shows(&done_id), "{}", of_person.text);
        assert_eq!(both(&logged(format!("?directory={}", directory.id)).await), (true, true));
        let straight = owner.get(&format!("{page}?q={done_id}")).await.expect(303);
        assert!(straight.location.ends_with(&format!("/activity/{done_id}")));

        let whole = owner.get(&format!("{page}/{done_id}")).await.expect(200);
        assert!(whole.shows("dsync.user.created") && whole.shows("The body was not kept"), "{}", whole.text);
        let whole = owner.get(&format!("{page}/{refused_id}")).await.expect(200);
        assert!(whole.shows("It stopped here") && whole.shows(&escaped("\"userName\": \"ADA@acme.example\"")));
        assert!(whole.shows("curl -X POST") && !whole.shows(&directory.token), "{}", whole.text);
    })
    .await;
}

#[tokio::test]
async fn requests_of_another_organization_are_not_there() {
    on_each_server(|server| async move {
        let (mine, other) = (server.directory().await, server.directory().await);
        let theirs = other.scim("POST", "/Users", user("eve@other.example", json!({}))).await.expect(201);
        let id = theirs.header("x-request-id");
        let owner = Console::owner(&server).await;
        let guest = Console::guest(&server, &owner, &mine.organization).await;
        for console in [&owner, &guest] {
            let page = format!("/console/{}/activity", mine.organization);
            assert!(!console.get(&page).await.expect(200).shows(id));
            console.get(&format!("{page}/{id}")).await.expect(404);
            console.get(&format!("{page}?directory={}", other.id)).await.expect(404);
        }
        guest.get(&format!("/console/{}/activity", other.organization)).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn what_an_identity_provider_says_of_itself_is_shown_as_text() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let hostile = "<script>alert(1)</script>";
        let body = user("ada@acme.example", json!({}));
        let headers = [("user-agent", hostile)];
        let sent = directory.with_headers("POST", "/Users", &headers, body).await.expect(201);
        let owner = Console::owner(&server).await;
        let page = format!("/console/{}/activity/{}", directory.organization, sent.header("x-request-id"));
        let one = format!("/console/{}/directories/{}", directory.organization, directory.id);
        for page in [page, one] {
            let seen = owner.get(&page).await.expect(200);
            assert!(seen.shows(&escaped(hostile)) && !seen.shows(hostile), "{page}: {}", seen.text);
        }
    })
    .await;
}
