//! Resources of a directory in the order of their ids: what SCIM lists and queries read.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::narrow::Narrowed;
use super::statement::{Column, Param, Rows, Stmt, cell, sql};
use super::{Tx, object};
use crate::domain::scope::DirectoryScope;
use crate::domain::{Error, Id, Result};

/// Which table holds resources of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Users.
    Users,
    /// Groups.
    Groups,
    /// Every custom type.
    Custom,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Users => "directory_users",
            Table::Groups => "directory_groups",
            Table::Custom => "directory_resources",
        }
    }
}

/// The resources that a search is over.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// The directory.
    pub scope: DirectoryScope,
    /// Where they are.
    pub table: Table,
    /// The name of the custom type.
    pub custom_type: Option<&'a str>,
    /// The condition that narrows them.
    pub narrowed: Option<&'a Narrowed>,
}

/// A resource as it is stored, whatever its type.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResource {
    /// The 16 bytes of its id.
    pub id: Uuid,
    /// The SCIM document.
    pub document: Map<String, Value>,
    /// Its version.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    document: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for StoredResource {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(StoredResource {
            id: row.id,
            document: object(&row.document)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const COLUMNS: &str = "t.id, t.document, t.version, t.created_at, t.updated_at";

impl Source<'_> {
    /// `SELECT … FROM … WHERE`, with its parameters.
    fn select(&self, what: &str) -> (String, Vec<Param>) {
        let mut params: Vec<Param> = vec![self.scope.organization().into(), self.scope.directory().into()];
        let mut text =
            format!("SELECT {what} FROM {} t WHERE t.organization_id = $1 AND t.directory_id = $2", self.table.name());
        if let Some(kind) = self.custom_type {
            params.push(kind.into());
            text.push_str(&format!(" AND t.resource_type = ${}", params.len()));
        }
        if let Some(narrowed) = self.narrowed {
            text.push_str(&format!(" AND {}", narrowed.numbered(params.len())));
            params.extend(narrowed.params.iter().cloned());
        }
        (text, params)
    }

    /// How many there are.
    pub async fn count(&self, tx: &mut Tx) -> Result<u64> {
        let (text, params) = self.select("COUNT(*)");
        let row: (i64,) = tx.fetch_one(statement(text, params)).await?;
        Ok(u64::try_from(row.0).unwrap_or_default())
    }

    /// Up to `limit` of them by id, after `after` and then without the first `skip`.
    pub async fn page(&self, tx: &mut Tx, after: Option<Uuid>, skip: u64, limit: u64) -> Result<Vec<StoredResource>> {
        let (mut text, mut params) = self.select(COLUMNS);
        if let Some(after) = after {
            params.push(Param::Id(Some(after)));
            text.push_str(&format!(" AND t.id > ${}", params.len()));
        }
        let number = |n: u64| Param::Int(Some(i64::try_from(n).unwrap_or(i64::MAX)));
        params.extend([number(limit), number(skip)]);
        text.push_str(&format!(" ORDER BY t.id LIMIT ${} OFFSET ${}", params.len() - 1, params.len()));
        let rows: Vec<Row> = tx.fetch_all(statement(text, params)).await?;
        rows.into_iter().map(StoredResource::try_from).collect()
    }

    /// Those with these ids, in no order.
    pub async fn by_ids(&self, tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<StoredResource>> {
        let mut rows = Rows::default();
        for id in ids {
            rows.push([cell(Id::<()>::from_uuid(*id))]);
        }
        let text = format!(
            "SELECT {COLUMNS} FROM {} {} t
             ON t.organization_id = $2 AND t.id = r.id AND t.directory_id = $3",
            tx.driving(1, &[("id", Column::Id)]),
            self.table.name()
        );
        let stmt = sql(text).bind(rows).bind(self.scope.organization()).bind(self.scope.directory());
        let rows: Vec<Row> = tx.fetch_all(stmt).await?;
        rows.into_iter().map(StoredResource::try_from).collect()
    }
}

fn statement(text: String, params: Vec<Param>) -> Stmt {
    params.into_iter().fold(sql(text), Stmt::bind)
}
