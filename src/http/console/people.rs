//! People: what they have, by what, why, why not, and why no longer.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::failure::PageFailure;
use super::filters;
use super::flow::{Band, Flow, Node};
use super::frame::{Frame, Section, page};
use super::groups::Chip;
use super::paging::{self, Pager};
use super::view::When;
use super::viewer::Place;
use super::who::Who;
use crate::app::App;
use crate::domain::explanation::{Explanation, Why, WhyNot};
use crate::domain::id::{GroupId, GroupLabel, MembershipId, MembershipLabel};
use crate::domain::native::{Group, Role, name_key};
use crate::domain::origin::{Kind, Target};
use crate::domain::outcome::Outcome;
use crate::domain::{Error, Result};
use crate::service::mapping::explain::{self, What, Whom};
use crate::service::mapping::reasons;
use crate::service::native::memberships::{self, Listed, Query};
use crate::service::native::{groups, roles};
use crate::store::explain::person::PersonLink;
use crate::store::explain::reasons::Reason;

/// Groups of a person that are shown at the most.
const GROUPS: i64 = 200;
/// Groups to choose from at the most; others are named by their ids.
const CHOICES: i64 = 300;

#[derive(Template)]
#[template(path = "console/people.html")]
struct List {
    frame: Frame,
    rows: Vec<Listed>,
    pager: Pager,
    status: String,
}

/// `GET /console/{organization}/people`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let status = place.asked("status").to_owned();
    let statuses = Some(status.clone()).filter(|status| matches!(status.as_str(), "active" | "inactive"));
    let query = Query { organization: Some(place.scope), user: None, statuses: statuses.into_iter().collect() };
    let found = memberships::list(&app, &place.access, query, &paging::request::<MembershipLabel>(&place)).await?;
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("status", &status).finish();
    let path = place.path(&format!("/people?{query}"));
    let pager = Pager::of(&found, &path, |row: &Listed| row.membership.id.to_string());
    page(&List { frame: place.frame(&app, Section::People, "People"), rows: found.rows, pager, status })
}

/// Something that a person has, and by what.
struct Thing {
    name: String,
    href: Option<String>,
    chips: Vec<Chip>,
    /// What the address asks for to have it explained.
    why: String,
    has: bool,
}

/// A directory user who is the person.
struct Identity {
    link: PersonLink,
    directory: String,
    user_name: Option<String>,
}

#[derive(Template)]
#[template(path = "console/person.html")]
struct Person {
    frame: Frame,
    listed: Listed,
    name: String,
    identities: Vec<Identity>,
    membership: Thing,
    groups: Vec<Thing>,
    roles: Vec<Thing>,
    flow: Flow,
    timeline: Vec<(String, Reason)>,
    all_groups: Vec<Group>,
    all_roles: Vec<Role>,
    answer: Option<Answer>,
    problem: Option<String>,
    who: Who,
}

/// An explanation, and how it looks.
struct Answer {
    explanation: Explanation,
    tone: &'static str,
    word: &'static str,
    target: String,
}

impl Answer {
    /// How a reason is called.
    fn kind(why: &Why) -> &'static str {
        match why.kind {
            "manual" => "✋ by hand",
            "rule" => "⇄ by a rule",
            "frozen" => "❄ by a frozen rule",
            "held" => "⏸ held by the guard",
            "exclude" => "⊘ excluded",
            "group" => "with a group",
            _ => "by default",
        }
    }

    /// The path of groups from the one that the rule matches to the person.
    fn path(why: &Why) -> Vec<String> {
        why.path.iter().map(|group| group.name.clone().unwrap_or_else(|| group.id.to_string())).collect()
    }

    /// A moment that the explanation names.
    fn moment(text: &str, now: &DateTime<Utc>) -> When {
        When { at: text.parse().unwrap_or(*now), now: *now }
    }

    /// The request that made it, while the log has it.
    fn request(why: &Why) -> Option<String> {
        let request = why.cause.as_ref()?.request.as_ref()?;
        Some(request.request_id.to_string())
    }

    /// What was seen, in words.
    fn seen(not: &WhyNot) -> Vec<String> {
        not.seen.iter().map(|seen| serde_json::to_string(seen).unwrap_or_default()).collect()
    }
}

/// `GET /console/{organization}/people/{membership}`, with `?why=group_…`, `?why=role:admin`, `?why=membership`, or the
/// name of a group or role.
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let id = place.id::<MembershipLabel>("membership")?;
    let listed = memberships::get(&app, &place.access, id).await?;
    let asked = Some(place.asked("why")).filter(|why| !why.is_empty());
    let (answer, problem) = match asked {
        None => (None, None),
        Some(why) => match answer(&app, &place, id, why).await {
            Ok(answer) => (Some(answer), None),
            Err(error @ (Error::NotFound { .. } | Error::Invalid { .. })) => {
                (None, Some(super::view::sentence(&error.to_string())))
            }
            Err(error) => return Err(error.into()),
        },
    };
    let reasons = reasons::of_membership(&app, place.scope, id).await?;
    let first = paging::up_to(GROUPS);
    let in_groups = groups::list_of_membership(&app, &place.access, id, &first).await?;
    let (complete, in_groups) = (!in_groups.has_after, in_groups.rows);
    let spoken_for = reasons.iter().filter_map(|reason| match reason.origin.target {
        Target::Group(group) => Some(group),
        _ => None,
    });
    let group_names = groups::names(&app, place.scope, spoken_for.collect()).await?;
    let all_roles = roles::all(&app, place.scope).await?;
    let all_groups = groups::list(&app, place.scope, None, &paging::up_to(CHOICES)).await?.rows;
    let names = [listed.user.first_name.as_deref(), listed.user.last_name.as_deref()];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let title = if name.is_empty() { listed.user.email.clone() } else { name.clone() };
    let shown = Shown { place: &place, reasons: &reasons, listed: &listed, names: &group_names, complete };
    let things = shown.groups(&in_groups);
    let spoke = reasons.iter().flat_map(|reason| [reason.actor.as_deref(), reason.cause.as_deref()]);
    let explained = answer.iter().flat_map(|answer: &Answer| &answer.explanation.why);
    let explained = explained.flat_map(|why| [why.actor.as_deref(), why.cause.as_ref().map(|cause| cause.id.as_str())]);
    let actors = spoke.chain(explained).flatten().map(str::to_owned).collect();
    let who = Who::of(&app, &place, actors).await?;
    let person = Person {
        frame: place.frame(&app, Section::People, title),
        identities: identities(&app, &place, &listed).await?,
        membership: shown.membership(),
        flow: shown.flow(&things, &all_roles),
        groups: things,
        roles: shown.roles(&all_roles),
        timeline: shown.timeline(&all_roles),
        name,
        all_groups,
        all_roles,
        answer,
        problem,
        who,
        listed,
    };
    page(&person)
}

/// What is asked about.
async fn what(app: &App, place: &Place, why: &str) -> Result<What> {
    if why == "membership" {
        return Ok(What::Membership);
    }
    if let Some(slug) = why.strip_prefix("role:") {
        return Ok(What::Role(slug.to_owned()));
    }
    if why.starts_with("group_") {
        return Ok(What::Group(crate::http::workos::path::id::<GroupLabel>(why)?));
    }
    let wanted = name_key(why);
    match groups::of_name(app, place.scope, why).await?[..] {
        [] => {}
        [only] => return Ok(What::Group(only)),
        ref several => {
            let ids = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("several groups are called {why}; ask by the id of one: {ids}");
            return Err(Error::invalid("why", "ambiguous", message));
        }
    }
    let roles = roles::all(app, place.scope).await?;
    let role = roles.into_iter().find(|role| name_key(&role.name) == wanted || name_key(&role.slug) == wanted);
    role.map(|role| What::Role(role.slug)).ok_or_else(|| Error::not_found("group or role", why))
}

async fn answer(app: &App, place: &Place, id: MembershipId, why: &str) -> Result<Answer> {
    let what = what(app, place, why).await?;
    let target = match &what {
        What::Role(slug) => format!("the role {slug}"),
        What::Membership => "the membership".to_owned(),
        What::Group(id) => format!("the group {}", groups::get(app, place.scope, *id).await?.name),
    };
    let explanation = explain::explain(app, &place.access, Whom::Membership(id), what).await?;
    let (tone, word) = match explanation.verdict {
        Outcome::Yes => ("good", "yes"),
        Outcome::Suspended => ("warn", "suspended"),
        _ => ("calm", "no"),
    };
    Ok(Answer { explanation, tone, word, target })
}

async fn identities(app: &App, place: &Place, listed: &Listed) -> Result<Vec<Identity>> {
    let found = reasons::identities(app, place.scope, listed.membership.id, &listed.user.email).await?;
    Ok(found.into_iter().map(|(link, directory, user_name)| Identity { link, directory, user_name }).collect())
}

/// The name of a group, or its id if it is gone.
fn named_group(id: GroupId, names: &BTreeMap<GroupId, String>) -> String {
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

/// The name of what a reason speaks for.
fn named(target: Target, groups: &BTreeMap<GroupId, String>, roles: &[Role]) -> String {
    match target {
        Target::Membership => "the membership".to_owned(),
        Target::Group(id) => format!("the group {}", named_group(id, groups)),
        Target::Role(id) => {
            let known = roles.iter().find(|role| role.id == id);
            format!("the role {}", known.map_or_else(|| id.to_string(), |role| role.slug.clone()))
        }
    }
}

/// The parts of a person's page.
struct Shown<'a> {
    place: &'a Place,
    reasons: &'a [Reason],
    listed: &'a Listed,
    /// The names of all groups that something speaks for.
    names: &'a BTreeMap<GroupId, String>,
    /// Whether these are all groups that they are in.
    complete: bool,
}

impl Shown<'_> {
    fn chips(&self, target: Target) -> Vec<Chip> {
        let of = self.reasons.iter().filter(|reason| reason.origin.target == target);
        let chip = |reason: &Reason| {
            let rule = reason.origin.rule.map(|rule| (rule.to_string(), reason.rule_key.clone()));
            Chip::of(self.place, reason.origin.kind, rule, reason.actor.as_deref())
        };
        let mut chips: Vec<Chip> = of.map(chip).collect();
        chips.dedup_by(|a, b| (a.kind, &a.name) == (b.kind, &b.name));
        chips
    }

    fn membership(&self) -> Thing {
        Thing {
            name: "Membership".to_owned(),
            href: None,
            chips: self.chips(Target::Membership),
            why: "membership".to_owned(),
            has: self.listed.membership.active,
        }
    }

    /// The groups that they are in; then those that something speaks for and that they are not in.
    fn groups(&self, in_groups: &[Group]) -> Vec<Thing> {
        let thing = |id: GroupId, name: String, has: bool| Thing {
            name,
            href: Some(self.place.path(&format!("/groups/{id}"))),
            chips: self.chips(Target::Group(id)),
            why: id.to_string(),
            has,
        };
        let mut things: Vec<Thing> = in_groups.iter().map(|group| thing(group.id, group.name.clone(), true)).collect();
        for reason in self.reasons {
            let Target::Group(id) = reason.origin.target else { continue };
            if things.iter().all(|known| known.why != id.to_string()) {
                // Beyond those that are read, they are in it for all that is known here.
                things.push(thing(id, named_group(id, self.names), !self.complete && self.listed.membership.active));
            }
        }
        things
    }

    fn roles(&self, all: &[Role]) -> Vec<Thing> {
        let held = &self.listed.membership.roles;
        let of = all.iter().filter(|role| {
            held.contains(&role.slug) || self.reasons.iter().any(|reason| reason.origin.target == Target::Role(role.id))
        });
        let thing = |role: &Role| {
            let mut chips = self.chips(Target::Role(role.id));
            if chips.is_empty() {
                // Nothing gives it to the person themselves.
                let kind = if role.is_default { "the default role" } else { "with a group" };
                chips.push(Chip { mark: "", kind, name: String::new(), href: None });
            }
            Thing {
                name: role.name.clone(),
                href: None,
                chips,
                why: format!("role:{}", role.slug),
                has: held.contains(&role.slug),
            }
        };
        of.map(thing).collect()
    }

    /// What speaks for what they have, newest first.
    fn timeline(&self, roles: &[Role]) -> Vec<(String, Reason)> {
        let of = self.reasons.iter().rev();
        of.map(|reason| (named(reason.origin.target, self.names, roles), reason.clone())).collect()
    }

    /// The picture of how they come to what they have: directory groups, rules, things.
    fn flow(&self, groups: &[Thing], roles: &[Role]) -> Flow {
        let (mut sources, mut middle, mut targets, mut bands) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let more = |rule| {
            self.reasons.iter().any(|other| other.origin.rule == rule && other.origin.target != Target::Membership)
        };
        let mut drawn = BTreeSet::new();
        for reason in self.reasons.iter().filter(|reason| reason.origin.kind != Kind::Exclude) {
            // That they belong to the organization goes without saying where the rule gives more.
            if reason.origin.target == Target::Membership && reason.origin.rule.is_some() && more(reason.origin.rule) {
                continue;
            }
            let target = match reason.origin.target {
                Target::Membership => Node { key: "membership".to_owned(), name: "Membership".to_owned(), href: None },
                Target::Group(id) => {
                    let known = groups.iter().find(|thing| thing.why == id.to_string());
                    let name = known.map_or_else(|| id.to_string(), |thing| thing.name.clone());
                    Node { key: id.to_string(), name, href: Some(self.place.path(&format!("/groups/{id}"))) }
                }
                Target::Role(id) => {
                    let known = roles.iter().find(|role| role.id == id);
                    let name = known.map_or_else(|| id.to_string(), |role| format!("Role {}", role.slug));
                    Node { key: id.to_string(), name, href: None }
                }
            };
            let (source, rule) = (self.source(reason), self.rule(reason));
            let ends = [(0, source.key.clone(), rule.key.clone()), (1, rule.key.clone(), target.key.clone())];
            for (column, from, to) in ends {
                // The same way by another directory group is the same way.
                if drawn.insert((column, from.clone(), to.clone())) {
                    bands.push(Band { column, from, to, people: 1 });
                }
            }
            sources.push(source);
            middle.push(rule);
            targets.push(target);
        }
        Flow::of([sources, middle, targets], &bands)
    }

    fn source(&self, reason: &Reason) -> Node {
        if let Some(id) = reason.origin.directory_group {
            return Node {
                key: id.to_string(),
                name: reason.directory_group.clone().unwrap_or_else(|| "a group that is gone".to_owned()),
                href: Some(self.place.path(&format!("/directory-groups/{id}"))),
            };
        }
        let name = reason.user_name.clone().or_else(|| reason.actor.clone());
        let name = name.unwrap_or_else(|| self.listed.user.email.clone());
        Node { key: format!("own {name}"), name, href: None }
    }

    fn rule(&self, reason: &Reason) -> Node {
        match reason.origin.rule {
            Some(id) => Node {
                key: id.to_string(),
                name: reason.rule_key.clone().unwrap_or_else(|| "a rule that is gone".to_owned()),
                href: Some(self.place.path(&format!("/rules/{id}"))),
            },
            None => Node { key: "hand".to_owned(), name: "by hand".to_owned(), href: None },
        }
    }
}
