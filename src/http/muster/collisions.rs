//! The bindings of a rule, and what an admin decides about mirrors whose name is taken:
//! `/mapping_rules/{rule}/bindings`.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::id::{DirectoryGroupLabel, RuleId};
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::http::workos::answer::{at_revision, ok};
use crate::http::workos::body::Fields;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::mapping::collisions::{self, Resolution, Shown};
use crate::service::mapping::rules;
use crate::store::collisions::MirrorState;

/// `GET /mapping_rules/{rule}/bindings?state=made|adopted|parked|unmirrored`
pub async fn list(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(rule): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let state = query.one("state").filter(|text| !text.is_empty()).map(|text| {
        MirrorState::from_word(text).ok_or_else(|| {
            Error::invalid("state", "invalid_state", "state must be made, adopted, parked or unmirrored")
        })
    });
    let paging = query.paging::<DirectoryGroupLabel>()?;
    let page = collisions::list(&app, scope, rule, state.transpose()?, &paging.request).await?;
    Ok(ok(paging.envelope(page, |shown| json(&shown))))
}

/// `POST /mapping_rules/{rule}/bindings/{directory_group}/resolve`
pub async fn resolve(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments((rule, group)): Segments<(String, String)>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let rule: RuleId = id(&rule)?;
    let scope = rules::organization_of(&app, &access, rule).await?;
    let done = collisions::resolve(&app, &access, scope, (rule, id(&group)?), resolution(&body)?).await?;
    Ok(at_revision(ok(json(&done.value)), done.revision))
}

fn resolution(body: &Fields) -> Result<Resolution> {
    match (body.flag("adopt")?, body.text("name")?, body.flag("clear")?) {
        (Some(true), None, None) => Ok(Resolution::Adopt),
        (None, Some(name), None) => Ok(Resolution::Name(name)),
        (None, None, Some(true)) => Ok(Resolution::Clear),
        _ => {
            let message = "the body has exactly one of \"adopt\": true (the group that has the name becomes the mirror), \
                           \"name\": \"…\" (the mirror takes this name) and \"clear\": true (the rule decides again)";
            Err(Error::invalid("", "invalid_resolution", message))
        }
    }
}

/// A mirror whose people are leaving has ended, whether its group stays or not.
fn state(stored: Option<&str>) -> &str {
    match stored {
        None => "unmirrored",
        Some("released") => "ended",
        Some(state) => state,
    }
}

fn json(shown: &Shown) -> Value {
    let listed = &shown.listed;
    let binding = &listed.binding;
    let chosen = (binding.chosen_name.is_some() || binding.chosen_group_id.is_some())
        .then(|| json!({"name": binding.chosen_name, "group_id": binding.chosen_group_id}));
    let holder = shown.holder.as_ref().map(|holder| {
        let rule = holder.rule.as_ref().map(|(id, key)| json!({"id": id, "key": key}));
        json!({"id": holder.group.id, "name": holder.group.name, "mirrored_by": rule})
    });
    json!({
        "object": "mapping_binding",
        "id": binding.directory_group_id,
        "organization_id": shown.organization,
        "rule_id": binding.rule_id,
        "directory_group": {
            "id": binding.directory_group_id,
            "name": listed.directory_group,
            "directory_id": binding.directory_id,
        },
        "matched": binding.matched,
        "excepted": binding.excepted,
        "wanted_name": binding.mirror_name,
        "state": state(binding.mirror_state.as_deref()),
        "group": shown.mirror.as_ref().map(|group| json!({"id": group.id, "name": group.name})),
        "holder": holder,
        "chosen": chosen,
        "people": shown.people,
    })
}
