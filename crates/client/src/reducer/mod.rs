//! Where truth is decided: events, snapshots and pages of the stream in, state and wishes out.
//!
//! No I/O, no clock. Buffer → snapshot → drop what it covers → require the next number → otherwise snapshot again
//! (design, rule 1). What a message is worth is decided by where it stands, never by when it arrives:
//!
//! - our own backend numbers everything it says to a room ([`gavelscope_contract::Position`]; see [`order`]);
//! - the field's numbers its bids, and its lots ([`bids`], [`lots`]);
//! - its clock has no number, but within a lot it only ever moves on ([`clock`]);
//! - money and clubs are only ever spent and bought ([`people`]).

mod bids;
mod clock;
mod lots;
mod order;
mod page;
mod patience;
mod people;
mod snapshot;
#[cfg(test)]
mod tests;

use gavelscope_contract::event::Event;

use crate::auction::{AuctionState, Kept, Sync};
use crate::input::Input;
use crate::state::{AuctionPhase, Millis};

pub use lots::clubs;
pub use page::page;
pub use patience::waited;
pub use people::participants;
pub use snapshot::snapshot;

use order::Turn;

/// More events than a snapshot can take to arrive; a full buffer is emptied and the snapshot taken anew.
const MOST_KEPT: usize = 2_000;
/// A message that so many later snapshots do not know of is not believed.
const MOST_DENIALS: u8 = 2;

/// What is said of another epoch.
const BEGAN_ANEW: &str = "The server began to count anew; reading the state.";

/// What the reducer wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Take a snapshot: the events have a hole.
    Snapshot,
    /// Read the stream on from a number, and hand the answer to [`page`]; where that is impossible, take a snapshot.
    Fill {
        /// Whose number.
        epoch: String,
        /// The last number that is known.
        after: u64,
    },
    /// Wait a moment for what may only have been overtaken, then say [`Input::Waited`].
    Wait {
        /// Since when: it is known by that.
        since: Millis,
    },
    /// Read the clubs anew.
    Clubs,
    /// Read the managers anew.
    Participants,
    /// Tell the user.
    Note(String),
}

/// The one way in: whatever an auction is fed goes through here, so that a recording of the inputs is the whole story.
pub fn fold(state: &mut AuctionState, input: &Input<'_>, now: Millis) -> Vec<Effect> {
    match *input {
        Input::Event(heard) => return event(state, heard, now),
        Input::Snapshot { answer, sent } => return snapshot(state, answer, sent, now),
        Input::Page(said) => return page(state, said, now),
        Input::Clubs { list, told } => return clubs(state, list, told),
        Input::Participants { list, told } => return participants(state, list, told),
        Input::Waited { since } => return waited(state, since),
        Input::WithoutSnapshot => return without_snapshot(state, now),
        Input::LinkLost => link_lost(state),
        Input::Resync => resync(state),
        Input::Gone => gone(state, now),
    }
    Vec::new()
}

/// An event of this auction's room or of its league's.
pub fn event(state: &mut AuctionState, event: &Event, now: Millis) -> Vec<Effect> {
    let mut effects = Vec::new();
    if state.phase == AuctionPhase::Deleted {
        return effects;
    }
    match (event, &mut state.sync) {
        (Event::AuctionSnapshot(event), _) => snapshot::from_socket(state, event, now, &mut effects),
        // The clock needs no place in the order: it is kept going while something is missing.
        (Event::Tick(timer), Sync::Behind(_)) => {
            if !matches!(order::turn(state, event), Turn::Stale | Turn::OtherEpoch) {
                clock::tick(state, timer, now, &mut effects);
            }
            patience::heard_of(state, event);
        }
        (event, Sync::Behind(kept)) => {
            if kept.len() >= MOST_KEPT {
                effects.push(Effect::Note(format!(
                    "{} messages waited for a snapshot that did not come; they are dropped, and the state is read anew.",
                    kept.len()
                )));
                effects.push(Effect::Snapshot);
                kept.clear();
                state.patience = None;
            }
            kept.push(Kept {
                at: now,
                event: event.clone(),
                unknown_to: 0,
            });
            patience::mend(state, event, now, &mut effects);
        }
        (event, Sync::Fresh) => in_turn(state, event, now, now, &mut effects),
    }
    effects
}

/// The link is gone: nothing that follows connects to what was known.
pub fn link_lost(state: &mut AuctionState) {
    state.sync = Sync::Behind(Vec::new());
    state.filling = false;
    state.patience = None;
}

/// Messages were dropped on this side: what follows does not connect. What is kept already still waits.
pub fn resync(state: &mut AuctionState) {
    state.filling = false;
    state.patience = None;
    if state.sync == Sync::Fresh {
        state.sync = Sync::Behind(Vec::new());
    }
}

/// The server does not know the auction any more.
pub fn gone(state: &mut AuctionState, now: Millis) {
    state.phase = AuctionPhase::Deleted;
    state.changed_at = now;
}

/// No snapshot could be had: what was kept is applied as it is, and the hole stays a hole. Whoever asked goes on asking.
pub fn without_snapshot(state: &mut AuctionState, now: Millis) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Sync::Behind(kept) = &mut state.sync {
        let kept = std::mem::take(kept);
        // What is applied out of turn has no place in the stream any more; the next snapshot gives it one.
        state.reached = None;
        state.filling = false;
        for Kept { event, .. } in &kept {
            if let Event::BidUpdate(update) = event
                && update.seq.saturating_sub(1) > state.sequence
            {
                state.sequence = update.seq - 1;
                state.changed_at = now;
                if let Some(lot) = &mut state.lot {
                    lot.incomplete = true;
                }
            }
            state.sync = Sync::Fresh;
            apply(state, event, false, now, &mut effects);
        }
        state.sync = Sync::Behind(Vec::new());
        state.patience = None;
        effects.retain(|effect| {
            !matches!(
                effect,
                Effect::Snapshot | Effect::Fill { .. } | Effect::Wait { .. }
            )
        });
    }
    effects
}

/// An event whose turn it is, or not: heard at `at`.
fn in_turn(state: &mut AuctionState, event: &Event, at: Millis, now: Millis, effects: &mut Vec<Effect>) {
    match order::turn(state, event) {
        Turn::Unnumbered => apply(state, event, false, now, effects),
        Turn::Next => {
            order::advance(state, event);
            apply(state, event, true, now, effects);
        }
        Turn::Known => {
            state.repeats = state.repeats.saturating_add(1);
            // A snapshot can overtake what it covers, and does not say who bought what, nor whether a lot was offered
            // before: that is taken late, too.
            let says_more = match event {
                Event::Sold(_) | Event::AuctionComplete(_) => true,
                Event::LotStarted(_) => state.phase != AuctionPhase::Completed,
                _ => false,
            };
            if says_more {
                apply(state, event, true, now, effects);
            }
        }
        Turn::Stale => {}
        Turn::Hole { up_to } => {
            if let Event::Tick(timer) = event {
                behind(state, None, at);
                clock::tick(state, timer, now, effects);
            } else {
                behind(state, Some(event), at);
            }
            patience::wait(state, up_to, now, effects);
        }
        // The clock went over to another pod, or the database is another one: nothing that waiting would bring connects
        // the two.
        Turn::OtherEpoch => {
            effects.push(Effect::Note(BEGAN_ANEW.to_owned()));
            behind(state, Some(event), at);
            effects.push(Effect::Snapshot);
        }
    }
}

/// From here on events wait, this one first.
fn behind(state: &mut AuctionState, event: Option<&Event>, at: Millis) {
    let waits = event.map(|event| Kept {
        at,
        event: event.clone(),
        unknown_to: 0,
    });
    match &mut state.sync {
        Sync::Behind(kept) => kept.extend(waits),
        Sync::Fresh => state.sync = Sync::Behind(waits.into_iter().collect()),
    }
}

/// Goes on with the events that waited. `covered_until` is when the snapshot was asked for that came: what was heard
/// before and has no number is part of it.
fn go_on(
    state: &mut AuctionState,
    mut kept: Vec<Kept>,
    covered_until: Option<Millis>,
    now: Millis,
    effects: &mut Vec<Effect>,
) {
    state.sync = Sync::Fresh;
    state.filling = false;
    state.patience = None;
    order::sort(&mut kept);
    for mut waiting in kept {
        let older = covered_until.is_some_and(|sent| waiting.at < sent);
        let turn = order::turn(state, &waiting.event);
        if older && (order::is_covered_by_time(&waiting.event) || turn == Turn::OtherEpoch) {
            continue;
        }
        let ahead = matches!(turn, Turn::Hole { .. })
            || matches!(&waiting.event, Event::BidUpdate(update) if bids::is_ahead(state, update));
        if older && ahead {
            waiting.unknown_to += 1;
            if waiting.unknown_to > MOST_DENIALS {
                effects.push(Effect::Note(
                    "A message is ahead of everything that the server knows; it is not believed.".to_owned(),
                ));
                continue;
            }
        }
        // A hole among the kept ones: the rest waits for what comes next.
        if let Sync::Behind(rest) = &mut state.sync {
            rest.push(waiting);
            continue;
        }
        in_turn(state, &waiting.event, waiting.at, now, effects);
        if let Sync::Behind(rest) = &mut state.sync
            && let Some(again) = rest.last_mut()
        {
            again.unknown_to = waiting.unknown_to;
        }
    }
}

/// Folds an event in whose turn it is. `ordered` says that the stream's number put it here: then it is right as it is.
fn apply(state: &mut AuctionState, event: &Event, ordered: bool, now: Millis, effects: &mut Vec<Effect>) {
    state.confirmed_at = Some(now);
    match event {
        Event::BidUpdate(update) => bids::bid(state, update, now, effects),
        Event::LotStarted(started) => lots::started(state, started, now, effects),
        Event::Tick(timer) => clock::tick(state, timer, now, effects),
        Event::AntiSnipe(timer) => clock::anti_snipe(state, timer, now, effects),
        Event::Sold(sold) => lots::hammer(state, sold, now, effects),
        Event::NextTeamCountdown(countdown) => lots::countdown(state, countdown.seconds, ordered, effects),
        Event::AuctionPaused(paused) => clock::paused(state, paused, ordered, now, effects),
        Event::AuctionResumed(resumed) => clock::resumed(state, resumed, ordered, now, effects),
        Event::AuctionComplete(complete) => lots::complete(state, complete, now, effects),
        Event::AuctionDeleted(_) => gone(state, now),
        Event::WaitingRoomUpdated(update) => state.waiting_room.clone_from(&update.users_in_waiting_room),
        Event::ParticipantsChanged(_) => effects.push(Effect::Participants),
        Event::ParticipantJoined(joined) => people::joined(state, &joined.participant),
        Event::MemberJoined(member) => state.learn(&member.user_id, member.display_name.as_deref()),
        Event::SyncMembers(sync) => {
            for member in &sync.members {
                state.learn(&member.user_id, member.display_name.as_deref());
            }
        }
        Event::LeagueStatusChanged(_) if state.phase == AuctionPhase::Waiting => {
            effects.push(Effect::Snapshot);
        }
        // `bid_placed` is the bid of `bid_update` once more, without its number.
        Event::BidPlaced(_)
        | Event::LeagueStatusChanged(_)
        | Event::Connected(_)
        | Event::AuctionSnapshot(_)
        | Event::RoomJoined(_)
        | Event::Probe(_)
        // These are about the pod and its link, not about the auction.
        | Event::ClusterDegraded(_)
        | Event::ClusterRestored(_)
        | Event::PodDraining(_) => {}
    }
}
