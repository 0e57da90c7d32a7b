//! One request of an identity provider: what was sent, how far it got, what it did.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::activity::tone;
use super::failure::PageFailure;
use super::filters;
use super::frame::{Frame, Section, page};
use super::viewer::Place;
use crate::app::App;
use crate::domain::directory::{Directory, LogBodies};
use crate::domain::id::{DirectoryGroupId, DirectoryUserId, RequestLabel};
use crate::domain::{Result, event_line};
use crate::scim::dialect::meaning;
use crate::service::{directories, request_log};
use crate::store::events::StoredEvent;
use crate::store::requests::WholeRequest;

/// The steps of a request in their order, each with what it means.
const STEPS: [(&str, &str); 5] = [
    ("received", "It was read and understood"),
    ("stored", "What it says is stored"),
    ("linked", "People are linked to accounts"),
    ("mapped", "Rules gave and took"),
    ("applied", "The native side changed"),
];

#[derive(Template)]
#[template(path = "console/request.html")]
struct Request {
    frame: Frame,
    directory: Directory,
    entry: WholeRequest,
    tone: &'static str,
    steps: Vec<Step>,
    /// Names of tolerances, each with what it accepts.
    tolerances: Vec<(String, &'static str)>,
    /// The page of the resource that it was about.
    resource: Option<String>,
    body: Option<String>,
    curl: String,
    events: Vec<Caused>,
    /// Whether the directory keeps the bodies of all requests.
    keeps_all: bool,
}

/// A step that a request took, or did not.
struct Step {
    name: &'static str,
    about: &'static str,
    /// What happened, in words, with how often.
    counts: Vec<(String, i64)>,
    taken: bool,
    /// Why it stopped here.
    stopped: Option<String>,
}

/// An event that the request caused.
struct Caused {
    event: StoredEvent,
    /// Whom or what it is about, as far as it says.
    about: String,
}

/// `GET /console/{organization}/activity/{request}`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let id = place.id::<RequestLabel>("request")?;
    let (entry, caused) = request_log::in_organization(&app, place.scope, id).await?;
    let directory = directories::get(&app, &place.access, entry.listed.directory_id).await?;
    let names: Vec<String> = serde_json::from_str(&entry.listed.tolerances).unwrap_or_default();
    let listed = &entry.listed;
    page(&Request {
        frame: place.frame(&app, Section::Activity, format!("{} {}", listed.method, listed.path)),
        tone: tone(listed.status),
        steps: steps(listed.steps.as_deref()),
        tolerances: names.into_iter().map(|name| (meaning(&name), name)).map(|(text, name)| (name, text)).collect(),
        resource: listed.resource_id.as_deref().and_then(|id| resource(&place, &directory, id)),
        body: entry.body.as_deref().map(readable),
        curl: curl(&app.config.scim_base_url(directory.id), &entry),
        events: caused.into_iter().map(|event| Caused { about: about(&event), event }).collect(),
        keeps_all: directory.settings.log_bodies == LogBodies::All,
        directory,
        entry,
    })
}

/// What the log says of each step.
fn steps(logged: Option<&str>) -> Vec<Step> {
    let logged: Value = logged.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let text = |pointer: &str| logged.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (at, why) = (text("/stopped/at"), text("/stopped/why"));
    let step = |(name, about): (&'static str, &'static str)| {
        let counts = logged.get(name).and_then(Value::as_object);
        let counted = counts.into_iter().flatten().filter_map(|(what, count)| Some((what, count.as_i64()?)));
        Step {
            name,
            about,
            taken: counts.is_some(),
            counts: counted.map(|(what, count)| (super::view::words(what), count)).collect(),
            stopped: Some(why.clone()).filter(|_| at == name),
        }
    };
    STEPS.into_iter().map(step).collect()
}

/// The page of a resource.
fn resource(place: &Place, directory: &Directory, id: &str) -> Option<String> {
    let page = if id.parse::<DirectoryUserId>().is_ok() {
        "users"
    } else if id.parse::<DirectoryGroupId>().is_ok() {
        "groups"
    } else {
        return None;
    };
    Some(place.path(&format!("/directories/{}/{page}/{id}", directory.id)))
}

/// A body for reading: indented, if it is JSON; as it was kept, if it was cut.
fn readable(body: &str) -> String {
    let parsed = serde_json::from_str::<Value>(body).ok();
    parsed.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| body.to_owned())
}

/// The request as a command for a shell; the token is the reader's to put in.
fn curl(base_url: &str, entry: &WholeRequest) -> String {
    let mut command = format!(
        "curl -X {} {} \\\n  -H \"Authorization: Bearer $SCIM_TOKEN\"",
        quoted(&entry.listed.method),
        quoted(&format!("{base_url}{}", entry.listed.path))
    );
    if let Some(body) = &entry.body {
        command.push_str(" \\\n  -H 'Content-Type: application/scim+json' \\\n  --data-binary ");
        command.push_str(&quoted(body));
    }
    command
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Whom or what an event is about.
fn about(event: &StoredEvent) -> String {
    event_line::subject(&serde_json::from_str(&event.data).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gets_one_word() {
        assert_eq!(quoted("GET"), "GET");
        assert_eq!(quoted("it's $(rm -rf /)"), "'it'\\''s $(rm -rf /)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn steps_say_how_far_a_request_got() {
        let done = steps(Some(r#"{"received": {}, "stored": {"users": 1}, "applied": {"group.member_added": 2}}"#));
        let taken: Vec<bool> = done.iter().map(|step| step.taken).collect();
        assert_eq!(taken, [true, true, false, false, true]);
        assert_eq!(done[4].counts, [("group member added".to_owned(), 2)]);
        let refused = steps(Some(r#"{"received": {}, "stopped": {"at": "stored", "why": "taken"}}"#));
        assert_eq!(refused[1].stopped.as_deref(), Some("taken"));
        assert!(steps(None).iter().all(|step| !step.taken));
    }
}
