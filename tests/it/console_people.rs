//! Pages about people: what they have and why, and what is decided about them.

use serde_json::{Value, json};

use super::support::console::Console;
use super::support::explain::membership;
use super::support::server::on_each_server;

const NONE: Value = Value::Null;

/// What a hidden field of a page holds.
fn hidden(page: &str, name: &str) -> String {
    let beginning = format!("name=\"{name}\" value=\"");
    let at = page.find(&beginning).unwrap_or_else(|| panic!("no {name} in {page}")) + beginning.len();
    page[at..].chars().take_while(|c| *c != '"').collect()
}

#[tokio::test]
async fn one_asks_why_by_what_people_call_it() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let directory = server.directory().await;
        let organization = directory.organization.clone();
        let ann = directory.user("ann@x.example").await;
        directory.group("Eng", &[&ann]).await;
        server.rule(&organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        server.group_named(&organization, "Twin").await;
        server.group_named(&organization, "twin").await;
        let person = membership(&server, &organization, "ann@x.example").await;
        let ask = async |why: &str| owner.get(&format!("/console/{organization}/people/{person}?why={why}")).await;
        for (why, told) in [
            ("eng", "Why the group Eng?"),
            ("MEMBER", "Why the role member?"),
            ("role:admin", "Why not the role admin?"),
            ("membership", "Why the membership?"),
            ("nobody%27s", "does not exist"),
            ("twin", "Several groups are called twin"),
        ] {
            let seen = ask(why).await.expect(200);
            assert!(seen.shows(told), "{why}: {}", seen.text);
        }
    })
    .await;
}

#[tokio::test]
async fn what_waits_is_decided_about_as_it_was_seen_and_by_name() {
    on_each_server(|server| async move {
        let owner = Console::owner(&server).await;
        let organization = server.organization("Acme").await;
        let strict = json!({"guard": {"minimum": 0, "percent": 0}});
        let directory = server.directory_in(&organization, strict).await;
        let (ann, bob) = (directory.user("ann@x.example").await, directory.user("bob@x.example").await);
        let [one, other] = [directory.group("Eng", &[&ann]).await, directory.group("Web", &[&bob]).await];
        server.rule(&organization, "teams", json!({"group": "displayName pr"}), json!([{"mirror_group": {}}])).await;
        let empty = json!([{"op": "remove", "path": "members"}]);
        directory.patch(&format!("/Groups/{one}"), empty.clone()).await.expect(204);
        let waiting = format!("/sync_runs?organization_id={organization}&state=awaiting_approval");
        let run = server.api("GET", &waiting, NONE).await.expect(200).text("/data/0/id");
        let page = format!("/console/{organization}/runs/{run}");
        let looked = owner.get(&page).await.expect(200);
        let seen = |text: &str| [("waiting", hidden(text, "waiting")), ("newest", hidden(text, "newest"))];
        let decide = async |word: &str, [one, other]: [(&str, String); 2]| {
            let fields = [("do", word), (one.0, one.1.as_str()), (other.0, other.1.as_str())];
            owner.post(&format!("{page}/decide"), &fields).await
        };

        // Something else waits by now, and what was seen has come back: as many, and others.
        directory.patch(&format!("/Groups/{other}"), empty).await.expect(204);
        let more = decide("approve_all", seen(&looked.text)).await.expect(409);
        assert!(more.shows("4 removals wait by now, not 2"), "{}", more.text);
        let back = json!([{"op": "add", "path": "members", "value": [{"value": ann}]}]);
        directory.patch(&format!("/Groups/{one}"), back).await.expect(204);
        let again = owner.get(&page).await.expect(200);
        assert_eq!(hidden(&again.text, "waiting"), hidden(&looked.text, "waiting"));
        for word in ["approve_all", "reject_all"] {
            let refused = decide(word, seen(&looked.text)).await.expect(409);
            assert!(refused.shows("Other removals wait by now"), "{}", refused.text);
        }
        decide("approve_all", seen(&again.text)).await.expect(303);
        let done = owner.get(&page).await.expect(200);
        assert!(done.shows("by Olga Owner"), "{}", done.text);
    })
    .await;
}
