//! Events of an organization, newest first, each with what brought it about.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::failure::PageFailure;
use super::filters;
use super::frame::{Frame, Section, page};
use super::paging::{self, Pager};
use super::viewer::Place;
use crate::app::App;
use crate::domain::event::FeedEvent;
use crate::domain::event_names::{emitted, of_users};
use crate::domain::id::{EventLabel, GroupId, MembershipId, RequestId};
use crate::domain::{Error, Result, event_line};
use crate::service::events::{self, Wanted};
use crate::service::lookup::{self, Names};

/// Events of one request on a page at the most.
const OF_REQUEST: i64 = 500;

#[derive(Template)]
#[template(path = "console/events.html")]
struct Events {
    frame: Frame,
    rows: Vec<Told>,
    pager: Pager,
    names: Vec<&'static str>,
    name: String,
    request: Option<RequestId>,
    many: bool,
}

/// An event as a row.
struct Told {
    event: FeedEvent,
    /// What it is about: names, with where they are.
    about: Vec<Named>,
    /// What brought it about.
    cause: Named,
    json: String,
}

/// A name, and where what has it is.
struct Named {
    text: String,
    href: Option<String>,
}

/// `GET /console/{organization}/events`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let frame = place.frame(&app, Section::Events, "Events");
    let names: Vec<&'static str> = emitted().filter(|name| !of_users(name)).collect();
    let request = Some(place.asked("request")).filter(|id| !id.is_empty());
    if let Some(id) = request {
        let id: RequestId = id.parse().map_err(|_| Error::not_found("request", id))?;
        let found = events::of_request(&app, place.scope, id, OF_REQUEST + 1).await?;
        let most = usize::try_from(OF_REQUEST).unwrap_or(usize::MAX);
        let many = found.len() > most;
        let rows = told(&app, &place, found.into_iter().take(most).collect()).await?;
        let pager = Pager::default();
        return page(&Events { frame, rows, pager, names, name: String::new(), request: Some(id), many });
    }
    let name = place.asked("name").to_owned();
    let wanted =
        if name.is_empty() { names.iter().map(|name| (*name).to_owned()).collect() } else { vec![name.clone()] };
    let wanted = Wanted { names: wanted, organization: Some(place.organization.id), from: None, until: None };
    let selection = events::selection(&app, &place.access, wanted).await?;
    let found = events::page(&app, &selection, &paging::request::<EventLabel>(&place)).await?;
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("name", &name).finish();
    let path = place.path("/events");
    let path = if name.is_empty() { path } else { format!("{path}?{query}") };
    let pager = Pager::of(&found, &path, |event| event.id.to_string());
    let rows = told(&app, &place, found.rows).await?;
    page(&Events { frame, rows, pager, names, name, request: None, many: false })
}

async fn told(app: &App, place: &Place, events: Vec<FeedEvent>) -> Result<Vec<Told>> {
    let groups = events.iter().filter_map(|event| group(&event.data)).collect();
    let memberships = events.iter().filter_map(membership).collect();
    let names = lookup::names(app, place.scope, groups, memberships).await?;
    let told = |event: FeedEvent| Told {
        json: serde_json::to_string_pretty(&event.json()).unwrap_or_default(),
        about: about(place, &event, &names),
        cause: cause(place, &event.context),
        event,
    };
    Ok(events.into_iter().map(told).collect())
}

fn group(data: &Value) -> Option<GroupId> {
    data.get("group_id")?.as_str()?.parse().ok()
}

/// The membership that an event is about, or names.
fn membership(event: &FeedEvent) -> Option<MembershipId> {
    let named = event.data.get("organization_membership_id").or_else(|| event.data.get("id"));
    named?.as_str()?.parse().ok()
}

/// What an event is about, with links to what there is today.
fn about(place: &Place, event: &FeedEvent, names: &Names) -> Vec<Named> {
    let mut about = Vec::new();
    if let Some(id) = membership(event) {
        let name = names.memberships.get(&id);
        let href = name.map(|_| place.path(&format!("/people/{id}")));
        about.push(Named { text: name.cloned().unwrap_or_else(|| id.to_string()), href });
    }
    if let Some(id) = group(&event.data) {
        let name = names.groups.get(&id);
        let href = name.map(|_| place.path(&format!("/groups/{id}")));
        about.push(Named { text: name.cloned().unwrap_or_else(|| id.to_string()), href });
    }
    if about.is_empty() {
        about.push(Named { text: event_line::subject(&event.data), href: None });
    }
    about
}

fn cause(place: &Place, context: &Value) -> Named {
    let text = |pointer: &str| context.pointer(pointer).and_then(Value::as_str);
    let (name, actor) = (text("/actor/name").unwrap_or("Muster"), text("/actor/id").unwrap_or_default());
    // Ids only come into addresses: whatever is none has no page.
    let run = text("/run_id").filter(|id| id.parse::<crate::domain::id::RunId>().is_ok());
    let request = text("/request_id").filter(|id| id.parse::<RequestId>().is_ok());
    let directory = actor.parse::<crate::domain::id::DirectoryId>().is_ok();
    match (run, request) {
        (Some(run), _) => Named {
            text: format!("run: {}", super::view::words(name)),
            href: Some(place.path(&format!("/runs/{run}"))),
        },
        (None, Some(request)) if directory => {
            Named { text: format!("request to {name}"), href: Some(place.path(&format!("/activity/{request}"))) }
        }
        (None, Some(request)) => {
            Named { text: name.to_owned(), href: Some(place.path(&format!("/events?request={request}"))) }
        }
        (None, None) => Named { text: name.to_owned(), href: None },
    }
}
