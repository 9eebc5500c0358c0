//! The way of a bid: checked, written down, sent once, followed to its fate (design, rule 2).

use gavelscope_contract::auction::BidRequest;
use gavelscope_contract::{AuctionId, Money, RefusalCode};

use super::driver::Driver;
use super::jobs::{Done, LOOKS};
use super::{BidCheck, Reply, Seen};
use crate::error::ClientError;
use crate::ledger::{self, Draft};
use crate::rest::BidOutcome;
use crate::state::{AuctionPhase, BlockReason, Fate, LedgerEntry};
use crate::{time, view, words};

impl Driver {
    /// What is known here to be against a bid.
    pub(super) fn check_bid(&mut self, auction: &AuctionId, amount: Money) -> Result<BidCheck, ClientError> {
        let unknown = || ClientError::UnknownAuction(auction.to_string());
        let index = self
            .rooms
            .iter()
            .position(|room| room.state.id == *auction)
            .ok_or_else(unknown)?;
        let shown = self.view_of(index);
        let room = &self.rooms[index];
        if let Some(blocked) = &shown.bidding.blocked
            // The budget is judged by the amount itself, with better words.
            && blocked.reason != BlockReason::Budget
        {
            return Err(ClientError::Rule(blocked.sentence.clone()));
        }
        let around = self.surroundings(room);
        let Some(purse) = view::purse(&room.state, &around) else {
            return Err(ClientError::Rule(
                words::blocked(BlockReason::NotAParticipant).to_owned(),
            ));
        };
        let block = view::block(&room.state, self.me());
        purse.check(block, amount).map_err(|code| {
            let maximum = purse.maximum_bid().unwrap_or_default();
            ClientError::Rule(match code {
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
                RefusalCode::RosterFull => words::blocked(BlockReason::RosterFull).to_owned(),
                _ => words::blocked(BlockReason::Leading).to_owned(),
            })
        })?;
        let club = shown
            .lot
            .as_ref()
            .map(|lot| lot.club.name.clone())
            .unwrap_or_default();
        Ok(BidCheck {
            amount,
            club,
            price: block.current,
        })
    }

    pub(super) fn bid(&mut self, auction: AuctionId, amount: Money, seen: Seen, reply: Reply<LedgerEntry>) {
        let check = match self.check_bid(&auction, amount) {
            Ok(check) => check,
            Err(error) => return drop(reply.send(Err(error))),
        };
        if let Seen::Price(seen) = seen
            && seen != check.price
        {
            let now = check.price.unwrap_or_default();
            return drop(reply.send(Err(ClientError::PriceMoved { now })));
        }
        let lot = self.room(&auction).map_or(0, |room| room.state.lot_number());
        let key = uuid::Uuid::new_v4().to_string();
        let draft = Draft {
            key: key.clone(),
            auction_id: auction.clone(),
            lot,
            club: check.club,
            amount,
        };
        self.ledger.draft(draft, time::now());
        self.ledger.sent(&key, time::now());
        self.touch_all();
        let (rest, request) = (
            self.rest.clone(),
            BidRequest {
                user_id: self.me().clone(),
                amount,
            },
        );
        self.jobs.spawn(async move {
            let outcome = Box::new(rest.bid(&auction, &request, &key).await);
            Done::Bid { key, outcome, reply }
        });
    }

    pub(super) fn bid_done(&mut self, key: &str, outcome: BidOutcome, reply: Reply<LedgerEntry>) {
        let auction = self.ledger.get(key).map(|entry| entry.auction_id.clone());
        match outcome {
            BidOutcome::Accepted(answer) => {
                self.saw_answer(&answer);
                self.measured.answer.add(answer.took_ms);
                self.measured.last_bid_pod.clone_from(&answer.pod);
                if let Some(server_now) = answer.body.server_now {
                    self.clock.round_trip(answer.sent, answer.received, server_now);
                }
                self.ledger.accepted(key, answer.took_ms, answer.pod);
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
                self.ledger.refused(key, &refusal, took_ms, pod);
                // A refusal for its price or its moment means that something was missed here.
                if let Some(auction) = &auction {
                    self.want_snapshot(auction);
                }
            }
            BidOutcome::NotSent(error) => {
                let why = error.to_string();
                self.ledger.not_sent(key, why.trim_end_matches('.'));
            }
            BidOutcome::Unknown(error) => {
                let why = error.to_string();
                self.ledger.unknown(key, &why);
                self.note(
                    auction,
                    "bid",
                    format!("{why} The bid may have been stored; it is being looked for."),
                );
                self.look_for(key.to_owned(), 0);
            }
        }
        self.touch_all();
        let entry = self.ledger.get(key).cloned().ok_or(ClientError::Ended);
        let _ = reply.send(entry);
    }

    fn look_for(&mut self, key: String, round: usize) {
        let Some(wait) = LOOKS.get(round).copied() else {
            return;
        };
        self.jobs.spawn(async move {
            tokio::time::sleep(wait).await;
            Done::LookFor { key, round }
        });
    }

    /// Looks for a bid without an answer. It is never sent again (contract, section 4, 4).
    pub(super) fn look(&mut self, key: String, round: usize) {
        let Some(entry) = self.ledger.get(&key).filter(|entry| ledger::is_open(entry.fate)) else {
            return;
        };
        let (rest, auction) = (self.rest.clone(), entry.auction_id.clone());
        self.jobs.spawn(async move {
            let result = Box::new(rest.snapshot(&auction).await);
            Done::Looked {
                key,
                auction,
                round,
                result,
            }
        });
    }

    pub(super) fn looked(
        &mut self,
        key: String,
        auction: &AuctionId,
        round: usize,
        result: &Result<crate::rest::Answer<gavelscope_contract::auction::AuctionSnapshot>, ClientError>,
    ) {
        let lot_now = result.as_ref().ok().map(|answer| answer.body.auction.current_lot);
        if let Ok(answer) = result {
            self.take_snapshot(auction, answer, time::now());
        }
        let Some(entry) = self.ledger.get(&key).filter(|entry| entry.fate == Fate::Unknown) else {
            return;
        };
        let lot = entry.lot;
        let last_look = round + 1 >= LOOKS.len();
        match lot_now {
            // Its lot is still on the block, time enough has passed, and it is not among the bids.
            Some(now) if now == lot && last_look => self.ledger.not_stored(&key),
            // The bids of a lot that is over cannot be read any more: what it sold for is all there is to know.
            Some(now) if now != lot => {}
            _ if last_look => self.look_for(key, round),
            _ => self.look_for(key, round + 1),
        }
        self.touch_all();
    }

    /// An accepted bid should have come back by now.
    pub(super) fn echo_due(&mut self, key: &str) {
        let Some(entry) = self.ledger.get(key).filter(|entry| entry.echo_ms.is_none()) else {
            return;
        };
        let (auction, amount) = (entry.auction_id.clone(), entry.amount);
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
    }
}
