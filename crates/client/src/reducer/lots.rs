//! Lots coming under the hammer and leaving it. Lots are numbered in the order of sale, and no number comes twice.

use gavelscope_contract::auction::{Bid, ClubList, ClubStatus};
use gavelscope_contract::event::{AuctionComplete, LotStarted, Sold};
use gavelscope_contract::{ClubId, Money, Timestamp, UserId};

use super::{Effect, MOST_KEPT, behind, people};
use crate::auction::{AuctionState, Hammer, Lot};
use crate::state::{AuctionPhase, Millis};

/// A club came under the hammer. A number that is known comes late or again, and changes nothing; one that leaves others
/// out, or comes while the lot before is still open here, says that a hammer was missed.
pub(super) fn started(
    state: &mut AuctionState,
    started: &LotStarted,
    now: Millis,
    effects: &mut Vec<Effect>,
) {
    let number = started.lot_number;
    if number <= state.latest_lot || state.phase == AuctionPhase::Completed {
        state.repeats = state.repeats.saturating_add(1);
        if state.phase == AuctionPhase::Completed {
            // Late, or the auction was reset and began anew: the snapshot knows.
            effects.push(Effect::Snapshot);
        } else if let Some(lot) = state
            .lot
            .as_mut()
            .filter(|lot| lot.number == number && lot.club_id == started.club.id)
        {
            lot.is_retry |= started.is_unsold_retry.unwrap_or(false);
            lot.club.get_or_insert_with(|| started.club.clone());
        }
        return;
    }
    let open = state.lot.as_ref().is_some_and(|lot| !lot.hammered);
    let left_out = number - state.latest_lot > 1;
    if open || left_out {
        effects.push(Effect::Note(
            "The end of a lot was missed; reading the state anew.".to_owned(),
        ));
        behind(state, None, now);
        effects.extend([Effect::Snapshot, Effect::Clubs, Effect::Participants]);
    }
    if state.phase == AuctionPhase::Waiting {
        // From now on nobody joins: who did unheard is known after this.
        effects.push(Effect::Participants);
    }
    let mut lot = Lot::new(number, started.club.id.clone(), Some(started.club.clone()));
    lot.ends_at = Some(started.timer.ends_at);
    lot.ran_at = Some(started.timer.server_now);
    lot.is_retry = started.is_unsold_retry.unwrap_or(false);
    state.lot = Some(lot);
    state.latest_lot = number;
    state.phase = AuctionPhase::Bidding;
    state.countdown = None;
    state.clubs_told = state.clubs_told.wrapping_add(1);
    state.changed_at = now;
    for club in &mut state.clubs {
        if club.id == started.club.id {
            club.status = ClubStatus::Current;
            club.lot_number = Some(number);
        }
    }
}

/// The seconds between two lots. They only ever go down. While a lot is open here they come late, or the hammer was
/// missed: the snapshot and the managers' rosters know.
pub(super) fn countdown(state: &mut AuctionState, seconds: u32, ordered: bool, effects: &mut Vec<Effect>) {
    match state.phase {
        AuctionPhase::Completed | AuctionPhase::Deleted => return,
        AuctionPhase::Waiting | AuctionPhase::Paused if !ordered => {
            effects.push(Effect::Snapshot);
            return;
        }
        _ => {}
    }
    if !ordered && state.lot.as_ref().is_some_and(|lot| !lot.hammered) {
        effects.push(Effect::Note(
            "The end of the lot may have been missed; reading the state anew.".to_owned(),
        ));
        behind(state, None, state.changed_at);
        effects.extend([Effect::Snapshot, Effect::Clubs, Effect::Participants]);
        return;
    }
    state.phase = AuctionPhase::Between;
    if ordered || state.countdown.is_none_or(|known| seconds < known) {
        state.countdown = Some(seconds);
    }
}

/// The hammer fell. It belongs to the lot that its clock names; without one, to the lot of its club. What it says of an
/// earlier lot than the last one is kept for the list of clubs and changes neither the money nor the last sale; what it
/// says once more changes nothing.
pub(super) fn hammer(state: &mut AuctionState, sold: &Sold, now: Millis, effects: &mut Vec<Effect>) {
    let winner = sold.winning_bid.as_ref().filter(|_| !sold.unsold);
    let named = sold.timer.as_ref().and_then(|timer| timer.lot_id.number());
    let on_block = state.lot.as_ref().filter(|lot| lot.club_id == sold.club_id);
    let number = named.or_else(|| {
        on_block
            .filter(|lot| match winner {
                Some(bid) => has(lot, bid),
                None => !lot.is_retry,
            })
            .map(|lot| lot.number)
    });
    if number.is_none() && on_block.is_some() {
        // It can be of an earlier offer of this club, or of a later one that was missed.
        effects.extend([Effect::Snapshot, Effect::Clubs, Effect::Participants]);
        if winner.is_none() {
            return;
        }
    }
    if number.is_some_and(|number| number > state.latest_lot) {
        effects.push(Effect::Note(
            "The start of a lot was missed; reading the state anew.".to_owned(),
        ));
        behind(state, None, now);
        effects.extend([Effect::Snapshot, Effect::Clubs, Effect::Participants]);
        let number = number.unwrap_or_default();
        state.lot = Some(Lot::new(number, sold.club_id.clone(), None));
        state.latest_lot = number;
        if !matches!(state.phase, AuctionPhase::Completed | AuctionPhase::Deleted) {
            state.phase = AuctionPhase::Bidding;
        }
    }
    people::told(state, &sold.participants, effects);
    record(
        state,
        &sold.club_id,
        sold.club_name.as_deref(),
        number,
        winner,
        now,
    );
    if state.phase == AuctionPhase::Paused && state.lot.as_ref().is_some_and(|lot| lot.hammered) {
        effects.push(Effect::Snapshot);
    }
}

/// The auction is over. Nothing but a reset follows.
pub(super) fn complete(
    state: &mut AuctionState,
    complete: &AuctionComplete,
    now: Millis,
    effects: &mut Vec<Effect>,
) {
    if matches!(state.phase, AuctionPhase::Completed | AuctionPhase::Deleted) {
        state.ending = state
            .ending
            .take()
            .or_else(|| complete.reason.clone())
            .or_else(|| complete.message.clone());
        people::told(state, &complete.participants, effects);
        return;
    }
    if let Some((club, bid)) = complete
        .final_club_id
        .as_ref()
        .zip(complete.final_winning_bid.as_ref())
    {
        // The club may have been on the block before: only a bid that was heard says on which lot it won.
        let number = state
            .lot
            .as_ref()
            .filter(|lot| lot.club_id == *club && has(lot, bid))
            .map(|lot| lot.number);
        record(state, club, None, number, Some(bid), now);
    }
    if state.lot.as_ref().is_some_and(|lot| !lot.hammered) {
        effects.extend([Effect::Snapshot, Effect::Participants]);
    } else if complete.participants.is_empty() {
        effects.push(Effect::Participants);
    }
    state.phase = AuctionPhase::Completed;
    state.countdown = None;
    state.ending = complete.reason.clone().or_else(|| complete.message.clone());
    state.clubs_told = state.clubs_told.wrapping_add(1);
    state.changed_at = now;
    if let Some(lot) = &mut state.lot {
        lot.hammered = true;
    }
    people::told(state, &complete.participants, effects);
    effects.push(Effect::Clubs);
}

fn has(lot: &Lot, bid: &Bid) -> bool {
    lot.bids
        .iter()
        .any(|known| known.amount == bid.amount && known.user == bid.user_id)
}

fn record(
    state: &mut AuctionState,
    club: &ClubId,
    name: Option<&str>,
    number: Option<u32>,
    bid: Option<&Bid>,
    now: Millis,
) {
    let known = state.hammers.get(club);
    if known.is_some_and(|known| known.lot >= number) {
        state.repeats = state.repeats.saturating_add(1);
        return;
    }
    if let Some(bid) = bid {
        state.learn(&bid.user_id, bid.user_name.as_deref());
    }
    let hammer = Hammer {
        club_id: club.clone(),
        club_name: name.map(str::to_owned),
        winner: bid.map(|bid| (bid.user_id.clone(), bid.amount)),
        lot: number,
        at: now,
    };
    if let Some(lot) = state
        .lot
        .as_mut()
        .filter(|lot| lot.club_id == *club && Some(lot.number) == number)
    {
        lot.settle(hammer.winner.clone());
        // The bid that won may never have come by: what is known of it comes from the hammer.
        if let Some((bid, last)) = bid.zip(lot.bids.last_mut())
            && last.user == bid.user_id
            && last.amount == bid.amount
        {
            last.at = last.at.or_else(|| bid.timestamp.as_ref().map(Timestamp::millis));
        }
        if state.phase == AuctionPhase::Bidding {
            state.phase = AuctionPhase::Between;
            state.countdown = None;
        }
    }
    state.clubs_told = state.clubs_told.wrapping_add(1);
    state.changed_at = now;
    if state.hammers.len() < MOST_KEPT || state.hammers.contains_key(club) {
        state.hammers.insert(club.clone(), hammer.clone());
    }
    if state.last_sale.as_ref().is_none_or(|last| last.lot <= hammer.lot) {
        state.last_sale = Some(hammer);
    }
    mark(state);
}

/// The clubs, as read over REST; `told` is how often something about them had been told when that was asked for.
pub fn clubs(state: &mut AuctionState, list: &ClubList, told: u32) -> Vec<Effect> {
    let outdated = state.clubs_told != told;
    if outdated && !state.clubs.is_empty() {
        // A lot began or ended meanwhile: the answer may be from before it.
        return vec![Effect::Clubs];
    }
    state.clubs.clone_from(&list.clubs);
    state
        .clubs
        .sort_by_key(|club| club.lot_number.unwrap_or(u32::MAX));
    state.clubs_told = state.clubs_told.wrapping_add(1);
    mark(state);
    if outdated { vec![Effect::Clubs] } else { Vec::new() }
}

/// Writes into the list of clubs what is known better: the list is read apart from the state, and the field's is made
/// from bids. What the hammer said comes first, then what is on the block, then whose roster a club is on.
pub(super) fn mark(state: &mut AuctionState) {
    let open = state.lot.as_ref().filter(|lot| !lot.hammered);
    for club in &mut state.clubs {
        let on_block = open.is_some_and(|lot| lot.club_id == club.id);
        let hammer = state.hammers.get(&club.id);
        let sale: Option<(&UserId, Option<Money>)> = match hammer.map(|hammer| &hammer.winner) {
            Some(Some((user, amount))) => Some((user, Some(*amount))),
            _ => state
                .participants
                .iter()
                .find(|participant| participant.clubs_won.contains(&club.id))
                .map(|participant| (&participant.user_id, None)),
        };
        if let Some((user, amount)) = sale {
            let name = state.names.get(user);
            let agrees = club.winner_id.as_ref().map_or_else(
                || club.winner.is_some() && club.winner.as_ref() == name,
                |id| id == user,
            );
            club.status = ClubStatus::Sold;
            club.winner = name.cloned();
            club.winner_id = Some(user.clone());
            // A price that the list names for somebody else is not what this one paid.
            club.winning_bid = amount.or(club.winning_bid.filter(|_| agrees));
        } else if on_block {
            club.status = ClubStatus::Current;
        } else if hammer.is_some() {
            club.status = ClubStatus::Unsold;
            club.winner = None;
            club.winner_id = None;
            club.winning_bid = None;
        }
    }
}
