//! Where an event and a snapshot stand against what is known.

use gavelscope_contract::Position;
use gavelscope_contract::auction::AuctionStatus;
use gavelscope_contract::event::Event;

use super::Effect;
use crate::auction::{AuctionState, Kept, Reached, Snapshot};
use crate::state::AuctionPhase;

/// Two ends of a clock that are so close are one: seconds and fractions are rounded on the way, ms.
pub(super) const CLOCK_GRAIN: i64 = 2;

/// Whether it is an event's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has no place in the stream: its own numbers decide.
    Unnumbered,
    /// It follows what is known.
    Next,
    /// It is known already.
    Known,
    /// It is not kept in the stream, and older than what is known.
    Stale,
    /// Others are missing before it.
    Hole {
        /// Up to where something was said.
        up_to: u64,
    },
    /// It belongs to another stream.
    OtherEpoch,
}

/// Whether it is an event's turn, by its place in the stream of our own backend.
///
/// A server whose snapshots have no position is read like the field's, whatever its events say: nothing could ever
/// connect the two.
pub(super) fn turn(state: &AuctionState, event: &Event) -> Turn {
    let (Some(position), Some(reached)) = (event.position(), &state.reached) else {
        return Turn::Unnumbered;
    };
    if position.epoch != reached.epoch {
        return Turn::OtherEpoch;
    }
    let ahead = position.seq.checked_sub(reached.seq);
    match (position.passing, ahead) {
        (true, None) => Turn::Stale,
        (true, Some(0)) | (false, Some(1)) => Turn::Next,
        // What is said to one socket alone can overtake what is still being said to the room; a tick cannot.
        (true, Some(_)) if !matches!(event, Event::Tick(_)) => Turn::Unnumbered,
        (false, None | Some(0)) => Turn::Known,
        (true | false, Some(_)) => Turn::Hole { up_to: position.seq },
    }
}

/// Moves on to the event's place.
pub(super) fn advance(state: &mut AuctionState, event: &Event) {
    if let (Some(position), Some(reached)) = (event.position(), &mut state.reached)
        && !position.passing
    {
        reached.seq = position.seq;
    }
}

/// Asks for what was said since.
pub(super) fn fill(state: &mut AuctionState, effects: &mut Vec<Effect>) {
    match &state.reached {
        Some(reached) => {
            effects.push(Effect::Fill {
                epoch: reached.epoch.clone(),
                after: reached.seq,
            });
            state.filling = true;
        }
        None => effects.push(Effect::Snapshot),
    }
}

/// Puts what waited in the order of its numbers. Only what is numbered changes places, and only among its like.
pub(super) fn sort(kept: &mut [Kept]) {
    let place = |kept: &Kept| match (kept.event.position(), &kept.event) {
        (Some(position), _) if !position.passing => Some((true, position.seq)),
        (None, Event::BidUpdate(update)) => Some((false, update.seq)),
        _ => None,
    };
    for positioned in [true, false] {
        let slots: Vec<usize> = (0..kept.len())
            .filter(|&index| place(&kept[index]).is_some_and(|(kind, _)| kind == positioned))
            .collect();
        if slots.is_sorted_by_key(|&slot| place(&kept[slot])) {
            continue;
        }
        let mut sorted: Vec<Kept> = slots.iter().map(|&slot| kept[slot].clone()).collect();
        sorted.sort_by_key(place);
        for (slot, next) in slots.into_iter().zip(sorted) {
            kept[slot] = next;
        }
    }
}

/// Whether an event without a number is part of any snapshot that was asked for after it was heard. (The others are
/// told by their number, or say what no snapshot says.)
pub(super) fn is_covered_by_time(event: &Event) -> bool {
    event.position().is_none()
        && matches!(
            event,
            Event::AuctionPaused(_)
                | Event::AuctionResumed(_)
                | Event::NextTeamCountdown(_)
                | Event::WaitingRoomUpdated(_)
        )
}

/// Where a snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It says what is known, or more.
    AtLeast,
    /// It was taken before something that is known.
    Older,
    /// It says less than is known although it was asked for later: the server went back.
    Contradicts,
    /// It counts in another stream than what is known, and nothing says which of the two is the later.
    Unclear,
}

/// Where a snapshot stands against what is known, by its position and not by its arrival.
///
/// The stream's number decides where both have one of the same epoch. The field's snapshots have none, but what they
/// show only ever moves on: the lot's number, the bid sequence, and within a lot the end of its clock, which a late bid
/// and a resume move forward and nothing moves back. A pause keeps the end and a resume moves it, so of two snapshots
/// with the same end the paused one is the later. The end and the pause are learned from messages without a number, too;
/// so against them, and only them, a snapshot that was asked for after they were learned is right. So it is between two
/// epochs: no number tells which came first.
pub(super) fn standing(state: &AuctionState, snapshot: &Snapshot<'_>) -> Standing {
    let asked_later = snapshot.sent.is_some_and(|sent| sent > state.changed_at);
    if let Some(position) = snapshot.position
        && state.phase != AuctionPhase::Loading
        && state
            .reached
            .as_ref()
            .is_none_or(|reached| reached.epoch != position.epoch)
        && !asked_later
    {
        return Standing::Unclear;
    }
    let behind = match (&state.reached, snapshot.position) {
        (Some(reached), Some(Position { epoch, seq, .. })) if *epoch == reached.epoch => *seq < reached.seq,
        _ => {
            counts_less(state, snapshot)
                || (!asked_later && clock_is_earlier(state, snapshot))
                || was_before_the_pause(state, snapshot)
        }
    };
    match (behind, asked_later) {
        (false, _) => Standing::AtLeast,
        (true, false) => Standing::Older,
        (true, true) => Standing::Contradicts,
    }
}

fn counts_less(state: &AuctionState, snapshot: &Snapshot<'_>) -> bool {
    let over = match state.phase {
        AuctionPhase::Deleted => true,
        AuctionPhase::Completed => *snapshot.status != AuctionStatus::Completed,
        _ => false,
    };
    over || snapshot.lot < state.latest_lot || snapshot.sequence < state.sequence
}

fn clock_is_earlier(state: &AuctionState, snapshot: &Snapshot<'_>) -> bool {
    let Some(lot) = state.lot.as_ref().filter(|lot| lot.number == snapshot.lot) else {
        return false;
    };
    let (Some(known), Some(read)) = (lot.ends_at, snapshot.ends_at) else {
        return false;
    };
    read < known.saturating_sub(CLOCK_GRAIN)
}

/// Whether two ends of a clock are the same.
pub(super) fn same_end(one: Option<i64>, other: Option<i64>) -> bool {
    one.zip(other)
        .is_some_and(|(one, other)| one.abs_diff(other) <= CLOCK_GRAIN.unsigned_abs())
}

fn was_before_the_pause(state: &AuctionState, snapshot: &Snapshot<'_>) -> bool {
    let Some(lot) = state.lot.as_ref().filter(|lot| lot.number == snapshot.lot) else {
        return false;
    };
    let same_end = lot
        .ends_at
        .zip(snapshot.ends_at)
        .is_some_and(|(known, read)| read <= known.saturating_add(CLOCK_GRAIN));
    let learned = state.paused_at.unwrap_or(state.changed_at);
    let asked_later = snapshot.sent.is_some_and(|sent| sent > learned);
    same_end
        && !asked_later
        && state.phase == AuctionPhase::Paused
        && *snapshot.status == AuctionStatus::Active
}

/// The place that a snapshot covers.
pub(super) fn reached(snapshot: &Snapshot<'_>) -> Option<Reached> {
    snapshot.position.map(|position| Reached {
        epoch: position.epoch.clone(),
        seq: position.seq,
    })
}
