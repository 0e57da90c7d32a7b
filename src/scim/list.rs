//! Queries and list responses (RFC 7644 sections 3.4.2 and 3.4.3, RFC 9865).

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::{ScimError, ScimType};
use super::sort::Order;

/// The URN of a list response.
pub const LIST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The URN of the body of `POST …/.search`.
pub const SEARCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// How many resources a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Without `count`.
    pub default_size: u64,
    /// Whatever `count` says.
    pub max_size: u64,
}

impl Default for Paging {
    fn default() -> Self {
        Paging { default_size: 100, max_size: 1_000 }
    }
}

/// Which part of the matching resources is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// `startIndex` (from 1; beyond the end is an empty page) and `count`.
    Index {
        /// The first resource, counted from 1.
        start: u64,
        /// The most resources; 0 asks for `totalResults` alone.
        count: u64,
    },
    /// `cursor` (RFC 9865).
    Cursor {
        /// The cursor; `None` for the first page.
        cursor: Option<String>,
        /// The most resources.
        count: u64,
    },
}

/// A query, sent as URL parameters or as a `SearchRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The filter, unparsed.
    pub filter: Option<String>,
    /// `attributes`, comma-separated.
    pub attributes: Option<String>,
    /// `excludedAttributes`, comma-separated.
    pub excluded: Option<String>,
    /// `sortBy`, unresolved.
    pub sort_by: Option<String>,
    /// `sortOrder`.
    pub order: Order,
    /// The page.
    pub page: Page,
}

impl Query {
    /// The query of a URL's decoded parameters. Unknown ones are ignored; one that is sent twice is an error.
    pub fn from_parameters<N: AsRef<str>, V: AsRef<str>>(
        parameters: impl IntoIterator<Item = (N, V)>,
        paging: Paging,
    ) -> Result<Self, ScimError> {
        let mut raw = Raw::default();
        for (name, value) in parameters {
            let Some(slot) = raw.slot(name.as_ref()) else { continue };
            if slot.is_some() {
                return Err(ScimError::invalid_syntax(format!(
                    "{} is there twice; send it once",
                    name_of(name.as_ref())
                )));
            }
            *slot = Some(value.as_ref().to_owned());
        }
        raw.into_query(paging)
    }

    /// The query of a `SearchRequest` body.
    pub fn from_search_request(body: Value, paging: Paging) -> Result<Self, ScimError> {
        let Value::Object(body) = body else {
            return Err(ScimError::invalid_syntax("the body is not an object; send a SearchRequest"));
        };
        require_schema(&body, SEARCH_URN)?;
        let mut raw = Raw::default();
        for (name, value) in body {
            let Some(slot) = raw.slot(&name) else { continue };
            if slot.is_some() {
                return Err(ScimError::invalid_syntax(format!("{} is there twice; send it once", name_of(&name))));
            }
            *slot = search_value(name_of(&name), value)?;
        }
        raw.into_query(paging)
    }
}

/// The parameters, as text.
#[derive(Default)]
struct Raw {
    values: [Option<String>; NAMES.len()],
}

const NAMES: [&str; 8] =
    ["filter", "attributes", "excludedAttributes", "sortBy", "sortOrder", "startIndex", "count", "cursor"];

/// The RFC's spelling of a parameter's name.
fn name_of(name: &str) -> &str {
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name)
}

impl Raw {
    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        let index = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        self.values.get_mut(index)
    }

    fn into_query(self, paging: Paging) -> Result<Query, ScimError> {
        let [filter, attributes, excluded, sort_by, order, start, count, cursor] = self.values;
        let given = |value: Option<String>| value.filter(|text| !text.trim().is_empty());
        let order = match given(order) {
            None => Order::default(),
            Some(text) => Order::parse(text.trim()).ok_or_else(|| {
                ScimError::invalid_value("sortOrder is neither \"ascending\" nor \"descending\"; send one of them")
            })?,
        };
        let page = page(given(start).as_deref(), given(count).as_deref(), cursor, paging)?;
        Ok(Query {
            filter: given(filter),
            attributes: given(attributes),
            excluded: given(excluded),
            sort_by: given(sort_by).map(|text| text.trim().to_owned()),
            order,
            page,
        })
    }
}

/// With `cursor`, also an empty one, it is a page by cursor and `startIndex` means nothing.
fn page(start: Option<&str>, count: Option<&str>, cursor: Option<String>, paging: Paging) -> Result<Page, ScimError> {
    let size = |count: i64| u64::try_from(count).unwrap_or(0).min(paging.max_size);
    if let Some(cursor) = cursor {
        let count = match count.map(|text| (whole(text), text)) {
            None => paging.default_size.min(paging.max_size),
            Some((Some(count @ 0..), _)) => size(count),
            Some(_) => {
                let detail = "count is not a whole number from 0 up, as it must be beside cursor";
                return Err(ScimError::bad(ScimType::InvalidCount, detail));
            }
        };
        return Ok(Page::Cursor { cursor: Some(cursor).filter(|cursor| !cursor.is_empty()), count });
    }
    let number = |name: &str, text: &str| {
        whole(text).ok_or_else(|| ScimError::invalid_value(format!("{name} is not a whole number; send one such as 1")))
    };
    let start = start.map(|text| number("startIndex", text)).transpose()?.unwrap_or(1);
    let count = count.map(|text| number("count", text)).transpose()?;
    Ok(Page::Index {
        start: u64::try_from(start).unwrap_or(1).max(1),
        count: count.map_or(paging.default_size.min(paging.max_size), size),
    })
}

/// A whole number; one beyond 64 bits counts as the last within.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(limit))
}

/// One member of a `SearchRequest`, as the URL parameter would have it.
fn search_value(name: &str, value: Value) -> Result<Option<String>, ScimError> {
    let wrong = |expected: &str| Err(ScimError::invalid_value(format!("{name} has the wrong type; send {expected}")));
    match (name, value) {
        (_, Value::Null) => Ok(None),
        ("startIndex" | "count", Value::Number(number)) => Ok(Some(number.to_string())),
        ("startIndex" | "count", _) => wrong("a whole number"),
        ("attributes" | "excludedAttributes", Value::Array(items)) => {
            match items.iter().map(Value::as_str).collect::<Option<Vec<&str>>>() {
                Some(names) => Ok(Some(names.join(","))),
                None => wrong("an array of names"),
            }
        }
        (_, Value::String(text)) => Ok(Some(text)),
        ("attributes" | "excludedAttributes", _) => wrong("an array of names"),
        _ => wrong("a string"),
    }
}

/// Refuses a message whose `schemas` does not name `urn`.
pub(super) fn require_schema(body: &Map<String, Value>, urn: &str) -> Result<(), ScimError> {
    let schemas = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let named = schemas
        .and_then(Value::as_array)
        .is_some_and(|schemas| schemas.iter().filter_map(Value::as_str).any(|schema| schema.eq_ignore_ascii_case(urn)));
    if named {
        return Ok(());
    }
    Err(ScimError::invalid_syntax(format!("schemas does not name the message; send \"schemas\": [\"{urn}\"]")))
}

/// The body of a list (RFC 7644 section 3.4.2, RFC 9865 section 2).
///
/// `T` is a resource, as a value or as bytes that are stored already.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResponse<T> {
    schemas: [&'static str; 1],
    total_results: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_index: Option<u64>,
    items_per_page: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_cursor: Option<String>,
    #[serde(rename = "Resources")]
    resources: Vec<T>,
}

impl<T> ListResponse<T> {
    /// A page by index. `Resources` is there also when it is empty.
    pub fn by_index(total: u64, start: u64, resources: Vec<T>) -> Self {
        ListResponse { start_index: Some(start), ..Self::by_cursor(total, resources, None, None) }
    }

    /// A page by cursor; a cursor is absent where there is nothing further.
    pub fn by_cursor(total: u64, resources: Vec<T>, next: Option<String>, previous: Option<String>) -> Self {
        ListResponse {
            schemas: [LIST_URN],
            total_results: total,
            start_index: None,
            items_per_page: resources.len(),
            next_cursor: next,
            previous_cursor: previous,
            resources,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn get(parameters: &[(&str, &str)]) -> Result<Query, ScimError> {
        Query::from_parameters(parameters.iter().copied(), Paging::default())
    }

    fn search(mut body: Value) -> Result<Query, ScimError> {
        body["schemas"] = json!([SEARCH_URN]);
        Query::from_search_request(body, Paging::default())
    }

    #[test]
    fn paging_takes_what_clients_send() {
        let page = |start: &str, count: &str| get(&[("startIndex", start), ("count", count)]).map(|query| query.page);
        let index = |start, count| Ok(Page::Index { start, count });
        assert_eq!(get(&[]).map(|query| query.page), index(1, 100));
        assert_eq!(page("2", "10"), index(2, 10));
        assert_eq!(page("-5", "-5"), index(1, 0));
        assert_eq!(page("0", "0"), index(1, 0));
        assert_eq!(page("", "5000"), index(1, 1_000));
        assert_eq!(page("10000000000000000000000", "99999999999999999999"), index(i64::MAX.unsigned_abs(), 1_000));
        for bad in ["abc", "1.5", "1e3", "--1", "-"] {
            assert_eq!(page(bad, "1").expect_err(bad).scim_type, Some(ScimType::InvalidValue));
            assert_eq!(page("1", bad).expect_err(bad).scim_type, Some(ScimType::InvalidValue));
        }
    }

    #[test]
    fn an_empty_cursor_is_the_first_page() {
        let cursor = |text: &str, count: &str| get(&[("cursor", text), ("count", count)]).map(|query| query.page);
        assert_eq!(cursor("", ""), Ok(Page::Cursor { cursor: None, count: 100 }));
        assert_eq!(cursor("abc", "7"), Ok(Page::Cursor { cursor: Some("abc".to_owned()), count: 7 }));
        for bad in ["-1", "x"] {
            assert_eq!(cursor("", bad).expect_err(bad).scim_type, Some(ScimType::InvalidCount));
        }
    }

    #[test]
    fn unknown_parameters_are_ignored_and_repeated_ones_refused() {
        let query = get(&[("filter", "title pr"), ("x", "1"), ("x", "2"), ("", "")]).expect("it is fine");
        assert_eq!(query.filter.as_deref(), Some("title pr"));
        assert_eq!(query.sort_by, None);
        assert!(get(&[("count", "1"), ("COUNT", "1")]).is_err());
        assert!(get(&[("sortOrder", "sideways")]).is_err());
        assert_eq!(get(&[("sortOrder", "DESCENDING")]).expect("it is fine").order, Order::Descending);
    }

    #[test]
    fn a_search_request_says_the_same_as_a_url() {
        let by_body = search(json!({
            "filter": "title pr", "attributes": ["userName", "name.givenName"], "sortBy": "title",
            "sortOrder": "descending", "startIndex": 3, "count": 7, "other": {},
        }));
        let by_url = get(&[
            ("filter", "title pr"),
            ("attributes", "userName,name.givenName"),
            ("sortBy", "title"),
            ("sortOrder", "descending"),
            ("startIndex", "3"),
            ("count", "7"),
        ]);
        assert_eq!(by_body, by_url);
        assert!(by_body.is_ok());
        assert_eq!(search(json!({"cursor": "", "count": null})), get(&[("cursor", "")]));
        for bad in [json!({"count": "7"}), json!({"count": 1.5}), json!({"filter": 7}), json!({"attributes": [7]})] {
            assert!(search(bad.clone()).is_err(), "{bad}");
        }
        assert!(Query::from_search_request(json!({"filter": "title pr"}), Paging::default()).is_err());
        assert!(Query::from_search_request(json!([]), Paging::default()).is_err());
    }

    #[test]
    fn list_responses_have_numbers_and_always_an_array() {
        assert_eq!(
            serde_json::to_value(ListResponse::<Value>::by_index(0, 1, Vec::new())).expect("it serialises"),
            json!({"schemas": [LIST_URN], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []})
        );
        let page = ListResponse::by_cursor(3, vec![json!({"id": "a"})], Some("n".to_owned()), None);
        assert_eq!(
            serde_json::to_value(page).expect("it serialises"),
            json!({"schemas": [LIST_URN], "totalResults": 3, "itemsPerPage": 1, "nextCursor": "n", "Resources": [{"id": "a"}]})
        );
    }
}
