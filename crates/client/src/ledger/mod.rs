//! My bids and what became of each (design, rule 2).
//!
//! A bid has exactly one fate. Word of it comes three ways (the answer, an event, a snapshot), in any order and more
//! than once; whichever comes, an entry only ever moves forward. Every move is handed on once, to be written down
//! ([`store`]); what is read of a bid that has no answer is judged apart ([`judging`]).

pub mod judging;
pub mod store;

use std::collections::{HashMap, VecDeque};

use gavelscope_contract::auction::Bid;
use gavelscope_contract::event::BidUpdate;
use gavelscope_contract::{AuctionId, ClubId, Money, PodId, Refusal, RefusalCode, UserId};

use crate::state::{Fate, LedgerEntry, Millis};
use crate::words;
use judging::Verdict;

/// The bids of one session.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: VecDeque<LedgerEntry>,
    /// Moves that were not handed on yet, each as the entry stood after it.
    moves: Vec<LedgerEntry>,
    /// A bid of mine came back with its key: this server honours keys.
    honours_keys: bool,
    /// Where the hammer fell, by auction and lot: the price; none where nobody bought.
    hammers: HashMap<(AuctionId, u32), Option<Money>>,
    /// How many stored bids were forgotten, by auction, lot and amount: what the server shows of them is nobody else's.
    forgotten: HashMap<(AuctionId, u32, Money), usize>,
}

/// A bid as it is written down before it leaves.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What this side calls it; its idempotency key.
    pub key: String,
    /// In which auction.
    pub auction_id: AuctionId,
    /// On which lot.
    pub lot: u32,
    /// On what.
    pub club: String,
    /// Its id, where it is known.
    pub club_id: Option<ClubId>,
    /// How much.
    pub amount: Money,
}

/// An answer, apart from its yes or no.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// Until it came, ms.
    pub took_ms: u32,
    /// Who answered.
    pub pod: Option<PodId>,
    /// The key that it carried back, where it did.
    pub key: Option<String>,
}

const OTHER_COUNTS: &str = "your other bid of this amount is the one that counts";

impl Ledger {
    /// An evening has fewer bids of one person; the oldest decided one goes first.
    const KEPT: usize = 200;
    /// Hammers that are remembered.
    const HAMMERS: usize = 1_000;
    /// Forgotten bids that are remembered to have been.
    const FORGOTTEN: usize = 5_000;

    /// Writes a bid down.
    pub fn draft(&mut self, draft: Draft, now: Millis) -> LedgerEntry {
        let entry = LedgerEntry {
            key: draft.key,
            auction_id: draft.auction_id,
            lot: draft.lot,
            sentence: words::fate(Fate::Draft, draft.amount, None),
            club: draft.club,
            club_id: draft.club_id,
            amount: draft.amount,
            fate: Fate::Draft,
            refusal: None,
            sent_at: now,
            answer_ms: None,
            echo_ms: None,
            pod: None,
            attempts: 0,
            earlier: false,
        };
        self.push(entry.clone());
        entry
    }

    /// Takes in what an earlier run of the application left open. A draft that never was marked as sent may have left
    /// all the same: the mark is written after it.
    pub fn take_in(&mut self, entry: LedgerEntry) {
        if !is_open(entry.fate) || self.get(&entry.key).is_some() {
            return;
        }
        self.push(LedgerEntry {
            fate: Fate::Unknown,
            sentence: words::left_open(entry.amount),
            earlier: true,
            ..entry
        });
    }

    fn push(&mut self, entry: LedgerEntry) {
        if self.entries.len() >= Self::KEPT
            && let Some(oldest) = self.entries.iter().position(|e| !is_open(e.fate))
            && let Some(oldest) = self.entries.remove(oldest)
            && matches!(oldest.fate, Fate::Accepted | Fate::Confirmed)
        {
            if self.forgotten.len() >= Self::FORGOTTEN {
                self.forgotten
                    .retain(|(auction, lot, _), _| *auction == oldest.auction_id && *lot == oldest.lot);
            }
            let place = (oldest.auction_id, oldest.lot, oldest.amount);
            // Nobody bids so often on one lot; the memory stays bounded all the same.
            if self.forgotten.len() < Self::FORGOTTEN {
                *self.forgotten.entry(place).or_default() += 1;
            }
        }
        self.moves.push(entry.clone());
        self.entries.push_back(entry);
    }

    /// The moves since they were last taken, in their order, each as the entry stood after it.
    pub fn take_moves(&mut self) -> Vec<LedgerEntry> {
        std::mem::take(&mut self.moves)
    }

    /// A lot is on the block, perhaps once more.
    pub fn lot_started(&mut self, auction: &AuctionId, lot: u32) {
        self.hammers.remove(&(auction.clone(), lot));
    }

    /// The hammer fell; the price, or none where nobody bought. The lot goes to the highest bid, so a higher one of mine
    /// was not there in time, whatever it is answered: the field's backend takes bids after the hammer, shows them and
    /// loses them (contract, section 4, 5).
    pub fn hammer(&mut self, auction: &AuctionId, lot: u32, price: Option<Money>) {
        // No evening has so many lots; a server that invents them must not fill the memory.
        if self.hammers.len() >= Self::HAMMERS {
            self.hammers.clear();
        }
        self.hammers.insert((auction.clone(), lot), price);
        let late: Vec<String> = self
            .entries
            .iter()
            .filter(|entry| entry.auction_id == *auction && entry.lot == lot && entry.fate != Fate::Draft)
            .map(|entry| entry.key.clone())
            .collect();
        for key in late {
            self.settle_late(&key);
        }
    }

    /// Why a bid came too late, where it did.
    fn too_late(&self, entry: &LedgerEntry) -> Option<String> {
        let price = self.hammers.get(&(entry.auction_id.clone(), entry.lot))?;
        match price {
            Some(price) if entry.amount > *price => Some(format!("the hammer had fallen at {price}")),
            None => Some("the hammer had fallen without a bid".to_owned()),
            Some(_) => None,
        }
    }

    /// Whether it came too late; then it does not count.
    fn settle_late(&mut self, key: &str) -> bool {
        let Some(why) = self.get(key).and_then(|entry| self.too_late(entry)) else {
            return false;
        };
        if self.advance(key, Fate::NotStored, Some(&why)) {
            self.hand_on(key);
        }
        true
    }

    /// The request leaves, for the first time or once more.
    pub fn sent(&mut self, key: &str, now: Millis) {
        if let Some(entry) = self.find(key) {
            entry.attempts = entry.attempts.saturating_add(1);
            if entry.fate == Fate::Draft {
                entry.sent_at = now;
            }
        }
        self.advance(key, Fate::Sent, None);
        self.hand_on(key);
    }

    /// The server said yes.
    pub fn accepted(&mut self, key: &str, answered: Answered) {
        self.honours_keys |= answered.key.as_deref() == Some(key);
        self.answered(key, answered);
        self.advance(key, Fate::Accepted, None);
        self.hand_on(key);
        self.settle_late(key);
    }

    /// The server said no. A no to a request that was sent once more counts only where it decides the bid itself:
    /// a gateway that turns the second one away says nothing about the first.
    pub fn refused(&mut self, key: &str, refusal: &Refusal, answered: Answered) {
        let again = self.get(key).is_some_and(|entry| entry.attempts > 1);
        if again && !decides_a_repeat(refusal.code) {
            return;
        }
        self.answered(key, answered);
        if self.advance(key, Fate::Refused, Some(&refusal.detail))
            && let Some(entry) = self.find(key)
        {
            entry.refusal = Some(refusal.code);
        }
        self.hand_on(key);
    }

    /// It never left. Of one that was sent before that says nothing.
    pub fn not_sent(&mut self, key: &str, why: &str) {
        if self.get(key).is_none_or(|entry| entry.attempts > 1) {
            return;
        }
        if self.advance(key, Fate::NotStored, None)
            && let Some(entry) = self.find(key)
        {
            entry.attempts = 0;
            entry.sentence = words::not_sent(entry.amount, why);
        }
        self.hand_on(key);
    }

    /// No answer came, and it may have been stored. `how` is what is being done about it.
    pub fn unknown(&mut self, key: &str, how: Option<&str>) {
        self.advance(key, Fate::Unknown, how);
        self.hand_on(key);
    }

    /// What was read of it says so.
    pub fn judged(&mut self, key: &str, verdict: &Verdict) {
        let (fate, detail) = match verdict {
            Verdict::NotYet => return,
            Verdict::Counts(_) if self.settle_late(key) => return,
            Verdict::Counts(_) if self.has_its_double(key) => (Fate::NotStored, OTHER_COUNTS),
            Verdict::Counts(how) => (Fate::Confirmed, how.as_str()),
            Verdict::DoesNotCount(why) => (Fate::NotStored, why.as_str()),
            Verdict::Undecidable(why) => (Fate::Undecidable, why.as_str()),
        };
        if self.advance(key, fate, Some(detail)) {
            self.hand_on(key);
        }
    }

    /// Whether another bid of this amount is known to be stored. Where the server keeps no keys, what was found is that
    /// one; a second one would have been confirmed by the snapshot already.
    fn has_its_double(&self, key: &str) -> bool {
        let unanswered = |entry: &&LedgerEntry| is_open(entry.fate) && !self.honours_keys;
        let Some(this) = self.get(key).filter(unanswered) else {
            return false;
        };
        let place = (this.auction_id.clone(), this.lot, this.amount);
        self.forgotten.contains_key(&place)
            || self.entries.iter().any(|other| {
                other.key != this.key
                    && other.auction_id == this.auction_id
                    && other.lot == this.lot
                    && other.amount == this.amount
                    && matches!(other.fate, Fate::Accepted | Fate::Confirmed)
            })
    }

    fn answered(&mut self, key: &str, answered: Answered) {
        if let Some(entry) = self.find(key) {
            entry.answer_ms = Some(answered.took_ms);
            entry.pod = answered.pod;
        }
    }

    /// A bid came by as an event. Returns the key of the entry that it is the echo of, the first time.
    pub fn echo(
        &mut self,
        auction: &AuctionId,
        update: &BidUpdate,
        me: &UserId,
        now: Millis,
    ) -> Option<String> {
        if update.bidder.user_id != *me {
            return None;
        }
        let lot = update.lot_id.number();
        let key = self.matching(auction, lot, update.amount, update.client_bid_id.as_deref(), 0)?;
        let entry = self.find(&key)?;
        // How long ago an earlier run sent it says nothing about the way of an event.
        let first = entry.echo_ms.is_none() && !entry.earlier;
        if first {
            entry.echo_ms = Some(entry.sent_at.age_at(now));
        }
        if self.advance(&key, Fate::Confirmed, None) || first {
            self.hand_on(&key);
        }
        first.then_some(key)
    }

    /// The bids of a snapshot: those of mine that are among them are confirmed.
    pub fn seen_in_snapshot(&mut self, auction: &AuctionId, lot: u32, bids: &[Bid], me: &UserId) {
        let mut alike = HashMap::<Money, usize>::new();
        for bid in bids.iter().filter(|bid| bid.user_id == *me) {
            let before = alike.entry(bid.amount).or_default();
            let key = bid.client_bid_id.as_deref();
            let found = self.matching(auction, Some(lot), bid.amount, key, *before);
            *before += 1;
            if let Some(key) = found
                && self.advance(&key, Fate::Confirmed, Some("the server has it"))
            {
                self.hand_on(&key);
            }
        }
    }

    /// The entry that a stored bid belongs to: by its key where it has one, otherwise by auction, lot and amount. Of
    /// several entries it is the one that is known to be stored, or else the one that nothing is known of yet: never a
    /// later one that may still be refused. Where a server has taken several bids of one amount (the field's may, when
    /// somebody else's bid came in at once), `before` of them belong to other entries, and the first to those that were
    /// forgotten. (A key that is not here is a bid that the same person made elsewhere.)
    fn matching(
        &mut self,
        auction: &AuctionId,
        lot: Option<u32>,
        amount: Money,
        key: Option<&str>,
        before: usize,
    ) -> Option<String> {
        let found = if let Some(key) = key {
            self.entries.iter().find(|e| e.key == key)
        } else {
            let alike = self.entries.iter();
            let alike =
                alike.filter(|e| e.auction_id == *auction && Some(e.lot) == lot && e.amount == amount);
            let place = (auction.clone(), lot?, amount);
            let forgotten = self.forgotten.get(&place).copied().unwrap_or_default();
            // What never left is on no server.
            let left = alike.filter(|e| e.attempts > 0 || e.earlier);
            let mut ranked: Vec<_> = left.filter_map(|e| Some((likelihood(e.fate)?, e))).collect();
            ranked.sort_by_key(|(likelihood, _)| *likelihood);
            ranked.get(before.checked_sub(forgotten)?).map(|(_, e)| *e)
        }?;
        let found = found.key.clone();
        self.honours_keys |= key.is_some();
        (!self.settle_late(&found)).then_some(found)
    }

    /// Whether this server has shown that it takes a key but once: it carried one of mine back.
    pub const fn server_honours_keys(&self) -> bool {
        self.honours_keys
    }

    /// An entry as a recording has it, new or known.
    pub fn put(&mut self, entry: LedgerEntry) {
        match self.find(&entry.key) {
            Some(known) => *known = entry,
            None => self.entries.push_back(entry),
        }
    }

    fn find(&mut self, key: &str) -> Option<&mut LedgerEntry> {
        self.entries.iter_mut().rev().find(|e| e.key == key)
    }

    /// Moves an entry forward. False where that fate may not follow the one it has.
    fn advance(&mut self, key: &str, fate: Fate, detail: Option<&str>) -> bool {
        match self.find(key) {
            Some(entry) if may_follow(entry.fate, fate) => {
                entry.fate = fate;
                entry.sentence = words::fate(fate, entry.amount, detail);
                true
            }
            _ => false,
        }
    }

    fn hand_on(&mut self, key: &str) {
        if let Some(entry) = self.get(key).cloned() {
            self.moves.push(entry);
        }
    }

    /// One entry.
    pub fn get(&self, key: &str) -> Option<&LedgerEntry> {
        self.entries.iter().rev().find(|e| e.key == key)
    }

    /// All, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &LedgerEntry> {
        self.entries.iter()
    }

    /// My last bid on a lot.
    pub fn last_on(&self, auction: &AuctionId, lot: u32) -> Option<&LedgerEntry> {
        self.entries
            .iter()
            .rev()
            .find(|e| e.auction_id == *auction && e.lot == lot)
    }

    /// The highest of my bids on this lot that the server said yes to and that was not seen yet.
    pub fn accepted_on(&self, auction: &AuctionId, lot: u32) -> Option<Money> {
        self.entries
            .iter()
            .filter(|e| e.auction_id == *auction && e.lot == lot && e.fate == Fate::Accepted)
            .map(|e| e.amount)
            .max()
    }

    /// Whether a bid of mine on this lot has no fate yet. (One on a lot that is over holds nothing up.)
    pub fn open_on(&self, auction: &AuctionId, lot: u32) -> bool {
        self.entries
            .iter()
            .rev()
            .any(|e| e.auction_id == *auction && e.lot == lot && is_open(e.fate))
    }
}

/// Which of several entries of one amount a stored bid belongs to: the lowest. None: to no such entry.
const fn likelihood(fate: Fate) -> Option<u8> {
    match fate {
        Fate::Confirmed => Some(0),
        Fate::Accepted => Some(1),
        Fate::Sent | Fate::Unknown => Some(2),
        Fate::NotStored | Fate::Undecidable => Some(3),
        Fate::Refused | Fate::Draft => None,
    }
}

/// Still to be decided.
pub const fn is_open(fate: Fate) -> bool {
    matches!(fate, Fate::Draft | Fate::Sent | Fate::Unknown)
}

/// How far a fate is from the beginning: what may follow stands higher. Two on one level exclude each other.
pub const fn standing(fate: Fate) -> u8 {
    match fate {
        Fate::Draft => 0,
        Fate::Sent => 1,
        Fate::Unknown => 2,
        Fate::Refused | Fate::Accepted => 3,
        Fate::Undecidable => 4,
        Fate::NotStored => 5,
        Fate::Confirmed => 6,
    }
}

/// The order of fates. `Confirmed` follows everything that left, also what was thought not to be stored: it was seen.
/// An answer can follow `Unknown` where the same bid was asked for again. An accepted bid can turn out not to count:
/// the field's backend takes bids after the hammer and loses them (contract, section 4, 5).
const fn may_follow(now: Fate, next: Fate) -> bool {
    matches!(
        (now, next),
        (Fate::Draft, Fate::Sent | Fate::NotStored)
            | (
                Fate::Sent,
                Fate::Accepted | Fate::Refused | Fate::Unknown | Fate::NotStored | Fate::Confirmed
            )
            | (
                Fate::Unknown,
                Fate::Accepted | Fate::Refused | Fate::Confirmed | Fate::NotStored | Fate::Undecidable
            )
            | (
                Fate::Accepted,
                Fate::Confirmed | Fate::NotStored | Fate::Undecidable
            )
            | (Fate::Undecidable, Fate::Confirmed | Fate::NotStored)
            | (Fate::NotStored, Fate::Confirmed)
    )
}

/// Whether this no to a repeated request is the server's no to the bid. `AlreadyHighest` is none: it may be the first
/// request that leads.
const fn decides_a_repeat(code: RefusalCode) -> bool {
    matches!(
        code,
        RefusalCode::AuctionNotActive
            | RefusalCode::BelowMinimum
            | RefusalCode::InsufficientBudget
            | RefusalCode::ReserveRequired
            | RefusalCode::RosterFull
            | RefusalCode::NoLot
            | RefusalCode::BidTooLow
            | RefusalCode::PriceMoved
            | RefusalCode::LotClosed
    )
}

#[cfg(test)]
mod tests;
