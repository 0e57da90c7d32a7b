//! Pages as this API has them: an order, a size from 0 on, and the cursor of the next one.

use serde_json::{Value, json};

use crate::domain::id::{Id, Identified};
use crate::domain::{Error, Result};
use crate::http::workos::query::Query;
use crate::store::{Order, Page, PageRequest};

/// What the size of a list's pages may be.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// The least.
    pub least: i64,
    /// The most.
    pub most: i64,
    /// The size when the caller does not say.
    pub default: i64,
}

/// Sizes of lists whose pages have 100 rows when the caller does not say.
pub const HUNDRED: Sizes = Sizes { least: 0, most: 1_000, default: 100 };
/// Sizes of lists that mostly fit on one page.
pub const THOUSAND: Sizes = Sizes { least: 0, most: 1_000, default: 1_000 };
/// Sizes of the list of users.
pub const USERS: Sizes = Sizes { least: 1, most: 100, default: 20 };

/// Which page is wanted, but for where it begins.
pub fn paging(query: &Query, sizes: Sizes, default: Order) -> Result<PageRequest> {
    let limit = match query.one("limit").map(str::parse) {
        None => sizes.default,
        Some(Ok(limit)) if (sizes.least..=sizes.most).contains(&limit) => limit,
        Some(_) => {
            let message = format!("limit must be a whole number from {} to {}", sizes.least, sizes.most);
            return Err(Error::invalid("limit", "invalid_limit", message));
        }
    };
    let order = match query.one("order") {
        None => default,
        Some("asc") => Order::Ascending,
        Some("desc") => Order::Descending,
        Some(_) => return Err(Error::invalid("order", "invalid_order", "order must be asc or desc")),
    };
    Ok(PageRequest { after: None, before: None, limit, order })
}

/// Where the page begins: behind the row with this id, which need not exist any more.
pub fn after<T: Identified>(query: &Query) -> Result<Option<Id<T>>> {
    let text = query.one("after").filter(|text| !text.is_empty());
    let wrong = |error| Error::invalid("after", "invalid_cursor", format!("after: {error}"));
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// Which page is wanted of a list whose cursors are the ids of its rows.
pub fn by_id<T: Identified>(query: &Query, sizes: Sizes, default: Order) -> Result<PageRequest> {
    let after = after::<T>(query)?.map(Id::uuid);
    Ok(PageRequest { after, ..paging(query, sizes, default)? })
}

/// The envelope around a page. `cursor` is that of a row: the next page begins behind it.
pub fn envelope<T>(page: Page<T>, cursor: impl Fn(&T) -> String, object: impl Fn(T) -> Value) -> Value {
    let next = page.rows.last().filter(|_| page.has_after).map(cursor);
    let has_more = page.has_after;
    let data: Vec<Value> = page.rows.into_iter().map(object).collect();
    json!({"object": "list", "data": data, "has_more": has_more, "next": next})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_rows_leads_nowhere_but_says_that_there_is_more() {
        let page = Page { rows: Vec::<String>::new(), has_before: false, has_after: true };
        let envelope = envelope(page, String::clone, Value::from);
        assert_eq!(envelope, json!({"object": "list", "data": [], "has_more": true, "next": null}));
    }
}
