//! The endpoints of the WorkOS-shaped API with their descriptions.

mod events;

use super::{
    directories, directory_groups, directory_users, group_members, groups, memberships, organization_domains,
    organizations, roles, users,
};
use crate::domain::id::{DirectoryGroupLabel, DirectoryLabel, DirectoryUserLabel, OrganizationLabel, UserLabel};
use crate::http::openapi::schema::{id_in_request, page_of, text, text_up_to, words};
use crate::http::openapi::schemas::{directories as of_directories, native};
use crate::http::openapi::{Endpoints, tags};

/// Every endpoint of the API.
pub fn routes() -> Endpoints {
    organizations()
        .merge(domains())
        .merge(groups())
        .merge(memberships())
        .merge(users())
        .merge(roles())
        .merge(directory_sync())
        .merge(events::routes())
}

fn organizations() -> Endpoints {
    Endpoints::of(&tags::ORGANIZATIONS)
        .get("/organizations", organizations::list, |op| {
            op.id("listOrganizations")
                .summary("List organizations")
                .query("search", text_up_to(256), "Part of the name.")
                .query_many("domains", text(), "Those that have any of these domains.")
                .lists(native::organization())
        })
        .post("/organizations", organizations::create, |op| {
            op.id("createOrganization")
                .summary("Create an organization")
                .about("Needs a key of the environment. The roles `member` and `admin` are made with it.")
                .body(native::new_organization())
                .written(201, "The organization.", native::organization())
                .fails(400, "`external_id_already_used`, `invalid_metadata`.")
                .fails(409, "`domain_already_exists`: another organization has verified one of the domains.")
        })
        .get("/organizations/external_id/{external_id}", organizations::get_by_external_id, |op| {
            op.id("getOrganizationByExternalId").summary("Get an organization by the application's id").answers(
                200,
                "The organization.",
                native::organization(),
            )
        })
        .get("/organizations/{organization}", organizations::get, |op| {
            op.id("getOrganization").summary("Get an organization").answers(
                200,
                "The organization.",
                native::organization(),
            )
        })
        .put("/organizations/{organization}", organizations::update, |op| {
            op.id("updateOrganization")
                .summary("Change an organization")
                .about("Fields that are not sent stay as they are.")
                .optional_body(native::organization_changes())
                .written(200, "The organization.", native::organization())
                .fails(400, "`external_id_already_used`, `stripe_customer_id_already_used`, `invalid_metadata`.")
                .fails(409, "`domain_already_exists`: another organization has verified one of the domains.")
        })
        .delete("/organizations/{organization}", organizations::delete, |op| {
            op.id("deleteOrganization")
                .summary("Delete an organization with everything in it")
                .about("Needs a key of the environment.")
                .written_nothing(200, "It is gone.")
                .written_nothing(202, "It is gone; what is in it is still on its way out.")
        })
}

fn domains() -> Endpoints {
    Endpoints::of(&tags::DOMAINS)
        .post("/organization_domains", organization_domains::create, |op| {
            op.id("createOrganizationDomain")
                .summary("Claim a domain")
                .body(native::new_domain())
                .written(201, "The domain, with what its TXT record must hold.", native::domain())
                .fails(404, "There is no such organization.")
                .fails(409, "`domain_already_exists`: this organization has it, or another one has verified it.")
        })
        .get("/organization_domains/{domain}", organization_domains::get, |op| {
            op.id("getOrganizationDomain").summary("Get a domain").answers(200, "The domain.", native::domain())
        })
        .post("/organization_domains/{domain}/verify", organization_domains::verify, |op| {
            op.id("verifyOrganizationDomain")
                .summary("Look for the TXT record")
                .about(
                    "A domain that the DNS does not prove is still `pending` in the answer, which says why. \
                        When it is proved, everybody who waited for it is linked.",
                )
                .written(201, "The domain.", native::verified_domain())
                .fails(400, "`domain_already_verified`.")
                .fails(409, "`domain_already_exists`: another organization has verified it.")
        })
        .delete("/organization_domains/{domain}", organization_domains::delete, |op| {
            op.id("deleteOrganizationDomain").summary("Give a domain up").written_nothing(204, "It is gone.")
        })
}

fn groups() -> Endpoints {
    Endpoints::of(&tags::GROUPS)
        .get("/organizations/{organization}/groups", groups::list, |op| {
            op.id("listGroups")
                .summary("List the groups of an organization")
                .query("search", text_up_to(256), "Part of the name, or an id.")
                .lists(native::group())
        })
        .post("/organizations/{organization}/groups", groups::create, |op| {
            op.id("createGroup").summary("Create a group").body(native::new_group()).written(
                201,
                "The group.",
                native::group(),
            )
        })
        .get("/organizations/{organization}/groups/{group}", groups::get, |op| {
            op.id("getGroup").summary("Get a group").answers(200, "The group.", native::group())
        })
        .patch("/organizations/{organization}/groups/{group}", groups::update, |op| {
            op.id("updateGroup")
                .summary("Change a group")
                .about("Fields that are not sent stay as they are.")
                .optional_body(native::group_changes())
                .written(200, "The group.", native::group())
                .fails(409, MANAGED)
        })
        .delete("/organizations/{organization}/groups/{group}", groups::delete, |op| {
            op.id("deleteGroup")
                .summary("Delete a group")
                .written_nothing(204, "It is gone.")
                .fails(409, MANAGED)
                .fails(409, "`group_in_use`: a rule in force is about it.")
        })
        .merge(group_members())
}

/// Why a group cannot be changed by hand.
const MANAGED: &str = "`group_managed`: a rule mirrors a directory group into it; the answer names the rule.";

fn group_members() -> Endpoints {
    const BY_RULE: &str = "`member_by_rule`: a rule brings the person into the group; the answer names it.";
    const MEMBERS: &str = "/organizations/{organization}/groups/{group}/organization-memberships";
    Endpoints::of(&tags::GROUPS)
        .get(MEMBERS, group_members::list, |op| {
            op.id("listGroupMembers").summary("List the members of a group").lists(native::group_member())
        })
        .post(MEMBERS, group_members::add, |op| {
            op.id("addGroupMember")
                .summary("Add a member to a group")
                .about("Somebody who is in it already stays in it.")
                .body(native::new_group_member())
                .written(200, "The group.", native::group())
                .fails(409, MANAGED)
        })
        .patch(MEMBERS, group_members::update, |op| {
            op.id("updateGroupMembers")
                .summary("Add and remove members of a group")
                .about("All of it is done, or nothing.")
                .body(native::group_member_changes())
                .written_nothing(204, "It is done.")
                .fails(400, "`group_membership_update_overlap`: somebody is in `add` and in `remove`.")
                .fails(409, MANAGED)
                .fails(409, BY_RULE)
        })
        .delete(
            "/organizations/{organization}/groups/{group}/organization-memberships/{membership}",
            group_members::remove,
            |op| {
                op.id("removeGroupMember")
                    .summary("Remove a member from a group")
                    .about("Somebody who is not in it is passed over.")
                    .written_nothing(204, "They are not in it.")
                    .fails(409, MANAGED)
                    .fails(409, BY_RULE)
            },
        )
}

fn memberships() -> Endpoints {
    const ROLE: &str = "`invalid_role`: the organization has no such role.";
    const DIRECTORY: &str = "`organization_membership_directory_managed`: a directory or a rule decides about it.";
    Endpoints::of(&tags::MEMBERSHIPS)
        .get("/user_management/organization_memberships", memberships::list, |op| {
            op.id("listOrganizationMemberships")
                .summary("List organization memberships")
                .about("By organization, by person, or both; one of them is needed.")
                .query("organization_id", id_in_request::<OrganizationLabel>(), "Those of this organization.")
                .query("user_id", id_in_request::<UserLabel>(), "Those of this person.")
                .query_many(
                    "statuses",
                    words(&["active", "inactive", "pending"]),
                    "The statuses; `active` alone if absent.",
                )
                .lists(native::membership())
                .fails(400, "`missing_user_id_or_organization_id`.")
                .fails(404, "There is no such organization.")
        })
        .get("/user_management/organization_memberships/{membership}", memberships::get, |op| {
            op.id("getOrganizationMembership").summary("Get an organization membership").answers(
                200,
                "The membership.",
                native::membership(),
            )
        })
        .get("/user_management/organization_memberships/{membership}/groups", groups::list_of_membership, |op| {
            op.id("listGroupsOfMembership").summary("List the groups of a membership").lists(native::group())
        })
        .post("/user_management/organization_memberships", memberships::create, |op| {
            op.id("createOrganizationMembership")
                .summary("Make somebody a member")
                .about("An inactive membership of theirs is activated instead, with the given roles.")
                .body(native::new_membership())
                .written(201, "The membership.", native::membership())
                .fails(404, "There is no such organization or user.")
                .fails(409, "`user_already_organization_member`.")
                .fails(422, ROLE)
                .fails(422, DIRECTORY)
        })
        .put("/user_management/organization_memberships/{membership}", memberships::update, |op| {
            op.id("updateOrganizationMembership")
                .summary("Change the roles of a membership")
                .about("Roles that were given by hand are replaced; those that rules grant stay.")
                .optional_body(native::membership_changes())
                .written(200, "The membership.", native::membership())
                .fails(422, ROLE)
        })
        .delete("/user_management/organization_memberships/{membership}", memberships::delete, |op| {
            op.id("deleteOrganizationMembership")
                .summary("Delete a membership")
                .written_nothing(200, "It is gone.")
                .fails(422, DIRECTORY)
        })
        .put("/user_management/organization_memberships/{membership}/deactivate", memberships::deactivate, |op| {
            op.id("deactivateOrganizationMembership")
                .summary("Put a membership out of force")
                .about("Until somebody reactivates it, whatever directories and rules say.")
                .written(200, "The membership.", native::membership())
        })
        .put("/user_management/organization_memberships/{membership}/reactivate", memberships::reactivate, |op| {
            op.id("reactivateOrganizationMembership")
                .summary("Lift a deactivation")
                .written(200, "The membership.", native::membership())
                .fails(422, DIRECTORY)
        })
}

fn users() -> Endpoints {
    Endpoints::of(&tags::USERS)
        .get("/user_management/users", users::list, |op| {
            op.id("listUsers")
                .summary("List users")
                .query("email", text(), "The one with this address.")
                .query("organization_id", id_in_request::<OrganizationLabel>(), "Members of this organization.")
                .query("organization", id_in_request::<OrganizationLabel>(), "Deprecated: the same.")
                .lists(native::user())
                .fails(404, "There is no such organization.")
        })
        .get("/user_management/users/external_id/{external_id}", users::get_by_external_id, |op| {
            op.id("getUserByExternalId").summary("Get a user by the application's id").answers(
                200,
                "The user.",
                native::user(),
            )
        })
        .get("/user_management/users/{user}", users::get, |op| {
            op.id("getUser").summary("Get a user").answers(200, "The user.", native::user())
        })
        .post("/user_management/users", users::create, |op| {
            op.id("createUser")
                .summary("Create a user")
                .about("Needs a key of the environment. Passwords are not kept: Muster signs nobody in.")
                .body(native::new_user())
                .answers(201, "The user.", native::user())
                .fails(400, "`user_creation_error`: another user has the address. `external_id_already_used`, `invalid_metadata`.")
        })
        .put("/user_management/users/{user}", users::update, |op| {
            op.id("updateUser")
                .summary("Change a user")
                .about("Needs a key of the environment. Fields that are not sent stay as they are.")
                .optional_body(native::user_changes())
                .answers(200, "The user.", native::user())
                .fails(400, "`email_not_available`, `external_id_already_used`, `invalid_metadata`.")
                .fails(422, "`user_directory_managed`: a directory leads the account's names and address.")
        })
        .delete("/user_management/users/{user}", users::delete, |op| {
            op.id("deleteUser")
                .summary("Delete a user")
                .about("Needs a key of the environment.")
                .answers_nothing(200, "They are gone, with their memberships.")
                .fails(409, "`user_deletion_not_allowed`: a directory speaks for a membership of theirs.")
        })
}

fn roles() -> Endpoints {
    Endpoints::of(&tags::ROLES)
        .get("/organizations/{organization}/roles", roles::list, |op| {
            op.id("listRoles").summary("List the roles of an organization").about("All on one page.").answers(
                200,
                "The roles.",
                page_of(native::role()),
            )
        })
        .get("/authorization/organizations/{organization}/roles", roles::list, |op| {
            op.id("listOrganizationRoles")
                .summary("List the roles of an organization, where newer SDKs ask")
                .about("All on one page.")
                .answers(200, "The roles.", page_of(native::role()))
        })
}

fn directory_sync() -> Endpoints {
    Endpoints::of(&tags::DIRECTORY_SYNC)
        .get("/directories", directories::list, |op| {
            op.id("listDirectories")
                .summary("List directories")
                .query("organization_id", id_in_request::<OrganizationLabel>(), "Those of this organization.")
                .query("search", text_up_to(256), "Part of the name.")
                .lists(of_directories::directory())
                .fails(404, "There is no such organization.")
        })
        .get("/directories/{directory}", directories::get, |op| {
            op.id("getDirectory").summary("Get a directory").answers(
                200,
                "The directory, with counts.",
                of_directories::counted_directory(),
            )
        })
        .get("/directory_users", directory_users::list, |op| {
            op.id("listDirectoryUsers")
                .summary("List directory users")
                .about("All that the key reaches, unless `directory` or `group` says which.")
                .query("directory", id_in_request::<DirectoryLabel>(), "Those of this directory.")
                .query("group", id_in_request::<DirectoryGroupLabel>(), "Those in this directory group.")
                .query("idp_id", text(), "The one with this id of the identity provider; needs `directory`.")
                .query("email", text(), "Those with this address; needs `directory`.")
                .lists(of_directories::directory_user())
                .fails(404, "There is no such directory or group.")
        })
        .get("/directory_users/{directory_user}", directory_users::get, |op| {
            op.id("getDirectoryUser").summary("Get a directory user").answers(
                200,
                "The directory user.",
                of_directories::directory_user(),
            )
        })
        .get("/directory_groups", directory_groups::list, |op| {
            op.id("listDirectoryGroups")
                .summary("List directory groups")
                .about("All that the key reaches, unless `directory` or `user` says which.")
                .query("directory", id_in_request::<DirectoryLabel>(), "Those of this directory.")
                .query("user", id_in_request::<DirectoryUserLabel>(), "Those that this directory user is in.")
                .lists(of_directories::directory_group())
                .fails(404, "There is no such directory or user.")
        })
        .get("/directory_groups/{directory_group}", directory_groups::get, |op| {
            op.id("getDirectoryGroup").summary("Get a directory group").answers(
                200,
                "The directory group.",
                of_directories::directory_group(),
            )
        })
}
