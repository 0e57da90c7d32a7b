//! The feed: events in an order that readers can follow without missing one.
//!
//! The events of one organization have the order of their positions, which are handed out under the organization's
//! lock. Those of all organizations and of native users have the order of the transactions that wrote them
//! (`commit_order`), and within one that of their ids; only what no running transaction could still precede is
//! shown. Ids alone would not do: they begin with a time that is read before the transaction.

use chrono::{DateTime, Duration, Utc};

use super::super::statement::{Param, Stmt, sql};
use super::super::{Order, Page, PageRequest, Tx};
use crate::domain::event::FeedEvent;
use crate::domain::event_names::{emitted, may_be_emitted, of_users};
use crate::domain::id::{EventId, OrganizationId};
use crate::domain::{Error, Result};

/// How far the time in an id, the time of a change and the place of its transaction may lie apart.
const SLACK: Duration = Duration::minutes(10);

/// Whose events a feed has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One organization's.
    Organization(OrganizationId),
    /// Every organization's, and those of native users.
    Environment,
}

impl Reach {
    /// The column that orders a feed; ids break ties.
    fn order(self) -> &'static str {
        match self {
            Reach::Organization(_) => "position",
            Reach::Environment => "commit_order",
        }
    }
}

/// Where an event stands in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct Place {
    /// The value of the column that orders the feed.
    place: i64,
    id: EventId,
}

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Whose.
    pub reach: Reach,
    /// Their names.
    pub names: Vec<&'static str>,
    /// Of changes at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Of changes at this time or earlier.
    pub until: Option<DateTime<Utc>>,
}

/// The part of a feed that is wanted: as [`PageRequest`], by places.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Events that follow this place in list order.
    pub after: Option<Place>,
    /// Events right before this place in list order.
    pub before: Option<Place>,
    /// How many at the most.
    pub limit: i64,
    /// Oldest or newest first.
    pub order: Order,
}

#[derive(sqlx::FromRow)]
struct FeedRow {
    organization_id: Option<OrganizationId>,
    position: Option<i64>,
    id: EventId,
    event: String,
    data: String,
    context: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<FeedRow> for FeedEvent {
    type Error = Error;

    fn try_from(row: FeedRow) -> Result<Self> {
        let json = |text: &str| {
            serde_json::from_str(text).map_err(|_| Error::internal(format!("the event {} is corrupt", row.id)))
        };
        Ok(FeedEvent {
            id: row.id,
            organization: row.organization_id,
            position: row.position,
            data: json(&row.data)?,
            context: json(&row.context)?,
            name: row.event,
            created_at: row.created_at,
        })
    }
}

/// Where this event stands; `None` if the feed does not have it.
pub async fn place(tx: &mut Tx, reach: Reach, id: EventId) -> Result<Option<Place>> {
    let stmt = match reach {
        Reach::Organization(organization) => {
            sql("SELECT e.position AS place, e.id FROM events e WHERE e.organization_id = $2 AND e.id = $1")
                .bind(id)
                .bind(organization)
        }
        Reach::Environment => sql("SELECT e.commit_order AS place, e.id FROM events e WHERE e.id = $1
             UNION ALL SELECT e.commit_order AS place, e.id FROM user_events e WHERE e.id = $1")
        .bind(id),
    };
    tx.fetch_optional(stmt).await
}

/// The event with this id; `None` if the feed does not have it.
pub async fn find(tx: &mut Tx, reach: Reach, id: EventId) -> Result<Option<FeedEvent>> {
    const OWN: &str = "SELECT e.organization_id, e.position, e.id, e.event, e.data, e.context, e.created_at
         FROM events e WHERE e.id = $1";
    let stmt = match reach {
        Reach::Organization(organization) => {
            sql(format!("{OWN} AND e.organization_id = $2")).bind(id).bind(organization)
        }
        Reach::Environment => sql(format!(
            "{OWN} UNION ALL SELECT CAST(NULL AS UUID), CAST(NULL AS BIGINT), u.id, u.event, u.data, u.context,
                u.created_at FROM user_events u WHERE u.id = $1"
        ))
        .bind(id),
    };
    let row: Option<FeedRow> = tx.fetch_optional(stmt).await?;
    row.map(FeedEvent::try_from).transpose()
}

/// A part of the feed.
pub async fn page(tx: &mut Tx, selection: &Selection, part: &Part) -> Result<Page<FeedEvent>> {
    let request = PageRequest {
        after: part.after.map(|place| place.id.uuid()),
        before: part.before.map(|place| place.id.uuid()),
        limit: part.limit,
        order: part.order,
    };
    let names: Vec<_> = selection.names.iter().copied().filter(|name| selectable(selection.reach, name)).collect();
    if names.is_empty() {
        return Ok(request.page(Vec::new()));
    }
    let bounds = bounds(tx, selection).await?;
    let stmt = statement(tx, selection, &names, &bounds, part);
    let rows: Vec<FeedRow> = tx.fetch_all(stmt).await?;
    request.page(rows).try_map(FeedEvent::try_from)
}

/// Whether the feed can have an event of this name.
fn selectable(reach: Reach, name: &str) -> bool {
    may_be_emitted(name) && (reach == Reach::Environment || !of_users(name))
}

/// Between which values of the ordering column the times that are asked for must lie, so that nothing is walked
/// through that is much older or newer. Ids begin with a time and are looked up by it.
async fn bounds(tx: &mut Tx, selection: &Selection) -> Result<(Option<i64>, Option<i64>)> {
    let mut look_up = async |at: Option<DateTime<Utc>>, side: &str| -> Result<Option<i64>> {
        let Some(bound) = at.map(EventId::first_at) else { return Ok(None) };
        let stmt = match selection.reach {
            Reach::Organization(organization) => {
                sql(format!("SELECT e.position FROM events e WHERE e.organization_id = $2 AND e.id {side} LIMIT 1"))
                    .bind(bound)
                    .bind(organization)
            }
            Reach::Environment => {
                sql(format!("SELECT e.commit_order FROM events e WHERE e.id {side} LIMIT 1")).bind(bound)
            }
        };
        let row: Option<(i64,)> = tx.fetch_optional(stmt).await?;
        Ok(row.map(|(value,)| value))
    };
    let floor = look_up(selection.from.map(|at| at - SLACK), "< $1 ORDER BY e.id DESC").await?;
    let ceiling = look_up(selection.until.map(|at| at + SLACK), ">= $1 ORDER BY e.id").await?;
    Ok((floor, ceiling))
}

/// One sub-select per name finds the keys in an index, and no more of them than the page holds; what belongs to
/// the keys of the page is joined afterwards.
fn statement(
    tx: &Tx,
    selection: &Selection,
    names: &[&'static str],
    bounds: &(Option<i64>, Option<i64>),
    part: &Part,
) -> Stmt {
    let column = selection.reach.order();
    let descending = part.order == Order::Descending;
    let reversed = part.before.is_some() && part.after.is_none();
    let direction = if descending == reversed { "ASC" } else { "DESC" };
    let mut params = vec![Param::Int(Some(part.limit + 1))];
    let mut bind = |param: Param| {
        params.push(param);
        params.len()
    };
    let mut conditions = String::new();
    if let Reach::Organization(organization) = selection.reach {
        conditions.push_str(&format!(" AND e.organization_id = ${}", bind(organization.into())));
    }
    let cuts = [(part.after, if descending { "<" } else { ">" }), (part.before, if descending { ">" } else { "<" })];
    for (place, sign) in cuts {
        let Some(place) = place else { continue };
        let value = bind(place.place.into());
        // Positions have no ties; spelt out, the planner would see none of the indexes that end in them.
        conditions.push_str(&match selection.reach {
            Reach::Organization(_) => format!(" AND e.position {sign} ${value}"),
            Reach::Environment => format!(" AND (e.commit_order, e.id) {sign} (${value}, ${})", bind(place.id.into())),
        });
    }
    for (bound, sign) in [(bounds.0, ">="), (bounds.1, "<=")] {
        if let Some(bound) = bound {
            conditions.push_str(&format!(" AND e.{column} {sign} ${}", bind(bound.into())));
        }
    }
    for (time, sign) in [(selection.from, ">="), (selection.until, "<=")] {
        if let Some(time) = time {
            conditions.push_str(&format!(" AND e.created_at {sign} ${}", bind(time.into())));
        }
    }
    if selection.reach == Reach::Environment {
        conditions.push_str(&tx.engine().settled("e.commit_order"));
    }
    let ordered = match selection.reach {
        Reach::Organization(_) => format!("e.position {direction}"),
        Reach::Environment => format!("e.commit_order {direction}, e.id {direction}"),
    };
    let keys: Vec<String> = names
        .iter()
        .map(|name| {
            let (of, table) = if of_users(name) {
                ("CAST(NULL AS UUID) AS organization_id, CAST(NULL AS BIGINT) AS position", "user_events")
            } else {
                ("e.organization_id, e.position", "events")
            };
            format!(
                "SELECT * FROM (SELECT e.{column} AS place, e.id, {of} FROM {table} e WHERE e.event = ${}{conditions}
                    ORDER BY {ordered} LIMIT $1) AS n",
                bind((*name).into())
            )
        })
        .collect();
    let text = format!(
        "SELECT k.organization_id, k.position, k.id, COALESCE(e.event, u.event) AS event,
            COALESCE(e.data, u.data) AS data, COALESCE(e.context, u.context) AS context,
            COALESCE(e.created_at, u.created_at) AS created_at
         FROM (SELECT * FROM ({}) AS a ORDER BY a.place {direction}, a.id {direction} LIMIT $1) AS k
         LEFT JOIN events e ON e.organization_id = k.organization_id AND e.position = k.position
         LEFT JOIN user_events u ON u.id = k.id
         ORDER BY k.place {direction}, k.id {direction}",
        keys.join(" UNION ALL ")
    );
    let mut stmt = sql(text);
    stmt.params = params;
    stmt
}

/// The last event that the feed shows now, whatever its name.
pub async fn head(tx: &mut Tx, reach: Reach) -> Result<Option<EventId>> {
    let selection = Selection { reach, names: emitted().collect(), from: None, until: None };
    let part = Part { after: None, before: None, limit: 1, order: Order::Descending };
    let page = page(tx, &selection, &part).await?;
    Ok(page.rows.first().map(|event| event.id))
}

/// PostgreSQL: keeps the order of a database that was restored into a server with lower transaction ids than those
/// that its events were written under. Without this, what is new would sort before what is old.
pub async fn catch_up_with_restored(tx: &mut Tx) -> Result<()> {
    let greatest = |table: &str| {
        let names = emitted().map(|name| format!("('{name}')")).collect::<Vec<_>>().join(", ");
        format!(
            "SELECT MAX((SELECT MAX(e.commit_order) FROM {table} e WHERE e.event = n.name))
             FROM (VALUES {names}) AS n(name)"
        )
    };
    let text =
        format!("SELECT GREATEST(COALESCE(({}), 0), COALESCE(({}), 0))", greatest("events"), greatest("user_events"));
    let (greatest,): (i64,) = tx.fetch_one(sql(text)).await?;
    let here = "CAST(CAST(pg_current_xact_id() AS text) AS bigint)";
    let text = format!("UPDATE event_clock SET value = $1 + 1 - {here} WHERE value + {here} <= $1");
    if tx.execute(sql(text).bind(greatest)).await? > 0 {
        tracing::warn!("the database comes from another server; the order of its events is carried on");
    }
    Ok(())
}
