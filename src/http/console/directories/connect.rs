//! A new directory: which identity provider, and what it is called.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::providers::{PROVIDERS, Provider};
use super::{setup, tokens};
use crate::app::App;
use crate::domain::Error;
use crate::http::console::failure::PageFailure;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::view::sentence;
use crate::http::console::viewer::Place;
use crate::service::directories::{self, DirectoryFields};
use crate::service::tokens::create_token;

#[derive(Template)]
#[template(path = "console/directory_new.html")]
struct New {
    frame: Frame,
    providers: &'static [Provider],
    chosen: String,
    name: String,
    problem: Option<String>,
}

/// `GET /console/{organization}/directories/new`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    again(&app, &place, place.asked("idp"), "", None)
}

fn again(app: &App, place: &Place, chosen: &str, name: &str, problem: Option<String>) -> Result<Response, PageFailure> {
    let frame = place.frame(app, Section::Directories, "Connect a directory");
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let chosen = if chosen.is_empty() { "okta" } else { chosen }.to_owned();
    let mut response = page(&New { frame, providers: PROVIDERS, chosen, name: name.to_owned(), problem })?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST /console/{organization}/directories/new`: the directory with its first token, shown in the guide.
pub async fn create(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let (word, name) = (form.text("idp"), form.text("name"));
    let Some(provider) = PROVIDERS.iter().find(|provider| provider.word == word) else {
        return again(&app, &place, word, name, Some("Choose the identity provider.".to_owned()));
    };
    let named = if name.is_empty() { provider.name } else { name };
    let fields = DirectoryFields { name: Some(named.to_owned()), kind: Some(provider.kind.to_owned()), settings: None };
    let made = match directories::create(&app, &place.access, place.scope, fields).await {
        Ok(made) => made.value,
        Err(Error::Invalid { message, .. }) => return again(&app, &place, word, name, Some(sentence(&message))),
        Err(error) => return Err(error.into()),
    };
    let first = tokens::plain(provider.name);
    let (_, secret) = create_token(&app, &place.access, place.scope, made.id, first).await?;
    setup::guide(&app, &place, made, provider, Some(secret.reveal().to_owned())).await
}
