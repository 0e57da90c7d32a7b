//! Lists: how many rows are asked for, and how they are shown.

use std::num::NonZeroUsize;
use std::process::ExitCode;

use super::client::{Client, Connection};
use super::output::Listing;

/// How many rows people see who do not say how many.
const ROWS: usize = 100;

/// How many rows of a list.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Limit {
    /// How many; without it 100, and with --json all
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
}

impl Limit {
    /// How many rows at the most: people are told that there are more, scripts would not know.
    pub fn rows(self, json: bool) -> usize {
        self.limit.map_or(if json { usize::MAX } else { ROWS }, NonZeroUsize::get)
    }

    /// Reads a list and shows it.
    pub async fn show(
        self,
        connection: &Connection,
        client: &Client,
        (path, query): (&str, &[(&str, &str)]),
        listing: &Listing<'_>,
    ) -> anyhow::Result<ExitCode> {
        let (rows, more) = client.list(path, query, self.rows(connection.json)).await?;
        listing.show(connection.json, &rows, more)
    }
}
