//! The fields of a form.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::app::App;

/// The fields that were sent, in their order. The gate has read them.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The fields in a body of type `application/x-www-form-urlencoded`.
    pub fn parse(body: &[u8]) -> Self {
        // The databases keep no NUL, and one refuses it.
        let fields = url::form_urlencoded::parse(body).into_owned();
        Form(fields.map(|(name, value)| (name, value.replace('\0', ""))).collect())
    }

    /// A field, trimmed; empty if it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A field as it was written.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A field that was filled in.
    pub fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A field that may be sent several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.filled(name).is_some()
    }

    /// The fields as an object; those that were sent several times are arrays.
    pub fn json(&self) -> Value {
        let mut object = Map::new();
        for (name, value) in &self.0 {
            match object.entry(name) {
                Entry::Vacant(first) => drop(first.insert(Value::from(value.as_str()))),
                Entry::Occupied(mut known) => match known.get_mut() {
                    Value::Array(values) => values.push(Value::from(value.as_str())),
                    one => *one = Value::Array(vec![one.take(), Value::from(value.as_str())]),
                },
            }
        }
        Value::Object(object)
    }
}

impl FromRequestParts<App> for Form {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Form>().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_is_an_object_in_which_what_was_sent_again_is_an_array() {
        let form = Form::parse(b"do=approve&effect=a&effect=b&effect=c&note=x%00y");
        assert_eq!(form.json(), json!({"do": "approve", "effect": ["a", "b", "c"], "note": "xy"}));
        assert_eq!(Form::parse(b"").json(), json!({}));
    }
}
