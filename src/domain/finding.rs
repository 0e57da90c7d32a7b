//! What is said about something that an admin wrote: mistakes, warnings, remarks, each with its place.
//!
//! What lives here: the form. What is found and why is in `rule` and `lint`.

use serde::Serialize;

use super::Error;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot be saved like this.
    Error,
    /// It can be saved, and is probably not what was meant.
    Warning,
    /// It is worth knowing.
    Info,
}

/// One thing that is wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The path of the field, e.g. `then[0].mirror_group.name`.
    pub field: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// Where in the text of the field: characters from its start, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Finding {
    /// Something that must be mended before it is saved.
    pub fn error(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Error, field: field.into(), code, message: message.into(), column: None }
    }

    /// Something that is probably not what was meant.
    pub fn warning(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Warning, ..Finding::error(field, code, message) }
    }

    /// Something worth knowing.
    pub fn info(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Info, ..Finding::error(field, code, message) }
    }

    /// The same, at a place in the field's text.
    #[must_use]
    pub fn at(mut self, column: impl Into<Option<usize>>) -> Self {
        self.column = column.into();
        self
    }

    /// The first of several mistakes as the failure of the request.
    pub fn first(mistakes: Vec<Finding>) -> Error {
        let first = mistakes.into_iter().next();
        first.map_or_else(|| Error::internal("a refusal without a mistake"), Error::from)
    }
}

impl From<Finding> for Error {
    fn from(finding: Finding) -> Self {
        Error::invalid(finding.field, finding.code, finding.message)
    }
}
