//! What admins do beside rules: freezes, guards, pauses, removals, decisions; and what goes on in the background.

use chrono::Duration;
use muster::domain::Error;
use muster::domain::id::{ParkedId, RunId};
use muster::domain::origin::Ending;
use muster::domain::parked::ParkedState;
use muster::domain::plan::PlanChange;
use muster::domain::rule::RuleState;
use muster::domain::run::{Run, RunKind, RunState};
use muster::service::directories::{self, DirectoryFields, lifecycle};
use muster::service::mapping::apply;
use muster::service::mapping::decide::{self, Which};
use muster::service::runs::{Step as Progress, Turn, control, step};
use muster::store::plans::{self as stored, StoredEffect, of_run};
use muster::store::{Lane, is_transient, runs, sql};
use serde_json::json;

use super::checks::Giver;
use super::model::Target;
use super::operations::{Operation, nth};
use super::stage::{Done, Stage, answered};

impl Stage {
    pub(super) async fn apply_trust(&mut self, operation: &Operation, done: &mut Done) -> Result<(), String> {
        let app = self.app.clone();
        match operation {
            Operation::Freeze { rule, frozen } => {
                let Some(id) = nth(&self.rules, *rule) else { return Ok(()) };
                let state = if *frozen { RuleState::Frozen } else { RuleState::Active };
                let change = PlanChange::State { rule: id.to_string(), state };
                answered(apply::apply_at_once(&app, &self.api, self.scope, vec![change]).await)?;
            }
            Operation::Guard { second, tiny } => {
                let Some(access) = self.access(*second) else { return Ok(()) };
                // In the first directory every loss waits, in the second all but one in an hour.
                let guard = if *tiny { json!({"minimum": u8::from(*second), "percent": 0}) } else { json!({}) };
                let settings = json!({"guard": guard}).as_object().cloned();
                let fields = DirectoryFields { settings, ..DirectoryFields::default() };
                answered(directories::update(&app, &self.api, access.directory.id, fields).await)?;
            }
            Operation::Pause { second } => {
                let Some(access) = self.access(*second) else { return Ok(()) };
                answered(lifecycle::pause(&app, &self.api, access.directory.id).await)?;
            }
            Operation::Resume { second } => {
                let Some(access) = self.access(*second) else { return Ok(()) };
                let resumed = answered(lifecycle::resume(&app, &self.api, access.directory.id).await)?;
                if let Some(lifecycle::Resumed::Plan(plan)) = resumed {
                    self.apply_plan(*plan, None, true, done).await?;
                }
            }
            Operation::RemoveDirectory { second, hand_over } => {
                let Some(access) = self.access(*second) else { return Ok(()) };
                let id = access.directory.id;
                let ending = if *hand_over { Ending::HandOver } else { Ending::Retract };
                if answered(lifecycle::remove(&app, &self.api, id, ending).await)?.is_some() {
                    self.directories.retain(|access| access.directory.id != id);
                    done.handed_over.extend(hand_over.then_some(Giver::Directory(id)));
                }
                self.drive(done).await?;
            }
            Operation::Decide { approve, only } => self.decide(*approve, *only, done).await?,
            Operation::Reconcile => self.run(RunKind::Reconcile, done).await.map(drop)?,
            Operation::Damage { what, at } => self.damage(*what, *at, done).await?,
            other => unreachable!("not about trust: {other:?}"),
        }
        Ok(())
    }

    async fn decide(&mut self, approve: bool, only: Option<usize>, done: &mut Done) -> Result<(), String> {
        let mut tx = self.app.db.read().await.expect("a connection");
        let stmt = sql("SELECT id, run_id, state FROM parked_effects
             WHERE organization_id = $1 AND state IN ('parked', 'rejected') ORDER BY id");
        let waiting: Vec<(ParkedId, RunId, String)> =
            tx.fetch_all(stmt.bind(self.organization)).await.expect("parked effects");
        drop(tx);
        let wanted = only.map_or_else(
            || waiting.iter().find(|(_, _, state)| state == ParkedState::Parked.as_str()).cloned(),
            |at| waiting.get(at.checked_rem(waiting.len())?).cloned(),
        );
        let Some((effect, run, _)) = wanted else { return Ok(()) };
        let effects = only.map(|_| vec![effect]);
        let decided = if approve {
            decide::approve(&self.app, &self.api, run, effects.map_or(Which::All { seen: None }, Which::These)).await
        } else {
            decide::reject(&self.app, &self.api, run, effects.map_or(Which::All { seen: None }, Which::These)).await
        };
        done.approved |= answered(decided)?.is_some() && approve;
        self.drive(done).await
    }

    /// Goes through all runs that are to go on, as a worker would.
    pub(super) async fn drive(&mut self, done: &mut Done) -> Result<(), String> {
        let fault = |error: Error| format!("a run: {error}");
        if self.racing {
            return Ok(());
        }
        while let Some(mut turn) = Turn::take(&self.app).await.map_err(fault)? {
            let failed = loop {
                self.app.clock.advance(Duration::milliseconds(1));
                match step(&self.app, &mut turn).await {
                    Ok(Progress::More) => {}
                    Ok(Progress::Over) => break None,
                    Err(error) if is_transient(&error) => {}
                    Err(error) => break Some(error),
                }
            };
            if let Some(error) = failed {
                if turn.run().organization == self.organization && matches!(error, Error::Internal(_)) {
                    done.faults.push(format!("the run {:?} failed: {error}", turn.run()));
                }
                turn.fail(&self.app, &error).await.map_err(fault)?;
            }
        }
        Ok(())
    }

    /// Begins a run and sees it through.
    pub(super) async fn run(&mut self, kind: RunKind, done: &mut Done) -> Result<Option<Run>, String> {
        let Some(run) = answered(control::create(&self.app, &self.api, self.scope, kind).await)? else {
            return Ok(None);
        };
        self.drive(done).await?;
        let run = self.stored_run(run.value.id).await;
        if !self.racing && run.state != RunState::Succeeded {
            done.faults.push(format!("a run did not succeed: {run:?}"));
        }
        Ok(Some(run))
    }

    pub(super) async fn stored_run(&self, id: RunId) -> Run {
        let mut tx = self.app.db.read().await.expect("a connection");
        runs::find(&mut tx, Some(self.organization), id).await.expect("a read").expect("the run")
    }

    /// What a verification finds.
    pub async fn drift(&mut self, done: &mut Done) -> Result<Vec<StoredEffect>, String> {
        let Some(run) = self.run(RunKind::Verify, done).await? else {
            return Err("no verification could begin".to_owned());
        };
        let mut tx = self.app.db.read().await.expect("a connection");
        let none = muster::domain::Id::nil();
        Ok(stored::after(&mut tx, self.organization, of_run(run.id), none, 1_000).await.expect("effects"))
    }

    /// Property: a verification finds nothing.
    pub async fn verify(&mut self) -> Result<(), String> {
        let mut done = Done::default();
        let drift = self.drift(&mut done).await?;
        if drift.is_empty() && done.faults.is_empty() {
            return Ok(());
        }
        Err(format!("a verification found {drift:#?} {:?}", done.faults))
    }

    /// Rejects the runs of plans that wait for somebody.
    pub async fn reject_what_waits(&self) {
        let mut tx = self.app.db.read().await.expect("a connection");
        let stmt = sql("SELECT id FROM sync_runs
             WHERE organization_id = $1 AND state = 'awaiting_approval' AND kind <> 'guard'");
        let waiting: Vec<(RunId,)> = tx.fetch_all(stmt.bind(self.organization)).await.expect("runs");
        drop(tx);
        for (run,) in waiting {
            answered(decide::reject(&self.app, &self.api, run, Which::All { seen: None }).await).expect("an answer");
        }
    }

    /// Property: a verification by whichever worker takes it finds nothing.
    pub async fn verify_by_worker(&mut self) {
        let run = control::create(&self.app, &self.api, self.scope, RunKind::Verify).await.expect("a run").value.id;
        let over = async {
            while !self.stored_run(run).await.state.is_finished() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_mins(1), over).await.expect("a verification comes to an end");
        let run = self.stored_run(run).await;
        assert!(run.state == RunState::Succeeded && run.effects.is_empty(), "a verification found {run:?}");
    }

    /// Damages a row: a verification finds exactly that, and a reconcile makes it as it was.
    async fn damage(&mut self, what: usize, at: usize, done: &mut Done) -> Result<(), String> {
        if self.racing {
            return Ok(());
        }
        let before = self.world.clone();
        let Some((text, ids, expected)) = self.harm(what, at) else { return Ok(()) };
        let organization = self.organization;
        let written = self.app.db.write(Lane::Organization(organization), move |tx| {
            let (text, ids) = (text, ids.clone());
            Box::pin(async move {
                let stmt = ids.into_iter().fold(sql(text).bind(organization), |stmt, id| stmt.bind(Some(id)));
                tx.execute(stmt).await
            })
        });
        if answered(written.await)? != Some(1) {
            return Err(format!("the damage {what} did not hit one row"));
        }
        self.look().await;
        // As if an application had been told.
        self.replay.believe(&self.world);
        let found: Vec<String> = self.drift(done).await?.into_iter().map(|effect| effect.kind).collect();
        if found != [expected] {
            done.faults.push(format!("damaged: {expected}; found: {found:?}"));
        }
        self.run(RunKind::Reconcile, done).await?;
        self.look().await;
        done.news.append(&mut self.news);
        let repaired = (&self.world.native, &self.world.decisions) == (&before.native, &before.decisions);
        if !repaired {
            done.faults
                .push(format!("the damage {what} was not repaired: {:?} {:?}", before.native, self.world.native));
        }
        let left = self.drift(done).await?;
        if !left.is_empty() {
            done.faults.push(format!("still found after the repair: {left:?}"));
        }
        Ok(())
    }

    /// A statement that does harm, its ids after the organization's, and the effect that mends it.
    fn harm(&self, what: usize, at: usize) -> Option<(&'static str, Vec<muster::domain::Id<()>>, &'static str)> {
        use muster::domain::Id;
        let native = &self.world.native;
        let cell = |id: Option<uuid::Uuid>| Id::<()>::from_uuid(id.unwrap_or_default());
        match what {
            0 => {
                let ours: Vec<_> = native
                    .reasons
                    .iter()
                    .filter(|one| ["rule", "exclude"].contains(&one.1.kind) && !self.world.decisions.kept.contains(one))
                    .copied()
                    .collect();
                let (membership, reason) = nth(&ours, at)?;
                let target = match reason.target {
                    Target::Membership => None,
                    Target::Group(id) => Some(id.uuid()),
                    Target::Role(id) => Some(id.uuid()),
                };
                let text = if reason.kind == "rule" {
                    "DELETE FROM origins WHERE organization_id = $1 AND membership_id = $2 AND target_id = $3
                     AND rule_id = $4 AND directory_group_id = $5 AND directory_user_id = $6 AND kind = 'rule'"
                } else {
                    "DELETE FROM origins WHERE organization_id = $1 AND membership_id = $2 AND target_id = $3
                     AND rule_id = $4 AND directory_group_id = $5 AND directory_user_id = $6 AND kind = 'exclude'"
                };
                let ids = vec![
                    cell(Some(membership.uuid())),
                    cell(target),
                    cell(reason.rule.map(Id::uuid)),
                    cell(reason.group.map(Id::uuid)),
                    cell(reason.user.map(Id::uuid)),
                ];
                Some((text, ids, "origin_missing"))
            }
            1 => {
                let members: Vec<_> = native.members.iter().copied().collect();
                let (group, membership) = nth(&members, at)?;
                let text = "DELETE FROM group_memberships
                    WHERE organization_id = $1 AND group_id = $2 AND membership_id = $3";
                Some((text, vec![cell(Some(group.uuid())), cell(Some(membership.uuid()))], "member_added"))
            }
            2 => {
                let held: Vec<_> = native
                    .memberships
                    .iter()
                    .flat_map(|(id, standing)| standing.roles.iter().map(move |role| (*id, *role)))
                    .collect();
                let (membership, role) = nth(&held, at)?;
                let text =
                    "DELETE FROM membership_roles WHERE organization_id = $1 AND membership_id = $2 AND role_id = $3";
                Some((text, vec![cell(Some(membership.uuid())), cell(Some(role.uuid()))], "role_added"))
            }
            3 => {
                let active: Vec<_> = native.memberships.iter().filter(|(_, s)| s.active).map(|(id, _)| *id).collect();
                let text = "UPDATE organization_memberships SET status = 'inactive'
                    WHERE organization_id = $1 AND id = $2";
                Some((text, vec![cell(Some(nth(&active, at)?.uuid()))], "membership_activated"))
            }
            _ => {
                let strangers: Vec<_> = self
                    .world
                    .groups
                    .keys()
                    .flat_map(|group| native.memberships.keys().map(move |membership| (*group, *membership)))
                    .filter(|one| !native.members.contains(one))
                    .collect();
                let (group, membership) = nth(&strangers, at)?;
                let text = "INSERT INTO group_memberships (organization_id, group_id, membership_id)
                    VALUES ($1, $2, $3)";
                Some((text, vec![cell(Some(group.uuid())), cell(Some(membership.uuid()))], "member_removed"))
            }
        }
    }
}
