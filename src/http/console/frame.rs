//! What is around every page: where one is, who one is, what was just done.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::assets;
use super::failure::PageFailure;
use super::view::When;
use super::viewer::Viewer;
use crate::app::App;
use crate::domain::actor::Rank;
use crate::domain::native::Organization;
use crate::domain::operator::Holder;

/// A part of the console, as its navigation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Of no part.
    None,
    /// Every organization.
    Organizations,
    /// One organization at a glance.
    Overview,
    /// Directories, their people and groups.
    Directories,
    /// Mapping rules and plans.
    Rules,
    /// Runs.
    Runs,
    /// Native groups.
    Groups,
    /// People: organization memberships.
    People,
    /// Requests of identity providers.
    Activity,
    /// Events.
    Events,
    /// Webhooks.
    Webhooks,
    /// Verification.
    Verification,
    /// API keys.
    Keys,
    /// The audit log.
    Audit,
    /// Operators.
    Operators,
    /// One's own account.
    Account,
}

/// An entry of the navigation.
pub struct Link {
    /// Where it leads.
    pub href: String,
    /// What it is called.
    pub label: &'static str,
    /// Whether one is there.
    pub current: bool,
}

/// What is around a page.
pub struct Frame {
    /// The title of the page.
    pub title: String,
    /// The organization that it is about.
    pub organization: Option<Organization>,
    /// The navigation.
    pub links: Vec<Link>,
    /// The name of who looks.
    pub name: String,
    /// What they may do, in a word.
    pub role: &'static str,
    /// Whether they may change anything.
    pub writes: bool,
    /// Whether they decide who comes in.
    pub owns: bool,
    /// Whether they are a guest of the portal.
    pub guest: bool,
    /// Where a guest goes when done.
    pub return_url: Option<String>,
    /// What was just done.
    pub said: Option<&'static str>,
    /// The version of style and script.
    pub version: &'static str,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Frame {
    /// The frame for somebody who looks at a page.
    pub fn of(
        app: &App,
        viewer: Option<&Viewer>,
        organization: Option<&Organization>,
        section: Section,
        title: String,
        word: &str,
    ) -> Self {
        let guest = viewer.is_some_and(Viewer::is_guest);
        let rank = viewer.map_or(Rank::Read, |viewer| viewer.access.rank());
        let return_url = viewer.and_then(|viewer| match &viewer.session.holder {
            Holder::Guest { return_url, .. } => return_url.clone(),
            Holder::Operator(_) => None,
        });
        let links = match (viewer, organization) {
            (None, _) => Vec::new(),
            (Some(_), Some(organization)) => of_organization(organization, section, guest),
            (Some(_), None) => of_environment(section),
        };
        Frame {
            title,
            organization: organization.cloned(),
            links,
            name: viewer.map(|viewer| viewer.access.actor().name.clone()).unwrap_or_default(),
            role: rank.as_str(),
            writes: rank >= Rank::Admin,
            owns: rank >= Rank::Owner,
            guest,
            return_url,
            said: said(word),
            version: assets::version(),
            now: app.clock.now(),
        }
    }

    /// The path of a page of the organization; `page` begins with a slash, or is empty.
    pub fn path(&self, page: &str) -> String {
        match &self.organization {
            Some(organization) => format!("/console/{}{page}", organization.id),
            None => format!("/console{page}"),
        }
    }

    /// The name of the organization; empty on pages of none.
    pub fn name_of_organization(&self) -> &str {
        self.organization.as_ref().map(|organization| organization.name.as_str()).unwrap_or_default()
    }

    /// A time, as the page shows it.
    pub fn when(&self, at: &DateTime<Utc>) -> When {
        When { at: *at, now: self.now }
    }
}

fn of_organization(organization: &Organization, section: Section, guest: bool) -> Vec<Link> {
    use Section::{
        Activity, Audit, Directories, Events, Groups, Keys, Overview, People, Rules, Runs, Verification, Webhooks,
    };
    let everybody = [
        (Overview, "", "Overview"),
        (Directories, "/directories", "Directories"),
        (Rules, "/rules", "Rules"),
        (Runs, "/runs", "Runs"),
        (Groups, "/groups", "Groups"),
        (People, "/people", "People"),
        (Activity, "/activity", "Activity"),
        (Verification, "/verification", "Verification"),
    ];
    let operators = [
        (Events, "/events", "Events"),
        (Webhooks, "/webhooks", "Webhooks"),
        (Keys, "/keys", "API keys"),
        (Audit, "/audit", "Audit"),
    ];
    let operators = operators.into_iter().filter(|_| !guest);
    let link = |(at, page, label): (Section, &str, &'static str)| Link {
        href: format!("/console/{}{page}", organization.id),
        label,
        current: at == section,
    };
    everybody.into_iter().chain(operators).map(link).collect()
}

fn of_environment(section: Section) -> Vec<Link> {
    let all = [
        (Section::Organizations, "/console", "Organizations"),
        (Section::Operators, "/console/operators", "Operators"),
        (Section::Keys, "/console/keys", "API keys"),
        (Section::Webhooks, "/console/webhooks", "Webhooks"),
        (Section::Audit, "/console/audit", "Audit"),
        (Section::Account, "/console/account", "Your account"),
    ];
    let link = |(at, href, label): (Section, &str, &'static str)| Link {
        href: href.to_owned(),
        label,
        current: at == section,
    };
    all.into_iter().map(link).collect()
}

/// What was just done, by the word that the address carries; free text in an address would let anybody write here.
fn said(word: &str) -> Option<&'static str> {
    Some(match word {
        "saved" => "Saved.",
        "created" => "Created.",
        "removed" => "Removed.",
        "revoked" => "Revoked. It works no more.",
        "renewed" => "Renewed.",
        "paused" => "Paused. Facts are still taken in; the native side waits. Leavers are still suspended at once.",
        "resumed" => "Resumed. The native side agrees again.",
        "applied" => "Applied.",
        "started" => "Started. This page follows it.",
        "approved" => "Approved.",
        "rejected" => "Rejected. What was to be removed stays.",
        "cancelled" => "Cancelled. What was done until then stays.",
        "decided" => "Decided.",
        "sent" => "Asked for. It is sent as soon as it can be.",
        "ended" => "Ended. Whoever used it is signed out.",
        "password" => "The password is changed. Your other sessions have ended.",
        _ => return None,
    })
}

/// Answers with a page.
pub fn page(template: &impl Template) -> Result<Response, PageFailure> {
    Ok(Html(template.render().map_err(crate::domain::Error::from)?).into_response())
}
