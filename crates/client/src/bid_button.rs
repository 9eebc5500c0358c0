//! What the bid button says, and why it cannot be pressed: one list, in the order in which the reasons count.
//!
//! Several reasons can hold at once; the first of the list is the one that is told. The order goes from what ends
//! everything (the auction is over) by what the user cannot change now to what they can, and last comes the one that
//! they may overrule.

use gavelscope_contract::Money;
use gavelscope_contract::rules::{Block, Purse};

use crate::state::{AuctionPhase, BlockReason, Blocked, Trust};

/// So long after the hammer should have fallen a bid is held back, ms. Longer than that, and the clock has died with
/// its pod while bids are still taken (contract, section 4, 9).
const HAMMER_GRACE_MS: i64 = 3_000;

/// Everything that the button depends on.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// How far the auction has come.
    pub phase: AuctionPhase,
    /// Whether what is shown can be relied on.
    pub trust: Trust,
    /// My purse; none where I am no manager of this league.
    pub purse: Option<Purse>,
    /// What stands on the block.
    pub block: Block,
    /// The least that would be taken.
    pub least: Money,
    /// A bid of mine on this lot has no fate yet.
    pub in_flight: bool,
    /// Something is or was on the block.
    pub has_lot: bool,
    /// The hammer fell on this lot.
    pub hammered: bool,
    /// What is left until the hammer, ms; below 0 it should have fallen; none while the clock is not known.
    pub left_ms: Option<i64>,
    /// What a bid needs to get there, with the clock's error, ms.
    pub needed_ms: u32,
}

/// A state of the button.
pub struct ButtonState {
    /// The reason, for programs.
    pub reason: BlockReason,
    /// Whether it holds.
    pub holds: fn(&Circumstances) -> bool,
    /// What the button says.
    pub button: &'static str,
    /// The sentence that goes with it.
    pub sentence: &'static str,
    /// Whether the user may bid all the same by insisting.
    pub may_insist: bool,
}

/// A state that cannot be overruled.
const fn state(
    reason: BlockReason,
    holds: fn(&Circumstances) -> bool,
    button: &'static str,
    sentence: &'static str,
) -> ButtonState {
    ButtonState {
        reason,
        holds,
        button,
        sentence,
        may_insist: false,
    }
}

/// The states, first match wins; where none holds, a bid can be placed.
pub static ORDER: [ButtonState; 13] = [
    state(
        BlockReason::Over,
        |c| matches!(c.phase, AuctionPhase::Completed | AuctionPhase::Deleted),
        "Over",
        "The auction is over.",
    ),
    state(
        BlockReason::NotLive,
        |c| c.phase == AuctionPhase::Loading,
        "Loading",
        "The auction is being read; bidding opens once it is known.",
    ),
    state(
        BlockReason::NotLive,
        |c| c.trust == Trust::Stale,
        "No connection",
        "The state is not up to date; bidding opens again once it is.",
    ),
    state(
        BlockReason::Paused,
        |c| c.phase == AuctionPhase::Paused,
        "Paused",
        "The commissioner has paused the auction.",
    ),
    state(
        BlockReason::NoLot,
        |c| c.phase == AuctionPhase::Waiting || !c.has_lot,
        "No lot",
        "Nothing is on the block.",
    ),
    state(
        BlockReason::NotAParticipant,
        |c| c.purse.is_none(),
        "Watching",
        "You are not a manager in this league.",
    ),
    state(
        BlockReason::InFlight,
        |c| c.in_flight,
        "On its way",
        "Your bid is on its way.",
    ),
    state(
        BlockReason::TimeUp,
        |c| c.phase == AuctionPhase::Between || c.hammered,
        "Hammer",
        "The hammer has fallen.",
    ),
    state(
        BlockReason::TimeUp,
        |c| {
            c.left_ms
                .is_some_and(|left| (-HAMMER_GRACE_MS + 1..=0).contains(&left))
        },
        "Time is up",
        "The time is up; the hammer is about to fall.",
    ),
    state(
        BlockReason::RosterFull,
        |c| c.purse.is_some_and(|purse| purse.won >= purse.slots),
        "Roster full",
        "Your roster is full.",
    ),
    state(
        BlockReason::Leading,
        |c| c.block.leading,
        "You lead",
        "You lead. Nothing to do until somebody bids more.",
    ),
    state(
        BlockReason::Budget,
        |c| {
            c.purse
                .is_some_and(|purse| purse.maximum_bid().is_none_or(|maximum| c.least > maximum))
        },
        "Out of budget",
        "Your budget does not reach the next bid.",
    ),
    ButtonState {
        reason: BlockReason::TooLate,
        holds: |c| {
            c.left_ms
                .is_some_and(|left| left > 0 && left < i64::from(c.needed_ms))
        },
        button: "Bid anyway",
        sentence: "There is less time left than a bid needs to get there.",
        may_insist: true,
    },
];

/// The state of the button; none where a bid can be placed.
pub fn state_of(circumstances: &Circumstances) -> Option<&'static ButtonState> {
    ORDER.iter().find(|state| (state.holds)(circumstances))
}

/// The same, to be shown.
pub fn blocked(circumstances: &Circumstances) -> Option<Blocked> {
    state_of(circumstances).map(|state| Blocked {
        reason: state.reason,
        sentence: state.sentence.to_owned(),
        button: state.button.to_owned(),
        may_insist: state.may_insist,
    })
}

/// The sentence for a reason, where it is not the button that tells it.
pub fn sentence(reason: BlockReason) -> &'static str {
    ORDER
        .iter()
        .find(|state| state.reason == reason)
        .map_or("Nothing can be bid now.", |state| state.sentence)
}

#[cfg(test)]
mod tests;
