//! Directories: made, changed, found, listed.

use super::change::Change;
use super::keys::ApiAccess;
use crate::app::App;
use crate::domain::directory::{Directory, DirectorySettings};
use crate::domain::id::DirectoryId;
use crate::domain::rule::Rule;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::store::{Lane, Page, PageRequest, Tx, directories, rules};

/// The type of a directory about which nothing is known.
pub const DEFAULT_TYPE: &str = "generic scim v2.0";

/// What of a directory an admin sets.
#[derive(Debug, Clone, Default)]
pub struct DirectoryFields {
    /// The name for people.
    pub name: Option<String>,
    /// The vendor's word for the kind.
    pub kind: Option<String>,
    /// What it allows and demands.
    pub settings: Option<DirectorySettings>,
}

/// Makes a directory.
pub async fn create(
    app: &App,
    access: &ApiAccess,
    scope: OrganizationScope,
    fields: DirectoryFields,
) -> Result<Directory> {
    let now = app.clock.now();
    let mut directory = Directory {
        id: DirectoryId::mint(now),
        organization: scope.organization(),
        name: String::new(),
        kind: DEFAULT_TYPE.to_owned(),
        state: "validating".to_owned(),
        settings: DirectorySettings::default(),
        created_at: now,
        updated_at: now,
    };
    assign(&mut directory, fields)?;
    let (stored, cause) = (directory.clone(), access.cause());
    app.db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (directory, cause) = (stored.clone(), cause.clone());
            Box::pin(async move {
                let change = Change::begin(tx, directory.organization, now, &cause).await?;
                directories::insert(change.tx, &directory).await?;
                change.finish().await.map(drop)
            })
        })
        .await?;
    Ok(directory)
}

/// Changes the fields that are given.
pub async fn update(
    app: &App,
    scope: OrganizationScope,
    id: DirectoryId,
    fields: DirectoryFields,
) -> Result<Directory> {
    let now = app.clock.now();
    let organization = scope.organization();
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let fields = fields.clone();
            Box::pin(async move {
                let found = directories::find(tx, Some(organization), id).await?;
                let mut directory = found.ok_or_else(|| Error::not_found("directory", id))?;
                assign(&mut directory, fields)?;
                directory.updated_at = now;
                check_rules(tx, &directory).await?;
                directories::update(tx, &directory).await?;
                Ok(directory)
            })
        })
        .await
}

fn assign(directory: &mut Directory, fields: DirectoryFields) -> Result<()> {
    if let Some(name) = fields.name {
        directory.name = name;
    }
    if let Some(kind) = fields.kind {
        directory.kind = kind;
    }
    if let Some(settings) = fields.settings {
        directory.settings = settings;
    }
    for (field, text) in [("name", &directory.name), ("type", &directory.kind)] {
        if text.trim().is_empty() {
            return Err(Error::invalid(field, "required", format!("{field} must not be empty")));
        }
        if text.chars().count() > 256 {
            return Err(Error::invalid(field, "too_long", format!("{field} has 256 characters at most")));
        }
    }
    directory.catalogue().map(drop)
}

/// Rules look at attributes: a schema change that takes one away from under a rule in force is refused.
async fn check_rules(tx: &mut Tx, directory: &Directory) -> Result<()> {
    let catalogue = directory.catalogue()?;
    for rule in rules::applied(tx, directory.organization).await? {
        if rule.document.directory_id != Some(directory.id) {
            continue;
        }
        if let Err(error) = Rule::compile(rule.id, &rule.key, rule.version, rule.document, &catalogue) {
            let message = format!("the rule '{}' would no longer work: {error}; change the rule first", rule.key);
            return Err(Error::conflict("schema_in_use", message));
        }
    }
    Ok(())
}

/// The directory with this id, if the caller reaches it.
pub async fn get(app: &App, access: &ApiAccess, id: DirectoryId) -> Result<Directory> {
    let mut tx = app.db.read().await?;
    let found = directories::find(&mut tx, access.only(), id).await?;
    found.ok_or_else(|| Error::not_found("directory", id))
}

/// A page of the directories that the caller reaches.
pub async fn list(
    app: &App,
    access: &ApiAccess,
    organization: Option<OrganizationScope>,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Directory>> {
    let organization = organization.map(OrganizationScope::organization).or(access.only());
    let mut tx = app.db.read().await?;
    directories::list(&mut tx, organization, search, page).await
}
