//! No more than was agreed: so many a second, so long in all, and an end at once when somebody asks for it.

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Caps;
use crate::evidence::Cost;

/// Why a probe ended before it was through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Stopped {
    /// Somebody asked for it.
    #[error("it was stopped")]
    Cancelled,
    /// It took as long as it may.
    #[error("it took longer than it may")]
    TimeUp,
    /// The server could not prove who it is.
    #[error("the server's certificate is not trusted here, so nothing else was asked")]
    NotTrusted,
}

/// What a turn is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A request over a connection of its own.
    FreshRequest,
    /// A request over a connection that stands.
    Request,
    /// A connection that stays.
    Connection,
    /// A message.
    Message,
}

pub(super) struct Pace {
    gap: Duration,
    next: Instant,
    ends: Instant,
    stop: CancellationToken,
    cost: Cost,
}

impl Pace {
    pub(super) fn new(caps: Caps, stop: CancellationToken) -> Self {
        let now = Instant::now();
        Self {
            gap: Duration::from_secs(1) / caps.per_second.max(1),
            next: now,
            ends: now + caps.time,
            stop,
            cost: Cost::default(),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        self.cost
    }

    /// Waits until the next thing may be done.
    pub(super) async fn turn(&mut self, turn: Turn) -> Result<(), Stopped> {
        let due = self.next.max(Instant::now());
        self.until(due).await?;
        self.next = due + self.gap;
        let cost = &mut self.cost;
        match turn {
            Turn::FreshRequest => {
                cost.connections += 1;
                cost.requests += 1;
            }
            Turn::Request => cost.requests += 1,
            Turn::Connection => cost.connections += 1,
            Turn::Message => cost.messages += 1,
        }
        Ok(())
    }

    async fn until(&self, due: Instant) -> Result<(), Stopped> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Stopped::Cancelled),
            () = tokio::time::sleep_until(due.min(self.ends)) => {}
        }
        if due >= self.ends {
            Err(Stopped::TimeUp)
        } else {
            Ok(())
        }
    }

    /// Does something, unless somebody asks for the end or the time is up before it is done.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopped::Cancelled),
            () = tokio::time::sleep_until(self.ends) => Err(Stopped::TimeUp),
            done = work => Ok(done),
        }
    }
}
