//! What is known of one auction. Times in here are the server's.

use std::collections::BTreeMap;

use gavelscope_contract::auction::{AuctionStatus, Bid, Club, ListedClub, Participant};
use gavelscope_contract::event::Event;
use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money, Position, UserId};
use serde::{Deserialize, Serialize};

use crate::state::{AuctionPhase, Millis};

/// The state that the reducer folds events and snapshots into. Its JSON is canonical: equal states are equal texts, so
/// that a recording can be checked byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuctionState {
    /// Which auction.
    pub id: AuctionId,
    /// Its league.
    pub league_id: Option<LeagueId>,
    /// How far it has come.
    pub phase: AuctionPhase,
    /// Whether the events since the last snapshot are without a hole.
    pub sync: Sync,
    /// What is on the block, or was last.
    pub lot: Option<Lot>,
    /// The highest lot number that was heard of, be the lot itself known or not.
    pub latest_lot: u32,
    /// Seconds to the next lot.
    pub countdown: Option<u32>,
    /// The least that a bid may be.
    pub minimum: Option<Money>,
    /// Seconds that a lot runs.
    pub lot_seconds: Option<u32>,
    /// The managers.
    pub participants: Vec<Participant>,
    /// The clubs, in the order of sale.
    pub clubs: Vec<ListedClub>,
    /// Names of people, from wherever they were heard.
    pub names: BTreeMap<UserId, String>,
    /// Who is in the waiting room.
    pub waiting_room: Vec<UserId>,
    /// The last hammer.
    pub last_sale: Option<Hammer>,
    /// The last hammer on each club. The field's list of clubs is made from bids and can contradict it (contract,
    /// section 4, 5): the hammer is what counts, and what the money follows.
    pub hammers: BTreeMap<ClubId, Hammer>,
    /// How often the managers were told. An answer that was asked for before may be older than what is known.
    pub managers_told: u32,
    /// How often something was told that changes the list of clubs, for the same reason.
    pub clubs_told: u32,
    /// How it ended.
    pub ending: Option<String>,
    /// The last bid sequence number that was applied.
    pub sequence: u64,
    /// How far the stream of our own backend was applied; none where the backend numbers none.
    pub reached: Option<Reached>,
    /// A page of that stream was asked for to fill a hole.
    pub filling: bool,
    /// What is missing may only have been overtaken: it is waited for a moment before anybody is asked.
    pub patience: Option<Patience>,
    /// When something last changed, by our clock: a snapshot that was asked for after it cannot be older.
    pub changed_at: Millis,
    /// When a pause without a number was believed; a snapshot that was asked for later has to confirm it.
    pub paused_at: Option<Millis>,
    /// When a snapshot was first behind what is known although it was asked for later.
    pub contradicted_at: Option<Millis>,
    /// How many numbers were missing.
    pub gaps: u32,
    /// How many events were known already.
    pub repeats: u32,
    /// When a message or a snapshot last confirmed it.
    pub confirmed_at: Option<Millis>,
}

/// Whether events can be applied as they come (design, rule 1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sync {
    /// They are contiguous.
    Fresh,
    /// A snapshot or a page of the stream is wanted; until it comes, events are kept here in their order.
    Behind(Vec<Kept>),
}

/// An event that waits for what is missing before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// When it was heard, by our clock.
    pub at: Millis,
    /// What was heard.
    pub event: Event,
    /// How many snapshots that were asked for later did not know of it.
    pub unknown_to: u8,
}

/// A place in the stream of our own backend (contract, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Changes when the stream starts anew; numbers of two epochs cannot be compared.
    pub epoch: String,
    /// The number of the last event that was applied.
    pub seq: u64,
}

/// A hole that may close by itself: what two pods say can overtake each other on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patience {
    /// Since when; it is known by that, too.
    pub since: Millis,
    /// Up to where in the stream something is known to have been said; 0 where nothing says so.
    pub up_to: u64,
}

/// What is on the block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lot {
    /// Counted from 1.
    pub number: u32,
    /// The club's id.
    pub club_id: ClubId,
    /// The club, where it was named.
    pub club: Option<Club>,
    /// Whether it was offered before.
    pub is_retry: bool,
    /// The highest accepted bid.
    pub price: Option<Money>,
    /// Who made it.
    pub leader: Option<UserId>,
    /// The bids, oldest first.
    pub bids: Vec<LotBid>,
    /// How many of them were read without their number.
    pub unnumbered: usize,
    /// When the hammer falls, ms since the epoch by the server's clock.
    pub ends_at: Option<i64>,
    /// What was left when the clock was stopped, ms.
    pub stopped_ms: Option<u32>,
    /// When a late bid last moved the hammer, by our clock.
    pub extended_at: Option<Millis>,
    /// The latest moment at which its clock is known to have run, ms since the epoch by the server's clock.
    pub ran_at: Option<i64>,
    /// Bids on it were missed, and are not among these.
    pub incomplete: bool,
    /// The hammer fell.
    pub hammered: bool,
    /// What the hammer said was heard: price and leader are final.
    pub settled: bool,
}

/// A bid on the lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LotBid {
    /// How much.
    pub amount: Money,
    /// Who.
    pub user: UserId,
    /// Its place in the bid sequence, where it is known.
    pub seq: Option<u64>,
    /// When the server took it, ms since the epoch.
    pub at: Option<i64>,
    /// Accepted after a higher one, or after the hammer: it is not the price (contract, section 4, 3 and 5).
    pub below: bool,
}

/// A hammer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hammer {
    /// What.
    pub club_id: ClubId,
    /// Its name.
    pub club_name: Option<String>,
    /// The winning bid; none where nobody bought.
    pub winner: Option<(UserId, Money)>,
    /// On which lot; none where the message does not say and it cannot be told.
    pub lot: Option<u32>,
    /// When it was heard.
    pub at: Millis,
}

/// More people than any auction has; names beyond are not remembered.
const MOST_NAMES: usize = 10_000;

impl AuctionState {
    /// Nothing is known yet but the id.
    pub fn new(id: AuctionId) -> Self {
        Self {
            id,
            league_id: None,
            phase: AuctionPhase::Loading,
            sync: Sync::Behind(Vec::new()),
            lot: None,
            latest_lot: 0,
            countdown: None,
            minimum: None,
            lot_seconds: None,
            participants: Vec::new(),
            clubs: Vec::new(),
            names: BTreeMap::new(),
            waiting_room: Vec::new(),
            last_sale: None,
            hammers: BTreeMap::new(),
            managers_told: 0,
            clubs_told: 0,
            ending: None,
            sequence: 0,
            reached: None,
            filling: false,
            patience: None,
            changed_at: Millis(i64::MIN),
            paused_at: None,
            contradicted_at: None,
            gaps: 0,
            repeats: 0,
            confirmed_at: None,
        }
    }

    /// Remembers a name.
    pub fn learn(&mut self, user: &UserId, name: Option<&str>) {
        if let Some(name) = name.filter(|name| !name.is_empty())
            && match self.names.get(user) {
                Some(known) => known != name,
                None => self.names.len() < MOST_NAMES,
            }
        {
            self.names.insert(user.clone(), name.to_owned());
        }
    }

    /// The number of the lot on the block; 0 before the first.
    pub fn lot_number(&self) -> u32 {
        self.lot.as_ref().map_or(0, |lot| lot.number)
    }
}

impl Lot {
    /// A lot that has just been put on the block.
    pub fn new(number: u32, club_id: ClubId, club: Option<Club>) -> Self {
        Self {
            number,
            club_id,
            club,
            is_retry: false,
            price: None,
            leader: None,
            bids: Vec::new(),
            unnumbered: 0,
            ends_at: None,
            stopped_ms: None,
            extended_at: None,
            ran_at: None,
            incomplete: false,
            hammered: false,
            settled: false,
        }
    }

    /// An accepted bid. The price is the highest of them, whatever the order they arrive in, until the hammer falls;
    /// what is accepted after that changes it no more. A bid that was read without its number gets it here.
    pub fn add_bid(&mut self, amount: Money, user: UserId, seq: Option<u64>, at: Option<i64>) {
        if self.unnumbered > 0
            && seq.is_some()
            && let Some(known) = self
                .bids
                .iter_mut()
                .find(|bid| bid.seq.is_none() && bid.amount == amount && bid.user == user)
        {
            known.seq = seq;
            known.at = known.at.or(at);
            self.unnumbered -= 1;
            return;
        }
        self.read_bid(amount, user, seq, at);
    }

    /// A bid as a snapshot lists it: one after the other, none twice.
    pub fn read_bid(&mut self, amount: Money, user: UserId, seq: Option<u64>, at: Option<i64>) {
        let below = self.settled || self.price.is_some_and(|price| amount <= price);
        if !below {
            self.price = Some(amount);
            self.leader = Some(user.clone());
        }
        self.unnumbered += usize::from(seq.is_none());
        self.bids.push(LotBid {
            amount,
            user,
            seq,
            at,
            below,
        });
    }

    /// What the hammer said: who has it and for how much, or that nobody does.
    pub fn settle(&mut self, winner: Option<(UserId, Money)>) {
        if let Some((user, amount)) = &winner
            && !self
                .bids
                .iter()
                .any(|bid| bid.amount == *amount && bid.user == *user)
        {
            // A bid that never came by; it is the price all the same.
            self.add_bid(*amount, user.clone(), None, None);
        }
        for bid in &mut self.bids {
            bid.below |= winner.as_ref().is_none_or(|(_, amount)| bid.amount > *amount);
        }
        (self.leader, self.price) = winner.unzip();
        self.hammered = true;
        self.settled = true;
        self.stopped_ms = None;
    }
}

/// A snapshot, wherever it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot<'a> {
    /// How far it has come.
    pub status: &'a AuctionStatus,
    /// The lot on the block.
    pub lot: u32,
    /// The club on the block.
    pub club_id: Option<&'a ClubId>,
    /// The same with its name.
    pub club: Option<&'a Club>,
    /// The stored price: after two bids at once it can be the lower one.
    pub current_bid: Option<Money>,
    /// Who holds it.
    pub current_bidder: Option<&'a gavelscope_contract::auction::Bidder>,
    /// When the hammer falls, ms since the epoch by the server's clock.
    pub ends_at: Option<i64>,
    /// What was left when the clock was stopped, seconds.
    pub stopped_seconds: Option<f64>,
    /// The bid sequence that it covers.
    pub sequence: u64,
    /// The bids on the lot.
    pub bids: &'a [Bid],
    /// The managers, where they are part of it.
    pub participants: &'a [Participant],
    /// Who is in the waiting room, where that is part of it.
    pub waiting_room: Option<&'a [UserId]>,
    /// Up to where in the stream it covers (our backend).
    pub position: Option<&'a Position>,
    /// When it was asked for, by our clock; none where it came by itself.
    pub sent: Option<Millis>,
}
