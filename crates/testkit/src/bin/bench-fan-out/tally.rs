//! What the sockets heard, counted one by one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What all sockets together heard in one window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Heard {
    /// Events of every kind.
    pub(crate) deliveries: u64,
    /// Events of bids that a socket should have heard and did not.
    pub(crate) lost: u64,
    /// Events of bids that came more than once.
    pub(crate) doubled: u64,
    /// Connections that ended since the sockets were opened.
    pub(crate) disconnects: usize,
    /// From the server's stamp to the socket, ms.
    pub(crate) p50_ms: f64,
    /// The same.
    pub(crate) p99_ms: f64,
    /// The same.
    pub(crate) worst_ms: f64,
}

/// A kind of event and the last one of it: a thousand sockets hear the same bytes, which are read once.
#[derive(Debug)]
struct Kind {
    begins: &'static [u8],
    last: Vec<u8>,
    stamp_micros: i64,
}

/// The counts of a window.
#[derive(Debug)]
pub(crate) struct Tally {
    kinds: [Kind; 2],
    /// Events of bids, for each socket.
    bids: Vec<u32>,
    deliveries: u64,
    latencies: Vec<u32>,
    pub(crate) disconnects: usize,
}

impl Tally {
    pub(crate) fn new(sockets: usize) -> Self {
        let kind = |begins| Kind {
            begins,
            last: Vec::new(),
            stamp_micros: 0,
        };
        Self {
            kinds: [kind(b"42[\"bid_update\"".as_slice()), kind(b"42[\"bid_placed\"")],
            bids: vec![0; sockets],
            deliveries: 0,
            latencies: Vec::new(),
            disconnects: 0,
        }
    }

    /// A new window.
    pub(crate) fn begin(&mut self) {
        self.bids.fill(0);
        self.deliveries = 0;
        self.latencies.clear();
    }

    /// All events of the window so far.
    pub(crate) fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// Whether every socket has heard so many events of bids.
    pub(crate) fn is_complete(&self, expected: u32) -> bool {
        self.bids.iter().all(|heard| *heard >= expected)
    }

    /// A Socket.IO packet, as text, that a socket heard.
    pub(crate) fn hear(&mut self, socket: usize, text: &[u8]) {
        if !text.starts_with(b"42[") {
            return;
        }
        self.deliveries += 1;
        let Some(kind) = self.kinds.iter_mut().find(|kind| text.starts_with(kind.begins)) else {
            return;
        };
        if kind.last != text {
            kind.last.clear();
            kind.last.extend_from_slice(text);
            kind.stamp_micros = stamp(text).unwrap_or_default();
        }
        if let Some(heard) = self.bids.get_mut(socket) {
            *heard += 1;
        }
        let now = Timestamp::now().as_microsecond();
        self.latencies
            .push(u32::try_from(now - kind.stamp_micros).unwrap_or(0));
    }

    /// What was heard, of `expected` events of bids for each socket.
    pub(crate) fn heard(&mut self, expected: u32) -> Heard {
        self.latencies.sort_unstable();
        let at = |share: f64| crate::percentile(&self.latencies, share) / 1_000.0;
        let sum = |difference: fn(u32, u32) -> u32| {
            let each = self.bids.iter().map(|heard| difference(*heard, expected));
            each.map(u64::from).sum()
        };
        Heard {
            deliveries: self.deliveries,
            lost: sum(|heard, expected| expected.saturating_sub(heard)),
            doubled: sum(u32::saturating_sub),
            disconnects: self.disconnects,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            worst_ms: at(1.0),
        }
    }
}

/// When the server says that it spoke, µs since the epoch.
fn stamp(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("\"serverTime\":\"")?;
    let (time, _) = rest.split_once('"')?;
    Some(time.parse::<Timestamp>().ok()?.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_socket_missed_is_lost_and_what_another_heard_twice_does_not_make_up_for_it() {
        let mut tally = Tally::new(2);
        let said = br#"42["bid_update",{"serverTime":"2026-11-25T12:00:00.000Z"}]"#;
        tally.hear(0, said);
        tally.hear(0, said);
        tally.hear(0, br#"42["tick",{}]"#);
        tally.hear(1, br"2");
        assert!(!tally.is_complete(1));
        let heard = tally.heard(1);
        assert_eq!((heard.deliveries, heard.lost, heard.doubled), (3, 1, 1));
        tally.hear(1, said);
        assert!(tally.is_complete(1));
    }
}
