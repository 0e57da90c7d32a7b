//! `Db` and `Tx`: the only place that names a driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use tokio::sync::watch;

use super::dialect::Engine;
use super::events::{Told, feed};
use super::lane::{Lane, Lanes};
use super::policies::Policies;
use super::statement::{Column, Param, Stmt, sql};
use crate::domain::{Error, Result};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// A row that either driver can fill; `#[derive(sqlx::FromRow)]` and tuples provide it.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<R> Row for R where R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    lanes: Arc<Lanes>,
    shared: Arc<Shared>,
}

/// What every handle of a database shares.
#[derive(Default)]
pub(super) struct Shared {
    statements: AtomicU64,
    policies: Policies,
    /// Changes with every commit that told something.
    pub(super) told: watch::Sender<()>,
}

#[derive(Clone)]
pub(super) enum Pools {
    /// SQLite has one writer by nature; readers never wait for it (write-ahead log).
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
    },
    Postgres(PgPool),
}

impl Db {
    /// Opens the database at `url` (`sqlite://…` or `postgres://…`), creating an SQLite file that is
    /// missing, and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self> {
        let pools = if url.starts_with("sqlite:") {
            open_sqlite(url).await?
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            open_postgres(url).await?
        } else {
            let message = "the database URL must begin with sqlite:// or postgres://";
            return Err(Error::invalid("database_url", "invalid_database_url", message));
        };
        let shared = Arc::new(Shared::default());
        let lanes = Arc::new(Lanes::new(pools.clone(), Arc::clone(&shared)));
        let db = Db { pools, lanes, shared };
        if let Pools::Postgres(_) = db.pools {
            db.write(Lane::Environment, |tx| Box::pin(feed::catch_up_with_restored(tx))).await?;
        }
        Ok(db)
    }

    /// A handle for reading. Each statement sees what was committed when it began.
    pub async fn read(&self) -> Result<Tx> {
        let conn = match &self.pools {
            Pools::Sqlite { readers, .. } => Conn::SqliteRead(readers.acquire().await.map_err(internal)?),
            Pools::Postgres(pool) => Conn::PostgresRead(pool.acquire().await.map_err(internal)?),
        };
        Ok(Tx::new(conn, Arc::clone(&self.shared)))
    }

    /// A handle for reading by several statements that see one and the same state.
    pub async fn snapshot(&self) -> Result<Tx> {
        let conn = match &self.pools {
            Pools::Sqlite { readers, .. } => Conn::Sqlite(readers.begin().await.map_err(internal)?),
            Pools::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Conn::Postgres(pool.begin_with(begin).await.map_err(internal)?)
            }
        };
        Ok(Tx::new(conn, Arc::clone(&self.shared)))
    }

    /// Runs `work` in a transaction and answers only after its commit.
    ///
    /// Writes of one lane are serial, and those that wait for each other share a commit; `work` may
    /// therefore run more than once and must not touch anything but its transaction. A caller that
    /// goes away changes nothing: the work is finished all the same. Within a request that has an
    /// idempotency key, the first write claims it (see [`super::idempotency`]).
    pub async fn write<T, F>(&self, lane: Lane, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        self.lanes.write(lane, work).await
    }

    /// Changes after each commit of this process that wrote events. Other processes' commits are not seen here.
    pub fn told(&self) -> watch::Receiver<()> {
        self.shared.told.subscribe()
    }

    /// How many statements have run since the database was opened; benchmarks and tests bound it.
    pub fn statements(&self) -> u64 {
        self.shared.statements.load(Ordering::Relaxed)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let mut tx = self.read().await?;
        let _: (i64,) = tx.fetch_one(sql("SELECT COUNT(*) FROM environment_secrets")).await?;
        Ok(())
    }

    /// Waits for running writes and closes every connection, so that SQLite folds its log back.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(url: &str) -> Result<Pools> {
    let options: SqliteConnectOptions = url.parse().map_err(internal)?;
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(256)
        .pragma("temp_store", "memory")
        .optimize_on_close(true, None)
        .collation("C", str::cmp);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await
        .map_err(internal)?;
    MIGRATIONS.run(&writer).await.map_err(internal)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(8)
        .min_connections(1)
        .connect_with(options.read_only(true).create_if_missing(false))
        .await
        .map_err(internal)?;
    Ok(Pools::Sqlite { readers, writer })
}

async fn open_postgres(url: &str) -> Result<Pools> {
    let options: PgConnectOptions = url.parse().map_err(internal)?;
    let options = options.application_name("muster").statement_cache_capacity(256);
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options)
        .await
        .map_err(internal)?;
    MIGRATIONS.run(&pool).await.map_err(internal)?;
    Ok(Pools::Postgres(pool))
}

/// A handle on which statements run: a transaction, or a connection for reading.
pub struct Tx {
    conn: Conn,
    shared: Arc<Shared>,
    pub(super) told: Told,
}

pub(super) enum Conn {
    SqliteRead(PoolConnection<Sqlite>),
    PostgresRead(PoolConnection<Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Builds the query with `$new`, binds every parameter and calls `$run` on the driver in use.
macro_rules! run {
    ($tx:expr, $stmt:expr, $new:path, $run:ident) => {{
        $tx.note(&$stmt);
        let text = AssertSqlSafe(std::mem::take(&mut $stmt.text).into_owned());
        match &mut $tx.conn {
            Conn::SqliteRead(conn) => bind_all!($new(text), $stmt.params).$run(&mut **conn).await,
            Conn::Sqlite(conn) => bind_all!($new(text), $stmt.params).$run(&mut **conn).await,
            Conn::PostgresRead(conn) => bind_all!($new(text), $stmt.params).$run(&mut **conn).await,
            Conn::Postgres(conn) => bind_all!($new(text), $stmt.params).$run(&mut **conn).await,
        }
    }};
}

macro_rules! bind_all {
    ($query:expr, $params:expr) => {{
        let mut query = $query;
        for param in $params {
            query = match param {
                Param::Text(value) => query.bind(value),
                Param::Int(value) => query.bind(value),
                Param::Bool(value) => query.bind(value),
                Param::Time(value) => query.bind(value),
                Param::Id(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Tx {
    pub(super) fn new(conn: Conn, shared: Arc<Shared>) -> Self {
        Tx { conn, shared, told: Told::default() }
    }

    pub(super) fn policies(&self) -> &Policies {
        &self.shared.policies
    }

    pub(super) fn engine(&self) -> Engine {
        match self.conn {
            Conn::SqliteRead(_) | Conn::Sqlite(_) => Engine::Sqlite,
            Conn::PostgresRead(_) | Conn::Postgres(_) => Engine::Postgres,
        }
    }

    /// The table expression for a [`super::Rows`] bound as `$n`.
    pub fn rows(&self, n: usize, columns: &[(&str, Column)]) -> String {
        self.engine().rows(n, columns)
    }

    /// The same rows as `r`, to be joined: what follows them is looked up row by row.
    pub fn driving(&self, n: usize, columns: &[(&str, Column)]) -> String {
        format!("{} AS r {}", self.rows(n, columns), self.join())
    }

    /// What ends a SELECT of one table whose rows others may not delete until the transaction is over.
    pub fn keep(&self) -> &'static str {
        self.engine().keep()
    }

    /// What ends a SELECT of one table whose rows others may not write until the transaction is over.
    pub fn lock(&self) -> &'static str {
        self.engine().lock()
    }

    /// A join whose left side is read first.
    pub fn join(&self) -> &'static str {
        self.engine().join()
    }

    /// Counts a statement, and shows its text (never its values) to whoever traces `muster::sql`.
    fn note(&self, stmt: &Stmt) {
        stmt.check();
        self.shared.statements.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(target: "muster::sql", engine = ?self.engine(), text = %stmt.text);
    }

    /// Runs a statement; answers how many rows it touched.
    pub async fn execute(&mut self, mut stmt: Stmt) -> Result<u64> {
        self.note(&stmt);
        let kept: Arc<str> = Arc::from(std::mem::take(&mut stmt.text));
        let text = AssertSqlSafe(Arc::clone(&kept));
        let touched = match &mut self.conn {
            Conn::SqliteRead(conn) => {
                bind_all!(sqlx::query(text), stmt.params).execute(&mut **conn).await.map(|done| done.rows_affected())
            }
            Conn::Sqlite(conn) => {
                bind_all!(sqlx::query(text), stmt.params).execute(&mut **conn).await.map(|done| done.rows_affected())
            }
            Conn::PostgresRead(conn) => {
                bind_all!(sqlx::query(text), stmt.params).execute(&mut **conn).await.map(|done| done.rows_affected())
            }
            Conn::Postgres(conn) => {
                bind_all!(sqlx::query(text), stmt.params).execute(&mut **conn).await.map(|done| done.rows_affected())
            }
        };
        touched.map_err(|source| internal(Failed { source, text: kept }))
    }

    /// All rows.
    pub async fn fetch_all<R: Row>(&mut self, mut stmt: Stmt) -> Result<Vec<R>> {
        run!(self, stmt, sqlx::query_as, fetch_all).map_err(internal)
    }

    /// The first row, if there is one.
    pub async fn fetch_optional<R: Row>(&mut self, mut stmt: Stmt) -> Result<Option<R>> {
        run!(self, stmt, sqlx::query_as, fetch_optional).map_err(internal)
    }

    /// The one row that there must be.
    pub async fn fetch_one<R: Row>(&mut self, mut stmt: Stmt) -> Result<R> {
        run!(self, stmt, sqlx::query_as, fetch_one).map_err(internal)
    }

    /// Commits, and then wakes whoever waits for events, if there are any.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.conn {
            Conn::Sqlite(tx) => tx.commit().await,
            Conn::Postgres(tx) => tx.commit().await,
            Conn::SqliteRead(_) | Conn::PostgresRead(_) => Ok(()),
        }?;
        if self.told.anything {
            self.shared.told.send_replace(());
        }
        Ok(())
    }

    pub(super) async fn command(&mut self, text: &'static str) -> Result<()> {
        self.execute(sql(text)).await.map(drop)
    }
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal(Box::new(error))
}

/// A write that the database refused, with its text (never its values): a constraint alone does not say where it was
/// broken.
#[derive(Debug, thiserror::Error)]
#[error("{source} in: {text}")]
struct Failed {
    source: sqlx::Error,
    text: Arc<str>,
}

/// The driver's error behind one of ours.
fn driver_error(error: &Error) -> Option<&sqlx::Error> {
    match error {
        Error::Internal(error) => {
            let of_write = error.downcast_ref::<Failed>().map(|failed| &failed.source);
            of_write.or_else(|| error.downcast_ref::<sqlx::Error>())
        }
        _ => None,
    }
}

/// Whether a statement failed because a unique key is taken.
pub fn is_unique_violation(error: &Error) -> bool {
    matches!(driver_error(error), Some(sqlx::Error::Database(db)) if db.is_unique_violation())
}

/// Whether the whole transaction is lost but may be tried again: a serialization failure, a deadlock,
/// or a connection that broke before the commit.
pub fn is_transient(error: &Error) -> bool {
    driver_error(error).is_some_and(is_transient_driver_error)
}

fn is_transient_driver_error(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(db) => matches!(db.code().as_deref(), Some("40001" | "40P01" | "5" | "517")),
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => true,
        _ => false,
    }
}
