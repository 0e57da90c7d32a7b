//! Operators: who may sign in, and what they may do. Owners decide; others see who there is.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::failure::PageFailure;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::paging::Pager;
use super::realm::Realm;
use super::view::sentence;
use crate::app::App;
use crate::domain::actor::Rank;
use crate::domain::id::{OperatorId, OperatorLabel};
use crate::domain::operator::Operator;
use crate::domain::secret::Secret;
use crate::domain::{Error, Result};
use crate::service::operators;

#[derive(Template)]
#[template(path = "console/operators.html")]
struct Operators {
    frame: Frame,
    rows: Vec<Operator>,
    pager: Pager,
    me: OperatorId,
    typed: Typed,
    /// Why what was asked for cannot be done.
    problem: Option<String>,
}

/// What was typed into the form of an invitation, and what is wrong with it.
#[derive(Default)]
struct Typed {
    email: String,
    name: String,
    role: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "console/operator_link.html")]
struct LinkMade {
    frame: Frame,
    email: Option<String>,
    link: String,
}

/// `GET /console/operators`
pub async fn list(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    listed(&app, &realm, Typed { role: "admin".to_owned(), ..Typed::default() }, None, StatusCode::OK).await
}

async fn listed(
    app: &App,
    realm: &Realm,
    typed: Typed,
    problem: Option<String>,
    status: StatusCode,
) -> Result<Response, PageFailure> {
    let found = operators::list(app, &realm.access, &realm.page_of::<OperatorLabel>()).await?;
    let pager = Pager::of(&found, "/console/operators", |operator| operator.id.to_string());
    let (frame, me) = (realm.frame(app, Section::Operators, "Operators"), realm.viewer.operator()?.id);
    let mut response = page(&Operators { frame, rows: found.rows, pager, me, typed, problem })?;
    *response.status_mut() = status;
    Ok(response)
}

fn role(form: &Form) -> Result<Rank> {
    let role = Rank::from_word(form.text("role"));
    role.ok_or_else(|| Error::invalid("role", "invalid_role", "role must be owner, admin or read"))
}

fn link_made(app: &App, realm: &Realm, email: Option<String>, secret: &Secret) -> Result<Response, PageFailure> {
    let link = format!("{}/console/enter/{}", app.config.public_url, secret.reveal());
    page(&LinkMade { frame: realm.frame(app, Section::Operators, "A link to sign in by"), email, link })
}

/// `POST /console/operators`: the only answer that shows the link of an invitation.
pub async fn invite(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let invited = match role(&form) {
        Ok(role) => operators::invite(&app, &realm.access, form.text("email"), form.text("name"), role).await,
        Err(error) => Err(error),
    };
    match invited {
        Ok((operator, secret)) => link_made(&app, &realm, Some(operator.email), &secret),
        Err(Error::Invalid { message, .. } | Error::Conflict { message, .. }) => {
            let text = |name: &str| form.text(name).to_owned();
            let problem = Some(sentence(&message));
            let typed = Typed { email: text("email"), name: text("name"), role: text("role"), problem };
            listed(&app, &realm, typed, None, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/operators/{operator}/link`
pub async fn renew(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let secret = operators::renew(&app, &realm.access, realm.id("operator")?).await?;
    link_made(&app, &realm, None, &secret)
}

/// `POST /console/operators/{operator}/role`
pub async fn set_role(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let done = operators::set_role(&app, &realm.access, realm.id("operator")?, role(&form)?).await;
    done_or_problem(&app, &realm, done.map(drop), "saved").await
}

/// `POST /console/operators/{operator}/remove`
pub async fn remove(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let done = operators::remove(&app, &realm.access, realm.id("operator")?).await;
    done_or_problem(&app, &realm, done, "removed").await
}

/// The list again: with what was done, or why it cannot be.
async fn done_or_problem(app: &App, realm: &Realm, done: Result<()>, said: &str) -> Result<Response, PageFailure> {
    match done {
        Ok(()) => Ok(realm.go("/operators", said)),
        Err(Error::Conflict { message, .. }) => {
            let typed = Typed { role: "admin".to_owned(), ..Typed::default() };
            listed(app, realm, typed, Some(sentence(&message)), StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}
