//! The log of identity providers' requests.

use chrono::{DateTime, Duration, Utc};

use super::statement::{Column, Param, Rows, cell, sql};
use super::{Page, PageRequest, Tx, containing};
use crate::domain::Result;
use crate::domain::id::{DirectoryId, OrganizationId, RequestId, ScimTokenId};

/// An entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestEntry {
    /// The id, which events name as their cause.
    pub id: RequestId,
    /// The organization.
    pub organization: OrganizationId,
    /// The directory that it came to.
    pub directory: DirectoryId,
    /// The token that was used.
    pub token: ScimTokenId,
    /// The HTTP method.
    pub method: String,
    /// The path below the base URL, without the query, which may hold personal data.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// The `scimType` of an error.
    pub scim_type: Option<String>,
    /// The sentence of an error.
    pub detail: Option<String>,
    /// The names of the tolerances that were used, as a JSON array.
    pub tolerances: String,
    /// The resource that it was about.
    pub resource: Option<String>,
    /// Who says they sent it.
    pub user_agent: Option<String>,
    /// What it did, step by step, as a JSON object.
    pub steps: Option<String>,
    /// What was sent, without secrets, where the directory keeps it.
    pub body: Option<String>,
    /// How many events it caused.
    pub events: i64,
    /// The organization's event position after the commit of a write: its events end there.
    pub last_position: Option<i64>,
    /// When it was answered.
    pub created_at: DateTime<Utc>,
}

/// Stores entries.
pub async fn insert(tx: &mut Tx, entries: &[RequestEntry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for entry in entries {
        rows.push([
            cell(entry.organization),
            cell(entry.id),
            cell(entry.directory),
            cell(entry.token),
            cell(entry.method.as_str()),
            cell(entry.path.as_str()),
            cell(i64::from(entry.status)),
            cell(entry.scim_type.as_deref()),
            cell(entry.detail.as_deref()),
            cell(entry.tolerances.as_str()),
            cell(entry.resource.as_deref()),
            cell(entry.user_agent.as_deref()),
            cell(entry.steps.as_deref()),
            cell(entry.body.as_deref()),
            cell(entry.events),
            cell(entry.last_position),
            cell(entry.created_at),
        ]);
    }
    let columns = [
        ("organization_id", Column::Id),
        ("id", Column::Id),
        ("directory_id", Column::Id),
        ("token_id", Column::Id),
        ("method", Column::Text),
        ("path", Column::Text),
        ("status", Column::Int),
        ("scim_type", Column::Text),
        ("detail", Column::Text),
        ("tolerances", Column::Text),
        ("resource_id", Column::Text),
        ("user_agent", Column::Text),
        ("steps", Column::Text),
        ("body", Column::Text),
        ("events", Column::Int),
        ("last_position", Column::Int),
        ("created_at", Column::Time),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    // The directory may be gone by the time that a batch of reads is written.
    let text = format!(
        "INSERT INTO requests ({names}) SELECT {names} FROM {} AS r
         WHERE EXISTS (SELECT 1 FROM directories d WHERE d.organization_id = r.organization_id AND d.id = r.directory_id)",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows)).await.map(drop)
}

/// An entry as a list shows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedRequest {
    /// The id.
    pub id: RequestId,
    /// The directory that it came to.
    pub directory_id: DirectoryId,
    /// The HTTP method.
    pub method: String,
    /// The path below the base URL.
    pub path: String,
    /// The status of the answer.
    pub status: i64,
    /// The `scimType` of an error.
    pub scim_type: Option<String>,
    /// The sentence of an error.
    pub detail: Option<String>,
    /// The names of the tolerances that were used, as a JSON array.
    pub tolerances: String,
    /// The resource that it was about.
    pub resource_id: Option<String>,
    /// Who says they sent it.
    pub user_agent: Option<String>,
    /// What it did, step by step, as a JSON object.
    pub steps: Option<String>,
    /// How many events it caused.
    pub events: i64,
    /// When it was answered.
    pub created_at: DateTime<Utc>,
}

/// An entry with what a list leaves out.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WholeRequest {
    /// As a list shows it.
    #[sqlx(flatten)]
    pub listed: ListedRequest,
    /// What was sent, without secrets, where it was kept.
    pub body: Option<String>,
    /// The position of its last event, of a write.
    pub last_position: Option<i64>,
}

const LISTED: &str =
    "r.id, r.directory_id, r.method, r.path, r.status, r.scim_type, r.detail, r.tolerances, r.resource_id,
                      r.user_agent, r.steps, r.events, r.created_at";

/// The entry of this request, if the organization has it.
pub async fn find(tx: &mut Tx, organization: OrganizationId, id: RequestId) -> Result<Option<WholeRequest>> {
    let text =
        format!("SELECT {LISTED}, r.body, r.last_position FROM requests r WHERE r.organization_id = $1 AND r.id = $2");
    tx.fetch_optional(sql(text).bind(organization).bind(id)).await
}

/// Which entries a list is about.
#[derive(Debug, Default)]
pub struct Search {
    /// Only those that came to this directory.
    pub directory: Option<DirectoryId>,
    /// Only those that were refused.
    pub refused: bool,
    /// Only with this as part of the path, the reason, the `User-Agent` or the resource's id, without case; of the latest
    /// [`LOOKED_THROUGH`] of the organization, since no index helps.
    pub text: Option<String>,
    /// Only with a status in one of these ranges, ends included; all when empty.
    pub statuses: Vec<(i64, i64)>,
    /// Only with one of these methods; all when empty.
    pub methods: Vec<String>,
    /// Only about this resource.
    pub resource: Option<String>,
    /// Only from this time on.
    pub since: Option<DateTime<Utc>>,
}

/// An entry's id is minted when its request comes, its time noted when the answer goes; no request takes so long.
const LONGEST_REQUEST: Duration = Duration::hours(1);

/// How many of the latest requests are looked through for a text.
pub const LOOKED_THROUGH: i64 = 20_000;

/// A page of an organization's log.
pub async fn list(
    tx: &mut Tx,
    organization: OrganizationId,
    search: &Search,
    page: &PageRequest,
) -> Result<Page<ListedRequest>> {
    let mut text = format!("SELECT {LISTED} FROM requests r WHERE r.organization_id = $1");
    let mut params: Vec<Param> = vec![organization.into()];
    if let Some(directory) = search.directory {
        params.push(directory.into());
        text.push_str(&format!(" AND r.directory_id = ${}", params.len()));
    }
    if search.refused {
        // In the words of the index of those.
        text.push_str(" AND r.status >= 400");
    }
    if let Some(part) = &search.text {
        params.extend([LOOKED_THROUGH.into(), RequestId::nil().into(), containing(part).into()]);
        let n = params.len();
        text.push_str(&format!(
            " AND r.id >= COALESCE((SELECT x.id FROM requests x WHERE x.organization_id = $1
                ORDER BY x.id DESC LIMIT 1 OFFSET ${}), ${})
              AND (LOWER(r.path) LIKE ${n} ESCAPE '\\' OR LOWER(r.detail) LIKE ${n} ESCAPE '\\'
                OR LOWER(r.user_agent) LIKE ${n} ESCAPE '\\' OR LOWER(r.resource_id) LIKE ${n} ESCAPE '\\')",
            n - 2,
            n - 1
        ));
    }
    if !search.statuses.is_empty() {
        let mut ranges = Rows::default();
        for (from, to) in &search.statuses {
            ranges.push([cell(*from), cell(*to)]);
        }
        params.push(ranges.into());
        let ranges = tx.rows(params.len(), &[("low", Column::Int), ("high", Column::Int)]);
        text.push_str(&format!(" AND EXISTS (SELECT 1 FROM {ranges} AS s WHERE r.status BETWEEN s.low AND s.high)"));
    }
    if !search.methods.is_empty() {
        params.push(Rows::texts(search.methods.iter().cloned()).into());
        let methods = tx.rows(params.len(), &[("method", Column::Text)]);
        text.push_str(&format!(" AND r.method IN (SELECT method FROM {methods} AS w)"));
    }
    if let Some(resource) = &search.resource {
        params.push(resource.into());
        text.push_str(&format!(" AND r.resource_id = ${}", params.len()));
    }
    if let Some(since) = search.since {
        // The bound on the id lets the index end the walk; the time decides.
        params.extend([RequestId::first_at(since - LONGEST_REQUEST).into(), since.into()]);
        text.push_str(&format!(" AND r.id >= ${} AND r.created_at >= ${}", params.len() - 1, params.len()));
    }
    Ok(page.page(tx.fetch_all(page.complete(&text, params, "r.id")).await?))
}
