//! Plans: `/mapping_plans`.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::app::App;
use crate::domain::id::{EffectLabel, OrganizationId, PlanId};
use crate::domain::plan::{EffectKind, PlanChange};
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{created, ok};
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::mapping::{apply, plans};
use crate::store::plans::{Search, StoredEffect};

/// `POST /mapping_plans`
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let organization: Option<OrganizationId> = body.id("organization_id")?;
    let scope = access.organization_or_own(organization)?;
    let plan = plans::create(&app, &access, scope, changes(&body)?).await?;
    Ok(created(plans::json(&plan)))
}

/// The changes of a body, each an object with one key.
pub fn changes(body: &Fields) -> Result<Vec<PlanChange>> {
    let Some(Value::Array(items)) = body.raw("changes") else {
        let message = "changes must be a list of objects such as {\"apply\": {\"rule\": \"engineering-teams\"}}";
        return Err(Error::invalid("changes", "required", message));
    };
    let read = |(at, item): (usize, &Value)| {
        serde_path_to_error::deserialize(item.clone()).map_err(|error: serde_path_to_error::Error<_>| {
            let field = match error.path().to_string() {
                path if path == "." => format!("changes[{at}]"),
                path => format!("changes[{at}].{path}"),
            };
            Error::invalid(field, "invalid_change", error.inner().to_string())
        })
    };
    items.iter().enumerate().map(read).collect()
}

/// `GET /mapping_plans/{plan}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(plan): Segments<String>,
) -> Result<Response, ApiFailure> {
    let plan = plans::get(&app, &access, plan_id(&plan)?).await?;
    Ok(ok(plans::json(&plan)))
}

/// `GET /mapping_plans/{plan}/effects`
pub async fn effects(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(plan): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let plan = plans::get(&app, &access, plan_id(&plan)?).await?;
    let search = search(&query)?;
    let paging = query.paging::<EffectLabel>()?;
    let page = plans::effects(&app, &plan, &search, &paging.request).await?;
    Ok(ok(paging.envelope(page, |effect: StoredEffect| effect.json())))
}

fn plan_id(text: &str) -> Result<PlanId, ApiFailure> {
    Ok(id(text)?)
}

/// Which effects a query asks for.
pub fn search(query: &Query) -> Result<Search> {
    let kind = |text: &str| {
        EffectKind::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = EffectKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let message = format!("'{text}' is no kind of effect; the kinds are {}", known.join(", "));
            Error::invalid("kind", "invalid_kind", message)
        })
    };
    let kinds = query.one("kind").map(kind).transpose()?.into_iter().collect();
    Ok(Search { kinds, group: query.id("group_id")?, membership: query.id("membership_id")? })
}

/// `POST /mapping_plans/{plan}/apply`
pub async fn apply(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(plan): Segments<String>,
) -> Result<Response, ApiFailure> {
    let plan = plans::get(&app, &access, plan_id(&plan)?).await?;
    let run = apply::apply(&app, &access, plan).await?;
    Ok(ok(run.json(app.clock.now())))
}
