//! Opaque cursors (RFC 9865 sections 2 and 2.1).
//!
//! A cursor is base64url of: a version byte, the time of issue, the position, and a MAC over these and
//! the scope. The scope is all that the cursor belongs to (directory, resource type, filter, order), so
//! one from elsewhere is as invalid as one that was tampered with.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::error::{ScimError, ScimType};

const VERSION: u8 = 1;
const TIME: usize = 8;
/// Half of the hash: 128 bits are ample for a MAC that can only be guessed online.
const TAG: usize = 16;
/// The longest cursor that is looked at.
const MAX_CURSOR: usize = 4_096;

/// A cursor for `position`, which only the caller understands.
///
/// - `key`: secret, at least 32 random bytes, the same on all replicas.
/// - `scope`: what the cursor belongs to; the parts are told apart, so `["a", "b"]` is not `["ab"]`.
pub fn seal(key: &[u8], scope: &[&str], position: &str, issued: DateTime<Utc>) -> String {
    let mut payload = Vec::with_capacity(1 + TIME + position.len() + TAG);
    payload.push(VERSION);
    payload.extend(issued.timestamp_millis().to_be_bytes());
    payload.extend(position.as_bytes());
    let tag = mac(key, scope, &payload).finalize().into_bytes();
    payload.extend(&tag[..TAG]);
    URL_SAFE_NO_PAD.encode(payload)
}

/// The position of a cursor that [`seal`] made with the same key and scope, not longer than `timeout` ago.
pub fn open(
    key: &[u8],
    scope: &[&str],
    cursor: &str,
    now: DateTime<Utc>,
    timeout: Duration,
) -> Result<String, ScimError> {
    let (issued, position) = verified(key, scope, cursor).ok_or_else(|| {
        let detail =
            "cursor is not one that was given for this query; send the query without a cursor's value to begin anew";
        ScimError::bad(ScimType::InvalidCursor, detail)
    })?;
    let age = now.timestamp_millis().saturating_sub(issued);
    if u128::try_from(age).is_ok_and(|age| age > timeout.as_millis()) {
        let detail = format!("cursor is older than {} seconds; begin anew with an empty one", timeout.as_secs());
        return Err(ScimError::bad(ScimType::ExpiredCursor, detail));
    }
    Ok(position)
}

/// Time of issue and position, if the MAC is right.
fn verified(key: &[u8], scope: &[&str], cursor: &str) -> Option<(i64, String)> {
    if cursor.len() > MAX_CURSOR {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
    mac(key, scope, payload).verify_truncated_left(tag).ok()?;
    let (&version, rest) = payload.split_first()?;
    let (issued, position) = rest.split_first_chunk::<TIME>()?;
    let position = String::from_utf8(position.to_vec()).ok()?;
    (version == VERSION).then_some((i64::from_be_bytes(*issued), position))
}

/// The MAC over the scope, each part with its length before it, and the payload.
fn mac(key: &[u8], scope: &[&str], payload: &[u8]) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    mac.update(b"muster cursor");
    mac.update(&(scope.len() as u64).to_be_bytes());
    for part in scope {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.update(payload);
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const SCOPE: [&str; 3] = ["directory_1", "User", "title pr"];
    const HOUR: Duration = Duration::from_hours(1);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("it is in range")
    }

    #[track_caller]
    fn refused(key: &[u8], scope: &[&str], cursor: &str, seconds: i64, scim_type: ScimType) {
        let error = open(key, scope, cursor, at(seconds), HOUR).expect_err("it should be refused");
        assert_eq!(error.scim_type, Some(scim_type));
    }

    #[test]
    fn a_cursor_opens_where_it_belongs_and_while_it_lasts() {
        let cursor = seal(KEY, &SCOPE, "after:ä", at(0));
        assert_eq!(open(KEY, &SCOPE, &cursor, at(3_600), HOUR).as_deref(), Ok("after:ä"));
        assert_eq!(open(KEY, &SCOPE, &cursor, at(-5), HOUR).as_deref(), Ok("after:ä"), "clocks of replicas differ");
        refused(KEY, &SCOPE, &cursor, 3_601, ScimType::ExpiredCursor);
        assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
    }

    #[test]
    fn a_cursor_from_elsewhere_or_tampered_with_is_invalid() {
        let cursor = seal(KEY, &SCOPE, "after:5", at(0));
        refused(b"another key of the same length!!", &SCOPE, &cursor, 0, ScimType::InvalidCursor);
        refused(KEY, &["directory_2", "User", "title pr"], &cursor, 0, ScimType::InvalidCursor);
        refused(KEY, &["directory_1", "User", "title", " pr"], &cursor, 0, ScimType::InvalidCursor);
        refused(KEY, &["directory_1U", "ser", "title pr"], &cursor, 0, ScimType::InvalidCursor);
        for end in 0..cursor.len() {
            refused(KEY, &SCOPE, &cursor[..end], 0, ScimType::InvalidCursor);
        }
        for (place, byte) in cursor.bytes().enumerate() {
            let mut changed = cursor.clone().into_bytes();
            changed[place] = if byte == b'A' { b'B' } else { b'A' };
            refused(KEY, &SCOPE, &String::from_utf8(changed).expect("it is ASCII"), 0, ScimType::InvalidCursor);
        }
        refused(KEY, &SCOPE, &"A".repeat(100_000), 0, ScimType::InvalidCursor);
    }

    proptest! {
        #[test]
        fn any_position_comes_back(position in "\\PC{0,64}", scope in prop::collection::vec("\\PC{0,8}", 0..4)) {
            let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
            let cursor = seal(KEY, &scope, &position, at(0));
            prop_assert_eq!(open(KEY, &scope, &cursor, at(1), HOUR), Ok(position));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,64}") {
            prop_assert!(open(KEY, &SCOPE, &text, at(0), HOUR).is_err());
        }
    }
}
