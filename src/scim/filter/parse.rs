//! The filter grammar (RFC 7644 section 3.4.2.2, figure 1) and the path grammar (section 3.5.2, figure 7).
//!
//! Every function that descends counts its depth *before* it does, so that neither parsing nor dropping
//! what was parsed can exhaust the stack, whatever the text. Nothing backtracks over more than a word:
//! the time is linear in the text, and the text is bounded.

use std::cell::{Cell, RefCell};

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_till1, take_while1};
use nom::character::complete::{alpha1, anychar, char, multispace0, multispace1, none_of};
use nom::combinator::{eof, peek, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::multi::{many0_count, separated_list1};
use nom::sequence::{delimited, pair, preceded, terminated};
use nom::{IResult, Parser};

use super::ast::{AttrPath, Filter, Literal, Op, Place, Tail, Test};
use super::error::FilterError;
use super::literal;
use crate::scim::dialect::{Strictness, Tolerance, Tolerances};

/// The longest filter, in bytes.
pub const MAX_TEXT: usize = 8 * 1024;
/// How deep parentheses, negations and value paths may nest.
pub const MAX_DEPTH: usize = 32;
/// How many comparisons one filter may have.
pub const MAX_CLAUSES: usize = 200;
/// The longest literal, in bytes.
pub const MAX_LITERAL: usize = 4 * 1024;

/// A PATCH path as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scim) struct PathText {
    /// The attribute.
    pub path: AttrPath,
    /// What stood in brackets behind it.
    pub filter: Option<Filter>,
    /// The sub-attribute behind the brackets.
    pub sub: Option<String>,
}

/// Reads a filter.
///
/// Unquoted literals are read only if `strictness` allows them.
pub fn parse(text: &str, strictness: Strictness, tolerances: &mut Tolerances) -> Result<Filter, FilterError> {
    let grammar = Grammar::new(strictness, tolerances);
    grammar.whole(text, MAX_TEXT, "`and`, `or` or the end of the filter", |i| grammar.or_expr(i, Nesting::default()))
}

/// Reads a PATCH path of at most `limit` bytes.
pub(in crate::scim) fn parse_path(
    text: &str,
    limit: usize,
    strictness: Strictness,
    tolerances: &mut Tolerances,
) -> Result<PathText, FilterError> {
    let grammar = Grammar::new(strictness, tolerances);
    grammar.whole(text, limit, "the end of the path, or a filter such as [type eq \"work\"]", |i| grammar.path(i))
}

type Parsed<'a, T> = IResult<&'a str, T, Trouble<'a>>;

/// What is wrong, and the text from there on.
struct Trouble<'a> {
    at: &'a str,
    problem: Problem,
}

enum Problem {
    /// Something else was due here.
    Expected(&'static str),
    /// The text asks for too much, or for what no server can do.
    Refused(String),
}

impl<'a> ParseError<&'a str> for Trouble<'a> {
    fn from_error_kind(at: &'a str, _: ErrorKind) -> Self {
        Trouble { at, problem: Problem::Expected("something else") }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// The failure that ends parsing: something else was due.
fn expected<'a, T>(at: &'a str, what: &'static str) -> Parsed<'a, T> {
    Err(nom::Err::Failure(Trouble { at, problem: Problem::Expected(what) }))
}

/// The failure that ends parsing: this is not done here.
fn refused<T>(at: &str, why: String) -> Parsed<'_, T> {
    Err(nom::Err::Failure(Trouble { at, problem: Problem::Refused(why) }))
}

/// `parser`, whose failure says that `what` was due.
fn or_expected<'a, T>(
    mut parser: impl Parser<&'a str, Output = T, Error = Trouble<'a>>,
    i: &'a str,
    what: &'static str,
) -> Parsed<'a, T> {
    match parser.parse(i) {
        Err(nom::Err::Error(_)) => expected(i, what),
        other => other,
    }
}

/// Where in the nesting the parser is.
#[derive(Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    /// Whether within the brackets of a value path, which have no brackets within.
    in_brackets: bool,
}

/// The grammar with what it counts and notes on its way.
struct Grammar<'t> {
    /// The text from its start, to tell places.
    text: Cell<&'t str>,
    strictness: Strictness,
    clauses: Cell<usize>,
    tolerances: RefCell<&'t mut Tolerances>,
}

impl<'t> Grammar<'t> {
    fn new(strictness: Strictness, tolerances: &'t mut Tolerances) -> Self {
        Grammar { text: Cell::new(""), strictness, clauses: Cell::new(0), tolerances: RefCell::new(tolerances) }
    }

    /// The whole text by `parser`, within white space.
    fn whole<T>(
        &self,
        text: &'t str,
        limit: usize,
        end: &'static str,
        parser: impl FnOnce(&'t str) -> Parsed<'t, T>,
    ) -> Result<T, FilterError> {
        if text.len() > limit {
            let message = format!("{} bytes are too long; the limit is {limit} bytes", text.len());
            return Err(FilterError::at(Place { offset: 0, column: 1 }, message));
        }
        self.text.set(text);
        let parsed = spaces(text).and_then(|(i, ())| parser(i)).and_then(|(i, value)| {
            let (i, ()) = spaces(i)?;
            if i.is_empty() { Ok((i, value)) } else { expected(i, end) }
        });
        match parsed {
            Ok((_, value)) => Ok(value),
            Err(nom::Err::Error(trouble) | nom::Err::Failure(trouble)) => Err(self.error(trouble.at, &trouble.problem)),
            Err(nom::Err::Incomplete(_)) => Err(self.error("", &Problem::Expected("more"))),
        }
    }

    fn error(&self, at: &str, problem: &Problem) -> FilterError {
        let message = match problem {
            Problem::Expected(what) => format!("expected {what}; found {}", found(at)),
            Problem::Refused(why) => why.clone(),
        };
        FilterError::at(self.place(at), message)
    }

    /// The place of `rest`, which is a tail of the text.
    fn place(&self, rest: &str) -> Place {
        let text = self.text.get();
        let offset = text.len() - rest.len();
        Place { offset, column: text[..offset].chars().count() + 1 }
    }

    fn note(&self, tolerance: Tolerance) {
        self.tolerances.borrow_mut().note(tolerance);
    }

    /// One level deeper, if that is still allowed.
    fn deeper(at: &str, nesting: Nesting) -> Result<Nesting, nom::Err<Trouble<'_>>> {
        if nesting.depth < MAX_DEPTH {
            return Ok(Nesting { depth: nesting.depth + 1, ..nesting });
        }
        let problem = Problem::Refused(format!("nested too deep; the limit is {MAX_DEPTH} levels"));
        Err(nom::Err::Failure(Trouble { at, problem }))
    }

    /// `and_expr *( SP "or" SP and_expr )`
    fn or_expr<'a>(&self, i: &'a str, nesting: Nesting) -> Parsed<'a, Filter> {
        separated_list1(keyword("or"), |i| self.and_expr(i, nesting)).map(Filter::or).parse(i)
    }

    /// `term *( SP "and" SP term )`
    fn and_expr<'a>(&self, i: &'a str, nesting: Nesting) -> Parsed<'a, Filter> {
        separated_list1(keyword("and"), |i| self.term(i, nesting)).map(Filter::and).parse(i)
    }

    /// `*1"not" "(" FILTER ")" / clause`
    fn term<'a>(&self, i: &'a str, nesting: Nesting) -> Parsed<'a, Filter> {
        match negation(i) {
            Ok((open, ())) => {
                let (i, inner) = self.group(open, nesting)?;
                Ok((i, Filter::Not(Box::new(inner))))
            }
            Err(_) if i.starts_with('(') => self.group(i, nesting),
            Err(_) => self.clause(i, nesting),
        }
    }

    /// `"(" FILTER ")"`
    fn group<'a>(&self, open: &'a str, nesting: Nesting) -> Parsed<'a, Filter> {
        let nesting = Self::deeper(open, nesting)?;
        let (i, _) = (char('('), multispace0).parse(open)?;
        let (i, inner) = self.or_expr(i, nesting)?;
        let (i, ()) = spaces(i)?;
        let (i, _) = or_expected(char(')'), i, "`and`, `or` or `)`")?;
        Ok((i, inner))
    }

    /// `attrPath test / attrPath "[" valFilter "]" *1( "." subAttr test )`, the last as a tolerance
    fn clause<'a>(&self, i: &'a str, nesting: Nesting) -> Parsed<'a, Filter> {
        self.clauses.set(self.clauses.get() + 1);
        if self.clauses.get() > MAX_CLAUSES {
            return refused(i, format!("too many comparisons; the limit is {MAX_CLAUSES}"));
        }
        let (i, path) = self.attr_path(i)?;
        if i.starts_with('[') {
            let (i, filter) = self.brackets(i, nesting)?;
            let (i, tail) = self.tail(i)?;
            return Ok((i, Filter::ValuePath { path, filter: Box::new(filter), tail }));
        }
        let (i, test) = self.test(i)?;
        let filter = match test {
            Test::Present => Filter::Present(path),
            Test::Compare(op, literal) => Filter::Compare(path, op, literal),
        };
        Ok((i, filter))
    }

    /// `"[" valFilter "]"`
    fn brackets<'a>(&self, open: &'a str, nesting: Nesting) -> Parsed<'a, Filter> {
        if nesting.in_brackets {
            return refused(open, "brackets within brackets; a sub-attribute has no sub-attributes".to_owned());
        }
        let nesting = Nesting { in_brackets: true, ..Self::deeper(open, nesting)? };
        let (i, _) = (char('['), multispace0).parse(open)?;
        let (i, filter) = self.or_expr(i, nesting)?;
        let (i, ()) = spaces(i)?;
        let (i, _) = or_expected(char(']'), i, "`and`, `or` or `]`")?;
        Ok((i, filter))
    }

    /// `*1( "." subAttr test )`
    fn tail<'a>(&self, i: &'a str) -> Parsed<'a, Option<Tail>> {
        let (i, sub) = sub_attr(i)?;
        let Some(sub) = sub else { return Ok((i, None)) };
        let (i, test) = self.test(i)?;
        self.note(Tolerance::ValuePathComparison);
        Ok((i, Some(Tail { sub: sub.to_owned(), test })))
    }

    /// `SP "pr" / SP compareOp SP compValue`
    fn test<'a>(&self, i: &'a str) -> Parsed<'a, Test> {
        const OPERATOR: &str = "an operator (eq, ne, co, sw, ew, pr, gt, ge, lt, le), e.g. userName eq \"ada\"";
        let (at, _) = or_expected(multispace1, i, OPERATOR)?;
        let (i, word) = or_expected(alpha1, at, OPERATOR)?;
        if word.eq_ignore_ascii_case("pr") {
            return Ok((i, Test::Present));
        }
        let Some(op) = Op::ALL.into_iter().find(|op| word.eq_ignore_ascii_case(op.as_str())) else {
            return expected(at, OPERATOR);
        };
        let (i, _) = or_expected(multispace1, i, "a space and a value, e.g. \"ada\", true or 7")?;
        let (i, literal) = self.literal(i)?;
        Ok((i, Test::Compare(op, literal)))
    }

    /// `attrPath = [URI ":"] ATTRNAME *1subAttr`
    ///
    /// URNs have colons and dots of their own, so the last colon divides, and dots count only behind it.
    /// Whether that left-hand side is a schema is decided when the path is resolved.
    fn attr_path<'a>(&self, at: &'a str) -> Parsed<'a, AttrPath> {
        const NAME: &str = "an attribute's name, e.g. userName or emails.value";
        let (i, token) = or_expected(take_while1(is_path_char), at, NAME)?;
        let (urn, local) = match token.rsplit_once(':') {
            Some((urn, local)) => (Some(urn), local),
            None => (None, token),
        };
        let (name, sub) = match local.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (local, None),
        };
        // A URN may end in a version, `…:enterprise:1.0`, which is no name but may still be a schema.
        let good = |part: &str| match urn {
            Some(urn) => !part.is_empty() && !urn.is_empty(),
            None => is_name(part),
        };
        if !good(name) || !sub.is_none_or(good) {
            return expected(at, NAME);
        }
        Ok((i, AttrPath { place: self.place(at), ..AttrPath::new(urn, name, sub) }))
    }

    /// `compValue = false / null / true / number / string`
    fn literal<'a>(&self, at: &'a str) -> Parsed<'a, Literal> {
        const VALUE: &str = "a value: text in double quotes, a number, true, false or null, e.g. \"ada\"";
        if at.starts_with('"') {
            let (i, raw) = or_expected(quoted, at, "a closing `\"`")?;
            return match literal::text(raw) {
                Ok(text) if text.len() <= MAX_LITERAL => Ok((i, Literal::String(text))),
                Ok(_) => refused(at, format!("the value is too long; the limit is {MAX_LITERAL} bytes")),
                Err(why) => refused(at, why),
            };
        }
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"');
        let (i, word) = or_expected(take_till1(ends), at, VALUE)?;
        if let Some(literal) = literal::word(word) {
            if matches!(literal, Literal::Boolean(_)) && word != word.to_ascii_lowercase() {
                self.note(Tolerance::BooleanFilterString);
            }
            return Ok((i, literal));
        }
        let fits = word.len() <= MAX_LITERAL && !word.contains('\0');
        if self.strictness.lenient_filters && fits {
            self.note(Tolerance::UnquotedLiteral);
            return Ok((i, Literal::String(word.to_owned())));
        }
        expected(at, VALUE)
    }

    /// `PATH = attrPath / valuePath [subAttr]`
    fn path<'a>(&self, i: &'a str) -> Parsed<'a, PathText> {
        let (i, path) = self.attr_path(i)?;
        if !i.starts_with('[') {
            return Ok((i, PathText { path, filter: None, sub: None }));
        }
        let (i, filter) = self.brackets(i, Nesting::default())?;
        let (i, sub) = sub_attr(i)?;
        Ok((i, PathText { path, filter: Some(filter), sub: sub.map(str::to_owned) }))
    }
}

/// `*1( "." ATTRNAME )`
fn sub_attr(i: &str) -> Parsed<'_, Option<&str>> {
    let Some(at) = i.strip_prefix('.') else { return Ok((i, None)) };
    let (i, sub) = or_expected(take_while1(is_name_char), at, "a sub-attribute's name, e.g. .value")?;
    Ok((i, Some(sub)))
}

/// `"not"`, up to its parenthesis
fn negation(i: &str) -> Parsed<'_, ()> {
    (tag_no_case("not"), multispace0, peek(char('('))).map(|_| ()).parse(i)
}

/// `SP word SP`; the space behind it may be missing before a parenthesis, and at the end, where what
/// follows will be missed
fn keyword<'a>(word: &'static str) -> impl Parser<&'a str, Output = (), Error = Trouble<'a>> {
    let behind = alt((multispace1, terminated(tag(""), peek(char('('))), eof));
    delimited(multispace1, tag_no_case(word), pair(behind, multispace0)).map(|_| ())
}

/// A JSON string with its quotes and escapes
fn quoted(i: &str) -> Parsed<'_, &str> {
    let escaped = preceded(char('\\'), anychar);
    recognize((char('"'), many0_count(alt((none_of("\"\\"), escaped))), char('"'))).parse(i)
}

/// White space, or none
fn spaces(i: &str) -> Parsed<'_, ()> {
    multispace0.map(|_| ()).parse(i)
}

/// `nameChar`, and the `$` of `$ref`
fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$')
}

fn is_path_char(c: char) -> bool {
    is_name_char(c) || matches!(c, ':' | '.')
}

/// `ATTRNAME = ALPHA *(nameChar)`, and `_` or `$` as the first character
fn is_name(text: &str) -> bool {
    text.chars().all(is_name_char) && text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$'))
}

/// The beginning of what stands there, for a message.
fn found(at: &str) -> String {
    const SHOWN: usize = 24;
    if at.is_empty() {
        return "the end".to_owned();
    }
    let shown: String = at.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let more = if at.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}
