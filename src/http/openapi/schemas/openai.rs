//! The OpenAI-shaped API: groups, their users and roles, roles, users. Times are Unix seconds.

use serde_json::Value;

use crate::domain::id::{GroupLabel, RoleLabel, UserLabel};
use crate::http::openapi::schema::{
    Field, any_object, flag, id, id_in_request, list_of, must, name_up_to, named, nullable, object, optional, such_as,
    text, text_up_to, whole_from, with, word, words,
};

fn seconds() -> Value {
    whole_from(0)
}

/// A page of these objects.
pub fn page_of(items: Value) -> Value {
    object([
        must("object", word("list"), ""),
        must("data", list_of(items), "The objects."),
        must("has_more", flag(), "Whether there are more."),
        must("next", nullable(text()), "The `after` of the next page; null at the end."),
    ])
}

/// `group`
pub fn group() -> Value {
    let group = object([
        must("object", word("group"), ""),
        must("id", id::<GroupLabel>(), "The id."),
        must("name", text(), "The name."),
        must("created_at", seconds(), "When it was made."),
        must("is_scim_managed", flag(), "Whether a rule mirrors a directory group into it."),
        must("group_type", words(&["group", "tenant_group"]), "Always `group`."),
    ]);
    named("OpenAiGroup", group)
}

/// The body that names a group.
pub fn named_group() -> Value {
    object([must("name", such_as(name_up_to(255), "Engineering".into()), "The name.")])
}

/// What tells that something is gone; `with_id` where it says what.
pub fn gone(word_of_it: &str, with_id: Option<Value>) -> Value {
    let mut fields = vec![must("object", word(word_of_it), ""), must("deleted", word_true(), "")];
    fields.extend(with_id.map(|id| must("id", id, "What is gone.")));
    object(fields)
}

fn word_true() -> Value {
    serde_json::json!({"type": "boolean", "const": true})
}

fn person_fields() -> [Field; 3] {
    [
        must("id", id::<UserLabel>(), "The id of the user."),
        must("name", text(), "The name; the address if there is none."),
        must("email", nullable(text()), "The address."),
    ]
}

/// A member of a group, as a list has it.
pub fn group_user() -> Value {
    named("OpenAiGroupUser", object(person_fields()))
}

/// A member of a group, alone.
pub fn group_user_detail() -> Value {
    object(person_fields().into_iter().chain([
        must("picture", nullable(text()), "Always null."),
        must("is_service_account", flag(), "Always false."),
        must("user_type", words(&["user", "tenant_user"]), "Always `user`."),
    ]))
}

/// The body that adds a user to a group.
pub fn new_group_user() -> Value {
    object([must("user_id", id_in_request::<UserLabel>(), "Who joins.")])
}

/// What tells that a user was added.
pub fn group_user_added() -> Value {
    object([
        must("object", word("group.user"), ""),
        must("user_id", id::<UserLabel>(), "Who joined."),
        must("group_id", id::<GroupLabel>(), "What."),
    ])
}

fn role_fields() -> Vec<Field> {
    vec![
        must("id", id::<RoleLabel>(), "The id."),
        must("name", text(), "The name."),
        must("description", nullable(text()), "A sentence about it."),
        must("permissions", list_of(text()), "What it allows, in the application's words."),
        must("resource_type", text(), "Always `api.organization`."),
        must("predefined_role", flag(), "Whether it came with the organization."),
    ]
}

/// `role`
pub fn role() -> Value {
    let fields = std::iter::once(must("object", word("role"), "")).chain(role_fields());
    named("OpenAiRole", object(fields))
}

/// A role that was assigned.
pub fn assigned_role() -> Value {
    let source = object([
        must("principal_id", text(), "The id of the user or group."),
        must("principal_type", words(&["user", "group"]), "What it is."),
    ]);
    let more = [
        must("created_at", nullable(seconds()), "When the role was made."),
        must("updated_at", nullable(seconds()), "When it last changed."),
        must("created_by", nullable(text()), "The key that made it."),
        must("created_by_user_obj", nullable(any_object()), "Always null."),
        must("metadata", nullable(any_object()), "Always null."),
        must(
            "assignment_sources",
            nullable(list_of(source)),
            "By whom it comes, where groups are among them; null for a role that is assigned directly.",
        ),
    ];
    named("OpenAiAssignedRole", object(role_fields().into_iter().chain(more)))
}

fn permissions() -> Value {
    with(list_of(such_as(name_up_to(255), "api.groups.read".into())), "maxItems", 1_000.into())
}

/// The body that makes a role.
pub fn new_role() -> Value {
    object([
        must("role_name", such_as(name_up_to(255), "Deployer".into()), "The name."),
        must("permissions", permissions(), "What it allows, in the application's words."),
        optional("description", text_up_to(1_000), "A sentence about it."),
    ])
}

/// The body that changes a role.
pub fn role_changes() -> Value {
    object([
        optional("role_name", name_up_to(255), "The name."),
        optional("permissions", permissions(), "What it allows."),
        optional("description", text_up_to(1_000), "A sentence about it; null takes it away."),
    ])
}

/// The body that assigns a role.
pub fn role_assignment() -> Value {
    object([must("role_id", id_in_request::<RoleLabel>(), "The role.")])
}

/// What tells that a group has a role.
pub fn group_role() -> Value {
    let group = object([
        must("object", word("group"), ""),
        must("id", id::<GroupLabel>(), "The id."),
        must("name", text(), "The name."),
        must("created_at", seconds(), "When it was made."),
        must("scim_managed", flag(), "Whether a rule mirrors a directory group into it."),
    ]);
    object([must("object", word("group.role"), ""), must("group", group, ""), must("role", role(), "")])
}

/// `organization.user`
pub fn user() -> Value {
    let fields = std::iter::once(must("object", word("organization.user"), "")).chain(person_fields()).chain([
        must("role", words(&["owner", "reader"]), "`owner` for whoever holds the role `admin`."),
        must("added_at", seconds(), "When they became a member."),
        must("is_scim_managed", flag(), "Whether a directory user is linked to them."),
        must("is_service_account", flag(), "Always false."),
    ]);
    named("OpenAiUser", object(fields))
}

/// A page of users.
pub fn users_page() -> Value {
    object([
        must("object", word("list"), ""),
        must("data", list_of(user()), "The users."),
        must("has_more", flag(), "Whether there are more."),
        must("first_id", nullable(text()), "The id of the first."),
        must("last_id", nullable(text()), "The id of the last: the `after` of the next page."),
    ])
}

/// The body that changes a user.
pub fn user_changes() -> Value {
    object([
        optional("role", words(&["owner", "reader"]), "`owner` for the role `admin`, `reader` for `member`."),
        optional("role_id", id_in_request::<RoleLabel>(), "Any other role; not together with `role`."),
    ])
}

/// What tells that a user has a role.
pub fn user_role() -> Value {
    object([must("object", word("user.role"), ""), must("user", user(), ""), must("role", role(), "")])
}
