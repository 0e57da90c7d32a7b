//! One organization at a glance: is everything in sync, and if not, what harms most?

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{Duration, DurationRound as _};

use super::charts::{Bars, Counted};
use super::failure::PageFailure;
use super::filters;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::view::{counted, number};
use super::viewer::Place;
use crate::app::App;
use crate::domain::Result;
use crate::domain::rhythm::Verdict;
use crate::service::status::{self, Attention, Severity, Status};
use crate::service::{directories, portal};
use crate::store::{Order, PageRequest};

/// Directories on the page at the most; those that follow are on the page of directories.
const SHOWN: i64 = 20;

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Overview {
    frame: Frame,
    verdict: Overall,
    cards: Vec<Card>,
    needs: Vec<Need>,
    more: bool,
    verified: Option<crate::store::verifications::Verification>,
}

/// The answer to "is everything in sync?".
struct Overall {
    /// `good`, `warn` or `bad`.
    tone: &'static str,
    /// In a sentence.
    sentence: String,
}

/// One directory.
struct Card {
    status: Status,
    /// `good`, `warn`, `bad` or `calm`.
    tone: &'static str,
    word: &'static str,
    bars: Bars,
}

impl Card {
    /// The people of the directory.
    fn people(&self) -> i64 {
        self.status.users.active_users + self.status.users.inactive_users
    }
}

/// What wants attention, with where to look in the console.
pub struct Need {
    /// `bad`, `warn` or `calm`.
    pub tone: &'static str,
    /// How harmful it is, in a word.
    pub word: &'static str,
    /// What it is and what to do.
    pub message: String,
    /// Whose it is.
    pub directory: String,
    /// Where to look.
    pub href: String,
}

/// `GET /console/{organization}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let first = PageRequest { after: None, before: None, limit: SHOWN, order: Order::Ascending };
    let found = directories::list(&app, &place.access, Some(place.scope), None, &first).await?;
    let (mut cards, mut needs) = (Vec::new(), Vec::new());
    let more = found.has_after;
    for directory in found.rows {
        let status = status::of_directory(&app, &place.access, directory.id).await?;
        needs.extend(needs_of(&place, &status));
        cards.push(card(&app, &place, status).await?);
    }
    // Stable: within one tone in the order of the directories. What is of the whole organization is said once.
    needs.sort_by_key(|need| ["bad", "warn", "calm"].iter().position(|tone| *tone == need.tone));
    let mut told = std::collections::BTreeSet::new();
    needs.retain(|need| told.insert((need.message.clone(), need.href.clone())));
    let verified = cards.first().and_then(|card| card.status.verification.clone());
    let frame = place.frame(&app, Section::Overview, "Overview");
    page(&Overview { frame, verdict: overall(&cards, &needs, more), cards, needs, more, verified })
}

/// `POST /console/{organization}/portal-link`
pub async fn portal_link(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let return_url = form.filled("return_url").map(str::to_owned);
    let link = portal::generate_link(&app, &place.access, place.organization.id, return_url).await?;
    page(&PortalLink { frame: place.frame(&app, Section::Overview, "A link to the portal"), link })
}

#[derive(Template)]
#[template(path = "console/portal_link.html")]
struct PortalLink {
    frame: Frame,
    link: String,
}

fn overall(cards: &[Card], needs: &[Need], more: bool) -> Overall {
    let count = |tone: &str| needs.iter().filter(|need| need.tone == tone).count();
    let things = |n: usize| counted(i64::try_from(n).unwrap_or(i64::MAX), "thing", "things");
    let (tone, sentence) = match (cards.len(), count("bad"), count("warn")) {
        (0, ..) => ("calm", "There is no directory yet. Connect one to begin.".to_owned()),
        (shown, 0, 0) if more => {
            ("calm", format!("The first {shown} directories are in sync; see the others among all directories."))
        }
        (_, 0, 0) => ("good", "Everything is in sync.".to_owned()),
        (_, 0, warn) => ("warn", format!("In sync; {} should be looked at.", things(warn))),
        (_, bad, _) => ("bad", format!("{} needs you.", things(bad)).replace("things needs", "things need")),
    };
    Overall { tone, sentence }
}

async fn card(app: &App, place: &Place, status: Status) -> Result<Card> {
    let bars = bars(app, place, &status).await?;
    let (tone, word) = tone(&status);
    Ok(Card { status, tone, word, bars })
}

/// The requests of a directory in the last 24 hours, hour by hour.
pub async fn bars(app: &App, place: &Place, status: &Status) -> Result<Bars> {
    let now = app.clock.now();
    let hour = now.duration_trunc(Duration::hours(1)).unwrap_or(now);
    let bounds: Vec<_> = (0..24).map(|at| (hour - Duration::hours(23 - at), hour - Duration::hours(22 - at))).collect();
    let hours = status::requests_by_hour(app, place.scope, status.directory.id, &bounds).await?;
    let mut counts: Vec<Counted> = bounds
        .iter()
        .map(|(from, _)| Counted { name: from.format("%H:00 UTC").to_string(), ..Counted::default() })
        .collect();
    for found in hours {
        if let Some(count) = usize::try_from(found.hour).ok().and_then(|at| counts.get_mut(at)) {
            (count.all, count.bad) = (found.requests, found.refused);
        }
    }
    let text = format!(
        "Requests in the last 24 hours: {}, of which {} were refused",
        number(status.requests),
        number(status.refused)
    );
    Ok(Bars::of(&counts, text))
}

/// How a directory stands, in a colour and a word.
pub fn tone(status: &Status) -> (&'static str, &'static str) {
    let worst = status.attention.iter().map(|attention| attention.severity).min();
    match (status.state.as_str(), status.freshness.verdict, worst) {
        ("leaving", ..) => ("warn", "being removed"),
        ("paused", ..) => ("warn", "paused"),
        (_, _, Some(Severity::High)) => ("bad", "needs you"),
        (_, Verdict::Never, _) => ("calm", "waiting for its first request"),
        (_, Verdict::Silent, _) => ("warn", "silent"),
        (_, _, Some(Severity::Medium)) => ("warn", "attention"),
        _ => ("good", "in sync"),
    }
}

/// What wants attention in a directory, with where to look in the console.
pub fn needs_of(place: &Place, status: &Status) -> Vec<Need> {
    status.attention.iter().map(|attention| need(place, status, attention)).collect()
}

fn need(place: &Place, status: &Status, attention: &Attention) -> Need {
    let (tone, word) = match attention.severity {
        Severity::High => ("bad", "now"),
        Severity::Medium => ("warn", "soon"),
        Severity::Low => ("calm", "when you like"),
    };
    let directory = format!("/directories/{}", status.directory.id);
    let page = match attention.code {
        "drift" => "/verification".to_owned(),
        "removals_parked" => match status.parked_run {
            Some(run) => format!("/runs/{run}"),
            None => "/runs?state=awaiting_approval".to_owned(),
        },
        "runs_failed" => "/runs?state=failed".to_owned(),
        "leaving" => "/runs?state=running".to_owned(),
        "no_valid_token" | "token_expires" => format!("{directory}#tokens"),
        "silent" | "quiet" => format!("/activity?directory={}", status.directory.id),
        "many_refused" => format!("/activity?directory={}&status=refused", status.directory.id),
        "never_connected" => format!("{directory}/setup"),
        "links_pending" => format!("{directory}/users?link=pending"),
        "members_pending" => format!("{directory}/groups?state=pending"),
        "origins_frozen" => "/rules".to_owned(),
        "mirrors_parked" => format!("{directory}/groups?state=parked"),
        "groups_unmatched" => format!("{directory}/groups?state=unmatched"),
        _ => directory,
    };
    Need {
        tone,
        word,
        message: super::view::sentence(&attention.message),
        directory: status.directory.name.clone(),
        href: place.path(&page),
    }
}
