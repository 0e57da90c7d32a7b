//! What is counted in the process, and the text in which Prometheus reads it.
//!
//! What lives here: names, labels and their bounds. What does not: reading the database (`store::metrics`) and
//! when that is done (`service::metrics`).

use std::collections::BTreeMap;
use std::fmt::Error as FormatError;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The media type of the text.
pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Bounds of the classes of latency, in seconds.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempted {
    outcome: &'static str,
}

/// The counters of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Histogram,
    attempts: Family<Attempted, Counter>,
    attempt_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let (requests, seconds) = (Family::default(), Histogram::new(SECONDS));
        let mut registry = Registry::default();
        registry.register("scim_requests", "SCIM requests answered by this process", requests.clone());
        registry.register("scim_request_seconds", "How long SCIM requests took, in seconds", seconds.clone());
        let (attempts, attempt_seconds) = (Family::default(), Histogram::new(SECONDS));
        registry.register("muster_webhook_attempts", "Webhooks sent by this process", attempts.clone());
        let help = "How long receivers of webhooks took, in seconds";
        registry.register("muster_webhook_attempt_seconds", help, attempt_seconds.clone());
        let build = Family::<Vec<(&str, &str)>, Gauge>::default();
        build.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("muster_build_info", "The version that runs", build);
        Metrics { registry, requests, seconds, attempts, attempt_seconds }
    }
}

impl Metrics {
    /// Counts an answer of the SCIM surface.
    pub fn answered(&self, method: &str, status: u16, took: Duration) {
        // A client may call its methods what it likes; a label may not.
        let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let method = known.into_iter().find(|known| *known == method).unwrap_or("other");
        self.requests.get_or_create(&Answered { method, status }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts an attempt at a webhook.
    pub fn delivered(&self, taken: bool, took: Duration) {
        let outcome = if taken { "delivered" } else { "failed" };
        self.attempts.get_or_create(&Attempted { outcome }).inc();
        self.attempt_seconds.observe(took.as_secs_f64());
    }

    /// Everything that Prometheus reads: what was counted here, and the text of what was read of the database.
    ///
    /// # Errors
    ///
    /// Only if a metric cannot be written as text, which would be a defect of ours.
    pub fn text(&self, scraped: &str) -> Result<String, FormatError> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        text.push_str(scraped);
        Ok(text)
    }
}

/// What a scrape read of the database, as text.
#[derive(Debug, Clone)]
pub struct Scraped {
    /// When it was read.
    pub at: DateTime<Utc>,
    /// The text.
    pub text: String,
}

/// What the database says of everything together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gauges {
    /// Differences that the last verifications found, all together; must be 0.
    pub drift: i64,
    /// The same for each organization that has any, by its id.
    pub drifting: Vec<(String, i64)>,
    /// The oldest of the last verifications of each organization, in seconds since 1970.
    pub verified_at: Option<i64>,
    /// Removals that wait for approval.
    pub parked_effects: i64,
    /// Members that name nobody known.
    pub pending_edges: i64,
    /// People whose link waits for confirmation.
    pub unlinked_people: i64,
    /// Runs that are under way.
    pub runs_running: i64,
    /// Runs that failed within the last day.
    pub runs_failed: i64,
    /// Webhook endpoints whose next event has failed at least once.
    pub webhooks_failing: i64,
    /// Events that were given up for an endpoint and are still on record.
    pub webhooks_dead: i64,
    /// Seconds since the last write of each directory that had one.
    pub since_last_write: BTreeMap<String, i64>,
    /// Seconds until the first token of each directory expires; negative where the last one has.
    pub token_expiry: BTreeMap<String, i64>,
}

impl Gauges {
    /// The text of these gauges.
    ///
    /// # Errors
    ///
    /// As [`Metrics::text`].
    pub fn text(&self) -> Result<String, FormatError> {
        let mut registry = Registry::default();
        let plain: [(&str, &str, i64); 8] = [
            ("muster_drift_rows", "Differences between native state and a recomputation; must be 0", self.drift),
            ("muster_parked_effects", "Removals that wait for approval", self.parked_effects),
            ("muster_pending_edges", "Members that name nobody known", self.pending_edges),
            ("muster_unlinked_people", "People whose link waits for confirmation", self.unlinked_people),
            ("muster_runs_running", "Runs that are under way", self.runs_running),
            ("muster_runs_failed", "Runs that failed within the last day", self.runs_failed),
            ("muster_webhook_endpoints_failing", "Endpoints whose next event has failed", self.webhooks_failing),
            ("muster_webhook_dead_deliveries", "Events given up for an endpoint, on record", self.webhooks_dead),
        ];
        for (name, help, value) in plain {
            let gauge: Gauge = Gauge::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        }
        if let Some(at) = self.verified_at {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(at as f64);
            let help = "When the organization that waits longest was last verified, in seconds since 1970";
            registry.register("muster_verify_last_success_timestamp_seconds", help, gauge);
        }
        labelled(
            &mut registry,
            "muster_organization_drift_rows",
            "As muster_drift_rows, for each organization that has any",
            "organization",
            self.drifting.iter().map(|(id, rows)| (id, *rows)),
        );
        labelled(
            &mut registry,
            "muster_directory_seconds_since_last_write",
            "Seconds since the last write of the identity provider",
            "directory",
            self.since_last_write.iter().map(|(id, seconds)| (id, *seconds)),
        );
        labelled(
            &mut registry,
            "muster_token_expiry_seconds",
            "Seconds until the next SCIM token expires, a rotated one only until its successor is used; negative once the last one has",
            "directory",
            self.token_expiry.iter().map(|(id, seconds)| (id, *seconds)),
        );
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

fn labelled<'a>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl Iterator<Item = (&'a String, i64)>,
) {
    let family = Family::<Vec<(&'static str, String)>, Gauge>::default();
    for (id, value) in values {
        family.get_or_create(&vec![(label, id.clone())]).set(value);
    }
    registry.register(name, help, family);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.answered("POST", 201, Duration::from_millis(20));
        metrics.answered("BREW", 405, Duration::from_millis(1));
        let gauges = Gauges { drift: 2, drifting: vec![("org_1".to_owned(), 2)], ..Gauges::default() };
        let text = metrics.text(&gauges.text().unwrap()).unwrap();
        for line in [
            "# TYPE scim_requests_total counter",
            "scim_requests_total{method=\"POST\",status=\"201\"} 1",
            "scim_requests_total{method=\"other\",status=\"405\"} 1",
            "# TYPE scim_request_seconds histogram",
            "scim_request_seconds_bucket{le=\"0.025\"} 2",
            "scim_request_seconds_count 2",
            "# TYPE muster_drift_rows gauge",
            "muster_drift_rows 2",
            "muster_organization_drift_rows{organization=\"org_1\"} 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("muster_verify_last_success"), "what is not known is not shown");
    }
}
