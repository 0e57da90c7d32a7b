//! The events of organizations, and of native users.

use chrono::{DateTime, Utc};

use super::Tx;
use super::statement::{Column, Rows, cell, sql};
use crate::domain::Result;
use crate::domain::event::Event;
use crate::domain::id::{EventId, OrganizationId, UserId};

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
    let text = format!(
        "INSERT INTO events (organization_id, position, id, event, data, context, created_at)
         SELECT $2, r.position, r.id, r.event, r.data, r.context, $3 FROM {} AS r",
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
        rows.push([cell(EventId::mint(now)), cell(user), cell(event.name), cell(event.data.to_string())]);
    }
    let columns = [("id", Column::Id), ("user_id", Column::Id), ("event", Column::Text), ("data", Column::Text)];
    let text = format!(
        "INSERT INTO user_events (id, user_id, event, data, context, created_at)
         SELECT r.id, r.user_id, r.event, r.data, $2, $3 FROM {} AS r",
        tx.rows(1, &columns)
    );
    tx.execute(sql(text).bind(rows).bind(context).bind(now)).await.map(drop)
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
