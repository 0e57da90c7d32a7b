//! Plans, and the effects of plans and verifications.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::statement::{Column, Param, Rows, cell, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::id::{EffectId, GroupId, MembershipId, OrganizationId, PlanId, RunId};
use crate::domain::plan::{Effect, EffectKind, GuardVerdict, PlanChange, Totals};
use crate::domain::{Error, Id, Result};

/// A plan as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPlan {
    /// Its id.
    pub id: PlanId,
    /// The organization.
    pub organization: OrganizationId,
    /// `computing`, `ready` or `applied`.
    pub state: String,
    /// What is to be changed.
    pub changes: Vec<PlanChange>,
    /// How many effects of each kind there are.
    pub totals: Totals,
    /// What the guard says.
    pub guard: GuardVerdict,
    /// The digest of all effects.
    pub digest: String,
    /// The event position that it was computed at.
    pub revision: i64,
    /// The run that applied it.
    pub run: Option<RunId>,
    /// Who asked, as the context of an event.
    pub cause: Value,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

impl StoredPlan {
    /// How many effects it has on native state.
    pub fn effects(&self) -> i64 {
        EffectKind::ALL.iter().filter(|kind| kind.is_native()).filter_map(|kind| self.totals.0.get(kind.as_str())).sum()
    }
}

#[derive(sqlx::FromRow)]
struct PlanRow {
    id: PlanId,
    organization_id: OrganizationId,
    state: String,
    changes: String,
    totals: String,
    guard: String,
    digest: String,
    revision: i64,
    run_id: Option<RunId>,
    cause: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl TryFrom<PlanRow> for StoredPlan {
    type Error = Error;

    fn try_from(row: PlanRow) -> Result<Self> {
        let corrupt = |error: serde_json::Error| Error::internal(format!("plan {} is corrupt: {error}", row.id));
        Ok(StoredPlan {
            id: row.id,
            organization: row.organization_id,
            state: row.state,
            changes: serde_json::from_str(&row.changes).map_err(corrupt)?,
            totals: serde_json::from_str(&row.totals).map_err(corrupt)?,
            guard: serde_json::from_str(&row.guard).map_err(corrupt)?,
            digest: row.digest,
            revision: row.revision,
            run: row.run_id,
            cause: serde_json::from_str(&row.cause).map_err(corrupt)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(Box::new(error)))
}

/// Stores a plan, or what became of it.
pub async fn put(tx: &mut Tx, plan: &StoredPlan) -> Result<()> {
    let stmt = sql("INSERT INTO mapping_plans (organization_id, id, state, changes, totals, guard, digest, revision,
            run_id, cause, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (organization_id, id) DO UPDATE SET state = excluded.state, totals = excluded.totals,
            guard = excluded.guard, digest = excluded.digest, revision = excluded.revision,
            run_id = excluded.run_id")
    .bind(plan.organization)
    .bind(plan.id)
    .bind(&plan.state)
    .bind(text(&plan.changes)?)
    .bind(text(&plan.totals)?)
    .bind(text(&plan.guard)?)
    .bind(&plan.digest)
    .bind(plan.revision)
    .bind(plan.run)
    .bind(text(&plan.cause)?)
    .bind(plan.created_at)
    .bind(plan.expires_at);
    tx.execute(stmt).await.map(drop)
}

/// The plan with this id; of the organization, if one is given.
pub async fn find(tx: &mut Tx, organization: Option<OrganizationId>, id: PlanId) -> Result<Option<StoredPlan>> {
    let text = "SELECT organization_id, id, state, changes, totals, guard, digest, revision, run_id, cause,
            created_at, expires_at FROM mapping_plans WHERE id = $1";
    let stmt = match organization {
        Some(organization) => sql(format!("{text} AND organization_id = $2")).bind(id).bind(organization),
        None => sql(text).bind(id),
    };
    let row: Option<PlanRow> = tx.fetch_optional(stmt).await?;
    row.map(StoredPlan::try_from).transpose()
}

/// What effects belong to: a plan, or the run that verified.
pub type Source = Id<()>;

/// The source of a plan's effects.
pub fn of_plan(plan: PlanId) -> Source {
    Id::from_uuid(plan.uuid())
}

/// The source of what a run found.
pub fn of_run(run: RunId) -> Source {
    Id::from_uuid(run.uuid())
}

/// Stores effects under ids that increase from `last`; answers the last one.
pub async fn insert_effects(
    tx: &mut Tx,
    organization: OrganizationId,
    source: Source,
    effects: &[Effect],
    mut last: Option<EffectId>,
    now: DateTime<Utc>,
) -> Result<Option<EffectId>> {
    if effects.is_empty() {
        return Ok(last);
    }
    let mut rows = Rows::default();
    for effect in effects {
        let id = *last.insert(EffectId::mint_after(now, last));
        rows.push([
            cell(id),
            cell(effect.kind.as_str()),
            cell(effect.membership),
            cell(effect.group),
            cell(effect.subject.as_str()),
            cell(text(&effect.data)?),
        ]);
    }
    let columns = [
        ("id", Column::Id),
        ("kind", Column::Text),
        ("membership_id", Column::Id),
        ("group_id", Column::Id),
        ("subject", Column::Text),
        ("data", Column::Text),
    ];
    let text = format!(
        "INSERT INTO mapping_effects (organization_id, source_id, id, kind, membership_id, group_id, subject, data)
         SELECT $2, $3, r.id, r.kind, r.membership_id, r.group_id, r.subject, r.data FROM {} AS r",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(organization).bind(source)).await?;
    Ok(last)
}

/// An effect as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredEffect {
    /// Its id.
    pub id: EffectId,
    /// The word of its kind.
    pub kind: String,
    /// Whom it happens to.
    pub membership_id: Option<MembershipId>,
    /// The native group.
    pub group_id: Option<GroupId>,
    /// Whom or what it is about.
    pub subject: String,
    /// Names and reasons: JSON.
    pub data: String,
}

impl StoredEffect {
    /// The `mapping_effect` object.
    pub fn json(&self) -> Value {
        let data: Map<String, Value> = serde_json::from_str(&self.data).unwrap_or_default();
        let mut object = serde_json::json!({
            "object": "mapping_effect",
            "id": self.id,
            "kind": self.kind,
            "organization_membership_id": self.membership_id,
            "group_id": self.group_id,
        });
        if let Value::Object(object) = &mut object {
            object.extend(data);
        }
        object
    }
}

/// Which effects a list is about.
#[derive(Debug, Default)]
pub struct Search {
    /// Only of one of these kinds; all when empty.
    pub kinds: Vec<EffectKind>,
    /// Only on this group.
    pub group: Option<GroupId>,
    /// Only on this membership.
    pub membership: Option<MembershipId>,
}

/// A page of effects, in the order in which they were found.
pub async fn effects(
    tx: &mut Tx,
    organization: OrganizationId,
    source: Source,
    search: &Search,
    page: &PageRequest,
) -> Result<Page<StoredEffect>> {
    let mut text = "SELECT id, kind, membership_id, group_id, subject, data FROM mapping_effects
         WHERE organization_id = $1 AND source_id = $2"
        .to_owned();
    let mut params: Vec<Param> = vec![organization.into(), source.into()];
    if !search.kinds.is_empty() {
        // Words of a closed enum, none of which holds a quote.
        let words: Vec<String> = search.kinds.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
        text.push_str(&format!(" AND kind IN ({})", words.join(", ")));
    }
    if let Some(group) = search.group {
        params.push(group.into());
        text.push_str(&format!(" AND group_id = ${}", params.len()));
    }
    if let Some(membership) = search.membership {
        params.push(membership.into());
        text.push_str(&format!(" AND membership_id = ${}", params.len()));
    }
    let rows: Vec<StoredEffect> = tx.fetch_all(page.complete(&text, params, "id")).await?;
    Ok(page.page(rows))
}

/// Up to `limit` stored effects that come after `after`, with their kinds and subjects, to compare by.
pub async fn after(
    tx: &mut Tx,
    organization: OrganizationId,
    source: Source,
    after: EffectId,
    limit: i64,
) -> Result<Vec<StoredEffect>> {
    let stmt = sql("SELECT id, kind, membership_id, group_id, subject, data FROM mapping_effects
         WHERE organization_id = $1 AND source_id = $2 AND id > $3 ORDER BY id LIMIT $4");
    tx.fetch_all(stmt.bind(organization).bind(source).bind(after).bind(limit)).await
}

/// Removes up to `limit` effects of a source. Answers how many there were.
pub async fn remove_effects(tx: &mut Tx, organization: OrganizationId, source: Source, limit: i64) -> Result<u64> {
    let stmt = sql("DELETE FROM mapping_effects WHERE organization_id = $1 AND source_id = $2 AND id IN
         (SELECT id FROM mapping_effects WHERE organization_id = $1 AND source_id = $2 ORDER BY id LIMIT $3)");
    tx.execute(stmt.bind(organization).bind(source).bind(limit)).await
}
