//! What identity providers really send: every conversation under `fixtures/`, strictly, on each database.

use std::path::Path;

use muster::replay::{Conversation, Player, find};
use serde_json::Value;

use super::support::server::on_each_server;

#[tokio::test]
async fn every_conversation_gets_the_answers_it_expects() {
    let files = find(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))).unwrap();
    assert!(files.len() >= 40, "the fixtures are there");
    on_each_server(|server| {
        let files = files.clone();
        async move {
            let organization = server.organization("Conversations").await;
            let mut failures = Vec::new();
            for file in files {
                let conversation = Conversation::load(&file).unwrap();
                let settings = Value::Object(conversation.settings.clone());
                let directory = server.directory_in(&organization, settings).await;
                let player = Player::new(&directory.base_url, &directory.token).unwrap().strictly();
                let report = player.play(&conversation, |_| {}).await;
                if !report.passed() {
                    failures.push(report.to_string());
                }
            }
            assert!(failures.is_empty(), "{} conversations failed:\n{}", failures.len(), failures.join("\n"));
        }
    })
    .await;
}
