//! Coming in and going out: signing in, the link of the first owner, invitations, the portal's links.
//!
//! A link is looked at by GET and used by POST, so that neither a preview nor a scanner of mail uses it up.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::asked::Asked;
use super::cookie;
use super::failure::PageFailure;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::view::sentence;
use super::viewer::Viewer;
use crate::app::App;
use crate::domain::Error;
use crate::domain::operator::Holder;
use crate::service::sessions::{self, Begun, Newcomer, Visitor, used_up};
use crate::service::{audit, oidc, portal};
use crate::store::operators::Purpose;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignIn {
    frame: Frame,
    email: String,
    next: String,
    problem: Option<String>,
    /// Whether nobody can sign in yet.
    empty: bool,
    /// What the OpenID provider is called; `None` if there is none.
    oidc: Option<String>,
}

#[derive(Template)]
#[template(path = "console/enter.html")]
struct Enter {
    frame: Frame,
    secret: String,
    first: bool,
    portal: Option<String>,
    email: String,
    name: String,
    problem: Option<String>,
}

impl SignIn {
    /// The page that was asked for, for addresses.
    fn next_encoded(&self) -> String {
        utf8_percent_encode(&self.next, NON_ALPHANUMERIC).to_string()
    }
}

fn frame(app: &App, title: &str) -> Frame {
    Frame::of(app, None, None, Section::None, title.to_owned(), "")
}

/// Goes to the page where one signs in, and from there to `next`.
pub fn to_sign_in(next: Option<&str>) -> Response {
    let next = next.filter(|next| *next != "/console");
    let query = next.map(|next| format!("?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC)));
    Redirect::to(&format!("/console/sign-in{}", query.unwrap_or_default())).into_response()
}

/// A path of the console; anything else leads to its first page, so that nobody is led elsewhere.
pub fn local(next: &str) -> &str {
    let inside = next == "/console" || next.starts_with("/console/") || next.starts_with("/console?");
    if inside && !next.contains(['\\', '\r', '\n']) { next } else { "/console" }
}

/// `GET /console/sign-in`
pub async fn sign_in_page(State(app): State<App>, asked: Asked) -> Result<Response, PageFailure> {
    let next = asked.text("next").to_owned();
    sign_in_again(&app, String::new(), next, None, StatusCode::OK).await
}

/// The page where one signs in, with what was typed and what is wrong.
pub async fn sign_in_again(
    app: &App,
    email: String,
    next: String,
    problem: Option<String>,
    status: StatusCode,
) -> Result<Response, PageFailure> {
    let empty = sessions::nobody_yet(app).await?;
    let oidc = oidc::label(app).map(str::to_owned);
    let mut response = page(&SignIn { frame: frame(app, "Sign in"), email, next, problem, empty, oidc })?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST /console/sign-in`
pub async fn sign_in(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    form: Form,
) -> Result<Response, PageFailure> {
    let (email, next) = (form.text("email"), form.raw("next"));
    match sessions::sign_in(&app, email, form.raw("password"), visitor).await {
        Ok(begun) => Ok(signed_in(&app, &begun, local(next))),
        Err(Error::Unauthorized(message)) => {
            let problem = Some(sentence(message));
            sign_in_again(&app, email.to_owned(), next.to_owned(), problem, StatusCode::UNAUTHORIZED).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives the cookie of a session that was just begun, and goes on.
pub fn signed_in(app: &App, begun: &Begun, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    cookie::set(app, response.headers_mut(), &begun.cookie);
    response
}

/// `POST /console/sign-out`
pub async fn sign_out(State(app): State<App>, viewer: Viewer) -> Result<Response, PageFailure> {
    // Sessions are no organization's, but guests are.
    audit::about(viewer.access.only());
    sessions::sign_out(&app, viewer.session.id).await?;
    let mut response = Redirect::to("/console/sign-in").into_response();
    cookie::clear(&app, response.headers_mut());
    // What pages kept in the browser is no longer anybody's.
    response.headers_mut().insert("clear-site-data", axum::http::HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}

/// `GET /console/enter/{secret}`: an invitation, or the link of the first owner.
pub async fn enter_page(State(app): State<App>, Path(secret): Path<String>) -> Result<Response, PageFailure> {
    enter_again(&app, secret, &Form::default(), None).await
}

async fn enter_again(app: &App, secret: String, form: &Form, problem: Option<String>) -> Result<Response, PageFailure> {
    let link = sessions::look_at_link(app, &secret).await?.ok_or_else(used_up)?;
    let first = match link.purpose {
        Purpose::FirstOwner => true,
        Purpose::Password(_) => false,
        Purpose::Portal { .. } => return Err(used_up().into()),
    };
    let title = if first { "Welcome to Muster" } else { "Choose a password" };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (email, name) = (form.text("email").to_owned(), form.text("name").to_owned());
    let mut response = page(&Enter { frame: frame(app, title), secret, first, portal: None, email, name, problem })?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST /console/enter/{secret}`
pub async fn enter(
    State(app): State<App>,
    Path(secret): Path<String>,
    Extension(visitor): Extension<Visitor>,
    form: Form,
) -> Result<Response, PageFailure> {
    if form.raw("password") != form.raw("password_again") {
        let problem = Some("The two passwords differ.".to_owned());
        return enter_again(&app, secret, &form, problem).await;
    }
    let newcomer = Newcomer {
        email: form.text("email").to_owned(),
        name: form.text("name").to_owned(),
        password: form.raw("password").to_owned(),
    };
    match sessions::enter(&app, &secret, newcomer, visitor).await {
        Ok(begun) => Ok(signed_in(&app, &begun, "/console")),
        Err(Error::Invalid { message, .. }) => enter_again(&app, secret, &form, Some(sentence(&message))).await,
        Err(error) => Err(error.into()),
    }
}

/// `GET /portal/{secret}`
pub async fn portal_page(State(app): State<App>, Path(secret): Path<String>) -> Result<Response, PageFailure> {
    let link = sessions::look_at_link(&app, &secret).await?.ok_or_else(used_up)?;
    let Purpose::Portal { organization, .. } = link.purpose else { return Err(used_up().into()) };
    let portal = Some(portal::organization_of(&app, organization).await?.name);
    let (frame, nothing) = (frame(&app, "Connect your directory"), String::new);
    page(&Enter { frame, secret, first: false, portal, email: nothing(), name: nothing(), problem: None })
}

/// `POST /portal/{secret}`
pub async fn portal(
    State(app): State<App>,
    Path(secret): Path<String>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, PageFailure> {
    let begun = portal::enter(&app, &secret, visitor).await?;
    let to = match &begun.session.holder {
        Holder::Guest { organization, .. } => format!("/console/{organization}"),
        Holder::Operator(_) => "/console".to_owned(),
    };
    Ok(signed_in(&app, &begun, &to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere_after_signing_in() {
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/consolex",
            "",
            "javascript:alert(1)",
            "/console/\\x",
        ] {
            assert_eq!(local(elsewhere), "/console", "{elsewhere}");
        }
        assert_eq!(local("/console/org_1/rules?x=1"), "/console/org_1/rules?x=1");
    }
}
