//! The clock of a lot. Its messages have no number to rely on: `timer.seq` lives in one pod's memory and starts anew
//! with every pod (contract, section 4, 2), so it is never looked at.
//!
//! What stands in for a number is the clock's own arithmetic. Within a lot its end only ever moves on: a late bid and a
//! resume move it forward, a pause leaves it where it is, nothing moves it back. And every message tells when it was
//! true: a tick says so, a pause that leaves `r` seconds of a clock ending at `e` was made at `e − r`, and a resume that
//! gives those `r` seconds anew, up to `e′`, was made at `e′ − r`.

use gavelscope_contract::Timestamp;
use gavelscope_contract::event::{AuctionPaused, AuctionResumed, Timer};

use super::order::CLOCK_GRAIN;
use super::{Effect, behind};
use crate::auction::{AuctionState, Sync};
use crate::state::{AuctionPhase, Millis};

/// A tick. One of an older lot, and one with an earlier end than is known, comes late and says nothing. One of a later
/// lot says that a start was missed. One with a later end while the auction is paused says that a resume was.
pub(super) fn tick(state: &mut AuctionState, timer: &Timer, now: Millis, effects: &mut Vec<Effect>) {
    let Some(number) = timer.lot_id.number() else {
        return;
    };
    if number > state.latest_lot && state.sync == Sync::Fresh {
        behind(state, None, now);
        effects.push(Effect::Note(format!(
            "The start of lot {number} was missed; reading the state anew."
        )));
        effects.push(Effect::Snapshot);
        return;
    }
    let Some(lot) = state
        .lot
        .as_mut()
        .filter(|lot| lot.number == number && !lot.hammered)
    else {
        return;
    };
    if lot
        .ends_at
        .is_some_and(|known| timer.ends_at < known.saturating_sub(CLOCK_GRAIN))
    {
        return;
    }
    let known = lot.ends_at;
    let moved = known.is_none_or(|known| timer.ends_at > known.saturating_add(CLOCK_GRAIN));
    lot.ends_at = lot.ends_at.max(Some(timer.ends_at));
    lot.ran_at = lot.ran_at.max(Some(timer.server_now));
    state.confirmed_at = Some(now);
    if moved {
        state.changed_at = now;
        // Where the stream is numbered, it tells of the resume itself, and in its turn.
        if state.phase == AuctionPhase::Paused && known.is_some() && timer.stream.is_none() {
            state.phase = AuctionPhase::Bidding;
            state.paused_at = None;
            lot.stopped_ms = None;
        }
    }
}

/// A late bid moved the hammer.
pub(super) fn anti_snipe(state: &mut AuctionState, timer: &Timer, now: Millis, effects: &mut Vec<Effect>) {
    let known = state.lot.as_ref().and_then(|lot| lot.ends_at);
    tick(state, timer, now, effects);
    if let Some(lot) = state
        .lot
        .as_mut()
        .filter(|lot| timer.lot_id.number() == Some(lot.number) && lot.ends_at > known)
    {
        lot.extended_at = Some(now);
    }
}

/// The commissioner stopped the clock.
///
/// In the stream's order it is right as it is. Without a number it is believed where it was made after the clock was
/// last known to run, and then a snapshot is asked for all the same: a pause that was overtaken by a resume and by a
/// late bid can look new. One that cannot be new, or that a hammer came before, changes nothing until that snapshot.
pub(super) fn paused(
    state: &mut AuctionState,
    paused: &AuctionPaused,
    ordered: bool,
    now: Millis,
    effects: &mut Vec<Effect>,
) {
    if matches!(state.phase, AuctionPhase::Completed | AuctionPhase::Deleted) {
        return;
    }
    let left = paused.remaining_time.and_then(millis);
    let Some(lot) = state.lot.as_mut() else {
        if ordered {
            state.phase = AuctionPhase::Paused;
            state.changed_at = now;
        } else {
            doubtful(state, now, effects);
        }
        return;
    };
    if state.phase == AuctionPhase::Paused && lot.stopped_ms == left {
        state.repeats = state.repeats.saturating_add(1);
        return;
    }
    let made_at = lot
        .ends_at
        .zip(left)
        .map(|(end, left)| end.saturating_sub(i64::from(left)));
    let newer = match (made_at, lot.ran_at) {
        (Some(made_at), Some(ran_at)) => made_at > ran_at,
        (made_at, _) => made_at.is_some(),
    };
    if ordered || (newer && !lot.hammered) {
        state.phase = AuctionPhase::Paused;
        state.changed_at = now;
        if !lot.hammered {
            lot.stopped_ms = left;
        }
        if !ordered {
            state.paused_at = Some(now);
            effects.push(Effect::Snapshot);
        }
    } else {
        doubtful(state, now, effects);
    }
}

/// The commissioner set the clock going again.
///
/// In the stream's order it is right as it is. Without a number it is new where it moves the end of the clock forward
/// and was made after the clock was last known to run; where it moves nothing it is known already; otherwise a snapshot
/// decides.
pub(super) fn resumed(
    state: &mut AuctionState,
    resumed: &AuctionResumed,
    ordered: bool,
    now: Millis,
    effects: &mut Vec<Effect>,
) {
    if matches!(state.phase, AuctionPhase::Completed | AuctionPhase::Deleted) {
        return;
    }
    let end = resumed.new_end_time.as_ref().map(Timestamp::millis);
    let left = resumed.remaining_time.and_then(millis);
    let Some(lot) = state.lot.as_mut().filter(|lot| !lot.hammered) else {
        if ordered {
            state.phase = AuctionPhase::Between;
            state.changed_at = now;
        } else {
            doubtful(state, now, effects);
        }
        return;
    };
    let made_at = end
        .zip(left)
        .map(|(end, left)| end.saturating_sub(i64::from(left)));
    let moves = end > lot.ends_at.map(|known| known.saturating_add(CLOCK_GRAIN));
    let newer = made_at.is_some() && made_at > lot.ran_at;
    if ordered || (moves && newer) {
        state.phase = AuctionPhase::Bidding;
        state.changed_at = now;
        state.paused_at = None;
        lot.stopped_ms = None;
        lot.ends_at = lot.ends_at.max(end);
        lot.ran_at = lot.ran_at.max(made_at);
    } else if moves || end.is_none() {
        doubtful(state, now, effects);
    } else {
        state.repeats = state.repeats.saturating_add(1);
    }
}

/// A message that may be old: it changes nothing, and a snapshot says what is right.
fn doubtful(state: &mut AuctionState, now: Millis, effects: &mut Vec<Effect>) {
    behind(state, None, now);
    effects.push(Effect::Note(
        "A message about the clock contradicts what was known; reading the state anew.".to_owned(),
    ));
    effects.push(Effect::Snapshot);
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be within an hour or so"
)]
pub(super) fn millis(seconds: f64) -> Option<u32> {
    (seconds.is_finite() && (0.0..=1.0e6).contains(&seconds)).then_some((seconds * 1_000.0) as u32)
}
