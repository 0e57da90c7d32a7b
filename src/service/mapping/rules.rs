//! Rules: saving makes a version and nothing else; applying puts a version in force and converges its scope.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::force;
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::id::{OrganizationId, RuleId};
use crate::domain::origin::Ending;
use crate::domain::rule::{Action, Rule, RuleDocument};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::scim::schema::Catalogue;
use crate::service::change::{Change, Outcome};
use crate::service::keys::ApiAccess;
use crate::store::rules::{self, StoredRule};
use crate::store::{Lane, Tx, directories, directory_groups, groups, roles};

/// What of a rule an admin writes; what is absent stays as it is, or takes its default.
#[derive(Debug, Clone, Default)]
pub struct RuleFields {
    /// The handle.
    pub key: Option<String>,
    /// What it says.
    pub document: Option<RuleDocument>,
    /// Put the saved version in force in the same call.
    pub apply: bool,
}

/// Saves a new rule, and applies it if asked to.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field and, in a filter, the column; [`Error::Conflict`] if the key is taken.
pub async fn create(
    app: &App,
    access: &ApiAccess,
    scope: OrganizationScope,
    key: String,
    document: RuleDocument,
    apply: bool,
) -> Result<Outcome<StoredRule>> {
    check_key(&key)?;
    let now = app.clock.now();
    let rule = StoredRule {
        id: RuleId::mint(now),
        key,
        version: 1,
        applied_version: None,
        leaving: None,
        run_id: None,
        document,
        created_at: now,
        updated_at: now,
    };
    in_change(app, access, scope, move |change| {
        let mut rule = rule.clone();
        Box::pin(async move {
            check_key_is_free(change.tx, change.organization, &rule).await?;
            check(change.tx, change.organization, &rule).await?;
            rules::insert(change.tx, change.organization, &rule).await?;
            if apply {
                force::put_in_force(change, &mut rule).await?;
            }
            Ok(rule)
        })
    })
    .await
}

/// Saves a further version of a rule, and applies it if asked to.
pub async fn update(
    app: &App,
    access: &ApiAccess,
    scope: OrganizationScope,
    id: RuleId,
    fields: RuleFields,
) -> Result<Outcome<StoredRule>> {
    if let Some(key) = &fields.key {
        check_key(key)?;
    }
    in_change(app, access, scope, move |change| {
        let fields = fields.clone();
        Box::pin(async move {
            let mut rule = found(change.tx, change.organization, id).await?;
            let before = rule.clone();
            if let Some(key) = fields.key {
                rule.key = key;
            }
            if let Some(document) = fields.document {
                rule.document = document;
            }
            let changed = (&before.key, &before.document) != (&rule.key, &rule.document);
            let applies = fields.apply && (changed || rule.applied_version != Some(rule.version));
            if changed || applies {
                // Once more before it is applied: what it names may have gone since it was saved.
                check(change.tx, change.organization, &rule).await?;
            }
            if changed {
                check_key_is_free(change.tx, change.organization, &rule).await?;
                rule.version += 1;
                rule.updated_at = change.now;
                rules::update(change.tx, change.organization, &rule).await?;
            }
            if applies {
                force::put_in_force(change, &mut rule).await?;
            }
            Ok(rule)
        })
    })
    .await
}

/// Deletes a rule; what it gave ends, or is handed over.
pub async fn delete(
    app: &App,
    access: &ApiAccess,
    scope: OrganizationScope,
    id: RuleId,
    ending: Ending,
) -> Result<i64> {
    let saved = in_change(app, access, scope, move |change| {
        Box::pin(async move {
            let rule = found(change.tx, change.organization, id).await?;
            force::delete(change, &rule, ending).await?;
            Ok(rule)
        })
    })
    .await?;
    Ok(saved.revision)
}

/// The rule with its newest version.
pub async fn get(app: &App, scope: OrganizationScope, id: RuleId) -> Result<StoredRule> {
    found(&mut app.db.read().await?, scope.organization(), id).await
}

/// All rules of the organization, by position.
pub async fn list(app: &App, scope: OrganizationScope) -> Result<Vec<StoredRule>> {
    let mut all = rules::all(&mut app.db.read().await?, scope.organization()).await?;
    all.sort_by_key(|rule| (rule.document.position, rule.id));
    Ok(all)
}

/// The position that puts a rule behind all others.
pub async fn next_position(app: &App, scope: OrganizationScope) -> Result<i64> {
    let all = rules::all(&mut app.db.read().await?, scope.organization()).await?;
    Ok(all.iter().map(|rule| rule.document.position).max().unwrap_or(0) + 10)
}

/// Which organization's rule this is, as far as the caller reaches.
pub async fn organization_of(app: &App, access: &ApiAccess, id: RuleId) -> Result<OrganizationScope> {
    let missing = || Error::not_found("mapping rule", id);
    let organization = rules::organization_of(&mut app.db.read().await?, id).await?.ok_or_else(missing)?;
    access.organization(organization).map_err(|_| missing())
}

/// Runs a rule's change with its events in one commit.
async fn in_change<F>(app: &App, access: &ApiAccess, scope: OrganizationScope, work: F) -> Result<Outcome<StoredRule>>
where
    F: for<'c> Fn(&'c mut Change<'_>) -> futures::future::BoxFuture<'c, Result<StoredRule>> + Send + Sync + 'static,
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
                let rule = work(&mut change).await?;
                Ok(Outcome { value: rule, revision: change.finish().await? })
            })
        })
        .await
}

async fn found(tx: &mut Tx, organization: OrganizationId, id: RuleId) -> Result<StoredRule> {
    rules::find(tx, organization, id).await?.ok_or_else(|| Error::not_found("mapping rule", id))
}

fn check_key(key: &str) -> Result<()> {
    let fine = (1..=100).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fine {
        return Ok(());
    }
    Err(Error::invalid("key", "invalid_key", "key has 1 to 100 letters, digits, dashes, dots or underscores"))
}

async fn check_key_is_free(tx: &mut Tx, organization: OrganizationId, rule: &StoredRule) -> Result<()> {
    let all = rules::all(tx, organization).await?;
    match all.iter().find(|other| other.key == rule.key && other.id != rule.id) {
        Some(other) => {
            let message = format!("the rule {} has the key '{}' already", other.id, rule.key);
            Err(Error::conflict("key_already_used", message))
        }
        None => Ok(()),
    }
}

/// Refuses a document that does not compile or that names what is not there.
async fn check(tx: &mut Tx, organization: OrganizationId, rule: &StoredRule) -> Result<()> {
    let document = &rule.document;
    let catalogue = catalogue(tx, organization, document).await?;
    Rule::compile(rule.id, &rule.key, rule.version, document.clone(), &catalogue)?;
    let wanted = document.when.group_ids.iter().copied();
    let known: BTreeSet<_> =
        directory_groups::by_ids(tx, organization, wanted).await?.into_iter().map(|group| group.id).collect();
    if let Some(missing) = document.when.group_ids.iter().find(|id| !known.contains(id)) {
        let message = format!("there is no directory group {missing} in this organization");
        return Err(Error::invalid("when.group_ids", "unknown_group", message));
    }
    let slugs: BTreeSet<String> = roles::all(tx, organization).await?.into_iter().map(|role| role.slug).collect();
    for (at, action) in document.then.iter().enumerate() {
        check_targets(tx, organization, at, action, &slugs).await?;
    }
    Ok(())
}

async fn check_targets(
    tx: &mut Tx,
    organization: OrganizationId,
    at: usize,
    action: &Action,
    slugs: &BTreeSet<String>,
) -> Result<()> {
    let (group, role) = match action {
        Action::IntoGroup { group_id } => (Some(*group_id), None),
        Action::GrantRole { role } => (None, Some(role)),
        Action::Exclude { group_id, role } => (*group_id, role.as_ref()),
        Action::EnsureMembership {} | Action::MirrorGroup { .. } => (None, None),
    };
    if let Some(id) = group
        && groups::find(tx, organization, id).await?.is_none()
    {
        let message = format!("there is no group {id} in this organization");
        return Err(Error::invalid(format!("then[{at}].group_id"), "unknown_group", message));
    }
    if let Some(slug) = role.filter(|slug| !slugs.contains(*slug)) {
        let known: Vec<&str> = slugs.iter().map(String::as_str).collect();
        let message = format!("there is no role '{slug}'; this organization has {}", known.join(", "));
        return Err(Error::invalid(format!("then[{at}].role"), "unknown_role", message));
    }
    Ok(())
}

/// The schemas that a rule's filters may use: of its directory, or the built-in ones.
async fn catalogue(tx: &mut Tx, organization: OrganizationId, document: &RuleDocument) -> Result<Arc<Catalogue>> {
    let Some(id) = document.directory_id else { return Ok(Catalogue::built_in()) };
    let directory: Directory = directories::find(tx, Some(organization), id).await?.ok_or_else(|| {
        let message = format!("there is no directory {id} in this organization");
        Error::invalid("directory_id", "unknown_directory", message)
    })?;
    directory.catalogue()
}
