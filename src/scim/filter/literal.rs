//! Literals of filters: JSON's strings and numbers (RFC 7644 section 3.4.2.2, RFC 8259 sections 6 and 7).

use serde_json::Number;

use super::ast::Literal;

/// The text of a quoted JSON string. Lone surrogates are no text, and NUL is none that a database takes.
pub(super) fn text(quoted: &str) -> Result<String, String> {
    let text: String = serde_json::from_str(quoted).map_err(|_| {
        "the value is not a JSON string: check the escapes after `\\`, and write line breaks and tabs as \\n and \\t"
            .to_owned()
    })?;
    if text.contains('\0') {
        return Err("the value contains the character NUL, which no attribute can hold".to_owned());
    }
    Ok(text)
}

/// The literal that an unquoted word is: a keyword, in any case, or a number.
pub(super) fn word(word: &str) -> Option<Literal> {
    let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
    if is("null") {
        Some(Literal::Null)
    } else if is("true") || is("false") {
        Some(Literal::Boolean(is("true")))
    } else {
        number(word).map(Literal::Number)
    }
}

/// A JSON number. A whole number must fit 64 bits: rounded, it would equal its neighbours.
fn number(word: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(word).ok()?;
    if !number.is_f64() {
        return Some(number);
    }
    if word.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        // "-0" is whole, but JSON's reader takes it for a fraction.
        return word.parse::<i64>().ok().map(Number::from);
    }
    // The standard library reads to the nearest float; JSON's reader can be one step off.
    word.parse().ok().and_then(Number::from_f64)
}
