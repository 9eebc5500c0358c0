//! Bids: one sequence for the whole auction, kept in the server's database, to be checked for gaps.

use gavelscope_contract::event::{BidUpdate, Event};

use super::{Effect, behind, patience};
use crate::auction::AuctionState;
use crate::state::Millis;

/// Whether a bid has to wait for others, or for its lot.
pub(super) fn is_ahead(state: &AuctionState, update: &BidUpdate) -> bool {
    let lot = update.lot_id.number();
    update.seq > state.sequence
        && (update.seq - state.sequence > 1 || lot.is_some_and(|number| number > state.latest_lot))
}

/// Counts and says what is missing before a bid.
pub(super) fn missed(state: &mut AuctionState, update: &BidUpdate, effects: &mut Vec<Effect>) {
    let missing = update.seq.saturating_sub(state.sequence).saturating_sub(1);
    state.gaps = state
        .gaps
        .saturating_add(u32::try_from(missing).unwrap_or(u32::MAX));
    let what = match (missing, update.lot_id.number()) {
        (0, Some(number)) => format!("The start of lot {number} was missed"),
        (0 | 1, _) => format!("A bid was missed before no. {}", update.seq),
        _ => format!("{missing} bids were missed before no. {}", update.seq),
    };
    effects.push(Effect::Note(format!("{what}; reading the state anew.")));
}

/// A bid that was accepted. Its number decides: one that is known is dropped, one that does not follow waits. A bid of a lot that is over keeps the count and changes nothing else; one that is lower than the price is
/// shown as what it is ([`crate::auction::Lot::add_bid`]).
pub(super) fn bid(state: &mut AuctionState, update: &BidUpdate, now: Millis, effects: &mut Vec<Effect>) {
    if update.seq <= state.sequence {
        state.repeats = state.repeats.saturating_add(1);
        return;
    }
    if is_ahead(state, update) {
        behind(state, Some(&Event::BidUpdate(update.clone())), now);
        if state.reached.is_none() {
            patience::wait(state, 0, now, effects);
        } else {
            // Its place in the stream is right, so nothing that was overtaken can be missing.
            missed(state, update, effects);
            effects.push(Effect::Snapshot);
        }
        return;
    }
    state.sequence = update.seq;
    state.changed_at = now;
    state.learn(&update.bidder.user_id, update.bidder.display_name.as_deref());
    if let Some(lot) = state
        .lot
        .as_mut()
        .filter(|lot| update.lot_id.number().is_none_or(|number| number == lot.number))
    {
        let at = Some(update.server_time.millis());
        lot.add_bid(update.amount, update.bidder.user_id.clone(), Some(update.seq), at);
    }
}
