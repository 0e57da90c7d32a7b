//! Times and lengths of time as people type them.

use chrono::{DateTime, Duration};

use crate::domain::Clock;
use crate::domain::clock::timestamp;

/// A length of time such as `90s`, `30m`, `2h` or `1d`, in seconds.
pub fn age(text: &str) -> Result<i64, String> {
    let wrong = || format!("'{text}' is no length of time; write it like 90s, 30m, 2h or 1d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

/// A moment: `2026-11-25T09:00:00Z`, or so long ago.
pub fn past(text: &str) -> Result<String, String> {
    moment(text, -1)
}

/// A moment: `2027-11-25T09:00:00Z`, or so long from now.
pub fn future(text: &str) -> Result<String, String> {
    moment(text, 1)
}

/// A length of time in whole hours.
pub fn hours(text: &str) -> Result<i64, String> {
    let seconds = if text == "0" { 0 } else { age(text)? };
    if seconds % 3_600 == 0 { Ok(seconds / 3_600) } else { Err(format!("'{text}' is not a whole number of hours")) }
}

fn moment(text: &str, sign: i32) -> Result<String, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(timestamp(at.to_utc()));
    }
    let wrong = || format!("'{text}' is no time; write it like 2026-11-25T09:00:00Z, or like 30m, 2h or 1d");
    let length = age(text).ok().and_then(Duration::try_seconds).ok_or_else(wrong)?;
    Clock::System.now().checked_add_signed(length * sign).map(timestamp).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_number_and_a_unit() {
        assert_eq!((age("2h"), age("90s"), age("1d")), (Ok(7_200), Ok(90), Ok(86_400)));
        for wrong in ["", "2", "h", "-1h", "0s", "2w", "1é", "99999999999999999d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_written_out_or_told_from_now() {
        assert_eq!(past("2026-11-25T10:00:00+01:00").unwrap(), "2026-11-25T09:00:00.000Z");
        assert!(past("1h").unwrap() < future("1h").unwrap());
        for wrong in ["yesterday", "2026-11-25", "9000000000000d"] {
            assert!(past(wrong).is_err() && future(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hours_are_whole() {
        assert_eq!((hours("24h"), hours("2d"), hours("0"), hours("60m")), (Ok(24), Ok(48), Ok(0), Ok(1)));
        assert!(hours("90m").is_err() && hours("x").is_err());
    }
}
