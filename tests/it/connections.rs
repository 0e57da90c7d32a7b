//! Connections that are kept: an answer leaves them as the client believes them to be.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::server::{TestServer, on_each_server};

/// Connects as a client that keeps the connection.
async fn connect(server: &TestServer) -> TcpStream {
    let address = server.server.url().trim_start_matches("http://").to_owned();
    TcpStream::connect(address).await.unwrap()
}

/// The head of a POST with a wrong key, whose body is to follow.
fn head(path: &str, more: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer wrong\r\n{more}Content-Length: {length}\r\n\r\n"
    )
}

/// The next answer on the connection; empty if it was closed.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 16 * 1024];
    let read = timeout(Duration::from_secs(20), stream.read(&mut bytes)).await.expect("an answer in time").unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test]
async fn a_refused_request_leaves_the_connection_to_the_next() {
    on_each_server(|server| async move {
        for (path, status) in [("/organizations", 401), ("/no/such/path", 404), ("/healthz", 405)] {
            let mut stream = connect(&server).await;
            // Head and body in two pieces, as many clients send them: the head alone decides.
            stream.write_all(head(path, "", 13).as_bytes()).await.unwrap();
            let early = timeout(Duration::from_millis(100), stream.readable()).await;
            assert!(early.is_err(), "{path}: answered, and the connection may be closed under the body");
            stream.write_all(br#"{"name": "x"}"#).await.unwrap();
            let refused = answer(&mut stream).await;
            assert!(refused.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {refused}");
            assert!(!refused.contains("connection: close"), "{path}: {refused}");
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: muster\r\n\r\n").await.unwrap();
            let next = answer(&mut stream).await;
            assert!(next.starts_with("HTTP/1.1 200 "), "{path}: {next}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_kept_is_said_to_close() {
    on_each_server(|server| async move {
        // A body that is too large to be read for nothing, one that never comes, and one that waits to be asked for.
        for (more, length) in [("", 10_000_000), ("", 13), ("Expect: 100-continue\r\n", 13)] {
            let mut stream = connect(&server).await;
            stream.write_all(head("/organizations", more, length).as_bytes()).await.unwrap();
            let refused = answer(&mut stream).await;
            assert!(refused.starts_with("HTTP/1.1 401 "), "{more}{length}: {refused}");
            assert!(refused.contains("connection: close"), "{more}{length}: {refused}");
            assert_eq!(answer(&mut stream).await, "", "{more}{length}: closed");
        }
    })
    .await;
}
