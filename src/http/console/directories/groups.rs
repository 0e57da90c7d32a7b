//! The groups of a directory: what rules made of each, and what might be done about those that no rule has to do with.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{directory, path, query};
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::id::DirectoryGroupLabel;
use crate::domain::suggestion::Suggestion;
use crate::http::console::failure::PageFailure;
use crate::http::console::filters;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::paging::{self, Pager};
use crate::http::console::view::counted;
use crate::http::console::viewer::Place;
use crate::service::status::groups::{self, GroupStatus, Query};
use crate::store::group_status::Standing;

#[derive(Template)]
#[template(path = "console/directory_groups.html")]
struct Groups {
    frame: Frame,
    directory: Directory,
    tab: &'static str,
    rows: Vec<Row>,
    pager: Pager,
    search: String,
    state: String,
}

/// A group in the list.
struct Row {
    status: GroupStatus,
    pill: (&'static str, &'static str),
    advice: Option<Advice>,
}

/// What might be done about a group, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Why, in a sentence.
    pub sentence: String,
    /// Where it is done.
    pub href: String,
    /// What the link says.
    pub label: &'static str,
}

/// What a suggestion comes to in the console.
pub fn advice(place: &Place, directory: &Directory, name: &str, suggestion: &Suggestion) -> Advice {
    let of = directory.id.to_string();
    match suggestion {
        Suggestion::IntoGroup { group, name: native } => Advice {
            sentence: format!("The native group “{native}” has the same name: a rule could put its people there."),
            href: place.path(&format!(
                "/rules/new{}",
                query(&[("directory", &of), ("group", &named(name)), ("into_group", &group.to_string())])
            )),
            label: "Make that rule",
        },
        Suggestion::EditRule { rule, key, wanted } => Advice {
            sentence: format!("The rule “{key}” wants “{wanted}”, which is almost this name: correct one of them."),
            href: place.path(&format!("/rules/{rule}")),
            label: "Look at the rule",
        },
        Suggestion::MirrorGroup { filter, groups } => Advice {
            sentence: format!("{} begin alike: one rule could mirror them all.", counted(*groups, "group", "groups")),
            href: place.path(&format!(
                "/rules/new{}",
                query(&[("directory", &of), ("group", filter), ("action", "mirror_group")])
            )),
            label: "Make that rule",
        },
    }
}

/// A rule for a group alone, if nothing better is known.
pub fn alone(place: &Place, directory: &Directory, name: &str) -> String {
    let of = directory.id.to_string();
    let wanted = [("directory", of.as_str()), ("group", &named(name)), ("action", "mirror_group")];
    place.path(&format!("/rules/new{}", query(&wanted)))
}

/// The filter of a name. A JSON string is what a filter's literal is.
fn named(name: &str) -> String {
    format!("displayName eq {}", serde_json::Value::from(name))
}

/// How a group stands, in a colour and a word.
pub fn pill(state: &str) -> (&'static str, &'static str) {
    match state {
        "bound" => ("good", "mapped"),
        "parked" => ("bad", "name taken"),
        "excepted" => ("calm", "kept out"),
        _ => ("warn", "no rule"),
    }
}

fn standing(word: &str) -> Option<Standing> {
    match word {
        "bound" => Some(Standing::Bound),
        "unmatched" => Some(Standing::Unmatched),
        "parked" => Some(Standing::Parked),
        "excepted" => Some(Standing::Excepted),
        "pending" => Some(Standing::Pending),
        _ => None,
    }
}

/// `GET /console/{organization}/directories/{directory}/groups?q=&state=bound|unmatched|parked|excepted|pending`
pub async fn list(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let (text, state) = (place.asked("q"), place.asked("state"));
    let wanted = Query { standing: standing(state), search: Some(text).filter(|text| !text.is_empty()) };
    let request = paging::request_ascending::<DirectoryGroupLabel>(&place);
    let found = groups::list(&app, &place.access, directory.id, wanted, &request).await?;
    let here = place.path(&path(&directory, &format!("/groups{}", query(&[("q", text), ("state", state)]))));
    let pager = Pager::of(&found, &here, |status| status.group.id.to_string());
    let rows = found.rows.into_iter().map(|status| {
        let name = &status.group.display_name;
        let advice = status.suggestion.as_ref().map(|suggestion| advice(&place, &directory, name, suggestion));
        Row { pill: pill(status.state()), advice, status }
    });
    let rows = rows.collect();
    page(&Groups {
        frame: place.frame(&app, Section::Directories, format!("Groups of {}", directory.name)),
        tab: "groups",
        rows,
        pager,
        search: text.to_owned(),
        state: state.to_owned(),
        directory,
    })
}
