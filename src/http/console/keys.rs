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
use crate::domain::secret::Secret;
use crate::service::keys::{self, NewKey};
use crate::store::keys::ApiKey;

/// The longest life of a key that has an end, in days.
const LONGEST: i64 = 3_650;

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
    let made = match lifetime(&form) {
        Ok(days) => issue(&app, &realm, &form, days).await,
        Err(error) => Err(error),
    };
    match made {
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

/// For how many days the key is to work; `None` for ever.
fn lifetime(form: &Form) -> Result<Option<i64>, Error> {
    let Some(days) = form.filled("days") else { return Ok(None) };
    let fits = days.parse().ok().filter(|days| (1..=LONGEST).contains(days));
    let unfit =
        || Error::invalid("days", "invalid_number", format!("a key works for 1 to {LONGEST} days, or for ever"));
    fits.map(Some).ok_or_else(unfit)
}

async fn issue(app: &App, realm: &Realm, form: &Form, days: Option<i64>) -> Result<(ApiKey, Secret), Error> {
    let new = NewKey {
        name: form.text("name").to_owned(),
        organization: realm.organization_id(),
        role: form.text("role").to_owned(),
        expires_at: days.map(|days| app.clock.now() + Duration::days(days)),
    };
    keys::issue_key(app, &realm.access, new).await
}

/// `POST …/keys/{key}/revoke`
pub async fn revoke(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    keys::revoke_key(&app, &realm.access, realm.id("key")?).await?;
    Ok(realm.go("/keys", "revoked"))
}
