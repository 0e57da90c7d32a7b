//! One webhook endpoint: how it stands, what became of each event, and what can be done about it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Duration, DurationRound as _, Utc};

use super::charts::{Bars, Counted};
use super::failure::PageFailure;
use super::filters;
use super::form::Form;
use super::frame::{Frame, Section, page};
use super::paging::Pager;
use super::realm::Realm;
use super::view::{counted, sentence};
use super::webhooks::{Choice, in_words, shown};
use crate::app::App;
use crate::domain::id::{EventId, EventLabel, WebhookEndpointId, WebhookEndpointLabel};
use crate::domain::webhook::{ATTEMPTS, Delivery, DeliveryState, WebhookEndpoint};
use crate::domain::{Error, Result};
use crate::service::webhooks::again::{self, Start};
use crate::service::webhooks::{self, Attempted, EndpointChange};

#[derive(Template)]
#[template(path = "console/webhook.html")]
struct Webhook {
    frame: Frame,
    endpoint: WebhookEndpoint,
    hint: String,
    choice: Choice,
    outcomes: Vec<Outcome>,
    /// Whether there were more in the last day than are counted.
    many: bool,
    rows: Vec<Delivery>,
    pager: Pager,
    state: String,
    /// The first event that a replay would send again, as it was typed.
    from: String,
    problem: Option<String>,
}

/// How many events of the last day ended so, hour by hour.
struct Outcome {
    word: &'static str,
    about: &'static str,
    tone: &'static str,
    count: i64,
    bars: Bars,
}

impl Webhook {
    /// The colour and the word of a delivery.
    fn tone(delivery: &Delivery) -> &'static str {
        tone(delivery.state.as_str())
    }

    /// What the endpoint got last, in a sentence.
    fn answer(delivery: &Delivery) -> String {
        match (delivery.status, &delivery.error) {
            (Some(status), None) => format!("{status}"),
            (Some(status), Some(error)) => format!("{status}: {error}"),
            (None, Some(error)) => error.clone(),
            (None, None) => "not sent yet".to_owned(),
        }
    }

    /// Whether the endpoint signs with its former secret, too.
    fn overlap(&self) -> Option<DateTime<Utc>> {
        self.endpoint.previous.as_ref().map(|(_, until)| *until).filter(|until| *until > self.frame.now)
    }
}

fn tone(state: &str) -> &'static str {
    match state {
        "delivered" => "good",
        "dead" => "bad",
        "retrying" => "warn",
        _ => "calm",
    }
}

/// What is wrong with what was asked for, and what was typed.
#[derive(Default)]
struct Refused {
    problem: Option<String>,
    url: Option<String>,
    events: Option<Vec<String>>,
    from: String,
}

/// `GET …/webhooks/{endpoint}`
pub async fn show(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    shown_with(&app, &realm, Refused::default()).await
}

async fn found(app: &App, realm: &Realm) -> Result<WebhookEndpoint> {
    let id: WebhookEndpointId = realm.id::<WebhookEndpointLabel>("endpoint")?;
    let endpoint = webhooks::get(app, &realm.access, id).await?;
    // On the pages of the environment only its own.
    let here = endpoint.organization == realm.organization_id();
    if here { Ok(endpoint) } else { Err(Error::not_found("webhook endpoint", id)) }
}

async fn shown_with(app: &App, realm: &Realm, refused: Refused) -> Result<Response, PageFailure> {
    let endpoint = found(app, realm).await?;
    let state = DeliveryState::from_word(realm.asked("state"));
    let request = realm.page_of::<EventLabel>();
    let deliveries = webhooks::list_deliveries(app, &realm.access, endpoint.id, state, &request).await?;
    let here = format!("/webhooks/{}", endpoint.id);
    let pager = Pager::of(&deliveries, &realm.path_with(&here, &["state"]), |delivery| delivery.event.to_string());
    let day = webhooks::last_day(app, &realm.access, endpoint.id).await?;
    let url = refused.url.as_deref().unwrap_or(&endpoint.url);
    let choice = Choice::of(realm, url, refused.events.as_ref().unwrap_or(&endpoint.events));
    let status = if refused.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = page(&Webhook {
        frame: realm.frame(app, Section::Webhooks, "Webhook endpoint"),
        hint: webhooks::secret_hint(app, &endpoint),
        choice,
        outcomes: outcomes(app.clock.now(), &day),
        many: i64::try_from(day.len()).unwrap_or(i64::MAX) >= webhooks::COUNTED,
        rows: deliveries.rows,
        pager,
        state: state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        from: refused.from,
        problem: refused.problem,
        endpoint,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

/// One picture for each outcome, on the same hours.
fn outcomes(now: DateTime<Utc>, day: &[Attempted]) -> Vec<Outcome> {
    let hour = now.duration_trunc(Duration::hours(1)).unwrap_or(now);
    let kinds = [
        ("delivered", "The receiver took it."),
        ("retrying", "It failed and is tried again; what follows waits."),
        ("dead", "It was given up, or asked for again in vain."),
        ("queued", "Somebody asked for it again."),
    ];
    let outcome = |(word, about): (&'static str, &'static str)| {
        let name = |back: i64| (hour - Duration::hours(back)).format("%H:00 UTC").to_string();
        let mut hours: Vec<Counted> =
            (0..24).rev().map(|back| Counted { name: name(back), ..Counted::default() }).collect();
        let mut count = 0;
        for attempted in day.iter().filter(|attempted| attempted.state == word) {
            count += 1;
            let back = (hour + Duration::hours(1) - attempted.updated_at).num_hours().clamp(0, 23);
            let at = usize::try_from(23 - back).unwrap_or_default();
            if let Some(hour) = hours.get_mut(at) {
                hour.all += 1;
                hour.bad += i64::from(word != "delivered");
            }
        }
        let text = format!("{} {word} in the last 24 hours, by hour", counted(count, "event", "events"));
        let bars = Bars::told(&hours, text, |hour| format!("{}: {} {word}", hour.name, hour.all));
        Outcome { word, about, tone: tone(word), count, bars }
    };
    // Every kind but the last has its row, even if it is empty: that nothing died is worth seeing.
    kinds.into_iter().map(outcome).filter(|outcome| outcome.word != "queued" || outcome.count > 0).collect()
}

/// `POST …/webhooks/{endpoint}`
pub async fn update(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let before = found(&app, &realm).await?;
    let (url, names) = (form.text("url").to_owned(), Choice::names(&realm, &form));
    let change = EndpointChange { url: Some(url.clone()), events: Some(names.clone()), enabled: None };
    match webhooks::update(&app, &realm.access, before.id, change).await {
        // Another target has another secret.
        Ok(endpoint) if endpoint.secret != before.secret => shown(&app, &realm, endpoint, true),
        Ok(endpoint) => Ok(realm.go(&format!("/webhooks/{}", endpoint.id), "saved")),
        Err(Error::Invalid { message, .. } | Error::Conflict { message, .. }) => {
            let problem = Some(sentence(&in_words(&message)));
            let refused = Refused { problem, url: Some(url), events: Some(names), ..Refused::default() };
            shown_with(&app, &realm, refused).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/webhooks/{endpoint}/state`
pub async fn set_state(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let endpoint = found(&app, &realm).await?;
    let change = EndpointChange { enabled: Some(form.text("state") == "enabled"), ..EndpointChange::default() };
    webhooks::update(&app, &realm.access, endpoint.id, change).await?;
    Ok(realm.go(&format!("/webhooks/{}", endpoint.id), "saved"))
}

/// `POST …/webhooks/{endpoint}/rotate`
pub async fn rotate(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let endpoint = found(&app, &realm).await?;
    let wrong = |_| Error::invalid("overlap_hours", "invalid_number", "the hours must be a whole number");
    let hours = form.filled("overlap_hours").map(str::parse).transpose().map_err(wrong)?;
    let changed = webhooks::rotate(&app, &realm.access, endpoint.id, hours).await?;
    shown(&app, &realm, changed, true)
}

/// `POST …/webhooks/{endpoint}/delete`
pub async fn delete(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let endpoint = found(&app, &realm).await?;
    webhooks::delete(&app, &realm.access, endpoint.id).await?;
    Ok(realm.go("/webhooks", "removed"))
}

/// `POST …/webhooks/{endpoint}/replay`
pub async fn replay(State(app): State<App>, realm: Realm, form: Form) -> Result<Response, PageFailure> {
    let endpoint = found(&app, &realm).await?;
    let from = form.text("from").to_owned();
    let done = match from.parse::<EventId>() {
        Ok(event) => again::replay(&app, &realm.access, endpoint.id, Start::From(event)).await,
        Err(error) => Err(Error::invalid("from", "bad_request", error.to_string())),
    };
    match done {
        Ok(_) => Ok(realm.go(&format!("/webhooks/{}", endpoint.id), "sent")),
        Err(Error::Invalid { message, .. }) => {
            let message = message.strip_prefix("from: ").unwrap_or(&message);
            shown_with(&app, &realm, Refused { problem: Some(sentence(message)), from, ..Refused::default() }).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/webhooks/{endpoint}/deliveries/{event}/redeliver`
pub async fn redeliver(State(app): State<App>, realm: Realm) -> Result<Response, PageFailure> {
    let endpoint = found(&app, &realm).await?;
    match again::redeliver(&app, &realm.access, endpoint.id, realm.id::<EventLabel>("event")?).await {
        Ok(_) => Ok(realm.go(&format!("/webhooks/{}", endpoint.id), "sent")),
        Err(Error::Conflict { message, .. }) => {
            shown_with(&app, &realm, Refused { problem: Some(sentence(&message)), ..Refused::default() }).await
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_in_its_hour() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let at = |hours: i64, state: &str| Attempted {
            event_id: EventId::nil(),
            state: state.to_owned(),
            updated_at: now - Duration::hours(hours),
        };
        let day = [at(0, "delivered"), at(1, "delivered"), at(30, "dead")];
        let found = outcomes(now, &day);
        let counts: Vec<_> = found.iter().map(|outcome| (outcome.word, outcome.count)).collect();
        assert_eq!(counts, [("delivered", 2), ("retrying", 0), ("dead", 1)]);
        let heights: Vec<_> = found[0].bars.bars.iter().map(|bar| bar.good.1 > 0).collect();
        assert_eq!((heights[23], heights[22], heights[21]), (true, true, false));
        assert!(found[2].bars.bars[0].bad.1 > 0, "what was retried long ago counts at the edge");
    }
}
