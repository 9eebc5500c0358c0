//! Whether the events of an auction's room arrive, judged from what should have come and did not; and how often its
//! state is to be read from the server because of that.
//!
//! Pure: it is told what was heard and read, and when. A connection that is up proves nothing: where pods do not share
//! their rooms, the socket is well and the bids that another pod took are never told (contract, section 3).

use std::time::{Duration, Instant};

/// An event that a snapshot or an answer was ahead of may still be on its way this long, when nothing was measured yet.
const FIRST_BOUND: Duration = Duration::from_secs(2);
/// The bound that is derived from measured echoes lies between these.
const SHORTEST_BOUND: Duration = Duration::from_millis(750);
const LONGEST_BOUND: Duration = Duration::from_secs(3);
/// Ticks come twice a second while a lot is under the hammer; five that are missing are no accident.
pub const TICKS_MISSING: Duration = Duration::from_millis(2_500);
/// Two holes within this time, over a link that was not lost in between: events are being lost.
const HOLES_WITHIN: Duration = Duration::from_mins(1);
/// So many bids in a row have to arrive as events, before the snapshot tells them, until events are believed again;
/// twice as many after every relapse, up to eight times: where pods do not share rooms, one bid in two arrives.
const PROOF_BIDS: u32 = 2;
const MOST_RELAPSES: u32 = 3;
/// So many ticks in a row, where missing ticks were the reason.
const PROOF_TICKS: u32 = 4;
/// And nothing must have been missing for so long.
const PROOF_TIME: Duration = Duration::from_secs(4);

/// How often the state is read in polled mode: while a lot is closing, while it runs, else.
const CLOSING: Duration = Duration::from_secs(1);
const RUNNING: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(5);
/// Under load the reading gets rarer up to this.
const SLOWEST: Duration = Duration::from_secs(15);
/// An answer that takes longer is a sign of load.
const SLOW_ANSWER: Duration = Duration::from_millis(750);
/// While events arrive, the state is read this often all the same, as a proof that they do; in the waiting room, too,
/// where the silence of pods that share nothing sounds like the silence of an auction that has not begun.
const PROOF_EVERY: Duration = Duration::from_secs(6);
/// How much is left of a lot that is closing, ms.
const CLOSING_MS: i64 = 10_000;

/// Why events are not believed to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// My bid was accepted and never came back.
    Echo,
    /// A snapshot told a bid that never came as an event.
    Bid,
    /// No ticks, though a lot is under the hammer.
    Ticks,
    /// Holes in the bids again and again.
    Holes,
    /// There is no link.
    Link,
    /// The server did not let this socket into the room, or never said so.
    Join,
    /// The pod says itself that it does not hear the others.
    Cluster,
}

impl Missing {
    /// For people: what was seen, and what that means.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Echo => "Your bid was accepted and the room was never told.",
            Self::Bid => "The server has a bid that the room was never told.",
            Self::Ticks => "The clock of the lot is not heard any more.",
            Self::Holes => "Bids of others go missing again and again.",
            Self::Link => "There is no live connection.",
            Self::Join => "The server did not let this connection into the room.",
            Self::Cluster => {
                "The server's parts have lost each other, and the one you are connected to hears only its own bids."
            }
        }
    }
}

/// What is going on in the auction, as far as it decides how often to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// A lot is under the hammer, and its clock runs.
    pub running: bool,
    /// How much is left of it, ms.
    pub left_ms: Option<i64>,
    /// The hammer fell, and the next lot is about to start.
    pub between: bool,
    /// The auction is over or deleted: there is nothing to look for.
    pub over: bool,
}

/// The judgement on one room.
#[derive(Debug, Clone)]
pub struct Delivery {
    missing: Option<Missing>,
    /// A bid that should come as an event, by its number, and until when.
    awaited: Option<(u64, Instant)>,
    last_tick: Option<Instant>,
    ticks: u32,
    proofs: u32,
    relapses: u32,
    last_failure: Option<Instant>,
    last_hole: Option<Instant>,
    running_since: Option<Instant>,
    last_read: Option<Instant>,
    load: u32,
    not_before: Option<Instant>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Over to reading the state.
    Polled(Missing),
    /// Events are believed again.
    Live,
}

impl Default for Delivery {
    fn default() -> Self {
        Self::new()
    }
}

impl Delivery {
    /// Nothing was seen yet; events are believed until one is missing.
    pub const fn new() -> Self {
        Self {
            missing: None,
            awaited: None,
            last_tick: None,
            ticks: 0,
            proofs: 0,
            relapses: 0,
            last_failure: None,
            last_hole: None,
            running_since: None,
            last_read: None,
            load: 0,
            not_before: None,
        }
    }

    /// Whether the pod has said that it does not hear the others.
    pub fn is_alone(&self) -> bool {
        self.missing == Some(Missing::Cluster)
    }

    /// Why the state is read, where it is.
    pub const fn polled(&self) -> Option<Missing> {
        self.missing
    }

    fn fail(&mut self, missing: Missing, now: Instant) -> Option<Change> {
        self.last_failure = Some(now);
        self.proofs = 0;
        self.ticks = 0;
        self.awaited = None;
        let is_new = self.missing.is_none();
        if is_new || missing == Missing::Link || self.missing == Some(Missing::Link) {
            self.missing = Some(missing);
        }
        is_new.then_some(Change::Polled(missing))
    }

    /// The link is gone, or was never there.
    pub fn link_lost(&mut self, now: Instant) -> Option<Change> {
        self.last_tick = None;
        self.running_since = None;
        match self.missing {
            // What is known of the pods outlives a link.
            Some(Missing::Echo | Missing::Bid | Missing::Holes) => None,
            _ => self.fail(Missing::Link, now),
        }
    }

    /// The pod says that it does not hear the others: no need to wait for a bid that does not come. It knows better than
    /// anything that was concluded before.
    pub fn cluster_lost(&mut self, now: Instant) -> Option<Change> {
        if self.missing == Some(Missing::Cluster) {
            return None;
        }
        self.missing = None;
        self.fail(Missing::Cluster, now)
    }

    /// The pod hears the others again, and what was missed has been read since.
    pub fn cluster_is_back(&mut self) -> Option<Change> {
        if self.missing != Some(Missing::Cluster) {
            return None;
        }
        self.missing = None;
        self.awaited = None;
        self.last_hole = None;
        Some(Change::Live)
    }

    /// The room was joined on a new link.
    pub fn joined(&mut self) -> Option<Change> {
        self.last_tick = None;
        self.running_since = None;
        self.awaited = None;
        if matches!(self.missing, Some(Missing::Link | Missing::Join | Missing::Ticks)) {
            self.missing = None;
            return Some(Change::Live);
        }
        None
    }

    /// The room could not be joined.
    pub fn not_joined(&mut self, now: Instant) -> Option<Change> {
        self.fail(Missing::Join, now)
    }

    /// The lot's clock was heard.
    pub fn tick(&mut self, now: Instant) {
        self.last_tick = Some(now);
        self.ticks = self.ticks.saturating_add(1);
    }

    /// A bid arrived as an event; `first` where nothing had told it before.
    pub fn bid(&mut self, seq: u64, first: bool) {
        if self.awaited.is_some_and(|(awaited, _)| seq == awaited) {
            self.awaited = None;
            // It was on its way when the snapshot overtook it: that is no failure, and a proof as good as any.
            self.proofs = self.proofs.saturating_add(1);
        } else if first {
            self.proofs = self.proofs.saturating_add(1);
        }
    }

    /// An event came whose predecessor did not.
    pub fn hole(&mut self, now: Instant) -> Option<Change> {
        self.proofs = 0;
        let again = self
            .last_hole
            .replace(now)
            .is_some_and(|last| now.duration_since(last) <= HOLES_WITHIN);
        if again {
            self.fail(Missing::Holes, now)
        } else {
            None
        }
    }

    /// A snapshot or an answer told bid no. `seq`, which no event had told yet.
    pub fn told_elsewhere(&mut self, seq: u64, now: Instant, bound: Duration) {
        if self.awaited.is_none() {
            self.awaited = Some((seq, now + bound));
        }
    }

    /// My bid was accepted, and did not come back within the bound.
    pub fn no_echo(&mut self, now: Instant) -> Option<Change> {
        self.fail(Missing::Echo, now)
    }

    /// The state was read; it took so long. A failure, or a server that asks to be left alone, is a sign of load.
    pub fn read(&mut self, now: Instant, took: Option<Duration>, after: Option<Duration>) {
        self.last_read = Some(now);
        self.not_before = after.map(|after| now + after.min(Duration::from_mins(2)));
        self.load = match took {
            Some(took) if took <= SLOW_ANSWER => self.load.saturating_sub(1),
            _ => (self.load + 1).min(4),
        };
    }

    /// Whether the lot's clock should be heard and is not, whatever else is missing: the link may be dead.
    pub fn is_silent(&self, now: Instant) -> bool {
        self.running_since.is_some_and(|since| {
            let heard = self.last_tick.map_or(since, |tick| tick.max(since));
            now.duration_since(heard) >= TICKS_MISSING
        })
    }

    /// Time passed. `online`: the link is there and the room was joined on it.
    pub fn passed(&mut self, now: Instant, online: bool, pace: Pace) -> Option<Change> {
        if pace.running {
            self.running_since.get_or_insert(now);
        } else {
            self.running_since = None;
            self.last_tick = None;
        }
        if pace.over {
            self.awaited = None;
            self.missing = None;
            return None;
        }
        if !online {
            return None;
        }
        if self.awaited.is_some_and(|(_, due)| due <= now) {
            return self.fail(Missing::Bid, now);
        }
        if self.is_silent(now) {
            return self.fail(Missing::Ticks, now);
        }
        let proved = match self.missing? {
            Missing::Ticks => self.ticks >= PROOF_TICKS || !pace.running,
            Missing::Echo | Missing::Bid | Missing::Holes => self.proofs >= PROOF_BIDS << self.relapses,
            // Bids of its own prove nothing; the pod says when it is over.
            Missing::Link | Missing::Join | Missing::Cluster => false,
        };
        let quiet = self
            .last_failure
            .is_none_or(|last| now.duration_since(last) >= PROOF_TIME);
        if proved && quiet {
            if self.missing.take() != Some(Missing::Ticks) {
                self.relapses = (self.relapses + 1).min(MOST_RELAPSES);
            }
            self.last_hole = None;
            return Some(Change::Live);
        }
        None
    }

    /// How often the state is to be read at present.
    pub fn every(&self, pace: Pace) -> Duration {
        if self.missing.is_none() {
            return PROOF_EVERY;
        }
        let closing = pace.left_ms.is_none_or(|left| left <= CLOSING_MS);
        let every = match (pace.running, closing) {
            (true, true) => CLOSING,
            (true, false) => RUNNING,
            (false, _) if pace.between => CLOSING,
            (false, _) => IDLE,
        };
        every
            .saturating_mul(1 << self.load.min(4))
            .min(SLOWEST.max(every))
    }

    /// When the state is to be read next; none where it need not be.
    pub fn due(&self, now: Instant, pace: Pace) -> Option<Instant> {
        if pace.over {
            return None;
        }
        let due = self.last_read.map_or(now, |last| last + self.every(pace));
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }
}

/// How long an event may be on its way, from how long echoes of my bids took (95 of 100 within, ms).
pub fn bound(echo_p95_ms: Option<u32>) -> Duration {
    echo_p95_ms.map_or(FIRST_BOUND, |p95| {
        Duration::from_millis(u64::from(p95).saturating_mul(4)).clamp(SHORTEST_BOUND, LONGEST_BOUND)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Pace = Pace {
        running: true,
        left_ms: Some(30_000),
        between: false,
        over: false,
    };

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_bid_that_only_the_snapshot_tells_means_polled() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        delivery.told_elsewhere(7, start, bound(None));
        delivery.tick(at(start, 1_900));
        assert_eq!(
            delivery.passed(at(start, 1_900), true, RUN),
            None,
            "it may be on its way"
        );
        assert_eq!(
            delivery.passed(at(start, 2_000), true, RUN),
            Some(Change::Polled(Missing::Bid))
        );
    }

    #[test]
    fn a_snapshot_that_overtakes_its_event_means_nothing() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        delivery.told_elsewhere(7, start, bound(None));
        delivery.bid(7, false);
        delivery.tick(at(start, 5_000));
        assert_eq!(delivery.passed(at(start, 5_000), true, RUN), None);
    }

    #[test]
    fn two_bids_as_events_bring_it_back_and_a_poll_that_knows_better_does_not() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        assert_eq!(delivery.no_echo(start), Some(Change::Polled(Missing::Echo)));
        delivery.bid(8, true);
        delivery.bid(9, true);
        delivery.tick(at(start, 3_900));
        assert_eq!(delivery.passed(at(start, 3_900), true, RUN), None, "too soon");
        delivery.told_elsewhere(10, at(start, 3_900), Duration::from_secs(1));
        delivery.tick(at(start, 5_000));
        assert_eq!(
            delivery.passed(at(start, 5_000), true, RUN),
            None,
            "no. 10 never came"
        );
        delivery.bid(11, true);
        delivery.bid(12, true);
        delivery.tick(at(start, 9_000));
        assert_eq!(delivery.passed(at(start, 9_000), true, RUN), Some(Change::Live));
    }

    #[test]
    fn missing_ticks_are_noticed_only_while_a_lot_runs() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        let still = Pace::default();
        assert_eq!(delivery.passed(start, true, still), None);
        assert_eq!(delivery.passed(at(start, 60_000), true, still), None);
        assert_eq!(delivery.passed(at(start, 61_000), true, RUN), None);
        assert_eq!(
            delivery.passed(at(start, 63_500), true, RUN),
            Some(Change::Polled(Missing::Ticks))
        );
        for tick in 0..4 {
            delivery.tick(at(start, 64_000 + tick * 500));
        }
        delivery.tick(at(start, 67_500));
        assert_eq!(delivery.passed(at(start, 67_500), true, RUN), Some(Change::Live));
    }

    #[test]
    fn a_lost_link_is_polled_until_the_room_is_joined_again() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        assert_eq!(delivery.link_lost(start), Some(Change::Polled(Missing::Link)));
        assert_eq!(delivery.link_lost(start), None, "said once");
        assert_eq!(delivery.joined(), Some(Change::Live));
    }

    #[test]
    fn a_new_link_does_not_clear_pods_that_share_nothing() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        delivery.no_echo(start);
        delivery.link_lost(at(start, 100));
        assert_eq!(delivery.joined(), None);
        assert_eq!(delivery.polled(), Some(Missing::Echo));
    }

    #[test]
    fn a_pod_that_says_it_is_alone_is_believed_until_it_says_otherwise() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        delivery.no_echo(start);
        assert_eq!(
            delivery.cluster_lost(at(start, 10)),
            Some(Change::Polled(Missing::Cluster)),
            "it knows why"
        );
        assert_eq!(delivery.cluster_lost(at(start, 20)), None, "said once");
        for seq in 1..20 {
            delivery.bid(seq, true);
        }
        delivery.tick(at(start, 9_000));
        assert_eq!(
            delivery.passed(at(start, 9_000), true, RUN),
            None,
            "its own bids prove nothing"
        );
        assert_eq!(delivery.cluster_is_back(), Some(Change::Live));
        assert_eq!(delivery.polled(), None);
    }

    #[test]
    fn what_the_next_pod_says_before_it_acknowledges_the_join_stands() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        delivery.cluster_lost(start);
        delivery.link_lost(at(start, 100));
        assert_eq!(delivery.polled(), Some(Missing::Link), "the next pod may be well");
        delivery.cluster_lost(at(start, 200));
        assert_eq!(delivery.joined(), None);
        assert_eq!(delivery.polled(), Some(Missing::Cluster));
    }

    #[test]
    fn one_hole_is_mended_two_are_a_habit() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        assert_eq!(delivery.hole(start), None);
        assert_eq!(delivery.hole(at(start, 70_000)), None);
        assert_eq!(
            delivery.hole(at(start, 80_000)),
            Some(Change::Polled(Missing::Holes))
        );
    }

    #[test]
    fn reading_is_quick_while_a_lot_closes_and_yields_to_load() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        delivery.read(start, Some(Duration::from_millis(20)), None);
        assert_eq!(
            delivery.due(start, Pace::default()),
            Some(at(start, 6_000)),
            "also before the auction begins"
        );
        delivery.no_echo(start);
        let closing = Pace {
            left_ms: Some(4_000),
            ..RUN
        };
        assert_eq!(delivery.every(closing), Duration::from_secs(1));
        assert_eq!(delivery.every(RUN), Duration::from_secs(2));
        assert_eq!(delivery.every(Pace::default()), Duration::from_secs(5));
        for _ in 0..10 {
            delivery.read(start, None, None);
        }
        assert_eq!(delivery.every(closing), Duration::from_secs(15));
        for _ in 0..10 {
            delivery.read(start, Some(Duration::from_millis(20)), None);
        }
        assert_eq!(delivery.every(closing), Duration::from_secs(1));
        delivery.read(start, None, Some(Duration::from_secs(30)));
        assert_eq!(
            delivery.due(start, closing),
            Some(at(start, 30_000)),
            "Retry-After"
        );
    }

    #[test]
    fn an_auction_that_is_over_is_left_in_peace() {
        let (start, mut delivery) = (Instant::now(), Delivery::new());
        delivery.no_echo(start);
        let over = Pace {
            over: true,
            ..Pace::default()
        };
        assert_eq!(delivery.passed(start, true, over), None);
        assert_eq!(delivery.polled(), None);
        assert_eq!(delivery.due(start, over), None);
    }

    #[test]
    fn the_bound_follows_what_was_measured_within_reason() {
        for (p95, millis) in [
            (None, 2_000),
            (Some(2), 750),
            (Some(400), 1_600),
            (Some(9_000), 3_000),
        ] {
            assert_eq!(bound(p95), Duration::from_millis(millis));
        }
    }
}
