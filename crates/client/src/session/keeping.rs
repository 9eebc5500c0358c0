//! Writing the ledger down: what an earlier run left open is taken in, every move is written, and what cannot be
//! written is counted, told and tried again.

use std::collections::HashSet;
use std::time::Duration;

use super::SessionConfig;
use super::driver::Driver;
use super::jobs::Done;
use crate::ledger::store::{BidKeeping, LedgerError, LedgerStore, Owner, Writing};
use crate::state::{LedgerEntry, LedgerKeeping};

/// How long the file may take to say what was left open. The session does not begin to listen before.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// How long a session that ends waits for its last moves to be written.
const END_LIMIT: Duration = Duration::from_secs(2);
/// Until a write that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Where this session's bids are written down.
pub(super) struct Keeping {
    store: Option<LedgerStore>,
    owner: Owner,
    trouble: Option<String>,
    failed_writes: u32,
    /// Keys of the bids whose last write failed.
    unwritten: HashSet<String>,
}

impl Keeping {
    pub(super) fn new(config: &SessionConfig) -> Self {
        let (store, trouble) = match &config.keeping {
            BidKeeping::InMemory => (None, None),
            BidKeeping::InFile(store) => (Some(store.clone()), None),
            BidKeeping::Failed(error) => (None, Some(in_memory(error))),
        };
        Self {
            store,
            owner: Owner {
                server: config.address.base(),
                user: config.credentials.user.clone(),
            },
            trouble,
            failed_writes: 0,
            unwritten: HashSet::new(),
        }
    }

    /// For the published state.
    pub(super) fn shown(&self) -> LedgerKeeping {
        LedgerKeeping {
            file: self
                .store
                .as_ref()
                .map(|store| store.path().display().to_string()),
            trouble: self.trouble.clone(),
            failed_writes: self.failed_writes,
        }
    }

    /// Has an entry written. None where bids are kept in memory only.
    pub(super) fn write(&self, entry: LedgerEntry) -> Option<Writing> {
        let store = self.store.as_ref()?;
        Some(store.write(&self.owner, entry))
    }
}

fn in_memory(error: &LedgerError) -> String {
    format!(
        "Bids are kept in memory only: {error}. If the application ends before an answer comes, look for the bid in the \
         auction yourself."
    )
}

impl Driver {
    /// What an earlier run left open, to be looked for.
    pub(super) async fn take_in_earlier(&mut self) {
        if let Some(trouble) = self.keeping.trouble.clone() {
            self.note(None, "ledger", trouble);
        }
        let Some(store) = self.keeping.store.clone() else {
            return;
        };
        let read = tokio::time::timeout(READ_LIMIT, store.open_bids(&self.keeping.owner));
        match read.await.unwrap_or(Err(LedgerError::Slow)) {
            Ok(open) => {
                for entry in open {
                    self.note(
                        Some(entry.auction_id.clone()),
                        "bid",
                        format!(
                            "A bid of {} on {} was left without an answer when the application ended; looking for it.",
                            entry.amount, entry.club
                        ),
                    );
                    let key = entry.key.clone();
                    self.ledger.take_in(entry);
                    self.look_for(key, 0);
                }
            }
            Err(error) => {
                let text = format!(
                    "What an earlier run left open cannot be read: {error}. Look for bids of then in the auction yourself."
                );
                self.note(None, "ledger", text.clone());
                self.keeping.trouble = Some(text);
            }
        }
        self.keep_moves();
    }

    /// Has every move since the last time written, in their order.
    pub(super) fn keep_moves(&mut self) {
        for entry in self.ledger.take_moves() {
            self.save(entry);
        }
    }

    pub(super) fn save(&mut self, entry: LedgerEntry) {
        let key = entry.key.clone();
        if let Some(writing) = self.keeping.write(entry) {
            self.jobs.spawn(async move {
                let result = writing.done().await;
                Done::Saved { key, result }
            });
        }
    }

    /// A write is over. One that failed is tried again until it holds or the session ends.
    pub(super) fn saved(&mut self, key: String, result: Result<(), LedgerError>) {
        match result {
            Ok(()) if self.keeping.unwritten.remove(&key) && self.keeping.unwritten.is_empty() => {
                self.keeping.trouble = None;
                self.note(None, "ledger", "All bids are written down again.".to_owned());
            }
            Ok(()) => {}
            Err(error) => {
                self.keeping.failed_writes = self.keeping.failed_writes.saturating_add(1);
                if self.keeping.unwritten.is_empty() {
                    let text = format!(
                        "A bid could not be written down: {error}. It is tried again; until then it is known in memory \
                         only."
                    );
                    self.note(None, "ledger", text.clone());
                    self.keeping.trouble = Some(text);
                }
                self.keeping.unwritten.insert(key.clone());
                self.jobs.spawn(async move {
                    tokio::time::sleep(AGAIN).await;
                    Done::SaveDue(key)
                });
            }
        }
        self.unpublished = true;
    }

    /// Writes an entry as it stands by now, where that is still missing.
    pub(super) fn save_again(&mut self, key: &str) {
        match self.ledger.get(key).cloned() {
            Some(entry) if self.keeping.unwritten.contains(key) => self.save(entry),
            Some(_) => {}
            None => {
                self.keeping.unwritten.remove(key);
            }
        }
    }

    /// The last moves are on the disk before the session counts as ended.
    pub(super) async fn finish_keeping(&mut self) {
        self.keep_moves();
        if let Some(store) = &self.keeping.store {
            // A disk that hangs must not hold the window open; the moves of then are found by looking at the next start.
            let _ = tokio::time::timeout(END_LIMIT, store.flush()).await;
        }
    }
}
