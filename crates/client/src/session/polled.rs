//! Polled mode: what the judgement on delivery means for the session. What is judged is judged in
//! [`crate::delivery`].

use std::time::{Duration, Instant};

use gavelscope_contract::AuctionId;

use super::driver::Driver;
use super::rooms::Room;
use crate::clock::ServerClock;
use crate::delivery::{self, Change, Missing, Pace};
use crate::state::{AuctionPhase, Millis};
use crate::time;

/// How often a link over which nothing comes is checked while events are missing anyway.
const QUIET_CHECK: Duration = Duration::from_secs(10);

/// What is said when events are believed again.
pub(super) const IS_LIVE: &str = "Events arrive; they are followed again.";

impl Driver {
    /// How long an event may be on its way before it is missing.
    pub(super) fn echo_bound(&self) -> Duration {
        delivery::bound(self.measured.echo.spread().p95).min(self.config.echo_limit)
    }

    /// Looks at every room: what is missing, and what has to be read.
    pub(super) fn look_at_delivery(&mut self, now: Instant) {
        let at = time::now();
        let online = self.is_online();
        let mut changes = Vec::new();
        let mut due = Vec::new();
        let mut silent = false;
        for room in &mut self.rooms {
            let pace = pace(room, &self.clock, at);
            let heard = online && (room.claim.joined || !room.ack_expected);
            if let Some(change) = room.delivery.passed(now, heard, pace) {
                changes.push((room.state.id.clone(), change));
            }
            silent |= room.delivery.polled().is_some() && room.delivery.is_silent(now);
            if room.may_be_asked() && room.delivery.due(now, pace).is_some_and(|due| due <= now) {
                due.push((room.state.id.clone(), room.delivery.polled().is_some()));
            }
        }
        for (auction, change) in changes {
            self.delivery_changed(&auction, Some(change));
        }
        if silent && online && !self.heard_lately(at) {
            self.check_quietly(now);
        }
        for (auction, polled) in due {
            self.measured.polls += u32::from(polled);
            self.want_snapshot(&auction);
        }
    }

    /// Events are known not to arrive, so silence is no news; but the link may have died since.
    fn check_quietly(&mut self, now: Instant) {
        let due = self
            .checked_quietly
            .is_none_or(|last| now.duration_since(last) >= QUIET_CHECK);
        if due {
            self.checked_quietly = Some(now);
            self.check_link();
        }
    }

    /// Whether anything at all came over the link while ticks were missing.
    fn heard_lately(&self, at: Millis) -> bool {
        let ticks = time::millis(delivery::TICKS_MISSING);
        self.connection
            .heard_at
            .is_some_and(|heard| heard.age_at(at) < ticks)
    }

    /// Says so, and does what follows.
    pub(super) fn delivery_changed(&mut self, auction: &AuctionId, change: Option<Change>) {
        let Some(change) = change else { return };
        let text = match change {
            Change::Polled(missing) => format!(
                "{} Price and clock are read from the server until events arrive.",
                missing.sentence()
            ),
            Change::Live => IS_LIVE.to_owned(),
        };
        if change == Change::Polled(Missing::Ticks) {
            // Most often the link is half open, and nobody has noticed yet.
            self.doubt_link("The clock of the lot is not heard any more.");
        }
        let name = match change {
            Change::Polled(_) => "polled",
            Change::Live => "live",
        };
        self.note(Some(auction.clone()), name, text);
        if let Some(room) = self.room(auction) {
            room.view = None;
        }
        self.want_snapshot(auction);
    }

    /// Reads every open auction, whatever was planned.
    pub(super) fn read_all_anew(&mut self) {
        let auctions: Vec<AuctionId> = self.rooms.iter().map(|room| room.state.id.clone()).collect();
        for auction in auctions {
            self.want_snapshot(&auction);
        }
    }
}

/// What is going on in an auction.
pub(super) fn pace(room: &Room, clock: &ServerClock, now: Millis) -> Pace {
    let lot = room.state.lot.as_ref().filter(|lot| !lot.hammered);
    let left_ms = lot
        .and_then(|lot| lot.ends_at)
        .map(|ends_at| clock.to_local(ends_at).0 - now.0);
    Pace {
        running: room.state.phase == AuctionPhase::Bidding && lot.is_some(),
        left_ms,
        between: room.state.phase == AuctionPhase::Between,
        over: matches!(room.state.phase, AuctionPhase::Completed | AuctionPhase::Deleted),
    }
}
