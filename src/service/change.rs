//! A change under way: one organization's transaction with its time, its cause and the events so far.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::event::{Cause, Event, RuleAtWork};
use crate::domain::event_names::{known, may_be_emitted};
use crate::domain::id::{EventId, MembershipId, OrganizationId, RunId};
use crate::domain::origin::Target;
use crate::domain::{Error, Result};
use crate::store::{Tx, events, organizations};

/// How many events are held before they are written: bounds the memory of a large change.
const FLUSH_AT: usize = 2_000;

/// What a write came to.
#[derive(Debug, Clone)]
pub struct Outcome<T> {
    /// The resource, or whatever the write answers.
    pub value: T,
    /// The organization's event position after the commit.
    pub revision: i64,
}

/// What a change did, step by step, in counts.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// What was stored of the facts, by what it is.
    pub stored: BTreeMap<&'static str, i64>,
    /// Links made, by the rung that decided.
    pub linked: BTreeMap<&'static str, i64>,
    /// Origins that are new.
    pub origins_added: i64,
    /// Origins that ended.
    pub origins_ended: i64,
    /// Removals that the guard parked.
    pub parked: i64,
    /// Held origins that ended since there is nothing to remove any more.
    pub vanished: i64,
    /// Events, by name.
    pub told: BTreeMap<&'static str, i64>,
}

impl Trace {
    /// Counts `count` more facts of this kind.
    pub fn stored(&mut self, what: &'static str, count: usize) {
        if count > 0 {
            *self.stored.entry(what).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
        }
    }

    /// Counts one fact less of this kind.
    pub fn removed(&mut self, what: &'static str) {
        *self.stored.entry(what).or_default() -= 1;
    }
}

/// One write to one organization. Begun first and finished last in the closure of `db.write`.
pub struct Change<'a> {
    /// The transaction.
    pub tx: &'a mut Tx,
    /// The organization, whose row is locked.
    pub organization: OrganizationId,
    /// The time of everything in it.
    pub now: DateTime<Utc>,
    /// Who or what caused it.
    pub cause: &'a Cause,
    /// What it did so far.
    pub trace: Trace,
    /// How many people may be converged at once before the rest is left to a run.
    pub budget: usize,
    /// The run that the rest was left to.
    pub left_to: Option<RunId>,
    /// Addresses (folded) about which the link ladder may decide otherwise now: of accounts that gave them up, or that
    /// became members. Converge takes them out.
    pub freed_addresses: BTreeSet<String>,
    /// The rules by which memberships lost something in this change, for the events that tell of it.
    pub lost_by: BTreeMap<(MembershipId, Target), BTreeSet<RuleAtWork>>,
    /// Memberships that somebody spoke for no more: their accounts follow the oldest of those who are left.
    pub left_memberships: BTreeSet<MembershipId>,
    position: i64,
    last_event: Option<EventId>,
    before: i64,
    pending: Vec<Event>,
}

impl<'a> Change<'a> {
    /// Begins a change.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the organization does not exist (any more).
    pub async fn begin(
        tx: &'a mut Tx,
        organization: OrganizationId,
        now: DateTime<Utc>,
        cause: &'a Cause,
    ) -> Result<Self> {
        Self::begin_where(tx, organization, now, cause, false).await
    }

    /// Begins a change of what is left in a deleted organization.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the organization is not deleted.
    pub async fn begin_in_tombstone(
        tx: &'a mut Tx,
        organization: OrganizationId,
        now: DateTime<Utc>,
        cause: &'a Cause,
    ) -> Result<Self> {
        Self::begin_where(tx, organization, now, cause, true).await
    }

    async fn begin_where(
        tx: &'a mut Tx,
        organization: OrganizationId,
        now: DateTime<Utc>,
        cause: &'a Cause,
        buried: bool,
    ) -> Result<Self> {
        let (position, last_event) = organizations::event_head(tx, organization, buried)
            .await?
            .ok_or_else(|| Error::not_found("organization", organization))?;
        Ok(Change {
            tx,
            organization,
            now,
            cause,
            trace: Trace::default(),
            budget: usize::MAX,
            left_to: None,
            freed_addresses: BTreeSet::new(),
            lost_by: BTreeMap::new(),
            left_memberships: BTreeSet::new(),
            position,
            last_event,
            before: position,
            pending: Vec::new(),
        })
    }

    /// Notes that something happened. Events keep the order in which they are emitted.
    pub fn emit(&mut self, name: &'static str, data: Value) {
        self.emit_by(name, data, Vec::new());
    }

    /// Notes that something happened by rules.
    pub fn emit_by(&mut self, name: &'static str, data: Value, rules: Vec<RuleAtWork>) {
        debug_assert!(may_be_emitted(name) && known(name).is_some(), "no feed shows {name}: add it to event_names");
        *self.trace.told.entry(name).or_default() += 1;
        self.pending.push(Event { name, data, rules });
    }

    /// Writes the events so far if they are many. Called between the chunks of large changes.
    pub async fn flush_if_large(&mut self) -> Result<()> {
        if self.pending.len() >= FLUSH_AT { self.flush().await } else { Ok(()) }
    }

    /// The position of the last event before what the change emits from now on.
    pub fn position(&self) -> i64 {
        self.position + i64::try_from(self.pending.len()).unwrap_or(i64::MAX)
    }

    /// How many events the change has caused so far.
    pub fn emitted(&self) -> i64 {
        self.position() - self.before
    }

    /// Writes what is pending; answers the organization's revision, its event position after the commit.
    pub async fn finish(mut self) -> Result<i64> {
        self.flush().await?;
        Ok(self.position)
    }

    async fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(self.pending.len());
        for event in std::mem::take(&mut self.pending) {
            self.position += 1;
            let id = EventId::mint_after(self.now, self.last_event);
            self.last_event = Some(id);
            let context = self.cause.context_of(&event).to_string();
            rows.push(events::NewEvent { position: self.position, id, event, context });
        }
        events::insert(self.tx, self.organization, rows, self.now).await?;
        organizations::set_event_head(self.tx, self.organization, self.position, self.last_event).await
    }
}
