//! One directory: is it in sync, how does it speak, who may reach it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{directory, path, providers};
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::id::ScimTokenLabel;
use crate::http::console::charts::Bars;
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::overview::{self, Need};
use crate::http::console::paging::{self, Pager};
use crate::http::console::view::sentence;
use crate::http::console::viewer::Place;
use crate::scim::dialect::meaning;
use crate::service::directories::lifecycle::{self, Resumed};
use crate::service::status::{self, Status};
use crate::service::tokens;
use crate::store::keys::ScimToken;

#[derive(Template)]
#[template(path = "console/directory.html")]
struct Page {
    frame: Frame,
    directory: Directory,
    tab: &'static str,
    status: Status,
    tone: &'static str,
    word: &'static str,
    needs: Vec<Need>,
    bars: Bars,
    base_url: String,
    /// The identity provider that it seems to be; `None` if nothing tells.
    seems: Option<&'static str>,
    tokens: Vec<ScimToken>,
    more_tokens: Pager,
    form: TokenForm,
}

/// The form of a new token, as it was filled in.
#[derive(Default)]
struct TokenForm {
    name: String,
    expires: String,
    networks: String,
    problem: Option<String>,
}

impl Page {
    /// Everybody in the directory.
    fn people(&self) -> i64 {
        self.status.users.active_users + self.status.users.inactive_users
    }

    /// Groups that no rule has to do with.
    fn unmatched(&self) -> i64 {
        self.status.groups.total - self.status.groups.bound - self.status.groups.excepted
    }

    /// Whether a token works no more.
    fn expired(&self, token: &ScimToken) -> bool {
        token.expires_at.is_some_and(|at| at <= self.frame.now)
    }
}

/// `GET /console/{organization}/directories/{directory}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    status(&app, &place, directory, None).await
}

/// The page; with the form of a token that could not be made, and why.
pub async fn status(
    app: &App,
    place: &Place,
    directory: Directory,
    refused: Option<(&Form, String)>,
) -> Result<Response, PageFailure> {
    let status = status::of_directory(app, &place.access, directory.id).await?;
    let request = paging::request::<ScimTokenLabel>(place);
    let found = tokens::list_tokens(app, place.scope, directory.id, &request).await?;
    let more_tokens = Pager::of(&found, &place.path(&path(&directory, "")), |token| token.id.to_string());
    let form = refused.map(|(form, message)| TokenForm {
        name: form.text("name").to_owned(),
        expires: form.text("expires").to_owned(),
        networks: form.text("networks").to_owned(),
        problem: Some(sentence(&message)),
    });
    let (tone, word) = overview::tone(&status);
    page(&Page {
        frame: place.frame(app, Section::Directories, directory.name.clone()),
        tab: "status",
        tone,
        word,
        needs: overview::needs_of(place, &status),
        bars: overview::bars(app, place, &status).await?,
        base_url: app.config.scim_base_url(directory.id),
        seems: providers::seen(status.dialect.verdict),
        tokens: found.rows,
        more_tokens,
        form: form.unwrap_or_default(),
        directory,
        status,
    })
}

/// `POST /console/{organization}/directories/{directory}/pause`
pub async fn pause(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    lifecycle::pause(&app, &place.access, directory.id).await?;
    Ok(place.go(&path(&directory, ""), "paused"))
}

/// `POST /console/{organization}/directories/{directory}/resume`: done, or the plan to look at and apply.
pub async fn resume(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    Ok(match lifecycle::resume(&app, &place.access, directory.id).await? {
        Resumed::Done(_) => place.go(&path(&directory, ""), "resumed"),
        Resumed::Plan(plan) => place.go(&format!("/plans/{}", plan.id), "created"),
    })
}
