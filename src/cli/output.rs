//! What the commands print: tables and JSON, and the exit codes.

use std::borrow::Cow;
use std::io::{self, Write};
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// Something differs: there are changes, there is drift, a directory is quiet, the answer is no.
pub const DIFFERS: u8 = 2;
/// The guard would park, or somebody has to approve.
pub const PARKED: u8 = 3;
/// A plan is stale. Of `status`: there is drift.
pub const STALE: u8 = 4;

/// An exit code with output that was written. A reader who has seen enough (`| head`) is no failure of ours.
pub fn ended(written: io::Result<()>, code: u8) -> anyhow::Result<ExitCode> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::from(code)),
    }
}

/// Prints a JSON document.
pub fn print_json(document: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from)?;
    writeln!(out)
}

/// Text without characters that could steer a terminal or turn the order of reading: names come from identity providers.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(steers) { text.replace(steers, "\u{fffd}").into() } else { text.into() }
}

/// Prints text for people.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(harmless(text).as_bytes())?;
    if text.ends_with('\n') { out.flush() } else { writeln!(out) }
}

/// Prints a JSON document in one line.
pub fn print_json_line(document: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{document}")?;
    out.flush()
}

/// One object: as JSON, or as text for people.
pub fn tell(json: bool, object: &Value, told: impl FnOnce() -> String) -> anyhow::Result<ExitCode> {
    ended(if json { print_json(object) } else { print(&told()) }, 0)
}

/// How a list is shown to people.
pub struct Listing<'l> {
    /// What is said when it is empty.
    pub none: &'l str,
    /// The headings of its columns.
    pub headings: &'l [&'l str],
    /// The cells of a row.
    pub row: &'l dyn Fn(&Value) -> Vec<String>,
}

impl Listing<'_> {
    /// A list: as JSON, or as a table. `more` tells that it is only its beginning.
    pub fn show(&self, json: bool, rows: &[Value], more: bool) -> anyhow::Result<ExitCode> {
        if json {
            return ended(print_json(&rows.into()), 0);
        }
        if rows.is_empty() {
            return ended(print(self.none), 0);
        }
        ended(print(&format!("{}{}", self.table(rows), if more { "\n… and more; --limit shows them" } else { "" })), 0)
    }

    /// The table alone.
    pub fn table(&self, rows: &[Value]) -> Table {
        let mut table = table(self.headings);
        for row in rows {
            table.add_row((self.row)(row));
        }
        table
    }
}

/// An empty table.
pub fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(headings.to_vec());
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// The string at a JSON pointer, or a dash.
pub fn at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("–")
}

/// The strings at JSON pointers, in their order.
pub fn cells(value: &Value, pointers: &[&str]) -> Vec<String> {
    pointers.iter().map(|pointer| at(value, pointer).to_owned()).collect()
}

/// `1 person`, `2 people`.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_steer_the_terminal() {
        assert_eq!(harmless("eng\t│ Ö\n"), "eng\t│ Ö\n");
        assert_eq!(harmless("\u{1b}[2Jeng\r\u{9b}\u{202e}x"), "\u{fffd}[2Jeng\u{fffd}\u{fffd}\u{fffd}x");
    }
}
