//! Rules: saving makes a version and nothing else; applying puts the newest version in force, see `apply`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::apply;
use super::check::{check, check_key, check_key_is_free};
use crate::app::App;
use crate::domain::finding::Finding;
use crate::domain::id::{OrganizationId, RuleId};
use crate::domain::origin::Ending;
use crate::domain::plan::PlanChange;
use crate::domain::rule::RuleDocument;
use crate::domain::run::Run;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::store::rules::{self, RuleVersion, StoredRule};
use crate::store::{Lane, Tx};

/// How far apart positions are that the program gives, so that there is room between them.
pub(super) const STEP: i64 = 10;

/// What of a rule an admin writes; what is absent stays as it is, or takes its default.
#[derive(Debug, Clone, Default)]
pub struct RuleFields {
    /// The handle.
    pub key: Option<String>,
    /// The fields of the document that are given. `when` and `then` are replaced as a whole.
    pub document: Map<String, Value>,
    /// The newest version that the admin knows of; another one is a conflict.
    pub version: Option<i64>,
    /// Put the saved version in force in the same call.
    pub apply: bool,
}

/// Saves a new rule, and applies it if asked to. Without a position it comes behind all others.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field and, in a filter, the column; [`Error::Conflict`] if the key is taken.
pub async fn create(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    key: String,
    document: Map<String, Value>,
    apply: bool,
) -> Result<Outcome<StoredRule>> {
    let id = RuleId::mint(app.clock.now());
    let saved = in_change(app, access, scope, move |change| {
        let (key, document) = (key.clone(), document.clone());
        Box::pin(async move { save_new(change, id, key, document).await })
    });
    applied_if(apply, app, access, scope, saved.await?).await
}

/// Saves the first version of a rule.
///
/// # Errors
///
/// As [`create`].
pub(in crate::service) async fn save_new(
    change: &mut Change<'_>,
    id: RuleId,
    key: String,
    mut document: Map<String, Value>,
) -> Result<StoredRule> {
    check_key(&key)?;
    if !document.contains_key("position") {
        document.insert("position".to_owned(), next_position(change.tx, change.organization).await?.into());
    }
    let rule = StoredRule {
        id,
        key,
        version: 1,
        applied_version: None,
        leaving: None,
        run_id: None,
        document: RuleDocument::parse(document).map_err(Finding::first)?,
        created_at: change.now,
        updated_at: change.now,
    };
    check_key_is_free(change.tx, change.organization, rule.id, &rule.key).await?;
    check(change.tx, change.organization, &rule).await?.map_err(Finding::first)?;
    rules::insert(change.tx, change.organization, &rule).await?;
    Ok(rule)
}

/// Saves a further version of a rule, and applies it if asked to.
///
/// # Errors
///
/// As [`create`]; [`Error::Conflict`] if `version` is given and not the newest.
pub async fn update(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: RuleId,
    fields: RuleFields,
) -> Result<Outcome<StoredRule>> {
    let apply = fields.apply;
    let saved = in_change(app, access, scope, move |change| {
        let fields = fields.clone();
        Box::pin(async move {
            let rule = found(change.tx, change.organization, id).await?;
            save_edit(change, rule, fields).await
        })
    });
    let saved = saved.await?;
    let applies = apply && saved.value.applied_version != Some(saved.value.version);
    applied_if(applies, app, access, scope, saved).await
}

/// Saves what is given of a rule as a further version; nothing if it says what the newest one says.
///
/// # Errors
///
/// As [`update`].
pub(in crate::service) async fn save_edit(
    change: &mut Change<'_>,
    before: StoredRule,
    fields: RuleFields,
) -> Result<StoredRule> {
    if let Some(known) = fields.version.filter(|known| *known != before.version) {
        let message = format!(
            "the newest version of the rule '{}' is {}, not {known}; read it, and send your change again",
            before.key, before.version
        );
        return Err(Error::conflict("version_conflict", message));
    }
    if before.leaving.is_some() {
        let message = format!("the rule '{}' is being deleted and cannot be changed any more", before.key);
        return Err(Error::conflict("rule_is_being_deleted", message));
    }
    let mut rule = before.clone();
    if let Some(key) = fields.key {
        check_key(&key)?;
        rule.key = key;
    }
    rule.document = before.document.with(fields.document)?;
    if (&before.key, &before.document) == (&rule.key, &rule.document) {
        return Ok(before);
    }
    check(change.tx, change.organization, &rule).await?.map_err(Finding::first)?;
    check_key_is_free(change.tx, change.organization, rule.id, &rule.key).await?;
    rule.version += 1;
    rule.updated_at = change.now;
    rules::update(change.tx, change.organization, &rule).await?;
    Ok(rule)
}

/// The saved rule, put in force if it is to be. Where that is refused, the version stays saved.
async fn applied_if(
    apply: bool,
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    saved: Outcome<StoredRule>,
) -> Result<Outcome<StoredRule>> {
    if !apply {
        return Ok(saved);
    }
    let id = saved.value.id;
    let changes = vec![PlanChange::Apply { rule: id.to_string() }];
    let revision = apply::apply_at_once(app, access, scope, changes).await?.revision;
    Ok(Outcome { value: get(app, scope, id).await?, revision })
}

/// Deletes a rule; what it gave ends, or is handed over.
pub async fn delete(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    id: RuleId,
    origins: Ending,
) -> Result<Outcome<Run>> {
    let changes = vec![PlanChange::Delete { rule: id.to_string(), origins }];
    apply::apply_at_once(app, access, scope, changes).await
}

/// The rule with its newest version.
pub async fn get(app: &App, scope: OrganizationScope, id: RuleId) -> Result<StoredRule> {
    found(&mut app.db.read().await?, scope.organization(), id).await
}

/// The rule with one of its versions, which then is its `version`.
pub async fn get_version(app: &App, scope: OrganizationScope, id: RuleId, version: i64) -> Result<StoredRule> {
    let mut tx = app.db.read().await?;
    let mut rule = found(&mut tx, scope.organization(), id).await?;
    let wanted = rules::versions(&mut tx, scope.organization(), id, version.checked_add(1), 1).await?;
    let wanted = wanted.into_iter().next().filter(|found| found.version == version);
    let wanted = wanted.ok_or_else(|| Error::not_found("version of the mapping rule", version))?;
    rule.version = version;
    rule.document = wanted.document;
    Ok(rule)
}

/// The rule and up to `limit` of its versions before version `before`, newest first.
pub async fn versions(
    app: &App,
    scope: OrganizationScope,
    id: RuleId,
    before: Option<i64>,
    limit: i64,
) -> Result<(StoredRule, Vec<RuleVersion>)> {
    let mut tx = app.db.read().await?;
    let rule = found(&mut tx, scope.organization(), id).await?;
    let versions = rules::versions(&mut tx, scope.organization(), id, before, limit).await?;
    Ok((rule, versions))
}

/// All rules of the organization, by position.
pub async fn list(app: &App, scope: OrganizationScope) -> Result<Vec<StoredRule>> {
    let mut all = rules::all(&mut app.db.read().await?, scope.organization()).await?;
    all.sort_by_key(|rule| (rule.document.position, rule.id));
    Ok(all)
}

/// The position that puts a rule behind all others.
pub(super) async fn next_position(tx: &mut Tx, organization: OrganizationId) -> Result<i64> {
    let all = rules::all(tx, organization).await?;
    Ok(all.iter().map(|rule| rule.document.position).max().unwrap_or(0).saturating_add(STEP))
}

/// Which organization's rule this is, as far as the caller reaches.
pub async fn organization_of(app: &App, access: &Access, id: RuleId) -> Result<OrganizationScope> {
    let missing = || Error::not_found("mapping rule", id);
    let organization = rules::organization_of(&mut app.db.read().await?, id).await?.ok_or_else(missing)?;
    access.organization(organization).map_err(|_| missing())
}

/// Runs a change of rules with its events in one commit.
pub(super) async fn in_change<T, F>(app: &App, access: &Access, scope: OrganizationScope, work: F) -> Result<Outcome<T>>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut Change<'_>) -> futures::future::BoxFuture<'c, Result<T>> + Send + Sync + 'static,
{
    let now: DateTime<Utc> = app.clock.now();
    let organization = scope.organization();
    let shared = Arc::new((access.cause(), work));
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (cause, work) = &*shared;
                let mut change = Change::begin(tx, organization, now, cause).await?;
                let value = work(&mut change).await?;
                Ok(Outcome { value, revision: change.finish().await? })
            })
        })
        .await
}

async fn found(tx: &mut Tx, organization: OrganizationId, id: RuleId) -> Result<StoredRule> {
    rules::find(tx, organization, id).await?.ok_or_else(|| Error::not_found("mapping rule", id))
}
