//! What wants somebody's attention, the most harmful first: each with a sentence that says what to do, and a link.

use chrono::{DateTime, Duration, Utc};

use super::Status;
use crate::domain::rhythm::{Verdict, length};

/// Tokens that expire within this time are told of.
const EXPIRES_SOON: Duration = Duration::days(14);
/// And as urgent within this.
const EXPIRES_NOW: Duration = Duration::days(3);
/// Fewer requests than this make no error rate.
const ENOUGH_REQUESTS: i64 = 10;

/// How much harm there is in waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody has, or loses, what they should not; or nothing works.
    High,
    /// Somebody waits.
    Medium,
    /// Worth a look.
    Low,
}

impl Severity {
    /// The word in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
        }
    }
}

/// One thing that wants attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// A stable word for programs.
    pub code: &'static str,
    /// How much harm there is in waiting.
    pub severity: Severity,
    /// What it is and what to do.
    pub message: String,
    /// Where to look, as a path of this API.
    pub link: String,
}

/// What wants attention in a directory of this status.
pub(super) fn of(status: &Status, now: DateTime<Utc>) -> Vec<Attention> {
    let mut list = List { status, now, found: Vec::new() };
    list.trust();
    list.tokens();
    list.contact();
    list.waiting();
    list.groups();
    // Stable: within one severity they stay in the order in which they were looked at.
    list.found.sort_by_key(|attention| attention.severity);
    list.found
}

struct List<'a> {
    status: &'a Status,
    now: DateTime<Utc>,
    found: Vec<Attention>,
}

impl List<'_> {
    fn add(&mut self, code: &'static str, severity: Severity, message: impl Into<String>, link: impl Into<String>) {
        self.found.push(Attention { code, severity, message: message.into(), link: link.into() });
    }

    /// A path below the directory's own.
    fn own(&self, below: &str) -> String {
        format!("/directories/{}{below}", self.status.directory.id)
    }

    /// Whether native state is what it should be.
    fn trust(&mut self) {
        if let Some(found) = self.status.verification.as_ref().filter(|found| found.drift > 0) {
            let message = format!(
                "{} from what a recomputation makes: look at them, and plan a reconcile to repair",
                counted(found.drift, "native row differs", "native rows differ")
            );
            self.add("drift", Severity::High, message, format!("/sync_runs/{}/effects", found.run));
        }
        if self.status.parked_effects > 0 {
            let message = format!(
                "{} for approval, since more was removed than the guard lets through: approve or reject",
                counted(self.status.parked_effects, "removal waits", "removals wait")
            );
            let link = match self.status.parked_run {
                Some(run) => format!("/sync_runs/{run}/effects"),
                None => format!("/sync_runs?organization_id={}", self.status.directory.organization),
            };
            self.add("removals_parked", Severity::High, message, link);
        }
        if self.status.failed_runs > 0 {
            let message = format!(
                "{} within a day: see its problem, and reconcile once that is solved",
                counted(self.status.failed_runs, "run of the organization failed", "runs of the organization failed")
            );
            let link = format!("/sync_runs?organization_id={}", self.status.directory.organization);
            self.add("runs_failed", Severity::High, message, link);
        }
    }

    fn tokens(&mut self) {
        let tokens = self.status.tokens;
        let link = self.own("/tokens");
        if tokens.living == 0 {
            let message = if tokens.total == 0 {
                "The directory has no token, so that nobody can reach it: make one and give it to the identity provider"
            } else {
                "Every token has expired, so that nobody can reach the directory: make one and give it to the identity provider"
            };
            let new = tokens.total == 0 && self.status.freshness.verdict == Verdict::Never;
            let severity = if new { Severity::Low } else { Severity::High };
            self.add("no_valid_token", severity, message, link);
        } else if let Some(at) = tokens.next_expiry.filter(|at| *at - self.now <= EXPIRES_SOON) {
            let left = at - self.now;
            let length = length(left.num_seconds());
            let message = if tokens.next_is_replaced && !tokens.next_has_successor {
                format!(
                    "A token that was rotated ends in {length}, and what took its place is gone: make a new one, and give it to the identity provider"
                )
            } else if tokens.next_is_replaced {
                format!(
                    "A token that was rotated ends in {length}, and nobody has used the new one yet: paste it into the identity provider"
                )
            } else {
                format!(
                    "A token expires in {length}: rotate it, and give the new one to the identity provider while both work"
                )
            };
            let severity = if left <= EXPIRES_NOW { Severity::High } else { Severity::Medium };
            self.add("token_expires", severity, message, link);
        }
    }

    fn contact(&mut self) {
        let freshness = &self.status.freshness;
        let sentence = freshness.sentence.clone();
        let link = self.own("/requests");
        match freshness.verdict {
            Verdict::Silent => {
                let message = format!("{sentence} Look at the provisioning log of the identity provider");
                self.add("silent", Severity::Medium, message, link);
            }
            Verdict::Quiet => self.add("quiet", Severity::Low, sentence, link),
            Verdict::Never => {
                let message = "Nothing has arrived yet: enter the base URL and a token at the identity provider";
                self.add("never_connected", Severity::Low, message, self.own(""));
            }
            Verdict::Fresh => {}
        }
        let (requests, refused) = (self.status.requests, self.status.refused);
        if requests >= ENOUGH_REQUESTS && refused * 10 > requests {
            let severity = if refused * 2 > requests { Severity::High } else { Severity::Medium };
            let message =
                format!("{refused} of {requests} requests within a day were refused: see what they were told");
            self.add("many_refused", severity, message, self.own("/requests?status=4xx,5xx"));
        }
    }

    fn waiting(&mut self) {
        let status = self.status;
        if let Some(since) = status.directory.paused_at {
            let message = format!(
                "Paused for {}, with {} waiting: resume it to bring the native side up to date",
                length((self.now - since).num_seconds()),
                counted(status.directory.backlog, "write", "writes")
            );
            self.add("paused", Severity::Medium, message, self.own(""));
        }
        if status.directory.leaving.is_some() {
            let link = format!("/sync_runs?organization_id={}", status.directory.organization);
            self.add("leaving", Severity::Low, "The directory is being removed: see how far its run is", link);
        }
        if status.unlinked.pending > 0 {
            let message = format!(
                "{} for somebody to say which account is theirs: confirm or refuse the links",
                counted(status.unlinked.pending, "person waits", "people wait")
            );
            let link = format!("/identity_links?organization_id={}&state=pending", status.directory.organization);
            self.add("links_pending", Severity::Medium, message, link);
        }
        if status.pending_edges > 0 {
            let message = format!(
                "{} nobody whom the directory has: assign those people to the application at the identity provider",
                counted(status.pending_edges, "member of a group names", "members of groups name")
            );
            self.add("members_pending", Severity::Low, message, self.own("/groups_status"));
        }
        if status.frozen_origins > 0 {
            let message = format!(
                "{} by a frozen rule, whatever the directory says: activate or delete the rule when you have decided",
                counted(status.frozen_origins, "thing is kept", "things are kept")
            );
            let link = format!("/mapping_rules?organization_id={}", status.directory.organization);
            self.add("origins_frozen", Severity::Low, message, link);
        }
    }

    fn groups(&mut self) {
        let parked = self.status.mirrors.get("parked").copied().unwrap_or(0);
        if parked > 0 {
            let message = format!(
                "{} not mirrored, since another group has the name: adopt that group or choose a name",
                counted(parked, "group is", "groups are")
            );
            self.add("mirrors_parked", Severity::Medium, message, self.own("/groups_status?state=parked"));
        }
        let groups = self.status.groups;
        let unmatched = groups.total - groups.bound - groups.excepted;
        if unmatched > 0 {
            let message = format!(
                "{} no rule: see what is suggested, or leave {} be",
                counted(unmatched, "group matches", "groups match"),
                if unmatched == 1 { "it" } else { "them" }
            );
            self.add("groups_unmatched", Severity::Low, message, self.own("/groups_status?state=unmatched"));
        }
    }
}

/// `1 person waits` or `3 people wait`.
fn counted(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
