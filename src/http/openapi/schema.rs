//! JSON Schemas in few words: the constructors that the descriptions of bodies are written with.
//!
//! A schema is a JSON value. [`named`] ones become components of the document and are referred to; all others stay
//! where they are.

#![expect(clippy::needless_pass_by_value, reason = "schemas are put together from schemas that nobody else needs")]

use serde_json::{Map, Value, json};

use crate::domain::id::Identified;

/// The key of the name of a component; the document takes it out.
pub(super) const NAME: &str = "x-name";
/// The key of its schema.
pub(super) const SCHEMA: &str = "x-schema";

/// A field of an object.
pub struct Field {
    name: &'static str,
    required: bool,
    schema: Value,
}

/// A field that is always there, or that must be sent.
pub fn must(name: &'static str, schema: Value, about: &str) -> Field {
    Field { name, required: true, schema: described(schema, about) }
}

/// A field that may be absent.
pub fn may(name: &'static str, schema: Value, about: &str) -> Field {
    Field { name, required: false, schema: described(schema, about) }
}

/// A field of a request that may be absent; null is as good.
pub fn optional(name: &'static str, schema: Value, about: &str) -> Field {
    may(name, nullable(schema), about)
}

/// An object with these fields. Others may be there too: servers ignore them, and clients should.
pub fn object(fields: impl IntoIterator<Item = Field>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        if field.required {
            required.push(field.name);
        }
        properties.insert(field.name.to_owned(), field.schema);
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// An object that refuses fields it does not know.
pub fn closed(fields: impl IntoIterator<Item = Field>) -> Value {
    with(object(fields), "additionalProperties", json!(false))
}

/// A schema that the document keeps once, under this name.
pub fn named(name: &str, schema: Value) -> Value {
    json!({NAME: name, SCHEMA: schema})
}

/// The fields of an object schema, and some more.
pub fn extended(schema: &Value, more: impl IntoIterator<Item = Field>) -> Value {
    let mut base = schema.get(SCHEMA).unwrap_or(schema).clone();
    for field in more {
        if field.required
            && let Some(required) = base["required"].as_array_mut()
        {
            required.push(field.name.into());
        }
        base["properties"][field.name] = field.schema;
    }
    base
}

/// Text.
pub fn text() -> Value {
    json!({"type": "string"})
}

/// Text of so many characters at the most.
pub fn text_up_to(characters: u32) -> Value {
    json!({"type": "string", "maxLength": characters})
}

/// Text that is not empty, of so many characters at the most.
pub fn name_up_to(characters: u32) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": characters})
}

/// One of these words.
pub fn words(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// This word.
pub fn word(word: &str) -> Value {
    json!({"type": "string", "const": word})
}

/// True or false.
pub fn flag() -> Value {
    json!({"type": "boolean"})
}

/// A whole number from `least` on.
pub fn whole_from(least: i64) -> Value {
    json!({"type": "integer", "minimum": least})
}

/// A number of things.
pub fn count() -> Value {
    whole_from(0)
}

/// A time, UTC with milliseconds.
pub fn time() -> Value {
    json!({"type": "string", "format": "date-time", "examples": ["2026-01-15T12:00:00.000Z"]})
}

/// An id of a `T`.
pub fn id<T: Identified>() -> Value {
    id_with(T::PREFIX)
}

/// An id with this prefix.
pub fn id_with(prefix: &str) -> Value {
    json!({
        "type": "string",
        "pattern": format!("^{prefix}[0-7][0-9A-HJKMNP-TV-Z]{{25}}$"),
        "examples": [format!("{prefix}01JZ3T9XQ8V5M2K7N4R6W0YBCD")],
    })
}

/// An id in a request: one that is no id names nothing, and is answered 404 rather than refused for its form.
pub fn id_in_request<T: Identified>() -> Value {
    json!({"type": "string", "examples": [format!("{}01JZ3T9XQ8V5M2K7N4R6W0YBCD", T::PREFIX)]})
}

/// What may also be null.
pub fn nullable(schema: Value) -> Value {
    let kind = schema.get("type").and_then(Value::as_str).map(str::to_owned);
    match kind {
        Some(kind) if schema.get("const").is_none() => {
            let mut schema = with(schema, "type", json!([kind, "null"]));
            if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
                values.push(Value::Null);
            }
            schema
        }
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

/// An array.
pub fn list_of(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// An object whose keys are free.
pub fn map_of(values: Value) -> Value {
    json!({"type": "object", "additionalProperties": values})
}

/// An object that is not described further.
pub fn any_object() -> Value {
    json!({"type": "object"})
}

/// Any JSON.
pub fn anything() -> Value {
    json!({})
}

/// One of several.
pub fn either(schemas: impl IntoIterator<Item = Value>) -> Value {
    json!({"anyOf": schemas.into_iter().collect::<Vec<_>>()})
}

/// The schema with one keyword more, or another value of it.
pub fn with(mut schema: Value, keyword: &str, value: Value) -> Value {
    schema[keyword] = value;
    schema
}

/// An example, for people and for the page.
pub fn such_as(schema: Value, example: Value) -> Value {
    with(schema, "examples", json!([example]))
}

fn described(schema: Value, about: &str) -> Value {
    if about.is_empty() { schema } else { with(schema, "description", about.into()) }
}

/// The list envelope of a page.
pub fn page_of(items: Value) -> Value {
    let cursor = |about| must("", nullable(text()), about).schema;
    object([
        must("object", word("list"), ""),
        must("data", list_of(items), "The objects of the page."),
        must(
            "list_metadata",
            object([
                Field { name: "before", required: true, schema: cursor("Give it as `before` for what comes before.") },
                Field {
                    name: "after",
                    required: true,
                    schema: cursor("Give it as `after` for the next page; null on the last."),
                },
            ]),
            "The cursors; null where there is nothing further.",
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::GroupLabel;

    #[test]
    fn null_is_allowed_by_a_type_a_word_and_a_reference() {
        assert_eq!(nullable(text())["type"], json!(["string", "null"]));
        assert_eq!(nullable(words(&["a"]))["enum"], json!(["a", null]));
        assert_eq!(nullable(named("Group", object([])))["anyOf"][1], json!({"type": "null"}));
    }

    #[test]
    fn the_pattern_of_an_id_takes_ids_of_its_kind() {
        let pattern = id::<GroupLabel>()["pattern"].as_str().map(regex::Regex::new).unwrap().unwrap();
        assert!(pattern.is_match("group_01ARZ3NDEKTSV4RRFFQ69G5FAV"));
        for other in ["role_01ARZ3NDEKTSV4RRFFQ69G5FAV", "group_01arz3ndektsv4rrffq69g5fav", "group_8", ""] {
            assert!(!pattern.is_match(other), "{other}");
        }
    }
}
