//! Runs and parked effects.

use serde_json::{Value, json};

use crate::domain::id::{
    DirectoryGroupLabel, DirectoryLabel, DirectoryUserLabel, GroupLabel, MembershipLabel, OrganizationLabel,
    ParkedLabel, PlanLabel, RoleLabel, RuleLabel, RunLabel,
};
use crate::http::openapi::schema::{
    any_object, count, either, flag, id, id_in_request, list_of, map_of, must, named, nullable, object, optional, text,
    time, with, word, words,
};

/// The kinds of runs.
pub fn kinds() -> Value {
    words(&["apply", "reconcile", "verify", "remainder", "guard"])
}

/// Where a run can stand.
pub fn states() -> Value {
    words(&["awaiting_approval", "running", "succeeded", "failed", "cancelled"])
}

/// What can have become of a parked effect.
pub fn parked_states() -> Value {
    words(&["parked", "approved", "rejected", "vanished"])
}

/// `sync_run`
pub fn run() -> Value {
    let number = || nullable(json!({"type": "number", "minimum": 0}));
    let progress = object([
        must("done", count(), "How many people it has looked at; with `guard`, how many removals were decided."),
        must("total", count(), "What there was to look at when it began."),
        must("rate_per_second", number(), "How many it does in a second."),
        must("remaining_seconds", number(), "How long it takes at this rate."),
    ]);
    let run = object([
        must("object", word("sync_run"), ""),
        must("id", id::<RunLabel>(), "The id."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("kind", kinds(), "What it does."),
        must("state", states(), "Where it stands."),
        must("directory_id", nullable(id::<DirectoryLabel>()), "The directory whose guard it belongs to."),
        must("plan_id", nullable(id::<PlanLabel>()), "The plan that it applies."),
        must("progress", progress, "How far it is."),
        must("effects", map_of(count()), "How many events of each name it caused."),
        must("problem", nullable(text()), "Why it failed."),
        must("cause", any_object(), "Who or what began it."),
        must("cancelling", flag(), "Whether somebody asked it to stop after its chunk."),
        must("created_at", time(), "When it was made."),
        must("started_at", nullable(time()), "When it was first worked on."),
        must("finished_at", nullable(time()), "When it was over."),
    ]);
    named("SyncRun", run)
}

/// The body that begins a run.
pub fn new_run() -> Value {
    object([
        must(
            "kind",
            words(&["reconcile", "verify"]),
            "`reconcile` computes everything anew; `verify` compares and repairs nothing.",
        ),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "The organization; required for a key of the environment.",
        ),
    ])
}

/// The body that decides about parked effects.
pub fn decision() -> Value {
    let ids = with(list_of(id_in_request::<ParkedLabel>()), "maxItems", json!(10_000));
    object([optional("effects", ids, "The effects to decide about; all if absent.")])
}

/// `parked_effect`
fn parked() -> Value {
    let rule = object([must("id", id::<RuleLabel>(), "The rule."), must("key", nullable(text()), "Its handle.")]);
    let parked = object([
        must("object", word("parked_effect"), ""),
        must("id", id::<ParkedLabel>(), "The id."),
        must("run_id", id::<RunLabel>(), "The run that gathers it."),
        must("directory_id", id::<DirectoryLabel>(), "The directory whose guard parked it."),
        must("state", parked_states(), "What became of it."),
        must("kind", words(&["membership_deactivated", "member_removed", "role_removed"]), "What would happen."),
        must("organization_membership_id", id::<MembershipLabel>(), "Who would lose it."),
        must("group_id", nullable(id::<GroupLabel>()), "The group that would be lost."),
        must("role_id", nullable(id::<RoleLabel>()), "The role that would be lost."),
        must("person", text(), "The person's address."),
        must("target", nullable(text()), "The group's name, or the role's slug."),
        must("rules", list_of(rule), "The rule of the last reason."),
        must("directory_group_id", nullable(id::<DirectoryGroupLabel>()), "The directory group of the last reason."),
        must("directory_group", nullable(text()), "Its name."),
        must("directory_user_id", nullable(id::<DirectoryUserLabel>()), "The directory user of the last reason."),
        must("cause", text(), "The id of the request, run or key that caused it."),
        must("created_at", time(), "When it was parked."),
        must("decided_at", nullable(time()), "When somebody decided, or when it vanished."),
        must("decided_by", nullable(text()), "The id of the key that decided."),
    ]);
    named("ParkedEffect", parked)
}

/// An effect of a run: a parked one of a guard's run, otherwise one of a plan or verification.
pub fn effect() -> Value {
    either([super::plans::effect(), parked()])
}
