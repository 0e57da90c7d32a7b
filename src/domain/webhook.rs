//! Webhook endpoints: where events are sent, how often they are tried, how they are signed.
//!
//! What lives here: what may be a target, the schedule of attempts, the signature. What does not: the connection
//! (`outbound::webhook`) and whose turn it is (`service::webhooks`).

use std::fmt::{self, Write as _};

use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use url::{Host, Url};

use super::address::is_public;
use super::clock::timestamp;
use super::error::{Error, Result};
use super::id::{EventId, OrganizationId, WebhookEndpointId};

/// How often an event is tried before it is given up: over about three days, with the default base.
pub const ATTEMPTS: i64 = 19;
/// The longest URL, in bytes.
const MAX_URL: usize = 2_048;
/// The longest wait between two attempts, in multiples of the base: six hours for five seconds.
const LONGEST: i64 = 4_320;
/// The longest that a receiver may ask to be left alone for.
const LONGEST_ASKED: Duration = Duration::hours(1);
/// Ports from 1024 on that belong to services whose protocols are not HTTP, or that nobody means to show the world.
const OTHER_SERVICES: [u16; 25] = [
    1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 5984, 6000, 6379, 6443, 6667, 9042, 9092,
    9200, 9300, 10250, 11211, 25565, 27017,
];

/// An address that events are sent to.
#[derive(Clone, PartialEq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// The organization whose events it gets; `None` gets those of the whole environment.
    pub organization: Option<OrganizationId>,
    /// Where it is, as it was given.
    pub url: String,
    /// The names of the events that it gets.
    pub events: Vec<String>,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// Why the program itself disabled it.
    pub disabled_reason: Option<String>,
    /// The secret that signs, as it is stored (`domain::sealed`).
    pub secret: String,
    /// The secret before that, as it is stored, and until when it signs too.
    pub previous: Option<(String, DateTime<Utc>)>,
    /// The last event that was delivered or given up; `None` before the first of the feed.
    pub last_event: Option<EventId>,
    /// Attempts at the event after it that failed.
    pub attempts: i64,
    /// When that one is tried again.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When somebody changed it.
    pub updated_at: DateTime<Utc>,
}

impl fmt::Debug for WebhookEndpoint {
    /// Without the secrets, which are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEndpoint").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

impl WebhookEndpoint {
    /// The object of the API; `secret` is the opened one.
    pub fn json(&self, secret: &str) -> Value {
        json!({
            "object": "webhook_endpoint",
            "id": self.id,
            "organization_id": self.organization,
            "endpoint_url": self.url,
            "secret": secret,
            "status": if self.enabled { "enabled" } else { "disabled" },
            "disabled_reason": self.disabled_reason,
            "events": self.events,
            "last_event_id": self.last_event,
            "failed_attempts": self.attempts,
            "next_attempt_at": self.next_attempt_at.map(timestamp),
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// How far the delivery of one event to one endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// The receiver took it.
    Delivered,
    /// It failed and is tried again; what comes after it waits.
    Retrying,
    /// It was given up, or asked for again in vain.
    Dead,
    /// Somebody asked for it again.
    Queued,
}

impl DeliveryState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Delivered => "delivered",
            DeliveryState::Retrying => "retrying",
            DeliveryState::Dead => "dead",
            DeliveryState::Queued => "queued",
        }
    }

    /// The state of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Delivered, Self::Retrying, Self::Dead, Self::Queued];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

/// One event and one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The event.
    pub event: EventId,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: i64,
    /// The status of the last answer, if one came.
    pub status: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// What the last answer began with.
    pub response: Option<String>,
    /// How long the last attempt took, in milliseconds.
    pub duration: Option<i64>,
    /// When it is tried again.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was tried first, or asked for.
    pub created_at: DateTime<Utc>,
    /// When it was tried last, or asked for again.
    pub updated_at: DateTime<Utc>,
}

impl Delivery {
    /// The object of the API. Deliveries of an endpoint are told apart by their events.
    pub fn json(&self) -> Value {
        json!({
            "object": "webhook_delivery",
            "id": self.event,
            "event_id": self.event,
            "event": self.name,
            "state": self.state.as_str(),
            "attempts": self.attempts,
            "last_status": self.status,
            "last_error": self.error,
            "last_response": self.response,
            "last_duration_ms": self.duration,
            "next_attempt_at": self.next_attempt_at.map(timestamp),
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// The target that this text names. Unless `private` allows it, it is public and speaks TLS; where a name leads is
/// looked at again with every connection.
///
/// # Errors
///
/// [`Error::Invalid`] with `invalid_url` and what is wrong with it.
pub fn target(text: &str, private: bool) -> Result<Url> {
    let wrong = |message: &str| Error::invalid("endpoint_url", "invalid_url", format!("endpoint_url {message}"));
    if text.len() > MAX_URL {
        return Err(wrong(&format!("has {MAX_URL} bytes at most")));
    }
    let url = Url::parse(text.trim()).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        _ if private => return Err(wrong("must begin with https:// or http://")),
        _ => return Err(wrong("must begin with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or password; the signature proves who sends"));
    }
    if !private {
        let named = match url.host() {
            Some(Host::Domain(name)) => is_public_name(name),
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            None => false,
        };
        if !named {
            return Err(wrong("must lead to a public address"));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if port != 443 && (port < 1024 || OTHER_SERVICES.contains(&port)) {
            return Err(wrong(&format!("must not use port {port}; use 443, or a port from 1024 on for HTTPS")));
        }
    }
    Ok(url)
}

/// Whether a name can be a public one at all. What it leads to is another question.
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let private = ["localhost", "local", "internal", "localdomain", "home.arpa", "test", "invalid", "onion", "arpa"];
    name.contains('.') && !private.iter().any(|end| name == *end || name.ends_with(&format!(".{end}")))
}

/// How long to wait after an event has failed `failed` times: from `base` on, four times longer with each attempt,
/// up to 4,320 times `base`, and a tenth more or less by `dice`, so that receivers that failed together are not
/// tried together. A receiver that asks for longer gets it, up to an hour.
pub fn wait(failed: i64, base: Duration, dice: u8, asked: Option<Duration>) -> Duration {
    let steps = u32::try_from(failed.saturating_sub(1).clamp(0, 20)).unwrap_or_default();
    let factor = 4_i64.saturating_pow(steps).min(LONGEST);
    let whole = base.num_milliseconds().saturating_mul(factor);
    let jitter = whole / 5 * i64::from(dice) / 255 - whole / 10;
    let own = Duration::milliseconds(whole + jitter);
    own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// The value of the header `WorkOS-Signature`: `t=<milliseconds since 1970>, v1=<hex>`, where the hexadecimal part
/// is the HMAC-SHA256 of `<t>.<body>` under the whole text of the secret.
pub fn signature(secret: &str, at: DateTime<Utc>, body: &[u8]) -> String {
    let at = at.timestamp_millis();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(format!("t={at}, v1="), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_are_not_public_are_refused_in_every_spelling() {
        let refused = [
            "",
            "x",
            "/hook",
            "ftp://example.com/",
            "http://example.com/hook",
            "https://",
            "https:///hook",
            "https://user@example.com/",
            "https://user:pw@example.com/",
            "https://:pw@example.com/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://intranet/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://router.home.arpa/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://①②⑦.0.0.1/",
            "https://0/",
            "https://0.0.0.0/",
            "https://[::]/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://10.0.0.8/",
            "https://192.168.1.1/",
            "https://100.100.100.200/",
            "https://169.254.169.254/latest/meta-data/",
            "https://example.com:22/",
            "https://example.com:25/",
            "https://example.com:80/",
            "https://example.com:6379/",
            "https://example.com:5432/",
            "https://example.com:0/",
        ];
        for text in refused {
            let refusal = target(text, false);
            assert!(matches!(refusal, Err(Error::Invalid { code: "invalid_url", .. })), "{text}: {refusal:?}");
        }
        assert!(target(&format!("https://example.com/{}", "a".repeat(3_000)), false).is_err());
        for text in [
            "https://example.com",
            "https://hooks.example.com/a?b=c",
            "https://example.com:8443/",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]:9443/",
            "https://bücher.example/",
        ] {
            assert!(target(text, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn private_targets_are_for_tests_and_still_must_be_urls() {
        for text in ["http://127.0.0.1:4000/hook", "https://localhost/", "http://[::1]:80/", "http://intranet:22/"] {
            assert!(target(text, true).is_ok(), "{text}");
        }
        for text in ["ftp://127.0.0.1/", "http://user@127.0.0.1/", "hook"] {
            assert!(target(text, true).is_err(), "{text}");
        }
    }

    #[test]
    fn attempts_go_on_for_about_three_days() {
        let base = Duration::seconds(5);
        let waits = |dice: u8| (1..ATTEMPTS).map(move |failed| wait(failed, base, dice, None));
        let hours = |dice: u8| waits(dice).sum::<Duration>().num_hours();
        assert!((60..=66).contains(&hours(0)) && (72..=80).contains(&hours(255)), "{} {}", hours(0), hours(255));
        assert_eq!(wait(1, base, 0, None), Duration::milliseconds(4_500));
        assert_eq!(wait(2, base, 0, None), Duration::seconds(18));
        assert!(waits(128).all(|wait| wait <= Duration::hours(7)));
        assert_eq!(wait(i64::MAX, Duration::zero(), 9, None), Duration::zero());
    }

    #[test]
    fn a_receiver_may_ask_for_up_to_an_hour() {
        let base = Duration::seconds(5);
        assert_eq!(wait(1, base, 0, Some(Duration::seconds(90))), Duration::seconds(90));
        assert_eq!(wait(1, base, 0, Some(Duration::seconds(1))), Duration::milliseconds(4_500));
        assert_eq!(wait(1, base, 0, Some(Duration::days(9))), Duration::hours(1));
    }

    #[test]
    fn a_signature_has_the_form_that_the_sdks_take_apart() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        // printf '1700000000123.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let expected = "t=1700000000123, v1=a91a0126961636f9a9cdaa5cdc1e3917b473a60893dcbb782aca9ad90833a32a";
        assert_eq!(signature("whsec_test", at, br#"{"a":1}"#), expected);
    }
}
