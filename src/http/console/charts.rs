//! Pictures of numbers, as coordinates for the templates that draw them. No script, no styles inline: shapes have
//! classes, so that they follow light and dark, and a text for those who do not see them.

/// One bar of a chart: its place and its two parts, in the units of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The left edge.
    pub x: i64,
    /// The width.
    pub width: i64,
    /// The upper edge of the good part, and its height.
    pub good: (i64, i64),
    /// The upper edge of the bad part, and its height.
    pub bad: (i64, i64),
    /// What it counts, in words.
    pub text: String,
}

/// A chart of bars: `good` above `bad`, stacked.
#[derive(Debug, Clone, Default)]
pub struct Bars {
    /// The width of the picture.
    pub width: i64,
    /// The height of the picture.
    pub height: i64,
    /// The bars, from left to right.
    pub bars: Vec<Bar>,
    /// What the whole shows, in words.
    pub text: String,
}

/// What a bar stands for.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// How many there were.
    pub all: i64,
    /// How many of them were bad.
    pub bad: i64,
    /// When or what, in words.
    pub name: String,
}

impl Bars {
    /// The height of a picture.
    const HEIGHT: i64 = 40;
    /// The width of a bar.
    const BAR: i64 = 8;
    /// The gap between bars.
    const GAP: i64 = 2;

    /// The chart of these counts of requests.
    pub fn of(counts: &[Counted], text: impl Into<String>) -> Self {
        let requests = |count: &Counted| super::view::counted(count.all, "request", "requests");
        Self::told(counts, text, |count| format!("{}: {}, {} refused", count.name, requests(count), count.bad))
    }

    /// The chart of these counts, each bar told in these words.
    pub fn told(counts: &[Counted], text: impl Into<String>, tell: impl Fn(&Counted) -> String) -> Self {
        let most = counts.iter().map(|count| count.all).max().unwrap_or(0).max(1);
        // What is there is seen, however little it is.
        let scaled = |count: i64| if count <= 0 { 0 } else { (count * Self::HEIGHT / most).max(2) };
        let bar = |(at, count): (usize, &Counted)| {
            let bad = scaled(count.bad);
            let good = scaled(count.all - count.bad).min(Self::HEIGHT - bad);
            Bar {
                x: i64::try_from(at).unwrap_or(0) * (Self::BAR + Self::GAP),
                width: Self::BAR,
                good: (Self::HEIGHT - bad - good, good),
                bad: (Self::HEIGHT - bad, bad),
                text: tell(count),
            }
        };
        Bars {
            width: i64::try_from(counts.len()).unwrap_or(0) * (Self::BAR + Self::GAP),
            height: Self::HEIGHT,
            bars: counts.iter().enumerate().map(bar).collect(),
            text: text.into(),
        }
    }
}

/// A share of a whole in percent, for meters: at least 1 of what is there, at most 100.
pub fn percent(part: i64, whole: i64) -> i64 {
    if part <= 0 || whole <= 0 { 0 } else { (part * 100 / whole).clamp(1, 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_into_their_picture_and_the_least_is_seen() {
        let counted = |all, bad| Counted { all, bad, name: "12:00".to_owned() };
        let chart = Bars::of(&[counted(0, 0), counted(1_000, 1), counted(1, 1)], "");
        assert_eq!(chart.bars[0].good.1 + chart.bars[0].bad.1, 0);
        for bar in &chart.bars {
            assert!(bar.good.0 >= 0 && bar.good.0 + bar.good.1 == bar.bad.0 && bar.bad.0 + bar.bad.1 == 40, "{bar:?}");
        }
        assert_eq!((chart.bars[1].bad.1, chart.bars[2].bad.1), (2, 2));
    }

    #[test]
    fn shares_are_seen_and_bounded() {
        assert_eq!([percent(0, 5), percent(1, 1_000), percent(5, 5), percent(9, 5)], [0, 1, 100, 100]);
    }
}
