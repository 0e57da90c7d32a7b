//! Changes of rules and directories, as a plan has them: what would be in force, whom that concerns, and writing it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::check::{check, check_key};
use super::reach::{self, Reach};
use super::rules::STEP;
use crate::domain::finding::Finding;
use crate::domain::id::{DirectoryId, OrganizationId, RuleId, RunId};
use crate::domain::origin::Ending;
use crate::domain::plan::{Effect, EffectKind, PlanChange};
use crate::domain::rule::{RuleDocument, RuleState};
use crate::domain::{Error, Result};
use crate::service::change::Change;
use crate::service::converge::Ground;
use crate::store::rules::{self, StoredRule};
use crate::store::{Tx, bindings, directories, directory_groups, keys, links, origins};

/// What a set of changes comes to.
pub(crate) struct Resolved {
    organization: OrganizationId,
    /// All rules with their newest versions, those of the changes included.
    newest: BTreeMap<RuleId, StoredRule>,
    /// The rules in force before.
    before: BTreeMap<RuleId, StoredRule>,
    /// The rules in force after.
    after: BTreeMap<RuleId, StoredRule>,
    /// Rules with a version that is still to be saved; `true` for new rules.
    saved: BTreeMap<RuleId, bool>,
    /// Rules that go.
    deleted: BTreeMap<RuleId, Ending>,
    /// Directories that are resumed, or removed.
    directories: BTreeMap<DirectoryId, Option<Ending>>,
    /// Whether everything is to be computed anew.
    everything: bool,
}

/// Reads what the changes are about, and makes them, in their order, on paper.
///
/// # Errors
///
/// [`Error::Invalid`] naming the change, by its place from 0; [`Error::Conflict`] where a run is not done yet.
pub(crate) async fn resolve(
    tx: &mut Tx,
    organization: OrganizationId,
    changes: &[PlanChange],
    now: DateTime<Utc>,
) -> Result<Resolved> {
    let by_id = |rules: Vec<StoredRule>| rules.into_iter().map(|rule| (rule.id, rule)).collect::<BTreeMap<_, _>>();
    let before = by_id(rules::applied(tx, organization).await?);
    let mut resolved = Resolved {
        organization,
        newest: by_id(rules::all(tx, organization).await?),
        after: before.clone(),
        before,
        saved: BTreeMap::new(),
        deleted: BTreeMap::new(),
        directories: BTreeMap::new(),
        everything: false,
    };
    for (at, change) in changes.iter().enumerate() {
        resolved.make(tx, change, now).await.map_err(|error| at_change(at, error))?;
    }
    for id in resolved.touched() {
        if let Some(run) = resolved.before.get(&id).and_then(|rule| rule.run_id) {
            let key = resolved.newest.get(&id).map_or_else(String::new, |rule| rule.key.clone());
            let message = format!("the run {run} is still bringing the rule '{key}' into effect; wait for it");
            return Err(Error::conflict("run_in_progress", message));
        }
    }
    Ok(resolved)
}

/// Says in which change a mistake is.
fn at_change(at: usize, error: Error) -> Error {
    match error {
        Error::Invalid { field, code, message } => {
            let field = if field.is_empty() { format!("changes[{at}]") } else { format!("changes[{at}].{field}") };
            Error::Invalid { field, code, message }
        }
        Error::NotFound { kind, id } => Error::invalid(
            format!("changes[{at}]"),
            "not_found",
            format!("there is no {kind} '{id}' in this organization"),
        ),
        other => other,
    }
}

impl Resolved {
    /// The rules whose versions in force change, or that go.
    fn touched(&self) -> BTreeSet<RuleId> {
        let all: BTreeSet<RuleId> = self.before.keys().chain(self.after.keys()).copied().collect();
        let mut touched: BTreeSet<RuleId> =
            all.into_iter().filter(|id| self.before.get(id) != self.after.get(id)).collect();
        touched.extend(self.deleted.keys());
        touched
    }

    /// A rule by its id or key.
    fn rule(&self, name: &str) -> Result<StoredRule> {
        let found = self.newest.values().find(|rule| rule.key == name || rule.id.to_string() == name);
        let found = found.filter(|rule| !self.deleted.contains_key(&rule.id));
        found.cloned().ok_or_else(|| Error::not_found("mapping rule", name))
    }

    async fn make(&mut self, tx: &mut Tx, change: &PlanChange, now: DateTime<Utc>) -> Result<()> {
        match change {
            PlanChange::Save(fields) => self.save(tx, fields.clone(), now).await,
            PlanChange::Apply { rule } => {
                let rule = self.rule(rule)?;
                // Once more: what it names may have gone since it was saved.
                check(tx, self.organization, &rule).await?.map_err(Finding::first)?;
                self.enforce(rule);
                Ok(())
            }
            PlanChange::State { rule, state } => {
                let rule = self.rule(rule)?;
                // What is in force is what somebody wants to freeze, whatever was saved since.
                let document = self.after.get(&rule.id).map_or(&rule.document, |rule| &rule.document);
                let document = RuleDocument { state: *state, ..document.clone() };
                self.revise(rule, document, now);
                Ok(())
            }
            PlanChange::Delete { rule, origins } => {
                let rule = self.rule(rule)?;
                self.deleted.insert(rule.id, *origins);
                match origins {
                    Ending::Retract => drop(self.after.remove(&rule.id)),
                    Ending::HandOver => {
                        if let Some(rule) = self.after.get_mut(&rule.id) {
                            rule.leaving = Some(Ending::HandOver);
                        }
                    }
                }
                Ok(())
            }
            PlanChange::Reorder { rules } => self.reorder(rules, now),
            PlanChange::ResumeDirectory { directory_id } => self.resume(tx, *directory_id).await,
            PlanChange::RemoveDirectory { directory_id, origins } => self.remove(tx, *directory_id, *origins).await,
            PlanChange::Reconcile {} => {
                self.everything = true;
                Ok(())
            }
        }
    }

    async fn save(&mut self, tx: &mut Tx, mut fields: Map<String, Value>, now: DateTime<Utc>) -> Result<()> {
        let Some(Value::String(key)) = fields.remove("key") else {
            return Err(Error::invalid("save.key", "required", "a rule that is saved needs its key, a string"));
        };
        let rule = if let Ok(rule) = self.rule(&key) {
            let document = rule.document.with(fields)?;
            self.revise(rule, document, now)
        } else {
            check_key(&key).map_err(|finding| Finding::first(vec![finding]))?;
            let last = self.newest.values().map(|rule| rule.document.position).max().unwrap_or(0);
            fields.entry("position").or_insert_with(|| last.saturating_add(STEP).into());
            let document = RuleDocument::parse(fields).map_err(Finding::first)?;
            let rule = StoredRule {
                id: RuleId::mint(now),
                key,
                version: 1,
                applied_version: Some(1),
                leaving: None,
                run_id: None,
                document,
                created_at: now,
                updated_at: now,
            };
            self.saved.insert(rule.id, true);
            self.enforce(rule)
        };
        check(tx, self.organization, &rule).await?.map_err(Finding::first).map(drop)
    }

    /// Gives a rule a further version, unless it says what the newest one says, and puts it in force.
    fn revise(&mut self, mut rule: StoredRule, document: RuleDocument, now: DateTime<Utc>) -> StoredRule {
        if rule.document != document {
            if let Entry::Vacant(unsaved) = self.saved.entry(rule.id) {
                unsaved.insert(false);
                rule.version += 1;
            }
            rule.document = document;
            rule.updated_at = now;
        }
        self.enforce(rule)
    }

    fn enforce(&mut self, mut rule: StoredRule) -> StoredRule {
        rule.applied_version = Some(rule.version);
        self.newest.insert(rule.id, rule.clone());
        let before = self.before.get(&rule.id);
        // The same text in force is no change, whenever it was saved.
        let same = before.is_some_and(|before| before.document == rule.document);
        let in_force = if same { before.cloned() } else { None };
        self.after.insert(rule.id, in_force.unwrap_or_else(|| rule.clone()));
        rule
    }

    fn reorder(&mut self, names: &[String], now: DateTime<Utc>) -> Result<()> {
        let rules: Vec<StoredRule> = names.iter().map(|name| self.rule(name)).collect::<Result<_>>()?;
        let distinct: BTreeSet<RuleId> = rules.iter().map(|rule| rule.id).collect();
        let all = self.newest.keys().filter(|id| !self.deleted.contains_key(id)).count();
        if distinct.len() != rules.len() || distinct.len() != all {
            let message = format!("name each of the organization's {all} rules once, the first one first");
            return Err(Error::invalid("reorder.rules", "not_every_rule_once", message));
        }
        for (rule, place) in rules.into_iter().zip(1_i64..) {
            let position = place * STEP;
            if rule.document.position == position {
                continue;
            }
            let Some(in_force) = self.after.get(&rule.id).cloned() else {
                let document = RuleDocument { position, ..rule.document.clone() };
                self.set_aside(rule, document, now);
                continue;
            };
            if in_force.document != rule.document {
                let message =
                    format!("the rule '{}' has edits that are saved and not in force; apply them first", rule.key);
                return Err(Error::conflict("unapplied_edits", message));
            }
            let document = RuleDocument { position, ..rule.document.clone() };
            self.revise(rule, document, now);
        }
        Ok(())
    }

    /// Gives a rule that is not in force a further version.
    fn set_aside(&mut self, mut rule: StoredRule, document: RuleDocument, now: DateTime<Utc>) {
        rule.version += 1;
        rule.document = document;
        rule.updated_at = now;
        self.saved.insert(rule.id, false);
        self.newest.insert(rule.id, rule);
    }

    async fn resume(&mut self, tx: &mut Tx, id: DirectoryId) -> Result<()> {
        let directory = directories::find(tx, Some(self.organization), id).await?;
        let directory = directory.ok_or_else(|| Error::not_found("directory", id))?;
        if directory.paused_at.is_none() {
            let message = format!("the directory {id} is not paused");
            return Err(Error::invalid("resume_directory.directory_id", "not_paused", message));
        }
        self.directories.insert(id, None);
        Ok(())
    }

    async fn remove(&mut self, tx: &mut Tx, id: DirectoryId, ending: Ending) -> Result<()> {
        let directory = directories::find(tx, Some(self.organization), id).await?;
        let directory = directory.ok_or_else(|| Error::not_found("directory", id))?;
        if directory.leaving.is_some() {
            let message = format!("the directory {id} is being removed already");
            return Err(Error::conflict("run_in_progress", message));
        }
        self.directories.insert(id, Some(ending));
        Ok(())
    }

    /// What would be in force.
    pub(crate) async fn ground(&self, tx: &mut Tx) -> Result<Ground> {
        let in_force = self.after.values().cloned().collect();
        Ground::supposing(tx, self.organization, in_force, self.directories.clone()).await
    }

    /// Whom the changes concern, before they are written.
    pub(crate) async fn reach(&self, tx: &mut Tx) -> Result<Reach> {
        let mut reach = Reach::default();
        if self.everything {
            reach.groups = directory_groups::all_ids(tx, self.organization, None).await?;
            reach.groups.extend(bindings::groups_of_directory(tx, self.organization, None).await?);
            reach.people = links::everybody(tx, self.organization, None).await?;
            return Ok(reach);
        }
        for id in self.touched() {
            let (before, after) = (self.before.get(&id), self.after.get(&id));
            let moved = |one: &StoredRule, other: &StoredRule| {
                let document = RuleDocument { position: other.document.position, ..one.document.clone() };
                document == other.document && one.leaving == other.leaving
            };
            if let (Some(before), Some(after)) = (before, after)
                && moved(before, after)
            {
                // Only its place: that decides the primary roles of those to whom it gives one.
                reach.people.extend(origins::people_of_rule(tx, self.organization, id).await?);
                continue;
            }
            reach::of_rule(tx, self.organization, id, &mut reach).await?;
            let documents = before.into_iter().chain(after).map(|rule| &rule.document);
            for document in documents.filter(|document| document.state == RuleState::Active) {
                reach::of_document(tx, self.organization, document, &mut reach).await?;
            }
        }
        for id in self.directories.keys() {
            reach.groups.extend(directory_groups::all_ids(tx, self.organization, Some(*id)).await?);
            reach.groups.extend(bindings::groups_of_directory(tx, self.organization, Some(*id)).await?);
            reach.people.extend(links::everybody(tx, self.organization, Some(*id)).await?);
        }
        Ok(reach)
    }

    /// Writes the changes: versions are saved and in force, directories resumed or leaving. Native state follows by
    /// converging [`Resolved::reach`]; `run` is the run that does, if it is not done at once.
    pub(crate) async fn write(&self, change: &mut Change<'_>, run: Option<RunId>) -> Result<()> {
        for (id, is_new) in &self.saved {
            let Some(rule) = self.newest.get(id) else { continue };
            if *is_new {
                let unapplied = StoredRule { applied_version: None, ..rule.clone() };
                rules::insert(change.tx, self.organization, &unapplied).await?;
            } else {
                rules::update(change.tx, self.organization, rule).await?;
            }
        }
        for id in self.touched() {
            if let Some(ending) = self.deleted.get(&id) {
                rules::set_leaving(change.tx, self.organization, id, *ending, run, change.now).await?;
            } else if let Some(rule) = self.after.get(&id) {
                rules::set_applied(change.tx, self.organization, id, rule.version, run, change.now).await?;
            }
        }
        for (id, leaving) in &self.directories {
            let Some(mut directory) = directories::find(change.tx, Some(self.organization), *id).await? else {
                continue;
            };
            directory.paused_at = None;
            directory.leaving = *leaving;
            directory.updated_at = change.now;
            if leaving.is_some() {
                "deleting".clone_into(&mut directory.state);
                keys::remove_tokens_of(change.tx, self.organization, *id).await?;
            }
            directories::update(change.tx, &directory).await?;
            directories::clear_backlog(change.tx, self.organization, *id).await?;
        }
        Ok(())
    }

    /// What changes of rules and directories themselves, as effects.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        let effect = |kind, subject: String, data: Value| {
            let data = if let Value::Object(data) = data { data } else { Map::new() };
            Effect { kind, membership: None, group: None, subject, data }
        };
        let is_new = |rule: &StoredRule| self.saved.get(&rule.id) == Some(&true);
        let id = |rule: &StoredRule| Some(rule.id).filter(|_| !is_new(rule));
        let rule = |rule: &StoredRule| json!({"rule": {"id": id(rule), "key": rule.key, "version": rule.version}});
        let text = |rule: &StoredRule| format!("{} {}", rule.key, json!(rule.document));
        let mut effects = Vec::new();
        for saved in self.saved.keys().filter_map(|id| self.newest.get(id)) {
            effects.push(effect(EffectKind::RuleSaved, text(saved), rule(saved)));
        }
        for id in self.touched() {
            match (self.deleted.get(&id), self.newest.get(&id), self.after.get(&id)) {
                (Some(ending), Some(deleted), _) => {
                    let subject = format!("{} {}", deleted.key, ending.as_str());
                    effects.push(effect(EffectKind::RuleDeleted, subject, rule(deleted)));
                }
                (None, _, Some(applied)) => effects.push(effect(EffectKind::RuleApplied, text(applied), rule(applied))),
                _ => {}
            }
        }
        for (id, leaving) in &self.directories {
            let kind = if leaving.is_some() { EffectKind::DirectoryRemoved } else { EffectKind::DirectoryResumed };
            let ending = leaving.map(Ending::as_str);
            effects.push(effect(kind, format!("{id} {ending:?}"), json!({"directory_id": id, "origins": ending})));
        }
        effects
    }

    /// What tells whether rules or directories moved between two looks.
    pub(crate) fn stamp(&self) -> String {
        json!([
            self.before.values().map(|rule| (rule.id, rule.version, &rule.leaving)).collect::<Vec<_>>(),
            self.newest.values().map(|rule| (&rule.key, rule.version)).collect::<Vec<_>>(),
            self.directories.keys().collect::<Vec<_>>(),
        ])
        .to_string()
    }

    /// What a run has to do, once the changes are written.
    pub(crate) fn work(&self) -> Value {
        json!({
            "rules": self.touched(),
            "directories": self.directories.keys().collect::<Vec<_>>(),
            "removed": self.removed_directories(),
            "everything": self.everything,
        })
    }

    /// The rules that go.
    pub(crate) fn deleted_rules(&self) -> Vec<RuleId> {
        self.deleted.keys().copied().collect()
    }

    /// The directories that are removed.
    pub(crate) fn removed_directories(&self) -> BTreeSet<DirectoryId> {
        self.directories.iter().filter(|(_, leaving)| leaving.is_some()).map(|(id, _)| *id).collect()
    }
}

/// A removed directory whose records are gone becomes a tombstone.
pub(crate) async fn bury(change: &mut Change<'_>, id: DirectoryId) -> Result<()> {
    let Some(mut directory) = directories::find(change.tx, Some(change.organization), id).await? else { return Ok(()) };
    // The vendor's word in events is that of the state before.
    "active".clone_into(&mut directory.state);
    change.emit("dsync.deleted", directory.json());
    directories::bury(change.tx, change.organization, id, change.now).await
}

/// What is left to do once everybody was converged: these rules, which were leaving, go.
pub(crate) async fn conclude(change: &mut Change<'_>, leaving: Vec<RuleId>) -> Result<()> {
    for rule in leaving {
        rules::delete(change.tx, change.organization, rule).await?;
    }
    Ok(())
}
