//! A group of a directory: what became of it, its members, and what it waits for.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::groups::{Advice, advice, alone, pill};
use super::user::{name_of, pretty};
use super::{directory, path};
use crate::app::App;
use crate::domain::directory::{Directory, DirectoryGroup, DirectoryUser};
use crate::domain::id::{DirectoryGroupId, DirectoryGroupLabel, DirectoryUserLabel, RuleLabel};
use crate::domain::{Error, Result};
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::paging::{self, Pager};
use crate::http::console::view::sentence;
use crate::http::console::viewer::Place;
use crate::http::workos::path::id;
use crate::service::mapping::collisions::{self, Resolution, Shown};
use crate::service::native::directory_groups::{self, Others};
use crate::service::native::directory_users::{self, Query};
use crate::service::status::groups::{self, GroupStatus};

/// Groups within, and references that wait, on the page at the most.
const OTHERS: i64 = 100;

#[derive(Template)]
#[template(path = "console/directory_group.html")]
struct Group {
    frame: Frame,
    directory: Directory,
    group: DirectoryGroup,
    status: GroupStatus,
    pill: (&'static str, &'static str),
    advice: Option<Advice>,
    alone: String,
    /// Mirrors that wait for a name.
    waiting: Vec<Shown>,
    members: Vec<DirectoryUser>,
    pager: Pager,
    others: Others,
    raw: String,
    problem: Option<String>,
}

impl Group {
    /// The address of the page.
    fn here(&self) -> String {
        self.frame.path(&path(&self.directory, &format!("/groups/{}", self.group.id)))
    }
}

/// The group of the path, which must be of the directory.
async fn group(app: &App, place: &Place, directory: &Directory) -> Result<DirectoryGroup> {
    let id: DirectoryGroupId = place.id::<DirectoryGroupLabel>("group")?;
    let found = directory_groups::get(app, &place.access, id).await?.value;
    Some(found).filter(|group| group.directory == directory.id).ok_or_else(|| Error::not_found("directory group", id))
}

/// `GET /console/{organization}/directories/{directory}/groups/{group}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    again(&app, &place, None).await
}

/// `GET /console/{organization}/directory-groups/{group}`: to the page of a group of whichever directory.
pub async fn anywhere(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let id: DirectoryGroupId = place.id::<DirectoryGroupLabel>("group")?;
    let found = directory_groups::get(&app, &place.access, id).await?;
    let page = place.path(&format!("/directories/{}/groups/{id}", found.value.directory));
    Ok(Redirect::to(&page).into_response())
}

async fn again(app: &App, place: &Place, problem: Option<String>) -> Result<Response, PageFailure> {
    let directory = directory(app, place).await?;
    let group = group(app, place, &directory).await?;
    let status = groups::get(app, &place.access, directory.id, group.id).await?;
    let mut waiting = Vec::new();
    for rule in status.rules.iter().filter(|rule| rule.mirror_state.as_deref() == Some("parked")) {
        waiting.push(collisions::get(app, place.scope, rule.rule_id, group.id).await?);
    }
    let request = paging::request_ascending::<DirectoryUserLabel>(place);
    let wanted = Query { group: Some(group.id), ..Query::default() };
    let members = directory_users::list(app, &place.access, wanted, &request).await?.map(|owned| owned.value);
    let name = &status.group.display_name;
    let here = place.path(&path(&directory, &format!("/groups/{}", group.id)));
    let code = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let mut response = page(&Group {
        frame: place.frame(app, Section::Directories, name.clone()),
        pill: pill(status.state()),
        advice: status.suggestion.as_ref().map(|suggestion| advice(place, &directory, name, suggestion)),
        alone: alone(place, &directory, name),
        waiting,
        pager: Pager::of(&members, &here, |user| user.id.to_string()),
        members: members.rows,
        others: directory_groups::others(app, place.scope, group.id, OTHERS).await?,
        raw: pretty(&group.document),
        problem,
        status,
        directory,
        group,
    })?;
    *response.status_mut() = code;
    Ok(response)
}

/// `POST …/groups/{group}/resolve`: what becomes of a mirror whose name somebody else has.
pub async fn resolve(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let group = group(&app, &place, &directory).await?;
    let rule = id::<RuleLabel>(form.text("rule"))?;
    let resolution = match form.text("choice") {
        "adopt" => Resolution::Adopt,
        "clear" => Resolution::Clear,
        _ => Resolution::Name(form.text("name").to_owned()),
    };
    match collisions::resolve(&app, &place.access, place.scope, (rule, group.id), resolution).await {
        Ok(_) => Ok(place.go(&path(&directory, &format!("/groups/{}", group.id)), "decided")),
        Err(Error::Invalid { message, .. } | Error::Conflict { message, .. }) => {
            again(&app, &place, Some(sentence(&message))).await
        }
        Err(error) => Err(error.into()),
    }
}
