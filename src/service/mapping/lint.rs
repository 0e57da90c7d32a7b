//! What is odd about a rule, given what the organization has now.
//!
//! What lives here: reading that, in a number of statements that does not grow with it. The judgements are in
//! `domain::lint`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::check::{self, check, check_key};
use super::rules::STEP;
use crate::app::App;
use crate::domain::directory::{DirectoryGroup, DirectoryUser};
use crate::domain::finding::Finding;
use crate::domain::id::{DirectoryGroupId, OrganizationId, RuleId};
use crate::domain::lint::{self, directory, groups, people};
use crate::domain::rule::{Rule, RuleDocument, RuleState};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::scim::schema::Catalogue;
use crate::service::organizations;
use crate::store::rules::{self, StoredRule};
use crate::store::{Order, PageRequest, Tx, directories, directory_groups, directory_users};

/// How many directory groups are looked at, at the most.
const MAX_GROUPS: usize = 5_000;
/// How many of them are read at once.
const CHUNK: i64 = 1_000;
/// How many people are looked at, at the most.
const MAX_PEOPLE: i64 = 1_000;

/// A rule as somebody is writing it.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The handle, if it has one yet. With the handle of a rule that is there, the draft is an edit of it.
    pub key: Option<String>,
    /// The fields of the document. Without a position it comes behind all others.
    pub document: Map<String, Value>,
}

/// What there is to say about a draft.
#[derive(Debug, Default)]
pub struct Report {
    /// Everything that must be mended before it can be saved.
    pub errors: Vec<Finding>,
    /// What is odd about it; nothing while there are errors.
    pub warnings: Vec<Finding>,
}

/// Looks at a draft; nothing is saved.
pub async fn lint(app: &App, scope: OrganizationScope, draft: Draft) -> Result<Report> {
    let mut tx = app.db.read().await?;
    match drafted(app, &mut tx, scope, draft).await? {
        Ok(rule) => Ok(Report { errors: Vec::new(), warnings: odd(&mut tx, scope.organization(), &rule).await? }),
        Err(errors) => Ok(Report { errors, warnings: Vec::new() }),
    }
}

/// What is odd about the newest version of a saved rule.
pub async fn warnings(app: &App, scope: OrganizationScope, rule: &StoredRule) -> Result<Vec<Finding>> {
    let mut tx = app.db.read().await?;
    match check(&mut tx, scope.organization(), rule).await? {
        Ok(rule) => odd(&mut tx, scope.organization(), &rule).await,
        // What it names has gone since it was saved.
        Err(mistakes) => Ok(mistakes),
    }
}

/// The draft as a rule that could be saved, or everything that stands against it.
pub(super) async fn drafted(app: &App, tx: &mut Tx, scope: OrganizationScope, draft: Draft) -> Result<check::Checked> {
    organizations::require(tx, scope).await?;
    let all = rules::all(tx, scope.organization()).await?;
    let existing = draft.key.as_ref().and_then(|key| all.iter().find(|rule| rule.key == *key));
    let behind = all.iter().map(|rule| rule.document.position).max().unwrap_or(0).saturating_add(STEP);
    let mut fields = draft.document;
    let position = existing.map_or(behind, |rule| rule.document.position);
    fields.entry("position").or_insert_with(|| position.into());
    let now = app.clock.now();
    let mut errors: Vec<Finding> = draft.key.as_deref().and_then(|key| check_key(key).err()).into_iter().collect();
    let document = match RuleDocument::parse(fields) {
        Ok(document) => document,
        Err(mistakes) => {
            errors.extend(mistakes);
            return Ok(Err(errors));
        }
    };
    let rule = StoredRule {
        id: existing.map_or_else(|| RuleId::mint(now), |rule| rule.id),
        key: draft.key.unwrap_or_default(),
        version: 1,
        applied_version: None,
        leaving: None,
        run_id: None,
        document,
        created_at: now,
        updated_at: now,
    };
    Ok(match check(tx, scope.organization(), &rule).await? {
        Ok(rule) if errors.is_empty() => Ok(rule),
        Ok(_) => Err(errors),
        Err(mistakes) => {
            errors.extend(mistakes);
            Err(errors)
        }
    })
}

/// Everything that is odd about a rule.
async fn odd(tx: &mut Tx, organization: OrganizationId, rule: &Rule) -> Result<Vec<Finding>> {
    let mut found = lint::alone(rule);
    let mut catalogue = Catalogue::built_in();
    if let Some(id) = rule.document.directory_id
        && let Some(directory) = directories::find(tx, Some(organization), id).await?
    {
        catalogue = directory.catalogue()?;
        found.extend(directory::inactive(&directory));
    }
    found.extend(lint::beside(rule, &acting(tx, organization, rule, &catalogue).await?));
    if rule.is_by_group() || rule.except_filter().is_some() {
        let pinned = pinned(tx, organization, rule).await?;
        found.extend(directory::pinned_elsewhere(rule, &pinned));
        let look = look_at_groups(tx, organization, rule, &pinned).await?;
        let wanted = look.wanted_names().map(str::to_owned);
        let taken = crate::store::groups::taken_names(tx, organization, wanted, rule.id).await?;
        found.extend(look.findings(&taken));
    }
    if rule.user_filter().is_some() {
        let (look, total, _) = look_at_people(tx, organization, rule, 0).await?;
        found.extend(look.findings(total));
    }
    // Of what can never match, nothing matches now: the stronger word is enough.
    let mut idle = HashSet::new();
    found.retain(|one| !matches!(one.code, "unreachable" | "matches_nothing") || idle.insert(one.field.clone()));
    Ok(found)
}

/// The other rules that act, as they were last saved. One for a directory with schemas of its own can be read
/// only by these.
async fn acting(tx: &mut Tx, organization: OrganizationId, rule: &Rule, catalogue: &Catalogue) -> Result<Vec<Rule>> {
    let built_in = Catalogue::built_in();
    let others = rules::all(tx, organization).await?.into_iter();
    let others = others
        .filter(|other| other.id != rule.id && other.document.state != RuleState::Draft && other.leaving.is_none());
    let compiled = others.filter_map(|other| {
        let same = other.document.directory_id == rule.document.directory_id;
        let catalogue = if same { catalogue } else { &built_in };
        Rule::compile(other.id, &other.key, other.version, other.document, catalogue).ok()
    });
    Ok(compiled.collect())
}

/// The groups that the rule pins.
pub(super) async fn pinned(tx: &mut Tx, organization: OrganizationId, rule: &Rule) -> Result<Vec<DirectoryGroup>> {
    let ids = &rule.document.when.group_ids;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    directory_groups::by_ids(tx, organization, ids.iter().copied()).await
}

/// Looks at the groups that the rule could take: the pinned ones, then the first [`MAX_GROUPS`] or so.
pub(super) async fn look_at_groups<'r>(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: &'r Rule,
    pinned: &[DirectoryGroup],
) -> Result<groups::Look<'r>> {
    let mut look = groups::Look::new(rule);
    pinned.iter().filter(|group| rule.covers(group.directory)).for_each(|group| look.at(group));
    let pinned: HashSet<DirectoryGroupId> = pinned.iter().map(|group| group.id).collect();
    let directory = rule.document.directory_id;
    let search = directory_groups::Search { organization: Some(organization), directory, user: None };
    let mut page = PageRequest { after: None, before: None, limit: CHUNK, order: Order::Ascending };
    loop {
        let found = directory_groups::list(tx, &search, &page).await?;
        page.after = found.rows.last().map(|group| group.value.id.uuid());
        found.rows.iter().filter(|group| !pinned.contains(&group.value.id)).for_each(|group| look.at(&group.value));
        if !found.has_after {
            return Ok(look);
        }
        if look.seen() >= MAX_GROUPS {
            look.stop();
            return Ok(look);
        }
    }
}

/// Looks at the first people, up to [`MAX_PEOPLE`]; answers also how many there are, and the first `keep` of those
/// for whom `when.user` holds.
pub(super) async fn look_at_people<'r>(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: &'r Rule,
    keep: usize,
) -> Result<(people::Look<'r>, usize, Vec<DirectoryUser>)> {
    let directory = rule.document.directory_id;
    let search =
        directory_users::Search { organization: Some(organization), directory, ..directory_users::Search::default() };
    let page = PageRequest { after: None, before: None, limit: MAX_PEOPLE, order: Order::Ascending };
    let found = directory_users::list(tx, &search, &page).await?;
    let mut look = people::Look::new(rule);
    let mut kept = Vec::new();
    for user in found.rows {
        if look.at(&user.value) && kept.len() < keep {
            kept.push(user.value);
        }
    }
    let total = if found.has_after {
        let all = directory_users::count(tx, organization, directory).await?;
        usize::try_from(all).map_err(|error| Error::Internal(Box::new(error)))?
    } else {
        look.seen()
    };
    Ok((look, total, kept))
}
