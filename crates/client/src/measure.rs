//! What is measured, in bounded memory.

use std::collections::VecDeque;

use gavelscope_contract::PodId;

use crate::state::{Millis, PodSeen, Spread};

/// Durations in ms, the newest hundred.
#[derive(Debug, Clone, Default)]
pub struct Durations {
    newest: VecDeque<u32>,
    count: u32,
}

impl Durations {
    const KEPT: usize = 100;

    /// One more.
    pub fn add(&mut self, millis: u32) {
        if self.newest.len() == Self::KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(millis);
        self.count = self.count.saturating_add(1);
    }

    /// How they spread.
    pub fn spread(&self) -> Spread {
        let mut sorted: Vec<u32> = self.newest.iter().copied().collect();
        sorted.sort_unstable();
        let at = |hundredths: usize| {
            sorted
                .get((sorted.len() * hundredths).div_ceil(100).saturating_sub(1))
                .copied()
        };
        Spread {
            count: self.count,
            last: self.newest.back().copied(),
            median: at(50),
            p95: at(95),
        }
    }
}

/// Events by the second, the last minute of them.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    seconds: VecDeque<u32>,
    current: i64,
    in_current: u32,
}

impl Rate {
    const KEPT: usize = 60;

    /// So many events at that time.
    pub fn add(&mut self, now: Millis, events: u32) {
        self.roll(now);
        self.in_current = self.in_current.saturating_add(events);
    }

    /// Closes the seconds that are over.
    pub fn roll(&mut self, now: Millis) {
        let second = now.0.div_euclid(1_000);
        if self.current == 0 {
            self.current = second;
        }
        // After a jump of the clock (sleep, correction) a minute of silence is all there is to show.
        let passed = (second - self.current).clamp(0, 61);
        for _ in 0..passed {
            if self.seconds.len() == Self::KEPT {
                self.seconds.pop_front();
            }
            self.seconds.push_back(std::mem::take(&mut self.in_current));
        }
        self.current = second;
    }

    /// Events in the last full second.
    pub fn last(&self) -> u32 {
        self.seconds.back().copied().unwrap_or(0)
    }

    /// Each of the last seconds, oldest first.
    pub fn history(&self) -> Vec<u32> {
        self.seconds.iter().copied().collect()
    }
}

/// Every pod that showed itself.
#[derive(Debug, Clone, Default)]
pub struct Pods {
    seen: Vec<PodSeen>,
}

impl Pods {
    /// More than any fleet; a backend that invents a pod an answer must not fill the memory.
    const KEPT: usize = 64;

    /// A sighting on the socket.
    pub fn on_socket(&mut self, pod: &PodId, at: Millis) {
        self.sighting(pod, at).socket += 1;
    }

    /// A sighting over REST.
    pub fn on_rest(&mut self, pod: &PodId, at: Millis) {
        self.sighting(pod, at).rest += 1;
    }

    fn sighting(&mut self, pod: &PodId, at: Millis) -> &mut PodSeen {
        let entry = match self.seen.iter().position(|seen| seen.pod == *pod) {
            Some(index) => self.seen.remove(index),
            None => PodSeen {
                pod: pod.clone(),
                socket: 0,
                rest: 0,
                at,
            },
        };
        self.seen.truncate(Self::KEPT - 1);
        self.seen.insert(0, PodSeen { at, ..entry });
        &mut self.seen[0]
    }

    /// Newest sighting first.
    pub fn list(&self) -> Vec<PodSeen> {
        self.seen.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_spread() {
        let mut durations = Durations::default();
        assert_eq!(durations.spread().median, None);
        (1..=200).for_each(|ms| durations.add(ms));
        let spread = durations.spread();
        assert_eq!(
            (spread.count, spread.last, spread.median, spread.p95),
            (200, Some(200), Some(150), Some(195))
        );
    }

    #[test]
    fn seconds_close_when_they_are_over() {
        let mut rate = Rate::default();
        rate.add(Millis(10_000), 3);
        rate.add(Millis(10_900), 2);
        assert_eq!(rate.last(), 0, "the second is not over");
        rate.add(Millis(12_100), 7);
        assert_eq!(rate.history(), [5, 0]);
        rate.roll(Millis(10_000_000));
        assert_eq!((rate.last(), rate.history().len()), (0, 60));
        rate.roll(Millis(5_000));
        rate.add(Millis(6_000), 1);
        assert_eq!(rate.history().len(), 60, "a clock set back disturbs nothing");
    }

    #[test]
    fn pods_are_counted_by_way_and_bounded() {
        let mut pods = Pods::default();
        pods.on_rest(&"a".into(), Millis(1));
        pods.on_socket(&"b".into(), Millis(2));
        pods.on_rest(&"a".into(), Millis(3));
        let list = pods.list();
        assert_eq!(
            (list[0].pod.as_str(), list[0].rest, list[0].socket, list[0].at),
            ("a", 2, 0, Millis(3))
        );
        (0..1_000).for_each(|n| pods.on_rest(&format!("p{n}").into(), Millis(4)));
        assert_eq!(pods.list().len(), Pods::KEPT);
    }
}
