//! Snapshots, over REST and over the socket: merged by what they cover.

use std::collections::{HashMap, VecDeque};

use gavelscope_contract::auction::{AuctionSnapshot, AuctionStatus};
use gavelscope_contract::event::SnapshotEvent;
use gavelscope_contract::{Money, Timestamp};

use super::order::{self, Standing};
use super::{Effect, behind, clock, go_on, lots, people};
use crate::auction::{AuctionState, Lot, Reached, Snapshot, Sync};
use crate::state::{AuctionPhase, Millis};

/// A snapshot that was asked for over REST, at `sent` by our clock.
pub fn snapshot(
    state: &mut AuctionState,
    answer: &AuctionSnapshot,
    sent: Millis,
    now: Millis,
) -> Vec<Effect> {
    let auction = &answer.auction;
    let mut effects = Vec::new();
    state.league_id = Some(auction.league_id.clone());
    state.minimum = auction.minimum_budget.or(state.minimum);
    state.lot_seconds = auction.bid_timer.or(state.lot_seconds);
    let read = Snapshot {
        status: &auction.status,
        lot: auction.current_lot,
        club_id: auction.current_club_id.as_ref(),
        club: answer.current_club.as_ref(),
        current_bid: auction.current_bid,
        current_bidder: auction.current_bidder.as_ref(),
        ends_at: auction.timer_ends_at.as_ref().map(Timestamp::millis),
        stopped_seconds: auction.paused_remaining_time,
        sequence: auction.bid_sequence,
        bids: &answer.bids,
        participants: &[],
        waiting_room: Some(&auction.users_in_waiting_room),
        position: answer.stream.as_ref(),
        sent: Some(sent),
    };
    take(state, &read, now, &mut effects);
    effects
}

/// The snapshot that the server sends to who joins.
pub(super) fn from_socket(
    state: &mut AuctionState,
    event: &SnapshotEvent,
    now: Millis,
    effects: &mut Vec<Effect>,
) {
    let stamp = event.timer_ends_at.as_ref().map(Timestamp::millis);
    let read = Snapshot {
        status: &event.status,
        lot: event.current_lot,
        club_id: event.current_club_id.as_ref(),
        club: event.current_club.as_ref(),
        current_bid: event.current_bid,
        current_bidder: event.current_bidder.as_ref(),
        ends_at: event.timer.as_ref().map(|timer| timer.ends_at).or(stamp),
        stopped_seconds: None,
        sequence: event.seq,
        bids: &event.current_bids,
        participants: &event.participants,
        waiting_room: None,
        position: event.stream.as_ref(),
        sent: None,
    };
    take(state, &read, now, effects);
}

/// Takes a snapshot over, unless what is known is newer, and goes on with the events that waited.
fn take(state: &mut AuctionState, snapshot: &Snapshot<'_>, now: Millis, effects: &mut Vec<Effect>) {
    match order::standing(state, snapshot) {
        Standing::AtLeast => {}
        Standing::Older => {
            let waiting = matches!(state.sync, Sync::Behind(_)) && !state.filling && state.patience.is_none();
            if waiting || state.paused_at.is_some() {
                effects.push(Effect::Snapshot);
            }
            return;
        }
        Standing::Unclear => {
            behind(state, None, now);
            effects.push(Effect::Snapshot);
            return;
        }
        Standing::Contradicts => {
            let confirmed = state
                .contradicted_at
                .zip(snapshot.sent)
                .is_some_and(|(first, sent)| sent >= first && first > state.changed_at);
            if !confirmed {
                state.contradicted_at = Some(now);
                effects.push(Effect::Note(
                    "The server's answer is older than what it said before; reading it once more.".to_owned(),
                ));
                behind(state, None, now);
                effects.push(Effect::Snapshot);
                return;
            }
            effects.push(Effect::Note(
                "The server went back: the auction was reset, or restored from before.".to_owned(),
            ));
            start_anew(state);
        }
    }
    state.contradicted_at = None;
    state.paused_at = state
        .paused_at
        .filter(|at| snapshot.sent.is_none_or(|sent| sent <= *at));
    state.confirmed_at = Some(now);
    let before = Before::of(state);
    let changes = before.phase == AuctionPhase::Loading
        || snapshot.lot != state.latest_lot
        || snapshot.sequence != state.sequence
        || order::reached(snapshot) != state.reached;
    if let Some(room) = snapshot.waiting_room {
        state.waiting_room = room.to_vec();
    }
    for bid in snapshot.bids {
        state.learn(&bid.user_id, bid.user_name.as_deref());
    }
    if let Some(bidder) = snapshot.current_bidder {
        state.learn(&bidder.user_id, bidder.display_name.as_deref());
    }
    if snapshot.lot != state.latest_lot {
        state.clubs_told = state.clubs_told.wrapping_add(1);
    }
    state.lot = lot_of(state, snapshot);
    state.latest_lot = snapshot.lot;
    state.sequence = snapshot.sequence;
    state.reached = order::reached(snapshot);
    people::told(state, snapshot.participants, effects);
    lots::mark(state);
    state.phase = phase_of(state, snapshot);
    if changes || state.phase != before.phase {
        state.changed_at = now;
    }
    if state.phase != AuctionPhase::Between {
        state.countdown = None;
    }
    let left_is_unknown = state
        .lot
        .as_ref()
        .is_some_and(|lot| !lot.hammered && lot.stopped_ms.is_none());
    if state.phase == AuctionPhase::Paused && left_is_unknown && snapshot.sent.is_none() {
        effects.push(Effect::Snapshot);
    }
    let kept = match std::mem::replace(&mut state.sync, Sync::Fresh) {
        Sync::Fresh => Vec::new(),
        Sync::Behind(kept) => kept,
    };
    go_on(state, kept, snapshot.sent, now, effects);
    before.what_was_missed(state, effects);
}

/// The server went back to an earlier state: of what was known, only names are still true.
fn start_anew(state: &mut AuctionState) {
    let fresh = AuctionState::new(state.id.clone());
    *state = AuctionState {
        league_id: state.league_id.take(),
        minimum: state.minimum,
        lot_seconds: state.lot_seconds,
        names: std::mem::take(&mut state.names),
        sync: std::mem::replace(&mut state.sync, Sync::Fresh),
        clubs: std::mem::take(&mut state.clubs),
        managers_told: state.managers_told.wrapping_add(1),
        clubs_told: state.clubs_told.wrapping_add(1),
        gaps: state.gaps,
        repeats: state.repeats,
        ..fresh
    };
}

/// What was known before a snapshot.
struct Before {
    phase: AuctionPhase,
    latest_lot: u32,
    open: Option<u32>,
    reached: Option<Reached>,
}

impl Before {
    fn of(state: &AuctionState) -> Self {
        Self {
            phase: state.phase,
            latest_lot: state.latest_lot,
            open: state
                .lot
                .as_ref()
                .filter(|lot| !lot.hammered)
                .map(|lot| lot.number),
            reached: state.reached.clone(),
        }
    }

    /// A snapshot says where the auction is, not what happened on the way: hammers that were not heard are looked up in
    /// the clubs and the managers.
    fn what_was_missed(&self, state: &AuctionState, effects: &mut Vec<Effect>) {
        let heard = |number: u32| state.hammers.values().any(|hammer| hammer.lot == Some(number));
        let open_now = state
            .lot
            .as_ref()
            .filter(|lot| !lot.hammered)
            .map(|lot| lot.number);
        let left_open = self
            .open
            .is_some_and(|number| open_now != Some(number) && !heard(number));
        let left_out = state.latest_lot > self.latest_lot.saturating_add(1)
            || (state.latest_lot > self.latest_lot && open_now.is_none() && !heard(state.latest_lot));
        let ended = state.phase == AuctionPhase::Completed && self.phase != AuctionPhase::Completed;
        if self.phase == AuctionPhase::Loading || state.participants.is_empty() {
            effects.push(Effect::Participants);
            if !state.clubs.is_empty() {
                effects.push(Effect::Clubs);
            }
        } else if left_open || left_out || ended {
            if left_open || left_out {
                effects.push(Effect::Note(
                    "The end of a lot was missed; the state was read anew.".to_owned(),
                ));
            }
            effects.extend([Effect::Clubs, Effect::Participants]);
        } else if self.phase == AuctionPhase::Waiting
            && (state.phase != AuctionPhase::Waiting || state.reached != self.reached)
        {
            // Somebody may have joined meanwhile.
            effects.push(Effect::Participants);
        }
    }
}

fn phase_of(state: &AuctionState, snapshot: &Snapshot<'_>) -> AuctionPhase {
    let open = state.lot.as_ref().is_some_and(|lot| !lot.hammered);
    match snapshot.status {
        AuctionStatus::Waiting => AuctionPhase::Waiting,
        AuctionStatus::Active if open => AuctionPhase::Bidding,
        AuctionStatus::Active => AuctionPhase::Between,
        AuctionStatus::Paused => AuctionPhase::Paused,
        AuctionStatus::Completed => AuctionPhase::Completed,
        AuctionStatus::Unknown(_) => AuctionPhase::Loading,
    }
}

fn lot_of(state: &AuctionState, snapshot: &Snapshot<'_>) -> Option<Lot> {
    let known = state.lot.as_ref().filter(|lot| lot.number == snapshot.lot);
    let Some(club_id) = snapshot.club_id else {
        // Nothing is on the block: what was there last stays to be seen, under the hammer no more, unless bids on it
        // were missed, which nobody tells any more.
        let whole =
            |known: &&Lot| known.settled || (snapshot.sequence == state.sequence && !known.incomplete);
        return known.filter(whole).map(|known| Lot {
            hammered: true,
            stopped_ms: None,
            ..known.clone()
        });
    };
    let known = known.filter(|known| known.club_id == *club_id);
    let paused = *snapshot.status == AuctionStatus::Paused;
    let mut lot = Lot::new(snapshot.lot, club_id.clone(), snapshot.club.cloned());
    lot.ends_at = snapshot.ends_at;
    lot.stopped_ms = snapshot
        .stopped_seconds
        .filter(|_| paused)
        .and_then(clock::millis);
    lot.hammered = *snapshot.status == AuctionStatus::Completed;
    if let Some(known) = known {
        lot.is_retry = known.is_retry;
        lot.extended_at = known.extended_at;
        lot.ran_at = known.ran_at;
        lot.hammered |= known.hammered;
        lot.club = lot.club.or_else(|| known.club.clone());
        // Our own backend has no end while the clock stands; the socket's snapshot does not say how much is left.
        lot.ends_at = lot.ends_at.or(known.ends_at.filter(|_| paused));
        let same_pause = match snapshot.position {
            Some(_) => order::reached(snapshot) == state.reached,
            None => order::same_end(known.ends_at, snapshot.ends_at),
        };
        lot.stopped_ms = lot
            .stopped_ms
            .or(known.stopped_ms.filter(|_| paused && same_pause));
    }
    if lot.hammered {
        lot.stopped_ms = None;
    }
    read_bids(&mut lot, known, snapshot);
    if let Some(known) = known.filter(|known| known.settled) {
        lot.settle(known.leader.clone().zip(known.price));
    }
    Some(lot)
}

/// The bids as the snapshot has them. The field's backend does not number them; those that were heard keep their number.
fn read_bids(lot: &mut Lot, known: Option<&Lot>, snapshot: &Snapshot<'_>) {
    let mut numbers: HashMap<(&str, Money), VecDeque<u64>> = HashMap::new();
    for bid in known.iter().flat_map(|known| &known.bids) {
        if let Some(seq) = bid.seq {
            numbers
                .entry((bid.user.as_str(), bid.amount))
                .or_default()
                .push_back(seq);
        }
    }
    for bid in snapshot.bids {
        let heard = numbers
            .get_mut(&(bid.user_id.as_str(), bid.amount))
            .and_then(VecDeque::pop_front);
        let seq = bid.seq.or(heard);
        let at = bid.timestamp.as_ref().map(Timestamp::millis);
        lot.read_bid(bid.amount, bid.user_id.clone(), seq, at);
    }
    let unlisted = snapshot
        .current_bid
        .filter(|bid| *bid > Money::ZERO && lot.price.is_none_or(|price| *bid > price));
    if let (Some(bid), Some(bidder)) = (unlisted, snapshot.current_bidder) {
        lot.read_bid(bid, bidder.user_id.clone(), None, None);
    }
}
