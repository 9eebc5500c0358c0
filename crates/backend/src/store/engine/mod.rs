//! What differs between the databases. Everything else is one text of SQL for both.

mod postgres;
mod sqlite;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use sqlx::AnyPool;

use super::StoreError;
use crate::settings::Database;

/// How long a caller waits for a connection before the database counts as gone.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Something to wait for, of an engine that is chosen when the process starts.
type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The connections to a database.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    /// Those that change something. Apart from the others, so that reading never waits behind a queue of bids.
    pub write: AnyPool,
    /// Those that only read.
    pub read: AnyPool,
}

/// A kind of database.
pub(super) trait Engine: fmt::Debug + Send + Sync {
    /// Opens the database and brings its tables up to date.
    fn open(&self) -> Waiting<'_, Pools>;

    /// Begins a transaction that changes something.
    fn begin(&self) -> &'static str;

    /// Begins a transaction in which all reads see one state.
    fn view(&self) -> &'static str;

    /// Takes the lock of the auction `$1` and reads the time after that; none where [`Engine::begin`] has locked
    /// everything.
    fn hold_auction(&self) -> Option<&'static str>;

    /// Takes the lock of the league `$1`, after that of its auction.
    fn hold_league(&self) -> Option<&'static str>;

    /// Reads the time that decides; none where this machine's clock is that of all who use the database.
    fn time(&self) -> Option<&'static str>;
}

/// The engine of a database.
pub(super) fn of(database: &Database) -> Box<dyn Engine> {
    match database {
        Database::Memory => Box::new(sqlite::Sqlite { file: None }),
        Database::File(path) => Box::new(sqlite::Sqlite {
            file: Some(path.clone()),
        }),
        Database::Postgres(url) => Box::new(postgres::Postgres { url: url.clone() }),
    }
}
