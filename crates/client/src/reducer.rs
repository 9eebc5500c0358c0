//! Where truth is decided: events and snapshots in, state and wishes out.
//!
//! No I/O, no clock. Buffer → snapshot → drop what it covers → require the next number → otherwise snapshot again
//! (design, rule 1). Only `bid_update.seq` is a sequence to rely on (contract, section 4, 2).

use gavelscope_contract::Money;
use gavelscope_contract::auction::{AuctionSnapshot, AuctionStatus, ClubList, ClubStatus};
use gavelscope_contract::event::{BidUpdate, Event, LotStarted, SnapshotEvent, Sold, Timer};
use gavelscope_contract::league::ParticipantList;

use crate::auction::{AuctionState, Hammer, Lot, Snapshot, Sync};
use crate::input::Input;
use crate::state::{AuctionPhase, Millis};

/// More events than a snapshot can take to arrive; a full buffer is emptied and the snapshot taken anew.
const MOST_KEPT: usize = 2_000;

/// What the reducer wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Take a snapshot: the events have a hole.
    Snapshot,
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
        Input::Snapshot(answer) => return snapshot(state, answer, now),
        Input::Clubs(list) => clubs(state, list),
        Input::Participants { list, told } => return participants(state, list, told),
        Input::WithoutSnapshot => without_snapshot(state, now),
        Input::LinkLost => link_lost(state),
        Input::Resync if state.sync == Sync::Fresh => state.sync = Sync::Behind(Vec::new()),
        Input::Resync => {}
        Input::Gone => state.phase = AuctionPhase::Deleted,
    }
    Vec::new()
}

/// An event of this auction's room or of its league's.
pub fn event(state: &mut AuctionState, event: &Event, now: Millis) -> Vec<Effect> {
    let mut effects = Vec::new();
    state.confirmed_at = Some(now);
    match event {
        Event::AuctionSnapshot(snapshot) => from_socket(state, snapshot, now, &mut effects),
        // The clock needs no place in the order: it is kept going while a snapshot is on its way.
        Event::Tick(timer) => tick(state, timer, now, &mut effects),
        other => {
            if let Sync::Behind(kept) = &mut state.sync {
                if kept.len() >= MOST_KEPT {
                    kept.clear();
                    effects.push(Effect::Snapshot);
                }
                kept.push(other.clone());
            } else {
                apply(state, other, now, &mut effects);
            }
        }
    }
    effects
}

/// The REST snapshot that was asked for when the events had a hole.
pub fn snapshot(state: &mut AuctionState, answer: &AuctionSnapshot, now: Millis) -> Vec<Effect> {
    let auction = &answer.auction;
    let mut effects = Vec::new();
    state.league_id = Some(auction.league_id.clone());
    state.minimum = auction.minimum_budget.or(state.minimum);
    state.lot_seconds = auction.bid_timer.or(state.lot_seconds);
    let taken = Snapshot {
        status: &auction.status,
        lot: auction.current_lot,
        club_id: auction.current_club_id.as_ref(),
        club: answer.current_club.as_ref(),
        current_bid: auction.current_bid,
        current_bidder: auction.current_bidder.as_ref(),
        ends_at: auction
            .timer_ends_at
            .as_ref()
            .map(gavelscope_contract::Timestamp::millis),
        stopped_seconds: auction.paused_remaining_time,
        sequence: auction.bid_sequence,
        bids: &answer.bids,
        participants: &[],
        waiting_room: Some(&auction.users_in_waiting_room),
    };
    take(state, &taken, now, &mut effects);
    effects
}

/// The clubs, as read over REST.
pub fn clubs(state: &mut AuctionState, list: &ClubList) {
    state.clubs.clone_from(&list.clubs);
    state
        .clubs
        .sort_by_key(|club| club.lot_number.unwrap_or(u32::MAX));
    // The list is read apart from the state; what the hammer said is known better here.
    let hammers: Vec<Hammer> = state.hammers.values().cloned().collect();
    for hammer in &hammers {
        mark(state, hammer);
    }
}

/// The managers, as read over REST; `told` is how often they had been told when that was asked for.
pub fn participants(state: &mut AuctionState, list: &ParticipantList, told: u32) -> Vec<Effect> {
    if state.managers_told != told {
        // A hammer fell meanwhile: the answer may be from before it.
        return vec![Effect::Participants];
    }
    state.set_participants(&list.participants);
    Vec::new()
}

/// No snapshot could be had: what was kept is applied as it is, and the hole stays a hole.
pub fn without_snapshot(state: &mut AuctionState, now: Millis) {
    if let Sync::Behind(kept) = &mut state.sync {
        let kept = std::mem::take(kept);
        for event in &kept {
            if let Event::BidUpdate(update) = event {
                state.sequence = state.sequence.max(update.seq.saturating_sub(1));
            }
            apply(state, event, now, &mut Vec::new());
        }
        state.sync = Sync::Behind(Vec::new());
    }
}

/// The link is gone: nothing that follows connects to what was known.
pub fn link_lost(state: &mut AuctionState) {
    state.sync = Sync::Behind(Vec::new());
}

fn from_socket(state: &mut AuctionState, event: &SnapshotEvent, now: Millis, effects: &mut Vec<Effect>) {
    let stamp = event
        .timer_ends_at
        .as_ref()
        .map(gavelscope_contract::Timestamp::millis);
    let taken = Snapshot {
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
    };
    // It stands in the stream: what was kept before it, it covers.
    if let Sync::Behind(kept) = &mut state.sync {
        kept.clear();
    }
    take(state, &taken, now, effects);
}

/// Takes a snapshot over, unless what is known is newer, and goes on with the events that were kept.
fn take(state: &mut AuctionState, snapshot: &Snapshot<'_>, now: Millis, effects: &mut Vec<Effect>) {
    let older = (snapshot.lot, snapshot.sequence) < (state.lot_number(), state.sequence);
    // The auction may have been reset; then everything starts from the beginning.
    let restarted = *snapshot.status == AuctionStatus::Waiting && state.phase != AuctionPhase::Waiting;
    if older && !restarted {
        if matches!(state.sync, Sync::Behind(_)) {
            effects.push(Effect::Snapshot);
        }
        return;
    }
    if restarted {
        state.last_sale = None;
        state.hammers.clear();
        state.ending = None;
        if state.phase != AuctionPhase::Loading {
            effects.extend([Effect::Clubs, Effect::Participants]);
        }
    }
    state.confirmed_at = Some(now);
    state.set_participants(snapshot.participants);
    if let Some(room) = snapshot.waiting_room {
        state.waiting_room = room.to_vec();
    }
    for bid in snapshot.bids {
        state.learn(&bid.user_id, bid.user_name.as_deref());
    }
    if let Some(bidder) = snapshot.current_bidder {
        state.learn(&bidder.user_id, bidder.display_name.as_deref());
    }
    state.lot = lot_of(state.lot.as_ref(), snapshot);
    state.sequence = snapshot.sequence;
    let hammered = state.lot.as_ref().is_some_and(|lot| lot.hammered);
    state.phase = match snapshot.status {
        AuctionStatus::Waiting => AuctionPhase::Waiting,
        AuctionStatus::Active if hammered || state.lot.is_none() => AuctionPhase::Between,
        AuctionStatus::Active => AuctionPhase::Bidding,
        AuctionStatus::Paused => AuctionPhase::Paused,
        AuctionStatus::Completed => AuctionPhase::Completed,
        AuctionStatus::Unknown(_) => AuctionPhase::Loading,
    };
    if state.phase != AuctionPhase::Between {
        state.countdown = None;
    }
    let kept = match std::mem::replace(&mut state.sync, Sync::Fresh) {
        Sync::Fresh => Vec::new(),
        Sync::Behind(kept) => kept,
    };
    for event in kept {
        match &mut state.sync {
            // A hole among the kept ones: the rest waits for the next snapshot.
            Sync::Behind(rest) => rest.push(event),
            Sync::Fresh if covered(&event, snapshot) => {
                state.repeats += u32::from(matches!(event, Event::BidUpdate(_)));
            }
            Sync::Fresh => apply(state, &event, now, effects),
        }
    }
}

/// Whether a kept event is part of the snapshot already.
fn covered(event: &Event, snapshot: &Snapshot<'_>) -> bool {
    match event {
        Event::BidUpdate(update) => update.seq <= snapshot.sequence,
        Event::LotStarted(started) => started.lot_number <= snapshot.lot,
        Event::AntiSnipe(timer) => timer.lot_id.number().is_some_and(|number| number < snapshot.lot),
        _ => false,
    }
}

fn lot_of(known: Option<&Lot>, snapshot: &Snapshot<'_>) -> Option<Lot> {
    let Some(club_id) = snapshot.club_id else {
        // Nothing is on the block: what was there last stays to be seen, under the hammer no more.
        let last = known.filter(|known| known.number == snapshot.lot)?;
        return Some(Lot {
            hammered: true,
            ..last.clone()
        });
    };
    let mut lot = Lot::new(snapshot.lot, club_id.clone(), snapshot.club.cloned());
    if let Some(known) = known.filter(|known| known.number == snapshot.lot && known.club_id == *club_id) {
        lot.is_retry = known.is_retry;
        lot.extended_at = known.extended_at;
        lot.hammered = known.hammered || *snapshot.status == AuctionStatus::Completed;
        lot.club = lot.club.or_else(|| known.club.clone());
    }
    lot.ends_at = snapshot.ends_at;
    lot.stopped_ms = snapshot.stopped_seconds.and_then(millis);
    for bid in snapshot.bids {
        let at = bid.timestamp.as_ref().map(gavelscope_contract::Timestamp::millis);
        lot.add_bid(bid.amount, bid.user_id.clone(), bid.seq, at);
    }
    // The field's backend numbers no bids: where there are as many as the lot can have, the last is the newest.
    let unnamed = snapshot
        .current_bid
        .filter(|bid| *bid > Money::ZERO && lot.price.is_none_or(|price| *bid > price));
    if let (Some(bid), Some(bidder)) = (unnamed, snapshot.current_bidder) {
        lot.add_bid(bid, bidder.user_id.clone(), None, None);
    }
    Some(lot)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be within an hour or so"
)]
fn millis(seconds: f64) -> Option<u32> {
    (seconds.is_finite() && (0.0..=1.0e6).contains(&seconds)).then_some((seconds * 1_000.0) as u32)
}

fn apply(state: &mut AuctionState, event: &Event, now: Millis, effects: &mut Vec<Effect>) {
    match event {
        Event::BidUpdate(update) => bid(state, update, effects),
        Event::LotStarted(started) => lot_started(state, started, effects),
        Event::Tick(timer) => tick(state, timer, now, effects),
        Event::AntiSnipe(timer) => {
            tick(state, timer, now, effects);
            if let Some(lot) = state
                .lot
                .as_mut()
                .filter(|lot| timer.lot_id.number() == Some(lot.number))
            {
                lot.extended_at = Some(now);
            }
        }
        Event::Sold(sold) => hammer(state, sold, now),
        Event::NextTeamCountdown(countdown) => {
            if !matches!(state.phase, AuctionPhase::Completed | AuctionPhase::Deleted) {
                state.phase = AuctionPhase::Between;
                state.countdown = Some(countdown.seconds);
            }
        }
        Event::AuctionPaused(paused) => {
            state.phase = AuctionPhase::Paused;
            if let Some(lot) = &mut state.lot {
                lot.stopped_ms = paused.remaining_time.and_then(millis);
            }
        }
        Event::AuctionResumed(resumed) => {
            state.phase = AuctionPhase::Bidding;
            if let Some(lot) = &mut state.lot {
                lot.stopped_ms = None;
                lot.ends_at = resumed
                    .new_end_time
                    .as_ref()
                    .map(gavelscope_contract::Timestamp::millis)
                    .or(lot.ends_at);
            }
        }
        Event::AuctionComplete(complete) => {
            state.phase = AuctionPhase::Completed;
            state.countdown = None;
            state.set_participants(&complete.participants);
            state.ending = complete.reason.clone().or_else(|| complete.message.clone());
            if let Some(lot) = &mut state.lot {
                lot.hammered = true;
            }
            effects.push(Effect::Clubs);
        }
        Event::AuctionDeleted(_) => state.phase = AuctionPhase::Deleted,
        Event::WaitingRoomUpdated(update) => state.waiting_room.clone_from(&update.users_in_waiting_room),
        Event::ParticipantsChanged(_) => effects.push(Effect::Participants),
        Event::ParticipantJoined(joined) => {
            let participant = &joined.participant;
            state.learn(&participant.user_id, participant.user_name.as_deref());
            if !state
                .participants
                .iter()
                .any(|known| known.user_id == participant.user_id)
            {
                state.participants.push(participant.clone());
            }
        }
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
        | Event::Probe(_) => {}
    }
}

fn bid(state: &mut AuctionState, update: &BidUpdate, effects: &mut Vec<Effect>) {
    if update.seq <= state.sequence {
        state.repeats += 1;
        return;
    }
    let missing = update.seq - state.sequence - 1;
    let lot_unknown = update
        .lot_id
        .number()
        .is_some_and(|number| number > state.lot_number());
    if missing > 0 || lot_unknown {
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        state.gaps = state.gaps.saturating_add(missing);
        behind(state, Event::BidUpdate(update.clone()), effects);
        if missing > 0 {
            let bids = if missing == 1 {
                "bid was".to_owned()
            } else {
                format!("{missing} bids were")
            };
            effects.push(Effect::Note(format!(
                "{bids} missed before no. {}; reading the state anew.",
                update.seq
            )));
        }
        return;
    }
    state.sequence = update.seq;
    state.learn(&update.bidder.user_id, update.bidder.display_name.as_deref());
    // A bid of a lot that is over keeps the count and changes nothing else.
    if let Some(lot) = state
        .lot
        .as_mut()
        .filter(|lot| update.lot_id.number().is_none_or(|n| n == lot.number))
    {
        lot.add_bid(
            update.amount,
            update.bidder.user_id.clone(),
            Some(update.seq),
            Some(update.server_time.millis()),
        );
    }
}

fn behind(state: &mut AuctionState, event: Event, effects: &mut Vec<Effect>) {
    match &mut state.sync {
        Sync::Behind(kept) => kept.push(event),
        Sync::Fresh => {
            state.sync = Sync::Behind(vec![event]);
            effects.push(Effect::Snapshot);
        }
    }
}

fn lot_started(state: &mut AuctionState, started: &LotStarted, effects: &mut Vec<Effect>) {
    if started.lot_number < state.lot_number() || matches!(state.phase, AuctionPhase::Completed) {
        state.repeats += 1;
        return;
    }
    let same = state
        .lot
        .as_ref()
        .is_some_and(|lot| lot.number == started.lot_number && !lot.hammered);
    if !same {
        let missed_hammer = state.lot.as_ref().is_some_and(|lot| !lot.hammered);
        let missed_lots = started.lot_number > state.lot_number() + 1 && state.lot_number() > 0;
        if missed_hammer || missed_lots {
            effects.push(Effect::Note(
                "The end of a lot was missed; reading the state anew.".to_owned(),
            ));
            effects.extend([Effect::Snapshot, Effect::Clubs, Effect::Participants]);
        }
        state.lot = Some(Lot::new(
            started.lot_number,
            started.club.id.clone(),
            Some(started.club.clone()),
        ));
    }
    if let Some(lot) = &mut state.lot {
        lot.ends_at = Some(started.timer.ends_at);
        lot.is_retry = started.is_unsold_retry.unwrap_or(false);
    }
    state.phase = AuctionPhase::Bidding;
    state.countdown = None;
    for club in &mut state.clubs {
        if club.id == started.club.id {
            club.status = ClubStatus::Current;
            club.lot_number = Some(started.lot_number);
        }
    }
}

fn tick(state: &mut AuctionState, timer: &Timer, _now: Millis, effects: &mut Vec<Effect>) {
    let Some(number) = timer.lot_id.number() else {
        return;
    };
    if number > state.lot_number() && state.sync == Sync::Fresh {
        // A lot began and nobody said so.
        state.sync = Sync::Behind(Vec::new());
        effects.push(Effect::Note(format!(
            "The start of lot {number} was missed; reading the state anew."
        )));
        effects.extend([Effect::Snapshot, Effect::Clubs]);
        return;
    }
    if let Some(lot) = state
        .lot
        .as_mut()
        .filter(|lot| lot.number == number && !lot.hammered)
    {
        lot.ends_at = Some(timer.ends_at);
        if state.phase == AuctionPhase::Paused && state.sync == Sync::Fresh {
            // Ticks come from a clock that runs: the resume was missed.
            state.phase = AuctionPhase::Bidding;
            lot.stopped_ms = None;
        }
    }
}

fn hammer(state: &mut AuctionState, sold: &Sold, now: Millis) {
    let winner = sold.winning_bid.as_ref().filter(|_| !sold.unsold);
    if let Some(bid) = winner {
        state.learn(&bid.user_id, bid.user_name.as_deref());
    }
    let hammer = Hammer {
        club_id: sold.club_id.clone(),
        club_name: sold.club_name.clone(),
        winner: winner.map(|bid| (bid.user_id.clone(), bid.amount)),
        at: now,
    };
    state.set_participants(&sold.participants);
    if let Some(lot) = state.lot.as_mut().filter(|lot| lot.club_id == sold.club_id) {
        lot.hammered = true;
        lot.stopped_ms = None;
        // Should the hammer name a bid that never came by, it is the price all the same.
        if let Some(bid) = winner
            && lot.price.is_none_or(|price| bid.amount > price)
        {
            let at = bid.timestamp.as_ref().map(gavelscope_contract::Timestamp::millis);
            lot.add_bid(bid.amount, bid.user_id.clone(), bid.seq, at);
        }
        if state.phase == AuctionPhase::Bidding {
            state.phase = AuctionPhase::Between;
        }
    }
    mark(state, &hammer);
    if state.hammers.len() < MOST_KEPT || state.hammers.contains_key(&hammer.club_id) {
        state.hammers.insert(hammer.club_id.clone(), hammer.clone());
    }
    state.last_sale = Some(hammer);
}

/// Writes a hammer into the list of clubs.
fn mark(state: &mut AuctionState, hammer: &Hammer) {
    let offered_again = state
        .lot
        .as_ref()
        .is_some_and(|lot| lot.club_id == hammer.club_id && !lot.hammered);
    let Some(club) = state.clubs.iter_mut().find(|club| club.id == hammer.club_id) else {
        return;
    };
    if let Some((user, amount)) = &hammer.winner {
        club.status = ClubStatus::Sold;
        club.winner = state.names.get(user).cloned();
        club.winner_id = Some(user.clone());
        club.winning_bid = Some(*amount);
    } else if !offered_again && club.status != ClubStatus::Upcoming {
        club.status = ClubStatus::Unsold;
        club.winner = None;
        club.winner_id = None;
        club.winning_bid = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(state: &mut AuctionState, name: &str, payload: &str) {
        let received = gavelscope_contract::Received::from_text(name, Some(payload));
        drop(event(state, received.event().unwrap(), Millis(1)));
    }

    fn listed(status: &str, winner: &str) -> ClubList {
        serde_json::from_str(&format!(
            r#"{{"clubs":[{{"id":"c","name":"C","status":"{status}","lotNumber":1,"winner":{winner},"winningBid":9}}],
                "summary":{{"totalClubs":1,"soldClubs":1,"unsoldClubs":0,"remainingClubs":0}}}}"#
        ))
        .unwrap()
    }

    fn after(sold: &str) -> AuctionState {
        let mut state = AuctionState::new("a".into());
        state.sync = Sync::Fresh;
        let started = r#"{"club":{"id":"c","name":"C"},"lotNumber":1,
            "timer":{"lotId":"a-lot-1","seq":1,"endsAt":2,"serverNow":1}}"#;
        heard(&mut state, "lot_started", started);
        heard(&mut state, "sold", sold);
        // The next sale must not make the one before forgotten.
        heard(
            &mut state,
            "sold",
            r#"{"clubId":"d","winningBid":{"userId":"v","amount":1}}"#,
        );
        state
    }

    #[test]
    fn a_list_that_names_a_late_bid_does_not_overrule_the_hammer() {
        let mut state =
            after(r#"{"clubId":"c","winningBid":{"userId":"u","userName":"U","amount":8},"unsold":false}"#);
        clubs(&mut state, &listed("sold", "\"Late\""));
        let club = &state.clubs[0];
        assert_eq!(
            (club.status, club.winner.as_deref(), club.winning_bid),
            (ClubStatus::Sold, Some("U"), Some(Money::from_pounds(8)))
        );
    }

    #[test]
    fn a_list_that_sells_what_the_hammer_did_not_sell_is_not_believed() {
        let mut state = after(r#"{"clubId":"c","winningBid":null,"unsold":true}"#);
        clubs(&mut state, &listed("sold", "\"Late\""));
        let club = &state.clubs[0];
        assert_eq!(
            (club.status, club.winner.as_deref(), club.winning_bid),
            (ClubStatus::Unsold, None, None)
        );
    }

    #[test]
    fn managers_that_were_asked_for_before_a_hammer_are_asked_for_again() {
        let read = |budget: u32| -> ParticipantList {
            let text =
                format!(r#"{{"count":1,"participants":[{{"userId":"u","budgetRemaining":{budget}}}]}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let mut state = after(r#"{"clubId":"c","winningBid":null,"unsold":true}"#);
        let told = state.managers_told;
        heard(
            &mut state,
            "sold",
            r#"{"clubId":"e","winningBid":{"userId":"u","amount":8},"participants":[{"userId":"u","budgetRemaining":12}]}"#,
        );
        assert_eq!(participants(&mut state, &read(20), told), [Effect::Participants]);
        assert_eq!(state.participants[0].budget_remaining, Money::from_pounds(12));
        let told = state.managers_told;
        assert_eq!(participants(&mut state, &read(11), told), []);
        assert_eq!(state.participants[0].budget_remaining, Money::from_pounds(11));
    }
}
