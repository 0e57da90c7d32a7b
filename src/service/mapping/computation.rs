//! The effects of changes, computed batch by batch on one state of the database.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::changes::Resolved;
use super::survey::Survey;
use crate::domain::Result;
use crate::domain::guard::WINDOW;
use crate::domain::id::MembershipId;
use crate::domain::plan::{Effect, EffectsDigest, GuardCount, GuardVerdict, Totals};
use crate::store::{Tx, guard, organizations};

/// What a computation comes to, without the effects themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    /// How many effects of each kind, and how many people they are about.
    pub(crate) totals: Totals,
    /// What the guard says.
    pub(crate) guard: GuardVerdict,
    /// The digest of all effects.
    pub(crate) digest: EffectsDigest,
    /// The event position that it is true of.
    pub(crate) revision: i64,
}

/// The effects of changes, batch by batch.
pub(crate) struct Computation {
    survey: Survey,
    groups: usize,
    first: Option<Vec<Effect>>,
    people: HashSet<String>,
    summary: Summary,
}

impl Computation {
    /// Begins to compute on `tx`, which sees one state throughout.
    pub(crate) async fn begin(tx: &mut Tx, resolved: &Resolved, now: DateTime<Utc>, strict: bool) -> Result<Self> {
        let ground = resolved.ground(tx).await?;
        let reach = resolved.reach(tx).await?;
        let organization = ground.organization;
        let revision = organizations::event_head(tx, organization, false).await?.map_or(0, |(position, _)| position);
        let groups = reach.groups.len();
        let (survey, on_groups) = Survey::begin(tx, ground, now, reach.groups, reach.people, strict).await?;
        let mut first = resolved.effects();
        first.extend(on_groups);
        let summary = Summary { revision, ..Summary::default() };
        Ok(Computation { survey, groups, first: Some(first), people: HashSet::new(), summary })
    }

    /// How many groups or people there are to look at, whichever are more.
    pub(crate) fn looks_at(&self) -> usize {
        self.groups.max(self.survey.total())
    }

    /// How many people there are to look at.
    pub(crate) fn people(&self) -> usize {
        self.survey.total()
    }

    /// How many of them were looked at.
    pub(crate) fn looked_at(&self) -> usize {
        self.survey.looked_at()
    }

    /// The event position that it is true of.
    pub(crate) fn revision(&self) -> i64 {
        self.summary.revision
    }

    /// The checksums of what is stored, and of what should be.
    pub(crate) fn checksums(&self) -> (String, String) {
        self.survey.checksums()
    }

    /// The effects on those of these memberships that no person who was looked at has.
    pub(crate) async fn memberships(&mut self, tx: &mut Tx, ids: Vec<MembershipId>) -> Result<Vec<Effect>> {
        self.survey.memberships(tx, ids).await
    }

    /// The next effects; `None` when there are no more.
    pub(crate) async fn next(&mut self, tx: &mut Tx) -> Result<Option<Vec<Effect>>> {
        let effects = match self.first.take() {
            Some(first) => Some(first),
            None => self.survey.next(tx).await?,
        };
        for effect in effects.iter().flatten() {
            self.summary.totals.add(effect.kind);
            self.summary.digest.add(effect);
            if let (Some(who), true) = (effect.subject.split(' ').next(), effect.data.contains_key("person")) {
                self.people.insert(who.to_owned());
            }
        }
        Ok(effects)
    }

    /// What it came to, once [`Computation::next`] has answered `None`.
    pub(crate) async fn finish(mut self, tx: &mut Tx, resolved: &Resolved, now: DateTime<Utc>) -> Result<Summary> {
        let people = i64::try_from(self.people.len()).unwrap_or(i64::MAX);
        self.summary.totals.0.insert("people".to_owned(), people);
        let ground = resolved.ground(tx).await?;
        for (directory, losers) in &self.survey.losers {
            let mapped = guard::mapped_members(tx, ground.organization, *directory).await?;
            let recent = guard::recent(tx, ground.organization, *directory, now - WINDOW).await?;
            let allowance = ground.directory(*directory).guard.allowance(mapped).saturating_sub(recent).max(0);
            let losing = i64::try_from(losers.len()).unwrap_or(i64::MAX);
            self.summary.guard.directories.push(GuardCount { directory_id: *directory, losing, allowance });
        }
        Ok(self.summary)
    }

    /// Computes to the end.
    pub(crate) async fn run(mut self, tx: &mut Tx, resolved: &Resolved, now: DateTime<Utc>) -> Result<Summary> {
        while self.next(tx).await?.is_some() {}
        self.finish(tx, resolved, now).await
    }
}
