//! Endpoints share the places that a process has, and changes of what they get leave nothing behind.

use serde_json::{Value, json};

use super::support::receiver::{Receiver, status};
use super::support::server::on_each_server;

#[tokio::test]
async fn many_endpoints_of_one_owner_all_get_their_turn() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        // More than are served at a time for one owner, none of which has anything to get.
        for n in 0..40 {
            let body = json!({"endpoint_url": format!("{}/{n}", receiver.url), "events": ["organization.deleted"]});
            server.api("POST", "/webhook_endpoints", body).await.expect(201);
        }
        let last = Receiver::start().await;
        server.endpoint(None, &last.url).await;
        let organization = server.organization("Acme").await;
        server.group_named(&organization, "told").await;
        last.wait_for(1).await;
        assert_eq!((last.names(), receiver.names()), (vec!["told".to_owned()], vec![]));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_given_up_by_name_holds_nothing_up() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let endpoint = server.endpoint(Some(&organization), &receiver.url).await;
        receiver.always(status(500));
        server.group_named(&organization, "refused").await;
        server.deliveries(&endpoint.id, |all| all.iter().any(|delivery| delivery["state"] == "retrying")).await;
        // Of another name: what was being tried is not the endpoint's any more, and what is new begins at its own.
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        let changed = server.api("PATCH", &path, json!({"events": ["group.deleted"]})).await.expect(200);
        assert_eq!(changed.at("/failed_attempts"), &json!(0));
        receiver.always(status(200));
        let groups = format!("/organizations/{organization}/groups");
        let group = server.api("GET", &groups, Value::Null).await.expect(200).text("/data/0/id");
        server.api("DELETE", &format!("{groups}/{group}"), Value::Null).await.expect(204);
        let told = |all: &[Value]| all.iter().any(|d| d["event"] == "group.deleted" && d["state"] == "delivered");
        let all = server.deliveries(&endpoint.id, told).await;
        let deleted = all.iter().find(|delivery| delivery["event"] == "group.deleted").unwrap();
        assert_eq!(deleted["attempts"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_is_added_begins_at_the_present() {
    on_each_server(|server| async move {
        let receiver = Receiver::start().await;
        let organization = server.organization("Acme").await;
        let rare = json!({
            "endpoint_url": receiver.url, "events": ["organization.deleted"], "organization_id": organization,
        });
        let endpoint = server.api("POST", "/webhook_endpoints", rare).await.expect(201).text("/id");
        server.group_named(&organization, "before").await;
        let names = json!({"events": ["organization.deleted", "group.created"]});
        server.api("PATCH", &format!("/webhook_endpoints/{endpoint}"), names).await.expect(200);
        server.group_named(&organization, "after").await;
        receiver.wait_for(1).await;
        assert_eq!(receiver.names(), ["after"]);
    })
    .await;
}
