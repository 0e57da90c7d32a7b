//! Schemas as tables of fields.

use serde_json::Value;

use super::text::{Span, spans};

/// How deep a table goes into objects that have no name of their own.
const DEEPEST: usize = 3;

/// One field of a body.
pub struct Field {
    /// The path of it, such as `domain_data[].domain`.
    pub name: String,
    /// How deep it is.
    pub depth: usize,
    /// What it can be.
    pub kind: Type,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub about: Vec<Span>,
}

/// What a value can be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Type {
    /// In words: `string`, `array of objects`.
    pub words: String,
    /// The name of the schema that it refers to.
    pub refers_to: Option<String>,
    /// Further demands: lengths, bounds, values.
    pub demands: Vec<String>,
}

/// The fields of a schema, nested ones after what they are in.
pub fn of(schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(schema, "", 0, &mut fields);
    fields
}

fn collect(schema: &Value, prefix: &str, depth: usize, fields: &mut Vec<Field>) {
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    let Some(properties) = schema["properties"].as_object() else { return };
    let mut names: Vec<&String> = properties.keys().collect();
    names.sort_by_key(|name| (!required(name), name.as_str() != "object" && name.as_str() != "id"));
    for name in names {
        let property = &properties[name];
        let path = format!("{prefix}{name}");
        fields.push(Field {
            kind: kind(property),
            depth,
            required: required(name),
            about: spans(property["description"].as_str().unwrap_or_default()),
            name: path.clone(),
        });
        if depth < DEEPEST {
            inner(property, &path, depth + 1, fields);
        }
    }
}

/// The fields of what has no name of its own.
fn inner(schema: &Value, path: &str, depth: usize, fields: &mut Vec<Field>) {
    if schema["items"].is_object() {
        return inner(&schema["items"], &format!("{path}[]"), depth, fields);
    }
    for variant in schema["anyOf"].as_array().into_iter().flatten() {
        inner(variant, path, depth, fields);
    }
    if schema.get("$ref").is_none() {
        collect(schema, &format!("{path}."), depth, fields);
    }
}

/// What a schema lets a value be.
pub fn kind(schema: &Value) -> Type {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return Type { words: name.to_owned(), refers_to: Some(name.to_owned()), demands: Vec::new() };
    }
    if let Some(variants) = schema["anyOf"].as_array() {
        return any_of(variants);
    }
    let words: Vec<&str> = match &schema["type"] {
        Value::String(word) => vec![word],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    let mut found = Type { words: words.join(" or "), refers_to: None, demands: demands(schema) };
    if words.contains(&"array") {
        let items = kind(&schema["items"]);
        let of = if items.words.is_empty() { "anything" } else { &items.words };
        found.words = found.words.replacen("array", &format!("array of {of}"), 1);
        found.refers_to = items.refers_to;
        found.demands.extend(items.demands);
    }
    found
}

fn any_of(variants: &[Value]) -> Type {
    let kinds: Vec<Type> = variants.iter().map(kind).collect();
    let mut words: Vec<&str> = kinds.iter().map(|kind| kind.words.as_str()).collect();
    words.dedup();
    let words = words.join(" or ");
    Type { words, refers_to: kinds.into_iter().find_map(|kind| kind.refers_to), demands: Vec::new() }
}

fn demands(schema: &Value) -> Vec<String> {
    let mut demands = Vec::new();
    let mut say = |keyword: &str, sentence: &dyn Fn(String) -> String| {
        if let Some(value) = schema.get(keyword) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            demands.push(sentence(text));
        }
    };
    say("const", &|value| format!("always {value}"));
    say("format", &|format| format);
    say("minLength", &|least| {
        if least == "1" { "not empty".to_owned() } else { format!("at least {least} characters") }
    });
    say("maxLength", &|most| format!("at most {most} characters"));
    say("minimum", &|least| format!("from {least}"));
    say("maximum", &|most| format!("to {most}"));
    say("maxItems", &|most| format!("at most {most}"));
    say("maxProperties", &|most| format!("at most {most} entries"));
    say("default", &|value| format!("{value} if absent"));
    if let Some(values) = schema["enum"].as_array() {
        let words: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        demands.push(words.join(" · "));
    }
    if let Some(prefix) =
        schema["pattern"].as_str().and_then(|p| p.strip_prefix('^')?.strip_suffix("[0-7][0-9A-HJKMNP-TV-Z]{25}$"))
    {
        demands.push(format!("{prefix}…"));
    }
    demands
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_names_nested_fields_by_their_paths() {
        let schema = json!({"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string", "maxLength": 9},
            "rows": {"type": ["array", "null"], "items": {"type": "object", "properties": {"a": {"$ref": "#/x/Group"}}}}}});
        let fields = of(&schema);
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["id", "rows", "rows[].a"]);
        assert_eq!(fields[0].kind.demands, ["at most 9 characters"]);
        assert_eq!(fields[1].kind.words, "array of object or null");
        assert_eq!(fields[2].kind.refers_to.as_deref(), Some("Group"));
        assert!(fields[0].required && !fields[1].required);
    }
}
