//! Filters as text that parses to the same filter (RFC 7644 section 3.4.2.2).
//!
//! `{}` writes the parentheses that the grammar needs; `{:#}` shows every grouping, for people and tests.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{AttrPath, Filter, Literal, Op, Tail, Test};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Filter::And(parts) => list(f, parts, " and "),
            Filter::Or(parts) => list(f, parts, " or "),
            Filter::Not(inner) if f.alternate() && inner.is_list() => write!(f, "not {inner:#}"),
            Filter::Not(inner) => {
                f.write_str("not (")?;
                inner.fmt(f)?;
                f.write_char(')')
            }
            Filter::Present(path) => write!(f, "{path} pr"),
            Filter::Compare(path, op, literal) => write!(f, "{path} {op} {literal}"),
            Filter::ValuePath { path, filter, tail } => {
                write!(f, "{path}[")?;
                filter.fmt(f)?;
                f.write_char(']')?;
                tail.iter().try_for_each(|tail| tail.fmt(f))
            }
        }
    }
}

impl Filter {
    /// Whether it is a list of parts.
    fn is_list(&self) -> bool {
        matches!(self, Filter::And(_) | Filter::Or(_))
    }
}

/// The parts of a list. `and` binds tighter than `or`, so that only an `or` within an `and` needs
/// parentheses; and a list within one of its own kind, which parsing never makes.
fn list(f: &mut Formatter<'_>, parts: &[Filter], separator: &str) -> fmt::Result {
    let all = f.alternate();
    if all {
        f.write_char('(')?;
    }
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        let needed = matches!(part, Filter::Or(_)) || (separator == " and " && part.is_list());
        if needed && !all {
            write!(f, "({part})")?;
        } else {
            part.fmt(f)?;
        }
    }
    if all {
        f.write_char(')')?;
    }
    Ok(())
}

impl Display for Tail {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Present => write!(f, ".{} pr", self.sub),
            Test::Compare(op, literal) => write!(f, ".{} {op} {literal}", self.sub),
        }
    }
}

impl Display for AttrPath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        self.sub.iter().try_for_each(|sub| write!(f, ".{sub}"))
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // JSON's escapes are the filter's escapes.
            Literal::String(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
            Literal::Number(number) => number.fmt(f),
            Literal::Boolean(boolean) => boolean.fmt(f),
            Literal::Null => f.write_str("null"),
        }
    }
}
