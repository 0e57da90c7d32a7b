//! Every organization of the environment.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::asked::Asked;
use super::failure::PageFailure;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::paging::{self, Pager};
use super::viewer::Viewer;
use crate::app::App;
use crate::domain::id::OrganizationLabel;
use crate::domain::native::Organization;
use crate::service::organizations::{self, NewOrganization};
use crate::store::Order;

#[derive(Template)]
#[template(path = "console/organizations.html")]
struct Organizations {
    frame: Frame,
    rows: Vec<Organization>,
    pager: Pager,
    search: String,
}

/// `GET /console`. Guests of the portal have one organization, and go there.
pub async fn list(State(app): State<App>, viewer: Viewer, asked: Asked) -> Result<Response, PageFailure> {
    if let Some(only) = viewer.access.only() {
        return Ok(Redirect::to(&format!("/console/{only}")).into_response());
    }
    let request = paging::of::<OrganizationLabel>(asked.text("after"), asked.text("before"), Order::Descending);
    let search = asked.text("q").to_owned();
    let name = Some(search.clone()).filter(|name| !name.is_empty());
    let found = organizations::list(&app, &viewer.access, name, Vec::new(), &request).await?;
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", &search).finish();
    let pager = Pager::of(&found, &format!("/console?{query}"), |organization| organization.id.to_string());
    let frame =
        Frame::of(&app, Some(&viewer), None, Section::Organizations, "Organizations".to_owned(), asked.text("said"));
    page(&Organizations { frame, rows: found.rows, pager, search })
}

/// `POST /console`
pub async fn create(State(app): State<App>, viewer: Viewer, form: Form) -> Result<Response, PageFailure> {
    let new = NewOrganization { name: form.text("name").to_owned(), ..NewOrganization::default() };
    let made = organizations::create(&app, &viewer.access, new).await?;
    Ok(Redirect::to(&format!("/console/{}?said=created", made.value.id)).into_response())
}
