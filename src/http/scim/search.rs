//! Queries over one resource type or all of them, by GET and by POST (RFC 7644 sections 3.4.2 and 3.4.3).

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Map, Value};

use super::error::ScimFailure;
use super::resources::definition;
use super::{answer, body};
use crate::app::App;
use crate::domain::Result;
use crate::http::caller::{ScimCaller, ScimPath};
use crate::scim::dialect::Tolerances;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::list::{ListResponse, Page, Paging, Query};
use crate::service::keys::ScimAccess;
use crate::service::provisioning::reading::Reading;

/// How many resources a query over all types may go through per type.
const OVER_ALL: u64 = 1_000;

/// `GET /Users?filter=…`
pub async fn over_one(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    ScimPath((_, endpoint)): ScimPath<(String, String)>,
    uri: Uri,
) -> Result<Response, ScimFailure> {
    let query = Query::from_parameters(body::query(&uri)?, Paging::default())?;
    Ok(one_type(&app, &access, &endpoint, &query).await?)
}

/// `POST /Users/.search`
pub async fn post_over_one(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    ScimPath((_, endpoint)): ScimPath<(String, String)>,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ScimFailure> {
    let sent = body::read(&access, &headers, sent, app.config.max_body).await?;
    let query = Query::from_search_request(sent, Paging::default())?;
    Ok(one_type(&app, &access, &endpoint, &query).await?)
}

async fn one_type(app: &App, access: &ScimAccess, endpoint: &str, query: &Query) -> Result<Response> {
    let definition = definition(access, endpoint)?;
    let mut tolerances = Tolerances::default();
    let list = Reading::new(app, access, &definition).list(query, &mut tolerances).await?;
    Ok(answer::with_tolerances(answer::json(StatusCode::OK, &list), &tolerances))
}

/// `GET /?filter=…`
pub async fn over_all(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    uri: Uri,
) -> Result<Response, ScimFailure> {
    let query = Query::from_parameters(body::query(&uri)?, Paging::default())?;
    Ok(all_types(&app, &access, &query).await?)
}

/// `POST /.search`
pub async fn post_over_all(
    State(app): State<App>,
    ScimCaller(access): ScimCaller,
    headers: HeaderMap,
    sent: Body,
) -> Result<Response, ScimFailure> {
    let sent = body::read(&access, &headers, sent, app.config.max_body).await?;
    let query = Query::from_search_request(sent, Paging::default())?;
    Ok(all_types(&app, &access, &query).await?)
}

/// Every type in the order of the catalogue. A type that does not have an attribute of the filter has no
/// match; a filter that no type has is refused.
async fn all_types(app: &App, access: &ScimAccess, query: &Query) -> Result<Response> {
    let Page::Index { start, count } = query.page else {
        let detail = "cursors work below one endpoint, e.g. /Users; use startIndex here";
        return Err(ScimError::bad(ScimType::InvalidCursor, detail).into());
    };
    let mut tolerances = Tolerances::default();
    let mut found: Vec<Map<String, Value>> = Vec::new();
    let mut refused = None;
    let mut understood = false;
    for definition in &access.catalogue.resources {
        let reading = Reading::new(app, access, definition);
        if let Err(error) = reading.resolve(query, &mut tolerances) {
            refused = Some(error);
            continue;
        }
        understood = true;
        let all = Query { page: Page::Index { start: 1, count: OVER_ALL }, ..query.clone() };
        let list = reading.list(&all, &mut tolerances).await?;
        if list.total() > OVER_ALL {
            let detail = format!(
                "the query matches more than {OVER_ALL} resources of type {}; narrow the filter or query {}",
                definition.name, definition.endpoint
            );
            return Err(ScimError::bad(ScimType::TooMany, detail).into());
        }
        found.extend(list.into_resources());
    }
    if let Some(error) = refused.filter(|_| !understood) {
        return Err(error);
    }
    let total = found.len() as u64;
    let skip = usize::try_from(start.saturating_sub(1)).unwrap_or(usize::MAX);
    let take = usize::try_from(count).unwrap_or(usize::MAX);
    let page = found.into_iter().skip(skip).take(take).collect();
    let list = ListResponse::by_index(total, start, page);
    Ok(answer::with_tolerances(answer::json(StatusCode::OK, &list), &tolerances))
}
