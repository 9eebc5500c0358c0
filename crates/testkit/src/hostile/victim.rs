//! Who is fed: a decoder and a reducer, as in a session.

use gavelscope_client::auction::{AuctionState, Sync};
use gavelscope_client::reducer::{self, Effect};
use gavelscope_client::state::Millis;
use gavelscope_contract::auction::{AuctionSnapshot, ClubList, EventPage};
use gavelscope_contract::league::ParticipantList;
use gavelscope_contract::{AuctionId, Received};
use gavelscope_wire::engine::Packet;
use gavelscope_wire::socket::{self, Kind, Reassembly};
use gavelscope_wire::{Bytes, Limits};

/// The most events that may wait for a snapshot.
const MOST_WAITING: usize = 2_001;

/// A decoder and a reducer.
#[derive(Debug)]
pub struct Victim {
    state: AuctionState,
    attachments: Option<Reassembly>,
    now: i64,
    /// How many events were understood.
    pub understood: u64,
}

impl Victim {
    /// One that knows nothing yet of an auction.
    pub fn new(auction: &str) -> Self {
        Self {
            state: AuctionState::new(AuctionId::from(auction)),
            attachments: None,
            now: 0,
            understood: 0,
        }
    }

    /// What it knows.
    pub fn state(&self) -> &AuctionState {
        &self.state
    }

    /// Whether nothing is waited for.
    pub fn is_fresh(&self) -> bool {
        self.state.sync == Sync::Fresh
    }

    fn tick(&mut self) -> Millis {
        self.now += 1;
        Millis(self.now)
    }

    /// A packet of Engine.IO.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, limits: &Limits) {
        match packet {
            Packet::Message(text) => match socket::Packet::decode(text, limits) {
                Ok(packet) => self.message(&packet),
                Err(refused) => drop(refused.to_string()),
            },
            Packet::Binary(bytes) => {
                let Some(mut waiting) = self.attachments.take() else {
                    return;
                };
                if waiting.push(Bytes::copy_from_slice(bytes), limits).is_err() {
                    return;
                }
                if waiting.missing() > 0 {
                    self.attachments = Some(waiting);
                } else if let Some(message) = waiting.finish()
                    && let Ok(arguments) = message.arguments_with(|number, _| number.into())
                    && let socket::BinaryKind::Event { name, .. } = message.kind()
                {
                    let received = Received::from_value(name, arguments.into_iter().next());
                    self.received(&received);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, packet: &socket::Packet<'_>) {
        if let Some(waiting) = Reassembly::begin(packet) {
            self.attachments = Some(waiting);
        }
        if let Kind::Event { event, .. } = &packet.kind {
            let received = Received::from_text(&event.name, event.arguments.first());
            self.received(&received);
        }
    }

    fn received(&mut self, received: &Received) {
        if let Some(event) = received.event() {
            self.understood += 1;
            let now = self.tick();
            let effects = reducer::event(&mut self.state, event, now);
            self.look(&effects);
        }
    }

    /// The answer to a request, whatever it is an answer to.
    pub fn answer(&mut self, text: &str) {
        let now = self.tick();
        // As if it had been asked for just before.
        let sent = Millis(now.0 - 1);
        let state = &mut self.state;
        let mut effects = Vec::new();
        if let Ok(answer) = serde_json::from_str::<AuctionSnapshot>(text) {
            effects.extend(reducer::snapshot(state, &answer, sent, now));
        }
        if let Ok(page) = serde_json::from_str::<EventPage>(text) {
            effects.extend(reducer::page(state, &page, now));
        }
        if let Ok(list) = serde_json::from_str::<ClubList>(text) {
            let told = state.clubs_told;
            effects.extend(reducer::clubs(state, &list, told));
        }
        if let Ok(list) = serde_json::from_str::<ParticipantList>(text) {
            let told = state.managers_told;
            effects.extend(reducer::participants(state, &list, told));
        }
        self.look(&effects);
    }

    /// No answer came.
    pub fn no_answer(&mut self) {
        let now = self.tick();
        drop(reducer::without_snapshot(&mut self.state, now));
    }

    /// The link is gone.
    pub fn link_lost(&mut self) {
        reducer::link_lost(&mut self.state);
        self.attachments = None;
    }

    /// What holds whatever was sent: nothing grows without bound, the price is a bid of the lot, and who waits has asked.
    fn look(&self, effects: &[Effect]) {
        assert!(
            effects.len() < 16 + MOST_WAITING * 4,
            "{} wishes at once",
            effects.len()
        );
        if let Sync::Behind(kept) = &self.state.sync {
            assert!(kept.len() <= MOST_WAITING, "{} events wait", kept.len());
        }
        if let Some(lot) = &self.state.lot
            && let Some(price) = lot.price
        {
            assert!(
                lot.bids.iter().any(|bid| bid.amount == price),
                "a price that nobody bid"
            );
        }
    }
}
