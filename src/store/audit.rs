//! The audit log: what admins did, in chains in which each entry's digest covers the one before it.
//!
//! A request carries a note to its first write (as it does an idempotency claim), and the lane stores it in the same
//! transaction: there is never an effect without its entry, and what was refused leaves none. A request that asked for
//! what was so already leaves one, since it was carried out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;

use super::lane::Lane;
use super::statement::{Column, Param, Rows, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::actor::Actor;
use crate::domain::audit::{AuditEvent, AuditNote, Last};
use crate::domain::id::{AuditEventId, OrganizationId, RequestId};
use crate::domain::{Error, Result};

tokio::task_local! {
    /// The note of the request that this task answers.
    static CURRENT: Option<Arc<Pending>>;
}

/// A note that its request's first write stores.
#[derive(Debug)]
pub struct Pending {
    note: AuditNote,
    /// The organization that it is about, where the lane of the write does not tell.
    about: OnceLock<OrganizationId>,
    stored: AtomicBool,
}

impl Pending {
    /// A note that is not stored yet.
    pub fn new(note: AuditNote) -> Arc<Self> {
        Arc::new(Pending { note, about: OnceLock::new(), stored: AtomicBool::default() })
    }

    /// Does `work` under this note: its first write stores it.
    pub async fn over<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        CURRENT.scope(Some(self), work).await
    }

    /// The note that a write must store: none if there is none, or if it is stored already.
    pub(super) fn to_store() -> Option<Arc<Self>> {
        CURRENT.try_with(Clone::clone).ok().flatten().filter(|note| !note.stored.load(Ordering::SeqCst))
    }

    /// Stores the note in the chain of the organization that it is about, or else of the lane's, or of the environment.
    pub(super) async fn store(&self, tx: &mut Tx, lane: Lane) -> Result<()> {
        let organization = match lane {
            Lane::Organization(organization) => Some(organization),
            Lane::Environment => self.about.get().copied(),
        };
        if let (Lane::Environment, Some(organization)) = (lane, organization) {
            // Before its chain, as the organization's own lane does.
            let keep = sql(format!("SELECT id FROM organizations WHERE id = $1{}", tx.keep()));
            let _: Option<(OrganizationId,)> = tx.fetch_optional(keep.bind(organization)).await?;
        }
        append(tx, organization, &self.note).await
    }

    /// Notes that the write that stored it is committed.
    pub(super) fn hold(&self) {
        self.stored.store(true, Ordering::SeqCst);
    }
}

/// Says which organization the action that is under way is about, for writes that are not in its lane.
pub fn about(organization: Option<OrganizationId>) {
    if let (Some(organization), Ok(Some(note))) = (organization, CURRENT.try_with(Clone::clone)) {
        // Said twice, it is the same.
        let _ = note.about.set(organization);
    }
}

/// Does work that is no action of the request's, such as noting that a session was used.
pub async fn aside<F: Future>(work: F) -> F::Output {
    CURRENT.scope(None, work).await
}

/// Appends an entry to the chain of an organization, or of the environment.
pub async fn append(tx: &mut Tx, organization: Option<OrganizationId>, note: &AuditNote) -> Result<()> {
    let chain = organization.unwrap_or(OrganizationId::nil());
    // Locks the chain's head, so that entries of one chain are written one after the other.
    let stmt = sql("INSERT INTO audit_chains (organization_id, position, digest) VALUES ($1, 1, '')
         ON CONFLICT (organization_id) DO UPDATE SET position = audit_chains.position + 1
         RETURNING position, digest");
    let (position, digest): (i64, String) = tx.fetch_one(stmt.bind(chain)).await?;
    // In a statement of its own, which sees what was committed while that one waited for the lock.
    let stmt = sql("SELECT id FROM audit_events WHERE organization_id = $1 AND position = $2");
    let last: Option<(AuditEventId,)> = tx.fetch_optional(stmt.bind(chain).bind(position - 1)).await?;
    let event = AuditEvent::of(note, organization, position, &Last { id: last.map(|(id,)| id), digest });
    let stmt =
        sql("INSERT INTO audit_events (organization_id, position, id, action, target, actor, actor_id, request_id,
            detail, address, created_at, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        .bind(chain)
        .bind(position)
        .bind(event.id)
        .bind(&event.action)
        .bind(&event.target)
        .bind(serde_json::to_string(&event.actor).map_err(|error| Error::Internal(Box::new(error)))?)
        .bind(&event.actor.id)
        .bind(event.request.map(|request| request.to_string()))
        .bind(event.detail.to_string())
        .bind(event.address.clone())
        .bind(event.created_at)
        .bind(&event.digest);
    tx.execute(stmt).await?;
    let stmt = sql("UPDATE audit_chains SET digest = $2 WHERE organization_id = $1");
    tx.execute(stmt.bind(chain).bind(&event.digest)).await.map(drop)
}

#[derive(FromRow)]
struct AuditRow {
    organization_id: OrganizationId,
    position: i64,
    id: AuditEventId,
    action: String,
    target: String,
    actor: String,
    request_id: Option<String>,
    detail: String,
    address: Option<String>,
    created_at: DateTime<Utc>,
    digest: String,
}

const EVENT: &str =
    "organization_id, position, id, action, target, actor, request_id, detail, address, created_at, digest";

impl TryFrom<AuditRow> for AuditEvent {
    type Error = Error;

    fn try_from(row: AuditRow) -> Result<Self> {
        let corrupt = |error: serde_json::Error| Error::internal(format!("{} is corrupt: {error}", row.id));
        let actor: Actor = serde_json::from_str(&row.actor).map_err(corrupt)?;
        let detail: Value = serde_json::from_str(&row.detail).map_err(corrupt)?;
        let request: Option<RequestId> = row.request_id.as_deref().and_then(|id| id.parse().ok());
        Ok(AuditEvent {
            id: row.id,
            organization: Some(row.organization_id).filter(|id| *id != OrganizationId::nil()),
            position: row.position,
            action: row.action,
            target: row.target,
            actor,
            request,
            detail,
            address: row.address,
            created_at: row.created_at,
            digest: row.digest,
        })
    }
}

/// What these actors were called when they last did something in the organization, by their ids.
pub async fn actor_names(
    tx: &mut Tx,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = String>,
) -> Result<HashMap<String, String>> {
    let text = format!(
        "SELECT r.id, (SELECT e.actor FROM audit_events e WHERE e.organization_id = $2 AND e.actor_id = r.id
            ORDER BY e.id DESC LIMIT 1) FROM {} AS r",
        tx.rows(1, &[("id", Column::Text)])
    );
    let rows: Vec<(String, Option<String>)> = tx.fetch_all(sql(text).bind(Rows::texts(ids)).bind(organization)).await?;
    let named = |(id, actor): (String, Option<String>)| Some((id, serde_json::from_str::<Actor>(&actor?).ok()?.name));
    Ok(rows.into_iter().filter_map(named).collect())
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Only of this organization's chain; of all of them if `None`.
    pub organization: Option<OrganizationId>,
    /// Only by the actor with this id.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
}

/// A page of entries.
pub async fn list(tx: &mut Tx, search: &Search, page: &PageRequest) -> Result<Page<AuditEvent>> {
    let mut text = format!("SELECT {EVENT} FROM audit_events WHERE 1 = 1");
    let mut params: Vec<Param> = Vec::new();
    let wanted = [
        ("organization_id", search.organization.map(Param::from)),
        ("actor_id", search.actor.clone().map(Param::from)),
        ("action", search.action.clone().map(Param::from)),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            params.push(value);
            text.push_str(&format!(" AND {column} = ${}", params.len()));
        }
    }
    let rows: Vec<AuditRow> = tx.fetch_all(page.complete(&text, params, "id")).await?;
    page.page(rows).try_map(AuditEvent::try_from)
}

/// The chain's entries after this position, oldest first.
pub async fn chain(
    tx: &mut Tx,
    organization: Option<OrganizationId>,
    after: i64,
    limit: i64,
) -> Result<Vec<AuditEvent>> {
    let text = format!(
        "SELECT {EVENT} FROM audit_events WHERE organization_id = $1 AND position > $2 ORDER BY position LIMIT $3"
    );
    let stmt = sql(text).bind(organization.unwrap_or(OrganizationId::nil())).bind(after).bind(limit);
    let rows: Vec<AuditRow> = tx.fetch_all(stmt).await?;
    rows.into_iter().map(AuditEvent::try_from).collect()
}

/// Where the chain ends: the position and digest of its last entry.
pub async fn head(tx: &mut Tx, organization: Option<OrganizationId>) -> Result<Option<(i64, String)>> {
    let stmt = sql("SELECT position, digest FROM audit_chains WHERE organization_id = $1");
    tx.fetch_optional(stmt.bind(organization.unwrap_or(OrganizationId::nil()))).await
}
