//! The description of one endpoint, as `routes()` writes it, and as OpenAPI has it.
//!
//! What every endpoint of a style has in common is added here and not repeated: the failures that its key, its path, its
//! query and its body can have, the request id, the idempotency key of a POST.

#![expect(clippy::needless_pass_by_value, reason = "descriptions are put together from schemas that nobody else needs")]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::parameters;
use super::schema::page_of;
use super::tags::{Face, Tag};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    /// Any key.
    Reader,
    /// A key that may change things.
    Writer,
    /// Anybody, or who it says in the description.
    Anybody,
}

struct Answer {
    about: String,
    content: Option<(&'static str, Value)>,
    headers: Vec<&'static str>,
}

struct Body {
    media: &'static str,
    schema: Value,
    required: bool,
}

/// The description of an endpoint.
pub struct Operation {
    tag: &'static Tag,
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    about: String,
    permission: Permission,
    parameters: Vec<Value>,
    body: Option<Body>,
    answers: BTreeMap<u16, Answer>,
    failures: BTreeMap<u16, Vec<String>>,
}

impl Operation {
    pub(super) fn new(tag: &'static Tag, method: &'static str, path: &'static str) -> Self {
        let permission = match (tag.face, method) {
            (Face::Open, _) => Permission::Anybody,
            (_, "get") => Permission::Reader,
            _ => Permission::Writer,
        };
        Operation {
            tag,
            method,
            path,
            id: "",
            summary: "",
            about: String::new(),
            permission,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// The name by which clients that are generated call it; unique.
    #[must_use]
    pub fn id(mut self, id: &'static str) -> Self {
        self.id = id;
        self
    }

    /// What it does, in a few words.
    #[must_use]
    pub fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// What else there is to know, in sentences.
    #[must_use]
    pub fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
        self
    }

    /// It changes nothing, so a key that may only read may call it, whatever its method is.
    #[must_use]
    pub fn reads(mut self) -> Self {
        self.permission = Permission::Reader;
        self
    }

    /// A parameter of the query.
    #[must_use]
    pub fn query(self, name: &str, schema: Value, about: &str) -> Self {
        self.parameter(json!({"name": name, "in": "query", "description": about, "schema": schema}))
    }

    /// A parameter of the query that must be there.
    #[must_use]
    pub fn must_query(self, name: &str, schema: Value, about: &str) -> Self {
        let parameter = json!({"name": name, "in": "query", "required": true, "description": about, "schema": schema});
        self.parameter(parameter)
    }

    /// A parameter of the query that takes several values: joined by commas, repeated, or with `[]`.
    #[must_use]
    pub fn query_many(self, name: &str, items: Value, about: &str) -> Self {
        let about = format!("{about} Several are joined by commas; repeated parameters and `{name}[]` are taken too.");
        self.parameter(json!({
            "name": name, "in": "query", "description": about, "style": "form", "explode": false,
            "schema": {"type": "array", "items": items},
        }))
    }

    /// The same, of which there must be one.
    #[must_use]
    pub fn must_query_many(mut self, name: &str, items: Value, about: &str) -> Self {
        self = self.query_many(name, items, about);
        if let Some(parameter) = self.parameters.last_mut() {
            parameter["required"] = true.into();
            parameter["schema"]["minItems"] = 1.into();
        }
        self
    }

    /// A header that the endpoint reads.
    #[must_use]
    pub fn header(self, name: &str, about: &str) -> Self {
        self.parameter(json!({"name": name, "in": "header", "description": about, "schema": {"type": "string"}}))
    }

    fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The parameters of a list: cursors, size and order of the page.
    #[must_use]
    pub fn paged(mut self) -> Self {
        self.parameters.extend(["before", "after", "limit", "order"].map(parameters::shared));
        self
    }

    /// 200 with a page of these objects, and the parameters that page through them.
    #[must_use]
    pub fn lists(self, items: Value) -> Self {
        self.paged().answers(200, "A page of the list.", page_of(items))
    }

    /// The body of the request.
    #[must_use]
    pub fn body(mut self, schema: Value) -> Self {
        self.body = Some(Body { media: self.media(), schema, required: true });
        self
    }

    /// The body of the request, which may be left out.
    #[must_use]
    pub fn optional_body(mut self, schema: Value) -> Self {
        self.body = Some(Body { media: self.media(), schema, required: false });
        self
    }

    fn media(&self) -> &'static str {
        if self.tag.face == Face::Scim { "application/scim+json" } else { "application/json" }
    }

    /// An answer with a body.
    #[must_use]
    pub fn answers(self, status: u16, about: &str, schema: Value) -> Self {
        let media = self.media();
        self.answer(status, about, Some((media, schema)), Vec::new())
    }

    /// An answer with a body of another media type.
    #[must_use]
    pub fn answers_as(self, status: u16, about: &str, media: &'static str) -> Self {
        self.answer(status, about, Some((media, json!({"type": "string"}))), Vec::new())
    }

    /// An answer without a body.
    #[must_use]
    pub fn answers_nothing(self, status: u16, about: &str) -> Self {
        self.answer(status, about, None, Vec::new())
    }

    /// An answer of a write: with a body, and the revision in `Muster-Revision`.
    #[must_use]
    pub fn written(self, status: u16, about: &str, schema: Value) -> Self {
        let media = self.media();
        self.answer(status, about, Some((media, schema)), vec!["Muster-Revision"])
    }

    /// An answer of a write that has no body, with the revision.
    #[must_use]
    pub fn written_nothing(self, status: u16, about: &str) -> Self {
        self.answer(status, about, None, vec!["Muster-Revision"])
    }

    /// Headers of the answer with this status, beside those that every answer has.
    #[must_use]
    pub fn with_headers(mut self, status: u16, names: &[&'static str]) -> Self {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer.headers.extend(names);
        }
        self
    }

    fn answer(
        mut self,
        status: u16,
        about: &str,
        content: Option<(&'static str, Value)>,
        headers: Vec<&'static str>,
    ) -> Self {
        self.answers.insert(status, Answer { about: about.to_owned(), content, headers });
        self
    }

    /// A failure beyond those that every endpoint of the style has.
    #[must_use]
    pub fn fails(mut self, status: u16, about: &str) -> Self {
        self.failures.entry(status).or_default().push(about.to_owned());
        self
    }

    pub(super) fn tag(&self) -> &'static Tag {
        self.tag
    }

    /// The path and the method, in small letters.
    pub(in crate::http) fn place(&self) -> (&'static str, &'static str) {
        (self.path, self.method)
    }

    /// The id, if it is something that an admin changes: what the audit log calls it. Identity providers have a log of
    /// their own.
    pub(in crate::http) fn action(&self) -> Option<&'static str> {
        (self.permission == Permission::Writer && self.tag.face != Face::Scim).then_some(self.id)
    }

    fn is_keyed_post(&self) -> bool {
        self.method == "post" && matches!(self.tag.face, Face::Native | Face::OpenAi)
    }

    /// Failures that follow from what the endpoint takes.
    fn common_failures(&self) -> Vec<(u16, &'static str)> {
        if self.permission == Permission::Anybody {
            return Vec::new();
        }
        let in_path = self.path.contains('{');
        let in_query =
            self.parameters.iter().any(|parameter| parameter["in"] == "query" || parameter["$ref"].is_string());
        let has_body = self.body.is_some();
        let scim = self.tag.face == Face::Scim;
        // The OpenAI-shaped API answers 400 to all of these: its SDKs would retry others.
        let openai = self.tag.face == Face::OpenAi;
        let keyed = self.is_keyed_post();
        let all = [
            (in_query || has_body, 400, "The query or the body cannot be read."),
            (keyed, 400, "`Idempotency-Key` is not 1 to 255 printable ASCII characters."),
            (true, 401, "The credential is missing, unknown or expired."),
            (self.permission == Permission::Writer && !scim, 403, "The key may only read, or does not reach this."),
            (in_path, 404, "There is nothing with this id, or the credential does not reach it."),
            (
                keyed && !openai,
                409,
                "`idempotency_in_progress`, `idempotency_outcome_unknown`, `idempotency_not_repeatable`: see Idempotency-Key.",
            ),
            (has_body || keyed, 413, "The body is too large."),
            (in_query, 414, "The query is too long."),
            (has_body, 415, "The body is not JSON by its `Content-Type`."),
            (
                !scim && !openai && (in_query || has_body),
                422,
                "A parameter or field is missing or not acceptable; `errors` names it.",
            ),
            (keyed && !openai, 422, "`idempotency_key_reused`: the key came with another query or body before."),
            (true, 429, "Too many requests; wait as long as `Retry-After` says."),
            (true, 503, "The server cannot take the request now; wait as long as `Retry-After` says."),
        ];
        all.into_iter().filter(|(applies, ..)| *applies).map(|(_, status, about)| (status, about)).collect()
    }

    /// The Operation Object.
    pub(super) fn document(&self) -> Value {
        let mut parameters: Vec<Value> = parameters::of_path(self.path);
        parameters.extend(self.parameters.iter().cloned());
        if self.is_keyed_post() {
            parameters.push(parameters::shared("idempotency_key"));
        }
        let mut document = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [self.tag.name],
            "responses": self.responses(),
        });
        if !self.about.is_empty() {
            document["description"] = self.about.as_str().into();
        }
        if !parameters.is_empty() {
            document["parameters"] = parameters.into();
        }
        if let Some(body) = &self.body {
            document["requestBody"] =
                json!({"required": body.required, "content": {body.media: {"schema": body.schema}}});
        }
        document["security"] = match (self.permission, self.tag.face) {
            (Permission::Anybody, _) => json!([]),
            (_, Face::Scim) => json!([{"scim_token": []}]),
            _ => json!([{"api_key": []}]),
        };
        document
    }

    fn responses(&self) -> Value {
        let mut responses = Map::new();
        for (status, answer) in &self.answers {
            let mut headers = Map::from_iter([header("X-Request-ID")]);
            headers.extend(self.is_keyed_post().then(|| header("Idempotent-Replayed")));
            headers.extend(answer.headers.iter().map(|name| header(name)));
            let mut response = json!({"description": answer.about, "headers": headers});
            if let Some((media, schema)) = &answer.content {
                response["content"] = json!({*media: {"schema": schema}});
            }
            responses.insert(status.to_string(), response);
        }
        let mut failures: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for (status, about) in self.common_failures() {
            failures.entry(status).or_default().push(about);
        }
        for (status, abouts) in &self.failures {
            failures.entry(*status).or_default().extend(abouts.iter().map(String::as_str));
        }
        for (status, abouts) in failures {
            responses.insert(status.to_string(), self.failure(status, &abouts));
        }
        responses.into()
    }

    fn failure(&self, status: u16, abouts: &[&str]) -> Value {
        let mut headers = Map::from_iter([header("X-Request-ID")]);
        headers.extend((status == 429 || status == 503).then(|| header("Retry-After")));
        headers.extend((status == 401).then(|| header("WWW-Authenticate")));
        json!({
            "description": abouts.join("\n\n"),
            "headers": headers,
            "content": {self.media(): {"schema": super::schemas::error_of(self.tag.face)}},
        })
    }
}

fn header(name: &str) -> (String, Value) {
    (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))
}
