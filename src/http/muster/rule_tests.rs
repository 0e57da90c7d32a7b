//! Assertions about people under the rules, or under changed ones: `/mapping_rules/test`.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::plans::changes;
use crate::app::App;
use crate::domain::assertion::Assertion;
use crate::domain::{Error, Result};
use crate::http::caller::ApiCaller;
use crate::http::workos::answer::ok;
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::service::mapping::trial;

/// `POST /mapping_rules/test`. Nothing is written, so any key may ask.
pub async fn test(State(app): State<App>, ApiCaller(access): ApiCaller, body: Fields) -> Result<Response, ApiFailure> {
    let scope = access.organization_or_own(body.id("organization_id")?)?;
    let wanted = match body.raw("changes") {
        None | Some(Value::Null) => Vec::new(),
        Some(_) => changes(&body)?,
    };
    let results = trial::judge(&app, scope, &wanted, &assertions(&body)?).await?;
    let passed = results.iter().filter(|result| result.passed).count();
    Ok(ok(json!({"object": "rule_test", "passed": passed, "failed": results.len() - passed, "results": results})))
}

fn assertions(body: &Fields) -> Result<Vec<Assertion>> {
    let read = |(at, item): (usize, Value)| {
        serde_path_to_error::deserialize(item).map_err(|error: serde_path_to_error::Error<_>| {
            let field = match error.path().to_string() {
                path if path == "." => format!("assertions[{at}]"),
                path => format!("assertions[{at}].{path}"),
            };
            Error::invalid(field, "invalid_assertion", error.inner().to_string())
        })
    };
    body.array("assertions")?.into_iter().enumerate().map(read).collect()
}
