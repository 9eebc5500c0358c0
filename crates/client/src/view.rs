//! From what is known to what is shown: times by our clock, rules asked, sentences made.

use gavelscope_contract::auction::{Club, ListedClub};
use gavelscope_contract::league::League;
use gavelscope_contract::rules::{Block, Purse};
use gavelscope_contract::{ClubId, Money, UserId};
use serde::{Deserialize, Serialize};

use crate::auction::{AuctionState, Lot, Sync};
use crate::bid_button::{self, Circumstances};
use crate::clock::ServerClock;
use crate::delivery::Missing;
use crate::error::ClientError;
use crate::ledger::Ledger;
use crate::state::{
    AuctionPhase, AuctionView, BidRow, Bidding, ClubName, ClubRow, LotView, Manager, Millis, Person,
    RoomClaim, Sale, Step, Trust, Won,
};

/// How many bids of a lot are shown.
const BIDS_SHOWN: usize = 100;
/// The one-tap raises, in units of the least bid.
const RAISES: [u32; 5] = [1, 2, 3, 5, 10];

/// What a view is made of besides the auction itself.
pub struct Surroundings<'a> {
    /// Who looks.
    pub me: &'a UserId,
    /// The league, once it was read.
    pub league: Option<&'a League>,
    /// Whether there is a link.
    pub online: bool,
    /// Whether it is in doubt.
    pub suspect: bool,
    /// Whether there is none because the session is on its way from one pod to another, as it was asked to.
    pub moving: bool,
    /// In polled mode: how.
    pub polled: Option<Polled>,
    /// What the join was answered.
    pub room: &'a RoomClaim,
    /// The server's clock.
    pub clock: &'a ServerClock,
    /// My bids.
    pub ledger: &'a Ledger,
    /// What a bid needs to get there, with the clock's error, ms.
    pub bid_takes_ms: u32,
    /// When it is looked at.
    pub now: Millis,
}

/// How an auction is read whose events do not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Polled {
    /// What is missing.
    pub missing: Missing,
    /// How often it is read, ms.
    pub every_ms: u32,
    /// When it last was.
    pub read_at: Option<Millis>,
    /// How many readings since then brought nothing.
    #[serde(default)]
    pub failures: u32,
}

impl Polled {
    /// An answer may take its time; when two readings in a row brought nothing, the state is as old as it is.
    fn is_fresh(&self, now: Millis) -> bool {
        // Reading gets rarer as it fails; that must not let what is shown pass for fresh any longer.
        self.failures < 2
            && self
                .read_at
                .is_some_and(|at| at.age_at(now) <= self.every_ms.saturating_mul(2).saturating_add(2_000))
    }
}

/// Whether what is shown can be relied on.
fn trust(state: &AuctionState, around: &Surroundings<'_>) -> Trust {
    // What may only have been overtaken is waited for less than a quarter of a second: nothing to frighten anybody with.
    let follows = state.sync == Sync::Fresh || state.patience.is_some();
    match around.polled {
        Some(polled) if polled.is_fresh(around.now) => Trust::Polled,
        None if around.moving && state.phase != AuctionPhase::Loading => Trust::CatchingUp,
        _ if !around.online => Trust::Stale,
        None if follows && !around.suspect => Trust::Live,
        _ => Trust::CatchingUp,
    }
}

/// Why not, where it cannot.
fn doubt(state: &AuctionState, around: &Surroundings<'_>, trust: Trust) -> Option<String> {
    let sentence = match trust {
        Trust::Live => return None,
        Trust::CatchingUp if state.phase == AuctionPhase::Loading => return None,
        Trust::Polled => {
            let missing = around.polled.map_or(Missing::Link, |polled| polled.missing);
            return Some(format!(
                "{} The state is read from the server instead; bids count as ever.",
                missing.sentence()
            ));
        }
        Trust::CatchingUp if around.moving => {
            "The server is being replaced, and the session moves to the next one; bids count as ever."
        }
        Trust::CatchingUp if around.suspect => {
            "Nothing is heard from the server; the connection is being checked."
        }
        Trust::CatchingUp if around.polled.is_some() => {
            "Events do not arrive, and the server is slow to tell its state: price and clock may be old."
        }
        Trust::CatchingUp => "Something was missed; the state is being read anew.",
        Trust::Stale => "No connection: price and clock are as they were when it was lost.",
    };
    Some(sentence.to_owned())
}

/// The auction as it is shown.
pub fn auction(state: &AuctionState, around: &Surroundings<'_>) -> AuctionView {
    let trust = trust(state, around);
    let doubt = doubt(state, around, trust);
    // A tick or a bid that came by does not make what was read any younger.
    let confirmed_at = match around.polled {
        Some(polled) => polled.read_at,
        None => state.confirmed_at,
    };
    AuctionView {
        id: state.id.clone(),
        league_id: state.league_id.clone(),
        league_name: around.league.map(|league| league.name.clone()),
        phase: state.phase,
        trust,
        doubt,
        confirmed_at,
        polled_every_ms: around.polled.map(|polled| polled.every_ms),
        lot: state.lot.as_ref().map(|lot| lot_view(state, lot, around)),
        countdown: state.countdown,
        bidding: bidding(state, around, trust),
        managers: managers(state, around),
        clubs: state.clubs.iter().map(|club| club_row(state, club)).collect(),
        waiting_room: state
            .waiting_room
            .iter()
            .map(|user| person(state, user))
            .collect(),
        last_sale: state.last_sale.as_ref().map(|hammer| Sale {
            club: club_name(state, &hammer.club_id, hammer.club_name.as_deref()),
            winner: hammer.winner.as_ref().map(|(user, _)| person(state, user)),
            mine: hammer.winner.as_ref().is_some_and(|(user, _)| user == around.me),
            price: hammer.winner.as_ref().map(|(_, amount)| *amount),
            at: hammer.at,
        }),
        ending: state.ending.clone(),
        is_commissioner: around
            .league
            .is_some_and(|league| league.commissioner_id == *around.me),
        room: around.room.clone(),
        sequence: u32::try_from(state.sequence).unwrap_or(u32::MAX),
        gaps: state.gaps,
        repeats: state.repeats,
    }
}

fn person(state: &AuctionState, user: &UserId) -> Person {
    let name = state
        .names
        .get(user)
        .cloned()
        .unwrap_or_else(|| "Somebody".to_owned());
    Person {
        user_id: user.clone(),
        name,
    }
}

fn club_name(state: &AuctionState, id: &ClubId, heard: Option<&str>) -> ClubName {
    let listed = state.clubs.iter().find(|club| club.id == *id);
    let on_block = state
        .lot
        .as_ref()
        .and_then(|lot| lot.club.as_ref())
        .filter(|club| club.id == *id);
    let flat = |field: Option<&Option<Option<String>>>| field.and_then(Clone::clone).flatten();
    ClubName {
        id: id.clone(),
        name: listed
            .map(|club| club.name.clone())
            .or_else(|| on_block.map(|club| club.name.clone()))
            .or_else(|| heard.map(str::to_owned))
            .unwrap_or_else(|| id.to_string()),
        country: listed
            .and_then(|club| club.country.clone())
            .or_else(|| flat(on_block.map(|club: &Club| &club.country))),
        competition: listed
            .and_then(|club| club.competition.clone())
            .or_else(|| flat(on_block.map(|club| &club.competition))),
    }
}

fn lot_view(state: &AuctionState, lot: &Lot, around: &Surroundings<'_>) -> LotView {
    LotView {
        number: lot.number,
        club: club_name(state, &lot.club_id, None),
        is_retry: lot.is_retry,
        price: lot.price,
        leader: lot.leader.as_ref().map(|user| person(state, user)),
        leading: lot.leader.as_ref() == Some(around.me),
        ends_at: lot.ends_at.map(|at| around.clock.to_local(at)),
        stopped_at_ms: lot.stopped_ms,
        full_ms: state.lot_seconds.map(|seconds| seconds.saturating_mul(1_000)),
        extended_at: lot.extended_at,
        bids: lot
            .bids
            .iter()
            .rev()
            .take(BIDS_SHOWN)
            .map(|bid| BidRow {
                amount: bid.amount,
                bidder: person(state, &bid.user),
                mine: bid.user == *around.me,
                at: bid.at.map(|at| around.clock.to_local(at)),
                seq: bid.seq.and_then(|seq| u32::try_from(seq).ok()),
                below: bid.below,
            })
            .collect(),
    }
}

fn club_row(state: &AuctionState, club: &ListedClub) -> ClubRow {
    ClubRow {
        club: club_name(state, &club.id, None),
        status: club.status,
        lot_number: club.lot_number,
        winner: club.winner.clone(),
        price: club.winning_bid,
    }
}

fn managers(state: &AuctionState, around: &Surroundings<'_>) -> Vec<Manager> {
    let leader = state
        .lot
        .as_ref()
        .filter(|lot| !lot.hammered)
        .and_then(|lot| lot.leader.as_ref());
    let mut managers: Vec<Manager> = state
        .participants
        .iter()
        .map(|participant| Manager {
            person: person(state, &participant.user_id),
            is_me: participant.user_id == *around.me,
            budget: participant.budget_remaining,
            spent: participant.total_spent.unwrap_or_else(|| {
                around.league.map_or(Money::ZERO, |league| {
                    league.budget.saturating_sub(participant.budget_remaining)
                })
            }),
            roster: participant
                .clubs_won
                .iter()
                .map(|id| Won {
                    club: club_name(state, id, None),
                    price: state
                        .clubs
                        .iter()
                        .find(|club| club.id == *id)
                        .and_then(|club| club.winning_bid),
                })
                .collect(),
            slots: around.league.map(|league| league.club_slots),
            leading: leader == Some(&participant.user_id),
        })
        .collect();
    managers.sort_by_key(|manager| !manager.is_me);
    managers
}

/// My purse in this auction, where I am a manager of its league.
pub fn purse(state: &AuctionState, around: &Surroundings<'_>) -> Option<Purse> {
    let me = state
        .participants
        .iter()
        .find(|participant| participant.user_id == *around.me)?;
    let won = u32::try_from(me.clubs_won.len()).unwrap_or(u32::MAX);
    Some(Purse {
        budget: me.budget_remaining,
        // Until the league was read nothing is known of further slots, so nothing is kept back for them.
        slots: around
            .league
            .map_or(won.saturating_add(1), |league| league.club_slots),
        won,
        minimum: state.minimum.unwrap_or(Money::ZERO),
    })
}

/// What stands on the block, for the rules.
pub fn block(state: &AuctionState, me: &UserId) -> Block {
    let lot = state.lot.as_ref();
    Block {
        current: lot.and_then(|lot| lot.price),
        leading: lot.and_then(|lot| lot.leader.as_ref()) == Some(me),
    }
}

/// What stands on the block with the answer that nobody has echoed yet: once the server has said yes to my bid, I lead,
/// and pressing again would only be refused.
fn block_with_answer(state: &AuctionState, around: &Surroundings<'_>) -> Block {
    let known = block(state, around.me);
    let answered = around.ledger.accepted_on(&state.id, state.lot_number());
    match answered.filter(|amount| known.current.is_none_or(|price| *amount > price)) {
        Some(amount) => Block {
            current: Some(amount),
            leading: true,
        },
        None => known,
    }
}

fn bidding(state: &AuctionState, around: &Surroundings<'_>, trust: Trust) -> Bidding {
    let purse = purse(state, around);
    let block = block_with_answer(state, around);
    let least = least(state, block);
    let maximum = purse.and_then(|purse| purse.maximum_bid());
    let lot_number = state.lot_number();
    Bidding {
        blocked: bid_button::blocked(&circumstances(state, around, trust)),
        minimum: Some(least),
        maximum,
        steps: purse.map(|purse| steps(state, &purse, block)).unwrap_or_default(),
        mine: around.ledger.last_on(&state.id, lot_number).cloned(),
    }
}

/// The least that would be taken: a pound above the price, or the auction's minimum.
fn least(state: &AuctionState, block: Block) -> Money {
    let minimum = state.minimum.unwrap_or(Money::ZERO);
    block.current.map_or(minimum, |price| {
        price.saturating_add(Money::from_pounds(1)).max(minimum)
    })
}

fn circumstances(state: &AuctionState, around: &Surroundings<'_>, trust: Trust) -> Circumstances {
    let block = block_with_answer(state, around);
    Circumstances {
        phase: state.phase,
        trust,
        purse: purse(state, around),
        block,
        least: least(state, block),
        in_flight: around.ledger.open_on(&state.id, state.lot_number()),
        has_lot: state.lot.is_some(),
        hammered: state.lot.as_ref().is_some_and(|lot| lot.hammered),
        left_ms: left_ms(state, around),
        needed_ms: around.bid_takes_ms,
    }
}

/// What is left until the hammer, ms; below 0 it should have fallen.
fn left_ms(state: &AuctionState, around: &Surroundings<'_>) -> Option<i64> {
    let ends_at = state.lot.as_ref()?.ends_at?;
    Some(around.clock.to_local(ends_at).0 - around.now.0)
}

/// How long until time alone changes what the button says, ms.
pub fn button_turns_in(state: &AuctionState, around: &Surroundings<'_>) -> Option<i64> {
    if state.phase != AuctionPhase::Bidding {
        return None;
    }
    let left = left_ms(state, around)?;
    // One ms past the moment from which a bid would be too late; then the hammer itself.
    let turns = [left - i64::from(around.bid_takes_ms) + 1, left];
    turns.into_iter().filter(|turn| *turn > 0).min()
}

/// Whether a bid that leaves now gets there before the hammer.
pub fn in_time(state: &AuctionState, around: &Surroundings<'_>) -> Result<(), ClientError> {
    match left_ms(state, around) {
        Some(left) if left > 0 && left < i64::from(around.bid_takes_ms) => Err(ClientError::TooLate {
            left_ms: u32::try_from(left).unwrap_or(0),
            needed_ms: around.bid_takes_ms,
        }),
        _ => Ok(()),
    }
}

fn steps(state: &AuctionState, purse: &Purse, block: Block) -> Vec<Step> {
    let unit = match state.minimum {
        Some(minimum) if minimum > Money::ZERO => minimum,
        _ => Money::from_pounds(1_000_000),
    };
    RAISES
        .iter()
        .map(|times| {
            let raise = unit.saturating_times(*times);
            let amount = block.current.map_or(raise, |price| price.saturating_add(raise));
            let sign = if block.current.is_some() { "+" } else { "" };
            Step {
                label: format!("{sign}{}", compact(raise)),
                amount,
                allowed: purse.check(block, amount).is_ok(),
            }
        })
        .collect()
}

/// `£1m`, `£2.5m`, `£750k`, or in full where that says less than all.
fn compact(amount: Money) -> String {
    let pence = amount.pence();
    for (unit, letter) in [(100_000_000, 'm'), (100_000, 'k')] {
        if pence >= unit && pence % (unit / 10) == 0 {
            let (whole, tenth) = (pence / unit, pence % unit / (unit / 10));
            return if tenth == 0 {
                format!("£{whole}{letter}")
            } else {
                format!("£{whole}.{tenth}{letter}")
            };
        }
    }
    amount.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_say_all() {
        for (pounds, label) in [
            (1_000_000, "£1m"),
            (2_500_000, "£2.5m"),
            (750_000, "£750k"),
            (1_234_567, "£1,234,567"),
            (10, "£10"),
        ] {
            assert_eq!(compact(Money::from_pounds(pounds)), label);
        }
    }
}
