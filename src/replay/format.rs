//! The file format of a conversation, and its checks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::template;

/// What an identity provider asks of a server, in order, and what it must be told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// The name, unique among all fixtures.
    #[serde(rename = "conversation")]
    pub name: String,
    /// Who speaks like this, e.g. `okta`.
    pub identity_provider: String,
    /// What happens, in a sentence.
    pub summary: String,
    /// Where each quirk is known from.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// The directory settings under which the answers hold; empty means the defaults.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Headers of every request. `null` stands for a header that this client does not send.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// The requests, in order.
    pub steps: Vec<Step>,
}

/// Where knowledge of a client's behaviour comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// How far it can be trusted.
    pub grade: Grade,
    /// What was read.
    pub from: String,
}

/// How well a quirk is attested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// The vendor's own documentation says so.
    Documented,
    /// Seen on the wire, in an issue or a log.
    Wire,
    /// In a test file of the vendor, or in a sample of a third party.
    Test,
    /// Second-hand: another product's guide, a comment in code.
    Secondhand,
    /// Inferred from the others; plausible, unconfirmed.
    Inferred,
}

/// One request and the answer that is due.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The name, unique within the conversation.
    pub name: String,
    /// How well it is attested that clients send this.
    pub grade: Grade,
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL with its query; a template.
    pub path: String,
    /// Headers of this request alone; `null` takes one of the conversation's away.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// How the request identifies itself.
    #[serde(default)]
    pub authorization: Authorization,
    /// The JSON body; every string within is a template.
    #[serde(default)]
    pub body: Option<Value>,
    /// How often the request is made. `{{i}}` counts from 1.
    #[serde(default = "once")]
    pub repeat: u32,
    /// What the answer must look like.
    pub expect: Expectation,
    /// Variables for later steps: name → path into the answer's body.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// A courtesy and no duty: servers that answer otherwise are not wrong.
    #[serde(default)]
    pub optional: bool,
    /// Why the client does this, or why the answer is what it is.
    #[serde(default)]
    pub note: Option<String>,
}

fn once() -> u32 {
    1
}

/// The HTTP methods that SCIM knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The `Authorization` header of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorization {
    /// `Bearer` and the token.
    #[default]
    Bearer,
    /// The token without the word `Bearer`.
    BareToken,
    /// `Bearer` and something that is no token.
    WrongToken,
    /// No such header.
    None,
}

/// What an answer must look like. All that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The status is one of these.
    pub status: Vec<u16>,
    /// Further statuses that other servers may answer with good reason. Not accepted when playing strictly.
    #[serde(default)]
    pub status_elsewhere: Vec<u16>,
    /// Response headers and how their values begin, ignoring case.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body has these members. Objects match as subsets; each element of a list matches some element.
    #[serde(default)]
    pub contains: Option<Value>,
    /// Path → number of elements.
    #[serde(default)]
    pub length: BTreeMap<String, usize>,
    /// Path → number of elements; absent or null counts as none.
    #[serde(default)]
    pub length_or_absent: BTreeMap<String, usize>,
    /// Paths that lead nowhere.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Names that the body's top level does not have, dots and all.
    #[serde(default)]
    pub absent_keys: Vec<String>,
    /// Path → a value that is not there.
    #[serde(default)]
    pub not_equal: BTreeMap<String, Value>,
}

/// Why a conversation cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not JSON, or not of this format.
    #[error("at `{at}`: {message}")]
    Format {
        /// The path within the document, e.g. `steps[3].expect`.
        at: String,
        /// What is wrong there, with line and column.
        message: String,
    },
    /// The format is right and the content makes no sense.
    #[error("step `{step}`: {message}")]
    Step {
        /// The step's name.
        step: String,
        /// What is wrong with it.
        message: String,
    },
    /// One of the above, in this file.
    #[error("{}: {error}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<LoadError>,
    },
}

impl Conversation {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
        Conversation::parse(&text).map_err(|error| LoadError::In { path: path.to_owned(), error: Box::new(error) })
    }

    /// Reads a conversation from the text of its file.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let conversation: Conversation = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| LoadError::Format { at: error.path().to_string(), message: error.inner().to_string() })?;
        json.end().map_err(|error| LoadError::Format { at: ".".to_owned(), message: error.to_string() })?;
        conversation.check()?;
        Ok(conversation)
    }

    /// Finds what would otherwise surface in the middle of a run: doubled names, a step that expects
    /// nothing, a variable that no earlier step saves.
    fn check(&self) -> Result<(), LoadError> {
        let mut names = BTreeSet::new();
        let mut saved = BTreeSet::from([template::RANDOM]);
        for step in &self.steps {
            let wrong = |message: String| LoadError::Step { step: step.name.clone(), message };
            if !names.insert(step.name.as_str()) {
                return Err(wrong("two steps have this name".to_owned()));
            }
            if step.expect.status.is_empty() {
                return Err(wrong("expects no status".to_owned()));
            }
            if step.repeat == 0 {
                return Err(wrong("is never made".to_owned()));
            }
            if !step.path.starts_with('/') {
                return Err(wrong("its path does not begin with a slash".to_owned()));
            }
            for text in step.templates() {
                for variable in template::variables(text).map_err(|error| wrong(error.to_string()))? {
                    if variable != template::COUNTER && !saved.contains(variable) {
                        return Err(wrong(format!("nothing before it saves `{variable}`")));
                    }
                }
            }
            saved.extend(step.save.keys().map(String::as_str));
        }
        Ok(())
    }
}

impl Step {
    /// Every text of the step in which variables are replaced.
    fn templates(&self) -> Vec<&str> {
        let mut texts = vec![self.path.as_str()];
        let expect = &self.expect;
        texts.extend(expect.headers.values().map(String::as_str));
        for value in self.body.iter().chain(&expect.contains).chain(expect.not_equal.values()) {
            strings(value, &mut texts);
        }
        texts
    }
}

/// The strings within `value`, names of members included.
fn strings<'v>(value: &'v Value, into: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(elements) => elements.iter().for_each(|element| strings(element, into)),
        Value::Object(members) => {
            for (name, member) in members {
                into.push(name);
                strings(member, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The conversations at `path`: the file itself, or every `.json` file below the folder, by name.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let read = |source| LoadError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(read)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(read)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            found.extend(find(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_step(step: &str) -> Result<Conversation, LoadError> {
        Conversation::parse(&format!(
            r#"{{"conversation": "c", "identity_provider": "okta", "summary": "s", "steps": [{step}]}}"#
        ))
    }

    #[track_caller]
    fn refuses(step: &str, because: &str) {
        let error = with_step(step).unwrap_err().to_string();
        assert!(error.contains(because), "{error}");
    }

    #[test]
    fn a_misspelt_member_is_named_with_its_place() {
        refuses(
            r#"{"name": "a", "grade": "wire", "method": "GET", "path": "/Users", "expect": {"stauts": [200]}}"#,
            "at `steps[0].expect.stauts`: unknown field `stauts`",
        );
    }

    #[test]
    fn a_variable_must_be_saved_before_it_is_used() {
        refuses(
            r#"{"name": "a", "grade": "wire", "method": "GET", "path": "/Users/{{u}}", "expect": {"status": [200]}}"#,
            "step `a`: nothing before it saves `u`",
        );
    }

    #[test]
    fn a_repeated_step_saves_a_variable_per_turn() {
        let conversation = with_step(
            r#"{"name": "a", "grade": "wire", "method": "POST", "path": "/Users", "repeat": 3,
                "body": {"userName": "{{i}}.{{random}}"}, "expect": {"status": [201]}, "save": {"u{{i}}": "id"}},
               {"name": "b", "grade": "wire", "method": "GET", "path": "/Users/{{u{{i}}}}", "repeat": 3,
                "expect": {"status": [200]}}"#,
        );
        assert_eq!(conversation.unwrap().steps[0].repeat, 3);
    }

    #[test]
    fn every_step_expects_something() {
        refuses(
            r#"{"name": "a", "grade": "wire", "method": "GET", "path": "/Users", "expect": {"status": []}}"#,
            "step `a`: expects no status",
        );
    }

    #[test]
    fn every_fixture_parses_under_a_name_of_its_own() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut names = BTreeMap::new();
        for path in find(&folder).unwrap() {
            let conversation = Conversation::load(&path).unwrap_or_else(|error| panic!("{error}"));
            let file = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
            let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap();
            assert_eq!(conversation.identity_provider, folder, "{}", path.display());
            assert_eq!(conversation.name, format!("{folder}-{file}"), "{}", path.display());
            assert!(!conversation.steps.is_empty(), "{}", path.display());
            assert_eq!(names.insert(conversation.name, path), None);
        }
        assert!(names.len() > 20, "{names:?}");
    }
}
