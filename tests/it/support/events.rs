//! The feed of events as a test reads it.

use std::time::Duration;

use serde_json::{Value, json};

use super::server::{ROOT_KEY, TestServer};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` finds something.
///
/// # Panics
///
/// If that takes longer than half a minute.
pub async fn eventually<T, Fut: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> Fut) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("it never came: {what}"))
}

impl TestServer {
    /// Makes a group; answers its id.
    pub async fn group_named(&self, organization: &str, name: &str) -> String {
        let path = format!("/organizations/{organization}/groups");
        self.api("POST", &path, json!({"name": name})).await.expect(201).text("/id")
    }

    /// Everything that `/events` has for this query, page by page, with a key.
    pub async fn feed_with(&self, key: &str, query: &str) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/events?limit=100&{query}{after}");
            let page = self.api_with(key, "GET", &path, Value::Null).await.expect(200);
            events.extend(page.body["data"].as_array().unwrap().iter().cloned());
            match page.at("/list_metadata/after").as_str() {
                Some(id) => after = format!("&after={id}"),
                None => return events,
            }
        }
    }

    /// Everything that `/events` has for this query, once there is at least so much of it: the feed of the
    /// environment ends before what other tests are just writing on the same PostgreSQL server.
    pub async fn feed(&self, query: &str, at_least: usize) -> Vec<Value> {
        eventually(query, || async {
            let events = self.feed_with(ROOT_KEY, query).await;
            (events.len() >= at_least).then_some(events)
        })
        .await
    }
}

/// The names of groups in the data of events, in the order of the events.
pub fn group_names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["data"]["name"].as_str().expect("an event of a group")).collect()
}
