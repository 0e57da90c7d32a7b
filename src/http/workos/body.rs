//! JSON bodies: an object, read strictly, its fields by their types.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use chrono::{DateTime, Datelike, SubsecRound, Utc};
use serde_json::{Map, Value};

use super::error::ApiFailure;
use super::path;
use crate::app::App;
use crate::domain::id::{Id, Identified};
use crate::domain::{Error, Result};
use crate::scim::error::ScimError;
use crate::scim::json;

/// The largest body, in bytes; a server may be configured for less.
const MAX_BODY: usize = 1 << 20;

/// The fields of a body. An empty body has none; fields that an endpoint does not know are ignored.
pub struct Fields(Map<String, Value>);

impl FromRequest<App> for Fields {
    type Rejection = ApiFailure;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiFailure> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or("?").to_ascii_lowercase());
        let bytes = read_within(&parts.headers, body, app).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Fields(Map::new()));
        }
        check_media_type(kind.as_deref())?;
        match json::parse(&bytes)? {
            Value::Object(fields) => Ok(Fields(fields)),
            _ => Err(Error::invalid("", "invalid_type", "the body must be a JSON object").into()),
        }
    }
}

/// The bytes of a body, if they are not too many.
pub async fn read_within(headers: &HeaderMap, body: Body, app: &App) -> Result<Bytes, ScimError> {
    let limit = app.config.max_body.min(MAX_BODY);
    let announced = headers.get(CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { read(body, limit).await }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, ScimError> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            too_large(limit)
        } else {
            ScimError::status(400, "the body broke off before its end; send the request again")
        }
    })
}

fn too_large(limit: usize) -> ScimError {
    ScimError::status(413, format!("the body has more than {limit} bytes"))
}

fn check_media_type(kind: Option<&str>) -> Result<(), ScimError> {
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    match essence {
        None | Some("" | "application/json") => Ok(()),
        Some(other) if other.starts_with("application/") && other.ends_with("+json") => Ok(()),
        Some(_) => Err(ScimError::status(415, "the body must be application/json; set Content-Type so")),
    }
}

impl Fields {
    /// The value as it was sent.
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Text; null is as good as absent.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// Text that null takes away: `None` if it was not sent, `Some(None)` for null.
    pub fn clearable_text(&self, name: &str) -> Result<Option<Option<String>>> {
        Ok(match self.0.get(name) {
            None => None,
            Some(_) => Some(self.text(name)?),
        })
    }

    /// Free strings that are merged key by key: null as a whole takes everything away, as `{}` does.
    pub fn metadata(&self) -> Result<Option<Map<String, Value>>> {
        Ok(match self.0.get("metadata") {
            None => None,
            Some(_) => Some(self.object("metadata")?.unwrap_or_default()),
        })
    }

    /// Ids in an array. One that does not parse names nothing: 404.
    pub fn ids<T: Identified>(&self, name: &str) -> Result<Vec<Id<T>>> {
        self.texts(name)?.iter().map(|text| path::id(text)).collect()
    }

    /// Text that must be there.
    pub fn required_text(&self, name: &str) -> Result<String> {
        required(name, self.text(name)?)
    }

    /// True or false.
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Result<Option<i64>> {
        self.typed(name, "a whole number", Value::as_i64)
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<Option<Map<String, Value>>> {
        self.typed(name, "an object", |value| value.as_object().cloned())
    }

    /// An array.
    pub fn array(&self, name: &str) -> Result<Vec<Value>> {
        Ok(self.typed(name, "an array", |value| value.as_array().cloned())?.unwrap_or_default())
    }

    /// An array of strings.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let all = |value: &Value| value.as_array()?.iter().map(text).collect();
        Ok(self.typed(name, "an array of strings", all)?.unwrap_or_default())
    }

    /// A time.
    pub fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        self.text(name)?.map(|text| time(name, &text)).transpose()
    }

    /// An id. One that does not parse names nothing: 404.
    pub fn id<T: Identified>(&self, name: &str) -> Result<Option<Id<T>>> {
        self.text(name)?.map(|text| path::id(&text)).transpose()
    }

    fn typed<T>(&self, name: &str, wanted: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(value) => Ok(Some(value)),
                None => Err(Error::invalid(name, "invalid_type", format!("{name} must be {wanted}"))),
            },
        }
    }
}

/// A field that must be there.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::invalid(name, "required", format!("{name} is required")))
}

/// A time as it is written outside: RFC 3339, kept to the millisecond.
pub fn time(name: &str, text: &str) -> Result<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc().trunc_subsecs(3));
    parsed.filter(|at| (1..=9999).contains(&at.year())).ok_or_else(|| {
        Error::invalid(name, "invalid_time", format!("{name} must be a time such as 2026-01-15T12:00:00.000Z"))
    })
}
