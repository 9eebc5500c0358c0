//! What the session's task writes down, where it is recorded; and the one way to an auction's reducer.

use std::collections::HashMap;

use gavelscope_contract::event::Event;
use gavelscope_contract::{AuctionId, Received};

use super::driver::Driver;
use crate::input::Input;
use crate::recorder::Recorder;
use crate::reducer::{self, Effect};
use crate::state::{ClockEstimate, Connection, Fate, Millis, RoomClaim, Transition};
use crate::view::Polled;

/// More than the ledger keeps; what it forgot is forgotten here.
const MOST_BIDS: usize = 512;

/// What was written down last of the things that are looked at as a whole.
#[derive(Default)]
pub(super) struct Noted {
    transition: Option<Transition>,
    link: Option<Connection>,
    clock: Option<(Option<i32>, Option<u32>, u32)>,
    rooms: HashMap<AuctionId, (RoomClaim, Option<Polled>)>,
    bids: HashMap<String, (Fate, Option<u32>, u32)>,
}

impl Driver {
    /// Writes something down, where the session is recorded.
    pub(super) fn record(&self, write: impl FnOnce(&Recorder)) {
        if let Some(recorder) = &self.config.recorder {
            write(recorder);
        }
    }

    /// Feeds an auction with an event as it was received.
    pub(super) fn fold_received(
        &mut self,
        index: usize,
        received: &Received,
        event: &Event,
        now: Millis,
    ) -> Vec<Effect> {
        self.record_states();
        let room = &mut self.rooms[index];
        if let Some(recorder) = &self.config.recorder {
            recorder.event(Some(&room.state.id), received, now);
        }
        reducer::fold(&mut room.state, &Input::Event(event), now)
    }

    /// Feeds an auction. Nothing else changes its state, so that the recording of its inputs is the whole story.
    pub(super) fn fold(&mut self, index: usize, input: &Input<'_>, now: Millis) -> Vec<Effect> {
        self.record_states();
        let room = &mut self.rooms[index];
        if let Some(recorder) = &self.config.recorder {
            recorder.input(&room.state.id, input, now);
        }
        reducer::fold(&mut room.state, input, now)
    }

    /// The same by the auction's id; an auction that is open no more is fed nothing.
    pub(super) fn fold_into(&mut self, auction: &AuctionId, input: &Input<'_>, now: Millis) -> Vec<Effect> {
        match self.rooms.iter().position(|room| room.state.id == *auction) {
            Some(index) => self.fold(index, input, now),
            None => Vec::new(),
        }
    }

    /// The states of all auctions, where they are due, and at the beginning of a file whatever else a reader has to know.
    fn record_states(&mut self) {
        let Some(recorder) = &self.config.recorder else {
            return;
        };
        if !recorder.wants_states() {
            return;
        }
        let all = recorder.wants_all();
        recorder.states(self.rooms.iter().map(|room| &room.state), all);
        if all {
            for (id, league) in &self.leagues {
                recorder.league(id, league);
            }
            self.noted = Noted {
                transition: self.noted.transition.take(),
                ..Noted::default()
            };
            self.record_link();
        }
    }

    /// The phases that my link went through, and the link as it is, where that is news.
    pub(super) fn record_link(&mut self) {
        let Some(recorder) = &self.config.recorder else {
            return;
        };
        let transitions = self.machine.transitions();
        let known = self.noted.transition.as_ref();
        let news = known.and_then(|known| transitions.iter().rposition(|one| one == known));
        for transition in transitions.iter().skip(news.map_or(0, |last| last + 1)) {
            recorder.transition(transition);
        }
        if let Some(last) = transitions.last() {
            self.noted.transition = Some(last.clone());
        }
        let link = Connection {
            phase: self.machine.phase(),
            since: self.machine.since(),
            attempt: self.machine.attempts(),
            moving: self.machine.is_moving(),
            // What was heard when stands in its own line; this changes with every one.
            heard_at: None,
            ..self.connection.clone()
        };
        if self.noted.link.as_ref() != Some(&link) {
            recorder.link(&link);
            self.noted.link = Some(link);
        }
    }

    /// What changed since the last publication.
    pub(super) fn record_changes(&mut self) {
        self.record_states();
        self.record_link();
        let Some(recorder) = &self.config.recorder else {
            return;
        };
        let estimate: ClockEstimate = self.clock.estimate();
        let needed_ms = self.bid_takes_ms();
        let clock = Some((estimate.offset_ms, estimate.error_ms, needed_ms));
        if clock != self.noted.clock {
            recorder.clock(&estimate, needed_ms);
            self.noted.clock = clock;
        }
        for room in &self.rooms {
            let (id, polled) = (&room.state.id, self.polled(room));
            let (claim, before) = match self.noted.rooms.get(id) {
                Some((claim, polled)) => (Some(claim), *polled),
                None => (None, None),
            };
            let (is_claimed, is_polled) = (claim != Some(&room.claim), before != polled);
            if is_claimed {
                recorder.room(id, &room.claim);
            }
            if is_polled {
                recorder.polled(id, polled);
            }
            if is_claimed || is_polled {
                self.noted.rooms.insert(id.clone(), (room.claim.clone(), polled));
            }
        }
        if self.noted.bids.len() > MOST_BIDS {
            let ledger = &self.ledger;
            self.noted.bids.retain(|key, _| ledger.get(key).is_some());
        }
        for entry in self.ledger.entries() {
            let stage = (entry.fate, entry.echo_ms, entry.attempts);
            if self.noted.bids.get(&entry.key) != Some(&stage) {
                recorder.bid(entry);
                self.noted.bids.insert(entry.key.clone(), stage);
            }
        }
    }

    /// The last states, and the end.
    pub(super) async fn end_recording(&mut self) {
        self.record_changes();
        let Some(recorder) = &self.config.recorder else {
            return;
        };
        recorder.states(self.rooms.iter().map(|room| &room.state), false);
        recorder.end();
        recorder.finish().await;
    }
}
