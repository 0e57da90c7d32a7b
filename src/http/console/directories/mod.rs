//! Directories: a list, how one is connected, looked after and removed, and what it holds.
//!
//! What lives here: what these pages share, and the list. The guide is `setup`, its texts `providers`.

mod connect;
mod group;
mod groups;
pub mod providers;
mod removal;
mod settings;
mod setup;
mod show;
mod tokens;
mod user;
mod users;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};

use crate::app::App;
use crate::domain::Result;
use crate::domain::directory::Directory;
use crate::domain::id::DirectoryLabel;
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::pages::{Audience, Pages};
use crate::http::console::paging::{self, Pager};
use crate::http::console::viewer::Place;
use crate::service::directories;

/// The pages of directories.
pub fn pages(app: &App) -> Pages {
    Pages::for_(app, Audience::SignedIn)
        .page("/console/{organization}/directories", list)
        .page("/console/{organization}/directories/new", connect::show)
        .form("/console/{organization}/directories/new", "createDirectory", connect::create)
        .page("/console/{organization}/directories/{directory}", show::show)
        .form("/console/{organization}/directories/{directory}/pause", "pauseDirectory", show::pause)
        .form("/console/{organization}/directories/{directory}/resume", "resumeDirectory", show::resume)
        .form("/console/{organization}/directories/{directory}/tokens", "createScimToken", tokens::create)
        .form("/console/{organization}/directories/{directory}/tokens/rotate", "rotateScimToken", tokens::rotate)
        .form("/console/{organization}/directories/{directory}/tokens/revoke", "revokeScimToken", tokens::revoke)
        .page("/console/{organization}/directories/{directory}/settings", settings::show)
        .form("/console/{organization}/directories/{directory}/settings", "updateDirectory", settings::save)
        .page("/console/{organization}/directories/{directory}/remove", removal::show)
        .form("/console/{organization}/directories/{directory}/remove", "removeDirectory", removal::remove)
        .form("/console/{organization}/directories/{directory}/remove/plan", "createMappingPlan", removal::plan)
        .page("/console/{organization}/directories/{directory}/setup", setup::show)
        .form("/console/{organization}/directories/{directory}/setup", "createScimToken", setup::token)
        .page("/console/{organization}/directories/{directory}/users", users::list)
        .page("/console/{organization}/directories/{directory}/users/{user}", user::show)
        .form(
            "/console/{organization}/directories/{directory}/users/{user}/confirm",
            "confirmIdentityLink",
            user::confirm,
        )
        .form("/console/{organization}/directories/{directory}/users/{user}/refuse", "refuseIdentityLink", user::refuse)
        .form("/console/{organization}/directories/{directory}/users/{user}/reopen", "reopenIdentityLink", user::reopen)
        .form("/console/{organization}/directories/{directory}/users/{user}/unlink", "unlinkIdentity", user::unlink)
        .page("/console/{organization}/directory-users/{user}", user::anywhere)
        .page("/console/{organization}/directory-groups/{group}", group::anywhere)
        .page("/console/{organization}/directories/{directory}/groups", groups::list)
        .page("/console/{organization}/directories/{directory}/groups/{group}", group::show)
        .form(
            "/console/{organization}/directories/{directory}/groups/{group}/resolve",
            "resolveMappingBinding",
            group::resolve,
        )
}

/// The directory of the path.
async fn directory(app: &App, place: &Place) -> Result<Directory> {
    directories::get(app, &place.access, place.id::<DirectoryLabel>("directory")?).await
}

/// The path of a page of a directory; `page` begins with a slash, or is empty for its first.
fn path(directory: &Directory, page: &str) -> String {
    format!("/directories/{}{page}", directory.id)
}

/// Parameters of a query, encoded, behind their question mark.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    format!("?{}", query.finish())
}

#[derive(Template)]
#[template(path = "console/directories.html")]
struct Directories {
    frame: Frame,
    rows: Vec<Row>,
    search: String,
    pager: Pager,
}

/// A directory in the list.
struct Row {
    directory: Directory,
    provider: &'static str,
    tone: &'static str,
    word: &'static str,
    people: i64,
    groups: i64,
    heard: Option<DateTime<Utc>>,
}

/// `GET /console/{organization}/directories`
async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let search = place.asked("q").to_owned();
    let part = Some(search.as_str()).filter(|text| !text.is_empty());
    let request = paging::request_ascending::<DirectoryLabel>(&place);
    let found = directories::list(&app, &place.access, Some(place.scope), part, &request).await?;
    let path = place.path(&format!("/directories{}", query(&[("q", &search)])));
    let pager = Pager::of(&found, &path, |directory| directory.id.to_string());
    let sums = directories::summaries(&app, place.scope, found.rows.iter().map(|directory| directory.id)).await?;
    let rows = found.rows.into_iter().map(|directory| {
        let sum = sums.iter().find(|sum| sum.directory_id == directory.id);
        let (tone, word) = standing(&directory);
        Row {
            provider: providers::of_kind(&directory.kind).name,
            people: sum.map_or(0, |sum| sum.people),
            groups: sum.map_or(0, |sum| sum.groups),
            heard: sum.and_then(|sum| sum.last_used_at),
            directory,
            tone,
            word,
        }
    });
    let rows = rows.collect();
    page(&Directories { frame: place.frame(&app, Section::Directories, "Directories"), rows, search, pager })
}

/// How a directory stands by what is stored with it, in a colour and a word.
fn standing(directory: &Directory) -> (&'static str, &'static str) {
    match (directory.leaving, directory.paused_at, directory.state.as_str()) {
        (Some(_), ..) => ("warn", "being removed"),
        (_, Some(_), _) => ("warn", "paused"),
        (_, _, "validating") => ("calm", "waiting for its first request"),
        _ => ("good", "connected"),
    }
}
