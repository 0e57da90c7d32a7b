//! The events of organizations, and of native users: written here, read by `feed`.

pub mod feed;

use chrono::{DateTime, Duration, Utc};

use super::Tx;
use super::statement::{Column, Rows, cell, sql};
use crate::domain::Result;
use crate::domain::event::Event;
use crate::domain::id::{EventId, OrganizationId, RequestId, UserId};

/// An event with its place.
#[derive(Debug)]
pub struct NewEvent {
    /// 1, 2, 3 … within the organization.
    pub position: i64,
    /// Greater than that of the event before.
    pub id: EventId,
    /// What happened.
    pub event: Event,
    /// Why, as JSON text.
    pub context: String,
}

/// Stores events.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, new: Vec<NewEvent>, now: DateTime<Utc>) -> Result<()> {
    let mut rows = Rows::default();
    for NewEvent { position, id, event, context } in new {
        rows.push([cell(position), cell(id), cell(event.name), cell(event.data.to_string()), cell(context)]);
    }
    let columns = [
        ("position", Column::Int),
        ("id", Column::Id),
        ("event", Column::Text),
        ("data", Column::Text),
        ("context", Column::Text),
    ];
    let order = next_commit_order(tx).await?;
    let text = format!(
        "INSERT INTO events (organization_id, position, id, event, data, context, created_at, commit_order)
         SELECT $2, r.position, r.id, r.event, r.data, r.context, $3, {order} FROM {} AS r",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(organization).bind(now)).await.map(drop)
}

/// Stores events of native users.
pub async fn insert_of_users(tx: &mut Tx, new: Vec<(UserId, Event)>, context: &str, now: DateTime<Utc>) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    for (user, event) in new {
        // Within a transaction ids alone tell the order.
        let id = EventId::mint_after(now, tx.told.last_of_users);
        tx.told.last_of_users = Some(id);
        rows.push([cell(id), cell(user), cell(event.name), cell(event.data.to_string())]);
    }
    let columns = [("id", Column::Id), ("user_id", Column::Id), ("event", Column::Text), ("data", Column::Text)];
    let order = next_commit_order(tx).await?;
    let text = format!(
        "INSERT INTO user_events (id, user_id, event, data, context, created_at, commit_order)
         SELECT r.id, r.user_id, r.event, r.data, $2, $3, {order} FROM {} AS r",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(context).bind(now)).await.map(drop)
}

/// The expression for the place of what this transaction tells, in the feed over all organizations. Whoever waits
/// for news is woken after the commit.
async fn next_commit_order(tx: &mut Tx) -> Result<&'static str> {
    tx.told.anything = true;
    if let Some(step) = tx.engine().commit_order_step() {
        tx.execute(sql(step)).await?;
    }
    Ok(tx.engine().commit_order())
}

/// What a transaction has told so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Whether it wrote any event.
    pub anything: bool,
    /// The last event of native users that it wrote.
    pub last_of_users: Option<EventId>,
}

/// A stored event.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredEvent {
    /// Its place within the organization.
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// The name.
    pub event: String,
    /// The object, as JSON text.
    pub data: String,
    /// The cause, as JSON text.
    pub context: String,
    /// When it was committed.
    pub created_at: DateTime<Utc>,
}

/// The events of an organization after `position`, oldest first.
pub async fn after(tx: &mut Tx, organization: OrganizationId, position: i64, limit: i64) -> Result<Vec<StoredEvent>> {
    let stmt = sql("SELECT position, id, event, data, context, created_at FROM events
         WHERE organization_id = $1 AND position > $2 ORDER BY position LIMIT $3");
    tx.fetch_all(stmt.bind(organization).bind(position).bind(limit)).await
}

/// How long after a request came its events may have been written.
const LONGEST_REQUEST: Duration = Duration::minutes(10);
/// How many events are looked through for those of one request.
const LOOKED_THROUGH: i64 = 10_000;

/// The events that a request of a key or an operator caused, oldest first.
pub async fn of_request(
    tx: &mut Tx,
    organization: OrganizationId,
    request: RequestId,
    limit: i64,
) -> Result<Vec<StoredEvent>> {
    let came = request.time();
    // Ids begin with a time, so the index leads to the few events that can be meant.
    let stmt = sql("SELECT position, id, event, data, context, created_at FROM (
            SELECT position, id, event, data, context, created_at FROM events
            WHERE organization_id = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $6) AS e
         WHERE e.context LIKE $4 ORDER BY e.position LIMIT $5")
    .bind(organization)
    .bind(EventId::first_at(came - Duration::minutes(1)))
    .bind(EventId::first_at(came + LONGEST_REQUEST))
    .bind(format!("%\"{request}\"%"))
    .bind(limit)
    .bind(LOOKED_THROUGH);
    tx.fetch_all(stmt).await
}
