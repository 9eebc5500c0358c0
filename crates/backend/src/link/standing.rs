//! How the link is, and what it has carried.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gavelscope_redis::Trouble;

/// How the link to the other pods is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing is known yet.
    Starting,
    /// What this pod publishes comes back to it.
    Attached {
        /// Since when.
        since: Instant,
        /// How many times it had been lost before.
        returns: u64,
        /// How long it was lost before.
        after: Duration,
    },
    /// It does not.
    Lost {
        /// Why.
        trouble: Trouble,
        /// Since when.
        since: Instant,
        /// The same by the wall's clock, ms since the epoch.
        since_ms: i64,
        /// How many times it had been lost before.
        returns: u64,
    },
}

impl Standing {
    pub(super) fn returns(&self) -> u64 {
        match self {
            Self::Starting => 0,
            Self::Attached { returns, .. } | Self::Lost { returns, .. } => *returns,
        }
    }

    /// Whether other pods are heard.
    pub(crate) fn is_attached(&self) -> bool {
        matches!(self, Self::Attached { .. })
    }
}

/// Upper bounds of the classes that the time to publish is counted in, ms.
pub(crate) const PUBLISH_CLASSES_MS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 250, 500];

/// What the link has carried since the pod started.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub handed_in: AtomicU64,
    pub said: AtomicU64,
    pub unsaid: AtomicU64,
    pub unheard: AtomicU64,
    classes: [AtomicU64; PUBLISH_CLASSES_MS.len() + 1],
    publish_us: AtomicU64,
    last_publish: Mutex<Option<Instant>>,
}

/// The same, to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Messages that Redis has taken.
    pub said: u64,
    /// Messages that could not be passed on: no connection, or too many waited.
    pub unsaid: u64,
    /// Messages of other pods that this one was too slow to take.
    pub unheard: u64,
    /// How many exchanges with Redis took up to so many ms each ([`PUBLISH_CLASSES_MS`]); the last: longer.
    pub publish_classes: [u64; PUBLISH_CLASSES_MS.len() + 1],
    /// How long all of them took together, µs.
    pub publish_us: u64,
}

impl Figures {
    /// Redis has taken what was sent.
    pub(super) fn published(&self, took: Duration, now: Instant) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let class = PUBLISH_CLASSES_MS.partition_point(|bound| *bound <= ms);
        if let Some(class) = self.classes.get(class) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.publish_us.fetch_add(us, Ordering::Relaxed);
        *self.last_publish.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// How long ago Redis last took something.
    pub(super) fn last_publish(&self, now: Instant) -> Option<Duration> {
        let last = *self.last_publish.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|last| now.saturating_duration_since(last))
    }

    /// Whether something handed in has met no fate yet.
    pub(super) fn is_busy(&self) -> bool {
        let settled = self.said.load(Ordering::SeqCst) + self.unsaid.load(Ordering::SeqCst);
        settled < self.handed_in.load(Ordering::SeqCst)
    }

    pub(super) fn carried(&self) -> Carried {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Carried {
            said: read(&self.said),
            unsaid: read(&self.unsaid),
            unheard: read(&self.unheard),
            publish_classes: std::array::from_fn(|class| self.classes.get(class).map_or(0, read)),
            publish_us: read(&self.publish_us),
        }
    }
}
