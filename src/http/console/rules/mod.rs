//! Mapping rules: in their order, as a picture of who flows where, edited with their effect beside.

mod document;
pub mod editor;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::failure::PageFailure;
use super::filters;
use super::flow::{Band, Flow, Node};
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::viewer::Place;
use crate::app::App;
use crate::domain::id::{GroupId, RuleLabel};
use crate::domain::origin::Ending;
use crate::domain::plan::PlanChange;
use crate::domain::rule::{Action, RuleState, When};
use crate::domain::{Error, Result};
use crate::service::mapping::{flow, plans, rules};
use crate::service::native::groups;
use crate::store::rules::StoredRule;

/// A rule in the list.
struct Row {
    rule: StoredRule,
    when: String,
    then: Vec<String>,
    directory: Option<String>,
    /// The tone and the word of how it stands.
    standing: (&'static str, &'static str),
    first: bool,
    last: bool,
}

#[derive(Template)]
#[template(path = "console/rules/list.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "console/rules/flow.html")]
struct FlowPage {
    frame: Frame,
    flow: Flow,
}

/// `GET /console/{organization}/rules`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let all = rules::list(&app, place.scope).await?;
    let names = editor::directory_names(&app, &place).await?;
    let groups = all.iter().flat_map(|rule| &rule.document.then).filter_map(|action| action.names().0);
    let groups = groups::names(&app, place.scope, groups.collect()).await?;
    let count = all.len();
    let rows = all.into_iter().enumerate().map(|(at, rule)| Row {
        when: when(&rule.document.when),
        then: rule.document.then.iter().map(|action| then(action, &groups)).collect(),
        directory: rule.document.directory_id.map(|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string())),
        standing: standing(&rule),
        first: at == 0,
        last: at + 1 == count,
        rule,
    });
    page(&List { rows: rows.collect(), frame: place.frame(&app, Section::Rules, "Rules") })
}

/// How a rule stands, as a tone and a word.
pub(super) fn standing(rule: &StoredRule) -> (&'static str, &'static str) {
    match (rule.leaving, rule.applied_version, rule.document.state) {
        (Some(_), ..) => ("warn", "being deleted"),
        (None, None, _) => ("calm", "never applied"),
        (None, Some(_), RuleState::Frozen) => ("warn", "frozen"),
        (None, Some(_), RuleState::Draft) => ("calm", "draft"),
        (None, Some(applied), RuleState::Active) if applied == rule.version => ("good", "in force"),
        (None, Some(_), RuleState::Active) => ("warn", "in force, with edits not applied"),
    }
}

fn when(when: &When) -> String {
    let mut parts = Vec::new();
    if let Some(filter) = &when.group {
        parts.push(format!("groups where {filter}"));
    }
    if !when.group_ids.is_empty() {
        parts.push(format!("{} groups by id", when.group_ids.len()));
    }
    if let Some(capture) = &when.capture {
        parts.push(format!("named like {capture}"));
    }
    if let Some(filter) = &when.user {
        parts.push(format!("people where {filter}"));
    }
    if let Some(filter) = &when.except_group {
        parts.push(format!("but nobody of groups where {filter}"));
    }
    parts.join(", ")
}

fn then(action: &Action, groups: &BTreeMap<GroupId, String>) -> String {
    let name = |id: &GroupId| groups.get(id).cloned().unwrap_or_else(|| id.to_string());
    match action {
        Action::EnsureMembership {} => "belong to the organization".to_owned(),
        Action::MirrorGroup { name: Some(name), .. } => format!("a native group of the name {name}"),
        Action::MirrorGroup { name: None, .. } => "a native group of the same name".to_owned(),
        Action::IntoGroup { group_id } => format!("into the group {}", name(group_id)),
        Action::GrantRole { role } => format!("the role {role}"),
        Action::Exclude { group_id: None, role: None } => "excluded from everything".to_owned(),
        Action::Exclude { group_id: Some(group), .. } => format!("excluded from the group {}", name(group)),
        Action::Exclude { role: Some(role), .. } => format!("excluded from the role {role}"),
    }
}

/// `GET /console/{organization}/rules/flow`: of its own, since it counts everybody.
pub async fn flow_page(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let all = rules::list(&app, place.scope).await?;
    let streams = flow::streams(&app, place.scope).await?;
    let flow = picture(&place, &all, &streams);
    page(&FlowPage { flow, frame: place.frame(&app, Section::Rules, "Who flows where") })
}

/// The picture of streams: directory groups, rules in their order, native groups and roles.
pub(super) fn picture(place: &Place, rules: &[StoredRule], streams: &[flow::Stream]) -> Flow {
    let (mut sources, mut middle, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    // People of a group get everything that the rule gives, so the widest stream is how many there are.
    let mut coming: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut going: BTreeMap<(String, String), i64> = BTreeMap::new();
    let gives_more: std::collections::BTreeSet<_> =
        streams.iter().filter(|stream| stream.target != "membership").map(|stream| stream.rule_id).collect();
    for stream in streams.iter().filter(|stream| stream.target != "membership" || !gives_more.contains(&stream.rule_id))
    {
        let at = rules.iter().position(|rule| rule.id == stream.rule_id);
        let key =
            at.and_then(|at| rules.get(at)).map_or_else(|| "a rule that is gone".to_owned(), |rule| rule.key.clone());
        // Sorted by its place among the rules.
        let rule = format!("{:06}", at.unwrap_or(999_999));
        let href = place.path(&format!("/rules/{}", stream.rule_id));
        middle.push(Node { key: rule.clone(), name: key, href: Some(href) });
        let source = if stream.directory_group_id == crate::domain::Id::nil() {
            Node { key: "people".to_owned(), name: "People by what they are".to_owned(), href: None }
        } else {
            let name = stream.directory_group.clone().unwrap_or_else(|| "a group that is gone".to_owned());
            let href = place.path(&format!("/directory-groups/{}", stream.directory_group_id));
            Node { key: stream.directory_group_id.to_string(), name, href: Some(href) }
        };
        let widest = coming.entry((source.key.clone(), rule.clone())).or_default();
        *widest = (*widest).max(stream.people);
        sources.push(source);
        let target = target(place, stream);
        *going.entry((rule, target.key.clone())).or_default() += stream.people;
        targets.push(target);
    }
    let band = |column: usize| move |((from, to), people): ((String, String), i64)| Band { column, from, to, people };
    let bands: Vec<Band> = coming.into_iter().map(band(0)).chain(going.into_iter().map(band(1))).collect();
    Flow::of([sources, middle, targets], &bands)
}

fn target(place: &Place, stream: &flow::Stream) -> Node {
    let name = stream.target_name.clone().unwrap_or_default();
    match stream.target.as_str() {
        "group" => Node {
            key: format!("group {}", stream.target_id),
            name,
            href: Some(place.path(&format!("/groups/{}", stream.target_id))),
        },
        "role" => Node { key: format!("role {name}"), name: format!("Role {name}"), href: None },
        _ => Node { key: "membership".to_owned(), name: "Membership".to_owned(), href: Some(place.path("/people")) },
    }
}

/// `POST /console/{organization}/rules/{rule}/move`: a plan by which it stands one place higher or lower.
pub async fn shift(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let id = place.id::<RuleLabel>("rule")?;
    let all = rules::list(&app, place.scope).await?;
    let mut names: Vec<String> =
        all.iter().filter(|rule| rule.leaving.is_none()).map(|rule| rule.id.to_string()).collect();
    let at = names.iter().position(|name| *name == id.to_string());
    let at = at.ok_or_else(|| Error::not_found("mapping rule", id))?;
    let to = if form.text("to") == "up" { at.checked_sub(1) } else { Some(at + 1) };
    let Some(to) = to.filter(|to| *to < names.len()) else {
        return Ok(Redirect::to(&place.path("/rules")).into_response());
    };
    names.swap(at, to);
    planned(&app, &place, vec![PlanChange::Reorder { rules: names }]).await
}

/// `POST /console/{organization}/rules/{rule}/state`: a plan by which the rule is frozen or activated.
pub async fn state(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let rule = rules::get(&app, place.scope, place.id::<RuleLabel>("rule")?).await?;
    let state = if form.text("state") == "frozen" { RuleState::Frozen } else { RuleState::Active };
    planned(&app, &place, vec![PlanChange::State { rule: rule.id.to_string(), state }]).await
}

/// `POST /console/{organization}/rules/{rule}/delete`: a plan by which the rule goes.
pub async fn delete(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let rule = rules::get(&app, place.scope, place.id::<RuleLabel>("rule")?).await?;
    let origins = Ending::from_word(form.text("origins")).unwrap_or_default();
    planned(&app, &place, vec![PlanChange::Delete { rule: rule.id.to_string(), origins }]).await
}

/// `POST /console/{organization}/rules/{rule}/apply`: a plan that puts the newest version in force.
pub async fn apply(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let rule = rules::get(&app, place.scope, place.id::<RuleLabel>("rule")?).await?;
    planned(&app, &place, vec![PlanChange::Apply { rule: rule.id.to_string() }]).await
}

/// Makes a plan of these changes, and goes to it.
pub(super) async fn planned(app: &App, place: &Place, changes: Vec<PlanChange>) -> Result<Response, PageFailure> {
    let plan = plans::create(app, &place.access, place.scope, changes).await?;
    Ok(Redirect::to(&place.path(&format!("/plans/{}", plan.id))).into_response())
}
