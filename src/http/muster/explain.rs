//! Why somebody has something, why not, and why no longer: `/explain`.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::domain::{Error, Result};
use crate::http::caller::ApiCaller;
use crate::http::workos::answer::ok;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::query::Query;
use crate::service::mapping::explain::{self, What, Whom};

/// `GET /explain?organization_membership_id=…` or `directory_user_id=…`, with one of `group_id=…`, `role_slug=…` and
/// `membership=true`.
pub async fn get(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let (whom, what) = (whom(&query)?, what(&query)?);
    let explanation = explain::explain(&app, &access, whom, what).await?;
    let mut object = serde_json::to_value(&explanation).map_err(|error| Error::Internal(Box::new(error)))?;
    object["object"] = "explanation".into();
    Ok(ok(object))
}

fn whom(query: &Query) -> Result<Whom> {
    only(query, ["organization_membership_id", "directory_user_id"])?;
    match (query.id("organization_membership_id")?, query.id("directory_user_id")?) {
        (Some(id), _) => Ok(Whom::Membership(id)),
        (None, Some(id)) => Ok(Whom::DirectoryUser(id)),
        (None, None) => Err(Error::internal("a parameter that was there is gone")),
    }
}

fn what(query: &Query) -> Result<What> {
    only(query, ["group_id", "role_slug", "membership"])?;
    match (query.id("group_id")?, query.one("role_slug"), query.one("membership")) {
        (Some(id), ..) => Ok(What::Group(id)),
        (None, Some(slug), _) => Ok(What::Role(slug.to_owned())),
        (None, None, Some("true")) => Ok(What::Membership),
        _ => Err(Error::invalid("membership", "invalid_flag", "membership must be true, or left out")),
    }
}

/// Refuses a query that does not have exactly one of these parameters.
fn only<const N: usize>(query: &Query, names: [&str; N]) -> Result<()> {
    let mut given = names.into_iter().filter(|name| query.one(name).is_some());
    match (given.next(), given.next()) {
        (Some(_), None) => Ok(()),
        (None, _) => {
            Err(Error::invalid(names.join("|"), "required", format!("one of {} is required", names.join(", "))))
        }
        (Some(_), Some(second)) => {
            let message = format!("only one of {} may be given", names.join(", "));
            Err(Error::invalid(second, "too_many", message))
        }
    }
}
