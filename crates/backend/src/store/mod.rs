//! All that is remembered, and all SQL. Everything that changes an auction is one transaction that begins by taking
//! the write lock, reads the time once it has it, and returns what is to be said to the room.

mod bids;
mod catalogue;
mod hammer;
mod leagues;
mod making;
mod people;
mod reading;
mod rows;
mod stream;
mod succession;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use thiserror::Error;

pub use bids::{BidOrder, BidOutcome, Seen};
pub use hammer::{Closing, Moved};
pub(crate) use leagues::Joined;
pub(crate) use making::{Deleted, MINIMUM_BID};
pub use reading::ClockView;
pub use stream::Said;

use crate::clock::Clock;
use crate::settings::Database;

/// Why the database could not do something.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It failed, or is gone.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables could not be brought up to date.
    #[error("the database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// It holds what this program never wrote.
    #[error("the database holds what cannot be: {0}")]
    Corrupt(String),
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<gavelscope_contract::MoneyError> for StoreError {
    fn from(error: gavelscope_contract::MoneyError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<std::num::TryFromIntError> for StoreError {
    fn from(error: std::num::TryFromIntError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

/// A transaction on the database.
pub(crate) type Tx = Transaction<'static, Sqlite>;

/// The database.
///
/// One connection writes, so transactions queue in order instead of colliding; a file has others that read beside it.
/// Memory has that one connection alone: a second one would be a second, empty database.
#[derive(Debug, Clone)]
pub struct Store {
    write: SqlitePool,
    read: SqlitePool,
    clock: Arc<dyn Clock>,
    kept_events: i64,
    countdown_step: i64,
}

impl Store {
    /// How long a caller waits for its turn before the database counts as gone.
    const PATIENCE: Duration = Duration::from_secs(5);
    const READERS: u32 = 4;

    /// Opens the database, makes it where it is missing, and brings its tables up to date.
    pub async fn open(
        database: &Database,
        clock: Arc<dyn Clock>,
        kept_events: u32,
        countdown_step: Duration,
    ) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .foreign_keys(true)
            .busy_timeout(Self::PATIENCE);
        let options = match database {
            Database::Memory => options.in_memory(true),
            Database::File(path) => options
                .filename(path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // A power cut can lose the last bids, never the database; a crash of this process loses nothing.
                .synchronous(SqliteSynchronous::Normal),
        };
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(Self::PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let write = pool(1).connect_with(options.clone()).await?;
        sqlx::migrate!("./migrations").run(&write).await?;
        let read = match database {
            Database::Memory => write.clone(),
            Database::File(_) => pool(Self::READERS).connect_with(options).await?,
        };
        let store = Self {
            write,
            read,
            clock,
            kept_events: i64::from(kept_events),
            countdown_step: i64::try_from(countdown_step.as_millis())?,
        };
        store.plant_catalogue().await?;
        Ok(store)
    }

    /// Writes out what is pending and closes the database.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Whether the database answers.
    pub async fn is_alive(&self) -> bool {
        let asked = sqlx::query("SELECT 1").execute(&self.write);
        matches!(tokio::time::timeout(Self::PATIENCE, asked).await, Ok(Ok(_)))
    }

    /// What time it is, ms since the epoch.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// A transaction that holds the write lock from its beginning, so that nothing read in it can grow old.
    async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A transaction in which all reads see one state.
    async fn view(&self) -> Result<Tx, StoreError> {
        Ok(self.read.begin().await?)
    }
}

/// A new identifier.
fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
