//! Runs: `/sync_runs`.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::domain::id::{EffectLabel, ParkedLabel, RunId, RunLabel};
use crate::domain::parked::ParkedState;
use crate::domain::run::{Run, RunKind, RunState};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{at_revision, created, ok};
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::change::Outcome;
use crate::service::mapping::decide::{self, Which};
use crate::service::mapping::{parked, plans};
use crate::service::runs::control;
use crate::store::plans::StoredEffect;
use crate::store::runs::Search;

/// How many effects one request may name.
const MAX_EFFECTS: usize = 10_000;

/// `POST /sync_runs`
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization_or_own(body.id("organization_id")?)?;
    let kind = word("kind", "invalid_kind", &body.required_text("kind")?, RunKind::from_word, "reconcile")?;
    let begun = control::create(&app, &access, scope, kind).await?;
    Ok(at_revision(created(begun.value.json(app.clock.now())), begun.revision))
}

/// `GET /sync_runs?organization_id=…&state=…&kind=…&directory_id=…`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let states = "awaiting_approval, running, succeeded, failed or cancelled";
    let kinds = "apply, reconcile, verify, remainder or guard";
    let state = |text: &String| word("state", "invalid_state", text, RunState::from_word, states);
    let kind = |text: &String| word("kind", "invalid_kind", text, RunKind::from_word, kinds);
    let organization = query.id("organization_id")?.map(|id| access.organization(id)).transpose()?;
    let search = Search {
        organization: organization.map(OrganizationScope::organization),
        states: query.many("state").iter().map(state).collect::<Result<_>>()?,
        kinds: query.many("kind").iter().map(kind).collect::<Result<_>>()?,
        directory: query.id("directory_id")?,
    };
    let paging = query.paging::<RunLabel>()?;
    let page = control::list(&app, &access, search, &paging.request).await?;
    let now = app.clock.now();
    Ok(ok(paging.envelope(page, |run| run.json(now))))
}

/// `GET /sync_runs/{run}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(run): Segments<String>,
) -> Result<Response, ApiFailure> {
    let run = control::get(&app, &access, id(&run)?).await?;
    Ok(ok(run.json(app.clock.now())))
}

/// `GET /sync_runs/{run}/effects`: what a guard's run gathered (`?state=…`), the differences that a verification
/// found, the effects of the plan that was applied (`?kind=…`). Runs of other kinds only count theirs.
pub async fn effects(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(run): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let run = control::get(&app, &access, id(&run)?).await?;
    if run.kind != RunKind::Guard {
        let search = super::plans::search(&query)?;
        let paging = query.paging::<EffectLabel>()?;
        let page = plans::effects_of_run(&app, &run, &search, &paging.request).await?;
        return Ok(ok(paging.envelope(page, |effect: StoredEffect| effect.json())));
    }
    let state = |text: &String| {
        word("state", "invalid_state", text, ParkedState::from_word, "parked, approved, rejected or vanished")
    };
    let states: Vec<ParkedState> = query.many("state").iter().map(state).collect::<Result<_>>()?;
    let paging = query.paging::<ParkedLabel>()?;
    let page = parked::list(&app, &run, &states, &paging.request).await?;
    Ok(ok(paging.envelope(page, |effect| effect.json())))
}

/// `POST /sync_runs/{run}/approve`
pub async fn approve(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(run): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let run: RunId = id(&run)?;
    Ok(changed(&app, &decide::approve(&app, &access, run, named_effects(&body)?).await?))
}

/// `POST /sync_runs/{run}/reject`
pub async fn reject(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(run): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let run: RunId = id(&run)?;
    Ok(changed(&app, &decide::reject(&app, &access, run, named_effects(&body)?).await?))
}

/// `POST /sync_runs/{run}/cancel`
pub async fn cancel(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(run): Segments<String>,
) -> Result<Response, ApiFailure> {
    Ok(changed(&app, &control::cancel(&app, &access, id(&run)?).await?))
}

fn changed(app: &App, outcome: &Outcome<Run>) -> Response {
    at_revision(ok(outcome.value.json(app.clock.now())), outcome.revision)
}

/// The effects that a body names; all only if it does not have the field.
fn named_effects(body: &Fields) -> Result<Which> {
    if body.raw("effects").is_none_or(serde_json::Value::is_null) {
        return Ok(Which::All { seen: None });
    }
    let texts = body.texts("effects")?;
    if texts.len() > MAX_EFFECTS {
        let message = format!("effects has {MAX_EFFECTS} ids at most; leave it out to decide about all");
        return Err(Error::invalid("effects", "too_long", message));
    }
    texts.iter().map(|text| id(text)).collect::<Result<_>>().map(Which::These)
}

/// The value with this word.
fn word<T>(field: &str, code: &'static str, text: &str, read: impl Fn(&str) -> Option<T>, known: &str) -> Result<T> {
    read(text).ok_or_else(|| Error::invalid(field, code, format!("{field} must be {known}")))
}
