//! The tokens of a directory: made, shown once, revoked.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Datelike as _, Duration, NaiveDate, Utc};

use super::{directory, path, show};
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::id::{ScimTokenId, ScimTokenLabel};
use crate::domain::secret::Secret;
use crate::domain::{Error, Result};
use crate::http::console::failure::PageFailure;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::viewer::Place;
use crate::http::muster::tokens::networks;
use crate::http::workos::answer::shown_once;
use crate::http::workos::path::id;
use crate::service::tokens::{self, NewToken, Rotation};

/// A token without an end that may be used from everywhere.
pub fn plain(name: &str) -> NewToken {
    NewToken { name: name.to_owned(), expires_at: None, allowed_ips: Vec::new() }
}

#[derive(Template)]
#[template(path = "console/directory_token.html")]
struct Shown {
    frame: Frame,
    directory: Directory,
    base_url: String,
    secret: String,
    /// Until when the token works whose place it takes.
    ends: Option<DateTime<Utc>>,
}

/// `POST /console/{organization}/directories/{directory}/tokens`: the only page that shows the token.
pub async fn create(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let made = match wanted(&form) {
        Ok(new) => tokens::create_token(&app, &place.access, place.scope, directory.id, new).await,
        Err(error) => Err(error),
    };
    let secret = match made {
        Ok((_, secret)) => secret,
        Err(Error::Invalid { field, message, .. }) => {
            let problem = in_words_of_the_form(&field, message);
            let mut response = show::status(&app, &place, directory, Some((&form, problem))).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    shown(&app, &place, directory, &secret, None)
}

fn shown(
    app: &App,
    place: &Place,
    directory: Directory,
    secret: &Secret,
    ends: Option<DateTime<Utc>>,
) -> Result<Response, PageFailure> {
    let frame = place.frame(app, Section::Directories, "The new token");
    let base_url = app.config.scim_base_url(directory.id);
    Ok(shown_once(page(&Shown { frame, directory, base_url, secret: secret.reveal().to_owned(), ends })?))
}

/// What is wrong, in the words of the form and not of the API.
fn in_words_of_the_form(field: &str, message: String) -> String {
    match field {
        "expires_at" => "the last day is over; choose a later one".to_owned(),
        _ if field.starts_with("allowed_ips") => {
            "networks are up to 100 addresses or networks such as 203.0.113.0/24, parted by commas".to_owned()
        }
        _ => message,
    }
}

/// What the form asks for. A day means its end.
fn wanted(form: &Form) -> Result<NewToken> {
    let expires_at = form.filled("expires").map(end_of_day).transpose()?;
    let texts: Vec<String> = form
        .text("networks")
        .split([',', ' ', '\n', '\r'])
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    Ok(NewToken { name: form.text("name").to_owned(), expires_at, allowed_ips: networks(&texts)? })
}

fn end_of_day(text: &str) -> Result<DateTime<Utc>> {
    let day = text.parse::<NaiveDate>().ok().and_then(|day| day.checked_add_signed(Duration::days(1)));
    let end = day.and_then(|day| day.and_hms_opt(0, 0, 0)).map(|at| at.and_utc());
    end.filter(|end| end.year() <= 9999)
        .ok_or_else(|| Error::invalid("expires", "invalid_date", "the last day is written as 2027-01-31"))
}

/// `POST /console/{organization}/directories/{directory}/tokens/rotate`: a new token in place of one that goes on working
/// for a day.
pub async fn rotate(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let token: ScimTokenId = id::<ScimTokenLabel>(form.text("which"))?;
    let rotation = Rotation::default();
    let rotated = tokens::rotate_token(&app, &place.access, place.scope, directory.id, token, rotation).await?;
    shown(&app, &place, directory, &rotated.secret, Some(rotated.old_ends_at))
}

/// `POST /console/{organization}/directories/{directory}/tokens/revoke`
pub async fn revoke(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let token: ScimTokenId = id::<ScimTokenLabel>(form.text("which"))?;
    tokens::revoke_token(&app, &place.access, place.scope, directory.id, token).await?;
    Ok(place.go(&path(&directory, ""), "revoked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_through_its_last_day() {
        assert_eq!(end_of_day("2027-01-31").unwrap().to_rfc3339(), "2027-02-01T00:00:00+00:00");
        for bad in ["31.1.2027", "2027-02-30", "9999-12-31", "+262142-12-31", ""] {
            assert!(end_of_day(bad).is_err(), "{bad}");
        }
    }
}
