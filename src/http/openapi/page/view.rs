//! What the page shows, made of the document.

use serde_json::Value;

use super::fields::{self, Field, Type};
use super::sample;
use super::text::{Span, paragraphs};

/// Everything on the page.
pub struct Reference {
    /// The title.
    pub title: String,
    /// The version of the program.
    pub version: String,
    /// The URL under which clients reach the server.
    pub server: String,
    /// What there is to know about the whole.
    pub about: Vec<Vec<Span>>,
    /// The endpoints, by who calls them.
    pub callers: Vec<Caller>,
    /// The schemas that have a name.
    pub schemas: Vec<Schema>,
}

/// The endpoints that somebody calls.
pub struct Caller {
    /// Who.
    pub name: String,
    /// What about.
    pub sections: Vec<Section>,
}

/// Endpoints about one thing.
pub struct Section {
    /// The name.
    pub name: String,
    /// The name in links.
    pub anchor: String,
    /// What it is about.
    pub about: Vec<Vec<Span>>,
    /// The endpoints.
    pub operations: Vec<Operation>,
}

/// An endpoint.
pub struct Operation {
    /// The name in links.
    pub anchor: String,
    /// The HTTP method.
    pub method: String,
    /// The path, cut where a line may be broken.
    pub path: String,
    /// What it does.
    pub summary: String,
    /// What else there is to know.
    pub about: Vec<Vec<Span>>,
    /// What the path, the query and the headers take.
    pub parameters: Vec<Parameter>,
    /// What the body takes.
    pub body: Option<Body>,
    /// What comes back.
    pub answers: Vec<Answer>,
    /// What comes back when it fails.
    pub failures: Vec<Answer>,
    /// A call.
    pub example: String,
}

/// A parameter.
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it is: path, query or header.
    pub place: String,
    /// What it can be.
    pub kind: Type,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub about: Vec<Span>,
}

/// A body.
pub struct Body {
    /// Whether it must be there.
    pub required: bool,
    /// The name of the schema, if it has one.
    pub refers_to: Option<String>,
    /// Its fields, if it has no name.
    pub fields: Vec<Field>,
    /// What it is, if it has neither.
    pub words: String,
}

/// An answer.
pub struct Answer {
    /// The status.
    pub status: String,
    /// What it means.
    pub about: Vec<Vec<Span>>,
    /// The body, if there is one.
    pub body: Option<Body>,
}

/// A schema that has a name.
pub struct Schema {
    /// The name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What it is, if it has no fields of its own.
    pub words: String,
}

/// What a reference refers to; anything else is itself.
pub fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

impl Reference {
    /// Of a document.
    pub fn of(document: &Value) -> Self {
        let callers = items(&document["x-tagGroups"]).map(|group| Caller {
            name: text(&group["name"]),
            sections: items(&group["tags"]).map(|tag| section(document, &text(tag))).collect(),
        });
        let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
        let schemas = schemas.map(|(name, schema)| Schema {
            name: name.clone(),
            fields: fields::of(schema),
            words: fields::kind(schema).words,
        });
        Reference {
            title: text(&document["info"]["title"]),
            version: text(&document["info"]["version"]),
            server: text(&document["servers"][0]["url"]),
            about: paragraphs(&text(&document["info"]["description"])),
            callers: callers.collect(),
            schemas: schemas.collect(),
        }
    }
}

fn section(document: &Value, name: &str) -> Section {
    let about = items(&document["tags"]).find(|tag| tag["name"] == name).map(|tag| text(&tag["description"]));
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(m, o)| (path, m, o)));
    let mut operations: Vec<(&String, &String, &Value)> = all.filter(|(.., o)| o["tags"][0] == name).collect();
    operations.sort_by_key(|(path, method, _)| (path.matches('/').count(), path.as_str(), rank(method)));
    Section {
        anchor: anchor(name),
        name: name.to_owned(),
        about: paragraphs(&about.unwrap_or_default()),
        operations: operations.into_iter().map(|(path, method, o)| operation(document, path, method, o)).collect(),
    }
}

/// Reading before writing.
fn rank(method: &str) -> usize {
    ["get", "post", "put", "patch", "delete"].iter().position(|known| *known == method).unwrap_or(usize::MAX)
}

fn operation(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let parameters: Vec<&Value> = items(&operation["parameters"]).map(|p| resolved(document, p)).collect();
    let responses = operation["responses"].as_object().into_iter().flatten();
    let (answers, failures) = responses
        .map(|(status, response)| answer(status, response))
        .partition(|answer| answer.status.starts_with(['2', '3']));
    let sent = operation["requestBody"]["content"].as_object().and_then(|content| content.iter().next());
    Operation {
        anchor: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        about: paragraphs(&text(&operation["description"])),
        parameters: parameters.iter().map(|parameter| self::parameter(parameter)).collect(),
        body: sent.map(|(_, content)| body(&content["schema"], operation["requestBody"]["required"] == true)),
        answers,
        failures,
        example: example(document, (path, method), operation, &parameters),
    }
}

fn parameter(parameter: &Value) -> Parameter {
    Parameter {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: fields::kind(&parameter["schema"]),
        required: parameter["required"] == true,
        about: super::text::spans(&text(&parameter["description"])),
    }
}

fn body(schema: &Value, required: bool) -> Body {
    if schema["properties"]["list_metadata"].is_object() {
        // The envelope is the same for all lists, and is described once, at the top.
        let items = fields::kind(&schema["properties"]["data"]["items"]);
        let words = format!("list of {}", items.words);
        return Body { required, refers_to: items.refers_to, fields: Vec::new(), words };
    }
    let kind = fields::kind(schema);
    let is_reference = schema.get("$ref").is_some();
    let fields = if is_reference { Vec::new() } else { fields::of(schema) };
    Body { required, refers_to: kind.refers_to, fields, words: kind.words }
}

fn answer(status: &str, response: &Value) -> Answer {
    let content = response["content"].as_object().and_then(|content| content.values().next());
    Answer {
        status: status.to_owned(),
        about: paragraphs(&text(&response["description"])),
        body: content.map(|content| body(&content["schema"], true)),
    }
}

/// A call by `curl`.
fn example(document: &Value, (path, method): (&str, &str), operation: &Value, parameters: &[&Value]) -> String {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in parameters {
        let name = text(&parameter["name"]);
        let value = sample::of(document, &parameter["schema"]);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
            Some("query") if parameter["required"] == true => query.push(format!("{name}={value}")),
            _ => {}
        }
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let mut lines = vec![format!("curl \"$MUSTER{path}{query}\"")];
    if method != "get" {
        lines[0] = format!("curl -X {} \"$MUSTER{path}{query}\"", method.to_uppercase());
    }
    if !operation["security"].as_array().is_none_or(Vec::is_empty) {
        let key = if operation["security"][0]["scim_token"].is_array() { "SCIM_TOKEN" } else { "MUSTER_KEY" };
        lines.push(format!("  -H \"Authorization: Bearer ${key}\""));
    }
    let sent = operation["requestBody"]["content"].as_object().and_then(|content| content.iter().next());
    if let Some((media, content)) = sent {
        lines.push(format!("  -H \"Content-Type: {media}\""));
        let sample = sample::of(document, &content["schema"]);
        // A quote would end the shell's.
        let sample = serde_json::to_string_pretty(&sample).unwrap_or_default().replace('\'', "'\\''");
        lines.push(format!("  -d '{sample}'"));
    }
    lines.join(" \\\n")
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A name as it stands in links.
fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
