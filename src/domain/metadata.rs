//! Free strings that applications keep with organizations and users.

use serde_json::{Map, Value};

use super::{Error, Result};

/// Entries at the most.
const MAX_ENTRIES: usize = 50;
/// Characters of a key at the most.
const MAX_KEY: usize = 40;
/// Characters of a value at the most.
const MAX_VALUE: usize = 600;

/// What metadata becomes when `given` is merged into it, key by key: a null takes a key away, an empty object takes
/// everything away.
///
/// # Errors
///
/// [`Error::Invalid`] `invalid_metadata` for a value that is no string, and for too much.
pub fn merged(current: &Map<String, Value>, given: Map<String, Value>) -> Result<Map<String, Value>> {
    if given.is_empty() {
        return Ok(Map::new());
    }
    let mut merged = current.clone();
    for (key, value) in given {
        if value.is_null() {
            merged.remove(&key);
        } else {
            merged.insert(key, value);
        }
    }
    let fits = |(key, value): (&String, &Value)| {
        let value = value.as_str().map(|text| text.chars().count());
        (1..=MAX_KEY).contains(&key.chars().count()) && value.is_some_and(|length| length <= MAX_VALUE)
    };
    if merged.len() <= MAX_ENTRIES && merged.iter().all(fits) {
        return Ok(merged);
    }
    let message = format!(
        "metadata has {MAX_ENTRIES} entries at most, keys of 1 to {MAX_KEY} and string values of up to {MAX_VALUE} \
         characters"
    );
    Err(Error::invalid("metadata", "invalid_metadata", message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn keys_are_merged_one_by_one() {
        let current = map(&json!({"tier": "gold", "region": "eu"}));
        for (given, becomes) in [
            (json!({"tier": "silver"}), json!({"tier": "silver", "region": "eu"})),
            (json!({"tier": null}), json!({"region": "eu"})),
            (json!({"none": null}), json!({"tier": "gold", "region": "eu"})),
            (json!({}), json!({})),
        ] {
            assert_eq!(Value::Object(merged(&current, map(&given)).unwrap()), becomes);
        }
    }

    #[test]
    fn what_is_no_string_or_too_much_is_refused() {
        let many: Map<String, Value> = (0..=MAX_ENTRIES).map(|n| (n.to_string(), json!("x"))).collect();
        for given in [
            json!({"a": 1}),
            json!({"a": {}}),
            json!({"": "x"}),
            json!({"é".repeat(41): "x"}),
            json!({"a": "é".repeat(601)}),
            Value::Object(many),
        ] {
            assert!(merged(&Map::new(), map(&given)).is_err());
        }
        assert!(merged(&Map::new(), map(&json!({"é".repeat(40): "é".repeat(600)}))).is_ok());
    }
}
