//! What stands against saving a rule: mistakes in its text, and names of what is not there.
//!
//! What is merely odd about it is `lint`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::finding::Finding;
use crate::domain::id::{GroupId, OrganizationId, RuleId};
use crate::domain::rule::{Rule, RuleDocument};
use crate::domain::{Error, Result};
use crate::scim::schema::Catalogue;
use crate::store::rules::{self, StoredRule};
use crate::store::{Tx, directories, directory_groups, groups, roles};

/// A rule that can be saved, or every mistake that it has.
pub(super) type Checked = Result<Rule, Vec<Finding>>;

/// Refuses a handle that is not fit to be one.
pub(super) fn check_key(key: &str) -> Result<(), Finding> {
    let fine = (1..=100).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fine {
        return Ok(());
    }
    Err(Finding::error("key", "invalid_key", "key has 1 to 100 letters, digits, dashes, dots or underscores"))
}

/// Refuses a handle that another rule has.
pub(super) async fn check_key_is_free(tx: &mut Tx, organization: OrganizationId, id: RuleId, key: &str) -> Result<()> {
    let all = rules::all(tx, organization).await?;
    match all.iter().find(|other| other.key == key && other.id != id) {
        Some(other) => {
            let message = format!("the rule {} has the key '{key}' already", other.id);
            Err(Error::conflict("key_already_used", message))
        }
        None => Ok(()),
    }
}

/// Compiles a document and looks for everything that it names.
pub(super) async fn check(tx: &mut Tx, organization: OrganizationId, rule: &StoredRule) -> Result<Checked> {
    let document = &rule.document;
    let (catalogue, mut mistakes) = match catalogue(tx, organization, document).await? {
        Ok(catalogue) => (catalogue, Vec::new()),
        Err(mistake) => (Catalogue::built_in(), vec![mistake]),
    };
    let compiled = match Rule::check(rule.id, &rule.key, rule.version, document.clone(), &catalogue) {
        Ok(compiled) => Some(compiled),
        Err(more) => {
            mistakes.extend(more);
            None
        }
    };
    mistakes.extend(unknown_sources(tx, organization, document).await?);
    mistakes.extend(unknown_targets(tx, organization, document).await?);
    Ok(compiled.filter(|_| mistakes.is_empty()).ok_or(mistakes))
}

/// The pinned groups that are not there.
async fn unknown_sources(
    tx: &mut Tx,
    organization: OrganizationId,
    document: &RuleDocument,
) -> Result<Option<Finding>> {
    let pinned = &document.when.group_ids;
    if pinned.is_empty() {
        return Ok(None);
    }
    let known = directory_groups::by_ids(tx, organization, pinned.iter().copied()).await?;
    let known: BTreeSet<_> = known.into_iter().map(|group| group.id).collect();
    Ok(pinned.iter().find(|id| !known.contains(id)).map(|missing| {
        let message = format!("there is no directory group {missing} in this organization");
        Finding::error("when.group_ids", "unknown_group", message)
    }))
}

/// The groups and roles that actions name and that are not there.
async fn unknown_targets(tx: &mut Tx, organization: OrganizationId, document: &RuleDocument) -> Result<Vec<Finding>> {
    let named: BTreeSet<GroupId> = document.then.iter().filter_map(|action| action.names().0).collect();
    let there = if named.is_empty() { BTreeSet::new() } else { existing(tx, organization, named).await? };
    let slugs: BTreeSet<String> = roles::all(tx, organization).await?.into_iter().map(|role| role.slug).collect();
    let mut mistakes = Vec::new();
    for (at, action) in document.then.iter().enumerate() {
        let (group, role) = action.names();
        if let Some(id) = group.filter(|id| !there.contains(id)) {
            let message = format!("there is no group {id} in this organization");
            mistakes.push(Finding::error(format!("then[{at}].group_id"), "unknown_group", message));
        }
        if let Some(slug) = role.filter(|slug| !slugs.contains(*slug)) {
            let known: Vec<&str> = slugs.iter().map(String::as_str).collect();
            let message = format!("there is no role '{slug}'; this organization has {}", known.join(", "));
            mistakes.push(Finding::error(format!("then[{at}].role"), "unknown_role", message));
        }
    }
    Ok(mistakes)
}

async fn existing(tx: &mut Tx, organization: OrganizationId, named: BTreeSet<GroupId>) -> Result<BTreeSet<GroupId>> {
    Ok(groups::by_ids(tx, organization, named).await?.into_keys().collect())
}

/// The schemas that a rule's filters may use: of its directory, or the built-in ones.
async fn catalogue(
    tx: &mut Tx,
    organization: OrganizationId,
    document: &RuleDocument,
) -> Result<Result<Arc<Catalogue>, Finding>> {
    let Some(id) = document.directory_id else { return Ok(Ok(Catalogue::built_in())) };
    let Some(directory) = directories::find(tx, Some(organization), id).await? else {
        let message = format!("there is no directory {id} in this organization");
        return Ok(Err(Finding::error("directory_id", "unknown_directory", message)));
    };
    directory.catalogue().map(Ok)
}
