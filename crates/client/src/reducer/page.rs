//! Pages of the stream that our own backend keeps: what fills a hole without a snapshot.

use gavelscope_contract::Received;
use gavelscope_contract::auction::EventPage;

use super::{Effect, apply, go_on, order};
use crate::auction::{AuctionState, Reached, Sync};
use crate::state::{AuctionPhase, Millis};

/// What was said since a number, as read over REST. It is folded in order, before what waited.
///
/// The history is bounded: where what is needed is not kept any more, or the server counts anew, a snapshot has to be
/// taken. A page that nobody waits for any more is not taken either: a snapshot or the loss of the link came between.
pub fn page(state: &mut AuctionState, page: &EventPage, now: Millis) -> Vec<Effect> {
    let mut effects = Vec::new();
    let Sync::Behind(kept) = &mut state.sync else {
        return effects;
    };
    if !state.filling || state.phase == AuctionPhase::Deleted {
        return effects;
    }
    let before = match &state.reached {
        Some(reached) if page.epoch == reached.epoch && page.oldest <= reached.seq.saturating_add(1) => {
            reached.seq
        }
        _ => {
            effects.push(Effect::Note(
                "What was missed is not kept any more; reading the state anew.".to_owned(),
            ));
            state.filling = false;
            effects.push(Effect::Snapshot);
            return effects;
        }
    };
    let kept = std::mem::take(kept);
    state.sync = Sync::Fresh;
    for said in &page.events {
        let next = state
            .reached
            .as_ref()
            .map(|reached| reached.seq.saturating_add(1));
        if Some(said.seq) != next || state.sync != Sync::Fresh {
            continue;
        }
        state.reached = Some(Reached {
            epoch: page.epoch.clone(),
            seq: said.seq,
        });
        // An event that this client cannot read has its place all the same.
        let received = Received::from_value(&said.name, Some(said.payload.clone()));
        if let Some(event) = received.event() {
            apply(state, event, true, now, &mut effects);
        }
    }
    let reached = state.reached.as_ref().map_or(0, |reached| reached.seq);
    if let Sync::Behind(own) = &mut state.sync {
        // Its bids had a hole that its numbers do not show: a snapshot was asked for.
        own.extend(kept);
        state.filling = false;
        return effects;
    }
    go_on(state, kept, None, now, &mut effects);
    let now_at = state.reached.as_ref().map_or(0, |reached| reached.seq);
    let is_cut_off = page.events.last().is_some_and(|last| last.seq < page.latest);
    if state.sync == Sync::Fresh && is_cut_off && now_at < page.latest {
        // There is more than a page of it.
        super::behind(state, None, now);
        order::fill(state, &mut effects);
    }
    if (state.filling || state.patience.is_some()) && reached == before {
        // The page brought nothing, and something is missing still.
        effects.retain(|effect| !matches!(effect, Effect::Fill { .. } | Effect::Wait { .. }));
        state.filling = false;
        state.patience = None;
        effects.push(Effect::Snapshot);
    }
    effects
}
