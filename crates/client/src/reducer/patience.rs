//! A hole that may close by itself.
//!
//! Two pods say what they say over two ways: pod A ticks at a place in the stream while what pod B said there is still on
//! its way through Redis. So what is missing is waited for a moment, and only then asked for; what comes in that time
//! costs no request and counts as no loss. How long the moment is, the session decides; it says when it is over
//! ([`crate::input::Input::Waited`]), so that a recording has it.

use gavelscope_contract::event::Event;

use super::order::{self, Turn};
use super::{BEGAN_ANEW, Effect, behind, bids, go_on};
use crate::auction::{AuctionState, Patience, Sync};
use crate::state::Millis;

/// Begins to wait, or goes on.
pub(super) fn wait(state: &mut AuctionState, up_to: u64, now: Millis, effects: &mut Vec<Effect>) {
    if let Some(patience) = &mut state.patience {
        patience.up_to = patience.up_to.max(up_to);
    } else {
        state.patience = Some(Patience { since: now, up_to });
        effects.push(Effect::Wait { since: now });
    }
}

/// Something says how far the stream is meanwhile.
pub(super) fn heard_of(state: &mut AuctionState, event: &Event) {
    if state.patience.is_some()
        && let Turn::Hole { up_to } = order::turn(state, event)
        && let Some(patience) = &mut state.patience
    {
        patience.up_to = patience.up_to.max(up_to);
    }
}

/// Goes on with what waited, where `event`, the last of it, can be what was missing.
pub(super) fn mend(state: &mut AuctionState, event: &Event, now: Millis, effects: &mut Vec<Effect>) {
    let may_close = match (order::turn(state, event), event) {
        (Turn::Next, _) | (Turn::Unnumbered, Event::LotStarted(_)) => true,
        (Turn::Unnumbered, Event::BidUpdate(update)) => !bids::is_ahead(state, update),
        _ => false,
    };
    if !may_close {
        return;
    }
    let Some(before) = state.patience else { return };
    let Sync::Behind(kept) = &mut state.sync else {
        return;
    };
    let kept = std::mem::take(kept);
    let place = place_of(state);
    let mut said = Vec::new();
    go_on(state, kept, None, now, &mut said);
    let stands_still = place_of(state) == place;
    match &mut state.patience {
        // The same hole as before.
        Some(patience) if stands_still => {
            *patience = Patience {
                up_to: patience.up_to.max(before.up_to),
                ..before
            };
            said.retain(|effect| !matches!(effect, Effect::Wait { .. }));
        }
        Some(patience) => patience.up_to = patience.up_to.max(before.up_to),
        None => {
            let is_short = state
                .reached
                .as_ref()
                .is_some_and(|reached| reached.seq < before.up_to);
            if is_short && state.sync == Sync::Fresh {
                behind(state, None, now);
                wait(state, before.up_to, now, &mut said);
            }
        }
    }
    effects.extend(said);
}

fn place_of(state: &AuctionState) -> (Option<u64>, u64, u32) {
    let reached = state.reached.as_ref().map(|reached| reached.seq);
    (reached, state.sequence, state.latest_lot)
}

/// It was waited long enough for the hole that is known by `since`: what is missing is missing, and is asked for.
pub fn waited(state: &mut AuctionState, since: Millis) -> Vec<Effect> {
    let mut effects = Vec::new();
    let Some(patience) = state.patience.take_if(|patience| patience.since == since) else {
        return effects;
    };
    let Sync::Behind(kept) = &state.sync else {
        return effects;
    };
    if kept
        .iter()
        .any(|kept| order::turn(state, &kept.event) == Turn::OtherEpoch)
    {
        effects.push(Effect::Note(BEGAN_ANEW.to_owned()));
        effects.push(Effect::Snapshot);
        return effects;
    }
    if let Some(reached) = &state.reached {
        let next = kept
            .iter()
            .filter_map(|kept| kept.event.position())
            .filter(|position| !position.passing && position.seq > reached.seq)
            .map(|position| position.seq - 1)
            .min();
        let missing = next.unwrap_or(patience.up_to).saturating_sub(reached.seq);
        state.gaps = state
            .gaps
            .saturating_add(u32::try_from(missing).unwrap_or(u32::MAX));
        let were = if missing == 1 {
            "message was"
        } else {
            "messages were"
        };
        effects.push(Effect::Note(format!(
            "{missing} {were} missed; asking the server for what was said since."
        )));
        order::fill(state, &mut effects);
        return effects;
    }
    let first = kept
        .iter()
        .filter_map(|kept| match &kept.event {
            Event::BidUpdate(update) if bids::is_ahead(state, update) => Some(update),
            _ => None,
        })
        .min_by_key(|update| update.seq)
        .cloned();
    if let Some(update) = first {
        bids::missed(state, &update, &mut effects);
    }
    effects.push(Effect::Snapshot);
    effects
}
