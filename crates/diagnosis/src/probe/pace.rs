//! No more than was agreed: so many a second, so long in all, and an end at once when somebody asks for it.

use std::sync::{Mutex, PoisonError};
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

/// Everybody who wants to do something stands in line here.
pub(super) struct Pace {
    gap: Duration,
    ends: Instant,
    stop: CancellationToken,
    /// When the next may go. Whoever holds it is next, and who asks first is served first.
    line: tokio::sync::Mutex<Instant>,
    cost: Mutex<Cost>,
}

impl Pace {
    pub(super) fn new(caps: Caps, stop: CancellationToken) -> Self {
        let now = Instant::now();
        Self {
            gap: Duration::from_secs(1) / caps.per_second.max(1),
            ends: now + caps.time,
            stop,
            line: tokio::sync::Mutex::new(now),
            cost: Mutex::default(),
        }
    }

    /// Between one thing and the next.
    pub(super) fn gap(&self) -> Duration {
        self.gap
    }

    pub(super) fn cost(&self) -> Cost {
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the next thing may be done. Who no longer waits has taken no turn.
    pub(super) async fn turn(&self, turn: Turn) -> Result<(), Stopped> {
        let mut next = self.line.lock().await;
        let due = (*next).max(Instant::now());
        self.until(due).await?;
        *next = due + self.gap;
        let mut cost = self.cost.lock().unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(per_second: u32, time: Duration, stop: &CancellationToken) -> Pace {
        let caps = Caps {
            per_second,
            time,
            ..Caps::default()
        };
        Pace::new(caps, stop.clone())
    }

    #[tokio::test]
    async fn whoever_asks_first_is_served_first_and_nobody_before_the_time() {
        let pace = pace(100, Duration::from_mins(1), &CancellationToken::new());
        let began = Instant::now();
        let served = std::sync::Mutex::new(Vec::new());
        let asking = (0..8).map(async |number| {
            pace.turn(Turn::Message).await.unwrap();
            served.lock().unwrap().push(number);
        });
        futures_util::future::join_all(asking).await;
        assert!(served.into_inner().unwrap().is_sorted());
        assert!(began.elapsed() >= 7 * pace.gap(), "{:?}", began.elapsed());
        assert_eq!(pace.cost().messages, 8);
    }

    #[tokio::test]
    async fn who_no_longer_waits_has_taken_no_turn() {
        let pace = pace(1, Duration::from_mins(1), &CancellationToken::new());
        pace.turn(Turn::Connection).await.unwrap();
        let given_up = tokio::time::timeout(Duration::from_millis(1), pace.turn(Turn::Connection)).await;
        assert!(given_up.is_err());
        assert_eq!(pace.cost().connections, 1);
        // And does not stand in the way of others.
        pace.turn(Turn::Request).await.unwrap();
        assert_eq!(pace.cost().requests, 1);
    }

    #[tokio::test]
    async fn all_who_wait_are_told_of_the_end() {
        let stop = CancellationToken::new();
        let slow = pace(1, Duration::from_mins(1), &stop);
        let waiting = (0..3).map(|_| slow.turn(Turn::Message));
        let waiting = futures_util::future::join_all(waiting);
        let (all, ()) = tokio::join!(waiting, async { stop.cancel() });
        assert_eq!(all.last(), Some(&Err(Stopped::Cancelled)));
        let over = pace(1, Duration::ZERO, &CancellationToken::new());
        assert_eq!(over.turn(Turn::Message).await, Err(Stopped::TimeUp));
        assert_eq!(over.cost(), Cost::default());
    }
}
