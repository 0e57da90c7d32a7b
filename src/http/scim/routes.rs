//! The SCIM endpoints with their descriptions: one base URL for each directory.

use axum::routing::any;

use super::{bulk, discovery, resources, search};
use crate::http::openapi::schema::{text, words};
use crate::http::openapi::schemas::scim;
use crate::http::openapi::{Endpoints, Operation, tags};

/// Every endpoint, without the middleware.
pub fn routes() -> Endpoints {
    discovery().merge(searches()).merge(resources()).nowhere("/scim/{*rest}", any(super::no_such_route))
}

fn discovery() -> Endpoints {
    let found =
        |op: Operation| op.answers(200, "The document.", scim::discovery()).fails(403, "Discovery cannot be filtered.");
    Endpoints::of(&tags::SCIM)
        .get("/scim/v2/{directory}/ServiceProviderConfig", discovery::service_provider_config, move |op| {
            found(op.id("scimServiceProviderConfig").summary("What the server can do"))
        })
        .get("/scim/v2/{directory}/ResourceTypes", discovery::resource_types, move |op| {
            found(op.id("scimResourceTypes").summary("The resource types of the directory"))
        })
        .get("/scim/v2/{directory}/ResourceTypes/{name}", discovery::resource_type, move |op| {
            found(op.id("scimResourceType").summary("One resource type"))
        })
        .get("/scim/v2/{directory}/Schemas", discovery::schemas, move |op| {
            found(op.id("scimSchemas").summary("The schemas of the directory"))
        })
        .get("/scim/v2/{directory}/Schemas/{urn}", discovery::schema, move |op| {
            found(op.id("scimSchema").summary("One schema"))
        })
        .any("/scim/v2/{directory}/Me", discovery::me, |op| {
            op.id("scimMe")
                .summary("Not supported")
                .about("A token is a directory's, not a person's.")
                .fails(501, "Always.")
        })
}

fn queried(op: Operation) -> Operation {
    shaped(op)
        .query("filter", text(), "Which resources: the grammar of RFC 7644 section 3.4.2.2.")
        .query("sortBy", text(), "The attribute to sort by.")
        .query("sortOrder", words(&["ascending", "descending"]), "The direction.")
        .query("startIndex", serde_json::json!({"type": "integer"}), "The place of the first one, from 1.")
        .query("count", serde_json::json!({"type": "integer"}), "How many at the most.")
        .query("cursor", text(), "Empty to begin paging by cursor (RFC 9865), then `nextCursor`.")
        .answers(200, "A list response.", scim::list())
}

fn shaped(op: Operation) -> Operation {
    op.query("attributes", text(), "Only these attributes, joined by commas.").query(
        "excludedAttributes",
        text(),
        "All but these attributes.",
    )
}

fn searches() -> Endpoints {
    let posted = |op: Operation| op.body(scim::search()).answers(200, "A list response.", scim::list());
    Endpoints::of(&tags::SCIM)
        .get("/scim/v2/{directory}", search::over_all, |op| {
            queried(op.id("scimQueryAll").summary("Query all resource types"))
        })
        .post("/scim/v2/{directory}/.search", search::post_over_all, move |op| {
            posted(op.id("scimSearchAll").summary("Query all resource types, by body"))
        })
        .get("/scim/v2/{directory}/{endpoint}", search::over_one, |op| {
            queried(op.id("scimQuery").summary("Query one resource type"))
        })
        .post("/scim/v2/{directory}/{endpoint}/.search", search::post_over_one, move |op| {
            posted(op.id("scimSearch").summary("Query one resource type, by body"))
        })
}

fn resources() -> Endpoints {
    const VERSIONED: [&str; 2] = ["ETag", "Location"];
    const TAKEN: &str = "`uniqueness`: another resource has a value that must be unique.";
    const CHANGED: &str = "The resource has another version than `If-Match` says.";
    const IF_MATCH: &str = "The version that the resource must have.";
    let written = |op: Operation, status| {
        op.written(status, "The resource.", scim::resource())
            .with_headers(status, &VERSIONED)
            .with_headers(status, &["Muster-Run"])
    };
    Endpoints::of(&tags::SCIM)
        .post("/scim/v2/{directory}/{endpoint}", resources::create, move |op| {
            written(shaped(op.id("scimCreate").summary("Create a resource")).body(scim::sent_resource()), 201).fails(409, TAKEN)
        })
        .get("/scim/v2/{directory}/{endpoint}/{id}", resources::read, |op| {
            shaped(op.id("scimGet").summary("Read a resource"))
                .header("If-None-Match", "The version that the client has.")
                .answers(200, "The resource.", scim::resource())
                .with_headers(200, &VERSIONED)
                .answers_nothing(304, "The client has it already.")
        })
        .put("/scim/v2/{directory}/{endpoint}/{id}", resources::replace, move |op| {
            written(shaped(op.id("scimReplace").summary("Replace a resource")).header("If-Match", IF_MATCH), 200)
                .about("`active` and `members` that are left out stay as they are; other attributes are cleared.")
                .body(scim::sent_resource())
                .fails(409, TAKEN)
                .fails(412, CHANGED)
        })
        .patch("/scim/v2/{directory}/{endpoint}/{id}", resources::patch, move |op| {
            written(shaped(op.id("scimPatch").summary("Change a resource")).header("If-Match", IF_MATCH), 200)
                .about("All operations are done, or none. A group answers 204 unless `attributes` or `excludedAttributes` is given.")
                .body(scim::patch())
                .written_nothing(204, "It is done.")
                .with_headers(204, &["ETag", "Muster-Run"])
                .fails(409, TAKEN)
                .fails(412, CHANGED)
        })
        .delete("/scim/v2/{directory}/{endpoint}/{id}", resources::delete, |op| {
            op.id("scimDelete")
                .summary("Delete a resource")
                .header("If-Match", IF_MATCH)
                .written_nothing(204, "It is gone.")
                .with_headers(204, &["Muster-Run"])
                .fails(412, CHANGED)
        })
        .post("/scim/v2/{directory}/Bulk", bulk::run, |op| {
            op.id("scimBulk")
                .summary("Many requests in one")
                .body(scim::bulk())
                .written(200, "What came of each.", scim::bulk_response())
        })
}
