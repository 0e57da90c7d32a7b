//! Mapping rules and their versions.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::statement::{Column, Rows, cell, sql};
use super::{Tx, policies};
use crate::domain::id::{OrganizationId, RuleId, RunId};
use crate::domain::origin::Ending;
use crate::domain::rule::RuleDocument;
use crate::domain::{Error, Result};

/// A rule with one of its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRule {
    /// Its id.
    pub id: RuleId,
    /// The admin's handle.
    pub key: String,
    /// The newest saved version.
    pub version: i64,
    /// The version in force, if any was applied.
    pub applied_version: Option<i64>,
    /// What becomes of what it gave, while it is being deleted.
    pub leaving: Option<Ending>,
    /// The run that still makes native state agree with it.
    pub run_id: Option<RunId>,
    /// The document of the version that was asked for.
    pub document: RuleDocument,
    /// When the rule was first saved.
    pub created_at: DateTime<Utc>,
    /// When it was last saved or applied.
    pub updated_at: DateTime<Utc>,
}

/// One saved version of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleVersion {
    /// Its number; the first is 1.
    pub version: i64,
    /// What it says.
    pub document: RuleDocument,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct RuleRow {
    id: RuleId,
    key: String,
    version: i64,
    applied_version: Option<i64>,
    leaving: Option<String>,
    run_id: Option<RunId>,
    document: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<RuleRow> for StoredRule {
    type Error = Error;

    fn try_from(row: RuleRow) -> Result<Self> {
        Ok(StoredRule {
            id: row.id,
            key: row.key,
            version: row.version,
            applied_version: row.applied_version,
            leaving: row.leaving.as_deref().and_then(Ending::from_word),
            run_id: row.run_id,
            document: document(row.id, &row.document)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn document(rule: RuleId, text: &str) -> Result<RuleDocument> {
    serde_json::from_str(text).map_err(|error| Error::internal(format!("rule {rule} has a corrupt document: {error}")))
}

fn document_text(document: &RuleDocument) -> Result<String> {
    serde_json::to_string(document).map_err(|error| Error::Internal(Box::new(error)))
}

const COLUMNS: &str =
    "m.id, m.key, m.version, m.applied_version, m.leaving, m.run_id, v.document, m.created_at, m.updated_at";

/// Stores a new rule with its first version. Fails with a unique violation if the key is taken.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, rule: &StoredRule) -> Result<()> {
    let stmt =
        sql("INSERT INTO mapping_rules (organization_id, id, key, version, applied_version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)")
        .bind(organization)
        .bind(rule.id)
        .bind(&rule.key)
        .bind(rule.version)
        .bind(rule.applied_version)
        .bind(rule.created_at);
    tx.execute(stmt).await?;
    insert_version(tx, organization, rule, rule.created_at).await
}

/// Stores the rule's newest version.
async fn insert_version(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: &StoredRule,
    now: DateTime<Utc>,
) -> Result<()> {
    let stmt = sql("INSERT INTO mapping_rule_versions (organization_id, rule_id, version, document, created_at)
         VALUES ($1, $2, $3, $4, $5)")
    .bind(organization)
    .bind(rule.id)
    .bind(rule.version)
    .bind(document_text(&rule.document)?)
    .bind(now);
    tx.execute(stmt).await.map(drop)
}

/// Saves a further version. Fails with a unique violation if the key is taken.
pub async fn update(tx: &mut Tx, organization: OrganizationId, rule: &StoredRule) -> Result<()> {
    let stmt = sql("UPDATE mapping_rules SET key = $3, version = $4, updated_at = $5
         WHERE organization_id = $1 AND id = $2")
    .bind(organization)
    .bind(rule.id)
    .bind(&rule.key)
    .bind(rule.version)
    .bind(rule.updated_at);
    tx.execute(stmt).await?;
    insert_version(tx, organization, rule, rule.updated_at).await
}

/// Saves further versions of many rules, whose keys stay as they are.
pub async fn update_all(
    tx: &mut Tx,
    organization: OrganizationId,
    rules: &[StoredRule],
    now: DateTime<Utc>,
) -> Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for rule in rules {
        rows.push([cell(rule.id), cell(rule.version), cell(document_text(&rule.document)?)]);
    }
    let columns = [("id", Column::Id), ("version", Column::Int), ("document", Column::Text)];
    let heads = format!(
        "UPDATE mapping_rules SET updated_at = $3,
            version = (SELECT r.version FROM {0} AS r WHERE r.id = mapping_rules.id)
         WHERE organization_id = $2 AND id IN (SELECT r.id FROM {0} AS r)",
        tx.rows(1, &columns)
    );
    tx.execute(sql(heads).bind(rows.clone()).bind(organization).bind(now)).await?;
    let versions = format!(
        "INSERT INTO mapping_rule_versions (organization_id, rule_id, version, document, created_at)
         SELECT $2, r.id, r.version, r.document, $3 FROM {} AS r",
        tx.rows(1, &columns)
    );
    tx.execute(sql(versions).bind(rows).bind(organization).bind(now)).await.map(drop)
}

/// Puts a version in force; `run` is the run that makes native state agree, if it is not done at once.
pub async fn set_applied(
    tx: &mut Tx,
    organization: OrganizationId,
    id: RuleId,
    version: i64,
    run: Option<RunId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let stmt = sql("UPDATE mapping_rules SET applied_version = $3, run_id = $4, updated_at = $5
         WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id).bind(version).bind(run).bind(now)).await?;
    policies::renew(tx, organization).await
}

/// Marks a rule as being deleted: it is in force no more, and what it gave ends or is handed over.
pub async fn set_leaving(
    tx: &mut Tx,
    organization: OrganizationId,
    id: RuleId,
    ending: Ending,
    run: Option<RunId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let stmt = sql("UPDATE mapping_rules SET leaving = $3, run_id = $4, updated_at = $5
         WHERE organization_id = $1 AND id = $2");
    tx.execute(stmt.bind(organization).bind(id).bind(ending.as_str()).bind(run).bind(now)).await?;
    policies::renew(tx, organization).await
}

/// Notes that a run has made native state agree with its rules.
pub async fn settled(tx: &mut Tx, organization: OrganizationId, run: RunId) -> Result<()> {
    let stmt = sql("UPDATE mapping_rules SET run_id = NULL WHERE organization_id = $1 AND run_id = $2");
    tx.execute(stmt.bind(organization).bind(run)).await?;
    policies::renew(tx, organization).await
}

/// The rules that are being deleted, by this run or at once.
pub async fn leaving(tx: &mut Tx, organization: OrganizationId, run: Option<RunId>) -> Result<Vec<RuleId>> {
    let text = "SELECT id FROM mapping_rules WHERE organization_id = $1 AND leaving IS NOT NULL";
    let stmt = match run {
        Some(run) => sql(format!("{text} AND run_id = $2")).bind(organization).bind(run),
        None => sql(format!("{text} AND run_id IS NULL")).bind(organization),
    };
    let rows: Vec<(RuleId,)> = tx.fetch_all(stmt).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Removes a rule that nothing is bound to any more.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: RuleId) -> Result<()> {
    let versions = sql("DELETE FROM mapping_rule_versions WHERE organization_id = $1 AND rule_id = $2");
    tx.execute(versions.bind(organization).bind(id)).await?;
    let rule = sql("DELETE FROM mapping_rules WHERE organization_id = $1 AND id = $2");
    tx.execute(rule.bind(organization).bind(id)).await.map(drop)
}

/// The rule with its newest version.
pub async fn find(tx: &mut Tx, organization: OrganizationId, id: RuleId) -> Result<Option<StoredRule>> {
    let text = format!(
        "SELECT {COLUMNS} FROM mapping_rules m JOIN mapping_rule_versions v
         ON v.organization_id = m.organization_id AND v.rule_id = m.id AND v.version = m.version
         WHERE m.organization_id = $1 AND m.id = $2"
    );
    let row: Option<RuleRow> = tx.fetch_optional(sql(text).bind(organization).bind(id)).await?;
    row.map(StoredRule::try_from).transpose()
}

/// Up to `limit` saved versions of a rule, newest first; only those before version `before`, if it is given.
pub async fn versions(
    tx: &mut Tx,
    organization: OrganizationId,
    id: RuleId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<RuleVersion>> {
    let stmt = sql("SELECT version, document, created_at FROM mapping_rule_versions
         WHERE organization_id = $1 AND rule_id = $2 AND version < $3 ORDER BY version DESC LIMIT $4")
    .bind(organization)
    .bind(id)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit);
    let rows: Vec<(i64, String, DateTime<Utc>)> = tx.fetch_all(stmt).await?;
    rows.into_iter()
        .map(|(version, text, created_at)| Ok(RuleVersion { version, document: document(id, &text)?, created_at }))
        .collect()
}

/// The organization that has this rule.
pub async fn organization_of(tx: &mut Tx, id: RuleId) -> Result<Option<OrganizationId>> {
    let row: Option<(OrganizationId,)> =
        tx.fetch_optional(sql("SELECT organization_id FROM mapping_rules WHERE id = $1").bind(id)).await?;
    Ok(row.map(|(organization,)| organization))
}

/// The handles of all rules.
pub async fn keys(tx: &mut Tx, organization: OrganizationId) -> Result<HashMap<RuleId, String>> {
    let stmt = sql("SELECT id, key FROM mapping_rules WHERE organization_id = $1");
    let rows: Vec<(RuleId, String)> = tx.fetch_all(stmt.bind(organization)).await?;
    Ok(rows.into_iter().collect())
}

/// All rules with their newest versions, in the order of their ids.
pub async fn all(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<StoredRule>> {
    joined(tx, organization, "m.version").await
}

/// All rules that are in force, with the versions in force, in the order of their ids.
pub async fn applied(tx: &mut Tx, organization: OrganizationId) -> Result<Vec<StoredRule>> {
    joined(tx, organization, "m.applied_version").await
}

async fn joined(tx: &mut Tx, organization: OrganizationId, version: &str) -> Result<Vec<StoredRule>> {
    let text = format!(
        "SELECT {COLUMNS} FROM mapping_rules m JOIN mapping_rule_versions v
         ON v.organization_id = m.organization_id AND v.rule_id = m.id AND v.version = {version}
         WHERE m.organization_id = $1 ORDER BY m.id"
    );
    let rows: Vec<RuleRow> = tx.fetch_all(sql(text).bind(organization)).await?;
    rows.into_iter().map(StoredRule::try_from).collect()
}
