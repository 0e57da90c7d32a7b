//! `GET /events/stream`: events as they happen.

use std::time::Duration;

use serde_json::Value;

use super::support::server::{ROOT_KEY, TestServer, client, on_each_server};

/// A client of a stream, as far as it has read.
struct Reader {
    response: reqwest::Response,
    text: String,
}

impl Reader {
    async fn open(server: &TestServer, query: &str, last: Option<&str>) -> Reader {
        let url = format!("{}/events/stream?{query}", server.server.url());
        let mut request = client().get(url).bearer_auth(ROOT_KEY);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Reader { response, text: String::new() }
    }

    /// The next message: its id, its name and its data. `None` at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let line = message.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|line| line.trim_start_matches(':').trim().to_owned())
                };
                if let (Some(id), Some(name), Some(data)) = (field("id"), field("event"), field("data")) {
                    return Some((id, name, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(30), self.response.chunk()).await;
            match chunk.expect("a message comes") {
                Ok(Some(bytes)) => self.text.push_str(std::str::from_utf8(&bytes).unwrap()),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_goes_on_where_a_client_left_off() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        server.group_named(&organization, "before").await;
        let query = "events=group.created,organization_domain.created";
        server.feed(query, 1).await;
        let mut reader = Reader::open(&server, query, None).await;
        server.group_named(&organization, "first").await;
        let (first, name, event) = reader.next().await.expect("a message");
        assert_eq!(name, "group.created");
        assert_eq!(event["id"], first.as_str());
        assert_eq!(event["data"]["name"], "first", "it begins with what comes, not with what was");
        server.group_named(&organization, "second").await;
        assert_eq!(reader.next().await.unwrap().2["data"]["name"], "second");
        drop(reader);
        server.group_named(&organization, "third").await;
        let mut again = Reader::open(&server, query, Some(&first)).await;
        assert_eq!(again.next().await.unwrap().2["data"]["name"], "second");
        assert_eq!(again.next().await.unwrap().2["data"]["name"], "third");
        let mut scoped =
            Reader::open(&server, &format!("{query}&after={first}&organization_id={organization}"), None).await;
        assert_eq!(scoped.next().await.unwrap().2["data"]["name"], "second");
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    on_each_server(|server| async move {
        server.organization("Acme").await;
        let mut reader = Reader::open(&server, "events=group.created", None).await;
        let began = std::time::Instant::now();
        server.server.stop().await;
        assert!(reader.next().await.is_none());
        assert!(began.elapsed() < Duration::from_secs(10), "the drain does not wait for it");
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_refused_as_the_list_is() {
    on_each_server(|server| async move {
        for (query, status) in [("", 422), ("events=*", 422), ("events=group.created&after=event_x", 400)] {
            let path = format!("/events/stream?{query}");
            server.api("GET", &path, Value::Null).await.expect(status);
        }
        server.api_with("sk_wrong", "GET", "/events/stream?events=group.created", Value::Null).await.expect(401);
    })
    .await;
}
