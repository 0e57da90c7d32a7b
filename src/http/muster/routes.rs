//! The endpoints of Muster's own API with their descriptions. Directories are read through the WorkOS-shaped one.

use super::{
    audit, collisions, directories, explain, keys, links, plans, portal, requests, rule_drafts, rule_tests, rules,
    runs, status, tokens,
};
use crate::domain::id::{DirectoryLabel, DirectoryUserLabel, GroupLabel, MembershipLabel, OrganizationLabel};
use crate::http::openapi::schema::{either, id_in_request, page_of, text, text_up_to, time, whole_from, word, words};
use crate::http::openapi::schemas::{
    audit as of_audit, directories as of_directories, explanations, keys as of_keys, plans as of_plans,
    rules as of_rules, runs as of_runs, status as of_status,
};
use crate::http::openapi::{Endpoints, Operation, tags};

/// Every endpoint of the API.
pub fn routes() -> Endpoints {
    directories()
        .merge(tokens())
        .merge(rules())
        .merge(drafts())
        .merge(bindings())
        .merge(plans())
        .merge(runs())
        .merge(explanations())
        .merge(links())
        .merge(status())
        .merge(keys())
        .merge(portal())
        .merge(audit())
}

const WOULD_PARK: &str =
    "`guard_would_park`: it takes something away from many. The answer has the plan to look at and apply.";

fn in_organization(op: Operation) -> Operation {
    op.query(
        "organization_id",
        id_in_request::<OrganizationLabel>(),
        "The organization; required for a key of the environment.",
    )
}

fn directories() -> Endpoints {
    Endpoints::of(&tags::DIRECTORIES)
        .post("/directories", directories::create, |op| {
            op.id("createDirectory")
                .summary("Create a directory")
                .body(of_directories::new_directory())
                .written(201, "The directory, with where the identity provider connects.", of_directories::directory())
                .fails(404, "There is no such organization.")
        })
        .patch("/directories/{directory}", directories::update, |op| {
            op.id("updateDirectory")
                .summary("Change a directory")
                .body(of_directories::directory_changes())
                .written(200, "The directory.", of_directories::directory())
                .fails(409, "`schema_in_use`: there are resources of a type or schema that would go.")
        })
        .post("/directories/{directory}/pause", directories::pause, |op| {
            op.id("pauseDirectory")
                .summary("Let the native side wait")
                .about("Facts are still taken in; leavers are still suspended at once.")
                .written(200, "The directory.", of_directories::directory())
                .fails(409, "`directory_deleting`: it is being removed.")
        })
        .post("/directories/{directory}/resume", directories::resume, |op| {
            op.id("resumeDirectory")
                .summary("Let the native side catch up")
                .answers(
                    200,
                    "The directory, or the plan that somebody has to look at and apply.",
                    either([of_directories::directory(), of_plans::plan()]),
                )
                .fails(409, "`directory_deleting`: it is being removed.")
        })
        .delete("/directories/{directory}", directories::remove, |op| {
            op.id("removeDirectory")
                .summary("Remove a directory")
                .query("origins", of_plans::origins(), "What becomes of what it gave: it ends, or stays as manual.")
                .answers(202, "The run that removes it.", of_runs::run())
                .fails(409, WOULD_PARK)
        })
}

fn tokens() -> Endpoints {
    Endpoints::of(&tags::TOKENS)
        .get("/directories/{directory}/tokens", tokens::list, |op| {
            op.id("listScimTokens").summary("List the tokens of a directory").lists(of_keys::token())
        })
        .post("/directories/{directory}/tokens", tokens::create, |op| {
            op.id("createScimToken").summary("Create a token").body(of_keys::new_token()).answers(
                201,
                "The token. Only this answer shows it.",
                of_keys::shown_token(),
            )
        })
        .post("/directories/{directory}/tokens/{token}/rotate", tokens::rotate, |op| {
            op.id("rotateScimToken")
                .summary("Replace a token by a new one")
                .about("Of the same name and networks. The old one goes on working for `overlap_hours`, or until its own end.")
                .optional_body(of_keys::rotation())
                .answers(201, "The new token. Only this answer shows it.", of_keys::shown_token())
                .fails(409, "`token_replaced`: it was rotated already: rotate its successor or, if that was revoked, create a token.")
        })
        .delete("/directories/{directory}/tokens/{token}", tokens::revoke, |op| {
            op.id("revokeScimToken").summary("Revoke a token").answers_nothing(204, "It works no more.")
        })
}

fn rules() -> Endpoints {
    Endpoints::of(&tags::RULES)
        .get("/mapping_rules", rules::list, |op| {
            in_organization(op.id("listMappingRules").summary("List mapping rules, by position"))
                .answers(200, "All rules, on one page.", page_of(of_rules::rule()))
                .fails(404, "There is no such organization.")
        })
        .post("/mapping_rules", rules::create, |op| {
            op.id("createMappingRule")
                .summary("Save a new mapping rule")
                .about("With `apply` it is put in force in the same call; a large one as a run.")
                .body(of_rules::new_rule())
                .written(201, "The rule, with what is odd about it.", of_rules::saved_rule())
                .fails(404, "There is no such organization.")
                .fails(409, "`key_already_used`: another rule has the key.")
                .fails(409, WOULD_PARK)
        })
        .post("/mapping_rules/reorder", rules::reorder, |op| {
            op.id("reorderMappingRules")
                .summary("Put all mapping rules into an order")
                .body(of_rules::new_order())
                .written(200, "All rules, on one page.", page_of(of_rules::rule()))
                .fails(404, "There is no such organization.")
                .fails(409, "`unapplied_edits`: a rule has a version that was never applied.")
                .fails(409, WOULD_PARK)
        })
        .get("/mapping_rules/{rule}", rules::get, |op| {
            op.id("getMappingRule")
                .summary("Get a mapping rule")
                .query("version", whole_from(1), "As this version says; the newest if absent.")
                .answers(200, "The rule.", of_rules::rule())
        })
        .patch("/mapping_rules/{rule}", rules::update, |op| {
            op.id("updateMappingRule")
                .summary("Save a new version of a mapping rule")
                .body(of_rules::rule_changes())
                .written(200, "The rule, with what is odd about it.", of_rules::saved_rule())
                .fails(409, "`version_conflict`: the same field was changed since. `rule_is_being_deleted`. `key_already_used`.")
                .fails(409, WOULD_PARK)
        })
        .delete("/mapping_rules/{rule}", rules::delete, |op| {
            op.id("deleteMappingRule")
                .summary("Delete a mapping rule")
                .query("origins", of_plans::origins(), "What becomes of what it gave: it ends, or stays as manual.")
                .written(202, "The run that deletes it, where that takes long.", of_runs::run())
                .written_nothing(204, "It is gone.")
                .fails(409, WOULD_PARK)
        })
        .get("/mapping_rules/{rule}/versions", rules::versions, |op| {
            op.id("listMappingRuleVersions")
                .summary("List the versions of a mapping rule, newest first")
                .query("after", whole_from(1), "The number of a version: those before it.")
                .query("limit", serde_json::json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 10}), "How many.")
                .answers(200, "A page of the list.", page_of(of_rules::version()))
        })
}

fn drafts() -> Endpoints {
    Endpoints::of(&tags::RULES)
        .post("/mapping_rules/lint", rule_drafts::lint, |op| {
            op.id("lintMappingRule")
                .summary("Look at a draft")
                .reads()
                .body(of_rules::draft())
                .answers(200, "Why it cannot be saved, and what is odd about it.", of_rules::lint())
                .fails(404, "There is no such organization.")
        })
        .post("/mapping_rules/preview", rule_drafts::preview, |op| {
            op.id("previewMappingRule")
                .summary("See whom a draft would be about")
                .reads()
                .body(of_rules::draft())
                .answers(200, "Some of the groups and people that match.", of_rules::preview())
                .fails(404, "There is no such organization.")
        })
        .post("/mapping_rules/test", rule_tests::test, |op| {
            op.id("testMappingRules")
                .summary("Judge assertions about people")
                .about("Under the rules in force, or as if changes were applied. Nothing is written.")
                .reads()
                .body(of_rules::assertions())
                .answers(200, "Which assertions hold.", of_rules::test_report())
                .fails(404, "There is no such organization.")
        })
}

fn bindings() -> Endpoints {
    let states = || words(&["made", "adopted", "parked", "unmirrored"]);
    Endpoints::of(&tags::RULES)
        .get("/mapping_rules/{rule}/bindings", collisions::list, move |op| {
            op.id("listMappingBindings")
                .summary("List what a rule made of directory groups")
                .query("state", states(), "Only those whose mirror stands so.")
                .lists(of_rules::binding())
        })
        .post("/mapping_rules/{rule}/bindings/{directory_group}/resolve", collisions::resolve, |op| {
            op.id("resolveMappingBinding")
                .summary("Decide about a mirror whose name is taken")
                .body(of_rules::resolution())
                .written(200, "The binding.", of_rules::binding())
                .fails(409, "`not_parked`, `group_managed`, `name_taken`.")
        })
}

fn effects_query(op: Operation) -> Operation {
    op.query("kind", of_plans::kinds(), "Only effects of this kind.")
        .query("group_id", id_in_request::<GroupLabel>(), "Only those on this native group.")
        .query("membership_id", id_in_request::<MembershipLabel>(), "Only those on this membership.")
}

fn plans() -> Endpoints {
    Endpoints::of(&tags::PLANS)
        .post("/mapping_plans", plans::create, |op| {
            op.id("createMappingPlan")
                .summary("See what changes would do")
                .body(of_plans::new_plan())
                .answers(201, "The plan.", of_plans::plan())
                .fails(404, "There is no such organization, rule or directory.")
                .fails(409, "`run_in_progress`, `unapplied_edits`, `rule_is_being_deleted`, `key_already_used`.")
        })
        .get("/mapping_plans/{plan}", plans::get, |op| {
            op.id("getMappingPlan").summary("Get a plan").answers(200, "The plan.", of_plans::plan())
        })
        .get("/mapping_plans/{plan}/effects", plans::effects, |op| {
            effects_query(op.id("listMappingPlanEffects").summary("List who gains and loses what"))
                .lists(of_plans::effect())
        })
        .post("/mapping_plans/{plan}/apply", plans::apply, |op| {
            op.id("applyMappingPlan")
                .summary("Apply a plan")
                .about("Exactly what the plan says is done, or nothing.")
                .answers(200, "The run that applies it; finished where the plan is small.", of_runs::run())
                .fails(
                    409,
                    "`plan_stale`: facts or rules have moved; make a new plan. `plan_applied`. `run_in_progress`.",
                )
        })
}

fn runs() -> Endpoints {
    Endpoints::of(&tags::RUNS)
        .get("/sync_runs", runs::list, |op| {
            op.id("listSyncRuns")
                .summary("List runs")
                .query("organization_id", id_in_request::<OrganizationLabel>(), "Those of this organization.")
                .query_many("state", of_runs::states(), "Only runs that stand so.")
                .query_many("kind", of_runs::kinds(), "Only runs of this kind.")
                .query("directory_id", id_in_request::<DirectoryLabel>(), "Only those of this directory's guard.")
                .lists(of_runs::run())
                .fails(404, "There is no such organization.")
        })
        .post("/sync_runs", runs::create, |op| {
            op.id("createSyncRun")
                .summary("Begin a run")
                .body(of_runs::new_run())
                .written(201, "The run.", of_runs::run())
                .fails(404, "There is no such organization.")
                .fails(409, "`run_in_progress`: one of this kind is under way.")
        })
        .get("/sync_runs/{run}", runs::get, |op| {
            op.id("getSyncRun").summary("Get a run").answers(200, "The run.", of_runs::run())
        })
        .get("/sync_runs/{run}/effects", runs::effects, |op| {
            effects_query(op.id("listSyncRunEffects").summary("List the effects of a run"))
                .about("What a guard's run gathered, the differences that a verification found, or the effects of the plan \
                        that was applied. Runs of other kinds only count theirs.")
                .query_many("state", of_runs::parked_states(), "Of a guard's run: only effects that stand so.")
                .lists(of_runs::effect())
        })
        .post("/sync_runs/{run}/approve", runs::approve, |op| {
            op.id("approveSyncRun")
                .summary("Let parked removals happen")
                .optional_body(of_runs::decision())
                .written(200, "The run.", of_runs::run())
                .fails(409, "`run_in_progress`, `nothing_to_decide`, `plan_gone`.")
        })
        .post("/sync_runs/{run}/reject", runs::reject, |op| {
            op.id("rejectSyncRun")
                .summary("Refuse parked removals")
                .optional_body(of_runs::decision())
                .written(200, "The run.", of_runs::run())
                .fails(409, "`run_in_progress`, `nothing_to_decide`, `effect_approved`.")
        })
        .post("/sync_runs/{run}/cancel", runs::cancel, |op| {
            op.id("cancelSyncRun")
                .summary("Stop a run after its chunk")
                .written(200, "The run.", of_runs::run())
                .fails(409, "`run_finished`, `run_awaits_decision`.")
        })
}

fn explanations() -> Endpoints {
    Endpoints::of(&tags::EXPLAIN).get("/explain", explain::get, |op| {
        op.id("explain")
            .summary("Why, why not, why no longer")
            .about("For one person, a membership or a directory user, and one thing: a group, a role, or the membership itself.")
            .query("organization_membership_id", id_in_request::<MembershipLabel>(), "The person, by membership.")
            .query("directory_user_id", id_in_request::<DirectoryUserLabel>(), "The person, by directory user.")
            .query("group_id", id_in_request::<GroupLabel>(), "The native group.")
            .query("role_slug", text(), "The role.")
            .query("membership", word("true"), "The membership itself.")
            .answers(200, "The explanation.", explanations::explanation())
            .fails(404, "There is no such person, group or role.")
    })
}

fn links() -> Endpoints {
    let person = |op: Operation| op.written(200, "The link.", explanations::link());
    Endpoints::of(&tags::LINKS)
        .get("/identity_links", links::list, |op| {
            in_organization(op.id("listIdentityLinks").summary("List identity links"))
                .query("state", explanations::link_states(), "Only links that stand so.")
                .query("directory_id", id_in_request::<DirectoryLabel>(), "Only people of this directory.")
                .query("search", text_up_to(256), "Part of the `userName` or address.")
                .lists(explanations::link())
                .fails(404, "There is no such organization.")
        })
        .post("/identity_links/{directory_user}/confirm", links::confirm, move |op| {
            person(op.id("confirmIdentityLink").summary("Link a directory user to an account"))
                .optional_body(explanations::confirmation())
                .fails(409, "`already_linked`, `directory_paused`.")
        })
        .post("/identity_links/{directory_user}/refuse", links::refuse, move |op| {
            person(op.id("refuseIdentityLink").summary("Refuse a link"))
                .fails(409, "`already_linked`, `directory_paused`.")
        })
        .post("/identity_links/{directory_user}/reopen", links::reopen, move |op| {
            person(op.id("reopenIdentityLink").summary("Decide about a refused link again"))
                .fails(409, "`already_linked`, `directory_paused`.")
        })
        .post("/identity_links/{directory_user}/unlink", links::unlink, move |op| {
            person(op.id("unlinkIdentity").summary("End a link")).fails(409, "`not_linked`, `directory_paused`.")
        })
}

fn status() -> Endpoints {
    Endpoints::of(&tags::STATUS)
        .get("/directories/{directory}/sync_status", status::sync_status, |op| {
            op.id("getSyncStatus").summary("Is the directory in sync?").answers(
                200,
                "How the directory stands.",
                of_status::sync_status(),
            )
        })
        .get("/directories/{directory}/groups_status", status::groups_status, |op| {
            op.id("listGroupStatus")
                .summary("What rules made of each directory group")
                .query(
                    "state",
                    of_status::group_filters(),
                    "Only groups that stand so; `pending`: with members who are not known.",
                )
                .query("search", text_up_to(256), "Part of the name.")
                .lists(of_status::group_status())
        })
        .get("/directories/{directory}/requests", requests::list, |op| {
            op.id("listScimRequests")
                .summary("List the requests of the identity provider")
                .query_many("status", text(), "A status such as `404`, or a class such as `4xx`.")
                .query_many("method", text(), "The HTTP method.")
                .query("resource_id", text(), "Those about this resource.")
                .query("since", time(), "Those since then.")
                .lists(of_status::request())
        })
        .get("/directories/{directory}/requests/{request}", requests::get, |op| {
            op.id("getScimRequest").summary("Get a request, with its body and the events that it caused").answers(
                200,
                "The request.",
                of_status::whole_request(),
            )
        })
}

fn keys() -> Endpoints {
    Endpoints::of(&tags::KEYS)
        .get("/api_keys", keys::list, |op| {
            op.id("listApiKeys")
                .summary("List API keys")
                .query("organization_id", id_in_request::<OrganizationLabel>(), "Those of this organization.")
                .lists(of_keys::key())
                .fails(404, "There is no such organization.")
        })
        .post("/api_keys", keys::create, |op| {
            op.id("createApiKey")
                .summary("Create an API key")
                .body(of_keys::new_key())
                .answers(201, "The key. Only this answer shows it.", of_keys::shown_key())
                .fails(404, "There is no such organization.")
        })
        .delete("/api_keys/{key}", keys::revoke, |op| {
            op.id("revokeApiKey").summary("Revoke an API key").answers_nothing(204, "It works no more.")
        })
}

fn portal() -> Endpoints {
    Endpoints::of(&tags::PORTAL).post("/portal/generate_link", portal::generate_link, |op| {
        op.id("generatePortalLink")
            .summary("Make a link to an organization's portal")
            .about(
                "It works once and for five minutes, and opens the console for this organization only, for two hours.",
            )
            .body(of_keys::new_portal_link())
            .answers(201, "The link. Only this answer shows it.", of_keys::portal_link())
            .fails(404, "There is no such organization.")
    })
}

fn audit() -> Endpoints {
    let organization = "The organization; all of them and the environment if absent, for a key of the environment.";
    Endpoints::of(&tags::AUDIT)
        .get("/audit_events", audit::list, move |op| {
            op.id("listAuditEvents")
                .summary("List what admins did, newest first")
                .query("organization_id", id_in_request::<OrganizationLabel>(), organization)
                .query("actor", text_up_to(256), "Only by the key, operator or guest with this id.")
                .query("action", text_up_to(256), "Only this operation, e.g. `createMappingRule`.")
                .lists(of_audit::event())
                .fails(404, "There is no such organization.")
        })
        .get("/audit_events/check", audit::check, |op| {
            op.id("checkAuditEvents")
                .summary("Check that no entry was changed or removed")
                .about("Every digest of the chain is computed again, from the first entry on.")
                .query(
                    "organization_id",
                    id_in_request::<OrganizationLabel>(),
                    "Whose chain; that of the environment if absent, for a key of the environment.",
                )
                .answers(200, "What was found.", of_audit::check())
                .fails(404, "There is no such organization.")
        })
}
