//! Long lists, page by page, by the ids of their first and last rows.

use uuid::Uuid;

use super::viewer::Place;
use crate::domain::id::{Id, Identified};
use crate::store::{Order, Page, PageRequest};

/// Rows on a page.
const ROWS: i64 = 50;

/// Which page of a list of `T` the address asks for, newest first. An id that is none leads to the first page.
pub fn request<T: Identified>(place: &Place) -> PageRequest {
    of::<T>(place.asked("after"), place.asked("before"), Order::Descending)
}

/// As [`request`], oldest first.
pub fn request_ascending<T: Identified>(place: &Place) -> PageRequest {
    of::<T>(place.asked("after"), place.asked("before"), Order::Ascending)
}

/// The page after or before these ids.
pub fn of<T: Identified>(after: &str, before: &str, order: Order) -> PageRequest {
    let id = |text: &str| -> Option<Uuid> { text.parse::<Id<T>>().ok().map(Id::uuid) };
    PageRequest { after: id(after), before: id(before), limit: ROWS, order }
}

/// The links to the pages beside this one.
#[derive(Debug, Default)]
pub struct Pager {
    /// To the rows before these.
    pub before: Option<String>,
    /// To the rows after these.
    pub after: Option<String>,
}

impl Pager {
    /// The links of a page: `path` is its address with the query but without cursors, `id` tells the id of a row.
    pub fn of<R>(page: &Page<R>, path: &str, id: impl Fn(&R) -> String) -> Self {
        let sign = if path.contains('?') { '&' } else { '?' };
        let link = |there: bool, row: Option<&R>, word: &str| {
            row.filter(|_| there).map(|row| format!("{path}{sign}{word}={}", id(row)))
        };
        Pager {
            before: link(page.has_before, page.rows.first(), "before"),
            after: link(page.has_after, page.rows.last(), "after"),
        }
    }
}

/// The first rows of a list, oldest first.
pub fn up_to(limit: i64) -> PageRequest {
    PageRequest { after: None, before: None, limit, order: Order::Ascending }
}
