//! How often an identity provider writes, and whether it has gone quiet.

use chrono::{DateTime, Duration, Utc};

/// Writes in fewer minutes than this make no rhythm.
const ENOUGH: usize = 5;
/// A rhythm faster than this is taken for this: an import writes all the time, and then rests. In seconds.
const FASTEST: i64 = 20 * 60;
/// After this long without anything at all it is silent, whatever the rhythm. In seconds.
const LONGEST: i64 = 24 * 60 * 60;

/// Whether an identity provider has been heard of lately enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Within its rhythm.
    Fresh,
    /// For more than three times its usual gap.
    Quiet,
    /// For more than ten times its usual gap, or for a day.
    Silent,
    /// It has never sent anything.
    Never,
}

impl Verdict {
    /// The word in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Fresh => "fresh",
            Verdict::Quiet => "quiet",
            Verdict::Silent => "silent",
            Verdict::Never => "never",
        }
    }
}

/// The median gap, in seconds, between the minutes in which there were writes; `None` if those are too few.
pub fn usual_gap(writes: &[DateTime<Utc>]) -> Option<i64> {
    let mut minutes: Vec<i64> = writes.iter().map(|at| at.timestamp().div_euclid(60)).collect();
    minutes.sort_unstable();
    minutes.dedup();
    if minutes.len() < ENOUGH {
        return None;
    }
    let mut gaps: Vec<i64> = minutes.windows(2).map(|pair| (pair[1] - pair[0]) * 60).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}

/// What a silence of so many seconds means; `None` if nothing was ever heard.
pub fn verdict(silent_for: Option<i64>, usual_gap: Option<i64>) -> Verdict {
    let Some(silent_for) = silent_for else { return Verdict::Never };
    let usual = usual_gap.map(|gap| gap.max(FASTEST));
    if silent_for > LONGEST || usual.is_some_and(|gap| silent_for > 10 * gap) {
        Verdict::Silent
    } else if usual.is_some_and(|gap| silent_for > 3 * gap) {
        Verdict::Quiet
    } else {
        Verdict::Fresh
    }
}

/// A sentence for people about it.
pub fn sentence(verdict: Verdict, last_write: Option<Duration>, usual_gap: Option<i64>) -> String {
    if verdict == Verdict::Never {
        return "Nothing has arrived yet.".to_owned();
    }
    let usual = match usual_gap {
        Some(gap) => format!("usually one every {}", length(gap)),
        None => "too few to know a rhythm".to_owned(),
    };
    let last = match last_write {
        Some(ago) if ago.num_seconds() < 1 => "The last write came just now".to_owned(),
        Some(ago) => format!("The last write came {} ago", length(ago.num_seconds())),
        None => "It has only read so far".to_owned(),
    };
    let so = match verdict {
        Verdict::Quiet => "; it is quieter than usual",
        Verdict::Silent => "; it seems to have stopped",
        Verdict::Fresh | Verdict::Never => "",
    };
    format!("{last} ({usual}){so}.")
}

/// `41 s`, `6 min`, `3 h` or `2 days`: the largest unit of which there is at least one, and of days two.
pub fn length(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: &[i64]) -> Vec<DateTime<Utc>> {
        minutes.iter().map(|minute| DateTime::from_timestamp(minute * 60 + minute % 60, 0).unwrap()).collect()
    }

    #[test]
    fn the_usual_gap_is_the_median_between_minutes_with_writes() {
        assert_eq!(usual_gap(&at(&[0, 40, 80, 120])), None, "too few");
        assert_eq!(usual_gap(&at(&[400, 40, 80, 120, 160])), Some(40 * 60));
        assert_eq!(usual_gap(&at(&[0, 0, 0, 40, 80, 80, 120, 160])), Some(40 * 60), "a burst counts once");
    }

    #[test]
    fn silence_is_judged_by_the_rhythm_and_by_the_day() {
        let hour = 60 * 60;
        assert_eq!(verdict(None, Some(hour)), Verdict::Never);
        assert_eq!(verdict(Some(3 * hour), Some(hour)), Verdict::Fresh);
        assert_eq!(verdict(Some(3 * hour + 1), Some(hour)), Verdict::Quiet);
        assert_eq!(verdict(Some(10 * hour + 1), Some(hour)), Verdict::Silent);
        assert_eq!(verdict(Some(hour), Some(60)), Verdict::Fresh, "an import is no rhythm");
        assert_eq!(verdict(Some(24 * hour), None), Verdict::Fresh);
        assert_eq!(verdict(Some(24 * hour + 1), None), Verdict::Silent);
        assert_eq!(verdict(Some(24 * hour + 1), Some(24 * hour)), Verdict::Silent);
    }

    #[test]
    fn the_sentence_says_how_long_and_how_usual() {
        let said = sentence(Verdict::Quiet, Some(Duration::hours(3)), Some(2_400));
        assert_eq!(said, "The last write came 3 h ago (usually one every 40 min); it is quieter than usual.");
        let said = sentence(Verdict::Fresh, Some(Duration::milliseconds(900)), None);
        assert_eq!(said, "The last write came just now (too few to know a rhythm).");
        assert_eq!(length(172_799), "47 h");
        assert_eq!(length(172_800), "2 days");
    }
}
