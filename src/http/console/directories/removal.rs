//! The end of a directory: what goes, what becomes of what it gave, and a button that says so.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::directory;
use crate::app::App;
use crate::domain::Error;
use crate::domain::directory::Directory;
use crate::domain::origin::Ending;
use crate::domain::plan::PlanChange;
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::view::{counted, sentence};
use crate::http::console::viewer::Place;
use crate::service::directories::lifecycle;
use crate::service::mapping::plans;
use crate::service::status::{self, Status};

#[derive(Template)]
#[template(path = "console/directory_removal.html")]
struct Removal {
    frame: Frame,
    directory: Directory,
    tab: &'static str,
    status: Status,
    hand_over: bool,
    /// Why it could not be removed, and the plan that says what would follow.
    refused: Option<(String, Option<String>)>,
}

impl Removal {
    /// `37 people and 12 groups`.
    fn goes(&self) -> String {
        let people = self.status.users.active_users + self.status.users.inactive_users;
        let groups = self.status.groups.total;
        format!("{} and {}", counted(people, "person", "people"), counted(groups, "group", "groups"))
    }
}

/// `GET /console/{organization}/directories/{directory}/remove`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    again(&app, &place, directory, false, None).await
}

async fn again(
    app: &App,
    place: &Place,
    directory: Directory,
    hand_over: bool,
    refused: Option<(String, Option<String>)>,
) -> Result<Response, PageFailure> {
    let status = status::of_directory(app, &place.access, directory.id).await?;
    let code = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let frame = place.frame(app, Section::Directories, format!("Remove {}", directory.name));
    let mut response = page(&Removal { frame, directory, tab: "settings", status, hand_over, refused })?;
    *response.status_mut() = code;
    Ok(response)
}

fn ending(form: &Form) -> Result<Ending, Error> {
    let message = "choose what becomes of what the directory gave";
    Ending::from_word(form.text("origins")).ok_or_else(|| Error::invalid("origins", "invalid_origins", message))
}

/// `POST /console/{organization}/directories/{directory}/remove`
pub async fn remove(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let ending = ending(&form)?;
    match lifecycle::remove(&app, &place.access, directory.id, ending).await {
        Ok(run) => Ok(place.go(&format!("/runs/{}", run.id), "started")),
        Err(Error::Refused { message, details, .. }) => {
            let plan = details.get("plan").and_then(|plan| plan.get("id")).and_then(|id| id.as_str());
            let refused = (sentence(&message), plan.map(str::to_owned));
            again(&app, &place, directory, ending == Ending::HandOver, Some(refused)).await
        }
        Err(Error::Conflict { message, .. }) => {
            let refused = (sentence(&message), None);
            again(&app, &place, directory, ending == Ending::HandOver, Some(refused)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/{organization}/directories/{directory}/remove/plan`: who would lose what, before anything happens.
pub async fn plan(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let change = PlanChange::RemoveDirectory { directory_id: directory.id, origins: ending(&form)? };
    let plan = plans::create(&app, &place.access, place.scope, vec![change]).await?;
    Ok(place.go(&format!("/plans/{}", plan.id), "created"))
}
