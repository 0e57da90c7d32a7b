//! The filter as it was written (RFC 7644 section 3.4.2.2).

/// A filter.
///
/// `And` and `Or` are lists of two or more, and no list stands directly within a list of its own kind:
/// a chain of two hundred clauses is long, not deep, and a tree is never deeper than
/// [`MAX_DEPTH`](super::MAX_DEPTH) allows. [`Filter::and`] and [`Filter::or`] keep it so.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// `title pr`
    Present(AttrPath),
    /// `userName eq "ada"`
    Compare(AttrPath, Op, Literal),
    /// `emails[type eq "work"]`: one value must match all of it.
    ValuePath {
        /// The attribute whose values are looked at.
        path: AttrPath,
        /// What one of them must match; its names are sub-attributes.
        filter: Box<Filter>,
        /// `….value eq "x"` behind the bracket, which the RFC does not have (Entra ID, Rippling).
        tail: Option<Tail>,
    },
}

/// What follows the bracket in `emails[type eq "work"].value eq "x"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    /// The sub-attribute.
    pub sub: String,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `pr`
    Present,
    /// An operator and its literal.
    Compare(Op, Literal),
}

/// The name of an attribute, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct AttrPath {
    /// What stood before the last colon.
    pub urn: Option<String>,
    /// The attribute.
    pub name: String,
    /// What stood behind the first dot after the name.
    pub sub: Option<String>,
    /// Where it stood in the text.
    pub place: Place,
}

/// A place in the text, for messages. All places are equal: where a filter stood is no part of what it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// Bytes from the start.
    pub offset: usize,
    /// Characters from the start, counted from 1.
    pub column: usize,
}

impl PartialEq for Place {
    fn eq(&self, _: &Place) -> bool {
        true
    }
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `eq`: equal.
    Equal,
    /// `ne`: not equal.
    NotEqual,
    /// `co`: contains.
    Contains,
    /// `sw`: starts with.
    StartsWith,
    /// `ew`: ends with.
    EndsWith,
    /// `gt`: greater than.
    Greater,
    /// `ge`: greater than or equal.
    GreaterOrEqual,
    /// `lt`: less than.
    Less,
    /// `le`: less than or equal.
    LessOrEqual,
}

impl Op {
    /// Every operator.
    pub const ALL: [Op; 9] = [
        Op::Equal,
        Op::NotEqual,
        Op::Contains,
        Op::StartsWith,
        Op::EndsWith,
        Op::Greater,
        Op::GreaterOrEqual,
        Op::Less,
        Op::LessOrEqual,
    ];

    /// The spelling of the RFC.
    pub fn as_str(self) -> &'static str {
        match self {
            Op::Equal => "eq",
            Op::NotEqual => "ne",
            Op::Contains => "co",
            Op::StartsWith => "sw",
            Op::EndsWith => "ew",
            Op::Greater => "gt",
            Op::GreaterOrEqual => "ge",
            Op::Less => "lt",
            Op::LessOrEqual => "le",
        }
    }

    /// Whether it looks into a text: `co`, `sw`, `ew`.
    pub fn is_substring(self) -> bool {
        matches!(self, Op::Contains | Op::StartsWith | Op::EndsWith)
    }

    /// Whether it needs an order: `gt`, `ge`, `lt`, `le`.
    pub fn is_ordering(self) -> bool {
        matches!(self, Op::Greater | Op::GreaterOrEqual | Op::Less | Op::LessOrEqual)
    }
}

/// What an attribute is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `"text"`
    String(String),
    /// A number that fits 64 bits, or has a fraction or exponent.
    Number(serde_json::Number),
    /// `true` or `false`
    Boolean(bool),
    /// `null`
    Null,
}

impl Filter {
    /// All of `parts`; chains are flattened, and one alone is itself.
    pub fn and(parts: Vec<Filter>) -> Filter {
        let flat = parts.into_iter().flat_map(|part| match part {
            Filter::And(inner) => inner,
            other => vec![other],
        });
        only_or(flat.collect(), Filter::And)
    }

    /// Any of `parts`; chains are flattened, and one alone is itself.
    pub fn or(parts: Vec<Filter>) -> Filter {
        let flat = parts.into_iter().flat_map(|part| match part {
            Filter::Or(inner) => inner,
            other => vec![other],
        });
        only_or(flat.collect(), Filter::Or)
    }
}

/// The one part there is, or a list of them.
fn only_or(mut parts: Vec<Filter>, list: fn(Vec<Filter>) -> Filter) -> Filter {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    list(parts)
}

impl AttrPath {
    /// A path that stands in no text.
    pub fn new(urn: Option<&str>, name: &str, sub: Option<&str>) -> Self {
        AttrPath {
            urn: urn.map(str::to_owned),
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
            place: Place::default(),
        }
    }
}
