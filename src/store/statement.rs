//! A statement and its parameters, independent of the engine.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::Id;

/// A value to bind. `None` keeps its SQL type, which PostgreSQL insists on.
#[derive(Debug, Clone)]
pub enum Param {
    /// TEXT.
    Text(Option<String>),
    /// BIGINT.
    Int(Option<i64>),
    /// BOOLEAN.
    Bool(Option<bool>),
    /// TIMESTAMPTZ.
    Time(Option<DateTime<Utc>>),
    /// UUID.
    Id(Option<Uuid>),
}

/// A statement: text with `$1…$n` and the values for them.
#[derive(Debug, Clone)]
pub struct Stmt {
    pub(super) text: Cow<'static, str>,
    pub(super) params: Vec<Param>,
}

/// A statement of this text. Text that is put together at run time holds only what this program
/// wrote itself; whatever came from outside is bound.
pub fn sql(text: impl Into<Cow<'static, str>>) -> Stmt {
    Stmt { text: text.into(), params: Vec::new() }
}

impl Stmt {
    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Param>) -> Self {
        self.params.push(value.into());
        self
    }

    /// Panics in debug builds if a parameter was forgotten: SQLite would take it for NULL, silently.
    pub(super) fn check(&self) {
        debug_assert_eq!(highest_placeholder(&self.text), self.params.len(), "parameters of: {}", self.text);
    }
}

/// The greatest `n` of the `$n` in `text`.
fn highest_placeholder(text: &str) -> usize {
    text.split('$')
        .skip(1)
        .filter_map(|rest| {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            rest[..digits].parse().ok()
        })
        .max()
        .unwrap_or(0)
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Param::Text(Some(value.to_owned()))
    }
}
impl From<String> for Param {
    fn from(value: String) -> Self {
        Param::Text(Some(value))
    }
}
impl From<&String> for Param {
    fn from(value: &String) -> Self {
        Param::Text(Some(value.clone()))
    }
}
impl From<Option<String>> for Param {
    fn from(value: Option<String>) -> Self {
        Param::Text(value)
    }
}
impl From<Option<&str>> for Param {
    fn from(value: Option<&str>) -> Self {
        Param::Text(value.map(str::to_owned))
    }
}
impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Param::Int(Some(value))
    }
}
impl From<Option<i64>> for Param {
    fn from(value: Option<i64>) -> Self {
        Param::Int(value)
    }
}
impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Param::Bool(Some(value))
    }
}
impl From<DateTime<Utc>> for Param {
    fn from(value: DateTime<Utc>) -> Self {
        Param::Time(Some(value))
    }
}
impl From<Option<DateTime<Utc>>> for Param {
    fn from(value: Option<DateTime<Utc>>) -> Self {
        Param::Time(value)
    }
}
impl<T> From<Id<T>> for Param {
    fn from(value: Id<T>) -> Self {
        Param::Id(Some(value.uuid()))
    }
}
impl<T> From<Option<Id<T>>> for Param {
    fn from(value: Option<Id<T>>) -> Self {
        Param::Id(value.map(Id::uuid))
    }
}

/// The type of a column of [`Rows`].
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// UUID.
    Id,
    /// TEXT.
    Text,
    /// BIGINT.
    Int,
    /// BOOLEAN.
    Bool,
    /// TIMESTAMPTZ.
    Time,
}

/// Many rows as one parameter: a JSON array of arrays that the statement unpacks
/// ([`super::Tx::rows`]), so that one text serves any number of rows.
#[derive(Debug, Clone, Default)]
pub struct Rows(Vec<Value>);

impl Rows {
    /// A set of rows of one id each.
    pub fn ids<T>(ids: impl IntoIterator<Item = Id<T>>) -> Self {
        Rows(ids.into_iter().map(|id| Value::Array(vec![cell(id)])).collect())
    }

    /// A set of rows of one text each.
    pub fn texts<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Self {
        Rows(texts.into_iter().map(|text| Value::Array(vec![Value::String(text.into())])).collect())
    }

    /// Adds a row, its cells in the order of the columns; see [`cell`].
    pub fn push(&mut self, cells: impl IntoIterator<Item = Value>) {
        self.0.push(Value::Array(cells.into_iter().collect()));
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Rows> for Param {
    fn from(rows: Rows) -> Self {
        Param::Text(Some(Value::Array(rows.0).to_string()))
    }
}

/// One cell of a row in [`Rows`].
pub fn cell(value: impl Into<Param>) -> Value {
    match value.into() {
        Param::Text(text) => text.into(),
        Param::Int(number) => number.into(),
        Param::Bool(flag) => flag.into(),
        // The form in which the SQLite driver writes times: text order is time order.
        Param::Time(at) => at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)).into(),
        Param::Id(id) => id.map(|id| id.simple().to_string()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_placeholder_is_found() {
        assert_eq!(highest_placeholder("SELECT 1"), 0);
        assert_eq!(highest_placeholder("SELECT $2, $10, $2"), 10);
        assert_eq!(highest_placeholder("SELECT '$' || $1"), 1);
    }
}
