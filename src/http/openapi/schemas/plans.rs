//! Plans, changes and effects.

use serde_json::{Value, json};

use crate::domain::id::{
    DirectoryLabel, EffectLabel, GroupLabel, MembershipLabel, OrganizationLabel, PlanLabel, RunLabel,
};
use crate::domain::plan::{EffectKind, MAX_CHANGES};
use crate::http::openapi::schema::{
    any_object, closed, count, either, id, id_in_request, list_of, map_of, may, must, named, nullable, object,
    optional, text, time, with, word, words,
};

/// What becomes of what a rule or directory gave.
pub fn origins() -> Value {
    words(&["retract", "hand_over"])
}

/// The kinds of effects.
pub fn kinds() -> Value {
    words(&EffectKind::ALL.map(EffectKind::as_str))
}

/// One change of a plan: an object with one key.
pub fn change() -> Value {
    let only =
        |name, fields: Vec<_>, about: &str| with(closed([must(name, closed(fields), about)]), "title", name.into());
    let rule = || must("rule", text(), "Its id or key.");
    let save =
        closed([must("save", any_object(), "A rule is made, or the one with this key is edited; and put in force.")]);
    let change = either([
        with(save, "title", "save".into()),
        only("apply", vec![rule()], "The newest saved version of a rule is put in force."),
        only(
            "state",
            vec![rule(), must("state", words(&["draft", "active", "frozen"]), "The new state.")],
            "A rule is activated, frozen or withdrawn.",
        ),
        only("delete", vec![rule(), may("origins", origins(), "What becomes of what it gave.")], "A rule is deleted."),
        only(
            "reorder",
            vec![must("rules", list_of(text()), "Their ids or keys.")],
            "All rules are put into this order.",
        ),
        only(
            "resume_directory",
            vec![must("directory_id", id::<DirectoryLabel>(), "The directory.")],
            "The native side catches up with a paused directory.",
        ),
        only(
            "remove_directory",
            vec![
                must("directory_id", id::<DirectoryLabel>(), "The directory."),
                may("origins", origins(), "What becomes of what it gave."),
            ],
            "A directory is removed.",
        ),
        only("reconcile", vec![], "Everything is computed anew: the repair of a drift."),
    ]);
    named("PlanChange", change)
}

/// The body that makes a plan.
pub fn new_plan() -> Value {
    object([
        must("changes", with(list_of(change()), "maxItems", json!(MAX_CHANGES)), "What is to be changed."),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "The organization; required for a key of the environment.",
        ),
    ])
}

/// `mapping_plan`
pub fn plan() -> Value {
    let counted = object([
        must("directory_id", id::<DirectoryLabel>(), "The directory."),
        must("losing", count(), "Memberships that lose the last reason for something."),
        must("allowance", count(), "How many may."),
    ]);
    let guard = object([
        must("verdict", words(&["pass", "would_park"]), "Whether somebody has to approve."),
        must("directories", list_of(counted), "Per directory that takes something away."),
    ]);
    let plan = object([
        must("object", word("mapping_plan"), ""),
        must("id", id::<PlanLabel>(), "The id."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("state", text(), "Where it stands, such as `ready` or `applied`."),
        must("changes", list_of(change()), "What is to be changed."),
        must("totals", map_of(count()), "How many effects of each kind."),
        must("guard", guard, "The guard's verdict."),
        must("revision", json!({"type": "integer"}), "The organization's event position that it was computed at."),
        must("effects_url", text(), "Where its effects are listed."),
        must("run_id", nullable(id::<RunLabel>()), "The run that applies it."),
        must("cause", any_object(), "Who made it."),
        must("created_at", time(), "When it was made."),
        must("expires_at", time(), "Until when it can be applied."),
    ]);
    named("MappingPlan", plan)
}

/// `mapping_effect`
pub fn effect() -> Value {
    let effect = object([
        must("object", word("mapping_effect"), ""),
        must("id", id::<EffectLabel>(), "The id."),
        must("kind", kinds(), "What happens."),
        must("organization_membership_id", nullable(id::<MembershipLabel>()), "Whom it happens to."),
        must("group_id", nullable(id::<GroupLabel>()), "The native group."),
    ]);
    named(
        "MappingEffect",
        with(effect, "description", "What happens to whom; further fields have names and reasons.".into()),
    )
}
