//! Simple values (RFC 7643 sections 2.3.1 to 2.3.7), with the limits of this server.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::value::mismatch;
use super::{MAX_NAME, MAX_STRING};
use crate::scim::dialect::{Tolerance, Tolerances};
use crate::scim::error::ScimError;
use crate::scim::schema::{Attribute, Kind};
use crate::scim::text::instant;

/// The value, if it is one of the attribute's kind.
pub(super) fn check(
    attribute: &Attribute,
    path: &str,
    value: Value,
    tolerances: &mut Tolerances,
) -> Result<Value, ScimError> {
    let fits = match (attribute.kind, &value) {
        (Kind::Boolean, Value::Bool(_)) | (Kind::Decimal, Value::Number(_)) => true,
        (Kind::Boolean, Value::String(text)) => match boolean(text) {
            Some(boolean) => {
                tolerances.note(Tolerance::BooleanString);
                return Ok(Value::Bool(boolean));
            }
            None => {
                return Err(ScimError::invalid_value(format!("{path} is neither true nor false; send one of them")));
            }
        },
        (Kind::Integer, Value::Number(number)) => number.is_i64(),
        (Kind::String, Value::String(text)) => {
            check_text(path, text)?;
            check_string(attribute, path, text)?;
            true
        }
        (Kind::DateTime | Kind::Binary | Kind::Reference, Value::String(text)) => {
            check_text(path, text)?;
            return if has_form(attribute.kind, text) { Ok(value) } else { Err(malformed(attribute, path)) };
        }
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    match (attribute.kind, &value) {
        (Kind::Integer, Value::Number(_)) => Err(malformed(attribute, path)),
        _ => Err(mismatch(attribute, path, &value)),
    }
}

/// `true` or `false` in any case.
fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A value of the right JSON type whose text is not what the kind prescribes.
fn malformed(attribute: &Attribute, path: &str) -> ScimError {
    ScimError::invalid_value(format!("{path} is malformed; send {}", super::value::expected(attribute)))
}

/// What holds for every text.
pub(super) fn check_text(path: &str, text: &str) -> Result<(), ScimError> {
    if text.contains('\0') {
        return Err(ScimError::invalid_value(format!("{path} contains the character U+0000; remove it")));
    }
    if text.len() > MAX_STRING {
        let detail = format!("{path} has {} bytes; at most {MAX_STRING} are possible", text.len());
        return Err(ScimError::invalid_value(detail));
    }
    Ok(())
}

/// What holds for strings: names are short, required ones are not blank, `userName` reads one way only.
fn check_string(attribute: &Attribute, path: &str, text: &str) -> Result<(), ScimError> {
    if attribute.required && text.trim().is_empty() {
        return Err(ScimError::invalid_value(format!("{path} is blank; it is required, so send a name")));
    }
    if path == "userName" || path == "displayName" {
        let length = text.chars().count();
        if length > MAX_NAME {
            let detail = format!("{path} has {length} characters; at most {MAX_NAME} are possible");
            return Err(ScimError::invalid_value(detail));
        }
    }
    if path == "userName"
        && let Some(control) = text.chars().find(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    {
        let detail = format!(
            "{path} contains the direction control U+{:04X}, with which one name can look like another; remove it",
            u32::from(control)
        );
        return Err(ScimError::invalid_value(detail));
    }
    Ok(())
}

fn has_form(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::DateTime => instant(text).is_some(),
        Kind::Binary => is_base64(text),
        Kind::Reference => is_uri_reference(text),
        _ => true,
    }
}

/// Base64 of RFC 4648 section 4 or 5; padding may be omitted.
fn is_base64(text: &str) -> bool {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    GeneralPurpose::new(&alphabet, EITHER).decode(text).is_ok()
}

/// A light check of RFC 3986: no space, no control character, none of the delimiters that URIs exclude,
/// and every `%` begins an escape. It is never dereferenced, so nothing more is asked of it.
fn is_uri_reference(text: &str) -> bool {
    let excluded = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
    let escaped = |tail: &str| tail.len() >= 2 && tail.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    !text.contains(excluded) && text.split('%').skip(1).all(escaped)
}
