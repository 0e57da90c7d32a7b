//! Text and time as SCIM compares them: case folding (RFC 7643 section 2.2, RFC 7644 section 5) and
//! `xsd:dateTime` (RFC 7643 section 2.3.5).

use chrono::{DateTime, NaiveDateTime, Utc};
use unicode_normalization::UnicodeNormalization;

/// `text` as it compares without case: NFKC with full Unicode case folding.
///
/// `STRASSE`, `straße` and full-width `ｓｔｒａｓｓｅ` fold to the same key. Keys are for comparison and
/// indexes, never for display.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Unicode's compatibility caseless match (definition D146): folding can produce what normalises
    // further, and normalising can produce what folds further; two rounds reach the fixed point.
    let once: String = caseless::default_case_fold_str(&text.nfkc().collect::<String>()).nfkc().collect();
    caseless::default_case_fold_str(&once).nfkc().collect()
}

/// The instant that an `xsd:dateTime` names, or `None` if it is not one.
///
/// Date and time are both required. Without an offset it is taken as UTC.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    if !has_date_time_shape(text.as_bytes()) {
        return None;
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Some(at.with_timezone(&Utc)),
        Err(_) => NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|at| at.and_utc()),
    }
}

/// Whether the first 19 bytes read `dddd-dd-ddTdd:dd:dd`; chrono alone would let shorter fields pass.
fn has_date_time_shape(bytes: &[u8]) -> bool {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    bytes.len() >= SHAPE.len() && bytes.iter().zip(SHAPE).all(fits) && !bytes.ends_with(b"z") && !bytes.ends_with(b".")
}

/// How many characters must be changed, added or left out to make `b` of `a` (Levenshtein), ignoring ASCII case.
/// A text of more than 64 bytes is near none.
pub fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    if a.len() > LONGEST || b.len() > 4 * LONGEST {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(!x.eq_ignore_ascii_case(y));
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_differ_only_in_case_or_width_fold_alike() {
        for (one, other) in [
            ("ÅSA", "åsa"),
            ("STRASSE", "straße"),
            ("ＡＤＡ", "ada"),
            ("A\u{30a}sa", "Åsa"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ﬁ", "FI"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn names_that_are_different_stay_different() {
        assert_ne!(fold("İ"), fold("I"), "the dotted capital is not the plain one");
        assert_ne!(fold("ı"), fold("i"));
        assert_ne!(fold("а"), fold("a"), "a Cyrillic letter is not the Latin one that looks like it");
    }

    #[test]
    fn a_date_time_has_date_and_time() {
        for good in
            ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.123+02:00", "2026-01-31T08:00:00", "2026-01-31T08:00:00.5"]
        {
            assert!(instant(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2026-01-31",
            "2026-01-31 08:00:00Z",
            "2026-1-31T08:00:00Z",
            "2026-01-31T08:00Z",
            "2026-01-31t08:00:00z",
            "2026-13-31T08:00:00Z",
            "2026-02-30T08:00:00Z",
            "2026-01-31T08:00:00.",
            "2026-01-31T08:00:00ZZ",
            "20260131T080000Z",
        ] {
            assert!(instant(bad).is_none(), "{bad}");
        }
        assert_eq!(instant("2026-01-31T08:00:00"), instant("2026-01-31T10:00:00+02:00"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,24}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
