//! Mapping rules, their versions, drafts and bindings.

use serde_json::{Value, json};

use crate::domain::id::{
    DirectoryGroupLabel, DirectoryLabel, DirectoryUserLabel, GroupLabel, OrganizationLabel, RuleLabel, RunLabel,
};
use crate::http::openapi::schema::{
    any_object, closed, count, either, extended, flag, id, id_in_request, list_of, may, must, named, nullable, object,
    optional, such_as, text, time, whole_from, with, word, words,
};

fn when() -> Value {
    let when = closed([
        may(
            "group",
            such_as(nullable(text()), "displayName sw \"eng-\"".into()),
            "A SCIM filter over the directory group.",
        ),
        may("group_ids", list_of(id::<DirectoryGroupLabel>()), "Exact directory groups."),
        may("capture", nullable(text()), "A regular expression with named groups over `displayName`."),
        may("user", nullable(text()), "A SCIM filter over the directory user."),
        may(
            "except_group",
            nullable(text()),
            "A SCIM filter over directory groups whose people are out, for this rule.",
        ),
    ]);
    named("RuleConditions", when)
}

fn action() -> Value {
    let only =
        |name, fields: Vec<_>, about: &str| with(closed([must(name, closed(fields), about)]), "title", name.into());
    let action = either([
        only("ensure_membership", vec![], "They belong to the organization."),
        only(
            "mirror_group",
            vec![
                may("name", nullable(text()), "The template of its name, such as `{{ team | title }}`."),
                may("on_collision", words(&["park", "suffix", "adopt"]), "What to do when another group has the name."),
                may("on_delete", words(&["delete", "keep"]), "What becomes of it when the directory group goes."),
            ],
            "Each matched directory group becomes a native group of its own.",
        ),
        only(
            "into_group",
            vec![must("group_id", id::<GroupLabel>(), "The group.")],
            "They join an existing native group.",
        ),
        only("grant_role", vec![must("role", text(), "The slug of the role.")], "They hold a role."),
        only(
            "exclude",
            vec![
                may("group_id", nullable(id::<GroupLabel>()), "Only belonging to this native group."),
                may("role", nullable(text()), "Only holding this role."),
            ],
            "What rules give them ends, never what was given by hand. Without fields: everything.",
        ),
    ]);
    named("RuleAction", action)
}

fn state() -> Value {
    words(&["draft", "active", "frozen"])
}

/// `mapping_rule`
pub fn rule() -> Value {
    let rule = object([
        must("object", word("mapping_rule"), ""),
        must("id", id::<RuleLabel>(), "The id."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("directory_id", nullable(id::<DirectoryLabel>()), "The directory that it is for; null for all."),
        must("key", text(), "The admin's handle."),
        must("position", json!({"type": "integer"}), "Its place among the rules; lower ones come first."),
        must("state", state(), "Whether it acts."),
        must("when", when(), "Which groups and people."),
        must("then", list_of(action()), "What they get."),
        must("version", whole_from(1), "The newest saved version."),
        must("applied_version", nullable(whole_from(1)), "The version in force; null until one is."),
        must("run_id", nullable(id::<RunLabel>()), "The run that applies it, while there is one."),
        must("created_at", time(), "When it was made."),
        must("updated_at", time(), "When it last changed."),
    ]);
    named("MappingRule", rule)
}

/// A rule that was just saved.
pub fn saved_rule() -> Value {
    let warnings = nullable(list_of(finding()));
    extended(&rule(), [must("warnings", warnings, "What is odd about it; null if that could not be found out.")])
}

fn finding() -> Value {
    let finding = object([
        must("severity", words(&["error", "warning", "info"]), "How much it matters."),
        must("field", text(), "The path of the field."),
        must("code", text(), "A stable word for programs."),
        must("message", text(), "A sentence for people."),
        may("column", whole_from(1), "Where in the text of the field, counted from 1."),
    ]);
    named("Finding", finding)
}

/// The body that makes a rule.
pub fn new_rule() -> Value {
    object([
        must("organization_id", id_in_request::<OrganizationLabel>(), "The organization."),
        must("key", such_as(text(), "engineering-teams".into()), "The handle; unique in the organization."),
        must("when", when(), "Which groups and people."),
        must("then", list_of(action()), "What they get."),
        optional("directory_id", id::<DirectoryLabel>(), "The directory that it is for; all if absent."),
        may("position", json!({"type": "integer"}), "Its place; behind all others if absent."),
        may("state", state(), "Whether it acts; `active` if absent."),
        optional("apply", flag(), "Whether it is put in force in the same call."),
    ])
}

/// The body that changes a rule.
pub fn rule_changes() -> Value {
    object([
        optional("key", text(), "The handle."),
        may("when", when(), "Which groups and people, as a whole."),
        may("then", list_of(action()), "What they get, as a whole."),
        optional("directory_id", id::<DirectoryLabel>(), "The directory that it is for; null for all."),
        may("position", json!({"type": "integer"}), "Its place."),
        may("state", state(), "Whether it acts."),
        optional(
            "version",
            whole_from(1),
            "The version that you looked at: refused if the same field was changed since.",
        ),
        optional("apply", flag(), "Whether it is put in force in the same call."),
    ])
}

/// `mapping_rule_version`
pub fn version() -> Value {
    let version = object([
        must("object", word("mapping_rule_version"), ""),
        must("rule_id", id::<RuleLabel>(), "The rule."),
        must("version", whole_from(1), "The number."),
        must("applied", flag(), "Whether it is in force."),
        must("directory_id", nullable(id::<DirectoryLabel>()), "The directory that it is for; null for all."),
        must("position", json!({"type": "integer"}), "Its place."),
        must("state", state(), "Whether it acts."),
        must("when", when(), "Which groups and people."),
        must("then", list_of(action()), "What they get."),
        must("created_at", time(), "When it was saved."),
    ]);
    named("MappingRuleVersion", version)
}

/// The body that puts all rules into an order.
pub fn new_order() -> Value {
    object([
        must("organization_id", id_in_request::<OrganizationLabel>(), "The organization."),
        must("rules", list_of(text()), "The ids or keys of all its rules, the first one first."),
        optional("apply", flag(), "Whether the new order is put in force in the same call."),
    ])
}

/// A draft to be looked at. Anything is taken: what is wrong with it is the answer.
pub fn draft() -> Value {
    object([
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "The organization; required for a key of the environment.",
        ),
        optional("key", text(), "The handle."),
        may("when", any_object(), "Which groups and people."),
        may("then", list_of(any_object()), "What they get."),
        may("directory_id", nullable(text()), "The directory that it is for."),
        may("position", json!({"type": "integer"}), "Its place."),
        may("state", text(), "Whether it acts."),
    ])
}

/// `mapping_lint`
pub fn lint() -> Value {
    object([
        must("object", word("mapping_lint"), ""),
        must("errors", list_of(finding()), "Why it cannot be saved."),
        must("warnings", list_of(finding()), "What is odd about it."),
    ])
}

/// `mapping_preview`
pub fn preview() -> Value {
    let group = object([
        must("id", id::<DirectoryGroupLabel>(), "The directory group."),
        must("directory_id", id::<DirectoryLabel>(), "Where it comes from."),
        must("display_name", nullable(text()), "Its name."),
        must("excepted", flag(), "Whether its people are out."),
        must("mirror_name", nullable(text()), "The name of the native group."),
        must("mirror_problem", nullable(text()), "Why there would be none."),
    ]);
    let person = object([
        must("id", id::<DirectoryUserLabel>(), "The directory user."),
        must("directory_id", id::<DirectoryLabel>(), "Where they come from."),
        must("user_name", nullable(text()), "The `userName`."),
        must("email", nullable(text()), "The address."),
        must("active", flag(), "Whether they are active."),
    ]);
    let seen = |items| {
        object([
            must("looked_at", count(), "How many were looked at."),
            must("matched", count(), "How many of them match."),
            must("complete", flag(), "Whether all were looked at."),
            must("data", list_of(items), "Some that match."),
        ])
    };
    object([
        must("object", word("mapping_preview"), ""),
        must("groups", seen(group), "Directory groups."),
        must("people", seen(person), "Directory users."),
    ])
}

/// The body of assertions about people.
pub fn assertions() -> Value {
    let claims = |about: &str| {
        let claims = closed([
            may("groups", list_of(text()), "Native groups, by name."),
            may("roles", list_of(text()), "Roles, by slug."),
            may("member", nullable(flag()), "Whether they are a member in force."),
        ]);
        with(claims, "description", about.into())
    };
    let assertion = closed([
        must("person", such_as(text(), "jane@acme.example".into()), "An e-mail of a directory user."),
        may("name", nullable(text()), "What the assertion is called in reports."),
        may("has", claims(""), "What they must have."),
        may("lacks", claims(""), "What they must not have."),
    ]);
    object([
        must("assertions", with(list_of(assertion), "maxItems", json!(1000)), "What is to hold."),
        optional(
            "organization_id",
            id_in_request::<OrganizationLabel>(),
            "The organization; required for a key of the environment.",
        ),
        optional("changes", list_of(super::plans::change()), "Judge as if these changes were applied."),
    ])
}

/// `rule_test`
pub fn test_report() -> Value {
    let result = object([
        must("name", nullable(text()), "What the assertion is called."),
        must("person", text(), "Whom it is about."),
        must("passed", flag(), "Whether it holds."),
        must("failures", list_of(text()), "What is wrong."),
    ]);
    object([
        must("object", word("rule_test"), ""),
        must("passed", count(), "How many hold."),
        must("failed", count(), "How many do not."),
        must("results", list_of(result), "Each of them, in the order of the request."),
    ])
}

/// `mapping_binding`
pub fn binding() -> Value {
    let named_group = |more: Vec<_>| {
        let fields = vec![must("id", id::<GroupLabel>(), "The native group."), must("name", text(), "Its name.")];
        object(fields.into_iter().chain(more))
    };
    let mirrored_by = object([must("id", id::<RuleLabel>(), "The rule."), must("key", text(), "Its handle.")]);
    let directory_group = object([
        must("id", id::<DirectoryGroupLabel>(), "The directory group."),
        must("name", nullable(text()), "Its name."),
        must("directory_id", id::<DirectoryLabel>(), "Where it comes from."),
    ]);
    let chosen = object([
        must("name", nullable(text()), "The name that was chosen."),
        must("group_id", nullable(id::<GroupLabel>()), "The group that was chosen."),
    ]);
    let binding = object([
        must("object", word("mapping_binding"), ""),
        must("id", id::<DirectoryGroupLabel>(), "The id of the directory group."),
        must("organization_id", id::<OrganizationLabel>(), "The organization."),
        must("rule_id", id::<RuleLabel>(), "The rule."),
        must("directory_group", directory_group, "The directory group."),
        must("matched", flag(), "Whether the group is one of the rule's sources."),
        must("excepted", flag(), "Whether its people are out."),
        must("wanted_name", nullable(text()), "The name that the mirror should have."),
        must("state", words(&["made", "adopted", "parked", "unmirrored", "ended"]), "What became of the mirror."),
        must("group", nullable(named_group(vec![])), "The mirror."),
        must(
            "holder",
            nullable(named_group(vec![must("mirrored_by", nullable(mirrored_by), "The rule that mirrors it.")])),
            "The group that has the name.",
        ),
        must("chosen", nullable(chosen), "What an admin decided."),
        must("people", count(), "How many people wait or are in it."),
    ]);
    named("MappingBinding", binding)
}

/// The body that decides about a mirror: exactly one of the fields.
pub fn resolution() -> Value {
    let body = object([
        may("adopt", with(flag(), "const", json!(true)), "The group that has the name becomes the mirror."),
        may("name", text(), "The mirror takes this name."),
        may("clear", with(flag(), "const", json!(true)), "The rule decides again."),
    ]);
    let one_of = ["adopt", "name", "clear"].map(|name| json!({"required": [name]}));
    with(body, "oneOf", json!(one_of))
}
