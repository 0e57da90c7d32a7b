//! Native groups: who is in them, and by what.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::failure::PageFailure;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::paging::{self, Pager};
use super::viewer::Place;
use crate::app::App;
use crate::domain::Result;
use crate::domain::id::{GroupLabel, MembershipId, MembershipLabel};
use crate::domain::native::{Group, Role};
use crate::domain::origin::Kind;
use crate::http::workos::path::id;
use crate::service::mapping::reasons::{self, GroupReason};
use crate::service::native::group_members::{self, MemberChange};
use crate::service::native::{group_roles, groups, managed_groups, memberships, roles};
use crate::store::memberships::WithUser;

#[derive(Template)]
#[template(path = "console/groups.html")]
struct List {
    frame: Frame,
    rows: Vec<(Group, bool)>,
    pager: Pager,
    search: String,
}

/// `GET /console/{organization}/groups`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let search = place.asked("q").to_owned();
    let wanted = Some(search.as_str()).filter(|text| !text.is_empty());
    let found = managed_groups::list(&app, place.scope, wanted, &paging::request::<GroupLabel>(&place)).await?;
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", &search).finish();
    let pager = Pager::of(&found, &place.path(&format!("/groups?{query}")), |(group, _)| group.id.to_string());
    page(&List { frame: place.frame(&app, Section::Groups, "Groups"), rows: found.rows, pager, search })
}

/// Why somebody is in a group, as a chip: a mark, a word, and where it comes from.
pub struct Chip {
    /// A mark that says the kind without words.
    pub mark: &'static str,
    /// The kind, in a word.
    pub kind: &'static str,
    /// The rule or the actor.
    pub name: String,
    /// The page of the rule.
    pub href: Option<String>,
}

impl Chip {
    /// The chip of an origin.
    pub fn of(place: &Place, kind: Kind, rule: Option<(String, Option<String>)>, actor: Option<&str>) -> Self {
        let (mark, word) = match kind {
            Kind::Manual => ("✋", "by hand"),
            Kind::Rule => ("⇄", "rule"),
            Kind::Frozen => ("❄", "frozen rule"),
            Kind::Held => ("⏸", "held by the guard"),
            Kind::Exclude => ("⊘", "excluded by"),
        };
        let href = rule.as_ref().map(|(id, _)| place.path(&format!("/rules/{id}")));
        let name = match rule {
            Some((id, key)) => key.unwrap_or(id),
            None => actor.unwrap_or_default().to_owned(),
        };
        Chip { mark, kind: word, name, href }
    }
}

struct Member {
    membership: MembershipId,
    name: String,
    email: String,
    active: bool,
    chips: Vec<Chip>,
    by_hand: bool,
}

#[derive(Template)]
#[template(path = "console/group.html")]
struct GroupPage {
    frame: Frame,
    group: Group,
    managed: bool,
    members: Vec<Member>,
    pager: Pager,
    roles: Vec<Role>,
    other_roles: Vec<Role>,
    rules: Vec<(String, String)>,
}

/// `GET /console/{organization}/groups/{group}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let id = place.id::<GroupLabel>("group")?;
    let (group, managed) = managed_groups::get(&app, place.scope, id).await?;
    let request = paging::request_ascending::<MembershipLabel>(&place);
    let found = memberships::list_of_group(&app, place.scope, id, &request).await?;
    let why = reasons::of_group_members(&app, place.scope, id, found.rows.iter().map(|(m, _)| m.id)).await?;
    let path = place.path(&format!("/groups/{id}"));
    let pager = Pager::of(&found, &path, |(membership, _): &WithUser| membership.id.to_string());
    let mut rules = BTreeMap::new();
    let mut members = Vec::new();
    for (membership, user) in found.rows {
        let reasons = why.get(&membership.id).map(Vec::as_slice).unwrap_or_default();
        rules.extend(
            reasons
                .iter()
                .filter_map(|reason| Some((reason.rule?.to_string(), reason.rule_key.clone().unwrap_or_default()))),
        );
        let names = [user.first_name.as_deref(), user.last_name.as_deref()];
        members.push(Member {
            membership: membership.id,
            name: names.into_iter().flatten().collect::<Vec<_>>().join(" "),
            email: user.email.clone(),
            active: membership.active,
            by_hand: reasons.iter().any(|reason| reason.kind == Kind::Manual),
            chips: reasons.iter().map(|reason| chip(&place, reason)).collect(),
        });
    }
    let all = paging::of::<crate::domain::id::RoleLabel>("", "", crate::store::Order::Ascending);
    let has = group_roles::list(&app, place.scope, id, &all).await?.rows;
    let other_roles = roles::all(&app, place.scope).await?;
    let other_roles = other_roles.into_iter().filter(|role| !has.iter().any(|had| had.id == role.id)).collect();
    let frame = place.frame(&app, Section::Groups, group.name.clone());
    let rules = rules.into_iter().collect();
    page(&GroupPage { frame, group, managed, members, pager, roles: has, other_roles, rules })
}

fn chip(place: &Place, reason: &GroupReason) -> Chip {
    let rule = reason.rule.map(|rule| (rule.to_string(), reason.rule_key.clone()));
    Chip::of(place, reason.kind, rule, reason.actor.as_deref())
}

/// `POST /console/{organization}/groups/{group}/remove`: takes somebody out who was put in by hand.
pub async fn remove(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let group = place.id::<GroupLabel>("group")?;
    let change = MemberChange { remove: vec![id(form.text("membership"))?], ..MemberChange::default() };
    group_members::change(&app, &place.access, place.scope, group, change).await?;
    Ok(place.go(&format!("/groups/{group}"), "removed"))
}

/// `POST /console/{organization}/groups/{group}/roles`: gives the group a role, or takes one.
pub async fn set_role(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let group = groups::get(&app, place.scope, place.id::<GroupLabel>("group")?).await?.id;
    let role = id(form.text("role"))?;
    if form.text("do") == "remove" {
        group_roles::unassign(&app, &place.access, place.scope, group, role).await?;
    } else {
        group_roles::assign(&app, &place.access, place.scope, group, role).await?;
    }
    Ok(place.go(&format!("/groups/{group}"), "saved"))
}
