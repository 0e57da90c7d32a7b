//! Plans made, overtaken by what happens meanwhile, and applied: what they said must be what they did.

use std::collections::BTreeSet;

use chrono::Duration;
use muster::domain::id::{DirectoryUserId, GroupId, MembershipId};
use muster::domain::origin::Ending;
use muster::domain::plan::PlanChange;
use muster::domain::run::RunState;
use muster::domain::{Error, Id};
use muster::service::mapping::decide::{self, Which};
use muster::service::mapping::{apply, plans};
use muster::store::plans::{self as stored, StoredEffect, StoredPlan, of_plan};
use serde_json::Value;

use super::checks::Giver;
use super::model::Target;
use super::operations::{ChangeSpec, Operation, nth};
use super::stage::{Done, Stage, answered};
use super::world::World;

impl Stage {
    pub(super) async fn plan(
        &mut self,
        changes: &[ChangeSpec],
        meanwhile: Option<&Operation>,
        approve: bool,
        done: &mut Done,
    ) -> Result<(), String> {
        let changes: Vec<PlanChange> =
            changes.iter().enumerate().filter_map(|(at, change)| self.plan_change(at, change)).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let made = plans::create(&self.app, &self.api, self.scope, changes).await;
        let Some(plan) = answered(made)? else { return Ok(()) };
        if !self.racing {
            self.expect_nothing("making a plan", done).await;
        }
        self.apply_plan(plan, meanwhile, approve, done).await
    }

    async fn expect_nothing(&mut self, what: &str, done: &mut Done) {
        let mut found = Vec::new();
        self.expect_unchanged(what, &mut found).await;
        done.faults.extend(found);
        done.news.append(&mut self.news);
    }

    fn plan_change(&self, at: usize, change: &ChangeSpec) -> Option<PlanChange> {
        let rule = |at: usize| nth(&self.rules, at).map(|id| id.to_string());
        let document = |spec: &super::operations::RuleSpec| {
            let sources: Vec<_> = self.world.facts.groups.keys().copied().collect();
            let natives: Vec<_> = self.world.groups.keys().copied().collect();
            spec.document(self.pair, &sources, &natives).fields().expect("an object")
        };
        let ending = |hand_over: bool| if hand_over { Ending::HandOver } else { Ending::Retract };
        Some(match change {
            ChangeSpec::Save(spec) => {
                let mut fields = document(spec);
                fields.insert("key".to_owned(), format!("plan-{}-{at}", self.world.position).into());
                PlanChange::Save(fields)
            }
            ChangeSpec::Edit { rule: of, to } => {
                let id = nth(&self.rules, *of)?;
                let mut fields = document(to);
                fields.insert("key".to_owned(), self.world.keys.get(&id)?.clone().into());
                PlanChange::Save(fields)
            }
            ChangeSpec::Apply { rule: of } => PlanChange::Apply { rule: rule(*of)? },
            ChangeSpec::State { rule: of, state } => PlanChange::State { rule: rule(*of)?, state: *state },
            ChangeSpec::Delete { rule: of, hand_over } => {
                PlanChange::Delete { rule: rule(*of)?, origins: ending(*hand_over) }
            }
            ChangeSpec::Reorder { first } => {
                let mut rules: Vec<String> = self.world.keys.keys().map(ToString::to_string).collect();
                let first = first.checked_rem(rules.len())?;
                rules.rotate_left(first);
                PlanChange::Reorder { rules }
            }
            ChangeSpec::Resume { second } => {
                PlanChange::ResumeDirectory { directory_id: self.access(*second)?.directory.id }
            }
            ChangeSpec::Remove { second, hand_over } => PlanChange::RemoveDirectory {
                directory_id: self.access(*second)?.directory.id,
                origins: ending(*hand_over),
            },
            ChangeSpec::Reconcile => PlanChange::Reconcile {},
        })
    }

    /// Applies a plan after something else has happened, or nothing: it does what it said, or is refused as stale
    /// exactly if it would say something else by now.
    pub(super) async fn apply_plan(
        &mut self,
        plan: StoredPlan,
        meanwhile: Option<&Operation>,
        approve: bool,
        done: &mut Done,
    ) -> Result<(), String> {
        if let Some(operation) = meanwhile {
            self.app.clock.advance(Duration::milliseconds(1));
            Box::pin(self.apply(operation, done)).await?;
            self.look().await;
            done.news.append(&mut self.news);
        }
        let before = self.world.clone();
        self.app.clock.advance(Duration::milliseconds(1));
        let again = answered(plans::create(&self.app, &self.api, self.scope, plan.changes.clone()).await)?;
        let holds = again.as_ref().is_some_and(|again| again.digest == plan.digest);
        let effects = {
            let mut tx = self.app.db.read().await.expect("a connection");
            stored::after(&mut tx, self.organization, of_plan(plan.id), Id::nil(), 10_000).await.expect("effects")
        };
        self.app.clock.advance(Duration::milliseconds(1));
        if self.racing {
            return self.apply_in_a_race(&plan, approve, done).await;
        }
        let applied = match apply::apply(&self.app, &self.api, plan.clone()).await {
            Ok(run) => self.see_through(run.id, plan.guard.would_park(), approve, holds, done).await?,
            Err(Error::Refused { code: "plan_stale", .. }) if !holds => false,
            Err(error) => {
                if again.is_some() {
                    done.faults.push(format!("the plan was refused, though it holds ({holds}): {error}"));
                }
                answered::<()>(Err(error))?;
                false
            }
        };
        self.look().await;
        done.news.append(&mut self.news);
        done.plan = Some(match (applied, plan.guard.would_park(), approve) {
            (true, true, _) => "approved",
            (true, false, _) => "applied",
            (false, true, false) => "rejected",
            _ => "stale",
        });
        let (wanted, told) = if applied {
            self.note(&plan, done);
            (happened(&before, &self.world), promised(&effects, &before, &self.world))
        } else {
            (happened(&before, &self.world), Vec::new())
        };
        if wanted != told {
            let lines = |one: &[String], other: &[String]| {
                one.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>().join("; ")
            };
            done.faults.push(format!(
                "the plan and what it did differ (applied: {applied}):\n  only said: {}\n  only done: {}\n  said {told:?}\n  done {wanted:?}",
                lines(&told, &wanted),
                lines(&wanted, &told)
            ));
        }
        Ok(())
    }

    /// Applies a plan while others are at work: it is applied, or refused.
    async fn apply_in_a_race(&mut self, plan: &StoredPlan, approve: bool, done: &mut Done) -> Result<(), String> {
        let Some(run) = answered(apply::apply(&self.app, &self.api, plan.clone()).await)? else { return Ok(()) };
        if run.state == RunState::AwaitingApproval {
            let decided = if approve {
                decide::approve(&self.app, &self.api, run.id, Which::All { seen: None }).await
            } else {
                decide::reject(&self.app, &self.api, run.id, Which::All { seen: None }).await
            };
            answered(decided)?;
        }
        self.look().await;
        self.note(plan, done);
        Ok(())
    }

    /// Sees the run of a plan through. Answers whether the plan is in force.
    async fn see_through(
        &mut self,
        run: muster::domain::id::RunId,
        waits: bool,
        approve: bool,
        holds: bool,
        done: &mut Done,
    ) -> Result<bool, String> {
        if waits {
            let decided = if approve {
                decide::approve(&self.app, &self.api, run, Which::All { seen: None }).await
            } else {
                decide::reject(&self.app, &self.api, run, Which::All { seen: None }).await
            };
            if answered(decided)?.is_none() {
                done.faults.push("a run that waits could not be decided".to_owned());
            }
        }
        self.drive(done).await?;
        let run = self.stored_run(run).await;
        let expected = match (waits, approve, holds) {
            (true, false, _) => RunState::Cancelled,
            (true, true, false) => RunState::Failed,
            _ => RunState::Succeeded,
        };
        if run.state != expected || (!waits && !holds) {
            done.faults.push(format!("the plan holds: {holds}; its run should be {expected:?}, but is {run:?}"));
        }
        Ok(run.state == RunState::Succeeded)
    }

    /// Notes which rules and directories there are from now on, and what was handed over.
    fn note(&mut self, plan: &StoredPlan, done: &mut Done) {
        for change in &plan.changes {
            match change {
                PlanChange::Delete { rule, origins: Ending::HandOver } => {
                    done.handed_over.extend(rule.parse().ok().map(Giver::Rule));
                }
                PlanChange::RemoveDirectory { directory_id, origins } => {
                    self.directories.retain(|access| access.directory.id != *directory_id);
                    if *origins == Ending::HandOver {
                        done.handed_over.insert(Giver::Directory(*directory_id));
                    }
                }
                _ => {}
            }
        }
        self.rules = self.world.keys.keys().copied().collect();
    }
}

/// What a plan said of native state, in terms of the states before and after it.
fn promised(effects: &[StoredEffect], before: &World, after: &World) -> Vec<String> {
    let mut told: Vec<String> = effects.iter().filter_map(|effect| one_promised(effect, before, after)).collect();
    told.sort();
    told
}

fn one_promised(effect: &StoredEffect, before: &World, after: &World) -> Option<String> {
    let data: Value = serde_json::from_str(&effect.data).expect("JSON");
    let kind = effect.kind.as_str();
    let group = |id: Option<GroupId>, name: &Value| match id {
        Some(id) if before.groups.contains_key(&id) => id.to_string(),
        _ => format!("new {}", name.as_str().unwrap_or("?")),
    };
    let who = || -> String {
        let first = effect.subject.split(' ').next().unwrap_or_default();
        let newcomer: Option<DirectoryUserId> = first.parse().ok();
        let membership: Option<MembershipId> = effect.membership_id.or_else(|| {
            newcomer.and_then(|person| after.decisions.links.get(&person)).and_then(|link| link.membership)
        });
        membership.map_or_else(|| format!("nobody ({first})"), |id| id.to_string())
    };
    let target = &data["target"];
    let text = match kind {
        "membership_created" | "membership_activated" | "membership_deactivated" => format!("{kind} {}", who()),
        "member_added" | "member_removed" => {
            let id = target["id"].as_str().and_then(|id| id.parse().ok());
            format!("{kind} {} {}", who(), group(id, &target["name"]))
        }
        "role_added" | "role_removed" | "primary_role_changed" => {
            format!("{kind} {} {}", who(), target["id"].as_str().unwrap_or("?"))
        }
        "origin_handed_over" => {
            let what = match target["type"].as_str() {
                Some("membership") => "membership".to_owned(),
                Some("group") => group(target["id"].as_str().and_then(|id| id.parse().ok()), &target["name"]),
                _ => target["id"].as_str().unwrap_or("?").to_owned(),
            };
            format!("{kind} {} {what}", who())
        }
        "group_created" => format!("{kind} {}", data["name"].as_str().unwrap_or("?")),
        "group_renamed" => format!("{kind} {} {}", effect.group_id?, data["name"].as_str().unwrap_or("?")),
        "group_deleted" | "group_kept" => format!("{kind} {}", effect.group_id?),
        "group_adopted" => format!("{kind} {}", group(effect.group_id, &data["name"])),
        "mirror_parked" => format!("{kind} {}", data["directory_group"]["id"].as_str().unwrap_or("?")),
        _ => return None,
    };
    Some(text)
}

/// What changed of native state between two states.
fn happened(before: &World, after: &World) -> Vec<String> {
    let mut told = Vec::new();
    let group = |id: &GroupId| match (before.groups.contains_key(id), after.groups.get(id)) {
        (false, Some(name)) => format!("new {name}"),
        _ => id.to_string(),
    };
    for (id, now) in &after.native.memberships {
        let then = before.native.memberships.get(id);
        match (then.map(|then| then.active), now.active) {
            (None, _) => told.push(format!("membership_created {id}")),
            (Some(false), true) => told.push(format!("membership_activated {id}")),
            (Some(true), false) => told.push(format!("membership_deactivated {id}")),
            _ => {}
        }
        let none = BTreeSet::new();
        let held = then.map_or(&none, |then| &then.roles);
        told.extend(now.roles.difference(held).map(|role| format!("role_added {id} {role}")));
        told.extend(held.difference(&now.roles).map(|role| format!("role_removed {id} {role}")));
        if then.is_some_and(|then| then.primary != now.primary) {
            told.push(format!("primary_role_changed {id} {}", now.primary));
        }
    }
    let (then, now) = (&before.native.members, &after.native.members);
    told.extend(now.difference(then).map(|(of, id)| format!("member_added {id} {}", group(of))));
    told.extend(then.difference(now).map(|(of, id)| format!("member_removed {id} {}", group(of))));
    for (id, target) in after.decisions.manual.difference(&before.decisions.manual) {
        let what = match target {
            Target::Membership => "membership".to_owned(),
            Target::Group(of) => group(of),
            Target::Role(role) => role.to_string(),
        };
        told.push(format!("origin_handed_over {id} {what}"));
    }
    told.extend(of_groups(before, after));
    told.sort();
    told
}

fn of_groups(before: &World, after: &World) -> Vec<String> {
    let mut told = Vec::new();
    for (id, name) in &after.groups {
        match before.groups.get(id) {
            None => told.push(format!("group_created {name}")),
            Some(then) if then != name => told.push(format!("group_renamed {id} {name}")),
            _ => {}
        }
    }
    told.extend(
        before.groups.keys().filter(|id| !after.groups.contains_key(id)).map(|id| format!("group_deleted {id}")),
    );
    let mirrors = |world: &World| -> BTreeSet<GroupId> {
        let in_force = |state: Option<&str>| matches!(state, Some("made" | "adopted"));
        let mirrors = world.decisions.mirrors.values().filter(|mirror| in_force(mirror.state.as_deref()));
        mirrors.filter_map(|mirror| mirror.group).collect()
    };
    let (then, now) = (mirrors(before), mirrors(after));
    told.extend(then.difference(&now).filter(|id| after.groups.contains_key(id)).map(|id| format!("group_kept {id}")));
    for (key, mirror) in &after.decisions.mirrors {
        let was = before.decisions.mirrors.get(key);
        match (mirror.state.as_deref(), mirror.group) {
            (Some("adopted"), Some(id))
                if was.is_none_or(|was| was.state != mirror.state || was.group != mirror.group) =>
            {
                let what = if before.groups.contains_key(&id) {
                    id.to_string()
                } else {
                    format!("new {}", mirror.name.as_deref().unwrap_or("?"))
                };
                told.push(format!("group_adopted {what}"));
            }
            (Some("parked"), _) if was.is_none_or(|was| was.state != mirror.state || was.name != mirror.name) => {
                told.push(format!("mirror_parked {}", key.1));
            }
            _ => {}
        }
    }
    told
}
