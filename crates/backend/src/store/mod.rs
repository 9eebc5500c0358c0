//! All that is remembered, and all SQL, in one text for SQLite and PostgreSQL (`engine` is what differs). Everything that
//! changes an auction is one transaction that begins by taking the auction's lock, reads the time once it has it, and
//! returns what is to be said to the room.

mod bids;
mod catalogue;
mod clocks;
mod engine;
mod hammer;
mod leagues;
pub mod lease;
mod making;
mod people;
mod reading;
mod rows;
mod stream;
mod succession;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gavelscope_contract::AuctionId;
use sqlx::{Any, AnyPool, Transaction};
use thiserror::Error;

pub use bids::{BidOrder, BidOutcome, Seen};
pub use hammer::{Closing, Moved};
pub(crate) use leagues::Joined;
pub(crate) use making::{Deleted, MINIMUM_BID};
pub use reading::ClockView;
pub use stream::Said;

use crate::clock::Clock;
use crate::settings::Database;

use engine::Engine;

/// How long `/health` waits for the database.
const ALIVE: Duration = Duration::from_secs(3);
/// An answer of the database that took longer, ms, says too little about what time it is there.
const SLOW: i64 = 1_000;

/// Why the database could not do something.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It failed, or is gone.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// What was given for it cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// It cannot be reached, or does not let this process in.
    #[error("{0}")]
    Unreachable(String),
    /// Its tables could not be brought up to date.
    #[error("the database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// It holds what this program never wrote.
    #[error("the database holds what cannot be: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Text with a character that PostgreSQL cannot keep (U+0000) is a mistake of who sent it, not of the database.
    pub(crate) fn is_unwritable_text(&self) -> bool {
        let Self::Database(sqlx::Error::Database(refusal)) = self else {
            return false;
        };
        refusal.code().is_some_and(|code| code == "22021")
    }
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
pub(crate) type Tx = Transaction<'static, Any>;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    write: AnyPool,
    read: AnyPool,
    clock: Arc<dyn Clock>,
    /// How far the database's clock is ahead of this machine's, ms.
    ahead: Arc<AtomicI64>,
    /// This start of this pod.
    boot: Arc<str>,
    kept_events: i64,
    countdown_step: i64,
}

impl Store {
    /// Opens the database, makes it where it is missing, and brings its tables up to date.
    pub async fn open(
        database: &Database,
        clock: Arc<dyn Clock>,
        kept_events: u32,
        countdown_step: Duration,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let engine: Arc<dyn Engine> = engine::of(database).into();
        let engine::Pools { write, read } = engine.open().await?;
        let store = Self {
            engine,
            write,
            read,
            clock,
            ahead: Arc::default(),
            boot: new_id().into(),
            kept_events: i64::from(kept_events),
            countdown_step: i64::try_from(countdown_step.as_millis())?,
        };
        store.look_at_the_clock().await?;
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
        matches!(tokio::time::timeout(ALIVE, asked).await, Ok(Ok(_)))
    }

    /// Names this start of this pod: no other start of any pod has the same name.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// What time it is by the database's clock, ms since the epoch, as far as it can be known without asking it.
    pub fn now(&self) -> i64 {
        self.clock.now() + self.ahead.load(Ordering::Relaxed)
    }

    /// Asks the database what time it is, and remembers how far its clock is ahead of this machine's.
    pub(crate) async fn look_at_the_clock(&self) -> Result<i64, StoreError> {
        let Some(time) = self.engine.time() else {
            return Ok(self.clock.now());
        };
        let asked = self.clock.now();
        let told: i64 = sqlx::query_scalar(time).fetch_one(&self.read).await?;
        let took = self.clock.now() - asked;
        // An answer that took long says little.
        if (0..=SLOW).contains(&took) {
            self.ahead.store(told - asked - took / 2, Ordering::Relaxed);
        }
        Ok(told)
    }

    /// A transaction that changes something other than an auction.
    async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.write.begin_with(self.engine.begin()).await?)
    }

    /// A transaction that changes an auction, with the time at which it decides: the lock is held before that is read, so
    /// a bid that waited for it past the deadline came too late. Everything that changes an auction begins here; whoever
    /// needs the league's lock as well takes it after this one, so that no two wait for each other.
    async fn turn(&self, auction: &AuctionId) -> Result<(Tx, i64), StoreError> {
        let mut tx = self.begin().await?;
        let now = self.hold(&mut tx, auction).await?;
        Ok((tx, now))
    }

    async fn hold(&self, tx: &mut Tx, auction: &AuctionId) -> Result<i64, StoreError> {
        let held: Option<i64> = match self.engine.hold_auction() {
            Some(hold) => {
                sqlx::query_scalar(hold)
                    .bind(auction.as_str())
                    .fetch_optional(&mut **tx)
                    .await?
            }
            None => None,
        };
        Ok(held.unwrap_or_else(|| self.now()))
    }

    /// Takes the lock of a league.
    async fn hold_league(&self, tx: &mut Tx, league: &str) -> Result<(), StoreError> {
        if let Some(hold) = self.engine.hold_league() {
            sqlx::query(hold).bind(league).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// A transaction in which all reads see one state.
    async fn view(&self) -> Result<Tx, StoreError> {
        Ok(self.read.begin_with(self.engine.view()).await?)
    }
}

/// A new identifier.
fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
