//! Looking up a filter's names in a resource type, and typing its literals (RFC 7644 section 3.4.2.2,
//! RFC 7643 sections 2.1 and 2.3).

use super::ast::{AttrPath, Filter, Literal, Op, Tail, Test};
use super::error::FilterError;
use super::resolved::{Operand, ResolvedFilter, ResolvedTest, Target};
use super::suggest::{closest_attribute, is_readable, parts_of};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::schema::{Attribute, Kind, ResourceDefinition};
use crate::scim::text::{fold, instant};

/// Resolves a filter over resources of a type.
///
/// An attribute that no schema of the type has, or that is never returned, is an error, and so is a
/// literal or an operator that its type does not know: such a filter never matches what its author meant.
pub fn resolve(
    filter: &Filter,
    definition: &ResourceDefinition,
    tolerances: &mut Tolerances,
) -> Result<ResolvedFilter, FilterError> {
    Resolver { names: Names::Resource(definition), tolerances }.filter(filter)
}

/// Resolves what stands in brackets behind `attribute`: its names are sub-attributes.
pub(in crate::scim) fn resolve_within(
    filter: &Filter,
    attribute: &Attribute,
    tolerances: &mut Tolerances,
) -> Result<ResolvedFilter, FilterError> {
    Resolver { names: Names::Value(attribute), tolerances }.filter(filter)
}

/// What names are looked up in.
#[derive(Clone, Copy)]
enum Names<'d> {
    /// A resource type.
    Resource(&'d ResourceDefinition),
    /// One value of an attribute.
    Value(&'d Attribute),
}

/// An attribute that was found for a path.
struct Found<'d> {
    extension: Option<&'d str>,
    name: &'d str,
    attribute: &'d Attribute,
    /// The sub-attribute that the path names.
    sub: Option<&'d Attribute>,
}

impl<'d> Found<'d> {
    fn new(attribute: &'d Attribute) -> Self {
        Found { extension: None, name: &attribute.name, attribute, sub: None }
    }

    fn target(&self) -> Target {
        let leaf = self.sub.unwrap_or(self.attribute);
        Target {
            extension: self.extension.map(str::to_owned),
            name: self.name.to_owned(),
            sub: self.sub.map(|sub| sub.name.clone()),
            kind: leaf.kind,
            case_exact: is_case_exact(leaf),
            multi_valued: self.attribute.multi_valued || leaf.multi_valued,
        }
    }
}

struct Resolver<'d, 't> {
    names: Names<'d>,
    tolerances: &'t mut Tolerances,
}

impl<'d> Resolver<'d, '_> {
    fn filter(&mut self, filter: &Filter) -> Result<ResolvedFilter, FilterError> {
        Ok(match filter {
            Filter::And(parts) => ResolvedFilter::And(self.all(parts)?),
            Filter::Or(parts) => ResolvedFilter::Or(self.all(parts)?),
            Filter::Not(inner) => ResolvedFilter::Not(Box::new(self.filter(inner)?)),
            Filter::Present(path) => self.test(path, &Test::Present)?,
            Filter::Compare(path, op, literal) => self.test(path, &Test::Compare(*op, literal.clone()))?,
            Filter::ValuePath { path, filter, tail } => self.value_path(path, filter, tail.as_ref())?,
        })
    }

    fn all(&mut self, parts: &[Filter]) -> Result<Vec<ResolvedFilter>, FilterError> {
        parts.iter().map(|part| self.filter(part)).collect()
    }

    /// `attrPath test`
    fn test(&mut self, path: &AttrPath, test: &Test) -> Result<ResolvedFilter, FilterError> {
        let mut found = self.find(path)?;
        let about_the_whole = matches!(test, Test::Present | Test::Compare(Op::Equal | Op::NotEqual, Literal::Null));
        if found.sub.is_none() && found.attribute.kind == Kind::Complex && !about_the_whole {
            let value = found.attribute.sub_attribute("value").filter(|a| is_readable(a));
            let Some(value) = value else {
                let message = format!("{path} has parts and cannot be compared{}", parts_of(found.attribute));
                return Err(FilterError::at(path.place, message));
            };
            found.sub = Some(value);
            self.tolerances.note(Tolerance::ComplexComparison);
        }
        let leaf = found.sub.unwrap_or(found.attribute);
        let test = self.typed(leaf, path, test)?;
        Ok(ResolvedFilter::Is(found.target(), test))
    }

    /// `attrPath "[" valFilter "]"`, and the tail that the RFC does not have
    fn value_path(
        &mut self,
        path: &AttrPath,
        filter: &Filter,
        tail: Option<&Tail>,
    ) -> Result<ResolvedFilter, FilterError> {
        let found = self.find(path)?;
        if path.sub.is_some() {
            let message = format!("{path} has no parts that a filter in brackets could name");
            return Err(FilterError::at(path.place, message));
        }
        let mut inner = Resolver { names: Names::Value(found.attribute), tolerances: self.tolerances };
        let mut within = inner.filter(filter)?;
        if let Some(Tail { sub, test }) = tail {
            // "A value of which this and that": the tail is one more condition on the same value.
            let path = AttrPath { place: path.place, ..AttrPath::new(None, sub, None) };
            within = ResolvedFilter::And(vec![within, inner.test(&path, test)?]);
        }
        Ok(ResolvedFilter::AnyValue(found.target(), Box::new(within)))
    }

    fn find(&mut self, path: &AttrPath) -> Result<Found<'d>, FilterError> {
        match self.names {
            Names::Resource(definition) => self.find_in_resource(path, definition),
            Names::Value(attribute) => self.find_in_value(path, attribute),
        }
    }

    fn find_in_resource(
        &mut self,
        path: &AttrPath,
        definition: &'d ResourceDefinition,
    ) -> Result<Found<'d>, FilterError> {
        let written = path.to_string();
        let unknown = || {
            let hint = closest_attribute(definition, &path.name);
            FilterError::at(path.place, format!("{} has no attribute {written}{hint}", definition.name))
        };
        let (urn, local) = if path.urn.is_some() {
            let qualified = definition.qualified(&written).ok_or_else(unknown)?;
            if qualified.rest.is_empty() {
                return Err(FilterError::at(path.place, format!("{written} is a schema, not an attribute")));
            }
            if qualified.legacy {
                self.tolerances.note(Tolerance::LegacyUrn);
            }
            (Some(qualified.schema.id.as_str()), qualified.rest)
        } else {
            (None, written.as_str())
        };
        let (name, sub) = split(local);
        let located = definition.locate(urn, name).or_else(|| {
            let short = urn.is_none().then(|| in_one_extension(definition, name)).flatten()?;
            self.tolerances.note(Tolerance::MissingUrn);
            definition.locate(Some(short), name)
        });
        let located = located.filter(|located| is_readable(located.attribute)).ok_or_else(unknown)?;
        let sub = self.sub(located.attribute, sub, path)?;
        self.note_case(name, located.attribute);
        Ok(Found { extension: located.extension, sub, ..Found::new(located.attribute) })
    }

    fn find_in_value(&mut self, path: &AttrPath, attribute: &'d Attribute) -> Result<Found<'d>, FilterError> {
        let unknown = || {
            let message = format!("{} has no sub-attribute {path}{}", attribute.name, parts_of(attribute));
            FilterError::at(path.place, message)
        };
        if path.urn.is_some() || path.sub.is_some() {
            return Err(unknown());
        }
        // A value without parts is its own `value` (RFC 7643 section 2.4).
        if attribute.kind != Kind::Complex && path.name.eq_ignore_ascii_case("value") {
            return Ok(Found { name: "value", ..Found::new(attribute) });
        }
        let part = attribute.sub_attribute(&path.name).filter(|a| is_readable(a)).ok_or_else(unknown)?;
        self.note_case(&path.name, part);
        Ok(Found::new(part))
    }

    fn sub(
        &mut self,
        attribute: &'d Attribute,
        sub: Option<&str>,
        path: &AttrPath,
    ) -> Result<Option<&'d Attribute>, FilterError> {
        let Some(sub) = sub else { return Ok(None) };
        if attribute.kind != Kind::Complex && attribute.multi_valued && sub.eq_ignore_ascii_case("value") {
            return Ok(None);
        }
        let Some(part) = attribute.sub_attribute(sub).filter(|a| is_readable(a)) else {
            let message = format!("{} has no sub-attribute {sub}{}", attribute.name, parts_of(attribute));
            return Err(FilterError::at(path.place, message));
        };
        self.note_case(sub, part);
        Ok(Some(part))
    }

    fn note_case(&mut self, written: &str, attribute: &Attribute) {
        if written != attribute.name {
            self.tolerances.note(Tolerance::NameCase);
        }
    }

    /// The test with a literal of the attribute's type.
    fn typed(&mut self, attribute: &Attribute, path: &AttrPath, test: &Test) -> Result<ResolvedTest, FilterError> {
        let Test::Compare(op, literal) = test else { return Ok(ResolvedTest::Present) };
        check_operator(attribute.kind, *op, literal, path)?;
        let operand = match literal {
            Literal::Null => Some(Operand::Null),
            Literal::Boolean(boolean) => (attribute.kind == Kind::Boolean).then_some(Operand::Boolean(*boolean)),
            Literal::Number(number) => is_numeric(attribute.kind).then(|| Operand::Number(number.clone())),
            Literal::String(written) => self.text(attribute, written),
        };
        let operand = operand.ok_or_else(|| {
            let message = format!("{path} cannot be compared with {literal}; expected {}", example(attribute.kind));
            FilterError::at(path.place, message)
        })?;
        Ok(ResolvedTest::Compare(*op, operand))
    }

    fn text(&mut self, attribute: &Attribute, text: &str) -> Option<Operand> {
        match attribute.kind {
            Kind::String | Kind::Reference | Kind::Binary => {
                let exact = is_case_exact(attribute);
                let key = if exact { text.to_owned() } else { fold(text) };
                Some(Operand::Text { raw: text.to_owned(), key })
            }
            Kind::DateTime => instant(text).map(Operand::Instant),
            Kind::Boolean => {
                let value = ["false", "true"].iter().position(|word| text.eq_ignore_ascii_case(word))?;
                self.tolerances.note(Tolerance::BooleanFilterString);
                Some(Operand::Boolean(value == 1))
            }
            Kind::Decimal | Kind::Integer | Kind::Complex => None,
        }
    }
}

/// The name before the first dot, and what stands behind it.
fn split(local: &str) -> (&str, Option<&str>) {
    match local.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (local, None),
    }
}

/// The extension that alone has an attribute of this name: Entra ID's documentation writes `manager eq`.
fn in_one_extension<'d>(definition: &'d ResourceDefinition, name: &str) -> Option<&'d str> {
    let urns = definition.extensions.iter().map(|extension| &extension.schema.id);
    let mut having = urns.filter(|urn| definition.locate(Some(urn.as_str()), name).is_some());
    let first = having.next()?;
    having.next().is_none().then_some(first)
}

/// Base64 differs by case, whatever the definition says.
fn is_case_exact(attribute: &Attribute) -> bool {
    attribute.case_exact || attribute.kind == Kind::Binary
}

fn is_numeric(kind: Kind) -> bool {
    matches!(kind, Kind::Integer | Kind::Decimal)
}

/// Refuses what the type has no order or no text for.
fn check_operator(kind: Kind, op: Op, literal: &Literal, path: &AttrPath) -> Result<(), FilterError> {
    let refuse = |message: String| Err(FilterError::at(path.place, message));
    if *literal == Literal::Null && !matches!(op, Op::Equal | Op::NotEqual) {
        return refuse(format!("null can only be compared with eq and ne, not with {op}"));
    }
    if op.is_ordering() && matches!(kind, Kind::Boolean | Kind::Binary) {
        return refuse(format!("{path} has no order; {op} cannot be used, but eq and ne can"));
    }
    if op.is_substring() && !matches!(kind, Kind::String | Kind::Reference) {
        return refuse(format!("{path} is no text; {op} cannot be used, but eq and ne can"));
    }
    Ok(())
}

/// What a literal of the type looks like, for a message.
fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "true or false",
        Kind::Integer | Kind::Decimal => "a number, e.g. 7",
        Kind::DateTime => "a date and time, e.g. \"2026-01-31T08:00:00Z\"",
        Kind::Binary => "base64 in double quotes",
        Kind::String | Kind::Reference | Kind::Complex => "a text in double quotes",
    }
}
