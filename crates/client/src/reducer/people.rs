//! The managers: what they have left and what they bought.

use gavelscope_contract::auction::Participant;
use gavelscope_contract::league::ParticipantList;

use super::{Effect, lots};
use crate::auction::AuctionState;
use crate::state::AuctionPhase;

/// The managers as a message brought them; an empty list is the absence of news.
///
/// Nothing that was bought is given back, so a list in which fewer clubs are bought than is known is older and is not
/// taken. One with as many bought and fewer managers may be either, and the managers are read anew.
pub(super) fn told(state: &mut AuctionState, list: &[Participant], effects: &mut Vec<Effect>) {
    learn(state, list);
    let (known, read) = (bought(&state.participants), bought(list));
    if list.is_empty() || read < known {
        return;
    }
    if read == known && list.len() < state.participants.len() {
        effects.push(Effect::Participants);
        return;
    }
    take(state, list);
}

/// The managers, as read over REST; `told` is how often they had been told when that was asked for.
pub fn participants(state: &mut AuctionState, list: &ParticipantList, told: u32) -> Vec<Effect> {
    if state.managers_told != told {
        // A hammer fell meanwhile: the answer may be from before it.
        return vec![Effect::Participants];
    }
    learn(state, &list.participants);
    if !list.participants.is_empty() {
        take(state, &list.participants);
    }
    Vec::new()
}

/// Somebody joined the league.
pub(super) fn joined(state: &mut AuctionState, participant: &Participant) {
    state.learn(&participant.user_id, participant.user_name.as_deref());
    if !state
        .participants
        .iter()
        .any(|known| known.user_id == participant.user_id)
    {
        state.participants.push(participant.clone());
        state.managers_told = state.managers_told.wrapping_add(1);
    }
}

fn learn(state: &mut AuctionState, list: &[Participant]) {
    for participant in list {
        state.learn(&participant.user_id, participant.user_name.as_deref());
    }
}

fn bought(list: &[Participant]) -> usize {
    list.iter().map(|participant| participant.clubs_won.len()).sum()
}

fn take(state: &mut AuctionState, list: &[Participant]) {
    state.managers_told = state.managers_told.wrapping_add(1);
    state.participants = list.to_vec();
    // Whose roster the club on the block is on has bought it, heard the hammer or not.
    if let Some(lot) = state.lot.as_mut().filter(|lot| !lot.hammered)
        && list
            .iter()
            .any(|participant| participant.clubs_won.contains(&lot.club_id))
    {
        lot.hammered = true;
        lot.stopped_ms = None;
        if state.phase == AuctionPhase::Bidding {
            state.phase = AuctionPhase::Between;
            state.countdown = None;
        }
    }
    lots::mark(state);
}
