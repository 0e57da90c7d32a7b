//! Somebody of a directory: what was sent of them, their groups, and the account that they are.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::users::link_pill;
use super::{directory, path};
use crate::app::App;
use crate::domain::directory::{Directory, DirectoryGroup, DirectoryUser};
use crate::domain::id::{DirectoryGroupLabel, DirectoryUserId, DirectoryUserLabel};
use crate::domain::link::reason;
use crate::domain::{Error, Result};
use crate::http::console::failure::PageFailure;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::paging::{self, Pager};
use crate::http::console::view::sentence;
use crate::http::console::viewer::Place;
use crate::http::workos::path::id;
use crate::service::links::{self, Decision, Shown};
use crate::service::native::{directory_groups, directory_users};

#[derive(Template)]
#[template(path = "console/directory_user.html")]
struct User {
    frame: Frame,
    directory: Directory,
    user: DirectoryUser,
    raw: String,
    groups: Vec<DirectoryGroup>,
    pager: Pager,
    link: Option<Shown>,
    pill: (&'static str, &'static str),
    why: String,
    problem: Option<String>,
}

impl User {
    /// What people call them.
    fn name(&self) -> &str {
        name_of(&self.user)
    }

    /// How the link stands; empty if there never was to be one.
    fn state(&self) -> &str {
        self.link.as_ref().map(|link| link.listed.link.state.as_str()).unwrap_or_default()
    }

    /// The address of their page.
    fn here(&self) -> String {
        self.frame.path(&path(&self.directory, &format!("/users/{}", self.user.id)))
    }
}

/// What people call somebody: a name, or for want of one their `userName`.
pub fn name_of(user: &DirectoryUser) -> &str {
    let names = [user.text("displayName"), user.name_part("formatted"), user.text("userName")];
    names.into_iter().flatten().find(|name| !name.trim().is_empty()).unwrap_or("somebody without a name")
}

/// The JSON of a document, for reading.
pub fn pretty(document: &serde_json::Map<String, serde_json::Value>) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// The person of the path, who must be of the directory.
async fn person(app: &App, place: &Place, directory: &Directory) -> Result<DirectoryUser> {
    let id: DirectoryUserId = place.id::<DirectoryUserLabel>("user")?;
    let found = directory_users::get(app, &place.access, id).await?.value;
    Some(found).filter(|user| user.directory == directory.id).ok_or_else(|| Error::not_found("directory user", id))
}

/// `GET /console/{organization}/directories/{directory}/users/{user}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    again(&app, &place, None).await
}

/// `GET /console/{organization}/directory-users/{user}`: to the page of somebody of whichever directory.
pub async fn anywhere(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let id: DirectoryUserId = place.id::<DirectoryUserLabel>("user")?;
    let found = directory_users::get(&app, &place.access, id).await?;
    let page = place.path(&format!("/directories/{}/users/{id}", found.value.directory));
    Ok(Redirect::to(&page).into_response())
}

async fn again(app: &App, place: &Place, problem: Option<String>) -> Result<Response, PageFailure> {
    let directory = directory(app, place).await?;
    let user = person(app, place, &directory).await?;
    let link = links::find(app, place.scope, user.id).await?;
    let request = paging::request_ascending::<DirectoryGroupLabel>(place);
    let wanted = directory_groups::Query { directory: None, user: Some(user.id) };
    let groups = directory_groups::list(app, &place.access, wanted, &request).await?.map(|owned| owned.value);
    let here = place.path(&path(&directory, &format!("/users/{}", user.id)));
    let pager = Pager::of(&groups, &here, |group| group.id.to_string());
    let why = link.as_ref().map(|link| sentence(reason(&link.listed.link.state, &link.listed.link.method)));
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let mut response = page(&User {
        frame: place.frame(app, Section::Directories, name_of(&user)),
        raw: pretty(&user.document),
        groups: groups.rows,
        pager,
        pill: link_pill(link.as_ref().map(|link| link.listed.link.state.as_str())),
        why: why.unwrap_or_default(),
        link,
        problem,
        directory,
        user,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST …/users/{user}/confirm`: they are this account; without one named, the account that has their address.
pub async fn confirm(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let account = form.filled("user_id").map(id).transpose()?;
    decide(&app, &place, Decision::Confirm(account)).await
}

/// `POST …/users/{user}/refuse`
pub async fn refuse(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    decide(&app, &place, Decision::Refuse).await
}

/// `POST …/users/{user}/reopen`
pub async fn reopen(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    decide(&app, &place, Decision::Reopen).await
}

/// `POST …/users/{user}/unlink`
pub async fn unlink(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    decide(&app, &place, Decision::Unlink).await
}

async fn decide(app: &App, place: &Place, decision: Decision) -> Result<Response, PageFailure> {
    let directory = directory(app, place).await?;
    let user = person(app, place, &directory).await?;
    match links::decide(app, &place.viewer.access, user.id, decision).await {
        Ok(_) => Ok(place.go(&path(&directory, &format!("/users/{}", user.id)), "decided")),
        Err(Error::Invalid { message, .. } | Error::Conflict { message, .. } | Error::Forbidden(message)) => {
            again(app, place, Some(sentence(&message))).await
        }
        Err(error) => Err(error.into()),
    }
}
