//! My bids and what became of each (design, rule 2).
//!
//! A bid has exactly one fate. Word of it comes three ways (the answer, an event, a snapshot), in any order and more
//! than once; whichever comes, an entry only ever moves forward.

use std::collections::VecDeque;

use gavelscope_contract::auction::Bid;
use gavelscope_contract::event::BidUpdate;
use gavelscope_contract::{AuctionId, Money, PodId, Refusal, UserId};

use crate::state::{Fate, LedgerEntry, Millis};
use crate::words;

/// The bids of one session.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    entries: VecDeque<LedgerEntry>,
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
    /// How much.
    pub amount: Money,
}

impl Ledger {
    /// An evening has fewer bids of one person; the oldest decided one goes first.
    const KEPT: usize = 200;

    /// Writes a bid down.
    pub fn draft(&mut self, draft: Draft, now: Millis) -> LedgerEntry {
        let entry = LedgerEntry {
            key: draft.key,
            auction_id: draft.auction_id,
            lot: draft.lot,
            sentence: words::fate(Fate::Draft, draft.amount, None),
            club: draft.club,
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
        if self.entries.len() >= Self::KEPT
            && let Some(oldest) = self.entries.iter().position(|e| !is_open(e.fate))
        {
            self.entries.remove(oldest);
        }
        self.entries.push_back(entry.clone());
        entry
    }

    /// The request left.
    pub fn sent(&mut self, key: &str, now: Millis) {
        self.advance(key, Fate::Sent, None, |entry| entry.sent_at = now);
    }

    /// The server said yes.
    pub fn accepted(&mut self, key: &str, took_ms: u32, pod: Option<PodId>) {
        self.answered(key, took_ms, pod);
        self.advance(key, Fate::Accepted, None, |_| {});
    }

    /// The server said no.
    pub fn refused(&mut self, key: &str, refusal: &Refusal, took_ms: u32, pod: Option<PodId>) {
        self.answered(key, took_ms, pod);
        let code = refusal.code;
        self.advance(key, Fate::Refused, Some(&refusal.detail), |entry| {
            entry.refusal = Some(code);
        });
    }

    /// It never left.
    pub fn not_sent(&mut self, key: &str, why: &str) {
        self.advance(key, Fate::NotStored, Some(why), |_| {});
    }

    /// No answer came, and it may have been stored.
    pub fn unknown(&mut self, key: &str, why: &str) {
        self.advance(key, Fate::Unknown, Some(why), |_| {});
    }

    /// Looked for, and proved not to be there.
    pub fn not_stored(&mut self, key: &str) {
        self.advance(key, Fate::NotStored, None, |_| {});
    }

    fn answered(&mut self, key: &str, took_ms: u32, pod: Option<PodId>) {
        if let Some(entry) = self.find(key) {
            entry.answer_ms = Some(took_ms);
            entry.pod = pod;
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
        let key = self.matching(auction, lot, update.amount, update.client_bid_id.as_deref())?;
        let entry = self.find(&key)?;
        let first = entry.echo_ms.is_none();
        entry.echo_ms.get_or_insert(entry.sent_at.age_at(now));
        self.advance(&key, Fate::Confirmed, None, |_| {});
        first.then_some(key)
    }

    /// The bids of a snapshot: those of mine that are among them are confirmed.
    pub fn seen_in_snapshot(&mut self, auction: &AuctionId, lot: u32, bids: &[Bid], me: &UserId) {
        for bid in bids.iter().filter(|bid| bid.user_id == *me) {
            if let Some(key) = self.matching(auction, Some(lot), bid.amount, bid.client_bid_id.as_deref()) {
                self.advance(&key, Fate::Confirmed, None, |_| {});
            }
        }
    }

    /// The entry that a stored bid belongs to: by its key where the server echoes keys, otherwise by auction, lot and
    /// amount. (Within one lot nobody can have two accepted bids of one amount.)
    fn matching(
        &self,
        auction: &AuctionId,
        lot: Option<u32>,
        amount: Money,
        key: Option<&str>,
    ) -> Option<String> {
        let by_key = key.and_then(|key| self.entries.iter().find(|e| e.key == key));
        let by_amount = || {
            self.entries.iter().rev().find(|e| {
                e.auction_id == *auction
                    && Some(e.lot) == lot
                    && e.amount == amount
                    && !matches!(e.fate, Fate::Refused | Fate::Draft)
            })
        };
        by_key.or_else(by_amount).map(|e| e.key.clone())
    }

    fn find(&mut self, key: &str) -> Option<&mut LedgerEntry> {
        self.entries.iter_mut().rev().find(|e| e.key == key)
    }

    fn advance(
        &mut self,
        key: &str,
        fate: Fate,
        detail: Option<&str>,
        change: impl FnOnce(&mut LedgerEntry),
    ) {
        if let Some(entry) = self.find(key)
            && may_follow(entry.fate, fate)
        {
            entry.fate = fate;
            change(entry);
            entry.sentence = words::fate(fate, entry.amount, detail);
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

    /// Whether a bid of mine on this auction has no fate yet.
    pub fn open_on(&self, auction: &AuctionId) -> bool {
        self.entries
            .iter()
            .rev()
            .any(|e| e.auction_id == *auction && is_open(e.fate))
    }
}

/// Still to be decided.
pub const fn is_open(fate: Fate) -> bool {
    matches!(fate, Fate::Draft | Fate::Sent | Fate::Unknown)
}

/// The order of fates. `Confirmed` follows everything that left, also what was thought not to be stored: it was seen.
const fn may_follow(now: Fate, next: Fate) -> bool {
    matches!(
        (now, next),
        (Fate::Draft, Fate::Sent | Fate::NotStored)
            | (
                Fate::Sent,
                Fate::Accepted | Fate::Refused | Fate::Unknown | Fate::NotStored | Fate::Confirmed
            )
            | (Fate::Unknown, Fate::Confirmed | Fate::NotStored)
            | (Fate::Accepted | Fate::NotStored, Fate::Confirmed)
    )
}

#[cfg(test)]
mod tests {
    use gavelscope_contract::auction::Bidder;
    use gavelscope_contract::{LotId, RefusalCode, Timestamp};

    use super::*;

    fn ledger_with(key: &str, fate: Fate) -> Ledger {
        let mut ledger = Ledger::default();
        let draft = Draft {
            key: key.into(),
            auction_id: "a".into(),
            lot: 1,
            club: "Everton FC".into(),
            amount: Money::from_pounds(5),
        };
        ledger.draft(draft, Millis(100));
        if fate != Fate::Draft {
            ledger.sent(key, Millis(100));
        }
        match fate {
            Fate::Draft | Fate::Sent => {}
            Fate::Accepted => ledger.accepted(key, 10, None),
            Fate::Unknown => ledger.unknown(key, "no answer"),
            Fate::Refused => ledger.refused(key, &Refusal::read(400, "{\"detail\":\"No\"}"), 10, None),
            Fate::NotStored => ledger.not_stored(key),
            Fate::Confirmed => {
                drop(ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(130)));
            }
        }
        assert_eq!(ledger.get(key).unwrap().fate, fate);
        ledger
    }

    fn update(user: &str, pounds: u32, key: Option<&str>) -> BidUpdate {
        BidUpdate {
            lot_id: LotId::new(&"a".into(), 1),
            amount: Money::from_pounds(pounds),
            bidder: Bidder {
                user_id: user.into(),
                display_name: None,
            },
            seq: 1,
            server_time: Timestamp::from_millis(0),
            client_bid_id: key.map(Into::into),
            stream: None,
        }
    }

    #[test]
    fn an_echo_confirms_and_is_timed_once() {
        for fate in [Fate::Sent, Fate::Accepted, Fate::Unknown, Fate::NotStored] {
            let mut ledger = ledger_with("k", fate);
            let first = ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(130));
            assert_eq!(first.as_deref(), Some("k"), "{fate:?}");
            assert_eq!(
                ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(190)),
                None
            );
            let entry = ledger.get("k").unwrap();
            assert_eq!(
                (entry.fate, entry.echo_ms),
                (Fate::Confirmed, Some(30)),
                "{fate:?}"
            );
        }
    }

    #[test]
    fn the_answer_after_the_echo_takes_nothing_back() {
        let mut ledger = ledger_with("k", Fate::Confirmed);
        ledger.accepted("k", 77, Some("pod".into()));
        ledger.unknown("k", "late");
        let entry = ledger.get("k").unwrap();
        assert_eq!((entry.fate, entry.answer_ms), (Fate::Confirmed, Some(77)));
    }

    #[test]
    fn somebody_elses_bid_of_the_same_amount_confirms_nothing() {
        let mut ledger = ledger_with("k", Fate::Sent);
        assert_eq!(
            ledger.echo(&"a".into(), &update("you", 5, None), &"me".into(), Millis(130)),
            None
        );
        assert_eq!(ledger.get("k").unwrap().fate, Fate::Sent);
    }

    #[test]
    fn a_refused_bid_is_not_mistaken_for_the_repeat_that_was_taken() {
        let mut ledger = ledger_with("refused", Fate::Refused);
        let draft = Draft {
            key: "again".into(),
            auction_id: "a".into(),
            lot: 1,
            club: "Everton FC".into(),
            amount: Money::from_pounds(5),
        };
        ledger.draft(draft, Millis(200));
        ledger.sent("again", Millis(200));
        assert_eq!(
            ledger
                .echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(230))
                .as_deref(),
            Some("again")
        );
        assert_eq!(ledger.get("refused").unwrap().refusal, Some(RefusalCode::Other));
    }

    #[test]
    fn a_bid_found_in_a_snapshot_is_confirmed() {
        let mut ledger = ledger_with("k", Fate::Unknown);
        let bid: Bid = serde_json::from_str(r#"{"userId":"me","amount":5.0}"#).unwrap();
        ledger.seen_in_snapshot(&"a".into(), 1, &[bid], &"me".into());
        assert_eq!(ledger.get("k").unwrap().fate, Fate::Confirmed);
    }

    #[test]
    fn no_open_bid_is_ever_forgotten() {
        let mut ledger = ledger_with("open", Fate::Unknown);
        for n in 0..1_000 {
            let key = format!("k{n}");
            let draft = Draft {
                key: key.clone(),
                auction_id: "a".into(),
                lot: 1,
                club: String::new(),
                amount: Money::from_pounds(n),
            };
            ledger.draft(draft, Millis(1));
            ledger.sent(&key, Millis(1));
            ledger.accepted(&key, 1, None);
        }
        assert!(ledger.get("open").is_some());
        assert_eq!(ledger.entries().count(), Ledger::KEPT);
    }
}
