//! The filter after its names were looked up: what is evaluated, and what SQL narrows by.

use std::slice;

use chrono::{DateTime, Utc};
use serde_json::Number;

use super::ast::Op;
use crate::scim::schema::Kind;

/// A filter whose every path is known to exist and whose every literal has the type of its attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum ResolvedFilter {
    /// All of these.
    And(Vec<ResolvedFilter>),
    /// Any of these.
    Or(Vec<ResolvedFilter>),
    /// Not this.
    Not(Box<ResolvedFilter>),
    /// A test of one attribute.
    Is(Target, ResolvedTest),
    /// One value of the attribute must match all of the filter, whose own targets are relative to it.
    AnyValue(Target, Box<ResolvedFilter>),
}

/// What a path names, with all that evaluation needs to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The URN of the extension that holds the attribute; `None` at the top level and within a value.
    pub extension: Option<String>,
    /// The attribute in the schema's spelling.
    pub name: String,
    /// The sub-attribute in the schema's spelling.
    pub sub: Option<String>,
    /// The type of the values that are compared.
    pub kind: Kind,
    /// Whether texts are compared with case.
    pub case_exact: bool,
    /// Whether there can be several values.
    pub multi_valued: bool,
}

/// What is asked of a target.
#[derive(Debug, Clone, PartialEq)]
pub enum ResolvedTest {
    /// `pr`
    Present,
    /// An operator and what to compare with.
    Compare(Op, Operand),
}

/// A literal of the type of the attribute it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// `null`, only with `eq` (absent) and `ne` (present).
    Null,
    /// For booleans.
    Boolean(bool),
    /// For integers and decimals.
    Number(Number),
    /// For strings, references and binary.
    Text {
        /// As it was written.
        raw: String,
        /// What is compared: folded, unless the target is `caseExact`.
        key: String,
    },
    /// For `dateTime`.
    Instant(DateTime<Utc>),
}

impl ResolvedFilter {
    /// The parts that must all be true: of an `and`, its parts; of anything else, itself.
    pub fn conjuncts(&self) -> &[ResolvedFilter] {
        match self {
            ResolvedFilter::And(parts) => parts,
            other => slice::from_ref(other),
        }
    }

    /// The parts of which one must be true: of an `or`, its parts; of anything else, itself.
    pub fn disjuncts(&self) -> &[ResolvedFilter] {
        match self {
            ResolvedFilter::Or(parts) => parts,
            other => slice::from_ref(other),
        }
    }

    /// Every attribute of the resource that the filter refers to, as often as it does.
    pub fn targets(&self) -> Vec<&Target> {
        match self {
            ResolvedFilter::And(parts) | ResolvedFilter::Or(parts) => parts.iter().flat_map(Self::targets).collect(),
            ResolvedFilter::Not(inner) => inner.targets(),
            // What stands in brackets is relative to the value.
            ResolvedFilter::Is(target, _) | ResolvedFilter::AnyValue(target, _) => vec![target],
        }
    }

    /// Whether the filter refers to the core or common attribute `name` (in the schema's spelling).
    pub fn mentions(&self, name: &str) -> bool {
        self.targets().iter().any(|target| target.extension.is_none() && target.name == name)
    }

    /// The target and text of `target eq "text"`, if that is all the filter is.
    pub fn text_equality(&self) -> Option<(&Target, &str)> {
        match self {
            ResolvedFilter::Is(target, ResolvedTest::Compare(Op::Equal, Operand::Text { raw, .. })) => {
                Some((target, raw))
            }
            _ => None,
        }
    }
}
