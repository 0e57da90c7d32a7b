//! How each API tells that something failed.

use serde_json::Value;

use crate::http::openapi::schema::{list_of, may, must, named, nullable, object, text, word, words};
use crate::http::openapi::tags::Face;
use crate::scim::error::ERROR_URN;

/// The body of a failure, as this style has it.
pub(in crate::http::openapi) fn error_of(face: Face) -> Value {
    match face {
        Face::Native | Face::Open => native(),
        Face::OpenAi => openai(),
        Face::Scim => scim(),
    }
}

fn native() -> Value {
    let entry = object([
        must("field", text(), "The field or parameter; empty for the body as a whole."),
        must("code", text(), "What is wrong, for programs."),
        must("message", text(), "What is wrong, for people."),
    ]);
    let error = object([
        must("message", text(), "What was wrong, where, and what to do."),
        must("code", text(), "A stable word for programs."),
        may("entity_id", text(), "What was looked for, with 404."),
        may("errors", list_of(entry), "What is wrong with which field, with 422 and some 400."),
    ]);
    named("Error", error)
}

fn openai() -> Value {
    let error = object([
        must("message", text(), "What was wrong, where, and what to do."),
        must("type", text(), "The kind of failure, such as `invalid_request_error`."),
        must("param", nullable(text()), "The field or parameter."),
        must("code", nullable(text()), "A stable word for programs."),
    ]);
    named("OpenAiError", object([must("error", error, "")]))
}

fn scim() -> Value {
    let types = [
        "invalidFilter",
        "tooMany",
        "uniqueness",
        "mutability",
        "invalidSyntax",
        "invalidPath",
        "noTarget",
        "invalidValue",
        "invalidVers",
        "sensitive",
        "invalidCursor",
        "expiredCursor",
        "invalidCount",
    ];
    let error = object([
        must("schemas", list_of(word(ERROR_URN)), ""),
        must("status", text(), "The HTTP status, as text."),
        must("detail", text(), "What was wrong, where, and what to do."),
        may("scimType", words(&types), "The detail keyword, where the RFC has one for the case."),
    ]);
    named("ScimError", error)
}
