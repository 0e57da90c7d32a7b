//! What the query of an address asks for.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;

/// The parameters of a query.
#[derive(Debug, Clone, Default)]
pub struct Asked(Vec<(String, String)>);

impl Asked {
    /// A parameter, trimmed; empty if it is absent.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }
}

impl FromRequestParts<App> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        // The databases keep no NUL, and one refuses to look for it.
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        Ok(Asked(pairs.map(|(name, value)| (name, value.replace('\0', ""))).collect()))
    }
}
