//! Files that people write, and mistakes in them with their places.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::de::DeserializeOwned;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    text: String,
}

/// What is wrong with a file, each with its place.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => f.write_str(only),
            all => write!(f, "{} mistakes\n{}", all.len(), all.join("\n")),
        }
    }
}

impl std::error::Error for Mistakes {}

impl Source {
    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Source { path: path.to_owned(), text })
    }

    /// Text that is called as a file would be.
    #[cfg(test)]
    pub fn of(path: &str, text: &str) -> Self {
        Source { path: path.into(), text: text.to_owned() }
    }

    /// Reads the file as TOML.
    ///
    /// # Errors
    ///
    /// [`Mistakes`] with the place of the first one.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Mistakes> {
        toml::from_str(&self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            Mistakes(vec![self.mistake(span, error.message())])
        })
    }

    /// `file:line:column`, counted from 1.
    pub fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.path.display())
    }

    /// The place of a character, counted from 1, in the string that is written at `span`: exact in a literal string,
    /// the beginning of any other.
    pub fn within(&self, span: &Range<usize>, column: usize) -> Range<usize> {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let literal = written.strip_prefix('\'').filter(|rest| !rest.starts_with('\''));
        let inner = literal.and_then(|rest| rest.char_indices().nth(column.saturating_sub(1)));
        match inner {
            Some((offset, _)) => span.start + 1 + offset..span.end,
            None => span.clone(),
        }
    }

    /// A mistake at a place.
    pub fn mistake(&self, span: Range<usize>, message: &str) -> String {
        format!("{}: {message}", self.place(&span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_line_and_column() {
        let source = Source::of("rules.toml", "a = 1\nb = 'déjà vu'\nc = \"x\\ty\"\n");
        assert_eq!(source.place(&(0..1)), "rules.toml:1:1");
        assert_eq!(source.place(&(6..7)), "rules.toml:2:1");
        let b = 10..21;
        assert_eq!(source.place(&source.within(&b, 6)), "rules.toml:2:11");
        let c = 26..32;
        assert_eq!(source.place(&source.within(&c, 3)), "rules.toml:3:5");
        assert_eq!(source.place(&(900..901)), "rules.toml:4:1");
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        let mistakes = Source::of("x.toml", "a = 1\nb = c\n").parse::<toml::Table>().unwrap_err();
        assert!(mistakes.to_string().starts_with("x.toml:2:5: "), "{mistakes}");
    }
}
