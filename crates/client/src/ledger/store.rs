//! The ledger's file: SQLite, written by one task over one connection, in the order of the moves.
//!
//! A row is committed (write-ahead log, `synchronous=FULL`) before the bid that it describes leaves the machine. Several
//! servers and users share a file, and so may several processes: a row is never written over by a fate that comes
//! before the one it has.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gavelscope_contract::{AuctionId, ClubId, Money, PodId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{FromRow, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::{is_open, standing};
use crate::state::{Fate, LedgerEntry, Millis};

/// How long a write waits for another process that holds the file.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Moves that may wait to be written; a person makes a handful a second.
const QUEUE: usize = 1_024;
/// Decided bids that are kept, of all servers and users together.
const KEPT: u32 = 5_000;
/// How many writes there are between two prunings.
const PRUNE_EVERY: u32 = 500;
/// How many open bids of one user are taken in at the most, the newest first; the others wait for another start.
const TAKEN_IN: u32 = 50;
/// Two processes that make the file at the same moment get in each other's way; one of them tries again.
const OPENINGS: u32 = 6;
/// How long opening may take before the session goes on without it.
const OPEN_LIMIT: Duration = Duration::from_secs(4);

/// Why bids cannot be written down, as clauses: where they are told, a sentence begins before them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The file or its folder cannot be made or read.
    #[error("the file {file} cannot be opened ({reason})")]
    Open {
        /// Which file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// A bid could not be written or read.
    #[error("the file cannot be written ({0})")]
    Write(String),
    /// It holds what this version never wrote.
    #[error("the file holds what this version cannot read ({0})")]
    Unreadable(String),
    /// More moves wait than the disk can take.
    #[error("the disk is slower than the bids")]
    Slow,
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Write(error.to_string())
    }
}

/// Whose bids: a user of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The server's address, made whole.
    pub server: String,
    /// Who.
    pub user: UserId,
}

/// The open file. Clones share it; what they write is written in one order.
#[derive(Clone)]
pub struct LedgerStore {
    path: Arc<PathBuf>,
    pool: SqlitePool,
    tasks: mpsc::Sender<Task>,
}

impl fmt::Debug for LedgerStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerStore({})", self.path.display())
    }
}

/// Whether and where a session writes its bids down.
#[derive(Debug, Clone, Default)]
pub enum BidKeeping {
    /// In memory, by choice: a practice, a bot.
    #[default]
    InMemory,
    /// In a file.
    InFile(LedgerStore),
    /// In memory, because the file cannot be opened; the state says so.
    Failed(LedgerError),
}

impl From<Result<LedgerStore, LedgerError>> for BidKeeping {
    fn from(opened: Result<LedgerStore, LedgerError>) -> Self {
        match opened {
            Ok(store) => Self::InFile(store),
            Err(error) => Self::Failed(error),
        }
    }
}

enum Task {
    Write {
        owner: Owner,
        entry: Box<LedgerEntry>,
        written: oneshot::Sender<Result<(), LedgerError>>,
    },
    Flush(oneshot::Sender<()>),
}

/// A write that is on its way: resolves once the row is committed or will not be.
pub struct Writing(Result<oneshot::Receiver<Result<(), LedgerError>>, LedgerError>);

impl Writing {
    /// Waits until the row is on the disk.
    pub async fn done(self) -> Result<(), LedgerError> {
        self.0?
            .await
            .unwrap_or_else(|_| Err(LedgerError::Write("the writer has ended".to_owned())))
    }
}

impl LedgerStore {
    /// Opens the file, makes it and its folder where they are missing, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::open_keeping(path, KEPT).await
    }

    async fn open_keeping(path: &Path, kept: u32) -> Result<Self, LedgerError> {
        let failed = |reason: String| LedgerError::Open {
            file: path.display().to_string(),
            reason,
        };
        make_private(path).map_err(|error| failed(error.to_string()))?;
        let pool = tokio::time::timeout(OPEN_LIMIT, connect_and_prune(path, kept))
            .await
            .map_err(|_| failed("another program holds it".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        let (tasks, queue) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(pool.clone(), queue, kept));
        Ok(Self {
            path: Arc::new(path.to_owned()),
            pool,
            tasks,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has an entry written as it stands, after everything that was handed in before it.
    pub fn write(&self, owner: &Owner, entry: LedgerEntry) -> Writing {
        let (written, result) = oneshot::channel();
        let write = Task::Write {
            owner: owner.clone(),
            entry: Box::new(entry),
            written,
        };
        match self.tasks.try_send(write) {
            Ok(()) => Writing(Ok(result)),
            Err(_) => Writing(Err(LedgerError::Slow)),
        }
    }

    /// Waits until everything that was handed in so far is written, or has failed.
    pub async fn flush(&self) {
        let (flushed, done) = oneshot::channel();
        if self.tasks.send(Task::Flush(flushed)).await.is_ok() {
            // The writer can only have ended.
            let _ = done.await;
        }
    }

    /// The bids that are still open, oldest first.
    pub async fn open_bids(&self, owner: &Owner) -> Result<Vec<LedgerEntry>, LedgerError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM bids WHERE server = ? AND user_id = ? AND fate IN ('draft', 'sent', 'unknown')
             ORDER BY sent_at DESC LIMIT ?",
        )
        .bind(&owner.server)
        .bind(owner.user.as_str())
        .bind(TAKEN_IN)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().rev().map(Row::into_entry).collect()
    }

    /// One bid, by its key.
    pub async fn bid(&self, key: &str) -> Result<Option<LedgerEntry>, LedgerError> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM bids WHERE key = ?")
            .bind(key)
            .fetch_optional(&self.pool)
            .await?;
        row.map(Row::into_entry).transpose()
    }
}

async fn connect_and_prune(path: &Path, kept: u32) -> Result<SqlitePool, LedgerError> {
    let mut attempt = 1;
    let pool = loop {
        match connect(path).await {
            Ok(pool) => break pool,
            Err(error) if attempt == OPENINGS => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20) * attempt).await,
        }
        attempt += 1;
    };
    prune(&pool, kept).await?;
    Ok(pool)
}

/// Only this user may read the file: it says who bid what. SQLite gives its companions the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn connect(path: &Path) -> Result<SqlitePool, LedgerError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(PATIENCE)
        .journal_mode(SqliteJournalMode::Wal)
        // A bid that left has to be in the file even if the power fails in the next moment.
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE * 2)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await?;
    sqlx::migrate!("./migrations")
        .run(&pool)
        .await
        .map_err(|error| LedgerError::Unreadable(error.to_string()))?;
    Ok(pool)
}

/// The one writer.
async fn write_all(pool: SqlitePool, mut queue: mpsc::Receiver<Task>, kept: u32) {
    let mut count: u32 = 0;
    while let Some(task) = queue.recv().await {
        // Nobody has to wait for the end of it.
        match task {
            Task::Write {
                owner,
                entry,
                written,
            } => drop(written.send(upsert(&pool, &owner, &entry).await)),
            Task::Flush(flushed) => drop(flushed.send(())),
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(PRUNE_EVERY)
            && let Err(error) = prune(&pool, kept).await
        {
            tracing::warn!(%error, "old bids cannot be pruned");
        }
    }
    pool.close().await;
}

async fn upsert(pool: &SqlitePool, owner: &Owner, entry: &LedgerEntry) -> Result<(), LedgerError> {
    sqlx::query(
        "INSERT INTO bids (key, server, user_id, auction_id, lot, club_id, club, amount, fate, standing, sentence,
                           refusal, sent_at, answer_ms, echo_ms, pod, attempts)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET
             fate = excluded.fate, standing = excluded.standing, sentence = excluded.sentence,
             refusal = excluded.refusal, sent_at = excluded.sent_at, answer_ms = excluded.answer_ms,
             echo_ms = excluded.echo_ms, pod = excluded.pod, attempts = excluded.attempts
         WHERE excluded.standing >= bids.standing",
    )
    .bind(&entry.key)
    .bind(&owner.server)
    .bind(owner.user.as_str())
    .bind(entry.auction_id.as_str())
    .bind(entry.lot)
    .bind(entry.club_id.as_ref().map(ClubId::as_str))
    .bind(&entry.club)
    .bind(entry.amount.pence())
    .bind(word(&entry.fate)?)
    .bind(standing(entry.fate))
    .bind(&entry.sentence)
    .bind(entry.refusal.as_ref().map(word).transpose()?)
    .bind(entry.sent_at.0)
    .bind(entry.answer_ms)
    .bind(entry.echo_ms)
    .bind(entry.pod.as_ref().map(PodId::as_str))
    .bind(entry.attempts)
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets the oldest decided bids beyond so many. An open one is never forgotten.
async fn prune(pool: &SqlitePool, kept: u32) -> Result<(), LedgerError> {
    sqlx::query(
        "DELETE FROM bids WHERE key IN (
             SELECT key FROM bids WHERE fate NOT IN ('draft', 'sent', 'unknown')
             ORDER BY sent_at DESC LIMIT -1 OFFSET ?)",
    )
    .bind(kept)
    .execute(pool)
    .await?;
    Ok(())
}

#[derive(Debug, FromRow)]
struct Row {
    key: String,
    auction_id: String,
    lot: u32,
    club_id: Option<String>,
    club: String,
    amount: i64,
    fate: String,
    sentence: String,
    refusal: Option<String>,
    sent_at: i64,
    answer_ms: Option<u32>,
    echo_ms: Option<u32>,
    pod: Option<String>,
    attempts: u32,
}

impl Row {
    fn into_entry(self) -> Result<LedgerEntry, LedgerError> {
        let fate: Fate = meaning(&self.fate)?;
        let amount =
            Money::from_pence(self.amount).map_err(|error| LedgerError::Unreadable(error.to_string()))?;
        Ok(LedgerEntry {
            key: self.key,
            auction_id: AuctionId(self.auction_id),
            lot: self.lot,
            club: self.club,
            club_id: self.club_id.map(ClubId),
            amount,
            fate,
            sentence: self.sentence,
            refusal: self.refusal.as_deref().map(meaning).transpose()?,
            sent_at: Millis(self.sent_at),
            answer_ms: self.answer_ms,
            echo_ms: self.echo_ms,
            pod: self.pod.map(PodId),
            attempts: self.attempts,
            earlier: is_open(fate),
        })
    }
}

/// The word of a fate or a refusal, as the state writes it.
fn word<T: Serialize>(value: &T) -> Result<String, LedgerError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(LedgerError::Unreadable(format!("{other:?} is no word"))),
    }
}

fn meaning<T: DeserializeOwned>(word: &str) -> Result<T, LedgerError> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|error| LedgerError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests;
