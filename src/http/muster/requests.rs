//! The log of a directory's requests.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::{DirectoryId, RequestLabel};
use crate::domain::{Error, Result};
use crate::http::caller::ApiCaller;
use crate::http::workos::answer::ok;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::request_log;
use crate::store::events::StoredEvent;
use crate::store::requests::{ListedRequest, Search};

/// `GET /directories/{directory}/requests`
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(directory): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let directory = id(&directory)?;
    let search = Search {
        statuses: query.many("status").iter().map(|text| status(text)).collect::<Result<_>>()?,
        methods: query.many("method").iter().map(|method| method.to_ascii_uppercase()).collect(),
        resource: query.one("resource_id").map(str::to_owned),
        since: query.time("since")?,
        ..Search::default()
    };
    let paging = query.paging::<RequestLabel>()?;
    let page = request_log::list(&app, &access, directory, search, &paging.request).await?;
    Ok(ok(paging.envelope(page, |request| json(directory, &request))))
}

/// `GET /directories/{directory}/requests/{request}`: with the body, where it was kept, and the events it caused.
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments((directory, request)): Segments<(String, String)>,
) -> Result<Response, ApiFailure> {
    let directory = id(&directory)?;
    let (entry, caused) = request_log::get(&app, &access, directory, id(&request)?).await?;
    let mut object = json(directory, &entry.listed);
    object["body"] = entry.body.into();
    object["caused"] = caused.iter().map(event).collect();
    Ok(ok(object))
}

fn event(event: &StoredEvent) -> Value {
    json!({
        "object": "event",
        "id": event.id,
        "event": event.event,
        "position": event.position,
        "data": parsed(&event.data),
        "created_at": timestamp(event.created_at),
    })
}

/// JSON that the program stored as text.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// One status, or a class of them such as `4xx`, as a range.
fn status(text: &str) -> Result<(i64, i64)> {
    let class = text.strip_suffix("xx").or(text.strip_suffix("XX"));
    let range = match class {
        Some(class) => class.parse::<u8>().ok().map(|class| i64::from(class) * 100).map(|from| (from, from + 99)),
        None => text.parse().ok().map(|status| (status, status)),
    };
    range.filter(|(from, to)| *from >= 100 && *to < 600).ok_or_else(|| {
        Error::invalid("status", "invalid_status", "status is a number such as 404, or a class such as 4xx")
    })
}

fn json(directory: DirectoryId, request: &ListedRequest) -> Value {
    json!({
        "object": "scim_request",
        "id": request.id,
        "directory_id": directory,
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "scim_type": request.scim_type,
        "detail": request.detail,
        "tolerances": parsed(&request.tolerances),
        "resource_id": request.resource_id,
        "user_agent": request.user_agent,
        "steps": request.steps.as_deref().map(parsed),
        "events": request.events,
        "created_at": timestamp(request.created_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_number_or_a_class() {
        assert_eq!(status("404").unwrap(), (404, 404));
        assert_eq!(status("4xx").unwrap(), (400, 499));
        for bad in ["", "xx", "9xx", "-4xx", "99999999999999999999xx", "92233720368547758xx", "40", "abc"] {
            assert!(status(bad).is_err(), "{bad}");
        }
    }
}
