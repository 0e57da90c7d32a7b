//! `/openapi.json`: what it says is there is there, and what is there it says.
//!
//! That answers are as they are described is checked by `support::described`, in every test.

use std::collections::BTreeSet;

use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::described;
use crate::support::server::{TestServer, answer, client, on_each_server};

async fn document(server: &TestServer) -> Value {
    answer(client().get(format!("{}/openapi.json", server.server.url()))).await.expect(200).body
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(m, o)| (path.as_str(), m.as_str(), o)))
        .collect()
}

#[tokio::test]
async fn the_document_needs_no_key_and_is_not_sent_to_those_who_have_it() {
    on_each_server(|server| async move {
        let url = format!("{}/openapi.json", server.server.url());
        let first = answer(client().get(&url)).await.expect(200);
        assert_eq!(first.at("/openapi").as_str().unwrap(), "3.1.1");
        assert_eq!(first.at("/servers/0/url").as_str().unwrap(), server.server.app.config.public_url);
        let tag = first.headers[ETAG].to_str().unwrap();
        answer(client().get(&url).header(IF_NONE_MATCH, tag)).await.expect(304);
        answer(client().get(&url).header(IF_NONE_MATCH, "\"another\"")).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|inner| walk(inner, found));
            }
            _ => {}
        }
    }
    on_each_server(|server| async move {
        let document = document(&server).await;
        let mut references = Vec::new();
        walk(&document, &mut references);
        assert!(references.len() > 100, "there are references");
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let mut whole = schema.clone();
            whole["components"] = document["components"].clone();
            assert!(jsonschema::draft202012::new(&whole).is_ok(), "{name} is no schema");
        }
    })
    .await;
}

#[tokio::test]
async fn every_endpoint_is_named_summarised_and_has_its_path_described() {
    on_each_server(|server| async move {
        let document = document(&server).await;
        let mut names = BTreeSet::new();
        let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
        for (path, method, operation) in operations(&document) {
            let name = operation["operationId"].as_str().unwrap();
            assert!(!name.is_empty() && names.insert(name), "{method} {path} has no name of its own: '{name}'");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            assert!(tags.contains(&&operation["tags"][0]), "{method} {path}");
            let declared: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .inspect(|p| assert_ne!(p["description"], "", "{path}: {} is not described", p["name"]))
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let needed = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(declared, needed, "{method} {path}");
            let fine = |status: &String| status.starts_with(['2', '3']) || status == "501";
            assert!(operation["responses"].as_object().unwrap().keys().any(fine), "{method} {path} never succeeds");
        }
        assert!(names.len() > 60, "{}", names.len());
    })
    .await;
}

#[tokio::test]
async fn every_endpoint_that_is_described_is_there_and_asks_for_its_credential() {
    on_each_server(|server| async move {
        let document = document(&server).await;
        for (path, method, operation) in operations(&document) {
            let mut real = path.to_owned();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let example = parameter["schema"]["examples"][0].as_str().unwrap_or("Users");
                real = real.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap_or("-")), example);
            }
            let url = format!("{}{real}", server.server.url());
            let got = answer(client().request(method.to_uppercase().parse().unwrap(), url)).await;
            let expected = if operation["security"] == json!([]) { 200 } else { 401 };
            assert_eq!(got.status.as_u16(), expected, "{method} {path}: {}", got.body);
        }
    })
    .await;
}

#[test]
fn an_answer_that_is_not_as_it_is_described_fails_the_test_that_got_it() {
    let document = json!({
        "openapi": "3.1.1",
        "paths": {"/things/{thing}": {"get": {"responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
            "204": {},
        }}}},
        "components": {"schemas": {"Thing": {"type": "object", "required": ["id"]}}},
    });
    let refused = |path: &str, status: StatusCode, body: Value| {
        std::panic::catch_unwind(|| described::compare(&document, &Method::GET, path, status, &body)).is_err()
    };
    let path = "/things/thing_1";
    assert!(!refused(path, StatusCode::OK, json!({"id": 1})) && !refused(path, StatusCode::NO_CONTENT, json!(null)));
    assert!(refused(path, StatusCode::OK, json!({})), "a field is missing");
    assert!(refused(path, StatusCode::NO_CONTENT, json!({})), "there should be no body");
    assert!(refused(path, StatusCode::CONFLICT, json!({})), "the status is not described");
    assert!(!refused("/other", StatusCode::OK, json!(null)), "nothing is described");
}

#[tokio::test]
async fn the_page_shows_every_endpoint_and_loads_nothing_but_its_style() {
    on_each_server(|server| async move {
        let document = document(&server).await;
        let url = format!("{}/docs", server.server.url());
        let page = answer(client().get(&url)).await.expect(200);
        let html = page.body.as_str().unwrap();
        for (path, method, operation) in operations(&document) {
            let anchor = format!("<article id=\"{}\">", operation["operationId"].as_str().unwrap());
            assert_eq!(html.matches(&anchor).count(), 1, "{method} {path}");
            assert!(html.contains(path), "{path}");
        }
        for link in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(html.contains(&format!("id=\"{link}\"")), "#{link} leads nowhere");
        }
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        for refused in ["<script", "style=\"", "http-equiv", "src=", "@import"] {
            assert!(!html.contains(refused), "{refused}");
        }
        let style = answer(client().get(format!("{url}/style.css"))).await.expect(200);
        assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
        assert!(!style.body.as_str().unwrap().contains("url("), "nothing from elsewhere");
        let tag = page.headers[ETAG].to_str().unwrap();
        answer(client().get(&url).header(IF_NONE_MATCH, tag)).await.expect(304);
    })
    .await;
}
