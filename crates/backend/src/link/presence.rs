//! Who is there, and how many sockets are in which room over all pods: from the pulse that every pod publishes.
//!
//! Pure: what was heard, and when, comes in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use gavelscope_contract::{PodId, Room};
use serde::{Deserialize, Serialize};

/// How often a pod shows that it lives.
pub(super) const PERIOD: Duration = Duration::from_millis(500);
/// A pod that was not heard for so long is not counted any more.
const SILENT: Duration = Duration::from_millis(1_500);
/// A pod that was not heard for so long is forgotten; until then it is known what it had said before.
const FORGOTTEN: Duration = Duration::from_mins(10);
/// Every so many pulses all sizes are told, needed or not.
const WHOLE_EVERY: u64 = 20;

/// What a pod says twice a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pulse {
    /// Its name.
    pub pod: PodId,
    /// Its run: a pod that starts again is another one.
    pub boot_id: String,
    /// Counts its pulses.
    pub seq: u64,
    /// How many messages it could not pass on since it started. Where that grows, the others have missed something.
    pub unsaid: u64,
    /// `sizes` are all there are; otherwise those that changed since the pulse before.
    pub whole: bool,
    /// It wants to be told all sizes of the others.
    pub ask: bool,
    /// Sockets in its rooms. A room that it has left is 0.
    pub sizes: HashMap<String, u32>,
}

/// What this pod has told of its own rooms.
#[derive(Debug, Default)]
pub(super) struct OwnSizes {
    seq: u64,
    told: HashMap<Room, u32>,
}

impl OwnSizes {
    /// The number of the next pulse.
    pub(super) fn next_seq(&self) -> u64 {
        self.seq + 1
    }

    /// The next number, and what to say of the rooms as they are: all of them, or what changed.
    pub(super) fn next(
        &mut self,
        now: HashMap<Room, u32>,
        all_wanted: bool,
    ) -> (u64, bool, HashMap<String, u32>) {
        self.seq += 1;
        let whole = all_wanted || self.seq % WHOLE_EVERY == 1;
        let changed = now
            .iter()
            .filter(|(room, size)| whole || self.told.get(*room) != Some(*size))
            .map(|(room, size)| (room.to_string(), *size));
        let gone = self
            .told
            .keys()
            .filter(|room| !whole && !now.contains_key(*room))
            .map(|room| (room.to_string(), 0));
        let sizes = changed.chain(gone).collect();
        self.told = now;
        (self.seq, whole, sizes)
    }
}

/// The other pods, as their pulses show them.
#[derive(Debug)]
pub(super) struct Presence {
    boot_id: String,
    peers: HashMap<String, Peer>,
    ask: bool,
    tell_all: bool,
}

#[derive(Debug)]
struct Peer {
    pod: PodId,
    seq: u64,
    heard: Instant,
    unsaid: u64,
    /// None where a pulse was missed, until it tells all of them again.
    sizes: Option<HashMap<String, u32>>,
}

/// What a pulse was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// This pod's own, which came back.
    Own(u64),
    /// Another's, which has news.
    Other,
    /// Another's, and messages of it were missed.
    OtherMissed(PodId),
    /// One that was overtaken.
    Old,
}

impl Presence {
    /// For the pod with this run.
    pub(super) fn new(boot_id: String) -> Self {
        Self {
            boot_id,
            peers: HashMap::new(),
            ask: false,
            tell_all: true,
        }
    }

    /// Takes in a pulse.
    pub(super) fn hear(&mut self, pulse: Pulse, now: Instant) -> Heard {
        if pulse.boot_id == self.boot_id {
            return Heard::Own(pulse.seq);
        }
        self.tell_all |= pulse.ask;
        let known = self.peers.get(&pulse.boot_id);
        if known.is_some_and(|peer| pulse.seq <= peer.seq) {
            return Heard::Old;
        }
        // Whoever is new here does not know our rooms either.
        self.tell_all |= known.is_none();
        let missed = known.is_some_and(|peer| pulse.unsaid > peer.unsaid);
        let before = match self.peers.remove(&pulse.boot_id) {
            Some(peer) if peer.seq + 1 == pulse.seq => peer.sizes,
            _ => None,
        };
        let sizes = match (pulse.whole, before) {
            (true, _) => Some(pulse.sizes),
            (false, Some(mut sizes)) => {
                sizes.extend(pulse.sizes);
                sizes.retain(|_, size| *size > 0);
                Some(sizes)
            }
            (false, None) => None,
        };
        self.ask |= sizes.is_none();
        let peer = Peer {
            pod: pulse.pod.clone(),
            seq: pulse.seq,
            heard: now,
            unsaid: pulse.unsaid,
            sizes,
        };
        self.peers.insert(pulse.boot_id, peer);
        self.peers
            .retain(|_, peer| now.saturating_duration_since(peer.heard) < FORGOTTEN);
        if missed {
            Heard::OtherMissed(pulse.pod)
        } else {
            Heard::Other
        }
    }

    /// Whether the next pulse has to ask for all sizes, and whether it has to tell all of them.
    pub(super) fn owed(&mut self) -> (bool, bool) {
        (std::mem::take(&mut self.ask), std::mem::take(&mut self.tell_all))
    }

    fn living(&self, now: Instant) -> impl Iterator<Item = &Peer> {
        self.peers
            .values()
            .filter(move |peer| now.saturating_duration_since(peer.heard) < SILENT)
    }

    /// How many sockets of other pods are in a room; none where a pod has not told yet.
    pub(super) fn elsewhere(&self, room: &Room, now: Instant) -> Option<u32> {
        let room = room.to_string();
        self.living(now).try_fold(0_u32, |sum, peer| {
            let size = peer.sizes.as_ref()?.get(&room).copied().unwrap_or_default();
            Some(sum.saturating_add(size))
        })
    }

    /// The other pods that live.
    pub(super) fn others(&self, now: Instant) -> Vec<PodId> {
        self.living(now).map(|peer| peer.pod.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> Room {
        Room::Probe(name.to_owned())
    }

    fn rooms(sizes: &[(&str, u32)]) -> HashMap<Room, u32> {
        sizes.iter().map(|(name, size)| (room(name), *size)).collect()
    }

    struct Other(OwnSizes, u64);

    impl Other {
        fn says(&mut self, sizes: &[(&str, u32)], all: bool) -> Pulse {
            let (seq, whole, sizes) = self.0.next(rooms(sizes), all);
            Pulse {
                pod: "other".into(),
                boot_id: "2".to_owned(),
                seq,
                unsaid: self.1,
                whole,
                ask: false,
                sizes,
            }
        }
    }

    fn both() -> (Presence, Other, Instant) {
        (
            Presence::new("1".to_owned()),
            Other(OwnSizes::default(), 0),
            Instant::now(),
        )
    }

    #[test]
    fn changes_add_up_to_what_is() {
        let (mut here, mut other, now) = both();
        here.hear(other.says(&[("a", 3), ("b", 1)], false), now);
        assert_eq!(here.elsewhere(&room("a"), now), Some(3));
        let changes = other.says(&[("a", 4)], false);
        assert_eq!(
            changes.sizes.len(),
            2,
            "the one that grew and the one that is gone"
        );
        here.hear(changes, now);
        assert_eq!(here.elsewhere(&room("a"), now), Some(4));
        assert_eq!(here.elsewhere(&room("b"), now), Some(0));
        assert!(other.says(&[("a", 4)], false).sizes.is_empty());
    }

    #[test]
    fn after_a_missed_pulse_sizes_are_unknown_until_they_are_told_again() {
        let (mut here, mut other, now) = both();
        here.hear(other.says(&[("a", 3)], false), now);
        assert_eq!(
            here.owed(),
            (false, true),
            "whoever is new does not know our rooms"
        );
        let _missed = other.says(&[("a", 9)], false);
        here.hear(other.says(&[("a", 9)], false), now);
        assert_eq!(here.elsewhere(&room("a"), now), None);
        assert_eq!(here.owed(), (true, false));
        here.hear(other.says(&[("a", 9)], true), now);
        assert_eq!(here.elsewhere(&room("a"), now), Some(9));
    }

    #[test]
    fn a_pod_that_fell_silent_is_not_counted() {
        let (mut here, mut other, now) = both();
        here.hear(other.says(&[("a", 3)], false), now);
        assert_eq!(here.others(now).len(), 1);
        let later = now + SILENT;
        assert_eq!(
            (here.elsewhere(&room("a"), later), here.others(later)),
            (Some(0), vec![])
        );
    }

    #[test]
    fn what_was_overtaken_changes_nothing() {
        let (mut here, mut other, now) = both();
        let first = other.says(&[("a", 3)], false);
        here.hear(other.says(&[("a", 4)], true), now);
        assert_eq!(here.hear(first, now), Heard::Old);
        assert_eq!(here.elsewhere(&room("a"), now), Some(4));
    }

    #[test]
    fn messages_of_another_that_were_lost_are_noticed_when_it_is_back() {
        let (mut here, mut other, now) = both();
        other.1 = 7;
        assert_eq!(
            here.hear(other.says(&[], false), now),
            Heard::Other,
            "that was before our time"
        );
        let later = now + 10 * SILENT;
        assert_eq!(here.hear(other.says(&[], false), later), Heard::Other);
        other.1 = 8;
        assert_eq!(
            here.hear(other.says(&[], false), later),
            Heard::OtherMissed("other".into())
        );
    }

    #[test]
    fn one_hears_oneself() {
        let (mut here, mut other, now) = both();
        let mut own = other.says(&[], false);
        own.boot_id = "1".to_owned();
        assert_eq!(here.hear(own, now), Heard::Own(1));
        assert!(here.others(now).is_empty());
    }
}
