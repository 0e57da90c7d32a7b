//! Parked effects: removals that wait for a decision, and those that were decided.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::origins::{Placed, target_cells, target_of};
use super::statement::{Column, Param, Rows, cell, sql};
use super::{Page, PageRequest, Tx};
use crate::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, OrganizationId, ParkedId, RuleId, RunId,
};
use crate::domain::origin::Target;
use crate::domain::parked::{Loss, ParkedEffect, ParkedState};
use crate::domain::{Error, Id, Result};

#[derive(sqlx::FromRow)]
struct ParkedRow {
    id: ParkedId,
    run_id: RunId,
    directory_id: DirectoryId,
    state: String,
    membership_id: MembershipId,
    target: String,
    target_id: GroupId,
    rule_id: RuleId,
    directory_group_id: DirectoryGroupId,
    directory_user_id: DirectoryUserId,
    person: String,
    target_name: Option<String>,
    rule_key: Option<String>,
    directory_group: Option<String>,
    cause: String,
    created_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
}

impl TryFrom<ParkedRow> for ParkedEffect {
    type Error = Error;

    fn try_from(row: ParkedRow) -> Result<Self> {
        let state = ParkedState::from_word(&row.state)
            .ok_or_else(|| Error::internal(format!("{} has the unknown state '{}'", row.id, row.state)))?;
        Ok(ParkedEffect {
            id: row.id,
            run: row.run_id,
            directory: row.directory_id,
            state,
            loss: Loss {
                membership: row.membership_id,
                target: target_of(&row.target, row.target_id)?,
                rule: row.rule_id.non_nil(),
                directory_group: row.directory_group_id.non_nil(),
                directory_user: row.directory_user_id.non_nil(),
                person: row.person,
                target_name: row.target_name,
                rule_key: row.rule_key,
                directory_group_name: row.directory_group,
            },
            cause: row.cause,
            created_at: row.created_at,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
        })
    }
}

const COLUMNS: &str = "p.id, p.run_id, p.directory_id, p.state, p.membership_id, p.target, p.target_id, p.rule_id,
    p.directory_group_id, p.directory_user_id, p.person, p.target_name, p.rule_key, p.directory_group, p.cause,
    p.created_at, p.decided_at, p.decided_by";

/// Where parked effects come from.
#[derive(Debug, Clone, Copy)]
pub struct Parked<'a> {
    /// The run that gathers them.
    pub run: RunId,
    /// The directory whose guard parks them.
    pub directory: DirectoryId,
    /// What causes them: the id of a request, a run or a key.
    pub cause: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// Stores what waits: for each membership and target, one of the origins that spoke for it last. The names are
/// copied from those who bear them now. What waits already, or was rejected, stays as it is. Answers how many are new.
pub async fn park(
    tx: &mut Tx,
    organization: OrganizationId,
    losses: &[(ParkedId, Placed)],
    parked: &Parked<'_>,
) -> Result<u64> {
    if losses.is_empty() {
        return Ok(0);
    }
    let mut rows = Rows::default();
    for (id, (membership, origin)) in losses {
        let (target, target_id) = target_cells(origin.target);
        rows.push([
            cell(*id),
            cell(*membership),
            cell(target),
            cell(target_id),
            cell(origin.rule.unwrap_or_else(Id::nil)),
            cell(origin.directory_group.unwrap_or_else(Id::nil)),
            cell(origin.directory_user.unwrap_or_else(Id::nil)),
        ]);
    }
    let columns = [
        ("id", Column::Id),
        ("membership_id", Column::Id),
        ("target", Column::Text),
        ("target_id", Column::Id),
        ("rule_id", Column::Id),
        ("directory_group_id", Column::Id),
        ("directory_user_id", Column::Id),
    ];
    let text = format!(
        "INSERT INTO parked_effects (organization_id, id, run_id, directory_id, state, membership_id, target, target_id,
            rule_id, directory_group_id, directory_user_id, person, target_name, rule_key, directory_group, cause,
            created_at)
         SELECT $2, r.id, $3, $4, 'parked', r.membership_id, r.target, r.target_id, r.rule_id, r.directory_group_id,
            r.directory_user_id, n.email, COALESCE(g.name, x.slug), l.key, dg.display_name, $5, $6
         FROM {} organization_memberships m ON m.organization_id = $2 AND m.id = r.membership_id
         JOIN users n ON n.id = m.user_id
         LEFT JOIN groups g ON g.organization_id = $2 AND g.id = r.target_id AND r.target = 'group'
         LEFT JOIN roles x ON x.organization_id = $2 AND x.id = r.target_id AND r.target = 'role'
         LEFT JOIN mapping_rules l ON l.organization_id = $2 AND l.id = r.rule_id
         LEFT JOIN directory_groups dg ON dg.organization_id = $2 AND dg.id = r.directory_group_id
         WHERE true
         ON CONFLICT DO NOTHING",
        tx.driving(1, &columns)
    );
    let stmt = sql(text)
        .bind(rows)
        .bind(organization)
        .bind(parked.run)
        .bind(parked.directory)
        .bind(parked.cause)
        .bind(parked.at);
    tx.execute(stmt).await
}

/// A page of what a run gathered, in one of these states; in any when empty.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    states: &[ParkedState],
    page: &PageRequest,
) -> Result<Page<ParkedEffect>> {
    let mut text = format!("SELECT {COLUMNS} FROM parked_effects p WHERE p.organization_id = $1 AND p.run_id = $2");
    if !states.is_empty() {
        let words: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        text.push_str(&format!(" AND p.state IN ('{}')", words.join("', '")));
    }
    let params: Vec<Param> = vec![organization.into(), run.into()];
    let rows: Vec<ParkedRow> = tx.fetch_all(page.complete(&text, params, "p.id")).await?;
    page.page(rows).try_map(ParkedEffect::try_from)
}

/// Those of these effects that the run gathered.
pub async fn by_ids(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    ids: impl IntoIterator<Item = ParkedId>,
) -> Result<Vec<ParkedEffect>> {
    let text = format!(
        "SELECT {COLUMNS} FROM {} parked_effects p ON p.organization_id = $2 AND p.id = r.id AND p.run_id = $3
         ORDER BY p.id",
        tx.driving(1, &[("id", Column::Id)])
    );
    let rows: Vec<ParkedRow> = tx.fetch_all(sql(text).bind(Rows::ids(ids)).bind(organization).bind(run)).await?;
    rows.into_iter().map(ParkedEffect::try_from).collect()
}

/// The first of a run's effects that wait, those after `after` only.
pub async fn next(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    after: ParkedId,
    limit: i64,
) -> Result<Vec<ParkedEffect>> {
    let text = format!(
        "SELECT {COLUMNS} FROM parked_effects p
         WHERE p.organization_id = $1 AND p.run_id = $2 AND p.id > $3 AND p.state = 'parked' ORDER BY p.id LIMIT $4"
    );
    let rows: Vec<ParkedRow> = tx.fetch_all(sql(text).bind(organization).bind(run).bind(after).bind(limit)).await?;
    rows.into_iter().map(ParkedEffect::try_from).collect()
}

/// Whether any of a run's effects waits.
pub async fn any_waits(tx: &mut Tx, organization: OrganizationId, run: RunId) -> Result<bool> {
    let stmt = sql("SELECT id FROM parked_effects
         WHERE organization_id = $1 AND run_id = $2 AND state = 'parked' LIMIT 1");
    let row: Option<(ParkedId,)> = tx.fetch_optional(stmt.bind(organization).bind(run)).await?;
    Ok(row.is_some())
}

/// Notes a decision about effects.
pub async fn decide(
    tx: &mut Tx,
    organization: OrganizationId,
    effects: impl IntoIterator<Item = ParkedId>,
    state: ParkedState,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let text = format!(
        "UPDATE parked_effects SET state = $3, decided_at = $4, decided_by = $5
         WHERE organization_id = $2 AND id IN (SELECT id FROM {} AS r)",
        tx.rows(1, &[("id", Column::Id)])
    );
    let stmt = sql(text).bind(Rows::ids(effects)).bind(organization).bind(state.as_str()).bind(now).bind(by);
    tx.execute(stmt).await.map(drop)
}

/// Rejects every effect of a run that waits. Answers how many there were.
pub async fn reject_all(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    let stmt = sql("UPDATE parked_effects SET state = 'rejected', decided_at = $3, decided_by = $4
         WHERE organization_id = $1 AND run_id = $2 AND state = 'parked'");
    tx.execute(stmt.bind(organization).bind(run).bind(now).bind(by)).await
}

/// Moves what waits from one run to another. Answers how many effects that were.
pub async fn move_parked(tx: &mut Tx, organization: OrganizationId, from: RunId, to: RunId) -> Result<u64> {
    let stmt = sql("UPDATE parked_effects SET run_id = $3
         WHERE organization_id = $1 AND run_id = $2 AND state = 'parked'");
    tx.execute(stmt.bind(organization).bind(from).bind(to)).await
}

/// Lets what is held for these memberships and targets vanish: there is nothing to remove any more. Answers, by
/// run, how many effects that waited did; those that were rejected vanish too and are not counted.
pub async fn vanish(
    tx: &mut Tx,
    organization: OrganizationId,
    targets: &[(MembershipId, Target)],
    now: DateTime<Utc>,
) -> Result<BTreeMap<RunId, i64>> {
    if targets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut rows = Rows::default();
    for (membership, target) in targets {
        let (word, id) = target_cells(*target);
        rows.push([cell(*membership), cell(word), cell(id)]);
    }
    let columns = [("membership_id", Column::Id), ("target", Column::Text), ("target_id", Column::Id)];
    let found = format!(
        "SELECT p.id, p.run_id, p.state FROM {} parked_effects p ON p.organization_id = $2
            AND p.membership_id = r.membership_id AND p.target = r.target AND p.target_id = r.target_id
            AND p.state IN ('parked', 'rejected')",
        tx.driving(1, &columns)
    );
    let found: Vec<(ParkedId, RunId, String)> = tx.fetch_all(sql(found).bind(rows).bind(organization)).await?;
    if found.is_empty() {
        return Ok(BTreeMap::new());
    }
    let text = format!(
        "UPDATE parked_effects SET state = 'vanished', decided_at = $3, decided_by = NULL
         WHERE organization_id = $2 AND id IN (SELECT id FROM {} AS r)",
        tx.rows(1, &[("id", Column::Id)])
    );
    let ids = Rows::ids(found.iter().map(|(id, _, _)| *id));
    tx.execute(sql(text).bind(ids).bind(organization).bind(now)).await?;
    let mut waited = BTreeMap::new();
    for (_, run, _) in found.into_iter().filter(|(_, _, state)| state == ParkedState::Parked.as_str()) {
        *waited.entry(run).or_default() += 1;
    }
    Ok(waited)
}

/// What of a run waits for a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// How many removals.
    pub count: i64,
    /// The one that was parked last.
    pub newest: Option<ParkedId>,
}

/// How much of what a run gathered waits for a decision.
pub async fn waiting(tx: &mut Tx, organization: OrganizationId, run: RunId) -> Result<Waiting> {
    let stmt = sql("SELECT COUNT(*) AS count, (SELECT l.id FROM parked_effects l
            WHERE l.organization_id = $1 AND l.run_id = $2 AND l.state = 'parked' ORDER BY l.id DESC LIMIT 1) AS newest
         FROM parked_effects p WHERE p.organization_id = $1 AND p.run_id = $2 AND p.state = 'parked'");
    tx.fetch_one(stmt.bind(organization).bind(run)).await
}
