//! Runs: what goes on in the background, and what waits for somebody to decide.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::failure::PageFailure;
use super::filters;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::paging::{self, Pager};
use super::plans::Row;
use super::viewer::Place;
use super::who::Who;
use crate::app::App;
use crate::domain::id::{EffectLabel, ParkedId, ParkedLabel, RunLabel};
use crate::domain::parked::{ParkedEffect, ParkedState};
use crate::domain::run::{Run, RunKind, RunState};
use crate::domain::{Error, Result};
use crate::http::workos::path::id;
use crate::service::directories;
use crate::service::mapping::decide::{self, Which};
use crate::service::mapping::{parked, plans};
use crate::service::runs::control;
use crate::store::parked::Waiting;
use crate::store::plans::{Search as EffectSearch, StoredEffect};
use crate::store::runs::Search;

/// A run in the list, or on its page.
struct Shown {
    run: Run,
    tone: &'static str,
    state: String,
    title: &'static str,
    by: String,
    by_href: Option<String>,
    /// About how many seconds it takes on.
    remaining: Option<String>,
}

impl Shown {
    fn of(place: &Place, run: Run, now: chrono::DateTime<chrono::Utc>) -> Self {
        let tone = match run.state {
            RunState::AwaitingApproval | RunState::Cancelled => "warn",
            RunState::Running => "calm",
            RunState::Succeeded => "good",
            RunState::Failed => "bad",
        };
        let title = match run.kind {
            RunKind::Apply => "Apply a plan",
            RunKind::Reconcile => "Reconcile everybody",
            RunKind::Verify => "Verify against a recomputation",
            RunKind::Remainder => "The rest of a large request",
            RunKind::Guard => "Removals that the guard parked",
        };
        let actor = run.cause.pointer("/actor");
        let name = actor.and_then(|actor| actor["name"].as_str().or(actor["id"].as_str()));
        // Only what an identity provider sent is in the log of requests.
        let sent = actor.is_some_and(|actor| actor["source"] == "system");
        let request = run.cause["request_id"].as_str().filter(|_| sent);
        let remaining = run.json(now)["progress"]["remaining_seconds"].as_f64();
        let remaining = remaining.filter(|_| run.state == RunState::Running);
        Shown {
            tone,
            state: super::view::words(run.state.as_str()),
            title,
            by: name.unwrap_or("Muster").to_owned(),
            by_href: request.map(|request| place.path(&format!("/activity/{request}"))),
            remaining: remaining.map(|seconds| format!("about {seconds:.0} s more")),
            run,
        }
    }

    /// The number of effects, with their words.
    fn effects(&self) -> Vec<(String, i64)> {
        self.run.effects.iter().map(|(name, count)| (super::view::words(name), *count)).collect()
    }

    fn is_running(&self) -> bool {
        self.run.state == RunState::Running
    }

    fn waits(&self) -> bool {
        self.run.state == RunState::AwaitingApproval
    }
}

#[derive(Template)]
#[template(path = "console/runs.html")]
struct List {
    frame: Frame,
    rows: Vec<Shown>,
    pager: Pager,
    state: String,
    kind: String,
}

/// `GET /console/{organization}/runs`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let (state, kind) = (place.asked("state").to_owned(), place.asked("kind").to_owned());
    let search = Search {
        organization: Some(place.organization.id),
        states: RunState::from_word(&state).into_iter().collect(),
        kinds: RunKind::from_word(&kind).into_iter().collect(),
        directory: None,
    };
    let found = control::list(&app, &place.access, search, &paging::request::<RunLabel>(&place)).await?;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("state", &state)
        .append_pair("kind", &kind)
        .finish();
    let pager = Pager::of(&found, &place.path(&format!("/runs?{query}")), |run| run.id.to_string());
    let now = app.clock.now();
    let rows = found.rows.into_iter().map(|run| Shown::of(&place, run, now)).collect();
    page(&List { frame: place.frame(&app, Section::Runs, "Runs"), rows, pager, state, kind })
}

/// A parked removal.
struct Parked {
    effect: ParkedEffect,
    row: Row,
    tone: &'static str,
}

#[derive(Template)]
#[template(path = "console/run.html")]
struct RunPage {
    frame: Frame,
    shown: Shown,
    directory: Option<(String, String)>,
    parked: Vec<Parked>,
    waiting: Waiting,
    rows: Vec<Row>,
    pager: Pager,
    problem: Option<String>,
    approved_by: Option<String>,
    who: Who,
}

impl RunPage {
    /// Whether there is anything to tick.
    fn any_open(&self) -> bool {
        self.parked.iter().any(Parked::is_open)
    }
}

/// `GET /console/{organization}/runs/{run}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let run = found(&app, &place).await?;
    run_page(&app, &place, run, None).await
}

async fn found(app: &App, place: &Place) -> Result<Run> {
    control::get(app, &place.access, place.id::<RunLabel>("run")?).await
}

async fn run_page(app: &App, place: &Place, run: Run, problem: Option<String>) -> Result<Response, PageFailure> {
    let path = place.path(&format!("/runs/{}", run.id));
    let (mut parked, mut rows, mut pager) = (Vec::new(), Vec::new(), Pager::default());
    let mut waiting = Waiting::default();
    if run.kind == RunKind::Guard {
        let request = paging::request_ascending::<ParkedLabel>(place);
        let found = parked::list(app, &run, &[], &request).await?;
        pager = Pager::of(&found, &path, |effect: &ParkedEffect| effect.id.to_string());
        parked = found.rows.into_iter().map(|effect| parked_row(place, effect)).collect();
        waiting = parked::what_waits(app, &run).await?;
    } else if run.plan.is_some() || run.kind == RunKind::Verify {
        let request = paging::request_ascending::<EffectLabel>(place);
        let found = plans::effects_of_run(app, &run, &EffectSearch::default(), &request).await?;
        pager = Pager::of(&found, &path, |effect: &StoredEffect| effect.id.to_string());
        rows = found.rows.iter().map(|effect| Row::of(place, &effect.json())).collect();
    }
    let directory = match run.directory {
        Some(id) => {
            let name = directories::get(app, &place.access, id).await.map(|directory| directory.name);
            Some((id.to_string(), name.unwrap_or_else(|_| "a directory that is gone".to_owned())))
        }
        None => None,
    };
    let approved_by = run.work["approved_by"].as_str().map(str::to_owned);
    let decided_by = parked.iter().filter_map(|parked| parked.effect.decided_by.as_deref());
    let deciders = decided_by.chain(approved_by.as_deref()).map(str::to_owned).collect();
    let who = Who::of(app, place, deciders).await?;
    let shown = Shown::of(place, run, app.clock.now());
    let frame = place.frame(app, Section::Runs, shown.title);
    page(&RunPage { frame, shown, directory, parked, waiting, rows, pager, problem, approved_by, who })
}

fn parked_row(place: &Place, effect: ParkedEffect) -> Parked {
    let tone = match effect.state {
        ParkedState::Parked => "warn",
        ParkedState::Approved => "bad",
        ParkedState::Rejected => "good",
        ParkedState::Vanished => "calm",
    };
    Parked { row: Row::of(place, &effect.json()), tone, effect }
}

impl Parked {
    /// Whether there is still something to decide.
    fn is_open(&self) -> bool {
        self.effect.state.is_held()
    }

    /// The request that made it necessary, if it was one.
    fn request(&self) -> Option<&str> {
        Some(self.effect.cause.as_str()).filter(|cause| cause.starts_with("request_"))
    }
}

/// `POST /console/{organization}/runs/{run}/decide`: approves or rejects, all that waits or what is ticked.
pub async fn decide(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let run = found(&app, &place).await?;
    let word = form.text("do");
    let ticked: Vec<ParkedId> = form.all("effect").map(id).collect::<Result<_>>()?;
    let effects = match word {
        "approve_all" | "reject_all" => Which::All { seen: seen(&form) },
        _ if ticked.is_empty() => {
            return refused(&app, &place, run, StatusCode::UNPROCESSABLE_ENTITY, "tick whom it is about first").await;
        }
        _ => Which::These(ticked),
    };
    let approves = word.starts_with("approve");
    let done = if approves {
        decide::approve(&app, &place.access, run.id, effects).await
    } else {
        decide::reject(&app, &place.access, run.id, effects).await
    };
    match done {
        Ok(_) => Ok(place.go(&format!("/runs/{}", run.id), if approves { "approved" } else { "rejected" })),
        Err(Error::Conflict { message, .. }) => refused(&app, &place, run, StatusCode::CONFLICT, &message).await,
        Err(Error::Invalid { message, .. }) => {
            refused(&app, &place, run, StatusCode::UNPROCESSABLE_ENTITY, &message).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What of a guard's run waited on the page; another's waits as a whole.
fn seen(form: &Form) -> Option<Waiting> {
    Some(Waiting { count: form.text("waiting").parse().ok()?, newest: form.text("newest").parse().ok() })
}

/// The page of a run about which something cannot be decided so.
async fn refused(
    app: &App,
    place: &Place,
    run: Run,
    status: StatusCode,
    message: &str,
) -> Result<Response, PageFailure> {
    let mut response = run_page(app, place, run, Some(super::view::sentence(message))).await?;
    *response.status_mut() = status;
    Ok(response)
}

/// `POST /console/{organization}/runs/{run}/cancel`
pub async fn cancel(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let run = found(&app, &place).await?;
    control::cancel(&app, &place.access, run.id).await?;
    Ok(place.go(&format!("/runs/{}", run.id), "cancelled"))
}

/// `POST /console/{organization}/runs`: begins one that goes through everybody.
pub async fn begin(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let kind = RunKind::from_word(form.text("kind"));
    let kind = kind.ok_or_else(|| Error::invalid("kind", "unknown_kind", "there is no such kind of run"))?;
    let begun = control::create(&app, &place.access, place.scope, kind).await?;
    Ok(place.go(&format!("/runs/{}", begun.value.id), "started"))
}

/// What a verification found, for its page.
#[derive(Template)]
#[template(path = "console/verification.html")]
struct Verification {
    frame: Frame,
    last: Option<crate::store::verifications::Verification>,
    rows: Vec<Row>,
    pager: Pager,
    runs: Vec<Shown>,
    left_out: Option<String>,
}

/// `GET /console/{organization}/verification`
pub async fn verification(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let last = crate::service::runs::verify::last(&app, place.scope).await?;
    let (mut rows, mut pager) = (Vec::new(), Pager::default());
    if let Some(found) = last.as_ref().filter(|found| found.drift > 0) {
        let run = control::get(&app, &place.access, found.run).await?;
        let request = paging::request_ascending::<EffectLabel>(&place);
        let effects = plans::effects_of_run(&app, &run, &EffectSearch::default(), &request).await?;
        pager = Pager::of(&effects, &place.path("/verification"), |effect: &StoredEffect| effect.id.to_string());
        rows = effects.rows.iter().map(|effect| Row::of(&place, &effect.json())).collect();
    }
    let search =
        Search { organization: Some(place.organization.id), kinds: vec![RunKind::Verify], ..Search::default() };
    let first = paging::of::<RunLabel>("", "", crate::store::Order::Descending);
    let runs = control::list(&app, &place.access, search, &first).await?.rows;
    let now = app.clock.now();
    let runs = runs.into_iter().take(14).map(|run| Shown::of(&place, run, now)).collect();
    let left_out = last.as_ref().and_then(|found| left_out(&found.left_out));
    page(&Verification {
        frame: place.frame(&app, Section::Verification, "Verification"),
        last,
        rows,
        pager,
        runs,
        left_out,
    })
}

/// What was not looked at, in words; `None` if that was nothing.
fn left_out(value: &Value) -> Option<String> {
    let empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(|value| value.as_array().is_some_and(Vec::is_empty)),
        _ => false,
    };
    (!empty).then(|| value.to_string())
}

/// `POST /console/{organization}/verification/repair`: a plan that computes everything anew.
pub async fn repair(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    super::rules::planned(&app, &place, vec![crate::domain::plan::PlanChange::Reconcile {}]).await
}
