//! The server's clock against ours.
//!
//! Every message with the server's time bounds the offset (server less ours) from one side or both, whatever the way
//! took, because nothing arrives before it left:
//!
//! - an answer dated `s`, asked for at `a` and received at `b`: between `s − b` and `s − a`;
//! - an event dated `s`, received at `b`: at least `s − b`;
//! - my own bid, sent at `a` and dated `s` by the server: at most `s − a`.
//!
//! What all of the last bounds allow together is where the truth lies (Marzullo's intersection, with every bound
//! believed). The narrowest round trip decides in the end, as in NTP's minimum-delay filter, without being picked.

use std::collections::VecDeque;

use crate::state::{ClockEstimate, Millis};

/// How many bounds are looked back on.
const WINDOW: usize = 64;
/// Two ordinary clocks drift apart by no more than this, in parts per million; an old bound is worth that much less.
const DRIFT_PPM: i64 = 100;
/// Before there is a bound from above, the way of an event is believed to have taken less than this, ms.
const LONGEST_WAY: i64 = 1_000;
/// A countdown that may be wrong by more than this is shown in doubt, ms.
const DOUBTFUL: i64 = 500;

/// An estimate of the offset.
#[derive(Debug, Clone, Default)]
pub struct ServerClock {
    bounds: VecDeque<Bound>,
    taken: u32,
    now: Option<Estimate>,
}

/// What one message tells: the offset lies between, ms.
#[derive(Debug, Clone, Copy)]
struct Bound {
    at: Millis,
    least: Option<i64>,
    most: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Estimate {
    offset: i64,
    error: i64,
}

impl ServerClock {
    /// A call left at `sent`, its answer arrived at `received`, and the server dated it `server`.
    pub fn round_trip(&mut self, sent: Millis, received: Millis, server: i64) {
        let received = received.max(sent);
        self.take(Bound {
            at: received,
            least: Some(server.saturating_sub(received.0)),
            most: Some(server.saturating_sub(sent.0)),
        });
    }

    /// An event dated `server` arrived at `received`.
    pub fn one_way(&mut self, received: Millis, server: i64) {
        let least = server.saturating_sub(received.0);
        // Twice a second there is a tick; one that says nothing new must not push out what does.
        if self
            .bounds
            .iter()
            .any(|bound| bound.aged_least(received).is_some_and(|known| known >= least))
        {
            return;
        }
        self.take(Bound {
            at: received,
            least: Some(least),
            most: None,
        });
    }

    /// A message of ours that left at `sent` was dated `server` when it got there.
    pub fn there(&mut self, sent: Millis, server: i64, now: Millis) {
        self.take(Bound {
            at: now,
            least: None,
            most: Some(server.saturating_sub(sent.0)),
        });
    }

    /// Our own clock was set, or the machine slept: what was measured before says nothing any more.
    pub fn forget(&mut self) {
        self.bounds.clear();
    }

    fn take(&mut self, bound: Bound) {
        if self.bounds.len() == WINDOW {
            self.bounds.pop_front();
        }
        self.bounds.push_back(bound);
        self.taken = self.taken.saturating_add(1);
        // Bounds that contradict each other: a clock was set since. The older one is the one that is wrong now.
        let (least, most) = loop {
            let (least, most) = self.intersection(bound.at);
            match (least, most) {
                (Some(least), Some(most)) if least > most && self.bounds.len() > 1 => {
                    self.bounds.pop_front();
                }
                both => break both,
            }
        };
        let (least, most) = match (least, most) {
            (Some(least), Some(most)) => (least, most.max(least)),
            (Some(least), None) => (least, least + LONGEST_WAY),
            (None, Some(most)) => (most - LONGEST_WAY, most),
            (None, None) => return,
        };
        let error = (most - least + 1) / 2;
        // What was shown stays as long as it can be true: a countdown must not twitch with every sample.
        let offset = match self.now {
            Some(now) if (least..=most).contains(&now.offset) && error * 4 > now.error => now.offset,
            _ => least + (most - least) / 2,
        };
        let error = (offset - least).max(most - offset);
        self.now = Some(Estimate { offset, error });
    }

    fn intersection(&self, now: Millis) -> (Option<i64>, Option<i64>) {
        let least = self.bounds.iter().filter_map(|bound| bound.aged_least(now)).max();
        let most = self.bounds.iter().filter_map(|bound| bound.aged_most(now)).min();
        (least, most)
    }

    /// A time by the server's clock, by ours.
    pub fn to_local(&self, server: i64) -> Millis {
        Millis(server.saturating_sub(self.now.map_or(0, |now| now.offset)))
    }

    /// For the published state.
    pub fn estimate(&self) -> ClockEstimate {
        let now = self.now;
        ClockEstimate {
            offset_ms: now.map(|now| i32::try_from(now.offset).unwrap_or(i32::MAX)),
            error_ms: now.map(|now| u32::try_from(now.error).unwrap_or(u32::MAX)),
            samples: self.taken,
            doubt: now.filter(|now| now.error > DOUBTFUL).map(|now| {
                // Rounded up, as the window rounds it: an error is not made smaller than it is.
                let tenths = (now.error + 99) / 100;
                let (seconds, tenths) = (tenths / 10, tenths % 10);
                format!("The hammer may fall {seconds}.{tenths} s earlier or later than the countdown says.")
            }),
        }
    }
}

impl Bound {
    fn drift(&self, now: Millis) -> i64 {
        (now.0 - self.at.0).max(0) * DRIFT_PPM / 1_000_000
    }

    fn aged_least(&self, now: Millis) -> Option<i64> {
        self.least.map(|least| least - self.drift(now))
    }

    fn aged_most(&self, now: Millis) -> Option<i64> {
        self.most.map(|most| most + self.drift(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shortest_way_decides() {
        let mut clock = ServerClock::default();
        clock.round_trip(Millis(1_000), Millis(1_400), 6_300);
        clock.round_trip(Millis(2_000), Millis(2_010), 7_005);
        clock.round_trip(Millis(3_000), Millis(3_900), 8_900);
        let estimate = clock.estimate();
        assert_eq!(
            (estimate.offset_ms, estimate.error_ms, estimate.samples),
            (Some(5_000), Some(5), 3)
        );
        assert_eq!(estimate.doubt, None);
        assert_eq!(clock.to_local(10_000), Millis(5_000));
    }

    #[test]
    fn an_event_alone_leaves_doubt_and_my_own_bid_takes_it() {
        let mut clock = ServerClock::default();
        clock.one_way(Millis(1_000), 5_990);
        let alone = clock.estimate();
        assert!(
            alone.doubt.is_none() && alone.error_ms >= Some(500),
            "{alone:?}: half of the longest way"
        );
        clock.there(Millis(2_000), 7_010, Millis(2_020));
        let both = clock.estimate();
        assert_eq!((both.offset_ms, both.error_ms), (Some(5_000), Some(10)));
    }

    #[test]
    fn a_clock_that_was_set_is_followed() {
        let mut clock = ServerClock::default();
        for minute in 0..70 {
            clock.round_trip(
                Millis(minute * 60_000),
                Millis(minute * 60_000 + 10),
                minute * 60_000 + 5,
            );
        }
        clock.round_trip(Millis(5_000_000), Millis(5_000_010), 5_030_005);
        assert_eq!(clock.estimate().offset_ms, Some(30_000));
    }

    #[test]
    fn slow_ways_only_leave_doubt() {
        let mut clock = ServerClock::default();
        clock.round_trip(Millis(0), Millis(3_000), 1_500);
        assert!(clock.estimate().doubt.unwrap().contains("1.5 s"));
    }

    #[test]
    fn ticks_do_not_push_out_the_round_trip() {
        let mut clock = ServerClock::default();
        clock.round_trip(Millis(0), Millis(10), 105);
        for tick in 1..1_000 {
            // Every tick takes a little longer than the one before.
            clock.one_way(Millis(tick * 500 + tick), tick * 500 + 100);
        }
        assert_eq!(clock.estimate().error_ms, Some(5));
    }

    proptest! {
        /// Whatever the ways took, the truth is within the error.
        #[test]
        fn the_truth_is_never_outside_the_error(
            offset in -100_000_i64..100_000,
            ways in prop::collection::vec((0_i64..2_000, 0_i64..2_000, 0..3_u8), 1..200),
        ) {
            let mut clock = ServerClock::default();
            let mut now = 1_000_000;
            for (there, back, kind) in ways {
                let sent = now;
                let server = sent + there + offset;
                now = sent + there + back;
                match kind {
                    0 => clock.round_trip(Millis(sent), Millis(now), server),
                    // Nothing but an event: its way may be longer than what is believed without a bound from above.
                    1 => clock.one_way(Millis(sent + there + back.min(LONGEST_WAY)), server),
                    _ => clock.there(Millis(sent), server, Millis(now)),
                }
                let only_below = clock.bounds.iter().all(|bound| bound.most.is_none());
                let only_above = clock.bounds.iter().all(|bound| bound.least.is_none());
                if let (Some(estimate), false) = (clock.now, only_below || only_above) {
                    prop_assert!((estimate.offset - offset).abs() <= estimate.error, "{estimate:?}");
                }
            }
        }
    }
}
