//! The server's clock against ours.

use std::collections::VecDeque;

use crate::state::{ClockEstimate, Millis};

/// How many samples are looked back on.
const WINDOW: usize = 16;

/// An estimate from round trips: of the last samples the one with the shortest way is believed.
#[derive(Debug, Clone, Default)]
pub struct ServerClock {
    samples: VecDeque<Sample>,
    taken: u32,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    offset: i64,
    half_trip: i64,
}

impl ServerClock {
    /// A call left at `sent`, its answer arrived at `received`, and the server dated it `server`.
    pub fn round_trip(&mut self, sent: Millis, received: Millis, server: i64) {
        let trip = (received.0 - sent.0).max(0);
        let half_trip = (trip + 1) / 2;
        self.push(Sample {
            offset: server - (sent.0 + trip / 2),
            half_trip,
        });
    }

    fn push(&mut self, sample: Sample) {
        if self.samples.len() == WINDOW {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        self.taken = self.taken.saturating_add(1);
    }

    /// An event dated `server` arrived at `received`. It cannot have left later than it arrived, so it bounds the
    /// offset from below; it is believed only where there is nothing better.
    pub fn one_way(&mut self, received: Millis, server: i64) {
        let least = server - received.0;
        match self.best() {
            None => self.push(Sample {
                offset: least,
                half_trip: 1_000,
            }),
            Some(best) if least > best.offset + best.half_trip => {
                self.push(Sample {
                    offset: least,
                    half_trip: best.half_trip,
                });
            }
            Some(_) => {}
        }
    }

    fn best(&self) -> Option<Sample> {
        self.samples.iter().copied().min_by_key(|s| s.half_trip)
    }

    /// A time by the server's clock, by ours.
    pub fn to_local(&self, server: i64) -> Millis {
        Millis(server - self.best().map_or(0, |s| s.offset))
    }

    /// For the published state.
    pub fn estimate(&self) -> ClockEstimate {
        let best = self.best();
        ClockEstimate {
            offset_ms: best.map(|s| i32::try_from(s.offset).unwrap_or(i32::MAX)),
            error_ms: best.map(|s| u32::try_from(s.half_trip).unwrap_or(u32::MAX)),
            samples: self.taken,
            doubt: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_is_believed() {
        let mut clock = ServerClock::default();
        clock.round_trip(Millis(1_000), Millis(1_400), 6_300);
        clock.round_trip(Millis(2_000), Millis(2_010), 7_005);
        clock.round_trip(Millis(3_000), Millis(3_900), 8_900);
        let estimate = clock.estimate();
        assert_eq!(
            (estimate.offset_ms, estimate.error_ms, estimate.samples),
            (Some(5_000), Some(5), 3)
        );
        assert_eq!(clock.to_local(10_000), Millis(5_000));
    }

    #[test]
    fn a_single_event_gives_a_bound_and_a_contradiction_moves_it() {
        let mut clock = ServerClock::default();
        clock.one_way(Millis(1_000), 900);
        assert_eq!(clock.estimate().offset_ms, Some(-100));
        clock.round_trip(Millis(1_000), Millis(1_010), 1_005);
        clock.one_way(Millis(2_000), 1_990);
        assert_eq!(
            clock.estimate().offset_ms,
            Some(0),
            "an event that took its time says nothing new"
        );
    }
}
