//! JSON as it comes in (RFC 8259, RFC 7644 section 3.8): strict where a lax reader would guess.
//!
//! `serde_json` alone keeps the last of two equal keys, and lets U+0000 through, which one of the two
//! databases refuses. Names that differ only in case are `resource`'s to find, which knows the schema.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::{ScimError, ScimType};

/// The deepest nesting of objects and arrays.
pub const MAX_DEPTH: usize = 32;

/// The JSON value that `bytes` hold.
///
/// Refused with line and column: what is not UTF-8, two equal names in an object, U+0000 in any string,
/// nesting beyond [`MAX_DEPTH`], numbers out of range, and anything behind the value.
pub fn parse(bytes: &[u8]) -> Result<Value, ScimError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = position(bytes, error.valid_up_to());
        ScimError::invalid_syntax(format!("the body is not UTF-8 at line {line} column {column}; send it as UTF-8"))
    })?;
    if text.trim_ascii().is_empty() {
        return Err(ScimError::invalid_syntax("the body is empty; send a JSON object"));
    }
    let fault = Cell::new(ScimType::InvalidSyntax);
    let mut reader = serde_json::Deserializer::from_str(text);
    let strict = Strict { depth: 0, fault: &fault };
    strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        // The message tells the kind of mistake and its place; it never repeats the body.
        ScimError::bad(fault.get(), format!("the body is not acceptable JSON: {error}"))
    })
}

/// Takes the member called `name`, in whatever case, out of a message. Two of them are refused.
pub(super) fn take(message: &mut Map<String, Value>, name: &str) -> Result<Option<Value>, ScimError> {
    let mut called = message.keys().filter(|key| key.eq_ignore_ascii_case(name));
    let Some(key) = called.next().cloned() else { return Ok(None) };
    if called.next().is_some() {
        return Err(ScimError::invalid_syntax(format!("{name} is there twice, in different case; send it once")));
    }
    Ok(message.remove(&key))
}

/// Line and column, from 1, of the byte at `offset`.
fn position(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = &bytes[..offset];
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    (before.split(|&byte| byte == b'\n').count(), offset - line_start + 1)
}

/// Reads one value at a depth, and leaves the kind of a fault behind, which `serde` has no place for.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    fault: &'a Cell<ScimType>,
}

impl Strict<'_> {
    /// The reader for what is within.
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Strict { depth: self.depth + 1, ..self })
    }

    fn text<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            self.fault.set(ScimType::InvalidValue);
            return Err(E::custom("a string contains the character U+0000"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        self.text(&text)?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let within = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(within)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let within = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            self.text(&name)?;
            if map.contains_key(&name) {
                let shown: String = name.chars().take(100).collect();
                return Err(de::Error::custom(format_args!("{shown:?} is there twice in one object")));
            }
            let value = entries.next_value_seed(within)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn refused(bytes: &[u8], scim_type: ScimType, part: &str) {
        let error = parse(bytes).expect_err("it should be refused");
        assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{error}");
        assert!(error.detail.contains(part), "{error} should tell {part:?}");
    }

    #[test]
    fn ordinary_json_is_read_as_it_is() {
        let text = r#" {"a": [1, -2, 1.5, true, null, "é\n\u00e9"], "b": {"c": {}}} "#;
        assert_eq!(parse(text.as_bytes()), Ok(json!({"a": [1, -2, 1.5, true, null, "é\né"], "b": {"c": {}}})));
        assert_eq!(parse(i64::MIN.to_string().as_bytes()), Ok(json!(i64::MIN)));
    }

    #[test]
    fn what_a_lax_reader_would_guess_is_refused_with_its_place() {
        refused(
            br#"{"a": 1, "a": 2}"#,
            ScimType::InvalidSyntax,
            "\"a\" is there twice in one object at line 1 column 12",
        );
        refused(b"{\"x\":\n[{\"a\": 1, \"\\u0061\": 2}]}", ScimType::InvalidSyntax, "line 2");
        refused(br#"{"a": "x\u0000y"}"#, ScimType::InvalidValue, "U+0000");
        refused(br#"{"a\u0000": 1}"#, ScimType::InvalidValue, "U+0000");
        refused(b"{\"a\":\n\"\xff\"}", ScimType::InvalidSyntax, "not UTF-8 at line 2 column 2");
        for bad in
            ["", "  ", "{", "{} x", "{}{}", "NaN", "0123", "1e999", "\"\\ud800\"", "\u{feff}{}", "{'a': 1}", "[1,]"]
        {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        refused("9".repeat(400).as_bytes(), ScimType::InvalidSyntax, "number out of range");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        refused(nested(MAX_DEPTH + 1).as_bytes(), ScimType::InvalidSyntax, "deeper than 32");
        refused("[".repeat(200_000).as_bytes(), ScimType::InvalidSyntax, "deeper than 32");
        refused("{\"a\":".repeat(20_000).as_bytes(), ScimType::InvalidSyntax, "deeper than 32");
    }

    #[test]
    fn an_error_never_repeats_a_value() {
        for bad in [r#"{"password": "s3cret" x}"#, r#"{"password": "s3cret"#, r#"{"a": "s3cret\u0000"}"#] {
            let error = parse(bad.as_bytes()).expect_err("it should be refused");
            assert!(!error.detail.contains("s3cret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn it_agrees_with_serde_json_on_what_it_accepts(text in "[\\[\\]{}:,\"a0-9.e \\\\n-]{0,24}") {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
            }
        }
    }
}
