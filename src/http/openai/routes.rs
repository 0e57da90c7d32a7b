//! The endpoints of the OpenAI-shaped API with their descriptions.

use axum::routing::any;
use serde_json::json;

use super::{group_roles, group_users, groups, roles, users};
use crate::domain::id::{GroupLabel, RoleLabel, UserLabel};
use crate::http::openapi::schema::{id, text, words};
use crate::http::openapi::schemas::openai as of;
use crate::http::openapi::{Endpoints, Operation, tags};

/// Every endpoint of the API.
pub fn routes() -> Endpoints {
    of_groups()
        .merge(of_group_users())
        .merge(of_group_roles())
        .merge(of_roles())
        .merge(of_users())
        .merge(of_user_roles())
        .nowhere("/v1", any(super::no_such_route))
        .nowhere("/v1/{*rest}", any(super::no_such_route))
        .within(|routes| {
            let panics = tower_http::catch_panic::CatchPanicLayer::custom(super::error::panicked);
            routes.method_not_allowed_fallback(super::method_not_allowed).layer(panics)
        })
}

const MANAGED: &str = "`group_scim_managed`: a rule mirrors a directory group into it; the message names the rule.";

/// What every endpoint of the API has: the header that names the organization.
fn of_organization(op: Operation) -> Operation {
    op.header("OpenAI-Organization", "The organization, `org_…`; a key of an organization means its own.")
        .fails(400, "`missing_organization`: a key of the environment that names none.")
        .fails(404, "There is no such organization.")
}

/// The parameters of a list.
fn paged(op: Operation, default: u32, order: &str) -> Operation {
    let limit = json!({"type": "integer", "minimum": 0, "maximum": 1_000, "default": default});
    of_organization(op)
        .query("limit", limit, "How many objects a page has at the most.")
        .query("after", text(), "`next` of the page before.")
        .query("order", words(&["asc", "desc"]), &format!("By age; `{order}` if absent."))
}

fn of_groups() -> Endpoints {
    Endpoints::of(&tags::OPENAI_GROUPS)
        .get("/v1/organization/groups", groups::list, |op| {
            paged(op, 100, "asc").id("listOpenAiGroups").summary("List groups").answers(
                200,
                "A page of groups.",
                of::page_of(of::group()),
            )
        })
        .post("/v1/organization/groups", groups::create, |op| {
            of_organization(op).id("createOpenAiGroup").summary("Create a group").body(of::named_group()).written(
                200,
                "The group.",
                of::group(),
            )
        })
        .get("/v1/organization/groups/{group}", groups::get, |op| {
            of_organization(op).id("getOpenAiGroup").summary("Get a group").answers(200, "The group.", of::group())
        })
        .post("/v1/organization/groups/{group}", groups::update, |op| {
            of_organization(op)
                .id("updateOpenAiGroup")
                .summary("Rename a group")
                .body(of::named_group())
                .written(200, "The group.", of::group())
                .fails(403, MANAGED)
        })
        .delete("/v1/organization/groups/{group}", groups::delete, |op| {
            of_organization(op)
                .id("deleteOpenAiGroup")
                .summary("Delete a group")
                .written(200, "It is gone.", of::gone("group.deleted", Some(id::<GroupLabel>())))
                .fails(400, "`group_in_use`: a rule in force is about it.")
                .fails(403, MANAGED)
        })
}

fn of_group_users() -> Endpoints {
    Endpoints::of(&tags::OPENAI_GROUPS)
        .get("/v1/organization/groups/{group}/users", group_users::list, |op| {
            paged(op, 100, "desc").id("listOpenAiGroupUsers").summary("List the users of a group").answers(
                200,
                "A page of users.",
                of::page_of(of::group_user()),
            )
        })
        .post("/v1/organization/groups/{group}/users", group_users::add, |op| {
            of_organization(op)
                .id("addOpenAiGroupUser")
                .summary("Add a user to a group")
                .body(of::new_group_user())
                .written(200, "They are in it.", of::group_user_added())
                .fails(403, MANAGED)
        })
        .get("/v1/organization/groups/{group}/users/{user}", group_users::get, |op| {
            of_organization(op).id("getOpenAiGroupUser").summary("Get a user of a group").answers(
                200,
                "The user.",
                of::group_user_detail(),
            )
        })
        .delete("/v1/organization/groups/{group}/users/{user}", group_users::remove, |op| {
            of_organization(op)
                .id("removeOpenAiGroupUser")
                .summary("Remove a user from a group")
                .written(200, "They are not in it.", of::gone("group.user.deleted", None))
                .fails(400, "`member_by_rule`: a rule brings the person into the group; the message names it.")
                .fails(403, MANAGED)
        })
}

fn of_group_roles() -> Endpoints {
    Endpoints::of(&tags::OPENAI_GROUPS)
        .get("/v1/organization/groups/{group}/roles", group_roles::list, |op| {
            paged(op, 1_000, "asc").id("listOpenAiGroupRoles").summary("List the roles of a group").answers(
                200,
                "A page of roles.",
                of::page_of(of::assigned_role()),
            )
        })
        .post("/v1/organization/groups/{group}/roles", group_roles::assign, |op| {
            of_organization(op)
                .id("assignOpenAiGroupRole")
                .summary("Give a group a role")
                .about("Everybody who is in the group holds it while they are.")
                .body(of::role_assignment())
                .written(200, "The group has it.", of::group_role())
                .with_headers(200, &["Muster-Run"])
        })
        .get("/v1/organization/groups/{group}/roles/{role}", group_roles::get, |op| {
            of_organization(op).id("getOpenAiGroupRole").summary("Get a role of a group").answers(
                200,
                "The role.",
                of::assigned_role(),
            )
        })
        .delete("/v1/organization/groups/{group}/roles/{role}", group_roles::unassign, |op| {
            of_organization(op).id("unassignOpenAiGroupRole").summary("Take a role from a group").written(
                200,
                "The group has it no more.",
                of::gone("group.role.deleted", None),
            )
        })
}

fn of_roles() -> Endpoints {
    Endpoints::of(&tags::OPENAI_ROLES)
        .get("/v1/organization/roles", roles::list, |op| {
            paged(op, 1_000, "asc").id("listOpenAiRoles").summary("List roles").answers(
                200,
                "A page of roles.",
                of::page_of(of::role()),
            )
        })
        .post("/v1/organization/roles", roles::create, |op| {
            of_organization(op).id("createOpenAiRole").summary("Create a role").body(of::new_role()).written(
                200,
                "The role.",
                of::role(),
            )
        })
        .get("/v1/organization/roles/{role}", roles::get, |op| {
            of_organization(op).id("getOpenAiRole").summary("Get a role").answers(200, "The role.", of::role())
        })
        .post("/v1/organization/roles/{role}", roles::update, |op| {
            of_organization(op)
                .id("updateOpenAiRole")
                .summary("Change a role")
                .optional_body(of::role_changes())
                .written(200, "The role.", of::role())
                .fails(400, "`role_predefined`: every organization has it as it is.")
        })
        .delete("/v1/organization/roles/{role}", roles::delete, |op| {
            of_organization(op)
                .id("deleteOpenAiRole")
                .summary("Delete a role")
                .written(200, "It is gone.", of::gone("role.deleted", Some(id::<RoleLabel>())))
                .fails(400, "`role_predefined`; `role_in_use`: a rule names it, in force or saved.")
        })
}

fn of_users() -> Endpoints {
    Endpoints::of(&tags::OPENAI_USERS)
        .get("/v1/organization/users", users::list, |op| {
            let limit = json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20});
            of_organization(op)
                .id("listOpenAiUsers")
                .summary("List users")
                .query("limit", limit, "How many users a page has at the most.")
                .query("after", text(), "`last_id` of the page before.")
                .query("order", words(&["asc", "desc"]), "By age; `asc` if absent.")
                .query_many("emails", text(), "Those with these addresses.")
                .answers(200, "A page of users.", of::users_page())
        })
        .get("/v1/organization/users/{user}", users::get, |op| {
            of_organization(op).id("getOpenAiUser").summary("Get a user").answers(200, "The user.", of::user())
        })
        .post("/v1/organization/users/{user}", users::update, |op| {
            of_organization(op)
                .id("updateOpenAiUser")
                .summary("Give a user a role instead of those given by hand before")
                .optional_body(of::user_changes())
                .written(200, "The user; with the revision if something was sent.", of::user())
        })
        .delete("/v1/organization/users/{user}", users::delete, |op| {
            of_organization(op)
                .id("deleteOpenAiUser")
                .summary("Take a user out of the organization")
                .about("The account stays: it belongs to the environment.")
                .written(200, "They are out.", of::gone("organization.user.deleted", Some(id::<UserLabel>())))
                .fails(403, "`user_scim_managed`: a directory or a rule speaks for the membership.")
        })
}

fn of_user_roles() -> Endpoints {
    Endpoints::of(&tags::OPENAI_USERS)
        .get("/v1/organization/users/{user}/roles", users::roles, |op| {
            paged(op, 1_000, "asc").id("listOpenAiUserRoles").summary("List the roles of a user").answers(
                200,
                "A page of roles.",
                of::page_of(of::assigned_role()),
            )
        })
        .post("/v1/organization/users/{user}/roles", users::assign_role, |op| {
            of_organization(op)
                .id("assignOpenAiUserRole")
                .summary("Give a user a role")
                .body(of::role_assignment())
                .written(200, "The user has it.", of::user_role())
        })
        .get("/v1/organization/users/{user}/roles/{role}", users::role, |op| {
            of_organization(op).id("getOpenAiUserRole").summary("Get a role of a user").answers(
                200,
                "The role.",
                of::assigned_role(),
            )
        })
        .delete("/v1/organization/users/{user}/roles/{role}", users::unassign_role, |op| {
            of_organization(op)
                .id("unassignOpenAiUserRole")
                .summary("Take a role that was given by hand")
                .written(200, "The user has it by hand no more.", of::gone("user.role.deleted", None))
                .fails(400, "The role comes by a rule or a group; the message says which.")
        })
}
