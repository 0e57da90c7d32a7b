//! The request log as an admin reads it. Who writes it: `provisioning` with each write, `worker::requests` the rest.

use super::access::Access;
use super::directories;
use crate::app::App;
use crate::domain::id::{DirectoryId, RequestId};
use crate::domain::scope::OrganizationScope;
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
    search: requests::Search,
    page: &PageRequest,
) -> Result<Page<ListedRequest>> {
    let scope = directories::scope_of(app, access, id).await?;
    of_organization(app, scope, &requests::Search { directory: Some(id), ..search }, page).await
}

/// A page of the requests that came to the directories of an organization.
pub async fn of_organization(
    app: &App,
    scope: OrganizationScope,
    search: &requests::Search,
    page: &PageRequest,
) -> Result<Page<ListedRequest>> {
    requests::list(&mut app.db.read().await?, scope.organization(), search, page).await
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
    let scope = directories::scope_of(app, access, id).await?;
    let (entry, caused) = in_organization(app, scope, request).await?;
    if entry.listed.directory_id != id {
        return Err(Error::not_found("request", request));
    }
    Ok((entry, caused))
}

/// As [`get`], of whichever directory of the organization.
pub async fn in_organization(
    app: &App,
    scope: OrganizationScope,
    request: RequestId,
) -> Result<(WholeRequest, Vec<StoredEvent>)> {
    let organization = scope.organization();
    let mut tx = app.db.read().await?;
    let found = requests::find(&mut tx, organization, request).await?;
    let entry = found.ok_or_else(|| Error::not_found("request", request))?;
    let shown = entry.listed.events.min(SHOWN_EVENTS);
    let caused = match entry.last_position {
        Some(last) if shown > 0 => events::after(&mut tx, organization, last - entry.listed.events, shown).await?,
        _ => Vec::new(),
    };
    Ok((entry, caused))
}
