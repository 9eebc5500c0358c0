//! The way of a bid: checked, written down, sent, followed to its fate (design, rule 2).
//!
//! It is sent once. Only where the server has shown that it takes a key but once (it carried one of ours back), and
//! only while the lot is on the block, is the same bid asked for again under the same key.

use std::time::Duration;

use gavelscope_contract::auction::BidRequest;
use gavelscope_contract::{AuctionId, Money, RefusalCode};

use super::driver::Driver;
use super::jobs::Done;
use super::{BidCheck, BidOrder, Reply, Seen};
use crate::error::ClientError;
use crate::ledger::store::LedgerError;
use crate::ledger::{Answered, Draft, is_open};
use crate::rest::BidOutcome;
use crate::state::{AuctionPhase, BlockReason, Fate, LedgerEntry, Spread};
use crate::{bid_button, time, view, words};

/// How long a bid waits for the disk. Longer, and it would be late for the hammer: it leaves, and the state says that
/// it is not written down.
const DISK_LIMIT: Duration = Duration::from_secs(2);
/// Before a bid is asked for again: once, and once more.
const SEND_AGAIN: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
/// No bid was ever measured to need less than this, ms.
const LEAST_BID_MS: u32 = 50;

impl Driver {
    /// What a bid needs to get there, ms: 95 of 100 did not need more, within three times the usual; of calls, where no bid was answered yet. The
    /// clock's error comes on top, for the hammer may be that much nearer than it looks.
    pub(super) fn bid_takes_ms(&self) -> u32 {
        let usual = |spread: Spread| {
            let (p95, median) = spread.p95.zip(spread.median)?;
            // One answer that was held up says nothing about the next.
            Some(p95.min(median.saturating_mul(3)))
        };
        let measured = usual(self.measured.answer.spread())
            .or_else(|| usual(self.measured.rest.spread()))
            .unwrap_or(LEAST_BID_MS)
            .max(LEAST_BID_MS);
        measured.saturating_add(self.clock.estimate().error_ms.unwrap_or(0))
    }

    /// What is known here to be against a bid.
    pub(super) fn check_bid(
        &mut self,
        auction: &AuctionId,
        amount: Money,
        insist: bool,
    ) -> Result<BidCheck, ClientError> {
        let unknown = || ClientError::UnknownAuction(auction.to_string());
        let index = self
            .rooms
            .iter()
            .position(|room| room.state.id == *auction)
            .ok_or_else(unknown)?;
        let shown = self.view_of(index);
        let room = &self.rooms[index];
        match &shown.bidding.blocked {
            // The budget is judged by the amount itself, with better words; what is too late, by what is left.
            Some(blocked) if !matches!(blocked.reason, BlockReason::Budget | BlockReason::TooLate) => {
                return Err(ClientError::Blocked(blocked.sentence.clone()));
            }
            _ => {}
        }
        let around = self.surroundings(room);
        let Some(purse) = view::purse(&room.state, &around) else {
            let sentence = bid_button::sentence(BlockReason::NotAParticipant);
            return Err(ClientError::Blocked(sentence.to_owned()));
        };
        let block = view::block(&room.state, self.me());
        purse.check(block, amount).map_err(|code| {
            let maximum = purse.maximum_bid().unwrap_or_default();
            let blocked = |reason| ClientError::Blocked(bid_button::sentence(reason).to_owned());
            let sentence = match code {
                RefusalCode::BelowMinimum => format!("The least bid is {}.", purse.minimum),
                RefusalCode::InsufficientBudget => format!("{amount} is more than the {} you have left.", purse.budget),
                RefusalCode::ReserveRequired => format!(
                    "{amount} would leave too little for your {} open slots; the most you can bid is {maximum}.",
                    purse.slots_after()
                ),
                RefusalCode::BidTooLow => format!(
                    "{amount} does not beat the price of {}.",
                    block.current.unwrap_or_default()
                ),
                RefusalCode::RosterFull => return blocked(BlockReason::RosterFull),
                _ => return blocked(BlockReason::Leading),
            };
            ClientError::Rule(sentence)
        })?;
        if !insist {
            view::in_time(&room.state, &around)?;
        }
        let club = shown.lot.as_ref().map(|lot| lot.club.clone());
        Ok(BidCheck {
            amount,
            club: club.as_ref().map(|club| club.name.clone()).unwrap_or_default(),
            club_id: club.map(|club| club.id),
            price: block.current,
        })
    }

    pub(super) fn bid(&mut self, auction: AuctionId, order: BidOrder, reply: Reply<LedgerEntry>) {
        let check = match self.check_bid(&auction, order.amount, order.insist) {
            Ok(check) => check,
            Err(error) => return drop(reply.send(Err(error))),
        };
        if let Err(moved) = not_moved(order.seen, check.price) {
            return drop(reply.send(Err(moved)));
        }
        let lot = self.room(&auction).map_or(0, |room| room.state.lot_number());
        let draft = Draft {
            key: uuid::Uuid::new_v4().to_string(),
            auction_id: auction,
            lot,
            club: check.club,
            club_id: check.club_id,
            amount: order.amount,
        };
        let entry = self.ledger.draft(draft, time::now());
        self.touch_all();
        let key = entry.key.clone();
        // The draft is written by itself, for the request waits for it; what moved before it is written before it.
        let earlier_moves = self.ledger.take_moves();
        for moved in earlier_moves.into_iter().filter(|moved| moved.key != key) {
            self.save(moved);
        }
        let Some(writing) = self.keeping.write(entry) else {
            return self.send(key, Some(reply));
        };
        // The price is the one that this was decided upon: what moves while the disk is busy is noticed.
        let order = BidOrder {
            seen: Seen::Price(check.price),
            ..order
        };
        self.jobs.spawn(async move {
            let written = tokio::time::timeout(DISK_LIMIT, writing.done()).await;
            let result = written.unwrap_or(Err(LedgerError::Slow));
            Done::WrittenDown {
                key,
                order,
                result,
                reply,
            }
        });
    }

    /// The draft is on the disk, or the disk has failed, which is told and holds no bid back. Now it leaves, unless the
    /// world moved meanwhile.
    pub(super) fn written_down(
        &mut self,
        key: &str,
        order: BidOrder,
        result: Result<(), LedgerError>,
        reply: Reply<LedgerEntry>,
    ) {
        self.saved(key.to_owned(), result);
        match self.still_holds(key, order) {
            Ok(()) => self.send(key.to_owned(), Some(reply)),
            Err(error) => {
                self.ledger.not_sent(key, &error.to_string());
                self.touch_all();
                let _ = reply.send(Err(error));
            }
        }
    }

    fn still_holds(&self, key: &str, order: BidOrder) -> Result<(), ClientError> {
        let entry = self.ledger.get(key).ok_or(ClientError::Ended)?;
        let unknown = || ClientError::UnknownAuction(entry.auction_id.to_string());
        let room = self
            .rooms
            .iter()
            .find(|room| room.state.id == entry.auction_id)
            .ok_or_else(unknown)?;
        if room.state.lot_number() != entry.lot || room.state.phase != AuctionPhase::Bidding {
            let sentence = bid_button::sentence(BlockReason::TimeUp);
            return Err(ClientError::Blocked(sentence.to_owned()));
        }
        not_moved(order.seen, view::block(&room.state, self.me()).current)?;
        if order.insist {
            Ok(())
        } else {
            view::in_time(&room.state, &self.surroundings(room))
        }
    }

    fn send(&mut self, key: String, reply: Option<Reply<LedgerEntry>>) {
        self.ledger.sent(&key, time::now());
        self.touch_all();
        let Some(entry) = self.ledger.get(&key) else {
            return;
        };
        let (rest, auction) = (self.rest.clone(), entry.auction_id.clone());
        let request = BidRequest {
            user_id: self.me().clone(),
            amount: entry.amount,
        };
        self.jobs.spawn(async move {
            let outcome = Box::new(rest.bid(&auction, &request, &key).await);
            Done::Bid { key, outcome, reply }
        });
    }

    pub(super) fn bid_done(&mut self, key: &str, outcome: BidOutcome, reply: Option<Reply<LedgerEntry>>) {
        let auction = self.ledger.get(key).map(|entry| entry.auction_id.clone());
        match outcome {
            BidOutcome::Accepted(answer) => {
                self.saw_answer(&answer);
                self.measured.answer.add(answer.took_ms);
                self.measured.last_bid_pod.clone_from(&answer.pod);
                if let Some(server_now) = answer.body.server_now {
                    self.clock.round_trip(answer.sent, answer.received, server_now);
                }
                let answered = Answered {
                    took_ms: answer.took_ms,
                    pod: answer.pod,
                    key: answer.body.bid.client_bid_id,
                };
                self.ledger.accepted(key, answered);
                let (limit, due) = (self.echo_bound(), key.to_owned());
                self.jobs.spawn(async move {
                    tokio::time::sleep(limit).await;
                    Done::EchoDue(due)
                });
            }
            BidOutcome::Refused {
                refusal,
                pod,
                took_ms,
            } => {
                self.measured.answer.add(took_ms);
                if let Some(pod) = &pod {
                    self.measured.pods.on_rest(pod, time::now());
                    self.measured.last_bid_pod = Some(pod.clone());
                }
                let answered = Answered {
                    took_ms,
                    pod,
                    key: None,
                };
                self.ledger.refused(key, &refusal, answered);
                // A refusal for its price or its moment means that something was missed here.
                if let Some(auction) = &auction {
                    self.want_snapshot(auction);
                }
            }
            BidOutcome::NotSent(error) => self.ledger.not_sent(key, &error.to_string()),
            BidOutcome::Unknown(error) => {
                let again = self.may_send_again(key);
                self.ledger.unknown(key, again.then_some(words::ASKED_AGAIN));
                let first = self.ledger.get(key).is_some_and(|entry| entry.attempts == 1);
                if first {
                    let text = format!("{error} The bid may have been stored; it is being looked for.");
                    self.note(auction, "bid", text);
                    self.look_for(key.to_owned(), 0);
                }
            }
        }
        self.plan_sending_again(key);
        self.touch_all();
        if let Some(reply) = reply {
            let entry = self.ledger.get(key).cloned().ok_or(ClientError::Ended);
            let _ = reply.send(entry);
        }
    }

    /// Whether a bid may be asked for again: its server has shown that it takes a key but once, its lot is still on the
    /// block, and it was not asked for too often. Never one of an earlier run: who sent it may no longer want it.
    fn may_send_again(&self, key: &str) -> bool {
        let Some(entry) = self.ledger.get(key) else {
            return false;
        };
        let on_the_block = self.rooms.iter().any(|room| {
            room.state.id == entry.auction_id
                && room.state.lot_number() == entry.lot
                && room.state.phase == AuctionPhase::Bidding
        });
        let tries = usize::try_from(entry.attempts).unwrap_or(usize::MAX);
        self.ledger.server_honours_keys()
            && on_the_block
            && !entry.earlier
            && is_open(entry.fate)
            && (1..=SEND_AGAIN.len()).contains(&tries)
    }

    fn plan_sending_again(&mut self, key: &str) {
        let Some(entry) = self.ledger.get(key).filter(|entry| entry.fate == Fate::Unknown) else {
            return;
        };
        let tries = usize::try_from(entry.attempts).unwrap_or(usize::MAX);
        if let Some(wait) = SEND_AGAIN.get(tries.wrapping_sub(1)).copied()
            && self.may_send_again(key)
        {
            let key = key.to_owned();
            self.jobs.spawn(async move {
                tokio::time::sleep(wait).await;
                Done::SendAgain(key)
            });
        }
    }

    /// It is time to ask again, if it is still unknown and may still be asked for.
    pub(super) fn send_again(&mut self, key: String) {
        let unknown = self
            .ledger
            .get(&key)
            .is_some_and(|entry| entry.fate == Fate::Unknown);
        if unknown && self.may_send_again(&key) {
            self.send(key, None);
        }
    }

    /// An accepted bid should have come back by now.
    pub(super) fn echo_due(&mut self, key: &str) {
        let Some(entry) = self.ledger.get(key).filter(|entry| entry.echo_ms.is_none()) else {
            return;
        };
        let (auction, amount, sent_at) = (entry.auction_id.clone(), entry.amount, entry.sent_at);
        let unseen = entry.fate == Fate::Accepted;
        let online = self.is_online();
        // What was said before this link had joined the room is known from a snapshot, and proves nothing of the pods.
        let listened = self.room(&auction).is_none_or(|room| {
            let joined_since = room.claim.at.filter(|_| room.claim.joined);
            online && (!room.ack_expected || joined_since.is_some_and(|at| at <= sent_at))
        });
        if !listened {
            if unseen {
                self.look_for(key.to_owned(), 0);
            }
            return;
        }
        let over = self
            .room(&auction)
            .is_none_or(|room| matches!(room.state.phase, AuctionPhase::Completed | AuctionPhase::Deleted));
        self.measured.echoes_missing += 1;
        let text = format!("{amount} was accepted, and the room was never told; reading the state.");
        self.note(Some(auction.clone()), "echo", text);
        if !over {
            let change = self
                .room(&auction)
                .and_then(|room| room.delivery.no_echo(std::time::Instant::now()));
            self.delivery_changed(&auction, change);
            self.want_snapshot(&auction);
        }
        // The field's backend takes bids after the hammer, and loses them (contract, section 4, 5).
        if unseen {
            self.look_for(key.to_owned(), 0);
        }
    }
}

/// The price is still the one that a bid was decided upon.
fn not_moved(seen: Seen, now: Option<Money>) -> Result<(), ClientError> {
    match seen {
        Seen::Price(seen) if seen != now => Err(ClientError::PriceMoved {
            now: now.unwrap_or_default(),
        }),
        Seen::Price(_) | Seen::Any => Ok(()),
    }
}
