//! Organizations changed: their fields, and the set of their domains.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{check_domains, check_external_id, check_name, external_id_taken};
use crate::app::App;
use crate::domain::metadata;
use crate::domain::native::Organization;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::domains;
use crate::store::{Lane, is_unique_violation, organizations};

/// What of an organization is to be otherwise. What is `None` stays; `Some(None)` takes a value away.
#[derive(Debug, Clone, Default)]
pub struct OrganizationFields {
    /// The name.
    pub name: Option<String>,
    /// The application's own id.
    pub external_id: Option<Option<String>>,
    /// The customer's id at Stripe.
    pub stripe_customer_id: Option<Option<String>>,
    /// Kept for clients that send it.
    pub allow_profiles_outside_organization: Option<bool>,
    /// Free strings, merged key by key.
    pub metadata: Option<Map<String, Value>>,
    /// All domains that it is to have, and whether the caller vouches for them. Those that it has already stay.
    pub domains: Option<Vec<(String, bool)>>,
}

/// Changes the fields that are given.
///
/// # Errors
///
/// As for a new organization; [`Error::Invalid`] `stripe_customer_id_already_used`.
pub async fn update(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    fields: OrganizationFields,
) -> Result<Outcome<Organization>> {
    check(&fields)?;
    let vouches = fields.domains.iter().flatten().any(|(_, verified)| *verified);
    // Whoever only repeats what was verified vouches for nothing.
    let may_vouch = access.environment();
    let (organization, now, cause) = (scope.organization(), app.clock.now(), access.cause());
    let may_vouch = may_vouch.is_ok() || !vouches;
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (fields, cause) = (fields.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let missing = || Error::not_found("organization", organization);
                let before = organizations::find(change.tx, organization).await?.ok_or_else(missing)?;
                let mut after = before.clone();
                let wanted = fields.domains.clone();
                assign(&mut after, fields)?;
                if after != before {
                    check_unique(&mut change, &before, &after).await?;
                    after.updated_at = now;
                    organizations::update(change.tx, &after).await.map_err(faster)?;
                }
                if let Some(wanted) = wanted {
                    set_domains(&mut change, &before, wanted, may_vouch).await?;
                    after.domains = organizations::domains_of(change.tx, organization).await?;
                }
                if after.domains != before.domains && after.updated_at == before.updated_at {
                    after.updated_at = now;
                    organizations::update(change.tx, &after).await?;
                }
                if after != before {
                    change.emit("organization.updated", after.json());
                }
                Ok(Outcome { value: after, revision: change.finish().await? })
            })
        })
        .await
}

fn check(fields: &OrganizationFields) -> Result<()> {
    fields.name.as_deref().map(check_name).transpose()?;
    check_external_id(fields.external_id.as_ref().and_then(Option::as_deref))?;
    if let Some(customer) = fields.stripe_customer_id.as_ref().and_then(Option::as_deref)
        && (customer.is_empty() || customer.len() > 255 || !customer.bytes().all(|b| b.is_ascii_graphic()))
    {
        let message = "stripe_customer_id has 1 to 255 ASCII characters without spaces";
        return Err(Error::invalid("stripe_customer_id", "invalid_stripe_customer_id", message));
    }
    check_domains(fields.domains.as_deref().unwrap_or_default())
}

fn assign(organization: &mut Organization, fields: OrganizationFields) -> Result<()> {
    if let Some(name) = fields.name {
        organization.name = name;
    }
    if let Some(external_id) = fields.external_id {
        organization.external_id = external_id;
    }
    if let Some(customer) = fields.stripe_customer_id {
        organization.stripe_customer_id = customer;
    }
    if let Some(allow) = fields.allow_profiles_outside_organization {
        organization.allow_profiles_outside_organization = allow;
    }
    if let Some(given) = fields.metadata {
        organization.metadata = metadata::merged(&organization.metadata, given)?;
    }
    Ok(())
}

async fn check_unique(change: &mut Change<'_>, before: &Organization, after: &Organization) -> Result<()> {
    if let Some(external_id) = after.external_id.as_deref().filter(|_| after.external_id != before.external_id)
        && organizations::find_by_external_id(change.tx, external_id).await?.is_some()
    {
        return Err(external_id_taken());
    }
    if let Some(customer) = after.stripe_customer_id.as_deref()
        && after.stripe_customer_id != before.stripe_customer_id
        && organizations::has_stripe_customer(change.tx, customer).await?
    {
        let message = "another organization has this stripe_customer_id";
        return Err(Error::invalid("stripe_customer_id", "stripe_customer_id_already_used", message));
    }
    Ok(())
}

/// Another replica stored the external id or the Stripe customer a moment ago.
fn faster(error: Error) -> Error {
    if !is_unique_violation(&error) {
        return error;
    }
    let message = "another organization got this external_id or stripe_customer_id a moment ago; look and try again";
    Error::invalid("", "bad_request", message)
}

/// Gives up the domains that are not wanted, claims those that are missing, and verifies those that are vouched for.
async fn set_domains(
    change: &mut Change<'_>,
    before: &Organization,
    wanted: Vec<(String, bool)>,
    may_vouch: bool,
) -> Result<()> {
    let keys: BTreeSet<String> = wanted.iter().map(|(domain, _)| domain.to_lowercase()).collect();
    for domain in before.domains.iter().filter(|domain| !keys.contains(&domain.domain.to_lowercase())) {
        domains::give_up(change, domain).await?;
    }
    for (name, verified) in wanted {
        let known = before.domains.iter().find(|domain| domain.domain.eq_ignore_ascii_case(&name));
        let raises = verified && known.is_none_or(|domain| domain.state != "verified");
        if raises && !may_vouch {
            let message = "only a key of the environment may say that a domain is verified; prove it by DNS instead";
            return Err(Error::Forbidden(message.to_owned()));
        }
        match known {
            Some(domain) if raises => domains::vouch(change, domain.clone()).await?,
            Some(_) => {}
            None => {
                let domain = domains::claimed(change.organization, name, verified, change.now);
                domains::claim(change, &domain).await?;
            }
        }
    }
    Ok(())
}
