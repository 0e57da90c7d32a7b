//! Names of mirrored groups: a template over the captures of a rule and the directory group.
//!
//! Templates are pure, strict about names, bounded in work and in result, and cannot call out.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, context};

use super::directory::DirectoryGroup;

/// The longest name of a native group, in characters.
pub const MAX_NAME: usize = 256;
/// How many instructions a template may take.
const FUEL: u64 = 20_000;

/// A template that could not be compiled or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What kind of failure it is.
    pub fault: Fault,
    /// A sentence that says why.
    pub message: String,
    /// Where in the template: characters from its start, counted from 1; if known.
    pub column: Option<usize>,
}

/// Why a template gives no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It renders nothing but blanks.
    Empty,
    /// It renders more than [`MAX_NAME`] characters.
    TooLong,
    /// It cannot be read, or fails: it names what the group does not have, for instance.
    Broken,
}

impl TemplateError {
    fn new(fault: Fault, message: impl Into<String>) -> Self {
        TemplateError { fault, message: message.into(), column: None }
    }
}

/// Renders `template` for a group with the captures of its rule.
///
/// Available are the captures by name, and `group.displayName`, `group.externalId`. The result is
/// trimmed; an empty one, or one of more than [`MAX_NAME`] characters, is an error.
pub fn render(
    template: &str,
    captures: &BTreeMap<String, String>,
    group: &DirectoryGroup,
) -> Result<String, TemplateError> {
    let text = |attribute: &str| group.text(attribute).unwrap_or_default();
    rendered(template, captures, text("displayName"), text("externalId"))
}

fn rendered(
    template: &str,
    captures: &BTreeMap<String, String>,
    display_name: &str,
    external_id: &str,
) -> Result<String, TemplateError> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_debug(false);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, filter) in [("title", title as fn(String) -> String), ("upper", upper), ("lower", lower), ("trim", trim)]
    {
        environment.add_filter(name, filter);
    }
    environment.add_filter("replace", replace);
    let group = context! { displayName => display_name, externalId => external_id };
    let values = context! { group => group, ..minijinja::Value::from_pairs(captures.clone()) };
    let rendered = environment.render_str(template, values).map_err(|error| explain(template, &error))?;
    let name = rendered.trim();
    match name.chars().count() {
        0 => Err(TemplateError::new(Fault::Empty, "the template renders an empty name")),
        1..=MAX_NAME => Ok(name.to_owned()),
        long => {
            let message = format!("the template renders {long} characters; a name has {MAX_NAME} at most");
            Err(TemplateError::new(Fault::TooLong, message))
        }
    }
}

/// Refuses a template that does not parse, that names what no rule with these captures has, or that renders
/// nothing even where every name has a value.
pub fn check<'c>(template: &str, captures: impl Iterator<Item = &'c str>) -> Result<(), TemplateError> {
    if template.chars().count() > 1_000 {
        return Err(TemplateError::new(Fault::Broken, "a template has 1000 characters at most"));
    }
    let captures = captures.map(|name| (name.to_owned(), "x".to_owned())).collect();
    rendered(template, &captures, "x", "x").map(drop)
}

fn explain(template: &str, error: &minijinja::Error) -> TemplateError {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let before = error.range().and_then(|range| template.get(..range.start));
    let column = before.map(|before| before.chars().count() + 1);
    let place = column.map(|column| format!(" at column {column}")).unwrap_or_default();
    TemplateError { column, ..TemplateError::new(Fault::Broken, format!("template error{place}: {what}")) }
}

/// Each word with a capital; words are divided by anything that is no letter or digit, and dashes and
/// underscores become spaces: `data-science` is `Data Science`.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands its filters owned strings")]
fn title(text: String) -> String {
    let mut start = true;
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c == '-' || c == '_' { ' ' } else { c };
        if start {
            result.extend(c.to_uppercase());
        } else {
            result.push(c);
        }
        start = !c.is_alphanumeric();
    }
    result
}

#[expect(clippy::needless_pass_by_value, reason = "the template engine hands its filters owned strings")]
fn upper(text: String) -> String {
    text.to_uppercase()
}

#[expect(clippy::needless_pass_by_value, reason = "the template engine hands its filters owned strings")]
fn lower(text: String) -> String {
    text.to_lowercase()
}

#[expect(clippy::needless_pass_by_value, reason = "the template engine hands its filters owned strings")]
fn trim(text: String) -> String {
    text.trim().to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "the template engine hands its filters owned strings")]
fn replace(text: String, from: String, to: String) -> String {
    text.replace(&from, &to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::json;

    fn named(template: &str) -> Result<String, TemplateError> {
        let group = DirectoryGroup {
            id: super::super::Id::nil(),
            directory: super::super::Id::nil(),
            document: json!({"displayName": "eng-data-science"}).as_object().unwrap().clone(),
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        render(template, &BTreeMap::from([("team".to_owned(), "data-science".to_owned())]), &group)
    }

    #[test]
    fn captures_and_the_groups_own_attributes_are_available() {
        assert_eq!(named("{{ team | title }}").unwrap(), "Data Science");
        assert_eq!(named("{{ group.displayName | upper }}").unwrap(), "ENG-DATA-SCIENCE");
        assert_eq!(named("Team {{ team | replace('-', ' ') }} ").unwrap(), "Team data science");
    }

    #[test]
    fn what_cannot_become_a_name_is_an_error_that_says_why() {
        assert!(named("{{ taem }}").unwrap_err().message.contains("undefined"));
        assert!(named("  ").is_err_and(|error| error.fault == Fault::Empty));
        assert!(
            named(&"x".repeat(300)).is_err_and(|error| error.fault == Fault::TooLong && error.message.contains("300"))
        );
        assert!(check("{{ team", ["team"].into_iter()).is_err());
        assert!(check("{{ taem }}", ["team"].into_iter()).is_err());
        assert!(check("{{ team | capitalise }}", ["team"].into_iter()).is_err());
        assert!(check("{{ team | title }} {{ group.externalId }}", ["team"].into_iter()).is_ok());
    }

    #[test]
    fn a_mistake_has_its_column() {
        let column = |template: &str| check(template, ["team"].into_iter()).unwrap_err().column;
        assert_eq!(column("Té {{ taem }}"), Some(7));
        assert_eq!(column("Team {{ team | capitalise }}"), Some(16));
        assert_eq!(column("Team {{ team team }}"), Some(14));
    }

    #[test]
    fn a_template_cannot_run_for_ever() {
        let hostile = "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
        assert!(named(hostile).is_err());
    }
}
