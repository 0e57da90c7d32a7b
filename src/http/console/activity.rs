//! What identity providers send, as it comes: the list. One request is `request`.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::directories::query;
use super::failure::PageFailure;
use super::filters;
use super::frame::{Frame, Section, page};
use super::paging::{self, Pager};
use super::viewer::Place;
use crate::app::App;
use crate::domain::Result;
use crate::domain::directory::Directory;
use crate::domain::id::{DirectoryId, DirectoryLabel, RequestId, RequestLabel};
use crate::http::workos::path::id;
use crate::service::{directories, request_log};
use crate::store::requests::{LOOKED_THROUGH, ListedRequest, Search};
use crate::store::{Order, PageRequest};

/// Directories to choose from at the most.
const CHOICES: i64 = 100;
/// Methods to choose from.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

#[derive(Template)]
#[template(path = "console/activity.html")]
struct Activity {
    frame: Frame,
    rows: Vec<ListedRequest>,
    pager: Pager,
    directories: Vec<Directory>,
    /// The names of the directories of the rows.
    names: HashMap<DirectoryId, String>,
    methods: [&'static str; 5],
    /// Whether these are the newest.
    newest: bool,
    directory: String,
    method: String,
    status: String,
    search: String,
    looked_through: i64,
}

impl Activity {
    /// The name of a directory; `None` if it is gone, and with it the pages of what it asked.
    fn name_of(&self, id: &DirectoryId) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// Whether the list is narrowed.
    fn narrowed(&self) -> bool {
        !(self.directory.is_empty() && self.method.is_empty() && self.status.is_empty() && self.search.is_empty())
    }
}

/// How many tolerances a request used.
fn tolerances(request: &ListedRequest) -> usize {
    serde_json::from_str::<Vec<String>>(&request.tolerances).map_or(0, |names| names.len())
}

/// The colour of a status.
pub fn tone(status: i64) -> &'static str {
    match status {
        500.. => "bad",
        400.. => "warn",
        _ => "good",
    }
}

fn search(place: &Place, directory: Option<DirectoryId>) -> Search {
    let text = |name: &str| Some(place.asked(name)).filter(|text| !text.is_empty());
    let (refused, statuses) = match place.asked("status") {
        "refused" => (true, Vec::new()),
        "4xx" => (true, vec![(400, 499)]),
        "5xx" => (true, vec![(500, 599)]),
        "done" => (false, vec![(100, 399)]),
        _ => (false, Vec::new()),
    };
    Search {
        directory,
        refused,
        statuses,
        methods: text("method").map(str::to_ascii_uppercase).into_iter().collect(),
        text: text("q").map(str::to_owned),
        ..Search::default()
    }
}

/// `GET /console/{organization}/activity?directory=&method=&status=refused|4xx|5xx|done&q=`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    if let Ok(request) = place.asked("q").parse::<RequestId>() {
        return Ok(Redirect::to(&place.path(&format!("/activity/{request}"))).into_response());
    }
    let choices = PageRequest { after: None, before: None, limit: CHOICES, order: Order::Ascending };
    let directories = directories::list(&app, &place.access, Some(place.scope), None, &choices).await?.rows;
    let wanted = Some(place.asked("directory")).filter(|text| !text.is_empty());
    let wanted: Option<DirectoryId> = wanted.map(id::<DirectoryLabel>).transpose()?;
    if let Some(id) = wanted.filter(|id| !directories.iter().any(|directory| directory.id == *id)) {
        // Beyond the choices, or of nobody here.
        directories::get(&app, &place.access, id).await?;
    }
    let request = paging::request::<RequestLabel>(&place);
    let found = request_log::of_organization(&app, place.scope, &search(&place, wanted), &request).await?;
    let of_rows = found.rows.iter().map(|row| row.directory_id).collect();
    let names = directories::names(&app, place.scope, of_rows).await?;
    let pairs = ["directory", "method", "status", "q"].map(|name| (name, place.asked(name)));
    let pager = Pager::of(&found, &place.path(&format!("/activity{}", query(&pairs))), |row| row.id.to_string());
    page(&Activity {
        frame: place.frame(&app, Section::Activity, "Activity"),
        newest: pager.before.is_none(),
        rows: found.rows,
        pager,
        directories,
        names,
        methods: METHODS,
        directory: place.asked("directory").to_owned(),
        method: place.asked("method").to_ascii_uppercase(),
        status: place.asked("status").to_owned(),
        search: place.asked("q").to_owned(),
        looked_through: LOOKED_THROUGH,
    })
}
