//! Webhook endpoints: of an organization, or of the environment. One endpoint is in `webhook`.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::failure::PageFailure;
use super::filters;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::paging::Pager;
use super::realm::Realm;
use super::view::sentence;
use crate::app::App;
use crate::domain::event_names::{emitted, of_users};
use crate::domain::id::WebhookEndpointLabel;
use crate::domain::webhook::WebhookEndpoint;
use crate::domain::{Error, Result};
use crate::service::webhooks::{self, NewEndpoint};

#[derive(Template)]
#[template(path = "console/webhooks.html")]
struct Webhooks {
    frame: Frame,
    rows: Vec<WebhookEndpoint>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "console/webhook_new.html")]
struct New {
    frame: Frame,
    choice: Choice,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "console/webhook_secret.html")]
struct SecretShown {
    frame: Frame,
    endpoint: WebhookEndpoint,
    secret: String,
    /// Whether it took the place of another.
    rotated: bool,
}

/// Where events go and which, as a form shows it.
pub struct Choice {
    /// The URL.
    pub url: String,
    /// Whether every event goes there.
    pub all: bool,
    /// The events by what they are about.
    pub families: Vec<Family>,
}

/// Events that are about the same kind of thing.
pub struct Family {
    /// What they are about, e.g. `group`.
    pub name: &'static str,
    /// Their names, and whether they were chosen.
    pub events: Vec<(&'static str, bool)>,
}

impl Family {
    /// How many of them were chosen.
    pub fn chosen(&self) -> usize {
        self.events.iter().filter(|(_, chosen)| *chosen).count()
    }
}

/// The names of events that endpoints of a realm can get: those of native users are the environment's alone.
fn offered(realm: &Realm) -> impl Iterator<Item = &'static str> {
    let organization = realm.organization.is_some();
    emitted().filter(move |name| !(organization && of_users(name)))
}

impl Choice {
    /// These events at this URL.
    pub fn of(realm: &Realm, url: &str, chosen: &[String]) -> Self {
        let mut families: BTreeMap<&'static str, Vec<(&'static str, bool)>> = BTreeMap::new();
        for name in offered(realm) {
            let family = name.split_once('.').map_or(name, |(family, _)| family);
            families.entry(family).or_default().push((name, chosen.iter().any(|chosen| chosen == name)));
        }
        let all = families.values().flatten().all(|(_, chosen)| *chosen);
        let families = families.into_iter().map(|(name, events)| Family { name, events }).collect();
        Choice { url: url.to_owned(), all, families }
    }

    /// What a form chose.
    pub fn names(realm: &Realm, form: &Form) -> Vec<String> {
        if form.ticked("all") {
            return offered(realm).map(str::to_owned).collect();
        }
        form.all("events").map(str::to_owned).collect()
    }
}

/// `GET …/webhooks`
pub async fn list(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let request = realm.page_of::<WebhookEndpointLabel>();
    let found = match realm.organization {
        Some(_) => webhooks::list(&app, &realm.access, None, &request).await?,
        None => webhooks::list_of_environment(&app, &realm.access, &request).await?,
    };
    let pager = Pager::of(&found, &realm.path("/webhooks"), |endpoint| endpoint.id.to_string());
    page(&Webhooks { frame: realm.frame(&app, Section::Webhooks, "Webhooks"), rows: found.rows, pager })
}

/// `GET …/webhooks/new`
pub async fn new(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let all: Vec<String> = offered(&realm).map(str::to_owned).collect();
    let frame = realm.frame(&app, Section::Webhooks, "New webhook endpoint");
    page(&New { frame, choice: Choice::of(&realm, "", &all), problem: None })
}

/// `POST …/webhooks`
pub async fn create(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let names = Choice::names(&realm, &form);
    let new =
        NewEndpoint { organization: realm.organization_id(), url: form.text("url").to_owned(), events: names.clone() };
    match webhooks::create(&app, &realm.access, new).await {
        Ok(endpoint) => shown(&app, &realm, endpoint, false),
        Err(Error::Invalid { message, .. } | Error::Conflict { message, .. }) => {
            let frame = realm.frame(&app, Section::Webhooks, "New webhook endpoint");
            let problem = Some(sentence(&in_words(&message)));
            let mut response = page(&New { frame, choice: Choice::of(&realm, form.text("url"), &names), problem })?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// A message about the fields of the API in the words of the form.
pub fn in_words(message: &str) -> String {
    message
        .replace("endpoint_url", "the URL")
        .replace("events must name one or more events", "choose at least one event")
}

/// The page that shows a secret.
pub fn shown(app: &App, realm: &Realm, endpoint: WebhookEndpoint, rotated: bool) -> Result<Response, PageFailure> {
    let object = webhooks::object(app, &realm.access, &endpoint)?;
    let secret = object["secret"].as_str().unwrap_or_default().to_owned();
    page(&SecretShown { frame: realm.frame(app, Section::Webhooks, "The signing secret"), endpoint, secret, rotated })
}
