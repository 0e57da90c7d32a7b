//! Organizations and their domains.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::statement::{Column, Param, Rows, sql};
use super::{Page, PageRequest, Tx, containing, object, policies};
use crate::domain::Result;
use crate::domain::id::{DomainId, EventId, OrganizationId};
use crate::domain::native::{Domain, Organization, name_key};

const COLUMNS: &str = "id, name, external_id, stripe_customer_id, allow_profiles_outside_organization, metadata,
                       created_at, updated_at";

#[derive(sqlx::FromRow)]
struct OrganizationRow {
    id: OrganizationId,
    name: String,
    external_id: Option<String>,
    stripe_customer_id: Option<String>,
    allow_profiles_outside_organization: bool,
    metadata: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
pub(super) struct DomainRow {
    organization_id: OrganizationId,
    id: DomainId,
    domain: String,
    state: String,
    verification_token: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<DomainRow> for Domain {
    fn from(row: DomainRow) -> Self {
        Domain {
            id: row.id,
            organization: row.organization_id,
            domain: row.domain,
            state: row.state,
            verification_token: row.verification_token,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Where the organization's events have come to, whether it is there or, `buried`, a tombstone; on PostgreSQL the row
/// is locked by the lane.
pub async fn event_head(
    tx: &mut Tx,
    organization: OrganizationId,
    buried: bool,
) -> Result<Option<(i64, Option<EventId>)>> {
    let stmt = sql("SELECT event_position, last_event_id FROM organizations
         WHERE id = $1 AND (deleted_at IS NOT NULL) = $2");
    tx.fetch_optional(stmt.bind(organization).bind(buried)).await
}

/// Whether the organization exists, or did before it was deleted.
pub async fn existed(tx: &mut Tx, organization: OrganizationId) -> Result<bool> {
    let row: Option<(OrganizationId,)> =
        tx.fetch_optional(sql("SELECT id FROM organizations WHERE id = $1").bind(organization)).await?;
    Ok(row.is_some())
}

/// The position of an organization's last event, and the stamp of its rules and roles.
pub async fn head(tx: &mut Tx, organization: OrganizationId) -> Result<Option<(i64, Uuid)>> {
    let stmt = sql("SELECT event_position, policy_stamp FROM organizations WHERE id = $1 AND deleted_at IS NULL");
    tx.fetch_optional(stmt.bind(organization)).await
}

/// Moves the head after events were written.
pub async fn set_event_head(
    tx: &mut Tx,
    organization: OrganizationId,
    position: i64,
    last: Option<EventId>,
) -> Result<()> {
    let stmt = sql("UPDATE organizations SET event_position = $2, last_event_id = $3 WHERE id = $1");
    tx.execute(stmt.bind(organization).bind(position).bind(last)).await.map(drop)
}

/// Stores a new organization and its domains.
///
/// Fails with a unique violation if its external id is taken.
pub async fn insert(tx: &mut Tx, organization: &Organization) -> Result<()> {
    let stmt = sql("INSERT INTO organizations (id, name, name_key, external_id, stripe_customer_id,
            allow_profiles_outside_organization, metadata, event_position, last_event_id, policy_stamp,
            created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, NULL, $8, $9, $10)")
    .bind(organization.id)
    .bind(&organization.name)
    .bind(name_key(&organization.name))
    .bind(organization.external_id.clone())
    .bind(organization.stripe_customer_id.clone())
    .bind(organization.allow_profiles_outside_organization)
    .bind(serde_json::Value::Object(organization.metadata.clone()).to_string())
    .bind(policies::fresh())
    .bind(organization.created_at)
    .bind(organization.updated_at);
    tx.execute(stmt).await?;
    for domain in &organization.domains {
        insert_domain(tx, domain).await?;
    }
    Ok(())
}

/// Stores changed fields. Fails with a unique violation if its external id or Stripe customer is taken.
pub async fn update(tx: &mut Tx, organization: &Organization) -> Result<()> {
    let stmt = sql("UPDATE organizations SET name = $2, name_key = $3, external_id = $4, stripe_customer_id = $5,
            allow_profiles_outside_organization = $6, metadata = $7, updated_at = $8 WHERE id = $1")
    .bind(organization.id)
    .bind(&organization.name)
    .bind(name_key(&organization.name))
    .bind(organization.external_id.clone())
    .bind(organization.stripe_customer_id.clone())
    .bind(organization.allow_profiles_outside_organization)
    .bind(serde_json::Value::Object(organization.metadata.clone()).to_string())
    .bind(organization.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// Whether an organization has this customer of Stripe.
pub async fn has_stripe_customer(tx: &mut Tx, customer: &str) -> Result<bool> {
    let stmt = sql("SELECT id FROM organizations WHERE stripe_customer_id = $1 AND deleted_at IS NULL");
    let row: Option<(OrganizationId,)> = tx.fetch_optional(stmt.bind(customer)).await?;
    Ok(row.is_some())
}

/// Makes an organization a tombstone; `by` says who did.
pub async fn bury(tx: &mut Tx, id: OrganizationId, by: &str, now: DateTime<Utc>) -> Result<()> {
    let stmt = sql("UPDATE organizations SET deleted_at = $3, deleted_by = $2, updated_at = $3 WHERE id = $1");
    tx.execute(stmt.bind(id).bind(by).bind(now)).await.map(drop)
}

/// Who deleted an organization that is not empty yet.
pub async fn deleted_by(tx: &mut Tx, id: OrganizationId) -> Result<Option<String>> {
    let stmt = sql("SELECT deleted_by FROM organizations
         WHERE id = $1 AND deleted_at IS NOT NULL AND emptied_at IS NULL AND deleted_by IS NOT NULL");
    let row: Option<(String,)> = tx.fetch_optional(stmt.bind(id)).await?;
    Ok(row.map(|(by,)| by))
}

/// Organizations that were deleted and are not empty yet.
pub async fn to_empty(tx: &mut Tx, limit: i64) -> Result<Vec<OrganizationId>> {
    let stmt = sql("SELECT id FROM organizations WHERE deleted_at IS NOT NULL AND emptied_at IS NULL LIMIT $1");
    let rows: Vec<(OrganizationId,)> = tx.fetch_all(stmt.bind(limit)).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Notes that nothing is in a deleted organization any more.
pub async fn set_emptied(tx: &mut Tx, id: OrganizationId, now: DateTime<Utc>) -> Result<()> {
    tx.execute(sql("UPDATE organizations SET emptied_at = $2 WHERE id = $1").bind(id).bind(now)).await.map(drop)
}

/// The tombstone with this id.
pub async fn find_buried(tx: &mut Tx, id: OrganizationId) -> Result<Option<Organization>> {
    let stmt = sql(format!("SELECT {COLUMNS} FROM organizations WHERE id = $1 AND deleted_at IS NOT NULL")).bind(id);
    one(tx, stmt).await
}

/// The domains of an organization, oldest first.
pub async fn domains_of(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<Domain>> {
    Ok(find(tx, organization).await?.map(|found| found.domains).unwrap_or_default())
}

/// Stores a new domain. Fails with a unique violation if it is verified and another organization's is too.
pub async fn insert_domain(tx: &mut Tx, domain: &Domain) -> Result<()> {
    let stmt = sql("INSERT INTO organization_domains (organization_id, id, domain, domain_key, state,
            verification_token, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(domain.organization)
    .bind(domain.id)
    .bind(&domain.domain)
    .bind(domain.domain.to_lowercase())
    .bind(&domain.state)
    .bind(&domain.verification_token)
    .bind(domain.created_at)
    .bind(domain.updated_at);
    tx.execute(stmt).await.map(drop)
}

/// The organization with this id.
pub async fn find(tx: &mut Tx, id: OrganizationId) -> Result<Option<Organization>> {
    let stmt = sql(format!("SELECT {COLUMNS} FROM organizations WHERE id = $1 AND deleted_at IS NULL")).bind(id);
    one(tx, stmt).await
}

/// The organization with this external id.
pub async fn find_by_external_id(tx: &mut Tx, external_id: &str) -> Result<Option<Organization>> {
    let text = format!("SELECT {COLUMNS} FROM organizations WHERE external_id = $1 AND deleted_at IS NULL");
    one(tx, sql(text).bind(external_id)).await
}

async fn one(tx: &mut Tx, stmt: super::Stmt) -> Result<Option<Organization>> {
    let row: Option<OrganizationRow> = tx.fetch_optional(stmt).await?;
    let found = with_domains(tx, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// Which organizations a list is about.
#[derive(Debug, Default)]
pub struct Search {
    /// Only this one: what an organization's own key sees.
    pub only: Option<OrganizationId>,
    /// Part of the name, without case.
    pub name: Option<String>,
    /// Any of these domains.
    pub domains: Vec<String>,
}

/// A page of organizations.
pub async fn list(tx: &mut Tx, search: &Search, page: &PageRequest) -> Result<Page<Organization>> {
    let mut text = format!("SELECT {COLUMNS} FROM organizations WHERE deleted_at IS NULL");
    let mut params: Vec<Param> = Vec::new();
    if let Some(only) = search.only {
        params.push(only.into());
        text.push_str(&format!(" AND id = ${}", params.len()));
    }
    if let Some(name) = &search.name {
        params.push(containing(name).into());
        text.push_str(&format!(" AND name_key LIKE ${} ESCAPE '\\'", params.len()));
    }
    if !search.domains.is_empty() {
        params.push(Rows::texts(search.domains.iter().map(|d| d.to_lowercase())).into());
        let wanted = tx.rows(params.len(), &[("domain_key", Column::Text)]);
        text.push_str(&format!(
            " AND id IN (SELECT d.organization_id FROM organization_domains d JOIN {wanted} AS w
              ON w.domain_key = d.domain_key)"
        ));
    }
    let rows: Vec<OrganizationRow> = tx.fetch_all(page.complete(&text, params, "id")).await?;
    let page = page.page(rows);
    let (has_before, has_after) = (page.has_before, page.has_after);
    let rows = with_domains(tx, page.rows).await?;
    Ok(Page { rows, has_before, has_after })
}

/// Whether there is such an organization.
pub async fn exists(tx: &mut Tx, id: OrganizationId) -> Result<bool> {
    let stmt = sql("SELECT id FROM organizations WHERE id = $1 AND deleted_at IS NULL");
    let row: Option<(OrganizationId,)> = tx.fetch_optional(stmt.bind(id)).await?;
    Ok(row.is_some())
}

/// The names of these organizations.
pub async fn names(
    tx: &mut Tx,
    ids: impl IntoIterator<Item = OrganizationId>,
) -> Result<HashMap<OrganizationId, String>> {
    let text =
        format!("SELECT o.id, o.name FROM {} organizations o ON o.id = r.id", tx.driving(1, &[("id", Column::Id)]));
    let rows: Vec<(OrganizationId, String)> = tx.fetch_all(sql(text).bind(Rows::ids(ids))).await?;
    Ok(rows.into_iter().collect())
}

async fn with_domains(tx: &mut Tx, rows: Vec<OrganizationRow>) -> Result<Vec<Organization>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = tx.driving(1, &[("id", Column::Id)]);
    let text = format!(
        "SELECT d.organization_id, d.id, d.domain, d.state, d.verification_token, d.created_at, d.updated_at
         FROM {ids} organization_domains d ON d.organization_id = r.id ORDER BY d.id"
    );
    let domains: Vec<DomainRow> = tx.fetch_all(sql(text).bind(Rows::ids(rows.iter().map(|row| row.id)))).await?;
    let mut by_organization: HashMap<OrganizationId, Vec<Domain>> = HashMap::new();
    for row in domains {
        by_organization.entry(row.organization_id).or_default().push(row.into());
    }
    rows.into_iter()
        .map(|row| {
            Ok(Organization {
                domains: by_organization.remove(&row.id).unwrap_or_default(),
                id: row.id,
                name: row.name,
                external_id: row.external_id,
                stripe_customer_id: row.stripe_customer_id,
                allow_profiles_outside_organization: row.allow_profiles_outside_organization,
                metadata: object(&row.metadata)?,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        })
        .collect()
}

/// Which of these domains (in lower case) the organization has verified.
pub async fn verified_domains(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<String>> {
    let stmt = sql("SELECT domain_key FROM organization_domains WHERE organization_id = $1 AND state = 'verified'");
    let rows: Vec<(String,)> = tx.fetch_all(stmt.bind(organization)).await?;
    Ok(rows.into_iter().map(|(domain,)| domain).collect())
}
