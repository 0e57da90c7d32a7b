//! The parts of a rule that are compiled from text: filters and the capture pattern.

use regex::{Regex, RegexBuilder};

use crate::domain::finding::Finding;
use crate::scim::dialect::{Strictness, Tolerances};
use crate::scim::filter::{self, ResolvedFilter};
use crate::scim::schema::Catalogue;

/// The whole text of a capture pattern, at the most, in bytes.
const MAX_PATTERN: usize = 1_000;
/// The compiled form of a capture pattern, at the most, in bytes.
const MAX_COMPILED: usize = 1 << 20;
/// What follows from other resources, and would make rules depend on each other.
const COMPUTED: [&str; 3] = ["members", "groups", "meta"];

/// A filter over resources of a type; what is wrong is said with its column.
pub(super) fn filter(
    field: &str,
    text: &str,
    resource: &str,
    catalogue: &Catalogue,
) -> Result<ResolvedFilter, Finding> {
    let Some(definition) = catalogue.resource(resource) else {
        return Err(Finding::error(field, "invalid_filter", format!("there is no resource type {resource}")));
    };
    let mut tolerances = Tolerances::default();
    let filter = filter::parse(text, Strictness::default(), &mut tolerances)
        .and_then(|filter| filter::resolve(&filter, definition, &mut tolerances))
        .map_err(|error| Finding::error(field, "invalid_filter", error.to_string()).at(error.column))?;
    match COMPUTED.iter().find(|computed| filter.mentions(computed)) {
        Some(computed) => {
            let message = format!("a rule cannot look at `{computed}`, which follows from other resources");
            Err(Finding::error(field, "computed_attribute", message))
        }
        None => Ok(filter),
    }
}

/// The pattern of `when.capture`; what is wrong is said with its column.
pub(super) fn capture(pattern: &str) -> Result<Regex, Finding> {
    let refuse = |code, message: String| Finding::error("when.capture", code, message);
    if pattern.len() > MAX_PATTERN {
        let message = format!("a capture pattern has {MAX_PATTERN} bytes at most");
        return Err(refuse("pattern_too_long", message));
    }
    RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build().map_err(|error| match (error, syntax_error(pattern)) {
        (_, Some((column, message))) => {
            let message = format!("pattern error at column {column}: {message}");
            refuse("invalid_pattern", message).at(column)
        }
        (regex::Error::CompiledTooBig(_), None) => {
            let message = "the pattern is too large once its repetitions are written out; repeat less".to_owned();
            refuse("invalid_pattern", message)
        }
        (error, None) => refuse("invalid_pattern", error.to_string()),
    })
}

/// Where a pattern cannot be read, and why. `regex` itself says it only as a drawing.
fn syntax_error(pattern: &str) -> Option<(usize, String)> {
    let (offset, message) = match regex_syntax::Parser::new().parse(pattern).err()? {
        regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
        regex_syntax::Error::Translate(error) => (error.span().start.offset, error.kind().to_string()),
        _ => return None,
    };
    Some((pattern.get(..offset)?.chars().count() + 1, message))
}
