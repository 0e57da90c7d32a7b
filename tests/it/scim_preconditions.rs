//! Entity tags: `If-Match` and `If-None-Match` (RFC 7644 section 3.14, RFC 9110 section 13).

use serde_json::{Value, json};

use super::support::scim::{PATCH, group, user};
use super::support::server::on_each_server;

/// A PATCH body that gives a new name.
fn rename(attribute: &str, name: &str) -> Value {
    json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": attribute, "value": name}]})
}

#[tokio::test]
async fn a_client_that_has_the_version_gets_no_body() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@x.example").await;
        let eng = directory.group("Eng", &[&ada]).await;
        for (path, attribute) in [(format!("/Users/{ada}"), "displayName"), (format!("/Groups/{eng}"), "displayName")] {
            let tag = directory.get(&path).await.expect(200).header("etag").to_owned();
            assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");
            let strong = tag.trim_start_matches("W/").to_owned();
            let listed = format!("\"other\", {tag}");
            for query in ["", "?attributes=displayName", "?excludedAttributes=members"] {
                let path = format!("{path}{query}");
                for sent in [&tag, &strong, &listed, "*"] {
                    let answer =
                        directory.with_headers("GET", &path, &[("if-none-match", sent)], Value::Null).await.expect(304);
                    assert_eq!((answer.header("etag"), &answer.body), (tag.as_str(), &Value::Null));
                }
                for sent in ["W/\"0\"", "\"other\"", "garbage", ""] {
                    directory.with_headers("GET", &path, &[("if-none-match", sent)], Value::Null).await.expect(200);
                }
            }
            directory.scim("PATCH", &path, rename(attribute, "New")).await;
            let answer = directory.with_headers("GET", &path, &[("if-none-match", &tag)], Value::Null).await;
            assert_ne!(answer.expect(200).header("etag"), tag);
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_to_another_version_than_the_client_knows_is_refused() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@x.example").await;
        let eng = directory.group("Eng", &[&ada]).await;
        for (path, put) in [
            (format!("/Users/{ada}"), user("ada@x.example", json!({"displayName": "Put"}))),
            (format!("/Groups/{eng}"), group("Put", &[])),
        ] {
            let old = directory.get(&path).await.header("etag").to_owned();
            let write = async |method: &str, tag: &str| {
                let body = match method {
                    "PUT" => put.clone(),
                    "PATCH" => rename("displayName", &format!("Patched if {tag}")),
                    _ => Value::Null,
                };
                directory.with_headers(method, &path, &[("if-match", tag)], body).await
            };
            write("PATCH", &old).await.status.is_success().then_some(()).expect("the version is right");
            let before = server.state(&directory).await;
            for stale in [old.as_str(), "W/\"0\"", "\"garbage\"", "garbage", ""] {
                for method in ["PUT", "PATCH", "DELETE"] {
                    let refused = write(method, stale).await;
                    refused.refused(412, "", &format!("{method} if {stale}"));
                }
            }
            assert_eq!(server.state(&directory).await, before);
            let current = directory.get(&path).await.header("etag").to_owned();
            let several = format!("\"x\", {}", current.trim_start_matches("W/"));
            assert!(write("PATCH", &several).await.status.is_success());
            assert!(write("PUT", "*").await.status.is_success());
            assert_ne!(directory.get(&path).await.header("etag"), current);
            write("DELETE", "*").await.expect(204);
            for (method, tag) in [("PUT", "*"), ("PATCH", "*"), ("DELETE", "*"), ("PUT", old.as_str())] {
                write(method, tag).await.refused(404, "", method);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_write_answers_the_new_version() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let ada = directory.user("ada@x.example").await;
        let made = directory.scim("POST", "/Groups", group("Eng", &[])).await.expect(201);
        let path = format!("/Groups/{}", made.text("/id"));
        let put = directory.scim("PUT", &path, group("Engineering", &[&ada])).await.expect(200);
        let patched = directory.scim("PATCH", &path, rename("displayName", "E")).await.expect(204);
        let tags = [made.header("etag"), put.header("etag"), patched.header("etag")];
        assert!(tags.iter().all(|tag| !tag.is_empty()));
        assert!(tags[0] != tags[1] && tags[1] != tags[2], "{tags:?}");
        assert_eq!(directory.get(&path).await.header("etag"), tags[2]);
        assert_eq!(directory.get(&path).await.text("/meta/version"), tags[2]);
    })
    .await;
}

#[tokio::test]
async fn of_two_writers_with_one_version_one_succeeds() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let path = format!("/Users/{}", directory.user("ada@x.example").await);
        let tag = directory.get(&path).await.header("etag").to_owned();
        let writes = (0..10).map(|n| {
            let body = rename("displayName", &format!("Ada {n}"));
            let (directory, path, tag) = (&directory, &path, &tag);
            async move { directory.with_headers("PATCH", path, &[("if-match", tag)], body).await.status.as_u16() }
        });
        let mut statuses = futures::future::join_all(writes).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [[200].as_slice(), &[412; 9]].concat());
    })
    .await;
}
