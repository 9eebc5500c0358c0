//! The line between the model server and the reducer: what is lost on it, repeated, overtaken and late; and the asking
//! that the session does for the reducer.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use gavelscope_client::auction::{AuctionState, Sync};
use gavelscope_client::reducer::{self, Effect};
use gavelscope_client::state::Millis;
use gavelscope_contract::event::Event;

use crate::model::{AUCTION, Kind, Server};
use crate::truth::{self, Shown};

/// Between two things that happen on the server, by the client's clock.
pub const APART: i64 = 100;
/// More wishes than any schedule can have reason for: the reducer asks in circles.
const MOST_WISHES: usize = 3_000;

/// What is missing is waited for so long.
const PATIENCE: i64 = 200;

/// What happens to one event on its way.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    Arrives,
    Lost,
    /// Arrives, and once more so much later.
    Twice(u8),
    Late(u8),
    /// So many milliseconds late, as what two pods say: less than the patience.
    Overtaken(u8),
}

/// How long an answer takes to be made, and then to arrive.
#[derive(Debug, Clone, Copy)]
pub struct Trip {
    pub there: u8,
    pub back: u8,
    pub fails: bool,
}

/// A snapshot that nobody waits for: a look for a bid, or a join anew.
#[derive(Debug, Clone, Copy)]
pub struct Unasked {
    pub after: u8,
    pub trip: Trip,
    pub over_socket: bool,
}

/// Everything that a schedule decides.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub kind: Kind,
    pub happenings: Vec<(u8, u8)>,
    pub fates: Vec<Fate>,
    pub trips: Vec<Trip>,
    pub unasked: Vec<Unasked>,
    /// The link is lost after so many happenings, and back after as many more.
    pub losses: Vec<(u8, u8)>,
    /// Of what another pod handles, nothing is heard: which happenings those are, as bits.
    pub other_pod: u64,
    pub last_over_socket: bool,
    pub kept: u64,
}

/// What the server went through.
pub struct Run {
    /// What it was after each happening, the first of them none.
    pub states: Vec<Server>,
    /// What it said, and after which happening.
    pub said: Vec<(usize, Event)>,
    /// Which of the states stands where in the stream of our own backend.
    pub places: HashMap<(String, u64), usize>,
}

impl Run {
    pub fn of(schedule: &Schedule) -> Self {
        let mut server = Server::new(schedule.kind);
        let mut run = Self {
            states: vec![server.clone()],
            said: Vec::new(),
            places: HashMap::new(),
        };
        for (what, more) in &schedule.happenings {
            if server.is_over() {
                break;
            }
            let said = server.happen(*what, *more);
            let number = run.states.len();
            run.said.extend(said.into_iter().map(|event| (number, event)));
            run.states.push(server.clone());
        }
        if schedule.kind == Kind::Own {
            let places = run.states.iter().enumerate();
            run.places = places
                .map(|(number, server)| ((server.epoch.to_string(), server.stream), number))
                .collect();
        }
        run
    }

    /// What it went through while the clock stayed where it was.
    pub fn until_it_begins_anew(mut self) -> Self {
        let first = self.states[0].epoch;
        let stays = self.states.iter().take_while(|server| server.epoch == first);
        let length = stays.count();
        self.states.truncate(length);
        self.said.retain(|(after, _)| *after < length);
        self
    }

    pub fn last(&self) -> &Server {
        self.states.last().unwrap()
    }

    fn at(&self, time: i64) -> usize {
        usize::try_from(time / APART)
            .unwrap_or(0)
            .min(self.states.len() - 1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    Said(usize),
    LinkLost,
    OverRest { sent: i64, taken: usize },
    NoSnapshot,
    OverSocket { taken: usize },
    Clubs { told: u32, taken: usize },
    Managers { told: u32, taken: usize },
    Page { after: u64, taken: usize },
    Waited { since: i64 },
}

/// A reducer at the end of a line.
pub struct Client<'a> {
    pub state: AuctionState,
    run: &'a Run,
    schedule: &'a Schedule,
    waiting: BinaryHeap<Reverse<(i64, usize, Arrival)>>,
    order: usize,
    asking: bool,
    ask_again: bool,
    trips: usize,
    wishes: usize,
    /// How often something was waited for.
    pub waits: usize,
    /// How often the server was asked for what was missing.
    pub asked: usize,
    /// What would be a lie, shown at any moment.
    seen: &'a HashSet<Shown>,
    /// Answers come at once, whatever the schedule says.
    at_once: bool,
}

impl<'a> Client<'a> {
    pub fn new(schedule: &'a Schedule, run: &'a Run, seen: &'a HashSet<Shown>) -> Self {
        Self {
            state: AuctionState::new(AUCTION.into()),
            run,
            schedule,
            waiting: BinaryHeap::new(),
            order: 0,
            asking: false,
            ask_again: false,
            trips: 0,
            wishes: 0,
            waits: 0,
            asked: 0,
            seen,
            at_once: false,
        }
    }

    fn put(&mut self, time: i64, arrival: Arrival) {
        self.order += 1;
        self.waiting.push(Reverse((time, self.order, arrival)));
    }

    fn trip(&mut self) -> Trip {
        if self.at_once || self.schedule.trips.is_empty() {
            return Trip {
                there: 0,
                back: 0,
                fails: false,
            };
        }
        self.trips += 1;
        let trip = self.schedule.trips[self.trips % self.schedule.trips.len()];
        Trip {
            // No server fails for ever.
            fails: trip.fails && self.trips < 20,
            ..trip
        }
    }

    /// Nothing is lost, nothing is late.
    pub fn without_loss(mut self) -> AuctionState {
        self.in_order().0
    }

    /// The same, and how often the server was asked.
    pub fn in_order(&mut self) -> (AuctionState, usize) {
        self.at_once = true;
        self.open(0);
        for index in 0..self.run.said.len() {
            let time = i64::try_from(self.run.said[index].0).unwrap() * APART;
            self.put(time, Arrival::Said(index));
        }
        self.take_all();
        (self.state.clone(), self.asked)
    }

    /// As the schedule says, and then a snapshot that is taken at the end.
    pub fn with_losses(mut self) -> AuctionState {
        self.open(0);
        let happenings = self.run.states.len();
        let down: Vec<(usize, usize)> = self
            .schedule
            .losses
            .iter()
            .map(|(after, length)| {
                let from = usize::from(*after) % happenings;
                (from, from + 1 + usize::from(*length))
            })
            .collect();
        for (from, to) in &down {
            self.put(i64::try_from(*from).unwrap() * APART + 1, Arrival::LinkLost);
            let back = i64::try_from(*to).unwrap() * APART + 1;
            self.put(
                back,
                Arrival::OverSocket {
                    taken: self.run.at(back),
                },
            );
            self.ask_snapshot(back);
        }
        for (index, (after, _)) in self.run.said.iter().enumerate() {
            let deaf = down.iter().any(|(from, to)| (*from..*to).contains(after))
                || (self.schedule.other_pod >> (after % 64)) & 1 == 1;
            if deaf {
                continue;
            }
            let time = i64::try_from(*after).unwrap() * APART;
            let late = |by: u8| time + i64::from(by) * 30 + 1;
            let fates = &self.schedule.fates;
            let fate = if fates.is_empty() {
                Fate::Arrives
            } else {
                fates[index % fates.len()]
            };
            match fate {
                Fate::Arrives => self.put(time, Arrival::Said(index)),
                Fate::Lost => {}
                Fate::Twice(by) => {
                    self.put(time, Arrival::Said(index));
                    self.put(late(by), Arrival::Said(index));
                }
                Fate::Late(by) => self.put(late(by), Arrival::Said(index)),
                Fate::Overtaken(by) => self.put(time + i64::from(by) + 1, Arrival::Said(index)),
            }
        }
        for unasked in &self.schedule.unasked {
            let sent = i64::from(unasked.after) % i64::try_from(happenings).unwrap() * APART + 7;
            let taken_at = sent + i64::from(unasked.trip.there) * 30;
            let taken = self.run.at(taken_at);
            let arrives = taken_at + i64::from(unasked.trip.back) * 30;
            let arrival = if unasked.over_socket {
                Arrival::OverSocket { taken }
            } else {
                Arrival::OverRest { sent, taken }
            };
            self.put(arrives, arrival);
        }
        let end = self.take_all().max(i64::try_from(happenings).unwrap() * APART) + 1;
        self.at_once = true;
        let taken = happenings - 1;
        let last = if self.schedule.last_over_socket {
            Arrival::OverSocket { taken }
        } else {
            Arrival::OverRest { sent: end, taken }
        };
        self.put(end, last);
        self.take_all();
        self.state
    }

    /// Nothing is lost, but what pods say overtakes each other by less than the patience; nothing else is asked for.
    pub fn overtaken(mut self) -> Self {
        self.at_once = true;
        self.open(0);
        for (index, (after, _)) in self.run.said.iter().enumerate() {
            let fates = &self.schedule.fates;
            let by = match fates.get(index % fates.len().max(1)) {
                Some(Fate::Overtaken(by)) => i64::from(*by),
                _ => 0,
            };
            let time = i64::try_from(*after).unwrap() * APART + by;
            self.put(time, Arrival::Said(index));
        }
        self.take_all();
        self
    }

    /// As a session opens an auction: the snapshot, the clubs, and the managers once the league is known.
    fn open(&mut self, time: i64) {
        self.wish(time, vec![Effect::Clubs]);
        self.ask_snapshot(time);
    }

    fn take_all(&mut self) -> i64 {
        let mut last = 0;
        let mut before = truth::numbers(&self.state);
        while let Some(Reverse((time, _, arrival))) = self.waiting.pop() {
            last = time;
            self.arrives(time, arrival);
            truth::holds(&self.state, self.run, self.seen);
            let after = truth::numbers(&self.state);
            let back = before.iter().zip(&after).any(|(before, after)| after < before);
            assert!(!back, "went back from {before:?} to {after:?}");
            before = after;
        }
        last
    }

    fn arrives(&mut self, time: i64, arrival: Arrival) {
        let now = Millis(time);
        let states = &self.run.states;
        let effects = match arrival {
            Arrival::Said(index) => reducer::event(&mut self.state, &self.run.said[index].1, now),
            Arrival::LinkLost => {
                reducer::link_lost(&mut self.state);
                Vec::new()
            }
            Arrival::OverSocket { taken } => {
                let snapshot = Event::AuctionSnapshot(states[taken].over_socket());
                reducer::event(&mut self.state, &snapshot, now)
            }
            Arrival::OverRest { sent, taken } => {
                let answer = states[taken].over_rest();
                let effects = reducer::snapshot(&mut self.state, &answer, Millis(sent), now);
                self.answered(time);
                effects
            }
            Arrival::Waited { since } => reducer::waited(&mut self.state, Millis(since)),
            Arrival::NoSnapshot => {
                let effects = reducer::without_snapshot(&mut self.state, now);
                self.asking = false;
                self.ask_snapshot(time + 11);
                effects
            }
            Arrival::Clubs { told, taken } => {
                reducer::clubs(&mut self.state, &states[taken].clubs_list(), told)
            }
            Arrival::Managers { told, taken } => {
                reducer::participants(&mut self.state, &states[taken].managers_list(), told)
            }
            Arrival::Page { after, taken } => {
                let said = self.run.said.iter().map(|(_, event)| event);
                let page = states[taken].page(said, after, self.schedule.kept, 7);
                reducer::page(&mut self.state, &page, now)
            }
        };
        self.wish(time, effects);
    }

    fn answered(&mut self, time: i64) {
        self.asking = false;
        if std::mem::take(&mut self.ask_again) {
            self.ask_snapshot(time + 1);
        }
    }

    /// One snapshot at a time, as a session asks.
    fn ask_snapshot(&mut self, sent: i64) {
        if std::mem::replace(&mut self.asking, true) {
            self.ask_again = true;
            return;
        }
        let trip = self.trip();
        let taken_at = sent + i64::from(trip.there) * 30;
        let arrives = taken_at + i64::from(trip.back) * 30;
        if trip.fails {
            self.put(arrives, Arrival::NoSnapshot);
        } else {
            let taken = self.run.at(taken_at);
            self.put(arrives, Arrival::OverRest { sent, taken });
        }
    }

    fn wish(&mut self, time: i64, effects: Vec<Effect>) {
        for effect in effects {
            self.wishes += 1;
            assert!(
                self.wishes < MOST_WISHES,
                "the reducer asks in circles: {effect:?}"
            );
            self.asked += usize::from(matches!(effect, Effect::Snapshot | Effect::Fill { .. }));
            if effect == Effect::Snapshot {
                self.ask_snapshot(time + 1);
                continue;
            }
            if let Effect::Wait { since } = effect {
                self.waits += 1;
                self.put(time + PATIENCE, Arrival::Waited { since: since.0 });
                continue;
            }
            if let Effect::Note(_) = effect {
                continue;
            }
            let trip = self.trip();
            let taken_at = time + 1 + i64::from(trip.there) * 30;
            let arrives = taken_at + i64::from(trip.back) * 30;
            let taken = self.run.at(taken_at);
            match effect {
                Effect::Clubs => {
                    let told = self.state.clubs_told;
                    self.put(arrives, Arrival::Clubs { told, taken });
                }
                Effect::Participants => {
                    let told = self.state.managers_told;
                    self.put(arrives, Arrival::Managers { told, taken });
                }
                // What cannot be had is asked for as a snapshot.
                Effect::Fill { .. } if trip.fails => {
                    reducer::resync(&mut self.state);
                    self.ask_snapshot(time + 1);
                }
                Effect::Fill { after, .. } => self.put(arrives, Arrival::Page { after, taken }),
                Effect::Snapshot | Effect::Note(_) | Effect::Wait { .. } => {}
            }
        }
    }
}

/// Whether nothing is waited for.
pub fn is_fresh(state: &AuctionState) -> bool {
    state.sync == Sync::Fresh
}
