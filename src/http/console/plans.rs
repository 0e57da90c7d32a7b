//! Plans: who gains and who loses, by name, and applying exactly that.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::Value;

use super::charts::percent;
use super::failure::PageFailure;
use super::filters;
use super::frame::{Frame, Section, page};
use super::paging::{self, Pager};
use super::viewer::Place;
use crate::app::App;
use crate::domain::effect_line::{Line, line};
use crate::domain::id::{EffectLabel, PlanLabel};
use crate::domain::plan::EffectKind;
use crate::domain::{Error, Result};
use crate::service::directories;
use crate::service::mapping::{apply, plans};
use crate::store::plans::{Search, StoredEffect, StoredPlan};

/// An effect as a line of a page.
pub struct Row {
    /// The class of the line: `add`, `del`, `mod` or `odd`.
    pub class: &'static str,
    /// The line.
    pub line: Line,
    /// The page of whom or what it is about.
    pub href: Option<String>,
}

impl Row {
    /// The row of an effect, from its object of the API.
    pub fn of(place: &Place, effect: &Value) -> Self {
        let line = line(effect);
        let class = match line.sign {
            '+' => "add",
            '-' => "del",
            _ => "mod",
        };
        let text = |name: &str| effect[name].as_str();
        let href = match (text("organization_membership_id"), text("group_id"), effect["rule"]["id"].as_str()) {
            (Some(id), ..) => Some(format!("/people/{id}")),
            (None, Some(id), _) => Some(format!("/groups/{id}")),
            (None, None, Some(id)) => Some(format!("/rules/{id}")),
            (None, None, None) => None,
        };
        Row { class, line, href: href.map(|page| place.path(&page)) }
    }
}

/// A tab above the effects: a word, a name, and how many there are.
pub struct Tab {
    /// The word in the address.
    pub word: &'static str,
    /// The name.
    pub name: &'static str,
    /// How many.
    pub count: i64,
    /// Whether it is open.
    pub current: bool,
}

/// Which kinds a tab shows.
const TABS: [(&str, &str, &[EffectKind]); 4] = [
    ("", "Everything", &[]),
    (
        "people",
        "People",
        &[
            EffectKind::MembershipCreated,
            EffectKind::MembershipActivated,
            EffectKind::MembershipDeactivated,
            EffectKind::OriginHandedOver,
        ],
    ),
    (
        "groups",
        "Groups",
        &[
            EffectKind::GroupCreated,
            EffectKind::GroupAdopted,
            EffectKind::GroupRenamed,
            EffectKind::GroupDeleted,
            EffectKind::GroupKept,
            EffectKind::MirrorParked,
            EffectKind::MemberAdded,
            EffectKind::MemberRemoved,
        ],
    ),
    ("roles", "Roles", &[EffectKind::RoleAdded, EffectKind::RoleRemoved, EffectKind::PrimaryRoleChanged]),
];

/// What is given and what is taken, in one number each.
struct Totals {
    gain: i64,
    lose: i64,
    people: i64,
}

/// What the guard says of a directory.
pub struct GuardRow {
    /// The directory's name.
    pub directory: String,
    /// How many lose something.
    pub losing: i64,
    /// How many may.
    pub allowance: i64,
    /// The share that is used up, in percent.
    pub percent: i64,
}

#[derive(Template)]
#[template(path = "console/plan.html")]
struct PlanPage {
    frame: Frame,
    plan: StoredPlan,
    totals: Totals,
    guard: Vec<GuardRow>,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    pager: Pager,
    problem: Option<String>,
}

impl PlanPage {
    fn kinds(&self) -> Vec<(String, i64)> {
        let all = EffectKind::ALL.iter().filter_map(|kind| {
            let count = self.plan.totals.0.get(kind.as_str()).copied().filter(|count| *count > 0)?;
            Some((super::view::words(kind.as_str()), count))
        });
        all.collect()
    }

    /// What the button says: how many it is about.
    fn button(&self) -> String {
        let changes = self.plan.effects();
        let gone = |kind, one, many| {
            let count = count(&self.plan, &[kind]);
            (count > 0).then(|| super::view::counted(count, one, many))
        };
        let gone = [
            gone(EffectKind::DirectoryRemoved, "directory", "directories"),
            gone(EffectKind::RuleDeleted, "rule", "rules"),
        ];
        let gone: Vec<String> = gone.into_iter().flatten().collect();
        if !gone.is_empty() {
            let changes = super::view::counted(changes, "change of what people have", "changes of what people have");
            return format!("Remove {}, with {changes}", gone.join(" and "));
        }
        if self.plan.guard.would_park() {
            return format!("Let {} wait for an approval", super::view::counted(changes, "change", "changes"));
        }
        match (changes, self.totals.lose) {
            (0, _) => "Apply: nobody gains or loses anything".to_owned(),
            (_, 0) => format!("Apply exactly this: {} changes", super::view::number(changes)),
            (_, lose) => format!(
                "Apply exactly this: {} changes, {} of them take something away",
                super::view::number(changes),
                super::view::number(lose)
            ),
        }
    }
}

impl PlanPage {
    /// Whether the button takes something away.
    fn takes(&self) -> bool {
        self.totals.lose > 0 || count(&self.plan, &[EffectKind::DirectoryRemoved, EffectKind::RuleDeleted]) > 0
    }
}

/// `GET /console/{organization}/plans/{plan}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let plan = found(&app, &place).await?;
    plan_page(&app, &place, plan, None).await
}

async fn found(app: &App, place: &Place) -> Result<StoredPlan> {
    plans::get(app, &place.access, place.id::<PlanLabel>("plan")?).await
}

async fn plan_page(
    app: &App,
    place: &Place,
    plan: StoredPlan,
    problem: Option<String>,
) -> Result<Response, PageFailure> {
    let shown = place.asked("show");
    let kinds = TABS.iter().find(|(word, ..)| *word == shown).map_or(&[][..], |(_, _, kinds)| kinds);
    let search = Search { kinds: kinds.to_vec(), ..Search::default() };
    let request = paging::request_ascending::<EffectLabel>(place);
    let found = plans::effects(app, &plan, &search, &request).await?;
    let path = place.path(&format!("/plans/{}?show={shown}", plan.id));
    let pager = Pager::of(&found, &path, |effect: &StoredEffect| effect.id.to_string());
    let rows = found.rows.iter().map(|effect| Row::of(place, &effect.json())).collect();
    let frame = place.frame(app, Section::Rules, "Plan");
    let page_of = PlanPage {
        totals: totals(&plan),
        guard: guard(app, place, &plan).await?,
        tabs: tabs(&plan, shown),
        frame,
        plan,
        rows,
        pager,
        problem,
    };
    page(&page_of)
}

fn count(plan: &StoredPlan, kinds: &[EffectKind]) -> i64 {
    kinds.iter().filter_map(|kind| plan.totals.0.get(kind.as_str())).sum()
}

fn tabs(plan: &StoredPlan, shown: &str) -> Vec<Tab> {
    let tab = |(word, name, kinds): (&'static str, &'static str, &[EffectKind])| Tab {
        word,
        name,
        count: count(plan, if kinds.is_empty() { &EffectKind::ALL } else { kinds }),
        current: word == shown,
    };
    TABS.into_iter().map(tab).collect()
}

fn totals(plan: &StoredPlan) -> Totals {
    let gain = [
        EffectKind::GroupCreated,
        EffectKind::MembershipCreated,
        EffectKind::MembershipActivated,
        EffectKind::MemberAdded,
        EffectKind::RoleAdded,
    ];
    let lose = [
        EffectKind::GroupDeleted,
        EffectKind::MembershipDeactivated,
        EffectKind::MemberRemoved,
        EffectKind::RoleRemoved,
    ];
    let people = plan.totals.0.get("people").copied().unwrap_or(0);
    Totals { gain: count(plan, &gain), lose: count(plan, &lose), people }
}

async fn guard(app: &App, place: &Place, plan: &StoredPlan) -> Result<Vec<GuardRow>> {
    let mut rows = Vec::new();
    for count in &plan.guard.directories {
        let directory = directories::get(app, &place.access, count.directory_id).await;
        let directory = directory.map_or_else(|_| count.directory_id.to_string(), |directory| directory.name);
        let percent = percent(count.losing, count.allowance.max(1));
        rows.push(GuardRow { directory, losing: count.losing, allowance: count.allowance, percent });
    }
    Ok(rows)
}

/// `POST /console/{organization}/plans/{plan}/apply`
pub async fn apply(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let plan = found(&app, &place).await?;
    match apply::apply(&app, &place.access, plan.clone()).await {
        Ok(run) => Ok(place.go(&format!("/runs/{}", run.id), "applied")),
        Err(Error::Conflict { message, .. } | Error::Refused { message, .. }) => {
            let mut response = plan_page(&app, &place, plan, Some(super::view::sentence(&message))).await?;
            *response.status_mut() = StatusCode::CONFLICT;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/{organization}/plans/{plan}/again`: the same changes, planned on what is there now.
pub async fn again(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let plan = found(&app, &place).await?;
    let fresh = plans::create(&app, &place.access, place.scope, plan.changes).await?;
    Ok(Redirect::to(&place.path(&format!("/plans/{}", fresh.id))).into_response())
}
