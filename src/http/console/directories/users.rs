//! The people of a directory, as their identity provider described them, and how each is linked.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{directory, path, query};
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::id::DirectoryUserLabel;
use crate::domain::link::{LinkState, reason};
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::paging::{self, Pager};
use crate::http::console::viewer::Place;
use crate::service::directories;
use crate::service::native::directory_users;
use crate::store::directories::Counts;
use crate::store::directory_people::{ListedPerson, Search};

#[derive(Template)]
#[template(path = "console/directory_users.html")]
struct Users {
    frame: Frame,
    directory: Directory,
    tab: &'static str,
    counts: Counts,
    rows: Vec<ListedPerson>,
    pager: Pager,
    search: String,
    link: String,
    active: String,
}

impl Users {
    /// Whether the list is narrowed.
    fn narrowed(&self) -> bool {
        !(self.search.is_empty() && self.link.is_empty() && self.active.is_empty())
    }
}

/// The colour of a link, and its word.
fn link_of(person: &ListedPerson) -> (&'static str, &'static str) {
    link_pill(person.link_state.as_deref())
}

/// Whether somebody's address is their `userName`.
fn is_user_name(person: &ListedPerson) -> bool {
    person.email.as_deref() == Some(&person.user_name)
}

/// What the account is called: by its address, if that is another than the person's.
fn account_of(person: &ListedPerson) -> &str {
    person.account.as_deref().filter(|_| person.account != person.email).unwrap_or("the person")
}

/// Why a link stands as it does; empty for those in force.
fn why(person: &ListedPerson) -> &'static str {
    match (person.link_state.as_deref(), person.link_method.as_deref()) {
        (Some("linked") | None, _) | (_, None) => "",
        (Some(state), Some(method)) => reason(state, method),
    }
}

/// How a link stands, in a colour and a word.
pub fn link_pill(state: Option<&str>) -> (&'static str, &'static str) {
    match state {
        Some("linked") => ("good", "linked"),
        Some("pending") => ("warn", "pending"),
        Some("refused") => ("bad", "refused"),
        Some("ended") => ("calm", "ended"),
        _ => ("calm", "no rule yet"),
    }
}

/// `GET /console/{organization}/directories/{directory}/users?q=&link=pending|refused|linked&active=yes|no`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let (text, link, active) = (place.asked("q"), place.asked("link"), place.asked("active"));
    let search = Search {
        link: LinkState::from_word(link),
        active: match active {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        text: Some(text.to_owned()).filter(|text| !text.is_empty()),
    };
    let request = paging::request_ascending::<DirectoryUserLabel>(&place);
    let found = directory_users::linked(&app, place.scope, directory.id, &search, &request).await?;
    let here = path(&directory, &format!("/users{}", query(&[("q", text), ("link", link), ("active", active)])));
    let pager = Pager::of(&found, &place.path(&here), |person| person.id.to_string());
    let (_, counts) = directories::get_with_counts(&app, &place.access, directory.id).await?;
    page(&Users {
        frame: place.frame(&app, Section::Directories, format!("People of {}", directory.name)),
        tab: "users",
        counts,
        rows: found.rows,
        pager,
        search: text.to_owned(),
        link: link.to_owned(),
        active: active.to_owned(),
        directory,
    })
}
