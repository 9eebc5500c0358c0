//! The way from a change to the sockets: one bounded queue, one task, one serialization for a whole room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gavelscope_contract::Room;
use serde_json::Value;
use socketioxide::BroadcastError;
use tokio::sync::mpsc;

use crate::link::{Io, Link};

/// An event for everybody in a room.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub room: Room,
    pub name: &'static str,
    pub payload: Value,
}

/// Where announcements are handed in. Bounded: a change waits for room in it rather than going unsaid.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    sender: mpsc::Sender<Vec<Announcement>>,
    dropped: Arc<AtomicU64>,
}

/// Where they are taken out.
#[derive(Debug)]
pub(crate) struct Inbox {
    receiver: mpsc::Receiver<Vec<Announcement>>,
    dropped: Arc<AtomicU64>,
}

/// How many changes may wait to be said.
const WAITING: usize = 4_096;

/// A queue of announcements.
pub(crate) fn queue() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let dropped = Arc::new(AtomicU64::new(0));
    let outbox = Outbox {
        sender,
        dropped: Arc::clone(&dropped),
    };
    (outbox, Inbox { receiver, dropped })
}

impl Outbox {
    /// Hands in what one change says.
    pub(crate) async fn send(&self, batch: Vec<Announcement>) {
        if self.sender.send(batch).await.is_err() {
            // Only while stopping: whoever reconnects takes a snapshot.
            tracing::debug!("an event was not said: the server is stopping");
        }
    }

    /// Returns when everything that was handed in so far has been said.
    pub(crate) async fn said_all(&self) {
        // Once this is taken out, what was before it has been said; once there is room for all, it has been taken out.
        let last = self.sender.send(Vec::new()).await;
        if last.is_ok() {
            let _ = self.sender.reserve_many(WAITING).await;
        }
    }

    /// How many packets never reached a socket because too many were waiting for it.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Inbox {
    /// Says what comes in until nobody can hand anything in any more.
    pub(crate) async fn run(mut self, io: Io, link: Link) {
        while let Some(batch) = self.receiver.recv().await {
            for announcement in batch {
                self.say(&io, &link, &announcement).await;
            }
        }
    }

    async fn say(&self, io: &Io, link: &Link, announcement: &Announcement) {
        let Announcement { room, name, payload } = announcement;
        let Some(namespace) = io.of("/") else {
            // Only while stopping, after every socket was closed.
            tracing::debug!(%room, event = name, "an event was not said: the sockets are closed");
            return;
        };
        let mut everybody = namespace.to(room.to_string());
        if link.is_alone() {
            // Spares the serialization for pods that are not there.
            everybody = everybody.local();
        }
        match everybody.emit(*name, payload).await {
            Ok(()) => {}
            Err(BroadcastError::Socket(errors)) => {
                let missed = u64::try_from(errors.len()).unwrap_or(u64::MAX);
                let dropped = self.dropped.fetch_add(missed, Ordering::Relaxed) + missed;
                tracing::warn!(%room, event = name, missed, dropped, "sockets are too slow, or gone");
            }
            Err(error) => tracing::error!(%room, event = name, %error, "an event could not be said"),
        }
    }
}
