//! Reading resources: one, or a list by filter, order and page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::members::member_value;
use crate::app::App;
use crate::domain::clock::timestamp;
use crate::domain::id::{DirectoryGroupId, DirectoryResourceId, DirectoryUserId};
use crate::domain::{Error, Result};
use crate::scim::cursor;
use crate::scim::dialect::Tolerances;
use crate::scim::filter::{self, ResolvedFilter};
use crate::scim::list::{ListResponse, Page, Query};
use crate::scim::projection::Projection;
use crate::scim::schema::ResourceDefinition;
use crate::scim::sort::{SortBy, SortKey};
use crate::service::keys::ScimAccess;
use crate::store::narrow::{Narrowed, narrow};
use crate::store::search::{Source, StoredResource, Table};
use crate::store::{Tx, edges};

/// How many resources a scan holds at a time.
const SCAN: u64 = 500;
/// How long a cursor is good for.
pub const CURSOR_TIMEOUT: Duration = Duration::from_hours(1);

/// Which ids a resource type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub Table);

impl Kind {
    /// The kind of a resource type.
    pub fn of(definition: &ResourceDefinition) -> Self {
        Kind(match definition.name.as_str() {
            "User" => Table::Users,
            "Group" => Table::Groups,
            _ => Table::Custom,
        })
    }

    fn id_text(self, id: Uuid) -> String {
        match self.0 {
            Table::Users => DirectoryUserId::from_uuid(id).to_string(),
            Table::Groups => DirectoryGroupId::from_uuid(id).to_string(),
            Table::Custom => DirectoryResourceId::from_uuid(id).to_string(),
        }
    }

    fn parse(self, id: &str) -> Option<Uuid> {
        match self.0 {
            Table::Users => id.parse::<DirectoryUserId>().ok().map(DirectoryUserId::uuid),
            Table::Groups => id.parse::<DirectoryGroupId>().ok().map(DirectoryGroupId::uuid),
            Table::Custom => id.parse::<DirectoryResourceId>().ok().map(DirectoryResourceId::uuid),
        }
    }
}

/// The whole resource as a client sees it: document, `id` and `meta`.
pub fn complete(stored: &StoredResource, definition: &ResourceDefinition, base_url: &str) -> Map<String, Value> {
    let id = Kind::of(definition).id_text(stored.id);
    let mut document = stored.document.clone();
    document.insert(
        "meta".to_owned(),
        meta(definition, &id, stored.version, (stored.created_at, stored.updated_at), base_url),
    );
    document.insert("id".to_owned(), Value::String(id));
    document
}

fn meta(
    definition: &ResourceDefinition,
    id: &str,
    version: i64,
    (created, modified): (DateTime<Utc>, DateTime<Utc>),
    base_url: &str,
) -> Value {
    json!({
        "resourceType": definition.name,
        "created": timestamp(created),
        "lastModified": timestamp(modified),
        "location": format!("{base_url}{}/{id}", definition.endpoint),
        "version": super::etag(version),
    })
}

/// What reading needs to know.
pub struct Reading<'a> {
    app: &'a App,
    access: &'a ScimAccess,
    definition: &'a Arc<ResourceDefinition>,
    base_url: String,
}

impl<'a> Reading<'a> {
    /// Reading resources of a type as `access` may.
    pub fn new(app: &'a App, access: &'a ScimAccess, definition: &'a Arc<ResourceDefinition>) -> Self {
        Reading { app, access, definition, base_url: app.config.scim_base_url(access.directory.id) }
    }

    fn source<'n>(&'n self, narrowed: Option<&'n Narrowed>) -> Source<'n> {
        let table = Kind::of(self.definition).0;
        Source {
            scope: self.access.scope,
            table,
            custom_type: (table == Table::Custom).then_some(self.definition.name.as_str()),
            narrowed,
        }
    }

    /// The stored resource with this id.
    pub async fn find(&self, tx: &mut Tx, id: &str) -> Result<StoredResource> {
        let missing = || {
            Error::not_found(
                if self.definition.name == "User" {
                    "User"
                } else if self.definition.is_group() {
                    "Group"
                } else {
                    "Resource"
                },
                id,
            )
        };
        let uuid = Kind::of(self.definition).parse(id).ok_or_else(missing)?;
        let found = self.source(None).by_ids(tx, &[uuid]).await?.into_iter().next().ok_or_else(missing)?;
        Ok(found)
    }

    /// Resources as clients see them, with what is computed: a user's `groups`, a group's `members`.
    pub async fn render(
        &self,
        tx: &mut Tx,
        stored: &[StoredResource],
        wants: impl Fn(&str) -> bool,
    ) -> Result<Vec<Map<String, Value>>> {
        let mut groups = HashMap::new();
        let mut members = HashMap::new();
        let organization = self.access.scope.organization();
        match Kind::of(self.definition).0 {
            Table::Users if wants("groups") && !stored.is_empty() => {
                groups = self.groups_of(tx, stored).await?;
            }
            Table::Groups if wants("members") && !stored.is_empty() => {
                let ids = stored.iter().map(|resource| DirectoryGroupId::from_uuid(resource.id));
                for (group, edge) in edges::of_groups(tx, organization, ids).await? {
                    let list: &mut Vec<Value> = members.entry(group.uuid()).or_default();
                    list.push(member_value(&edge, &self.base_url));
                }
            }
            _ => {}
        }
        Ok(stored
            .iter()
            .map(|resource| {
                let mut document = complete(resource, self.definition, &self.base_url);
                if let Some(groups) = groups.remove(&resource.id) {
                    document.insert("groups".to_owned(), Value::Array(groups));
                }
                if let Some(members) = members.remove(&resource.id) {
                    document.insert("members".to_owned(), Value::Array(members));
                }
                document
            })
            .collect())
    }

    async fn groups_of(&self, tx: &mut Tx, stored: &[StoredResource]) -> Result<HashMap<Uuid, Vec<Value>>> {
        let ids = stored.iter().map(|resource| DirectoryUserId::from_uuid(resource.id));
        let mut groups: HashMap<Uuid, Vec<Value>> = HashMap::new();
        for group in edges::groups_of(tx, self.access.scope.organization(), ids).await? {
            groups.entry(group.user_id.uuid()).or_default().push(json!({
                "value": group.group_id,
                "$ref": format!("{}/Groups/{}", self.base_url, group.group_id),
                "display": group.display_name,
                "type": if group.direct { "direct" } else { "indirect" },
            }));
        }
        Ok(groups)
    }

    /// One resource, projected.
    pub async fn one(&self, id: &str, projection: &Projection) -> Result<(Map<String, Value>, i64)> {
        let mut tx = self.app.db.read().await?;
        let stored = self.find(&mut tx, id).await?;
        let rendered = self.render(&mut tx, std::slice::from_ref(&stored), |name| projection.wants(name)).await?;
        let mut document = rendered.into_iter().next().ok_or_else(|| Error::internal("a resource was not rendered"))?;
        projection.apply(&mut document);
        Ok((document, stored.version))
    }

    /// The resources that match a query (RFC 7644 section 3.4.2), projected.
    pub async fn list(&self, query: &Query, tolerances: &mut Tolerances) -> Result<ListResponse<Map<String, Value>>> {
        let projection = Projection::parse(query.attributes.as_deref(), query.excluded.as_deref(), self.definition)?;
        let filter = self.resolve(query, tolerances)?;
        let sort = query.sort_by.as_deref().and_then(|by| SortBy::resolve(by, query.order, self.definition));
        let mut tx = self.app.db.snapshot().await?;
        let found = Search { reading: self, filter: filter.as_ref(), sort: sort.as_ref(), query }.run(&mut tx).await?;
        let rendered = self.render(&mut tx, &found.resources, |name| projection.wants(name)).await?;
        let resources = rendered.into_iter().map(|mut document| {
            projection.apply(&mut document);
            document
        });
        let resources = resources.collect();
        Ok(match &query.page {
            Page::Index { start, .. } => ListResponse::by_index(found.total, *start, resources),
            Page::Cursor { .. } => ListResponse::by_cursor(found.total, resources, found.next, None),
        })
    }

    /// The query's filter, its names looked up.
    pub fn resolve(&self, query: &Query, tolerances: &mut Tolerances) -> Result<Option<ResolvedFilter>> {
        let Some(text) = query.filter.as_deref() else { return Ok(None) };
        let strictness = self.access.directory.settings.strictness();
        let parsed = filter::parse(text, strictness, tolerances)
            .and_then(|parsed| filter::resolve(&parsed, self.definition, tolerances));
        Ok(Some(parsed.map_err(crate::scim::error::ScimError::from)?))
    }
}

/// The page that was found.
struct Found {
    total: u64,
    resources: Vec<StoredResource>,
    next: Option<String>,
}

/// One search over one resource type.
struct Search<'s, 'a> {
    reading: &'s Reading<'a>,
    filter: Option<&'s ResolvedFilter>,
    sort: Option<&'s SortBy<'s>>,
    query: &'s Query,
}

impl Search<'_, '_> {
    async fn run(&self, tx: &mut Tx) -> Result<Found> {
        let narrowed = self.filter.and_then(|filter| narrow(filter, Kind::of(self.reading.definition).0));
        let covered = self.filter.is_none() || narrowed.as_ref().is_some_and(|narrowed| narrowed.exact);
        let source = self.reading.source(narrowed.as_ref());
        if covered && self.sort.is_none() { self.by_sql(tx, &source).await } else { self.by_scan(tx, &source).await }
    }

    /// Everything that a cursor is bound to.
    fn cursor_scope(&self) -> [String; 4] {
        [
            self.reading.access.directory.id.to_string(),
            self.reading.definition.name.clone(),
            self.query.filter.clone().unwrap_or_default(),
            format!("{} {}", self.sort.map(SortBy::path).unwrap_or_default(), self.query.order.as_str()),
        ]
    }

    fn seal(&self, position: &str) -> String {
        let scope = self.cursor_scope();
        let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
        cursor::seal(&self.reading.app.config.cursor_key, &scope, position, self.reading.app.clock.now())
    }

    fn open(&self, cursor: &str) -> Result<String> {
        let scope = self.cursor_scope();
        let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
        let (key, now) = (&self.reading.app.config.cursor_key, self.reading.app.clock.now());
        Ok(cursor::open(key, &scope, cursor, now, CURSOR_TIMEOUT)?)
    }

    /// The whole query in SQL: the condition selects exactly the matches, and ids are in the wanted order.
    async fn by_sql(&self, tx: &mut Tx, source: &Source<'_>) -> Result<Found> {
        let total = source.count(tx).await?;
        match &self.query.page {
            Page::Index { count: 0, .. } | Page::Cursor { count: 0, .. } => {
                Ok(Found { total, resources: Vec::new(), next: None })
            }
            Page::Index { start, count } => {
                let resources = source.page(tx, None, start.saturating_sub(1), *count).await?;
                Ok(Found { total, resources, next: None })
            }
            Page::Cursor { cursor, count } => {
                let after = cursor.as_deref().map(|cursor| self.open(cursor)).transpose()?;
                let after = after.and_then(|text| text.parse().ok());
                let mut resources = source.page(tx, after, 0, count + 1).await?;
                let more = resources.len() as u64 > *count;
                resources.truncate(usize::try_from(*count).unwrap_or(usize::MAX));
                let next = resources.last().filter(|_| more).map(|last| self.seal(&last.id.to_string()));
                Ok(Found { total, resources, next })
            }
        }
    }

    /// Candidates in chunks through the evaluator; only keys of matches are held.
    async fn by_scan(&self, tx: &mut Tx, source: &Source<'_>) -> Result<Found> {
        let mut matches: Vec<(Option<SortKey>, Uuid)> = Vec::new();
        let mut after = None;
        loop {
            let chunk = source.page(tx, after, 0, SCAN).await?;
            let Some(last) = chunk.last() else { break };
            after = Some(last.id);
            let needed = |name: &str| {
                self.filter.is_some_and(|filter| filter.mentions(name))
                    || self.sort.is_some_and(|sort| sort.extension.is_none() && sort.attribute.name == name)
            };
            let rendered = self.reading.render(tx, &chunk, needed).await?;
            for (stored, mut document) in chunk.iter().zip(rendered) {
                name_members_by_id(&mut document);
                if self.filter.is_none_or(|filter| filter.matches(&document)) {
                    matches.push((self.sort.and_then(|sort| sort.key(&document)), stored.id));
                }
            }
            if (chunk.len() as u64) < SCAN {
                break;
            }
        }
        if let Some(sort) = self.sort {
            // Stable: equal keys stay in the order of their ids.
            matches.sort_by(|(one, _), (other, _)| sort.compare(one.as_ref(), other.as_ref()));
        }
        let total = matches.len() as u64;
        let (start, count, by_cursor) = match &self.query.page {
            Page::Index { start, count } => (start.saturating_sub(1), *count, false),
            Page::Cursor { cursor, count } => {
                let start = cursor.as_deref().map(|cursor| self.open(cursor)).transpose()?;
                (start.and_then(|text| text.parse().ok()).unwrap_or(0), *count, true)
            }
        };
        let skip = usize::try_from(start).unwrap_or(usize::MAX);
        let take = usize::try_from(count).unwrap_or(usize::MAX);
        let ids: Vec<Uuid> = matches.into_iter().skip(skip).take(take).map(|(_, id)| id).collect();
        let end = start.saturating_add(ids.len() as u64);
        let next = (by_cursor && count > 0 && end < total).then(|| self.seal(&end.to_string()));
        let mut by_id: HashMap<Uuid, StoredResource> =
            self.reading.source(None).by_ids(tx, &ids).await?.into_iter().map(|found| (found.id, found)).collect();
        let resources = ids.iter().filter_map(|id| by_id.remove(id)).collect();
        Ok(Found { total, resources, next })
    }
}

/// Adds the id of each member that the client named otherwise, so that a filter finds it by either, as it
/// does where SQL narrows by members.
fn name_members_by_id(document: &mut Map<String, Value>) {
    let Some(Value::Array(members)) = document.get_mut("members") else { return };
    let by_id = |member: &Value| {
        let id = member.get("$ref")?.as_str()?.rsplit('/').next()?;
        let mut named = member.clone();
        named["value"] = id.into();
        (named != *member).then_some(named)
    };
    let named: Vec<Value> = members.iter().filter_map(by_id).collect();
    members.extend(named);
}
