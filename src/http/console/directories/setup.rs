//! The guide from a new directory to the first rule, at its own identity provider, following what arrives.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::groups::{Advice, advice};
use super::providers::{self, Field, PROVIDERS, Provider};
use super::{directory, path, tokens};
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::suggestion::Suggestion;
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::viewer::Place;
use crate::http::workos::answer::shown_once;
use crate::service::native::directory_users;
use crate::service::status::groups::{self, GroupStatus, Query};
use crate::service::status::{self, Status};
use crate::service::tokens::create_token;
use crate::store::directory_people::{ListedPerson, Search};
use crate::store::group_status::Standing;
use crate::store::{Order, PageRequest};

/// How many of the first people and groups the guide shows.
const FIRST: i64 = 5;
/// How many groups without a rule it looks at for suggestions, and how many of these it shows.
const LOOKED_AT: i64 = 50;
const SUGGESTED: usize = 4;

#[derive(Template)]
#[template(path = "console/directory_setup.html")]
struct Guide {
    frame: Frame,
    directory: Directory,
    tab: &'static str,
    providers: &'static [Provider],
    provider: &'static Provider,
    base_url: String,
    /// The token, on the page that answers its making.
    secret: Option<String>,
    /// The address of this guide, to be read again by.
    address: String,
    status: Status,
    people: Vec<ListedPerson>,
    groups: Vec<GroupStatus>,
    advice: Vec<Advice>,
    /// What is wrong with the latest requests, if something is.
    refused: bool,
}

impl Guide {
    /// Whether a request has come.
    fn heard(&self) -> bool {
        self.status.freshness.last_request_at.is_some()
    }

    /// Whether there is a token that works.
    fn has_token(&self) -> bool {
        self.status.tokens.living > 0
    }

    /// Everybody in the directory.
    fn count(&self) -> i64 {
        self.status.users.active_users + self.status.users.inactive_users
    }

    /// What goes into a field; `None` for the token while it is not shown.
    fn value<'a>(&'a self, field: &'a Field) -> Option<&'a str> {
        match field {
            Field::BaseUrl => Some(&self.base_url),
            Field::Token => self.secret.as_deref(),
            Field::Text(text) => Some(text),
        }
    }
}

/// `GET /console/{organization}/directories/{directory}/setup?idp=`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let provider = provider(&place, &directory);
    guide(&app, &place, directory, provider, None).await
}

/// The identity provider that the address names, or else that of the directory.
fn provider(place: &Place, directory: &Directory) -> &'static Provider {
    let asked = PROVIDERS.iter().find(|provider| provider.word == place.asked("idp"));
    asked.unwrap_or_else(|| providers::of_kind(&directory.kind))
}

/// `POST /console/{organization}/directories/{directory}/setup`: a token, shown in the guide.
pub async fn token(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let provider = provider(&place, &directory);
    let new = tokens::plain(provider.name);
    let (_, secret) = create_token(&app, &place.access, place.scope, directory.id, new).await?;
    guide(&app, &place, directory, provider, Some(secret.reveal().to_owned())).await
}

/// The guide; with a token that was just made, which is shown this once.
pub async fn guide(
    app: &App,
    place: &Place,
    directory: Directory,
    provider: &'static Provider,
    secret: Option<String>,
) -> Result<Response, PageFailure> {
    let status = status::of_directory(app, &place.access, directory.id).await?;
    let first = PageRequest { after: None, before: None, limit: FIRST, order: Order::Ascending };
    let people = directory_users::linked(app, place.scope, directory.id, &Search::default(), &first).await?.rows;
    let groups = groups::list(app, &place.access, directory.id, Query::default(), &first).await?.rows;
    let once = secret.is_some();
    let answer = page(&Guide {
        frame: place.frame(app, Section::Directories, format!("Connect {}", directory.name)),
        tab: "setup",
        providers: PROVIDERS,
        provider,
        base_url: app.config.scim_base_url(directory.id),
        secret,
        address: place.path(&path(&directory, &format!("/setup?idp={}", provider.word))),
        refused: status.refused > 0,
        people,
        groups,
        advice: suggestions(app, place, &directory).await?,
        directory,
        status,
    })?;
    Ok(if once { shown_once(answer) } else { answer })
}

/// Rules that might suit the groups that no rule has to do with, each once.
async fn suggestions(app: &App, place: &Place, directory: &Directory) -> Result<Vec<Advice>, PageFailure> {
    let request = PageRequest { after: None, before: None, limit: LOOKED_AT, order: Order::Ascending };
    let unmatched = Query { standing: Some(Standing::Unmatched), search: None };
    let found = groups::list(app, &place.access, directory.id, unmatched, &request).await?.rows;
    let mut advices: Vec<Advice> = Vec::new();
    for group in &found {
        let Some(suggestion) = &group.suggestion else { continue };
        let advice = advice(place, directory, &group.group.display_name, suggestion);
        let patterns = matches!(suggestion, Suggestion::MirrorGroup { .. });
        if advices.len() < SUGGESTED && !advices.iter().any(|known| known.href == advice.href) {
            // What helps many goes first.
            advices.insert(if patterns { 0 } else { advices.len() }, advice);
        }
    }
    Ok(advices)
}
