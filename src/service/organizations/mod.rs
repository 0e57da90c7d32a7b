//! Organizations: made with their default roles, found, listed; changed in `update`, deleted in `removal`.

pub mod removal;
pub mod update;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::access::Access;
use super::change::{Change, Outcome};
use super::domains;
use super::native::user_changes::check_external_id;
use crate::app::App;
use crate::domain::event::Cause;
use crate::domain::id::{DomainId, OrganizationId, RoleId};
use crate::domain::native::{ADMIN, MEMBER, Organization, Role};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result, metadata};
use crate::store::organizations::{self, Search};
use crate::store::{Lane, Page, PageRequest, Tx, is_unique_violation, roles};

/// What a new organization is to be.
#[derive(Debug, Clone, Default)]
pub struct NewOrganization {
    /// The name.
    pub name: String,
    /// The application's own id.
    pub external_id: Option<String>,
    /// Kept for clients that send it.
    pub allow_profiles_outside_organization: bool,
    /// Free strings.
    pub metadata: Map<String, Value>,
    /// Domains, and whether the caller vouches for them.
    pub domains: Vec<(String, bool)>,
}

/// Makes an organization with the roles `member` (default) and `admin`.
///
/// # Errors
///
/// [`Error::Invalid`] for a bad name, domain, metadata or external id; [`Error::Conflict`] for a domain
/// that another organization has verified; [`Error::Forbidden`] for a verified domain without an
/// environment key.
pub async fn create(app: &App, access: &Access, new: NewOrganization) -> Result<Outcome<Organization>> {
    access.environment()?;
    check_name(&new.name)?;
    check_external_id(new.external_id.as_deref())?;
    check_domains(&new.domains)?;
    let metadata = metadata::merged(&Map::new(), new.metadata)?;
    let now = app.clock.now();
    let id = OrganizationId::mint(now);
    // Ids minted in order, so that the domains keep the order in which they were given.
    let mut last = None;
    let domains = new.domains.into_iter().map(|(domain, verified)| {
        let id_of_domain = *last.insert(DomainId::mint_after(now, last));
        crate::domain::native::Domain { id: id_of_domain, ..domains::claimed(id, domain, verified, now) }
    });
    let organization = Organization {
        id,
        name: new.name,
        external_id: new.external_id,
        stripe_customer_id: None,
        allow_profiles_outside_organization: new.allow_profiles_outside_organization,
        metadata,
        domains: domains.collect(),
        created_at: now,
        updated_at: now,
    };
    let cause = access.cause();
    let stored = organization.clone();
    let revision = app
        .db
        .write(Lane::Environment, move |tx| {
            let (organization, cause) = (stored.clone(), cause.clone());
            Box::pin(async move { insert(tx, &organization, &cause).await })
        })
        .await?;
    Ok(Outcome { value: organization, revision })
}

async fn insert(tx: &mut Tx, organization: &Organization, cause: &Cause) -> Result<i64> {
    if let Some(external_id) = &organization.external_id
        && organizations::find_by_external_id(tx, external_id).await?.is_some()
    {
        return Err(external_id_taken());
    }
    organizations::insert(tx, organization).await.map_err(|error| {
        let vouched = organization.domains.iter().any(|domain| domain.state == "verified");
        match (is_unique_violation(&error), vouched) {
            (true, true) => {
                Error::conflict("domain_already_exists", "another organization has verified one of these domains")
            }
            // Another replica was faster.
            (true, false) => external_id_taken(),
            (false, _) => error,
        }
    })?;
    let now = organization.created_at;
    let mut last = None;
    for (slug, name) in [(MEMBER, "Member"), (ADMIN, "Admin")] {
        let id = *last.insert(RoleId::mint_after(now, last));
        let role = Role { is_default: slug == MEMBER, ..Role::new(id, slug, name, now) };
        roles::insert(tx, organization.id, &role).await?;
    }
    let mut change = Change::begin(tx, organization.id, now, cause).await?;
    change.emit("organization.created", organization.json());
    for domain in &organization.domains {
        change.emit("organization_domain.created", domain.json());
        if domain.state == "verified" {
            change.emit("organization_domain.verified", domain.json());
        }
    }
    change.finish().await
}

fn external_id_taken() -> Error {
    Error::invalid("external_id", "external_id_already_used", "another organization has this external_id")
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "required", "name must not be empty"));
    }
    if name.chars().count() > 256 {
        return Err(Error::invalid("name", "too_long", "name has 256 characters at most"));
    }
    Ok(())
}

/// Domains of an organization at the most.
pub const MAX_DOMAINS: usize = 100;

fn check_domains(domains: &[(String, bool)]) -> Result<()> {
    if domains.len() > MAX_DOMAINS {
        let message = format!("an organization has {MAX_DOMAINS} domains at most");
        return Err(Error::invalid("domain_data", "too_many", message));
    }
    let mut seen = BTreeSet::new();
    for (domain, _) in domains {
        if !seen.insert(domain.to_lowercase()) {
            let message = format!("'{}' is there twice", domain.chars().take(80).collect::<String>());
            return Err(Error::invalid("domain_data", "duplicate_domain", message));
        }
        domains::check_name("domain_data", domain)?;
    }
    Ok(())
}

/// 404 for an organization that does not exist (any more).
pub(super) async fn require(tx: &mut Tx, scope: OrganizationScope) -> Result<()> {
    let id = scope.organization();
    if organizations::exists(tx, id).await? { Ok(()) } else { Err(Error::not_found("organization", id)) }
}

/// The organization of the scope.
pub async fn get(app: &App, scope: OrganizationScope) -> Result<Organization> {
    let mut tx = app.db.read().await?;
    let found = organizations::find(&mut tx, scope.organization()).await?;
    found.ok_or_else(|| Error::not_found("organization", scope.organization()))
}

/// The organization with this external id, if the caller reaches it.
pub async fn get_by_external_id(app: &App, access: &Access, external_id: &str) -> Result<Organization> {
    let missing = || Error::not_found("organization", external_id);
    let mut tx = app.db.read().await?;
    let found = organizations::find_by_external_id(&mut tx, external_id).await?.ok_or_else(missing)?;
    access.organization(found.id).map_err(|_| missing())?;
    Ok(found)
}

/// A page of the organizations that the caller reaches.
pub async fn list(
    app: &App,
    access: &Access,
    name: Option<String>,
    domains: Vec<String>,
    page: &PageRequest,
) -> Result<Page<Organization>> {
    let mut tx = app.db.read().await?;
    organizations::list(&mut tx, &Search { only: access.only(), name, domains }, page).await
}
