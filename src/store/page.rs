//! Pages of native lists: by key, never by offset, so that the last page costs what the first does.

use uuid::Uuid;

use super::statement::{Param, Stmt, sql};

/// The order of a list. Ids are ULIDs, so their order is the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// Rows that follow this one in list order. It need not exist any more.
    pub after: Option<Uuid>,
    /// Rows that come right before this one in list order.
    pub before: Option<Uuid>,
    /// How many rows at the most; at least 1.
    pub limit: i64,
    /// The order.
    pub order: Order,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in list order.
    pub rows: Vec<T>,
    /// Whether there are rows before these.
    pub has_before: bool,
    /// Whether there are rows after these.
    pub has_after: bool,
}

impl PageRequest {
    /// Completes a SELECT whose text ends in its WHERE clause, and whose `params` are bound already, by
    /// the bounds on `key`, the order and the limit. One row more than asked for tells whether there is more.
    pub(super) fn complete(&self, text: &str, params: Vec<Param>, key: &str) -> Stmt {
        let descending = self.order == Order::Descending;
        let mut text = text.to_owned();
        let mut params = params;
        let reversed = self.reversed();
        for (bound, sign) in
            [(self.after, if descending { "<" } else { ">" }), (self.before, if descending { ">" } else { "<" })]
        {
            if bound.is_some() {
                params.push(Param::Id(bound));
                text.push_str(&format!(" AND {key} {sign} ${}", params.len()));
            }
        }
        params.push(Param::Int(Some(self.limit + 1)));
        let direction = if descending == reversed { "ASC" } else { "DESC" };
        text.push_str(&format!(" ORDER BY {key} {direction} LIMIT ${}", params.len()));
        let mut stmt = sql(text);
        stmt.params = params;
        stmt
    }

    /// Walking back from `before` reads the list the other way round. With both bounds it is read forward,
    /// from the one to the other.
    fn reversed(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }

    /// Makes the page of the rows that [`PageRequest::complete`] selected.
    pub(super) fn page<T>(&self, mut rows: Vec<T>) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if self.reversed() {
            rows.reverse();
            return Page { rows, has_before: more, has_after: true };
        }
        Page { rows, has_before: self.after.is_some(), has_after: more }
    }
}

impl<T> Page<T> {
    /// The same page with each row made into something else.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(make).collect(), has_before: self.has_before, has_after: self.has_after }
    }

    /// As [`Page::map`], where making may fail.
    pub fn try_map<U, E>(self, make: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            rows: self.rows.into_iter().map(make).collect::<Result<_, E>>()?,
            has_before: self.has_before,
            has_after: self.has_after,
        })
    }
}
