//! The order of the feed over all organizations: whoever follows it page by page misses nothing and sees nothing
//! twice, in whatever order writers commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use muster::domain::event::Cause;
use muster::domain::id::OrganizationId;
use muster::service::change::Change;
use muster::store::Lane;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;

use super::support::database::on_each_database;
use super::support::events::group_names;
use super::support::server::{ROOT_KEY, TestServer, on_each_server};

const GROUPS: &str = "events=group.created";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_commits_late_is_not_overtaken() {
    on_each_server(|server| async move {
        if server.database_url.starts_with("sqlite:") {
            // One writer: nothing can commit late.
            return;
        }
        let (slow, quick) = (server.organization("Slow").await, server.organization("Quick").await);
        let organization: OrganizationId = slow.parse().unwrap();
        let (written, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (db, now) = (server.server.app.db.clone(), server.server.app.clock.now());
        let (wrote, go) = (Arc::clone(&written), Arc::clone(&release));
        let late = tokio::spawn(async move {
            db.write(Lane::Organization(organization), move |tx| {
                let (wrote, go) = (Arc::clone(&wrote), Arc::clone(&go));
                Box::pin(async move {
                    let mut change = Change::begin(tx, organization, now, &Cause::System).await?;
                    change.emit("group.created", json!({"name": "late"}));
                    change.finish().await?;
                    wrote.notify_one();
                    go.notified().await;
                    Ok(())
                })
            })
            .await
        });
        written.notified().await;
        server.group_named(&quick, "quick").await;
        assert!(server.feed_with(ROOT_KEY, GROUPS).await.is_empty(), "the other might still come before it");
        let own = server.feed_with(ROOT_KEY, &format!("{GROUPS}&organization_id={quick}")).await;
        assert_eq!(group_names(&own), ["quick"], "the organization's own feed does not wait for others");
        release.notify_one();
        late.await.unwrap().unwrap();
        assert_eq!(group_names(&server.feed(GROUPS, 2).await), ["late", "quick"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_the_feed_sees_every_event_exactly_once() {
    const ORGANIZATIONS: usize = 6;
    const EACH: usize = 12;
    on_each_database(|url| async move {
        let mut servers = vec![TestServer::start(&url).await];
        if url.starts_with("postgres") {
            servers.push(TestServer::start(&url).await);
        }
        let servers = Arc::new(servers);
        let mut organizations = Vec::new();
        for n in 0..ORGANIZATIONS {
            organizations.push(servers[0].organization(&format!("Organization {n}")).await);
        }
        let writers: Vec<_> = (0..ORGANIZATIONS * 2)
            .map(|writer| {
                let (servers, organization) = (Arc::clone(&servers), organizations[writer % ORGANIZATIONS].clone());
                tokio::spawn(async move {
                    for n in 0..EACH {
                        let server = &servers[(writer + n) % servers.len()];
                        server.group_named(&organization, &format!("{writer}-{n}")).await;
                    }
                })
            })
            .collect();
        let total = ORGANIZATIONS * 2 * EACH;
        let follow = async {
            let (mut seen, mut after, mut place) = (Vec::<Value>::new(), String::new(), 0);
            while seen.len() < total {
                let path = format!("/events?{GROUPS}&limit=7{after}");
                place += 1;
                let page = servers[place % servers.len()].api("GET", &path, Value::Null).await.expect(200);
                seen.extend(page.body["data"].as_array().unwrap().iter().cloned());
                if let Some(last) = seen.last() {
                    after = format!("&after={}", last["id"].as_str().unwrap());
                }
            }
            seen
        };
        let seen = tokio::time::timeout(Duration::from_mins(2), follow).await.expect("the reader gets to the end");
        for writer in join_all(writers).await {
            writer.unwrap();
        }
        let ids: BTreeSet<&str> = seen.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), total, "none came twice");
        let mut last: BTreeMap<&str, i64> = BTreeMap::new();
        for event in &seen {
            let position = event["position"].as_i64().unwrap();
            let before = last.insert(event["organization_id"].as_str().unwrap(), position);
            assert!(before.is_none_or(|before| before < position), "an organization's events keep their order");
        }
        assert_eq!(servers[0].feed(GROUPS, total).await, seen, "and whoever reads later reads the same");
    })
    .await;
}

#[tokio::test]
async fn a_database_that_was_restored_elsewhere_goes_on_in_order() {
    on_each_database(|url| async move {
        let server = TestServer::start(&url).await;
        let organization = server.organization("Acme").await;
        server.group_named(&organization, "before").await;
        server.feed(GROUPS, 1).await;
        server.server.stop().await;
        if url.starts_with("postgres") {
            // As if they had been written on a server that has run for much longer.
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let raise = "UPDATE events SET commit_order = commit_order + 1000000000000";
            sqlx::raw_sql(raise).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        let server = TestServer::start(&url).await;
        server.group_named(&organization, "after").await;
        assert_eq!(group_names(&server.feed(GROUPS, 2).await), ["before", "after"]);
    })
    .await;
}
