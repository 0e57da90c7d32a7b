//! The editor of a rule: what is written on the left, what it would do on the right.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::Value;

use super::document::{Fields, field_of};
use super::standing;
use crate::app::App;
use crate::domain::directory::DirectoryUser;
use crate::domain::finding::{Finding, Severity};
use crate::domain::id::{DirectoryId, RuleLabel};
use crate::domain::lint::groups::ShownGroup;
use crate::domain::native::{Group, Role};
use crate::domain::plan::{GuardVerdict, PlanChange};
use crate::domain::{Error, Result};
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::viewer::Place;
use crate::service::directories;
use crate::service::mapping::lint::{self, Draft};
use crate::service::mapping::rules::{self, RuleFields};
use crate::service::mapping::{plans, preview};
use crate::service::native::{groups, roles};
use crate::store::rules::{RuleVersion, StoredRule};
use crate::store::{Order, PageRequest};

/// People up to whom the effect is counted while one types; a plan counts any number.
const MOST_PEOPLE: usize = 3_000;
/// Directories to choose from at the most.
const DIRECTORIES: i64 = 100;
/// Native groups to choose from at the most; others are named by their ids.
const GROUPS: i64 = 300;
/// Versions that are listed at the most.
const VERSIONS: i64 = 20;

#[derive(Template)]
#[template(path = "console/rules/editor.html")]
struct Editor {
    frame: Frame,
    rule: Option<StoredRule>,
    standing: (&'static str, &'static str),
    fields: Fields,
    directories: Vec<(String, String)>,
    groups: Vec<Group>,
    roles: Vec<Role>,
    versions: Vec<RuleVersion>,
    effect: Effect,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "console/rules/effect_alone.html")]
struct Alone {
    frame: Frame,
    effect: Effect,
}

impl Editor {
    /// Whether this version is the one in force.
    fn is_in_force(&self, version: &RuleVersion) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.applied_version == Some(version.version))
    }

    /// The newest version, if it is not in force and could be.
    fn unapplied(&self) -> Option<&StoredRule> {
        self.rule.as_ref().filter(|rule| rule.applied_version != Some(rule.version) && rule.leaving.is_none())
    }

    /// Roles that the rule grants and that are not there.
    fn missing_roles(&self) -> Vec<&String> {
        self.fields.roles.iter().filter(|slug| !self.roles.iter().any(|role| role.slug == **slug)).collect()
    }
}

/// What a draft would do.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sentence of the page, said or not")]
struct Effect {
    mistakes: Vec<Marked>,
    warnings: Vec<Marked>,
    groups: Vec<ShownGroup>,
    groups_matched: usize,
    groups_seen: usize,
    groups_complete: bool,
    people: Vec<DirectoryUser>,
    people_matched: usize,
    people_complete: bool,
    counts: Option<Counts>,
    too_many: bool,
    /// Nothing is written yet.
    blank: bool,
    /// It is not said yet what people get.
    undecided: bool,
}

/// Something that is wrong or odd, with the field and the letters that it is about.
struct Marked {
    field: &'static str,
    message: String,
    from: Option<usize>,
    to: usize,
    /// What is written before, at and after the place.
    quoted: Option<(String, String, String)>,
}

/// How many effects there would be.
struct Counts {
    gain: Vec<String>,
    lose: Vec<String>,
    people: i64,
    guard: GuardVerdict,
}

/// `GET /console/{organization}/rules/new`: with what the address suggests.
pub async fn new(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let asked = |name: &str| place.asked(name).to_owned();
    let fields = Fields {
        key: asked("key"),
        directory: asked("directory"),
        group: asked("group"),
        capture: asked("capture"),
        user: asked("user"),
        mirror: place.asked("action") == "mirror_group",
        mirror_name: asked("name"),
        roles: Some(asked("role")).filter(|role| !role.is_empty()).into_iter().collect(),
        into_groups: Some(asked("into_group")).filter(|group| !group.is_empty()).into_iter().collect(),
        ..Fields::default()
    };
    editor(&app, &place, None, fields, None).await
}

/// `GET /console/{organization}/rules/{rule}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let rule = rules::get(&app, place.scope, place.id::<RuleLabel>("rule")?).await?;
    let fields = Fields::of(&rule.key, &rule.document);
    editor(&app, &place, Some(rule), fields, None).await
}

async fn editor(
    app: &App,
    place: &Place,
    rule: Option<StoredRule>,
    fields: Fields,
    problem: Option<String>,
) -> Result<Response, PageFailure> {
    let names = directory_names(app, place).await?;
    let mut directories: Vec<(String, String)> = names.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    // One beyond those that are offered stays chosen.
    if !fields.directory.is_empty() && !directories.iter().any(|(id, _)| *id == fields.directory) {
        directories.push((fields.directory.clone(), fields.directory.clone()));
    }
    let first = PageRequest { after: None, before: None, limit: GROUPS, order: Order::Ascending };
    let versions = match &rule {
        Some(rule) => rules::versions(app, place.scope, rule.id, None, VERSIONS).await?.1,
        None => Vec::new(),
    };
    let title = rule.as_ref().map_or_else(|| "New rule".to_owned(), |rule| format!("Rule {}", rule.key));
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = page(&Editor {
        frame: place.frame(app, Section::Rules, title),
        standing: rule.as_ref().map_or(("calm", "not saved yet"), standing),
        directories,
        groups: groups::list(app, place.scope, None, &first).await?.rows,
        roles: roles::all(app, place.scope).await?,
        effect: effect(app, place, &fields, rule.is_none()).await?,
        rule,
        fields,
        versions,
        problem,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

/// The names of the organization's directories.
pub(super) async fn directory_names(app: &App, place: &Place) -> Result<BTreeMap<DirectoryId, String>> {
    let first = PageRequest { after: None, before: None, limit: DIRECTORIES, order: Order::Ascending };
    let found = directories::list(app, &place.access, Some(place.scope), None, &first).await?;
    Ok(found.rows.into_iter().map(|directory| (directory.id, directory.name)).collect())
}

/// `POST /console/{organization}/rules/preview`: what the draft would do. Nothing is saved.
pub async fn preview(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let effect = effect(&app, &place, &Fields::typed(&form), form.filled("rule").is_none()).await?;
    page(&Alone { frame: place.frame(&app, Section::Rules, "Effect"), effect })
}

/// `POST /console/{organization}/rules/save`: what the pressed button says: only check, save, or plan.
pub async fn save(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let fields = Fields::typed(&form);
    let rule = match form.filled("rule") {
        Some(id) => Some(rules::get(&app, place.scope, crate::http::workos::path::id(id)?).await?),
        None => None,
    };
    let done = match form.text("do") {
        "save" => saved(&app, &place, rule.as_ref(), &fields, &form).await,
        "plan" => planned(&app, &place, rule.as_ref(), &fields, &form).await,
        _ => return editor(&app, &place, rule, fields, None).await,
    };
    match done {
        Ok(response) => Ok(response),
        Err(Error::Invalid { message, .. } | Error::Conflict { message, .. }) => {
            let problem = super::super::view::sentence(&message);
            editor(&app, &place, rule, fields, Some(problem)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn saved(app: &App, place: &Place, rule: Option<&StoredRule>, fields: &Fields, form: &Form) -> Result<Response> {
    let (document, _) = fields.document();
    let saved = match rule {
        None => rules::create(app, &place.access, place.scope, fields.key.clone(), document, false).await?,
        Some(rule) => {
            let known = form.text("version").parse().unwrap_or(rule.version);
            let changes = RuleFields { key: Some(fields.key.clone()), document, version: Some(known), apply: false };
            rules::update(app, &place.access, place.scope, rule.id, changes).await?
        }
    };
    Ok(place.go(&format!("/rules/{}", saved.value.id), "saved"))
}

/// A plan of the rule as it is written. Saving comes with applying it.
async fn planned(
    app: &App,
    place: &Place,
    rule: Option<&StoredRule>,
    fields: &Fields,
    form: &Form,
) -> Result<Response> {
    // A plan replaces what the rule says, so it must be what somebody saw.
    if let Some(rule) = rule.filter(|rule| form.text("version").parse() != Ok(rule.version)) {
        let message =
            format!("somebody saved version {} of the rule '{}' meanwhile; read it first", rule.version, rule.key);
        return Err(Error::conflict("version_conflict", message));
    }
    if rule.is_none() && is_taken(app, place, &fields.key).await? {
        return Err(taken(&fields.key));
    }
    if let Some(rule) = rule.filter(|rule| rule.key != fields.key) {
        let message = format!("save the new name of the rule '{}' first, then plan it", rule.key);
        return Err(Error::invalid("key", "renamed", message));
    }
    let plan = plans::create(app, &place.access, place.scope, vec![change(fields)]).await?;
    Ok(Redirect::to(&place.path(&format!("/plans/{}", plan.id))).into_response())
}

async fn is_taken(app: &App, place: &Place, key: &str) -> Result<bool> {
    Ok(rules::list(app, place.scope).await?.iter().any(|rule| rule.key == key))
}

fn taken(key: &str) -> Error {
    Error::invalid("key", "key_already_used", format!("there is a rule '{key}' already; open that one to change it"))
}

fn change(fields: &Fields) -> PlanChange {
    let (mut document, _) = fields.document();
    document.insert("key".to_owned(), Value::String(fields.key.clone()));
    PlanChange::Save(document)
}

/// What a draft would do: an edit of the rule with its key, or a `new` rule, whose key nobody else may have.
async fn effect(app: &App, place: &Place, fields: &Fields, new: bool) -> Result<Effect> {
    if new && is_taken(app, place, &fields.key).await? {
        let finding = Finding::error("key", "key_already_used", taken(&fields.key).to_string());
        return Ok(Effect { mistakes: vec![mark(&finding, fields, &[])], ..Effect::default() });
    }
    // Conditions are written first: whom they are about is shown before anything is said about what those get.
    let undecided = fields.document().1.is_empty();
    let stand_in = Fields { membership: fields.membership || undecided, ..fields.clone() };
    let (document, actions) = stand_in.document();
    let draft = Draft { key: Some(fields.key.clone()).filter(|key| !key.is_empty()), document };
    let nothing = Fields { key: fields.key.clone(), directory: fields.directory.clone(), ..Fields::default() };
    if *fields == nothing {
        return Ok(Effect { blank: true, ..Effect::default() });
    }
    let report = lint::lint(app, place.scope, draft.clone()).await?;
    let marked = |finding: Finding| mark(&finding, fields, &actions);
    if !report.errors.is_empty() {
        return Ok(Effect { mistakes: report.errors.into_iter().map(marked).collect(), ..Effect::default() });
    }
    let seen = preview::preview(app, place.scope, draft).await?;
    let mut effect = Effect {
        warnings: report.warnings.into_iter().filter(|found| found.severity != Severity::Error).map(marked).collect(),
        groups: seen.groups,
        groups_matched: seen.groups_matched,
        groups_seen: seen.groups_seen,
        groups_complete: seen.groups_complete,
        people: seen.people,
        people_matched: seen.people_matched,
        people_complete: seen.people_complete,
        undecided,
        ..Effect::default()
    };
    if fields.key.is_empty() || undecided {
        return Ok(effect);
    }
    match plans::estimate(app, place.scope, &[change(fields)], MOST_PEOPLE).await {
        Ok(Some(found)) => effect.counts = Some(counts(found)),
        Ok(None) => effect.too_many = true,
        Err(Error::Conflict { message, .. } | Error::Invalid { message, .. }) => {
            effect.warnings.push(Marked { field: "", message, from: None, to: 0, quoted: None });
        }
        Err(error) => return Err(error),
    }
    Ok(effect)
}

fn counts(estimate: plans::Estimate) -> Counts {
    let total = |kind: &str| estimate.totals.0.get(kind).copied().unwrap_or(0);
    let some = |kinds: &[(&str, &str, &str)]| -> Vec<String> {
        let counted = kinds.iter().map(|(kind, one, many)| (total(kind), one, many));
        let there = counted.filter(|(count, ..)| *count > 0);
        there.map(|(count, one, many)| super::super::view::counted(count, one, many)).collect()
    };
    Counts {
        gain: some(&[
            ("group_created", "group is made", "groups are made"),
            ("group_adopted", "group is adopted", "groups are adopted"),
            ("membership_created", "person becomes a member", "people become members"),
            ("membership_activated", "person is a member again", "people are members again"),
            ("member_added", "group membership begins", "group memberships begin"),
            ("role_added", "role is given", "roles are given"),
        ]),
        lose: some(&[
            ("group_deleted", "group goes", "groups go"),
            ("membership_deactivated", "person is a member no more", "people are members no more"),
            ("member_removed", "group membership ends", "group memberships end"),
            ("role_removed", "role is taken", "roles are taken"),
            ("mirror_parked", "group waits for a name", "groups wait for a name"),
        ]),
        people: total("people"),
        guard: estimate.guard,
    }
}

/// Finds the letters that a finding is about.
fn mark(finding: &Finding, fields: &Fields, actions: &[&'static str]) -> Marked {
    let field = field_of(&finding.field, actions);
    let text = match field {
        "group" => &fields.group,
        "capture" => &fields.capture,
        "user" => &fields.user,
        "except_group" => &fields.except_group,
        "mirror_name" => &fields.mirror_name,
        _ => "",
    };
    let letters: Vec<char> = text.chars().collect();
    let from = finding.column.map(|column| column.saturating_sub(1).min(letters.len()));
    let to = from.map_or(0, |from| {
        let word = letters[from..].iter().take_while(|c| !c.is_whitespace() && **c != ')').count();
        from + word.max(1)
    });
    let part = |from: usize, to: usize| letters[from.min(letters.len())..to.min(letters.len())].iter().collect();
    let quoted = from.map(|from| (part(0, from), part(from, to), part(to, letters.len())));
    Marked { field, message: super::super::view::sentence(&finding.message), from, to, quoted }
}
