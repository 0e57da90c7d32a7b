//! Operators, and the links that let somebody in once.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::statement::{Param, sql};
use super::{Page, PageRequest, Tx, is_unique_violation};
use crate::domain::actor::Rank;
use crate::domain::id::{OperatorId, OrganizationId};
use crate::domain::operator::Operator;
use crate::domain::{Error, Result};
use crate::scim::text::fold;

/// The columns of [`OperatorRow`], of the table `o`.
pub(super) const OPERATOR: &str =
    "o.id, o.email, o.name, o.role, o.password IS NOT NULL AS has_password, o.created_at, o.last_sign_in_at";

#[derive(FromRow)]
pub(super) struct OperatorRow {
    id: OperatorId,
    email: String,
    name: String,
    role: String,
    has_password: bool,
    created_at: DateTime<Utc>,
    last_sign_in_at: Option<DateTime<Utc>>,
}

impl TryFrom<OperatorRow> for Operator {
    type Error = Error;

    fn try_from(row: OperatorRow) -> Result<Self> {
        let role = Rank::from_word(&row.role)
            .ok_or_else(|| Error::internal(format!("operator {} has the unknown role '{}'", row.id, row.role)))?;
        Ok(Operator {
            id: row.id,
            email: row.email,
            name: row.name,
            role,
            has_password: row.has_password,
            created_at: row.created_at,
            last_sign_in_at: row.last_sign_in_at,
        })
    }
}

/// Stores a new operator.
///
/// # Errors
///
/// [`Error::Conflict`] if there is one with this address.
pub async fn insert(tx: &mut Tx, operator: &Operator, password: Option<&str>) -> Result<()> {
    let stmt = sql("INSERT INTO operators (id, email, email_key, name, role, password, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind(operator.id)
    .bind(&operator.email)
    .bind(fold(&operator.email))
    .bind(&operator.name)
    .bind(operator.role.as_str())
    .bind(password.map(str::to_owned))
    .bind(operator.created_at);
    match tx.execute(stmt).await {
        Err(error) if is_unique_violation(&error) => {
            Err(Error::conflict("operator_exists", format!("{} is an operator already", operator.email)))
        }
        done => done.map(drop),
    }
}

/// The operator with this id.
pub async fn find(tx: &mut Tx, id: OperatorId) -> Result<Option<Operator>> {
    let row: Option<OperatorRow> =
        tx.fetch_optional(sql(format!("SELECT {OPERATOR} FROM operators o WHERE o.id = $1")).bind(id)).await?;
    row.map(Operator::try_from).transpose()
}

/// The operator with this address, ignoring case.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<Operator>> {
    let text = format!("SELECT {OPERATOR} FROM operators o WHERE o.email_key = $1");
    let row: Option<OperatorRow> = tx.fetch_optional(sql(text).bind(fold(email))).await?;
    row.map(Operator::try_from).transpose()
}

/// The password of an operator, as it is stored.
pub async fn password(tx: &mut Tx, id: OperatorId) -> Result<Option<String>> {
    let row: Option<(Option<String>,)> =
        tx.fetch_optional(sql("SELECT password FROM operators WHERE id = $1").bind(id)).await?;
    Ok(row.and_then(|row| row.0))
}

/// A page of operators.
pub async fn list(tx: &mut Tx, page: &PageRequest) -> Result<Page<Operator>> {
    let text = format!("SELECT {OPERATOR} FROM operators o WHERE 1 = 1");
    let rows: Vec<OperatorRow> = tx.fetch_all(page.complete(&text, Vec::<Param>::new(), "o.id")).await?;
    page.page(rows).try_map(Operator::try_from)
}

/// Sets the role of an operator.
pub async fn set_role(tx: &mut Tx, id: OperatorId, role: Rank) -> Result<()> {
    tx.execute(sql("UPDATE operators SET role = $2 WHERE id = $1").bind(id).bind(role.as_str())).await.map(drop)
}

/// Sets the password of an operator.
pub async fn set_password(tx: &mut Tx, id: OperatorId, password: &str) -> Result<()> {
    tx.execute(sql("UPDATE operators SET password = $2 WHERE id = $1").bind(id).bind(password)).await.map(drop)
}

/// Notes that an operator signed in.
pub async fn signed_in(tx: &mut Tx, id: OperatorId, now: DateTime<Utc>) -> Result<()> {
    tx.execute(sql("UPDATE operators SET last_sign_in_at = $2 WHERE id = $1").bind(id).bind(now)).await.map(drop)
}

/// Removes an operator with their links. Their sessions must have ended.
pub async fn delete(tx: &mut Tx, id: OperatorId) -> Result<()> {
    tx.execute(sql("DELETE FROM entry_links WHERE operator_id = $1").bind(id)).await?;
    tx.execute(sql("DELETE FROM operators WHERE id = $1").bind(id)).await.map(drop)
}

/// Locks the owners, so that two changes cannot each leave "not the last" one; answers their ids.
pub async fn owners(tx: &mut Tx) -> Result<Vec<OperatorId>> {
    let text = format!("SELECT id FROM operators WHERE role = 'owner' ORDER BY id{}", tx.lock());
    let rows: Vec<(OperatorId,)> = tx.fetch_all(sql(text)).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Claims to be the first operator, which only one caller can; answers whether it could.
pub async fn claim_first(tx: &mut Tx) -> Result<bool> {
    let claimed = super::keys::claim(tx, "first_operator", "claimed").await?;
    Ok(claimed && !any(tx).await?)
}

/// Whether there is any operator.
pub async fn any(tx: &mut Tx) -> Result<bool> {
    let row: Option<(OperatorId,)> = tx.fetch_optional(sql("SELECT id FROM operators LIMIT 1")).await?;
    Ok(row.is_some())
}

/// What a link lets somebody do once.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// Become the first owner.
    FirstOwner,
    /// Choose a password.
    Password(OperatorId),
    /// Enter the portal of an organization.
    Portal {
        /// The organization.
        organization: OrganizationId,
        /// Where to go when done.
        return_url: Option<String>,
    },
}

/// A link that lets somebody in once.
#[derive(Debug, Clone)]
pub struct EntryLink {
    /// What for.
    pub purpose: Purpose,
    /// The id of the actor who made it.
    pub made_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends, used or not.
    pub expires_at: DateTime<Utc>,
}

/// Stores a link under the digest of its secret.
pub async fn insert_link(tx: &mut Tx, digest: &str, link: &EntryLink) -> Result<()> {
    let (purpose, operator, organization, return_url) = match &link.purpose {
        Purpose::FirstOwner => ("first_owner", None, None, None),
        Purpose::Password(operator) => ("password", Some(*operator), None, None),
        Purpose::Portal { organization, return_url } => ("portal", None, Some(*organization), return_url.clone()),
    };
    let stmt = sql("INSERT INTO entry_links (digest, purpose, operator_id, organization_id, return_url, made_by,
            created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(digest)
    .bind(purpose)
    .bind(operator)
    .bind(organization)
    .bind(return_url)
    .bind(&link.made_by)
    .bind(link.created_at)
    .bind(link.expires_at);
    tx.execute(stmt).await.map(drop)
}

#[derive(FromRow)]
struct LinkRow {
    purpose: String,
    operator_id: Option<OperatorId>,
    organization_id: Option<OrganizationId>,
    return_url: Option<String>,
    made_by: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

const LINK: &str = "purpose, operator_id, organization_id, return_url, made_by, created_at, expires_at";

impl TryFrom<LinkRow> for EntryLink {
    type Error = Error;

    fn try_from(row: LinkRow) -> Result<Self> {
        let purpose = match (row.purpose.as_str(), row.operator_id, row.organization_id) {
            ("first_owner", None, None) => Purpose::FirstOwner,
            ("password", Some(operator), None) => Purpose::Password(operator),
            ("portal", None, Some(organization)) => Purpose::Portal { organization, return_url: row.return_url },
            _ => return Err(Error::internal(format!("an entry link has the impossible purpose '{}'", row.purpose))),
        };
        Ok(EntryLink { purpose, made_by: row.made_by, created_at: row.created_at, expires_at: row.expires_at })
    }
}

/// The link with this digest.
pub async fn link(tx: &mut Tx, digest: &str) -> Result<Option<EntryLink>> {
    let text = format!("SELECT {LINK} FROM entry_links WHERE digest = $1");
    let row: Option<LinkRow> = tx.fetch_optional(sql(text).bind(digest)).await?;
    row.map(EntryLink::try_from).transpose()
}

/// Takes the link with this digest: only one caller gets it.
pub async fn take_link(tx: &mut Tx, digest: &str) -> Result<Option<EntryLink>> {
    let text = format!("DELETE FROM entry_links WHERE digest = $1 RETURNING {LINK}");
    let row: Option<LinkRow> = tx.fetch_optional(sql(text).bind(digest)).await?;
    row.map(EntryLink::try_from).transpose()
}

/// Removes the links by which an operator could choose a password.
pub async fn remove_password_links(tx: &mut Tx, operator: OperatorId) -> Result<()> {
    tx.execute(sql("DELETE FROM entry_links WHERE operator_id = $1").bind(operator)).await.map(drop)
}

/// Removes links by which nobody became the first owner.
pub async fn remove_first_owner_links(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("DELETE FROM entry_links WHERE purpose = 'first_owner'")).await.map(drop)
}
