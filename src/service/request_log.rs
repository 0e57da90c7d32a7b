//! The request log as an admin reads it. Who writes it: `provisioning` with each write, `worker::requests` the rest.

use super::access::Access;
use super::directories;
use crate::app::App;
use crate::domain::id::{DirectoryId, RequestId};
use crate::domain::{Error, Result};
use crate::store::events::{self, StoredEvent};
use crate::store::requests::{self, ListedRequest, WholeRequest};
use crate::store::{Page, PageRequest};

/// How many of the events that a request caused are shown with it. The rest follow them by position.
pub const SHOWN_EVENTS: i64 = 100;

/// A page of the requests that came to a directory, if the caller reaches it.
pub async fn list(
    app: &App,
    access: &Access,
    id: DirectoryId,
    search: &requests::Search,
    page: &PageRequest,
) -> Result<Page<ListedRequest>> {
    let organization = directories::get(app, access, id).await?.organization;
    let mut tx = app.db.read().await?;
    requests::list(&mut tx, organization, id, search, page).await
}

/// One request with the events it caused, the first [`SHOWN_EVENTS`] of them, oldest first.
///
/// # Errors
///
/// [`Error::NotFound`] if the directory or the request is not there, or is no longer kept.
pub async fn get(
    app: &App,
    access: &Access,
    id: DirectoryId,
    request: RequestId,
) -> Result<(WholeRequest, Vec<StoredEvent>)> {
    let organization = directories::get(app, access, id).await?.organization;
    let mut tx = app.db.read().await?;
    let found = requests::find(&mut tx, organization, id, request).await?;
    let entry = found.ok_or_else(|| Error::not_found("request", request))?;
    let shown = entry.listed.events.min(SHOWN_EVENTS);
    let caused = match entry.last_position {
        Some(last) if shown > 0 => events::after(&mut tx, organization, last - entry.listed.events, shown).await?,
        _ => Vec::new(),
    };
    Ok((entry, caused))
}
