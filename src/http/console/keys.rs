//! API keys: of an organization, or of the environment.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Duration;

use super::failure::PageFailure;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::paging::Pager;
use super::realm::Realm;
use super::view::sentence;
use crate::app::App;
use crate::domain::Error;
use crate::domain::id::ApiKeyLabel;
use crate::service::keys::{self, NewKey};
use crate::store::keys::ApiKey;

#[derive(Template)]
#[template(path = "console/keys.html")]
struct Keys {
    frame: Frame,
    rows: Vec<ApiKey>,
    pager: Pager,
    typed: Typed,
}

/// What was typed into the form, and what is wrong with it.
#[derive(Default)]
struct Typed {
    name: String,
    role: String,
    days: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "console/key_made.html")]
struct Made {
    frame: Frame,
    key: ApiKey,
    secret: String,
}

impl Keys {
    /// Whether a key has expired.
    fn over(&self, key: &ApiKey) -> bool {
        key.expires_at.is_some_and(|at| at <= self.frame.now)
    }
}

/// `GET …/keys`
pub async fn list(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let typed = Typed { role: "admin".to_owned(), ..Typed::default() };
    listed(&app, &realm, typed).await
}

async fn listed(app: &App, realm: &Realm, typed: Typed) -> Result<Response, PageFailure> {
    let request = realm.page_of::<ApiKeyLabel>();
    let found = match realm.organization {
        Some(_) => keys::list_keys(app, &realm.access, &request).await?,
        None => keys::list_keys_of_environment(app, &realm.access, &request).await?,
    };
    let pager = Pager::of(&found, &realm.path("/keys"), |key| key.id.to_string());
    let status = if typed.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = realm.frame(app, Section::Keys, "API keys");
    let mut response = page(&Keys { frame, rows: found.rows, pager, typed })?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST …/keys`: the only answer that shows the key.
pub async fn create(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let days = form.filled("days").and_then(|days| days.parse::<i64>().ok()).filter(|days| (1..=3_650).contains(days));
    let new = NewKey {
        name: form.text("name").to_owned(),
        organization: realm.organization_id(),
        role: form.text("role").to_owned(),
        expires_at: days.map(|days| app.clock.now() + Duration::days(days)),
    };
    match keys::issue_key(&app, &realm.access, new).await {
        Ok((key, secret)) => {
            let frame = realm.frame(&app, Section::Keys, "A new API key");
            page(&Made { frame, key, secret: secret.reveal().to_owned() })
        }
        Err(Error::Invalid { message, .. }) => {
            let text = |name: &str| form.text(name).to_owned();
            let problem = Some(sentence(&message));
            listed(&app, &realm, Typed { name: text("name"), role: text("role"), days: text("days"), problem }).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/keys/{key}/revoke`
pub async fn revoke(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    keys::revoke_key(&app, &realm.access, realm.id("key")?).await?;
    Ok(realm.go("/keys", "revoked"))
}
