//! `/events`: the feed, page by page and as a stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::watch;

use super::answer::ok;
use super::error::ApiFailure;
use super::query::Query;
use crate::app::App;
use crate::domain::event::FeedEvent;
use crate::domain::id::{EventId, EventLabel};
use crate::domain::{Error, Result};
use crate::http::caller::ApiCaller;
use crate::service::events::{self, Selection, Wanted};
use crate::service::streams::Place;
use crate::store::{Order, PageRequest};

/// How often a stream looks for what other processes wrote.
const LOOK: Duration = Duration::from_secs(1);
/// How long news gather before a stream reads them.
const GATHER: Duration = Duration::from_millis(30);
/// How long a stream is silent before it says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream waits after the database could not be read.
const RECOVER: Duration = Duration::from_secs(5);
/// How long a stream lasts; the client connects again, and its key is looked at again.
const LIFETIME: Duration = Duration::from_mins(10);
/// Events that a stream reads at a time.
const CHUNK: i64 = 100;

/// `GET /events?events=…&after=…&range_start=…&range_end=…&organization_id=…`, oldest first.
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let paging = query.paging_in::<EventLabel>("asc")?;
    let wanted = wanted(&query)?;
    if paging.request.after.is_some() && wanted.from.is_some() {
        let message = "after and range_start exclude each other: a cursor is a start already";
        return Err(Error::invalid("range_start", "mutually_exclusive", message).into());
    }
    let selection = events::selection(&app, &access, wanted).await?;
    let page = events::page(&app, &selection, &paging.request).await?;
    Ok(ok(paging.envelope(page, |event| event.json())))
}

fn wanted(query: &Query) -> Result<Wanted> {
    Ok(Wanted {
        names: query.many("events"),
        organization: query.id("organization_id")?,
        from: utc(query, "range_start")?,
        until: utc(query, "range_end")?,
    })
}

/// A time in UTC, written so.
fn utc(query: &Query, name: &str) -> Result<Option<DateTime<Utc>>> {
    match query.one(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) if text.ends_with('Z') => query.time(name),
        Some(_) => {
            let message = format!("{name} must be a time in UTC with a Z at its end, such as 2026-01-15T12:00:00.000Z");
            Err(Error::invalid(name, "invalid_time", message))
        }
    }
}

/// `GET /events/stream`: the same as server-sent events, from `after` or the header `Last-Event-ID` on, otherwise
/// from now on. It ends when the server stops; a client connects again with the last id.
pub async fn stream(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiFailure> {
    let selection = events::selection(&app, &access, wanted(&query)?).await?;
    let after = match last_event_id(&headers).or(query.one("after")).filter(|text| !text.is_empty()) {
        Some(text) => {
            let id: EventId =
                text.parse().map_err(|error| Error::invalid("after", "bad_request", format!("after: {error}")))?;
            events::cursor(&mut app.db.read().await?, selection.reach, "after", Some(id)).await?;
            Some(id)
        }
        None if selection.from.is_some() => None,
        None => events::head(&app, selection.reach).await?,
    };
    let place = app.streams.enter(access.only())?;
    let stopping = app.stopping.clone();
    let follower = Follower { told: app.db.told(), app, selection, after, ready: VecDeque::new(), _place: place };
    let end = async move {
        let _ = tokio::time::timeout(LIFETIME, stopping.cancelled()).await;
    };
    let messages = follow(follower).take_until(Box::pin(end));
    let mut response = Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // Proxies would otherwise gather messages before they pass them on.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").and_then(|id| id.to_str().ok())
}

/// A reader of the feed who waits at its end. It holds no connection to the database while it waits, neither for
/// news nor for a slow client.
struct Follower {
    app: App,
    selection: Selection,
    after: Option<EventId>,
    ready: VecDeque<FeedEvent>,
    told: watch::Receiver<()>,
    /// One of the places that this process has for streams.
    _place: Place,
}

fn follow(follower: Follower) -> impl Stream<Item = Result<Message, Infallible>> {
    stream::unfold(follower, |mut follower| async {
        let event = follower.next().await;
        let message = Message::default().id(event.id.to_string()).event(&event.name).data(event.json().to_string());
        Some((Ok(message), follower))
    })
}

impl Follower {
    /// The next event, whenever it happens.
    async fn next(&mut self) -> FeedEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            // Marked before the look, so that what is told meanwhile leads to another.
            self.told.mark_unchanged();
            let after = self.after.map(EventId::uuid);
            let request = PageRequest { after, before: None, limit: CHUNK, order: Order::Ascending };
            match events::page(&self.app, &self.selection, &request).await {
                Ok(page) if page.rows.is_empty() => {
                    if tokio::time::timeout(LOOK, self.told.changed()).await.is_ok() {
                        // What is written at once is read at once, by many streams.
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Ok(page) => {
                    self.after = page.rows.last().map(|event| event.id);
                    self.ready = page.rows.into();
                }
                Err(error) => {
                    tracing::warn!(error = %error, "a stream of events could not be read on; it is tried again");
                    tokio::time::sleep(RECOVER).await;
                }
            }
        }
    }
}
