//! Answers: a resource, a list, nothing; with their headers.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Committed, Tolerated};
use crate::domain::id::{DirectoryGroupId, DirectoryUserId};
use crate::domain::{Error, Result};
use crate::http::headers;
use crate::scim::dialect::Tolerances;
use crate::service::keys::ScimAccess;
use crate::service::provisioning::{etag, member_value, tolerance_names};
use crate::store::{Db, edges};

/// The media type of SCIM, exactly.
pub const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// How many members are read at a time while a group is streamed.
const MEMBERS: i64 = 2_000;

/// Any JSON.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => bytes_of(status, Body::from(bytes)),
        Err(error) => super::ScimFailure(Error::Internal(Box::new(error))).into_response(),
    }
}

fn bytes_of(status: StatusCode, body: Body) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, SCIM_JSON);
    response
}

/// Notes on an answer what a read tolerated.
pub fn with_tolerances(mut response: Response, tolerances: &Tolerances) -> Response {
    if !tolerances.is_empty() {
        response.extensions_mut().insert(Tolerated(tolerance_names(tolerances)));
    }
    response
}

/// Adds `ETag` and `Content-Location`-like headers of a resource: `Location` is that of its `meta`.
pub fn with_resource_headers(response: &mut Response, document: &Map<String, Value>, version: i64) {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&etag(version)) {
        headers.insert(header::ETAG, tag);
    }
    let location = document.get("meta").and_then(|meta| meta.get("location")).and_then(Value::as_str);
    if let Some(location) = location.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(header::CONTENT_LOCATION, location.clone());
        headers.insert(header::LOCATION, location);
    }
}

/// Marks the answer of a committed write.
pub fn committed(mut response: Response, revision: i64) -> Response {
    headers::set_revision(&mut response, revision);
    response.extensions_mut().insert(Committed);
    response
}

/// 204.
pub fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// 304 for a client that has this version.
pub fn not_modified(version: i64) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    if let Ok(tag) = HeaderValue::from_str(&etag(version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A group whose members are read and sent in parts, so that memory does not grow with their number.
///
/// `document` is the whole resource but for `members`. All parts see one state of the database.
pub async fn streamed_group(
    db: &Db,
    access: &ScimAccess,
    group: DirectoryGroupId,
    document: &Map<String, Value>,
    base_url: String,
) -> Result<Response> {
    let organization = access.scope.organization();
    let mut tx = db.snapshot().await?;
    let first = edges::users_page(&mut tx, organization, group, DirectoryUserId::nil(), MEMBERS).await?;
    let others = edges::others(&mut tx, organization, group).await?;
    let mut head = serde_json::to_string(document).map_err(|error| Error::Internal(Box::new(error)))?;
    if first.is_empty() && others.is_empty() {
        return Ok(bytes_of(StatusCode::OK, Body::from(head)));
    }
    head.pop();
    head.push_str(",\"members\":[");
    let base_url = Arc::new(base_url);
    let start = Part {
        head: Some(head),
        rows: first,
        others: Some(others),
        last: DirectoryUserId::nil(),
        any: false,
        done: false,
    };
    let stream = futures::stream::try_unfold((start, tx), move |(mut part, mut tx)| {
        let base_url = Arc::clone(&base_url);
        async move {
            if part.done {
                return Ok::<_, Error>(None);
            }
            let mut text = part.head.take().unwrap_or_default();
            let full = i64::try_from(part.rows.len()) == Ok(MEMBERS);
            part.last = part.rows.last().and_then(|row| row.user_id).unwrap_or(part.last);
            part.append(&mut text, &base_url);
            if full {
                part.rows = edges::users_page(&mut tx, organization, group, part.last, MEMBERS).await?;
            } else {
                part.rows = part.others.take().unwrap_or_default();
                part.append(&mut text, &base_url);
                text.push_str("]}");
                part.done = true;
            }
            Ok(Some((Bytes::from(text), (part, tx))))
        }
    });
    Ok(bytes_of(StatusCode::OK, Body::from_stream(stream)))
}

/// Where a streamed group has come to.
struct Part {
    head: Option<String>,
    rows: Vec<edges::EdgeRow>,
    others: Option<Vec<edges::EdgeRow>>,
    last: DirectoryUserId,
    any: bool,
    done: bool,
}

impl Part {
    fn append(&mut self, text: &mut String, base_url: &str) {
        for row in std::mem::take(&mut self.rows) {
            if self.any {
                text.push(',');
            }
            self.any = true;
            text.push_str(&member_value(&row, base_url).to_string());
        }
    }
}
