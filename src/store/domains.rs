//! Domains of organizations, one at a time: found, verified, given up. Those of whole organizations are read
//! and made with them, in `organizations`.

use chrono::{DateTime, Utc};

use super::Tx;
use super::organizations::DomainRow;
use super::statement::sql;
use crate::domain::Result;
use crate::domain::id::{DomainId, OrganizationId};
use crate::domain::native::Domain;

const COLUMNS: &str = "d.organization_id, d.id, d.domain, d.state, d.verification_token, d.created_at, d.updated_at";

/// The domain with this id; of the organization, if one is given.
pub async fn find(tx: &mut Tx, organization: Option<OrganizationId>, id: DomainId) -> Result<Option<Domain>> {
    let text = format!("SELECT {COLUMNS} FROM organization_domains d WHERE d.id = $1");
    let stmt = match organization {
        Some(organization) => sql(text + " AND d.organization_id = $2").bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<DomainRow> = tx.fetch_optional(stmt).await?;
    Ok(row.map(Domain::from))
}

/// The organization's claim to this domain, in any spelling.
pub async fn find_by_name(tx: &mut Tx, organization: OrganizationId, domain: &str) -> Result<Option<Domain>> {
    let text =
        format!("SELECT {COLUMNS} FROM organization_domains d WHERE d.organization_id = $1 AND d.domain_key = $2");
    let row: Option<DomainRow> = tx.fetch_optional(sql(text).bind(organization).bind(domain.to_lowercase())).await?;
    Ok(row.map(Domain::from))
}

/// The organization that has verified this domain, if one has.
pub async fn verifier(tx: &mut Tx, domain: &str) -> Result<Option<OrganizationId>> {
    let stmt = sql("SELECT organization_id FROM organization_domains WHERE domain_key = $1 AND state = 'verified'");
    let row: Option<(OrganizationId,)> = tx.fetch_optional(stmt.bind(domain.to_lowercase())).await?;
    Ok(row.map(|(organization,)| organization))
}

/// Stores what became of a verification. Fails with a unique violation if another organization was faster.
pub async fn set_state(tx: &mut Tx, domain: &Domain, now: DateTime<Utc>) -> Result<()> {
    let stmt =
        sql("UPDATE organization_domains SET state = $3, updated_at = $4 WHERE organization_id = $1 AND id = $2")
            .bind(domain.organization)
            .bind(domain.id)
            .bind(&domain.state)
            .bind(now);
    tx.execute(stmt).await.map(drop)
}

/// Removes a domain.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: DomainId) -> Result<()> {
    let stmt = sql("DELETE FROM organization_domains WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id)).await.map(drop)
}
