//! Compares what a server answers with what `/openapi.json` says that it answers: every answer of every test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::Validator;
use muster::cli::serve::Server;
use muster::http::openapi::serve::Described;
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The document, which is the same for all servers but for their URL.
static DOCUMENT: OnceLock<Value> = OnceLock::new();
/// Schemas that were compiled, by path, method and status.
static VALIDATORS: Mutex<Option<HashMap<String, Arc<Validator>>>> = Mutex::new(None);

/// Keeps the document of the first server.
pub fn learn(server: &Server) {
    DOCUMENT.get_or_init(|| Described::of(&server.app).document().value().clone());
}

/// Panics if the status of an answer is not described, or if its body is not as it is described.
///
/// Paths and methods that nothing answers to are not described.
#[track_caller]
pub fn check(method: &Method, path: &str, status: StatusCode, body: &Value) {
    if let Some(document) = DOCUMENT.get() {
        compare(document, method, path, status, body);
    }
}

/// The same by this document.
#[track_caller]
pub fn compare(document: &Value, method: &Method, path: &str, status: StatusCode, body: &Value) {
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    let Some(template) = template(document, path) else { return };
    let operation = &document["paths"][&template][method.as_str().to_ascii_lowercase()];
    if operation.is_null() {
        return;
    }
    let response = &operation["responses"][status.as_str()];
    assert!(!response.is_null(), "{method} {template} answered {status}, which is not described: {body}");
    let content = response["content"].as_object().and_then(|content| content.values().next());
    let Some(schema) = content.map(|content| &content["schema"]) else {
        assert_eq!(body, &Value::Null, "{method} {template} answered {status} with a body");
        return;
    };
    let validator = validator(&format!("{method} {template} {status}"), schema, document);
    let problems: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(problems.is_empty(), "{method} {path} {status} is not as described: {problems:#?}\n{body:#}");
}

/// The described path that a path is one of; the one with the fewest parameters, as the router has it.
fn template(document: &Value, path: &str) -> Option<String> {
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == segments.len()
            && wanted.iter().zip(&segments).all(|(wanted, segment)| wanted.starts_with('{') || wanted == segment)
    };
    let paths = document["paths"].as_object()?.keys().filter(|template| fits(template));
    paths.min_by_key(|template| template.matches('{').count()).cloned()
}

fn validator(key: &str, schema: &Value, document: &Value) -> Arc<Validator> {
    let mut known = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(validator) = known.get(key) {
        return Arc::clone(validator);
    }
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    let validator = Arc::new(jsonschema::draft202012::new(&whole).expect("a schema"));
    known.insert(key.to_owned(), Arc::clone(&validator));
    validator
}
