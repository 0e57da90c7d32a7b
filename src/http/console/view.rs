//! How values are shown: times, numbers, sentences.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::domain::clock::timestamp;
use crate::domain::rhythm::length;

/// A moment, told from another.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// The moment.
    pub at: DateTime<Utc>,
    /// From when it is told.
    pub now: DateTime<Utc>,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ago = (self.now - self.at).num_seconds();
        match ago {
            ..-5 => write!(f, "in {}", length(-ago)),
            -5..5 => write!(f, "just now"),
            5..172_800 => write!(f, "{} ago", length(ago)),
            _ => write!(f, "{}", self.at.format("%-d %b %Y, %H:%M UTC")),
        }
    }
}

impl When {
    /// The moment for programs and for whoever points at it.
    pub fn exact(&self) -> String {
        timestamp(self.at)
    }
}

/// A number with thin spaces between thousands: `184 223`.
pub fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        text.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 person`, `3 people`.
pub fn counted(value: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

/// The text as a sentence: a capital first, a full stop last.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().chain(chars).collect();
    if !sentence.ends_with(['.', '!', '?', ')']) {
        sentence.push('.');
    }
    sentence
}

/// A word of the APIs for people: `awaiting_approval` is `awaiting approval`, `createMappingRule` is `create mapping
/// rule`.
pub fn words(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 4);
    for c in word.chars() {
        if c == '_' || c == '.' {
            text.push(' ');
        } else if c.is_uppercase() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.extend(c.to_lowercase());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        assert_eq!(number(184_223), "184\u{202f}223");
        assert_eq!((number(7).as_str(), number(-1_000).as_str()), ("7", "−1\u{202f}000"));
        assert_eq!(
            (counted(1, "person", "people"), counted(0, "person", "people")),
            ("1 person".into(), "0 people".into())
        );
    }

    #[test]
    fn words_and_sentences_are_for_people() {
        assert_eq!(words("awaiting_approval"), "awaiting approval");
        assert_eq!(words("createMappingRule"), "create mapping rule");
        assert_eq!(sentence("this key may only read"), "This key may only read.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn moments_are_told_from_now() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let told = |ago: i64| When { at: now - chrono::Duration::seconds(ago), now }.to_string();
        assert_eq!(told(0), "just now");
        assert!(told(90).ends_with(" ago"), "{}", told(90));
        assert!(told(-3_600).starts_with("in "), "{}", told(-3_600));
        assert_eq!(told(864_000), "4 Nov 2023, 22:13 UTC");
    }
}
