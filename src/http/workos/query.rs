//! Query parameters and paging: cursors are ids, pages are cut by key.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::error::ApiFailure;
use super::path::id;
use crate::app::App;
use crate::domain::id::{Id, Identified};
use crate::domain::{Error, Result};
use crate::http::scim::body;
use crate::store::{Order, Page, PageRequest};

/// Rows on a page when the caller does not say.
const DEFAULT_LIMIT: i64 = 10;
/// Rows on a page at the most.
const MAX_LIMIT: i64 = 100;
/// Characters of a text to search for at the most.
const MAX_SEARCH: usize = 256;

/// The decoded parameters of a query. Those that an endpoint does not know are ignored.
pub struct Query(Vec<(String, String)>);

impl FromRequestParts<App> for Query {
    type Rejection = ApiFailure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiFailure> {
        Ok(Query(body::query(&parts.uri)?))
    }
}

impl Query {
    /// A parameter that has one value.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that has several: joined by commas, repeated, or with `[]`, as the SDKs differ.
    pub fn many(&self, name: &str) -> Vec<String> {
        let named = |given: &str| given.strip_suffix("[]").unwrap_or(given) == name;
        let values = self.0.iter().filter(|(given, _)| named(given)).flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// A parameter that is an id. One that does not parse names nothing: 404.
    pub fn id<T: Identified>(&self, name: &str) -> Result<Option<Id<T>>> {
        self.one(name).map(id).transpose()
    }

    /// A parameter that is text to search for.
    pub fn search(&self, name: &str) -> Result<Option<&str>> {
        match self.one(name) {
            Some(text) if text.chars().count() > MAX_SEARCH => {
                let message = format!("{name} has {MAX_SEARCH} characters at most");
                Err(Error::invalid(name, "too_long", message))
            }
            text => Ok(text.filter(|text| !text.is_empty())),
        }
    }

    /// A parameter that is a time.
    pub fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        // A plus sign that was not encoded arrives as a space.
        self.one(name).map(|text| super::body::time(name, &text.replace(' ', "+"))).transpose()
    }

    /// How many rows a page has at the most.
    pub fn limit(&self) -> Result<i64> {
        match self.one("limit").map(str::parse) {
            None => Ok(DEFAULT_LIMIT),
            Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
            Some(_) => {
                let message = format!("limit must be a whole number from 1 to {MAX_LIMIT}");
                Err(Error::invalid("limit", "invalid_limit", message))
            }
        }
    }

    /// A parameter that is a whole number from 1 on; an empty one is as good as absent.
    pub fn number(&self, name: &str) -> Result<Option<i64>> {
        let given = self.one(name).filter(|text| !text.is_empty());
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 1);
        let wrong = || Error::invalid(name, "invalid_number", format!("{name} must be a whole number from 1 on"));
        given.map(|text| number(text).ok_or_else(wrong)).transpose()
    }

    /// Which page of a list of `T` is wanted; newest first, if not asked for otherwise.
    pub fn paging<T: Identified>(&self) -> Result<Paging> {
        self.paging_in::<T>("desc")
    }

    /// Which page of a list of `T` is wanted; in this order, if not asked for otherwise.
    pub fn paging_in<T: Identified>(&self, default: &str) -> Result<Paging> {
        let (order, normal) = match self.one("order").unwrap_or(default) {
            "desc" => (Order::Descending, false),
            "asc" => (Order::Ascending, false),
            "normal" => (Order::Descending, true),
            _ => return Err(Error::invalid("order", "invalid_order", "order must be desc, asc or normal")),
        };
        let limit = self.limit()?;
        let cursor = |name: &str| -> Result<_> {
            let text = self.one(name).filter(|text| !text.is_empty());
            let parsed = text.map(|text| {
                text.parse::<Id<T>>().map_err(|error| Error::invalid(name, "bad_request", format!("{name}: {error}")))
            });
            Ok(parsed.transpose()?.map(Id::uuid))
        };
        let (mut after, mut before) = (cursor("after")?, cursor("before")?);
        if normal {
            std::mem::swap(&mut after, &mut before);
        }
        Ok(Paging { request: PageRequest { after, before, limit, order }, normal })
    }
}

/// Which page is wanted, and how its cursors are named.
pub struct Paging {
    /// What the store needs to know.
    pub request: PageRequest,
    /// The order `normal`: newest first, where `before` leads to older rows and `after` to newer ones.
    normal: bool,
}

impl Paging {
    /// The list envelope around a page, with the ids of its first and last objects as cursors where there is more.
    pub fn envelope<T>(&self, page: Page<T>, object: impl FnMut(T) -> Value) -> Value {
        let page = page.map(object);
        let cursor = |there_is_more: bool, row: Option<&Value>| {
            row.filter(|_| there_is_more).and_then(|row| row.get("id")).cloned().unwrap_or(Value::Null)
        };
        let mut before = cursor(page.has_before, page.rows.first());
        let mut after = cursor(page.has_after, page.rows.last());
        if self.normal {
            std::mem::swap(&mut before, &mut after);
        }
        json!({"object": "list", "data": page.rows, "list_metadata": {"before": before, "after": after}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::GroupLabel;

    fn query(text: &str) -> Query {
        Query(body::query(&format!("/?{text}").parse().unwrap()).unwrap())
    }

    #[test]
    fn arrays_come_in_three_forms() {
        for text in ["a=x,y", "a=x&a=y", "a[]=x&a[]=y", "a%5B%5D=x&a=y", "a=x%2Cy", "a=x,,y,"] {
            assert_eq!(query(text).many("a"), ["x", "y"], "{text}");
        }
        assert!(query("b=x").many("a").is_empty());
    }

    #[test]
    fn the_size_of_a_page_has_bounds_and_a_default() {
        let limit = |text: &str| query(text).paging::<GroupLabel>().map(|paging| paging.request.limit);
        assert_eq!((limit("").unwrap(), limit("limit=1").unwrap(), limit("limit=100").unwrap()), (10, 1, 100));
        for bad in ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=99999999999999999999"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_cursors_of_the_normal_order_are_the_other_way_round() {
        let id = "group_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let normal = query(&format!("order=normal&before={id}")).paging::<GroupLabel>().unwrap();
        let descending = query(&format!("after={id}")).paging::<GroupLabel>().unwrap();
        assert_eq!(normal.request.after, descending.request.after);
        assert_eq!(normal.request.order, Order::Descending);
        let page = Page { rows: vec![json!({"id": "1"}), json!({"id": "2"})], has_before: false, has_after: true };
        let envelope = normal.envelope(page, |row| row);
        assert_eq!(envelope["list_metadata"], json!({"before": "2", "after": null}));
    }
}
