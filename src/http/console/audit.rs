//! The audit log: what admins did, whether it is whole, and all of it for a spreadsheet.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream;

use super::csv;
use super::failure::PageFailure;
use super::filters;
use super::frame::{Frame, Section, page};
use super::paging::Pager;
use super::realm::Realm;
use crate::app::App;
use crate::domain::Result;
use crate::domain::audit::AuditEvent;
use crate::domain::clock::timestamp;
use crate::domain::id::{AuditEventLabel, OrganizationId};
use crate::http::openapi::serve::Described;
use crate::service::access::Access;
use crate::service::audit::{self, Check, Search};
use crate::store::{Order, PageRequest};

/// Rows of a table for spreadsheets at the most.
const MOST_ROWS: usize = 10_000;
/// How many of them are read at a time.
const CHUNK: i64 = 500;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct Audit {
    frame: Frame,
    rows: Vec<AuditEvent>,
    pager: Pager,
    actions: &'static BTreeSet<&'static str>,
    actor: String,
    action: String,
    check: Option<Check>,
    /// The names of organizations, on the page of the environment.
    names: HashMap<OrganizationId, String>,
    csv: String,
    check_href: String,
}

/// Everything that can be done, for the filter.
static ACTIONS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();

fn actions(app: &App, described: &Described) -> BTreeSet<&'static str> {
    let pages = super::table(app);
    let of_pages = pages.list().iter().filter_map(|page| page.action);
    described.actions().chain(of_pages).chain(["becomeFirstOwner", "choosePassword", "signInByOidc"]).collect()
}

impl Audit {
    /// What was asked for, to be read.
    fn detail(event: &AuditEvent) -> String {
        serde_json::to_string_pretty(&event.detail).unwrap_or_default()
    }

    /// Where the events of the request are; those of no organization are nowhere.
    fn events(event: &AuditEvent) -> Option<String> {
        let (organization, request) = (event.organization?, event.request?);
        Some(format!("/console/{organization}/events?request={request}"))
    }
}

fn search(realm: &Realm) -> Search {
    Search { organization: realm.organization_id(), actor: realm.filled("actor"), action: realm.filled("action") }
}

/// `GET …/audit`; with `check`, the chain is checked, too.
pub async fn list(
    State(app): State<App>,
    Extension(described): Extension<Arc<Described>>,
    realm: Realm,
) -> Result<Response, PageFailure> {
    let found = audit::list(&app, &realm.access, search(&realm), &realm.page_of::<AuditEventLabel>()).await?;
    let check = match realm.filled("check") {
        Some(_) => Some(audit::check(&app, &realm.access, realm.organization_id()).await?),
        None => None,
    };
    let names = if realm.organization.is_some() {
        HashMap::new()
    } else {
        let ids = found.rows.iter().filter_map(|event| event.organization).collect();
        audit::names(&app, &realm.access, ids).await?
    };
    let filter = ["actor", "action"];
    let pager = Pager::of(&found, &realm.path_with("/audit", &filter), |event| event.id.to_string());
    page(&Audit {
        frame: realm.frame(&app, Section::Audit, "Audit log"),
        rows: found.rows,
        pager,
        actions: ACTIONS.get_or_init(|| actions(&app, &described)),
        actor: realm.asked("actor").to_owned(),
        action: realm.asked("action").to_owned(),
        check,
        names,
        csv: realm.path_with("/audit.csv", &filter),
        check_href: realm.path("/audit?check=yes#check"),
    })
}

/// `GET …/audit.csv`: the newest entries, up to 10,000.
pub async fn export(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let head = [
        "created_at",
        "actor",
        "actor_id",
        "source",
        "action",
        "target",
        "organization_id",
        "position",
        "request_id",
        "address",
        "detail",
        "digest",
    ];
    // Spreadsheets take a text for UTF-8 when it begins so.
    let head = format!("\u{feff}{}", csv::row(head));
    let reader = Reader { app, access: realm.access.clone(), search: search(&realm), after: None, rows: 0, head };
    let mut response = Body::from_stream(stream::try_unfold(reader, Reader::next)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let name = HeaderValue::from_static("attachment; filename=\"muster-audit.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// How far an export is.
struct Reader {
    app: App,
    access: Access,
    search: Search,
    /// The last entry that was told; `None` when nothing is left.
    after: Option<uuid::Uuid>,
    rows: usize,
    head: String,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(String, Self)>> {
        let mut text = std::mem::take(&mut self.head);
        if text.is_empty() && self.after.is_none() || self.rows >= MOST_ROWS {
            return Ok(None);
        }
        let request = PageRequest { after: self.after, before: None, limit: CHUNK, order: Order::Descending };
        let found = audit::list(&self.app, &self.access, self.search.clone(), &request).await?;
        self.rows += found.rows.len();
        self.after = found.rows.last().filter(|_| found.has_after).map(|event| event.id.uuid());
        found.rows.iter().for_each(|event| text.push_str(&line(event)));
        if self.rows >= MOST_ROWS && self.after.is_some() {
            let note = format!("These are the newest {MOST_ROWS} entries; page through /audit_events for the others.");
            text.push_str(&csv::row([note.as_str()]));
        }
        Ok(Some((text, self)))
    }
}

fn line(event: &AuditEvent) -> String {
    let text = |id: Option<String>| id.unwrap_or_default();
    csv::row([
        timestamp(event.created_at).as_str(),
        &event.actor.name,
        &event.actor.id,
        event.actor.source.as_str(),
        &event.action,
        &event.target,
        &text(event.organization.map(|id| id.to_string())),
        &event.position.to_string(),
        &text(event.request.map(|id| id.to_string())),
        &text(event.address.clone()),
        &event.detail.to_string(),
        &event.digest,
    ])
}
