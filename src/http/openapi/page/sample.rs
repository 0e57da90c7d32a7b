//! Example values, made of schemas: what the page shows in its calls.

use serde_json::{Map, Value, json};

use super::view::resolved;

/// How deep an example goes.
const DEEPEST: usize = 6;

/// An example of a schema: what must be there, and nothing else.
pub fn of(document: &Value, schema: &Value) -> Value {
    at(document, schema, 0)
}

fn at(document: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolved(document, schema);
    if let Some(example) = schema["examples"].get(0).or(schema.get("const")).or(schema["enum"].get(0)) {
        return example.clone();
    }
    if depth >= DEEPEST {
        return Value::Null;
    }
    if let Some(first) = schema["anyOf"].get(0) {
        return at(document, first, depth + 1);
    }
    let kind = schema["type"].as_str().or(schema["type"].get(0).and_then(Value::as_str));
    match kind {
        Some("object") => object(document, schema, depth),
        Some("array") => json!([at(document, &schema["items"], depth + 1)]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("string") => json!("text"),
        _ => json!({}),
    }
}

fn object(document: &Value, schema: &Value, depth: usize) -> Value {
    let required = schema["required"].as_array().into_iter().flatten();
    // Where one of several fields is wanted, the first way of it.
    let one_of = schema["oneOf"][0]["required"].as_array().into_iter().flatten();
    let names = required.chain(one_of).filter_map(Value::as_str);
    let field = |name: &str| (name.to_owned(), at(document, &schema["properties"][name], depth + 1));
    Value::Object(names.map(field).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_what_must_be_there() {
        let document = json!({"components": {"schemas": {"Group": {"type": "object", "required": ["id"],
            "properties": {"id": {"type": "string", "examples": ["group_1"]}, "note": {"type": "string"}}}}}});
        let schema = json!({"type": "object", "required": ["groups", "kind", "on"], "properties": {
            "groups": {"type": "array", "items": {"$ref": "#/components/schemas/Group"}},
            "kind": {"enum": ["a", "b"]}, "on": {"type": ["boolean", "null"]}}});
        assert_eq!(of(&document, &schema), json!({"groups": [{"id": "group_1"}], "kind": "a", "on": true}));
    }
}
