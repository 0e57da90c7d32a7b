//! What came of a conversation.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::format::Method;

/// What came of a whole conversation.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The conversation's name.
    pub conversation: String,
    /// Who speaks like this.
    pub identity_provider: String,
    /// The value of `{{random}}`; playing with it again sends the same requests.
    pub random: String,
    /// What came of each step.
    pub steps: Vec<StepReport>,
}

impl Report {
    /// Whether the server may be called compatible: no step failed and none had to be left out.
    pub fn passed(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.outcome, Outcome::Passed | Outcome::Tolerated { .. }))
    }

    /// The steps that failed.
    pub fn failures(&self) -> impl Iterator<Item = &StepReport> {
        self.steps.iter().filter(|step| matches!(step.outcome, Outcome::Failed { .. }))
    }
}

/// The steps in order, with what went wrong below each.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (random {})", self.conversation, self.random)?;
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

/// What came of one step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// The step's name.
    pub name: String,
    /// The method of the request.
    pub method: Method,
    /// The path and query as they were sent, or the template if it could not be filled in.
    pub path: String,
    /// The status of the (last) answer, if there was one.
    pub status: Option<u16>,
    /// How long the step took, all its turns together.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// The verdict.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The step's note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

fn milliseconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((elapsed.as_secs_f64() * 10_000.0).round() / 10.0)
}

impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let sign = self.outcome.sign();
        writeln!(f, "  {sign} {status} {:<6} {}  ({})", self.method, self.name, self.path)?;
        match &self.outcome {
            Outcome::Passed => Ok(()),
            Outcome::Skipped { because } => writeln!(f, "      left out: {because}"),
            Outcome::Tolerated { differences } | Outcome::Failed { differences } => {
                differences.iter().try_for_each(|difference| writeln!(f, "      {difference}"))
            }
        }
    }
}

/// The verdict on a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The answer is as expected.
    Passed,
    /// It is not, and that is no fault: the step is optional.
    Tolerated {
        /// What is not as expected.
        differences: Vec<Difference>,
    },
    /// It is not as expected.
    Failed {
        /// What is not as expected.
        differences: Vec<Difference>,
    },
    /// The request could not be made, since an earlier step did not give what it needs.
    Skipped {
        /// What is missing.
        because: String,
    },
}

impl Outcome {
    /// A character for lists.
    pub fn sign(&self) -> char {
        match self {
            Outcome::Passed => '✓',
            Outcome::Tolerated { .. } => '~',
            Outcome::Failed { .. } => '✗',
            Outcome::Skipped { .. } => '-',
        }
    }
}

/// One thing in an answer that is not as expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What was looked at: `status`, `header location`, `body emails[0].value`.
    pub at: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub got: String,
}

impl Difference {
    pub(super) fn new(at: impl Into<String>, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Difference { at: at.into(), expected: expected.into(), got: got.into() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.at, self.expected, self.got)
    }
}

/// The value for a person: whole when short, cut when long.
pub(super) fn brief(value: Option<&Value>) -> String {
    const LIMIT: usize = 600;
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(LIMIT) {
        Some((cut, _)) => format!("{}… ({} bytes)", &text[..cut], text.len()),
        None => text,
    }
}
