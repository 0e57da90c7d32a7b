//! Directories: made, changed, found, listed; paused, resumed and removed in `lifecycle`.

pub mod lifecycle;

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::access::Access;
use super::change::{Change, Outcome};
use super::organizations;
use crate::app::App;
use crate::domain::directory::{Directory, DirectorySettings};
use crate::domain::id::DirectoryId;
use crate::domain::rule::Rule;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::store::directories::{self, Counts, Summary};
use crate::store::{Lane, Page, PageRequest, Tx, rules};

/// The type of a directory about which nothing is known.
pub const DEFAULT_TYPE: &str = "generic scim v2.0";

/// What of a directory an admin sets.
#[derive(Debug, Clone, Default)]
pub struct DirectoryFields {
    /// The name for people.
    pub name: Option<String>,
    /// The vendor's word for the kind.
    pub kind: Option<String>,
    /// What it allows and demands: each setting that is given, `null` for its default. The others stay.
    pub settings: Option<Map<String, Value>>,
}

/// Makes a directory.
pub async fn create(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    fields: DirectoryFields,
) -> Result<Outcome<Directory>> {
    let now = app.clock.now();
    let mut directory = Directory {
        id: DirectoryId::mint(now),
        organization: scope.organization(),
        name: String::new(),
        kind: DEFAULT_TYPE.to_owned(),
        state: "validating".to_owned(),
        paused_at: None,
        backlog: 0,
        leaving: None,
        settings: DirectorySettings::default(),
        created_at: now,
        updated_at: now,
    };
    assign(&mut directory, fields)?;
    let (stored, cause) = (directory.clone(), access.cause());
    let revision = app
        .db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (directory, cause) = (stored.clone(), cause.clone());
            Box::pin(async move {
                let change = Change::begin(tx, directory.organization, now, &cause).await?;
                directories::insert(change.tx, &directory).await?;
                change.finish().await
            })
        })
        .await?;
    Ok(Outcome { value: directory, revision })
}

/// Changes the fields that are given.
pub async fn update(
    app: &App,
    access: &Access,
    id: DirectoryId,
    fields: DirectoryFields,
) -> Result<Outcome<Directory>> {
    let now = app.clock.now();
    let organization = scope_of(app, access, id).await?.organization();
    let cause = access.cause();
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (fields, cause) = (fields.clone(), cause.clone());
            Box::pin(async move {
                let change = Change::begin(tx, organization, now, &cause).await?;
                let found = directories::find(change.tx, Some(organization), id).await?;
                let before = found.ok_or_else(|| Error::not_found("directory", id))?;
                let mut directory = before.clone();
                assign(&mut directory, fields)?;
                if directory != before {
                    directory.updated_at = now;
                    check_rules(change.tx, &directory).await?;
                    directories::update(change.tx, &directory).await?;
                }
                Ok(Outcome { value: directory, revision: change.finish().await? })
            })
        })
        .await
}

/// The scope of the organization that has this directory, if the caller reaches it.
pub async fn scope_of(app: &App, access: &Access, id: DirectoryId) -> Result<OrganizationScope> {
    access.organization(get(app, access, id).await?.organization)
}

fn assign(directory: &mut Directory, fields: DirectoryFields) -> Result<()> {
    if let Some(name) = fields.name {
        directory.name = name;
    }
    if let Some(kind) = fields.kind {
        directory.kind = kind;
    }
    if let Some(settings) = fields.settings {
        directory.settings = changed(&directory.settings, settings)?;
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

/// The settings with some of them set anew, or back to their defaults by `null`.
fn changed(settings: &DirectorySettings, changes: Map<String, Value>) -> Result<DirectorySettings> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(settings) else {
        return Err(Error::internal("settings are not an object"));
    };
    for (name, value) in changes {
        if value.is_null() {
            // A name that no setting has stays in, to be refused.
            if all.remove(&name).is_some() {
                continue;
            }
        }
        all.insert(name, value);
    }
    serde_path_to_error::deserialize(Value::Object(all)).map_err(|error| {
        let field = match error.path().to_string() {
            path if path == "." => "settings".to_owned(),
            path => format!("settings.{path}"),
        };
        Error::invalid(field, "invalid_setting", error.into_inner().to_string())
    })
}

/// A directory with what it holds, if the caller reaches it.
pub async fn get_with_counts(app: &App, access: &Access, id: DirectoryId) -> Result<(Directory, Counts)> {
    let directory = get(app, access, id).await?;
    let mut tx = app.db.read().await?;
    let counts = directories::counts(&mut tx, directory.organization, id).await?;
    Ok((directory, counts))
}

/// The directory with this id, if the caller reaches it.
pub async fn get(app: &App, access: &Access, id: DirectoryId) -> Result<Directory> {
    let mut tx = app.db.read().await?;
    let found = directories::find(&mut tx, access.only(), id).await?;
    found.ok_or_else(|| Error::not_found("directory", id))
}

/// The names of these directories, as far as they are there.
pub async fn names(
    app: &App,
    scope: OrganizationScope,
    ids: BTreeSet<DirectoryId>,
) -> Result<HashMap<DirectoryId, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    directories::names(&mut app.db.read().await?, scope.organization(), ids).await
}

/// A page of the directories that the caller reaches.
pub async fn list(
    app: &App,
    access: &Access,
    organization: Option<OrganizationScope>,
    search: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Directory>> {
    let mut tx = app.db.read().await?;
    if let Some(scope) = organization {
        organizations::require(&mut tx, scope).await?;
    }
    let organization = organization.map(OrganizationScope::organization).or(access.only());
    directories::list(&mut tx, organization, search, page).await
}

/// What each of these directories of an organization holds, and when it was last heard of.
pub async fn summaries(
    app: &App,
    scope: OrganizationScope,
    directories: impl IntoIterator<Item = DirectoryId>,
) -> Result<Vec<Summary>> {
    directories::summaries(&mut app.db.read().await?, scope.organization(), directories).await
}
