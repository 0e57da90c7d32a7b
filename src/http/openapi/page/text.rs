//! Sentences with code and emphasis in them, as descriptions are written.

/// A part of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Span {
    /// What it says.
    pub text: String,
    /// How it is shown.
    pub kind: Kind,
}

/// How a part of a sentence is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// As code: between backticks.
    Code,
    /// With emphasis: between double asterisks.
    Strong,
}

/// The parts of a sentence.
pub fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            spans.push(Span { text: part.to_owned(), kind: Kind::Code });
            continue;
        }
        for (at, part) in part.split("**").enumerate().filter(|(_, part)| !part.is_empty()) {
            let kind = if at % 2 == 1 { Kind::Strong } else { Kind::Plain };
            spans.push(Span { text: part.to_owned(), kind });
        }
    }
    spans
}

/// The paragraphs of a text.
pub fn paragraphs(text: &str) -> Vec<Vec<Span>> {
    text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(spans).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_emphasis_are_told_from_text() {
        let parts: Vec<(String, Kind)> =
            spans("**Keys.** Give `after` again.").into_iter().map(|s| (s.text, s.kind)).collect();
        let part = |text: &str, kind| (text.to_owned(), kind);
        assert_eq!(
            parts,
            [
                part("Keys.", Kind::Strong),
                part(" Give ", Kind::Plain),
                part("after", Kind::Code),
                part(" again.", Kind::Plain)
            ]
        );
        assert_eq!(paragraphs("a\n\nb").len(), 2);
    }
}
