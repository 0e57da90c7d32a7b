//! Sync status and the request log.

use serde_json::{Value, json};

use super::explanations::group_reference;
use crate::domain::id::{
    DirectoryGroupLabel, DirectoryLabel, EventLabel, GroupLabel, OrganizationLabel, RequestLabel, RuleLabel, RunLabel,
};
use crate::http::openapi::schema::{
    any_object, anything, count, extended, flag, id, list_of, map_of, must, named, nullable, object, text, time, word,
    words,
};

/// `sync_status`
pub fn sync_status() -> Value {
    let freshness = object([
        must("last_request_at", nullable(time()), "The last request of any kind."),
        must("last_write_at", nullable(time()), "The last write that was accepted."),
        must("usual_gap_seconds", nullable(count()), "The median gap between minutes with writes."),
        must("silent_for_seconds", nullable(count()), "Seconds since the last request."),
        must("verdict", words(&["fresh", "quiet", "silent", "never"]), "What that means."),
        must("sentence", text(), "The same for people."),
    ]);
    let users = object([must("total", count(), ""), must("active", count(), ""), must("inactive", count(), "")]);
    let groups = object([
        must("total", count(), ""),
        must("bound", count(), "Rules make something of them."),
        must("excepted", count(), "A rule keeps their people out."),
        must("unmatched", count(), "No rule matches them."),
    ]);
    let unlinked = object([
        must("pending", count(), "Who waits for confirmation."),
        must("refused", count(), "Whose link somebody refused."),
        must("by_reason", map_of(count()), "Those who wait, by the reason."),
    ]);
    let mirrors = object([must("made", count(), ""), must("adopted", count(), ""), must("parked", count(), "")]);
    let errors = object([
        must("window_hours", count(), "How far back they are counted."),
        must("requests", count(), "All requests."),
        must("refused", count(), "Those that were refused."),
        must("rate", nullable(json!({"type": "number", "minimum": 0, "maximum": 1})), "The share of the latter."),
    ]);
    let dialect = object([
        must("verdict", text(), "The identity provider that it seems to be, or `unknown`."),
        must("evidence", any_object(), "Tolerances that were used, and user agents."),
    ]);
    let tokens = object([
        must("count", count(), "All tokens."),
        must("valid", count(), "Those that have not expired."),
        must(
            "next_expiry",
            nullable(time()),
            "When the next one expires. One that was rotated counts until its successor is used.",
        ),
    ]);
    let drift = object([
        must("rows", count(), "How many differences there were; must be 0."),
        must("run_id", id::<RunLabel>(), "The run that verified."),
        must("verified_at", time(), "When."),
        must("left_out", anything(), "What was left out, since runs were under way."),
    ]);
    let attention = object([
        must("code", text(), "What it is, for programs."),
        must("severity", words(&["high", "medium", "low"]), "How much it matters."),
        must("message", text(), "A sentence for people."),
        must("link", text(), "Where to look."),
    ]);
    let status = object([
        must("object", word("sync_status"), ""),
        must("directory_id", id::<DirectoryLabel>(), "The directory."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("state", words(&["validating", "linked", "paused", "leaving"]), "Where it stands."),
        must("paused_at", nullable(time()), "Since when the native side waits."),
        must("backlog", count(), "How many writes came since then."),
        must("freshness", freshness, "When it was heard of, and whether that is as usual."),
        must("users", users, "Its people."),
        must("groups", groups, "Its groups."),
        must("edges", count(), "Members of its groups."),
        must("pending_edges", count(), "Those of them that name nobody known."),
        must("unlinked", unlinked, "People without a link in force."),
        must("parked_effects", count(), "Removals that wait for approval."),
        must("parked_run_id", nullable(id::<RunLabel>()), "The run that gathers them."),
        must("mirrors", mirrors, "Mirrors by their states."),
        must("frozen_origins", count(), "What people keep by frozen rules."),
        must("running_runs", list_of(id::<RunLabel>()), "Runs of the organization that are under way."),
        must("errors", errors, "Requests that were refused lately."),
        must("dialect", dialect, "Which identity provider it seems to be."),
        must("tokens", tokens, "Its tokens."),
        must("drift", nullable(drift), "What the last verification found."),
        must("attention", list_of(attention), "What wants attention, the most harmful first."),
    ]);
    named("SyncStatus", status)
}

/// The states of a directory group.
pub fn group_states() -> Value {
    words(&["bound", "unmatched", "parked", "excepted"])
}

/// What a list of directory groups can be narrowed by.
pub fn group_filters() -> Value {
    words(&["bound", "unmatched", "parked", "excepted", "pending"])
}

/// `directory_group_status`
pub fn group_status() -> Value {
    let rule = || object([must("id", id::<RuleLabel>(), "The rule."), must("key", text(), "Its handle.")]);
    let mirror = object([
        must("state", text(), "What became of it."),
        must("group_id", nullable(id::<GroupLabel>()), "The native group."),
        must("name", nullable(text()), "Its name."),
    ]);
    let binding = object([
        must("rule", rule(), "The rule."),
        must("matched", flag(), "Whether the group is one of its sources."),
        must("excepted", flag(), "Whether its people are out."),
        must("mirror", nullable(mirror), "The mirror."),
    ]);
    let kept_out = object([
        must("rule", rule(), "The rule."),
        must("clause", text(), "The clause that keeps it out."),
        must("written", anything(), "What the clause says."),
        must("message", text(), "Why, as a sentence."),
    ]);
    let group = object([
        must("id", id::<DirectoryGroupLabel>(), "The directory group."),
        must("name", nullable(text()), "Its name."),
        must("members", count(), "How many members it has."),
        must("pending", count(), "How many of them are not known."),
    ]);
    let suggestion = object([
        must("type", words(&["into_group", "edit_rule", "mirror_group"]), "What might be done."),
        must("message", text(), "The same for people."),
    ]);
    let status = object([
        must("object", word("directory_group_status"), ""),
        must("id", id::<DirectoryGroupLabel>(), "The id of the directory group."),
        must("directory_group", group, "The directory group."),
        must("state", group_states(), "What rules made of it."),
        must("rules", list_of(binding), "The rules that are bound to it."),
        must("native_groups", list_of(group_reference()), "The native groups that its people are in by it."),
        must("suggestion", nullable(suggestion), "What might be done."),
        must("kept_out_by", list_of(kept_out), "The clauses that keep it out, rule by rule."),
    ]);
    named("DirectoryGroupStatus", status)
}

/// `scim_request`
pub fn request() -> Value {
    let request = object([
        must("object", word("scim_request"), ""),
        must("id", id::<RequestLabel>(), "The id, as in the answer's `X-Request-ID`."),
        must("directory_id", id::<DirectoryLabel>(), "The directory."),
        must("method", text(), "The HTTP method."),
        must("path", text(), "The path below the base URL."),
        must("status", json!({"type": "integer"}), "The status of the answer."),
        must("scim_type", nullable(text()), "The detail keyword of a refusal."),
        must("detail", nullable(text()), "Why it was refused."),
        must("tolerances", anything(), "The tolerances that were used."),
        must("resource_id", nullable(text()), "The resource."),
        must("user_agent", nullable(text()), "Who said to have sent it."),
        must("steps", anything(), "Its steps, from received to applied."),
        must("events", count(), "How many events it caused."),
        must("created_at", time(), "When it came."),
    ]);
    named("ScimRequest", request)
}

/// A request with its body and the events that it caused.
pub fn whole_request() -> Value {
    let event = object([
        must("object", word("event"), ""),
        must("id", id::<EventLabel>(), "The id."),
        must("event", text(), "The name."),
        must("position", count(), "Its place among the events of the organization."),
        must("data", anything(), "The object that it is about."),
        must("created_at", time(), "When it was committed."),
    ]);
    extended(
        &request(),
        [
            must("body", nullable(text()), "The body without its secrets, where it was kept."),
            must("caused", list_of(event), "The events that it caused."),
        ],
    )
}
