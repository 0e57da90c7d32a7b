//! What the commands print: tables and JSON, and the exit codes.

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

/// Prints text.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if text.ends_with('\n') { out.flush() } else { writeln!(out) }
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

/// `1 person`, `2 people`.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
