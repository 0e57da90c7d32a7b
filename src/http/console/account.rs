//! One's own account: the password, and where one is signed in.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::asked::Asked;
use super::failure::PageFailure;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::viewer::Viewer;
use crate::app::App;
use crate::domain::Error;
use crate::domain::operator::{Operator, Session};
use crate::http::workos::path::id;
use crate::service::sessions;

#[derive(Template)]
#[template(path = "console/account.html")]
struct Account {
    frame: Frame,
    operator: Operator,
    sessions: Vec<Session>,
    own: Session,
    problem: Option<String>,
}

/// `GET /console/account`
pub async fn show(State(app): State<App>, viewer: Viewer, asked: Asked) -> Result<Response, PageFailure> {
    account(&app, &viewer, asked.text("said"), None).await
}

async fn account(app: &App, viewer: &Viewer, said: &str, problem: Option<String>) -> Result<Response, PageFailure> {
    let operator = viewer.operator()?.clone();
    let sessions = sessions::of_operator(app, &operator).await?;
    let frame = Frame::of(app, Some(viewer), None, Section::Account, "Your account".to_owned(), said);
    page(&Account { frame, operator, sessions, own: viewer.session.clone(), problem })
}

/// `POST /console/account/password`
pub async fn password(State(app): State<App>, viewer: Viewer, form: Form) -> Result<Response, PageFailure> {
    if form.raw("password") != form.raw("password_again") {
        return account(&app, &viewer, "", Some("The two new passwords differ.".to_owned())).await;
    }
    let (old, new) = (form.raw("old_password").to_owned(), form.raw("password").to_owned());
    match sessions::change_password(&app, viewer.operator()?, old, new, viewer.session.id).await {
        Ok(()) => Ok(Redirect::to("/console/account?said=password").into_response()),
        Err(Error::Invalid { message, .. }) => account(&app, &viewer, "", Some(super::view::sentence(&message))).await,
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/account/sessions`: ends one, or all but this.
pub async fn end(State(app): State<App>, viewer: Viewer, form: Form) -> Result<Response, PageFailure> {
    let which = form.filled("session").map(id).transpose()?;
    sessions::revoke(&app, viewer.operator()?, which, viewer.session.id).await?;
    Ok(Redirect::to("/console/account?said=ended").into_response())
}
