//! The few fragments in which SQLite and PostgreSQL differ.

use super::statement::Column;

/// Which engine a transaction runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The embedded database.
    Sqlite,
    /// The database server.
    Postgres,
}

impl Engine {
    /// A table expression that unpacks parameter `$n`, a JSON array of arrays, into `columns`.
    pub fn rows(self, n: usize, columns: &[(&str, Column)]) -> String {
        let cells: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, (name, column))| match self {
                Engine::Sqlite => match column {
                    Column::Id => format!("unhex(j.value ->> {at}) AS {name}"),
                    _ => format!("j.value ->> {at} AS {name}"),
                },
                Engine::Postgres => {
                    let kind = match column {
                        Column::Id => "uuid",
                        Column::Text => "text",
                        Column::Int => "bigint",
                        Column::Bool => "boolean",
                        Column::Time => "timestamptz",
                    };
                    format!("CAST(j.value ->> {at} AS {kind}) AS {name}")
                }
            })
            .collect();
        let cells = cells.join(", ");
        match self {
            // MATERIALIZED-like: the LIMIT keeps SQLite from unpacking the JSON again for each use.
            Engine::Sqlite => format!("(SELECT {cells} FROM json_each(${n}) AS j LIMIT -1 OFFSET 0)"),
            Engine::Postgres => format!("(SELECT {cells} FROM jsonb_array_elements(CAST(${n} AS jsonb)) AS j(value))"),
        }
    }

    /// What ends a SELECT of one table whose rows others may not delete until the transaction is over. SQLite has one
    /// writer, so nobody could.
    pub fn keep(self) -> &'static str {
        match self {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR KEY SHARE",
        }
    }

    /// What ends a SELECT of one table whose rows others may not write until the transaction is over.
    pub fn lock(self) -> &'static str {
        match self {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE",
        }
    }

    /// A join whose left side is read first. SQLite's planner, which knows little of how many rows there
    /// are, would sometimes rather walk a whole table; PostgreSQL's finds out by itself.
    pub fn join(self) -> &'static str {
        match self {
            Engine::Sqlite => "CROSS JOIN",
            Engine::Postgres => "JOIN",
        }
    }

    /// The statement to run before [`Engine::commit_order`], if there is one: SQLite has one writer, which counts.
    pub fn commit_order_step(self) -> Option<&'static str> {
        match self {
            Engine::Sqlite => Some("UPDATE event_clock SET value = value + 1"),
            Engine::Postgres => None,
        }
    }

    /// The place of this transaction in the feed over all organizations. On PostgreSQL it is the transaction's id,
    /// not the order of commits, which nobody knows before: [`Engine::settled`] makes up for that.
    pub fn commit_order(self) -> &'static str {
        match self {
            Engine::Sqlite => "(SELECT c.value FROM event_clock c)",
            Engine::Postgres => {
                "(CAST(CAST(pg_current_xact_id() AS text) AS bigint) + (SELECT c.value FROM event_clock c))"
            }
        }
    }

    /// The condition, to follow others, that no transaction still running could come before this place: on
    /// PostgreSQL, it is below the oldest one that runs.
    pub fn settled(self, column: &str) -> String {
        match self {
            Engine::Sqlite => String::new(),
            Engine::Postgres => format!(
                " AND {column} < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
                    + (SELECT c.value FROM event_clock c)"
            ),
        }
    }
}
