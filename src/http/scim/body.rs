//! Request bodies and queries: media types, sizes, bytes → JSON (RFC 7644 sections 3.1 and 3.8).

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, Uri};
use serde_json::Value;

use super::error::ScimFailure;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::json;
use crate::service::keys::ScimAccess;
use crate::service::provisioning::Precondition;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest query string, in bytes.
const MAX_QUERY: usize = 16 * 1024;

/// Reads a body as JSON. A missing `Content-Type` counts as JSON, since clients exist that send none.
pub async fn read(access: &ScimAccess, headers: &HeaderMap, body: Body, limit: usize) -> Result<Value, ScimFailure> {
    let bytes = read_bytes(access, headers, body, limit).await?;
    if bytes.is_empty() {
        return Err(ScimError::invalid_syntax("the body is empty; send a JSON object").into());
    }
    Ok(json::parse(&bytes)?)
}

/// Reads a body as bytes, its media type checked, and notes it for the log.
pub async fn read_bytes(
    access: &ScimAccess,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<axum::body::Bytes, ScimFailure> {
    check_media_type(headers)?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let whole = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit)).await;
    let whole = whole.map_err(|_| ScimError::status(408, "the body did not arrive in time; send the request again"))?;
    let whole = whole.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            too_large(limit)
        } else {
            ScimFailure::from(ScimError::invalid_syntax("the body broke off before its end; send the request again"))
        }
    })?;
    access.noted.sent(access, &whole);
    Ok(whole)
}

fn too_large(limit: usize) -> ScimFailure {
    let detail =
        format!("the body has more than {limit} bytes; send it in parts, e.g. members in several PATCH requests");
    ScimFailure(ScimError { status: 413, scim_type: Some(ScimType::TooMany), detail }.into())
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ScimError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let charset = parts.find_map(|part| part.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
    let known = matches!(kind, "application/scim+json" | "application/json" | "");
    if known && charset.is_none_or(|name| matches!(name, "utf-8" | "utf8")) {
        return Ok(());
    }
    let detail = "the body must be application/scim+json or application/json in UTF-8; set Content-Type so";
    Err(ScimError::status(415, detail))
}

/// The decoded parameters of a query: `+` is a space, empty parameters are nothing.
///
/// Percent signs without two digits and bytes that are no UTF-8 are refused, so that no filter is read as
/// something that was not meant.
pub fn query(uri: &Uri) -> Result<Vec<(String, String)>, ScimError> {
    let text = uri.query().unwrap_or_default();
    if text.len() > MAX_QUERY {
        let detail = format!("the query has more than {MAX_QUERY} bytes; use POST …/.search");
        return Err(ScimError::status(414, detail));
    }
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Result<String, ScimError> {
    let bytes = text.as_bytes();
    let broken = (0..bytes.len()).any(|at| {
        bytes[at] == b'%' && !bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().filter(|_| !broken);
    match decoded {
        Some(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err(ScimError::invalid_value(
            "the query holds a broken percent-encoding, a NUL, or bytes that are not UTF-8",
        )),
    }
}

/// The `If-Match` header.
pub fn precondition(headers: &HeaderMap) -> Precondition {
    match tags(headers, &IF_MATCH) {
        None => Precondition::None,
        Some(Tags::Any) => Precondition::Any,
        Some(Tags::Versions(versions)) => Precondition::Versions(versions),
    }
}

/// Whether `If-None-Match` names this version: then the client has it already (304).
pub fn has_already(headers: &HeaderMap, version: i64) -> bool {
    match tags(headers, &IF_NONE_MATCH) {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::Versions(versions)) => versions.contains(&version),
    }
}

enum Tags {
    Any,
    Versions(Vec<i64>),
}

/// Entity tags, compared weakly (RFC 9110 section 8.8.3.2). A tag that is none of ours matches nothing.
fn tags(headers: &HeaderMap, name: &axum::http::HeaderName) -> Option<Tags> {
    let mut versions = Vec::new();
    let mut any = false;
    for value in headers.get_all(name) {
        let text = value.to_str().unwrap_or_default();
        any |= text.trim() == "*";
        versions.extend(text.split(',').filter_map(version));
    }
    headers.contains_key(name).then_some(if any { Tags::Any } else { Tags::Versions(versions) })
}

/// The version in one entity tag.
pub fn version(tag: &str) -> Option<i64> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_form_decoded_and_broken_ones_refused() {
        let ask = |text: &str| query(&text.parse().unwrap());
        assert_eq!(
            ask("/Users?filter=userName+eq+%22a%22&").unwrap(),
            vec![("filter".to_owned(), "userName eq \"a\"".to_owned())]
        );
        for broken in ["/Users?filter=%zz", "/Users?filter=%", "/Users?filter=%ff", "/Users?filter=a%00b"] {
            assert!(ask(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn tags_compare_weakly_and_foreign_ones_match_nothing() {
        let mut headers = HeaderMap::new();
        assert_eq!(precondition(&headers), Precondition::None);
        headers.insert(IF_MATCH, "W/\"3\", \"4\", \"abc\"".parse().unwrap());
        assert_eq!(precondition(&headers), Precondition::Versions(vec![3, 4]));
        headers.insert(IF_MATCH, "*".parse().unwrap());
        assert_eq!(precondition(&headers), Precondition::Any);
        headers.insert(IF_NONE_MATCH, "W/\"7\"".parse().unwrap());
        assert!(has_already(&headers, 7) && !has_already(&headers, 8));
    }
}
