//! Stopping in good order, as a rolling restart asks for it: nobody is cut off who can be sent elsewhere first.
//!
//! 1. `/health` says `draining` with 503, so that balancers send nothing new; the clocks go to other pods. Everything
//!    else goes on: a balancer needs a moment to notice ([`Drain::notice`]).
//! 2. No new connection is taken. Every socket is told to connect anew, each after another time, so that the other pods
//!    do not get them all at once ([`Drain::spread`]).
//! 3. What is left is closed as in any stop ([`crate::Running::stop`]).

use std::time::Duration;

use gavelscope_contract::event::PodDraining;
use rand::seq::SliceRandom;
use socketioxide::operators::BroadcastOperators;
use tokio::time::Instant;

use crate::clock_keeper;
use crate::house::House;
use crate::link::{Io, Socket};
use crate::sockets::emit;

/// How often it is looked whether everybody has gone.
const LOOK: Duration = Duration::from_millis(50);
/// Who was told to go last has so long for it.
const LAST_CALL: Duration = Duration::from_millis(500);

/// How long the parts of a drain last. All in all it ends within 10 s.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// How long a balancer is given to notice, at most 3 s.
    pub notice: Duration,
    /// Over how long the sockets' moves are spread, at most 3 s.
    pub spread: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            notice: Duration::from_secs(2),
            spread: Duration::from_secs(3),
        }
    }
}

/// The longest that either part may be.
const LONGEST: Duration = Duration::from_secs(3);

impl Drain {
    /// The two parts that come before the stop.
    pub(crate) async fn run(self, house: &House, io: &Io) {
        let (notice, spread) = (self.notice.min(LONGEST), self.spread.min(LONGEST));
        let begun = Instant::now();
        house.draining.cancel();
        tracing::info!(
            pod = %house.pod, sockets = sockets(io).len(), notice_ms = notice.as_millis(),
            "draining: /health says so, and what comes is still served for a moment"
        );
        // At once, so that no lot's clock stands still for as long as this takes.
        clock_keeper::hand_over(house).await;
        tokio::time::sleep_until(begun + notice).await;
        house.closed.cancel();
        let mut told = sockets(io);
        told.shuffle(&mut rand::rng());
        let count = u32::try_from(told.len()).unwrap_or(u32::MAX).max(1);
        for (number, socket) in (1u32..).zip(&told) {
            tell(house, socket, spread * number / count);
        }
        tracing::info!(pod = %house.pod, sockets = told.len(), "every socket is told to connect anew");
        let last = Instant::now() + spread + LAST_CALL;
        while !sockets(io).is_empty() && Instant::now() < last {
            tokio::time::sleep(LOOK).await;
        }
        let left = sockets(io).len();
        if left > 0 {
            tracing::info!(pod = %house.pod, sockets = left, "some sockets did not go by themselves");
        }
    }
}

fn sockets(io: &Io) -> Vec<Socket> {
    // The namespace is registered before anybody can be served.
    io.of("/").map(BroadcastOperators::sockets).unwrap_or_default()
}

/// Asks one socket to connect anew after so long.
pub(crate) fn tell(house: &House, socket: &Socket, after: Duration) {
    let draining = PodDraining {
        pod: house.pod.clone(),
        reconnect_in_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
    };
    emit(socket, "pod_draining", &draining);
}
