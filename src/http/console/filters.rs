//! Filters of the templates: how numbers and words are shown. Pages import this module by its name.

#![expect(
    clippy::inline_always,
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "what the macro makes of a filter, and the form that it asks for"
)]

use askama::Values;

use super::view;

/// A number of things, in whichever type it comes.
pub trait Count {
    /// The number.
    fn count(&self) -> i64;
}

impl Count for i64 {
    fn count(&self) -> i64 {
        *self
    }
}

impl Count for usize {
    fn count(&self) -> i64 {
        i64::try_from(*self).unwrap_or(i64::MAX)
    }
}

impl<T: Count> Count for &T {
    fn count(&self) -> i64 {
        T::count(self)
    }
}

/// A number that can be read: `{{ n|number }}`.
#[askama::filter_fn]
pub fn number(value: impl Count, _: &dyn Values) -> askama::Result<String> {
    Ok(view::number(value.count()))
}

/// A number and its noun: `{{ n|counted("person", "people") }}`.
#[askama::filter_fn]
pub fn counted(value: impl Count, _: &dyn Values, one: &str, many: &str) -> askama::Result<String> {
    Ok(view::counted(value.count(), one, many))
}

/// A word of the APIs for people: `{{ word|words }}`.
#[askama::filter_fn]
pub fn words(value: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    Ok(view::words(value.as_ref()))
}

/// A text as a sentence: `{{ message|sentence }}`.
#[askama::filter_fn]
pub fn sentence(value: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    Ok(view::sentence(value.as_ref()))
}

/// Words in which abbreviations are written large.
const ABBREVIATIONS: [(&str, &str); 2] = [(" api ", " API "), (" scim ", " SCIM ")];

/// Words with a capital first: `{{ word|words|sentence_head }}`.
#[askama::filter_fn]
pub fn sentence_head(value: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    let text = format!("{} ", value.as_ref());
    let text = ABBREVIATIONS.iter().fold(text, |text, (small, large)| text.replace(small, large));
    let mut chars = text.trim_end().chars();
    Ok(chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default())
}
