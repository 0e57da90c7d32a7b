//! `/organizations`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::{at_revision, created, ok};
use super::body::Fields;
use super::error::ApiFailure;
use super::path::{Segments, id};
use super::query::Query;
use crate::app::App;
use crate::domain::id::OrganizationLabel;
use crate::domain::native::Organization;
use crate::domain::{Error, Result};
use crate::http::caller::{ApiCaller, ApiWriter};
use crate::service::organizations::update::{OrganizationFields, update as change};
use crate::service::organizations::{self, MAX_DOMAINS, NewOrganization, removal};

/// `POST /organizations`
pub async fn create(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let new = NewOrganization {
        name: body.required_text("name")?,
        external_id: body.text("external_id")?,
        allow_profiles_outside_organization: body.flag("allow_profiles_outside_organization")?.unwrap_or_default(),
        metadata: body.metadata()?.unwrap_or_default(),
        domains: domains(&body)?,
    };
    let done = organizations::create(&app, &access, new).await?;
    Ok(at_revision(created(done.value.json()), done.revision))
}

/// `PUT /organizations/{id}`: fields that are not sent stay as they are.
pub async fn update(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(organization): Segments<String>,
    body: Fields,
) -> Result<Response, ApiFailure> {
    let scope = access.organization(id(&organization)?)?;
    let given = |name: &str| body.raw(name).is_some_and(|value| !value.is_null());
    let fields = OrganizationFields {
        name: body.text("name")?,
        external_id: body.clearable_text("external_id")?,
        stripe_customer_id: body.clearable_text("stripe_customer_id")?,
        allow_profiles_outside_organization: body.flag("allow_profiles_outside_organization")?,
        metadata: body.metadata()?,
        domains: if given("domain_data") || given("domains") { Some(domains(&body)?) } else { None },
    };
    let done = change(&app, &access, scope, fields).await?;
    Ok(at_revision(ok(done.value.json()), done.revision))
}

/// `DELETE /organizations/{id}`: 202 where what is in it is still on its way out.
pub async fn delete(
    State(app): State<App>,
    ApiWriter(access): ApiWriter,
    Segments(organization): Segments<String>,
) -> Result<Response, ApiFailure> {
    let done = removal::delete(&app, &access, access.organization(id(&organization)?)?).await?;
    let status = if done.value { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(at_revision(status.into_response(), done.revision))
}

/// `domain_data`, and what the deprecated `domains` has beyond it. Nobody vouches for the latter.
fn domains(body: &Fields) -> Result<Vec<(String, bool)>> {
    let (data, bare) = (body.array("domain_data")?, body.texts("domains")?);
    if data.len() + bare.len() > 2 * MAX_DOMAINS {
        let message = format!("an organization has {MAX_DOMAINS} domains at most");
        return Err(Error::invalid("domain_data", "too_many", message));
    }
    let mut domains = Vec::new();
    for (at, entry) in data.iter().enumerate() {
        let domain = entry.get("domain").and_then(Value::as_str).ok_or_else(|| {
            let message = "each entry of domain_data needs a domain, a string";
            Error::invalid(format!("domain_data[{at}].domain"), "required", message)
        })?;
        let verified = match entry.get("state").map(Value::as_str) {
            None | Some(Some("pending")) => false,
            Some(Some("verified")) => true,
            Some(_) => {
                let field = format!("domain_data[{at}].state");
                return Err(Error::invalid(field, "invalid_state", "state must be pending or verified"));
            }
        };
        domains.push((domain.to_owned(), verified));
    }
    for domain in bare {
        if !domains.iter().any(|(known, _)| known.eq_ignore_ascii_case(&domain)) {
            domains.push((domain, false));
        }
    }
    Ok(domains)
}

/// `GET /organizations`
pub async fn list(State(app): State<App>, ApiCaller(access): ApiCaller, query: Query) -> Result<Response, ApiFailure> {
    let paging = query.paging::<OrganizationLabel>()?;
    let search = query.search("search")?.map(str::to_owned);
    let page = organizations::list(&app, &access, search, query.many("domains"), &paging.request).await?;
    Ok(ok(paging.envelope(page, |organization| organization.json())))
}

/// `GET /organizations/{id}`
pub async fn get(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(organization): Segments<String>,
) -> Result<Response, ApiFailure> {
    let organization = organizations::get(&app, access.organization(id(&organization)?)?).await?;
    Ok(answer(&organization))
}

/// `GET /organizations/external_id/{external_id}`
pub async fn get_by_external_id(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(external_id): Segments<String>,
) -> Result<Response, ApiFailure> {
    Ok(answer(&organizations::get_by_external_id(&app, &access, &external_id).await?))
}

fn answer(organization: &Organization) -> Response {
    ok(organization.json())
}
