//! The feed of events: the one way in which lists, streams and deliveries read it.

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::domain::event::FeedEvent;
use crate::domain::event_names::known;
use crate::domain::id::{EventId, OrganizationId, RequestId};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::store::events::feed::{self, Part, Place};
use crate::store::events::{self as stored, StoredEvent};
use crate::store::{Page, PageRequest, Tx, organizations};

pub use crate::store::events::feed::{Reach, Selection};

/// What somebody wants to read of the feed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Names of events; at least one.
    pub names: Vec<String>,
    /// Only of this organization. A key of an organization reads its own in any case.
    pub organization: Option<OrganizationId>,
    /// Only of changes at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only of changes at this time or earlier.
    pub until: Option<DateTime<Utc>>,
}

/// What of the feed the caller may read of what they want.
///
/// # Errors
///
/// [`Error::Invalid`] if no name is given or one is unknown; [`Error::NotFound`] for an organization that does not
/// exist or that the key does not reach. One that was deleted keeps its events.
pub async fn selection(app: &App, access: &Access, wanted: Wanted) -> Result<Selection> {
    let names = names("events", &wanted.names)?;
    let reach = match wanted.organization.or(access.only()) {
        Some(organization) => {
            let scope = access.organization(organization)?;
            if !organizations::existed(&mut app.db.read().await?, scope.organization()).await? {
                return Err(Error::not_found("organization", organization));
            }
            Reach::Organization(organization)
        }
        None => Reach::Environment,
    };
    Ok(Selection { reach, names, from: wanted.from, until: wanted.until })
}

/// The names of events that a caller gave in `field`, each once.
///
/// # Errors
///
/// [`Error::Invalid`] if there is none, or one that no event has.
pub fn names(field: &str, given: &[String]) -> Result<Vec<&'static str>> {
    if given.is_empty() {
        let message = format!("{field} must name one or more events, e.g. group.member_added");
        return Err(Error::invalid(field, "required", message));
    }
    let mut names = Vec::with_capacity(given.len());
    for name in given {
        let Some(name) = known(name) else {
            let name: String = name.chars().take(80).collect();
            let message = format!("there is no event called '{name}'");
            return Err(Error::invalid(field, "unknown_event_type", message));
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// A page of the feed. On PostgreSQL the feed of the environment ends before the oldest transaction that still
/// runs, so that whatever it tells comes after what was read.
///
/// # Errors
///
/// [`Error::Invalid`] with `bad_request` for a cursor that names no event of this feed.
pub async fn page(app: &App, selection: &Selection, request: &PageRequest) -> Result<Page<FeedEvent>> {
    let mut tx = app.db.read().await?;
    let after = cursor(&mut tx, selection.reach, "after", request.after.map(EventId::from_uuid)).await?;
    let before = cursor(&mut tx, selection.reach, "before", request.before.map(EventId::from_uuid)).await?;
    let part = Part { after, before, limit: request.limit, order: request.order };
    feed::page(&mut tx, selection, &part).await
}

/// The events that a request of a key or an operator caused in an organization, oldest first.
pub async fn of_request(app: &App, scope: OrganizationScope, request: RequestId, limit: i64) -> Result<Vec<FeedEvent>> {
    let organization = scope.organization();
    let found = stored::of_request(&mut app.db.read().await?, organization, request, limit).await?;
    let json = |id: EventId, text: &str| {
        serde_json::from_str(text).map_err(|_| Error::internal(format!("the event {id} is corrupt")))
    };
    let event = |stored: StoredEvent| {
        Ok(FeedEvent {
            id: stored.id,
            organization: Some(organization),
            position: Some(stored.position),
            data: json(stored.id, &stored.data)?,
            context: json(stored.id, &stored.context)?,
            name: stored.event,
            created_at: stored.created_at,
        })
    };
    found.into_iter().map(event).collect()
}

/// The last event that the feed has now, whatever its name; `None` if it has none.
pub async fn head(app: &App, reach: Reach) -> Result<Option<EventId>> {
    feed::head(&mut app.db.read().await?, reach).await
}

/// Where the event stands that a caller named as `field`.
///
/// # Errors
///
/// [`Error::Invalid`] with `bad_request` if the feed does not have it.
pub async fn cursor(tx: &mut Tx, reach: Reach, field: &str, id: Option<EventId>) -> Result<Option<Place>> {
    let Some(id) = id else { return Ok(None) };
    let place = feed::place(tx, reach, id).await?;
    let unknown = || Error::invalid(field, "bad_request", format!("{field}: there is no event '{id}' in this feed"));
    place.map(Some).ok_or_else(unknown)
}
