//! Explanations and identity links.

use serde_json::Value;

use crate::domain::id::{
    DirectoryGroupLabel, DirectoryLabel, DirectoryUserLabel, GroupLabel, MembershipLabel, OrganizationLabel, RuleLabel,
    UserLabel,
};
use crate::http::openapi::schema::{
    any_object, anything, count, id, id_in_request, list_of, may, must, named, nullable, object, optional, text, time,
    whole_from, word, words,
};

fn rule() -> Value {
    let rule = object([
        must("id", id::<RuleLabel>(), "The rule."),
        must("key", nullable(text()), "Its handle; null if it is gone."),
        must("version", count(), "The version that acted, or would act."),
        must("position", nullable(serde_json::json!({"type": "integer"})), "Its place among the rules in force."),
    ]);
    named("RuleReference", rule)
}

fn directory_user() -> Value {
    object([
        must("id", id::<DirectoryUserLabel>(), "The directory user."),
        must("user_name", nullable(text()), "The `userName`; null if they are gone."),
    ])
}

fn directory_group() -> Value {
    object([
        must("id", id::<DirectoryGroupLabel>(), "The directory group."),
        must("name", nullable(text()), "Its name; null if it is gone."),
    ])
}

fn directory() -> Value {
    object([
        must("id", id::<DirectoryLabel>(), "The directory."),
        must("name", nullable(text()), "Its name; null if it is gone."),
    ])
}

fn native_group() -> Value {
    object([must("id", id::<GroupLabel>(), "The group."), must("name", nullable(text()), "Its name.")])
}

fn why() -> Value {
    object([
        must(
            "kind",
            words(&["manual", "rule", "frozen", "held", "exclude", "group", "default"]),
            "What kind of reason it is.",
        ),
        may("group", native_group(), "For `group`: the native group that a role comes with."),
        must("rule", nullable(rule()), "The rule."),
        must("directory", nullable(directory()), "The directory."),
        must("directory_group", nullable(directory_group()), "The directory group by which the rule gives it."),
        must("path", list_of(directory_group()), "From that group down to one that has the person as a member."),
        must("directory_user", nullable(directory_user()), "In whose name the rule acts."),
        must("cause", nullable(any_object()), "What made it: an id, and the request while it is in the log."),
        must("actor", nullable(text()), "Who made it, if it was made by hand."),
        may("parked", any_object(), "For `held`: the removal that waits or was rejected."),
        must("since", nullable(time()), "Since when."),
    ])
}

fn why_not() -> Value {
    let seen =
        object([must("attribute", text(), "The attribute."), must("value", anything(), "The value; null if absent.")]);
    object([
        must("rule", rule(), "The rule."),
        must("directory_user", nullable(directory_user()), "Whom it was asked of."),
        must("clause", text(), "The first clause that failed."),
        may("text", text(), "What the clause says, as far as it failed."),
        may("column", whole_from(1), "Where that begins in the filter."),
        must("seen", list_of(seen), "The values that were seen."),
        must("message", text(), "Why, as a sentence."),
        may("directory_group", directory_group(), "The directory group that it is about."),
        may("path", list_of(directory_group()), "How the person is in that group."),
        may("matching_groups", list_of(directory_group()), "Some directory groups that would do."),
        may("own_groups", list_of(any_object()), "The groups that the person is in, and why none of them does."),
        may("taken_by", any_object(), "The native group that has the name which the mirror waits for."),
        may("excluded_by", rule(), "The rule that excludes them."),
    ])
}

fn ended() -> Value {
    object([
        must("kind", text(), "The kind of reason."),
        must("rule", nullable(rule()), "The rule."),
        must("directory_group", nullable(directory_group()), "The directory group."),
        must("directory_user", nullable(directory_user()), "The directory user."),
        must("began_at", time(), "When it had begun."),
        must("ended_at", time(), "When it ended."),
        must("cause", anything(), "Who or what ended it."),
        must("event", nullable(any_object()), "The event that told it."),
    ])
}

/// `explanation`
pub fn explanation() -> Value {
    let member = object([
        must("id", id::<MembershipLabel>(), "The membership."),
        must("status", words(&["active", "inactive"]), "Whether it is in force."),
        must("email", text(), "The address of the account."),
        must("name", nullable(text()), "The name of the account."),
    ]);
    let target = object([
        must("type", words(&["group", "role", "membership"]), "What it is."),
        may("id", text(), "The group or role."),
        may("name", text(), "Its name."),
        may("slug", text(), "The role's handle."),
    ]);
    let explanation = object([
        must("object", word("explanation"), ""),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("organization_membership", nullable(member), "The membership; null for somebody who was never linked."),
        must("directory_user", nullable(directory_user()), "The directory user, if it was asked about one."),
        must("target", target, "What they have or have not."),
        must("verdict", words(&["yes", "no", "suspended", "excluded"]), "Whether they have it."),
        may("suspended_by", words(&["directory", "deactivated"]), "Why the membership is inactive, if that is why."),
        may("inactive_directory_users", list_of(any_object()), "The directory users who are inactive or gone."),
        may("primary_role", any_object(), "For a role: whether it is the primary one, and what decided that."),
        must("why", list_of(why()), "Every live reason, exclusions included; up to 50."),
        must("why_total", count(), "How many reasons there are."),
        must("why_not", list_of(why_not()), "Every rule that could give it and does not."),
        must("ended", list_of(ended()), "The last reason that ended, if one did."),
        must("sentence", text(), "All of it in one sentence."),
    ]);
    named("Explanation", explanation)
}

/// The states of an identity link.
pub fn link_states() -> Value {
    words(&["pending", "refused", "linked", "ended"])
}

/// `identity_link`
pub fn link() -> Value {
    let person = object([
        must("id", id::<DirectoryUserLabel>(), "The directory user."),
        must("user_name", nullable(text()), "The `userName`."),
        must("email", nullable(text()), "The address."),
        must("directory_id", id::<DirectoryLabel>(), "Where they come from."),
    ]);
    let candidate = object([
        must("user_id", nullable(id::<UserLabel>()), "The account, for keys of the environment."),
        must("email", nullable(text()), "The address that they share."),
    ]);
    let link = object([
        must("object", word("identity_link"), ""),
        must("id", id::<DirectoryUserLabel>(), "The id of the directory user."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("directory_user", person, "The directory user."),
        must("user_id", nullable(id::<UserLabel>()), "The account."),
        must("organization_membership_id", nullable(id::<MembershipLabel>()), "The membership."),
        must("state", link_states(), "Where the link stands."),
        must("method", text(), "How it was made, or why it waits."),
        must("reason", text(), "The same for people."),
        must("candidate", nullable(candidate), "The account that has the address, while the link waits."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("IdentityLink", link)
}

/// The body that confirms a link.
pub fn confirmation() -> Value {
    object([optional(
        "user_id",
        id_in_request::<UserLabel>(),
        "The account; the one that has the person's address if absent.",
    )])
}

/// A native group by id and name, as others refer to it.
pub fn group_reference() -> Value {
    object([must("id", id::<GroupLabel>(), "The native group."), must("name", text(), "Its name.")])
}
